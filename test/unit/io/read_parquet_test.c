/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths, patterns and the table function: a tree of small files is made, matched, read; arguments
 * and options that are not known are refused by name; files are opened through the policy only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file/file.h"
#include "io/read_parquet.h"
#include "io/source/path_list.h"
#include "io/source/table_function_list.h"
#include "support/scan_text.h"

static char root[64];

static void
full_path(const char *name, char out[512])
{
    (void)snprintf(out, 512, "%s/%s", root, name);
}

static void
copy_sample(const char *sample, const char *name)
{
    char from[512];
    char to[512];
    static uint8_t bytes[1 << 18];
    (void)snprintf(from, sizeof(from), "%s/parquet/%s.parquet", CN_TEST_DATA, sample);
    full_path(name, to);
    FILE *in = fopen(from, "rb");
    assert_non_null(in);
    const size_t n = fread(bytes, 1, sizeof(bytes), in);
    (void)fclose(in);
    FILE *out = fopen(to, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    (void)fclose(out);
}

static int
make_tree(void **state)
{
    (void)state;
    static const char *const folders[] = {"a", "a/b", "a/b/c", "empty", ".hidden"};
    static const char *const files[] = {
        "1.parquet",     "2.parquet",       "10.parquet",        "x.txt",      "a/3.parquet",
        "a/b/4.parquet", "a/b/c/5.parquet", ".hidden/6.parquet", ".7.parquet", "we[i]rd.parquet"};
    char path[512];
    (void)strcpy(root, "/tmp/cn-read-parquet-XXXXXX");
    assert_non_null(mkdtemp(root));
    for (size_t folder = 0; folder < sizeof(folders) / sizeof(folders[0]); folder++) {
        full_path(folders[folder], path);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    for (size_t file = 0; file < sizeof(files) / sizeof(files[0]); file++) {
        copy_sample("runs", files[file]);
    }
    full_path("a/b/loop", path);
    assert_int_equal(symlink(root, path), 0);
    return 0;
}

static int
remove_tree(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", root);
    return system(command);
}

static void
open_engine(test_engine *engine)
{
    assert_int_equal(test_engine_open(engine, INT64_C(1) << 28, 2048, NULL, NULL), CN_OK);
}

/* The files of a pattern below the root, without the root, joined by spaces. */
static cn_code
expand(const char *pattern, char out[1024], cn_error *err)
{
    test_engine engine;
    cni_arena *arena = NULL;
    cni_list paths = {0};
    char path[512];
    open_engine(&engine);
    full_path(pattern, path);
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    const cn_code code = cni_path_expand(arena, &engine.context, cni_str_of(path), &paths, err);
    out[0] = 0;
    for (int64_t item = 0; code == CN_OK && item < paths.n_items; item++) {
        const cni_str *found = paths.items[item];
        (void)strcat(out, item > 0 ? " " : "");
        (void)strncat(out, found->data + strlen(root) + 1, 200);
    }
    cni_arena_unref(arena);
    test_engine_close(&engine);
    return code;
}

static void
test_patterns(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"*.parquet", "1.parquet 10.parquet 2.parquet we[i]rd.parquet"},
        {"?.parquet", "1.parquet 2.parquet"},
        {"[12].parquet", "1.parquet 2.parquet"},
        {"[!1]*.parquet", "2.parquet we[i]rd.parquet"},
        {"[0-9]*.parquet", "1.parquet 10.parquet 2.parquet"},
        {"*/*.parquet", "a/3.parquet"},
        {"a/**/*.parquet", "a/3.parquet a/b/4.parquet a/b/c/5.parquet"},
        {"**/4.parquet", "a/b/4.parquet"},
        {"**/b/**/*.parquet", "a/b/4.parquet a/b/c/5.parquet"},
        {".*.parquet", ".7.parquet"},
        {"we[i]rd.parquet", "we[i]rd.parquet"},
        {"*.txt", "x.txt"},
        {"a//b//*.parquet", "a/b/4.parquet"},
        {"missing.parquet", "missing.parquet"},
    };
    char got[1024];
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        assert_int_equal(expand(cases[at][0], got, NULL), CN_OK);
        assert_string_equal(got, cases[at][1]);
    }
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(expand("empty/*.parquet", got, &err), CN_NOT_FOUND);
    assert_non_null(strstr(err.message, "empty/*.parquet"));
    assert_int_equal(expand("no/such/*.parquet", got, &err), CN_NOT_FOUND);
}

static void
test_names(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *name;
        bool matches;
    } cases[] = {
        {"*", "", true},         {"*", "abc", true},         {"a*c", "abbbc", true},
        {"a*c", "abcd", false},  {"a*b*c", "aXbYbZc", true}, {"", "", true},
        {"", "a", false},        {"?", "", false},           {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false}, {"[!a]", "a", false},       {"[!a]", "b", true},
        {"[", "[", true},        {"[a", "[a", true},         {"[]]", "]", true},
        {"*.x", ".x", false},    {"***a", "bca", true},
    };
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        const bool got = cni_path_match(cni_str_of(cases[at].pattern), cni_str_of(cases[at].name));
        if (got != cases[at].matches) {
            fail_msg("%s over %s", cases[at].pattern, cases[at].name);
        }
    }
    /* no exponential time */
    char name[2001];
    memset(name, 'a', 2000);
    name[2000] = 0;
    assert_false(cni_path_match(CNI_STR("*a*a*a*a*a*a*a*a*a*a*a*a*a*b"), cni_str_of(name)));
}

static cn_code
open_with(test_engine *engine, const cni_value *args, const char *const *names, int32_t n_args,
          cni_table **out_table, cn_error *err)
{
    const cni_table_function *const *functions = NULL;
    cni_str arg_names[4];
    assert_int_equal(cni_table_function_list(&functions), 1);
    for (int32_t arg = 0; arg < n_args; arg++) {
        arg_names[arg] = cni_str_of(names[arg]);
    }
    const cni_table_recipe recipe = {
        .function = functions[0]->name, .n_args = n_args, .args = args, .arg_names = arg_names};
    return functions[0]->open(functions[0], &recipe, &engine->context, out_table, err);
}

static cni_value
text_value(const char *text)
{
    return (cni_value){.type = cni_type_of(CNI_TYPE_VARCHAR), .as.bytes = cni_str_of(text)};
}

static int64_t
count_rows(test_engine *engine, cni_table *table)
{
    const cni_scan_request request = {.limit = CNI_NO_LIMIT};
    int64_t n_rows = 0;
    assert_int_equal(test_scan_lines(table, &request, &engine->context, NULL, &n_rows, NULL, NULL),
                     CN_OK);
    return n_rows;
}

static void
test_function(void **state)
{
    (void)state;
    test_engine engine;
    cn_error err = CN_ERROR_INIT;
    cni_table *table = NULL;
    char pattern[512];
    char other[512];
    static const char *const names[] = {"", "binary_as_string", "union_by_name"};
    open_engine(&engine);
    full_path("?.parquet", pattern);
    full_path("a/3.parquet", other);
    const cni_type list = {.id = CNI_TYPE_LIST};
    const cni_value items[2] = {text_value(pattern), text_value(other)};
    cni_value args[3] = {items[0], {.type = cni_type_of(CNI_TYPE_BOOL), .as.boolean = true}};
    assert_int_equal(open_with(&engine, args, names, 2, &table, &err), CN_OK);
    assert_int_equal(count_rows(&engine, table), 6000);
    assert_non_null(table->recipe);
    assert_true(cni_str_eq(table->recipe->args[0].as.bytes, cni_str_of(pattern)));
    cni_table_unref(table);
    const cni_value both = {.type = &list, .as.nested = {2, items}};
    assert_int_equal(open_with(&engine, &both, names, 1, &table, &err), CN_OK);
    assert_int_equal(count_rows(&engine, table), 9000);
    cni_table_unref(table);
    /* refusals */
    args[2] = args[1];
    assert_int_equal(open_with(&engine, args, names, 3, &table, &err), CN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "union_by_name"));
    args[1] = text_value("yes");
    assert_int_equal(open_with(&engine, args, names, 2, &table, &err), CN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "binary_as_string"));
    assert_int_equal(open_with(&engine, args, names, 0, &table, &err), CN_INVALID_ARGUMENT);
    args[0] = text_value("s3://bucket/x.parquet");
    assert_int_equal(open_with(&engine, args, names, 1, &table, &err), CN_NOT_IMPLEMENTED);
    assert_non_null(strstr(err.message, "s3://"));
    args[0] = text_value("https://example.org/x.parquet");
    assert_int_equal(open_with(&engine, args, names, 1, &table, &err), CN_NOT_IMPLEMENTED);
    args[0] = text_value(root);
    assert_int_equal(open_with(&engine, args, names, 1, &table, &err), CN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "directory"));
    full_path("missing.parquet", pattern);
    args[0] = text_value(pattern);
    assert_int_equal(open_with(&engine, args, names, 1, &table, &err), CN_NOT_FOUND);
    assert_non_null(strstr(err.message, pattern));
    test_engine_close(&engine);
}

static cn_code
refuse(void *private_data, cni_str path, bool writing, cn_error *err)
{
    (void)writing;
    *(int *)private_data += 1;
    return CN_FAIL(err, CN_UNAUTHORIZED, "not '%.*s'", CNI_STR_ARGS(path));
}

static void
test_policy(void **state)
{
    (void)state;
    test_engine engine;
    cn_error err = CN_ERROR_INIT;
    cni_table *table = NULL;
    char path[512];
    int n_asked = 0;
    static const char *const names[] = {""};
    static const char *const paths[] = {"1.parquet", "*.parquet"};
    const cni_access_policy policy = {.open_file = refuse, .private_data = &n_asked};
    open_engine(&engine);
    engine.context.policy = &policy;
    for (int at = 0; at < 2; at++) {
        full_path(paths[at], path);
        const cni_value arg = text_value(path);
        assert_int_equal(open_with(&engine, &arg, names, 1, &table, &err), CN_UNAUTHORIZED);
        assert_int_equal(n_asked, at + 1);
    }
    test_engine_close(&engine);
}

/* A file replaced between planning and scanning is refused. */
static void
test_replaced_file(void **state)
{
    (void)state;
    test_engine engine;
    cn_error err = CN_ERROR_INIT;
    cni_table *table = NULL;
    char path[512];
    static const char *const names[] = {""};
    open_engine(&engine);
    copy_sample("runs", "replaced.parquet");
    full_path("replaced.parquet", path);
    const cni_value arg = text_value(path);
    assert_int_equal(open_with(&engine, &arg, names, 1, &table, &err), CN_OK);
    copy_sample("units", "replaced.parquet");
    const int32_t column = 0;
    const cni_scan_request request = {
        .n_columns = 1, .table_columns = &column, .limit = CNI_NO_LIMIT};
    int64_t n_rows = 0;
    assert_int_equal(test_scan_lines(table, &request, &engine.context, NULL, &n_rows, NULL, &err),
                     CN_INVALID_STATE);
    assert_non_null(strstr(err.message, "changed"));
    assert_int_equal(unlink(path), 0);
    cni_table_unref(table);
    test_engine_close(&engine);
}

static void
test_files(void **state)
{
    (void)state;
    test_engine engine;
    cn_error err = CN_ERROR_INIT;
    cni_file *file = NULL;
    char path[512];
    uint8_t bytes[8];
    open_engine(&engine);
    full_path("1.parquet", path);
    assert_int_equal(
        cni_file_open(engine.context.allocator, &engine.context, cni_str_of(path), &file, &err),
        CN_OK);
    assert_int_equal(cni_file_read(file, NULL, 0, 4, bytes, &err), CN_OK);
    assert_memory_equal(bytes, "PAR1", 4);
    assert_int_equal(cni_file_read(file, NULL, cni_file_size(file) - 4, 8, bytes, &err),
                     CN_INVALID_DATA);
    assert_int_equal(cni_file_read(file, NULL, -1, 4, bytes, &err), CN_INVALID_DATA);
    assert_int_equal(cni_file_read(file, NULL, INT64_MAX, 4, bytes, &err), CN_INVALID_DATA);
    cni_fault fault = {0};
    cni_counter_set(&fault.fail_at[CNI_FAULT_READ], 1);
    assert_int_equal(cni_file_read(file, &fault, 0, 4, bytes, &err), CN_IO);
    assert_non_null(strstr(err.message, "1.parquet"));
    cni_file_unref(file);
    (void)snprintf(path, sizeof(path), "file://%s/1.parquet", root);
    assert_int_equal(
        cni_file_open(engine.context.allocator, &engine.context, cni_str_of(path), &file, &err),
        CN_OK);
    cni_file_unref(file);
    assert_int_equal(
        cni_file_open(engine.context.allocator, &engine.context, CNI_STR("/dev/null"), &file, &err),
        CN_INVALID_ARGUMENT);
    assert_int_equal(
        cni_file_open(engine.context.allocator, &engine.context, CNI_STR(""), &file, &err),
        CN_INVALID_ARGUMENT);
    test_engine_close(&engine);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),      cmocka_unit_test(test_names),
        cmocka_unit_test(test_function),      cmocka_unit_test(test_policy),
        cmocka_unit_test(test_replaced_file), cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
