/* SPDX-License-Identifier: Apache-2.0
 *
 * Bounds of integer vectors in one pass: what narrow arithmetic, direct-mapped tables and packed
 * keys are proved with. Blocks of 64 rows without nulls run a loop that vectorizes; others go row
 * by row.
 */
#include "data/column/vector_int.h"

#define BLOCK_ROWS 64
#define LANES      4

/* Value `row` of an integer layout of at most 64 bits; U64 above INT64_MAX clears *inout_fits. */
static inline CN_ALWAYS_INLINE int64_t
load(const void *data, int64_t row, cni_phys phys, bool *inout_fits)
{
    switch (phys) {
    case CNI_PHYS_I8:
        return ((const int8_t *)data)[row];
    case CNI_PHYS_I16:
        return ((const int16_t *)data)[row];
    case CNI_PHYS_I32:
        return ((const int32_t *)data)[row];
    case CNI_PHYS_I64:
        return ((const int64_t *)data)[row];
    case CNI_PHYS_U8:
        return ((const uint8_t *)data)[row];
    case CNI_PHYS_U16:
        return ((const uint16_t *)data)[row];
    case CNI_PHYS_U32:
        return ((const uint32_t *)data)[row];
    case CNI_PHYS_U64: {
        const uint64_t value = ((const uint64_t *)data)[row];
        *inout_fits = *inout_fits && value <= (uint64_t)INT64_MAX;
        return (int64_t)value;
    }
    default: {
        const cni_i128 value = ((const cni_i128 *)data)[row];
        *inout_fits = *inout_fits && value == (int64_t)value;
        return (int64_t)value;
    }
    }
}

/* Extremes of a full block, in four lanes that do not wait for each other. */
static inline CN_ALWAYS_INLINE void
widen_by_block(const void *data, int64_t from, cni_phys phys, int64_t *inout_low,
               int64_t *inout_high, bool *inout_fits)
{
    int64_t low[LANES] = {*inout_low, *inout_low, *inout_low, *inout_low};
    int64_t high[LANES] = {*inout_high, *inout_high, *inout_high, *inout_high};
    for (int64_t row = from; row < from + BLOCK_ROWS; row += LANES) {
        for (int64_t lane = 0; lane < LANES; lane++) {
            const int64_t value = load(data, row + lane, phys, inout_fits);
            low[lane] = value < low[lane] ? value : low[lane];
            high[lane] = value > high[lane] ? value : high[lane];
        }
    }
    for (int64_t lane = 0; lane < LANES; lane++) {
        *inout_low = cni_min_i64(*inout_low, low[lane]);
        *inout_high = cni_max_i64(*inout_high, high[lane]);
    }
}

static inline CN_ALWAYS_INLINE cni_bounds
bounds_of(const cni_vector *self, cni_phys phys)
{
    int64_t low = INT64_MAX;
    int64_t high = INT64_MIN;
    bool fits = true;
    for (int64_t from = 0; from < self->n_rows; from += BLOCK_ROWS) {
        const int64_t n_here = cni_min_i64(BLOCK_ROWS, self->n_rows - from);
        uint64_t valid = cni_bits_word(self->validity, from, n_here);
        if (n_here == BLOCK_ROWS && valid == ~UINT64_C(0)) {
            widen_by_block(self->data, from, phys, &low, &high, &fits);
            continue;
        }
        for (; valid != 0; valid &= valid - 1) {
            const int64_t value = load(self->data, from + __builtin_ctzll(valid), phys, &fits);
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
    }
    return (cni_bounds){.known = fits && low <= high, .low = low, .high = high};
}

static cni_bounds
bounds_of_flat(const cni_vector *self)
{
    switch ((cni_phys)self->phys) {
    case CNI_PHYS_I8:
        return bounds_of(self, CNI_PHYS_I8);
    case CNI_PHYS_I16:
        return bounds_of(self, CNI_PHYS_I16);
    case CNI_PHYS_I32:
        return bounds_of(self, CNI_PHYS_I32);
    case CNI_PHYS_I64:
        return bounds_of(self, CNI_PHYS_I64);
    case CNI_PHYS_U8:
        return bounds_of(self, CNI_PHYS_U8);
    case CNI_PHYS_U16:
        return bounds_of(self, CNI_PHYS_U16);
    case CNI_PHYS_U32:
        return bounds_of(self, CNI_PHYS_U32);
    case CNI_PHYS_U64:
        return bounds_of(self, CNI_PHYS_U64);
    case CNI_PHYS_I128:
        return bounds_of(self, CNI_PHYS_I128);
    default:
        return (cni_bounds){.known = false};
    }
}

static cni_bounds
bounds_of_sequence(const cni_vector *self)
{
    int64_t span = 0;
    int64_t last = 0;
    if (self->n_rows == 0 || !cni_checked_mul(self->n_rows - 1, self->sequence_step, &span) ||
        !cni_checked_add(self->sequence_start, span, &last)) {
        return (cni_bounds){.known = false};
    }
    return (cni_bounds){.known = true,
                        .low = cni_min_i64(self->sequence_start, last),
                        .high = cni_max_i64(self->sequence_start, last)};
}

cni_bounds
cni_vector_compute_bounds(const cni_vector *self)
{
    if (self->bounds.known) {
        return self->bounds;
    }
    switch ((cni_encoding)self->encoding) {
    case CNI_FLAT:
        return bounds_of_flat(self);
    case CNI_CONSTANT: {
        cni_vector one = *self; /* borrows: never released */
        one.n_rows = cni_min_i64(1, self->n_rows);
        return bounds_of_flat(&one);
    }
    case CNI_SEQUENCE:
        return bounds_of_sequence(self);
    default:
        return (cni_bounds){.known = false};
    }
}
