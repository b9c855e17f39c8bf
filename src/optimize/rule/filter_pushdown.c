/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule filter_pushdown: conjuncts sink through projections, sorts, distincts, UNION ALL, the keys
 * of aggregations and joins (filter_pushdown_join.c) down to the scans, whose tables say what they
 * apply themselves.
 *
 * A conjunct that may raise an error never overtakes one written before it: when an earlier one
 * stays, every later fallible one stays too. Volatile expressions are never moved or copied.
 */
#include "optimize/property/property.h"
#include "optimize/rule/filter_pushdown_int.h"

typedef cni_pending pending;

static cn_code push(cni_rule_env *env, const cni_plan *plan, const pending *wanted,
                    const cni_plan **out_plan, cn_error *err);

static const cni_expr *
conjunct_at(const pending *list, int64_t index)
{
    return list->conjuncts.items[index];
}

/* FILTER over `child` with what stays; the child itself when nothing does. */
static cn_code
keep_above(cni_rule_env *env, const cni_plan *child, const pending *staying,
           const cni_plan **out_plan, cn_error *err)
{
    return cni_plan_filter_all(env, child, &staying->conjuncts, out_plan, err);
}

static cn_code
push_children_plain(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                    cn_error *err)
{
    const pending nothing = {0};
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(push(env, plan->children[child], &nothing, &children[child], err));
    }
    return cni_plan_with_children(&env->builder, plan, children, out_plan, err);
}

static cn_code
push_stopped(cni_rule_env *env, const cni_plan *plan, const pending *wanted,
             const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *rebuilt = NULL;
    CN_TRY(push_children_plain(env, plan, &rebuilt, err));
    return keep_above(env, rebuilt, wanted, out_plan, err);
}

/* How one conjunct looks below a node: NULL = it cannot go there. */
typedef cn_code (*translate)(cni_rule_env *env, const cni_plan *plan, const cni_expr *conjunct,
                             const cni_expr **out_below, cn_error *err);

/* Distribute by `below`; fallible conjuncts stay behind the first one that stays. */
static cn_code
split(cni_rule_env *env, const cni_plan *plan, const pending *wanted, translate below,
      pending *out_sinking, pending *out_staying, cn_error *err)
{
    for (int64_t index = 0; index < wanted->conjuncts.n_items; index++) {
        const cni_expr *conjunct = conjunct_at(wanted, index);
        const cni_expr *translated = NULL;
        const bool held_back =
            (out_staying->conjuncts.n_items > 0 && cni_expr_may_error(conjunct)) ||
            cni_expr_is_volatile(conjunct) || cni_expr_has_subquery(conjunct);
        if (!held_back) {
            CN_TRY(below(env, plan, conjunct, &translated, err));
        }
        if (translated != NULL) {
            CN_TRY(cni_list_push(env->arena, &out_sinking->conjuncts, translated, err));
        } else {
            CN_TRY(cni_list_push(env->arena, &out_staying->conjuncts, conjunct, err));
        }
    }
    return CN_OK;
}

static cn_code
through_one_child(cni_rule_env *env, const cni_plan *plan, const pending *wanted, translate below,
                  const cni_plan **out_plan, cn_error *err)
{
    pending sinking = {0};
    pending staying = {0};
    CN_TRY(split(env, plan, wanted, below, &sinking, &staying, err));
    const cni_plan *child = NULL;
    CN_TRY(push(env, plan->children[0], &sinking, &child, err));
    const cni_plan *rebuilt = NULL;
    CN_TRY(cni_plan_with_children(&env->builder, plan, &child, &rebuilt, err));
    return keep_above(env, rebuilt, &staying, out_plan, err);
}

static cn_code
below_unchanged(cni_rule_env *env, const cni_plan *plan, const cni_expr *conjunct,
                const cni_expr **out_below, cn_error *err)
{
    (void)env;
    (void)plan;
    (void)err;
    *out_below = conjunct;
    return CN_OK;
}

static cn_code
below_project(cni_rule_env *env, const cni_plan *plan, const cni_expr *conjunct,
              const cni_expr **out_below, cn_error *err)
{
    const cni_expr *translated = NULL;
    CN_TRY(cni_expr_through_project(env, plan, conjunct, &translated, err));
    *out_below = cni_expr_is_volatile(translated) ? NULL : translated;
    return CN_OK;
}

/* Only what names nothing but group keys; a global aggregation gives its row whatever the input. */
static cn_code
below_aggregate(cni_rule_env *env, const cni_plan *plan, const cni_expr *conjunct,
                const cni_expr **out_below, cn_error *err)
{
    cni_id_set used = {0};
    CN_TRY(cni_id_set_add_expr(env->arena, &used, conjunct, err));
    *out_below = NULL;
    bool uses_key = false;
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const bool is_used = cni_id_set_has(&used, plan->columns[column].id);
        if (is_used && column >= plan->n_groups) {
            return CN_OK;
        }
        uses_key = uses_key || is_used;
    }
    return uses_key ? below_project(env, plan, conjunct, out_below, err) : CN_OK;
}

/* Every member gets the conjunct over its own columns. */
static cn_code
push_union(cni_rule_env *env, const cni_plan *plan, const pending *wanted,
           const cni_plan **out_plan, cn_error *err)
{
    pending sinking = {0};
    pending staying = {0};
    CN_TRY(split(env, plan, wanted, below_unchanged, &sinking, &staying, err));
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        const cni_plan *member = plan->children[child];
        const cni_expr **columns = NULL;
        CN_TRY(cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*columns),
                                     &columns, err));
        for (int32_t column = 0; column < plan->n_columns; column++) {
            CN_TRY(cni_expr_column(env->arena, member->columns[column].id,
                                   member->columns[column].type, &columns[column], err));
        }
        const cni_plan mapping = {
            .n_columns = plan->n_columns, .columns = plan->columns, .exprs = columns};
        pending mine = {0};
        for (int64_t index = 0; index < sinking.conjuncts.n_items; index++) {
            const cni_expr *translated = NULL;
            CN_TRY(cni_expr_through_project(env, &mapping, conjunct_at(&sinking, index),
                                            &translated, err));
            CN_TRY(cni_list_push(env->arena, &mine.conjuncts, translated, err));
        }
        CN_TRY(push(env, member, &mine, &children[child], err));
    }
    const cni_plan *rebuilt = NULL;
    CN_TRY(cni_plan_with_children(&env->builder, plan, children, &rebuilt, err));
    return keep_above(env, rebuilt, &staying, out_plan, err);
}

static cn_code
scan_slots(cni_rule_env *env, const cni_plan *scan, cni_slot_of_table **out_slots, cn_error *err)
{
    CN_TRY(cni_arena_alloc_array(env->arena, scan->n_columns, (int64_t)sizeof(**out_slots),
                                 out_slots, err));
    for (int32_t column = 0; column < scan->n_columns; column++) {
        (*out_slots)[column] = (cni_slot_of_table){.column_id = scan->columns[column].id,
                                                   .table_column = scan->table_columns[column]};
    }
    return CN_OK;
}

/* The columns that filters may name: those of before, and the scan's own. */
static cn_code
set_filter_columns(cni_rule_env *env, const cni_plan *scan, cni_plan *node, cn_error *err)
{
    const int32_t n_max = scan->n_filter_columns + scan->n_columns;
    cni_column *columns = NULL;
    int32_t *positions = NULL;
    int32_t n_columns = scan->n_filter_columns;
    CN_TRY(cni_arena_alloc_array(env->arena, n_max, (int64_t)sizeof(*columns), &columns, err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_max, (int64_t)sizeof(*positions), &positions, err));
    for (int32_t column = 0; column < n_columns; column++) {
        columns[column] = scan->filter_columns[column];
        positions[column] = scan->filter_table_columns[column];
    }
    for (int32_t column = 0; column < scan->n_columns; column++) {
        int32_t known = 0;
        while (known < scan->n_filter_columns && columns[known].id != scan->columns[column].id) {
            known++;
        }
        if (known == scan->n_filter_columns) {
            columns[n_columns] = scan->columns[column];
            positions[n_columns++] = scan->table_columns[column];
        }
    }
    node->n_filter_columns = n_columns;
    node->filter_columns = columns;
    node->filter_table_columns = positions;
    return CN_OK;
}

static cn_code
scan_with_filters(cni_rule_env *env, const cni_plan *scan, const pending *taken,
                  const cni_plan **out_plan, cn_error *err)
{
    *out_plan = scan;
    if (taken->conjuncts.n_items == 0) {
        return CN_OK;
    }
    const cni_expr **filters = NULL;
    const int32_t n_filters = scan->n_filters + (int32_t)taken->conjuncts.n_items;
    CN_TRY(cni_arena_alloc_array(env->arena, n_filters, (int64_t)sizeof(*filters), &filters, err));
    for (int32_t filter = 0; filter < n_filters; filter++) {
        filters[filter] = filter < scan->n_filters ? scan->filters[filter]
                                                   : conjunct_at(taken, filter - scan->n_filters);
    }
    cni_plan node = *scan;
    node.n_filters = n_filters;
    node.filters = filters;
    CN_TRY(set_filter_columns(env, scan, &node, err));
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static bool
has_filter(const cni_plan *scan, const cni_expr *conjunct)
{
    for (int32_t filter = 0; filter < scan->n_filters; filter++) {
        if (cni_expr_equal(scan->filters[filter], conjunct)) {
            return true;
        }
    }
    return false;
}

static cn_code
push_scan(cni_rule_env *env, const cni_plan *scan, const pending *wanted, const cni_plan **out_plan,
          cn_error *err)
{
    if (scan->table->ops->supports_filter == NULL || scan->limit != CNI_NO_LIMIT) {
        return keep_above(env, scan, wanted, out_plan, err);
    }
    cni_slot_of_table *slots = NULL;
    CN_TRY(scan_slots(env, scan, &slots, err));
    pending taken = {0};
    pending staying = {0};
    for (int64_t index = 0; index < wanted->conjuncts.n_items; index++) {
        const cni_expr *conjunct = conjunct_at(wanted, index);
        const bool held_back = (staying.conjuncts.n_items > 0 && cni_expr_may_error(conjunct)) ||
                               cni_expr_is_volatile(conjunct) || cni_expr_has_subquery(conjunct);
        const cni_filter_answer answer =
            held_back
                ? CNI_FILTER_UNSUPPORTED
                : scan->table->ops->supports_filter(scan->table, conjunct, slots, scan->n_columns);
        if (answer != CNI_FILTER_UNSUPPORTED && !has_filter(scan, conjunct)) {
            CN_TRY(cni_list_push(env->arena, &taken.conjuncts, conjunct, err));
        }
        if (answer != CNI_FILTER_EXACT) {
            CN_TRY(cni_list_push(env->arena, &staying.conjuncts, conjunct, err));
        }
    }
    const cni_plan *filtered = NULL;
    CN_TRY(scan_with_filters(env, scan, &taken, &filtered, err));
    return keep_above(env, filtered, &staying, out_plan, err);
}

/* REPEAT may drop rows: only what cannot raise goes below. */
static cn_code
below_repeat(cni_rule_env *env, const cni_plan *plan, const cni_expr *conjunct,
             const cni_expr **out_below, cn_error *err)
{
    (void)env;
    (void)plan;
    (void)err;
    *out_below = cni_expr_is_free(conjunct) ? conjunct : NULL;
    return CN_OK;
}

/* What names nothing but keys holds for all rows of a key or for none. */
static cn_code
below_keys(cni_rule_env *env, const cni_plan *plan, int32_t n_keys, const cni_expr *conjunct,
           const cni_expr **out_below, cn_error *err)
{
    cni_id_set used = {0};
    cni_id_set keys = {0};
    *out_below = NULL;
    CN_TRY(cni_id_set_add_expr(env->arena, &used, conjunct, err));
    for (int32_t key = 0; key < n_keys; key++) {
        if (plan->exprs[key]->kind == CNI_EXPR_COLUMN &&
            cni_type_is_exact(plan->exprs[key]->type)) {
            CN_TRY(cni_id_set_add(env->arena, &keys, plan->exprs[key]->column_id, err));
        }
    }
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const int32_t id = plan->columns[column].id;
        if (cni_id_set_has(&used, id) && !cni_id_set_has(&keys, id)) {
            return CN_OK;
        }
    }
    *out_below = conjunct;
    return CN_OK;
}

static cn_code
below_distinct_on(cni_rule_env *env, const cni_plan *plan, const cni_expr *conjunct,
                  const cni_expr **out_below, cn_error *err)
{
    return below_keys(env, plan, plan->n_exprs, conjunct, out_below, err);
}

/* Rows of other partitions do not count. */
static cn_code
below_window(cni_rule_env *env, const cni_plan *plan, const cni_expr *conjunct,
             const cni_expr **out_below, cn_error *err)
{
    return below_keys(env, plan, plan->n_groups, conjunct, out_below, err);
}

static cn_code
push_with(cni_rule_env *env, const cni_plan *plan, const pending *wanted, const cni_plan **out_plan,
          cn_error *err)
{
    const pending nothing = {0};
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, 2, (int64_t)sizeof(*children), &children, err));
    CN_TRY(push(env, plan->children[0], &nothing, &children[0], err));
    CN_TRY(push(env, plan->children[1], wanted, &children[1], err));
    return cni_plan_with_children(&env->builder, plan, children, out_plan, err);
}

static cn_code
push_filter(cni_rule_env *env, const cni_plan *plan, const pending *wanted,
            const cni_plan **out_plan, cn_error *err)
{
    pending all = {0};
    CN_TRY(cni_expr_conjuncts(env->arena, plan->predicate, &all.conjuncts, err));
    for (int64_t index = 0; index < wanted->conjuncts.n_items; index++) {
        CN_TRY(cni_pending_add(env, &all, conjunct_at(wanted, index), err));
    }
    return push(env, plan->children[0], &all, out_plan, err);
}

static cn_code
push(cni_rule_env *env, const cni_plan *plan, const pending *wanted, const cni_plan **out_plan,
     cn_error *err)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_FILTER:
        return push_filter(env, plan, wanted, out_plan, err);
    case CNI_PLAN_PROJECT:
        return through_one_child(env, plan, wanted, below_project, out_plan, err);
    case CNI_PLAN_AGGREGATE:
        return through_one_child(env, plan, wanted, below_aggregate, out_plan, err);
    case CNI_PLAN_SORT:
        return through_one_child(env, plan, wanted, below_unchanged, out_plan, err);
    case CNI_PLAN_DISTINCT:
        return through_one_child(env, plan, wanted,
                                 plan->n_exprs == 0 ? below_unchanged : below_distinct_on, out_plan,
                                 err);
    case CNI_PLAN_REPEAT:
        return through_one_child(env, plan, wanted, below_repeat, out_plan, err);
    case CNI_PLAN_WINDOW:
        return through_one_child(env, plan, wanted, below_window, out_plan, err);
    case CNI_PLAN_JOIN:
        return cni_filter_push_join(env, plan, wanted, out_plan, err);
    case CNI_PLAN_WITH:
        return push_with(env, plan, wanted, out_plan, err);
    case CNI_PLAN_UNION_ALL:
        return push_union(env, plan, wanted, out_plan, err);
    case CNI_PLAN_SCAN:
        return push_scan(env, plan, wanted, out_plan, err);
    default:
        return push_stopped(env, plan, wanted, out_plan, err);
    }
}

cn_code
cni_filter_push(cni_rule_env *env, const cni_plan *plan, const cni_pending *wanted,
                const cni_plan **out_plan, cn_error *err)
{
    return push(env, plan, wanted, out_plan, err);
}

cn_code
cni_rule_filter_pushdown(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                         cn_error *err)
{
    const pending nothing = {0};
    return push(env, plan, &nothing, out_plan, err);
}
