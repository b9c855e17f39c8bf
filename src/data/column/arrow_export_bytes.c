/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings and binaries out: as offsets and bytes, which copies the bytes, or as views over the
 * heap's buffers, which rewrites 16 bytes a value. Arrow's views name a buffer and a 32-bit offset:
 * the buffer is found by address in the ordered heap; a heap that cannot be named that way is
 * copied first.
 */
#include "data/column/arrow_export_int.h"

/* Offsets of all rows; gives the number of bytes. */
static cn_code
write_offsets(const cni_vector *flat, int32_t *offsets, int64_t *out_bytes, cn_error *err)
{
    const cni_view *views = flat->data;
    int64_t n_bytes = 0;
    for (int64_t row = 0; row < flat->n_rows; row++) {
        offsets[row] = (int32_t)n_bytes;
        n_bytes += cni_bits_get(flat->validity, row) ? views[row].len_bytes : 0;
        if (CN_UNLIKELY(n_bytes > INT32_MAX)) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED,
                           "texts of more than %d bytes do not fit one Arrow array of 32-bit "
                           "offsets: export views or smaller batches",
                           INT32_MAX);
        }
    }
    offsets[flat->n_rows] = (int32_t)n_bytes;
    *out_bytes = n_bytes;
    return CN_OK;
}

cn_code
cni_arrow_export_bytes(const cni_arrow_exporter *self, const cni_vector *flat,
                       struct ArrowArray *node, cn_error *err)
{
    uint8_t *block = NULL;
    uint8_t *bytes = NULL;
    int64_t n_bytes = 0;
    CN_TRY(cni_arrow_node_init(self, 3, 0, flat, node, err));
    CN_TRY(cni_arrow_export_validity(self, flat, node, err));
    CN_TRY(cni_arrow_node_add(self, node, 1, (flat->n_rows + 1) * (int64_t)sizeof(int32_t), &block,
                              err));
    int32_t *offsets = (int32_t *)(void *)block;
    CN_TRY(write_offsets(flat, offsets, &n_bytes, err));
    CN_TRY(cni_arrow_node_add(self, node, 2, n_bytes, &bytes, err));
    const cni_view *views = flat->data;
    for (int64_t row = 0; row < flat->n_rows; row++) {
        const int32_t len_bytes = offsets[row + 1] - offsets[row];
        if (len_bytes > CNI_VIEW_INLINE_BYTES) {
            memcpy(bytes + offsets[row], cni_view_data(&views[row]), (size_t)len_bytes);
        } else { /* up to 12 bytes too many: the next value or the padding takes them */
            memcpy(bytes + offsets[row], views[row].as.inlined, CNI_VIEW_INLINE_BYTES);
        }
    }
    memset(bytes + n_bytes, 0, CNI_VIEW_INLINE_BYTES);
    return CN_OK;
}

/* Where a text of the heap is. */
typedef struct heap_place {
    int32_t buffer;
    int32_t offset;
} heap_place;

static bool
holds(const cni_buffer *buffer, const char *text, uint32_t len_bytes)
{
    const uintptr_t start = (uintptr_t)buffer->data;
    const uintptr_t at = (uintptr_t)text;
    return at >= start && at - start <= (uintptr_t)buffer->len_bytes &&
           len_bytes <= (uintptr_t)buffer->len_bytes - (at - start);
}

/* Buffers are ordered by address; they may overlap, so the last that begins before the text is
 * tried first, then those before it. `inout_place` holds the last finding. */
static bool
find_place(const cni_heap *heap, const char *text, uint32_t len_bytes, heap_place *inout_place)
{
    int32_t found = inout_place->buffer;
    if (found >= heap->n_buffers || !holds(heap->buffers[found], text, len_bytes)) {
        int32_t low = 0;
        int32_t high = heap->n_buffers;
        while (low < high) {
            const int32_t middle = low + (high - low) / 2;
            if ((uintptr_t)heap->buffers[middle]->data <= (uintptr_t)text) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        found = low - 1;
        while (found >= 0 && !holds(heap->buffers[found], text, len_bytes)) {
            found--;
        }
    }
    if (found < 0) {
        return false;
    }
    const uintptr_t offset = (uintptr_t)text - (uintptr_t)heap->buffers[found]->data;
    *inout_place = (heap_place){.buffer = found, .offset = (int32_t)offset};
    return offset <= INT32_MAX;
}

/* False when some text cannot be named by buffer and 32-bit offset. */
static bool
write_views(const cni_vector *flat, cni_view *out)
{
    const cni_view *views = flat->data;
    heap_place place = {0};
    for (int64_t row = 0; row < flat->n_rows; row++) {
        const cni_view *view = &views[row];
        if (flat->validity.data != NULL && !cni_bits_get(flat->validity, row)) {
            out[row] = (cni_view){0};
            continue;
        }
        memcpy(&out[row], view, sizeof(*view));
        if (view->len_bytes > CNI_VIEW_INLINE_BYTES) {
            if (flat->heap == NULL ||
                !find_place(flat->heap, cni_view_data(view), view->len_bytes, &place)) {
                return false;
            }
            memcpy(out[row].as.ref.pointer_bytes, &place, sizeof(place));
        }
    }
    return true;
}

static cn_code
try_views(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
          bool *out_named, cn_error *err)
{
    const int64_t n_heap = flat->heap == NULL ? 0 : flat->heap->n_buffers;
    uint8_t *views = NULL;
    uint8_t *sizes = NULL;
    CN_TRY(cni_arrow_node_init(self, n_heap + 3, 0, flat, node, err));
    CN_TRY(cni_arrow_export_validity(self, flat, node, err));
    CN_TRY(
        cni_arrow_node_add(self, node, 1, flat->n_rows * (int64_t)sizeof(cni_view), &views, err));
    CN_TRY(cni_arrow_node_add(self, node, n_heap + 2, n_heap * 8, &sizes, err));
    for (int64_t buffer = 0; buffer < n_heap; buffer++) {
        node->buffers[2 + buffer] = flat->heap->buffers[buffer]->data;
        memcpy(sizes + buffer * 8, &flat->heap->buffers[buffer]->len_bytes, 8);
    }
    cni_arrow_node_set_heap(node, flat->heap);
    *out_named = write_views(flat, (cni_view *)(void *)views);
    return CN_OK;
}

cn_code
cni_arrow_export_byte_views(const cni_arrow_exporter *self, const cni_vector *flat,
                            struct ArrowArray *node, cn_error *err)
{
    bool named = false;
    CN_TRY(try_views(self, flat, node, &named, err));
    if (named) {
        return CN_OK;
    }
    CN_SCOPED(cni_vector) own = {0};
    node->release(node);
    cni_vector_copy(&own, flat);
    CN_TRY(cni_vector_own_strings(self->allocator, &own, true, err));
    CN_TRY(try_views(self, &own, node, &named, err));
    return named ? CN_OK : CN_FAIL(err, CN_INTERNAL, "a text lies in no buffer of its vector");
}
