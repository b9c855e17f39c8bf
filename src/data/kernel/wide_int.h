/* SPDX-License-Identifier: Apache-2.0
 *
 * Checked 128-bit arithmetic that needs no compiler support library (clang's builtin for the
 * product calls a function that libgcc lacks). True = overflow; *out is then the wrapped result.
 */
#ifndef CNI_DATA_WIDE_INT_H
#define CNI_DATA_WIDE_INT_H

#include "base/int128.h"
#include "base/macros.h"

static inline bool
cni_i128_add_overflow(cni_i128 a, cni_i128 b, cni_i128 *out)
{
    return __builtin_add_overflow(a, b, out);
}

static inline bool
cni_i128_sub_overflow(cni_i128 a, cni_i128 b, cni_i128 *out)
{
    return __builtin_sub_overflow(a, b, out);
}

static inline cni_u128
cni_i128_magnitude(cni_i128 value)
{
    return value < 0 ? -(cni_u128)value : (cni_u128)value;
}

/* a * b of magnitudes; true when it needs more than 128 bits. */
static inline bool
cni_u128_mul_overflow(cni_u128 a, cni_u128 b, cni_u128 *out)
{
    const uint64_t a_high = (uint64_t)(a >> 64);
    const uint64_t b_high = (uint64_t)(b >> 64);
    const cni_u128 low = (cni_u128)(uint64_t)a * (uint64_t)b;
    const cni_u128 cross = (cni_u128)a_high * (uint64_t)b + (cni_u128)b_high * (uint64_t)a;
    *out = a * b;
    if (a_high != 0 && b_high != 0) {
        return true;
    }
    return (cross >> 64) != 0 || (low >> 64) + (uint64_t)cross > UINT64_MAX;
}

static inline bool
cni_i128_mul_overflow(cni_i128 a, cni_i128 b, cni_i128 *out)
{
    if (CN_LIKELY((int64_t)a == a && (int64_t)b == b)) {
        *out = (cni_i128)(int64_t)a * (int64_t)b;
        return false;
    }
    cni_u128 magnitude;
    const bool is_negative = (a < 0) != (b < 0);
    const bool too_big =
        cni_u128_mul_overflow(cni_i128_magnitude(a), cni_i128_magnitude(b), &magnitude);
    *out = (cni_i128)(is_negative ? -magnitude : magnitude);
    const cni_u128 limit = (cni_u128)CNI_I128_MAX + (is_negative ? 1 : 0);
    return too_big || magnitude > limit;
}

#endif /* CNI_DATA_WIDE_INT_H */
