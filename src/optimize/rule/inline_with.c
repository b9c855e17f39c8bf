/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule inline_with: definitions that need not be kept.
 *
 *   read nowhere             the WITH goes
 *   read once                the definition stands where it is read, and filters reach into it;
 *                            not inside the step of a RECURSIVE, which runs many times
 *   cheap                    scans, filters and projections that cannot raise are read again every
 *                            time, unless the table can be read only once
 */
#include "optimize/property/property.h"

typedef struct reading {
    int32_t cte_id;
    int32_t n_readers;
    bool in_step; /* one is inside the step of a RECURSIVE */
} reading;

static void
count_readers(const cni_plan *plan, bool in_step, reading *self)
{
    if (plan->kind == CNI_PLAN_CTE_SCAN && plan->cte_id == self->cte_id) {
        self->n_readers++;
        self->in_step = self->in_step || in_step;
    }
    for (int32_t child = 0; child < plan->n_children; child++) {
        const bool steps = plan->kind == CNI_PLAN_RECURSIVE && child == 1;
        count_readers(plan->children[child], in_step || steps, self);
    }
}

/* Not dearer to compute again than to keep. */
static bool
is_cheap(const cni_plan *plan)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_VALUES:
        return true;
    case CNI_PLAN_SCAN:
        return !plan->table->one_shot && !plan->table->unbounded;
    case CNI_PLAN_FILTER:
        return cni_expr_is_free(plan->predicate) && is_cheap(plan->children[0]);
    case CNI_PLAN_PROJECT:
        for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
            if (!cni_expr_is_free(plan->exprs[expr])) {
                return false;
            }
        }
        return is_cheap(plan->children[0]);
    default:
        return false;
    }
}

/* A definition on its way to its readers. */
typedef struct inlining {
    cni_rule_env *env;
    int32_t cte_id;
    const cni_plan *definition;
    bool copies; /* more than one reader: each gets its own column ids */
} inlining;

/* The definition under the ids of the scan: a projection that only renames. */
static cn_code
stand_in(const inlining *self, const cni_plan *scan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *definition = self->definition;
    const cni_expr **exprs = NULL;
    if (self->copies) {
        CN_TRY(cni_plan_shift_ids(&self->env->builder, self->definition, &definition, err));
    }
    CN_TRY(cni_arena_alloc_array(self->env->arena, scan->n_columns, (int64_t)sizeof(*exprs), &exprs,
                                 err));
    for (int32_t column = 0; column < scan->n_columns; column++) {
        const cni_column *from = &definition->columns[scan->table_columns[column]];
        CN_TRY(cni_expr_column(self->env->arena, from->id, from->type, &exprs[column], err));
    }
    const cni_plan node = {.kind = CNI_PLAN_PROJECT,
                           .n_children = 1,
                           .children = &definition,
                           .n_columns = scan->n_columns,
                           .columns = scan->columns,
                           .n_exprs = scan->n_columns,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0};
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

static cn_code
replace_scans(const inlining *self, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    if (plan->kind == CNI_PLAN_CTE_SCAN && plan->cte_id == self->cte_id) {
        return stand_in(self, plan, out_plan, err);
    }
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(replace_scans(self, plan->children[child], &children[child], err));
    }
    return cni_plan_with_children(&self->env->builder, plan, children, out_plan, err);
}

static cn_code
visit(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    if (plan->kind != CNI_PLAN_WITH) {
        return CN_OK;
    }
    const cni_plan *definition = plan->children[0];
    reading found = {.cte_id = plan->cte_id};
    count_readers(plan->children[1], false, &found);
    const bool once = found.n_readers <= 1 && !found.in_step;
    const bool again = is_cheap(definition) && !cni_plan_is_volatile(definition);
    if (!once && !again) {
        return CN_OK;
    }
    const inlining self = {env, plan->cte_id, definition, found.n_readers > 1};
    return replace_scans(&self, plan->children[1], out_plan, err);
}

cn_code
cni_rule_inline_with(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                     cn_error *err)
{
    return cni_plan_rewrite(env, plan, visit, out_plan, err);
}
