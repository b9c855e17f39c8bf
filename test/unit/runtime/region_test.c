/* SPDX-License-Identifier: Apache-2.0
 *
 * The region directly: size classes, runs of pages across slabs, resizing in place, commit limit,
 * trimming, threads that free what others took, fork. Blocks carry a pattern of their own, so that
 * overlaps are seen without a sanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "runtime/pages_int.h"
#include "runtime/region_int.h"

#define KIB INT64_C(1024)
#define MIB (KIB * KIB)

static cni_region *
new_region(void)
{
    cni_region *region = NULL;
    assert_int_equal(cni_region_new(&region, NULL), CN_OK);
    return region;
}

static uint8_t *
take(cni_region *region, int64_t n_bytes, int64_t align)
{
    void *block = NULL;
    assert_int_equal(cni_region_alloc(region, n_bytes, align, &block), CNI_REGION_OK);
    return block;
}

static void
test_sizes(void **state)
{
    (void)state;
    int64_t before = 0;
    for (int64_t n_bytes = 1; n_bytes < 5 * MIB; n_bytes += n_bytes < 70000 ? 1 : 4093) {
        const int64_t occupied = cni_region_block_bytes(n_bytes, 16);
        assert_true(occupied >= n_bytes);
        assert_true(occupied >= before);
        assert_true(n_bytes < 512 || occupied <= n_bytes + n_bytes / 4 + 64);
        assert_true(n_bytes < 64 ? occupied % 16 == 0 : occupied % 64 == 0);
        before = occupied;
    }
    /* Column buffers: powers of two with padding do not double. */
    for (int64_t power = KIB; power <= 32 * KIB; power *= 2) {
        assert_int_equal(cni_region_block_bytes(power + 64, 16), power + 64);
    }
    assert_true(cni_region_block_bytes(INT64_MAX, 16) > INT64_MAX / 2);
    assert_int_equal(cni_region_block_bytes(1, 4096), CNI_PAGE_BYTES);
}

static void
test_nothing_is_reserved_early(void **state)
{
    (void)state;
    cni_region *region = new_region();
    assert_int_equal(cni_region_committed_bytes(region), 0);
    assert_true(cni_region_is_usable(region));
    assert_false(cni_region_owns(region, region));
    cni_region_trim(region);
    uint8_t *block = take(region, 100, 16);
    assert_true(cni_region_owns(region, block));
    assert_int_equal(cni_region_committed_bytes(region), CNI_SLAB_BYTES);
    cni_region_dealloc(region, block, 100, 16);
    cni_region_trim(region);
    assert_int_equal(cni_region_committed_bytes(region), 0);
    cni_region_free(region);
    cni_region_free(NULL);
}

/* ---- random traffic ---- */

typedef struct piece {
    uint8_t *data;
    int64_t n_bytes;
    int64_t align;
    uint8_t mark;
} piece;

typedef struct traffic {
    uint64_t seed;
    piece pieces[300];
    int64_t max_bytes;
} traffic;

static uint64_t
next_random(traffic *self)
{
    self->seed = self->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return self->seed >> 33;
}

static int64_t
random_size(traffic *self)
{
    const uint64_t limit = UINT64_C(1) << (4 + next_random(self) % 20);
    return cni_min_i64(1 + (int64_t)(next_random(self) % limit), self->max_bytes);
}

/* Both ends and the middle; all of small blocks. */
static void
fill(const piece *self)
{
    const int64_t n = self->n_bytes < 256 ? self->n_bytes : 64;
    memset(self->data, self->mark, (size_t)n);
    memset(self->data + (self->n_bytes - n), self->mark, (size_t)n);
    self->data[self->n_bytes / 2] = self->mark;
}

static void
check(const piece *self, int64_t n_bytes)
{
    assert_int_equal(self->data[0], self->mark);
    assert_int_equal(self->data[n_bytes / 2 < self->n_bytes ? 0 : n_bytes / 2], self->mark);
    assert_int_equal(self->data[n_bytes - 1 < 64 ? n_bytes - 1 : 63], self->mark);
    if (n_bytes == self->n_bytes) {
        assert_int_equal(self->data[n_bytes - 1], self->mark);
        assert_int_equal(self->data[n_bytes / 2], self->mark);
    }
}

static void
drop(cni_region *region, piece *self)
{
    if (self->data != NULL) {
        check(self, self->n_bytes);
        memset(self->data, 0xEE, (size_t)cni_min_i64(self->n_bytes, 64));
        cni_region_dealloc(region, self->data, self->n_bytes, self->align);
        self->data = NULL;
    }
}

static void
replace(cni_region *region, traffic *self, piece *place)
{
    static const int64_t aligns[] = {1, 16, 16, 16, 32, 64, 4096};
    drop(region, place);
    place->n_bytes = random_size(self);
    place->align = aligns[next_random(self) % 7];
    place->mark = (uint8_t)next_random(self);
    place->data = take(region, place->n_bytes, place->align);
    const int64_t align = place->n_bytes >= 64 ? 64 : 16;
    assert_int_equal((uintptr_t)place->data % (uintptr_t)cni_max_i64(align, place->align), 0);
    fill(place);
}

static void
resize(cni_region *region, traffic *self, piece *place)
{
    const int64_t n_bytes = random_size(self);
    if (place->data != NULL &&
        cni_region_try_resize(region, place->data, place->n_bytes, n_bytes, place->align)) {
        check(place, cni_min_i64(n_bytes, place->n_bytes));
        place->n_bytes = n_bytes;
        fill(place);
    }
}

static void
run_traffic(cni_region *region, uint64_t seed, int n_rounds, int64_t max_bytes)
{
    traffic *self = calloc(1, sizeof(*self));
    assert_non_null(self);
    self->seed = seed;
    self->max_bytes = max_bytes;
    for (int round = 0; round < n_rounds; round++) {
        piece *place = &self->pieces[next_random(self) % 300];
        switch (next_random(self) % 4) {
        case 0:
            drop(region, place);
            break;
        case 1:
            resize(region, self, place);
            break;
        default:
            replace(region, self, place);
            break;
        }
        if (next_random(self) % 512 == 0) {
            cni_region_trim(region);
        }
    }
    for (int at = 0; at < 300; at++) {
        drop(region, &self->pieces[at]);
    }
    free(self);
}

static void
test_random_traffic(void **state)
{
    (void)state;
    cni_region *region = new_region();
    for (uint64_t seed = 1; seed <= 6; seed++) {
        run_traffic(region, seed, 20000, seed % 2 == 0 ? 20 * MIB : 3000);
        cni_region_trim(region);
        assert_int_equal(cni_region_committed_bytes(region), 0);
    }
    cni_region_free(region);
}

typedef struct runner {
    cni_region *region;
    uint64_t seed;
} runner;

static void *
run_thread(void *argument)
{
    const runner *self = argument;
    for (uint64_t round = 0; round < 4; round++) {
        run_traffic(self->region, self->seed * 100 + round, 4000, 200 * KIB);
        cni_region_trim(self->region);
    }
    return NULL;
}

static void
test_threads(void **state)
{
    (void)state;
    cni_region *region = new_region();
    cni_thread threads[24];
    runner runners[24];
    for (int at = 0; at < 24; at++) {
        runners[at] = (runner){region, (uint64_t)at + 1};
        assert_int_equal(cni_thread_start(&threads[at], run_thread, &runners[at], 0, NULL), CN_OK);
    }
    for (int at = 0; at < 24; at++) {
        cni_thread_join(&threads[at]);
    }
    cni_region_trim(region);
    assert_int_equal(cni_region_committed_bytes(region), 0);
    cni_region_free(region);
}

/* One thread takes, another gives back: memory does not pile up. */
typedef struct handover {
    cni_region *region;
    cni_mutex mutex;
    cni_cond cond;
    void *blocks[64];
    int64_t n_in;
    int64_t n_out;
} handover;

static void *
give_back(void *argument)
{
    handover *self = argument;
    for (int64_t n = 0; n < 50000; n++) {
        cni_mutex_lock(&self->mutex);
        while (self->n_in == self->n_out) {
            cni_cond_wait(&self->cond, &self->mutex);
        }
        void *block = self->blocks[self->n_out++ % 64];
        cni_cond_signal(&self->cond);
        cni_mutex_unlock(&self->mutex);
        cni_region_dealloc(self->region, block, 4000, 16);
    }
    return NULL;
}

static void
test_blocks_change_threads(void **state)
{
    (void)state;
    handover self = {.region = new_region()};
    cni_mutex_init(&self.mutex);
    cni_cond_init(&self.cond);
    cni_thread thread;
    assert_int_equal(cni_thread_start(&thread, give_back, &self, 0, NULL), CN_OK);
    for (int64_t n = 0; n < 50000; n++) {
        uint8_t *block = take(self.region, 4000, 16);
        memset(block, (int)(n & 255), 4000);
        cni_mutex_lock(&self.mutex);
        while (self.n_in - self.n_out == 64) {
            cni_cond_wait(&self.cond, &self.mutex);
        }
        self.blocks[self.n_in++ % 64] = block;
        cni_cond_signal(&self.cond);
        cni_mutex_unlock(&self.mutex);
    }
    cni_thread_join(&thread);
    assert_true(cni_region_committed_bytes(self.region) <= 2 * CNI_SLAB_BYTES);
    cni_region_free(self.region);
    cni_cond_done(&self.cond);
    cni_mutex_done(&self.mutex);
}

/* ---- runs ---- */

static void
test_large_blocks_grow_in_place(void **state)
{
    (void)state;
    cni_region *region = new_region();
    uint8_t *block = take(region, 3 * MIB, 16);
    memset(block, 1, 3 * MIB);
    assert_true(cni_region_try_resize(region, block, 3 * MIB, 50 * MIB, 16));
    assert_int_equal(block[3 * MIB - 1], 1);
    memset(block, 2, 50 * MIB);
    assert_int_equal(cni_region_committed_bytes(region), 50 * MIB);
    assert_true(cni_region_try_resize(region, block, 50 * MIB, 5 * MIB, 16));
    cni_region_trim(region);
    assert_int_equal(cni_region_committed_bytes(region), 5 * MIB);
    assert_int_equal(block[5 * MIB - 1], 2);
    /* The tail of the last slab serves others, and then stands in the way. */
    uint8_t *other = take(region, 500 * KIB, 16);
    assert_ptr_equal(other, block + 5 * MIB);
    assert_int_equal(cni_region_committed_bytes(region), 5 * MIB + 504 * KIB);
    assert_false(cni_region_try_resize(region, block, 5 * MIB, 6 * MIB, 16));
    assert_true(cni_region_try_resize(region, block, 5 * MIB, 4 * MIB + 1, 16));
    assert_false(cni_region_try_resize(region, block, 4 * MIB + 1, 100, 16));
    cni_region_dealloc(region, other, 500 * KIB, 16);
    cni_region_dealloc(region, block, 4 * MIB + 1, 16);
    cni_region_trim(region);
    assert_int_equal(cni_region_committed_bytes(region), 0);
    cni_region_free(region);
}

/* Blocks of a little more than half a slab, or a whole one, lie close: no slab is left half empty,
 * which with huge pages is memory. */
static void
test_runs_cross_slabs(void **state)
{
    (void)state;
    const int64_t sizes[] = {MIB + 64, 2 * MIB + 64, 700 * KIB};
    for (int32_t size = 0; size < 3; size++) {
        cni_region *region = new_region();
        uint8_t *blocks[40];
        for (int32_t at = 0; at < 40; at++) {
            blocks[at] = take(region, sizes[size], 16);
            memset(blocks[at], at, (size_t)sizes[size]);
        }
        const int64_t n_taken = 40 * cni_region_block_bytes(sizes[size], 16);
        assert_true(cni_region_committed_bytes(region) <= n_taken + CNI_SLAB_BYTES);
        for (int32_t at = 0; at < 40; at++) {
            assert_int_equal(blocks[at][0], at);
            assert_int_equal(blocks[at][sizes[size] - 1], at);
            cni_region_dealloc(region, blocks[at], sizes[size], 16);
        }
        cni_region_trim(region);
        assert_int_equal(cni_region_committed_bytes(region), 0);
        cni_region_free(region);
    }
}

/* A run that comes and goes does not go to the page heap, where others would be kept waiting: the
 * block that was released last is the next one of as many pages, not just the first that fits. */
static void
test_runs_come_back(void **state)
{
    (void)state;
    cni_region *region = new_region();
    uint8_t *first = take(region, 40 * KIB, 16);
    uint8_t *second = take(region, MIB, 16);
    uint8_t *third = take(region, 40 * KIB, 16);
    cni_region_dealloc(region, first, 40 * KIB, 16);
    cni_region_dealloc(region, second, MIB, 16);
    cni_region_dealloc(region, third, 40 * KIB, 16);
    assert_ptr_equal(take(region, 40 * KIB - 1, 16), third);
    assert_ptr_equal(take(region, MIB, 16), second);
    uint8_t *other = take(region, 48 * KIB, 16);
    assert_ptr_not_equal(other, first);
    assert_ptr_equal(take(region, 40 * KIB, 16), first);
    cni_region_dealloc(region, other, 48 * KIB, 16);
    cni_region_dealloc(region, first, 40 * KIB, 16);
    cni_region_dealloc(region, second, MIB, 16);
    cni_region_dealloc(region, third, 40 * KIB, 16);
    cni_region_trim_to(region, 0);
    assert_int_equal(cni_region_committed_bytes(region), 0);
    cni_region_free(region);
}

enum {
    N_KEEPERS = 24,
    N_RUNS_EACH = 8
};

/* Runs of many lengths, so that few come back. */
static void *
keep_runs(void *argument)
{
    const runner *self = argument;
    uint8_t *blocks[N_RUNS_EACH];
    for (int64_t at = 0; at < N_RUNS_EACH; at++) {
        blocks[at] = take(self->region, (100 + at) * CNI_PAGE_BYTES, 16);
        blocks[at][0] = 1;
    }
    for (int64_t at = 0; at < N_RUNS_EACH; at++) {
        cni_region_dealloc(self->region, blocks[at], (100 + at) * CNI_PAGE_BYTES, 16);
    }
    return NULL;
}

/* All caches together are at most 1/32 of the limit: the rest can be had without trimming. */
static void
test_kept_runs_are_bounded(void **state)
{
    (void)state;
    const int64_t limit = 512 * MIB;
    cni_region *region = new_region();
    cni_thread threads[N_KEEPERS];
    runner runners[N_KEEPERS];
    cni_region_set_commit_limit(region, limit);
    for (int at = 0; at < N_KEEPERS; at++) {
        runners[at] = (runner){region, 0};
        assert_int_equal(cni_thread_start(&threads[at], keep_runs, &runners[at], 0, NULL), CN_OK);
    }
    for (int at = 0; at < N_KEEPERS; at++) {
        cni_thread_join(&threads[at]);
    }
    int64_t n_bytes = 0;
    void *block = NULL;
    while (cni_region_alloc(region, 32 * KIB, 4096, &block) == CNI_REGION_OK) {
        n_bytes += 32 * KIB;
    }
    assert_true(n_bytes >= limit - limit / 32 - CNI_SLAB_BYTES);
    cni_region_trim(region);
    assert_int_equal(cni_region_alloc(region, 32 * KIB, 4096, &block), CNI_REGION_OK);
    cni_region_free(region);
}

/* Blocks of all small sizes, taken and released. */
static void
leave_small_blocks(cni_region *region)
{
    enum {
        N_BLOCKS = 64
    };
    uint8_t *blocks[N_BLOCKS];
    for (int64_t n_bytes = 16; n_bytes <= 32 * KIB; n_bytes += n_bytes / 4) {
        for (int at = 0; at < N_BLOCKS; at++) {
            blocks[at] = take(region, n_bytes, 16);
        }
        for (int at = 0; at < N_BLOCKS; at++) {
            cni_region_dealloc(region, blocks[at], n_bytes, 16);
        }
    }
}

/* Caches of small blocks shrink with the limit: what they keep is no use to others. */
static void
test_caches_are_scaled(void **state)
{
    (void)state;
    enum {
        N_RUNS = 24 * 4
    };
    uint8_t *runs[N_RUNS];
    int n_runs = 0;
    cni_region *region = new_region();
    cni_region_set_commit_limit(region, 24 * MIB);
    leave_small_blocks(region);
    void *block = NULL;
    while (n_runs < N_RUNS && cni_region_alloc(region, 256 * KIB, 16, &block) == CNI_REGION_OK) {
        runs[n_runs++] = block;
    }
    assert_true(n_runs >= 84);
    while (n_runs > 0) {
        cni_region_dealloc(region, runs[--n_runs], 256 * KIB, 16);
    }
    cni_region_free(region);
}

static void
test_free_slabs_are_used_again(void **state)
{
    (void)state;
    cni_region *region = new_region();
    uint8_t *blocks[10];
    for (int at = 0; at < 10; at++) {
        blocks[at] = take(region, 2 * MIB, 16);
        blocks[at][0] = 1;
    }
    for (int at = 2; at < 6; at++) {
        cni_region_dealloc(region, blocks[at], 2 * MIB, 16);
    }
    uint8_t *large = take(region, 8 * MIB, 16);
    assert_int_equal(cni_region_committed_bytes(region), 20 * MIB);
    cni_region_dealloc(region, large, 8 * MIB, 16);
    cni_region_trim(region);
    assert_int_equal(cni_region_committed_bytes(region), 12 * MIB);
    large = take(region, 7 * MIB, 16);
    assert_int_equal(large[0], 0); /* what was given back comes back as zeros */
    memset(large, 1, 7 * MIB);
    assert_int_equal(cni_region_committed_bytes(region), 20 * MIB);
    cni_region_dealloc(region, large, 7 * MIB, 16);
    for (int at = 0; at < 10; at++) {
        if (at < 2 || at >= 6) {
            assert_int_equal(blocks[at][0], 1);
            cni_region_dealloc(region, blocks[at], 2 * MIB, 16);
        }
    }
    cni_region_free(region);
}

/* Holes between live blocks go back, too, and are committed again by the page. */
static void
test_holes_go_back(void **state)
{
    (void)state;
    enum {
        N = 320
    };
    const int64_t n_bytes = 128 * KIB;
    cni_region *region = new_region();
    uint8_t *blocks[N];
    for (int at = 0; at < N; at++) {
        blocks[at] = take(region, n_bytes, 16);
        memset(blocks[at], at, (size_t)n_bytes);
    }
    assert_int_equal(cni_region_committed_bytes(region), N * n_bytes);
    for (int at = 0; at < N; at += 2) {
        cni_region_dealloc(region, blocks[at], n_bytes, 16);
    }
    assert_int_equal(cni_region_committed_bytes(region), N * n_bytes);
    cni_region_trim(region);
    assert_int_equal(cni_region_committed_bytes(region), N / 2 * n_bytes);
    cni_region_trim(region); /* nothing is counted twice */
    assert_int_equal(cni_region_committed_bytes(region), N / 2 * n_bytes);
    /* Holes count against the limit like slabs, and half a hole by its pages. */
    cni_region_set_commit_limit(region, (N / 2 + 1) * n_bytes);
    uint8_t *half = take(region, n_bytes / 2, 16);
    assert_int_equal(half[n_bytes / 2 - 1], 0);
    assert_int_equal(cni_region_committed_bytes(region), N / 2 * n_bytes + n_bytes / 2);
    void *other = NULL;
    assert_int_equal(cni_region_alloc(region, n_bytes, 16, &other), CNI_REGION_LIMIT);
    assert_false(cni_region_try_resize(region, half, n_bytes / 2, n_bytes + 1, 16));
    assert_true(cni_region_try_resize(region, half, n_bytes / 2, n_bytes, 16));
    cni_region_set_commit_limit(region, INT64_MAX);
    cni_region_dealloc(region, half, n_bytes, 16);
    for (int at = 0; at < N; at += 2) {
        blocks[at] = take(region, n_bytes, 16);
        memset(blocks[at], at, (size_t)n_bytes);
    }
    assert_int_equal(cni_region_committed_bytes(region), N * n_bytes);
    for (int at = 0; at < N; at++) {
        assert_int_equal(blocks[at][0], (uint8_t)at);
        assert_int_equal(blocks[at][n_bytes - 1], (uint8_t)at);
        cni_region_dealloc(region, blocks[at], n_bytes, 16);
    }
    cni_region_trim(region);
    assert_int_equal(cni_region_committed_bytes(region), 0);
    cni_region_free(region);
}

static void
test_commit_limit(void **state)
{
    (void)state;
    cni_region *region = new_region();
    cni_region_set_commit_limit(region, 32 * MIB);
    uint8_t *block = take(region, 20 * MIB, 16);
    void *other = NULL;
    assert_int_equal(cni_region_alloc(region, 14 * MIB, 16, &other), CNI_REGION_LIMIT);
    assert_null(other);
    assert_false(cni_region_try_resize(region, block, 20 * MIB, 34 * MIB, 16));
    assert_true(cni_region_try_resize(region, block, 20 * MIB, 32 * MIB, 16));
    assert_int_equal(cni_region_alloc(region, 10, 16, &other), CNI_REGION_LIMIT);
    assert_int_equal(cni_region_alloc_beyond(region, MIB, 16, &other), CNI_REGION_OK);
    cni_region_dealloc(region, other, MIB, 16);
    assert_int_equal(cni_region_alloc_beyond(region, 10, 16, &other), CNI_REGION_OK);
    cni_region_dealloc(region, other, 10, 16);
    cni_region_trim(region);
    assert_int_equal(cni_region_alloc(region, 10, 16, &other), CNI_REGION_LIMIT);
    cni_region_dealloc(region, block, 32 * MIB, 16);
    /* Above the soft limit free slabs go back at once. */
    assert_true(cni_region_committed_bytes(region) <= 28 * MIB);
    cni_region_set_commit_limit(region, 1);
    cni_region_trim(region);
    other = take(region, 16 * MIB, 16); /* the floor */
    cni_region_dealloc(region, other, 16 * MIB, 16);
    cni_region_free(region);
}

static void
test_more_than_the_space(void **state)
{
    (void)state;
    cni_region *region = new_region();
    void *block = NULL;
    assert_int_equal(cni_region_alloc(region, INT64_C(1) << 50, 16, &block), CNI_REGION_SYSTEM);
    assert_int_equal(cni_region_alloc(region, INT64_MAX, 16, &block), CNI_REGION_SYSTEM);
    assert_null(block);
    uint8_t *small = take(region, 100000, 16);
    assert_false(cni_region_try_resize(region, small, 100000, INT64_C(1) << 50, 16));
    cni_region_dealloc(region, small, 100000, 16);
    cni_region_free(region);
}

static void
test_fork_is_noticed(void **state)
{
    (void)state;
    cni_region *region = new_region();
    uint8_t *block = take(region, 100, 16);
    const pid_t child = fork();
    if (child == 0) {
        _exit(!cni_region_is_usable(region) && cni_region_owns(region, block) ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(cni_region_is_usable(region));
    cni_region_dealloc(region, block, 100, 16);
    cni_region_free(region);
}

static void
test_many_regions(void **state)
{
    (void)state;
    cni_region *regions[200];
    uint8_t *blocks[200];
    for (int at = 0; at < 200; at++) {
        regions[at] = new_region();
        blocks[at] = take(regions[at], 1000, 16);
        memset(blocks[at], at, 1000);
    }
    for (int at = 0; at < 200; at++) {
        assert_int_equal(blocks[at][999], at);
        assert_false(cni_region_owns(regions[at], blocks[(at + 1) % 200]));
        cni_region_dealloc(regions[at], blocks[at], 1000, 16);
    }
    for (int at = 0; at < 200; at++) {
        cni_region_free(regions[at]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_nothing_is_reserved_early),
        cmocka_unit_test(test_random_traffic),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_blocks_change_threads),
        cmocka_unit_test(test_large_blocks_grow_in_place),
        cmocka_unit_test(test_runs_cross_slabs),
        cmocka_unit_test(test_runs_come_back),
        cmocka_unit_test(test_kept_runs_are_bounded),
        cmocka_unit_test(test_caches_are_scaled),
        cmocka_unit_test(test_free_slabs_are_used_again),
        cmocka_unit_test(test_holes_go_back),
        cmocka_unit_test(test_commit_limit),
        cmocka_unit_test(test_more_than_the_space),
        cmocka_unit_test(test_fork_is_noticed),
        cmocka_unit_test(test_many_regions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
