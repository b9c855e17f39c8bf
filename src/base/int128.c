/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of 128-bit integers and decimals. Works on magnitudes, so that the smallest value needs no
 * special case, in groups of 18 digits, so that formatting divides by 128 bits at most twice.
 */
#include "base/int128.h"

#include <string.h>

#include "base/macros.h"

#define GROUP_DIGITS 18
#define GROUP        UINT64_C(1000000000000000000)
#define MAX_DIGITS   39
/* Exponents are clamped here: far beyond any text that fits in memory, far from overflow. */
#define EXPONENT_LIMIT (INT64_C(1) << 60)

static cni_u128
pow10_u128(int32_t exponent)
{
    cni_u128 power = 1;
    cni_u128 base = 10;
    for (uint32_t left = (uint32_t)exponent; left != 0; left >>= 1) {
        if ((left & 1U) != 0) {
            power *= base;
        }
        base *= base;
    }
    return power;
}

cni_i128
cni_pow10_i128(int32_t exponent)
{
    return (cni_i128)pow10_u128(exponent);
}

static cni_u128
magnitude(cni_i128 value)
{
    return value < 0 ? ~(cni_u128)value + 1 : (cni_u128)value;
}

/* Digits of `value`, right-aligned in out[0..MAX_DIGITS]; gives how many, at least 1. */
static int64_t
digits_of(cni_u128 value, char out[MAX_DIGITS])
{
    int64_t at = MAX_DIGITS;
    while (value >= GROUP) {
        uint64_t group = (uint64_t)(value % GROUP);
        value /= GROUP;
        for (int32_t digit = 0; digit < GROUP_DIGITS; digit++) {
            out[--at] = (char)('0' + group % 10);
            group /= 10;
        }
    }
    uint64_t head = (uint64_t)value;
    do {
        out[--at] = (char)('0' + head % 10);
        head /= 10;
    } while (head != 0);
    return MAX_DIGITS - at;
}

int32_t
cni_i128_digits(cni_i128 value)
{
    char digits[MAX_DIGITS];
    return (int32_t)digits_of(magnitude(value), digits);
}

int64_t
cni_i128_format(cni_i128 value, int32_t scale, char out[CNI_INT128_TEXT_BYTES])
{
    char digits[MAX_DIGITS];
    const int64_t n_digits = digits_of(magnitude(value), digits);
    const char *first = digits + (MAX_DIGITS - n_digits);
    const int64_t n_whole = cni_max_i64(n_digits - scale, 0);
    int64_t at = 0;
    if (value < 0) {
        out[at++] = '-';
    }
    if (n_whole == 0) {
        out[at++] = '0';
    }
    memcpy(out + at, first, (size_t)n_whole);
    at += n_whole;
    if (scale > 0) {
        out[at++] = '.';
        for (int64_t zero = n_digits; zero < scale; zero++) {
            out[at++] = '0';
        }
        memcpy(out + at, first + n_whole, (size_t)(n_digits - n_whole));
        at += n_digits - n_whole;
    }
    out[at] = '\0';
    return at;
}

/* The parts of a decimal text: digits[0..n) with a point somewhere, and a power of ten. */
typedef struct decimal_text {
    const char *mantissa; /* digits and at most one point */
    int64_t mantissa_bytes;
    int64_t n_digits;
    int64_t n_fraction; /* digits behind the point */
    int64_t exponent;
    bool negative;
} decimal_text;

static bool
is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* Exponent from text[at..len) after the 'e'. */
static bool
scan_exponent(const char *text, int64_t at, int64_t len_bytes, int64_t *out_exponent)
{
    bool negative = false;
    if (at < len_bytes && (text[at] == '+' || text[at] == '-')) {
        negative = text[at] == '-';
        at++;
    }
    if (at == len_bytes) {
        return false;
    }
    int64_t exponent = 0;
    for (; at < len_bytes; at++) {
        if (!is_digit(text[at])) {
            return false;
        }
        if (exponent < EXPONENT_LIMIT / 16) {
            exponent = exponent * 10 + (text[at] - '0');
        }
    }
    *out_exponent = negative ? -exponent : exponent;
    return true;
}

static bool
scan_decimal(const char *text, int64_t len_bytes, decimal_text *out)
{
    *out = (decimal_text){0};
    int64_t at = 0;
    if (len_bytes > 0 && (text[0] == '+' || text[0] == '-')) {
        out->negative = text[0] == '-';
        at = 1;
    }
    out->mantissa = text + at;
    const int64_t start = at;
    bool point = false;
    for (; at < len_bytes && (is_digit(text[at]) || (text[at] == '.' && !point)); at++) {
        if (text[at] == '.') {
            point = true;
            continue;
        }
        out->n_digits++;
        out->n_fraction += point ? 1 : 0;
    }
    out->mantissa_bytes = at - start;
    if (out->n_digits == 0) {
        return false;
    }
    if (at == len_bytes) {
        return true;
    }
    return (text[at] == 'e' || text[at] == 'E') &&
           scan_exponent(text, at + 1, len_bytes, &out->exponent);
}

/* *inout_value * 10 + digit, false on overflow. */
static bool
push_digit(cni_u128 *inout_value, unsigned digit)
{
    cni_u128 value = 0;
    return !__builtin_mul_overflow(*inout_value, (cni_u128)10, &value) &&
           !__builtin_add_overflow(value, (cni_u128)digit, inout_value);
}

/* The first n_kept digits as a number, plus one when the digit behind them is 5 or more. */
static bool
mantissa_value(const decimal_text *parts, int64_t n_kept, cni_u128 *out_value)
{
    cni_u128 value = 0;
    int64_t n_seen = 0;
    for (int64_t at = 0; at < parts->mantissa_bytes; at++) {
        if (parts->mantissa[at] == '.') {
            continue;
        }
        const unsigned digit = (unsigned)(parts->mantissa[at] - '0');
        if (n_seen == n_kept) {
            return !__builtin_add_overflow(value, (cni_u128)(digit >= 5 ? 1 : 0), out_value);
        }
        if (!push_digit(&value, digit)) {
            return false;
        }
        n_seen++;
    }
    *out_value = value;
    return true;
}

/* value * 10^power, false on overflow. */
static bool
shift_left(cni_u128 *inout_value, int64_t power)
{
    if (*inout_value == 0 || power <= 0) {
        return true;
    }
    return power < MAX_DIGITS &&
           !__builtin_mul_overflow(*inout_value, pow10_u128((int32_t)power), inout_value);
}

bool
cni_i128_parse(const char *text, int64_t len_bytes, int32_t scale, cni_i128 *out_value)
{
    decimal_text parts;
    if (!scan_decimal(text, len_bytes, &parts)) {
        return false;
    }
    const int64_t power = parts.exponent + scale - parts.n_fraction;
    const int64_t n_kept = power >= 0 ? parts.n_digits : parts.n_digits + power;
    cni_u128 value = 0;
    if (n_kept >= 0 && !mantissa_value(&parts, n_kept, &value)) {
        return false;
    }
    if (!shift_left(&value, power)) {
        return false;
    }
    const cni_u128 max = (cni_u128)CNI_I128_MAX + (parts.negative ? 1 : 0);
    if (value > max) {
        return false;
    }
    *out_value = parts.negative ? (cni_i128)(~value + 1) : (cni_i128)value;
    return true;
}
