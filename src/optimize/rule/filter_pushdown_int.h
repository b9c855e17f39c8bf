/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the rule filter_pushdown: conjuncts on their way down, and its part for joins.
 */
#ifndef CNI_OPTIMIZE_FILTER_PUSHDOWN_INT_H
#define CNI_OPTIMIZE_FILTER_PUSHDOWN_INT_H

#include "optimize/rule/rule.h"

/* The conjuncts on their way down (of const cni_expr *), in the order written, over the output of
 * the node at hand. */
typedef struct cni_pending {
    cni_list conjuncts;
} cni_pending;

/* Append, unless an equal one is there. */
CN_NODISCARD cn_code cni_pending_add(cni_rule_env *env, cni_pending *list, const cni_expr *conjunct,
                                     cn_error *err);
/* `plan` with the wanted conjuncts applied as far down as they go. */
CN_NODISCARD cn_code cni_filter_push(cni_rule_env *env, const cni_plan *plan,
                                     const cni_pending *wanted, const cni_plan **out_plan,
                                     cn_error *err);
/* The same for a JOIN. */
CN_NODISCARD cn_code cni_filter_push_join(cni_rule_env *env, const cni_plan *plan,
                                          const cni_pending *wanted, const cni_plan **out_plan,
                                          cn_error *err);

#endif /* CNI_OPTIMIZE_FILTER_PUSHDOWN_INT_H */
