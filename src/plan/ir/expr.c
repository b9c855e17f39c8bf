/* SPDX-License-Identifier: Apache-2.0
 *
 * Constructors of expressions. Every node goes through cni_expr_new, which copies the template and
 * its argument array into the arena and enforces the depth limit that lets walkers recurse.
 *
 * Walking, equality and properties are in expr_walk.c, text in expr_print.c.
 */
#include "plan/ir/expr.h"

#include "plan/ir/plan.h"

static int32_t
max_depth(int32_t depth, const cni_expr *expr)
{
    return expr != NULL && expr->depth > depth ? expr->depth : depth;
}

static int32_t
clauses_depth(const cni_call_clauses *call)
{
    int32_t depth = max_depth(0, call->filter);
    for (int32_t order = 0; order < call->n_orders; order++) {
        depth = max_depth(depth, call->orders[order].expr);
    }
    for (int32_t key = 0; key < call->n_partitions; key++) {
        depth = max_depth(depth, call->partitions[key]);
    }
    depth = max_depth(depth, call->frame_start_offset);
    return max_depth(depth, call->frame_end_offset);
}

static int32_t
depth_below(const cni_expr *node)
{
    int32_t depth = node->call == NULL ? 0 : clauses_depth(node->call);
    for (int32_t arg = 0; arg < node->n_args; arg++) {
        depth = max_depth(depth, node->args[arg]);
    }
    if (node->subquery != NULL && node->subquery->depth > depth) {
        depth = node->subquery->depth;
    }
    return depth;
}

cn_code
cni_expr_new(cni_arena *arena, const cni_expr *node, const cni_expr **out_expr, cn_error *err)
{
    const int32_t depth = depth_below(node) + 1;
    if (depth > CNI_EXPR_MAX_DEPTH) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "the expression is nested deeper than %d levels",
                       CNI_EXPR_MAX_DEPTH);
    }
    cni_expr *made = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &made, err));
    *made = *node;
    made->depth = (int16_t)depth;
    if (node->n_args > 0) {
        const cni_expr **args = NULL;
        const int64_t item_bytes = (int64_t)sizeof(*args);
        CN_TRY(cni_arena_alloc_array(arena, node->n_args, item_bytes, &args, err));
        memcpy((void *)args, (const void *)node->args, (size_t)(node->n_args * item_bytes));
        made->args = args;
    }
    *out_expr = made;
    return CN_OK;
}

cn_code
cni_expr_literal(cni_arena *arena, const cni_value *value, const cni_expr **out_expr, cn_error *err)
{
    cni_value *copy = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &copy, err));
    *copy = *value;
    const cni_expr node = {
        .kind = CNI_EXPR_LITERAL, .type = value->type, .sql_offset = -1, .literal = copy};
    return cni_expr_new(arena, &node, out_expr, err);
}

cn_code
cni_expr_bool(cni_arena *arena, bool value, const cni_expr **out_expr, cn_error *err)
{
    const cni_value literal = {.type = cni_type_of(CNI_TYPE_BOOL), .as.boolean = value};
    return cni_expr_literal(arena, &literal, out_expr, err);
}

cn_code
cni_expr_column(cni_arena *arena, int32_t column_id, const cni_type *type,
                const cni_expr **out_expr, cn_error *err)
{
    const cni_expr node = {
        .kind = CNI_EXPR_COLUMN, .type = type, .sql_offset = -1, .column_id = column_id};
    return cni_expr_new(arena, &node, out_expr, err);
}

cn_code
cni_expr_compare(cni_arena *arena, cni_compare_op op, const cni_expr *left, const cni_expr *right,
                 const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *args[] = {left, right};
    const cni_expr node = {.kind = CNI_EXPR_COMPARE,
                           .op = (uint8_t)op,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = 2,
                           .args = args,
                           .sql_offset = -1};
    return cni_expr_new(arena, &node, out_expr, err);
}

static int64_t
flattened_count(cni_expr_kind kind, const cni_expr *const *args, int32_t n_args)
{
    int64_t n_flat = 0;
    for (int32_t arg = 0; arg < n_args; arg++) {
        n_flat += args[arg]->kind == kind ? args[arg]->n_args : 1;
    }
    return n_flat;
}

cn_code
cni_expr_junction(cni_arena *arena, cni_expr_kind kind, const cni_expr *const *args, int32_t n_args,
                  const cni_expr **out_expr, cn_error *err)
{
    if (n_args == 0) {
        return cni_expr_bool(arena, kind == CNI_EXPR_AND, out_expr, err);
    }
    if (n_args == 1) {
        *out_expr = args[0];
        return CN_OK;
    }
    const int64_t n_flat = flattened_count(kind, args, n_args);
    if (n_flat > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a chain of %lld conditions is too long",
                       (long long)n_flat);
    }
    const cni_expr **flat = NULL;
    CN_TRY(cni_arena_alloc_array(arena, n_flat, (int64_t)sizeof(*flat), &flat, err));
    int32_t at = 0;
    for (int32_t arg = 0; arg < n_args; arg++) {
        const bool same = args[arg]->kind == kind;
        for (int32_t inner = 0; inner < (same ? args[arg]->n_args : 1); inner++) {
            flat[at++] = same ? args[arg]->args[inner] : args[arg];
        }
    }
    const cni_expr node = {.kind = (uint8_t)kind,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = at,
                           .args = flat,
                           .sql_offset = -1};
    return cni_expr_new(arena, &node, out_expr, err);
}

cn_code
cni_expr_not(cni_arena *arena, const cni_expr *arg, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr node = {.kind = CNI_EXPR_NOT,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = 1,
                           .args = &arg,
                           .sql_offset = -1};
    return cni_expr_new(arena, &node, out_expr, err);
}

cn_code
cni_expr_cast(cni_arena *arena, const cni_expr *expr, const cni_type *type, bool try_cast,
              const cni_expr **out_expr, cn_error *err)
{
    if (cni_type_equal(expr->type, type)) {
        *out_expr = expr;
        return CN_OK;
    }
    const cni_expr node = {.kind = CNI_EXPR_CAST,
                           .try_cast = try_cast,
                           .type = type,
                           .n_args = 1,
                           .args = &expr,
                           .sql_offset = expr->sql_offset,
                           .sql_length = expr->sql_length};
    return cni_expr_new(arena, &node, out_expr, err);
}

cn_code
cni_expr_with_args(cni_arena *arena, const cni_expr *expr, const cni_expr *const *args,
                   const cni_expr **out_expr, cn_error *err)
{
    bool changed = false;
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        changed = changed || args[arg] != expr->args[arg];
    }
    if (!changed) {
        *out_expr = expr;
        return CN_OK;
    }
    cni_expr node = *expr;
    node.args = args;
    return cni_expr_new(arena, &node, out_expr, err);
}
