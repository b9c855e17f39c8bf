/* SPDX-License-Identifier: Apache-2.0
 *
 * Differences of dates and timestamps: date_diff (boundaries crossed), date_sub (whole periods),
 * age (years, months, days, time), and date_add; strftime.
 *
 * All compute on microseconds; dates are midnights.
 */
#include "data/column/datetime.h"
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

/* ---- counting ---- */

/* Microseconds of a period of fixed length, 0 for months and longer. */
static int64_t
fixed_micros(cni_date_part part)
{
    switch (part) {
    case CNI_PART_WEEK:
        return 7 * CNI_MICROS_PER_DAY;
    case CNI_PART_DAY:
    case CNI_PART_DOW:
    case CNI_PART_ISODOW:
    case CNI_PART_DOY:
        return CNI_MICROS_PER_DAY;
    case CNI_PART_HOUR:
        return 3600 * CNI_MICROS_PER_SECOND;
    case CNI_PART_MINUTE:
        return 60 * CNI_MICROS_PER_SECOND;
    case CNI_PART_SECOND:
    case CNI_PART_EPOCH:
        return CNI_MICROS_PER_SECOND;
    case CNI_PART_MILLISECOND:
        return 1000;
    case CNI_PART_MICROSECOND:
        return 1;
    default:
        return 0;
    }
}

static int64_t
period_months(cni_date_part part)
{
    switch (part) {
    case CNI_PART_MONTH:
        return 1;
    case CNI_PART_QUARTER:
        return 3;
    case CNI_PART_YEAR:
        return 12;
    case CNI_PART_DECADE:
        return 120;
    case CNI_PART_CENTURY:
        return 1200;
    case CNI_PART_MILLENNIUM:
        return 12000;
    default:
        return 0;
    }
}

static int64_t
month_number(int64_t micros)
{
    const cni_civil civil = cni_civil_from_days(cni_floor_div(micros, CNI_MICROS_PER_DAY));
    return civil.year * 12 + civil.month - 1;
}

/* Which period of `n_months` a month lies in; centuries and longer begin with the year 1. */
static int64_t
period_of(int64_t month, int64_t n_months)
{
    return cni_floor_div(n_months >= 1200 ? month - 12 : month, n_months);
}

/* Boundaries between a and b. Weeks begin on Mondays: 1970-01-01 was a Thursday. */
static int64_t
count_boundaries(cni_date_part part, int64_t a, int64_t b)
{
    const int64_t n_months = period_months(part);
    if (part == CNI_PART_ISOYEAR) {
        int64_t year_a = 0;
        int64_t year_b = 0;
        (void)cni_iso_week(cni_floor_div(a, CNI_MICROS_PER_DAY), &year_a);
        (void)cni_iso_week(cni_floor_div(b, CNI_MICROS_PER_DAY), &year_b);
        return year_b - year_a;
    }
    if (n_months > 0) {
        return period_of(month_number(b), n_months) - period_of(month_number(a), n_months);
    }
    const int64_t period = fixed_micros(part);
    if (part == CNI_PART_WEEK) {
        const int64_t day_a = cni_floor_div(a, CNI_MICROS_PER_DAY) + 3;
        const int64_t day_b = cni_floor_div(b, CNI_MICROS_PER_DAY) + 3;
        return cni_floor_div(day_b, 7) - cni_floor_div(day_a, 7);
    }
    return (int64_t)((uint64_t)cni_floor_div(b, period) - (uint64_t)cni_floor_div(a, period));
}

/* `micros` some months later; the day clamps to the end of the month, the whole to 64 bits. */
static int64_t
add_months(int64_t micros, int64_t n_months)
{
    const int64_t days = cni_floor_div(micros, CNI_MICROS_PER_DAY);
    const cni_i128 moved = (cni_i128)cni_days_add_months(days, n_months) * CNI_MICROS_PER_DAY +
                           cni_floor_mod(micros, CNI_MICROS_PER_DAY);
    return moved > INT64_MAX ? INT64_MAX : moved < INT64_MIN ? INT64_MIN : (int64_t)moved;
}

/* Whole months from a to b, towards zero. */
static int64_t
whole_months(int64_t a, int64_t b)
{
    int64_t n_months = month_number(b) - month_number(a);
    if (n_months > 0 && add_months(a, n_months) > b) {
        n_months--;
    } else if (n_months < 0 && add_months(a, n_months) < b) {
        n_months++;
    }
    return n_months;
}

static int64_t
count_periods(cni_date_part part, int64_t a, int64_t b)
{
    const int64_t n_months = period_months(part == CNI_PART_ISOYEAR ? CNI_PART_YEAR : part);
    if (n_months > 0) {
        return whole_months(a, b) / n_months;
    }
    return (int64_t)(((cni_i128)b - a) / fixed_micros(part));
}

/* ---- date_diff, date_sub ---- */

typedef int64_t (*count_fn)(cni_date_part part, int64_t a, int64_t b);

/* Private data of the two. */
typedef struct diff_function {
    count_fn count;
} diff_function;

static bool
want_timestamp(cni_resolve *question, int32_t arg)
{
    const cni_type *type = question->arg_types[arg];
    const cni_type *wanted = cni_type_of(CNI_TYPE_TIMESTAMP);
    if (type->id == CNI_TYPE_TIMESTAMP) { /* any unit and zone: instants in microseconds */
        question->out_arg_types[arg] = wanted;
        return true;
    }
    return cni_resolve_want(question, arg, wanted);
}

static bool
can_count(cni_date_part part)
{
    return fixed_micros(part) > 0 || period_months(part) > 0 || part == CNI_PART_ISOYEAR;
}

static cn_code
refuse_part(cni_str name, cn_error *err)
{
    const cn_code code =
        CN_FAIL(err, CN_INVALID_ARGUMENT, "\"%.*s\" is not a part that differences count in",
                (int)cni_min_i64(name.len_bytes, 100), name.data);
    cni_error_sqlstate(err, "22023");
    return code;
}

static cn_code
resolve_diff(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    if (question->n_args != 3 || !cni_resolve_want(question, 0, cni_type_of(CNI_TYPE_VARCHAR)) ||
        !want_timestamp(question, 1) || !want_timestamp(question, 2)) {
        return CN_OK;
    }
    question->out_type = cni_type_of(CNI_TYPE_INT64);
    question->out_matched = true;
    const cni_value *literal = question->arg_literals == NULL ? NULL : question->arg_literals[0];
    if (literal == NULL || literal->is_null || literal->type->id != CNI_TYPE_VARCHAR) {
        return CN_OK;
    }
    cni_date_part *part = NULL;
    CN_TRY(CN_ARENA_NEW(question->arena, &part, err));
    if (!cni_date_part_find(literal->as.bytes, part) || !can_count(*part)) {
        return refuse_part(literal->as.bytes, err);
    }
    question->out_bind_data = part;
    return CN_OK;
}

static cn_code
diff_part(const cni_scalar_call *call, const cni_reader *names, int64_t row,
          cni_date_part *out_part, cn_error *err)
{
    if (call->bind_data != NULL) {
        *out_part = *(const cni_date_part *)call->bind_data;
        return CN_OK;
    }
    const cni_str name = cni_read_str(names, row);
    return cni_date_part_find(name, out_part) && can_count(*out_part) ? CN_OK
                                                                      : refuse_part(name, err);
}

static cn_code
evaluate_diff(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    const diff_function *function = self->private_data;
    uint64_t alive[CNI_ROWS_WORDS];
    int64_t *out = NULL;
    const cni_reader names = cni_reader_of(call->args[0]);
    const cni_reader a = cni_reader_of(call->args[1]);
    const cni_reader b = cni_reader_of(call->args[2]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        cni_date_part part = CNI_PART_DAY;
        out[row] = 0;
        if (cni_word_bit(alive, row)) {
            CN_TRY(diff_part(call, &names, row, &part, err));
            out[row] = function->count(part, cni_read_i64(&a, row), cni_read_i64(&b, row));
        }
    }
    return CN_OK;
}

/* ---- age ---- */

/* Field by field as PostgreSQL does: a negative day borrows the length of the earlier date's month.
 */
static cni_interval
age_forward(int64_t later, int64_t earlier)
{
    const int64_t day_a = cni_floor_div(later, CNI_MICROS_PER_DAY);
    const int64_t day_b = cni_floor_div(earlier, CNI_MICROS_PER_DAY);
    const cni_civil a = cni_civil_from_days(day_a);
    const cni_civil b = cni_civil_from_days(day_b);
    int64_t micros =
        cni_floor_mod(later, CNI_MICROS_PER_DAY) - cni_floor_mod(earlier, CNI_MICROS_PER_DAY);
    int32_t days = a.day - b.day;
    int64_t months = (a.year - b.year) * 12 + a.month - b.month;
    if (micros < 0) {
        micros += CNI_MICROS_PER_DAY;
        days--;
    }
    if (days < 0) {
        days += cni_days_in_month(b.year, b.month);
        months--;
    }
    return (cni_interval){(int32_t)months, days, micros * 1000};
}

static cni_interval
age_between(int64_t to, int64_t from)
{
    if (to >= from) {
        return age_forward(to, from);
    }
    const cni_interval back = age_forward(from, to);
    return (cni_interval){-back.months, -back.days, -back.nanos};
}

static cn_code
resolve_age(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    if (question->n_args < 1 || question->n_args > 2 || !want_timestamp(question, 0) ||
        (question->n_args == 2 && !want_timestamp(question, 1))) {
        return CN_OK;
    }
    question->out_type = cni_type_of(CNI_TYPE_INTERVAL);
    question->out_matched = true;
    return CN_OK;
}

static cn_code
evaluate_age(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
             cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    cni_interval *out = NULL;
    const cni_reader a = cni_reader_of(call->args[0]);
    const cni_reader b = cni_reader_of(call->args[call->n_args - 1]);
    const int64_t today =
        cni_floor_div(call->context->now_us, CNI_MICROS_PER_DAY) * CNI_MICROS_PER_DAY;
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const int64_t to = call->n_args == 1 ? today : cni_read_i64(&a, row);
        out[row] = (cni_interval){0, 0, 0};
        if (cni_word_bit(alive, row)) {
            out[row] = age_between(to, cni_read_i64(&b, row));
        }
    }
    return CN_OK;
}

/* ---- strftime ---- */

static cn_code
append_number(cni_strbuf *out, int64_t number, int width, cn_error *err)
{
    return cni_strbuf_printf(out, err, "%0*lld", width, (long long)number);
}

static const char *const short_days = "SunMonTueWedThuFriSat";
static const char *const long_days[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                         "Thursday", "Friday", "Saturday"};
static const char *const short_months = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char *const long_months[12] = {"January",   "February", "March",    "April",
                                            "May",       "June",     "July",     "August",
                                            "September", "October",  "November", "December"};

/* What conversions print from. */
typedef struct broken_time {
    int64_t days;
    cni_civil civil;
    int64_t micros; /* of the day */
} broken_time;

static cn_code
append_clock(cni_strbuf *out, char conversion, int64_t micros, bool *out_known, cn_error *err)
{
    const int64_t seconds = micros / CNI_MICROS_PER_SECOND;
    const int64_t hour = seconds / 3600;
    switch (conversion) {
    case 'H':
        return append_number(out, hour, 2, err);
    case 'I':
        return append_number(out, (hour + 11) % 12 + 1, 2, err);
    case 'M':
        return append_number(out, seconds / 60 % 60, 2, err);
    case 'S':
        return append_number(out, seconds % 60, 2, err);
    case 'f':
        return append_number(out, micros % CNI_MICROS_PER_SECOND, 6, err);
    case 'g':
        return append_number(out, micros % CNI_MICROS_PER_SECOND / 1000, 3, err);
    case 'p':
        return cni_strbuf_append(out, hour < 12 ? CNI_STR("AM") : CNI_STR("PM"), err);
    case 'X':
    case 'T':
        return cni_strbuf_printf(out, err, "%02d:%02d:%02d", (int)hour, (int)(seconds / 60 % 60),
                                 (int)(seconds % 60));
    default:
        *out_known = false;
        return CN_OK;
    }
}

static cn_code
append_day(cni_strbuf *out, char conversion, const broken_time *time, bool *out_known,
           cn_error *err)
{
    const int32_t weekday = cni_iso_weekday(time->days) % 7; /* Sunday = 0 */
    int64_t iso_year = 0;
    switch (conversion) {
    case 'Y':
        return cni_strbuf_printf(out, err, "%04lld", (long long)time->civil.year);
    case 'y':
        return append_number(out, cni_floor_mod(time->civil.year, 100), 2, err);
    case 'm':
        return append_number(out, time->civil.month, 2, err);
    case 'd':
        return append_number(out, time->civil.day, 2, err);
    case 'j':
        return append_number(out, time->days - cni_days_from_civil(time->civil.year, 1, 1) + 1, 3,
                             err);
    case 'a':
        return cni_strbuf_append(out, (cni_str){short_days + weekday * 3L, 3}, err);
    case 'A':
        return cni_strbuf_append(out, cni_str_of(long_days[weekday]), err);
    case 'b':
    case 'h':
        return cni_strbuf_append(out, (cni_str){short_months + (time->civil.month - 1) * 3L, 3},
                                 err);
    case 'B':
        return cni_strbuf_append(out, cni_str_of(long_months[time->civil.month - 1]), err);
    case 'w':
        return append_number(out, weekday, 1, err);
    case 'u':
        return append_number(out, weekday == 0 ? 7 : weekday, 1, err);
    case 'V':
        return append_number(out, cni_iso_week(time->days, &iso_year), 2, err);
    case 'G':
        (void)cni_iso_week(time->days, &iso_year);
        return append_number(out, iso_year, 4, err);
    case 'x':
    case 'F':
        return cni_strbuf_printf(out, err, "%04lld-%02d-%02d", (long long)time->civil.year,
                                 time->civil.month, time->civil.day);
    default:
        *out_known = false;
        return CN_OK;
    }
}

/* %-d and its like: without leading zeros. */
static cn_code
append_unpadded(cni_strbuf *out, int64_t start)
{
    int64_t n_zeros = 0;
    while (start + n_zeros + 1 < out->len_bytes && out->data[start + n_zeros] == '0') {
        n_zeros++;
    }
    memmove(out->data + start, out->data + start + n_zeros,
            (size_t)(out->len_bytes - start - n_zeros));
    out->len_bytes -= n_zeros;
    return CN_OK;
}

static cn_code
append_conversion(cni_strbuf *out, char conversion, const broken_time *time, cn_error *err)
{
    bool known = true;
    if (conversion == '%') {
        return cni_strbuf_append_char(out, '%', err);
    }
    CN_TRY(append_day(out, conversion, time, &known, err));
    if (!known) {
        known = true;
        CN_TRY(append_clock(out, conversion, time->micros, &known, err));
    }
    if (known) {
        return CN_OK;
    }
    const cn_code code =
        CN_FAIL(err, CN_INVALID_ARGUMENT, "strftime: unknown conversion %%%c", conversion);
    cni_error_sqlstate(err, "22007");
    return code;
}

static cn_code
format_time(cni_strbuf *out, cni_str format, int64_t micros, cn_error *err)
{
    const int64_t days = cni_floor_div(micros, CNI_MICROS_PER_DAY);
    const broken_time time = {days, cni_civil_from_days(days),
                              cni_floor_mod(micros, CNI_MICROS_PER_DAY)};
    for (int64_t at = 0; at < format.len_bytes; at++) {
        if (format.data[at] != '%' || at + 1 == format.len_bytes) {
            CN_TRY(cni_strbuf_append_char(out, format.data[at], err));
            continue;
        }
        const bool unpadded = format.data[at + 1] == '-' && at + 2 < format.len_bytes;
        const int64_t start = out->len_bytes;
        at += unpadded ? 2 : 1;
        CN_TRY(append_conversion(out, format.data[at], &time, err));
        if (unpadded) {
            CN_TRY(append_unpadded(out, start));
        }
    }
    return CN_OK;
}

static cn_code
strftime_row(const cni_reader *args, const cni_scalar_call *call, int64_t row, cni_text_sink *sink,
             cn_error *err)
{
    cni_strbuf out;
    cni_strbuf_init(&out, call->env.allocator, CNI_VIEW_MAX_BYTES);
    cn_code code = format_time(&out, cni_read_str(&args[1], row), cni_read_i64(&args[0], row), err);
    if (code == CN_OK) {
        code = cni_text_copy(sink, row, cni_strbuf_view(&out), err);
    }
    cni_strbuf_done(&out);
    return code;
}

static cn_code
resolve_strftime(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    if (question->n_args == 2 && want_timestamp(question, 0) &&
        cni_resolve_want(question, 1, cni_type_of(CNI_TYPE_VARCHAR))) {
        question->out_type = cni_type_of(CNI_TYPE_VARCHAR);
        question->out_matched = true;
    }
    return CN_OK;
}

static cn_code
evaluate_strftime(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                  cn_error *err)
{
    (void)self;
    return cni_text_map(call, strftime_row, -1, inout_result, err);
}

/* ---- date_add ---- */

static cn_code
resolve_date_add(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    (void)err;
    if (question->n_args == 2 && want_timestamp(question, 0) &&
        cni_resolve_want(question, 1, cni_type_of(CNI_TYPE_INTERVAL))) {
        question->out_type = question->out_arg_types[0];
        question->out_matched = true;
    }
    return CN_OK;
}

static cn_code
evaluate_date_add(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                  cn_error *err)
{
    (void)self;
    return cni_op_add_interval(&call->env, call->type, false, call->args[0], call->args[1],
                               inout_result, err);
}

/* ---- the table ---- */

static const diff_function diff_boundaries = {count_boundaries};
static const diff_function diff_periods = {count_periods};

#define DIFF_ROW(row_name, row_description, row_example, data)                                     \
    {CNI_ROW_PURE(row_name, row_description, row_example),                                         \
     .may_error = true,                                                                            \
     .cost_ns = 10.0,                                                                              \
     .resolve = resolve_diff,                                                                      \
     .private_data = &(data),                                                                      \
     .evaluate = evaluate_diff}

static const cni_function diff_table[] = {
    DIFF_ROW("date_diff", "Number of boundaries of a part between two dates or timestamps.",
             "date_diff('month', DATE '2024-01-31', DATE '2024-02-01')", diff_boundaries),
    DIFF_ROW("datediff", "Number of boundaries of a part between two dates or timestamps.",
             "datediff('month', DATE '2024-01-31', DATE '2024-02-01')", diff_boundaries),
    DIFF_ROW("date_sub", "Number of whole periods between two dates or timestamps.",
             "date_sub('month', DATE '2024-01-31', DATE '2024-03-01')", diff_periods),
    DIFF_ROW("datesub", "Number of whole periods between two dates or timestamps.",
             "datesub('month', DATE '2024-01-31', DATE '2024-03-01')", diff_periods),
    {CNI_ROW("age", "Years, months, days and time between two timestamps, or until today.",
             "age(TIMESTAMP '2024-03-01', TIMESTAMP '2023-01-15')"),
     .volatility = CNI_STABLE, .may_error = true, .cost_ns = 20.0, .resolve = resolve_age,
     .evaluate = evaluate_age},
    {CNI_ROW_PURE("date_add", "A date or timestamp plus an interval.",
                  "date_add(DATE '2024-01-31', INTERVAL 1 MONTH)"),
     .may_error = true, .cost_ns = 4.0, .resolve = resolve_date_add, .evaluate = evaluate_date_add},
    {CNI_ROW_PURE("strftime", "A date or timestamp as text in a format.",
                  "strftime(DATE '2024-01-31', '%d.%m.%Y')"),
     .may_error = true, .cost_ns = 80.0, .resolve = resolve_strftime,
     .evaluate = evaluate_strftime},
};

const cni_function *
cni_builtin_date_diff(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(diff_table);
    return diff_table;
}
