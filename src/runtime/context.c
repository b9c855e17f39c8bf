/* SPDX-License-Identifier: Apache-2.0
 *
 * The query context. `cancelled` is the one word that everybody polls: it is raised by the caller's
 * cancel and, after the error is complete, by the first failure, so that a check that finds nothing
 * is a single load.
 */
#include "runtime/context.h"

#include "runtime/budget_int.h"

#define ROWS_PER_BATCH   (64 << 10)
#define CHECKS_PER_CLOCK 8 /* a power of two */

cni_exec_settings
cni_exec_settings_default(void)
{
    return (cni_exec_settings){
        .n_threads = (int32_t)cni_min_i64(cni_cpu_count(), CNI_MAX_WORKERS),
        .chunk_rows = CNI_CHUNK_ROWS_DEFAULT,
        .batch_rows = ROWS_PER_BATCH,
        .optimizer = true,
    };
}

static cn_code
check_settings(const cni_exec_settings *settings, cn_error *err)
{
    if (settings->n_threads < 1) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "a query needs at least 1 thread, not %d",
                       (int)settings->n_threads);
    }
    if (settings->chunk_rows < 1 || settings->chunk_rows > CNI_CHUNK_ROWS_MAX) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "a chunk has 1 to %d rows, not %d",
                       CNI_CHUNK_ROWS_MAX, (int)settings->chunk_rows);
    }
    return CN_OK;
}

cn_code
cni_context_init(cni_context *self, cni_budget *parent, int64_t limit_bytes, cni_pool *pool,
                 const cni_exec_settings *settings, cn_error *err)
{
    CN_TRY(check_settings(settings, err));
    cni_budget *budget = NULL;
    CN_TRY(cni_budget_new(parent, "query", limit_bytes, &budget, err));
    *self = (cni_context){
        .budget = budget,
        .allocator = cni_budget_allocator(budget),
        .pool = pool,
        .fault = cni_budget_fault(budget),
        .settings = *settings,
        .weight = CNI_WEIGHT_NORMAL,
        .now_us = cni_clock_wall_us(),
        .error = CN_ERROR_INIT,
    };
    return CN_OK;
}

void
cni_context_done(cni_context *self)
{
    cni_group_free(self->group);
    self->group = NULL;
    cni_budget_unref(self->budget);
    self->budget = NULL;
    self->allocator = NULL;
}

void
cni_context_cancel(cni_context *self)
{
    cni_flag_publish(&self->cancelled, 1);
}

/* Whether this check is one that looks at the clock. */
static bool
clock_is_due(cni_context *self)
{
    const int64_t n_checks = cni_counter_get(&self->n_checks);
    cni_counter_set(&self->n_checks, n_checks + 1);
    return n_checks % CHECKS_PER_CLOCK == 0;
}

static CN_COLD CN_NOINLINE cn_code
stop_reason(cni_context *self, cn_error *err)
{
    if (cni_flag_consume(&self->failed) != 0) {
        return cni_context_error(self, err);
    }
    return CN_FAIL(err, CN_CANCELLED, "the query was cancelled");
}

static CN_COLD CN_NOINLINE cn_code
time_out(cni_context *self, cn_error *err)
{
    cn_error timeout = CN_ERROR_INIT;
    const cn_code code = CN_FAIL(&timeout, CN_TIMEOUT, "the query's time limit has passed");
    (void)cni_context_fail(self, &timeout);
    if (err != NULL) {
        *err = timeout;
    }
    return code;
}

cn_code
cni_context_check(cni_context *self, cn_error *err)
{
    if (CN_UNLIKELY(cni_flag_consume(&self->cancelled) != 0)) {
        return stop_reason(self, err);
    }
    if (CN_UNLIKELY(self->deadline_ns != 0 && clock_is_due(self) &&
                    cni_clock_ns() >= self->deadline_ns)) {
        return time_out(self, err);
    }
    return CN_OK;
}

cn_code
cni_context_look(cni_context *self, cn_error *err)
{
    if (cni_flag_consume(&self->cancelled) != 0) {
        return stop_reason(self, err);
    }
    if (self->deadline_ns != 0 && cni_clock_ns() >= self->deadline_ns) {
        return time_out(self, err);
    }
    return CN_OK;
}

cn_code
cni_context_fail(cni_context *self, const cn_error *err)
{
    if (cni_slot_swap(&self->error_claimed, 0, 1)) {
        self->error = *err;
        cni_flag_publish(&self->failed, 1);
        cni_flag_publish(&self->cancelled, 1);
    }
    return (cn_code)err->code;
}

cn_code
cni_context_error(cni_context *self, cn_error *out_err)
{
    if (cni_flag_consume(&self->failed) == 0) {
        return CN_OK;
    }
    if (out_err != NULL) {
        *out_err = self->error;
    }
    return (cn_code)self->error.code;
}

cn_code
cni_context_may_open_file(const cni_context *self, cni_str path, bool writing, cn_error *err)
{
    if (self->policy == NULL || self->policy->open_file == NULL) {
        return CN_OK;
    }
    return self->policy->open_file(self->policy->private_data, path, writing, err);
}
