/* SPDX-License-Identifier: Apache-2.0
 *
 * EXTRACT, date_trunc and arithmetic with intervals, on literals whose answers PostgreSQL gives,
 * and the fast calendar against the complete one.
 */
#include "data/kernel/civil_int.h"
#include "unit/data/kernel/ops_check.h"

static cni_vector
parse(const cni_type *type, const char *text)
{
    const cni_op_env env = ops_env(1);
    cn_error err = CN_ERROR_INIT;
    cni_vector source = ops_strings(&text, 1);
    cni_vector out = {0};
    ops_ok(cni_op_cast(&env, &source, type, false, &out, &err), &err);
    cni_vector_done(&source);
    return out;
}

static void
fast_calendar(void **state)
{
    (void)state;
    check_random random = {53};
    for (int turn = 0; turn < 200000; turn++) {
        const int64_t days = (int64_t)(check_next(&random) % 1100000000) - 50000000;
        const cni_civil fast = cni_civil_of(days);
        const cni_civil slow = cni_civil_from_days(days);
        assert_true(fast.year == slow.year && fast.month == slow.month && fast.day == slow.day);
    }
    const int64_t edges[] = {
        CNI_CIVIL_FAST_LOW, CNI_CIVIL_FAST_HIGH, CNI_CIVIL_FAST_LOW - 1, 0, INT32_MIN, INT32_MAX};
    for (size_t edge = 0; edge < sizeof(edges) / sizeof(edges[0]); edge++) {
        const cni_civil fast = cni_civil_of(edges[edge]);
        const cni_civil slow = cni_civil_from_days(edges[edge]);
        assert_true(fast.year == slow.year && fast.month == slow.month && fast.day == slow.day);
    }
}

static void
expect_part(const cni_type *type, const char *text, const char *part_name, const char *expected)
{
    const cni_op_env env = ops_env(1);
    cn_error err = CN_ERROR_INIT;
    cni_vector value = parse(type, text);
    cni_vector out = {0};
    cni_date_part part;
    assert_true(cni_date_part_find(cni_str_of(part_name), &part));
    ops_ok(cni_op_date_part(&env, part, &value, &out, &err), &err);
    ops_expect_text(&out, 0, expected);
    cni_vector_done(&out);
    cni_vector_done(&value);
}

static void
parts(void **state)
{
    (void)state;
    const cni_type *date = cni_type_of(CNI_TYPE_DATE);
    const cni_type *ts = cni_type_of(CNI_TYPE_TIMESTAMP);
    const cni_type *interval = cni_type_of(CNI_TYPE_INTERVAL);
    expect_part(date, "1998-12-01", "YEAR", "1998");
    expect_part(date, "1998-12-01", "months", "12");
    expect_part(date, "1998-12-31", "day", "31");
    expect_part(date, "1998-12-31", "quarter", "4");
    expect_part(date, "2005-01-01", "week", "53");
    expect_part(date, "2005-01-01", "isoyear", "2004");
    expect_part(date, "2001-02-18", "dow", "0");
    expect_part(date, "2001-02-18", "isodow", "7");
    expect_part(date, "2000-12-31", "doy", "366");
    expect_part(date, "2000-12-16", "century", "20");
    expect_part(date, "2001-02-16", "century", "21");
    expect_part(date, "2001-02-16", "millennium", "3");
    expect_part(date, "2000-02-16", "millennium", "2");
    expect_part(date, "1999-02-16", "decade", "199");
    expect_part(date, "1999-02-16", "era", "1");
    expect_part(date, "1970-01-02", "epoch", "86400.0");
    expect_part(date, "1970-01-02", "hour", "0");
    expect_part(ts, "1969-12-31 23:59:58.123456", "hour", "23");
    expect_part(ts, "1969-12-31 23:59:58.123456", "minute", "59");
    expect_part(ts, "1969-12-31 23:59:58.123456", "second", "58");
    expect_part(ts, "1969-12-31 23:59:58.123456", "ms", "58123");
    expect_part(ts, "1969-12-31 23:59:58.123456", "us", "58123456");
    expect_part(ts, "1969-12-31 23:59:58.123456", "ns", "58123456000");
    expect_part(ts, "1969-12-31 23:59:58.5", "epoch", "-1.5");
    expect_part(ts, "1969-12-31 23:59:58.5", "year", "1969");
    expect_part(cni_type_of(CNI_TYPE_TIME), "10:11:12", "minute", "11");
    expect_part(interval, "14 months 3 days 04:05:06", "year", "1");
    expect_part(interval, "14 months 3 days 04:05:06", "month", "2");
    expect_part(interval, "14 months 3 days 04:05:06", "day", "3");
    expect_part(interval, "14 months 3 days 30:05:06", "hour", "30");
    expect_part(interval, "1 day 00:00:01", "epoch", "86401.0");
    const cni_op_env env = ops_env(1);
    cn_error err = CN_ERROR_INIT;
    cni_vector time = parse(cni_type_of(CNI_TYPE_TIME), "10:00");
    cni_vector out = {0};
    ops_fails(cni_op_date_part(&env, CNI_PART_YEAR, &time, &out, &err), &err, CN_NOT_IMPLEMENTED,
              NULL, "TIME");
    cni_vector_done(&time);
    cni_vector_done(&out);
    cni_date_part part;
    assert_false(cni_date_part_find(CNI_STR("fortnight"), &part));
}

static void
expect_trunc(const cni_type *type, const char *text, cni_date_part part, const char *expected)
{
    const cni_op_env env = ops_env(1);
    cn_error err = CN_ERROR_INIT;
    cni_vector value = parse(type, text);
    cni_vector out = {0};
    ops_ok(cni_op_date_trunc(&env, part, &value, &out, &err), &err);
    ops_expect_text(&out, 0, expected);
    cni_vector_done(&out);
    cni_vector_done(&value);
}

static void
truncation(void **state)
{
    (void)state;
    const cni_type *date = cni_type_of(CNI_TYPE_DATE);
    const cni_type *ts = cni_type_of(CNI_TYPE_TIMESTAMP);
    const char *instant = "1998-11-17 13:14:15.678901";
    expect_trunc(date, "1998-11-17", CNI_PART_MONTH, "1998-11-01");
    expect_trunc(date, "1998-11-17", CNI_PART_QUARTER, "1998-10-01");
    expect_trunc(date, "1998-11-17", CNI_PART_YEAR, "1998-01-01");
    expect_trunc(date, "1998-11-17", CNI_PART_WEEK, "1998-11-16");
    expect_trunc(date, "1998-11-17", CNI_PART_DECADE, "1990-01-01");
    expect_trunc(date, "1998-11-17", CNI_PART_CENTURY, "1901-01-01");
    expect_trunc(date, "2000-11-17", CNI_PART_CENTURY, "1901-01-01");
    expect_trunc(date, "1998-11-17", CNI_PART_MILLENNIUM, "1001-01-01");
    expect_trunc(date, "2005-01-01", CNI_PART_ISOYEAR, "2003-12-29");
    expect_trunc(date, "1998-11-17", CNI_PART_HOUR, "1998-11-17");
    expect_trunc(ts, instant, CNI_PART_DAY, "1998-11-17 00:00:00");
    expect_trunc(ts, instant, CNI_PART_HOUR, "1998-11-17 13:00:00");
    expect_trunc(ts, instant, CNI_PART_MINUTE, "1998-11-17 13:14:00");
    expect_trunc(ts, instant, CNI_PART_SECOND, "1998-11-17 13:14:15");
    expect_trunc(ts, instant, CNI_PART_MILLISECOND, "1998-11-17 13:14:15.678");
    expect_trunc(ts, "1969-12-31 23:59:59.5", CNI_PART_SECOND, "1969-12-31 23:59:59");
    expect_trunc(cni_type_of(CNI_TYPE_INTERVAL), "17 months 3 days 04:05:06", CNI_PART_YEAR,
                 "1 year");
    expect_trunc(cni_type_of(CNI_TYPE_INTERVAL), "17 months 3 days 04:05:06", CNI_PART_HOUR,
                 "1 year 5 months 3 days 04:00:00");
    const int64_t lowest[] = {INT64_MIN, 0};
    const bool valid[] = {false, true};
    const cni_op_env env = ops_env(2);
    cn_error err = CN_ERROR_INIT;
    cni_vector out = {0};
    cni_vector v = ops_vector(ts, CNI_PHYS_I64, lowest, valid, 2);
    ops_ok(cni_op_date_trunc(&env, CNI_PART_YEAR, &v, &out, &err), &err);
    v.validity = (cni_bits){NULL, 0};
    ops_fails(cni_op_date_trunc(&env, CNI_PART_YEAR, &v, &out, &err), &err, CN_INVALID_DATA,
              "22008", "out of range");
    cni_vector_done(&v);
    cni_vector_done(&out);
}

static void
expect_sum(const cni_type *from, const char *left, const cni_type *to, bool subtract,
           const char *interval, const char *expected)
{
    const cni_op_env env = ops_env(1);
    cn_error err = CN_ERROR_INIT;
    cni_vector a = parse(from, left);
    cni_vector b = parse(cni_type_of(CNI_TYPE_INTERVAL), interval);
    cni_vector out = {0};
    ops_ok(cni_op_add_interval(&env, to, subtract, &a, &b, &out, &err), &err);
    ops_expect_text(&out, 0, expected);
    cni_vector_done(&out);
    cni_vector_done(&a);
    cni_vector_done(&b);
}

static void
interval_sums(void **state)
{
    (void)state;
    const cni_type *date = cni_type_of(CNI_TYPE_DATE);
    const cni_type *ts = cni_type_of(CNI_TYPE_TIMESTAMP);
    const cni_type *interval = cni_type_of(CNI_TYPE_INTERVAL);
    const cni_type *time = cni_type_of(CNI_TYPE_TIME);
    expect_sum(date, "1998-12-01", date, true, "90 days", "1998-09-02");
    expect_sum(date, "1994-01-01", date, false, "1 year", "1995-01-01");
    expect_sum(date, "2000-01-31", date, false, "1 month", "2000-02-29");
    expect_sum(date, "2000-03-31", date, true, "1 month", "2000-02-29");
    expect_sum(date, "2000-01-31", ts, false, "1 month 01:00:00", "2000-02-29 01:00:00");
    expect_sum(ts, "2000-01-31 23:30:00", ts, false, "1 hour", "2000-02-01 00:30:00");
    expect_sum(ts, "1969-12-31 23:30:00", ts, true, "1 day 00:30:00", "1969-12-30 23:00:00");
    expect_sum(interval, "1 month", interval, false, "2 days", "1 month 2 days");
    expect_sum(interval, "1 month", interval, true, "3 months", "-2 months");
    expect_sum(time, "23:30", time, false, "1 hour", "00:30:00");
    expect_sum(time, "00:30", time, true, "1 hour", "23:30:00");
}

static void
interval_errors(void **state)
{
    (void)state;
    const int32_t days[] = {INT32_MAX, 0, INT32_MAX};
    const bool valid[] = {false, true, true};
    const cni_type *date = cni_type_of(CNI_TYPE_DATE);
    cni_vector a = ops_vector(date, CNI_PHYS_I32, days, valid, 3);
    const cni_interval one_day = {0, 1, 0};
    const cni_interval one_month = {1, 0, 0};
    const cni_type *type = cni_type_of(CNI_TYPE_INTERVAL);
    cni_vector day = ops_constant(type, CNI_PHYS_INTERVAL, &one_day, false, 3);
    cni_vector month = ops_constant(type, CNI_PHYS_INTERVAL, &one_month, false, 3);
    cni_op_env env = ops_env(3);
    cn_error err = CN_ERROR_INIT;
    cni_vector out = {0};
    const cni_vector *both[] = {&day, &month};
    for (int which = 0; which < 2; which++) {
        env.live = NULL;
        ops_fails(cni_op_add_interval(&env, date, false, &a, both[which], &out, &err), &err,
                  CN_INVALID_DATA, "22008", "DATE out of range: 5881580-07-11");
        const uint64_t live = 3;
        env.live = &live;
        ops_ok(cni_op_add_interval(&env, date, false, &a, both[which], &out, &err), &err);
        ops_expect_text(&out, 1, which == 0 ? "1970-01-02" : "1970-02-01");
    }
    ops_fails(cni_op_add_interval(&env, date, false, &a, &a, &out, &err), &err, CN_NOT_IMPLEMENTED,
              NULL, "interval arithmetic is not defined for DATE");
    cni_vector_done(&a);
    cni_vector_done(&day);
    cni_vector_done(&month);
    cni_vector_done(&out);
}

static void
differences(void **state)
{
    (void)state;
    const cni_op_env env = ops_env(1);
    cn_error err = CN_ERROR_INIT;
    cni_vector a = parse(cni_type_of(CNI_TYPE_TIMESTAMP), "2000-01-03 01:00:00");
    cni_vector b = parse(cni_type_of(CNI_TYPE_TIMESTAMP), "2000-01-01 02:00:00");
    cni_vector out = {0};
    ops_ok(cni_op_add_interval(&env, cni_type_of(CNI_TYPE_INTERVAL), true, &a, &b, &out, &err),
           &err);
    ops_expect_text(&out, 0, "1 day 23:00:00");
    cni_vector_done(&a);
    cni_vector_done(&b);
    a = parse(cni_type_of(CNI_TYPE_DATE), "2000-03-01");
    b = parse(cni_type_of(CNI_TYPE_DATE), "2000-02-01");
    ops_ok(cni_op_arith(&env, CNI_SUB, cni_type_of(CNI_TYPE_INT64), &a, &b, &out, &err), &err);
    ops_expect_text(&out, 0, "29");
    cni_vector_done(&a);
    cni_vector_done(&b);
    cni_vector_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_calendar),   cmocka_unit_test(parts),
        cmocka_unit_test(truncation),      cmocka_unit_test(interval_sums),
        cmocka_unit_test(interval_errors), cmocka_unit_test(differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
