/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule simplify: constants are computed once, junctions lose members that decide nothing,
 * comparisons of a cast column with a literal compare the column itself, filters that are always
 * true or never true go.
 *
 * A constant that fails to evaluate is left in place: it raises its error only if a row gets there.
 */
#include "optimize/rule/rule.h"
#include "plan/eval/program.h"

static bool
is_literal(const cni_expr *expr)
{
    return expr->kind == CNI_EXPR_LITERAL;
}

static bool
is_bool_literal(const cni_expr *expr, bool value)
{
    return is_literal(expr) && !expr->literal->is_null &&
           expr->literal->type->id == CNI_TYPE_BOOL && expr->literal->as.boolean == value;
}

static bool
all_literal(const cni_expr *expr)
{
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        if (!is_literal(expr->args[arg])) {
            return false;
        }
    }
    return true;
}

static bool
is_foldable_kind(const cni_expr *expr)
{
    switch ((cni_expr_kind)expr->kind) {
    case CNI_EXPR_CALL:
    case CNI_EXPR_COMPARE:
    case CNI_EXPR_DISTINCT:
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
    case CNI_EXPR_NOT:
    case CNI_EXPR_IS_NULL:
    case CNI_EXPR_IN:
    case CNI_EXPR_CASE:
    case CNI_EXPR_CAST:
        return true;
    default:
        return false;
    }
}

/* The literal that a constant expression amounts to, or the expression when it fails. */
static cn_code
fold(cni_rule_env *env, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    cni_value value;
    cn_error ignored = CN_ERROR_INIT;
    *out_expr = expr;
    const cn_code code = cni_expr_evaluate(env->arena, expr, env->context, &value, &ignored);
    if (code == CN_NO_MEMORY || code == CN_BUDGET_EXCEEDED || code == CN_CANCELLED) {
        if (err != NULL) {
            *err = ignored;
        }
        return code;
    }
    return code == CN_OK ? cni_expr_literal(env->arena, &value, out_expr, err) : CN_OK;
}

static bool
has_equal_before(const cni_expr *const *args, int32_t n_args, const cni_expr *expr)
{
    for (int32_t arg = 0; arg < n_args; arg++) {
        if (cni_expr_equal(args[arg], expr)) {
            return true;
        }
    }
    return false;
}

#define DUPLICATES_MAX_ARGS 32 /* quadratic search only in short junctions */

/* AND drops TRUE and becomes FALSE at FALSE; OR the other way round; repeated members go. */
static cn_code
simplify_junction(cni_rule_env *env, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const bool neutral = expr->kind == CNI_EXPR_AND;
    const cni_expr **kept = NULL;
    int32_t n_kept = 0;
    CN_TRY(cni_arena_alloc_array(env->arena, expr->n_args, (int64_t)sizeof(*kept), &kept, err));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        const cni_expr *member = expr->args[arg];
        if (is_bool_literal(member, !neutral)) {
            *out_expr = member;
            return CN_OK;
        }
        const bool repeated = expr->n_args <= DUPLICATES_MAX_ARGS &&
                              !cni_expr_is_volatile(member) &&
                              has_equal_before(kept, n_kept, member);
        if (!is_bool_literal(member, neutral) && !repeated) {
            kept[n_kept++] = member;
        }
    }
    *out_expr = expr;
    return n_kept == expr->n_args ? CN_OK
                                  : cni_expr_junction(env->arena, (cni_expr_kind)expr->kind, kept,
                                                      n_kept, out_expr, err);
}

static int32_t
integer_bits(const cni_type *type)
{
    static const int8_t bits[CNI_TYPE_COUNT_] = {
        [CNI_TYPE_INT8] = 8,    [CNI_TYPE_INT16] = 16,  [CNI_TYPE_INT32] = 32,
        [CNI_TYPE_INT64] = 64,  [CNI_TYPE_UINT8] = 8,   [CNI_TYPE_UINT16] = 16,
        [CNI_TYPE_UINT32] = 32, [CNI_TYPE_UINT64] = 64,
    };
    return bits[type->id];
}

/* Whether the cast never fails, keeps order and gives different results for different inputs. */
static bool
is_order_preserving_cast(const cni_type *from, const cni_type *to)
{
    if (integer_bits(from) > 0) {
        return integer_bits(to) > integer_bits(from) || to->id == CNI_TYPE_HUGEINT ||
               to->id == CNI_TYPE_DECIMAL ||
               (to->id == CNI_TYPE_FLOAT64 && integer_bits(from) <= 32);
    }
    if (from->id == CNI_TYPE_DECIMAL && to->id == CNI_TYPE_DECIMAL) {
        return to->scale >= from->scale &&
               to->precision - to->scale >= from->precision - from->scale;
    }
    if (from->id == CNI_TYPE_FLOAT32) {
        return to->id == CNI_TYPE_FLOAT64;
    }
    return from->id == CNI_TYPE_DATE && to->id == CNI_TYPE_TIMESTAMP && to->unit <= CNI_UNIT_US &&
           to->timezone.data == NULL;
}

/* `literal` in the type `type` if that loses nothing, else NULL. */
static cn_code
narrow_literal(cni_rule_env *env, const cni_expr *literal, const cni_type *type,
               const cni_expr **out_literal, cn_error *err)
{
    const cni_expr *narrow = NULL;
    const cni_expr *back = NULL;
    *out_literal = NULL;
    CN_TRY(cni_expr_cast(env->arena, literal, type, true, &narrow, err));
    CN_TRY(fold(env, narrow, &narrow, err));
    if (!is_literal(narrow) || narrow->literal->is_null) {
        return CN_OK;
    }
    CN_TRY(cni_expr_cast(env->arena, narrow, literal->type, true, &back, err));
    CN_TRY(fold(env, back, &back, err));
    if (is_literal(back) && cni_value_equal(back->literal, literal->literal)) {
        *out_literal = narrow;
    }
    return CN_OK;
}

/* CAST(x AS wide) op literal -> x op narrow literal; IN lists likewise, when every item narrows. */
static cn_code
unwrap_cast(cni_rule_env *env, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *cast = expr->args[0];
    *out_expr = expr;
    if (cast->kind != CNI_EXPR_CAST || !is_order_preserving_cast(cast->args[0]->type, cast->type)) {
        return CN_OK;
    }
    const cni_expr **args = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, expr->n_args, (int64_t)sizeof(*args), &args, err));
    args[0] = cast->args[0];
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        if (!is_literal(expr->args[arg]) || expr->args[arg]->literal->is_null) {
            return CN_OK;
        }
        CN_TRY(narrow_literal(env, expr->args[arg], args[0]->type, &args[arg], err));
        if (args[arg] == NULL) {
            return CN_OK;
        }
    }
    return cni_expr_with_args(env->arena, expr, args, out_expr, err);
}

/* x IN (one) -> x = one. */
static cn_code
simplify_in(cni_rule_env *env, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    if (expr->n_args != 2) {
        return unwrap_cast(env, expr, out_expr, err);
    }
    const cni_expr *compare = NULL;
    CN_TRY(cni_expr_compare(env->arena, expr->negated ? CNI_NE : CNI_EQ, expr->args[0],
                            expr->args[1], &compare, err));
    return unwrap_cast(env, compare, out_expr, err);
}

/* Branches that cannot be taken go; a first branch that always is taken is the result. */
static cn_code
simplify_case(cni_rule_env *env, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    int32_t n_args = 0;
    bool decided = false;
    CN_TRY(cni_arena_alloc_array(env->arena, expr->n_args, (int64_t)sizeof(*args), &args, err));
    for (int32_t arg = 0; arg + 1 < expr->n_args && !decided; arg += 2) {
        const cni_expr *condition = expr->args[arg];
        decided = is_bool_literal(condition, true);
        if (decided) {
            args[n_args++] = expr->args[arg + 1];
        } else if (!is_literal(condition)) {
            args[n_args++] = condition;
            args[n_args++] = expr->args[arg + 1];
        }
    }
    if (!decided) {
        args[n_args++] = expr->args[expr->n_args - 1];
    }
    *out_expr = expr;
    if (n_args == expr->n_args) {
        return CN_OK;
    }
    if (n_args == 1) {
        *out_expr = args[0];
        return CN_OK;
    }
    cni_expr node = *expr;
    node.n_args = n_args;
    node.args = args;
    return cni_expr_new(env->arena, &node, out_expr, err);
}

static cn_code
simplify_expr(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    cni_rule_env *env = state;
    *out_expr = expr;
    if (is_foldable_kind(expr) && all_literal(expr)) {
        return cni_expr_is_constant(expr) ? fold(env, expr, out_expr, err) : CN_OK;
    }
    switch ((cni_expr_kind)expr->kind) {
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
        return simplify_junction(env, expr, out_expr, err);
    case CNI_EXPR_COMPARE:
        return unwrap_cast(env, expr, out_expr, err);
    case CNI_EXPR_IN:
        return simplify_in(env, expr, out_expr, err);
    case CNI_EXPR_CASE:
        return simplify_case(env, expr, out_expr, err);
    default:
        return CN_OK;
    }
}

static cn_code
simplify_filter(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    if (is_bool_literal(plan->predicate, true)) {
        *out_plan = plan->children[0];
        return CN_OK;
    }
    if (!is_literal(plan->predicate)) {
        return CN_OK;
    }
    return cni_plan_empty(env, plan, out_plan, err);
}

/* ORDER BY a literal orders nothing. */
static cn_code
simplify_sort(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    cni_order *orders = NULL;
    int32_t n_orders = 0;
    CN_TRY(
        cni_arena_alloc_array(env->arena, plan->n_orders, (int64_t)sizeof(*orders), &orders, err));
    for (int32_t order = 0; order < plan->n_orders; order++) {
        if (!is_literal(plan->orders[order].expr)) {
            orders[n_orders++] = plan->orders[order];
        }
    }
    *out_plan = plan;
    if (n_orders == plan->n_orders) {
        return CN_OK;
    }
    if (n_orders == 0) {
        *out_plan = plan->children[0];
        return CN_OK;
    }
    cni_plan node = *plan;
    node.n_orders = n_orders;
    node.orders = orders;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *mapped = NULL;
    CN_TRY(cni_plan_map_exprs(env, plan, simplify_expr, env, &mapped, err));
    *out_plan = mapped;
    if (mapped->kind == CNI_PLAN_FILTER) {
        return simplify_filter(env, mapped, out_plan, err);
    }
    return mapped->kind == CNI_PLAN_SORT ? simplify_sort(env, mapped, out_plan, err) : CN_OK;
}

cn_code
cni_rule_simplify(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
