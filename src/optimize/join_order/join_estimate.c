/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures of a hypergraph: rows of its relations, equality classes with the domains of their
 * columns, fractions of the other conjuncts, corrections for keys of several columns.
 *
 * Equalities between bare columns form classes: a = b and b = c also join a to c, and two sets of
 * relations need one equality per class that reaches into both, because what lies in either set is
 * equal already. A class holds one column per relation; what would add a second one stays a
 * conjunct.
 */
#include <math.h>

#include "optimize/join_order/join_graph_int.h"

#define MAX_CORRECTED 64 /* relations: beyond, keys of several columns are taken as independent */

/* ---- relations ---- */

static cn_code
estimate_relations(cni_join_graph *self, cn_error *err)
{
    for (int32_t at = 0; at < self->n_relations; at++) {
        cni_join_relation *relation = &self->relations[at];
        cni_plan_estimate estimate;
        CN_TRY(cni_estimate_plan(self->estimator, relation->plan, &estimate, err));
        relation->rows = fmax(estimate.rows, 1e-3);
        relation->row_bytes = estimate.row_bytes;
    }
    return CN_OK;
}

/* ---- classes ---- */

/* A conjunct that a class may stand for: equality of two bare columns that needs their relations
 * alone. */
static bool
is_link(const cni_join_graph *self, const cni_join_op *op)
{
    return op->kind == CNI_JOIN_INNER && !op->is_cross && op->is_equality &&
           op->predicate->kind == CNI_EXPR_COMPARE &&
           op->predicate->args[0]->kind == CNI_EXPR_COLUMN &&
           op->predicate->args[1]->kind == CNI_EXPR_COLUMN && cni_relation_count(op->tes) == 2 &&
           self->homes[op->predicate->args[0]->column_id] >= 0 &&
           self->homes[op->predicate->args[1]->column_id] >= 0;
}

/* A class while it grows. */
typedef struct class_builder {
    cni_join_class group;
    int32_t scope;
    bool is_gone; /* united with another */
} class_builder;

static int32_t
find_class(const class_builder *classes, int32_t n_classes, int32_t scope, int32_t column_id)
{
    for (int32_t at = 0; at < n_classes; at++) {
        const cni_join_class *group = &classes[at].group;
        for (int32_t member = 0;
             classes[at].scope == scope && !classes[at].is_gone && member < group->n_members;
             member++) {
            if (group->members[member].column->column_id == column_id) {
                return at;
            }
        }
    }
    return -1;
}

static cn_code
new_class(cni_join_graph *self, class_builder *builder, const cni_join_node *node,
          const cni_expr *column, cn_error *err)
{
    cni_join_class *group = &builder->group;
    const int32_t relation = self->homes[column->column_id];
    *builder = (class_builder){.scope = node->scope};
    CN_TRY(cni_arena_alloc_array(self->env->arena, self->n_relations,
                                 (int64_t)sizeof(*group->members), &group->members, err));
    group->members[0] = (cni_join_member){.relation = relation, .column = column, .domain = 1.0};
    group->n_members = 1;
    group->set = cni_relation_one(relation);
    return CN_OK;
}

static void
unite(class_builder *into, class_builder *from)
{
    cni_join_class *group = &into->group;
    for (int32_t member = 0; member < from->group.n_members; member++) {
        group->members[group->n_members++] = from->group.members[member];
    }
    group->set = cni_relation_union(group->set, from->group.set);
    from->is_gone = true;
}

/* A class for each link's two columns, united; where that would give a relation two columns, the
 * conjunct stays one. */
static cn_code
add_link(cni_join_graph *self, class_builder *classes, int32_t *inout_n, cni_join_op *op,
         cn_error *err)
{
    const cni_join_node *node = &self->nodes[op->node];
    int32_t found[2];
    for (int32_t side = 0; side < 2; side++) {
        const cni_expr *column = op->predicate->args[side];
        found[side] = find_class(classes, *inout_n, node->scope, column->column_id);
        if (found[side] < 0) {
            found[side] = (*inout_n)++;
            CN_TRY(new_class(self, &classes[found[side]], node, column, err));
        }
    }
    if (found[0] != found[1]) {
        class_builder *into = &classes[found[0]];
        class_builder *from = &classes[found[1]];
        if (cni_relation_meets(into->group.set, from->group.set)) {
            return CN_OK;
        }
        unite(into, from);
    }
    op->class_index = found[0];
    return CN_OK;
}

/* Numbers in operators point at builders; now at classes. */
static cn_code
finish_classes(cni_join_graph *self, class_builder *builders, int32_t n_builders, cn_error *err)
{
    CN_TRY(cni_arena_alloc_array(self->env->arena, n_builders, (int64_t)sizeof(*self->classes),
                                 &self->classes, err));
    for (int32_t at = 0; at < n_builders; at++) {
        if (!builders[at].is_gone && builders[at].group.n_members >= 2) {
            self->classes[self->n_classes++] = builders[at].group;
        }
    }
    for (int32_t at = 0; at < self->n_ops; at++) {
        cni_join_op *op = &self->ops[at];
        if (op->class_index < 0) {
            continue;
        }
        const int32_t scope = self->nodes[op->node].scope;
        const int32_t builder =
            find_class(builders, n_builders, scope, op->predicate->args[0]->column_id);
        int32_t group = 0;
        while (self->classes[group].members != builders[builder].group.members) {
            group++;
        }
        op->class_index = group;
    }
    return CN_OK;
}

static cn_code
find_classes(cni_join_graph *self, cn_error *err)
{
    class_builder *builders = NULL;
    int32_t n_builders = 0;
    CN_TRY(cni_arena_alloc_array(self->env->arena, (int64_t)self->n_ops * 2,
                                 (int64_t)sizeof(*builders), &builders, err));
    for (int32_t at = 0; at < self->n_ops; at++) {
        if (is_link(self, &self->ops[at])) {
            CN_TRY(add_link(self, builders, &n_builders, &self->ops[at], err));
        }
    }
    CN_TRY(finish_classes(self, builders, n_builders, err));
    for (int32_t group = 0; group < self->n_classes; group++) {
        for (int32_t at = 0; at < self->classes[group].n_members; at++) {
            cni_join_member *member = &self->classes[group].members[at];
            cni_column_estimate estimate;
            CN_TRY(cni_estimate_column(self->estimator, self->relations[member->relation].plan,
                                       member->column->column_id, &estimate, err));
            member->domain =
                fmax(1.0, estimate.picked_from > 0.0 ? estimate.picked_from : estimate.n_domain);
            member->is_picked = estimate.picked_from > 0.0;
        }
    }
    return CN_OK;
}

/* ---- fractions ---- */

static double
by_shape(const cni_expr *predicate)
{
    return cni_estimate_selectivity(predicate, NULL, NULL, 0);
}

static cn_code
conjunct_fraction(cni_join_graph *self, cni_join_op *op, cn_error *err)
{
    const int32_t a = cni_relation_next(op->needs, 0);
    const int32_t b = a < 0 ? -1 : cni_relation_next(op->needs, a + 1);
    if (b < 0 || cni_relation_count(op->needs) != 2) {
        op->fraction = by_shape(op->predicate);
        return CN_OK;
    }
    return cni_estimate_join_fraction(self->estimator, self->relations[a].plan,
                                      self->relations[b].plan, &op->predicate, 1, &op->fraction,
                                      err);
}

/* The one relation of the side that the predicate names, or the side as it was written. */
static cn_code
side_plan(cni_join_graph *self, const cni_join_op *op, int32_t node, const cni_plan **out_plan,
          cn_error *err)
{
    const cni_relation_set named = cni_relation_common(op->needs, self->nodes[node].set);
    if (cni_relation_count(named) == 1 && cni_relation_count(self->nodes[node].set) > 1 &&
        node == self->nodes[op->node].left) {
        *out_plan = self->relations[cni_relation_next(named, 0)].plan;
        return CN_OK;
    }
    return cni_join_written(self, node, out_plan, err);
}

static cn_code
join_fractions(cni_join_graph *self, cni_join_op *op, cn_error *err)
{
    const cni_join_node *node = &self->nodes[op->node];
    const cni_plan *left = NULL;
    const cni_plan *right = NULL;
    cni_list conjuncts = {0};
    if (op->predicate == NULL) {
        return CN_OK;
    }
    CN_TRY(side_plan(self, op, node->left, &left, err));
    CN_TRY(side_plan(self, op, node->right, &right, err));
    CN_TRY(cni_expr_conjuncts(self->env->arena, op->predicate, &conjuncts, err));
    const cni_expr *const *items = (const cni_expr *const *)(const void *)conjuncts.items;
    CN_TRY(cni_estimate_join_fraction(self->estimator, left, right, items,
                                      (int32_t)conjuncts.n_items, &op->fraction, err));
    return cni_estimate_match_fraction(self->estimator, left, right, items,
                                       (int32_t)conjuncts.n_items, &op->matched, err);
}

/* ---- keys of several columns ---- */

static const cni_join_member *
member_of(const cni_join_class *group, int32_t relation)
{
    for (int32_t at = 0; at < group->n_members; at++) {
        if (group->members[at].relation == relation) {
            return &group->members[at];
        }
    }
    return NULL;
}

static bool
joins_pair(const cni_join_op *op, int32_t a, int32_t b)
{
    return op->kind == CNI_JOIN_INNER && op->class_index < 0 && op->is_equality &&
           cni_relation_count(op->needs) == 2 && cni_relation_has(op->needs, a) &&
           cni_relation_has(op->needs, b);
}

/* Every equality between two relations: of classes, and those that stayed conjuncts. */
static cn_code
equalities_of(cni_join_graph *self, int32_t a, int32_t b, cni_list *out_list, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    for (int32_t group = 0; group < self->n_classes; group++) {
        const cni_join_member *left = member_of(&self->classes[group], a);
        const cni_join_member *right = member_of(&self->classes[group], b);
        const cni_expr *equality = NULL;
        if (left != NULL && right != NULL) {
            CN_TRY(cni_expr_compare(arena, CNI_EQ, left->column, right->column, &equality, err));
            CN_TRY(cni_list_push(arena, out_list, equality, err));
        }
    }
    for (int32_t op = 0; op < self->n_ops; op++) {
        if (joins_pair(&self->ops[op], a, b)) {
            CN_TRY(cni_list_push(arena, out_list, self->ops[op].predicate, err));
        }
    }
    return CN_OK;
}

static int32_t
count_equalities(const cni_join_graph *self, int32_t a, int32_t b)
{
    int32_t count = 0;
    for (int32_t group = 0; group < self->n_classes; group++) {
        count += cni_relation_has(self->classes[group].set, a) &&
                         cni_relation_has(self->classes[group].set, b)
                     ? 1
                     : 0;
    }
    for (int32_t op = 0; op < self->n_ops; op++) {
        count += joins_pair(&self->ops[op], a, b) ? 1 : 0;
    }
    return count;
}

static cn_code
correct_pair(cni_join_graph *self, int32_t a, int32_t b, cn_error *err)
{
    const cni_plan *left = self->relations[a].plan;
    const cni_plan *right = self->relations[b].plan;
    cni_list list = {0};
    double together = 1.0;
    double product = 1.0;
    CN_TRY(equalities_of(self, a, b, &list, err));
    const cni_expr *const *items = (const cni_expr *const *)(const void *)list.items;
    CN_TRY(cni_estimate_join_fraction(self->estimator, left, right, items, (int32_t)list.n_items,
                                      &together, err));
    for (int64_t at = 0; at < list.n_items; at++) {
        double single = 1.0;
        CN_TRY(
            cni_estimate_join_fraction(self->estimator, left, right, &items[at], 1, &single, err));
        product *= single;
    }
    if (product > 0.0 && together > product * 1.01) {
        self->corrections[self->n_corrections++] =
            (cni_join_correction){.a = a, .b = b, .factor = together / product};
    }
    return CN_OK;
}

static cn_code
find_corrections(cni_join_graph *self, cn_error *err)
{
    const int64_t n = self->n_relations;
    if (n > MAX_CORRECTED) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(self->env->arena, n * (n - 1) / 2,
                                 (int64_t)sizeof(*self->corrections), &self->corrections, err));
    for (int32_t a = 0; a < self->n_relations; a++) {
        for (int32_t b = a + 1; b < self->n_relations; b++) {
            if (count_equalities(self, a, b) >= 2) {
                CN_TRY(correct_pair(self, a, b, err));
            }
        }
    }
    return CN_OK;
}

cn_code
cni_join_estimate(cni_join_graph *self, cn_error *err)
{
    CN_TRY(estimate_relations(self, err));
    CN_TRY(find_classes(self, err));
    for (int32_t at = 0; at < self->n_ops; at++) {
        cni_join_op *op = &self->ops[at];
        if (op->is_cross || op->class_index >= 0 || cni_relation_count(op->tes) == 1) {
            continue;
        }
        CN_TRY(op->kind == CNI_JOIN_INNER ? conjunct_fraction(self, op, err)
                                          : join_fractions(self, op, err));
    }
    return find_corrections(self, err);
}
