/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known or claimed about a table's rows and columns. Each figure carries its mark. Claims
 * (a file's own statistics) may prune and estimate; only PROVED ones may remove a check or size a
 * table.
 */
#ifndef CNI_PLAN_STATS_H
#define CNI_PLAN_STATS_H

#include "plan/ir/value.h"

struct cni_expr;

typedef enum cni_stat_mark {
    CNI_STAT_UNKNOWN = 0,
    CNI_STAT_ESTIMATE, /* may be off both ways */
    CNI_STAT_CLAIMED,  /* a bound or count that the source states */
    CNI_STAT_PROVED    /* established by this engine */
} cni_stat_mark;

typedef struct cni_column_stats {
    uint8_t bounds_mark; /* of low and high; NaN is outside the bounds of floats */
    cni_value low;
    cni_value high;
    uint8_t nulls_mark;
    int64_t n_nulls;
    uint8_t distinct_mark;
    int64_t n_distinct;
} cni_column_stats;

typedef struct cni_table_stats {
    uint8_t rows_mark;
    int64_t n_rows;
    int32_t n_columns; /* 0 = no column statistics */
    const cni_column_stats *columns;
} cni_table_stats;

/* Column id in filters -> position in a table's schema. */
typedef struct cni_slot_of_table {
    int32_t column_id;
    int32_t table_column;
} cni_slot_of_table;

/* Fraction of rows that pass `filter`, in [0, 1], from column statistics (NULL = defaults per
 * shape: equality 0.1, range 1/3, LIKE 0.1, IS NULL 0.05). */
double cni_estimate_selectivity(const struct cni_expr *filter, const cni_table_stats *stats,
                                const cni_slot_of_table *slots, int32_t n_slots);

/* A value's place on the number line (integers, dates, times, decimals unscaled, floats); false for
 * NULL, NaN and types without one. */
bool cni_stat_position(const cni_value *value, double *out_position);
/* The value of `type` at a place, rounded; false for types without one. */
bool cni_stat_value_at(const cni_type *type, double position, cni_value *out_value);

/* Three-valued verdict of a filter over rows whose columns lie in given bounds, for pruning. */
typedef enum cni_verdict {
    CNI_VERDICT_MAYBE = 0,
    CNI_VERDICT_NEVER, /* no row can pass: skip */
    CNI_VERDICT_ALWAYS /* every row passes (needs null counts): the filter need not run. Claims may
                          NOT be used for it, only PROVED statistics */
} cni_verdict;
cni_verdict cni_prune(const struct cni_expr *filter, const cni_column_stats *const *column_stats,
                      const cni_slot_of_table *slots, int32_t n_slots, int64_t n_rows);

#endif /* CNI_PLAN_STATS_H */
