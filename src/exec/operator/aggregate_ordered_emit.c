/* SPDX-License-Identifier: Apache-2.0
 *
 * Results of calls with ORDER BY: the entries of a state sorted, then fed to the function's own
 * update in that order.
 *
 *   entries -> items: what keys have behind their common bytes, and a pointer -> sorted
 *           -> batches over groups: arguments as vectors -> update -> states -> emit
 */
#include "exec/operator/aggregate_ordered_int.h"

#define FEED_ROWS  1024
#define RUN_ITEMS  8      /* sorted by insertion */
#define CHECK_MASK 0x3FFF /* steps between looks at the cancel flag */

/* ---- sorting ---- */

typedef struct ordered_item {
    uint64_t lead; /* eight bytes of the key, behind those that all keys have */
    const uint8_t *entry;
} ordered_item;

static inline bool
is_before(const ordered_item *a, const ordered_item *b)
{
    cni_agg_entry left;
    cni_agg_entry right;
    if (a->lead != b->lead) {
        return a->lead < b->lead;
    }
    (void)cni_agg_entry_open(a->entry, &left);
    (void)cni_agg_entry_open(b->entry, &right);
    return cni_agg_entry_compare(&left, &right) < 0;
}

/* Runs of at most RUN_ITEMS. */
static void
sort_runs(ordered_item *items, int64_t n)
{
    for (int64_t first = 0; first < n; first += RUN_ITEMS) {
        const int64_t end = cni_min_i64(first + RUN_ITEMS, n);
        for (int64_t at = first + 1; at < end; at++) {
            const ordered_item item = items[at];
            int64_t to = at;
            for (; to > first && is_before(&item, &items[to - 1]); to--) {
                items[to] = items[to - 1];
            }
            items[to] = item;
        }
    }
}

/* Two sorted runs, [first, middle) and [middle, end), into one. */
static cn_code
merge_runs(cni_context *context, const ordered_item *from, ordered_item *to, int64_t first,
           int64_t middle, int64_t end, cn_error *err)
{
    int64_t left = first;
    int64_t right = middle;
    if (middle >= end || !is_before(&from[middle], &from[middle - 1])) {
        memcpy(to + first, from + first, (size_t)(end - first) * sizeof(*to));
        return CN_OK;
    }
    for (int64_t at = first; at < end; at++) {
        if ((at & CHECK_MASK) == 0) {
            CN_TRY(cni_context_check(context, err));
        }
        const bool take_left =
            right >= end || (left < middle && !is_before(&from[right], &from[left]));
        to[at] = take_left ? from[left++] : from[right++];
    }
    return CN_OK;
}

/* Stable; the sorted ones are in *out_sorted, which is `items` or `spare`. */
static cn_code
sort_items(cni_context *context, ordered_item *items, ordered_item *spare, int64_t n,
           ordered_item **out_sorted, cn_error *err)
{
    ordered_item *from = items;
    ordered_item *to = spare;
    sort_runs(items, n);
    for (int64_t width = RUN_ITEMS; width < n; width *= 2) {
        for (int64_t first = 0; first < n; first += 2 * width) {
            CN_TRY(merge_runs(context, from, to, first, cni_min_i64(first + width, n),
                              cni_min_i64(first + 2 * width, n), err));
        }
        ordered_item *swapped = from;
        from = to;
        to = swapped;
    }
    *out_sorted = from;
    return CN_OK;
}

static int64_t
common_bytes(const cni_agg_entry *a, const cni_agg_entry *b, int64_t most)
{
    const int64_t n = cni_min_i64(most, cni_min_i64(a->key_bytes, b->key_bytes));
    int64_t at = 0;
    while (at < n && a->key[at] == b->key[at]) {
        at++;
    }
    return at;
}

/* The entries of a state, in the order of its list; gives how many bytes all keys begin with. */
static int64_t
list_items(const cni_agg_ordered *state, ordered_item *items)
{
    cni_agg_entry first = {0};
    int64_t n_common = INT64_MAX;
    int64_t n = 0;
    for (const cni_agg_piece *piece = state->first; n < state->n; piece = piece->next) {
        const uint8_t *end = piece->bytes + piece->n_bytes;
        for (const uint8_t *at = piece->bytes; at < end;) {
            cni_agg_entry entry;
            items[n++].entry = at;
            at = cni_agg_entry_open(at, &entry);
            first = n == 1 ? entry : first;
            n_common = common_bytes(&first, &entry, n_common);
        }
    }
    return n_common;
}

static uint64_t
lead_of(const uint8_t *entry, int64_t n_common)
{
    cni_agg_entry opened;
    uint8_t bytes[8] = {0};
    uint64_t lead = 0;
    (void)cni_agg_entry_open(entry, &opened);
    const int64_t n = cni_min_i64(opened.key_bytes - n_common, 8);
    if (n > 0) {
        memcpy(bytes, opened.key + n_common, (size_t)n);
    }
    for (int32_t at = 0; at < 8; at++) {
        lead = lead << 8 | bytes[at];
    }
    return lead;
}

/* ---- feeding ---- */

/* The function's own states of the rows that are emitted. */
typedef struct ordered_emit {
    cni_agg_operator *op;
    const cni_agg_call *call;
    cni_arena *heap;
    uint8_t *states;
    int64_t state_bytes;
    ordered_item *items; /* scratch: twice as many as the largest state has */
    int64_t n_item_bytes;
    int64_t n; /* rows to be fed */
    int64_t sequence;
    const uint8_t *entries[FEED_ROWS];
    uint32_t groups[FEED_ROWS];
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

/* Texts that borrow. */
static cn_code
views_of_rows(const cni_cell_rows *rows, const cni_type *type, cni_vector *out_vector,
              cn_error *err)
{
    CN_TRY(
        cni_vector_new_flat(rows->allocator, type, CNI_PHYS_VIEW, rows->n, true, out_vector, err));
    uint8_t *validity = cni_vector_mutable_validity(out_vector);
    memcpy(cni_vector_mutable_data(out_vector), rows->cells,
           (size_t)rows->n * sizeof(*rows->cells));
    for (int64_t row = 0; row < rows->n; row++) {
        cni_bit_write(validity, row, rows->valid[row] != 0);
    }
    return CN_OK;
}

static cn_code
fill_args(const ordered_emit *self, cni_cell_rows *rows, cni_vector *out_args, cn_error *err)
{
    const cni_phys_call *spec = self->call->spec;
    for (int32_t arg = 0; arg < spec->n_args; arg++) {
        CN_TRY(cni_cell_rows_new(self->op->base.context->allocator, self->n, &rows[arg], err));
    }
    for (int64_t at = 0; at < self->n; at++) {
        cni_agg_entry entry;
        (void)cni_agg_entry_open(self->entries[at], &entry);
        CN_TRY(cni_agg_entry_values(self->op, self->call, &entry, self->heap, at, rows, err));
    }
    for (int32_t arg = 0; arg < spec->n_args; arg++) {
        const cni_type *type = self->op->spec->input_types[spec->args[arg]];
        CN_TRY(cni_type_phys(type) == CNI_PHYS_VIEW
                   ? views_of_rows(&rows[arg], type, &out_args[arg], err)
                   : cni_cell_rows_finish(&rows[arg], type, &out_args[arg], err));
    }
    return CN_OK;
}

static cn_code
feed_args(const ordered_emit *self, const cni_vector *args, cn_error *err)
{
    const cni_function *function = self->call->spec->function;
    const cni_vector *pointers[CNI_AGG_MAX_ARGS];
    cni_aggregate_call call = own_call(self);
    for (int32_t arg = 0; arg < CNI_AGG_MAX_ARGS; arg++) {
        pointers[arg] = &args[arg];
    }
    call.env.n_rows = self->n;
    call.args = pointers;
    call.group = self->groups;
    call.sequence = self->sequence; /* rows are fed in the order that counts */
    return function->update(function, &call, err);
}

/* The rows that have been collected. */
static cn_code
feed_batch(ordered_emit *self, cn_error *err)
{
    cni_cell_rows rows[CNI_AGG_MAX_ARGS] = {0};
    cni_vector args[CNI_AGG_MAX_ARGS] = {0};
    if (self->n == 0) {
        return CN_OK;
    }
    CN_TRY(cni_context_check(self->op->base.context, err));
    cn_code code = fill_args(self, rows, args, err);
    code = code == CN_OK ? feed_args(self, args, err) : code;
    for (int32_t arg = 0; arg < self->call->spec->n_args; arg++) {
        cni_cell_rows_done(&rows[arg]);
        cni_vector_done(&args[arg]);
    }
    self->n = 0;
    self->sequence++;
    return code;
}

static cn_code
reserve_items(ordered_emit *self, int64_t n, cn_error *err)
{
    cni_allocator *allocator = self->op->base.context->allocator;
    const int64_t n_bytes = 2 * n * (int64_t)sizeof(*self->items);
    if (n_bytes > self->n_item_bytes) {
        cni_dealloc(allocator, self->items, self->n_item_bytes);
        self->items = NULL;
        self->n_item_bytes = 0;
        CN_TRY(cni_alloc(allocator, n_bytes, &self->items, err));
        self->n_item_bytes = n_bytes;
    }
    return CN_OK;
}

static cn_code
feed_state(ordered_emit *self, const cni_agg_ordered *state, uint32_t group, cn_error *err)
{
    ordered_item *sorted = NULL;
    if (state->n == 0) {
        return CN_OK;
    }
    CN_TRY(reserve_items(self, state->n, err));
    const int64_t n_common = list_items(state, self->items);
    for (int64_t at = 0; at < state->n; at++) {
        self->items[at].lead = lead_of(self->items[at].entry, n_common);
    }
    CN_TRY(sort_items(self->op->base.context, self->items, self->items + state->n, state->n,
                      &sorted, err));
    for (int64_t at = 0; at < state->n; at++) {
        self->entries[self->n] = sorted[at].entry;
        self->groups[self->n++] = group;
        if (self->n == FEED_ROWS) {
            CN_TRY(feed_batch(self, err));
        }
    }
    return CN_OK;
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
    CN_TRY(feed_batch(self, err));
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
    ordered_emit emit;
    emit = (ordered_emit){
        .op = self,
        .call = call,
        .heap = heap,
        .state_bytes = function->state_bytes(function, call->spec->bind_data),
    };
    const cn_code code = emit_states(&emit, rows, n, out_vector, err);
    cni_dealloc(self->base.context->allocator, emit.items, emit.n_item_bytes);
    return code;
}
