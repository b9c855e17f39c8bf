/* SPDX-License-Identifier: Apache-2.0
 *
 * Admission: what fits runs, what does not waits in turn, small claims have a lane, waiting ends by
 * room, cancel, deadline or its own time, shares add up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/admission.h"

#define MIB        (INT64_C(1) << 20)
#define LIMIT      (1024 * MIB)
#define N_TEST     12
#define MS         INT64_C(1000000)
#define STILL_LONG 20000

typedef struct test_env {
    cni_budget *root;
    cni_pool *pool;
    cni_admission *admission;
} test_env;

typedef struct query {
    test_env *env;
    cni_context context;
    cni_admission_place place;
    cni_admission_request request;
    cn_code code;
    cn_error err;
    cni_atomic_i64 answered;
    cni_thread thread;
} query;

static test_env
new_env(void)
{
    test_env self = {0};
    assert_int_equal(cni_budget_new_root("engine", LIMIT, NULL, &self.root, NULL), CN_OK);
    cni_allocator *allocator = cni_budget_allocator(self.root);
    assert_int_equal(cni_pool_new(allocator, 2, NULL, NULL, &self.pool, NULL), CN_OK);
    assert_int_equal(cni_admission_new(allocator, self.root, self.pool, &self.admission, NULL),
                     CN_OK);
    return self;
}

static void
env_done(test_env *self)
{
    cni_admission_free(self->admission);
    cni_pool_free(self->pool);
    cni_budget_unref(self->root);
}

static query *
new_query(test_env *env, const void *tenant, int64_t need_bytes)
{
    cni_exec_settings settings = cni_exec_settings_default();
    query *self = calloc(1, sizeof(*self));
    assert_non_null(self);
    settings.n_threads = 2;
    self->env = env;
    self->request = (cni_admission_request){
        .tenant = tenant, .need_bytes = need_bytes, .timeout_ms = STILL_LONG};
    assert_int_equal(cni_context_init(&self->context, env->root, LIMIT, env->pool, &settings, NULL),
                     CN_OK);
    return self;
}

static cn_code
enter(query *self)
{
    self->err = (cn_error)CN_ERROR_INIT;
    self->code = cni_admission_enter(self->env->admission, &self->place, &self->context,
                                     &self->request, &self->err);
    cni_flag_publish(&self->answered, 1);
    return self->code;
}

static void *
enter_in_thread(void *argument)
{
    (void)enter(argument);
    return NULL;
}

static int32_t
n_waiting(test_env *env)
{
    return cni_admission_look(env->admission).n_waiting;
}

/* Begin to enter on a thread of its own, and wait until it is in the queue. */
static void
queue_up(query *self)
{
    const int32_t before = n_waiting(self->env);
    assert_int_equal(cni_thread_start(&self->thread, enter_in_thread, self, 256 << 10, NULL),
                     CN_OK);
    while (n_waiting(self->env) == before && cni_flag_consume(&self->answered) == 0) {
        (void)usleep(1000);
    }
}

static cn_code
joined(query *self)
{
    cni_thread_join(&self->thread);
    return self->code;
}

static void
free_query(query *self)
{
    cni_admission_leave(self->env->admission, &self->place);
    cni_context_done(&self->context);
    free(self);
}

static int64_t
share_of(const query *self)
{
    return cni_budget_soft_limit_bytes(self->context.budget);
}

/* ---- claims and shares ---- */

static void
test_alone_has_everything(void **state)
{
    (void)state;
    test_env env = new_env();
    query *one = new_query(&env, &env, 0);
    assert_int_equal(enter(one), CN_OK);
    assert_true(share_of(one) > LIMIT - 2 * MIB); /* the root has a few bytes of its own */
    cni_admission_leave(env.admission, &one->place);
    assert_true(share_of(one) == LIMIT);
    free_query(one);
    env_done(&env);
}

static void
test_shares_add_up(void **state)
{
    (void)state;
    static const int64_t needs[] = {INT64_C(1) << 50, 100 * MIB, 10 * MIB, 1};
    test_env env = new_env();
    query *queries[4];
    int64_t sum = 0;
    for (int at = 0; at < 4; at++) {
        queries[at] = new_query(&env, &queries[at], needs[at]);
        assert_int_equal(enter(queries[at]), CN_OK);
    }
    const int64_t floor = 16 * MIB; /* a 64th of the limit */
    const int64_t least[] = {LIMIT / 5, 100 * MIB, floor, floor};
    for (int at = 0; at < 4; at++) {
        sum += share_of(queries[at]);
        assert_true(share_of(queries[at]) >= least[at]);
    }
    assert_true(sum <= LIMIT && sum > LIMIT - 4 * MIB);
    const int64_t before = share_of(queries[1]);
    free_query(queries[0]);
    assert_true(share_of(queries[1]) > before); /* what became free is dealt out */
    for (int at = 1; at < 4; at++) {
        free_query(queries[at]);
    }
    env_done(&env);
}

/* Memory that the engine uses outside of queries is not dealt out. */
static void
test_tables_count(void **state)
{
    (void)state;
    test_env env = new_env();
    assert_int_equal(cni_budget_reserve(env.root, 900 * MIB, NULL), CN_OK);
    query *one = new_query(&env, &env, INT64_C(1) << 40);
    query *two = new_query(&env, &env, INT64_C(1) << 40);
    assert_int_equal(enter(one), CN_OK);
    assert_true(share_of(one) <= 124 * MIB);
    assert_int_equal(enter(two), CN_OK); /* a quarter of what is there: 31 MiB each */
    assert_true(share_of(one) + share_of(two) <= 124 * MIB);
    free_query(one);
    free_query(two);
    cni_budget_release(env.root, 900 * MIB);
    env_done(&env);
}

/* ---- waiting ---- */

static void
fill(test_env *env, query **out_three)
{
    for (int at = 0; at < 3; at++) {
        out_three[at] = new_query(env, &out_three[at], INT64_C(1) << 40);
        assert_int_equal(enter(out_three[at]), CN_OK);
    }
}

static void
free_three(query **three)
{
    for (int at = 0; at < 3; at++) {
        free_query(three[at]);
    }
}

static void
test_large_ones_wait_for_room(void **state)
{
    (void)state;
    test_env env = new_env();
    query *three[3];
    fill(&env, three);
    query *next = new_query(&env, &env.pool, INT64_C(1) << 40);
    queue_up(next);
    assert_int_equal(n_waiting(&env), 1);
    assert_true(cni_admission_is_waiting(env.admission, &next->place));
    (void)usleep(50000);
    assert_int_equal(cni_flag_consume(&next->answered), 0);
    cni_admission_leave(env.admission, &three[1]->place);
    assert_int_equal(joined(next), CN_OK);
    assert_int_equal(cni_admission_look(env.admission).n_running, 3);
    free_query(next);
    free_three(three);
    env_done(&env);
}

static void
test_refused_at_once_and_in_time(void **state)
{
    (void)state;
    test_env env = new_env();
    query *three[3];
    fill(&env, three);
    query *next = new_query(&env, &env.pool, INT64_C(1) << 40);
    next->request.timeout_ms = 0;
    assert_int_equal(enter(next), CN_BUSY);
    assert_string_equal(next->err.sqlstate, "53300");
    assert_non_null(strstr(next->err.message, "limit of 1024 MiB"));
    next->request.timeout_ms = 60;
    const int64_t begun_ns = cni_clock_ns();
    assert_int_equal(enter(next), CN_BUSY);
    assert_true(cni_clock_ns() - begun_ns >= 60 * MS);
    assert_int_equal(n_waiting(&env), 0);
    free_query(three[0]);
    assert_int_equal(enter(next), CN_OK); /* and may be tried again */
    three[0] = next;
    free_three(three);
    env_done(&env);
}

static void
test_small_ones_have_a_lane(void **state)
{
    (void)state;
    test_env env = new_env();
    query *three[3];
    query *small[8];
    fill(&env, three);
    query *large = new_query(&env, &env.pool, 400 * MIB);
    queue_up(large);
    for (int at = 0; at < 8; at++) {
        small[at] = new_query(&env, &small[at], 1 * MIB);
        small[at]->request.timeout_ms = 0;
        assert_int_equal(enter(small[at]), CN_OK);
    }
    assert_int_equal(n_waiting(&env), 1);
    free_three(three);
    assert_int_equal(joined(large), CN_OK);
    for (int at = 0; at < 8; at++) {
        free_query(small[at]);
    }
    free_query(large);
    env_done(&env);
}

static void
test_cancel_and_deadline_end_the_wait(void **state)
{
    (void)state;
    test_env env = new_env();
    query *three[3];
    fill(&env, three);
    query *cancelled = new_query(&env, &env.pool, 300 * MIB);
    query *late = new_query(&env, &env.admission, 300 * MIB);
    late->context.deadline_ns = cni_clock_ns() + 50 * MS;
    queue_up(cancelled);
    queue_up(late);
    const int64_t begun_ns = cni_clock_ns();
    cni_context_cancel(&cancelled->context);
    assert_int_equal(joined(cancelled), CN_CANCELLED);
    assert_true(cni_clock_ns() - begun_ns < 100 * MS);
    assert_int_equal(joined(late), CN_TIMEOUT);
    assert_int_equal(n_waiting(&env), 0);
    free_query(cancelled);
    free_query(late);
    free_three(three);
    env_done(&env);
}

/* Of those that wait, a tenant that runs nothing goes before one that runs something. */
static void
test_fair_between_tenants(void **state)
{
    (void)state;
    test_env env = new_env();
    query *three[3];
    fill(&env, three);
    query *greedy = new_query(&env, &three[0], INT64_C(1) << 40); /* the tenant of three[0] */
    query *modest = new_query(&env, &env, INT64_C(1) << 40);
    queue_up(greedy);
    queue_up(modest);
    cni_admission_leave(env.admission, &three[2]->place);
    assert_int_equal(joined(modest), CN_OK);
    assert_int_equal(cni_flag_consume(&greedy->answered), 0);
    cni_admission_leave(env.admission, &three[1]->place);
    assert_int_equal(joined(greedy), CN_OK);
    free_query(greedy);
    free_query(modest);
    free_three(three);
    env_done(&env);
}

/* Results that nobody pulls keep nobody out: one thread may have any number of them open. */
static void
test_paused_ones_count_what_they_hold(void **state)
{
    (void)state;
    test_env env = new_env();
    query *three[3];
    fill(&env, three);
    cni_admission_pause(&three[0]->place, true);
    query *next = new_query(&env, &env.pool, INT64_C(1) << 40);
    assert_int_equal(enter(next), CN_OK); /* after the pause has lasted a while */
    assert_int_equal(cni_admission_look(env.admission).n_running, 4);
    cni_admission_pause(&three[0]->place, false);
    int64_t sum = share_of(next);
    for (int at = 0; at < 3; at++) {
        sum += share_of(three[at]);
    }
    assert_true(sum <= LIMIT);
    free_query(next);
    free_three(three);
    env_done(&env);
}

/* ---- from inside a step, and many at once ---- */

static cni_step
enter_step(void *argument, cni_task *task, int32_t worker)
{
    (void)task;
    (void)worker;
    (void)enter(argument);
    return CNI_STEP_DONE;
}

static bool
never(void *argument)
{
    (void)argument;
    return false;
}

static void
test_inside_a_step_nobody_waits(void **state)
{
    (void)state;
    test_env env = new_env();
    query *three[3];
    cni_group *group = NULL;
    fill(&env, three);
    query *inner = new_query(&env, &env.pool, INT64_C(1) << 40);
    const cni_task_work work = {enter_step, NULL, inner};
    assert_int_equal(cni_group_new(env.pool, cni_allocator_system(), 1, &group, NULL), CN_OK);
    assert_int_equal(cni_group_submit(group, &work, NULL), CN_OK);
    assert_false(cni_group_help(group, never, NULL));
    assert_int_equal(inner->code, CN_OK);
    cni_group_free(group);
    free_query(inner);
    free_three(three);
    env_done(&env);
}

typedef struct visitor {
    test_env *env;
    cni_thread thread;
    int32_t number;
    cni_atomic_i64 *most;
} visitor;

static void *
visit(void *argument)
{
    visitor *self = argument;
    for (int round = 0; round < 30; round++) {
        query *one = new_query(self->env, self, ((round + self->number) % 4) * 200 * MIB);
        if (round % 7 == 3) {
            one->request.timeout_ms = 1;
        }
        const cn_code code = enter(one);
        assert_true(code == CN_OK || (code == CN_BUSY && round % 7 == 3));
        if (code == CN_OK) {
            const cni_admission_figures figures = cni_admission_look(self->env->admission);
            cni_counter_max(self->most, figures.claimed_bytes);
            (void)usleep(200);
        }
        free_query(one);
    }
    return NULL;
}

static void
test_many_at_once(void **state)
{
    (void)state;
    test_env env = new_env();
    visitor visitors[N_TEST];
    cni_atomic_i64 most = 0;
    for (int at = 0; at < N_TEST; at++) {
        visitors[at] = (visitor){.env = &env, .number = at, .most = &most};
        assert_int_equal(
            cni_thread_start(&visitors[at].thread, visit, &visitors[at], 256 << 10, NULL), CN_OK);
    }
    for (int at = 0; at < N_TEST; at++) {
        cni_thread_join(&visitors[at].thread);
    }
    const cni_admission_figures figures = cni_admission_look(env.admission);
    assert_int_equal(figures.n_running, 0);
    assert_int_equal(figures.n_waiting, 0);
    assert_int_equal(figures.claimed_bytes, 0);
    assert_true(cni_counter_get(&most) <= LIMIT);
    env_done(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_has_everything),
        cmocka_unit_test(test_shares_add_up),
        cmocka_unit_test(test_tables_count),
        cmocka_unit_test(test_large_ones_wait_for_room),
        cmocka_unit_test(test_refused_at_once_and_in_time),
        cmocka_unit_test(test_small_ones_have_a_lane),
        cmocka_unit_test(test_cancel_and_deadline_end_the_wait),
        cmocka_unit_test(test_fair_between_tenants),
        cmocka_unit_test(test_paused_ones_count_what_they_hold),
        cmocka_unit_test(test_inside_a_step_nobody_waits),
        cmocka_unit_test(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
