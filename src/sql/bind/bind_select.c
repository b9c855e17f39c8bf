/* SPDX-License-Identifier: Apache-2.0
 *
 * One SELECT with the ORDER BY and LIMIT of the query around it:
 *
 *   FROM -> Filter (WHERE) -> Aggregate -> Filter (HAVING) -> Windows -> Filter (QUALIFY)
 *        -> Project (items and hidden order keys) -> Distinct -> Sort -> Limit -> Project (items)
 */
#include "sql/bind/bind_select_int.h"

/* Work of one SELECT. */
typedef struct select_state {
    cni_binder *binder;
    const cni_bind_around *around;
    const cni_sql_query *query;
    const cni_sql_select *select;
    cni_bind_scope scope;
    cni_bind_items items;
    cni_bind_alias *aliases;
    int32_t n_aliases;
    const cni_expr *having;
    const cni_expr *qualify;
    cni_bind_order *orders;
    int32_t n_orders;
    const cni_expr **groups;
    int32_t n_groups;
    const cni_expr **distinct_on;
    bool has_group_by;
    cni_list outer_calls; /* aggregates of this SELECT that stand in subqueries */
    cni_list windows;     /* of cni_bind_window */
    const cni_plan *plan;
} select_state;

static cni_bind_names
names_for(select_state *state, cni_bind_clause clause)
{
    const bool sees_aliases = clause != CNI_CLAUSE_SELECT && clause != CNI_CLAUSE_WHERE;
    const bool has_windows = clause == CNI_CLAUSE_SELECT || clause == CNI_CLAUSE_ORDER;
    return (cni_bind_names){.binder = state->binder,
                            .outer = state->around->outer,
                            .ctes = state->around->ctes,
                            .scope = &state->scope,
                            .clause = (uint8_t)clause,
                            .outer_calls = &state->outer_calls,
                            .windows = has_windows ? &state->windows : NULL,
                            .select = state->select,
                            .n_aliases = sees_aliases ? state->n_aliases : 0,
                            .aliases = state->aliases};
}

static cn_code
refuse_parts(const cni_sql_query *query, cn_error *err)
{
    const cni_sql_select *select = query->select;
    if (select->sample != NULL) {
        return cni_bind_refuse(err, select->sample->offset, select->sample->length,
                               "samples of queries");
    }
    return CN_OK;
}

static cn_code
bind_where(select_state *state, cn_error *err)
{
    if (state->select->where == NULL) {
        return CN_OK;
    }
    cni_bind_names names = names_for(state, CNI_CLAUSE_WHERE);
    const cni_expr *predicate = NULL;
    CN_TRY(cni_bind_condition(&names, state->select->where, "WHERE", &predicate, err));
    return cni_plan_filter(&state->binder->builder, state->plan, predicate, &state->plan, err);
}

static cn_code
collect_aliases(select_state *state, cn_error *err)
{
    CN_TRY(cni_arena_alloc_array(state->binder->arena, state->items.n_items,
                                 (int64_t)sizeof(*state->aliases), &state->aliases, err));
    for (int32_t item = 0; item < state->items.n_items; item++) {
        state->aliases[item] = (cni_bind_alias){.name = state->items.items[item].name,
                                                .expr = state->items.items[item].expr};
    }
    state->n_aliases = state->items.n_items;
    return CN_OK;
}

/* Names and positions of outputs may stand for window functions, which come later than groups. */
static cn_code
refuse_windows(const select_state *state, const cni_expr *expr, const char *where, cn_error *err)
{
    const cni_expr *window = cni_bind_find_window(&state->windows, expr);
    return window == NULL
               ? CN_OK
               : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P20", window->sql_offset,
                               window->sql_length, "window functions are not allowed in %s", where);
}

/* The select item that an integer literal in GROUP BY names; NULL = it is none. */
static cn_code
item_at_position(select_state *state, const cni_sql_expr *expr, const cni_expr **out_expr,
                 cn_error *err)
{
    *out_expr = NULL;
    if (expr->kind != CNI_SQL_EXPR_LITERAL || expr->literal_kind != CNI_SQL_LITERAL_INTEGER) {
        return CN_OK;
    }
    int64_t position = 0;
    for (int64_t digit = 0; digit < expr->text.len_bytes && position < INT32_MAX; digit++) {
        position = position * 10 + (expr->text.data[digit] - '0');
    }
    if (position < 1 || position > state->items.n_items) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P10", expr->node.offset,
                             expr->node.length,
                             "GROUP BY position %.*s is not in the select list of %d columns",
                             CNI_STR_ARGS(expr->text), state->items.n_items);
    }
    *out_expr = state->items.items[position - 1].expr;
    return CN_OK;
}

static cn_code
push_group(select_state *state, const cni_expr *expr, cn_error *err)
{
    for (int32_t group = 0; group < state->n_groups; group++) {
        if (cni_expr_equal(state->groups[group], expr)) {
            return CN_OK;
        }
    }
    (void)err;
    state->groups[state->n_groups++] = expr;
    return CN_OK;
}

static cn_code
bind_group_item(select_state *state, const cni_sql_group *group, cn_error *err)
{
    if (group->kind == CNI_SQL_GROUP_EMPTY) {
        return CN_OK;
    }
    if (group->kind != CNI_SQL_GROUP_EXPR) {
        return cni_bind_refuse(err, group->offset, group->length, "GROUPING SETS, ROLLUP and CUBE");
    }
    const cni_sql_expr *expr = group->exprs.items[0];
    const cni_expr *bound = NULL;
    CN_TRY(item_at_position(state, expr, &bound, err));
    if (bound == NULL) {
        cni_bind_names names = names_for(state, CNI_CLAUSE_GROUP);
        CN_TRY(cni_bind_expr(&names, expr, &bound, err));
    }
    if (cni_expr_has_aggregate(bound)) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42803", expr->node.offset,
                             expr->node.length, "aggregate functions are not allowed in GROUP BY");
    }
    CN_TRY(refuse_windows(state, bound, "GROUP BY", err));
    return push_group(state, bound, err);
}

/* GROUP BY ALL: every item without an aggregate and a window function. */
static cn_code
group_by_all(select_state *state, cn_error *err)
{
    for (int32_t item = 0; item < state->items.n_items; item++) {
        const cni_expr *expr = state->items.items[item].expr;
        if (!cni_expr_has_aggregate(expr) && !cni_expr_is_constant(expr) &&
            cni_bind_find_window(&state->windows, expr) == NULL) {
            CN_TRY(push_group(state, expr, err));
        }
    }
    return CN_OK;
}

static cn_code
bind_groups(select_state *state, cn_error *err)
{
    const int64_t n_max = (int64_t)state->select->n_groups + state->items.n_items;
    CN_TRY(cni_arena_alloc_array(state->binder->arena, n_max, (int64_t)sizeof(*state->groups),
                                 &state->groups, err));
    state->has_group_by = state->select->n_groups > 0 || state->select->group_all;
    if (state->select->group_all) {
        return group_by_all(state, err);
    }
    for (int32_t group = 0; group < state->select->n_groups; group++) {
        CN_TRY(bind_group_item(state, &state->select->groups[group], err));
    }
    return CN_OK;
}

static cn_code
bind_qualify(select_state *state, cni_bind_names *names, cn_error *err)
{
    const cni_sql_expr *qualify = state->select->qualify;
    if (qualify == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_bind_condition(names, qualify, "QUALIFY", &state->qualify, err));
    return state->windows.n_items > 0
               ? CN_OK
               : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P20", qualify->node.offset,
                               qualify->node.length,
                               "QUALIFY needs a window function, there or in the select list");
}

static cn_code
bind_tail(select_state *state, cn_error *err)
{
    if (state->select->having != NULL) {
        cni_bind_names names = names_for(state, CNI_CLAUSE_HAVING);
        CN_TRY(cni_bind_condition(&names, state->select->having, "HAVING", &state->having, err));
        CN_TRY(refuse_windows(state, state->having, "HAVING", err));
    }
    cni_bind_names names = names_for(state, CNI_CLAUSE_ORDER);
    CN_TRY(cni_bind_orders(state->binder, &names, state->query, &state->items, &state->orders,
                           &state->n_orders, err));
    CN_TRY(cni_bind_window_clause(&names, err));
    CN_TRY(bind_qualify(state, &names, err));
    return cni_bind_exprs(&names, state->select->distinct_on.items,
                          state->select->distinct_on.n_items, &state->distinct_on, err);
}

static bool
any_aggregate(const cni_expr *const *exprs, int32_t n_exprs)
{
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        if (cni_expr_has_aggregate(exprs[expr])) {
            return true;
        }
    }
    return false;
}

static void
gather_one(const cni_expr **slot, const cni_expr **gathered, bool back)
{
    *(back ? slot : gathered) = back ? *gathered : *slot;
}

/* Every expression that lives above the grouping, in one array, and back. */
static int32_t
gather_exprs(select_state *state, const cni_expr **exprs, bool back)
{
    int32_t n_exprs = 0;
    for (int32_t item = 0; item < state->items.n_items; item++) {
        gather_one(&state->items.items[item].expr, &exprs[n_exprs++], back);
    }
    for (int32_t order = 0; order < state->n_orders; order++) {
        if (state->orders[order].position < 0) {
            gather_one(&state->orders[order].expr, &exprs[n_exprs++], back);
        }
    }
    for (int32_t on = 0; on < state->select->distinct_on.n_items; on++) {
        gather_one(&state->distinct_on[on], &exprs[n_exprs++], back);
    }
    if (state->qualify != NULL) {
        gather_one(&state->qualify, &exprs[n_exprs++], back);
    }
    n_exprs += cni_bind_window_parts(&state->windows, exprs + n_exprs, back);
    if (state->having != NULL) {
        gather_one(&state->having, &exprs[n_exprs++], back);
    }
    return n_exprs;
}

static cn_code
apply_grouping(select_state *state, cn_error *err)
{
    const cni_expr **exprs = NULL;
    const int64_t n_max = (int64_t)state->items.n_items + state->n_orders +
                          state->select->distinct_on.n_items + 2 +
                          cni_bind_count_window_parts(&state->windows);
    CN_TRY(
        cni_arena_alloc_array(state->binder->arena, n_max, (int64_t)sizeof(*exprs), &exprs, err));
    const int32_t n_exprs = gather_exprs(state, exprs, false);
    if (!state->has_group_by && state->having == NULL && state->outer_calls.n_items == 0 &&
        !any_aggregate(exprs, n_exprs)) {
        return CN_OK;
    }
    if (state->scope.is_recursive) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P19", state->query->node.offset,
                             state->query->node.length,
                             "the step of a recursive query must not aggregate its own rows");
    }
    CN_TRY(cni_bind_group(state->binder, &state->scope, state->plan, state->groups, state->n_groups,
                          &state->outer_calls, exprs, n_exprs, &state->plan, err));
    (void)gather_exprs(state, exprs, true);
    return state->having == NULL ? CN_OK
                                 : cni_plan_filter(&state->binder->builder, state->plan,
                                                   state->having, &state->plan, err);
}

static cn_code
apply_windows(select_state *state, cn_error *err)
{
    CN_TRY(cni_bind_window_nodes(state->binder, &state->windows, state->plan, &state->plan, err));
    return state->qualify == NULL ? CN_OK
                                  : cni_plan_filter(&state->binder->builder, state->plan,
                                                    state->qualify, &state->plan, err);
}

/* Give order keys that are select items their position, so that they are computed once. */
static void
match_orders(select_state *state)
{
    for (int32_t order = 0; order < state->n_orders; order++) {
        for (int32_t item = 0; state->orders[order].position < 0 && item < state->items.n_items;
             item++) {
            if (cni_expr_equal(state->orders[order].expr, state->items.items[item].expr)) {
                state->orders[order].position = item;
            }
        }
    }
}

/* Project the items and, behind them, the order keys and DISTINCT ON keys that are not items. */
static cn_code
project_items(select_state *state, int32_t *out_n_hidden, cn_error *err)
{
    const int32_t n_items = state->items.n_items;
    const int32_t n_on = state->select->distinct_on.n_items;
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    const int64_t n_max = (int64_t)n_items + state->n_orders + n_on;
    CN_TRY(
        cni_arena_alloc_array(state->binder->arena, n_max, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(
        cni_arena_alloc_array(state->binder->arena, n_max, (int64_t)sizeof(*names), &names, err));
    int32_t n_exprs = 0;
    for (; n_exprs < n_items; n_exprs++) {
        exprs[n_exprs] = state->items.items[n_exprs].expr;
        names[n_exprs] = state->items.items[n_exprs].name;
    }
    for (int32_t order = 0; order < state->n_orders; order++) {
        if (state->orders[order].position < 0) {
            names[n_exprs] = CNI_STR("order key");
            exprs[n_exprs] = state->orders[order].expr;
            state->orders[order].position = n_exprs++;
        }
    }
    for (int32_t on = 0; on < n_on; on++) {
        names[n_exprs] = CNI_STR("distinct key");
        exprs[n_exprs++] = state->distinct_on[on];
    }
    *out_n_hidden = n_exprs - n_items;
    return cni_bind_project(state->binder, state->plan, exprs, names, n_exprs, &state->plan, err);
}

/* The first order key that is no select item. */
static cn_code
refuse_hidden_order(const select_state *state, cn_error *err)
{
    int64_t offset = state->query->node.offset;
    int64_t length = state->query->node.length;
    for (int32_t order = state->n_orders - 1; order >= 0; order--) {
        const cni_expr *key = state->orders[order].expr;
        if (state->orders[order].position >= state->items.n_items && key->sql_offset >= 0) {
            offset = key->sql_offset;
            length = key->sql_length;
        }
    }
    return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P10", offset, length,
                         "with SELECT DISTINCT, ORDER BY may only use columns of the select list");
}

static cn_code
apply_distinct(select_state *state, int32_t n_hidden, cn_error *err)
{
    if (state->select->distinct == CNI_SQL_DISTINCT_NONE) {
        return CN_OK;
    }
    if (state->select->distinct == CNI_SQL_DISTINCT_ALL) {
        if (n_hidden > 0) {
            return refuse_hidden_order(state, err);
        }
        return cni_plan_distinct(&state->binder->builder, state->plan, NULL, 0, &state->plan, err);
    }
    /* DISTINCT ON keeps the first row per key in ORDER BY's order: sort first. */
    const int32_t n_on = state->select->distinct_on.n_items;
    const cni_expr **keys = NULL;
    CN_TRY(cni_arena_alloc_array(state->binder->arena, n_on, (int64_t)sizeof(*keys), &keys, err));
    for (int32_t on = 0; on < n_on; on++) {
        const cni_column *column = &state->plan->columns[state->plan->n_columns - n_on + on];
        CN_TRY(cni_expr_column(state->binder->arena, column->id, column->type, &keys[on], err));
    }
    CN_TRY(cni_bind_sort_outputs(state->binder, state->plan, state->orders, state->n_orders,
                                 &state->plan, err));
    return cni_plan_distinct(&state->binder->builder, state->plan, keys, n_on, &state->plan, err);
}

/* Only the items, without the hidden keys. */
static cn_code
drop_hidden(select_state *state, int32_t n_hidden, cn_error *err)
{
    const int32_t n_items = state->items.n_items;
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    if (n_hidden == 0) {
        return CN_OK;
    }
    CN_TRY(
        cni_arena_alloc_array(state->binder->arena, n_items, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(
        cni_arena_alloc_array(state->binder->arena, n_items, (int64_t)sizeof(*names), &names, err));
    for (int32_t item = 0; item < n_items; item++) {
        const cni_column *column = &state->plan->columns[item];
        names[item] = column->name;
        CN_TRY(cni_expr_column(state->binder->arena, column->id, column->type, &exprs[item], err));
    }
    return cni_plan_project(&state->binder->builder, state->plan, exprs, names, n_items,
                            &state->plan, err);
}

static cn_code
finish(select_state *state, const cni_plan **out_plan, cn_error *err)
{
    int32_t n_hidden = 0;
    match_orders(state);
    CN_TRY(project_items(state, &n_hidden, err));
    CN_TRY(apply_distinct(state, n_hidden, err));
    CN_TRY(cni_bind_sort_outputs(state->binder, state->plan, state->orders, state->n_orders,
                                 &state->plan, err));
    CN_TRY(cni_bind_limit(state->binder, state->query, state->plan, &state->plan, err));
    CN_TRY(drop_hidden(state, n_hidden, err));
    *out_plan = state->plan;
    return CN_OK;
}

/* FROM t without a select list is SELECT *. */
static cn_code
bind_items(select_state *state, cn_error *err)
{
    cni_bind_names names = names_for(state, CNI_CLAUSE_SELECT);
    CN_TRY(cni_bind_targets(&names, state->select, &state->items, err));
    if (state->items.n_items == 0) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", state->query->node.offset,
                             state->query->node.length, "the select list is empty");
    }
    return collect_aliases(state, err);
}

cn_code
cni_bind_select(cni_binder *binder, const cni_bind_around *around, const cni_sql_query *query,
                const cni_plan **out_plan, cn_error *err)
{
    select_state state = {
        .binder = binder, .around = around, .query = query, .select = query->select};
    cni_bind_input input;
    CN_TRY(refuse_parts(query, err));
    CN_TRY(cni_bind_from(binder, around, &query->select->from, &input, err));
    state.scope = input.scope;
    state.plan = input.plan;
    CN_TRY(bind_where(&state, err));
    CN_TRY(bind_items(&state, err));
    CN_TRY(bind_groups(&state, err));
    CN_TRY(bind_tail(&state, err));
    CN_TRY(apply_grouping(&state, err));
    CN_TRY(apply_windows(&state, err));
    return finish(&state, out_plan, err);
}
