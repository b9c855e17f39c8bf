/* SPDX-License-Identifier: Apache-2.0
 *
 * The frozen hash, version 1: its constants and scalar forms. Changing anything here changes
 * partitions and spilled data: raise CNI_HASH_VERSION (golden values:
 * test/unit/data/row/hash_test.c).
 *
 *   mix(x)         x ^= x >> 30; x *= A; x ^= x >> 27; x *= B; x ^= x >> 31
 *   integer        mix(low 64 bits + G); values beyond 64 bits: combine(that, mix(high 64 bits +
 * H)) float          the integer hash of the double's bits (-0 as +0, one NaN) bytes <= 12 fold(w0
 * ^ S0, (w1 | length << 32) ^ S1), w0 and w1 the bytes zero padded to 8 + 4 bytes  > 12    16 bytes
 * at a time into a seed by fold, then the last 16 bytes and the length fold(a, b)     a ^ b ^ low ^
 * high of the 128-bit product, mixed at the end combine(p, n)  rotate(p, 31) * K + n, xor its upper
 * half All loads are little-endian.
 */
#ifndef CNI_DATA_HASH_INT_H
#define CNI_DATA_HASH_INT_H

#include <string.h>

#include "base/int128.h"
#include "base/macros.h"
#include "data/column/view.h"
#include "data/row/hash.h"

#define CNI_HASH_A    UINT64_C(0xBF58476D1CE4E5B9)
#define CNI_HASH_B    UINT64_C(0x94D049BB133111EB)
#define CNI_HASH_G    UINT64_C(0x9E3779B97F4A7C15)
#define CNI_HASH_H    UINT64_C(0xC2B2AE3D27D4EB4F)
#define CNI_HASH_K    UINT64_C(0xD6E8FEB86659FD93)
#define CNI_HASH_S0   UINT64_C(0xA0761D6478BD642F)
#define CNI_HASH_S1   UINT64_C(0xE7037ED1A0B428DB)
#define CNI_HASH_S2   UINT64_C(0x8EBC6AF09C88C6E3)
#define CNI_HASH_NULL UINT64_C(0x5851F42D4C957F2D)

static inline CN_ALWAYS_INLINE uint64_t
cni_hash_mix(uint64_t word)
{
    word = (word ^ (word >> 30)) * CNI_HASH_A;
    word = (word ^ (word >> 27)) * CNI_HASH_B;
    return word ^ (word >> 31);
}

static inline CN_ALWAYS_INLINE uint64_t
cni_hash_of_combined(uint64_t previous, uint64_t next)
{
    const uint64_t sum = (previous << 31 | previous >> 33) * CNI_HASH_K + next;
    return sum ^ (sum >> 32);
}

static inline CN_ALWAYS_INLINE uint64_t
cni_hash_of_i64(int64_t value)
{
    return cni_hash_mix((uint64_t)value + CNI_HASH_G);
}

/* high: the upper 64 bits of the 128-bit value. */
static inline CN_ALWAYS_INLINE uint64_t
cni_hash_of_halves(uint64_t low, int64_t high)
{
    const uint64_t narrow = cni_hash_of_i64((int64_t)low);
    const uint64_t wide = cni_hash_of_combined(narrow, cni_hash_mix((uint64_t)high + CNI_HASH_H));
    return high == (int64_t)low >> 63 ? narrow : wide;
}

static inline CN_ALWAYS_INLINE uint64_t
cni_hash_of_i128(cni_i128 value)
{
    return cni_hash_of_halves((uint64_t)value, (int64_t)(value >> 64));
}

static inline CN_ALWAYS_INLINE uint64_t
cni_hash_of_f64(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    bits = value == 0 ? 0 : bits;
    bits = value != value ? UINT64_C(0x7FF8000000000000) : bits;
    return cni_hash_of_i64((int64_t)bits);
}

static inline uint64_t
cni_hash_load64(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static inline uint64_t
cni_hash_load32(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

static inline uint64_t
cni_hash_fold(uint64_t a, uint64_t b)
{
    const cni_u128 product = (cni_u128)a * b;
    return a ^ b ^ (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* At most 12 bytes, zero padded to 8 + 4. */
static inline CN_ALWAYS_INLINE uint64_t
cni_hash_of_short(uint64_t first_8, uint64_t next_4, uint64_t len_bytes)
{
    const uint64_t tail = next_4 | len_bytes << 32;
    return cni_hash_mix(cni_hash_fold(first_8 ^ CNI_HASH_S0, tail ^ CNI_HASH_S1));
}

/* More than 48 bytes: three lanes over blocks of 48, at least one byte is left. */
static inline uint64_t
cni_hash_of_blocks(const uint8_t **inout_at, int64_t *inout_rest, uint64_t seed)
{
    const uint8_t *at = *inout_at;
    int64_t rest = *inout_rest;
    uint64_t lane_1 = seed;
    uint64_t lane_2 = seed;
    for (; rest > 48; rest -= 48, at += 48) {
        seed = cni_hash_fold(cni_hash_load64(at) ^ CNI_HASH_S0, cni_hash_load64(at + 8) ^ seed);
        lane_1 = cni_hash_fold(cni_hash_load64(at + 16) ^ CNI_HASH_S1,
                               cni_hash_load64(at + 24) ^ lane_1);
        lane_2 = cni_hash_fold(cni_hash_load64(at + 32) ^ CNI_HASH_S2,
                               cni_hash_load64(at + 40) ^ lane_2);
    }
    *inout_at = at;
    *inout_rest = rest;
    return seed ^ lane_1 ^ (lane_2 << 1 | lane_2 >> 63);
}

/* More than 12 bytes. */
static inline uint64_t
cni_hash_of_long(const uint8_t *bytes, int64_t len_bytes)
{
    uint64_t seed = CNI_HASH_S2 ^ (uint64_t)len_bytes;
    if (len_bytes < 16) { /* the halves overlap */
        const uint64_t first = cni_hash_load64(bytes) ^ CNI_HASH_S0;
        return cni_hash_mix(cni_hash_fold(first, cni_hash_load64(bytes + len_bytes - 8) ^ seed));
    }
    const uint8_t *at = bytes;
    int64_t rest = len_bytes;
    if (CN_UNLIKELY(rest > 48)) {
        seed = cni_hash_of_blocks(&at, &rest, seed);
    }
    for (; rest > 16; rest -= 16, at += 16) {
        seed = cni_hash_fold(cni_hash_load64(at) ^ CNI_HASH_S1, cni_hash_load64(at + 8) ^ seed);
    }
    const uint8_t *last = bytes + len_bytes - 16;
    const uint64_t first = cni_hash_load64(last) ^ CNI_HASH_S0;
    return cni_hash_mix(cni_hash_fold(first, cni_hash_load64(last + 8) ^ seed));
}

static inline CN_ALWAYS_INLINE uint64_t
cni_hash_of_view(const cni_view *view)
{
    const uint8_t *bytes = (const uint8_t *)view;
    if (CN_LIKELY(view->len_bytes <= CNI_VIEW_INLINE_BYTES)) {
        return cni_hash_of_short(cni_hash_load64(bytes + 4), cni_hash_load32(bytes + 12),
                                 view->len_bytes);
    }
    return cni_hash_of_long((const uint8_t *)cni_view_data(view), view->len_bytes);
}

/* ---- loops, one table per instruction-set level (hash_isa.c) ---- */

typedef struct cni_hash_kernels {
    /* Integers sign- or zero-extended, floats as doubles: out[r] = hash of item r. */
    void (*numbers[CNI_PHYS_COUNT_])(const void *values, int64_t n, uint64_t *out);
    /* inout[r] = combine(inout[r], next[r]) */
    void (*combine)(uint64_t *inout, const uint64_t *next, int64_t n);
} cni_hash_kernels;

extern const cni_hash_kernels cni_hash_kernels_v0;
extern const cni_hash_kernels cni_hash_kernels_v2;
extern const cni_hash_kernels cni_hash_kernels_v3;
extern const cni_hash_kernels cni_hash_kernels_v4;
extern const cni_hash_kernels cni_hash_kernels_v5;

/* NULL when the processor does not have the level. */
const cni_hash_kernels *cni_hash_kernels_at(int level);

#endif /* CNI_DATA_HASH_INT_H */
