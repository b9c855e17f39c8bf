/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to dates, times and timestamps. A scan either consumes a whole well-formed part or says what
 * is wrong; values are put together in 128 bits and checked once at the end. Intervals:
 * interval_parse.c.
 */
#include "base/int128.h"
#include "data/column/datetime_scan_int.h"

#define YEAR_DIGITS_MAX 7 /* DATE ends in the year 5881580 */

cni_scanner
cni_scan_begin(cni_str text)
{
    cni_scanner self = {.at = text.data, .end = text.data + text.len_bytes};
    (void)cni_scan_blanks(&self);
    while (self.end > self.at &&
           (self.end[-1] == ' ' || (self.end[-1] >= '\t' && self.end[-1] <= '\r'))) {
        self.end--;
    }
    return self;
}

bool
cni_scan_number(cni_scanner *self, int32_t max_digits, int64_t *out_number)
{
    int64_t number = 0;
    int32_t n_digits = 0;
    while (cni_scan_is_digit(self)) {
        if (++n_digits > max_digits) {
            return false;
        }
        number = number * 10 + (*self->at++ - '0');
    }
    *out_number = number;
    return n_digits > 0;
}

bool
cni_scan_fraction(cni_scanner *self, int64_t *out_nanos, int32_t *out_tenth)
{
    int64_t nanos = 0;
    int32_t n_digits = 0;
    int32_t tenth = 0;
    for (; cni_scan_is_digit(self); self->at++, n_digits += n_digits < 10 ? 1 : 0) {
        if (n_digits < 9) {
            nanos = nanos * 10 + (*self->at - '0');
        } else if (n_digits == 9) {
            tenth = *self->at - '0';
        }
    }
    for (int32_t digit = n_digits; digit < 9; digit++) {
        nanos *= 10;
    }
    *out_nanos = nanos;
    *out_tenth = tenth;
    return n_digits > 0;
}

bool
cni_scan_sign(cni_scanner *self, bool *out_negative)
{
    const char next = cni_scan_peek(self);
    if (next != '+' && next != '-') {
        return false;
    }
    self->at++;
    *out_negative = next == '-';
    return true;
}

static char
fold(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

bool
cni_scan_word(cni_scanner *self, const char *word)
{
    const char *at = self->at;
    for (; *word != '\0'; word++, at++) {
        if (at == self->end || fold(*at) != *word) {
            return false;
        }
    }
    if (at < self->end && fold(*at) >= 'a' && fold(*at) <= 'z') {
        return false;
    }
    self->at = at;
    return true;
}

cn_code
cni_scan_fail(cni_scan_result result, cni_str text, const char *what, cn_error *err)
{
    if (err == NULL) {
        return CN_INVALID_DATA;
    }
    const int shown = (int)cni_min_i64(text.len_bytes, 100);
    const bool range = result == CNI_SCAN_RANGE;
    const cn_code code =
        CN_FAIL(err, CN_INVALID_DATA, "'%.*s'%s is %s %s", shown, text.data,
                shown < text.len_bytes ? "..." : "", range ? "out of range for" : "not", what);
    cni_error_sqlstate(err, range ? "22008" : "22007");
    return code;
}

/* "BC" or "(BC)" behind blanks. */
static bool
scan_era(cni_scanner *self)
{
    cni_scanner ahead = *self;
    (void)cni_scan_blanks(&ahead);
    const bool bracket = cni_scan_char(&ahead, '(');
    if (!cni_scan_word(&ahead, "bc") || (bracket && !cni_scan_char(&ahead, ')'))) {
        return false;
    }
    *self = ahead;
    return true;
}

/* A date in parts, so that an era may still follow the time of day. */
typedef struct scanned_date {
    int64_t year;
    int64_t month;
    int64_t day;
    bool negative;
    bool before_christ;
} scanned_date;

static cni_scan_result
scan_date(cni_scanner *self, scanned_date *out)
{
    *out = (scanned_date){0};
    (void)cni_scan_sign(self, &out->negative);
    if (!cni_scan_number(self, YEAR_DIGITS_MAX, &out->year)) {
        return CNI_SCAN_MALFORMED;
    }
    const char separator = cni_scan_peek(self);
    if (separator != '-' && separator != '/') {
        return CNI_SCAN_MALFORMED;
    }
    if (!cni_scan_char(self, separator) || !cni_scan_number(self, 2, &out->month) ||
        !cni_scan_char(self, separator) || !cni_scan_number(self, 2, &out->day)) {
        return CNI_SCAN_MALFORMED;
    }
    out->before_christ = scan_era(self);
    return CNI_SCAN_OK;
}

static cni_scan_result
date_to_days(const scanned_date *date, int64_t *out_days)
{
    int64_t year = date->negative ? -date->year : date->year;
    if (date->before_christ) {
        if (year <= 0) {
            return CNI_SCAN_RANGE;
        }
        year = 1 - year;
    }
    if (date->month < 1 || date->month > 12 || date->day < 1 ||
        date->day > cni_days_in_month(year, (int32_t)date->month)) {
        return CNI_SCAN_RANGE;
    }
    *out_days = cni_days_from_civil(year, (int32_t)date->month, (int32_t)date->day);
    return CNI_SCAN_OK;
}

/* Ticks since midnight: H:M[:S[.fraction]], at most 24:00:00. */
static cni_scan_result
scan_clock(cni_scanner *self, cni_unit unit, int64_t *out_ticks)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t seconds = 0;
    int64_t nanos = 0;
    int32_t tenth = 0;
    if (!cni_scan_number(self, 2, &hours) || !cni_scan_char(self, ':') ||
        !cni_scan_number(self, 2, &minutes)) {
        return CNI_SCAN_MALFORMED;
    }
    if (cni_scan_char(self, ':')) {
        if (!cni_scan_number(self, 2, &seconds) ||
            (cni_scan_char(self, '.') && !cni_scan_fraction(self, &nanos, &tenth))) {
            return CNI_SCAN_MALFORMED;
        }
    }
    const int64_t total = hours * 3600 + minutes * 60 + seconds;
    if (minutes > 59 || seconds > 59 || total > CNI_SECONDS_PER_DAY ||
        (total == CNI_SECONDS_PER_DAY && nanos > 0)) {
        return CNI_SCAN_RANGE;
    }
    const int64_t per_second = cni_unit_per_second(unit);
    const int64_t step = 1000000000 / per_second;
    const int64_t fraction = step == 1 ? nanos + (tenth >= 5) : (nanos + step / 2) / step;
    *out_ticks = total * per_second + fraction;
    return CNI_SCAN_OK;
}

/* +H, +HH, +HH:MM, +HH:MM:SS or +HHMM, in seconds east of Greenwich. */
static cni_scan_result
scan_offset(cni_scanner *self, bool negative, int64_t *out_seconds)
{
    const char *start = self->at;
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t seconds = 0;
    if (!cni_scan_number(self, 4, &hours)) {
        return CNI_SCAN_MALFORMED;
    }
    if (self->at - start > 2) {
        minutes = hours % 100;
        hours /= 100;
    } else if (cni_scan_char(self, ':')) {
        if (!cni_scan_number(self, 2, &minutes) ||
            (cni_scan_char(self, ':') && !cni_scan_number(self, 2, &seconds))) {
            return CNI_SCAN_MALFORMED;
        }
    }
    if (hours > 15 || minutes > 59 || seconds > 59) {
        return CNI_SCAN_RANGE;
    }
    const int64_t total = hours * 3600 + minutes * 60 + seconds;
    *out_seconds = negative ? -total : total;
    return CNI_SCAN_OK;
}

/* A zone, if there is one. */
static cni_scan_result
scan_zone(cni_scanner *self, int64_t *out_seconds)
{
    (void)cni_scan_blanks(self);
    bool negative = false;
    if (cni_scan_sign(self, &negative)) {
        return scan_offset(self, negative, out_seconds);
    }
    if (cni_scan_word(self, "z") || cni_scan_word(self, "utc")) {
        *out_seconds = 0;
    }
    return CNI_SCAN_OK;
}

/* What timestamps are made of. */
typedef struct scanned_timestamp {
    int64_t days;
    int64_t ticks_of_day;
    int64_t zone_seconds;
} scanned_timestamp;

static cni_scan_result
scan_timestamp(cni_str text, cni_unit unit, scanned_timestamp *out)
{
    cni_scanner self = cni_scan_begin(text);
    scanned_date date;
    *out = (scanned_timestamp){0};
    cni_scan_result result = scan_date(&self, &date);
    if (result == CNI_SCAN_OK && self.at < self.end) {
        const bool separated =
            cni_scan_char(&self, 'T') || cni_scan_char(&self, 't') || cni_scan_blanks(&self);
        result = separated ? scan_clock(&self, unit, &out->ticks_of_day) : CNI_SCAN_MALFORMED;
        if (result == CNI_SCAN_OK) {
            result = scan_zone(&self, &out->zone_seconds);
        }
        if (result == CNI_SCAN_OK && !date.before_christ) {
            date.before_christ = scan_era(&self);
        }
    }
    if (result == CNI_SCAN_OK && self.at != self.end) {
        result = CNI_SCAN_MALFORMED;
    }
    return result == CNI_SCAN_OK ? date_to_days(&date, &out->days) : result;
}

cn_code
cni_date_parse(cni_str text, int32_t *out_days, cn_error *err)
{
    scanned_timestamp scanned;
    cni_scan_result result = scan_timestamp(text, CNI_UNIT_US, &scanned);
    if (result == CNI_SCAN_OK && scanned.days != (int32_t)scanned.days) {
        result = CNI_SCAN_RANGE;
    }
    if (result != CNI_SCAN_OK) {
        return cni_scan_fail(result, text, "a date (YYYY-MM-DD)", err);
    }
    *out_days = (int32_t)scanned.days;
    return CN_OK;
}

cn_code
cni_time_parse(cni_str text, cni_unit unit, int64_t *out_ticks, cn_error *err)
{
    cni_scanner self = cni_scan_begin(text);
    int64_t ticks = 0;
    cni_scan_result result = scan_clock(&self, unit, &ticks);
    if (result == CNI_SCAN_OK && self.at != self.end) {
        result = CNI_SCAN_MALFORMED;
    }
    if (result != CNI_SCAN_OK) {
        return cni_scan_fail(result, text, "a time (HH:MM:SS)", err);
    }
    *out_ticks = ticks;
    return CN_OK;
}

static cn_code
parse_timestamp(cni_str text, cni_unit unit, bool with_zone, int64_t *out_ticks, cn_error *err)
{
    scanned_timestamp scanned;
    cni_scan_result result = scan_timestamp(text, unit, &scanned);
    cni_i128 ticks = 0;
    if (result == CNI_SCAN_OK) {
        const cni_i128 per_second = cni_unit_per_second(unit);
        const int64_t zone = with_zone ? scanned.zone_seconds : 0;
        ticks = ((cni_i128)scanned.days * CNI_SECONDS_PER_DAY - zone) * per_second;
        ticks += scanned.ticks_of_day;
        result = ticks == (int64_t)ticks ? CNI_SCAN_OK : CNI_SCAN_RANGE;
    }
    if (result != CNI_SCAN_OK) {
        return cni_scan_fail(result, text,
                             with_zone ? "a timestamp (YYYY-MM-DD HH:MM:SS+HH)"
                                       : "a timestamp (YYYY-MM-DD HH:MM:SS)",
                             err);
    }
    *out_ticks = (int64_t)ticks;
    return CN_OK;
}

cn_code
cni_timestamp_parse(cni_str text, cni_unit unit, int64_t *out_ticks, cn_error *err)
{
    return parse_timestamp(text, unit, false, out_ticks, err);
}

cn_code
cni_timestamptz_parse(cni_str text, cni_unit unit, int64_t *out_ticks, cn_error *err)
{
    return parse_timestamp(text, unit, true, out_ticks, err);
}
