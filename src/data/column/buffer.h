/* SPDX-License-Identifier: Apache-2.0
 *
 * Refcounted buffers: the only owners of column data. Immutable while shared. Ours are 64-byte
 * aligned with 64 readable bytes of padding behind `len_bytes`; borrowed ones may be neither and
 * are never over-read. Releasable from any thread; each keeps its allocator (and so its budget)
 * alive.
 *
 * A heap is a refcounted, immutable set of buffers that string views point into.
 */
#ifndef CNI_DATA_BUFFER_H
#define CNI_DATA_BUFFER_H

#include "base/alloc.h"
#include "base/atomic.h"

#define CNI_BUFFER_PADDING 64

typedef struct cni_buffer {
    cni_atomic_i64 n_refs;
    uint8_t *data;
    int64_t len_bytes;        /* meaningful bytes */
    int64_t cap_bytes;        /* writable bytes, len_bytes <= cap_bytes; 0 for borrowed memory */
    cni_allocator *allocator; /* referenced */
    void (*release)(struct cni_buffer *self); /* borrowed memory: gives it back; NULL = ours */
    void *private_data;
} cni_buffer;
typedef cni_buffer *cni_buffer_p;

/* New buffer of len_bytes uninitialised bytes plus padding (the padding is zeroed). */
CN_NODISCARD cn_code cni_buffer_new(cni_allocator *allocator, int64_t len_bytes,
                                    cni_buffer **out_buffer, cn_error *err);
/* Wrap foreign memory; release(buffer) is called when the last reference goes and finds
 * `private_data` in it. */
CN_NODISCARD cn_code cni_buffer_wrap(cni_allocator *allocator, const void *data, int64_t len_bytes,
                                     void (*release)(cni_buffer *self), void *private_data,
                                     cni_buffer **out_buffer, cn_error *err);
cni_buffer *cni_buffer_ref(cni_buffer *self); /* NULL gives NULL */
void cni_buffer_unref(cni_buffer *self);      /* NULL is accepted */
CN_DEFINE_SCOPED(cni_buffer_p, cni_buffer_unref)

/* *inout_buffer becomes a buffer of at least len_bytes that the caller alone holds and may write:
 * the same one when it is unique and large enough, else a new one (old content is not kept). */
CN_NODISCARD cn_code cni_buffer_reuse(cni_allocator *allocator, int64_t len_bytes,
                                      cni_buffer **inout_buffer, cn_error *err);

typedef struct cni_heap {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* referenced */
    int32_t n_buffers;
    cni_buffer *buffers[]; /* referenced */
} cni_heap;
typedef cni_heap *cni_heap_p;

/* Heap over n_buffers >= 0 buffers (each referenced; duplicates are dropped). */
CN_NODISCARD cn_code cni_heap_new(cni_allocator *allocator, cni_buffer *const *buffers,
                                  int32_t n_buffers, cni_heap **out_heap, cn_error *err);
/* Union of two; either may be NULL; gives a reference on one of them where that is enough. */
CN_NODISCARD cn_code cni_heap_union(cni_allocator *allocator, cni_heap *a, cni_heap *b,
                                    cni_heap **out_heap, cn_error *err);
cni_heap *cni_heap_ref(cni_heap *self);
void cni_heap_unref(cni_heap *self); /* NULL is accepted */
CN_DEFINE_SCOPED(cni_heap_p, cni_heap_unref)

#endif /* CNI_DATA_BUFFER_H */
