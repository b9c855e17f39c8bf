/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule limit_pushdown: LIMIT sinks below projections, into the members of UNION ALL and the left
 * sides of joins that give every left row at least once (which keep a bound of their own) and, as
 * a hint, into scans; LIMIT over LIMIT becomes one. LIMIT 0 is the empty relation.
 */
#include "optimize/rule/rule.h"

static cn_code visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                     cn_error *err);

static cn_code
below_project(cni_rule_env *env, const cni_plan *limit, const cni_plan *project,
              const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *lowered = NULL;
    CN_TRY(cni_plan_limit(&env->builder, project->children[0], limit->limit, limit->offset,
                          &lowered, err));
    CN_TRY(visit(env, lowered, &lowered, err));
    return cni_plan_with_children(&env->builder, project, &lowered, out_plan, err);
}

/* Each member gives at most offset + limit rows; the limit above stays. */
static cn_code
into_union(cni_rule_env *env, const cni_plan *limit, const cni_plan *unions,
           const cni_plan **out_plan, cn_error *err)
{
    int64_t bound = 0;
    *out_plan = limit;
    if (limit->limit == CNI_NO_LIMIT ||
        __builtin_add_overflow(limit->limit, limit->offset, &bound)) {
        return CN_OK;
    }
    const cni_plan **members = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, unions->n_children, (int64_t)sizeof(*members),
                                 &members, err));
    for (int32_t child = 0; child < unions->n_children; child++) {
        const cni_plan *bounded = NULL;
        CN_TRY(cni_plan_limit(&env->builder, unions->children[child], bound, 0, &bounded, err));
        CN_TRY(visit(env, bounded, &members[child], err));
    }
    const cni_plan *rebuilt = NULL;
    CN_TRY(cni_plan_with_children(&env->builder, unions, members, &rebuilt, err));
    return cni_plan_with_children(&env->builder, limit, &rebuilt, out_plan, err);
}

/* LEFT, SINGLE and MARK give at least one row for every left one, and promise no order. */
static cn_code
into_left_side(cni_rule_env *env, const cni_plan *limit, const cni_plan *join,
               const cni_plan **out_plan, cn_error *err)
{
    int64_t bound = 0;
    *out_plan = limit;
    if ((join->join_kind != CNI_JOIN_LEFT && join->join_kind != CNI_JOIN_SINGLE &&
         join->join_kind != CNI_JOIN_MARK) ||
        limit->limit == CNI_NO_LIMIT ||
        __builtin_add_overflow(limit->limit, limit->offset, &bound)) {
        return CN_OK;
    }
    const cni_plan *children[2] = {NULL, join->children[1]};
    const cni_plan *rebuilt = NULL;
    CN_TRY(cni_plan_limit(&env->builder, join->children[0], bound, 0, &children[0], err));
    CN_TRY(visit(env, children[0], &children[0], err));
    CN_TRY(cni_plan_with_children(&env->builder, join, children, &rebuilt, err));
    return cni_plan_with_children(&env->builder, limit, &rebuilt, out_plan, err);
}

/* rows [offset, offset + limit) of the inner's [inner offset, inner offset + inner limit). */
static cn_code
merge_limits(cni_rule_env *env, const cni_plan *outer, const cni_plan *inner,
             const cni_plan **out_plan, cn_error *err)
{
    int64_t offset = 0;
    *out_plan = outer;
    if (__builtin_add_overflow(outer->offset, inner->offset, &offset)) {
        return CN_OK;
    }
    int64_t limit = outer->limit;
    if (inner->limit != CNI_NO_LIMIT) {
        const int64_t left = cni_max_i64(0, inner->limit - outer->offset);
        limit = limit == CNI_NO_LIMIT ? left : cni_min_i64(limit, left);
    }
    const cni_plan *merged = NULL;
    CN_TRY(cni_plan_limit(&env->builder, inner->children[0], limit, offset, &merged, err));
    return visit(env, merged, out_plan, err);
}

static cn_code
hint_scan(cni_rule_env *env, const cni_plan *limit, const cni_plan *scan, const cni_plan **out_plan,
          cn_error *err)
{
    int64_t bound = 0;
    *out_plan = limit;
    if (limit->limit == CNI_NO_LIMIT ||
        __builtin_add_overflow(limit->limit, limit->offset, &bound)) {
        return CN_OK;
    }
    cni_plan node = *scan;
    node.limit = scan->limit == CNI_NO_LIMIT ? bound : cni_min_i64(scan->limit, bound);
    const cni_plan *hinted = NULL;
    CN_TRY(cni_plan_new(&env->builder, &node, &hinted, err));
    return cni_plan_with_children(&env->builder, limit, &hinted, out_plan, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    if (plan->kind != CNI_PLAN_LIMIT) {
        return CN_OK;
    }
    if (plan->limit == 0) {
        return cni_plan_empty(env, plan, out_plan, err);
    }
    const cni_plan *child = plan->children[0];
    switch ((cni_plan_kind)child->kind) {
    case CNI_PLAN_PROJECT:
        return below_project(env, plan, child, out_plan, err);
    case CNI_PLAN_UNION_ALL:
        return into_union(env, plan, child, out_plan, err);
    case CNI_PLAN_JOIN:
        return into_left_side(env, plan, child, out_plan, err);
    case CNI_PLAN_LIMIT:
        return merge_limits(env, plan, child, out_plan, err);
    case CNI_PLAN_SCAN:
        return hint_scan(env, plan, child, out_plan, err);
    default:
        return CN_OK;
    }
}

cn_code
cni_rule_limit_pushdown(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                        cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
