/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns of enclosing queries: which level an expression belongs to, and what subqueries leave for
 * the levels around them.
 *
 * An aggregate belongs to the innermost query whose columns its arguments name. When that is not
 * the query it stands in, it is computed further out (its level keeps it in `outer_calls`), and the
 * subquery names the column that it will be: nothing inside has to be rewritten when the outer
 * AGGREGATE is made.
 */
#include "sql/bind/bind_int.h"

/* ---- walking over all expressions below a plan */

typedef bool (*see_expr)(void *state, const cni_expr *expr);

static void
walk_exprs(const cni_expr *const *exprs, int64_t n_exprs, see_expr see, void *state)
{
    for (int64_t expr = 0; expr < n_exprs; expr++) {
        cni_expr_walk(exprs[expr], see, state);
    }
}

static void
walk_plan(const cni_plan *plan, see_expr see, void *state)
{
    walk_exprs(plan->exprs, plan->n_exprs, see, state);
    walk_exprs(plan->filters, plan->n_filters, see, state);
    cni_expr_walk(plan->predicate, see, state);
    for (int32_t order = 0; order < plan->n_orders; order++) {
        cni_expr_walk(plan->orders[order].expr, see, state);
    }
    for (int32_t child = 0; child < plan->n_children; child++) {
        walk_plan(plan->children[child], see, state);
    }
}

/* ---- levels */

static bool
has_id(const cni_column *columns, int32_t n_columns, int32_t id)
{
    for (int32_t column = 0; column < n_columns; column++) {
        if (columns[column].id == id) {
            return true;
        }
    }
    return false;
}

static bool
scope_has_id(const cni_bind_scope *scope, int32_t id)
{
    bool found = has_id(scope->columns, scope->n_columns, id);
    for (int32_t index = 0; index < scope->n_relations && !found; index++) {
        found = has_id(scope->relations[index].columns, scope->relations[index].n_columns, id);
    }
    return found;
}

static bool
calls_have_id(const cni_list *calls, int32_t id)
{
    for (int64_t index = 0; calls != NULL && index < calls->n_items; index++) {
        if (((const cni_bind_outer_call *)calls->items[index])->column_id == id) {
            return true;
        }
    }
    return false;
}

typedef struct owner_search {
    cni_bind_names *names;
    cni_bind_names *found; /* NULL until a column is seen */
} owner_search;

/* Whether `a` is at or inside `b`. */
static bool
is_within(const cni_bind_names *a, const cni_bind_names *b)
{
    while (a != NULL && a != b) {
        a = a->outer;
    }
    return a != NULL;
}

static bool
see_owner(void *state, const cni_expr *expr)
{
    owner_search *self = state;
    if (expr->subquery != NULL) {
        walk_plan(expr->subquery, see_owner, state);
    }
    for (cni_bind_names *level = self->names; expr->kind == CNI_EXPR_COLUMN && level != NULL;
         level = level->outer) {
        if ((level->scope != NULL && scope_has_id(level->scope, expr->column_id)) ||
            calls_have_id(level->outer_calls, expr->column_id)) {
            self->found =
                self->found == NULL || is_within(level, self->found) ? level : self->found;
            break;
        }
    }
    return true;
}

cni_bind_names *
cni_bind_owner(cni_bind_names *names, const cni_expr *call)
{
    owner_search search = {.names = names};
    if (names->outer == NULL) {
        return names;
    }
    cni_expr_walk(call, see_owner, &search);
    return search.found == NULL ? names : search.found;
}

cn_code
cni_bind_outer_aggregate(cni_bind_names *owner, const cni_expr *call, const cni_expr **out_expr,
                         cn_error *err)
{
    cni_binder *binder = owner->binder;
    cni_bind_outer_call *outer_call = NULL;
    const cni_expr *column = NULL;
    for (int64_t index = 0; index < owner->outer_calls->n_items && outer_call == NULL; index++) {
        cni_bind_outer_call *known = owner->outer_calls->items[index];
        outer_call = cni_expr_equal(known->call, call) ? known : NULL;
    }
    if (outer_call == NULL) {
        CN_TRY(CN_ARENA_NEW(binder->arena, &outer_call, err));
        outer_call->call = call;
        outer_call->column_id = binder->builder.next_column_id++;
        CN_TRY(cni_list_push(binder->arena, owner->outer_calls, outer_call, err));
    }
    CN_TRY(cni_expr_column(binder->arena, outer_call->column_id, call->type, &column, err));
    return cni_bind_place(binder, column, call->sql_offset, call->sql_length, out_expr, err);
}

/* ---- what subqueries name */

typedef struct inside_search {
    const cni_plan *input;
    const cni_expr *const *allowed;
    int32_t n_allowed;
    bool in_subquery;
    const cni_column *found;
} inside_search;

static bool
is_allowed(const inside_search *self, int32_t id)
{
    for (int32_t index = 0; index < self->n_allowed; index++) {
        if (self->allowed[index]->kind == CNI_EXPR_COLUMN &&
            self->allowed[index]->column_id == id) {
            return true;
        }
    }
    return false;
}

static bool
see_inside(void *state, const cni_expr *expr)
{
    inside_search *self = state;
    if (expr->subquery != NULL) {
        inside_search inside = *self;
        inside.in_subquery = true;
        walk_plan(expr->subquery, see_inside, &inside);
        self->found = inside.found;
    }
    if (self->in_subquery && expr->kind == CNI_EXPR_COLUMN && self->found == NULL &&
        !is_allowed(self, expr->column_id)) {
        self->found = cni_plan_find_column(self->input, expr->column_id);
    }
    return self->found == NULL;
}

const cni_column *
cni_bind_named_inside(const cni_expr *expr, const cni_plan *input, const cni_expr *const *allowed,
                      int32_t n_allowed)
{
    inside_search search = {.input = input, .allowed = allowed, .n_allowed = n_allowed};
    cni_expr_walk(expr, see_inside, &search);
    return search.found;
}

static bool
see_rows_needed(void *state, const cni_expr *expr)
{
    bool *needed = state;
    *needed = *needed || expr->kind == CNI_EXPR_COLUMN || expr->kind == CNI_EXPR_SUBQUERY;
    return !*needed;
}

bool
cni_bind_needs_rows(const cni_expr *expr)
{
    bool needed = false;
    cni_expr_walk(expr, see_rows_needed, &needed);
    return needed;
}

/* ---- nodes whose columns are not all the child's */

/* The node with other column ids: bare columns that `child` does not give are copies of an outer
 * query's, and need ids of their own here. */
static cn_code
renew_outer_ids(cni_binder *binder, const cni_plan *node, int32_t n_exprs, cni_column **out_columns,
                bool *out_changed, cn_error *err)
{
    cni_column *columns = NULL;
    *out_changed = false;
    CN_TRY(cni_arena_alloc_array(binder->arena, node->n_columns, (int64_t)sizeof(*columns),
                                 &columns, err));
    for (int32_t column = 0; column < node->n_columns; column++) {
        columns[column] = node->columns[column];
        const cni_expr *expr = node->exprs[column];
        if (column < n_exprs && expr->kind == CNI_EXPR_COLUMN &&
            columns[column].id == expr->column_id &&
            cni_plan_find_column(node->children[0], expr->column_id) == NULL) {
            columns[column].id = binder->builder.next_column_id++;
            *out_changed = true;
        }
    }
    *out_columns = columns;
    return CN_OK;
}

static cn_code
with_columns(cni_binder *binder, const cni_plan *node, const cni_column *columns,
             const cni_plan **out_plan, cn_error *err)
{
    cni_plan changed = *node;
    changed.columns = columns;
    return cni_plan_new(&binder->builder, &changed, out_plan, err);
}

static bool
any_outer_column(const cni_plan *child, const cni_expr *const *exprs, int32_t n_exprs)
{
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        if (exprs[expr]->kind == CNI_EXPR_COLUMN &&
            cni_plan_find_column(child, exprs[expr]->column_id) == NULL) {
            return true;
        }
    }
    return false;
}

cn_code
cni_bind_project(cni_binder *binder, const cni_plan *child, const cni_expr *const *exprs,
                 const cni_str *names, int32_t n_exprs, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *node = NULL;
    cni_column *columns = NULL;
    bool changed = false;
    CN_TRY(cni_plan_project(&binder->builder, child, exprs, names, n_exprs, &node, err));
    if (any_outer_column(child, exprs, n_exprs)) {
        CN_TRY(renew_outer_ids(binder, node, n_exprs, &columns, &changed, err));
    }
    *out_plan = node;
    return changed ? with_columns(binder, node, columns, out_plan, err) : CN_OK;
}

cn_code
cni_bind_aggregate_node(cni_binder *binder, const cni_plan *child, const cni_expr *const *groups,
                        int32_t n_groups, const cni_expr *const *aggregates, int32_t n_aggregates,
                        const cni_list *outer_calls, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *node = NULL;
    cni_column *columns = NULL;
    bool changed = false;
    CN_TRY(cni_plan_aggregate(&binder->builder, child, groups, n_groups, aggregates, n_aggregates,
                              &node, err));
    CN_TRY(renew_outer_ids(binder, node, n_groups, &columns, &changed, err));
    for (int64_t call = 0; call < outer_calls->n_items; call++) {
        const cni_bind_outer_call *outer_call = outer_calls->items[call];
        columns[n_groups + call].id = outer_call->column_id;
        changed = true;
    }
    *out_plan = node;
    return changed ? with_columns(binder, node, columns, out_plan, err) : CN_OK;
}
