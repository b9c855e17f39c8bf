/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory tables and their scans against the table contract: morsels in source order, chunks of at
 * most the context's rows, filters applied exactly, a scan sees the blocks that were there when it
 * was opened.
 */
#include "io/source/memory_table.h"

#include "support/make_key_filter.h"
#include "support/source_env.h"

/* A table of `n_blocks` blocks of block_rows rows: id 0, 1, 2 ... over all, name "name <row in
 * block>". */
static cni_table *
make_table(source_env *env, int64_t n_blocks, int64_t block_rows)
{
    cni_table *table = NULL;
    SOURCE_OK(env, cni_memory_table_new(env->context.allocator, &env->schema, CNI_STR("t"), &table,
                                        &env->err));
    for (int64_t block = 0; block < n_blocks; block++) {
        cni_arrow_batch batch = source_batch(env, block * block_rows, block_rows);
        SOURCE_OK(env, cni_memory_table_append(table, &batch, &env->err));
    }
    return table;
}

static void
test_rows_come_in_source_order(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 7);
    cni_table *table = make_table(&env, 3, 100);
    const int32_t columns[] = {0, 1};
    cni_scan *scan = source_open(&env, table, columns, 2, NULL);
    assert_int_equal(scan->n_morsels, 3);
    source_read read = source_read_all(&env, scan, 0);
    assert_int_equal(read.n_rows, 300);
    assert_int_equal(read.sum, 299 * 300 / 2);
    assert_true(read.ascending);
    assert_int_equal(read.largest_chunk, 7);
    assert_int_equal(read.n_ends, 3);
    cni_scan_counters counters;
    scan->ops->counters(scan, &counters);
    assert_int_equal(counters.rows_scanned, 300);
    assert_int_equal(counters.rows_filtered, 0);
    assert_true(scan->ops->progress(scan) > 0.999);
    cni_scan_close(scan);
    cni_table_unref(table);
    source_end(&env);
}

static void
test_large_blocks_are_several_morsels(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 2048);
    cni_table *table = make_table(&env, 1, 200000);
    const int32_t columns[] = {0};
    cni_scan *scan = source_open(&env, table, columns, 1, NULL);
    assert_true(scan->n_morsels >= 2);
    const source_read read = source_read_all(&env, scan, 0);
    assert_int_equal(read.n_rows, 200000);
    assert_true(read.ascending);
    assert_int_equal(read.n_ends, scan->n_morsels);
    cni_scan_close(scan);
    cni_table_unref(table);
    source_end(&env);
}

static void
test_filters(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 64);
    cni_table *table = make_table(&env, 4, 100);
    const int32_t columns[] = {1}; /* the filter's column is read, not given */
    const cni_expr *filter = source_filter(&env, CNI_GE, 390);
    assert_int_equal(table->ops->supports_filter(table, filter, &source_id_slot, 1),
                     CNI_FILTER_EXACT);
    cni_scan *scan = source_open(&env, table, columns, 1, filter);
    const source_read read = source_read_all(&env, scan, -1);
    assert_int_equal(read.n_rows, 10);
    assert_int_equal(read.n_columns, 1);
    cni_scan_counters counters;
    scan->ops->counters(scan, &counters);
    assert_int_equal(counters.rows_scanned, 400);
    assert_int_equal(counters.rows_filtered, 390);
    cni_scan_close(scan);
    cni_table_unref(table);
    source_end(&env);
}

static cni_scan *
open_with_keys(source_env *env, cni_table *table, const cni_scan_key_filter *keys, int32_t n_keys,
               const cni_expr *filter)
{
    cni_scan_request request = source_request(NULL, 0, &filter);
    cni_scan *scan = NULL;
    request.n_key_filters = n_keys;
    request.key_filters = keys;
    SOURCE_OK(env, table->ops->open_scan(table, &request, &env->context, &scan, &env->err));
    return scan;
}

static cni_scan_counters
count_and_close(source_env *env, cni_scan *scan, int64_t expected)
{
    cni_scan_counters counters;
    assert_int_equal(source_read_all(env, scan, -1).n_rows, expected);
    scan->ops->counters(scan, &counters);
    assert_true(scan->ops->progress(scan) > 0.999 || counters.rows_scanned == 0);
    cni_scan_close(scan);
    return counters;
}

/* A filter of numbers, one of texts, a pushed filter, together and alone. */
static void
test_key_filters(void **state)
{
    (void)state;
    static const int64_t ids[] = {3, 104, 205, 399, 100000};
    cni_view names[2] = {cni_view_make("name 104", 8), cni_view_make("name 205", 8)};
    source_env env;
    source_begin(&env, 64);
    cni_table *table = make_table(&env, 4, 100);
    const cni_vector texts = {
        .type = env.fields[1].type, .phys = CNI_PHYS_VIEW, .n_rows = 2, .data = names};
    cni_scan_key_filter keys[2] = {{.table_column = 0}, {.table_column = 1}};
    SOURCE_OK(&env,
              test_make_key_filter_i64(env.context.allocator, ids, 5, &keys[0].filter, &env.err));
    SOURCE_OK(&env, test_make_key_filter(env.context.allocator, texts.type, &texts, 1,
                                         &keys[1].filter, &env.err));
    cni_scan_counters counters =
        count_and_close(&env, open_with_keys(&env, table, keys, 1, NULL), 4);
    assert_int_equal(counters.rows_scanned, 400);
    assert_int_equal(counters.rows_dynamic, 396);
    assert_int_equal(cni_key_filter_rows_in(keys[0].filter), 400);
    assert_int_equal(cni_key_filter_rows_left(keys[0].filter), 4);
    (void)count_and_close(&env, open_with_keys(&env, table, keys, 2, NULL), 2);
    assert_int_equal(cni_key_filter_rows_in(keys[1].filter), 4);
    counters = count_and_close(
        &env, open_with_keys(&env, table, keys, 2, source_filter(&env, CNI_GT, 200)), 1);
    assert_int_equal(counters.rows_dynamic, 398);
    assert_int_equal(counters.rows_filtered, 1);
    cni_key_filter_count(keys[0].filter, 1 << 17, 1 << 17); /* useless now */
    counters = count_and_close(&env, open_with_keys(&env, table, keys, 1, NULL), 400);
    assert_int_equal(counters.rows_dynamic, 0);
    cni_key_filter_unref(keys[0].filter);
    SOURCE_OK(&env,
              test_make_key_filter_i64(env.context.allocator, ids, 0, &keys[0].filter, &env.err));
    counters = count_and_close(&env, open_with_keys(&env, table, keys, 1, NULL), 0);
    assert_int_equal(counters.rows_scanned, 0);
    cni_key_filter_unref(keys[0].filter);
    cni_key_filter_unref(keys[1].filter);
    cni_table_unref(table);
    source_end(&env);
}

/* Blocks whose proved bounds are outside are passed over; a filter still sees the others. */
static void
test_key_filters_and_bounds(void **state)
{
    (void)state;
    static const int64_t ids[] = {205, 209};
    source_env env;
    source_begin(&env, 64);
    cni_table *table = make_table(&env, 0, 0);
    cni_scan_key_filter key = {.table_column = 0};
    for (int64_t block = 0; block < 4; block++) {
        cni_arrow_batch batch = source_batch(&env, block * 100, 100);
        batch.columns[0].bounds =
            (cni_bounds){.known = block > 0, .low = block * 100, .high = block * 100 + 99};
        SOURCE_OK(&env, cni_memory_table_append(table, &batch, &env.err));
    }
    SOURCE_OK(&env, test_make_key_filter_i64(env.context.allocator, ids, 2, &key.filter, &env.err));
    const cni_scan_counters counters =
        count_and_close(&env, open_with_keys(&env, table, &key, 1, NULL), 2);
    assert_int_equal(counters.rows_dynamic, 398);
    assert_int_equal(cni_key_filter_rows_in(key.filter), 200); /* blocks 0 and 2 */
    cni_key_filter_unref(key.filter);
    cni_table_unref(table);
    source_end(&env);
}

static void
test_no_columns_are_row_counts(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 64);
    cni_table *table = make_table(&env, 2, 100);
    cni_scan *scan = source_open(&env, table, NULL, 0, NULL);
    assert_int_equal(source_read_all(&env, scan, -1).n_rows, 200);
    cni_scan_close(scan);
    scan = source_open(&env, table, NULL, 0, source_filter(&env, CNI_LT, 5));
    assert_int_equal(source_read_all(&env, scan, -1).n_rows, 5);
    cni_scan_close(scan);
    cni_table_unref(table);
    source_end(&env);
}

static void
test_a_scan_sees_what_was_there(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 64);
    cni_table *table = make_table(&env, 1, 10);
    const int32_t columns[] = {0};
    cni_scan *before = source_open(&env, table, columns, 1, NULL);
    cni_arrow_batch batch = source_batch(&env, 10, 10);
    SOURCE_OK(&env, cni_memory_table_append(table, &batch, &env.err));
    cni_scan *after = source_open(&env, table, columns, 1, NULL);
    cni_table_unref(table); /* the scans keep it */
    assert_int_equal(source_read_all(&env, before, 0).n_rows, 10);
    assert_int_equal(source_read_all(&env, after, 0).n_rows, 20);
    cni_scan_close(before);
    cni_scan_close(after);
    source_end(&env);
}

static void
test_rows_are_taken_at_once(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 64);
    cni_table *table = make_table(&env, 0, 0);
    cni_table *more = make_table(&env, 2, 10);
    const int32_t columns[] = {0};
    cni_scan *before = source_open(&env, table, columns, 1, NULL);
    assert_true(cni_is_memory_table(table));
    cni_memory_table_take(table, more);
    assert_int_equal(source_read_all(&env, before, 0).n_rows, 0);
    cni_scan *between = source_open(&env, table, columns, 1, NULL);
    cni_memory_table_take(table, more); /* is empty now */
    cni_arrow_batch batch = source_batch(&env, 20, 5);
    SOURCE_OK(&env, cni_memory_table_append(more, &batch, &env.err));
    cni_memory_table_take(table, more);
    cni_table_unref(more);
    cni_scan *after = source_open(&env, table, columns, 1, NULL);
    assert_int_equal(source_read_all(&env, between, 0).n_rows, 20);
    const source_read read = source_read_all(&env, after, 0);
    assert_int_equal(read.n_rows, 25);
    assert_int_equal(read.sum, 24 * 25 / 2);
    assert_true(read.ascending);
    cni_scan_close(before);
    cni_scan_close(between);
    cni_scan_close(after);
    cni_table_unref(table);
    source_end(&env);
}

static void
test_other_columns_are_refused(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 64);
    cni_table *table = make_table(&env, 0, 0);
    cni_arrow_batch narrow = {0};
    cni_arrow_batch swapped = {0};
    foreign_node *one = foreign_new("+s", 2, 0, 1);
    foreign_node *two = source_foreign(0, 3);
    const int64_t values[] = {1, 2};
    const cni_field fields[] = {env.fields[1], env.fields[0]};
    const cni_schema one_field = {.n_fields = 1, .fields = env.fields};
    const cni_schema other_order = {.n_fields = 2, .fields = fields};
    foreign_add_child(one, foreign_new("l", 2, 0, 2), "id");
    foreign_buffer(one->children[0], 1, values, sizeof(values));
    SOURCE_OK(&env, cni_arrow_import_batch(env.context.allocator, &one->schema, &one_field,
                                           &one->array, &narrow, &env.err));
    assert_int_equal(cni_memory_table_append(table, &narrow, &env.err), CN_INVALID_ARGUMENT);
    struct ArrowSchema *const child = two->schema_children[0];
    struct ArrowArray *const array = two->array_children[0];
    two->schema_children[0] = two->schema_children[1];
    two->array_children[0] = two->array_children[1];
    two->schema_children[1] = child;
    two->array_children[1] = array;
    SOURCE_OK(&env, cni_arrow_import_batch(env.context.allocator, &two->schema, &other_order,
                                           &two->array, &swapped, &env.err));
    assert_int_equal(cni_memory_table_append(table, &swapped, &env.err), CN_INVALID_ARGUMENT);
    assert_int_equal(one->n_released, 1); /* taken over also then */
    foreign_free(one);
    foreign_free(two);
    const int32_t columns[] = {0};
    cni_scan *scan = source_open(&env, table, columns, 1, NULL);
    assert_int_equal(scan->n_morsels, 0);
    assert_int_equal(source_read_all(&env, scan, 0).n_rows, 0);
    cni_scan_close(scan);
    cni_table_unref(table);
    source_end(&env);
}

static void
test_it_can_be_found_again(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 64);
    cni_table *table = make_table(&env, 0, 0);
    assert_non_null(table->recipe);
    assert_int_equal(table->recipe->function.len_bytes, 0);
    assert_true(cni_str_eq(table->recipe->name, CNI_STR("t")));
    assert_false(table->one_shot);
    cni_table_unref(table);
    source_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_in_source_order),
        cmocka_unit_test(test_large_blocks_are_several_morsels),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_key_filters),
        cmocka_unit_test(test_key_filters_and_bounds),
        cmocka_unit_test(test_no_columns_are_row_counts),
        cmocka_unit_test(test_a_scan_sees_what_was_there),
        cmocka_unit_test(test_rows_are_taken_at_once),
        cmocka_unit_test(test_other_columns_are_refused),
        cmocka_unit_test(test_it_can_be_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
