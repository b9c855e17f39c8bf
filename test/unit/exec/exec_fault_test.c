/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of an execution fails once: the query says CN_NO_MEMORY, gives everything back
 * (the budget is empty at the end, the leak checker is content), and no thread hangs. Threads that
 * cannot be started cost nothing but speed.
 */
#include "support/run_plan.h"

static int64_t
number(int64_t row)
{
    return row;
}

static int64_t
coarse(int64_t row)
{
    return (row * 7919) % 50;
}

static memory_table *
sample_table(void)
{
    memory_table *table = memory_table_new(2000, (memory_traits){.morsel_rows = 250});
    memory_table_add_i64(table, "id", number, 0);
    memory_table_add_i64(table, "x", coarse, 7);
    memory_table_add_text(table, "s", "some text that is long ", coarse);
    return table;
}

/* Filter of x < 30. */
static const cni_plan *
filtered(plan_run *run, memory_table *table)
{
    const cni_plan *scan = scan_plan(run, table);
    const cni_plan *plan = NULL;
    RUN_OK(run,
           cni_plan_filter(&run->builder, scan,
                           compare_expr(run, CNI_LT, column_expr(run, scan, 1), i64_expr(run, 30)),
                           &plan, &run->err));
    return plan;
}

static const cni_plan *
make_streaming(plan_run *run, memory_table *table)
{
    const cni_plan *members[2] = {filtered(run, table), scan_plan(run, table)};
    const cni_plan *plan = NULL;
    RUN_OK(run, cni_plan_union_all(&run->builder, members, 2, &plan, &run->err));
    RUN_OK(run, cni_plan_limit(&run->builder, plan, 1500, 10, &plan, &run->err));
    return plan;
}

static const cni_plan *
make_sort(plan_run *run, memory_table *table)
{
    const cni_plan *plan = filtered(run, table);
    const cni_order orders[2] = {{column_expr(run, plan, 2), true, false},
                                 {column_expr(run, plan, 1), false, true}};
    RUN_OK(run, cni_plan_sort(&run->builder, plan, orders, 2, &plan, &run->err));
    return plan;
}

static const cni_plan *
make_top_n(plan_run *run, memory_table *table)
{
    const cni_plan *plan = make_sort(run, table);
    cni_plan node = *plan;
    node.kind = CNI_PLAN_TOPN;
    node.limit = 20;
    RUN_OK(run, cni_plan_new(&run->builder, &node, &plan, &run->err));
    return plan;
}

static const cni_plan *
make_distinct_on(plan_run *run, memory_table *table)
{
    const cni_plan *scan = scan_plan(run, table);
    const cni_expr *on = column_expr(run, scan, 1);
    const cni_plan *plan = NULL;
    RUN_OK(run, cni_plan_distinct(&run->builder, scan, &on, 1, &plan, &run->err));
    return plan;
}

static const cni_plan *
make_window(plan_run *run, memory_table *table)
{
    static const cni_function rank = {
        .name = {"rank", 4}, .kind = CNI_FUNCTION_WINDOW, .builtin = CNI_WINDOW_RANK};
    const cni_expr call = {.kind = CNI_EXPR_WINDOW,
                           .type = cni_type_of(CNI_TYPE_INT64),
                           .function = &rank,
                           .sql_offset = -1};
    const cni_plan *plan = scan_plan(run, table);
    const cni_expr *partition = column_expr(run, plan, 1);
    const cni_order order = {column_expr(run, plan, 2), true, false};
    const cni_expr *function = NULL;
    RUN_OK(run, cni_expr_new(run->arena, &call, &function, &run->err));
    RUN_OK(run, cni_plan_window(&run->builder, plan, &partition, 1, &order, 1, &function, 1, &plan,
                                &run->err));
    return plan;
}

/* Numbers of the table's rows: nobody sorts, workers wait for each other. */
static const cni_plan *
make_numbers(plan_run *run, memory_table *table)
{
    static const cni_function row_number = {
        .name = {"row_number", 10}, .kind = CNI_FUNCTION_WINDOW, .builtin = CNI_WINDOW_ROW_NUMBER};
    const cni_expr call = {.kind = CNI_EXPR_WINDOW,
                           .type = cni_type_of(CNI_TYPE_INT64),
                           .function = &row_number,
                           .sql_offset = -1};
    const cni_plan *plan = filtered(run, table);
    const cni_expr *function = NULL;
    RUN_OK(run, cni_expr_new(run->arena, &call, &function, &run->err));
    RUN_OK(run,
           cni_plan_window(&run->builder, plan, NULL, 0, NULL, 0, &function, 1, &plan, &run->err));
    return plan;
}

static const cni_plan *
make_values(plan_run *run, memory_table *table)
{
    const cni_expr *rows[] = {i64_expr(run, 1), i64_expr(run, 2), i64_expr(run, 3)};
    const cni_field field = {.name = cni_str_of("v"), .type = cni_type_of(CNI_TYPE_INT64)};
    const cni_plan *plan = NULL;
    (void)table;
    RUN_OK(run, cni_plan_values(&run->builder, &field, 1, rows, 3, &plan, &run->err));
    return plan;
}

typedef const cni_plan *(*make_plan)(plan_run *run, memory_table *table);

/* One run whose allocation number fail_at (from 1, counted from the plan's start) fails; 0 = none.
 */
static cn_code
run_with_fault(make_plan make, int32_t n_threads, int64_t fail_at, int64_t *out_n_allocations)
{
    cni_fault fault = {0};
    memory_table *table = sample_table();
    plan_run run;
    cni_strbuf got;
    text_begin(&got);
    plan_run_begin(&run,
                   (run_settings){.n_threads = n_threads, .chunk_rows = 100, .fault = &fault});
    const cni_plan *plan = make(&run, table);
    const int64_t n_before = fault.n_hits[CNI_FAULT_ALLOC];
    fault.fail_at[CNI_FAULT_ALLOC] = fail_at == 0 ? 0 : n_before + fail_at;
    const cn_code code = plan_run_rows(&run, plan, &got);
    *out_n_allocations = fault.n_hits[CNI_FAULT_ALLOC] - n_before;
    plan_run_end(&run);
    assert_int_equal(table->n_open_scans, 0);
    cni_table_unref(&table->base);
    cni_strbuf_done(&got);
    return code;
}

static void
sweep(make_plan make, int32_t n_threads, int64_t step)
{
    int64_t n_allocations = 0;
    int64_t n_unused = 0;
    assert_int_equal(run_with_fault(make, n_threads, 0, &n_allocations), CN_OK);
    assert_true(n_allocations > 10);
    for (int64_t fail_at = 1; fail_at <= n_allocations; fail_at += step) {
        const cn_code code = run_with_fault(make, n_threads, fail_at, &n_unused);
        /* With several threads fewer may be made than in the first run. */
        if (code != CN_NO_MEMORY && !(code == CN_OK && n_threads > 1)) {
            fail_msg("allocation %lld: %s", (long long)fail_at, cn_code_name((int32_t)code));
        }
    }
}

static void
test_allocations_fail(void **state)
{
    (void)state;
    const make_plan makers[] = {make_values,      make_streaming, make_sort,   make_top_n,
                                make_distinct_on, make_window,    make_numbers};
    for (size_t at = 0; at < sizeof(makers) / sizeof(makers[0]); at++) {
        sweep(makers[at], 1, 1);
        sweep(makers[at], 3, 7);
    }
}

static void
test_threads_cannot_be_started(void **state)
{
    (void)state;
    cni_fault fault = {0};
    memory_table *table = sample_table();
    plan_run run;
    cni_strbuf got;
    text_begin(&got);
    fault.fail_at[CNI_FAULT_THREAD] = 1;
    plan_run_begin(&run, (run_settings){.n_threads = 4, .chunk_rows = 50, .fault = &fault});
    RUN_OK(&run, plan_run_rows(&run, make_sort(&run, table), &got));
    plan_run_end(&run);
    cni_table_unref(&table->base);
    cni_strbuf_done(&got);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations_fail),
        cmocka_unit_test(test_threads_cannot_be_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
