/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to floating point, correctly rounded, and conversion of half floats. Up to 19 digits with a
 * small power of ten are exact in one multiplication or division (Clinger's fast path). Else an
 * estimate in extended precision is moved until the exact decimal value, compared in big integers
 * with the half-way points around it, lies within.
 */
#include <math.h>
#include <string.h>

#include "data/column/big_uint_int.h"
#include "data/column/float_text.h"

#define DIGITS_KEPT    800 /* more than any half-way point has; digits behind only break ties */
#define EXPONENT_CLAMP 100000

typedef struct float_layout {
    int32_t mantissa_bits; /* with the hidden one */
    int32_t exponent_min;  /* of the smallest subnormal */
    int32_t exponent_max;  /* of the largest value's last mantissa bit */
} float_layout;

static const float_layout layout_f64 = {53, -1074, 971};
static const float_layout layout_f32 = {24, -149, 104};

/* digits * 10^exponent; leading zeros are left out, digits beyond DIGITS_KEPT only make `sticky`.
 */
typedef struct scanned_decimal {
    const char *at; /* first significant digit; a point may follow */
    const char *end;
    int64_t n_digits; /* significant ones that count, <= DIGITS_KEPT */
    int64_t exponent; /* of the last of them */
    uint64_t head;    /* the first 19 digits */
    bool negative;
    bool sticky;
} scanned_decimal;

typedef struct float_scanner {
    const char *at;
    const char *end;
} float_scanner;

static bool
is_digit(const float_scanner *self)
{
    return self->at < self->end && *self->at >= '0' && *self->at <= '9';
}

static bool
match_word(const float_scanner *self, const char *word)
{
    const char *at = self->at;
    for (; *word != '\0'; word++, at++) {
        if (at == self->end || (*at | 0x20) != *word) {
            return false;
        }
    }
    return at == self->end;
}

static void
count_digit(scanned_decimal *number, const float_scanner *self, bool behind_point)
{
    const char digit = *self->at;
    if (number->n_digits == 0 && digit == '0') {
        number->exponent -= behind_point ? 1 : 0;
        return;
    }
    if (number->n_digits == 0) {
        number->at = self->at;
    }
    if (number->n_digits < DIGITS_KEPT) {
        if (number->n_digits < 19) {
            number->head = number->head * 10 + (uint64_t)(digit - '0');
        }
        number->n_digits++;
        number->end = self->at + 1;
        number->exponent -= behind_point ? 1 : 0;
    } else {
        number->sticky = number->sticky || digit != '0';
        number->exponent += behind_point ? 0 : 1;
    }
}

static bool
scan_exponent(float_scanner *self, int64_t *out_exponent)
{
    bool negative = false;
    if (self->at < self->end && (*self->at == '+' || *self->at == '-')) {
        negative = *self->at++ == '-';
    }
    bool any = false;
    int64_t exponent = 0;
    for (; is_digit(self); self->at++) {
        any = true;
        exponent = exponent < EXPONENT_CLAMP ? exponent * 10 + (*self->at - '0') : exponent;
    }
    *out_exponent = negative ? -exponent : exponent;
    return any;
}

/* The number behind a sign; false when it is not one to the end. */
static bool
scan_decimal(float_scanner *self, scanned_decimal *number)
{
    bool any = false;
    for (; is_digit(self); self->at++) {
        any = true;
        count_digit(number, self, false);
    }
    if (self->at < self->end && *self->at == '.') {
        self->at++;
        for (; is_digit(self); self->at++) {
            any = true;
            count_digit(number, self, true);
        }
    }
    int64_t exponent = 0;
    if (any && self->at < self->end && (*self->at == 'e' || *self->at == 'E')) {
        self->at++;
        any = scan_exponent(self, &exponent);
    }
    number->exponent += exponent;
    return any && self->at == self->end;
}

static void
load_digits(const scanned_decimal *number, cni_big *out)
{
    cni_big_set(out, 0);
    for (const char *at = number->at; at < number->end; at++) {
        if (*at == '.') {
            continue;
        }
        const uint32_t digit = (uint32_t)(*at - '0');
        if (out->n_words == 0) {
            cni_big_set(out, digit);
        } else {
            cni_big_mul_add(out, 10, digit);
        }
    }
}

/* Sign of |number| - mantissa * 2^exponent. */
static int
compare_with(const scanned_decimal *number, uint64_t mantissa, int32_t exponent)
{
    cni_big decimal;
    cni_big binary;
    load_digits(number, &decimal);
    cni_big_set(&binary, mantissa);
    const int32_t power = (int32_t)number->exponent;
    cni_big_mul_pow10(power >= 0 ? &decimal : &binary, power >= 0 ? power : -power);
    cni_big_shift_left(exponent >= 0 ? &binary : &decimal, exponent >= 0 ? exponent : -exponent);
    const int order = cni_big_compare(&decimal, &binary);
    return order == 0 && number->sticky ? 1 : order;
}

static long double
estimate(const scanned_decimal *number)
{
    long double value = (long double)number->head;
    int64_t power = number->exponent + (number->n_digits > 19 ? number->n_digits - 19 : 0);
    long double base = power < 0 ? 0.1L : 10.0L;
    for (uint64_t left = (uint64_t)(power < 0 ? -power : power); left != 0; left >>= 1) {
        value = (left & 1) != 0 ? value * base : value;
        base *= base;
    }
    return value;
}

/* A candidate mantissa * 2^exponent of the layout. */
typedef struct candidate {
    uint64_t mantissa;
    int32_t exponent;
} candidate;

static candidate
first_candidate(long double value, const float_layout *layout)
{
    int exponent = 0;
    (void)frexpl(value, &exponent);
    int32_t last = exponent - layout->mantissa_bits;
    last = last < layout->exponent_min ? layout->exponent_min : last;
    last = last > layout->exponent_max ? layout->exponent_max : last;
    const long double limit = ldexpl(1.0L, layout->mantissa_bits) - 1;
    const long double mantissa = rintl(ldexpl(value, -last));
    return (candidate){.mantissa = (uint64_t)(mantissa > limit ? limit : mantissa),
                       .exponent = last};
}

static candidate
next_up(candidate self, const float_layout *layout)
{
    self.mantissa++;
    if (self.mantissa >> layout->mantissa_bits != 0) {
        self.mantissa >>= 1;
        self.exponent++;
    }
    return self;
}

static candidate
next_down(candidate self, const float_layout *layout)
{
    const uint64_t lowest = UINT64_C(1) << (layout->mantissa_bits - 1);
    if (self.mantissa == lowest && self.exponent > layout->exponent_min) {
        self.mantissa = (lowest << 1) - 1;
        self.exponent--;
        return self;
    }
    self.mantissa--;
    return self;
}

/* Whether the number rounds to something below the candidate (> 0). */
static bool
rounds_below(const scanned_decimal *number, candidate self, const float_layout *layout)
{
    const candidate below = next_down(self, layout);
    const int32_t shift = self.exponent - below.exponent; /* 0 or 1 */
    const uint64_t sum = (self.mantissa << shift) + below.mantissa;
    const int order = compare_with(number, sum, below.exponent - 1);
    return order < 0 || (order == 0 && (self.mantissa & 1) != 0);
}

static bool
rounds_above(const scanned_decimal *number, candidate self)
{
    const int order = compare_with(number, 2 * self.mantissa + 1, self.exponent - 1);
    return order > 0 || (order == 0 && (self.mantissa & 1) != 0);
}

/* The exact conversion; false on overflow. */
static bool
convert(const scanned_decimal *number, const float_layout *layout, double *out_value)
{
    const int64_t magnitude = number->n_digits + number->exponent;
    if (magnitude > 310) {
        return false;
    }
    if (magnitude < -330) {
        *out_value = 0;
        return true;
    }
    candidate best = first_candidate(estimate(number), layout);
    while (best.mantissa > 0 && rounds_below(number, best, layout)) {
        best = next_down(best, layout);
    }
    while (best.exponent <= layout->exponent_max && rounds_above(number, best)) {
        best = next_up(best, layout);
    }
    if (best.exponent > layout->exponent_max) {
        return false;
    }
    *out_value = ldexp((double)best.mantissa, best.exponent);
    return true;
}

/* Both operands exact, so that one rounding happens. */
static bool
convert_fast(const scanned_decimal *number, double *out_value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (number->n_digits > 19 || number->head > (UINT64_C(1) << 53) || number->exponent > 22 ||
        number->exponent < -22) {
        return false;
    }
    const double head = (double)number->head;
    *out_value =
        number->exponent < 0 ? head / powers[-number->exponent] : head * powers[number->exponent];
    return true;
}

/* Shared by both widths: gives whether it is a number, its value and whether it overflowed. */
static bool
parse(const char *text, int64_t len_bytes, const float_layout *layout, double *out_value,
      bool *out_overflow)
{
    float_scanner self = {text, text + len_bytes};
    scanned_decimal number = {0};
    if (self.at < self.end && (*self.at == '+' || *self.at == '-')) {
        number.negative = *self.at++ == '-';
    }
    double value = 0;
    bool overflow = false;
    if (match_word(&self, "nan")) {
        value = (double)NAN;
    } else if (match_word(&self, "inf") || match_word(&self, "infinity")) {
        value = (double)INFINITY;
    } else if (!scan_decimal(&self, &number)) {
        return false;
    } else if (number.n_digits > 0 && !(layout == &layout_f64 && convert_fast(&number, &value)) &&
               !convert(&number, layout, &value)) {
        overflow = true;
        value = (double)INFINITY;
    }
    *out_value = number.negative ? -value : value;
    if (out_overflow != NULL) {
        *out_overflow = overflow;
    }
    return true;
}

bool
cni_f64_parse(const char *text, int64_t len_bytes, double *out_value, bool *out_overflow)
{
    return parse(text, len_bytes, &layout_f64, out_value, out_overflow);
}

bool
cni_f32_parse(const char *text, int64_t len_bytes, float *out_value, bool *out_overflow)
{
    double value = 0;
    if (!parse(text, len_bytes, &layout_f32, &value, out_overflow)) {
        return false;
    }
    *out_value = (float)value;
    return true;
}

float
cni_f16_to_f32(uint16_t bits)
{
    const uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    const uint32_t exponent = (bits >> 10) & 0x1F;
    const uint32_t fraction = bits & 0x3FF;
    float value = 0;
    if (exponent == 0) {
        value = ldexpf((float)fraction, -24);
        return sign != 0 ? -value : value;
    }
    const uint32_t wide_exponent = exponent == 0x1F ? 0xFF : exponent + 112;
    const uint32_t wide = sign | wide_exponent << 23 | fraction << 13;
    memcpy(&value, &wide, sizeof(value));
    return value;
}

/* |value| below the smallest normal half, in units of 2^-24; rint is half to even. */
static uint32_t
half_subnormal(float magnitude)
{
    return (uint32_t)rintf(ldexpf(magnitude, 24));
}

uint16_t
cni_f16_from_f32(float value)
{
    uint32_t wide = 0;
    memcpy(&wide, &value, sizeof(wide));
    const uint32_t sign = (wide >> 16) & 0x8000;
    const uint32_t magnitude = wide & 0x7FFFFFFF;
    uint32_t half = 0x7C00;
    if (magnitude > 0x7F800000) {
        half = 0x7E00 | ((magnitude >> 13) & 0x3FF);
    } else if (magnitude < 0x38800000) { /* 2^-14 */
        half = half_subnormal(fabsf(value));
    } else if (magnitude < 0x477FF000) { /* 65520 rounds to infinity */
        const uint32_t odd = (magnitude >> 13) & 1;
        half = (magnitude + 0xFFF + odd - 0x38000000) >> 13;
    }
    return (uint16_t)(sign | half);
}
