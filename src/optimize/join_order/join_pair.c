/* SPDX-License-Identifier: Apache-2.0
 *
 * Two joined sets and what their join would be: the operators that are needed by both together and
 * by neither alone. At most one of them is a join that is not inner, and then only conjuncts from
 * above it may come along (as a filter over it). Rows, bytes and cost of the outcome.
 */
#include <math.h>

#include "optimize/join_order/join_graph_int.h"

#define LOOP_COST  0.05 /* per pair of rows where no equality helps */
#define LEAST_ROWS 1e-3
#define LEAST_ANTI 0.01

bool
cni_join_is_new(const cni_join_op *op, cni_relation_set a, cni_relation_set b)
{
    return !op->is_cross && cni_relation_within(op->tes, cni_relation_union(a, b)) &&
           !cni_relation_within(op->tes, a) && !cni_relation_within(op->tes, b);
}

/* What the pair has found so far. */
typedef struct pair_state {
    const cni_join_graph *graph;
    const cni_join_tree *left;
    const cni_join_tree *right;
    cni_relation_set set;
    int32_t op;        /* the join that is not inner, -1 = none */
    bool connects;     /* some predicate spans both */
    bool has_equality; /* a hash table helps */
    bool has_class;
    bool right_unique; /* few rows per value of some key on the right (left) */
    bool left_unique;
    double fraction; /* of pairs, or behind `op` of its rows */
} pair_state;

static bool
obeys_rules(const cni_join_op *op, cni_relation_set set)
{
    for (const cni_conflict_rule *rule = op->rules; rule != NULL; rule = rule->next) {
        if (cni_relation_meets(rule->when, set) && !cni_relation_within(rule->then, set)) {
            return false;
        }
    }
    return true;
}

/* Turns the pair so that the op's left relations are left. */
static bool
orient(pair_state *pair, const cni_join_op *op)
{
    const cni_join_node *node = &pair->graph->nodes[op->node];
    const cni_relation_set left = pair->graph->nodes[node->left].set;
    const cni_relation_set right = pair->graph->nodes[node->right].set;
    if (!cni_relation_within(cni_relation_common(op->tes, left), pair->left->set)) {
        const cni_join_tree *other = pair->left;
        pair->left = pair->right;
        pair->right = other;
    }
    return cni_relation_within(cni_relation_common(op->tes, left), pair->left->set) &&
           cni_relation_within(cni_relation_common(op->tes, right), pair->right->set) &&
           !cni_relation_meets(pair->right->set, left) &&
           !cni_relation_meets(pair->left->set, right);
}

/* The join `op` below the node of conjunct `above`. */
static bool
is_below(const cni_join_graph *graph, int32_t op, const cni_join_op *above)
{
    const cni_join_node *node = &graph->nodes[above->node];
    return op >= node->first_op && op < node->own_op;
}

static bool
spans(const pair_state *pair, const cni_join_op *op)
{
    const bool straight = cni_relation_within(op->args[0], pair->left->set) &&
                          cni_relation_within(op->args[1], pair->right->set);
    const bool crossed = cni_relation_within(op->args[0], pair->right->set) &&
                         cni_relation_within(op->args[1], pair->left->set);
    return op->is_equality && (straight || crossed);
}

static bool
take_ops(pair_state *pair)
{
    const cni_join_graph *graph = pair->graph;
    for (int32_t at = 0; at < graph->n_ops; at++) {
        const cni_join_op *op = &graph->ops[at];
        if (op->class_index >= 0 || !cni_join_is_new(op, pair->left->set, pair->right->set)) {
            continue;
        }
        if (!obeys_rules(op, pair->set)) {
            return false;
        }
        pair->connects = true;
        if (op->kind == CNI_JOIN_INNER) {
            pair->fraction *= op->fraction;
            pair->has_equality = pair->has_equality || spans(pair, op);
        } else if (pair->op >= 0 || !orient(pair, op)) {
            return false;
        } else {
            pair->op = at;
        }
    }
    return true;
}

/* The conjuncts that come with a join that is not inner stand above it. */
static bool
only_from_above(const pair_state *pair)
{
    for (int32_t at = 0; at < pair->graph->n_ops; at++) {
        const cni_join_op *op = &pair->graph->ops[at];
        if (at != pair->op && op->class_index < 0 &&
            cni_join_is_new(op, pair->left->set, pair->right->set) &&
            !is_below(pair->graph, pair->op, op)) {
            return false;
        }
    }
    return !pair->has_class;
}

static double
least_domain(const cni_join_class *group, cni_relation_set set)
{
    double domain = HUGE_VAL;
    for (int32_t at = 0; at < group->n_members; at++) {
        if (cni_relation_has(set, group->members[at].relation)) {
            domain = fmin(domain, group->members[at].domain);
        }
    }
    return domain;
}

static bool
has_picked(const cni_join_class *group)
{
    for (int32_t at = 0; at < group->n_members; at++) {
        if (group->members[at].is_picked) {
            return true;
        }
    }
    return false;
}

static void
take_classes(pair_state *pair)
{
    for (int32_t at = 0; at < pair->graph->n_classes; at++) {
        const cni_join_class *group = &pair->graph->classes[at];
        if (cni_relation_meets(group->set, pair->left->set) &&
            cni_relation_meets(group->set, pair->right->set)) {
            const double left = least_domain(group, pair->left->set);
            const double right = least_domain(group, pair->right->set);
            pair->connects = true;
            pair->has_class = true;
            pair->has_equality = true;
            pair->fraction /= has_picked(group) ? fmin(left, right) : fmax(left, right);
            pair->left_unique = pair->left_unique || pair->left->rows <= left * 1.1;
            pair->right_unique = pair->right_unique || pair->right->rows <= right * 1.1;
        }
    }
    for (int32_t at = 0; at < pair->graph->n_corrections; at++) {
        const cni_join_correction *correction = &pair->graph->corrections[at];
        const bool a_left = cni_relation_has(pair->left->set, correction->a);
        const bool b_left = cni_relation_has(pair->left->set, correction->b);
        const bool a_right = cni_relation_has(pair->right->set, correction->a);
        const bool b_right = cni_relation_has(pair->right->set, correction->b);
        if ((a_left && b_right) || (a_right && b_left)) {
            pair->fraction *= correction->factor;
        }
    }
}

/* Without a predicate: no join that is not inner may be torn apart. */
static bool
may_cross(const pair_state *pair)
{
    const cni_join_graph *graph = pair->graph;
    for (int32_t at = 0; at < graph->n_ops; at++) {
        const cni_join_op *op = &graph->ops[at];
        if (op->kind == CNI_JOIN_INNER || cni_relation_within(op->tes, pair->left->set) ||
            cni_relation_within(op->tes, pair->right->set)) {
            continue;
        }
        const cni_relation_set inside = graph->nodes[graph->nodes[op->node].right].set;
        if (cni_relation_meets(pair->set, inside) && !cni_relation_within(pair->set, inside)) {
            return false;
        }
    }
    return true;
}

/* ---- figures ---- */

static double
rows_of(const pair_state *pair)
{
    const double left = pair->left->rows;
    const double right = pair->right->rows;
    if (pair->op < 0) {
        return left * right * fmin(1.0, pair->fraction);
    }
    const cni_join_op *op = &pair->graph->ops[pair->op];
    const double filtered = fmin(1.0, pair->fraction);
    switch (op->kind) {
    case CNI_JOIN_SEMI:
        return left * op->matched * filtered;
    case CNI_JOIN_ANTI:
        return left * fmax(LEAST_ANTI, 1.0 - op->matched) * filtered;
    case CNI_JOIN_LEFT:
        return fmax(left, left * right * op->fraction + left * (1.0 - op->matched)) * filtered;
    default:
        return left * filtered;
    }
}

static double
bytes_of(const pair_state *pair)
{
    const uint8_t kind = pair->op < 0 ? (uint8_t)CNI_JOIN_INNER : pair->graph->ops[pair->op].kind;
    if (kind == CNI_JOIN_SEMI || kind == CNI_JOIN_ANTI || kind == CNI_JOIN_MARK) {
        return pair->left->row_bytes;
    }
    return pair->left->row_bytes + pair->right->row_bytes;
}

/* Inner joins build the cheaper side, the unique one on ties, and have it right; the physical
 * planner chooses for SEMI, ANTI and LEFT, whose left side stays left. */
static double
work_of(pair_state *pair)
{
    const cni_join_tree *left = pair->left;
    const cni_join_tree *right = pair->right;
    if (!pair->has_equality) {
        return left->rows * right->rows * LOOP_COST + left->rows + right->rows;
    }
    const double straight = cni_estimate_join_cost(left->rows, right->rows, right->row_bytes);
    const double turned = cni_estimate_join_cost(right->rows, left->rows, left->row_bytes);
    if (pair->op >= 0) {
        const uint8_t kind = pair->graph->ops[pair->op].kind;
        const bool is_fixed = kind == CNI_JOIN_MARK || kind == CNI_JOIN_SINGLE;
        return is_fixed ? straight : fmin(straight, turned);
    }
    if (turned < straight || (turned == straight && pair->left_unique && !pair->right_unique)) {
        pair->left = right;
        pair->right = left;
    }
    return fmin(straight, turned);
}

void
cni_join_try(cni_join_graph *self, const cni_join_tree *a, const cni_join_tree *b, bool allow_cross,
             double known_rows, cni_join_outcome *out_outcome)
{
    pair_state pair = {.graph = self,
                       .left = a,
                       .right = b,
                       .set = cni_relation_union(a->set, b->set),
                       .op = -1,
                       .fraction = 1.0};
    self->n_steps++;
    out_outcome->is_valid = false;
    if (!take_ops(&pair)) {
        return;
    }
    if (pair.op >= 0) {
        pair.has_equality = self->ops[pair.op].is_equality;
    }
    take_classes(&pair);
    out_outcome->is_cross = !pair.connects;
    if ((pair.op >= 0 && !only_from_above(&pair)) ||
        (!pair.connects && (!allow_cross || !may_cross(&pair)))) {
        return;
    }
    const double rows = known_rows >= 0.0 ? known_rows : fmax(LEAST_ROWS, rows_of(&pair));
    const double work = work_of(&pair);
    out_outcome->is_valid = true;
    out_outcome->tree = (cni_join_tree){.set = pair.set,
                                        .left = pair.left,
                                        .right = pair.right,
                                        .relation = -1,
                                        .op = pair.op,
                                        .rows = rows,
                                        .row_bytes = bytes_of(&pair),
                                        .cost = a->cost + b->cost + rows + work};
}

cn_code
cni_join_leaf(cni_join_graph *self, int32_t relation, const cni_join_tree **out_tree, cn_error *err)
{
    cni_join_tree *leaf = NULL;
    CN_TRY(CN_ARENA_NEW(self->env->arena, &leaf, err));
    *leaf = (cni_join_tree){.set = cni_relation_one(relation),
                            .relation = relation,
                            .op = -1,
                            .rows = self->relations[relation].rows,
                            .row_bytes = self->relations[relation].row_bytes};
    *out_tree = leaf;
    return CN_OK;
}
