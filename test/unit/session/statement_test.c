/* SPDX-License-Identifier: Apache-2.0
 *
 * Every statement family: what it gives, what it changes, and that everything else is refused by
 * name with its place.
 */
#include "session/statement/statement.h"

#include "support/sql_env.h"

static int
begin(void **state)
{
    static sql_env env;
    sql_begin(&env, 2);
    *state = &env;
    return 0;
}

static int
end(void **state)
{
    sql_end(*state);
    return 0;
}

static void
test_queries(void **state)
{
    sql_env *env = *state;
    SQL_GIVES(env, "SELECT 1", "1\n");
    SQL_GIVES(env, "VALUES (1, 'a'), (2, NULL)", "1|a\n2|NULL\n");
    SQL_GIVES(env, "SELECT x, y FROM (VALUES (1, 'a'), (2, 'b')) t(x, y) WHERE x > 1", "2|b\n");
    SQL_GIVES(env, "FROM (VALUES (3)) t(x)", "3\n");
    SQL_GIVES(env, "WITH c AS (SELECT 4 AS q) SELECT q + 1 FROM c", "5\n");
    SQL_GIVES(env, "SELECT 1 AS a UNION ALL SELECT 2", "1\n2\n");
    SQL_GIVES(env, "", "");
    SQL_GIVES(env, " ; -- nothing\n ;", "");
    SQL_GIVES(env, "SELECT 1; SELECT 2; SELECT 3", "3\n");
    SQL_GIVES(env, "SELECT 1 WHERE false", "");
}

static void
test_a_script_stops_at_the_first_error(void **state)
{
    sql_env *env = *state;
    SQL_FAILS(env, "CREATE VIEW one AS SELECT 1; SELECT nothing; CREATE VIEW two AS SELECT 2",
              CN_NOT_FOUND, "42703", "nothing", "column \"nothing\" does not exist");
    SQL_GIVES(env, "SHOW TABLES", "main|one|view\n");
    /* Text that cannot be parsed refuses the whole script. */
    SQL_FAILS(env, "CREATE VIEW three AS SELECT 1; SELCT 2", CN_INVALID_ARGUMENT, "42601", "SELCT",
              "did you mean SELECT");
    SQL_GIVES(env, "SHOW TABLES", "main|one|view\n");
    SQL_GIVES(env, "DROP VIEW one; SHOW TABLES", "");
}

static void
test_errors_that_come_while_a_script_runs(void **state)
{
    sql_env *env = *state;
    /* Not the last statement: its rows are dropped, its error is not. */
    SQL_FAILS(env, "SELECT 1 / (x - 1) FROM (VALUES (1)) t(x); SELECT 2", CN_INVALID_DATA, "22012",
              "/ (x - 1)", "division by zero");
    SQL_FAILS(env, "SELECT 2; SELECT 1 / (x - 1) FROM (VALUES (1)) t(x)", CN_INVALID_DATA, "22012",
              "/ (x - 1)", "division by zero");
}

static void
test_views(void **state)
{
    sql_env *env = *state;
    SQL_GIVES(env, "CREATE VIEW v AS SELECT 1 AS a UNION ALL SELECT 2", "");
    SQL_GIVES(env, "SELECT a FROM v WHERE a > 1", "2\n");
    SQL_GIVES(env, "CREATE VIEW w(b) AS SELECT a + 1 FROM v; SELECT b FROM w", "2\n3\n");
    SQL_GIVES(env, "SHOW TABLES", "main|v|view\nmain|w|view\n");
    SQL_GIVES(env, "SHOW TABLES LIKE 'v%'", "main|v|view\n");
    SQL_FAILS(env, "CREATE VIEW v AS SELECT 3", CN_ALREADY_EXISTS, "42P07", "v AS", "v");
    SQL_GIVES(env, "CREATE VIEW IF NOT EXISTS v AS SELECT 3; SELECT a FROM v", "1\n2\n");
    SQL_GIVES(env, "CREATE OR REPLACE VIEW v AS SELECT 3 AS a; SELECT b FROM w", "4\n");
    SQL_FAILS(env, "CREATE VIEW x(a, b) AS SELECT 1", CN_INVALID_ARGUMENT, NULL, "x(a",
              "1 columns, but 2 names");
    SQL_FAILS(env, "CREATE VIEW x AS SELECT nothing", CN_NOT_FOUND, "42703", "nothing", "nothing");
    SQL_FAILS(env, "CREATE VIEW x AS SELECT * FROM nowhere", CN_NOT_FOUND, "42P01", "nowhere",
              "nowhere");
    SQL_FAILS(env, "CREATE TEMP VIEW x AS SELECT 1", CN_NOT_IMPLEMENTED, "0A000", "x AS",
              "TEMPORARY");
    SQL_FAILS(env, "DROP VIEW nothing", CN_NOT_FOUND, "42P01", "nothing", "nothing");
    SQL_GIVES(env, "DROP VIEW IF EXISTS nothing", "");
    SQL_FAILS(env, "DROP TABLE v", CN_INVALID_ARGUMENT, "42809", "v",
              "\"v\" is a view, not a table");
    SQL_FAILS(env, "DROP TABLE IF EXISTS v", CN_INVALID_ARGUMENT, "42809", "v", "is a view");
    SQL_GIVES(env, "DROP VIEW w; DROP VIEW v; SHOW TABLES", "");
}

static void
test_schemas(void **state)
{
    sql_env *env = *state;
    SQL_GIVES(env, "CREATE SCHEMA s; CREATE VIEW s.v AS SELECT 7 AS a; SELECT a FROM s.v", "7\n");
    SQL_GIVES(env, "SHOW TABLES", "s|v|view\n");
    SQL_FAILS(env, "SELECT * FROM v", CN_NOT_FOUND, "42P01", "v", "v");
    SQL_FAILS(env, "CREATE SCHEMA s", CN_ALREADY_EXISTS, "42P06", "s", "s");
    SQL_GIVES(env, "CREATE SCHEMA IF NOT EXISTS s", "");
    SQL_FAILS(env, "CREATE VIEW nowhere.v AS SELECT 1", CN_NOT_FOUND, "3F000", "nowhere",
              "nowhere");
    SQL_FAILS(env, "DROP SCHEMA s", CN_INVALID_ARGUMENT, "2BP01", "s", "s");
    SQL_GIVES(env, "DROP SCHEMA s CASCADE; SHOW TABLES", "");
    SQL_FAILS(env, "DROP SCHEMA s", CN_NOT_FOUND, "3F000", "s", "s");
    SQL_FAILS(env, "CREATE VIEW a.b.c AS SELECT 1", CN_NOT_IMPLEMENTED, NULL, "a.b.c",
              "other databases");
}

static void
test_describe(void **state)
{
    sql_env *env = *state;
    SQL_GIVES(env, "DESCRIBE SELECT 1 AS a, 'x' AS b, NULL::DECIMAL(5,2) AS c",
              "a|INTEGER|NO\nb|VARCHAR|NO\nc|DECIMAL(5,2)|YES\n");
    SQL_GIVES(env, "CREATE VIEW v AS SELECT TRUE AS yes; DESCRIBE v", "yes|BOOLEAN|NO\n");
    SQL_FAILS(env, "DESCRIBE nothing", CN_NOT_FOUND, "42P01", NULL, "nothing");
    SQL_GIVES(env, "DROP VIEW v", "");
}

static void
test_show(void **state)
{
    sql_env *env = *state;
    assert_int_equal(sql_run(env, "SHOW ALL"), CN_OK);
    assert_non_null(strstr(sql_text(env), "threads|2|threads that one query may use"));
    assert_int_equal(sql_run(env, "SHOW FUNCTIONS"), CN_OK);
    assert_non_null(strstr(sql_text(env), "count|aggregate|"));
    assert_non_null(strstr(sql_text(env), "upper|scalar|"));
    SQL_FAILS(env, "SHOW COLUMNS FROM x", CN_NOT_IMPLEMENTED, "0A000", NULL, "SHOW COLUMNS");
}

static void
test_prepared_statements(void **state)
{
    sql_env *env = *state;
    SQL_GIVES(env, "PREPARE p AS SELECT $1 + 1; EXECUTE p(41)", "42\n");
    SQL_GIVES(env, "EXECUTE P(1.5)", "2.5\n"); /* another type, another plan */
    SQL_GIVES(env, "EXECUTE p(NULL)", "NULL\n");
    SQL_GIVES(env, "PREPARE named AS SELECT $name || '!'; EXECUTE named(name := 'hey')", "hey!\n");
    SQL_FAILS(env, "PREPARE p AS SELECT 2", CN_ALREADY_EXISTS, "42P05", "p AS", "exists already");
    SQL_FAILS(env, "EXECUTE p", CN_INVALID_ARGUMENT, "42P02", "p", "$1");
    SQL_FAILS(env, "EXECUTE p('x')", CN_INVALID_DATA, "22P02", "p(", "prepared statement \"p\"");
    SQL_FAILS(env, "EXECUTE nothing(1)", CN_NOT_FOUND, "26000", "nothing", "does not exist");
    SQL_FAILS(env, "PREPARE t(int) AS SELECT $1", CN_NOT_IMPLEMENTED, "0A000", "t(int", "types");
    /* The catalog of the moment counts. */
    SQL_GIVES(env, "PREPARE late AS SELECT a FROM v; CREATE VIEW v AS SELECT 5 AS a; EXECUTE late",
              "5\n");
    SQL_GIVES(env, "DROP VIEW v; DEALLOCATE p", "");
    SQL_FAILS(env, "EXECUTE late", CN_NOT_FOUND, "42P01", "late", "\"v\"");
    SQL_FAILS(env, "DEALLOCATE p", CN_NOT_FOUND, "26000", "p", "does not exist");
    SQL_GIVES(env, "DEALLOCATE ALL", "");
    SQL_FAILS(env, "EXECUTE late", CN_NOT_FOUND, "26000", "late", "does not exist");
}

static void
test_a_prepared_statement_with_effects(void **state)
{
    sql_env *env = *state;
    SQL_FAILS(env, "PREPARE c AS CREATE VIEW v AS SELECT 1; EXECUTE c", CN_INVALID_ARGUMENT, NULL,
              NULL, "");
    SQL_GIVES(env, "DEALLOCATE ALL; SHOW TABLES", "");
}

static void
test_explain(void **state)
{
    sql_env *env = *state;
    assert_int_equal(sql_run(env, "EXPLAIN SELECT x + 1 FROM (VALUES (1), (2)) t(x) WHERE x > 1"),
                     CN_OK);
    assert_non_null(strstr(sql_text(env), "Project"));
    assert_non_null(strstr(sql_text(env), "Values"));
    assert_non_null(strstr(sql_text(env), "Pipeline 0"));
    assert_int_equal(
        sql_run(env, "EXPLAIN ANALYZE SELECT x + 1 FROM (VALUES (1), (2)) t(x) WHERE x > 1"),
        CN_OK);
    assert_non_null(strstr(sql_text(env), "rows"));
    assert_int_equal(sql_run(env, "EXPLAIN (FORMAT json) SELECT 1"), CN_OK);
    assert_int_equal(strncmp(sql_text(env), "{\"plan\": {\"node\": \"Project\"", 26), 0);
    assert_int_equal(sql_run(env, "EXPLAIN (ANALYZE, FORMAT json) SELECT 1"), CN_OK);
    assert_non_null(strstr(sql_text(env), "\"profile\": "));
    SQL_FAILS(env, "EXPLAIN (FORMAT yaml) SELECT 1", CN_NOT_IMPLEMENTED, "0A000", "yaml",
              "formats");
    SQL_FAILS(env, "EXPLAIN (COSTS) SELECT 1", CN_NOT_IMPLEMENTED, NULL, "COSTS", "COSTS");
    SQL_FAILS(env, "EXPLAIN CREATE VIEW v AS SELECT 1", CN_NOT_IMPLEMENTED, "0A000", "CREATE",
              "other than queries");
    SQL_FAILS(env, "EXPLAIN ANALYZE SELECT 1 / (x - 1) FROM (VALUES (1)) t(x)", CN_INVALID_DATA,
              "22012", NULL, "division by zero");
}

static void
test_external_tables(void **state)
{
    sql_env *env = *state;
    SQL_FAILS(env, "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x.csv'", CN_NOT_IMPLEMENTED,
              "0A000", "t STORED", "other than PARQUET");
    SQL_FAILS(env, "CREATE EXTERNAL TABLE t (a INT) STORED AS PARQUET LOCATION 'x.parquet'",
              CN_NOT_IMPLEMENTED, "0A000", "t (a", "column lists");
    SQL_FAILS(env, "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/nowhere/x.parquet'",
              CN_NOT_FOUND, NULL, "'/nowhere", "/nowhere/x.parquet");
    SQL_GIVES(env,
              "CREATE EXTERNAL TABLE nation STORED AS PARQUET LOCATION '" CN_TEST_DATA
              "/tpch/nation.parquet'",
              "");
    SQL_GIVES(env, "SHOW TABLES", "main|nation|table\n");
    SQL_GIVES(env, "SELECT n_nationkey, n_name FROM nation LIMIT 2", "0|ALGERIA\n1|ARGENTINA\n");
    SQL_FAILS(env, "DROP VIEW nation", CN_INVALID_ARGUMENT, "42809", "nation", "nation");
    SQL_GIVES(env, "DROP TABLE nation; SHOW TABLES", "");
}

static void
test_what_is_not_there_yet_is_refused_by_name(void **state)
{
    sql_env *env = *state;
    static const struct {
        const char *sql;
        const char *needle;
    } cases[] = {
        {"UPDATE t SET a = 1", "UPDATE statements"},
        {"DELETE FROM t", "DELETE statements"},
        {"COPY t TO 'x.csv'", "COPY statements"},
        {"BEGIN", "BEGIN"},
        {"COMMIT", "COMMIT"},
        {"MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", "MERGE"},
    };
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        SQL_FAILS(env, cases[index].sql, CN_NOT_IMPLEMENTED, "0A000", NULL, cases[index].needle);
        assert_int_equal(env->err.sql_offset, 0);
    }
}

static void
test_frames_take_one_statement_that_gives_rows(void **state)
{
    sql_env *env = *state;
    static const struct {
        const char *sql;
        const char *needle;
    } cases[] = {
        {"CREATE VIEW v AS SELECT 1", "CREATE VIEW gives no rows: run it with cn_session_execute"},
        {"SET threads = 1", "SET gives no rows"},
        {"", "statement"},
        {"SELECT 1; SELECT 2", "one statement"},
    };
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        CN_SCOPED(cni_arena_p) arena = NULL;
        cn_frame *frame = NULL;
        cn_error err = CN_ERROR_INIT;
        SQL_OK(env, cni_arena_new(env->session->allocator, "test", &arena, &env->err));
        assert_int_equal(cni_statement_frame(env->session, arena, cni_str_of(cases[index].sql),
                                             NULL, &frame, &err),
                         CN_INVALID_ARGUMENT);
        assert_null(frame);
        if (strstr(err.message, cases[index].needle) == NULL) {
            fail_msg("%s: %s", cases[index].sql, err.message);
        }
    }
}

static void
test_plans_survive_their_binary_form(void **state)
{
    sql_env *env = *state;
    SQL_GIVES(env, "SET test_serialize_plan = on", "");
    SQL_GIVES(env, "SELECT x, upper(y) FROM (VALUES (1, 'a'), (2, 'b')) t(x, y) WHERE x > 1",
              "2|B\n");
    SQL_GIVES(env, "SELECT n_name FROM '" CN_TEST_DATA "/tpch/nation.parquet' LIMIT 1",
              "ALGERIA\n");
    SQL_GIVES(env, "RESET ALL", "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_queries, begin, end),
        cmocka_unit_test_setup_teardown(test_a_script_stops_at_the_first_error, begin, end),
        cmocka_unit_test_setup_teardown(test_errors_that_come_while_a_script_runs, begin, end),
        cmocka_unit_test_setup_teardown(test_views, begin, end),
        cmocka_unit_test_setup_teardown(test_schemas, begin, end),
        cmocka_unit_test_setup_teardown(test_describe, begin, end),
        cmocka_unit_test_setup_teardown(test_show, begin, end),
        cmocka_unit_test_setup_teardown(test_prepared_statements, begin, end),
        cmocka_unit_test_setup_teardown(test_a_prepared_statement_with_effects, begin, end),
        cmocka_unit_test_setup_teardown(test_explain, begin, end),
        cmocka_unit_test_setup_teardown(test_external_tables, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_not_there_yet_is_refused_by_name, begin, end),
        cmocka_unit_test_setup_teardown(test_frames_take_one_statement_that_gives_rows, begin, end),
        cmocka_unit_test_setup_teardown(test_plans_survive_their_binary_form, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
