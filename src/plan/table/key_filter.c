/* SPDX-License-Identifier: Apache-2.0
 *
 * Key filters: choosing a kind, filling, sealing, and what statistics say about a filter.
 */
#include "plan/table/key_filter_int.h"

#include "data/row/hash.h"

#define LIST_LEAST_SPAN    (INT64_C(1) << 16)
#define BITMAP_LEAST_BITS  (INT64_C(1) << 23)
#define BITMAP_MOST_BITS   (INT64_C(1) << 29)
#define BITMAP_BITS_OF_ROW 64 /* a bitmap may be this much larger than the rows are many */
#define BLOOM_BITS_OF_ROW  12
#define BLOOM_MOST_ROWS    (INT64_C(1) << 26)
#define USELESS_ROWS       (INT64_C(1) << 16)

cn_code
cni_key_filter_new(cni_allocator *allocator, const cni_type *type, cni_key_filter **out_filter,
                   cn_error *err)
{
    cni_key_filter *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    cni_allocator_ref(allocator);
    cni_counter_set(&self->n_refs, 1);
    self->allocator = allocator;
    self->type = type;
    self->key_class = (uint8_t)cni_key_class_of(type);
    cni_key_observation_init(&self->all, allocator, type);
    cni_mutex_init(&self->mutex);
    *out_filter = self;
    return CN_OK;
}

cni_key_filter *
cni_key_filter_ref(cni_key_filter *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

void
cni_key_filter_unref(cni_key_filter *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self->words, self->n_words * 8);
    cni_dealloc(allocator, self->map, CNI_KEY_MAP_WORDS * 8);
    cni_key_observation_done(&self->all);
    cni_mutex_done(&self->mutex);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

/* ---- filling ---- */

/* high - low, or INT64_MAX when that does not fit. */
static int64_t
span_of(const cni_key_observation *all)
{
    const uint64_t span = (uint64_t)all->high_i64 - (uint64_t)all->low_i64;
    return span > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)span;
}

/* False = the budget refused, and nothing is there. */
static bool
take_words(cni_key_filter *self, int64_t n_words)
{
    if (cni_alloc_zeroed(self->allocator, n_words * 8, &self->words, NULL) != CN_OK) {
        self->words = NULL;
        return false;
    }
    self->n_words = n_words;
    return true;
}

static bool
take_bloom(cni_key_filter *self)
{
    const int64_t n_rows = self->all.n_rows;
    int64_t n_words = 16;
    if (n_rows > BLOOM_MOST_ROWS) {
        return false;
    }
    while (n_words * 64 < n_rows * BLOOM_BITS_OF_ROW) {
        n_words *= 2;
    }
    if (!take_words(self, n_words)) {
        return false;
    }
    if (self->key_class != CNI_KEY_INTEGER ||
        cni_alloc_zeroed(self->allocator, CNI_KEY_MAP_WORDS * 8, &self->map, NULL) != CN_OK) {
        self->map = NULL;
        return true;
    }
    const uint64_t span = (uint64_t)self->all.high_i64 - (uint64_t)self->all.low_i64;
    while (span >> self->map_shift >= CNI_KEY_MAP_WORDS * 64) {
        self->map_shift++;
    }
    return true;
}

static cni_key_filter_kind
choose_integers(cni_key_filter *self)
{
    const int64_t span = span_of(&self->all);
    const int64_t n_rows = self->all.n_rows;
    const int64_t most =
        cni_max_i64(BITMAP_LEAST_BITS, n_rows > BITMAP_MOST_BITS / BITMAP_BITS_OF_ROW
                                           ? BITMAP_MOST_BITS
                                           : n_rows * BITMAP_BITS_OF_ROW);
    if (n_rows <= CNI_KEY_FILTER_LIST_MAX && span >= LIST_LEAST_SPAN) {
        return CNI_KEY_FILTER_LIST;
    }
    if (span < most && take_words(self, span / 64 + 2)) {
        return CNI_KEY_FILTER_BITMAP;
    }
    if (n_rows <= CNI_KEY_FILTER_LIST_MAX) {
        return CNI_KEY_FILTER_LIST;
    }
    return take_bloom(self) ? CNI_KEY_FILTER_BLOOM : CNI_KEY_FILTER_RANGE;
}

cn_code
cni_key_filter_prepare(cni_key_filter *self, const cni_key_observation *all, cn_error *err)
{
    CN_TRY(cni_key_observation_merge(&self->all, all, err));
    if (self->all.n_rows == 0) {
        self->kind = CNI_KEY_FILTER_NONE;
    } else if (self->key_class == CNI_KEY_INTEGER) {
        self->kind = (uint8_t)choose_integers(self);
    } else if (take_bloom(self)) {
        self->kind = CNI_KEY_FILTER_BLOOM;
    } else {
        self->kind = self->key_class == CNI_KEY_OTHER ? CNI_KEY_FILTER_PASS : CNI_KEY_FILTER_RANGE;
    }
    return CN_OK;
}

cn_code
cni_key_filter_prepare_bounds(cni_key_filter *self, const cni_key_observation *all, cn_error *err)
{
    CN_TRY(cni_key_observation_merge(&self->all, all, err));
    if (self->all.n_rows == 0) {
        self->kind = CNI_KEY_FILTER_NONE;
    } else {
        self->kind = self->key_class == CNI_KEY_OTHER ? CNI_KEY_FILTER_PASS : CNI_KEY_FILTER_RANGE;
    }
    return CN_OK;
}

static void
add_to_list(cni_key_filter *self, int64_t value)
{
    int32_t at = 0;
    cni_mutex_lock(&self->mutex);
    while (at < self->n_list && self->list[at] < value) {
        at++;
    }
    if ((at == self->n_list || self->list[at] != value) && self->n_list < CNI_KEY_FILTER_LIST_MAX) {
        memmove(&self->list[at + 1], &self->list[at],
                (size_t)(self->n_list - at) * sizeof(self->list[0]));
        self->list[at] = value;
        self->n_list++;
    }
    cni_mutex_unlock(&self->mutex);
}

/* Bits of keys into a bitmap of words; keys that follow each other share a write. */
static void
add_bits(cni_atomic_i64 *words, uint64_t base, int32_t shift, const int64_t *keys, int64_t n)
{
    uint64_t word = 0;
    uint64_t bits = 0;
    for (int64_t at = 0; at < n; at++) {
        const uint64_t bit = ((uint64_t)keys[at] - base) >> shift;
        if (bit >> 6 != word) {
            cni_counter_set_bits(&words[word], bits);
            word = bit >> 6;
            bits = 0;
        }
        bits |= UINT64_C(1) << (bit & 63);
    }
    cni_counter_set_bits(&words[word], bits);
}

static void
add_keys(cni_key_filter *self, const int64_t *keys, int64_t n)
{
    const uint64_t base = (uint64_t)self->all.low_i64;
    if (self->kind == CNI_KEY_FILTER_BITMAP) {
        add_bits(self->words, base, 0, keys, n);
    } else if (self->kind == CNI_KEY_FILTER_BLOOM && self->map != NULL) {
        add_bits(self->map, base, self->map_shift, keys, n);
    }
    for (int64_t at = 0; self->kind == CNI_KEY_FILTER_LIST && at < n; at++) {
        add_to_list(self, keys[at]);
    }
}

static void
add_integers(cni_key_filter *self, const cni_vector *flat)
{
    int64_t values[CNI_KEY_BLOCK_ROWS];
    for (int64_t first = 0; first < flat->n_rows; first += CNI_KEY_BLOCK_ROWS) {
        const int64_t n = cni_min_i64(CNI_KEY_BLOCK_ROWS, flat->n_rows - first);
        int64_t n_keys = n;
        cni_key_load(flat, first, n, values);
        if (flat->validity.data != NULL) {
            n_keys = 0;
            for (int64_t row = 0; row < n; row++) {
                values[n_keys] = values[row];
                n_keys += cni_bits_get(flat->validity, first + row);
            }
        }
        add_keys(self, values, n_keys);
    }
}

static cn_code
add_hashes(cni_key_filter *self, const cni_vector *flat, cn_error *err)
{
    uint64_t hashes[CNI_KEY_BLOCK_ROWS];
    for (int64_t first = 0; first < flat->n_rows; first += CNI_KEY_BLOCK_ROWS) {
        CN_SCOPED(cni_vector) block = {0};
        const int64_t n = cni_min_i64(CNI_KEY_BLOCK_ROWS, flat->n_rows - first);
        cni_vector_slice(&block, flat, first, n);
        const cni_vector *keys[] = {&block};
        CN_TRY(cni_hash_vectors(self->allocator, keys, 1, n, hashes, err));
        for (int64_t row = 0; row < n; row++) {
            if (flat->validity.data == NULL || cni_bits_get(flat->validity, first + row)) {
                cni_counter_set_bits(&self->words[cni_bloom_word(hashes[row], self->n_words)],
                                     cni_bloom_bits(hashes[row]));
            }
        }
    }
    return CN_OK;
}

cn_code
cni_key_filter_insert(cni_key_filter *self, const cni_vector *keys, cn_error *err)
{
    CN_SCOPED(cni_vector) flat = {0};
    if (self->kind < CNI_KEY_FILTER_LIST) {
        return CN_OK;
    }
    CN_TRY(cni_vector_flatten(self->allocator, keys, &flat, err));
    if (self->key_class == CNI_KEY_INTEGER) {
        add_integers(self, &flat);
    }
    return self->kind == CNI_KEY_FILTER_BLOOM ? add_hashes(self, &flat, err) : CN_OK;
}

static int64_t
count_set(const cni_key_filter *self)
{
    int64_t n_set = 0;
    for (int64_t word = 0; word < self->n_words; word++) {
        n_set += __builtin_popcountll((uint64_t)cni_counter_get(&self->words[word]));
    }
    return n_set;
}

void
cni_key_filter_seal(cni_key_filter *self)
{
    for (int32_t at = 0; at < self->n_list; at++) {
        const uint64_t place = cni_key_place(self->list[at]);
        self->list_bits[place >> 6] |= UINT64_C(1) << (place & 63);
    }
    if (self->kind == CNI_KEY_FILTER_BITMAP) {
        self->n_set = count_set(self);
        if (self->n_set == span_of(&self->all) + 1) {
            self->kind = CNI_KEY_FILTER_RANGE; /* without holes it says no more than its bounds */
        }
    }
    cni_flag_publish(&self->sealed, self->kind);
}

cni_key_filter_kind
cni_key_filter_kind_of(const cni_key_filter *self)
{
    return (cni_key_filter_kind)cni_flag_consume(&self->sealed);
}

/* ---- pruning ---- */

/* Whether some set bit lies in [first, last]. */
static bool
has_bit(const cni_atomic_i64 *words, uint64_t first, uint64_t last)
{
    for (uint64_t word = first >> 6; word <= last >> 6; word++) {
        uint64_t bits = (uint64_t)cni_counter_get(&words[word]);
        bits &= word == first >> 6 ? UINT64_MAX << (first & 63) : UINT64_MAX;
        bits &= word == last >> 6 ? UINT64_MAX >> (63 - (last & 63)) : UINT64_MAX;
        if (bits != 0) {
            return true;
        }
    }
    return false;
}

static bool
list_meets(const cni_key_filter *self, int64_t low, int64_t high)
{
    for (int32_t at = 0; at < self->n_list; at++) {
        if (self->list[at] >= low && self->list[at] <= high) {
            return true;
        }
    }
    return false;
}

static bool
integers_meet(const cni_key_filter *self, cni_key_filter_kind kind, int64_t low, int64_t high)
{
    if (low > self->all.high_i64 || high < self->all.low_i64 || low > high) {
        return false;
    }
    const uint64_t base = (uint64_t)self->all.low_i64;
    const uint64_t first = (uint64_t)cni_max_i64(low, self->all.low_i64) - base;
    const uint64_t last = (uint64_t)cni_min_i64(high, self->all.high_i64) - base;
    if (kind == CNI_KEY_FILTER_BITMAP) {
        return has_bit(self->words, first, last);
    }
    if (kind == CNI_KEY_FILTER_LIST) {
        return list_meets(self, low, high);
    }
    return self->map == NULL ||
           has_bit(self->map, first >> self->map_shift, last >> self->map_shift);
}

static bool
values_meet(const cni_key_filter *self, cni_key_filter_kind kind, const cni_value *low,
            const cni_value *high)
{
    const cni_key_observation *all = &self->all;
    switch ((cni_key_class)self->key_class) {
    case CNI_KEY_INTEGER:
        return integers_meet(self, kind, low->as.i64, high->as.i64);
    case CNI_KEY_FLOAT:
        return all->has_nan ||
               (all->has_bounds && low->as.f64 <= all->high_f64 && high->as.f64 >= all->low_f64);
    case CNI_KEY_TEXT:
        return cni_str_compare(low->as.bytes, (cni_str){all->high_text, all->high_text_bytes}) <=
                   0 &&
               cni_str_compare(high->as.bytes, (cni_str){all->low_text, all->low_text_bytes}) >= 0;
    case CNI_KEY_OTHER:
        break;
    }
    return true;
}

cni_verdict
cni_key_filter_prune(const cni_key_filter *self, const cni_column_stats *stats, int64_t n_rows)
{
    const cni_key_filter_kind kind = cni_key_filter_kind_of(self);
    if (kind == CNI_KEY_FILTER_PASS) {
        return CNI_VERDICT_MAYBE;
    }
    if (kind == CNI_KEY_FILTER_NONE ||
        (stats->nulls_mark >= CNI_STAT_CLAIMED && stats->n_nulls >= n_rows)) {
        return CNI_VERDICT_NEVER;
    }
    const bool known = stats->bounds_mark >= CNI_STAT_CLAIMED && stats->low.type != NULL &&
                       stats->high.type != NULL && !stats->low.is_null && !stats->high.is_null &&
                       cni_type_equal(stats->low.type, self->type) &&
                       cni_type_equal(stats->high.type, self->type);
    return known && !values_meet(self, kind, &stats->low, &stats->high) ? CNI_VERDICT_NEVER
                                                                        : CNI_VERDICT_MAYBE;
}

int32_t
cni_key_filter_list(const cni_key_filter *self, const int64_t **out_keys)
{
    *out_keys = self->list;
    return cni_key_filter_kind_of(self) == CNI_KEY_FILTER_LIST ? self->n_list : 0;
}

/* ---- counting ---- */

bool
cni_key_filter_is_active(const cni_key_filter *self)
{
    return cni_key_filter_kind_of(self) != CNI_KEY_FILTER_PASS &&
           cni_flag_consume(&self->useless) == 0;
}

/* How many values of the range that both have are in the filter, as far as its kind says. */
static double
keys_within(const cni_key_filter *self, cni_key_filter_kind kind, double n_shared)
{
    const double n_span = (double)self->all.high_i64 - (double)self->all.low_i64 + 1.0;
    switch (kind) {
    case CNI_KEY_FILTER_BITMAP:
        return n_shared * ((double)self->n_set / n_span);
    case CNI_KEY_FILTER_LIST:
        return (double)self->n_list;
    case CNI_KEY_FILTER_BLOOM:
        return (double)self->all.n_rows * (n_shared / n_span) + n_shared * 0.02;
    default:
        return n_shared;
    }
}

double
cni_key_filter_share(const cni_key_filter *self, const cni_column_stats *stats)
{
    const cni_key_filter_kind kind = cni_key_filter_kind_of(self);
    const cni_value *low = &stats->low;
    const cni_value *high = &stats->high;
    if (kind == CNI_KEY_FILTER_PASS || kind == CNI_KEY_FILTER_NONE) {
        return kind == CNI_KEY_FILTER_NONE ? 0.0 : 1.0;
    }
    if (self->key_class != CNI_KEY_INTEGER || stats->bounds_mark == CNI_STAT_UNKNOWN ||
        low->type == NULL || high->type == NULL || low->is_null || high->is_null ||
        !cni_type_equal(low->type, self->type) || !cni_type_equal(high->type, self->type)) {
        return 0.5;
    }
    const int64_t first = cni_max_i64(low->as.i64, self->all.low_i64);
    const int64_t last = cni_min_i64(high->as.i64, self->all.high_i64);
    const double n_column = (double)high->as.i64 - (double)low->as.i64 + 1.0;
    if (first > last || n_column < 1.0) {
        return 0.0;
    }
    const double share = keys_within(self, kind, (double)last - (double)first + 1.0) / n_column;
    return share < 1.0 ? share : 1.0;
}

void
cni_key_filter_count(cni_key_filter *self, int64_t n_rows_in, int64_t n_rows_left)
{
    const int64_t in = cni_counter_add(&self->rows_in, n_rows_in) + n_rows_in;
    const int64_t left = cni_counter_add(&self->rows_left, n_rows_left) + n_rows_left;
    if (in >= USELESS_ROWS && left > in / 5 * 4) {
        cni_flag_publish(&self->useless, 1);
    }
}

int64_t
cni_key_filter_rows_in(const cni_key_filter *self)
{
    return cni_counter_get(&self->rows_in);
}

int64_t
cni_key_filter_rows_left(const cni_key_filter *self)
{
    return cni_counter_get(&self->rows_left);
}
