/* SPDX-License-Identifier: Apache-2.0
 *
 * What looks at Parquet files find out: distinct values by dictionaries and samples, uniqueness by
 * proof, samples of the same rows; kept by the cache between tables, until the file is another.
 */
#include "io/format/parquet/parquet_table.h"
#include "plan/stats/sketch.h"

#include "support/source_env.h"

#define FOLDER CN_TEST_DATA "/tpch/"

static cni_table *
open_table(source_env *env, cni_parquet_cache *cache, const char *path)
{
    const cni_parquet_options options = {0};
    const cni_str paths[] = {cni_str_of(path)};
    cni_table *table = NULL;
    SOURCE_OK(env, cni_parquet_table_new(&env->context, cache, paths, 1, &options, NULL, &table,
                                         &env->err));
    return table;
}

static int32_t
column_of(const cni_table *table, const char *name)
{
    for (int32_t column = 0; column < table->schema->n_fields; column++) {
        if (cni_str_eq(table->schema->fields[column].name, cni_str_of(name))) {
            return column;
        }
    }
    fail_msg("no column %s", name);
    return -1;
}

static const cni_column_sketch *
sketch_of(source_env *env, cni_table *table, const char *name)
{
    const cni_column_sketch *sketch = NULL;
    SOURCE_OK(env,
              table->ops->sketch(table, column_of(table, name), &env->context, &sketch, &env->err));
    assert_non_null(sketch);
    return sketch;
}

typedef struct sketch_case {
    const char *path;
    const char *column;
    double least;
    double most;
    bool unique;
} sketch_case;

static const sketch_case cases[] = {
    {FOLDER "lineitem.parquet", "l_returnflag", 3, 3, false},
    {FOLDER "lineitem.parquet", "l_suppkey", 100, 100, false},
    {FOLDER "lineitem.parquet", "l_partkey", 1900, 2100, false},
    {FOLDER "lineitem.parquet", "l_orderkey", 13000, 17000, false},
    {FOLDER "lineitem.parquet", "l_comment", 40000, 60175, false},
    {FOLDER "orders.parquet", "o_orderkey", 15000, 15000, true},
    {FOLDER "orders.parquet", "o_custkey", 900, 1100, false},
    {FOLDER "customer.parquet", "c_custkey", 1500, 1500, true},
    {FOLDER "customer.parquet", "c_nationkey", 25, 25, false},
    {FOLDER "customer.parquet", "c_name", 1500, 1500, false}, /* texts are not proved */
    {FOLDER "nation.parquet", "n_nationkey", 25, 25, true},
    {FOLDER "nation.parquet", "n_regionkey", 5, 5, false},
};

static void
sketches_are_near(void **state)
{
    (void)state;
    for (int64_t at = 0; at < CN_ARRAY_LEN(cases); at++) {
        source_env env;
        source_begin(&env, 2048);
        cni_table *table = open_table(&env, NULL, cases[at].path);
        const cni_column_sketch *sketch = sketch_of(&env, table, cases[at].column);
        if (sketch->n_distinct < cases[at].least || sketch->n_distinct > cases[at].most) {
            fail_msg("%s: %f", cases[at].column, sketch->n_distinct);
        }
        assert_false(sketch->unique); /* that is proved when asked, and asked again known */
        for (int32_t turn = 0; turn < 2; turn++) {
            bool is_unique = !cases[at].unique;
            SOURCE_OK(&env, table->ops->prove_unique(table, column_of(table, cases[at].column),
                                                     &env.context, &is_unique, &env.err));
            assert_int_equal(is_unique, cases[at].unique);
        }
        assert_true(sketch->null_fraction == 0.0);
        cni_table_unref(table);
        source_end(&env);
    }
}

static void
samples_are_rows(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 2048);
    cni_table *table = open_table(&env, NULL, FOLDER "lineitem.parquet");
    const int32_t columns[] = {column_of(table, "l_shipdate"), column_of(table, "l_receiptdate"),
                               column_of(table, "l_comment")};
    const cni_chunk *chunk = NULL;
    SOURCE_OK(&env, table->ops->sample(table, columns, 3, &env.context, &chunk, &env.err));
    assert_non_null(chunk);
    assert_int_equal(chunk->n_rows, CNI_SAMPLE_ROWS);
    for (int64_t row = 0; row < chunk->n_rows; row++) { /* goods are received 1 to 30 days later */
        const int32_t days = ((const int32_t *)chunk->columns[1].data)[row] -
                             ((const int32_t *)chunk->columns[0].data)[row];
        assert_in_range(days, 1, 30);
    }
    SOURCE_OK(&env, cni_vector_validate(&chunk->columns[2], &env.err));
    cni_table_unref(table);
    source_end(&env);
}

static void
the_cache_keeps_them(void **state)
{
    (void)state;
    source_env env;
    cni_parquet_cache *cache = NULL;
    source_begin(&env, 2048);
    SOURCE_OK(&env, cni_parquet_cache_new(env.context.allocator, 1 << 20, &cache, &env.err));
    cni_table *first = open_table(&env, cache, FOLDER "orders.parquet");
    const cni_column_sketch *sketch = sketch_of(&env, first, "o_orderkey");
    cni_table_unref(first);
    cni_table *second = open_table(&env, cache, FOLDER "orders.parquet");
    cni_table *other = open_table(&env, cache, FOLDER "nation.parquet");
    assert_ptr_equal(sketch, sketch_of(&env, second, "o_orderkey"));
    assert_ptr_not_equal(sketch, sketch_of(&env, other, "n_nationkey"));
    cni_table_unref(second);
    cni_table_unref(other);
    cni_parquet_cache_free(cache);
    source_end(&env);
}

/* Row groups of several files, and files without rows. */
static void
small_and_empty_files(void **state)
{
    (void)state;
    source_env env;
    source_begin(&env, 2048);
    static const char *const paths[] = {
        CN_TEST_DATA "/parquet/many_groups.parquet", CN_TEST_DATA "/parquet/no_rows.parquet",
        CN_TEST_DATA "/parquet/fallback.parquet", CN_TEST_DATA "/parquet/nested.parquet",
        CN_TEST_DATA "/parquet/encodings.parquet"};
    for (int64_t path = 0; path < CN_ARRAY_LEN(paths); path++) {
        cni_table *table = open_table(&env, NULL, paths[path]);
        for (int32_t column = 0; column < table->schema->n_fields; column++) {
            const cni_column_sketch *sketch = NULL;
            const cni_chunk *chunk = NULL;
            bool is_unique = false;
            SOURCE_OK(&env, table->ops->sketch(table, column, &env.context, &sketch, &env.err));
            SOURCE_OK(&env,
                      table->ops->prove_unique(table, column, &env.context, &is_unique, &env.err));
            SOURCE_OK(&env, table->ops->sample(table, &column, 1, &env.context, &chunk, &env.err));
            assert_true(chunk == NULL || chunk->n_rows <= CNI_SAMPLE_ROWS);
        }
        cni_table_unref(table);
    }
    source_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sketches_are_near),
        cmocka_unit_test(samples_are_rows),
        cmocka_unit_test(the_cache_keeps_them),
        cmocka_unit_test(small_and_empty_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
