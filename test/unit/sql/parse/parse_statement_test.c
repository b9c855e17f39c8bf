/* SPDX-License-Identifier: Apache-2.0
 *
 * Every statement but plain queries, and scripts of several: what is read, what it prints as, and
 * the fields that the session looks at.
 */
#include "unit/sql/parse/sql_parse_support.h"

static void
test_scripts(void **state)
{
    (void)state;
    sql_test test;
    cni_sql_script script = {0};
    sql_test_init(&test);
    const char *text = ";; /* x */ SELECT 1 ; \n SET x = 2;; -- end\n FROM t WHERE a = ';' ";
    assert_int_equal(cni_sql_parse(test.arena, cni_str_of(text), &script, &test.err), CN_OK);
    assert_int_equal(script.n_statements, 3);
    assert_int_equal(script.statements[0]->offset, strstr(text, "SELECT") - text);
    assert_int_equal(script.statements[0]->length, 8);
    assert_int_equal(script.statements[1]->kind, CNI_SQL_STATEMENT_SET);
    assert_int_equal(script.statements[1]->length, 9);
    assert_int_equal(script.statements[2]->length, 20);
    assert_int_equal(cni_sql_parse(test.arena, CNI_STR(" -- nothing"), &script, &test.err), CN_OK);
    assert_int_equal(script.n_statements, 0);
    const cni_sql_statement *one = NULL;
    assert_int_equal(cni_sql_parse_statement(test.arena, CNI_STR(";"), &one, &test.err),
                     CN_INVALID_ARGUMENT);
    assert_int_equal(
        cni_sql_parse_statement(test.arena, CNI_STR("SELECT 1; SELECT 2"), &one, &test.err),
        CN_INVALID_ARGUMENT);
    assert_int_equal(test.err.sql_offset, 10);
    const cni_sql_query *query = NULL;
    assert_int_equal(cni_sql_parse_query(test.arena, CNI_STR("(FROM t) LIMIT 1;"), &query, NULL),
                     CN_OK);
    assert_int_equal(cni_sql_parse_query(test.arena, CNI_STR("SET x = 1"), &query, NULL),
                     CN_INVALID_ARGUMENT);
    sql_test_done(&test);
}

static void
test_parameters(void **state)
{
    (void)state;
    sql_test test;
    sql_test_init(&test);
    const cni_sql_statement *statement =
        sql_test_statement(&test, "SELECT $b, $a, $b + $2 LIMIT $a");
    assert_int_equal(statement->n_parameters, 3);
    assert_int_equal(statement->n_anonymous, 0);
    assert_true(cni_str_eq(statement->parameters[0], CNI_STR("b")));
    assert_true(cni_str_eq(statement->parameters[2], CNI_STR("2")));
    statement = sql_test_statement(&test, "PREPARE p AS SELECT ? + ?");
    assert_int_equal(statement->n_anonymous, 2);
    assert_int_equal(statement->prepare->statement->n_parameters, 2);
    sql_test_done(&test);
    expect_syntax_error("SELECT ? + $1", "$1", "mixed");
    expect_syntax_error("SELECT $1 + ?", "?", "mixed");
    expect_syntax_error("SELECT $0", "$0", "numbered from 1");
    expect_syntax_error("SELECT #0", "#0", "range");
}

static void
test_create_table(void **state)
{
    (void)state;
    expect_same("CREATE TABLE t (a int NOT NULL DEFAULT 3 + 1, b varchar(20) PRIMARY KEY, c "
                "decimal(10, 2) NULL CONSTRAINT pos CHECK (c > 0) UNIQUE, d int REFERENCES u (x), "
                "e int GENERATED ALWAYS AS (a + 1) STORED, f text COLLATE \"C\", CONSTRAINT pk "
                "PRIMARY KEY (a, b), UNIQUE (c), CHECK (a < c), FOREIGN KEY (a) REFERENCES u)");
    expect_same("CREATE TABLE t (e GENERATED ALWAYS AS (1))");
    expect_printed("CREATE OR REPLACE LOCAL TEMP TABLE IF NOT EXISTS s.t AS SELECT 1 WITH NO DATA",
                   "CREATE OR REPLACE TEMPORARY TABLE IF NOT EXISTS s.t AS SELECT 1 WITH NO DATA");
    expect_printed("CREATE TABLE t (a, b) WITH (x = 1, y 'z', w) AS VALUES (1, 2) WITH DATA",
                   "CREATE TABLE t (a, b) WITH (x 1, y 'z', w) AS VALUES (1, 2)");
    expect_same("CREATE UNBOUNDED TABLE t (a int) WITH (format json)");
    expect_syntax_error("CREATE TABLE t (ab)", "ab", "type");
    expect_syntax_error("CREATE TABLE t", NULL, "end of input");
    expect_refused("CREATE TABLE t (LIKE u)", CN_NOT_IMPLEMENTED, 16, 4, "LIKE");
}

static void
test_create_external_table(void **state)
{
    (void)state;
    expect_same("CREATE UNBOUNDED EXTERNAL TABLE IF NOT EXISTS e (a int, b text) STORED AS PARQUET "
                "PARTITIONED BY (a, b int) WITH ORDER (a DESC, b) WITH ORDER (b) OPTIONS "
                "('format.compression' 'zstd', format.delimiter ',') LOCATION 's3://x/y'");
    expect_printed("CREATE EXTERNAL TABLE e LOCATION ('a', 'b') OPTIONS (x 1) STORED AS CSV",
                   "CREATE EXTERNAL TABLE e STORED AS CSV OPTIONS (x 1) LOCATION ('a', 'b')");
    expect_same("CREATE OR REPLACE EXTERNAL TABLE e LOCATION 'x.parquet'");
    expect_syntax_error("CREATE EXTERNAL TABLE e STORED AS CSV",
                        "CREATE EXTERNAL TABLE e STORED AS CSV", "LOCATION");
    expect_refused("CREATE EXTERNAL TABLE e LOCATION 'x' LOCATION 'y'", CN_INVALID_ARGUMENT, 37, 8,
                   "LOCATION");
}

static void
test_create_others(void **state)
{
    (void)state;
    expect_same("CREATE VIEW v (a, b) AS SELECT 1, 2");
    expect_same("CREATE OR REPLACE TEMPORARY VIEW s.v WITH (x 1) AS FROM t");
    expect_same("CREATE RECURSIVE VIEW v (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM v");
    expect_same("CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1");
    expect_same("CREATE SCHEMA IF NOT EXISTS a.b");
    expect_same("CREATE MACRO add(a, b := 3) AS a + b, (a) AS a, () AS 1");
    expect_same("CREATE OR REPLACE MACRO tab(x int, y text := 'z') AS TABLE SELECT x");
    expect_printed("CREATE TEMP FUNCTION f(x DEFAULT 1) AS (SELECT x)",
                   "CREATE TEMPORARY MACRO f(x := 1) AS (SELECT x)");
    sql_test test;
    sql_test_init(&test);
    const char *text = "CREATE VIEW v AS /* c */ (SELECT 1) ORDER BY 1 ;";
    const cni_sql_query *query = sql_test_statement(&test, text)->create_view->query;
    assert_int_equal(query->node.offset, strstr(text, "(SELECT") - text);
    assert_int_equal(query->node.length, (int64_t)strlen("(SELECT 1) ORDER BY 1"));
    sql_test_done(&test);
    expect_syntax_error("CREATE TEMP SCHEMA s", "SCHEMA", "SCHEMA");
    expect_syntax_error("CREATE EXTERNAL VIEW v AS SELECT 1", "VIEW", "VIEW");
    expect_refused("CREATE UNIQUE INDEX i ON t (a)", CN_NOT_IMPLEMENTED, 7, 6, "CREATE UNIQUE");
    expect_refused("CREATE FUNCTION f() RETURNS int AS 'x'", CN_NOT_IMPLEMENTED, 20, 7, "language");
}

static void
test_drop(void **state)
{
    (void)state;
    expect_same("DROP TABLE IF EXISTS a, b.c CASCADE");
    expect_same("DROP EXTERNAL TABLE t");
    expect_same("DROP VIEW v RESTRICT");
    expect_same("DROP MATERIALIZED VIEW v");
    expect_same("DROP SCHEMA s CASCADE");
    expect_same("DROP MACRO m");
    expect_printed("DROP FUNCTION TABLE m", "DROP MACRO TABLE m");
    expect_refused("DROP INDEX i", CN_NOT_IMPLEMENTED, 5, 5, "DROP INDEX");
}

static void
test_insert(void **state)
{
    (void)state;
    expect_same("INSERT INTO t VALUES (1, DEFAULT), (2, 3)");
    expect_same("INSERT INTO s.t AS x (a, b) SELECT 1, 2 RETURNING *, a + 1 AS c");
    expect_same("INSERT INTO t BY NAME SELECT 1 AS a");
    expect_same("INSERT INTO t DEFAULT VALUES");
    expect_same("INSERT OR REPLACE INTO t SELECT 1");
    expect_printed("INSERT OR IGNORE INTO t BY POSITION SELECT 1",
                   "INSERT INTO t SELECT 1 ON CONFLICT DO NOTHING");
    expect_printed("INSERT INTO t (SELECT 1)", "INSERT INTO t SELECT 1");
    expect_printed("INSERT INTO t ((SELECT 1) UNION SELECT 2)",
                   "INSERT INTO t SELECT 1 UNION SELECT 2");
    expect_same("INSERT INTO t SELECT 1 ON CONFLICT (a, b) WHERE a > 1 DO UPDATE SET a = "
                "excluded.a, (b, c) = (DEFAULT, 2) WHERE t.a < 3 RETURNING a");
    expect_same("WITH x AS (SELECT 1) INSERT INTO t FROM x");
    expect_printed("INSERT INTO t WITH x AS (SELECT 1) FROM x",
                   "INSERT INTO t WITH x AS (SELECT 1) FROM x");
}

static void
test_update_delete_truncate(void **state)
{
    (void)state;
    expect_same("UPDATE t SET a = 1, (b, c) = (1, DEFAULT), (d, e) = (SELECT 1, 2), f = DEFAULT "
                "FROM u JOIN v ON true WHERE t.a = u.a RETURNING t.a");
    expect_printed("UPDATE t x SET a.b = 3", "UPDATE t AS x SET a.b = 3");
    expect_same("WITH x AS (SELECT 1) UPDATE t SET a = 1");
    expect_same("DELETE FROM t");
    expect_same("DELETE FROM t AS x USING a, b WHERE x.a = 1 RETURNING *");
    expect_same("WITH x AS (SELECT 1) DELETE FROM t");
    expect_printed("TRUNCATE TABLE a, s.b CONTINUE IDENTITY CASCADE", "TRUNCATE a, s.b CASCADE");
    expect_refused("DELETE FROM t WHERE CURRENT OF c", CN_NOT_IMPLEMENTED, 20, 7, "CURRENT OF");
}

static void
test_merge(void **state)
{
    (void)state;
    expect_same(
        "MERGE INTO t AS x USING (SELECT 1 AS a) AS s ON x.a = s.a WHEN MATCHED AND s.a > "
        "1 THEN UPDATE SET a = 1 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT "
        "(a, b) VALUES (1, DEFAULT) WHEN NOT MATCHED BY SOURCE THEN DO NOTHING RETURNING *");
    expect_printed("MERGE INTO t USING s USING (a, b) WHEN MATCHED THEN UPDATE BY NAME WHEN NOT "
                   "MATCHED BY TARGET THEN INSERT *",
                   "MERGE INTO t USING s USING (a, b) WHEN MATCHED THEN UPDATE BY NAME WHEN NOT "
                   "MATCHED THEN INSERT *");
    expect_same("MERGE INTO t USING s ON true WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED "
                "THEN INSERT BY NAME WHEN NOT MATCHED THEN INSERT DEFAULT VALUES");
    expect_syntax_error("MERGE INTO t USING s ON true WHEN MATCHED THEN INSERT VALUES (1)",
                        "WHEN MATCHED THEN INSERT VALUES (1)", "INSERT");
    expect_syntax_error("MERGE INTO t USING s ON true WHEN NOT MATCHED THEN DELETE",
                        "WHEN NOT MATCHED THEN DELETE", "INSERT");
    expect_syntax_error("MERGE INTO t USING s ON true", NULL, "end of input");
}

static void
test_copy(void **state)
{
    (void)state;
    expect_same("COPY t TO 'x.parquet'");
    expect_printed("COPY (SELECT 1) TO 'x' WITH (FORMAT csv, HEADER, DELIMITER = ',', "
                   "PARTITION_BY (a, b), FORCE_QUOTE *, NULL '')",
                   "COPY (SELECT 1) TO 'x' (FORMAT csv, HEADER, DELIMITER ',', PARTITION_BY (a, "
                   "b), FORCE_QUOTE *, NULL '')");
    expect_printed("COPY s.t (a, b) FROM STDIN WITH CSV HEADER DELIMITER AS ';'",
                   "COPY s.t (a, b) FROM STDIN (format CSV, HEADER, DELIMITER ';')");
    expect_printed("COPY t TO $1 STORED AS PARQUET PARTITIONED BY (a, b) OPTIONS (x 1)",
                   "COPY t TO $1 (format PARQUET, partition_by (a, b), x 1)");
    expect_same("COPY t FROM 'f' (FORMAT parquet) WHERE a > 1");
    expect_same("COPY t TO STDOUT (FORMAT json)");
    expect_syntax_error("COPY t FROM STDOUT", "STDOUT", "STDOUT");
    expect_syntax_error("COPY (SELECT 1) FROM 'x'", "FROM", "FROM");
}

static void
test_explain_and_describe(void **state)
{
    (void)state;
    expect_same("EXPLAIN SELECT 1");
    expect_same("EXPLAIN ANALYZE SELECT 1");
    expect_same("EXPLAIN (ANALYZE, VERBOSE, FORMAT json, costs off) INSERT INTO t VALUES (1)");
    expect_printed("EXPLAIN ANALYZE VERBOSE FORMAT tree FROM t",
                   "EXPLAIN (ANALYZE, VERBOSE, FORMAT tree) FROM t");
    expect_printed("EXPLAIN (ANALYZE false, FORMAT 'text') (SELECT 1)",
                   "EXPLAIN (FORMAT 'text') SELECT 1");
    expect_printed("EXPLAIN (SELECT 1)", "EXPLAIN SELECT 1");
    expect_printed("DESCRIBE t", "DESCRIBE FROM t");
    expect_printed("DESC 'x.parquet'", "DESCRIBE FROM 'x.parquet'");
    expect_printed("DESCRIBE TABLE s.t", "DESCRIBE FROM s.t");
    expect_same("DESCRIBE SELECT 1");
    expect_printed("SUMMARIZE read_csv('x')", "SUMMARIZE FROM read_csv('x')");
    sql_test test;
    sql_test_init(&test);
    assert_non_null(sql_test_statement(&test, "DESCRIBE t")->describe->table);
    assert_null(sql_test_statement(&test, "DESCRIBE SELECT 1")->describe->table);
    assert_null(sql_test_statement(&test, "DESCRIBE 'x'")->describe->table);
    sql_test_done(&test);
    expect_refused("EXPLAIN EXPLAIN SELECT 1", CN_INVALID_ARGUMENT, 8, 7, "EXPLAIN");
}

static void
test_prepared_statements(void **state)
{
    (void)state;
    expect_same("PREPARE p AS SELECT $1");
    expect_same("PREPARE p (int, varchar) AS INSERT INTO t VALUES ($1, $2)");
    expect_same("EXECUTE p");
    expect_same("EXECUTE p (1, 'x', a => 3)");
    expect_printed("EXECUTE p()", "EXECUTE p");
    expect_printed("DEALLOCATE PREPARE p", "DEALLOCATE p");
    expect_same("DEALLOCATE ALL");
    expect_same("DEALLOCATE prepare");
    expect_syntax_error("PREPARE p AS DROP TABLE t", "DROP TABLE t", "prepared");
}

static void
test_settings(void **state)
{
    (void)state;
    expect_same("SET x = 1");
    expect_printed("SET SESSION a.b TO 'x', y", "SET SESSION a.b = 'x', y");
    expect_same("SET LOCAL threads = on");
    expect_same("SET GLOBAL memory_limit = '1GB'");
    expect_same("SET VARIABLE v = [1, 2]");
    expect_same("SET x = true");
    expect_same("SET x = DEFAULT");
    expect_same("SET session = 1");
    expect_printed("SET TIME ZONE 'UTC'", "SET timezone = 'UTC'");
    expect_same("RESET x");
    expect_same("RESET ALL");
    expect_same("RESET SESSION a.b");
    expect_syntax_error("SET x 1", "1", "\"1\"");
}

static void
test_show(void **state)
{
    (void)state;
    expect_same("SHOW x.y");
    expect_same("SHOW ALL");
    expect_same("SHOW TABLES");
    expect_same("SHOW TABLES FROM s LIKE 'x%'");
    expect_same("SHOW ALL TABLES");
    expect_same("SHOW COLUMNS FROM t");
    expect_same("SHOW FUNCTIONS ILIKE '%a'");
    expect_same("SHOW VIEWS");
    expect_same("SHOW SCHEMAS");
    expect_same("SHOW DATABASES");
    expect_same("SHOW SETTINGS");
    expect_same("SHOW CREATE TABLE s.t");
    expect_same("SHOW CREATE VIEW v");
    expect_same("SHOW tables.x");
    expect_syntax_error("SHOW COLUMNS", NULL, "end of input");
}

static void
test_session(void **state)
{
    (void)state;
    expect_same("USE a.b");
    expect_printed("ATTACH DATABASE 'x.db' AS y (TYPE sqlite, READ_ONLY)",
                   "ATTACH 'x.db' AS y (TYPE sqlite, READ_ONLY)");
    expect_same("ATTACH OR REPLACE IF NOT EXISTS 'x'");
    expect_printed("DETACH y", "DETACH DATABASE y");
    expect_same("DETACH DATABASE IF EXISTS y");
    expect_same("ANALYZE");
    expect_same("ANALYZE VERBOSE s.t (a, b), u");
    expect_same("LOAD 'x.so'");
    expect_printed("LOAD httpfs", "LOAD \"httpfs\"");
}

static void
test_refused_by_name(void **state)
{
    (void)state;
    expect_refused("ALTER TABLE t ADD x int", CN_NOT_IMPLEMENTED, 0, 5, "ALTER is not supported");
    expect_refused("begin", CN_NOT_IMPLEMENTED, 0, 5, "BEGIN is not supported");
    expect_refused("VACUUM", CN_NOT_IMPLEMENTED, 0, 6, "VACUUM");
    expect_refused("SELECT 1 INTO t", CN_NOT_IMPLEMENTED, 9, 4, "SELECT INTO");
    expect_refused("SELECT 1 FOR UPDATE", CN_NOT_IMPLEMENTED, 9, 3, "locking");
    sql_test test;
    cni_sql_script script = {0};
    sql_test_init(&test);
    assert_int_equal(cni_sql_parse(test.arena, CNI_STR("COMMIT"), &script, &test.err),
                     CN_NOT_IMPLEMENTED);
    assert_string_equal(test.err.sqlstate, "0A000");
    sql_test_done(&test);
}

static void
test_statement_names(void **state)
{
    (void)state;
    for (int kind = 0; kind < CNI_SQL_STATEMENT_KIND_COUNT_; kind++) {
        assert_non_null(cni_sql_statement_name((cni_sql_statement_kind)kind));
    }
    assert_string_equal(cni_sql_statement_name(CNI_SQL_STATEMENT_MERGE), "MERGE");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_create_table),
        cmocka_unit_test(test_create_external_table),
        cmocka_unit_test(test_create_others),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_insert),
        cmocka_unit_test(test_update_delete_truncate),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_explain_and_describe),
        cmocka_unit_test(test_prepared_statements),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_show),
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_refused_by_name),
        cmocka_unit_test(test_statement_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
