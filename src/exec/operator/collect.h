/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that are kept for whoever wants to read them, any number of times: what COLLECT gathers for
 * the readers of a WITH, and what a recursion hands from step to step.
 *
 *   chunks: [chunk, chunk, ...]     a scan's morsels are CNI_COLLECTED_MORSEL chunks each
 *   blocks: [   -  , block, ...]    chunks that are on disk have no columns, but a block there
 *
 * What exceeds the memory of the query is written out chunk by chunk (collect_disk.c).
 */
#ifndef CNI_EXEC_COLLECT_H
#define CNI_EXEC_COLLECT_H

#include "exec/operator/operators.h"
#include "exec/spill/spill_rows.h"

#define CNI_COLLECTED_MORSEL 8

/* The file that chunks of a family of lists are in, their types, what was written. Thread: the
 * count of references is synchronised, the rest immutable but for counters. */
typedef struct cni_collected_disk {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* borrowed */
    cni_spill_layout layout;
    const cni_type **types;       /* of the layout */
    cni_atomic_i64 spilled_bytes; /* counters */
    cni_atomic_i64 spilled_chunks;
} cni_collected_disk;

/* Thread: confined while chunks are added, then immutable. */
typedef struct cni_collected {
    cni_allocator *allocator; /* borrowed */
    cni_chunk *chunks;
    int64_t n_chunks;
    int64_t cap_chunks;
    int64_t n_rows;
    int64_t memory_bytes;     /* about, of the chunks in memory */
    cni_spill_block *blocks;  /* cap_chunks, NULL while all chunks are in memory */
    cni_collected_disk *disk; /* referenced; NULL likewise */
} cni_collected;

void cni_collected_init(cni_collected *self, cni_allocator *allocator);
void cni_collected_done(cni_collected *self); /* accepts zeroed */
/* Take the content of own_chunk, which becomes empty; a chunk without rows is dropped. Texts that
 * would keep much more memory than they need are copied. */
CN_NODISCARD cn_code cni_collected_add(cni_collected *self, cni_chunk *own_chunk, cn_error *err);
/* All chunks of `other` behind those of self; other becomes empty. */
CN_NODISCARD cn_code cni_collected_append(cni_collected *self, cni_collected *other, cn_error *err);

static inline int64_t
cni_collected_morsels(const cni_collected *self)
{
    return (self->n_chunks + CNI_COLLECTED_MORSEL - 1) / CNI_COLLECTED_MORSEL;
}

static inline bool
cni_collected_on_disk(const cni_collected *self, int64_t at)
{
    return self->blocks != NULL && self->blocks[at].n_bytes > 0;
}

/* Room for n_chunks. */
CN_NODISCARD cn_code cni_collected_reserve(cni_collected *self, int64_t n_chunks, cn_error *err);
/* Write chunks out, the last first kept: as many as it takes until at most keep_bytes are in
 * memory. They join those of `self` that are on disk already; the first ones go to *inout_disk,
 * which is made when it is NULL, and `self` takes a reference. n_workers may do this at
 * the same time. Without a spill store nothing happens. */
CN_NODISCARD cn_code cni_collected_spill(cni_collected *self, int64_t keep_bytes,
                                         cni_context *context, int32_t n_workers,
                                         cni_atomic_ptr *inout_disk, cn_error *err);
/* Chunk `at`, which is on disk, back in the initialised chunk; all columns. */
CN_NODISCARD cn_code cni_collected_load(const cni_collected *self, int64_t at,
                                        cni_chunk *inout_chunk, cn_error *err);
void cni_collected_disk_unref(cni_collected_disk *self); /* NULL is accepted */

/* Chunk `at` as a reader sees it: columns `positions` of it (NULL = all n_columns), shared, into
 * the initialised, empty chunk. */
CN_NODISCARD cn_code cni_collected_read(const cni_collected *self, int64_t at,
                                        const int32_t *positions, int32_t n_columns,
                                        cni_chunk *inout_chunk, cn_error *err);
/* A scan over the rows, which outlive it. */
CN_NODISCARD cn_code cni_collected_scan_new(const cni_collected *self, const int32_t *positions,
                                            int32_t n_columns, cni_context *context,
                                            cni_scan **out_scan, cn_error *err);

/* The sink. */
CN_NODISCARD cn_code cni_collect_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                              cni_operator **out_operator, cn_error *err);
/* Its rows, once it is finalized. */
cni_collected *cni_collect_rows(cni_operator *base);

#endif /* CNI_EXEC_COLLECT_H */
