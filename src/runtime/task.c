/* SPDX-License-Identifier: Apache-2.0
 *
 * A task's life: running a step, what its answer leads to, and wakers.
 * The `woken` mark makes waking level-triggered: a waker that fires while the step still runs turns
 * its BLOCKED into READY.
 */
#include "runtime/task.h"

#include "runtime/task_int.h"

void
cni_task_unref(cni_task *self)
{
    if (cni_refcount_dec(&self->n_refs)) {
        cni_group *group = self->group;
        cni_dealloc(group->allocator, self, (int64_t)sizeof(*self));
        cni_group_unref(group);
    }
}

cni_waker
cni_task_waker(cni_task *self)
{
    cni_refcount_inc(&self->n_refs);
    return (cni_waker){self};
}

void
cni_waker_drop(cni_waker own_waker)
{
    if (own_waker.task != NULL) {
        cni_task_unref(own_waker.task);
    }
}

void
cni_waker_wake(cni_waker own_waker)
{
    cni_task *task = own_waker.task;
    if (task == NULL) {
        return;
    }
    cni_core *core = task->group->core;
    if (!cni_core_is_foreign(core)) {
        cni_call call = {NULL};
        cni_mutex_lock(&core->mutex);
        if (task->state == CNI_TASK_RUNNING) {
            task->woken = true;
        } else if (task->state == CNI_TASK_PARKED) {
            cni_group_put_ready(task->group, task);
            call = cni_group_call_help(task->group);
        }
        cni_mutex_unlock(&core->mutex);
        cni_core_carry_out(core, call);
    }
    cni_task_unref(task);
}

/* The task is finished: off the group's list. Under the lock. */
static void
leave_group(cni_task *task)
{
    cni_group *group = task->group;
    task->state = CNI_TASK_OVER;
    if (task->prev_of_group != NULL) {
        task->prev_of_group->next_of_group = task->next_of_group;
    } else {
        group->tasks = task->next_of_group;
    }
    if (task->next_of_group != NULL) {
        task->next_of_group->prev_of_group = task->prev_of_group;
    }
    group->n_pending--;
    group->n_notices++;
    cni_cond_broadcast(&group->changed);
}

static void
after_step(cni_task *task, cni_step step)
{
    cni_group *group = task->group;
    if (step == CNI_STEP_DONE) {
        leave_group(task);
    } else if (group->closing) {
        task->state = CNI_TASK_PARKED; /* cni_group_free drops it */
    } else if (step == CNI_STEP_BLOCKED && !task->woken) {
        task->state = CNI_TASK_PARKED;
    } else {
        cni_group_put_ready(group, task);
    }
}

/* The time counts for the group, and the place of the step is free. Under the lock. */
static void
step_ended(cni_group *group, int64_t used_ns)
{
    cni_group_charge(group, used_ns);
    group->n_running--;
    cni_group_update_active(group);
    if (group->closing) {
        cni_cond_broadcast(&group->changed);
    } else if (group->n_ready > 0 && group->n_sleeping > 0) {
        cni_cond_signal(&group->changed);
    }
}

/* Hostile builds give the processor away now and then, so that threads meet in other orders. */
static void
maybe_yield(int64_t now_ns)
{
#ifdef CN_PARANOID
    if (now_ns % 4 == 0) {
        cni_thread_yield();
    }
#else
    (void)now_ns;
#endif
}

void
cni_task_run(cni_core *core, cni_task *task, int32_t worker)
{
    cni_group *group = task->group;
    const int64_t begun_ns = cni_thread_cpu_ns(); /* being passed over is no use of time */
    maybe_yield(begun_ns);
    const cni_step step = task->work.step(task->work.argument, task, worker);
    const int64_t used_ns = cni_thread_cpu_ns() - begun_ns;
    maybe_yield(used_ns);
    if (step == CNI_STEP_DONE && task->work.on_done != NULL) {
        task->work.on_done(task->work.argument);
    }
    cni_mutex_lock(&core->mutex);
    cni_group_put_back(group, task);
    after_step(task, step);
    if (step == CNI_STEP_DONE) {
        /* Off the list, so that its reference goes; the group stays while n_running counts us. */
        cni_mutex_unlock(&core->mutex);
        cni_task_unref(task);
        cni_mutex_lock(&core->mutex);
    }
    step_ended(group, used_ns);
}
