/* SPDX-License-Identifier: Apache-2.0
 *
 * Pools: a limit over several roots, each with a region of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/thread.h"
#include "runtime/budget.h"

#define MIB (INT64_C(1) << 20)

typedef struct pool_env {
    cni_budget *pool;
    cni_budget *engines[2];
    cni_budget *queries[2];
} pool_env;

static void
env_begin(pool_env *self, int64_t pool_bytes, int64_t engine_bytes)
{
    assert_int_equal(cni_budget_new_pool("memory pool", pool_bytes, &self->pool, NULL), CN_OK);
    for (int at = 0; at < 2; at++) {
        assert_int_equal(cni_budget_new_root_in(self->pool, "engine", engine_bytes, NULL,
                                                &self->engines[at], NULL),
                         CN_OK);
        assert_int_equal(cni_budget_new(self->engines[at], "query", CNI_BUDGET_UNLIMITED,
                                        &self->queries[at], NULL),
                         CN_OK);
    }
}

static void
env_end(pool_env *self)
{
    for (int at = 0; at < 2; at++) {
        cni_budget_unref(self->queries[at]);
        cni_budget_unref(self->engines[at]);
    }
    assert_int_equal(cni_budget_current_bytes(self->pool), 0);
    cni_budget_unref(self->pool);
}

static void
test_limit_of_all(void **state)
{
    (void)state;
    pool_env env;
    cn_error err = CN_ERROR_INIT;
    env_begin(&env, 100 * MIB, 80 * MIB);
    assert_int_equal(cni_budget_reserve(env.queries[0], 60 * MIB, NULL), CN_OK);
    assert_int_equal(cni_budget_left_beside(env.engines[0], 60 * MIB), 80 * MIB);
    assert_int_equal(cni_budget_left_beside(env.engines[1], 0), 40 * MIB);
    assert_int_equal(cni_budget_reserve(env.queries[1], 41 * MIB, &err), CN_BUDGET_EXCEEDED);
    assert_string_equal(
        err.message,
        "out of memory budget: memory pool limit 100 MiB, 60.0 MiB in use, 41.0 MiB asked");
    assert_int_equal(cni_budget_current_bytes(env.engines[1]), 0);
    assert_int_equal(cni_budget_reserve(env.queries[1], 40 * MIB, NULL), CN_OK);
    assert_int_equal(cni_budget_reserve(env.queries[0], 1, NULL), CN_BUDGET_EXCEEDED);
    cni_budget_release(env.queries[1], 40 * MIB);
    assert_int_equal(cni_budget_reserve(env.queries[0], 21 * MIB, &err), CN_BUDGET_EXCEEDED);
    assert_non_null(strstr(err.message, "engine limit 80 MiB"));
    cni_budget_release(env.queries[0], 60 * MIB);
    assert_int_equal(cni_budget_peak_bytes(env.pool), 100 * MIB);
    env_end(&env);
}

typedef struct holder {
    cni_budget *budget;
    int64_t held_bytes;
    int32_t n_asked;
} holder;

static int64_t
give_back(void *private_data, int64_t n_bytes)
{
    holder *self = private_data;
    const int64_t n_given = cni_min_i64(n_bytes, self->held_bytes);
    self->n_asked++;
    self->held_bytes -= n_given;
    cni_budget_release(self->budget, n_given);
    return n_given;
}

/* Whoever refuses is asked below: an engine its own queries, the pool those of all engines. */
static void
test_reclaim_reaches_through(void **state)
{
    (void)state;
    pool_env env;
    env_begin(&env, 100 * MIB, 80 * MIB);
    holder other = {.budget = env.queries[0], .held_bytes = 70 * MIB};
    assert_int_equal(cni_budget_reserve(env.queries[0], 70 * MIB, NULL), CN_OK);
    cni_budget_set_reclaim(env.queries[0], give_back, &other);
    assert_int_equal(cni_budget_reserve(env.queries[1], 81 * MIB, NULL), CN_BUDGET_EXCEEDED);
    assert_int_equal(other.n_asked, 0); /* it is the engine's own limit */
    assert_int_equal(cni_budget_reserve(env.queries[1], 60 * MIB, NULL), CN_OK);
    assert_int_equal(other.n_asked, 1);
    assert_true(other.held_bytes <= 40 * MIB);
    cni_budget_set_reclaim(env.queries[0], NULL, NULL);
    cni_budget_release(env.queries[0], other.held_bytes);
    cni_budget_release(env.queries[1], 60 * MIB);
    env_end(&env);
}

static void *
take_block(cni_budget *budget, int64_t n_bytes)
{
    cni_allocator *allocator = cni_budget_allocator(budget);
    return allocator->resize(allocator, NULL, 0, n_bytes, 64, NULL);
}

static void
drop_block(cni_budget *budget, void *block, int64_t n_bytes)
{
    cni_allocator *allocator = cni_budget_allocator(budget);
    (void)allocator->resize(allocator, block, n_bytes, 0, 64, NULL);
}

/* Memory that one engine's region keeps for later goes back when another one needs it. */
static void
test_what_is_kept_goes_back(void **state)
{
    (void)state;
    pool_env env;
    env_begin(&env, 100 * MIB, 100 * MIB);
    void *block = take_block(env.queries[0], 64 * MIB);
    assert_non_null(block);
    drop_block(env.queries[0], block, 64 * MIB);
    const int64_t kept_bytes = cni_budget_committed_bytes(env.engines[0]);
    (void)usleep(20000); /* the pool looks now and then */
    block = take_block(env.queries[1], 64 * MIB);
    assert_non_null(block);
    (void)usleep(20000);
    void *second = take_block(env.queries[1], 16 * MIB);
    assert_non_null(second);
    if (kept_bytes > 0) { /* sanitizers have no regions */
        assert_true(kept_bytes >= 64 * MIB);
        assert_true(cni_budget_committed_bytes(env.engines[0]) < 8 * MIB);
    }
    drop_block(env.queries[1], second, 16 * MIB);
    drop_block(env.queries[1], block, 64 * MIB);
    env_end(&env);
}

/* A block outlives every handle, the pool's too. */
static void
test_a_block_keeps_the_pool(void **state)
{
    (void)state;
    pool_env env;
    env_begin(&env, 100 * MIB, 80 * MIB);
    void *block = take_block(env.queries[0], MIB);
    cni_allocator *allocator = cni_budget_allocator(env.queries[0]);
    for (int at = 0; at < 2; at++) {
        cni_budget_unref(env.engines[at]);
    }
    cni_budget_unref(env.queries[1]);
    assert_true(cni_budget_current_bytes(env.pool) >= MIB);
    cni_budget_unref(env.pool);
    cni_budget_unref(env.queries[0]);
    memset(block, 1, MIB);
    (void)allocator->resize(allocator, block, MIB, 0, 64, NULL); /* the last one frees all */
}

/* ---- threads ---- */

typedef struct user {
    cni_thread thread;
    cni_budget *pool;
    cni_atomic_i64 n_refused;
} user;

static int64_t
nothing(void *private_data, int64_t n_bytes)
{
    (void)private_data;
    (void)n_bytes;
    return 0;
}

static void *
use(void *argument)
{
    user *self = argument;
    for (int round = 0; round < 40; round++) {
        cni_budget *engine = NULL;
        cni_budget *query = NULL;
        assert_int_equal(
            cni_budget_new_root_in(self->pool, "engine", 64 * MIB, NULL, &engine, NULL), CN_OK);
        assert_int_equal(cni_budget_new(engine, "query", CNI_BUDGET_UNLIMITED, &query, NULL),
                         CN_OK);
        cni_budget_set_reclaim(query, nothing, NULL);
        void *block = take_block(query, 3 * MIB);
        if (cni_budget_reserve(query, 20 * MIB, NULL) == CN_OK) {
            cni_budget_release(query, 20 * MIB);
        } else {
            cni_counter_add(&self->n_refused, 1);
        }
        if (block != NULL) {
            drop_block(query, block, 3 * MIB);
        }
        cni_budget_set_reclaim(query, NULL, NULL);
        cni_budget_unref(query);
        cni_budget_unref(engine);
    }
    return NULL;
}

/* Engines come and go while others ask through the pool. */
static void
test_engines_come_and_go(void **state)
{
    (void)state;
    user users[4];
    cni_budget *pool = NULL;
    assert_int_equal(cni_budget_new_pool("memory pool", 48 * MIB, &pool, NULL), CN_OK);
    for (int at = 0; at < 4; at++) {
        users[at] = (user){.pool = pool};
        assert_int_equal(cni_thread_start(&users[at].thread, use, &users[at], 0, NULL), CN_OK);
    }
    for (int at = 0; at < 4; at++) {
        cni_thread_join(&users[at].thread);
    }
    assert_int_equal(cni_budget_current_bytes(pool), 0);
    assert_true(cni_budget_peak_bytes(pool) <= 48 * MIB);
    cni_budget_unref(pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit_of_all),
        cmocka_unit_test(test_reclaim_reaches_through),
        cmocka_unit_test(test_what_is_kept_goes_back),
        cmocka_unit_test(test_a_block_keeps_the_pool),
        cmocka_unit_test(test_engines_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
