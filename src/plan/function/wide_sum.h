/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact sums of integers and decimals: 192 bits, so that neither the order of the rows nor the
 * number of threads decides whether a sum overflows; only the total is range checked. What sum and
 * avg keep, and what the aggregation operator's lanes are finished with.
 *
 * Zero bytes are the empty sum. Thread: confined.
 */
#ifndef CNI_PLAN_WIDE_SUM_H
#define CNI_PLAN_WIDE_SUM_H

#include "data/column/vector.h"

/* value = top * 2^120 + (high, low); |(high, low)| stays below 2^126. */
typedef struct cni_wide_sum {
    uint64_t low;
    int64_t high;
    int64_t top;
} cni_wide_sum;

static inline cni_i128
cni_wide_get(const cni_wide_sum *self)
{
    return (cni_i128)(((cni_u128)(uint64_t)self->high << 64) | self->low);
}

static inline void
cni_wide_set(cni_wide_sum *self, cni_i128 value)
{
    self->low = (uint64_t)value;
    self->high = (int64_t)(value >> 64);
}

void cni_wide_add(cni_wide_sum *self, cni_i128 item);
/* n >= 0 times the item. */
void cni_wide_add_times(cni_wide_sum *self, cni_i128 item, int64_t n);
void cni_wide_merge(cni_wide_sum *self, const cni_wide_sum *other);
/* False when it does not fit 128 bits. */
bool cni_wide_total(const cni_wide_sum *self, cni_i128 *out_total);
/* The nearest double. */
double cni_wide_double(const cni_wide_sum *self);
/* sum / n of integers or decimals of `type` (n > 0). */
double cni_average(const cni_type *type, const cni_wide_sum *sum, int64_t n);
/* The sum in few bytes, and back: equal sums have equal bytes. What is damaged gives some sum. */
#define CNI_WIDE_BYTES_MAX 24
int32_t cni_wide_to_bytes(const cni_wide_sum *self, char out_bytes[CNI_WIDE_BYTES_MAX]);
cni_wide_sum cni_wide_from_bytes(cni_str bytes);
/* Finished sums of n totals (valid: one byte each) as `type`: integers and DECIMAL range checked,
 * CN_INVALID_DATA, SQLSTATE 22003; BLOB their bytes. */
CN_NODISCARD cn_code cni_wide_emit(cni_allocator *allocator, const cni_type *type,
                                   const cni_wide_sum *totals, const uint8_t *valid, int64_t n,
                                   cni_vector *out_vector, cn_error *err);

#endif /* CNI_PLAN_WIDE_SUM_H */
