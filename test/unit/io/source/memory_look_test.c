/* SPDX-License-Identifier: Apache-2.0
 *
 * Sketches and samples of memory tables: exact where every row is looked at, kept until the rows
 * double, never a proof of uniqueness.
 */
#include "io/source/memory_table.h"
#include "plan/stats/sketch.h"

#include "support/source_env.h"

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

static const cni_column_sketch *
sketch_of(source_env *env, cni_table *table, int32_t column)
{
    const cni_column_sketch *sketch = NULL;
    SOURCE_OK(env, table->ops->sketch(table, column, &env->context, &sketch, &env->err));
    assert_non_null(sketch);
    return sketch;
}

static void
check_sizes(int64_t n_blocks, int64_t block_rows, double tolerance)
{
    source_env env;
    source_begin(&env, 2048);
    cni_table *table = make_table(&env, n_blocks, block_rows);
    const double n_rows = (double)(n_blocks * block_rows);
    const cni_column_sketch *ids = sketch_of(&env, table, 0);
    assert_true(ids->n_distinct > n_rows * (1.0 - tolerance));
    assert_true(ids->n_distinct < n_rows * (1.0 + tolerance));
    assert_false(ids->unique);
    assert_ptr_equal(ids, sketch_of(&env, table, 0));
    cni_table_unref(table);
    source_end(&env);
}

static void
sketches_count_values(void **state)
{
    (void)state;
    check_sizes(3, 100, 0.0001);    /* all rows are the sample */
    check_sizes(3, 20000, 0.05);    /* all rows are hashed */
    check_sizes(2, 600000, 0.0001); /* a sample without repeats */
}

static void
samples_are_the_same_rows_of_every_column(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 2048);
    cni_table *table = make_table(&env, 1, 30000);
    const int32_t both[] = {0, 1};
    const cni_chunk *chunk = NULL;
    SOURCE_OK(&env, table->ops->sample(table, both, 2, &env.context, &chunk, &env.err));
    assert_non_null(chunk);
    assert_int_equal(chunk->n_rows, CNI_SAMPLE_ROWS);
    int64_t last = -1;
    for (int64_t row = 0; row < chunk->n_rows; row += 97) {
        const int64_t id = ((const int64_t *)chunk->columns[0].data)[row];
        const cni_view *name = (const cni_view *)chunk->columns[1].data + row;
        cni_str text;
        SOURCE_OK(&env, cni_arena_printf(env.arena, &text, &env.err, "name %lld", (long long)id));
        assert_true(cni_str_eq(text, cni_view_str(name)));
        assert_true(id > last);
        last = id;
    }
    assert_true(last > 25000);
    const cni_chunk *again = NULL;
    SOURCE_OK(&env, table->ops->sample(table, both, 2, &env.context, &again, &env.err));
    assert_ptr_equal(chunk, again);
    cni_table_unref(table);
    source_end(&env);
}

static void
a_grown_table_is_looked_at_again(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 2048);
    cni_table *table = make_table(&env, 1, 1000);
    const cni_column_sketch *before = sketch_of(&env, table, 0);
    for (int64_t block = 1; block < 10; block++) {
        cni_arrow_batch batch = source_batch(&env, block * 1000, 1000);
        SOURCE_OK(&env, cni_memory_table_append(table, &batch, &env.err));
    }
    const cni_column_sketch *after = sketch_of(&env, table, 0);
    assert_true(before->n_distinct == 1000.0); /* borrowed for as long as the table is there */
    assert_true(after->n_distinct > 9000.0);
    cni_table_unref(table);
    source_end(&env);
}

static void
an_empty_table_has_no_sample(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 2048);
    cni_table *table = make_table(&env, 0, 0);
    const int32_t column = 0;
    const cni_chunk *chunk = NULL;
    SOURCE_OK(&env, table->ops->sample(table, &column, 1, &env.context, &chunk, &env.err));
    assert_null(chunk);
    assert_true(sketch_of(&env, table, 0)->n_distinct == 0.0);
    cni_table_unref(table);
    source_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sketches_count_values),
        cmocka_unit_test(samples_are_the_same_rows_of_every_column),
        cmocka_unit_test(a_grown_table_is_looked_at_again),
        cmocka_unit_test(an_empty_table_has_no_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
