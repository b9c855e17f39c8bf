/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums of doubles that do not depend on the order of the items: what sum and avg of floats use when
 * a query must be reproducible, and what variances of such queries are made from.
 *
 *   bit 0 = 2^-1074; limb j holds bits [24 j, 24 j + 24); an item lies in four limbs
 *   limbs[k] = the sum of all items' parts in limb top - k, k = 0..5; lower parts are dropped
 *
 * `top` is the highest limb that any item reaches, so what is dropped depends on the set of items
 * alone. Limbs never carry into each other before the end: 2^39 items fit. Error: below n * 2^-72
 * of the largest item, plus one rounding. Zero bytes = the empty sum. Thread: confined.
 */
#ifndef CNI_DATA_EXACT_SUM_H
#define CNI_DATA_EXACT_SUM_H

#include <stdint.h>

#define CNI_EXACT_LIMBS 6

typedef struct cni_exact_sum {
    int32_t top;
    uint32_t specials; /* bits: NaN, +infinity, -infinity seen */
    int64_t limbs[CNI_EXACT_LIMBS];
} cni_exact_sum;

void cni_exact_add(cni_exact_sum *self, double item);
void cni_exact_merge(cni_exact_sum *self, const cni_exact_sum *other);
/* Rounded once, to nearest even. +0 for the empty sum. */
double cni_exact_get(const cni_exact_sum *self);
/* The same as high + low, |low| at most half a unit of high's last place. */
void cni_exact_get_pair(const cni_exact_sum *self, double *out_high, double *out_low);

#endif /* CNI_DATA_EXACT_SUM_H */
