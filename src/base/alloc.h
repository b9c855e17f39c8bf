/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator interface: everything in the library that needs memory is handed one of these.
 *
 * An allocator is refcounted because buffers outlive the query that made them (an exported Arrow
 * array may be released long after): whoever keeps memory keeps a reference. The implementations
 * are the plain system allocator (here), the fault-injecting wrapper (base/fault.h) and the
 * budgeted slab allocator (runtime/budget.h). malloc and free appear in alloc.c and nowhere else.
 */
#ifndef CNI_BASE_ALLOC_H
#define CNI_BASE_ALLOC_H

#include "base/error.h"

typedef struct cni_allocator cni_allocator;
typedef cni_allocator *cni_allocator_p;

/* Thread: synchronised; every slot may be called from any thread. */
struct cni_allocator {
    /* Resize `ptr` (NULL = new block) from old_bytes to new_bytes, keeping the common prefix.
     * `align` is a power of two <= 4096 and the same for a block's whole life; blocks of 64 bytes
     * and more are 64-byte aligned whatever is asked. new_bytes 0 releases and returns NULL.
     * NULL for new_bytes > 0 = refused, `ptr` is untouched, and `err` (may be NULL) says why: every
     * implementation fills it. */
    void *(*resize)(cni_allocator *self, void *ptr, int64_t old_bytes, int64_t new_bytes,
                    int64_t align, cn_error *err);
    void (*ref)(cni_allocator *self);
    void (*unref)(cni_allocator *self);
};

/* The C library's heap, without limits or counters. Static; ref and unref do nothing. */
cni_allocator *cni_allocator_system(void);

void cni_allocator_ref(cni_allocator *self);
void cni_allocator_unref(cni_allocator *self); /* NULL is accepted */

/* New uninitialised block of n_bytes >= 0 (0 gives a non-NULL block of 1 byte's worth).
 * Errors: CN_NO_MEMORY, CN_BUDGET_EXCEEDED. */
CN_NODISCARD cn_code cni_alloc(cni_allocator *self, int64_t n_bytes, void *out_block,
                               cn_error *err);
/* The same, zeroed. */
CN_NODISCARD cn_code cni_alloc_zeroed(cni_allocator *self, int64_t n_bytes, void *out_block,
                                      cn_error *err);
/* n_items * item_bytes with the product checked; uninitialised. */
CN_NODISCARD cn_code cni_alloc_array(cni_allocator *self, int64_t n_items, int64_t item_bytes,
                                     void *out_block, cn_error *err);
/* Resize *inout_block; on failure it is unchanged. */
CN_NODISCARD cn_code cni_realloc(cni_allocator *self, void *inout_block, int64_t old_bytes,
                                 int64_t new_bytes, cn_error *err);
/* Release; NULL is accepted. n_bytes must be what the block has. */
void cni_dealloc(cni_allocator *self, void *block, int64_t n_bytes);

/* `out_block` and `inout_block` above are the address of any pointer variable (`T **`), passed as
 * void * so that no cast is needed at the call. */

#endif /* CNI_BASE_ALLOC_H */
