/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of one root budget: reserved address space cut into 2 MiB slabs of 256 pages of 8 KiB.
 *
 *   block <= 32,832 bytes   a size class; carved from a span (a run of pages), through a cache
 *                           shard
 *   larger                  a run of pages; it may cross slabs, whose other pages serve other runs;
 *                           up to 1 MiB through a cache shard, too
 *
 * Knows nothing of budgets: the caller counts cni_region_block_bytes() per block. What the region
 * has committed (slabs less the holes that trimming gave back) is bounded by its commit limit. The
 * system sees two calls when the first block is asked for, one per slab committed, one per run of
 * slabs and per hole trimmed.
 *
 * In a child process after fork() the region must not be used any more (locks of threads that do
 * not exist there may be held): cni_region_is_usable() is false, blocks of it stay as they are.
 *
 * Thread: synchronised.
 */
#ifndef CNI_RUNTIME_REGION_INT_H
#define CNI_RUNTIME_REGION_INT_H

#include <stdbool.h>

#include "base/error.h"

/* Slabs up to here are granted whatever the commit limit, so that small limits bind by the block.
 */
#define CNI_REGION_FLOOR_BYTES (16 << 20)

typedef struct cni_region cni_region;

typedef enum cni_region_answer {
    CNI_REGION_OK,
    CNI_REGION_LIMIT,  /* the commit limit refuses another slab */
    CNI_REGION_SYSTEM, /* the operating system refuses */
} cni_region_answer;

/* Reserves nothing yet. */
CN_NODISCARD cn_code cni_region_new(cni_region **out_region, cn_error *err);
/* No block may be live. NULL is accepted. */
void cni_region_free(cni_region *self);

/* What a block of n_bytes > 0 occupies; the same for the whole life of a block. */
int64_t cni_region_block_bytes(int64_t n_bytes, int64_t align);

/* Block of n_bytes > 0 aligned to `align` (<= 4096), to 64 from 64 bytes on, to 16 below. */
CN_NODISCARD cni_region_answer cni_region_alloc(cni_region *self, int64_t n_bytes, int64_t align,
                                                void **out_block);
/* The same, whatever the commit limit. One thread at a time, others wait. */
CN_NODISCARD cni_region_answer cni_region_alloc_beyond(cni_region *self, int64_t n_bytes,
                                                       int64_t align, void **out_block);
void cni_region_dealloc(cni_region *self, void *block, int64_t n_bytes, int64_t align);
/* Grow or shrink where it lies; false when the block would have to move. */
CN_NODISCARD bool cni_region_try_resize(cni_region *self, void *block, int64_t old_bytes,
                                        int64_t new_bytes, int64_t align);
/* Whether `block` came from here. */
bool cni_region_owns(const cni_region *self, const void *block);
bool cni_region_is_usable(const cni_region *self);

void cni_region_set_commit_limit(cni_region *self, int64_t limit_bytes);
int64_t cni_region_committed_bytes(const cni_region *self);
/* Empty the caches and give free slabs and holes back to the system. */
void cni_region_trim(cni_region *self);
/* The same until at most keep_bytes of what is committed are free, whole slabs first; caches of
 * small blocks stay, those of runs do not. */
void cni_region_trim_to(cni_region *self, int64_t keep_bytes);

#endif /* CNI_RUNTIME_REGION_INT_H */
