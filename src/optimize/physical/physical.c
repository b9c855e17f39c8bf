/* SPDX-License-Identifier: Apache-2.0
 *
 * The physical planner's entry: pipelines and what holds for a whole one, namely whether it keeps
 * source order and whether it may run over an unbounded source. The plan's nodes are turned into
 * operators in physical_chain.c and physical_sink.c.
 */
#include "optimize/physical/physical_int.h"

#include "data/row/sort_lead.h"

/* ---- pieces ---- */

cn_code
cni_phys_pipe_new(cni_phys_builder *self, cni_phys_pipe **out_pipe, cn_error *err)
{
    return CN_ARENA_NEW(self->arena, out_pipe, err);
}

cni_phys_op *
cni_phys_op_at(const cni_phys_pipe *pipe, int32_t index)
{
    return pipe->ops.items[index];
}

cn_code
cni_phys_add_op(cni_phys_builder *self, cni_phys_pipe *pipe, cni_phys_op_kind kind,
                const cni_plan *plan, int32_t next, int32_t *out_index, cn_error *err)
{
    cni_phys_op *op = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &op, err));
    op->kind = (uint8_t)kind;
    op->plan = plan;
    op->next = next;
    op->limit = CNI_NO_LIMIT;
    op->first_branch = (int32_t)pipe->branches.n_items;
    CN_TRY(cni_list_push(self->arena, &pipe->ops, op, err));
    pipe->has_limit = pipe->has_limit || kind == CNI_PHYS_OP_LIMIT;
    *out_index = (int32_t)pipe->ops.n_items - 1;
    return CN_OK;
}

cn_code
cni_phys_add_branch(cni_phys_builder *self, cni_phys_pipe *pipe, const cni_phys_branch *branch,
                    cn_error *err)
{
    cni_phys_branch *made = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &made, err));
    *made = *branch;
    CN_TRY(cni_list_push(self->arena, &pipe->branches, made, err));
    for (int32_t op = branch->first_op; op >= 0; op = cni_phys_op_at(pipe, op)->next) {
        cni_phys_op_at(pipe, op)->n_branches++;
    }
    return CN_OK;
}

cn_code
cni_phys_finish_pipe(cni_phys_builder *self, cni_phys_pipe *pipe, const cni_plan *plan,
                     cni_phys_goal goal, cn_error *err)
{
    const cni_phys_op *sink = cni_phys_op_at(pipe, 0);
    CN_TRY(cni_list_push(self->arena, &self->pipes, pipe, err));
    const cni_phys_branch branch = {
        .kind = CNI_PHYS_SOURCE_PIPELINE,
        .ordered = sink->kind == CNI_PHYS_OP_SORT || sink->kind == CNI_PHYS_OP_TOP_N,
        .first_op = goal.op,
        .plan = plan,
        .n_columns = sink->n_outputs,
        .types = sink->output_types,
        .pipeline = (int32_t)self->pipes.n_items - 1,
        .estimated_rows = plan->estimated_rows,
    };
    return cni_phys_add_branch(self, goal.pipe, &branch, err);
}

/* ---- wanted columns and layouts ---- */

cn_code
cni_phys_wanted_new(cni_phys_builder *self, const cni_phys_wanted *copy,
                    cni_phys_wanted *out_wanted, cn_error *err)
{
    *out_wanted = (cni_phys_wanted){0};
    CN_TRY(cni_arena_alloc_array(self->arena, self->n_words, 8, &out_wanted->words, err));
    if (copy != NULL) {
        out_wanted->all = copy->all;
        memcpy(out_wanted->words, copy->words, (size_t)self->n_words * 8);
    }
    return CN_OK;
}

static bool
want_columns(void *state, const cni_expr *expr)
{
    cni_phys_wanted *self = state;
    if (expr->kind == CNI_EXPR_COLUMN && expr->column_id >= 0) {
        self->words[expr->column_id >> 6] |= UINT64_C(1) << (expr->column_id & 63);
    }
    return true;
}

void
cni_phys_want_expr(cni_phys_wanted *self, const cni_expr *expr)
{
    cni_expr_walk(expr, want_columns, self);
}

bool
cni_phys_wants(const cni_phys_wanted *self, int32_t column_id)
{
    return self->all ||
           (column_id >= 0 && (self->words[column_id >> 6] & UINT64_C(1) << (column_id & 63)) != 0);
}

cn_code
cni_phys_layout_of(cni_phys_builder *self, const cni_plan *plan, cni_phys_layout *out_layout,
                   cn_error *err)
{
    int32_t *ids = NULL;
    const cni_type **types = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, plan->n_columns, (int64_t)sizeof(*ids), &ids, err));
    CN_TRY(cni_arena_alloc_array(self->arena, plan->n_columns, (int64_t)sizeof(*types),
                                 (void *)&types, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        ids[column] = plan->columns[column].id;
        types[column] = plan->columns[column].type;
    }
    *out_layout = (cni_phys_layout){plan->n_columns, ids, types};
    return CN_OK;
}

int32_t
cni_phys_position(const cni_phys_layout *layout, int32_t column_id)
{
    for (int32_t position = 0; position < layout->n_columns; position++) {
        if (layout->ids[position] == column_id) {
            return position;
        }
    }
    return -1;
}

void
cni_phys_set_inputs(cni_phys_op *op, const cni_phys_layout *layout)
{
    op->n_inputs = layout->n_columns;
    op->input_types = layout->types;
}

static cn_code
refuse_without_operator(const cni_expr *expr, cn_error *err)
{
    if (!cni_expr_has_subquery(expr)) {
        return CN_OK;
    }
    const cn_code code = CN_FAIL(err, CN_NOT_IMPLEMENTED, "subqueries cannot be executed yet");
    cni_error_sqlstate(err, "0A000");
    cni_error_position(err, expr->sql_offset, expr->sql_length);
    return code;
}

cn_code
cni_phys_compile(cni_phys_builder *self, const cni_expr *const *exprs, int32_t n_exprs,
                 const cni_phys_layout *layout, const cni_program **out_program, cn_error *err)
{
    cni_slot *slots = NULL;
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        CN_TRY(refuse_without_operator(exprs[expr], err));
    }
    CN_TRY(cni_arena_alloc_array(self->arena, layout->n_columns, (int64_t)sizeof(*slots), &slots,
                                 err));
    for (int32_t column = 0; column < layout->n_columns; column++) {
        slots[column] = (cni_slot){layout->ids[column], column};
    }
    return cni_program_new(self->arena, exprs, n_exprs, slots, layout->n_columns, out_program, err);
}

/* ---- whole pipelines ---- */

const char *
cni_phys_op_name(cni_phys_op_kind kind)
{
    static const char *const names[CNI_PHYS_OP_COUNT_] = {
        [CNI_PHYS_OP_RESULT] = "Result",
        [CNI_PHYS_OP_AGGREGATE] = "Aggregate",
        [CNI_PHYS_OP_SORT] = "Sort",
        [CNI_PHYS_OP_TOP_N] = "TopN",
        [CNI_PHYS_OP_FILTER] = "Filter",
        [CNI_PHYS_OP_PROJECT] = "Project",
        [CNI_PHYS_OP_LIMIT] = "Limit",
        [CNI_PHYS_OP_JOIN_BUILD] = "JoinBuild",
        [CNI_PHYS_OP_JOIN_PROBE] = "JoinProbe",
        [CNI_PHYS_OP_COLLECT] = "Collect",
        [CNI_PHYS_OP_REPEAT] = "Repeat",
        [CNI_PHYS_OP_WINDOW] = "Window",
        [CNI_PHYS_OP_CUSTOM] = "Custom",
    };
    return kind < CNI_PHYS_OP_COUNT_ ? names[kind] : "?";
}

static bool
sink_needs_order(const cni_phys_op *sink, const cni_context *context)
{
    switch ((cni_phys_op_kind)sink->kind) {
    case CNI_PHYS_OP_AGGREGATE:
        return sink->aggregate->needs_order;
    case CNI_PHYS_OP_JOIN_BUILD:
        return context->settings.reproducible;
    default:
        return true;
    }
}

/* Joins promise no order; where sums of floats must come out the same, they keep it all the same.
 */
static bool
passes_join(const cni_phys_pipe *pipe, const cni_phys_branch *branch)
{
    for (int32_t op = branch->first_op; op >= 0; op = cni_phys_op_at(pipe, op)->next) {
        if (cni_phys_op_at(pipe, op)->kind == CNI_PHYS_OP_JOIN_PROBE) {
            return true;
        }
    }
    return false;
}

/* Whether rows of the branch reach the sink in a promised order. `pipelines`: the earlier ones. */
static bool
is_ordered(const cni_phys_builder *self, const cni_phys_pipe *pipe, cni_phys_branch *branch,
           const cni_phys_pipeline *pipelines)
{
    if (branch->kind == CNI_PHYS_SOURCE_PIPELINE && branch->positions != NULL &&
        branch->n_outer == 0) {
        branch->ordered = pipelines[branch->pipeline].keep_order; /* collected rows */
    }
    return branch->ordered && (self->context->settings.reproducible || !passes_join(pipe, branch));
}

static bool
branch_is_unbounded(const cni_phys_branch *branch)
{
    return branch->kind == CNI_PHYS_SOURCE_TABLE && branch->plan->table->unbounded;
}

/* Branches that give rows whatever happens. */
static int32_t
count_sources(const cni_phys_pipeline *pipeline)
{
    int32_t n_sources = 0;
    for (int32_t branch = 0; branch < pipeline->n_branches; branch++) {
        n_sources += pipeline->branches[branch].spilled_only ? 0 : 1;
    }
    return n_sources;
}

/* What may not stand over a source that never ends: sinks that answer at the end of their input,
 * and branches behind it, which would never be read. */
static cn_code
check_unbounded(const cni_phys_pipeline *pipeline, cn_error *err)
{
    const cni_phys_op *sink = &pipeline->ops[0];
    if (!pipeline->unbounded) {
        return CN_OK;
    }
    if (count_sources(pipeline) > 1) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                       "UNION ALL cannot run over an unbounded source yet");
    }
    if (sink->kind != CNI_PHYS_OP_RESULT) {
        const cni_str table = pipeline->branches[0].plan->table_name;
        return CN_FAIL(
            err, CN_NOT_IMPLEMENTED, "%s cannot run over the unbounded source \"%.*s\" yet",
            cni_phys_op_name((cni_phys_op_kind)sink->kind), (int)table.len_bytes, table.data);
    }
    return CN_OK;
}

int32_t
cni_phys_table_column(const cni_plan *scan, int32_t column_id)
{
    for (int32_t column = 0; column < scan->n_columns; column++) {
        if (scan->columns[column].id == column_id) {
            return scan->table_columns[column];
        }
    }
    return -1;
}

/* Rows that the operator lets through do not depend on those that were dropped before it. */
static bool
passes_boundary(const cni_phys_op *op)
{
    switch ((cni_phys_op_kind)op->kind) {
    case CNI_PHYS_OP_FILTER:
    case CNI_PHYS_OP_PROJECT:
        return true;
    case CNI_PHYS_OP_JOIN_PROBE:
        return op->join->kind == CNI_PHYS_JOIN_INNER ||
               op->join->kind == CNI_PHYS_JOIN_PROBE_OUTER ||
               op->join->kind == CNI_PHYS_JOIN_PROBE_SEMI ||
               op->join->kind == CNI_PHYS_JOIN_PROBE_ANTI || op->join->kind == CNI_PHYS_JOIN_MARK;
    default:
        return false;
    }
}

/* Whether the boundary of a top-N may go to the scan: the rows that come between only pass filters,
 * projections and probes, and its first key is a column of the table. */
static void
find_dynamic(cni_phys_pipeline *pipeline)
{
    const cni_phys_op *sink = &pipeline->ops[0];
    const cni_phys_branch *branch = &pipeline->branches[0];
    if (sink->kind != CNI_PHYS_OP_TOP_N || count_sources(pipeline) != 1 ||
        branch->kind != CNI_PHYS_SOURCE_TABLE || branch->plan->kind != CNI_PLAN_SCAN ||
        branch->plan->limit != CNI_NO_LIMIT) {
        return;
    }
    for (int32_t op = 1; op < pipeline->n_ops; op++) {
        if (!passes_boundary(&pipeline->ops[op])) {
            return;
        }
    }
    const cni_order *order = &sink->plan->orders[0];
    if (sink->plan->kind != CNI_PLAN_TOPN || order->expr->kind != CNI_EXPR_COLUMN) {
        return;
    }
    pipeline->dynamic_column = cni_phys_table_column(branch->plan, order->expr->column_id);
    pipeline->dynamic_key = (cni_sort_spec){.type = order->expr->type,
                                            .descending = order->descending,
                                            .nulls_first = order->nulls_first,
                                            .nullable = sink->sort->orders[0].nullable};
    pipeline->has_dynamic =
        pipeline->dynamic_column >= 0 && cni_sort_has_leads(&pipeline->dynamic_key);
}

static cn_code
freeze_pipe(cni_phys_builder *self, const cni_phys_pipe *pipe, const cni_phys_pipeline *earlier,
            cni_phys_pipeline *out_pipeline, cn_error *err)
{
    const int32_t n_ops = (int32_t)pipe->ops.n_items;
    const int32_t n_branches = (int32_t)pipe->branches.n_items;
    cni_phys_op *ops = NULL;
    cni_phys_branch *branches = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n_ops, (int64_t)sizeof(*ops), &ops, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_branches, (int64_t)sizeof(*branches), &branches, err));
    bool ordered = false;
    bool unbounded = false;
    for (int32_t op = 0; op < n_ops; op++) {
        ops[op] = *cni_phys_op_at(pipe, op);
    }
    for (int32_t branch = 0; branch < n_branches; branch++) {
        memcpy(&branches[branch], pipe->branches.items[branch], sizeof(*branches));
        ordered = is_ordered(self, pipe, &branches[branch], earlier) || ordered;
        unbounded = unbounded || branch_is_unbounded(&branches[branch]);
    }
    const bool keep_order =
        pipe->has_window ||
        (ordered && (pipe->has_limit || sink_needs_order(&ops[0], self->context)));
    for (int32_t branch = 0; branch < n_branches; branch++) {
        branches[branch].request.keep_order = keep_order;
    }
    *out_pipeline = (cni_phys_pipeline){.n_branches = n_branches,
                                        .branches = branches,
                                        .n_ops = n_ops,
                                        .ops = ops,
                                        .keep_order = keep_order,
                                        .unbounded = unbounded};
    find_dynamic(out_pipeline);
    return check_unbounded(out_pipeline, err);
}

static double
add_estimates(double a, double b)
{
    return a < 0.0 || b < 0.0 ? -1.0 : a + b;
}

/* Rows that a source hands out of what no pipeline of the plan holds; < 0 = unknown. */
static double
estimate_source(const cni_phys_branch *source)
{
    switch ((cni_phys_source_kind)source->kind) {
    case CNI_PHYS_SOURCE_PIPELINE:
    case CNI_PHYS_SOURCE_BUILD:
    case CNI_PHYS_SOURCE_WORKING:
        return 0.0;
    case CNI_PHYS_SOURCE_RECURSIVE:
        return add_estimates(source->recursive->base->estimated_rows,
                             source->recursive->step->estimated_rows);
    default:
        return source->estimated_rows;
    }
}

/* Pairs that a join without keys looks at; < 0 = unknown. */
static double
estimate_pairs(const cni_phys_op *op)
{
    if (op->kind != CNI_PHYS_OP_JOIN_PROBE || op->join->n_keys > 0) {
        return 0.0;
    }
    const double build = op->join->estimated_build_rows;
    const double probe = op->join->estimated_probe_rows;
    return build < 0.0 || probe < 0.0 ? -1.0 : build * probe;
}

/* Rows that the tables hand out, as a measure of the work; < 0 when one does not know. */
static double
estimate_rows(const cni_physical_plan *plan)
{
    double rows = 0.0;
    for (int32_t at = 0; at < plan->n_pipelines; at++) {
        const cni_phys_pipeline *pipeline = &plan->pipelines[at];
        for (int32_t branch = 0; branch < pipeline->n_branches; branch++) {
            rows = add_estimates(rows, estimate_source(&pipeline->branches[branch]));
        }
        for (int32_t op = 0; op < pipeline->n_ops; op++) {
            rows = add_estimates(rows, estimate_pairs(&pipeline->ops[op]));
        }
    }
    return rows;
}

static cn_code
freeze(cni_phys_builder *self, const cni_plan *plan, const cni_physical_plan **out_plan,
       cn_error *err)
{
    const int32_t n_pipelines = (int32_t)self->pipes.n_items;
    cni_phys_pipeline *pipelines = NULL;
    cni_physical_plan *made = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &made, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_pipelines, (int64_t)sizeof(*pipelines), &pipelines,
                                 err));
    for (int32_t at = 0; at < n_pipelines; at++) {
        CN_TRY(freeze_pipe(self, self->pipes.items[at], pipelines, &pipelines[at], err));
    }
    *made = (cni_physical_plan){
        .plan = plan,
        .n_pipelines = n_pipelines,
        .pipelines = pipelines,
        .n_columns = plan->n_columns,
        .columns = plan->columns,
        .n_key_filters = (int32_t)self->filter_types.n_items,
        .key_filter_types = (const cni_type *const *)(void *)self->filter_types.items,
        .ordered = pipelines[n_pipelines - 1].keep_order,
    };
    made->estimated_rows = estimate_rows(made);
    *out_plan = made;
    return CN_OK;
}

cn_code
cni_phys_plan_all(cni_phys_builder *self, const cni_plan *plan, const cni_physical_plan **out_plan,
                  cn_error *err)
{
    cni_phys_pipe *pipe = NULL;
    cni_phys_layout layout = {0};
    cni_phys_wanted wanted = {0};
    int32_t result = 0;
    CN_TRY(cni_phys_pipe_new(self, &pipe, err));
    CN_TRY(cni_phys_add_op(self, pipe, CNI_PHYS_OP_RESULT, NULL, -1, &result, err));
    CN_TRY(cni_phys_wanted_new(self, NULL, &wanted, err));
    wanted.all = true;
    CN_TRY(cni_phys_build(self, plan, (cni_phys_goal){pipe, result, &wanted}, &layout, err));
    if (layout.n_columns != plan->n_columns) {
        return CN_FAIL(err, CN_INTERNAL, "a plan delivers %d of its %d columns",
                       (int)layout.n_columns, (int)plan->n_columns);
    }
    cni_phys_op *op = cni_phys_op_at(pipe, result);
    cni_phys_set_inputs(op, &layout);
    op->n_outputs = op->n_inputs;
    op->output_types = op->input_types;
    CN_TRY(cni_list_push(self->arena, &self->pipes, pipe, err));
    return freeze(self, plan, out_plan, err);
}

cn_code
cni_physical_plan_new(cni_arena *arena, const cni_plan *plan, cni_context *context,
                      const cni_physical_plan **out_plan, cn_error *err)
{
    cni_phys_builder builder = {.arena = arena, .context = context};
    builder.n_words = (cni_plan_max_column_id(plan) + 1 + 63) / 64;
    return cni_phys_plan_all(&builder, plan, out_plan, err);
}
