/* SPDX-License-Identifier: Apache-2.0
 *
 * A Parquet file as planned: path, identity, footer, schema. Immutable and refcounted; the file
 * itself is not kept open. A cache of them spares queries over the same files the parsing.
 */
#ifndef CNI_IO_PARQUET_FILE_INT_H
#define CNI_IO_PARQUET_FILE_INT_H

#include "base/atomic.h"
#include "io/file/file.h"
#include "io/format/parquet/parquet_table.h"
#include "io/format/parquet/schema_int.h"

typedef struct cni_pq_file {
    cni_atomic_i64 n_refs;
    cni_arena *arena; /* holds this and all below */
    cni_str path;
    cni_file_identity identity;
    bool binary_as_string;
    int64_t n_rows; /* sum over the row groups */
    cni_pq_footer footer;
    cni_pq_schema schema;
} cni_pq_file;
typedef cni_pq_file *cni_pq_file_p;

/* Open, read and parse; through the cache when there is one. Errors: those of cni_file_open;
 * CN_INVALID_DATA when it is no sound Parquet file; CN_NOT_IMPLEMENTED for encrypted footers. */
CN_NODISCARD cn_code cni_pq_file_open(cni_context *context, cni_parquet_cache *cache, cni_str path,
                                      const cni_parquet_options *options, cni_pq_file **out_file,
                                      cn_error *err);
cni_pq_file *cni_pq_file_ref(cni_pq_file *self);
void cni_pq_file_unref(cni_pq_file *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_pq_file_p, cni_pq_file_unref)

/* Open the file for a scan: it must still be the one that was planned.
 * Errors: those of cni_file_open; CN_INVALID_STATE when it was replaced. */
CN_NODISCARD cn_code cni_pq_file_reopen(const cni_pq_file *self, cni_context *context,
                                        cni_file **out_file, cn_error *err);

/* Cache: a referenced file or NULL; and an offer, which the cache may take a reference on. */
cni_pq_file *cni_parquet_cache_find(cni_parquet_cache *self, cni_str path,
                                    const cni_file_identity *identity, bool binary_as_string);
void cni_parquet_cache_offer(cni_parquet_cache *self, cni_pq_file *file);
cni_allocator *cni_parquet_cache_allocator(cni_parquet_cache *self);

#endif /* CNI_IO_PARQUET_FILE_INT_H */
