/* SPDX-License-Identifier: Apache-2.0
 *
 * From a scan request to the columns of a chunk and a filter program over them.
 */
#include "io/source/source_shape.h"

/* Position of a table column among those chosen so far; appended when it is new. */
static int32_t
choose(int32_t *chosen, int32_t *inout_n, int32_t first, int32_t table_column)
{
    for (int32_t column = first; column < *inout_n; column++) {
        if (chosen[column] == table_column) {
            return column;
        }
    }
    chosen[*inout_n] = table_column;
    return (*inout_n)++;
}

static cn_code
make_filter(cni_arena *arena, const cni_scan_request *request, const cni_slot *slots,
            cni_source_shape *shape, cn_error *err)
{
    return request->n_filters == 0
               ? CN_OK
               : cni_program_new(arena, request->filters, request->n_filters, slots,
                                 request->n_filter_slots, &shape->filter, err);
}

cn_code
cni_source_shape_new(cni_arena *arena, const cni_scan_request *request,
                     const cni_source_shape **out_shape, cn_error *err)
{
    cni_source_shape *shape = NULL;
    int32_t *chosen = NULL;
    cni_slot *slots = NULL;
    const int64_t n_max = (int64_t)request->n_columns + request->n_filter_slots;
    CN_TRY(CN_ARENA_NEW(arena, &shape, err));
    CN_TRY(cni_arena_alloc_array(arena, n_max, (int64_t)sizeof(*chosen), &chosen, err));
    CN_TRY(cni_arena_alloc_array(arena, request->n_filter_slots, (int64_t)sizeof(*slots), &slots,
                                 err));
    for (int32_t column = 0; column < request->n_columns; column++) {
        chosen[column] = request->table_columns[column];
    }
    shape->n_outputs = request->n_columns;
    shape->n_columns = request->n_columns;
    for (int32_t slot = 0; request->n_filters > 0 && slot < request->n_filter_slots; slot++) {
        slots[slot].column_id = request->filter_slots[slot].column_id;
        slots[slot].position =
            choose(chosen, &shape->n_columns, 0, request->filter_slots[slot].table_column);
    }
    shape->table_columns = chosen;
    CN_TRY(make_filter(arena, request, slots, shape, err));
    *out_shape = shape;
    return CN_OK;
}

cni_filter_answer
cni_source_supports_filter(cni_table *self, const cni_expr *filter, const cni_slot_of_table *slots,
                           int32_t n_slots)
{
    (void)self;
    (void)slots;
    (void)n_slots;
    return cni_expr_is_volatile(filter) ? CNI_FILTER_UNSUPPORTED : CNI_FILTER_EXACT;
}

cn_code
cni_source_fill(const cni_source_shape *shape, cni_program_state *state, const cni_vector *columns,
                int64_t offset, int64_t n_rows, cni_chunk *chunk, int64_t *out_n_removed,
                cn_error *err)
{
    CN_TRY(cni_chunk_set_columns(chunk, shape->n_columns, err));
    for (int32_t column = 0; column < shape->n_columns; column++) {
        cni_vector_slice(&chunk->columns[column], &columns[shape->table_columns[column]], offset,
                         n_rows);
    }
    chunk->n_rows = n_rows;
    if (state != NULL) {
        CN_TRY(cni_program_filter(state, chunk, err));
    }
    for (int32_t column = shape->n_outputs; column < shape->n_columns; column++) {
        cni_vector_done(&chunk->columns[column]);
    }
    chunk->n_columns = shape->n_outputs;
    *out_n_removed = n_rows - cni_chunk_live_rows(chunk);
    return CN_OK;
}
