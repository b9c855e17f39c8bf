/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens: where they begin and end and what they are; values of strings, identifiers and numbers;
 * what is refused. The keyword table is checked for order and for its classes.
 */
#include "unit/sql/parse/sql_parse_support.h"

#include "sql/parse/ast.h"
#include "sql/parse/lexer_int.h"

/* The kinds of the tokens of a text, one letter each. */
static void
expect_kinds(const char *text, const char *kinds)
{
    static const char letters[] = ".!wqsxbidfp#o()[]{},;.:CAF";
    const cni_str whole = cni_str_of(text);
    char given[64] = "";
    int64_t n_given = 0;
    int64_t offset = 0;
    for (;;) {
        const cni_sql_token token = cni_sql_lex(whole, offset);
        if (token.kind == TOK_END) {
            break;
        }
        assert_true(token.length > 0 && token.offset + token.length <= whole.len_bytes);
        offset = token.offset + token.length;
        given[n_given] = letters[token.kind];
        n_given++;
        assert_true(n_given < 63);
    }
    assert_string_equal(given, kinds);
}

static void
test_kinds(void **state)
{
    (void)state;
    expect_kinds("", "");
    expect_kinds(" \t\r\n\v\f ", "");
    expect_kinds("select a1, \"b c\" 'd' $1 ? ?2 $name #3", "ww,qspppp#");
    expect_kinds("( ) [ ] { } , ; . : :: := =>", "()[]{},;.:CAF");
    expect_kinds("1 1.5 .5 5. 1e5 1.5E-3 0xFF 0o17 0b11 1_000", "idddffiiii");
    expect_kinds("x'0a' X'' b'01' n'a' e'\\'' U&'\\0041' u&\"x\" $$a$$ $t$ $$ $t$", "xxbsssqss");
    expect_kinds("a/* b /* c */ d */e -- f\n g", "www");
    expect_kinds("1..2", "i.d");
    expect_kinds("a.b.*", "w.w.o");
    expect_kinds("a[1:2]", "w[i:i]");
    expect_kinds("\xC3\xA9t\xC3\xA9 _x $1a", "ww!");
    expect_kinds("'a' 'b'", "ss");
    expect_kinds("'a'\n'b'", "s");
    expect_kinds("'a' -- c\n 'b' 'c'", "ss");
    expect_kinds("\\ \x01", "!!");
}

static void
expect_operator(const char *text, uint8_t op, int64_t length)
{
    const cni_sql_token token = cni_sql_lex(cni_str_of(text), 0);
    assert_int_equal(token.kind, TOK_OPERATOR);
    assert_int_equal(token.op, op);
    assert_int_equal(token.length, length);
}

static void
test_operators(void **state)
{
    (void)state;
    expect_operator("<=", CNI_SQL_OP_LE, 2);
    expect_operator("<>", CNI_SQL_OP_NE, 2);
    expect_operator("!=", CNI_SQL_OP_NE, 2);
    expect_operator("==", CNI_SQL_OP_EQ, 2);
    expect_operator("=-1", CNI_SQL_OP_EQ, 1);
    expect_operator("*-1", CNI_SQL_OP_MULTIPLY, 1);
    expect_operator("**-1", CNI_SQL_OP_POWER, 2);
    expect_operator("//2", CNI_SQL_OP_INTEGER_DIVIDE, 2);
    expect_operator("||-b", CNI_SQL_OP_CONCAT, 2);
    expect_operator("=@b", CNI_SQL_OP_EQ, 1);
    expect_operator("+/*x*/", CNI_SQL_OP_PLUS, 1);
    expect_operator("+--x", CNI_SQL_OP_PLUS, 1);
    expect_operator("->>", CNI_SQL_OP_LONG_ARROW, 3);
    expect_operator("<->", CNI_SQL_OP_OTHER, 3);
    expect_operator("@-", CNI_SQL_OP_OTHER, 2);
    expect_operator("!~~*", CNI_SQL_OP_OTHER, 4);
    expect_operator("~~~", CNI_SQL_OP_GLOB, 3);
}

static void
expect_fault(const char *text, uint8_t fault, int64_t offset, int64_t length)
{
    const cni_sql_token token = cni_sql_lex(cni_str_of(text), 0);
    assert_int_equal(token.kind, TOK_ERROR);
    assert_int_equal(token.fault, fault);
    assert_int_equal(token.offset, offset);
    assert_int_equal(token.length, length);
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_sql_lex_error(cni_str_of(text), &token, &err), CN_INVALID_ARGUMENT);
    assert_string_equal(err.sqlstate, "42601");
    assert_int_equal(err.sql_offset, offset);
}

static void
test_faults(void **state)
{
    (void)state;
    expect_fault(" 'abc", LEX_UNTERMINATED_STRING, 1, 4);
    expect_fault("e'a\\'", LEX_UNTERMINATED_STRING, 0, 5);
    expect_fault("e'a\\", LEX_UNTERMINATED_STRING, 0, 4);
    expect_fault("'a'\n'b", LEX_UNTERMINATED_STRING, 0, 6);
    expect_fault("$$a$", LEX_UNTERMINATED_DOLLAR, 0, 4);
    expect_fault("$x$a$y$", LEX_UNTERMINATED_DOLLAR, 0, 7);
    expect_fault("\"a", LEX_UNTERMINATED_IDENTIFIER, 0, 2);
    expect_fault("/* /* */", LEX_UNTERMINATED_COMMENT, 0, 8);
    expect_fault("/*/", LEX_UNTERMINATED_COMMENT, 0, 3);
    expect_fault("\"\"", LEX_EMPTY_IDENTIFIER, 0, 2);
    expect_fault("12ab", LEX_BAD_NUMBER, 0, 4);
    expect_fault("0x", LEX_BAD_NUMBER, 0, 2);
    expect_fault("0b12", LEX_BAD_NUMBER, 0, 4);
    expect_fault("1_", LEX_BAD_NUMBER, 0, 2);
    expect_fault("$", LEX_BAD_PARAMETER, 0, 1);
    expect_fault("\\", LEX_BAD_CHARACTER, 0, 1);
}

/* The value of the literal or identifier that is the whole text. */
static void
expect_text_value(const char *text, const char *value, int64_t n_bytes)
{
    sql_test test;
    sql_test_init(&test);
    const cni_sql_expr *expr = sql_test_expr(&test, text);
    const cni_str given =
        expr->kind == CNI_SQL_EXPR_COLUMN ? expr->name->parts[0].text : expr->text;
    assert_int_equal(given.len_bytes, n_bytes);
    assert_memory_equal(given.data, value, (size_t)n_bytes);
    assert_int_equal(expr->node.offset, 0);
    assert_int_equal(expr->node.length, (int64_t)strlen(text));
    sql_test_done(&test);
}

#define EXPECT_VALUE(text, value) expect_text_value((text), (value), (int64_t)sizeof(value) - 1)

static void
test_string_values(void **state)
{
    (void)state;
    EXPECT_VALUE("''", "");
    EXPECT_VALUE("'it''s'", "it's");
    EXPECT_VALUE("'a\\n'", "a\\n");
    EXPECT_VALUE("'a'\n 'b'\r\n'c'", "abc");
    EXPECT_VALUE("'a' -- it's\n'b'", "ab");
    EXPECT_VALUE("e'a\\n\\t\\b\\f\\r\\\\\\'''\\q'", "a\n\t\b\f\r\\''q");
    EXPECT_VALUE("E'\\x41\\x4g\\101\\0601'", "A\x04gA01");
    EXPECT_VALUE("e'\\u00e9\\U0001F600\\ud83d\\ude00'", "\xC3\xA9\xF0\x9F\x98\x80\xF0\x9F\x98\x80");
    EXPECT_VALUE("e'\\xc3\\xa9'", "\xC3\xA9");
    EXPECT_VALUE("U&'d\\0061t\\+000061\\\\'", "data\\");
    EXPECT_VALUE("u&'d!0061' UESCAPE '!'", "da");
    EXPECT_VALUE("U&'\\d83d\\de00'", "\xF0\x9F\x98\x80");
    EXPECT_VALUE("N'x'", "x");
    EXPECT_VALUE("$$it's $1$$", "it's $1");
    EXPECT_VALUE("$$$$", "");
    EXPECT_VALUE("$tag$a$$b$tag$", "a$$b");
    EXPECT_VALUE("x'00fFA0'", "\x00\xFF\xA0");
    EXPECT_VALUE("b'0110'", "0110");
}

static void
test_identifier_values(void **state)
{
    (void)state;
    EXPECT_VALUE("UserID", "UserID");
    EXPECT_VALUE("\"a\"\"b c\"", "a\"b c");
    EXPECT_VALUE("U&\"d\\0061ta\"", "data");
    EXPECT_VALUE("u&\"d!0061ta\" uescape '!'", "data");
    EXPECT_VALUE("_x$1\xC3\xA9", "_x$1\xC3\xA9");
}

static void
test_number_values(void **state)
{
    (void)state;
    EXPECT_VALUE("0", "0");
    EXPECT_VALUE("1_000_000", "1000000");
    EXPECT_VALUE("1_0.5_0e1_0", "10.50e10");
    EXPECT_VALUE("0x1F", "31");
    EXPECT_VALUE("0XFFFF_FFFF_FFFF_FFFF", "18446744073709551615");
    EXPECT_VALUE("0xffffffffffffffffffffffffffffffff", "340282366920938463463374607431768211455");
    EXPECT_VALUE("0o777", "511");
    EXPECT_VALUE("0b1010", "10");
    EXPECT_VALUE("0x0", "0");
    EXPECT_VALUE("00012", "00012");
    EXPECT_VALUE("5.", "5.");
    EXPECT_VALUE(".5E+3", ".5E+3");
}

static void
test_bad_values(void **state)
{
    (void)state;
    expect_syntax_error("SELECT x'0'", "x'0'", "hexadecimal");
    expect_syntax_error("SELECT x'zz'", "x'zz'", "hexadecimal");
    expect_syntax_error("SELECT b'012'", "b'012'", "0 and 1");
    expect_syntax_error("SELECT 1 + e'a\\u00'", "\\u", "Unicode");
    expect_syntax_error("SELECT e'\\U00110000'", "\\U00110000", "Unicode");
    expect_syntax_error("SELECT e'\\u0000'", "\\u0000", "Unicode");
    expect_syntax_error("SELECT e'\\000'", "\\000", "byte");
    expect_syntax_error("SELECT e'\\777'", "\\777", "byte");
    expect_syntax_error("SELECT e'\\xff'", "e'\\xff'", "UTF-8");
    expect_syntax_error("SELECT U&'\\de00'", "\\de00", "Unicode");
    expect_syntax_error("SELECT U&'a' UESCAPE '+'", "'+'", "escape character");
    expect_syntax_error("SELECT U&'a' UESCAPE 'ab'", "'ab'", "escape character");
}

static void
test_text_is_checked(void **state)
{
    (void)state;
    sql_test test;
    cni_sql_script script = {0};
    sql_test_init(&test);
    assert_int_equal(cni_sql_parse(test.arena, CNI_STR("SELECT '\xFF'"), &script, &test.err),
                     CN_INVALID_ARGUMENT);
    assert_string_equal(test.err.sqlstate, "22021");
    assert_int_equal(test.err.sql_offset, 8);
    assert_int_equal(cni_sql_parse(test.arena, CNI_STR("SELECT 1\0"), &script, &test.err),
                     CN_INVALID_ARGUMENT);
    assert_int_equal(test.err.sql_offset, 8);
    const cni_str huge = {"", CNI_SQL_MAX_TEXT_BYTES + 1};
    assert_int_equal(cni_sql_parse(test.arena, huge, &script, &test.err), CN_LIMIT_EXCEEDED);
    assert_non_null(strstr(test.err.message, "CNI_SQL_MAX_TEXT_BYTES"));
    sql_test_done(&test);
}

static void
test_keywords(void **state)
{
    (void)state;
    const char *before = "";
    for (int word = 0; word < KW_COUNT_; word++) {
        const cni_sql_keyword_info *info = cni_sql_keyword_get((cni_sql_keyword)word);
        assert_true(strcmp(before, info->text) < 0);
        assert_true(info->len_bytes <= CNI_SQL_KEYWORD_MAX_BYTES);
        assert_int_equal(cni_sql_keyword_find(cni_str_of(info->text)), word);
        before = info->text;
    }
    assert_int_equal(cni_sql_keyword_find(CNI_STR("SeLeCt")), KW_SELECT);
    assert_int_equal(cni_sql_keyword_find(CNI_STR("selec")), KW_NO_KEYWORD);
    assert_int_equal(cni_sql_keyword_find(CNI_STR("")), KW_NO_KEYWORD);
    assert_int_equal(cni_sql_keyword_find(CNI_STR("a_word_that_is_far_too_long")), KW_NO_KEYWORD);
}

/* Each class of keywords where it may and may not stand. */
static void
test_keyword_classes(void **state)
{
    (void)state;
    expect_same("SELECT abort, between, year FROM t AS begin");
    expect_same("SELECT left(a, 1), coalesce(a, b)");
    expect_same("SELECT a AS select, b AS from FROM t");
    expect_printed("SELECT a name, b value FROM t u", "SELECT a AS name, b AS value FROM t AS u");
    expect_same("SELECT t.select, t.\"from\" FROM t");
    expect_syntax_error("SELECT a year", "year", "\"year\"");
    expect_syntax_error("SELECT left FROM t", "left", "\"left\"");
    expect_syntax_error("SELECT select", "select", "\"select\"");
    expect_syntax_error("SELECT 1 FROM user", "user", "\"user\"");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_operators),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_string_values),
        cmocka_unit_test(test_identifier_values),
        cmocka_unit_test(test_number_values),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_text_is_checked),
        cmocka_unit_test(test_keywords),
        cmocka_unit_test(test_keyword_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
