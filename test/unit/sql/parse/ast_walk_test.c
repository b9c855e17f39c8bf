/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk sees every recursive node once, in the order of the text; heights agree with it; roots
 * of statements are complete. And the splitter of scripts.
 */
#include "unit/sql/parse/sql_parse_support.h"

#include "sql/parse/ast_walk.h"

/* Names of the columns that a walk meets, in order, and what it checks on its way. */
typedef struct trail {
    char names[256];
    int n_entered;
    int n_left;
    bool skip_queries;
} trail;

static cn_code
enter(void *state, const cni_sql_node *node, bool *out_enter, cn_error *err)
{
    (void)err;
    trail *self = state;
    const cni_sql_expr *expr = cni_sql_as_expr(node);
    self->n_entered++;
    assert_true(node->height >= 1);
    if (expr != NULL && expr->kind == CNI_SQL_EXPR_COLUMN) {
        const cni_str name = expr->name->parts[0].text;
        assert_true(strlen(self->names) + (size_t)name.len_bytes + 2 < sizeof(self->names));
        (void)strncat(self->names, name.data, (size_t)name.len_bytes);
    }
    *out_enter = !(self->skip_queries && cni_sql_as_query(node) != NULL);
    return CN_OK;
}

static cn_code
leave(void *state, const cni_sql_node *node, cn_error *err)
{
    (void)node;
    (void)err;
    ((trail *)state)->n_left++;
    return CN_OK;
}

static cn_code
walk_root(void *state, const cni_sql_node *root, cn_error *err)
{
    trail *self = state;
    cni_arena *scratch = NULL;
    const cni_sql_visitor visitor = {enter, leave, self};
    CN_TRY(cni_arena_new(cni_allocator_system(), "walk", &scratch, err));
    const cn_code code = cni_sql_walk(scratch, root, &visitor, err);
    cni_arena_unref(scratch);
    return code;
}

static void
expect_trail(const char *text, const char *names)
{
    sql_test test;
    trail self = {{0}, 0, 0, false};
    sql_test_init(&test);
    const cni_sql_statement *statement = sql_test_statement(&test, text);
    assert_int_equal(cni_sql_each_root(statement, walk_root, &self, &test.err), CN_OK);
    assert_string_equal(self.names, names);
    assert_int_equal(self.n_left, self.n_entered);
    sql_test_done(&test);
}

static void
test_expressions(void **state)
{
    (void)state;
    expect_trail("SELECT a + b * c, f(d, e ORDER BY g, h) FILTER (WHERE i) OVER (PARTITION BY j "
                 "ORDER BY k ROWS BETWEEN l PRECEDING AND m FOLLOWING)",
                 "abcdeghijklm");
    expect_trail("SELECT CASE a WHEN b THEN c ELSE d END, [e, {'x': f}], MAP {g: h}, i[j], "
                 "k[l:m:n], CAST(o AS decimal(p, 2)), q IN (r, s), t BETWEEN u AND v",
                 "abcdefghijklmnopqrstuv");
    expect_trail("SELECT a IN (SELECT b FROM t WHERE c), EXISTS (SELECT d), e = ANY (f), "
                 "list_transform(g, x -> x + h), * REPLACE (i AS z) LIKE j",
                 "abcdefgxhij");
    expect_trail("SELECT f(a) WITHIN GROUP (ORDER BY b), COLUMNS(c), INTERVAL (d) DAY, (e).x",
                 "abcde");
}

static void
test_queries(void **state)
{
    (void)state;
    expect_trail("WITH q AS (SELECT a) SELECT DISTINCT ON (b) c FROM f(d) JOIN g(e) ON h, (SELECT "
                 "i) WHERE j GROUP BY k, ROLLUP (l), GROUPING SETS (m, (n, o)) HAVING p WINDOW w "
                 "AS (ORDER BY r) QUALIFY s USING SAMPLE (t) ROWS ORDER BY u LIMIT v OFFSET x",
                 "abcdehijklmnoprstuvx");
    expect_trail("VALUES (a, b), (c, d) UNION SELECT e ORDER BY f", "abcdef");
    expect_trail("FROM t PIVOT (sum(a) FOR b IN (c, d) GROUP BY e)", "abcde");
    expect_trail("FROM t UNPIVOT (v FOR n IN (a, b))", "ab");
    expect_trail("FROM f() AS (a decimal(b, c)) TABLESAMPLE x(d) REPEATABLE (e)", "bcde");
}

static void
test_statements(void **state)
{
    (void)state;
    expect_trail("EXPLAIN (x a) PREPARE p (decimal(b, 1)) AS SELECT c", "abc");
    expect_trail("DESCRIBE SELECT a", "a");
    expect_trail(
        "CREATE TABLE t (x int DEFAULT a CHECK (b), y decimal(c, 1), CHECK (d)) WITH (o e)",
        "abcde");
    expect_trail("CREATE EXTERNAL TABLE t (x int CHECK (a)) PARTITIONED BY (y decimal(b, 1)) WITH "
                 "ORDER (c) OPTIONS (o d) LOCATION 'x'",
                 "abcd");
    expect_trail("CREATE VIEW v WITH (o a) AS SELECT b", "ab");
    expect_trail("CREATE MACRO m(x decimal(a, 1) := b) AS c, () AS TABLE SELECT d", "abcd");
    expect_trail("INSERT INTO t SELECT a ON CONFLICT (x) WHERE b DO UPDATE SET y = c WHERE d "
                 "RETURNING e",
                 "abcde");
    expect_trail("WITH q AS (SELECT a) UPDATE t SET x = b FROM f(c) WHERE d RETURNING e", "abcde");
    expect_trail("WITH q AS (SELECT a) DELETE FROM t USING f(b) WHERE c RETURNING d", "abcd");
    expect_trail("MERGE INTO t USING f(a) ON b WHEN MATCHED AND c THEN UPDATE SET x = d WHEN NOT "
                 "MATCHED THEN INSERT VALUES (e) RETURNING g",
                 "abcdeg");
    expect_trail("COPY (SELECT a) TO 'x' (o b)", "ab");
    expect_trail("COPY t FROM 'x' WHERE a", "a");
    expect_trail("EXECUTE p (a, b)", "ab");
    expect_trail("SET x = a", "a");
    expect_trail("ATTACH 'x' (o a)", "a");
    expect_trail("DROP TABLE a", "");
    expect_trail("SHOW TABLES", "");
}

static void
test_walk_may_skip(void **state)
{
    (void)state;
    sql_test test;
    trail self = {{0}, 0, 0, true};
    sql_test_init(&test);
    const cni_sql_expr *expr = sql_test_expr(&test, "a + (SELECT b) + c");
    assert_int_equal(walk_root(&self, &expr->node, &test.err), CN_OK);
    assert_string_equal(self.names, "ac");
    sql_test_done(&test);
}

static cn_code
fail_at_b(void *state, const cni_sql_node *node, bool *out_enter, cn_error *err)
{
    (void)state;
    (void)out_enter;
    const cni_sql_expr *expr = cni_sql_as_expr(node);
    const bool is_b = expr != NULL && expr->kind == CNI_SQL_EXPR_COLUMN &&
                      cni_str_eq(expr->name->parts[0].text, CNI_STR("b"));
    return is_b ? CN_FAIL(err, CN_NOT_FOUND, "b") : CN_OK;
}

static void
test_walk_ends_at_an_error(void **state)
{
    (void)state;
    sql_test test;
    sql_test_init(&test);
    const cni_sql_visitor visitor = {.enter = fail_at_b};
    const cni_sql_expr *expr = sql_test_expr(&test, "f(a, g(b), c)");
    assert_int_equal(cni_sql_walk(test.arena, &expr->node, &visitor, &test.err), CN_NOT_FOUND);
    sql_test_done(&test);
}

/* ---------------------------------------------------------------------------------- splitting */

static void
expect_piece(const char *text, int64_t offset, int64_t length, int64_t next, bool complete)
{
    const cni_sql_piece piece = cni_sql_split_first(cni_str_of(text));
    assert_int_equal(piece.offset, offset);
    assert_int_equal(piece.length, length);
    assert_int_equal(piece.next, next);
    assert_int_equal(piece.complete, complete);
}

static void
test_split(void **state)
{
    (void)state;
    expect_piece("SELECT 1; SELECT 2", 0, 8, 9, true);
    expect_piece(" /* ; */ ;; a ;b", 12, 1, 15, true);
    expect_piece("SELECT ';' -- ;\n, \";\" ; x", 0, 21, 23, true);
    expect_piece("SELECT (1; 2", 0, 12, 12, false);
    expect_piece("SELECT [1; 2]; x", 0, 13, 14, true);
    expect_piece("SELECT 1)) ; x", 0, 10, 12, true);
    expect_piece("SELECT $$;$$;", 0, 12, 13, true);
    expect_piece("SELECT 1", 0, 8, 8, false);
    expect_piece("SELECT 'a;", 0, 10, 10, false);
    expect_piece("SELECT 1 /* ;", 0, 13, 13, false);
    expect_piece("SELECT \\ 1;", 0, 10, 11, true);
    expect_piece("", 0, 0, 0, false);
    expect_piece(" -- x\n ;; ", 10, 0, 10, false);
    expect_piece("/* open", 7, 0, 7, false);
    const cni_sql_piece nul = cni_sql_split_first(CNI_STR("a\0b;c"));
    assert_int_equal(nul.next, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_walk_may_skip),
        cmocka_unit_test(test_walk_ends_at_an_error),
        cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
