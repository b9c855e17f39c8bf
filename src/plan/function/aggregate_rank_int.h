/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells of a list by their rank among the values: what quantiles and mode choose from lists that
 * are in memory (aggregate_rank.c). Lists are not empty and hold no NULLs.
 */
#ifndef CNI_PLAN_AGGREGATE_RANK_INT_H
#define CNI_PLAN_AGGREGATE_RANK_INT_H

#include "plan/function/aggregate_function_int.h"

/* Memory that grows with the largest list. Only the allocator set = empty. */
typedef struct cni_rank_scratch {
    cni_allocator *allocator;
    uint8_t *bytes;
    int64_t n_bytes;
} cni_rank_scratch;

void cni_rank_scratch_done(cni_rank_scratch *self); /* accepts zeroed */
static inline void
cni_rank_scratch_cleanup_(cni_rank_scratch *inout_value)
{
    cni_rank_scratch_done(inout_value);
}

/* The DOUBLE that `rank` values are before, and the one behind it (the same when it is the last).
 * Zeros come without a sign, NaN as one NaN. */
CN_NODISCARD cn_code cni_rank_floats(const cni_aggregate_call *call, const cni_cell_list *list,
                                     int64_t rank, double *out_value, double *out_next,
                                     cn_error *err);
/* The cell that is at `rank` when the list has been sorted, equal ones in the list's order. */
CN_NODISCARD cn_code cni_rank_cell(const cni_aggregate_call *call, const cni_cell_list *list,
                                   cni_cell_kind kind, int64_t rank, cni_rank_scratch *scratch,
                                   cni_cell *out_cell, cn_error *err);
/* The most frequent value's first cell; of several values the one that comes first in the list. */
CN_NODISCARD cn_code cni_rank_most_frequent(const cni_aggregate_call *call,
                                            const cni_cell_list *list, cni_cell_kind kind,
                                            cni_rank_scratch *scratch, cni_cell *out_cell,
                                            cn_error *err);

/* ---- quantiles, from lists or fed: aggregate_quantile.c, aggregate_quantile_feed.c ---- */

/* Ranks that fractions of n values ask for, and what is between the value there and the next one.
 */
int64_t cni_quantile_disc_rank(double fraction, int64_t n);
int64_t cni_quantile_cont_rank(double fraction, int64_t n);
double cni_quantile_between(double fraction, int64_t n, double low, double high);

extern const cni_value_lists cni_quantile_cont_lists;
extern const cni_value_lists cni_quantile_disc_lists;
extern const cni_value_lists cni_mode_lists;

#endif /* CNI_PLAN_AGGREGATE_RANK_INT_H */
