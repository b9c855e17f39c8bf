/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule projection_merge: projections that only name columns anew, leave some out or repeat them do
 * not stand between the nodes that do something. They rise through filters and joins, which become
 * one tree, and end in the projection or grouping above.
 *
 *   FILTER p over PROJECT b     -> PROJECT b over FILTER p(b)
 *   JOIN of PROJECT b and r     -> PROJECT b, r over JOIN of its child and r; a right side of which
 *                                 nothing comes out (SEMI, ANTI, MARK) just loses it
 *   PROJECT, AGGREGATE over it  -> over its child, in its terms
 *
 * NULLs that stand for a missing partner are NULL under any name.
 */
#include "optimize/rule/rule.h"

static bool
only_names(const cni_plan *plan)
{
    if (plan->kind != CNI_PLAN_PROJECT || plan->n_exprs == 0) {
        return false;
    }
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        if (plan->exprs[expr]->kind != CNI_EXPR_COLUMN) {
            return false;
        }
    }
    return true;
}

typedef struct substitution {
    cni_rule_env *env;
    const cni_plan *projects[2]; /* NULL = none */
} substitution;

static cn_code
substitute(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const substitution *self = state;
    *out_expr = expr;
    for (int32_t side = 0; side < 2 && expr->kind == CNI_EXPR_COLUMN && *out_expr == expr; side++) {
        if (self->projects[side] != NULL) {
            CN_TRY(cni_expr_through_project(self->env, self->projects[side], expr, out_expr, err));
        }
    }
    return CN_OK;
}

/* The columns of `shape`, each the column below that stands for it, over `below`; without a
 * projection when none has another id. */
static cn_code
name_again(cni_rule_env *env, const cni_plan *shape, substitution *names, const cni_plan *below,
           const cni_plan **out_plan, cn_error *err)
{
    const cni_expr **exprs = NULL;
    bool renames = false;
    CN_TRY(
        cni_arena_alloc_array(env->arena, shape->n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t column = 0; column < shape->n_columns; column++) {
        const cni_expr *own = NULL;
        CN_TRY(cni_expr_column(env->arena, shape->columns[column].id, shape->columns[column].type,
                               &own, err));
        CN_TRY(substitute(names, own, &exprs[column], err));
        renames = renames || exprs[column]->column_id != own->column_id;
    }
    *out_plan = below;
    if (!renames) {
        return CN_OK;
    }
    const cni_plan node = {.kind = CNI_PLAN_PROJECT,
                           .n_children = 1,
                           .children = &below,
                           .n_columns = shape->n_columns,
                           .columns = shape->columns,
                           .n_exprs = shape->n_columns,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0};
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
rise_through_filter(cni_rule_env *env, const cni_plan *filter, const cni_plan **out_plan,
                    cn_error *err)
{
    const cni_plan *project = filter->children[0];
    substitution names = {env, {project, NULL}};
    const cni_expr *predicate = NULL;
    const cni_plan *lowered = NULL;
    CN_TRY(cni_expr_rewrite(env->arena, filter->predicate, substitute, &names, &predicate, err));
    CN_TRY(cni_plan_filter(&env->builder, project->children[0], predicate, &lowered, err));
    return name_again(env, filter, &names, lowered, out_plan, err);
}

static cn_code
rise_through_join(cni_rule_env *env, const cni_plan *join, const cni_plan **out_plan, cn_error *err)
{
    substitution names = {env, {NULL, NULL}};
    const cni_plan *children[2] = {join->children[0], join->children[1]};
    const cni_plan *lowered = NULL;
    cni_plan node = *join;
    for (int32_t side = 0; side < 2; side++) {
        if (only_names(children[side])) {
            names.projects[side] = children[side];
            children[side] = children[side]->children[0];
        }
    }
    if (join->predicate != NULL) {
        CN_TRY(cni_expr_rewrite(env->arena, join->predicate, substitute, &names, &node.predicate,
                                err));
    }
    CN_TRY(cni_plan_over(env, &node, children, &lowered, err));
    return name_again(env, join, &names, lowered, out_plan, err);
}

/* PROJECT and AGGREGATE keep the ids of what they make. */
static cn_code
end_in(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *project = plan->children[0];
    substitution names = {env, {project, NULL}};
    const cni_plan *mapped = NULL;
    CN_TRY(cni_plan_map_exprs(env, plan, substitute, &names, &mapped, err));
    return cni_plan_with_children(&env->builder, mapped, &project->children[0], out_plan, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_FILTER:
        return only_names(plan->children[0]) && !cni_expr_has_subquery(plan->predicate)
                   ? rise_through_filter(env, plan, out_plan, err)
                   : CN_OK;
    case CNI_PLAN_JOIN:
        return only_names(plan->children[0]) || only_names(plan->children[1])
                   ? rise_through_join(env, plan, out_plan, err)
                   : CN_OK;
    case CNI_PLAN_PROJECT:
    case CNI_PLAN_AGGREGATE:
        return only_names(plan->children[0]) ? end_in(env, plan, out_plan, err) : CN_OK;
    default:
        return CN_OK;
    }
}

cn_code
cni_rule_projection_merge(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                          cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
