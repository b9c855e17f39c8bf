/* SPDX-License-Identifier: Apache-2.0
 *
 * Unnesting, pulling through operators with one input. What names the left side passes
 *
 *   filters        as pulled conjuncts
 *   projections    as expressions that are computed above the join
 *   groups         as further keys, when the pulled conjuncts are equalities; else D comes below.
 *                  Without groups of its own, the row for empty input is made above (`padded`)
 *   distinct       likewise
 *   limits         likewise: a number of rows per key
 *
 * A fallible expression that stood above a pulled conjunct is pulled too: below, it would see rows
 * that the plain plan does not show it.
 */
#include "optimize/normalize/unnest_int.h"

static cn_code
new_part(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part, cn_error *err)
{
    CN_TRY(CN_ARENA_NEW(side->env->arena, out_part, err));
    (*out_part)->plan = plan;
    (*out_part)->unique = cni_unnest_at_most_one_row(plan);
    return CN_OK;
}

/* Whether the expression must not be evaluated below the join. */
static bool
must_rise(const cni_unnest_side *side, int64_t n_pulled, const cni_expr *expr)
{
    return cni_unnest_expr_names(&side->ids, expr) || (n_pulled > 0 && cni_expr_may_error(expr));
}

cn_code
cni_unnest_split(const cni_unnest_side *side, const cni_list *conjuncts, cni_list *inout_pulled,
                 cni_list *inout_staying, cn_error *err)
{
    for (int64_t at = 0; at < conjuncts->n_items; at++) {
        const bool rises = must_rise(side, inout_pulled->n_items, conjuncts->items[at]);
        CN_TRY(cni_list_push(side->env->arena, rises ? inout_pulled : inout_staying,
                             conjuncts->items[at], err));
    }
    return CN_OK;
}

/* ---- FILTER ---- */

static cn_code
add_present(cni_unnest_side *side, cni_unnest_part *inout_part, const cni_expr *predicate,
            cn_error *err)
{
    const cni_expr *const args[] = {inout_part->present, predicate};
    if (inout_part->present == NULL) {
        inout_part->present = predicate;
        return CN_OK;
    }
    return cni_expr_junction(side->env->arena, CNI_EXPR_AND, args, 2, &inout_part->present, err);
}

static cn_code
pull_filter(cni_unnest_side *side, const cni_plan *plan, bool keyed, cni_unnest_part **out_part,
            cn_error *err)
{
    cni_unnest_part *part = NULL;
    const cni_expr *predicate = NULL;
    cni_list conjuncts = {0};
    cni_list staying = {0};
    CN_TRY(cni_unnest_pull(side, plan->children[0], keyed, &part, err));
    *out_part = part;
    CN_TRY(cni_unnest_map_expr(side->env, &part->map, &part->domain, plan->predicate, &predicate,
                               err));
    if (part->padded) {
        return add_present(side, part, predicate, err);
    }
    CN_TRY(cni_expr_conjuncts(side->env->arena, predicate, &conjuncts, err));
    CN_TRY(cni_unnest_split(side, &conjuncts, &part->pulled, &staying, err));
    CN_TRY(cni_unnest_and(side->env, &staying, &predicate, err));
    return predicate == NULL
               ? CN_OK
               : cni_plan_filter(&side->env->builder, part->plan, predicate, &part->plan, err);
}

/* ---- PROJECT ---- */

/* Expressions and columns of a projection in the making. */
typedef struct projection {
    const cni_expr **exprs;
    cni_column *columns;
    int32_t n;
} projection;

static cn_code
open_projection(cni_unnest_side *side, int64_t cap, projection *out, cn_error *err)
{
    out->n = 0;
    CN_TRY(cni_arena_alloc_array(side->env->arena, cap, (int64_t)sizeof(*out->exprs), &out->exprs,
                                 err));
    return cni_arena_alloc_array(side->env->arena, cap, (int64_t)sizeof(*out->columns),
                                 &out->columns, err);
}

static bool
projection_has(const projection *self, int32_t id)
{
    for (int32_t column = 0; column < self->n; column++) {
        if (self->columns[column].id == id) {
            return true;
        }
    }
    return false;
}

static cn_code
add_bare(cni_unnest_side *side, projection *self, const cni_column *column, cn_error *err)
{
    if (projection_has(self, column->id)) {
        return CN_OK;
    }
    self->columns[self->n] = *column;
    return cni_expr_column(side->env->arena, column->id, column->type, &self->exprs[self->n++],
                           err);
}

static cn_code
add_literal(cni_unnest_side *side, projection *self, cn_error *err)
{
    self->columns[self->n] = (cni_column){side->env->builder.next_column_id++, CNI_STR(""),
                                          cni_type_of(CNI_TYPE_BOOL), false};
    return cni_expr_bool(side->env->arena, true, &self->exprs[self->n++], err);
}

/* Columns of the part's plan that its conjuncts and expressions still need. */
static cn_code
add_needed(cni_unnest_side *side, const cni_unnest_part *part, const cni_unnest_map *map,
           projection *self, cn_error *err)
{
    cni_rule_env *env = side->env;
    cni_id_set needed = {0};
    for (int64_t at = 0; at < part->pulled.n_items; at++) {
        CN_TRY(cni_id_set_add_expr(env->arena, &needed, part->pulled.items[at], err));
    }
    for (int64_t at = 0; at < map->items.n_items; at++) {
        const cni_unnest_item *item = map->items.items[at];
        CN_TRY(cni_id_set_add_expr(env->arena, &needed, item->expr, err));
    }
    for (int64_t at = 0; at < part->domain.items.n_items; at++) {
        const cni_unnest_item *item = part->domain.items.items[at];
        CN_TRY(cni_id_set_add_expr(env->arena, &needed, item->expr, err));
    }
    for (int32_t column = 0; column < part->plan->n_columns; column++) {
        if (cni_id_set_has(&needed, part->plan->columns[column].id)) {
            CN_TRY(add_bare(side, self, &part->plan->columns[column], err));
        }
    }
    return CN_OK;
}

/* Every computed column goes into the map; the plan stays. */
static cn_code
project_padded(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part *inout_part,
               cn_error *err)
{
    cni_unnest_map map = {0};
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const int32_t id = plan->columns[column].id;
        const cni_expr *expr = NULL;
        CN_TRY(cni_unnest_map_expr(side->env, &inout_part->map, &inout_part->domain,
                                   plan->exprs[column], &expr, err));
        if (expr->kind != CNI_EXPR_COLUMN || expr->column_id != id) {
            CN_TRY(cni_unnest_map_put(side->env, &map, id, expr, err));
        }
    }
    inout_part->map = map;
    return CN_OK;
}

static cn_code
pull_project(cni_unnest_side *side, const cni_plan *plan, bool keyed, cni_unnest_part **out_part,
             cn_error *err)
{
    cni_unnest_part *part = NULL;
    cni_unnest_map map = {0};
    projection made;
    CN_TRY(cni_unnest_pull(side, plan->children[0], keyed, &part, err));
    *out_part = part;
    if (part->padded) {
        return project_padded(side, plan, part, err);
    }
    CN_TRY(open_projection(side, (int64_t)plan->n_columns + part->plan->n_columns + 1, &made, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_expr *expr = NULL;
        CN_TRY(cni_unnest_map_expr(side->env, &part->map, &part->domain, plan->exprs[column], &expr,
                                   err));
        if (must_rise(side, part->pulled.n_items, expr)) {
            CN_TRY(cni_unnest_map_put(side->env, &map, plan->columns[column].id, expr, err));
        } else {
            made.exprs[made.n] = expr;
            made.columns[made.n++] = plan->columns[column];
        }
    }
    CN_TRY(add_needed(side, part, &map, &made, err));
    if (made.n == 0) {
        CN_TRY(add_literal(side, &made, err));
    }
    part->map = map;
    return cni_unnest_project(side->env, part->plan, made.exprs, made.columns, made.n, &part->plan,
                              err);
}

/* ---- keys ---- */

/* The inner sides of the key conjuncts, each once: exprs; `pulled` over key columns instead. */
typedef struct key_list {
    const cni_expr **exprs;
    cni_column *columns;
    int32_t n;
    cni_list pulled;
} key_list;

/* Position of an expression among the keys, -1 = not there. */
static int32_t
find_key(const key_list *keys, const cni_expr *inner)
{
    for (int32_t key = 0; key < keys->n; key++) {
        if (cni_expr_equal(keys->exprs[key], inner)) {
            return key;
        }
    }
    return -1;
}

static cn_code
list_keys(cni_unnest_side *side, const cni_unnest_part *part, key_list *out, cn_error *err)
{
    cni_rule_env *env = side->env;
    const int64_t cap = part->pulled.n_items + 1;
    const cni_expr **exprs = NULL;
    cni_column *columns = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, cap, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(env->arena, cap, (int64_t)sizeof(*columns), &columns, err));
    *out = (key_list){.exprs = exprs, .columns = columns};
    for (int64_t at = 0; at < part->pulled.n_items; at++) {
        const cni_expr *conjunct = part->pulled.items[at];
        cni_unnest_key key = cni_unnest_key_of(side, part, conjunct);
        if (key.form == CNI_UNNEST_KEY) {
            int32_t at_key = find_key(out, key.inner);
            if (at_key < 0) {
                const cni_column made = {env->builder.next_column_id++, CNI_STR("key"),
                                         key.inner->type, true};
                out->exprs[out->n] = key.inner;
                out->columns[out->n] = made;
                at_key = out->n++;
            }
            const cni_column *column = &out->columns[at_key];
            CN_TRY(cni_expr_column(env->arena, column->id, column->type, &key.inner, err));
            CN_TRY(cni_unnest_key_expr(env, &key, &conjunct, err));
        }
        CN_TRY(cni_list_push(env->arena, &out->pulled, conjunct, err));
    }
    return CN_OK;
}

/* ---- AGGREGATE ---- */

static bool
is_count(const cni_expr *expr)
{
    return expr->function->builtin == CNI_AGGREGATE_COUNT ||
           expr->function->builtin == CNI_AGGREGATE_COUNT_STAR;
}

/* Whether what every call gives over no rows is known here: 0 for counts, NULL for the others that
 * have a name in the catalogue's list. */
static bool
knows_empty(const cni_plan *aggregate)
{
    for (int32_t expr = aggregate->n_groups; expr < aggregate->n_exprs; expr++) {
        if (aggregate->exprs[expr]->function->builtin == CNI_AGGREGATE_OTHER) {
            return false;
        }
    }
    return true;
}

/* Whether the node can be evaluated for all keys at once. */
static bool
is_free(const cni_unnest_side *side, const cni_unnest_part *part, const cni_plan *node)
{
    return !(part->pulled.n_items > 0 && cni_unnest_node_may_error(node)) &&
           !cni_unnest_node_names(&side->ids, node) && cni_unnest_all_keyed(side, part);
}

/* Every call only over rows where `present` is there. */
static cn_code
filter_calls(cni_rule_env *env, const cni_expr *present, cni_plan *inout_node, cn_error *err)
{
    const cni_expr **exprs = NULL;
    const cni_expr *there = NULL;
    CN_TRY(cni_unnest_is_null(env, present, true, &there, err));
    CN_TRY(cni_arena_alloc_array(env->arena, inout_node->n_exprs, (int64_t)sizeof(*exprs), &exprs,
                                 err));
    for (int32_t at = 0; at < inout_node->n_exprs; at++) {
        cni_expr expr = *inout_node->exprs[at];
        cni_call_clauses *call = NULL;
        CN_TRY(CN_ARENA_NEW(env->arena, &call, err));
        *call = expr.call == NULL ? (cni_call_clauses){0} : *expr.call;
        const cni_expr *const args[] = {there, call->filter};
        CN_TRY(cni_expr_junction(env->arena, CNI_EXPR_AND, args, call->filter == NULL ? 1 : 2,
                                 &call->filter, err));
        expr.call = call;
        CN_TRY(cni_expr_new(env->arena, &expr, &exprs[at], err));
    }
    inout_node->exprs = exprs;
    return CN_OK;
}

/* A count that is padded is 0: its raw column gets an id of its own. */
static cn_code
map_count(cni_rule_env *env, const cni_expr *call, cni_column *inout_column,
          cni_unnest_map *inout_map, cn_error *err)
{
    const int32_t id = inout_column->id;
    const cni_value zero = {.type = call->type, .as.i64 = 0};
    const cni_expr *raw = NULL;
    const cni_expr *none = NULL;
    const cni_expr *literal = NULL;
    const cni_expr *count = NULL;
    inout_column->id = env->builder.next_column_id++;
    CN_TRY(cni_expr_column(env->arena, inout_column->id, call->type, &raw, err));
    CN_TRY(cni_expr_literal(env->arena, &zero, &literal, err));
    CN_TRY(cni_unnest_is_null(env, raw, false, &none, err));
    CN_TRY(cni_unnest_choose(env, none, literal, raw, &count, err));
    return cni_unnest_map_put(env, inout_map, id, count, err);
}

/* The aggregate with the keys behind its groups. */
static cn_code
make_keyed(cni_unnest_side *side, const cni_plan *node, const key_list *keys, bool padded,
           cni_unnest_part *inout_part, cn_error *err)
{
    cni_rule_env *env = side->env;
    projection made;
    cni_plan aggregate = *node;
    CN_TRY(open_projection(side, (int64_t)node->n_exprs + keys->n, &made, err));
    for (int32_t expr = 0; expr < node->n_exprs + keys->n; expr++) {
        const int32_t own = expr < node->n_groups ? expr : expr - keys->n;
        const bool is_key = expr >= node->n_groups && expr < node->n_groups + keys->n;
        const int32_t key = expr - node->n_groups;
        made.exprs[expr] = is_key ? keys->exprs[key] : node->exprs[own];
        made.columns[expr] = is_key ? keys->columns[key] : node->columns[own];
        if (padded && !is_key && is_count(made.exprs[expr])) {
            CN_TRY(map_count(env, made.exprs[expr], &made.columns[expr], &inout_part->map, err));
        }
    }
    aggregate.children = &inout_part->plan;
    aggregate.n_columns = aggregate.n_exprs = node->n_exprs + keys->n;
    aggregate.columns = made.columns;
    aggregate.exprs = made.exprs;
    aggregate.n_groups = node->n_groups + keys->n;
    aggregate.estimated_rows = -1.0;
    return cni_plan_new(&env->builder, &aggregate, &inout_part->plan, err);
}

static cn_code
pull_aggregate(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part,
               cn_error *err)
{
    cni_unnest_part *part = NULL;
    const cni_expr *present = NULL;
    const cni_plan *node = NULL;
    key_list keys;
    CN_TRY(cni_unnest_pull(side, plan->children[0], false, &part, err));
    *out_part = part;
    if (part->padded) {
        CN_TRY(cni_unnest_attach(side, part, plan, NULL, err));
    }
    CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, plan, &node, err));
    if (plan->n_groups == 0 && !knows_empty(plan)) {
        CN_TRY(cni_unnest_attach_outer(side, part, node, &present, err));
    } else if (!is_free(side, part, node)) {
        CN_TRY(cni_unnest_attach(side, part, node, NULL, err));
    }
    CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, node, &node, err));
    cni_plan filtered = *node;
    if (present != NULL) {
        CN_TRY(filter_calls(side->env, present, &filtered, err));
    }
    part->padded = plan->n_groups == 0 && present == NULL;
    part->unique = plan->n_groups == 0;
    CN_TRY(list_keys(side, part, &keys, err));
    part->map = (cni_unnest_map){0};
    part->domain = (cni_unnest_map){0};
    CN_TRY(make_keyed(side, &filtered, &keys, part->padded, part, err));
    part->pulled = keys.pulled;
    return CN_OK;
}

/* ---- DISTINCT ---- */

/* Exactly the node's columns and the keys below it. */
static cn_code
project_keys(cni_unnest_side *side, const cni_plan *node, const key_list *keys,
             cni_unnest_part *inout_part, cn_error *err)
{
    projection made;
    CN_TRY(open_projection(side, (int64_t)node->n_columns + keys->n, &made, err));
    for (int32_t column = 0; column < node->n_columns; column++) {
        CN_TRY(add_bare(side, &made, &node->columns[column], err));
    }
    for (int32_t key = 0; key < keys->n; key++) {
        made.exprs[made.n] = keys->exprs[key];
        made.columns[made.n++] = keys->columns[key];
    }
    inout_part->domain = (cni_unnest_map){0};
    inout_part->pulled = keys->pulled;
    return cni_unnest_project(side->env, inout_part->plan, made.exprs, made.columns, made.n,
                              &inout_part->plan, err);
}

/* First rows per key: `on` and the inner sides of what is pulled. */
static cn_code
distinct_on(cni_unnest_side *side, const cni_expr *const *on, int32_t n_on, int64_t limit,
            int64_t offset, cni_unnest_part *inout_part, cn_error *err)
{
    key_list keys;
    projection made;
    CN_TRY(list_keys(side, inout_part, &keys, err));
    CN_TRY(open_projection(side, (int64_t)n_on + keys.n, &made, err));
    for (int32_t expr = 0; expr < n_on; expr++) {
        made.exprs[made.n++] = on[expr];
    }
    for (int32_t key = 0; key < keys.n; key++) {
        made.exprs[made.n++] = keys.exprs[key];
    }
    const cni_plan node = {.kind = CNI_PLAN_DISTINCT,
                           .n_children = 1,
                           .children = &inout_part->plan,
                           .n_columns = inout_part->plan->n_columns,
                           .columns = inout_part->plan->columns,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0,
                           .n_exprs = made.n,
                           .exprs = made.exprs,
                           .limit = limit,
                           .offset = offset};
    return cni_plan_new(&side->env->builder, &node, &inout_part->plan, err);
}

static cn_code
pull_distinct(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part,
              cn_error *err)
{
    cni_unnest_part *part = NULL;
    const cni_plan *node = NULL;
    key_list keys;
    CN_TRY(cni_unnest_pull(side, plan->children[0], plan->n_exprs > 0, &part, err));
    *out_part = part;
    if (part->padded) {
        return CN_OK; /* one row at most */
    }
    CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, plan, &node, err));
    if ((plan->n_exprs == 0 && part->map.items.n_items > 0) || !is_free(side, part, node)) {
        CN_TRY(cni_unnest_attach(side, part, node, NULL, err));
        CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, node, &node, err));
    }
    if (plan->n_exprs > 0) {
        return distinct_on(side, node->exprs, node->n_exprs, plan->limit, plan->offset, part, err);
    }
    CN_TRY(list_keys(side, part, &keys, err));
    CN_TRY(project_keys(side, plan, &keys, part, err));
    return cni_plan_distinct(&side->env->builder, part->plan, NULL, 0, &part->plan, err);
}

/* ---- SORT, LIMIT, REPEAT, VALUES ---- */

static cn_code
pull_sort(cni_unnest_side *side, const cni_plan *plan, bool keyed, cni_unnest_part **out_part,
          cn_error *err)
{
    cni_unnest_part *part = NULL;
    const cni_plan *node = NULL;
    CN_TRY(cni_unnest_pull(side, plan->children[0], keyed, &part, err));
    *out_part = part;
    if (part->padded) {
        return CN_OK;
    }
    CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, plan, &node, err));
    bool rises = keyed && !cni_unnest_all_keyed(side, part);
    for (int32_t order = 0; order < node->n_orders; order++) {
        rises = rises || must_rise(side, part->pulled.n_items, node->orders[order].expr);
    }
    if (rises) {
        CN_TRY(cni_unnest_attach(side, part, node, NULL, err));
        CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, node, &node, err));
    }
    return cni_plan_sort(&side->env->builder, part->plan, node->orders, node->n_orders, &part->plan,
                         err);
}

static bool
has_keys(const cni_unnest_side *side, const cni_unnest_part *part)
{
    for (int64_t at = 0; at < part->pulled.n_items; at++) {
        if (cni_unnest_key_of(side, part, part->pulled.items[at]).form != CNI_UNNEST_LEFT) {
            return true;
        }
    }
    return false;
}

static cn_code
pull_limit(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part, cn_error *err)
{
    cni_unnest_part *part = NULL;
    CN_TRY(cni_unnest_pull(side, plan->children[0], true, &part, err));
    *out_part = part;
    if (part->padded && plan->limit != 0 && plan->offset == 0) {
        return CN_OK;
    }
    if (part->padded || !cni_unnest_all_keyed(side, part)) {
        CN_TRY(cni_unnest_attach(side, part, NULL, NULL, err));
    }
    part->unique = part->unique || (plan->limit >= 0 && plan->limit <= 1);
    if (plan->limit == 0 || !has_keys(side, part)) {
        return cni_plan_limit(&side->env->builder, part->plan, plan->limit, plan->offset,
                              &part->plan, err);
    }
    const int64_t limit = plan->limit == CNI_NO_LIMIT ? INT64_MAX : plan->limit;
    return distinct_on(side, NULL, 0, limit, plan->offset, part, err);
}

static cn_code
pull_repeat(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part, cn_error *err)
{
    cni_unnest_part *part = NULL;
    const cni_plan *node = NULL;
    CN_TRY(cni_unnest_pull(side, plan->children[0], false, &part, err));
    *out_part = part;
    if (part->padded) {
        CN_TRY(cni_unnest_attach(side, part, plan, NULL, err));
    }
    CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, plan, &node, err));
    if (must_rise(side, part->pulled.n_items, node->exprs[0])) {
        CN_TRY(cni_unnest_attach(side, part, node, NULL, err));
        CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, node, &node, err));
    }
    part->unique = false;
    return cni_plan_repeat(&side->env->builder, part->plan, node->exprs[0], &part->plan, err);
}

/* Rows of different left rows are in different partitions: by the keys as well. */
static cn_code
pull_window(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part, cn_error *err)
{
    cni_unnest_part *part = NULL;
    const cni_plan *node = NULL;
    key_list keys;
    projection made;
    CN_TRY(cni_unnest_pull(side, plan->children[0], false, &part, err));
    *out_part = part;
    if (part->padded) {
        CN_TRY(cni_unnest_attach(side, part, plan, NULL, err));
    }
    CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, plan, &node, err));
    if (!is_free(side, part, node)) {
        CN_TRY(cni_unnest_attach(side, part, node, NULL, err));
        CN_TRY(cni_unnest_map_node(side->env, &part->map, &part->domain, node, &node, err));
    }
    CN_TRY(list_keys(side, part, &keys, err));
    CN_TRY(open_projection(side, (int64_t)node->n_exprs + keys.n, &made, err));
    for (int32_t expr = 0; expr < node->n_exprs + keys.n; expr++) {
        const bool is_key = expr >= node->n_groups && expr < node->n_groups + keys.n;
        made.exprs[expr] = is_key ? keys.exprs[expr - node->n_groups]
                                  : node->exprs[expr < node->n_groups ? expr : expr - keys.n];
    }
    cni_plan window = *node;
    window.exprs = made.exprs;
    window.n_exprs = node->n_exprs + keys.n;
    window.n_groups = node->n_groups + keys.n;
    return cni_plan_window_over(&side->env->builder, &window, part->plan, &part->plan, err);
}

/* Column `column` of VALUES as a CASE over the number of the row. */
static cn_code
choose_row(cni_rule_env *env, const cni_plan *values, int32_t column, const cni_expr *row_number,
           const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    int32_t n = 0;
    CN_TRY(
        cni_arena_alloc_array(env->arena, values->n_rows * 2, (int64_t)sizeof(*args), &args, err));
    for (int64_t row = 0; row < values->n_rows - 1; row++) {
        const cni_value value = {.type = row_number->type, .as.i64 = row};
        const cni_expr *literal = NULL;
        CN_TRY(cni_expr_literal(env->arena, &value, &literal, err));
        CN_TRY(cni_expr_compare(env->arena, CNI_EQ, row_number, literal, &args[n++], err));
        args[n++] = values->exprs[row * values->n_columns + column];
    }
    args[n++] = values->exprs[(values->n_rows - 1) * values->n_columns + column];
    if (n == 1) {
        *out_expr = args[0];
        return CN_OK;
    }
    const cni_expr node = {.kind = CNI_EXPR_CASE,
                           .type = values->columns[column].type,
                           .n_args = n,
                           .args = args,
                           .sql_offset = -1};
    return cni_expr_new(env->arena, &node, out_expr, err);
}

/* VALUES of the rows' numbers; every column is computed above. */
static cn_code
pull_values(cni_unnest_side *side, const cni_plan *plan, cni_unnest_part **out_part, cn_error *err)
{
    cni_rule_env *env = side->env;
    const cni_field field = {.name = CNI_STR("row"), .type = cni_type_of(CNI_TYPE_INT64)};
    const cni_expr **rows = NULL;
    const cni_expr *number = NULL;
    cni_unnest_part *part = NULL;
    CN_TRY(new_part(side, plan, &part, err));
    *out_part = part;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_rows, (int64_t)sizeof(*rows), &rows, err));
    for (int64_t row = 0; row < plan->n_rows; row++) {
        const cni_value value = {.type = field.type, .as.i64 = row};
        CN_TRY(cni_expr_literal(env->arena, &value, &rows[row], err));
    }
    CN_TRY(cni_plan_values(&env->builder, &field, 1, rows, plan->n_rows, &part->plan, err));
    CN_TRY(cni_expr_column(env->arena, part->plan->columns[0].id, field.type, &number, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_expr *expr = NULL;
        CN_TRY(choose_row(env, plan, column, number, &expr, err));
        CN_TRY(cni_unnest_map_put(env, &part->map, plan->columns[column].id, expr, err));
    }
    return CN_OK;
}

/* ---- the way in ---- */

cn_code
cni_unnest_pull(cni_unnest_side *side, const cni_plan *plan, bool keyed, cni_unnest_part **out_part,
                cn_error *err)
{
    if (!cni_unnest_plan_names(&side->ids, plan)) {
        return new_part(side, plan, out_part, err);
    }
    switch (plan->kind) {
    case CNI_PLAN_VALUES:
        return pull_values(side, plan, out_part, err);
    case CNI_PLAN_FILTER:
        return pull_filter(side, plan, keyed, out_part, err);
    case CNI_PLAN_PROJECT:
        return pull_project(side, plan, keyed, out_part, err);
    case CNI_PLAN_AGGREGATE:
        return pull_aggregate(side, plan, out_part, err);
    case CNI_PLAN_DISTINCT:
        return pull_distinct(side, plan, out_part, err);
    case CNI_PLAN_SORT:
        return pull_sort(side, plan, keyed, out_part, err);
    case CNI_PLAN_LIMIT:
        return pull_limit(side, plan, out_part, err);
    case CNI_PLAN_REPEAT:
        return pull_repeat(side, plan, out_part, err);
    case CNI_PLAN_WINDOW:
        return pull_window(side, plan, out_part, err);
    case CNI_PLAN_UNION_ALL:
        return cni_unnest_pull_union(side, plan, out_part, err);
    case CNI_PLAN_JOIN:
        return cni_unnest_pull_join(side, plan, out_part, err);
    case CNI_PLAN_WITH:
        return cni_unnest_pull_with(side, plan, keyed, out_part, err);
    case CNI_PLAN_RECURSIVE:
        return cni_unnest_pull_recursive(side, plan, out_part, err);
    default:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                       "a subquery that refers to the query around it inside an operator of kind "
                       "%d",
                       (int)plan->kind);
    }
}
