/* SPDX-License-Identifier: Apache-2.0
 *
 * Bitmaps into row numbers, truth bytes into bitmaps, and filters that keep the items under set
 * bits. VBMI2 compresses whole registers (v5), AVX-512 those of 4 and 8 bytes (v4), BMI2 deposits
 * byte patterns (v3); below, loops over set bits with shortcuts for empty and full words. Whole
 * registers are stored: that is the room that the contracts ask for behind the results. measured:
 * bench/micro kernel_bench, "select".
 */
#include "data/kernel/kernel_int.h"

#include "data/kernel/gather_int.h"
#include "data/kernel/simd_int.h"

/* Word `word` of a bitmap of n bits, bits beyond n cleared. */
static inline uint64_t
bits_at(const uint64_t *bits, int64_t word, int64_t n)
{
    return bits[word] & cni_low_mask(n - 64 * word);
}

/* ---- row numbers ---- */

#if CN_ISA >= 5
static inline int64_t
emit_u16(uint64_t word, int64_t base, uint16_t *out)
{
    const __m512i lanes =
        _mm512_set_epi16(31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13,
                         12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m512i rows = _mm512_add_epi16(lanes, _mm512_set1_epi16((int16_t)base));
    const __mmask32 low = (__mmask32)word;
    const __mmask32 high = (__mmask32)(word >> 32);
    const int n_low = __builtin_popcount(low);
    _mm512_storeu_si512(out, _mm512_maskz_compress_epi16(low, rows));
    const __m512i upper = _mm512_add_epi16(rows, _mm512_set1_epi16(32));
    _mm512_storeu_si512(out + n_low, _mm512_maskz_compress_epi16(high, upper));
    return n_low + __builtin_popcount(high);
}
#elif CN_ISA >= 3
/* Eight rows at a time: the set bits of a byte as packed byte numbers, widened. */
static inline int64_t
emit_u16(uint64_t word, int64_t base, uint16_t *out)
{
    int64_t n_out = 0;
    for (int first = 0; first < 64; first += 8) {
        const uint64_t byte = (word >> first) & 0xFF;
        const uint64_t mask = _pdep_u64(byte, UINT64_C(0x0101010101010101)) * 0xFF;
        const uint64_t packed = _pext_u64(UINT64_C(0x0706050403020100), mask);
        const __m128i rows = _mm_add_epi16(_mm_cvtepu8_epi16(_mm_cvtsi64_si128((int64_t)packed)),
                                           _mm_set1_epi16((int16_t)(base + first)));
        _mm_storeu_si128((void *)(out + n_out), rows);
        n_out += __builtin_popcountll(byte);
    }
    return n_out;
}
#else
static inline int64_t
emit_u16(uint64_t word, int64_t base, uint16_t *out)
{
    int64_t n_out = 0;
    for (; word != 0; word &= word - 1) {
        out[n_out++] = (uint16_t)(base + __builtin_ctzll(word));
    }
    return n_out;
}
#endif

int64_t
CNI_ISA_NAME(cni_kernel_bits_to_u16)(const uint64_t *bits, int64_t n, uint16_t *out)
{
    int64_t n_out = 0;
    for (int64_t word = 0; word < cni_bits_words(n); word++) {
        const uint64_t set = bits_at(bits, word, n);
        if (set != 0) {
            n_out += emit_u16(set, 64 * word, out + n_out);
        }
    }
    return n_out;
}

#if CN_ISA >= 4
static inline int64_t
emit_u32(uint64_t word, int64_t base, uint32_t *out)
{
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    for (int first = 0; first < 64; first += 16) {
        const __mmask16 part = (__mmask16)(word >> first);
        const __m512i rows = _mm512_add_epi32(lanes, _mm512_set1_epi32((int32_t)(base + first)));
        const int64_t n_before = __builtin_popcountll(word & cni_low_mask(first));
        _mm512_storeu_si512(out + n_before, _mm512_maskz_compress_epi32(part, rows));
    }
    return __builtin_popcountll(word);
}
#elif CN_ISA == 3
static inline int64_t
emit_u32(uint64_t word, int64_t base, uint32_t *out)
{
    int64_t n_out = 0;
    for (int first = 0; first < 64; first += 8) {
        const uint64_t byte = (word >> first) & 0xFF;
        const uint64_t mask = _pdep_u64(byte, UINT64_C(0x0101010101010101)) * 0xFF;
        const uint64_t packed = _pext_u64(UINT64_C(0x0706050403020100), mask);
        const __m256i rows =
            _mm256_add_epi32(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((int64_t)packed)),
                             _mm256_set1_epi32((int32_t)(base + first)));
        _mm256_storeu_si256((void *)(out + n_out), rows);
        n_out += __builtin_popcountll(byte);
    }
    return n_out;
}
#else
static inline int64_t
emit_u32(uint64_t word, int64_t base, uint32_t *out)
{
    int64_t n_out = 0;
    for (; word != 0; word &= word - 1) {
        out[n_out++] = (uint32_t)(base + __builtin_ctzll(word));
    }
    return n_out;
}
#endif

int64_t
CNI_ISA_NAME(cni_kernel_bits_to_u32)(const uint64_t *bits, int64_t n, uint32_t *out)
{
    int64_t n_out = 0;
    for (int64_t word = 0; word < cni_bits_words(n); word++) {
        const uint64_t set = bits_at(bits, word, n);
        if (set != 0) {
            n_out += emit_u32(set, 64 * word, out + n_out);
        }
    }
    return n_out;
}

void
CNI_ISA_NAME(cni_kernel_bytes_to_bits)(const uint8_t *bytes, int64_t n, uint64_t *out_bits)
{
    int64_t row = 0;
    for (; row + 64 <= n; row += 64) {
        *out_bits++ = cni_pack_64_bytes(bytes + row);
    }
    if (row < n) {
        uint8_t last[64] = {0};
        memcpy(last, bytes + row, (size_t)(n - row));
        *out_bits = cni_pack_64_bytes(last);
    }
}

/* ---- filters ---- */

/* ---- filters ---- */

#if CN_ISA >= 5
#define CN_COMPRESS(register, mask) _mm512_maskz_compress_epi8((mask), (register))
#define CN_REGISTER_BITS            64
#endif
#define CN_ITEM       uint8_t
#define CN_ITEM_BYTES 1
#include "data/kernel/filter_template.h"

#if CN_ISA >= 5
#define CN_COMPRESS(register, mask) _mm512_maskz_compress_epi16((__mmask32)(mask), (register))
#define CN_REGISTER_BITS            32
#endif
#define CN_ITEM       uint16_t
#define CN_ITEM_BYTES 2
#include "data/kernel/filter_template.h"

#if CN_ISA >= 4
#define CN_COMPRESS(register, mask) _mm512_maskz_compress_epi32((__mmask16)(mask), (register))
#define CN_REGISTER_BITS            16
#endif
#define CN_ITEM       uint32_t
#define CN_ITEM_BYTES 4
#include "data/kernel/filter_template.h"

#if CN_ISA >= 4
#define CN_COMPRESS(register, mask) _mm512_maskz_compress_epi64((__mmask8)(mask), (register))
#define CN_REGISTER_BITS            8
#endif
#define CN_ITEM       uint64_t
#define CN_ITEM_BYTES 8
#include "data/kernel/filter_template.h"

#if CN_ISA >= 4
/* Each bit stands for two words of 8 bytes. */
static inline __m512i
compress_pairs(__m512i items, uint64_t mask)
{
    const uint64_t pairs = _pdep_u64(mask, 0x55) * 3;
    return _mm512_maskz_compress_epi64((__mmask8)pairs, items);
}
#define CN_COMPRESS(register, mask) compress_pairs((register), (mask))
#define CN_REGISTER_BITS            4
#endif
#define CN_ITEM       cni_item16
#define CN_ITEM_BYTES 16
#include "data/kernel/filter_template.h"
