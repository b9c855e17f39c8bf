/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule top_n: LIMIT over SORT becomes TOPN, which keeps offset + limit rows in a heap instead of
 * sorting everything. limit_pushdown has moved the LIMIT below projections before.
 */
#include "optimize/rule/rule.h"

#define TOP_N_MAX_ROWS (INT64_C(1) << 24) /* beyond that a sort is as good */

static cn_code
make_top_n(cni_rule_env *env, const cni_plan *limit, const cni_plan *sort,
           const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = *sort;
    node.kind = CNI_PLAN_TOPN;
    node.limit = limit->limit;
    node.offset = limit->offset;
    node.estimated_rows = (double)limit->limit;
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
