/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of layouts of one width: nulls, bits, numbers, dates and times, decimals, intervals.
 * Numbers are borrowed; decimals are checked against their precision, because engines reason from
 * it, and brought to 64 bits where that is their layout; the older intervals are rewritten.
 */
#include "base/int128.h"
#include "data/column/arrow_import_int.h"

cn_code
cni_arrow_import_null(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    return cni_vector_new_null(node->importer->allocator, node->type, node->n_rows, out, err);
}

static void
init_vector(const cni_arrow_node *node, cni_vector *out)
{
    out->type = node->type;
    out->phys = (uint8_t)cni_type_phys(node->type);
    out->n_rows = node->n_rows;
}

cn_code
cni_arrow_import_bool(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    init_vector(node, out);
    CN_TRY(cni_arrow_import_validity(node, out, err));
    if (node->n_rows == 0) {
        return CN_OK;
    }
    if (node->array->buffers[1] == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: an array of booleans has no data");
    }
    out->data = (const uint8_t *)node->array->buffers[1] + (node->first >> 3);
    out->data_off_bits = node->first & 7;
    out->owner_data = cni_buffer_ref(node->importer->base);
    return CN_OK;
}

static int64_t
alignment(cni_phys phys, int64_t item_bytes)
{
    if (phys == CNI_PHYS_FIXED || item_bytes == 0) {
        return 1;
    }
    return phys == CNI_PHYS_INTERVAL || phys == CNI_PHYS_I256 ? 8 : item_bytes;
}

cn_code
cni_arrow_import_fixed(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    init_vector(node, out);
    const int64_t item_bytes = cni_phys_bytes((cni_phys)out->phys, node->type);
    CN_TRY(cni_arrow_import_validity(node, out, err));
    return cni_arrow_import_items(node, 1, item_bytes, alignment((cni_phys)out->phys, item_bytes),
                                  &out->data, &out->owner_data, err);
}

/* A decimal of any width in 128 bits; false when it does not fit. */
static inline CN_ALWAYS_INLINE bool
load_decimal(const uint8_t *items, int64_t at, int64_t item_bytes, cni_i128 *out_value)
{
    if (item_bytes <= 8) {
        *out_value = cni_arrow_load(items, at, (int32_t)item_bytes, true);
        return true;
    }
    memcpy(out_value, items + at * item_bytes, sizeof(*out_value));
    if (item_bytes == 16) {
        return true;
    }
    cni_i128 high = 0;
    memcpy(&high, items + at * item_bytes + 16, sizeof(high));
    return high == (*out_value < 0 ? -1 : 0);
}

/* Check rows against the precision and write them to `narrow` or `wide`, whichever is not NULL.
 * Null rows become 0. */
static inline CN_ALWAYS_INLINE cn_code
convert_decimals(const cni_arrow_node *node, const uint8_t *items, int64_t item_bytes,
                 cni_bits validity, int64_t *narrow, cni_i128 *wide, cn_error *err)
{
    const cni_i128 limit = cni_pow10_i128(node->type->precision);
    for (int64_t row = 0; row < node->n_rows; row++) {
        cni_i128 value = 0;
        const bool fits =
            load_decimal(items, row, item_bytes, &value) && value < limit && value > -limit;
        if (CN_UNLIKELY(!fits)) {
            if (cni_bits_get(validity, row)) {
                return CN_FAIL(err, CN_INVALID_DATA,
                               "Arrow: the decimal of row %lld has more than %d digits",
                               (long long)row, node->type->precision);
            }
            value = 0;
        }
        if (narrow != NULL) {
            narrow[row] = (int64_t)value;
        } else if (wide != NULL) {
            wide[row] = value;
        }
    }
    return CN_OK;
}

static cn_code
convert_by_width(const cni_arrow_node *node, const uint8_t *items, cni_vector *out, int64_t *narrow,
                 cni_i128 *wide, cn_error *err)
{
    switch (node->layout.item_bytes) {
    case 4:
        return convert_decimals(node, items, 4, out->validity, narrow, NULL, err);
    case 8:
        return convert_decimals(node, items, 8, out->validity, narrow, NULL, err);
    case 16:
        return convert_decimals(node, items, 16, out->validity, narrow, wide, err);
    default:
        return convert_decimals(node, items, 32, out->validity, narrow, wide, err);
    }
}

cn_code
cni_arrow_import_decimal(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    const int64_t item_bytes = node->layout.item_bytes;
    if (node->type->precision > 38) {
        return cni_arrow_import_fixed(node, out, err);
    }
    init_vector(node, out);
    CN_TRY(cni_arrow_import_validity(node, out, err));
    const bool is_narrow = out->phys == CNI_PHYS_I64;
    const bool in_place = item_bytes == (is_narrow ? 8 : 16);
    const void *items = NULL;
    CN_SCOPED(cni_buffer_p) owner = NULL;
    CN_TRY(cni_arrow_import_items(node, 1, item_bytes, in_place ? item_bytes : 1, &items, &owner,
                                  err));
    if (in_place) {
        CN_TRY(convert_by_width(node, items, out, NULL, NULL, err));
        out->data = items;
        out->owner_data = CN_MOVE(owner);
        return CN_OK;
    }
    CN_TRY(cni_vector_add_data(node->importer->allocator, out, node->n_rows, err));
    void *data = out->owner_data->data;
    return convert_by_width(node, items, out, is_narrow ? data : NULL, is_narrow ? NULL : data,
                            err);
}

cn_code
cni_arrow_import_interval(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    const bool months = node->layout.kind == CNI_ARROW_MONTHS;
    const void *items = NULL;
    CN_SCOPED(cni_buffer_p) owner = NULL;
    init_vector(node, out);
    CN_TRY(cni_arrow_import_validity(node, out, err));
    CN_TRY(cni_arrow_import_items(node, 1, months ? 4 : 8, 1, &items, &owner, err));
    CN_TRY(cni_vector_add_data(node->importer->allocator, out, node->n_rows, err));
    cni_interval *intervals = (cni_interval *)(void *)out->owner_data->data;
    for (int64_t row = 0; row < node->n_rows; row++) {
        if (months) {
            intervals[row] = (cni_interval){.months = (int32_t)cni_arrow_load(items, row, 4, true)};
        } else {
            const int64_t milliseconds = cni_arrow_load(items, 2 * row + 1, 4, true);
            intervals[row] =
                (cni_interval){.days = (int32_t)cni_arrow_load(items, 2 * row, 4, true),
                               .nanos = milliseconds * 1000000};
        }
    }
    return CN_OK;
}
