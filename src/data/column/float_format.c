/* SPDX-License-Identifier: Apache-2.0
 *
 * Floating point to the fewest digits that read back. Most values that people write have at most 15
 * digits: those are found with exact divisions. The rest go through Steele and White's free-format
 * algorithm in big integers: the value and its half-way neighbours as fractions over one
 * denominator, digits generated until what is left is nearer than a neighbour.
 */
#include <math.h>
#include <string.h>

#include "data/column/big_uint_int.h"
#include "data/column/float_text.h"

#define DIGITS_MAX         20
#define FIXED_EXPONENT_MIN (-4)
#define FIXED_EXPONENT_MAX 15

/* 0.d1d2d3... * 10^point */
typedef struct decimal_digits {
    int32_t n_digits;
    int32_t point;
    char digits[DIGITS_MAX];
} decimal_digits;

/* A positive value mantissa * 2^exponent; `lower_is_close`: the neighbour below is half as far. */
typedef struct binary_float {
    uint64_t mantissa;
    int32_t exponent;
    bool lower_is_close;
} binary_float;

static void
digits_of_integer(uint64_t integer, int32_t n_decimals, decimal_digits *out)
{
    char text[DIGITS_MAX + 4];
    int32_t n_digits = 0;
    uint64_t left = integer;
    for (; left != 0; left /= 10) {
        text[n_digits++] = (char)('0' + left % 10);
    }
    out->point = n_digits - n_decimals;
    int32_t n_zeros = 0;
    while (n_zeros < n_digits && text[n_zeros] == '0') {
        n_zeros++;
    }
    out->n_digits = n_digits - n_zeros;
    for (int32_t digit = 0; digit < out->n_digits; digit++) {
        out->digits[digit] = text[n_digits - 1 - digit];
    }
}

/* A value with few digits: integer / 10^n_decimals == value exactly as a reader computes it. */
static bool
find_short(double value, bool is_f32, decimal_digits *out)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6, 1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    const double limit = is_f32 ? 1e6 : 1e15;
    const int32_t max_decimals = is_f32 ? 10 : 14;
    for (int32_t n_decimals = 0; n_decimals <= max_decimals; n_decimals++) {
        const double scaled = rint(value * powers[n_decimals]);
        if (scaled >= limit) {
            return false;
        }
        const double back = scaled / powers[n_decimals];
        if (back == value || (is_f32 && (double)(float)back == value)) {
            digits_of_integer((uint64_t)scaled, n_decimals, out);
            return scaled > 0;
        }
    }
    return false;
}

/* Numerator, denominator and the half distances to the neighbours, all over one denominator. */
typedef struct generator {
    cni_big value;
    cni_big unit;
    cni_big above;
    cni_big below;
    bool inclusive; /* an even mantissa owns its half-way points */
} generator;

static void
generator_init(generator *self, const binary_float *number)
{
    const int32_t extra = number->lower_is_close ? 2 : 1;
    const int32_t up = number->exponent > 0 ? number->exponent : 0;
    const int32_t down = number->exponent < 0 ? -number->exponent : 0;
    cni_big_set(&self->value, number->mantissa);
    cni_big_shift_left(&self->value, up + extra);
    cni_big_set(&self->unit, 1);
    cni_big_shift_left(&self->unit, down + extra);
    cni_big_set(&self->above, 1);
    cni_big_shift_left(&self->above, up + extra - 1);
    cni_big_set(&self->below, 1);
    cni_big_shift_left(&self->below, up);
    self->inclusive = (number->mantissa & 1) == 0;
}

/* Whether value + above reaches the unit. */
static bool
reaches_unit(const generator *self)
{
    cni_big sum;
    cni_big_add(&sum, &self->value, &self->above);
    const int order = cni_big_compare(&sum, &self->unit);
    return self->inclusive ? order >= 0 : order > 0;
}

static bool
below_low(const generator *self)
{
    const int order = cni_big_compare(&self->value, &self->below);
    return self->inclusive ? order <= 0 : order < 0;
}

static void
next_place(generator *self)
{
    cni_big_mul_add(&self->value, 10, 0);
    cni_big_mul_add(&self->above, 10, 0);
    cni_big_mul_add(&self->below, 10, 0);
}

/* Bring the value to [0.1, 1) of the unit; gives the decimal point. */
static int32_t
scale(generator *self, const binary_float *number)
{
    const int32_t n_bits = 64 - __builtin_clzll(number->mantissa);
    int32_t point = (int32_t)ceil((number->exponent + n_bits - 1) * 0.30102999566398120 - 1e-10);
    if (point >= 0) {
        cni_big_mul_pow10(&self->unit, point);
    } else {
        cni_big_mul_pow10(&self->value, -point);
        cni_big_mul_pow10(&self->above, -point);
        cni_big_mul_pow10(&self->below, -point);
    }
    if (reaches_unit(self)) {
        cni_big_mul_add(&self->unit, 10, 0);
        point++;
    }
    return point;
}

static int
take_digit(generator *self)
{
    int digit = 0;
    while (cni_big_compare(&self->value, &self->unit) >= 0) {
        cni_big_sub(&self->value, &self->unit);
        digit++;
    }
    return digit;
}

/* The last digit: rounded to the nearer side, to the even digit from the middle. */
static int
round_last(generator *self, int digit, bool low, bool high)
{
    if (low != high) {
        return high ? digit + 1 : digit;
    }
    cni_big_mul_add(&self->value, 2, 0);
    const int order = cni_big_compare(&self->value, &self->unit);
    return order > 0 || (order == 0 && (digit & 1) != 0) ? digit + 1 : digit;
}

static void
generate(const binary_float *number, decimal_digits *out)
{
    generator self;
    generator_init(&self, number);
    out->point = scale(&self, number);
    out->n_digits = 0;
    bool done = false;
    while (!done && out->n_digits < DIGITS_MAX) {
        next_place(&self);
        int digit = take_digit(&self);
        const bool low = below_low(&self);
        const bool high = reaches_unit(&self);
        done = low || high;
        if (done) {
            digit = round_last(&self, digit, low, high);
        }
        out->digits[out->n_digits++] = (char)('0' + digit);
    }
}

/* Text being written. */
typedef struct writer {
    char *out;
    int64_t len_bytes;
} writer;

static void
put(writer *self, const char *bytes, int64_t n_bytes)
{
    memcpy(self->out + self->len_bytes, bytes, (size_t)n_bytes);
    self->len_bytes += n_bytes;
}

static void
put_zeros(writer *self, int32_t n_zeros)
{
    for (int32_t zero = 0; zero < n_zeros; zero++) {
        put(self, "0", 1);
    }
}

static void
put_fixed(writer *self, const decimal_digits *number)
{
    const int32_t n_whole = number->point < 0 ? 0 : number->point;
    if (n_whole == 0) {
        put(self, "0.", 2);
        put_zeros(self, -number->point);
        put(self, number->digits, number->n_digits);
        return;
    }
    const int32_t n_given = n_whole < number->n_digits ? n_whole : number->n_digits;
    put(self, number->digits, n_given);
    put_zeros(self, n_whole - n_given);
    put(self, ".", 1);
    put(self, number->digits + n_given, number->n_digits - n_given);
    put_zeros(self, number->n_digits == n_given ? 1 : 0);
}

static void
put_exponent(writer *self, const decimal_digits *number, int32_t exponent)
{
    put(self, number->digits, 1);
    if (number->n_digits > 1) {
        put(self, ".", 1);
        put(self, number->digits + 1, number->n_digits - 1);
    }
    put(self, exponent < 0 ? "e-" : "e+", 2);
    const int32_t magnitude = exponent < 0 ? -exponent : exponent;
    char digits[3] = {(char)('0' + magnitude / 100), (char)('0' + magnitude / 10 % 10),
                      (char)('0' + magnitude % 10)};
    const int32_t n_skip = magnitude < 100 ? 1 : 0;
    put(self, digits + n_skip, 3 - n_skip);
}

static int64_t
finish_text(writer *self)
{
    self->out[self->len_bytes] = '\0';
    return self->len_bytes;
}

static int64_t
write_digits(bool negative, const decimal_digits *number, char *out)
{
    writer self = {.out = out};
    const int32_t exponent = number->point - 1;
    put(&self, "-", negative ? 1 : 0);
    if (exponent >= FIXED_EXPONENT_MIN && exponent <= FIXED_EXPONENT_MAX) {
        put_fixed(&self, number);
    } else {
        put_exponent(&self, number, exponent);
    }
    return finish_text(&self);
}

/* nan, inf and zeros; false for other values. */
static bool
write_special(double value, char *out, int64_t *out_len)
{
    writer self = {.out = out};
    if (!isnan(value)) {
        put(&self, "-", signbit(value) ? 1 : 0);
    }
    if (isfinite(value) && value != 0) {
        return false;
    }
    put(&self, isnan(value) ? "nan" : isinf(value) ? "inf" : "0.0", 3);
    *out_len = finish_text(&self);
    return true;
}

/* Mantissa bits without the hidden one, and the exponent of the smallest subnormal. */
static binary_float
split(uint64_t bits, int32_t mantissa_bits, int32_t exponent_min, int32_t exponent_mask)
{
    const uint64_t hidden = UINT64_C(1) << mantissa_bits;
    const uint64_t fraction = bits & (hidden - 1);
    const int32_t biased = (int32_t)(bits >> mantissa_bits) & exponent_mask;
    if (biased == 0) {
        return (binary_float){.mantissa = fraction, .exponent = exponent_min};
    }
    return (binary_float){.mantissa = fraction | hidden,
                          .exponent = exponent_min + biased - 1,
                          .lower_is_close = fraction == 0 && biased > 1};
}

int64_t
cni_f64_format(double value, char out[CNI_FLOAT_TEXT_BYTES])
{
    int64_t len_bytes = 0;
    if (write_special(value, out, &len_bytes)) {
        return len_bytes;
    }
    decimal_digits number;
    if (!find_short(fabs(value), false, &number)) {
        uint64_t bits = 0;
        memcpy(&bits, &value, sizeof(bits));
        const binary_float parts = split(bits, 52, -1074, 0x7FF);
        generate(&parts, &number);
    }
    return write_digits(value < 0, &number, out);
}

int64_t
cni_f32_format(float value, char out[CNI_FLOAT_TEXT_BYTES])
{
    int64_t len_bytes = 0;
    if (write_special((double)value, out, &len_bytes)) {
        return len_bytes;
    }
    decimal_digits number;
    if (!find_short(fabs((double)value), true, &number)) {
        uint32_t bits = 0;
        memcpy(&bits, &value, sizeof(bits));
        const binary_float parts = split(bits, 23, -149, 0xFF);
        generate(&parts, &number);
    }
    return write_digits(value < 0, &number, out);
}

int64_t
cni_f16_format(uint16_t bits, char out[CNI_FLOAT_TEXT_BYTES])
{
    int64_t len_bytes = 0;
    const float value = cni_f16_to_f32(bits);
    if (write_special((double)value, out, &len_bytes)) {
        return len_bytes;
    }
    decimal_digits number;
    const binary_float parts = split(bits, 10, -24, 0x1F);
    generate(&parts, &number);
    return write_digits(value < 0, &number, out);
}
