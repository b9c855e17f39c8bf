/* SPDX-License-Identifier: Apache-2.0
 *
 * The error object: filling, cutting, context, positions, and suggestions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/error.h"

static void
test_set_fills_everything(void **state)
{
    (void)state;
    cn_error err = {.os_errno = 5, .sql_offset = 7, .sql_length = 3};
    const cn_code code = CN_FAIL(&err, CN_NOT_FOUND, "table \"%s\" does not exist", "orders");
    assert_int_equal(code, CN_NOT_FOUND);
    assert_int_equal(err.code, CN_NOT_FOUND);
    assert_string_equal(err.message, "table \"orders\" does not exist");
    assert_string_equal(err.sqlstate, "42704");
    assert_int_equal(err.os_errno, 0);
    assert_int_equal(err.sql_offset, -1);
    assert_int_equal(err.sql_length, 0);
    assert_non_null(strstr(err.file, "error_test.c"));
    assert_true(err.line > 0);
}

static void
test_null_error_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(CN_FAIL(NULL, CN_IO, "nobody %s", "listens"), CN_IO);
    cni_error_context(NULL, "x");
    cni_error_position(NULL, 1, 2);
    cni_error_sqlstate(NULL, "00000");
    cni_error_errno(NULL, EIO);
}

static void
test_source_names_no_machine(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    (void)cni_error_set(&err, CN_IO, "/somewhere/src/y/src/base/a.c", 3, "m");
    assert_string_equal(err.file, "base/a.c");
    (void)cni_error_set(&err, CN_IO, NULL, 3, "m");
    assert_null(err.file);
}

static void
test_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    char text[1200];
    for (int shift = 0; shift < 3; shift++) {
        memset(text, 'a', sizeof(text));
        for (size_t at = (size_t)shift; at + 3 < sizeof(text); at += 3) {
            memcpy(text + at, "\xE2\x82\xAC", 3);
        }
        text[sizeof(text) - 1] = '\0';
        cn_error err = CN_ERROR_INIT;
        (void)CN_FAIL(&err, CN_IO, "%s", text);
        const size_t length = strlen(err.message);
        assert_true(length < CN_ERROR_MESSAGE_BYTES && length >= CN_ERROR_MESSAGE_BYTES - 4);
        assert_string_equal(err.message + length - 3, "...");
        assert_int_equal((length - 3 - (size_t)shift) % 3, 0);
    }
}

static void
test_arguments_may_be_the_old_message(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    (void)CN_FAIL(&err, CN_IO, "inner");
    (void)CN_FAIL(&err, CN_INVALID_DATA, "outer (%s)", err.message);
    assert_string_equal(err.message, "outer (inner)");
}

static cn_code
fail_with_context(cn_error *err)
{
    CN_TRY_CTX(CN_FAIL(err, CN_INVALID_DATA, "bad magic"), err, "file %s", "a.parquet");
    return CN_OK;
}

static void
test_context_is_prepended(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(fail_with_context(&err), CN_INVALID_DATA);
    assert_string_equal(err.message, "file a.parquet: bad magic");
    for (int depth = 0; depth < 100; depth++) {
        cni_error_context(&err, "context number %d", depth);
    }
    assert_true(strlen(err.message) < CN_ERROR_MESSAGE_BYTES);
    assert_string_equal(err.message + strlen(err.message) - 3, "...");
}

static void
test_context_of_both_lengths(void **state)
{
    (void)state;
    char text[CN_ERROR_MESSAGE_BYTES];
    for (int length = 500; length < CN_ERROR_MESSAGE_BYTES; length++) {
        memset(text, 'x', sizeof(text));
        text[length] = '\0';
        cn_error err = CN_ERROR_INIT;
        (void)CN_FAIL(&err, CN_IO, "%s", text);
        cni_error_context(&err, "%s", text);
        const size_t got = strlen(err.message);
        assert_int_equal(got, CN_ERROR_MESSAGE_BYTES - 1);
        assert_string_equal(err.message + got - 3, "...");
    }
}

static void
test_position_is_set_once(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    (void)CN_FAIL(&err, CN_INVALID_ARGUMENT, "m");
    cni_error_position(&err, 10, 4);
    cni_error_position(&err, 99, 9);
    assert_int_equal(err.sql_offset, 10);
    assert_int_equal(err.sql_length, 4);
    cni_error_sqlstate(&err, "42P01");
    assert_string_equal(err.sqlstate, "42P01");
}

static void
test_errno_text(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    (void)CN_FAIL(&err, CN_IO, "cannot open x");
    cni_error_errno(&err, ENOENT);
    assert_string_equal(err.message, "cannot open x: No such file or directory");
    assert_int_equal(err.os_errno, ENOENT);
    char text[CN_ERROR_MESSAGE_BYTES];
    memset(text, 'y', sizeof(text));
    text[CN_ERROR_MESSAGE_BYTES - 2] = '\0';
    (void)CN_FAIL(&err, CN_IO, "%s", text);
    cni_error_errno(&err, ENOENT);
    assert_string_equal(err.message + strlen(err.message) - 3, "...");
}

static void
test_code_names(void **state)
{
    (void)state;
    assert_string_equal(cn_code_name(CN_OK), "OK");
    assert_string_equal(cn_code_name(CN_LIMIT_EXCEEDED), "LIMIT_EXCEEDED");
    assert_string_equal(cn_code_name(-1), "UNKNOWN");
    assert_string_equal(cn_code_name(19), "UNKNOWN");
    for (int32_t code = 0; code <= CN_BUSY; code++) {
        cn_error err = CN_ERROR_INIT;
        (void)CN_FAIL(&err, (cn_code)code, "m");
        assert_int_equal(strlen(err.sqlstate), 5);
        assert_true(strlen(cn_code_name((int32_t)code)) > 1);
    }
}

static const char *const names[] = {"l_orderkey", "l_partkey", "l_suppkey",
                                    "l_quantity", "sum",       "substring"};

static const char *
suggest(const char *wanted)
{
    return cni_suggest(wanted, (int64_t)strlen(wanted), names, CN_ARRAY_LEN(names));
}

static void
test_suggest(void **state)
{
    (void)state;
    assert_string_equal(suggest("l_orderky"), "l_orderkey");
    assert_string_equal(suggest("L_ORDERKEY"), "l_orderkey");
    assert_string_equal(suggest("l_quantiyt"), "l_quantity");
    assert_string_equal(suggest("smu"), "sum");
    assert_string_equal(suggest("substrng"), "substring");
    assert_null(suggest("completely_else"));
    assert_null(suggest("xyz"));
    assert_null(suggest("q"));
    assert_null(suggest(""));
    assert_null(cni_suggest("sum", 3, NULL, 0));
    char text[200];
    memset(text, 's', sizeof(text));
    assert_null(cni_suggest(text, (int64_t)sizeof(text), names, CN_ARRAY_LEN(names)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_fills_everything),
        cmocka_unit_test(test_null_error_is_accepted),
        cmocka_unit_test(test_source_names_no_machine),
        cmocka_unit_test(test_long_message_is_cut_between_characters),
        cmocka_unit_test(test_arguments_may_be_the_old_message),
        cmocka_unit_test(test_context_is_prepended),
        cmocka_unit_test(test_context_of_both_lengths),
        cmocka_unit_test(test_position_is_set_once),
        cmocka_unit_test(test_errno_text),
        cmocka_unit_test(test_code_names),
        cmocka_unit_test(test_suggest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
