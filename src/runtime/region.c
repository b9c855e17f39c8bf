/* SPDX-License-Identifier: Apache-2.0
 * (first version: blocks of the system's heap) */
#include "runtime/region_int.h"

#include "base/alloc.h"

struct cni_region {
    int64_t unused;
};

cn_code
cni_region_new(cni_region **out_region, cn_error *err)
{
    return cni_alloc_zeroed(cni_allocator_system(), (int64_t)sizeof(**out_region), out_region, err);
}

void
cni_region_free(cni_region *self)
{
    cni_dealloc(cni_allocator_system(), self, (int64_t)sizeof(*self));
}

int64_t
cni_region_block_bytes(int64_t n_bytes, int64_t align)
{
    (void)align;
    return n_bytes > INT64_MAX - 64 ? n_bytes : cni_round_up(n_bytes, n_bytes > 64 ? 64 : 16);
}

cni_region_answer
cni_region_alloc(cni_region *self, int64_t n_bytes, int64_t align, void **out_block)
{
    (void)self;
    cni_allocator *system = cni_allocator_system();
    *out_block = system->resize(system, NULL, 0, n_bytes, align, NULL);
    return *out_block == NULL ? CNI_REGION_SYSTEM : CNI_REGION_OK;
}

void
cni_region_dealloc(cni_region *self, void *block, int64_t n_bytes, int64_t align)
{
    (void)self;
    cni_allocator *system = cni_allocator_system();
    (void)system->resize(system, block, n_bytes, 0, align, NULL);
}

bool
cni_region_try_resize(cni_region *self, void *block, int64_t old_bytes, int64_t new_bytes,
                      int64_t align)
{
    (void)self;
    (void)block;
    (void)old_bytes;
    (void)new_bytes;
    (void)align;
    return false;
}

bool
cni_region_owns(const cni_region *self, const void *block)
{
    (void)self;
    (void)block;
    return false;
}

bool
cni_region_is_usable(const cni_region *self)
{
    (void)self;
    return true;
}

void
cni_region_set_commit_limit(cni_region *self, int64_t limit_bytes)
{
    (void)self;
    (void)limit_bytes;
}

int64_t
cni_region_committed_bytes(const cni_region *self)
{
    (void)self;
    return 0;
}

void
cni_region_trim(cni_region *self)
{
    (void)self;
}
