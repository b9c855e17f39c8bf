/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows that a recursion has given, as a set: normalized keys of all columns (NULL equals NULL,
 * -0 equals +0) one behind the other, and an open-addressing table over their hashes.
 */
#include "exec/pipeline/recursive_seen.h"

#include "data/row/hash.h"
#include "data/row/sort_key.h"

#define FIRST_SLOTS 64

void
cni_seen_rows_init(cni_seen_rows *self, cni_allocator *allocator)
{
    *self = (cni_seen_rows){.allocator = allocator};
}

void
cni_seen_rows_done(cni_seen_rows *self)
{
    if (self->allocator != NULL) {
        cni_dealloc(self->allocator, self->slots, self->n_slots * (int64_t)sizeof(*self->slots));
        cni_dealloc(self->allocator, self->bytes, self->cap_bytes);
    }
    *self = (cni_seen_rows){0};
}

/* The slot that holds the key, or the empty one where it belongs. */
static cni_seen_slot *
find_slot(const cni_seen_rows *self, uint64_t hash, cni_str key)
{
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    uint64_t at = hash & mask;
    while (self->slots[at].used) {
        const cni_seen_slot *slot = &self->slots[at];
        if (slot->hash == hash && slot->len_bytes == key.len_bytes &&
            memcmp(self->bytes + slot->offset, key.data, (size_t)key.len_bytes) == 0) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &self->slots[at];
}

static cn_code
grow_slots(cni_seen_rows *self, cn_error *err)
{
    cni_seen_rows larger = *self;
    larger.n_slots = self->n_slots == 0 ? FIRST_SLOTS : 2 * self->n_slots;
    CN_TRY(cni_alloc_zeroed(self->allocator, larger.n_slots * (int64_t)sizeof(*larger.slots),
                            &larger.slots, err));
    for (int64_t at = 0; at < self->n_slots; at++) {
        const cni_seen_slot *slot = &self->slots[at];
        if (slot->used) {
            const cni_str key = {self->bytes + slot->offset, slot->len_bytes};
            *find_slot(&larger, slot->hash, key) = *slot;
        }
    }
    cni_dealloc(self->allocator, self->slots, self->n_slots * (int64_t)sizeof(*self->slots));
    *self = larger;
    return CN_OK;
}

static cn_code
reserve_bytes(cni_seen_rows *self, int64_t n_bytes, cn_error *err)
{
    if (self->len_bytes + n_bytes <= self->cap_bytes) {
        return CN_OK;
    }
    const int64_t cap = cni_max_i64(self->len_bytes + n_bytes, 2 * self->cap_bytes + 1024);
    CN_TRY(cni_realloc(self->allocator, &self->bytes, self->cap_bytes, cap, err));
    self->cap_bytes = cap;
    return CN_OK;
}

/* *out_new = the key was not there. */
static cn_code
add_key(cni_seen_rows *self, cni_str key, bool *out_new, cn_error *err)
{
    const uint64_t hash = cni_hash_bytes(key.data, key.len_bytes);
    if (4 * (self->n_rows + 1) > 3 * self->n_slots) {
        CN_TRY(grow_slots(self, err));
    }
    cni_seen_slot *slot = find_slot(self, hash, key);
    *out_new = !slot->used;
    if (slot->used) {
        return CN_OK;
    }
    CN_TRY(reserve_bytes(self, key.len_bytes, err));
    memcpy(self->bytes + self->len_bytes, key.data, (size_t)key.len_bytes);
    *slot = (cni_seen_slot){hash, self->len_bytes, key.len_bytes, true};
    self->len_bytes += key.len_bytes;
    self->n_rows++;
    return CN_OK;
}

/* ---- chunks ---- */

typedef struct seen_keys {
    cni_allocator *allocator;
    int64_t n_rows;
    int32_t n_columns;
    cni_sort_spec *specs;
    const cni_vector **vectors;
    cni_buffer *buffer;
    int64_t *offsets; /* n_rows + 1 */
    uint32_t *rows;   /* n_rows: those that are new */
} seen_keys;

static void
keys_done(seen_keys *self)
{
    cni_buffer_unref(self->buffer);
    cni_dealloc(self->allocator, self->specs, self->n_columns * (int64_t)sizeof(*self->specs));
    cni_dealloc(self->allocator, (void *)self->vectors,
                self->n_columns * (int64_t)sizeof(*self->vectors));
    cni_dealloc(self->allocator, self->offsets, (self->n_rows + 1) * (int64_t)sizeof(int64_t));
    cni_dealloc(self->allocator, self->rows, self->n_rows * (int64_t)sizeof(*self->rows));
}

static cn_code
encode_keys(seen_keys *self, const cni_chunk *chunk, cn_error *err)
{
    int64_t n_bytes = 0;
    CN_TRY(cni_alloc_zeroed(self->allocator, self->n_columns * (int64_t)sizeof(*self->specs),
                            &self->specs, err));
    CN_TRY(cni_alloc_zeroed(self->allocator, self->n_columns * (int64_t)sizeof(*self->vectors),
                            (void *)&self->vectors, err));
    CN_TRY(cni_alloc_zeroed(self->allocator, (self->n_rows + 1) * (int64_t)sizeof(int64_t),
                            &self->offsets, err));
    CN_TRY(cni_alloc_zeroed(self->allocator, self->n_rows * (int64_t)sizeof(*self->rows),
                            &self->rows, err));
    for (int32_t column = 0; column < self->n_columns; column++) {
        self->vectors[column] = &chunk->columns[column];
        self->specs[column] =
            (cni_sort_spec){.type = chunk->columns[column].type, .nullable = true};
    }
    if (self->n_columns == 0) {
        return CN_OK; /* all rows are equal: empty keys */
    }
    return cni_sort_key_encode(self->allocator, self->specs, self->vectors, self->n_columns,
                               self->n_rows, &self->buffer, &n_bytes, self->offsets, err);
}

/* The new rows of the chunk, gathered. */
static cn_code
keep_new(cni_seen_rows *self, seen_keys *keys, cni_chunk *inout_chunk, cn_error *err)
{
    int64_t n_new = 0;
    for (int64_t row = 0; row < keys->n_rows; row++) {
        const char *first =
            keys->buffer == NULL ? "" : (const char *)keys->buffer->data + keys->offsets[row];
        const cni_str key = {first, keys->offsets[row + 1] - keys->offsets[row]};
        bool is_new = false;
        CN_TRY(add_key(self, key, &is_new, err));
        keys->rows[n_new] = (uint32_t)row;
        n_new += is_new ? 1 : 0;
    }
    for (int32_t column = 0; column < keys->n_columns && n_new < keys->n_rows; column++) {
        cni_vector taken;
        CN_TRY(cni_vector_take(keys->allocator, &inout_chunk->columns[column], keys->rows, n_new,
                               &taken, err));
        cni_vector_done(&inout_chunk->columns[column]);
        cni_vector_move(&inout_chunk->columns[column], &taken);
    }
    inout_chunk->n_rows = n_new;
    return CN_OK;
}

cn_code
cni_seen_rows_filter(cni_seen_rows *self, cni_chunk *inout_chunk, cn_error *err)
{
    seen_keys keys = {.allocator = self->allocator,
                      .n_rows = inout_chunk->n_rows,
                      .n_columns = inout_chunk->n_columns};
    cn_code code = encode_keys(&keys, inout_chunk, err);
    if (code == CN_OK) {
        code = keep_new(self, &keys, inout_chunk, err);
    }
    keys_done(&keys);
    return code;
}
