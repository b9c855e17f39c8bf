/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates and times made: the current ones, from fields, from epochs, intervals from numbers, names
 * of days and months, last_day.
 *
 * now() and its like give the begin of the query, the same in every row (STABLE). The time zone of
 * the session is UTC.
 */
#include <math.h>

#include "data/column/datetime.h"
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

static cn_code
out_of_range(const char *what, cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "%s out of range", what);
    cni_error_sqlstate(err, "22008");
    return code;
}

/* ---- now ---- */

static cn_code
evaluate_now(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
             cn_error *err)
{
    void *out = NULL;
    const int64_t now_us = call->context->now_us;
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        if (call->type->id == CNI_TYPE_DATE) {
            ((int32_t *)out)[row] = (int32_t)cni_floor_div(now_us, CNI_MICROS_PER_DAY);
        } else if (call->type->id == CNI_TYPE_TIME) {
            ((int64_t *)out)[row] = cni_floor_mod(now_us, CNI_MICROS_PER_DAY);
        } else {
            ((int64_t *)out)[row] = now_us;
        }
    }
    return CN_OK;
}

/* ---- from fields ---- */

static bool
days_of(int64_t year, int64_t month, int64_t day, int64_t *out_days)
{
    if (year < -290000 || year > 290000 || month < 1 || month > 12 || day < 1 ||
        day > cni_days_in_month(year, (int32_t)month)) {
        return false;
    }
    *out_days = cni_days_from_civil(year, (int32_t)month, (int32_t)day);
    return true;
}

static cn_code
evaluate_make_date(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                   cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    int32_t *out = NULL;
    const cni_reader years = cni_reader_of(call->args[0]);
    const cni_reader months = cni_reader_of(call->args[1]);
    const cni_reader days = cni_reader_of(call->args[2]);
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const int64_t year = cni_read_i64(&years, row);
        const int64_t month = cni_read_i64(&months, row);
        const int64_t day = cni_read_i64(&days, row);
        int64_t made = 0;
        if (!days_of(year, month, day, &made) && cni_word_bit(alive, row)) {
            const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "there is no date %lld-%lld-%lld",
                                         (long long)year, (long long)month, (long long)day);
            cni_error_sqlstate(err, "22008");
            return code;
        }
        out[row] = (int32_t)made;
    }
    return CN_OK;
}

/* Hours, minutes and seconds from argument `first` on, in microseconds. */
static bool
clock_of(const cni_reader *args, int32_t first, int64_t row, int64_t *out_micros)
{
    const int64_t hour = cni_read_i64(&args[first], row);
    const int64_t minute = cni_read_i64(&args[first + 1], row);
    const double second = cni_read_f64(&args[first + 2], row);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || !(second >= 0.0 && second < 60.0)) {
        return false;
    }
    *out_micros = (hour * 3600 + minute * 60) * CNI_MICROS_PER_SECOND +
                  (int64_t)rint(second * (double)CNI_MICROS_PER_SECOND);
    return true;
}

/* make_timestamp(y, m, d, h, min, s) and make_time(h, min, s). */
static cn_code
evaluate_make_time(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                   cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    cni_reader args[CNI_SIGNATURE_MAX_ARGS] = {{0}};
    int64_t *out = NULL;
    const bool with_date = call->n_args == 6;
    (void)self;
    CN_ASSERT(call->n_args == 6 || call->n_args == 3);
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        args[arg] = cni_reader_of(call->args[arg]);
    }
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        int64_t days = 0;
        int64_t micros = 0;
        out[row] = 0;
        if (!cni_word_bit(alive, row)) {
            continue;
        }
        if (with_date && !days_of(cni_read_i64(&args[0], row), cni_read_i64(&args[1], row),
                                  cni_read_i64(&args[2], row), &days)) {
            return out_of_range("date field", err);
        }
        if (!clock_of(args, with_date ? 3 : 0, row, &micros)) {
            return out_of_range("time field", err);
        }
        out[row] = days * CNI_MICROS_PER_DAY + micros;
    }
    return CN_OK;
}

/* ---- epochs ---- */

/* to_timestamp(seconds). */
static cn_code
evaluate_to_timestamp(const cni_function *self, const cni_scalar_call *call,
                      cni_vector *inout_result, cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    int64_t *out = NULL;
    const cni_reader seconds = cni_reader_of(call->args[0]);
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const double micros = rint(cni_read_f64(&seconds, row) * (double)CNI_MICROS_PER_SECOND);
        const bool fits = micros > -9.2e18 && micros < 9.2e18;
        if (!fits && cni_word_bit(alive, row)) {
            return out_of_range("timestamp", err);
        }
        out[row] = fits ? (int64_t)micros : 0;
    }
    return CN_OK;
}

/* Private data: the signature, and the unit of the number. */
typedef struct epoch_function {
    cni_signature signature;
    cni_unit unit;
} epoch_function;

/* epoch_ms(timestamp or date) and its like: ticks since 1970 in the unit, rounded down. */
static cn_code
evaluate_epoch(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
               cn_error *err)
{
    const epoch_function *function = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    int64_t *out = NULL;
    const cni_reader moments = cni_reader_of(call->args[0]);
    const cni_unit from = (cni_unit)call->args[0]->type->unit;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        out[row] = 0;
        if (!cni_ticks_rescale(cni_read_i64(&moments, row), from, function->unit, &out[row]) &&
            cni_word_bit(alive, row)) {
            return out_of_range("epoch", err);
        }
    }
    return CN_OK;
}

/* epoch_ms(number): the timestamp. */
static cn_code
evaluate_from_epoch(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                    cn_error *err)
{
    const epoch_function *function = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    int64_t *out = NULL;
    const cni_reader ticks = cni_reader_of(call->args[0]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        out[row] = 0;
        if (!cni_ticks_rescale(cni_read_i64(&ticks, row), function->unit, CNI_UNIT_US, &out[row]) &&
            cni_word_bit(alive, row)) {
            return out_of_range("timestamp", err);
        }
    }
    return CN_OK;
}

/* ---- intervals ---- */

/* Private data: one unit of the number as an interval. */
typedef struct interval_function {
    cni_signature signature;
    cni_interval unit;
} interval_function;

static cn_code
evaluate_interval(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                  cn_error *err)
{
    const interval_function *function = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    cni_interval *out = NULL;
    const cni_reader numbers = cni_reader_of(call->args[0]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const int64_t number = cni_read_i64(&numbers, row);
        const bool overflow =
            __builtin_mul_overflow(number, function->unit.months, &out[row].months) ||
            __builtin_mul_overflow(number, function->unit.days, &out[row].days) ||
            __builtin_mul_overflow(number, function->unit.nanos, &out[row].nanos);
        if (overflow && cni_word_bit(alive, row)) {
            return out_of_range("interval", err);
        }
    }
    return CN_OK;
}

/* to_seconds(2.5): fractions down to nanoseconds. */
static cn_code
evaluate_seconds(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    const interval_function *function = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    cni_interval *out = NULL;
    const cni_reader numbers = cni_reader_of(call->args[0]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const double nanos = rint(cni_read_f64(&numbers, row) * (double)function->unit.nanos);
        const bool fits = nanos > -9.2e18 && nanos < 9.2e18;
        if (!fits && cni_word_bit(alive, row)) {
            return out_of_range("interval", err);
        }
        out[row] = (cni_interval){0, 0, fits ? (int64_t)nanos : 0};
    }
    return CN_OK;
}

/* ---- names, last_day ---- */

static const cni_str day_names[7] = {
    CNI_TEXT("Monday"), CNI_TEXT("Tuesday"),  CNI_TEXT("Wednesday"), CNI_TEXT("Thursday"),
    CNI_TEXT("Friday"), CNI_TEXT("Saturday"), CNI_TEXT("Sunday")};
static const cni_str month_names[12] = {
    CNI_TEXT("January"),   CNI_TEXT("February"), CNI_TEXT("March"),    CNI_TEXT("April"),
    CNI_TEXT("May"),       CNI_TEXT("June"),     CNI_TEXT("July"),     CNI_TEXT("August"),
    CNI_TEXT("September"), CNI_TEXT("October"),  CNI_TEXT("November"), CNI_TEXT("December")};

static cn_code
dayname_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
            cn_error *err)
{
    (void)call;
    return cni_text_copy(sink, row, day_names[cni_iso_weekday(cni_read_i32(&args[0], row)) - 1],
                         err);
}

static cn_code
monthname_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
              cn_error *err)
{
    (void)call;
    return cni_text_copy(
        sink, row, month_names[cni_civil_from_days(cni_read_i32(&args[0], row)).month - 1], err);
}

typedef struct name_function {
    cni_signature signature;
    cni_text_row row;
} name_function;

static cn_code
evaluate_name(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    return cni_text_map(call, ((const name_function *)self->private_data)->row, -1, inout_result,
                        err);
}

static cn_code
evaluate_last_day(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                  cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    int32_t *out = NULL;
    const cni_reader dates = cni_reader_of(call->args[0]);
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const int64_t days = cni_read_i32(&dates, row);
        const cni_civil civil = cni_civil_from_days(days);
        const int64_t last = days - civil.day + cni_days_in_month(civil.year, civil.month);
        if (last != (int32_t)last && cni_word_bit(alive, row)) {
            return out_of_range("date", err);
        }
        out[row] = (int32_t)last;
    }
    return CN_OK;
}

/* DATE as it is; a TIMESTAMP without its time of day. */
static cn_code
resolve_day(const cni_function *self, cni_resolve *question, cn_error *err)
{
    const cni_signature *signature = self->private_data;
    const cni_type *date = cni_type_of(CNI_TYPE_DATE);
    (void)err;
    if (question->n_args == 1 && question->arg_types[0]->id == CNI_TYPE_TIMESTAMP) {
        question->out_arg_types[0] = date;
        question->out_cost += 5;
        question->out_type = cni_type_of((cni_type_id)signature->result);
        question->out_matched = true;
        return CN_OK;
    }
    cni_signature_match(signature, question);
    return CN_OK;
}

/* ---- the table ---- */

static const cni_signature gives_zoned = {.result = CNI_ARG_TIMESTAMPTZ};
static const cni_signature gives_timestamp = {.result = CNI_TYPE_TIMESTAMP};
static const cni_signature gives_date = {.result = CNI_TYPE_DATE};
static const cni_signature gives_time = {.result = CNI_TYPE_TIME};
static const cni_signature date_fields = {.args = {CNI_TYPE_INT64, CNI_TYPE_INT64, CNI_TYPE_INT64},
                                          .result = CNI_TYPE_DATE};
static const cni_signature time_fields = {
    .args = {CNI_TYPE_INT64, CNI_TYPE_INT64, CNI_TYPE_FLOAT64}, .result = CNI_TYPE_TIME};
static const cni_signature timestamp_fields = {.args = {CNI_TYPE_INT64, CNI_TYPE_INT64,
                                                        CNI_TYPE_INT64, CNI_TYPE_INT64,
                                                        CNI_TYPE_INT64, CNI_TYPE_FLOAT64},
                                               .result = CNI_TYPE_TIMESTAMP};
static const cni_signature seconds_zoned = {.args = {CNI_TYPE_FLOAT64},
                                            .result = CNI_ARG_TIMESTAMPTZ};
static const cni_signature date_to_date = {.args = {CNI_TYPE_DATE}, .result = CNI_TYPE_DATE};

#define MOMENT_TO_NUMBER   {.args = {CNI_TYPE_TIMESTAMP}, .result = CNI_TYPE_INT64}
#define NUMBER_TO_MOMENT   {.args = {CNI_TYPE_INT64}, .result = CNI_TYPE_TIMESTAMP}
#define NUMBER_TO_INTERVAL {.args = {CNI_TYPE_INT64}, .result = CNI_TYPE_INTERVAL}
#define DOUBLE_TO_INTERVAL {.args = {CNI_TYPE_FLOAT64}, .result = CNI_TYPE_INTERVAL}

static const epoch_function epoch_ms = {MOMENT_TO_NUMBER, CNI_UNIT_MS};
static const epoch_function epoch_us = {MOMENT_TO_NUMBER, CNI_UNIT_US};
static const epoch_function epoch_ns = {MOMENT_TO_NUMBER, CNI_UNIT_NS};
static const epoch_function from_epoch_ms = {NUMBER_TO_MOMENT, CNI_UNIT_MS};
static const epoch_function from_epoch_us = {NUMBER_TO_MOMENT, CNI_UNIT_US};
static const interval_function to_years = {NUMBER_TO_INTERVAL, {12, 0, 0}};
static const interval_function to_months = {NUMBER_TO_INTERVAL, {1, 0, 0}};
static const interval_function to_weeks = {NUMBER_TO_INTERVAL, {0, 7, 0}};
static const interval_function to_days = {NUMBER_TO_INTERVAL, {0, 1, 0}};
static const interval_function to_hours = {NUMBER_TO_INTERVAL, {0, 0, INT64_C(3600000000000)}};
static const interval_function to_minutes = {NUMBER_TO_INTERVAL, {0, 0, INT64_C(60000000000)}};
static const interval_function to_seconds = {DOUBLE_TO_INTERVAL, {0, 0, 1000000000}};
static const interval_function to_millis = {DOUBLE_TO_INTERVAL, {0, 0, 1000000}};
static const interval_function to_micros = {NUMBER_TO_INTERVAL, {0, 0, 1000}};
static const name_function dayname = {{.args = {CNI_TYPE_DATE}, .result = CNI_TYPE_VARCHAR},
                                      dayname_row};
static const name_function monthname = {{.args = {CNI_TYPE_DATE}, .result = CNI_TYPE_VARCHAR},
                                        monthname_row};

#define NOW_ROW(row_name, row_description, row_example, data)                                      \
    {CNI_ROW(row_name, row_description, row_example), .volatility = CNI_STABLE,                    \
     .resolve = cni_signature_resolve, .private_data = &(data), .evaluate = evaluate_now}
#define MAKE_ROW(row_name, row_description, row_example, data, function)                           \
    {CNI_ROW_PURE(row_name, row_description, row_example),                                         \
     .may_error = true,                                                                            \
     .cost_ns = 4.0,                                                                               \
     .resolve = cni_signature_resolve,                                                             \
     .private_data = &(data),                                                                      \
     .evaluate = (function)}
#define DAY_ROW(row_name, row_description, row_example, data, function)                            \
    {CNI_ROW_PURE(row_name, row_description, row_example),                                         \
     .may_error = true,                                                                            \
     .cost_ns = 6.0,                                                                               \
     .resolve = resolve_day,                                                                       \
     .private_data = &(data),                                                                      \
     .evaluate = (function)}

static const cni_function make_table[] = {
    NOW_ROW("now", "The instant at which the query began.", "now()", gives_zoned),
    NOW_ROW("current_timestamp", "The instant at which the query began.", "current_timestamp",
            gives_zoned),
    NOW_ROW("transaction_timestamp", "The instant at which the query began.",
            "transaction_timestamp()", gives_zoned),
    NOW_ROW("localtimestamp", "The time at which the query began, without a zone.",
            "localtimestamp", gives_timestamp),
    NOW_ROW("current_date", "The day on which the query began.", "current_date", gives_date),
    NOW_ROW("today", "The day on which the query began.", "today()", gives_date),
    NOW_ROW("current_time", "The time of day at which the query began.", "current_time",
            gives_time),
    NOW_ROW("localtime", "The time of day at which the query began.", "localtime", gives_time),
    MAKE_ROW("make_date", "A date from year, month and day.", "make_date(2024, 1, 31)", date_fields,
             evaluate_make_date),
    MAKE_ROW("make_time", "A time of day from hour, minute and second.", "make_time(12, 34, 56.7)",
             time_fields, evaluate_make_time),
    MAKE_ROW("make_timestamp", "A timestamp from its fields.",
             "make_timestamp(2024, 1, 31, 12, 34, 56.7)", timestamp_fields, evaluate_make_time),
    MAKE_ROW("to_timestamp", "The instant so many seconds after 1970-01-01.",
             "to_timestamp(1706704496)", seconds_zoned, evaluate_to_timestamp),
    MAKE_ROW("epoch_ms", "Milliseconds since 1970-01-01.",
             "epoch_ms(TIMESTAMP '2024-01-31 12:34:56')", epoch_ms, evaluate_epoch),
    MAKE_ROW("epoch_ms", "The timestamp so many milliseconds after 1970-01-01.",
             "epoch_ms(1706704496000)", from_epoch_ms, evaluate_from_epoch),
    MAKE_ROW("epoch_us", "Microseconds since 1970-01-01.",
             "epoch_us(TIMESTAMP '2024-01-31 12:34:56')", epoch_us, evaluate_epoch),
    MAKE_ROW("make_timestamp", "The timestamp so many microseconds after 1970-01-01.",
             "make_timestamp(1706704496000000)", from_epoch_us, evaluate_from_epoch),
    MAKE_ROW("epoch_ns", "Nanoseconds since 1970-01-01.",
             "epoch_ns(TIMESTAMP '2024-01-31 12:34:56')", epoch_ns, evaluate_epoch),
    MAKE_ROW("to_years", "An interval of n years.", "to_years(5)", to_years, evaluate_interval),
    MAKE_ROW("to_months", "An interval of n months.", "to_months(5)", to_months, evaluate_interval),
    MAKE_ROW("to_weeks", "An interval of n weeks.", "to_weeks(5)", to_weeks, evaluate_interval),
    MAKE_ROW("to_days", "An interval of n days.", "to_days(5)", to_days, evaluate_interval),
    MAKE_ROW("to_hours", "An interval of n hours.", "to_hours(5)", to_hours, evaluate_interval),
    MAKE_ROW("to_minutes", "An interval of n minutes.", "to_minutes(5)", to_minutes,
             evaluate_interval),
    MAKE_ROW("to_seconds", "An interval of n seconds.", "to_seconds(5.5)", to_seconds,
             evaluate_seconds),
    MAKE_ROW("to_milliseconds", "An interval of n milliseconds.", "to_milliseconds(5.5)", to_millis,
             evaluate_seconds),
    MAKE_ROW("to_microseconds", "An interval of n microseconds.", "to_microseconds(5)", to_micros,
             evaluate_interval),
    DAY_ROW("dayname", "The name of the day of the week.", "dayname(DATE '2024-01-31')", dayname,
            evaluate_name),
    DAY_ROW("monthname", "The name of the month.", "monthname(DATE '2024-01-31')", monthname,
            evaluate_name),
    DAY_ROW("last_day", "The last day of the month.", "last_day(DATE '2024-02-10')", date_to_date,
            evaluate_last_day),
};

const cni_function *
cni_builtin_date_make(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(make_table);
    return make_table;
}
