/* SPDX-License-Identifier: Apache-2.0
 *
 * WINDOW: a sort by partition keys and order, then an operator that numbers the rows of the sort as
 * they come.
 *
 *   pipeline n:    ... -> Project [what travels on, keys that are compared | keys that are only
 *                         sorted by] -> Sort
 *   pipeline n+1:  rows of the sort -> Window -> ...
 *
 * What nobody reads behind the window does not go through the sort. Without keys there is no sort:
 * the rows are numbered as they come. A window whose keys are the first ones of the window below it
 * stands right behind that one.
 */
#include "optimize/physical/physical_int.h"

typedef struct window_build {
    const cni_plan *plan;
    int32_t op; /* of goal's pipe */
    cni_phys_window *spec;
    int32_t *keys;
    int32_t *passed;
    cni_phys_layout in;     /* what the child delivers */
    const cni_expr **exprs; /* what the window's input, or the sort's, is made of */
    const cni_type **types; /* likewise */
    int32_t n_exprs;
} window_build;

/* ---- keys ---- */

static int32_t
count_keys(const cni_plan *window)
{
    return window->n_groups + window->n_orders;
}

static const cni_expr *
key_at(const cni_plan *window, int32_t key)
{
    return key < window->n_groups ? window->exprs[key]
                                  : window->orders[key - window->n_groups].expr;
}

/* How rows are sorted by the key; partitions may come either way. */
static cni_order
order_at(const cni_plan *window, int32_t key)
{
    return key < window->n_groups ? (cni_order){.expr = window->exprs[key]}
                                  : window->orders[key - window->n_groups];
}

static bool
asks_for_peers(const cni_plan *window)
{
    bool asks = false;
    for (int32_t at = window->n_groups; at < window->n_exprs; at++) {
        asks = asks || window->exprs[at]->function->builtin != CNI_WINDOW_ROW_NUMBER;
    }
    return asks;
}

/* Keys that neighbouring rows are compared by. */
static int32_t
count_compared(const cni_plan *window)
{
    return asks_for_peers(window) ? count_keys(window) : window->n_groups;
}

/* Whether rows that are sorted for `below` are sorted for `plan`, and what is compared is there. */
static bool
is_sorted_by(const cni_plan *plan, const cni_plan *below)
{
    bool sorted = below->kind == CNI_PLAN_WINDOW && count_keys(plan) <= count_keys(below) &&
                  count_keys(plan) > 0;
    for (int32_t key = 0; sorted && key < count_keys(plan); key++) {
        const cni_order mine = order_at(plan, key);
        const cni_order other = order_at(below, key);
        const bool same_way =
            mine.descending == other.descending && mine.nulls_first == other.nulls_first;
        sorted = mine.expr->kind == CNI_EXPR_COLUMN && cni_expr_equal(mine.expr, other.expr) &&
                 (same_way || key < plan->n_groups);
    }
    return sorted;
}

/* ---- columns ---- */

static cn_code
open_build(cni_phys_builder *self, window_build *build, cn_error *err)
{
    const cni_plan *plan = build->plan;
    const int64_t n_most = (int64_t)plan->n_columns + count_keys(plan);
    uint8_t *functions = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &build->spec, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*build->exprs),
                                 (void *)&build->exprs, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, (int64_t)sizeof(*build->types),
                                 (void *)&build->types, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, 4, &build->passed, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_most, 4, &build->keys, err));
    CN_TRY(cni_arena_alloc_array(self->arena, plan->n_exprs, 1, &functions, err));
    for (int32_t at = plan->n_groups; at < plan->n_exprs; at++) {
        if (plan->exprs[at]->kind != CNI_EXPR_WINDOW) {
            return CN_FAIL(err, CN_INTERNAL, "an aggregate is left in a window");
        }
        functions[at - plan->n_groups] = plan->exprs[at]->function->builtin;
    }
    build->spec->functions = functions;
    build->spec->n_functions = plan->n_exprs - plan->n_groups;
    build->spec->n_partitions = plan->n_groups;
    build->spec->keys = build->keys;
    build->spec->passed = build->passed;
    return CN_OK;
}

/* Position of the expression among those listed, added when new. */
static int32_t
place(window_build *build, const cni_expr *expr)
{
    for (int32_t at = 0; at < build->n_exprs; at++) {
        if (cni_expr_equal(build->exprs[at], expr)) {
            return at;
        }
    }
    build->exprs[build->n_exprs] = expr;
    build->types[build->n_exprs] = expr->type;
    return build->n_exprs++;
}

/* What the consumer wants of the child's columns, in their order. */
static cn_code
place_passed(cni_phys_builder *self, window_build *build, const cni_phys_wanted *wanted,
             cn_error *err)
{
    for (int32_t column = 0; column < build->in.n_columns; column++) {
        const cni_expr *expr = NULL;
        if (cni_phys_wants(wanted, build->in.ids[column])) {
            CN_TRY(cni_expr_column(self->arena, build->in.ids[column], build->in.types[column],
                                   &expr, err));
            build->passed[build->spec->n_passed++] = place(build, expr);
        }
    }
    return CN_OK;
}

/* What the window delivers: of the child's columns those passed on, then the functions'. */
static cn_code
describe(cni_phys_builder *self, window_build *build, cni_phys_layout *out_layout, cn_error *err)
{
    const cni_plan *plan = build->plan;
    const cni_phys_window *spec = build->spec;
    const int32_t n = spec->n_passed + spec->n_functions;
    const int32_t first = plan->n_columns - spec->n_functions;
    int32_t *ids = NULL;
    const cni_type **types = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n, 4, &ids, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n, (int64_t)sizeof(*types), (void *)&types, err));
    for (int32_t at = 0; at < spec->n_passed; at++) {
        ids[at] = build->exprs[at]->column_id;
        types[at] = build->exprs[at]->type;
    }
    for (int32_t at = 0; at < spec->n_functions; at++) {
        ids[spec->n_passed + at] = plan->columns[first + at].id;
        types[spec->n_passed + at] = plan->columns[first + at].type;
    }
    *out_layout = (cni_phys_layout){n, ids, types};
    return CN_OK;
}

static void
finish_op(window_build *build, cni_phys_goal goal, int32_t n_inputs, const cni_type *const *types,
          const cni_phys_layout *layout)
{
    cni_phys_op *op = cni_phys_op_at(goal.pipe, build->op);
    op->n_inputs = n_inputs;
    op->input_types = types;
    op->n_outputs = layout->n_columns;
    op->output_types = layout->types;
    op->window = build->spec;
}

static cn_code
want_below(cni_phys_builder *self, const cni_plan *plan, int32_t n_keys, cni_phys_goal goal,
           cni_phys_wanted *out_wanted, cn_error *err)
{
    CN_TRY(cni_phys_wanted_new(self, goal.wanted, out_wanted, err));
    for (int32_t key = 0; key < n_keys; key++) {
        cni_phys_want_expr(out_wanted, key_at(plan, key));
    }
    return CN_OK;
}

/* ---- behind the rows as they come ---- */

/* No sort: the child delivers to the window. */
static cn_code
build_behind(cni_phys_builder *self, window_build *build, cni_phys_goal goal,
             cni_phys_layout *out_layout, cn_error *err)
{
    const cni_plan *plan = build->plan;
    cni_phys_wanted wanted = {0};
    cni_phys_window *spec = build->spec;
    CN_TRY(want_below(self, plan, count_compared(plan), goal, &wanted, err));
    CN_TRY(cni_phys_build(self, plan->children[0], (cni_phys_goal){goal.pipe, build->op, &wanted},
                          &build->in, err));
    CN_TRY(place_passed(self, build, goal.wanted, err));
    CN_TRY(describe(self, build, out_layout, err));
    for (int32_t at = 0; at < spec->n_passed; at++) {
        build->passed[at] = cni_phys_position(&build->in, build->exprs[at]->column_id);
    }
    spec->n_keys = count_compared(plan);
    for (int32_t key = 0; key < spec->n_keys; key++) {
        build->keys[key] = cni_phys_position(&build->in, key_at(plan, key)->column_id);
        if (build->keys[key] < 0) {
            return CN_FAIL(err, CN_INTERNAL, "a window's key is not below it");
        }
    }
    finish_op(build, goal, build->in.n_columns, build->in.types, out_layout);
    return CN_OK;
}

/* ---- behind a sort ---- */

/* Compared keys behind what is passed on, then the others: those the sort does not give on. */
static cn_code
place_keys(cni_phys_builder *self, window_build *build, cni_phys_sort *sort, cn_error *err)
{
    const cni_plan *plan = build->plan;
    const int32_t n_keys = count_keys(plan);
    cni_phys_order *orders = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n_keys, (int64_t)sizeof(*orders), &orders, err));
    build->spec->n_keys = count_compared(plan);
    for (int32_t key = 0; key < n_keys; key++) {
        const cni_order order = order_at(plan, key);
        if (key == build->spec->n_keys) {
            sort->n_outputs = build->n_exprs;
        }
        const int32_t position = place(build, order.expr);
        build->keys[key] = position;
        orders[key] = (cni_phys_order){position, order.descending, order.nulls_first, true};
    }
    sort->n_outputs = build->spec->n_keys == n_keys ? build->n_exprs : sort->n_outputs;
    sort->n_orders = n_keys;
    sort->orders = orders;
    sort->n_inputs = build->n_exprs;
    sort->input_types = build->types;
    sort->limit = CNI_NO_LIMIT;
    return CN_OK;
}

static cn_code
build_over_sort(cni_phys_builder *self, window_build *build, cni_phys_goal goal,
                cni_phys_layout *out_layout, cn_error *err)
{
    const cni_plan *plan = build->plan;
    cni_phys_wanted wanted = {0};
    cni_phys_pipe *pipe = NULL;
    cni_phys_sort *sort = NULL;
    int32_t project = 0;
    goal.pipe->has_window = true;
    CN_TRY(cni_phys_new_sink(self, CNI_PHYS_OP_SORT, plan, &pipe, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &sort, err));
    CN_TRY(cni_phys_add_op(self, pipe, CNI_PHYS_OP_PROJECT, NULL, 0, &project, err));
    CN_TRY(want_below(self, plan, count_keys(plan), goal, &wanted, err));
    CN_TRY(cni_phys_build(self, plan->children[0], (cni_phys_goal){pipe, project, &wanted},
                          &build->in, err));
    CN_TRY(place_passed(self, build, goal.wanted, err));
    CN_TRY(place_keys(self, build, sort, err));
    CN_TRY(describe(self, build, out_layout, err));
    cni_phys_op *op = cni_phys_op_at(pipe, project);
    CN_TRY(cni_phys_compile(self, build->exprs, build->n_exprs, &build->in, &op->program, err));
    cni_phys_set_inputs(op, &build->in);
    op->n_outputs = build->n_exprs;
    op->output_types = build->types;
    op = cni_phys_op_at(pipe, 0);
    op->n_inputs = sort->n_inputs;
    op->input_types = sort->input_types;
    op->n_outputs = sort->n_outputs;
    op->output_types = sort->input_types;
    op->sort = sort;
    finish_op(build, goal, sort->n_outputs, sort->input_types, out_layout);
    goal.op = build->op;
    return cni_phys_finish_pipe(self, pipe, plan, goal, err);
}

cn_code
cni_phys_build_window(cni_phys_builder *self, const cni_plan *plan, cni_phys_goal goal,
                      cni_phys_layout *out_layout, cn_error *err)
{
    window_build build = {.plan = plan};
    CN_TRY(open_build(self, &build, err));
    CN_TRY(cni_phys_add_op(self, goal.pipe, CNI_PHYS_OP_WINDOW, plan, goal.op, &build.op, err));
    if (count_keys(plan) == 0) {
        goal.pipe->has_limit = true; /* rows are numbered in their order */
        return build_behind(self, &build, goal, out_layout, err);
    }
    return is_sorted_by(plan, plan->children[0])
               ? build_behind(self, &build, goal, out_layout, err)
               : build_over_sort(self, &build, goal, out_layout, err);
}
