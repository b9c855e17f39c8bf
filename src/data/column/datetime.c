/* SPDX-License-Identifier: Apache-2.0
 *
 * The calendar: days to civil dates and back, months, ISO weeks, units of time. Years are counted
 * from March inside, so that the leap day is the last of its year and month lengths follow one
 * formula.
 */
#include "data/column/datetime.h"

#include "base/checked.h"

#define DAYS_PER_ERA        146097 /* 400 years */
#define EPOCH_IN_MARCH_DAYS 719468 /* 0000-03-01 to 1970-01-01 */

bool
cni_year_is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int32_t
cni_days_in_month(int64_t year, int32_t month)
{
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month - 1] + (month == 2 && cni_year_is_leap(year) ? 1 : 0);
}

int64_t
cni_days_from_civil(int64_t year, int32_t month, int32_t day)
{
    const int64_t march_year = month <= 2 ? year - 1 : year;
    const int64_t march_month = month <= 2 ? month + 9 : month - 3; /* 0..11 */
    const int64_t era = cni_floor_div(march_year, 400);
    const int64_t year_of_era = march_year - era * 400;
    const int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - EPOCH_IN_MARCH_DAYS;
}

cni_civil
cni_civil_from_days(int64_t days)
{
    const int64_t since_march = days + EPOCH_IN_MARCH_DAYS;
    const int64_t era = cni_floor_div(since_march, DAYS_PER_ERA);
    const int64_t day_of_era = since_march - era * DAYS_PER_ERA; /* 0..146096 */
    const int64_t leap_days = day_of_era / 1460 - day_of_era / 36524 + day_of_era / 146096;
    const int64_t year_of_era = (day_of_era - leap_days) / 365; /* 0..399 */
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t march_month = (5 * day_of_year + 2) / 153;
    const int64_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
    const int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    return (cni_civil){.year = era * 400 + year_of_era + (month <= 2 ? 1 : 0),
                       .month = (int32_t)month,
                       .day = (int32_t)day};
}

int64_t
cni_days_add_months(int64_t days, int64_t months)
{
    const cni_civil from = cni_civil_from_days(days);
    const int64_t month_count = from.year * 12 + (from.month - 1) + months;
    const int64_t year = cni_floor_div(month_count, 12);
    const int32_t month = (int32_t)cni_floor_mod(month_count, 12) + 1;
    const int32_t last_day = cni_days_in_month(year, month);
    return cni_days_from_civil(year, month, from.day < last_day ? from.day : last_day);
}

int32_t
cni_iso_weekday(int64_t days)
{
    return (int32_t)cni_floor_mod(days + 3, 7) + 1; /* 1970-01-01 was a Thursday */
}

int32_t
cni_iso_week(int64_t days, int64_t *out_iso_year)
{
    const int64_t thursday =
        days - cni_iso_weekday(days) + 4; /* a week is in its Thursday's year */
    const int64_t year = cni_civil_from_days(thursday).year;
    *out_iso_year = year;
    return (int32_t)((thursday - cni_days_from_civil(year, 1, 1)) / 7) + 1;
}

int64_t
cni_unit_per_second(cni_unit unit)
{
    static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
    return per_second[unit & 3];
}

bool
cni_ticks_rescale(int64_t ticks, cni_unit from, cni_unit to, int64_t *out_ticks)
{
    const int64_t have = cni_unit_per_second(from);
    const int64_t want = cni_unit_per_second(to);
    if (want >= have) {
        return cni_checked_mul(ticks, want / have, out_ticks);
    }
    *out_ticks = cni_floor_div(ticks, have / want);
    return true;
}
