/* SPDX-License-Identifier: Apache-2.0
 *
 * What running operators tell the scans below them. Now: the boundary of a top-N, which tightens
 * while the scan runs. Advisory: a scan may drop rows that it excludes, the operator checks again.
 *
 * The boundary is a lead (data/row/sort_lead.h) of the operator's first key: rows with a greater
 * lead cannot be in the result. Thread: one writer side (compare-and-swap), any readers.
 */
#ifndef CNI_PLAN_DYNAMIC_FILTER_H
#define CNI_PLAN_DYNAMIC_FILTER_H

#include "base/atomic.h"
#include "data/row/sort_lead.h"

typedef struct cni_dynamic_filter_set {
    int32_t table_column; /* that the key is, unchanged */
    cni_sort_spec key;
    cni_atomic_i64 boundary; /* flag: the lead in signed order; INT64_MAX = none yet */
} cni_dynamic_filter_set;

/* The boundary as a lead; UINT64_MAX = none. */
static inline uint64_t
cni_boundary_get(const cni_atomic_i64 *boundary)
{
    return (uint64_t)cni_flag_consume(boundary) ^ (UINT64_C(1) << 63);
}

/* Publish a lead unless a lower one is there. */
static inline void
cni_boundary_offer(cni_atomic_i64 *boundary, uint64_t lead)
{
    const int64_t offered = (int64_t)(lead ^ (UINT64_C(1) << 63));
    int64_t seen = cni_flag_consume(boundary);
    while (offered < seen && !cni_slot_swap(boundary, seen, offered)) {
        seen = cni_flag_consume(boundary);
    }
}

#endif /* CNI_PLAN_DYNAMIC_FILTER_H */
