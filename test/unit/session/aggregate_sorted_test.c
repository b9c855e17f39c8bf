/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups whose values go through sorts on disk (aggregate_sorted.c): the results are those of lists
 * in memory, to the bit, with everything forced to disk, and under limits that the lists of a group
 * are larger than.
 */
#include "support/sql_env.h"

#define FROM_LINES " FROM '" CN_TEST_DATA "/tpch/lineitem.parquet'"

/* Equal values that differ (zeros, a month and 30 days), NaN, NULLs, texts of all lengths. */
#define LINES                                                                                      \
    "(SELECT *, CASE WHEN l_linenumber = 1 THEN -0.0e0 WHEN l_linenumber = 2 THEN 0.0e0 "          \
    "WHEN l_linenumber = 3 AND l_orderkey % 5 = 0 THEN CAST('nan' AS DOUBLE) "                     \
    "ELSE CAST(l_tax AS DOUBLE) - 0.04e0 END AS x, "                                               \
    "CASE WHEN l_linenumber % 2 = 0 THEN INTERVAL '1 month' ELSE INTERVAL '30 days' END AS i, "    \
    "CASE WHEN l_linenumber = 4 THEN NULL ELSE l_shipmode END AS s, "                              \
    "CAST(l_partkey AS HUGEINT) * 100000000000000000 AS h" FROM_LINES ")"

#define SOME " WHERE l_orderkey < 2000" /* 2,000 rows */

static const char *const calls[] = {
    "median(x), quantile_cont(x, 0.2), quantile_cont(x, 0.999), median(l_extendedprice), count(x)",
    "mode(x), quantile_disc(x, 0.5), quantile_disc(x, 0.31), quantile_disc(x, 0), "
    "quantile_disc(x, 1)",
    "mode(i), quantile_disc(i, 0.7), quantile_disc(i, 0.2), mode(h), quantile_disc(h, 0.9)",
    "mode(s), quantile_disc(s, 0.4), mode(l_comment), quantile_disc(l_comment, 0.77), "
    "min(l_comment)",
    "median(x) FILTER (WHERE l_linenumber < 3), mode(s) FILTER (WHERE l_linenumber > 100), "
    "sum(l_tax), avg(l_discount)",
    "mode(l_shipdate), median(DISTINCT l_quantity), count(DISTINCT l_suppkey), mode(DISTINCT s), "
    "list(DISTINCT l_linestatus ORDER BY l_linestatus)",
    "string_agg(s, '-'), list(x), list(s), string_agg(l_comment, '') FILTER (WHERE l_tax < 0.01), "
    "list(l_shipdate), string_agg(s, ',') FILTER (WHERE l_linenumber = 4)",
    "list(s ORDER BY l_extendedprice DESC), string_agg(l_comment, '|' ORDER BY l_shipdate, x), "
    "list(i ORDER BY s NULLS FIRST), list(x ORDER BY x DESC), string_agg(s, ',' ORDER BY i), "
    "list(h ORDER BY l_shipmode), first(l_comment ORDER BY l_comment)",
    "mode(l_linestatus = 'F'), quantile_disc(CAST(l_tax AS FLOAT), 0.3), "
    "quantile_disc(CAST(l_orderkey AS UBIGINT), 0.5), quantile_disc(CAST(l_partkey AS SMALLINT), "
    "0.5)",
};

/* No keys, one group, few, some hundreds, many. */
static const char *const keys[] = {"1 = 1", "l_returnflag", "l_suppkey, l_linestatus",
                                   "l_orderkey"};

static void
query_of(size_t key, size_t call, char *out, size_t n_bytes)
{
    if (key == CN_ARRAY_LEN(keys)) {
        (void)snprintf(out, n_bytes, "SELECT %s FROM %s" SOME, calls[call], LINES);
        return;
    }
    (void)snprintf(out, n_bytes, "SELECT %s, %s FROM %s" SOME " GROUP BY %s ORDER BY %s", keys[key],
                   calls[call], LINES, keys[key], keys[key]);
}

static char *
rows_of(sql_env *env, const char *settings, const char *query)
{
    char script[4096];
    (void)snprintf(script, sizeof(script), "%s; %s", settings, query);
    SQL_OK(env, sql_run(env, script));
    char *rows = strdup(sql_text(env));
    assert_non_null(rows);
    return rows;
}

static void
check_same(const char *query, const char *expected, const char *got)
{
    if (strcmp(expected, got) != 0) {
        fail_msg("%s: expected\n%.400s\ngot\n%.400s", query, expected, got);
    }
}

static void
check_forced(sql_env *env, const char *query)
{
    static const char *const forced[] = {
        "SET test_spill = on; SET threads = 1; SET chunk_rows = 2048",
        "SET test_spill = on; SET threads = 2; SET chunk_rows = 500",
        "SET test_spill = on; SET threads = 8; SET chunk_rows = 90",
    };
    char *expected = rows_of(env, "SET test_spill = off; SET threads = 1", query);
    for (size_t at = 0; at < CN_ARRAY_LEN(forced); at++) {
        char *got = rows_of(env, forced[at], query);
        check_same(query, expected, got);
        free(got);
    }
    free(expected);
}

static void
test_forced(void **state)
{
    (void)state;
    sql_env env;
    sql_begin(&env, 8);
    for (size_t key = 0; key <= CN_ARRAY_LEN(keys); key++) {
        for (size_t call = 0; call < CN_ARRAY_LEN(calls); call++) {
            char query[3000];
            query_of(key, call, query, sizeof(query));
            if (key != 3 || call % 2 == 0) { /* many groups take their time */
                check_forced(&env, query);
            }
        }
    }
    sql_end(&env);
}

static void
test_empty(void **state)
{
    (void)state;
    sql_env env;
    sql_begin(&env, 2);
    SQL_GIVES(&env,
              "SET test_spill = on; SELECT median(l_tax), mode(l_comment), count(*)" FROM_LINES
              " WHERE l_orderkey < 0",
              "NULL|NULL|0\n");
    SQL_GIVES(&env,
              "SELECT l_orderkey, median(l_tax)" FROM_LINES
              " WHERE l_orderkey < 0 GROUP BY l_orderkey",
              "");
    sql_end(&env);
}

/* A figure of the aggregation in the text of EXPLAIN ANALYZE. */
static int64_t
figure(const sql_env *env, const char *name)
{
    const char *at = strstr(sql_text(env), name);
    return at == NULL ? -1 : strtoll(at + strlen(name), NULL, 10);
}

/* 1.2 million values: lists of a group are larger than the limit. */
#define MANY                                                                                       \
    LINES " AS t, (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), "   \
          "(14), (15), (16), (17), (18), (19), (20)) AS many(n)"

static const char *const limited[] = {
    "SELECT length(string_agg(l_linestatus, ',')) FROM " MANY,
    "SELECT l_returnflag, length(string_agg(l_linestatus, '' ORDER BY l_comment)) FROM " MANY
    " GROUP BY l_returnflag ORDER BY l_returnflag",
    "SELECT median(x), quantile_disc(x, 0.3) FROM " MANY,
    "SELECT mode(l_comment), median(l_extendedprice) FROM " MANY,
    "SELECT l_returnflag, median(x), mode(l_comment), mode(l_partkey), sum(l_quantity) FROM " MANY
    " GROUP BY l_returnflag ORDER BY l_returnflag",
    "SELECT l_linestatus, quantile_disc(l_comment, 0.4) FROM " MANY
    " GROUP BY l_linestatus ORDER BY l_linestatus",
};

static void
test_limits(void **state)
{
    (void)state;
    for (size_t at = 0; at < CN_ARRAY_LEN(limited); at++) {
        sql_env env;
        char explained[3000];
        sql_begin(&env, 2);
        char *expected = rows_of(&env, "SET threads = 2", limited[at]);
        char *got = rows_of(&env, "SET memory_limit = '24MB'", limited[at]);
        check_same(limited[at], expected, got);
        (void)snprintf(explained, sizeof(explained), "EXPLAIN ANALYZE %s", limited[at]);
        SQL_OK(&env, sql_run(&env, explained));
        if (figure(&env, "sorted_values=") < 100000) {
            fail_msg("%s: not sorted\n%s", limited[at], sql_text(&env));
        }
        free(got);
        free(expected);
        sql_end(&env);
    }
}

int
main(int argc, char **argv)
{
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
