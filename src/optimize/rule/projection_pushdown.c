/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule projection_pushdown: every node computes and carries only the columns that something above
 * uses. Scans read fewer columns, projections and aggregations drop outputs that nobody reads.
 *
 * prune(plan, required) gives a plan with at least the required columns, never more than before, in
 * the order of before. The body of a WITH comes before its definition: what its CTE_SCANs want,
 * together, is what the definition must give; afterwards their positions are put right.
 */
#include "optimize/rule/rule.h"

/* What the CTE_SCANs of one definition want of it, by position. */
typedef struct cte_wants {
    int32_t cte_id;
    cni_id_set positions;
    int32_t *moved; /* old position -> new one, once the definition is pruned */
} cte_wants;

typedef struct pruning {
    cni_rule_env *env;
    cni_list ctes; /* of cte_wants */
} pruning;

static cn_code prune(pruning *self, const cni_plan *plan, const cni_id_set *required,
                     const cni_plan **out_plan, cn_error *err);

static cn_code
copy_set(pruning *self, const cni_id_set *set, cni_id_set *out_copy, cn_error *err)
{
    *out_copy = (cni_id_set){0};
    if (set->n_words == 0) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(self->env->arena, set->n_words, (int64_t)sizeof(*set->words),
                                 &out_copy->words, err));
    memcpy(out_copy->words, set->words, (size_t)set->n_words * sizeof(*set->words));
    out_copy->n_words = set->n_words;
    return CN_OK;
}

/* Positions of the columns that are required, from `first` on; all before it are kept. */
static cn_code
kept_positions(pruning *self, const cni_plan *plan, const cni_id_set *required, int32_t first,
               int32_t **out_positions, int32_t *out_n, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_columns, (int64_t)sizeof(*positions),
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
take_columns(pruning *self, const cni_plan *plan, const int32_t *positions, int32_t n_kept,
             cni_plan *node, cn_error *err)
{
    cni_column *columns = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->env->arena, n_kept, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t kept = 0; kept < n_kept; kept++) {
        columns[kept] = plan->columns[positions[kept]];
    }
    node->columns = columns;
    node->n_columns = n_kept;
    return CN_OK;
}

static cn_code
prune_scan(pruning *self, const cni_plan *plan, const cni_id_set *required,
           const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    int32_t *table_columns = NULL;
    cni_plan node = *plan;
    CN_TRY(kept_positions(self, plan, required, 0, &positions, &n_kept, err));
    CN_TRY(take_columns(self, plan, positions, n_kept, &node, err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, n_kept, (int64_t)sizeof(*table_columns),
                                 &table_columns, err));
    for (int32_t kept = 0; kept < n_kept; kept++) {
        table_columns[kept] = plan->table_columns[positions[kept]];
    }
    node.table_columns = table_columns;
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

static cn_code
prune_values(pruning *self, const cni_plan *plan, const cni_id_set *required,
             const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    const cni_expr **exprs = NULL;
    cni_plan node = *plan;
    CN_TRY(kept_positions(self, plan, required, 0, &positions, &n_kept, err));
    CN_TRY(take_columns(self, plan, positions, n_kept, &node, err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_rows * n_kept, (int64_t)sizeof(*exprs),
                                 &exprs, err));
    for (int64_t row = 0; row < plan->n_rows; row++) {
        for (int32_t kept = 0; kept < n_kept; kept++) {
            exprs[row * n_kept + kept] = plan->exprs[row * plan->n_columns + positions[kept]];
        }
    }
    node.exprs = exprs;
    node.n_exprs = (int32_t)(plan->n_rows * n_kept);
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

/* PROJECT and AGGREGATE: the outputs that are used (group keys always), and what those need. */
static cn_code
prune_exprs(pruning *self, const cni_plan *plan, const cni_id_set *required,
            const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    const cni_expr **exprs = NULL;
    cni_plan node = *plan;
    cni_id_set needed = {0};
    CN_TRY(kept_positions(self, plan, required, plan->n_groups, &positions, &n_kept, err));
    CN_TRY(take_columns(self, plan, positions, n_kept, &node, err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, n_kept, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t kept = 0; kept < n_kept; kept++) {
        exprs[kept] = plan->exprs[positions[kept]];
        CN_TRY(cni_id_set_add_expr(self->env->arena, &needed, exprs[kept], err));
    }
    const cni_plan *child = NULL;
    CN_TRY(prune(self, plan->children[0], &needed, &child, err));
    node.exprs = exprs;
    node.n_exprs = n_kept;
    node.children = &child;
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

/* What the node's own expressions name. */
static cn_code
add_node_exprs(pruning *self, const cni_plan *plan, cni_id_set *inout_needed, cn_error *err)
{
    if (plan->predicate != NULL) {
        CN_TRY(cni_id_set_add_expr(self->env->arena, inout_needed, plan->predicate, err));
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        CN_TRY(cni_id_set_add_expr(self->env->arena, inout_needed, plan->orders[order].expr, err));
    }
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        CN_TRY(cni_id_set_add_expr(self->env->arena, inout_needed, plan->exprs[expr], err));
    }
    return CN_OK;
}

/* FILTER, SORT, TOPN, LIMIT, DISTINCT ON, REPEAT: columns are the child's. */
static cn_code
prune_passing(pruning *self, const cni_plan *plan, const cni_id_set *required,
              const cni_plan **out_plan, cn_error *err)
{
    cni_id_set needed = {0};
    CN_TRY(copy_set(self, required, &needed, err));
    CN_TRY(add_node_exprs(self, plan, &needed, err));
    const cni_plan *child = NULL;
    CN_TRY(prune(self, plan->children[0], &needed, &child, err));
    cni_plan node = *plan;
    node.children = &child;
    node.n_columns = child->n_columns;
    node.columns = child->columns;
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

/* The functions that are asked for; *out_n = how many. */
static cn_code
keep_functions(pruning *self, const cni_plan *plan, const cni_id_set *required, cni_plan *node,
               int32_t *out_n, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    const int32_t first = plan->n_columns - (plan->n_exprs - plan->n_groups);
    int32_t n_kept = 0;
    CN_TRY(cni_arena_alloc_array(arena, plan->n_exprs, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(arena, plan->n_columns, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t at = 0; at < plan->n_exprs; at++) {
        const bool is_key = at < plan->n_groups;
        const cni_column *column = is_key ? NULL : &plan->columns[first + at - plan->n_groups];
        if (is_key) {
            exprs[at] = plan->exprs[at];
        } else if (cni_id_set_has(required, column->id)) {
            exprs[plan->n_groups + n_kept] = plan->exprs[at];
            columns[n_kept++] = *column;
        }
    }
    node->exprs = exprs;
    node->n_exprs = plan->n_groups + n_kept;
    node->columns = columns;
    node->n_columns = n_kept;
    *out_n = n_kept;
    return CN_OK;
}

/* Functions that nobody asks for go; without any left, so does the node. */
static cn_code
prune_window(pruning *self, const cni_plan *plan, const cni_id_set *required,
             const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = *plan;
    int32_t n_kept = 0;
    cni_id_set needed = {0};
    const cni_plan *child = NULL;
    CN_TRY(keep_functions(self, plan, required, &node, &n_kept, err));
    if (n_kept == 0) {
        return prune(self, plan->children[0], required, out_plan, err);
    }
    CN_TRY(copy_set(self, required, &needed, err));
    CN_TRY(add_node_exprs(self, &node, &needed, err));
    CN_TRY(prune(self, plan->children[0], &needed, &child, err));
    return cni_plan_window_over(&self->env->builder, &node, child, out_plan, err);
}

/* Exactly the columns at `positions` of the unpruned member, in that order. */
static cn_code
prune_member(pruning *self, const cni_plan *member, const int32_t *positions, int32_t n_kept,
             const cni_plan **out_plan, cn_error *err)
{
    cni_id_set needed = {0};
    for (int32_t kept = 0; kept < n_kept; kept++) {
        CN_TRY(cni_id_set_add(self->env->arena, &needed, member->columns[positions[kept]].id, err));
    }
    const cni_plan *pruned = NULL;
    CN_TRY(prune(self, member, &needed, &pruned, err));
    cni_column *columns = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->env->arena, n_kept, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t kept = 0; kept < n_kept; kept++) {
        columns[kept] = member->columns[positions[kept]];
    }
    return cni_plan_exactly(self->env, pruned, columns, n_kept, out_plan, err);
}

static cn_code
prune_union(pruning *self, const cni_plan *plan, const cni_id_set *required,
            const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    const cni_plan **children = NULL;
    cni_plan node = *plan;
    CN_TRY(kept_positions(self, plan, required, 0, &positions, &n_kept, err));
    CN_TRY(take_columns(self, plan, positions, n_kept, &node, err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(prune_member(self, plan->children[child], positions, n_kept, &children[child], err));
    }
    node.children = children;
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

static cn_code
prune_nothing(pruning *self, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        cni_id_set all = {0};
        CN_TRY(cni_id_set_add_plan(self->env->arena, &all, plan->children[child], err));
        CN_TRY(prune(self, plan->children[child], &all, &children[child], err));
    }
    return cni_plan_over(self->env, plan, children, out_plan, err);
}

/* Either side gives what is used above and what the predicate names. */
static cn_code
prune_join(pruning *self, const cni_plan *plan, const cni_id_set *required,
           const cni_plan **out_plan, cn_error *err)
{
    cni_id_set needed = {0};
    const cni_plan *children[2] = {NULL, NULL};
    CN_TRY(copy_set(self, required, &needed, err));
    if (plan->predicate != NULL) {
        CN_TRY(cni_id_set_add_expr(self->env->arena, &needed, plan->predicate, err));
    }
    CN_TRY(prune(self, plan->children[0], &needed, &children[0], err));
    CN_TRY(prune(self, plan->children[1], &needed, &children[1], err));
    return cni_plan_over(self->env, plan, children, out_plan, err);
}

/* ---- WITH, CTE_SCAN, RECURSIVE ---- */

static cte_wants *
find_wants(const pruning *self, int32_t cte_id)
{
    for (int64_t item = 0; item < self->ctes.n_items; item++) {
        cte_wants *wants = self->ctes.items[item];
        if (wants->cte_id == cte_id) {
            return wants;
        }
    }
    return NULL;
}

/* Positions stay those of the unpruned definition until that is pruned. */
static cn_code
prune_cte_scan(pruning *self, const cni_plan *plan, const cni_id_set *required,
               const cni_plan **out_plan, cn_error *err)
{
    CN_TRY(prune_scan(self, plan, required, out_plan, err));
    cte_wants *wants = find_wants(self, plan->cte_id);
    const cni_plan *pruned = *out_plan;
    for (int32_t column = 0; wants != NULL && column < pruned->n_columns; column++) {
        CN_TRY(cni_id_set_add(self->env->arena, &wants->positions, pruned->table_columns[column],
                              err));
    }
    return CN_OK;
}

/* The CTE_SCANs of one definition under `plan` after its columns have moved. */
static cn_code
move_scans(pruning *self, const cni_plan *plan, const cte_wants *wants, const cni_plan **out_plan,
           cn_error *err)
{
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(move_scans(self, plan->children[child], wants, &children[child], err));
    }
    if (plan->kind != CNI_PLAN_CTE_SCAN || plan->cte_id != wants->cte_id) {
        return cni_plan_with_children(&self->env->builder, plan, children, out_plan, err);
    }
    cni_plan node = *plan;
    int32_t *positions = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_columns, (int64_t)sizeof(*positions),
                                 &positions, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        positions[column] = wants->moved[plan->table_columns[column]];
    }
    node.table_columns = positions;
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

static cn_code
prune_definition(pruning *self, const cni_plan *definition, cte_wants *wants,
                 const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t n_kept = 0;
    CN_TRY(cni_arena_alloc_array(self->env->arena, definition->n_columns,
                                 (int64_t)sizeof(*positions), &positions, err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, definition->n_columns,
                                 (int64_t)sizeof(*wants->moved), &wants->moved, err));
    for (int32_t column = 0; column < definition->n_columns; column++) {
        if (cni_id_set_has(&wants->positions, column)) {
            wants->moved[column] = n_kept;
            positions[n_kept++] = column;
        }
    }
    return prune_member(self, definition, positions, n_kept, out_plan, err);
}

static cn_code
prune_with(pruning *self, const cni_plan *plan, const cni_id_set *required,
           const cni_plan **out_plan, cn_error *err)
{
    cte_wants *wants = NULL;
    const cni_plan *children[2] = {NULL, NULL};
    cni_plan node = *plan;
    CN_TRY(CN_ARENA_NEW(self->env->arena, &wants, err));
    wants->cte_id = plan->cte_id;
    CN_TRY(cni_list_push(self->env->arena, &self->ctes, wants, err));
    CN_TRY(prune(self, plan->children[1], required, &children[1], err));
    CN_TRY(prune_definition(self, plan->children[0], wants, &children[0], err));
    CN_TRY(move_scans(self, children[1], wants, &children[1], err));
    node.children = children;
    node.n_columns = children[1]->n_columns;
    node.columns = children[1]->columns;
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

static cn_code
prune(pruning *self, const cni_plan *plan, const cni_id_set *required, const cni_plan **out_plan,
      cn_error *err)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_SCAN:
        return prune_scan(self, plan, required, out_plan, err);
    case CNI_PLAN_VALUES:
        return prune_values(self, plan, required, out_plan, err);
    case CNI_PLAN_PROJECT:
    case CNI_PLAN_AGGREGATE:
        return prune_exprs(self, plan, required, out_plan, err);
    case CNI_PLAN_FILTER:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
    case CNI_PLAN_REPEAT:
        return prune_passing(self, plan, required, out_plan, err);
    case CNI_PLAN_WINDOW:
        return prune_window(self, plan, required, out_plan, err);
    case CNI_PLAN_DISTINCT:
        return plan->n_exprs > 0 ? prune_passing(self, plan, required, out_plan, err)
                                 : prune_nothing(self, plan, out_plan, err);
    case CNI_PLAN_UNION_ALL:
        return prune_union(self, plan, required, out_plan, err);
    case CNI_PLAN_JOIN:
        return prune_join(self, plan, required, out_plan, err);
    case CNI_PLAN_WITH:
        return prune_with(self, plan, required, out_plan, err);
    case CNI_PLAN_CTE_SCAN:
        return prune_cte_scan(self, plan, required, out_plan, err);
    default:
        return prune_nothing(self, plan, out_plan, err);
    }
}

cn_code
cni_rule_projection_pushdown(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                             cn_error *err)
{
    pruning self = {.env = env};
    cni_id_set required = {0};
    const cni_plan *pruned = NULL;
    CN_TRY(cni_id_set_add_plan(env->arena, &required, plan, err));
    CN_TRY(prune(&self, plan, &required, &pruned, err));
    return cni_plan_exactly(env, pruned, plan->columns, plan->n_columns, out_plan, err);
}
