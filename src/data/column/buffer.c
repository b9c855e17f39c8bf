/* SPDX-License-Identifier: Apache-2.0
 *
 * Buffers: header and bytes in one block, so that a buffer costs one allocation.
 *
 *   | header (64 bytes) | cap_bytes, a multiple of 64 | 64 bytes of padding |
 *
 * A borrowed buffer is the header alone. Memory is never touched beyond the 64 bytes of zeros
 * behind len_bytes: large buffers are written once, by whoever fills them.
 */
#include "data/column/buffer.h"

#include <string.h>

#define HEADER_BYTES 64
#define MAX_BYTES    (INT64_C(1) << 56)

_Static_assert(sizeof(cni_buffer) <= HEADER_BYTES, "the header has a cache line");

static void
zero_padding(cni_buffer *self)
{
    memset(self->data + self->len_bytes, 0, CNI_BUFFER_PADDING);
}

cn_code
cni_buffer_new(cni_allocator *allocator, int64_t len_bytes, cni_buffer **out_buffer, cn_error *err)
{
    if (len_bytes < 0 || len_bytes > MAX_BYTES) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a buffer of %lld bytes was asked for",
                       (long long)len_bytes);
    }
    const int64_t cap_bytes = cni_round_up(len_bytes, 64);
    uint8_t *block = NULL;
    CN_TRY(cni_alloc(allocator, HEADER_BYTES + cap_bytes + CNI_BUFFER_PADDING, &block, err));
    cni_buffer *self = (cni_buffer *)(void *)block;
    *self = (cni_buffer){.n_refs = 1,
                         .data = block + HEADER_BYTES,
                         .len_bytes = len_bytes,
                         .cap_bytes = cap_bytes,
                         .allocator = allocator};
    cni_allocator_ref(allocator);
    zero_padding(self);
    *out_buffer = self;
    return CN_OK;
}

cn_code
cni_buffer_wrap(cni_allocator *allocator, const void *data, int64_t len_bytes,
                void (*release)(cni_buffer *self), void *private_data, cni_buffer **out_buffer,
                cn_error *err)
{
    cni_buffer *self = NULL;
    CN_TRY(cni_alloc(allocator, (int64_t)sizeof(*self), &self, err));
    uint8_t *bytes = NULL; /* writable in type only: cap_bytes 0 says that nobody may write */
    memcpy(&bytes, &data, sizeof(bytes));
    *self = (cni_buffer){.n_refs = 1,
                         .data = bytes,
                         .len_bytes = len_bytes,
                         .allocator = allocator,
                         .release = release,
                         .private_data = private_data};
    cni_allocator_ref(allocator);
    *out_buffer = self;
    return CN_OK;
}

cni_buffer *
cni_buffer_ref(cni_buffer *self)
{
    if (self != NULL) {
        cni_refcount_inc(&self->n_refs);
    }
    return self;
}

void
cni_buffer_unref(cni_buffer *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cni_allocator *allocator = self->allocator;
    int64_t block_bytes = HEADER_BYTES + self->cap_bytes + CNI_BUFFER_PADDING;
    if (self->release != NULL) {
        self->release(self);
        block_bytes = (int64_t)sizeof(*self);
    }
    cni_dealloc(allocator, self, block_bytes);
    cni_allocator_unref(allocator);
}

cn_code
cni_buffer_reuse(cni_allocator *allocator, int64_t len_bytes, cni_buffer **inout_buffer,
                 cn_error *err)
{
    cni_buffer *old = *inout_buffer;
    if (old != NULL && old->release == NULL && len_bytes >= 0 && len_bytes <= old->cap_bytes &&
        cni_refcount_is_unique(&old->n_refs)) {
        old->len_bytes = len_bytes;
        zero_padding(old);
        return CN_OK;
    }
    cni_buffer *fresh = NULL;
    CN_TRY(cni_buffer_new(allocator, len_bytes, &fresh, err));
    cni_buffer_unref(old);
    *inout_buffer = fresh;
    return CN_OK;
}
