/* SPDX-License-Identifier: Apache-2.0
 *
 * Life of a running pipeline: its scans are opened, its operators made and its workers submitted
 * when all pipelines that it needs have finished; when the last worker has combined, the sink is
 * finalized in parallel tasks; then scans and streaming operators are closed, and the sinks that it
 * was the last to read.
 */
#include "exec/join/join.h"
#include "exec/pipeline/pipeline_int.h"

/* Rows of a build that are worth a worker. */
#define BUILD_MORSEL_ROWS (1 << 16)

/* ---- beginning and end ---- */

static int64_t
count_scan_filters(const cni_phys_pipeline *plan)
{
    int64_t n_filters = 0;
    for (int32_t branch = 0; branch < plan->n_branches; branch++) {
        n_filters += plan->branches[branch].n_key_filters;
    }
    return n_filters;
}

static int64_t
count_build_filters(const cni_phys_pipeline *plan)
{
    return plan->ops[0].kind == CNI_PHYS_OP_JOIN_BUILD ? plan->ops[0].join->n_key_filters : 0;
}

cn_code
cni_pipe_run_init(cni_pipe_run *self, cni_execution *execution, int32_t index,
                  const cni_phys_pipeline *plan, cn_error *err)
{
    cni_allocator *allocator = execution->allocator;
    *self = (cni_pipe_run){.execution = execution, .plan = plan, .index = index};
    CN_TRY(cni_alloc_zeroed(allocator, plan->n_ops * (int64_t)sizeof(*self->ops),
                            (void *)&self->ops, err));
    CN_TRY(cni_alloc_zeroed(allocator, plan->n_branches * (int64_t)sizeof(*self->scans),
                            (void *)&self->scans, err));
    CN_TRY(cni_alloc_zeroed(allocator, plan->n_ops * (int64_t)sizeof(*self->op_figures),
                            &self->op_figures, err));
    CN_TRY(cni_alloc_zeroed(allocator, plan->n_branches * (int64_t)sizeof(*self->branch_figures),
                            &self->branch_figures, err));
    CN_TRY(cni_alloc_zeroed(allocator, plan->n_branches * (int64_t)sizeof(*self->scan_figures),
                            &self->scan_figures, err));
    CN_TRY(cni_alloc_zeroed(allocator, plan->n_ops * (int64_t)sizeof(*self->notes), &self->notes,
                            err));
    for (int32_t branch = 0; branch < plan->n_branches; branch++) {
        cni_counter_set(&self->scan_figures[branch].progress_ppm, -1);
    }
    CN_TRY(cni_alloc_zeroed(allocator,
                            count_scan_filters(plan) * (int64_t)sizeof(*self->scan_filters),
                            &self->scan_filters, err));
    return cni_alloc_zeroed(allocator,
                            count_build_filters(plan) * (int64_t)sizeof(*self->build_filters),
                            (void *)&self->build_filters, err);
}

void
cni_pipe_worker_close(cni_pipe_worker *self)
{
    cni_pipe_run *run = self->run;
    for (int32_t op = 0; self->ops != NULL && op < run->plan->n_ops; op++) {
        cni_chunk_done(&self->ops[op].out);
        if (self->ops[op].local != NULL && run->ops[op]->ops->close_local != NULL) {
            run->ops[op]->ops->close_local(run->ops[op], CN_MOVE(self->ops[op].local));
        }
    }
    for (int32_t branch = 0; self->branches != NULL && branch < run->plan->n_branches; branch++) {
        cni_worker_branch *mine = &self->branches[branch];
        if (mine->local != NULL && run->scans[branch]->ops->close_local != NULL) {
            run->scans[branch]->ops->close_local(run->scans[branch], CN_MOVE(mine->local));
        }
    }
    cni_chunk_done(&self->chunk);
    cni_chunk_done(&self->whole);
}

static void
free_workers(cni_pipe_run *self)
{
    cni_allocator *allocator = self->execution->allocator;
    const cni_phys_pipeline *plan = self->plan;
    for (int32_t at = 0; self->workers != NULL && at < self->n_workers; at++) {
        cni_pipe_worker *worker = &self->workers[at];
        if (worker->run == NULL) {
            continue; /* never made */
        }
        cni_pipe_worker_close(worker);
        cni_dealloc(allocator, worker->ops, plan->n_ops * (int64_t)sizeof(*worker->ops));
        cni_dealloc(allocator, worker->branches,
                    plan->n_branches * (int64_t)sizeof(*worker->branches));
        cni_dealloc(allocator, worker->stack, plan->n_ops * (int64_t)sizeof(*worker->stack));
    }
    cni_dealloc(allocator, self->workers, self->n_workers * (int64_t)sizeof(*self->workers));
    self->workers = NULL;
}

static void
close_scans(cni_pipe_run *self)
{
    for (int32_t branch = 0; self->scans != NULL && branch < self->plan->n_branches; branch++) {
        cni_scan_close(CN_MOVE(self->scans[branch]));
    }
}

static void
close_ops(cni_pipe_run *self, int32_t first_op)
{
    for (int32_t op = first_op; self->ops != NULL && op < self->plan->n_ops; op++) {
        if (self->ops[op] != NULL && self->ops[op]->budget != NULL) {
            cni_pipe_run_note_memory(self, op);
            cni_budget_set_reclaim(self->ops[op]->budget, NULL, NULL);
        }
        cni_operator_close(CN_MOVE(self->ops[op]));
    }
}

void
cni_pipe_run_stop(cni_pipe_run *self)
{
    free_workers(self);
    close_scans(self);
    close_ops(self, 0);
}

void
cni_pipe_run_done(cni_pipe_run *self)
{
    const cni_phys_pipeline *plan = self->plan;
    if (self->execution == NULL) {
        return;
    }
    cni_allocator *allocator = self->execution->allocator;
    cni_pipe_run_stop(self);
    cni_morsel_source_done(&self->source);
    cni_dealloc(allocator, self->finalize_tasks,
                self->n_finalize_tasks * (int64_t)sizeof(*self->finalize_tasks));
    cni_dealloc(allocator, self->scan_filters,
                count_scan_filters(plan) * (int64_t)sizeof(*self->scan_filters));
    cni_dealloc(allocator, (void *)self->build_filters,
                count_build_filters(plan) * (int64_t)sizeof(*self->build_filters));
    cni_dealloc(allocator, self->notes, plan->n_ops * (int64_t)sizeof(*self->notes));
    cni_dealloc(allocator, self->scan_figures,
                plan->n_branches * (int64_t)sizeof(*self->scan_figures));
    cni_dealloc(allocator, self->branch_figures,
                plan->n_branches * (int64_t)sizeof(*self->branch_figures));
    cni_dealloc(allocator, self->op_figures, plan->n_ops * (int64_t)sizeof(*self->op_figures));
    cni_dealloc(allocator, (void *)self->scans, plan->n_branches * (int64_t)sizeof(*self->scans));
    cni_dealloc(allocator, (void *)self->ops, plan->n_ops * (int64_t)sizeof(*self->ops));
    *self = (cni_pipe_run){0};
}

void
cni_pipe_run_exchange_plan(cni_pipe_run *a, cni_pipe_run *b)
{
    const cni_pipe_run was = *a;
    a->plan = b->plan;
    a->ops = b->ops;
    a->scans = b->scans;
    a->scan_filters = b->scan_filters;
    a->build_filters = b->build_filters;
    a->op_figures = b->op_figures;
    a->branch_figures = b->branch_figures;
    a->scan_figures = b->scan_figures;
    a->notes = b->notes;
    b->plan = was.plan;
    b->ops = was.ops;
    b->scans = was.scans;
    b->scan_filters = was.scan_filters;
    b->build_filters = was.build_filters;
    b->op_figures = was.op_figures;
    b->branch_figures = was.branch_figures;
    b->scan_figures = was.scan_figures;
    b->notes = was.notes;
}

void
cni_pipe_run_close_sink(cni_pipe_run *self)
{
    cni_pipe_run_note_sink(self); /* what it has done for its readers counts */
    close_ops(self, 0);
}

/* ---- launch ---- */

/* The filters that the branch's scan listens to; they have been sealed. */
static void
add_key_filters(cni_pipe_run *self, const cni_phys_branch *branch, cni_scan_request *request)
{
    cni_scan_key_filter *filters = self->scan_filters;
    for (const cni_phys_branch *before = self->plan->branches; before < branch; before++) {
        filters += before->n_key_filters;
    }
    for (int32_t filter = 0; filter < branch->n_key_filters; filter++) {
        const cni_phys_scan_filter *wanted = &branch->key_filters[filter];
        filters[filter] =
            (cni_scan_key_filter){wanted->table_column, self->execution->key_filters[wanted->slot]};
    }
    request->n_key_filters = branch->n_key_filters;
    request->key_filters = filters;
}

/* From now on the sink is not asked for memory any more. */
static void
make_busy(cni_pipe_run *producer)
{
    while (!cni_slot_swap(&producer->sink_state, CNI_SINK_QUIESCENT, CNI_SINK_BUSY) &&
           cni_flag_consume(&producer->sink_state) != CNI_SINK_BUSY) {
        cni_thread_yield(); /* somebody reclaims */
    }
}

/* Rows of another pipeline's sink, maybe one outside of the recursion. */
static cn_code
open_sink(cni_pipe_run *self, const cni_phys_branch *branch, cni_scan **out_scan, cn_error *err)
{
    cni_execution *execution = self->execution;
    for (int32_t outer = 0; outer < branch->n_outer; outer++) {
        execution = execution->outer;
    }
    cni_pipe_run *producer = &execution->runs[branch->pipeline];
    cni_operator *sink = producer->ops[0];
    if (producer->plan->ops[0].kind == CNI_PHYS_OP_COLLECT) {
        return cni_collected_scan_new(cni_collect_rows(sink), branch->positions, branch->n_columns,
                                      execution->context, out_scan, err);
    }
    make_busy(producer);
    return sink->ops->open_source(sink, out_scan, err);
}

/* Rows of the step before, of the recursion that the branch names. */
static cn_code
open_working(cni_pipe_run *self, const cni_phys_branch *branch, cni_scan **out_scan, cn_error *err)
{
    for (const cni_execution *at = self->execution; at->recursion != NULL; at = at->outer) {
        int32_t cte_id = 0;
        const cni_collected *rows = cni_recursive_scan_rows(at->recursion, &cte_id);
        if (cte_id == branch->plan->cte_id) {
            return cni_collected_scan_new(rows, branch->positions, branch->n_columns, at->context,
                                          out_scan, err);
        }
    }
    return CN_FAIL(err, CN_INTERNAL, "recursion %d does not run here", (int)branch->plan->cte_id);
}

/* When every row has been probed, unless it is known that there will be nothing. */
static cn_code
open_behind(cni_pipe_run *self, const cni_phys_branch *branch, cni_scan **out_scan, cn_error *err)
{
    cni_execution *execution = self->execution;
    const cni_pipe_run *build = &execution->runs[branch->pipeline];
    return cni_join_build_has_more(build->ops[0], build->plan->ops[0].join)
               ? CN_OK
               : cni_empty_scan_new(execution->context, out_scan, err);
}

static cn_code
open_branch(cni_pipe_run *self, const cni_phys_branch *branch, cni_scan **out_scan, cn_error *err)
{
    cni_execution *execution = self->execution;
    cni_scan_request request = branch->request;
    switch ((cni_phys_source_kind)branch->kind) {
    case CNI_PHYS_SOURCE_TABLE:
        request.dynamic = self->plan->has_dynamic ? &self->dynamic : NULL;
        add_key_filters(self, branch, &request);
        return branch->plan->table->ops->open_scan(branch->plan->table, &request,
                                                   execution->context, out_scan, err);
    case CNI_PHYS_SOURCE_VALUES:
        return cni_values_scan_new(branch->plan, execution->context, out_scan, err);
    case CNI_PHYS_SOURCE_RECURSIVE:
        return cni_recursive_scan_new(self, branch, out_scan, err);
    case CNI_PHYS_SOURCE_WORKING:
        return open_working(self, branch, out_scan, err);
    case CNI_PHYS_SOURCE_BUILD:
        return open_behind(self, branch, out_scan, err);
    default:
        return open_sink(self, branch, out_scan, err);
    }
}

static cn_code
open_branches(cni_pipe_run *self, cn_error *err)
{
    cni_execution *execution = self->execution;
    for (int32_t at = 0; at < self->plan->n_branches; at++) {
        const cni_phys_branch *branch = &self->plan->branches[at];
        cni_mutex_lock(&execution->mutex);
        const bool dead = cni_pipe_run_is_dead(self, branch);
        cni_mutex_unlock(&execution->mutex);
        CN_TRY(dead ? cni_empty_scan_new(execution->context, &self->scans[at], err)
                    : open_branch(self, branch, &self->scans[at], err));
    }
    for (int32_t op = 0; op < self->plan->n_ops; op++) {
        if (self->plan->ops[op].kind == CNI_PHYS_OP_JOIN_PROBE) {
            make_busy(&execution->runs[self->plan->ops[op].join->build_pipeline]);
        }
    }
    return CN_OK;
}

cn_code
cni_pipe_run_open_build(cni_pipe_run *self, int32_t branch, cn_error *err)
{
    cni_execution *execution = self->execution;
    const cni_pipe_run *build = &execution->runs[self->plan->branches[branch].pipeline];
    CN_TRY(cni_join_build_scan_new(build->ops[0], build->plan->ops[0].join, execution->context,
                                   &self->scans[branch], err));
    cni_morsel_source_opened(&self->source, branch, self->scans[branch]);
    return CN_OK;
}

/* Morsels that the branch will have, about; < 0 = unknown. */
static int64_t
count_morsels(const cni_pipe_run *self, int32_t branch)
{
    if (self->scans[branch] != NULL) {
        return self->scans[branch]->n_morsels;
    }
    const cni_pipe_run *build = &self->execution->runs[self->plan->branches[branch].pipeline];
    return cni_counter_get(&build->op_figures[0].rows_in) / BUILD_MORSEL_ROWS;
}

/* As many workers as there are morsels, if that is known, and no more than threads. */
static int32_t
count_workers(const cni_pipe_run *self)
{
    int64_t n_morsels = 0;
    for (int32_t branch = 0; branch < self->plan->n_branches; branch++) {
        const int64_t n_of_branch = count_morsels(self, branch);
        if (n_of_branch < 0) {
            return self->execution->max_workers;
        }
        n_morsels += n_of_branch;
    }
    return (int32_t)cni_max_i64(1, cni_min_i64(n_morsels, self->execution->max_workers));
}

static cn_code
make_workers(cni_pipe_run *self, cn_error *err)
{
    CN_TRY(cni_alloc_zeroed(self->execution->allocator,
                            self->n_workers * (int64_t)sizeof(*self->workers), &self->workers,
                            err));
    for (int32_t at = 0; at < self->n_workers; at++) {
        CN_TRY(cni_pipe_worker_init(&self->workers[at], self, at, err));
    }
    return CN_OK;
}

static cn_code
prepare(cni_pipe_run *self, cn_error *err)
{
    cni_execution *execution = self->execution;
    self->dynamic.table_column = self->plan->dynamic_column;
    self->dynamic.key = self->plan->dynamic_key;
    cni_flag_publish(&self->dynamic.boundary, INT64_MAX);
    CN_TRY(open_branches(self, err));
    self->n_workers = count_workers(self);
    CN_TRY(cni_morsel_source_init(&self->source, execution->allocator, self->scans,
                                  self->plan->n_branches, self->n_workers, err));
    CN_TRY(cni_pipe_run_make_ops(self, err));
    return make_workers(self, err);
}

cn_code
cni_pipe_run_launch(cni_pipe_run *self, cn_error *err)
{
    cni_execution *execution = self->execution;
    CN_TRY(prepare(self, err));
    cni_flag_publish(&self->n_left, self->n_workers);
    cni_flag_publish(&self->n_working, self->n_workers);
    cni_mutex_lock(&execution->mutex);
    cni_flag_publish(&self->launched, 1);
    const bool abandoned = cni_flag_consume(&execution->abandoned) != 0;
    cni_mutex_unlock(&execution->mutex);
    if (abandoned) {
        cni_morsel_source_close(&self->source, 0, self->plan->n_branches);
    }
    const int32_t n_workers = self->n_workers;
    for (int32_t at = 0; at < n_workers; at++) {
        const cni_task_work work = {.step = cni_pipe_worker_step, .argument = &self->workers[at]};
        CN_TRY(cni_group_submit(execution->context->group, &work, err));
    }
    return CN_OK;
}

/* ---- finalize and finish ---- */

/* All rows are in the sink. */
static cn_code
finish(cni_pipe_run *self, cn_error *err)
{
    cni_pipe_run_note(self);
    close_scans(self);
    close_ops(self, 1);
    cni_flag_publish(&self->sink_state, CNI_SINK_QUIESCENT);
    cni_flag_publish(&self->finished, 1);
    return cni_execution_advance(self->execution, self, err);
}

static cn_code
finalize_part(cni_pipe_run *self, int32_t task, cn_error *err)
{
    cni_operator *sink = self->ops[0];
    const int64_t begun_ns = cni_clock_ns();
    CN_TRY(cni_context_check(self->execution->context, err));
    const cn_code code = sink->ops->finalize(sink, task, self->n_finalize_tasks, err);
    const int64_t passed_ns = cni_clock_ns() - begun_ns;
    cni_counter_add(&self->op_figures[0].time_ns, passed_ns);
    cni_counter_max(&self->op_figures[0].longest_ns, passed_ns);
    if (code != CN_OK) {
        return code;
    }
    if (cni_refcount_dec(&self->n_finalizing)) {
        return finish(self, err);
    }
    return CN_OK;
}

static cni_step
finalize_step(void *argument, cni_task *task, int32_t thread)
{
    const cni_finalize_task *self = argument;
    cni_execution *execution = self->run->execution;
    cn_error err = CN_ERROR_INIT;
    (void)task;
    (void)thread;
    if (finalize_part(self->run, self->task, &err) != CN_OK) {
        (void)cni_context_fail(execution->context, &err);
        cni_execution_notify(execution);
    }
    return CNI_STEP_DONE;
}

static cn_code
submit_finalize(cni_pipe_run *self, int32_t n_tasks, cn_error *err)
{
    cni_execution *execution = self->execution;
    CN_TRY(cni_alloc_zeroed(execution->allocator, n_tasks * (int64_t)sizeof(*self->finalize_tasks),
                            &self->finalize_tasks, err));
    self->n_finalize_tasks = n_tasks;
    cni_flag_publish(&self->n_finalizing, n_tasks);
    cni_finalize_task *tasks = self->finalize_tasks;
    for (int32_t task = 0; task < n_tasks; task++) {
        tasks[task] = (cni_finalize_task){self, task};
    }
    for (int32_t task = 0; task < n_tasks; task++) {
        const cni_task_work work = {.step = finalize_step, .argument = &tasks[task]};
        CN_TRY(cni_group_submit(execution->context->group, &work, err));
    }
    return CN_OK;
}

cn_code
cni_pipe_run_leave(cni_pipe_run *self, cn_error *err)
{
    if (!cni_refcount_dec(&self->n_left)) {
        return CN_OK;
    }
    cni_operator *sink = self->ops[0];
    if (cni_flag_consume(&self->execution->abandoned) != 0) {
        return finish(self, err);
    }
    CN_TRY(cni_pipe_run_consider_swap(self, err));
    const int32_t n_tasks = sink->ops->finalize_tasks == NULL ? 0 : sink->ops->finalize_tasks(sink);
    return n_tasks == 0 ? finish(self, err) : submit_finalize(self, n_tasks, err);
}
