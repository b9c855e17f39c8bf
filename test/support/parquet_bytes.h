/* SPDX-License-Identifier: Apache-2.0
 *
 * For the mutation test and the fuzz target: bytes that may or may not be a Parquet file, read in
 * every way that a query would. Any status is good; the memory that is asked for is bounded by the
 * budget, and all of it comes back.
 */
#ifndef TEST_PARQUET_BYTES_H
#define TEST_PARQUET_BYTES_H

#include <sys/mman.h>
#include <unistd.h>

#include "io/format/parquet/parquet_table.h"
#include "plan/function/function.h"
#include "plan/table/dynamic_filter.h"
#include "support/make_key_filter.h"
#include "support/scan_text.h"

#define TEST_PARQUET_BUDGET_BYTES (INT64_C(96) << 20)
#define TEST_PARQUET_MAX_COLUMNS  64

/* Column `column` < a small number, or IS NOT NULL for other types. */
static inline const cni_expr *
test_parquet_filter(cni_arena *arena, const cni_table *table, int32_t column)
{
    const cni_type *type = table->schema->fields[column].type;
    const cni_value limit = {.type = type, .as.i64 = 40};
    const cni_expr *args[2] = {NULL, NULL};
    const cni_expr *filter = NULL;
    const bool is_integer = type->id >= CNI_TYPE_INT8 && type->id <= CNI_TYPE_UINT32;
    if (cni_expr_column(arena, column, type, &args[0], NULL) != CN_OK ||
        cni_expr_literal(arena, &limit, &args[1], NULL) != CN_OK) {
        return NULL;
    }
    const cni_expr not_null = {.kind = CNI_EXPR_IS_NULL,
                               .negated = true,
                               .type = cni_type_of(CNI_TYPE_BOOL),
                               .n_args = 1,
                               .args = args,
                               .sql_offset = -1};
    const cn_code code = is_integer
                             ? cni_expr_compare(arena, CNI_LT, args[0], args[1], &filter, NULL)
                             : cni_expr_new(arena, &not_null, &filter, NULL);
    return code == CN_OK ? filter : NULL;
}

/* All readable columns, with a filter over every third. */
static inline void
test_parquet_scan(cni_table *table, cni_context *context, cni_arena *arena, bool filtered)
{
    int32_t columns[TEST_PARQUET_MAX_COLUMNS];
    cni_slot_of_table slots[TEST_PARQUET_MAX_COLUMNS];
    const cni_expr *filters[TEST_PARQUET_MAX_COLUMNS];
    int32_t n_columns = 0;
    int32_t n_filters = 0;
    for (int32_t field = 0; field < table->schema->n_fields && n_columns < TEST_PARQUET_MAX_COLUMNS;
         field++) {
        if (cni_type_is_nested(table->schema->fields[field].type)) {
            continue;
        }
        slots[n_columns] = (cni_slot_of_table){.column_id = field, .table_column = field};
        columns[n_columns++] = field;
        if (filtered && field % 3 == 0) {
            const cni_expr *filter = test_parquet_filter(arena, table, field);
            if (filter != NULL) {
                filters[n_filters++] = filter;
            }
        }
    }
    const cni_scan_request request = {.n_columns = n_columns,
                                      .table_columns = columns,
                                      .n_filters = n_filters,
                                      .filters = filters,
                                      .n_filter_slots = n_columns,
                                      .filter_slots = slots,
                                      .limit = CNI_NO_LIMIT};
    test_lines lines = {0};
    int64_t n_rows = 0;
    (void)test_scan_lines(table, &request, context, &lines, &n_rows, NULL, NULL);
    test_lines_free(&lines);
}

/* BIGINT columns under a few join keys and the boundary of a top-N: statistics, page indexes and
 * Bloom filters are looked at. */
static inline void
test_parquet_scan_advised(cni_table *table, cni_context *context)
{
    static const int64_t keys[] = {40, 13000, 500000001, 900000001};
    for (int32_t field = 0; field < table->schema->n_fields && field < 8; field++) {
        const cni_type *type = table->schema->fields[field].type;
        cni_scan_key_filter key = {.table_column = field};
        cni_dynamic_filter_set dynamic = {
            .table_column = field,
            .key = {.type = type, .nullable = true, .descending = (field & 1) != 0}};
        if (type->id != CNI_TYPE_INT64 ||
            test_make_key_filter_i64(cni_allocator_system(), keys, 4, &key.filter, NULL) != CN_OK) {
            continue;
        }
        cni_flag_publish(&dynamic.boundary, INT64_MAX);
        cni_boundary_offer(&dynamic.boundary, UINT64_C(1) << 63);
        for (int32_t with = 1; with < 4; with++) {
            const cni_scan_request request = {.n_columns = 1,
                                              .table_columns = &field,
                                              .limit = CNI_NO_LIMIT,
                                              .dynamic = (with & 1) != 0 ? &dynamic : NULL,
                                              .n_key_filters = with >> 1,
                                              .key_filters = &key};
            test_lines lines = {0};
            int64_t n_rows = 0;
            (void)test_scan_lines(table, &request, context, &lines, &n_rows, NULL, NULL);
            test_lines_free(&lines);
        }
        cni_key_filter_unref(key.filter);
    }
}

static inline void
test_parquet_use(cni_table *table, cni_context *context)
{
    cni_arena *arena = NULL;
    cni_table_stats stats;
    if (cni_arena_new(context->allocator, "test", &arena, NULL) != CN_OK) {
        return;
    }
    (void)!table->ops->statistics(table, arena, &stats, NULL);
    for (int32_t column = 0; column < table->schema->n_fields; column++) {
        const cni_metadata_question questions[2] = {
            {.builtin = CNI_AGGREGATE_MIN, .table_column = column},
            {.builtin = CNI_AGGREGATE_MAX, .table_column = column}};
        cni_value values[2];
        bool is_answered;
        (void)!table->ops->answer(table, arena, questions, 2, values, &is_answered, NULL);
        const struct cni_column_sketch *sketch = NULL;
        const cni_chunk *sample = NULL;
        bool is_unique;
        (void)!table->ops->sketch(table, column, context, &sketch, NULL);
        (void)!table->ops->prove_unique(table, column, context, &is_unique, NULL);
        (void)!table->ops->sample(table, &column, 1, context, &sample, NULL);
    }
    test_parquet_scan(table, context, arena, false);
    test_parquet_scan(table, context, arena, true);
    test_parquet_scan_advised(table, context);
    cni_arena_unref(arena);
}

/* False when memory did not come back, or more was taken than allowed. */
static inline bool
test_parquet_bytes(const uint8_t *bytes, size_t n_bytes)
{
    char path[64];
    test_engine engine;
    cni_table *table = NULL;
    const cni_parquet_options options = {.binary_as_string = (n_bytes & 1) != 0};
    const int fd = memfd_create("parquet", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n_bytes) != (ssize_t)n_bytes ||
        test_engine_open(&engine, TEST_PARQUET_BUDGET_BYTES, 512, NULL, NULL) != CN_OK) {
        return false;
    }
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const cni_str name = cni_str_of(path);
    if (cni_parquet_table_new(&engine.context, NULL, &name, 1, &options, NULL, &table, NULL) ==
        CN_OK) {
        test_parquet_use(table, &engine.context);
    }
    cni_table_unref(table);
    const bool is_bounded =
        cni_budget_peak_bytes(engine.context.budget) <= TEST_PARQUET_BUDGET_BYTES &&
        cni_budget_current_bytes(engine.context.budget) == 0;
    test_engine_close(&engine);
    (void)close(fd);
    return is_bounded;
}

#endif /* TEST_PARQUET_BYTES_H */
