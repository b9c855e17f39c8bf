/* SPDX-License-Identifier: Apache-2.0
 *
 * ORDER BY inside aggregate calls, and DISTINCT in calls that depend on order: the state of such a
 * call is the list of its rows; when results are asked for, they are sorted and fed to the
 * function's own update.
 *
 *   state -> entry -> entry -> ...      in the heap
 *   entry = sequence, place in the worker's rows, sort key, key of the arguments (DISTINCT), a cell
 *           and a validity byte per argument
 *
 * Of rows with equal sort keys the first in source order comes first; of equal arguments under
 * DISTINCT the first in the call's order stays.
 */
#include "data/row/sort_key.h"
#include "exec/operator/aggregate_operator_int.h"
#include "plan/function/cell_bytes.h"

#define FEED_ROWS  1024
#define CHECK_MASK 0x3FFF /* steps between looks at the cancel flag */

typedef struct ordered_entry {
    struct ordered_entry *next;
    int64_t sequence;
    int64_t place;
    const uint8_t *key;
    const uint8_t *args_key;
    int32_t key_bytes;
    int32_t args_key_bytes;
    cni_cell *cells;
    uint8_t *valid;
} ordered_entry;

/* Zero bytes = empty. */
typedef struct ordered_state {
    int64_t n;
    ordered_entry *first;
    ordered_entry *last;
} ordered_state;

int64_t
cni_agg_ordered_state_bytes(void)
{
    return (int64_t)sizeof(ordered_state);
}

/* ---- keys of rows ---- */

/* Normalized keys of some columns of a chunk. */
typedef struct row_keys {
    cni_buffer *buffer;
    int64_t n_bytes;
    int64_t *offsets;
    int64_t n_offsets;
    cni_allocator *allocator;
} row_keys;

static void
row_keys_done(row_keys *self)
{
    cni_buffer_unref(self->buffer);
    if (self->allocator != NULL) {
        cni_dealloc(self->allocator, self->offsets,
                    self->n_offsets * (int64_t)sizeof(*self->offsets));
    }
}

static cn_code
encode_keys(cni_agg_operator *self, const cni_chunk *chunk, const cni_phys_order *orders,
            int32_t n_orders, row_keys *out, cn_error *err)
{
    cni_sort_spec specs[CNI_AGG_MAX_ORDERS];
    const cni_vector *columns[CNI_AGG_MAX_ORDERS];
    cni_allocator *allocator = self->base.context->allocator;
    for (int32_t at = 0; at < n_orders; at++) {
        columns[at] = &chunk->columns[orders[at].position];
        specs[at] =
            (cni_sort_spec){columns[at]->type, orders[at].descending, orders[at].nulls_first, true};
    }
    CN_TRY(cni_alloc_array(allocator, chunk->n_rows + 1, (int64_t)sizeof(*out->offsets),
                           &out->offsets, err));
    out->allocator = allocator;
    out->n_offsets = chunk->n_rows + 1;
    return cni_sort_key_encode(allocator, specs, columns, n_orders, chunk->n_rows, &out->buffer,
                               &out->n_bytes, out->offsets, err);
}

static cn_code
encode_args(cni_agg_operator *self, const cni_chunk *chunk, const cni_phys_call *spec,
            row_keys *out, cn_error *err)
{
    cni_phys_order orders[CNI_AGG_MAX_ARGS];
    for (int32_t arg = 0; arg < spec->n_args; arg++) {
        orders[arg] = (cni_phys_order){.position = spec->args[arg], .nullable = true};
    }
    return encode_keys(self, chunk, orders, spec->n_args, out, err);
}

/* ---- adding rows ---- */

/* A chunk's rows on their way into states. */
typedef struct ordered_update {
    cni_agg_operator *op;
    cni_agg_local *local;
    const cni_agg_call *call;
    const cni_chunk *chunk;
    row_keys keys;
    row_keys args_keys;
    cni_cell_reader readers[CNI_AGG_MAX_ARGS];
} ordered_update;

static cn_code
copy_key(cni_arena *heap, const row_keys *keys, int64_t row, const uint8_t **out_key,
         int32_t *out_bytes, cn_error *err)
{
    if (keys->offsets == NULL) {
        return CN_OK;
    }
    const int64_t n_bytes = keys->offsets[row + 1] - keys->offsets[row];
    uint8_t *copy = NULL;
    CN_TRY(cni_arena_alloc(heap, n_bytes, &copy, err));
    memcpy(copy, keys->buffer->data + keys->offsets[row], (size_t)n_bytes);
    *out_key = copy;
    *out_bytes = (int32_t)n_bytes;
    return CN_OK;
}

static cn_code
copy_cells(const ordered_update *self, int64_t row, ordered_entry *entry, cn_error *err)
{
    cni_arena *heap = self->local->table.heap;
    const int32_t n_args = self->call->spec->n_args;
    const int64_t n_bytes = n_args * ((int64_t)sizeof(cni_cell) + 1);
    CN_TRY(cni_arena_alloc(heap, n_bytes, &entry->cells, err));
    entry->valid = (uint8_t *)(entry->cells + n_args);
    for (int32_t arg = 0; arg < n_args; arg++) {
        const cni_cell_reader *reader = &self->readers[arg];
        if (cni_cell_is_valid(reader, row)) {
            entry->valid[arg] = 1;
            cni_cell_read(reader, row, &entry->cells[arg]);
            CN_TRY(cni_cell_keep(heap, self->op->base.context->allocator,
                                 (cni_cell_kind)reader->kind, &entry->cells[arg], err));
        }
    }
    return CN_OK;
}

static cn_code
add_row(const ordered_update *self, int64_t row, ordered_state *state, cn_error *err)
{
    cni_arena *heap = self->local->table.heap;
    ordered_entry *entry = NULL;
    CN_TRY(CN_ARENA_NEW(heap, &entry, err));
    entry->sequence = self->chunk->sequence;
    entry->place = self->local->rows_in + row;
    CN_TRY(copy_key(heap, &self->keys, row, &entry->key, &entry->key_bytes, err));
    CN_TRY(copy_key(heap, &self->args_keys, row, &entry->args_key, &entry->args_key_bytes, err));
    CN_TRY(copy_cells(self, row, entry, err));
    if (state->last == NULL) {
        state->first = entry;
    } else {
        state->last->next = entry;
    }
    state->last = entry;
    state->n++;
    return CN_OK;
}

static cn_code
add_rows(ordered_update *self, const uint64_t *live, const uint32_t *groups, cn_error *err)
{
    const cni_agg_layout *layout = self->op->layout;
    for (int64_t row = 0; row < self->chunk->n_rows; row++) {
        if (live != NULL && ((live[row >> 6] >> (row & 63)) & 1) == 0) {
            continue;
        }
        const int64_t group = groups == NULL ? self->local->one_group : groups[row];
        uint8_t *state = self->local->table.rows + group * layout->row_bytes;
        CN_TRY(add_row(self, row, (void *)(state + self->call->state_offset), err));
    }
    return CN_OK;
}

static cn_code
update_encoded(ordered_update *self, const uint64_t *live, const uint32_t *groups, cn_error *err)
{
    const cni_phys_call *spec = self->call->spec;
    for (int32_t arg = 0; arg < spec->n_args; arg++) {
        const cni_vector *vector = NULL;
        CN_TRY(
            cni_agg_local_flat(self->op, self->local, self->chunk, spec->args[arg], &vector, err));
        self->readers[arg] = cni_cell_reader_of(vector);
    }
    if (spec->n_orders > 0) {
        CN_TRY(encode_keys(self->op, self->chunk, spec->orders, spec->n_orders, &self->keys, err));
    }
    if (spec->distinct) {
        CN_TRY(encode_args(self->op, self->chunk, spec, &self->args_keys, err));
    }
    return add_rows(self, live, groups, err);
}

cn_code
cni_agg_ordered_update(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
                       const cni_agg_call *call, const uint64_t *live, const uint32_t *groups,
                       cn_error *err)
{
    ordered_update update = {.op = self, .local = local, .call = call, .chunk = chunk};
    const cn_code code = update_encoded(&update, live, groups, err);
    row_keys_done(&update.keys);
    row_keys_done(&update.args_keys);
    return code;
}

/* ---- merging ---- */

void
cni_agg_ordered_merge(uint8_t *into, const uint8_t *from)
{
    ordered_state *state = (void *)into;
    const ordered_state *other = (const void *)from;
    if (other->n == 0) {
        return;
    }
    if (state->last == NULL) {
        state->first = other->first;
    } else {
        state->last->next = other->first;
    }
    state->last = other->last;
    state->n += other->n;
}

/* ---- as bytes: | n | per entry: sequence, place, keys with their lengths, validity, cells | ----
 */

static cn_code
save_key(const uint8_t *key, int32_t n_bytes, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_bytes_put(out, &n_bytes, (int64_t)sizeof(n_bytes), err));
    return cni_bytes_put(out, key, n_bytes, err);
}

static cn_code
save_entry(const cni_agg_operator *self, const cni_agg_call *call, const ordered_entry *entry,
           cni_strbuf *out, cn_error *err)
{
    const cni_phys_call *spec = call->spec;
    CN_TRY(cni_bytes_put(out, &entry->sequence, (int64_t)sizeof(entry->sequence), err));
    CN_TRY(cni_bytes_put(out, &entry->place, (int64_t)sizeof(entry->place), err));
    CN_TRY(save_key(entry->key, entry->key_bytes, out, err));
    CN_TRY(save_key(entry->args_key, entry->args_key_bytes, out, err));
    CN_TRY(cni_bytes_put(out, entry->valid, spec->n_args, err));
    for (int32_t arg = 0; arg < spec->n_args; arg++) {
        const cni_type *type = self->spec->input_types[spec->args[arg]];
        if (entry->valid[arg] != 0) {
            CN_TRY(cni_cell_save(self->base.context->allocator, cni_cell_kind_of(type),
                                 &entry->cells[arg], out, err));
        }
    }
    return CN_OK;
}

cn_code
cni_agg_ordered_save(cni_agg_operator *self, const cni_agg_call *call, const uint8_t *state,
                     cni_strbuf *out, cn_error *err)
{
    const ordered_state *saved = (const void *)state;
    CN_TRY(cni_bytes_put(out, &saved->n, (int64_t)sizeof(saved->n), err));
    for (const ordered_entry *entry = saved->first; entry != NULL; entry = entry->next) {
        CN_TRY(save_entry(self, call, entry, out, err));
        if (entry == saved->last) { /* what follows has been merged with others */
            break;
        }
    }
    return CN_OK;
}

static cn_code
load_key(cni_str *inout_bytes, cni_arena *heap, const uint8_t **out_key, int32_t *out_bytes,
         cn_error *err)
{
    uint8_t *key = NULL;
    int32_t n_bytes = 0;
    CN_TRY(cni_bytes_take(inout_bytes, &n_bytes, (int64_t)sizeof(n_bytes), err));
    if (n_bytes < 0 || n_bytes > inout_bytes->len_bytes) {
        return CN_FAIL(err, CN_INVALID_DATA, "a saved key has %d bytes", (int)n_bytes);
    }
    if (n_bytes > 0) {
        CN_TRY(cni_arena_alloc(heap, n_bytes, &key, err));
        CN_TRY(cni_bytes_take(inout_bytes, key, n_bytes, err));
    }
    *out_key = key;
    *out_bytes = n_bytes;
    return CN_OK;
}

static cn_code
load_entry(const cni_agg_operator *self, const cni_agg_call *call, cni_str *inout_bytes,
           cni_arena *heap, ordered_entry **out_entry, cn_error *err)
{
    const cni_phys_call *spec = call->spec;
    const int64_t n_bytes = spec->n_args * ((int64_t)sizeof(cni_cell) + 1);
    ordered_entry *entry = NULL;
    CN_TRY(CN_ARENA_NEW(heap, &entry, err));
    CN_TRY(cni_bytes_take(inout_bytes, &entry->sequence, (int64_t)sizeof(entry->sequence), err));
    CN_TRY(cni_bytes_take(inout_bytes, &entry->place, (int64_t)sizeof(entry->place), err));
    CN_TRY(load_key(inout_bytes, heap, &entry->key, &entry->key_bytes, err));
    CN_TRY(load_key(inout_bytes, heap, &entry->args_key, &entry->args_key_bytes, err));
    CN_TRY(cni_arena_alloc(heap, n_bytes, &entry->cells, err));
    entry->valid = (uint8_t *)(entry->cells + spec->n_args);
    CN_TRY(cni_bytes_take(inout_bytes, entry->valid, spec->n_args, err));
    for (int32_t arg = 0; arg < spec->n_args; arg++) {
        if (entry->valid[arg] != 0) {
            CN_TRY(cni_cell_load(heap, self->base.context->allocator,
                                 self->spec->input_types[spec->args[arg]], inout_bytes,
                                 &entry->cells[arg], err));
        }
    }
    *out_entry = entry;
    return CN_OK;
}

cn_code
cni_agg_ordered_load(cni_agg_operator *self, const cni_agg_call *call, cni_str *inout_bytes,
                     cni_arena *heap, uint8_t *out_state, cn_error *err)
{
    ordered_state loaded = {0};
    int64_t n = 0;
    CN_TRY(cni_bytes_take(inout_bytes, &n, (int64_t)sizeof(n), err));
    for (; loaded.n < n; loaded.n++) {
        ordered_entry *entry = NULL;
        CN_TRY(load_entry(self, call, inout_bytes, heap, &entry, err));
        if (loaded.last == NULL) {
            loaded.first = entry;
        } else {
            loaded.last->next = entry;
        }
        loaded.last = entry;
    }
    memcpy(out_state, &loaded, sizeof(loaded));
    return CN_OK;
}

/* ---- sorting ---- */

static int
compare_keys(const uint8_t *a, int32_t a_bytes, const uint8_t *b, int32_t b_bytes)
{
    const int32_t n = a_bytes < b_bytes ? a_bytes : b_bytes;
    const int order = n == 0 ? 0 : memcmp(a, b, (size_t)n);
    return order != 0 ? order : a_bytes - b_bytes;
}

static int
compare_places(const ordered_entry *a, const ordered_entry *b)
{
    if (a->sequence != b->sequence) {
        return a->sequence < b->sequence ? -1 : 1;
    }
    return a->place < b->place ? -1 : 1;
}

static int
compare_entries(const ordered_entry *a, const ordered_entry *b)
{
    const int order = compare_keys(a->key, a->key_bytes, b->key, b->key_bytes);
    return order != 0 ? order : compare_places(a, b);
}

static int
compare_args(const ordered_entry *a, const ordered_entry *b)
{
    const int order = compare_keys(a->args_key, a->args_key_bytes, b->args_key, b->args_key_bytes);
    return order != 0 ? order : compare_entries(a, b);
}

typedef int (*compare_fn)(const ordered_entry *a, const ordered_entry *b);

/* Two sorted runs, [first, middle) and [middle, end), into one. */
static cn_code
merge_runs(cni_context *context, ordered_entry *const *from, ordered_entry **to, int64_t first,
           int64_t middle, int64_t end, compare_fn compare, cn_error *err)
{
    int64_t left = first;
    int64_t right = middle;
    for (int64_t at = first; at < end; at++) {
        if ((at & CHECK_MASK) == 0) {
            CN_TRY(cni_context_check(context, err));
        }
        const bool take_left =
            right >= end || (left < middle && compare(from[left], from[right]) <= 0);
        to[at] = take_left ? from[left++] : from[right++];
    }
    return CN_OK;
}

/* Bottom-up merge sort, stable. */
static cn_code
sort_entries(cni_context *context, ordered_entry **inout_entries, ordered_entry **spare, int64_t n,
             compare_fn compare, cn_error *err)
{
    ordered_entry **from = inout_entries;
    ordered_entry **to = spare;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t first = 0; first < n; first += 2 * width) {
            CN_TRY(merge_runs(context, from, to, first, cni_min_i64(first + width, n),
                              cni_min_i64(first + 2 * width, n), compare, err));
        }
        ordered_entry **swapped = from;
        from = to;
        to = swapped;
    }
    if (from != inout_entries) {
        memcpy((void *)inout_entries, (const void *)from, (size_t)n * sizeof(*from));
    }
    return CN_OK;
}

/* Entries with arguments that an earlier one has go; gives how many stay. */
static int64_t
drop_equal_args(ordered_entry **entries, int64_t n)
{
    int64_t n_kept = 0;
    for (int64_t at = 0; at < n; at++) {
        const ordered_entry *last = n_kept == 0 ? NULL : entries[n_kept - 1];
        if (last == NULL || compare_keys(last->args_key, last->args_key_bytes,
                                         entries[at]->args_key, entries[at]->args_key_bytes) != 0) {
            entries[n_kept++] = entries[at];
        }
    }
    return n_kept;
}

static cn_code
sort_state(cni_context *context, const ordered_state *state, bool distinct, ordered_entry **entries,
           int64_t *out_n, cn_error *err)
{
    ordered_entry **spare = entries + state->n;
    ordered_entry *entry = state->first;
    int64_t n = 0;
    for (; n < state->n; n++) {
        entries[n] = entry;
        entry = entry->next;
    }
    if (distinct) {
        CN_TRY(sort_entries(context, entries, spare, n, compare_args, err));
        n = drop_equal_args(entries, n);
    }
    *out_n = n;
    return sort_entries(context, entries, spare, n, compare_entries, err);
}

/* ---- results ---- */

/* The function's own states of the rows that are emitted. */
typedef struct ordered_emit {
    cni_agg_operator *op;
    const cni_agg_call *call;
    cni_arena *heap;
    uint8_t *states;
    int64_t state_bytes;
} ordered_emit;

static cni_aggregate_call
own_call(const ordered_emit *self)
{
    const cni_phys_call *spec = self->call->spec;
    return (cni_aggregate_call){
        .env = {self->op->base.context->allocator, self->op->kernels, NULL, 0},
        .context = self->op->base.context,
        .bind_data = spec->bind_data,
        .type = spec->type,
        .n_args = spec->n_args,
        .states = self->states,
        .stride_bytes = self->state_bytes,
        .heap = self->heap,
    };
}

static cn_code
args_of_entries(const ordered_emit *self, ordered_entry *const *entries, int64_t n,
                cni_vector *out_args, cn_error *err)
{
    cni_allocator *allocator = self->op->base.context->allocator;
    const cni_phys_call *spec = self->call->spec;
    CN_SCOPED(cni_cell_rows) rows = {0};
    CN_TRY(cni_cell_rows_new(allocator, n, &rows, err));
    for (int32_t arg = 0; arg < spec->n_args; arg++) {
        for (int64_t at = 0; at < n; at++) {
            rows.valid[at] = entries[at]->valid[arg];
            rows.cells[at] = entries[at]->cells[arg];
        }
        CN_TRY(cni_cell_rows_finish(&rows, self->op->spec->input_types[spec->args[arg]],
                                    &out_args[arg], err));
    }
    return CN_OK;
}

/* At most FEED_ROWS entries to state `group`. */
static cn_code
feed_batch(const ordered_emit *self, ordered_entry *const *entries, int64_t n, uint32_t group,
           int64_t sequence, cn_error *err)
{
    const cni_function *function = self->call->spec->function;
    cni_vector args[CNI_AGG_MAX_ARGS] = {0};
    const cni_vector *pointers[CNI_AGG_MAX_ARGS];
    uint32_t groups[FEED_ROWS];
    for (int64_t at = 0; at < n; at++) {
        groups[at] = group;
    }
    for (int32_t arg = 0; arg < CNI_AGG_MAX_ARGS; arg++) {
        pointers[arg] = &args[arg];
    }
    cn_code code = args_of_entries(self, entries, n, args, err);
    if (code == CN_OK) {
        cni_aggregate_call call = own_call(self);
        call.env.n_rows = n;
        call.args = pointers;
        call.group = groups;
        call.sequence = sequence; /* rows are fed in the order that counts */
        code = function->update(function, &call, err);
    }
    for (int32_t arg = 0; arg < self->call->spec->n_args; arg++) {
        cni_vector_done(&args[arg]);
    }
    return code;
}

static cn_code
feed_state(const ordered_emit *self, const ordered_state *state, uint32_t group, cn_error *err)
{
    cni_allocator *allocator = self->op->base.context->allocator;
    const int64_t n_bytes = 2 * state->n * (int64_t)sizeof(ordered_entry *);
    ordered_entry **entries = NULL;
    CN_TRY(cni_context_check(self->op->base.context, err));
    CN_TRY(cni_alloc(allocator, n_bytes, (void *)&entries, err));
    int64_t n = 0;
    cn_code code =
        sort_state(self->op->base.context, state, self->call->spec->distinct, entries, &n, err);
    for (int64_t first = 0; first < n && code == CN_OK; first += FEED_ROWS) {
        code = cni_context_check(self->op->base.context, err);
        code = code != CN_OK ? code
                             : feed_batch(self, entries + first, cni_min_i64(FEED_ROWS, n - first),
                                          group, first / FEED_ROWS, err);
    }
    cni_dealloc(allocator, (void *)entries, n_bytes);
    return code;
}

static cn_code
emit_states(ordered_emit *self, const uint8_t *rows, int64_t n, cni_vector *out_vector,
            cn_error *err)
{
    const cni_function *function = self->call->spec->function;
    CN_TRY(cni_arena_alloc(self->heap, n * self->state_bytes, &self->states, err));
    for (int64_t at = 0; at < n; at++) {
        const uint8_t *row = rows + at * self->op->layout->row_bytes;
        if (function->init != NULL) {
            function->init(function, self->call->spec->bind_data,
                           self->states + at * self->state_bytes);
        }
        CN_TRY(feed_state(self, (const void *)(row + self->call->state_offset), (uint32_t)at, err));
    }
    cni_aggregate_call call = own_call(self);
    call.env.n_rows = n;
    return function->emit(function, &call, n, out_vector, err);
}

cn_code
cni_agg_ordered_emit(cni_agg_operator *self, const cni_agg_call *call, const uint8_t *rows,
                     int64_t n, cni_vector *out_vector, cn_error *err)
{
    const cni_function *function = call->spec->function;
    CN_SCOPED(cni_arena_p) heap = NULL;
    CN_TRY(cni_arena_new(self->allocator, "ordered aggregates", &heap, err));
    ordered_emit emit = {
        .op = self,
        .call = call,
        .heap = heap,
        .state_bytes = function->state_bytes(function, call->spec->bind_data),
    };
    return emit_states(&emit, rows, n, out_vector, err);
}
