/* SPDX-License-Identifier: Apache-2.0
 *
 * Unsigned big integers of a fixed capacity, as large as exact conversion between binary and
 * decimal floating point needs (float_format.c, float_parse.c): 4,096 bits. On the stack, no
 * allocation. Overflow cannot happen within the bounds that the users keep; it is asserted.
 */
#ifndef CNI_DATA_BIG_UINT_INT_H
#define CNI_DATA_BIG_UINT_INT_H

#include <string.h>

#include "base/macros.h"

#define CNI_BIG_WORDS 128

/* words[0] is the lowest; n_words 0 is zero; the highest word is never 0. */
typedef struct cni_big {
    int32_t n_words;
    uint32_t words[CNI_BIG_WORDS];
} cni_big;

void cni_big_set(cni_big *self, uint64_t value);
/* self = self * factor + addend */
void cni_big_mul_add(cni_big *self, uint32_t factor, uint32_t addend);
void cni_big_mul_pow10(cni_big *self, int32_t exponent); /* exponent >= 0 */
void cni_big_shift_left(cni_big *self, int32_t n_bits);  /* n_bits >= 0 */
/* out = a + b; out is neither. */
void cni_big_add(cni_big *out, const cni_big *a, const cni_big *b);
/* self = self - other, which is not larger. */
void cni_big_sub(cni_big *self, const cni_big *other);
int cni_big_compare(const cni_big *a, const cni_big *b);

#endif /* CNI_DATA_BIG_UINT_INT_H */
