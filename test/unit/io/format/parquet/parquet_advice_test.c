/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators above tell Parquet scans: key filters of every kind over every type against
 * filtering afterwards, the boundary of a top-N; what was pruned and removed is counted; several
 * workers; faults.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "io/format/parquet/bloom_int.h"
#include "io/format/parquet/parquet_table.h"
#include "plan/function/function.h"
#include "plan/table/dynamic_filter.h"
#include "support/make_key_filter.h"
#include "support/scan_text.h"

#define MAX_COLUMNS 64
#define MAX_VECTORS 256

static const char *const samples[] = {"v1_none",     "v1_snappy",   "v2_zstd",       "encodings",
                                      "page_index",  "small_pages", "fallback",      "many_groups",
                                      "runs",        "int96",       "decimal_int",   "units",
                                      "duckdb_zstd", "polars_zstd", "duckdb_snappy", "bloom"};

#define N_SAMPLES ((int32_t)(sizeof(samples) / sizeof(samples[0])))

static void
expect_ok(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        fail_msg("%s: %s", cn_code_name((int32_t)code), err->message);
    }
}

static void
open_engine(test_engine *engine, int32_t chunk_rows)
{
    cn_error err = CN_ERROR_INIT;
    expect_ok(test_engine_open(engine, INT64_C(1) << 30, chunk_rows, NULL, &err), &err);
}

static cn_code
open_table(test_engine *engine, const char *name, cni_table **out_table, cn_error *err)
{
    char buffer[512];
    const cni_parquet_options options = {.binary_as_string = false};
    (void)snprintf(buffer, sizeof(buffer), "%s/parquet/%s.parquet", CN_TEST_DATA, name);
    const cni_str path = cni_str_of(buffer);
    return cni_parquet_table_new(&engine->context, NULL, &path, 1, &options, NULL, out_table, err);
}

static cni_table *
open_sample(test_engine *engine, const char *name)
{
    cni_table *table = NULL;
    cn_error err = CN_ERROR_INIT;
    expect_ok(open_table(engine, name, &table, &err), &err);
    return table;
}

static int32_t
all_columns(const cni_table *table, int32_t out[MAX_COLUMNS])
{
    for (int32_t column = 0; column < table->schema->n_fields; column++) {
        out[column] = column;
    }
    return table->schema->n_fields;
}

/* All columns of a table under some advice. */
static cn_code
scan_with(test_engine *engine, cni_table *table, const cni_scan_request *advice, test_lines *out,
          cni_scan_counters *counts, cn_error *err)
{
    int32_t columns[MAX_COLUMNS];
    int64_t n_rows;
    cni_scan_request request = *advice;
    if (request.table_columns == NULL) {
        request.n_columns = all_columns(table, columns);
        request.table_columns = columns;
    }
    request.limit = CNI_NO_LIMIT;
    return test_scan_lines(table, &request, &engine->context, out, &n_rows, counts, err);
}

static void
scan_ok(test_engine *engine, cni_table *table, const cni_scan_request *advice, test_lines *out,
        cni_scan_counters *counts)
{
    cn_error err = CN_ERROR_INIT;
    expect_ok(scan_with(engine, table, advice, out, counts, &err), &err);
}

/* ---- keys taken from a column ---- */

typedef struct key_rows {
    cni_vector vectors[MAX_VECTORS];
    int32_t n;
} key_rows;

static void
key_rows_done(key_rows *self)
{
    for (int32_t at = 0; at < self->n; at++) {
        cni_vector_done(&self->vectors[at]);
    }
    self->n = 0;
}

/* Rows `first`, `first + every` ... of each chunk of a column. */
static void
take_keys(test_engine *engine, cni_table *table, int32_t column, int64_t first, int64_t every,
          key_rows *out)
{
    const cni_scan_request request = {
        .n_columns = 1, .table_columns = &column, .limit = CNI_NO_LIMIT};
    cni_scan *scan = NULL;
    void *local = NULL;
    cni_chunk chunk;
    int64_t morsel;
    uint32_t rows[CNI_CHUNK_ROWS_MAX];
    cni_chunk_init(&chunk, engine->context.allocator);
    assert_int_equal(table->ops->open_scan(table, &request, &engine->context, &scan, NULL), CN_OK);
    assert_int_equal(scan->ops->open_local(scan, &local, NULL), CN_OK);
    while (scan->ops->next_morsel(scan, (cni_waker){NULL}, &morsel) == CNI_MORSEL_TAKEN) {
        cni_read_answer answer = CNI_READ_CHUNK;
        while (answer == CNI_READ_CHUNK) {
            int64_t n = 0;
            cni_chunk_reset(&chunk);
            assert_int_equal(
                scan->ops->read(scan, local, morsel, (cni_waker){NULL}, &chunk, &answer, NULL),
                CN_OK);
            for (int64_t row = first; row < chunk.n_rows; row += every) {
                rows[n++] = (uint32_t)row;
            }
            if (answer == CNI_READ_CHUNK && n > 0) {
                assert_true(out->n < MAX_VECTORS);
                assert_int_equal(cni_vector_take(engine->context.allocator, &chunk.columns[0], rows,
                                                 n, &out->vectors[out->n++], NULL),
                                 CN_OK);
            }
            answer = chunk.ends_morsel ? CNI_READ_END : answer;
        }
    }
    cni_chunk_done(&chunk);
    scan->ops->close_local(scan, local);
    cni_scan_close(scan);
}

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

/* The texts of keys, NULL left out. */
static void
key_texts(const key_rows *keys, test_lines *out)
{
    cni_strbuf buffer;
    cni_strbuf_init(&buffer, cni_allocator_system(), INT64_C(1) << 30);
    for (int32_t at = 0; at < keys->n; at++) {
        for (int64_t row = 0; row < keys->vectors[at].n_rows; row++) {
            cni_strbuf_reset(&buffer);
            if (cni_vector_is_valid(&keys->vectors[at], row)) {
                assert_int_equal(test_print_value(&keys->vectors[at], row, &buffer, NULL), CN_OK);
                const cni_str text = cni_strbuf_view(&buffer);
                test_lines_add(out, text.data == NULL ? "" : text.data, text.len_bytes);
            }
        }
    }
    cni_strbuf_done(&buffer);
}

static bool
is_among(const test_lines *texts, const char *text)
{
    for (int64_t line = 0; line < texts->n; line++) {
        if (strcmp(texts->lines[line], text) == 0) {
            return true;
        }
    }
    return false;
}

/* `got` are lines of `all` in order: every one whose key is among the texts, and few others (none
 * when exact), none of a NULL key. Gives how many others there were. */
static int64_t
check_lines(const test_lines *all, const test_lines *got, const test_lines *texts, int32_t column,
            bool is_exact)
{
    int64_t at = 0;
    int64_t n_others = 0;
    for (int64_t line = 0; line < all->n; line++) {
        char key[1024];
        field_of(all->lines[line], column, key);
        const bool is_null = strcmp(key, "\\N") == 0;
        const bool wanted = !is_null && is_among(texts, key);
        const bool is_there = at < got->n && strcmp(got->lines[at], all->lines[line]) == 0;
        assert_true(is_there || !wanted);
        if (is_there && !wanted) {
            assert_false(is_exact || is_null);
            n_others++;
        }
        at += is_there;
    }
    assert_int_equal(at, got->n);
    return n_others;
}

static void
check_column(test_engine *engine, cni_table *table, int32_t column, const test_lines *all)
{
    static const int64_t every[] = {3, 97};
    const cni_type *type = table->schema->fields[column].type;
    for (int32_t try = 0; try < 2; try++) {
        key_rows keys = {.n = 0};
        test_lines texts = {0};
        test_lines got = {0};
        cni_key_filter *filter = NULL;
        cni_scan_counters counts;
        cn_error err = CN_ERROR_INIT;
        take_keys(engine, table, column, 1, every[try], &keys);
        key_texts(&keys, &texts);
        expect_ok(test_make_key_filter(engine->context.allocator, type, keys.vectors, keys.n,
                                       &filter, &err),
                  &err);
        const cni_key_filter_kind kind = cni_key_filter_kind_of(filter);
        const cni_scan_key_filter key = {.table_column = column, .filter = filter};
        const cni_scan_request advice = {.n_key_filters = 1, .key_filters = &key};
        scan_ok(engine, table, &advice, &got, &counts);
        const bool is_exact = kind == CNI_KEY_FILTER_NONE || kind == CNI_KEY_FILTER_LIST ||
                              kind == CNI_KEY_FILTER_BITMAP;
        const int64_t n_others = check_lines(all, &got, &texts, column, is_exact);
        assert_true(kind != CNI_KEY_FILTER_BLOOM || n_others <= 3 + all->n / 20);
        assert_int_equal(counts.rows_dynamic, counts.rows_scanned - got.n);
        assert_int_equal(counts.rows_filtered, 0);
        assert_int_equal(cni_key_filter_rows_left(filter), got.n);
        cni_key_filter_unref(filter);
        key_rows_done(&keys);
        test_lines_free(&texts);
        test_lines_free(&got);
    }
}

static void
test_every_type(void **state)
{
    (void)state;
    for (int32_t at = 0; at < N_SAMPLES; at++) {
        test_engine engine;
        test_lines all = {0};
        const cni_scan_request none = {.n_filters = 0};
        open_engine(&engine, 333);
        cni_table *table = open_sample(&engine, samples[at]);
        scan_ok(&engine, table, &none, &all, NULL);
        for (int32_t column = 0; column < table->schema->n_fields; column++) {
            check_column(&engine, table, column, &all);
        }
        cni_table_unref(table);
        test_engine_close(&engine);
        test_lines_free(&all);
    }
}

/* ---- what is skipped ---- */

static cni_key_filter *
keys_i64(test_engine *engine, const int64_t *keys, int64_t n_keys)
{
    cni_key_filter *filter = NULL;
    assert_int_equal(
        test_make_key_filter_i64(engine->context.allocator, keys, n_keys, &filter, NULL), CN_OK);
    return filter;
}

static void
scan_keys(const char *name, const int64_t *keys, int64_t n_keys, test_lines *out,
          cni_scan_counters *counts)
{
    test_engine engine;
    open_engine(&engine, 2048);
    cni_table *table = open_sample(&engine, name);
    cni_key_filter *filter = keys_i64(&engine, keys, n_keys);
    const cni_scan_key_filter key = {.table_column = 0, .filter = filter};
    const cni_scan_request advice = {.n_key_filters = 1, .key_filters = &key};
    scan_ok(&engine, table, &advice, out, counts);
    cni_key_filter_unref(filter);
    cni_table_unref(table);
    test_engine_close(&engine);
}

static void
test_groups_pruned(void **state)
{
    (void)state;
    static const int64_t keys[] = {5, 17, 250};
    static const int64_t far[] = {5, 17, INT64_C(1) << 40};
    test_lines got = {0};
    cni_scan_counters counts;
    scan_keys("many_groups", keys, 3, &got, &counts); /* a bitmap */
    assert_int_equal(got.n, 3);
    assert_int_equal(counts.row_groups_pruned, 18);
    assert_int_equal(counts.rows_scanned, 40);
    assert_int_equal(counts.rows_dynamic, 37);
    test_lines_free(&got);
    scan_keys("many_groups", far, 3, &got, &counts); /* a list */
    assert_int_equal(got.n, 2);
    assert_int_equal(counts.row_groups_pruned, 19);
    assert_int_equal(counts.rows_scanned, 20);
    test_lines_free(&got);
    scan_keys("many_groups", keys, 0, &got, &counts); /* none */
    assert_int_equal(got.n, 0);
    assert_int_equal(counts.row_groups_pruned, 20);
    assert_int_equal(counts.rows_scanned, 0);
    assert_int_equal(counts.bytes_read, 0);
}

static void
test_pages_pruned(void **state)
{
    (void)state;
    static const int64_t keys[] = {5, 6, 2000};
    test_lines got = {0};
    cni_scan_counters counts;
    scan_keys("page_index", keys, 3, &got, &counts);
    assert_int_equal(got.n, 3);
    assert_true(counts.pages_pruned > 20);
    assert_true(counts.rows_scanned < 700);
    test_lines_free(&got);
    scan_keys("small_pages", keys, 3, &got, &counts); /* other columns' pages stay closed */
    assert_int_equal(got.n, 3);
    assert_true(counts.pages_pruned > 20);
    assert_int_equal(counts.rows_scanned, 2500);
    assert_int_equal(counts.rows_dynamic, 2497);
    test_lines_free(&got);
}

/* One that was found useless is not looked at, nor is its column read for it. */
static void
test_useless(void **state)
{
    (void)state;
    static const int64_t keys[] = {5, 6, 2000};
    static const int32_t name_column = 2;
    test_engine engine;
    test_lines got = {0};
    cni_scan_counters with;
    cni_scan_counters without;
    open_engine(&engine, 2048);
    cni_table *table = open_sample(&engine, "small_pages");
    cni_key_filter *filter = keys_i64(&engine, keys, 3);
    const cni_scan_key_filter key = {.table_column = 0, .filter = filter};
    cni_scan_request advice = {.n_columns = 1, .table_columns = &name_column};
    scan_ok(&engine, table, &advice, &got, &without);
    assert_int_equal(got.n, 2500);
    test_lines_free(&got);
    cni_key_filter_count(filter, 1 << 17, 1 << 17);
    assert_false(cni_key_filter_is_active(filter));
    advice.n_key_filters = 1;
    advice.key_filters = &key;
    scan_ok(&engine, table, &advice, &got, &with);
    assert_int_equal(got.n, 2500);
    assert_int_equal(with.rows_dynamic, 0);
    assert_int_equal(with.bytes_read, without.bytes_read);
    assert_int_equal(cni_key_filter_rows_in(filter), 1 << 17);
    test_lines_free(&got);
    cni_key_filter_unref(filter);
    cni_table_unref(table);
    test_engine_close(&engine);
}

/* ---- Bloom filters ---- */

/* column = value, or column IN (value), with column id = position */
static const cni_expr *
equals(cni_arena *arena, int32_t column, const cni_value *value, bool as_list)
{
    const cni_expr *left = NULL;
    const cni_expr *right = NULL;
    const cni_expr *made = NULL;
    assert_int_equal(cni_expr_column(arena, column, value->type, &left, NULL), CN_OK);
    assert_int_equal(cni_expr_literal(arena, value, &right, NULL), CN_OK);
    if (as_list) {
        const cni_expr *args[] = {left, right};
        const cni_expr in = {.kind = CNI_EXPR_IN,
                             .type = cni_type_of(CNI_TYPE_BOOL),
                             .n_args = 2,
                             .args = args,
                             .sql_offset = -1};
        assert_int_equal(cni_expr_new(arena, &in, &made, NULL), CN_OK);
    } else {
        assert_int_equal(cni_expr_compare(arena, CNI_EQ, right, left, &made, NULL), CN_OK);
    }
    return made;
}

/* Every tenth value of a column is found, and in one group of three; gives how many groups were
 * pruned per value. */
static double
find_each(test_engine *engine, cni_table *table, int32_t column, const test_lines *all)
{
    key_rows keys = {.n = 0};
    cni_arena *arena = NULL;
    int64_t n_pruned = 0;
    int64_t n_tried = 0;
    const cni_slot_of_table slot = {.column_id = column, .table_column = column};
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    take_keys(engine, table, column, 1, 10, &keys);
    for (int32_t at = 0; at < keys.n; at++) {
        for (int64_t row = 0; row < keys.vectors[at].n_rows; row++) {
            key_rows one = {.n = 1};
            test_lines texts = {0};
            test_lines got = {0};
            cni_scan_counters counts;
            cni_value value;
            if (!cni_vector_is_valid(&keys.vectors[at], row)) {
                continue;
            }
            cni_vector_slice(&one.vectors[0], &keys.vectors[at], row, 1);
            key_texts(&one, &texts);
            assert_int_equal(cni_value_from_vector(arena, &keys.vectors[at], row, &value, NULL),
                             CN_OK);
            const cni_expr *filter = equals(arena, column, &value, row % 2 == 0);
            const cni_scan_request advice = {
                .n_filters = 1, .filters = &filter, .n_filter_slots = 1, .filter_slots = &slot};
            scan_ok(engine, table, &advice, &got, &counts);
            assert_int_equal(check_lines(all, &got, &texts, column, true), 0);
            assert_true(got.n > 0);
            n_pruned += counts.row_groups_pruned;
            n_tried++;
            key_rows_done(&one);
            test_lines_free(&texts);
            test_lines_free(&got);
        }
    }
    key_rows_done(&keys);
    cni_arena_unref(arena);
    return (double)n_pruned / (double)n_tried;
}

static void
test_blooms(void **state)
{
    (void)state;
    test_engine engine;
    test_lines all = {0};
    const cni_scan_request none = {.n_filters = 0};
    open_engine(&engine, 333);
    cni_table *table = open_sample(&engine, "bloom");
    scan_ok(&engine, table, &none, &all, NULL);
    for (int32_t column = 0; column < 6; column++) {
        assert_true(find_each(&engine, table, column, &all) > 1.8);
    }
    assert_true(find_each(&engine, table, 6, &all) < 0.2); /* without filters */
    cni_table_unref(table);
    test_lines_free(&all);
    table = open_sample(&engine, "duckdb_zstd"); /* of another writer */
    scan_ok(&engine, table, &none, &all, NULL);
    assert_true(find_each(&engine, table, 1, &all) < 0.1); /* all groups have all values */
    cni_table_unref(table);
    test_lines_free(&all);
    test_engine_close(&engine);
}

/* Keys of a join that are no rows' although they lie between them. */
static void
test_bloom_of_keys(void **state)
{
    (void)state;
    static const int64_t keys[] = {13001, 500000001, 900000001};
    static const int64_t there[] = {13000, 500000001, 900000001}; /* of the first row */
    test_lines got = {0};
    cni_scan_counters counts;
    scan_keys("bloom", keys, 3, &got, &counts);
    assert_int_equal(got.n, 0);
    assert_int_equal(counts.row_groups_pruned, 3);
    assert_int_equal(counts.rows_scanned, 0);
    scan_keys("bloom", there, 3, &got, &counts);
    assert_int_equal(got.n, 1);
    assert_int_equal(counts.row_groups_pruned, 2);
    assert_int_equal(counts.rows_dynamic, counts.rows_scanned - 1);
    test_lines_free(&got);
}

static void
test_bloom_parts(void **state)
{
    (void)state;
    static const char text[] = "Call me Ishmael. Some years ago--never mind how long precisely-";
    /* 64 bytes; BLOCK, XXHASH, UNCOMPRESSED */
    static const uint8_t header[] = {0x15, 0x80, 0x01, 0x1C, 0x1C, 0x00, 0x00, 0x1C,
                                     0x1C, 0x00, 0x00, 0x1C, 0x1C, 0x00, 0x00, 0x00};
    int64_t n_header = 0;
    int64_t n_blocks = 0;
    assert_true(cni_pq_bloom_hash("", 0) == UINT64_C(0xEF46DB3751D8E999));
    assert_true(cni_pq_bloom_hash("a", 1) == UINT64_C(0xD24EC4F1A98C6E5B));
    assert_true(cni_pq_bloom_hash("abc", 3) == UINT64_C(0x44BC2CF5AD770999));
    assert_true(cni_pq_bloom_hash(text, 63) == UINT64_C(0x02A2E85470D6FD96));
    assert_true(cni_pq_bloom_header_parse(header, sizeof(header), &n_header, &n_blocks));
    assert_int_equal(n_header, sizeof(header));
    assert_int_equal(n_blocks, 64);
    for (size_t n_bytes = 0; n_bytes < sizeof(header); n_bytes++) {
        uint8_t damaged[sizeof(header)];
        uint8_t *cut = malloc(n_bytes + 1); /* so that a byte too far is seen */
        memcpy(cut, header, n_bytes);
        assert_false(cni_pq_bloom_header_parse(cut, (int64_t)n_bytes, &n_header, &n_blocks));
        free(cut);
        memcpy(damaged, header, sizeof(header));
        damaged[n_bytes] ^= 0x2C;
        if (cni_pq_bloom_header_parse(damaged, sizeof(damaged), &n_header, &n_blocks)) {
            assert_true(n_blocks > 0 && n_blocks % CNI_PQ_BLOOM_BLOCK == 0);
        }
    }
}

/* ---- with other filters ---- */

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

/* Every combination of a filter, a key filter on the same column, one on another, a boundary. */
static void
test_combined(void **state)
{
    (void)state;
    static const char *const names[] = {"page_index", "small_pages"};
    for (int32_t mask = 0; mask < 32; mask++) {
        test_engine engine;
        test_lines got = {0};
        cni_scan_counters counts;
        cni_arena *arena = NULL;
        int64_t keys[500];
        int32_t halves[300];
        open_engine(&engine, 500);
        assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
        cni_table *table = open_sample(&engine, names[mask & 1]);
        for (int64_t at = 0; at < 500; at++) {
            keys[at] = at * 5;
        }
        for (int32_t at = 0; at < 300; at++) {
            halves[at] = at * 4;
        }
        const cni_vector other = {.type = cni_type_of(CNI_TYPE_INT32),
                                  .phys = CNI_PHYS_I32,
                                  .n_rows = 300,
                                  .data = halves};
        cni_scan_key_filter filters[2] = {
            {.table_column = 0, .filter = keys_i64(&engine, keys, 500)}, {.table_column = 1}};
        assert_int_equal(test_make_key_filter(engine.context.allocator, other.type, &other, 1,
                                              &filters[1].filter, NULL),
                         CN_OK);
        const cni_expr *below = less_than(arena, table, 0, 1999);
        const cni_slot_of_table slot = {.column_id = 0, .table_column = 0};
        cni_dynamic_filter_set dynamic = {
            .table_column = 0, .key = {.type = cni_type_of(CNI_TYPE_INT64), .descending = true}};
        const int64_t bound = 700;
        const cni_vector bounds = {
            .type = dynamic.key.type, .phys = CNI_PHYS_I64, .n_rows = 1, .data = &bound};
        uint64_t lead[8];
        assert_int_equal(cni_sort_leads(cni_allocator_system(), &dynamic.key, &bounds, lead, NULL),
                         CN_OK);
        cni_counter_set(&dynamic.boundary, INT64_MAX);
        cni_boundary_offer(&dynamic.boundary, lead[0]);
        const cni_scan_request advice = {.n_filters = (mask & 2) != 0,
                                         .filters = &below,
                                         .n_filter_slots = 1,
                                         .filter_slots = &slot,
                                         .dynamic = (mask & 4) != 0 ? &dynamic : NULL,
                                         .n_key_filters = (mask >> 3 & 1) + (mask >> 4 & 1),
                                         .key_filters = (mask & 8) != 0 ? filters : filters + 1};
        scan_ok(&engine, table, &advice, &got, &counts);
        int64_t line = 0;
        for (int64_t k = 0; k < 2500; k++) {
            const bool stays = ((mask & 2) == 0 || k < 1999) && ((mask & 4) == 0 || k >= bound) &&
                               ((mask & 8) == 0 || k % 5 == 0) &&
                               ((mask & 16) == 0 || (k / 2 % 4 == 0 && k / 2 < 1200));
            if (stays) {
                assert_true(line < got.n);
                assert_int_equal(strtoll(got.lines[line++], NULL, 10), k);
            }
        }
        assert_int_equal(line, got.n);
        assert_true(counts.rows_dynamic + counts.rows_filtered == counts.rows_scanned - got.n);
        cni_key_filter_unref(filters[0].filter);
        cni_key_filter_unref(filters[1].filter);
        cni_arena_unref(arena);
        cni_table_unref(table);
        test_engine_close(&engine);
        test_lines_free(&got);
    }
}

/* ---- the boundary of a top-N ---- */

typedef struct boundary_try {
    const char *name;
    int32_t column;
    bool descending;
    bool nulls_first;
    int64_t bound;
    int64_t n_groups_pruned; /* -1 = not looked at */
    int64_t most_scanned;
} boundary_try;

/* The leads of one value: room for its words. */
static uint64_t
lead_of(const cni_sort_spec *key, int64_t value)
{
    const int32_t narrow = (int32_t)value;
    const bool is_narrow = key->type->id == CNI_TYPE_INT32;
    const cni_vector vector = {.type = key->type,
                               .phys = is_narrow ? CNI_PHYS_I32 : CNI_PHYS_I64,
                               .n_rows = 1,
                               .data = is_narrow ? (const void *)&narrow : (const void *)&value};
    uint64_t lead[8];
    assert_true(cni_sort_lead_words(key, 1) <= 8);
    assert_int_equal(cni_sort_leads(cni_allocator_system(), key, &vector, lead, NULL), CN_OK);
    return lead[0];
}

/* A lead is 8 bytes of the key: an INT64 behind a null byte loses its last one. */
static bool
is_not_behind(const boundary_try *try, const cni_sort_spec *key, const char *line)
{
    char text[1024];
    field_of(line, try->column, text);
    return strcmp(text, "\\N") == 0
               ? try->nulls_first
               : lead_of(key, strtoll(text, NULL, 10)) <= lead_of(key, try->bound);
}

static void
test_boundary(void **state)
{
    (void)state;
    static const boundary_try tries[] = {
        {"many_groups", 0, false, false, 90, 15, 100},
        {"many_groups", 0, true, false, 390, 19, 20},
        {"many_groups", 4, false, false, 30, 18, 40},
        {"many_groups", 4, false, true, 30, 0, 400}, /* every group has NULLs, which come first */
        {"page_index", 0, false, false, 40, -1, 400},
        {"page_index", 0, true, true, 2480, -1, 400},
        {"page_index", 1, false, false, 20, -1, 500},
        {"page_index", 5, true, false, 2400, -1, 400},
        {"page_index", 5, false, true, 1300, -1, 1600}, /* pages of NULL stay */
        {"small_pages", 0, false, false, 40, 0, 2500},
    };
    for (size_t at = 0; at < sizeof(tries) / sizeof(tries[0]); at++) {
        const boundary_try *try = &tries[at];
        test_engine engine;
        test_lines all = {0};
        test_lines got = {0};
        cni_scan_counters counts;
        const cni_scan_request none = {.n_filters = 0};
        open_engine(&engine, 2048);
        cni_table *table = open_sample(&engine, try->name);
        cni_dynamic_filter_set dynamic = {.table_column = try->column,
                                          .key = {.type = table->schema->fields[try->column].type,
                                                  .descending = try->descending,
                                                  .nulls_first = try->nulls_first,
                                                  .nullable = try->column > 1}};
        cni_counter_set(&dynamic.boundary, INT64_MAX);
        const cni_scan_request advice = {.dynamic = &dynamic};
        scan_ok(&engine, table, &none, &all, NULL);
        scan_ok(&engine, table, &advice, &got, &counts);
        assert_int_equal(got.n, all.n); /* nothing was said yet */
        assert_int_equal(counts.rows_dynamic, 0);
        test_lines_free(&got);
        cni_boundary_offer(&dynamic.boundary, lead_of(&dynamic.key, try->bound));
        scan_ok(&engine, table, &advice, &got, &counts);
        int64_t line = 0;
        for (int64_t row = 0; row < all.n; row++) {
            if (is_not_behind(try, &dynamic.key, all.lines[row])) {
                assert_true(line < got.n);
                assert_string_equal(got.lines[line++], all.lines[row]);
            }
        }
        assert_int_equal(line, got.n);
        assert_true(counts.rows_scanned <= try->most_scanned);
        assert_true(try->n_groups_pruned < 0 || counts.row_groups_pruned == try->n_groups_pruned);
        cni_table_unref(table);
        test_engine_close(&engine);
        test_lines_free(&all);
        test_lines_free(&got);
    }
}

/* It tightens while the scan runs: from then on groups are passed over. */
static void
test_boundary_tightens(void **state)
{
    (void)state;
    static const int32_t column = 0;
    test_engine engine;
    cni_scan *scan = NULL;
    cni_scan_counters counts;
    void *local = NULL;
    cni_chunk chunk;
    int64_t morsel;
    int64_t n_rows = 0;
    open_engine(&engine, 2048);
    cni_table *table = open_sample(&engine, "many_groups");
    cni_dynamic_filter_set dynamic = {.table_column = 0,
                                      .key = {.type = cni_type_of(CNI_TYPE_INT64)}};
    cni_counter_set(&dynamic.boundary, INT64_MAX);
    const cni_scan_request request = {
        .n_columns = 1, .table_columns = &column, .limit = CNI_NO_LIMIT, .dynamic = &dynamic};
    cni_chunk_init(&chunk, engine.context.allocator);
    assert_int_equal(table->ops->open_scan(table, &request, &engine.context, &scan, NULL), CN_OK);
    assert_int_equal(scan->ops->open_local(scan, &local, NULL), CN_OK);
    while (scan->ops->next_morsel(scan, (cni_waker){NULL}, &morsel) == CNI_MORSEL_TAKEN) {
        cni_read_answer answer = CNI_READ_CHUNK;
        while (answer == CNI_READ_CHUNK) {
            cni_chunk_reset(&chunk);
            assert_int_equal(
                scan->ops->read(scan, local, morsel, (cni_waker){NULL}, &chunk, &answer, NULL),
                CN_OK);
            n_rows += chunk.n_rows;
            answer = chunk.ends_morsel ? CNI_READ_END : answer;
        }
        assert_true(chunk.ends_morsel && chunk.sequence == morsel);
        if (morsel == 1) {
            cni_boundary_offer(&dynamic.boundary, lead_of(&dynamic.key, 45));
        }
    }
    scan->ops->counters(scan, &counts);
    assert_int_equal(n_rows, 46);
    assert_int_equal(counts.rows_scanned, 60);
    assert_int_equal(counts.row_groups_pruned, 17);
    assert_true(scan->ops->progress(scan) == 1.0);
    cni_chunk_done(&chunk);
    scan->ops->close_local(scan, local);
    cni_scan_close(scan);
    cni_table_unref(table);
    test_engine_close(&engine);
}

/* ---- threads, faults ---- */

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

static void
test_threads(void **state)
{
    (void)state;
    test_engine engine;
    worker workers[4] = {0};
    int32_t columns[MAX_COLUMNS];
    int64_t keys[100];
    cni_scan *scan = NULL;
    int64_t n_rows = 0;
    open_engine(&engine, 64);
    for (int64_t at = 0; at < 100; at++) {
        keys[at] = at * 3;
    }
    cni_table *table = open_sample(&engine, "many_groups");
    cni_key_filter *filter = keys_i64(&engine, keys, 100);
    const cni_scan_key_filter key = {.table_column = 0, .filter = filter};
    const cni_scan_request request = {.n_columns = all_columns(table, columns),
                                      .table_columns = columns,
                                      .limit = CNI_NO_LIMIT,
                                      .n_key_filters = 1,
                                      .key_filters = &key};
    assert_int_equal(table->ops->open_scan(table, &request, &engine.context, &scan, NULL), CN_OK);
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
    assert_int_equal(n_rows, 100);
    cni_scan_close(scan);
    cni_key_filter_unref(filter);
    cni_table_unref(table);
    test_engine_close(&engine);
}

/* Fails the fail_at-th of a kind; false = there were fewer. */
static bool
run_with_fault(const char *name, cni_fault_kind kind, int64_t fail_at)
{
    static const int64_t keys[] = {3, 5, 600};
    static const int64_t wide[] = {13000, 500000001, 900000001}; /* of "bloom" */
    const bool is_wide = strcmp(name, "bloom") == 0;
    test_engine engine;
    cni_table *table = NULL;
    cni_key_filter *filter = NULL;
    cni_fault fault = {0};
    cni_counter_set(&fault.fail_at[kind], fail_at);
    cni_dynamic_filter_set dynamic = {.table_column = 0,
                                      .key = {.type = cni_type_of(CNI_TYPE_INT64)}};
    cni_counter_set(&dynamic.boundary, INT64_MAX);
    cni_boundary_offer(&dynamic.boundary, lead_of(&dynamic.key, is_wide ? 20000 : 1000));
    cn_code code = test_engine_open(&engine, INT64_C(1) << 30, 2048, &fault, NULL);
    if (code == CN_OK) {
        code = open_table(&engine, name, &table, NULL);
    }
    if (code == CN_OK) {
        code = test_make_key_filter_i64(engine.context.allocator, is_wide ? wide : keys, 3, &filter,
                                        NULL);
    }
    if (code == CN_OK) {
        const cni_scan_key_filter key = {.table_column = 0, .filter = filter};
        const cni_scan_request advice = {
            .dynamic = &dynamic, .n_key_filters = 1, .key_filters = &key};
        code = scan_with(&engine, table, &advice, NULL, NULL, NULL);
    }
    cni_key_filter_unref(filter);
    cni_table_unref(table);
    test_engine_close(&engine);
    const bool was_hit = cni_counter_get(&fault.n_hits[kind]) >= fail_at;
    assert_true(code == CN_OK || was_hit);
    assert_true(code == CN_OK || code == CN_NO_MEMORY || code == CN_IO);
    return was_hit;
}

static void
test_faults(void **state)
{
    (void)state;
    static const char *const names[] = {"page_index", "many_groups", "small_pages", "bloom"};
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
        cmocka_unit_test(test_every_type),   cmocka_unit_test(test_groups_pruned),
        cmocka_unit_test(test_pages_pruned), cmocka_unit_test(test_useless),
        cmocka_unit_test(test_blooms),       cmocka_unit_test(test_bloom_of_keys),
        cmocka_unit_test(test_bloom_parts),  cmocka_unit_test(test_combined),
        cmocka_unit_test(test_boundary),     cmocka_unit_test(test_boundary_tightens),
        cmocka_unit_test(test_threads),      cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
