/* SPDX-License-Identifier: Apache-2.0
 *
 * The rule: every region of joins in the plan, those inside its relations first, gets the order
 * that was found cheapest. Columns keep their ids; where a parent goes by position, a projection
 * restores their places.
 */
#include "optimize/join_order/join_graph_int.h"

typedef struct order_state {
    cni_rule_env *env;
    cni_estimator *estimator;
    int32_t *homes; /* shared by all regions, one at a time */
    int32_t n_ids;
} order_state;

static cn_code order_plan(order_state *self, const cni_plan *plan, bool by_id,
                          const cni_plan **out_plan, cn_error *err);

/* The parent finds this child's columns by id, wherever they lie. */
static bool
goes_by_id(const cni_plan *plan)
{
    return plan->kind == CNI_PLAN_PROJECT || plan->kind == CNI_PLAN_AGGREGATE;
}

static cn_code
order_children(order_state *self, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(order_plan(self, plan->children[child], goes_by_id(plan), &children[child], err));
        if (child == 0 && (plan->kind == CNI_PLAN_WITH || plan->kind == CNI_PLAN_RECURSIVE)) {
            CN_TRY(cni_estimate_cte(self->estimator, plan->cte_id, children[0], err));
        }
    }
    return cni_plan_with_children(&self->env->builder, plan, children, out_plan, err);
}

static bool
same_columns(const cni_plan *a, const cni_plan *b)
{
    bool same = a->n_columns == b->n_columns;
    for (int32_t column = 0; same && column < a->n_columns; column++) {
        same = a->columns[column].id == b->columns[column].id;
    }
    return same;
}

/* `made` with the columns of `plan` in their places. */
static cn_code
restore_columns(order_state *self, const cni_plan *plan, const cni_plan *made,
                const cni_plan **out_plan, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    if (same_columns(plan, made)) {
        *out_plan = made;
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(arena, plan->n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(arena, plan->n_columns, (int64_t)sizeof(*names), &names, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        CN_TRY(cni_expr_column(arena, plan->columns[column].id, plan->columns[column].type,
                               &exprs[column], err));
        names[column] = plan->columns[column].name;
    }
    return cni_plan_project(&self->env->builder, made, exprs, names, plan->n_columns, out_plan,
                            err);
}

static cn_code
find_tree(cni_join_graph *graph, const cni_join_tree **out_tree, cn_error *err)
{
    *out_tree = NULL;
    if (graph->n_relations <= CNI_DPHYP_MAX) {
        CN_TRY(cni_join_dphyp(graph, CNI_DPHYP_MAX_STEPS, out_tree, err));
    }
    return *out_tree != NULL ? CN_OK : cni_join_greedy(graph, out_tree, err);
}

static cn_code
order_region(order_state *self, cni_join_graph *graph, const cni_plan **out_plan, cn_error *err)
{
    const cni_join_tree *tree = NULL;
    for (int32_t relation = 0; relation < graph->n_relations; relation++) {
        const cni_plan **at = &graph->relations[relation].plan;
        CN_TRY(order_plan(self, *at, true, at, err));
    }
    CN_TRY(cni_join_find_conflicts(graph, err));
    CN_TRY(cni_join_estimate(graph, err));
    CN_TRY(find_tree(graph, &tree, err));
    if (tree == NULL) {
        return cni_join_written(graph, graph->n_nodes - 1, out_plan, err);
    }
    return cni_join_rebuild(graph, tree, out_plan, err);
}

/* Depth is bounded by the plan's. */
static cn_code
order_plan(order_state *self, const cni_plan *plan, bool by_id, const cni_plan **out_plan,
           cn_error *err)
{
    bool fits = false;
    cni_join_graph *graph = NULL;
    CN_TRY(cni_context_check(self->env->context, err));
    if (cni_join_is_region(plan)) {
        CN_TRY(CN_ARENA_NEW(self->env->arena, &graph, err));
        graph->env = self->env;
        graph->estimator = self->estimator;
        graph->homes = self->homes;
        graph->n_ids = self->n_ids;
        CN_TRY(cni_join_collect(graph, plan, &fits, err));
    }
    if (!fits) {
        return order_children(self, plan, out_plan, err);
    }
    CN_TRY(order_region(self, graph, out_plan, err));
    return by_id ? CN_OK : restore_columns(self, plan, *out_plan, out_plan, err);
}

cn_code
cni_rule_join_order(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                    cn_error *err)
{
    order_state state = {.env = env, .n_ids = env->builder.next_column_id};
    CN_TRY(cni_estimator_new(env->arena, env->context, &state.estimator, err));
    CN_TRY(cni_arena_alloc_array(env->arena, state.n_ids, (int64_t)sizeof(*state.homes),
                                 &state.homes, err));
    for (int32_t id = 0; id < state.n_ids; id++) {
        state.homes[id] = INT32_MIN;
    }
    return order_plan(&state, plan, false, out_plan, err);
}
