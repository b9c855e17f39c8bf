/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions about logical plans: columns by id, the largest id, promised order.
 */
#include "plan/ir/plan.h"

const cni_column *
cni_plan_find_column(const cni_plan *plan, int32_t column_id)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        if (plan->columns[column].id == column_id) {
            return &plan->columns[column];
        }
    }
    return NULL;
}

static int32_t
max_of_columns(int32_t largest, const cni_column *columns, int32_t n_columns)
{
    for (int32_t column = 0; column < n_columns; column++) {
        largest = columns[column].id > largest ? columns[column].id : largest;
    }
    return largest;
}

bool
cni_plan_has_cte_id(const cni_plan *plan)
{
    return plan->kind == CNI_PLAN_WITH || plan->kind == CNI_PLAN_CTE_SCAN ||
           plan->kind == CNI_PLAN_RECURSIVE;
}

static bool
see_ids(void *state, const cni_expr *expr)
{
    int32_t *largest = state;
    int32_t here = expr->kind == CNI_EXPR_COLUMN ? expr->column_id : -1;
    if (expr->subquery != NULL) {
        here = cni_plan_max_column_id(expr->subquery);
    }
    *largest = here > *largest ? here : *largest;
    return true;
}

int32_t
cni_plan_max_column_id(const cni_plan *plan)
{
    int32_t largest = max_of_columns(-1, plan->columns, plan->n_columns);
    largest = max_of_columns(largest, plan->filter_columns, plan->n_filter_columns);
    if (cni_plan_has_cte_id(plan) && plan->cte_id > largest) {
        largest = plan->cte_id;
    }
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        cni_expr_walk(plan->exprs[expr], see_ids, &largest);
    }
    for (int32_t filter = 0; filter < plan->n_filters; filter++) {
        cni_expr_walk(plan->filters[filter], see_ids, &largest);
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        cni_expr_walk(plan->orders[order].expr, see_ids, &largest);
    }
    cni_expr_walk(plan->predicate, see_ids, &largest);
    for (int32_t child = 0; child < plan->n_children; child++) {
        const int32_t below = cni_plan_max_column_id(plan->children[child]);
        largest = below > largest ? below : largest;
    }
    return largest;
}

bool
cni_plan_keeps_order(const cni_plan *plan)
{
    switch (plan->kind) {
    case CNI_PLAN_SCAN:
    case CNI_PLAN_VALUES:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
        return true;
    case CNI_PLAN_FILTER:
    case CNI_PLAN_PROJECT:
    case CNI_PLAN_LIMIT:
    case CNI_PLAN_UNION_ALL:
        for (int32_t child = 0; child < plan->n_children; child++) {
            if (!cni_plan_keeps_order(plan->children[child])) {
                return false;
            }
        }
        return true;
    case CNI_PLAN_WITH:
        return cni_plan_keeps_order(plan->children[1]);
    default:
        return false;
    }
}
