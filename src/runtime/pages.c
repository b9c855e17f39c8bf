/* SPDX-License-Identifier: Apache-2.0
 *
 * The page heap: reserving, committing and trimming slabs, and finding runs of pages in them.
 *
 * A partly used slab is preferred to a free one, a free one to a cold one, so that use stays dense
 * and whole slabs can go back; under a tight limit the holes of partly used ones go back, too.
 * Beyond the first two slabs the system is asked for huge pages: a small engine touches 4 KiB pages
 * one by one, a large one 2 MiB at a time.
 */
#include "runtime/pages_int.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/thread.h"

#define MIN_SPACE_BYTES          (INT64_C(64) << 20)
#define SPACE_PER_MEMORY         4 /* address space per byte of physical memory, for holes */
#define SLABS_WITHOUT_HUGE_PAGES 2
#define TRIES_PER_LIST           16
#define GUARD_PAGE_BYTES         4096

#if CN_THREAD_SANITIZER
#define MAX_SPACE_BYTES (INT64_C(4) << 30) /* applications have little address space there */
#else
#define MAX_SPACE_BYTES (INT64_C(4) << 40)
#endif

/* ---- page bits of one slab ---- */

/* First page from `page` on whose bit of `used` is `value`, or CNI_SLAB_PAGES. */
static int32_t
next_page(const cni_slab *slab, int32_t page, bool value)
{
    while (page < CNI_SLAB_PAGES) {
        const uint64_t bits = value ? slab->used[page >> 6] : ~slab->used[page >> 6];
        const uint64_t rest = bits >> (page & 63);
        if (rest != 0) {
            return page + __builtin_ctzll(rest);
        }
        page = (page | 63) + 1;
    }
    return CNI_SLAB_PAGES;
}

static int32_t
longest_free_run(const cni_slab *slab)
{
    int32_t longest = 0;
    int32_t page = next_page(slab, 0, false);
    while (page < CNI_SLAB_PAGES) {
        const int32_t end = next_page(slab, page, true);
        longest = end - page > longest ? end - page : longest;
        page = next_page(slab, end, false);
    }
    return longest;
}

/* First run of n_pages free pages; there is one. */
static int32_t
first_fit(const cni_slab *slab, int64_t n_pages)
{
    int32_t page = next_page(slab, 0, false);
    int32_t end = next_page(slab, page, true);
    while (end - page < n_pages) {
        page = next_page(slab, end, false);
        end = next_page(slab, page, true);
    }
    return page;
}

/* The bits of pages [from, to) that lie in one word of 64. */
static uint64_t
mask_of(int32_t word, int32_t from, int32_t to)
{
    const int32_t first = from > word * 64 ? from - word * 64 : 0;
    const int32_t n = (to < word * 64 + 64 ? to - word * 64 : 64) - first;
    return (n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << first;
}

/* How many of the bits [from, to) are set. */
static int32_t
count_bits(const uint64_t bits[CNI_SLAB_WORDS], int32_t from, int32_t to)
{
    int32_t n = 0;
    for (int32_t word = from >> 6; word <= (to - 1) >> 6; word++) {
        n += __builtin_popcountll(bits[word] & mask_of(word, from, to));
    }
    return n;
}

static void
set_bits(uint64_t bits[CNI_SLAB_WORDS], int32_t from, int32_t to, bool value)
{
    for (int32_t word = from >> 6; word <= (to - 1) >> 6; word++) {
        const uint64_t mask = mask_of(word, from, to);
        bits[word] = value ? bits[word] | mask : bits[word] & ~mask;
    }
}

static void
mark_pages(cni_slab *slab, int32_t from, int32_t to, bool used)
{
    set_bits(slab->used, from, to, used);
    slab->n_used = (int16_t)(slab->n_used + (used ? to - from : from - to));
}

/* ---- lists ---- */

static uint8_t
list_of(const cni_slab *slab)
{
    if (!slab->committed) {
        return CNI_SLAB_LIST_COLD;
    }
    if (slab->n_used == 0) {
        return CNI_SLAB_LIST_FREE;
    }
    return slab->longest == 0 ? 0 : (uint8_t)(32 - __builtin_clz((unsigned)slab->longest));
}

static void
unlist(cni_pages *self, cni_slab *slab)
{
    if (slab->list == 0) {
        return;
    }
    if (slab->prev != 0) {
        self->slabs[slab->prev - 1].next = slab->next;
    } else {
        self->lists[slab->list] = slab->next;
    }
    if (slab->next != 0) {
        self->slabs[slab->next - 1].prev = slab->prev;
    }
    slab->list = 0;
}

/* Put the slab on the list where it belongs now. */
static void
relist(cni_pages *self, int32_t index)
{
    cni_slab *slab = &self->slabs[index];
    slab->longest = (int16_t)longest_free_run(slab);
    const uint8_t list = list_of(slab);
    if (list == slab->list) {
        return;
    }
    unlist(self, slab);
    slab->list = list;
    if (list == 0) {
        return;
    }
    slab->prev = 0;
    slab->next = self->lists[list];
    if (slab->next != 0) {
        self->slabs[slab->next - 1].prev = index + 1;
    }
    self->lists[list] = index + 1;
}

/* ---- reserving ---- */

static int64_t
wanted_space(void)
{
    const long n_pages = sysconf(_SC_PHYS_PAGES);
    const long page_bytes = sysconf(_SC_PAGESIZE);
    if (n_pages <= 0 || page_bytes <= 0 ||
        (int64_t)n_pages >= MAX_SPACE_BYTES / SPACE_PER_MEMORY / page_bytes) {
        return MAX_SPACE_BYTES;
    }
    const int64_t space = (int64_t)n_pages * page_bytes * SPACE_PER_MEMORY;
    return cni_max_i64(cni_round_up(space, CNI_SLAB_BYTES), MIN_SPACE_BYTES);
}

static bool
map_space(cni_pages *self, int64_t space_bytes)
{
    const int64_t mapped_bytes = space_bytes + CNI_SLAB_BYTES; /* to align the first slab */
    void *space = mmap(NULL, (size_t)mapped_bytes, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (space == MAP_FAILED) {
        return false;
    }
    const int64_t n_slabs = space_bytes / CNI_SLAB_BYTES;
    const int64_t slabs_bytes = cni_round_up(n_slabs * (int64_t)sizeof(cni_slab), GUARD_PAGE_BYTES);
    const int64_t spans_bytes = n_slabs * CNI_SLAB_PAGES * (int64_t)sizeof(cni_page_span);
    const int64_t table_bytes = GUARD_PAGE_BYTES + slabs_bytes + spans_bytes;
    uint8_t *table = mmap(NULL, (size_t)table_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table == MAP_FAILED) {
        (void)munmap(space, (size_t)mapped_bytes);
        return false;
    }
    self->space = space;
    self->space_bytes = mapped_bytes;
    self->mapping = table;
    self->mapping_bytes = table_bytes;
    self->base = (uint8_t *)space + (cni_round_up((int64_t)(uintptr_t)space, CNI_SLAB_BYTES) -
                                     (int64_t)(uintptr_t)space);
    self->n_slabs = (int32_t)n_slabs;
    self->alive = (int64_t *)(void *)table;
    self->slabs = (cni_slab *)(void *)(table + GUARD_PAGE_BYTES);
    self->spans = (cni_page_span *)(void *)(table + GUARD_PAGE_BYTES + slabs_bytes);
    return true;
}

cni_region_answer
cni_pages_reserve(cni_pages *self)
{
    int64_t space_bytes = wanted_space();
    while (!map_space(self, space_bytes)) {
        space_bytes = cni_round_up(space_bytes / 2, CNI_SLAB_BYTES);
        if (space_bytes < MIN_SPACE_BYTES) {
            return CNI_REGION_SYSTEM;
        }
    }
    *self->alive = 1;
    /* Both are wishes: without them pages are small, and a fork goes unnoticed. */
    (void)madvise(self->alive, GUARD_PAGE_BYTES, MADV_WIPEONFORK);
    const int64_t small_bytes = SLABS_WITHOUT_HUGE_PAGES * CNI_SLAB_BYTES;
    (void)madvise(self->base + small_bytes, (size_t)(space_bytes - small_bytes), MADV_HUGEPAGE);
    return CNI_REGION_OK;
}

void
cni_pages_release(cni_pages *self)
{
    if (self->base != NULL) {
        (void)munmap(self->space, (size_t)self->space_bytes);
        (void)munmap(self->mapping, (size_t)self->mapping_bytes);
        self->base = NULL;
    }
}

/* ---- committing ---- */

static void
count_committed(cni_pages *self, int64_t n_pages)
{
    cni_counter_add(&self->committed_bytes, n_pages * CNI_PAGE_BYTES);
}

static bool
limit_allows(const cni_pages *self, int64_t n_pages)
{
    const int64_t limit = cni_max_i64(cni_counter_get(&self->commit_limit), CNI_REGION_FLOOR_BYTES);
    return cni_counter_get(&self->committed_bytes) + n_pages * CNI_PAGE_BYTES <= limit ||
           cni_flag_consume(&self->beyond_thread) == (int64_t)cni_thread_id();
}

/* The system would fill holes again when it makes a huge page of the pages around them. */
static void
refuse_huge_pages(cni_pages *self, int32_t index)
{
    if (!self->slabs[index].piecewise) {
        (void)madvise(cni_page_address(self, (int64_t)index * CNI_SLAB_PAGES), CNI_SLAB_BYTES,
                      MADV_NOHUGEPAGE);
        self->slabs[index].piecewise = true;
    }
}

/* A cold slab becomes a free one: as a whole, or as holes only, which are committed by the page as
 * they are taken. Then it shall not have a huge page. */
static void
warm_up(cni_pages *self, int32_t index, bool whole)
{
    cni_slab *slab = &self->slabs[index];
    if (!whole) {
        set_bits(slab->gone, 0, CNI_SLAB_PAGES, true);
        slab->n_gone = CNI_SLAB_PAGES;
        refuse_huge_pages(self, index);
    }
    slab->accessible = true;
    slab->committed = true;
    relist(self, index);
    count_committed(self, CNI_SLAB_PAGES - slab->n_gone);
}

/* Make slabs [first, first + n) usable; they become listed as free, or keep what they have. Near
 * the limit cold ones bring no pages. */
static cni_region_answer
commit(cni_pages *self, int32_t first, int32_t n)
{
    int32_t n_cold = 0;
    bool inaccessible = false;
    for (int32_t index = first; index < first + n; index++) {
        n_cold += self->slabs[index].committed ? 0 : 1;
        inaccessible = inaccessible || !self->slabs[index].accessible;
    }
    if (n_cold == 0) {
        return CNI_REGION_OK;
    }
    if (!limit_allows(self, 1)) {
        return CNI_REGION_LIMIT;
    }
    if (inaccessible && mprotect(cni_page_address(self, (int64_t)first * CNI_SLAB_PAGES),
                                 (size_t)(n * CNI_SLAB_BYTES), PROT_READ | PROT_WRITE) != 0) {
        return CNI_REGION_SYSTEM;
    }
    const bool whole = limit_allows(self, n_cold * CNI_SLAB_PAGES);
    for (int32_t index = first; index < first + n; index++) {
        if (!self->slabs[index].committed) {
            warm_up(self, index, whole);
        }
    }
    self->high = self->high > first + n ? self->high : first + n;
    return CNI_REGION_OK;
}

/* Give slabs [first, first + n), all free, back to the system. */
static void
decommit(cni_pages *self, int32_t first, int32_t n)
{
    (void)madvise(cni_page_address(self, (int64_t)first * CNI_SLAB_PAGES),
                  (size_t)(n * CNI_SLAB_BYTES), MADV_DONTNEED);
    for (int32_t index = first; index < first + n; index++) {
        cni_slab *slab = &self->slabs[index];
        count_committed(self, slab->n_gone - CNI_SLAB_PAGES);
        memset(slab->gone, 0, sizeof(slab->gone));
        slab->n_gone = 0;
        slab->committed = false;
        if (slab->piecewise) {
            (void)madvise(cni_page_address(self, (int64_t)index * CNI_SLAB_PAGES), CNI_SLAB_BYTES,
                          index < SLABS_WITHOUT_HUGE_PAGES ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
            slab->piecewise = false;
        }
        relist(self, index);
    }
}

/* Give free runs of a slab that is partly used back. Its huge page, if it has one, is split. */
static void
give_holes_back(cni_pages *self, int32_t index, int32_t min_pages)
{
    cni_slab *slab = &self->slabs[index];
    int32_t page = next_page(slab, 0, false);
    while (page < CNI_SLAB_PAGES) {
        const int32_t end = next_page(slab, page, true);
        const int32_t n_new = end - page - count_bits(slab->gone, page, end);
        if (end - page >= min_pages && n_new > 0) {
            refuse_huge_pages(self, index);
            (void)madvise(cni_page_address(self, (int64_t)index * CNI_SLAB_PAGES + page),
                          (size_t)((end - page) * CNI_PAGE_BYTES), MADV_DONTNEED);
            set_bits(slab->gone, page, end, true);
            slab->n_gone = (int16_t)(slab->n_gone + n_new);
            count_committed(self, -n_new);
        }
        page = next_page(slab, end, false);
    }
}

/* Call `visit` for the part of [page, page + n_pages) in each slab that it touches. */
typedef void (*visit_part)(cni_pages *self, int32_t index, int32_t from, int32_t to, void *data);

static void
each_part(cni_pages *self, int64_t page, int64_t n_pages, visit_part visit, void *data)
{
    const int64_t end = page + n_pages;
    while (page < end) {
        const int64_t index = page / CNI_SLAB_PAGES;
        const int64_t slab_page = index * CNI_SLAB_PAGES;
        const int64_t stop = cni_min_i64(end, slab_page + CNI_SLAB_PAGES);
        visit(self, (int32_t)index, (int32_t)(page - slab_page), (int32_t)(stop - slab_page), data);
        page = stop;
    }
}

static void
count_gone(cni_pages *self, int32_t index, int32_t from, int32_t to, void *data)
{
    const cni_slab *slab = &self->slabs[index];
    *(int64_t *)data += slab->n_gone == 0 ? 0 : count_bits(slab->gone, from, to);
}

static void
take_back(cni_pages *self, int32_t index, int32_t from, int32_t to, void *data)
{
    (void)data;
    cni_slab *slab = &self->slabs[index];
    slab->n_gone = (int16_t)(slab->n_gone - count_bits(slab->gone, from, to));
    set_bits(slab->gone, from, to, false);
}

/* Commit the pages of a run in committed slabs that were given back. */
static cni_region_answer
commit_holes(cni_pages *self, int64_t page, int64_t n_pages)
{
    int64_t n_gone = 0;
    each_part(self, page, n_pages, count_gone, &n_gone);
    if (n_gone == 0) {
        return CNI_REGION_OK;
    }
    if (!limit_allows(self, n_gone)) {
        return CNI_REGION_LIMIT;
    }
    each_part(self, page, n_pages, take_back, NULL);
    count_committed(self, n_gone);
    return CNI_REGION_OK;
}

static int64_t
free_bytes(const cni_pages *self)
{
    return cni_counter_get(&self->committed_bytes) - self->n_used * CNI_PAGE_BYTES;
}

/* The last slabs first: low ones are taken first again. Neighbours go together. */
static void
trim_slabs(cni_pages *self, int64_t keep_bytes)
{
    int32_t end = self->high;
    while (end > 0) {
        int64_t surplus = free_bytes(self) - keep_bytes;
        int32_t first = end;
        while (first > 0 && surplus > 0 && self->slabs[first - 1].list == CNI_SLAB_LIST_FREE) {
            first--;
            surplus -= CNI_SLAB_BYTES;
        }
        if (end > first) {
            decommit(self, first, end - first);
        }
        end = first < end ? first : end - 1;
    }
}

void
cni_pages_trim(cni_pages *self, int64_t keep_bytes)
{
    const int32_t min_pages = keep_bytes > 0 ? CNI_HOLE_PAGES : 1; /* nothing else is left */
    trim_slabs(self, keep_bytes);
    for (int32_t index = self->high; index > 0 && free_bytes(self) > keep_bytes; index--) {
        const cni_slab *slab = &self->slabs[index - 1];
        if (slab->committed && slab->n_used > 0 && slab->longest >= min_pages) {
            give_holes_back(self, index - 1, min_pages);
        }
    }
}

/* ---- runs ---- */

static void
mark_part(cni_pages *self, int32_t index, int32_t from, int32_t to, void *used)
{
    const bool is_used = *(const bool *)used;
    mark_pages(&self->slabs[index], from, to, is_used);
    self->n_used += is_used ? to - from : from - to;
    relist(self, index);
}

static void
mark_run(cni_pages *self, int64_t page, int64_t n_pages, bool used)
{
    each_part(self, page, n_pages, mark_part, &used);
}

/* Hand out a free run of committed slabs. */
static cni_region_answer
take_run(cni_pages *self, int64_t page, int64_t n_pages)
{
    const cni_region_answer answer = commit_holes(self, page, n_pages);
    if (answer == CNI_REGION_OK) {
        mark_run(self, page, n_pages, true);
    }
    return answer;
}

/* Index of a committed slab with a free run of n_pages <= 256, or -1. */
static int32_t
find_slab(const cni_pages *self, int64_t n_pages)
{
    int32_t list = 32 - __builtin_clz((unsigned)n_pages);
    for (; list < CNI_SLAB_LIST_FREE; list++) {
        int32_t link = self->lists[list];
        for (int32_t tries = 0; link != 0 && tries < TRIES_PER_LIST; tries++) {
            if (self->slabs[link - 1].longest >= n_pages) {
                return link - 1;
            }
            link = self->slabs[link - 1].next;
        }
    }
    return self->lists[CNI_SLAB_LIST_FREE] - 1;
}

/* Free pages at the end of the slab before `index`. */
static int64_t
tail_before(const cni_pages *self, int32_t index)
{
    const cni_slab *slab = index == 0 ? NULL : &self->slabs[index - 1];
    if (slab == NULL || !slab->committed || slab->n_used == 0) {
        return 0;
    }
    int32_t n_free = 0;
    for (int32_t word = CNI_SLAB_WORDS - 1; word >= 0; word--) {
        if (slab->used[word] != 0) {
            return n_free + __builtin_clzll(slab->used[word]);
        }
        n_free += 64;
    }
    return n_free;
}

/* A run over the unused slabs [first, ...), begun in what is left of the slab before them: blocks
 * of a little more than half a slab would leave the other half of each. */
static cni_region_answer
take_fresh(cni_pages *self, int32_t first, int64_t n_pages, int64_t *out_page)
{
    const int64_t n_tail = tail_before(self, first);
    const int64_t n_rest = cni_max_i64(n_pages - n_tail, 1);
    const int64_t n = (n_rest + CNI_SLAB_PAGES - 1) / CNI_SLAB_PAGES;
    const cni_region_answer answer = commit(self, first, (int32_t)n);
    if (answer != CNI_REGION_OK) {
        return answer;
    }
    *out_page = (int64_t)first * CNI_SLAB_PAGES - n_tail;
    return take_run(self, *out_page, n_pages);
}

static cni_region_answer
alloc_within_slab(cni_pages *self, int64_t n_pages, int64_t *out_page)
{
    int32_t index = find_slab(self, n_pages);
    if (index >= 0 && self->slabs[index].n_used > 0) {
        *out_page = (int64_t)index * CNI_SLAB_PAGES + first_fit(&self->slabs[index], n_pages);
        return take_run(self, *out_page, n_pages);
    }
    index = index < 0 ? self->lists[CNI_SLAB_LIST_COLD] - 1 : index;
    index = index < 0 ? self->high : index;
    return index < self->n_slabs ? take_fresh(self, index, n_pages, out_page) : CNI_REGION_SYSTEM;
}

/* The first n consecutive slabs without a used page; -1 when the space is too small. */
static int32_t
find_slab_run(const cni_pages *self, int32_t n)
{
    int32_t n_found = 0;
    for (int32_t index = 0; index < self->high; index++) {
        n_found = self->slabs[index].n_used == 0 ? n_found + 1 : 0;
        if (n_found == n) {
            return index + 1 - n;
        }
    }
    const int32_t first = self->high - n_found;
    return n <= self->n_slabs - first ? first : -1;
}

cni_region_answer
cni_pages_alloc(cni_pages *self, int64_t n_pages, int64_t *out_page)
{
    if (n_pages <= CNI_SLAB_PAGES) {
        return alloc_within_slab(self, n_pages, out_page);
    }
    if (n_pages > (int64_t)self->n_slabs * CNI_SLAB_PAGES) {
        return CNI_REGION_SYSTEM;
    }
    const int32_t n = (int32_t)((n_pages + CNI_SLAB_PAGES - 1) / CNI_SLAB_PAGES);
    const int32_t first = find_slab_run(self, n);
    if (first < 0) {
        return CNI_REGION_SYSTEM;
    }
    return take_fresh(self, first, n_pages, out_page);
}

/* Whether so much is committed that free slabs should not be kept. */
static bool
is_tight(const cni_pages *self)
{
    const int64_t limit = cni_counter_get(&self->commit_limit);
    return cni_counter_get(&self->committed_bytes) > limit - limit / 8;
}

void
cni_pages_free(cni_pages *self, int64_t page, int64_t n_pages)
{
    mark_run(self, page, n_pages, false);
    if (!is_tight(self)) {
        return;
    }
    const int32_t last = (int32_t)((page + n_pages - 1) / CNI_SLAB_PAGES);
    for (int32_t index = (int32_t)(page / CNI_SLAB_PAGES); index <= last; index++) {
        if (self->slabs[index].list == CNI_SLAB_LIST_FREE) {
            decommit(self, index, 1);
        }
    }
}

static bool
run_is_free(const cni_pages *self, int64_t page, int64_t end)
{
    while (page < end) {
        const int32_t index = (int32_t)(page / CNI_SLAB_PAGES);
        const int64_t slab_page = (int64_t)index * CNI_SLAB_PAGES;
        const int64_t stop = cni_min_i64(end, slab_page + CNI_SLAB_PAGES);
        if (next_page(&self->slabs[index], (int32_t)(page - slab_page), true) < stop - slab_page) {
            return false;
        }
        page = stop;
    }
    return true;
}

bool
cni_pages_extend(cni_pages *self, int64_t page, int64_t n_pages, int64_t n_pages_new)
{
    if (n_pages_new > (int64_t)self->n_slabs * CNI_SLAB_PAGES - page) {
        return false;
    }
    const int64_t from = page + n_pages;
    const int64_t end = page + n_pages_new;
    if (!run_is_free(self, from, end)) {
        return false;
    }
    const int32_t first = (int32_t)(from / CNI_SLAB_PAGES);
    const int32_t last = (int32_t)((end - 1) / CNI_SLAB_PAGES);
    return commit(self, first, last - first + 1) == CNI_REGION_OK &&
           take_run(self, from, end - from) == CNI_REGION_OK;
}
