/* SPDX-License-Identifier: Apache-2.0
 *
 * What the binder refuses: code, SQLSTATE, place and extent in the text, and what the message says.
 */
#include "support/bind_env.h"

typedef struct error_case {
    const char *sql;
    cn_code code;
    const char *sqlstate;
    int64_t offset;
    int64_t length;
    const char *message; /* its beginning */
} error_case;

static const error_case errors[] = {
    {"SELECT * EXCLUDE (nothing) FROM u", CN_NOT_FOUND, "42703", 18, 7,
     "EXCLUDE: column \"nothing\" does not exist"},
    {"SELECT \"A\" FROM u", CN_NOT_FOUND, "42703", 7, 3,
     "column \"A\" does not exist; did you mean \"a\"?"},
    {"SELECT u.a FROM u AS x", CN_NOT_FOUND, "42P01", 7, 3, "table \"u\" is not in FROM"},
    {"SELECT p.q FROM u AS x(p, q)", CN_NOT_FOUND, "42P01", 7, 3, "table \"p\" is not in FROM"},
    {"SELECT x.q FROM u AS x(p, q, r)", CN_INVALID_ARGUMENT, "42P10", 16, 15,
     "table \"x\" has 2 columns, but 3 names are given"},
    {"SELECT DATE '2020-02-30'", CN_INVALID_DATA, "22008", 7, 17,
     "'2020-02-30' is out of range for a date (YYYY-MM-DD)"},
    {"SELECT CAST('x' AS INTEGER)", CN_INVALID_DATA, "22P02", 7, 20,
     "invalid input for INTEGER: 'x'"},
    {"SELECT CAST(a AS nonsense) FROM u", CN_NOT_FOUND, "42704", 17, 8,
     "type \"nonsense\" does not exist"},
    {"SELECT CAST(d AS BOOLEAN) FROM t", CN_INVALID_ARGUMENT, "42846", 7, 18,
     "cannot cast DATE to BOOLEAN"},
    {"SELECT s + 1 FROM t", CN_INVALID_ARGUMENT, "42883", 9, 1,
     "no function +(VARCHAR, INTEGER); it is used as"},
    {"SELECT -s FROM t", CN_INVALID_ARGUMENT, "42883", 7, 2,
     "no function -(VARCHAR); it is used as"},
    {"SELECT a || 1 FROM t", CN_INVALID_ARGUMENT, "42883", 9, 2,
     "no function ||(BIGINT, INTEGER); it is used as"},
    {"SELECT d = 'nonsense' FROM t", CN_INVALID_DATA, "22007", 11, 10,
     "'nonsense' is not a date (YYYY-MM-DD)"},
    {"SELECT a = 'x' FROM t", CN_INVALID_DATA, "22P02", 11, 3, "invalid input for BIGINT: 'x'"},
    {"SELECT a = d FROM t", CN_INVALID_ARGUMENT, "42804", 7, 5,
     "comparison: BIGINT and DATE do not go together; cast one of them"},
    {"SELECT s < 1 FROM t", CN_INVALID_ARGUMENT, "42804", 7, 5,
     "comparison: VARCHAR and INTEGER do not go together; cast one of them"},
    {"SELECT ok = 1 FROM t", CN_INVALID_ARGUMENT, "42804", 7, 6,
     "comparison: BOOLEAN and INTEGER do not go together; cast one of them"},
    {"SELECT a IN (1, 'x') FROM t", CN_INVALID_DATA, "22P02", 16, 3,
     "invalid input for BIGINT: 'x'"},
    {"SELECT a LIKE 'x' FROM t", CN_INVALID_ARGUMENT, "42883", 7, 10,
     "no function like(BIGINT, VARCHAR); it is used as"},
    {"SELECT NOT a FROM t", CN_INVALID_ARGUMENT, "42804", 11, 1,
     "argument of NOT must be BOOLEAN, not BIGINT"},
    {"SELECT a AND ok FROM t", CN_INVALID_ARGUMENT, "42804", 7, 1,
     "argument of AND must be BOOLEAN, not BIGINT"},
    {"SELECT a FROM u WHERE a", CN_INVALID_ARGUMENT, "42804", 22, 1,
     "argument of WHERE must be BOOLEAN, not BIGINT"},
    {"SELECT a FROM u WHERE b", CN_INVALID_ARGUMENT, "42804", 22, 1,
     "argument of WHERE must be BOOLEAN, not VARCHAR"},
    {"SELECT CASE WHEN a > 1 THEN 1 ELSE 'x' END FROM u", CN_INVALID_DATA, "22P02", 35, 3,
     "invalid input for INTEGER: 'x'"},
    {"SELECT CASE WHEN a THEN 1 END FROM u", CN_INVALID_ARGUMENT, "42804", 17, 1,
     "argument of WHEN must be BOOLEAN, not BIGINT"},
    {"SELECT coalesce(a, 'x') FROM u", CN_INVALID_DATA, "22P02", 19, 3,
     "invalid input for BIGINT: 'x'"},
    {"SELECT uper(b) FROM u", CN_NOT_FOUND, "42883", 7, 7,
     "function uper does not exist; did you mean upper?"},
    {"SELECT upper(a) FROM u", CN_INVALID_ARGUMENT, "42883", 7, 8,
     "no function upper(BIGINT); it is used as"},
    {"SELECT upper() FROM u", CN_INVALID_ARGUMENT, "42883", 7, 7,
     "no function upper(); it is used as"},
    {"SELECT extract(nonsense FROM d) FROM t", CN_INVALID_ARGUMENT, "22023", 7, 24,
     "\"nonsense\" is not a part of dates"},
    {"SELECT nothing FROM u", CN_NOT_FOUND, "42703", 7, 7, "column \"nothing\" does not exist"},
    {"SELECT nme FROM nation", CN_NOT_FOUND, "42703", 7, 3, "column \"nme\" does not exist"},
    {"SELECT n_nam FROM nation", CN_NOT_FOUND, "42703", 7, 5,
     "column \"n_nam\" does not exist; did you mean \"n_name\"?"},
    {"SELECT * FROM natio", CN_NOT_FOUND, "42P01", 14, 5,
     "table \"natio\" does not exist; did you mean \"nation\"?"},
    {"SELECT * FROM nowhere.u", CN_NOT_FOUND, "3F000", 14, 9, "schema \"nowhere\" does not exist"},
    {"SELECT * FROM a.b.c", CN_NOT_IMPLEMENTED, "0A000", 14, 5,
     "names of other databases are not supported yet"},
    {"SELECT * FROM read_parquet(a)", CN_NOT_FOUND, "42703", 27, 1,
     "column \"a\" does not exist: there is no table here"},
    {"SELECT * FROM read_csv('x')", CN_NOT_FOUND, "42883", 14, 13,
     "there is no table function read_csv"},
    {"SELECT s, a FROM t GROUP BY s", CN_INVALID_ARGUMENT, "42803", 10, 1,
     "column \"a\" must appear in the GROUP BY clause or be used in an aggregate function"},
    {"SELECT s, a + sum(a) FROM t GROUP BY s", CN_INVALID_ARGUMENT, "42803", 10, 1,
     "column \"a\" must appear in the GROUP BY clause or be used in an aggregate function"},
    {"SELECT *, count(*) FROM u", CN_INVALID_ARGUMENT, "42803", 7, 1,
     "column \"a\" must appear in the GROUP BY clause or be used in an aggregate function"},
    {"SELECT a FROM u GROUP BY 3", CN_INVALID_ARGUMENT, "42P10", 25, 1,
     "GROUP BY position 3 is not in the select list of 1 columns"},
    {"SELECT a FROM u GROUP BY sum(a)", CN_INVALID_ARGUMENT, "42803", 25, 6,
     "aggregate functions are not allowed in GROUP BY"},
    {"SELECT sum(sum(a)) FROM u", CN_INVALID_ARGUMENT, "42803", 11, 6,
     "aggregate calls cannot be nested"},
    {"SELECT a FROM u WHERE sum(a) > 1", CN_INVALID_ARGUMENT, "42803", 22, 6,
     "aggregate functions are not allowed in WHERE"},
    {"SELECT s FROM t GROUP BY s HAVING a > 10", CN_INVALID_ARGUMENT, "42803", 34, 1,
     "column \"a\" must appear in the GROUP BY clause or be used in an aggregate function"},
    {"SELECT a FROM u HAVING a > 1", CN_INVALID_ARGUMENT, "42803", 7, 1,
     "column \"a\" must appear in the GROUP BY clause or be used in an aggregate function"},
    {"SELECT count(*) FROM u GROUP BY GROUPING SETS ((a), ())", CN_NOT_IMPLEMENTED, "0A000", 32, 23,
     "GROUPING SETS, ROLLUP and CUBE are not supported yet"},
    {"SELECT count(*) FROM u GROUP BY ROLLUP (a)", CN_NOT_IMPLEMENTED, "0A000", 32, 10,
     "GROUPING SETS, ROLLUP and CUBE are not supported yet"},
    {"SELECT sum(s) FROM t", CN_INVALID_ARGUMENT, "42883", 7, 6,
     "no function sum(VARCHAR); it is used as"},
    {"SELECT sum() FROM t", CN_INVALID_ARGUMENT, "42883", 7, 5, "no function sum(); it is used as"},
    {"SELECT count(a, i) FROM t", CN_INVALID_ARGUMENT, "42883", 7, 11,
     "no function count(BIGINT, INTEGER); it is used as"},
    {"SELECT upper(DISTINCT s) FROM t", CN_INVALID_ARGUMENT, "42809", 7, 17,
     "upper is not an aggregate function: DISTINCT, FILTER, ORDER BY, IGNORE NULLS and * do not go "
     "with it"},
    {"SELECT string_egg(b, ',' ORDER BY a) FROM u", CN_NOT_FOUND, "42883", 7, 29,
     "function string_egg does not exist; did you mean string_agg?"},
    {"SELECT sum(a) WITHIN GROUP (ORDER BY a) FROM u", CN_NOT_IMPLEMENTED, "0A000", 7, 32,
     "WITHIN GROUP aggregates are not supported yet"},
    {"SELECT sum(a) OVER () FROM u", CN_NOT_IMPLEMENTED, "0A000", 7, 14,
     "window functions are not supported yet"},
    {"SELECT row_number() OVER (ORDER BY a) FROM u", CN_NOT_IMPLEMENTED, "0A000", 7, 30,
     "window functions are not supported yet"},
    {"SELECT a FROM u ORDER BY 2", CN_INVALID_ARGUMENT, "42P10", 25, 1,
     "ORDER BY position 2 is not in the select list of 1 columns"},
    {"SELECT a FROM u ORDER BY 0", CN_INVALID_ARGUMENT, "42P10", 25, 1,
     "ORDER BY position 0 is not in the select list of 1 columns"},
    {"SELECT a FROM u ORDER BY nothing", CN_NOT_FOUND, "42703", 25, 7,
     "column \"nothing\" does not exist"},
    {"SELECT DISTINCT a FROM u ORDER BY b", CN_INVALID_ARGUMENT, "42P10", 34, 1,
     "with SELECT DISTINCT, ORDER BY may only use columns of the select list"},
    {"SELECT a FROM u LIMIT -1", CN_INVALID_ARGUMENT, "2201W", 22, 2, "LIMIT must not be negative"},
    {"SELECT a FROM u LIMIT a", CN_NOT_FOUND, "42703", 22, 1,
     "column \"a\" does not exist: there is no table here"},
    {"SELECT a FROM u LIMIT 'x'", CN_INVALID_DATA, "22P02", 22, 3, "invalid input for BIGINT: 'x'"},
    {"SELECT a FROM u LIMIT 10 PERCENT", CN_NOT_IMPLEMENTED, "0A000", 22, 2,
     "percentages in LIMIT are not supported yet"},
    {"SELECT a FROM u FETCH FIRST 3 ROWS WITH TIES", CN_NOT_IMPLEMENTED, "0A000", 28, 1,
     "WITH TIES clauses are not supported yet"},
    {"SELECT a FROM u UNION ALL SELECT s FROM t", CN_INVALID_ARGUMENT, "42804", 26, 15,
     "UNION: column 1 is VARCHAR here and BIGINT before"},
    {"SELECT a FROM u UNION ALL SELECT a, b FROM u", CN_INVALID_ARGUMENT, "42601", 26, 18,
     "UNION: this query has 2 columns, the first one 1"},
    {"VALUES (1), (2, 3)", CN_INVALID_ARGUMENT, "42601", 0, 18,
     "VALUES: row 2 has 2 values, the first row has 1"},
    {"VALUES (1), ('x')", CN_INVALID_DATA, "22P02", 13, 3, "invalid input for INTEGER: 'x'"},
    {"WITH c AS (SELECT 1), c AS (SELECT 2) SELECT * FROM c", CN_INVALID_ARGUMENT, "42712", 22, 1,
     "WITH query \"c\" is there twice"},
    {"WITH c AS (SELECT a FROM u) SELECT b FROM c", CN_NOT_FOUND, "42703", 35, 1,
     "column \"b\" does not exist"},
    {"SELECT a FROM u TABLESAMPLE 10%", CN_NOT_IMPLEMENTED, "0A000", 16, 15,
     "samples of tables are not supported yet"},
    {"SELECT * FROM u PIVOT (sum(a) FOR b IN ('x'))", CN_NOT_IMPLEMENTED, "0A000", 14, 31,
     "PIVOT and UNPIVOT are not supported yet"},
    {"SELECT a FROM u QUALIFY row_number() OVER () = 1", CN_NOT_IMPLEMENTED, "0A000", 24, 24,
     "QUALIFY clauses are not supported yet"},
    {"SELECT [1, 2]", CN_NOT_IMPLEMENTED, "0A000", 7, 6, "list literals are not supported yet"},
    {"SELECT {'a': 1}", CN_NOT_IMPLEMENTED, "0A000", 7, 8, "struct literals are not supported yet"},
    {"SELECT ROW(1, 2)", CN_NOT_IMPLEMENTED, "0A000", 7, 9, "row values are not supported yet"},
    {"SELECT l[1] FROM t", CN_NOT_IMPLEMENTED, "0A000", 7, 4, "subscripts are not supported yet"},
    {"SELECT list_transform(l, x -> x + 1) FROM t", CN_NOT_IMPLEMENTED, "0A000", 25, 10,
     "lambdas are not supported yet"},
    {"SELECT COLUMNS('a') FROM u", CN_NOT_IMPLEMENTED, "0A000", 7, 12,
     "COLUMNS() expressions are not supported yet"},
    {"SELECT $1", CN_INVALID_ARGUMENT, "42P02", 7, 2, "parameter $1 has no value"},
    {"SELECT ?", CN_INVALID_ARGUMENT, "42P02", 7, 1, "parameter $1 has no value"},
    {"SELECT $name", CN_INVALID_ARGUMENT, "42P02", 7, 5, "parameter $name has no value"},
    {"SELECT a COLLATE \"de\" FROM u", CN_NOT_IMPLEMENTED, "0A000", 7, 14,
     "collations other than \"C\" are not supported yet"},
    {"SELECT CAST(b AS VARCHAR(10)) FROM u", CN_NOT_IMPLEMENTED, "0A000", 17, 11,
     "length limits of types are not supported yet"},
    {"SELECT a FROM u FOR UPDATE", CN_NOT_IMPLEMENTED, "0A000", 16, 3,
     "row locking (FOR ...) is not supported"},
    {"SELECT unnest(l) FROM t", CN_NOT_FOUND, "42883", 7, 9, "function unnest does not exist"},
    {"SELECT * FROM generate_series(1, 3)", CN_NOT_FOUND, "42883", 14, 21,
     "there is no table function generate_series"},
    {"SELECT alias1 FROM (SELECT a alias1, a alias1 FROM u)", CN_INVALID_ARGUMENT, "42702", 7, 6,
     "column reference \"alias1\" is ambiguous"},
    {"SELECT a + 1 AS k FROM u WHERE k > 2", CN_NOT_FOUND, "42703", 31, 1,
     "column \"k\" does not exist"},
    {"SELECT X.a, \"X\".a FROM u AS x", CN_NOT_FOUND, "42P01", 12, 5,
     "table \"X\" is not in FROM; did you mean \"x\"?"},
    {"SELECT tt.a FROM t", CN_NOT_FOUND, "42P01", 7, 4,
     "table \"tt\" is not in FROM; did you mean \"t\"?"},
    {"SELECT DISTINCT a FROM u ORDER BY a, upper(b)", CN_INVALID_ARGUMENT, "42P10", 37, 8,
     "with SELECT DISTINCT, ORDER BY may only use columns of the select list"},
    {"WITH c AS (SELECT 1), C AS (SELECT 2) SELECT * FROM c", CN_INVALID_ARGUMENT, "42712", 22, 1,
     "WITH query \"C\" is there twice"},
    {"SELECT coalesce(DISTINCT a, 1) FROM u", CN_INVALID_ARGUMENT, "42809", 7, 23,
     "coalesce is not an aggregate function: DISTINCT, FILTER, ORDER BY, IGNORE NULLS and * do not "
     "go with it"},
};

static void
test_errors(void **state)
{
    (void)state;
    bind_env env;
    bind_begin(&env);
    for (int64_t index = 0; index < CN_ARRAY_LEN(errors); index++) {
        const error_case *wanted = &errors[index];
        const cn_code code = bind_text(&env, wanted->sql);
        if (code != wanted->code || strcmp(env.err.sqlstate, wanted->sqlstate) != 0 ||
            env.err.sql_offset != wanted->offset || env.err.sql_length != wanted->length ||
            strncmp(env.err.message, wanted->message, strlen(wanted->message)) != 0) {
            fail_msg("%s: %s [%s] at %lld+%lld: %s", wanted->sql, cn_code_name((int32_t)code),
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
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
