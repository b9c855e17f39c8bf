/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of calls with ORDER BY as bytes, in memory as on disk:
 *
 *   entry = | n: bytes behind this | key's length, key | length of the arguments' key, that key |
 *             sequence | place | a validity byte per argument | cells of those that are valid |
 *
 * Numbers are variable: seven bits a byte, the lowest first. Keys are normalized sort keys: the
 * call's order, and (DISTINCT) the arguments by which rows are equal. Integers and floats take
 * eight bytes of their cell, texts a length and their bytes, others what cni_cell_save makes of
 * them.
 *
 *   saved state = | entries: 8 bytes | bytes of all entries: 8 | entry | entry ...
 */
#ifndef CNI_EXEC_AGGREGATE_ORDERED_INT_H
#define CNI_EXEC_AGGREGATE_ORDERED_INT_H

#include "exec/operator/aggregate_operator_int.h"

#define CNI_AGG_MAX_VARINT 10

/* Entries behind each other in the heap; of DISTINCT calls one, which may be exchanged. */
typedef struct cni_agg_piece {
    struct cni_agg_piece *next;
    uint8_t *bytes;
    uint64_t hash; /* DISTINCT: of the arguments' key */
    uint32_t n_bytes;
    uint32_t cap_bytes;
} cni_agg_piece;

/* State of an ORDERED call. Zero bytes = empty. */
typedef struct cni_agg_ordered {
    int64_t n;       /* entries */
    int64_t n_bytes; /* of entries */
    cni_agg_piece *first;
    cni_agg_piece *last;   /* what follows it is not of this state */
    cni_agg_piece **slots; /* DISTINCT, once there are some: by hash */
    int64_t n_slots;
} cni_agg_ordered;

/* An entry, opened; it borrows. */
typedef struct cni_agg_entry {
    const uint8_t *key;
    const uint8_t *args_key;
    int64_t key_bytes;
    int64_t args_key_bytes;
    int64_t sequence;
    int64_t place;
    const uint8_t *values; /* validity, cells */
    const uint8_t *end;
} cni_agg_entry;

static inline const uint8_t *
cni_agg_take_varint(const uint8_t *from, int64_t *out_value)
{
    uint64_t value = *from & 0x7F;
    int32_t shift = 7;
    while ((*from++ & 0x80) != 0) {
        value |= (uint64_t)(*from & 0x7F) << shift;
        shift += 7;
    }
    *out_value = (int64_t)value;
    return from;
}

static inline uint8_t *
cni_agg_put_varint(uint8_t *to, int64_t value)
{
    uint64_t left = (uint64_t)value;
    for (; left >= 0x80; left >>= 7) {
        *to++ = (uint8_t)(left | 0x80);
    }
    *to++ = (uint8_t)left;
    return to;
}

/* The entry at `bytes`; gives its end. */
const uint8_t *cni_agg_entry_open(const uint8_t *bytes, cni_agg_entry *out_entry);
/* By key, then by place in source order. */
int cni_agg_entry_compare(const cni_agg_entry *a, const cni_agg_entry *b);
/* The arguments into row `at` of rows[n_args], which are empty there; texts borrow the entry's
 * bytes, nested values are in the heap. */
CN_NODISCARD cn_code cni_agg_entry_values(const cni_agg_operator *self, const cni_agg_call *call,
                                          const cni_agg_entry *entry, cni_arena *heap, int64_t at,
                                          cni_cell_rows *rows, cn_error *err);

#endif /* CNI_EXEC_AGGREGATE_ORDERED_INT_H */
