/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows on disk: blocks of columns, any type, for every operator that spills.
 *
 *   writer (one worker's): rows -> per partition a block in memory -> full: encoded, appended
 *   cni_spill_rows: the list of a partition's blocks, joined over workers
 *   reader: a block at a time, in any order, by any thread
 *
 *   block = n_rows (at most CNI_CHUNK_ROWS_MAX), then per column: null bits unless there are none,
 *           items; strings as lengths and bytes; nested columns by their children; the whole
 *           compressed with lz4 when the store is what is slow (format: spill_block.c)
 *
 * Blocks come back as FLAT vectors that own their memory. Block bytes are checked when read: a file
 * that others have damaged is CN_INVALID_DATA, never a crash.
 */
#ifndef CNI_EXEC_SPILL_ROWS_H
#define CNI_EXEC_SPILL_ROWS_H

#include "data/column/chunk.h"
#include "runtime/context.h"
#include "runtime/spill.h"

typedef struct cni_spill_block {
    int64_t offset;  /* in the file */
    int64_t n_bytes; /* there */
    int64_t n_rows;
    int64_t memory_bytes; /* about what the rows take when read */
} cni_spill_block;

/* Blocks of one partition in the order in which they were written. Thread: confined, then
 * immutable. Zero bytes = empty. */
typedef struct cni_spill_rows {
    cni_allocator *allocator;
    int64_t n_blocks;
    int64_t cap_blocks;
    cni_spill_block *blocks;
    int64_t n_rows;
    int64_t n_bytes;      /* on disk */
    int64_t memory_bytes; /* about what all rows take when read */
} cni_spill_rows;

void cni_spill_rows_done(cni_spill_rows *self); /* accepts zeroed */
/* Behind the blocks of self; `other` becomes empty. Same file. */
CN_NODISCARD cn_code cni_spill_rows_absorb(cni_spill_rows *self, cni_spill_rows *other,
                                           cn_error *err);

/* What all writers and readers of one operator share. Immutable; types are borrowed. */
typedef struct cni_spill_layout {
    cni_context *context;
    cni_allocator *allocator; /* of the operator's budget */
    cni_spill_file *file;     /* borrowed */
    int32_t n_columns;
    const cni_type *const *types;
    int32_t n_partitions; /* power of two */
    int64_t block_bytes;  /* in memory, of a partition's block under way: cni_spill_block_bytes */
} cni_spill_layout;

/* A block size that lets n_workers writers of n_partitions stay below a sixteenth of what the query
 * may use: 8 KiB to 1 MiB. */
int64_t cni_spill_block_bytes(const cni_context *context, int32_t n_workers, int32_t n_partitions);

/* ---- writing: one worker's ---- */

typedef struct cni_spill_writer cni_spill_writer;
typedef cni_spill_writer *cni_spill_writer_p;

CN_NODISCARD cn_code cni_spill_writer_new(const cni_spill_layout *layout,
                                          cni_spill_writer **out_writer, cn_error *err);
void cni_spill_writer_free(cni_spill_writer *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_spill_writer_p, cni_spill_writer_free)

/* Append rows index[0..n) (NULL = the first n) of the layout's columns (any encoding) to
 * `partition`. Rows of a partition keep their order. Full blocks are written. */
CN_NODISCARD cn_code cni_spill_writer_add(cni_spill_writer *self, int32_t partition,
                                          const cni_vector *columns, const uint32_t *index,
                                          int64_t n, cn_error *err);
/* The same for all n_rows rows, row r to partitions[r]. */
CN_NODISCARD cn_code cni_spill_writer_scatter(cni_spill_writer *self, const cni_vector *columns,
                                              int64_t n_rows, const uint8_t *partitions,
                                              cn_error *err);
/* End the partition's block under way: later rows stand in blocks of their own. */
CN_NODISCARD cn_code cni_spill_writer_cut(cni_spill_writer *self, int32_t partition, cn_error *err);
/* Bytes of blocks under way. */
int64_t cni_spill_writer_bytes(const cni_spill_writer *self);
/* Write what is left of all partitions and move the lists to the end of inout_rows[n_partitions]
 * (e.g. under the operator's lock when it is the shared one). The writer may go on afterwards. */
CN_NODISCARD cn_code cni_spill_writer_finish(cni_spill_writer *self, cni_spill_rows *inout_rows,
                                             cn_error *err);

/* Write n_rows (at most CNI_CHUNK_ROWS_MAX) of the columns as one block at once, whatever its size:
 * for few chunks that are to leave memory now. Takes about twice their bytes meanwhile. */
CN_NODISCARD cn_code cni_spill_write_chunk(const cni_spill_layout *layout,
                                           const cni_vector *columns, int64_t n_rows,
                                           cni_spill_block *out_block, cn_error *err);

/* ---- reading ---- */

/* Block `block` into the initialised chunk: all its rows, FLAT vectors from the layout's allocator;
 * sequence and mark of the end are not set. Thread: synchronised. */
CN_NODISCARD cn_code cni_spill_read_block(const cni_spill_layout *layout,
                                          const cni_spill_rows *rows, int64_t block,
                                          cni_chunk *inout_chunk, cn_error *err);
/* Disk that the block takes is free again; it is not read any more. */
void cni_spill_drop_block(const cni_spill_layout *layout, const cni_spill_rows *rows,
                          int64_t block);

/* Blocks [first, end) of a list in order, the next ones under way meanwhile: from the start, as far
 * as the limit leaves room. `rows` is borrowed and does not change. One worker's. */
typedef struct cni_spill_reader cni_spill_reader;
typedef cni_spill_reader *cni_spill_reader_p;

CN_NODISCARD cn_code cni_spill_reader_new(const cni_spill_layout *layout,
                                          const cni_spill_rows *rows, int64_t first, int64_t end,
                                          cni_spill_reader **out_reader, cn_error *err);
void cni_spill_reader_free(cni_spill_reader *self); /* NULL is accepted; before its file goes */
CN_DEFINE_SCOPED(cni_spill_reader_p, cni_spill_reader_free)
/* The next block, of which there is one, as cni_spill_read_block gives it. */
CN_NODISCARD cn_code cni_spill_reader_next(cni_spill_reader *self, cni_chunk *inout_chunk,
                                           cn_error *err);

/* Partition of a hash at `level` of recursion: 6 bits from the top down, others at each level; the
 * low 16 bits, which address tables, are never used. level < CNI_SPILL_MAX_LEVEL. */
#define CNI_SPILL_PARTITION_BITS 6
#define CNI_SPILL_PARTITIONS     (1 << CNI_SPILL_PARTITION_BITS)
#define CNI_SPILL_MAX_LEVEL      8

static inline uint8_t
cni_spill_partition(uint64_t hash, int32_t level)
{
    return (uint8_t)(hash >> (58 - level * CNI_SPILL_PARTITION_BITS) & (CNI_SPILL_PARTITIONS - 1));
}

#endif /* CNI_EXEC_SPILL_ROWS_H */
