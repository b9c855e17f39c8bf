/* SPDX-License-Identifier: Apache-2.0
 *
 * Calendar and date-time text: the calendar against a day-by-day walk and the C library, formats
 * and parsers against texts, refusals with their SQLSTATE.
 */
#include "vector_fixture.h"

#include <time.h>

#include "data/column/datetime.h"

static void
test_calendar_day_by_day(void **state)
{
    (void)state;
    cni_civil walk = {.year = -401, .month = 1, .day = 1};
    int64_t days = cni_days_from_civil(walk.year, 1, 1);
    for (int64_t step = 0; step < 1100000; step++, days++) {
        const cni_civil civil = cni_civil_from_days(days);
        assert_true(civil.year == walk.year && civil.month == walk.month && civil.day == walk.day);
        assert_int_equal(cni_days_from_civil(walk.year, walk.month, walk.day), days);
        walk.day++;
        if (walk.day > cni_days_in_month(walk.year, walk.month)) {
            walk.day = 1;
            walk.year += walk.month == 12 ? 1 : 0;
            walk.month = walk.month == 12 ? 1 : walk.month + 1;
        }
    }
    assert_int_equal(cni_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(cni_days_from_civil(2000, 2, 29), 11016);
    assert_int_equal(cni_civil_from_days(INT32_MAX).year, 5881580);
}

static void
test_weeks_and_months(void **state)
{
    (void)state;
    for (int64_t days = -3000; days < 30000; days++) {
        const time_t seconds = (time_t)(days * CNI_SECONDS_PER_DAY);
        struct tm calendar;
        char text[32];
        int64_t iso_year = 0;
        assert_non_null(gmtime_r(&seconds, &calendar));
        (void)strftime(text, sizeof(text), "%G %V %u", &calendar);
        const int32_t week = cni_iso_week(days, &iso_year);
        char ours[64];
        (void)snprintf(ours, sizeof(ours), "%lld %02d %d", (long long)iso_year, week,
                       cni_iso_weekday(days));
        assert_string_equal(ours, text);
    }
    assert_int_equal(cni_days_add_months(cni_days_from_civil(2024, 1, 31), 1),
                     cni_days_from_civil(2024, 2, 29));
    assert_int_equal(cni_days_add_months(cni_days_from_civil(2023, 3, 31), -1),
                     cni_days_from_civil(2023, 2, 28));
    assert_int_equal(cni_days_add_months(cni_days_from_civil(2023, 12, 15), 13),
                     cni_days_from_civil(2025, 1, 15));
    assert_int_equal(cni_days_add_months(cni_days_from_civil(1, 1, 15), -1),
                     cni_days_from_civil(0, 12, 15));
}

static void
test_rescale(void **state)
{
    (void)state;
    int64_t ticks = 0;
    assert_true(cni_ticks_rescale(-1, CNI_UNIT_US, CNI_UNIT_S, &ticks));
    assert_int_equal(ticks, -1);
    assert_true(cni_ticks_rescale(1999999, CNI_UNIT_US, CNI_UNIT_S, &ticks));
    assert_int_equal(ticks, 1);
    assert_true(cni_ticks_rescale(-3, CNI_UNIT_S, CNI_UNIT_NS, &ticks));
    assert_int_equal(ticks, -3000000000);
    assert_false(cni_ticks_rescale(INT64_MAX / 100, CNI_UNIT_S, CNI_UNIT_MS, &ticks));
}

static cni_str
str(const char *text)
{
    return (cni_str){text, (int64_t)strlen(text)};
}

static void
assert_date(const char *text, const char *printed)
{
    int32_t days = 0;
    char out[CNI_DATETIME_TEXT_BYTES];
    assert_ok(cni_date_parse(str(text), &days, err));
    assert_int_equal(cni_date_format(days, out), strlen(printed));
    assert_string_equal(out, printed);
}

static void
test_dates(void **state)
{
    (void)state;
    assert_date("1998-12-01", "1998-12-01");
    assert_date("  1998-2-1\t", "1998-02-01");
    assert_date("1998/12/01", "1998-12-01");
    assert_date("2024-02-29", "2024-02-29");
    assert_date("0044-03-15 (BC)", "0044-03-15 (BC)");
    assert_date("0044-03-15 BC", "0044-03-15 (BC)");
    assert_date("-43-03-15", "0044-03-15 (BC)");
    assert_date("0000-01-01", "0001-01-01 (BC)");
    assert_date("5881580-07-11", "5881580-07-11");
    assert_date("1998-12-01 23:59:59.9", "1998-12-01");
    assert_date("12-1-2", "0012-01-02");
}

static void
assert_timestamp(const char *text, cni_unit unit, bool zone, const char *printed)
{
    int64_t ticks = 0;
    char out[CNI_DATETIME_TEXT_BYTES];
    if (zone) {
        assert_ok(cni_timestamptz_parse(str(text), unit, &ticks, err));
    } else {
        assert_ok(cni_timestamp_parse(str(text), unit, &ticks, err));
    }
    assert_int_equal(cni_timestamp_format(ticks, unit, zone, out), strlen(printed));
    assert_string_equal(out, printed);
}

static void
test_timestamps(void **state)
{
    (void)state;
    assert_timestamp("1998-12-01 10:00:00", CNI_UNIT_US, false, "1998-12-01 10:00:00");
    assert_timestamp("1998-12-01T10:00:00.5", CNI_UNIT_US, false, "1998-12-01 10:00:00.5");
    assert_timestamp("1998-12-01 10:00", CNI_UNIT_S, false, "1998-12-01 10:00:00");
    assert_timestamp("1998-12-01", CNI_UNIT_MS, false, "1998-12-01 00:00:00");
    assert_timestamp("1998-12-01 10:00:00.1234565", CNI_UNIT_US, false,
                     "1998-12-01 10:00:00.123457");
    assert_timestamp("1998-12-01 10:00:00.123456789", CNI_UNIT_NS, false,
                     "1998-12-01 10:00:00.123456789");
    assert_timestamp("1998-12-31 23:59:59.9999999", CNI_UNIT_US, false, "1999-01-01 00:00:00");
    assert_timestamp("1998-12-01 24:00:00", CNI_UNIT_US, false, "1998-12-02 00:00:00");
    assert_timestamp("1969-12-31 23:59:59.25", CNI_UNIT_MS, false, "1969-12-31 23:59:59.25");
    assert_timestamp("0044-03-15 (BC) 10:00:00", CNI_UNIT_US, false, "0044-03-15 (BC) 10:00:00");
    assert_timestamp("0044-03-15 10:00:00 BC", CNI_UNIT_US, false, "0044-03-15 (BC) 10:00:00");
    assert_timestamp("1998-12-01 10:00:00+05", CNI_UNIT_US, false, "1998-12-01 10:00:00");
    assert_timestamp("1998-12-01 10:00:00+05", CNI_UNIT_US, true, "1998-12-01 05:00:00+00");
    assert_timestamp("1998-12-01 10:00:00 -05:30", CNI_UNIT_US, true, "1998-12-01 15:30:00+00");
    assert_timestamp("1998-12-01 10:00:00+0530", CNI_UNIT_US, true, "1998-12-01 04:30:00+00");
    assert_timestamp("1998-12-01 10:00:00Z", CNI_UNIT_US, true, "1998-12-01 10:00:00+00");
    assert_timestamp("1998-12-01 10:00:00 utc", CNI_UNIT_US, true, "1998-12-01 10:00:00+00");
    char out[CNI_DATETIME_TEXT_BYTES];
    (void)cni_timestamp_format(INT64_MIN, CNI_UNIT_NS, false, out);
    assert_string_equal(out, "1677-09-21 00:12:43.145224192");
    (void)cni_timestamp_format(INT64_MIN, CNI_UNIT_S, true, out);
    (void)cni_timestamp_format(INT64_MAX, CNI_UNIT_S, true, out);
    int64_t ticks = 0;
    assert_int_equal(
        cni_timestamp_parse(str("1677-09-21 00:12:43.145224191"), CNI_UNIT_NS, &ticks, NULL),
        CN_INVALID_DATA);
    assert_ok(cni_timestamp_parse(str("1677-09-21 00:12:43.145224192"), CNI_UNIT_NS, &ticks, err));
    assert_true(ticks == INT64_MIN);
}

static void
test_times(void **state)
{
    (void)state;
    int64_t ticks = 0;
    char out[CNI_DATETIME_TEXT_BYTES];
    assert_ok(cni_time_parse(str("01:02:03.000004"), CNI_UNIT_US, &ticks, err));
    assert_int_equal(ticks, INT64_C(3723000004));
    (void)cni_time_format(ticks, CNI_UNIT_US, out);
    assert_string_equal(out, "01:02:03.000004");
    assert_ok(cni_time_parse(str("24:00:00"), CNI_UNIT_S, &ticks, err));
    assert_int_equal(ticks, 86400);
    assert_ok(cni_time_parse(str("7:05"), CNI_UNIT_MS, &ticks, err));
    (void)cni_time_format(ticks, CNI_UNIT_MS, out);
    assert_string_equal(out, "07:05:00");
    (void)cni_duration_format(-273906500, CNI_UNIT_MS, out);
    assert_string_equal(out, "-76:05:06.5");
    (void)cni_duration_format(INT64_MIN, CNI_UNIT_S, out);
    assert_string_equal(out, "-2562047788015215:30:08");
}

static void
assert_interval(const char *text, const char *printed)
{
    cni_interval interval = {0};
    char out[CNI_DATETIME_TEXT_BYTES];
    assert_ok(cni_interval_parse(str(text), &interval, err));
    assert_int_equal(cni_interval_format(&interval, out), strlen(printed));
    assert_string_equal(out, printed);
}

static void
test_intervals(void **state)
{
    (void)state;
    assert_interval("1 year 2 months 3 days 04:05:06", "1 year 2 months 3 days 04:05:06");
    assert_interval("1 day", "1 day");
    assert_interval("90 day", "90 days");
    assert_interval("0 days", "00:00:00");
    assert_interval("-1 year", "-1 years");
    assert_interval("1 year -1 month", "11 months");
    assert_interval("3 days ago", "-3 days");
    assert_interval("2 weeks", "14 days");
    assert_interval("1 quarter", "3 months");
    assert_interval("1.5 years", "1 year 6 months");
    assert_interval("1.5 months", "1 month 15 days");
    assert_interval("1.5 days", "1 day 12:00:00");
    assert_interval("1.5 hours", "01:30:00");
    assert_interval("-0.25 days", "-06:00:00");
    assert_interval("1500 milliseconds", "00:00:01.5");
    assert_interval("1h2m3s", "01:02:03");
    assert_interval("-04:05:06.25", "-04:05:06.25");
    assert_interval("100:00", "100:00:00");
    assert_interval("1 century", "100 years");
    assert_interval("P1Y2M3DT4H5M6.5S", "1 year 2 months 3 days 04:05:06.5");
    assert_interval("P2W", "14 days");
    assert_interval("PT-5M", "-00:05:00");
    assert_interval("@ 1 minute", "00:01:00");
    assert_interval("1 DAY 2 Hours", "1 day 02:00:00");
    assert_interval("5 ns", "00:00:00.000000005");
}

static void
assert_refused(cn_code code, const cn_error *error, const char *sqlstate)
{
    assert_int_equal(code, CN_INVALID_DATA);
    assert_string_equal(error->sqlstate, sqlstate);
}

static void
test_refusals(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",
                                            "x",
                                            "1998",
                                            "1998-12",
                                            "1998-12-",
                                            "1998-12-01x",
                                            "1998-12/01",
                                            "12345678-01-01",
                                            "1998-12-01 10",
                                            "1998-12-01 10:00:00.",
                                            "1998-12-01T",
                                            "1998-12-01 10:00 Mars",
                                            "1998-123-01"};
    static const char *const beyond[] = {"1998-13-01",
                                         "1998-00-01",
                                         "1998-02-29",
                                         "1998-04-31",
                                         "1998-12-00",
                                         "1998-12-01 24:00:01",
                                         "1998-12-01 10:60",
                                         "1998-12-01 10:00:60",
                                         "0000-01-01 BC",
                                         "5881580-07-12",
                                         "1998-12-01 10:00:00+99"};
    cn_error error = CN_ERROR_INIT;
    int32_t days = 0;
    for (int64_t at = 0; at < CN_ARRAY_LEN(malformed); at++) {
        assert_refused(cni_date_parse(str(malformed[at]), &days, &error), &error, "22007");
    }
    for (int64_t at = 0; at < CN_ARRAY_LEN(beyond); at++) {
        assert_refused(cni_date_parse(str(beyond[at]), &days, &error), &error, "22008");
    }
    static const char *const intervals[] = {
        "",   "1",   "day",     "1 dayx", "1 day ago x", "1.5:00",  "P",   "P1",
        "PT", "P1H", "1 day 2", "ago",    "1 fortnight", "1:2:3:4", "P1DT"};
    cni_interval interval;
    for (int64_t at = 0; at < CN_ARRAY_LEN(intervals); at++) {
        assert_refused(cni_interval_parse(str(intervals[at]), &interval, &error), &error, "22007");
    }
    assert_refused(cni_interval_parse(str("3000000000 days"), &interval, &error), &error, "22008");
    assert_refused(cni_interval_parse(str("00:99:00"), &interval, &error), &error, "22008");
    assert_non_null(strstr(error.message, "'00:99:00'"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar_day_by_day),
        cmocka_unit_test(test_weeks_and_months),
        cmocka_unit_test(test_rescale),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
