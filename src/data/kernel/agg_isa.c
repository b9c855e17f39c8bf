/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of aggregation; see agg.h. Compiled once per instruction-set level.
 *
 *   many groups   one pass, K read-modify-writes per row at the row's group: the loop is unrolled
 *                 by K, so that the inputs stay in registers and states in one cache line
 *   few groups    per block of rows and group a mask, then K masked sums without any store
 */
#include "data/kernel/agg.h"

#include <math.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/int128.h"
#include "data/kernel/agg_int.h"

/* ---- hashing ---- */

static inline CN_ALWAYS_INLINE uint64_t
mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * CNI_AGG_HASH_A;
    return hash ^ (hash >> 32);
}

static inline CN_ALWAYS_INLINE uint64_t
finish(uint64_t hash)
{
    hash *= CNI_AGG_HASH_B;
    return hash ^ (hash >> 29);
}

static inline CN_ALWAYS_INLINE void
hash_n(const uint64_t *keys, int32_t n_words, int64_t n, uint64_t *out_hashes)
{
    for (int64_t row = 0; row < n; row++) {
        uint64_t hash = 0;
        for (int32_t word = 0; word < n_words; word++) {
            hash = mix(hash, keys[row * n_words + word]);
        }
        out_hashes[row] = finish(hash);
    }
}

static void
hash_words(const uint64_t *keys, int32_t n_words, int64_t n, uint64_t *out_hashes)
{
    if (n_words == 1) {
        hash_n(keys, 1, n, out_hashes);
    } else if (n_words == 2) {
        hash_n(keys, 2, n, out_hashes);
    } else {
        hash_n(keys, n_words, n, out_hashes);
    }
}

/* ---- many groups ---- */

static inline CN_ALWAYS_INLINE void
add_wide(uint8_t *lane, int64_t item)
{
    uint64_t words[2];
    memcpy(words, lane, sizeof(words));
    const uint64_t low = words[0] + (uint64_t)item;
    words[1] += (uint64_t)(item >> 63) + (low < words[0] ? 1 : 0);
    words[0] = low;
    memcpy(lane, words, sizeof(words));
}

static inline CN_ALWAYS_INLINE void
count_one(uint8_t *lane)
{
    int64_t count;
    memcpy(&count, lane, sizeof(count));
    count++;
    memcpy(lane, &count, sizeof(count));
}

static inline CN_ALWAYS_INLINE void
add_i64_n(const cni_agg_lanes *lanes, int32_t n_lanes, bool with_rows, uint8_t *rows, uint8_t *sums,
          int64_t stride_bytes)
{
    const int64_t *inputs[CNI_AGG_MAX_LANES];
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        inputs[lane] = lanes->inputs[lane];
    }
    const uint32_t *group = lanes->group;
    for (int64_t row = 0; row < lanes->n; row++) {
        const int64_t offset = group[row] * stride_bytes;
        if (with_rows) {
            count_one(rows + offset);
        }
        for (int32_t lane = 0; lane < n_lanes; lane++) {
            add_wide(sums + offset + (int64_t)lane * 16, inputs[lane][row]);
        }
    }
}

#define ADD_CASE(k)                                                                                \
    case k:                                                                                        \
        if (rows != NULL) {                                                                        \
            add_i64_n(lanes, k, true, rows, sums, stride_bytes);                                   \
        } else {                                                                                   \
            add_i64_n(lanes, k, false, rows, sums, stride_bytes);                                  \
        }                                                                                          \
        break

static void
add_i64(const cni_agg_lanes *lanes, uint8_t *rows, uint8_t *sums, int64_t stride_bytes)
{
    switch (lanes->n_lanes) {
        ADD_CASE(0);
        ADD_CASE(1);
        ADD_CASE(2);
        ADD_CASE(3);
        ADD_CASE(4);
        ADD_CASE(5);
        ADD_CASE(6);
        ADD_CASE(7);
    default:
        add_i64_n(lanes, CNI_AGG_MAX_LANES, rows != NULL, rows, sums, stride_bytes);
        break;
    }
}

static inline CN_ALWAYS_INLINE void
add_f64_n(const cni_agg_lanes *lanes, int32_t n_lanes, uint8_t *sums, int64_t stride_bytes)
{
    const double *inputs[CNI_AGG_MAX_LANES];
    for (int32_t lane = 0; lane < n_lanes; lane++) {
        inputs[lane] = lanes->inputs[lane];
    }
    for (int64_t row = 0; row < lanes->n; row++) {
        uint8_t *at = sums + lanes->group[row] * stride_bytes;
        for (int32_t lane = 0; lane < n_lanes; lane++) {
            double sum;
            memcpy(&sum, at + (int64_t)lane * 8, sizeof(sum));
            sum += inputs[lane][row];
            memcpy(at + (int64_t)lane * 8, &sum, sizeof(sum));
        }
    }
}

static void
add_f64(const cni_agg_lanes *lanes, uint8_t *sums, int64_t stride_bytes)
{
    switch (lanes->n_lanes) {
    case 1:
        add_f64_n(lanes, 1, sums, stride_bytes);
        break;
    case 2:
        add_f64_n(lanes, 2, sums, stride_bytes);
        break;
    case 3:
        add_f64_n(lanes, 3, sums, stride_bytes);
        break;
    default:
        add_f64_n(lanes, lanes->n_lanes, sums, stride_bytes);
        break;
    }
}

static void
min_i64(const uint32_t *group, const int64_t *values, int64_t n, uint8_t *lane,
        int64_t stride_bytes)
{
    for (int64_t row = 0; row < n; row++) {
        uint8_t *at = lane + group[row] * stride_bytes;
        int64_t least;
        memcpy(&least, at, sizeof(least));
        least = values[row] < least ? values[row] : least;
        memcpy(at, &least, sizeof(least));
    }
}

static void
max_i64(const uint32_t *group, const int64_t *values, int64_t n, uint8_t *lane,
        int64_t stride_bytes)
{
    for (int64_t row = 0; row < n; row++) {
        uint8_t *at = lane + group[row] * stride_bytes;
        int64_t most;
        memcpy(&most, at, sizeof(most));
        most = values[row] > most ? values[row] : most;
        memcpy(at, &most, sizeof(most));
    }
}

static void
count(const uint32_t *group, int64_t n, uint8_t *lane, int64_t stride_bytes)
{
    for (int64_t row = 0; row < n; row++) {
        count_one(lane + group[row] * stride_bytes);
    }
}

/* ---- few groups ---- */

#define BLOCK_ROWS 512

/* All ones where the row is of the group. */
static inline CN_ALWAYS_INLINE int64_t
mask_group(const uint32_t *group, int64_t n, uint32_t wanted, int64_t *out_mask)
{
    int64_t n_rows = 0;
    for (int64_t row = 0; row < n; row++) {
        const int64_t mask = group[row] == wanted ? -1 : 0;
        out_mask[row] = mask;
        n_rows -= mask;
    }
    return n_rows;
}

static inline CN_ALWAYS_INLINE void
sum_masked_4(const int64_t *mask, const int64_t *a, const int64_t *b, const int64_t *c,
             const int64_t *d, int64_t n, int64_t inout[4])
{
    int64_t sum_a = 0;
    int64_t sum_b = 0;
    int64_t sum_c = 0;
    int64_t sum_d = 0;
    for (int64_t row = 0; row < n; row++) {
        sum_a += a[row] & mask[row];
        sum_b += b[row] & mask[row];
        sum_c += c[row] & mask[row];
        sum_d += d[row] & mask[row];
    }
    inout[0] += sum_a;
    inout[1] += sum_b;
    inout[2] += sum_c;
    inout[3] += sum_d;
}

static inline CN_ALWAYS_INLINE int64_t
sum_masked(const int64_t *mask, const int64_t *values, int64_t n)
{
    int64_t sum = 0;
    for (int64_t row = 0; row < n; row++) {
        sum += values[row] & mask[row];
    }
    return sum;
}

static void
few_i64(const cni_agg_lanes *lanes, int32_t n_groups, int64_t *out_counts, int64_t *out_sums)
{
    int64_t mask[BLOCK_ROWS];
    const int32_t n_lanes = lanes->n_lanes;
    memset(out_counts, 0, (size_t)n_groups * sizeof(*out_counts));
    memset(out_sums, 0, (size_t)(n_groups * n_lanes) * sizeof(*out_sums));
    for (int64_t first = 0; first < lanes->n; first += BLOCK_ROWS) {
        const int64_t n = cni_min_i64(BLOCK_ROWS, lanes->n - first);
        for (int32_t group = 0; group < n_groups; group++) {
            const int64_t n_rows = mask_group(lanes->group + first, n, (uint32_t)group, mask);
            int64_t *sums = out_sums + (int64_t)group * n_lanes;
            int32_t lane = 0;
            out_counts[group] += n_rows;
            for (; lane + 4 <= n_lanes && n_rows > 0; lane += 4) {
                const int64_t *const *inputs = (const int64_t *const *)(const void *)lanes->inputs;
                sum_masked_4(mask, inputs[lane] + first, inputs[lane + 1] + first,
                             inputs[lane + 2] + first, inputs[lane + 3] + first, n, sums + lane);
            }
            for (; lane < n_lanes && n_rows > 0; lane++) {
                sums[lane] += sum_masked(mask, (const int64_t *)lanes->inputs[lane] + first, n);
            }
        }
    }
}

/* Bits of rows of other groups become +0: eight sums, so that additions overlap. */
static inline CN_ALWAYS_INLINE double
sum_masked_f64(const int64_t *mask, const double *values, int64_t n)
{
    double sums[8] = {0};
    int64_t row = 0;
    for (; row + 8 <= n; row += 8) {
        for (int lane = 0; lane < 8; lane++) {
            int64_t bits;
            double item;
            memcpy(&bits, &values[row + lane], sizeof(bits));
            bits &= mask[row + lane];
            memcpy(&item, &bits, sizeof(item));
            sums[lane] += item;
        }
    }
    for (; row < n; row++) {
        sums[row & 7] += mask[row] != 0 ? values[row] : 0;
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
           ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static void
few_f64(const cni_agg_lanes *lanes, int32_t n_groups, double *out_sums)
{
    int64_t mask[BLOCK_ROWS];
    const int32_t n_lanes = lanes->n_lanes;
    memset(out_sums, 0, (size_t)(n_groups * n_lanes) * sizeof(*out_sums));
    for (int64_t first = 0; first < lanes->n; first += BLOCK_ROWS) {
        const int64_t n = cni_min_i64(BLOCK_ROWS, lanes->n - first);
        for (int32_t group = 0; group < n_groups; group++) {
            const int64_t n_rows = mask_group(lanes->group + first, n, (uint32_t)group, mask);
            double *sums = out_sums + (int64_t)group * n_lanes;
            for (int32_t lane = 0; lane < n_lanes && n_rows > 0; lane++) {
                sums[lane] += sum_masked_f64(mask, (const double *)lanes->inputs[lane] + first, n);
            }
        }
    }
}

/* ---- inputs ---- */

static void
mask_i64(const int64_t *values, const uint64_t *bits, int64_t n, int64_t otherwise, int64_t *out)
{
    for (int64_t first = 0; first < n; first += 64) {
        const uint64_t word = bits[first >> 6];
        const int64_t n_block = cni_min_i64(64, n - first);
        for (int64_t row = 0; row < n_block; row++) {
            out[first + row] = (word >> row) & 1 ? values[first + row] : otherwise;
        }
    }
}

static void
widen_i8(const void *values, int64_t n, void *out)
{
    const int8_t *items = values;
    int64_t *wide = out;
    for (int64_t row = 0; row < n; row++) {
        wide[row] = (int64_t)items[row];
    }
}

static void
widen_i16(const void *values, int64_t n, void *out)
{
    const int16_t *items = values;
    int64_t *wide = out;
    for (int64_t row = 0; row < n; row++) {
        wide[row] = (int64_t)items[row];
    }
}

static void
widen_i32(const void *values, int64_t n, void *out)
{
    const int32_t *items = values;
    int64_t *wide = out;
    for (int64_t row = 0; row < n; row++) {
        wide[row] = (int64_t)items[row];
    }
}

static void
widen_u8(const void *values, int64_t n, void *out)
{
    const uint8_t *items = values;
    int64_t *wide = out;
    for (int64_t row = 0; row < n; row++) {
        wide[row] = (int64_t)items[row];
    }
}

static void
widen_u16(const void *values, int64_t n, void *out)
{
    const uint16_t *items = values;
    int64_t *wide = out;
    for (int64_t row = 0; row < n; row++) {
        wide[row] = (int64_t)items[row];
    }
}

static void
widen_u32(const void *values, int64_t n, void *out)
{
    const uint32_t *items = values;
    int64_t *wide = out;
    for (int64_t row = 0; row < n; row++) {
        wide[row] = (int64_t)items[row];
    }
}

static void
widen_f32(const void *values, int64_t n, void *out)
{
    const float *items = values;
    double *wide = out;
    for (int64_t row = 0; row < n; row++) {
        wide[row] = (double)items[row];
    }
}

static void
order_f64(const double *values, int64_t n, int64_t *out)
{
    for (int64_t row = 0; row < n; row++) {
        int64_t bits;
        memcpy(&bits, &values[row], sizeof(bits));
        const int64_t key = bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1);
        out[row] = isnan(values[row]) ? INT64_MAX : key;
    }
}

const cni_agg_kernels CNI_ISA_NAME(cni_agg_kernel_table) = {
    .level = (cni_isa)CN_ISA,
    .hash_words = hash_words,
    .add_i64 = add_i64,
    .add_f64 = add_f64,
    .min_i64 = min_i64,
    .max_i64 = max_i64,
    .count = count,
    .few_i64 = few_i64,
    .few_f64 = few_f64,
    .mask_i64 = mask_i64,
    .widen =
        {
            [CNI_PHYS_I8] = widen_i8,
            [CNI_PHYS_I16] = widen_i16,
            [CNI_PHYS_I32] = widen_i32,
            [CNI_PHYS_U8] = widen_u8,
            [CNI_PHYS_U16] = widen_u16,
            [CNI_PHYS_U32] = widen_u32,
            [CNI_PHYS_F32] = widen_f32,
        },
    .order_f64 = order_f64,
};
