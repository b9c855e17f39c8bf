/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule eager_aggregation: a grouping above joins is done below them, in whole or in part. Here: as
 * a whole, where every group is the rows that one left row meets. In two steps: eager_part.c.
 *
 *   GROUP BY l.id: f(r.x) over l JOIN r ON l.k = r.k, l unique on l.id
 *     -> PROJECT over l JOIN (GROUP BY r.k: f(r.x) over r) ON l.k = r.k
 *
 * Each group of the upper grouping is one left row, and its rows are exactly the right rows with
 * that row's key, so any aggregate may be taken below as it is. A left row without a partner makes
 * no group under INNER; under LEFT its group is one row of NULLs: count(x) is 0 there, count(*) 1,
 * sum, min, max, avg NULL; others stay above. The join keys of the right side must be plain columns
 * and all of the predicate, and aggregates may name right columns only and must not raise (the
 * right side has rows that no left row meets).
 *
 * Done where the estimate says that the join gives no fewer rows than the right side has, or
 * nearly: otherwise the join is the better filter.
 */
#include "optimize/rule/eager_aggregation_int.h"

#define KEYS_MAX      16
#define JOIN_FRACTION 0.7 /* of the right side's rows that the join must give */
#define GROUP_FACTOR  1.5 /* right rows per key, at least */

typedef struct pattern {
    const cni_plan *aggregate;
    const cni_plan *join;
    int32_t n_keys;
    const cni_expr *left_keys[KEYS_MAX];
    const cni_expr *right_keys[KEYS_MAX];
} pattern;

static bool
take_key(pattern *self, const cni_expr *conjunct)
{
    if (conjunct->kind != CNI_EXPR_COMPARE || conjunct->op != CNI_EQ || self->n_keys == KEYS_MAX ||
        !cni_expr_is_free(conjunct)) {
        return false;
    }
    for (int32_t side = 0; side < 2; side++) {
        const cni_expr *left = conjunct->args[side];
        const cni_expr *right = conjunct->args[1 - side];
        if (right->kind == CNI_EXPR_COLUMN && cni_type_is_exact(right->type) &&
            cni_plan_find_column(self->join->children[1], right->column_id) != NULL &&
            cni_expr_is_over(left, self->join->children[0])) {
            self->left_keys[self->n_keys] = left;
            self->right_keys[self->n_keys++] = right;
            return true;
        }
    }
    return false;
}

static bool
take_keys(pattern *self, const cni_expr *predicate)
{
    for (int32_t arg = 0; predicate->kind == CNI_EXPR_AND && arg < predicate->n_args; arg++) {
        if (!take_keys(self, predicate->args[arg])) {
            return false;
        }
    }
    return predicate->kind == CNI_EXPR_AND || take_key(self, predicate);
}

/* What it is for a left row without a partner is known. */
static bool
is_understood(const cni_expr *call)
{
    switch (call->function->builtin) {
    case CNI_AGGREGATE_COUNT_STAR:
    case CNI_AGGREGATE_COUNT:
    case CNI_AGGREGATE_SUM:
    case CNI_AGGREGATE_AVG:
    case CNI_AGGREGATE_MIN:
    case CNI_AGGREGATE_MAX:
        return call->call == NULL || (call->call->filter == NULL && call->call->n_orders == 0);
    default:
        return false;
    }
}

/* A sum of at most 19 digits has room for as many rows as there can be; averages have no range.
 * Those of floats would add in another order. */
static bool
call_may_fail(const cni_expr *call)
{
    const cni_type *type = call->n_args == 1 ? call->args[0]->type : call->type;
    const bool is_small = type->id == CNI_TYPE_INT64 || type->id == CNI_TYPE_UINT64 ||
                          (type->id == CNI_TYPE_DECIMAL && type->precision <= 19);
    switch ((cni_aggregate_builtin)call->function->builtin) {
    case CNI_AGGREGATE_SUM:
        return !is_small;
    case CNI_AGGREGATE_AVG:
        return !cni_type_is_exact(type);
    default:
        return call->function->may_error;
    }
}

static bool
calls_fit(const pattern *self)
{
    const cni_plan *plan = self->aggregate;
    for (int32_t column = plan->n_groups; column < plan->n_columns; column++) {
        const cni_expr *call = plan->exprs[column];
        if (!is_understood(call) || cni_expr_is_volatile(call) ||
            !cni_expr_is_over(call, self->join->children[1])) {
            return false;
        }
        for (int32_t arg = 0; arg < call->n_args; arg++) {
            /* a padded row must make the argument NULL: only plain columns surely do */
            if (call->args[arg]->kind != CNI_EXPR_COLUMN) {
                return false;
            }
        }
        if (call_may_fail(call)) {
            return false;
        }
    }
    return plan->n_groups > 0;
}

/* Groups are plain left columns, and the left side is unique on them. */
static bool
groups_fit(const cni_rule_env *env, const pattern *self)
{
    int32_t ids[KEYS_MAX];
    const cni_plan *plan = self->aggregate;
    if (plan->n_groups > KEYS_MAX) {
        return false;
    }
    for (int32_t key = 0; key < plan->n_groups; key++) {
        if (plan->exprs[key]->kind != CNI_EXPR_COLUMN ||
            !cni_expr_is_over(plan->exprs[key], self->join->children[0])) {
            return false;
        }
        ids[key] = plan->exprs[key]->column_id;
    }
    return cni_plan_is_unique_on_proved(env, self->join->children[0], ids, plan->n_groups);
}

static cn_code
is_worth_it(cni_rule_env *env, const pattern *self, bool *out_worth, cn_error *err)
{
    cni_estimator *estimator = NULL;
    cni_plan_estimate joined = {0};
    cni_plan_estimate right = {0};
    double n_keys = 1.0;
    CN_TRY(cni_estimator_new(env->arena, env->context, &estimator, err));
    CN_TRY(cni_estimate_plan(estimator, self->join, &joined, err));
    CN_TRY(cni_estimate_plan(estimator, self->join->children[1], &right, err));
    for (int32_t key = 0; key < self->n_keys; key++) {
        cni_column_estimate column = {0};
        CN_TRY(cni_estimate_column(estimator, self->join->children[1],
                                   self->right_keys[key]->column_id, &column, err));
        n_keys *= column.n_distinct;
    }
    *out_worth = joined.rows >= JOIN_FRACTION * right.rows && right.rows >= GROUP_FACTOR * n_keys;
    return CN_OK;
}

/* ---- the new plan ---- */

static cn_code
group_right(cni_rule_env *env, const pattern *self, const cni_plan **out_grouped, cn_error *err)
{
    const cni_plan *plan = self->aggregate;
    return cni_plan_aggregate(&env->builder, self->join->children[1], self->right_keys,
                              self->n_keys, plan->exprs + plan->n_groups,
                              plan->n_columns - plan->n_groups, out_grouped, err);
}

static cn_code
join_groups(cni_rule_env *env, const pattern *self, const cni_plan *grouped,
            const cni_plan **out_join, cn_error *err)
{
    cni_list equalities = {0};
    const cni_expr *predicate = NULL;
    for (int32_t key = 0; key < self->n_keys; key++) {
        const cni_expr *right = NULL;
        const cni_expr *equality = NULL;
        CN_TRY(cni_expr_column(env->arena, grouped->columns[key].id, grouped->columns[key].type,
                               &right, err));
        CN_TRY(cni_expr_compare(env->arena, CNI_EQ, self->left_keys[key], right, &equality, err));
        CN_TRY(cni_list_push(env->arena, &equalities, equality, err));
    }
    CN_TRY(cni_expr_all_of(env->arena, &equalities, &predicate, err));
    return cni_plan_join(&env->builder, (cni_join_kind)self->join->join_kind,
                         self->join->children[0], grouped, predicate, false, out_join, err);
}

/* The finished aggregate, or what it is without a partner: CASE WHEN c IS NULL THEN n ELSE c END
 * for counts, which are never NULL otherwise. */
static cn_code
or_padding(cni_rule_env *env, const cni_expr *call, const cni_expr *made, const cni_expr **out_expr,
           cn_error *err)
{
    const bool is_star = call->function->builtin == CNI_AGGREGATE_COUNT_STAR;
    *out_expr = made;
    if (!is_star && call->function->builtin != CNI_AGGREGATE_COUNT) {
        return CN_OK;
    }
    const cni_value value = {.type = made->type, .as.i64 = is_star ? 1 : 0};
    const cni_expr *padding = NULL;
    const cni_expr *missing = NULL;
    CN_TRY(cni_expr_literal(env->arena, &value, &padding, err));
    const cni_expr test = {.kind = CNI_EXPR_IS_NULL,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = 1,
                           .args = &made,
                           .sql_offset = -1};
    CN_TRY(cni_expr_new(env->arena, &test, &missing, err));
    const cni_expr *const args[] = {missing, padding, made};
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = made->type, .n_args = 3, .args = args, .sql_offset = -1};
    return cni_expr_new(env->arena, &node, out_expr, err);
}

/* The aggregate's columns over the join of groups. */
static cn_code
project_groups(cni_rule_env *env, const pattern *self, const cni_plan *grouped,
               const cni_plan *join, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *plan = self->aggregate;
    const cni_expr **exprs = NULL;
    CN_TRY(
        cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        exprs[column] = plan->exprs[column];
        if (column >= plan->n_groups) {
            const cni_column *from = &grouped->columns[self->n_keys + column - plan->n_groups];
            const cni_expr *made = NULL;
            CN_TRY(cni_expr_column(env->arena, from->id, from->type, &made, err));
            if (join->join_kind == CNI_JOIN_LEFT) {
                CN_TRY(or_padding(env, plan->exprs[column], made, &exprs[column], err));
            } else {
                exprs[column] = made;
            }
        }
    }
    cni_plan node = *plan;
    node.kind = CNI_PLAN_PROJECT;
    node.n_groups = 0;
    node.exprs = exprs;
    node.children = &join;
    node.estimated_rows = -1.0;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
group_whole(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    bool worth = false;
    pattern self = {.aggregate = plan, .join = plan->children[0]};
    *out_plan = plan;
    if (self.join->kind != CNI_PLAN_JOIN ||
        (self.join->join_kind != CNI_JOIN_INNER && self.join->join_kind != CNI_JOIN_LEFT) ||
        self.join->predicate == NULL || !take_keys(&self, self.join->predicate) ||
        !calls_fit(&self) || !groups_fit(env, &self)) {
        return CN_OK;
    }
    CN_TRY(is_worth_it(env, &self, &worth, err));
    if (!worth) {
        return CN_OK;
    }
    const cni_plan *grouped = NULL;
    const cni_plan *join = NULL;
    CN_TRY(group_right(env, &self, &grouped, err));
    CN_TRY(join_groups(env, &self, grouped, &join, err));
    return project_groups(env, &self, grouped, join, out_plan, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    if (plan->kind != CNI_PLAN_AGGREGATE) {
        return CN_OK;
    }
    CN_TRY(group_whole(env, plan, out_plan, err));
    return *out_plan == plan ? cni_eager_in_two_steps(env, plan, out_plan, err) : CN_OK;
}

cn_code
cni_rule_eager_aggregation(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                           cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
