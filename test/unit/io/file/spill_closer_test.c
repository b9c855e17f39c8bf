/* SPDX-License-Identifier: Apache-2.0
 *
 * Closing temporary files on a thread: each once, whoever gives them and whether a thread can be
 * started; the end waits; large files of a store go that way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/atomic.h"
#include "io/file/spill_closer_int.h"
#include "support/spill_stores.h"

#define N_GIVERS 4
#define N_EACH   500

typedef struct counted {
    cni_spill_closing closing; /* first */
    cni_atomic_i64 *n_closed;
    uint32_t sleep_us;
} counted;

static void
count_and_free(cni_spill_closing *closing)
{
    counted *self = (counted *)(void *)closing;
    if (self->sleep_us > 0) {
        (void)usleep(self->sleep_us);
    }
    cni_counter_add(self->n_closed, 1);
    free(self);
}

static void
give_one(cni_spill_closer *closer, cni_atomic_i64 *n_closed, uint32_t sleep_us)
{
    counted *one = calloc(1, sizeof(*one));
    one->closing.close = count_and_free;
    one->n_closed = n_closed;
    one->sleep_us = sleep_us;
    cni_spill_closer_give(closer, &one->closing);
}

static void
test_does_not_wait(void **state)
{
    (void)state;
    cni_spill_closer closer;
    cni_atomic_i64 n_closed = 0;
    cni_spill_closer_init(&closer, NULL);
    assert_false(cni_spill_closer_wait(&closer));
    const int64_t begun_ns = cni_clock_ns();
    for (int at = 0; at < 5; at++) {
        give_one(&closer, &n_closed, 100000);
    }
    assert_true(cni_clock_ns() - begun_ns < INT64_C(400000000));
    assert_true(cni_spill_closer_wait(&closer));
    assert_int_equal(cni_counter_get(&n_closed), 5);
    give_one(&closer, &n_closed, 1000); /* a thread again */
    cni_spill_closer_done(&closer);
    assert_int_equal(cni_counter_get(&n_closed), 6);
}

typedef struct giver {
    cni_thread thread;
    cni_spill_closer *closer;
    cni_atomic_i64 *n_closed;
} giver;

static void *
give_many(void *argument)
{
    giver *self = argument;
    for (int at = 0; at < N_EACH; at++) {
        give_one(self->closer, self->n_closed, 0);
    }
    return NULL;
}

static void
test_many_givers(void **state)
{
    (void)state;
    cni_spill_closer closer;
    cni_atomic_i64 n_closed = 0;
    giver givers[N_GIVERS];
    cni_spill_closer_init(&closer, NULL);
    for (int at = 0; at < N_GIVERS; at++) {
        givers[at] = (giver){.closer = &closer, .n_closed = &n_closed};
        assert_int_equal(
            cni_thread_start(&givers[at].thread, give_many, &givers[at], 64 << 10, NULL), CN_OK);
    }
    for (int at = 0; at < N_GIVERS; at++) {
        cni_thread_join(&givers[at].thread);
    }
    cni_spill_closer_done(&closer);
    assert_int_equal(cni_counter_get(&n_closed), N_GIVERS * N_EACH);
}

/* Without a thread the giver closes. */
static void
test_no_thread(void **state)
{
    (void)state;
    cni_spill_closer closer;
    cni_fault fault = {0};
    cni_atomic_i64 n_closed = 0;
    cni_counter_set(&fault.fail_at[CNI_FAULT_THREAD], 1);
    cni_spill_closer_init(&closer, &fault);
    give_one(&closer, &n_closed, 0);
    assert_int_equal(cni_counter_get(&n_closed), 1);
    give_one(&closer, &n_closed, 0);
    cni_spill_closer_done(&closer);
    assert_int_equal(cni_counter_get(&n_closed), 2);
}

static void
test_large_file(void **state)
{
    (void)state;
    spill_place place;
    cni_spill_file *file = NULL;
    int64_t offset = 0;
    uint8_t *block = aligned_alloc(4096, 1 << 20);
    memset(block, 7, 1 << 20);
    spill_place_begin(&place, NULL);
    assert_int_equal(cni_spill_create(place.store, "test", &file, NULL), CN_OK);
    for (int at = 0; at < 20; at++) {
        assert_int_equal(cni_spill_append(file, block, 1 << 20, &offset, NULL), CN_OK);
    }
    cni_spill_close(file);
    assert_int_equal(cni_counter_get(&place.store->used_bytes), 0);
    spill_place_end(&place); /* nothing is left */
    free(block);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_does_not_wait),
        cmocka_unit_test(test_many_givers),
        cmocka_unit_test(test_no_thread),
        cmocka_unit_test(test_large_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
