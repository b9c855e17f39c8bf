/* SPDX-License-Identifier: Apache-2.0
 *
 * Heaps: the set of buffers that the string views of a vector point into. The buffers are kept in
 * order of their data's address without duplicates, so that a union is a merge and the owner of a
 * view's bytes is found by binary search (Arrow export). Immutable once made.
 */
#include "data/column/buffer.h"

#include <stdlib.h>
#include <string.h>

static uintptr_t
data_address(const cni_buffer *buffer)
{
    return (uintptr_t)buffer->data;
}

/* By address of the data, then by identity, so that equal neighbours are the same buffer. */
static int
order(const cni_buffer *a, const cni_buffer *b)
{
    if (data_address(a) != data_address(b)) {
        return data_address(a) < data_address(b) ? -1 : 1;
    }
    return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int
order_items(const void *a, const void *b)
{
    const cni_buffer *const *item_a = a;
    const cni_buffer *const *item_b = b;
    return order(*item_a, *item_b);
}

static int64_t
heap_bytes(int32_t n_buffers)
{
    return (int64_t)sizeof(cni_heap) + n_buffers * (int64_t)sizeof(cni_buffer *);
}

static cn_code
heap_alloc(cni_allocator *allocator, int32_t n_buffers, cni_heap **out_heap, cn_error *err)
{
    cni_heap *self = NULL;
    CN_TRY(cni_alloc(allocator, heap_bytes(n_buffers), &self, err));
    self->n_refs = 1;
    self->allocator = allocator;
    self->n_buffers = n_buffers;
    cni_allocator_ref(allocator);
    *out_heap = self;
    return CN_OK;
}

/* Order the items and drop duplicates; gives how many are left. */
static int32_t
sort_unique(cni_buffer **items, int32_t n_items)
{
    qsort(items, (size_t)n_items, sizeof(*items), order_items);
    int32_t n_unique = 0;
    for (int32_t item = 0; item < n_items; item++) {
        if (n_unique == 0 || items[n_unique - 1] != items[item]) {
            items[n_unique++] = items[item];
        }
    }
    return n_unique;
}

cn_code
cni_heap_new(cni_allocator *allocator, cni_buffer *const *buffers, int32_t n_buffers,
             cni_heap **out_heap, cn_error *err)
{
    cni_buffer **sorted = NULL;
    CN_TRY(cni_alloc_array(allocator, n_buffers, (int64_t)sizeof(*sorted), &sorted, err));
    int32_t n_unique = 0;
    if (n_buffers > 0) {
        memcpy(sorted, buffers, (size_t)n_buffers * sizeof(*sorted));
        n_unique = sort_unique(sorted, n_buffers);
    }
    cni_heap *self = NULL;
    const cn_code code = heap_alloc(allocator, n_unique, &self, err);
    if (code == CN_OK) {
        for (int32_t buffer = 0; buffer < n_unique; buffer++) {
            self->buffers[buffer] = cni_buffer_ref(sorted[buffer]);
        }
        *out_heap = self;
    }
    cni_dealloc(allocator, sorted, n_buffers * (int64_t)sizeof(*sorted));
    return code;
}

/* Merge two ordered sets into `out` (may be NULL: count only); gives the size of the union. */
static int32_t
merge(const cni_heap *a, const cni_heap *b, cni_buffer **out)
{
    int32_t at_a = 0;
    int32_t at_b = 0;
    int32_t n_out = 0;
    while (at_a < a->n_buffers || at_b < b->n_buffers) {
        int side = 0;
        if (at_a == a->n_buffers) {
            side = 1;
        } else if (at_b == b->n_buffers) {
            side = -1;
        } else {
            side = order(a->buffers[at_a], b->buffers[at_b]);
        }
        cni_buffer *next = side <= 0 ? a->buffers[at_a] : b->buffers[at_b];
        at_a += side <= 0;
        at_b += side >= 0;
        if (out != NULL) {
            out[n_out] = cni_buffer_ref(next);
        }
        n_out++;
    }
    return n_out;
}

cn_code
cni_heap_union(cni_allocator *allocator, cni_heap *a, cni_heap *b, cni_heap **out_heap,
               cn_error *err)
{
    if (a == NULL || b == NULL || a == b) {
        *out_heap = cni_heap_ref(a != NULL ? a : b);
        return CN_OK;
    }
    const int32_t n_union = merge(a, b, NULL);
    if (n_union == a->n_buffers || n_union == b->n_buffers) {
        *out_heap = cni_heap_ref(n_union == a->n_buffers ? a : b);
        return CN_OK;
    }
    cni_heap *self = NULL;
    CN_TRY(heap_alloc(allocator, n_union, &self, err));
    (void)merge(a, b, self->buffers);
    *out_heap = self;
    return CN_OK;
}

cni_heap *
cni_heap_ref(cni_heap *self)
{
    if (self != NULL) {
        cni_refcount_inc(&self->n_refs);
    }
    return self;
}

void
cni_heap_unref(cni_heap *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    for (int32_t buffer = 0; buffer < self->n_buffers; buffer++) {
        cni_buffer_unref(self->buffers[buffer]);
    }
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self, heap_bytes(self->n_buffers));
    cni_allocator_unref(allocator);
}
