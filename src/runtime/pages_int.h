/* SPDX-License-Identifier: Apache-2.0
 *
 * The page heap below a region: address space reserved once, cut into slabs of 256 pages, handing
 * out runs of pages. A run may cross slabs. Slabs are the unit of committing and of giving back.
 *
 *    base                                              high                         n_slabs
 *     | slab 0 | slab 1 | slab 2 | ...                  |  never used                 |
 *     |##..####|########|........|                      |                             |
 *       used     full     free: committed, or cold (given back, or not touched yet)
 *
 * Slabs are committed as a whole, near the limit by the page. Trimming gives back free slabs and,
 * in slabs that are partly used, free runs of pages: holes, which are committed again by the page.
 *
 * Slabs with free pages are on lists by their longest free run, so that a fit is found without a
 * scan. Thread: confined; the region's lock guards it. Only `committed_bytes` is read from outside.
 */
#ifndef CNI_RUNTIME_PAGES_INT_H
#define CNI_RUNTIME_PAGES_INT_H

#include "base/atomic.h"
#include "runtime/region_int.h"

#define CNI_PAGE_SHIFT 13
#define CNI_PAGE_BYTES (INT64_C(1) << CNI_PAGE_SHIFT)
#define CNI_SLAB_PAGES 256
#define CNI_SLAB_BYTES (CNI_SLAB_PAGES * CNI_PAGE_BYTES)
#define CNI_SLAB_WORDS (CNI_SLAB_PAGES / 64)
#define CNI_HOLE_PAGES 8

/* Lists of slabs. 1..8: the longest free run has that many bits; 0: none. */
enum {
    CNI_SLAB_LIST_FREE = 9,
    CNI_SLAB_LIST_COLD = 10,
    CNI_SLAB_LISTS = 11
};

/* Zero bytes = never used. Links are index + 1. */
typedef struct cni_slab {
    uint64_t used[CNI_SLAB_WORDS]; /* one bit per page */
    uint64_t gone[CNI_SLAB_WORDS]; /* free pages given back while the slab is committed */
    int32_t next;
    int32_t prev;
    int16_t n_used;
    int16_t n_gone;
    int16_t longest; /* free run */
    uint8_t list;
    bool committed;
    bool accessible; /* mprotect was called */
    bool piecewise;  /* committed near the limit, or with holes: without huge pages */
} cni_slab;

/* What small blocks need to know about a page. Zero bytes = no span. Links are page + 1. */
typedef struct cni_page_span {
    void *free;   /* head page: released blocks of the span */
    int32_t next; /* head page: spans of the class with free blocks */
    int32_t prev;
    int16_t n_free;   /* head page: released and never carved blocks */
    int16_t n_carved; /* head page: blocks handed out at least once */
    uint8_t class_number;
    uint8_t back; /* pages back to the head */
} cni_page_span;

typedef struct cni_pages {
    uint8_t *base; /* NULL until reserved */
    cni_slab *slabs;
    cni_page_span *spans;
    int64_t *alive; /* 1; zeroed by the system in a forked child */
    int32_t n_slabs;
    int32_t high;
    int32_t lists[CNI_SLAB_LISTS]; /* index + 1 of the first */
    int64_t n_used;                /* pages */
    cni_atomic_i64 committed_bytes;
    cni_atomic_i64 commit_limit;
    cni_atomic_i64 beyond_thread; /* flag: who may commit beyond it, or 0 */
    void *mapping;                /* tables */
    int64_t mapping_bytes;
    void *space; /* what the slabs were cut from */
    int64_t space_bytes;
} cni_pages;

/* Reserve address space and tables; nothing is touched. */
CN_NODISCARD cni_region_answer cni_pages_reserve(cni_pages *self);
void cni_pages_release(cni_pages *self);
/* Run of n_pages >= 1; its content is undefined. */
CN_NODISCARD cni_region_answer cni_pages_alloc(cni_pages *self, int64_t n_pages, int64_t *out_page);
void cni_pages_free(cni_pages *self, int64_t page, int64_t n_pages);
/* Grow a run where it lies. */
CN_NODISCARD bool cni_pages_extend(cni_pages *self, int64_t page, int64_t n_pages,
                                   int64_t n_pages_new);
/* Give free slabs, and then holes, back to the system until at most keep_bytes of what is committed
 * are free. Holes shorter than CNI_HOLE_PAGES only when nothing is to be kept. */
void cni_pages_trim(cni_pages *self, int64_t keep_bytes);

static inline uint8_t *
cni_page_address(const cni_pages *self, int64_t page)
{
    return self->base + (page << CNI_PAGE_SHIFT);
}

static inline int64_t
cni_page_of(const cni_pages *self, const void *block)
{
    return ((const uint8_t *)block - self->base) >> CNI_PAGE_SHIFT;
}

#endif /* CNI_RUNTIME_PAGES_INT_H */
