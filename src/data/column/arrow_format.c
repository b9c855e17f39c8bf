/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing Arrow's format strings. Numbers in them are claims of the producer: each is
 * checked for its range here, so that the importer may rely on the layout.
 */
#include "data/column/arrow_format_int.h"

#include <stdio.h>

#define WIDTH_MAX INT32_MAX

static cn_code
malformed(const char *format, cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA, "Arrow: malformed format string '%.60s'", format);
}

/* A number in [low, high], with a sign where low allows it; moves the text behind it. */
static bool
next_number(cni_str *inout_text, int64_t low, int64_t high, int64_t *out_number)
{
    const char *at = inout_text->data;
    const char *end = at + inout_text->len_bytes;
    const bool negative = low < 0 && at < end && *at == '-';
    at += negative;
    int64_t number = 0;
    const char *first = at;
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (*at - '0');
        if (number > INT32_MAX) {
            return false;
        }
    }
    number = negative ? -number : number;
    if (at == first || number < low || number > high) {
        return false;
    }
    *inout_text = (cni_str){at, end - at};
    *out_number = number;
    return true;
}

static bool
skip_char(cni_str *inout_text, char wanted)
{
    if (inout_text->len_bytes == 0 || inout_text->data[0] != wanted) {
        return false;
    }
    *inout_text = (cni_str){inout_text->data + 1, inout_text->len_bytes - 1};
    return true;
}

bool
cni_arrow_next_code(cni_str *inout_codes, int8_t *out_code)
{
    cni_str rest = *inout_codes;
    int64_t code = 0;
    if (!next_number(&rest, 0, INT8_MAX, &code)) {
        return false;
    }
    if (rest.len_bytes > 0 && (!skip_char(&rest, ',') || rest.len_bytes == 0)) {
        return false;
    }
    *inout_codes = rest;
    *out_code = (int8_t)code;
    return true;
}

/* Formats of one letter. */
static bool
parse_letter(char letter, cni_arrow_layout *out)
{
    static const struct {
        char letter;
        uint8_t kind;
        uint8_t id;
        uint8_t bytes; /* of an item or of an offset */
        bool is_signed;
    } letters[] = {
        {'n', CNI_ARROW_NULL, CNI_TYPE_NULL, 0, false},
        {'b', CNI_ARROW_BOOL, CNI_TYPE_BOOL, 0, false},
        {'c', CNI_ARROW_FIXED, CNI_TYPE_INT8, 1, true},
        {'C', CNI_ARROW_FIXED, CNI_TYPE_UINT8, 1, false},
        {'s', CNI_ARROW_FIXED, CNI_TYPE_INT16, 2, true},
        {'S', CNI_ARROW_FIXED, CNI_TYPE_UINT16, 2, false},
        {'i', CNI_ARROW_FIXED, CNI_TYPE_INT32, 4, true},
        {'I', CNI_ARROW_FIXED, CNI_TYPE_UINT32, 4, false},
        {'l', CNI_ARROW_FIXED, CNI_TYPE_INT64, 8, true},
        {'L', CNI_ARROW_FIXED, CNI_TYPE_UINT64, 8, false},
        {'e', CNI_ARROW_FIXED, CNI_TYPE_FLOAT16, 2, false},
        {'f', CNI_ARROW_FIXED, CNI_TYPE_FLOAT32, 4, false},
        {'g', CNI_ARROW_FIXED, CNI_TYPE_FLOAT64, 8, false},
        {'z', CNI_ARROW_BYTES, CNI_TYPE_BLOB, 4, false},
        {'Z', CNI_ARROW_BYTES, CNI_TYPE_BLOB, 8, false},
        {'u', CNI_ARROW_BYTES, CNI_TYPE_VARCHAR, 4, false},
        {'U', CNI_ARROW_BYTES, CNI_TYPE_VARCHAR, 8, false},
    };
    for (int64_t at = 0; at < CN_ARRAY_LEN(letters); at++) {
        if (letters[at].letter == letter) {
            out->kind = letters[at].kind;
            out->type.id = letters[at].id;
            out->item_bytes = letters[at].bytes;
            out->offset_bytes = letters[at].bytes;
            out->is_signed = letters[at].is_signed;
            return true;
        }
    }
    return false;
}

/* "d:P,S" and "d:P,S,BITS" behind the colon. */
static bool
parse_decimal(cni_str text, cni_arrow_layout *out)
{
    int64_t precision = 0;
    int64_t scale = 0;
    int64_t bits = 128;
    if (!next_number(&text, 1, 76, &precision) || !skip_char(&text, ',') ||
        !next_number(&text, -76, 76, &scale)) {
        return false;
    }
    if (text.len_bytes > 0 && (!skip_char(&text, ',') || !next_number(&text, 32, 256, &bits))) {
        return false;
    }
    const int64_t max_precision = bits == 32 ? 9 : bits == 64 ? 18 : bits == 128 ? 38 : 76;
    if (text.len_bytes > 0 || (bits & (bits - 1)) != 0 || precision > max_precision) {
        return false;
    }
    out->kind = CNI_ARROW_DECIMAL;
    out->item_bytes = (uint8_t)(bits / 8);
    out->type.id = CNI_TYPE_DECIMAL;
    out->type.precision = (uint8_t)precision;
    out->type.scale = (int8_t)scale;
    return true;
}

/* "w:N" and "+w:N" behind the colon. */
static bool
parse_width(cni_str text, cni_arrow_layout *out)
{
    int64_t width = 0;
    if (!next_number(&text, 0, WIDTH_MAX, &width) || text.len_bytes > 0) {
        return false;
    }
    out->type.width = (int32_t)width;
    return true;
}

static bool
parse_unit(char letter, cni_arrow_layout *out)
{
    static const char units[] = "smun";
    const char *found = letter == '\0' ? NULL : strchr(units, letter);
    if (found == NULL) {
        return false;
    }
    out->type.unit = (uint8_t)(found - units);
    return true;
}

/* Dates, times, timestamps, durations, intervals: text[0] is 't'. */
static bool
parse_temporal(cni_str text, cni_arrow_layout *out)
{
    const char family = text.len_bytes >= 3 ? text.data[1] : '\0';
    const char unit = text.len_bytes >= 3 ? text.data[2] : '\0';
    out->kind = CNI_ARROW_FIXED;
    if (family == 's') {
        out->type.id = CNI_TYPE_TIMESTAMP;
        out->tail = (cni_str){text.data + 4, text.len_bytes - 4};
        return text.len_bytes >= 4 && text.data[3] == ':' && parse_unit(unit, out);
    }
    if (text.len_bytes != 3) {
        return false;
    }
    if (family == 'd') {
        out->type.id = unit == 'D' ? CNI_TYPE_DATE : CNI_TYPE_DATE_MS;
        out->type.unit = CNI_UNIT_US;
        return unit == 'D' || unit == 'm';
    }
    if (family == 'i') {
        out->type.id = CNI_TYPE_INTERVAL;
        out->type.unit = CNI_UNIT_US;
        out->kind = unit == 'M'   ? CNI_ARROW_MONTHS
                    : unit == 'D' ? CNI_ARROW_DAY_TIME
                                  : CNI_ARROW_FIXED;
        return unit == 'M' || unit == 'D' || unit == 'n';
    }
    out->type.id = family == 't' ? CNI_TYPE_TIME : CNI_TYPE_DURATION;
    return (family == 't' || family == 'D') && parse_unit(unit, out);
}

static bool
parse_union(cni_str text, cni_arrow_layout *out)
{
    const bool dense = text.data[2] == 'd';
    out->kind = dense ? CNI_ARROW_DENSE_UNION : CNI_ARROW_SPARSE_UNION;
    out->type.id = CNI_TYPE_UNION;
    out->type.dense = dense;
    out->tail = (cni_str){text.data + 4, text.len_bytes - 4};
    cni_str codes = out->tail;
    int8_t code = 0;
    while (cni_arrow_next_code(&codes, &code)) {
    }
    return codes.len_bytes == 0;
}

/* Formats that begin with '+'. */
static bool
parse_nested(cni_str text, cni_arrow_layout *out)
{
    static const struct {
        const char *text;
        uint8_t kind;
        uint8_t id;
        uint8_t offset_bytes;
    } formats[] = {
        {"+l", CNI_ARROW_LIST, CNI_TYPE_LIST, 4},
        {"+L", CNI_ARROW_LIST, CNI_TYPE_LIST, 8},
        {"+vl", CNI_ARROW_LIST_VIEW, CNI_TYPE_LIST, 4},
        {"+vL", CNI_ARROW_LIST_VIEW, CNI_TYPE_LIST, 8},
        {"+s", CNI_ARROW_STRUCT, CNI_TYPE_STRUCT, 0},
        {"+m", CNI_ARROW_LIST, CNI_TYPE_MAP, 4},
        {"+r", CNI_ARROW_RUN_END, CNI_TYPE_INVALID, 0},
    };
    for (int64_t at = 0; at < CN_ARRAY_LEN(formats); at++) {
        if (cni_str_eq(cni_str_of(formats[at].text), text)) {
            out->kind = formats[at].kind;
            out->type.id = formats[at].id;
            out->offset_bytes = formats[at].offset_bytes;
            return true;
        }
    }
    if (cni_str_starts_with(text, CNI_STR("+w:"))) {
        out->kind = CNI_ARROW_FIXED_LIST;
        out->type.id = CNI_TYPE_ARRAY;
        return parse_width((cni_str){text.data + 3, text.len_bytes - 3}, out);
    }
    const bool is_union =
        cni_str_starts_with(text, CNI_STR("+ud:")) || cni_str_starts_with(text, CNI_STR("+us:"));
    return is_union && parse_union(text, out);
}

cn_code
cni_arrow_parse_format(const char *format, cni_arrow_layout *out_layout, cn_error *err)
{
    if (format == NULL || format[0] == '\0') {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: a schema node has no format string");
    }
    const cni_str text = cni_str_of(format);
    cni_arrow_layout layout = {.type = {.unit = CNI_UNIT_US}};
    bool parsed = false;
    if (text.len_bytes == 1 && parse_letter(text.data[0], &layout)) {
        parsed = true;
    } else if (cni_str_eq(text, CNI_STR("vu")) || cni_str_eq(text, CNI_STR("vz"))) {
        layout.kind = CNI_ARROW_BYTE_VIEWS;
        layout.type.id = text.data[1] == 'u' ? CNI_TYPE_VARCHAR : CNI_TYPE_BLOB;
        parsed = true;
    } else if (cni_str_starts_with(text, CNI_STR("d:"))) {
        parsed = parse_decimal((cni_str){text.data + 2, text.len_bytes - 2}, &layout);
    } else if (cni_str_starts_with(text, CNI_STR("w:"))) {
        layout.kind = CNI_ARROW_FIXED;
        layout.type.id = CNI_TYPE_FIXED_BINARY;
        parsed = parse_width((cni_str){text.data + 2, text.len_bytes - 2}, &layout);
    } else if (text.data[0] == 't' && text.len_bytes > 1) {
        parsed = parse_temporal(text, &layout);
    } else if (text.data[0] == '+' && text.len_bytes > 1) {
        parsed = parse_nested(text, &layout);
    } else {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "Arrow: unknown format string '%.60s'", format);
    }
    if (!parsed) {
        return malformed(format, err);
    }
    *out_layout = layout;
    return CN_OK;
}

static cn_code
write_union(cni_arena *arena, const cni_type *type, cni_str *out_format, cn_error *err)
{
    char text[8 + 4 * 128];
    int length = snprintf(text, sizeof(text), type->dense ? "+ud:" : "+us:");
    for (int32_t child = 0; child < type->n_children && child < 128; child++) {
        length += snprintf(text + length, sizeof(text) - (size_t)length, child > 0 ? ",%d" : "%d",
                           type->union_codes[child]);
    }
    return cni_arena_str(arena, (cni_str){text, length}, out_format, err);
}

/* The format of a type without parameters, or NULL. */
static const char *
plain_format(const cni_type *type, bool string_views)
{
    static const char *const formats[CNI_TYPE_COUNT_] = {
        [CNI_TYPE_NULL] = "n",      [CNI_TYPE_BOOL] = "b",         [CNI_TYPE_INT8] = "c",
        [CNI_TYPE_INT16] = "s",     [CNI_TYPE_INT32] = "i",        [CNI_TYPE_INT64] = "l",
        [CNI_TYPE_UINT8] = "C",     [CNI_TYPE_UINT16] = "S",       [CNI_TYPE_UINT32] = "I",
        [CNI_TYPE_UINT64] = "L",    [CNI_TYPE_HUGEINT] = "d:38,0", [CNI_TYPE_FLOAT16] = "e",
        [CNI_TYPE_FLOAT32] = "f",   [CNI_TYPE_FLOAT64] = "g",      [CNI_TYPE_DATE] = "tdD",
        [CNI_TYPE_DATE_MS] = "tdm", [CNI_TYPE_INTERVAL] = "tin",   [CNI_TYPE_LIST] = "+l",
        [CNI_TYPE_STRUCT] = "+s",   [CNI_TYPE_MAP] = "+m",
    };
    if (type->id == CNI_TYPE_VARCHAR) {
        return string_views ? "vu" : "u";
    }
    if (type->id == CNI_TYPE_BLOB) {
        return string_views ? "vz" : "z";
    }
    return formats[type->id];
}

cn_code
cni_arrow_write_format(cni_arena *arena, const cni_type *type, bool string_views,
                       cni_str *out_format, cn_error *err)
{
    const char *plain = plain_format(type, string_views);
    const char unit = "smun"[type->unit & 3];
    if (plain != NULL) {
        *out_format = cni_str_of(plain);
        return CN_OK;
    }
    switch ((cni_type_id)type->id) {
    case CNI_TYPE_DECIMAL:
        return cni_arena_printf(arena, out_format, err, "d:%d,%d%s", type->precision, type->scale,
                                type->precision > 38 ? ",256" : "");
    case CNI_TYPE_FIXED_BINARY:
        return cni_arena_printf(arena, out_format, err, "w:%d", type->width);
    case CNI_TYPE_ARRAY:
        return cni_arena_printf(arena, out_format, err, "+w:%d", type->width);
    case CNI_TYPE_TIME:
        return cni_arena_printf(arena, out_format, err, "tt%c", unit);
    case CNI_TYPE_DURATION:
        return cni_arena_printf(arena, out_format, err, "tD%c", unit);
    case CNI_TYPE_TIMESTAMP:
        return cni_arena_printf(arena, out_format, err, "ts%c:%.*s", unit,
                                CNI_STR_ARGS(type->timezone));
    case CNI_TYPE_UNION:
        return write_union(arena, type, out_format, err);
    default:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "the type of number %d has no Arrow format",
                       type->id);
    }
}
