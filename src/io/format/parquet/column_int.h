/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading one column of one row group, block after block, forwards: pages are found through the
 * directory, read, opened when a row of theirs is first wanted, and decoded for the wanted rows
 * only.
 *
 *   file range -> raw window -> page -> (levels, dense values) -> block vector
 *
 * What the workers of a scan share of a column chunk (directory, dictionary) hangs in a
 * cni_pq_shared_chunk: made by whoever needs it first, claimed through a slot, immutable
 * afterwards.
 */
#ifndef CNI_IO_PARQUET_COLUMN_INT_H
#define CNI_IO_PARQUET_COLUMN_INT_H

#include "base/atomic.h"
#include "io/format/parquet/directory_int.h"
#include "io/format/parquet/page_int.h"

/* A decoded dictionary page. Immutable. */
typedef struct cni_pq_dictionary {
    cni_allocator *allocator; /* borrowed */
    cni_dictionary *dictionary;
    int64_t n_values;
    int32_t code_bytes; /* narrowest for the codes: 1, 2, 4 */
    bool any_long;      /* VIEW: some value is not inline */
    cni_bounds bounds;  /* of its values, integer layouts */
} cni_pq_dictionary;

/* Shared by workers; slots are filled once. */
typedef struct cni_pq_shared_chunk {
    const cni_pq_chunk *chunk;
    cni_atomic_ptr directory;     /* cni_pq_directory */
    cni_atomic_ptr dictionary;    /* cni_pq_dictionary */
    cni_atomic_ptr page_verdicts; /* owned by the scan: pages that cannot hold wanted rows */
} cni_pq_shared_chunk;

void cni_pq_shared_chunk_done(cni_pq_shared_chunk *self);

/* What a worker reads with. */
typedef struct cni_pq_reader {
    cni_pq_env env;
    cni_fault *fault;       /* may be NULL */
    cni_buffer *scratch[4]; /* grow as needed, used within one call */
    int64_t bytes_read;     /* since it was last taken */
} cni_pq_reader;

CN_NODISCARD cn_code cni_pq_reader_init(cni_pq_reader *self, cni_allocator *allocator,
                                        cni_fault *fault, cn_error *err);
void cni_pq_reader_done(cni_pq_reader *self); /* accepts zeroed */

/* The directory of a chunk, made if need be. `self` is not kept. */
CN_NODISCARD cn_code cni_pq_shared_directory(cni_pq_shared_chunk *self, const cni_pq_leaf *leaf,
                                             cni_allocator *allocator, const cni_file *file,
                                             cni_fault *fault, int64_t n_rows,
                                             const cni_pq_directory **out_directory, cn_error *err);

/* Decode the dictionary page in raw bytes. */
CN_NODISCARD cn_code cni_pq_dictionary_new(cni_pq_reader *reader, const cni_pq_leaf *leaf,
                                           const cni_type *type, const cni_pq_raw_page *raw,
                                           cni_pq_dictionary **out_dictionary, cn_error *err);
void cni_pq_dictionary_free(cni_pq_dictionary *self); /* NULL is accepted */

/* A column as one worker reads it. Zero bytes = nothing open. */
typedef struct cni_pq_column {
    const cni_pq_leaf *leaf;
    const cni_type *type; /* of the vectors: the table's */
    const cni_file *file; /* borrowed */
    cni_pq_shared_chunk *shared;
    const cni_pq_directory *directory;
    const cni_pq_dictionary *dictionary; /* NULL until a page needs it */
    int64_t n_rows;                      /* of the row group */
    int64_t first_page;                  /* first that starts in the rows begun */
    int64_t last_page;                   /* last of them; read-ahead ends with it */
    int64_t n_opened;                    /* pages opened from first_page on */
    int64_t open_page;                   /* -1 = none */
    cni_pq_page page;
    cni_buffer *raw; /* window of the file */
    int64_t raw_offset;
    int64_t raw_bytes;
    cni_buffer *data[2]; /* blocks, in turn */
    cni_buffer *validity[2];
    int32_t turn;
} cni_pq_column;

/* Start on rows [row, end_row) of a row group; an open page of the same chunk stays open. */
CN_NODISCARD cn_code cni_pq_column_begin(cni_pq_column *self, cni_pq_reader *reader,
                                         const cni_pq_leaf *leaf, const cni_type *type,
                                         const cni_file *file, cni_pq_shared_chunk *shared,
                                         int64_t n_rows, int64_t row, int64_t end_row,
                                         cn_error *err);
void cni_pq_column_done(cni_pq_column *self); /* accepts zeroed */

/* What is wanted of a block. */
typedef struct cni_pq_want {
    int64_t row;          /* first row, within the row group */
    int64_t n_rows;       /* 1..CNI_CHUNK_ROWS_MAX */
    const uint64_t *keep; /* words for n_rows, zero behind; NULL = all rows */
    int64_t n_keep;       /* set bits of keep, or n_rows; >= 1 */
    bool as_codes;        /* dictionary-encoded rows may come as DICTIONARY */
    bool ahead;           /* most pages will be needed: read ahead */
} cni_pq_want;

/* The wanted rows as a vector of n_keep rows: FLAT, DICTIONARY or CONSTANT. Errors:
 * CN_INVALID_DATA, CN_NOT_IMPLEMENTED, CN_IO, the allocator's; they name the column. */
CN_NODISCARD cn_code cni_pq_column_read(cni_pq_column *self, cni_pq_reader *reader,
                                        const cni_pq_want *want, cni_vector *out_vector,
                                        cn_error *err);

#endif /* CNI_IO_PARQUET_COLUMN_INT_H */
