/* SPDX-License-Identifier: Apache-2.0
 *
 * String views: 16 bytes a value.
 *
 *   bytes 0..3   length
 *   length <= 12: bytes 4..15 the text, zero padded
 *   length  > 12: bytes 4..7 the first four bytes, 8..15 a pointer into the vector's heap
 *
 * Two short strings are equal iff their 16 bytes are equal; the first 8 bytes (length and prefix)
 * decide most comparisons of long ones.
 */
#ifndef CNI_DATA_VIEW_H
#define CNI_DATA_VIEW_H

#include "base/str.h"

#define CNI_VIEW_INLINE_BYTES 12
#define CNI_VIEW_MAX_BYTES    INT32_MAX

typedef struct cni_view {
    uint32_t len_bytes;
    union {
        char inlined[CNI_VIEW_INLINE_BYTES];
        struct {
            char prefix[4];
            char pointer_bytes[8]; /* a `const char *`, stored bytewise: the struct is 4-aligned */
        } ref;
    } as;
} cni_view;

_Static_assert(sizeof(cni_view) == 16, "a view is 16 bytes");

static inline const char *
cni_view_data(const cni_view *self)
{
    if (self->len_bytes <= CNI_VIEW_INLINE_BYTES) {
        return self->as.inlined;
    }
    const char *pointer;
    memcpy(&pointer, self->as.ref.pointer_bytes, sizeof(pointer));
    return pointer;
}

static inline cni_str
cni_view_str(const cni_view *self)
{
    return (cni_str){cni_view_data(self), (int64_t)self->len_bytes};
}

/* View of len_bytes <= CNI_VIEW_MAX_BYTES at `data`; short ones are copied in, long ones borrow. */
static inline cni_view
cni_view_make(const char *data, uint32_t len_bytes)
{
    cni_view view = {.len_bytes = len_bytes};
    if (len_bytes <= CNI_VIEW_INLINE_BYTES) {
        if (len_bytes > 0) {
            memcpy(view.as.inlined, data, len_bytes);
        }
    } else {
        memcpy(view.as.ref.prefix, data, 4);
        memcpy(view.as.ref.pointer_bytes, &data, sizeof(data));
    }
    return view;
}

static inline bool
cni_view_equal(const cni_view *a, const cni_view *b)
{
    uint64_t head_a;
    uint64_t head_b;
    memcpy(&head_a, a, 8);
    memcpy(&head_b, b, 8);
    if (head_a != head_b) {
        return false;
    }
    if (a->len_bytes <= CNI_VIEW_INLINE_BYTES) {
        return memcmp(a->as.inlined + 4, b->as.inlined + 4, 8) == 0;
    }
    return memcmp(cni_view_data(a), cni_view_data(b), a->len_bytes) == 0;
}

/* Bytewise order: negative, 0, positive. */
static inline int
cni_view_compare(const cni_view *a, const cni_view *b)
{
    return cni_str_compare(cni_view_str(a), cni_view_str(b));
}

#endif /* CNI_DATA_VIEW_H */
