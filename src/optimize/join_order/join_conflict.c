/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators and their conflicts: CD-C of Moerkotte, Fender and Eich, "On the correct and complete
 * enumeration of the core search space" (SIGMOD 2013). Every conjunct of an inner join or a filter
 * is an operator of its own; every other join is one. An operator needs the relations of its
 * predicate (SES); conflicts with the operators below it in the tree as written, of which
 *
 *   assoc      (e1 a e2) b e3 = e1 a (e2 b e3)       b over e2, e3
 *   l-asscom   (e1 a e2) b e3 = (e1 b e3) a e2       b over e1, e3
 *   r-asscom   e1 a (e2 b e3) = e2 b (e1 a e3)       a over e1, e3
 *
 * do not hold, are rules "once a relation of one side is there, so must be those of the other".
 * Rules that its needs trigger are absorbed into the operator's eligibility set (TES).
 *
 * A predicate that may raise needs the whole tree below it: it sees no rows that it did not see.
 */
#include "optimize/join_order/join_graph_int.h"
#include "optimize/property/property.h"

static const cni_relation_set no_relations = {{0}};

/* ---- what a predicate names ---- */

typedef struct home_walk {
    const cni_join_graph *graph;
    cni_relation_set set;
} home_walk;

static bool
see_home(void *state, const cni_expr *expr)
{
    home_walk *walk = state;
    if (expr->kind == CNI_EXPR_COLUMN && expr->column_id < walk->graph->n_ids) {
        const int32_t home = walk->graph->homes[expr->column_id];
        if (home >= 0) {
            walk->set = cni_relation_union(walk->set, cni_relation_one(home));
        } else if (home != INT32_MIN) {
            walk->set = cni_relation_union(walk->set, walk->graph->ops[~home].tes);
        }
    }
    return true;
}

static cni_relation_set
named_by(const cni_join_graph *self, const cni_expr *expr)
{
    home_walk walk = {.graph = self, .set = no_relations};
    if (expr != NULL) {
        cni_expr_walk(expr, see_home, &walk);
    }
    return walk.set;
}

/* ---- properties of pairs of operators ---- */

/* The predicate of `op` is not true where all columns of the relations are NULL. */
static cn_code
rejects_nulls(cni_join_graph *self, const cni_join_op *op, cni_relation_set relations,
              bool *out_rejects, cn_error *err)
{
    cni_id_set columns = {0};
    *out_rejects = false;
    if (op->predicate == NULL) {
        return CN_OK;
    }
    for (int32_t at = cni_relation_next(relations, 0); at >= 0;
         at = cni_relation_next(relations, at + 1)) {
        const cni_plan *plan = self->relations[at].plan;
        for (int32_t column = 0; column < plan->n_columns; column++) {
            CN_TRY(cni_id_set_add(self->env->arena, &columns, plan->columns[column].id, err));
        }
    }
    *out_rejects = cni_expr_rejects_nulls(op->predicate, &columns);
    return CN_OK;
}

static cn_code
add_rule(cni_join_graph *self, cni_join_op *op, cni_relation_set when, cni_relation_set then,
         cn_error *err)
{
    cni_conflict_rule *rule = NULL;
    CN_TRY(CN_ARENA_NEW(self->env->arena, &rule, err));
    *rule = (cni_conflict_rule){.when = when, .then = then, .next = op->rules};
    op->rules = rule;
    return CN_OK;
}

/* The relations of `side` that `below` needs; all of them when it needs none. */
static cni_relation_set
needed_of(const cni_join_op *below, cni_relation_set side)
{
    const cni_relation_set needed = cni_relation_common(below->needs, side);
    return cni_relation_is_empty(needed) ? side : needed;
}

/* `below` is in the left subtree of `op`. */
static cn_code
conflict_left(cni_join_graph *self, cni_join_op *op, const cni_join_op *below, cn_error *err)
{
    bool associates = false;
    if (below->kind == CNI_JOIN_INNER) {
        return CN_OK;
    }
    const cni_join_node *node = &self->nodes[below->node];
    const cni_relation_set right = self->nodes[node->right].set;
    if (below->kind == CNI_JOIN_LEFT && op->kind == CNI_JOIN_LEFT) {
        CN_TRY(rejects_nulls(self, op, right, &associates, err));
    }
    return associates
               ? CN_OK
               : add_rule(self, op, right, needed_of(below, self->nodes[node->left].set), err);
}

/* `below` is in the right subtree of `op`. */
static cn_code
conflict_right(cni_join_graph *self, cni_join_op *op, const cni_join_op *below, cn_error *err)
{
    const cni_join_node *node = &self->nodes[below->node];
    bool associates = op->kind == CNI_JOIN_INNER;
    if (below->kind == CNI_JOIN_INNER) {
        return op->kind == CNI_JOIN_INNER ? CN_OK : add_rule(self, op, node->set, node->set, err);
    }
    const cni_relation_set left = self->nodes[node->left].set;
    const cni_relation_set right = self->nodes[node->right].set;
    if (op->kind == CNI_JOIN_LEFT && below->kind == CNI_JOIN_LEFT) {
        CN_TRY(rejects_nulls(self, below, left, &associates, err));
    }
    if (!associates) {
        CN_TRY(add_rule(self, op, left, needed_of(below, right), err));
    }
    return add_rule(self, op, right, needed_of(below, left), err);
}

/* ---- eligibility ---- */

static void
absorb_rules(cni_join_op *op)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (const cni_conflict_rule *rule = op->rules; rule != NULL; rule = rule->next) {
            if (cni_relation_meets(rule->when, op->tes) &&
                !cni_relation_within(rule->then, op->tes)) {
                op->tes = cni_relation_union(op->tes, rule->then);
                changed = true;
            }
        }
    }
    while (op->rules != NULL && cni_relation_within(op->rules->then, op->tes)) {
        op->rules = op->rules->next;
    }
}

static void
set_needs(const cni_join_graph *self, cni_join_op *op)
{
    const cni_join_node *node = &self->nodes[op->node];
    op->needs = named_by(self, op->predicate);
    op->tes = op->needs;
    if (op->is_cross) {
        return;
    }
    if (cni_relation_is_empty(op->needs) || cni_expr_may_error(op->predicate) ||
        op->kind == CNI_JOIN_SINGLE) {
        op->tes = node->set;
    }
    for (int32_t side = 0; op->kind != CNI_JOIN_INNER && side < 2; side++) {
        const cni_relation_set set = self->nodes[side == 0 ? node->left : node->right].set;
        if (!cni_relation_meets(op->tes, set)) {
            op->tes = cni_relation_union(op->tes, set);
        }
    }
}

static cn_code
settle_op(cni_join_graph *self, int32_t op_index, cn_error *err)
{
    cni_join_op *op = &self->ops[op_index];
    const cni_join_node *node = &self->nodes[op->node];
    set_needs(self, op);
    for (int32_t below = node->first_op; below < node->split_op; below++) {
        CN_TRY(conflict_left(self, op, &self->ops[below], err));
    }
    for (int32_t below = node->split_op; below < node->own_op; below++) {
        CN_TRY(conflict_right(self, op, &self->ops[below], err));
    }
    if (!op->is_cross) {
        absorb_rules(op);
    }
    return CN_OK;
}

/* ---- operators of a node ---- */

static cn_code
push_op(cni_join_graph *self, const cni_join_op *op, cn_error *err)
{
    if (self->n_ops == self->cap_ops) {
        const int32_t cap = self->cap_ops == 0 ? 32 : self->cap_ops * 2;
        cni_join_op *ops = NULL;
        CN_TRY(cni_arena_alloc_array(self->env->arena, cap, (int64_t)sizeof(*ops), &ops, err));
        if (self->n_ops > 0) {
            memcpy(ops, self->ops, (size_t)self->n_ops * sizeof(*ops));
        }
        self->ops = ops;
        self->cap_ops = cap;
    }
    self->ops[self->n_ops++] = *op;
    return settle_op(self, self->n_ops - 1, err);
}

static void
set_sides(const cni_join_graph *self, cni_join_op *op)
{
    const cni_expr *expr = op->predicate;
    const bool is_equal = (expr->kind == CNI_EXPR_COMPARE && expr->op == CNI_EQ) ||
                          (expr->kind == CNI_EXPR_DISTINCT && expr->negated);
    if (is_equal) {
        op->args[0] = named_by(self, expr->args[0]);
        op->args[1] = named_by(self, expr->args[1]);
        op->is_equality = !cni_relation_is_empty(op->args[0]) &&
                          !cni_relation_is_empty(op->args[1]) &&
                          !cni_relation_meets(op->args[0], op->args[1]);
    }
}

/* Conjuncts of an inner join or a filter. */
static cn_code
push_conjuncts(cni_join_graph *self, int32_t node, cn_error *err)
{
    cni_list conjuncts = {0};
    cni_join_op op = {
        .kind = CNI_JOIN_INNER, .node = node, .class_index = -1, .fraction = 1.0, .matched = 1.0};
    if (self->nodes[node].plan->predicate != NULL) {
        CN_TRY(cni_expr_conjuncts(self->env->arena, self->nodes[node].plan->predicate, &conjuncts,
                                  err));
    } else if (self->nodes[node].right >= 0) {
        op.is_cross = true;
        return push_op(self, &op, err);
    }
    for (int64_t at = 0; at < conjuncts.n_items; at++) {
        op.predicate = conjuncts.items[at];
        op.is_equality = false;
        set_sides(self, &op);
        CN_TRY(push_op(self, &op, err));
    }
    return CN_OK;
}

/* Some conjunct of a join is an equality between its sides. */
static cn_code
find_equality(cni_join_graph *self, cni_join_op *op, cn_error *err)
{
    const cni_join_node *node = &self->nodes[op->node];
    cni_list conjuncts = {0};
    if (op->predicate != NULL) {
        CN_TRY(cni_expr_conjuncts(self->env->arena, op->predicate, &conjuncts, err));
    }
    for (int64_t at = 0; at < conjuncts.n_items && !op->is_equality; at++) {
        cni_join_op part = {.predicate = conjuncts.items[at]};
        set_sides(self, &part);
        const cni_relation_set left = self->nodes[node->left].set;
        const int32_t first = cni_relation_within(part.args[0], left) ? 0 : 1;
        op->is_equality = part.is_equality && cni_relation_within(part.args[first], left) &&
                          cni_relation_within(part.args[1 - first], self->nodes[node->right].set);
    }
    return CN_OK;
}

static cn_code
push_join(cni_join_graph *self, int32_t node, cn_error *err)
{
    const cni_plan *plan = self->nodes[node].plan;
    cni_join_op op = {.kind = plan->join_kind,
                      .node = node,
                      .predicate = plan->predicate,
                      .class_index = -1,
                      .fraction = 1.0,
                      .matched = 1.0};
    CN_TRY(find_equality(self, &op, err));
    CN_TRY(push_op(self, &op, err));
    if (plan->join_kind == CNI_JOIN_MARK) {
        const int32_t id = plan->columns[plan->n_columns - 1].id;
        if (id < self->n_ids) {
            self->homes[id] = ~(self->n_ops - 1);
        }
    }
    return CN_OK;
}

/* ---- relations ---- */

static void
set_homes(cni_join_graph *self)
{
    for (int32_t relation = 0; relation < self->n_relations; relation++) {
        const cni_plan *plan = self->relations[relation].plan;
        for (int32_t column = 0; column < plan->n_columns; column++) {
            if (plan->columns[column].id < self->n_ids) {
                self->homes[plan->columns[column].id] = relation;
            }
        }
    }
}

/* Conjuncts that need one relation alone become a filter on it. */
static cn_code
filter_relations(cni_join_graph *self, cn_error *err)
{
    for (int32_t at = 0; at < self->n_ops; at++) {
        cni_join_op *op = &self->ops[at];
        if (op->is_cross || op->kind != CNI_JOIN_INNER || cni_relation_count(op->tes) != 1) {
            continue;
        }
        const cni_plan **plan = &self->relations[cni_relation_next(op->tes, 0)].plan;
        const cni_expr *predicate = op->predicate;
        const cni_plan *below = *plan;
        if (below->kind == CNI_PLAN_FILTER) {
            const cni_expr *both[] = {below->predicate, predicate};
            CN_TRY(cni_expr_junction(self->env->arena, CNI_EXPR_AND, both, 2, &predicate, err));
            below = below->children[0];
        }
        CN_TRY(cni_plan_filter(&self->env->builder, below, predicate, plan, err));
    }
    return CN_OK;
}

cn_code
cni_join_find_conflicts(cni_join_graph *self, cn_error *err)
{
    set_homes(self);
    for (int32_t at = 0; at < self->n_nodes; at++) {
        cni_join_node *node = &self->nodes[at];
        node->first_op = node->left >= 0 ? self->nodes[node->left].first_op : self->n_ops;
        node->split_op = node->left >= 0 ? self->nodes[node->left].end_op : self->n_ops;
        node->own_op = self->n_ops;
        if (node->left >= 0) {
            const bool is_conjuncts = node->right < 0 || node->plan->join_kind == CNI_JOIN_INNER;
            CN_TRY(is_conjuncts ? push_conjuncts(self, at, err) : push_join(self, at, err));
        }
        self->nodes[at].end_op = self->n_ops;
    }
    return filter_relations(self, err);
}
