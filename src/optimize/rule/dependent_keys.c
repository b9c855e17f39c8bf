/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule dependent_keys: keys that other keys determine.
 *
 *   GROUP BY   a key that is proved to follow from the others (constants from none) is not hashed
 *              and compared: it becomes an aggregate that keeps the value of any row
 *   ORDER BY   a key that follows from those before it decides nothing
 *
 * Only plain columns are looked at. What determines what: cni_plan_determines, with columns that a
 * look at all rows of a table proved to be unique.
 */
#include "optimize/property/property.h"

#define KEYS_MAX 64

/* Which keys stay, by position. */
typedef struct key_choice {
    int32_t n_keys;
    bool stays[KEYS_MAX];
} key_choice;

static bool
is_column(const cni_expr *expr)
{
    return expr->kind == CNI_EXPR_COLUMN;
}

/* Whether the staying keys but `but` determine it; only plain columns among them count. Where equal
 * values can differ (-0 and 0), any row's would not do. */
static bool
follows(cni_rule_env *env, const cni_plan *plan, const key_choice *choice, int32_t but)
{
    int32_t ids[KEYS_MAX];
    int32_t n_ids = 0;
    if (!is_column(plan->exprs[but]) || !cni_type_is_exact(plan->exprs[but]->type)) {
        return false;
    }
    for (int32_t key = 0; key < choice->n_keys; key++) {
        if (key != but && choice->stays[key] && is_column(plan->exprs[key])) {
            ids[n_ids++] = plan->exprs[key]->column_id;
        }
    }
    return cni_plan_determines_proved(env, plan->children[0], ids, n_ids,
                                      plan->exprs[but]->column_id);
}

/* A key that determines all the others alone is the best choice. */
static bool
choose_single(cni_rule_env *env, const cni_plan *plan, key_choice *choice)
{
    int32_t ids[KEYS_MAX];
    bool follow[KEYS_MAX];
    for (int32_t key = 0; key < choice->n_keys; key++) {
        if (!is_column(plan->exprs[key]) || !cni_type_is_exact(plan->exprs[key]->type)) {
            return false;
        }
        ids[key] = plan->exprs[key]->column_id;
    }
    for (int32_t only = 0; only < choice->n_keys; only++) {
        bool all = true;
        cni_plan_determines_each(env, plan->children[0], &ids[only], 1, ids, choice->n_keys,
                                 follow);
        for (int32_t key = 0; key < choice->n_keys; key++) {
            choice->stays[key] = key == only;
            all = all && follow[key];
        }
        if (all) {
            return true;
        }
    }
    return false;
}

/* One after the other, strings first: they are the dearest to hash. */
static void
choose_greedily(cni_rule_env *env, const cni_plan *plan, key_choice *choice)
{
    for (int32_t key = 0; key < choice->n_keys; key++) {
        choice->stays[key] = true;
    }
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t key = choice->n_keys - 1; key >= 0; key--) {
            const cni_expr *expr = plan->exprs[key];
            const bool is_text = cni_type_phys(expr->type) == CNI_PHYS_VIEW;
            if (choice->stays[key] && is_text == (pass == 0) && follows(env, plan, choice, key)) {
                choice->stays[key] = false;
            }
        }
    }
}

static cn_code
same_value(cni_rule_env *env, const cni_expr *column, const cni_expr **out_call, cn_error *err)
{
    const cni_type *type = column->type;
    const cni_type *wanted = column->type;
    const cni_value *literal = NULL;
    cni_resolve question = {.arena = env->arena,
                            .n_args = 1,
                            .arg_types = &type,
                            .arg_literals = &literal,
                            .out_arg_types = &wanted};
    CN_TRY(cni_aggregate_same.resolve(&cni_aggregate_same, &question, err));
    const cni_expr node = {.kind = CNI_EXPR_AGGREGATE,
                           .type = column->type,
                           .n_args = 1,
                           .args = &column,
                           .sql_offset = -1,
                           .function = &cni_aggregate_same,
                           .bind_data = question.out_bind_data};
    return cni_expr_new(env->arena, &node, out_call, err);
}

/* Staying keys, then the others as aggregates, then the aggregates. */
static cn_code
regroup(cni_rule_env *env, const cni_plan *plan, const key_choice *choice,
        const cni_plan **out_plan, cn_error *err)
{
    cni_column *columns = NULL;
    const cni_expr **exprs = NULL;
    int32_t n_made = 0;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*columns), &columns,
                                 err));
    CN_TRY(
        cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    cni_plan node = *plan;
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t key = 0; key < plan->n_groups; key++) {
            if (choice->stays[key] != (pass == 0)) {
                continue;
            }
            columns[n_made] = plan->columns[key];
            exprs[n_made] = plan->exprs[key];
            if (pass == 1) {
                columns[n_made].nullable = true;
                CN_TRY(same_value(env, plan->exprs[key], &exprs[n_made], err));
            }
            n_made++;
        }
        node.n_groups = pass == 0 ? n_made : node.n_groups;
    }
    for (int32_t column = plan->n_groups; column < plan->n_columns; column++) {
        columns[n_made] = plan->columns[column];
        exprs[n_made++] = plan->exprs[column];
    }
    node.columns = columns;
    node.exprs = exprs;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

/* Groups without keys would give a row for no input: one key always stays. */
static cn_code
visit_aggregate(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    key_choice choice = {.n_keys = plan->n_groups};
    int32_t n_staying = 0;
    *out_plan = plan;
    if (plan->n_groups < 2 || plan->n_groups > KEYS_MAX) {
        return CN_OK;
    }
    if (!choose_single(env, plan, &choice)) {
        choose_greedily(env, plan, &choice);
    }
    for (int32_t key = 0; key < choice.n_keys; key++) {
        n_staying += choice.stays[key] ? 1 : 0;
    }
    if (n_staying == 0) {
        choice.stays[0] = true;
        n_staying = 1;
    }
    return n_staying == plan->n_groups ? CN_OK : regroup(env, plan, &choice, out_plan, err);
}

static cn_code
visit_sort(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    cni_order *orders = NULL;
    int32_t ids[KEYS_MAX];
    int32_t n_ids = 0;
    int32_t n_orders = 0;
    CN_TRY(
        cni_arena_alloc_array(env->arena, plan->n_orders, (int64_t)sizeof(*orders), &orders, err));
    for (int32_t order = 0; order < plan->n_orders; order++) {
        const cni_expr *expr = plan->orders[order].expr;
        if (is_column(expr) &&
            cni_plan_determines_proved(env, plan->children[0], ids, n_ids, expr->column_id)) {
            continue;
        }
        orders[n_orders++] = plan->orders[order];
        if (is_column(expr) && n_ids < KEYS_MAX) {
            ids[n_ids++] = expr->column_id;
        }
    }
    *out_plan = plan;
    if (n_orders == plan->n_orders) {
        return CN_OK;
    }
    if (n_orders == 0 && plan->kind == CNI_PLAN_SORT) {
        *out_plan = plan->children[0];
        return CN_OK;
    }
    if (n_orders == 0) {
        return cni_plan_limit(&env->builder, plan->children[0], plan->limit, plan->offset, out_plan,
                              err);
    }
    cni_plan node = *plan;
    node.n_orders = n_orders;
    node.orders = orders;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_AGGREGATE:
        return visit_aggregate(env, plan, out_plan, err);
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
        return visit_sort(env, plan, out_plan, err);
    default:
        return CN_OK;
    }
}

cn_code
cni_rule_dependent_keys(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                        cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
