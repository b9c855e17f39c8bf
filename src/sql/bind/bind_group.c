/* SPDX-License-Identifier: Apache-2.0
 *
 * Grouping: takes the aggregate calls out of bound expressions, makes the AGGREGATE node, and
 * rewrites the expressions over its outputs. What is left of the input's columns is not grouped,
 * and refused by name; columns of enclosing queries stay. Subqueries name bare group keys by the
 * ids that these keep.
 */
#include "sql/bind/bind_select_int.h"

typedef struct group_state {
    cni_binder *binder;
    const cni_bind_scope *scope; /* for names in messages */
    const cni_plan *input;       /* columns of other plans belong to enclosing queries */
    const cni_plan *aggregate;   /* NULL while calls are collected */
    const cni_expr *const *groups;
    int32_t n_groups;
    cni_list calls; /* distinct aggregate calls */
    cn_code code;
    cn_error *err;
} group_state;

static int64_t
find_call(const group_state *state, const cni_expr *call)
{
    for (int64_t index = 0; index < state->calls.n_items; index++) {
        if (cni_expr_equal(state->calls.items[index], call)) {
            return index;
        }
    }
    return -1;
}

static bool
collect_calls(void *private_state, const cni_expr *expr)
{
    group_state *state = private_state;
    if (expr->kind != CNI_EXPR_AGGREGATE) {
        return state->code == CN_OK;
    }
    if (state->code == CN_OK && find_call(state, expr) < 0) {
        state->code = cni_list_push(state->binder->arena, &state->calls, expr, state->err);
    }
    return false;
}

static cn_code
output_column(const group_state *state, int64_t position, const cni_expr *original,
              const cni_expr **out_expr, cn_error *err)
{
    const cni_column *column = &state->aggregate->columns[position];
    const cni_expr *expr = NULL;
    CN_TRY(cni_expr_column(state->binder->arena, column->id, column->type, &expr, err));
    return cni_bind_place(state->binder, expr, original->sql_offset, original->sql_length, out_expr,
                          err);
}

static cni_str
column_name(const cni_bind_scope *scope, int32_t id)
{
    for (int32_t column = 0; column < scope->n_columns; column++) {
        if (scope->columns[column].id == id) {
            return scope->columns[column].name;
        }
    }
    for (int32_t index = 0; index < scope->n_relations; index++) {
        const cni_bind_relation *relation = &scope->relations[index];
        for (int32_t column = 0; column < relation->n_columns; column++) {
            if (relation->columns[column].id == id) {
                return relation->columns[column].name;
            }
        }
    }
    return CNI_STR("?");
}

/* A column left over: of the input it is not grouped, of an enclosing query it stays. */
static cn_code
over_column(const group_state *state, const cni_expr *expr, const cni_expr **out_expr,
            cn_error *err)
{
    *out_expr = expr;
    if (cni_plan_find_column(state->input, expr->column_id) == NULL) {
        return CN_OK;
    }
    return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42803", expr->sql_offset, expr->sql_length,
                         "column \"%.*s\" must appear in the GROUP BY clause or be used in an "
                         "aggregate function",
                         CNI_STR_ARGS(column_name(state->scope, expr->column_id)));
}

static cn_code
check_subquery(const group_state *state, const cni_expr *expr, cn_error *err)
{
    const cni_column *column =
        cni_bind_named_inside(expr, state->input, state->groups, state->n_groups);
    return column == NULL
               ? CN_OK
               : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42803", expr->sql_offset,
                               expr->sql_length,
                               "the subquery uses column \"%.*s\" of the outer query, which is not "
                               "grouped there",
                               CNI_STR_ARGS(column_name(state->scope, column->id)));
}

/* Top-down: a whole group key is replaced before its parts are looked at. */
static cn_code
over_groups(const group_state *state, const cni_expr *expr, const cni_expr **out_expr,
            cn_error *err)
{
    for (int32_t group = 0; group < state->n_groups; group++) {
        if (cni_expr_equal(state->groups[group], expr)) {
            return output_column(state, group, expr, out_expr, err);
        }
    }
    if (expr->kind == CNI_EXPR_AGGREGATE) {
        return output_column(state, state->n_groups + find_call(state, expr), expr, out_expr, err);
    }
    if (expr->kind == CNI_EXPR_COLUMN) {
        return over_column(state, expr, out_expr, err);
    }
    if (expr->kind == CNI_EXPR_SUBQUERY) {
        CN_TRY(check_subquery(state, expr, err));
    }
    if (expr->n_args == 0) {
        *out_expr = expr;
        return CN_OK;
    }
    const cni_expr **args = NULL;
    CN_TRY(cni_arena_alloc_array(state->binder->arena, expr->n_args, (int64_t)sizeof(*args), &args,
                                 err));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(over_groups(state, expr->args[arg], &args[arg], err));
    }
    return cni_expr_with_args(state->binder->arena, expr, args, out_expr, err);
}

/* The calls of subqueries first, in their order, then those of the expressions. */
static cn_code
gather_calls(group_state *state, const cni_list *outer_calls, const cni_expr *const *exprs,
             int32_t n_exprs, cn_error *err)
{
    for (int64_t call = 0; call < outer_calls->n_items; call++) {
        const cni_bind_outer_call *outer_call = outer_calls->items[call];
        CN_TRY(cni_list_push(state->binder->arena, &state->calls, outer_call->call, err));
    }
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        cni_expr_walk(exprs[expr], collect_calls, state);
    }
    return state->code;
}

cn_code
cni_bind_group(cni_binder *binder, const cni_bind_scope *scope, const cni_plan *input,
               const cni_expr *const *groups, int32_t n_groups, const cni_list *outer_calls,
               const cni_expr **inout_exprs, int32_t n_exprs, const cni_plan **out_plan,
               cn_error *err)
{
    group_state state = {.binder = binder,
                         .scope = scope,
                         .input = input,
                         .groups = groups,
                         .n_groups = n_groups,
                         .code = CN_OK,
                         .err = err};
    CN_TRY(gather_calls(&state, outer_calls, inout_exprs, n_exprs, err));
    const cni_expr **calls = NULL;
    const int32_t n_calls = (int32_t)state.calls.n_items;
    CN_TRY(cni_arena_alloc_array(binder->arena, n_calls, (int64_t)sizeof(*calls), &calls, err));
    for (int32_t call = 0; call < n_calls; call++) {
        calls[call] = state.calls.items[call];
    }
    CN_TRY(cni_bind_aggregate_node(binder, input, groups, n_groups, calls, n_calls, outer_calls,
                                   &state.aggregate, err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        CN_TRY(over_groups(&state, inout_exprs[expr], &inout_exprs[expr], err));
    }
    *out_plan = state.aggregate;
    return CN_OK;
}
