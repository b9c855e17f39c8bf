/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule join_elimination: joins that change nothing.
 *
 *   LEFT   no column of the right side is used, and every left row comes out once: the right side
 *          is proved unique on its keys, or it does not matter how often a row comes
 *   MARK   the mark is not used
 *   FILTER mark over MARK, the mark not used above -> SEMI; FILTER NOT mark -> ANTI
 *
 * An inner join drops rows without a partner and stays. projection_pushdown has run before, so that
 * what is named is used.
 */
#include "optimize/rule/rule.h"

static cn_code
drop_join(cni_rule_env *env, const cni_plan *join, const cni_demand *demand,
          const cni_plan **out_plan, cn_error *err)
{
    (void)err;
    *out_plan = join;
    if (join->join_kind == CNI_JOIN_LEFT &&
        !cni_plan_gives_any(join->children[1], &demand->columns) &&
        (!demand->duplicates || cni_join_matches_once(env, join))) {
        *out_plan = join->children[0];
    }
    if (join->join_kind == CNI_JOIN_MARK &&
        !cni_id_set_has(&demand->columns, join->columns[join->n_columns - 1].id)) {
        *out_plan = join->children[0];
    }
    return CN_OK;
}

/* The conjunct `mark` or `NOT mark`; *out_negated. */
static bool
asks_mark(const cni_expr *conjunct, int32_t mark_id, bool *out_negated)
{
    *out_negated = conjunct->kind == CNI_EXPR_NOT;
    const cni_expr *mark = *out_negated ? conjunct->args[0] : conjunct;
    return mark->kind == CNI_EXPR_COLUMN && mark->column_id == mark_id;
}

/* FILTER [NOT] mark AND rest over MARK -> FILTER rest over SEMI or ANTI. */
static cn_code
take_mark(cni_rule_env *env, const cni_plan *filter, const cni_demand *demand,
          const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *mark = filter->children[0];
    const int32_t mark_id = mark->columns[mark->n_columns - 1].id;
    cni_list conjuncts = {0};
    cni_list rest = {0};
    int32_t n_asking = 0;
    bool negated = false;
    *out_plan = filter;
    CN_TRY(cni_expr_conjuncts(env->arena, filter->predicate, &conjuncts, err));
    for (int64_t item = 0; item < conjuncts.n_items; item++) {
        bool here = false;
        if (asks_mark(conjuncts.items[item], mark_id, &here)) {
            negated = here;
            n_asking++;
        } else if (cni_expr_names(conjuncts.items[item], mark_id)) {
            return CN_OK;
        } else {
            CN_TRY(cni_list_push(env->arena, &rest, conjuncts.items[item], err));
        }
    }
    if (n_asking != 1 || cni_id_set_has(&demand->columns, mark_id)) {
        return CN_OK;
    }
    const cni_plan *join = NULL;
    CN_TRY(cni_plan_join(&env->builder, negated ? CNI_JOIN_ANTI : CNI_JOIN_SEMI, mark->children[0],
                         mark->children[1], mark->predicate, negated && mark->null_aware, &join,
                         err));
    return cni_plan_filter_all(env, join, &rest, out_plan, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_demand *demand, const cni_plan **out_plan,
      cn_error *err)
{
    *out_plan = plan;
    if (plan->kind == CNI_PLAN_JOIN) {
        return drop_join(env, plan, demand, out_plan, err);
    }
    if (plan->kind == CNI_PLAN_FILTER && plan->children[0]->kind == CNI_PLAN_JOIN &&
        plan->children[0]->join_kind == CNI_JOIN_MARK) {
        return take_mark(env, plan, demand, out_plan, err);
    }
    return CN_OK;
}

cn_code
cni_rule_join_elimination(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                          cn_error *err)
{
    return cni_plan_rewrite_demanded(env, plan, visit, out_plan, err);
}
