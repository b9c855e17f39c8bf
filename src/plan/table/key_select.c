/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows against a sealed key filter, 64 at a time into words of bits. Words of the caller that are
 * empty already are skipped; entries of a dictionary are looked up once.
 */
#include "plan/table/key_filter_int.h"

#include "data/row/hash.h"

static int64_t
count_bits(const uint64_t *bits, int64_t n_rows)
{
    return cni_bits_count((cni_bits){(const uint8_t *)bits, 0}, n_rows);
}

/* The word of up to 64 rows: bit k = values[k] is in the filter. */
static uint64_t
test_range(const cni_key_filter *self, const int64_t *values, int64_t n)
{
    const uint64_t base = (uint64_t)self->all.low_i64;
    const uint64_t span = (uint64_t)self->all.high_i64 - base;
    uint64_t word = 0;
    for (int64_t row = 0; row < n; row++) {
        word |= (uint64_t)((uint64_t)values[row] - base <= span) << row;
    }
    return word;
}

static uint64_t
test_bitmap(const cni_key_filter *self, const int64_t *values, int64_t n)
{
    const uint64_t base = (uint64_t)self->all.low_i64;
    const uint64_t span = (uint64_t)self->all.high_i64 - base;
    uint64_t word = 0;
    for (int64_t row = 0; row < n; row++) {
        const uint64_t from_low = (uint64_t)values[row] - base;
        const bool within = from_low <= span;
        const uint64_t bit = within ? from_low : 0;
        word |= (uint64_t)(within && cni_key_bit(self->words, bit)) << row;
    }
    return word;
}

static uint64_t
test_list(const cni_key_filter *self, const int64_t *values, int64_t n)
{
    uint64_t word = 0;
    for (int32_t at = 0; at < self->n_list; at++) {
        const int64_t wanted = self->list[at];
        for (int64_t row = 0; row < n; row++) {
            word |= (uint64_t)(values[row] == wanted) << row;
        }
    }
    return word;
}

static uint64_t
test_integers(const cni_key_filter *self, cni_key_filter_kind kind, const int64_t *values,
              int64_t n)
{
    switch (kind) {
    case CNI_KEY_FILTER_BITMAP:
        return test_bitmap(self, values, n);
    case CNI_KEY_FILTER_LIST:
        return test_list(self, values, n);
    default:
        return test_range(self, values, n);
    }
}

static uint64_t
test_hashes(const cni_key_filter *self, const uint64_t *hashes, int64_t n)
{
    uint64_t word = 0;
    for (int64_t row = 0; row < n; row++) {
        const uint64_t wanted = cni_bloom_bits(hashes[row]);
        const uint64_t there =
            (uint64_t)cni_counter_get(&self->words[cni_bloom_word(hashes[row], self->n_words)]);
        word |= (uint64_t)((there & wanted) == wanted) << row;
    }
    return word;
}

static uint64_t
valid_word(const cni_vector *flat, int64_t row, int64_t n)
{
    return flat->validity.data == NULL ? UINT64_MAX : cni_bits_word(flat->validity, row, n);
}

static void
select_integers(const cni_key_filter *self, cni_key_filter_kind kind, const cni_vector *flat,
                uint64_t *inout_bits)
{
    int64_t values[64];
    for (int64_t row = 0; row < flat->n_rows; row += 64) {
        const int64_t n = cni_min_i64(64, flat->n_rows - row);
        uint64_t *word = &inout_bits[row / 64];
        if (*word != 0) {
            cni_key_load(flat, row, n, values);
            *word &= test_integers(self, kind, values, n) & valid_word(flat, row, n);
        }
    }
}

static cn_code
select_hashed(const cni_key_filter *self, const cni_vector *flat, uint64_t *inout_bits,
              cn_error *err)
{
    uint64_t hashes[CNI_KEY_BLOCK_ROWS];
    for (int64_t first = 0; first < flat->n_rows; first += CNI_KEY_BLOCK_ROWS) {
        CN_SCOPED(cni_vector) block = {0};
        const int64_t n_block = cni_min_i64(CNI_KEY_BLOCK_ROWS, flat->n_rows - first);
        cni_vector_slice(&block, flat, first, n_block);
        const cni_vector *keys[] = {&block};
        CN_TRY(cni_hash_vectors(self->allocator, keys, 1, n_block, hashes, err));
        for (int64_t at = 0; at < n_block; at += 64) {
            const int64_t n = cni_min_i64(64, n_block - at);
            inout_bits[(first + at) / 64] &=
                test_hashes(self, hashes + at, n) & valid_word(flat, first + at, n);
        }
    }
    return CN_OK;
}

/* Other than by hashes: floats and strings whose filter is their bounds alone pass. */
static cn_code
select_flat(const cni_key_filter *self, cni_key_filter_kind kind, const cni_vector *flat,
            uint64_t *inout_bits, cn_error *err)
{
    if (self->key_class == CNI_KEY_INTEGER && kind != CNI_KEY_FILTER_BLOOM) {
        select_integers(self, kind, flat, inout_bits);
    } else if (kind == CNI_KEY_FILTER_BLOOM) {
        if (self->key_class == CNI_KEY_INTEGER) {
            select_integers(self, CNI_KEY_FILTER_RANGE, flat, inout_bits);
        }
        CN_TRY(select_hashed(self, flat, inout_bits, err));
    } else {
        for (int64_t row = 0; row < flat->n_rows; row += 64) {
            inout_bits[row / 64] &= valid_word(flat, row, cni_min_i64(64, flat->n_rows - row));
        }
    }
    return CN_OK;
}

static int64_t
code_of(const cni_vector *keys, int64_t row)
{
    switch (keys->code_bytes) {
    case 1:
        return ((const uint8_t *)keys->data)[row];
    case 2:
        return ((const uint16_t *)keys->data)[row];
    default:
        return ((const uint32_t *)keys->data)[row];
    }
}

/* Entries first, then rows by their codes. */
static cn_code
select_dictionary(const cni_key_filter *self, cni_key_filter_kind kind, const cni_vector *keys,
                  uint64_t *inout_bits, cn_error *err)
{
    const cni_vector *entries = &keys->dictionary->values;
    const int64_t n_bytes = cni_bits_words(entries->n_rows) * 8;
    CN_SCOPED(cni_buffer_p) pass = NULL;
    CN_TRY(cni_buffer_new(self->allocator, cni_max_i64(n_bytes, 8), &pass, err));
    memset(pass->data, 0xFF, (size_t)n_bytes);
    CN_TRY(select_flat(self, kind, entries, (uint64_t *)(void *)pass->data, err));
    const cni_bits bits = {pass->data, 0};
    for (int64_t row = 0; row < keys->n_rows; row += 64) {
        const int64_t n = cni_min_i64(64, keys->n_rows - row);
        uint64_t *word = &inout_bits[row / 64];
        uint64_t found = 0;
        for (int64_t at = 0; *word != 0 && at < n; at++) {
            found |= (uint64_t)cni_bits_get(bits, code_of(keys, row + at)) << at;
        }
        *word &= found & valid_word(keys, row, n);
    }
    return CN_OK;
}

static cn_code
select_rows(const cni_key_filter *self, cni_key_filter_kind kind, const cni_vector *keys,
            uint64_t *inout_bits, cn_error *err)
{
    if (keys->encoding == CNI_DICTIONARY && keys->dictionary->values.n_rows <= keys->n_rows) {
        return select_dictionary(self, kind, keys, inout_bits, err);
    }
    CN_SCOPED(cni_vector) flat = {0};
    CN_TRY(cni_vector_flatten(self->allocator, keys, &flat, err));
    return select_flat(self, kind, &flat, inout_bits, err);
}

cn_code
cni_key_filter_select(cni_key_filter *self, const cni_vector *keys, uint64_t *inout_bits,
                      int64_t *out_n_left, cn_error *err)
{
    const cni_key_filter_kind kind = cni_key_filter_kind_of(self);
    if (kind == CNI_KEY_FILTER_NONE) {
        memset(inout_bits, 0, (size_t)cni_bits_words(keys->n_rows) * 8);
    } else if (kind != CNI_KEY_FILTER_PASS && cni_flag_consume(&self->useless) == 0) {
        CN_TRY(select_rows(self, kind, keys, inout_bits, err));
    }
    *out_n_left = count_bits(inout_bits, keys->n_rows);
    return CN_OK;
}
