/* SPDX-License-Identifier: Apache-2.0
 *
 * What queries mean: the plan that each text becomes before any rule has run, and that the 22
 * texts of TPC-H bind. Everything that a plan shows is checked as text: casts, names of outputs,
 * hidden order keys. Several tables and subqueries: bind_tables_test.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "support/bind_env.h"

#define SCAN_T "Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"

typedef struct plan_case {
    const char *sql;
    const char *plan;
} plan_case;

static const plan_case plans[] = {
    /* windows: one node per specification, over groups and below the select list */
    {"SELECT a, row_number() OVER (PARTITION BY b ORDER BY a DESC) FROM u",
     "Project [a, row_number AS row_number() OVER (PARTITION BY b ORDER BY a DESC)]\n"
     "  Window partition=[b] order=[a DESC] functions=[row_number()]\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT rank() OVER w AS r, dense_rank() OVER (w), rank() OVER w FROM u WINDOW w AS (ORDER BY "
     "a)",
     "Project [rank AS r, dense_rank AS dense_rank() OVER (w), rank AS rank() OVER w]\n"
     "  Window order=[a] functions=[rank(), dense_rank()]\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT rank() OVER (p ORDER BY b) AS r FROM u WINDOW p AS (PARTITION BY a)",
     "Project [rank AS r]\n"
     "  Window partition=[a] order=[b] functions=[rank()]\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT rank() OVER (ORDER BY a) AS x, rank() OVER (ORDER BY b) AS y, rank() OVER (ORDER BY "
     "a, "
     "b) AS z FROM u",
     "Project [rank#2 AS x, rank#3 AS y, rank#4 AS z]\n"
     "  Window order=[b] functions=[rank()]\n"
     "    Window order=[a] functions=[rank()]\n"
     "      Window order=[a, b] functions=[rank()]\n"
     "        Scan u columns=[a, b]\n"},
    {"SELECT sum(sum(a)) OVER () AS s, b FROM u GROUP BY b HAVING sum(a) > 1 ORDER BY rank() OVER "
     "(ORDER BY sum(a))",
     "Project [s, b]\n"
     "  Sort [order key]\n"
     "    Project [sum#2 AS s, b, rank AS order key]\n"
     "      Window functions=[sum(sum)]\n"
     "        Window order=[sum] functions=[rank()]\n"
     "          Filter sum > CAST(1 AS DECIMAL(38,0))\n"
     "            Aggregate groups=[b] aggregates=[sum(a)]\n"
     "              Scan u columns=[a, b]\n"},
    {"SELECT a FROM u QUALIFY row_number() OVER (PARTITION BY b ORDER BY 1, b) = 1",
     "Project [a]\n"
     "  Filter row_number = CAST(1 AS BIGINT)\n"
     "    Window partition=[b] functions=[row_number()]\n"
     "      Scan u columns=[a, b]\n"},
    {"SELECT lag(a, 2, 0) OVER (ORDER BY b) AS x, lead(b) OVER (ORDER BY b) AS y FROM u",
     "Project [value_at#3 AS x, value_at#4 AS y]\n"
     "  Window functions=[value_at(a, row_number, row_number + -2, CAST(0 AS BIGINT)), value_at(b, "
     "row_number, row_number + 1, NULL)]\n"
     "    Window order=[b] functions=[row_number()]\n"
     "      Scan u columns=[a, b]\n"},
    {"SELECT first_value(a) OVER (PARTITION BY b ORDER BY a DESC) AS f, count(*) FILTER (WHERE a > "
     "1) "
     "OVER (PARTITION BY b ORDER BY a ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS "
     "c "
     "FROM u",
     "Project [first AS f, count AS c]\n"
     "  Window partition=[b] functions=[first(a ORDER BY a DESC), count() FILTER (WHERE a > CAST(1 "
     "AS "
     "BIGINT))]\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM t", "Project [a]\n"
                        "  " SCAN_T},
    {"SELECT * FROM u", "Project [a, b]\n"
                        "  Scan u columns=[a, b]\n"},
    {"SELECT u.*, a + 1 FROM u", "Project [a, b, a + CAST(1 AS BIGINT) AS (a + 1)]\n"
                                 "  Scan u columns=[a, b]\n"},
    {"SELECT * EXCLUDE (b) FROM u", "Project [a]\n"
                                    "  Scan u columns=[a, b]\n"},
    {"SELECT * REPLACE (a + 1 AS a) FROM u", "Project [a + CAST(1 AS BIGINT) AS a, b]\n"
                                             "  Scan u columns=[a, b]\n"},
    {"SELECT A, \"a\", U.a FROM u", "Project [a AS A, a, a]\n"
                                    "  Scan u columns=[a, b]\n"},
    {"SELECT Mixed, mixed, \"Mixed\" FROM t", "Project [Mixed, Mixed AS mixed, Mixed]\n"
                                              "  " SCAN_T},
    {"SELECT x.a FROM u AS x", "Project [a]\n"
                               "  Scan u columns=[a, b]\n"},
    {"SELECT x.q FROM u AS x(p, q)", "Project [b AS q]\n"
                                     "  Scan u columns=[a, b]\n"},
    {"FROM u SELECT b", "Project [b]\n"
                        "  Scan u columns=[a, b]\n"},
    {"FROM u", "Project [a, b]\n"
               "  Scan u columns=[a, b]\n"},
    {"SELECT 1", "Project [1] rows~1\n"
                 "  Values []\n"},
    {"SELECT 1, 'a', NULL, TRUE, 1.5, 1e3, DATE '2020-02-29', INTERVAL '1' DAY",
     "Project [1, 'a', NULL, TRUE AS true, 1.5, 1000.0e0 AS 1e3, DATE '2020-02-29' AS "
     "CAST('2020-02-29' AS DATE), INTERVAL '1 day' AS INTERVAL '1' DAY] rows~1\n"
     "  Values []\n"},
    {"SELECT TIMESTAMP '2020-01-01 10:00:00'", "Project [TIMESTAMP '2020-01-01 10:00:00' AS "
                                               "CAST('2020-01-01 10:00:00' AS TIMESTAMP)] rows~1\n"
                                               "  Values []\n"},
    {"SELECT CAST('12' AS INTEGER)", "Project [12 AS CAST('12' AS INTEGER)] rows~1\n"
                                     "  Values []\n"},
    {"SELECT a::VARCHAR || b FROM u",
     "Project [CAST(a AS VARCHAR) || b AS (CAST(a AS VARCHAR) || b)]\n"
     "  Scan u columns=[a, b]\n"},
    {"SELECT TRY_CAST(b AS BIGINT) FROM u", "Project [TRY_CAST(b AS BIGINT)]\n"
                                            "  Scan u columns=[a, b]\n"},
    {"SELECT a + i FROM t", "Project [a + CAST(i AS BIGINT) AS (a + i)]\n"
                            "  " SCAN_T},
    {"SELECT a + p FROM t", "Project [CAST(a AS DECIMAL(21,2)) + p AS (a + p)]\n"
                            "  " SCAN_T},
    {"SELECT a + f FROM t", "Project [CAST(a AS DOUBLE) + f AS (a + f)]\n"
                            "  " SCAN_T},
    {"SELECT p * p FROM t", "Project [p * p AS (p * p)]\n"
                            "  " SCAN_T},
    {"SELECT p / 2 FROM t", "Project [CAST(p AS DOUBLE) / CAST(2 AS DOUBLE) AS (p / 2)]\n"
                            "  " SCAN_T},
    {"SELECT a / 2, a % 2, -a FROM t", "Project [a / CAST(2 AS BIGINT) AS (a / 2), a % CAST(2 AS "
                                       "BIGINT) AS (a % 2), -(a) AS (-(a))]\n"
                                       "  " SCAN_T},
    {"SELECT a // 2 FROM t", "Project [a // CAST(2 AS BIGINT) AS (a // 2)]\n"
                             "  " SCAN_T},
    {"SELECT i + 1 FROM t", "Project [i + 1 AS (i + 1)]\n"
                            "  " SCAN_T},
    {"SELECT d + 1 FROM t", "Project [d + 1 AS (d + 1)]\n"
                            "  " SCAN_T},
    {"SELECT d - d FROM t", "Project [d - d AS (d - d)]\n"
                            "  " SCAN_T},
    {"SELECT d - DATE '2020-01-01' FROM t",
     "Project [d - DATE '2020-01-01' AS (d - CAST('2020-01-01' AS DATE))]\n"
     "  " SCAN_T},
    {"SELECT d + INTERVAL '1 month' FROM t",
     "Project [d + INTERVAL '1 month' AS (d + INTERVAL '1 month')]\n"
     "  " SCAN_T},
    {"SELECT ts - INTERVAL '2' HOUR FROM t",
     "Project [ts - INTERVAL '02:00:00' AS (ts - INTERVAL '2' HOUR)]\n"
     "  " SCAN_T},
    {"SELECT d = '2020-01-01' FROM t", "Project [d = DATE '2020-01-01' AS (d = '2020-01-01')]\n"
                                       "  " SCAN_T},
    {"SELECT a = '12' FROM t", "Project [a = 12 AS (a = '12')]\n"
                               "  " SCAN_T},
    {"SELECT a < 1.5 FROM t",
     "Project [CAST(a AS DECIMAL(20,1)) < CAST(1.5 AS DECIMAL(20,1)) AS (a < 1.5)]\n"
     "  " SCAN_T},
    {"SELECT a BETWEEN 1 AND 10 FROM t",
     "Project [a >= CAST(1 AS BIGINT) AND a <= CAST(10 AS BIGINT) AS (a BETWEEN 1 AND 10)]\n"
     "  " SCAN_T},
    {"SELECT a NOT BETWEEN 1 AND 10 FROM t", "Project [NOT (a >= CAST(1 AS BIGINT) AND a <= "
                                             "CAST(10 AS BIGINT)) AS (NOT (a BETWEEN 1 AND 10))]\n"
                                             "  " SCAN_T},
    {"SELECT a IN (1, 2, NULL) FROM t", "Project [a IN (CAST(1 AS BIGINT), CAST(2 AS BIGINT), "
                                        "CAST(NULL AS BIGINT)) AS (a IN (1, 2, NULL))]\n"
                                        "  " SCAN_T},
    {"SELECT a IN (1, 2.5) FROM t",
     "Project [CAST(a AS DECIMAL(20,1)) IN (CAST(1 AS DECIMAL(20,1)), CAST(2.5 AS DECIMAL(20,1))) "
     "AS (a IN (1, 2.5))]\n"
     "  " SCAN_T},
    {"SELECT a NOT IN (1) FROM t", "Project [a NOT IN (CAST(1 AS BIGINT)) AS (NOT (a IN (1)))]\n"
                                   "  " SCAN_T},
    {"SELECT s LIKE 'a%' FROM t", "Project [like(s, 'a%') AS (s ~~ 'a%')]\n"
                                  "  " SCAN_T},
    {"SELECT s NOT LIKE 'a%' ESCAPE '!' FROM t",
     "Project [NOT like(s, 'a%', '!') AS (s NOT LIKE 'a%' ESCAPE '!')]\n"
     "  " SCAN_T},
    {"SELECT s ILIKE 'a%' FROM t", "Project [ilike(s, 'a%') AS (s ~~* 'a%')]\n"
                                   "  " SCAN_T},
    {"SELECT s SIMILAR TO 'x' FROM t", "Project [similar_to(s, 'x') AS (s SIMILAR TO 'x')]\n"
                                       "  " SCAN_T},
    {"SELECT s ~ 'x' FROM t", "Project [regexp_matches(s, 'x') AS (s ~ 'x')]\n"
                              "  " SCAN_T},
    {"SELECT a IS NULL, a IS NOT NULL, ok IS TRUE, ok IS NOT FALSE, ok IS UNKNOWN FROM t",
     "Project [a IS NULL AS (a IS NULL), a IS NOT NULL AS (a IS NOT NULL), ok IS NOT DISTINCT FROM "
     "TRUE AS (ok IS TRUE), ok IS DISTINCT FROM FALSE AS (ok IS NOT FALSE), ok IS NULL AS (ok IS "
     "UNKNOWN)]\n"
     "  " SCAN_T},
    {"SELECT a IS DISTINCT FROM i FROM t",
     "Project [a IS DISTINCT FROM CAST(i AS BIGINT) AS (a IS DISTINCT FROM i)]\n"
     "  " SCAN_T},
    {"SELECT NOT ok AND ok OR a > 1 FROM t",
     "Project [NOT ok AND ok OR a > CAST(1 AS BIGINT) AS (((NOT ok) AND ok) OR (a > 1))]\n"
     "  " SCAN_T},
    {"SELECT a FROM u WHERE NULL", "Project [a]\n"
                                   "  Filter CAST(NULL AS BOOLEAN)\n"
                                   "    Scan u columns=[a, b]\n"},
    {"SELECT CASE WHEN a > 1 THEN 'x' ELSE b END FROM u",
     "Project [CASE WHEN a > CAST(1 AS BIGINT) THEN 'x' ELSE b END AS CASE  WHEN ((a > 1)) THEN "
     "('x') ELSE b END]\n"
     "  Scan u columns=[a, b]\n"},
    {"SELECT CASE a WHEN 1 THEN 1 WHEN 2 THEN 2.5 END FROM u",
     "Project [CASE WHEN a = CAST(1 AS BIGINT) THEN CAST(1 AS DECIMAL(11,1)) WHEN a = CAST(2 AS "
     "BIGINT) THEN CAST(2.5 AS DECIMAL(11,1)) ELSE CAST(NULL AS DECIMAL(11,1)) END AS CASE  WHEN "
     "((a = 1)) THEN (1) WHEN ((a = 2)) THEN (2.5) ELSE NULL END]\n"
     "  Scan u columns=[a, b]\n"},
    {"SELECT coalesce(a, 0), nullif(a, 1), ifnull(b, 'x') FROM u",
     "Project [CASE WHEN a IS NOT NULL THEN a ELSE CAST(0 AS BIGINT) END AS coalesce(a, 0), CASE "
     "WHEN a = CAST(1 AS BIGINT) THEN CAST(NULL AS BIGINT) ELSE a END AS nullif(a, 1), CASE WHEN b "
     "IS NOT NULL THEN b ELSE 'x' END AS ifnull(b, 'x')]\n"
     "  Scan u columns=[a, b]\n"},
    {"SELECT if(a > 1, 1, 2) FROM u",
     "Project [CASE WHEN a > CAST(1 AS BIGINT) THEN 1 ELSE 2 END AS if((a > 1), 1, 2)]\n"
     "  Scan u columns=[a, b]\n"},
    {"SELECT upper(b), length(b), substring(b FROM 2 FOR 3), trim(b) FROM u",
     "Project [upper(b), length(b), substring(b, CAST(2 AS BIGINT), CAST(3 AS BIGINT)) AS "
     "substring(b, 2, 3), trim(b)]\n"
     "  Scan u columns=[a, b]\n"},
    {"SELECT extract(YEAR FROM d), extract(hour FROM ts) FROM t",
     "Project [date_part('YEAR', d), date_part('hour', ts)]\n"
     "  " SCAN_T},
    {"SELECT extract(hour FROM d) FROM t", "Project [date_part('hour', d)]\n"
                                           "  " SCAN_T},
    {"SELECT date_trunc('month', d) FROM t",
     "Project [date_trunc('month', CAST(d AS TIMESTAMP)) AS date_trunc('month', d)]\n"
     "  " SCAN_T},
    {"SELECT * FROM main.u", "Project [a, b]\n"
                             "  Scan u columns=[a, b]\n"},
    {"SELECT x, y FROM 'file.parquet'", "Project [x, y]\n"
                                        "  Scan file.parquet columns=[x, y]\n"},
    {"SELECT * FROM read_parquet('f.parquet')", "Project [x, y]\n"
                                                "  Scan read_parquet columns=[x, y]\n"},
    {"SELECT * FROM read_parquet(['f.parquet', 'g.parquet']) AS r",
     "Project [x, y]\n"
     "  Scan read_parquet columns=[x, y]\n"},
    {"SELECT * FROM read_parquet()", "Project [x, y]\n"
                                     "  Scan read_parquet columns=[x, y]\n"},
    {"SELECT * FROM v", "Project [a, name]\n"
                        "  Project [a, s AS name]\n"
                        "    Filter a > CAST(0 AS BIGINT)\n"
                        "      " SCAN_T},
    {"SELECT v.name FROM v WHERE a = 3", "Project [name]\n"
                                         "  Filter a = CAST(3 AS BIGINT)\n"
                                         "    Project [a, s AS name]\n"
                                         "      Filter a > CAST(0 AS BIGINT)\n"
                                         "        " SCAN_T},
    {"SELECT count(*), count(a), sum(a), avg(p), min(b), max(d) FROM (SELECT a, p, s AS b, d FROM "
     "t)",
     "Project [count#10 AS count_star(), count#11 AS count(a), sum AS sum(a), avg AS avg(p), min "
     "AS min(b), max AS max(d)] rows~1\n"
     "  Aggregate groups=[] aggregates=[count(), count(a), sum(a), avg(p), min(b), max(d)] rows~1\n"
     "    Project [a, p, s AS b, d]\n"
     "      Scan t columns=[a, i, s, p, d, ts, f, ok, l, Mixed]\n"},
    {"SELECT sum(a) FILTER (WHERE a > 1), count(DISTINCT s) FROM t",
     "Project [sum AS sum(a) FILTER (WHERE (a > 1)), count AS count(DISTINCT s)] rows~1\n"
     "  Aggregate groups=[] aggregates=[sum(a) FILTER (WHERE a > CAST(1 AS BIGINT)), "
     "count(DISTINCT s)] rows~1\n"
     "    " SCAN_T},
    {"SELECT s, sum(a) FROM t GROUP BY s", "Project [s, sum AS sum(a)]\n"
                                           "  Aggregate groups=[s] aggregates=[sum(a)]\n"
                                           "    " SCAN_T},
    {"SELECT s, sum(a) FROM t GROUP BY 1", "Project [s, sum AS sum(a)]\n"
                                           "  Aggregate groups=[s] aggregates=[sum(a)]\n"
                                           "    " SCAN_T},
    {"SELECT upper(s) AS k, sum(a) FROM t GROUP BY k",
     "Project [#10 AS k, sum AS sum(a)]\n"
     "  Aggregate groups=[upper(s)] aggregates=[sum(a)]\n"
     "    " SCAN_T},
    {"SELECT upper(s), sum(a) FROM t GROUP BY upper(s)",
     "Project [#10 AS upper(s), sum AS sum(a)]\n"
     "  Aggregate groups=[upper(s)] aggregates=[sum(a)]\n"
     "    " SCAN_T},
    {"SELECT upper(s) || 'x', sum(a) + 1 FROM t GROUP BY upper(s)",
     "Project [#10 || 'x' AS (upper(s) || 'x'), sum + CAST(1 AS DECIMAL(1,0)) AS (sum(a) + 1)]\n"
     "  Aggregate groups=[upper(s)] aggregates=[sum(a)]\n"
     "    " SCAN_T},
    {"SELECT s, i, sum(a) FROM t GROUP BY ALL", "Project [s, i, sum AS sum(a)]\n"
                                                "  Aggregate groups=[s, i] aggregates=[sum(a)]\n"
                                                "    " SCAN_T},
    {"SELECT s FROM t GROUP BY s HAVING sum(a) > 10",
     "Project [s]\n"
     "  Filter sum > CAST(10 AS DECIMAL(38,0))\n"
     "    Aggregate groups=[s] aggregates=[sum(a)]\n"
     "      " SCAN_T},
    {"SELECT sum(a) FROM u HAVING count(*) > 1",
     "Project [sum AS sum(a)]\n"
     "  Filter count > CAST(1 AS BIGINT)\n"
     "    Aggregate groups=[] aggregates=[sum(a), count()] rows~1\n"
     "      Scan u columns=[a, b]\n"},
    {"SELECT count(*) FROM u GROUP BY ()", "Project [count AS count_star()] rows~1\n"
                                           "  Aggregate groups=[] aggregates=[count()] rows~1\n"
                                           "    Scan u columns=[a, b]\n"},
    {"SELECT first(b ORDER BY a DESC) FROM u",
     "Project [first AS first(b ORDER BY a DESC)] rows~1\n"
     "  Aggregate groups=[] aggregates=[first(b ORDER BY a DESC)] rows~1\n"
     "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u ORDER BY a", "Sort [a]\n"
                                   "  Project [a]\n"
                                   "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u ORDER BY b", "Project [a]\n"
                                   "  Sort [order key]\n"
                                   "    Project [a, b AS order key]\n"
                                   "      Scan u columns=[a, b]\n"},
    {"SELECT a AS x, b FROM u ORDER BY x DESC NULLS FIRST, 2 ASC", "Sort [x DESC, b]\n"
                                                                   "  Project [a AS x, b]\n"
                                                                   "    Scan u columns=[a, b]\n"},
    {"SELECT a AS x FROM u ORDER BY x + 1",
     "Project [x]\n"
     "  Sort [order key]\n"
     "    Project [a AS x, a + CAST(1 AS BIGINT) AS order key]\n"
     "      Scan u columns=[a, b]\n"},
    {"SELECT a FROM u ORDER BY a + 1, upper(b)",
     "Project [a]\n"
     "  Sort [order key#2, order key#3]\n"
     "    Project [a, a + CAST(1 AS BIGINT) AS order key, upper(b) AS order key]\n"
     "      Scan u columns=[a, b]\n"},
    {"SELECT a FROM u ORDER BY 'x'", "Project [a]\n"
                                     "  Sort [order key]\n"
                                     "    Project [a, 'x' AS order key]\n"
                                     "      Scan u columns=[a, b]\n"},
    {"SELECT s, sum(a) AS total FROM t GROUP BY s ORDER BY total DESC, count(*)",
     "Project [s, total]\n"
     "  Sort [total DESC, order key]\n"
     "    Project [s, sum AS total, count AS order key]\n"
     "      Aggregate groups=[s] aggregates=[sum(a), count()]\n"
     "        " SCAN_T},
    {"SELECT * FROM u ORDER BY ALL", "Sort [a, b]\n"
                                     "  Project [a, b]\n"
                                     "    Scan u columns=[a, b]\n"},
    {"SELECT DISTINCT a FROM u", "Distinct\n"
                                 "  Project [a]\n"
                                 "    Scan u columns=[a, b]\n"},
    {"SELECT DISTINCT a FROM u ORDER BY a", "Sort [a]\n"
                                            "  Distinct\n"
                                            "    Project [a]\n"
                                            "      Scan u columns=[a, b]\n"},
    {"SELECT DISTINCT ON (a) a, b FROM u ORDER BY a, b DESC",
     "Project [a, b]\n"
     "  Sort [a, b DESC]\n"
     "    Distinct on=[distinct key]\n"
     "      Sort [a, b DESC]\n"
     "        Project [a, b, a AS distinct key]\n"
     "          Scan u columns=[a, b]\n"},
    {"SELECT a FROM u LIMIT 10", "Limit limit=10\n"
                                 "  Project [a]\n"
                                 "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u LIMIT 10 OFFSET 5", "Limit limit=10 offset=5\n"
                                          "  Project [a]\n"
                                          "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u OFFSET 5", "Limit offset=5\n"
                                 "  Project [a]\n"
                                 "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u LIMIT 1 + 1", "Limit limit=2\n"
                                    "  Project [a]\n"
                                    "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u LIMIT ALL", "Project [a]\n"
                                  "  Scan u columns=[a, b]\n"},
    {"SELECT a FROM u LIMIT NULL", "Project [a]\n"
                                   "  Scan u columns=[a, b]\n"},
    {"SELECT a FROM u FETCH FIRST 3 ROWS ONLY", "Limit limit=3\n"
                                                "  Project [a]\n"
                                                "    Scan u columns=[a, b]\n"},
    {"SELECT a FROM u UNION ALL SELECT i FROM t", "UnionAll\n"
                                                  "  Project [a]\n"
                                                  "    Scan u columns=[a, b]\n"
                                                  "  Project [CAST(i AS BIGINT) AS i]\n"
                                                  "    Project [i]\n"
                                                  "      " SCAN_T},
    {"SELECT a AS x FROM u UNION ALL SELECT a FROM u UNION ALL SELECT a FROM u ORDER BY x LIMIT 1",
     "Limit limit=1\n"
     "  Sort [x]\n"
     "    UnionAll\n"
     "      Project [a AS x]\n"
     "        Scan u columns=[a, b]\n"
     "      Project [a]\n"
     "        Scan u columns=[a, b]\n"
     "      Project [a]\n"
     "        Scan u columns=[a, b]\n"},
    {"SELECT a FROM u UNION SELECT a FROM u", "Distinct\n"
                                              "  UnionAll\n"
                                              "    Project [a]\n"
                                              "      Scan u columns=[a, b]\n"
                                              "    Project [a]\n"
                                              "      Scan u columns=[a, b]\n"},
    {"VALUES (1, 'a'), (2, NULL)", "Values [1, 'a'] [2, CAST(NULL AS VARCHAR)]\n"},
    {"VALUES (1), (2.5)", "Values [CAST(1 AS DECIMAL(11,1))] [CAST(2.5 AS DECIMAL(11,1))]\n"},
    {"SELECT column1 FROM (VALUES (1), (2)) AS w", "Project [column1] rows~2\n"
                                                   "  Values [1] [2]\n"},
    {"SELECT q FROM (VALUES (1)) AS w(q)", "Project [column1 AS q] rows~1\n"
                                           "  Values [1]\n"},
    {"WITH c AS (SELECT a FROM u) SELECT a FROM c", "Project [a]\n"
                                                    "  Project [a]\n"
                                                    "    Scan u columns=[a, b]\n"},
    {"WITH c(x) AS (SELECT a FROM u), d AS (SELECT x + 1 AS y FROM c) SELECT y FROM d UNION ALL "
     "SELECT x FROM c",
     "With c\n"
     "  Project [a]\n"
     "    Scan u columns=[a, b]\n"
     "  UnionAll\n"
     "    Project [y]\n"
     "      Project [a + CAST(1 AS BIGINT) AS y]\n"
     "        CteScan c columns=[a]\n"
     "    Project [a AS x]\n"
     "      CteScan c columns=[a]\n"},
    {"WITH c AS (SELECT a FROM u) SELECT * FROM C", "Project [a]\n"
                                                    "  Project [a]\n"
                                                    "    Scan u columns=[a, b]\n"},
    {"SELECT * FROM (SELECT a FROM u) AS q WHERE q.a > 1", "Project [a]\n"
                                                           "  Filter a > CAST(1 AS BIGINT)\n"
                                                           "    Project [a]\n"
                                                           "      Scan u columns=[a, b]\n"},
    {"SELECT current_date, now()", "Project [current_date() AS current_date, now()] rows~1\n"
                                   "  Values []\n"},
    {"SELECT random()", "Project [random()] rows~1\n"
                        "  Values []\n"},
    {"SELECT a alias1, a alias1 FROM u", "Project [a AS alias1, a AS alias1]\n"
                                         "  Scan u columns=[a, b]\n"},
    {"SELECT a AS b FROM u WHERE b = 'x'", "Project [a AS b]\n"
                                           "  Filter b = 'x'\n"
                                           "    Scan u columns=[a, b]\n"},
    {"SELECT 9223372036854775808, 170141183460469231731687303715884105728",
     "Project [9223372036854775808, 1.7014118346046923e+38 AS "
     "170141183460469231731687303715884105728] rows~1\n"
     "  Values []\n"},
    {"SELECT 1/0", "Project [1 / 0 AS (1 / 0)] rows~1\n"
                   "  Values []\n"},
    {"SELECT 2147483647 + 1", "Project [2147483647 + 1 AS (2147483647 + 1)] rows~1\n"
                              "  Values []\n"},
    {"WITH c AS (SELECT 1), \"C\" AS (SELECT 2) SELECT * FROM c", "Project [1] rows~1\n"
                                                                  "  Project [1] rows~1\n"
                                                                  "    Values []\n"},
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
            fail_msg("%s: %s: %s", plans[index].sql, cn_code_name((int32_t)code), env.err.message);
        }
        if (strcmp(env.text.data, plans[index].plan) != 0) {
            fail_msg("%s becomes\n%sinstead of\n%s", plans[index].sql, env.text.data,
                     plans[index].plan);
        }
    }
    bind_end(&env);
}

/* ---- places of expressions, for errors at run time ---- */

static bool
see_divide(void *state, const cni_expr *expr)
{
    const cni_expr **found = state;
    if (expr->kind == CNI_EXPR_CALL && expr->function != NULL &&
        cni_str_eq(expr->function->name, CNI_STR("/"))) {
        *found = expr;
    }
    return true;
}

static void
test_expressions_know_their_place(void **state)
{
    (void)state;
    bind_env env;
    const cni_plan *plan = NULL;
    const cni_expr *found = NULL;
    const char *sql = "SELECT 1 + a / (a - 1) FROM u";
    bind_begin(&env);
    BIND_OK(&env, bind_query(&env, sql, &plan));
    cni_expr_walk(plan->exprs[0], see_divide, &found);
    assert_non_null(found);
    assert_int_equal(found->sql_offset, strchr(sql, '/') - sql);
    bind_end(&env);
}

/* ---- parameters ---- */

static void
test_parameters_become_literals(void **state)
{
    (void)state;
    const cni_str names[] = {CNI_STR("1"), CNI_STR("who")};
    const cni_value values[] = {{.type = cni_type_of(CNI_TYPE_INT32), .as.i64 = 7},
                                {.type = cni_type_of(CNI_TYPE_VARCHAR), .as.bytes = CNI_STR("x")}};
    bind_env env;
    bind_begin(&env);
    env.n_parameters = 2;
    env.parameter_names = names;
    env.parameters = values;
    BIND_OK(&env, bind_text(&env, "SELECT a FROM u WHERE a = $1 AND b = $who LIMIT $1"));
    assert_string_equal(env.text.data, "Limit limit=7\n"
                                       "  Project [a]\n"
                                       "    Filter a = CAST(7 AS BIGINT) AND b = 'x'\n"
                                       "      Scan u columns=[a, b]\n");
    assert_int_equal(bind_text(&env, "SELECT $2"), CN_INVALID_ARGUMENT);
    assert_string_equal(env.err.sqlstate, "42P02");
    bind_end(&env);
}

/* ---- limits ---- */

static void
test_views_that_name_each_other(void **state)
{
    (void)state;
    bind_env env;
    bind_begin(&env);
    const cni_catalog_entry views[] = {
        {.kind = CNI_ENTRY_VIEW, .name = CNI_STR("ping"), .view_sql = CNI_STR("FROM pong")},
        {.kind = CNI_ENTRY_VIEW, .name = CNI_STR("pong"), .view_sql = CNI_STR("FROM ping")},
        {.kind = CNI_ENTRY_VIEW, .name = CNI_STR("wide0"), .view_sql = CNI_STR("SELECT 1 AS x")},
    };
    for (int64_t view = 0; view < CN_ARRAY_LEN(views); view++) {
        BIND_OK(&env, cni_catalog_put(env.catalog, &views[view], false, &env.err));
    }
    /* Each view names the one before ten times: 10^12 queries. */
    for (int depth = 1; depth <= 12; depth++) {
        char name[16];
        char sql[512] = "";
        (void)snprintf(name, sizeof(name), "wide%d", depth);
        for (int use = 0; use < 10; use++) {
            const size_t used = strlen(sql);
            (void)snprintf(sql + used, sizeof(sql) - used, "%sSELECT x FROM wide%d",
                           use == 0 ? "" : " UNION ALL ", depth - 1);
        }
        const cni_catalog_entry view = {
            .kind = CNI_ENTRY_VIEW, .name = cni_str_of(name), .view_sql = cni_str_of(sql)};
        BIND_OK(&env, cni_catalog_put(env.catalog, &view, false, &env.err));
    }
    cni_catalog_snapshot_unref(env.snapshot);
    BIND_OK(&env, cni_catalog_snapshot_take(env.catalog, &env.snapshot, &env.err));
    const cn_code loop = bind_text(&env, "SELECT * FROM ping");
    assert_true(loop == CN_LIMIT_EXCEEDED || loop == CN_INVALID_ARGUMENT);
    assert_int_equal(bind_text(&env, "SELECT * FROM wide12"), CN_LIMIT_EXCEEDED);
    BIND_OK(&env, bind_text(&env, "SELECT * FROM wide2"));
    bind_end(&env);
}

/* "SELECT a<op>a<op>a..." of n terms. */
static char *
chain(const char *term, const char *op, int n_terms, const char *tail)
{
    const size_t size = (strlen(term) + strlen(op)) * (size_t)n_terms + strlen(tail) + 32;
    char *text = malloc(size);
    assert_non_null(text);
    size_t used = (size_t)snprintf(text, size, "SELECT ");
    for (int index = 0; index < n_terms; index++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", index == 0 ? "" : op, term);
    }
    (void)snprintf(text + used, size - used, "%s", tail);
    return text;
}

static void
test_long_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *term;
        const char *op;
        const char *tail;
    } cases[] = {
        {"a", " + ", " FROM u"},
        {"a > 1", " AND ", " FROM u"},
        {"a = 2", " OR ", " FROM u"},
        {"b", " || ", " FROM u"},
        {"a", ", ", " FROM u"},
        {"a", " FROM u UNION ALL SELECT ", " FROM u"},
        {"f", " + ", " FROM t"},
        {"CASE WHEN a > 1 THEN 2 ELSE 3 END", " * ", " FROM u"},
        {"", "(", "1"},
        {"", "NOT ", "TRUE"},
        {"", "- ", "1"},
    };
    bind_env env;
    bind_begin(&env);
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        char *sql = chain(cases[index].term, cases[index].op, 10000, cases[index].tail);
        const cni_plan *plan = NULL;
        const cn_code code = bind_query(&env, sql, &plan);
        if (code != CN_OK && code != CN_LIMIT_EXCEEDED && code != CN_INVALID_ARGUMENT) {
            fail_msg("case %lld: %s: %s", (long long)index, cn_code_name((int32_t)code),
                     env.err.message);
        }
        assert_true(index > 4 || code == CN_OK || code == CN_LIMIT_EXCEEDED);
        free(sql);
    }
    bind_end(&env);
}

/* ---- TPC-H ---- */

static char *
read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 8192);
    assert_non_null(text);
    assert_true(fread(text, 1, 8191, file) > 0);
    assert_int_equal(fclose(file), 0);
    for (size_t end = strlen(text); end > 0 && strchr(" ;\n", text[end - 1]) != NULL; end--) {
        text[end - 1] = '\0';
    }
    return text;
}

static void
test_tpch(void **state)
{
    (void)state;
    bind_env env;
    bind_begin(&env);
    for (int query = 1; query <= 22; query++) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/sql/tpch/q%02d.sql", CN_TEST_DATA, query);
        char *sql = read_text(path);
        const cni_plan *plan = NULL;
        const cn_code code = bind_query(&env, sql, &plan);
        if (code != CN_OK) {
            fail_msg("Q%d: %s", query, env.err.message);
        }
        free(sql);
    }
    bind_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans),
        cmocka_unit_test(test_expressions_know_their_place),
        cmocka_unit_test(test_parameters_become_literals),
        cmocka_unit_test(test_views_that_name_each_other),
        cmocka_unit_test(test_long_expressions),
        cmocka_unit_test(test_tpch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
