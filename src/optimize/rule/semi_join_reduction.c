/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule semi_join_reduction: an inner join of which only one side is used above, and that gives
 * every row of that side at most once, only asks whether there is a partner: SEMI. Its table needs
 * no payload, and a probe stops at the first match.
 *
 * At most once: the other side is proved unique on its keys, or it does not matter how often a row
 * comes. Runs after join_order, which may have moved an inner join where a SEMI could not go.
 */
#include "optimize/property/property.h"

static cn_code
exchanged(cni_rule_env *env, const cni_plan *join, const cni_plan **out_join, cn_error *err)
{
    return cni_plan_join(&env->builder, CNI_JOIN_INNER, join->children[1], join->children[0],
                         join->predicate, false, out_join, err);
}

/* An equality between the sides: without one the nested loop stays as it is. */
static bool
has_equality(const cni_plan *join, const cni_expr *predicate)
{
    for (int32_t arg = 0; predicate->kind == CNI_EXPR_AND && arg < predicate->n_args; arg++) {
        if (has_equality(join, predicate->args[arg])) {
            return true;
        }
    }
    return predicate->kind == CNI_EXPR_COMPARE && predicate->op == CNI_EQ &&
           !cni_expr_is_over(predicate, join->children[0]) &&
           !cni_expr_is_over(predicate, join->children[1]);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_demand *demand, const cni_plan **out_plan,
      cn_error *err)
{
    *out_plan = plan;
    if (plan->kind != CNI_PLAN_JOIN || plan->join_kind != CNI_JOIN_INNER ||
        plan->predicate == NULL || !cni_expr_is_free(plan->predicate) ||
        !has_equality(plan, plan->predicate)) {
        return CN_OK;
    }
    for (int32_t side = 1; side >= 0; side--) {
        const cni_plan *join = plan;
        if (cni_plan_gives_any(plan->children[side], &demand->columns)) {
            continue;
        }
        if (side == 0) {
            CN_TRY(exchanged(env, plan, &join, err));
        }
        if (!demand->duplicates || cni_join_matches_once(env, join)) {
            return cni_plan_join(&env->builder, CNI_JOIN_SEMI, join->children[0], join->children[1],
                                 join->predicate, false, out_plan, err);
        }
    }
    return CN_OK;
}

cn_code
cni_rule_semi_join_reduction(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                             cn_error *err)
{
    return cni_plan_rewrite_demanded(env, plan, visit, out_plan, err);
}
