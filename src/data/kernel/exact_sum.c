/* SPDX-License-Identifier: Apache-2.0
 *
 * Order-independent sums of doubles: see exact_sum.h for the picture.
 */
#include "data/kernel/exact_sum.h"

#include <math.h>
#include <string.h>

#include "base/int128.h"
#include "base/macros.h"

#define LIMB_BITS  24
#define LIMB_MASK  ((INT64_C(1) << LIMB_BITS) - 1)
#define ITEM_LIMBS 4 /* 53 bits shifted by up to 23 */
#define LOWEST_BIT (-1074)
#define MANTISSA   52
#define EXPONENT   0x7FF
#define SEEN_NAN   1U
#define SEEN_PLUS  2U
#define SEEN_MINUS 4U
#define FULL_VALUE ((cni_u128)1 << 100) /* beyond it lower limbs only break ties */
#define SIGN_OF(b) (((b) >> 63) != 0)

static void
raise_top(cni_exact_sum *self, int32_t top)
{
    const int32_t n_shift = top - self->top;
    if (n_shift <= 0) {
        return;
    }
    for (int32_t limb = CNI_EXACT_LIMBS - 1; limb >= 0; limb--) {
        self->limbs[limb] = limb >= n_shift ? self->limbs[limb - n_shift] : 0;
    }
    self->top = top;
}

void
cni_exact_add(cni_exact_sum *self, double item)
{
    uint64_t bits;
    memcpy(&bits, &item, sizeof(bits));
    const uint32_t exponent = (uint32_t)(bits >> MANTISSA) & EXPONENT;
    const uint64_t fraction = bits & ((UINT64_C(1) << MANTISSA) - 1);
    if (exponent == EXPONENT) {
        self->specials |= fraction != 0 ? SEEN_NAN : SIGN_OF(bits) ? SEEN_MINUS : SEEN_PLUS;
        return;
    }
    const uint64_t mantissa = exponent == 0 ? fraction : fraction | (UINT64_C(1) << MANTISSA);
    const int32_t bit = exponent == 0 ? 0 : (int32_t)exponent - 1;
    const int32_t lowest = bit / LIMB_BITS;
    cni_u128 wide = (cni_u128)mantissa << (bit % LIMB_BITS);
    if (mantissa == 0) {
        return;
    }
    raise_top(self, lowest + ITEM_LIMBS - 1);
    for (int32_t part = 0; part < ITEM_LIMBS; part++) {
        const int32_t limb = self->top - (lowest + part);
        const int64_t value = (int64_t)((uint64_t)wide & (uint64_t)LIMB_MASK);
        if (limb < CNI_EXACT_LIMBS) {
            self->limbs[limb] += SIGN_OF(bits) ? -value : value;
        }
        wide >>= LIMB_BITS;
    }
}

void
cni_exact_merge(cni_exact_sum *self, const cni_exact_sum *other)
{
    raise_top(self, other->top);
    const int32_t n_shift = self->top - other->top;
    for (int32_t limb = n_shift; limb < CNI_EXACT_LIMBS; limb++) {
        self->limbs[limb] += other->limbs[limb - n_shift];
    }
    self->specials |= other->specials;
}

/* Carries: limbs below the first become 0..2^24-1. */
static void
carry(int64_t limbs[CNI_EXACT_LIMBS])
{
    for (int32_t limb = CNI_EXACT_LIMBS - 1; limb > 0; limb--) {
        limbs[limb - 1] += limbs[limb] >> LIMB_BITS;
        limbs[limb] &= LIMB_MASK;
    }
}

static double
special_value(uint32_t specials)
{
    if ((specials & SEEN_NAN) != 0 ||
        (specials & (SEEN_PLUS | SEEN_MINUS)) == (SEEN_PLUS | SEEN_MINUS)) {
        return (double)NAN;
    }
    return (specials & SEEN_PLUS) != 0 ? HUGE_VAL : -HUGE_VAL;
}

double
cni_exact_get(const cni_exact_sum *self)
{
    if (self->specials != 0) {
        return special_value(self->specials);
    }
    int64_t limbs[CNI_EXACT_LIMBS];
    memcpy(limbs, self->limbs, sizeof(limbs));
    carry(limbs);
    const bool negative = limbs[0] < 0;
    if (negative) {
        for (int32_t limb = 0; limb < CNI_EXACT_LIMBS; limb++) {
            limbs[limb] = -limbs[limb];
        }
        carry(limbs);
    }
    cni_u128 value = 0;
    int32_t lowest = self->top + 1;
    bool sticky = false;
    for (int32_t limb = 0; limb < CNI_EXACT_LIMBS; limb++) {
        if (value >= FULL_VALUE) {
            sticky = sticky || limbs[limb] != 0;
        } else {
            value = (value << LIMB_BITS) + (uint64_t)limbs[limb];
            lowest--;
        }
    }
    value |= (uint64_t)sticky;
    const double magnitude = ldexp((double)value, LOWEST_BIT + LIMB_BITS * lowest);
    return negative ? -magnitude : magnitude;
}

void
cni_exact_get_pair(const cni_exact_sum *self, double *out_high, double *out_low)
{
    *out_high = cni_exact_get(self);
    *out_low = 0;
    if (isfinite(*out_high)) {
        cni_exact_sum rest = *self;
        cni_exact_add(&rest, -*out_high);
        *out_low = cni_exact_get(&rest);
    }
}
