/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of spill stores: what is begun comes back whatever the order of completion, failures are
 * those of the calls, whoever waits does not wait for others, and what is abandoned or closed
 * touches nothing afterwards.
 */
#include "runtime/spill_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/wait.h>

#include "runtime/spill_scope.h"
#include "support/spill_stores.h"

#define OK(expr)                                                                                   \
    do {                                                                                           \
        cn_error error_ = CN_ERROR_INIT;                                                           \
        cn_error *err = &error_;                                                                   \
        if ((expr) != CN_OK) {                                                                     \
            fail_msg("%s: %s", #expr, error_.message);                                             \
        }                                                                                          \
    } while (0)

enum {
    PAGE = CNI_SPILL_ALIGN_BYTES,
    N = 24
};

static void
fill(uint8_t *data, int64_t n_bytes, uint32_t seed)
{
    for (int64_t at = 0; at < n_bytes; at++) {
        seed = seed * 1664525U + 1013904223U;
        data[at] = (uint8_t)(seed >> 24);
    }
}

static bool
is_filled(const uint8_t *data, int64_t n_bytes, uint32_t seed)
{
    uint8_t expected[PAGE];
    fill(expected, n_bytes, seed);
    return memcmp(data, expected, (size_t)n_bytes) == 0;
}

/* ---- order ---- */

/* Appends and reads of one thread, ended in another order than they were begun. */
static bool
round_trip(cni_spill_file *file, uint32_t seed)
{
    cni_spill_request requests[N] = {{0}};
    int64_t offsets[N];
    uint8_t *pages = aligned_alloc(PAGE, (size_t)N * PAGE);
    bool good = pages != NULL;
    for (uint32_t at = 0; at < N; at++) {
        fill(pages + at * PAGE, PAGE, seed + at);
        cni_spill_begin_append(file, pages + at * PAGE, PAGE, &requests[at]);
    }
    for (uint32_t at = 0; at < N; at++) {
        const uint32_t other = at * 7 % N; /* 7 and N have no common divisor */
        good = cni_spill_finish(&requests[other], &offsets[other], NULL) == CN_OK && good;
    }
    memset(pages, 0, (size_t)N * PAGE);
    for (uint32_t at = 0; at < N; at++) {
        cni_spill_begin_read(file, offsets[at], PAGE, pages + at * PAGE, &requests[at]);
    }
    for (uint32_t at = N; at-- > 0;) {
        good = cni_spill_finish(&requests[at], NULL, NULL) == CN_OK && good &&
               is_filled(pages + at * PAGE, PAGE, seed + at);
    }
    free(pages);
    return good;
}

static void
test_any_order(void **state)
{
    (void)state;
    memory_spill_store slow;
    memory_spill_store plain;
    spill_place place;
    memory_spill_begin_slow(&slow, NULL);
    memory_spill_begin(&plain, NULL);
    spill_place_begin(&place, NULL);
    cni_spill_store *stores[] = {&slow.base, &plain.base, place.store};
    for (int at = 0; at < 3; at++) {
        cni_spill_file *file = NULL;
        OK(cni_spill_create(stores[at], "test", &file, err));
        assert_true(round_trip(file, (uint32_t)at * 1000));
        assert_int_equal(cni_counter_get(&stores[at]->written_bytes), N * PAGE);
        assert_int_equal(cni_counter_get(&stores[at]->read_bytes), N * PAGE);
        cni_spill_close(file);
    }
    memory_spill_end(&slow);
    memory_spill_end(&plain);
    spill_place_end(&place);
}

typedef struct user_thread {
    cni_thread thread;
    cni_spill_store *store;
    uint32_t seed;
    bool good;
} user_thread;

static void *
run_user(void *argument)
{
    user_thread *self = argument;
    for (uint32_t turn = 0; turn < 5; turn++) {
        cni_spill_file *file = NULL;
        self->good = cni_spill_create(self->store, "test", &file, NULL) == CN_OK && self->good;
        self->good = round_trip(file, self->seed + turn * 100) && self->good;
        cni_spill_close(file);
    }
    return NULL;
}

static void
run_users(cni_spill_store *store)
{
    user_thread users[6];
    for (uint32_t at = 0; at < 6; at++) {
        users[at] = (user_thread){.store = store, .seed = at * 10000, .good = true};
        OK(cni_thread_start(&users[at].thread, run_user, &users[at], 0, err));
    }
    for (int at = 0; at < 6; at++) {
        cni_thread_join(&users[at].thread);
        assert_true(users[at].good);
    }
}

static void
test_many_users(void **state)
{
    (void)state;
    memory_spill_store store;
    memory_spill_begin_slow(&store, NULL);
    run_users(&store.base);
    memory_spill_end(&store);
    spill_place place;
    spill_place_begin(&place, NULL);
    cni_spill_store *scope = NULL;
    OK(cni_spill_scope_new(cni_allocator_system(), place.store, &scope, err));
    run_users(scope);
    assert_int_equal(cni_counter_get(&scope->written_bytes), 6 * 5 * N * PAGE);
    cni_spill_store_unref(scope);
    spill_place_end(&place);
}

/* Threads that cannot be started: everything is carried out by who finishes it. */
static void
test_without_threads(void **state)
{
    (void)state;
    memory_spill_store store;
    memory_spill_begin_slow(&store, NULL);
    store.io.is_starting = true; /* nobody starts one */
    cni_spill_file *file = NULL;
    OK(cni_spill_create(&store.base, "test", &file, err));
    assert_true(round_trip(file, 3));
    assert_int_equal(store.io.n_threads, 0);
    cni_spill_close(file);
    store.io.is_starting = false;
    memory_spill_end(&store);

    cni_fault fault = {0};
    cni_counter_set(&fault.fail_at[CNI_FAULT_THREAD], 1);
    memory_spill_begin_slow(&store, &fault);
    OK(cni_spill_create(&store.base, "test", &file, err));
    assert_true(round_trip(file, 4));
    cni_spill_close(file);
    memory_spill_end(&store);
}

/* ---- failures ---- */

static void
assert_same_failure(cni_spill_file *file, cni_fault *fault, cni_fault_kind kind)
{
    uint8_t page[PAGE] = {0};
    cn_error called = CN_ERROR_INIT;
    cn_error finished = CN_ERROR_INIT;
    int64_t offset = 0;
    for (int begun = 0; begun < 2; begun++) {
        cni_spill_request request = {0};
        if (fault != NULL) {
            const int64_t next = cni_counter_get(&fault->n_hits[kind]) + 1;
            cni_counter_set(&fault->fail_at[kind], next);
        }
        cn_error *err = begun == 1 ? &finished : &called;
        if (begun == 0) {
            assert_true((kind == CNI_FAULT_READ
                             ? cni_spill_read(file, 0, PAGE, page, err)
                             : cni_spill_append(file, page, PAGE, &offset, err)) != CN_OK);
            continue;
        }
        if (kind == CNI_FAULT_READ) {
            cni_spill_begin_read(file, 0, PAGE, page, &request);
        } else {
            cni_spill_begin_append(file, page, PAGE, &request);
        }
        assert_int_equal(cni_spill_finish(&request, &offset, err), called.code);
        assert_false(cni_spill_is_begun(&request));
    }
    assert_string_equal(called.message, finished.message);
    assert_string_equal(called.sqlstate, finished.sqlstate);
}

static void
test_failures(void **state)
{
    (void)state;
    cni_fault fault = {0};
    memory_spill_store store;
    spill_place place;
    memory_spill_begin_slow(&store, &fault);
    spill_place_begin(&place, &fault);
    cni_spill_store *stores[] = {&store.base, place.store};
    for (int at = 0; at < 2; at++) {
        cni_spill_file *file = NULL;
        OK(cni_spill_create(stores[at], "test", &file, err));
        assert_true(round_trip(file, 5));
        assert_same_failure(file, &fault, CNI_FAULT_WRITE);
        assert_same_failure(file, &fault, CNI_FAULT_READ);
        const int64_t limit = cni_counter_get(&stores[at]->limit_bytes);
        cni_counter_set(&stores[at]->limit_bytes, N * PAGE + 100);
        assert_same_failure(file, NULL, CNI_FAULT_WRITE);
        cni_counter_set(&stores[at]->limit_bytes, limit);
        assert_int_equal(cni_counter_get(&stores[at]->used_bytes), N * PAGE);
        assert_true(round_trip(file, 6));
        cni_spill_close(file);
    }
    memory_spill_end(&store);
    spill_place_end(&place);
}

/* ---- waiting ---- */

typedef struct busy_store {
    memory_spill_store store;
    cni_spill_file *file;
    uint8_t pages[CNI_SPILL_IO_THREADS + 2][PAGE];
    cni_spill_request requests[CNI_SPILL_IO_THREADS + 2];
} busy_store;

/* All threads are held in a read, two more requests are queued. */
static void
busy_begin(busy_store *self)
{
    int64_t offset = 0;
    memset(self, 0, sizeof(*self));
    memory_spill_begin_slow(&self->store, NULL);
    OK(cni_spill_create(&self->store.base, "test", &self->file, err));
    fill(self->pages[0], PAGE, 9);
    OK(cni_spill_append(self->file, self->pages[0], PAGE, &offset, err));
    memset(self->pages, 0, sizeof(self->pages));
    memory_spill_hold(&self->store, CNI_SPILL_IO_THREADS);
    for (int at = 0; at < CNI_SPILL_IO_THREADS + 2; at++) {
        cni_spill_begin_read(self->file, offset, PAGE, self->pages[at], &self->requests[at]);
        if (at < CNI_SPILL_IO_THREADS) {
            memory_spill_await_held(&self->store, at + 1);
        }
    }
}

static void *
release_later(void *argument)
{
    memory_spill_store *store = argument;
    (void)usleep(30000);
    memory_spill_release(store);
    return NULL;
}

/* Whoever wants a queued request gets it although all threads are stuck. */
static void
test_nobody_waits_for_others(void **state)
{
    (void)state;
    busy_store busy;
    busy_begin(&busy);
    OK(cni_spill_finish(&busy.requests[CNI_SPILL_IO_THREADS + 1], NULL, err));
    assert_true(is_filled(busy.pages[CNI_SPILL_IO_THREADS + 1], PAGE, 9));
    OK(cni_spill_finish(&busy.requests[CNI_SPILL_IO_THREADS], NULL, err));
    assert_false(is_filled(busy.pages[0], PAGE, 9));
    memory_spill_release(&busy.store);
    for (int at = 0; at < CNI_SPILL_IO_THREADS; at++) {
        OK(cni_spill_finish(&busy.requests[at], NULL, err));
        assert_true(is_filled(busy.pages[at], PAGE, 9));
    }
    cni_spill_close(busy.file);
    memory_spill_end(&busy.store);
}

/* Queued requests are withdrawn at once, running ones waited for: no byte comes afterwards. */
static void
test_abandoning(void **state)
{
    (void)state;
    static const uint8_t zeros[PAGE];
    busy_store busy;
    cni_thread releaser;
    busy_begin(&busy);
    const int64_t n_operations = busy.store.n_operations;
    cni_spill_abandon(&busy.requests[CNI_SPILL_IO_THREADS]);
    cni_spill_abandon(&busy.requests[CNI_SPILL_IO_THREADS + 1]);
    assert_int_equal(busy.store.n_held, CNI_SPILL_IO_THREADS);
    OK(cni_thread_start(&releaser, release_later, &busy.store, 0, err));
    for (int at = 0; at < CNI_SPILL_IO_THREADS; at++) {
        cni_spill_abandon(&busy.requests[at]);
        assert_false(cni_spill_is_begun(&busy.requests[at]));
        memset(busy.pages[at], 0, PAGE);
    }
    cni_thread_join(&releaser);
    cni_spill_abandon(&busy.requests[0]); /* idle: nothing happens */
    assert_int_equal(busy.store.n_operations, n_operations);
    cni_spill_close(busy.file);
    memory_spill_end(&busy.store);
    for (int at = 0; at < CNI_SPILL_IO_THREADS + 2; at++) {
        assert_memory_equal(busy.pages[at], zeros, PAGE);
    }
}

/* A file is closed under its requests; those of another file go on. */
static void
test_closing(void **state)
{
    (void)state;
    busy_store busy;
    cni_thread releaser;
    cni_spill_file *other = NULL;
    cni_spill_request append = {0};
    busy_begin(&busy);
    OK(cni_spill_create(&busy.store.base, "other", &other, err));
    cni_spill_begin_append(other, "x", 1, &append);
    OK(cni_thread_start(&releaser, release_later, &busy.store, 0, err));
    cni_spill_close(busy.file);
    cni_thread_join(&releaser);
    for (int at = 0; at < CNI_SPILL_IO_THREADS; at++) {
        OK(cni_spill_finish(&busy.requests[at], NULL, err));
        assert_true(is_filled(busy.pages[at], PAGE, 9));
    }
    cn_error error = CN_ERROR_INIT;
    assert_int_equal(cni_spill_finish(&busy.requests[CNI_SPILL_IO_THREADS], NULL, &error),
                     CN_CANCELLED);
    cni_spill_abandon(&busy.requests[CNI_SPILL_IO_THREADS + 1]);
    OK(cni_spill_finish(&append, NULL, err));
    cni_spill_close(other);
    memory_spill_end(&busy.store);
}

/* ---- fork ---- */

/* In the child, which has none of the threads: 0 = as it must be. */
static int
use_in_child(cni_spill_file *file, cni_spill_request *queued)
{
    uint8_t page[PAGE] = {0};
    cni_spill_request request = {0};
    cn_error error = CN_ERROR_INIT;
    cni_spill_begin_append(file, page, PAGE, &request);
    if (cni_spill_finish(&request, NULL, &error) != CN_INVALID_STATE) {
        return 1;
    }
    /* It comes back: carried out before the fork, or not at all. */
    const cn_code code = cni_spill_finish(queued, NULL, &error);
    return code == CN_OK || code == CN_CANCELLED ? 0 : 2;
}

static void
test_fork(void **state)
{
    (void)state;
    spill_place place;
    cni_spill_file *file = NULL;
    cni_spill_request request = {0};
    uint8_t *page = aligned_alloc(PAGE, PAGE);
    spill_place_begin(&place, NULL);
    OK(cni_spill_create(place.store, "test", &file, err));
    assert_true(round_trip(file, 7));
    cni_spill_begin_append(file, page, PAGE, &request);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(20);
        _exit(use_in_child(file, &request));
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    OK(cni_spill_finish(&request, NULL, err));
    cni_spill_close(file);
    spill_place_end(&place);
    free(page);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_many_users),
        cmocka_unit_test(test_without_threads),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_nobody_waits_for_others),
        cmocka_unit_test(test_abandoning),
        cmocka_unit_test(test_closing),
        cmocka_unit_test(test_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
