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
#include "runtime/task.h"

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
    cni_counter_add(&self->used_ns, self->step_ns);
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

static void
wait_for(cni_atomic_i64 *const *counters, int32_t n_counters, int64_t sum)
{
    int64_t seen = 0;
    while (seen < sum) {
        (void)usleep(1000);
        seen = 0;
        for (int32_t at = 0; at < n_counters; at++) {
            seen += cni_counter_get(counters[at]);
        }
    }
}

/* ---- shares ---- */

/* Four groups of one tenant have no more than one group of another. */
static void
test_tenants_share_equally(void **state)
{
    (void)state;
    cni_pool *pool = new_pool(2);
    cni_tenant *many = new_tenant(pool);
    cni_tenant *few = new_tenant(pool);
    cni_atomic_i64 stop = 0;
    burner burners[5];
    cni_group *groups[5];
    cni_atomic_i64 *used[5];
    for (int at = 0; at < 5; at++) {
        burners[at] = (burner){.stop = &stop, .step_ns = 200000};
        groups[at] = new_group(pool, 2, at < 4 ? many : few, CNI_WEIGHT_NORMAL);
        used[at] = &burners[at].used_ns;
        submit(groups[at], burn, &burners[at]);
        submit(groups[at], burn, &burners[at]);
    }
    wait_for(used, 5, 400 * MS);
    cni_flag_publish(&stop, 1);
    int64_t of_many = 0;
    int64_t least = INT64_MAX;
    for (int at = 0; at < 4; at++) {
        const int64_t mine = cni_counter_get(&burners[at].used_ns);
        of_many += mine;
        least = cni_min_i64(least, mine);
    }
    const int64_t of_few = cni_counter_get(&burners[4].used_ns);
    assert_true(of_many < 2 * of_few && of_few < 2 * of_many);
    assert_true(of_many < 8 * least); /* and these four share among themselves */
    for (int at = 0; at < 5; at++) {
        assert_false(cni_group_help(groups[at], never, NULL));
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
    cni_atomic_i64 stop = 0;
    burner burners[3];
    cni_group *groups[3];
    cni_atomic_i64 *used[3];
    for (int at = 0; at < 3; at++) {
        cni_tenant *tenant = new_tenant(pool);
        burners[at] = (burner){.stop = &stop, .step_ns = 200000};
        groups[at] = new_group(pool, 2, tenant, weights[at]);
        used[at] = &burners[at].used_ns;
        cni_tenant_unref(tenant); /* the group keeps it */
        for (int task = 0; task < 3; task++) {
            submit(groups[at], burn, &burners[at]);
        }
    }
    wait_for(used, 3, 600 * MS);
    cni_flag_publish(&stop, 1);
    const int64_t low = cni_counter_get(used[0]);
    const int64_t normal = cni_counter_get(used[1]);
    const int64_t high = cni_counter_get(used[2]);
    assert_true(normal > 2 * low && normal < 8 * low);
    assert_true(high > 2 * normal && high < 8 * normal);
    for (int at = 0; at < 3; at++) {
        assert_false(cni_group_help(groups[at], never, NULL));
        cni_group_free(groups[at]);
    }
    cni_pool_free(pool);
}

/* ---- callers that help ---- */

typedef struct caller {
    cni_thread thread;
    cni_pool *pool;
    burner burner;
    int32_t n_tasks;
    int64_t elapsed_ns;
} caller;

static void *
call(void *argument)
{
    caller *self = argument;
    cni_tenant *tenant = new_tenant(self->pool);
    cni_group *group = new_group(self->pool, 1, tenant, CNI_WEIGHT_NORMAL);
    const int64_t begun_ns = cni_clock_ns();
    for (int32_t task = 0; task < self->n_tasks; task++) {
        submit(group, burn, &self->burner);
    }
    (void)cni_group_help(group, never, NULL);
    self->elapsed_ns = cni_clock_ns() - begun_ns;
    cni_group_free(group);
    cni_tenant_unref(tenant);
    return NULL;
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
    (void)call(&small);
    cni_flag_publish(&stop, 1);
    for (int at = 0; at < 12; at++) {
        cni_thread_join(&callers[at].thread);
    }
    free(callers);
    assert_int_equal(cni_counter_get(&small.burner.used_ns), 10 * MS);
    assert_true(small.elapsed_ns < 400 * MS); /* alone 10, in turn with twelve others 130 */
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
        cmocka_unit_test(test_short_beside_long),
        cmocka_unit_test(test_steps_at_once_are_bounded),
        cmocka_unit_test(test_help_from_inside_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
