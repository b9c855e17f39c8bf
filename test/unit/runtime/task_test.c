/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks, wakers and pools: own threads, a host's executor, refusals of both, parking races,
 * fairness, teardown, fork.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "runtime/task.h"

static cni_pool *
new_pool(int32_t n_threads, const cni_executor *executor, cni_fault *fault)
{
    cni_pool *pool = NULL;
    assert_int_equal(cni_pool_new(cni_allocator_system(), n_threads, executor, fault, &pool, NULL),
                     CN_OK);
    return pool;
}

static cni_group *
new_group(cni_pool *pool, int32_t max_workers)
{
    cni_group *group = NULL;
    assert_int_equal(cni_group_new(pool, cni_allocator_system(), max_workers, &group, NULL), CN_OK);
    return group;
}

static void
submit(cni_group *group, cni_step (*step)(void *argument, cni_task *task, int32_t worker),
       void (*on_done)(void *argument), void *argument)
{
    const cni_task_work work = {step, on_done, argument};
    assert_int_equal(cni_group_submit(group, &work, NULL), CN_OK);
}

static bool
never(void *argument)
{
    (void)argument;
    return false;
}

static bool
at_once(void *argument)
{
    (void)argument;
    return true;
}

/* ---- a counting task ---- */

typedef struct counting {
    int64_t n_left;
    cni_atomic_i64 *total;
    cni_atomic_i64 n_inside;
    cni_atomic_i64 n_done;
    cni_atomic_i64 other_threads; /* steps that ran on pool threads */
    uint64_t home;
    cni_atomic_i64 n_abroad; /* steps that ran on another thread than home */
} counting;

static cni_step
count_step(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    counting *self = argument;
    assert_int_equal(cni_counter_add(&self->n_inside, 1), 0); /* one thread at a time */
    cni_counter_add(self->total, 1);
    cni_counter_add(&self->other_threads, worker == 0 ? 0 : 1);
    cni_counter_add(&self->n_abroad, self->home != 0 && cni_thread_id() != self->home ? 1 : 0);
    self->n_left--;
    const bool over = self->n_left == 0;
    cni_counter_add(&self->n_inside, -1);
    return over ? CNI_STEP_DONE : CNI_STEP_AGAIN;
}

static void
count_done(void *argument)
{
    counting *self = argument;
    cni_counter_add(&self->n_done, 1);
}

static void
run_counting(cni_pool *pool, int32_t max_workers, int n_tasks, int64_t n_steps)
{
    counting tasks[64];
    cni_atomic_i64 total = 0;
    cni_group *group = new_group(pool, max_workers);
    for (int at = 0; at < n_tasks; at++) {
        tasks[at] = (counting){.n_left = n_steps, .total = &total};
        submit(group, count_step, count_done, &tasks[at]);
    }
    assert_false(cni_group_help(group, never, NULL));
    assert_int_equal(cni_group_pending(group), 0);
    cni_group_free(group);
    assert_int_equal(cni_counter_get(&total), n_tasks * n_steps);
    for (int at = 0; at < n_tasks; at++) {
        assert_int_equal(cni_counter_get(&tasks[at].n_done), 1);
    }
}

static void
test_all_tasks_run(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 8; n_threads *= 2) {
        cni_pool *pool = new_pool(n_threads, NULL, NULL);
        assert_int_equal(cni_pool_threads(pool), n_threads);
        run_counting(pool, n_threads, 1, 10);
        run_counting(pool, n_threads, 64, 200);
        run_counting(pool, 1, 10, 100);
        run_counting(pool, 2, 10, 100);
        cni_pool_free(pool);
    }
    cni_pool_free(NULL);
    cni_group_free(NULL);
}

static int64_t
count_process_threads(void)
{
    char text[8192] = {0};
    FILE *file = fopen("/proc/self/status", "r");
    assert_non_null(file);
    const size_t n_bytes = fread(text, 1, sizeof(text) - 1, file);
    assert_true(n_bytes > 0);
    (void)fclose(file);
    const char *line = strstr(text, "\nThreads:");
    assert_non_null(line);
    return strtol(line + 9, NULL, 10);
}

/* One worker, or one task: nothing is started, and the caller's thread does it all. */
static void
test_small_queries_wake_nobody(void **state)
{
    (void)state;
    const int64_t n_before = count_process_threads();
    cni_pool *pool = new_pool(8, NULL, NULL);
    for (int32_t max_workers = 1; max_workers <= 8; max_workers += 7) {
        const int n_tasks = max_workers == 1 ? 20 : 1;
        counting tasks[20];
        cni_atomic_i64 total = 0;
        cni_group *group = new_group(pool, max_workers);
        for (int at = 0; at < n_tasks; at++) {
            tasks[at] = (counting){.n_left = 50, .total = &total, .home = cni_thread_id()};
            submit(group, count_step, NULL, &tasks[at]);
        }
        assert_false(cni_group_help(group, never, NULL));
        assert_int_equal(cni_counter_get(&total), n_tasks * 50);
        for (int at = 0; at < n_tasks; at++) {
            assert_int_equal(cni_counter_get(&tasks[at].n_abroad), 0);
        }
        cni_group_free(group);
    }
    assert_int_equal(count_process_threads(), n_before);
    cni_pool_free(pool);
}

typedef struct gated {
    cni_atomic_i64 *open;
    cni_atomic_i64 *n_over;
    int64_t n_left;
} gated;

static cni_step
gated_step(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    gated *self = argument;
    assert_true(worker > 0);
    if (cni_flag_consume(self->open) != 0 && --self->n_left == 0) {
        cni_counter_add(self->n_over, 1);
        return CNI_STEP_DONE;
    }
    return CNI_STEP_AGAIN;
}

/* More than one ready task goes on while nobody helps, to the end of the last. */
static void
test_pool_threads_work_alone(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(3, NULL, NULL);
    cni_group *group = new_group(pool, 3);
    gated tasks[4];
    cni_atomic_i64 open_gate = 0;
    cni_atomic_i64 n_over = 0;
    for (int at = 0; at < 4; at++) {
        tasks[at] = (gated){&open_gate, &n_over, 25};
        submit(group, gated_step, NULL, &tasks[at]);
    }
    cni_flag_publish(&open_gate, 1);
    while (cni_counter_get(&n_over) < 4) {
        cni_thread_yield();
    }
    assert_true(cni_group_help(group, at_once, NULL));
    cni_group_free(group);
    cni_pool_free(pool);
}

/* ---- bounds on how many run at once ---- */

typedef struct crowd {
    cni_atomic_i64 n_inside;
    cni_atomic_i64 most;
    cni_atomic_i64 n_steps;
} crowd;

static cni_step
crowd_step(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    crowd *self = argument;
    cni_counter_max(&self->most, cni_counter_add(&self->n_inside, 1) + 1);
    for (int round = 0; round < 20; round++) {
        cni_thread_yield();
    }
    cni_counter_add(&self->n_inside, -1);
    return cni_counter_add(&self->n_steps, 1) > 600 ? CNI_STEP_DONE : CNI_STEP_AGAIN;
}

static void
test_max_workers_bounds(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(8, NULL, NULL);
    for (int32_t max_workers = 1; max_workers <= 4; max_workers++) {
        crowd self = {0};
        cni_group *group = new_group(pool, max_workers);
        for (int at = 0; at < 12; at++) {
            submit(group, crowd_step, NULL, &self);
        }
        assert_false(cni_group_help(group, never, NULL));
        assert_true(cni_counter_get(&self.most) <= max_workers);
        cni_group_free(group);
    }
    cni_pool_free(pool);
}

/* ---- parking ---- */

/* A one-item channel: a producer task hands numbers to a consumer task, each parking on the other.
 */
typedef struct channel {
    cni_mutex mutex;
    cni_waker waiting_producer;
    cni_waker waiting_consumer;
    bool full;
    int64_t item;
    int64_t n_items;
    int64_t next_item;
    int64_t sum;
    int64_t n_parked;
} channel;

static cni_step
produce(void *argument, cni_task *task, int32_t worker)
{
    (void)worker;
    channel *self = argument;
    cni_waker spare = cni_task_waker(task);
    cni_waker consumer = {NULL};
    cni_mutex_lock(&self->mutex);
    cni_step step = CNI_STEP_BLOCKED;
    if (!self->full) {
        self->full = true;
        self->item = self->next_item++;
        consumer = self->waiting_consumer;
        self->waiting_consumer = (cni_waker){NULL};
        step = self->next_item > self->n_items ? CNI_STEP_DONE : CNI_STEP_AGAIN;
    } else {
        self->waiting_producer = spare;
        spare = (cni_waker){NULL};
        self->n_parked++;
    }
    cni_mutex_unlock(&self->mutex);
    cni_waker_wake(consumer);
    cni_waker_drop(spare);
    return step;
}

static cni_step
consume(void *argument, cni_task *task, int32_t worker)
{
    (void)worker;
    channel *self = argument;
    cni_waker spare = cni_task_waker(task);
    cni_waker producer = {NULL};
    cni_mutex_lock(&self->mutex);
    cni_step step = CNI_STEP_BLOCKED;
    if (self->full) {
        self->full = false;
        self->sum += self->item;
        producer = self->waiting_producer;
        self->waiting_producer = (cni_waker){NULL};
        step = self->item == self->n_items ? CNI_STEP_DONE : CNI_STEP_AGAIN;
    } else {
        self->waiting_consumer = spare;
        spare = (cni_waker){NULL};
        self->n_parked++;
    }
    cni_mutex_unlock(&self->mutex);
    cni_waker_wake(producer);
    cni_waker_drop(spare);
    return step;
}

static void
test_parked_tasks_are_woken(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 8; n_threads *= 2) {
        cni_pool *pool = new_pool(n_threads, NULL, NULL);
        cni_group *group = new_group(pool, n_threads);
        channel channels[6];
        for (int at = 0; at < 6; at++) {
            channels[at] = (channel){.n_items = 2000};
            cni_mutex_init(&channels[at].mutex);
            submit(group, consume, NULL, &channels[at]);
            submit(group, produce, NULL, &channels[at]);
        }
        assert_false(cni_group_help(group, never, NULL));
        cni_group_free(group);
        for (int at = 0; at < 6; at++) {
            assert_int_equal(channels[at].sum, 2000 * 2001 / 2);
            assert_null(channels[at].waiting_producer.task);
            cni_mutex_done(&channels[at].mutex);
        }
        cni_pool_free(pool);
    }
}

/* An outside thread fires wakers while the task parks again and again. */
typedef struct ringer {
    cni_mutex mutex;
    cni_cond cond;
    cni_waker waker;
    bool ready;
    int64_t n_rounds;
} ringer;

static cni_step
wait_for_ring(void *argument, cni_task *task, int32_t worker)
{
    (void)worker;
    ringer *self = argument;
    cni_waker waker = cni_task_waker(task);
    cni_mutex_lock(&self->mutex);
    if (self->n_rounds == 0) {
        cni_mutex_unlock(&self->mutex);
        cni_waker_drop(waker);
        return CNI_STEP_DONE;
    }
    self->n_rounds--;
    self->waker = waker;
    self->ready = true;
    cni_cond_signal(&self->cond);
    cni_mutex_unlock(&self->mutex);
    return CNI_STEP_BLOCKED;
}

static void *
ring(void *argument)
{
    ringer *self = argument;
    bool more = true;
    while (more) {
        cni_mutex_lock(&self->mutex);
        while (!self->ready) {
            cni_cond_wait(&self->cond, &self->mutex);
        }
        self->ready = false;
        const cni_waker waker = self->waker;
        more = self->n_rounds > 0;
        cni_mutex_unlock(&self->mutex);
        cni_waker_wake(waker);
    }
    return NULL;
}

static void
test_wakes_from_outside(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 4; n_threads *= 4) {
        cni_pool *pool = new_pool(n_threads, NULL, NULL);
        cni_group *group = new_group(pool, n_threads);
        ringer ringers[3];
        cni_thread threads[3];
        for (int at = 0; at < 3; at++) {
            ringers[at] = (ringer){.n_rounds = 3000};
            cni_mutex_init(&ringers[at].mutex);
            cni_cond_init(&ringers[at].cond);
            submit(group, wait_for_ring, NULL, &ringers[at]);
            assert_int_equal(cni_thread_start(&threads[at], ring, &ringers[at], 0, NULL), CN_OK);
        }
        assert_false(cni_group_help(group, never, NULL));
        for (int at = 0; at < 3; at++) {
            cni_thread_join(&threads[at]);
            cni_cond_done(&ringers[at].cond);
            cni_mutex_done(&ringers[at].mutex);
        }
        cni_group_free(group);
        cni_pool_free(pool);
    }
}

typedef struct parked {
    cni_waker waker;
    cni_atomic_i64 n_steps;
    cni_atomic_i64 n_done;
} parked;

static cni_step
park(void *argument, cni_task *task, int32_t worker)
{
    (void)worker;
    parked *self = argument;
    if (cni_counter_add(&self->n_steps, 1) == 0) {
        self->waker = cni_task_waker(task);
    }
    return CNI_STEP_BLOCKED;
}

static void
parked_done(void *argument)
{
    parked *self = argument;
    cni_counter_add(&self->n_done, 1);
}

static bool
has_parked(void *argument)
{
    return cni_counter_get(&((parked *)argument)->n_steps) > 0;
}

/* A waker may outlive its group and the pool. */
static void
test_late_wakers_are_harmless(void **state)
{
    (void)state;
    for (int wakes = 0; wakes < 2; wakes++) {
        cni_pool *pool = new_pool(2, NULL, NULL);
        cni_group *group = new_group(pool, 2);
        parked self = {.waker = {NULL}};
        submit(group, park, parked_done, &self);
        assert_true(cni_group_help(group, has_parked, &self));
        assert_int_equal(cni_group_pending(group), 1);
        cni_group_free(group);
        assert_int_equal(cni_counter_get(&self.n_done), 1);
        cni_pool_free(pool);
        if (wakes != 0) {
            cni_waker_wake(self.waker);
        } else {
            cni_waker_drop(self.waker);
        }
        assert_int_equal(cni_counter_get(&self.n_steps), 1);
    }
    cni_waker_wake((cni_waker){NULL});
    cni_waker_drop((cni_waker){NULL});
}

static cni_step
wake_itself(void *argument, cni_task *task, int32_t worker)
{
    (void)worker;
    int64_t *n_left = argument;
    cni_waker_wake(cni_task_waker(task));
    (*n_left)--;
    return *n_left > 0 ? CNI_STEP_BLOCKED : CNI_STEP_DONE;
}

static void
test_a_wake_before_blocked_is_kept(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(1, NULL, NULL);
    cni_group *group = new_group(pool, 1);
    int64_t n_left = 100;
    submit(group, wake_itself, NULL, &n_left);
    assert_false(cni_group_help(group, never, NULL));
    assert_int_equal(n_left, 0);
    cni_group_free(group);
    cni_pool_free(pool);
}

/* ---- helping and notices ---- */

typedef struct notice {
    cni_group *group;
    cni_atomic_i64 seen;
} notice;

static void *
notify_later(void *argument)
{
    notice *self = argument;
    (void)usleep(20000);
    cni_flag_publish(&self->seen, 1);
    cni_group_notify(self->group);
    return NULL;
}

static bool
is_noticed(void *argument)
{
    return cni_flag_consume(&((notice *)argument)->seen) != 0;
}

static void
test_notify_wakes_helpers(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(2, NULL, NULL);
    cni_group *group = new_group(pool, 2);
    parked self = {.waker = {NULL}};
    submit(group, park, NULL, &self);
    notice later = {.group = group};
    cni_thread thread;
    assert_int_equal(cni_thread_start(&thread, notify_later, &later, 0, NULL), CN_OK);
    assert_true(cni_group_help(group, is_noticed, &later));
    cni_thread_join(&thread);
    cni_waker_drop(self.waker);
    cni_group_free(group);
    cni_pool_free(pool);
}

static bool
is_late(void *argument)
{
    return cni_clock_ns() >= *(const int64_t *)argument;
}

/* A condition that nobody announces, such as a deadline. */
static void
test_sleeping_helpers_look_up(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(1, NULL, NULL);
    cni_group *group = new_group(pool, 1);
    parked self = {.waker = {NULL}};
    submit(group, park, NULL, &self);
    int64_t until_ns = cni_clock_ns() + 10000000;
    assert_true(cni_group_help(group, is_late, &until_ns));
    cni_waker_drop(self.waker);
    cni_group_free(group);
    cni_pool_free(pool);
}

static void *
help_main(void *argument)
{
    (void)cni_group_help(argument, never, NULL);
    return NULL;
}

static void
test_several_helpers(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(1, NULL, NULL);
    cni_group *group = new_group(pool, 4);
    counting tasks[30];
    cni_atomic_i64 total = 0;
    for (int at = 0; at < 30; at++) {
        tasks[at] = (counting){.n_left = 300, .total = &total};
        submit(group, count_step, NULL, &tasks[at]);
    }
    cni_thread threads[4];
    for (int at = 0; at < 4; at++) {
        assert_int_equal(cni_thread_start(&threads[at], help_main, group, 0, NULL), CN_OK);
    }
    for (int at = 0; at < 4; at++) {
        cni_thread_join(&threads[at]);
    }
    assert_int_equal(cni_counter_get(&total), 9000);
    cni_group_free(group);
    cni_pool_free(pool);
}

/* ---- a caller that is busy ---- */

typedef struct busy_pair {
    cni_group *group;
    bool started;
    cni_atomic_i64 n_steps;
    cni_atomic_i64 n_abroad; /* steps on pool threads */
} busy_pair;

/* Until a pool thread has taken part, for at most some seconds. */
static cni_step
busy_step(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    busy_pair *self = argument;
    (void)cni_counter_add(&self->n_abroad, worker == 0 ? 0 : 1);
    (void)usleep(1000);
    return cni_counter_get(&self->n_abroad) > 0 || cni_counter_add(&self->n_steps, 1) > 3000
               ? CNI_STEP_DONE
               : CNI_STEP_AGAIN;
}

/* The other task is not left waiting while the caller is in the steps of this one. */
static cni_step
busy_start(void *argument, cni_task *task, int32_t worker)
{
    busy_pair *self = argument;
    if (!self->started) {
        self->started = true;
        submit(self->group, busy_step, NULL, self);
    }
    return busy_step(argument, task, worker);
}

static void
test_a_busy_caller_is_no_help(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(2, NULL, NULL);
    busy_pair pair = {.group = new_group(pool, 2)};
    submit(pair.group, busy_start, NULL, &pair);
    assert_false(cni_group_help(pair.group, never, NULL));
    assert_true(cni_counter_get(&pair.n_abroad) > 0);
    cni_group_free(pair.group);
    cni_pool_free(pool);
}

/* ---- tasks that submit tasks ---- */

typedef struct tree_task {
    cni_group *group;
    int depth;
    cni_atomic_i64 *n_leaves;
} tree_task;

static cni_step
grow_tree(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    const tree_task *self = argument;
    if (self->depth == 0) {
        cni_counter_add(self->n_leaves, 1);
        return CNI_STEP_DONE;
    }
    for (int branch = 0; branch < 2; branch++) {
        tree_task *child = malloc(sizeof(*child));
        assert_non_null(child);
        *child = (tree_task){self->group, self->depth - 1, self->n_leaves};
        submit(self->group, grow_tree, free, child);
    }
    return CNI_STEP_DONE;
}

static void
test_steps_may_submit(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(4, NULL, NULL);
    cni_group *group = new_group(pool, 4);
    cni_atomic_i64 n_leaves = 0;
    tree_task root = {group, 10, &n_leaves};
    submit(group, grow_tree, NULL, &root);
    assert_false(cni_group_help(group, never, NULL));
    assert_int_equal(cni_counter_get(&n_leaves), 1024);
    cni_group_free(group);
    /* Teardown in the middle leaks nothing. */
    group = new_group(pool, 4);
    root.group = group;
    submit(group, grow_tree, NULL, &root);
    (void)cni_group_help(group, at_once, NULL);
    cni_group_free(group);
    cni_pool_free(pool);
}

static cni_step
endless(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    cni_counter_add(argument, 1);
    return CNI_STEP_AGAIN;
}

static void
count_end(void *argument)
{
    cni_counter_add(argument, 1000000000);
}

static void
test_freeing_a_running_group(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(4, NULL, NULL);
    for (int round = 0; round < 50; round++) {
        cni_atomic_i64 counters[8] = {0};
        cni_group *group = new_group(pool, 4);
        for (int at = 0; at < 8; at++) {
            submit(group, endless, count_end, &counters[at]);
        }
        while (cni_counter_get(&counters[round % 8]) == 0) {
            cni_thread_yield();
        }
        cni_group_free(group);
        for (int at = 0; at < 8; at++) {
            const int64_t count = cni_counter_get(&counters[at]);
            assert_true(count >= 1000000000 && count < 2000000000);
        }
    }
    cni_pool_free(pool);
}

/* ---- fairness ---- */

typedef struct share {
    cni_atomic_i64 used_ns;
    cni_atomic_i64 *stop;
    int64_t step_ns;
} share;

static cni_step
burn(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    share *self = argument;
    const int64_t begun_ns = cni_clock_ns();
    while (cni_clock_ns() - begun_ns < self->step_ns) {
    }
    cni_counter_add(&self->used_ns, self->step_ns);
    return cni_flag_consume(self->stop) != 0 ? CNI_STEP_DONE : CNI_STEP_AGAIN;
}

/* Two groups share one pool thread equally though one has eight times the tasks and longer steps.
 */
static void
test_groups_share_fairly(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(2, NULL, NULL);
    cni_group *greedy = new_group(pool, 2);
    cni_group *modest = new_group(pool, 2);
    cni_atomic_i64 stop = 0;
    share a = {.stop = &stop, .step_ns = 400000};
    share b = {.stop = &stop, .step_ns = 100000};
    for (int at = 0; at < 16; at++) {
        submit(greedy, burn, NULL, &a);
    }
    submit(modest, burn, NULL, &b);
    submit(modest, burn, NULL, &b);
    while (cni_counter_get(&a.used_ns) + cni_counter_get(&b.used_ns) < 100000000) {
        (void)usleep(1000);
    }
    cni_flag_publish(&stop, 1);
    const int64_t first = cni_counter_get(&a.used_ns);
    const int64_t second = cni_counter_get(&b.used_ns);
    assert_true(first < 3 * second && second < 3 * first);
    assert_false(cni_group_help(greedy, never, NULL));
    assert_false(cni_group_help(modest, never, NULL));
    cni_group_free(greedy);
    cni_group_free(modest);
    cni_pool_free(pool);
}

/* ---- refusals ---- */

static void
test_arguments(void **state)
{
    (void)state;
    cni_pool *pool = NULL;
    cni_group *group = NULL;
    cni_allocator *system = cni_allocator_system();
    assert_int_equal(cni_pool_new(system, 0, NULL, NULL, &pool, NULL), CN_INVALID_ARGUMENT);
    assert_int_equal(cni_pool_new(system, CNI_MAX_WORKERS + 1, NULL, NULL, &pool, NULL),
                     CN_INVALID_ARGUMENT);
    assert_null(pool);
    pool = new_pool(1, NULL, NULL);
    assert_int_equal(cni_group_new(pool, system, 0, &group, NULL), CN_INVALID_ARGUMENT);
    assert_null(group);
    cni_pool_free(pool);
}

static void
test_threads_that_cannot_start(void **state)
{
    (void)state;
    for (int64_t fail_at = 1; fail_at < 6; fail_at++) {
        cni_fault fault = {0};
        cni_counter_set(&fault.fail_at[CNI_FAULT_THREAD], fail_at);
        cni_pool *pool = new_pool(4, NULL, &fault);
        run_counting(pool, 4, 20, 100);
        cni_pool_free(pool);
    }
}

static void
test_allocations_that_fail(void **state)
{
    (void)state;
    for (int64_t fail_at = 1; fail_at < 8; fail_at++) {
        cni_fault fault = {0};
        cni_allocator *allocator = NULL;
        assert_int_equal(cni_fault_allocator_new(cni_allocator_system(), &fault, &allocator, NULL),
                         CN_OK);
        cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], fail_at);
        cni_pool *pool = NULL;
        cni_group *group = NULL;
        parked self = {.waker = {NULL}};
        const cni_task_work work = {park, parked_done, &self};
        cn_code code = cni_pool_new(allocator, 2, NULL, NULL, &pool, NULL);
        code = code != CN_OK ? code : cni_group_new(pool, allocator, 2, &group, NULL);
        code = code != CN_OK ? code : cni_group_submit(group, &work, NULL);
        assert_int_equal(code, fail_at <= 5 ? CN_NO_MEMORY : CN_OK);
        cni_group_free(group);
        cni_pool_free(pool);
        assert_int_equal(cni_counter_get(&self.n_done), code == CN_OK ? 1 : 0);
        cni_allocator_unref(allocator);
    }
}

/* ---- a host's executor ---- */

#define HOST_JOBS 256

typedef struct host {
    cni_mutex mutex;
    cni_cond cond;
    void (*runs[HOST_JOBS])(void *argument);
    void *arguments[HOST_JOBS];
    int64_t n_in;
    int64_t n_out;
    int64_t n_submitted;
    bool closing;
    bool refuses;
    bool runs_inline;
} host;

static int
host_submit(void *private_data, void (*run)(void *argument), void *argument)
{
    host *self = private_data;
    cni_mutex_lock(&self->mutex);
    self->n_submitted++;
    const bool refused = self->refuses || self->n_in - self->n_out == HOST_JOBS;
    if (!refused && !self->runs_inline) {
        self->runs[self->n_in % HOST_JOBS] = run;
        self->arguments[self->n_in % HOST_JOBS] = argument;
        self->n_in++;
        cni_cond_signal(&self->cond);
    }
    cni_mutex_unlock(&self->mutex);
    if (!refused && self->runs_inline) {
        run(argument);
    }
    return refused ? 1 : 0;
}

static void *
host_main(void *argument)
{
    host *self = argument;
    cni_mutex_lock(&self->mutex);
    while (!self->closing || self->n_out < self->n_in) {
        if (self->n_out == self->n_in) {
            cni_cond_wait(&self->cond, &self->mutex);
            continue;
        }
        void (*run)(void *) = self->runs[self->n_out % HOST_JOBS];
        void *job = self->arguments[self->n_out % HOST_JOBS];
        self->n_out++;
        cni_mutex_unlock(&self->mutex);
        run(job);
        cni_mutex_lock(&self->mutex);
    }
    cni_mutex_unlock(&self->mutex);
    return NULL;
}

static void
run_on_host(bool refuses, bool runs_inline)
{
    host self = {.refuses = refuses, .runs_inline = runs_inline};
    cni_mutex_init(&self.mutex);
    cni_cond_init(&self.cond);
    cni_thread threads[2];
    for (int at = 0; at < 2; at++) {
        assert_int_equal(cni_thread_start(&threads[at], host_main, &self, 0, NULL), CN_OK);
    }
    const cni_executor executor = {host_submit, &self};
    cni_pool *pool = new_pool(4, &executor, NULL);
    run_counting(pool, 4, 40, 500);
    run_counting(pool, 1, 4, 50);
    cni_pool_free(pool);
    assert_true(self.n_submitted > 0);
    cni_mutex_lock(&self.mutex);
    self.closing = true;
    cni_cond_broadcast(&self.cond);
    cni_mutex_unlock(&self.mutex);
    for (int at = 0; at < 2; at++) {
        cni_thread_join(&threads[at]);
    }
    cni_cond_done(&self.cond);
    cni_mutex_done(&self.mutex);
}

static void
test_host_executor(void **state)
{
    (void)state;
    run_on_host(false, false);
}

static void
test_host_that_refuses(void **state)
{
    (void)state;
    run_on_host(true, false);
}

static void
test_host_that_runs_inline(void **state)
{
    (void)state;
    run_on_host(false, true);
}

/* ---- fork ---- */

static bool
child_is_refused(cni_pool *pool, cni_group *group, cni_waker waker)
{
    cn_error err = CN_ERROR_INIT;
    cni_group *other = NULL;
    cni_atomic_i64 counter = 0;
    const cni_task_work work = {endless, NULL, &counter};
    bool good = cni_group_new(pool, cni_allocator_system(), 2, &other, &err) == CN_INVALID_STATE;
    good = good && cni_group_submit(group, &work, &err) == CN_INVALID_STATE;
    good = good && !cni_group_help(group, never, NULL) && cni_group_help(group, at_once, NULL);
    good = good && cni_group_pending(group) == 0;
    cni_group_notify(group);
    cni_waker_wake(waker);
    cni_group_free(group);
    cni_pool_free(pool);
    cni_pool *own = NULL;
    good = good && cni_pool_new(cni_allocator_system(), 2, NULL, NULL, &own, NULL) == CN_OK;
    cni_pool_free(own);
    return good;
}

static void
test_fork(void **state)
{
    (void)state;
#if CN_THREAD_SANITIZER
    skip(); /* that sanitizer does not follow threads into a fork */
#endif
    cni_pool *pool = new_pool(4, NULL, NULL);
    cni_group *group = new_group(pool, 4);
    cni_atomic_i64 counters[8] = {0};
    parked self = {.waker = {NULL}};
    submit(group, park, NULL, &self);
    assert_true(cni_group_help(group, has_parked, &self));
    for (int at = 0; at < 8; at++) {
        submit(group, endless, NULL, &counters[at]);
    }
    const pid_t child = fork(); /* while pool threads take and leave the lock */
    if (child == 0) {
        _exit(child_is_refused(pool, group, self.waker) ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    cni_waker_drop(self.waker);
    cni_group_free(group);
    cni_pool_free(pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_tasks_run),
        cmocka_unit_test(test_small_queries_wake_nobody),
        cmocka_unit_test(test_pool_threads_work_alone),
        cmocka_unit_test(test_max_workers_bounds),
        cmocka_unit_test(test_parked_tasks_are_woken),
        cmocka_unit_test(test_wakes_from_outside),
        cmocka_unit_test(test_late_wakers_are_harmless),
        cmocka_unit_test(test_a_wake_before_blocked_is_kept),
        cmocka_unit_test(test_notify_wakes_helpers),
        cmocka_unit_test(test_sleeping_helpers_look_up),
        cmocka_unit_test(test_several_helpers),
        cmocka_unit_test(test_a_busy_caller_is_no_help),
        cmocka_unit_test(test_steps_may_submit),
        cmocka_unit_test(test_freeing_a_running_group),
        cmocka_unit_test(test_groups_share_fairly),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_threads_that_cannot_start),
        cmocka_unit_test(test_allocations_that_fail),
        cmocka_unit_test(test_host_executor),
        cmocka_unit_test(test_host_that_refuses),
        cmocka_unit_test(test_host_that_runs_inline),
        cmocka_unit_test(test_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
