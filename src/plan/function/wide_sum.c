/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact sums of integers and decimals; see wide_sum.h.
 */
#include "plan/function/wide_sum.h"

#include <math.h>

#define LOW_BITS   120
#define LOW_MASK   ((((cni_u128)1) << LOW_BITS) - 1)
#define SETTLED(v) ((v) < ((cni_i128)1 << 126) && (v) > -((cni_i128)1 << 126))
#define SMALL(v)   ((v) < ((cni_i128)1 << 125) && (v) > -((cni_i128)1 << 125))

/* Move all but the low 120 bits of `value` to top; gives the rest, 0..2^120-1. */
static cni_i128
split(cni_i128 value, int64_t *inout_top)
{
    *inout_top += (int64_t)(value >> LOW_BITS);
    return (cni_i128)((cni_u128)value & LOW_MASK);
}

void
cni_wide_add(cni_wide_sum *self, cni_i128 item)
{
    cni_i128 value = cni_wide_get(self) + (SMALL(item) ? item : split(item, &self->top));
    if (CN_UNLIKELY(!SETTLED(value))) {
        value = split(value, &self->top);
    }
    cni_wide_set(self, value);
}

void
cni_wide_merge(cni_wide_sum *self, const cni_wide_sum *other)
{
    cni_wide_add(self, cni_wide_get(other));
    self->top += other->top;
}

bool
cni_wide_total(const cni_wide_sum *self, cni_i128 *out_total)
{
    int64_t top = self->top;
    const cni_i128 rest = split(cni_wide_get(self), &top);
    *out_total = (cni_i128)(((cni_u128)(cni_i128)top << LOW_BITS) | (cni_u128)rest);
    return top >= INT8_MIN && top <= INT8_MAX;
}

double
cni_wide_double(const cni_wide_sum *self)
{
    cni_i128 total = 0;
    if (cni_wide_total(self, &total)) {
        return (double)total;
    }
    int64_t top = self->top;
    const cni_i128 rest = split(cni_wide_get(self), &top);
    return ldexp((double)top, LOW_BITS) + (double)rest;
}

static cn_code
out_of_range(const cni_type *type, cn_error *err)
{
    const cn_code code =
        type->id == CNI_TYPE_DECIMAL
            ? CN_FAIL(err, CN_INVALID_DATA, "sum is out of range for type DECIMAL(%d,%d)",
                      (int)type->precision, (int)type->scale)
            : CN_FAIL(err, CN_INVALID_DATA, "sum is out of range for type %s",
                      type->id == CNI_TYPE_INT64 ? "BIGINT" : "HUGEINT");
    cni_error_sqlstate(err, "22003");
    return code;
}

static bool
in_range(const cni_type *type, cni_i128 total)
{
    if (type->id == CNI_TYPE_DECIMAL) {
        return cni_i128_digits(total) <= type->precision;
    }
    return type->id != CNI_TYPE_INT64 || (total >= INT64_MIN && total <= INT64_MAX);
}

cn_code
cni_wide_emit(cni_allocator *allocator, const cni_type *type, const cni_wide_sum *totals,
              const uint8_t *valid, int64_t n, cni_vector *out_vector, cn_error *err)
{
    CN_SCOPED(cni_vector) made = {0};
    const cni_phys phys = cni_type_phys(type);
    CN_TRY(cni_vector_new_flat(allocator, type, phys, n, true, &made, err));
    uint8_t *data = cni_vector_mutable_data(&made);
    uint8_t *validity = cni_vector_mutable_validity(&made);
    const int32_t n_bytes = cni_phys_bytes(phys, type);
    for (int64_t row = 0; row < n; row++) {
        cni_i128 total = 0;
        const bool fits = cni_wide_total(&totals[row], &total);
        if (valid[row] == 0) {
            cni_bit_clear(validity, row);
            total = 0;
        } else if (!fits || !in_range(type, total)) {
            return out_of_range(type, err);
        }
        memcpy(data + row * n_bytes, &total, (size_t)n_bytes);
    }
    cni_vector_move(out_vector, &made);
    return CN_OK;
}

double
cni_average(const cni_type *type, const cni_wide_sum *sum, int64_t n)
{
    double unit = 1;
    if (type->id == CNI_TYPE_DECIMAL) {
        unit = (double)cni_pow10_i128(type->scale);
    }
    return cni_wide_double(sum) / ((double)n * unit);
}
