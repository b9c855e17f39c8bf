/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule distinct_aggregate: f(DISTINCT x) GROUP BY g becomes f(x) over (GROUP BY g, x) when every
 * aggregate of the node is DISTINCT over the same single argument and without FILTER or ORDER BY:
 * the inner grouping is an ordinary hash aggregation with all its strategies. Other mixes are
 * carried out by the operator. Aggregates to which DISTINCT means nothing (min, max) just lose it.
 */
#include "optimize/rule/rule.h"

static bool
is_plain_distinct(const cni_expr *call)
{
    return call->call != NULL && call->call->distinct && call->call->filter == NULL &&
           call->call->n_orders == 0 && call->n_args == 1 && !call->function->order_sensitive;
}

/* The argument that all aggregates share, or NULL. */
static const cni_expr *
shared_argument(const cni_plan *plan)
{
    const cni_expr *shared = NULL;
    for (int32_t column = plan->n_groups; column < plan->n_columns; column++) {
        const cni_expr *call = plan->exprs[column];
        if (!is_plain_distinct(call) ||
            (shared != NULL && !cni_expr_equal(shared, call->args[0]))) {
            return NULL;
        }
        shared = call->args[0];
    }
    return shared;
}

/* GROUP BY g..., x without aggregates. */
static cn_code
inner_grouping(cni_rule_env *env, const cni_plan *plan, const cni_expr *argument,
               const cni_plan **out_inner, cn_error *err)
{
    const int32_t n_keys = plan->n_groups + 1;
    const cni_expr **keys = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, n_keys, (int64_t)sizeof(*keys), &keys, err));
    for (int32_t key = 0; key < plan->n_groups; key++) {
        keys[key] = plan->exprs[key];
    }
    keys[plan->n_groups] = argument;
    return cni_plan_aggregate(&env->builder, plan->children[0], keys, n_keys, NULL, 0, out_inner,
                              err);
}

static cn_code
plain_call(cni_rule_env *env, const cni_expr *call, const cni_expr *argument,
           const cni_expr **out_call, cn_error *err)
{
    cni_call_clauses *clauses = NULL;
    CN_TRY(CN_ARENA_NEW(env->arena, &clauses, err));
    *clauses = *call->call;
    clauses->distinct = false;
    cni_expr node = *call;
    node.call = clauses;
    node.args = &argument;
    return cni_expr_new(env->arena, &node, out_call, err);
}

static cn_code
outer_grouping(cni_rule_env *env, const cni_plan *plan, const cni_plan *inner,
               const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = *plan;
    const cni_expr **exprs = NULL;
    CN_TRY(
        cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t key = 0; key < plan->n_groups; key++) {
        CN_TRY(cni_expr_column(env->arena, inner->columns[key].id, inner->columns[key].type,
                               &exprs[key], err));
    }
    const cni_column *value = &inner->columns[plan->n_groups];
    const cni_expr *argument = NULL;
    CN_TRY(cni_expr_column(env->arena, value->id, value->type, &argument, err));
    for (int32_t column = plan->n_groups; column < plan->n_columns; column++) {
        CN_TRY(plain_call(env, plan->exprs[column], argument, &exprs[column], err));
    }
    node.exprs = exprs;
    node.children = &inner;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
drop_meaningless(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    cni_rule_env *env = state;
    *out_expr = expr;
    if (expr->kind != CNI_EXPR_AGGREGATE || expr->call == NULL || !expr->call->distinct ||
        !expr->function->ignores_distinct || expr->n_args != 1) {
        return CN_OK;
    }
    return plain_call(env, expr, expr->args[0], out_expr, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    if (plan->kind != CNI_PLAN_AGGREGATE) {
        return CN_OK;
    }
    CN_TRY(cni_plan_map_exprs(env, plan, drop_meaningless, env, &plan, err));
    *out_plan = plan;
    const cni_expr *argument = shared_argument(plan);
    if (argument == NULL || cni_expr_is_volatile(argument)) {
        return CN_OK;
    }
    const cni_plan *inner = NULL;
    CN_TRY(inner_grouping(env, plan, argument, &inner, err));
    return outer_grouping(env, plan, inner, out_plan, err);
}

cn_code
cni_rule_distinct_aggregate(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                            cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
