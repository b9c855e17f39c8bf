/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of pools, groups and tasks, shared by pool.c (threads, host executors, choosing work),
 * group.c (queues, helping, teardown) and task.c (states and wakers).
 *
 * One mutex per pool guards every queue and state; steps run outside of it. Lifetimes:
 *
 *     waker -> task -> group -> core        each arrow is a counted reference, so that a waker may
 *     cni_pool handle ---------> core       fire after its group and even its pool were freed
 *
 * A group is listed while it has ready tasks. Pool threads take tasks of the group that ranks
 * first; helpers take their own group's tasks only, and let those that rank before them go first
 * while slots are scarce. Whoever stops taking tasks offers the slot on.
 */
#ifndef CNI_RUNTIME_TASK_INT_H
#define CNI_RUNTIME_TASK_INT_H

#include <sys/types.h>

#include "base/atomic.h"
#include "runtime/task.h"

typedef enum cni_task_state {
    CNI_TASK_READY,
    CNI_TASK_RUNNING,
    CNI_TASK_PARKED,
    CNI_TASK_OVER /* done or dropped: wakes do nothing */
} cni_task_state;

/* Everything but n_refs and the constant fields is under the core's mutex. */
struct cni_task {
    cni_atomic_i64 n_refs;
    cni_group *group; /* referenced */
    cni_task_work work;
    cni_task_state state;
    bool woken; /* a waker fired since the step began */
    cni_task *next_ready;
    cni_task *next_of_group; /* unfinished tasks of the group, newest first */
    cni_task *prev_of_group;
    uint64_t thread;  /* that runs it */
    int64_t begun_ns; /* of the step that runs, on the clock */
    cni_task *next_running;
    cni_task *prev_running;
};

typedef struct cni_core cni_core;

/* The first level of the order; the second are its groups. */
struct cni_tenant {
    cni_atomic_i64 n_refs;    /* of a tenant of its own: handle and groups */
    cni_core *core;           /* referenced */
    cni_allocator *allocator; /* referenced */
    int64_t pass;             /* time used so far per share, on the pool's common clock */
    int64_t group_pass;       /* of the group that ran last */
    int32_t n_active;         /* groups that are listed or run */
};

struct cni_group {
    cni_atomic_i64 n_refs;    /* the handle and every task */
    cni_core *core;           /* referenced */
    cni_allocator *allocator; /* referenced */
    int32_t max_workers;
    bool closing;
    cni_task *first_ready;
    cni_task *last_ready;
    cni_task *tasks;
    int64_t n_ready;
    int64_t n_pending;  /* not over */
    int32_t n_running;  /* steps, of helpers too */
    int32_t n_helpers;  /* callers inside cni_group_help */
    int32_t n_sleeping; /* of these, waiting on `changed` */
    int32_t n_helping;  /* of these, inside a step */
    int64_t n_notices;  /* grows when done() may have changed */
    int64_t pass;       /* stride scheduling: time used so far, on the tenant's clock */
    int64_t used_ns;    /* thread time in all */
    int32_t weight;
    bool is_listed;     /* on core->first_listed */
    bool is_active;     /* counted in tenant->n_active */
    cni_tenant *tenant; /* referenced, or &own */
    cni_tenant own;
    cni_group *next_listed;
    cni_group *prev_listed;
    cni_cond changed; /* work, an end or a notice for helpers and cni_group_free */
};

/* A place among the workers: an own thread, or a job that the host runs now. */
typedef struct cni_worker {
    cni_core *core;
    cni_thread thread;
    bool is_taken;
    int32_t number; /* 1.. */
} cni_worker;

struct cni_core {
    cni_atomic_i64 n_refs;    /* the pool handle and every group */
    cni_allocator *allocator; /* referenced */
    cni_executor executor;    /* submit NULL: own threads */
    cni_fault *fault;
    pid_t pid; /* of the process that made it */
    int32_t n_threads;
    cni_mutex mutex;
    cni_cond idle;    /* own threads wait here for work */
    cni_cond settled; /* a thread was started, or a host job ended */
    cni_group *first_listed;
    cni_task *first_running;
    int32_t n_slots; /* steps that may run at once */
    int32_t n_busy;  /* steps that run */
    int64_t pass;    /* of the tenant that ran last */
    int32_t n_idle;
    int32_t n_signalled; /* idle ones that were called and have not come yet */
    int32_t n_unsettled; /* threads being started, host jobs submitted and not ended */
    bool closing;
    cni_worker *workers; /* n_threads - 1 */
};

/* A place that was taken for one more pool thread, to be filled without the lock; NULL worker =
 * none. Whoever got one must carry it out. */
typedef struct cni_call {
    cni_worker *worker;
} cni_call;

cni_core *cni_pool_core(const cni_pool *self);

/* A process forked from the one that made the pool must not touch its locks. */
bool cni_core_is_foreign(const cni_core *self);
void cni_core_unref(cni_core *self);
/* Under the lock: signal an idle worker, or take a place for another one. */
cni_call cni_core_call_worker(cni_core *self);
/* Under the lock: a slot is free and the caller does not use it. */
cni_call cni_core_offer_slot(cni_core *self);
/* Under the lock: whether one more step may run, and nobody who waits for that ranks before. */
bool cni_core_may_run(const cni_core *self, const cni_group *group);
/* Under the lock: when to look again whether a step of the group may run, without being told. */
int64_t cni_core_look_again_ns(const cni_core *self, const cni_group *group, int64_t at_most_ns);
/* Under the lock: whether the calling thread is inside a step. */
bool cni_core_is_inside(const cni_core *self);
/* Without the lock: start the thread, or submit the job. A refusal leaves the work to the callers.
 */
void cni_core_carry_out(cni_core *self, cni_call call);

void cni_group_unref(cni_group *self);
/* Whether `self` has run less than `other` by more than `slack_ns` per share. Under the lock. */
bool cni_group_ranks_before(const cni_group *self, const cni_group *other, int64_t slack_ns);
/* A step of the group has used so much time. Under the lock. */
void cni_group_charge(cni_group *self, int64_t used_ns);
/* Under the lock. */
cni_task *cni_group_take_ready(cni_group *self);
/* The step of a task that was taken is over. Under the lock. */
void cni_group_put_back(cni_group *self, cni_task *task);
/* After n_running or n_ready became 0, or is no more. Under the lock. */
void cni_group_update_active(cni_group *self);
void cni_group_put_ready(cni_group *self, cni_task *task);
/* Ready tasks that helpers will take without being called: one each that is not inside a step, and
 * one when there is no helper yet. Under the lock. */
int64_t cni_group_left_to_helpers(const cni_group *self);
/* Under the lock, after something became ready or a place became free: wake a sleeping helper, or
 * call a pool thread when the helpers are not enough. */
cni_call cni_group_call_help(cni_group *self);

/* Run one step of a RUNNING task without the lock, then, under it, account for the result. The lock
 * is held on return. */
void cni_task_run(cni_core *core, cni_task *task, int32_t worker);
void cni_task_unref(cni_task *self);

#endif /* CNI_RUNTIME_TASK_INT_H */
