/* SPDX-License-Identifier: Apache-2.0
 *
 * The set of rows that a recursion without duplicates has given so far.
 *
 *   filter(chunk) ... filter(chunk)   new rows stay, as far as memory knows
 *   settle                            what the disk has of them is found
 *   drop_stale(chunk) ...             and taken out again
 *
 * What exceeds the memory of the query is written out as a whole; from then on each settling reads
 * what is on disk once. Rows between two settlings are a segment.
 */
#ifndef CNI_EXEC_RECURSIVE_SEEN_H
#define CNI_EXEC_RECURSIVE_SEEN_H

#include "base/arena.h"
#include "data/column/chunk.h"
#include "runtime/context.h"
#include "runtime/spill.h"

typedef struct cni_seen_slot {
    uint64_t hash;
    const char *key; /* NULL = the slot is empty */
    int64_t len_bytes;
    int32_t segment; /* that brought it */
    bool on_disk;    /* too; in the same segment: the row is stale */
} cni_seen_slot;

/* Keys one behind the other, each with its length before it. */
typedef struct cni_seen_extent {
    int64_t offset;
    int64_t n_bytes;
    int64_t n_rows;
} cni_seen_extent;

/* Thread: confined. */
typedef struct cni_seen_rows {
    cni_allocator *allocator; /* borrowed */
    cni_context *context;     /* borrowed */
    cni_seen_slot *slots;     /* n_slots, a power of two */
    int64_t n_slots;
    int64_t n_rows;  /* in memory */
    cni_arena *keys; /* NULL until needed */
    int32_t segment;
    cni_spill_file *file; /* NULL until needed */
    cni_seen_extent *extents;
    int64_t n_extents;
    int64_t cap_extents;
} cni_seen_rows;

void cni_seen_rows_init(cni_seen_rows *self, cni_allocator *allocator, cni_context *context);
void cni_seen_rows_done(cni_seen_rows *self); /* accepts zeroed */
/* Keep the rows of the chunk (without a selection) that are not in memory, the first of equal ones,
 * and add them. On failure the chunk may only be released. */
CN_NODISCARD cn_code cni_seen_rows_filter(cni_seen_rows *self, cni_chunk *inout_chunk,
                                          cn_error *err);
/* End the segment: find those of its rows that are on disk. *out_n_stale of them are to be dropped
 * before the next row is filtered. */
CN_NODISCARD cn_code cni_seen_rows_settle(cni_seen_rows *self, int64_t *out_n_stale, cn_error *err);
/* Keep the rows of the chunk, one of the segment that was settled last, that were not on disk. */
CN_NODISCARD cn_code cni_seen_rows_drop_stale(cni_seen_rows *self, cni_chunk *inout_chunk,
                                              cn_error *err);
/* Whether the set should be settled and spilled before it takes n_rows more. */
bool cni_seen_rows_should_spill(const cni_seen_rows *self, int64_t n_rows);
/* Write the rows that are in memory out; behind settling and dropping. */
CN_NODISCARD cn_code cni_seen_rows_spill(cni_seen_rows *self, cn_error *err);

/* The slot that holds the key, or the empty one where it belongs. Needs a free slot. */
cni_seen_slot *cni_seen_rows_find(const cni_seen_rows *self, uint64_t hash, const char *key,
                                  int64_t len_bytes);

/* Drop what is in memory. */
void cni_seen_rows_forget(cni_seen_rows *self);

#endif /* CNI_EXEC_RECURSIVE_SEEN_H */
