/* SPDX-License-Identifier: Apache-2.0
 *
 * The few vector helpers that several *_isa.c files need, each with a portable twin chosen by
 * CN_ISA: packing truth bytes into bits, loads and stores that stop at a boundary, masks of the
 * first n lanes. Only *_isa.c files include this.
 */
#ifndef CNI_DATA_SIMD_INT_H
#define CNI_DATA_SIMD_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/macros.h"

#if CN_ISA >= 2
/* The intrinsics' headers bring inline wrappers of the C heap, which base/banned.h refuses. */
#define _MM_MALLOC_H_INCLUDED /* gcc */
#define __MM_MALLOC_H         /* clang */
#include <immintrin.h>
#endif

/* The low n bits set, n in 0..64. */
static inline uint64_t
cni_low_mask(int64_t n)
{
    return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << (n & 63)) - 1;
}

static inline uint64_t
cni_load_u64(const void *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Bit i = bytes[i] is not 0, i in 0..63. */
static inline uint64_t
cni_pack_64_bytes(const uint8_t *bytes)
{
#if CN_ISA >= 4
    const __m512i all = _mm512_loadu_si512((const void *)bytes);
    return _mm512_test_epi8_mask(all, all);
#elif CN_ISA == 3
    const __m256i zero = _mm256_setzero_si256();
    const __m256i low = _mm256_loadu_si256((const void *)bytes);
    const __m256i high = _mm256_loadu_si256((const void *)(bytes + 32));
    const uint32_t low_zero = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, zero));
    const uint32_t high_zero = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, zero));
    return ~((uint64_t)high_zero << 32 | low_zero);
#elif CN_ISA == 2
    uint64_t word = 0;
    for (int part = 0; part < 4; part++) {
        const __m128i some = _mm_loadu_si128((const void *)(bytes + 16 * part));
        const int zero = _mm_movemask_epi8(_mm_cmpeq_epi8(some, _mm_setzero_si128()));
        word |= (uint64_t)(uint16_t)~zero << (16 * part);
    }
    return word;
#else
    uint64_t word = 0;
    for (int bit = 0; bit < 64; bit++) {
        word |= (uint64_t)(bytes[bit] != 0) << bit;
    }
    return word;
#endif
}

#if CN_ISA >= 4
/* Masks of `lanes` bits (8, 16, 32, 64) side by side, joined in mask registers. */
static inline CN_ALWAYS_INLINE uint64_t
cni_join_masks(const uint64_t *masks, int lanes)
{
    if (lanes == 64) {
        return masks[0];
    }
    if (lanes == 32) {
        return _mm512_kunpackd(masks[1], masks[0]);
    }
    if (lanes == 16) {
        const __mmask32 low = _mm512_kunpackw((__mmask32)masks[1], (__mmask32)masks[0]);
        const __mmask32 high = _mm512_kunpackw((__mmask32)masks[3], (__mmask32)masks[2]);
        return _mm512_kunpackd(high, low);
    }
    __mmask16 pairs[4];
    for (int pair = 0; pair < 4; pair++) {
        pairs[pair] = _mm512_kunpackb((__mmask16)masks[2 * pair + 1], (__mmask16)masks[2 * pair]);
    }
    const __mmask32 low = _mm512_kunpackw(pairs[1], pairs[0]);
    const __mmask32 high = _mm512_kunpackw(pairs[3], pairs[2]);
    return _mm512_kunpackd(high, low);
}

/* 64 bytes at `bytes` of which only the first n (any n) may be touched; the others read as 0. */
static inline __m512i
cni_load_512_upto(const void *bytes, int64_t n)
{
    if (CN_LIKELY(n >= 64)) {
        return _mm512_loadu_si512(bytes);
    }
    return _mm512_maskz_loadu_epi8(cni_low_mask(n < 0 ? 0 : n), bytes);
}

/* Write the first n (any n) bytes of `value`. */
static inline void
cni_store_512_upto(void *bytes, __m512i value, int64_t n)
{
    if (CN_LIKELY(n >= 64)) {
        _mm512_storeu_si512(bytes, value);
    } else {
        _mm512_mask_storeu_epi8(bytes, cni_low_mask(n < 0 ? 0 : n), value);
    }
}
#endif

#endif /* CNI_DATA_SIMD_INT_H */
