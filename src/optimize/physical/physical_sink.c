/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that end a pipeline: SORT, TOPN, DISTINCT, AGGREGATE. What they compute with is gathered in
 * a list of distinct expressions; when all are plain columns the sink reads them where they lie,
 * otherwise one projection before the sink computes them.
 */
#include "optimize/physical/physical_int.h"

/* ---- inputs of a sink ---- */

/* Distinct expressions, and after bind_inputs where each lies in the sink's input chunks. */
typedef struct sink_inputs {
    cni_list exprs; /* of const cni_expr */
    bool computed;  /* some are not plain columns */
    int32_t *positions;
    int32_t n_columns;
    const cni_type *const *types;
} sink_inputs;

/* *out_index = index of the expression in the list, added when new. */
static cn_code
add_input(cni_phys_builder *self, sink_inputs *inputs, const cni_expr *expr, int32_t *out_index,
          cn_error *err)
{
    const bool may_share = !cni_expr_is_volatile(expr);
    for (int64_t at = 0; may_share && at < inputs->exprs.n_items; at++) {
        if (cni_expr_equal(inputs->exprs.items[at], expr)) {
            *out_index = (int32_t)at;
            return CN_OK;
        }
    }
    inputs->computed = inputs->computed || expr->kind != CNI_EXPR_COLUMN;
    *out_index = (int32_t)inputs->exprs.n_items;
    return cni_list_push(self->arena, &inputs->exprs, expr, err);
}

static const cni_expr *
input_at(const sink_inputs *inputs, int64_t index)
{
    return inputs->exprs.items[index];
}

/* The sink reads the child's columns where they lie. */
static cn_code
bind_in_place(cni_phys_builder *self, sink_inputs *inputs, const cni_plan *child,
              cni_phys_goal below, cn_error *err)
{
    cni_phys_layout layout = {0};
    CN_TRY(cni_phys_build(self, child, below, &layout, err));
    for (int64_t at = 0; at < inputs->exprs.n_items; at++) {
        const int32_t id = input_at(inputs, at)->column_id;
        inputs->positions[at] = cni_phys_position(&layout, id);
        if (inputs->positions[at] < 0) {
            return CN_FAIL(err, CN_INTERNAL, "column #%d is not below its use", (int)id);
        }
    }
    inputs->n_columns = layout.n_columns;
    inputs->types = layout.types;
    return CN_OK;
}

/* A projection computes exactly the inputs, in their order. */
static cn_code
bind_projected(cni_phys_builder *self, sink_inputs *inputs, const cni_plan *child,
               cni_phys_goal below, cn_error *err)
{
    const int32_t n = (int32_t)inputs->exprs.n_items;
    const cni_expr **exprs = NULL;
    const cni_type **types = NULL;
    cni_phys_layout layout = {0};
    int32_t index = 0;
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*exprs), (void *)&exprs, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*types), (void *)&types, err));
    CN_TRY(cni_phys_add_op(self, below.pipe, CNI_PHYS_OP_PROJECT, NULL, below.op, &index, err));
    below.op = index;
    CN_TRY(cni_phys_build(self, child, below, &layout, err));
    for (int32_t at = 0; at < n; at++) {
        exprs[at] = input_at(inputs, at);
        types[at] = exprs[at]->type;
        inputs->positions[at] = at;
    }
    cni_phys_op *op = cni_phys_op_at(below.pipe, index);
    CN_TRY(cni_phys_compile(self, exprs, n, &layout, &op->program, err));
    cni_phys_set_inputs(op, &layout);
    op->n_outputs = n;
    op->output_types = types;
    inputs->n_columns = n;
    inputs->types = types;
    return CN_OK;
}

static cn_code
bind_inputs(cni_phys_builder *self, sink_inputs *inputs, const cni_plan *child, cni_phys_pipe *pipe,
            cn_error *err)
{
    cni_phys_wanted wanted = {0};
    CN_TRY(cni_phys_wanted_new(self, NULL, &wanted, err));
    CN_TRY(cni_arena_alloc_array(self->arena, inputs->exprs.n_items,
                                 (int64_t)sizeof(*inputs->positions), &inputs->positions, err));
    for (int64_t at = 0; at < inputs->exprs.n_items; at++) {
        cni_phys_want_expr(&wanted, input_at(inputs, at));
    }
    const cni_phys_goal below = {pipe, 0, &wanted};
    return inputs->computed ? bind_projected(self, inputs, child, below, err)
                            : bind_in_place(self, inputs, child, below, err);
}

cn_code
cni_phys_new_sink(cni_phys_builder *self, cni_phys_op_kind kind, const cni_plan *plan,
                  cni_phys_pipe **out_pipe, cn_error *err)
{
    int32_t index = 0;
    CN_TRY(cni_phys_pipe_new(self, out_pipe, err));
    return cni_phys_add_op(self, *out_pipe, kind, plan, -1, &index, err);
}

/* ---- sorts ---- */

/* Rows of a sort: the columns that the child delivers, then keys that are not among them. */
typedef struct sort_build {
    const cni_plan *plan;
    cni_phys_pipe *pipe;
    const cni_order *orders;
    int32_t n_orders;
    cni_phys_layout in;
    cni_phys_sort *spec;
} sort_build;

static bool
has_computed_keys(const sort_build *build)
{
    for (int32_t order = 0; order < build->n_orders; order++) {
        if (build->orders[order].expr->kind != CNI_EXPR_COLUMN) {
            return true;
        }
    }
    return false;
}

/* Fill the spec's positions; computed keys get the places behind the child's columns, and are put
 * into `exprs` there. */
static cn_code
place_keys(cni_phys_builder *self, sort_build *build, const cni_expr **exprs, cn_error *err)
{
    int32_t n_columns = build->in.n_columns;
    cni_phys_order *placed = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, build->n_orders, (int64_t)sizeof(*placed), &placed,
                                 err));
    for (int32_t order = 0; order < build->n_orders; order++) {
        const cni_order *asked = &build->orders[order];
        int32_t position = n_columns;
        if (asked->expr->kind == CNI_EXPR_COLUMN) {
            position = cni_phys_position(&build->in, asked->expr->column_id);
        } else {
            exprs[n_columns++] = asked->expr;
        }
        if (position < 0) {
            return CN_FAIL(err, CN_INTERNAL, "sort key #%d is not below its use",
                           (int)asked->expr->column_id);
        }
        placed[order] = (cni_phys_order){position, asked->descending, asked->nulls_first, true};
    }
    build->spec->n_inputs = n_columns;
    build->spec->n_orders = build->n_orders;
    build->spec->orders = placed;
    return CN_OK;
}

/* The projection that adds computed keys. */
static cn_code
project_keys(cni_phys_builder *self, sort_build *build, int32_t project, cn_error *err)
{
    const int64_t n_most = (int64_t)build->in.n_columns + build->n_orders;
    const cni_expr **exprs = NULL;
    const cni_type **types = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*exprs), (void *)&exprs, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*types), (void *)&types, err));
    for (int32_t column = 0; column < build->in.n_columns; column++) {
        CN_TRY(cni_expr_column(self->arena, build->in.ids[column], build->in.types[column],
                               &exprs[column], err));
    }
    CN_TRY(place_keys(self, build, exprs, err));
    const int32_t n_inputs = build->spec->n_inputs;
    for (int32_t column = 0; column < n_inputs; column++) {
        types[column] = exprs[column]->type;
    }
    build->spec->input_types = types;
    if (project < 0) {
        return CN_OK;
    }
    cni_phys_op *op = cni_phys_op_at(build->pipe, project);
    cni_phys_set_inputs(op, &build->in);
    op->n_outputs = n_inputs;
    op->output_types = types;
    return cni_phys_compile(self, exprs, n_inputs, &build->in, &op->program, err);
}

static cn_code
build_sorted(cni_phys_builder *self, sort_build *build, cni_phys_goal goal,
             cni_phys_layout *out_layout, cn_error *err)
{
    cni_phys_wanted wanted = {0};
    int32_t project = -1;
    if (has_computed_keys(build)) {
        CN_TRY(cni_phys_add_op(self, build->pipe, CNI_PHYS_OP_PROJECT, NULL, 0, &project, err));
    }
    CN_TRY(cni_phys_wanted_new(self, goal.wanted, &wanted, err));
    for (int32_t order = 0; order < build->n_orders; order++) {
        cni_phys_want_expr(&wanted, build->orders[order].expr);
    }
    const cni_phys_goal below = {build->pipe, project < 0 ? 0 : project, &wanted};
    CN_TRY(cni_phys_build(self, build->plan->children[0], below, &build->in, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &build->spec, err));
    CN_TRY(project_keys(self, build, project, err));
    cni_phys_sort *spec = build->spec;
    spec->n_outputs = build->in.n_columns;
    spec->limit = build->plan->kind == CNI_PLAN_SORT ? CNI_NO_LIMIT : build->plan->limit;
    spec->offset = build->plan->kind == CNI_PLAN_SORT ? 0 : build->plan->offset;
    spec->first_per_key = build->plan->kind == CNI_PLAN_DISTINCT;
    cni_phys_op *sink = cni_phys_op_at(build->pipe, 0);
    sink->n_inputs = spec->n_inputs;
    sink->input_types = spec->input_types;
    sink->n_outputs = spec->n_outputs;
    sink->output_types = build->in.types;
    sink->sort = spec;
    *out_layout = build->in;
    return cni_phys_finish_pipe(self, build->pipe, build->plan, goal, err);
}

cn_code
cni_phys_build_sort(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                    cni_phys_layout *out_layout, cn_error *err)
{
    const bool top_n = plan->kind == CNI_PLAN_TOPN && plan->limit != CNI_NO_LIMIT;
    sort_build build = {.plan = plan, .orders = plan->orders, .n_orders = plan->n_orders};
    CN_TRY(cni_phys_new_sink(self, top_n ? CNI_PHYS_OP_TOP_N : CNI_PHYS_OP_SORT, plan, &build.pipe,
                             err));
    return build_sorted(self, &build, goal, out_layout, err);
}

/* ---- distinct ---- */

/* DISTINCT ON: sorted by the keys, the first row of each. */
static cn_code
build_distinct_on(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                  cni_phys_layout *out_layout, cn_error *err)
{
    cni_order *orders = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->arena, plan->n_exprs, (int64_t)sizeof(*orders), &orders, err));
    for (int32_t key = 0; key < plan->n_exprs; key++) {
        orders[key] = (cni_order){.expr = plan->exprs[key]};
    }
    sort_build build = {.plan = plan, .orders = orders, .n_orders = plan->n_exprs};
    CN_TRY(cni_phys_new_sink(self, CNI_PHYS_OP_SORT, plan, &build.pipe, err));
    return build_sorted(self, &build, goal, out_layout, err);
}

/* ---- aggregates ---- */

static cni_bounds
bounds_of_stats(const cni_column_stats *stats)
{
    const cni_value *low = &stats->low;
    const cni_value *high = &stats->high;
    if (stats->bounds_mark != CNI_STAT_PROVED || low->type == NULL || low->is_null ||
        high->is_null) {
        return (cni_bounds){0};
    }
    switch (cni_type_phys(low->type)) {
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
        return (cni_bounds){true, low->as.i64, high->as.i64};
    default:
        return (cni_bounds){0};
    }
}

/* The child that makes the column, or NULL. */
static const cni_plan *
child_of_column(const cni_plan *plan, int32_t column_id)
{
    for (int32_t child = 0; child < plan->n_children; child++) {
        if (cni_plan_find_column(plan->children[child], column_id) != NULL) {
            return plan->children[child];
        }
    }
    return NULL;
}

/* The scan that the column comes from unchanged, and its position in the table; NULL when computed.
 */
static const cni_plan *
scan_of_column(const cni_plan *plan, int32_t column_id, int32_t *out_table_column)
{
    const cni_plan *below = child_of_column(plan, column_id);
    while (below != NULL) {
        plan = below;
        below = child_of_column(plan, column_id);
    }
    *out_table_column = plan->kind == CNI_PLAN_SCAN ? cni_phys_table_column(plan, column_id) : -1;
    return *out_table_column < 0 ? NULL : plan;
}

cn_code
cni_phys_proved_bounds(cni_phys_builder *self, const cni_plan *child, const cni_expr *key,
                       cni_bounds *out_bounds, cn_error *err)
{
    cni_table_stats stats = {0};
    int32_t table_column = 0;
    const cni_plan *scan =
        key->kind == CNI_EXPR_COLUMN ? scan_of_column(child, key->column_id, &table_column) : NULL;
    if (scan == NULL || scan->table->ops->statistics == NULL) {
        return CN_OK;
    }
    CN_TRY(scan->table->ops->statistics(scan->table, self->arena, &stats, err));
    if (table_column < stats.n_columns) {
        *out_bounds = bounds_of_stats(&stats.columns[table_column]);
    }
    return CN_OK;
}

/* `arg` where `filter` holds, NULL elsewhere: rows that do not count must not raise. */
static cn_code
guard(cni_phys_builder *self, const cni_expr *arg, const cni_expr *filter,
      const cni_expr **out_expr, cn_error *err)
{
    const cni_value null = {.type = arg->type, .is_null = true};
    const cni_expr *otherwise = NULL;
    *out_expr = arg;
    if (filter == NULL || !cni_expr_may_error(arg)) {
        return CN_OK;
    }
    CN_TRY(cni_expr_literal(self->arena, &null, &otherwise, err));
    const cni_expr *const args[] = {filter, arg, otherwise};
    cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = arg->type, .n_args = 3, .args = args, .sql_offset = -1};
    return cni_expr_new(self->arena, &node, out_expr, err);
}

static cn_code
add_call_orders(cni_phys_builder *self, sink_inputs *inputs, const cni_call_clauses *clauses,
                cni_phys_call *call, cn_error *err)
{
    cni_phys_order *orders = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, clauses->n_orders, (int64_t)sizeof(*orders), &orders,
                                 err));
    for (int32_t order = 0; order < clauses->n_orders; order++) {
        const cni_order *asked = &clauses->orders[order];
        const cni_expr *expr = NULL;
        CN_TRY(guard(self, asked->expr, clauses->filter, &expr, err));
        orders[order] = (cni_phys_order){0, asked->descending, asked->nulls_first, true};
        CN_TRY(add_input(self, inputs, expr, &orders[order].position, err));
    }
    call->n_orders = clauses->n_orders;
    call->orders = orders;
    return CN_OK;
}

/* Positions are indexes into `inputs` until bind_call. */
static cn_code
add_call(cni_phys_builder *self, sink_inputs *inputs, const cni_expr *expr, cni_phys_call *call,
         cn_error *err)
{
    const cni_call_clauses none = {0};
    const cni_call_clauses *clauses = expr->call == NULL ? &none : expr->call;
    int32_t *args = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, expr->n_args, (int64_t)sizeof(*args), &args, err));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        const cni_expr *guarded = NULL;
        CN_TRY(guard(self, expr->args[arg], clauses->filter, &guarded, err));
        CN_TRY(add_input(self, inputs, guarded, &args[arg], err));
    }
    *call = (cni_phys_call){
        .function = expr->function,
        .bind_data = expr->bind_data,
        .type = expr->type,
        .n_args = expr->n_args,
        .args = args,
        .filter = -1,
        .distinct = clauses->distinct && !expr->function->ignores_distinct,
        .ignore_nulls = clauses->ignore_nulls,
    };
    if (clauses->filter != NULL) {
        CN_TRY(add_input(self, inputs, clauses->filter, &call->filter, err));
    }
    return add_call_orders(self, inputs, clauses, call, err);
}

/* Indexes become positions. */
static cn_code
bind_call(cni_phys_builder *self, const sink_inputs *inputs, cni_phys_call *call, cn_error *err)
{
    int32_t *args = NULL;
    cni_phys_order *orders = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, call->n_args, (int64_t)sizeof(*args), &args, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, call->n_orders, (int64_t)sizeof(*orders), &orders, err));
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        args[arg] = inputs->positions[call->args[arg]];
    }
    for (int32_t order = 0; order < call->n_orders; order++) {
        orders[order] = call->orders[order];
        orders[order].position = inputs->positions[call->orders[order].position];
    }
    call->args = args;
    call->orders = orders;
    call->filter = call->filter < 0 ? -1 : inputs->positions[call->filter];
    return CN_OK;
}

static bool
call_needs_order(const cni_phys_call *call, const cni_context *context)
{
    const bool sums_floats = cni_type_is_float(call->type) &&
                             call->function->builtin != CNI_AGGREGATE_MIN &&
                             call->function->builtin != CNI_AGGREGATE_MAX;
    return call->function->order_sensitive || call->n_orders > 0 ||
           (context->settings.reproducible && sums_floats);
}

typedef struct group_build {
    const cni_plan *plan;
    const cni_expr *const *keys;
    int32_t n_keys;
    const cni_expr *const *calls;
    int32_t n_calls;
    sink_inputs inputs;
    cni_phys_call *made_calls;
} group_build;

static cn_code
collect_group_inputs(cni_phys_builder *self, group_build *build, int32_t *key_indexes,
                     cn_error *err)
{
    for (int32_t key = 0; key < build->n_keys; key++) {
        CN_TRY(add_input(self, &build->inputs, build->keys[key], &key_indexes[key], err));
    }
    for (int32_t call = 0; call < build->n_calls; call++) {
        CN_TRY(add_call(self, &build->inputs, build->calls[call], &build->made_calls[call], err));
    }
    return CN_OK;
}

static cn_code
fill_group_spec(cni_phys_builder *self, group_build *build, int32_t *keys, cni_phys_aggregate *spec,
                cn_error *err)
{
    const cni_plan *child = build->plan->children[0];
    cni_bounds *bounds = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->arena, build->n_keys, (int64_t)sizeof(*bounds), &bounds, err));
    *spec = (cni_phys_aggregate){
        .n_inputs = build->inputs.n_columns,
        .input_types = build->inputs.types,
        .n_keys = build->n_keys,
        .keys = keys,
        .key_bounds = bounds,
        .n_calls = build->n_calls,
        .calls = build->made_calls,
        .estimated_rows = child->estimated_rows,
        .estimated_groups = build->plan->estimated_rows,
    };
    for (int32_t key = 0; key < build->n_keys; key++) {
        keys[key] = build->inputs.positions[keys[key]];
        CN_TRY(cni_phys_proved_bounds(self, child, build->keys[key], &bounds[key], err));
    }
    for (int32_t call = 0; call < build->n_calls; call++) {
        CN_TRY(bind_call(self, &build->inputs, &build->made_calls[call], err));
        spec->needs_order =
            spec->needs_order || call_needs_order(&build->made_calls[call], self->context);
    }
    return CN_OK;
}

static cn_code
build_grouped(cni_phys_builder *self, group_build *build, cni_phys_goal goal,
              cni_phys_layout *out_layout, cn_error *err)
{
    cni_phys_pipe *pipe = NULL;
    cni_phys_aggregate *spec = NULL;
    int32_t *keys = NULL;
    CN_TRY(cni_phys_new_sink(self, CNI_PHYS_OP_AGGREGATE, build->plan, &pipe, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &spec, err));
    CN_TRY(cni_arena_alloc_array(self->arena, build->n_keys, (int64_t)sizeof(*keys), &keys, err));
    CN_TRY(cni_arena_alloc_array(self->arena, build->n_calls, (int64_t)sizeof(*build->made_calls),
                                 &build->made_calls, err));
    CN_TRY(collect_group_inputs(self, build, keys, err));
    CN_TRY(bind_inputs(self, &build->inputs, build->plan->children[0], pipe, err));
    CN_TRY(fill_group_spec(self, build, keys, spec, err));
    CN_TRY(cni_phys_layout_of(self, build->plan, out_layout, err));
    cni_phys_op *sink = cni_phys_op_at(pipe, 0);
    sink->n_inputs = spec->n_inputs;
    sink->input_types = spec->input_types;
    sink->n_outputs = out_layout->n_columns;
    sink->output_types = out_layout->types;
    sink->aggregate = spec;
    return cni_phys_finish_pipe(self, pipe, build->plan, goal, err);
}

cn_code
cni_phys_build_aggregate(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                         cni_phys_layout *out_layout, cn_error *err)
{
    group_build build = {
        .plan = plan,
        .keys = plan->exprs,
        .n_keys = plan->n_groups,
        .calls = plan->exprs + plan->n_groups,
        .n_calls = plan->n_columns - plan->n_groups,
    };
    for (int32_t call = 0; call < build.n_calls; call++) {
        if (build.calls[call]->kind != CNI_EXPR_AGGREGATE) {
            return CN_FAIL(err, CN_INTERNAL, "aggregate %d of the plan is not an aggregate call",
                           (int)call);
        }
    }
    return build_grouped(self, &build, goal, out_layout, err);
}

/* Whole rows: groups of all columns without calls. */
static cn_code
build_distinct_rows(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                    cni_phys_layout *out_layout, cn_error *err)
{
    const cni_plan *child = plan->children[0];
    const cni_expr **keys = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, child->n_columns, (int64_t)sizeof(*keys),
                                 (void *)&keys, err));
    for (int32_t column = 0; column < child->n_columns; column++) {
        CN_TRY(cni_expr_column(self->arena, child->columns[column].id, child->columns[column].type,
                               &keys[column], err));
    }
    group_build build = {.plan = plan, .keys = keys, .n_keys = child->n_columns};
    return build_grouped(self, &build, goal, out_layout, err);
}

cn_code
cni_phys_build_distinct(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                        cni_phys_layout *out_layout, cn_error *err)
{
    return plan->n_exprs > 0 ? build_distinct_on(self, plan, goal, out_layout, err)
                             : build_distinct_rows(self, plan, goal, out_layout, err);
}
