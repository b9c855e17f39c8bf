/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrong texts: the message names the token, the place is the token's, and a misspelt keyword is
 * recognised, also where it was taken for an alias.
 */
#include "unit/sql/parse/sql_parse_support.h"

static void
test_tokens_are_named(void **state)
{
    (void)state;
    expect_syntax_error("SELECT 1)", ")", "syntax error at or near \")\"");
    expect_syntax_error("SELECT (1", NULL, "syntax error at end of input");
    expect_syntax_error("SELECT [1", NULL, "end of input");
    expect_syntax_error("SELECT a.", NULL, "end of input");
    expect_syntax_error("SELECT a FROM", NULL, "end of input");
    expect_syntax_error("SELECT FROM WHERE", "WHERE", "near \"WHERE\"");
    expect_syntax_error("SELECT a IN ()", ")", "near \")\"");
    expect_syntax_error("SELECT CASE END", "END", "near \"END\"");
    expect_syntax_error("SELECT CAST(a int)", "int", "near \"int\"");
    expect_syntax_error("SELECT f(a => )", ")", "near \")\"");
    expect_syntax_error("SELECT {'a' 1}", "1", "near \"1\"");
    expect_refused("SELECT a FROM t ORDER a", CN_INVALID_ARGUMENT, 22, 1, "near \"a\"");
    expect_syntax_error("SELECT count(DISTINCT) FROM t", ")", "near \")\"");
    expect_syntax_error("INSERT t VALUES (1)", "t", "near \"t\"");
}

static void
test_misspelt_words(void **state)
{
    (void)state;
    expect_syntax_error("SELECT * FORM t", "FORM",
                        "syntax error at or near \"FORM\"; did you mean FROM?");
    expect_syntax_error("SELECT a FORM t", "FORM", "did you mean FROM?");
    expect_syntax_error("SELEC a", "SELEC", "did you mean SELECT?");
    expect_syntax_error("SELECT 1; selct 2", "selct", "did you mean SELECT?");
    expect_syntax_error("SELECT a FROM t WERE a = 1", "WERE", "did you mean WHERE?");
    expect_syntax_error("SELECT a FROM t GRUOP BY a", "GRUOP", "did you mean GROUP?");
    expect_syntax_error("SELECT a FROM t GROUP BY a HAVNG b", "HAVNG", "did you mean HAVING?");
    expect_syntax_error("CREATE TABEL t (a int)", "TABEL", "did you mean TABLE?");
    expect_syntax_error("UPDATE t ST a = 1", "a", "near \"a\"");
    expect_syntax_error("UPDATE t STE a = 1", "STE", "did you mean SET?");
    expect_syntax_error("DELETE FROM t WHRE a", "WHRE", "did you mean WHERE?");
    expect_syntax_error("SELECT a xyzzy b", "b", "near \"b\"");
}

/* No suggestion for keywords, quoted names and short words. */
static void
test_no_suggestion(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "SELECT a b c",          "SELECT * \"FORM\" t", "SELECT 1 union 2",
        "SELECT a WHERE FROM t", "SELECT 1 2",
    };
    for (int64_t text = 0; text < CN_ARRAY_LEN(texts); text++) {
        sql_test test;
        cni_sql_script script = {0};
        sql_test_init(&test);
        assert_int_equal(cni_sql_parse(test.arena, cni_str_of(texts[text]), &script, &test.err),
                         CN_INVALID_ARGUMENT);
        assert_null(strstr(test.err.message, "did you mean"));
        assert_string_equal(test.err.sqlstate, "42601");
        sql_test_done(&test);
    }
}

static void
test_lexical_errors(void **state)
{
    (void)state;
    expect_syntax_error("SELECT 'abc", "'abc", "unterminated quoted string");
    expect_syntax_error("SELECT \"abc", "\"abc", "unterminated quoted identifier");
    expect_syntax_error("SELECT $$abc", "$$abc", "unterminated dollar-quoted string");
    expect_syntax_error("SELECT 1 /* abc", "/* abc", "unterminated /* comment");
    expect_syntax_error("SELECT 12ab", "12ab", "trailing junk");
    expect_syntax_error("SELECT \\", "\\", "near \"\\\"");
    /* What comes first is said first. */
    expect_syntax_error("SELECT ) 'abc", ")", "near \")\"");
}

/* A long token is cut in the message, between characters, and not in the place. */
static void
test_long_tokens(void **state)
{
    (void)state;
    char text[400] = "SELECT * \"x";
    for (int64_t at = (int64_t)strlen(text); at < 300; at += 2) {
        memcpy(text + at, "\xC3\xA9", 2);
    }
    memcpy(text + 301, "\"", 2);
    sql_test test;
    cni_sql_script script = {0};
    sql_test_init(&test);
    assert_int_equal(cni_sql_parse(test.arena, cni_str_of(text), &script, &test.err),
                     CN_INVALID_ARGUMENT);
    assert_int_equal(test.err.sql_offset, 9);
    assert_int_equal(test.err.sql_length, (int64_t)strlen(text) - 9);
    assert_non_null(strstr(test.err.message, "...\""));
    assert_true(strlen(test.err.message) < 120);
    assert_int_equal(cni_utf8_find_invalid(test.err.message, (int64_t)strlen(test.err.message)),
                     -1);
    sql_test_done(&test);
}

/* Outputs stay as they were when parsing fails; the error object may be absent. */
static void
test_outputs_are_untouched(void **state)
{
    (void)state;
    sql_test test;
    sql_test_init(&test);
    cni_sql_script script = {.n_statements = -7};
    const cni_sql_statement *statement = NULL;
    const cni_sql_expr *expr = NULL;
    assert_int_equal(cni_sql_parse(test.arena, CNI_STR("SELECT 1; x"), &script, NULL),
                     CN_INVALID_ARGUMENT);
    assert_int_equal(script.n_statements, -7);
    assert_int_equal(cni_sql_parse_statement(test.arena, CNI_STR("SELECT"), &statement, NULL),
                     CN_INVALID_ARGUMENT);
    assert_null(statement);
    assert_int_equal(cni_sql_parse_expr(test.arena, CNI_STR("1 1"), &expr, NULL),
                     CN_INVALID_ARGUMENT);
    assert_null(expr);
    sql_test_done(&test);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_are_named), cmocka_unit_test(test_misspelt_words),
        cmocka_unit_test(test_no_suggestion),    cmocka_unit_test(test_lexical_errors),
        cmocka_unit_test(test_long_tokens),      cmocka_unit_test(test_outputs_are_untouched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
