/* SPDX-License-Identifier: Apache-2.0
 *
 * The sides of a join are exchanged while the plan runs: all rows of its build have been collected,
 * no table has been made, and there are many more of them than the other side is expected to have.
 *
 *   planned   b: ... -> BUILD(b)             p: a -> x -> PROBE(b) -> y -> SINK
 *   swapped   b: ... -> rows                 n: a -> x -> BUILD(n)
 *                                            p: rows of b -> PROBE(n) -> y -> SINK
 *
 * Run p keeps its index, so that whoever reads its sink finds it, and runs what lies behind the
 * probe; run n is new and comes before it. Key filters that b has promised are filled from its rows
 * as planned. When the other side turns out to be the much larger one after all, the join is
 * exchanged back; nothing else of either pipeline is exchanged after that. Those that keep order,
 * those of recursions and what reads a recursion stay as they are. The physical plan is not
 * touched: what is new lies in the arena of the execution.
 */
#include "exec/join/join.h"
#include "exec/pipeline/pipeline_int.h"

/* Smaller builds are not worth another pipeline. */
#define LEAST_ROWS (1 << 18)
/* The build must hold this many times the bytes of the other side. */
#define LEAST_FACTOR 4.0
/* Of one pipeline: there and back. */
#define MOST_SWAPS 2

/* A build that is complete, and who probes it. */
typedef struct swap_case {
    cni_execution *execution;
    cni_pipe_run *build;
    cni_pipe_run *probe;
    int32_t op; /* of the probe's pipeline */
    int64_t n_rows;
} swap_case;

/* ---- what can be exchanged ---- */

static bool
can_exchange(const cni_phys_pipeline *plan, int32_t op)
{
    const cni_phys_op *probe = &plan->ops[op];
    if (probe->kind != CNI_PHYS_OP_JOIN_PROBE || probe->join->n_keys == 0 || plan->keep_order ||
        plan->unbounded ||
        (probe->join->kind != CNI_PHYS_JOIN_INNER && probe->join->kind != CNI_PHYS_JOIN_FULL)) {
        return false;
    }
    bool ends = probe->n_branches > 0;
    for (int32_t at = 0; at < probe->n_branches; at++) {
        /* a LIMIT may be all that ends a recursion */
        ends = ends && plan->branches[probe->first_branch + at].kind != CNI_PHYS_SOURCE_RECURSIVE;
    }
    return ends;
}

int32_t
cni_execution_count_swaps(const cni_physical_plan *plan)
{
    int32_t n_parted = 0;
    for (int32_t at = 0; at < plan->n_pipelines; at++) {
        const cni_phys_pipeline *pipeline = &plan->pipelines[at];
        int32_t op = 0;
        while (op < pipeline->n_ops && !can_exchange(pipeline, op)) {
            op++;
        }
        n_parted += op < pipeline->n_ops ? 1 : 0;
    }
    return n_parted * MOST_SWAPS;
}

/* The operator of the run that probes the build; its number of operators = none does. */
static int32_t
find_op(const cni_pipe_run *run, int32_t build)
{
    int32_t op = 0;
    while (op < run->plan->n_ops && (run->plan->ops[op].kind != CNI_PHYS_OP_JOIN_PROBE ||
                                     run->plan->ops[op].join->build_pipeline != build)) {
        op++;
    }
    return op;
}

/* Whether the probe's pipeline may be parted: for the first time, or to exchange back. */
static bool
can_part(const swap_case *self)
{
    const cni_pipe_run *probe = self->probe;
    return !probe->taken && (probe->n_swaps == 0 || (self->build->added && probe->n_swaps == 1));
}

/* Who probes the build, if that may be exchanged. */
static bool
find_probe(swap_case *self)
{
    const cni_execution *execution = self->execution;
    int32_t n_readers = 0;
    for (int32_t at = 0; at < execution->n_uses; at++) {
        const cni_run_use *use = &execution->uses[at];
        if (use->producer == self->build->index && use->reads) {
            self->probe = &execution->runs[use->consumer];
            n_readers++;
        }
    }
    if (n_readers != 1 || !can_part(self)) {
        return false;
    }
    const cni_phys_pipeline *plan = self->probe->plan;
    self->op = find_op(self->probe, self->build->index);
    return self->op < plan->n_ops && can_exchange(plan, self->op) &&
           !cni_pipe_run_is_dead(self->probe, &plan->branches[plan->ops[self->op].first_branch]);
}

/* ---- what is worth it ---- */

static bool
keeps_column(const cni_phys_join *join, bool from_build, int32_t position)
{
    bool kept = false;
    for (int32_t at = 0; at < join->n_outputs; at++) {
        kept = kept || (join->outputs[at].from_build == from_build &&
                        join->outputs[at].position == position);
    }
    for (int32_t at = 0; at < join->n_residual_columns; at++) {
        kept = kept || (join->residual_columns[at].from_build == from_build &&
                        join->residual_columns[at].position == position);
    }
    const int32_t *keys = from_build ? join->build_keys : join->probe_keys;
    for (int32_t key = 0; key < join->n_keys; key++) {
        kept = kept || keys[key] == position;
    }
    return kept;
}

/* Of what a build of the side would keep. */
static double
row_bytes(const cni_phys_join *join, bool from_build)
{
    const int32_t n_columns = from_build ? join->n_build_columns : join->n_probe_columns;
    const cni_type *const *types = from_build ? join->build_types : join->probe_types;
    double n_bytes = CNI_PHYS_BUILD_ROW_BYTES;
    for (int32_t column = 0; column < n_columns; column++) {
        if (keeps_column(join, from_build, column)) {
            n_bytes += cni_phys_width(types[column]);
        }
    }
    return n_bytes;
}

static int64_t
find_note(const cni_run_notes *notes, const char *name, int64_t otherwise)
{
    for (int32_t at = 0; at < notes->n_notes; at++) {
        if (strcmp(notes->notes[at].name, name) == 0) {
            return notes->notes[at].number;
        }
    }
    return otherwise;
}

/* Rows of a finished sink, at most; -1 = not known. */
static int64_t
rows_of_sink(const cni_pipe_run *run)
{
    const cni_phys_op *sink = &run->plan->ops[0];
    const int64_t rows_in = cni_counter_get(&run->op_figures[0].rows_in);
    if (!run->settled) {
        return -1;
    }
    switch ((cni_phys_op_kind)sink->kind) {
    case CNI_PHYS_OP_AGGREGATE:
        return sink->aggregate->n_keys == 0 ? 1 : find_note(&run->notes[0], "groups", rows_in);
    case CNI_PHYS_OP_TOP_N:
        return cni_min_i64(rows_in, sink->sort->limit);
    case CNI_PHYS_OP_SORT:
    case CNI_PHYS_OP_COLLECT:
    case CNI_PHYS_OP_JOIN_BUILD:
        return rows_in;
    default:
        return -1;
    }
}

/* Rows that come to the probe, at most, where all of them are in finished sinks; -1 = not known. */
static int64_t
most_rows(const swap_case *self)
{
    const cni_phys_pipeline *plan = self->probe->plan;
    const cni_phys_op *probe = &plan->ops[self->op];
    int64_t n_rows = 0;
    for (int32_t at = 0; at < probe->n_branches; at++) {
        const cni_phys_branch *branch = &plan->branches[probe->first_branch + at];
        const int64_t n_of_branch = branch->kind == CNI_PHYS_SOURCE_PIPELINE && branch->n_outer == 0
                                        ? rows_of_sink(&self->execution->runs[branch->pipeline])
                                        : -1;
        if (n_of_branch < 0) {
            return -1;
        }
        for (int32_t op = branch->first_op; op != self->op; op = plan->ops[op].next) {
            if (plan->ops[op].kind != CNI_PHYS_OP_FILTER &&
                plan->ops[op].kind != CNI_PHYS_OP_PROJECT &&
                plan->ops[op].kind != CNI_PHYS_OP_LIMIT) {
                return -1; /* it may give more than it gets */
            }
        }
        n_rows += n_of_branch;
    }
    return n_rows;
}

/* < 0 = unknown. */
static double
expected_rows(const swap_case *self)
{
    const double estimated = self->probe->plan->ops[self->op].join->estimated_probe_rows;
    const double most = (double)most_rows(self);
    if (most < 0.0) {
        return estimated;
    }
    return estimated < 0.0 || estimated > most ? most : estimated;
}

/* Few of the rows may be wanted. */
static bool
has_limit_behind(const swap_case *self)
{
    const cni_phys_op *ops = self->probe->plan->ops;
    bool found = false;
    for (int32_t op = self->op; op >= 0; op = ops[op].next) {
        found = found || ops[op].kind == CNI_PHYS_OP_LIMIT;
    }
    return found;
}

static bool
is_worth_it(const swap_case *self)
{
    const cni_phys_join *join = self->probe->plan->ops[self->op].join;
    const double n_other = expected_rows(self);
    return self->n_rows >= LEAST_ROWS && n_other >= 0.0 && !has_limit_behind(self) &&
           (double)self->n_rows * row_bytes(join, true) >
               LEAST_FACTOR * n_other * row_bytes(join, false);
}

static bool
is_wanted(const swap_case *self)
{
    switch ((enum cni_test_swap)self->execution->context->settings.test_swap) {
    case CNI_TEST_SWAP_ALWAYS:
        return self->probe->n_swaps == 0;
    case CNI_TEST_SWAP_TWICE:
        return true;
    case CNI_TEST_SWAP_NEVER:
        return false;
    default:
        return is_worth_it(self);
    }
}

/* ---- the swap ---- */

/* The new run comes before the probe's. */
static void
insert_run(const swap_case *self, cni_pipe_run *fresh)
{
    cni_execution *execution = self->execution;
    int32_t at = execution->n_runs++;
    do {
        execution->order[at] = execution->order[at - 1];
        at--;
    } while (execution->order[at + 1] != self->probe->index);
    execution->order[at] = fresh->index;
}

static cn_code
part_probe(const swap_case *self, const cni_pipe_exchange *plans, cn_error *err)
{
    cni_execution *execution = self->execution;
    cni_pipe_run *fresh = &execution->runs[execution->n_runs];
    cni_pipe_run rest = {0};
    cn_code code = cni_pipe_run_init(fresh, execution, execution->n_runs, &plans->build, err);
    if (code == CN_OK) {
        code = cni_pipe_run_init(&rest, execution, self->probe->index, &plans->probe, err);
    }
    if (code != CN_OK) {
        cni_pipe_run_done(&rest);
        cni_pipe_run_done(fresh);
        return code;
    }
    cni_pipe_run_exchange_plan(self->probe, &rest);
    cni_pipe_run_done(&rest);
    self->probe->n_swaps++;
    fresh->n_swaps = MOST_SWAPS;
    fresh->added = true;
    insert_run(self, fresh);
    return CN_OK;
}

static cn_code
swap(const swap_case *self, cn_error *err)
{
    cni_execution *execution = self->execution;
    cni_pipe_exchange *plans = NULL;
    cni_operator *former = self->build->ops[0];
    if (execution->arena == NULL) {
        CN_TRY(cni_arena_new(execution->allocator, "swapped pipelines", &execution->arena, err));
    }
    CN_TRY(CN_ARENA_NEW(execution->arena, &plans, err));
    CN_TRY(cni_pipe_exchange_new(execution->arena, self->probe->plan, self->op, former,
                                 self->n_rows, execution->n_runs, plans, err));
    CN_TRY(part_probe(self, plans, err));
    CN_TRY(cni_execution_link(execution, err));
    cni_join_build_give_rows(former);
    return CN_OK;
}

cn_code
cni_pipe_run_consider_swap(cni_pipe_run *self, cn_error *err)
{
    cni_execution *execution = self->execution;
    swap_case at = {.execution = execution, .build = self};
    if (self->plan->ops[0].kind != CNI_PHYS_OP_JOIN_BUILD || execution->recursion != NULL ||
        !cni_join_build_has_rows(self->ops[0], &at.n_rows) || at.n_rows == 0) {
        return CN_OK;
    }
    cni_mutex_lock(&execution->mutex);
    const bool swaps = find_probe(&at) && is_wanted(&at);
    const cn_code code = swaps ? swap(&at, err) : CN_OK;
    cni_mutex_unlock(&execution->mutex);
    return code;
}
