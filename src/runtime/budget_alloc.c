/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator of a budget node: charge first, then a block of the region, then a reference on the
 * node that the block holds until it is released.
 *
 * Under AddressSanitizer and in hostile builds each block is one of the system's heap, so that
 * overruns are seen; the accounting is the same. So it is in a forked child, where the region of
 * the parent process must not be touched.
 */
#include <string.h>

#include "runtime/budget_int.h"

#if CN_ADDRESS_SANITIZER || defined(CN_PARANOID)
#define BLOCKS_FROM_SYSTEM true
#else
#define BLOCKS_FROM_SYSTEM false
#endif

/* Where one block lies or is to lie. */
typedef struct block_shape {
    int64_t n_bytes;
    int64_t align;
    int64_t occupied_bytes; /* what counts */
} block_shape;

static block_shape
shape_of(int64_t n_bytes, int64_t align)
{
    return (block_shape){n_bytes, align, cni_region_block_bytes(n_bytes, align)};
}

static bool
uses_region(const cni_budget *self)
{
    return !BLOCKS_FROM_SYSTEM && CN_LIKELY(cni_region_is_usable(self->root->region));
}

static void
block_give_back(cni_budget *self, void *block, block_shape shape)
{
    if (uses_region(self)) {
        cni_region_dealloc(self->root->region, block, shape.n_bytes, shape.align);
    } else if (!cni_region_owns(self->root->region, block)) {
        cni_allocator *system = cni_allocator_system();
        (void)system->resize(system, block, shape.n_bytes, 0, shape.align, NULL);
    }
}

static void
block_free(cni_budget *self, void *block, block_shape shape)
{
    block_give_back(self, block, shape);
    cni_budget_uncharge(self, shape.occupied_bytes);
    cni_budget_unref(self);
}

/* Trim, then ask the reclaimers, until a block is there or nobody is left. */
static cni_region_answer
try_reclaiming(cni_budget *self, block_shape shape, cni_budget_request *request, void **out_block)
{
    cni_region *region = self->root->region;
    cni_region_answer answer = CNI_REGION_LIMIT;
    bool asked = true;
    while (asked) {
        cni_region_trim(region);
        answer = cni_region_alloc(region, shape.n_bytes, shape.align, out_block);
        asked = answer != CNI_REGION_OK &&
                cni_budget_reclaim_some(&self->root->node, shape.occupied_bytes, request);
    }
    return answer;
}

/* A slab more was refused. */
static cni_region_answer
alloc_reclaiming(cni_budget *self, block_shape shape, bool is_needed, void **out_block)
{
    cni_budget_request request = {.n_tried = 0};
    cni_region_answer answer = CNI_REGION_LIMIT;
    if (cni_budget_beyond_bytes(self->root) > 0) { /* charged, but pages are lost in holes */
        cni_region_trim(self->root->region);
        return cni_region_alloc_beyond(self->root->region, shape.n_bytes, shape.align, out_block);
    }
    do {
        answer = try_reclaiming(self, shape, &request, out_block);
    } while (is_needed && answer == CNI_REGION_LIMIT &&
             cni_budget_arbitrate(self, shape.occupied_bytes, &request));
    return answer;
}

/* Memory for a block that is charged already. */
static void *
block_take(cni_budget *self, block_shape shape, cn_error *err)
{
    if (!uses_region(self)) {
        cni_allocator *system = cni_allocator_system();
        return system->resize(system, NULL, 0, shape.n_bytes, shape.align, err);
    }
    void *block = NULL;
    cni_region_answer answer =
        cni_region_alloc(self->root->region, shape.n_bytes, shape.align, &block);
    if (CN_UNLIKELY(answer != CNI_REGION_OK)) {
        answer = alloc_reclaiming(self, shape, err != NULL, &block);
    }
    if (CN_UNLIKELY(answer == CNI_REGION_LIMIT)) {
        (void)cni_budget_refuse(&self->root->node, shape.occupied_bytes, err);
    } else if (CN_UNLIKELY(answer == CNI_REGION_SYSTEM)) {
        (void)cni_error_no_memory(err, shape.n_bytes);
    }
    return block;
}

static void *
block_new(cni_budget *self, block_shape shape, cn_error *err)
{
    if (CN_UNLIKELY(cni_budget_charge(self, shape.occupied_bytes, err) != CN_OK)) {
        return NULL;
    }
    void *block = block_take(self, shape, err);
    if (CN_UNLIKELY(block == NULL)) {
        cni_budget_uncharge(self, shape.occupied_bytes);
        return NULL;
    }
    cni_refcount_inc(&self->n_refs);
    return block;
}

/* Grow or shrink in place: only the difference is charged. */
static bool
try_in_place(cni_budget *self, void *block, block_shape old, block_shape shape)
{
    if (!uses_region(self)) {
        return false;
    }
    if (old.occupied_bytes == shape.occupied_bytes) {
        return true;
    }
    const int64_t growth = shape.occupied_bytes - old.occupied_bytes;
    if (growth > 0 && cni_budget_try_charge(self, growth) != NULL) {
        return false;
    }
    const bool resized =
        cni_region_try_resize(self->root->region, block, old.n_bytes, shape.n_bytes, shape.align);
    if (resized ? growth < 0 : growth > 0) {
        cni_budget_uncharge(self, resized ? -growth : growth);
    }
    return resized;
}

void *
cni_budget_resize(cni_allocator *face, void *ptr, int64_t old_bytes, int64_t new_bytes,
                  int64_t align, cn_error *err)
{
    cni_budget *self = (cni_budget *)(void *)face;
    if (new_bytes <= 0) {
        if (ptr != NULL) {
            block_free(self, ptr, shape_of(old_bytes, align));
        }
        return NULL;
    }
    if (cni_fault_hit(self->root->fault, CNI_FAULT_ALLOC)) {
        (void)cni_error_no_memory(err, new_bytes);
        return NULL;
    }
    const block_shape shape = shape_of(new_bytes, align);
    if (ptr == NULL) {
        return block_new(self, shape, err);
    }
    const block_shape old = shape_of(old_bytes, align);
    if (try_in_place(self, ptr, old, shape)) {
        return ptr;
    }
    void *block = block_new(self, shape, err);
    if (block != NULL) {
        memcpy(block, ptr, (size_t)cni_min_i64(old_bytes, new_bytes));
        block_free(self, ptr, old);
    }
    return block;
}

void
cni_budget_update_region_limit(cni_budget_root *root)
{
    int64_t limit = cni_counter_get(&root->node.limit);
    for (const cni_budget *above = root->node.parent; above != NULL; above = above->parent) {
        limit = cni_min_i64(limit, cni_counter_get(&above->limit));
    }
    if (root->region != NULL) {
        cni_region_set_commit_limit(root->region, limit - cni_counter_get(&root->reserved_bytes));
    }
}

void
cni_budget_trim(cni_budget *self)
{
    if (self->root->region != NULL && uses_region(self)) {
        cni_region_trim(self->root->region);
    }
}

static int64_t
unused_bytes(const cni_budget_root *root)
{
    const int64_t in_region =
        cni_counter_get(&root->node.charged) - cni_counter_get(&root->reserved_bytes);
    return cni_max_i64(cni_region_committed_bytes(root->region) - in_region, 0);
}

void
cni_budget_trim_slack(cni_budget *self, int64_t slack_bytes)
{
    cni_budget_root *root = self->root;
    if (root->region == NULL) {
        return;
    }
    const int64_t holes = cni_counter_get(&root->holes_bytes);
    const int64_t unused = unused_bytes(root);
    if (CN_UNLIKELY(unused - holes > slack_bytes)) {
        const int64_t n_kept = slack_bytes - slack_bytes / 4;
        if (uses_region(self)) {
            cni_region_trim_to(root->region, n_kept);
        }
        cni_counter_set(&root->holes_bytes, cni_max_i64(unused_bytes(root) - n_kept, 0));
    } else if (CN_UNLIKELY(unused < holes)) {
        cni_counter_set(&root->holes_bytes, unused);
    }
}

int64_t
cni_budget_committed_bytes(const cni_budget *self)
{
    return self->root->region == NULL ? 0 : cni_region_committed_bytes(self->root->region);
}
