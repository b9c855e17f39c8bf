/* SPDX-License-Identifier: Apache-2.0
 *
 * Leads of fixed-width keys come from their encoding, those of strings from their first bytes.
 */
#include "data/row/sort_lead.h"

/* Bytes from one encoded key to the next; 0 = strings. */
static int32_t
stride_of(const cni_sort_spec *key)
{
    const int32_t fixed_bytes = cni_sort_key_fixed_bytes(key, 1);
    return fixed_bytes < 0 ? 0 : (int32_t)cni_round_up(fixed_bytes, 8);
}

bool
cni_sort_has_leads(const cni_sort_spec *key)
{
    return stride_of(key) > 0 || key->type->id == CNI_TYPE_VARCHAR ||
           key->type->id == CNI_TYPE_BLOB;
}

int64_t
cni_sort_lead_words(const cni_sort_spec *key, int64_t n_rows)
{
    return n_rows * cni_max_i64(1, stride_of(key) / 8);
}

/* The first 8 bytes of a text's key, with the escapes and the end of data/row/sort_key.h. */
static uint64_t
text_lead(const cni_sort_spec *key, cni_str text, bool is_null)
{
    uint8_t bytes[24] = {0};
    int32_t n_bytes = 0;
    if (key->nullable) {
        bytes[n_bytes++] = is_null == key->nulls_first ? 0 : 1;
    }
    const int32_t first = n_bytes;
    for (int64_t at = 0; !is_null && at < text.len_bytes && n_bytes < 8; at++) {
        bytes[n_bytes++] = (uint8_t)text.data[at];
        if (text.data[at] == 0) {
            bytes[n_bytes++] = 0xFF;
        }
    }
    for (int32_t at = first; key->descending && !is_null && at < n_bytes; at++) {
        bytes[at] = (uint8_t)~bytes[at]; /* the end, inverted too, is left out: zeros are lower */
    }
    uint64_t lead;
    memcpy(&lead, bytes, sizeof(lead));
    return __builtin_bswap64(lead);
}

static cn_code
text_leads(cni_allocator *allocator, const cni_sort_spec *key, const cni_vector *column,
           uint64_t *out_words, cn_error *err)
{
    cni_vector flat = {0};
    CN_TRY(cni_vector_flatten(allocator, column, &flat, err));
    const cni_view *views = flat.data;
    for (int64_t row = 0; row < column->n_rows; row++) {
        const bool is_null = !cni_bits_get(flat.validity, row);
        out_words[row] =
            text_lead(key, is_null ? (cni_str){0} : cni_view_str(&views[row]), is_null);
    }
    cni_vector_done(&flat);
    return CN_OK;
}

cn_code
cni_sort_leads(cni_allocator *allocator, const cni_sort_spec *key, const cni_vector *column,
               uint64_t *out_words, cn_error *err)
{
    const int32_t stride = stride_of(key);
    if (stride == 0) {
        return text_leads(allocator, key, column, out_words, err);
    }
    uint8_t *keys = (uint8_t *)out_words;
    CN_TRY(
        cni_sort_key_encode_fixed(allocator, key, &column, 1, column->n_rows, stride, keys, err));
    for (int64_t row = 0; row < column->n_rows; row++) {
        uint64_t lead;
        memcpy(&lead, keys + row * stride, sizeof(lead)); /* never behind row's own place */
        out_words[row] = __builtin_bswap64(lead);
    }
    return CN_OK;
}
