/* SPDX-License-Identifier: Apache-2.0
 *
 * Unnesting, one dependent join: its right side is pulled apart (unnest_pull.c), then joined to the
 * left one by an ordinary join whose predicate has what was pulled. If D had to read a left side
 * that is not cheap, the whole stands under a WITH.
 *
 * A padded right side (an aggregate without groups) has exactly one row for every left row: a LEFT
 * join brings it, and what the kind asks is computed above.
 */
#include "optimize/normalize/unnest_int.h"

static bool
names_columns_of(const cni_plan *plan, const cni_expr *expr, cni_rule_env *env, cn_code *out_code,
                 cn_error *err)
{
    cni_id_set ids = {0};
    *out_code = CN_OK;
    for (int32_t column = 0; *out_code == CN_OK && column < plan->n_columns; column++) {
        *out_code = cni_id_set_add(env->arena, &ids, plan->columns[column].id, err);
    }
    return cni_unnest_expr_names(&ids, expr);
}

static bool
is_nullable(const cni_plan *plan, const cni_expr *expr)
{
    const cni_column *column =
        expr->kind == CNI_EXPR_COLUMN ? cni_plan_find_column(plan, expr->column_id) : NULL;
    return column == NULL || column->nullable;
}

/* The conjunct without a third value: in a null-aware join, a row that the subquery's WHERE does
 * not keep must not count as unknown. Equalities stay keys. */
static cn_code
make_two_valued(cni_unnest_side *side, cni_unnest_part *inout_part, const cni_expr *conjunct,
                const cni_expr **out_expr, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_unnest_key key = cni_unnest_key_of(side, inout_part, conjunct);
    if (key.form != CNI_UNNEST_KEY) {
        return cni_unnest_is_true(env, conjunct, out_expr, err);
    }
    *out_expr = conjunct;
    const bool inner_null = is_nullable(inout_part->plan, key.inner);
    if (key.null_safe || (!inner_null && !is_nullable(side->left, key.outer))) {
        return CN_OK;
    }
    if (inner_null) {
        const cni_expr *known = NULL;
        CN_TRY(cni_unnest_is_null(env, key.inner, true, &known, err));
        CN_TRY(cni_plan_filter(&env->builder, inout_part->plan, known, &inout_part->plan, err));
    }
    key.null_safe = true;
    return cni_unnest_key_expr(env, &key, out_expr, err);
}

/* What was pulled and the predicate, as one. */
static cn_code
join_predicate(cni_unnest_side *side, cni_unnest_part *inout_part, const cni_expr *predicate,
               bool null_aware, const cni_expr **out_predicate, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_list conjuncts = {0};
    const cni_expr *expr = NULL;
    for (int64_t at = 0; at < inout_part->pulled.n_items; at++) {
        expr = inout_part->pulled.items[at];
        if (null_aware) {
            CN_TRY(make_two_valued(side, inout_part, expr, &expr, err));
        }
        CN_TRY(cni_list_push(env->arena, &conjuncts, expr, err));
    }
    if (predicate != NULL) {
        CN_TRY(cni_unnest_map_expr(env, &inout_part->map, NULL, predicate, &expr, err));
        CN_TRY(cni_expr_conjuncts(env->arena, expr, &conjuncts, err));
    }
    return cni_unnest_and(env, &conjuncts, out_predicate, err);
}

/* ---- ordinary ---- */

/* Expressions over a padded row are NULL there. */
static cn_code
choose_present(cni_rule_env *env, const cni_expr *present, cni_unnest_map *inout_map, cn_error *err)
{
    for (int64_t at = 0; at < inout_map->items.n_items; at++) {
        cni_unnest_item *item = inout_map->items.items[at];
        CN_TRY(cni_unnest_choose(env, present, item->expr, NULL, &item->expr, err));
    }
    return CN_OK;
}

/* Whether the one row of the right side adds nothing that the left does not have. */
static cn_code
adds_nothing(cni_unnest_side *side, const cni_unnest_part *part, const cni_plan *right, bool *out,
             cn_error *err)
{
    cn_code code = CN_OK;
    *out = cni_unnest_exactly_one_row(part->plan);
    for (int32_t column = 0; *out && column < right->n_columns; column++) {
        const cni_expr *expr = cni_unnest_map_get(&part->map, right->columns[column].id);
        *out = expr != NULL && !names_columns_of(part->plan, expr, side->env, &code, err);
        CN_TRY(code);
    }
    return CN_OK;
}

/* One row shows as much as many when the predicate does not look at them. */
static cn_code
limit_unread(cni_unnest_side *side, const cni_expr *predicate, cni_unnest_part *inout_part,
             cn_error *err)
{
    cn_code code = CN_OK;
    if (predicate != NULL && names_columns_of(inout_part->plan, predicate, side->env, &code, err)) {
        return code;
    }
    CN_TRY(code);
    return cni_unnest_at_most_one_row(inout_part->plan)
               ? CN_OK
               : cni_plan_limit(&side->env->builder, inout_part->plan, 1, 0, &inout_part->plan,
                                err);
}

static cni_join_kind
simplest_kind(cni_join_kind kind, const cni_unnest_part *part, const cni_expr *predicate)
{
    const bool pads = kind == CNI_JOIN_SINGLE || kind == CNI_JOIN_LEFT;
    if (pads && predicate == NULL && cni_unnest_exactly_one_row(part->plan)) {
        return CNI_JOIN_INNER;
    }
    return kind == CNI_JOIN_SINGLE && part->unique ? CNI_JOIN_LEFT : kind;
}

static cn_code
join_ordinary(cni_unnest_side *side, cni_join_kind kind, cni_unnest_part *part,
              const cni_plan *right, const cni_expr *predicate, bool null_aware,
              cni_unnest_joined *out, cn_error *err)
{
    cni_rule_env *env = side->env;
    bool skips = false;
    CN_TRY(join_predicate(side, part, predicate, null_aware, &predicate, err));
    kind = simplest_kind(kind, part, predicate);
    out->map = part->map;
    if (kind == CNI_JOIN_INNER && predicate == NULL) {
        CN_TRY(adds_nothing(side, part, right, &skips, err));
        out->plan = side->left;
    }
    if (skips) {
        return CN_OK;
    }
    if (kind == CNI_JOIN_SEMI || kind == CNI_JOIN_ANTI || kind == CNI_JOIN_MARK) {
        CN_TRY(limit_unread(side, predicate, part, err));
    }
    if ((kind == CNI_JOIN_LEFT || kind == CNI_JOIN_SINGLE) && part->map.items.n_items > 0) {
        const cni_expr *present = NULL;
        CN_TRY(cni_unnest_add_true(env, part->plan, &present, &part->plan, err));
        CN_TRY(choose_present(env, present, &out->map, err));
    }
    CN_TRY(cni_plan_join(&env->builder, kind, side->left, part->plan, predicate, null_aware,
                         &out->plan, err));
    if (kind != CNI_JOIN_MARK) {
        return CN_OK;
    }
    const cni_column *mark = &out->plan->columns[out->plan->n_columns - 1];
    return cni_expr_column(env->arena, mark->id, mark->type, &out->mark, err);
}

/* ---- padded ---- */

/* Whether the padded row counts and fulfils the predicate: a condition for those kinds that only
 * ask whether it is true, the value of the mark for MARK and ANTI. */
static cn_code
padded_mark(cni_unnest_side *side, cni_join_kind kind, const cni_unnest_part *part,
            const cni_expr *predicate, bool null_aware, const cni_expr **out_mark, cn_error *err)
{
    cni_rule_env *env = side->env;
    const bool is_value = kind == CNI_JOIN_MARK || kind == CNI_JOIN_ANTI;
    cni_list conjuncts = {0};
    const cni_expr *no = NULL;
    if (predicate != NULL) {
        CN_TRY(cni_unnest_map_expr(env, &part->map, NULL, predicate, &predicate, err));
    }
    if (!is_value && part->present != NULL) {
        CN_TRY(cni_list_push(env->arena, &conjuncts, part->present, err));
    }
    if (predicate != NULL) {
        CN_TRY(cni_list_push(env->arena, &conjuncts, predicate, err));
    }
    CN_TRY(cni_unnest_and(env, &conjuncts, out_mark, err));
    if (*out_mark == NULL) {
        CN_TRY(cni_expr_bool(env->arena, true, out_mark, err));
    }
    if (!is_value) {
        return CN_OK;
    }
    if (!null_aware) {
        CN_TRY(cni_unnest_is_true(env, *out_mark, out_mark, err));
    }
    CN_TRY(cni_expr_bool(env->arena, false, &no, err));
    return part->present == NULL
               ? CN_OK
               : cni_unnest_choose(env, part->present, *out_mark, no, out_mark, err);
}

/* FILTER for SEMI, ANTI, INNER; columns that are NULL where the row does not count for the others.
 */
static cn_code
ask_padded(cni_unnest_side *side, cni_join_kind kind, const cni_unnest_part *part,
           const cni_plan *right, const cni_expr *mark, cni_unnest_joined *inout_joined,
           cn_error *err)
{
    cni_rule_env *env = side->env;
    if (kind == CNI_JOIN_MARK) {
        return CN_OK;
    }
    const bool always =
        kind != CNI_JOIN_ANTI && mark->kind == CNI_EXPR_LITERAL && mark->literal->as.boolean;
    if (kind == CNI_JOIN_ANTI) {
        CN_TRY(cni_expr_not(env->arena, mark, &mark, err));
    }
    if (always) {
        return CN_OK;
    }
    if (kind == CNI_JOIN_SEMI || kind == CNI_JOIN_ANTI || kind == CNI_JOIN_INNER) {
        return cni_plan_filter(&env->builder, inout_joined->plan, mark, &inout_joined->plan, err);
    }
    inout_joined->map = (cni_unnest_map){0};
    for (int32_t column = 0; column < right->n_columns; column++) {
        const cni_column *own = &right->columns[column];
        const cni_expr *expr = cni_unnest_map_get(&part->map, own->id);
        if (expr == NULL) {
            CN_TRY(cni_expr_column(env->arena, own->id, own->type, &expr, err));
        }
        CN_TRY(cni_unnest_choose(env, mark, expr, NULL, &expr, err));
        CN_TRY(cni_unnest_map_put(env, &inout_joined->map, own->id, expr, err));
    }
    return CN_OK;
}

static cn_code
join_padded(cni_unnest_side *side, cni_join_kind kind, cni_unnest_part *part, const cni_plan *right,
            const cni_expr *predicate, bool null_aware, cni_unnest_joined *out, cn_error *err)
{
    cni_rule_env *env = side->env;
    const cni_expr *pulled = NULL;
    const cni_expr *mark = NULL;
    CN_TRY(cni_unnest_and(env, &part->pulled, &pulled, err));
    CN_TRY(cni_plan_join(&env->builder, CNI_JOIN_LEFT, side->left, part->plan, pulled, false,
                         &out->plan, err));
    CN_TRY(padded_mark(side, kind, part, predicate, null_aware, &mark, err));
    out->map = part->map;
    out->mark = mark;
    return ask_padded(side, kind, part, right, mark, out, err);
}

/* ---- the way in ---- */

cn_code
cni_unnest_dependent(cni_rule_env *env, cni_join_kind kind, const cni_plan *left,
                     const cni_plan *right, const cni_expr *predicate, bool null_aware,
                     cni_unnest_joined *out, cn_error *err)
{
    cni_unnest_side side = {.env = env, .left = left};
    cni_unnest_part *part = NULL;
    *out = (cni_unnest_joined){0};
    for (int32_t column = 0; column < left->n_columns; column++) {
        CN_TRY(cni_id_set_add(env->arena, &side.ids, left->columns[column].id, err));
    }
    if (kind == CNI_JOIN_FULL && cni_unnest_plan_names(&side.ids, right)) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "FULL JOIN LATERAL");
    }
    CN_TRY(cni_unnest_pull(&side, right, false, &part, err));
    if (part->padded) {
        CN_TRY(join_padded(&side, kind, part, right, predicate, null_aware, out, err));
    } else {
        CN_TRY(join_ordinary(&side, kind, part, right, predicate, null_aware, out, err));
    }
    return side.definition == NULL
               ? CN_OK
               : cni_plan_with(&env->builder, side.cte_id, side.definition, out->plan,
                               CNI_STR("left side"), &out->plan, err);
}

cn_code
cni_unnest_dependent_node(cni_rule_env *env, cni_join_kind kind, const cni_plan *left,
                          const cni_plan *right, const cni_expr *predicate, bool null_aware,
                          const cni_column *tail, int32_t n_tail, const cni_plan **out_plan,
                          cn_error *err)
{
    cni_unnest_joined joined;
    cni_column *columns = NULL;
    const int32_t n_columns = left->n_columns + n_tail;
    CN_TRY(cni_unnest_dependent(env, kind, left, right, predicate, null_aware, &joined, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_columns, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < n_columns; column++) {
        columns[column] =
            column < left->n_columns ? left->columns[column] : tail[column - left->n_columns];
    }
    if (kind == CNI_JOIN_MARK) {
        CN_TRY(cni_unnest_map_put(env, &joined.map, tail[0].id, joined.mark, err));
    }
    return cni_unnest_restore(env, joined.plan, columns, n_columns, &joined.map, out_plan, err);
}
