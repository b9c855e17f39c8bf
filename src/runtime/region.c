/* SPDX-License-Identifier: Apache-2.0
 *
 * The region: size classes over the page heap, and caches of free blocks in front of them.
 *
 *   thread -> one of 16 shards (by thread, the next one when it is taken): free blocks per class
 *          -> under the region's lock: spans of the class -> page heap
 *          and free runs of up to 1 MiB, each for the next block of as many pages
 *
 * Runs in shards are at most 1/32 of the commit limit, small blocks as much (but 16 KiB a shard);
 * no runs are kept near it.
 *
 * There are no thread-local variables: a shard is entered by whoever gets its busy word, which
 * nobody holds for longer than a list operation or a refill. From 1 KiB on, one class in four is 64
 * bytes wider than a power of two, because column buffers are a power of two with 64 bytes of
 * padding.
 */
#include "runtime/region_int.h"

#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "runtime/pages_int.h"

#define N_SHARDS        16
#define N_CLASSES       36
#define SMALL_BYTES     ((32 << 10) + 64) /* the largest class */
#define CACHE_BYTES     (256 << 10)       /* per class and shard */
#define MIN_SHARD_BYTES (16 << 10)
#define MIN_CACHED      4
#define MAX_CACHED      128
#define MIN_SPAN_BLOCKS 8
#define MAX_RUNS        16  /* per shard */
#define RUN_PAGES       128 /* the largest run that a shard keeps */
#define SHARD_PAGES     512 /* that a shard keeps at most, whatever the limit */
#define LIMIT_PART      32 /* of the commit limit: all shards' runs together, and all their lists */

typedef struct free_list {
    void *first; /* each block's first word links to the next */
    int64_t n_blocks;
} free_list;

/* Pages of a block that was released, still used in the eyes of the page heap. */
typedef struct free_run {
    int64_t page;
    int64_t n_pages;
} free_run;

typedef struct run_list {
    int32_t n_runs;
    int64_t n_pages;
    free_run runs[MAX_RUNS]; /* the oldest first */
} run_list;

typedef struct shard {
    _Alignas(64) cni_atomic_i64 busy;
    int64_t n_bytes; /* of all lists */
    free_list lists[N_CLASSES];
    run_list runs;
} shard;

typedef struct size_class {
    int32_t block_bytes;
    int16_t n_pages;    /* of a span */
    int16_t n_blocks;   /* of a span */
    int32_t first_span; /* page + 1 of a span with free blocks */
    int32_t n_cached;   /* blocks that a shard may keep */
} size_class;

struct cni_region {
    cni_atomic_i64 reserved; /* flag: pages.base is there */
    cni_mutex beyond;        /* who may commit beyond the limit: pages.beyond_thread */
    cni_mutex mutex;         /* classes and pages */
    cni_pages pages;
    size_class classes[N_CLASSES];
    shard shards[N_SHARDS];
};

/* ---- sizes ---- */

/*   class  0..2    16 32 48
 *          3..10   64 128 .. 512
 *         11..34   2^k + 64, 1.25, 1.5, 1.75 * 2^k   for k = 9..14
 *         35       32,832 */
static int32_t
class_of(int64_t n_bytes)
{
    if (n_bytes <= 48) {
        return (int32_t)((n_bytes + 15) >> 4) - 1;
    }
    if (n_bytes <= 512) {
        return (int32_t)((n_bytes + 63) >> 6) + 2;
    }
    const int32_t power = 63 - __builtin_clzll((unsigned long long)n_bytes);
    const int64_t above = n_bytes - (INT64_C(1) << power);
    const int32_t quarter =
        above <= 64 ? 0 : (int32_t)((above + (INT64_C(1) << (power - 2)) - 1) >> (power - 2));
    return 11 + (power - 9) * 4 + quarter; /* 4 quarters are the next power */
}

static int32_t
class_bytes(int32_t class_number)
{
    if (class_number < 3) {
        return 16 * (class_number + 1);
    }
    if (class_number < 11) {
        return 64 * (class_number - 2);
    }
    const int32_t power = 9 + (class_number - 11) / 4;
    const int32_t quarter = (class_number - 11) % 4;
    return (1 << power) + (quarter == 0 ? 64 : quarter << (power - 2));
}

/* The size that decides where a block goes: alignments up to 64 come with the class. */
static int64_t
aligned_bytes(int64_t n_bytes, int64_t align)
{
    return align <= 16 || n_bytes > SMALL_BYTES ? n_bytes : cni_round_up(n_bytes, align);
}

static bool
is_small(int64_t n_bytes, int64_t align)
{
    return align <= 64 && aligned_bytes(n_bytes, align) <= SMALL_BYTES;
}

static int64_t
pages_for(int64_t n_bytes)
{
    return (n_bytes >> CNI_PAGE_SHIFT) + ((n_bytes & (CNI_PAGE_BYTES - 1)) != 0 ? 1 : 0);
}

int64_t
cni_region_block_bytes(int64_t n_bytes, int64_t align)
{
    if (is_small(n_bytes, align)) {
        return class_bytes(class_of(aligned_bytes(n_bytes, align)));
    }
    const int64_t n_pages = cni_min_i64(pages_for(n_bytes), INT64_MAX >> CNI_PAGE_SHIFT);
    return n_pages << CNI_PAGE_SHIFT;
}

/* Spans long enough for 8 blocks and for losing at most 1/16 at the end. */
static void
class_init(size_class *self, int32_t class_number)
{
    self->block_bytes = class_bytes(class_number);
    int64_t n_pages = pages_for((int64_t)self->block_bytes * MIN_SPAN_BLOCKS);
    while (n_pages * CNI_PAGE_BYTES % self->block_bytes * 16 > n_pages * CNI_PAGE_BYTES) {
        n_pages++;
    }
    self->n_pages = (int16_t)n_pages;
    self->n_blocks = (int16_t)(n_pages * CNI_PAGE_BYTES / self->block_bytes);
    self->n_cached =
        (int32_t)cni_min_i64(MAX_CACHED, cni_max_i64(MIN_CACHED, CACHE_BYTES / self->block_bytes));
}

/* ---- spans of a class, all under the lock ---- */

static void
link_span(cni_region *self, size_class *class, int64_t head)
{
    cni_page_span *span = &self->pages.spans[head];
    span->prev = 0;
    span->next = class->first_span;
    if (span->next != 0) {
        self->pages.spans[span->next - 1].prev = (int32_t)(head + 1);
    }
    class->first_span = (int32_t)(head + 1);
}

static void
unlink_span(cni_region *self, size_class *class, int64_t head)
{
    cni_page_span *span = &self->pages.spans[head];
    if (span->prev != 0) {
        self->pages.spans[span->prev - 1].next = span->next;
    } else {
        class->first_span = span->next;
    }
    if (span->next != 0) {
        self->pages.spans[span->next - 1].prev = span->prev;
    }
}

static cni_region_answer
new_span(cni_region *self, int32_t class_number)
{
    size_class *class = &self->classes[class_number];
    int64_t head = 0;
    const cni_region_answer answer = cni_pages_alloc(&self->pages, class->n_pages, &head);
    if (answer != CNI_REGION_OK) {
        return answer;
    }
    for (int32_t back = 0; back < class->n_pages; back++) {
        self->pages.spans[head + back] =
            (cni_page_span){.class_number = (uint8_t)class_number, .back = (uint8_t)back};
    }
    self->pages.spans[head].n_free = class->n_blocks;
    link_span(self, class, head);
    return CNI_REGION_OK;
}

static void
free_span(cni_region *self, size_class *class, int64_t head)
{
    unlink_span(self, class, head);
    cni_pages_free(&self->pages, head, class->n_pages);
}

static void
list_push(free_list *list, void *block)
{
    *(void **)block = list->first;
    list->first = block;
    list->n_blocks++;
}

static void *
list_pop(free_list *list)
{
    void *block = list->first;
    CN_ASSERT(block != NULL);
    list->first = *(void **)block;
    list->n_blocks--;
    return block;
}

/* One block of the class's first span, which has one. */
static void *
take_block(cni_region *self, size_class *class)
{
    const int64_t head = class->first_span - 1;
    cni_page_span *span = &self->pages.spans[head];
    void *block = span->free;
    if (block != NULL) {
        span->free = *(void **)block;
    } else {
        block = cni_page_address(&self->pages, head) + (int64_t)span->n_carved * class->block_bytes;
        span->n_carved++;
    }
    span->n_free--;
    if (span->n_free == 0) {
        unlink_span(self, class, head);
    }
    return block;
}

/* An empty span is kept while it is the class's only one, so that a block that comes and goes does
 * not take and give pages; trimming takes that, too. */
static void
return_block(cni_region *self, void *block)
{
    const int64_t page = cni_page_of(&self->pages, block);
    const int64_t head = page - self->pages.spans[page].back;
    cni_page_span *span = &self->pages.spans[head];
    size_class *class = &self->classes[span->class_number];
    *(void **)block = span->free;
    span->free = block;
    span->n_free++;
    if (span->n_free == 1) {
        link_span(self, class, head);
    }
    if (span->n_free == class->n_blocks && (span->next != 0 || span->prev != 0)) {
        free_span(self, class, head);
    }
}

/* Up to n blocks into `list`; OK when there is at least one. */
static cni_region_answer
refill(cni_region *self, int32_t class_number, free_list *list, int64_t n)
{
    size_class *class = &self->classes[class_number];
    cni_region_answer answer = CNI_REGION_OK;
    cni_mutex_lock(&self->mutex);
    while (list->n_blocks < n && answer == CNI_REGION_OK) {
        if (class->first_span == 0) {
            /* More than one block is not worth new pages. */
            answer = list->n_blocks > 0 ? CNI_REGION_LIMIT : new_span(self, class_number);
            continue;
        }
        list_push(list, take_block(self, class));
    }
    cni_mutex_unlock(&self->mutex);
    return list->n_blocks > 0 ? CNI_REGION_OK : answer;
}

static void
return_all(cni_region *self, free_list *list)
{
    cni_mutex_lock(&self->mutex);
    while (list->first != NULL) {
        return_block(self, list_pop(list));
    }
    cni_mutex_unlock(&self->mutex);
}

/* ---- shards ---- */

static shard *
enter_shard(cni_region *self)
{
    const uint64_t mixed = cni_thread_id() * UINT64_C(0x9E3779B97F4A7C15);
    uint64_t at = mixed >> 60;
    for (int64_t tries = 1; !cni_slot_swap(&self->shards[at].busy, 0, 1); tries++) {
        at = (at + 1) % N_SHARDS;
        if (tries % N_SHARDS == 0) {
            cni_thread_yield();
        }
    }
    return &self->shards[at];
}

static void
leave_shard(shard *self)
{
    cni_flag_publish(&self->busy, 0);
}

/* What a shard may keep: what lies in caches is of no use to other classes and threads, which small
 * limits cannot afford. */
static int64_t
most_shard_bytes(const cni_region *self)
{
    const int64_t limit = cni_counter_get(&self->pages.commit_limit);
    return cni_max_i64(limit / (LIMIT_PART * N_SHARDS), MIN_SHARD_BYTES);
}

static cni_region_answer
alloc_small(cni_region *self, int32_t class_number, void **out_block)
{
    shard *mine = enter_shard(self);
    free_list *list = &mine->lists[class_number];
    const int64_t block_bytes = self->classes[class_number].block_bytes;
    cni_region_answer answer = CNI_REGION_OK;
    if (CN_UNLIKELY(list->first == NULL)) {
        const int64_t n_most = cni_max_i64(most_shard_bytes(self) / 4 / block_bytes, 1);
        const int64_t n_wanted = self->classes[class_number].n_cached / 2;
        answer = refill(self, class_number, list, cni_min_i64(n_wanted, n_most));
        mine->n_bytes += list->n_blocks * block_bytes;
    }
    if (CN_LIKELY(answer == CNI_REGION_OK)) {
        *out_block = list_pop(list);
        mine->n_bytes -= block_bytes;
    }
    leave_shard(mine);
    return answer;
}

/* Half of a list; one block goes, too. */
static void
halve(const cni_region *self, shard *mine, int32_t class_number, free_list *out_surplus)
{
    free_list *list = &mine->lists[class_number];
    const int64_t n_kept = list->n_blocks / 2;
    mine->n_bytes -= (list->n_blocks - n_kept) * self->classes[class_number].block_bytes;
    while (list->n_blocks > n_kept) {
        list_push(out_surplus, list_pop(list));
    }
}

/* Half of an overfull list goes back, of an overfull shard half of every list: the other half
 * serves the next allocations. */
static void
free_small(cni_region *self, void *block, int32_t class_number)
{
    CN_ASSERT(self->pages.spans[cni_page_of(&self->pages, block)].class_number == class_number);
    free_list surplus = {NULL, 0};
    shard *mine = enter_shard(self);
    free_list *list = &mine->lists[class_number];
    list_push(list, block);
    mine->n_bytes += self->classes[class_number].block_bytes;
    if (CN_UNLIKELY(list->n_blocks > self->classes[class_number].n_cached)) {
        halve(self, mine, class_number, &surplus);
    }
    if (CN_UNLIKELY(mine->n_bytes > most_shard_bytes(self))) {
        for (int32_t other = 0; other < N_CLASSES; other++) {
            halve(self, mine, other, &surplus);
        }
    }
    leave_shard(mine);
    if (surplus.first != NULL) {
        return_all(self, &surplus);
    }
}

/* ---- runs in shards ---- */

/* Pages that a shard may keep now; 0 near the limit, where others need them. */
static int64_t
kept_pages(const cni_region *self)
{
    const int64_t limit = cni_counter_get(&self->pages.commit_limit);
    if (cni_counter_get(&self->pages.committed_bytes) > limit - limit / 8) {
        return 0;
    }
    return cni_min_i64(SHARD_PAGES, limit / (LIMIT_PART * N_SHARDS * CNI_PAGE_BYTES));
}

/* A run of exactly n_pages, the one that was released last; -1 = none. */
static int64_t
take_kept_run(cni_region *self, int64_t n_pages)
{
    shard *mine = enter_shard(self);
    run_list *list = &mine->runs;
    int64_t page = -1;
    for (int32_t at = list->n_runs - 1; at >= 0; at--) {
        if (list->runs[at].n_pages == n_pages) {
            page = list->runs[at].page;
            list->n_runs--;
            list->n_pages -= n_pages;
            memmove(&list->runs[at], &list->runs[at + 1],
                    (size_t)(list->n_runs - at) * sizeof(list->runs[0]));
            break;
        }
    }
    leave_shard(mine);
    return page;
}

static void
free_runs(cni_region *self, const free_run *runs, int32_t n_runs)
{
    if (n_runs > 0) {
        cni_mutex_lock(&self->mutex);
        for (int32_t at = 0; at < n_runs; at++) {
            cni_pages_free(&self->pages, runs[at].page, runs[at].n_pages);
        }
        cni_mutex_unlock(&self->mutex);
    }
}

/* Move the oldest runs to `out` until at most n_left runs of n_pages are left; gives how many. */
static int32_t
evict_runs(run_list *list, int32_t n_left, int64_t n_pages, free_run *out)
{
    int32_t n_out = 0;
    while (list->n_runs - n_out > n_left || list->n_pages > n_pages) {
        out[n_out] = list->runs[n_out];
        list->n_pages -= out[n_out++].n_pages;
    }
    list->n_runs -= n_out;
    memmove(list->runs, &list->runs[n_out], (size_t)list->n_runs * sizeof(list->runs[0]));
    return n_out;
}

/* A full list loses half of its runs at once, so that the lock is taken for several. */
static void
free_pages(cni_region *self, int64_t page, int64_t n_pages)
{
    const int64_t n_kept = n_pages > RUN_PAGES ? 0 : kept_pages(self);
    free_run evicted[MAX_RUNS + 1];
    int32_t n_evicted = 0;
    if (n_pages > n_kept) {
        evicted[n_evicted++] = (free_run){page, n_pages};
    } else {
        shard *mine = enter_shard(self);
        run_list *list = &mine->runs;
        if (list->n_runs == MAX_RUNS || list->n_pages + n_pages > n_kept) {
            n_evicted =
                evict_runs(list, MAX_RUNS / 2, cni_min_i64(n_kept / 2, n_kept - n_pages), evicted);
        }
        list->runs[list->n_runs++] = (free_run){page, n_pages};
        list->n_pages += n_pages;
        leave_shard(mine);
    }
    free_runs(self, evicted, n_evicted);
}

static cni_region_answer
alloc_pages(cni_region *self, int64_t n_bytes, void **out_block)
{
    const int64_t n_pages = pages_for(n_bytes);
    int64_t page = n_pages <= RUN_PAGES ? take_kept_run(self, n_pages) : -1;
    cni_region_answer answer = CNI_REGION_OK;
    if (page < 0) {
        cni_mutex_lock(&self->mutex);
        answer = cni_pages_alloc(&self->pages, n_pages, &page);
        cni_mutex_unlock(&self->mutex);
    }
    if (answer == CNI_REGION_OK) {
        *out_block = cni_page_address(&self->pages, page);
    }
    return answer;
}

/* ---- the face ---- */

cn_code
cni_region_new(cni_region **out_region, cn_error *err)
{
    cni_region *self = NULL;
    CN_TRY(cni_alloc_zeroed(cni_allocator_system(), (int64_t)sizeof(*self), &self, err));
    cni_mutex_init(&self->beyond);
    cni_mutex_init(&self->mutex);
    for (int32_t class_number = 0; class_number < N_CLASSES; class_number++) {
        class_init(&self->classes[class_number], class_number);
    }
    self->pages.commit_limit = INT64_MAX;
    *out_region = self;
    return CN_OK;
}

void
cni_region_free(cni_region *self)
{
    if (self != NULL) {
        cni_pages_release(&self->pages);
        cni_mutex_done(&self->mutex);
        cni_mutex_done(&self->beyond);
        cni_dealloc(cni_allocator_system(), self, (int64_t)sizeof(*self));
    }
}

static CN_COLD CN_NOINLINE cni_region_answer
reserve(cni_region *self)
{
    cni_region_answer answer = CNI_REGION_OK;
    cni_mutex_lock(&self->mutex);
    if (self->pages.base == NULL) {
        answer = cni_pages_reserve(&self->pages);
    }
    cni_mutex_unlock(&self->mutex);
    if (answer == CNI_REGION_OK) {
        cni_flag_publish(&self->reserved, 1);
    }
    return answer;
}

cni_region_answer
cni_region_alloc(cni_region *self, int64_t n_bytes, int64_t align, void **out_block)
{
    if (CN_UNLIKELY(cni_flag_consume(&self->reserved) == 0)) {
        const cni_region_answer answer = reserve(self);
        if (answer != CNI_REGION_OK) {
            return answer;
        }
    }
    if (CN_LIKELY(is_small(n_bytes, align))) {
        return alloc_small(self, class_of(aligned_bytes(n_bytes, align)), out_block);
    }
    return alloc_pages(self, n_bytes, out_block);
}

cni_region_answer
cni_region_alloc_beyond(cni_region *self, int64_t n_bytes, int64_t align, void **out_block)
{
    cni_mutex_lock(&self->beyond);
    cni_flag_publish(&self->pages.beyond_thread, (int64_t)cni_thread_id());
    const cni_region_answer answer = cni_region_alloc(self, n_bytes, align, out_block);
    cni_flag_publish(&self->pages.beyond_thread, 0);
    cni_mutex_unlock(&self->beyond);
    return answer;
}

void
cni_region_dealloc(cni_region *self, void *block, int64_t n_bytes, int64_t align)
{
    CN_ASSERT(cni_region_owns(self, block));
    if (CN_LIKELY(is_small(n_bytes, align))) {
        free_small(self, block, class_of(aligned_bytes(n_bytes, align)));
        return;
    }
    free_pages(self, cni_page_of(&self->pages, block), pages_for(n_bytes));
}

bool
cni_region_try_resize(cni_region *self, void *block, int64_t old_bytes, int64_t new_bytes,
                      int64_t align)
{
    if (cni_region_block_bytes(old_bytes, align) == cni_region_block_bytes(new_bytes, align)) {
        return true;
    }
    if (is_small(old_bytes, align) || is_small(new_bytes, align)) {
        return false;
    }
    const int64_t page = cni_page_of(&self->pages, block);
    const int64_t n_old = pages_for(old_bytes);
    const int64_t n_new = pages_for(new_bytes);
    bool resized = true;
    cni_mutex_lock(&self->mutex);
    if (n_new < n_old) {
        cni_pages_free(&self->pages, page + n_new, n_old - n_new);
    } else {
        resized = cni_pages_extend(&self->pages, page, n_old, n_new);
    }
    cni_mutex_unlock(&self->mutex);
    return resized;
}

bool
cni_region_owns(const cni_region *self, const void *block)
{
    if (cni_flag_consume(&self->reserved) == 0) {
        return false;
    }
    const uintptr_t base = (uintptr_t)self->pages.base;
    const uintptr_t at = (uintptr_t)block;
    return at >= base && at - base < (uintptr_t)self->pages.n_slabs * CNI_SLAB_BYTES;
}

bool
cni_region_is_usable(const cni_region *self)
{
    return cni_flag_consume(&self->reserved) == 0 || *self->pages.alive == 1;
}

void
cni_region_set_commit_limit(cni_region *self, int64_t limit_bytes)
{
    cni_counter_set(&self->pages.commit_limit, limit_bytes);
}

int64_t
cni_region_committed_bytes(const cni_region *self)
{
    return cni_counter_get(&self->pages.committed_bytes);
}

/* Wait for the shard: it is held for short times only. */
static void
wait_for_shard(shard *other)
{
    while (!cni_slot_swap(&other->busy, 0, 1)) {
        cni_thread_yield();
    }
}

static void
empty_runs(cni_region *self, shard *other)
{
    free_run runs[MAX_RUNS];
    wait_for_shard(other);
    const int32_t n_runs = evict_runs(&other->runs, 0, 0, runs);
    leave_shard(other);
    free_runs(self, runs, n_runs);
}

static void
empty_lists(cni_region *self, shard *other)
{
    free_list lists[N_CLASSES];
    wait_for_shard(other);
    for (int32_t class_number = 0; class_number < N_CLASSES; class_number++) {
        lists[class_number] = other->lists[class_number];
        other->lists[class_number] = (free_list){NULL, 0};
    }
    other->n_bytes = 0;
    leave_shard(other);
    for (int32_t class_number = 0; class_number < N_CLASSES; class_number++) {
        if (lists[class_number].first != NULL) {
            return_all(self, &lists[class_number]);
        }
    }
}

/* Under the lock. */
static void
free_empty_spans(cni_region *self, size_class *class)
{
    int32_t link = class->first_span;
    while (link != 0) {
        const int64_t head = link - 1;
        link = self->pages.spans[head].next;
        if (self->pages.spans[head].n_free == class->n_blocks) {
            free_span(self, class, head);
        }
    }
}

void
cni_region_trim(cni_region *self)
{
    if (cni_flag_consume(&self->reserved) == 0) {
        return;
    }
    for (int32_t at = 0; at < N_SHARDS; at++) {
        empty_lists(self, &self->shards[at]);
        empty_runs(self, &self->shards[at]);
    }
    cni_mutex_lock(&self->mutex);
    for (int32_t class_number = 0; class_number < N_CLASSES; class_number++) {
        free_empty_spans(self, &self->classes[class_number]);
    }
    cni_pages_trim(&self->pages, 0);
    cni_mutex_unlock(&self->mutex);
}

void
cni_region_trim_to(cni_region *self, int64_t keep_bytes)
{
    if (cni_flag_consume(&self->reserved) == 0) {
        return;
    }
    for (int32_t at = 0; at < N_SHARDS; at++) {
        empty_runs(self, &self->shards[at]);
    }
    cni_mutex_lock(&self->mutex);
    cni_pages_trim(&self->pages, keep_bytes);
    cni_mutex_unlock(&self->mutex);
}
