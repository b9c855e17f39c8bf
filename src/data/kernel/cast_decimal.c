/* SPDX-License-Identifier: Apache-2.0
 *
 * Casts from and to DECIMAL. Rounding is half away from zero. A cast that only changes precision
 * shares its input; one from 64 to 64 bits runs in 64 bits when bounds or the precision allow it;
 * everything else goes row by row through 128 bits.
 */
#include <math.h>

#include "data/kernel/cast_int.h"
#include "data/kernel/wide_int.h"

typedef struct decimal_cast {
    const cni_cast_job *job;
    const cni_vector *from; /* BOOL, integers, DECIMAL or DOUBLE */
    int32_t shift;          /* result scale - input scale */
    cni_i128 factor;        /* 10^|shift| */
    cni_i128 low;           /* what the result can hold */
    cni_i128 high;
} decimal_cast;

static int32_t
scale_of(const cni_type *type)
{
    return type->id == CNI_TYPE_DECIMAL ? type->scale : 0;
}

static cni_i128
divide_rounded(cni_i128 value, cni_i128 divisor)
{
    const cni_i128 quotient = value / divisor;
    const cni_i128 rest = value % divisor;
    const cni_u128 twice = 2 * cni_i128_magnitude(rest);
    return twice >= (cni_u128)divisor ? quotient + (value < 0 ? -1 : 1) : quotient;
}

/* The unscaled result of row; false when it does not fit. */
static bool
rescale(const decimal_cast *cast, cni_i128 value, cni_i128 *out)
{
    if (cast->shift < 0) {
        *out = divide_rounded(value, cast->factor);
    } else if (cni_i128_mul_overflow(value, cast->factor, out)) {
        return false;
    }
    return *out >= cast->low && *out <= cast->high;
}

/* Double to unscaled decimal. */
static bool
scale_double(const decimal_cast *cast, double value, cni_i128 *out)
{
    const double scaled = round(value * (double)cast->factor);
    if (!(scaled > -0x1p126 && scaled < 0x1p126 * 1.5)) {
        return false;
    }
    *out = (cni_i128)scaled;
    return *out >= cast->low && *out <= cast->high;
}

static bool
convert_row(const decimal_cast *cast, int64_t row, cni_i128 *out)
{
    if (cast->from->phys == CNI_PHYS_F64) {
        return scale_double(cast, ((const double *)cast->from->data)[row], out);
    }
    return rescale(cast, cni_op_wide_at(cast->from, row), out);
}

static bool
row_fails(const void *context, int64_t row)
{
    cni_i128 ignored;
    return !convert_row(context, row, &ignored);
}

static void
store_wide(cni_vector *result, int64_t row, cni_i128 value)
{
    void *out = cni_vector_mutable_data(result);
    if (result->phys == CNI_PHYS_I64) {
        ((int64_t *)out)[row] = (int64_t)value;
    } else {
        ((cni_i128 *)out)[row] = value;
    }
}

static cn_code
convert_rows(const decimal_cast *cast, cn_error *err)
{
    const cni_cast_job *job = cast->job;
    bool any_failed = false;
    for (int64_t row = 0; row < job->frame->n; row++) {
        cni_i128 value = 0;
        any_failed |= !convert_row(cast, row, &value);
        store_wide(job->result, row, value);
    }
    return any_failed ? cni_cast_failed(job, row_fails, cast, err) : CN_OK;
}

/* I64 -> I64, multiplied by a factor; rows beyond low..high before the product are marked. */
static bool
scale_up_64(const int64_t *restrict from, int64_t n, int64_t factor, int64_t low, int64_t high,
            int64_t *restrict out)
{
    bool any_bad = false;
    for (int64_t row = 0; row < n; row++) {
        any_bad |= (from[row] < low) | (from[row] > high);
        out[row] = (int64_t)((uint64_t)from[row] * (uint64_t)factor);
    }
    return any_bad;
}

static bool
scale_down_64(const int64_t *restrict from, int64_t n, int64_t factor, int64_t low, int64_t high,
              int64_t *restrict out)
{
    bool any_bad = false;
    for (int64_t row = 0; row < n; row++) {
        const int64_t quotient = from[row] / factor;
        const int64_t rest = from[row] - quotient * factor;
        const uint64_t magnitude = rest < 0 ? -(uint64_t)rest : (uint64_t)rest;
        const int64_t away = from[row] < 0 ? -1 : 1;
        const int64_t rounded = quotient + (2 * magnitude >= (uint64_t)factor ? away : 0);
        any_bad |= (rounded < low) | (rounded > high);
        out[row] = rounded;
    }
    return any_bad;
}

static int64_t
clamp_64(cni_i128 value)
{
    return value < INT64_MIN ? INT64_MIN : value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static cn_code
convert_64(const decimal_cast *cast, cn_error *err)
{
    const cni_cast_job *job = cast->job;
    int64_t *out = cni_vector_mutable_data(job->result);
    const int64_t factor = (int64_t)cast->factor;
    const cni_bounds bounds = cast->from->bounds;
    bool any_bad;
    if (cast->shift >= 0) {
        const int64_t low = clamp_64(cast->low) / factor;
        const int64_t high = clamp_64(cast->high) / factor;
        any_bad = scale_up_64(cast->from->data, job->frame->n, factor, low, high, out);
        if (!any_bad && bounds.known && bounds.low >= low && bounds.high <= high) {
            job->result->bounds = (cni_bounds){true, bounds.low * factor, bounds.high * factor};
        }
    } else {
        any_bad = scale_down_64(cast->from->data, job->frame->n, factor, clamp_64(cast->low),
                                clamp_64(cast->high), out);
    }
    return any_bad ? cni_cast_failed(job, row_fails, cast, err) : CN_OK;
}

/* ---- to DECIMAL ---- */

/* Whether the result stays in 64 bits: its precision says so, or the bounds of the input do. */
static bool
result_is_narrow(const cni_op_env *env, const cni_vector *from, const cni_type *type, int32_t shift)
{
    if (cni_type_phys(type) == CNI_PHYS_I64) {
        return true;
    }
    const cni_bounds bounds = cni_op_bounds(env, from);
    if (!bounds.known || shift > 18) {
        return false;
    }
    const int64_t factor = shift <= 0 ? 1 : (int64_t)cni_pow10_i128(shift);
    return bounds.low >= INT64_MIN / factor && bounds.high <= INT64_MAX / factor;
}

static cn_code
to_decimal(const cni_cast_job *job, const cni_vector *from, cn_error *err)
{
    const int32_t shift = job->type->scale - scale_of(from->type);
    const cni_i128 limit = cni_pow10_i128(job->type->precision) - 1;
    const decimal_cast cast = {job,    from,  shift, cni_pow10_i128(shift < 0 ? -shift : shift),
                               -limit, +limit};
    const bool is_narrow =
        cast.factor <= INT64_MAX && from->phys == CNI_PHYS_I64 && job->result->phys == CNI_PHYS_I64;
    return is_narrow ? convert_64(&cast, err) : convert_rows(&cast, err);
}

/* ---- from DECIMAL ---- */

static void
to_double(const cni_vector *from, int64_t n, double *restrict out)
{
    const double divisor = (double)cni_pow10_i128(from->type->scale);
    if (from->phys == CNI_PHYS_I64) {
        const int64_t *values = from->data;
        for (int64_t row = 0; row < n; row++) {
            out[row] = (double)values[row] / divisor;
        }
        return;
    }
    const cni_i128 *values = from->data;
    for (int64_t row = 0; row < n; row++) {
        out[row] = (double)values[row] / divisor;
    }
}

static cn_code
to_integers(const cni_cast_job *job, cni_vector *out_wide, cn_error *err)
{
    const cni_vector *from = job->a;
    CN_TRY(cni_vector_new_flat(job->frame->env->allocator, cni_type_of(CNI_TYPE_HUGEINT),
                               CNI_PHYS_I128, job->frame->n, false, out_wide, err));
    cni_i128 *out = cni_vector_mutable_data(out_wide);
    const cni_i128 factor = cni_pow10_i128(from->type->scale);
    for (int64_t row = 0; row < job->frame->n; row++) {
        out[row] = divide_rounded(cni_op_wide_at(from, row), factor);
    }
    return CN_OK;
}

/* Numbers as a step: HUGEINT for integers and BOOL, DOUBLE for floats. */
static cn_code
from_decimal(const cni_cast_job *job, cn_error *err)
{
    CN_SCOPED(cni_vector) step = {0};
    if (job->result->phys == CNI_PHYS_F64) {
        to_double(job->a, job->frame->n, cni_vector_mutable_data(job->result));
        return CN_OK;
    }
    if (cni_type_is_float(job->type)) {
        CN_TRY(cni_vector_new_flat(job->frame->env->allocator, cni_type_of(CNI_TYPE_FLOAT64),
                                   CNI_PHYS_F64, job->frame->n, false, &step, err));
        to_double(job->a, job->frame->n, cni_vector_mutable_data(&step));
    } else if (job->type->id == CNI_TYPE_BOOL) {
        cni_vector_copy(&step, job->a); /* zero or not, whatever the scale */
    } else {
        CN_TRY(to_integers(job, &step, err));
    }
    cni_vector number = step; /* the numbers with the nulls of the input; borrows */
    number.validity = job->a->validity;
    number.encoding = job->a->encoding;
    const cni_cast_job rest = {job->frame,    &number,     job->type,
                               job->try_cast, job->result, job->shown};
    return cni_cast_number(&rest, err);
}

/* Integers and floats in the layouts that to_decimal reads: I64, I128 or DOUBLE. */
static cn_code
number_step(const cni_cast_job *job, cni_vector *out, cn_error *err)
{
    const cni_vector *a = job->a;
    const bool is_float = cni_type_is_float(a->type);
    const bool is_wide = a->phys == CNI_PHYS_U64 || a->phys == CNI_PHYS_I128;
    const cni_type_id id = is_float  ? CNI_TYPE_FLOAT64
                           : is_wide ? CNI_TYPE_HUGEINT
                                     : CNI_TYPE_INT64;
    const cni_type *type = cni_type_of(id);
    CN_TRY(cni_vector_new_flat(job->frame->env->allocator, type, cni_type_phys(type), job->frame->n,
                               false, out, err));
    const cni_cast_job step = {job->frame, a, type, false, out, job->shown};
    return cni_cast_number(&step, err);
}

cn_code
cni_cast_decimal(const cni_cast_job *job, cn_error *err)
{
    if (job->a->type->id == CNI_TYPE_DECIMAL && job->type->id == CNI_TYPE_DECIMAL) {
        return to_decimal(job, job->a, err);
    }
    if (job->a->type->id == CNI_TYPE_DECIMAL) {
        return from_decimal(job, err);
    }
    if (job->a->phys == CNI_PHYS_I64 || job->a->phys == CNI_PHYS_I128 ||
        job->a->phys == CNI_PHYS_F64) {
        return to_decimal(job, job->a, err);
    }
    CN_SCOPED(cni_vector) step = {0};
    CN_TRY(number_step(job, &step, err));
    return to_decimal(job, &step, err);
}

cni_phys
cni_cast_decimal_phys(const cni_op_env *env, const cni_vector *a, const cni_type *type)
{
    const int32_t shift = type->scale - scale_of(a->type);
    return result_is_narrow(env, a, type, shift) ? CNI_PHYS_I64 : CNI_PHYS_I128;
}
