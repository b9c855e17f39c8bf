/* SPDX-License-Identifier: Apache-2.0
 *
 * What rules share for putting nodes together again: conjunctions, filters, nodes over children
 * with other columns, questions about which columns an expression names.
 */
#include "optimize/rule/rule.h"

cn_code
cni_expr_all_of(cni_arena *arena, const cni_list *conjuncts, const cni_expr **out_predicate,
                cn_error *err)
{
    const cni_expr **args = NULL;
    *out_predicate = NULL;
    if (conjuncts->n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(arena, conjuncts->n_items, (int64_t)sizeof(*args), &args, err));
    for (int64_t item = 0; item < conjuncts->n_items; item++) {
        args[item] = conjuncts->items[item];
    }
    return cni_expr_junction(arena, CNI_EXPR_AND, args, (int32_t)conjuncts->n_items, out_predicate,
                             err);
}

typedef struct over_search {
    const cni_plan *plan;
    bool holds;
} over_search;

static bool
see_over(void *state, const cni_expr *expr)
{
    over_search *search = state;
    if (expr->kind == CNI_EXPR_COLUMN) {
        search->holds =
            search->holds && cni_plan_find_column(search->plan, expr->column_id) != NULL;
    }
    return search->holds;
}

bool
cni_expr_is_over(const cni_expr *expr, const cni_plan *plan)
{
    over_search search = {plan, true};
    cni_expr_walk(expr, see_over, &search);
    return search.holds;
}

typedef struct name_search {
    int32_t column_id;
    bool found;
} name_search;

static bool
see_name(void *state, const cni_expr *expr)
{
    name_search *search = state;
    search->found =
        search->found || (expr->kind == CNI_EXPR_COLUMN && expr->column_id == search->column_id);
    return !search->found;
}

bool
cni_expr_names(const cni_expr *expr, int32_t column_id)
{
    name_search search = {column_id, false};
    cni_expr_walk(expr, see_name, &search);
    return search.found;
}

bool
cni_expr_is_free(const cni_expr *expr)
{
    return !cni_expr_may_error(expr) && !cni_expr_is_volatile(expr) && !cni_expr_has_subquery(expr);
}

bool
cni_plan_is_volatile(const cni_plan *plan)
{
    bool found = plan->predicate != NULL && cni_expr_is_volatile(plan->predicate);
    for (int32_t expr = 0; expr < plan->n_exprs && !found; expr++) {
        found = cni_expr_is_volatile(plan->exprs[expr]);
    }
    for (int32_t filter = 0; filter < plan->n_filters && !found; filter++) {
        found = cni_expr_is_volatile(plan->filters[filter]);
    }
    for (int32_t order = 0; order < plan->n_orders && !found; order++) {
        found = cni_expr_is_volatile(plan->orders[order].expr);
    }
    for (int32_t child = 0; child < plan->n_children && !found; child++) {
        found = cni_plan_is_volatile(plan->children[child]);
    }
    return found;
}

cn_code
cni_plan_filter_all(cni_rule_env *env, const cni_plan *plan, const cni_list *conjuncts,
                    const cni_plan **out_plan, cn_error *err)
{
    const cni_expr *predicate = NULL;
    CN_TRY(cni_expr_all_of(env->arena, conjuncts, &predicate, err));
    *out_plan = plan;
    return predicate == NULL ? CN_OK
                             : cni_plan_filter(&env->builder, plan, predicate, out_plan, err);
}

static bool
gives_exactly(const cni_plan *plan, const cni_column *columns, int32_t n_columns)
{
    if (plan->n_columns != n_columns) {
        return false;
    }
    for (int32_t column = 0; column < n_columns; column++) {
        if (plan->columns[column].id != columns[column].id) {
            return false;
        }
    }
    return true;
}

cn_code
cni_plan_exactly(cni_rule_env *env, const cni_plan *plan, const cni_column *columns,
                 int32_t n_columns, const cni_plan **out_plan, cn_error *err)
{
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    *out_plan = plan;
    if (gives_exactly(plan, columns, n_columns)) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(env->arena, n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_columns, (int64_t)sizeof(*names), &names, err));
    for (int32_t column = 0; column < n_columns; column++) {
        names[column] = columns[column].name;
        CN_TRY(cni_expr_column(env->arena, columns[column].id, columns[column].type, &exprs[column],
                               err));
    }
    return cni_plan_project(&env->builder, plan, exprs, names, n_columns, out_plan, err);
}

/* ---- nodes over other children ---- */

static bool
gives_right(const cni_plan *join)
{
    return join->join_kind == CNI_JOIN_INNER || join->join_kind == CNI_JOIN_LEFT ||
           join->join_kind == CNI_JOIN_FULL || join->join_kind == CNI_JOIN_SINGLE;
}

/* The columns of both sides, padded ones nullable; a MARK keeps its own. */
static cn_code
join_columns(cni_rule_env *env, const cni_plan *join, const cni_plan *const *children,
             cni_plan *node, cn_error *err)
{
    const cni_plan *left = children[0];
    const cni_plan *right = children[1];
    const bool both = gives_right(join);
    const bool is_mark = join->join_kind == CNI_JOIN_MARK;
    const int32_t n_columns = left->n_columns + (both ? right->n_columns : is_mark ? 1 : 0);
    cni_column *columns = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, n_columns, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < left->n_columns; column++) {
        columns[column] = left->columns[column];
        columns[column].nullable = columns[column].nullable || join->join_kind == CNI_JOIN_FULL;
    }
    for (int32_t column = 0; both && column < right->n_columns; column++) {
        cni_column *to = &columns[left->n_columns + column];
        *to = right->columns[column];
        to->nullable = to->nullable || join->join_kind != CNI_JOIN_INNER;
    }
    if (is_mark) {
        columns[left->n_columns] = join->columns[join->n_columns - 1];
    }
    node->columns = columns;
    node->n_columns = n_columns;
    return CN_OK;
}

/* The children that are told by position get their columns back, and those whose rows are compared
 * whole. */
static cn_code
restore_positions(cni_rule_env *env, const cni_plan *plan, const cni_plan *const *children,
                  const cni_plan *const **out_children, cn_error *err)
{
    const bool all = plan->kind == CNI_PLAN_UNION_ALL || plan->kind == CNI_PLAN_RECURSIVE ||
                     (plan->kind == CNI_PLAN_DISTINCT && plan->n_exprs == 0);
    const cni_plan **restored = NULL;
    *out_children = children;
    if (!all && plan->kind != CNI_PLAN_WITH) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*restored),
                                 &restored, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        restored[child] = children[child];
        if (all || child == 0) {
            const cni_plan *before = plan->children[child];
            CN_TRY(cni_plan_exactly(env, children[child], before->columns, before->n_columns,
                                    &restored[child], err));
        }
    }
    *out_children = restored;
    return CN_OK;
}

static bool
any_changed(const cni_plan *plan, const cni_plan *const *children)
{
    for (int32_t child = 0; child < plan->n_children; child++) {
        if (children[child] != plan->children[child]) {
            return true;
        }
    }
    return false;
}

cn_code
cni_plan_over(cni_rule_env *env, const cni_plan *plan, const cni_plan *const *children,
              const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = *plan;
    *out_plan = plan;
    if (!any_changed(plan, children)) {
        return CN_OK;
    }
    CN_TRY(restore_positions(env, plan, children, &node.children, err));
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_FILTER:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
    case CNI_PLAN_DISTINCT:
    case CNI_PLAN_REPEAT:
        node.columns = node.children[0]->columns;
        node.n_columns = node.children[0]->n_columns;
        break;
    case CNI_PLAN_WITH:
        node.columns = node.children[1]->columns;
        node.n_columns = node.children[1]->n_columns;
        break;
    case CNI_PLAN_JOIN:
        CN_TRY(join_columns(env, plan, node.children, &node, err));
        break;
    case CNI_PLAN_WINDOW:
        return cni_plan_window_over(&env->builder, plan, node.children[0], out_plan, err);
    default:
        break;
    }
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

cn_code
cni_plan_empty(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan node = {.kind = CNI_PLAN_VALUES,
                           .n_columns = plan->n_columns,
                           .columns = plan->columns,
                           .limit = CNI_NO_LIMIT,
                           .estimated_rows = 0.0,
                           .estimated_cost = -1.0};
    return cni_plan_new(&env->builder, &node, out_plan, err);
}
