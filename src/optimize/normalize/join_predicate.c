/* SPDX-License-Identifier: Apache-2.0
 *
 * Normal form of inner joins: conjuncts of filters above a tree of inner joins, and of the joins'
 * own predicates, stand at the lowest place that has all their columns: over one input, or in the
 * predicate of a join. So a plan can be run as it is, whatever rules are off.
 *
 *   Filter a.x = b.x AND b.y > 3                Join inner predicate=a.x = b.x
 *     Join cross                         ->       a
 *       a                                         Filter b.y > 3
 *       b                                           b
 *
 * The shape is kept as written unless a join would be left without a predicate: then the inputs are
 * taken in order of writing, each time the first that is connected to those before. A fallible
 * conjunct stays in its own join, or above all of them: below, it would see rows that others
 * remove.
 */
#include "optimize/normalize/normalize.h"

typedef struct conjunct {
    const cni_expr *expr;
    const cni_plan *origin; /* the join whose predicate it is from, or NULL */
    int32_t n_leaves;
    int32_t *leaves; /* inputs that it names */
    bool tied;       /* volatile or fallible */
    bool used;
} conjunct;

/* One tree of inner joins. */
typedef struct join_tree {
    cni_rule_env *env;
    cni_list leaves;    /* const cni_plan *, in order of writing */
    cni_list conjuncts; /* conjunct *, inner ones first */
    int32_t n_products; /* joins without a predicate */
} join_tree;

static cn_code normalize_tree(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                              cn_error *err);

static bool
is_inner(const cni_plan *plan)
{
    return plan->kind == CNI_PLAN_JOIN && plan->join_kind == CNI_JOIN_INNER;
}

static bool
is_tree(const cni_plan *plan)
{
    return is_inner(plan) || (plan->kind == CNI_PLAN_FILTER && is_inner(plan->children[0]));
}

/* ---- collecting ---- */

static cn_code
add_conjuncts(join_tree *self, const cni_plan *node, cn_error *err)
{
    cni_list parts = {0};
    CN_TRY(cni_expr_conjuncts(self->env->arena, node->predicate, &parts, err));
    for (int64_t at = 0; at < parts.n_items; at++) {
        conjunct *item = NULL;
        CN_TRY(CN_ARENA_NEW(self->env->arena, &item, err));
        item->expr = parts.items[at];
        item->origin = node->kind == CNI_PLAN_JOIN ? node : NULL;
        item->tied = cni_expr_is_volatile(item->expr) || cni_expr_may_error(item->expr);
        CN_TRY(cni_list_push(self->env->arena, &self->conjuncts, item, err));
    }
    return CN_OK;
}

static cn_code
collect(join_tree *self, const cni_plan *plan, cn_error *err)
{
    if (!is_tree(plan)) {
        CN_TRY(normalize_tree(self->env, plan, &plan, err));
        return cni_list_push(self->env->arena, &self->leaves, plan, err);
    }
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(collect(self, plan->children[child], err));
    }
    return plan->predicate == NULL ? CN_OK : add_conjuncts(self, plan, err);
}

/* Which inputs each conjunct names. */
static cn_code
find_leaves(join_tree *self, conjunct *item, cn_error *err)
{
    cni_id_set ids = {0};
    CN_TRY(cni_id_set_add_expr(self->env->arena, &ids, item->expr, err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, self->leaves.n_items, 4, &item->leaves, err));
    for (int32_t leaf = 0; leaf < self->leaves.n_items; leaf++) {
        const cni_plan *plan = self->leaves.items[leaf];
        bool names = false;
        for (int32_t column = 0; !names && column < plan->n_columns; column++) {
            names = cni_id_set_has(&ids, plan->columns[column].id);
        }
        if (names) {
            item->leaves[item->n_leaves++] = leaf;
        }
    }
    return CN_OK;
}

/* ---- placing ---- */

static bool
is_within(const conjunct *item, const bool *present)
{
    for (int32_t at = 0; at < item->n_leaves; at++) {
        if (!present[item->leaves[at]]) {
            return false;
        }
    }
    return item->n_leaves > 0;
}

static bool
is_equality(const conjunct *item)
{
    return (item->expr->kind == CNI_EXPR_COMPARE && item->expr->op == CNI_EQ) ||
           (item->expr->kind == CNI_EXPR_DISTINCT && item->expr->negated);
}

static cn_code
take(join_tree *self, conjunct *item, cni_list *inout_taken, cn_error *err)
{
    item->used = true;
    return cni_list_push(self->env->arena, inout_taken, item->expr, err);
}

/* Conjuncts that the inputs at hand have all columns for: those that are free to move, those of
 * `origin`, and a fallible equality where there would be a product otherwise. */
static cn_code
take_ready(join_tree *self, const bool *present, const cni_plan *origin, cni_list *out_taken,
           cn_error *err)
{
    for (int64_t at = 0; at < self->conjuncts.n_items; at++) {
        conjunct *item = self->conjuncts.items[at];
        const bool own = origin != NULL && item->origin == origin;
        if (!item->used && (own || (!item->tied && is_within(item, present)))) {
            CN_TRY(take(self, item, out_taken, err));
        }
    }
    for (int64_t at = 0; out_taken->n_items == 0 && at < self->conjuncts.n_items; at++) {
        conjunct *item = self->conjuncts.items[at];
        if (!item->used && item->n_leaves > 1 && is_equality(item) && is_within(item, present) &&
            !cni_expr_is_volatile(item->expr)) {
            CN_TRY(take(self, item, out_taken, err));
        }
    }
    return CN_OK;
}

static cn_code
and_of(cni_rule_env *env, const cni_list *list, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    const int32_t n_args = (int32_t)list->n_items;
    *out_expr = NULL;
    if (n_args == 0) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(env->arena, n_args, (int64_t)sizeof(*args), &args, err));
    for (int32_t arg = 0; arg < n_args; arg++) {
        args[arg] = list->items[arg];
    }
    return cni_expr_junction(env->arena, CNI_EXPR_AND, args, n_args, out_expr, err);
}

/* `plan` under a FILTER with the list; itself for none. */
static cn_code
filter_by(cni_rule_env *env, const cni_plan *plan, const cni_list *list, const cni_plan **out_plan,
          cn_error *err)
{
    const cni_expr *predicate = NULL;
    CN_TRY(and_of(env, list, &predicate, err));
    *out_plan = plan;
    return predicate == NULL ? CN_OK
                             : cni_plan_filter(&env->builder, plan, predicate, out_plan, err);
}

static cn_code
place_leaf(join_tree *self, int32_t leaf, const cni_plan **out_plan, cn_error *err)
{
    cni_list taken = {0};
    for (int64_t at = 0; at < self->conjuncts.n_items; at++) {
        conjunct *item = self->conjuncts.items[at];
        if (!item->used && !item->tied && item->n_leaves == 1 && item->leaves[0] == leaf) {
            CN_TRY(take(self, item, &taken, err));
        }
    }
    return filter_by(self->env, self->leaves.items[leaf], &taken, out_plan, err);
}

static cn_code
join_ready(join_tree *self, const cni_plan *left, const cni_plan *right, const bool *present,
           const cni_plan *origin, const cni_plan **out_plan, cn_error *err)
{
    cni_list taken = {0};
    const cni_expr *predicate = NULL;
    CN_TRY(take_ready(self, present, origin, &taken, err));
    CN_TRY(and_of(self->env, &taken, &predicate, err));
    self->n_products += predicate == NULL ? 1 : 0;
    return cni_plan_join(&self->env->builder, CNI_JOIN_INNER, left, right, predicate, false,
                         out_plan, err);
}

/* In the shape as written. `inout_leaf` counts the inputs met; present holds those below. */
static cn_code
place_written(join_tree *self, const cni_plan *plan, bool *present, int32_t *inout_leaf,
              const cni_plan **out_plan, cn_error *err)
{
    const int64_t n_leaves = self->leaves.n_items;
    bool *other = NULL;
    const cni_plan *sides[2] = {NULL, NULL};
    if (!is_tree(plan)) {
        present[*inout_leaf] = true;
        return place_leaf(self, (*inout_leaf)++, out_plan, err);
    }
    if (plan->kind == CNI_PLAN_FILTER) {
        return place_written(self, plan->children[0], present, inout_leaf, out_plan, err);
    }
    CN_TRY(cni_arena_alloc_array(self->env->arena, n_leaves, 1, &other, err));
    CN_TRY(place_written(self, plan->children[0], present, inout_leaf, &sides[0], err));
    CN_TRY(place_written(self, plan->children[1], other, inout_leaf, &sides[1], err));
    for (int64_t leaf = 0; leaf < n_leaves; leaf++) {
        present[leaf] = present[leaf] || other[leaf];
    }
    return join_ready(self, sides[0], sides[1], present, plan, out_plan, err);
}

/* ---- another order, where a product can be avoided ---- */

/* How well `leaf` is connected to those present: 2 by an equality, 1 otherwise, 0 not at all. */
static int32_t
connection(const join_tree *self, bool *present, int32_t leaf)
{
    int32_t best = 0;
    present[leaf] = true;
    for (int64_t at = 0; best < 2 && at < self->conjuncts.n_items; at++) {
        const conjunct *item = self->conjuncts.items[at];
        bool names = false;
        for (int32_t of = 0; of < item->n_leaves; of++) {
            names = names || item->leaves[of] == leaf;
        }
        if (names && item->n_leaves > 1 && !item->used && is_within(item, present)) {
            const int32_t rank = is_equality(item) ? 2 : item->tied ? 0 : 1;
            best = rank > best ? rank : best;
        }
    }
    present[leaf] = false;
    return best;
}

static int32_t
next_leaf(const join_tree *self, bool *present)
{
    int32_t chosen = -1;
    int32_t best = -1;
    for (int32_t leaf = 0; best < 2 && leaf < self->leaves.n_items; leaf++) {
        const int32_t rank = present[leaf] ? -1 : connection(self, present, leaf);
        if (rank > best) {
            best = rank;
            chosen = leaf;
        }
    }
    return chosen;
}

static cn_code
place_connected(join_tree *self, bool *present, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *plan = NULL;
    CN_TRY(place_leaf(self, 0, &plan, err));
    present[0] = true;
    for (int64_t step = 1; step < self->leaves.n_items; step++) {
        const cni_plan *right = NULL;
        const int32_t leaf = next_leaf(self, present);
        CN_TRY(place_leaf(self, leaf, &right, err));
        present[leaf] = true;
        CN_TRY(join_ready(self, plan, right, present, NULL, &plan, err));
    }
    *out_plan = plan;
    return CN_OK;
}

/* ---- whole trees ---- */

/* A projection to the columns in the order as written. */
static cn_code
restore_columns(cni_rule_env *env, const cni_plan *plan, const cni_plan *written,
                const cni_plan **out_plan, cn_error *err)
{
    const cni_expr **exprs = NULL;
    bool same = true;
    CN_TRY(cni_arena_alloc_array(env->arena, written->n_columns, (int64_t)sizeof(*exprs), &exprs,
                                 err));
    for (int32_t column = 0; column < written->n_columns; column++) {
        const cni_column *wanted = &written->columns[column];
        same = same && plan->columns[column].id == wanted->id;
        CN_TRY(cni_expr_column(env->arena, wanted->id, wanted->type, &exprs[column], err));
    }
    if (same) {
        *out_plan = plan;
        return CN_OK;
    }
    const cni_plan node = {.kind = CNI_PLAN_PROJECT,
                           .n_children = 1,
                           .children = &plan,
                           .n_columns = written->n_columns,
                           .columns = written->columns,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0,
                           .n_exprs = written->n_columns,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT};
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

/* Place all conjuncts anew, in the shape as written or in another order. */
static cn_code
place(join_tree *self, const cni_plan *written, bool as_written, const cni_plan **out_plan,
      cn_error *err)
{
    bool *present = NULL;
    int32_t n_met = 0;
    self->n_products = 0;
    for (int64_t at = 0; at < self->conjuncts.n_items; at++) {
        ((conjunct *)self->conjuncts.items[at])->used = false;
    }
    CN_TRY(cni_arena_alloc_array(self->env->arena, self->leaves.n_items, 1, &present, err));
    return as_written ? place_written(self, written, present, &n_met, out_plan, err)
                      : place_connected(self, present, out_plan, err);
}

/* The other order is taken when it has fewer products, or comes to them later and no conjunct is
 * tied to its join. */
static bool
is_better(const join_tree *self, int32_t n_products_written)
{
    bool tied = false;
    for (int64_t at = 0; at < self->conjuncts.n_items; at++) {
        tied = tied || ((const conjunct *)self->conjuncts.items[at])->tied;
    }
    return self->n_products < n_products_written + (tied ? 0 : 1);
}

static cn_code
place_best(join_tree *self, const cni_plan *written, const cni_plan **out_plan, cn_error *err)
{
    CN_TRY(place(self, written, true, out_plan, err));
    const int32_t n_products = self->n_products;
    if (n_products == 0 || self->leaves.n_items < 3) {
        return CN_OK;
    }
    CN_TRY(place(self, written, false, out_plan, err));
    return is_better(self, n_products) ? CN_OK : place(self, written, true, out_plan, err);
}

static cn_code
normalize_inner(cni_rule_env *env, const cni_plan *written, const cni_plan **out_plan,
                cn_error *err)
{
    join_tree self = {.env = env};
    const cni_plan *plan = NULL;
    cni_list rest = {0};
    CN_TRY(collect(&self, written, err));
    for (int64_t at = 0; at < self.conjuncts.n_items; at++) {
        CN_TRY(find_leaves(&self, self.conjuncts.items[at], err));
    }
    CN_TRY(place_best(&self, written, &plan, err));
    for (int64_t at = 0; at < self.conjuncts.n_items; at++) {
        conjunct *item = self.conjuncts.items[at];
        if (!item->used) {
            CN_TRY(take(&self, item, &rest, err));
        }
    }
    CN_TRY(filter_by(env, plan, &rest, &plan, err));
    return restore_columns(env, plan, written, out_plan, err);
}

static cn_code
normalize_tree(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    if (is_tree(plan)) {
        return normalize_inner(env, plan, out_plan, err);
    }
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(normalize_tree(env, plan->children[child], &children[child], err));
    }
    return cni_plan_with_children(&env->builder, plan, children, out_plan, err);
}

cn_code
cni_normalize_joins(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                    cn_error *err)
{
    return normalize_tree(env, plan, out_plan, err);
}
