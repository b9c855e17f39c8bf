/* SPDX-License-Identifier: Apache-2.0
 *
 * DPhyp (Moerkotte and Neumann, "Dynamic programming strikes back", SIGMOD 2008): connected
 * subgraphs of the hypergraph, each with every connected complement, smaller sets before larger
 * ones. Here sets are bits of a word, the table has a place for each of the 2^n sets, and whether a
 * pair may really be joined is cni_join_try's business; edges only say which pairs are looked at.
 *
 * Recursion is as deep as there are relations, at most CNI_DPHYP_MAX.
 */
#include "optimize/join_order/join_graph_int.h"

#define MAX_SPLIT 4 /* relations of a conjunct of which every division is an edge */

typedef uint32_t relation_bits;

typedef struct hyper_edge {
    relation_bits left;
    relation_bits right;
} hyper_edge;

typedef struct dphyp_state {
    cni_join_graph *graph;
    int32_t n;
    int32_t n_edges;
    int32_t cap_edges;
    hyper_edge *edges;
    const cni_join_tree **table; /* by set */
    int64_t max_steps;
    bool is_over; /* budget used up */
    cn_code code;
    cn_error *err;
} dphyp_state;

/* ---- edges ---- */

static cn_code
add_edge(dphyp_state *self, relation_bits left, relation_bits right)
{
    if (left == 0 || right == 0) {
        return CN_OK;
    }
    for (int32_t at = 0; at < self->n_edges; at++) {
        if ((self->edges[at].left == left && self->edges[at].right == right) ||
            (self->edges[at].left == right && self->edges[at].right == left)) {
            return CN_OK;
        }
    }
    if (self->n_edges == self->cap_edges) {
        const int32_t cap = self->cap_edges == 0 ? 64 : self->cap_edges * 2;
        hyper_edge *edges = NULL;
        CN_TRY(cni_arena_alloc_array(self->graph->env->arena, cap, (int64_t)sizeof(*edges), &edges,
                                     self->err));
        if (self->n_edges > 0) {
            memcpy(edges, self->edges, (size_t)self->n_edges * sizeof(*edges));
        }
        self->edges = edges;
        self->cap_edges = cap;
    }
    self->edges[self->n_edges++] = (hyper_edge){.left = left, .right = right};
    return CN_OK;
}

/* A conjunct may connect its relations however they are divided. */
static cn_code
divide(dphyp_state *self, relation_bits set)
{
    const relation_bits lowest = set & (~set + 1);
    if (__builtin_popcount(set) <= MAX_SPLIT) {
        const relation_bits rest = set ^ lowest;
        for (relation_bits part = (rest - 1) & rest;; part = (part - 1) & rest) {
            CN_TRY(add_edge(self, lowest | part, rest ^ part));
            if (part == 0) {
                return CN_OK;
            }
        }
    }
    for (relation_bits left = set; left != 0; left &= left - 1) {
        const relation_bits one = left & (~left + 1);
        CN_TRY(add_edge(self, one, set ^ one));
    }
    return CN_OK;
}

static cn_code
edges_of_ops(dphyp_state *self)
{
    const cni_join_graph *graph = self->graph;
    for (int32_t at = 0; at < graph->n_ops; at++) {
        const cni_join_op *op = &graph->ops[at];
        const relation_bits tes = (relation_bits)op->tes.words[0];
        if (op->is_cross || op->class_index >= 0 || __builtin_popcount(tes) < 2) {
            continue;
        }
        const cni_join_node *node = &graph->nodes[op->node];
        relation_bits left = tes;
        if (node->right >= 0) {
            left = tes & (relation_bits)graph->nodes[node->left].set.words[0];
        }
        CN_TRY(add_edge(self, left, tes ^ left));
        if (op->kind == CNI_JOIN_INNER) {
            CN_TRY(divide(self, tes));
        }
    }
    return CN_OK;
}

static cn_code
edges_of_classes(dphyp_state *self)
{
    for (int32_t at = 0; at < self->graph->n_classes; at++) {
        const relation_bits set = (relation_bits)self->graph->classes[at].set.words[0];
        for (relation_bits left = set; left != 0; left &= left - 1) {
            const relation_bits one = left & (~left + 1);
            for (relation_bits right = left ^ one; right != 0; right &= right - 1) {
                CN_TRY(add_edge(self, one, right & (~right + 1)));
            }
        }
    }
    return CN_OK;
}

/* ---- enumeration ---- */

static relation_bits
neighbours(const dphyp_state *self, relation_bits set, relation_bits excluded)
{
    relation_bits found = 0;
    for (int32_t at = 0; at < self->n_edges; at++) {
        const hyper_edge *edge = &self->edges[at];
        for (int32_t turn = 0; turn < 2; turn++) {
            const relation_bits from = turn == 0 ? edge->left : edge->right;
            const relation_bits to = turn == 0 ? edge->right : edge->left;
            if ((from & ~set) == 0 && (to & (set | excluded)) == 0) {
                found |= to & (~to + 1);
            }
        }
    }
    return found;
}

static bool
connected(const dphyp_state *self, relation_bits a, relation_bits b)
{
    for (int32_t at = 0; at < self->n_edges; at++) {
        const hyper_edge *edge = &self->edges[at];
        if (((edge->left & ~a) == 0 && (edge->right & ~b) == 0) ||
            ((edge->left & ~b) == 0 && (edge->right & ~a) == 0)) {
            return true;
        }
    }
    return false;
}

static void
emit_pair(dphyp_state *self, relation_bits a, relation_bits b)
{
    const cni_join_tree *left = self->table[a];
    const cni_join_tree *right = self->table[b];
    const cni_join_tree *known = self->table[a | b];
    cni_join_outcome outcome;
    if (left == NULL || right == NULL || self->code != CN_OK || self->is_over) {
        return;
    }
    cni_join_try(self->graph, left, right, true, known == NULL ? -1.0 : known->rows, &outcome);
    self->is_over = self->graph->n_steps > self->max_steps;
    if (!outcome.is_valid || (known != NULL && known->cost <= outcome.tree.cost)) {
        return;
    }
    cni_join_tree *tree = NULL;
    self->code = CN_ARENA_NEW(self->graph->env->arena, &tree, self->err);
    if (self->code == CN_OK) {
        *tree = outcome.tree;
        self->table[a | b] = tree;
    }
}

static void
grow_complement(dphyp_state *self, relation_bits set, relation_bits complement,
                relation_bits excluded)
{
    const relation_bits near = neighbours(self, complement, excluded | set);
    for (relation_bits part = near & (~near + 1); part != 0; part = (part - near) & near) {
        if (self->table[complement | part] != NULL && connected(self, set, complement | part)) {
            emit_pair(self, set, complement | part);
        }
    }
    for (relation_bits part = near & (~near + 1); part != 0 && !self->is_over;
         part = (part - near) & near) {
        grow_complement(self, set, complement | part, excluded | near);
    }
}

static relation_bits
up_to(relation_bits lowest_bit)
{
    return lowest_bit | (lowest_bit - 1);
}

static void
emit_set(dphyp_state *self, relation_bits set)
{
    const relation_bits excluded = set | up_to(set & (~set + 1));
    const relation_bits near = neighbours(self, set, excluded);
    for (int32_t relation = self->n - 1; relation >= 0; relation--) {
        const relation_bits one = (relation_bits)1 << relation;
        if ((near & one) == 0) {
            continue;
        }
        if (connected(self, set, one)) {
            emit_pair(self, set, one);
        }
        grow_complement(self, set, one, excluded | (near & up_to(one)));
    }
}

static void
grow_set(dphyp_state *self, relation_bits set, relation_bits excluded)
{
    const relation_bits near = neighbours(self, set, excluded);
    for (relation_bits part = near & (~near + 1); part != 0; part = (part - near) & near) {
        if (self->table[set | part] != NULL) {
            emit_set(self, set | part);
        }
    }
    for (relation_bits part = near & (~near + 1); part != 0 && !self->is_over;
         part = (part - near) & near) {
        grow_set(self, set | part, excluded | near);
    }
}

/* ---- components ---- */

static relation_bits
component_of(const dphyp_state *self, relation_bits set)
{
    relation_bits grown = set;
    do {
        set = grown;
        for (int32_t at = 0; at < self->n_edges; at++) {
            const relation_bits both = self->edges[at].left | self->edges[at].right;
            grown |= (both & set) != 0 ? both : 0;
        }
    } while (grown != set);
    return set;
}

/* Whole components may be multiplied where nothing connects them. */
static cn_code
connect_components(dphyp_state *self)
{
    relation_bits components[CNI_DPHYP_MAX];
    int32_t n_components = 0;
    const relation_bits all = ((relation_bits)1 << self->n) - 1;
    relation_bits seen = 0;
    while (seen != all) {
        const relation_bits rest = all & ~seen;
        components[n_components] = component_of(self, rest & (~rest + 1));
        seen |= components[n_components++];
    }
    for (int32_t a = 0; a < n_components; a++) {
        for (int32_t b = a + 1; b < n_components; b++) {
            CN_TRY(add_edge(self, components[a], components[b]));
        }
    }
    return CN_OK;
}

cn_code
cni_join_dphyp(cni_join_graph *self, int64_t max_steps, const cni_join_tree **out_tree,
               cn_error *err)
{
    dphyp_state state = {
        .graph = self, .n = self->n_relations, .max_steps = max_steps, .code = CN_OK, .err = err};
    CN_ASSERT(self->n_relations <= CNI_DPHYP_MAX);
    const int64_t n_sets = INT64_C(1) << self->n_relations;
    *out_tree = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, n_sets, (int64_t)sizeof(*state.table),
                                 &state.table, err));
    CN_TRY(edges_of_classes(&state));
    CN_TRY(edges_of_ops(&state));
    CN_TRY(connect_components(&state));
    for (int32_t relation = 0; relation < state.n; relation++) {
        CN_TRY(cni_join_leaf(self, relation, &state.table[(size_t)1 << relation], err));
    }
    for (int32_t relation = state.n - 1; relation >= 0 && !state.is_over; relation--) {
        const relation_bits one = (relation_bits)1 << relation;
        emit_set(&state, one);
        grow_set(&state, one, up_to(one));
    }
    if (state.code == CN_OK && !state.is_over) {
        *out_tree = state.table[n_sets - 1];
    }
    return state.code;
}
