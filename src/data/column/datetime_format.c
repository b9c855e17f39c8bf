/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates, times, timestamps, intervals and durations as text. Every value has a text, also those
 * outside of what the parsers accept (a time of day beyond 24 hours, years of many digits).
 */
#include "data/column/datetime.h"

/* Text being written; the buffer's size is enough for any value by construction. */
typedef struct writer {
    char *out;
    int64_t len_bytes;
} writer;

static void
put_text(writer *self, cni_str text)
{
    memcpy(self->out + self->len_bytes, text.data, (size_t)text.len_bytes);
    self->len_bytes += text.len_bytes;
}

/* At least min_digits. */
static void
put_number(writer *self, uint64_t number, int32_t min_digits)
{
    char digits[24];
    int32_t at = (int32_t)sizeof(digits);
    uint64_t left = number;
    int32_t n_digits = 0;
    while (left != 0 || n_digits < min_digits) {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
        n_digits++;
    }
    put_text(self, (cni_str){digits + at, n_digits});
}

static int64_t
finish(writer *self)
{
    self->out[self->len_bytes] = '\0';
    return self->len_bytes;
}

static void
put_date(writer *self, int64_t days)
{
    const cni_civil civil = cni_civil_from_days(days);
    const bool before_christ = civil.year <= 0;
    put_number(self, (uint64_t)(before_christ ? 1 - civil.year : civil.year), 4);
    put_text(self, CNI_STR("-"));
    put_number(self, (uint64_t)civil.month, 2);
    put_text(self, CNI_STR("-"));
    put_number(self, (uint64_t)civil.day, 2);
    if (before_christ) {
        put_text(self, CNI_STR(" (BC)"));
    }
}

/* Fraction without trailing zeros; ticks < per_second. */
static void
put_fraction(writer *self, uint64_t ticks, uint64_t per_second)
{
    if (ticks == 0) {
        return;
    }
    put_text(self, CNI_STR("."));
    uint64_t left = ticks;
    for (uint64_t unit = per_second / 10; left != 0; unit /= 10) {
        put_number(self, left / unit, 1);
        left %= unit;
    }
}

static void
put_clock(writer *self, uint64_t ticks, uint64_t per_second)
{
    const uint64_t seconds = ticks / per_second;
    put_number(self, seconds / 3600, 2);
    put_text(self, CNI_STR(":"));
    put_number(self, seconds / 60 % 60, 2);
    put_text(self, CNI_STR(":"));
    put_number(self, seconds % 60, 2);
    put_fraction(self, ticks % per_second, per_second);
}

/* A clock time with a sign where it is negative. */
static void
put_signed_clock(writer *self, int64_t ticks, int64_t per_second)
{
    if (ticks < 0) {
        put_text(self, CNI_STR("-"));
    }
    const uint64_t magnitude = ticks < 0 ? 0 - (uint64_t)ticks : (uint64_t)ticks;
    put_clock(self, magnitude, (uint64_t)per_second);
}

int64_t
cni_date_format(int64_t days, char out[CNI_DATETIME_TEXT_BYTES])
{
    writer self = {.out = out};
    put_date(&self, days);
    return finish(&self);
}

int64_t
cni_time_format(int64_t ticks, cni_unit unit, char out[CNI_DATETIME_TEXT_BYTES])
{
    return cni_duration_format(ticks, unit, out);
}

int64_t
cni_timestamp_format(int64_t ticks, cni_unit unit, bool with_zone,
                     char out[CNI_DATETIME_TEXT_BYTES])
{
    const int64_t per_second = cni_unit_per_second(unit);
    const int64_t per_day = per_second * CNI_SECONDS_PER_DAY;
    writer self = {.out = out};
    put_date(&self, cni_floor_div(ticks, per_day));
    put_text(&self, CNI_STR(" "));
    put_clock(&self, (uint64_t)cni_floor_mod(ticks, per_day), (uint64_t)per_second);
    if (with_zone) {
        put_text(&self, CNI_STR("+00"));
    }
    return finish(&self);
}

int64_t
cni_duration_format(int64_t ticks, cni_unit unit, char out[CNI_DATETIME_TEXT_BYTES])
{
    writer self = {.out = out};
    put_signed_clock(&self, ticks, cni_unit_per_second(unit));
    return finish(&self);
}

static void
put_blank(writer *self)
{
    if (self->len_bytes > 0) {
        put_text(self, CNI_STR(" "));
    }
}

/* "3 months"; nothing for 0. */
static void
put_count(writer *self, int64_t count, cni_str unit)
{
    if (count == 0) {
        return;
    }
    put_blank(self);
    if (count < 0) {
        put_text(self, CNI_STR("-"));
    }
    put_number(self, (uint64_t)(count < 0 ? -count : count), 1);
    put_text(self, CNI_STR(" "));
    put_text(self, unit);
    if (count != 1) {
        put_text(self, CNI_STR("s"));
    }
}

int64_t
cni_interval_format(const cni_interval *interval, char out[CNI_DATETIME_TEXT_BYTES])
{
    writer self = {.out = out};
    put_count(&self, interval->months / 12, CNI_STR("year"));
    put_count(&self, interval->months % 12, CNI_STR("month"));
    put_count(&self, interval->days, CNI_STR("day"));
    if (interval->nanos != 0 || self.len_bytes == 0) {
        put_blank(&self);
        put_signed_clock(&self, interval->nanos, cni_unit_per_second(CNI_UNIT_NS));
    }
    return finish(&self);
}
