/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows that a recursion has given, as a set in memory: normalized keys of all columns (NULL
 * equals NULL, -0 equals +0) and an open-addressing table over their hashes.
 */
#include "exec/pipeline/recursive_seen.h"

#include "data/row/hash.h"
#include "data/row/sort_key.h"
#include "runtime/pressure.h"

#define FIRST_SLOTS 64

void
cni_seen_rows_init(cni_seen_rows *self, cni_allocator *allocator, cni_context *context)
{
    *self = (cni_seen_rows){.allocator = allocator, .context = context};
}

void
cni_seen_rows_forget(cni_seen_rows *self)
{
    cni_dealloc(self->allocator, self->slots, self->n_slots * (int64_t)sizeof(*self->slots));
    cni_arena_unref(self->keys);
    self->slots = NULL;
    self->keys = NULL;
    self->n_slots = 0;
    self->n_rows = 0;
}

void
cni_seen_rows_done(cni_seen_rows *self)
{
    if (self->allocator != NULL) {
        cni_seen_rows_forget(self);
        cni_spill_close(self->file);
        cni_dealloc(self->allocator, self->extents,
                    self->cap_extents * (int64_t)sizeof(*self->extents));
    }
    *self = (cni_seen_rows){0};
}

/* ---- keys ---- */

cni_seen_slot *
cni_seen_rows_find(const cni_seen_rows *self, uint64_t hash, const char *key, int64_t len_bytes)
{
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    uint64_t at = hash & mask;
    while (self->slots[at].key != NULL) {
        const cni_seen_slot *slot = &self->slots[at];
        if (slot->hash == hash && slot->len_bytes == len_bytes &&
            memcmp(slot->key, key, (size_t)len_bytes) == 0) {
            break;
        }
        at = (at + 1) & mask;
    }
    return &self->slots[at];
}

/* Slots for n_rows in all. */
static int64_t
slots_for(const cni_seen_rows *self, int64_t n_rows)
{
    int64_t n_slots = cni_max_i64(self->n_slots, FIRST_SLOTS);
    while (4 * n_rows > 3 * n_slots) {
        n_slots *= 2;
    }
    return n_slots;
}

static cn_code
grow_slots(cni_seen_rows *self, int64_t n_slots, cn_error *err)
{
    cni_seen_rows larger = *self;
    larger.n_slots = n_slots;
    CN_TRY(cni_alloc_zeroed(self->allocator, n_slots * (int64_t)sizeof(*larger.slots),
                            &larger.slots, err));
    for (int64_t at = 0; at < self->n_slots; at++) {
        const cni_seen_slot *slot = &self->slots[at];
        if (slot->key != NULL) {
            *cni_seen_rows_find(&larger, slot->hash, slot->key, slot->len_bytes) = *slot;
        }
    }
    cni_dealloc(self->allocator, self->slots, self->n_slots * (int64_t)sizeof(*self->slots));
    *self = larger;
    return CN_OK;
}

/* *out_new = the key was not there. */
static cn_code
add_key(cni_seen_rows *self, cni_str key, bool *out_new, cn_error *err)
{
    const uint64_t hash = cni_hash_bytes(key.data, key.len_bytes);
    cni_seen_slot *slot = cni_seen_rows_find(self, hash, key.data, key.len_bytes);
    *out_new = slot->key == NULL;
    if (slot->key != NULL) {
        return CN_OK;
    }
    char *copy = NULL;
    CN_TRY(cni_arena_alloc(self->keys, cni_max_i64(key.len_bytes, 1), &copy, err));
    memcpy(copy, key.data, (size_t)key.len_bytes);
    *slot = (cni_seen_slot){hash, copy, key.len_bytes, self->segment, false};
    self->n_rows++;
    return CN_OK;
}

static cn_code
prepare(cni_seen_rows *self, int64_t n_rows, cn_error *err)
{
    const int64_t n_slots = slots_for(self, self->n_rows + n_rows);
    if (self->keys == NULL) {
        CN_TRY(cni_arena_new(self->allocator, "seen rows", &self->keys, err));
    }
    return n_slots == self->n_slots ? CN_OK : grow_slots(self, n_slots, err);
}

/* ---- memory ---- */

bool
cni_seen_rows_should_spill(const cni_seen_rows *self, int64_t n_rows)
{
    if (self->n_rows == 0 || self->context->spill == NULL) {
        return false;
    }
    const int64_t slot_bytes = (int64_t)sizeof(*self->slots);
    const int64_t own_bytes = self->n_slots * slot_bytes + cni_arena_size_bytes(self->keys);
    const int64_t n_slots = slots_for(self, self->n_rows + n_rows);
    return cni_memory_should_spill(self->context->budget, self->context, own_bytes) ||
           (n_slots > self->n_slots &&
            n_slots * slot_bytes > cni_memory_left(self->context->budget, self->context) / 2);
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

static cni_str
key_of(const seen_keys *keys, int64_t row)
{
    const char *first =
        keys->buffer == NULL ? "" : (const char *)keys->buffer->data + keys->offsets[row];
    return (cni_str){first, keys->offsets[row + 1] - keys->offsets[row]};
}

/* The chunk's rows keys->rows[0 .. n_kept). */
static cn_code
keep_rows(const seen_keys *keys, int64_t n_kept, cni_chunk *inout_chunk, cn_error *err)
{
    for (int32_t column = 0; column < keys->n_columns && n_kept < keys->n_rows; column++) {
        cni_vector taken;
        CN_TRY(cni_vector_take(keys->allocator, &inout_chunk->columns[column], keys->rows, n_kept,
                               &taken, err));
        cni_vector_done(&inout_chunk->columns[column]);
        cni_vector_move(&inout_chunk->columns[column], &taken);
    }
    inout_chunk->n_rows = n_kept;
    return CN_OK;
}

static cn_code
keep_new(cni_seen_rows *self, seen_keys *keys, cni_chunk *inout_chunk, cn_error *err)
{
    int64_t n_new = 0;
    CN_TRY(prepare(self, keys->n_rows, err));
    for (int64_t row = 0; row < keys->n_rows; row++) {
        bool is_new = false;
        CN_TRY(add_key(self, key_of(keys, row), &is_new, err));
        keys->rows[n_new] = (uint32_t)row;
        n_new += is_new ? 1 : 0;
    }
    return keep_rows(keys, n_new, inout_chunk, err);
}

static cn_code
keep_fresh(cni_seen_rows *self, seen_keys *keys, cni_chunk *inout_chunk, cn_error *err)
{
    int64_t n_fresh = 0;
    for (int64_t row = 0; row < keys->n_rows; row++) {
        const cni_str key = key_of(keys, row);
        const uint64_t hash = cni_hash_bytes(key.data, key.len_bytes);
        const cni_seen_slot *slot = cni_seen_rows_find(self, hash, key.data, key.len_bytes);
        keys->rows[n_fresh] = (uint32_t)row;
        n_fresh += slot->on_disk ? 0 : 1;
    }
    return keep_rows(keys, n_fresh, inout_chunk, err);
}

typedef cn_code (*keep_function)(cni_seen_rows *self, seen_keys *keys, cni_chunk *inout_chunk,
                                 cn_error *err);

static cn_code
with_keys(cni_seen_rows *self, cni_chunk *inout_chunk, keep_function keep, cn_error *err)
{
    seen_keys keys = {.allocator = self->allocator,
                      .n_rows = inout_chunk->n_rows,
                      .n_columns = inout_chunk->n_columns};
    cn_code code = encode_keys(&keys, inout_chunk, err);
    if (code == CN_OK) {
        code = keep(self, &keys, inout_chunk, err);
    }
    keys_done(&keys);
    return code;
}

cn_code
cni_seen_rows_filter(cni_seen_rows *self, cni_chunk *inout_chunk, cn_error *err)
{
    return with_keys(self, inout_chunk, keep_new, err);
}

cn_code
cni_seen_rows_drop_stale(cni_seen_rows *self, cni_chunk *inout_chunk, cn_error *err)
{
    return with_keys(self, inout_chunk, keep_fresh, err);
}
