/* SPDX-License-Identifier: Apache-2.0
 *
 * Checked arithmetic for sizes that come from outside. True = the result is valid.
 */
#ifndef CNI_BASE_CHECKED_H
#define CNI_BASE_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
cni_checked_add(int64_t a, int64_t b, int64_t *out_sum)
{
    return !__builtin_add_overflow(a, b, out_sum);
}

static inline bool
cni_checked_sub(int64_t a, int64_t b, int64_t *out_difference)
{
    return !__builtin_sub_overflow(a, b, out_difference);
}

static inline bool
cni_checked_mul(int64_t a, int64_t b, int64_t *out_product)
{
    return !__builtin_mul_overflow(a, b, out_product);
}

/* Whether [offset, offset + length) lies inside [0, size): for claims of a file about itself. */
static inline bool
cni_range_fits(int64_t offset, int64_t length, int64_t size)
{
    return offset >= 0 && length >= 0 && offset <= size && length <= size - offset;
}

#endif /* CNI_BASE_CHECKED_H */
