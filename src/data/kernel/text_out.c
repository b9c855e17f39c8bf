/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings made row by row (casts to text and bytes). While the buffer grows, a long view keeps the
 * offset of its bytes where its pointer will be; the last step turns offsets into pointers. Views
 * of rows that nothing was put into must be zeroed (empty) before.
 */
#include "data/kernel/text_out_int.h"

void
cni_text_out_done(cni_text_out *self)
{
    cni_buffer_unref(self->buffer);
    self->buffer = NULL;
}

static cn_code
grow(cni_text_out *self, int64_t n_more, cn_error *err)
{
    const int64_t needed = self->len_bytes + n_more;
    if (self->buffer != NULL && needed <= self->buffer->cap_bytes) {
        return CN_OK;
    }
    const int64_t cap_bytes = cni_max_i64(needed, cni_max_i64(4096, 2 * self->len_bytes));
    cni_buffer *larger = NULL;
    CN_TRY(cni_buffer_new(self->allocator, cap_bytes, &larger, err));
    if (self->buffer != NULL && self->len_bytes > 0) {
        memcpy(larger->data, self->buffer->data, (size_t)self->len_bytes);
    }
    cni_buffer_unref(self->buffer);
    self->buffer = larger;
    return CN_OK;
}

cn_code
cni_text_out_put(cni_text_out *self, int64_t row, cni_str text, cn_error *err)
{
    if (text.len_bytes <= CNI_VIEW_INLINE_BYTES) {
        self->views[row] = cni_view_make(text.data, (uint32_t)text.len_bytes);
        return CN_OK;
    }
    if (text.len_bytes > CNI_VIEW_MAX_BYTES) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a string of %lld bytes", (long long)text.len_bytes);
    }
    CN_TRY(grow(self, text.len_bytes, err));
    memcpy(self->buffer->data + self->len_bytes, text.data, (size_t)text.len_bytes);
    cni_view view = cni_view_make(text.data, (uint32_t)text.len_bytes);
    memcpy(view.as.ref.pointer_bytes, &self->len_bytes, sizeof(self->len_bytes));
    self->views[row] = view;
    self->len_bytes += text.len_bytes;
    return CN_OK;
}

cn_code
cni_text_out_finish(cni_text_out *self, int64_t n, cni_vector *inout_result, cn_error *err)
{
    if (self->buffer == NULL) {
        return CN_OK;
    }
    cni_heap *heap = NULL;
    CN_TRY(cni_heap_new(self->allocator, &self->buffer, 1, &heap, err));
    for (int64_t row = 0; row < n; row++) {
        if (self->views[row].len_bytes > CNI_VIEW_INLINE_BYTES) {
            int64_t offset;
            memcpy(&offset, self->views[row].as.ref.pointer_bytes, sizeof(offset));
            const uint8_t *data = self->buffer->data + offset;
            memcpy(self->views[row].as.ref.pointer_bytes, &data, sizeof(data));
        }
    }
    cni_heap_unref(inout_result->heap);
    inout_result->heap = heap;
    return CN_OK;
}
