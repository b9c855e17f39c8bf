/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to intervals: a chain of counts with units, a clock time, "ago", or ISO 8601's P form.
 * Fractions go where PostgreSQL puts them: of years and more to whole months, of months to days (30
 * a month) and time, of weeks and days to time.
 */
#include "base/int128.h"
#include "data/column/datetime_scan_int.h"

/* Sums in 128 bits: text of any length cannot overflow them, as each item has at most 18 digits. */
typedef struct interval_sum {
    cni_i128 months;
    cni_i128 days;
    cni_i128 nanos;
} interval_sum;

typedef enum unit_kind {
    UNIT_MONTHS,
    UNIT_DAYS,
    UNIT_NANOS
} unit_kind;

typedef struct interval_unit {
    const char *names[6];
    unit_kind kind;
    int64_t size; /* in months, days or nanos */
} interval_unit;

static const interval_unit units[] = {
    {{"year", "years", "y", "yr", "yrs"}, UNIT_MONTHS, 12},
    {{"month", "months", "mon", "mons"}, UNIT_MONTHS, 1},
    {{"day", "days", "d"}, UNIT_DAYS, 1},
    {{"hour", "hours", "h", "hr", "hrs"}, UNIT_NANOS, INT64_C(3600000000000)},
    {{"minute", "minutes", "m", "min", "mins"}, UNIT_NANOS, INT64_C(60000000000)},
    {{"second", "seconds", "s", "sec", "secs"}, UNIT_NANOS, 1000000000},
    {{"week", "weeks", "w"}, UNIT_DAYS, 7},
    {{"quarter", "quarters"}, UNIT_MONTHS, 3},
    {{"millisecond", "milliseconds", "ms", "msec", "msecs"}, UNIT_NANOS, 1000000},
    {{"microsecond", "microseconds", "us", "usec", "usecs"}, UNIT_NANOS, 1000},
    {{"nanosecond", "nanoseconds", "ns", "nsec", "nsecs"}, UNIT_NANOS, 1},
    {{"decade", "decades"}, UNIT_MONTHS, 120},
    {{"century", "centuries"}, UNIT_MONTHS, 1200},
    {{"millennium", "millennia"}, UNIT_MONTHS, 12000},
};

/* A signed count with a fraction of 1e-9ths of one. */
typedef struct scanned_count {
    int64_t whole;
    int64_t nanos;
    bool negative;
} scanned_count;

static bool
scan_count(cni_scanner *self, scanned_count *out)
{
    int32_t tenth = 0;
    *out = (scanned_count){0};
    (void)cni_scan_sign(self, &out->negative);
    const bool whole = cni_scan_number(self, 18, &out->whole);
    if (cni_scan_char(self, '.')) {
        return cni_scan_fraction(self, &out->nanos, &tenth);
    }
    return whole;
}

static void
add_days(interval_sum *sum, cni_i128 billionths_of_days)
{
    sum->days += billionths_of_days / 1000000000;
    sum->nanos += billionths_of_days % 1000000000 * (CNI_NANOS_PER_DAY / 1000000000);
}

static void
add_count(interval_sum *sum, const scanned_count *count, unit_kind kind, int64_t size)
{
    const cni_i128 sign = count->negative ? -1 : 1;
    const cni_i128 whole = sign * count->whole * size;
    const cni_i128 fraction = sign * count->nanos * size; /* in billionths of the kind's item */
    if (kind == UNIT_NANOS) {
        sum->nanos += whole + fraction / 1000000000;
    } else if (kind == UNIT_DAYS) {
        sum->days += whole;
        add_days(sum, fraction);
    } else if (size > 1) {
        sum->months += whole + (fraction + sign * 500000000) / 1000000000;
    } else {
        sum->months += whole;
        add_days(sum, fraction * 30);
    }
}

static const interval_unit *
scan_unit(cni_scanner *self)
{
    for (int64_t unit = 0; unit < CN_ARRAY_LEN(units); unit++) {
        for (int32_t name = 0; units[unit].names[name] != NULL; name++) {
            if (cni_scan_word(self, units[unit].names[name])) {
                return &units[unit];
            }
        }
    }
    return NULL;
}

/* Far beyond any interval: stop before the sums themselves overflow. */
static bool
is_absurd(const interval_sum *sum)
{
    const cni_i128 limit = (cni_i128)1 << 100;
    return sum->months > limit || sum->months < -limit || sum->days > limit || sum->days < -limit ||
           sum->nanos > limit || sum->nanos < -limit;
}

/* ":M[:S[.fraction]]" behind the hours. */
static cni_scan_result
scan_clock_rest(cni_scanner *self, const scanned_count *hours, interval_sum *sum)
{
    int64_t minutes = 0;
    int64_t seconds = 0;
    int64_t nanos = 0;
    int32_t tenth = 0;
    if (hours->nanos != 0 || !cni_scan_char(self, ':') || !cni_scan_number(self, 2, &minutes)) {
        return CNI_SCAN_MALFORMED;
    }
    if (cni_scan_char(self, ':')) {
        if (!cni_scan_number(self, 2, &seconds) ||
            (cni_scan_char(self, '.') && !cni_scan_fraction(self, &nanos, &tenth))) {
            return CNI_SCAN_MALFORMED;
        }
    }
    if (minutes > 59 || seconds > 59) {
        return CNI_SCAN_RANGE;
    }
    const cni_i128 total =
        ((cni_i128)hours->whole * 3600 + minutes * 60 + seconds) * 1000000000 + nanos;
    sum->nanos += hours->negative ? -total : total;
    return CNI_SCAN_OK;
}

static cni_scan_result
scan_items(cni_scanner *self, interval_sum *sum)
{
    bool any = false;
    (void)cni_scan_char(self, '@');
    while ((void)cni_scan_blanks(self), self->at < self->end) {
        if (any && cni_scan_word(self, "ago")) {
            *sum = (interval_sum){-sum->months, -sum->days, -sum->nanos};
            return self->at == self->end ? CNI_SCAN_OK : CNI_SCAN_MALFORMED;
        }
        scanned_count count;
        if (!scan_count(self, &count)) {
            return CNI_SCAN_MALFORMED;
        }
        any = true;
        if (is_absurd(sum)) {
            return CNI_SCAN_RANGE;
        }
        if (cni_scan_peek(self) == ':') {
            const cni_scan_result result = scan_clock_rest(self, &count, sum);
            if (result != CNI_SCAN_OK) {
                return result;
            }
            continue;
        }
        (void)cni_scan_blanks(self);
        const interval_unit *unit = scan_unit(self);
        if (unit == NULL) {
            return CNI_SCAN_MALFORMED;
        }
        add_count(sum, &count, unit->kind, unit->size);
    }
    return any ? CNI_SCAN_OK : CNI_SCAN_MALFORMED;
}

/* One "3D" of the ISO form. */
static bool
add_iso_item(cni_scanner *self, bool in_time, interval_sum *sum)
{
    static const struct {
        char letter;
        bool in_time;
        unit_kind kind;
        int64_t size;
    } letters[] = {
        {'Y', false, UNIT_MONTHS, 12},
        {'M', false, UNIT_MONTHS, 1},
        {'W', false, UNIT_DAYS, 7},
        {'D', false, UNIT_DAYS, 1},
        {'H', true, UNIT_NANOS, INT64_C(3600000000000)},
        {'M', true, UNIT_NANOS, INT64_C(60000000000)},
        {'S', true, UNIT_NANOS, 1000000000},
    };
    scanned_count count;
    if (!scan_count(self, &count)) {
        return false;
    }
    for (int64_t letter = 0; letter < CN_ARRAY_LEN(letters); letter++) {
        if (letters[letter].in_time == in_time && cni_scan_char(self, letters[letter].letter)) {
            add_count(sum, &count, letters[letter].kind, letters[letter].size);
            return true;
        }
    }
    return false;
}

static cni_scan_result
scan_iso(cni_scanner *self, interval_sum *sum)
{
    bool in_time = false;
    bool any = false;
    while (self->at < self->end) {
        if (!in_time && cni_scan_char(self, 'T')) {
            in_time = true;
        }
        if (!add_iso_item(self, in_time, sum)) {
            return CNI_SCAN_MALFORMED;
        }
        if (is_absurd(sum)) {
            return CNI_SCAN_RANGE;
        }
        any = true;
    }
    return any ? CNI_SCAN_OK : CNI_SCAN_MALFORMED;
}

cn_code
cni_interval_parse(cni_str text, cni_interval *out_interval, cn_error *err)
{
    cni_scanner self = cni_scan_begin(text);
    interval_sum sum = {0};
    cni_scan_result result =
        cni_scan_char(&self, 'P') ? scan_iso(&self, &sum) : scan_items(&self, &sum);
    if (result == CNI_SCAN_OK &&
        (sum.months != (int32_t)sum.months || sum.days != (int32_t)sum.days ||
         sum.nanos != (int64_t)sum.nanos)) {
        result = CNI_SCAN_RANGE;
    }
    if (result != CNI_SCAN_OK) {
        return cni_scan_fail(result, text, "an interval (such as 1 year 2 days 03:04:05)", err);
    }
    *out_interval = (cni_interval){
        .months = (int32_t)sum.months, .days = (int32_t)sum.days, .nanos = (int64_t)sum.nanos};
    return CN_OK;
}
