/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule outer_to_inner: joins that pad rows nobody keeps.
 *
 *   LEFT -> INNER    a conjunct above is never true for the padded rows
 *   FULL -> LEFT     likewise for the rows without a left (or right: sides exchanged) partner
 *   FULL -> INNER    both
 *   SINGLE -> LEFT   the right side is unique on the keys: no second match is possible
 *
 * On the way down goes a list of conjuncts of which each is true in every row that counts at the
 * node: filters, the predicates of inner joins, and of outer joins for their padded side. The list
 * is empty again below what counts rows (LIMIT, DISTINCT ON, RECURSIVE).
 */
#include "optimize/property/property.h"

/* Conjuncts (of const cni_expr *) that every row that counts fulfils. */
typedef struct kept_if {
    cni_list conjuncts;
} kept_if;

static cn_code convert(cni_rule_env *env, const cni_plan *plan, const kept_if *kept,
                       const cni_plan **out_plan, cn_error *err);

/* `from` and the conjuncts of the predicate (may be NULL). */
static cn_code
extend(cni_rule_env *env, const kept_if *from, const cni_expr *predicate, kept_if *out_longer,
       cn_error *err)
{
    cni_list own = {0};
    *out_longer = (kept_if){0};
    for (int64_t item = 0; item < from->conjuncts.n_items; item++) {
        CN_TRY(cni_list_push(env->arena, &out_longer->conjuncts, from->conjuncts.items[item], err));
    }
    if (predicate != NULL) {
        CN_TRY(cni_expr_conjuncts(env->arena, predicate, &own, err));
    }
    for (int64_t item = 0; item < own.n_items; item++) {
        const cni_expr *conjunct = own.items[item];
        if (!cni_expr_is_volatile(conjunct) && !cni_expr_has_subquery(conjunct)) {
            CN_TRY(cni_list_push(env->arena, &out_longer->conjuncts, conjunct, err));
        }
    }
    return CN_OK;
}

/* The list over the columns that `mapping` (a PROJECT, or like one) is made from. */
static cn_code
translate(cni_rule_env *env, const cni_plan *mapping, const kept_if *from, kept_if *out_below,
          cn_error *err)
{
    *out_below = (kept_if){0};
    for (int64_t item = 0; item < from->conjuncts.n_items; item++) {
        const cni_expr *below = NULL;
        CN_TRY(cni_expr_through_project(env, mapping, from->conjuncts.items[item], &below, err));
        if (!cni_expr_is_volatile(below) && !cni_expr_has_aggregate(below)) {
            CN_TRY(cni_list_push(env->arena, &out_below->conjuncts, below, err));
        }
    }
    return CN_OK;
}

/* Rows in which every column of `side` is NULL do not count. */
static cn_code
rejects_padding(cni_rule_env *env, const kept_if *kept, const cni_plan *side, bool *out_rejects,
                cn_error *err)
{
    cni_id_set columns = {0};
    CN_TRY(cni_id_set_add_plan(env->arena, &columns, side, err));
    *out_rejects = false;
    for (int64_t item = 0; item < kept->conjuncts.n_items && !*out_rejects; item++) {
        *out_rejects = cni_expr_rejects_nulls(kept->conjuncts.items[item], &columns);
    }
    return CN_OK;
}

/* The same join of another kind; its columns' marks follow. */
static cn_code
with_kind(cni_rule_env *env, const cni_plan *join, cni_join_kind kind, bool exchanged,
          const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *left = join->children[exchanged ? 1 : 0];
    const cni_plan *right = join->children[exchanged ? 0 : 1];
    return cni_plan_join(&env->builder, kind, left, right, join->predicate, false, out_plan, err);
}

/* ---- SINGLE ---- */

typedef struct key_search {
    const cni_plan *join;
    int32_t n_ids;
    int32_t ids[32];
} key_search;

/* Right columns that are equal to something of the left side. */
static void
collect_right_keys(key_search *search, const cni_expr *predicate)
{
    for (int32_t arg = 0; predicate->kind == CNI_EXPR_AND && arg < predicate->n_args; arg++) {
        collect_right_keys(search, predicate->args[arg]);
    }
    const bool equality = (predicate->kind == CNI_EXPR_COMPARE && predicate->op == CNI_EQ) ||
                          (predicate->kind == CNI_EXPR_DISTINCT && predicate->negated);
    if (!equality || cni_expr_is_volatile(predicate)) {
        return;
    }
    for (int32_t side = 0; side < 2; side++) {
        const cni_expr *right = predicate->args[side];
        if (right->kind == CNI_EXPR_COLUMN && search->n_ids < CN_ARRAY_LEN(search->ids) &&
            cni_plan_find_column(search->join->children[1], right->column_id) != NULL &&
            cni_expr_is_over(predicate->args[1 - side], search->join->children[0])) {
            search->ids[search->n_ids++] = right->column_id;
        }
    }
}

bool
cni_join_matches_once(const cni_rule_env *env, const cni_plan *join)
{
    key_search search = {.join = join};
    if (join->predicate != NULL) {
        collect_right_keys(&search, join->predicate);
    }
    return cni_plan_is_unique_on_proved(env, join->children[1], search.ids, search.n_ids);
}

/* ---- nodes ---- */

static cn_code
weaken(cni_rule_env *env, const cni_plan *join, const kept_if *kept, const cni_plan **out_join,
       cn_error *err)
{
    bool no_left = false;
    bool no_right = false;
    *out_join = join;
    switch ((cni_join_kind)join->join_kind) {
    case CNI_JOIN_LEFT:
        CN_TRY(rejects_padding(env, kept, join->children[1], &no_right, err));
        return no_right ? with_kind(env, join, CNI_JOIN_INNER, false, out_join, err) : CN_OK;
    case CNI_JOIN_FULL:
        CN_TRY(rejects_padding(env, kept, join->children[0], &no_left, err));
        CN_TRY(rejects_padding(env, kept, join->children[1], &no_right, err));
        if (no_left || no_right) {
            return with_kind(env, join, no_left && no_right ? CNI_JOIN_INNER : CNI_JOIN_LEFT,
                             no_right && !no_left, out_join, err);
        }
        return CN_OK;
    case CNI_JOIN_SINGLE:
        return cni_join_matches_once(env, join)
                   ? with_kind(env, join, CNI_JOIN_LEFT, false, out_join, err)
                   : CN_OK;
    default:
        return CN_OK;
    }
}

/* What may be taken for granted below either side. */
static cn_code
kept_below(cni_rule_env *env, const cni_plan *join, const kept_if *kept, kept_if *left,
           kept_if *right, cn_error *err)
{
    const kept_if nothing = {0};
    switch ((cni_join_kind)join->join_kind) {
    case CNI_JOIN_INNER:
        CN_TRY(extend(env, kept, join->predicate, left, err));
        *right = *left;
        return CN_OK;
    case CNI_JOIN_SEMI:
        CN_TRY(extend(env, kept, join->predicate, left, err));
        return extend(env, &nothing, join->predicate, right, err);
    case CNI_JOIN_LEFT:
        *left = *kept;
        return extend(env, &nothing, join->predicate, right, err);
    case CNI_JOIN_SINGLE:
        *left = *kept;
        return extend(env, &nothing, join->predicate, right, err);
    case CNI_JOIN_ANTI:
    case CNI_JOIN_MARK:
        *left = *kept;
        return extend(env, &nothing, join->null_aware ? NULL : join->predicate, right, err);
    default:
        return CN_OK;
    }
}

/* SINGLE is looked at again when its sides are done: LEFT can be made INNER only from above. */
static cn_code
convert_join(cni_rule_env *env, const cni_plan *plan, const kept_if *kept,
             const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *join = NULL;
    kept_if left = {0};
    kept_if right = {0};
    CN_TRY(weaken(env, plan, kept, &join, err));
    if (plan->join_kind == CNI_JOIN_SINGLE && join != plan) {
        CN_TRY(weaken(env, join, kept, &join, err));
    }
    CN_TRY(kept_below(env, join, kept, &left, &right, err));
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, 2, (int64_t)sizeof(*children), &children, err));
    CN_TRY(convert(env, join->children[0], &left, &children[0], err));
    CN_TRY(convert(env, join->children[1], &right, &children[1], err));
    return cni_plan_over(env, join, children, out_plan, err);
}

static cn_code
convert_children(cni_rule_env *env, const cni_plan *plan, const kept_if *kept,
                 const cni_plan **out_plan, cn_error *err)
{
    const kept_if nothing = {0};
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        const bool is_definition = plan->kind == CNI_PLAN_WITH && child == 0;
        CN_TRY(convert(env, plan->children[child], is_definition ? &nothing : kept,
                       &children[child], err));
    }
    return cni_plan_over(env, plan, children, out_plan, err);
}

static cn_code
convert_aggregate(cni_rule_env *env, const cni_plan *plan, const kept_if *kept,
                  const cni_plan **out_plan, cn_error *err)
{
    kept_if below = {0};
    if (plan->n_groups > 0) {
        CN_TRY(translate(env, plan, kept, &below, err));
    }
    return convert_children(env, plan, &below, out_plan, err);
}

static cn_code
convert_union(cni_rule_env *env, const cni_plan *plan, const kept_if *kept,
              const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        const cni_plan *member = plan->children[child];
        const cni_expr **exprs = NULL;
        kept_if below = {0};
        CN_TRY(cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*exprs), &exprs,
                                     err));
        for (int32_t column = 0; column < plan->n_columns; column++) {
            CN_TRY(cni_expr_column(env->arena, member->columns[column].id,
                                   member->columns[column].type, &exprs[column], err));
        }
        const cni_plan mapping = {
            .n_columns = plan->n_columns, .columns = plan->columns, .exprs = exprs};
        CN_TRY(translate(env, &mapping, kept, &below, err));
        CN_TRY(convert(env, member, &below, &children[child], err));
    }
    return cni_plan_over(env, plan, children, out_plan, err);
}

static cn_code
convert(cni_rule_env *env, const cni_plan *plan, const kept_if *kept, const cni_plan **out_plan,
        cn_error *err)
{
    const kept_if nothing = {0};
    kept_if below = {0};
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_FILTER:
        CN_TRY(extend(env, kept, plan->predicate, &below, err));
        return convert_children(env, plan, &below, out_plan, err);
    case CNI_PLAN_PROJECT:
        CN_TRY(translate(env, plan, kept, &below, err));
        return convert_children(env, plan, &below, out_plan, err);
    case CNI_PLAN_AGGREGATE:
        return convert_aggregate(env, plan, kept, out_plan, err);
    case CNI_PLAN_UNION_ALL:
        return convert_union(env, plan, kept, out_plan, err);
    case CNI_PLAN_JOIN:
        return convert_join(env, plan, kept, out_plan, err);
    case CNI_PLAN_SORT:
    case CNI_PLAN_REPEAT:
    case CNI_PLAN_WITH:
        return convert_children(env, plan, kept, out_plan, err);
    case CNI_PLAN_DISTINCT:
        return convert_children(env, plan, plan->n_exprs == 0 ? kept : &nothing, out_plan, err);
    default:
        return convert_children(env, plan, &nothing, out_plan, err);
    }
}

cn_code
cni_rule_outer_to_inner(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                        cn_error *err)
{
    const kept_if nothing = {0};
    const cni_plan *converted = NULL;
    CN_TRY(convert(env, plan, &nothing, &converted, err));
    return cni_plan_exactly(env, converted, plan->columns, plan->n_columns, out_plan, err);
}
