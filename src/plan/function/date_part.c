/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of dates and times: date_part (what EXTRACT becomes), date_trunc, and a function per part.
 *
 * The part is a string, found when the call is resolved if it is a literal, else once per call; it
 * must not vary by row. Parts are BIGINT, the epoch is DOUBLE. The loops are the kernels'.
 */
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

static cn_code
unknown_part(cni_str name, cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT, "\"%.*s\" is not a part of dates",
                                 (int)cni_min_i64(name.len_bytes, 100), name.data);
    cni_error_sqlstate(err, "22023");
    return code;
}

static bool
has_parts(const cni_type *type)
{
    return type->id == CNI_TYPE_DATE || type->id == CNI_TYPE_TIMESTAMP ||
           type->id == CNI_TYPE_TIME || type->id == CNI_TYPE_INTERVAL;
}

static bool
is_clock_part(cni_date_part part)
{
    return part >= CNI_PART_HOUR && part <= CNI_PART_NANOSECOND;
}

/* Whether values of the type have the part: the kernels' rule, known before any row. */
static bool
type_has_part(const cni_type *type, cni_date_part part)
{
    switch (type->id) {
    case CNI_TYPE_TIME:
        return is_clock_part(part) || part == CNI_PART_EPOCH;
    case CNI_TYPE_INTERVAL:
        return part != CNI_PART_WEEK && part != CNI_PART_DOW && part != CNI_PART_ISODOW &&
               part != CNI_PART_DOY && part != CNI_PART_ISOYEAR && part != CNI_PART_ERA;
    default:
        return true;
    }
}

/* Argument `arg` as something that has parts; text literals and NULL are timestamps. */
static bool
want_moment(cni_resolve *question, int32_t arg)
{
    const cni_type *type = question->arg_types[arg];
    return has_parts(type) || ((type->id == CNI_TYPE_NULL || cni_resolve_is_text(question, arg)) &&
                               cni_resolve_want(question, arg, cni_type_of(CNI_TYPE_TIMESTAMP)));
}

/* The literal part into out_bind_data; it stays NULL for what is known only when running. */
static cn_code
find_literal_part(cni_resolve *question, cn_error *err)
{
    const cni_value *literal = question->arg_literals == NULL ? NULL : question->arg_literals[0];
    cni_date_part *part = NULL;
    if (literal == NULL || literal->is_null || literal->type->id != CNI_TYPE_VARCHAR) {
        return CN_OK;
    }
    CN_TRY(CN_ARENA_NEW(question->arena, &part, err));
    if (!cni_date_part_find(literal->as.bytes, part)) {
        return unknown_part(literal->as.bytes, err);
    }
    question->out_bind_data = part;
    return CN_OK;
}

static bool
match_part_call(cni_resolve *question)
{
    return question->n_args == 2 && cni_resolve_want(question, 0, cni_type_of(CNI_TYPE_VARCHAR)) &&
           want_moment(question, 1);
}

static cn_code
refuse_part(const cni_resolve *question, cn_error *err)
{
    const cni_str name = question->arg_literals[0]->as.bytes;
    cni_str type;
    CN_TRY(cni_type_name(question->arena, question->out_arg_types[1], &type, err));
    const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT, "%.*s has no part \"%.*s\"",
                                 CNI_STR_ARGS(type), CNI_STR_ARGS(name));
    cni_error_sqlstate(err, "22023");
    return code;
}

/* A literal part: no row can fail. */
static cn_code
resolve_literal_part(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    if (!match_part_call(question)) {
        return CN_OK;
    }
    CN_TRY(find_literal_part(question, err));
    const cni_date_part *part = question->out_bind_data;
    if (part == NULL) {
        return CN_OK;
    }
    if (!type_has_part(question->out_arg_types[1], *part)) {
        return refuse_part(question, err);
    }
    question->out_type = cni_type_of(*part == CNI_PART_EPOCH ? CNI_TYPE_FLOAT64 : CNI_TYPE_INT64);
    question->out_matched = true;
    return CN_OK;
}

/* A part that is known when running. */
static cn_code
resolve_date_part(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    if (match_part_call(question)) {
        question->out_cost++; /* after the entry for literals */
        question->out_type = cni_type_of(CNI_TYPE_INT64);
        question->out_matched = true;
    }
    return CN_OK;
}

static cn_code
resolve_date_trunc(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    if (!match_part_call(question) || question->out_arg_types[1]->id == CNI_TYPE_TIME) {
        return CN_OK;
    }
    if (question->out_arg_types[1]->id == CNI_TYPE_DATE &&
        !cni_resolve_want(question, 1, cni_type_of(CNI_TYPE_TIMESTAMP))) {
        return CN_OK;
    }
    CN_TRY(find_literal_part(question, err));
    question->out_type = question->out_arg_types[1];
    question->out_matched = true;
    return CN_OK;
}

static cn_code
part_of_call(const cni_scalar_call *call, cni_date_part *out_part, cn_error *err)
{
    cni_str name;
    if (call->bind_data != NULL) {
        *out_part = *(const cni_date_part *)call->bind_data;
        return CN_OK;
    }
    if (!cni_constant_text(call->args[0], &name)) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "a part of dates that varies by row");
    }
    return cni_date_part_find(name, out_part) ? CN_OK : unknown_part(name, err);
}

static cn_code
evaluate_date_part(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                   cn_error *err)
{
    cni_date_part part;
    (void)self;
    CN_TRY(part_of_call(call, &part, err));
    if ((part == CNI_PART_EPOCH) != (call->type->id == CNI_TYPE_FLOAT64)) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "the part 'epoch' given as more than a literal");
    }
    return cni_op_date_part(&call->env, part, call->args[1], inout_result, err);
}

static cn_code
evaluate_date_trunc(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                    cn_error *err)
{
    cni_date_part part;
    (void)self;
    CN_TRY(part_of_call(call, &part, err));
    return cni_op_date_trunc(&call->env, part, call->args[1], inout_result, err);
}

/* ---- a function per part ---- */

static cn_code
resolve_one_part(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const cni_date_part part = *(const cni_date_part *)self->private_data;
    (void)err;
    if (question->n_args == 1 && want_moment(question, 0) &&
        type_has_part(question->out_arg_types[0], part)) {
        question->out_type =
            cni_type_of(part == CNI_PART_EPOCH ? CNI_TYPE_FLOAT64 : CNI_TYPE_INT64);
        question->out_matched = true;
    }
    return CN_OK;
}

static cn_code
evaluate_one_part(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                  cn_error *err)
{
    return cni_op_date_part(&call->env, *(const cni_date_part *)self->private_data, call->args[0],
                            inout_result, err);
}

/* ---- the table ---- */

static const cni_date_part part_year = CNI_PART_YEAR;
static const cni_date_part part_quarter = CNI_PART_QUARTER;
static const cni_date_part part_month = CNI_PART_MONTH;
static const cni_date_part part_week = CNI_PART_WEEK;
static const cni_date_part part_day = CNI_PART_DAY;
static const cni_date_part part_dow = CNI_PART_DOW;
static const cni_date_part part_isodow = CNI_PART_ISODOW;
static const cni_date_part part_doy = CNI_PART_DOY;
static const cni_date_part part_hour = CNI_PART_HOUR;
static const cni_date_part part_minute = CNI_PART_MINUTE;
static const cni_date_part part_second = CNI_PART_SECOND;
static const cni_date_part part_millisecond = CNI_PART_MILLISECOND;
static const cni_date_part part_microsecond = CNI_PART_MICROSECOND;
static const cni_date_part part_nanosecond = CNI_PART_NANOSECOND;
static const cni_date_part part_epoch = CNI_PART_EPOCH;
static const cni_date_part part_decade = CNI_PART_DECADE;
static const cni_date_part part_century = CNI_PART_CENTURY;
static const cni_date_part part_millennium = CNI_PART_MILLENNIUM;
static const cni_date_part part_isoyear = CNI_PART_ISOYEAR;
static const cni_date_part part_era = CNI_PART_ERA;

/* Not monotone: the parts of intervals are not ordered as intervals are. */
#define PART_ROW(row_name, row_description, row_example, data)                                     \
    {CNI_ROW_PURE(row_name, row_description, row_example), .cost_ns = 2.0,                         \
     .resolve = resolve_one_part, .private_data = &(data), .evaluate = evaluate_one_part}

#define DATE_PART_ROWS(row_name, row_description)                                                  \
    {CNI_ROW_PURE(row_name, row_description, row_name "('year', DATE '2024-01-31')"),              \
     .cost_ns = 2.0, .resolve = resolve_literal_part, .evaluate = evaluate_date_part},             \
    {                                                                                              \
        CNI_ROW_PURE(row_name, "The same with a part that is not a literal.",                      \
                     row_name "(lower('YEAR'), DATE '2024-01-31')"),                               \
            .may_error = true, .cost_ns = 2.0, .resolve = resolve_date_part,                       \
            .evaluate = evaluate_date_part                                                         \
    }

static const cni_function part_table[] = {
    DATE_PART_ROWS("date_part", "A part of a date, time, timestamp or interval; also EXTRACT."),
    DATE_PART_ROWS("datepart", "A part of a date, time, timestamp or interval."),
    {CNI_ROW_PURE("date_trunc",
                  "The begin of the period that the value lies in; a TIMESTAMP for dates.",
                  "date_trunc('month', DATE '2024-01-31')"),
     .may_error = true, .cost_ns = 3.0, .resolve = resolve_date_trunc,
     .evaluate = evaluate_date_trunc},
    {CNI_ROW_PURE("datetrunc",
                  "The begin of the period that the value lies in; a TIMESTAMP for dates.",
                  "datetrunc('month', DATE '2024-01-31')"),
     .may_error = true, .cost_ns = 3.0, .resolve = resolve_date_trunc,
     .evaluate = evaluate_date_trunc},
    PART_ROW("year", "The year.", "year(DATE '2024-01-31')", part_year),
    PART_ROW("quarter", "The quarter, 1 to 4.", "quarter(DATE '2024-01-31')", part_quarter),
    PART_ROW("month", "The month, 1 to 12.", "month(DATE '2024-01-31')", part_month),
    PART_ROW("week", "The ISO week, 1 to 53.", "week(DATE '2024-01-31')", part_week),
    PART_ROW("weekofyear", "The ISO week, 1 to 53.", "weekofyear(DATE '2024-01-31')", part_week),
    PART_ROW("day", "The day of the month.", "day(DATE '2024-01-31')", part_day),
    PART_ROW("dayofmonth", "The day of the month.", "dayofmonth(DATE '2024-01-31')", part_day),
    PART_ROW("dayofweek", "The day of the week, Sunday = 0.", "dayofweek(DATE '2024-01-31')",
             part_dow),
    PART_ROW("weekday", "The day of the week, Sunday = 0.", "weekday(DATE '2024-01-31')", part_dow),
    PART_ROW("isodow", "The day of the week, Monday = 1 to Sunday = 7.",
             "isodow(DATE '2024-01-31')", part_isodow),
    PART_ROW("dayofyear", "The day of the year, from 1.", "dayofyear(DATE '2024-01-31')", part_doy),
    PART_ROW("hour", "The hour, 0 to 23.", "hour(TIMESTAMP '2024-01-31 12:34:56')", part_hour),
    PART_ROW("minute", "The minute, 0 to 59.", "minute(TIMESTAMP '2024-01-31 12:34:56')",
             part_minute),
    PART_ROW("second", "The second, 0 to 59.", "second(TIMESTAMP '2024-01-31 12:34:56')",
             part_second),
    PART_ROW("millisecond", "Seconds and their fraction in milliseconds.",
             "millisecond(TIMESTAMP '2024-01-31 12:34:56.789')", part_millisecond),
    PART_ROW("microsecond", "Seconds and their fraction in microseconds.",
             "microsecond(TIMESTAMP '2024-01-31 12:34:56.789')", part_microsecond),
    PART_ROW("nanosecond", "Seconds and their fraction in nanoseconds.",
             "nanosecond(TIMESTAMP '2024-01-31 12:34:56.789')", part_nanosecond),
    PART_ROW("epoch", "Seconds since 1970-01-01 00:00:00.",
             "epoch(TIMESTAMP '2024-01-31 12:34:56')", part_epoch),
    PART_ROW("decade", "The decade: the year divided by 10.", "decade(DATE '2024-01-31')",
             part_decade),
    PART_ROW("century", "The century.", "century(DATE '2024-01-31')", part_century),
    PART_ROW("millennium", "The millennium.", "millennium(DATE '2024-01-31')", part_millennium),
    PART_ROW("isoyear", "The year of the ISO week.", "isoyear(DATE '2024-12-31')", part_isoyear),
    PART_ROW("era", "1 since the year 1, 0 before.", "era(DATE '2024-01-31')", part_era),
};

const cni_function *
cni_builtin_date_part(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(part_table);
    return part_table;
}
