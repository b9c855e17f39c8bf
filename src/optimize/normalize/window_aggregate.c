/* SPDX-License-Identifier: Apache-2.0
 *
 * Aggregates over whole partitions are groups that are joined back:
 *
 *   Window partition=[p] functions=[rank(), sum(x)]     With w
 *     R                                            ->     Project [R's columns, p]
 *                                                           R
 *                                                         Join left p IS NOT DISTINCT FROM p'
 *                                                           Window partition=[p] functions=[rank()]
 *                                                             CteScan w
 *                                                           Aggregate groups=[p']
 * aggregates=[sum(x')] CteScan w
 *
 * R is computed once, partition keys that are no columns too. Every row finds exactly one group, so
 * that LEFT is INNER; without keys it is a product with the one row, which R's rows survive or not
 * as they are there or not. Definitions that are cheap to read twice are read twice (inline_with).
 */
#include "optimize/normalize/normalize.h"

typedef struct split_window {
    cni_rule_env *env;
    const cni_plan *window;
    const cni_plan *definition; /* R's columns under new ids, then computed keys */
    const cni_plan *scan;       /* of it under R's own ids */
    const cni_plan *group_scan;
    const cni_expr **keys;       /* over `scan` */
    const cni_expr **group_keys; /* over `group_scan` */
    int32_t cte_id;
} split_window;

static bool
is_aggregate(const cni_expr *expr)
{
    return expr->kind == CNI_EXPR_AGGREGATE;
}

static bool
has_aggregates(const cni_plan *window)
{
    for (int32_t at = window->n_groups; at < window->n_exprs; at++) {
        if (is_aggregate(window->exprs[at])) {
            return true;
        }
    }
    return false;
}

/* ---- R once ---- */

static cn_code
define(split_window *self, cn_error *err)
{
    cni_rule_env *env = self->env;
    const cni_plan *child = self->window->children[0];
    const int32_t n_max = child->n_columns + self->window->n_groups;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    int32_t n = 0;
    CN_TRY(cni_arena_alloc_array(env->arena, n_max, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_max, (int64_t)sizeof(*columns), &columns, err));
    for (; n < child->n_columns; n++) {
        columns[n] = child->columns[n];
        CN_TRY(cni_expr_column(env->arena, columns[n].id, columns[n].type, &exprs[n], err));
    }
    for (int32_t key = 0; key < self->window->n_groups; key++) {
        if (self->window->exprs[key]->kind != CNI_EXPR_COLUMN) {
            exprs[n] = self->window->exprs[key];
            columns[n++] = (cni_column){0, CNI_STR("key"), exprs[n]->type, true};
        }
    }
    for (int32_t column = 0; column < n; column++) {
        columns[column].id = env->builder.next_column_id++;
    }
    const cni_plan node = {.kind = CNI_PLAN_PROJECT,
                           .n_children = 1,
                           .children = &child,
                           .n_columns = n,
                           .columns = columns,
                           .n_exprs = n,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT,
                           .estimated_rows = child->estimated_rows,
                           .estimated_cost = -1.0};
    self->cte_id = cni_plan_new_cte_id(&env->builder);
    return cni_plan_new(&env->builder, &node, &self->definition, err);
}

/* The definition's rows once more; `own_ids`: R's columns keep their ids. */
static cn_code
read_definition(split_window *self, bool own_ids, const cni_plan **out_scan, cn_error *err)
{
    cni_rule_env *env = self->env;
    const cni_plan *child = self->window->children[0];
    const cni_plan *scan = NULL;
    cni_column *columns = NULL;
    CN_TRY(cni_plan_cte_scan(&env->builder, self->cte_id, CNI_STR("window"),
                             self->definition->columns, self->definition->n_columns, &scan, err));
    CN_TRY(cni_arena_alloc_array(env->arena, scan->n_columns, (int64_t)sizeof(*columns), &columns,
                                 err));
    for (int32_t column = 0; column < scan->n_columns; column++) {
        columns[column] = scan->columns[column];
        if (own_ids && column < child->n_columns) {
            columns[column].id = child->columns[column].id;
        }
    }
    cni_plan node = *scan;
    node.columns = columns;
    return cni_plan_new(&env->builder, &node, out_scan, err);
}

static cn_code
column_of(split_window *self, const cni_plan *scan, int32_t position, const cni_expr **out_expr,
          cn_error *err)
{
    const cni_column *column = &scan->columns[position];
    return cni_expr_column(self->env->arena, column->id, column->type, out_expr, err);
}

/* Partition keys are columns of the definition now. */
static cn_code
place_keys(split_window *self, const cni_plan *scan, const cni_expr ***out_keys, cn_error *err)
{
    const cni_plan *child = self->window->children[0];
    int32_t n_computed = 0;
    CN_TRY(cni_arena_alloc_array(self->env->arena, self->window->n_groups,
                                 (int64_t)sizeof(**out_keys), out_keys, err));
    for (int32_t key = 0; key < self->window->n_groups; key++) {
        const cni_expr *expr = self->window->exprs[key];
        int32_t position = 0;
        if (expr->kind != CNI_EXPR_COLUMN) {
            position = child->n_columns + n_computed++;
        } else {
            while (position < child->n_columns && child->columns[position].id != expr->column_id) {
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
    split_window *self = state;
    const cni_plan *child = self->window->children[0];
    *out_expr = expr;
    for (int32_t column = 0; expr->kind == CNI_EXPR_COLUMN && column < child->n_columns; column++) {
        if (child->columns[column].id == expr->column_id) {
            return column_of(self, self->group_scan, column, out_expr, err);
        }
    }
    return CN_OK;
}

/* Groups under new ids, aggregates under those that they have in the window. */
static cn_code
make_groups(split_window *self, const cni_plan **out_groups, cn_error *err)
{
    cni_rule_env *env = self->env;
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
            CN_TRY(cni_expr_rewrite(env->arena, window->exprs[at], to_group_scan, self, &calls[n++],
                                    err));
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

/* key IS NOT DISTINCT FROM the groups' key, for all; NULL without keys. */
static cn_code
match_groups(split_window *self, const cni_plan *groups, const cni_expr **out_predicate,
             cn_error *err)
{
    cni_arena *arena = self->env->arena;
    cni_list conjuncts = {0};
    for (int32_t key = 0; key < self->window->n_groups; key++) {
        const cni_expr *group = NULL;
        const cni_expr *equal = NULL;
        CN_TRY(column_of(self, groups, key, &group, err));
        const cni_expr *const args[] = {self->keys[key], group};
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

/* ---- what is left ---- */

/* The window with its other functions over the scan; the scan itself when there are none. */
static cn_code
keep_ranks(split_window *self, const cni_plan **out_plan, cn_error *err)
{
    cni_rule_env *env = self->env;
    const cni_plan *window = self->window;
    const int32_t n_keys = window->n_groups;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    int32_t n = 0;
    CN_TRY(
        cni_arena_alloc_array(env->arena, window->n_exprs, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, window->n_exprs, (int64_t)sizeof(*columns), &columns,
                                 err));
    for (int32_t key = 0; key < n_keys; key++) {
        exprs[key] = self->keys[key];
    }
    for (int32_t at = n_keys; at < window->n_exprs; at++) {
        if (!is_aggregate(window->exprs[at])) {
            columns[n] = window->columns[window->n_columns - window->n_exprs + at];
            exprs[n_keys + n++] = window->exprs[at];
        }
    }
    cni_plan node = *window;
    node.n_exprs = n_keys + n;
    node.exprs = exprs;
    node.n_columns = n;
    node.columns = columns;
    *out_plan = self->scan;
    return n == 0 ? CN_OK : cni_plan_window_over(&env->builder, &node, self->scan, out_plan, err);
}

static cn_code
split(cni_rule_env *env, const cni_plan *window, const cni_plan **out_plan, cn_error *err)
{
    split_window self = {.env = env, .window = window};
    const cni_plan *left = NULL;
    const cni_plan *groups = NULL;
    const cni_plan *joined = NULL;
    const cni_expr *predicate = NULL;
    CN_TRY(define(&self, err));
    CN_TRY(read_definition(&self, true, &self.scan, err));
    CN_TRY(read_definition(&self, false, &self.group_scan, err));
    CN_TRY(place_keys(&self, self.scan, &self.keys, err));
    CN_TRY(place_keys(&self, self.group_scan, &self.group_keys, err));
    CN_TRY(keep_ranks(&self, &left, err));
    CN_TRY(make_groups(&self, &groups, err));
    CN_TRY(match_groups(&self, groups, &predicate, err));
    CN_TRY(cni_plan_join(&env->builder, predicate == NULL ? CNI_JOIN_INNER : CNI_JOIN_LEFT, left,
                         groups, predicate, false, &joined, err));
    CN_TRY(cni_plan_with(&env->builder, self.cte_id, self.definition, joined, CNI_STR("window"),
                         &joined, err));
    return cni_plan_exactly(env, joined, window->columns, window->n_columns, out_plan, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    return plan->kind == CNI_PLAN_WINDOW && has_aggregates(plan) ? split(env, plan, out_plan, err)
                                                                 : CN_OK;
}

cn_code
cni_normalize_windows(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                      cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
