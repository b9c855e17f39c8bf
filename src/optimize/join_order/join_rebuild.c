/* SPDX-License-Identifier: Apache-2.0
 *
 * The chosen tree as a plan. Each conjunct goes to the join where all that it needs is first there;
 * an equality class gives one equality per join that it reaches across, one that was written if
 * there is one.
 */
#include "optimize/join_order/join_graph_int.h"

/* ---- predicates ---- */

/* An equality that was written between two columns of the group, one on each side. */
static const cni_expr *
written_equality(const cni_join_graph *self, int32_t class_index, cni_relation_set left,
                 cni_relation_set right)
{
    for (int32_t at = 0; at < self->n_ops; at++) {
        const cni_join_op *op = &self->ops[at];
        if (op->class_index == class_index && cni_join_is_new(op, left, right)) {
            return op->predicate;
        }
    }
    return NULL;
}

/* The column of the class on a side with the smallest domain. */
static const cni_expr *
column_on(const cni_join_class *group, cni_relation_set side)
{
    const cni_join_member *best = NULL;
    for (int32_t at = 0; at < group->n_members; at++) {
        const cni_join_member *member = &group->members[at];
        if (cni_relation_has(side, member->relation) &&
            (best == NULL || member->domain < best->domain)) {
            best = member;
        }
    }
    return best == NULL ? NULL : best->column; /* classes have members on both sides */
}

static cn_code
add_classes(cni_join_graph *self, const cni_join_tree *tree, cni_list *conjuncts, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    for (int32_t at = 0; at < self->n_classes; at++) {
        const cni_join_class *group = &self->classes[at];
        if (!cni_relation_meets(group->set, tree->left->set) ||
            !cni_relation_meets(group->set, tree->right->set)) {
            continue;
        }
        const cni_expr *equality = written_equality(self, at, tree->left->set, tree->right->set);
        if (equality == NULL) {
            CN_TRY(cni_expr_compare(arena, CNI_EQ, column_on(group, tree->left->set),
                                    column_on(group, tree->right->set), &equality, err));
        }
        CN_TRY(cni_list_push(arena, conjuncts, equality, err));
    }
    return CN_OK;
}

/* Conjuncts that belong here: classes first, the others as written; those of a join that is not
 * inner are its own. */
static cn_code
predicate_of(cni_join_graph *self, const cni_join_tree *tree, const cni_expr **out_predicate,
             cn_error *err)
{
    cni_arena *arena = self->env->arena;
    cni_list conjuncts = {0};
    CN_TRY(add_classes(self, tree, &conjuncts, err));
    for (int32_t at = 0; at < self->n_ops; at++) {
        const cni_join_op *op = &self->ops[at];
        if (op->kind == CNI_JOIN_INNER && op->class_index < 0 &&
            cni_join_is_new(op, tree->left->set, tree->right->set)) {
            CN_TRY(cni_list_push(arena, &conjuncts, op->predicate, err));
        }
    }
    *out_predicate = NULL;
    if (conjuncts.n_items == 0) {
        return CN_OK;
    }
    return cni_expr_junction(arena, CNI_EXPR_AND,
                             (const cni_expr *const *)(const void *)conjuncts.items,
                             (int32_t)conjuncts.n_items, out_predicate, err);
}

/* ---- nodes ---- */

/* A MARK keeps the id of its column. */
static cn_code
keep_mark(cni_join_graph *self, const cni_plan *written, const cni_plan **inout_plan, cn_error *err)
{
    cni_plan node = **inout_plan;
    cni_column *columns = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, node.n_columns, (int64_t)sizeof(*columns),
                                 &columns, err));
    memcpy(columns, node.columns, (size_t)node.n_columns * sizeof(*columns));
    columns[node.n_columns - 1] = written->columns[written->n_columns - 1];
    node.columns = columns;
    return cni_plan_new(&self->env->builder, &node, inout_plan, err);
}

static cn_code
join_of(cni_join_graph *self, const cni_join_tree *tree, const cni_plan *left,
        const cni_plan *right, const cni_plan **out_plan, cn_error *err)
{
    const cni_expr *predicate = NULL;
    cni_plan_builder *builder = &self->env->builder;
    CN_TRY(predicate_of(self, tree, &predicate, err));
    if (tree->op < 0) {
        return cni_plan_join(builder, CNI_JOIN_INNER, left, right, predicate, false, out_plan, err);
    }
    const cni_plan *written = self->nodes[self->ops[tree->op].node].plan;
    CN_TRY(cni_plan_join(builder, (cni_join_kind)written->join_kind, left, right,
                         written->predicate, written->null_aware, out_plan, err));
    if (written->join_kind == CNI_JOIN_MARK) {
        CN_TRY(keep_mark(self, written, out_plan, err));
    }
    return predicate == NULL ? CN_OK
                             : cni_plan_filter(builder, *out_plan, predicate, out_plan, err);
}

cn_code
cni_join_written(cni_join_graph *self, int32_t node, const cni_plan **out_plan, cn_error *err)
{
    const cni_join_node *at = &self->nodes[node];
    cni_plan_builder *builder = &self->env->builder;
    const cni_plan *left = NULL;
    const cni_plan *right = NULL;
    if (at->relation >= 0) {
        *out_plan = self->relations[at->relation].plan;
        return CN_OK;
    }
    CN_TRY(cni_join_written(self, at->left, &left, err));
    if (at->right < 0) {
        return cni_plan_filter(builder, left, at->plan->predicate, out_plan, err);
    }
    CN_TRY(cni_join_written(self, at->right, &right, err));
    CN_TRY(cni_plan_join(builder, (cni_join_kind)at->plan->join_kind, left, right,
                         at->plan->predicate, at->plan->null_aware, out_plan, err));
    return at->plan->join_kind == CNI_JOIN_MARK ? keep_mark(self, at->plan, out_plan, err) : CN_OK;
}

/* As deep as there are relations. */
cn_code
cni_join_rebuild(cni_join_graph *self, const cni_join_tree *tree, const cni_plan **out_plan,
                 cn_error *err)
{
    const cni_plan *left = NULL;
    const cni_plan *right = NULL;
    if (tree->relation >= 0) {
        *out_plan = self->relations[tree->relation].plan;
        return CN_OK;
    }
    CN_TRY(cni_join_rebuild(self, tree->left, &left, err));
    CN_TRY(cni_join_rebuild(self, tree->right, &right, err));
    return join_of(self, tree, left, right, out_plan, err);
}
