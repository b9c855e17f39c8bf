/* SPDX-License-Identifier: Apache-2.0
 *
 * What looks at a table's rows gave, kept for as long as the rows are the same: sketches and sample
 * columns, each made at the first question. Shared by every table over the same rows.
 *
 * Thread: synchronised; what was kept first stays, and is immutable.
 */
#ifndef CNI_PLAN_TABLE_LOOK_H
#define CNI_PLAN_TABLE_LOOK_H

#include "data/column/chunk.h"
#include "plan/stats/sketch.h"

typedef struct cni_table_look cni_table_look;
typedef cni_table_look *cni_table_look_p;

/* `allocator` is referenced; it must outlive the query that looks. */
CN_NODISCARD cn_code cni_table_look_new(cni_allocator *allocator, int32_t n_columns,
                                        cni_table_look **out_look, cn_error *err);
cni_table_look *cni_table_look_ref(cni_table_look *self);
void cni_table_look_unref(cni_table_look *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_table_look_p, cni_table_look_unref)

/* What is known of a column being unique. */
typedef enum cni_look_proof {
    CNI_LOOK_NEVER = 0, /* nobody has looked */
    CNI_LOOK_OTHER,     /* not proved */
    CNI_LOOK_UNIQUE
} cni_look_proof;

cni_look_proof cni_table_look_proof(cni_table_look *self, int32_t column);
void cni_table_look_keep_proof(cni_table_look *self, int32_t column, bool is_unique);
/* NULL = nobody has looked. */
const cni_column_sketch *cni_table_look_sketch(cni_table_look *self, int32_t column);
CN_NODISCARD cn_code cni_table_look_keep_sketch(cni_table_look *self, int32_t column,
                                                const cni_column_sketch *sketch,
                                                const cni_column_sketch **out_kept, cn_error *err);
/* NULL = nobody has looked. Otherwise the column's values in the sample's rows; 0 rows: there is no
 * sample of it. */
const cni_vector *cni_table_look_sample(cni_table_look *self, int32_t column);
/* Keeps a copy that pins nothing of the query (its types must live as long as the look). */
CN_NODISCARD cn_code cni_table_look_keep_sample(cni_table_look *self, int32_t column,
                                                const cni_vector *vector, cn_error *err);
/* Sample columns that were all kept, as a chunk that lives as long as the look; *out_chunk NULL
 * when one of them has no rows. */
CN_NODISCARD cn_code cni_table_look_chunk(cni_table_look *self, const int32_t *columns,
                                          int32_t n_columns, const cni_chunk **out_chunk,
                                          cn_error *err);
/* Bytes that it holds, roughly. */
int64_t cni_table_look_bytes(const cni_table_look *self);

/* Distinct values among n_rows rows of which `sample` is n_runs runs of neighbouring rows, of equal
 * length but for the last. Repeats within a run say how values cluster, repeats between runs how
 * many there are. NULLs do not count. */
CN_NODISCARD cn_code cni_sample_distinct(cni_allocator *allocator, const cni_vector *sample,
                                         int32_t n_runs, double n_rows, double *out_distinct,
                                         double *out_null_fraction, cn_error *err);
/* How many values there are when `n_drawn` draws gave `n_seen` different ones; at most n_most. */
double cni_distinct_of_draws(double n_seen, double n_drawn, double n_most);

#endif /* CNI_PLAN_TABLE_LOOK_H */
