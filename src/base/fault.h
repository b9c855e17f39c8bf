/* SPDX-License-Identifier: Apache-2.0
 *
 * Fault injection for tests: counts the fallible operations of a run, and fails the Nth.
 *
 * A `cni_fault` belongs to one engine (no globals). An operation that can be made to fail calls
 * cni_fault_hit() first; with no injector (NULL) that costs one branch. A sweep runs once with
 * fail_at = 0 to learn the counts, then once for every N.
 */
#ifndef CNI_BASE_FAULT_H
#define CNI_BASE_FAULT_H

#include <stdbool.h>

#include "base/alloc.h"
#include "base/atomic.h"

typedef enum cni_fault_kind {
    CNI_FAULT_ALLOC,  /* an allocation is refused */
    CNI_FAULT_READ,   /* a file read fails with EIO */
    CNI_FAULT_WRITE,  /* a write of spilled bytes fails with ENOSPC or EIO, or a file cannot be made
                       */
    CNI_FAULT_THREAD, /* a worker thread cannot be started */
    CNI_FAULT_KIND_COUNT_
} cni_fault_kind;

/* Thread: synchronised. Zero bytes = counts and never fails. */
typedef struct cni_fault {
    cni_atomic_i64 n_hits[CNI_FAULT_KIND_COUNT_];  /* operations seen so far */
    cni_atomic_i64 fail_at[CNI_FAULT_KIND_COUNT_]; /* the Nth (from 1) fails once; 0 = never */
} cni_fault;

/* Count one operation; true when it must fail. `self` may be NULL. */
bool cni_fault_hit(cni_fault *self, cni_fault_kind kind);

/* Allocator that fails on schedule and else forwards to `inner` (referenced).
 * The result has one reference and must not outlive `fault`. */
CN_NODISCARD cn_code cni_fault_allocator_new(cni_allocator *inner, cni_fault *fault,
                                             cni_allocator **out_allocator, cn_error *err);

#endif /* CNI_BASE_FAULT_H */
