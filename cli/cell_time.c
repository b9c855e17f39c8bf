/* SPDX-License-Identifier: Apache-2.0
 *
 * Calendar arithmetic and text of temporal values: proleptic Gregorian
 * calendar by 400-year cycles, years before 1 with (BC), fractions without trailing zeros.
 */
#include "cell_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t
units_per_second(char unit)
{
    return unit == 's' ? 1 : unit == 'm' ? 1000 : unit == 'u' ? 1000000 : 1000000000;
}

static int64_t
floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

void
cell_date_text(cell_text *out, int64_t days_since_1970)
{
    int64_t days = days_since_1970 + 719468; /* from 0000-03-01 */
    int64_t cycle = floor_divide(days, 146097);
    int64_t day_of_cycle = days - cycle * 146097;
    int64_t year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
    int64_t day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    int64_t year = year_of_cycle + cycle * 400 + (month <= 2);
    bool before_christ = year <= 0;
    cell_text_printf(out, "%04lld-%02lld-%02lld%s", (long long)(before_christ ? 1 - year : year),
                     (long long)month, (long long)day, before_christ ? " (BC)" : "");
}

void
cell_time_text(cell_text *out, int64_t units_since_midnight, char unit)
{
    int64_t per_second = units_per_second(unit);
    int64_t seconds = units_since_midnight / per_second;
    int64_t fraction = units_since_midnight % per_second;
    cell_text_printf(out, "%02lld:%02lld:%02lld", (long long)(seconds / 3600),
                     (long long)(seconds / 60 % 60), (long long)(seconds % 60));
    if (fraction == 0) {
        return;
    }
    char digits[32];
    int width = unit == 'm' ? 3 : unit == 'u' ? 6 : 9;
    (void)snprintf(digits, sizeof digits, ".%0*lld", width, (long long)fraction);
    size_t n_bytes = strlen(digits);
    while (digits[n_bytes - 1] == '0') {
        digits[--n_bytes] = '\0';
    }
    cell_text_str(out, digits);
}

void
cell_timestamp_text(cell_text *out, int64_t units_since_1970, char unit)
{
    int64_t per_day = 86400 * units_per_second(unit);
    int64_t days = floor_divide(units_since_1970, per_day);
    cell_date_text(out, days);
    cell_text_str(out, " ");
    cell_time_text(out, units_since_1970 - days * per_day, unit);
}

static void
signed_time_text(cell_text *out, int64_t units, char unit)
{
    cell_text_str(out, units < 0 ? "-" : "");
    cell_time_text(out, units < 0 ? -units : units, unit);
}

void
cell_duration_text(cell_text *out, int64_t units, char unit)
{
    signed_time_text(out, units, unit);
}

static void
add_part(cell_text *out, size_t start, int64_t count, const char *word)
{
    if (count != 0) {
        cell_text_printf(out, "%s%lld %s%s", out->n_bytes > start ? " " : "", (long long)count,
                         word, llabs(count) == 1 ? "" : "s");
    }
}

void
cell_interval_text(cell_text *out, int64_t months, int64_t days, int64_t nanoseconds)
{
    size_t start = out->n_bytes;
    add_part(out, start, months / 12, "year");
    add_part(out, start, months % 12, "month");
    add_part(out, start, days, "day");
    if (nanoseconds != 0 || out->n_bytes == start) {
        cell_text_str(out, out->n_bytes > start ? " " : "");
        signed_time_text(out, nanoseconds, 'n');
    }
}
