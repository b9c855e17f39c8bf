/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries: select lists, FROM and every kind of join, grouping, windows, set operations with their
 * precedence, tails and where they belong, WITH, samples, PIVOT and UNPIVOT; the TPC-H texts.
 */
#include "unit/sql/parse/sql_parse_support.h"

static void
test_select_lists(void **state)
{
    (void)state;
    expect_same("SELECT a, b AS x, c AS \"Y\" FROM t");
    expect_printed("SELECT a x, b AS 'y z', d: 1 + 2, FROM t",
                   "SELECT a AS x, b AS \"y z\", 1 + 2 AS d FROM t");
    expect_same("SELECT *, t.*, s.t.* FROM t");
    expect_same("SELECT * EXCLUDE (a, t.b) REPLACE (a + 1 AS a, 'x' AS b) RENAME (c AS d) FROM t");
    expect_printed("SELECT * EXCLUDE a, * REPLACE a + 1 AS a, * EXCEPT (a) FROM t",
                   "SELECT * EXCLUDE (a), * REPLACE (a + 1 AS a), * EXCLUDE (a) FROM t");
    expect_same("SELECT * LIKE 'x%', * NOT ILIKE 'y', * SIMILAR TO 'z' FROM t");
    expect_same("SELECT COLUMNS(*), COLUMNS('x.*') + 1, COLUMNS(* EXCLUDE (a)), "
                "COLUMNS(c -> c LIKE 'x'), f(*COLUMNS(*)) FROM t");
    expect_same("SELECT DISTINCT a FROM t");
    expect_same("SELECT DISTINCT ON (a, b + 1) a FROM t");
    expect_printed("SELECT ALL a FROM t", "SELECT a FROM t");
    expect_same("SELECT FROM t");
    expect_printed("SELECT * FROM t EXCEPT (SELECT 1)", "SELECT * FROM t EXCEPT SELECT 1");
}

static void
test_from_first(void **state)
{
    (void)state;
    expect_same("FROM t");
    expect_same("FROM t WHERE a > 1 ORDER BY b LIMIT 3");
    expect_printed("FROM t SELECT a, b WHERE a > 1", "SELECT a, b FROM t WHERE a > 1");
    expect_printed("TABLE t", "FROM t");
    sql_test test;
    sql_test_init(&test);
    const cni_sql_select *select = sql_test_select(&test, "FROM a, b");
    assert_true(select->implicit_star);
    assert_int_equal(select->from.n_items, 2);
    assert_int_equal(select->targets.items[0].expr->kind, CNI_SQL_EXPR_STAR);
    sql_test_done(&test);
}

static void
test_tables(void **state)
{
    (void)state;
    expect_same("SELECT * FROM t, s.t AS x, \"quoted\" AS q (a, b), ONLY p");
    expect_same("SELECT * FROM 'x.parquet' AS x, read_csv('y', header => true) AS y");
    expect_printed("SELECT * FROM f(['a', 'b'], x = 1, y := 2, z => 3) u",
                   "SELECT * FROM f(['a', 'b'], x => 1, y => 2, z => 3) AS u");
    expect_same("SELECT * FROM (SELECT 1) AS x (a), LATERAL (SELECT 2), (VALUES (1)) AS v (b)");
    expect_same("SELECT * FROM unnest(a) WITH ORDINALITY AS u (v, o), LATERAL f(t.a)");
    expect_same("SELECT * FROM ROWS FROM (f(1), g(2)) AS t (a int, b text), f() AS (a int)");
    expect_printed("SELECT * FROM x: t, glob('*') g, VALUES (1) v",
                   "SELECT * FROM t AS x, glob('*') AS g, (VALUES (1)) AS v");
    expect_printed("SELECT * FROM ((SELECT 1)) x, ((SELECT 1) UNION SELECT 2 LIMIT 1) y",
                   "SELECT * FROM (SELECT 1) AS x, (SELECT 1 UNION SELECT 2 LIMIT 1) AS y");
    sql_test test;
    sql_test_init(&test);
    const cni_sql_from *file = sql_test_select(&test, "FROM 'it''s.csv'")->from.items[0];
    assert_int_equal(file->kind, CNI_SQL_FROM_FILE);
    assert_true(cni_str_eq(file->path, CNI_STR("it's.csv")));
    sql_test_done(&test);
}

static void
test_joins(void **state)
{
    (void)state;
    expect_same("SELECT * FROM a JOIN b ON a.x = b.x LEFT JOIN c USING (x, y) AS j NATURAL JOIN d "
                "CROSS JOIN e FULL JOIN f ON true RIGHT JOIN g ON false");
    expect_same("SELECT * FROM a SEMI JOIN b USING (x) ANTI JOIN c ON a.x = c.x ASOF JOIN d ON "
                "a.t >= d.t ASOF LEFT JOIN e USING (t) POSITIONAL JOIN f");
    expect_printed("SELECT * FROM a INNER JOIN b ON true LEFT OUTER JOIN c ON true LEFT SEMI JOIN "
                   "d ON true LEFT ANTI JOIN e ON true NATURAL LEFT JOIN f",
                   "SELECT * FROM a JOIN b ON true LEFT JOIN c ON true SEMI JOIN d ON true ANTI "
                   "JOIN e ON true NATURAL LEFT JOIN f");
    expect_printed("SELECT * FROM a JOIN b JOIN c ON b.x = c.x ON a.x = b.x",
                   "SELECT * FROM a JOIN (b JOIN c ON b.x = c.x) ON a.x = b.x");
    expect_same("SELECT * FROM (a JOIN b ON true) AS j (x, y), (a CROSS JOIN b) CROSS JOIN c");
    sql_test test;
    sql_test_init(&test);
    const cni_sql_from *chain =
        sql_test_select(&test, "FROM a JOIN b ON x LEFT JOIN c ON y")->from.items[0];
    assert_int_equal(chain->kind, CNI_SQL_FROM_JOIN);
    assert_int_equal(chain->n_joins, 2);
    assert_int_equal(chain->joins[1].kind, CNI_SQL_JOIN_LEFT);
    assert_int_equal(chain->joins[1].offset, 19);
    assert_int_equal(chain->joins[1].length, 9);
    sql_test_done(&test);
    expect_syntax_error("SELECT * FROM a JOIN b", NULL, "end of input");
    expect_syntax_error("SELECT * FROM a CROSS JOIN b ON true", "ON", "near \"ON\"");
}

static void
test_grouping(void **state)
{
    (void)state;
    expect_same("SELECT a FROM t GROUP BY a, b + 1 HAVING count(*) > 1");
    expect_same("SELECT a FROM t GROUP BY ALL");
    expect_same("SELECT a FROM t GROUP BY ALL HAVING a > 1 ORDER BY ALL DESC");
    expect_same("SELECT a FROM t GROUP BY DISTINCT ROLLUP (a, (b, c)), CUBE (d), ()");
    expect_same("SELECT a FROM t GROUP BY GROUPING SETS ((a, b), (), a, ROLLUP (x), GROUPING "
                "SETS (y))");
    expect_printed("SELECT a FROM t GROUP BY ALL a, b", "SELECT a FROM t GROUP BY a, b");
    expect_same("SELECT rollup, cube FROM t GROUP BY rollup, cube");
}

static void
test_windows_and_qualify(void **state)
{
    (void)state;
    expect_same("SELECT a FROM t WINDOW w AS (PARTITION BY a), v AS (w ORDER BY b) QUALIFY f() "
                "OVER v = 1");
    expect_printed("SELECT a FROM t QUALIFY b WINDOW w AS ()",
                   "SELECT a FROM t WINDOW w AS () QUALIFY b");
}

static void
test_samples(void **state)
{
    (void)state;
    expect_printed("SELECT * FROM t TABLESAMPLE BERNOULLI (10) REPEATABLE (1)",
                   "SELECT * FROM t TABLESAMPLE BERNOULLI(10 PERCENT) REPEATABLE (1)");
    expect_printed("SELECT * FROM t TABLESAMPLE 10% USING SAMPLE 5",
                   "SELECT * FROM t TABLESAMPLE 10 PERCENT USING SAMPLE 5 ROWS");
    expect_printed("SELECT * FROM t TABLESAMPLE reservoir(20 ROWS) USING SAMPLE 1 PERCENT "
                   "(bernoulli, 3)",
                   "SELECT * FROM t TABLESAMPLE reservoir(20 ROWS) USING SAMPLE bernoulli(1 "
                   "PERCENT) REPEATABLE (3)");
}

static void
test_set_operations(void **state)
{
    (void)state;
    expect_same("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3");
    expect_same("SELECT 1 UNION ALL BY NAME SELECT 2");
    expect_printed("SELECT 1 UNION SELECT 2 INTERSECT SELECT 3",
                   "SELECT 1 UNION (SELECT 2 INTERSECT SELECT 3)");
    expect_printed("SELECT 1 UNION DISTINCT SELECT 2 EXCEPT ALL SELECT 3 UNION VALUES (4)",
                   "((SELECT 1 UNION SELECT 2) EXCEPT ALL SELECT 3) UNION VALUES (4)");
    expect_same("SELECT 1 UNION (SELECT 2 ORDER BY 1 LIMIT 1)");
    sql_test test;
    sql_test_init(&test);
    const cni_sql_query *query =
        sql_test_statement(&test, "SELECT 1 UNION ALL SELECT 2 UNION ALL (SELECT 3)")->query;
    assert_int_equal(query->kind, CNI_SQL_QUERY_UNION);
    assert_true(query->all);
    assert_int_equal(query->n_inputs, 3);
    query = sql_test_statement(&test, "SELECT 1 EXCEPT SELECT 2 EXCEPT SELECT 3")->query;
    assert_int_equal(query->kind, CNI_SQL_QUERY_EXCEPT);
    assert_int_equal(query->n_inputs, 3);
    sql_test_done(&test);
}

static void
test_tails(void **state)
{
    (void)state;
    expect_same(
        "SELECT a FROM t ORDER BY a, b DESC NULLS FIRST, c ASC NULLS LAST LIMIT 1 OFFSET 2");
    expect_printed("SELECT a OFFSET 2 ROWS LIMIT 1", "SELECT a LIMIT 1 OFFSET 2");
    expect_printed("SELECT a ORDER BY a USING >, b USING <", "SELECT a ORDER BY a DESC, b ASC");
    expect_printed("SELECT a LIMIT ALL", "SELECT a");
    expect_printed("SELECT a LIMIT 10%", "SELECT a LIMIT 10 PERCENT");
    expect_same("SELECT a LIMIT 10 % 3");
    expect_same("SELECT a LIMIT (SELECT 3) WITH TIES");
    expect_printed("SELECT a FETCH FIRST 5 ROWS ONLY", "SELECT a LIMIT 5");
    expect_printed("SELECT a FETCH NEXT ROW WITH TIES", "SELECT a LIMIT 1 WITH TIES");
    expect_printed("SELECT a OFFSET 1 FETCH FIRST 10 PERCENT ROWS WITH TIES",
                   "SELECT a LIMIT 10 PERCENT WITH TIES OFFSET 1");
    expect_refused("SELECT a LIMIT 1 OFFSET 2 LIMIT 3", CN_INVALID_ARGUMENT, 26, 5, "LIMIT");
}

/* A tail behind parentheses. */
static void
test_tails_of_parentheses(void **state)
{
    (void)state;
    expect_printed("(SELECT 1) ORDER BY 1", "SELECT 1 ORDER BY 1");
    expect_printed("(SELECT 1 ORDER BY 1) LIMIT 3", "SELECT 1 ORDER BY 1 LIMIT 3");
    expect_printed("(SELECT 1 LIMIT 5) ORDER BY 1", "FROM (SELECT 1 LIMIT 5) ORDER BY 1");
    expect_printed("(SELECT 1 LIMIT 5) LIMIT 3", "FROM (SELECT 1 LIMIT 5) LIMIT 3");
    expect_printed("WITH a AS (SELECT 1) (WITH b AS (SELECT 2) SELECT 3)",
                   "WITH a AS (SELECT 1) FROM (WITH b AS (SELECT 2) SELECT 3)");
    expect_printed("WITH a AS (SELECT 1) (SELECT 3 LIMIT 2)",
                   "WITH a AS (SELECT 1) SELECT 3 LIMIT 2");
    expect_printed("((SELECT 1))", "SELECT 1");
    expect_printed("((SELECT 1) UNION SELECT 2) LIMIT 1", "SELECT 1 UNION SELECT 2 LIMIT 1");
    expect_printed("SELECT ((SELECT 1) + 1), ((SELECT 1) INTERSECT (SELECT 2) LIMIT 1)",
                   "SELECT (SELECT 1) + 1, (SELECT 1 INTERSECT SELECT 2 LIMIT 1)");
    expect_syntax_error("SELECT ((1) UNION SELECT 2)", "UNION", "UNION");
    expect_syntax_error("SELECT * FROM (t UNION SELECT 2)", "UNION", "UNION");
}

static void
test_with(void **state)
{
    (void)state;
    expect_same("WITH a AS (SELECT 1), b (x, y) AS NOT MATERIALIZED (VALUES (1, 2)) FROM a, b");
    expect_same("WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) FROM r LIMIT 9");
    expect_same("WITH RECURSIVE r (n) USING KEY (n) AS MATERIALIZED (SELECT 1) FROM r");
    expect_refused("WITH a AS (DELETE FROM t) SELECT 1", CN_NOT_IMPLEMENTED, 11, 6, "WITH");
}

static void
test_pivot(void **state)
{
    (void)state;
    expect_same("SELECT * FROM t PIVOT (sum(x) AS s, count(*) FOR y IN (1, 2 AS two) z IN ('a') "
                "GROUP BY g) AS p");
    expect_same("FROM t PIVOT (sum(x) FOR (a, b) IN ((1, 2), (3, 4)))");
    expect_printed("FROM t PIVOT (sum(x) FOR a IN (1) FOR b IN (SELECT 2))",
                   "FROM t PIVOT (sum(x) FOR a IN (1) b IN (SELECT 2))");
    expect_same("PIVOT t ON y, z IN (1, 2), (a, b) USING sum(x) AS s GROUP BY g ORDER BY 1");
    expect_same("FROM (PIVOT t ON y IN mood) AS p");
    expect_same("FROM t UNPIVOT INCLUDE NULLS (v FOR n IN (a, b AS bb)) AS u");
    expect_same("FROM t UNPIVOT ((v1, v2) FOR n IN ((a, b) AS x, (c, d)))");
    expect_same("UNPIVOT t ON a, b AS c, COLUMNS(*) INTO NAME n VALUE v, w");
    expect_same("UNPIVOT INCLUDE NULLS t ON * EXCLUDE (a)");
    expect_syntax_error("PIVOT t", NULL, "end of input");
}

static void
read_file(const char *path, char *out, size_t cap)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t n_bytes = fread(out, 1, cap - 1, file);
    out[n_bytes] = '\0';
    assert_int_equal(fclose(file), 0);
}

static void
test_tpch(void **state)
{
    (void)state;
    for (int number = 1; number <= 22; number++) {
        char path[512];
        char text[8192];
        char once[8192];
        sql_test test;
        (void)snprintf(path, sizeof(path), "%s/sql/tpch/q%02d.sql", CN_TEST_DATA, number);
        read_file(path, text, sizeof(text));
        sql_test_init(&test);
        const char *printed = sql_test_print(&test, sql_test_statement(&test, text));
        assert_true(strlen(printed) < sizeof(once));
        memcpy(once, printed, strlen(printed) + 1);
        assert_string_equal(sql_test_print(&test, sql_test_statement(&test, once)), once);
        sql_test_done(&test);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select_lists), cmocka_unit_test(test_from_first),
        cmocka_unit_test(test_tables),       cmocka_unit_test(test_joins),
        cmocka_unit_test(test_grouping),     cmocka_unit_test(test_windows_and_qualify),
        cmocka_unit_test(test_samples),      cmocka_unit_test(test_set_operations),
        cmocka_unit_test(test_tails),        cmocka_unit_test(test_tails_of_parentheses),
        cmocka_unit_test(test_with),         cmocka_unit_test(test_pivot),
        cmocka_unit_test(test_tpch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
