/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule or_factoring: disjunctions in the predicates of filters and joins.
 *
 *   (a AND b) OR (a AND c)    -> a AND (b OR c)
 *   x = 1 OR x = 2            -> x IN (1, 2)
 *   (t.a AND u.b) OR (t.c AND u.d) implies t.a OR t.c, and u.b OR u.d: each is added, and may go
 *                             where the whole cannot
 *
 * In three-valued logic too: the first two are equalities of it, and what is added is never less
 * true than the whole. Only what cannot raise is taken out of a branch.
 */
#include "optimize/rule/rule.h"

#define BRANCHES_MAX 64  /* beyond, comparing all with all takes too long */
#define MEMBERS_MAX  512 /* of all branches together */

static bool
list_has(const cni_list *list, const cni_expr *expr)
{
    for (int64_t item = 0; item < list->n_items; item++) {
        if (cni_expr_equal(list->items[item], expr)) {
            return true;
        }
    }
    return false;
}

/* OR of the members, those about one expression merged. */
static cn_code
any_of(cni_arena *arena, const cni_list *members, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    CN_TRY(cni_arena_alloc_array(arena, members->n_items, (int64_t)sizeof(*args), &args, err));
    for (int64_t item = 0; item < members->n_items; item++) {
        args[item] = members->items[item];
    }
    return cni_expr_any_of(arena, args, (int32_t)members->n_items, out_expr, err);
}

/* ---- factoring ---- */

/* The conjuncts of every branch of an OR. */
static cn_code
split_branches(cni_arena *arena, const cni_expr *disjunction, cni_list **out_branches,
               bool *out_small, cn_error *err)
{
    cni_list *branches = NULL;
    int64_t n_members = 0;
    *out_small = disjunction->n_args <= BRANCHES_MAX;
    if (!*out_small) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(arena, disjunction->n_args, (int64_t)sizeof(*branches), &branches,
                                 err));
    for (int32_t branch = 0; branch < disjunction->n_args; branch++) {
        CN_TRY(cni_expr_conjuncts(arena, disjunction->args[branch], &branches[branch], err));
        n_members += branches[branch].n_items;
    }
    *out_branches = branches;
    *out_small = n_members <= MEMBERS_MAX;
    return CN_OK;
}

static bool
all_have(const cni_list *branches, int32_t n_branches, const cni_expr *member)
{
    for (int32_t branch = 0; branch < n_branches; branch++) {
        if (!list_has(&branches[branch], member)) {
            return false;
        }
    }
    return true;
}

/* A branch without what is common; a branch that is nothing else makes the rest TRUE. */
static cn_code
without_common(cni_arena *arena, const cni_list *branch, const cni_list *common, cni_list *rest,
               bool *out_empty, cn_error *err)
{
    cni_list left = {0};
    const cni_expr *predicate = NULL;
    for (int64_t item = 0; item < branch->n_items; item++) {
        if (!list_has(common, branch->items[item])) {
            CN_TRY(cni_list_push(arena, &left, branch->items[item], err));
        }
    }
    *out_empty = left.n_items == 0;
    if (*out_empty) {
        return CN_OK;
    }
    CN_TRY(cni_expr_all_of(arena, &left, &predicate, err));
    return cni_list_push(arena, rest, predicate, err);
}

static cn_code
factor(cni_arena *arena, const cni_expr *disjunction, const cni_list *branches,
       const cni_expr **out_expr, cn_error *err)
{
    cni_list common = {0};
    cni_list rest = {0};
    bool decided = false;
    for (int64_t item = 0; item < branches[0].n_items; item++) {
        const cni_expr *member = branches[0].items[item];
        if (cni_expr_is_free(member) && !list_has(&common, member) &&
            all_have(branches + 1, disjunction->n_args - 1, member)) {
            CN_TRY(cni_list_push(arena, &common, member, err));
        }
    }
    for (int32_t branch = 0; branch < disjunction->n_args && !decided; branch++) {
        CN_TRY(without_common(arena, &branches[branch], &common, &rest, &decided, err));
    }
    if (!decided) {
        const cni_expr *any = NULL;
        CN_TRY(any_of(arena, &rest, &any, err));
        CN_TRY(cni_list_push(arena, &common, any, err));
    }
    return cni_expr_all_of(arena, &common, out_expr, err);
}

static cn_code
factor_expr(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_rule_env *env = state;
    cni_list *branches = NULL;
    bool small = false;
    *out_expr = expr;
    if (expr->kind != CNI_EXPR_OR) {
        return CN_OK;
    }
    CN_TRY(split_branches(env->arena, expr, &branches, &small, err));
    return small ? factor(env->arena, expr, branches, out_expr, err) : CN_OK;
}

cn_code
cni_expr_factor_or(cni_rule_env *env, const cni_expr *predicate, const cni_expr **out_predicate,
                   cn_error *err)
{
    return cni_expr_rewrite(env->arena, predicate, factor_expr, env, out_predicate, err);
}

/* ---- what a disjunction says of one relation ---- */

/* The relations that a node brings together. */
static cn_code
collect_relations(cni_rule_env *env, const cni_plan *plan, cni_list *relations, cn_error *err)
{
    if (plan->kind != CNI_PLAN_FILTER && plan->kind != CNI_PLAN_JOIN) {
        return cni_list_push(env->arena, relations, plan, err);
    }
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(collect_relations(env, plan->children[child], relations, err));
    }
    return CN_OK;
}

/* AND of the branch's members that are about `relation`; NULL when there are none. */
static cn_code
about_relation(cni_rule_env *env, const cni_list *branch, const cni_plan *relation,
               const cni_expr **out_expr, cn_error *err)
{
    cni_list mine = {0};
    for (int64_t item = 0; item < branch->n_items; item++) {
        const cni_expr *member = branch->items[item];
        if (cni_expr_is_free(member) && !cni_expr_is_constant(member) &&
            cni_expr_is_over(member, relation)) {
            CN_TRY(cni_list_push(env->arena, &mine, member, err));
        }
    }
    return cni_expr_all_of(env->arena, &mine, out_expr, err);
}

static cn_code
imply(cni_rule_env *env, const cni_expr *disjunction, const cni_list *branches,
      const cni_plan *relation, cni_list *inout_conjuncts, cn_error *err)
{
    cni_list members = {0};
    if (cni_expr_is_over(disjunction, relation)) {
        return CN_OK;
    }
    for (int32_t branch = 0; branch < disjunction->n_args; branch++) {
        const cni_expr *mine = NULL;
        CN_TRY(about_relation(env, &branches[branch], relation, &mine, err));
        if (mine == NULL) {
            return CN_OK;
        }
        if (!list_has(&members, mine)) {
            CN_TRY(cni_list_push(env->arena, &members, mine, err));
        }
    }
    const cni_expr *implied = NULL;
    CN_TRY(any_of(env->arena, &members, &implied, err));
    return list_has(inout_conjuncts, implied)
               ? CN_OK
               : cni_list_push(env->arena, inout_conjuncts, implied, err);
}

static cn_code
add_implied(cni_rule_env *env, const cni_list *relations, const cni_expr *predicate,
            const cni_expr **out_predicate, cn_error *err)
{
    cni_list conjuncts = {0};
    CN_TRY(cni_expr_conjuncts(env->arena, predicate, &conjuncts, err));
    const int64_t n_written = conjuncts.n_items;
    for (int64_t item = 0; item < n_written; item++) {
        const cni_expr *disjunction = conjuncts.items[item];
        cni_list *branches = NULL;
        bool small = false;
        if (disjunction->kind != CNI_EXPR_OR) {
            continue;
        }
        CN_TRY(split_branches(env->arena, disjunction, &branches, &small, err));
        for (int64_t at = 0; small && at < relations->n_items; at++) {
            CN_TRY(imply(env, disjunction, branches, relations->items[at], &conjuncts, err));
        }
    }
    *out_predicate = predicate;
    return conjuncts.n_items == n_written
               ? CN_OK
               : cni_expr_all_of(env->arena, &conjuncts, out_predicate, err);
}

static bool
see_or(void *state, const cni_expr *expr)
{
    bool *found = state;
    *found = *found || expr->kind == CNI_EXPR_OR;
    return !*found;
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_expr *predicate = NULL;
    cni_list relations = {0};
    bool has_or = false;
    *out_plan = plan;
    if (plan->kind == CNI_PLAN_FILTER || plan->kind == CNI_PLAN_JOIN) {
        cni_expr_walk(plan->predicate, see_or, &has_or);
    }
    if (!has_or) {
        return CN_OK;
    }
    CN_TRY(cni_expr_factor_or(env, plan->predicate, &predicate, err));
    CN_TRY(collect_relations(env, plan, &relations, err));
    if (relations.n_items > 1) {
        CN_TRY(add_implied(env, &relations, predicate, &predicate, err));
    }
    if (cni_expr_equal(predicate, plan->predicate)) {
        return CN_OK;
    }
    cni_plan node = *plan;
    node.predicate = predicate;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

cn_code
cni_rule_or_factoring(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                      cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
