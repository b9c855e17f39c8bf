/* SPDX-License-Identifier: Apache-2.0
 *
 * Unnesting, the domain: D is the distinct rows of some columns of the left side. Joined to a part
 * it gives the left columns as columns of the plan, for operators that nothing else can pass.
 *
 *   attach:   part(pulled p, map m)  ->  Project m [ D join plan on p ],  pulled: left = D's,
 * safely
 *
 * D reads the left side a second time. A chain of filters and projections over one scan is copied;
 * anything else becomes a WITH around the dependent join, and both read it.
 */
#include "optimize/normalize/unnest_int.h"

/* ---- pulled conjuncts ---- */

typedef struct column_search {
    const cni_plan *plan;
    bool found;
} column_search;

static bool
see_column_of(void *state, const cni_expr *expr)
{
    column_search *search = state;
    search->found = search->found || (expr->kind == CNI_EXPR_COLUMN &&
                                      cni_plan_find_column(search->plan, expr->column_id) != NULL);
    return !search->found;
}

static bool
names_columns_of(const cni_plan *plan, const cni_expr *expr)
{
    column_search search = {plan, false};
    cni_expr_walk(expr, see_column_of, &search);
    return search.found;
}

cni_unnest_key
cni_unnest_key_of(const cni_unnest_side *side, const cni_unnest_part *part,
                  const cni_expr *conjunct)
{
    const bool null_safe = conjunct->kind == CNI_EXPR_DISTINCT && conjunct->negated;
    const bool is_equal = conjunct->kind == CNI_EXPR_COMPARE && conjunct->op == CNI_EQ;
    cni_unnest_key key = {.form = CNI_UNNEST_OTHER, .null_safe = null_safe};
    if (!names_columns_of(part->plan, conjunct)) {
        key.form = CNI_UNNEST_LEFT;
        return key;
    }
    for (int32_t outer = 0; (null_safe || is_equal) && outer < 2; outer++) {
        key.outer = conjunct->args[outer];
        key.inner = conjunct->args[1 - outer];
        if (cni_unnest_expr_names(&side->ids, key.outer) &&
            !cni_unnest_expr_names(&side->ids, key.inner) &&
            !names_columns_of(part->plan, key.outer)) {
            key.form = CNI_UNNEST_KEY;
            return key;
        }
    }
    return key;
}

bool
cni_unnest_all_keyed(const cni_unnest_side *side, const cni_unnest_part *part)
{
    for (int64_t at = 0; at < part->pulled.n_items; at++) {
        if (cni_unnest_key_of(side, part, part->pulled.items[at]).form == CNI_UNNEST_OTHER) {
            return false;
        }
    }
    return true;
}

cn_code
cni_unnest_key_expr(cni_rule_env *env, const cni_unnest_key *key, const cni_expr **out_expr,
                    cn_error *err)
{
    return key->null_safe
               ? cni_unnest_not_distinct(env, key->outer, key->inner, out_expr, err)
               : cni_expr_compare(env->arena, CNI_EQ, key->outer, key->inner, out_expr, err);
}

/* Whether equal values of the type are the same in every expression: not so for -0 and 0, for a
 * month and 30 days, for what holds such. */
static bool
equal_is_same(const cni_type *type)
{
    return type->n_children == 0 && type->id != CNI_TYPE_FLOAT16 && type->id != CNI_TYPE_FLOAT32 &&
           type->id != CNI_TYPE_FLOAT64 && type->id != CNI_TYPE_INTERVAL;
}

/* The conjunct that gives `left_id` an equal; NULL for none. */
static const cni_expr *
equality_for(const cni_unnest_side *side, const cni_unnest_part *part, int32_t left_id,
             const cni_expr **out_inner)
{
    for (int64_t at = 0; at < part->pulled.n_items; at++) {
        const cni_unnest_key key = cni_unnest_key_of(side, part, part->pulled.items[at]);
        if (key.form == CNI_UNNEST_KEY && key.outer->kind == CNI_EXPR_COLUMN &&
            key.outer->column_id == left_id && (key.null_safe || equal_is_same(key.outer->type))) {
            *out_inner = key.inner;
            return part->pulled.items[at];
        }
    }
    return NULL;
}

const cni_expr *
cni_unnest_equal_of(const cni_unnest_side *side, const cni_unnest_part *part, int32_t left_id)
{
    const cni_expr *inner = NULL;
    return equality_for(side, part, left_id, &inner) == NULL ? NULL : inner;
}

/* ---- D ---- */

static bool
has_volatile(const cni_plan *node)
{
    bool found = node->predicate != NULL && cni_expr_is_volatile(node->predicate);
    for (int32_t expr = 0; expr < node->n_exprs; expr++) {
        found = found || cni_expr_is_volatile(node->exprs[expr]);
    }
    return found;
}

/* Whether reading the plan twice costs little and gives the same rows. */
static bool
is_cheap(const cni_plan *plan)
{
    while ((plan->kind == CNI_PLAN_FILTER || plan->kind == CNI_PLAN_PROJECT) &&
           !has_volatile(plan)) {
        plan = plan->children[0];
    }
    return (plan->kind == CNI_PLAN_SCAN && plan->limit == CNI_NO_LIMIT) ||
           plan->kind == CNI_PLAN_CTE_SCAN ||
           (plan->kind == CNI_PLAN_VALUES && !has_volatile(plan));
}

/* A scan of the definition that gives columns with the ids that the left side had. */
static cn_code
share_left(cni_unnest_side *side, cn_error *err)
{
    cni_rule_env *env = side->env;
    const cni_plan *scan = NULL;
    const cni_plan *left = side->left;
    CN_TRY(cni_plan_copy(&env->builder, left, NULL, &side->definition, err));
    side->cte_id = cni_plan_new_cte_id(&env->builder);
    CN_TRY(cni_plan_cte_scan(&env->builder, side->cte_id, CNI_STR("left side"), left->columns,
                             left->n_columns, &scan, err));
    cni_plan node = *scan;
    node.columns = left->columns;
    return cni_plan_new(&env->builder, &node, &side->left, err);
}

/* The left side once more; out_ids as cni_plan_copy gives them. */
static cn_code
read_left_again(cni_unnest_side *side, const int32_t **out_ids, const cni_plan **out_plan,
                cn_error *err)
{
    if (side->definition == NULL && !is_cheap(side->left)) {
        CN_TRY(share_left(side, err));
    }
    return cni_plan_copy(&side->env->builder, side->left, out_ids, out_plan, err);
}

/* D over the columns in `named`; out_map: left column -> D's. */
static cn_code
make_domain(cni_unnest_side *side, const cni_id_set *named, const cni_plan **out_plan,
            cni_unnest_map *out_map, cn_error *err)
{
    cni_rule_env *env = side->env;
    const int32_t *ids = NULL;
    const cni_plan *source = NULL;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    int32_t n = 0;
    CN_TRY(read_left_again(side, &ids, &source, err));
    const int32_t cap = side->left->n_columns;
    CN_TRY(cni_arena_alloc_array(env->arena, cap, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, cap, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < cap; column++) {
        const cni_expr *made = NULL;
        const cni_column *left = &side->left->columns[column];
        if (!cni_id_set_has(named, left->id)) {
            continue;
        }
        CN_TRY(cni_expr_column(env->arena, ids[left->id], left->type, &exprs[n], err));
        columns[n] = *left;
        columns[n].id = env->builder.next_column_id++;
        CN_TRY(cni_expr_column(env->arena, columns[n].id, left->type, &made, err));
        CN_TRY(cni_unnest_map_put(env, out_map, left->id, made, err));
        n++;
    }
    CN_TRY(cni_unnest_project(env, source, exprs, columns, n, &source, err));
    return cni_plan_distinct(&env->builder, source, NULL, 0, out_plan, err);
}

/* Left columns that the part, the node or `more` names. */
static cn_code
collect_named(const cni_unnest_side *side, const cni_unnest_part *part, const cni_plan *node,
              const cni_id_set *more, cni_id_set *out_named, cn_error *err)
{
    cni_rule_env *env = side->env;
    for (int64_t at = 0; at < part->pulled.n_items; at++) {
        CN_TRY(cni_unnest_add_named(env, &side->ids, part->pulled.items[at], out_named, err));
    }
    for (int64_t at = 0; at < part->map.items.n_items; at++) {
        const cni_unnest_item *item = part->map.items.items[at];
        CN_TRY(cni_unnest_add_named(env, &side->ids, item->expr, out_named, err));
    }
    if (part->present != NULL) {
        CN_TRY(cni_unnest_add_named(env, &side->ids, part->present, out_named, err));
    }
    if (node != NULL) {
        CN_TRY(cni_unnest_add_named_plan(env, &side->ids, node, false, out_named, err));
    }
    for (int32_t column = 0; column < side->left->n_columns; column++) {
        const int32_t id = side->left->columns[column].id;
        if (more != NULL && cni_id_set_has(more, id)) {
            CN_TRY(cni_id_set_add(env->arena, out_named, id, err));
        }
    }
    return CN_OK;
}

/* D join plan, on what is pulled. */
static cn_code
join_domain(cni_unnest_side *side, const cni_unnest_part *part, const cni_plan *domain,
            const cni_unnest_map *to_domain, cni_join_kind kind, const cni_plan **out_plan,
            cn_error *err)
{
    cni_rule_env *env = side->env;
    const cni_expr *predicate = NULL;
    CN_TRY(cni_unnest_and(env, &part->pulled, &predicate, err));
    if (predicate != NULL) {
        CN_TRY(cni_unnest_map_expr(env, to_domain, NULL, predicate, &predicate, err));
    }
    return cni_plan_join(&env->builder, kind, domain, part->plan, predicate, false, out_plan, err);
}

/* Columns of the map become columns of the plan. */
static cn_code
compute_map(cni_rule_env *env, const cni_unnest_part *part, const cni_unnest_map *to_domain,
            const cni_plan **inout_plan, cn_error *err)
{
    const cni_plan *plan = *inout_plan;
    const int32_t n_mapped = (int32_t)part->map.items.n_items;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    int32_t n = 0;
    if (n_mapped == 0) {
        return CN_OK;
    }
    const int32_t cap = plan->n_columns + n_mapped;
    CN_TRY(cni_arena_alloc_array(env->arena, cap, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, cap, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        columns[n] = plan->columns[column];
        CN_TRY(cni_expr_column(env->arena, columns[n].id, columns[n].type, &exprs[n], err));
        n += cni_unnest_map_get(&part->map, columns[n].id) == NULL ? 1 : 0;
    }
    for (int32_t at = 0; at < n_mapped; at++) {
        const cni_unnest_item *item = part->map.items.items[at];
        CN_TRY(cni_unnest_map_expr(env, to_domain, NULL, item->expr, &exprs[n], err));
        columns[n++] = (cni_column){item->id, CNI_STR(""), item->expr->type, true};
    }
    return cni_unnest_project(env, plan, exprs, columns, n, inout_plan, err);
}

/* From now on, what is pulled says that the left columns are D's. */
static cn_code
pull_domain_keys(cni_unnest_side *side, const cni_unnest_map *to_domain, cni_list *out_pulled,
                 cn_error *err)
{
    cni_rule_env *env = side->env;
    *out_pulled = (cni_list){0};
    for (int64_t at = 0; at < to_domain->items.n_items; at++) {
        const cni_unnest_item *item = to_domain->items.items[at];
        const cni_expr *left = NULL;
        const cni_expr *key = NULL;
        CN_TRY(cni_expr_column(env->arena, item->id, item->expr->type, &left, err));
        CN_TRY(cni_unnest_not_distinct(env, left, item->expr, &key, err));
        CN_TRY(cni_list_push(env->arena, out_pulled, key, err));
    }
    return CN_OK;
}

/* ---- equalities in place of D ---- */

static bool
call_may_error(const cni_expr *expr)
{
    bool may_error = expr->kind != CNI_EXPR_AGGREGATE && cni_expr_may_error(expr);
    for (int32_t arg = 0; expr->kind == CNI_EXPR_AGGREGATE && arg < expr->n_args; arg++) {
        may_error = may_error || cni_expr_may_error(expr->args[arg]);
    }
    return may_error || (expr->call != NULL && expr->call->filter != NULL &&
                         cni_expr_may_error(expr->call->filter));
}

/* Errors of an aggregate function itself (a sum that overflows) are left aside: they concern a
 * group. */
bool
cni_unnest_node_may_error(const cni_plan *node)
{
    bool may_error = node->predicate != NULL && cni_expr_may_error(node->predicate);
    for (int32_t expr = 0; expr < node->n_exprs; expr++) {
        may_error = may_error || call_may_error(node->exprs[expr]);
    }
    for (int32_t order = 0; order < node->n_orders; order++) {
        may_error = may_error || cni_expr_may_error(node->orders[order].expr);
    }
    return may_error;
}

/* Whether what was pulled may be evaluated for every row of the part, not only for those of left
 * rows. */
static bool
is_safe_everywhere(const cni_unnest_part *part, const cni_plan *node)
{
    bool safe = !part->padded && (node == NULL || !cni_unnest_node_may_error(node));
    for (int64_t at = 0; safe && at < part->pulled.n_items; at++) {
        safe = !cni_expr_may_error(part->pulled.items[at]);
    }
    for (int64_t at = 0; safe && at < part->map.items.n_items; at++) {
        safe = !cni_expr_may_error(((const cni_unnest_item *)part->map.items.items[at])->expr);
    }
    return safe;
}

/* out_map: every named column -> what a pulled equality says it is; out_keys: those equalities.
 * out_complete false: some column has none. */
static cn_code
find_equalities(const cni_unnest_side *side, const cni_unnest_part *part, const cni_id_set *named,
                cni_unnest_map *out_map, cni_list *out_keys, bool *out_complete, cn_error *err)
{
    cni_rule_env *env = side->env;
    *out_complete = true;
    for (int32_t column = 0; *out_complete && column < side->left->n_columns; column++) {
        const int32_t id = side->left->columns[column].id;
        const cni_expr *inner = NULL;
        if (!cni_id_set_has(named, id)) {
            continue;
        }
        const cni_expr *conjunct = equality_for(side, part, id, &inner);
        *out_complete = conjunct != NULL;
        if (conjunct != NULL) {
            CN_TRY(cni_unnest_map_put(env, out_map, id, inner, err));
            CN_TRY(cni_list_push(env->arena, out_keys, conjunct, err));
        }
    }
    return CN_OK;
}

static bool
list_has(const cni_list *list, const void *item)
{
    for (int64_t at = 0; at < list->n_items; at++) {
        if (list->items[at] == item) {
            return true;
        }
    }
    return false;
}

/* Conjuncts that are no keys become a filter of the plan, mapped columns its own. */
static cn_code
use_equalities(cni_unnest_side *side, const cni_unnest_map *equals, const cni_list *keys,
               cni_unnest_part *inout_part, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_list local = {0};
    const cni_expr *expr = NULL;
    const cni_plan *plan = inout_part->plan;
    for (int64_t at = 0; at < inout_part->pulled.n_items; at++) {
        if (!list_has(keys, inout_part->pulled.items[at])) {
            CN_TRY(
                cni_unnest_map_expr(env, equals, NULL, inout_part->pulled.items[at], &expr, err));
            CN_TRY(cni_list_push(env->arena, &local, expr, err));
        }
    }
    CN_TRY(cni_unnest_and(env, &local, &expr, err));
    if (expr != NULL) {
        CN_TRY(cni_plan_filter(&env->builder, plan, expr, &plan, err));
    }
    CN_TRY(compute_map(env, inout_part, equals, &plan, err));
    inout_part->plan = plan;
    inout_part->pulled = *keys;
    inout_part->map = (cni_unnest_map){0};
    inout_part->domain = *equals;
    return CN_OK;
}

static cn_code
attach_domain(cni_unnest_side *side, const cni_id_set *named, cni_unnest_part *inout_part,
              cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_unnest_map to_domain = {0};
    const cni_plan *domain = NULL;
    const cni_plan *plan = NULL;
    CN_TRY(make_domain(side, named, &domain, &to_domain, err));
    CN_TRY(join_domain(side, inout_part, domain, &to_domain,
                       inout_part->padded ? CNI_JOIN_LEFT : CNI_JOIN_INNER, &plan, err));
    if (inout_part->present != NULL) {
        const cni_expr *present = NULL;
        CN_TRY(cni_unnest_map_expr(env, &to_domain, NULL, inout_part->present, &present, err));
        CN_TRY(cni_plan_filter(&env->builder, plan, present, &plan, err));
    }
    CN_TRY(compute_map(env, inout_part, &to_domain, &plan, err));
    inout_part->plan = plan;
    inout_part->unique = inout_part->unique || inout_part->padded;
    inout_part->padded = false;
    inout_part->present = NULL;
    inout_part->map = (cni_unnest_map){0};
    inout_part->domain = to_domain;
    return pull_domain_keys(side, &to_domain, &inout_part->pulled, err);
}

cn_code
cni_unnest_attach(cni_unnest_side *side, cni_unnest_part *inout_part, const cni_plan *node,
                  const cni_id_set *more, cn_error *err)
{
    cni_id_set named = {0};
    cni_unnest_map equals = {0};
    cni_list keys = {0};
    bool complete = false;
    CN_TRY(collect_named(side, inout_part, node, more, &named, err));
    if (is_safe_everywhere(inout_part, node)) {
        CN_TRY(find_equalities(side, inout_part, &named, &equals, &keys, &complete, err));
    }
    return complete ? use_equalities(side, &equals, &keys, inout_part, err)
                    : attach_domain(side, &named, inout_part, err);
}

cn_code
cni_unnest_attach_outer(cni_unnest_side *side, cni_unnest_part *inout_part, const cni_plan *node,
                        const cni_expr **out_present, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_id_set named = {0};
    cni_unnest_map to_domain = {0};
    const cni_plan *domain = NULL;
    CN_TRY(collect_named(side, inout_part, node, NULL, &named, err));
    CN_TRY(make_domain(side, &named, &domain, &to_domain, err));
    CN_TRY(cni_unnest_add_true(env, inout_part->plan, out_present, &inout_part->plan, err));
    CN_TRY(
        join_domain(side, inout_part, domain, &to_domain, CNI_JOIN_LEFT, &inout_part->plan, err));
    CN_TRY(compute_map(env, inout_part, &to_domain, &inout_part->plan, err));
    inout_part->map = (cni_unnest_map){0};
    inout_part->domain = to_domain;
    return pull_domain_keys(side, &to_domain, &inout_part->pulled, err);
}

/* ---- canonical form: R's columns, then one per left column ---- */

/* Whether what is pulled is one equality for each of the ids, and nothing else. */
static bool
is_keyed_by(const cni_unnest_side *side, const cni_unnest_part *part, const cni_id_set *ids)
{
    int64_t n_ids = 0;
    if (part->padded || part->map.items.n_items > 0) {
        return false;
    }
    for (int32_t column = 0; column < side->left->n_columns; column++) {
        const int32_t id = side->left->columns[column].id;
        if (cni_id_set_has(ids, id)) {
            n_ids++;
            if (cni_unnest_equal_of(side, part, id) == NULL) {
                return false;
            }
        }
    }
    return n_ids == part->pulled.n_items;
}

cn_code
cni_unnest_drop_null_keys(cni_unnest_side *side, cni_unnest_part *inout_part, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_list filters = {0};
    const cni_expr *all = NULL;
    for (int64_t at = 0; at < inout_part->pulled.n_items; at++) {
        const cni_unnest_key key =
            cni_unnest_key_of(side, inout_part, inout_part->pulled.items[at]);
        const cni_expr *known = NULL;
        if (!key.null_safe) {
            CN_TRY(cni_unnest_is_null(env, key.inner, true, &known, err));
            CN_TRY(cni_list_push(env->arena, &filters, known, err));
        }
    }
    CN_TRY(cni_unnest_and(env, &filters, &all, err));
    return all == NULL
               ? CN_OK
               : cni_plan_filter(&env->builder, inout_part->plan, all, &inout_part->plan, err);
}

cn_code
cni_unnest_canonical(cni_unnest_side *side, cni_unnest_part *inout_part, const cni_column *columns,
                     int32_t n_columns, const cni_id_set *ids, const cni_plan **out_plan,
                     cn_error *err)
{
    cni_rule_env *env = side->env;
    const cni_expr **exprs = NULL;
    cni_column *made = NULL;
    int32_t n = n_columns;
    if (!is_keyed_by(side, inout_part, ids)) {
        CN_TRY(cni_unnest_attach(side, inout_part, NULL, ids, err));
    }
    CN_TRY(cni_unnest_drop_null_keys(side, inout_part, err));
    const int32_t cap = n_columns + side->left->n_columns;
    CN_TRY(cni_arena_alloc_array(env->arena, cap, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, cap, (int64_t)sizeof(*made), &made, err));
    for (int32_t column = 0; column < n_columns; column++) {
        made[column] = columns[column];
        CN_TRY(
            cni_expr_column(env->arena, made[column].id, made[column].type, &exprs[column], err));
    }
    for (int32_t column = 0; column < side->left->n_columns; column++) {
        const cni_column *left = &side->left->columns[column];
        if (cni_id_set_has(ids, left->id)) {
            made[n] = *left;
            made[n].id = env->builder.next_column_id++;
            exprs[n++] = cni_unnest_equal_of(side, inout_part, left->id);
        }
    }
    return cni_unnest_project(env, inout_part->plan, exprs, made, n, out_plan, err);
}
