/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that stream: scans, values, filters, projections, limits, unions. A filter passes on only
 * the columns that somebody behind it names; a projection that changes nothing but names costs
 * nothing.
 */
#include "optimize/physical/physical_int.h"

/* The key filters that builds planned so far have for the scan. */
static cn_code
find_key_filters(cni_phys_builder *self, const cni_plan *scan, cni_phys_branch *branch,
                 cn_error *err)
{
    cni_phys_scan_filter *filters = NULL;
    int32_t n_filters = 0;
    for (int64_t at = 0; at < self->targets.n_items; at++) {
        const cni_phys_target *target = self->targets.items[at];
        n_filters += target->scan == scan ? 1 : 0;
    }
    CN_TRY(cni_arena_alloc_array(self->arena, n_filters, (int64_t)sizeof(*filters), &filters, err));
    for (int64_t at = 0; at < self->targets.n_items; at++) {
        const cni_phys_target *target = self->targets.items[at];
        if (target->scan == scan) {
            filters[branch->n_key_filters++] = target->filter;
        }
    }
    branch->key_filters = filters;
    return CN_OK;
}

static cn_code
build_scan(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
           cni_phys_layout *out_layout, cn_error *err)
{
    cni_slot_of_table *slots = NULL;
    cni_phys_layout layout = {0};
    CN_TRY(cni_phys_layout_of(self, plan, &layout, err));
    CN_TRY(cni_arena_alloc_array(self->arena, plan->n_filter_columns, (int64_t)sizeof(*slots),
                                 &slots, err));
    for (int32_t at = 0; at < plan->n_filter_columns; at++) {
        slots[at] =
            (cni_slot_of_table){plan->filter_columns[at].id, plan->filter_table_columns[at]};
    }
    cni_phys_branch branch = {
        .kind = CNI_PHYS_SOURCE_TABLE,
        .ordered = true,
        .first_op = goal.op,
        .plan = plan,
        .n_columns = layout.n_columns,
        .types = layout.types,
        .request = {.n_columns = plan->n_columns,
                    .table_columns = plan->table_columns,
                    .n_filters = plan->n_filters,
                    .filters = plan->filters,
                    .n_filter_slots = plan->n_filter_columns,
                    .filter_slots = slots,
                    .limit = plan->limit},
        .estimated_rows = plan->estimated_rows,
    };
    CN_TRY(find_key_filters(self, plan, &branch, err));
    *out_layout = layout;
    return cni_phys_add_branch(self, goal.pipe, &branch, err);
}

static cn_code
build_values(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
             cni_phys_layout *out_layout, cn_error *err)
{
    cni_phys_layout layout = {0};
    CN_TRY(cni_phys_layout_of(self, plan, &layout, err));
    const cni_phys_branch branch = {
        .kind = CNI_PHYS_SOURCE_VALUES,
        .ordered = true,
        .first_op = goal.op,
        .plan = plan,
        .n_columns = layout.n_columns,
        .types = layout.types,
        .estimated_rows = (double)plan->n_rows,
    };
    *out_layout = layout;
    return cni_phys_add_branch(self, goal.pipe, &branch, err);
}

/* The columns of `in` that `wanted` names: what a filter passes on. */
static cn_code
keep_wanted(cni_phys_builder *self, const cni_phys_layout *in, const cni_phys_wanted *wanted,
            int32_t **out_positions, cni_phys_layout *out_layout, cn_error *err)
{
    int32_t *positions = NULL;
    int32_t *ids = NULL;
    const cni_type **types = NULL;
    const int64_t n = in->n_columns;
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*positions), &positions, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*ids), &ids, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*types), (void *)&types, err));
    int32_t n_kept = 0;
    for (int32_t column = 0; column < in->n_columns; column++) {
        if (cni_phys_wants(wanted, in->ids[column])) {
            positions[n_kept] = column;
            ids[n_kept] = in->ids[column];
            types[n_kept++] = in->types[column];
        }
    }
    *out_positions = positions;
    *out_layout = (cni_phys_layout){n_kept, ids, types};
    return CN_OK;
}

static cn_code
build_filter(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
             cni_phys_layout *out_layout, cn_error *err)
{
    const bool is_and = plan->predicate->kind == CNI_EXPR_AND;
    const cni_expr *const *conjuncts = is_and ? plan->predicate->args : &plan->predicate;
    const int32_t n_conjuncts = is_and ? plan->predicate->n_args : 1;
    cni_phys_wanted below = {0};
    cni_phys_layout in = {0};
    int32_t index = 0;
    CN_TRY(cni_phys_add_op(self, goal.pipe, CNI_PHYS_OP_FILTER, plan, goal.op, &index, err));
    CN_TRY(cni_phys_wanted_new(self, goal.wanted, &below, err));
    cni_phys_want_expr(&below, plan->predicate);
    CN_TRY(cni_phys_build(self, plan->children[0], (cni_phys_goal){goal.pipe, index, &below}, &in,
                          err));
    cni_phys_op *op = cni_phys_op_at(goal.pipe, index);
    int32_t *outputs = NULL;
    CN_TRY(cni_phys_compile(self, conjuncts, n_conjuncts, &in, &op->program, err));
    CN_TRY(keep_wanted(self, &in, goal.wanted, &outputs, out_layout, err));
    cni_phys_set_inputs(op, &in);
    op->outputs = outputs;
    op->n_outputs = out_layout->n_columns;
    op->output_types = out_layout->types;
    return CN_OK;
}

/* Every column of the child in its place and under its id. */
static bool
projects_nothing(const cni_plan *plan)
{
    const cni_plan *child = plan->children[0];
    bool same = plan->n_exprs == child->n_columns;
    for (int32_t column = 0; same && column < plan->n_exprs; column++) {
        const cni_expr *expr = plan->exprs[column];
        same = expr->kind == CNI_EXPR_COLUMN && expr->column_id == child->columns[column].id &&
               expr->column_id == plan->columns[column].id;
    }
    return same;
}

static cn_code
build_project(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
              cni_phys_layout *out_layout, cn_error *err)
{
    if (projects_nothing(plan)) {
        return cni_phys_build(self, plan->children[0], goal, out_layout, err);
    }
    cni_phys_wanted below = {0};
    cni_phys_layout in = {0};
    int32_t index = 0;
    CN_TRY(cni_phys_add_op(self, goal.pipe, CNI_PHYS_OP_PROJECT, plan, goal.op, &index, err));
    CN_TRY(cni_phys_wanted_new(self, NULL, &below, err));
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        cni_phys_want_expr(&below, plan->exprs[expr]);
    }
    CN_TRY(cni_phys_build(self, plan->children[0], (cni_phys_goal){goal.pipe, index, &below}, &in,
                          err));
    cni_phys_op *op = cni_phys_op_at(goal.pipe, index);
    if (plan->n_exprs > 0) {
        CN_TRY(cni_phys_compile(self, plan->exprs, plan->n_exprs, &in, &op->program, err));
    }
    CN_TRY(cni_phys_layout_of(self, plan, out_layout, err));
    cni_phys_set_inputs(op, &in);
    op->n_outputs = out_layout->n_columns;
    op->output_types = out_layout->types;
    return CN_OK;
}

static cn_code
build_limit(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
            cni_phys_layout *out_layout, cn_error *err)
{
    int32_t index = 0;
    CN_TRY(cni_phys_add_op(self, goal.pipe, CNI_PHYS_OP_LIMIT, plan, goal.op, &index, err));
    CN_TRY(cni_phys_build(self, plan->children[0], (cni_phys_goal){goal.pipe, index, goal.wanted},
                          out_layout, err));
    cni_phys_op *op = cni_phys_op_at(goal.pipe, index);
    cni_phys_set_inputs(op, out_layout);
    op->n_outputs = op->n_inputs;
    op->output_types = op->input_types;
    op->limit = plan->limit;
    op->offset = plan->offset;
    return CN_OK;
}

/* Children deliver all their columns, so that positions agree. */
static cn_code
build_union(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
            cni_phys_layout *out_layout, cn_error *err)
{
    cni_phys_wanted below = {0};
    CN_TRY(cni_phys_wanted_new(self, NULL, &below, err));
    below.all = true;
    for (int32_t child = 0; child < plan->n_children; child++) {
        cni_phys_layout in = {0};
        CN_TRY(cni_phys_build(self, plan->children[child],
                              (cni_phys_goal){goal.pipe, goal.op, &below}, &in, err));
        if (in.n_columns != plan->n_columns) {
            return CN_FAIL(err, CN_INTERNAL, "a member of UNION ALL delivers %d of %d columns",
                           (int)in.n_columns, (int)plan->n_columns);
        }
    }
    return cni_phys_layout_of(self, plan, out_layout, err);
}

static CN_COLD cn_code
refuse(const cni_plan *plan, cn_error *err)
{
    static const char *const names[CNI_PLAN_KIND_COUNT_] = {
        [CNI_PLAN_UNNEST] = "UNNEST",
    };
    const char *name = plan->kind < CNI_PLAN_KIND_COUNT_ ? names[plan->kind] : NULL;
    if (name == NULL) {
        return CN_FAIL(err, CN_INTERNAL, "unknown plan node %d", (int)plan->kind);
    }
    const cn_code code = CN_FAIL(err, CN_NOT_IMPLEMENTED, "%s cannot be executed yet", name);
    cni_error_sqlstate(err, "0A000");
    return code;
}

cn_code
cni_phys_build(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
               cni_phys_layout *out_layout, cn_error *err)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_SCAN:
        return build_scan(self, plan, goal, out_layout, err);
    case CNI_PLAN_VALUES:
        return build_values(self, plan, goal, out_layout, err);
    case CNI_PLAN_FILTER:
        return build_filter(self, plan, goal, out_layout, err);
    case CNI_PLAN_PROJECT:
        return build_project(self, plan, goal, out_layout, err);
    case CNI_PLAN_LIMIT:
        return build_limit(self, plan, goal, out_layout, err);
    case CNI_PLAN_UNION_ALL:
        return build_union(self, plan, goal, out_layout, err);
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
        return cni_phys_build_sort(self, plan, goal, out_layout, err);
    case CNI_PLAN_DISTINCT:
        return cni_phys_build_distinct(self, plan, goal, out_layout, err);
    case CNI_PLAN_AGGREGATE:
        return cni_phys_build_aggregate(self, plan, goal, out_layout, err);
    case CNI_PLAN_JOIN:
        return cni_phys_build_join(self, plan, goal, out_layout, err);
    case CNI_PLAN_WITH:
        return cni_phys_build_with(self, plan, goal, out_layout, err);
    case CNI_PLAN_CTE_SCAN:
        return cni_phys_build_cte_scan(self, plan, goal, out_layout, err);
    case CNI_PLAN_RECURSIVE:
        return cni_phys_build_recursive(self, plan, goal, out_layout, err);
    case CNI_PLAN_WINDOW:
        return cni_phys_build_window(self, plan, goal, out_layout, err);
    case CNI_PLAN_REPEAT:
        return cni_phys_build_repeat(self, plan, goal, out_layout, err);
    default:
        return refuse(plan, err);
    }
}
