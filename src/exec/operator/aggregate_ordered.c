/* SPDX-License-Identifier: Apache-2.0
 *
 * ORDER BY inside aggregate calls, and DISTINCT in calls that depend on order: the state of such a
 * call is the list of its rows; when results are asked for, they are sorted and fed to the
 * function's own update (aggregate_ordered_emit.c).
 *
 *   state -> piece: entry entry entry -> piece: entry entry ...       in the heap
 *   DISTINCT -> piece: entry -> piece: entry ...          found by slots, once there are more than
 * 8
 *
 * Entries are bytes (aggregate_ordered_int.h), so states leave memory as they are. Of rows with
 * equal sort keys the first in source order comes first; of equal arguments under DISTINCT the
 * first in the call's order stays: it is exchanged in place.
 */
#include "data/row/hash.h"
#include "data/row/sort_key.h"
#include "exec/operator/aggregate_ordered_int.h"
#include "plan/function/cell_bytes.h"

#define MAX_PIECE_BYTES (INT64_C(1) << 16)
#define MAX_LISTED      8 /* distinct entries that are looked through one by one */
#define MAX_BYTES       (INT64_C(1) << 40)

int64_t
cni_agg_ordered_state_bytes(void)
{
    return (int64_t)sizeof(cni_agg_ordered);
}

int64_t
cni_agg_ordered_bytes(const uint8_t *state)
{
    const cni_agg_ordered *read = (const void *)state;
    return read->n_bytes;
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

/* ---- entries ---- */

const uint8_t *
cni_agg_entry_open(const uint8_t *bytes, cni_agg_entry *out_entry)
{
    int64_t n_bytes = 0;
    const uint8_t *at = cni_agg_take_varint(bytes, &n_bytes);
    out_entry->end = at + n_bytes;
    out_entry->key = cni_agg_take_varint(at, &out_entry->key_bytes);
    at = out_entry->key + out_entry->key_bytes;
    out_entry->args_key = cni_agg_take_varint(at, &out_entry->args_key_bytes);
    at = out_entry->args_key + out_entry->args_key_bytes;
    at = cni_agg_take_varint(at, &out_entry->sequence);
    out_entry->values = cni_agg_take_varint(at, &out_entry->place);
    return out_entry->end;
}

static int
compare_keys(const uint8_t *a, int64_t a_bytes, const uint8_t *b, int64_t b_bytes)
{
    const int64_t n = cni_min_i64(a_bytes, b_bytes);
    const int order = n == 0 ? 0 : memcmp(a, b, (size_t)n);
    return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

int
cni_agg_entry_compare(const cni_agg_entry *a, const cni_agg_entry *b)
{
    const int order = compare_keys(a->key, a->key_bytes, b->key, b->key_bytes);
    if (order != 0) {
        return order;
    }
    return a->sequence != b->sequence ? (a->sequence < b->sequence ? -1 : 1)
                                      : (a->place > b->place) - (a->place < b->place);
}

/* Cells that are written as they are, as far as they say something. */
static inline bool
is_word(cni_cell_kind kind)
{
    return kind == CNI_CELL_I64 || kind == CNI_CELL_U64 || kind == CNI_CELL_F64;
}

static cn_code
put_cell(const cni_agg_operator *self, cni_cell_kind kind, const cni_cell *cell, cni_strbuf *out,
         cn_error *err)
{
    if (is_word(kind)) {
        CN_TRY(cni_agg_bytes_reserve(out, 8, err));
        memcpy(out->data + out->len_bytes, cell->words, 8);
        out->len_bytes += 8;
        return CN_OK;
    }
    if (kind != CNI_CELL_BYTES) {
        return cni_cell_save(self->base.context->allocator, kind, cell, out, err);
    }
    const cni_view view = cni_cell_view(cell);
    CN_TRY(cni_agg_bytes_reserve(out, CNI_AGG_MAX_VARINT + (int64_t)view.len_bytes, err));
    uint8_t *to = (uint8_t *)out->data + out->len_bytes;
    uint8_t *text = cni_agg_put_varint(to, view.len_bytes);
    memcpy(text, cni_view_data(&view), view.len_bytes);
    out->len_bytes += (text - to) + (int64_t)view.len_bytes;
    return CN_OK;
}

/* Words: those of signed integers are extended. */
static const uint8_t *
take_word(cni_cell_kind kind, const uint8_t *from, cni_cell *out_cell)
{
    memcpy(out_cell->words, from, 8);
    const bool negative = kind == CNI_CELL_I64 && (int64_t)out_cell->words[0] < 0;
    out_cell->words[1] = negative ? ~UINT64_C(0) : 0;
    return from + 8;
}

static const uint8_t *
take_text(const uint8_t *from, cni_cell *out_cell)
{
    int64_t n_bytes = 0;
    from = cni_agg_take_varint(from, &n_bytes);
    const cni_view view = cni_view_make((const char *)from, (uint32_t)n_bytes);
    memcpy(out_cell, &view, sizeof(view));
    return from + n_bytes;
}

cn_code
cni_agg_entry_values(const cni_agg_operator *self, const cni_agg_call *call,
                     const cni_agg_entry *entry, cni_arena *heap, int64_t at, cni_cell_rows *rows,
                     cn_error *err)
{
    const cni_phys_call *spec = call->spec;
    const uint8_t *from = entry->values + spec->n_args;
    for (int32_t arg = 0; arg < spec->n_args; arg++) {
        const cni_type *type = self->spec->input_types[spec->args[arg]];
        const cni_cell_kind kind = cni_cell_kind_of(type);
        cni_cell *cell = &rows[arg].cells[at];
        rows[arg].valid[at] = entry->values[arg];
        if (entry->values[arg] == 0) {
            continue;
        }
        if (is_word(kind)) {
            from = take_word(kind, from, cell);
        } else if (kind == CNI_CELL_BYTES) {
            from = take_text(from, cell);
        } else {
            cni_str bytes = {(const char *)from, entry->end - from};
            CN_TRY(cni_cell_load(heap, self->base.context->allocator, type, &bytes, cell, err));
            from = (const uint8_t *)bytes.data;
        }
    }
    return CN_OK;
}

/* ---- pieces ---- */

static cn_code
add_piece(cni_agg_ordered *self, cni_arena *heap, int64_t cap_bytes, cni_agg_piece **out_piece,
          cn_error *err)
{
    cni_agg_piece *piece = NULL;
    const int64_t cap = cni_round_up(cap_bytes, 16);
    if (cap > UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a row of an ordered aggregate has %lld bytes",
                       (long long)cap);
    }
    CN_TRY(cni_arena_alloc(heap, (int64_t)sizeof(*piece) + cap, &piece, err));
    piece->bytes = (uint8_t *)(piece + 1);
    piece->cap_bytes = (uint32_t)cap;
    if (self->last == NULL) {
        self->first = piece;
    } else {
        self->last->next = piece;
    }
    self->last = piece;
    *out_piece = piece;
    return CN_OK;
}

static int64_t
varint_bytes(int64_t value)
{
    uint8_t bytes[CNI_AGG_MAX_VARINT];
    return cni_agg_put_varint(bytes, value) - bytes;
}

static void
put_entry(uint8_t *to, cni_str body)
{
    memcpy(cni_agg_put_varint(to, body.len_bytes), body.data, (size_t)body.len_bytes);
}

/* Behind the others. */
static cn_code
append_entry(cni_agg_ordered *self, cni_arena *heap, cni_str body, cn_error *err)
{
    cni_agg_piece *piece = self->last;
    const int64_t n_bytes = body.len_bytes + varint_bytes(body.len_bytes);
    if (piece == NULL || piece->cap_bytes - piece->n_bytes < n_bytes) {
        const int64_t wanted = cni_min_i64(self->n_bytes / 2, MAX_PIECE_BYTES);
        CN_TRY(add_piece(self, heap, cni_max_i64(n_bytes, wanted), &piece, err));
    }
    put_entry(piece->bytes + piece->n_bytes, body);
    piece->n_bytes += (uint32_t)n_bytes;
    self->n_bytes += n_bytes;
    self->n++;
    return CN_OK;
}

/* ---- DISTINCT ---- */

static void
fill_slot(cni_agg_ordered *self, cni_agg_piece *piece)
{
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    uint64_t slot = piece->hash & mask;
    while (self->slots[slot] != NULL) {
        slot = (slot + 1) & mask;
    }
    self->slots[slot] = piece;
}

/* Slots for one entry more. */
static cn_code
reserve_slots(cni_agg_ordered *self, cni_arena *heap, cn_error *err)
{
    if (self->n < MAX_LISTED || (self->n + 1) * 2 <= self->n_slots) {
        return CN_OK;
    }
    int64_t n_slots = MAX_LISTED * 4;
    while (n_slots < (self->n + 1) * 4) {
        n_slots *= 2;
    }
    CN_TRY(cni_arena_alloc_array(heap, n_slots, (int64_t)sizeof(cni_agg_piece *),
                                 (void *)&self->slots, err));
    self->n_slots = n_slots;
    cni_agg_piece *piece = self->first;
    for (int64_t at = 0; at < self->n; at++, piece = piece->next) {
        fill_slot(self, piece);
    }
    return CN_OK;
}

static bool
has_args(const cni_agg_piece *piece, uint64_t hash, const cni_agg_entry *entry)
{
    cni_agg_entry own;
    if (piece->hash != hash) {
        return false;
    }
    (void)cni_agg_entry_open(piece->bytes, &own);
    return compare_keys(own.args_key, own.args_key_bytes, entry->args_key, entry->args_key_bytes) ==
           0;
}

static cni_agg_piece *
find_args(const cni_agg_ordered *self, uint64_t hash, const cni_agg_entry *entry)
{
    if (self->n_slots == 0) {
        cni_agg_piece *piece = self->first;
        for (int64_t at = 0; at < self->n; at++, piece = piece->next) {
            if (has_args(piece, hash, entry)) {
                return piece;
            }
        }
        return NULL;
    }
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    for (uint64_t slot = hash & mask; self->slots[slot] != NULL; slot = (slot + 1) & mask) {
        if (has_args(self->slots[slot], hash, entry)) {
            return self->slots[slot];
        }
    }
    return NULL;
}

/* The piece's entry becomes `bytes`, which is an entry too. What is outgrown is lost until the heap
 * goes, so there is room for as much again. */
static cn_code
exchange(cni_agg_ordered *self, cni_arena *heap, cni_agg_piece *piece, cni_str bytes, cn_error *err)
{
    if (bytes.len_bytes > piece->cap_bytes) {
        uint8_t *grown = NULL;
        const int64_t cap =
            cni_min_i64(cni_max_i64(bytes.len_bytes, piece->cap_bytes * INT64_C(2)), UINT32_MAX);
        CN_TRY(cni_arena_alloc(heap, cap, &grown, err));
        piece->bytes = grown;
        piece->cap_bytes = (uint32_t)cap;
    }
    memcpy(piece->bytes, bytes.data, (size_t)bytes.len_bytes);
    self->n_bytes += bytes.len_bytes - piece->n_bytes;
    piece->n_bytes = (uint32_t)bytes.len_bytes;
    return CN_OK;
}

/* An entry (its length in front) unless one with its arguments comes before it. */
static cn_code
add_distinct(cni_agg_ordered *self, cni_arena *heap, cni_str bytes, cn_error *err)
{
    cni_agg_entry entry;
    cni_agg_entry own;
    (void)cni_agg_entry_open((const uint8_t *)bytes.data, &entry);
    const uint64_t hash = cni_hash_bytes(entry.args_key, entry.args_key_bytes);
    CN_TRY(reserve_slots(self, heap, err));
    cni_agg_piece *piece = find_args(self, hash, &entry);
    if (piece != NULL) {
        (void)cni_agg_entry_open(piece->bytes, &own);
        return cni_agg_entry_compare(&entry, &own) < 0 ? exchange(self, heap, piece, bytes, err)
                                                       : CN_OK;
    }
    CN_TRY(add_piece(self, heap, bytes.len_bytes, &piece, err));
    memcpy(piece->bytes, bytes.data, (size_t)bytes.len_bytes);
    piece->n_bytes = (uint32_t)bytes.len_bytes;
    piece->hash = hash;
    if (self->n_slots > 0) {
        fill_slot(self, piece);
    }
    self->n_bytes += bytes.len_bytes;
    self->n++;
    return CN_OK;
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
    cni_strbuf bytes; /* of an entry, MAX_VARINT bytes in front */
} ordered_update;

static cn_code
put_key(const row_keys *keys, int64_t row, cni_strbuf *out, cn_error *err)
{
    const int64_t first = keys->offsets == NULL ? 0 : keys->offsets[row];
    const int64_t n_bytes = keys->offsets == NULL ? 0 : keys->offsets[row + 1] - first;
    CN_TRY(cni_agg_bytes_reserve(out, n_bytes + CNI_AGG_MAX_VARINT, err));
    uint8_t *to = (uint8_t *)out->data + out->len_bytes;
    uint8_t *key = cni_agg_put_varint(to, n_bytes);
    if (n_bytes > 0) {
        memcpy(key, keys->buffer->data + first, (size_t)n_bytes);
    }
    out->len_bytes += (key - to) + n_bytes;
    return CN_OK;
}

/* Sequence, place, validity. */
static cn_code
put_place(const ordered_update *self, int64_t row, cni_strbuf *out, cn_error *err)
{
    const int32_t n_args = self->call->spec->n_args;
    CN_TRY(cni_agg_bytes_reserve(out, INT64_C(2) * CNI_AGG_MAX_VARINT + n_args, err));
    uint8_t *begin = (uint8_t *)out->data + out->len_bytes;
    uint8_t *to = cni_agg_put_varint(begin, self->chunk->sequence);
    to = cni_agg_put_varint(to, self->local->rows_in + row);
    for (int32_t arg = 0; arg < n_args; arg++) {
        *to++ = cni_cell_is_valid(&self->readers[arg], row) ? 1 : 0;
    }
    out->len_bytes += to - begin;
    return CN_OK;
}

/* The entry of a row, behind MAX_VARINT bytes that are free. */
static cn_code
make_entry(ordered_update *self, int64_t row, cn_error *err)
{
    cni_strbuf *out = &self->bytes;
    out->len_bytes = CNI_AGG_MAX_VARINT;
    CN_TRY(put_key(&self->keys, row, out, err));
    CN_TRY(put_key(&self->args_keys, row, out, err));
    CN_TRY(put_place(self, row, out, err));
    for (int32_t arg = 0; arg < self->call->spec->n_args; arg++) {
        const cni_cell_reader *reader = &self->readers[arg];
        if (cni_cell_is_valid(reader, row)) {
            cni_cell cell;
            cni_cell_read(reader, row, &cell);
            CN_TRY(put_cell(self->op, (cni_cell_kind)reader->kind, &cell, out, err));
        }
    }
    return CN_OK;
}

static cn_code
add_row(ordered_update *self, int64_t row, cni_agg_ordered *state, cn_error *err)
{
    cni_arena *heap = self->local->table.heap;
    CN_TRY(make_entry(self, row, err));
    char *body = self->bytes.data + CNI_AGG_MAX_VARINT;
    const int64_t n_body = self->bytes.len_bytes - CNI_AGG_MAX_VARINT;
    if (!self->call->spec->distinct) {
        return append_entry(state, heap, (cni_str){body, n_body}, err);
    }
    const int64_t n_head = varint_bytes(n_body);
    (void)cni_agg_put_varint((uint8_t *)body - n_head, n_body);
    return add_distinct(state, heap, (cni_str){body - n_head, n_head + n_body}, err);
}

static cn_code
add_rows(ordered_update *self, const uint64_t *live, const uint32_t *groups, cn_error *err)
{
    const cni_agg_layout *layout = self->op->layout;
    CN_TRY(cni_agg_bytes_reserve(&self->bytes, CNI_AGG_MAX_VARINT, err));
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
    cni_strbuf_init(&update.bytes, self->base.context->allocator, MAX_BYTES);
    const cn_code code = update_encoded(&update, live, groups, err);
    row_keys_done(&update.keys);
    row_keys_done(&update.args_keys);
    cni_strbuf_done(&update.bytes);
    return code;
}

/* ---- merging ---- */

static cn_code
merge_distinct(cni_agg_ordered *self, const cni_agg_ordered *other, cni_arena *heap, cn_error *err)
{
    const cni_agg_piece *piece = other->first;
    for (int64_t at = 0; at < other->n; at++, piece = piece->next) {
        CN_TRY(
            add_distinct(self, heap, (cni_str){(const char *)piece->bytes, piece->n_bytes}, err));
    }
    return CN_OK;
}

cn_code
cni_agg_ordered_merge(const cni_agg_call *call, cni_arena *heap, uint8_t *into, const uint8_t *from,
                      cn_error *err)
{
    cni_agg_ordered *state = (void *)into;
    const cni_agg_ordered *other = (const void *)from;
    if (other->n == 0) {
        return CN_OK;
    }
    if (state->n == 0) {
        *state = *other;
        return CN_OK;
    }
    if (call->spec->distinct) {
        return merge_distinct(state, other, heap, err);
    }
    state->last->next = other->first;
    state->last = other->last;
    state->n_bytes += other->n_bytes;
    state->n += other->n;
    return CN_OK;
}

/* ---- as bytes ---- */

cn_code
cni_agg_ordered_save(const uint8_t *state, cni_strbuf *out, cn_error *err)
{
    const cni_agg_ordered *saved = (const void *)state;
    const int64_t head[2] = {saved->n, saved->n_bytes};
    CN_TRY(cni_agg_bytes_reserve(out, (int64_t)sizeof(head) + saved->n_bytes, err));
    CN_TRY(cni_bytes_put(out, head, (int64_t)sizeof(head), err));
    for (const cni_agg_piece *piece = saved->first; piece != NULL; piece = piece->next) {
        CN_TRY(cni_bytes_put(out, piece->bytes, piece->n_bytes, err));
        if (piece == saved->last) { /* what follows has been merged with others */
            break;
        }
    }
    return CN_OK;
}

/* The end of a piece of whole entries that begins here. */
static const char *
piece_end(const char *first, const char *end)
{
    const char *at = first;
    if (end - first <= MAX_PIECE_BYTES) {
        return end;
    }
    while (at < end && at - first < MAX_PIECE_BYTES / 2) {
        cni_agg_entry entry;
        at = (const char *)cni_agg_entry_open((const uint8_t *)at, &entry);
    }
    return at;
}

static cn_code
load_pieces(cni_agg_ordered *self, int64_t n, cni_str bytes, cni_arena *heap, cn_error *err)
{
    const char *end = bytes.data + bytes.len_bytes;
    for (const char *at = bytes.data; at < end;) {
        cni_agg_piece *piece = NULL;
        const int64_t n_piece = piece_end(at, end) - at;
        CN_TRY(add_piece(self, heap, n_piece, &piece, err));
        memcpy(piece->bytes, at, (size_t)n_piece);
        piece->n_bytes = (uint32_t)n_piece;
        at += n_piece;
    }
    self->n = n;
    self->n_bytes = bytes.len_bytes;
    return CN_OK;
}

static cn_code
load_distinct(cni_agg_ordered *self, int64_t n, cni_str bytes, cni_arena *heap, cn_error *err)
{
    const uint8_t *at = (const uint8_t *)bytes.data;
    for (int64_t row = 0; row < n; row++) {
        cni_agg_entry entry;
        const uint8_t *end = cni_agg_entry_open(at, &entry);
        CN_TRY(add_distinct(self, heap, (cni_str){(const char *)at, end - at}, err));
        at = end;
    }
    return CN_OK;
}

cn_code
cni_agg_ordered_load(const cni_agg_call *call, cni_str *inout_bytes, cni_arena *heap,
                     uint8_t *out_state, cn_error *err)
{
    cni_agg_ordered loaded = {0};
    int64_t head[2] = {0};
    CN_TRY(cni_bytes_take(inout_bytes, head, (int64_t)sizeof(head), err));
    const cni_str bytes = {inout_bytes->data, head[1]};
    if (head[1] < 0 || head[1] > inout_bytes->len_bytes) {
        return CN_FAIL(err, CN_INVALID_DATA, "saved rows of an aggregate are cut off");
    }
    CN_TRY(call->spec->distinct ? load_distinct(&loaded, head[0], bytes, heap, err)
                                : load_pieces(&loaded, head[0], bytes, heap, err));
    *inout_bytes = (cni_str){bytes.data + head[1], inout_bytes->len_bytes - head[1]};
    memcpy(out_state, &loaded, sizeof(loaded));
    return CN_OK;
}
