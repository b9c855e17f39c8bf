/* SPDX-License-Identifier: Apache-2.0
 *
 * Source order of a pipeline's morsels, for operators that restore it (LIMIT, the result): which
 * sequence number comes behind which. Sequence numbers count within a branch; a branch's last one
 * is known only when its scan has said so and no worker is still asking.
 *
 *   sequence = branch << CNI_SEQUENCE_BRANCH_SHIFT | number of the morsel in its scan
 */
#ifndef CNI_EXEC_MORSEL_ORDER_H
#define CNI_EXEC_MORSEL_ORDER_H

#include <stdint.h>

#define CNI_SEQUENCE_BRANCH_SHIFT 40

/* Thread: synchronised; state outlives the operators that are given this. */
typedef struct cni_morsel_order {
    /* `sequence`, unless its branch is known to have ended before it: then the first morsel of the
     * next branch that may have one. Ask again when another morsel has ended. */
    int64_t (*resolve)(const void *state, int64_t sequence);
    const void *state;
} cni_morsel_order;

static inline int64_t
cni_sequence_of(int32_t branch, int64_t morsel)
{
    return ((int64_t)branch << CNI_SEQUENCE_BRANCH_SHIFT) | morsel;
}

static inline int32_t
cni_sequence_branch(int64_t sequence)
{
    return (int32_t)(sequence >> CNI_SEQUENCE_BRANCH_SHIFT);
}

static inline int64_t
cni_sequence_morsel(int64_t sequence)
{
    return sequence & ((INT64_C(1) << CNI_SEQUENCE_BRANCH_SHIFT) - 1);
}

#endif /* CNI_EXEC_MORSEL_ORDER_H */
