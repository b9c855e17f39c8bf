/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks, wakers and the pool that runs them: the engine's own threads or the host's.
 *
 * A task is a resumable state machine: each step() does 0.5 to 2 ms of work and answers AGAIN, DONE
 * or BLOCKED. Compute threads never sleep in a step; who must wait answers BLOCKED after having
 * handed its waker to whoever will have the data. Waking is level-triggered: a wake that comes
 * before BLOCKED is answered is not lost.
 *
 *            submit                step: AGAIN
 *   (new) ----------> READY <-------------------+
 *                       | a worker takes it     |
 *                       v                       |
 *                    RUNNING -------------------+
 *                     |    \ step: BLOCKED
 *               DONE  |     v
 *                     |   PARKED -- wake --> READY
 *                     v
 *                  on_done
 *
 * The calling thread of a query is worker 0: cni_group_help runs the group's own tasks on it, so
 * that a one-thread query wakes nobody.
 *
 * Who runs: at most as many steps at once as there are threads in the pool or processors, whichever
 * is more, helping callers included. Among those that could, the tenant (a session) that has used
 * the least time per share goes first, and of its groups (queries) the one that has (stride
 * scheduling on two levels). A group's first CNI_GROUP_SHORT_NS of thread time count for a quarter,
 * so that short queries get through beside long ones.
 */
#ifndef CNI_RUNTIME_TASK_H
#define CNI_RUNTIME_TASK_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/thread.h"

#define CNI_MAX_WORKERS 256

typedef enum cni_step {
    CNI_STEP_AGAIN,   /* more to do now */
    CNI_STEP_BLOCKED, /* parked until the task's waker fires */
    CNI_STEP_DONE     /* finished, also after a failure that the task has reported elsewhere */
} cni_step;

typedef struct cni_pool cni_pool;
typedef cni_pool *cni_pool_p;
typedef struct cni_group cni_group;
typedef cni_group *cni_group_p;
typedef struct cni_task cni_task;
typedef struct cni_tenant cni_tenant;
typedef cni_tenant *cni_tenant_p;

/* Shares of the pool's time. */
#define CNI_WEIGHT_LOW    1
#define CNI_WEIGHT_NORMAL 4
#define CNI_WEIGHT_HIGH   16

#define CNI_GROUP_SHORT_NS 30000000

/* A right to wake one task; copyable, refcounted through the task. Zero = wakes nothing. */
typedef struct cni_waker {
    cni_task *task;
} cni_waker;

/* Take a waker of the running task (one reference), to be fired or dropped exactly once. */
cni_waker cni_task_waker(cni_task *self);
void cni_waker_wake(cni_waker own_waker);
void cni_waker_drop(cni_waker own_waker);

/* The work of a task. `worker` numbers the thread that runs it within the pool: 0 is any helping
 * caller, 1.. are pool threads. A task runs on one thread at a time, not always the same. */
typedef struct cni_task_work {
    cni_step (*step)(void *argument, cni_task *task, int32_t worker);
    void (*on_done)(void *argument); /* after DONE or when the group is torn down; may be NULL */
    void *argument;
} cni_task_work;

/* A host's executor: it promises to call run(argument) once, on any of its threads, soon.
 * Nonzero = refused (then the engine runs the work on the calling thread). */
typedef struct cni_executor {
    int (*submit)(void *private_data, void (*run)(void *argument), void *argument);
    void *private_data;
} cni_executor;

/* Pool of n_threads in all, the caller's included: n_threads 1 never starts a thread. Threads are
 * started when first needed. `executor` (may be NULL, copied) replaces own threads. */
CN_NODISCARD cn_code cni_pool_new(cni_allocator *allocator, int32_t n_threads,
                                  const cni_executor *executor, cni_fault *fault,
                                  cni_pool **out_pool, cn_error *err);
/* Waits for running steps; groups must be gone. NULL is accepted. */
void cni_pool_free(cni_pool *self);
int32_t cni_pool_threads(const cni_pool *self);
/* Whether the calling thread is inside a step of this pool: what it waits for must not wait for the
 * step. */
bool cni_pool_is_inside(const cni_pool *self);

/* The calling thread is going to wait, or has waited, inside a step: somebody else may have its
 * slot meanwhile. Outside of steps nothing happens. */
void cni_pool_pause(cni_pool *self, bool paused);

/* Somebody whose groups share one place in the order: a session. Thread: synchronised. */
CN_NODISCARD cn_code cni_tenant_new(cni_pool *pool, cni_allocator *allocator,
                                    cni_tenant **out_tenant, cn_error *err);
cni_tenant *cni_tenant_ref(cni_tenant *self);
void cni_tenant_unref(cni_tenant *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_tenant_p, cni_tenant_unref)

/* The tasks of one query. max_workers bounds how many run at once (helping callers included). */
CN_NODISCARD cn_code cni_group_new(cni_pool *pool, cni_allocator *allocator, int32_t max_workers,
                                   cni_group **out_group, cn_error *err);
/* Before the first task: the time of the group counts for `tenant` (of the same pool, referenced),
 * divided by `weight` (CNI_WEIGHT_LOW ..). Without it a group is a tenant of its own, of normal
 * weight. */
void cni_group_join(cni_group *self, cni_tenant *tenant, int32_t weight);
/* Drops tasks that are not running, waits for those that are, runs their on_done. */
void cni_group_free(cni_group *self);
CN_DEFINE_SCOPED(cni_group_p, cni_group_free)

/* Queue a task; `work` is copied. As many ready tasks as callers are helping (one when none is) are
 * left to the callers; own threads are called for more, and never when max_workers is 1. When a
 * caller begins a step, ready tasks are left to the others only.
 * Errors: CN_NO_MEMORY (nothing queued, on_done not called). A thread that cannot be started
 * is not an error: the callers help. CN_INVALID_STATE in a forked child, where the pool runs
 * nothing. */
CN_NODISCARD cn_code cni_group_submit(cni_group *self, const cni_task_work *work, cn_error *err);

/* Run tasks of the group on the calling thread until done(argument) is true or no task is left.
 * With nothing runnable it sleeps until a task of the group wakes or finishes, or notify is called,
 * and looks at done() every 50 ms besides.
 * False when no task is left and done() is still false. Callable from several threads at once. */
bool cni_group_help(cni_group *self, bool (*done)(void *argument), void *argument);
/* Make helpers look at done() again. Callable from steps. */
void cni_group_notify(cni_group *self);
/* Tasks not finished yet. */
int64_t cni_group_pending(const cni_group *self);

#endif /* CNI_RUNTIME_TASK_H */
