/* SPDX-License-Identifier: Apache-2.0
 *
 * Fault injection: the counters, and an allocator that consults them before it forwards.
 * A resize that keeps or makes a block counts, also one that shrinks it: any may be refused in real
 * life. A release never counts and never fails.
 */
#include "base/fault.h"

typedef struct fault_allocator {
    cni_allocator face; /* first: the handle that users hold */
    cni_atomic_i64 n_refs;
    cni_allocator *inner; /* referenced */
    cni_fault *fault;     /* borrowed */
} fault_allocator;

bool
cni_fault_hit(cni_fault *self, cni_fault_kind kind)
{
    if (CN_LIKELY(self == NULL)) {
        return false;
    }
    const int64_t hit = cni_counter_add(&self->n_hits[kind], 1) + 1;
    return hit == cni_counter_get(&self->fail_at[kind]);
}

static void *
fault_resize(cni_allocator *face, void *ptr, int64_t old_bytes, int64_t new_bytes, int64_t align,
             cn_error *err)
{
    fault_allocator *self = (fault_allocator *)(void *)face;
    if (new_bytes > 0 && cni_fault_hit(self->fault, CNI_FAULT_ALLOC)) {
        (void)cni_error_no_memory(err, new_bytes);
        return NULL;
    }
    return self->inner->resize(self->inner, ptr, old_bytes, new_bytes, align, err);
}

static void
fault_ref(cni_allocator *face)
{
    cni_refcount_inc(&((fault_allocator *)(void *)face)->n_refs);
}

static void
fault_unref(cni_allocator *face)
{
    fault_allocator *self = (fault_allocator *)(void *)face;
    if (cni_refcount_dec(&self->n_refs)) {
        cni_allocator *inner = self->inner;
        cni_dealloc(inner, self, (int64_t)sizeof(*self));
        cni_allocator_unref(inner);
    }
}

cn_code
cni_fault_allocator_new(cni_allocator *inner, cni_fault *fault, cni_allocator **out_allocator,
                        cn_error *err)
{
    fault_allocator *self = NULL;
    CN_TRY(cni_alloc_zeroed(inner, (int64_t)sizeof(*self), &self, err));
    cni_allocator_ref(inner);
    self->face = (cni_allocator){fault_resize, fault_ref, fault_unref};
    self->n_refs = 1;
    self->inner = inner;
    self->fault = fault;
    *out_allocator = &self->face;
    return CN_OK;
}
