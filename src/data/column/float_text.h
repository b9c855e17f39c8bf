/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of floating-point numbers, both ways, independent of the locale.
 *
 * Formatting gives the fewest digits that read back as the same value of that width: 1.0, 0.1,
 * 1e+20, -0.0, nan, inf, -inf; an exponent is used below 1e-4 and from 1e16 on. Parsing rounds
 * correctly (half to even). Exact on every path: big integers where the fast path does not apply.
 */
#ifndef CNI_DATA_FLOAT_TEXT_H
#define CNI_DATA_FLOAT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#define CNI_FLOAT_TEXT_BYTES 32

/* NUL-terminated; gives the length. */
int64_t cni_f64_format(double value, char out[CNI_FLOAT_TEXT_BYTES]);
int64_t cni_f32_format(float value, char out[CNI_FLOAT_TEXT_BYTES]);
int64_t cni_f16_format(uint16_t bits, char out[CNI_FLOAT_TEXT_BYTES]);

/* "[+-]digits[.digits][e[+-]digits]", "nan", "inf", "infinity" in any case, the whole of it. False
 * when malformed. What is too large gives infinity and sets *out_overflow (may be NULL). */
bool cni_f64_parse(const char *text, int64_t len_bytes, double *out_value, bool *out_overflow);
bool cni_f32_parse(const char *text, int64_t len_bytes, float *out_value, bool *out_overflow);

/* IEEE 754 binary16. To f16 rounds half to even; too large gives infinity. */
float cni_f16_to_f32(uint16_t bits);
uint16_t cni_f16_from_f32(float value);

#endif /* CNI_DATA_FLOAT_TEXT_H */
