/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks at rows in memory: every row of up to CNI_MEMORY_LOOK_ROWS, else the sample.
 */
#ifndef CNI_IO_MEMORY_LOOK_INT_H
#define CNI_IO_MEMORY_LOOK_INT_H

#include "plan/stats/table_look.h"
#include "runtime/context.h"

#define CNI_MEMORY_LOOK_ROWS (INT64_C(1) << 20)

/* Some of the rows: the columns of a block. */
typedef struct cni_memory_span {
    const cni_vector *columns; /* borrowed */
    int64_t n_rows;
} cni_memory_span;

/* Keep the sample of a column of n_rows rows in the spans; nested columns have none. */
CN_NODISCARD cn_code cni_memory_look_sample(cni_table_look *look, const cni_memory_span *spans,
                                            int64_t n_rows, int32_t column, const cni_type *type,
                                            cni_context *context, cn_error *err);
/* Distinct values and NULLs; never proved unique, because rows may be added. */
CN_NODISCARD cn_code cni_memory_look_sketch(cni_table_look *look, const cni_memory_span *spans,
                                            int64_t n_rows, int32_t column, const cni_type *type,
                                            cni_context *context, cni_column_sketch *out_sketch,
                                            cn_error *err);

#endif /* CNI_IO_MEMORY_LOOK_INT_H */
