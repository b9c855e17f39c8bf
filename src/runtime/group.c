/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups: the tasks of one query, their ready queue, helping callers and teardown.
 *
 * As many new tasks as there are helping callers, and one when there is none, are left to them, so
 * that small queries wake nobody; pool threads are called for more. What is ready while a caller
 * is about to be inside a step is not left to that one. A group of one worker never
 * calls them: it runs while somebody helps. Each thread that takes a task calls the next one while
 * there is more to take.
 */
#include "runtime/task_int.h"

/* A sleeping helper looks at done() this often, so that a cancel or a deadline that nobody
 * announces is seen. */
#define HELPER_SLEEP_NS (50 * INT64_C(1000000))

/* ---- queues, all under the lock ---- */

/* Put the group on the pool's list of groups with ready tasks, or take it off. */
static void
update_listing(cni_group *self)
{
    cni_core *core = self->core;
    const bool wanted = self->n_ready > 0;
    if (wanted == self->is_listed) {
        return;
    }
    self->is_listed = wanted;
    cni_group_update_active(self);
    if (wanted) {
        self->prev_listed = NULL;
        self->next_listed = core->first_listed;
        if (core->first_listed != NULL) {
            core->first_listed->prev_listed = self;
        }
        core->first_listed = self;
        return;
    }
    if (self->prev_listed != NULL) {
        self->prev_listed->next_listed = self->next_listed;
    } else {
        core->first_listed = self->next_listed;
    }
    if (self->next_listed != NULL) {
        self->next_listed->prev_listed = self->prev_listed;
    }
}

void
cni_group_put_ready(cni_group *self, cni_task *task)
{
    task->state = CNI_TASK_READY;
    task->next_ready = NULL;
    if (self->last_ready != NULL) {
        self->last_ready->next_ready = task;
    } else {
        self->first_ready = task;
    }
    self->last_ready = task;
    self->n_ready++;
    update_listing(self);
}

static void
link_running(cni_core *core, cni_task *task)
{
    task->prev_running = NULL;
    task->next_running = core->first_running;
    if (core->first_running != NULL) {
        core->first_running->prev_running = task;
    }
    core->first_running = task;
    core->n_busy++;
}

cni_task *
cni_group_take_ready(cni_group *self)
{
    self->n_running++;
    self->core->pass = self->tenant->pass;
    self->tenant->group_pass = self->pass;
    cni_task *task = self->first_ready;
    self->first_ready = task->next_ready;
    if (self->first_ready == NULL) {
        self->last_ready = NULL;
    }
    self->n_ready--;
    update_listing(self);
    task->state = CNI_TASK_RUNNING;
    task->woken = false;
    task->thread = cni_thread_id();
    task->begun_ns = cni_clock_ns();
    link_running(self->core, task);
    return task;
}

void
cni_group_put_back(cni_group *self, cni_task *task)
{
    cni_core *core = self->core;
    if (task->prev_running != NULL) {
        task->prev_running->next_running = task->next_running;
    } else {
        core->first_running = task->next_running;
    }
    if (task->next_running != NULL) {
        task->next_running->prev_running = task->prev_running;
    }
    core->n_busy--;
}

int64_t
cni_group_left_to_helpers(const cni_group *self)
{
    return self->n_helpers == 0 ? 1 : self->n_helpers - self->n_helping;
}

cni_call
cni_group_call_help(cni_group *self)
{
    if (self->n_ready == 0 || self->n_running >= self->max_workers) {
        return (cni_call){NULL};
    }
    if (self->n_sleeping > 0) {
        cni_cond_signal(&self->changed);
    }
    if (self->core->n_busy >= self->core->n_slots) {
        return (cni_call){NULL}; /* whoever leaves a slot offers it */
    }
    if (self->max_workers == 1 || self->n_ready <= cni_group_left_to_helpers(self)) {
        return (cni_call){NULL};
    }
    return cni_core_call_worker(self->core);
}

/* ---- life ---- */

cn_code
cni_group_new(cni_pool *pool, cni_allocator *allocator, int32_t max_workers, cni_group **out_group,
              cn_error *err)
{
    cni_core *core = cni_pool_core(pool);
    if (cni_core_is_foreign(core)) {
        return CN_FAIL(err, CN_INVALID_STATE,
                       "the worker pool belongs to the process that made it, not to its fork");
    }
    if (max_workers < 1) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "a query needs at least 1 worker, not %d",
                       (int)max_workers);
    }
    cni_group *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    cni_allocator_ref(allocator);
    cni_refcount_inc(&core->n_refs);
    self->n_refs = 1;
    self->core = core;
    self->allocator = allocator;
    self->max_workers = max_workers;
    self->weight = CNI_WEIGHT_NORMAL;
    self->tenant = &self->own;
    cni_cond_init(&self->changed);
    *out_group = self;
    return CN_OK;
}

void
cni_group_join(cni_group *self, cni_tenant *tenant, int32_t weight)
{
    CN_ASSERT(self->tenant == &self->own && self->tasks == NULL && tenant->core == self->core);
    self->tenant = cni_tenant_ref(tenant);
    self->weight = weight;
}

void
cni_group_unref(cni_group *self)
{
    if (cni_refcount_dec(&self->n_refs)) {
        cni_core *core = self->core;
        cni_allocator *allocator = self->allocator;
        if (!cni_core_is_foreign(core)) {
            cni_cond_done(&self->changed);
        }
        if (self->tenant != &self->own) {
            cni_tenant_unref(self->tenant);
        }
        cni_dealloc(allocator, self, (int64_t)sizeof(*self));
        cni_allocator_unref(allocator);
        cni_core_unref(core);
    }
}

/* No task is taken any more; gives the unfinished ones, none of which runs. Under the lock. */
static cni_task *
close_and_wait(cni_group *self)
{
    self->closing = true;
    self->first_ready = NULL;
    self->last_ready = NULL;
    self->n_ready = 0;
    update_listing(self);
    while (self->n_running > 0 || self->n_helpers > 0) {
        cni_cond_broadcast(&self->changed);
        cni_cond_wait(&self->changed, &self->core->mutex);
    }
    for (cni_task *task = self->tasks; task != NULL; task = task->next_of_group) {
        task->state = CNI_TASK_OVER;
    }
    cni_task *tasks = self->tasks;
    self->tasks = NULL;
    self->n_pending = 0;
    return tasks;
}

void
cni_group_free(cni_group *self)
{
    if (self == NULL) {
        return;
    }
    cni_core *core = self->core;
    cni_task *dropped = NULL;
    if (cni_core_is_foreign(core)) {
        dropped = self->tasks; /* nobody else runs in this process */
    } else {
        cni_mutex_lock(&core->mutex);
        dropped = close_and_wait(self);
        cni_mutex_unlock(&core->mutex);
    }
    while (dropped != NULL) {
        cni_task *next = dropped->next_of_group;
        if (dropped->work.on_done != NULL) {
            dropped->work.on_done(dropped->work.argument);
        }
        cni_task_unref(dropped);
        dropped = next;
    }
    cni_group_unref(self);
}

cn_code
cni_group_submit(cni_group *self, const cni_task_work *work, cn_error *err)
{
    cni_core *core = self->core;
    if (cni_core_is_foreign(core)) {
        return CN_FAIL(err, CN_INVALID_STATE,
                       "the worker pool belongs to the process that made it, not to its fork");
    }
    cni_task *task = NULL;
    CN_TRY(cni_alloc_zeroed(self->allocator, (int64_t)sizeof(*task), &task, err));
    task->n_refs = 1;
    cni_refcount_inc(&self->n_refs);
    task->group = self;
    task->work = *work;
    cni_mutex_lock(&core->mutex);
    task->next_of_group = self->tasks;
    if (self->tasks != NULL) {
        self->tasks->prev_of_group = task;
    }
    self->tasks = task;
    self->n_pending++;
    cni_call call = {NULL};
    if (self->closing) {
        task->state = CNI_TASK_PARKED; /* submitted by a last step: dropped with the others */
    } else {
        cni_group_put_ready(self, task);
        const bool left_to_helpers = self->n_ready <= cni_max_i64(1, self->n_helpers);
        call = left_to_helpers && self->n_sleeping == 0 ? call : cni_group_call_help(self);
    }
    cni_mutex_unlock(&core->mutex);
    cni_core_carry_out(core, call);
    return CN_OK;
}

void
cni_group_notify(cni_group *self)
{
    cni_core *core = self->core;
    if (cni_core_is_foreign(core)) {
        return;
    }
    cni_mutex_lock(&core->mutex);
    self->n_notices++;
    cni_cond_broadcast(&self->changed);
    cni_mutex_unlock(&core->mutex);
}

int64_t
cni_group_pending(const cni_group *self)
{
    cni_core *core = self->core;
    if (cni_core_is_foreign(core)) {
        return 0;
    }
    cni_mutex_lock(&core->mutex);
    const int64_t n_pending = self->n_pending;
    cni_mutex_unlock(&core->mutex);
    return n_pending;
}

/* ---- helping ---- */

/* Give the slot that this helper does not use to another one. The lock is held before and after.
 */
static void
pass_slot_on(cni_core *core)
{
    const cni_call call = cni_core_offer_slot(core);
    if (call.worker != NULL) {
        cni_mutex_unlock(&core->mutex);
        cni_core_carry_out(core, call);
        cni_mutex_lock(&core->mutex);
    }
}

/* Run one task, or sleep until something changes. `inside`: the caller is in a step itself, which
 * has a slot. The lock is held before and after. */
static void
run_or_sleep(cni_group *self, int64_t n_notices, bool inside)
{
    cni_core *core = self->core;
    const bool could = self->n_ready > 0 && self->n_running < self->max_workers && !self->closing;
    if (could && (inside || cni_core_may_run(core, self))) {
        cni_task *task = cni_group_take_ready(self);
        self->n_helping++;
        const cni_call call = cni_group_call_help(self);
        cni_mutex_unlock(&core->mutex);
        cni_core_carry_out(core, call);
        cni_task_run(core, task, 0);
        self->n_helping--;
        return;
    }
    pass_slot_on(core);
    if (self->n_pending > 0 && self->n_notices == n_notices && !self->closing) {
        self->n_sleeping++;
        const int64_t until_ns =
            cni_core_look_again_ns(core, self, cni_clock_ns() + HELPER_SLEEP_NS);
        (void)cni_cond_wait_until(&self->changed, &core->mutex, until_ns);
        self->n_sleeping--;
    }
}

bool
cni_group_help(cni_group *self, bool (*done)(void *argument), void *argument)
{
    cni_core *core = self->core;
    if (cni_core_is_foreign(core)) {
        return done(argument);
    }
    cni_mutex_lock(&core->mutex);
    self->n_helpers++;
    const bool inside = cni_core_is_inside(core);
    bool is_done = false;
    bool is_over = false;
    while (!is_done && !is_over) {
        const int64_t n_notices = self->n_notices;
        is_over = self->n_pending == 0 || self->closing;
        cni_mutex_unlock(&core->mutex);
        is_done = done(argument);
        cni_mutex_lock(&core->mutex);
        if (!is_done && !is_over) {
            run_or_sleep(self, n_notices, inside);
        }
    }
    self->n_helpers--;
    pass_slot_on(core);
    cni_call call = {NULL};
    if (self->closing) {
        cni_cond_broadcast(&self->changed);
    } else {
        call = cni_group_call_help(self);
    }
    cni_mutex_unlock(&core->mutex);
    cni_core_carry_out(core, call);
    return is_done;
}
