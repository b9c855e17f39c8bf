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

static cn_code
make_keys(cni_arena *arena, const cni_scan_request *request, int32_t *chosen,
          cni_source_shape *shape, cn_error *err)
{
    cni_source_key *keys = NULL;
    CN_TRY(
        cni_arena_alloc_array(arena, request->n_key_filters, (int64_t)sizeof(*keys), &keys, err));
    for (int32_t key = 0; key < request->n_key_filters; key++) {
        const cni_scan_key_filter *given = &request->key_filters[key];
        keys[key].position = choose(chosen, &shape->n_columns, 0, given->table_column);
        keys[key].filter = given->filter;
    }
    shape->n_keys = request->n_key_filters;
    shape->keys = keys;
    return CN_OK;
}

cn_code
cni_source_shape_new(cni_arena *arena, const cni_scan_request *request,
                     const cni_source_shape **out_shape, cn_error *err)
{
    cni_source_shape *shape = NULL;
    int32_t *chosen = NULL;
    cni_slot *slots = NULL;
    const int64_t n_max =
        (int64_t)request->n_columns + request->n_filter_slots + request->n_key_filters;
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
    CN_TRY(make_keys(arena, request, chosen, shape, err));
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
cni_source_reader_init(cni_source_reader *self, const cni_source_shape *shape, cni_context *context,
                       cni_budget *account, cn_error *err)
{
    *self = (cni_source_reader){.shape = shape, .allocator = context->allocator};
    CN_TRY(cni_alloc_zeroed(self->allocator, shape->n_keys * (int64_t)sizeof(*self->memos),
                            &self->memos, err));
    if (shape->filter != NULL) {
        CN_TRY(cni_program_state_new(shape->filter, context, &self->filter, err));
        cni_program_state_charge(self->filter, account);
    }
    return CN_OK;
}

void
cni_source_reader_done(cni_source_reader *self)
{
    for (int32_t key = 0; self->memos != NULL && key < self->shape->n_keys; key++) {
        cni_key_memo_done(&self->memos[key]);
    }
    if (self->memos != NULL) {
        cni_dealloc(self->allocator, self->memos,
                    self->shape->n_keys * (int64_t)sizeof(*self->memos));
    }
    cni_program_state_free(self->filter);
    *self = (cni_source_reader){0};
}

bool
cni_source_is_empty(const cni_source_shape *shape)
{
    for (int32_t key = 0; key < shape->n_keys; key++) {
        if (cni_key_filter_kind_of(shape->keys[key].filter) == CNI_KEY_FILTER_NONE) {
            return true;
        }
    }
    return false;
}

bool
cni_source_is_outside(const cni_source_shape *shape, const cni_vector *columns)
{
    for (int32_t key = 0; key < shape->n_keys; key++) {
        const cni_vector *column = &columns[shape->table_columns[shape->keys[key].position]];
        const cni_column_stats stats = {
            .bounds_mark = column->bounds.known ? CNI_STAT_PROVED : CNI_STAT_UNKNOWN,
            .low = {.type = column->type, .as.i64 = column->bounds.low},
            .high = {.type = column->type, .as.i64 = column->bounds.high}};
        if (cni_key_filter_prune(shape->keys[key].filter, &stats, column->n_rows) ==
            CNI_VERDICT_NEVER) {
            return true;
        }
    }
    return false;
}

/* Narrow the chunk to rows whose keys may match. */
static cn_code
apply_keys(cni_source_reader *reader, cni_chunk *chunk, cn_error *err)
{
    const cni_source_shape *shape = reader->shape;
    uint64_t keep[CNI_CHUNK_ROWS_MAX / 64];
    int64_t n_left = chunk->n_rows;
    cni_selection_to_bits(&chunk->selection, chunk->n_rows, keep);
    for (int32_t key = 0; key < shape->n_keys && n_left > 0; key++) {
        cni_key_filter *filter = shape->keys[key].filter;
        const int64_t n_before = n_left;
        if (!cni_key_filter_is_active(filter)) {
            continue;
        }
        CN_TRY(cni_key_filter_select_memo(filter, &reader->memos[key],
                                          &chunk->columns[shape->keys[key].position], keep, &n_left,
                                          err));
        cni_key_filter_count(filter, n_before, n_left);
    }
    return n_left < chunk->n_rows ? cni_chunk_narrow(chunk, keep, err) : CN_OK;
}

cn_code
cni_source_fill(cni_source_reader *reader, const cni_vector *columns, int64_t offset,
                int64_t n_rows, cni_chunk *chunk, cni_source_removed *out_removed, cn_error *err)
{
    const cni_source_shape *shape = reader->shape;
    CN_TRY(cni_chunk_set_columns(chunk, shape->n_columns, err));
    for (int32_t column = 0; column < shape->n_columns; column++) {
        cni_vector_slice(&chunk->columns[column], &columns[shape->table_columns[column]], offset,
                         n_rows);
    }
    chunk->n_rows = n_rows;
    if (shape->n_keys > 0) {
        CN_TRY(apply_keys(reader, chunk, err));
    }
    const int64_t n_left = cni_chunk_live_rows(chunk);
    if (reader->filter != NULL && n_left > 0) {
        CN_TRY(cni_program_filter(reader->filter, chunk, err));
    }
    for (int32_t column = shape->n_outputs; column < shape->n_columns; column++) {
        cni_vector_done(&chunk->columns[column]);
    }
    chunk->n_columns = shape->n_outputs;
    *out_removed = (cni_source_removed){.n_filtered = n_left - cni_chunk_live_rows(chunk),
                                        .n_dynamic = n_rows - n_left};
    return CN_OK;
}
