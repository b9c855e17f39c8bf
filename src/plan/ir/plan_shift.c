/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan inside another: every column and CTE id is moved up by the builder's next free one, so
 * that ids stay unique and keep their relations. How a view that is a plan is put into the query
 * that names it.
 */
#include "plan/ir/plan.h"

/* Largest id that a shifted plan may have; far from the end of the type. */
#define MAX_COLUMN_ID (1 << 30)

typedef struct shift {
    cni_plan_builder *builder;
    int32_t by;       /* shifting */
    int32_t *renamed; /* copying: new id by old one, -1 = kept; NULL when shifting */
    int32_t n_renamed;
} shift;

static cn_code shift_plan(shift *self, const cni_plan *plan, const cni_plan **out_plan,
                          cn_error *err);

static int32_t
moved(const shift *self, int32_t id)
{
    if (self->renamed == NULL) {
        return id + self->by;
    }
    return id < self->n_renamed && self->renamed[id] >= 0 ? self->renamed[id] : id;
}

static cn_code
shift_column(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    shift *self = state;
    if (expr->kind != CNI_EXPR_COLUMN && expr->subquery == NULL) {
        *out_expr = expr;
        return CN_OK;
    }
    cni_expr node = *expr;
    if (expr->kind == CNI_EXPR_COLUMN) {
        node.column_id = moved(self, node.column_id);
    }
    if (expr->subquery != NULL) {
        CN_TRY(shift_plan(self, expr->subquery, &node.subquery, err));
    }
    return cni_expr_new(self->builder->arena, &node, out_expr, err);
}

static cn_code
shift_expr(shift *self, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    return cni_expr_rewrite(self->builder->arena, expr, shift_column, self, out_expr, err);
}

static cn_code
shift_exprs(shift *self, const cni_expr *const **inout_exprs, int32_t n_exprs, cn_error *err)
{
    const cni_expr **shifted = NULL;
    CN_TRY(cni_arena_alloc_array(self->builder->arena, n_exprs, (int64_t)sizeof(*shifted), &shifted,
                                 err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        CN_TRY(shift_expr(self, (*inout_exprs)[expr], &shifted[expr], err));
    }
    *inout_exprs = shifted;
    return CN_OK;
}

static cn_code
shift_columns(shift *self, const cni_column **inout_columns, int32_t n_columns, cn_error *err)
{
    cni_column *shifted = NULL;
    CN_TRY(cni_arena_alloc_array(self->builder->arena, n_columns, (int64_t)sizeof(*shifted),
                                 &shifted, err));
    for (int32_t column = 0; column < n_columns; column++) {
        shifted[column] = (*inout_columns)[column];
        shifted[column].id = moved(self, shifted[column].id);
    }
    *inout_columns = shifted;
    return CN_OK;
}

static cn_code
shift_orders(shift *self, const cni_order **inout_orders, int32_t n_orders, cn_error *err)
{
    cni_order *shifted = NULL;
    CN_TRY(cni_arena_alloc_array(self->builder->arena, n_orders, (int64_t)sizeof(*shifted),
                                 &shifted, err));
    for (int32_t order = 0; order < n_orders; order++) {
        shifted[order] = (*inout_orders)[order];
        CN_TRY(shift_expr(self, shifted[order].expr, &shifted[order].expr, err));
    }
    *inout_orders = shifted;
    return CN_OK;
}

static cn_code
shift_plan(shift *self, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = *plan;
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(self->builder->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(shift_plan(self, plan->children[child], &children[child], err));
    }
    node.children = children;
    if (cni_plan_has_cte_id(plan)) {
        node.cte_id = moved(self, node.cte_id);
    }
    CN_TRY(shift_columns(self, &node.columns, node.n_columns, err));
    CN_TRY(shift_columns(self, &node.filter_columns, node.n_filter_columns, err));
    CN_TRY(shift_exprs(self, &node.exprs, node.n_exprs, err));
    CN_TRY(shift_exprs(self, &node.filters, node.n_filters, err));
    CN_TRY(shift_orders(self, &node.orders, node.n_orders, err));
    if (node.predicate != NULL) {
        CN_TRY(shift_expr(self, node.predicate, &node.predicate, err));
    }
    return cni_plan_new(self->builder, &node, out_plan, err);
}

cn_code
cni_plan_shift_ids(cni_plan_builder *self, const cni_plan *plan, const cni_plan **out_plan,
                   cn_error *err)
{
    const int32_t n_ids = cni_plan_max_column_id(plan) + 1;
    shift state = {.builder = self, .by = self->next_column_id};
    if (n_ids > MAX_COLUMN_ID - self->next_column_id) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a query has more than %d columns in all its parts",
                       MAX_COLUMN_ID);
    }
    self->next_column_id += n_ids;
    return shift_plan(&state, plan, out_plan, err);
}

/* ---- copies ---- */

static void
rename_id(shift *self, int32_t id)
{
    if (id >= 0 && id < self->n_renamed && self->renamed[id] < 0) {
        self->renamed[id] = self->builder->next_column_id++;
    }
}

static void
rename_columns(shift *self, const cni_column *columns, int32_t n_columns)
{
    for (int32_t column = 0; column < n_columns; column++) {
        rename_id(self, columns[column].id);
    }
}

static void rename_defined(shift *self, const cni_plan *plan);

static bool
see_subquery(void *state, const cni_expr *expr)
{
    if (expr->subquery != NULL) {
        rename_defined(state, expr->subquery);
    }
    return true;
}

/* Give a new id to everything that the plan defines. */
static void
rename_defined(shift *self, const cni_plan *plan)
{
    rename_columns(self, plan->columns, plan->n_columns);
    rename_columns(self, plan->filter_columns, plan->n_filter_columns);
    if (plan->kind == CNI_PLAN_WITH || plan->kind == CNI_PLAN_RECURSIVE) {
        rename_id(self, plan->cte_id);
    }
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        cni_expr_walk(plan->exprs[expr], see_subquery, self);
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        cni_expr_walk(plan->orders[order].expr, see_subquery, self);
    }
    cni_expr_walk(plan->predicate, see_subquery, self);
    for (int32_t child = 0; child < plan->n_children; child++) {
        rename_defined(self, plan->children[child]);
    }
}

cn_code
cni_plan_copy(cni_plan_builder *self, const cni_plan *plan, const int32_t **out_ids,
              const cni_plan **out_plan, cn_error *err)
{
    shift state = {.builder = self, .n_renamed = self->next_column_id};
    CN_TRY(cni_arena_alloc_array(self->arena, state.n_renamed + 1, 4, &state.renamed, err));
    for (int32_t id = 0; id < state.n_renamed; id++) {
        state.renamed[id] = -1;
    }
    rename_defined(&state, plan);
    if (self->next_column_id > MAX_COLUMN_ID) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a query has more than %d columns in all its parts",
                       MAX_COLUMN_ID);
    }
    CN_TRY(shift_plan(&state, plan, out_plan, err));
    if (out_ids != NULL) {
        *out_ids = state.renamed;
    }
    return CN_OK;
}
