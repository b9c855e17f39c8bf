/* SPDX-License-Identifier: Apache-2.0
 *
 * Unnesting: no SUBQUERY expression and no correlated side of a join remains. One method for all
 * forms and depths:
 *
 *   1. Every SUBQUERY expression becomes a column of a dependent join under its node: scalar ->
 *      SINGLE, EXISTS, IN, ANY, ALL -> MARK.
 *   2. A dependent join L x R(L) becomes L x (D x R(D)) with D the distinct rows of the columns of
 * L that R names, and D is pushed down R (through filters, projections, groups, joins, distinct,
 *      limits, unions, WITH) until nothing below names them. Where equalities in R give every
 *      column of D from R's own columns, those take its place and D is dropped.
 *   3. Groups without keys keep their row for empty input: outer join with D, unless all that is
 *      made of it is NULL then anyway and the join above is SINGLE or LEFT.
 *   4. MARK under a filter that only asks whether it is true (or not true) becomes SEMI (ANTI,
 *      null_aware where IN could have been unknown).
 */
#ifndef CNI_OPTIMIZE_UNNEST_H
#define CNI_OPTIMIZE_UNNEST_H

#include "optimize/rule/rule.h"

/* Errors: CN_NOT_IMPLEMENTED naming the form, for what the method does not reach yet. */
CN_NODISCARD cn_code cni_unnest(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                                cn_error *err);

#endif /* CNI_OPTIMIZE_UNNEST_H */
