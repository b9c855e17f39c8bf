/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic operators + - * / // % and negation over numbers, dates, timestamps and intervals.
 *
 * Typing: integers meet in the wider one and / truncates; a DECIMAL with an integer stays DECIMAL
 * (a literal counts its own digits, so 1 - x costs one digit); decimal * adds scales, + and - keep
 * the larger, both capped at 38 digits with an overflow error at run time; / of decimals and
 * anything with a DOUBLE is DOUBLE; a string literal becomes what the other side is. Overflow and a
 * zero divisor raise.
 *
 * The loops are the kernels' (data/kernel/ops.h); powers are in math.c.
 */
#include <math.h>

#include "data/column/datetime.h"
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

/* ---- typing of numbers ---- */

/* A side of an operator as a decimal; scale 0 for integers. */
typedef struct decimal_shape {
    int32_t precision;
    int32_t scale;
} decimal_shape;

static int32_t
integer_digits(const cni_type *type)
{
    switch (type->id) {
    case CNI_TYPE_INT8:
    case CNI_TYPE_UINT8:
        return 3;
    case CNI_TYPE_INT16:
    case CNI_TYPE_UINT16:
        return 5;
    case CNI_TYPE_INT32:
    case CNI_TYPE_UINT32:
        return 10;
    case CNI_TYPE_INT64:
        return 19;
    case CNI_TYPE_UINT64:
        return 20;
    default:
        return CNI_DECIMAL_MAX_DIGITS;
    }
}

static cni_i128
literal_integer(const cni_value *literal)
{
    switch (cni_type_phys(literal->type)) {
    case CNI_PHYS_U64:
        return (cni_i128)literal->as.u64;
    case CNI_PHYS_I128:
        return literal->as.i128;
    default:
        return literal->as.i64;
    }
}

static decimal_shape
shape_of(const cni_resolve *question, int32_t arg)
{
    const cni_type *type = question->arg_types[arg];
    const cni_value *literal = question->arg_literals == NULL ? NULL : question->arg_literals[arg];
    if (type->id == CNI_TYPE_DECIMAL) {
        return (decimal_shape){type->precision, type->scale};
    }
    if (literal != NULL && !literal->is_null && cni_type_is_integer(literal->type)) {
        const int32_t digits = cni_i128_digits(literal_integer(literal));
        const int32_t most = CNI_DECIMAL_MAX_DIGITS;
        return (decimal_shape){digits > most ? most : digits, 0};
    }
    return (decimal_shape){integer_digits(type), 0};
}

/* What a NULL or a string literal takes from the other side; NULL when neither says. */
static const cni_type *
number_of(const cni_resolve *question, int32_t arg)
{
    const cni_type *type = question->arg_types[arg];
    const cni_type *other = question->arg_types[1 - arg];
    if (cni_type_is_numeric(type)) {
        return type;
    }
    if (type->id != CNI_TYPE_NULL && !cni_resolve_is_text(question, arg)) {
        return NULL;
    }
    if (other->id == CNI_TYPE_NULL && type->id == CNI_TYPE_NULL) {
        return cni_type_of(CNI_TYPE_INT32);
    }
    return cni_type_is_numeric(other) ? other : NULL;
}

static bool
wants(cni_resolve *question, int32_t arg, const cni_type *type)
{
    const cni_type *from = question->arg_types[arg];
    const int32_t cost = cni_implicit_cast_cost(from, type, cni_resolve_is_text(question, arg));
    question->out_arg_types[arg] = type;
    question->out_cost += cost < 0 ? 8 : cost; /* decimals may widen beyond what is implicit */
    return true;
}

static bool
both_want(cni_resolve *question, const cni_type *type)
{
    return wants(question, 0, type) && wants(question, 1, type);
}

/* Both sides as numbers: NULL and literals replaced. False when they are none. */
static bool
take_numbers(cni_resolve *question, const cni_type *out_types[2])
{
    for (int32_t arg = 0; arg < 2; arg++) {
        out_types[arg] = number_of(question, arg);
        if (out_types[arg] == NULL || out_types[arg]->precision > CNI_DECIMAL_MAX_DIGITS ||
            out_types[arg]->scale < 0) { /* only carried through */
            return false;
        }
    }
    return true;
}

static const cni_type *
common_float(const cni_type *a, const cni_type *b)
{
    const bool single = (a->id == CNI_TYPE_FLOAT32 || a->id == CNI_TYPE_FLOAT16) &&
                        (b->id == CNI_TYPE_FLOAT32 || b->id == CNI_TYPE_FLOAT16);
    return cni_type_of(single ? CNI_TYPE_FLOAT32 : CNI_TYPE_FLOAT64);
}

static int32_t
capped(int32_t precision)
{
    return precision > CNI_DECIMAL_MAX_DIGITS ? CNI_DECIMAL_MAX_DIGITS : precision;
}

/* Both sides at one scale; each keeps its own precision where its scale is right already. */
static int32_t
align_scales(cni_resolve *question, decimal_shape a, decimal_shape b)
{
    const int32_t scale = a.scale > b.scale ? a.scale : b.scale;
    const decimal_shape shapes[2] = {a, b};
    for (int32_t arg = 0; arg < 2; arg++) {
        const cni_type *type = question->arg_types[arg];
        const int32_t precision = capped(shapes[arg].precision - shapes[arg].scale + scale);
        if (type->id != CNI_TYPE_DECIMAL || type->scale != scale) {
            (void)wants(question, arg, cni_type_decimal(precision < 1 ? 1 : precision, scale));
        }
    }
    return scale;
}

static void
type_decimal_sum(cni_resolve *question)
{
    const decimal_shape a = shape_of(question, 0);
    const decimal_shape b = shape_of(question, 1);
    const int32_t whole_a = a.precision - a.scale;
    const int32_t whole_b = b.precision - b.scale;
    const int32_t scale = align_scales(question, a, b);
    const int32_t whole = whole_a > whole_b ? whole_a : whole_b;
    question->out_type = cni_type_decimal(capped(whole + scale + 1), scale);
}

static cn_code
type_decimal_product(cni_resolve *question, cn_error *err)
{
    const decimal_shape shapes[2] = {shape_of(question, 0), shape_of(question, 1)};
    const int32_t scale = shapes[0].scale + shapes[1].scale;
    if (scale > CNI_DECIMAL_MAX_DIGITS) {
        const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT,
                                     "the product of decimals with %d and %d places after the "
                                     "point has more than %d; cast one to fewer",
                                     shapes[0].scale, shapes[1].scale, CNI_DECIMAL_MAX_DIGITS);
        cni_error_sqlstate(err, "22003");
        return code;
    }
    for (int32_t arg = 0; arg < 2; arg++) {
        if (question->arg_types[arg]->id != CNI_TYPE_DECIMAL) {
            (void)wants(question, arg, cni_type_decimal(shapes[arg].precision, shapes[arg].scale));
        }
    }
    question->out_type = cni_type_decimal(capped(shapes[0].precision + shapes[1].precision), scale);
    return CN_OK;
}

/* Integers and floats, any operator. False when a DECIMAL is involved. */
static cn_code
type_plain(cni_resolve *question, const cni_type *const types[2], bool *out_typed, cn_error *err)
{
    const cni_type *type = NULL;
    *out_typed = true;
    if (cni_type_is_float(types[0]) || cni_type_is_float(types[1])) {
        type = common_float(types[0], types[1]);
    } else if (types[0]->id != CNI_TYPE_DECIMAL && types[1]->id != CNI_TYPE_DECIMAL) {
        CN_TRY(cni_common_type(question->arena, types[0], types[1], &type, err));
    } else {
        *out_typed = false;
        return CN_OK;
    }
    (void)both_want(question, type);
    question->out_type = type;
    question->out_matched = true;
    return CN_OK;
}

/* NULL and text beside a DECIMAL take its type. */
static void
settle_decimal(cni_resolve *question, const cni_type *const types[2], const cni_type *settled[2],
               cni_resolve *out_question)
{
    *out_question = *question;
    settled[0] = types[0];
    settled[1] = types[1];
    out_question->arg_types = settled;
}

static cn_code
resolve_arith(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const cni_arith_op op = *(const cni_arith_op *)self->private_data;
    const cni_type *types[2];
    bool typed = false;
    if (question->n_args != 2 || !take_numbers(question, types)) {
        return CN_OK;
    }
    CN_TRY(type_plain(question, types, &typed, err));
    if (typed) {
        return CN_OK;
    }
    const cni_type *settled[2];
    cni_resolve inner;
    settle_decimal(question, types, settled, &inner);
    for (int32_t arg = 0; arg < 2; arg++) {
        if (types[arg] != question->arg_types[arg]) {
            (void)wants(question, arg, types[arg]);
        }
    }
    inner.out_cost = question->out_cost;
    if (op == CNI_MUL) {
        CN_TRY(type_decimal_product(&inner, err));
    } else {
        type_decimal_sum(&inner);
    }
    question->out_type = inner.out_type;
    question->out_cost = inner.out_cost;
    question->out_matched = true;
    return CN_OK;
}

/* / : integers truncate, everything else is DOUBLE (FLOAT among FLOATs). */
static cn_code
resolve_divide(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const cni_type *types[2];
    bool typed = false;
    (void)self;
    if (question->n_args != 2 || !take_numbers(question, types)) {
        return CN_OK;
    }
    CN_TRY(type_plain(question, types, &typed, err));
    if (!typed) {
        question->out_type = cni_type_of(CNI_TYPE_FLOAT64);
        (void)both_want(question, question->out_type);
        question->out_matched = true;
    }
    return CN_OK;
}

/* % : as +, with the result of the dividend's scale. */
static cn_code
resolve_modulo(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const cni_type *types[2];
    bool typed = false;
    (void)self;
    if (question->n_args != 2 || !take_numbers(question, types)) {
        return CN_OK;
    }
    CN_TRY(type_plain(question, types, &typed, err));
    if (typed) {
        return CN_OK;
    }
    const cni_type *settled[2];
    cni_resolve inner;
    settle_decimal(question, types, settled, &inner);
    const decimal_shape a = shape_of(&inner, 0);
    const decimal_shape b = shape_of(&inner, 1);
    const int32_t scale = a.scale > b.scale ? a.scale : b.scale;
    const int32_t whole_a = a.precision - a.scale;
    const int32_t whole_b = b.precision - b.scale;
    const int32_t whole = whole_a > whole_b ? whole_a : whole_b;
    question->out_type = cni_type_decimal(capped(whole + scale < 1 ? 1 : whole + scale), scale);
    (void)both_want(question, question->out_type);
    question->out_matched = true;
    return CN_OK;
}

static const cni_type *
signed_for(const cni_type *type)
{
    switch (type->id) {
    case CNI_TYPE_UINT8:
        return cni_type_of(CNI_TYPE_INT16);
    case CNI_TYPE_UINT16:
        return cni_type_of(CNI_TYPE_INT32);
    case CNI_TYPE_UINT32:
        return cni_type_of(CNI_TYPE_INT64);
    case CNI_TYPE_UINT64:
        return cni_type_of(CNI_TYPE_HUGEINT);
    default:
        return type;
    }
}

static cn_code
resolve_sign(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    if (question->n_args != 1) {
        return CN_OK;
    }
    if (question->arg_types[0]->id == CNI_TYPE_INTERVAL) {
        question->out_type = question->arg_types[0];
        question->out_matched = true;
        return CN_OK;
    }
    if (!cni_resolve_number(question, 0)) {
        return CN_OK;
    }
    const cni_type *wanted = signed_for(question->out_arg_types[0]);
    question->out_arg_types[0] = wanted;
    question->out_type = wanted;
    question->out_matched = true;
    return CN_OK;
}

/* ---- evaluation of numbers ---- */

static cn_code
evaluate_arith(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
               cn_error *err)
{
    const cni_arith_op op = *(const cni_arith_op *)self->private_data;
    return cni_op_arith(&call->env, op, call->type, call->args[0], call->args[1], inout_result,
                        err);
}

static cn_code
evaluate_divide(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                cn_error *err)
{
    (void)self;
    return cni_op_divide(&call->env, call->type, call->args[0], call->args[1], inout_result, err);
}

static cn_code
evaluate_modulo(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                cn_error *err)
{
    (void)self;
    return cni_op_modulo(&call->env, call->type, call->args[0], call->args[1], inout_result, err);
}

/* // of floats: the quotient rounded down. */
static cn_code
evaluate_floor_divide(const cni_function *self, const cni_scalar_call *call,
                      cni_vector *inout_result, cn_error *err)
{
    CN_TRY(evaluate_divide(self, call, inout_result, err));
    const bool constant = inout_result->encoding == CNI_CONSTANT;
    if (inout_result->owner_data == NULL) { /* NULL */
        return CN_OK;
    }
    void *data = cni_vector_mutable_data(inout_result);
    for (int64_t row = 0; row < (constant ? 1 : call->env.n_rows); row++) {
        if (inout_result->phys == CNI_PHYS_F32) {
            ((float *)data)[row] = floorf(((float *)data)[row]);
        } else if (inout_result->phys == CNI_PHYS_F64) {
            ((double *)data)[row] = floor(((double *)data)[row]);
        }
    }
    return CN_OK;
}

static cn_code
interval_overflow(cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "interval out of range");
    cni_error_sqlstate(err, "22008");
    return code;
}

static bool
interval_negate(cni_interval from, cni_interval *out)
{
    return !__builtin_sub_overflow(0, from.months, &out->months) &&
           !__builtin_sub_overflow(0, from.days, &out->days) &&
           !__builtin_sub_overflow(INT64_C(0), from.nanos, &out->nanos);
}

static cn_code
negate_intervals(const cni_scalar_call *call, cni_vector *inout_result, cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    cni_interval *out = NULL;
    const cni_reader in = cni_reader_of(call->args[0]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const cni_interval value = ((const cni_interval *)in.data)[row & in.mask];
        if (!interval_negate(value, &out[row]) && cni_word_bit(alive, row)) {
            return interval_overflow(err);
        }
    }
    return CN_OK;
}

static cn_code
evaluate_negate(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                cn_error *err)
{
    (void)self;
    return call->type->id == CNI_TYPE_INTERVAL
               ? negate_intervals(call, inout_result, err)
               : cni_op_negate(&call->env, call->args[0], inout_result, err);
}

static cn_code
evaluate_same(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    (void)self;
    (void)err;
    cni_vector_done(inout_result);
    cni_vector_copy(inout_result, call->args[0]);
    return CN_OK;
}

/* ---- dates and intervals ---- */

/* Private data of the entries below. */
typedef struct date_operator {
    cni_signature signature;
    bool subtract;
    bool interval_first; /* INTERVAL + DATE */
} date_operator;

static cn_code
evaluate_add_interval(const cni_function *self, const cni_scalar_call *call,
                      cni_vector *inout_result, cn_error *err)
{
    const date_operator *op = self->private_data;
    const int32_t moment = op->interval_first ? 1 : 0;
    return cni_op_add_interval(&call->env, call->type, op->subtract, call->args[moment],
                               call->args[1 - moment], inout_result, err);
}

static cn_code
date_out_of_range(cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "date out of range");
    cni_error_sqlstate(err, "22008");
    return code;
}

/* DATE + INTEGER, INTEGER + DATE, DATE - INTEGER. */
static cn_code
evaluate_add_days(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                  cn_error *err)
{
    const date_operator *op = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    int32_t *out = NULL;
    const cni_reader a = cni_reader_of(call->args[0]);
    const cni_reader b = cni_reader_of(call->args[1]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    bool overflow = false;
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const int64_t right = cni_read_i32(&b, row);
        const int64_t days = cni_read_i32(&a, row) + (op->subtract ? -right : right);
        overflow = overflow || days != (int32_t)days;
        out[row] = (int32_t)days;
    }
    if (!overflow) {
        return CN_OK;
    }
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const int64_t right = cni_read_i32(&b, row);
        const int64_t days = cni_read_i32(&a, row) + (op->subtract ? -right : right);
        if (cni_word_bit(alive, row) && days != (int32_t)days) {
            return date_out_of_range(err);
        }
    }
    return CN_OK;
}

/* DATE - DATE: days. */
static cn_code
evaluate_days_between(const cni_function *self, const cni_scalar_call *call,
                      cni_vector *inout_result, cn_error *err)
{
    int64_t *out = NULL;
    const cni_reader a = cni_reader_of(call->args[0]);
    const cni_reader b = cni_reader_of(call->args[1]);
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        out[row] = (int64_t)cni_read_i32(&a, row) - cni_read_i32(&b, row);
    }
    return CN_OK;
}

/* Nanoseconds of a tick of the vector's unit. */
static int64_t
nanos_per_tick(const cni_vector *vector)
{
    return INT64_C(1000000000) / cni_unit_per_second((cni_unit)vector->type->unit);
}

static bool
interval_between(cni_i128 nanos, cni_interval *out)
{
    const cni_i128 days = nanos / CNI_NANOS_PER_DAY;
    *out = (cni_interval){0, (int32_t)days, (int64_t)(nanos % CNI_NANOS_PER_DAY)};
    return days == (int32_t)days;
}

/* TIMESTAMP - TIMESTAMP: days and time of day, both of one sign. Units may differ. */
static cn_code
evaluate_time_between(const cni_function *self, const cni_scalar_call *call,
                      cni_vector *inout_result, cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    cni_interval *out = NULL;
    const cni_reader a = cni_reader_of(call->args[0]);
    const cni_reader b = cni_reader_of(call->args[1]);
    const cni_i128 tick_a = nanos_per_tick(call->args[0]);
    const cni_i128 tick_b = nanos_per_tick(call->args[1]);
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const cni_i128 nanos = cni_read_i64(&a, row) * tick_a - cni_read_i64(&b, row) * tick_b;
        if (!interval_between(nanos, &out[row]) && cni_word_bit(alive, row)) {
            return interval_overflow(err);
        }
    }
    return CN_OK;
}

/* Part of `value` that is whole, and the rest; false when it does not fit 32 bits. */
static bool
split_whole(double value, int32_t *out_whole, double *out_rest)
{
    const double whole = trunc(value);
    if (!(whole >= -2147483648.0 && whole <= 2147483647.0)) {
        return false;
    }
    *out_whole = (int32_t)whole;
    *out_rest = value - whole;
    return true;
}

/* Fractions of months go to days (30 each), fractions of days to time, as PostgreSQL does. */
static bool
interval_scale(cni_interval from, double factor, cni_interval *out)
{
    double rest_months = 0.0;
    double rest_days = 0.0;
    if (!split_whole(from.months * factor, &out->months, &rest_months) ||
        !split_whole(from.days * factor + rest_months * 30.0, &out->days, &rest_days)) {
        return false;
    }
    const double nanos = rint((double)from.nanos * factor + rest_days * (double)CNI_NANOS_PER_DAY);
    if (!(nanos > -9.2e18 && nanos < 9.2e18)) {
        return false;
    }
    /* rounding to microseconds hides the noise of the fractions */
    out->nanos = (int64_t)rint(nanos / 1000.0) * 1000;
    return true;
}

/* INTERVAL * DOUBLE, DOUBLE * INTERVAL, INTERVAL / DOUBLE (`subtract` says divide). */
static cn_code
evaluate_scale_interval(const cni_function *self, const cni_scalar_call *call,
                        cni_vector *inout_result, cn_error *err)
{
    const date_operator *op = self->private_data;
    const int32_t interval_arg = op->interval_first ? 0 : 1;
    uint64_t alive[CNI_ROWS_WORDS];
    cni_interval *out = NULL;
    const cni_reader in = cni_reader_of(call->args[interval_arg]);
    const cni_reader by = cni_reader_of(call->args[1 - interval_arg]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const double factor = cni_read_f64(&by, row);
        const cni_interval value = ((const cni_interval *)in.data)[row & in.mask];
        if (!cni_word_bit(alive, row)) {
            out[row] = (cni_interval){0, 0, 0};
        } else if (op->subtract && factor == 0.0) {
            const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "division by zero");
            cni_error_sqlstate(err, "22012");
            return code;
        } else if (!interval_scale(value, op->subtract ? 1.0 / factor : factor, &out[row])) {
            return interval_overflow(err);
        }
    }
    return CN_OK;
}

/* ---- the table ---- */

static const cni_arith_op op_add = CNI_ADD;
static const cni_arith_op op_sub = CNI_SUB;
static const cni_arith_op op_mul = CNI_MUL;

#define SIGNATURE_2(a, b, r) {.args = {(a), (b)}, .result = (r)}

static const date_operator date_plus_interval = {
    .signature = SIGNATURE_2(CNI_TYPE_DATE, CNI_TYPE_INTERVAL, CNI_TYPE_TIMESTAMP)};
static const date_operator interval_plus_date = {
    .signature = SIGNATURE_2(CNI_TYPE_INTERVAL, CNI_TYPE_DATE, CNI_TYPE_TIMESTAMP),
    .interval_first = true};
static const date_operator moment_plus_interval = {
    .signature = SIGNATURE_2(CNI_TYPE_TIMESTAMP, CNI_TYPE_INTERVAL, CNI_ARG_SAME_AS_FIRST)};
static const date_operator interval_plus_moment = {
    .signature = SIGNATURE_2(CNI_TYPE_INTERVAL, CNI_TYPE_TIMESTAMP, CNI_ARG_SAME_AS_SECOND),
    .interval_first = true};
static const date_operator time_plus_interval = {
    .signature = SIGNATURE_2(CNI_TYPE_TIME, CNI_TYPE_INTERVAL, CNI_ARG_SAME_AS_FIRST)};
static const date_operator time_minus_interval = {
    .signature = SIGNATURE_2(CNI_TYPE_TIME, CNI_TYPE_INTERVAL, CNI_ARG_SAME_AS_FIRST),
    .subtract = true};
static const date_operator interval_plus_interval = {
    .signature = SIGNATURE_2(CNI_TYPE_INTERVAL, CNI_TYPE_INTERVAL, CNI_TYPE_INTERVAL)};
static const date_operator date_plus_days = {
    .signature = SIGNATURE_2(CNI_TYPE_DATE, CNI_TYPE_INT32, CNI_TYPE_DATE)};
static const date_operator days_plus_date = {
    .signature = SIGNATURE_2(CNI_TYPE_INT32, CNI_TYPE_DATE, CNI_TYPE_DATE)};
static const date_operator date_minus_date = {
    .signature = SIGNATURE_2(CNI_TYPE_DATE, CNI_TYPE_DATE, CNI_TYPE_INT64)};
static const date_operator moment_minus_moment = {
    .signature = SIGNATURE_2(CNI_TYPE_TIMESTAMP, CNI_TYPE_TIMESTAMP, CNI_TYPE_INTERVAL)};
static const date_operator date_minus_interval = {
    .signature = SIGNATURE_2(CNI_TYPE_DATE, CNI_TYPE_INTERVAL, CNI_TYPE_TIMESTAMP),
    .subtract = true};
static const date_operator moment_minus_interval = {
    .signature = SIGNATURE_2(CNI_TYPE_TIMESTAMP, CNI_TYPE_INTERVAL, CNI_ARG_SAME_AS_FIRST),
    .subtract = true};
static const date_operator interval_minus_interval = {
    .signature = SIGNATURE_2(CNI_TYPE_INTERVAL, CNI_TYPE_INTERVAL, CNI_TYPE_INTERVAL),
    .subtract = true};
static const date_operator date_minus_days = {
    .signature = SIGNATURE_2(CNI_TYPE_DATE, CNI_TYPE_INT32, CNI_TYPE_DATE), .subtract = true};
static const date_operator interval_times_number = {
    .signature = SIGNATURE_2(CNI_TYPE_INTERVAL, CNI_TYPE_FLOAT64, CNI_TYPE_INTERVAL),
    .interval_first = true};
static const date_operator number_times_interval = {
    .signature = SIGNATURE_2(CNI_TYPE_FLOAT64, CNI_TYPE_INTERVAL, CNI_TYPE_INTERVAL)};
static const date_operator interval_by_number = {
    .signature = SIGNATURE_2(CNI_TYPE_INTERVAL, CNI_TYPE_FLOAT64, CNI_TYPE_INTERVAL),
    .interval_first = true,
    .subtract = true};

/* The result has a digit for whatever the digits of two decimals can make. */
static bool
arith_never_fails(const cni_function *self, const cni_type *const *arg_types, int32_t n_args,
                  const cni_type *type)
{
    const cni_arith_op op = *(const cni_arith_op *)self->private_data;
    if (n_args != 2 || type->id != CNI_TYPE_DECIMAL || arg_types[0]->id != CNI_TYPE_DECIMAL ||
        arg_types[1]->id != CNI_TYPE_DECIMAL) {
        return false;
    }
    const int32_t digits[2] = {arg_types[0]->precision, arg_types[1]->precision};
    if (op == CNI_MUL) {
        return type->precision >= digits[0] + digits[1];
    }
    return type->scale == arg_types[0]->scale && type->scale == arg_types[1]->scale &&
           type->precision > digits[0] && type->precision > digits[1];
}

/* Members that every operator over moments has. */
#define MOMENT_ROW(row_name, row_description, row_example, data)                                   \
    CNI_ROW_PURE(row_name, row_description, row_example), .may_error = true, .cost_ns = 3.0,       \
        .resolve = cni_signature_resolve, .private_data = &(data)

static const cni_function operators[] = {
    {CNI_ROW_PURE("+", "Sum; overflow is an error.", "2 + 3"), .may_error = true, .monotone = 1,
     .cost_ns = 0.2, .resolve = resolve_arith, .private_data = &op_add,
     .never_fails = arith_never_fails, .evaluate = evaluate_arith},
    {MOMENT_ROW("+", "Date plus interval.", "DATE '2024-01-31' + INTERVAL 1 MONTH",
                date_plus_interval),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("+", "Interval plus date.", "INTERVAL 1 DAY + DATE '2024-01-31'",
                interval_plus_date),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("+", "Timestamp plus interval.",
                "TIMESTAMP '2024-01-31 12:00:00' + INTERVAL 1 HOUR", moment_plus_interval),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("+", "Interval plus timestamp.",
                "INTERVAL 1 HOUR + TIMESTAMP '2024-01-31 12:00:00'", interval_plus_moment),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("+", "Time of day plus interval, around midnight.",
                "TIME '23:30:00' + INTERVAL 1 HOUR", time_plus_interval),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("+", "Sum of intervals.", "INTERVAL 1 DAY + INTERVAL 2 HOURS",
                interval_plus_interval),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("+", "Date plus days.", "DATE '2024-01-31' + 1", date_plus_days),
     .evaluate = evaluate_add_days},
    {MOMENT_ROW("+", "Days plus date.", "1 + DATE '2024-01-31'", days_plus_date),
     .evaluate = evaluate_add_days},
    {CNI_ROW_PURE("+", "The number itself.", "+ 5"), .injective = true, .monotone = 1,
     .resolve = resolve_sign, .evaluate = evaluate_same},
    {CNI_ROW_PURE("-", "Difference; overflow is an error.", "5 - 3"), .may_error = true,
     .monotone = 1, .cost_ns = 0.2, .resolve = resolve_arith, .private_data = &op_sub,
     .never_fails = arith_never_fails, .evaluate = evaluate_arith},
    {MOMENT_ROW("-", "Days between two dates.", "DATE '2024-03-01' - DATE '2024-02-01'",
                date_minus_date),
     .evaluate = evaluate_days_between},
    {MOMENT_ROW("-", "Time between two timestamps.",
                "TIMESTAMP '2024-03-01 12:00:00' - TIMESTAMP '2024-02-01 00:00:00'",
                moment_minus_moment),
     .evaluate = evaluate_time_between},
    {MOMENT_ROW("-", "Date minus interval.", "DATE '1998-12-01' - INTERVAL 90 DAY",
                date_minus_interval),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("-", "Timestamp minus interval.",
                "TIMESTAMP '2024-01-31 12:00:00' - INTERVAL 1 HOUR", moment_minus_interval),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("-", "Time of day minus interval, around midnight.",
                "TIME '00:30:00' - INTERVAL 1 HOUR", time_minus_interval),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("-", "Difference of intervals.", "INTERVAL 1 DAY - INTERVAL 2 HOURS",
                interval_minus_interval),
     .evaluate = evaluate_add_interval},
    {MOMENT_ROW("-", "Date minus days.", "DATE '2024-01-31' - 1", date_minus_days),
     .evaluate = evaluate_add_days},
    {CNI_ROW_PURE("-", "Negation; overflow is an error.", "- 5"), .may_error = true,
     .injective = true, .monotone = -1, .cost_ns = 0.2, .resolve = resolve_sign,
     .evaluate = evaluate_negate},
    {CNI_ROW_PURE("*", "Product; overflow is an error.", "2 * 3"), .may_error = true,
     .cost_ns = 0.3, .resolve = resolve_arith, .private_data = &op_mul,
     .never_fails = arith_never_fails, .evaluate = evaluate_arith},
    {MOMENT_ROW("*", "Interval times number.", "INTERVAL 1 DAY * 2", interval_times_number),
     .evaluate = evaluate_scale_interval},
    {MOMENT_ROW("*", "Number times interval.", "2 * INTERVAL 1 DAY", number_times_interval),
     .evaluate = evaluate_scale_interval},
    {CNI_ROW_PURE("/", "Quotient: integers truncate, decimals give DOUBLE; zero is an error.",
                  "7 / 2"),
     .may_error = true, .cost_ns = 1.0, .resolve = resolve_divide, .evaluate = evaluate_divide},
    {MOMENT_ROW("/", "Interval divided by a number.", "INTERVAL 1 DAY / 2", interval_by_number),
     .evaluate = evaluate_scale_interval},
    {CNI_ROW_PURE("//", "Quotient without fraction: integers truncate, floats round down.",
                  "7 // 2"),
     .may_error = true, .cost_ns = 1.0, .resolve = resolve_divide,
     .evaluate = evaluate_floor_divide},
    {CNI_ROW_PURE("%", "Remainder with the sign of the dividend.", "7 % 3"), .may_error = true,
     .cost_ns = 1.5, .resolve = resolve_modulo, .evaluate = evaluate_modulo},
    {CNI_ROW_PURE("mod", "Remainder with the sign of the dividend.", "mod(7, 3)"),
     .may_error = true, .cost_ns = 1.5, .resolve = resolve_modulo, .evaluate = evaluate_modulo},
};

const cni_function *
cni_builtin_operators(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(operators);
    return operators;
}
