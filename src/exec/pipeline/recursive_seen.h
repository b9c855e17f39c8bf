/* SPDX-License-Identifier: Apache-2.0
 *
 * The set of rows that a recursion without duplicates has given so far.
 */
#ifndef CNI_EXEC_RECURSIVE_SEEN_H
#define CNI_EXEC_RECURSIVE_SEEN_H

#include "data/column/chunk.h"

typedef struct cni_seen_slot {
    uint64_t hash;
    int64_t offset; /* of the row's key in `bytes` */
    int64_t len_bytes;
    bool used;
} cni_seen_slot;

/* Thread: confined. */
typedef struct cni_seen_rows {
    cni_allocator *allocator; /* borrowed */
    cni_seen_slot *slots;     /* n_slots, a power of two */
    int64_t n_slots;
    int64_t n_rows;
    char *bytes;
    int64_t len_bytes;
    int64_t cap_bytes;
} cni_seen_rows;

void cni_seen_rows_init(cni_seen_rows *self, cni_allocator *allocator);
void cni_seen_rows_done(cni_seen_rows *self); /* accepts zeroed */
/* Keep the rows of the chunk (without a selection) that are not in the set, the first of equal
 * ones, and add them. On failure the chunk may only be released. */
CN_NODISCARD cn_code cni_seen_rows_filter(cni_seen_rows *self, cni_chunk *inout_chunk,
                                          cn_error *err);

#endif /* CNI_EXEC_RECURSIVE_SEEN_H */
