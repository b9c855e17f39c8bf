/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalization: canonical forms that every later step may rely on. Always runs.
 *
 *   constant op a            -> a op' constant
 *   NOT (a op b)             -> a op' b            (three-valued logic keeps its meaning)
 *   NOT NOT a, NOT IS NULL   -> a, IS NOT NULL     and so on for IN, DISTINCT, AND, OR (De Morgan)
 *   AND and OR inside themselves are flattened
 *   x = 1 OR x IN (2, 3)     -> x IN (1, 2, 3)     (in_list.c)
 *   subqueries and LATERAL   -> joins              (unnest.h)
 *   aggregates of WINDOW     -> joins with AGGREGATE (window_join.c)
 *   (a AND b) OR (a AND c)   -> a AND (b OR c)     in predicates of FILTER and JOIN
 *   FILTER over inner joins  -> their predicates   (join_predicate.c)
 */
#ifndef CNI_OPTIMIZE_NORMALIZE_H
#define CNI_OPTIMIZE_NORMALIZE_H

#include "optimize/rule/rule.h"

CN_NODISCARD cn_code cni_normalize(cni_rule_env *env, const cni_plan *plan,
                                   const cni_plan **out_plan, cn_error *err);

/* The forms of expressions only, of one plan without those that its subqueries hold; and, where the
 * rule is on, simplified: a constant that could fail is then a literal that cannot. */
CN_NODISCARD cn_code cni_normalize_input(cni_rule_env *env, const cni_plan *plan,
                                         const cni_plan **out_plan, cn_error *err);
/* No WINDOW has aggregates: each that had gets them from an AGGREGATE by its partition keys. */
CN_NODISCARD cn_code cni_normalize_windows(cni_rule_env *env, const cni_plan *plan,
                                           const cni_plan **out_plan, cn_error *err);
/* The last of the forms: conjuncts of filters over inner joins become predicates of the joins that
 * first have all their columns; inputs are reordered only where a product can be avoided. */
CN_NODISCARD cn_code cni_normalize_joins(cni_rule_env *env, const cni_plan *plan,
                                         const cni_plan **out_plan, cn_error *err);

#endif /* CNI_OPTIMIZE_NORMALIZE_H */
