/* SPDX-License-Identifier: Apache-2.0
 *
 * Executions: what a caller holds of a running query. Pipelines start in the plan's order, each
 * when those that it needs have finished and those under way leave workers idle; the caller's
 * thread runs tasks while it waits for the next chunk of the result.
 *
 * An execution may be a part of a recursion (recursive_scan.c): then it works in the group of the
 * outer one, nobody calls next, and its end is told to the recursion.
 */
#include "exec/pipeline/execution.h"

#include "exec/pipeline/pipeline_int.h"

/* Plans over fewer rows than this are run by the caller alone: waking a thread costs more. */
#define TINY_ROWS 16384

/* ---- life ---- */

static int32_t
choose_workers(const cni_physical_plan *plan, const cni_context *context)
{
    const int64_t n_threads =
        cni_min_i64(context->settings.n_threads, cni_pool_threads(context->pool));
    const bool tiny = plan->estimated_rows >= 0.0 && plan->estimated_rows < TINY_ROWS;
    return tiny ? 1 : (int32_t)cni_max_i64(1, cni_min_i64(n_threads, CNI_MAX_WORKERS));
}

static cn_code
make_key_filters(cni_execution *self, cn_error *err)
{
    const int32_t n_filters = self->plan->n_key_filters;
    CN_TRY(cni_alloc_zeroed(self->allocator, n_filters * (int64_t)sizeof(*self->key_filters),
                            (void *)&self->key_filters, err));
    for (int32_t slot = 0; slot < n_filters; slot++) {
        CN_TRY(cni_key_filter_new(self->allocator, self->plan->key_filter_types[slot],
                                  &self->key_filters[slot], err));
    }
    return CN_OK;
}

static cn_code
init(cni_execution *self, cn_error *err)
{
    CN_TRY(cni_alloc_zeroed(self->allocator, self->cap_runs * (int64_t)sizeof(*self->order),
                            &self->order, err));
    CN_TRY(cni_alloc_zeroed(self->allocator, self->cap_runs * (int64_t)sizeof(*self->runs),
                            &self->runs, err));
    for (int32_t at = 0; at < self->n_runs; at++) {
        self->order[at] = at;
    }
    for (int32_t at = 0; at < self->n_runs; at++) {
        CN_TRY(cni_pipe_run_init(&self->runs[at], self, at, &self->plan->pipelines[at], err));
    }
    CN_TRY(cni_execution_link(self, err));
    return make_key_filters(self, err);
}

static cn_code
make(const cni_physical_plan *plan, cni_context *context, int32_t max_workers,
     cni_execution **out_execution, cn_error *err)
{
    cni_execution *self = NULL;
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    self->plan = plan;
    self->context = context;
    self->allocator = context->allocator;
    self->max_workers = max_workers;
    self->n_runs = plan->n_pipelines;
    self->cap_runs = plan->n_pipelines + cni_execution_count_swaps(plan);
    cni_mutex_init(&self->mutex);
    *out_execution = self;
    return init(self, err);
}

cn_code
cni_execution_new(const cni_physical_plan *plan, cni_context *context,
                  cni_execution **out_execution, cn_error *err)
{
    cni_execution *self = NULL;
    if (context->group != NULL) {
        return CN_FAIL(err, CN_INVALID_STATE, "the context runs a query already");
    }
    cn_code code = make(plan, context, choose_workers(plan, context), &self, err);
    if (code == CN_OK) {
        code = cni_group_new(context->pool, context->allocator, self->max_workers, &context->group,
                             err);
    }
    if (code != CN_OK) {
        cni_execution_close(self);
        return code;
    }
    *out_execution = self;
    return CN_OK;
}

cn_code
cni_execution_new_nested(const cni_physical_plan *plan, cni_execution *outer, cni_scan *recursion,
                         cni_execution **out_execution, cn_error *err)
{
    cni_execution *self = NULL;
    const cn_code code = make(plan, outer->context, outer->max_workers, &self, err);
    if (self != NULL) {
        self->outer = outer;
        self->recursion = recursion;
    }
    if (code != CN_OK) {
        cni_execution_close(self);
        return code;
    }
    *out_execution = self;
    return CN_OK;
}

static void
free_parts(cni_execution *self)
{
    /* Consumers first: their scans lie over the sinks of those before them. */
    for (int32_t at = self->n_runs - 1; self->runs != NULL && at >= 0; at--) {
        cni_pipe_run_done(&self->runs[self->order[at]]);
    }
    const int32_t n_filters = self->plan->n_key_filters;
    for (int32_t slot = 0; self->key_filters != NULL && slot < n_filters; slot++) {
        cni_key_filter_unref(self->key_filters[slot]);
    }
    cni_dealloc(self->allocator, (void *)self->key_filters,
                n_filters * (int64_t)sizeof(*self->key_filters));
    cni_dealloc(self->allocator, self->uses, self->n_uses * (int64_t)sizeof(*self->uses));
    cni_dealloc(self->allocator, self->runs, self->cap_runs * (int64_t)sizeof(*self->runs));
    cni_dealloc(self->allocator, self->order, self->cap_runs * (int64_t)sizeof(*self->order));
    cni_arena_unref(self->arena);
    cni_mutex_done(&self->mutex);
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
}

/* No step runs any more. */
static void
end_group(cni_execution *self)
{
    cni_context *context = self->context;
    if (cni_flag_consume(&self->finished) == 0 && self->started) {
        cni_context_cancel(context);
    }
    cni_group_free(context->group); /* steps that still run may notify it */
    context->group = NULL;
}

/* Operators would discard all that they have written, which goes with its files anyway. */
static void
set_ending(const cni_execution *self, bool ending)
{
    cni_spill_store *spill = self->outer == NULL ? self->context->spill : NULL;
    if (spill != NULL) {
        cni_spill_store_set_ending(spill, ending);
    }
}

void
cni_execution_stop(cni_execution *self)
{
    CN_ASSERT(self->outer == NULL);
    end_group(self);
    set_ending(self, true);
    for (int32_t at = self->n_runs - 1; at >= 0; at--) {
        cni_pipe_run_stop(&self->runs[self->order[at]]);
    }
    set_ending(self, false);
}

void
cni_execution_close(cni_execution *self)
{
    if (self == NULL) {
        return;
    }
    const cni_context *context = self->context;
    cni_spill_store *spill = self->outer == NULL ? context->spill : NULL;
    if (self->outer == NULL) {
        end_group(self);
    }
    set_ending(self, true);
    free_parts(self);
    if (spill != NULL) {
        cni_spill_store_set_ending(spill, false);
    }
}

/* ---- pipelines ---- */

void
cni_execution_notify(void *execution)
{
    const cni_execution *self = execution;
    cni_group_notify(self->context->group);
}

/* The next pipeline that may start, or NULL. Under the mutex. */
static cni_pipe_run *
take_ready(cni_execution *self)
{
    const bool stopped = cni_flag_consume(&self->abandoned) != 0;
    for (int32_t at = 0; at < self->n_runs && !stopped && self->n_busy < self->max_workers; at++) {
        cni_pipe_run *run = &self->runs[self->order[at]];
        if (!run->taken && run->n_needs == 0) {
            run->taken = true;
            self->n_busy += self->max_workers; /* until it is known how many it has */
            return run;
        }
    }
    return NULL;
}

static void
release(cni_execution *self)
{
    if (cni_refcount_dec(&self->n_holds) && self->recursion != NULL) {
        cni_recursive_scan_stepped(self->recursion); /* self may be gone now */
    }
}

/* Launch what can be. The caller has a hold. */
static cn_code
launch_ready(cni_execution *self, cn_error *err)
{
    cni_mutex_lock(&self->mutex);
    cni_pipe_run *run = take_ready(self);
    while (run != NULL) {
        cni_refcount_inc(&self->n_holds); /* the run's, until it has advanced */
        cni_mutex_unlock(&self->mutex);
        CN_TRY(cni_pipe_run_launch(run, err));
        cni_mutex_lock(&self->mutex);
        self->n_busy -= self->max_workers - run->n_workers;
        run = take_ready(self);
    }
    cni_mutex_unlock(&self->mutex);
    return CN_OK;
}

cn_code
cni_execution_start(cni_execution *self, cn_error *err)
{
    self->started = true;
    cni_counter_set(&self->started_ns, cni_clock_ns());
    cni_flag_publish(&self->n_holds, 1);
    const cn_code code = launch_ready(self, err);
    if (code == CN_OK) {
        release(self);
    }
    return code;
}

cn_code
cni_execution_advance(cni_execution *self, cni_pipe_run *finished, cn_error *err)
{
    cni_mutex_lock(&self->mutex);
    cni_pipe_run *unread = cni_execution_settle_uses(self, finished);
    self->n_busy -= finished->n_workers;
    cni_mutex_unlock(&self->mutex);
    while (unread != NULL) {
        cni_pipe_run *next = unread->next_unread;
        cni_pipe_run_close_sink(unread);
        unread = next;
    }
    if (finished->index == self->plan->n_pipelines - 1) {
        cni_counter_set(&self->ended_ns, cni_clock_ns());
        cni_flag_publish(&self->finished, 1);
        cni_execution_notify(self);
    }
    const cn_code code = launch_ready(self, err);
    if (code == CN_OK) {
        release(self);
    }
    return code;
}

void
cni_execution_abandon(cni_execution *self)
{
    cni_mutex_lock(&self->mutex);
    cni_flag_publish(&self->abandoned, 1);
    cni_mutex_unlock(&self->mutex);
    for (int32_t at = 0; at < self->n_runs; at++) { /* inside a recursion nothing is added */
        cni_pipe_run *run = &self->runs[at];
        if (cni_flag_consume(&run->launched) != 0) {
            cni_morsel_source_close(&run->source, 0, run->plan->n_branches);
        }
    }
}

/* ---- the result ---- */

static cni_operator *
result_of(cni_execution *self)
{
    cni_pipe_run *last = &self->runs[self->plan->n_pipelines - 1];
    return cni_flag_consume(&last->launched) != 0 ? last->ops[0] : NULL;
}

/* Whether `next` has something to say. */
static bool
can_answer(void *argument)
{
    cni_execution *self = argument;
    cni_operator *result = result_of(self);
    return cni_flag_consume(&self->finished) != 0 ||
           (result != NULL && cni_result_has_chunk(result)) ||
           cni_context_check(self->context, NULL) != CN_OK;
}

cn_code
cni_execution_next(cni_execution *self, cni_chunk *inout_chunk, cni_execution_answer *out_answer,
                   cn_error *err)
{
    CN_TRY(cni_context_check(self->context, err));
    if (!self->started) {
        cn_error reason = CN_ERROR_INIT;
        if (cni_execution_start(self, &reason) != CN_OK) {
            (void)cni_context_fail(self->context, &reason);
            return cni_context_error(self->context, err);
        }
    }
    const bool answered = cni_group_help(self->context->group, can_answer, self);
    CN_TRY(cni_context_check(self->context, err));
    cni_operator *result = result_of(self);
    if (result != NULL && cni_result_take(result, inout_chunk) == CNI_RESULT_CHUNK) {
        inout_chunk->ends_morsel = false;
        *out_answer = CNI_EXECUTION_CHUNK;
        return CN_OK;
    }
    CN_TRY(cni_context_check(self->context, err)); /* rows of the result could not be read back */
    if (!answered) {
        return CN_FAIL(err, CN_INTERNAL, "the query has stopped before its end");
    }
    *out_answer = CNI_EXECUTION_END;
    return CN_OK;
}
