/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule projection_pushdown: every node computes and carries only the columns that something above
 * uses. Scans read fewer columns, projections and aggregations drop outputs that nobody reads.
 *
 * prune(plan, required) gives a plan with at least the required columns, never more than before, in
 * the order of before.
 */
#include "optimize/rule/rule.h"

static cn_code prune(cni_rule_env *env, const cni_plan *plan, const cni_id_set *required,
                     const cni_plan **out_plan, cn_error *err);

static cn_code
require_all(cni_rule_env *env, const cni_plan *plan, cni_id_set *set, cn_error *err)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        CN_TRY(cni_id_set_add(env->arena, set, plan->columns[column].id, err));
    }
    return CN_OK;
}

static cn_code
copy_set(cni_rule_env *env, const cni_id_set *set, cni_id_set *out_copy, cn_error *err)
{
    *out_copy = (cni_id_set){0};
    if (set->n_words == 0) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(env->arena, set->n_words, (int64_t)sizeof(*set->words),
                                 &out_copy->words, err));
    memcpy(out_copy->words, set->words, (size_t)set->n_words * sizeof(*set->words));
    out_copy->n_words = set->n_words;
    return CN_OK;
}

/* Positions of the columns that are required, from `first` on; all before it are kept. */
static cn_code
kept_positions(cni_rule_env *env, const cni_plan *plan, const cni_id_set *required, int32_t first,
               int32_t **out_positions, int32_t *out_n, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*positions),
                                 &positions, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        if (column < first || cni_id_set_has(required, plan->columns[column].id)) {
            positions[n_kept++] = column;
        }
    }
    *out_positions = positions;
    *out_n = n_kept;
    return CN_OK;
}

static cn_code
take_columns(cni_rule_env *env, const cni_plan *plan, const int32_t *positions, int32_t n_kept,
             cni_plan *node, cn_error *err)
{
    cni_column *columns = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, n_kept, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t kept = 0; kept < n_kept; kept++) {
        columns[kept] = plan->columns[positions[kept]];
    }
    node->columns = columns;
    node->n_columns = n_kept;
    return CN_OK;
}

static cn_code
prune_scan(cni_rule_env *env, const cni_plan *plan, const cni_id_set *required,
           const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    int32_t *table_columns = NULL;
    cni_plan node = *plan;
    CN_TRY(kept_positions(env, plan, required, 0, &positions, &n_kept, err));
    CN_TRY(take_columns(env, plan, positions, n_kept, &node, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_kept, (int64_t)sizeof(*table_columns),
                                 &table_columns, err));
    for (int32_t kept = 0; kept < n_kept; kept++) {
        table_columns[kept] = plan->table_columns[positions[kept]];
    }
    node.table_columns = table_columns;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
prune_values(cni_rule_env *env, const cni_plan *plan, const cni_id_set *required,
             const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    const cni_expr **exprs = NULL;
    cni_plan node = *plan;
    CN_TRY(kept_positions(env, plan, required, 0, &positions, &n_kept, err));
    CN_TRY(take_columns(env, plan, positions, n_kept, &node, err));
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_rows * n_kept, (int64_t)sizeof(*exprs), &exprs,
                                 err));
    for (int64_t row = 0; row < plan->n_rows; row++) {
        for (int32_t kept = 0; kept < n_kept; kept++) {
            exprs[row * n_kept + kept] = plan->exprs[row * plan->n_columns + positions[kept]];
        }
    }
    node.exprs = exprs;
    node.n_exprs = (int32_t)(plan->n_rows * n_kept);
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

/* PROJECT and AGGREGATE: the outputs that are used (group keys always), and what those need. */
static cn_code
prune_exprs(cni_rule_env *env, const cni_plan *plan, const cni_id_set *required,
            const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    const cni_expr **exprs = NULL;
    cni_plan node = *plan;
    cni_id_set needed = {0};
    CN_TRY(kept_positions(env, plan, required, plan->n_groups, &positions, &n_kept, err));
    CN_TRY(take_columns(env, plan, positions, n_kept, &node, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_kept, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t kept = 0; kept < n_kept; kept++) {
        exprs[kept] = plan->exprs[positions[kept]];
        CN_TRY(cni_id_set_add_expr(env->arena, &needed, exprs[kept], err));
    }
    const cni_plan *child = NULL;
    CN_TRY(prune(env, plan->children[0], &needed, &child, err));
    node.exprs = exprs;
    node.n_exprs = n_kept;
    node.children = &child;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

/* FILTER, SORT, TOPN, LIMIT, DISTINCT ON: columns are the child's. */
static cn_code
prune_passing(cni_rule_env *env, const cni_plan *plan, const cni_id_set *required,
              const cni_plan **out_plan, cn_error *err)
{
    cni_id_set needed = {0};
    CN_TRY(copy_set(env, required, &needed, err));
    if (plan->predicate != NULL) {
        CN_TRY(cni_id_set_add_expr(env->arena, &needed, plan->predicate, err));
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        CN_TRY(cni_id_set_add_expr(env->arena, &needed, plan->orders[order].expr, err));
    }
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        CN_TRY(cni_id_set_add_expr(env->arena, &needed, plan->exprs[expr], err));
    }
    const cni_plan *child = NULL;
    CN_TRY(prune(env, plan->children[0], &needed, &child, err));
    cni_plan node = *plan;
    node.children = &child;
    node.n_columns = child->n_columns;
    node.columns = child->columns;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

/* Exactly the columns at `positions` of the unpruned member, in that order. */
static cn_code
prune_member(cni_rule_env *env, const cni_plan *member, const int32_t *positions, int32_t n_kept,
             const cni_plan **out_plan, cn_error *err)
{
    cni_id_set needed = {0};
    for (int32_t kept = 0; kept < n_kept; kept++) {
        CN_TRY(cni_id_set_add(env->arena, &needed, member->columns[positions[kept]].id, err));
    }
    const cni_plan *pruned = NULL;
    CN_TRY(prune(env, member, &needed, &pruned, err));
    bool exact = pruned->n_columns == n_kept;
    for (int32_t kept = 0; exact && kept < n_kept; kept++) {
        exact = pruned->columns[kept].id == member->columns[positions[kept]].id;
    }
    *out_plan = pruned;
    if (exact) {
        return CN_OK;
    }
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, n_kept, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_kept, (int64_t)sizeof(*names), &names, err));
    for (int32_t kept = 0; kept < n_kept; kept++) {
        const cni_column *column = &member->columns[positions[kept]];
        names[kept] = column->name;
        CN_TRY(cni_expr_column(env->arena, column->id, column->type, &exprs[kept], err));
    }
    return cni_plan_project(&env->builder, pruned, exprs, names, n_kept, out_plan, err);
}

static cn_code
prune_union(cni_rule_env *env, const cni_plan *plan, const cni_id_set *required,
            const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    const cni_plan **children = NULL;
    cni_plan node = *plan;
    CN_TRY(kept_positions(env, plan, required, 0, &positions, &n_kept, err));
    CN_TRY(take_columns(env, plan, positions, n_kept, &node, err));
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(prune_member(env, plan->children[child], positions, n_kept, &children[child], err));
    }
    node.children = children;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
prune_nothing(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        cni_id_set all = {0};
        CN_TRY(require_all(env, plan->children[child], &all, err));
        CN_TRY(prune(env, plan->children[child], &all, &children[child], err));
    }
    return cni_plan_with_children(&env->builder, plan, children, out_plan, err);
}

static cn_code
prune(cni_rule_env *env, const cni_plan *plan, const cni_id_set *required,
      const cni_plan **out_plan, cn_error *err)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_SCAN:
        return prune_scan(env, plan, required, out_plan, err);
    case CNI_PLAN_VALUES:
        return prune_values(env, plan, required, out_plan, err);
    case CNI_PLAN_PROJECT:
    case CNI_PLAN_AGGREGATE:
        return prune_exprs(env, plan, required, out_plan, err);
    case CNI_PLAN_FILTER:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
        return prune_passing(env, plan, required, out_plan, err);
    case CNI_PLAN_DISTINCT:
        return plan->n_exprs > 0 ? prune_passing(env, plan, required, out_plan, err)
                                 : prune_nothing(env, plan, out_plan, err);
    case CNI_PLAN_UNION_ALL:
        return prune_union(env, plan, required, out_plan, err);
    default:
        return prune_nothing(env, plan, out_plan, err);
    }
}

cn_code
cni_rule_projection_pushdown(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                             cn_error *err)
{
    cni_id_set required = {0};
    CN_TRY(require_all(env, plan, &required, err));
    return prune(env, plan, &required, out_plan, err);
}
