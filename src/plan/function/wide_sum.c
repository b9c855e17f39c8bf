/* SPDX-License-Identifier: Apache-2.0
 *
 * Exact sums of integers and decimals; see wide_sum.h.
 */
#include "plan/function/wide_sum.h"

#include <math.h>

#include "plan/function/cell.h"

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

/* item = upper * 2^64 + lower: both products fit 128 bits. */
void
cni_wide_add_times(cni_wide_sum *self, cni_i128 item, int64_t n)
{
    const cni_i128 upper = (item >> 64) * (cni_i128)n;
    cni_wide_add(self, (cni_i128)(uint64_t)item * (cni_i128)n);
    self->top += (int64_t)(upper >> (LOW_BITS - 64));
    cni_wide_add(self, (cni_i128)(((cni_u128)upper << 64) & LOW_MASK));
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

/* 192 bits in two's complement, little-endian, without the bytes that only repeat the sign. */
int32_t
cni_wide_to_bytes(const cni_wide_sum *self, char out_bytes[CNI_WIDE_BYTES_MAX])
{
    int64_t top = self->top;
    const cni_u128 rest = (cni_u128)split(cni_wide_get(self), &top);
    const uint64_t words[3] = {(uint64_t)rest, (uint64_t)(rest >> 64) | ((uint64_t)top << 56),
                               (uint64_t)(top >> 8)};
    const char sign = top < 0 ? -1 : 0;
    int32_t n_bytes = CNI_WIDE_BYTES_MAX;
    memcpy(out_bytes, words, sizeof(words));
    while (n_bytes > 1 && out_bytes[n_bytes - 1] == sign &&
           ((out_bytes[n_bytes - 2] ^ sign) & 0x80) == 0) {
        n_bytes--;
    }
    return n_bytes;
}

cni_wide_sum
cni_wide_from_bytes(cni_str bytes)
{
    uint64_t words[3];
    const int64_t n_bytes = cni_min_i64(bytes.len_bytes, CNI_WIDE_BYTES_MAX);
    const bool negative = n_bytes > 0 && (bytes.data[n_bytes - 1] & 0x80) != 0;
    memset(words, negative ? 0xff : 0, sizeof(words));
    if (n_bytes > 0) {
        memcpy(words, bytes.data, (size_t)n_bytes);
    }
    return (cni_wide_sum){
        .low = words[0],
        .high = (int64_t)(words[1] & (UINT64_MAX >> 8)),
        .top = (int64_t)((words[2] << 8) | (words[1] >> 56)),
    };
}

/* Few sums are too long to lie in their view: only those are in `bytes`. */
static cn_code
emit_bytes(cni_allocator *allocator, const cni_type *type, const cni_wide_sum *totals,
           const uint8_t *valid, int64_t n, cni_vector *out_vector, cn_error *err)
{
    CN_SCOPED(cni_cell_rows) rows = {0};
    char(*bytes)[CNI_WIDE_BYTES_MAX] = NULL;
    CN_TRY(cni_cell_rows_new(allocator, n, &rows, err));
    CN_TRY(cni_alloc_array(allocator, n, CNI_WIDE_BYTES_MAX, &bytes, err));
    for (int64_t row = 0; row < n; row++) {
        if (valid[row] != 0) {
            const int32_t n_bytes = cni_wide_to_bytes(&totals[row], bytes[row]);
            const cni_view view = cni_view_make(bytes[row], (uint32_t)n_bytes);
            cni_cell cell;
            memcpy(cell.words, &view, sizeof(view));
            cni_cell_rows_put(&rows, row, &cell);
        }
    }
    const cn_code code = cni_cell_rows_finish(&rows, type, out_vector, err);
    cni_dealloc(allocator, bytes, n * CNI_WIDE_BYTES_MAX);
    return code;
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
    if (type->id == CNI_TYPE_BLOB) {
        return emit_bytes(allocator, type, totals, valid, n, out_vector, err);
    }
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
