/* SPDX-License-Identifier: Apache-2.0
 *
 * What is proved about a plan's rows, from the plan alone and from PROVED statistics: keys,
 * equivalence classes, constants, non-NULL columns. Rules that remove work (joins, group keys,
 * duplicates) rest on these.
 */
#ifndef CNI_OPTIMIZE_PROPERTY_H
#define CNI_OPTIMIZE_PROPERTY_H

#include "optimize/rule/rule.h"

/* No two rows of `plan` agree (NULLs counted equal) in all the columns; n_ids 0: at most one row.
 */
bool cni_plan_is_unique_on(const cni_plan *plan, const int32_t *column_ids, int32_t n_ids);
bool cni_plan_at_most_one_row(const cni_plan *plan);
bool cni_plan_exactly_one_row(const cni_plan *plan);
/* The column is never NULL in the rows of `plan` (the column's own mark, IS NOT NULL and
 * null-rejecting filters below, inner join keys). */
bool cni_plan_column_not_null(const cni_plan *plan, int32_t column_id);
/* In every row, the values of `column_id` are determined by those of the given columns: keys,
 * equalities, constants, projections, groups. */
bool cni_plan_determines(const cni_plan *plan, const int32_t *column_ids, int32_t n_ids,
                         int32_t column_id);

/* `predicate` is not true (false or NULL) for every row in which all of the columns are NULL.
 * False when that is not proved. Never-erring parts are required to be reached: a predicate that
 * may raise on NULL input proves nothing. */
bool cni_expr_rejects_nulls(const cni_expr *predicate, const cni_id_set *columns);

/* Columns and constants that equalities make interchangeable above `plan`'s inner part: equality
 * conjuncts of filters and inner joins. In the arena. */
typedef struct cni_equivalence cni_equivalence;
CN_NODISCARD cn_code cni_equivalence_of(cni_arena *arena, const cni_plan *plan,
                                        cni_equivalence **out_classes, cn_error *err);
bool cni_equivalence_same(const cni_equivalence *self, int32_t a, int32_t b);
/* Every column id of the class of `column_id`, itself included, ascending; gives how many. */
int32_t cni_equivalence_members(const cni_equivalence *self, int32_t column_id,
                                const int32_t **out_ids);
/* The literal that the class equals, or NULL. */
const cni_expr *cni_equivalence_constant(const cni_equivalence *self, int32_t column_id);

#endif /* CNI_OPTIMIZE_PROPERTY_H */
