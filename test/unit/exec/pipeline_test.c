/* SPDX-License-Identifier: Apache-2.0
 *
 * Streaming pipelines end to end: order over threads, chunk sizes and encodings; LIMIT and OFFSET
 * exact in source order with early stop; UNION ALL; errors, cancellation, budgets, back-pressure;
 * profile.
 */
#include <stdlib.h>

#include "support/run_plan.h"

#define N_ROWS 10000

static int64_t
number(int64_t row)
{
    return row;
}

static int64_t
mixed(int64_t row)
{
    return (row * 7919) % 1000;
}

/* id BIGINT = row, x BIGINT = mixed with nulls, s VARCHAR. */
static memory_table *
sample_table(int64_t n_rows, memory_traits traits)
{
    memory_table *table = memory_table_new(n_rows, traits);
    memory_table_add_i64(table, "id", number, 0);
    memory_table_add_i64(table, "x", mixed, 11);
    memory_table_add_text(table, "s", "some longer text ", mixed);
    return table;
}

static const run_settings all_settings[] = {
    {.n_threads = 1},
    {.n_threads = 2},
    {.n_threads = 8},
    {.n_threads = 1, .chunk_rows = 1},
    {.n_threads = 3, .chunk_rows = 7},
    {.n_threads = 2, .test_encode = CNI_TEST_ENCODE_SLICE},
    {.n_threads = 2, .test_encode = CNI_TEST_ENCODE_DICTIONARY},
    {.n_threads = 2, .test_encode = CNI_TEST_ENCODE_CONSTANT},
    {.n_threads = 2, .test_encode = CNI_TEST_ENCODE_RUN_END},
    {.n_threads = 4, .chunk_rows = 100, .test_encode = 15},
};

static const memory_traits all_traits[] = {
    {.morsel_rows = 0},
    {.morsel_rows = 64},
    {.morsel_rows = 1000, .chunk_rows = 300, .end_apart = true},
    {.morsel_rows = 500, .unknown_morsels = true, .block_every = 3},
    {.morsel_rows = 1, .chunk_rows = 1},
};

typedef const cni_plan *(*make_plan)(plan_run *run, memory_table *table);
typedef bool (*row_filter)(int64_t row);

/* Run `make` over all settings and traits; the ids that come out are `first`.. of those that pass.
 */
static void
check_ids(make_plan make, int64_t n_rows, row_filter passes, int64_t offset, int64_t limit)
{
    cni_strbuf expected;
    text_begin(&expected);
    int64_t n_passed = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        if (passes(row)) {
            if (n_passed >= offset && n_passed < offset + limit) {
                assert_int_equal(cni_strbuf_printf(&expected, NULL, "%lld\n", (long long)row),
                                 CN_OK);
            }
            n_passed++;
        }
    }
    for (size_t at = 0; at < sizeof(all_settings) / sizeof(all_settings[0]); at++) {
        for (size_t trait = 0; trait < sizeof(all_traits) / sizeof(all_traits[0]); trait++) {
            memory_table *table = sample_table(n_rows, all_traits[trait]);
            plan_run run;
            cni_strbuf got;
            text_begin(&got);
            plan_run_begin(&run, all_settings[at]);
            RUN_OK(&run, plan_run_rows(&run, make(&run, table), &got));
            if (strcmp(text_of(&expected), text_of(&got)) != 0) {
                fail_msg("settings %zu traits %zu: %.200s", at, trait, text_of(&got));
            }
            plan_run_end(&run);
            assert_int_equal(table->n_open_scans, 0);
            cni_table_unref(&table->base);
            cni_strbuf_done(&got);
        }
    }
    cni_strbuf_done(&expected);
}

static bool
every(int64_t row)
{
    (void)row;
    return true;
}

static bool
is_small(int64_t row)
{
    return (row + 1) % 11 != 0 && mixed(row) < 100;
}

static bool
is_rare(int64_t row)
{
    return (row + 1) % 11 != 0 && mixed(row) < 3;
}

static const cni_plan *
project_id(plan_run *run, const cni_plan *child)
{
    const cni_expr *expr = column_expr(run, child, 0);
    const cni_str name = cni_str_of("id");
    const cni_plan *plan = NULL;
    RUN_OK(run, cni_plan_project(&run->builder, child, &expr, &name, 1, &plan, &run->err));
    return plan;
}

static const cni_plan *
filter_below(plan_run *run, const cni_plan *child, int64_t bound)
{
    const cni_plan *plan = NULL;
    RUN_OK(run, cni_plan_filter(
                    &run->builder, child,
                    compare_expr(run, CNI_LT, column_expr(run, child, 1), i64_expr(run, bound)),
                    &plan, &run->err));
    return plan;
}

static const cni_plan *
limit_plan(plan_run *run, const cni_plan *child, int64_t limit, int64_t offset)
{
    const cni_plan *plan = NULL;
    RUN_OK(run, cni_plan_limit(&run->builder, child, limit, offset, &plan, &run->err));
    return plan;
}

static const cni_plan *
make_scan(plan_run *run, memory_table *table)
{
    return project_id(run, scan_plan(run, table));
}

static const cni_plan *
make_filter(plan_run *run, memory_table *table)
{
    return project_id(run, filter_below(run, scan_plan(run, table), 100));
}

static const cni_plan *
make_rare(plan_run *run, memory_table *table)
{
    return project_id(run, filter_below(run, scan_plan(run, table), 3));
}

static const cni_plan *
make_limit(plan_run *run, memory_table *table)
{
    return project_id(run, limit_plan(run, scan_plan(run, table), 700, 450));
}

static const cni_plan *
make_filter_limit(plan_run *run, memory_table *table)
{
    return limit_plan(run, make_filter(run, table), 123, 55);
}

static const cni_plan *
make_filter_above_limit(plan_run *run, memory_table *table)
{
    return project_id(run, filter_below(run, limit_plan(run, scan_plan(run, table), 3000, 0), 100));
}

static const cni_plan *
make_offset_only(plan_run *run, memory_table *table)
{
    return limit_plan(run, make_scan(run, table), CNI_NO_LIMIT, 1990);
}

static void
test_scan_keeps_order(void **state)
{
    (void)state;
    check_ids(make_scan, 3000, every, 0, 3000);
}

static void
test_filter_keeps_order(void **state)
{
    (void)state;
    check_ids(make_filter, 3000, is_small, 0, 3000);
    check_ids(make_rare, 3000, is_rare, 0, 3000);
}

static void
test_limit_follows_source_order(void **state)
{
    (void)state;
    check_ids(make_limit, 2000, every, 450, 700);
    check_ids(make_filter_limit, 3000, is_small, 55, 123);
    check_ids(make_offset_only, 2000, every, 1990, 2000);
}

static bool
is_small_of_first(int64_t row)
{
    return row < 3000 && is_small(row);
}

static void
test_filter_above_limit(void **state)
{
    (void)state;
    check_ids(make_filter_above_limit, 4000, is_small_of_first, 0, 4000);
}

static void
test_empty_table(void **state)
{
    (void)state;
    check_ids(make_filter_limit, 0, every, 0, 0);
}

/* A LIMIT stops the scan: far fewer morsels are read than there are. */
static void
test_limit_stops_early(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 4; n_threads++) {
        memory_table *table = sample_table(N_ROWS, (memory_traits){.morsel_rows = 10});
        plan_run run;
        cni_strbuf got;
        text_begin(&got);
        plan_run_begin(&run, (run_settings){.n_threads = n_threads});
        RUN_OK(&run, plan_run_rows(&run, limit_plan(&run, make_scan(&run, table), 25, 0), &got));
        assert_true(table->n_morsels_read < 200);
        plan_run_end(&run);
        cni_table_unref(&table->base);
        cni_strbuf_done(&got);
    }
}

/* (t limit 30) union all (t where x < 100) union all (values) ... limit. */
static const cni_plan *
union_plan(plan_run *run, memory_table *table)
{
    const cni_expr *rows[] = {i64_expr(run, -1), i64_expr(run, -2)};
    const cni_field field = {.name = cni_str_of("v"), .type = cni_type_of(CNI_TYPE_INT64)};
    const cni_plan *members[4] = {0};
    const cni_plan *plan = NULL;
    members[0] = limit_plan(run, make_scan(run, table), 30, 5);
    members[1] = make_filter(run, table);
    RUN_OK(run, cni_plan_values(&run->builder, &field, 1, rows, 2, &members[2], &run->err));
    members[3] = limit_plan(run, make_scan(run, table), 20, 0);
    RUN_OK(run, cni_plan_union_all(&run->builder, members, 4, &plan, &run->err));
    return plan;
}

static void
expected_union(int64_t n_rows, int64_t offset, int64_t limit, cni_strbuf *out)
{
    int64_t n = 0;
    int64_t *ids = NULL;
    assert_int_equal(cni_alloc_array(cni_allocator_system(), 2 * n_rows + 100, 8, &ids, NULL),
                     CN_OK);
    for (int64_t row = 5; row < 35; row++) {
        ids[n++] = row;
    }
    for (int64_t row = 0; row < n_rows; row++) {
        if (is_small(row)) {
            ids[n++] = row;
        }
    }
    ids[n++] = -1;
    ids[n++] = -2;
    for (int64_t row = 0; row < 20; row++) {
        ids[n++] = row;
    }
    for (int64_t at = offset; at < n && at < offset + limit; at++) {
        assert_int_equal(cni_strbuf_printf(out, NULL, "%lld\n", (long long)ids[at]), CN_OK);
    }
    cni_dealloc(cni_allocator_system(), ids, (2 * n_rows + 100) * 8);
}

static void
check_union(int64_t offset, int64_t limit)
{
    cni_strbuf expected;
    text_begin(&expected);
    expected_union(1500, offset, limit, &expected);
    for (size_t at = 0; at < sizeof(all_settings) / sizeof(all_settings[0]); at++) {
        for (size_t trait = 0; trait < sizeof(all_traits) / sizeof(all_traits[0]); trait++) {
            memory_table *table = sample_table(1500, all_traits[trait]);
            plan_run run;
            cni_strbuf got;
            text_begin(&got);
            plan_run_begin(&run, all_settings[at]);
            const cni_plan *plan = union_plan(&run, table);
            if (limit < 1000000) {
                plan = limit_plan(&run, plan, limit, offset);
            }
            RUN_OK(&run, plan_run_rows(&run, plan, &got));
            if (strcmp(text_of(&expected), text_of(&got)) != 0) {
                fail_msg("settings %zu traits %zu: ...%s", at, trait,
                         text_of(&got) + cni_max_i64(0, got.len_bytes - 100));
            }
            plan_run_end(&run);
            cni_table_unref(&table->base);
            cni_strbuf_done(&got);
        }
    }
    cni_strbuf_done(&expected);
}

static void
test_union_all_in_order(void **state)
{
    (void)state;
    check_union(0, 1000000);
    check_union(25, 50);
    check_union(100, 85);
}

/* Limits under a limit, over and over: the rows of a morsel that one worker has begun to pass on
 * are never finished by another one. */
static void
test_limits_under_a_limit(void **state)
{
    (void)state;
    const run_settings settings = {.n_threads = 8, .test_encode = CNI_TEST_ENCODE_CONSTANT};
    cni_strbuf expected;
    text_begin(&expected);
    for (int64_t at = 30; at < 180; at++) {
        assert_int_equal(cni_strbuf_printf(&expected, NULL, "%lld\n", (long long)(at % 40)), CN_OK);
    }
    for (int32_t round = 0; round < 150; round++) {
        memory_table *table = sample_table(400, (memory_traits){.morsel_rows = 8});
        const cni_plan *members[6] = {0};
        const cni_plan *plan = NULL;
        plan_run run;
        cni_strbuf got;
        text_begin(&got);
        plan_run_begin(&run, settings);
        for (int32_t at = 0; at < 6; at++) {
            members[at] = limit_plan(&run, make_scan(&run, table), 40, 0);
        }
        RUN_OK(&run, cni_plan_union_all(&run.builder, members, 6, &plan, &run.err));
        RUN_OK(&run, plan_run_rows(&run, limit_plan(&run, plan, 150, 30), &got));
        assert_string_equal(text_of(&got), text_of(&expected));
        plan_run_end(&run);
        cni_table_unref(&table->base);
        cni_strbuf_done(&got);
    }
    cni_strbuf_done(&expected);
}

static void
test_values_without_columns(void **state)
{
    (void)state;
    plan_run run;
    cni_strbuf got;
    const cni_plan *one = NULL;
    const cni_plan *plan = NULL;
    text_begin(&got);
    plan_run_begin(&run, (run_settings){0});
    RUN_OK(&run, cni_plan_values(&run.builder, NULL, 0, NULL, 1, &one, &run.err));
    const cni_expr *expr = i64_expr(&run, 1);
    const cni_str name = cni_str_of("1");
    RUN_OK(&run, cni_plan_project(&run.builder, one, &expr, &name, 1, &plan, &run.err));
    RUN_OK(&run, plan_run_rows(&run, plan, &got));
    assert_string_equal(text_of(&got), "1\n");
    plan_run_end(&run);
    cni_strbuf_done(&got);
}

static void
test_source_error_is_reported(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 4; n_threads++) {
        memory_table *table =
            sample_table(N_ROWS, (memory_traits){.morsel_rows = 100, .fail_morsel = 50});
        plan_run run;
        cni_strbuf got;
        text_begin(&got);
        plan_run_begin(&run, (run_settings){.n_threads = n_threads});
        assert_int_equal(plan_run_rows(&run, make_scan(&run, table), &got), CN_IO);
        assert_non_null(strstr(run.err.message, "morsel 50"));
        cni_chunk chunk;
        cni_execution_answer answer;
        cni_chunk_init(&chunk, cni_allocator_system());
        assert_int_equal(cni_execution_next(run.execution, &chunk, &answer, &run.err), CN_IO);
        plan_run_end(&run);
        cni_table_unref(&table->base);
        cni_strbuf_done(&got);
    }
}

static void
test_cancel_and_close_early(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 4; n_threads++) {
        memory_table *table = sample_table(N_ROWS, (memory_traits){.morsel_rows = 100});
        plan_run run;
        cni_chunk chunk;
        cni_execution_answer answer;
        plan_run_begin(&run, (run_settings){.n_threads = n_threads, .chunk_rows = 10});
        RUN_OK(&run, plan_run_start(&run, make_scan(&run, table)));
        cni_chunk_init(&chunk, cni_allocator_system());
        RUN_OK(&run, cni_execution_next(run.execution, &chunk, &answer, &run.err));
        assert_int_equal(answer, CNI_EXECUTION_CHUNK);
        if (n_threads % 2 == 0) {
            cni_context_cancel(&run.context);
            assert_int_equal(cni_execution_next(run.execution, &chunk, &answer, &run.err),
                             CN_CANCELLED);
        }
        cni_chunk_done(&chunk);
        plan_run_end(&run);
        cni_table_unref(&table->base);
    }
}

/* Nobody pulls: the workers stop after a bounded number of chunks. */
static void
test_back_pressure(void **state)
{
    (void)state;
    memory_table *table = sample_table(N_ROWS, (memory_traits){.morsel_rows = 100});
    plan_run run;
    cni_chunk chunk;
    cni_execution_answer answer;
    plan_run_begin(&run, (run_settings){.n_threads = 2, .chunk_rows = 5});
    RUN_OK(&run, plan_run_start(&run, make_scan(&run, table)));
    cni_chunk_init(&chunk, cni_allocator_system());
    RUN_OK(&run, cni_execution_next(run.execution, &chunk, &answer, &run.err));
    const int64_t until_ns = cni_clock_ns() + INT64_C(50000000);
    while (cni_clock_ns() < until_ns) {
        cni_thread_yield();
    }
    assert_true(table->n_morsels_read < 50);
    int64_t n_rows = chunk.n_rows;
    while (answer == CNI_EXECUTION_CHUNK) {
        RUN_OK(&run, cni_execution_next(run.execution, &chunk, &answer, &run.err));
        n_rows += answer == CNI_EXECUTION_CHUNK ? chunk.n_rows : 0;
    }
    assert_int_equal(n_rows, N_ROWS);
    cni_chunk_done(&chunk);
    plan_run_end(&run);
    cni_table_unref(&table->base);
}

static double
number_behind(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void
test_profile_counts(void **state)
{
    (void)state;
    memory_table *table = sample_table(N_ROWS, (memory_traits){.morsel_rows = 1000});
    plan_run run;
    cni_strbuf got;
    int64_t n = 0;
    text_begin(&got);
    plan_run_begin(&run, (run_settings){.n_threads = 2});
    RUN_OK(&run, plan_run_rows(&run, make_filter(&run, table), &got));
    assert_true(cni_execution_figure(run.execution, "Scan", "rows_scanned", &n));
    assert_int_equal(n, N_ROWS);
    assert_true(cni_execution_figure(run.execution, "Filter", "rows_in", &n));
    assert_int_equal(n, N_ROWS);
    assert_true(cni_execution_figure(run.execution, "Result", "rows_in", &n));
    assert_true(n > 0 && n < N_ROWS);
    assert_false(cni_execution_figure(run.execution, "Result", "nothing", &n));
    cni_strbuf_reset(&got);
    RUN_OK(&run, cni_execution_profile(run.execution, &got, &run.err));
    assert_non_null(strstr(text_of(&got), "Scan t rows=10000"));
    cni_strbuf_reset(&got);
    RUN_OK(&run, cni_execution_profile_json(run.execution, &got, &run.err));
    assert_non_null(strstr(text_of(&got), "\"rows_scanned\":10000"));
    const char *filter = strstr(text_of(&got), "\"name\":\"Filter\"");
    assert_non_null(filter);
    const double longest_ms = number_behind(filter, "\"longest_ms\":");
    assert_true(longest_ms > 0.0 && longest_ms <= number_behind(filter, "\"time_ms\":"));
    cni_execution_progress progress;
    cni_execution_progress_get(run.execution, &progress);
    assert_true(progress.fraction == 1.0);
    assert_int_equal(progress.rows_scanned, N_ROWS);
    plan_run_end(&run);
    cni_table_unref(&table->base);
    cni_strbuf_done(&got);
}

/* Chunks that were handed out outlive the execution. */
static void
test_chunk_outlives_execution(void **state)
{
    (void)state;
    memory_table *table = sample_table(100, (memory_traits){0});
    plan_run run;
    cni_chunk chunk;
    cni_execution_answer answer;
    plan_run_begin(&run, (run_settings){0});
    RUN_OK(&run, plan_run_start(&run, make_filter(&run, table)));
    cni_chunk_init(&chunk, cni_allocator_system());
    RUN_OK(&run, cni_execution_next(run.execution, &chunk, &answer, &run.err));
    cni_execution_close(CN_MOVE(run.execution));
    assert_int_equal(cni_chunk_validate(&chunk, &run.err), CN_OK);
    cni_chunk_done(&chunk);
    plan_run_end(&run);
    cni_table_unref(&table->base);
}

static void
test_deadline(void **state)
{
    (void)state;
    memory_table *table = sample_table(N_ROWS, (memory_traits){.morsel_rows = 1});
    plan_run run;
    cni_strbuf got;
    text_begin(&got);
    plan_run_begin(&run, (run_settings){0});
    run.context.deadline_ns = cni_clock_ns() + 1000;
    assert_int_equal(plan_run_rows(&run, make_scan(&run, table), &got), CN_TIMEOUT);
    plan_run_end(&run);
    cni_table_unref(&table->base);
    cni_strbuf_done(&got);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_without_columns),
        cmocka_unit_test(test_scan_keeps_order),
        cmocka_unit_test(test_filter_keeps_order),
        cmocka_unit_test(test_limit_follows_source_order),
        cmocka_unit_test(test_filter_above_limit),
        cmocka_unit_test(test_empty_table),
        cmocka_unit_test(test_limit_stops_early),
        cmocka_unit_test(test_union_all_in_order),
        cmocka_unit_test(test_limits_under_a_limit),
        cmocka_unit_test(test_source_error_is_reported),
        cmocka_unit_test(test_cancel_and_close_early),
        cmocka_unit_test(test_back_pressure),
        cmocka_unit_test(test_profile_counts),
        cmocka_unit_test(test_chunk_outlives_execution),
        cmocka_unit_test(test_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
