/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytewise order of string views, prefix first: the four bytes that every view carries decide most
 * comparisons without following the pointer. Equality is cni_view_equal. Only *_isa.c files and the
 * operations around them include this.
 */
#ifndef CNI_DATA_VIEW_ORDER_INT_H
#define CNI_DATA_VIEW_ORDER_INT_H

#include "data/column/view.h"

static inline uint32_t
cni_view_prefix(const cni_view *self)
{
    uint32_t prefix;
    memcpy(&prefix, self->as.ref.prefix, sizeof(prefix)); /* short ones are zero padded */
    return __builtin_bswap32(prefix);
}

static inline bool
cni_view_less(const cni_view *a, const cni_view *b)
{
    const uint32_t prefix_a = cni_view_prefix(a);
    const uint32_t prefix_b = cni_view_prefix(b);
    if (prefix_a != prefix_b) {
        return prefix_a < prefix_b;
    }
    return cni_view_compare(a, b) < 0;
}

#endif /* CNI_DATA_VIEW_ORDER_INT_H */
