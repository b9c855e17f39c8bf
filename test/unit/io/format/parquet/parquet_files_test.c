/* SPDX-License-Identifier: Apache-2.0
 *
 * Parquet files of other writers against what they hold (test/data/parquet/generate.py): every
 * codec, encoding, page version and type; projections; filters against filtering afterwards;
 * pruning counted; statistics and answers; limits; several files; faults.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "io/format/parquet/parquet_table.h"
#include "plan/function/function.h"
#include "support/scan_text.h"

typedef struct sample {
    const char *name;
    const char *rows; /* NULL = the name */
} sample;

static const sample samples[] = {
    {"v1_none", "typed"},        {"v1_snappy", "typed"}, {"v1_gzip", "typed"},
    {"v1_lz4", "typed"},         {"v2_snappy", "typed"}, {"v2_zstd", "typed"},
    {"v2_brotli", "typed"},      {"encodings", NULL},    {"page_index", "sorted"},
    {"small_pages", "sorted"},   {"many_groups", NULL},  {"fallback", NULL},
    {"no_rows", NULL},           {"runs", NULL},         {"int96", NULL},
    {"decimal_int", NULL},       {"units", NULL},        {"duckdb_zstd", "duckdb"},
    {"duckdb_snappy", "duckdb"}, {"polars_zstd", NULL},  {"bloom", NULL},
};

#define N_SAMPLES   ((int32_t)(sizeof(samples) / sizeof(samples[0])))
#define MAX_COLUMNS 64

static void
expect_ok(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        fail_msg("%s: %s", cn_code_name((int32_t)code), err->message);
    }
}

static cni_str
sample_path(const char *name, char path[512])
{
    (void)snprintf(path, 512, "%s/parquet/%s.parquet", CN_TEST_DATA, name);
    return cni_str_of(path);
}

static cni_table *
open_sample(test_engine *engine, const char *name)
{
    char buffer[512];
    const cni_str path = sample_path(name, buffer);
    const cni_parquet_options options = {.binary_as_string = false};
    cni_table *table = NULL;
    cn_error err = CN_ERROR_INIT;
    expect_ok(cni_parquet_table_new(&engine->context, NULL, &path, 1, &options, NULL, &table, &err),
              &err);
    return table;
}

static void
open_engine(test_engine *engine, int32_t chunk_rows)
{
    cn_error err = CN_ERROR_INIT;
    expect_ok(test_engine_open(engine, INT64_C(1) << 30, chunk_rows, NULL, &err), &err);
}

static void
expected_lines(const sample *of, test_lines *out)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/parquet/%s.tsv", CN_TEST_DATA,
                   of->rows != NULL ? of->rows : of->name);
    assert_true(test_read_lines(path, out));
}

static void
compare_lines(const char *name, const test_lines *got, const test_lines *expected)
{
    for (int64_t line = 0; line < got->n && line < expected->n; line++) {
        if (strcmp(got->lines[line], expected->lines[line]) != 0) {
            fail_msg("%s, row %lld:\n  got      %s\n  expected %s", name, (long long)line,
                     got->lines[line], expected->lines[line]);
        }
    }
    if (got->n != expected->n) {
        fail_msg("%s: %lld rows, expected %lld", name, (long long)got->n, (long long)expected->n);
    }
}

static int32_t
all_columns(const cni_table *table, int32_t out[MAX_COLUMNS])
{
    for (int32_t column = 0; column < table->schema->n_fields; column++) {
        out[column] = column;
    }
    return table->schema->n_fields;
}

static void
test_all_values(void **state)
{
    (void)state;
    static const int32_t chunk_rows[] = {2048, 7, 1};
    for (int32_t at = 0; at < N_SAMPLES; at++) {
        test_lines expected = {0};
        expected_lines(&samples[at], &expected);
        for (size_t size = 0; size < sizeof(chunk_rows) / sizeof(chunk_rows[0]); size++) {
            test_engine engine;
            test_lines got = {0};
            int32_t columns[MAX_COLUMNS];
            int64_t n_rows;
            cn_error err = CN_ERROR_INIT;
            open_engine(&engine, chunk_rows[size]);
            cni_table *table = open_sample(&engine, samples[at].name);
            const int32_t n_columns = all_columns(table, columns);
            const cni_scan_request request = {
                .n_columns = n_columns, .table_columns = columns, .limit = CNI_NO_LIMIT};
            expect_ok(test_scan_lines(table, &request, &engine.context, &got, &n_rows, NULL, &err),
                      &err);
            compare_lines(samples[at].name, &got, &expected);
            cni_table_unref(table);
            test_engine_close(&engine);
            test_lines_free(&got);
        }
        test_lines_free(&expected);
    }
}

/* Field `column` of a line. */
static void
field_of(const char *line, int32_t column, char out[1024])
{
    for (; column > 0; column--) {
        line = strchr(line, '\t') + 1;
    }
    const size_t n = strcspn(line, "\t");
    assert_true(n < 1024);
    memcpy(out, line, n);
    out[n] = 0;
}

/* Columns in reverse order, the first one twice. */
static void
test_projection(void **state)
{
    (void)state;
    for (int32_t at = 0; at < N_SAMPLES; at++) {
        test_engine engine;
        test_lines expected = {0};
        test_lines got = {0};
        int32_t columns[MAX_COLUMNS];
        int64_t n_rows;
        cn_error err = CN_ERROR_INIT;
        open_engine(&engine, 100);
        expected_lines(&samples[at], &expected);
        cni_table *table = open_sample(&engine, samples[at].name);
        const int32_t n_fields = table->schema->n_fields;
        for (int32_t column = 0; column < n_fields; column++) {
            columns[column] = n_fields - 1 - column;
        }
        columns[n_fields] = n_fields - 1;
        const cni_scan_request request = {
            .n_columns = n_fields + 1, .table_columns = columns, .limit = CNI_NO_LIMIT};
        expect_ok(test_scan_lines(table, &request, &engine.context, &got, &n_rows, NULL, &err),
                  &err);
        assert_int_equal(got.n, expected.n);
        for (int64_t line = 0; line < got.n; line++) {
            for (int32_t column = 0; column <= n_fields; column++) {
                char left[1024];
                char right[1024];
                field_of(got.lines[line], column, left);
                field_of(expected.lines[line], columns[column], right);
                assert_string_equal(left, right);
            }
        }
        cni_table_unref(table);
        test_engine_close(&engine);
        test_lines_free(&got);
        test_lines_free(&expected);
    }
}

static bool
is_small_integer(const cni_type *type)
{
    return type->id >= CNI_TYPE_INT8 && type->id <= CNI_TYPE_UINT32;
}

static bool
fits_type(const cni_type *type, int64_t value)
{
    const bool is_signed = type->id <= CNI_TYPE_INT64;
    const int32_t n_bits = 8 * cni_phys_bytes(cni_type_phys(type), type) - is_signed;
    return (is_signed || value >= 0) &&
           llabs((long long)value) < (1LL << (n_bits < 62 ? n_bits : 62));
}

/* column < value, with column id = position */
static const cni_expr *
less_than(cni_arena *arena, const cni_table *table, int32_t column, int64_t value)
{
    const cni_type *type = table->schema->fields[column].type;
    const cni_value literal = {.type = type, .as.i64 = value};
    const cni_expr *left = NULL;
    const cni_expr *right = NULL;
    const cni_expr *compare = NULL;
    assert_int_equal(cni_expr_column(arena, column, type, &left, NULL), CN_OK);
    assert_int_equal(cni_expr_literal(arena, &literal, &right, NULL), CN_OK);
    assert_int_equal(cni_expr_compare(arena, CNI_LT, left, right, &compare, NULL), CN_OK);
    return compare;
}

typedef struct filtered {
    const char *name;
    cni_table *table;
    int32_t columns[MAX_COLUMNS];
    int32_t n_filters;
    const cni_expr *filters[4];
    int64_t limit;
} filtered;

static void
scan_filtered(test_engine *engine, const filtered *what, test_lines *out, cni_scan_counters *counts)
{
    cni_slot_of_table slots[MAX_COLUMNS];
    const int32_t n_fields = what->table->schema->n_fields;
    int64_t n_rows;
    cn_error err = CN_ERROR_INIT;
    for (int32_t column = 0; column < n_fields; column++) {
        slots[column] = (cni_slot_of_table){.column_id = column, .table_column = column};
    }
    const cni_scan_request request = {.n_columns = n_fields,
                                      .table_columns = what->columns,
                                      .n_filters = what->n_filters,
                                      .filters = what->filters,
                                      .n_filter_slots = n_fields,
                                      .filter_slots = slots,
                                      .limit = what->limit};
    for (int32_t filter = 0; filter < what->n_filters; filter++) {
        assert_int_equal(
            what->table->ops->supports_filter(what->table, what->filters[filter], slots, n_fields),
            CNI_FILTER_EXACT);
    }
    expect_ok(test_scan_lines(what->table, &request, &engine->context, out, &n_rows, counts, &err),
              &err);
}

/* Whether field `column` of the line is a number below `value`. */
static bool
passes(const char *line, int32_t column, int64_t value)
{
    char text[1024];
    field_of(line, column, text);
    return strcmp(text, "\\N") != 0 && strtoll(text, NULL, 10) < value;
}

typedef struct filter_try {
    int32_t column;
    int64_t value;
    int32_t second; /* -1 = none; else second column < 700 */
} filter_try;

/* One filter against filtering the expected lines. */
static void
check_filter(test_engine *engine, cni_arena *arena, filtered *what, const filter_try *try,
             const test_lines *expected)
{
    test_lines got = {0};
    test_lines wanted = {0};
    char label[96];
    what->n_filters = 1;
    what->filters[0] = less_than(arena, what->table, try->column, try->value);
    if (try->second >= 0) {
        what->filters[what->n_filters++] = less_than(arena, what->table, try->second, 700);
    }
    for (int64_t line = 0; line < expected->n; line++) {
        const char *text = expected->lines[line];
        if (passes(text, try->column, try->value) &&
            (try->second < 0 || passes(text, try->second, 700))) {
            test_lines_add(&wanted, text, (int64_t)strlen(text));
        }
    }
    scan_filtered(engine, what, &got, NULL);
    (void)snprintf(label, sizeof(label), "%s, %d < %lld, and %d", what->name, (int)try->column,
                   (long long)try->value, (int)try->second);
    compare_lines(label, &got, &wanted);
    test_lines_free(&got);
    test_lines_free(&wanted);
}

/* All values for one column, half of them with a second column. */
static void
check_column(test_engine *engine, cni_arena *arena, filtered *what, int32_t column, int32_t second,
             const test_lines *expected)
{
    static const int64_t values[] = {-100, 1, 2, 40, 500, 1200, 100000};
    const cni_field *fields = what->table->schema->fields;
    for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
        const bool is_double = v % 2 == 0 && second >= 0 && fits_type(fields[second].type, 700);
        const filter_try try = {column, values[v], is_double ? second : -1};
        if (fits_type(fields[column].type, values[v])) {
            check_filter(engine, arena, what, &try, expected);
        }
    }
}

/* Each integer column filtered at several places, alone and with a second column. */
static void
test_filters(void **state)
{
    (void)state;
    for (int32_t at = 0; at < N_SAMPLES; at++) {
        test_engine engine;
        test_lines expected = {0};
        cni_arena *arena = NULL;
        open_engine(&engine, 333);
        expected_lines(&samples[at], &expected);
        filtered what = {.name = samples[at].name, .limit = CNI_NO_LIMIT};
        what.table = open_sample(&engine, samples[at].name);
        const int32_t n_fields = all_columns(what.table, what.columns);
        assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
        int32_t last = -1;
        for (int32_t column = 0; column < n_fields; column++) {
            if (is_small_integer(what.table->schema->fields[column].type)) {
                check_column(&engine, arena, &what, column, last, &expected);
                last = column;
            }
        }
        cni_arena_unref(arena);
        cni_table_unref(what.table);
        test_engine_close(&engine);
        test_lines_free(&expected);
    }
}

/* What was skipped is counted: by row group statistics, by page index, for lack of survivors. */
static void
test_pruning(void **state)
{
    (void)state;
    static const char *const names[] = {"many_groups", "page_index", "small_pages"};
    for (int32_t at = 0; at < 3; at++) {
        test_engine engine;
        test_lines got = {0};
        cni_scan_counters counts = {0};
        cni_arena *arena = NULL;
        open_engine(&engine, 2048);
        assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
        filtered what = {.name = names[at], .limit = CNI_NO_LIMIT, .n_filters = 1};
        what.table = open_sample(&engine, names[at]);
        (void)all_columns(what.table, what.columns);
        what.filters[0] = less_than(arena, what.table, 0, 90);
        scan_filtered(&engine, &what, &got, &counts);
        assert_int_equal(got.n, 90);
        if (at == 0) {
            assert_int_equal(counts.row_groups, 20);
            assert_int_equal(counts.row_groups_pruned, 15);
            assert_int_equal(counts.rows_scanned, 100);
        } else if (at == 1) {
            assert_true(counts.pages_pruned > 20);
            assert_true(counts.rows_scanned < 400);
        } else {
            assert_true(counts.pages_pruned > 20);
            assert_int_equal(counts.rows_scanned, 2500);
        }
        assert_true(counts.bytes_read > 0);
        cni_arena_unref(arena);
        cni_table_unref(what.table);
        test_engine_close(&engine);
        test_lines_free(&got);
    }
}

static void
test_limit(void **state)
{
    (void)state;
    test_engine engine;
    cni_arena *arena = NULL;
    open_engine(&engine, 10);
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    filtered what = {.name = "many_groups"};
    what.table = open_sample(&engine, "many_groups");
    (void)all_columns(what.table, what.columns);
    for (int64_t limit = 0; limit < 50; limit += 7) {
        for (int32_t n_filters = 0; n_filters < 2; n_filters++) {
            test_lines got = {0};
            cni_scan_counters counts = {0};
            what.limit = limit;
            what.n_filters = n_filters;
            what.filters[0] = less_than(arena, what.table, 0, 300);
            scan_filtered(&engine, &what, &got, &counts);
            assert_true(got.n >= limit);
            assert_true(counts.rows_scanned <= limit + 40);
            for (int64_t line = 0; line < limit; line++) {
                assert_true(strtoll(got.lines[line], NULL, 10) == line);
            }
            test_lines_free(&got);
        }
    }
    cni_arena_unref(arena);
    cni_table_unref(what.table);
    test_engine_close(&engine);
}

typedef struct worker {
    pthread_t thread;
    cni_scan *scan;
    cni_context *context;
    int64_t n_rows;
    cn_code code;
} worker;

static void *
run_worker(void *argument)
{
    worker *self = argument;
    self->code = test_scan_worker(self->scan, self->context, NULL, &self->n_rows, NULL);
    return NULL;
}

/* Several workers share row groups, directories and dictionaries. */
static void
test_threads(void **state)
{
    (void)state;
    for (int32_t at = 0; at < N_SAMPLES; at++) {
        test_engine engine;
        test_lines expected = {0};
        int32_t columns[MAX_COLUMNS];
        worker workers[4] = {0};
        cni_scan *scan = NULL;
        open_engine(&engine, 64);
        expected_lines(&samples[at], &expected);
        cni_table *table = open_sample(&engine, samples[at].name);
        const int32_t n_columns = all_columns(table, columns);
        const cni_scan_request request = {
            .n_columns = n_columns, .table_columns = columns, .limit = CNI_NO_LIMIT};
        assert_int_equal(table->ops->open_scan(table, &request, &engine.context, &scan, NULL),
                         CN_OK);
        int64_t n_rows = 0;
        for (int32_t w = 0; w < 4; w++) {
            workers[w].scan = scan;
            workers[w].context = &engine.context;
            assert_int_equal(pthread_create(&workers[w].thread, NULL, run_worker, &workers[w]), 0);
        }
        for (int32_t w = 0; w < 4; w++) {
            assert_int_equal(pthread_join(workers[w].thread, NULL), 0);
            assert_int_equal(workers[w].code, CN_OK);
            n_rows += workers[w].n_rows;
        }
        assert_int_equal(n_rows, expected.n);
        assert_true(scan->ops->progress(scan) == 1.0);
        cni_scan_close(scan);
        cni_table_unref(table);
        test_engine_close(&engine);
        test_lines_free(&expected);
    }
}

static void
test_row_counts_only(void **state)
{
    (void)state;
    test_engine engine;
    test_lines got = {0};
    int64_t n_rows;
    open_engine(&engine, 2048);
    cni_table *table = open_sample(&engine, "page_index");
    const cni_scan_request request = {.limit = CNI_NO_LIMIT};
    assert_int_equal(test_scan_lines(table, &request, &engine.context, &got, &n_rows, NULL, NULL),
                     CN_OK);
    assert_int_equal(n_rows, 2500);
    cni_table_unref(table);
    test_engine_close(&engine);
    test_lines_free(&got);
}

static void
test_metadata(void **state)
{
    (void)state;
    test_engine engine;
    cni_arena *arena = NULL;
    cn_error err = CN_ERROR_INIT;
    open_engine(&engine, 2048);
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    cni_table *table = open_sample(&engine, "many_groups");
    cni_table_stats stats;
    expect_ok(table->ops->statistics(table, arena, &stats, &err), &err);
    assert_int_equal(stats.rows_mark, CNI_STAT_CLAIMED);
    assert_int_equal(stats.n_rows, 400);
    assert_int_equal(stats.columns[0].bounds_mark, CNI_STAT_CLAIMED);
    assert_int_equal(stats.columns[0].low.as.i64, 0);
    assert_int_equal(stats.columns[0].high.as.i64, 399);
    assert_int_equal(stats.columns[4].n_nulls, 134);
    assert_int_equal(stats.columns[5].n_nulls, 400);
    assert_int_equal(stats.columns[5].bounds_mark, CNI_STAT_UNKNOWN);
    const cni_metadata_question questions[] = {
        {.builtin = CNI_AGGREGATE_COUNT_STAR, .table_column = -1},
        {.builtin = CNI_AGGREGATE_COUNT, .table_column = 4},
        {.builtin = CNI_AGGREGATE_MIN, .table_column = 4},
        {.builtin = CNI_AGGREGATE_MAX, .table_column = 1},
        {.builtin = CNI_AGGREGATE_MAX, .table_column = 5},
    };
    cni_value values[5];
    bool is_answered = false;
    expect_ok(table->ops->answer(table, arena, questions, 5, values, &is_answered, &err), &err);
    assert_true(is_answered);
    assert_int_equal(values[0].as.i64, 400);
    assert_int_equal(values[1].as.i64, 266);
    assert_int_equal(values[2].as.i64, 1);
    assert_int_equal(values[3].as.i64, 199);
    assert_true(values[4].is_null);
    /* a text's bounds may be cut: not an answer unless the file says they are not */
    cni_table_unref(table);
    cni_arena_unref(arena);
    test_engine_close(&engine);
}

static void
test_nested(void **state)
{
    (void)state;
    test_engine engine;
    test_lines got = {0};
    test_lines expected = {0};
    const sample nested = {"nested", NULL};
    int64_t n_rows;
    cn_error err = CN_ERROR_INIT;
    open_engine(&engine, 2048);
    cni_table *table = open_sample(&engine, "nested");
    assert_int_equal(table->schema->n_fields, 5);
    assert_int_equal(table->schema->fields[1].type->id, CNI_TYPE_LIST);
    assert_int_equal(table->schema->fields[2].type->id, CNI_TYPE_STRUCT);
    assert_int_equal(table->schema->fields[3].type->id, CNI_TYPE_MAP);
    const int32_t flat[] = {0, 4};
    cni_scan_request request = {.n_columns = 2, .table_columns = flat, .limit = CNI_NO_LIMIT};
    expect_ok(test_scan_lines(table, &request, &engine.context, &got, &n_rows, NULL, &err), &err);
    expected_lines(&nested, &expected);
    compare_lines("nested", &got, &expected);
    for (int32_t column = 1; column < 4; column++) {
        request =
            (cni_scan_request){.n_columns = 1, .table_columns = &column, .limit = CNI_NO_LIMIT};
        assert_int_equal(
            test_scan_lines(table, &request, &engine.context, &got, &n_rows, NULL, &err),
            CN_NOT_IMPLEMENTED);
        assert_non_null(strstr(err.message, "nested"));
    }
    cni_table_unref(table);
    test_engine_close(&engine);
    test_lines_free(&got);
    test_lines_free(&expected);
}

static void
test_several_files(void **state)
{
    (void)state;
    test_engine engine;
    cn_error err = CN_ERROR_INIT;
    char first[512];
    char second[512];
    const cni_parquet_options options = {.binary_as_string = false};
    cni_table *table = NULL;
    open_engine(&engine, 2048);
    const cni_str same[] = {sample_path("page_index", first), sample_path("many_groups", second)};
    expect_ok(cni_parquet_table_new(&engine.context, NULL, same, 2, &options, NULL, &table, &err),
              &err);
    test_lines got = {0};
    int64_t n_rows;
    const int32_t column = 0;
    const cni_scan_request request = {
        .n_columns = 1, .table_columns = &column, .limit = CNI_NO_LIMIT};
    expect_ok(test_scan_lines(table, &request, &engine.context, &got, &n_rows, NULL, &err), &err);
    assert_int_equal(n_rows, 2900);
    assert_string_equal(got.lines[2499], "2499");
    assert_string_equal(got.lines[2500], "0");
    test_lines_free(&got);
    cni_table_unref(table);
    const cni_str other[] = {sample_path("runs", first), sample_path("fallback", second)};
    assert_int_equal(
        cni_parquet_table_new(&engine.context, NULL, other, 2, &options, NULL, &table, &err),
        CN_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "'c'"));
    assert_non_null(strstr(err.message, "'t'"));
    assert_non_null(strstr(err.message, "runs.parquet"));
    test_engine_close(&engine);
}

/* The cache gives the same footer again, and forgets under its limit. */
static void
test_cache(void **state)
{
    (void)state;
    test_engine engine;
    cni_parquet_cache *cache = NULL;
    const cni_parquet_options options = {.binary_as_string = false};
    cn_error err = CN_ERROR_INIT;
    open_engine(&engine, 2048);
    expect_ok(cni_parquet_cache_new(cni_allocator_system(), 200000, &cache, &err), &err);
    const cni_schema *seen = NULL;
    for (int32_t round = 0; round < 3; round++) {
        for (int32_t at = 0; at < N_SAMPLES; at++) {
            char buffer[512];
            cni_table *table = NULL;
            const cni_str path = sample_path(samples[at].name, buffer);
            expect_ok(cni_parquet_table_new(&engine.context, cache, &path, 1, &options, NULL,
                                            &table, &err),
                      &err);
            seen = table->schema;
            assert_non_null(seen);
            cni_table_unref(table);
        }
    }
    /* Short of memory it drops what it has: some, then all. */
    assert_true(cni_parquet_cache_reclaim(cache, 1) >= 1);
    assert_true(cni_parquet_cache_reclaim(cache, INT64_MAX) > 0);
    assert_int_equal(cni_parquet_cache_reclaim(cache, INT64_MAX), 0);
    cni_parquet_cache_free(cache);
    test_engine_close(&engine);
}

/* One run with the Nth operation of a kind failing; false when nothing failed any more. */
static bool
run_with_fault(const char *name, cni_fault_kind kind, int64_t fail_at)
{
    cni_fault fault = {0};
    test_engine engine;
    char buffer[512];
    int32_t columns[MAX_COLUMNS];
    int64_t n_rows = 0;
    cni_table *table = NULL;
    const cni_str path = sample_path(name, buffer);
    const cni_parquet_options options = {.binary_as_string = false};
    cni_counter_set(&fault.fail_at[kind], fail_at);
    cn_code code = test_engine_open(&engine, INT64_C(1) << 30, 2048, &fault, NULL);
    if (code == CN_OK) {
        code = cni_parquet_table_new(&engine.context, NULL, &path, 1, &options, NULL, &table, NULL);
    }
    if (code == CN_OK) {
        const int32_t n_columns = all_columns(table, columns);
        const cni_scan_request request = {
            .n_columns = n_columns, .table_columns = columns, .limit = CNI_NO_LIMIT};
        code = test_scan_lines(table, &request, &engine.context, NULL, &n_rows, NULL, NULL);
    }
    cni_table_unref(table);
    test_engine_close(&engine);
    const bool was_hit = cni_counter_get(&fault.n_hits[kind]) >= fail_at;
    if (was_hit && kind == CNI_FAULT_READ) {
        assert_int_equal(code, CN_IO);
    } else if (was_hit) {
        assert_true(code == CN_NO_MEMORY || code == CN_OK);
    } else {
        assert_int_equal(code, CN_OK);
    }
    return was_hit;
}

static void
test_faults(void **state)
{
    (void)state;
    static const char *const names[] = {"v1_snappy", "encodings", "fallback", "v2_brotli"};
    for (int32_t at = 0; at < 4; at++) {
        int64_t fail_at = 1;
        while (run_with_fault(names[at], CNI_FAULT_READ, fail_at)) {
            fail_at++;
        }
        assert_true(fail_at > 3);
        fail_at = 1;
        while (run_with_fault(names[at], CNI_FAULT_ALLOC, fail_at)) {
            fail_at += 1 + fail_at / 50;
        }
        assert_true(fail_at > 10);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_values),      cmocka_unit_test(test_projection),
        cmocka_unit_test(test_filters),         cmocka_unit_test(test_pruning),
        cmocka_unit_test(test_limit),           cmocka_unit_test(test_threads),
        cmocka_unit_test(test_row_counts_only), cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_nested),          cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_cache),           cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
