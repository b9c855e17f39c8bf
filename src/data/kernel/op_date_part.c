/* SPDX-License-Identifier: Apache-2.0
 *
 * EXTRACT and date_trunc. A value becomes days (civil parts) and nanoseconds within the day (clock
 * parts); intervals keep months, days and nanoseconds apart. Year numbering is astronomical (1 BC
 * is year 0). Any bit pattern is a value, so that loops run over null rows as well.
 */
#include "base/checked.h"
#include "data/kernel/civil_int.h"
#include "data/kernel/ops_int.h"

/* ---- names ---- */

typedef struct part_name {
    const char *name;
    cni_date_part part;
} part_name;

static const part_name part_names[] = {
    {"year", CNI_PART_YEAR},
    {"years", CNI_PART_YEAR},
    {"y", CNI_PART_YEAR},
    {"yr", CNI_PART_YEAR},
    {"yrs", CNI_PART_YEAR},
    {"quarter", CNI_PART_QUARTER},
    {"quarters", CNI_PART_QUARTER},
    {"month", CNI_PART_MONTH},
    {"months", CNI_PART_MONTH},
    {"mon", CNI_PART_MONTH},
    {"mons", CNI_PART_MONTH},
    {"week", CNI_PART_WEEK},
    {"weeks", CNI_PART_WEEK},
    {"w", CNI_PART_WEEK},
    {"weekofyear", CNI_PART_WEEK},
    {"day", CNI_PART_DAY},
    {"days", CNI_PART_DAY},
    {"d", CNI_PART_DAY},
    {"dayofmonth", CNI_PART_DAY},
    {"dow", CNI_PART_DOW},
    {"dayofweek", CNI_PART_DOW},
    {"weekday", CNI_PART_DOW},
    {"isodow", CNI_PART_ISODOW},
    {"doy", CNI_PART_DOY},
    {"dayofyear", CNI_PART_DOY},
    {"hour", CNI_PART_HOUR},
    {"hours", CNI_PART_HOUR},
    {"h", CNI_PART_HOUR},
    {"hr", CNI_PART_HOUR},
    {"hrs", CNI_PART_HOUR},
    {"minute", CNI_PART_MINUTE},
    {"minutes", CNI_PART_MINUTE},
    {"m", CNI_PART_MINUTE},
    {"min", CNI_PART_MINUTE},
    {"mins", CNI_PART_MINUTE},
    {"second", CNI_PART_SECOND},
    {"seconds", CNI_PART_SECOND},
    {"s", CNI_PART_SECOND},
    {"sec", CNI_PART_SECOND},
    {"secs", CNI_PART_SECOND},
    {"millisecond", CNI_PART_MILLISECOND},
    {"milliseconds", CNI_PART_MILLISECOND},
    {"ms", CNI_PART_MILLISECOND},
    {"msec", CNI_PART_MILLISECOND},
    {"msecs", CNI_PART_MILLISECOND},
    {"microsecond", CNI_PART_MICROSECOND},
    {"microseconds", CNI_PART_MICROSECOND},
    {"us", CNI_PART_MICROSECOND},
    {"usec", CNI_PART_MICROSECOND},
    {"usecs", CNI_PART_MICROSECOND},
    {"nanosecond", CNI_PART_NANOSECOND},
    {"nanoseconds", CNI_PART_NANOSECOND},
    {"ns", CNI_PART_NANOSECOND},
    {"epoch", CNI_PART_EPOCH},
    {"decade", CNI_PART_DECADE},
    {"decades", CNI_PART_DECADE},
    {"dec", CNI_PART_DECADE},
    {"decs", CNI_PART_DECADE},
    {"century", CNI_PART_CENTURY},
    {"centuries", CNI_PART_CENTURY},
    {"cent", CNI_PART_CENTURY},
    {"c", CNI_PART_CENTURY},
    {"millennium", CNI_PART_MILLENNIUM},
    {"millennia", CNI_PART_MILLENNIUM},
    {"millenniums", CNI_PART_MILLENNIUM},
    {"mil", CNI_PART_MILLENNIUM},
    {"mils", CNI_PART_MILLENNIUM},
    {"isoyear", CNI_PART_ISOYEAR},
    {"era", CNI_PART_ERA},
};

bool
cni_date_part_find(cni_str name, cni_date_part *out_part)
{
    for (int64_t index = 0; index < CN_ARRAY_LEN(part_names); index++) {
        if (cni_str_eq_nocase(name, cni_str_of(part_names[index].name))) {
            *out_part = part_names[index].part;
            return true;
        }
    }
    return false;
}

static bool
is_clock_part(cni_date_part part)
{
    return part >= CNI_PART_HOUR && part <= CNI_PART_NANOSECOND;
}

/* ---- parts of days and of clocks ---- */

/* Decades, centuries, millennia: PostgreSQL's rule, in astronomical years. */
static int64_t
century_of(int64_t year, int64_t years)
{
    return year > 0 ? (year + years - 1) / years : -((years - 1 - (year - 1)) / years);
}

static int64_t
iso_year(int64_t days)
{
    int64_t year;
    (void)cni_iso_week(days, &year);
    return year;
}

static int64_t
day_part(cni_date_part part, int64_t days)
{
    const cni_civil civil = cni_civil_of(days);
    int64_t ignored;
    switch (part) {
    case CNI_PART_YEAR:
        return civil.year;
    case CNI_PART_QUARTER:
        return (civil.month + 2) / 3;
    case CNI_PART_MONTH:
        return civil.month;
    case CNI_PART_WEEK:
        return cni_iso_week(days, &ignored);
    case CNI_PART_DAY:
        return civil.day;
    case CNI_PART_DOW:
        return cni_iso_weekday(days) % 7;
    case CNI_PART_ISODOW:
        return cni_iso_weekday(days);
    case CNI_PART_DOY:
        return days - cni_days_from_civil(civil.year, 1, 1) + 1;
    case CNI_PART_DECADE:
        return cni_floor_div(civil.year, 10);
    case CNI_PART_CENTURY:
        return century_of(civil.year, 100);
    case CNI_PART_MILLENNIUM:
        return century_of(civil.year, 1000);
    case CNI_PART_ISOYEAR:
        return iso_year(days);
    default: /* era */
        return civil.year > 0 ? 1 : 0;
    }
}

/* Also of an interval's time, where all parts have its sign. */
static int64_t
clock_part(cni_date_part part, int64_t nanos)
{
    switch (part) {
    case CNI_PART_HOUR:
        return nanos / INT64_C(3600000000000);
    case CNI_PART_MINUTE:
        return nanos / INT64_C(60000000000) % 60;
    case CNI_PART_SECOND:
        return nanos / INT64_C(1000000000) % 60;
    case CNI_PART_MILLISECOND:
        return nanos % INT64_C(60000000000) / 1000000;
    case CNI_PART_MICROSECOND:
        return nanos % INT64_C(60000000000) / 1000;
    default: /* nanosecond */
        return nanos % INT64_C(60000000000);
    }
}

static bool
interval_has_part(cni_date_part part)
{
    return part != CNI_PART_WEEK && part != CNI_PART_DOW && part != CNI_PART_ISODOW &&
           part != CNI_PART_DOY && part != CNI_PART_ISOYEAR && part != CNI_PART_ERA;
}

static int64_t
interval_part(cni_date_part part, const cni_interval *interval)
{
    const int64_t years = interval->months / 12;
    switch (part) {
    case CNI_PART_YEAR:
        return years;
    case CNI_PART_QUARTER:
        return interval->months % 12 / 3 + 1;
    case CNI_PART_MONTH:
        return interval->months % 12;
    case CNI_PART_DAY:
        return interval->days;
    case CNI_PART_DECADE:
        return years / 10;
    case CNI_PART_CENTURY:
        return years / 100;
    case CNI_PART_MILLENNIUM:
        return years / 1000;
    default:
        return clock_part(part, interval->nanos);
    }
}

/* ---- EXTRACT ---- */

/* Loops with the common parts folded in: one per part that Euclidean dates are mostly asked for. */
static inline CN_ALWAYS_INLINE void
days_loop(const int32_t *days, int64_t n, cni_date_part part, int64_t *restrict out)
{
    for (int64_t row = 0; row < n; row++) {
        const cni_civil civil = cni_civil_of(days[row]);
        out[row] = part == CNI_PART_YEAR    ? civil.year
                   : part == CNI_PART_MONTH ? civil.month
                                            : civil.day;
    }
}

static void
part_of_dates(const cni_vector *a, int64_t n, cni_date_part part, int64_t *out)
{
    const int32_t *days = a->data;
    if (part == CNI_PART_YEAR) {
        days_loop(days, n, CNI_PART_YEAR, out);
    } else if (part == CNI_PART_MONTH) {
        days_loop(days, n, CNI_PART_MONTH, out);
    } else if (part == CNI_PART_DAY) {
        days_loop(days, n, CNI_PART_DAY, out);
    } else {
        for (int64_t row = 0; row < n; row++) {
            out[row] = is_clock_part(part) ? 0 : day_part(part, days[row]);
        }
    }
}

static int64_t
time_at(const cni_vector *a, int64_t row)
{
    return a->phys == CNI_PHYS_I32 ? ((const int32_t *)a->data)[row]
                                   : ((const int64_t *)a->data)[row];
}

/* Ticks outside a day have no clock: reduced into one. */
static int64_t
nanos_of_day(int64_t ticks, cni_unit unit)
{
    return cni_floor_mod(ticks, cni_ticks_per_day(unit)) * cni_nanos_per_tick(unit);
}

static void
part_of_ticks(const cni_vector *a, int64_t n, cni_date_part part, int64_t *out)
{
    const cni_unit unit = (cni_unit)a->type->unit;
    const int64_t per_day = cni_ticks_per_day(unit);
    for (int64_t row = 0; row < n; row++) {
        const int64_t ticks = time_at(a, row);
        out[row] = is_clock_part(part) ? clock_part(part, nanos_of_day(ticks, unit))
                                       : day_part(part, cni_floor_div(ticks, per_day));
    }
}

static void
part_of_intervals(const cni_vector *a, int64_t n, cni_date_part part, int64_t *out)
{
    const cni_interval *intervals = a->data;
    for (int64_t row = 0; row < n; row++) {
        out[row] = interval_part(part, &intervals[row]);
    }
}

static double
interval_epoch(const cni_interval *interval)
{
    const int32_t years = interval->months / 12;
    const int32_t months = interval->months % 12;
    return (double)interval->nanos / 1e9 + 86400.0 * interval->days + 365.25 * 86400.0 * years +
           30.0 * 86400.0 * months;
}

static void
epoch_of(const cni_vector *a, int64_t n, double *out)
{
    const double per_second = (double)cni_unit_per_second((cni_unit)a->type->unit);
    for (int64_t row = 0; row < n; row++) {
        switch (a->type->id) {
        case CNI_TYPE_DATE:
            out[row] = 86400.0 * ((const int32_t *)a->data)[row];
            break;
        case CNI_TYPE_INTERVAL:
            out[row] = interval_epoch((const cni_interval *)a->data + row);
            break;
        default:
            out[row] = (double)time_at(a, row) / per_second;
            break;
        }
    }
}

static bool
has_part(const cni_type *type, cni_date_part part)
{
    switch (type->id) {
    case CNI_TYPE_DATE:
    case CNI_TYPE_TIMESTAMP:
        return true;
    case CNI_TYPE_TIME:
        return is_clock_part(part) || part == CNI_PART_EPOCH;
    case CNI_TYPE_INTERVAL:
        return interval_has_part(part);
    default:
        return false;
    }
}

static void
part_run(const cni_vector *a, int64_t n, cni_date_part part, void *out)
{
    if (part == CNI_PART_EPOCH) {
        epoch_of(a, n, out);
    } else if (a->type->id == CNI_TYPE_DATE) {
        part_of_dates(a, n, part, out);
    } else if (a->type->id == CNI_TYPE_INTERVAL) {
        part_of_intervals(a, n, part, out);
    } else {
        part_of_ticks(a, n, part, out);
    }
}

cn_code
cni_op_date_part(const cni_op_env *env, cni_date_part part, const cni_vector *a,
                 cni_vector *inout_result, cn_error *err)
{
    const bool is_epoch = part == CNI_PART_EPOCH;
    cni_op_frame frame;
    cni_op_begin(&frame, env, &a, 1);
    bool is_null;
    CN_TRY(cni_op_strict(&frame, &a, 1, cni_type_of(is_epoch ? CNI_TYPE_FLOAT64 : CNI_TYPE_INT64),
                         is_epoch ? CNI_PHYS_F64 : CNI_PHYS_I64, inout_result, &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    if (!has_part(a->type, part)) {
        return cni_op_refuse(env, "this date part", a->type, err);
    }
    part_run(a, frame.n, part, cni_vector_mutable_data(inout_result));
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}

/* ---- date_trunc ---- */

static int64_t
first_of_iso_year(int64_t days)
{
    const int64_t january_4 = cni_days_from_civil(iso_year(days), 1, 4);
    return january_4 - (cni_iso_weekday(january_4) - 1);
}

/* First day of the period that `days` lies in; parts of a day and less give the day itself. */
static int64_t
trunc_days(cni_date_part part, int64_t days)
{
    const cni_civil civil = cni_civil_of(days);
    switch (part) {
    case CNI_PART_YEAR:
        return cni_days_from_civil(civil.year, 1, 1);
    case CNI_PART_QUARTER:
        return cni_days_from_civil(civil.year, (civil.month - 1) / 3 * 3 + 1, 1);
    case CNI_PART_MONTH:
        return days - (civil.day - 1);
    case CNI_PART_WEEK:
        return days - (cni_iso_weekday(days) - 1);
    case CNI_PART_DECADE:
        return cni_days_from_civil(cni_floor_div(civil.year, 10) * 10, 1, 1);
    case CNI_PART_CENTURY:
        return cni_days_from_civil((century_of(civil.year, 100) - (civil.year > 0)) * 100 + 1, 1,
                                   1);
    case CNI_PART_MILLENNIUM:
        return cni_days_from_civil((century_of(civil.year, 1000) - (civil.year > 0)) * 1000 + 1, 1,
                                   1);
    case CNI_PART_ISOYEAR:
        return first_of_iso_year(days);
    default:
        return days;
    }
}

static bool
can_trunc(cni_date_part part)
{
    return part != CNI_PART_DOW && part != CNI_PART_ISODOW && part != CNI_PART_DOY &&
           part != CNI_PART_EPOCH && part != CNI_PART_ERA;
}

/* Nanoseconds that a clock part keeps whole. */
static int64_t
clock_nanos(cni_date_part part)
{
    switch (part) {
    case CNI_PART_HOUR:
        return INT64_C(3600000000000);
    case CNI_PART_MINUTE:
        return INT64_C(60000000000);
    case CNI_PART_SECOND:
        return INT64_C(1000000000);
    case CNI_PART_MILLISECOND:
        return 1000000;
    case CNI_PART_MICROSECOND:
        return 1000;
    default:
        return 1;
    }
}

/* False when the begin of the period is before what the type can hold. */
static bool
trunc_ticks(cni_date_part part, cni_unit unit, int64_t ticks, int64_t *out)
{
    const int64_t per_day = cni_ticks_per_day(unit);
    if (is_clock_part(part)) {
        const int64_t per_part = clock_nanos(part) / cni_nanos_per_tick(unit);
        return cni_checked_sub(ticks, per_part <= 1 ? 0 : cni_floor_mod(ticks, per_part), out);
    }
    return cni_checked_mul(trunc_days(part, cni_floor_div(ticks, per_day)), per_day, out);
}

static cni_interval
trunc_interval(cni_date_part part, const cni_interval *interval)
{
    cni_interval out = {.months = interval->months};
    const int32_t unit_months = part == CNI_PART_MILLENNIUM ? 12000
                                : part == CNI_PART_CENTURY  ? 1200
                                : part == CNI_PART_DECADE   ? 120
                                : part == CNI_PART_YEAR     ? 12
                                : part == CNI_PART_QUARTER  ? 3
                                                            : 1;
    out.months -= interval->months % unit_months;
    if (part == CNI_PART_DAY || is_clock_part(part)) {
        out.days = interval->days;
    } else if (part == CNI_PART_WEEK) {
        out.days = interval->days / 7 * 7;
    }
    if (is_clock_part(part)) {
        out.nanos = interval->nanos - interval->nanos % clock_nanos(part);
    }
    return out;
}

typedef struct trunc_job {
    cni_date_part part;
    const cni_vector *a;
} trunc_job;

static bool
trunc_fails(const void *context, int64_t row)
{
    const trunc_job *job = context;
    const int64_t at = cni_op_at(job->a, row);
    int64_t ignored;
    if (job->a->type->id == CNI_TYPE_DATE) {
        return trunc_days(job->part, ((const int32_t *)job->a->data)[at]) < INT32_MIN;
    }
    return !trunc_ticks(job->part, (cni_unit)job->a->type->unit, time_at(job->a, at), &ignored);
}

/* True when some row, active or not, fails. */
static bool
trunc_run(const trunc_job *job, int64_t n, void *out)
{
    const cni_vector *a = job->a;
    bool any_failed = false;
    if (a->type->id == CNI_TYPE_INTERVAL) {
        for (int64_t row = 0; row < n; row++) {
            ((cni_interval *)out)[row] =
                trunc_interval(job->part, (const cni_interval *)a->data + row);
        }
    } else if (a->type->id == CNI_TYPE_DATE) {
        for (int64_t row = 0; row < n; row++) {
            const int64_t days = trunc_days(job->part, ((const int32_t *)a->data)[row]);
            any_failed |= days < INT32_MIN;
            ((int32_t *)out)[row] = (int32_t)days;
        }
    } else {
        const cni_unit unit = (cni_unit)a->type->unit;
        for (int64_t row = 0; row < n; row++) {
            int64_t ticks = 0;
            any_failed |= !trunc_ticks(job->part, unit, time_at(a, row), &ticks);
            if (a->phys == CNI_PHYS_I32) {
                ((int32_t *)out)[row] = (int32_t)ticks;
            } else {
                ((int64_t *)out)[row] = ticks;
            }
        }
    }
    return any_failed;
}

cn_code
cni_op_date_trunc(const cni_op_env *env, cni_date_part part, const cni_vector *a,
                  cni_vector *inout_result, cn_error *err)
{
    cni_op_frame frame;
    cni_op_begin(&frame, env, &a, 1);
    bool is_null;
    CN_TRY(cni_op_strict(&frame, &a, 1, a->type, (cni_phys)a->phys, inout_result, &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    if (!has_part(a->type, part == CNI_PART_WEEK ? CNI_PART_DAY : part) || !can_trunc(part)) {
        return cni_op_refuse(env, "date_trunc to this part", a->type, err);
    }
    const trunc_job job = {part, a};
    if (trunc_run(&job, frame.n, cni_vector_mutable_data(inout_result))) {
        const int64_t row = cni_op_first_failing(&frame, inout_result->validity, trunc_fails, &job);
        if (row >= 0) {
            char value[CNI_OP_TEXT_BYTES];
            cni_op_value_text(env, a, row, value);
            const cn_code code =
                CN_FAIL(err, CN_INVALID_DATA, "date_trunc of %s is out of range", value);
            cni_error_sqlstate(err, "22008");
            return code;
        }
    }
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}
