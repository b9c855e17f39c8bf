/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule metadata_aggregate: COUNT(*), COUNT(x), MIN(x), MAX(x) over a whole unfiltered table become
 * a row of literals when the table's exact metadata answers all of them. A table that changes
 * between planning and execution is seen as planned, as with every snapshot.
 */
#include "optimize/rule/rule.h"

/* Position of a column id in the scanned table, -1 when the scan does not give it. */
static int32_t
table_column_of(const cni_plan *scan, int32_t column_id)
{
    for (int32_t column = 0; column < scan->n_columns; column++) {
        if (scan->columns[column].id == column_id) {
            return scan->table_columns[column];
        }
    }
    return -1;
}

static bool
question_of(const cni_expr *call, const cni_plan *scan, cni_metadata_question *out_question)
{
    if (call->call != NULL && (call->call->filter != NULL || call->call->distinct)) {
        return false;
    }
    const uint8_t builtin = call->function->builtin;
    if (builtin == CNI_AGGREGATE_COUNT_STAR) {
        *out_question = (cni_metadata_question){.builtin = builtin, .table_column = -1};
        return true;
    }
    if ((builtin != CNI_AGGREGATE_COUNT && builtin != CNI_AGGREGATE_MIN &&
         builtin != CNI_AGGREGATE_MAX) ||
        call->n_args != 1 || call->args[0]->kind != CNI_EXPR_COLUMN) {
        return false;
    }
    *out_question = (cni_metadata_question){
        .builtin = builtin, .table_column = table_column_of(scan, call->args[0]->column_id)};
    return out_question->table_column >= 0;
}

/* The node below, past projections that only pass columns on. */
static const cni_plan *
skip_passing_projects(const cni_plan *plan)
{
    while (plan->kind == CNI_PLAN_PROJECT) {
        for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
            if (plan->exprs[expr]->kind != CNI_EXPR_COLUMN ||
                plan->exprs[expr]->column_id != plan->columns[expr].id) {
                return plan;
            }
        }
        plan = plan->children[0];
    }
    return plan;
}

static cn_code
make_values(cni_rule_env *env, const cni_plan *aggregate, const cni_value *values,
            const cni_plan **out_plan, cn_error *err)
{
    const cni_expr **exprs = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, aggregate->n_columns, (int64_t)sizeof(*exprs), &exprs,
                                 err));
    for (int32_t column = 0; column < aggregate->n_columns; column++) {
        const cni_expr *literal = NULL;
        CN_TRY(cni_expr_literal(env->arena, &values[column], &literal, err));
        CN_TRY(cni_expr_cast(env->arena, literal, aggregate->columns[column].type, false,
                             &exprs[column], err));
    }
    const cni_plan node = {.kind = CNI_PLAN_VALUES,
                           .n_columns = aggregate->n_columns,
                           .columns = aggregate->columns,
                           .n_rows = 1,
                           .n_exprs = aggregate->n_columns,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT,
                           .estimated_rows = 1,
                           .estimated_cost = -1.0};
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
ask_table(cni_rule_env *env, const cni_plan *aggregate, const cni_plan *scan,
          const cni_plan **out_plan, cn_error *err)
{
    cni_metadata_question *questions = NULL;
    cni_value *values = NULL;
    const int32_t n_questions = aggregate->n_columns;
    CN_TRY(cni_arena_alloc_array(env->arena, n_questions, (int64_t)sizeof(*questions), &questions,
                                 err));
    CN_TRY(cni_arena_alloc_array(env->arena, n_questions, (int64_t)sizeof(*values), &values, err));
    for (int32_t question = 0; question < n_questions; question++) {
        if (!question_of(aggregate->exprs[question], scan, &questions[question])) {
            return CN_OK;
        }
    }
    bool answered = false;
    CN_TRY(scan->table->ops->answer(scan->table, env->arena, questions, n_questions, values,
                                    &answered, err));
    return answered ? make_values(env, aggregate, values, out_plan, err) : CN_OK;
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    if (plan->kind != CNI_PLAN_AGGREGATE || plan->n_groups > 0 || plan->n_columns == 0) {
        return CN_OK;
    }
    const cni_plan *scan = skip_passing_projects(plan->children[0]);
    if (scan->kind != CNI_PLAN_SCAN || scan->n_filters > 0 || scan->limit != CNI_NO_LIMIT ||
        scan->table->ops->answer == NULL) {
        return CN_OK;
    }
    return ask_table(env, plan, scan, out_plan, err);
}

cn_code
cni_rule_metadata_aggregate(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                            cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
