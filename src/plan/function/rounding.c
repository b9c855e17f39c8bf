/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of one number that keep its kind: abs, sign, ceil, floor, round, trunc, and gcd, lcm.
 *
 * Integers stay what they are, decimals lose places after the point in their type, floats stay
 * floats. Decimals round half away from zero, floats half to even (as PostgreSQL does); rounding a
 * float to n places scales by 10^n. Exact work goes through 128 bits.
 */
#include <math.h>

#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

typedef enum rounding {
    ROUND_HALF,
    ROUND_DOWN, /* floor */
    ROUND_UP,   /* ceil */
    ROUND_ZERO  /* trunc */
} rounding;

/* ---- exact parts ---- */

static cn_code
out_of_range(cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "the result is out of range of its type");
    cni_error_sqlstate(err, "22003");
    return code;
}

/* value / 10^places, rounded. */
static cni_i128
scale_down(cni_i128 value, int32_t places, rounding how)
{
    if (places > CNI_DECIMAL_MAX_DIGITS) {
        return how == ROUND_DOWN && value < 0 ? -1 : how == ROUND_UP && value > 0 ? 1 : 0;
    }
    const cni_i128 unit = cni_pow10_i128(places);
    const cni_i128 quotient = value / unit;
    const cni_i128 rest = value % unit;
    switch (how) {
    case ROUND_DOWN:
        return quotient - (rest < 0 ? 1 : 0);
    case ROUND_UP:
        return quotient + (rest > 0 ? 1 : 0);
    case ROUND_HALF: {
        const cni_i128 size = rest < 0 ? -rest : rest;
        const cni_i128 away = value < 0 ? -1 : 1;
        return size >= unit - size ? quotient + away : quotient;
    }
    default:
        return quotient;
    }
}

/* Into any integer layout; false when it does not fit. */
static bool
store_wide(cni_phys phys, void *data, int64_t row, cni_i128 value)
{
    switch (phys) {
    case CNI_PHYS_I8:
        ((int8_t *)data)[row] = (int8_t)value;
        return value == (int8_t)value;
    case CNI_PHYS_I16:
        ((int16_t *)data)[row] = (int16_t)value;
        return value == (int16_t)value;
    case CNI_PHYS_I32:
        ((int32_t *)data)[row] = (int32_t)value;
        return value == (int32_t)value;
    case CNI_PHYS_I64:
        ((int64_t *)data)[row] = (int64_t)value;
        return value == (int64_t)value;
    case CNI_PHYS_U8:
        ((uint8_t *)data)[row] = (uint8_t)value;
        return value == (uint8_t)value;
    case CNI_PHYS_U16:
        ((uint16_t *)data)[row] = (uint16_t)value;
        return value == (uint16_t)value;
    case CNI_PHYS_U32:
        ((uint32_t *)data)[row] = (uint32_t)value;
        return value == (uint32_t)value;
    case CNI_PHYS_U64:
        ((uint64_t *)data)[row] = (uint64_t)value;
        return value == (cni_i128)(uint64_t)value;
    default:
        memcpy((uint8_t *)data + row * 16, &value, sizeof(value));
        return true;
    }
}

typedef struct exact_parameters {
    rounding how;
    int32_t places; /* dropped from the unscaled value */
    int32_t zeros;  /* put back: 10^zeros */
} exact_parameters;

typedef bool (*exact_fn)(const exact_parameters *parameters, cni_i128 value, cni_i128 *out_value);

/* out = fn(argument 0) over integers and decimals. */
static cn_code
map_exact(const cni_scalar_call *call, exact_fn fn, const exact_parameters *parameters,
          cni_vector *inout_result, cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    void *out = NULL;
    const cni_reader in = cni_reader_of(call->args[0]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    const cni_phys phys = (cni_phys)inout_result->phys;
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        cni_i128 value = 0;
        const bool fits = fn(parameters, cni_read_wide(&in, row), &value);
        if ((!store_wide(phys, out, row, value) || !fits) && cni_word_bit(alive, row)) {
            return out_of_range(err);
        }
    }
    return CN_OK;
}

static bool
exact_abs(const exact_parameters *parameters, cni_i128 value, cni_i128 *out_value)
{
    (void)parameters;
    *out_value = value < 0 ? (cni_i128)(0 - (cni_u128)value) : value;
    return *out_value >= 0;
}

static bool
exact_sign(const exact_parameters *parameters, cni_i128 value, cni_i128 *out_value)
{
    (void)parameters;
    *out_value = (value > 0) - (value < 0);
    return true;
}

static bool
exact_round(const exact_parameters *parameters, cni_i128 value, cni_i128 *out_value)
{
    const cni_i128 rounded = scale_down(value, parameters->places, parameters->how);
    if (parameters->zeros > CNI_DECIMAL_MAX_DIGITS) {
        *out_value = 0;
        return rounded == 0;
    }
    return !__builtin_mul_overflow(rounded, cni_pow10_i128(parameters->zeros), out_value);
}

/* ---- floats ---- */

typedef double (*float_fn)(double value);

static double
float_sign(double value)
{
    return (double)((value > 0) - (value < 0));
}

static cn_code
map_float(const cni_scalar_call *call, float_fn fn, cni_vector *inout_result, cn_error *err)
{
    void *out = NULL;
    const cni_reader in = cni_reader_of(call->args[0]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const int64_t index = row & in.mask;
        if (in.phys == CNI_PHYS_F32) {
            ((float *)out)[row] = (float)fn((double)((const float *)in.data)[index]);
        } else {
            ((double *)out)[row] = fn(((const double *)in.data)[index]);
        }
    }
    return CN_OK;
}

/* ---- abs, sign ---- */

static cn_code
resolve_same(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    if (question->n_args == 1 && cni_resolve_number(question, 0)) {
        question->out_type = question->out_arg_types[0];
        question->out_matched = true;
    }
    return CN_OK;
}

static cn_code
evaluate_abs(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
             cn_error *err)
{
    (void)self;
    return cni_type_is_float(call->type) ? map_float(call, fabs, inout_result, err)
                                         : map_exact(call, exact_abs, NULL, inout_result, err);
}

static cn_code
resolve_sign(const cni_function *self, cni_resolve *question, cn_error *err)
{
    CN_TRY(resolve_same(self, question, err));
    if (question->out_matched && !cni_type_is_float(question->out_type)) {
        question->out_type = cni_type_of(CNI_TYPE_INT8);
    }
    return CN_OK;
}

static cn_code
evaluate_sign(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    (void)self;
    return cni_type_is_float(call->type) ? map_float(call, float_sign, inout_result, err)
                                         : map_exact(call, exact_sign, NULL, inout_result, err);
}

/* ---- rounding ---- */

typedef struct rounder {
    rounding how;
    float_fn real;
} rounder;

/* Type of a decimal with `places` places left. */
static const cni_type *
rounded_decimal(const cni_type *type, int32_t places, rounding how)
{
    const int32_t whole = type->precision - type->scale + (how == ROUND_ZERO ? 0 : 1);
    const int32_t precision = whole + places;
    const int32_t at_least = precision < 1 ? 1 : precision;
    return cni_type_decimal(at_least > CNI_DECIMAL_MAX_DIGITS ? CNI_DECIMAL_MAX_DIGITS : at_least,
                            places);
}

/* The literal second argument; false when it is no literal. */
static bool
literal_places(const cni_resolve *question, int32_t *out_places)
{
    const cni_value *literal = question->arg_literals == NULL ? NULL : question->arg_literals[1];
    if (literal == NULL || literal->is_null || !cni_type_is_integer(literal->type) ||
        cni_type_phys(literal->type) == CNI_PHYS_I128) {
        return false;
    }
    const int64_t most = 2 * CNI_DECIMAL_MAX_DIGITS;
    *out_places = (int32_t)cni_max_i64(cni_min_i64(literal->as.i64, most), -most);
    return true;
}

static cn_code
resolve_round(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const rounder *how = self->private_data;
    int32_t places = 0;
    (void)err;
    if (question->n_args < 1 || question->n_args > 2 || !cni_resolve_number(question, 0)) {
        return CN_OK;
    }
    if (question->n_args == 2 && !cni_resolve_want(question, 1, cni_type_of(CNI_TYPE_INT32))) {
        return CN_OK;
    }
    const cni_type *type = question->out_arg_types[0];
    question->out_type = type;
    question->out_matched = true;
    if (type->id != CNI_TYPE_DECIMAL) {
        return CN_OK;
    }
    if (question->n_args == 2 && !literal_places(question, &places)) {
        question->out_type = rounded_decimal(type, type->scale, how->how);
    } else if (places < type->scale) {
        question->out_type = rounded_decimal(type, places < 0 ? 0 : places, how->how);
    }
    return CN_OK;
}

static double
round_to_places(double value, int32_t places, float_fn fn)
{
    if (!isfinite(value) || places > 300) {
        return value;
    }
    if (places < -308) {
        return 0.0;
    }
    const double unit = pow(10.0, (double)(places < 0 ? -places : places));
    const double scaled = fn(places < 0 ? value / unit : value * unit);
    const double back = places < 0 ? scaled * unit : scaled / unit;
    return isfinite(scaled) ? back : value;
}

static cn_code
round_floats(const cni_scalar_call *call, float_fn fn, cni_vector *inout_result, cn_error *err)
{
    void *out = NULL;
    const cni_reader in = cni_reader_of(call->args[0]);
    const cni_reader places = cni_reader_of(call->args[1]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const int64_t index = row & in.mask;
        const int32_t n_places = cni_read_i32(&places, row);
        if (in.phys == CNI_PHYS_F32) {
            const double value = (double)((const float *)in.data)[index];
            ((float *)out)[row] = (float)round_to_places(value, n_places, fn);
        } else {
            ((double *)out)[row] = round_to_places(((const double *)in.data)[index], n_places, fn);
        }
    }
    return CN_OK;
}

/* What to drop and put back so that a value of type `from` has `places` places in type `to`. */
static exact_parameters
exact_places(rounding how, int32_t places, const cni_type *from, const cni_type *to)
{
    const int32_t kept = places < from->scale ? places : from->scale;
    return (exact_parameters){how, from->scale - kept, to->scale - kept};
}

static cn_code
round_exact_rows(const cni_scalar_call *call, rounding how, cni_vector *inout_result, cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    void *out = NULL;
    const cni_reader in = cni_reader_of(call->args[0]);
    const cni_reader places = cni_reader_of(call->args[1]);
    const cni_type *from = call->args[0]->type;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const int64_t wanted = cni_max_i64(cni_read_i32(&places, row), -100);
        const exact_parameters parameters =
            exact_places(how, (int32_t)cni_min_i64(wanted, 100), from, call->type);
        cni_i128 value = 0;
        const bool fits = exact_round(&parameters, cni_read_wide(&in, row), &value);
        if ((!store_wide((cni_phys)inout_result->phys, out, row, value) || !fits) &&
            cni_word_bit(alive, row)) {
            return out_of_range(err);
        }
    }
    return CN_OK;
}

static cn_code
evaluate_round(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
               cn_error *err)
{
    const rounder *how = self->private_data;
    if (cni_type_is_float(call->type)) {
        return call->n_args == 1 ? map_float(call, how->real, inout_result, err)
                                 : round_floats(call, how->real, inout_result, err);
    }
    if (call->n_args == 2) {
        return round_exact_rows(call, how->how, inout_result, err);
    }
    const exact_parameters parameters = exact_places(how->how, 0, call->args[0]->type, call->type);
    return map_exact(call, exact_round, &parameters, inout_result, err);
}

/* ---- gcd, lcm ---- */

static cni_u128
size_of(cni_i128 value)
{
    return value < 0 ? 0 - (cni_u128)value : (cni_u128)value;
}

static cni_u128
greatest_divisor(cni_u128 a, cni_u128 b)
{
    while (b != 0) {
        const cni_u128 rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static cn_code
resolve_integers(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const cni_type *type = NULL;
    (void)self;
    if (question->n_args != 2) {
        return CN_OK;
    }
    CN_TRY(cni_common_type(question->arena, question->arg_types[0], question->arg_types[1], &type,
                           err));
    if (type == NULL || !cni_type_is_integer(type)) {
        type = cni_type_of(CNI_TYPE_INT64);
    }
    if (cni_resolve_want(question, 0, type) && cni_resolve_want(question, 1, type)) {
        question->out_type = type;
        question->out_matched = true;
    }
    return CN_OK;
}

static const bool wants_lcm = true;

static cn_code
evaluate_divisor(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    const bool lcm = self->private_data == &wants_lcm;
    uint64_t alive[CNI_ROWS_WORDS];
    void *out = NULL;
    const cni_reader a = cni_reader_of(call->args[0]);
    const cni_reader b = cni_reader_of(call->args[1]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const cni_u128 x = size_of(cni_read_wide(&a, row));
        const cni_u128 y = size_of(cni_read_wide(&b, row));
        cni_u128 value = greatest_divisor(x, y);
        bool fits = true;
        if (lcm) {
            fits = value == 0 || !__builtin_mul_overflow(x / value, y, &value);
        }
        fits = fits && value <= (cni_u128)CNI_I128_MAX;
        if ((!store_wide((cni_phys)inout_result->phys, out, row, (cni_i128)value) || !fits) &&
            cni_word_bit(alive, row)) {
            return out_of_range(err);
        }
    }
    return CN_OK;
}

/* ---- the table ---- */

static const rounder round_half = {ROUND_HALF, rint};
static const rounder round_down = {ROUND_DOWN, floor};
static const rounder round_up = {ROUND_UP, ceil};
static const rounder round_zero = {ROUND_ZERO, trunc};

#define ROUND_ROW(row_name, row_description, row_example, how)                                     \
    {CNI_ROW_PURE(row_name, row_description, row_example),                                         \
     .may_error = true,                                                                            \
     .monotone = 1,                                                                                \
     .cost_ns = 2.0,                                                                               \
     .resolve = resolve_round,                                                                     \
     .private_data = &(how),                                                                       \
     .evaluate = evaluate_round}

static const cni_function rounding_table[] = {
    {CNI_ROW_PURE("abs", "Absolute value.", "abs(-17)"), .may_error = true, .cost_ns = 2.0,
     .resolve = resolve_same, .evaluate = evaluate_abs},
    {CNI_ROW_PURE("sign", "-1, 0 or 1 by the sign of the number.", "sign(-349)"), .monotone = 1,
     .cost_ns = 2.0, .resolve = resolve_sign, .evaluate = evaluate_sign},
    ROUND_ROW("ceil", "Smallest whole number that is not less.", "ceil(17.4)", round_up),
    ROUND_ROW("ceiling", "Smallest whole number that is not less.", "ceiling(17.4)", round_up),
    ROUND_ROW("floor", "Largest whole number that is not greater.", "floor(17.4)", round_down),
    ROUND_ROW("round", "Rounds to n places (0): decimals half away from zero, floats half to even.",
              "round(42.4332, 2)", round_half),
    ROUND_ROW("trunc", "Cuts to n places (0), towards zero.", "trunc(42.9)", round_zero),
    {CNI_ROW_PURE("gcd", "Greatest common divisor.", "gcd(42, 57)"), .may_error = true,
     .cost_ns = 20.0, .resolve = resolve_integers, .evaluate = evaluate_divisor},
    {CNI_ROW_PURE("greatest_common_divisor", "Greatest common divisor.",
                  "greatest_common_divisor(42, 57)"),
     .may_error = true, .cost_ns = 20.0, .resolve = resolve_integers, .evaluate = evaluate_divisor},
    {CNI_ROW_PURE("lcm", "Least common multiple.", "lcm(42, 57)"), .may_error = true,
     .cost_ns = 25.0, .resolve = resolve_integers, .private_data = &wants_lcm,
     .evaluate = evaluate_divisor},
    {CNI_ROW_PURE("least_common_multiple", "Least common multiple.",
                  "least_common_multiple(42, 57)"),
     .may_error = true, .cost_ns = 25.0, .resolve = resolve_integers, .private_data = &wants_lcm,
     .evaluate = evaluate_divisor},
};

const cni_function *
cni_builtin_rounding(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(rounding_table);
    return rounding_table;
}
