/* SPDX-License-Identifier: Apache-2.0
 *
 * a + b, a - b, a * b and -a on vectors of integers and floats (DECIMAL: op_decimal.c). With proved
 * bounds on both sides the result's bounds follow by interval arithmetic; when they fit the layout
 * the wrapping kernel runs without checks. Otherwise the checked kernel's flag starts a scan for
 * the first active row that overflows.
 */
#include "data/kernel/ops_int.h"

#include "data/kernel/wide_int.h"

static const char *const signs[CNI_ARITH_COUNT_] = {"+", "-", "*"};

typedef struct wide_range {
    cni_i128 low;
    cni_i128 high;
} wide_range;

/* What an integer layout can hold. */
static wide_range
range_of_phys(cni_phys phys)
{
    switch (phys) {
    case CNI_PHYS_I8:
        return (wide_range){INT8_MIN, INT8_MAX};
    case CNI_PHYS_I16:
        return (wide_range){INT16_MIN, INT16_MAX};
    case CNI_PHYS_I32:
        return (wide_range){INT32_MIN, INT32_MAX};
    case CNI_PHYS_I64:
        return (wide_range){INT64_MIN, INT64_MAX};
    case CNI_PHYS_U8:
        return (wide_range){0, UINT8_MAX};
    case CNI_PHYS_U16:
        return (wide_range){0, UINT16_MAX};
    case CNI_PHYS_U32:
        return (wide_range){0, UINT32_MAX};
    case CNI_PHYS_U64:
        return (wide_range){0, UINT64_MAX};
    default:
        return (wide_range){CNI_I128_MIN, CNI_I128_MAX};
    }
}

cni_bounds
cni_op_bounds(const cni_op_env *env, const cni_vector *vector)
{
    const cni_bounds unknown = {.known = false};
    const cni_phys phys = (cni_phys)vector->phys;
    if (vector->bounds.known) {
        return vector->bounds;
    }
    if (phys < CNI_PHYS_I8 || phys > CNI_PHYS_I128) {
        return unknown;
    }
    const bool is_constant = vector->encoding == CNI_CONSTANT;
    const int64_t n = is_constant ? cni_min_i64(1, vector->n_rows) : vector->n_rows;
    _Alignas(16) uint8_t low[16];
    _Alignas(16) uint8_t high[16];
    if (!env->kernels->min_max[phys](vector->data, vector->validity, n, low, high)) {
        return unknown;
    }
    cni_vector ends = {.phys = vector->phys, .encoding = CNI_FLAT, .data = low};
    const cni_i128 wide_low = cni_op_wide_at(&ends, 0);
    ends.data = high;
    const cni_i128 wide_high = cni_op_wide_at(&ends, 0);
    if (wide_low < INT64_MIN || wide_high > INT64_MAX) {
        return unknown;
    }
    return (cni_bounds){true, (int64_t)wide_low, (int64_t)wide_high};
}

bool
cni_op_interval(cni_arith_op op, cni_bounds a, cni_bounds b, cni_i128 *out_low, cni_i128 *out_high)
{
    if (!a.known || !b.known) {
        return false;
    }
    if (op == CNI_ADD) {
        *out_low = (cni_i128)a.low + b.low;
        *out_high = (cni_i128)a.high + b.high;
    } else if (op == CNI_SUB) {
        *out_low = (cni_i128)a.low - b.high;
        *out_high = (cni_i128)a.high - b.low;
    } else {
        const cni_i128 corners[4] = {(cni_i128)a.low * b.low, (cni_i128)a.low * b.high,
                                     (cni_i128)a.high * b.low, (cni_i128)a.high * b.high};
        *out_low = corners[0];
        *out_high = corners[0];
        for (int corner = 1; corner < 4; corner++) {
            *out_low = corners[corner] < *out_low ? corners[corner] : *out_low;
            *out_high = corners[corner] > *out_high ? corners[corner] : *out_high;
        }
    }
    return true;
}

typedef struct arith_job {
    cni_arith_op op;
    const cni_vector *a;
    const cni_vector *b;
    wide_range range;
} arith_job;

bool
cni_op_wide_overflow(cni_arith_op op, cni_i128 a, cni_i128 b, cni_i128 *out)
{
    return op == CNI_ADD   ? cni_i128_add_overflow(a, b, out)
           : op == CNI_SUB ? cni_i128_sub_overflow(a, b, out)
                           : cni_i128_mul_overflow(a, b, out);
}

static bool
row_overflows(const void *context, int64_t row)
{
    const arith_job *job = context;
    cni_i128 result;
    const bool overflow = cni_op_wide_overflow(job->op, cni_op_wide_at(job->a, row),
                                               cni_op_wide_at(job->b, row), &result);
    return overflow || result < job->range.low || result > job->range.high;
}

static cn_code
arith_checked(const cni_op_frame *frame, cni_arith_op op, const cni_type *type, const cni_vector *a,
              const cni_vector *b, cni_vector *result, cn_error *err)
{
    const cni_phys phys = (cni_phys)a->phys;
    const cni_arith_fn kernel = frame->env->kernels->arith[op][cni_op_shape(frame, a, b)][phys];
    if (!kernel(a->data, b->data, frame->n, cni_vector_mutable_data(result))) {
        return CN_OK;
    }
    const arith_job job = {op, a, b, range_of_phys(phys)};
    const int64_t row = cni_op_first_failing(frame, result->validity, row_overflows, &job);
    return row < 0 ? CN_OK : cni_op_out_of_range(frame->env, type, signs[op], a, b, row, err);
}

/* Runs the wrapping kernel when known bounds prove that nothing can overflow. */
static bool
arith_proved(const cni_op_frame *frame, cni_arith_op op, const cni_vector *a, const cni_vector *b,
             cni_vector *result)
{
    const cni_phys phys = (cni_phys)a->phys;
    const wide_range range = range_of_phys(phys);
    cni_i128 low;
    cni_i128 high;
    if (!cni_op_interval(op, a->bounds, b->bounds, &low, &high) || low < range.low ||
        high > range.high) {
        return false;
    }
    const cni_arith_wrap_fn kernel =
        frame->env->kernels->arith_wrap[op][cni_op_shape(frame, a, b)][phys];
    if (kernel == NULL) {
        return false;
    }
    kernel(a->data, b->data, frame->n, cni_vector_mutable_data(result));
    if (low >= INT64_MIN && high <= INT64_MAX) {
        result->bounds = (cni_bounds){true, (int64_t)low, (int64_t)high};
    }
    return true;
}

/* DATE - DATE: days as BIGINT, which cannot overflow. */
static cn_code
subtract_dates(const cni_op_env *env, const cni_type *type, const cni_vector *a,
               const cni_vector *b, cni_vector *inout_result, cn_error *err)
{
    const cni_vector *inputs[] = {a, b};
    cni_op_frame frame;
    cni_op_begin(&frame, env, inputs, 2);
    bool is_null;
    CN_TRY(cni_op_strict(&frame, inputs, 2, type, CNI_PHYS_I64, inout_result, &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    const int32_t *days_a = a->data;
    const int32_t *days_b = b->data;
    int64_t *out = cni_vector_mutable_data(inout_result);
    for (int64_t row = 0; row < frame.n; row++) {
        out[row] = (int64_t)days_a[cni_op_at(a, row)] - days_b[cni_op_at(b, row)];
    }
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}

cn_code
cni_op_arith(const cni_op_env *env, cni_arith_op op, const cni_type *type, const cni_vector *a,
             const cni_vector *b, cni_vector *inout_result, cn_error *err)
{
    if (type->id == CNI_TYPE_DECIMAL) {
        return cni_decimal_arith(env, op, type, a, b, inout_result, err);
    }
    if (op == CNI_SUB && type->id == CNI_TYPE_INT64 && a->type->id == CNI_TYPE_DATE &&
        b->type->id == CNI_TYPE_DATE) {
        return subtract_dates(env, type, a, b, inout_result, err);
    }
    const cni_phys phys = cni_type_phys(type);
    const cni_vector *inputs[] = {a, b};
    cni_op_frame frame;
    cni_op_begin(&frame, env, inputs, 2);
    bool is_null;
    CN_TRY(cni_op_strict(&frame, inputs, 2, type, phys, inout_result, &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    if (a->phys != phys || b->phys != phys || env->kernels->arith[op][CNI_VV][phys] == NULL) {
        return cni_op_refuse(env, signs[op], type, err);
    }
    if (!arith_proved(&frame, op, a, b, inout_result)) {
        CN_TRY(arith_checked(&frame, op, type, a, b, inout_result, err));
    }
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}

/* ---- negation ---- */

static bool
negate_intervals(const cni_interval *items, int64_t n, cni_interval *out)
{
    bool overflow = false;
    for (int64_t row = 0; row < n; row++) {
        overflow |= __builtin_sub_overflow(0, items[row].months, &out[row].months);
        overflow |= __builtin_sub_overflow(0, items[row].days, &out[row].days);
        overflow |= __builtin_sub_overflow(0, items[row].nanos, &out[row].nanos);
    }
    return overflow;
}

static bool
interval_has_no_opposite(const void *context, int64_t row)
{
    const cni_vector *a = context;
    const cni_interval *item = (const cni_interval *)a->data + cni_op_at(a, row);
    return item->months == INT32_MIN || item->days == INT32_MIN || item->nanos == INT64_MIN;
}

static bool
integer_has_no_opposite(const void *context, int64_t row)
{
    const cni_vector *a = context;
    const wide_range range = range_of_phys((cni_phys)a->phys);
    const cni_i128 value = cni_op_wide_at(a, row);
    return value == CNI_I128_MIN || -value < range.low || -value > range.high;
}

static void
negate_floats(const cni_vector *a, int64_t n, void *out)
{
    if (a->phys == CNI_PHYS_F32) {
        const float *items = a->data;
        float *opposite = out;
        for (int64_t row = 0; row < n; row++) {
            opposite[row] = -items[row];
        }
        return;
    }
    const double *items = a->data;
    double *opposite = out;
    for (int64_t row = 0; row < n; row++) {
        opposite[row] = -items[row];
    }
}

static void
negate_bounds(const cni_vector *a, cni_vector *result)
{
    if (a->bounds.known && a->bounds.low != INT64_MIN) {
        result->bounds = (cni_bounds){true, -a->bounds.high, -a->bounds.low};
    }
}

static cn_code
negate_failed(const cni_op_env *env, const cni_vector *a, int64_t row, cn_error *err)
{
    char type[CNI_OP_TEXT_BYTES];
    char value[CNI_OP_TEXT_BYTES];
    cni_op_type_text(env, a->type, type);
    cni_op_value_text(env, a, row, value);
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "%s out of range: -(%s)", type, value);
    cni_error_sqlstate(err, "22003");
    return code;
}

static cn_code
negate_run(const cni_op_frame *frame, const cni_vector *a, cni_vector *result, cn_error *err)
{
    const cni_phys phys = (cni_phys)a->phys;
    void *out = cni_vector_mutable_data(result);
    if (phys == CNI_PHYS_F32 || phys == CNI_PHYS_F64) {
        negate_floats(a, frame->n, out);
        return CN_OK;
    }
    bool overflow;
    bool (*fails)(const void *context, int64_t row) = integer_has_no_opposite;
    if (phys == CNI_PHYS_INTERVAL) {
        overflow = negate_intervals(a->data, frame->n, out);
        fails = interval_has_no_opposite;
    } else {
        const cni_i128 zero = 0;
        overflow = frame->env->kernels->arith[CNI_SUB][CNI_CV][phys](&zero, a->data, frame->n, out);
    }
    negate_bounds(a, result);
    const int64_t row = overflow ? cni_op_first_failing(frame, a->validity, fails, a) : -1;
    return row < 0 ? CN_OK : negate_failed(frame->env, a, row, err);
}

cn_code
cni_op_negate(const cni_op_env *env, const cni_vector *a, cni_vector *inout_result, cn_error *err)
{
    cni_op_frame frame;
    cni_op_begin(&frame, env, &a, 1);
    bool is_null;
    CN_TRY(cni_op_strict(&frame, &a, 1, a->type, (cni_phys)a->phys, inout_result, &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    const bool is_number = cni_type_is_numeric(a->type) || a->type->id == CNI_TYPE_DURATION;
    const bool has_kernel = env->kernels->arith[CNI_SUB][CNI_CV][a->phys] != NULL;
    if (a->phys != CNI_PHYS_INTERVAL && (!is_number || !has_kernel)) {
        return cni_op_refuse(env, "-", a->type, err);
    }
    CN_TRY(negate_run(&frame, a, inout_result, err));
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}
