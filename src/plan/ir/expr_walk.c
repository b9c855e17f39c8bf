/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks over expressions: rewriting, equality and hash, and the properties that rules ask for.
 *
 * All recurse with small frames; depth is bounded by CNI_EXPR_MAX_DEPTH. Properties of calls come
 * from the functions' metadata (plan/function/function.h), those of casts from the kernels.
 */
#include "data/kernel/ops.h"
#include "plan/function/function.h"
#include "plan/ir/expr.h"
#include "plan/ir/plan.h"

/* ---- rewriting ---- */

typedef struct rewriter {
    cni_arena *arena;
    cni_expr_visit visit;
    void *state;
} rewriter;

static cn_code rewrite(const rewriter *self, const cni_expr *expr, const cni_expr **out_expr,
                       cn_error *err);

static cn_code
rewrite_optional(const rewriter *self, const cni_expr **inout_expr, bool *inout_changed,
                 cn_error *err)
{
    if (*inout_expr == NULL) {
        return CN_OK;
    }
    const cni_expr *made = NULL;
    CN_TRY(rewrite(self, *inout_expr, &made, err));
    *inout_changed = *inout_changed || made != *inout_expr;
    *inout_expr = made;
    return CN_OK;
}

static cn_code
rewrite_array(const rewriter *self, const cni_expr *const **inout_exprs, int32_t n_exprs,
              bool *inout_changed, cn_error *err)
{
    const cni_expr *const *old = *inout_exprs;
    const cni_expr **fresh = NULL;
    for (int32_t item = 0; item < n_exprs; item++) {
        const cni_expr *made = NULL;
        CN_TRY(rewrite(self, old[item], &made, err));
        if (fresh == NULL && made != old[item]) {
            const int64_t item_bytes = (int64_t)sizeof(*fresh);
            CN_TRY(cni_arena_alloc_array(self->arena, n_exprs, item_bytes, &fresh, err));
            memcpy((void *)fresh, (const void *)old, (size_t)(n_exprs * item_bytes));
        }
        if (fresh != NULL) {
            fresh[item] = made;
        }
    }
    if (fresh != NULL) {
        *inout_exprs = fresh;
        *inout_changed = true;
    }
    return CN_OK;
}

static cn_code
rewrite_orders(const rewriter *self, cni_call_clauses *call, bool *inout_changed, cn_error *err)
{
    if (call->n_orders == 0) {
        return CN_OK;
    }
    cni_order *orders = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->arena, call->n_orders, (int64_t)sizeof(*orders), &orders, err));
    for (int32_t order = 0; order < call->n_orders; order++) {
        orders[order] = call->orders[order];
        CN_TRY(rewrite_optional(self, &orders[order].expr, inout_changed, err));
    }
    call->orders = orders;
    return CN_OK;
}

static cn_code
rewrite_clauses(const rewriter *self, const cni_call_clauses **inout_call, bool *inout_changed,
                cn_error *err)
{
    cni_call_clauses call = **inout_call;
    bool changed = false;
    CN_TRY(rewrite_optional(self, &call.filter, &changed, err));
    CN_TRY(rewrite_orders(self, &call, &changed, err));
    CN_TRY(rewrite_array(self, &call.partitions, call.n_partitions, &changed, err));
    CN_TRY(rewrite_optional(self, &call.frame_start_offset, &changed, err));
    CN_TRY(rewrite_optional(self, &call.frame_end_offset, &changed, err));
    if (!changed) {
        return CN_OK;
    }
    cni_call_clauses *made = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &made, err));
    *made = call;
    *inout_call = made;
    *inout_changed = true;
    return CN_OK;
}

/* The node with rewritten arguments; apart from `rewrite` so that its large frame does not stack
 * up. */
static CN_NOINLINE cn_code
rebuild(const rewriter *self, const cni_expr *expr, const cni_expr *const *args,
        const cni_call_clauses *call, const cni_expr **out_expr, cn_error *err)
{
    cni_expr node = *expr;
    node.args = args;
    node.call = call;
    return cni_expr_new(self->arena, &node, out_expr, err);
}

static cn_code
rewrite(const rewriter *self, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *const *args = expr->args;
    const cni_call_clauses *call = expr->call;
    bool changed = false;
    CN_TRY(rewrite_array(self, &args, expr->n_args, &changed, err));
    if (call != NULL) {
        CN_TRY(rewrite_clauses(self, &call, &changed, err));
    }
    if (changed) {
        CN_TRY(rebuild(self, expr, args, call, &expr, err));
    }
    return self->visit(self->state, expr, out_expr, err);
}

cn_code
cni_expr_rewrite(cni_arena *arena, const cni_expr *expr, cni_expr_visit visit, void *state,
                 const cni_expr **out_expr, cn_error *err)
{
    const rewriter self = {arena, visit, state};
    return rewrite(&self, expr, out_expr, err);
}

void
cni_expr_walk(const cni_expr *expr, bool (*see)(void *state, const cni_expr *expr), void *state)
{
    if (expr == NULL || !see(state, expr)) {
        return;
    }
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        cni_expr_walk(expr->args[arg], see, state);
    }
    if (expr->call == NULL) {
        return;
    }
    cni_expr_walk(expr->call->filter, see, state);
    for (int32_t order = 0; order < expr->call->n_orders; order++) {
        cni_expr_walk(expr->call->orders[order].expr, see, state);
    }
    for (int32_t key = 0; key < expr->call->n_partitions; key++) {
        cni_expr_walk(expr->call->partitions[key], see, state);
    }
    cni_expr_walk(expr->call->frame_start_offset, see, state);
    cni_expr_walk(expr->call->frame_end_offset, see, state);
}

/* ---- equality and hash ---- */

static bool
optional_equal(const cni_expr *a, const cni_expr *b)
{
    return a == b || (a != NULL && b != NULL && cni_expr_equal(a, b));
}

static bool
array_equal(const cni_expr *const *a, const cni_expr *const *b, int32_t n_items)
{
    for (int32_t item = 0; item < n_items; item++) {
        if (!cni_expr_equal(a[item], b[item])) {
            return false;
        }
    }
    return true;
}

static bool
orders_equal(const cni_call_clauses *a, const cni_call_clauses *b)
{
    for (int32_t order = 0; order < a->n_orders; order++) {
        const cni_order *x = &a->orders[order];
        const cni_order *y = &b->orders[order];
        if (x->descending != y->descending || x->nulls_first != y->nulls_first ||
            !cni_expr_equal(x->expr, y->expr)) {
            return false;
        }
    }
    return true;
}

static bool
frames_equal(const cni_call_clauses *a, const cni_call_clauses *b)
{
    return a->frame_unit == b->frame_unit && a->frame_start == b->frame_start &&
           a->frame_end == b->frame_end && a->frame_exclude == b->frame_exclude &&
           optional_equal(a->frame_start_offset, b->frame_start_offset) &&
           optional_equal(a->frame_end_offset, b->frame_end_offset);
}

static bool
clauses_equal(const cni_call_clauses *a, const cni_call_clauses *b)
{
    if (a == b) {
        return true;
    }
    return a != NULL && b != NULL && a->distinct == b->distinct &&
           a->ignore_nulls == b->ignore_nulls && a->n_orders == b->n_orders &&
           a->n_partitions == b->n_partitions && optional_equal(a->filter, b->filter) &&
           orders_equal(a, b) && array_equal(a->partitions, b->partitions, a->n_partitions) &&
           frames_equal(a, b);
}

static bool
nodes_equal(const cni_expr *a, const cni_expr *b)
{
    return a->kind == b->kind && a->op == b->op && a->subquery_kind == b->subquery_kind &&
           a->negated == b->negated && a->try_cast == b->try_cast && a->n_args == b->n_args &&
           a->column_id == b->column_id && a->function == b->function &&
           a->subquery == b->subquery && cni_str_eq(a->parameter, b->parameter) &&
           cni_type_equal(a->type, b->type);
}

bool
cni_expr_equal(const cni_expr *a, const cni_expr *b)
{
    if (a == b) {
        return true;
    }
    if (!nodes_equal(a, b)) {
        return false;
    }
    if (a->kind == CNI_EXPR_LITERAL && !cni_value_equal(a->literal, b->literal)) {
        return false;
    }
    return clauses_equal(a->call, b->call) && array_equal(a->args, b->args, a->n_args);
}

static uint64_t
mix(uint64_t hash, uint64_t more)
{
    const uint64_t mixed = (hash ^ more) * UINT64_C(0x9E3779B97F4A7C15);
    return mixed ^ (mixed >> 29);
}

static uint64_t
value_hash(const cni_value *value)
{
    if (value->is_null) {
        return 1;
    }
    switch (cni_type_phys(value->type)) {
    case CNI_PHYS_BIT:
        return value->as.boolean ? 3 : 2;
    case CNI_PHYS_VIEW:
    case CNI_PHYS_FIXED:
        return cni_str_hash(value->as.bytes);
    case CNI_PHYS_I128:
        return (uint64_t)value->as.i128;
    case CNI_PHYS_F16:
    case CNI_PHYS_F32:
    case CNI_PHYS_F64: /* -0 equals 0, every NaN equals every other */
        return value->as.f64 > -9e15 && value->as.f64 < 9e15
                   ? (uint64_t)(int64_t)(value->as.f64 * 1024.0)
                   : 4;
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
    case CNI_PHYS_U64:
        return value->as.u64;
    default: /* intervals of equal length, nested values: few; equality decides */
        return 5;
    }
}

uint64_t
cni_expr_hash(const cni_expr *expr)
{
    uint64_t hash = mix(expr->kind, expr->op);
    hash = mix(hash, ((uint64_t)expr->type->id << 2) | ((uint64_t)expr->negated << 1) |
                         (uint64_t)expr->try_cast);
    hash = mix(hash, (uint64_t)(uint32_t)expr->column_id);
    hash = mix(hash, (uint64_t)(uintptr_t)expr->function);
    if (expr->kind == CNI_EXPR_LITERAL) {
        hash = mix(hash, value_hash(expr->literal));
    }
    if (expr->kind == CNI_EXPR_PARAMETER) {
        hash = mix(hash, cni_str_hash(expr->parameter));
    }
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        hash = mix(hash, cni_expr_hash(expr->args[arg]));
    }
    return hash;
}

/* ---- properties ---- */

static bool
cast_may_error(const cni_expr *expr)
{
    bool may_fail = true;
    if (expr->try_cast) {
        return false;
    }
    return !cni_cast_exists(expr->args[0]->type, expr->type, &may_fail) || may_fail;
}

static bool
see_variable(void *state, const cni_expr *expr)
{
    const bool variable = expr->kind == CNI_EXPR_COLUMN || expr->kind == CNI_EXPR_PARAMETER ||
                          expr->kind == CNI_EXPR_AGGREGATE || expr->kind == CNI_EXPR_WINDOW ||
                          expr->kind == CNI_EXPR_SUBQUERY || expr->kind == CNI_EXPR_LAMBDA ||
                          (expr->function != NULL && expr->function->volatility == CNI_VOLATILE);
    *(bool *)state = *(bool *)state || variable;
    return !*(bool *)state;
}

/* Types may make it impossible: decimals with digits to spare do not overflow. */
static bool
call_may_error(const cni_expr *expr)
{
    const cni_type *types[2];
    const cni_function *function = expr->function;
    if (!function->may_error || function->never_fails == NULL || expr->n_args > 2) {
        return function->may_error;
    }
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        types[arg] = expr->args[arg]->type;
    }
    return !function->never_fails(function, types, expr->n_args, expr->type);
}

static bool
see_error(void *state, const cni_expr *expr)
{
    const bool may_error = (expr->function != NULL && call_may_error(expr)) ||
                           (expr->kind == CNI_EXPR_CAST && cast_may_error(expr)) ||
                           expr->kind == CNI_EXPR_SUBQUERY || expr->kind == CNI_EXPR_LAMBDA;
    *(bool *)state = *(bool *)state || may_error;
    return !*(bool *)state;
}

static bool
see_volatile(void *state, const cni_expr *expr)
{
    if (expr->function != NULL && expr->function->volatility == CNI_VOLATILE) {
        *(bool *)state = true;
    }
    return !*(bool *)state;
}

static bool
see_aggregate(void *state, const cni_expr *expr)
{
    if (expr->kind == CNI_EXPR_AGGREGATE) {
        *(bool *)state = true;
    }
    return !*(bool *)state;
}

static bool
see_subquery(void *state, const cni_expr *expr)
{
    if (expr->kind == CNI_EXPR_SUBQUERY) {
        *(bool *)state = true;
    }
    return !*(bool *)state;
}

static bool
any_node(const cni_expr *expr, bool (*see)(void *state, const cni_expr *expr))
{
    bool found = false;
    cni_expr_walk(expr, see, &found);
    return found;
}

bool
cni_expr_is_constant(const cni_expr *expr)
{
    return !any_node(expr, see_variable);
}

bool
cni_expr_may_error(const cni_expr *expr)
{
    return any_node(expr, see_error);
}

bool
cni_expr_is_volatile(const cni_expr *expr)
{
    return any_node(expr, see_volatile);
}

bool
cni_expr_has_aggregate(const cni_expr *expr)
{
    return any_node(expr, see_aggregate);
}

bool
cni_expr_has_subquery(const cni_expr *expr)
{
    return any_node(expr, see_subquery);
}

/* Nanoseconds of one node over one row; strings cost what their comparison costs. measured: the
 * kernel budgets that bench/micro prints. */
static double
node_cost(const cni_expr *expr)
{
    const bool wide = expr->n_args > 0 && cni_type_phys(expr->args[0]->type) == CNI_PHYS_VIEW;
    switch (expr->kind) {
    case CNI_EXPR_LITERAL:
    case CNI_EXPR_COLUMN:
    case CNI_EXPR_PARAMETER:
        return 0.0;
    case CNI_EXPR_COMPARE:
    case CNI_EXPR_DISTINCT:
        return wide ? 2.0 : 0.1;
    case CNI_EXPR_IN:
        return wide ? 4.0 : 1.0;
    case CNI_EXPR_CAST:
        return wide || cni_type_phys(expr->type) == CNI_PHYS_VIEW ? 20.0 : 0.3;
    case CNI_EXPR_CASE:
        return 0.5 * (double)expr->n_args;
    case CNI_EXPR_CALL:
        return expr->function->cost_ns;
    default:
        return 0.1;
    }
}

static bool
see_cost(void *state, const cni_expr *expr)
{
    *(double *)state += node_cost(expr);
    return true;
}

double
cni_expr_cost(const cni_expr *expr)
{
    double cost_ns = 0.0;
    cni_expr_walk(expr, see_cost, &cost_ns);
    return cost_ns;
}
