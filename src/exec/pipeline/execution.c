/* SPDX-License-Identifier: Apache-2.0
 *
 * Executions: what a caller holds of a running query. Pipelines start when those that they need
 * have finished; the caller's thread runs tasks while it waits for the next chunk of the result.
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

/* Who reads which sink. */
static void
link_runs(cni_execution *self)
{
    for (int32_t at = 0; at < self->n_runs; at++) {
        const cni_phys_pipeline *plan = self->runs[at].plan;
        for (int32_t branch = 0; branch < plan->n_branches; branch++) {
            if (plan->branches[branch].kind == CNI_PHYS_SOURCE_PIPELINE) {
                self->runs[plan->branches[branch].pipeline].consumer = at;
            }
        }
    }
}

static cn_code
init(cni_execution *self, cn_error *err)
{
    cni_context *context = self->context;
    CN_TRY(cni_alloc_zeroed(self->allocator, self->n_runs * (int64_t)sizeof(*self->runs),
                            &self->runs, err));
    for (int32_t at = 0; at < self->n_runs; at++) {
        CN_TRY(cni_pipe_run_init(&self->runs[at], self, at, err));
    }
    link_runs(self);
    return cni_group_new(context->pool, self->allocator, self->max_workers, &context->group, err);
}

cn_code
cni_execution_new(const cni_physical_plan *plan, cni_context *context,
                  cni_execution **out_execution, cn_error *err)
{
    cni_execution *self = NULL;
    if (context->group != NULL) {
        return CN_FAIL(err, CN_INVALID_STATE, "the context runs a query already");
    }
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    self->plan = plan;
    self->context = context;
    self->allocator = context->allocator;
    self->max_workers = choose_workers(plan, context);
    self->n_runs = plan->n_pipelines;
    const cn_code code = init(self, err);
    if (code != CN_OK) {
        cni_execution_close(self);
        return code;
    }
    *out_execution = self;
    return CN_OK;
}

void
cni_execution_close(cni_execution *self)
{
    if (self == NULL) {
        return;
    }
    cni_context *context = self->context;
    if (cni_flag_consume(&self->finished) == 0 && self->started) {
        cni_context_cancel(context);
    }
    cni_group_free(context->group); /* steps that still run may notify it */
    context->group = NULL;
    /* Consumers first: their scans lie over the sinks of those before them. */
    for (int32_t at = self->n_runs - 1; self->runs != NULL && at >= 0; at--) {
        cni_pipe_run_done(&self->runs[at]);
    }
    cni_dealloc(self->allocator, self->runs, self->n_runs * (int64_t)sizeof(*self->runs));
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
}

/* ---- pipelines ---- */

void
cni_execution_notify(void *execution)
{
    const cni_execution *self = execution;
    cni_group_notify(self->context->group);
}

static cn_code
start(cni_execution *self, cn_error *err)
{
    self->started = true;
    self->started_ns = cni_clock_ns();
    /* A pipeline without needs may finish others' needs before the loop gets to them: ask which had
     * none from the start. */
    for (int32_t at = 0; at < self->n_runs; at++) {
        const cni_phys_pipeline *plan = self->runs[at].plan;
        bool ready = true;
        for (int32_t branch = 0; branch < plan->n_branches; branch++) {
            ready = ready && plan->branches[branch].kind != CNI_PHYS_SOURCE_PIPELINE;
        }
        if (ready) {
            CN_TRY(cni_pipe_run_launch(&self->runs[at], err));
        }
    }
    return CN_OK;
}

cn_code
cni_execution_advance(cni_execution *self, cni_pipe_run *finished, cn_error *err)
{
    if (finished->consumer < 0) {
        cni_counter_set(&self->ended_ns, cni_clock_ns());
        cni_flag_publish(&self->finished, 1);
        cni_execution_notify(self);
        return CN_OK;
    }
    cni_pipe_run *consumer = &self->runs[finished->consumer];
    if (cni_refcount_dec(&consumer->n_needs)) {
        return cni_pipe_run_launch(consumer, err);
    }
    return CN_OK;
}

/* ---- the result ---- */

static cni_operator *
result_of(cni_execution *self)
{
    cni_pipe_run *last = &self->runs[self->n_runs - 1];
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
        if (start(self, &reason) != CN_OK) {
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
    if (!answered) {
        return CN_FAIL(err, CN_INTERNAL, "the query has stopped before its end");
    }
    *out_answer = CNI_EXECUTION_END;
    return CN_OK;
}
