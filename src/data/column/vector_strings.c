/* SPDX-License-Identifier: Apache-2.0
 *
 * Strings of a vector's own: the bytes behind long views are copied into fresh buffers, so that a
 * few survivors do not pin the pages and dictionaries they came from. Nested types do so in FLAT
 * children.
 */
#include "data/column/vector_int.h"

#define SEGMENT_BYTES (INT64_C(1) << 30)
#define SLACK_BYTES   4096 /* a heap that wastes less is left alone */

/* Bytes of long strings that valid rows use. */
static int64_t
used_bytes(const cni_vector *self)
{
    const cni_view *views = self->data;
    int64_t n_bytes = 0;
    for (int64_t row = 0; row < self->n_rows; row++) {
        if (views[row].len_bytes > CNI_VIEW_INLINE_BYTES && cni_bits_get(self->validity, row)) {
            n_bytes += views[row].len_bytes;
        }
    }
    return n_bytes;
}

static int64_t
held_bytes(const cni_heap *heap)
{
    int64_t n_bytes = 0;
    for (int32_t buffer = 0; buffer < heap->n_buffers; buffer++) {
        n_bytes += heap->buffers[buffer]->len_bytes;
    }
    return n_bytes;
}

/* Views being rewritten: from row `row` on, strings go to the segment at `next`. */
typedef struct rewrite {
    const cni_vector *from;
    cni_view *views;
    int64_t row;
} rewrite;

/* Bytes of the next segment: as many whole strings as fit, at least one. */
static int64_t
segment_bytes(const rewrite *self)
{
    const cni_view *views = self->from->data;
    int64_t n_bytes = 0;
    for (int64_t row = self->row; row < self->from->n_rows; row++) {
        if (views[row].len_bytes <= CNI_VIEW_INLINE_BYTES ||
            !cni_bits_get(self->from->validity, row)) {
            continue;
        }
        if (n_bytes > 0 && n_bytes + views[row].len_bytes > SEGMENT_BYTES) {
            break;
        }
        n_bytes += views[row].len_bytes;
    }
    return n_bytes;
}

static void
fill_segment(rewrite *self, cni_buffer *segment)
{
    const cni_view *views = self->from->data;
    char *next = (char *)segment->data;
    const char *end = next + segment->len_bytes;
    for (; self->row < self->from->n_rows; self->row++) {
        const cni_view *view = &views[self->row];
        if (!cni_bits_get(self->from->validity, self->row)) {
            self->views[self->row] = (cni_view){0};
        } else if (view->len_bytes <= CNI_VIEW_INLINE_BYTES) {
            self->views[self->row] = *view;
        } else if ((int64_t)view->len_bytes > end - next) {
            return;
        } else {
            memcpy(next, cni_view_data(view), view->len_bytes);
            self->views[self->row] = cni_view_make(next, view->len_bytes);
            next += view->len_bytes;
        }
    }
}

/* All segments, referenced by the heap that comes out. */
static cn_code
rewrite_strings(cni_allocator *allocator, rewrite *self, int64_t n_used, cni_heap **out_heap,
                cn_error *err)
{
    const int32_t max_segments = (int32_t)(n_used / (SEGMENT_BYTES / 2)) + 2;
    CN_SCOPED(cni_heap_p) heap = NULL;
    for (int32_t segment = 0; segment < max_segments && self->row < self->from->n_rows; segment++) {
        CN_SCOPED(cni_buffer_p) bytes = NULL;
        CN_SCOPED(cni_heap_p) single = NULL;
        CN_TRY(cni_buffer_new(allocator, segment_bytes(self), &bytes, err));
        CN_TRY(cni_heap_new(allocator, &bytes, 1, &single, err));
        fill_segment(self, bytes);
        cni_heap *joined = NULL;
        CN_TRY(cni_heap_union(allocator, heap, single, &joined, err));
        cni_heap_unref(heap);
        heap = joined;
    }
    *out_heap = CN_MOVE(heap);
    return CN_OK;
}

static cn_code
own_views(cni_allocator *allocator, cni_vector *inout_vector, bool always, cn_error *err)
{
    if (inout_vector->heap == NULL) {
        return CN_OK;
    }
    const int64_t n_used = used_bytes(inout_vector);
    if (!always && held_bytes(inout_vector->heap) <= 2 * n_used + SLACK_BYTES) {
        return CN_OK;
    }
    CN_SCOPED(cni_vector)
    fresh = {.type = inout_vector->type, .encoding = CNI_FLAT, .phys = inout_vector->phys};
    CN_TRY(cni_vector_add_data(allocator, &fresh, inout_vector->n_rows, err));
    rewrite state = {.from = inout_vector, .views = cni_vector_mutable_data(&fresh)};
    if (n_used > 0) {
        CN_TRY(rewrite_strings(allocator, &state, n_used, &fresh.heap, err));
    } else {
        cni_buffer nothing = {.len_bytes = 0};
        fill_segment(&state, &nothing);
    }
    fresh.n_rows = inout_vector->n_rows;
    fresh.validity = inout_vector->validity;
    fresh.owner_validity = cni_buffer_ref(inout_vector->owner_validity);
    cni_vector_done(inout_vector);
    cni_vector_move(inout_vector, &fresh);
    return CN_OK;
}

static cn_code
own_children(cni_allocator *allocator, cni_vector *inout_vector, bool always, cn_error *err)
{
    const cni_nested *shared = inout_vector->nested;
    CN_SCOPED(cni_nested_p) own = NULL;
    CN_TRY(cni_nested_new(allocator, shared->n_children, &own, err));
    for (int32_t child = 0; child < shared->n_children; child++) {
        cni_vector_copy(&own->children[child], &shared->children[child]);
        CN_TRY(cni_vector_own_strings(allocator, &own->children[child], always, err));
    }
    cni_nested_unref(inout_vector->nested);
    inout_vector->nested = CN_MOVE(own);
    return CN_OK;
}

cn_code
cni_vector_own_strings(cni_allocator *allocator, cni_vector *inout_vector, bool always,
                       cn_error *err)
{
    if (inout_vector->encoding != CNI_FLAT) {
        return CN_OK;
    }
    if (inout_vector->phys == CNI_PHYS_VIEW) {
        return own_views(allocator, inout_vector, always, err);
    }
    if (cni_phys_is_nested(inout_vector->phys)) {
        return own_children(allocator, inout_vector, always, err);
    }
    return CN_OK;
}

int64_t
cni_vector_text_bytes(const cni_vector *self)
{
    const cni_view *views = self->data;
    const int64_t n_items = self->encoding == CNI_CONSTANT ? 1 : self->n_rows;
    int64_t n_bytes = 0;
    if (self->phys != CNI_PHYS_VIEW || self->heap == NULL ||
        (self->encoding != CNI_FLAT && self->encoding != CNI_CONSTANT)) {
        return 0;
    }
    if (self->validity.data == NULL) {
        for (int64_t at = 0; at < n_items; at++) {
            const uint32_t len_bytes = views[at].len_bytes;
            n_bytes += len_bytes > CNI_VIEW_INLINE_BYTES ? len_bytes : 0;
        }
        return n_bytes;
    }
    for (int64_t at = 0; at < n_items; at++) {
        const uint32_t len_bytes = views[at].len_bytes; /* under a null row it may be anything */
        const bool counts = len_bytes > CNI_VIEW_INLINE_BYTES && cni_bits_get(self->validity, at);
        n_bytes += counts ? len_bytes : 0;
    }
    return n_bytes;
}
