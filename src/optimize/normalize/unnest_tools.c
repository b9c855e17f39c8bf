/* SPDX-License-Identifier: Apache-2.0
 *
 * Unnesting, the tools: substitution of columns, questions about what names what, small expressions
 * and projections with given column ids.
 */
#include "optimize/normalize/unnest_int.h"

/* ---- substitution ---- */

cn_code
cni_unnest_map_put(cni_rule_env *env, cni_unnest_map *self, int32_t id, const cni_expr *expr,
                   cn_error *err)
{
    cni_unnest_item *item = NULL;
    CN_TRY(CN_ARENA_NEW(env->arena, &item, err));
    *item = (cni_unnest_item){id, expr};
    return cni_list_push(env->arena, &self->items, item, err);
}

const cni_expr *
cni_unnest_map_get(const cni_unnest_map *self, int32_t id)
{
    for (int64_t at = 0; at < self->items.n_items; at++) {
        const cni_unnest_item *item = self->items.items[at];
        if (item->id == id) {
            return item->expr;
        }
    }
    return NULL;
}

typedef struct two_maps {
    const cni_unnest_map *first;
    const cni_unnest_map *second;
} two_maps;

static cn_code
substitute(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    (void)err;
    const two_maps *maps = state;
    *out_expr = expr;
    if (expr->kind != CNI_EXPR_COLUMN) {
        return CN_OK;
    }
    const cni_expr *found = cni_unnest_map_get(maps->first, expr->column_id);
    if (found == NULL && maps->second != NULL) {
        found = cni_unnest_map_get(maps->second, expr->column_id);
    }
    *out_expr = found != NULL ? found : expr;
    return CN_OK;
}

static bool
maps_are_empty(const cni_unnest_map *first, const cni_unnest_map *second)
{
    return first->items.n_items == 0 && (second == NULL || second->items.n_items == 0);
}

cn_code
cni_unnest_map_expr(cni_rule_env *env, const cni_unnest_map *map, const cni_unnest_map *second,
                    const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    two_maps maps = {map, second};
    if (maps_are_empty(map, second)) {
        *out_expr = expr;
        return CN_OK;
    }
    return cni_expr_rewrite(env->arena, expr, substitute, &maps, out_expr, err);
}

cn_code
cni_unnest_map_node(cni_rule_env *env, const cni_unnest_map *map, const cni_unnest_map *second,
                    const cni_plan *node, const cni_plan **out_node, cn_error *err)
{
    two_maps maps = {map, second};
    if (maps_are_empty(map, second)) {
        *out_node = node;
        return CN_OK;
    }
    return cni_plan_map_exprs(env, node, substitute, &maps, out_node, err);
}

cn_code
cni_unnest_map_plan(cni_rule_env *env, const cni_unnest_map *map, const cni_plan *plan,
                    const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    const cni_plan *rebuilt = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(cni_unnest_map_plan(env, map, plan->children[child], &children[child], err));
    }
    CN_TRY(cni_plan_with_children(&env->builder, plan, children, &rebuilt, err));
    return cni_unnest_map_node(env, map, NULL, rebuilt, out_plan, err);
}

/* ---- what names what ---- */

typedef struct name_search {
    const cni_id_set *ids;
    cni_rule_env *env; /* NULL: only ask */
    cni_id_set *named; /* those found */
    bool found;
    cn_code code;
    cn_error *err;
} name_search;

static void search_plan(name_search *search, const cni_plan *plan);

static bool
see_name(void *state, const cni_expr *expr)
{
    name_search *search = state;
    if (expr->subquery != NULL) {
        search_plan(search, expr->subquery);
    }
    if (expr->kind == CNI_EXPR_COLUMN && cni_id_set_has(search->ids, expr->column_id)) {
        search->found = true;
        if (search->env != NULL && search->code == CN_OK) {
            search->code =
                cni_id_set_add(search->env->arena, search->named, expr->column_id, search->err);
        }
    }
    return search->env != NULL || !search->found;
}

static void
search_node(name_search *search, const cni_plan *node)
{
    for (int32_t expr = 0; expr < node->n_exprs; expr++) {
        cni_expr_walk(node->exprs[expr], see_name, search);
    }
    for (int32_t filter = 0; filter < node->n_filters; filter++) {
        cni_expr_walk(node->filters[filter], see_name, search);
    }
    for (int32_t order = 0; order < node->n_orders; order++) {
        cni_expr_walk(node->orders[order].expr, see_name, search);
    }
    cni_expr_walk(node->predicate, see_name, search);
}

static void
search_plan(name_search *search, const cni_plan *plan)
{
    search_node(search, plan);
    for (int32_t child = 0; child < plan->n_children; child++) {
        if (search->env == NULL && search->found) {
            return;
        }
        search_plan(search, plan->children[child]);
    }
}

bool
cni_unnest_expr_names(const cni_id_set *ids, const cni_expr *expr)
{
    name_search search = {.ids = ids};
    cni_expr_walk(expr, see_name, &search);
    return search.found;
}

bool
cni_unnest_node_names(const cni_id_set *ids, const cni_plan *node)
{
    name_search search = {.ids = ids};
    search_node(&search, node);
    return search.found;
}

bool
cni_unnest_plan_names(const cni_id_set *ids, const cni_plan *plan)
{
    name_search search = {.ids = ids};
    search_plan(&search, plan);
    return search.found;
}

cn_code
cni_unnest_add_named(cni_rule_env *env, const cni_id_set *ids, const cni_expr *expr,
                     cni_id_set *inout_named, cn_error *err)
{
    name_search search = {.ids = ids, .env = env, .named = inout_named, .err = err};
    cni_expr_walk(expr, see_name, &search);
    return search.code;
}

cn_code
cni_unnest_add_named_plan(cni_rule_env *env, const cni_id_set *ids, const cni_plan *plan,
                          bool with_children, cni_id_set *inout_named, cn_error *err)
{
    name_search search = {.ids = ids, .env = env, .named = inout_named, .err = err};
    if (with_children) {
        search_plan(&search, plan);
    } else {
        search_node(&search, plan);
    }
    return search.code;
}

/* ---- how many rows ---- */

bool
cni_unnest_at_most_one_row(const cni_plan *plan)
{
    switch (plan->kind) {
    case CNI_PLAN_AGGREGATE:
        return plan->n_groups == 0 || cni_unnest_at_most_one_row(plan->children[0]);
    case CNI_PLAN_VALUES:
        return plan->n_rows <= 1;
    case CNI_PLAN_LIMIT:
        return (plan->limit >= 0 && plan->limit <= 1) ||
               cni_unnest_at_most_one_row(plan->children[0]);
    case CNI_PLAN_FILTER:
    case CNI_PLAN_PROJECT:
    case CNI_PLAN_SORT:
    case CNI_PLAN_DISTINCT:
        return cni_unnest_at_most_one_row(plan->children[0]);
    case CNI_PLAN_JOIN:
        return cni_unnest_at_most_one_row(plan->children[0]) &&
               (plan->join_kind == CNI_JOIN_SEMI || plan->join_kind == CNI_JOIN_ANTI ||
                plan->join_kind == CNI_JOIN_MARK || plan->join_kind == CNI_JOIN_SINGLE ||
                (plan->join_kind != CNI_JOIN_FULL &&
                 cni_unnest_at_most_one_row(plan->children[1])));
    case CNI_PLAN_WITH:
        return cni_unnest_at_most_one_row(plan->children[1]);
    default:
        return false;
    }
}

bool
cni_unnest_exactly_one_row(const cni_plan *plan)
{
    switch (plan->kind) {
    case CNI_PLAN_AGGREGATE:
        return plan->n_groups == 0;
    case CNI_PLAN_VALUES:
        return plan->n_rows == 1;
    case CNI_PLAN_LIMIT:
        return plan->limit != 0 && plan->offset == 0 &&
               cni_unnest_exactly_one_row(plan->children[0]);
    case CNI_PLAN_PROJECT:
    case CNI_PLAN_SORT:
    case CNI_PLAN_DISTINCT:
        return cni_unnest_exactly_one_row(plan->children[0]);
    case CNI_PLAN_JOIN: {
        const bool left = cni_unnest_exactly_one_row(plan->children[0]);
        const bool right = cni_unnest_exactly_one_row(plan->children[1]);
        return left && (plan->join_kind == CNI_JOIN_MARK || plan->join_kind == CNI_JOIN_SINGLE ||
                        (plan->join_kind == CNI_JOIN_LEFT && right) ||
                        (plan->join_kind == CNI_JOIN_INNER && plan->predicate == NULL && right));
    }
    case CNI_PLAN_WITH:
        return cni_unnest_exactly_one_row(plan->children[1]);
    default:
        return false;
    }
}

/* ---- small expressions ---- */

cn_code
cni_unnest_and(cni_rule_env *env, const cni_list *conjuncts, const cni_expr **out_expr,
               cn_error *err)
{
    const cni_expr **args = NULL;
    const int32_t n_args = (int32_t)conjuncts->n_items;
    if (n_args == 0) {
        *out_expr = NULL;
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(env->arena, n_args, (int64_t)sizeof(*args), &args, err));
    for (int32_t arg = 0; arg < n_args; arg++) {
        args[arg] = conjuncts->items[arg];
    }
    return cni_expr_junction(env->arena, CNI_EXPR_AND, args, n_args, out_expr, err);
}

cn_code
cni_unnest_not_distinct(cni_rule_env *env, const cni_expr *a, const cni_expr *b,
                        const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *const args[] = {a, b};
    const cni_expr node = {.kind = CNI_EXPR_DISTINCT,
                           .negated = true,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = 2,
                           .args = args,
                           .sql_offset = -1};
    return cni_expr_new(env->arena, &node, out_expr, err);
}

cn_code
cni_unnest_is_null(cni_rule_env *env, const cni_expr *arg, bool negated, const cni_expr **out_expr,
                   cn_error *err)
{
    const cni_expr node = {.kind = CNI_EXPR_IS_NULL,
                           .negated = negated,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = 1,
                           .args = &arg,
                           .sql_offset = -1};
    return cni_expr_new(env->arena, &node, out_expr, err);
}

cn_code
cni_unnest_choose(cni_rule_env *env, const cni_expr *condition, const cni_expr *value,
                  const cni_expr *otherwise, const cni_expr **out_expr, cn_error *err)
{
    if (otherwise == NULL) {
        const cni_value null = {.type = value->type, .is_null = true};
        CN_TRY(cni_expr_literal(env->arena, &null, &otherwise, err));
    }
    const cni_expr *const args[] = {condition, value, otherwise};
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = value->type, .n_args = 3, .args = args, .sql_offset = -1};
    return cni_expr_new(env->arena, &node, out_expr, err);
}

cn_code
cni_unnest_is_true(cni_rule_env *env, const cni_expr *expr, const cni_expr **out_expr,
                   cn_error *err)
{
    const cni_expr *yes = NULL;
    const cni_expr *no = NULL;
    const bool known = expr->kind == CNI_EXPR_IS_NULL || expr->kind == CNI_EXPR_DISTINCT ||
                       (expr->kind == CNI_EXPR_LITERAL && !expr->literal->is_null);
    if (known) {
        *out_expr = expr;
        return CN_OK;
    }
    CN_TRY(cni_expr_bool(env->arena, true, &yes, err));
    CN_TRY(cni_expr_bool(env->arena, false, &no, err));
    return cni_unnest_choose(env, expr, yes, no, out_expr, err);
}

/* ---- projections ---- */

cn_code
cni_unnest_project(cni_rule_env *env, const cni_plan *child, const cni_expr *const *exprs,
                   const cni_column *columns, int32_t n_columns, const cni_plan **out_plan,
                   cn_error *err)
{
    const cni_plan node = {.kind = CNI_PLAN_PROJECT,
                           .n_children = 1,
                           .children = &child,
                           .n_columns = n_columns,
                           .columns = columns,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0,
                           .n_exprs = n_columns,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT};
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

cn_code
cni_unnest_add_true(cni_rule_env *env, const cni_plan *child, const cni_expr **out_column,
                    const cni_plan **out_plan, cn_error *err)
{
    const int32_t n_columns = child->n_columns + 1;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_columns, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < child->n_columns; column++) {
        columns[column] = child->columns[column];
        CN_TRY(cni_expr_column(env->arena, columns[column].id, columns[column].type, &exprs[column],
                               err));
    }
    const int32_t id = env->builder.next_column_id++;
    const cni_type *boolean = cni_type_of(CNI_TYPE_BOOL);
    columns[n_columns - 1] = (cni_column){id, CNI_STR("present"), boolean, false};
    CN_TRY(cni_expr_bool(env->arena, true, &exprs[n_columns - 1], err));
    CN_TRY(cni_expr_column(env->arena, id, boolean, out_column, err));
    return cni_unnest_project(env, child, exprs, columns, n_columns, out_plan, err);
}

static bool
has_exactly(const cni_plan *plan, const cni_column *columns, int32_t n_columns,
            const cni_unnest_map *map)
{
    if (plan->n_columns != n_columns) {
        return false;
    }
    for (int32_t column = 0; column < n_columns; column++) {
        if (plan->columns[column].id != columns[column].id ||
            (map != NULL && cni_unnest_map_get(map, columns[column].id) != NULL)) {
            return false;
        }
    }
    return true;
}

cn_code
cni_unnest_restore(cni_rule_env *env, const cni_plan *plan, const cni_column *columns,
                   int32_t n_columns, const cni_unnest_map *map, const cni_plan **out_plan,
                   cn_error *err)
{
    const cni_expr **exprs = NULL;
    cni_column *made = NULL;
    if (has_exactly(plan, columns, n_columns, map)) {
        *out_plan = plan;
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(env->arena, n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_columns, (int64_t)sizeof(*made), &made, err));
    for (int32_t column = 0; column < n_columns; column++) {
        const cni_column *own = cni_plan_find_column(plan, columns[column].id);
        made[column] = columns[column];
        made[column].nullable = own == NULL || own->nullable;
        exprs[column] = map == NULL ? NULL : cni_unnest_map_get(map, columns[column].id);
        if (exprs[column] == NULL) {
            CN_TRY(cni_expr_column(env->arena, columns[column].id, columns[column].type,
                                   &exprs[column], err));
        } else {
            made[column].nullable = true;
        }
    }
    return cni_unnest_project(env, plan, exprs, made, n_columns, out_plan, err);
}
