/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorts that write their runs out: the answers are those of the same sort in memory, ties and all,
 * for keys and payload of every kind, any number of threads, under test_spill and under budgets
 * that are too small; damaged and missing bytes are errors; every failing write, read and
 * allocation is one and leaves nothing behind.
 */
#include "support/run_plan.h"
#include "support/spill_stores.h"

static int64_t
number(int64_t row)
{
    return row;
}

/* Many equal values, in no order. */
static int64_t
coarse(int64_t row)
{
    return ((row * 2654435761) >> 7) % 37 - 18;
}

static int64_t
fine(int64_t row)
{
    return (row * 7919 + 13) % 100003 - 50000;
}

static int64_t
constant(int64_t row)
{
    (void)row;
    return 7;
}

#define WIDE_BYTES 700 /* of a common beginning: longer than what the index keeps of a key */

/* Texts that differ only behind WIDE_BYTES; every 97th is of `huge` bytes. */
static void
add_wide(memory_table *table, const char *name, int64_t huge)
{
    const int64_t n_rows = table->n_rows;
    const int64_t stride = WIDE_BYTES + 16;
    cni_vector vector = {0};
    cni_buffer *bytes = NULL;
    assert_int_equal(cni_buffer_new(cni_allocator_system(),
                                    n_rows * stride + (n_rows / 97 + 1) * huge, &bytes, NULL),
                     CN_OK);
    memset(bytes->data, 'w', (size_t)bytes->len_bytes);
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), cni_type_of(CNI_TYPE_VARCHAR),
                                         CNI_PHYS_VIEW, n_rows, false, &vector, NULL),
                     CN_OK);
    cni_view *views = cni_vector_mutable_data(&vector);
    char *next = (char *)bytes->data;
    for (int64_t row = 0; row < n_rows; row++) {
        const int64_t length = row % 97 == 3 ? huge : stride;
        char digits[24];
        (void)snprintf(digits, sizeof(digits), "%016lld", (long long)(coarse(row) + 100));
        memcpy(next + length - 16, digits, 16);
        views[row] = cni_view_make(next, (uint32_t)length);
        next += length;
    }
    assert_int_equal(cni_heap_new(cni_allocator_system(), &bytes, 1, &vector.heap, NULL), CN_OK);
    cni_buffer_unref(bytes);
    memory_table_add(table, name, &vector);
}

/* Lists of 0 to 3 numbers. */
static void
add_lists(memory_table *table, const char *name, cni_arena *arena)
{
    const int64_t n_rows = table->n_rows;
    const cni_type *type = NULL;
    cni_vector items = {0};
    cni_vector list = {.encoding = CNI_FLAT, .phys = CNI_PHYS_LIST, .n_rows = n_rows};
    assert_int_equal(cni_type_list(arena, cni_type_of(CNI_TYPE_INT64), &type, NULL), CN_OK);
    list.type = type;
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), cni_type_of(CNI_TYPE_INT64),
                                         CNI_PHYS_I64, n_rows * 3, false, &items, NULL),
                     CN_OK);
    assert_int_equal(cni_buffer_new(cni_allocator_system(),
                                    n_rows * (int64_t)sizeof(cni_list_entry), &list.owner_data,
                                    NULL),
                     CN_OK);
    cni_list_entry *entries = (cni_list_entry *)(void *)list.owner_data->data;
    int64_t *values = cni_vector_mutable_data(&items);
    for (int64_t row = 0; row < n_rows; row++) {
        entries[row] = (cni_list_entry){.offset = 3 * row, .size = row % 4};
        for (int64_t item = 0; item < 3; item++) {
            values[3 * row + item] = coarse(row + item) % 5;
        }
    }
    list.data = entries;
    assert_int_equal(cni_nested_new(cni_allocator_system(), 1, &list.nested, NULL), CN_OK);
    cni_vector_move(&list.nested->children[0], &items);
    memory_table_add(table, name, &list);
}

typedef struct sample {
    memory_table *table;
    cni_arena *arena; /* of its types */
} sample;

/* 0 id | 1 a: coarse with nulls | 2 b: fine with nulls | 3 s: short text | 4 t: long text |
 * 5 k: the same in all rows | 6 l: lists | 7 w: wide text, when asked for. */
static void
sample_begin(sample *self, int64_t n_rows, memory_traits traits, bool wide)
{
    assert_int_equal(cni_arena_new(cni_allocator_system(), "types", &self->arena, NULL), CN_OK);
    self->table = memory_table_new(n_rows, traits);
    memory_table_add_i64(self->table, "id", number, 0);
    memory_table_add_i64(self->table, "a", coarse, 13);
    memory_table_add_i64(self->table, "b", fine, 7);
    memory_table_add_text(self->table, "s", "", coarse);
    memory_table_add_text(self->table, "t", "a long common beginning ", fine);
    memory_table_add_i64(self->table, "k", constant, 0);
    add_lists(self->table, "l", self->arena);
    if (wide) {
        add_wide(self->table, "w", 90000);
    }
}

static void
sample_end(sample *self)
{
    cni_table_unref(&self->table->base);
    cni_arena_unref(self->arena);
}

typedef struct sort_key {
    int32_t column;
    bool descending;
    bool nulls_first;
} sort_key;

typedef enum sort_shape {
    SORT_ALL,
    SORT_TOP,
    SORT_DISTINCT_ON
} sort_shape;

typedef struct sort_case {
    sort_shape shape;
    int64_t limit;
    int64_t offset;
    int32_t n_keys;
    sort_key keys[3];
} sort_case;

static const cni_plan *
make_plan(plan_run *run, memory_table *table, const sort_case *asked)
{
    const cni_plan *scan = scan_plan(run, table);
    const cni_plan *plan = NULL;
    cni_order orders[3];
    const cni_expr *on[3];
    for (int32_t key = 0; key < asked->n_keys; key++) {
        on[key] = column_expr(run, scan, asked->keys[key].column);
        orders[key] =
            (cni_order){on[key], asked->keys[key].descending, asked->keys[key].nulls_first};
    }
    if (asked->shape == SORT_DISTINCT_ON) {
        RUN_OK(run, cni_plan_distinct(&run->builder, scan, on, asked->n_keys, &plan, &run->err));
        return plan;
    }
    RUN_OK(run, cni_plan_sort(&run->builder, scan, orders, asked->n_keys, &plan, &run->err));
    if (asked->shape == SORT_TOP) {
        cni_plan node = *plan;
        node.kind = CNI_PLAN_TOPN;
        node.limit = asked->limit;
        node.offset = asked->offset;
        RUN_OK(run, cni_plan_new(&run->builder, &node, &plan, &run->err));
    }
    return plan;
}

/* How a run may spill. */
typedef struct spilling {
    bool test_spill;
    int64_t memory_limit; /* of the query; 0 = none that matters */
    int32_t n_threads;
    int32_t chunk_rows;
    cni_fault *fault;
} spilling;

/* What happened in a run. */
typedef struct outcome {
    cn_code code;
    char message[sizeof(((cn_error *)0)->message)];
    int64_t spilled_runs;
    int64_t merge_passes;
    int64_t n_discards; /* pieces of the file that were given back before it was closed */
} outcome;

static void
run_sort(memory_table *table, const sort_case *asked, const spilling *how, cni_strbuf *out,
         outcome *out_outcome)
{
    const char *name = asked->shape == SORT_TOP ? "TopN" : "Sort";
    memory_spill_store store;
    plan_run run;
    memory_spill_begin(&store, how->fault);
    plan_run_begin(&run,
                   (run_settings){.n_threads = how->n_threads, .chunk_rows = how->chunk_rows});
    if (how->memory_limit != 0) {
        cni_budget_set_limit(run.context.budget, how->memory_limit);
    }
    run.context.settings.test_spill = how->test_spill;
    run.context.spill = how->test_spill || how->memory_limit != 0 ? &store.base : NULL;
    *out_outcome = (outcome){.code = plan_run_rows(&run, make_plan(&run, table, asked), out)};
    memcpy(out_outcome->message, run.err.message, sizeof(out_outcome->message));
    if (run.execution != NULL) {
        (void)cni_execution_figure(run.execution, name, "spilled_runs", &out_outcome->spilled_runs);
        (void)cni_execution_figure(run.execution, name, "merge_passes", &out_outcome->merge_passes);
    }
    plan_run_end(&run);
    out_outcome->n_discards = store.n_discards;
    memory_spill_end(&store);
}

static void
expect_same(const cni_strbuf *expected, const cni_strbuf *got, const char *what)
{
    if (expected->len_bytes != got->len_bytes ||
        memcmp(text_of(expected), text_of(got), (size_t)got->len_bytes) != 0) {
        int64_t at = 0;
        while (at < expected->len_bytes && at < got->len_bytes &&
               expected->data[at] == got->data[at]) {
            at++;
        }
        fail_msg("%s: differs at byte %lld of %lld (%lld)", what, (long long)at,
                 (long long)expected->len_bytes, (long long)got->len_bytes);
    }
}

/* The same rows as in memory; gives what happened in each of the runs. */
static void
check_each(sample *from, const sort_case *asked, const spilling *hows, size_t n_hows,
           const char *what, outcome *out_outcomes)
{
    outcome plain = {0};
    cni_strbuf expected;
    text_begin(&expected);
    run_sort(from->table, asked, &(spilling){.n_threads = 1}, &expected, &plain);
    assert_int_equal(plain.code, CN_OK);
    for (size_t at = 0; at < n_hows; at++) {
        cni_strbuf got;
        text_begin(&got);
        run_sort(from->table, asked, &hows[at], &got, &out_outcomes[at]);
        if (out_outcomes[at].code != CN_OK) {
            fail_msg("%s: %s", what, out_outcomes[at].message);
        }
        expect_same(&expected, &got, what);
        cni_strbuf_done(&got);
    }
    cni_strbuf_done(&expected);
}

#define MAX_HOWS 4

/* Gives what happened in the last of them. */
static outcome
check(sample *from, const sort_case *asked, const spilling *hows, size_t n_hows, const char *what)
{
    outcome happened[MAX_HOWS] = {0};
    assert_true(n_hows >= 1 && n_hows <= MAX_HOWS);
    check_each(from, asked, hows, n_hows, what, happened);
    return happened[n_hows - 1];
}

static const sort_case all_cases[] = {
    {.n_keys = 1, .keys = {{1, false, false}}},
    {.n_keys = 1, .keys = {{1, true, true}}},
    {.n_keys = 1, .keys = {{2, true, false}}},
    {.n_keys = 2, .keys = {{1, true, false}, {2, false, true}}},
    {.n_keys = 1, .keys = {{3, false, false}}},
    {.n_keys = 2, .keys = {{3, true, false}, {4, true, false}}},
    {.n_keys = 3, .keys = {{1, false, true}, {4, true, true}, {0, true, true}}},
    {.n_keys = 1, .keys = {{5, false, false}}},
    {.n_keys = 2, .keys = {{6, false, false}, {1, true, false}}},
    {.shape = SORT_TOP, .limit = 10, .offset = 3, .n_keys = 1, .keys = {{1, false, false}}},
    {.shape = SORT_TOP, .limit = 900, .offset = 1200, .n_keys = 2, .keys = {{4, true}, {1}}},
    {.shape = SORT_TOP, .limit = 1, .offset = 3999, .n_keys = 1, .keys = {{3, true, false}}},
    {.shape = SORT_TOP, .limit = 10, .offset = 100000, .n_keys = 1, .keys = {{3}}},
    {.shape = SORT_DISTINCT_ON, .n_keys = 1, .keys = {{1, false, false}}},
    {.shape = SORT_DISTINCT_ON, .n_keys = 2, .keys = {{3, false, false}, {6, false, false}}},
    {.shape = SORT_DISTINCT_ON, .n_keys = 1, .keys = {{5, false, false}}},
};

#define N_CASES (sizeof(all_cases) / sizeof(all_cases[0]))

static void
test_forced(void **state)
{
    (void)state;
    static const spilling hows[] = {
        {.test_spill = true, .n_threads = 1},
        {.test_spill = true, .n_threads = 2, .chunk_rows = 64},
        {.test_spill = true, .n_threads = 8, .chunk_rows = 7},
    };
    static const memory_traits all_traits[] = {
        {.morsel_rows = 0}, {.morsel_rows = 100}, {.morsel_rows = 1024, .block_every = 5}};
    for (size_t trait = 0; trait < 3; trait++) {
        sample rows;
        sample_begin(&rows, 4000, all_traits[trait], false);
        for (size_t at = 0; at < N_CASES; at++) {
            char what[64];
            (void)snprintf(what, sizeof(what), "case %zu, traits %zu", at, trait);
            const outcome last = check(&rows, &all_cases[at], hows, 3, what);
            assert_true(last.spilled_runs > 0);
        }
        sample_end(&rows);
    }
}

/* Without a merge before the last one nothing is given back but the file, at once: piece by piece
 * takes long, also when the query is cancelled. */
static void
test_file_goes_at_once(void **state)
{
    (void)state;
    static const spilling hows[] = {{.test_spill = true, .n_threads = 1, .chunk_rows = 500}};
    sample rows;
    sample_begin(&rows, 5000, (memory_traits){.morsel_rows = 1000}, false);
    for (size_t at = 3; at < 6; at++) {
        const outcome sorted = check(&rows, &all_cases[at], hows, 1, "one file");
        assert_true(sorted.spilled_runs > 1);
        assert_int_equal(sorted.merge_passes, 0);
        assert_true(sorted.n_discards <= 20); /* chunks of the result */
    }
    sample_end(&rows);
}

/* Few rows per chunk: more runs than are read at once. */
static void
test_merge_passes(void **state)
{
    (void)state;
    static const spilling hows[] = {{.test_spill = true, .n_threads = 2, .chunk_rows = 16}};
    sample rows;
    sample_begin(&rows, 5000, (memory_traits){.morsel_rows = 300}, false);
    const outcome sorted = check(&rows, &all_cases[3], hows, 1, "fixed");
    assert_true(sorted.spilled_runs > 50);
    assert_true(sorted.merge_passes >= 2);
    assert_true(check(&rows, &all_cases[6], hows, 1, "long").merge_passes >= 1);
    assert_true(check(&rows, &all_cases[13], hows, 1, "distinct on").merge_passes >= 1);
    sample_end(&rows);
}

static void
test_wide_rows(void **state)
{
    (void)state;
    static const spilling hows[] = {{.test_spill = true, .n_threads = 2, .chunk_rows = 100},
                                    {.test_spill = true, .n_threads = 1}};
    static const sort_case cases[] = {
        {.n_keys = 2, .keys = {{7, false, false}, {2, true, false}}},
        {.n_keys = 1, .keys = {{2, false, false}}},
        {.n_keys = 1, .keys = {{7, true, false}}},
        {.shape = SORT_TOP, .limit = 300, .offset = 20, .n_keys = 1, .keys = {{7}}},
        {.shape = SORT_DISTINCT_ON, .n_keys = 1, .keys = {{7, false, false}}},
    };
    sample rows;
    sample_begin(&rows, 1500, (memory_traits){.morsel_rows = 200}, true);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        char what[32];
        (void)snprintf(what, sizeof(what), "wide %zu", at);
        (void)check(&rows, &cases[at], hows, 2, what);
    }
    sample_end(&rows);
}

/* Texts of a megabyte, as keys and as payload, of which the budget holds a few. */
static void
test_megabytes(void **state)
{
    (void)state;
    static const spilling hows[] = {{.memory_limit = 64 << 20, .n_threads = 1, .chunk_rows = 50},
                                    {.memory_limit = 128 << 20, .n_threads = 2, .chunk_rows = 50}};
    static const sort_case cases[] = {
        {.n_keys = 2, .keys = {{1, true, false}, {0, false, false}}},
        {.n_keys = 1, .keys = {{0, true, false}}},
    };
    outcome happened[MAX_HOWS] = {0};
    memory_table *table = memory_table_new(97 * 60, (memory_traits){.morsel_rows = 200});
    sample rows = {.table = table};
    memory_table_add_i64(table, "id", number, 0);
    add_wide(table, "w", 1000000);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        char what[32];
        (void)snprintf(what, sizeof(what), "megabytes %zu", at);
        check_each(&rows, &cases[at], hows, 2, what, happened);
        assert_true(happened[0].spilled_runs > 1);
    }
    cni_table_unref(&table->base);
}

/* Real pressure: the budget holds a part of the rows only. */
static void
test_small_budgets(void **state)
{
    (void)state;
    static const spilling hows[] = {
        {.memory_limit = 12 << 20, .n_threads = 1},
        {.memory_limit = 24 << 20, .n_threads = 2},
        {.memory_limit = 96 << 20, .n_threads = 8},
    };
    static const sort_case cases[] = {
        {.n_keys = 2, .keys = {{1, false, false}, {2, true, false}}},
        {.n_keys = 1, .keys = {{4, false, false}}},
        {.n_keys = 1, .keys = {{5, false, false}}},
        {.shape = SORT_TOP, .limit = 90000, .offset = 5000, .n_keys = 1, .keys = {{4}}},
        {.shape = SORT_TOP, .limit = 200000, .offset = 100, .n_keys = 1, .keys = {{2}}},
        {.shape = SORT_DISTINCT_ON, .n_keys = 1, .keys = {{4, false, false}}},
    };
    outcome happened[MAX_HOWS] = {0};
    sample rows;
    sample_begin(&rows, 260000, (memory_traits){.morsel_rows = 5000}, false);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        char what[32];
        (void)snprintf(what, sizeof(what), "budget %zu", at);
        check_each(&rows, &cases[at], hows, 3, what, happened);
        assert_true(happened[0].spilled_runs > 0);
    }
    sample_end(&rows);
}

/* ---- failures ---- */

static int64_t
sweep(sample *rows, const sort_case *asked, cni_fault_kind kind, int32_t n_threads)
{
    int64_t n_failed = 0;
    cni_strbuf expected;
    outcome happened;
    const spilling plain = {.test_spill = true, .n_threads = n_threads, .chunk_rows = 200};
    text_begin(&expected);
    run_sort(rows->table, asked, &plain, &expected, &happened);
    assert_int_equal(happened.code, CN_OK);
    for (int64_t nth = 1;; nth += 1 + nth / 40) {
        cni_fault fault = {0};
        cni_strbuf got;
        spilling how = plain;
        how.fault = &fault;
        cni_counter_set(&fault.fail_at[kind], nth);
        text_begin(&got);
        run_sort(rows->table, asked, &how, &got, &happened);
        const bool hit = cni_counter_get(&fault.n_hits[kind]) >= nth;
        if (happened.code == CN_OK) {
            expect_same(&expected, &got, "with a fault");
        } else {
            assert_true(hit);
            assert_true(happened.code == CN_IO);
            assert_true(happened.message[0] != '\0');
            n_failed++;
        }
        cni_strbuf_done(&got);
        if (!hit) {
            break;
        }
    }
    cni_strbuf_done(&expected);
    return n_failed;
}

static void
test_failing_store(void **state)
{
    (void)state;
    sample rows;
    sample_begin(&rows, 3000, (memory_traits){.morsel_rows = 500}, false);
    for (int32_t n_threads = 1; n_threads <= 2; n_threads++) {
        assert_true(sweep(&rows, &all_cases[6], CNI_FAULT_WRITE, n_threads) > 10);
        assert_true(sweep(&rows, &all_cases[6], CNI_FAULT_READ, n_threads) > 10);
        assert_true(sweep(&rows, &all_cases[3], CNI_FAULT_READ, n_threads) > 10);
        assert_true(sweep(&rows, &all_cases[10], CNI_FAULT_WRITE, n_threads) > 3);
        assert_true(sweep(&rows, &all_cases[13], CNI_FAULT_READ, n_threads) > 3);
    }
    sample_end(&rows);
}

/* Every allocation of a spilling sort is refused once. */
static void
test_failing_allocations(void **state)
{
    (void)state;
    sample rows;
    sample_begin(&rows, 1200, (memory_traits){.morsel_rows = 200}, false);
    static const size_t cases[] = {3, 6, 10, 13};
    int64_t n_failed = 0;
    for (size_t at = 0; at < 4; at++) {
        for (int64_t nth = 1;; nth += 1 + nth / 60) {
            cni_fault fault = {0};
            memory_spill_store store;
            plan_run run;
            cni_strbuf got;
            text_begin(&got);
            memory_spill_begin(&store, NULL);
            plan_run_begin(&run,
                           (run_settings){.n_threads = 1, .chunk_rows = 100, .fault = &fault});
            run.context.settings.test_spill = true;
            run.context.spill = &store.base;
            const cni_plan *plan = make_plan(&run, rows.table, &all_cases[cases[at]]);
            cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC],
                            cni_counter_get(&fault.n_hits[CNI_FAULT_ALLOC]) + nth);
            const int64_t fail_at = cni_counter_get(&fault.fail_at[CNI_FAULT_ALLOC]);
            const cn_code code = plan_run_rows(&run, plan, &got);
            const bool hit = cni_counter_get(&fault.n_hits[CNI_FAULT_ALLOC]) >= fail_at;
            assert_true(code == CN_OK || (hit && code == CN_NO_MEMORY));
            n_failed += code == CN_OK ? 0 : 1;
            plan_run_end(&run);
            memory_spill_end(&store);
            cni_strbuf_done(&got);
            if (!hit) {
                break;
            }
        }
    }
    assert_true(n_failed > 300);
    sample_end(&rows);
}

/* Over real files: nothing is left behind. */
static void
test_directory(void **state)
{
    (void)state;
    sample rows;
    spill_place place;
    plan_run run;
    cni_strbuf expected;
    cni_strbuf got;
    outcome happened;
    text_begin(&expected);
    text_begin(&got);
    sample_begin(&rows, 20000, (memory_traits){.morsel_rows = 2000}, false);
    run_sort(rows.table, &all_cases[6], &(spilling){.n_threads = 1}, &expected, &happened);
    spill_place_begin(&place, NULL);
    plan_run_begin(&run, (run_settings){.n_threads = 4});
    run.context.settings.test_spill = true;
    run.context.spill = place.store;
    RUN_OK(&run, plan_run_rows(&run, make_plan(&run, rows.table, &all_cases[6]), &got));
    expect_same(&expected, &got, "files");
    plan_run_end(&run);
    spill_place_end(&place);
    sample_end(&rows);
    cni_strbuf_done(&expected);
    cni_strbuf_done(&got);
}

int
main(int argc, char **argv)
{
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_file_goes_at_once),
        cmocka_unit_test(test_merge_passes),
        cmocka_unit_test(test_wide_rows),
        cmocka_unit_test(test_small_budgets),
        cmocka_unit_test(test_failing_store),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_megabytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
