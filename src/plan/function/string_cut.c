/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of strings by position: substring, left, right, split_part, and padding.
 *
 * Positions count characters from 1. Parts are views into their argument; only padding makes new
 * bytes.
 */
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

static bool
is_ascii(cni_str text)
{
    unsigned char all = 0;
    for (int64_t byte = 0; byte < text.len_bytes; byte++) {
        all |= (unsigned char)text.data[byte];
    }
    return all < 0x80;
}

/* Characters [first, first + n_chars) counted from 0; both clamp. */
static cni_str
cut(cni_str text, int64_t first, int64_t n_chars)
{
    if (is_ascii(text)) {
        const int64_t start = cni_min_i64(cni_max_i64(first, 0), text.len_bytes);
        const int64_t n_bytes = cni_min_i64(n_chars, text.len_bytes - start);
        return (cni_str){text.data + start, n_bytes};
    }
    const int64_t start = cni_utf8_offset(text, first);
    const cni_str rest = {text.data + start, text.len_bytes - start};
    return (cni_str){rest.data, cni_utf8_offset(rest, n_chars)};
}

static cn_code
negative_length(cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "negative substring length not allowed");
    cni_error_sqlstate(err, "22011");
    return code;
}

/* PostgreSQL's: positions before the string count towards the length. */
static cn_code
substring_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
              cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    const int64_t start = cni_read_i64(&args[1], row);
    int64_t end = INT64_MAX;
    if (call->n_args > 2) {
        const int64_t length = cni_read_i64(&args[2], row);
        if (length < 0) {
            return negative_length(err);
        }
        end = __builtin_add_overflow(start, length, &end) ? INT64_MAX : start + length;
    }
    const int64_t first = cni_max_i64(start, 1);
    const int64_t n_chars = end <= first ? 0 : end - first;
    const cni_str part = cut(text, first - 1, n_chars);
    cni_text_part(sink, row, part.data, part.len_bytes);
    return CN_OK;
}

/* left(s, -n): all but the last n. */
static cn_code
left_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
         cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    int64_t n_chars = cni_read_i64(&args[1], row);
    (void)call;
    (void)err;
    if (n_chars < 0) {
        n_chars = cni_max_i64(0, cni_utf8_length(text) + cni_max_i64(n_chars, -INT32_MAX));
    }
    const cni_str part = cut(text, 0, n_chars);
    cni_text_part(sink, row, part.data, part.len_bytes);
    return CN_OK;
}

/* right(s, -n): all but the first n. */
static cn_code
right_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
          cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    const int64_t n_wanted = cni_read_i64(&args[1], row);
    const int64_t n_total = cni_utf8_length(text);
    (void)call;
    (void)err;
    const int64_t skip = n_wanted < 0 ? cni_min_i64(-cni_max_i64(n_wanted, -INT32_MAX), n_total)
                                      : cni_max_i64(0, n_total - n_wanted);
    const cni_str part = cut(text, skip, n_total - skip);
    cni_text_part(sink, row, part.data, part.len_bytes);
    return CN_OK;
}

/* overlay(s, r, from[, n]): n characters (the length of r) from `from` on replaced by r. */
static cn_code
overlay_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
            cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    const cni_str fresh = cni_read_str(&args[1], row);
    const int64_t from = cni_read_i64(&args[2], row);
    const int64_t n_chars = call->n_args > 3 ? cni_read_i64(&args[3], row) : cni_utf8_length(fresh);
    char *room = NULL;
    int64_t end = 0;
    if (from <= 0) {
        return negative_length(err);
    }
    if (__builtin_add_overflow(from - 1, n_chars, &end)) {
        end = INT64_MAX;
    }
    const cni_str head = cut(text, 0, from - 1);
    const cni_str before_tail = cut(text, 0, cni_max_i64(end, 0));
    const cni_str tail = {text.data + before_tail.len_bytes,
                          text.len_bytes - before_tail.len_bytes};
    const int64_t n_bytes = head.len_bytes + fresh.len_bytes + tail.len_bytes;
    CN_TRY(cni_text_room(sink, n_bytes, &room, err));
    memcpy(room, head.data, (size_t)head.len_bytes);
    memcpy(room + head.len_bytes, fresh.data, (size_t)fresh.len_bytes);
    memcpy(room + head.len_bytes + fresh.len_bytes, tail.data, (size_t)tail.len_bytes);
    cni_text_put(sink, row, n_bytes);
    return CN_OK;
}

/* ---- split_part ---- */

static const char *
find_bytes(cni_str text, cni_str wanted)
{
    return text.len_bytes < wanted.len_bytes
               ? NULL
               : memmem(text.data, (size_t)text.len_bytes, wanted.data, (size_t)wanted.len_bytes);
}

static int64_t
count_parts(cni_str text, cni_str separator)
{
    int64_t n_parts = 1;
    for (const char *at = find_bytes(text, separator); at != NULL;
         at = find_bytes(text, separator)) {
        const char *next = at + separator.len_bytes;
        text = (cni_str){next, text.data + text.len_bytes - next};
        n_parts++;
    }
    return n_parts;
}

/* Part `index` (from 1, or from -1 for the last); empty when there is none. */
static cni_str
split_part(cni_str text, cni_str separator, int64_t index)
{
    const cni_str none = {text.data, 0};
    if (separator.len_bytes == 0) {
        return index == 1 || index == -1 ? text : none;
    }
    if (index < 0) {
        index = count_parts(text, separator) + index + 1;
    }
    for (int64_t part = 1; part <= index; part++) {
        const char *at = find_bytes(text, separator);
        if (part == index) {
            return at == NULL ? text : (cni_str){text.data, at - text.data};
        }
        if (at == NULL) {
            return none;
        }
        at += separator.len_bytes;
        text = (cni_str){at, text.data + text.len_bytes - at};
    }
    return none;
}

static cn_code
split_part_row(const cni_reader *args, const cni_scalar_call *call, int64_t row,
               cni_text_sink *sink, cn_error *err)
{
    const int64_t index = cni_read_i64(&args[2], row);
    (void)call;
    if (index == 0) {
        const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "split_part: the position is zero");
        cni_error_sqlstate(err, "22023");
        return code;
    }
    const cni_str part = split_part(cni_read_str(&args[0], row), cni_read_str(&args[1], row),
                                    cni_max_i64(index, -INT32_MAX));
    cni_text_part(sink, row, part.data, part.len_bytes);
    return CN_OK;
}

/* ---- padding ---- */

/* `n_chars` characters of `fill` over and over; gives the bytes. */
static int64_t
write_fill(cni_str fill, int64_t n_chars, char *out)
{
    int64_t n_out = 0;
    const int64_t n_fill = cni_utf8_length(fill);
    for (; n_chars >= n_fill; n_chars -= n_fill) {
        memcpy(out + n_out, fill.data, (size_t)fill.len_bytes);
        n_out += fill.len_bytes;
    }
    const int64_t rest = cni_utf8_offset(fill, n_chars);
    memcpy(out + n_out, fill.data, (size_t)rest);
    return n_out + rest;
}

static cn_code
pad_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
        bool left, cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    const int64_t wanted = cni_max_i64(cni_read_i64(&args[1], row), 0);
    const cni_str fill = call->n_args > 2 ? cni_read_str(&args[2], row) : CNI_STR(" ");
    const int64_t n_chars = cni_utf8_length(text);
    char *room = NULL;
    if (wanted <= n_chars || fill.len_bytes == 0) {
        return cni_text_copy(sink, row, cut(text, 0, wanted), err);
    }
    const int64_t n_fill = wanted - n_chars;
    if (wanted > CNI_VIEW_MAX_BYTES / 4) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "padding to %lld characters is too long",
                       (long long)wanted);
    }
    CN_TRY(cni_text_room(sink, text.len_bytes + n_fill * 4 + fill.len_bytes, &room, err));
    int64_t n_out = 0;
    if (left) {
        n_out = write_fill(fill, n_fill, room);
    }
    memcpy(room + n_out, text.data, (size_t)text.len_bytes);
    n_out += text.len_bytes;
    if (!left) {
        n_out += write_fill(fill, n_fill, room + n_out);
    }
    cni_text_put(sink, row, n_out);
    return CN_OK;
}

static cn_code
lpad_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
         cn_error *err)
{
    return pad_row(args, call, row, sink, true, err);
}

static cn_code
rpad_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
         cn_error *err)
{
    return pad_row(args, call, row, sink, false, err);
}

/* ---- the table ---- */

/* substring with no length, or a literal one that is not negative: no row can fail. */
static cn_code
resolve_safe_substring(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const cni_value *length =
        question->n_args == 3 && question->arg_literals != NULL ? question->arg_literals[2] : NULL;
    const bool is_safe =
        question->n_args == 2 ||
        (length != NULL && !length->is_null &&
         (length->type->id == CNI_TYPE_INT32 || length->type->id == CNI_TYPE_INT64) &&
         length->as.i64 >= 0);
    return is_safe ? cni_signature_resolve(self, question, err) : CN_OK;
}

static cn_code
resolve_any_substring(const cni_function *self, cni_resolve *question, cn_error *err)
{
    question->out_cost++; /* after the entry that cannot fail */
    return cni_signature_resolve(self, question, err);
}

typedef struct cut_function {
    cni_signature signature;
    cni_text_row row;
    int32_t borrowed; /* argument whose bytes the result points into, -1 = none */
} cut_function;

static cn_code
evaluate_cut(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
             cn_error *err)
{
    const cut_function *cutter = self->private_data;
    return cni_text_map(call, cutter->row, cutter->borrowed, inout_result, err);
}

static const cut_function cut_substring = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_INT64, CNI_TYPE_INT64},
     .n_optional = 1,
     .result = CNI_TYPE_VARCHAR},
    substring_row,
    0};
static const cut_function cut_left = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_INT64}, .result = CNI_TYPE_VARCHAR}, left_row, 0};
static const cut_function cut_right = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_INT64}, .result = CNI_TYPE_VARCHAR}, right_row, 0};
static const cut_function cut_split = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR, CNI_TYPE_INT64}, .result = CNI_TYPE_VARCHAR},
    split_part_row,
    0};
static const cut_function cut_lpad = {{.args = {CNI_TYPE_VARCHAR, CNI_TYPE_INT64, CNI_TYPE_VARCHAR},
                                       .n_optional = 1,
                                       .result = CNI_TYPE_VARCHAR},
                                      lpad_row,
                                      -1};
static const cut_function cut_rpad = {{.args = {CNI_TYPE_VARCHAR, CNI_TYPE_INT64, CNI_TYPE_VARCHAR},
                                       .n_optional = 1,
                                       .result = CNI_TYPE_VARCHAR},
                                      rpad_row,
                                      -1};

static const cut_function cut_overlay = {
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR, CNI_TYPE_INT64, CNI_TYPE_INT64},
     .n_optional = 1,
     .result = CNI_TYPE_VARCHAR},
    overlay_row,
    -1};

#define CUT_ROW(row_name, row_description, row_example, data, fallible)                            \
    {CNI_ROW_PURE(row_name, row_description, row_example),                                         \
     .may_error = (fallible),                                                                      \
     .cost_ns = 8.0,                                                                               \
     .resolve = cni_signature_resolve,                                                             \
     .private_data = &(data),                                                                      \
     .evaluate = evaluate_cut}

#define SUBSTRING_ROWS(row_name)                                                                   \
    {CNI_ROW_PURE(row_name, "Characters from a position on (counted from 1), at most n.",          \
                  row_name "('colonnade', 3, 4)"),                                                 \
     .cost_ns = 8.0, .resolve = resolve_safe_substring, .private_data = &cut_substring,            \
     .evaluate = evaluate_cut},                                                                    \
    {                                                                                              \
        CNI_ROW_PURE(row_name, "The same with a length that is not a literal.",                    \
                     row_name "('colonnade', 3, 2 + 2)"),                                          \
            .may_error = true, .cost_ns = 8.0, .resolve = resolve_any_substring,                   \
            .private_data = &cut_substring, .evaluate = evaluate_cut                               \
    }

static const cni_function cut_table[] = {
    SUBSTRING_ROWS("substring"),
    SUBSTRING_ROWS("substr"),
    CUT_ROW("left", "The first n characters; all but the last -n.", "left('abcde', 2)", cut_left,
            false),
    CUT_ROW("right", "The last n characters; all but the first -n.", "right('abcde', 2)", cut_right,
            false),
    CUT_ROW("overlay", "n characters from a position on replaced by another string.",
            "overlay('Txxxxas', 'hom', 2, 4)", cut_overlay, true),
    CUT_ROW("split_part", "The nth part between separators; from the end when negative.",
            "split_part('a;b;c', ';', 2)", cut_split, true),
    CUT_ROW("lpad", "Filled at the start to n characters, or cut to n.", "lpad('7', 3, '0')",
            cut_lpad, true),
    CUT_ROW("rpad", "Filled at the end to n characters, or cut to n.", "rpad('7', 3, '.')",
            cut_rpad, true),
};

const cni_function *
cni_builtin_string_cut(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(cut_table);
    return cut_table;
}
