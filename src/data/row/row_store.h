/* SPDX-License-Identifier: Apache-2.0
 *
 * Row layout: rows of mixed types in pages, as hash tables, sort payload and (later) spill files
 * keep them. Versioned format CNI_ROW_VERSION.
 *
 *   page (256 KiB) = rows of `row_bytes` each, then a heap of string bytes growing from the end
 *   row  = null bits (one per column, 1 = null, rounded up to bytes), columns at fixed offsets
 *          (natural alignment), row_bytes rounded up to 8
 *   string column = cni_view whose pointer points into the page's heap (spilled: an offset)
 */
#ifndef CNI_DATA_ROW_STORE_H
#define CNI_DATA_ROW_STORE_H

#include "data/column/vector.h"

#define CNI_ROW_VERSION 1

typedef struct cni_row_layout {
    int32_t n_columns;
    int32_t row_bytes;
    const cni_type *const *types; /* borrowed */
    cni_phys *phys;               /* DECIMAL > 18 digits: I128 always */
    int32_t *offsets;             /* of each column in the row */
} cni_row_layout;

/* Nested types are kept as rows of their own in a side vector; see row_store.c. */
CN_NODISCARD cn_code cni_row_layout_new(cni_arena *arena, const cni_type *const *types,
                                        int32_t n_columns, cni_row_layout **out_layout,
                                        cn_error *err);

typedef struct cni_row_store cni_row_store;
typedef cni_row_store *cni_row_store_p;
CN_NODISCARD cn_code cni_row_store_new(cni_allocator *allocator, const cni_row_layout *layout,
                                       cni_row_store **out_store, cn_error *err);
void cni_row_store_free(cni_row_store *self);
CN_DEFINE_SCOPED(cni_row_store_p, cni_row_store_free)
int64_t cni_row_store_rows(const cni_row_store *self);
int64_t cni_row_store_bytes(const cni_row_store *self);

/* Append rows `index[0..n)` (NULL = the first n) of the columns (any encoding); out_rows[k] is the
 * address of the new row, stable until the store is freed. Nothing is appended on failure. */
CN_NODISCARD cn_code cni_row_store_append(cni_row_store *self, const cni_vector *columns,
                                          const uint32_t *index, int64_t n, uint8_t **out_rows,
                                          cn_error *err);
/* Row by number in order of appending. */
uint8_t *cni_row_store_row(const cni_row_store *self, int64_t row);
/* Take all rows of `other` (same layout object and allocator); it becomes empty. */
CN_NODISCARD cn_code cni_row_store_absorb(cni_row_store *self, cni_row_store *other, cn_error *err);

/* Gather one column of n rows into a FLAT vector; strings are copied into a heap of its own. */
CN_NODISCARD cn_code cni_row_gather(cni_allocator *allocator, const cni_row_layout *layout,
                                    int32_t column, uint8_t *const *rows, int64_t n,
                                    cni_vector *out_vector, cn_error *err);
/* Rows k where column `column` of rows[k] is not distinct from columns' row index[k]: compacts the
 * matching k to the front of inout_match (n candidate k values) and gives how many; the others go
 * to out_mismatch (may be NULL). Equality as GROUP BY: NULL = NULL, NaN = NaN, -0 = +0. */
int64_t cni_row_match(const cni_row_layout *layout, int32_t column, uint8_t *const *rows,
                      const cni_vector *values, const uint32_t *index, uint32_t *inout_match,
                      int64_t n, uint32_t *out_mismatch, int64_t *out_n_mismatch);

#endif /* CNI_DATA_ROW_STORE_H */
