/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows against a sealed key filter. Integers go through a block of up to CNI_KEY_BLOCK_ROWS rows: a
 * word of 64 rows that is empty already is skipped. Of a CONSTANT vector one row is looked up, of a
 * dictionary every entry once; the answers for its entries stay in the reader's memo. measured:
 * bench/micro/key_filter_bench.c
 */
#include "plan/table/key_filter_int.h"

#include "data/kernel/kernel.h"
#include "data/row/hash.h"

#define BLOCK_WORDS (CNI_KEY_BLOCK_ROWS / 64)

static int64_t
count_bits(const uint64_t *bits, int64_t n_rows)
{
    return cni_bits_count((cni_bits){(const uint8_t *)bits, 0}, n_rows);
}

static uint64_t
valid_word(const cni_vector *flat, int64_t row, int64_t n)
{
    return flat->validity.data == NULL ? UINT64_MAX : cni_bits_word(flat->validity, row, n);
}

/* ---- integers: hits[row] = 1 when values[row] is in the filter ---- */

typedef void (*test_fn)(const cni_key_filter *self, const int64_t *values, int64_t n,
                        uint8_t *hits);

static void
test_range(const cni_key_filter *self, const int64_t *values, int64_t n, uint8_t *hits)
{
    const uint64_t base = (uint64_t)self->all.low_i64;
    const uint64_t span = (uint64_t)self->all.high_i64 - base;
    for (int64_t row = 0; row < n; row++) {
        hits[row] = (uint64_t)values[row] - base <= span;
    }
}

/* Values outside the bounds look at the zeros behind the bitmap. */
static void
test_bitmap(const cni_key_filter *self, const int64_t *values, int64_t n, uint8_t *hits)
{
    const cni_atomic_i64 *words = self->words;
    const uint64_t base = (uint64_t)self->all.low_i64;
    const uint64_t outside = (uint64_t)(self->n_words - 1) * 64;
    for (int64_t row = 0; row < n; row++) {
        const uint64_t from_low = (uint64_t)values[row] - base;
        const uint64_t bit = from_low < outside ? from_low : outside;
        hits[row] = (uint8_t)((uint64_t)cni_counter_get(&words[bit >> 6]) >> (bit & 63) & 1);
    }
}

/* Whether a value is in the list: the last entry not above it, in steps of halves. */
static bool
is_listed(const cni_key_filter *self, int64_t value)
{
    const int64_t *base = self->list;
    for (int32_t n_left = self->n_list; n_left > 1;) {
        const int32_t half = n_left / 2;
        base += base[half] <= value ? half : 0;
        n_left -= half;
    }
    return *base == value;
}

/* By the places of the list's values; only rows that share one are looked up. */
static void
test_list(const cni_key_filter *self, const int64_t *values, int64_t n, uint8_t *hits)
{
    uint32_t n_hits = 0;
    for (int64_t row = 0; row < n; row++) {
        const uint64_t place = cni_key_place(values[row]);
        hits[row] = self->list_bits[place >> 6] >> (place & 63) & 1;
        n_hits += hits[row];
    }
    for (int64_t row = 0; n_hits > 0; row++) {
        if (hits[row] != 0) {
            hits[row] = is_listed(self, values[row]);
            n_hits--;
        }
    }
}

static test_fn
choose_test(cni_key_filter_kind kind)
{
    switch (kind) {
    case CNI_KEY_FILTER_BITMAP:
        return test_bitmap;
    case CNI_KEY_FILTER_LIST:
        return test_list;
    default:
        return test_range;
    }
}

/* Runs of 64 rows that are alive, as long as they follow each other. */
static void
test_block(const cni_key_filter *self, test_fn test, const int64_t *values, int64_t n,
           const uint64_t *bits, uint8_t *hits)
{
    const int64_t n_words = cni_bits_words(n);
    for (int64_t word = 0; word < n_words;) {
        const int64_t first = word;
        while (word < n_words && bits[word] != 0) {
            word++;
        }
        if (word > first) {
            test(self, values + first * 64, cni_min_i64(word * 64, n) - first * 64,
                 hits + first * 64);
        }
        while (word < n_words && bits[word] == 0) {
            word++;
        }
    }
}

static void
select_integers(const cni_key_filter *self, cni_key_filter_kind kind, const cni_vector *flat,
                uint64_t *inout_bits)
{
    const cni_kernels *kernels = cni_kernels_get();
    const test_fn test = choose_test(kind);
    int64_t loaded[CNI_KEY_BLOCK_ROWS];
    uint8_t hits[CNI_KEY_BLOCK_ROWS] = {0}; /* of words that are not tested: anything */
    uint64_t found[BLOCK_WORDS];
    for (int64_t row = 0; row < flat->n_rows; row += CNI_KEY_BLOCK_ROWS) {
        const int64_t n = cni_min_i64(CNI_KEY_BLOCK_ROWS, flat->n_rows - row);
        uint64_t *bits = &inout_bits[row / 64];
        const int64_t *values = loaded;
        if (flat->phys == CNI_PHYS_I64) {
            values = (const int64_t *)flat->data + row;
        } else {
            cni_key_load(flat, row, n, loaded);
        }
        test_block(self, test, values, n, bits, hits);
        kernels->bytes_to_bits(hits, n, found);
        for (int64_t word = 0; word < cni_bits_words(n); word++) {
            const int64_t n_word = cni_min_i64(64, n - word * 64);
            bits[word] &= found[word] & valid_word(flat, row + word * 64, n_word);
        }
    }
}

/* ---- hashes ---- */

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

static bool
any_bit(const uint64_t *bits, int64_t n_words)
{
    uint64_t any = 0;
    for (int64_t word = 0; word < n_words; word++) {
        any |= bits[word];
    }
    return any != 0;
}

static cn_code
select_hashed(const cni_key_filter *self, const cni_vector *flat, uint64_t *inout_bits,
              cn_error *err)
{
    uint64_t hashes[CNI_KEY_BLOCK_ROWS];
    for (int64_t first = 0; first < flat->n_rows; first += CNI_KEY_BLOCK_ROWS) {
        CN_SCOPED(cni_vector) block = {0};
        const int64_t n_block = cni_min_i64(CNI_KEY_BLOCK_ROWS, flat->n_rows - first);
        if (!any_bit(&inout_bits[first / 64], cni_bits_words(n_block))) {
            continue;
        }
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

/* ---- encodings ---- */

void
cni_key_memo_done(cni_key_memo *self)
{
    cni_buffer_unref(self->passes);
    *self = (cni_key_memo){0};
}

/* Look every entry up: a byte each. */
static cn_code
make_passes(const cni_key_filter *self, cni_key_filter_kind kind, const cni_vector *entries,
            cni_key_memo *memo, cn_error *err)
{
    const int64_t n_bytes = cni_bits_words(entries->n_rows) * 8;
    CN_SCOPED(cni_buffer_p) bits = NULL;
    CN_TRY(cni_buffer_new(self->allocator, cni_max_i64(n_bytes, 8), &bits, err));
    CN_TRY(cni_buffer_reuse(self->allocator, cni_max_i64(entries->n_rows, 1), &memo->passes, err));
    memset(bits->data, 0xFF, (size_t)n_bytes);
    CN_TRY(select_flat(self, kind, entries, (uint64_t *)(void *)bits->data, err));
    const cni_bits passes = {bits->data, 0};
    for (int64_t entry = 0; entry < entries->n_rows; entry++) {
        memo->passes->data[entry] = cni_bits_get(passes, entry);
    }
    memo->is_made = true;
    return CN_OK;
}

/* Rows by the answers for their codes. */
static void
select_codes(const cni_vector *keys, const uint8_t *passes, uint64_t *inout_bits)
{
    const cni_kernels *kernels = cni_kernels_get();
    const int32_t index = keys->code_bytes == 1 ? 0 : keys->code_bytes == 2 ? 1 : 2;
    uint8_t hits[CNI_KEY_BLOCK_ROWS];
    uint64_t found[BLOCK_WORDS];
    for (int64_t row = 0; row < keys->n_rows; row += CNI_KEY_BLOCK_ROWS) {
        const int64_t n = cni_min_i64(CNI_KEY_BLOCK_ROWS, keys->n_rows - row);
        uint64_t *bits = &inout_bits[row / 64];
        kernels->gather[0][index](passes, (const uint8_t *)keys->data + row * keys->code_bytes, n,
                                  hits);
        kernels->bytes_to_bits(hits, n, found);
        for (int64_t word = 0; word < cni_bits_words(n); word++) {
            const int64_t n_word = cni_min_i64(64, n - word * 64);
            bits[word] &= found[word] & valid_word(keys, row + word * 64, n_word);
        }
    }
}

/* A dictionary is looked up when the rows seen of it are as many as its entries. */
static bool
entries_pay(cni_key_memo *memo, const cni_vector *keys)
{
    if (memo->identity != keys->dictionary->identity) {
        memo->identity = keys->dictionary->identity;
        memo->n_rows_seen = 0;
        memo->is_made = false;
    }
    memo->n_rows_seen += keys->n_rows;
    return memo->is_made || keys->dictionary->values.n_rows <= memo->n_rows_seen;
}

static cn_code
select_constant(const cni_key_filter *self, cni_key_filter_kind kind, const cni_vector *keys,
                uint64_t *inout_bits, cn_error *err)
{
    CN_SCOPED(cni_vector) one = {0};
    CN_SCOPED(cni_vector) flat = {0};
    uint64_t bit = 1;
    cni_vector_slice(&one, keys, 0, 1);
    CN_TRY(cni_vector_flatten(self->allocator, &one, &flat, err));
    CN_TRY(select_flat(self, kind, &flat, &bit, err));
    if ((bit & 1) == 0) {
        memset(inout_bits, 0, (size_t)cni_bits_words(keys->n_rows) * 8);
    }
    return CN_OK;
}

static cn_code
select_rows(const cni_key_filter *self, cni_key_filter_kind kind, cni_key_memo *memo,
            const cni_vector *keys, uint64_t *inout_bits, cn_error *err)
{
    if (keys->encoding == CNI_CONSTANT && keys->n_rows > 0) {
        return select_constant(self, kind, keys, inout_bits, err);
    }
    if (keys->encoding == CNI_DICTIONARY && entries_pay(memo, keys)) {
        if (!memo->is_made) {
            CN_TRY(make_passes(self, kind, &keys->dictionary->values, memo, err));
        }
        select_codes(keys, memo->passes->data, inout_bits);
        return CN_OK;
    }
    CN_SCOPED(cni_vector) flat = {0};
    CN_TRY(cni_vector_flatten(self->allocator, keys, &flat, err));
    return select_flat(self, kind, &flat, inout_bits, err);
}

cn_code
cni_key_filter_select_memo(cni_key_filter *self, cni_key_memo *inout_memo, const cni_vector *keys,
                           uint64_t *inout_bits, int64_t *out_n_left, cn_error *err)
{
    const cni_key_filter_kind kind = cni_key_filter_kind_of(self);
    if (kind == CNI_KEY_FILTER_NONE) {
        memset(inout_bits, 0, (size_t)cni_bits_words(keys->n_rows) * 8);
    } else if (cni_key_filter_is_active(self)) {
        CN_TRY(select_rows(self, kind, inout_memo, keys, inout_bits, err));
    }
    *out_n_left = count_bits(inout_bits, keys->n_rows);
    return CN_OK;
}

cn_code
cni_key_filter_select(cni_key_filter *self, const cni_vector *keys, uint64_t *inout_bits,
                      int64_t *out_n_left, cn_error *err)
{
    cni_key_memo memo = {0};
    const cn_code code = cni_key_filter_select_memo(self, &memo, keys, inout_bits, out_n_left, err);
    cni_key_memo_done(&memo);
    return code;
}
