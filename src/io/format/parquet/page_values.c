/* SPDX-License-Identifier: Apache-2.0
 *
 * Encodings of the value section. PLAIN fixed-width values and PLAIN strings stay where they are;
 * dictionary indices get a cursor; delta, byte-stream-split and RLE booleans are decoded whole.
 */
#include "io/format/parquet/page_values_int.h"

#include "io/format/parquet/delta_int.h"

static cn_code
too_few(const cni_pq_leaf *leaf, cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "a page of column '%.*s' has fewer values than it says",
                   CNI_STR_ARGS(leaf->name));
}

static cn_code
not_for_type(const cni_pq_leaf *leaf, const char *encoding, cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "column '%.*s' cannot have encoding %s",
                   CNI_STR_ARGS(leaf->name), encoding);
}

static void
start_strings(cni_pq_page *page, const cni_pq_leaf *leaf)
{
    page->form = CNI_PQ_FORM_STRINGS;
    page->strings = (cni_pq_strings){page->values, page->values + page->values_bytes};
    page->checked_utf8 = !leaf->is_utf8 || cni_pq_is_ascii(page->values, page->values_bytes);
}

static cn_code
plain_values(cni_pq_page *page, const cni_pq_leaf *leaf, cn_error *err)
{
    if (leaf->physical == CNI_PQ_BYTE_ARRAY) {
        start_strings(page, leaf);
        return page->n_dense > page->values_bytes / 4 ? too_few(leaf, err) : CN_OK;
    }
    if (leaf->physical == CNI_PQ_BOOLEAN) {
        page->form = CNI_PQ_FORM_BITS;
        return cni_bits_bytes(page->n_dense) > page->values_bytes ? too_few(leaf, err) : CN_OK;
    }
    page->form = CNI_PQ_FORM_VALUES;
    return page->n_dense > page->values_bytes / leaf->raw_bytes ? too_few(leaf, err) : CN_OK;
}

static cn_code
dictionary_codes(cni_pq_page *page, const cni_pq_leaf *leaf, bool has_dictionary, cn_error *err)
{
    if (!has_dictionary || leaf->physical == CNI_PQ_BOOLEAN) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "column '%.*s' has dictionary indices but no dictionary",
                       CNI_STR_ARGS(leaf->name));
    }
    const int32_t width = page->values_bytes > 0 ? page->values[0] : 0;
    if (width > 32 || (page->values_bytes == 0 && page->n_dense > 0)) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "dictionary indices of column '%.*s' have no valid width",
                       CNI_STR_ARGS(leaf->name));
    }
    page->form = CNI_PQ_FORM_CODES;
    const int64_t n_head = page->values_bytes > 0 ? 1 : 0;
    page->values += n_head;
    page->values_bytes -= n_head;
    cni_pq_hybrid_init(&page->codes, page->values, page->values_bytes, width);
    return CN_OK;
}

/* RLE booleans: u32 length, then the hybrid. */
static cn_code
rle_bits(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf, cn_error *err)
{
    uint32_t n_bytes = 0;
    if (leaf->physical != CNI_PQ_BOOLEAN) {
        return not_for_type(leaf, "RLE", err);
    }
    if (page->values_bytes >= 4) {
        memcpy(&n_bytes, page->values, 4);
    }
    if (page->n_dense > 0 &&
        (page->values_bytes < 4 || (int64_t)n_bytes > page->values_bytes - 4)) {
        return too_few(leaf, err);
    }
    CN_TRY(
        cni_buffer_reuse(env->allocator, cni_bits_words(page->n_dense) * 8, &page->decoded, err));
    cni_pq_hybrid hybrid;
    int64_t n_set;
    cni_pq_hybrid_init(&hybrid, page->values + 4, n_bytes, 1);
    if (page->n_dense > 0 &&
        !cni_pq_hybrid_read_bits(&hybrid, page->n_dense, page->decoded->data, &n_set)) {
        return too_few(leaf, err);
    }
    page->form = CNI_PQ_FORM_BITS;
    page->values = page->decoded->data;
    page->values_bytes = cni_bits_bytes(page->n_dense);
    return CN_OK;
}

static cn_code
delta_integers(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf, cn_error *err)
{
    if (leaf->physical != CNI_PQ_INT32 && leaf->physical != CNI_PQ_INT64) {
        return not_for_type(leaf, "DELTA_BINARY_PACKED", err);
    }
    int64_t consumed;
    CN_TRY(cni_buffer_reuse(env->allocator, page->n_dense * leaf->raw_bytes, &page->decoded, err));
    if (page->n_dense > 0) {
        CN_TRY(cni_pq_delta_decode(env->kernels, page->values, page->values_bytes, page->n_dense,
                                   leaf->raw_bytes, page->decoded->data, &consumed, err));
    }
    page->form = CNI_PQ_FORM_VALUES;
    page->values = page->decoded->data;
    page->values_bytes = page->n_dense * leaf->raw_bytes;
    return CN_OK;
}

/* page->decoded becomes views of n_dense strings. */
static cn_code
place_views(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf, const uint8_t *text,
            const int32_t *offsets_32, const int64_t *offsets_64, cn_error *err)
{
    CN_TRY(cni_buffer_reuse(env->allocator, page->n_dense * 16, &page->decoded, err));
    cni_view *views = (cni_view *)(void *)page->decoded->data;
    page->any_long = cni_pq_strings_place(text, offsets_32, offsets_64, page->n_dense, views);
    if (leaf->is_utf8) {
        CN_TRY(cni_pq_check_utf8(leaf, views, page->n_dense, err));
    }
    page->checked_utf8 = true;
    page->form = CNI_PQ_FORM_VIEWS;
    page->values = page->decoded->data;
    page->values_bytes = page->n_dense * 16;
    return CN_OK;
}

static cn_code
delta_lengths(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf, cn_error *err)
{
    if (leaf->physical != CNI_PQ_BYTE_ARRAY) {
        return not_for_type(leaf, "DELTA_LENGTH_BYTE_ARRAY", err);
    }
    CN_SCOPED(cni_buffer_p) offsets = NULL;
    CN_TRY(cni_buffer_new(env->allocator, (page->n_dense + 1) * 4, &offsets, err));
    int32_t *ends = (int32_t *)(void *)offsets->data;
    const uint8_t *text = page->values;
    ends[0] = 0;
    if (page->n_dense > 0) {
        CN_TRY(cni_pq_delta_length_decode(env->kernels, page->values, page->values_bytes,
                                          page->n_dense, ends, &text, err));
    }
    return place_views(page, env, leaf, text, ends, NULL, err);
}

/* Fixed-width values from strings that must all have that width. */
static cn_code
strings_to_fixed(cni_pq_page *page, const cni_pq_leaf *leaf, const int64_t *offsets, cn_error *err)
{
    for (int64_t item = 0; item < page->n_dense; item++) {
        if (offsets[item + 1] - offsets[item] != leaf->raw_bytes) {
            return CN_FAIL(err, CN_INVALID_DATA, "a value of column '%.*s' is not %d bytes long",
                           CNI_STR_ARGS(leaf->name), (int)leaf->raw_bytes);
        }
    }
    page->form = CNI_PQ_FORM_VALUES;
    page->values = page->text->data;
    page->values_bytes = page->n_dense * leaf->raw_bytes;
    return CN_OK;
}

static cn_code
delta_strings(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf, cn_error *err)
{
    if (leaf->physical != CNI_PQ_BYTE_ARRAY && leaf->physical != CNI_PQ_FIXED) {
        return not_for_type(leaf, "DELTA_BYTE_ARRAY", err);
    }
    if (page->n_dense == 0) {
        return place_views(page, env, leaf, page->values, NULL, NULL, err);
    }
    CN_SCOPED(cni_buffer_p) offsets = NULL;
    cni_buffer *text = NULL;
    CN_TRY(cni_pq_delta_strings_decode(env->allocator, env->kernels, page->values,
                                       page->values_bytes, page->n_dense, &text, &offsets, err));
    cni_buffer_unref(page->text);
    page->text = text;
    const int64_t *ends = (const int64_t *)(const void *)offsets->data;
    if (leaf->physical == CNI_PQ_FIXED) {
        return strings_to_fixed(page, leaf, ends, err);
    }
    return place_views(page, env, leaf, text->data, NULL, ends, err);
}

static cn_code
split_streams(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf, cn_error *err)
{
    if (leaf->raw_bytes == 0 || leaf->physical == CNI_PQ_INT96) {
        return not_for_type(leaf, "BYTE_STREAM_SPLIT", err);
    }
    if (page->n_dense > page->values_bytes / leaf->raw_bytes ||
        page->values_bytes % leaf->raw_bytes != 0) {
        return too_few(leaf, err);
    }
    /* The streams are as long as the section says, which may be more than is used. */
    const int64_t n_items = page->values_bytes / leaf->raw_bytes;
    CN_TRY(cni_buffer_reuse(env->allocator, page->values_bytes, &page->decoded, err));
    cni_pq_split_decode(page->values, n_items, leaf->raw_bytes, page->decoded->data);
    page->form = CNI_PQ_FORM_VALUES;
    page->values = page->decoded->data;
    return CN_OK;
}

cn_code
cni_pq_page_values(cni_pq_page *page, const cni_pq_env *env, const cni_pq_leaf *leaf,
                   int32_t encoding, bool has_dictionary, cn_error *err)
{
    if (leaf->convert == CNI_PQ_ALWAYS_NULL) {
        page->form = CNI_PQ_FORM_BITS; /* nobody reads values */
        return CN_OK;
    }
    switch (encoding) {
    case CNI_PQ_PLAIN:
        return plain_values(page, leaf, err);
    case CNI_PQ_PLAIN_DICTIONARY:
    case CNI_PQ_RLE_DICTIONARY:
        return dictionary_codes(page, leaf, has_dictionary, err);
    case CNI_PQ_RLE:
        return rle_bits(page, env, leaf, err);
    case CNI_PQ_DELTA_BINARY_PACKED:
        return delta_integers(page, env, leaf, err);
    case CNI_PQ_DELTA_LENGTH_BYTE_ARRAY:
        return delta_lengths(page, env, leaf, err);
    case CNI_PQ_DELTA_BYTE_ARRAY:
        return delta_strings(page, env, leaf, err);
    case CNI_PQ_BYTE_STREAM_SPLIT:
        return split_streams(page, env, leaf, err);
    default:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                       "column '%.*s' has Parquet encoding %d, which is not implemented",
                       CNI_STR_ARGS(leaf->name), (int)encoding);
    }
}

cn_code
cni_pq_page_seek(cni_pq_page *page, const cni_pq_leaf *leaf, int64_t row, cn_error *err)
{
    if (row < page->row) {
        page->row = 0;
        page->dense = 0;
        if (page->form == CNI_PQ_FORM_STRINGS) {
            page->strings.at = page->values;
        } else if (page->form == CNI_PQ_FORM_CODES) {
            cni_pq_hybrid_init(&page->codes, page->values, page->values_bytes, page->codes.width);
        }
    }
    const int64_t n_skip = cni_pq_page_count_dense(page, row - page->row);
    bool good = true;
    if (page->form == CNI_PQ_FORM_STRINGS) {
        good = cni_pq_strings_skip(&page->strings, n_skip);
    } else if (page->form == CNI_PQ_FORM_CODES) {
        good = cni_pq_hybrid_skip(&page->codes, n_skip);
    }
    page->row = row;
    page->dense += n_skip;
    return good ? CN_OK : too_few(leaf, err);
}
