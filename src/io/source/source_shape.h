/* SPDX-License-Identifier: Apache-2.0
 *
 * What sources of whole vectors (memory tables, Arrow streams) share: which table columns a chunk
 * must hold for a request, and applying the request's filters to it: key filters first, which are
 * cheap and cannot fail, then the pushed ones over what is left.
 *
 *   chunk columns = the request's columns, then the columns that only filters need (dropped in the
 * end)
 */
#ifndef CNI_IO_SOURCE_SHAPE_H
#define CNI_IO_SOURCE_SHAPE_H

#include "plan/eval/program.h"
#include "plan/table/key_filter.h"
#include "plan/table/table.h"

typedef struct cni_source_key {
    int32_t position; /* in the chunk */
    cni_key_filter *filter;
} cni_source_key;

/* Immutable, in the scan's arena. */
typedef struct cni_source_shape {
    int32_t n_outputs;
    int32_t n_columns;            /* outputs and filter columns */
    const int32_t *table_columns; /* n_columns: position in the table's schema */
    const cni_program *filter;    /* NULL = no filters */
    int32_t n_keys;
    const cni_source_key *keys;
} cni_source_shape;

/* What a worker filters with. Zero bytes = nothing. */
typedef struct cni_source_reader {
    const cni_source_shape *shape;
    cni_allocator *allocator;  /* borrowed */
    cni_program_state *filter; /* of shape->filter */
    cni_key_memo *memos;       /* per key */
} cni_source_reader;

/* Rows that a fill removed. */
typedef struct cni_source_removed {
    int64_t n_filtered; /* by pushed filters */
    int64_t n_dynamic;  /* by key filters */
} cni_source_removed;

/* The request's arrays are copied; its filter expressions must outlive the arena's use. */
CN_NODISCARD cn_code cni_source_shape_new(cni_arena *arena, const cni_scan_request *request,
                                          const cni_source_shape **out_shape, cn_error *err);

/* Every filter but a volatile one is applied exactly: the supports_filter slot of such sources. */
cni_filter_answer cni_source_supports_filter(cni_table *self, const cni_expr *filter,
                                             const cni_slot_of_table *slots, int32_t n_slots);

/* Functions in filters ask `account` for memory; NULL = the context's node. */
CN_NODISCARD cn_code cni_source_reader_init(cni_source_reader *self, const cni_source_shape *shape,
                                            cni_context *context, cni_budget *account,
                                            cn_error *err);
void cni_source_reader_done(cni_source_reader *self); /* accepts zeroed */

/* Whether some key filter lets nothing pass at all. */
bool cni_source_is_empty(const cni_source_shape *shape);
/* Whether the proved bounds of whole `columns` (one per table column) are outside some key filter.
 */
bool cni_source_is_outside(const cni_source_shape *shape, const cni_vector *columns);

/* Fill `chunk` (empty) with rows [offset, offset + n_rows) of `columns` (one per table column),
 * filter it and drop the filters' columns. The chunk keeps the selection. */
CN_NODISCARD cn_code cni_source_fill(cni_source_reader *reader, const cni_vector *columns,
                                     int64_t offset, int64_t n_rows, cni_chunk *chunk,
                                     cni_source_removed *out_removed, cn_error *err);

#endif /* CNI_IO_SOURCE_SHAPE_H */
