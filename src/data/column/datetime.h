/* SPDX-License-Identifier: Apache-2.0
 *
 * Civil calendar and the text of dates, times, timestamps and intervals.
 *
 * The calendar is the proleptic Gregorian one; year 0 is 1 BC. Days count from 1970-01-01. Instants
 * are UTC; there are no leap seconds. Parsing is strict: the whole text (blanks around it aside)
 * must be one value. Formatting follows what SQL prints, with trailing zeros of fractions left out.
 */
#ifndef CNI_DATA_DATETIME_H
#define CNI_DATA_DATETIME_H

#include "base/str.h"
#include "data/column/type.h"

#define CNI_SECONDS_PER_DAY   86400
#define CNI_MICROS_PER_SECOND INT64_C(1000000)
#define CNI_MICROS_PER_DAY    INT64_C(86400000000)
#define CNI_NANOS_PER_DAY     INT64_C(86400000000000)

typedef struct cni_civil {
    int64_t year;
    int32_t month; /* 1..12 */
    int32_t day;   /* 1..31 */
} cni_civil;

/* Any day of 32 bits and more: |days| <= 2^62. */
cni_civil cni_civil_from_days(int64_t days);
/* Day of a valid civil date, |year| <= 2^50. */
int64_t cni_days_from_civil(int64_t year, int32_t month, int32_t day);
bool cni_year_is_leap(int64_t year);
int32_t cni_days_in_month(int64_t year, int32_t month); /* month 1..12 */
/* Same day of the month `months` later (or earlier), at most the last day of that month. */
int64_t cni_days_add_months(int64_t days, int64_t months);
/* ISO 8601: Monday = 1 .. Sunday = 7. */
int32_t cni_iso_weekday(int64_t days);
/* ISO 8601 week 1..53 and the year it belongs to. */
int32_t cni_iso_week(int64_t days, int64_t *out_iso_year);

/* 1, 1000, 1000000, 1000000000. */
int64_t cni_unit_per_second(cni_unit unit);
/* Division that rounds towards minus infinity, and its remainder in [0, divisor). divisor > 0. */
static inline int64_t
cni_floor_div(int64_t value, int64_t divisor)
{
    const int64_t quotient = value / divisor;
    return quotient - (value % divisor < 0 ? 1 : 0);
}
static inline int64_t
cni_floor_mod(int64_t value, int64_t divisor)
{
    const int64_t remainder = value % divisor;
    return remainder < 0 ? remainder + divisor : remainder;
}
/* Ticks of one unit in another, rounded towards minus infinity; false when out of range. */
bool cni_ticks_rescale(int64_t ticks, cni_unit from, cni_unit to, int64_t *out_ticks);

/* Text to value. Errors: CN_INVALID_DATA naming the text, SQLSTATE 22007 (malformed) or 22008 (a
 * field or the value out of range). With err == NULL a failure costs no formatting.
 *   date       [+-]Y...-M-D, also with a time of day that is dropped: 1998-12-01, 1998-12-01 10:00
 *   time       H:M[:S[.fraction]], 00:00 .. 24:00:00, digits beyond the unit rounded half up
 *   timestamp  date, or date and time separated by blanks or T; a zone (Z, UTC, +H[:MM[:SS]],
 * +HHMM) is ignored by _timestamp_ as PostgreSQL does and applied by _timestamptz_ (default UTC)
 *   interval   1 year 2 months 3 days 04:05:06.5; also weeks, hours, ... with fractions; "ago";
 * P1Y2M3DT4H5M6S */
CN_NODISCARD cn_code cni_date_parse(cni_str text, int32_t *out_days, cn_error *err);
CN_NODISCARD cn_code cni_time_parse(cni_str text, cni_unit unit, int64_t *out_ticks, cn_error *err);
CN_NODISCARD cn_code cni_timestamp_parse(cni_str text, cni_unit unit, int64_t *out_ticks,
                                         cn_error *err);
CN_NODISCARD cn_code cni_timestamptz_parse(cni_str text, cni_unit unit, int64_t *out_ticks,
                                           cn_error *err);
CN_NODISCARD cn_code cni_interval_parse(cni_str text, cni_interval *out_interval, cn_error *err);

/* Value to NUL-terminated text; gives the length. Any value is printable. Years before 1 print as
 * "0044-03-15 (BC)". */
#define CNI_DATETIME_TEXT_BYTES 128
int64_t cni_date_format(int64_t days, char out[CNI_DATETIME_TEXT_BYTES]);
int64_t cni_time_format(int64_t ticks, cni_unit unit, char out[CNI_DATETIME_TEXT_BYTES]);
int64_t cni_timestamp_format(int64_t ticks, cni_unit unit, bool with_zone,
                             char out[CNI_DATETIME_TEXT_BYTES]);
int64_t cni_interval_format(const cni_interval *interval, char out[CNI_DATETIME_TEXT_BYTES]);
/* Hours of any size: 76:05:06.5 */
int64_t cni_duration_format(int64_t ticks, cni_unit unit, char out[CNI_DATETIME_TEXT_BYTES]);

#endif /* CNI_DATA_DATETIME_H */
