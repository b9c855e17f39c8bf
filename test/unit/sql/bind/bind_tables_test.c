/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries over several tables: joins, subqueries, WITH, set operations. The plan that each text
 * becomes before any rule has run, and what is refused with which code, SQLSTATE and place.
 */
#include "support/bind_env.h"

typedef struct plan_case {
    const char *sql;
    const char *plan;
} plan_case;

static const plan_case plans[] = {
    {"SELECT * FROM u, t", "Project [a#0 AS a, b, a#2 AS a, i, s, p, d, ts, f, ok, l, Mixed]\n"
                           "  Join cross\n"
                           "    Scan u columns=[a, b]\n"
                           "    Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT * FROM u JOIN region ON u.a = r_regionkey",
     "Project [a, b, r_regionkey, r_name, r_comment]\n"
     "  Join inner predicate=a = CAST(r_regionkey AS BIGINT)\n"
     "    Scan u columns=[a, b]\n"
     "    Scan region columns=[r_regionkey, r_name, r_comment]\n"},
    {"SELECT * FROM u LEFT JOIN u AS x ON u.a = x.a",
     "Project [a#0 AS a, b#1 AS b, a#2 AS a, b#3 AS b]\n"
     "  Join left predicate=a#0 = a#2\n"
     "    Scan u columns=[a, b]\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT * FROM u RIGHT JOIN t USING (a)",
     "Project [a#2 AS a, b, i, s, p, d, ts, f, ok, l, Mixed]\n"
     "  Join left predicate=a#0 = a#2\n"
     "    Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT a, u.a, t.a FROM u FULL JOIN t USING (a)",
     "Project [a#12 AS a, a#0 AS a, a#2 AS a]\n"
     "  Project [a#0 AS a, b, a#2 AS a, i, s, p, d, ts, f, ok, l, Mixed, CASE WHEN a#0 IS NOT NULL "
     "THEN a#0 ELSE a#2 END AS a]\n"
     "    Join full predicate=a#0 = a#2\n"
     "      Scan u columns=[a, b]\n"
     "      Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT * FROM u JOIN region ON true SEMI JOIN nation ON n_regionkey = r_regionkey",
     "Project [a, b, r_regionkey, r_name, r_comment]\n"
     "  Join semi predicate=n_regionkey = r_regionkey\n"
     "    Join inner predicate=TRUE\n"
     "      Scan u columns=[a, b]\n"
     "      Scan region columns=[r_regionkey, r_name, r_comment]\n"
     "    Scan nation columns=[n_nationkey, n_name, n_regionkey, n_comment]\n"},
    {"SELECT * FROM u ANTI JOIN t USING (a)",
     "Project [a, b]\n"
     "  Join anti predicate=a#0 = a#2\n"
     "    Scan u columns=[a, b]\n"
     "    Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT * FROM u NATURAL JOIN t", "Project [a#0 AS a, b, i, s, p, d, ts, f, ok, l, Mixed]\n"
                                       "  Join inner predicate=a#0 = a#2\n"
                                       "    Scan u columns=[a, b]\n"
                                       "    Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT i FROM (SELECT i FROM t) q JOIN (SELECT a AS i FROM u) r USING (i)",
     "Project [i#12 AS i]\n"
     "  Project [i#1 AS i, i#10 AS i, CAST(i#1 AS BIGINT) AS i]\n"
     "    Join inner predicate=CAST(i#1 AS BIGINT) = i#10\n"
     "      Project [i]\n"
     "        Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"
     "      Project [a AS i]\n"
     "        Scan u columns=[a, b]\n"},
    {"SELECT u.* FROM u, LATERAL (SELECT u.a) q", "Project [a#0 AS a, b]\n"
                                                  "  Join cross\n"
                                                  "    Scan u columns=[a, b]\n"
                                                  "    Project [#0 AS a] rows~1\n"
                                                  "      Values []\n"},
    {"SELECT * FROM u, LATERAL (VALUES (u.a), (u.a + 1)) q(z)",
     "Project [a, b, column1 AS z]\n"
     "  Join cross\n"
     "    Scan u columns=[a, b]\n"
     "    UnionAll\n"
     "      Project [#0 AS column1] rows~1\n"
     "        Values []\n"
     "      Project [#0 + CAST(1 AS BIGINT) AS column1] rows~1\n"
     "        Values []\n"},
    {"SELECT (SELECT max(t.a) FROM t WHERE t.a = u.a) FROM u",
     "Project [(subquery) AS (SELECT max(t.a) FROM t WHERE (t.a = u.a))]\n"
     "  Scan u columns=[a, b]\n"},
    {"SELECT a FROM u WHERE EXISTS (SELECT * FROM t WHERE t.a = u.a)",
     "Project [a]\n"
     "  Filter EXISTS (subquery)\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u WHERE a IN (SELECT i FROM t)", "Project [a]\n"
                                                     "  Filter a IN (subquery)\n"
                                                     "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u WHERE a NOT IN (SELECT i FROM t)", "Project [a]\n"
                                                         "  Filter NOT a IN (subquery)\n"
                                                         "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u WHERE (a, b) IN (SELECT i, s FROM t)", "Project [a]\n"
                                                             "  Filter a IN (subquery)\n"
                                                             "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u WHERE a > ALL (SELECT i FROM t)", "Project [a]\n"
                                                        "  Filter a > ALL (subquery)\n"
                                                        "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u WHERE a <> ALL (SELECT i FROM t)", "Project [a]\n"
                                                         "  Filter NOT a IN (subquery)\n"
                                                         "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u WHERE (a, b) = (1, 'x') OR (a, b) < (2, 'y') OR (a,b) IN ((1,'x'),(2,'z'))",
     "Project [a]\n"
     "  Filter a = CAST(1 AS BIGINT) AND b = 'x' OR a < CAST(2 AS BIGINT) OR a = CAST(2 AS BIGINT) "
     "AND b < 'y' OR a = CAST(1 AS BIGINT) AND b = 'x' OR a = CAST(2 AS BIGINT) AND b = 'z'\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT b FROM u GROUP BY b HAVING EXISTS (SELECT 1 FROM t WHERE t.a = sum(u.a))",
     "Project [b]\n"
     "  Filter EXISTS (subquery)\n"
     "    Aggregate groups=[b] aggregates=[sum(a)]\n"
     "      Scan u columns=[a, b]\n"},
    {"SELECT b, (SELECT max(i) FROM t WHERE s = b) FROM u GROUP BY b",
     "Project [b, (subquery) AS (SELECT max(i) FROM t WHERE (s = b))]\n"
     "  Aggregate groups=[b] aggregates=[]\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT (SELECT sum(u.a) FROM t) FROM u",
     "Project [(subquery) AS (SELECT sum(u.a) FROM t)] rows~1\n"
     "  Aggregate groups=[] aggregates=[sum(a)] rows~1\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT (SELECT sum(u.a + t.i) FROM t) FROM u",
     "Project [(subquery) AS (SELECT sum((u.a + t.i)) FROM t)]\n"
     "  Scan u columns=[a, b]\n"},
    {"SELECT a FROM u EXCEPT SELECT i FROM t",
     "Distinct\n"
     "  Join anti predicate=a IS NOT DISTINCT FROM i\n"
     "    Project [a]\n"
     "      Scan u columns=[a, b]\n"
     "    Project [CAST(i AS BIGINT) AS i]\n"
     "      Project [i]\n"
     "        Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT a FROM u INTERSECT SELECT i FROM t",
     "Distinct\n"
     "  Join semi predicate=a IS NOT DISTINCT FROM i\n"
     "    Project [a]\n"
     "      Scan u columns=[a, b]\n"
     "    Project [CAST(i AS BIGINT) AS i]\n"
     "      Project [i]\n"
     "        Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT a, b FROM u INTERSECT ALL SELECT i, s FROM t",
     "Project [a, b]\n"
     "  Repeat count=CASE WHEN count#21 < count#22 THEN count#21 ELSE count#22 END\n"
     "    Aggregate groups=[a, b] aggregates=[count(left), count(right)]\n"
     "      UnionAll\n"
     "        Project [a, b, 1 AS left, NULL AS right]\n"
     "          Project [a, b]\n"
     "            Scan u columns=[a, b]\n"
     "        Project [i, s, NULL AS left, 1 AS right]\n"
     "          Project [CAST(i AS BIGINT) AS i, s]\n"
     "            Project [i, s]\n"
     "              Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT a, b FROM u EXCEPT ALL SELECT a, s FROM t",
     "Project [a, b]\n"
     "  Repeat count=count#20 - count#21\n"
     "    Aggregate groups=[a, b] aggregates=[count(left), count(right)]\n"
     "      UnionAll\n"
     "        Project [a, b, 1 AS left, NULL AS right]\n"
     "          Project [a, b]\n"
     "            Scan u columns=[a, b]\n"
     "        Project [a, s, NULL AS left, 1 AS right]\n"
     "          Project [a, s]\n"
     "            Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT a, b FROM u UNION ALL BY NAME SELECT s, a FROM t",
     "UnionAll\n"
     "  Project [a, b, CAST(s AS VARCHAR) AS s]\n"
     "    Project [a, b, NULL AS s]\n"
     "      Project [a, b]\n"
     "        Scan u columns=[a, b]\n"
     "  Project [a, CAST(b AS VARCHAR) AS b, s]\n"
     "    Project [a, NULL AS b, s]\n"
     "      Project [s, a]\n"
     "        Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"WITH c AS (SELECT a FROM u) SELECT * FROM c x, c y WHERE x.a = y.a",
     "With c\n"
     "  Project [a]\n"
     "    Scan u columns=[a, b]\n"
     "  Project [a#3 AS a, a#4 AS a]\n"
     "    Filter a#3 = a#4\n"
     "      Join cross\n"
     "        CteScan c columns=[a]\n"
     "        CteScan c columns=[a]\n"},
    {"WITH c AS MATERIALIZED (SELECT a FROM u), d AS (SELECT a FROM c) SELECT * FROM d, d e",
     "With c\n"
     "  Project [a]\n"
     "    Scan u columns=[a, b]\n"
     "  With d\n"
     "    Project [a]\n"
     "      CteScan c columns=[a]\n"
     "    Project [a#5 AS a, a#6 AS a]\n"
     "      Join cross\n"
     "        CteScan d columns=[a]\n"
     "        CteScan d columns=[a]\n"},
    {"WITH c AS NOT MATERIALIZED (SELECT a FROM u) SELECT 1 FROM c x, c y",
     "Project [1]\n"
     "  Join cross\n"
     "    Project [a]\n"
     "      Scan u columns=[a, b]\n"
     "    Project [a]\n"
     "      Scan u columns=[a, b]\n"},
    {"SELECT (WITH c AS (SELECT u.a) SELECT x.a + y.a FROM c x, c y) FROM u",
     "Project [(subquery) AS (WITH c AS (SELECT u.a) SELECT (x.a + y.a) FROM c AS x, c AS y)]\n"
     "  Scan u columns=[a, b]\n"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM c WHERE x < 10) SELECT * FROM "
     "c",
     "Project [x]\n"
     "  Recursive c\n"
     "    Project [1 AS x] rows~1\n"
     "      Values []\n"
     "    Project [x + 1 AS (x + 1)]\n"
     "      Filter x < 10\n"
     "        CteScan c columns=[x]\n"},
    {"WITH RECURSIVE c(n, m) AS (SELECT 1, NULL UNION SELECT n + a, b FROM c, u) SELECT m FROM c",
     "Project [NULL AS m]\n"
     "  Recursive c distinct\n"
     "    Project [CAST(1 AS BIGINT) AS 1, CAST(NULL AS VARCHAR) AS NULL] rows~1\n"
     "      Project [1, NULL] rows~1\n"
     "        Values []\n"
     "    Project [1 + a AS (n + a), b]\n"
     "      Join cross\n"
     "        CteScan c columns=[1, NULL]\n"
     "        Scan u columns=[a, b]\n"},
    {"SELECT * FROM (u JOIN region ON true) AS j(p, q) WHERE j.p = 1",
     "Project [a AS p, b AS q, r_regionkey, r_name, r_comment]\n"
     "  Filter a = CAST(1 AS BIGINT)\n"
     "    Join inner predicate=TRUE\n"
     "      Scan u columns=[a, b]\n"
     "      Scan region columns=[r_regionkey, r_name, r_comment]\n"},
    {"VALUES ((SELECT 1), 2)", "Project [(subquery) AS column1, 2 AS column2] rows~1\n"
                               "  Values []\n"},
    {"SELECT a, count(*) FROM u GROUP BY a HAVING count(*) > (SELECT avg(x.a) FROM u x WHERE x.a = "
     "u.a)",
     "Project [a, count AS count_star()]\n"
     "  Filter CAST(count AS DOUBLE) > (subquery)\n"
     "    Aggregate groups=[a] aggregates=[count()]\n"
     "      Scan u columns=[a, b]\n"},
    {"SELECT * FROM u JOIN t USING (a) JOIN (SELECT a FROM u) z USING (a)",
     "Project [a#0 AS a, b, i, s, p, d, ts, f, ok, l, Mixed]\n"
     "  Join inner predicate=a#0 = a#12\n"
     "    Join inner predicate=a#0 = a#2\n"
     "      Scan u columns=[a, b]\n"
     "      Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"
     "    Project [a]\n"
     "      Scan u columns=[a, b]\n"},
    {"SELECT (SELECT u.a) FROM u", "Project [(subquery) AS (SELECT u.a)]\n"
                                   "  Scan u columns=[a, b]\n"},
    {"SELECT (SELECT count(*) FROM t GROUP BY u.a) FROM u",
     "Project [(subquery) AS (SELECT count_star() FROM t GROUP BY u.a)]\n"
     "  Scan u columns=[a, b]\n"},
    {"SELECT * FROM u LEFT JOIN t USING (a) RIGHT JOIN region ON r_regionkey = i",
     "Project [a#0 AS a, b, i, s, p, d, ts, f, ok, l, Mixed, r_regionkey, r_name, r_comment]\n"
     "  Join left predicate=r_regionkey = i\n"
     "    Scan region columns=[r_regionkey, r_name, r_comment]\n"
     "    Join left predicate=a#0 = a#2\n"
     "      Scan u columns=[a, b]\n"
     "      Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT x.a FROM u JOIN t USING (a) AS x",
     "Project [a#0 AS a]\n"
     "  Join inner predicate=a#0 = a#2\n"
     "    Scan u columns=[a, b]\n"
     "    Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x FROM u RIGHT JOIN c ON true) SELECT x "
     "FROM c",
     "Project [x]\n"
     "  Recursive c\n"
     "    Project [1 AS x] rows~1\n"
     "      Values []\n"
     "    Project [x]\n"
     "      Join left predicate=TRUE\n"
     "        CteScan c columns=[x]\n"
     "        Scan u columns=[a, b]\n"},
};

typedef struct error_case {
    const char *sql;
    cn_code code;
    const char *sqlstate;
    int64_t offset;
    int64_t length;
    const char *message;
} error_case;

static const error_case errors[] = {
    {"SELECT b, (SELECT max(i) FROM t WHERE t.a = u.a) FROM u GROUP BY b", CN_INVALID_ARGUMENT,
     "42803", 10, 38,
     "the subquery uses column \"a\" of the outer query, which is not grouped there"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT count(*) FROM c) SELECT * FROM c",
     CN_INVALID_ARGUMENT, "42P19", 45, 22,
     "the step of a recursive query must not aggregate its own rows"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x FROM u LEFT JOIN c ON true) SELECT * "
     "FROM c",
     CN_INVALID_ARGUMENT, "42P19", 71, 1,
     "the recursive query \"c\" must not name itself in the null side of an outer join"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL (SELECT a FROM u EXCEPT SELECT x FROM c)) "
     "SELECT * FROM c",
     CN_INVALID_ARGUMENT, "42P19", 83, 1,
     "the recursive query \"c\" must not name itself in EXCEPT"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT a FROM u WHERE a IN (SELECT x FROM c)) "
     "SELECT * FROM c",
     CN_INVALID_ARGUMENT, "42P19", 87, 1,
     "the recursive query \"c\" must not name itself in a subquery"},
    {"WITH RECURSIVE c AS (SELECT x FROM c UNION ALL SELECT a FROM u) SELECT * FROM c",
     CN_INVALID_ARGUMENT, "42P19", 35, 1,
     "the recursive query \"c\" must not name itself in its base"},
    {"WITH RECURSIVE c AS (SELECT * FROM c) SELECT * FROM c", CN_INVALID_ARGUMENT, "42P19", 15, 1,
     "the recursive query \"c\" must have the form: base UNION [ALL] step"},
    {"SELECT * FROM u POSITIONAL JOIN t", CN_NOT_IMPLEMENTED, "0A000", 16, 15,
     "POSITIONAL joins are not supported yet"},
    {"SELECT * FROM u ASOF JOIN t USING (a)", CN_NOT_IMPLEMENTED, "0A000", 16, 9,
     "ASOF joins are not supported yet"},
    {"SELECT * FROM u, u", CN_INVALID_ARGUMENT, "42712", 17, 1,
     "table name \"u\" is there twice; give one an alias"},
    {"SELECT a FROM u, t", CN_INVALID_ARGUMENT, "42702", 7, 1,
     "column reference \"a\" is ambiguous"},
    {"SELECT * FROM u JOIN t USING (nope)", CN_NOT_FOUND, "42703", 30, 4,
     "USING: column \"nope\" does not exist on the left side of the join"},
    {"SELECT * FROM u RIGHT JOIN LATERAL (SELECT u.a) q ON true", CN_INVALID_ARGUMENT, "42P10", 27,
     22,
     "a LATERAL item that names columns of the left side cannot be joined by RIGHT or FULL JOIN"},
    {"SELECT r.a FROM (u JOIN region ON true) WHERE u.a = 1", CN_NOT_FOUND, "42P01", 7, 3,
     "table \"r\" is not in FROM"},
    {"SELECT a FROM u WHERE a = (SELECT a, b FROM u)", CN_INVALID_ARGUMENT, "42601", 26, 20,
     "the subquery must have one column, not 2"},
    {"SELECT a FROM u WHERE a IN (SELECT a, b FROM u)", CN_INVALID_ARGUMENT, "42601", 28, 18,
     "the subquery has 2 columns, but its left side has 1"},
    {"SELECT count(*) FROM u WHERE a = (SELECT sum(u.a))", CN_INVALID_ARGUMENT, "42803", 41, 8,
     "aggregate functions are not allowed in WHERE"},
    {"SELECT x.a FROM u x WHERE EXISTS (SELECT 1 FROM t WHERE y.a = x.a)", CN_NOT_FOUND, "42P01",
     56, 3, "table \"y\" is not in FROM"},
    {"SELECT a FROM u LIMIT (SELECT 1)", CN_NOT_IMPLEMENTED, "0A000", 22, 10,
     "subqueries in LIMIT, OFFSET and arguments of table functions are not supported yet"},
    {"SELECT ARRAY(SELECT a FROM u)", CN_NOT_IMPLEMENTED, "0A000", 7, 22,
     "ARRAY() of queries are not supported yet"},
    {"SELECT * FROM u, read_parquet(u.b)", CN_NOT_IMPLEMENTED, "0A000", 30, 3,
     "columns as arguments of table functions (LATERAL) are not supported yet"},
    {"SELECT u.a, t.a FROM u JOIN t ON sum(u.a) > 1", CN_INVALID_ARGUMENT, "42803", 33, 8,
     "aggregate functions are not allowed in JOIN conditions"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x FROM c RIGHT JOIN u ON true) SELECT * "
     "FROM c",
     CN_INVALID_ARGUMENT, "42P19", 59, 1,
     "the recursive query \"c\" must not name itself in the null side of an outer join"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x * 1.5 FROM c) SELECT x FROM c",
     CN_INVALID_ARGUMENT, "42804", 45, 21,
     "recursive query \"c\": column 1 is DECIMAL(14,2) in the step and DECIMAL(12,1) in the base; "
     "cast one of them"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x FROM c LIMIT 3) SELECT x FROM c",
     CN_NOT_IMPLEMENTED, "0A000", 21, 47,
     "ORDER BY, LIMIT and OFFSET of recursive queries are not supported yet"},
    {"WITH RECURSIVE c AS (SELECT 1 AS x UNION ALL SELECT x, x FROM c) SELECT x FROM c",
     CN_INVALID_ARGUMENT, "42601", 45, 18, "UNION: this query has 2 columns, the first one 1"},
    {"SELECT a, b FROM u UNION ALL BY NAME SELECT a AS x, s AS x FROM t", CN_INVALID_ARGUMENT,
     "42701", 37, 28, "BY NAME: this query has two columns called \"x\""},
    {"SELECT a FROM u EXCEPT BY NAME SELECT a FROM t", CN_NOT_IMPLEMENTED, "0A000", 0, 46,
     "INTERSECT BY NAME and EXCEPT BY NAME queries are not supported yet"},
    {"SELECT 1 FROM u WHERE (a, b) = (1, 'x', 2)", CN_INVALID_ARGUMENT, "42601", 31, 11,
     "a row of 2 values is compared with one of 3"},
    {"SELECT 1 FROM u WHERE (a, b) = (SELECT 1)", CN_NOT_IMPLEMENTED, "0A000", 31, 10,
     "comparisons of rows with anything but rows written (a, b) are not supported yet"},
    {"SELECT 1 FROM u WHERE (a, b) > ALL (SELECT i, s FROM t)", CN_NOT_IMPLEMENTED, "0A000", 22, 33,
     "rows before ANY and ALL other than = ANY and <> ALL are not supported yet"},
    {"SELECT 1 FROM u WHERE a LIKE ANY (SELECT s FROM t)", CN_NOT_IMPLEMENTED, "0A000", 22, 28,
     "ANY and ALL over queries with operators that do not compare are not supported yet"},
    {"SELECT sum((SELECT max(u.a) FROM t)) FROM u", CN_INVALID_ARGUMENT, "42803", 19, 8,
     "aggregate calls cannot be nested"},
    {"SELECT * FROM u JOIN t USING (a, a)", CN_INVALID_ARGUMENT, "42701", 33, 1,
     "USING: column \"a\" is there twice"},
    {"SELECT * FROM (SELECT a, a FROM u) q JOIN t USING (a)", CN_INVALID_ARGUMENT, "42702", 51, 1,
     "column \"a\" is there more than once on the left side of the join"},
    {"SELECT unknwn.a FROM u, region", CN_NOT_FOUND, "42P01", 7, 8,
     "table \"unknwn\" is not in FROM"},
    {"SELECT (SELECT r_nme FROM u) FROM region", CN_NOT_FOUND, "42703", 15, 5,
     "column \"r_nme\" does not exist; did you mean \"r_name\"?"},
};

static void
test_plans(void **state)
{
    (void)state;
    bind_env env;
    bind_begin(&env);
    for (int64_t index = 0; index < CN_ARRAY_LEN(plans); index++) {
        const cn_code code = bind_text(&env, plans[index].sql);
        if (code != CN_OK) {
            fail_msg("%s: %s: %s", plans[index].sql, cn_code_name(code), env.err.message);
        }
        if (strcmp(env.text.data, plans[index].plan) != 0) {
            fail_msg("%s becomes\n%sinstead of\n%s", plans[index].sql, env.text.data,
                     plans[index].plan);
        }
    }
    bind_end(&env);
}

static void
test_errors(void **state)
{
    (void)state;
    bind_env env;
    const cni_plan *plan = NULL;
    bind_begin(&env);
    for (int64_t index = 0; index < CN_ARRAY_LEN(errors); index++) {
        const error_case *expected = &errors[index];
        const cn_code code = bind_query(&env, expected->sql, &plan);
        if (code != expected->code || strcmp(env.err.sqlstate, expected->sqlstate) != 0 ||
            env.err.sql_offset != expected->offset || env.err.sql_length != expected->length ||
            strcmp(env.err.message, expected->message) != 0) {
            fail_msg("%s: %s %s at %lld+%lld: %s", expected->sql, cn_code_name(code),
                     env.err.sqlstate, (long long)env.err.sql_offset, (long long)env.err.sql_length,
                     env.err.message);
        }
    }
    bind_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
