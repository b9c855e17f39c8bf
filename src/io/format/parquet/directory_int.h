/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the pages of one column chunk lie: from the OffsetIndex when the file has a sound one, else
 * by walking over the page headers. Immutable once made; shared by the workers of a scan.
 */
#ifndef CNI_IO_PARQUET_DIRECTORY_INT_H
#define CNI_IO_PARQUET_DIRECTORY_INT_H

#include "data/column/buffer.h"
#include "io/file/file.h"
#include "io/format/parquet/schema_int.h"

typedef struct cni_pq_directory {
    cni_allocator *allocator; /* borrowed */
    int64_t dictionary_offset;
    int64_t dictionary_bytes; /* 0 = no dictionary */
    int64_t n_pages;
    int64_t cap_pages;
    cni_pq_page_location
        *pages; /* n_pages, ascending in rows, and one more whose first_row is n_rows */
} cni_pq_directory;

/* Which bytes a chunk is said to have, checked against the file. Errors: CN_INVALID_DATA,
 * CN_NOT_IMPLEMENTED for encrypted columns, columns in other files, codecs that are not there. */
CN_NODISCARD cn_code cni_pq_chunk_check(const cni_pq_chunk *chunk, const cni_pq_leaf *leaf,
                                        int64_t n_rows, int64_t file_bytes, cn_error *err);

/* Directory of a checked chunk of n_rows >= 1 rows. Errors: CN_INVALID_DATA when the pages do not
 * make up the rows; CN_IO; the allocator's. */
CN_NODISCARD cn_code cni_pq_directory_new(cni_allocator *allocator, const cni_file *file,
                                          cni_fault *fault, const cni_pq_chunk *chunk,
                                          int64_t n_rows, cni_pq_directory **out_directory,
                                          cn_error *err);
void cni_pq_directory_free(cni_pq_directory *self); /* NULL is accepted */
/* The page that holds `row`. */
int64_t cni_pq_directory_find(const cni_pq_directory *self, int64_t row);

#endif /* CNI_IO_PARQUET_DIRECTORY_INT_H */
