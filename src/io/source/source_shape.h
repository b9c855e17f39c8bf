/* SPDX-License-Identifier: Apache-2.0
 *
 * What sources of whole vectors (memory tables, Arrow streams) share: which table columns a chunk
 * must hold for a request, and applying the request's filters to it.
 *
 *   chunk columns = the request's columns, then the columns that only filters need (dropped in the
 * end)
 */
#ifndef CNI_IO_SOURCE_SHAPE_H
#define CNI_IO_SOURCE_SHAPE_H

#include "plan/eval/program.h"
#include "plan/table/table.h"

/* Immutable, in the scan's arena. */
typedef struct cni_source_shape {
    int32_t n_outputs;
    int32_t n_columns;            /* outputs and filter columns */
    const int32_t *table_columns; /* n_columns: position in the table's schema */
    const cni_program *filter;    /* NULL = no filters */
} cni_source_shape;

/* The request's arrays are copied; its filter expressions must outlive the arena's use. */
CN_NODISCARD cn_code cni_source_shape_new(cni_arena *arena, const cni_scan_request *request,
                                          const cni_source_shape **out_shape, cn_error *err);

/* Every filter but a volatile one is applied exactly: the supports_filter slot of such sources. */
cni_filter_answer cni_source_supports_filter(cni_table *self, const cni_expr *filter,
                                             const cni_slot_of_table *slots, int32_t n_slots);

/* Fill `chunk` (empty) with rows [offset, offset + n_rows) of `columns` (one per table column),
 * filter it by `state` (of shape->filter, NULL without) and drop the filters' columns.
 * *out_n_removed rows were filtered away. The chunk keeps the selection. */
CN_NODISCARD cn_code cni_source_fill(const cni_source_shape *shape, cni_program_state *state,
                                     const cni_vector *columns, int64_t offset, int64_t n_rows,
                                     cni_chunk *chunk, int64_t *out_n_removed, cn_error *err);

#endif /* CNI_IO_SOURCE_SHAPE_H */
