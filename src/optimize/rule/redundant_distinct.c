/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule redundant_distinct: duplicates that need not be removed, order that need not be made.
 *
 *   DISTINCT, GROUP BY without aggregates   gone where the rows are proved distinct already, or
 *                        where nobody asks how often a row comes (right sides of SEMI, ANTI, MARK,
 *                        under another DISTINCT, under min and max) and no join in between would
 *                        have more rows for it
 *   SORT                 gone where nobody asks for the order (sides of joins, under groupings)
 */
#include "optimize/property/property.h"

static cn_code
is_unique_on_columns(cni_rule_env *env, const cni_plan *plan, bool *out_unique, cn_error *err)
{
    int32_t *ids = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*ids), &ids, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        ids[column] = plan->columns[column].id;
    }
    *out_unique = cni_plan_is_unique_on_proved(env, plan, ids, plan->n_columns);
    return CN_OK;
}

/* The keys alone, computed for every row. */
static cn_code
keys_only(cni_rule_env *env, const cni_plan *aggregate, const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = *aggregate;
    node.kind = CNI_PLAN_PROJECT;
    node.n_groups = 0;
    node.estimated_rows = -1.0;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
visit_grouping(cni_rule_env *env, const cni_plan *plan, const cni_demand *demand,
               const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *project = NULL;
    bool unique = false;
    *out_plan = plan;
    if (plan->n_groups == 0 || plan->n_groups < plan->n_columns) {
        return CN_OK;
    }
    CN_TRY(keys_only(env, plan, &project, err));
    for (int32_t key = 0; key < plan->n_groups; key++) {
        if (cni_expr_is_volatile(plan->exprs[key])) {
            return CN_OK;
        }
    }
    if (demand->duplicates || demand->paired) {
        CN_TRY(is_unique_on_columns(env, project, &unique, err));
    } else {
        unique = true;
    }
    *out_plan = unique ? project : plan;
    return CN_OK;
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_demand *demand, const cni_plan **out_plan,
      cn_error *err)
{
    bool unique = false;
    *out_plan = plan;
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_DISTINCT:
        if (plan->n_exprs > 0) {
            return CN_OK;
        }
        if (demand->duplicates || demand->paired) {
            CN_TRY(is_unique_on_columns(env, plan->children[0], &unique, err));
        } else {
            unique = true;
        }
        *out_plan = unique ? plan->children[0] : plan;
        return CN_OK;
    case CNI_PLAN_AGGREGATE:
        return visit_grouping(env, plan, demand, out_plan, err);
    case CNI_PLAN_SORT:
        *out_plan = demand->order ? plan : plan->children[0];
        return CN_OK;
    default:
        return CN_OK;
    }
}

cn_code
cni_rule_redundant_distinct(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                            cn_error *err)
{
    return cni_plan_rewrite_demanded(env, plan, visit, out_plan, err);
}
