/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule filter_pushdown at joins: which conjuncts, of those from above and those of ON, may go into
 * which side.
 *
 *   kind            from above            of ON
 *   INNER           left, right, ON       left, right
 *   SEMI            left                  left, right
 *   LEFT, SINGLE    left                  right
 *   ANTI, MARK      left                  right; null-aware: only what is never NULL, for an
 *                                         unknown one may make the answer unknown
 *   FULL            nowhere               nowhere
 *
 * A side has rows that no join gives, so only what cannot raise goes into one; what may raise stays
 * where it was written.
 */
#include "optimize/property/property.h"
#include "optimize/rule/filter_pushdown_int.h"

typedef struct join_split {
    cni_pending left;
    cni_pending right;
    cni_pending on;
    cni_pending above;
} join_split;

cn_code
cni_pending_add(cni_rule_env *env, cni_pending *list, const cni_expr *conjunct, cn_error *err)
{
    for (int64_t item = 0; item < list->conjuncts.n_items && !cni_expr_is_volatile(conjunct);
         item++) {
        if (cni_expr_equal(list->conjuncts.items[item], conjunct)) {
            return CN_OK;
        }
    }
    return cni_list_push(env->arena, &list->conjuncts, conjunct, err);
}

static cni_pending *
place_of_on(join_split *split, const cni_plan *join, const cni_expr *conjunct)
{
    const bool over_left = cni_expr_is_over(conjunct, join->children[0]);
    const bool over_right = cni_expr_is_over(conjunct, join->children[1]);
    if (!cni_expr_is_free(conjunct)) {
        return &split->on;
    }
    switch ((cni_join_kind)join->join_kind) {
    case CNI_JOIN_INNER:
    case CNI_JOIN_SEMI:
        return over_left ? &split->left : over_right ? &split->right : &split->on;
    case CNI_JOIN_LEFT:
    case CNI_JOIN_SINGLE:
        return over_right ? &split->right : &split->on;
    case CNI_JOIN_ANTI:
    case CNI_JOIN_MARK:
        return over_right && (!join->null_aware || cni_expr_never_null(join->children[1], conjunct))
                   ? &split->right
                   : &split->on;
    default:
        return &split->on;
    }
}

static cni_pending *
place_of_wanted(join_split *split, const cni_plan *join, const cni_expr *conjunct)
{
    if (!cni_expr_is_free(conjunct) || join->join_kind == CNI_JOIN_FULL) {
        return &split->above;
    }
    if (cni_expr_is_over(conjunct, join->children[0])) {
        return &split->left;
    }
    if (join->join_kind != CNI_JOIN_INNER) {
        return &split->above;
    }
    return cni_expr_is_over(conjunct, join->children[1]) ? &split->right : &split->on;
}

static cn_code
split_conjuncts(cni_rule_env *env, const cni_plan *join, const cni_pending *wanted,
                join_split *split, cn_error *err)
{
    cni_list written = {0};
    if (join->predicate != NULL) {
        CN_TRY(cni_expr_conjuncts(env->arena, join->predicate, &written, err));
    }
    for (int64_t item = 0; item < written.n_items; item++) {
        const cni_expr *conjunct = written.items[item];
        CN_TRY(cni_pending_add(env, place_of_on(split, join, conjunct), conjunct, err));
    }
    for (int64_t item = 0; item < wanted->conjuncts.n_items; item++) {
        const cni_expr *conjunct = wanted->conjuncts.items[item];
        CN_TRY(cni_pending_add(env, place_of_wanted(split, join, conjunct), conjunct, err));
    }
    return CN_OK;
}

cn_code
cni_filter_push_join(cni_rule_env *env, const cni_plan *plan, const cni_pending *wanted,
                     const cni_plan **out_plan, cn_error *err)
{
    join_split split = {0};
    cni_plan node = *plan;
    const cni_plan *children[2] = {NULL, NULL};
    const cni_plan *joined = NULL;
    CN_TRY(split_conjuncts(env, plan, wanted, &split, err));
    CN_TRY(cni_filter_push(env, plan->children[0], &split.left, &children[0], err));
    CN_TRY(cni_filter_push(env, plan->children[1], &split.right, &children[1], err));
    node.children = children;
    CN_TRY(cni_expr_all_of(env->arena, &split.on.conjuncts, &node.predicate, err));
    CN_TRY(cni_plan_new(&env->builder, &node, &joined, err));
    return cni_plan_filter_all(env, joined, &split.above.conjuncts, out_plan, err);
}
