/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of a fixed width as numbers of few bits. Every key is one or more lanes of unsigned 64-bit
 * values in key order: a null bit, then the value (integers with the sign flipped, floats mapped,
 * 128 bits in two lanes), inverted for DESC. A layout says which values of each lane are covered
 * and so how many bits it takes; it is learnt from the rows, chunk by chunk, and only widens:
 *
 *   item   [lane 0 - base][lane 1 - base] ... [lane n - base][low bits: the owner's]
 *
 * Items of different layouts are brought into the wider one by cni_sort_layout_change. A null's
 * value lanes are zeros in every layout.
 */
#ifndef CNI_EXEC_SORT_LANES_H
#define CNI_EXEC_SORT_LANES_H

#include "data/column/chunk.h"
#include "data/row/sort_key.h"
#include "exec/operator/sort_words.h"

#define CNI_SORT_LANES_MAX 12
/* Bits that low bits may take beside those of the lanes. */
#define CNI_SORT_LOW_BITS_MAX 64

typedef enum cni_sort_lane_part {
    CNI_SORT_LANE_NULLS, /* 0 or 1 */
    CNI_SORT_LANE_VALUE,
    CNI_SORT_LANE_HIGH, /* of 128 bits */
    CNI_SORT_LANE_LOW
} cni_sort_lane_part;

typedef struct cni_sort_lane {
    int32_t key;
    int32_t nulls; /* the lane of the key's null bits, or -1 */
    cni_sort_lane_part part;
} cni_sort_lane;

/* Which lanes the keys have. Immutable; keys are borrowed. */
typedef struct cni_sort_lanes {
    const cni_sort_spec *keys;
    int32_t n_keys;
    int32_t n_lanes;
    cni_sort_lane items[CNI_SORT_LANES_MAX];
} cni_sort_lanes;

/* Values [base, base + 2^n_bits) of a lane, at bits [shift, shift + n_bits) above the low bits. */
typedef struct cni_sort_cover {
    bool known; /* some value was seen */
    uint8_t n_bits;
    int16_t shift;
    uint64_t base;
} cni_sort_cover;

typedef struct cni_sort_layout {
    int32_t n_bits; /* of all lanes */
    cni_sort_cover covers[CNI_SORT_LANES_MAX];
} cni_sort_layout;

/* The lanes' values of some rows, lane by lane. Zero bytes = empty. */
typedef struct cni_sort_values {
    int64_t n_rows;
    int64_t cap_rows;
    uint64_t *items; /* lane l: [l * cap_rows, l * cap_rows + n_rows) */
    bool any[CNI_SORT_LANES_MAX];
    uint64_t lowest[CNI_SORT_LANES_MAX]; /* of those that are not null */
    uint64_t highest[CNI_SORT_LANES_MAX];
} cni_sort_values;

/* False when some key has no fixed width, or they have too many bits. */
bool cni_sort_lanes_init(cni_sort_lanes *self, const cni_sort_spec *keys, int32_t n_keys);
/* The lane of a key's values when they are one, of integers; or -1. */
int32_t cni_sort_lanes_restorable(const cni_sort_lanes *self, int32_t key);

CN_NODISCARD cn_code cni_sort_values_load(cni_sort_values *self, const cni_sort_lanes *lanes,
                                          cni_allocator *allocator, const cni_vector *const *keys,
                                          int64_t n_rows, cn_error *err);
void cni_sort_values_done(cni_sort_values *self, const cni_sort_lanes *lanes,
                          cni_allocator *allocator);

bool cni_sort_layout_covers(const cni_sort_layout *self, const cni_sort_lanes *lanes,
                            const cni_sort_values *values);
void cni_sort_layout_widen(cni_sort_layout *self, const cni_sort_lanes *lanes,
                           const cni_sort_values *values);
bool cni_sort_layout_equal(const cni_sort_layout *a, const cni_sort_layout *b,
                           const cni_sort_lanes *lanes);

/* Values, all of which are covered, as items of n_words whose low bits are zero. */
void cni_sort_layout_pack(const cni_sort_layout *self, const cni_sort_lanes *lanes,
                          cni_sort_values *values, int32_t low_bits, int32_t n_words,
                          uint64_t *out);
/* Items of one layout as items of one that covers it; their low bits are zero. */
typedef struct cni_sort_form {
    const cni_sort_layout *layout;
    int32_t low_bits;
    int32_t n_words;
} cni_sort_form;

void cni_sort_layout_change(const cni_sort_lanes *lanes, cni_sort_form from, const uint64_t *items,
                            int64_t n, cni_sort_form to, uint64_t *out);

/* Words of an item. */
static inline int32_t
cni_sort_layout_words(const cni_sort_layout *self, int32_t low_bits)
{
    return cni_sort_words_of_bits(self->n_bits + low_bits);
}

/* The values that n items have in a lane that cni_sort_lanes_restorable gave, as the vector's. */
CN_NODISCARD cn_code cni_sort_layout_restore(const cni_sort_lanes *lanes, cni_sort_form form,
                                             int32_t lane, const uint64_t *items, int64_t n,
                                             cni_allocator *allocator, cni_vector *out,
                                             cn_error *err);

#endif /* CNI_EXEC_SORT_LANES_H */
