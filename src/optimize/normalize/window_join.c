/* SPDX-License-Identifier: Apache-2.0
 *
 * Aggregates over whole partitions are groups that are joined back:
 *
 *   Window partition=[p] functions=[sum(x)]        With w
 *     Window partition=[p] functions=[rank()]        Project [R's columns, p's if computed]
 *       R                                    ->        R
 *                                                    Join left p IS NOT DISTINCT FROM p'
 *                                                      Window partition=[p] functions=[rank()]
 *                                                        CteScan w
 *                                                      Aggregate groups=[p'] aggregates=[sum(x')]
 *                                                        CteScan w
 *
 * VALUE_AT(x, number, wanted, default) is a LEFT JOIN of R with itself, of the partition's row
 * whose number is the one wanted.
 *
 * All windows over one R are taken together: R is computed once, and so are partition keys that are
 * no columns; first come the ranks, then a join per window with aggregates. Every row finds exactly
 * one group, so that LEFT is INNER; without keys it is a product with the one row, which R's rows
 * survive or not as they are there or not. Definitions that are cheap to read twice are read twice
 * (inline_with).
 */
#include "optimize/normalize/normalize.h"

typedef struct split_windows {
    cni_rule_env *env;
    const cni_plan *input;      /* R */
    cni_list windows;           /* const cni_plan, from the lowest up */
    const cni_plan *definition; /* R's columns under new ids, then computed keys */
    const cni_plan *scan;       /* of it under R's own ids */
    int32_t cte_id;
} split_windows;

/* One window of them, and the scan that its groups read. */
typedef struct split_window {
    split_windows *all;
    const cni_plan *window;
    int32_t first_computed; /* of the definition's columns: its first computed key */
    const cni_plan *group_scan;
    const cni_expr **group_keys; /* over `group_scan` */
    const cni_expr **keys;       /* over `scan` */
} split_window;

static bool
is_aggregate(const cni_expr *expr)
{
    return expr->kind == CNI_EXPR_AGGREGATE;
}

static bool
is_value_at(const cni_expr *expr)
{
    return expr->kind == CNI_EXPR_WINDOW && expr->function->builtin == CNI_WINDOW_VALUE_AT;
}

static bool
has_function(const cni_plan *window, bool (*is_one)(const cni_expr *expr))
{
    for (int32_t at = window->n_groups; at < window->n_exprs; at++) {
        if (is_one(window->exprs[at])) {
            return true;
        }
    }
    return false;
}

static const cni_plan *
window_at(const split_windows *self, int64_t at)
{
    return self->windows.items[at];
}

/* ---- R once ---- */

/* What the definition computes for the expression of a window: a key that is no column, and the
 * number that a VALUE_AT wants (a join's key should not be computed); NULL = nothing. */
static const cni_expr *
computed_for(const cni_plan *window, int32_t at)
{
    const cni_expr *expr = window->exprs[at];
    if (at >= window->n_groups) {
        return is_value_at(expr) ? expr->args[2] : NULL;
    }
    return expr->kind == CNI_EXPR_COLUMN ? NULL : expr;
}

/* Of the first `end` expressions. */
static int32_t
count_computed(const cni_plan *window, int32_t end)
{
    int32_t n = 0;
    for (int32_t at = 0; at < end; at++) {
        n += computed_for(window, at) != NULL ? 1 : 0;
    }
    return n;
}

/* The columns of the definition; ids are new. */
static cn_code
list_columns(split_windows *self, const cni_expr **exprs, cni_column *columns, int32_t *out_n,
             cn_error *err)
{
    const cni_plan *input = self->input;
    int32_t n = 0;
    for (; n < input->n_columns; n++) {
        columns[n] = input->columns[n];
        CN_TRY(cni_expr_column(self->env->arena, columns[n].id, columns[n].type, &exprs[n], err));
    }
    for (int64_t at = 0; at < self->windows.n_items; at++) {
        const cni_plan *window = window_at(self, at);
        for (int32_t expr = 0; expr < window->n_exprs; expr++) {
            if (computed_for(window, expr) != NULL) {
                exprs[n] = computed_for(window, expr);
                columns[n] = (cni_column){0, CNI_STR("key"), exprs[n]->type, true};
                n++;
            }
        }
    }
    for (int32_t column = 0; column < n; column++) {
        columns[column].id = self->env->builder.next_column_id++;
    }
    *out_n = n;
    return CN_OK;
}

static cn_code
define(split_windows *self, cn_error *err)
{
    cni_rule_env *env = self->env;
    const cni_plan *input = self->input;
    int32_t n = input->n_columns;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    for (int64_t at = 0; at < self->windows.n_items; at++) {
        n += count_computed(window_at(self, at), window_at(self, at)->n_exprs);
    }
    CN_TRY(cni_arena_alloc_array(env->arena, n, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n, (int64_t)sizeof(*columns), &columns, err));
    CN_TRY(list_columns(self, exprs, columns, &n, err));
    const cni_plan node = {.kind = CNI_PLAN_PROJECT,
                           .n_children = 1,
                           .children = &input,
                           .n_columns = n,
                           .columns = columns,
                           .n_exprs = n,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT,
                           .estimated_rows = input->estimated_rows,
                           .estimated_cost = -1.0};
    self->cte_id = cni_plan_new_cte_id(&env->builder);
    return cni_plan_new(&env->builder, &node, &self->definition, err);
}

/* The definition's rows once more; `own_ids`: R's columns keep their ids. */
static cn_code
read_definition(split_windows *self, bool own_ids, const cni_plan **out_scan, cn_error *err)
{
    cni_rule_env *env = self->env;
    const cni_plan *scan = NULL;
    cni_column *columns = NULL;
    CN_TRY(cni_plan_cte_scan(&env->builder, self->cte_id, CNI_STR("window"),
                             self->definition->columns, self->definition->n_columns, &scan, err));
    CN_TRY(cni_arena_alloc_array(env->arena, scan->n_columns, (int64_t)sizeof(*columns), &columns,
                                 err));
    for (int32_t column = 0; column < scan->n_columns; column++) {
        columns[column] = scan->columns[column];
        if (own_ids && column < self->input->n_columns) {
            columns[column].id = self->input->columns[column].id;
        }
    }
    cni_plan node = *scan;
    node.columns = columns;
    return cni_plan_new(&env->builder, &node, out_scan, err);
}

static cn_code
column_of(const split_window *self, const cni_plan *scan, int32_t position,
          const cni_expr **out_expr, cn_error *err)
{
    const cni_column *column = &scan->columns[position];
    return cni_expr_column(self->all->env->arena, column->id, column->type, out_expr, err);
}

/* Partition keys are columns of the definition now. */
static cn_code
place_keys(const split_window *self, const cni_plan *scan, const cni_expr ***out_keys,
           cn_error *err)
{
    const cni_plan *input = self->all->input;
    int32_t n_computed = 0;
    CN_TRY(cni_arena_alloc_array(self->all->env->arena, self->window->n_groups,
                                 (int64_t)sizeof(**out_keys), out_keys, err));
    for (int32_t key = 0; key < self->window->n_groups; key++) {
        const cni_expr *expr = self->window->exprs[key];
        int32_t position = 0;
        if (expr->kind != CNI_EXPR_COLUMN) {
            position = self->first_computed + n_computed++;
        } else {
            while (position < input->n_columns && input->columns[position].id != expr->column_id) {
                position++;
            }
        }
        if (position >= scan->n_columns) {
            return CN_FAIL(err, CN_INTERNAL, "a partition key is no column of the window's input");
        }
        CN_TRY(column_of(self, scan, position, &(*out_keys)[key], err));
    }
    return CN_OK;
}

/* ---- groups ---- */

/* R's columns -> those of group_scan. */
static cn_code
to_group_scan(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const split_window *self = state;
    const cni_plan *input = self->all->input;
    *out_expr = expr;
    for (int32_t column = 0; expr->kind == CNI_EXPR_COLUMN && column < input->n_columns; column++) {
        if (input->columns[column].id == expr->column_id) {
            return column_of(self, self->group_scan, column, out_expr, err);
        }
    }
    return CN_OK;
}

/* Groups under new ids, aggregates under those that they have in the window. */
static cn_code
make_groups(split_window *self, const cni_plan **out_groups, cn_error *err)
{
    cni_rule_env *env = self->all->env;
    const cni_plan *window = self->window;
    const int32_t n_keys = window->n_groups;
    const cni_expr **calls = NULL;
    const cni_plan *node = NULL;
    cni_column *columns = NULL;
    int32_t n = 0;
    CN_TRY(
        cni_arena_alloc_array(env->arena, window->n_exprs, (int64_t)sizeof(*calls), &calls, err));
    CN_TRY(cni_arena_alloc_array(env->arena, window->n_exprs, (int64_t)sizeof(*columns), &columns,
                                 err));
    for (int32_t at = n_keys; at < window->n_exprs; at++) {
        if (is_aggregate(window->exprs[at])) {
            columns[n_keys + n] = window->columns[window->n_columns - window->n_exprs + at];
            CN_TRY(cni_expr_rewrite(env->arena, window->exprs[at], to_group_scan, self, &calls[n],
                                    err));
            n++;
        }
    }
    CN_TRY(cni_plan_aggregate(&env->builder, self->group_scan, self->group_keys, n_keys, calls, n,
                              &node, err));
    for (int32_t key = 0; key < n_keys; key++) {
        columns[key] = node->columns[key];
        columns[key].id = env->builder.next_column_id++;
    }
    cni_plan renamed = *node;
    renamed.columns = columns;
    return cni_plan_new(&env->builder, &renamed, out_groups, err);
}

/* key IS NOT DISTINCT FROM the other one, for all; NULL without keys. */
static cn_code
match_keys(const split_window *self, const cni_expr *const *others, const cni_expr **out_predicate,
           cn_error *err)
{
    cni_arena *arena = self->all->env->arena;
    cni_list conjuncts = {0};
    for (int32_t key = 0; key < self->window->n_groups; key++) {
        const cni_expr *equal = NULL;
        const cni_expr *const args[] = {self->keys[key], others[key]};
        const cni_expr node = {.kind = CNI_EXPR_DISTINCT,
                               .negated = true,
                               .type = cni_type_of(CNI_TYPE_BOOL),
                               .n_args = 2,
                               .args = args,
                               .sql_offset = -1};
        CN_TRY(cni_expr_new(arena, &node, &equal, err));
        CN_TRY(cni_list_push(arena, &conjuncts, equal, err));
    }
    return cni_expr_all_of(arena, &conjuncts, out_predicate, err);
}

static cn_code
match_groups(const split_window *self, const cni_plan *groups, const cni_expr **out_predicate,
             cn_error *err)
{
    const cni_expr **others = NULL;
    CN_TRY(cni_arena_alloc_array(self->all->env->arena, self->window->n_groups,
                                 (int64_t)sizeof(*others), &others, err));
    for (int32_t key = 0; key < self->window->n_groups; key++) {
        CN_TRY(column_of(self, groups, key, &others[key], err));
    }
    return match_keys(self, others, out_predicate, err);
}

static cn_code
join_groups(split_window *self, const cni_plan **inout_plan, cn_error *err)
{
    const cni_plan *groups = NULL;
    const cni_expr *predicate = NULL;
    CN_TRY(read_definition(self->all, false, &self->group_scan, err));
    CN_TRY(place_keys(self, self->group_scan, &self->group_keys, err));
    CN_TRY(make_groups(self, &groups, err));
    CN_TRY(match_groups(self, groups, &predicate, err));
    return cni_plan_join(&self->all->env->builder,
                         predicate == NULL ? CNI_JOIN_INNER : CNI_JOIN_LEFT, *inout_plan, groups,
                         predicate, false, inout_plan, err);
}

/* ---- values of other rows ---- */

static bool
same_row(const cni_expr *a, const cni_expr *b)
{
    return cni_expr_equal(a->args[1], b->args[1]) && cni_expr_equal(a->args[2], b->args[2]);
}

/* Keys not distinct and number = wanted; `group_scan` is R once more. */
static cn_code
match_row(split_window *self, int32_t at, const cni_expr **out_predicate, cn_error *err)
{
    const cni_expr *call = self->window->exprs[at];
    const cni_expr *wanted = NULL;
    cni_arena *arena = self->all->env->arena;
    const cni_expr *number = NULL;
    const cni_expr *keys = NULL;
    const cni_expr *here = NULL;
    cni_list conjuncts = {0};
    CN_TRY(cni_expr_rewrite(arena, call->args[1], to_group_scan, self, &number, err));
    CN_TRY(column_of(self, self->all->scan, self->first_computed + count_computed(self->window, at),
                     &wanted, err));
    CN_TRY(cni_expr_compare(arena, CNI_EQ, wanted, number, &here, err));
    CN_TRY(match_keys(self, self->group_keys, &keys, err));
    if (keys != NULL) {
        CN_TRY(cni_expr_conjuncts(arena, keys, &conjuncts, err));
    }
    CN_TRY(cni_list_push(arena, &conjuncts, here, err));
    return cni_expr_all_of(arena, &conjuncts, out_predicate, err);
}

/* CASE WHEN the row is there THEN x ELSE default END. */
static cn_code
value_of(split_window *self, const cni_expr *call, const cni_expr **out_expr, cn_error *err)
{
    cni_arena *arena = self->all->env->arena;
    const cni_expr *number = NULL;
    const cni_expr *there = NULL;
    const cni_expr *x = NULL;
    CN_TRY(cni_expr_rewrite(arena, call->args[1], to_group_scan, self, &number, err));
    CN_TRY(cni_expr_rewrite(arena, call->args[0], to_group_scan, self, &x, err));
    const cni_expr test = {.kind = CNI_EXPR_IS_NULL,
                           .negated = true,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = 1,
                           .args = &number,
                           .sql_offset = -1};
    CN_TRY(cni_expr_new(arena, &test, &there, err));
    const cni_expr *const args[] = {there, x, call->args[3]};
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = call->type, .n_args = 3, .args = args, .sql_offset = -1};
    return cni_expr_new(arena, &node, out_expr, err);
}

/* The columns of `left` and those of all calls that ask for the same row as call `first`. */
static cn_code
project_values(split_window *self, int32_t first, bool *done, const cni_plan *left,
               const cni_plan **inout_plan, cn_error *err)
{
    cni_rule_env *env = self->all->env;
    const cni_plan *window = self->window;
    const int32_t n_most = left->n_columns + window->n_exprs;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    int32_t n = 0;
    CN_TRY(cni_arena_alloc_array(env->arena, n_most, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_most, (int64_t)sizeof(*columns), &columns, err));
    for (; n < left->n_columns; n++) {
        columns[n] = left->columns[n];
        CN_TRY(column_of(self, left, n, &exprs[n], err));
    }
    for (int32_t at = first; at < window->n_exprs; at++) {
        if (is_value_at(window->exprs[at]) && same_row(window->exprs[at], window->exprs[first])) {
            columns[n] = window->columns[window->n_columns - window->n_exprs + at];
            columns[n].nullable = true;
            CN_TRY(value_of(self, window->exprs[at], &exprs[n], err));
            n++;
            done[at] = true;
        }
    }
    const cni_plan node = {.kind = CNI_PLAN_PROJECT,
                           .n_children = 1,
                           .children = inout_plan,
                           .n_columns = n,
                           .columns = columns,
                           .n_exprs = n,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0};
    return cni_plan_new(&env->builder, &node, inout_plan, err);
}

/* A join for every row that some calls ask for. */
static cn_code
join_values(split_window *self, const cni_plan **inout_plan, cn_error *err)
{
    cni_rule_env *env = self->all->env;
    const cni_plan *window = self->window;
    bool *done = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, window->n_exprs, (int64_t)sizeof(*done), &done, err));
    for (int32_t at = window->n_groups; at < window->n_exprs; at++) {
        const cni_plan *left = *inout_plan;
        const cni_expr *predicate = NULL;
        if (!is_value_at(window->exprs[at]) || done[at]) {
            continue;
        }
        CN_TRY(read_definition(self->all, false, &self->group_scan, err));
        CN_TRY(place_keys(self, self->group_scan, &self->group_keys, err));
        CN_TRY(match_row(self, at, &predicate, err));
        CN_TRY(cni_plan_join(&env->builder, CNI_JOIN_LEFT, left, self->group_scan, predicate, false,
                             inout_plan, err));
        CN_TRY(project_values(self, at, done, left, inout_plan, err));
    }
    return CN_OK;
}

/* ---- ranks ---- */

/* The window with its other functions; nothing when there are none. */
static cn_code
add_ranks(const split_window *self, const cni_plan **inout_plan, cn_error *err)
{
    cni_rule_env *env = self->all->env;
    const cni_plan *window = self->window;
    const int32_t n_keys = window->n_groups;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    int32_t n = 0;
    CN_TRY(
        cni_arena_alloc_array(env->arena, window->n_exprs, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, window->n_exprs, (int64_t)sizeof(*columns), &columns,
                                 err));
    CN_ASSERT(n_keys == 0 || self->keys != NULL);
    for (int32_t key = 0; key < n_keys; key++) {
        exprs[key] = self->keys[key];
    }
    for (int32_t at = n_keys; at < window->n_exprs; at++) {
        if (!is_aggregate(window->exprs[at]) && !is_value_at(window->exprs[at])) {
            columns[n] = window->columns[window->n_columns - window->n_exprs + at];
            exprs[n_keys + n++] = window->exprs[at];
        }
    }
    cni_plan node = *window;
    node.n_exprs = n_keys + n;
    node.exprs = exprs;
    node.n_columns = n;
    node.columns = columns;
    return n == 0 ? CN_OK
                  : cni_plan_window_over(&env->builder, &node, *inout_plan, inout_plan, err);
}

/* ---- all windows over one input ---- */

static cn_code
split(split_windows *self, const cni_plan *top, const cni_plan **out_plan, cn_error *err)
{
    cni_rule_env *env = self->env;
    split_window *parts = NULL;
    const int64_t n = self->windows.n_items;
    CN_TRY(define(self, err));
    CN_TRY(read_definition(self, true, &self->scan, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n, (int64_t)sizeof(*parts), &parts, err));
    const cni_plan *plan = self->scan;
    int32_t n_before = self->input->n_columns;
    for (int64_t at = 0; at < n; at++) {
        const cni_plan *window = window_at(self, at);
        parts[at] = (split_window){.all = self, .window = window, .first_computed = n_before};
        n_before += count_computed(window, window->n_exprs);
        CN_TRY(place_keys(&parts[at], self->scan, &parts[at].keys, err));
        CN_TRY(add_ranks(&parts[at], &plan, err));
    }
    for (int64_t at = 0; at < n; at++) {
        if (has_function(parts[at].window, is_aggregate)) {
            CN_TRY(join_groups(&parts[at], &plan, err));
        }
        CN_TRY(join_values(&parts[at], &plan, err));
    }
    CN_TRY(cni_plan_with(&env->builder, self->cte_id, self->definition, plan, CNI_STR("window"),
                         &plan, err));
    return cni_plan_exactly(env, plan, top->columns, top->n_columns, out_plan, err);
}

static bool
is_over(const cni_plan *window, const cni_plan *input)
{
    bool over = true;
    for (int32_t expr = 0; over && expr < window->n_exprs; expr++) {
        over = cni_expr_is_over(window->exprs[expr], input);
    }
    for (int32_t order = 0; over && order < window->n_orders; order++) {
        over = cni_expr_is_over(window->orders[order].expr, input);
    }
    return over;
}

/* The lowest input that `top`, and all windows between, are over. */
static const cni_plan *
find_input(const cni_plan *top)
{
    const cni_plan *input = top->children[0];
    bool deeper = true;
    while (deeper && input->kind == CNI_PLAN_WINDOW) {
        for (const cni_plan *at = top; deeper && at != input; at = at->children[0]) {
            deeper = is_over(at, input->children[0]);
        }
        input = deeper ? input->children[0] : input;
    }
    return input;
}

static cn_code normalize_plan(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                              cn_error *err);

static cn_code
normalize_window(cni_rule_env *env, const cni_plan *top, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *input = find_input(top);
    split_windows self = {.env = env};
    int64_t n = 0;
    bool any = false;
    for (const cni_plan *at = top; at != input; at = at->children[0]) {
        CN_TRY(cni_list_push(env->arena, &self.windows, at, err));
        any = any || has_function(at, is_aggregate) || has_function(at, is_value_at);
    }
    n = self.windows.n_items;
    for (int64_t at = 0; at < n / 2; at++) {
        void *item = self.windows.items[at];
        self.windows.items[at] = self.windows.items[n - 1 - at];
        self.windows.items[n - 1 - at] = item;
    }
    CN_TRY(normalize_plan(env, input, &self.input, err));
    if (any) {
        return split(&self, top, out_plan, err);
    }
    *out_plan = self.input;
    for (int64_t at = 0; at < n; at++) {
        CN_TRY(cni_plan_window_over(&env->builder, window_at(&self, at), *out_plan, out_plan, err));
    }
    return CN_OK;
}

static cn_code
normalize_plan(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    if (plan->kind == CNI_PLAN_WINDOW) {
        return normalize_window(env, plan, out_plan, err);
    }
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(normalize_plan(env, plan->children[child], &children[child], err));
    }
    return cni_plan_with_children(&env->builder, plan, children, out_plan, err);
}

cn_code
cni_normalize_windows(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                      cn_error *err)
{
    return normalize_plan(env, plan, out_plan, err);
}
