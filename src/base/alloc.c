/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator interface over any implementation, and the system allocator: the one file of the
 * library that calls the C library's heap.
 *
 * Blocks of 64 bytes and more are aligned by hand, and realloc cannot keep an alignment above the
 * heap's own, so that a resize of such a block is a new block, a copy and a release. Hostile builds
 * always move, and overwrite what they release.
 */
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"

#define HEAP_ALIGN      16
#define WIDE_BYTES      64                 /* from here on blocks are aligned to cache lines */
#define MAX_BLOCK_BYTES (INT64_C(1) << 39) /* more is a size that went wrong, not a wish */
#define POISON_BYTE     0xDB

static int64_t
effective_align(int64_t n_bytes, int64_t align)
{
    return cni_max_i64(align, n_bytes >= WIDE_BYTES ? WIDE_BYTES : HEAP_ALIGN);
}

static void *
heap_new(int64_t n_bytes, int64_t align)
{
    const int64_t effective = effective_align(n_bytes, align);
    if (n_bytes > MAX_BLOCK_BYTES) {
        return NULL;
    }
    if (effective <= HEAP_ALIGN) {
        return malloc((size_t)n_bytes);
    }
    void *block = NULL;
    return posix_memalign(&block, (size_t)effective, (size_t)n_bytes) == 0 ? block : NULL;
}

static void
heap_free(void *block, int64_t n_bytes)
{
#ifdef CN_PARANOID
    if (block != NULL) {
        memset(block, POISON_BYTE, (size_t)n_bytes);
    }
#else
    (void)n_bytes;
#endif
    free(block);
}

static void *
system_resize(cni_allocator *self, void *ptr, int64_t old_bytes, int64_t new_bytes, int64_t align,
              cn_error *err)
{
    (void)self;
    if (new_bytes <= 0) {
        heap_free(ptr, old_bytes);
        return NULL;
    }
    void *block = heap_new(new_bytes, align);
    if (block == NULL) {
        (void)cni_error_no_memory(err, new_bytes);
        return NULL;
    }
    if (ptr != NULL) {
        memcpy(block, ptr, (size_t)cni_min_i64(old_bytes, new_bytes));
        heap_free(ptr, old_bytes);
    }
    return block;
}

static void
system_ref(cni_allocator *self)
{
    (void)self;
}

/* Its slots are never written: one object for the whole process. */
static const cni_allocator system_allocator = {system_resize, system_ref, system_ref};

cni_allocator *
cni_allocator_system(void)
{
    union {
        const cni_allocator *constant;
        cni_allocator *handle;
    } view = {.constant = &system_allocator};
    return view.handle;
}

void
cni_allocator_ref(cni_allocator *self)
{
    self->ref(self);
}

void
cni_allocator_unref(cni_allocator *self)
{
    if (self != NULL) {
        self->unref(self);
    }
}

/* Every block has at least one byte, so that NULL always means refusal. */
static int64_t
stored_bytes(int64_t n_bytes)
{
    return n_bytes == 0 ? 1 : n_bytes;
}

static cn_code
resize_block(cni_allocator *self, void **inout_block, int64_t old_bytes, int64_t new_bytes,
             cn_error *err)
{
    if (CN_UNLIKELY(new_bytes < 0)) {
        (void)cni_error_no_memory(err, new_bytes);
        return CN_NO_MEMORY;
    }
    void *old = *inout_block;
    cn_error local; /* only its code is read, and every refusal fills that */
    cn_error *reason = err != NULL ? err : &local;
    void *block = self->resize(self, old, old == NULL ? 0 : stored_bytes(old_bytes),
                               stored_bytes(new_bytes), HEAP_ALIGN, reason);
    if (CN_UNLIKELY(block == NULL)) {
        CN_ASSERT(reason->code != CN_OK);
        return (cn_code)reason->code;
    }
    *inout_block = block;
    return CN_OK;
}

/* Pointers go in and out by memcpy: the caller's variable has another pointer type. */
cn_code
cni_alloc(cni_allocator *self, int64_t n_bytes, void *out_block, cn_error *err)
{
    void *block = NULL;
    CN_TRY(resize_block(self, &block, 0, n_bytes, err));
    memcpy(out_block, &block, sizeof(block));
    return CN_OK;
}

cn_code
cni_alloc_zeroed(cni_allocator *self, int64_t n_bytes, void *out_block, cn_error *err)
{
    void *block = NULL;
    CN_TRY(resize_block(self, &block, 0, n_bytes, err));
    memset(block, 0, (size_t)stored_bytes(n_bytes));
    memcpy(out_block, &block, sizeof(block));
    return CN_OK;
}

cn_code
cni_alloc_array(cni_allocator *self, int64_t n_items, int64_t item_bytes, void *out_block,
                cn_error *err)
{
    int64_t n_bytes = 0;
    if (CN_UNLIKELY(n_items < 0 || item_bytes < 0 ||
                    !cni_checked_mul(n_items, item_bytes, &n_bytes))) {
        return CN_FAIL(err, CN_NO_MEMORY, "out of memory: %lld items of %lld bytes asked",
                       (long long)n_items, (long long)item_bytes);
    }
    return cni_alloc(self, n_bytes, out_block, err);
}

cn_code
cni_realloc(cni_allocator *self, void *inout_block, int64_t old_bytes, int64_t new_bytes,
            cn_error *err)
{
    void *block = NULL;
    memcpy(&block, inout_block, sizeof(block));
    CN_TRY(resize_block(self, &block, old_bytes, new_bytes, err));
    memcpy(inout_block, &block, sizeof(block));
    return CN_OK;
}

void
cni_dealloc(cni_allocator *self, void *block, int64_t n_bytes)
{
    if (block != NULL) {
        (void)self->resize(self, block, stored_bytes(n_bytes), 0, HEAP_ALIGN, NULL);
    }
}
