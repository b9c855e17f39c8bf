/* SPDX-License-Identifier: Apache-2.0
 *
 * One value as SQL prints it: numbers in their shortest exact form, dates and times in ISO form,
 * blobs with \x escapes, [a, b] for lists, {'a': 1} for structs, {k=v} for maps, NULL inside and
 * outside. Walks as deep as types nest.
 */
#include "data/column/datetime.h"
#include "data/column/float_text.h"
#include "data/column/vector_int.h"

static cn_code print_located(const cni_vector *values, int64_t index, cni_strbuf *out,
                             cn_error *err);

/* 64-bit value of an integer layout. */
static int64_t
load_i64(const cni_vector *values, int64_t index)
{
    switch ((cni_phys)values->phys) {
    case CNI_PHYS_I8:
        return ((const int8_t *)values->data)[index];
    case CNI_PHYS_I16:
        return ((const int16_t *)values->data)[index];
    case CNI_PHYS_I32:
        return ((const int32_t *)values->data)[index];
    case CNI_PHYS_U8:
        return ((const uint8_t *)values->data)[index];
    case CNI_PHYS_U16:
        return ((const uint16_t *)values->data)[index];
    case CNI_PHYS_U32:
        return ((const uint32_t *)values->data)[index];
    default:
        return ((const int64_t *)values->data)[index];
    }
}

static cni_i128
load_i128(const cni_vector *values, int64_t index)
{
    cni_i128 wide = 0;
    if (values->phys == CNI_PHYS_I128) {
        memcpy(&wide, (const uint8_t *)values->data + index * 16, sizeof(wide));
    } else if (values->phys == CNI_PHYS_U64) {
        wide = ((const uint64_t *)values->data)[index];
    } else {
        wide = load_i64(values, index);
    }
    return wide;
}

/* Digits of a 256-bit magnitude, lowest word first, which is consumed; gives the length. */
static int64_t
format_words(uint32_t words[8], char *end)
{
    char *at = end;
    bool zero = false;
    while (!zero) {
        uint64_t rest = 0;
        zero = true;
        for (int32_t word = 7; word >= 0; word--) {
            rest = rest << 32 | words[word];
            words[word] = (uint32_t)(rest / 10);
            rest %= 10;
            zero = zero && words[word] == 0;
        }
        *--at = (char)('0' + rest);
    }
    return end - at;
}

/* Sign and digits of a decimal with its point put in. */
static cn_code
print_scaled(bool negative, cni_str digits, int32_t scale, cni_strbuf *out, cn_error *err)
{
    const bool zero = digits.len_bytes == 1 && digits.data[0] == '0';
    if (negative) {
        CN_TRY(cni_strbuf_append_char(out, '-', err));
    }
    if (scale <= 0) {
        CN_TRY(cni_strbuf_append(out, digits, err));
        for (int32_t digit = scale; digit < 0 && !zero; digit++) {
            CN_TRY(cni_strbuf_append_char(out, '0', err));
        }
        return CN_OK;
    }
    const int64_t n_whole = digits.len_bytes - scale;
    if (n_whole > 0) {
        CN_TRY(cni_strbuf_append(out, (cni_str){digits.data, n_whole}, err));
    } else {
        CN_TRY(cni_strbuf_append_char(out, '0', err));
    }
    CN_TRY(cni_strbuf_append_char(out, '.', err));
    for (int64_t digit = n_whole; digit < 0; digit++) {
        CN_TRY(cni_strbuf_append_char(out, '0', err));
    }
    const int64_t skip = cni_max_i64(n_whole, 0);
    return cni_strbuf_append(out, (cni_str){digits.data + skip, digits.len_bytes - skip}, err);
}

static cn_code
print_decimal(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    uint32_t words[8] = {0};
    bool negative = false;
    if (values->phys == CNI_PHYS_I256) {
        memcpy(words, (const uint8_t *)values->data + index * 32, sizeof(words));
        negative = (words[7] >> 31) != 0;
    } else {
        const cni_i128 value = load_i128(values, index);
        memcpy(words, &value, sizeof(value));
        negative = value < 0;
        memset(words + 4, negative ? 0xFF : 0, 16);
    }
    uint64_t carry = 1;
    for (int32_t word = 0; negative && word < 8; word++) { /* two's complement */
        carry += (uint32_t)~words[word];
        words[word] = (uint32_t)carry;
        carry >>= 32;
    }
    char text[96];
    const int64_t n_digits = format_words(words, text + sizeof(text));
    const cni_str digits = {text + sizeof(text) - n_digits, n_digits};
    return print_scaled(negative, digits, values->type->scale, out, err);
}

static cn_code
print_integer(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    char text[CNI_INT128_TEXT_BYTES];
    const int64_t len_bytes = cni_i128_format(load_i128(values, index), 0, text);
    return cni_strbuf_append(out, (cni_str){text, len_bytes}, err);
}

static cn_code
print_float(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    char text[CNI_FLOAT_TEXT_BYTES];
    int64_t len_bytes = 0;
    if (values->phys == CNI_PHYS_F64) {
        len_bytes = cni_f64_format(((const double *)values->data)[index], text);
    } else if (values->phys == CNI_PHYS_F32) {
        len_bytes = cni_f32_format(((const float *)values->data)[index], text);
    } else {
        len_bytes = cni_f16_format(((const uint16_t *)values->data)[index], text);
    }
    return cni_strbuf_append(out, (cni_str){text, len_bytes}, err);
}

static cn_code
print_bytes(cni_str bytes, cni_strbuf *out, cn_error *err)
{
    for (int64_t at = 0; at < bytes.len_bytes; at++) {
        const char byte = bytes.data[at];
        const bool plain =
            byte >= ' ' && byte <= '~' && byte != '\\' && byte != '\'' && byte != '"';
        if (plain) {
            CN_TRY(cni_strbuf_append_char(out, byte, err));
        } else {
            CN_TRY(cni_strbuf_printf(out, err, "\\x%02X", (unsigned)(uint8_t)byte));
        }
    }
    return CN_OK;
}

static cn_code
print_uuid(const uint8_t *bytes, cni_strbuf *out, cn_error *err)
{
    for (int32_t at = 0; at < 16; at++) {
        const bool dash = at == 4 || at == 6 || at == 8 || at == 10;
        CN_TRY(cni_strbuf_printf(out, err, dash ? "-%02x" : "%02x", (unsigned)bytes[at]));
    }
    return CN_OK;
}

static cn_code
print_fixed(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    const int64_t width = values->type->width;
    const char *bytes = (const char *)values->data + index * width;
    if (width == 16 && cni_str_eq(values->type->extension_name, CNI_STR("arrow.uuid"))) {
        return print_uuid((const uint8_t *)bytes, out, err);
    }
    return print_bytes((cni_str){bytes, width}, out, err);
}

static cn_code
print_datetime(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    const cni_type *type = values->type;
    const cni_unit unit = (cni_unit)type->unit;
    char text[CNI_DATETIME_TEXT_BYTES];
    int64_t len_bytes = 0;
    if (type->id == CNI_TYPE_INTERVAL) {
        cni_interval interval;
        memcpy(&interval, (const uint8_t *)values->data + index * 16, sizeof(interval));
        len_bytes = cni_interval_format(&interval, text);
        return cni_strbuf_append(out, (cni_str){text, len_bytes}, err);
    }
    const int64_t value = load_i64(values, index);
    const int64_t ms_per_day = INT64_C(86400000);
    if (type->id == CNI_TYPE_DATE) {
        len_bytes = cni_date_format(value, text);
    } else if (type->id == CNI_TYPE_DATE_MS && cni_floor_mod(value, ms_per_day) == 0) {
        len_bytes = cni_date_format(cni_floor_div(value, ms_per_day), text);
    } else if (type->id == CNI_TYPE_DATE_MS) {
        len_bytes = cni_timestamp_format(value, CNI_UNIT_MS, false, text);
    } else if (type->id == CNI_TYPE_TIMESTAMP) {
        len_bytes = cni_timestamp_format(value, unit, type->timezone.data != NULL, text);
    } else if (type->id == CNI_TYPE_TIME) {
        len_bytes = cni_time_format(value, unit, text);
    } else {
        len_bytes = cni_duration_format(value, unit, text);
    }
    return cni_strbuf_append(out, (cni_str){text, len_bytes}, err);
}

static cn_code
print_items(const cni_vector *items, int64_t first, int64_t n_items, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, '[', err));
    for (int64_t item = 0; item < n_items; item++) {
        if (item > 0) {
            CN_TRY(cni_strbuf_append(out, CNI_STR(", "), err));
        }
        CN_TRY(cni_vector_print(items, first + item, out, err));
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
print_map(const cni_vector *entries, int64_t first, int64_t n_entries, cni_strbuf *out,
          cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, '{', err));
    for (int64_t entry = 0; entry < n_entries; entry++) {
        const cni_vector *values = NULL;
        int64_t index = 0;
        if (entry > 0) {
            CN_TRY(cni_strbuf_append(out, CNI_STR(", "), err));
        }
        if (!cni_vector_locate(entries, first + entry, &values, &index)) {
            CN_TRY(cni_strbuf_append(out, CNI_STR("NULL"), err));
            continue;
        }
        const int64_t row = values->nested_offset + index;
        CN_TRY(cni_vector_print(&values->nested->children[0], row, out, err));
        CN_TRY(cni_strbuf_append_char(out, '=', err));
        CN_TRY(cni_vector_print(&values->nested->children[1], row, out, err));
    }
    return cni_strbuf_append_char(out, '}', err);
}

/* A name in single quotes, which are doubled inside. */
static cn_code
print_quoted(cni_str name, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, '\'', err));
    for (int64_t at = 0; at < name.len_bytes; at++) {
        if (name.data[at] == '\'') {
            CN_TRY(cni_strbuf_append_char(out, '\'', err));
        }
        CN_TRY(cni_strbuf_append_char(out, name.data[at], err));
    }
    return cni_strbuf_append_char(out, '\'', err);
}

static cn_code
print_struct(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    const cni_type *type = values->type;
    CN_TRY(cni_strbuf_append_char(out, '{', err));
    for (int32_t child = 0; child < type->n_children; child++) {
        if (child > 0) {
            CN_TRY(cni_strbuf_append(out, CNI_STR(", "), err));
        }
        CN_TRY(print_quoted(type->children[child].name, out, err));
        CN_TRY(cni_strbuf_append(out, CNI_STR(": "), err));
        CN_TRY(cni_vector_print(&values->nested->children[child], values->nested_offset + index,
                                out, err));
    }
    return cni_strbuf_append_char(out, '}', err);
}

static cn_code
print_union(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    const int8_t code = ((const int8_t *)values->data)[index];
    for (int32_t child = 0; child < values->type->n_children; child++) {
        if (values->type->union_codes[child] == code) {
            const int64_t row =
                values->type->dense ? values->union_offsets[index] : values->nested_offset + index;
            return cni_vector_print(&values->nested->children[child], row, out, err);
        }
    }
    return CN_FAIL(err, CN_INTERNAL, "a union has no member of code %d", code);
}

static cn_code
print_nested(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    const cni_vector *first = values->type->n_children > 0 ? &values->nested->children[0] : NULL;
    switch ((cni_phys)values->phys) {
    case CNI_PHYS_LIST: {
        const cni_list_entry entry = ((const cni_list_entry *)values->data)[index];
        return values->type->id == CNI_TYPE_MAP
                   ? print_map(first, entry.offset, entry.size, out, err)
                   : print_items(first, entry.offset, entry.size, out, err);
    }
    case CNI_PHYS_ARRAY: {
        const int64_t width = values->type->width;
        return print_items(first, (values->nested_offset + index) * width, width, out, err);
    }
    case CNI_PHYS_STRUCT:
        return print_struct(values, index, out, err);
    default:
        return print_union(values, index, out, err);
    }
}

static cn_code
print_located(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    switch ((cni_type_id)values->type->id) {
    case CNI_TYPE_BOOL:
        return cni_strbuf_append(
            out,
            cni_bits_get(cni_vector_data_bits(values), index) ? CNI_STR("true") : CNI_STR("false"),
            err);
    case CNI_TYPE_DECIMAL:
        return print_decimal(values, index, out, err);
    case CNI_TYPE_FLOAT16:
    case CNI_TYPE_FLOAT32:
    case CNI_TYPE_FLOAT64:
        return print_float(values, index, out, err);
    case CNI_TYPE_VARCHAR:
        return cni_strbuf_append(out, cni_view_str(&((const cni_view *)values->data)[index]), err);
    case CNI_TYPE_BLOB:
        return print_bytes(cni_view_str(&((const cni_view *)values->data)[index]), out, err);
    case CNI_TYPE_FIXED_BINARY:
        return print_fixed(values, index, out, err);
    default:
        break;
    }
    if (cni_type_is_integer(values->type)) {
        return print_integer(values, index, out, err);
    }
    return cni_phys_is_nested(values->phys) ? print_nested(values, index, out, err)
                                            : print_datetime(values, index, out, err);
}

static int64_t
sequence_value(const cni_vector *self, int64_t row)
{
    return (int64_t)((uint64_t)self->sequence_start +
                     (uint64_t)row * (uint64_t)self->sequence_step);
}

cn_code
cni_vector_print(const cni_vector *self, int64_t row, cni_strbuf *out, cn_error *err)
{
    const cni_vector *values = NULL;
    int64_t index = 0;
    if (!cni_vector_locate(self, row, &values, &index)) {
        return cni_strbuf_append(out, CNI_STR("NULL"), err);
    }
    if (values->encoding != CNI_SEQUENCE) {
        return print_located(values, index, out, err);
    }
    const int64_t wide = sequence_value(values, index);
    const int32_t narrow = (int32_t)wide;
    cni_vector one = *values; /* borrows: never released */
    one.encoding = CNI_FLAT;
    one.data = values->phys == CNI_PHYS_I32 ? (const void *)&narrow : (const void *)&wide;
    return cni_type_is_integer(one.type) ? print_integer(&one, 0, out, err)
                                         : print_datetime(&one, 0, out, err);
}
