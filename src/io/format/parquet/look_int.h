/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks at Parquet files: sample columns from runs of rows spread over the row groups, distinct
 * counts from dictionaries where every page has codes, else from the sample.
 *
 * A look belongs to the identities of its files in order, so that a later query over the same files
 * finds it in the cache; a changed file makes another.
 */
#ifndef CNI_IO_PARQUET_LOOK_INT_H
#define CNI_IO_PARQUET_LOOK_INT_H

#include "io/format/parquet/parquet_file_int.h"
#include "plan/stats/table_look.h"

#define CNI_PQ_SAMPLE_RUNS 8

typedef struct cni_pq_look {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* referenced */
    cni_pq_file *first;       /* referenced: the sample's types are its schema's */
    cni_table_look *kept;     /* owned */
    int32_t n_files;
    cni_file_identity files[];
} cni_pq_look;

/* The look over the files: the cache's when it has one, else a new one, offered to it. `cache` may
 * be NULL. */
CN_NODISCARD cn_code cni_pq_look_get(cni_allocator *allocator, cni_parquet_cache *cache,
                                     cni_pq_file *const *files, int32_t n_files,
                                     cni_pq_look **out_look, cn_error *err);
cni_pq_look *cni_pq_look_ref(cni_pq_look *self);
void cni_pq_look_unref(cni_pq_look *self); /* NULL is accepted */

/* Gather and keep the sample of a column. Unreadable columns have none. */
CN_NODISCARD cn_code cni_pq_look_sample(cni_pq_look *self, cni_pq_file *const *files,
                                        int32_t column, cni_context *context, cn_error *err);
/* Distinct values and nulls of a column of n_rows rows, from dictionaries or the sample. */
CN_NODISCARD cn_code cni_pq_look_distinct(cni_pq_look *self, cni_pq_file *const *files,
                                          int32_t column, double n_rows, cni_context *context,
                                          cni_column_sketch *out_sketch, cn_error *err);

/* Cache: a referenced look or NULL; and an offer. */
cni_pq_look *cni_parquet_cache_find_look(cni_parquet_cache *self, cni_pq_file *const *files,
                                         int32_t n_files);
void cni_parquet_cache_offer_look(cni_parquet_cache *self, cni_pq_look *look);

#endif /* CNI_IO_PARQUET_LOOK_INT_H */
