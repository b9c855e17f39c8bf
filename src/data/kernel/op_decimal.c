/* SPDX-License-Identifier: Apache-2.0
 *
 * DECIMAL arithmetic. Bounds decide the layout: a FLAT input without known bounds gets one pass for
 * its minimum and maximum, interval arithmetic bounds the result, and when that fits 64 bits the
 * wrapping 64-bit kernels run without a check (the hot path of price * (1 - discount) * (1 + tax)).
 * Else 64-bit factors make 128-bit products, and what is wide already is computed in 128 bits,
 * checked against overflow and the precision of the result.
 */
#include "data/kernel/ops_int.h"

#include "data/kernel/wide_int.h"

#define DECIMAL_BLOCK_ROWS 4096

static const char *const signs[CNI_ARITH_COUNT_] = {"+", "-", "*"};

typedef struct decimal_job {
    const cni_op_frame *frame;
    cni_arith_op op;
    const cni_type *type;
    const cni_vector *a;
    const cni_vector *b;
    cni_i128 limit; /* largest magnitude that the precision allows */
    bool is_proved; /* bounds show that no row can exceed the limit */
} decimal_job;

static cni_i128
limit_of(const cni_type *type)
{
    const int32_t digits = type->precision;
    return digits > CNI_DECIMAL_MAX_DIGITS ? CNI_I128_MAX : cni_pow10_i128(digits) - 1;
}

static bool
row_exceeds(const void *context, int64_t row)
{
    const decimal_job *job = context;
    cni_i128 result;
    const bool overflow = cni_op_wide_overflow(job->op, cni_op_wide_at(job->a, row),
                                               cni_op_wide_at(job->b, row), &result);
    return overflow || result < -job->limit || result > job->limit;
}

/* Whether some row of the FLAT result, active or not, is beyond the limit. */
static bool
any_beyond(const decimal_job *job, const cni_vector *result)
{
    const cni_kernels *kernels = job->frame->env->kernels;
    const int64_t narrow[2] = {(int64_t)-job->limit, (int64_t)job->limit};
    const cni_i128 wide[2] = {-job->limit, job->limit};
    const bool is_wide = result->phys == CNI_PHYS_I128;
    const uint8_t *data = result->data;
    uint64_t inside[DECIMAL_BLOCK_ROWS / 64];
    for (int64_t first = 0; first < job->frame->n; first += DECIMAL_BLOCK_ROWS) {
        const int64_t n_block = cni_min_i64(DECIMAL_BLOCK_ROWS, job->frame->n - first);
        kernels->between[result->phys](data + first * (is_wide ? 16 : 8),
                                       is_wide ? (const void *)wide : (const void *)narrow, n_block,
                                       inside);
        const cni_bits bits = {(const uint8_t *)inside, 0};
        if (cni_bits_count(bits, n_block) != n_block) {
            return true;
        }
    }
    return false;
}

static cn_code
check_result(const decimal_job *job, bool has_overflow, const cni_vector *result, cn_error *err)
{
    if (!has_overflow && (job->is_proved || !any_beyond(job, result))) {
        return CN_OK;
    }
    const int64_t row = cni_op_first_failing(job->frame, result->validity, row_exceeds, job);
    return row < 0 ? CN_OK
                   : cni_op_out_of_range(job->frame->env, job->type, signs[job->op], job->a, job->b,
                                         row, err);
}

/* I128 values that are known to fit as I64, FLAT or CONSTANT; `out` is raw. */
static cn_code
narrow_i64(const cni_op_env *env, const cni_vector *vector, cni_vector *out, cn_error *err)
{
    if (vector->phys == CNI_PHYS_I64) {
        cni_vector_copy(out, vector);
        return CN_OK;
    }
    const bool is_constant = vector->encoding == CNI_CONSTANT;
    const int64_t n = is_constant ? cni_min_i64(1, vector->n_rows) : vector->n_rows;
    CN_TRY(cni_vector_new_flat(env->allocator, vector->type, CNI_PHYS_I64, n, false, out, err));
    const cni_i128 *wide = vector->data;
    int64_t *narrow = cni_vector_mutable_data(out);
    for (int64_t row = 0; row < n; row++) {
        narrow[row] = (int64_t)wide[row];
    }
    out->encoding = vector->encoding;
    out->n_rows = vector->n_rows;
    return CN_OK;
}

/* Everything fits 64 bits, by proof: unchecked kernels. */
static cn_code
arith_narrow(const decimal_job *job, const cni_vector *a, const cni_vector *b, cni_vector *result)
{
    const cni_op_frame *frame = job->frame;
    const cni_shape shape = cni_op_shape(frame, a, b);
    frame->env->kernels->arith_wrap[job->op][shape][CNI_PHYS_I64](a->data, b->data, frame->n,
                                                                  cni_vector_mutable_data(result));
    return CN_OK;
}

static cn_code
arith_64(const decimal_job *job, cni_i128 low, cni_i128 high, cni_vector *inout_result,
         cn_error *err)
{
    cni_vector a = {0};
    cni_vector b = {0};
    cn_code code = narrow_i64(job->frame->env, job->a, &a, err);
    if (code == CN_OK) {
        code = narrow_i64(job->frame->env, job->b, &b, err);
    }
    if (code == CN_OK) {
        code = arith_narrow(job, &a, &b, inout_result);
    }
    cni_vector_done(&a);
    cni_vector_done(&b);
    CN_TRY(code);
    CN_TRY(check_result(job, false, inout_result, err));
    inout_result->bounds = (cni_bounds){true, (int64_t)low, (int64_t)high};
    return CN_OK;
}

/* Both sides in 128 bits, or a product of 64-bit factors; gives whether a row overflowed. */
static cn_code
arith_kernel_128(const decimal_job *job, cni_vector *result, bool *out_overflow, cn_error *err)
{
    const cni_op_frame *frame = job->frame;
    const cni_kernels *kernels = frame->env->kernels;
    void *out = cni_vector_mutable_data(result);
    *out_overflow = false;
    if (job->op == CNI_MUL && job->a->phys == CNI_PHYS_I64 && job->b->phys == CNI_PHYS_I64) {
        kernels->mul_wide[cni_op_shape(frame, job->a, job->b)](job->a->data, job->b->data, frame->n,
                                                               out);
        return CN_OK;
    }
    cni_vector a = {0};
    cni_vector b = {0};
    cn_code code = cni_vector_widen_i128(frame->env->allocator, job->a, &a, err);
    if (code == CN_OK) {
        code = cni_vector_widen_i128(frame->env->allocator, job->b, &b, err);
    }
    if (code == CN_OK) {
        const cni_shape shape = cni_op_shape(frame, &a, &b);
        *out_overflow =
            kernels->arith[job->op][shape][CNI_PHYS_I128](a.data, b.data, frame->n, out);
    }
    cni_vector_done(&a);
    cni_vector_done(&b);
    return code;
}

static cn_code
arith_128(const decimal_job *job, cni_vector *inout_result, cn_error *err)
{
    bool overflow;
    CN_TRY(arith_kernel_128(job, inout_result, &overflow, err));
    return check_result(job, overflow, inout_result, err);
}

/* A result of at most 18 digits whose intermediate values may not fit 64 bits. */
static cn_code
arith_128_to_64(const decimal_job *job, const cni_vector *const *inputs, cni_vector *inout_result,
                cn_error *err)
{
    CN_SCOPED(cni_vector) wide = {0};
    bool is_null;
    CN_TRY(cni_op_strict(job->frame, inputs, 2, job->type, CNI_PHYS_I128, &wide, &is_null, err));
    CN_TRY(arith_128(job, &wide, err));
    const cni_i128 *values = wide.data;
    int64_t *out = cni_vector_mutable_data(inout_result);
    for (int64_t row = 0; row < job->frame->n; row++) {
        out[row] = (int64_t)values[row];
    }
    return CN_OK;
}

static bool
fits_64(cni_i128 low, cni_i128 high)
{
    return low >= INT64_MIN && high <= INT64_MAX;
}

cn_code
cni_decimal_arith(const cni_op_env *env, cni_arith_op op, const cni_type *type, const cni_vector *a,
                  const cni_vector *b, cni_vector *inout_result, cn_error *err)
{
    const cni_vector *inputs[] = {a, b};
    cni_op_frame frame;
    cni_op_begin(&frame, env, inputs, 2);
    cni_i128 low = 0;
    cni_i128 high = 0;
    const bool is_known =
        cni_op_interval(op, cni_op_bounds(env, a), cni_op_bounds(env, b), &low, &high);
    const bool is_narrow = is_known && fits_64(low, high);
    const bool must_be_narrow = cni_type_phys(type) == CNI_PHYS_I64;
    bool is_null;
    CN_TRY(cni_op_strict(&frame, inputs, 2, type,
                         is_narrow || must_be_narrow ? CNI_PHYS_I64 : CNI_PHYS_I128, inout_result,
                         &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    if (type->precision > CNI_DECIMAL_MAX_DIGITS || a->phys == CNI_PHYS_I256 ||
        b->phys == CNI_PHYS_I256) {
        return cni_op_refuse(env, signs[op], type, err);
    }
    const cni_i128 limit = limit_of(type);
    const decimal_job job = {
        &frame, op, type, a, b, limit, is_known && low >= -limit && high <= limit};
    if (is_narrow) {
        CN_TRY(arith_64(&job, low, high, inout_result, err));
    } else if (must_be_narrow) {
        CN_TRY(arith_128_to_64(&job, inputs, inout_result, err));
    } else {
        CN_TRY(arith_128(&job, inout_result, err));
    }
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}

/* ---- division ---- */

/* 10 * remainder = digit * divisor + new remainder, where 10 * remainder may not fit 128 bits. */
static cni_u128
next_digit(cni_u128 remainder, cni_u128 divisor, cni_u128 *out_remainder)
{
    cni_u128 digit = 0;
    cni_u128 rest = remainder;
    cni_u128 twice = 0;
    cni_u128 twice_digit = 0;
    for (int doubling = 0; doubling < 3; doubling++) {
        rest *= 2; /* below 2 * 10^38 */
        digit *= 2;
        if (rest >= divisor) {
            rest -= divisor;
            digit++;
        }
        if (doubling == 0) {
            twice = rest;
            twice_digit = digit;
        }
    }
    rest += twice;
    digit += twice_digit;
    if (rest >= divisor) {
        rest -= divisor;
        digit++;
    }
    *out_remainder = rest;
    return digit;
}

/* round_half_away(a * 10^exponent / b), exponent >= 0, b <> 0; false when beyond 128 bits. */
static bool
divide_scaled(cni_i128 a, cni_i128 b, int32_t exponent, cni_i128 *out)
{
    const cni_u128 divisor = cni_i128_magnitude(b);
    cni_u128 quotient = cni_i128_magnitude(a) / divisor;
    cni_u128 remainder = cni_i128_magnitude(a) % divisor;
    for (int32_t digit = 0; digit < exponent; digit++) {
        if (quotient > (cni_u128)CNI_I128_MAX / 10 - 1) {
            return false;
        }
        quotient = quotient * 10 + next_digit(remainder, divisor, &remainder);
    }
    if (remainder >= divisor - remainder) {
        quotient++;
    }
    if (quotient > (cni_u128)CNI_I128_MAX) {
        return false;
    }
    *out = (a < 0) != (b < 0) ? -(cni_i128)quotient : (cni_i128)quotient;
    return true;
}

typedef enum divide_outcome {
    DIVIDE_OK,
    DIVIDE_BY_ZERO,
    DIVIDE_OUT_OF_RANGE
} divide_outcome;

typedef struct divide_plan {
    bool modulo;
    int32_t exponent; /* of ten: scales the dividend when positive, the divisor when negative */
    cni_i128 limit;
} divide_plan;

static divide_outcome
divide_one(const divide_plan *plan, cni_i128 a, cni_i128 b, cni_i128 *out)
{
    if (b == 0) {
        return DIVIDE_BY_ZERO;
    }
    if (plan->modulo) {
        *out = b == -1 ? 0 : a % b;
        return DIVIDE_OK;
    }
    cni_i128 divisor = b;
    if (plan->exponent < 0 && cni_i128_mul_overflow(b, cni_pow10_i128(-plan->exponent), &divisor)) {
        *out = 0; /* the divisor is beyond any dividend */
        return DIVIDE_OK;
    }
    const int32_t exponent = plan->exponent < 0 ? 0 : plan->exponent;
    if (!divide_scaled(a, divisor, exponent, out) || *out > plan->limit || *out < -plan->limit) {
        return DIVIDE_OUT_OF_RANGE;
    }
    return DIVIDE_OK;
}

static cn_code
divide_rows(const cni_op_frame *frame, const divide_plan *plan, const cni_type *type,
            const cni_vector *a, const cni_vector *b, cni_vector *result, cn_error *err)
{
    const char *sign = plan->modulo ? "%" : "/";
    void *out = cni_vector_mutable_data(result);
    for (int64_t row = 0; row < frame->n; row++) {
        cni_i128 quotient = 0;
        const int64_t block = row & ~INT64_C(63);
        const uint64_t active =
            cni_op_active(frame, result->validity, block, cni_min_i64(64, frame->n - block));
        if ((active >> (row & 63)) & 1) {
            const divide_outcome outcome =
                divide_one(plan, cni_op_wide_at(a, row), cni_op_wide_at(b, row), &quotient);
            if (outcome == DIVIDE_BY_ZERO) {
                return cni_op_zero_divisor(frame->env, sign, a, b, row, err);
            }
            if (outcome == DIVIDE_OUT_OF_RANGE) {
                return cni_op_out_of_range(frame->env, type, sign, a, b, row, err);
            }
        }
        if (result->phys == CNI_PHYS_I64) {
            ((int64_t *)out)[row] = (int64_t)quotient;
        } else {
            ((cni_i128 *)out)[row] = quotient;
        }
    }
    return CN_OK;
}

cn_code
cni_decimal_divide(const cni_op_env *env, bool modulo, const cni_type *type, const cni_vector *a,
                   const cni_vector *b, cni_vector *inout_result, cn_error *err)
{
    const cni_vector *inputs[] = {a, b};
    cni_op_frame frame;
    cni_op_begin(&frame, env, inputs, 2);
    bool is_null;
    CN_TRY(
        cni_op_strict(&frame, inputs, 2, type, cni_type_phys(type), inout_result, &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    const divide_plan plan = {modulo, type->scale - a->type->scale + b->type->scale,
                              limit_of(type)};
    const bool is_scaled = plan.exponent >= -CNI_DECIMAL_MAX_DIGITS;
    if (type->precision > CNI_DECIMAL_MAX_DIGITS || a->phys == CNI_PHYS_I256 ||
        b->phys == CNI_PHYS_I256 || !is_scaled) {
        return cni_op_refuse(env, modulo ? "%" : "/", type, err);
    }
    CN_TRY(divide_rows(&frame, &plan, type, a, b, inout_result, err));
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}
