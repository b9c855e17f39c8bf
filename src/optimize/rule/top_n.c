/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule top_n: LIMIT over SORT becomes TOPN, which keeps offset + limit rows in a heap instead of
 * sorting everything. limit_pushdown has moved the LIMIT below projections before.
 *
 * Over a join that gives every left row at least once, by columns of the left side only, the rows
 * that come out are made from the first offset + limit left rows: those are taken first.
 */
#include "optimize/rule/rule.h"

#define TOP_N_MAX_ROWS (INT64_C(1) << 24) /* beyond that a sort is as good */

/* The join below, if its left side decides the order, over the first rows of that. */
static cn_code
bound_left_side(cni_rule_env *env, const cni_plan *top_n, const cni_plan *below,
                const cni_plan **out_below, cn_error *err)
{
    *out_below = below;
    if (below->kind != CNI_PLAN_JOIN ||
        (below->join_kind != CNI_JOIN_LEFT && below->join_kind != CNI_JOIN_SINGLE &&
         below->join_kind != CNI_JOIN_MARK)) {
        return CN_OK;
    }
    const cni_plan *left = below->children[0];
    if (left->kind == CNI_PLAN_TOPN) {
        return CN_OK;
    }
    for (int32_t order = 0; order < top_n->n_orders; order++) {
        const cni_expr *expr = top_n->orders[order].expr;
        if (!cni_expr_is_over(expr, left) || !cni_expr_is_free(expr)) {
            return CN_OK;
        }
    }
    cni_plan node = *top_n;
    const cni_plan *children[2] = {NULL, below->children[1]};
    node.children = &left;
    node.columns = left->columns;
    node.n_columns = left->n_columns;
    node.limit = top_n->limit + top_n->offset;
    node.offset = 0;
    CN_TRY(cni_plan_new(&env->builder, &node, &children[0], err));
    return cni_plan_with_children(&env->builder, below, children, out_below, err);
}

static cn_code
make_top_n(cni_rule_env *env, const cni_plan *limit, const cni_plan *sort,
           const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = *sort;
    node.kind = CNI_PLAN_TOPN;
    node.limit = limit->limit;
    node.offset = limit->offset;
    node.estimated_rows = (double)limit->limit;
    const cni_plan *below = NULL;
    CN_TRY(bound_left_side(env, &node, sort->children[0], &below, err));
    node.children = &below;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    int64_t last = 0;
    if (plan->kind != CNI_PLAN_LIMIT || plan->limit == CNI_NO_LIMIT ||
        __builtin_add_overflow(plan->limit, plan->offset, &last) || last > TOP_N_MAX_ROWS) {
        return CN_OK;
    }
    const cni_plan *child = plan->children[0];
    if (child->kind != CNI_PLAN_SORT) {
        return CN_OK;
    }
    return make_top_n(env, plan, child, out_plan, err);
}

cn_code
cni_rule_top_n(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
