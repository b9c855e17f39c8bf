/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops of a join at one instruction-set level. Lookups prefetch a fixed distance ahead:
 * measured best between 16 and 32 rows (bench/micro/join_bench.c); gathers stay scalar loads, which
 * are faster than the gather instructions on the reference machine.
 */
#include <string.h>

#include "base/int128.h"
#include "base/macros.h"
#include "exec/join/join_loops_int.h"

#if defined(__x86_64__) && CN_ISA >= 4
/* The intrinsics' headers bring inline wrappers of the C heap, which base/banned.h refuses. */
#define _MM_MALLOC_H_INCLUDED /* gcc */
#define __MM_MALLOC_H         /* clang */
#include <immintrin.h>
#endif

#define SIGN_BIT    (UINT64_C(1) << 63)
#define AHEAD       24
#define CN_FN(name) CN_CAT(name##_, CN_SUFFIX)

#define CN_TMPL "exec/join/join_code_template.h"
#include "data/kernel/phys_each.h"

static void
dense(const uint32_t *table, const uint32_t *codes, int64_t n, uint32_t *restrict out)
{
    int64_t row = 0;
    for (; row + 4 <= n; row += 4) {
        const uint32_t a = table[codes[row]];
        const uint32_t b = table[codes[row + 1]];
        const uint32_t c = table[codes[row + 2]];
        const uint32_t d = table[codes[row + 3]];
        out[row] = a;
        out[row + 1] = b;
        out[row + 2] = c;
        out[row + 3] = d;
    }
    for (; row < n; row++) {
        out[row] = table[codes[row]];
    }
}

static void
dense_bits(const uint64_t *bits, const uint32_t *codes, int64_t n, uint32_t *restrict out)
{
    for (int64_t row = 0; row < n; row++) {
        const uint32_t bit = (uint32_t)(bits[codes[row] >> 6] >> (codes[row] & 63)) & 1;
        out[row] = bit - 1; /* 0 or CNI_JOIN_NONE */
    }
}

static inline CN_ALWAYS_INLINE uint64_t
next_slot(uint64_t at, uint64_t region_mask)
{
    return (at & ~region_mask) | ((at + 1) & region_mask);
}

#define SLOTS_NAME short_slots
#define SLOTS_CODE uint32_t
#define SLOTS_ITEM cni_join_short_slot
#include "exec/join/join_slots_template.h"

#define SLOTS_NAME long_slots
#define SLOTS_CODE uint64_t
#define SLOTS_ITEM cni_join_long_slot
#include "exec/join/join_slots_template.h"

static int64_t
select_pairs(const uint32_t *values, int64_t n, uint32_t *restrict out_rows,
             uint32_t *restrict out_values)
{
    int64_t n_out = 0;
    int64_t row = 0;
#if defined(__x86_64__) && CN_ISA >= 4
    const __m512i none = _mm512_set1_epi32(-1);
    const __m512i step = _mm512_set1_epi32(16);
    __m512i rows = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    for (; row + 16 <= n; row += 16) {
        const __m512i value = _mm512_loadu_si512(values + row);
        const __mmask16 hit = _mm512_cmpneq_epi32_mask(value, none);
        _mm512_storeu_si512(out_rows + n_out, _mm512_maskz_compress_epi32(hit, rows));
        _mm512_storeu_si512(out_values + n_out, _mm512_maskz_compress_epi32(hit, value));
        n_out += __builtin_popcount(hit);
        rows = _mm512_add_epi32(rows, step);
    }
#endif
    for (; row < n; row++) {
        out_rows[n_out] = (uint32_t)row;
        out_values[n_out] = values[row];
        n_out += values[row] != CNI_JOIN_NONE;
    }
    return n_out;
}

static int64_t
select_rows(const uint32_t *values, int64_t n, bool wanted, uint32_t *restrict out_rows)
{
    int64_t n_out = 0;
    int64_t row = 0;
#if defined(__x86_64__) && CN_ISA >= 4
    const __m512i none = _mm512_set1_epi32(-1);
    const __m512i step = _mm512_set1_epi32(16);
    const __mmask16 flip = wanted ? 0 : 0xFFFF;
    __m512i rows = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    for (; row + 16 <= n; row += 16) {
        const __m512i value = _mm512_loadu_si512(values + row);
        const __mmask16 hit = (__mmask16)(_mm512_cmpneq_epi32_mask(value, none) ^ flip);
        _mm512_storeu_si512(out_rows + n_out, _mm512_maskz_compress_epi32(hit, rows));
        n_out += __builtin_popcount(hit);
        rows = _mm512_add_epi32(rows, step);
    }
#endif
    for (; row < n; row++) {
        out_rows[n_out] = (uint32_t)row;
        n_out += (values[row] != CNI_JOIN_NONE) == wanted;
    }
    return n_out;
}

const cni_join_loops CNI_ISA_NAME(cni_join_loops) = {
#define CN_TMPL "exec/join/join_code_rows_template.h"
#include "data/kernel/phys_each.h"
    .dense = dense,
    .dense_bits = dense_bits,
    .short_slots = short_slots,
    .long_slots = long_slots,
    .select = select_pairs,
    .select_rows = select_rows,
};
