/* SPDX-License-Identifier: Apache-2.0
 *
 * From a plan to the nodes of one region: the maximal tree of joins with the filters between them.
 * A projection that only leaves columns out is passed over. FULL joins and volatile predicates are
 * borders: what they give is a relation.
 */
#include "optimize/join_order/join_graph_int.h"

static bool
is_movable(const cni_expr *predicate)
{
    return predicate == NULL ||
           (!cni_expr_is_volatile(predicate) && !cni_expr_has_subquery(predicate));
}

static bool
is_join(const cni_plan *plan)
{
    return plan->kind == CNI_PLAN_JOIN && plan->join_kind != CNI_JOIN_FULL &&
           is_movable(plan->predicate);
}

/* Only columns that the child has, under their ids. */
static bool
only_leaves_out(const cni_plan *plan)
{
    if (plan->kind != CNI_PLAN_PROJECT) {
        return false;
    }
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        if (plan->exprs[expr]->kind != CNI_EXPR_COLUMN ||
            plan->exprs[expr]->column_id != plan->columns[expr].id) {
            return false;
        }
    }
    return true;
}

static bool
is_passed(const cni_plan *plan)
{
    return (plan->kind == CNI_PLAN_FILTER && is_movable(plan->predicate)) || only_leaves_out(plan);
}

bool
cni_join_is_region(const cni_plan *plan)
{
    while (is_passed(plan)) {
        plan = plan->children[0];
    }
    return is_join(plan);
}

static cn_code
push_node(cni_join_graph *self, const cni_join_node *node, cn_error *err)
{
    if (self->n_nodes == self->cap_nodes) {
        const int32_t cap = self->cap_nodes == 0 ? 16 : self->cap_nodes * 2;
        cni_join_node *nodes = NULL;
        CN_TRY(cni_arena_alloc_array(self->env->arena, cap, (int64_t)sizeof(*nodes), &nodes, err));
        if (self->n_nodes > 0) {
            memcpy(nodes, self->nodes, (size_t)self->n_nodes * sizeof(*nodes));
        }
        self->nodes = nodes;
        self->cap_nodes = cap;
    }
    self->nodes[self->n_nodes++] = *node;
    return CN_OK;
}

/* *out_node = number of the node for `plan`. Depth is bounded by the plan's. */
static cn_code
collect(cni_join_graph *self, const cni_plan *plan, int32_t *out_node, cn_error *err)
{
    cni_join_node node = {.left = -1, .right = -1, .relation = -1};
    while (only_leaves_out(plan) && cni_join_is_region(plan)) {
        plan = plan->children[0];
    }
    node.plan = plan;
    if (cni_join_is_region(plan)) {
        CN_TRY(collect(self, plan->children[0], &node.left, err));
        if (plan->kind == CNI_PLAN_JOIN) {
            CN_TRY(collect(self, plan->children[1], &node.right, err));
        }
    } else {
        node.relation = self->n_relations++;
    }
    *out_node = self->n_nodes;
    return push_node(self, &node, err);
}

/* Scopes: what is right of a join that is not inner has its own. Parents come after children. */
static void
set_scopes(cni_join_graph *self)
{
    int32_t n_scopes = 1;
    self->nodes[self->n_nodes - 1].scope = 0;
    for (int32_t at = self->n_nodes - 1; at >= 0; at--) {
        const cni_join_node *node = &self->nodes[at];
        if (node->left >= 0) {
            self->nodes[node->left].scope = node->scope;
        }
        if (node->right >= 0) {
            const bool is_inner = node->plan->join_kind == CNI_JOIN_INNER;
            self->nodes[node->right].scope = is_inner ? node->scope : n_scopes++;
        }
    }
}

cn_code
cni_join_collect(cni_join_graph *self, const cni_plan *plan, bool *out_fits, cn_error *err)
{
    int32_t root = 0;
    CN_TRY(collect(self, plan, &root, err));
    *out_fits = self->n_relations >= 2 && self->n_relations <= CNI_GREEDY_MAX;
    if (!*out_fits) {
        return CN_OK;
    }
    set_scopes(self);
    CN_TRY(cni_arena_alloc_array(self->env->arena, self->n_relations,
                                 (int64_t)sizeof(*self->relations), &self->relations, err));
    for (int32_t at = 0; at < self->n_nodes; at++) {
        cni_join_node *node = &self->nodes[at];
        if (node->relation >= 0) {
            self->relations[node->relation].plan = node->plan;
            node->set = cni_relation_one(node->relation);
        } else {
            node->set = self->nodes[node->left].set;
        }
        if (node->right >= 0) {
            node->set = cni_relation_union(node->set, self->nodes[node->right].set);
        }
    }
    return CN_OK;
}
