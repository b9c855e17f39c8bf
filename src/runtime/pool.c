/* SPDX-License-Identifier: Apache-2.0
 *
 * Pools: own threads or jobs on the host's executor, and which group's task runs next. The order of
 * groups is in rank.c.
 *
 * Threads start when called the first time and then wait for calls; a host job leaves when it finds
 * nothing to do.
 */
#include <unistd.h>

#include "base/fault.h"
#include "runtime/task_int.h"

#define WORKER_STACK_BYTES (1 << 20)
#define HOST_SLICE_NS      20000000

struct cni_pool {
    cni_core *core; /* referenced */
};

cni_core *
cni_pool_core(const cni_pool *self)
{
    return self->core;
}

bool
cni_core_is_foreign(const cni_core *self)
{
    return CN_UNLIKELY(getpid() != self->pid);
}

/* ---- choosing and running work ---- */

/* The group that ranks first of those that pool threads may run. Under the lock. */
static cni_group *
choose_group(const cni_core *self)
{
    cni_group *best = NULL;
    for (cni_group *group = self->first_listed; group != NULL; group = group->next_listed) {
        const bool may_run = group->max_workers > 1 && group->n_running < group->max_workers;
        if (may_run && (best == NULL || cni_group_ranks_before(group, best, 0))) {
            best = group;
        }
    }
    return best;
}

/* Run one task of the fairest group; false when there is none. The lock is held before and after.
 */
static bool
run_one(cni_core *self, int32_t worker)
{
    cni_group *group = choose_group(self);
    if (group == NULL || !cni_core_may_run(self, group)) {
        return false;
    }
    cni_task *task = cni_group_take_ready(group);
    const cni_call call = cni_group_call_help(group);
    cni_mutex_unlock(&self->mutex);
    cni_core_carry_out(self, call);
    cni_task_run(self, task, worker);
    return true;
}

/* An own thread has nothing that it may run. The lock is held before and after. */
static void
wait_for_call(cni_core *self)
{
    const cni_call call = cni_core_offer_slot(self);
    if (call.worker != NULL) {
        cni_mutex_unlock(&self->mutex);
        cni_core_carry_out(self, call);
        cni_mutex_lock(&self->mutex);
        return; /* much may have happened meanwhile */
    }
    self->n_idle++;
    cni_cond_wait(&self->idle, &self->mutex);
    self->n_idle--;
    self->n_signalled = (int32_t)cni_max_i64(self->n_signalled - 1, 0);
}

static void *
thread_main(void *argument)
{
    cni_worker *worker = argument;
    cni_core *self = worker->core;
    cni_mutex_lock(&self->mutex);
    while (!self->closing) {
        if (!run_one(self, worker->number)) {
            wait_for_call(self);
        }
    }
    cni_mutex_unlock(&self->mutex);
    return NULL;
}

/* A place is free again and nothing is under way for it. Under the lock. */
static void
leave_place(cni_worker *worker)
{
    worker->is_taken = false;
    worker->core->n_unsettled--;
    cni_cond_broadcast(&worker->core->settled);
}

/* What the host runs: work for a slice of time, then the host's turn, then another job if need be.
 */
static void
host_job_main(void *argument)
{
    cni_worker *worker = argument;
    cni_core *self = worker->core;
    const int64_t until_ns = cni_clock_ns() + HOST_SLICE_NS;
    cni_call call = {NULL};
    cni_mutex_lock(&self->mutex);
    while (!self->closing && cni_clock_ns() < until_ns && run_one(self, worker->number)) {
    }
    worker->is_taken = false; /* for the next job; the pool waits for this one all the same */
    if (!self->closing) {
        call = cni_core_offer_slot(self);
    }
    cni_mutex_unlock(&self->mutex);
    cni_core_carry_out(self, call);
    cni_mutex_lock(&self->mutex);
    self->n_unsettled--;
    cni_cond_broadcast(&self->settled);
    cni_mutex_unlock(&self->mutex);
}

/* ---- calling workers ---- */

cni_call
cni_core_call_worker(cni_core *self)
{
    if (self->n_idle > self->n_signalled) {
        self->n_signalled++;
        cni_cond_signal(&self->idle);
        return (cni_call){NULL};
    }
    for (int32_t place = 0; place < self->n_threads - 1 && !self->closing; place++) {
        cni_worker *worker = &self->workers[place];
        if (!worker->is_taken) {
            worker->is_taken = true;
            self->n_unsettled++;
            return (cni_call){worker};
        }
    }
    return (cni_call){NULL};
}

static void
start_thread(cni_core *self, cni_worker *worker)
{
    bool started = !cni_fault_hit(self->fault, CNI_FAULT_THREAD);
    cni_thread thread;
    if (started) {
        started = cni_thread_start(&thread, thread_main, worker, WORKER_STACK_BYTES, NULL) == CN_OK;
    }
    cni_mutex_lock(&self->mutex);
    if (started) {
        worker->thread = thread;
        self->n_unsettled--;
        cni_cond_broadcast(&self->settled);
    } else {
        leave_place(worker);
    }
    cni_mutex_unlock(&self->mutex);
}

void
cni_core_carry_out(cni_core *self, cni_call call)
{
    if (call.worker == NULL) {
        return;
    }
    if (self->executor.submit == NULL) {
        start_thread(self, call.worker);
        return;
    }
    if (self->executor.submit(self->executor.private_data, host_job_main, call.worker) != 0) {
        cni_mutex_lock(&self->mutex);
        leave_place(call.worker);
        cni_mutex_unlock(&self->mutex);
    }
}

/* ---- life ---- */

static cn_code
core_new(cni_allocator *allocator, int32_t n_threads, cni_core **out_core, cn_error *err)
{
    cni_core *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    const int64_t workers_bytes = (n_threads - 1) * (int64_t)sizeof(cni_worker);
    const cn_code code = cni_alloc_zeroed(allocator, workers_bytes, &self->workers, err);
    if (code != CN_OK) {
        cni_dealloc(allocator, self, (int64_t)sizeof(*self));
        return code;
    }
    for (int32_t place = 0; place < n_threads - 1; place++) {
        self->workers[place].core = self;
        self->workers[place].number = place + 1;
    }
    cni_allocator_ref(allocator);
    self->allocator = allocator;
    self->n_refs = 1;
    self->n_threads = n_threads;
    self->n_slots = (int32_t)cni_max_i64(n_threads, cni_cpu_count());
    self->pid = getpid();
    cni_mutex_init(&self->mutex);
    cni_cond_init(&self->idle);
    cni_cond_init(&self->settled);
    *out_core = self;
    return CN_OK;
}

void
cni_core_unref(cni_core *self)
{
    if (!cni_refcount_dec(&self->n_refs)) {
        return;
    }
    if (!cni_core_is_foreign(self)) {
        cni_cond_done(&self->settled);
        cni_cond_done(&self->idle);
        cni_mutex_done(&self->mutex);
    }
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self->workers, (self->n_threads - 1) * (int64_t)sizeof(cni_worker));
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

cn_code
cni_pool_new(cni_allocator *allocator, int32_t n_threads, const cni_executor *executor,
             cni_fault *fault, cni_pool **out_pool, cn_error *err)
{
    if (n_threads < 1 || n_threads > CNI_MAX_WORKERS) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "a worker pool has 1 to %d threads, not %d",
                       CNI_MAX_WORKERS, (int)n_threads);
    }
    cni_pool *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    const cn_code code = core_new(allocator, n_threads, &self->core, err);
    if (code != CN_OK) {
        cni_dealloc(allocator, self, (int64_t)sizeof(*self));
        return code;
    }
    if (executor != NULL) {
        self->core->executor = *executor;
    }
    self->core->fault = fault;
    *out_pool = self;
    return CN_OK;
}

/* Until no thread is being started and no host job is left. */
static void
close_core(cni_core *self)
{
    cni_mutex_lock(&self->mutex);
    self->closing = true;
    cni_cond_broadcast(&self->idle);
    while (self->n_unsettled > 0) {
        cni_cond_wait(&self->settled, &self->mutex);
    }
    cni_mutex_unlock(&self->mutex);
    for (int32_t place = 0; place < self->n_threads - 1; place++) {
        if (self->workers[place].is_taken) {
            cni_thread_join(&self->workers[place].thread);
        }
    }
}

void
cni_pool_free(cni_pool *self)
{
    if (self == NULL) {
        return;
    }
    cni_core *core = self->core;
    if (!cni_core_is_foreign(core)) {
        close_core(core);
    }
    cni_dealloc(core->allocator, self, (int64_t)sizeof(*self));
    cni_core_unref(core);
}

bool
cni_pool_is_inside(const cni_pool *self)
{
    cni_core *core = self->core;
    if (cni_core_is_foreign(core)) {
        return false;
    }
    cni_mutex_lock(&core->mutex);
    const bool is_inside = cni_core_is_inside(core);
    cni_mutex_unlock(&core->mutex);
    return is_inside;
}

void
cni_pool_pause(cni_pool *self, bool paused)
{
    cni_core *core = self->core;
    const uint64_t me = cni_thread_id();
    cni_call call = {NULL};
    if (cni_core_is_foreign(core)) {
        return;
    }
    cni_mutex_lock(&core->mutex);
    cni_task *task = core->first_running;
    while (task != NULL && task->thread != me) {
        task = task->next_running;
    }
    if (task != NULL) {
        core->n_busy += paused ? -1 : 1;
        task->begun_ns = paused ? INT64_MAX : cni_clock_ns(); /* not overdue */
    }
    if (task != NULL && paused) {
        call = cni_core_offer_slot(core);
    }
    cni_mutex_unlock(&core->mutex);
    cni_core_carry_out(core, call);
}

int32_t
cni_pool_threads(const cni_pool *self)
{
    return self->core->n_threads;
}
