/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels of aggregation, one table of pointers per instruction-set level: K accumulators of many
 * groups updated in one pass over the rows.
 *
 *   states of group g:   base + g * stride_bytes,  8-aligned
 *   integer sum lane:    {uint64 low, int64 high}, 128 bits in two words
 *   float sum lane:      double
 *
 * Inputs are int64 or double arrays of n rows whose rows that do not count are 0 (sums) or the
 * identity (minimum, maximum). `group` numbers each row's group.
 */
#ifndef CNI_DATA_AGG_H
#define CNI_DATA_AGG_H

#include <stdbool.h>
#include <stdint.h>

#include "data/column/type.h"
#include "data/kernel/isa.h"

#define CNI_AGG_MAX_LANES  8 /* inputs of one call */
#define CNI_AGG_FEW_GROUPS 8 /* up to here groups are summed one by one, in registers */

/* hash = 0; per word: hash = (hash ^ word) * A, hash ^= hash >> 32; at the end: hash *= B, hash ^=
 * hash >> 29. Not a format: it never leaves the process. */
#define CNI_AGG_HASH_A UINT64_C(0x9FB21C651E98DF25)
#define CNI_AGG_HASH_B UINT64_C(0xD6E8FEB86659FD93)

/* Lanes of one group in one pass. */
typedef struct cni_agg_lanes {
    const uint32_t *group;
    int64_t n;
    int32_t n_lanes; /* 0..CNI_AGG_MAX_LANES */
    const void *inputs[CNI_AGG_MAX_LANES];
} cni_agg_lanes;

typedef struct cni_agg_kernels {
    cni_isa level;
    /* Hashes of n keys of n_words words each, one behind the other: what spreads groups over slots
     * (low bits) and partitions (high bits). */
    void (*hash_words)(const uint64_t *keys, int32_t n_words, int64_t n, uint64_t *out_hashes);

    /* Integer sums: lane k of group g is at `sums` + g * stride_bytes + 16 * k. `rows` (NULL = not
     * wanted) is the lane that counts every row. */
    void (*add_i64)(const cni_agg_lanes *lanes, uint8_t *rows, uint8_t *sums, int64_t stride_bytes);
    /* Float sums: lane k at 8 * k. */
    void (*add_f64)(const cni_agg_lanes *lanes, uint8_t *sums, int64_t stride_bytes);
    /* One lane of int64 minimum or maximum. */
    void (*min_i64)(const uint32_t *group, const int64_t *values, int64_t n, uint8_t *lane,
                    int64_t stride_bytes);
    void (*max_i64)(const uint32_t *group, const int64_t *values, int64_t n, uint8_t *lane,
                    int64_t stride_bytes);
    /* One more for the group of every row. */
    void (*count)(const uint32_t *group, int64_t n, uint8_t *lane, int64_t stride_bytes);

    /* For n_groups <= CNI_AGG_FEW_GROUPS, all group numbers below that. out_sums[g * n_lanes + k]
     * (the caller has proved that they do not overflow), out_counts[g]: set, not added to. */
    void (*few_i64)(const cni_agg_lanes *lanes, int32_t n_groups, int64_t *out_counts,
                    int64_t *out_sums);
    void (*few_f64)(const cni_agg_lanes *lanes, int32_t n_groups, double *out_sums);

    /* out = values where the bit is set, else `otherwise`; n rows. */
    void (*mask_i64)(const int64_t *values, const uint64_t *bits, int64_t n, int64_t otherwise,
                     int64_t *out);
    /* Integers of up to 32 bits, by cni_phys, as int64; F32 as double. NULL for others. */
    void (*widen[CNI_PHYS_COUNT_])(const void *values, int64_t n, void *out);
    /* Doubles as integers of the same order (NaN largest, -0 below +0) and back. */
    void (*order_f64)(const double *values, int64_t n, int64_t *out);
} cni_agg_kernels;

/* The table for this processor. Static. */
const cni_agg_kernels *cni_agg_kernels_get(void);
/* The table of a level that the processor has, NULL otherwise: for tests and benchmarks. */
const cni_agg_kernels *cni_agg_kernels_at(cni_isa level);

/* The double that an integer of order_f64 stands for. */
double cni_agg_unorder_f64(int64_t key);

#endif /* CNI_DATA_AGG_H */
