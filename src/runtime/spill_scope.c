/* SPDX-License-Identifier: Apache-2.0
 *
 * Each file is one of the inner store's in a wrapper, whose counting is that of spill.c.
 */
#include "runtime/spill_scope.h"

typedef struct scope {
    cni_spill_store base; /* first */
    cni_allocator *allocator;
    cni_spill_store *inner; /* referenced */
} scope;

typedef struct scope_file {
    cni_spill_file base; /* first */
    cni_allocator *allocator;
    cni_spill_file *inner;
    cni_atomic_i64 appended_bytes; /* counter */
} scope_file;

static cn_code
append_to_inner(cni_spill_file *self, const void *data, int64_t n_bytes, int64_t *out_offset,
                cn_error *err)
{
    scope_file *file = (scope_file *)(void *)self;
    CN_TRY(cni_spill_append(file->inner, data, n_bytes, out_offset, err));
    cni_counter_add(&file->appended_bytes, n_bytes);
    return CN_OK;
}

static cn_code
read_inner(cni_spill_file *self, int64_t offset, int64_t n_bytes, void *out, cn_error *err)
{
    return cni_spill_read(((scope_file *)(void *)self)->inner, offset, n_bytes, out, err);
}

static void
discard_inner(cni_spill_file *self, int64_t offset, int64_t n_bytes)
{
    cni_spill_discard(((scope_file *)(void *)self)->inner, offset, n_bytes);
}

static void
close_file(cni_spill_file *self)
{
    scope_file *file = (scope_file *)(void *)self;
    cni_allocator *allocator = file->allocator;
    cni_spill_give_back(self->store, cni_counter_get(&file->appended_bytes));
    cni_spill_close(file->inner);
    cni_dealloc(allocator, file, (int64_t)sizeof(*file));
    cni_allocator_unref(allocator);
}

static const cni_spill_file_ops file_ops = {append_to_inner, read_inner, discard_inner, close_file};

static cn_code
create(cni_spill_store *self, const char *purpose, cni_spill_file **out_file, cn_error *err)
{
    scope *outer = (scope *)(void *)self;
    scope_file *file = NULL;
    CN_TRY(cni_alloc_zeroed(outer->allocator, (int64_t)sizeof(*file), &file, err));
    const cn_code code = cni_spill_create(outer->inner, purpose, &file->inner, err);
    if (code != CN_OK) {
        cni_dealloc(outer->allocator, file, (int64_t)sizeof(*file));
        return code;
    }
    cni_allocator_ref(outer->allocator);
    file->allocator = outer->allocator;
    file->base =
        (cni_spill_file){.ops = &file_ops, .store = cni_spill_store_ref(self), .purpose = purpose};
    *out_file = &file->base;
    return CN_OK;
}

static void
free_scope(cni_spill_store *self)
{
    scope *outer = (scope *)(void *)self;
    cni_allocator *allocator = outer->allocator;
    cni_spill_store_unref(outer->inner);
    cni_dealloc(allocator, outer, (int64_t)sizeof(*outer));
    cni_allocator_unref(allocator);
}

static const cni_spill_store_ops scope_ops = {create, free_scope};

cn_code
cni_spill_scope_new(cni_allocator *allocator, cni_spill_store *inner, cni_spill_store **out_store,
                    cn_error *err)
{
    scope *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    cni_allocator_ref(allocator);
    self->allocator = allocator;
    self->inner = cni_spill_store_ref(inner);
    self->base.ops = &scope_ops;
    self->base.io = inner->io;
    cni_counter_set(&self->base.n_refs, 1);
    cni_counter_set(&self->base.limit_bytes, INT64_MAX);
    *out_store = &self->base;
    return CN_OK;
}
