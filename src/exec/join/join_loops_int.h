/* SPDX-License-Identifier: Apache-2.0
 *
 * The loops of a join that every row passes, one table per instruction-set level
 * (join_loops_isa.c).
 *
 *   canonical word of a key: 64 bits whose unsigned order is that of the values: signed integers
 *   with the sign bit flipped; floats as their bits, -0 as +0, every NaN as one NaN (any total
 *   order does: only equality and ranges count)
 *
 * Codes are canonical words less the lowest of the build, so that the flip falls out.
 */
#ifndef CNI_EXEC_JOIN_LOOPS_INT_H
#define CNI_EXEC_JOIN_LOOPS_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "data/column/type.h"
#include "data/kernel/isa.h"

#define CNI_JOIN_NONE      UINT32_MAX
#define CNI_JOIN_RUN       (UINT32_C(1) << 31)
#define CNI_JOIN_MISS      UINT64_MAX /* code of no row */
#define CNI_JOIN_MISS_32   UINT32_MAX
#define CNI_JOIN_HASH_MULT UINT64_C(0x9E3779B97F4A7C15)

typedef struct cni_join_short_slot {
    uint32_t code;
    uint32_t value; /* CNI_JOIN_NONE: empty */
} cni_join_short_slot;

typedef struct cni_join_long_slot {
    uint64_t code;
    uint32_t value;
    uint32_t unused;
} cni_join_long_slot;

static inline uint64_t
cni_join_slot_hash(uint64_t code)
{
    return (code ^ (code >> 32)) * CNI_JOIN_HASH_MULT;
}

/* Open addressing as the lookups see it. */
typedef struct cni_join_slots {
    const void *slots;
    int32_t shift;        /* of the hash: 64 - bits of a slot number */
    uint64_t region_mask; /* slots of a region - 1 */
} cni_join_slots;

typedef struct cni_join_loops {
    /* Lowest and highest canonical word of n >= 1 items. False: some item has none. */
    bool (*range[CNI_PHYS_COUNT_])(const void *values, int64_t n, uint64_t *out_low,
                                   uint64_t *out_high);
    /* One key: out = word - low where that is <= span, else miss. */
    void (*codes_32[CNI_PHYS_COUNT_])(const void *values, int64_t n, uint64_t low, uint64_t span,
                                      uint32_t miss, uint32_t *out);
    /* One of several keys: inout += (word - low) * factor; CNI_JOIN_MISS stays. */
    void (*add_codes[CNI_PHYS_COUNT_])(const void *values, int64_t n, uint64_t low, uint64_t span,
                                       uint64_t factor, uint64_t *inout);
    /* Values by code. */
    void (*dense)(const uint32_t *table, const uint32_t *codes, int64_t n, uint32_t *out);
    void (*dense_bits)(const uint64_t *bits, const uint32_t *codes, int64_t n, uint32_t *out);
    void (*short_slots)(const cni_join_slots *slots, const uint32_t *codes, int64_t n,
                        uint32_t *out);
    void (*long_slots)(const cni_join_slots *slots, const uint64_t *codes, int64_t n,
                       uint32_t *out);
    /* The rows with a value, and the values; gives how many. Room for n + 16. */
    int64_t (*select)(const uint32_t *values, int64_t n, uint32_t *out_rows, uint32_t *out_values);
    /* The rows with a value (wanted) or without. Room for n + 16. */
    int64_t (*select_rows)(const uint32_t *values, int64_t n, bool wanted, uint32_t *out_rows);
} cni_join_loops;

extern const cni_join_loops cni_join_loops_v0;
extern const cni_join_loops cni_join_loops_v2;
extern const cni_join_loops cni_join_loops_v3;
extern const cni_join_loops cni_join_loops_v4;
extern const cni_join_loops cni_join_loops_v5;

/* The table for this processor. Static. */
const cni_join_loops *cni_join_loops_get(void);
/* NULL when the processor does not have the level. */
const cni_join_loops *cni_join_loops_at(int level);

#endif /* CNI_EXEC_JOIN_LOOPS_INT_H */
