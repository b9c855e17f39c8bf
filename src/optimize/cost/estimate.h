/* SPDX-License-Identifier: Apache-2.0
 *
 * How many rows a plan gives, and what it costs: from table statistics (claims count here), column
 * sketches and predicates run over samples. Estimates order work; they never remove a check.
 *
 * An estimator belongs to one optimization and remembers what it found per node (by address) and
 * per column id. Thread: confined.
 */
#ifndef CNI_OPTIMIZE_ESTIMATE_H
#define CNI_OPTIMIZE_ESTIMATE_H

#include "optimize/rule/rule.h"

typedef struct cni_estimator cni_estimator;

/* Of a column's values as they come out of a node. */
typedef struct cni_column_estimate {
    double n_distinct; /* >= 1, never more than rows */
    double n_domain;   /* distinct values when only filters on this column count: equality over two
                          columns holds for 1 in max(n_domain) pairs whatever else was filtered */
    double null_fraction; /* 0 to 1 */
    bool has_bounds;      /* numbers, dates, times: as doubles, decimals unscaled */
    double low;
    double high;
    double width_bytes;     /* of a value in memory, strings with their bytes */
    const cni_plan *origin; /* the scan or aggregate that makes it; NULL = computed */
    double origin_rows;     /* of the origin before its filters */
    double picked_from;     /* > 0: min or max of a group of so many rows, equal to one of theirs */
} cni_column_estimate;

/* Of a node's output. */
typedef struct cni_plan_estimate {
    double rows;
    double row_bytes;
    double cost; /* of the node and everything below: C_out plus what builds and sorts add */
} cni_plan_estimate;

CN_NODISCARD cn_code cni_estimator_new(cni_arena *arena, cni_context *context,
                                       cni_estimator **out_estimator, cn_error *err);
/* What CTE_SCANs of cte_id read, where they are estimated without the WITH above them. */
CN_NODISCARD cn_code cni_estimate_cte(cni_estimator *self, int32_t cte_id,
                                      const cni_plan *definition, cn_error *err);
/* Of `plan`; remembered for it and every node below. */
CN_NODISCARD cn_code cni_estimate_plan(cni_estimator *self, const cni_plan *plan,
                                       cni_plan_estimate *out_estimate, cn_error *err);
/* Distinct values and so on of a column that some node below `plan` makes, as it comes out of
 * `plan` (never more distinct values than rows). */
CN_NODISCARD cn_code cni_estimate_column(cni_estimator *self, const cni_plan *plan,
                                         int32_t column_id, cni_column_estimate *out_estimate,
                                         cn_error *err);
/* Fraction of `plan`'s rows for which the predicate is true. */
CN_NODISCARD cn_code cni_estimate_filter(cni_estimator *self, const cni_plan *plan,
                                         const cni_expr *predicate, double *out_fraction,
                                         cn_error *err);
/* Fraction of the pairs of `left`'s and `right`'s rows for which all conjuncts are true: equality
 * 1 / max(distinct), with keys that are nearly unique taken as references. */
CN_NODISCARD cn_code cni_estimate_join_fraction(cni_estimator *self, const cni_plan *left,
                                                const cni_plan *right,
                                                const cni_expr *const *conjuncts,
                                                int32_t n_conjuncts, double *out_fraction,
                                                cn_error *err);
/* Fraction of `left`'s rows for which some row of `right` makes all conjuncts true. */
CN_NODISCARD cn_code cni_estimate_match_fraction(cni_estimator *self, const cni_plan *left,
                                                 const cni_plan *right,
                                                 const cni_expr *const *conjuncts,
                                                 int32_t n_conjuncts, double *out_fraction,
                                                 cn_error *err);
/* What joining two inputs costs beside making its rows: probing with n_probe rows a table of
 * n_build rows of row_bytes, which is dearer the less of it a cache holds. */
double cni_estimate_join_cost(double n_probe, double n_build, double row_bytes);
/* The plan with estimated_rows and estimated_cost set in every node: the last step of cni_optimize.
 */
CN_NODISCARD cn_code cni_estimate_annotate(cni_rule_env *env, const cni_plan *plan,
                                           const cni_plan **out_plan, cn_error *err);

#endif /* CNI_OPTIMIZE_ESTIMATE_H */
