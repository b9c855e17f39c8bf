/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions: precedence (shown by the fully parenthesised names), flat chains, every kind of
 * operand, places in the text, and that what is printed parses back.
 */
#include "unit/sql/parse/sql_parse_support.h"

static void
test_precedence(void **state)
{
    (void)state;
    expect_name("a + b * c - d", "((a + (b * c)) - d)");
    expect_name("a * b + c / d % e // f", "((a * b) + (((c / d) % e) // f))");
    expect_name("2 ^ 3 ^ 4", "((2 ^ 3) ^ 4)");
    expect_name("-x ^ 2", "((-(x)) ^ 2)");
    expect_name("- a * b", "((-(a)) * b)");
    expect_name("- -1", "(-(-1))");
    expect_name("a || b + c", "(a || (b + c))");
    expect_name("~ a || b", "((~(a)) || b)");
    expect_name("~ a + b", "(~((a + b)))");
    expect_name("a + b < c || d", "((a + b) < (c || d))");
    expect_name("a = b AND c OR d AND NOT e = f", "(((a = b) AND c) OR (d AND (NOT (e = f))))");
    expect_name("NOT a IS NULL", "(NOT (a IS NULL))");
    expect_name("a = b IS NULL", "((a = b) IS NULL)");
    expect_name("a IS NULL = b", "((a IS NULL) = b)");
    expect_name("a IS DISTINCT FROM b = c", "(a IS DISTINCT FROM (b = c))");
    expect_name("a = NOT b", "(a = (NOT b))");
    expect_name("a < b IN (1)", "(a < (b IN (1)))");
    expect_name("a BETWEEN b + 1 AND c * 2 AND d", "((a BETWEEN (b + 1) AND (c * 2)) AND d)");
    expect_name("a LIKE b || c = d", "((a ~~ (b || c)) = d)");
    expect_name("a::INTEGER + 1", "(CAST(a AS INTEGER) + 1)");
    expect_name("-1::text", "(-(CAST(1 AS VARCHAR)))");
    expect_name("-a[1]", "(-(a[1]))");
    expect_name("a AT TIME ZONE 'x' ^ b", "(timezone('x', a) ^ b)");
    expect_name("a || b COLLATE c", "(a || b COLLATE c)");
    expect_name("a -> b ->> c", "((a -> b) ->> c)");
    expect_name("a ~ b AND c !~* d", "((a ~ b) AND (c !~* d))");
    expect_name("a <-> b + c @> d", "((a <-> (b + c)) @> d)");
}

static void
test_what_does_not_associate(void **state)
{
    (void)state;
    expect_refused("SELECT a < b < c", CN_INVALID_ARGUMENT, 13, 1, "near \"<\"");
    expect_refused("SELECT a AND b = c = d", CN_INVALID_ARGUMENT, 19, 1, "near \"=\"");
    expect_refused("FROM t WHERE a LIKE b LIKE c", CN_INVALID_ARGUMENT, 22, 4, "near \"LIKE\"");
    expect_refused("FROM t WHERE a BETWEEN 1 AND 2 BETWEEN 3 AND 4", CN_INVALID_ARGUMENT, 31, 7,
                   "near \"BETWEEN\"");
    expect_refused("SELECT NOT a = b = c", CN_INVALID_ARGUMENT, 17, 1, "near \"=\"");
}

/* One node, however many operands. */
static void
test_chains_are_flat(void **state)
{
    (void)state;
    sql_test test;
    sql_test_init(&test);
    const cni_sql_expr *expr = sql_test_expr(&test, "a + b - c + d");
    assert_int_equal(expr->kind, CNI_SQL_EXPR_BINARY);
    assert_int_equal(expr->n_args, 4);
    assert_int_equal(expr->ops[1].code, CNI_SQL_OP_MINUS);
    assert_int_equal(expr->ops[1].offset, 6);
    assert_int_equal(expr->node.height, 2);
    expr = sql_test_expr(&test, "(a + b) + c");
    assert_int_equal(expr->n_args, 2);
    assert_int_equal(expr->args[0]->n_args, 2);
    expr = sql_test_expr(&test, "a AND b AND c AND (d AND e)");
    assert_int_equal(expr->kind, CNI_SQL_EXPR_AND);
    assert_int_equal(expr->n_args, 4);
    expr = sql_test_expr(&test, "a OR b OR c");
    assert_int_equal(expr->kind, CNI_SQL_EXPR_OR);
    assert_int_equal(expr->n_args, 3);
    expr = sql_test_expr(&test, "a || b || c");
    assert_int_equal(expr->ops[0].code, CNI_SQL_OP_CONCAT);
    assert_int_equal(expr->n_args, 3);
    sql_test_done(&test);
}

static void
expect_place(sql_test *test, const cni_sql_expr *expr, const char *text, const char *part)
{
    (void)test;
    assert_int_equal(expr->node.offset, strstr(text, part) - text);
    assert_int_equal(expr->node.length, (int64_t)strlen(part));
}

static void
test_places(void **state)
{
    (void)state;
    sql_test test;
    sql_test_init(&test);
    const char *text = "a + f(b, 'x' ) * 2 = sum(DISTINCT q.c)::decimal(10, 2)";
    const cni_sql_expr *compare = sql_test_expr(&test, text);
    expect_place(&test, compare, text, text);
    const cni_sql_expr *sum = compare->args[0];
    expect_place(&test, sum, text, "a + f(b, 'x' ) * 2");
    expect_place(&test, sum->args[1], text, "f(b, 'x' ) * 2");
    expect_place(&test, sum->args[1]->args[0], text, "f(b, 'x' )");
    expect_place(&test, sum->args[1]->args[0]->args[1], text, "'x'");
    const cni_sql_expr *cast = compare->args[1];
    expect_place(&test, cast, text, "sum(DISTINCT q.c)::decimal(10, 2)");
    assert_int_equal(cast->type->node.offset, strstr(text, "decimal") - text);
    expect_place(&test, cast->args[0]->args[0], text, "q.c");
    sql_test_done(&test);
}

static void
test_operands(void **state)
{
    (void)state;
    expect_same("SELECT NULL, true, false, 1, 1.5, 1e5, 'it''s', x'0AFF', b'01'");
    expect_same("SELECT a, t.a, s.t.a, c.s.t.a.f, \"a b\".\"c\"\"d\"");
    expect_same("SELECT CASE WHEN a THEN b END, CASE a WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END");
    expect_same("SELECT CAST(a AS int), TRY_CAST(a + 1 AS text)");
    expect_same("SELECT (a, b), ROW(), ROW(a), ROW(a, b), [a, b], [], ARRAY[1], ARRAY(SELECT 1)");
    expect_same("SELECT {'k': 1, v: {'w': [1]}}, MAP {}, MAP {'a': 1, b: 2}");
    expect_same("SELECT a[1], a[1][2], a[1:2], a[:], a[1:], a[:2], a[1:2:3], a[:-:2], (a + b)[1]");
    expect_same("SELECT (a).b.c, (f(x)).y, a[1].b.c, {'k': 1}.k, (a = b).c");
    expect_printed("SELECT f(x).y, 'a'.upper(), x[1].f(2, 3), 'a'.upper().lower()",
                   "SELECT (f(x)).y, ('a').upper(), (x[1]).f(2, 3), (('a').upper()).lower()");
    expect_printed("SELECT ?, ?, $name", "SELECT $1, $2, $name");
    expect_printed("SELECT ?2, $1", "SELECT $2, $1");
    expect_same("SELECT #1, #20");
    expect_same("SELECT (SELECT 1), EXISTS (SELECT 1), NOT EXISTS (FROM t)");
    expect_printed("SELECT {\"q\": 3, 'a b': 2}", "SELECT {'q': 3, 'a b': 2}");
}

static void
test_predicates(void **state)
{
    (void)state;
    expect_same("SELECT a IS NULL, a IS NOT NULL, a IS TRUE, a IS NOT FALSE, a IS UNKNOWN");
    expect_same("SELECT a IS DISTINCT FROM b, a IS NOT DISTINCT FROM b");
    expect_printed("SELECT a ISNULL, a NOTNULL", "SELECT a IS NULL, a IS NOT NULL");
    expect_same("SELECT a BETWEEN 1 AND 2, a NOT BETWEEN SYMMETRIC b AND c");
    expect_printed("SELECT a BETWEEN ASYMMETRIC 1 AND 2", "SELECT a BETWEEN 1 AND 2");
    expect_same("SELECT a IN (1), a NOT IN (1, 2), (a, b) IN ((1, 2)), a IN (SELECT 1)");
    expect_printed("SELECT a IN ((SELECT 1)), a IN ((SELECT 1), 2), a NOT IN ((SELECT 1) EXCEPT "
                   "(SELECT 2))",
                   "SELECT a IN (SELECT 1), a IN ((SELECT 1), 2), a NOT IN (SELECT 1 EXCEPT "
                   "SELECT 2)");
    expect_printed("SELECT a IN b, a NOT IN [1, 2]", "SELECT a = ANY (b), a <> ALL ([1, 2])");
    expect_same("SELECT a LIKE b, a NOT LIKE b ESCAPE 'x', a ILIKE b, a SIMILAR TO b, a GLOB b");
    expect_same("SELECT a ~ b, a !~ b, a ~* b, a !~* b, a ~~ b, a ^@ b");
    expect_same("SELECT a = ANY (SELECT 1), a > ALL (b), a LIKE ANY ([b, c]), a || ANY (b)");
    expect_printed("SELECT a = SOME (b), a LIKE ANY (b, c), a = ANY ((SELECT 1) UNION (SELECT 2))",
                   "SELECT a = ANY (b), a LIKE ANY ([b, c]), a = ANY (SELECT 1 UNION SELECT 2)");
    expect_printed("SELECT a == b, a != b", "SELECT a = b, a <> b");
}

static void
test_literals_of_types(void **state)
{
    (void)state;
    expect_same("SELECT date '1998-12-01', timestamp '2020-01-01', json '{}'");
    expect_printed("SELECT TIMESTAMP WITH TIME ZONE 'x', TIMESTAMP(3) WITHOUT TIME ZONE 'y', "
                   "DOUBLE PRECISION '1', CHARACTER VARYING 'z'",
                   "SELECT timestamptz 'x', timestamp(3) 'y', double '1', varchar 'z'");
    expect_same("SELECT timestamp(3) WITH TIME ZONE 'x'");
    expect_same("SELECT INTERVAL '90' DAY, INTERVAL 3 MONTH, INTERVAL '1 year 2 months'");
    expect_same("SELECT INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1' SECOND(3), INTERVAL(3) '1.5'");
    expect_printed("SELECT INTERVAL (a + 1) hours, INTERVAL $1 SECONDS, INTERVAL -3 DAY",
                   "SELECT INTERVAL (a + 1) HOUR, INTERVAL $1 SECOND, INTERVAL -3 DAY");
    expect_printed("SELECT INTERVAL x MILLENNIA, interval FROM t",
                   "SELECT INTERVAL (x) MILLENNIUM, interval FROM t");
    expect_syntax_error("SELECT INTERVAL 3", NULL, "end of input");
    expect_syntax_error("SELECT INTERVAL '1' MONTH TO YEAR", "TO YEAR", "range");
}

static void
test_types(void **state)
{
    (void)state;
    expect_same("SELECT CAST(a AS decimal(10, 2)), CAST(a AS varchar(3)[]), CAST(a AS int[4][])");
    expect_same("SELECT CAST(a AS STRUCT(x int, \"y z\" text[])), CAST(a AS MAP(int, text))");
    expect_same("SELECT CAST(a AS UNION(x int, y text)), CAST(a AS ENUM('a', 'b'))");
    expect_same("SELECT CAST(a AS s.\"My Type\"), CAST(a AS interval YEAR TO MONTH)");
    expect_printed("SELECT a::character varying(3), a::char, a::national character(2), "
                   "a::bit varying, a::time with time zone, a::int array, a::int array[3]",
                   "SELECT CAST(a AS varchar(3)), CAST(a AS char), CAST(a AS char(2)), "
                   "CAST(a AS varbit), CAST(a AS timetz), CAST(a AS int[]), CAST(a AS int[3])");
    expect_printed("SELECT a::row(x int)", "SELECT CAST(a AS STRUCT(x int))");
    sql_test test;
    sql_test_init(&test);
    const cni_sql_type *type = NULL;
    assert_int_equal(cni_sql_parse_type(test.arena, CNI_STR("decimal(10, 2)[3]"), &type, NULL),
                     CN_OK);
    assert_int_equal(type->kind, CNI_SQL_TYPE_ARRAY);
    assert_int_equal(type->array_size, 3);
    assert_int_equal(type->children[0]->modifiers.n_items, 2);
    assert_int_equal(type->node.length, 17);
    assert_int_equal(cni_sql_parse_type(test.arena, CNI_STR("int x"), &type, &test.err),
                     CN_INVALID_ARGUMENT);
    sql_test_done(&test);
}

static void
test_calls(void **state)
{
    (void)state;
    expect_same("SELECT f(), s.f(a), c.s.f(a, b), f(*), f(DISTINCT a, b), f(a => 1, b => 2)");
    expect_printed("SELECT f(ALL a), f(1, x := 2)", "SELECT f(a), f(1, x => 2)");
    expect_same("SELECT f(a ORDER BY b DESC NULLS FIRST, c), f(VARIADIC a), f(t.*)");
    expect_same("SELECT f(a) WITHIN GROUP (ORDER BY b), f(a) FILTER (WHERE a > 1)");
    expect_printed("SELECT f(a) FILTER (a > 1), f(a IGNORE NULLS)",
                   "SELECT f(a) FILTER (WHERE a > 1), f(a) IGNORE NULLS");
    expect_same("SELECT if(a, b, c), left(a, 1), replace(a, b, c), coalesce(a, b), nullif(a, b)");
    sql_test test;
    sql_test_init(&test);
    const cni_sql_expr *call = sql_test_expr(&test, "f(1, b => 2)");
    assert_null(call->arg_names[0].text.data);
    assert_true(cni_str_eq(call->arg_names[1].text, CNI_STR("b")));
    assert_null(sql_test_expr(&test, "f(1, b = 2)")->arg_names);
    sql_test_done(&test);
}

static void
test_special_calls(void **state)
{
    (void)state;
    expect_printed("SELECT EXTRACT(year FROM d), extract('epoch' FROM d)",
                   "SELECT date_part('year', d), date_part('epoch', d)");
    expect_printed("SELECT SUBSTRING(a FROM 1 FOR 2), SUBSTRING(a FOR 2), SUBSTRING(a FOR 2 FROM "
                   "1), substring(a, 1), substring(a FROM 2)",
                   "SELECT substring(a, 1, 2), substring(a, 1, 2), substring(a, 1, 2), "
                   "substring(a, 1), substring(a, 2)");
    expect_printed("SELECT TRIM(a), TRIM(BOTH 'x' FROM a), TRIM(LEADING FROM a), "
                   "TRIM(TRAILING 'x' FROM a), trim('x' FROM a), trim(a, 'x')",
                   "SELECT trim(a), trim(a, 'x'), ltrim(a), rtrim(a, 'x'), trim(a, 'x'), "
                   "trim(a, 'x')");
    expect_printed("SELECT POSITION('a' IN b), OVERLAY(a PLACING b FROM 1 FOR 2), overlay(a, b, 1)",
                   "SELECT strpos(b, 'a'), overlay(a, b, 1, 2), overlay(a, b, 1)");
    expect_printed("SELECT a AT TIME ZONE 'UTC', a AT LOCAL, (a, b) OVERLAPS (c, d)",
                   "SELECT timezone('UTC', a), timezone(a), overlaps(a, b, c, d)");
    expect_same("SELECT current_date, current_timestamp(3), localtime, user, current_date()");
    expect_same("SELECT a COLLATE \"C\", (a || b) COLLATE c.d");
    expect_syntax_error("SELECT (a) OVERLAPS (b, c)", "OVERLAPS", "OVERLAPS");
    expect_syntax_error("SELECT (a, b, c) OVERLAPS (c, d)", "(a, b, c) OVERLAPS (c, d)", "pair");
}

static void
test_lambdas(void **state)
{
    (void)state;
    expect_same("SELECT list_transform(l, x -> x + 1), list_reduce(l, (a, b) -> a + b)");
    expect_same("SELECT list_transform(l, LAMBDA x: x + 1), f(l, LAMBDA x, y: x), lambda");
    expect_same("SELECT list_filter(l, x -> y -> x + y), list_transform(l, x -> 1)");
    expect_same("SELECT f((j -> 'k')), f(j -> j.k)");
    expect_same("SELECT f(LAMBDA x: (j -> j)), f(x -> (x -> x)), COLUMNS((j -> j))");
    expect_printed("SELECT f(j -> 'k'), j -> 'k'", "SELECT f((j -> 'k')), j -> 'k'");
    expect_printed("SELECT [x + 1 FOR x IN l IF x > 2]",
                   "SELECT list_transform(list_filter(l, LAMBDA x: x > 2), LAMBDA x: x + 1)");
    sql_test test;
    sql_test_init(&test);
    assert_int_equal(sql_test_expr(&test, "f(j -> 'k')")->args[0]->kind, CNI_SQL_EXPR_BINARY);
    assert_int_equal(sql_test_expr(&test, "f(j -> j)")->args[0]->kind, CNI_SQL_EXPR_LAMBDA);
    const cni_sql_expr *two = sql_test_expr(&test, "f((a, b) -> 1)")->args[0];
    assert_int_equal(two->kind, CNI_SQL_EXPR_LAMBDA);
    assert_int_equal(two->number, 2);
    sql_test_done(&test);
}

static void
test_windows(void **state)
{
    (void)state;
    expect_same("SELECT sum(a) OVER (), sum(a) OVER w, sum(a) OVER (w ORDER BY b)");
    expect_same("SELECT lag(a, 1) RESPECT NULLS OVER (PARTITION BY a, b ORDER BY c DESC)");
    expect_same("SELECT f() OVER (ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES)");
    expect_same("SELECT f() OVER (ORDER BY d RANGE BETWEEN INTERVAL '1' DAY PRECEDING AND CURRENT "
                "ROW EXCLUDE GROUP)");
    expect_printed("SELECT f() OVER (GROUPS CURRENT ROW EXCLUDE NO OTHERS)",
                   "SELECT f() OVER (GROUPS BETWEEN CURRENT ROW AND CURRENT ROW)");
    expect_same("SELECT f() OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 2 FOLLOWING EXCLUDE "
                "CURRENT ROW)");
    expect_syntax_error("SELECT f() OVER (ROWS UNBOUNDED FOLLOWING)", "ROWS UNBOUNDED FOLLOWING",
                        "frame start");
    expect_syntax_error("SELECT f() OVER (ROWS BETWEEN CURRENT ROW AND 1 PRECEDING)",
                        "ROWS BETWEEN CURRENT ROW AND 1 PRECEDING", "preceding rows");
}

static void
test_signs_keep_apart(void **state)
{
    (void)state;
    expect_same("SELECT - -1, -(a + b), + -a, ~ -1, @ -5, a - -1, a = -1, |/ 4");
    expect_same("SELECT - #1, + #2[1], -a[1], -(#1 + 2)");
    expect_printed("SELECT -(-1), -(+a)", "SELECT - -1, - +a");
    expect_printed("SELECT a=-1, a*-1, 2**-1, a||-b", "SELECT a = -1, a * -1, 2 ** -1, a || -b");
}

/* Names as DuckDB gives them, and the cut of long ones. */
static void
test_default_names(void **state)
{
    (void)state;
    expect_name("t.a", "a");
    expect_name("\"A b\"", "A b");
    expect_name("(x).a.b", "b");
    expect_name("SUM(l_quantity)", "sum(l_quantity)");
    expect_name("count(*)", "count_star()");
    expect_name("count(DISTINCT a)", "count(DISTINCT a)");
    expect_name("sum(a) FILTER (WHERE a > 1)", "sum(a) FILTER (WHERE (a > 1))");
    expect_name("row_number() OVER (PARTITION BY a ORDER BY b DESC)",
                "row_number() OVER (PARTITION BY a ORDER BY b DESC)");
    expect_name("CASE WHEN a > 1 THEN 2 ELSE 3 END", "CASE  WHEN ((a > 1)) THEN (2) ELSE 3 END");
    expect_name("CASE a WHEN 1 THEN 2 END", "CASE  WHEN ((a = 1)) THEN (2) ELSE NULL END");
    expect_name("a NOT IN (1, 2)", "(NOT (a IN (1, 2)))");
    expect_name("a NOT BETWEEN 1 AND 2", "(NOT (a BETWEEN 1 AND 2))");
    expect_name("s NOT LIKE 'x'", "(s !~~ 'x')");
    expect_name("s ILIKE 'x'", "(s ~~* 'x')");
    expect_name("a <> b", "(a != b)");
    expect_name("-a", "(-(a))");
    expect_name("-1", "-1");
    expect_name("NOT a", "(NOT a)");
    expect_name("a::timestamptz", "CAST(a AS TIMESTAMP WITH TIME ZONE)");
    expect_name("try_cast(a as int)", "TRY_CAST(a AS INTEGER)");
    expect_name("DATE '1998-12-01'", "CAST('1998-12-01' AS DATE)");
    expect_name("EXISTS (SELECT 1)", "EXISTS(SELECT 1)");
    expect_name("list_transform(l, x -> x + 1)", "list_transform(l, (lambda x: (x + 1)))");
    expect_name("x'00'", "X'00'");
    char text[2 * CNI_SQL_MAX_NAME_BYTES] = "f('";
    for (int64_t at = 3; at < (int64_t)sizeof(text) - 4; at += 2) {
        memcpy(text + at, "\xC3\xA9", 2);
    }
    memcpy(text + sizeof(text) - 3, "')", 3);
    sql_test test;
    sql_test_init(&test);
    cni_str name = {0};
    const cni_sql_expr *expr = sql_test_expr(&test, text);
    assert_int_equal(cni_sql_default_name(test.arena, expr, &name, &test.err), CN_OK);
    assert_true(name.len_bytes <= CNI_SQL_MAX_NAME_BYTES);
    assert_int_equal(cni_utf8_find_invalid(name.data, name.len_bytes), -1);
    sql_test_done(&test);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_what_does_not_associate),
        cmocka_unit_test(test_chains_are_flat),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_operands),
        cmocka_unit_test(test_predicates),
        cmocka_unit_test(test_literals_of_types),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_special_calls),
        cmocka_unit_test(test_lambdas),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_signs_keep_apart),
        cmocka_unit_test(test_default_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
