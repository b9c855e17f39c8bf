/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of groups: rows in order of creation, and slots that hold group numbers (open addressing,
 * at most half full, never fewer than 16 Ki so that small tables hit at the first slot).
 *
 *   find, per batch:   slot = hash & mask        all rows, slots and rows prefetched when large
 *                      equal words?              branch-free, misses to a list
 *                      probe on, or insert       the list alone
 */
#include "exec/operator/aggregate_operator_int.h"

#define PREFETCH_SLOTS (1 << 16) /* from here on slots miss the cache */
#define PREFETCH_BYTES (INT64_C(1) << 19)
#define FIRST_GROUPS   256
#define MAX_GROUPS     (INT64_C(1) << 31)

cn_code
cni_agg_table_init(cni_agg_table *self, const cni_agg_layout *layout, cni_allocator *allocator,
                   cn_error *err)
{
    *self = (cni_agg_table){.layout = layout, .allocator = allocator, .null_group = -1};
    return cni_arena_new(allocator, "groups", &self->heap, err);
}

void
cni_agg_table_trim(cni_agg_table *self)
{
    cni_dealloc(self->allocator, self->rows, self->cap_groups * self->layout->row_bytes);
    cni_dealloc(self->allocator, self->slots, self->n_slots * (int64_t)sizeof(*self->slots));
    self->rows = NULL;
    self->slots = NULL;
    self->cap_groups = 0;
    self->n_slots = 0;
}

void
cni_agg_table_done(cni_agg_table *self)
{
    if (self->layout != NULL) {
        cni_agg_table_trim(self);
        cni_arena_unref(self->heap);
        *self = (cni_agg_table){0};
    }
}

void
cni_agg_table_clear(cni_agg_table *self)
{
    self->n_groups = 0;
    self->null_group = -1;
    if (self->slots != NULL) {
        memset(self->slots, 0, (size_t)self->n_slots * sizeof(*self->slots));
    }
}

/* ---- growing ---- */

static void
place(cni_agg_table *self, uint64_t hash, uint32_t group)
{
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    uint64_t slot = hash & mask;
    while (self->slots[slot] != 0) {
        slot = (slot + 1) & mask;
    }
    self->slots[slot] = group + 1;
}

/* Slots for the groups there are; those of a lone NULL have none. */
static void
fill_slots(cni_agg_table *self)
{
    uint64_t hashes[256];
    for (int64_t first = 0; first < self->n_groups; first += CN_ARRAY_LEN(hashes)) {
        const int64_t n = cni_min_i64(CN_ARRAY_LEN(hashes), self->n_groups - first);
        cni_agg_hash_keys(self->layout, cni_agg_row(self, first), self->layout->row_bytes, n,
                          hashes);
        for (int64_t at = 0; at < n; at++) {
            if (first + at != self->null_group) {
                place(self, hashes[at], (uint32_t)(first + at));
            }
        }
    }
}

static cn_code
grow_slots(cni_agg_table *self, int64_t n_groups, cn_error *err)
{
    int64_t n_slots = cni_max_i64(self->n_slots, CNI_AGG_MIN_SLOTS);
    while (n_slots < n_groups * 2) {
        n_slots *= 2;
    }
    if (self->slots != NULL && n_slots == self->n_slots) {
        return CN_OK;
    }
    uint32_t *slots = NULL;
    CN_TRY(cni_alloc_zeroed(self->allocator, n_slots * (int64_t)sizeof(*slots), &slots, err));
    cni_dealloc(self->allocator, self->slots, self->n_slots * (int64_t)sizeof(*self->slots));
    self->slots = slots;
    self->n_slots = n_slots;
    fill_slots(self);
    return CN_OK;
}

cn_code
cni_agg_table_reserve(cni_agg_table *self, int64_t n, bool in_slots, cn_error *err)
{
    const int64_t n_groups = self->n_groups + n;
    const int64_t row_bytes = self->layout->row_bytes;
    if (n_groups > MAX_GROUPS) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "more than %lld groups in one partition",
                       (long long)MAX_GROUPS);
    }
    if (n_groups > self->cap_groups) {
        const int64_t twice = cni_max_i64(self->cap_groups * 2, FIRST_GROUPS);
        const int64_t cap = cni_max_i64(twice, n_groups);
        CN_TRY(cni_realloc(self->allocator, &self->rows, self->cap_groups * row_bytes,
                           cap * row_bytes, err));
        self->cap_groups = cap;
    }
    return in_slots ? grow_slots(self, n_groups, err) : CN_OK;
}

/* ---- making groups ---- */

static void
start_group(cni_agg_table *self, const uint64_t *key)
{
    const cni_agg_layout *layout = self->layout;
    uint8_t *row = cni_agg_row(self, self->n_groups);
    for (int32_t word = 0; word < layout->key_words; word++) {
        memcpy(row + (int64_t)word * 8, key + word, 8);
    }
    memcpy(row + layout->key_bytes, layout->empty_row + layout->key_bytes,
           (size_t)(layout->row_bytes - layout->key_bytes));
    self->n_groups++;
}

cn_code
cni_agg_own_view(const cni_agg_layout *layout, int32_t view_at, cni_arena *heap,
                 cni_allocator *allocator, cni_view *inout_view, cn_error *err)
{
    if (inout_view->len_bytes <= CNI_VIEW_INLINE_BYTES ||
        inout_view->len_bytes == CNI_AGG_NULL_VIEW) {
        return CN_OK;
    }
    if (view_at < 64 && ((layout->nested_views >> view_at) & 1) != 0) {
        return cni_agg_keep_nested(heap, allocator, inout_view, err);
    }
    char *copy = NULL;
    CN_TRY(cni_arena_alloc(heap, inout_view->len_bytes, &copy, err));
    memcpy(copy, cni_view_data(inout_view), inout_view->len_bytes);
    *inout_view = cni_view_make(copy, inout_view->len_bytes);
    return CN_OK;
}

cn_code
cni_agg_own_views(const cni_agg_layout *layout, uint8_t *row, cni_arena *heap,
                  cni_allocator *allocator, cn_error *err)
{
    for (int32_t view_at = 0; view_at < layout->n_views; view_at++) {
        cni_view view;
        uint8_t *at = row + (int64_t)layout->view_words[view_at] * 8;
        memcpy(&view, at, sizeof(view));
        CN_TRY(cni_agg_own_view(layout, view_at, heap, allocator, &view, err));
        memcpy(at, &view, sizeof(view));
    }
    return CN_OK;
}

/* Long strings of the newest group move to the heap. */
static cn_code
own_strings(cni_agg_table *self, cn_error *err)
{
    return cni_agg_own_views(self->layout, cni_agg_row(self, self->n_groups - 1), self->heap,
                             self->allocator, err);
}

cn_code
cni_agg_table_append(cni_agg_table *self, const uint64_t *keys, int64_t n, uint32_t *out_groups,
                     cn_error *err)
{
    for (int64_t row = 0; row < n; row++) {
        out_groups[row] = (uint32_t)self->n_groups;
        start_group(self, keys + row * self->layout->key_words);
        if (self->layout->n_views > 0) {
            CN_TRY(own_strings(self, err));
        }
    }
    return CN_OK;
}

uint32_t
cni_agg_table_null_group(cni_agg_table *self)
{
    if (self->null_group < 0) {
        self->null_group = self->n_groups;
        start_group(self, &(uint64_t){0});
    }
    return (uint32_t)self->null_group;
}

/* ---- finding ---- */

static inline uint64_t
load_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static bool
equal_views(const uint8_t *row, const uint8_t *key)
{
    cni_view left;
    cni_view right;
    memcpy(&left, row, sizeof(left));
    memcpy(&right, key, sizeof(right));
    if (left.len_bytes == CNI_AGG_NULL_VIEW || right.len_bytes == CNI_AGG_NULL_VIEW) {
        return left.len_bytes == right.len_bytes;
    }
    return cni_view_equal(&left, &right);
}

bool
cni_agg_equal_keys(const cni_agg_layout *layout, const uint8_t *row, const uint8_t *key)
{
    int32_t view = 0;
    if (layout->key_words == 1) {
        return load_word(row) == load_word(key);
    }
    for (int32_t at = 0; at < layout->key_bytes; at += 8) {
        if (view < layout->n_views && layout->view_words[view] * 8 == at) {
            if (!equal_views(row + at, key + at)) {
                return false;
            }
            view++;
            at += 8;
        } else if (load_word(row + at) != load_word(key + at)) {
            return false;
        }
    }
    return true;
}

/* First slot of each row into out_groups (0 = empty), what it points at on its way to the cache. */
static void
first_slots(const cni_agg_table *self, const uint64_t *hashes, int64_t n, uint32_t *out_groups)
{
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    if (self->n_slots >= PREFETCH_SLOTS) {
        for (int64_t row = 0; row < n; row++) {
            __builtin_prefetch(&self->slots[hashes[row] & mask]);
        }
    }
    for (int64_t row = 0; row < n; row++) {
        out_groups[row] = self->slots[hashes[row] & mask];
    }
    if (self->n_groups * self->layout->row_bytes >= PREFETCH_BYTES) {
        for (int64_t row = 0; row < n; row++) {
            const int64_t group = out_groups[row] == 0 ? 0 : (int64_t)out_groups[row] - 1;
            __builtin_prefetch(cni_agg_row(self, group), 1);
        }
    }
}

/* Rows whose first slot is not their group; the others get it. */
static int64_t
compare_word(const cni_agg_table *self, const uint64_t *keys, int64_t n, uint32_t *mismatches,
             uint32_t *inout_groups)
{
    int64_t n_mismatches = 0;
    for (int64_t row = 0; row < n; row++) {
        const uint32_t slot = inout_groups[row];
        const uint32_t group = slot - (slot != 0 ? 1 : 0);
        const bool equal = slot != 0 && load_word(cni_agg_row(self, group)) == keys[row];
        inout_groups[row] = group;
        mismatches[n_mismatches] = (uint32_t)row;
        n_mismatches += equal ? 0 : 1;
    }
    return n_mismatches;
}

static int64_t
compare_pair(const cni_agg_table *self, const uint64_t *keys, int64_t n, uint32_t *mismatches,
             uint32_t *inout_groups)
{
    int64_t n_mismatches = 0;
    for (int64_t row = 0; row < n; row++) {
        const uint32_t slot = inout_groups[row];
        const uint32_t group = slot - (slot != 0 ? 1 : 0);
        const uint8_t *found = cni_agg_row(self, group);
        const uint64_t differ =
            (load_word(found) ^ keys[row * 2]) | (load_word(found + 8) ^ keys[row * 2 + 1]);
        inout_groups[row] = group;
        mismatches[n_mismatches] = (uint32_t)row;
        n_mismatches += slot != 0 && differ == 0 ? 0 : 1;
    }
    return n_mismatches;
}

static int64_t
compare_any(const cni_agg_table *self, const uint64_t *keys, int64_t n, uint32_t *mismatches,
            uint32_t *inout_groups)
{
    int64_t n_mismatches = 0;
    for (int64_t row = 0; row < n; row++) {
        const uint32_t slot = inout_groups[row];
        const uint32_t group = slot - (slot != 0 ? 1 : 0);
        inout_groups[row] = group;
        if (slot == 0 ||
            !cni_agg_equal_keys(self->layout, cni_agg_row(self, group),
                                (const uint8_t *)(keys + row * self->layout->key_words))) {
            mismatches[n_mismatches++] = (uint32_t)row;
        }
    }
    return n_mismatches;
}

static cn_code
find_or_insert(cni_agg_table *self, const uint64_t *key, uint64_t hash, bool adopt,
               uint32_t *out_group, cn_error *err)
{
    const uint64_t mask = (uint64_t)self->n_slots - 1;
    for (uint64_t slot = hash & mask;; slot = (slot + 1) & mask) {
        const uint32_t found = self->slots[slot];
        if (found == 0) {
            *out_group = (uint32_t)self->n_groups;
            self->slots[slot] = *out_group + 1;
            start_group(self, key);
            return self->layout->n_views > 0 && !adopt ? own_strings(self, err) : CN_OK;
        }
        if (cni_agg_equal_keys(self->layout, cni_agg_row(self, (int64_t)found - 1),
                               (const uint8_t *)key)) {
            *out_group = found - 1;
            return CN_OK;
        }
    }
}

cn_code
cni_agg_table_find(cni_agg_table *self, const uint64_t *keys, const uint64_t *hashes, int64_t n,
                   bool adopt, uint32_t *mismatches, uint32_t *out_groups, cn_error *err)
{
    const int32_t key_words = self->layout->key_words;
    int64_t n_mismatches = 0;
    first_slots(self, hashes, n, out_groups);
    if (key_words == 1) {
        n_mismatches = compare_word(self, keys, n, mismatches, out_groups);
    } else if (key_words == 2 && self->layout->n_views == 0) {
        n_mismatches = compare_pair(self, keys, n, mismatches, out_groups);
    } else {
        n_mismatches = compare_any(self, keys, n, mismatches, out_groups);
    }
    for (int64_t at = 0; at < n_mismatches; at++) {
        const int64_t row = mismatches[at];
        CN_TRY(find_or_insert(self, keys + row * key_words, hashes[row], adopt, &out_groups[row],
                              err));
    }
    return CN_OK;
}
