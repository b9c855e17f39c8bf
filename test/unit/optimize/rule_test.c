/* SPDX-License-Identifier: Apache-2.0
 *
 * Each optimizer rule is seen to fire, gives the same rows as without it, and keeps the two
 * promises of all rules: a conjunct that may fail never overtakes one written before it, a volatile
 * expression never moves.
 */
#include "optimize/optimize.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/sql_env.h"

#define NATION "'" CN_TEST_DATA "/tpch/nation.parquet'"
#define REGION "'" CN_TEST_DATA "/tpch/region.parquet'"

static int
begin(void **state)
{
    static sql_env env;
    sql_begin(&env, 2);
    SQL_GIVES(
        &env,
        "CREATE VIEW n AS SELECT n_nationkey AS k, n_name AS name, n_regionkey AS r FROM " NATION
        "; CREATE VIEW rg AS SELECT r_regionkey AS k, r_name AS name FROM " REGION,
        "");
    *state = &env;
    return 0;
}

static int
end(void **state)
{
    sql_end(*state);
    return 0;
}

/* The optimized logical plan: EXPLAIN up to its empty line. */
static void
explain(sql_env *env, const char *sql, char *out, size_t size)
{
    char text[8192];
    (void)snprintf(text, sizeof(text), "EXPLAIN %s", sql);
    const cn_code code = sql_run(env, text);
    if (code != CN_OK) {
        fail_msg("%s: %s", text, env->err.message);
    }
    const char *all = sql_text(env);
    const char *blank = strstr(all, "\n\n");
    (void)snprintf(out, size, "%.*s", (int)(blank == NULL ? strlen(all) : (size_t)(blank - all)),
                   all);
}

static void
rows_of(sql_env *env, const char *sql, char *out, size_t size)
{
    const cn_code code = sql_run(env, sql);
    if (code != CN_OK) {
        fail_msg("%s: %s", sql, env->err.message);
    }
    (void)snprintf(out, size, "%s", sql_text(env));
}

static void
disable(sql_env *env, const char *rules)
{
    char text[256];
    (void)snprintf(text, sizeof(text), "SET disabled_rules = '%s'", rules);
    SQL_GIVES(env, text, "");
}

typedef struct rule_case {
    const char *rule;
    const char *sql;
    const char *with;    /* part of the plan only when the rule runs */
    const char *without; /* part of the plan only when it does not */
} rule_case;

static const rule_case cases[] = {
    /* simplify: folding, junctions, casts, CASE, filters that decide nothing */
    {"simplify", "SELECT k FROM n WHERE k > 1 + 2", "n_nationkey > 3]", "1 + 2"},
    {"simplify", "SELECT k FROM n WHERE k > 20 AND 1 = 1", "filters=[n_nationkey > 20]", "1 = 1"},
    {"simplify", "SELECT k FROM n WHERE k = 3 OR FALSE", "filters=[n_nationkey = 3]", "OR FALSE"},
    {"simplify", "SELECT k FROM n WHERE name = 'x' AND FALSE", "Values", "Scan"},
    {"simplify", "SELECT k FROM n WHERE TRUE OR name = 'x'", "", "filters"},
    {"simplify", "SELECT k FROM n WHERE k > 3 AND k > 3", "filters=[n_nationkey > 3]",
     ", n_nationkey >"},
    {"simplify", "SELECT k FROM n WHERE CAST(k AS HUGEINT) = 7", "n_nationkey = 7]",
     "CAST(n_nationkey AS HUGEINT)"},
    {"simplify", "SELECT k FROM n WHERE CAST(k AS HUGEINT) IN (7, 8)", "n_nationkey IN (7, 8)",
     "CAST(n_nationkey AS HUGEINT)"},
    {"simplify", "SELECT k FROM n WHERE k IN (7)", "n_nationkey = 7", "IN ("},
    {"simplify", "SELECT CASE WHEN k = 1 THEN 'a' WHEN TRUE THEN 'b' ELSE 'c' END AS x FROM n",
     "ELSE 'b' END", "WHEN TRUE"},
    {"simplify", "SELECT CASE WHEN 1 = 2 THEN 'a' ELSE name END AS x FROM n", "[n_name AS x]",
     "WHEN 1 = 2"},
    /* filter_pushdown: to scans, through projections, keys, sorts, distincts, unions */
    {"filter_pushdown", "SELECT name FROM n WHERE k > 20", "filters=[n_nationkey > 20]", "Filter"},
    {"filter_pushdown", "SELECT x FROM (SELECT k * 2 AS x FROM n) WHERE x = 4",
     "filters=[n_nationkey * 2 = 4]", "Filter"},
    {"filter_pushdown",
     "SELECT r, c FROM (SELECT r, count(*) AS c FROM n GROUP BY r) WHERE r = 1 AND c > 2",
     "filters=[n_regionkey = 1]", "r = 1 AND count > 2"},
    {"filter_pushdown", "SELECT name FROM (SELECT DISTINCT name FROM n) WHERE name > 'U'",
     "filters=[n_name > 'U']", "Filter"},
    {"filter_pushdown", "SELECT name FROM (SELECT name FROM n ORDER BY name) WHERE name > 'U'",
     "filters=[n_name > 'U']", "Filter"},
    {"filter_pushdown",
     "SELECT name FROM (SELECT name FROM n UNION ALL SELECT name FROM rg) WHERE name LIKE 'A%'",
     "filters=[like(r_name, 'A%')]", "Filter"},
    /* windows: filters over partition keys go below, functions that nobody reads go */
    {"filter_pushdown",
     "SELECT k, rn FROM (SELECT k, r, row_number() OVER (PARTITION BY r ORDER BY name) AS rn FROM "
     "n) "
     "WHERE r = 1 AND rn <= 2 ORDER BY k",
     "filters=[n_regionkey = 1]", "r = 1 AND"},
    {"projection_pushdown",
     "SELECT k FROM (SELECT k, rank() OVER (ORDER BY name) AS rk FROM n) ORDER BY k", "", "Window"},
    {"projection_pushdown",
     "SELECT k, rn FROM (SELECT k, row_number() OVER w AS rn, rank() OVER w AS rk FROM n WINDOW w "
     "AS "
     "(PARTITION BY r ORDER BY name)) ORDER BY k",
     "functions=[row_number()]", "rank()"},
    {"join_elimination",
     "SELECT k FROM (SELECT k, sum(k) OVER (PARTITION BY r) AS s FROM n) ORDER BY k", "",
     "Join left"},
    {"join_elimination",
     "SELECT n.k FROM n LEFT JOIN (SELECT r, row_number() OVER (PARTITION BY r ORDER BY k) AS rn "
     "FROM "
     "n) AS q ON q.r = n.r AND q.rn = 1 ORDER BY n.k",
     "", "Join left"},
    /* what stands between the nodes that do something */
    {"inline_with",
     "WITH w AS (SELECT k, r FROM n) SELECT a.k FROM w AS a JOIN w AS b ON a.k = b.r ORDER BY a.k",
     "", "With w"},
    {"projection_merge", "SELECT k FROM n WHERE k = 3", "", "Project [k]"},
    {"common_subplans",
     "SELECT a.c FROM (SELECT r, count(*) AS c FROM n GROUP BY r) AS a, (SELECT r, count(*) AS c "
     "FROM n GROUP BY r) AS b WHERE a.r = b.r ORDER BY a.c",
     "With common", ""},
    /* joins, duplicates and keys that change nothing */
    {"join_elimination",
     "SELECT name FROM n LEFT JOIN (SELECT k AS x, count(*) AS c FROM rg GROUP BY k) ON r = x", "",
     "Join left"},
    {"redundant_distinct", "SELECT name FROM n WHERE r IN (SELECT DISTINCT k FROM rg WHERE k > 2)",
     "", "Distinct"},
    {"dependent_keys",
     "SELECT r, name, count(*) AS c FROM n WHERE r = 1 GROUP BY r, name ORDER BY name",
     "groups=[n_name]", "groups=[n_regionkey, n_name]"},
    {"eager_aggregation",
     "SELECT rg.k, count(n.k) AS c FROM rg LEFT JOIN n ON rg.k = n.r GROUP BY rg.k ORDER BY rg.k",
     "groups=[n_regionkey]", "groups=[r_regionkey]"},
    {"eager_aggregation",
     "SELECT a.name, sum(b.k) AS s, count(*) AS c FROM n a JOIN n b ON a.r = b.r GROUP BY a.name "
     "ORDER BY a.name",
     "sum_part(n_nationkey)", "sum(n_nationkey)"},
    {"self_join", "SELECT a.name FROM n a JOIN n b ON a.k = b.k WHERE b.r = 1 ORDER BY a.name",
     "columns=[n_name] filters=[n_regionkey = 1]", "Join"},
    {"semi_join_reduction", "SELECT n.name FROM n JOIN rg ON n.r = rg.k ORDER BY n.name",
     "Join semi", "Join inner"},
    /* narrow_expression: below joins, sorts, windows; not what a padded row would change */
    {"narrow_expression",
     "SELECT count(*) FROM n JOIN rg ON n.r = rg.k WHERE length(rg.name) + length(n.name) > 12",
     "Project [r_regionkey, length(r_name)]", ""},
    {"narrow_expression",
     "SELECT n.k, coalesce(length(rg.name), 0) AS l FROM n LEFT JOIN rg ON n.r + 1 = rg.k "
     "ORDER BY n.k",
     "Project [r_regionkey, length(r_name)]", ""},
    {"narrow_expression",
     "SELECT k, l FROM (SELECT k, length(name) AS l, row_number() OVER (ORDER BY r, k) AS rn FROM "
     "n) WHERE rn % 3 = 1 ORDER BY k",
     "Project [k, r, length(name)]", ""},
    /* outer_to_inner, or_factoring, transitive */
    {"outer_to_inner",
     "SELECT n.name, rg.name FROM n LEFT JOIN rg ON n.r = rg.k WHERE rg.name = 'ASIA'",
     "Join inner", "Join left"},
    {"or_factoring",
     "SELECT n.name FROM n JOIN rg ON n.r = rg.k "
     "WHERE (n.k < 3 AND rg.name = 'ASIA') OR (n.k > 20 AND rg.name = 'EUROPE') ORDER BY n.name",
     "filters=[n_nationkey < 3 OR n_nationkey > 20]", ""},
    {"transitive", "SELECT n.name FROM n JOIN rg ON n.r = rg.k WHERE rg.k > 2",
     "filters=[n_regionkey > 2]", ""},
    /* metadata_aggregate */
    {"metadata_aggregate", "SELECT count(*), min(k), max(k), count(name) FROM n",
     "Values [25, 0, 24, 25]", "Aggregate"},
    /* distinct_aggregate */
    {"distinct_aggregate", "SELECT r, count(DISTINCT name) FROM n GROUP BY r ORDER BY r",
     "Aggregate groups=[n_regionkey, n_name] aggregates=[]", "aggregates=[count(DISTINCT n_name)]"},
    {"distinct_aggregate", "SELECT max(DISTINCT k), min(DISTINCT name) FROM n WHERE k > 3",
     "aggregates=[max(n_nationkey), min(n_name)]", "aggregates=[max(DISTINCT"},
    /* limit_pushdown: below projections, into unions and scans, limit over limit, LIMIT 0 */
    {"limit_pushdown", "SELECT upper(name) FROM n LIMIT 3 OFFSET 2", "limit=5", ""},
    {"limit_pushdown", "SELECT k FROM (SELECT k FROM n LIMIT 5) LIMIT 3",
     "columns=[n_nationkey] limit=3", "Limit limit=5"},
    {"limit_pushdown", "SELECT k FROM (SELECT k FROM n UNION ALL SELECT k FROM rg) LIMIT 3",
     "        Limit limit=3", ""},
    {"limit_pushdown", "SELECT k FROM n LIMIT 0", "Values", "Scan"},
    /* top_n */
    {"top_n", "SELECT k FROM n ORDER BY name DESC LIMIT 3 OFFSET 1", "TopN", "Sort"},
    /* projection_pushdown: scans, projections, aggregations, unions */
    {"join_order", "SELECT n.name, rg.name AS x FROM rg, n WHERE n.r = rg.k ORDER BY n.name",
     "columns=[n_name, n_regionkey] rows~25\n      Scan",
     "columns=[r_regionkey, r_name] rows~5\n      Scan"},
    {"projection_pushdown", "SELECT name FROM n", "columns=[n_name]", "n_comment"},
    {"projection_pushdown", "SELECT x FROM (SELECT k AS x, upper(name) AS y FROM n)",
     "[n_nationkey AS x]", "upper"},
    {"projection_pushdown",
     "SELECT r, s FROM (SELECT r, sum(k) AS s, max(name) AS m FROM n GROUP BY r) ORDER BY r",
     "aggregates=[sum(n_nationkey)]", "max(n_name)"},
    {"projection_pushdown", "SELECT count(*) FROM n WHERE name > 'U'", "columns=[] filters",
     "columns=[n_nationkey"},
    {"projection_pushdown",
     "SELECT k FROM (SELECT k, name FROM n UNION ALL SELECT k, name FROM rg) WHERE k < 2",
     "columns=[r_regionkey]", "r_name"},
};

static void
test_rules_fire_and_change_no_rows(void **state)
{
    sql_env *env = *state;
    int n_wrong = 0;
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        const rule_case *wanted = &cases[index];
        char with[8192];
        char without[8192];
        char rows_with[8192];
        char rows_without[8192];
        explain(env, wanted->sql, with, sizeof(with));
        rows_of(env, wanted->sql, rows_with, sizeof(rows_with));
        disable(env, wanted->rule);
        explain(env, wanted->sql, without, sizeof(without));
        rows_of(env, wanted->sql, rows_without, sizeof(rows_without));
        disable(env, "");
        const bool fires = strstr(with, wanted->with) != NULL &&
                           (wanted->without[0] == '\0' || strstr(with, wanted->without) == NULL);
        const bool stops = strstr(without, wanted->without) != NULL &&
                           (wanted->with[0] == '\0' || strstr(without, wanted->with) == NULL);
        if (!fires || !stops) {
            n_wrong++;
            print_error("%s: %s\nwith:\n%s\nwithout:\n%s", wanted->rule, wanted->sql, with,
                        without);
        }
        if (strcmp(rows_with, rows_without) != 0) {
            n_wrong++;
            print_error("%s: %s\nwith:\n%s\nwithout:\n%s", wanted->rule, wanted->sql, rows_with,
                        rows_without);
        }
    }
    assert_int_equal(n_wrong, 0);
}

/* Normalization, whatever rules are off, and wherever the disjunction stands. */
static void
test_equalities_are_lists(void **state)
{
    sql_env *env = *state;
    char sql[8192];
    char plan[8192];
    int n_bytes = snprintf(sql, sizeof(sql),
                           "SELECT name = 'FRANCE' OR name = 'x' AS f FROM n "
                           "WHERE r < 0");
    for (int number = 0; number < 100; number++) {
        n_bytes +=
            snprintf(sql + n_bytes, sizeof(sql) - (size_t)n_bytes, " OR k = %d", number % 50 * 7);
    }
    disable(env, "or_factoring");
    explain(env, sql, plan, sizeof(plan));
    disable(env, "");
    assert_non_null(strstr(plan, "n_name IN ('FRANCE', 'x') AS f"));
    assert_non_null(strstr(plan, "n_regionkey < 0 OR n_nationkey IN (0, 7, 14, "));
    assert_null(strstr(plan, "n_nationkey = "));
    SQL_GIVES(env,
              "SELECT k FROM n WHERE k = 3 OR name = NULL OR k = 5 OR 7 = k OR k = NULL ORDER BY k",
              "3\n5\n7\n");
    SQL_GIVES(env, "SELECT count(*) FROM n WHERE (k = 3 OR k = 5 OR k = NULL) IS NULL", "23\n");
    SQL_GIVES(env, "SELECT count(*) FROM n WHERE NOT (k = 3 OR k = 5 OR k = 3)", "23\n");
}

static void
test_every_rule_has_a_case(void **state)
{
    (void)state;
    int32_t n_rules = 0;
    for (; cni_optimizer_rule_name(n_rules) != NULL; n_rules++) {
        bool found = false;
        for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
            found = found || strcmp(cases[index].rule, cni_optimizer_rule_name(n_rules)) == 0;
        }
        if (!found) {
            fail_msg("no case for %s", cni_optimizer_rule_name(n_rules));
        }
    }
    assert_true(n_rules >= 7);
    assert_null(cni_optimizer_rule_name(-1));
}

/* ---- conjuncts that may fail ---- */

static void
test_fallible_conjuncts_do_not_overtake(void **state)
{
    sql_env *env = *state;
    static const struct {
        const char *sql;
        const char *rows;
    } guarded[] = {
        {"SELECT k FROM n WHERE k <> 0 AND 100 / k > 30", "1\n2\n3\n"},
        {"SELECT k FROM n WHERE name <> 'ALGERIA' AND 100 / k > 30", "1\n2\n3\n"},
        {"SELECT k FROM (SELECT k FROM n WHERE k <> 0) WHERE 100 / k > 30", "1\n2\n3\n"},
        {"SELECT x FROM (SELECT k, 100 + k AS x FROM n) WHERE k <> 0 AND 100 / k > 49",
         "101\n102\n"},
        {"SELECT k FROM (SELECT k FROM n UNION ALL SELECT k FROM rg) WHERE k <> 0 AND 6 / k = 3",
         "2\n2\n"},
        {"SELECT r FROM (SELECT r, sum(k) AS s FROM n GROUP BY r) WHERE r <> 0 AND 4 / r = 4",
         "1\n"},
        {"SELECT r FROM (SELECT r, min(k) AS m FROM n GROUP BY r) WHERE m <> 0 AND 10 / m > 6",
         "1\n"},
        {"SELECT k FROM (SELECT k FROM n ORDER BY k DESC LIMIT 3) WHERE 100 / k = 4 LIMIT 2",
         "24\n23\n"},
        {"SELECT CASE WHEN k = 0 THEN -1 ELSE 24 / k END FROM n WHERE k < 3", "-1\n24\n12\n"},
        {"SELECT k FROM n WHERE k < 2 AND (k = 0 OR 10 / k = 10)", "0\n1\n"},
        {"SELECT k FROM n WHERE k < 0 AND 1 / 0 = 1", ""},
        {"SELECT count(*) FILTER (WHERE k <> 0 AND 24 / k = 12) FROM n", "1\n"},
        {"SELECT sum(24 / k) FILTER (WHERE k <> 0 AND k < 3) FROM n", "36\n"},
    };
    static const char *const settings[] = {
        "RESET ALL",
        "SET optimizer = off",
        "SET optimizer = on; SET disabled_rules = 'filter_pushdown'",
        "SET disabled_rules = 'simplify,projection_pushdown'",
        "SET disabled_rules = ''; SET chunk_rows = 1",
    };
    for (int64_t setting = 0; setting < CN_ARRAY_LEN(settings); setting++) {
        SQL_GIVES(env, settings[setting], "");
        for (int64_t index = 0; index < CN_ARRAY_LEN(guarded); index++) {
            SQL_GIVES(env, guarded[index].sql, guarded[index].rows);
        }
        SQL_FAILS(env, "SELECT k FROM n WHERE k >= 0 AND 1 / 0 = 1", CN_INVALID_DATA, "22012",
                  "/ 0", "division by zero");
    }
}

static void
test_a_conjunct_that_stays_holds_fallible_ones_back(void **state)
{
    sql_env *env = *state;
    char plan[8192];
    explain(env,
            "SELECT r FROM (SELECT r, count(*) AS c FROM n GROUP BY r) WHERE c > 1 AND 4 / r > 1",
            plan, sizeof(plan));
    assert_null(strstr(plan, "filters="));
    explain(env, "SELECT r FROM (SELECT r, count(*) AS c FROM n GROUP BY r) WHERE c > 1 AND r > 1",
            plan, sizeof(plan));
    assert_non_null(strstr(plan, "filters=[n_regionkey > 1]"));
}

/* ---- volatile expressions ---- */

static void
test_volatile_expressions_stay(void **state)
{
    sql_env *env = *state;
    char plan[8192];
    explain(env, "SELECT name FROM (SELECT name, random() AS x FROM n) WHERE x < 0.5", plan,
            sizeof(plan));
    assert_non_null(strstr(plan, "Filter x < 0.5"));
    assert_non_null(strstr(plan, "random() AS x"));
    explain(env, "SELECT name FROM n WHERE random() < 2 AND k > 3", plan, sizeof(plan));
    assert_non_null(strstr(plan, "Filter random()"));
    assert_non_null(strstr(plan, "filters=[n_nationkey > 3]"));
    explain(env, "SELECT random() + 1", plan, sizeof(plan));
    assert_non_null(strstr(plan, "random() + "));
    /* Computed once per row, however often it is named. */
    SQL_GIVES(env,
              "SELECT count(*) FROM (SELECT x AS y, x AS z FROM (SELECT random() AS x FROM n)) "
              "WHERE y = z",
              "25\n");
    SQL_GIVES(env, "SELECT count(*) FROM (SELECT DISTINCT random() AS x FROM n)", "25\n");
    SQL_GIVES(env, "SELECT count(*) FROM (SELECT random() AS x FROM n GROUP BY x)", "25\n");
}

/* ---- constants that fail ---- */

static void
test_constants_that_fail_wait_for_a_row(void **state)
{
    sql_env *env = *state;
    SQL_GIVES(env, "SELECT 1 / 0 FROM n WHERE k < 0", "");
    SQL_GIVES(env, "SELECT CASE WHEN k < 0 THEN 1 / 0 ELSE 7 END FROM n LIMIT 1", "7\n");
    SQL_GIVES(env, "SELECT coalesce(k, 1 / 0) FROM n LIMIT 1", "0\n");
    SQL_FAILS(env, "SELECT 1 / 0 FROM n", CN_INVALID_DATA, "22012", "/ 0", "division by zero");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rules_fire_and_change_no_rows, begin, end),
        cmocka_unit_test_setup_teardown(test_equalities_are_lists, begin, end),
        cmocka_unit_test(test_every_rule_has_a_case),
        cmocka_unit_test_setup_teardown(test_fallible_conjuncts_do_not_overtake, begin, end),
        cmocka_unit_test_setup_teardown(test_a_conjunct_that_stays_holds_fallible_ones_back, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_volatile_expressions_stay, begin, end),
        cmocka_unit_test_setup_teardown(test_constants_that_fail_wait_for_a_row, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
