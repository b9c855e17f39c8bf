/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared parts of vectors: dictionaries and the children of nested types. Both are refcounted
 * and immutable once shared; releasing one releases the vectors in it, which recurses at most as
 * deep as types nest.
 */
#include "base/thread.h"
#include "data/column/vector.h"

/* Process-unique without a global counter: no two dictionaries share address and time of birth. */
static uint64_t
new_identity(const cni_dictionary *self)
{
    uint64_t mixed = (uint64_t)(uintptr_t)self * UINT64_C(0x9E3779B97F4A7C15);
    mixed ^= mixed >> 29;
    mixed += (uint64_t)cni_clock_ns() * UINT64_C(0xD6E8FEB86659FD93);
    mixed ^= mixed >> 32;
    return mixed * UINT64_C(0xD6E8FEB86659FD93);
}

cn_code
cni_dictionary_new(cni_allocator *allocator, cni_vector *own_values, bool unique, bool sorted,
                   cni_dictionary **out_dictionary, cn_error *err)
{
    CN_ASSERT(own_values->encoding == CNI_FLAT);
    cni_dictionary *self = NULL;
    const cn_code code = cni_alloc(allocator, (int64_t)sizeof(*self), &self, err);
    if (code != CN_OK) {
        cni_vector_done(own_values);
        return code;
    }
    *self =
        (cni_dictionary){.n_refs = 1, .allocator = allocator, .unique = unique, .sorted = sorted};
    cni_allocator_ref(allocator);
    self->identity = new_identity(self);
    cni_vector_move(&self->values, own_values);
    *out_dictionary = self;
    return CN_OK;
}

cni_dictionary *
cni_dictionary_ref(cni_dictionary *self)
{
    if (self != NULL) {
        cni_refcount_inc(&self->n_refs);
    }
    return self;
}

void
cni_dictionary_unref(cni_dictionary *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cni_vector_done(&self->values);
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

static int64_t
nested_bytes(int32_t n_children)
{
    return (int64_t)sizeof(cni_nested) + n_children * (int64_t)sizeof(cni_vector);
}

cn_code
cni_nested_new(cni_allocator *allocator, int32_t n_children, cni_nested **out_nested, cn_error *err)
{
    cni_nested *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, nested_bytes(n_children), &self, err));
    self->n_refs = 1;
    self->allocator = allocator;
    self->n_children = n_children;
    cni_allocator_ref(allocator);
    *out_nested = self;
    return CN_OK;
}

cni_nested *
cni_nested_ref(cni_nested *self)
{
    if (self != NULL) {
        cni_refcount_inc(&self->n_refs);
    }
    return self;
}

void
cni_nested_unref(cni_nested *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    for (int32_t child = 0; child < self->n_children; child++) {
        cni_vector_done(&self->children[child]);
    }
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self, nested_bytes(self->n_children));
    cni_allocator_unref(allocator);
}
