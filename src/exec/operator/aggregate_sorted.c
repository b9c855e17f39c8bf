/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of groups through sorts of their own: see aggregate_sorted_int.h.
 *
 *   columns   value | sequence, place | key | group     what is not needed is not there
 *   order     by_value: group, value, sequence          others: group, key of an ORDER BY, sequence
 *
 * Rows that are equal in all of that come in the order in which they were taken, which is source
 * order within a sequence. Groups are read as they were numbered, and the number of values of each
 * is known, so the group itself does not come back.
 */
#include "exec/operator/aggregate_sorted_int.h"
#include "exec/operator/operators.h"

#define BATCH_ROWS  2048
#define MAX_COLUMNS 5
#define ITEM_BYTES  32 /* of a value in a result, about */
#define CHUNK_BYTES (INT64_C(1) << 20)
#define NO_COLUMN   (-1)

/* The values of one call. */
typedef struct value_sort {
    const cni_agg_call *call; /* op NULL = there is none */
    const cni_value_lists *lists;
    const cni_type *types[MAX_COLUMNS];
    cni_phys_order orders[MAX_COLUMNS];
    cni_phys_sort spec;
    int32_t sequence_column; /* or NO_COLUMN */
    int32_t place_column;
    int32_t key_column;
    int32_t group_column;
    cni_operator *sort;
    void *local;
    int64_t *counts; /* values per group */
    int64_t cap_counts;
    int64_t n_taken;
    int64_t n; /* in the batch */
    cni_cell *cells;
    uint8_t *valid;
    cni_cell *keys;       /* of an ORDER BY */
    cni_cell_rows others; /* arguments that nobody feeds */
    int64_t *sequences;
    int64_t *places;
    int64_t *groups;
    /* reading */
    void *feed;
    cni_scan *scan;
    void *scan_local;
    int64_t morsel;
    bool has_morsel;
    cni_chunk chunk;
    int64_t row;
} value_sort;

struct cni_agg_sorted {
    cni_agg_operator *op;
    cni_operator_env env;
    cni_arena *heap; /* nested values of entries */
    int32_t n_calls;
    value_sort sorts[]; /* by call of the layout */
};

/* ---- making ---- */

static int32_t
add_column(value_sort *self, const cni_type *type)
{
    self->types[self->spec.n_inputs] = type;
    return self->spec.n_inputs++;
}

static void
add_order(value_sort *self, int32_t position)
{
    self->orders[self->spec.n_orders++] = (cni_phys_order){.position = position};
}

/* Columns and their order. */
static void
place_columns(value_sort *self, const cni_type *value_type, bool order_sensitive)
{
    const bool is_ordered = self->call->op == CNI_AGG_ORDERED;
    const cni_type *number = cni_type_of(CNI_TYPE_INT64);
    const bool wants_sequence = order_sensitive || !self->lists->by_value;
    const int32_t value = add_column(self, value_type);
    self->sequence_column = wants_sequence ? add_column(self, number) : NO_COLUMN;
    self->place_column = self->lists->wants_places ? add_column(self, number) : NO_COLUMN;
    self->spec.n_outputs = self->lists->wants_places ? self->spec.n_inputs : 1;
    self->key_column = is_ordered ? add_column(self, cni_type_of(CNI_TYPE_BLOB)) : NO_COLUMN;
    self->group_column = add_column(self, number);
    add_order(self, self->group_column);
    if (is_ordered) {
        add_order(self, self->key_column);
    }
    if (self->lists->by_value) {
        add_order(self, value);
    }
    if (wants_sequence) {
        add_order(self, self->sequence_column);
    }
    self->spec.input_types = self->types;
    self->spec.orders = self->orders;
    self->spec.limit = CNI_NO_LIMIT;
}

static cn_code
make_sort(const cni_agg_sorted *self, value_sort *made, const cni_agg_call *call, cn_error *err)
{
    const cni_agg_operator *op = self->op;
    const cni_function *function = call->spec->function;
    const cni_aggregate_call feed_call = cni_agg_call_of(op, call, op->layout->empty_row, NULL);
    cni_allocator *allocator = op->allocator;
    made->call = call;
    made->lists = function->lists;
    cni_chunk_init(&made->chunk, op->base.context->allocator);
    place_columns(made, op->spec->input_types[call->spec->args[0]], function->order_sensitive);
    const cni_phys_op spec = {.kind = CNI_PHYS_OP_SORT,
                              .next = -1,
                              .n_inputs = made->spec.n_inputs,
                              .input_types = made->types,
                              .n_outputs = made->spec.n_outputs,
                              .output_types = made->types,
                              .sort = &made->spec};
    CN_TRY(cni_alloc(allocator, BATCH_ROWS * (int64_t)sizeof(*made->cells), &made->cells, err));
    CN_TRY(cni_alloc(allocator, BATCH_ROWS, &made->valid, err));
    CN_TRY(cni_alloc(allocator, 3 * BATCH_ROWS * (int64_t)sizeof(int64_t), &made->sequences, err));
    if (call->op == CNI_AGG_ORDERED) {
        CN_TRY(cni_alloc(allocator, BATCH_ROWS * (int64_t)sizeof(*made->keys), &made->keys, err));
        CN_TRY(cni_cell_rows_new(allocator, BATCH_ROWS, &made->others, err));
    }
    made->places = made->sequences + BATCH_ROWS;
    made->groups = made->places + BATCH_ROWS;
    CN_TRY(function->lists->open_feed(function, &feed_call, &made->feed, err));
    CN_TRY(cni_sort_operator_new(&spec, &self->env, &made->sort, err));
    return made->sort->ops->open_local(made->sort, &made->local, err);
}

static void
close_sort(const cni_agg_sorted *self, value_sort *closed)
{
    cni_allocator *allocator = self->op->allocator;
    cni_chunk_done(&closed->chunk);
    if (closed->scan_local != NULL) {
        closed->scan->ops->close_local(closed->scan, CN_MOVE(closed->scan_local));
    }
    cni_scan_close(CN_MOVE(closed->scan));
    if (closed->local != NULL) {
        closed->sort->ops->close_local(closed->sort, CN_MOVE(closed->local));
    }
    cni_operator_close(CN_MOVE(closed->sort));
    closed->lists->close_feed(CN_MOVE(closed->feed));
    cni_dealloc(allocator, closed->cells, BATCH_ROWS * (int64_t)sizeof(*closed->cells));
    cni_dealloc(allocator, closed->valid, BATCH_ROWS);
    cni_dealloc(allocator, closed->keys, BATCH_ROWS * (int64_t)sizeof(*closed->keys));
    cni_cell_rows_done(&closed->others);
    cni_dealloc(allocator, closed->sequences, 3 * BATCH_ROWS * (int64_t)sizeof(int64_t));
    cni_dealloc(allocator, closed->counts, closed->cap_counts * (int64_t)sizeof(*closed->counts));
}

static int64_t
sorted_bytes(int32_t n_calls)
{
    return (int64_t)sizeof(cni_agg_sorted) + n_calls * (int64_t)sizeof(value_sort);
}

void
cni_agg_sorted_free(cni_agg_sorted *self)
{
    if (self == NULL) {
        return;
    }
    for (int32_t at = 0; at < self->n_calls; at++) {
        if (self->sorts[at].call != NULL) {
            close_sort(self, &self->sorts[at]);
        }
    }
    cni_arena_unref(self->heap);
    cni_dealloc(self->op->allocator, self, sorted_bytes(self->n_calls));
}

cn_code
cni_agg_sorted_new(cni_agg_operator *op, cni_agg_sorted **out_sorted, cn_error *err)
{
    const cni_agg_layout *layout = op->layout;
    cni_agg_sorted *self = NULL;
    cn_code code = CN_OK;
    CN_TRY(cni_alloc_zeroed(op->allocator, sorted_bytes(layout->n_calls), &self, err));
    self->op = op;
    self->env = (cni_operator_env){.context = op->base.context, .n_workers = 1};
    self->n_calls = layout->n_calls;
    code = cni_arena_new(op->allocator, "values", &self->heap, err);
    for (int32_t at = 0; at < layout->n_calls && code == CN_OK; at++) {
        if (layout->calls[at].has_lists) {
            code = make_sort(self, &self->sorts[at], &layout->calls[at], err);
        }
    }
    if (code != CN_OK) {
        cni_agg_sorted_free(self);
        return code;
    }
    *out_sorted = self;
    return CN_OK;
}

/* ---- values ---- */

static cn_code
put_numbers(const cni_agg_sorted *self, cni_chunk *chunk, int32_t column, const int64_t *numbers,
            int64_t n, cn_error *err)
{
    if (column == NO_COLUMN) {
        return CN_OK;
    }
    CN_TRY(cni_vector_new_flat(self->op->base.context->allocator, cni_type_of(CNI_TYPE_INT64),
                               CNI_PHYS_I64, n, false, &chunk->columns[column], err));
    memcpy(cni_vector_mutable_data(&chunk->columns[column]), numbers, (size_t)n * sizeof(*numbers));
    return CN_OK;
}

static bool
all_valid(const value_sort *sort)
{
    return memchr(sort->valid, 0, (size_t)sort->n) == NULL;
}

static cn_code
push_batch(const cni_agg_sorted *self, value_sort *sort, cn_error *err)
{
    cni_context *context = self->op->base.context;
    cni_op_answer answer = CNI_OP_NEED_MORE;
    CN_SCOPED(cni_chunk) chunk = {0};
    cni_chunk_init(&chunk, context->allocator);
    if (sort->n == 0) {
        return CN_OK;
    }
    CN_TRY(cni_context_check(context, err));
    CN_TRY(cni_chunk_set_columns(&chunk, sort->spec.n_inputs, err));
    CN_TRY(cni_cells_to_vector(context->allocator, sort->types[0], sort->cells,
                               all_valid(sort) ? NULL : sort->valid, sort->n, &chunk.columns[0],
                               err));
    CN_TRY(put_numbers(self, &chunk, sort->sequence_column, sort->sequences, sort->n, err));
    CN_TRY(put_numbers(self, &chunk, sort->place_column, sort->places, sort->n, err));
    CN_TRY(put_numbers(self, &chunk, sort->group_column, sort->groups, sort->n, err));
    if (sort->key_column != NO_COLUMN) {
        CN_TRY(cni_cells_to_vector(context->allocator, sort->types[sort->key_column], sort->keys,
                                   NULL, sort->n, &chunk.columns[sort->key_column], err));
    }
    chunk.n_rows = sort->n;
    sort->n = 0;
    return sort->sort->ops->push(sort->sort, sort->local, &chunk, (cni_waker){0}, &answer, err);
}

static cn_code
reserve_counts(const cni_agg_sorted *self, value_sort *sort, int64_t group, cn_error *err)
{
    const int64_t item_bytes = (int64_t)sizeof(*sort->counts);
    if (group < sort->cap_counts) {
        return CN_OK;
    }
    const int64_t cap = cni_max_i64(group + 1, cni_max_i64(64, sort->cap_counts * 2));
    CN_TRY(cni_realloc(self->op->allocator, &sort->counts, sort->cap_counts * item_bytes,
                       cap * item_bytes, err));
    memset(sort->counts + sort->cap_counts, 0, (size_t)((cap - sort->cap_counts) * item_bytes));
    sort->cap_counts = cap;
    return CN_OK;
}

static cn_code
take_list(const cni_agg_sorted *self, value_sort *sort, uint8_t *row, int64_t group, cn_error *err)
{
    const cni_function *function = sort->call->spec->function;
    const cni_aggregate_call made = cni_agg_call_of(self->op, sort->call, row, NULL);
    CN_TRY(reserve_counts(self, sort, group, err));
    while (true) {
        int64_t sequence = 0;
        const int64_t n =
            sort->lists->take(function, &made, 0, BATCH_ROWS - sort->n, sort->cells + sort->n,
                              sort->valid + sort->n, &sequence);
        if (n == 0) {
            return CN_OK;
        }
        for (int64_t at = sort->n; at < sort->n + n; at++) {
            sort->sequences[at] = sequence;
            sort->places[at] = sort->n_taken++;
            sort->groups[at] = group;
        }
        sort->n += n;
        sort->counts[group] += n;
        if (sort->n == BATCH_ROWS) {
            CN_TRY(push_batch(self, sort, err));
        }
    }
}

/* The same of a call with ORDER BY. */
static cn_code
take_entries(const cni_agg_sorted *self, value_sort *sort, const uint8_t *row, int64_t group,
             cn_error *err)
{
    cni_agg_ordered_walk walk;
    cni_agg_entry entry;
    CN_TRY(reserve_counts(self, sort, group, err));
    cni_agg_ordered_walk_begin(row + sort->call->state_offset, &walk);
    sort->counts[group] += walk.n_left;
    while (cni_agg_ordered_walk_next(&walk, &entry)) {
        cni_cell_rows rows[CNI_AGG_MAX_ARGS];
        rows[0] = (cni_cell_rows){.cells = sort->cells, .valid = sort->valid};
        for (int32_t arg = 1; arg < sort->call->spec->n_args; arg++) {
            rows[arg] = sort->others;
        }
        CN_TRY(cni_agg_entry_values(self->op, sort->call, &entry, self->heap, sort->n, rows, err));
        const cni_view key = cni_view_make((const char *)entry.key, (uint32_t)entry.key_bytes);
        memcpy(&sort->keys[sort->n], &key, sizeof(key));
        sort->sequences[sort->n] = entry.sequence;
        sort->groups[sort->n++] = group;
        sort->n_taken++;
        if (sort->n == BATCH_ROWS) {
            CN_TRY(push_batch(self, sort, err));
        }
    }
    return CN_OK;
}

cn_code
cni_agg_sorted_take(cni_agg_sorted *self, uint8_t *row, int64_t group, cn_error *err)
{
    for (int32_t at = 0; at < self->n_calls; at++) {
        value_sort *sort = &self->sorts[at];
        if (sort->call != NULL) {
            CN_TRY(sort->call->op == CNI_AGG_ORDERED ? take_entries(self, sort, row, group, err)
                                                     : take_list(self, sort, row, group, err));
        }
    }
    cni_agg_drop_lists(self->op->layout, row);
    return CN_OK;
}

cn_code
cni_agg_sorted_flush(cni_agg_sorted *self, cn_error *err)
{
    for (int32_t at = 0; at < self->n_calls; at++) {
        if (self->sorts[at].call != NULL) {
            CN_TRY(push_batch(self, &self->sorts[at], err));
        }
    }
    cni_arena_unref(CN_MOVE(self->heap));
    return cni_arena_new(self->op->allocator, "values", &self->heap, err);
}

/* ---- sorted ---- */

/* Of the sort's notes the bytes that it has written. */
static int64_t
spilled_bytes(const cni_operator *sort)
{
    cni_op_note notes[16];
    const int32_t n = sort->ops->notes(sort, notes, (int32_t)CN_ARRAY_LEN(notes));
    for (int32_t at = 0; at < n; at++) {
        if (strcmp(notes[at].name, "spilled_bytes") == 0) {
            return notes[at].number;
        }
    }
    return 0;
}

static cn_code
finish_sort(const cni_agg_sorted *self, value_sort *finished, cn_error *err)
{
    cni_operator *sort = finished->sort;
    cni_allocator *allocator = self->op->allocator;
    cni_agg_operator *owner = cni_agg_owner(self->op);
    CN_TRY(sort->ops->combine(sort, finished->local, err));
    sort->ops->close_local(sort, CN_MOVE(finished->local));
    const int32_t n_tasks = sort->ops->finalize_tasks(sort);
    for (int32_t task = 0; task < n_tasks; task++) {
        CN_TRY(sort->ops->finalize(sort, task, n_tasks, err));
    }
    (void)cni_counter_add(&owner->n_sorted, finished->n_taken);
    (void)cni_counter_add(&owner->spilled_bytes, spilled_bytes(sort));
    cni_dealloc(allocator, CN_MOVE(finished->cells),
                BATCH_ROWS * (int64_t)sizeof(*finished->cells));
    CN_TRY(sort->ops->open_source(sort, &finished->scan, err));
    return finished->scan->ops->open_local(finished->scan, &finished->scan_local, err);
}

cn_code
cni_agg_sorted_finish(cni_agg_sorted *self, cn_error *err)
{
    CN_TRY(cni_agg_sorted_flush(self, err));
    for (int32_t at = 0; at < self->n_calls; at++) {
        if (self->sorts[at].call != NULL) {
            CN_TRY(finish_sort(self, &self->sorts[at], err));
        }
    }
    return CN_OK;
}

/* ---- results ---- */

/* A chunk with rows, its columns FLAT. */
static cn_code
read_chunk(const cni_agg_sorted *self, value_sort *sort, cn_error *err)
{
    cni_chunk *chunk = &sort->chunk;
    cni_read_answer answer = CNI_READ_END;
    sort->row = 0;
    cni_chunk_reset(chunk);
    while (chunk->n_rows == 0) {
        if (!sort->has_morsel && sort->scan->ops->next_morsel(sort->scan, (cni_waker){0},
                                                              &sort->morsel) != CNI_MORSEL_TAKEN) {
            return CN_FAIL(err, CN_INTERNAL, "a sort of values has lost some");
        }
        CN_TRY(cni_context_check(self->op->base.context, err));
        CN_TRY(sort->scan->ops->read(sort->scan, sort->scan_local, sort->morsel, (cni_waker){0},
                                     chunk, &answer, err));
        sort->has_morsel = answer == CNI_READ_CHUNK && !chunk->ends_morsel;
    }
    for (int32_t column = 0; column < sort->spec.n_outputs; column++) {
        CN_SCOPED(cni_vector) flat = {0};
        CN_TRY(cni_vector_flatten(self->op->base.context->allocator, &chunk->columns[column], &flat,
                                  err));
        cni_vector_done(&chunk->columns[column]);
        cni_vector_move(&chunk->columns[column], &flat);
    }
    return CN_OK;
}

/* At most n rows of the chunk under way; gives how many. */
static cn_code
feed_rows(const value_sort *sort, int64_t n, int64_t *out_fed, cn_error *err)
{
    const cni_chunk *chunk = &sort->chunk;
    CN_SCOPED(cni_vector) values = {0};
    cni_value_rows rows = {.n = cni_min_i64(n, chunk->n_rows - sort->row), .values = &values};
    cni_vector_slice(&values, &chunk->columns[0], sort->row, rows.n);
    if (sort->lists->wants_places) {
        rows.sequences = (const int64_t *)chunk->columns[sort->sequence_column].data + sort->row;
        rows.places = (const int64_t *)chunk->columns[sort->place_column].data + sort->row;
    }
    *out_fed = rows.n;
    return sort->lists->feed(sort->feed, &rows, err);
}

static cn_code
feed_group(const cni_agg_sorted *self, value_sort *sort, int64_t n_values, cn_error *err)
{
    CN_TRY(sort->lists->begin(sort->feed, n_values, err));
    while (n_values > 0) {
        int64_t n_fed = 0;
        if (sort->row == sort->chunk.n_rows) {
            CN_TRY(read_chunk(self, sort, err));
        }
        CN_TRY(feed_rows(sort, n_values, &n_fed, err));
        sort->row += n_fed;
        n_values -= n_fed;
    }
    return CN_OK;
}

static cn_code
emit_cells(const cni_agg_sorted *self, value_sort *sort, int64_t first, cni_cell_rows *rows,
           cni_arena *heap, cn_error *err)
{
    cni_allocator *allocator = self->op->base.context->allocator;
    const cni_cell_kind kind = cni_cell_kind_of(sort->call->spec->type);
    for (int64_t at = 0; at < rows->n; at++) {
        const int64_t n_values = first + at < sort->cap_counts ? sort->counts[first + at] : 0;
        cni_cell cell = {{0, 0}};
        bool valid = false;
        if (n_values == 0) {
            continue;
        }
        CN_TRY(feed_group(self, sort, n_values, err));
        CN_TRY(sort->lists->end(sort->feed, &cell, &valid, err));
        if (valid && rows->n > 1) { /* a lone one stays where it is */
            CN_TRY(cni_cell_keep(heap, allocator, kind, &cell, err));
        }
        if (valid) {
            cni_cell_rows_put(rows, at, &cell);
        }
    }
    return CN_OK;
}

int64_t
cni_agg_sorted_bounded_rows(const cni_agg_sorted *self, int64_t first, int64_t n)
{
    int64_t n_bytes = 0;
    for (int64_t row = 0; row < n; row++) {
        for (int32_t at = 0; at < self->n_calls; at++) {
            const value_sort *sort = &self->sorts[at];
            if (sort->call != NULL && !sort->lists->by_value && first + row < sort->cap_counts) {
                n_bytes += sort->counts[first + row] * ITEM_BYTES;
            }
        }
        if (n_bytes > CHUNK_BYTES) {
            return cni_max_i64(row, 1);
        }
    }
    return n;
}

cn_code
cni_agg_sorted_emit(cni_agg_sorted *self, int32_t call, int64_t first, int64_t n,
                    cni_vector *out_vector, cn_error *err)
{
    value_sort *sort = &self->sorts[call];
    cni_allocator *allocator = self->op->base.context->allocator;
    CN_SCOPED(cni_cell_rows) rows = {0};
    CN_SCOPED(cni_arena_p) heap = NULL;
    CN_TRY(cni_cell_rows_new(allocator, n, &rows, err));
    CN_TRY(cni_arena_new(allocator, "values", &heap, err));
    CN_TRY(emit_cells(self, sort, first, &rows, heap, err));
    return cni_cell_rows_finish(&rows, sort->call->spec->type, out_vector, err);
}
