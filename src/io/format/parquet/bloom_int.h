/* SPDX-License-Identifier: Apache-2.0
 *
 * Bloom filters of row groups: hashing values as the writer did, and asking a filter for a hash.
 */
#ifndef CNI_IO_PARQUET_BLOOM_INT_H
#define CNI_IO_PARQUET_BLOOM_INT_H

#include "io/file/file.h"
#include "io/format/parquet/schema_int.h"
#include "plan/ir/value.h"

/* XXH64 with seed 0. */
uint64_t cni_pq_bloom_hash(const void *bytes, int64_t n_bytes);
/* The hash of a value (not NULL, of the column's type) in a column; false = such are not asked for:
 * floats that are zero or NaN, types that are not stored as they are. */
bool cni_pq_bloom_hash_value(const cni_pq_leaf *leaf, const cni_value *value, uint64_t *out_hash);

/* An open filter. Zero bytes = none. Thread: confined. */
typedef struct cni_pq_bloom {
    const cni_file *file; /* borrowed */
    cni_fault *fault;
    cni_buffer *window; /* the header and what comes with it */
    int64_t window_offset;
    int64_t window_bytes;
    int64_t blocks_offset;
    int64_t n_blocks;
    int64_t bytes_read;
} cni_pq_bloom;

/* Open the filter at `offset` of the file; *out_found false = there is none, or none that can be
 * used. Close it in any case. */
CN_NODISCARD cn_code cni_pq_bloom_open(cni_pq_bloom *self, const cni_file *file, cni_fault *fault,
                                       cni_allocator *allocator, int64_t offset, bool *out_found,
                                       cn_error *err);
void cni_pq_bloom_close(cni_pq_bloom *self); /* accepts zeroed */
/* Whether the column may hold a value of this hash. */
CN_NODISCARD cn_code cni_pq_bloom_may_hold(cni_pq_bloom *self, uint64_t hash, bool *out_may,
                                           cn_error *err);

#endif /* CNI_IO_PARQUET_BLOOM_INT_H */
