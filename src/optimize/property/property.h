/* SPDX-License-Identifier: Apache-2.0
 *
 * What is proved about a plan's rows, from the plan alone and from PROVED statistics: keys,
 * equivalence classes, constants, non-NULL columns. Rules that remove work (joins, group keys,
 * duplicates) rest on these.
 */
#ifndef CNI_OPTIMIZE_PROPERTY_H
#define CNI_OPTIMIZE_PROPERTY_H

#include "optimize/rule/rule.h"

/* `env` (may be NULL) lets the answers rest on what a look at all rows of a table proved as well
 * (cni_table_ops.sketch, which the first question for a column may make gather it); without, only
 * on the plan. */

/* No two rows of `plan` agree (NULLs counted equal) in all the columns; n_ids 0: at most one row.
 */
bool cni_plan_is_unique_on(const cni_plan *plan, const int32_t *column_ids, int32_t n_ids);
bool cni_plan_is_unique_on_proved(const cni_rule_env *env, const cni_plan *plan,
                                  const int32_t *column_ids, int32_t n_ids);
bool cni_plan_at_most_one_row(const cni_plan *plan);
bool cni_plan_exactly_one_row(const cni_plan *plan);
/* The column is never NULL in the rows of `plan` (the column's own mark, IS NOT NULL and
 * null-rejecting filters below, inner join keys). */
bool cni_plan_column_not_null(const cni_plan *plan, int32_t column_id);
/* In every row, the values of `column_id` are determined by those of the given columns: keys,
 * equalities, constants, projections, groups. */
bool cni_plan_determines(const cni_plan *plan, const int32_t *column_ids, int32_t n_ids,
                         int32_t column_id);
bool cni_plan_determines_proved(const cni_rule_env *env, const cni_plan *plan,
                                const int32_t *column_ids, int32_t n_ids, int32_t column_id);
/* The same of several columns at once. */
void cni_plan_determines_each(const cni_rule_env *env, const cni_plan *plan,
                              const int32_t *column_ids, int32_t n_ids, const int32_t *wanted_ids,
                              int32_t n_wanted, bool *out_each);
/* Whether values that compare equal are the same value in every respect: not floats (-0 and 0),
 * intervals (30 days and a month), nested values. Only then may an expression of one stand for the
 * expression of the other. */
bool cni_type_is_exact(const cni_type *type);

/* `predicate` is not true (false or NULL) for every row in which all of the columns are NULL.
 * False when that is not proved. Never-erring parts are required to be reached: a predicate that
 * may raise on NULL input proves nothing. */
bool cni_expr_rejects_nulls(const cni_expr *predicate, const cni_id_set *columns);
/* `predicate` is TRUE or FALSE in every row of `plan`, which gives all its columns. False when that
 * is not proved. */
bool cni_expr_never_null(const cni_plan *plan, const cni_expr *predicate);

/* Columns and constants that equalities make interchangeable above `plan`'s inner part: equality
 * conjuncts of filters and inner joins. In the arena. */
typedef struct cni_equivalence cni_equivalence;
CN_NODISCARD cn_code cni_equivalence_of(cni_arena *arena, const cni_plan *plan,
                                        cni_equivalence **out_classes, cn_error *err);
/* The same of a list of predicates that hold together. */
CN_NODISCARD cn_code cni_equivalence_of_predicates(cni_arena *arena,
                                                   const cni_expr *const *conjuncts,
                                                   int64_t n_conjuncts,
                                                   cni_equivalence **out_classes, cn_error *err);
bool cni_equivalence_same(const cni_equivalence *self, int32_t a, int32_t b);
/* Every column id of the class of `column_id`, itself included, ascending; gives how many, 0 for a
 * column that no equality names. */
int32_t cni_equivalence_members(const cni_equivalence *self, int32_t column_id,
                                const int32_t **out_ids);
/* The literal that the class equals, or NULL. */
const cni_expr *cni_equivalence_constant(const cni_equivalence *self, int32_t column_id);

#endif /* CNI_OPTIMIZE_PROPERTY_H */
