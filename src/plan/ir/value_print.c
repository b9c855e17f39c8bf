/* SPDX-License-Identifier: Apache-2.0
 *
 * Values as SQL literals that read back as themselves: for EXPLAIN, messages and generated SQL.
 *
 * Integers and decimals are bare digits, doubles carry an exponent (0.5e0) so that they do not read
 * back as decimals, everything with a literal form of its own uses it (DATE '...'), the rest is a
 * CAST.
 */
#include <inttypes.h>
#include <math.h>

#include "plan/ir/value.h"

static cn_code
print_quoted(cni_str text, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, '\'', err));
    for (int64_t byte = 0; byte < text.len_bytes; byte++) {
        if (text.data[byte] == '\'') {
            CN_TRY(cni_strbuf_append_char(out, '\'', err));
        }
        CN_TRY(cni_strbuf_append_char(out, text.data[byte], err));
    }
    return cni_strbuf_append_char(out, '\'', err);
}

/* The type's SQL name, through a short-lived arena. */
static cn_code
print_type(const cni_type *type, cni_strbuf *out, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_str name;
    CN_TRY(cni_arena_new(out->allocator, "type name", &arena, err));
    CN_TRY(cni_type_name(arena, type, &name, err));
    return cni_strbuf_append(out, name, err);
}

/* The text that the engine prints for the value. */
static cn_code
print_text(const cni_value *value, bool quoted, cni_strbuf *out, cn_error *err)
{
    cni_vector vector = {0};
    cni_strbuf text;
    cni_strbuf_init(&text, out->allocator, INT64_C(1) << 30);
    cn_code code = cni_value_to_vector(out->allocator, value, 1, &vector, err);
    if (code == CN_OK) {
        code = cni_vector_print(&vector, 0, &text, err);
    }
    if (code == CN_OK) {
        code = quoted ? print_quoted(cni_strbuf_view(&text), out, err)
                      : cni_strbuf_append(out, cni_strbuf_view(&text), err);
    }
    cni_vector_done(&vector);
    cni_strbuf_done(&text);
    return code;
}

static cn_code
print_as_cast(const cni_value *value, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append(out, CNI_STR("CAST("), err));
    CN_TRY(print_text(value, true, out, err));
    CN_TRY(cni_strbuf_append(out, CNI_STR(" AS "), err));
    CN_TRY(print_type(value->type, out, err));
    return cni_strbuf_append_char(out, ')', err);
}

static cn_code
print_with_word(const char *word, const cni_value *value, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, "%s ", word));
    return print_text(value, true, out, err);
}

static cn_code
print_wide(cni_i128 value, int32_t scale, cni_strbuf *out, cn_error *err)
{
    char text[CNI_INT128_TEXT_BYTES];
    const int64_t len_bytes = cni_i128_format(value, scale, text);
    return cni_strbuf_append(out, (cni_str){text, len_bytes}, err);
}

/* The engine's own shortest digits; "e0" is added where they would read back as a decimal. */
static cn_code
print_double(const cni_value *value, cni_strbuf *out, cn_error *err)
{
    if (value->type->id == CNI_TYPE_FLOAT32 || isnan(value->as.f64) || isinf(value->as.f64)) {
        return print_as_cast(value, out, err);
    }
    const int64_t start = out->len_bytes;
    CN_TRY(print_text(value, false, out, err));
    const int64_t n_bytes = out->len_bytes - start;
    if (memchr(out->data + start, 'e', (size_t)n_bytes) == NULL) {
        return cni_strbuf_append(out, CNI_STR("e0"), err);
    }
    return CN_OK;
}

static cn_code
print_blob(cni_str bytes, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append(out, CNI_STR("CAST('"), err));
    for (int64_t byte = 0; byte < bytes.len_bytes; byte++) {
        CN_TRY(cni_strbuf_printf(out, err, "\\x%02X", (unsigned)(uint8_t)bytes.data[byte]));
    }
    return cni_strbuf_append(out, CNI_STR("' AS BLOB)"), err);
}

static cn_code
print_list(const cni_value *value, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, '[', err));
    for (int32_t item = 0; item < value->as.nested.n_items; item++) {
        if (item > 0) {
            CN_TRY(cni_strbuf_append(out, CNI_STR(", "), err));
        }
        CN_TRY(cni_value_print(&value->as.nested.items[item], out, err));
    }
    return cni_strbuf_append_char(out, ']', err);
}

/* {'a': 1, 'b': 2} for STRUCT, MAP {k: v} for MAP. */
static cn_code
print_pairs(const cni_value *value, cni_strbuf *out, cn_error *err)
{
    const bool is_map = value->type->id == CNI_TYPE_MAP;
    const int32_t step = is_map ? 2 : 1;
    const cni_value *items = value->as.nested.items;
    CN_TRY(cni_strbuf_printf(out, err, "%s{", is_map ? "MAP " : ""));
    for (int32_t item = 0; item < value->as.nested.n_items; item += step) {
        if (item > 0) {
            CN_TRY(cni_strbuf_append(out, CNI_STR(", "), err));
        }
        if (is_map) {
            CN_TRY(cni_value_print(&items[item], out, err));
        } else {
            CN_TRY(print_quoted(value->type->children[item].name, out, err));
        }
        CN_TRY(cni_strbuf_append(out, CNI_STR(": "), err));
        CN_TRY(cni_value_print(&items[item + step - 1], out, err));
    }
    return cni_strbuf_append_char(out, '}', err);
}

static cn_code
print_number(const cni_value *value, cni_strbuf *out, cn_error *err)
{
    switch (cni_type_phys(value->type)) {
    case CNI_PHYS_U64:
        return cni_strbuf_printf(out, err, "%" PRIu64, value->as.u64);
    case CNI_PHYS_I128:
        return print_wide(value->as.i128, value->type->scale, out, err);
    default:
        return value->type->id == CNI_TYPE_DECIMAL
                   ? print_wide(value->as.i64, value->type->scale, out, err)
                   : cni_strbuf_printf(out, err, "%" PRId64, value->as.i64);
    }
}

cn_code
cni_value_print(const cni_value *value, cni_strbuf *out, cn_error *err)
{
    if (value->is_null) {
        return cni_strbuf_append(out, CNI_STR("NULL"), err);
    }
    switch (value->type->id) {
    case CNI_TYPE_NULL:
        return cni_strbuf_append(out, CNI_STR("NULL"), err);
    case CNI_TYPE_BOOL:
        return cni_strbuf_printf(out, err, "%s", value->as.boolean ? "TRUE" : "FALSE");
    case CNI_TYPE_FLOAT32:
    case CNI_TYPE_FLOAT64:
        return print_double(value, out, err);
    case CNI_TYPE_VARCHAR:
        return print_quoted(value->as.bytes, out, err);
    case CNI_TYPE_BLOB:
        return print_blob(value->as.bytes, out, err);
    case CNI_TYPE_DATE:
        return print_with_word("DATE", value, out, err);
    case CNI_TYPE_TIME:
        return print_with_word("TIME", value, out, err);
    case CNI_TYPE_TIMESTAMP:
        return print_with_word(value->type->timezone.data == NULL ? "TIMESTAMP" : "TIMESTAMPTZ",
                               value, out, err);
    case CNI_TYPE_INTERVAL:
        return print_with_word("INTERVAL", value, out, err);
    case CNI_TYPE_LIST:
    case CNI_TYPE_ARRAY:
        return print_list(value, out, err);
    case CNI_TYPE_STRUCT:
    case CNI_TYPE_MAP:
        return print_pairs(value, out, err);
    default:
        return cni_type_is_numeric(value->type) ? print_number(value, out, err)
                                                : print_as_cast(value, out, err);
    }
}
