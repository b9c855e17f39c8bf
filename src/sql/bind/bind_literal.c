/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants: numbers take the narrowest of INTEGER, BIGINT, HUGEINT; digits with a point are
 * DECIMAL, with an exponent DOUBLE. Typed literals and intervals are converted here, so that wrong
 * ones are refused with their place.
 */
#include "data/column/float_text.h"
#include "plan/eval/program.h"
#include "sql/bind/bind_int.h"

static cn_code
make(cni_bind_names *names, const cni_sql_expr *expr, const cni_value *value,
     const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *literal = NULL;
    CN_TRY(cni_expr_literal(names->binder->arena, value, &literal, err));
    return cni_bind_place(names->binder, literal, expr->node.offset, expr->node.length, out_expr,
                          err);
}

static cn_code
bind_double(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
            cn_error *err)
{
    double number = 0;
    bool overflow = false;
    if (!cni_f64_parse(expr->text.data, expr->text.len_bytes, &number, &overflow) || overflow) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "22003", expr->node.offset,
                             expr->node.length, "number %.*s is out of range",
                             CNI_STR_ARGS(expr->text));
    }
    const cni_value value = {.type = cni_type_of(CNI_TYPE_FLOAT64), .as.f64 = number};
    return make(names, expr, &value, out_expr, err);
}

cn_code
cni_bind_integer(cni_bind_names *names, const cni_sql_expr *expr, bool negative,
                 const cni_expr **out_expr, cn_error *err)
{
    const cni_str text = expr->text;
    cni_u128 magnitude = 0;
    bool fits = text.len_bytes <= 40;
    for (int64_t digit = 0; fits && digit < text.len_bytes; digit++) {
        fits = !__builtin_mul_overflow(magnitude, 10, &magnitude) &&
               !__builtin_add_overflow(magnitude, (cni_u128)(text.data[digit] - '0'), &magnitude);
    }
    const cni_u128 limit = (cni_u128)CNI_I128_MAX + (negative ? 1 : 0);
    if (!fits || magnitude > limit) {
        return bind_double(names, expr, out_expr, err);
    }
    const cni_i128 number = negative ? (cni_i128)(0 - magnitude) : (cni_i128)magnitude;
    cni_value value = {.type = cni_type_of(CNI_TYPE_HUGEINT)};
    if (number >= INT32_MIN && number <= INT32_MAX) {
        value.type = cni_type_of(CNI_TYPE_INT32);
        value.as.i64 = (int64_t)number;
    } else if (number >= INT64_MIN && number <= INT64_MAX) {
        value.type = cni_type_of(CNI_TYPE_INT64);
        value.as.i64 = (int64_t)number;
    } else {
        value.as.i128 = number;
    }
    return make(names, expr, &value, out_expr, err);
}

/* "1.50" is DECIMAL(3,2), ".05" DECIMAL(2,2); more than 38 digits are a DOUBLE. */
static cn_code
bind_decimal(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
             cn_error *err)
{
    const cni_str text = expr->text;
    int32_t scale = 0;
    int32_t n_whole = 0;
    bool behind_point = false;
    for (int64_t index = 0; index < text.len_bytes; index++) {
        const char byte = text.data[index];
        if (byte == '.') {
            behind_point = true;
        } else if (behind_point) {
            scale++;
        } else if (byte != '0' || n_whole > 0) {
            n_whole++;
        }
    }
    const int32_t precision = (int32_t)cni_max_i64(1, n_whole + scale);
    cni_i128 number = 0;
    if (precision > CNI_DECIMAL_MAX_DIGITS ||
        !cni_i128_parse(text.data, text.len_bytes, scale, &number)) {
        return bind_double(names, expr, out_expr, err);
    }
    cni_value value = {.type = cni_type_decimal(precision, scale)};
    if (precision <= 18) {
        value.as.i64 = (int64_t)number;
    } else {
        value.as.i128 = number;
    }
    return make(names, expr, &value, out_expr, err);
}

cn_code
cni_bind_literal(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
                 cn_error *err)
{
    cni_value value = {.type = cni_type_of(CNI_TYPE_NULL), .is_null = true};
    switch ((cni_sql_literal_kind)expr->literal_kind) {
    case CNI_SQL_LITERAL_NULL:
        break;
    case CNI_SQL_LITERAL_TRUE:
    case CNI_SQL_LITERAL_FALSE:
        value = (cni_value){.type = cni_type_of(CNI_TYPE_BOOL),
                            .as.boolean = expr->literal_kind == CNI_SQL_LITERAL_TRUE};
        break;
    case CNI_SQL_LITERAL_INTEGER:
        return cni_bind_integer(names, expr, false, out_expr, err);
    case CNI_SQL_LITERAL_DECIMAL:
        return bind_decimal(names, expr, out_expr, err);
    case CNI_SQL_LITERAL_FLOAT:
        return bind_double(names, expr, out_expr, err);
    case CNI_SQL_LITERAL_STRING:
        value = (cni_value){.type = cni_type_of(CNI_TYPE_VARCHAR), .as.bytes = expr->text};
        break;
    case CNI_SQL_LITERAL_BLOB:
        value = (cni_value){.type = cni_type_of(CNI_TYPE_BLOB), .as.bytes = expr->text};
        break;
    case CNI_SQL_LITERAL_BITS:
        return cni_bind_refuse(err, expr->node.offset, expr->node.length, "bit strings");
    }
    return make(names, expr, &value, out_expr, err);
}

cn_code
cni_bind_typed_literal(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
                       cn_error *err)
{
    const cni_type *type = NULL;
    const cni_expr *text = NULL;
    CN_TRY(cni_bind_sql_type(names->binder, expr->type, &type, err));
    const cni_value value = {.type = cni_type_of(CNI_TYPE_VARCHAR), .as.bytes = expr->text};
    CN_TRY(make(names, expr, &value, &text, err));
    return cni_bind_cast(names->binder, text, type, false, expr->node.offset, expr->node.length,
                         out_expr, err);
}

static const char *const unit_names[] = {
    [CNI_SQL_INTERVAL_NONE] = "",
    [CNI_SQL_INTERVAL_YEAR] = "year",
    [CNI_SQL_INTERVAL_MONTH] = "month",
    [CNI_SQL_INTERVAL_DAY] = "day",
    [CNI_SQL_INTERVAL_HOUR] = "hour",
    [CNI_SQL_INTERVAL_MINUTE] = "minute",
    [CNI_SQL_INTERVAL_SECOND] = "second",
    [CNI_SQL_INTERVAL_MILLISECOND] = "millisecond",
    [CNI_SQL_INTERVAL_MICROSECOND] = "microsecond",
    [CNI_SQL_INTERVAL_NANOSECOND] = "nanosecond",
    [CNI_SQL_INTERVAL_WEEK] = "week",
    [CNI_SQL_INTERVAL_QUARTER] = "quarter",
    [CNI_SQL_INTERVAL_DECADE] = "decade",
    [CNI_SQL_INTERVAL_CENTURY] = "century",
    [CNI_SQL_INTERVAL_MILLENNIUM] = "millennium",
};

static bool
is_plain_number(cni_str text)
{
    int64_t start = text.len_bytes > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    if (start == text.len_bytes) {
        return false;
    }
    for (int64_t index = start; index < text.len_bytes; index++) {
        const char byte = text.data[index];
        if ((byte < '0' || byte > '9') && byte != '.') {
            return false;
        }
    }
    return true;
}

/* INTERVAL '90' day, INTERVAL 3 MONTH, INTERVAL '1 year 2 months'. Other values are multiplied:
 * INTERVAL (x + 1) DAY = (x + 1) * INTERVAL '1 day'. */
cn_code
cni_bind_interval(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
                  cn_error *err)
{
    const cni_sql_expr *amount = expr->args[0];
    if (expr->unit_to != CNI_SQL_INTERVAL_NONE || expr->number >= 0) {
        return cni_bind_refuse(err, expr->node.offset, expr->node.length,
                               "intervals with a range of fields or a precision");
    }
    const char *unit = unit_names[expr->unit_from];
    const bool is_text =
        amount->kind == CNI_SQL_EXPR_LITERAL && (amount->literal_kind == CNI_SQL_LITERAL_STRING ||
                                                 amount->literal_kind == CNI_SQL_LITERAL_INTEGER ||
                                                 amount->literal_kind == CNI_SQL_LITERAL_DECIMAL);
    cni_str text = CNI_STR("1");
    if (is_text) {
        text = amount->text;
        unit = is_plain_number(text) ? unit : "";
    }
    CN_TRY(cni_arena_printf(names->binder->arena, &text, err, "%.*s %s", CNI_STR_ARGS(text), unit));
    const cni_value value = {.type = cni_type_of(CNI_TYPE_VARCHAR), .as.bytes = text};
    const cni_expr *one = NULL;
    CN_TRY(make(names, expr, &value, &one, err));
    CN_TRY(cni_bind_cast(names->binder, one, cni_type_of(CNI_TYPE_INTERVAL), false,
                         expr->node.offset, expr->node.length, &one, err));
    if (is_text) {
        *out_expr = one;
        return CN_OK;
    }
    const cni_expr *args[2] = {NULL, one};
    CN_TRY(cni_bind_expr(names, amount, &args[0], err));
    return cni_bind_function(names->binder, CNI_STR("*"), args, 2, expr->node.offset,
                             expr->node.length, out_expr, err);
}
