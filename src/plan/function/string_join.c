/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings made of others: concat, ||, concat_ws, repeat, replace, translate.
 *
 * || is NULL when a side is; concat and concat_ws leave NULLs out. Arguments of concat that are no
 * strings are cast by the binder.
 */
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

/* ---- concatenation ---- */

typedef enum joining {
    JOIN_STRICT,   /* || : NULL if any */
    JOIN_SKIP,     /* concat */
    JOIN_SEPARATED /* concat_ws */
} joining;

static cn_code
resolve_join(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const joining how = *(const joining *)self->private_data;
    const cni_type *varchar = cni_type_of(CNI_TYPE_VARCHAR);
    const int32_t n_least = how == JOIN_SEPARATED ? 2 : how == JOIN_STRICT ? 2 : 1;
    bool any_text = how != JOIN_STRICT;
    (void)err;
    if (question->n_args < n_least) {
        return CN_OK;
    }
    for (int32_t arg = 0; arg < question->n_args; arg++) {
        const cni_type *type = question->arg_types[arg];
        bool may_fail = false;
        any_text = any_text || type->id == CNI_TYPE_VARCHAR || type->id == CNI_TYPE_NULL;
        if (type->id != CNI_TYPE_VARCHAR) {
            if (type->id != CNI_TYPE_NULL &&
                (type->id == CNI_TYPE_BLOB || !cni_cast_exists(type, varchar, &may_fail))) {
                return CN_OK;
            }
            question->out_arg_types[arg] = varchar;
            question->out_cost += 10;
        }
    }
    question->out_type = varchar;
    question->out_matched = any_text;
    return CN_OK;
}

static int64_t
joined_bytes(const cni_vector *const *args, int32_t first, int32_t n_args, cni_str separator,
             int64_t row)
{
    int64_t n_bytes = 0;
    for (int32_t arg = first; arg < n_args; arg++) {
        const cni_reader reader = cni_reader_of(args[arg]);
        if (cni_read_valid(&reader, row)) {
            n_bytes += cni_read_str(&reader, row).len_bytes + separator.len_bytes;
        }
    }
    return n_bytes;
}

static char *
append(char *out, cni_str text)
{
    if (text.len_bytes > 0) {
        memcpy(out, text.data, (size_t)text.len_bytes);
    }
    return out + text.len_bytes;
}

static cn_code
join_row(const cni_scalar_call *call, int32_t first, cni_str separator, int64_t row,
         cni_text_sink *sink, cn_error *err)
{
    char *room = NULL;
    bool begun = false;
    CN_TRY(cni_text_room(sink, joined_bytes(call->args, first, call->n_args, separator, row), &room,
                         err));
    char *end = room;
    for (int32_t arg = first; arg < call->n_args; arg++) {
        const cni_reader reader = cni_reader_of(call->args[arg]);
        if (cni_read_valid(&reader, row)) {
            end = begun ? append(end, separator) : end;
            end = append(end, cni_read_str(&reader, row));
            begun = true;
        }
    }
    cni_text_put(sink, row, end - room);
    return CN_OK;
}

static cn_code
join_rows(const cni_scalar_call *call, bool separated, const uint64_t *alive, cni_text_sink *sink,
          cn_error *err)
{
    const cni_reader separators = cni_reader_of(call->args[0]);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        if (!cni_word_bit(alive, row) || (separated && !cni_read_valid(&separators, row))) {
            continue;
        }
        const cni_str separator = separated ? cni_read_str(&separators, row) : (cni_str){"", 0};
        CN_TRY(join_row(call, separated ? 1 : 0, separator, row, sink, err));
    }
    return CN_OK;
}

/* concat_ws: NULL where the separator is. */
static cn_code
separator_nulls(const cni_scalar_call *call, cni_vector *inout_result, cn_error *err)
{
    const cni_vector *separator = call->args[0];
    const int64_t n_rows = call->env.n_rows;
    if (separator->validity.data == NULL) {
        return CN_OK;
    }
    const cni_reader reader = cni_reader_of(separator);
    CN_TRY(cni_buffer_reuse(call->env.allocator, cni_bits_words(n_rows) * 8,
                            &inout_result->owner_validity, err));
    uint8_t *bits = inout_result->owner_validity->data;
    for (int64_t row = 0; row < n_rows; row++) {
        cni_bit_write(bits, row, cni_read_valid(&reader, row));
    }
    inout_result->validity = (cni_bits){bits, 0};
    return CN_OK;
}

static cn_code
evaluate_join(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    const joining how = *(const joining *)self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    cni_text_sink sink;
    if (how == JOIN_STRICT) {
        cni_scalar_alive(call, alive);
    } else {
        cni_scalar_live(call, alive);
    }
    CN_TRY(cni_text_begin(&sink, call, inout_result, err));
    const cn_code code = join_rows(call, how == JOIN_SEPARATED, alive, &sink, err);
    if (code != CN_OK) {
        cni_text_cancel(&sink);
        return code;
    }
    CN_TRY(cni_text_end(&sink, NULL, err));
    return how == JOIN_SEPARATED ? separator_nulls(call, inout_result, err) : CN_OK;
}

/* ---- repeat, replace, translate ---- */

static cn_code
repeat_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
           cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    const int64_t n_times = cni_max_i64(cni_read_i64(&args[1], row), 0);
    int64_t n_bytes = 0;
    char *room = NULL;
    (void)call;
    if (__builtin_mul_overflow(text.len_bytes, n_times, &n_bytes)) {
        n_bytes = INT64_MAX;
    }
    CN_TRY(cni_text_room(sink, n_bytes, &room, err));
    char *end = room;
    for (int64_t time = 0; n_bytes > 0 && time < n_times; time++) {
        end = append(end, text);
    }
    cni_text_put(sink, row, n_bytes);
    return CN_OK;
}

static const char *
find_bytes(const char *from, const char *end, cni_str wanted)
{
    return memmem(from, (size_t)(end - from), wanted.data, (size_t)wanted.len_bytes);
}

static int64_t
count_matches(cni_str text, cni_str wanted)
{
    int64_t n_matches = 0;
    const char *end = text.data + text.len_bytes;
    const char *at = find_bytes(text.data, end, wanted);
    for (; at != NULL; at = find_bytes(at + wanted.len_bytes, end, wanted)) {
        n_matches++;
    }
    return n_matches;
}

static cn_code
replace_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
            cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    const cni_str wanted = cni_read_str(&args[1], row);
    const cni_str fresh = cni_read_str(&args[2], row);
    char *room = NULL;
    int64_t n_matches = 0;
    (void)call;
    if (wanted.len_bytes > 0 && text.len_bytes > 0) {
        n_matches = count_matches(text, wanted);
    }
    if (n_matches == 0) {
        return cni_text_copy(sink, row, text, err);
    }
    const int64_t n_bytes = text.len_bytes + n_matches * (fresh.len_bytes - wanted.len_bytes);
    CN_TRY(cni_text_room(sink, n_bytes, &room, err));
    char *out = room;
    const char *from = text.data;
    const char *end = text.data + text.len_bytes;
    for (int64_t match = 0; match < n_matches; match++) {
        const char *at = find_bytes(from, end, wanted);
        out = append(out, (cni_str){from, at - from});
        out = append(out, fresh);
        from = at + wanted.len_bytes;
    }
    (void)append(out, (cni_str){from, end - from});
    cni_text_put(sink, row, n_bytes);
    return CN_OK;
}

/* Bytes of the character at `at`. */
static int64_t
char_bytes(cni_str text, int64_t at)
{
    int64_t end = at + 1;
    while (end < text.len_bytes && ((unsigned char)text.data[end] & 0xC0U) == 0x80U) {
        end++;
    }
    return end - at;
}

/* Number of the character among those of `set`, -1 when it is not one. */
static int64_t
find_char(cni_str set, const char *character, int64_t n_bytes)
{
    int64_t index = 0;
    for (int64_t at = 0; at < set.len_bytes; index++) {
        const int64_t n_set = char_bytes(set, at);
        if (n_set == n_bytes && memcmp(set.data + at, character, (size_t)n_bytes) == 0) {
            return index;
        }
        at += n_set;
    }
    return -1;
}

static cn_code
translate_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
              cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    const cni_str from = cni_read_str(&args[1], row);
    const cni_str to = cni_read_str(&args[2], row);
    char *room = NULL;
    (void)call;
    CN_TRY(cni_text_room(sink, text.len_bytes * 4 + 4, &room, err));
    char *out = room;
    for (int64_t at = 0; at < text.len_bytes;) {
        const int64_t n_bytes = char_bytes(text, at);
        const int64_t index = find_char(from, text.data + at, n_bytes);
        cni_str put = {text.data + at, n_bytes};
        if (index >= 0) {
            const int64_t start = cni_utf8_offset(to, index);
            put = start < to.len_bytes ? (cni_str){to.data + start, char_bytes(to, start)}
                                       : (cni_str){to.data, 0};
        }
        out = append(out, put);
        at += n_bytes;
    }
    cni_text_put(sink, row, out - room);
    return CN_OK;
}

/* ---- the table ---- */

typedef struct join_function {
    cni_signature signature;
    cni_text_row row;
} join_function;

static cn_code
evaluate_rows(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    const join_function *function = self->private_data;
    return cni_text_map(call, function->row, -1, inout_result, err);
}

static const joining join_strict = JOIN_STRICT;
static const joining join_skip = JOIN_SKIP;
static const joining join_separated = JOIN_SEPARATED;

static const join_function function_repeat = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_INT64}, .result = CNI_TYPE_VARCHAR}, repeat_row};
static const join_function function_replace = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR}, .result = CNI_TYPE_VARCHAR},
    replace_row};
static const join_function function_translate = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR}, .result = CNI_TYPE_VARCHAR},
    translate_row};

/* What outgrows the longest string raises; only repeat does so from small arguments. */
#define ROWS_ROW(row_name, row_description, row_example, data, fallible)                           \
    {CNI_ROW_PURE(row_name, row_description, row_example),                                         \
     .may_error = (fallible),                                                                      \
     .cost_ns = 25.0,                                                                              \
     .resolve = cni_signature_resolve,                                                             \
     .private_data = &(data),                                                                      \
     .evaluate = evaluate_rows}

static const cni_function join_table[] = {
    {CNI_ROW_PURE("||", "The strings one after another; NULL if one is.", "'a' || 'b'"),
     .cost_ns = 15.0, .resolve = resolve_join, .private_data = &join_strict,
     .evaluate = evaluate_join},
    {CNI_ROW_PURE("concat", "The values as text one after another, without NULLs.",
                  "concat('a', 1, NULL)"),
     .null_rule = CNI_NULL_CUSTOM, .cost_ns = 15.0, .resolve = resolve_join,
     .private_data = &join_skip, .evaluate = evaluate_join},
    {CNI_ROW_PURE("concat_ws", "The values as text with a separator between, without NULLs.",
                  "concat_ws(', ', 'a', NULL, 'b')"),
     .null_rule = CNI_NULL_CUSTOM, .cost_ns = 20.0, .resolve = resolve_join,
     .private_data = &join_separated, .evaluate = evaluate_join},
    ROWS_ROW("repeat", "The string n times.", "repeat('ab', 3)", function_repeat, true),
    ROWS_ROW("replace", "Every occurrence of a string replaced by another.",
             "replace('hello', 'l', '-')", function_replace, false),
    ROWS_ROW("translate", "Every character of one set replaced by its partner in another.",
             "translate('12345', '143', 'ax')", function_translate, false),
};

const cni_function *
cni_builtin_string_join(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(join_table);
    return join_table;
}
