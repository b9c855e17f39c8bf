/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads, locks, clocks, and the four ways of sharing a word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>

#include "base/atomic.h"
#include "base/thread.h"

#define N_THREADS 4
#define N_ROUNDS  10000

typedef struct shared {
    cni_mutex mutex;
    cni_cond cond;
    int64_t guarded;
    cni_atomic_i64 counter;
    cni_atomic_i64 high;
    cni_atomic_i64 winners;
    cni_atomic_i64 n_begun;
    char tokens[N_THREADS]; /* an address of each thread's own, also when stacks are used again */
    cni_atomic_ptr slot;
    cni_atomic_i64 n_lost;
} shared;

static void *
work(void *argument)
{
    shared *self = argument;
    char *token = &self->tokens[cni_counter_add(&self->n_begun, 1)];
    if (cni_slot_claim(&self->slot, token) != token) {
        cni_counter_add(&self->n_lost, 1);
    }
    for (int64_t round = 0; round < N_ROUNDS; round++) {
        cni_mutex_lock(&self->mutex);
        self->guarded++;
        cni_mutex_unlock(&self->mutex);
        cni_counter_max(&self->high, cni_counter_add(&self->counter, 1) + 1);
        if (cni_slot_swap(&self->winners, round, round + 1)) {
            cni_thread_yield();
        }
    }
    cni_mutex_lock(&self->mutex);
    cni_cond_broadcast(&self->cond);
    cni_mutex_unlock(&self->mutex);
    return NULL;
}

static void
test_sharing(void **state)
{
    (void)state;
    shared self = {0};
    cni_mutex_init(&self.mutex);
    cni_cond_init(&self.cond);
    cni_thread threads[N_THREADS];
    for (int thread = 0; thread < N_THREADS; thread++) {
        assert_int_equal(cni_thread_start(&threads[thread], work, &self, 64 << 10, NULL), CN_OK);
    }
    cni_mutex_lock(&self.mutex);
    while (self.guarded < N_THREADS * N_ROUNDS) {
        cni_cond_wait(&self.cond, &self.mutex);
    }
    cni_mutex_unlock(&self.mutex);
    for (int thread = 0; thread < N_THREADS; thread++) {
        cni_thread_join(&threads[thread]);
    }
    assert_int_equal(cni_counter_get(&self.counter), N_THREADS * N_ROUNDS);
    assert_int_equal(cni_counter_get(&self.high), N_THREADS * N_ROUNDS);
    assert_int_equal(cni_counter_get(&self.n_lost), N_THREADS - 1);
    cni_cond_done(&self.cond);
    cni_mutex_done(&self.mutex);
}

static void
test_wait_until_times_out(void **state)
{
    (void)state;
    cni_mutex mutex;
    cni_cond cond;
    cni_mutex_init(&mutex);
    cni_cond_init(&cond);
    const int64_t deadline_ns = cni_clock_ns() + 20000000;
    cni_mutex_lock(&mutex);
    while (cni_cond_wait_until(&cond, &mutex, deadline_ns)) {
    }
    cni_mutex_unlock(&mutex);
    assert_true(cni_clock_ns() >= deadline_ns);
    cni_cond_done(&cond);
    cni_mutex_done(&mutex);
}

static void *
read_mask(void *argument)
{
    sigset_t *mask = argument;
    (void)pthread_sigmask(SIG_SETMASK, NULL, mask);
    return NULL;
}

static void
test_threads_block_signals(void **state)
{
    (void)state;
    sigset_t mask;
    sigset_t own;
    sigemptyset(&mask);
    cni_thread thread;
    assert_int_equal(cni_thread_start(&thread, read_mask, &mask, 0, NULL), CN_OK);
    cni_thread_join(&thread);
    assert_int_equal(sigismember(&mask, SIGINT), 1);
    assert_int_equal(sigismember(&mask, SIGTERM), 1);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &own);
    assert_int_equal(sigismember(&own, SIGINT), 0);
}

static void
test_clocks_and_processors(void **state)
{
    (void)state;
    const int64_t first = cni_clock_ns();
    assert_true(cni_clock_ns() >= first);
    assert_true(cni_clock_wall_us() > INT64_C(1600000000000000));
    assert_true(cni_cpu_count() >= 1);
    assert_true(cni_thread_id() != 0);
}

static void
test_refcount(void **state)
{
    (void)state;
    cni_atomic_i64 n_refs = 1;
    assert_true(cni_refcount_is_unique(&n_refs));
    cni_refcount_inc(&n_refs);
    assert_false(cni_refcount_is_unique(&n_refs));
    assert_false(cni_refcount_dec(&n_refs));
    assert_true(cni_refcount_dec(&n_refs));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_wait_until_times_out),
        cmocka_unit_test(test_threads_block_signals),
        cmocka_unit_test(test_clocks_and_processors),
        cmocka_unit_test(test_refcount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
