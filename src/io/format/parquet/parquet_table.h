/* SPDX-License-Identifier: Apache-2.0
 *
 * Parquet files as a table: the face of this folder. Row groups and pages that cannot hold wanted
 * rows are skipped, filters run while decoding, the other columns are decoded for surviving rows
 * only. See README.md.
 */
#ifndef CNI_IO_PARQUET_TABLE_H
#define CNI_IO_PARQUET_TABLE_H

#include "plan/table/table.h"

/* Footers that were parsed, by file identity; one per engine. Thread: synchronised. */
typedef struct cni_parquet_cache cni_parquet_cache;

/* Keeps footers of up to max_bytes in all. `allocator` is referenced. */
CN_NODISCARD cn_code cni_parquet_cache_new(cni_allocator *allocator, int64_t max_bytes,
                                           cni_parquet_cache **out_cache, cn_error *err);
void cni_parquet_cache_free(cni_parquet_cache *self); /* NULL is accepted; no user is left */
/* Drop what makes up about n_bytes; gives how much it was. A cni_budget_reclaim: private_data is
 * the cache. What queries still use goes with them. */
int64_t cni_parquet_cache_reclaim(void *private_data, int64_t n_bytes);

typedef struct cni_parquet_options {
    bool binary_as_string; /* BYTE_ARRAY without annotation is VARCHAR instead of BLOB */
} cni_parquet_options;

/* Table over n_paths >= 1 files of one schema, rows in the order of the paths. `cache` may be NULL
 * and must outlive this call only. `recipe` (may be NULL) is copied. Errors: those of opening
 * files; CN_INVALID_DATA for damaged ones; CN_INVALID_ARGUMENT naming the files and the column
 * where schemas differ. */
CN_NODISCARD cn_code cni_parquet_table_new(cni_context *context, cni_parquet_cache *cache,
                                           const cni_str *paths, int64_t n_paths,
                                           const cni_parquet_options *options,
                                           const cni_table_recipe *recipe, cni_table **out_table,
                                           cn_error *err);

#endif /* CNI_IO_PARQUET_TABLE_H */
