/* SPDX-License-Identifier: Apache-2.0
 *
 * Who runs: tenants and their groups, weights, short groups beside long ones, the bound on steps at
 * once, groups that are helped from inside a step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/atomic.h"
#include "runtime/task_int.h"

#define MS INT64_C(1000000)

static cni_pool *
new_pool(int32_t n_threads)
{
    cni_pool *pool = NULL;
    assert_int_equal(cni_pool_new(cni_allocator_system(), n_threads, NULL, NULL, &pool, NULL),
                     CN_OK);
    return pool;
}

static cni_tenant *
new_tenant(cni_pool *pool)
{
    cni_tenant *tenant = NULL;
    assert_int_equal(cni_tenant_new(pool, cni_allocator_system(), &tenant, NULL), CN_OK);
    return tenant;
}

static cni_group *
new_group(cni_pool *pool, int32_t max_workers, cni_tenant *tenant, int32_t weight)
{
    cni_group *group = NULL;
    assert_int_equal(cni_group_new(pool, cni_allocator_system(), max_workers, &group, NULL), CN_OK);
    if (tenant != NULL) {
        cni_group_join(group, tenant, weight);
    }
    return group;
}

static bool
never(void *argument)
{
    (void)argument;
    return false;
}

/* ---- tasks that burn time ---- */

typedef struct burner {
    cni_atomic_i64 used_ns;
    cni_atomic_i64 n_left; /* steps */
    cni_atomic_i64 *stop;
    int64_t step_ns;
} burner;

static cni_step
burn(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    burner *self = argument;
    const int64_t begun_ns = cni_clock_ns();
    while (cni_clock_ns() - begun_ns < self->step_ns) {
    }
    cni_counter_add(&self->used_ns, cni_clock_ns() - begun_ns);
    const bool over = cni_counter_add(&self->n_left, -1) == 1;
    return over || cni_flag_consume(self->stop) != 0 ? CNI_STEP_DONE : CNI_STEP_AGAIN;
}

static void
submit(cni_group *group, cni_step (*step)(void *argument, cni_task *task, int32_t worker),
       void *argument)
{
    const cni_task_work work = {step, NULL, argument};
    assert_int_equal(cni_group_submit(group, &work, NULL), CN_OK);
}

/* ---- shares ---- */

/* What choosing does, with times that are made up: the group that ranks first runs for 1 ms. */
static void
run_in_order(cni_group *const *groups, int32_t n_groups, int64_t n_steps, int64_t *out_steps)
{
    for (int32_t at = 0; at < n_groups; at++) {
        out_steps[at] = 0;
    }
    for (int64_t step = 0; step < n_steps; step++) {
        int32_t best = 0;
        for (int32_t at = 1; at < n_groups; at++) {
            best = cni_group_ranks_before(groups[at], groups[best], 0) ? at : best;
        }
        cni_group_charge(groups[best], MS);
        out_steps[best]++;
    }
}

static cni_step
finish(void *argument, cni_task *task, int32_t worker)
{
    (void)argument;
    (void)task;
    (void)worker;
    return CNI_STEP_DONE;
}

/* A group with a task that nobody runs: max_workers 1 leaves it to callers. */
static cni_group *
new_ready_group(cni_pool *pool, cni_tenant *tenant, int32_t weight)
{
    cni_group *group = new_group(pool, 1, tenant, weight);
    submit(group, finish, NULL);
    return group;
}

static bool
is_about(int64_t number, int64_t wanted)
{
    return number * 10 >= wanted * 9 && number * 10 <= wanted * 11;
}

/* Four groups of one tenant have no more than one group of another. */
static void
test_tenants_share_equally(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(2);
    cni_tenant *many = new_tenant(pool);
    cni_tenant *few = new_tenant(pool);
    cni_group *groups[5];
    int64_t steps[5];
    for (int at = 0; at < 5; at++) {
        groups[at] = new_ready_group(pool, at < 4 ? many : few, CNI_WEIGHT_NORMAL);
    }
    run_in_order(groups, 5, 8000, steps);
    for (int at = 0; at < 4; at++) {
        assert_true(is_about(steps[at], 1000));
    }
    assert_true(is_about(steps[4], 4000));
    for (int at = 0; at < 5; at++) {
        cni_group_free(groups[at]);
    }
    cni_tenant_unref(many);
    cni_tenant_unref(few);
    cni_pool_free(pool);
}

static void
test_weights(void **state)
{
    (void)state;
    static const int32_t weights[] = {CNI_WEIGHT_LOW, CNI_WEIGHT_NORMAL, CNI_WEIGHT_HIGH};
    cni_pool *pool = new_pool(2);
    cni_group *groups[3];
    int64_t steps[3];
    for (int at = 0; at < 3; at++) {
        cni_tenant *tenant = new_tenant(pool);
        groups[at] = new_ready_group(pool, tenant, weights[at]);
        cni_tenant_unref(tenant); /* the group keeps it */
    }
    run_in_order(groups, 3, 21000, steps);
    assert_true(is_about(steps[0], 1000));
    assert_true(is_about(steps[1], 4000));
    assert_true(is_about(steps[2], 16000));
    for (int at = 0; at < 3; at++) {
        cni_group_free(groups[at]);
    }
    cni_pool_free(pool);
}

/* Who comes late starts level: neither behind for ever nor with a claim on the past. Short work
 * counts a quarter, so it has four of five steps beside one long group. */
static void
test_late_and_short(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(2);
    cni_group *groups[2];
    int64_t steps[2];
    groups[0] = new_ready_group(pool, NULL, 0);
    run_in_order(groups, 1, 1000, steps);
    groups[1] = new_ready_group(pool, NULL, 0);
    run_in_order(groups, 2, 32, steps);
    assert_in_range(steps[1], 23, 28);
    run_in_order(groups, 2, 1000, steps);
    assert_true(is_about(steps[0], 500)); /* it is short no more */
    cni_group_free(groups[0]);
    cni_group_free(groups[1]);
    cni_pool_free(pool);
}

/* ---- callers that help ---- */

typedef struct caller {
    cni_thread thread;
    cni_pool *pool;
    burner burner;
    int32_t n_tasks;
} caller;

static void *
call(void *argument)
{
    caller *self = argument;
    cni_tenant *tenant = new_tenant(self->pool);
    cni_group *group = new_group(self->pool, 1, tenant, CNI_WEIGHT_NORMAL);
    for (int32_t task = 0; task < self->n_tasks; task++) {
        submit(group, burn, &self->burner);
    }
    (void)cni_group_help(group, never, NULL);
    cni_group_free(group);
    cni_tenant_unref(tenant);
    return NULL;
}

/* Steps that callers have run: each takes one off its counter, which began at 0. */
static int64_t
steps_of(caller *callers, int n_callers)
{
    int64_t n_steps = 0;
    for (int at = 0; at < n_callers; at++) {
        n_steps -= cni_counter_get(&callers[at].burner.n_left);
    }
    return n_steps;
}

/* Short work of a caller gets through beside callers with endless work. */
static void
test_short_beside_long(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(1);
    cni_atomic_i64 stop = 0;
    cni_atomic_i64 never_stop = 0;
    caller *callers = calloc(12, sizeof(*callers));
    for (int at = 0; at < 12; at++) {
        callers[at] = (caller){.pool = pool, .n_tasks = 1};
        callers[at].burner = (burner){.stop = &stop, .step_ns = 1 * MS};
        assert_int_equal(cni_thread_start(&callers[at].thread, call, &callers[at], 256 << 10, NULL),
                         CN_OK);
    }
    (void)usleep(600000); /* all of them are beyond being short */
    caller small = {.pool = pool, .n_tasks = 1};
    small.burner = (burner){.stop = &never_stop, .step_ns = 1 * MS};
    cni_counter_set(&small.burner.n_left, 10);
    const int64_t n_before = steps_of(callers, 12);
    (void)call(&small);
    const int64_t n_beside = steps_of(callers, 12) - n_before;
    cni_flag_publish(&stop, 1);
    for (int at = 0; at < 12; at++) {
        cni_thread_join(&callers[at].thread);
    }
    free(callers);
    assert_true(cni_counter_get(&small.burner.used_ns) >= 10 * MS);
    assert_true(n_beside <
                1000); /* of 1 ms; counted, because the machine may be busy; 120 are fair */
    cni_pool_free(pool);
}

/* ---- no more steps at once than there are slots ---- */

typedef struct crowd {
    cni_atomic_i64 n_inside;
    cni_atomic_i64 most;
    cni_atomic_i64 n_steps;
    cni_pool *pool;
    int32_t max_workers;
} crowd;

static cni_step
enter(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    crowd *self = argument;
    cni_counter_max(&self->most, cni_counter_add(&self->n_inside, 1) + 1);
    cni_thread_yield();
    const int64_t n_steps = cni_counter_add(&self->n_steps, 1);
    cni_counter_add(&self->n_inside, -1);
    return n_steps % 16 == 0 ? CNI_STEP_DONE : CNI_STEP_AGAIN;
}

static void *
come(void *argument)
{
    crowd *self = argument;
    for (int round = 0; round < 20; round++) {
        cni_group *group = new_group(self->pool, self->max_workers, NULL, 0);
        cni_group_charge(group, CNI_GROUP_SHORT_NS); /* short ones pass steps that take too long */
        for (int task = 0; task < 6; task++) {
            submit(group, enter, self);
        }
        (void)cni_group_help(group, never, NULL);
        assert_int_equal(cni_group_pending(group), 0);
        cni_group_free(group);
    }
    return NULL;
}

static void
test_steps_at_once_are_bounded(void **state)
{
    (void)state;
    const int64_t n_slots = cni_max_i64(3, cni_cpu_count());
    for (int32_t max_workers = 1; max_workers <= 3; max_workers++) {
        crowd self = {.pool = new_pool(3), .max_workers = max_workers};
        cni_thread threads[10];
        for (int at = 0; at < 10; at++) {
            assert_int_equal(cni_thread_start(&threads[at], come, &self, 256 << 10, NULL), CN_OK);
        }
        for (int at = 0; at < 10; at++) {
            cni_thread_join(&threads[at]);
        }
        assert_true(cni_counter_get(&self.most) <= n_slots);
        cni_pool_free(self.pool);
    }
}

/* ---- steps that take too long ---- */

typedef struct sleeper {
    cni_thread thread;
    cni_pool *pool;
    cni_atomic_i64 *n_inside;
    int64_t used_ns; /* of the group before */
    int64_t step_ns;
    int64_t elapsed_ns;
} sleeper;

static cni_step
sleep_once(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    const sleeper *self = argument;
    cni_counter_add(self->n_inside, 1);
    (void)usleep((useconds_t)(self->step_ns / 1000));
    cni_counter_add(self->n_inside, -1);
    return CNI_STEP_DONE;
}

static void *
sleep_inside(void *argument)
{
    sleeper *self = argument;
    const int64_t begun_ns = cni_clock_ns();
    cni_group *group = new_group(self->pool, 1, NULL, 0);
    cni_group_charge(group, self->used_ns);
    submit(group, sleep_once, self);
    (void)cni_group_help(group, never, NULL);
    self->elapsed_ns = cni_clock_ns() - begun_ns;
    cni_group_free(group);
    return NULL;
}

/* Every slot is taken by a step that waits for something: short groups go on, others wait. */
static void
test_short_passes_overdue_steps(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(1);
    cni_atomic_i64 n_inside = 0;
    const int32_t n_slots = (int32_t)cni_max_i64(1, cni_cpu_count());
    sleeper *stuck = calloc((size_t)n_slots, sizeof(*stuck));
    for (int32_t at = 0; at < n_slots; at++) {
        stuck[at] = (sleeper){.pool = pool, .n_inside = &n_inside, .step_ns = 500 * MS};
        assert_int_equal(
            cni_thread_start(&stuck[at].thread, sleep_inside, &stuck[at], 256 << 10, NULL), CN_OK);
    }
    while (cni_counter_get(&n_inside) < n_slots) {
        (void)usleep(1000);
    }
    sleeper small = {.pool = pool, .n_inside = &n_inside, .step_ns = MS};
    sleeper large = {
        .pool = pool, .n_inside = &n_inside, .step_ns = MS, .used_ns = CNI_GROUP_SHORT_NS};
    (void)sleep_inside(&small);
    assert_int_equal(cni_counter_get(&n_inside), n_slots); /* it did not wait for any */
    assert_true(small.elapsed_ns < 400 * MS);
    (void)sleep_inside(&large);
    assert_true(cni_counter_get(&n_inside) < n_slots);
    for (int32_t at = 0; at < n_slots; at++) {
        cni_thread_join(&stuck[at].thread);
    }
    free(stuck);
    cni_pool_free(pool);
}

/* ---- from inside a step ---- */

typedef struct nest {
    cni_pool *pool;
    cni_atomic_i64 n_inner;
    cni_atomic_i64 n_outer;
    cni_atomic_i64 n_inside; /* that knew where they are */
} nest;

static cni_step
inner_step(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    nest *self = argument;
    cni_counter_add(&self->n_inner, 1);
    return CNI_STEP_DONE;
}

static cni_step
outer_step(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    nest *self = argument;
    const int64_t until_ns = cni_clock_ns() + 5 * MS; /* the others come, too */
    cni_counter_add(&self->n_outer, 1);
    while (cni_clock_ns() < until_ns) {
    }
    cni_counter_add(&self->n_inside, cni_pool_is_inside(self->pool) ? 1 : 0);
    cni_group *group = new_group(self->pool, 1, NULL, 0);
    submit(group, inner_step, self);
    submit(group, inner_step, self);
    (void)cni_group_help(group, never, NULL);
    cni_group_free(group);
    return CNI_STEP_DONE;
}

static void *
run_nest(void *argument)
{
    nest *self = argument;
    cni_group *group = new_group(self->pool, 2, NULL, 0);
    for (int task = 0; task < 4; task++) {
        submit(group, outer_step, self);
    }
    (void)cni_group_help(group, never, NULL);
    cni_group_free(group);
    return NULL;
}

static void
test_help_from_inside_a_step(void **state)
{
    (void)state;
    nest self = {.pool = new_pool(2)};
    cni_thread threads[8];
    assert_false(cni_pool_is_inside(self.pool));
    for (int at = 0; at < 8; at++) {
        assert_int_equal(cni_thread_start(&threads[at], run_nest, &self, 256 << 10, NULL), CN_OK);
    }
    for (int at = 0; at < 8; at++) {
        cni_thread_join(&threads[at]);
    }
    assert_int_equal(cni_counter_get(&self.n_outer), 32);
    assert_int_equal(cni_counter_get(&self.n_inside), 32);
    assert_int_equal(cni_counter_get(&self.n_inner), 64);
    cni_pool_free(self.pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tenants_share_equally),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_late_and_short),
        cmocka_unit_test(test_short_beside_long),
        cmocka_unit_test(test_steps_at_once_are_bounded),
        cmocka_unit_test(test_short_passes_overdue_steps),
        cmocka_unit_test(test_help_from_inside_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
