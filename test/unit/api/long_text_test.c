/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions that make texts many times longer than their arguments: a chunk's worth of them does
 * not fit in the memory limit, so they are made in pieces wherever expressions are evaluated.
 */
#include "support/sql_env.h"

#define LIMIT_BYTES (INT64_C(64) << 20)
#define TABLE                                                                                      \
    "create table t as with recursive r(k) as (select 1 union all select k + 1 from r where k < "  \
    "2000) select k, 'text ' || cast(k % 300 as varchar) || ' of some length' as s from r;"

static void
begin(sql_env *self, const char *encoding)
{
    char script[128];
    (void)snprintf(script, sizeof(script), "set test_encode = '%s'", encoding);
    sql_begin_within(self, 2, LIMIT_BYTES);
    SQL_OK(self, sql_run(self, TABLE));
    SQL_OK(self, sql_run(self, script));
}

/* The same rows from the short texts and from the long ones. */
static void
assert_same(const char *with_long, const char *with_short)
{
    static const char *const encodings[] = {"", "dictionary", "slice"};
    for (size_t at = 0; at < sizeof(encodings) / sizeof(encodings[0]); at++) {
        sql_env env;
        char expected[256];
        begin(&env, encodings[at]);
        SQL_OK(&env, sql_run(&env, with_short));
        (void)snprintf(expected, sizeof(expected), "%s", sql_text(&env));
        SQL_OK(&env, sql_run(&env, with_long));
        assert_string_equal(sql_text(&env), expected);
        sql_end(&env);
    }
}

static void
test_projection(void **state)
{
    (void)state;
    assert_same("select count(*), sum(length(repeat(s, 5000))) from t",
                "select count(*), cast(sum(length(s)) * 5000 as bigint) from t");
    assert_same("select max(length(repeat(s, 5000)) + length(repeat(s, 4000))) from t",
                "select max(length(s)) * 9000 from t");
}

static void
test_filter(void **state)
{
    (void)state;
    assert_same("select count(*), sum(k) from t where repeat(s, 5000) like '%17 of%'",
                "select count(*), sum(k) from t where s like '%17 of%'");
    assert_same("select count(*) from t where length(repeat(s, 5000)) > 115000 and k > 20 and "
                "repeat(s, 4000) like '%1%'",
                "select count(*) from t where length(s) > 23 and k > 20 and s like '%1%'");
}

static void
test_operators_behind(void **state)
{
    (void)state;
    assert_same("select sum(length(x)), min(substr(x, 1, 8)) from (select repeat(s, 5000) as x "
                "from t order by x)",
                "select sum(length(s)) * 5000, min(substr(s, 1, 8)) from t");
    assert_same("select count(*), sum(n) from (select repeat(s, 3000) as x, count(*) as n from t "
                "group by x)",
                "select count(*), sum(n) from (select s, count(*) as n from t group by s)");
    assert_same("select count(*), sum(length(a.x)) from (select k, repeat(s, 3000) as x from t) a "
                "join (select k, repeat(s, 3000) as x from t) b on a.k = b.k where a.x = b.x",
                "select count(*), sum(length(s)) * 3000 from t");
    assert_same("with x as materialized (select k, repeat(s, 3000) as x from t) select count(*), "
                "sum(length(a.x)), sum(length(b.x)) from x a join x b on a.k = b.k",
                "select count(*), sum(length(s)) * 3000, sum(length(s)) * 3000 from t");
}

/* One of the texts is too long by itself. */
static void
test_too_long(void **state)
{
    sql_env env;
    (void)state;
    begin(&env, "");
    assert_int_equal(sql_run(&env, "select length(repeat(s, 4000000)) from t"), CN_BUDGET_EXCEEDED);
    SQL_OK(&env, sql_run(&env, "select count(*) from t"));
    assert_string_equal(sql_text(&env), "2000\n");
    sql_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_projection),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_operators_behind),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
