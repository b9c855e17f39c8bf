/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings, one in and one value out: lengths, lower and upper case, trimming, reversal, code
 * points.
 *
 * Text is UTF-8; a character is a code point. ASCII takes a fast path; other letters go through
 * utf8proc's simple case mapping. Trimmed strings are parts of their argument: no byte is copied.
 */
#include <utf8proc.h>

#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

/* ---- lengths ---- */

typedef int64_t (*measure_fn)(cni_str text);

typedef struct measure {
    cni_signature signature;
    measure_fn fn;
} measure;

static int64_t
length_bytes(cni_str text)
{
    return text.len_bytes;
}

static int64_t
length_bits(cni_str text)
{
    return text.len_bytes * 8;
}

/* The first character's code point, 0 for an empty string. */
static int64_t
first_code_point(cni_str text)
{
    utf8proc_int32_t code_point = 0;
    if (text.len_bytes == 0) {
        return 0;
    }
    (void)utf8proc_iterate((const utf8proc_uint8_t *)text.data, text.len_bytes, &code_point);
    return code_point < 0 ? (unsigned char)text.data[0] : code_point;
}

static cn_code
evaluate_measure(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    const measure *how = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    int64_t *out = NULL;
    const cni_reader text = cni_reader_of(call->args[0]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        out[row] = cni_word_bit(alive, row) ? how->fn(cni_read_str(&text, row)) : 0;
    }
    return CN_OK;
}

/* ---- case ---- */

typedef enum letter_case {
    CASE_LOWER,
    CASE_UPPER,
    CASE_INITIAL /* the first letter of each word upper, the rest lower */
} letter_case;

static bool
is_ascii(cni_str text)
{
    unsigned char all = 0;
    for (int64_t byte = 0; byte < text.len_bytes; byte++) {
        all |= (unsigned char)text.data[byte];
    }
    return all < 0x80;
}

static char
ascii_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
}

static char
ascii_upper(char byte)
{
    return byte >= 'a' && byte <= 'z' ? (char)(byte - 32) : byte;
}

static bool
ascii_is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

static void
map_ascii(cni_str text, letter_case how, char *out)
{
    bool in_word = false;
    for (int64_t byte = 0; byte < text.len_bytes; byte++) {
        const char from = text.data[byte];
        const bool upper = how == CASE_UPPER || (how == CASE_INITIAL && !in_word);
        out[byte] = upper ? ascii_upper(from) : ascii_lower(from);
        in_word = ascii_is_word(from);
    }
}

static bool
is_word(utf8proc_int32_t code_point)
{
    const utf8proc_category_t category = utf8proc_category(code_point);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

/* Gives the bytes written; `out` has room for twice the text and 4. Bytes that are no UTF-8 stay.
 */
static int64_t
map_unicode(cni_str text, letter_case how, char *out)
{
    int64_t n_out = 0;
    bool in_word = false;
    for (int64_t at = 0; at < text.len_bytes;) {
        utf8proc_int32_t code_point = 0;
        const utf8proc_ssize_t n_bytes = utf8proc_iterate((const utf8proc_uint8_t *)text.data + at,
                                                          text.len_bytes - at, &code_point);
        if (n_bytes <= 0) {
            out[n_out++] = text.data[at++];
            continue;
        }
        const bool upper = how == CASE_UPPER || (how == CASE_INITIAL && !in_word);
        in_word = is_word(code_point);
        code_point = upper ? utf8proc_toupper(code_point) : utf8proc_tolower(code_point);
        n_out += utf8proc_encode_char(code_point, (utf8proc_uint8_t *)out + n_out);
        at += n_bytes;
    }
    return n_out;
}

static cn_code
case_row(const cni_reader *args, letter_case how, int64_t row, cni_text_sink *sink, cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    char *room = NULL;
    if (is_ascii(text)) {
        CN_TRY(cni_text_room(sink, text.len_bytes, &room, err));
        map_ascii(text, how, room);
        cni_text_put(sink, row, text.len_bytes);
        return CN_OK;
    }
    CN_TRY(cni_text_room(sink, text.len_bytes * 2 + 4, &room, err));
    cni_text_put(sink, row, map_unicode(text, how, room));
    return CN_OK;
}

static cn_code
lower_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
          cn_error *err)
{
    (void)call;
    return case_row(args, CASE_LOWER, row, sink, err);
}

static cn_code
upper_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
          cn_error *err)
{
    (void)call;
    return case_row(args, CASE_UPPER, row, sink, err);
}

static cn_code
initcap_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
            cn_error *err)
{
    (void)call;
    return case_row(args, CASE_INITIAL, row, sink, err);
}

/* ---- trimming ---- */

/* Bytes of the character at `at` (1..4); of stray bytes 1. */
static int64_t
char_bytes(cni_str text, int64_t at)
{
    int64_t end = at + 1;
    while (end < text.len_bytes && ((unsigned char)text.data[end] & 0xC0U) == 0x80U) {
        end++;
    }
    return end - at;
}

static int64_t
char_start(cni_str text, int64_t end)
{
    int64_t at = end - 1;
    while (at > 0 && ((unsigned char)text.data[at] & 0xC0U) == 0x80U) {
        at--;
    }
    return at;
}

static bool
set_has(cni_str set, const char *character, int64_t n_bytes)
{
    for (int64_t at = 0; at < set.len_bytes;) {
        const int64_t n_set = char_bytes(set, at);
        if (n_set == n_bytes && memcmp(set.data + at, character, (size_t)n_bytes) == 0) {
            return true;
        }
        at += n_set;
    }
    return false;
}

static cni_str
trim(cni_str text, cni_str set, bool left, bool right)
{
    int64_t start = 0;
    int64_t end = text.len_bytes;
    while (left && start < end) {
        const int64_t n_bytes = char_bytes(text, start);
        if (!set_has(set, text.data + start, n_bytes)) {
            break;
        }
        start += n_bytes;
    }
    while (right && end > start) {
        const int64_t at = char_start(text, end);
        if (at < start || !set_has(set, text.data + at, end - at)) {
            break;
        }
        end = at;
    }
    return (cni_str){text.data + start, end - start};
}

static void
trim_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
         bool left, bool right)
{
    const cni_str set = call->n_args > 1 ? cni_read_str(&args[1], row) : CNI_STR(" ");
    const cni_str part = trim(cni_read_str(&args[0], row), set, left, right);
    cni_text_part(sink, row, part.data, part.len_bytes);
}

static cn_code
btrim_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
          cn_error *err)
{
    (void)err;
    trim_row(args, call, row, sink, true, true);
    return CN_OK;
}

static cn_code
ltrim_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
          cn_error *err)
{
    (void)err;
    trim_row(args, call, row, sink, true, false);
    return CN_OK;
}

static cn_code
rtrim_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
          cn_error *err)
{
    (void)err;
    trim_row(args, call, row, sink, false, true);
    return CN_OK;
}

/* ---- reversal, code points ---- */

static cn_code
reverse_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
            cn_error *err)
{
    const cni_str text = cni_read_str(&args[0], row);
    char *room = NULL;
    int64_t n_out = 0;
    (void)call;
    CN_TRY(cni_text_room(sink, text.len_bytes, &room, err));
    for (int64_t end = text.len_bytes; end > 0;) {
        const int64_t at = char_start(text, end);
        memcpy(room + n_out, text.data + at, (size_t)(end - at));
        n_out += end - at;
        end = at;
    }
    cni_text_put(sink, row, n_out);
    return CN_OK;
}

static cn_code
chr_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
        cn_error *err)
{
    const int32_t code_point = cni_read_i32(&args[0], row);
    char *room = NULL;
    (void)call;
    if (code_point <= 0 || !utf8proc_codepoint_valid(code_point)) {
        const cn_code code =
            CN_FAIL(err, CN_INVALID_DATA, "chr: %d is not a valid character", code_point);
        cni_error_sqlstate(err, "54000");
        return code;
    }
    CN_TRY(cni_text_room(sink, 4, &room, err));
    cni_text_put(sink, row, utf8proc_encode_char(code_point, (utf8proc_uint8_t *)room));
    return CN_OK;
}

/* ---- the table ---- */

/* A row function and the argument whose bytes it borrows (-1 = none). */
typedef struct text_function {
    cni_signature signature;
    cni_text_row row;
    int32_t borrowed;
} text_function;

static cn_code
evaluate_text(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    const text_function *text = self->private_data;
    return cni_text_map(call, text->row, text->borrowed, inout_result, err);
}

#define TEXT_TO_NUMBER {.args = {CNI_TYPE_VARCHAR}, .result = CNI_TYPE_INT64}
#define TEXT_TO_TEXT   {.args = {CNI_TYPE_VARCHAR}, .result = CNI_TYPE_VARCHAR}
#define TRIM_SIGNATURE                                                                             \
    {.args = {CNI_TYPE_VARCHAR, CNI_TYPE_VARCHAR}, .n_optional = 1, .result = CNI_TYPE_VARCHAR}

static const measure measure_chars = {TEXT_TO_NUMBER, cni_utf8_length};
static const measure measure_bytes = {TEXT_TO_NUMBER, length_bytes};
static const measure measure_bits = {TEXT_TO_NUMBER, length_bits};
static const measure measure_blob = {{.args = {CNI_TYPE_BLOB}, .result = CNI_TYPE_INT64},
                                     length_bytes};
static const measure measure_first = {TEXT_TO_NUMBER, first_code_point};
static const text_function text_lower = {TEXT_TO_TEXT, lower_row, -1};
static const text_function text_upper = {TEXT_TO_TEXT, upper_row, -1};
static const text_function text_initcap = {TEXT_TO_TEXT, initcap_row, -1};
static const text_function text_reverse = {TEXT_TO_TEXT, reverse_row, -1};
static const text_function text_trim = {TRIM_SIGNATURE, btrim_row, 0};
static const text_function text_ltrim = {TRIM_SIGNATURE, ltrim_row, 0};
static const text_function text_rtrim = {TRIM_SIGNATURE, rtrim_row, 0};
static const text_function text_chr = {
    {.args = {CNI_TYPE_INT32}, .result = CNI_TYPE_VARCHAR}, chr_row, -1};

#define MEASURE_ROW(row_name, row_description, row_example, data)                                  \
    {CNI_ROW_PURE(row_name, row_description, row_example), .cost_ns = 4.0,                         \
     .resolve = cni_signature_resolve, .private_data = &(data), .evaluate = evaluate_measure}
#define TEXT_ROW(row_name, row_description, row_example, data)                                     \
    {CNI_ROW_PURE(row_name, row_description, row_example), .cost_ns = 15.0,                        \
     .resolve = cni_signature_resolve, .private_data = &(data), .evaluate = evaluate_text}

static const cni_function case_table[] = {
    MEASURE_ROW("length", "Number of characters.", "length('abc')", measure_chars),
    MEASURE_ROW("len", "Number of characters.", "len('abc')", measure_chars),
    MEASURE_ROW("char_length", "Number of characters.", "char_length('abc')", measure_chars),
    MEASURE_ROW("character_length", "Number of characters.", "character_length('abc')",
                measure_chars),
    MEASURE_ROW("octet_length", "Number of bytes.", "octet_length('abc')", measure_bytes),
    MEASURE_ROW("octet_length", "Number of bytes.", "octet_length(CAST('abc' AS BLOB))",
                measure_blob),
    MEASURE_ROW("strlen", "Number of bytes.", "strlen('abc')", measure_bytes),
    MEASURE_ROW("bit_length", "Number of bits.", "bit_length('abc')", measure_bits),
    MEASURE_ROW("ascii", "Code point of the first character, 0 for none.", "ascii('x')",
                measure_first),
    MEASURE_ROW("ord", "Code point of the first character, 0 for none.", "ord('x')", measure_first),
    MEASURE_ROW("unicode", "Code point of the first character, 0 for none.", "unicode('x')",
                measure_first),
    TEXT_ROW("lower", "The string in lower case.", "lower('ABC')", text_lower),
    TEXT_ROW("lcase", "The string in lower case.", "lcase('ABC')", text_lower),
    TEXT_ROW("upper", "The string in upper case.", "upper('abc')", text_upper),
    TEXT_ROW("ucase", "The string in upper case.", "ucase('abc')", text_upper),
    TEXT_ROW("initcap", "The first letter of each word in upper case, the rest in lower case.",
             "initcap('hello world')", text_initcap),
    TEXT_ROW("reverse", "The characters from last to first.", "reverse('abc')", text_reverse),
    TEXT_ROW("trim", "Without spaces (or the characters given) at both ends.", "trim('  abc ')",
             text_trim),
    TEXT_ROW("btrim", "Without spaces (or the characters given) at both ends.",
             "btrim('xxabcx', 'x')", text_trim),
    TEXT_ROW("ltrim", "Without spaces (or the characters given) at the start.", "ltrim('  abc')",
             text_ltrim),
    TEXT_ROW("rtrim", "Without spaces (or the characters given) at the end.", "rtrim('abc  ')",
             text_rtrim),
    {CNI_ROW_PURE("chr", "The character with the code point.", "chr(65)"), .may_error = true,
     .injective = true, .cost_ns = 5.0, .resolve = cni_signature_resolve, .private_data = &text_chr,
     .evaluate = evaluate_text},
};

const cni_function *
cni_builtin_string_case(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(case_table);
    return case_table;
}
