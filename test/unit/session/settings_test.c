/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings table: every entry reads back what was set, refuses what is outside, and reaches the
 * execution.
 */
#include "session/settings.h"

#include <stdio.h>

#include "support/sql_env.h"

static const cni_setting *
setting_named(const char *name)
{
    const cni_setting *setting = NULL;
    assert_int_equal(cni_setting_find(cni_str_of(name), &setting, NULL), CN_OK);
    return setting;
}

static cn_code
set(cni_settings *settings, const char *name, const char *value, cn_error *err)
{
    *err = (cn_error)CN_ERROR_INIT;
    return cni_settings_set(settings, setting_named(name), cni_str_of(value), err);
}

static const char *
get(const cni_settings *settings, const char *name, char *text)
{
    cni_settings_get(settings, setting_named(name), text);
    return text;
}

static void
test_every_default_reads_back(void **state)
{
    (void)state;
    const cni_settings defaults = cni_settings_default(3, INT64_C(1) << 30);
    const cni_setting *settings = NULL;
    const int32_t n_settings = cni_setting_list(&settings);
    assert_true(n_settings >= 11);
    for (int32_t index = 0; index < n_settings; index++) {
        char text[CNI_SETTING_TEXT_BYTES];
        char again[CNI_SETTING_TEXT_BYTES];
        cni_settings copy = cni_settings_default(1, INT64_C(1) << 20);
        cn_error err = CN_ERROR_INIT;
        assert_true(strlen(settings[index].description) > 10);
        assert_true(index == 0 || strcmp(settings[index - 1].name, settings[index].name) < 0);
        cni_settings_get(&defaults, &settings[index], text);
        assert_int_equal(cni_settings_set(&copy, &settings[index], cni_str_of(text), &err), CN_OK);
        cni_settings_get(&copy, &settings[index], again);
        assert_string_equal(text, again);
    }
}

static void
test_byte_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *bytes;
    } cases[] = {
        {"1048576", "1048576"},   {"1048576B", "1048576"}, {"64MB", "64000000"},
        {"64 mb", "64000000"},    {"2MiB", "2097152"},     {"1.5GB", "1500000000"},
        {"1.5gib", "1610612736"}, {"3000kb", "3000000"},   {"2t", "2000000000000"},
        {"1.0625MiB", "1113587"}, /* thousandths: 1.062 */
    };
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        cni_settings settings = cni_settings_default(1, INT64_C(1) << 30);
        char text[CNI_SETTING_TEXT_BYTES];
        cn_error err;
        assert_int_equal(set(&settings, "memory_limit", cases[index].text, &err), CN_OK);
        assert_string_equal(get(&settings, "memory_limit", text), cases[index].bytes);
    }
}

static void
test_refused_values(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *needle;
    } cases[] = {
        {"threads", "0", "between 1 and"},
        {"threads", "257", "between 1 and"},
        {"threads", "-1", "invalid value \"-1\" for setting threads"},
        {"threads", "", "invalid value"},
        {"threads", "two", "invalid value \"two\""},
        {"threads", "99999999999999999999", "invalid value"},
        {"memory_limit", "1023", "between 1048576 and"},
        {"memory_limit", "1 parsec", "invalid value"},
        {"memory_limit", "9999999999999TB", "invalid value"},
        {"memory_limit", ".", "invalid value"},
        {"optimizer", "maybe", "invalid value \"maybe\""},
        {"chunk_rows", "16385", "between 1 and 16384"},
        {"disabled_rules", "simplify,nonsense", "nonsense"},
        {"test_encode", "slice,zip", "not \"zip\""},
        {"test_swap", "often", "not \"often\""},
    };
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        cni_settings settings = cni_settings_default(1, INT64_C(1) << 30);
        char before[CNI_SETTING_TEXT_BYTES];
        char after[CNI_SETTING_TEXT_BYTES];
        cn_error err;
        get(&settings, cases[index].name, before);
        assert_int_equal(set(&settings, cases[index].name, cases[index].value, &err),
                         CN_INVALID_ARGUMENT);
        if (strstr(err.message, cases[index].needle) == NULL) {
            fail_msg("%s = %s: %s", cases[index].name, cases[index].value, err.message);
        }
        assert_string_equal(get(&settings, cases[index].name, after), before);
    }
}

static void
test_texts(void **state)
{
    (void)state;
    cni_settings settings = cni_settings_default(1, INT64_C(1) << 30);
    char text[CNI_SETTING_TEXT_BYTES];
    char longest[CNI_SETTING_TEXT_BYTES + 1];
    cn_error err;
    assert_int_equal(set(&settings, "disabled_rules", "simplify, top_n", &err), CN_OK);
    assert_string_equal(get(&settings, "disabled_rules", text), "simplify, top_n");
    assert_int_equal(set(&settings, "disabled_rules", "", &err), CN_OK);
    assert_string_equal(get(&settings, "disabled_rules", text), "");
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(set(&settings, "test_encode", longest, &err), CN_LIMIT_EXCEEDED);
}

static void
test_booleans(void **state)
{
    (void)state;
    static const char *const on[] = {"true", "ON", "1", "Yes"};
    static const char *const off[] = {"false", "off", "0", "NO"};
    cni_settings settings = cni_settings_default(1, INT64_C(1) << 30);
    cn_error err;
    for (int64_t index = 0; index < CN_ARRAY_LEN(on); index++) {
        assert_int_equal(set(&settings, "reproducible", on[index], &err), CN_OK);
        assert_true(settings.reproducible);
        assert_int_equal(set(&settings, "reproducible", off[index], &err), CN_OK);
        assert_false(settings.reproducible);
    }
}

static void
test_names(void **state)
{
    (void)state;
    const cni_setting *setting = NULL;
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_setting_find(CNI_STR("THREADS"), &setting, &err), CN_OK);
    assert_string_equal(setting->name, "threads");
    assert_int_equal(cni_setting_find(CNI_STR("thread"), &setting, &err), CN_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean \"threads\"?"));
    assert_string_equal(err.sqlstate, "42704");
    assert_int_equal(cni_setting_find(CNI_STR("zzzzzzzzzzzz"), &setting, &err), CN_NOT_FOUND);
    assert_null(strstr(err.message, "did you mean"));
}

static void
test_they_reach_the_execution(void **state)
{
    (void)state;
    cni_settings settings = cni_settings_default(4, INT64_C(1) << 30);
    cn_error err;
    assert_int_equal(set(&settings, "threads", "2", &err), CN_OK);
    assert_int_equal(set(&settings, "chunk_rows", "7", &err), CN_OK);
    assert_int_equal(set(&settings, "batch_rows", "100", &err), CN_OK);
    assert_int_equal(set(&settings, "optimizer", "off", &err), CN_OK);
    assert_int_equal(set(&settings, "export_views", "on", &err), CN_OK);
    assert_int_equal(set(&settings, "disabled_rules", "simplify", &err), CN_OK);
    assert_int_equal(set(&settings, "test_encode", "slice,run_end", &err), CN_OK);
    assert_int_equal(set(&settings, "test_swap", "always", &err), CN_OK);
    const cni_exec_settings exec = cni_settings_for_execution(&settings);
    assert_int_equal(exec.n_threads, 2);
    assert_int_equal(exec.chunk_rows, 7);
    assert_int_equal(exec.batch_rows, 100);
    assert_false(exec.optimizer);
    assert_true(exec.export_views);
    assert_true(cni_str_eq(exec.disabled_rules, CNI_STR("simplify")));
    assert_int_equal(exec.test_encode, CNI_TEST_ENCODE_SLICE | CNI_TEST_ENCODE_RUN_END);
    assert_int_equal(exec.test_swap, CNI_TEST_SWAP_ALWAYS);
}

static void
test_statements(void **state)
{
    (void)state;
    sql_env env;
    sql_begin(&env, 3);
    SQL_GIVES(&env, "SHOW threads", "3\n");
    SQL_GIVES(&env, "SET threads = 2; SHOW threads", "2\n");
    SQL_GIVES(&env, "SET threads TO 1 + 3; SHOW threads", "4\n");
    SQL_GIVES(&env, "SET threads = DEFAULT; SHOW threads", "3\n");
    SQL_GIVES(&env, "SET memory_limit = '2MB'; SHOW memory_limit", "2000000\n");
    SQL_GIVES(&env, "SET optimizer = off; SHOW optimizer", "false\n");
    SQL_GIVES(&env, "SET disabled_rules = 'top_n'; SHOW disabled_rules", "top_n\n");
    SQL_GIVES(&env, "RESET threads; SHOW disabled_rules", "top_n\n");
    SQL_GIVES(&env, "RESET ALL; SHOW disabled_rules", "\n");
    SQL_GIVES(&env, "SHOW optimizer", "true\n");
    SQL_FAILS(&env, "SET treads = 2", CN_NOT_FOUND, "42704", "treads", "did you mean \"threads\"");
    SQL_FAILS(&env, "SET threads = 0", CN_INVALID_ARGUMENT, "22023", "threads", "between");
    SQL_FAILS(&env, "SHOW nothing_such", CN_NOT_FOUND, "42704", "nothing_such", "unknown setting");
    SQL_FAILS(&env, "RESET nothing_such", CN_NOT_FOUND, "42704", "nothing_such", "unknown setting");
    SQL_FAILS(&env, "SET GLOBAL threads = 2", CN_NOT_IMPLEMENTED, "0A000", "threads", "SET GLOBAL");
    SQL_GIVES(&env, "SHOW threads", "3\n");
    sql_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_default_reads_back),
        cmocka_unit_test(test_byte_units),
        cmocka_unit_test(test_refused_values),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_they_reach_the_execution),
        cmocka_unit_test(test_statements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
