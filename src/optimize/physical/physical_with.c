/* SPDX-License-Identifier: Apache-2.0
 *
 * WITH and what reads it, recursions, repeated rows.
 *
 *   WITH, several readers   definition -> COLLECT; each CTE_SCAN is a branch over it
 *   WITH, one reader        the definition is planned where it is read
 *   RECURSIVE               a branch with two whole plans; CTE_SCANs in the step read the rows of
 *                           the step before; what the step reads of a WITH outside lies in a
 * COLLECT of the plan outside
 */
#include "optimize/physical/physical_int.h"

/* ---- who reads a definition ---- */

typedef struct reader_count {
    int32_t cte_id;
    int32_t n_readers;
    bool in_recursion; /* some read it again and again */
    uint64_t *words;   /* positions of the columns that are read */
} reader_count;

static void
count_readers(reader_count *self, const cni_plan *plan, bool in_recursion)
{
    if (plan->kind == CNI_PLAN_CTE_SCAN && plan->cte_id == self->cte_id) {
        self->n_readers++;
        self->in_recursion = self->in_recursion || in_recursion;
        for (int32_t column = 0; column < plan->n_columns; column++) {
            const int32_t position = plan->table_columns[column];
            self->words[position >> 6] |= UINT64_C(1) << (position & 63);
        }
    }
    const bool inside = in_recursion || plan->kind == CNI_PLAN_RECURSIVE;
    for (int32_t child = 0; child < plan->n_children; child++) {
        count_readers(self, plan->children[child], inside);
    }
}

static bool
is_read(const reader_count *readers, int32_t position)
{
    return ((readers->words[position >> 6] >> (position & 63)) & 1) != 0;
}

const cni_phys_cte *
cni_phys_find_cte(const cni_phys_builder *self, int32_t cte_id)
{
    for (int64_t at = self->ctes.n_items - 1; at >= 0; at--) {
        const cni_phys_cte *cte = self->ctes.items[at];
        if (cte->cte_id == cte_id) {
            return cte;
        }
    }
    return NULL;
}

/* ---- WITH ---- */

/* The definition's pipeline, which keeps the columns that somebody reads. */
static cn_code
collect(cni_phys_builder *self, const cni_plan *plan, const reader_count *readers,
        cni_phys_cte *cte, cn_error *err)
{
    const cni_plan *definition = plan->children[0];
    cni_phys_wanted wanted = {0};
    cni_phys_layout layout = {0};
    cni_phys_pipe *pipe = NULL;
    int32_t *positions = NULL;
    CN_TRY(cni_phys_wanted_new(self, NULL, &wanted, err));
    for (int32_t column = 0; column < definition->n_columns; column++) {
        const int32_t id = definition->columns[column].id;
        if (is_read(readers, column)) {
            wanted.words[id >> 6] |= UINT64_C(1) << (id & 63);
        }
    }
    CN_TRY(cni_phys_new_sink(self, CNI_PHYS_OP_COLLECT, plan, &pipe, err));
    CN_TRY(cni_phys_build(self, definition, (cni_phys_goal){pipe, 0, &wanted}, &layout, err));
    cni_phys_op *sink = cni_phys_op_at(pipe, 0);
    cni_phys_set_inputs(sink, &layout);
    sink->n_outputs = sink->n_inputs;
    sink->output_types = sink->input_types;
    CN_TRY(cni_list_push(self->arena, &self->pipes, pipe, err));
    CN_TRY(cni_arena_alloc_array(self->arena, definition->n_columns, (int64_t)sizeof(*positions),
                                 &positions, err));
    for (int32_t column = 0; column < definition->n_columns; column++) {
        positions[column] = cni_phys_position(&layout, definition->columns[column].id);
    }
    cte->positions = positions;
    cte->pipeline = (int32_t)self->pipes.n_items - 1;
    return CN_OK;
}

cn_code
cni_phys_build_with(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                    cni_phys_layout *out_layout, cn_error *err)
{
    cni_phys_cte *cte = NULL;
    reader_count readers = {.cte_id = plan->cte_id};
    CN_TRY(cni_arena_alloc_array(self->arena, plan->children[0]->n_columns / 64 + 1, 8,
                                 &readers.words, err));
    count_readers(&readers, plan->children[1], false);
    CN_TRY(CN_ARENA_NEW(self->arena, &cte, err));
    *cte = (cni_phys_cte){.cte_id = plan->cte_id, .definition = plan->children[0], .pipeline = -1};
    if (readers.n_readers > 1 || readers.in_recursion) {
        CN_TRY(collect(self, plan, &readers, cte, err));
    }
    CN_TRY(cni_list_push(self->arena, &self->ctes, cte, err));
    return cni_phys_build(self, plan->children[1], goal, out_layout, err);
}

/* ---- CTE_SCAN ---- */

/* Columns of the reader that are wanted: places in plan->columns; gives how many. */
static int32_t
choose_columns(const cni_plan *plan, const cni_phys_wanted *wanted, int32_t *out_columns)
{
    int32_t n_columns = 0;
    for (int32_t column = 0; column < plan->n_columns; column++) {
        if (cni_phys_wants(wanted, plan->columns[column].id)) {
            out_columns[n_columns++] = column;
        }
    }
    return n_columns;
}

static cn_code
layout_of_chosen(cni_phys_builder *self, const cni_plan *plan, const int32_t *columns, int32_t n,
                 cni_phys_layout *out_layout, cn_error *err)
{
    int32_t *ids = NULL;
    const cni_type **types = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*ids), &ids, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*types), (void *)&types, err));
    for (int32_t at = 0; at < n; at++) {
        ids[at] = plan->columns[columns[at]].id;
        types[at] = plan->columns[columns[at]].type;
    }
    *out_layout = (cni_phys_layout){n, ids, types};
    return CN_OK;
}

/* The one reader of a definition: its rows under the reader's ids. */
static cn_code
read_in_place(cni_phys_builder *self, const cni_plan *plan, const cni_phys_cte *cte,
              const int32_t *columns, cni_phys_goal goal, const cni_phys_layout *layout,
              cn_error *err)
{
    const cni_expr **exprs = NULL;
    cni_phys_wanted below = {0};
    cni_phys_layout in = {0};
    int32_t index = 0;
    CN_TRY(cni_phys_wanted_new(self, NULL, &below, err));
    CN_TRY(cni_arena_alloc_array(self->arena, layout->n_columns, (int64_t)sizeof(*exprs),
                                 (void *)&exprs, err));
    for (int32_t at = 0; at < layout->n_columns; at++) {
        const cni_column *column = &cte->definition->columns[plan->table_columns[columns[at]]];
        CN_TRY(cni_expr_column(self->arena, column->id, column->type, &exprs[at], err));
        cni_phys_want_expr(&below, exprs[at]);
    }
    CN_TRY(cni_phys_add_op(self, goal.pipe, CNI_PHYS_OP_PROJECT, plan, goal.op, &index, err));
    CN_TRY(
        cni_phys_build(self, cte->definition, (cni_phys_goal){goal.pipe, index, &below}, &in, err));
    cni_phys_op *op = cni_phys_op_at(goal.pipe, index);
    if (layout->n_columns > 0) {
        CN_TRY(cni_phys_compile(self, exprs, layout->n_columns, &in, &op->program, err));
    }
    cni_phys_set_inputs(op, &in);
    op->n_outputs = layout->n_columns;
    op->output_types = layout->types;
    return CN_OK;
}

/* A branch over collected rows, or over those of the step before. */
static cn_code
read_collected(cni_phys_builder *self, const cni_plan *plan, const cni_phys_cte *cte,
               int32_t n_outer, const int32_t *columns, cni_phys_goal goal,
               const cni_phys_layout *layout, cn_error *err)
{
    int32_t *positions = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, layout->n_columns, (int64_t)sizeof(*positions),
                                 &positions, err));
    for (int32_t at = 0; at < layout->n_columns; at++) {
        const int32_t position = plan->table_columns[columns[at]];
        positions[at] = cte->positions == NULL ? position : cte->positions[position];
        if (positions[at] < 0) {
            return CN_FAIL(err, CN_INTERNAL, "column %d of a WITH is not collected", (int)position);
        }
    }
    const bool working = cte->definition == NULL;
    const cni_phys_branch branch = {
        .kind = (uint8_t)(working ? CNI_PHYS_SOURCE_WORKING : CNI_PHYS_SOURCE_PIPELINE),
        .first_op = goal.op,
        .plan = plan,
        .n_columns = layout->n_columns,
        .types = layout->types,
        .pipeline = cte->pipeline,
        .n_outer = working ? 0 : n_outer,
        .positions = positions,
        .estimated_rows = plan->estimated_rows,
    };
    return cni_phys_add_branch(self, goal.pipe, &branch, err);
}

cn_code
cni_phys_build_cte_scan(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                        cni_phys_layout *out_layout, cn_error *err)
{
    const cni_phys_cte *cte = NULL;
    int32_t n_outer = 0;
    for (const cni_phys_builder *at = self; at != NULL && cte == NULL; at = at->outer) {
        cte = cni_phys_find_cte(at, plan->cte_id);
        n_outer += cte == NULL ? 1 : 0;
    }
    if (cte == NULL) {
        return CN_FAIL(err, CN_INTERNAL, "WITH %d is read outside of it", (int)plan->cte_id);
    }
    int32_t *columns = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, plan->n_columns, (int64_t)sizeof(*columns), &columns,
                                 err));
    const int32_t n_columns = choose_columns(plan, goal.wanted, columns);
    CN_TRY(layout_of_chosen(self, plan, columns, n_columns, out_layout, err));
    return cte->definition != NULL && cte->pipeline < 0
               ? read_in_place(self, plan, cte, columns, goal, out_layout, err)
               : read_collected(self, plan, cte, n_outer, columns, goal, out_layout, err);
}

/* ---- RECURSIVE ---- */

static cn_code
plan_part(cni_phys_builder *self, const cni_plan *part, const cni_phys_cte *working,
          const cni_physical_plan **out_plan, cn_error *err)
{
    cni_phys_builder inner = {
        .arena = self->arena, .context = self->context, .outer = self, .n_words = self->n_words};
    if (working != NULL) {
        CN_TRY(cni_list_push(self->arena, &inner.ctes, working, err));
    }
    return cni_phys_plan_all(&inner, part, out_plan, err);
}

cn_code
cni_phys_build_recursive(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                         cni_phys_layout *out_layout, cn_error *err)
{
    cni_phys_recursive *recursive = NULL;
    cni_phys_cte *working = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &recursive, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &working, err));
    *working = (cni_phys_cte){.cte_id = plan->cte_id, .pipeline = -1};
    recursive->cte_id = plan->cte_id;
    recursive->distinct = plan->distinct;
    CN_TRY(plan_part(self, plan->children[0], NULL, &recursive->base, err));
    CN_TRY(plan_part(self, plan->children[1], working, &recursive->step, err));
    CN_TRY(cni_phys_layout_of(self, plan, out_layout, err));
    const cni_phys_branch branch = {
        .kind = CNI_PHYS_SOURCE_RECURSIVE,
        .first_op = goal.op,
        .plan = plan,
        .n_columns = out_layout->n_columns,
        .types = out_layout->types,
        .recursive = recursive,
        .estimated_rows = plan->estimated_rows,
    };
    return cni_phys_add_branch(self, goal.pipe, &branch, err);
}

/* ---- REPEAT ---- */

/* A projection puts the count behind the columns that travel on, and the operator drops it. */
cn_code
cni_phys_build_repeat(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                      cni_phys_layout *out_layout, cn_error *err)
{
    const cni_expr **exprs = NULL;
    const cni_type **types = NULL;
    int32_t *columns = NULL;
    cni_phys_wanted below = {0};
    cni_phys_layout in = {0};
    int32_t repeat = 0;
    int32_t project = 0;
    CN_TRY(cni_arena_alloc_array(self->arena, plan->n_columns, (int64_t)sizeof(*columns), &columns,
                                 err));
    const int32_t n = choose_columns(plan, goal.wanted, columns);
    CN_TRY(layout_of_chosen(self, plan, columns, n, out_layout, err));
    CN_TRY(cni_arena_alloc_array(self->arena, (int64_t)n + 1, (int64_t)sizeof(*exprs),
                                 (void *)&exprs, err));
    CN_TRY(cni_arena_alloc_array(self->arena, (int64_t)n + 1, (int64_t)sizeof(*types),
                                 (void *)&types, err));
    CN_TRY(cni_phys_wanted_new(self, NULL, &below, err));
    for (int32_t at = 0; at < n; at++) {
        CN_TRY(cni_expr_column(self->arena, out_layout->ids[at], out_layout->types[at], &exprs[at],
                               err));
        types[at] = out_layout->types[at];
        cni_phys_want_expr(&below, exprs[at]);
    }
    exprs[n] = plan->exprs[0];
    types[n] = exprs[n]->type;
    cni_phys_want_expr(&below, exprs[n]);
    CN_TRY(cni_phys_add_op(self, goal.pipe, CNI_PHYS_OP_REPEAT, plan, goal.op, &repeat, err));
    CN_TRY(cni_phys_add_op(self, goal.pipe, CNI_PHYS_OP_PROJECT, NULL, repeat, &project, err));
    CN_TRY(cni_phys_build(self, plan->children[0], (cni_phys_goal){goal.pipe, project, &below}, &in,
                          err));
    cni_phys_op *op = cni_phys_op_at(goal.pipe, project);
    CN_TRY(cni_phys_compile(self, exprs, n + 1, &in, &op->program, err));
    cni_phys_set_inputs(op, &in);
    op->n_outputs = n + 1;
    op->output_types = types;
    op = cni_phys_op_at(goal.pipe, repeat);
    op->n_inputs = n + 1;
    op->input_types = types;
    op->n_outputs = n;
    op->output_types = out_layout->types;
    op->position = n;
    return CN_OK;
}
