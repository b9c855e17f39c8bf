/* SPDX-License-Identifier: Apache-2.0
 *
 * Greedy operator ordering (Fegaras, "A new heuristic for optimizing large queries", DEXA 1998):
 * of all pairs of trees that may be joined, the one with the smallest result is, until one tree is
 * left. Cross products only when nothing else is possible. Ties go to the pair found first, so the
 * outcome does not depend on addresses.
 */
#include "optimize/join_order/join_graph_int.h"

/* Rows of joining two of the trees, kept while both stand. */
typedef struct greedy_state {
    cni_join_graph *graph;
    int32_t n;
    const cni_join_tree **trees; /* NULL = used up */
    double *rows;                /* n * n, above the diagonal; < 0 = not possible */
} greedy_state;

static void
try_pair(greedy_state *self, int32_t a, int32_t b, bool allow_cross)
{
    cni_join_outcome outcome;
    cni_join_try(self->graph, self->trees[a], self->trees[b], allow_cross, -1.0, &outcome);
    self->rows[(int64_t)a * self->n + b] = outcome.is_valid ? outcome.tree.rows : -1.0;
}

static bool
find_smallest(const greedy_state *self, int32_t *out_a, int32_t *out_b)
{
    double smallest = -1.0;
    for (int32_t a = 0; a < self->n; a++) {
        for (int32_t b = a + 1; self->trees[a] != NULL && b < self->n; b++) {
            const double rows = self->rows[(int64_t)a * self->n + b];
            if (self->trees[b] != NULL && rows >= 0.0 && (smallest < 0.0 || rows < smallest)) {
                smallest = rows;
                *out_a = a;
                *out_b = b;
            }
        }
    }
    return smallest >= 0.0;
}

static void
try_all(greedy_state *self, bool allow_cross)
{
    for (int32_t a = 0; a < self->n; a++) {
        for (int32_t b = a + 1; self->trees[a] != NULL && b < self->n; b++) {
            if (self->trees[b] != NULL) {
                try_pair(self, a, b, allow_cross);
            }
        }
    }
}

/* The two trees become one, in the place of the first. */
static cn_code
join_pair(greedy_state *self, int32_t a, int32_t b, cn_error *err)
{
    cni_join_outcome outcome;
    cni_join_tree *tree = NULL;
    cni_join_try(self->graph, self->trees[a], self->trees[b], true, -1.0, &outcome);
    CN_TRY(CN_ARENA_NEW(self->graph->env->arena, &tree, err));
    *tree = outcome.tree;
    self->trees[a] = tree;
    self->trees[b] = NULL;
    for (int32_t other = 0; other < self->n; other++) {
        if (other != a && self->trees[other] != NULL) {
            try_pair(self, other < a ? other : a, other < a ? a : other, false);
        }
    }
    return CN_OK;
}

cn_code
cni_join_greedy(cni_join_graph *self, const cni_join_tree **out_tree, cn_error *err)
{
    greedy_state state = {.graph = self, .n = self->n_relations};
    const int64_t n = self->n_relations;
    *out_tree = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, n, (int64_t)sizeof(*state.trees), &state.trees,
                                 err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, n * n, (int64_t)sizeof(*state.rows), &state.rows,
                                 err));
    for (int32_t relation = 0; relation < state.n; relation++) {
        CN_TRY(cni_join_leaf(self, relation, &state.trees[relation], err));
    }
    try_all(&state, false);
    int32_t a = 0;
    int32_t b = 0;
    for (int64_t joins = 1; joins < n; joins++) {
        CN_TRY(cni_context_check(self->env->context, err));
        if (!find_smallest(&state, &a, &b)) {
            try_all(&state, true);
            if (!find_smallest(&state, &a, &b)) {
                return CN_OK;
            }
            CN_TRY(join_pair(&state, a, b, err));
            try_all(&state, false);
            continue;
        }
        CN_TRY(join_pair(&state, a, b, err));
    }
    int32_t last = 0;
    while (state.trees[last] == NULL) {
        last++;
    }
    *out_tree = state.trees[last];
    return CN_OK;
}
