/* SPDX-License-Identifier: Apache-2.0
 *
 * A column of a block under way: rows picked from vectors are appended to plain arrays, in the
 * order in which the block's encoded form has them (spill_block.c).
 *
 *   fixed width   items                   VIEW     lengths (u32) and the text
 *   BIT           bits                    LIST     sizes (u32) over one child
 *   NONE          nothing                 UNION    type codes over children; dense offsets follow
 *   ARRAY STRUCT  children only                    from the codes: the k-th row of a code is its
 *                                                  child's row k
 */
#ifndef CNI_EXEC_SPILL_COLUMN_INT_H
#define CNI_EXEC_SPILL_COLUMN_INT_H

#include "data/column/vector.h"

/* Memory of one partition's block: where it comes from and how much is held. */
typedef struct cni_spill_memory {
    cni_allocator *allocator;
    int64_t held_bytes;
} cni_spill_memory;

typedef struct cni_spill_bytes {
    uint8_t *data;
    int64_t cap_bytes;
} cni_spill_bytes;

/* Zero bytes and a type = empty. Thread: confined. */
typedef struct cni_spill_column {
    const cni_type *type;
    uint8_t phys; /* of the rows so far; decimals widen to I128 when such rows come */
    bool has_nulls;
    int64_t n_rows;
    int64_t text_bytes;
    cni_spill_bytes items;
    cni_spill_bytes validity; /* bits of all rows once has_nulls */
    cni_spill_bytes text;
    int32_t n_children;
    struct cni_spill_column *children;
} cni_spill_column;

/* Which rows: index[0..n), or first .. first + n when index is NULL. */
typedef struct cni_spill_pick {
    const uint32_t *index;
    int64_t first;
    int64_t n;
} cni_spill_pick;

static inline int64_t
cni_spill_pick_row(const cni_spill_pick *pick, int64_t at)
{
    return pick->index != NULL ? (int64_t)pick->index[at] : pick->first + at;
}

/* Bytes of an item as stored; 0 for BIT and what has none. */
int32_t cni_spill_item_bytes(uint8_t phys, const cni_type *type);

CN_NODISCARD cn_code cni_spill_column_init(cni_spill_column *self, cni_spill_memory *memory,
                                           const cni_type *type, cn_error *err);
void cni_spill_column_done(cni_spill_column *self, cni_spill_memory *memory);
void cni_spill_column_reset(cni_spill_column *self); /* no rows, memory kept */
void cni_spill_column_trim(cni_spill_column *self, cni_spill_memory *memory); /* and given back */

CN_NODISCARD cn_code cni_spill_column_append(cni_spill_column *self, cni_spill_memory *memory,
                                             const cni_vector *vector, const cni_spill_pick *pick,
                                             cn_error *err);
/* Bytes of the rows so far. */
int64_t cni_spill_column_bytes(const cni_spill_column *self);
/* Bytes of text that the rows of a VIEW vector have; 0 for other layouts. FLAT only. */
int64_t cni_spill_text_bytes(const cni_vector *vector, const cni_spill_pick *pick);

#endif /* CNI_EXEC_SPILL_COLUMN_INT_H */
