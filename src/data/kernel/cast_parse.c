/* SPDX-License-Identifier: Apache-2.0
 *
 * Casts from text: strict, blanks around the value aside. Each row is parsed by the function of the
 * target type, which says what is wrong with the text (22P02 malformed, 22003 out of range, 22007
 * and 22008 for dates and times).
 */
#include "data/column/datetime.h"
#include "data/column/float_text.h"
#include "data/kernel/cast_int.h"
#include "data/kernel/text_out_int.h"
#include "data/kernel/wide_int.h"

typedef enum parse_outcome {
    PARSE_OK,
    PARSE_MALFORMED,
    PARSE_OUT_OF_RANGE,
    PARSE_SAID /* the parser filled the error itself */
} parse_outcome;

/* One text into item `row` of `out`. */
typedef parse_outcome (*parse_fn)(const cni_type *type, cni_str text, int64_t row, void *out,
                                  cn_error *err);

static bool
is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static cni_str
trim(cni_str text)
{
    while (text.len_bytes > 0 && is_blank(text.data[0])) {
        text.data++;
        text.len_bytes--;
    }
    while (text.len_bytes > 0 && is_blank(text.data[text.len_bytes - 1])) {
        text.len_bytes--;
    }
    return text;
}

/* ---- integers ---- */

/* At most 18 digits: 64 bits hold them. */
static parse_outcome
parse_short(cni_str digits, int64_t at, bool is_negative, cni_i128 *out)
{
    int64_t magnitude = 0;
    for (; at < digits.len_bytes; at++) {
        const unsigned digit = (unsigned)(unsigned char)digits.data[at] - '0';
        if (digit > 9) {
            return PARSE_MALFORMED;
        }
        magnitude = magnitude * 10 + digit;
    }
    *out = is_negative ? -magnitude : magnitude;
    return PARSE_OK;
}

static parse_outcome
parse_i128(cni_str text, cni_i128 *out)
{
    const cni_str digits = trim(text);
    int64_t at = 0;
    const bool is_negative = digits.len_bytes > 0 && digits.data[0] == '-';
    if (digits.len_bytes > 0 && (is_negative || digits.data[0] == '+')) {
        at = 1;
    }
    if (at == digits.len_bytes) {
        return PARSE_MALFORMED;
    }
    if (digits.len_bytes - at <= 18) {
        return parse_short(digits, at, is_negative, out);
    }
    cni_u128 magnitude = 0;
    const cni_u128 limit = (cni_u128)CNI_I128_MAX + (is_negative ? 1 : 0);
    bool is_beyond = false;
    for (; at < digits.len_bytes; at++) {
        const unsigned digit = (unsigned)(unsigned char)digits.data[at] - '0';
        if (digit > 9) {
            return PARSE_MALFORMED;
        }
        is_beyond = is_beyond || magnitude > (limit - digit) / 10;
        magnitude = is_beyond ? 0 : magnitude * 10 + digit;
    }
    *out = (cni_i128)(is_negative ? -magnitude : magnitude);
    return is_beyond ? PARSE_OUT_OF_RANGE : PARSE_OK;
}

static bool
store_integer(const cni_type *type, cni_i128 value, int64_t row, void *out)
{
    switch (type->id) {
    case CNI_TYPE_INT8:
        ((int8_t *)out)[row] = (int8_t)value;
        return (int8_t)value == value;
    case CNI_TYPE_INT16:
        ((int16_t *)out)[row] = (int16_t)value;
        return (int16_t)value == value;
    case CNI_TYPE_INT32:
        ((int32_t *)out)[row] = (int32_t)value;
        return (int32_t)value == value;
    case CNI_TYPE_INT64:
        ((int64_t *)out)[row] = (int64_t)value;
        return (int64_t)value == value;
    case CNI_TYPE_UINT8:
        ((uint8_t *)out)[row] = (uint8_t)value;
        return (uint8_t)value == value;
    case CNI_TYPE_UINT16:
        ((uint16_t *)out)[row] = (uint16_t)value;
        return (uint16_t)value == value;
    case CNI_TYPE_UINT32:
        ((uint32_t *)out)[row] = (uint32_t)value;
        return (uint32_t)value == value;
    case CNI_TYPE_UINT64:
        ((uint64_t *)out)[row] = (uint64_t)value;
        return (cni_i128)(uint64_t)value == value;
    default:
        ((cni_i128 *)out)[row] = value;
        return true;
    }
}

static parse_outcome
parse_integer(const cni_type *type, cni_str text, int64_t row, void *out, cn_error *err)
{
    (void)err;
    cni_i128 value;
    const parse_outcome outcome = parse_i128(text, &value);
    if (outcome != PARSE_OK) {
        return outcome;
    }
    return store_integer(type, value, row, out) ? PARSE_OK : PARSE_OUT_OF_RANGE;
}

/* ---- other numbers ---- */

static parse_outcome
parse_float(const cni_type *type, cni_str text, int64_t row, void *out, cn_error *err)
{
    (void)err;
    const cni_str digits = trim(text);
    bool is_beyond = false;
    if (type->id == CNI_TYPE_FLOAT64) {
        double value;
        if (!cni_f64_parse(digits.data, digits.len_bytes, &value, &is_beyond)) {
            return PARSE_MALFORMED;
        }
        ((double *)out)[row] = value;
        return is_beyond ? PARSE_OUT_OF_RANGE : PARSE_OK;
    }
    float value;
    if (!cni_f32_parse(digits.data, digits.len_bytes, &value, &is_beyond)) {
        return PARSE_MALFORMED;
    }
    if (type->id == CNI_TYPE_FLOAT32) {
        ((float *)out)[row] = value;
        return is_beyond ? PARSE_OUT_OF_RANGE : PARSE_OK;
    }
    const uint16_t half = cni_f16_from_f32(value);
    ((uint16_t *)out)[row] = half;
    const bool half_is_infinite = __builtin_isinf(cni_f16_to_f32(half)) != 0;
    return is_beyond || (half_is_infinite && __builtin_isinf(value) == 0) ? PARSE_OUT_OF_RANGE
                                                                          : PARSE_OK;
}

static parse_outcome
parse_decimal(const cni_type *type, cni_str text, int64_t row, void *out, cn_error *err)
{
    (void)err;
    const cni_str digits = trim(text);
    cni_i128 value;
    if (!cni_i128_parse(digits.data, digits.len_bytes, type->scale, &value)) {
        double as_float; /* a number all the same: too large for 128 bits */
        const bool is_number = cni_f64_parse(digits.data, digits.len_bytes, &as_float, NULL) &&
                               __builtin_isfinite(as_float) && digits.len_bytes > 0;
        return is_number ? PARSE_OUT_OF_RANGE : PARSE_MALFORMED;
    }
    const cni_i128 limit = cni_pow10_i128(type->precision) - 1;
    if (cni_type_phys(type) == CNI_PHYS_I64) {
        ((int64_t *)out)[row] = (int64_t)value;
    } else {
        ((cni_i128 *)out)[row] = value;
    }
    return value < -limit || value > limit ? PARSE_OUT_OF_RANGE : PARSE_OK;
}

/* ---- truth values: PostgreSQL's spellings and their unique prefixes ---- */

static bool
is_prefix_nocase(cni_str text, cni_str word, int64_t n_least)
{
    return text.len_bytes >= n_least && text.len_bytes <= word.len_bytes &&
           cni_str_eq_nocase(text, (cni_str){word.data, text.len_bytes});
}

static parse_outcome
parse_bool(const cni_type *type, cni_str text, int64_t row, void *out, cn_error *err)
{
    (void)type;
    (void)err;
    const cni_str word = trim(text);
    const bool is_true = is_prefix_nocase(word, CNI_STR("true"), 1) ||
                         is_prefix_nocase(word, CNI_STR("yes"), 1) ||
                         is_prefix_nocase(word, CNI_STR("on"), 2) || cni_str_eq(word, CNI_STR("1"));
    const bool is_false =
        is_prefix_nocase(word, CNI_STR("false"), 1) || is_prefix_nocase(word, CNI_STR("no"), 1) ||
        is_prefix_nocase(word, CNI_STR("off"), 2) || cni_str_eq(word, CNI_STR("0"));
    cni_bit_write(out, row, is_true);
    return is_true || is_false ? PARSE_OK : PARSE_MALFORMED;
}

/* ---- dates and times ---- */

static parse_outcome
parse_time_like(const cni_type *type, cni_str text, int64_t row, void *out, cn_error *err)
{
    int64_t ticks = 0;
    const cni_unit unit = (cni_unit)type->unit;
    cn_code code;
    if (type->id == CNI_TYPE_TIME) {
        code = cni_time_parse(text, unit, &ticks, err);
    } else if (type->timezone.data != NULL) {
        code = cni_timestamptz_parse(text, unit, &ticks, err);
    } else {
        code = cni_timestamp_parse(text, unit, &ticks, err);
    }
    if (cni_type_phys(type) == CNI_PHYS_I32) {
        ((int32_t *)out)[row] = (int32_t)ticks;
    } else {
        ((int64_t *)out)[row] = ticks;
    }
    return code == CN_OK ? PARSE_OK : PARSE_SAID;
}

static parse_outcome
parse_date(const cni_type *type, cni_str text, int64_t row, void *out, cn_error *err)
{
    (void)type;
    int32_t days = 0;
    const cn_code code = cni_date_parse(text, &days, err);
    ((int32_t *)out)[row] = days;
    return code == CN_OK ? PARSE_OK : PARSE_SAID;
}

static parse_outcome
parse_interval(const cni_type *type, cni_str text, int64_t row, void *out, cn_error *err)
{
    (void)type;
    cni_interval interval = {0};
    const cn_code code = cni_interval_parse(text, &interval, err);
    ((cni_interval *)out)[row] = interval;
    return code == CN_OK ? PARSE_OK : PARSE_SAID;
}

/* ---- bytes ---- */

static int
hex_digit(char byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    const char lower = (char)(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool
cni_type_is_uuid(const cni_type *type)
{
    return type->id == CNI_TYPE_FIXED_BINARY && type->width == 16 &&
           cni_str_eq(type->extension_name, CNI_STR("arrow.uuid"));
}

/* 32 hexadecimal digits with hyphens between, braces around allowed. */
static parse_outcome
parse_uuid(const cni_type *type, cni_str text, int64_t row, void *out, cn_error *err)
{
    (void)type;
    (void)err;
    cni_str digits = trim(text);
    if (digits.len_bytes >= 2 && digits.data[0] == '{' &&
        digits.data[digits.len_bytes - 1] == '}') {
        digits = (cni_str){digits.data + 1, digits.len_bytes - 2};
    }
    uint8_t *bytes = (uint8_t *)out + 16 * row;
    memset(bytes, 0, 16);
    int n_digits = 0;
    for (int64_t at = 0; at < digits.len_bytes; at++) {
        const int digit = hex_digit(digits.data[at]);
        if (digits.data[at] == '-' && n_digits % 4 == 0 && n_digits > 0) {
            continue;
        }
        if (digit < 0 || n_digits == 32) {
            return PARSE_MALFORMED;
        }
        bytes[n_digits / 2] = (uint8_t)(bytes[n_digits / 2] << 4 | digit);
        n_digits++;
    }
    return n_digits == 32 ? PARSE_OK : PARSE_MALFORMED;
}

/* \xAB stands for a byte, anything else for itself; a lone backslash is malformed. */
static bool
unescape(cni_str text, cni_strbuf *scratch, cn_code *out_code, cn_error *err)
{
    cni_strbuf_reset(scratch);
    *out_code = CN_OK;
    for (int64_t at = 0; at < text.len_bytes && *out_code == CN_OK; at++) {
        char byte = text.data[at];
        if (byte == '\\') {
            const bool is_whole =
                at + 3 < text.len_bytes && (text.data[at + 1] == 'x' || text.data[at + 1] == 'X');
            const int high = is_whole ? hex_digit(text.data[at + 2]) : -1;
            const int low = is_whole ? hex_digit(text.data[at + 3]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            byte = (char)(high << 4 | low);
            at += 3;
        }
        *out_code = cni_strbuf_append_char(scratch, byte, err);
    }
    return true;
}

/* ---- rows ---- */

static cn_code
parse_failed(const cni_cast_job *job, cni_str text, parse_outcome outcome, cn_error *err)
{
    char type[CNI_OP_TEXT_BYTES];
    cni_op_type_text(job->frame->env, job->type, type);
    const int n_shown = (int)cni_min_i64(text.len_bytes, 100);
    const char *rest = text.len_bytes > n_shown ? "..." : "";
    const bool is_range = outcome == PARSE_OUT_OF_RANGE;
    const cn_code code = is_range ? CN_FAIL(err, CN_INVALID_DATA, "'%.*s%s' is out of range for %s",
                                            n_shown, text.data, rest, type)
                                  : CN_FAIL(err, CN_INVALID_DATA, "invalid input for %s: '%.*s%s'",
                                            type, n_shown, text.data, rest);
    cni_error_sqlstate(err, is_range ? "22003" : "22P02");
    return code;
}

static cni_str
text_at(const cni_vector *a, int64_t row)
{
    return cni_view_str((const cni_view *)a->data + cni_op_at(a, row));
}

static cn_code
parse_rows(const cni_cast_job *job, parse_fn parse, cn_error *err)
{
    void *out = cni_vector_mutable_data(job->result);
    for (int64_t row = 0; row < job->frame->n; row++) {
        if (!cni_cast_is_active(job, row)) {
            continue;
        }
        const cni_str text = text_at(job->a, row);
        const parse_outcome outcome = parse(job->type, text, row, out, job->try_cast ? NULL : err);
        if (outcome == PARSE_OK) {
            continue;
        }
        if (job->try_cast) {
            CN_TRY(cni_cast_null_row(job, row, err));
        } else {
            return outcome == PARSE_SAID ? CN_INVALID_DATA : parse_failed(job, text, outcome, err);
        }
    }
    return CN_OK;
}

static cn_code
parse_blob_rows(const cni_cast_job *job, cni_text_out *out, cni_strbuf *scratch, cn_error *err)
{
    for (int64_t row = 0; row < job->frame->n; row++) {
        if (!cni_cast_is_active(job, row)) {
            continue;
        }
        const cni_str text = text_at(job->a, row);
        cn_code code;
        const bool is_whole = unescape(text, scratch, &code, err);
        CN_TRY(code);
        if (is_whole) {
            CN_TRY(cni_text_out_put(out, row, cni_strbuf_view(scratch), err));
        } else if (job->try_cast) {
            CN_TRY(cni_cast_null_row(job, row, err));
        } else {
            return parse_failed(job, text, PARSE_MALFORMED, err);
        }
    }
    return cni_text_out_finish(out, job->frame->n, job->result, err);
}

static cn_code
parse_blobs(const cni_cast_job *job, cn_error *err)
{
    cni_text_out out = {.allocator = job->frame->env->allocator,
                        .views = cni_vector_mutable_data(job->result)};
    cni_strbuf scratch;
    cni_strbuf_init(&scratch, job->frame->env->allocator, CNI_VIEW_MAX_BYTES);
    const cn_code code = parse_blob_rows(job, &out, &scratch, err);
    cni_strbuf_done(&scratch);
    cni_text_out_done(&out);
    return code;
}

static parse_fn
parser_of(const cni_type *to)
{
    if (cni_type_is_integer(to)) {
        return parse_integer;
    }
    if (cni_type_is_float(to)) {
        return parse_float;
    }
    switch (to->id) {
    case CNI_TYPE_DECIMAL:
        return parse_decimal;
    case CNI_TYPE_BOOL:
        return parse_bool;
    case CNI_TYPE_DATE:
        return parse_date;
    case CNI_TYPE_TIME:
    case CNI_TYPE_TIMESTAMP:
        return parse_time_like;
    case CNI_TYPE_INTERVAL:
        return parse_interval;
    default:
        return cni_type_is_uuid(to) ? parse_uuid : NULL;
    }
}

bool
cni_cast_parse_exists(const cni_type *to)
{
    return to->id == CNI_TYPE_BLOB || parser_of(to) != NULL;
}

cn_code
cni_cast_parse(const cni_cast_job *job, cn_error *err)
{
    const int64_t n_bytes =
        job->type->id == CNI_TYPE_BOOL
            ? cni_bits_words(job->frame->n) * 8
            : job->frame->n * cni_phys_bytes((cni_phys)job->result->phys, job->type);
    if (n_bytes > 0) { /* rows that are not parsed are zeros */
        memset(cni_vector_mutable_data(job->result), 0, (size_t)n_bytes);
    }
    if (job->type->id == CNI_TYPE_BLOB) {
        return parse_blobs(job, err);
    }
    return parse_rows(job, parser_of(job->type), err);
}
