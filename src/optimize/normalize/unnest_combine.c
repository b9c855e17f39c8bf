/* SPDX-License-Identifier: Apache-2.0
 *
 * Unnesting, pulling through operators with several inputs.
 *
 *   inner join     both sides are pulled, conjuncts of the predicate too
 *   other joins    the left side is pulled. What predicate and right side name of the far left is
 *                  taken from the near left instead: from an equality pulled there, or from D
 * joined there. The right side then depends on the near left only: a dependent join again full join
 * D comes into both sides union, WITH, recursion: each input brings the far left columns as columns
 * of its own
 */
#include "optimize/normalize/unnest_int.h"

/* Columns of R are all the plan's: what a join above cannot compute is computed here. */
static cn_code
settle(cni_unnest_side *side, cni_unnest_part *inout_part, cn_error *err)
{
    return inout_part->padded ? cni_unnest_attach(side, inout_part, NULL, NULL, err) : CN_OK;
}

static cn_code
append_items(cni_rule_env *env, const cni_list *from, cni_list *inout_to, cn_error *err)
{
    for (int64_t at = 0; at < from->n_items; at++) {
        CN_TRY(cni_list_push(env->arena, inout_to, from->items[at], err));
    }
    return CN_OK;
}

/* ---- INNER ---- */

static cn_code
pull_inner(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_unnest_part *left = NULL;
    cni_unnest_part *right = NULL;
    cni_list conjuncts = {0};
    cni_list staying = {0};
    const cni_expr *predicate = plan->predicate;
    CN_TRY(cni_unnest_pull(side, plan->children[0], false, &left, err));
    CN_TRY(cni_unnest_pull(side, plan->children[1], false, &right, err));
    CN_TRY(settle(side, left, err));
    CN_TRY(settle(side, right, err));
    CN_TRY(append_items(env, &right->pulled, &left->pulled, err));
    CN_TRY(append_items(env, &right->map.items, &left->map.items, err));
    CN_TRY(append_items(env, &right->domain.items, &left->domain.items, err));
    if (predicate != NULL) {
        CN_TRY(cni_unnest_map_expr(env, &left->map, &left->domain, predicate, &predicate, err));
        CN_TRY(cni_expr_conjuncts(env->arena, predicate, &conjuncts, err));
        CN_TRY(cni_unnest_split(side, &conjuncts, &left->pulled, &staying, err));
        CN_TRY(cni_unnest_and(env, &staying, &predicate, err));
    }
    left->unique = left->unique && right->unique;
    *out_part = left;
    return cni_plan_join(&env->builder, CNI_JOIN_INNER, left->plan, right->plan, predicate, false,
                         &left->plan, err);
}

/* ---- LEFT, SEMI, ANTI, MARK, SINGLE ---- */

/* Far left columns -> near left expressions, for all that is named. */
static cn_code
near_expressions(cni_unnest_side *side, const cni_id_set *named, cni_unnest_part *inout_near,
                 cni_unnest_map *out_map, cn_error *err)
{
    bool complete = true;
    for (int32_t column = 0; column < side->left->n_columns; column++) {
        const int32_t id = side->left->columns[column].id;
        complete = complete && (!cni_id_set_has(named, id) ||
                                cni_unnest_equal_of(side, inout_near, id) != NULL);
    }
    if (!complete) {
        CN_TRY(cni_unnest_attach(side, inout_near, NULL, named, err));
    }
    for (int32_t column = 0; column < side->left->n_columns; column++) {
        const int32_t id = side->left->columns[column].id;
        if (cni_id_set_has(named, id)) {
            CN_TRY(cni_unnest_map_put(side->env, out_map, id,
                                      cni_unnest_equal_of(side, inout_near, id), err));
        }
    }
    return CN_OK;
}

/* A fallible predicate that stood above pulled conjuncts must not see more rows than before: then
 * D comes first. */
static cn_code
guard_predicate(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part *inout_near,
                cn_error *err)
{
    const bool fallible = plan->predicate != NULL && cni_expr_may_error(plan->predicate);
    return fallible && inout_near->pulled.n_items > 0
               ? cni_unnest_attach(side, inout_near, plan, NULL, err)
               : CN_OK;
}

/* Without column `id`, which the join gives anew. */
static cn_code
pull_preserving(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part,
                cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_unnest_part *near = NULL;
    cni_id_set named = {0};
    cni_unnest_map to_near = {0};
    const cni_plan *right = plan->children[1];
    const cni_expr *predicate = plan->predicate;
    const int32_t n_left = plan->children[0]->n_columns;
    CN_TRY(cni_unnest_pull(side, plan->children[0], false, &near, err));
    *out_part = near;
    CN_TRY(settle(side, near, err));
    CN_TRY(guard_predicate(side, plan, near, err));
    CN_TRY(cni_unnest_add_named_plan(env, &side->ids, right, true, &named, err));
    if (predicate != NULL) {
        CN_TRY(cni_unnest_map_expr(env, &near->map, NULL, predicate, &predicate, err));
        CN_TRY(cni_unnest_add_named(env, &side->ids, predicate, &named, err));
    }
    CN_TRY(near_expressions(side, &named, near, &to_near, err));
    CN_TRY(cni_unnest_map_plan(env, &to_near, right, &right, err));
    if (predicate != NULL) {
        CN_TRY(cni_unnest_map_expr(env, &near->map, &to_near, plan->predicate, &predicate, err));
        CN_TRY(cni_unnest_map_expr(env, &to_near, NULL, predicate, &predicate, err));
    }
    near->unique = near->unique && plan->join_kind != CNI_JOIN_LEFT;
    return cni_unnest_dependent_node(env, (cni_join_kind)plan->join_kind, near->plan, right,
                                     predicate, plan->null_aware, plan->columns + n_left,
                                     plan->n_columns - n_left, &near->plan, err);
}

/* ---- FULL ---- */

/* All columns of `plan`, and for every id the one of the two domains that is there. */
static cn_code
merge_domains(cni_unnest_side *side, const cni_unnest_part *left, const cni_unnest_part *right,
              const cni_plan **inout_plan, cni_unnest_part *out_part, cn_error *err)
{
    cni_rule_env *env = side->env;
    const cni_plan *plan = *inout_plan;
    const int32_t n_keys = (int32_t)left->domain.items.n_items;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    int32_t n = plan->n_columns;
    CN_TRY(cni_arena_alloc_array(env->arena, n + n_keys, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n + n_keys, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < n; column++) {
        columns[column] = plan->columns[column];
        CN_TRY(cni_expr_column(env->arena, columns[column].id, columns[column].type, &exprs[column],
                               err));
    }
    for (int32_t key = 0; key < n_keys; key++, n++) {
        const cni_unnest_item *item = left->domain.items.items[key];
        const cni_expr *there = NULL;
        const cni_expr *made = NULL;
        const cni_expr *far = NULL;
        CN_TRY(cni_unnest_is_null(env, item->expr, true, &there, err));
        CN_TRY(cni_unnest_choose(env, there, item->expr,
                                 cni_unnest_map_get(&right->domain, item->id), &exprs[n], err));
        columns[n] =
            (cni_column){env->builder.next_column_id++, CNI_STR("key"), item->expr->type, true};
        CN_TRY(cni_expr_column(env->arena, columns[n].id, columns[n].type, &made, err));
        CN_TRY(cni_expr_column(env->arena, item->id, columns[n].type, &far, err));
        CN_TRY(cni_unnest_map_put(env, &out_part->domain, item->id, made, err));
        CN_TRY(cni_unnest_not_distinct(env, far, made, &made, err));
        CN_TRY(cni_list_push(env->arena, &out_part->pulled, made, err));
    }
    return cni_unnest_project(env, plan, exprs, columns, n, inout_plan, err);
}

/* The join's own predicate and equality of the domains. */
static cn_code
full_predicate(cni_unnest_side *side, const cni_plan *plan, const cni_unnest_part *left,
               const cni_unnest_part *right, const cni_expr **out_predicate, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_list conjuncts = {0};
    const cni_expr *expr = NULL;
    for (int64_t key = 0; key < left->domain.items.n_items; key++) {
        const cni_unnest_item *item = left->domain.items.items[key];
        CN_TRY(cni_unnest_not_distinct(env, item->expr,
                                       cni_unnest_map_get(&right->domain, item->id), &expr, err));
        CN_TRY(cni_list_push(env->arena, &conjuncts, expr, err));
    }
    if (plan->predicate != NULL) {
        CN_TRY(cni_unnest_map_expr(env, &left->domain, NULL, plan->predicate, &expr, err));
        CN_TRY(cni_list_push(env->arena, &conjuncts, expr, err));
    }
    return cni_unnest_and(env, &conjuncts, out_predicate, err);
}

static cn_code
pull_full(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_unnest_part *parts[2] = {NULL, NULL};
    cni_id_set named = {0};
    const cni_expr *predicate = NULL;
    const cni_plan *joined = NULL;
    CN_TRY(cni_unnest_add_named_plan(env, &side->ids, plan, true, &named, err));
    for (int32_t child = 0; child < 2; child++) {
        CN_TRY(cni_unnest_pull(side, plan->children[child], false, &parts[child], err));
        CN_TRY(cni_unnest_attach(side, parts[child], NULL, &named, err));
        CN_TRY(cni_unnest_drop_null_keys(side, parts[child], err));
    }
    CN_TRY(full_predicate(side, plan, parts[0], parts[1], &predicate, err));
    CN_TRY(cni_plan_join(&env->builder, CNI_JOIN_FULL, parts[0]->plan, parts[1]->plan, predicate,
                         false, &joined, err));
    CN_TRY(CN_ARENA_NEW(env->arena, out_part, err));
    CN_TRY(merge_domains(side, parts[0], parts[1], &joined, *out_part, err));
    (*out_part)->plan = joined;
    return CN_OK;
}

cn_code
cni_unnest_pull_join(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part,
                     cn_error *err)
{
    switch (plan->join_kind) {
    case CNI_JOIN_INNER:
        return pull_inner(side, plan, out_part, err);
    case CNI_JOIN_FULL:
        return pull_full(side, plan, out_part, err);
    default:
        return pull_preserving(side, plan, out_part, err);
    }
}

/* ---- columns behind the node's own ---- */

/* The node's columns, and one for every left column in `named`; what is then pulled. */
static cn_code
extend_columns(cni_unnest_side *side, const cni_plan *node, const cni_id_set *named,
               cni_plan *out_node, cni_unnest_part *inout_part, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_column *columns = NULL;
    int32_t n = node->n_columns;
    CN_TRY(cni_arena_alloc_array(env->arena, (int64_t)n + side->left->n_columns,
                                 (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < n; column++) {
        columns[column] = node->columns[column];
    }
    for (int32_t column = 0; column < side->left->n_columns; column++) {
        const cni_column *left = &side->left->columns[column];
        const cni_expr *far = NULL;
        const cni_expr *near = NULL;
        if (!cni_id_set_has(named, left->id)) {
            continue;
        }
        columns[n] = *left;
        columns[n].id = env->builder.next_column_id++;
        CN_TRY(cni_expr_column(env->arena, left->id, left->type, &far, err));
        CN_TRY(cni_expr_column(env->arena, columns[n++].id, left->type, &near, err));
        CN_TRY(cni_unnest_map_put(env, &inout_part->domain, left->id, near, err));
        CN_TRY(cni_unnest_not_distinct(env, far, near, &near, err));
        CN_TRY(cni_list_push(env->arena, &inout_part->pulled, near, err));
    }
    *out_node = *node;
    out_node->columns = columns;
    out_node->n_columns = n;
    return CN_OK;
}

cn_code
cni_unnest_pull_union(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part,
                      cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_id_set named = {0};
    cni_plan node;
    const cni_plan **children = NULL;
    CN_TRY(cni_unnest_add_named_plan(env, &side->ids, plan, true, &named, err));
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        const cni_plan *input = plan->children[child];
        cni_unnest_part *part = NULL;
        CN_TRY(cni_unnest_pull(side, input, false, &part, err));
        CN_TRY(cni_unnest_canonical(side, part, input->columns, input->n_columns, &named,
                                    &children[child], err));
    }
    CN_TRY(CN_ARENA_NEW(env->arena, out_part, err));
    CN_TRY(extend_columns(side, plan, &named, &node, *out_part, err));
    node.children = children;
    return cni_plan_new(&env->builder, &node, &(*out_part)->plan, err);
}

/* ---- WITH, RECURSIVE ---- */

/* In a plan that reads a definition which now has columns for left columns behind its own: where it
 * is read, those columns are compared to the left ones. */
typedef struct reader {
    cni_unnest_side *side;
    int32_t cte_id;
    int32_t n_own; /* columns of the definition before */
    const cni_id_set *named;
} reader;

static cn_code
extend_scan(const reader *self, const cni_plan *scan, const cni_plan **out_plan, cn_error *err)
{
    cni_rule_env *env = self->side->env;
    cni_plan node;
    cni_unnest_part part = {0};
    int32_t *positions = NULL;
    const cni_expr *predicate = NULL;
    const cni_plan *plan = NULL;
    CN_TRY(extend_columns(self->side, scan, self->named, &node, &part, err));
    CN_TRY(cni_arena_alloc_array(env->arena, node.n_columns, 4, &positions, err));
    for (int32_t column = 0; column < node.n_columns; column++) {
        positions[column] = column < scan->n_columns ? scan->table_columns[column]
                                                     : self->n_own + column - scan->n_columns;
    }
    node.table_columns = positions;
    CN_TRY(cni_plan_new(&env->builder, &node, &plan, err));
    CN_TRY(cni_unnest_and(env, &part.pulled, &predicate, err));
    CN_TRY(cni_plan_filter(&env->builder, plan, predicate, &plan, err));
    return cni_unnest_restore(env, plan, scan->columns, scan->n_columns, NULL, out_plan, err);
}

static cn_code
extend_scans(const reader *self, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    if (plan->kind == CNI_PLAN_CTE_SCAN && plan->cte_id == self->cte_id) {
        return extend_scan(self, plan, out_plan, err);
    }
    CN_TRY(cni_arena_alloc_array(self->side->env->arena, plan->n_children,
                                 (int64_t)sizeof(*children), &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(extend_scans(self, plan->children[child], &children[child], err));
    }
    return cni_plan_with_children(&self->side->env->builder, plan, children, out_plan, err);
}

cn_code
cni_unnest_pull_with(cni_unnest_side *side, const cni_plan *plan, bool keyed,
                     cni_unnest_part **out_part, cn_error *err)
{
    cni_rule_env *env = side->env;
    const cni_plan *definition = plan->children[0];
    const cni_plan *body = plan->children[1];
    cni_unnest_part *part = NULL;
    cni_id_set named = {0};
    if (cni_unnest_plan_names(&side->ids, definition)) {
        const reader self = {side, plan->cte_id, definition->n_columns, &named};
        CN_TRY(cni_unnest_add_named_plan(env, &side->ids, definition, true, &named, err));
        CN_TRY(cni_unnest_pull(side, definition, false, &part, err));
        CN_TRY(cni_unnest_canonical(side, part, definition->columns, definition->n_columns, &named,
                                    &definition, err));
        CN_TRY(extend_scans(&self, body, &body, err));
    }
    CN_TRY(cni_unnest_pull(side, body, keyed, &part, err));
    *out_part = part;
    return cni_plan_with(&env->builder, plan->cte_id, definition, part->plan, plan->table_name,
                         &part->plan, err);
}

cn_code
cni_unnest_pull_recursive(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part,
                          cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_id_set named = {0};
    cni_plan node;
    const cni_plan *children[2] = {plan->children[0], plan->children[1]};
    const reader self = {side, plan->cte_id, plan->n_columns, &named};
    CN_TRY(cni_unnest_add_named_plan(env, &side->ids, plan, true, &named, err));
    CN_TRY(extend_scans(&self, children[1], &children[1], err));
    for (int32_t child = 0; child < 2; child++) {
        const cni_plan *input = plan->children[child];
        cni_unnest_part *part = NULL;
        CN_TRY(cni_unnest_pull(side, children[child], false, &part, err));
        CN_TRY(cni_unnest_canonical(side, part, input->columns, input->n_columns, &named,
                                    &children[child], err));
    }
    CN_TRY(CN_ARENA_NEW(env->arena, out_part, err));
    CN_TRY(extend_columns(side, plan, &named, &node, *out_part, err));
    node.children = children;
    return cni_plan_new(&env->builder, &node, &(*out_part)->plan, err);
}
