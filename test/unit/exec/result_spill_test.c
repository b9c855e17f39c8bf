/* SPDX-License-Identifier: Apache-2.0
 *
 * Results whose consumer stops, and collected rows that do not fit: what others need memory for is
 * written to disk, and comes back in order.
 */
#include "support/run_plan.h"

#include "exec/operator/collect.h"
#include "support/spill_stores.h"

#define N_ROWS 1000000

static int64_t
number(int64_t row)
{
    return row;
}

static memory_table *
numbers_table(void)
{
    memory_table *table = memory_table_new(N_ROWS, (memory_traits){.morsel_rows = 30000});
    memory_table_add_i64(table, "n", number, 0);
    return table;
}

/* Pull the rest; the rows are `first`, `first` + 1, ... */
static cn_code
pull(plan_run *run, int64_t *inout_first)
{
    cni_chunk chunk;
    cni_execution_answer answer = CNI_EXECUTION_CHUNK;
    cni_chunk_init(&chunk, cni_allocator_system());
    cn_code code = CN_OK;
    while (code == CN_OK && answer == CNI_EXECUTION_CHUNK) {
        code = cni_execution_next(run->execution, &chunk, &answer, &run->err);
        for (int64_t row = 0; code == CN_OK && answer == CNI_EXECUTION_CHUNK && row < chunk.n_rows;
             row++, (*inout_first)++) {
            assert_int_equal(((const int64_t *)chunk.columns[0].data)[row], *inout_first);
        }
    }
    cni_chunk_done(&chunk);
    return code;
}

static void
wait_for_rows(const plan_run *run, int64_t n_rows)
{
    int64_t rows_in = 0;
    for (int turn = 0; turn < 5000 && rows_in < n_rows; turn++) {
        (void)cni_execution_figure(run->execution, "Result", "rows_in", &rows_in);
        (void)usleep(1000);
    }
    assert_true(rows_in >= n_rows);
}

/* One chunk is pulled, then nothing; somebody asks for all the memory that there is. */
static void
check_stopped_client(int32_t n_threads, bool fails)
{
    cni_fault fault = {0};
    memory_spill_store store;
    plan_run run;
    memory_table *table = numbers_table();
    memory_spill_begin(&store, &fault);
    plan_run_begin(&run, (run_settings){.n_threads = n_threads,
                                        .chunk_rows = 16384,
                                        .memory_limit = INT64_C(64) << 20});
    run.context.spill = &store.base;
    RUN_OK(&run, plan_run_start(&run, scan_plan(&run, table)));
    cni_chunk chunk;
    cni_execution_answer answer = CNI_EXECUTION_END;
    cni_chunk_init(&chunk, cni_allocator_system());
    RUN_OK(&run, cni_execution_next(run.execution, &chunk, &answer, &run.err));
    int64_t first = chunk.n_rows;
    cni_chunk_done(&chunk);
    wait_for_rows(&run, 4 * 16384);
    for (int turn = 0; turn < 3; turn++) {
        assert_int_equal(cni_budget_reserve(run.context.budget, INT64_C(65) << 20, NULL),
                         CN_BUDGET_EXCEEDED);
    }
    assert_true(cni_counter_get(&store.base.written_bytes) > 16384 * 8);
    if (fails) {
        cni_counter_set(&fault.fail_at[CNI_FAULT_READ], 1);
        assert_int_equal(pull(&run, &first), CN_IO);
    } else {
        RUN_OK(&run, pull(&run, &first));
        assert_int_equal(first, N_ROWS);
        assert_int_equal(cni_counter_get(&store.base.used_bytes),
                         0); /* read once, then discarded */
    }
    plan_run_end(&run);
    cni_table_unref(&table->base);
    memory_spill_end(&store);
}

static void
test_client_stops(void **state)
{
    (void)state;
    check_stopped_client(2, false);
    check_stopped_client(8, false);
    check_stopped_client(2, true);
}

/* While it is written, it is pulled. */
static void
test_pull_and_reclaim(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 8; n_threads *= 2) {
        memory_spill_store store;
        plan_run run;
        memory_table *table = numbers_table();
        memory_spill_begin(&store, NULL);
        plan_run_begin(&run, (run_settings){.n_threads = n_threads, .chunk_rows = 1000});
        run.context.spill = &store.base;
        run.context.settings.test_spill = true;
        int64_t first = 0;
        RUN_OK(&run, plan_run_start(&run, scan_plan(&run, table)));
        RUN_OK(&run, pull(&run, &first));
        assert_int_equal(first, N_ROWS);
        plan_run_end(&run);
        cni_table_unref(&table->base);
        memory_spill_end(&store);
    }
}

/* ---- collected rows ---- */

enum {
    N_CHUNKS = 20,
    CHUNK_ROWS = 100
};

static void
add_chunk(cni_collected *rows, int64_t at)
{
    cn_error err = CN_ERROR_INIT;
    cni_chunk chunk;
    cni_chunk_init(&chunk, rows->allocator);
    assert_int_equal(cni_chunk_set_columns(&chunk, 2, &err), CN_OK);
    for (int32_t column = 0; column < 2; column++) {
        assert_int_equal(cni_vector_new_flat(rows->allocator, cni_type_of(CNI_TYPE_INT64),
                                             CNI_PHYS_I64, CHUNK_ROWS, false,
                                             &chunk.columns[column], &err),
                         CN_OK);
        int64_t *items = cni_vector_mutable_data(&chunk.columns[column]);
        for (int64_t row = 0; row < CHUNK_ROWS; row++) {
            items[row] = (at * CHUNK_ROWS + row) * (column + 1);
        }
    }
    chunk.n_rows = CHUNK_ROWS;
    chunk.sequence = at;
    assert_int_equal(cni_collected_add(rows, &chunk, &err), CN_OK);
    cni_chunk_done(&chunk);
}

static cn_code
check_collected(const cni_collected *rows, cn_error *err)
{
    static const int32_t second[] = {1};
    for (int64_t at = 0; at < rows->n_chunks; at++) {
        CN_SCOPED(cni_chunk) chunk = {0};
        cni_chunk_init(&chunk, rows->allocator);
        CN_TRY(cni_collected_read(rows, at, second, 1, &chunk, err));
        assert_int_equal(chunk.n_rows, CHUNK_ROWS);
        assert_int_equal(chunk.n_columns, 1);
        for (int64_t row = 0; row < CHUNK_ROWS; row++) {
            assert_int_equal(((const int64_t *)chunk.columns[0].data)[row],
                             (at * CHUNK_ROWS + row) * 2);
        }
    }
    return CN_OK;
}

/* Twice: some of what is there, all of what was added, and what is then at its place. */
static cn_code
use_collected(plan_run *run, cn_error *err)
{
    cni_atomic_ptr disk = NULL;
    cni_collected rows;
    cni_collected more;
    cni_collected_init(&rows, cni_allocator_system());
    cni_collected_init(&more, cni_allocator_system());
    for (int64_t at = 0; at < N_CHUNKS; at++) {
        add_chunk(at < N_CHUNKS / 2 ? &rows : &more, at);
    }
    const int64_t half = rows.memory_bytes / 2;
    cn_code code = cni_collected_spill(&rows, half, &run->context, 2, &disk, err);
    if (code == CN_OK) {
        assert_true(rows.memory_bytes <= half && rows.memory_bytes > 0);
        assert_true(cni_collected_on_disk(&rows, 0));
        assert_false(cni_collected_on_disk(&rows, N_CHUNKS / 2 - 1));
        code = cni_collected_append(&rows, &more, err);
    }
    if (code == CN_OK) {
        code = check_collected(&rows, err);
    }
    if (code == CN_OK) {
        code = cni_collected_spill(&rows, 0, &run->context, 2, &disk, err);
    }
    if (code == CN_OK) {
        assert_int_equal(rows.memory_bytes, 0);
        assert_true(cni_collected_on_disk(&rows, N_CHUNKS - 1));
        assert_int_equal(rows.n_rows, N_CHUNKS * CHUNK_ROWS);
        code = check_collected(&rows, err);
    }
    cni_collected_done(&rows);
    cni_collected_done(&more);
    cni_collected_disk_unref(disk);
    return code;
}

static void
test_collected(void **state)
{
    static const cni_fault_kind kinds[] = {CNI_FAULT_ALLOC, CNI_FAULT_WRITE, CNI_FAULT_READ};
    (void)state;
    cni_fault fault = {0};
    memory_spill_store store;
    plan_run run;
    cn_error err = CN_ERROR_INIT;
    memory_spill_begin(&store, &fault);
    plan_run_begin(&run, (run_settings){.fault = &fault});
    run.context.spill = &store.base;
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        const int64_t before = cni_counter_get(&fault.n_hits[kinds[kind]]);
        assert_int_equal(use_collected(&run, &err), CN_OK);
        const int64_t n_hits = cni_counter_get(&fault.n_hits[kinds[kind]]) - before;
        assert_true(n_hits > 0);
        for (int64_t at = 1; at <= n_hits; at++) {
            cni_counter_set(&fault.fail_at[kinds[kind]],
                            cni_counter_get(&fault.n_hits[kinds[kind]]) + at);
            assert_int_not_equal(use_collected(&run, &err), CN_OK);
        }
        cni_counter_set(&fault.fail_at[kinds[kind]], 0);
    }
    plan_run_end(&run);
    memory_spill_end(&store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_stops),
        cmocka_unit_test(test_pull_and_reclaim),
        cmocka_unit_test(test_collected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
