/* SPDX-License-Identifier: Apache-2.0
 *
 * The budget tree: limits along the path, steps, refusals, reclaiming, lifetime, threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "runtime/budget.h"
#include "runtime/budget_int.h"

#define MIB (INT64_C(1) << 20)

static cni_budget *
new_root(int64_t limit_bytes)
{
    cni_budget *root = NULL;
    assert_int_equal(cni_budget_new_root("engine", limit_bytes, NULL, &root, NULL), CN_OK);
    return root;
}

static cni_budget *
new_child(cni_budget *parent, const char *name, int64_t limit_bytes)
{
    cni_budget *child = NULL;
    assert_int_equal(cni_budget_new(parent, name, limit_bytes, &child, NULL), CN_OK);
    return child;
}

static void
test_limits_are_exact(void **state)
{
    (void)state;
    cni_budget *root = new_root(100 * MIB);
    cni_budget *query = new_child(root, "query", 64 * MIB);
    cni_budget *sort = new_child(query, "sort", CNI_BUDGET_UNLIMITED);
    assert_int_equal(cni_budget_reserve(sort, 60 * MIB, NULL), CN_OK);
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_budget_reserve(sort, 8 * MIB, &err), CN_BUDGET_EXCEEDED);
    assert_string_equal(err.message,
                        "out of memory budget: query limit 64 MiB, 60.0 MiB in use, 8.0 MiB asked");
    assert_string_equal(err.sqlstate, "53200");
    assert_int_equal(cni_budget_current_bytes(sort), 60 * MIB);
    assert_int_equal(cni_budget_current_bytes(root), 60 * MIB);
    assert_int_equal(cni_budget_reserve(sort, 4 * MIB, NULL), CN_OK);
    assert_int_equal(cni_budget_reserve(sort, 1, NULL), CN_BUDGET_EXCEEDED);
    assert_int_equal(cni_budget_peak_bytes(sort), 64 * MIB);
    cni_budget_release(sort, 64 * MIB);
    assert_int_equal(cni_budget_current_bytes(sort), 0);
    assert_int_equal(cni_budget_current_bytes(query), 0);
    assert_int_equal(cni_budget_current_bytes(root), 0);
    assert_int_equal(cni_budget_peak_bytes(query), 64 * MIB);
    cni_budget_unref(sort);
    cni_budget_unref(query);
    cni_budget_unref(root);
    cni_budget_unref(NULL);
}

static void
test_small_reservations_are_exact_in_sum(void **state)
{
    (void)state;
    cni_budget *root = new_root(1000);
    cni_budget *a = new_child(root, "a", CNI_BUDGET_UNLIMITED);
    cni_budget *b = new_child(root, "b", CNI_BUDGET_UNLIMITED);
    for (int64_t n = 0; n < 500; n++) {
        assert_int_equal(cni_budget_reserve(a, 1, NULL), CN_OK);
        assert_int_equal(cni_budget_reserve(b, 1, NULL), CN_OK);
    }
    assert_int_equal(cni_budget_reserve(a, 1, NULL), CN_BUDGET_EXCEEDED);
    cni_budget_release(b, 1);
    assert_int_equal(cni_budget_reserve(a, 1, NULL), CN_OK);
    assert_int_equal(cni_budget_current_bytes(a), 501);
    assert_int_equal(cni_budget_current_bytes(b), 499);
    cni_budget_release(a, 501);
    cni_budget_release(b, 499);
    assert_int_equal(cni_budget_current_bytes(root), 0);
    cni_budget_unref(a);
    cni_budget_unref(b);
    cni_budget_unref(root);
}

static void
test_unused_credit_of_siblings_comes_back(void **state)
{
    (void)state;
    cni_budget *root = new_root(64 * MIB);
    cni_budget *children[16];
    for (int at = 0; at < 16; at++) {
        children[at] = new_child(root, "operator", CNI_BUDGET_UNLIMITED);
        assert_int_equal(cni_budget_reserve(children[at], 10, NULL), CN_OK);
    }
    assert_int_equal(cni_budget_current_bytes(root), 160);
    assert_int_equal(cni_budget_reserve(children[0], 64 * MIB - 160, NULL), CN_OK);
    assert_int_equal(cni_budget_current_bytes(root), 64 * MIB);
    cni_budget_release(children[0], 64 * MIB - 160);
    for (int at = 0; at < 16; at++) {
        cni_budget_release(children[at], 10);
        cni_budget_unref(children[at]);
    }
    assert_int_equal(cni_budget_current_bytes(root), 0);
    cni_budget_unref(root);
}

static void
test_arguments_and_depth(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    cni_budget *node = NULL;
    assert_int_equal(cni_budget_new_root("engine", 0, NULL, &node, &err), CN_INVALID_ARGUMENT);
    cni_budget *top = new_root(CNI_BUDGET_UNLIMITED);
    assert_int_equal(cni_budget_new(top, "query", -1, &node, &err), CN_INVALID_ARGUMENT);
    assert_int_equal(cni_budget_reserve(top, -1, &err), CN_INVALID_ARGUMENT);
    assert_int_equal(cni_budget_reserve(top, INT64_MAX, &err), CN_OK);
    assert_int_equal(cni_budget_reserve(top, 1, &err), CN_BUDGET_EXCEEDED);
    cni_budget_release(top, INT64_MAX);
    cni_budget *deep = cni_budget_ref(top);
    cn_code code = CN_OK;
    int depth = 0;
    while (code == CN_OK) {
        cni_budget *next = NULL;
        code = cni_budget_new(deep, "nested", CNI_BUDGET_UNLIMITED, &next, &err);
        if (code == CN_OK) {
            cni_budget_unref(deep);
            deep = next;
            depth++;
        }
    }
    assert_int_equal(code, CN_LIMIT_EXCEEDED);
    assert_int_equal(depth, CNI_BUDGET_MAX_DEPTH - 1);
    assert_int_equal(cni_budget_reserve(deep, 12345678, NULL), CN_OK);
    assert_int_equal(cni_budget_current_bytes(top), 12345678);
    cni_budget_release(deep, 12345678);
    cni_budget_unref(deep);
    cni_budget_unref(top);
}

static void
test_set_limit(void **state)
{
    (void)state;
    cni_budget *root = new_root(10 * MIB);
    assert_int_equal(cni_budget_reserve(root, 8 * MIB, NULL), CN_OK);
    cni_budget_set_limit(root, 4 * MIB);
    assert_int_equal(cni_budget_limit_bytes(root), 4 * MIB);
    assert_int_equal(cni_budget_reserve(root, 1, NULL), CN_BUDGET_EXCEEDED);
    cni_budget_set_limit(root, 9 * MIB);
    assert_int_equal(cni_budget_reserve(root, MIB, NULL), CN_OK);
    cni_budget_release(root, 9 * MIB);
    cni_budget_unref(root);
}

static void
test_blocks_are_counted(void **state)
{
    (void)state;
    cni_budget *root = new_root(100 * MIB);
    cni_budget *query = new_child(root, "query", 10 * MIB);
    cni_allocator *allocator = cni_budget_allocator(query);
    uint8_t *block = NULL;
    assert_int_equal(cni_alloc(allocator, MIB, &block, NULL), CN_OK);
    memset(block, 1, MIB);
    assert_true(cni_budget_current_bytes(query) >= MIB);
    assert_true(cni_budget_current_bytes(query) < MIB + MIB / 4);
    assert_int_equal(cni_realloc(allocator, &block, MIB, 3 * MIB, NULL), CN_OK);
    assert_int_equal(block[MIB - 1], 1);
    assert_true(cni_budget_current_bytes(query) >= 3 * MIB);
    assert_true(cni_budget_current_bytes(query) < 4 * MIB);
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_realloc(allocator, &block, 3 * MIB, 11 * MIB, &err), CN_BUDGET_EXCEEDED);
    assert_non_null(strstr(err.message, "query limit 10 MiB"));
    assert_int_equal(block[MIB - 1], 1);
    cni_dealloc(allocator, block, 3 * MIB);
    assert_int_equal(cni_budget_current_bytes(query), 0);
    cni_budget_unref(query);
    cni_budget_unref(root);
}

static void
test_a_block_keeps_its_region(void **state)
{
    (void)state;
    cni_budget *root = new_root(100 * MIB);
    cni_budget *query = new_child(root, "query", 10 * MIB);
    cni_allocator *allocator = cni_budget_allocator(query);
    uint8_t *block = NULL;
    assert_int_equal(cni_alloc(allocator, 100000, &block, NULL), CN_OK);
    cni_allocator_ref(allocator);
    cni_budget_unref(query);
    cni_budget_unref(root);
    memset(block, 7, 100000);
    cni_dealloc(allocator, block, 100000);
    cni_allocator_unref(allocator);
}

static void
test_faults_reach_every_entry(void **state)
{
    (void)state;
    for (int64_t fail_at = 1; fail_at < 8; fail_at++) {
        cni_fault fault = {0};
        cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], fail_at);
        cni_budget *root = NULL;
        cni_budget *query = NULL;
        void *block = NULL;
        cn_error err = CN_ERROR_INIT;
        cn_code code = cni_budget_new_root("engine", 100 * MIB, &fault, &root, &err);
        code = code != CN_OK ? code : cni_budget_new(root, "query", 10 * MIB, &query, &err);
        code = code != CN_OK ? code : cni_budget_reserve(query, 10, &err);
        const bool reserved = code == CN_OK;
        code = code != CN_OK ? code : cni_alloc(cni_budget_allocator(query), 10, &block, &err);
        const bool taken = code == CN_OK;
        code =
            code != CN_OK ? code : cni_realloc(cni_budget_allocator(query), &block, 10, 100, &err);
        assert_int_equal(code, fail_at <= 5 ? CN_NO_MEMORY : CN_OK);
        assert_int_equal(err.code, code);
        if (taken) {
            cni_dealloc(cni_budget_allocator(query), block, code == CN_OK ? 100 : 10);
        }
        if (reserved) {
            cni_budget_release(query, 10);
        }
        cni_budget_unref(query);
        cni_budget_unref(root);
    }
}

/* ---- reclaiming ---- */

typedef struct spiller {
    cni_budget *budget;
    int64_t held_bytes;
    int64_t n_calls;
    int64_t asked_bytes;
    bool allocates;
    cn_code nested_code;
} spiller;

static int64_t
spill(void *private_data, int64_t n_bytes)
{
    spiller *self = private_data;
    self->n_calls++;
    self->asked_bytes = n_bytes;
    if (self->allocates) {
        self->nested_code = cni_budget_reserve(self->budget, 50 * MIB, NULL);
    }
    const int64_t released = self->held_bytes;
    self->held_bytes = 0;
    cni_budget_release(self->budget, released);
    return released;
}

static void
spiller_init(spiller *self, cni_budget *parent, const char *name, int64_t n_bytes)
{
    *self = (spiller){.budget = new_child(parent, name, CNI_BUDGET_UNLIMITED)};
    assert_int_equal(cni_budget_reserve(self->budget, n_bytes, NULL), CN_OK);
    self->held_bytes = n_bytes;
    cni_budget_set_reclaim(self->budget, spill, self);
}

static void
spiller_done(spiller *self)
{
    cni_budget_set_reclaim(self->budget, NULL, NULL);
    cni_budget_release(self->budget, self->held_bytes);
    cni_budget_unref(self->budget);
}

static void
test_the_largest_is_asked_first(void **state)
{
    (void)state;
    cni_budget *root = new_root(100 * MIB);
    cni_budget *query = new_child(root, "query", 60 * MIB);
    cni_budget *other = new_child(root, "query", 60 * MIB);
    spiller small;
    spiller large;
    spiller outside;
    spiller_init(&small, query, "join", 10 * MIB);
    spiller_init(&large, query, "sort", 40 * MIB);
    spiller_init(&outside, other, "sort", 20 * MIB);
    cni_budget *scan = new_child(query, "scan", CNI_BUDGET_UNLIMITED);
    assert_int_equal(cni_budget_reserve(scan, 15 * MIB, NULL), CN_OK);
    assert_int_equal(large.n_calls, 1);
    assert_int_equal(large.asked_bytes, 15 * MIB);
    assert_int_equal(small.n_calls, 0);
    assert_int_equal(outside.n_calls, 0);
    assert_int_equal(cni_budget_reserve(scan, 40 * MIB, NULL), CN_OK);
    assert_int_equal(small.n_calls, 1);
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_budget_reserve(scan, 6 * MIB, &err), CN_BUDGET_EXCEEDED);
    assert_non_null(strstr(err.message, "query limit 60 MiB, 55.0 MiB in use, 6.0 MiB asked"));
    assert_int_equal(large.n_calls, 2);
    assert_int_equal(small.n_calls, 2);
    assert_int_equal(outside.n_calls, 0);
    cni_budget_release(scan, 55 * MIB);
    cni_budget_unref(scan);
    spiller_done(&small);
    spiller_done(&large);
    spiller_done(&outside);
    cni_budget_unref(query);
    cni_budget_unref(other);
    assert_int_equal(cni_budget_current_bytes(root), 0);
    cni_budget_unref(root);
}

/* A small cache is asked before a large sink, which would have to write. */
static void
test_the_cheapest_is_asked_first(void **state)
{
    (void)state;
    cni_budget *root = new_root(100 * MIB);
    cni_budget *query = new_child(root, "query", CNI_BUDGET_UNLIMITED);
    spiller cache;
    spiller sort;
    spiller_init(&sort, query, "sort", 70 * MIB);
    spiller_init(&cache, root, "file cache", 10 * MIB);
    cni_budget_set_reclaim_cost(cache.budget, CNI_RECLAIM_DROPS);
    cni_budget *scan = new_child(query, "scan", CNI_BUDGET_UNLIMITED);
    assert_int_equal(cni_budget_reserve(scan, 25 * MIB, NULL), CN_OK);
    assert_int_equal(cache.n_calls, 1);
    assert_int_equal(sort.n_calls, 0);
    assert_int_equal(cni_budget_reserve(scan, 25 * MIB, NULL), CN_OK);
    assert_int_equal(sort.n_calls, 1);
    cni_budget_release(scan, 50 * MIB);
    cni_budget_unref(scan);
    spiller_done(&cache);
    spiller_done(&sort);
    cni_budget_unref(query);
    cni_budget_unref(root);
}

static void
test_the_root_asks_other_queries(void **state)
{
    (void)state;
    cni_budget *root = new_root(100 * MIB);
    cni_budget *query = new_child(root, "query", CNI_BUDGET_UNLIMITED);
    cni_budget *other = new_child(root, "query", CNI_BUDGET_UNLIMITED);
    spiller sort;
    spiller_init(&sort, other, "sort", 80 * MIB);
    void *block = NULL;
    assert_int_equal(cni_alloc(cni_budget_allocator(query), 50 * MIB, &block, NULL), CN_OK);
    assert_int_equal(sort.n_calls, 1);
    cni_dealloc(cni_budget_allocator(query), block, 50 * MIB);
    spiller_done(&sort);
    cni_budget_unref(query);
    cni_budget_unref(other);
    cni_budget_unref(root);
}

static void
test_a_reclaimer_may_ask_but_not_recurse(void **state)
{
    (void)state;
    cni_budget *root = new_root(60 * MIB);
    spiller first;
    spiller second;
    spiller_init(&first, root, "first", 30 * MIB);
    spiller_init(&second, root, "second", 20 * MIB);
    first.allocates = true;
    assert_int_equal(cni_budget_reserve(root, 15 * MIB, NULL), CN_OK);
    assert_int_equal(first.n_calls, 1);
    assert_int_equal(first.nested_code, CN_BUDGET_EXCEEDED);
    assert_int_equal(second.n_calls, 0);
    cni_budget_release(root, 15 * MIB);
    spiller_done(&first);
    spiller_done(&second);
    cni_budget_unref(root);
}

/* Writes its state out, which takes some memory. */
typedef struct writer {
    cni_budget *budget;
    int64_t held_bytes;
    int64_t wanted_bytes;
    cn_code code;
} writer;

static int64_t
write_out(void *private_data, int64_t n_bytes)
{
    writer *self = private_data;
    (void)n_bytes;
    void *block = NULL;
    self->code = cni_alloc(cni_budget_allocator(self->budget), self->wanted_bytes, &block, NULL);
    if (self->code != CN_OK) {
        return 0;
    }
    cni_dealloc(cni_budget_allocator(self->budget), block, self->wanted_bytes);
    const int64_t released = self->held_bytes;
    self->held_bytes = 0;
    cni_budget_release(self->budget, released);
    return released;
}

static void
test_a_reclaimer_has_what_was_put_by(void **state)
{
    (void)state;
    cni_budget *root = new_root(64 * MIB);
    cni_budget *other = new_child(root, "query", CNI_BUDGET_UNLIMITED);
    cni_budget *sort = new_child(root, "sort", CNI_BUDGET_UNLIMITED);
    writer self = {.budget = sort, .held_bytes = 30 * MIB, .wanted_bytes = 3 * MIB};
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_budget_reserve(sort, 30 * MIB, NULL), CN_OK);
    cni_budget_set_reclaim(sort, write_out, &self);
    /* Nothing is put by, everything else is taken. */
    const int64_t taken = 64 * MIB - cni_budget_current_bytes(root);
    assert_int_equal(cni_budget_reserve(other, taken, NULL), CN_OK);
    assert_int_equal(cni_budget_reserve(other, MIB, &err), CN_BUDGET_EXCEEDED);
    assert_int_equal(self.code, CN_BUDGET_EXCEEDED);
    cni_budget_release(other, 2 * MIB);
    assert_int_equal(cni_budget_put_by(sort, 2 * MIB), 2 * MIB);
    assert_int_equal(cni_budget_reserve(other, MIB, &err), CN_BUDGET_EXCEEDED);
    assert_int_equal(self.code, CN_BUDGET_EXCEEDED); /* it wants more than that */
    self.wanted_bytes = 2 * MIB;
    assert_int_equal(cni_budget_reserve(other, MIB, &err), CN_OK);
    assert_int_equal(self.code, CN_OK);
    assert_true(cni_budget_peak_bytes(root) <= 64 * MIB);
    /* Only inside of the reclaimer. */
    const int64_t left = 64 * MIB - cni_budget_current_bytes(root);
    assert_int_equal(cni_budget_reserve(sort, left + 1, NULL), CN_BUDGET_EXCEEDED);
    assert_int_equal(cni_budget_put_by(sort, MIB), MIB);
    assert_int_equal(cni_budget_put_by(sort, 0), 0);
    cni_budget_set_reclaim(sort, NULL, NULL);
    cni_budget_release(other, taken - MIB);
    assert_int_equal(cni_budget_current_bytes(root), 0);
    cni_budget_unref(sort);
    cni_budget_unref(other);
    cni_budget_unref(root);
}

/* Somebody is at work on what would leave, for a while. */
typedef struct busy_one {
    cni_budget *budget;
    int32_t n_busy; /* times that it answers so */
    int32_t n_asked;
    int32_t n_waits; /* of the arbiter */
    bool is_told;
} busy_one;

static int64_t
give_back_later(void *private_data, int64_t n_bytes)
{
    busy_one *self = private_data;
    (void)n_bytes;
    self->n_asked++;
    if (self->n_asked <= self->n_busy) {
        return CNI_RECLAIM_BUSY;
    }
    cni_budget_release(self->budget, 10 * MIB);
    return 10 * MIB;
}

static cni_arbitration
wait_a_moment(void *private_data, const cni_arbitration_request *request)
{
    busy_one *self = private_data;
    self->n_waits++;
    self->is_told = request->is_busy;
    return request->is_busy ? CNI_ARBITRATION_AGAIN : CNI_ARBITRATION_LAST;
}

static void
test_busy_ones_are_asked_again(void **state)
{
    (void)state;
    cni_budget *root = new_root(20 * MIB);
    busy_one self = {.budget = new_child(root, "groups", CNI_BUDGET_UNLIMITED), .n_busy = 3};
    cn_error err = CN_ERROR_INIT;
    cni_budget_set_arbiter(root, wait_a_moment, &self);
    cni_budget_set_reclaim(self.budget, give_back_later, &self);
    assert_int_equal(cni_budget_reserve(self.budget, 10 * MIB, NULL), CN_OK);
    assert_int_equal(cni_budget_reserve(root, 15 * MIB, NULL), CN_BUDGET_EXCEEDED);
    assert_int_equal(self.n_waits, 0); /* who can do without does not wait */
    assert_int_equal(cni_budget_reserve(root, 15 * MIB, &err), CN_OK);
    assert_int_equal(self.n_asked, 4);
    assert_int_equal(self.n_waits, 2);
    assert_true(self.is_told);
    cni_budget_set_reclaim(self.budget, NULL, NULL);
    assert_int_equal(cni_budget_reserve(root, 15 * MIB, &err), CN_BUDGET_EXCEEDED);
    assert_false(self.is_told);
    assert_int_equal(self.n_waits, 3);
    cni_budget_set_arbiter(root, NULL, NULL);
    cni_budget_release(root, 15 * MIB);
    cni_budget_unref(self.budget);
    cni_budget_unref(root);
}

/* ---- threads ---- */

#define N_THREADS 8

typedef struct hammer {
    cni_budget *parent;
    uint64_t seed;
    int64_t n_refused;
} hammer;

static int64_t
next_size(hammer *self)
{
    self->seed = self->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    const int64_t shift = (int64_t)(self->seed >> 60);
    return 1 + (int64_t)((self->seed >> 33) & ((UINT64_C(64) << shift) - 1));
}

static void *
hammer_main(void *argument)
{
    hammer *self = argument;
    cni_budget *mine = new_child(self->parent, "thread", CNI_BUDGET_UNLIMITED);
    void *blocks[16] = {NULL};
    int64_t sizes[16] = {0};
    for (int round = 0; round < 4000; round++) {
        const int at = round & 15;
        cni_allocator *allocator = cni_budget_allocator((at & 1) != 0 ? mine : self->parent);
        cni_dealloc(allocator, blocks[at], sizes[at]);
        blocks[at] = NULL;
        sizes[at] = next_size(self);
        const cn_code code = cni_alloc(allocator, sizes[at], &blocks[at], NULL);
        self->n_refused += code == CN_OK ? 0 : 1;
        if (code == CN_OK) {
            memset(blocks[at], at, (size_t)cni_min_i64(sizes[at], 100));
        }
    }
    for (int at = 0; at < 16; at++) {
        cni_dealloc(cni_budget_allocator((at & 1) != 0 ? mine : self->parent), blocks[at],
                    sizes[at]);
    }
    cni_budget_unref(mine);
    return NULL;
}

static void
test_threads_share_a_tree(void **state)
{
    (void)state;
    for (int64_t limit = 8 * MIB; limit <= 512 * MIB; limit *= 64) {
        cni_budget *root = new_root(limit);
        cni_budget *query = new_child(root, "query", CNI_BUDGET_UNLIMITED);
        cni_thread threads[N_THREADS];
        hammer hammers[N_THREADS];
        for (int at = 0; at < N_THREADS; at++) {
            hammers[at] = (hammer){query, (uint64_t)at + 1, 0};
            assert_int_equal(cni_thread_start(&threads[at], hammer_main, &hammers[at], 0, NULL),
                             CN_OK);
        }
        for (int at = 0; at < N_THREADS; at++) {
            cni_thread_join(&threads[at]);
            assert_true(limit < 100 * MIB || hammers[at].n_refused == 0);
        }
        assert_int_equal(cni_budget_current_bytes(root), 0);
        assert_int_equal(cni_budget_current_bytes(query), 0);
        assert_true(cni_budget_peak_bytes(root) <= limit);
        cni_budget_unref(query);
        cni_budget_trim(root);
        cni_budget_unref(root);
    }
}

/* Threads take their reclaimers away while others refuse and call them. */
typedef struct shared_spiller {
    cni_budget *budget;
    cni_atomic_i64 held_bytes;
} shared_spiller;

static int64_t
spill_shared(void *private_data, int64_t n_bytes)
{
    (void)n_bytes;
    shared_spiller *self = private_data;
    const int64_t held = cni_counter_get(&self->held_bytes);
    if (held == 0 || !cni_slot_swap(&self->held_bytes, held, 0)) {
        return 0;
    }
    cni_budget_release(self->budget, held);
    return held;
}

static void *
reclaim_main(void *argument)
{
    cni_budget *root = argument;
    for (int round = 0; round < 300; round++) {
        shared_spiller own = {new_child(root, "own", CNI_BUDGET_UNLIMITED), 0};
        cni_budget_set_reclaim(own.budget, spill_shared, &own);
        if (cni_budget_reserve(own.budget, 2 * MIB, NULL) == CN_OK) {
            cni_flag_publish(&own.held_bytes, 2 * MIB);
        }
        cni_thread_yield();
        cni_budget_set_reclaim(own.budget, NULL, NULL);
        cni_budget_release(own.budget, cni_flag_consume(&own.held_bytes));
        cni_budget_unref(own.budget);
    }
    return NULL;
}

static void
test_reclaimers_come_and_go(void **state)
{
    (void)state;
    cni_budget *root = new_root(5 * MIB);
    cni_thread threads[N_THREADS];
    for (int at = 0; at < N_THREADS; at++) {
        assert_int_equal(cni_thread_start(&threads[at], reclaim_main, root, 0, NULL), CN_OK);
    }
    for (int at = 0; at < N_THREADS; at++) {
        cni_thread_join(&threads[at]);
    }
    assert_int_equal(cni_budget_current_bytes(root), 0);
    cni_budget_unref(root);
}

/* The child uses and releases what it inherited without touching the parent's region. */
static void
test_fork(void **state)
{
    (void)state;
    cni_budget *root = new_root(100 * MIB);
    cni_allocator *allocator = cni_budget_allocator(root);
    uint8_t *inherited = NULL;
    assert_int_equal(cni_alloc(allocator, 1000, &inherited, NULL), CN_OK);
    memset(inherited, 3, 1000);
    const pid_t child = fork();
    if (child == 0) {
        uint8_t *own = NULL;
        bool good = cni_alloc(allocator, 5000, &own, NULL) == CN_OK;
        good = good && cni_realloc(allocator, &inherited, 1000, 100000, NULL) == CN_OK;
        good = good && inherited[999] == 3;
        cni_dealloc(allocator, own, 5000);
        cni_dealloc(allocator, inherited, 100000);
        cni_budget_trim(root);
        cni_budget_unref(root);
        _exit(good ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(inherited[0], 3);
    cni_dealloc(allocator, inherited, 1000);
    cni_budget_unref(root);
}

/* Freed memory is kept up to the slack; what cannot go back is not asked for again. */
static void
test_trim_slack(void **state)
{
    (void)state;
    cni_budget *root = new_root(CNI_BUDGET_UNLIMITED);
    void *block = NULL;
    cni_allocator *allocator = cni_budget_allocator(root);
    assert_int_equal(cni_alloc(allocator, 64 * MIB, &block, NULL), CN_OK);
    const int64_t full = cni_budget_committed_bytes(root);
    cni_dealloc(allocator, block, 64 * MIB);
    cni_budget_trim_slack(root, 128 * MIB);
    assert_int_equal(cni_budget_committed_bytes(root), full);
    cni_budget_trim_slack(root, 8 * MIB);
    assert_true(cni_budget_committed_bytes(root) <= 8 * MIB);
    cni_budget_unref(root);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_are_exact),
        cmocka_unit_test(test_small_reservations_are_exact_in_sum),
        cmocka_unit_test(test_unused_credit_of_siblings_comes_back),
        cmocka_unit_test(test_arguments_and_depth),
        cmocka_unit_test(test_set_limit),
        cmocka_unit_test(test_blocks_are_counted),
        cmocka_unit_test(test_a_block_keeps_its_region),
        cmocka_unit_test(test_faults_reach_every_entry),
        cmocka_unit_test(test_the_largest_is_asked_first),
        cmocka_unit_test(test_the_root_asks_other_queries),
        cmocka_unit_test(test_a_reclaimer_may_ask_but_not_recurse),
        cmocka_unit_test(test_the_cheapest_is_asked_first),
        cmocka_unit_test(test_a_reclaimer_has_what_was_put_by),
        cmocka_unit_test(test_busy_ones_are_asked_again),
        cmocka_unit_test(test_threads_share_a_tree),
        cmocka_unit_test(test_reclaimers_come_and_go),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_trim_slack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
