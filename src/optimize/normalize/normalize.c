/* SPDX-License-Identifier: Apache-2.0
 *
 * Canonical forms of expressions; see normalize.h for the list. Works bottom-up, one node at a
 * time, so every argument that a case below looks at is already canonical.
 */
#include "optimize/normalize/normalize.h"

#include "optimize/normalize/unnest.h"

static const uint8_t mirrored_op[CNI_COMPARE_COUNT_] = {
    [CNI_EQ] = CNI_EQ, [CNI_NE] = CNI_NE, [CNI_LT] = CNI_GT,
    [CNI_LE] = CNI_GE, [CNI_GT] = CNI_LT, [CNI_GE] = CNI_LE,
};

static const uint8_t negated_op[CNI_COMPARE_COUNT_] = {
    [CNI_EQ] = CNI_NE, [CNI_NE] = CNI_EQ, [CNI_LT] = CNI_GE,
    [CNI_LE] = CNI_GT, [CNI_GT] = CNI_LE, [CNI_GE] = CNI_LT,
};

/* Same arguments, changed flags or operator. */
static cn_code
rebuild(cni_arena *arena, cni_expr node, const cni_expr **out_expr, cn_error *err)
{
    return cni_expr_new(arena, &node, out_expr, err);
}

static cn_code
normalize_compare(cni_arena *arena, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    /* A cast literal is a constant that is folded later. */
    if (!cni_expr_is_constant(expr->args[0]) || cni_expr_is_constant(expr->args[1])) {
        *out_expr = expr;
        return CN_OK;
    }
    const cni_expr *const args[2] = {expr->args[1], expr->args[0]};
    cni_expr node = *expr;
    node.op = mirrored_op[expr->op];
    node.args = args;
    return rebuild(arena, node, out_expr, err);
}

static cn_code negate(cni_arena *arena, const cni_expr *expr, const cni_expr **out_expr,
                      cn_error *err);

/* NOT (a AND b) = NOT a OR NOT b, and the other way round. Fallible members keep their order. */
static cn_code
negate_junction(cni_arena *arena, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    CN_TRY(cni_arena_alloc_array(arena, expr->n_args, (int64_t)sizeof(*args), &args, err));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(negate(arena, expr->args[arg], &args[arg], err));
    }
    const cni_expr_kind kind = expr->kind == CNI_EXPR_AND ? CNI_EXPR_OR : CNI_EXPR_AND;
    return cni_expr_junction(arena, kind, args, expr->n_args, out_expr, err);
}

/* The canonical form of NOT expr, for a canonical expr. Depth is bounded by the expression's. */
static cn_code
negate(cni_arena *arena, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    cni_expr node = *expr;
    switch ((cni_expr_kind)expr->kind) {
    case CNI_EXPR_NOT:
        *out_expr = expr->args[0];
        return CN_OK;
    case CNI_EXPR_COMPARE:
        node.op = negated_op[expr->op];
        return rebuild(arena, node, out_expr, err);
    case CNI_EXPR_DISTINCT:
    case CNI_EXPR_IS_NULL:
    case CNI_EXPR_IN:
        node.negated = !expr->negated;
        return rebuild(arena, node, out_expr, err);
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
        return negate_junction(arena, expr, out_expr, err);
    default:
        return cni_expr_not(arena, expr, out_expr, err);
    }
}

/* Flat, equalities with literals in lists: their number is not bounded. */
static cn_code
normalize_or(cni_arena *arena, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    CN_TRY(cni_expr_junction(arena, CNI_EXPR_OR, expr->args, expr->n_args, &expr, err));
    *out_expr = expr;
    return expr->kind != CNI_EXPR_OR
               ? CN_OK
               : cni_expr_any_of(arena, expr->args, expr->n_args, out_expr, err);
}

static cn_code
normalize_expr(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    cni_rule_env *env = state;
    switch ((cni_expr_kind)expr->kind) {
    case CNI_EXPR_COMPARE:
        return normalize_compare(env->arena, expr, out_expr, err);
    case CNI_EXPR_NOT:
        return negate(env->arena, expr->args[0], out_expr, err);
    case CNI_EXPR_AND:
        return cni_expr_junction(env->arena, CNI_EXPR_AND, expr->args, expr->n_args, out_expr, err);
    case CNI_EXPR_OR:
        return normalize_or(env->arena, expr, out_expr, err);
    default:
        *out_expr = expr;
        return CN_OK;
    }
}

static cn_code
normalize_node(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    return cni_plan_map_exprs(env, plan, normalize_expr, env, out_plan, err);
}

cn_code
cni_normalize_input(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                    cn_error *err)
{
    CN_TRY(cni_plan_rewrite(env, plan, normalize_node, &plan, err));
    *out_plan = plan;
    return cni_rule_is_on(env, "simplify") ? cni_rule_simplify(env, plan, out_plan, err) : CN_OK;
}

/* Equalities inside every branch of an OR are equalities of a join: without them it would look at
 * all pairs. */
static cn_code
factor_node(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = *plan;
    *out_plan = plan;
    if ((plan->kind != CNI_PLAN_FILTER && plan->kind != CNI_PLAN_JOIN) || plan->predicate == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_expr_factor_or(env, plan->predicate, &node.predicate, err));
    return node.predicate == plan->predicate ? CN_OK
                                             : cni_plan_new(&env->builder, &node, out_plan, err);
}

cn_code
cni_normalize(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    CN_TRY(cni_normalize_input(env, plan, &plan, err));
    CN_TRY(cni_unnest(env, plan, &plan, err));
    CN_TRY(cni_normalize_windows(env, plan, &plan, err));
    CN_TRY(cni_plan_rewrite(env, plan, factor_node, &plan, err));
    CN_TRY(cni_normalize_joins(env, plan, &plan, err));
    return cni_plan_rewrite(env, plan, normalize_node, out_plan, err);
}
