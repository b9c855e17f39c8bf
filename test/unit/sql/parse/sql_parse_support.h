/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parser's tests share: parse a text and print it again, in both styles; expect an error
 * with its place. Every helper owns and releases its memory, so that leaks show under ASan.
 */
#ifndef TEST_SQL_PARSE_SUPPORT_H
#define TEST_SQL_PARSE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "sql/parse/ast_print.h"
#include "sql/parse/parse.h"

#define TEXT_MAX_BYTES (1 << 24)

/* Arena and output of one test. */
typedef struct sql_test {
    cni_arena *arena;
    cni_strbuf out;
    cn_error err;
} sql_test;

static inline void
sql_test_init(sql_test *self)
{
    self->err = (cn_error)CN_ERROR_INIT;
    self->arena = NULL;
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &self->arena, &self->err),
                     CN_OK);
    cni_strbuf_init(&self->out, cni_allocator_system(), TEXT_MAX_BYTES);
}

static inline void
sql_test_done(sql_test *self)
{
    cni_strbuf_done(&self->out);
    cni_arena_unref(self->arena);
}

/* The only statement of a text, which must be right. */
static inline const cni_sql_statement *
sql_test_statement(sql_test *self, const char *text)
{
    const cni_sql_statement *statement = NULL;
    const cn_code code =
        cni_sql_parse_statement(self->arena, cni_str_of(text), &statement, &self->err);
    if (code != CN_OK) {
        print_error("%s\n  at %lld: %s\n", text, (long long)self->err.sql_offset,
                    self->err.message);
    }
    assert_int_equal(code, CN_OK);
    return statement;
}

static inline const cni_sql_select *
sql_test_select(sql_test *self, const char *text)
{
    const cni_sql_statement *statement = sql_test_statement(self, text);
    assert_int_equal(statement->kind, CNI_SQL_STATEMENT_QUERY);
    assert_int_equal(statement->query->kind, CNI_SQL_QUERY_SELECT);
    return statement->query->select;
}

static inline const cni_sql_expr *
sql_test_expr(sql_test *self, const char *text)
{
    const cni_sql_expr *expr = NULL;
    const cn_code code = cni_sql_parse_expr(self->arena, cni_str_of(text), &expr, &self->err);
    if (code != CN_OK) {
        print_error("%s\n  at %lld: %s\n", text, (long long)self->err.sql_offset,
                    self->err.message);
    }
    assert_int_equal(code, CN_OK);
    return expr;
}

/* The text of a statement, NUL-terminated, until the next call. */
static inline const char *
sql_test_print(sql_test *self, const cni_sql_statement *statement)
{
    cni_strbuf_reset(&self->out);
    assert_int_equal(cni_sql_print_statement(statement, &self->out, &self->err), CN_OK);
    return self->out.data;
}

/* `text` prints as `printed`, which parses and prints as itself. */
static inline void
expect_printed(const char *text, const char *printed)
{
    sql_test test;
    sql_test_init(&test);
    assert_string_equal(sql_test_print(&test, sql_test_statement(&test, text)), printed);
    assert_string_equal(sql_test_print(&test, sql_test_statement(&test, printed)), printed);
    sql_test_done(&test);
}

/* `text` is printed as it is written. */
static inline void
expect_same(const char *text)
{
    expect_printed(text, text);
}

/* The name of an unnamed column, which shows the shape of the tree. */
static inline void
expect_name(const char *text, const char *name)
{
    sql_test test;
    sql_test_init(&test);
    cni_str given = {0};
    assert_int_equal(
        cni_sql_default_name(test.arena, sql_test_expr(&test, text), &given, &test.err), CN_OK);
    assert_string_equal(given.data, name);
    sql_test_done(&test);
}

/* The text is refused with a code, at a place, with words in its message. */
static inline void
expect_refused(const char *text, cn_code code, int64_t offset, int64_t length, const char *words)
{
    sql_test test;
    cni_sql_script script = {0};
    sql_test_init(&test);
    const cn_code given = cni_sql_parse(test.arena, cni_str_of(text), &script, &test.err);
    if (given != code || test.err.sql_offset != offset || test.err.sql_length != length ||
        strstr(test.err.message, words) == NULL) {
        print_error("%s\n  gave %d at %lld + %lld: %s\n", text, (int)given,
                    (long long)test.err.sql_offset, (long long)test.err.sql_length,
                    test.err.message);
    }
    assert_int_equal(given, code);
    assert_int_equal(test.err.code, code);
    assert_int_equal(test.err.sql_offset, offset);
    assert_int_equal(test.err.sql_length, length);
    assert_non_null(strstr(test.err.message, words));
    sql_test_done(&test);
}

/* A syntax error: 42601 at the first occurrence of `at` (or the end of the text when NULL). */
static inline void
expect_syntax_error(const char *text, const char *at, const char *words)
{
    const char *place = at == NULL ? text + strlen(text) : strstr(text, at);
    assert_non_null(place);
    expect_refused(text, CN_INVALID_ARGUMENT, place - text, at == NULL ? 0 : (int64_t)strlen(at),
                   words);
}

#endif /* TEST_SQL_PARSE_SUPPORT_H */
