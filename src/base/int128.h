/* SPDX-License-Identifier: Apache-2.0
 *
 * The 128-bit integers of HUGEINT and DECIMAL: names for the compiler's type, and text.
 */
#ifndef CNI_BASE_INT128_H
#define CNI_BASE_INT128_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef __int128 cni_i128;
__extension__ typedef unsigned __int128 cni_u128;

#define CNI_I128_MAX           ((cni_i128)(~(cni_u128)0 >> 1))
#define CNI_I128_MIN           (-CNI_I128_MAX - 1)
#define CNI_DECIMAL_MAX_DIGITS 38
#define CNI_INT128_TEXT_BYTES  48 /* enough for sign, 39 digits, point, leading zero and NUL */

/* 10^exponent, exponent in 0..38. */
cni_i128 cni_pow10_i128(int32_t exponent);
/* Decimal text of value * 10^-scale into `out`, NUL-terminated; gives the length. scale 0..38. */
int64_t cni_i128_format(cni_i128 value, int32_t scale, char out[CNI_INT128_TEXT_BYTES]);
/* Decimal digits of |value|, at least 1. */
int32_t cni_i128_digits(cni_i128 value);
/* Parse "[+-]digits[.digits][e[+-]n]" (the whole of it) to value * 10^scale, rounding half away
 * from zero. False when malformed or out of range. */
bool cni_i128_parse(const char *text, int64_t len_bytes, int32_t scale, cni_i128 *out_value);

#endif /* CNI_BASE_INT128_H */
