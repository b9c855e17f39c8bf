/* SPDX-License-Identifier: Apache-2.0
 *
 * Scalars and nested values of Arrow arrays as text. Each reader takes the row with the array's
 * offset already added; cell_value_text does that once per array and handles validity. Nesting is
 * bounded by the schema, which comes from the engine under test, and by MAX_DEPTH.
 */
#include "cell_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cell_time.h"

#define MAX_DEPTH 64

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

static void value_text(cell_text *out, const struct ArrowSchema *schema,
                       const struct ArrowArray *array, int64_t row, int depth);

static bool
has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool
is_null(const struct ArrowArray *array, int64_t at)
{
    if (array->null_count == 0 || array->n_buffers == 0 || array->buffers[0] == NULL) {
        return false;
    }
    const uint8_t *bits = array->buffers[0];
    return (bits[at >> 3] >> (at & 7) & 1) == 0;
}

static int64_t
integer_at(char format, const void *values, int64_t at)
{
    switch (format) {
    case 'c':
        return ((const int8_t *)values)[at];
    case 'C':
        return ((const uint8_t *)values)[at];
    case 's':
        return ((const int16_t *)values)[at];
    case 'S':
        return ((const uint16_t *)values)[at];
    case 'i':
        return ((const int32_t *)values)[at];
    case 'I':
        return ((const uint32_t *)values)[at];
    default:
        return ((const int64_t *)values)[at];
    }
}

/* Shortest digits that read back as `value`, laid out plainly for exponents from -5 to 15. */
void
cell_double_text(cell_text *out, double value, int max_digits)
{
    if (isnan(value) || isinf(value)) {
        cell_text_str(out, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    char digits[64];
    int n_digits = max_digits > 9 ? 15 : 6;
    for (; n_digits <= max_digits; n_digits++) {
        (void)snprintf(digits, sizeof digits, "%.*e", n_digits - 1, value);
        bool exact =
            max_digits > 9 ? strtod(digits, NULL) == value : (double)strtof(digits, NULL) == value;
        if (exact) {
            break;
        }
    }
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent >= -5 && exponent < 16) {
        int n_decimals = (n_digits < max_digits ? n_digits : max_digits) - 1 - exponent;
        (void)snprintf(digits, sizeof digits, "%.*f", n_decimals > 0 ? n_decimals : 0, value);
        size_t n_bytes = strlen(digits);
        while (strchr(digits, '.') != NULL && digits[n_bytes - 1] == '0') {
            digits[--n_bytes] = '\0';
        }
        if (strchr(digits, '.') == NULL) {
            memcpy(digits + n_bytes, ".0", 3);
        } else if (digits[n_bytes - 1] == '.') {
            memcpy(digits + n_bytes, "0", 2);
        }
        cell_text_str(out, digits);
        return;
    }
    char *tail = strchr(digits, 'e');
    size_t n_bytes = (size_t)(tail - digits);
    while (n_bytes > 1 && memchr(digits, '.', n_bytes) != NULL &&
           (digits[n_bytes - 1] == '0' || digits[n_bytes - 1] == '.')) {
        n_bytes--;
    }
    cell_text_add(out, digits, n_bytes);
    cell_text_str(out, tail);
}

static double
half_float(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023;
    double value = exponent == 31  ? (fraction > 0 ? (double)NAN : (double)INFINITY)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -value : value;
}

static void
decimal_text(cell_text *out, int128 value, int scale)
{
    char digits[80];
    int at = (int)sizeof digits;
    uint128 rest = value < 0 ? -(uint128)value : (uint128)value;
    int n_digits = 0;
    while (rest > 0 || n_digits <= scale) {
        if (n_digits == scale && scale > 0) {
            digits[--at] = '.';
        }
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
        n_digits++;
    }
    if (value < 0) {
        digits[--at] = '-';
    }
    cell_text_add(out, digits + at, sizeof digits - (size_t)at);
}

/* d:precision,scale[,bits] */
static void
decimal_at(cell_text *out, const char *format, const void *values, int64_t at)
{
    const char *scale_text = strchr(format, ',');
    int scale = scale_text != NULL ? atoi(scale_text + 1) : 0;
    const char *bits_text = scale_text != NULL ? strchr(scale_text + 1, ',') : NULL;
    int bits = bits_text != NULL ? atoi(bits_text + 1) : 128;
    int128 value = 0;
    if (bits == 32) {
        value = ((const int32_t *)values)[at];
    } else if (bits == 64) {
        value = ((const int64_t *)values)[at];
    } else if (bits == 128) {
        memcpy(&value, (const char *)values + 16 * at, 16);
    } else {
        cell_text_printf(out, "<%s>", format);
        return;
    }
    decimal_text(out, value, scale);
}

static void
escaped(cell_text *out, const char *bytes, int64_t n_bytes, bool is_text)
{
    for (int64_t i = 0; i < n_bytes; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (is_text && byte == '\t') {
            cell_text_str(out, "\\t");
        } else if (is_text && byte == '\n') {
            cell_text_str(out, "\\n");
        } else if (byte < 32 || byte == 127 || (!is_text && byte > 127)) {
            cell_text_printf(out, "\\x%02X", byte);
        } else {
            cell_text_add(out, bytes + i, 1);
        }
    }
}

static void
string_text(cell_text *out, const char *bytes, int64_t n_bytes, bool is_text, int depth)
{
    if (n_bytes == 0) {
        cell_text_str(out, depth == 0 ? "(empty)" : "");
        return;
    }
    escaped(out, bytes, n_bytes, is_text);
}

static void
view_text(cell_text *out, const struct ArrowArray *array, int64_t at, bool is_text, int depth)
{
    const char *view = (const char *)array->buffers[1] + 16 * at;
    int32_t parts[4];
    memcpy(parts, view, sizeof parts);
    const char *bytes = view + 4;
    if (parts[0] > 12) {
        bytes = (const char *)array->buffers[2 + parts[2]] + parts[3];
    }
    string_text(out, bytes, parts[0], is_text, depth);
}

static void
bytes_text(cell_text *out, const char *format, const struct ArrowArray *array, int64_t at,
           int depth)
{
    bool is_text = format[0] == 'u' || format[0] == 'U' || (format[0] == 'v' && format[1] == 'u');
    if (format[0] == 'v') {
        view_text(out, array, at, is_text, depth);
        return;
    }
    if (format[0] == 'w') {
        int64_t width = atoll(format + 2);
        string_text(out, (const char *)array->buffers[1] + width * at, width, is_text, depth);
        return;
    }
    bool large = format[0] == 'U' || format[0] == 'Z';
    int64_t begin = integer_at(large ? 'l' : 'i', array->buffers[1], at);
    int64_t end = integer_at(large ? 'l' : 'i', array->buffers[1], at + 1);
    string_text(out, (const char *)array->buffers[2] + begin, end - begin, is_text, depth);
}

/* Formats that begin with t: dates, times, timestamps, durations, intervals. */
static void
temporal_text(cell_text *out, const char *format, const void *values, int64_t at)
{
    const int32_t *narrow = values;
    const int64_t *wide = values;
    if (strcmp(format, "tdD") == 0) {
        cell_date_text(out, narrow[at]);
    } else if (strcmp(format, "tdm") == 0) {
        cell_date_text(out, wide[at] / 86400000);
    } else if (has_prefix(format, "tt")) {
        cell_time_text(out, format[2] == 's' || format[2] == 'm' ? narrow[at] : wide[at],
                       format[2]);
    } else if (has_prefix(format, "ts")) {
        cell_timestamp_text(out, wide[at], format[2]);
        cell_text_str(out, format[3] == ':' && format[4] != '\0' ? "+00" : "");
    } else if (has_prefix(format, "tD")) {
        cell_duration_text(out, wide[at], format[2]);
    } else if (strcmp(format, "tiM") == 0) {
        cell_interval_text(out, narrow[at], 0, 0);
    } else if (strcmp(format, "tiD") == 0) {
        cell_interval_text(out, 0, narrow[2 * at], (int64_t)narrow[2 * at + 1] * 1000000);
    } else if (strcmp(format, "tin") == 0) {
        cell_interval_text(out, narrow[4 * at], narrow[4 * at + 1], wide[2 * at + 1]);
    } else {
        cell_text_printf(out, "<%s>", format);
    }
}

static void
list_text(cell_text *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
          int64_t at, int depth)
{
    const char *format = schema->format;
    bool is_map = format[1] == 'm';
    int64_t begin = 0;
    int64_t end = 0;
    if (format[1] == 'w') {
        int64_t width = atoll(format + 3);
        begin = at * width;
        end = begin + width;
    } else if (format[1] == 'v') {
        char kind = format[2] == 'L' ? 'l' : 'i';
        begin = integer_at(kind, array->buffers[1], at);
        end = begin + integer_at(kind, array->buffers[2], at);
    } else {
        char kind = format[1] == 'L' ? 'l' : 'i';
        begin = integer_at(kind, array->buffers[1], at);
        end = integer_at(kind, array->buffers[1], at + 1);
    }
    cell_text_str(out, is_map ? "{" : "[");
    for (int64_t i = begin; i < end; i++) {
        cell_text_str(out, i > begin ? ", " : "");
        if (is_map) {
            const struct ArrowSchema *entry = schema->children[0];
            const struct ArrowArray *entries = array->children[0];
            int64_t row = i + entries->offset;
            value_text(out, entry->children[0], entries->children[0], row, depth + 1);
            cell_text_str(out, "=");
            value_text(out, entry->children[1], entries->children[1], row, depth + 1);
        } else {
            value_text(out, schema->children[0], array->children[0], i, depth + 1);
        }
    }
    cell_text_str(out, is_map ? "}" : "]");
}

static void
struct_text(cell_text *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
            int64_t at, int depth)
{
    cell_text_str(out, "{");
    for (int64_t i = 0; i < schema->n_children; i++) {
        cell_text_printf(out, "%s'%s': ", i > 0 ? ", " : "", schema->children[i]->name);
        value_text(out, schema->children[i], array->children[i], at, depth + 1);
    }
    cell_text_str(out, "}");
}

static void
run_end_text(cell_text *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
             int64_t at, int depth)
{
    const struct ArrowArray *ends = array->children[0];
    char kind = schema->children[0]->format[0];
    int64_t run = 0;
    while (run < ends->length && integer_at(kind, ends->buffers[1], ends->offset + run) <= at) {
        run++;
    }
    value_text(out, schema->children[1], array->children[1], run, depth);
}

static void
nested_text(cell_text *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
            int64_t at, int depth)
{
    if (strcmp(schema->format, "+s") == 0) {
        struct_text(out, schema, array, at, depth);
    } else if (strcmp(schema->format, "+r") == 0) {
        run_end_text(out, schema, array, at, depth);
    } else if (strchr("lLwmv", schema->format[1]) != NULL) {
        list_text(out, schema, array, at, depth);
    } else {
        cell_text_printf(out, "<%s>", schema->format);
    }
}

static void
plain_text(cell_text *out, const char *format, const struct ArrowArray *array, int64_t at,
           int depth)
{
    const void *values = array->buffers[1];
    switch (format[0]) {
    case 'b':
        cell_text_str(out, ((const uint8_t *)values)[at >> 3] >> (at & 7) & 1 ? "true" : "false");
        return;
    case 'L':
        cell_text_printf(out, "%llu", (unsigned long long)((const uint64_t *)values)[at]);
        return;
    case 'e':
        cell_double_text(out, half_float(((const uint16_t *)values)[at]), 9);
        return;
    case 'f':
        cell_double_text(out, (double)((const float *)values)[at], 9);
        return;
    case 'g':
        cell_double_text(out, ((const double *)values)[at], 17);
        return;
    case 'd':
        decimal_at(out, format, values, at);
        return;
    case 't':
        temporal_text(out, format, values, at);
        return;
    default:
        break;
    }
    if (strchr("cCsSiIl", format[0]) != NULL) {
        cell_text_printf(out, "%lld", (long long)integer_at(format[0], values, at));
    } else if (strchr("uUvzZw", format[0]) != NULL) {
        bytes_text(out, format, array, at, depth);
    } else {
        cell_text_printf(out, "<%s>", format);
    }
}

static void
value_text(cell_text *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
           int64_t row, int depth)
{
    int64_t at = row + array->offset;
    const char *format = schema->format;
    if (depth > MAX_DEPTH) {
        cell_text_str(out, "<too deep>");
    } else if (strcmp(format, "n") == 0 ||
               (!has_prefix(format, "+r") && !has_prefix(format, "+u") && is_null(array, at))) {
        cell_text_str(out, "NULL");
    } else if (strchr("+w", format[0]) == NULL &&
               (array->n_buffers < 2 || array->buffers[1] == NULL)) {
        cell_text_printf(out, "<%s without values>", format);
    } else if (schema->dictionary != NULL) {
        int64_t code = integer_at(format[0], array->buffers[1], at);
        value_text(out, schema->dictionary, array->dictionary, code, depth);
    } else if (format[0] == '+') {
        nested_text(out, schema, array, at, depth);
    } else {
        plain_text(out, format, array, at, depth);
    }
}

void
cell_value_text(cell_text *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
                int64_t row)
{
    value_text(out, schema, array, row, 0);
}

bool
cell_is_null(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row)
{
    return strcmp(schema->format, "n") == 0 ||
           (!has_prefix(schema->format, "+r") && !has_prefix(schema->format, "+u") &&
            is_null(array, row + array->offset));
}

bool
cell_string(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row,
            const char **out_bytes, int64_t *out_n_bytes)
{
    const int64_t at = row + array->offset;
    const bool large = strcmp(schema->format, "U") == 0;
    if (schema->dictionary != NULL) {
        return false;
    }
    if (strcmp(schema->format, "vu") == 0) {
        const char *view = (const char *)array->buffers[1] + 16 * at;
        int32_t parts[4];
        memcpy(parts, view, sizeof parts);
        *out_n_bytes = parts[0];
        *out_bytes =
            parts[0] > 12 ? (const char *)array->buffers[2 + parts[2]] + parts[3] : view + 4;
        return true;
    }
    if (!large && strcmp(schema->format, "u") != 0) {
        return false;
    }
    const int64_t begin = integer_at(large ? 'l' : 'i', array->buffers[1], at);
    *out_n_bytes = integer_at(large ? 'l' : 'i', array->buffers[1], at + 1) - begin;
    *out_bytes = (const char *)array->buffers[2] + begin;
    return true;
}

char
cell_type_letter(const struct ArrowSchema *schema)
{
    const char *format = schema->dictionary != NULL          ? schema->dictionary->format
                         : strcmp(schema->format, "+r") == 0 ? schema->children[1]->format
                                                             : schema->format;
    if (format[0] == 't') {
        return format[1] == 'd' ? 'D' : format[1] == 's' ? 'P' : format[1] == 't' ? 'M' : 'N';
    }
    if (has_prefix(format, "vz")) {
        return 'X';
    }
    if (format[0] == 'd') {
        const char *scale = strchr(format, ',');
        return scale != NULL && atoi(scale + 1) == 0 ? 'W' : 'V';
    }
    static const char table[] = "cICIsISIiIIIlILIeRfRgRbBuTUTvTzXZXwX";
    for (const char *pair = table; *pair != '\0'; pair += 2) {
        if (pair[0] == format[0]) {
            return pair[1];
        }
    }
    return '?';
}
