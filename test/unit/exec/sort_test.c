/* SPDX-License-Identifier: Apache-2.0
 *
 * Sort, top-N and DISTINCT ON against a naive reference: keys of every kind, directions, places of
 * nulls, stability, threads, chunk sizes, encodings; what top-N drops.
 */
#include <stdlib.h>

#include "exec/operator/sort_items.h"
#include "support/run_plan.h"

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

/* id = row | a: coarse with nulls | b: fine with nulls | s: text of coarse | t: long text of fine.
 */
static memory_table *
sample_table(int64_t n_rows, memory_traits traits)
{
    memory_table *table = memory_table_new(n_rows, traits);
    memory_table_add_i64(table, "id", number, 0);
    memory_table_add_i64(table, "a", coarse, 13);
    memory_table_add_i64(table, "b", fine, 7);
    memory_table_add_text(table, "s", "", coarse);
    memory_table_add_text(table, "t", "a long common beginning ", fine);
    return table;
}

typedef struct sort_key {
    int32_t column;
    bool descending;
    bool nulls_first;
} sort_key;

/* What the reference sorts by: set by check(), read by qsort's callback. */
static const memory_table *reference_table;
static const sort_key *reference_keys;
static int32_t reference_n_keys;

static int
compare_column(const sort_key *key, int64_t a, int64_t b)
{
    const cni_vector *vector = &reference_table->columns[key->column];
    const bool a_null = !cni_vector_is_valid(vector, a);
    const bool b_null = !cni_vector_is_valid(vector, b);
    int order = 0;
    if (a_null || b_null) {
        order = (int)a_null - (int)b_null;
        return key->nulls_first ? -order : order;
    }
    if (vector->phys == CNI_PHYS_I64) {
        const int64_t *data = vector->data;
        order = (data[a] > data[b]) - (data[a] < data[b]);
    } else {
        const cni_view *views = vector->data;
        order = cni_view_compare(&views[a], &views[b]);
    }
    return key->descending ? -order : order;
}

static int
compare_rows(const void *a, const void *b)
{
    const int64_t row_a = *(const int64_t *)a;
    const int64_t row_b = *(const int64_t *)b;
    for (int32_t key = 0; key < reference_n_keys; key++) {
        const int order = compare_column(&reference_keys[key], row_a, row_b);
        if (order != 0) {
            return order;
        }
    }
    return (row_a > row_b) - (row_a < row_b);
}

static bool
same_keys(int64_t a, int64_t b)
{
    for (int32_t key = 0; key < reference_n_keys; key++) {
        if (compare_column(&reference_keys[key], a, b) != 0) {
            return false;
        }
    }
    return true;
}

typedef enum sort_shape {
    SORT_ALL,
    SORT_TOP,
    SORT_DISTINCT_ON
} sort_shape;

typedef struct sort_case {
    sort_shape shape;
    int64_t n_rows;
    int64_t limit;
    int64_t offset;
    int32_t n_keys;
    sort_key keys[3];
} sort_case;

/* Ids in order; the caller frees n_rows of them. */
static int64_t *
reference_order(const memory_table *table, const sort_case *asked, int64_t *out_n)
{
    int64_t *rows = NULL;
    assert_int_equal(cni_alloc_array(cni_allocator_system(), asked->n_rows, 8, &rows, NULL), CN_OK);
    for (int64_t row = 0; row < asked->n_rows; row++) {
        rows[row] = row;
    }
    reference_table = table;
    reference_keys = asked->keys;
    reference_n_keys = asked->n_keys;
    qsort(rows, (size_t)asked->n_rows, sizeof(*rows), compare_rows);
    *out_n = asked->n_rows;
    if (asked->shape == SORT_TOP) {
        const int64_t first = cni_min_i64(asked->offset, asked->n_rows);
        *out_n = cni_min_i64(asked->limit, asked->n_rows - first);
        memmove(rows, rows + first, (size_t)*out_n * sizeof(*rows));
    } else if (asked->shape == SORT_DISTINCT_ON && asked->n_rows > 0) {
        int64_t n_kept = 1;
        for (int64_t at = 1; at < asked->n_rows; at++) {
            if (!same_keys(rows[n_kept - 1], rows[at])) {
                rows[n_kept++] = rows[at];
            }
        }
        *out_n = n_kept;
    }
    return rows;
}

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

static void
check_once(const sort_case *asked, run_settings settings, memory_traits traits)
{
    memory_table *table = sample_table(asked->n_rows, traits);
    int64_t n_expected = 0;
    int64_t *expected = reference_order(table, asked, &n_expected);
    plan_run run;
    cni_chunk chunk;
    cni_execution_answer answer = CNI_EXECUTION_CHUNK;
    int64_t n_got = 0;
    plan_run_begin(&run, settings);
    RUN_OK(&run, plan_run_start(&run, make_plan(&run, table, asked)));
    cni_chunk_init(&chunk, cni_allocator_system());
    while (answer == CNI_EXECUTION_CHUNK) {
        RUN_OK(&run, cni_execution_next(run.execution, &chunk, &answer, &run.err));
        for (int64_t row = 0; answer == CNI_EXECUTION_CHUNK && row < chunk.n_rows; row++) {
            const cni_vector *values = NULL;
            int64_t at = 0;
            assert_true(n_got < n_expected);
            assert_int_equal(chunk.n_columns, 5);
            assert_true(cni_vector_locate(&chunk.columns[0], row, &values, &at));
            const int64_t id = ((const int64_t *)values->data)[at];
            if (id != expected[n_got]) {
                fail_msg("row %lld: %lld instead of %lld", (long long)n_got, (long long)id,
                         (long long)expected[n_got]);
            }
            n_got++;
        }
    }
    assert_int_equal(n_got, n_expected);
    cni_chunk_done(&chunk);
    plan_run_end(&run);
    cni_table_unref(&table->base);
    cni_dealloc(cni_allocator_system(), expected, asked->n_rows * 8);
}

static void
check(const sort_case *asked)
{
    static const run_settings all_settings[] = {
        {.n_threads = 1},
        {.n_threads = 4},
        {.n_threads = 3, .chunk_rows = 7},
        {.n_threads = 2, .test_encode = 15},
        {.n_threads = 2, .test_encode = CNI_TEST_ENCODE_DICTIONARY},
    };
    static const memory_traits all_traits[] = {
        {.morsel_rows = 0}, {.morsel_rows = 100}, {.morsel_rows = 1024, .block_every = 5}};
    for (size_t at = 0; at < sizeof(all_settings) / sizeof(all_settings[0]); at++) {
        for (size_t trait = 0; trait < sizeof(all_traits) / sizeof(all_traits[0]); trait++) {
            check_once(asked, all_settings[at], all_traits[trait]);
        }
    }
}

static void
test_sort_keys(void **state)
{
    (void)state;
    const sort_case cases[] = {
        {.n_rows = 3000, .n_keys = 1, .keys = {{1, false, false}}},
        {.n_rows = 3000, .n_keys = 1, .keys = {{2, true, true}}},
        {.n_rows = 3000, .n_keys = 2, .keys = {{1, true, false}, {2, false, true}}},
        {.n_rows = 3000, .n_keys = 1, .keys = {{3, false, false}}},
        {.n_rows = 3000, .n_keys = 2, .keys = {{3, true, false}, {4, true, false}}},
        {.n_rows = 3000, .n_keys = 3, .keys = {{1, false, true}, {3, true, true}, {0, true, true}}},
        {.n_rows = 2000, .n_keys = 1, .keys = {{0, false, false}}},
        {.n_rows = 0, .n_keys = 1, .keys = {{0, false, false}}},
        {.n_rows = 1, .n_keys = 1, .keys = {{1, false, false}}},
    };
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        check(&cases[at]);
    }
}

static void
test_top_n(void **state)
{
    (void)state;
    const sort_case cases[] = {
        {SORT_TOP, 9000, 10, 0, 1, {{1, false, false}}},
        {SORT_TOP, 9000, 10, 5, 1, {{2, true, false}}},
        {SORT_TOP, 9000, 1, 0, 1, {{2, false, true}}},
        {SORT_TOP, 9000, 100, 300, 1, {{3, true, false}}},
        {SORT_TOP, 9000, 25, 0, 1, {{4, false, false}}},
        {SORT_TOP, 9000, 25, 0, 2, {{4, true, true}, {1, false, false}}},
        {SORT_TOP, 9000, 40, 3, 2, {{1, true, true}, {4, false, false}}},
        {SORT_TOP, 9000, 6000, 1000, 2, {{1, false, false}, {2, false, false}}},
        {SORT_TOP, 500, 1000, 0, 1, {{1, false, false}}},
        {SORT_TOP, 500, 10, 1000, 1, {{1, false, false}}},
        {SORT_TOP, 500, 0, 0, 1, {{1, false, false}}},
    };
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        check(&cases[at]);
    }
}

static void
test_distinct_on(void **state)
{
    (void)state;
    const sort_case cases[] = {
        {.shape = SORT_DISTINCT_ON, .n_rows = 3000, .n_keys = 1, .keys = {{1, false, false}}},
        {.shape = SORT_DISTINCT_ON,
         .n_rows = 3000,
         .n_keys = 2,
         .keys = {{3, false, false}, {1, false, false}}},
        {.shape = SORT_DISTINCT_ON, .n_rows = 0, .n_keys = 1, .keys = {{1, false, false}}},
    };
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        check(&cases[at]);
    }
}

/* Enough rows that runs are many and the merge is cut into parts. */
static void
test_large_sort(void **state)
{
    (void)state;
    const sort_case by_number = {.n_rows = 700000, .n_keys = 1, .keys = {{1, false, false}}};
    const sort_case by_text = {
        .n_rows = 300000, .n_keys = 2, .keys = {{3, true, false}, {2, false, false}}};
    check_once(&by_number, (run_settings){.n_threads = 4}, (memory_traits){.morsel_rows = 10000});
    check_once(&by_text, (run_settings){.n_threads = 2}, (memory_traits){.morsel_rows = 5000});
    const sort_case few_keys = {
        .shape = SORT_DISTINCT_ON, .n_rows = 400000, .n_keys = 1, .keys = {{3, false, false}}};
    const sort_case many_keys = {
        .shape = SORT_DISTINCT_ON, .n_rows = 300000, .n_keys = 1, .keys = {{2, false, false}}};
    check_once(&few_keys, (run_settings){.n_threads = 3}, (memory_traits){.morsel_rows = 5000});
    check_once(&many_keys, (run_settings){.n_threads = 2}, (memory_traits){.morsel_rows = 5000});
    const sort_case top = {SORT_TOP, 700000, 10, 0, 1, {{2, false, false}}};
    check_once(&top, (run_settings){.n_threads = 4}, (memory_traits){.morsel_rows = 10000});
}

/* Almost every row is dropped by its key, and EXPLAIN ANALYZE says so. */
static void
test_top_n_drops_rows(void **state)
{
    (void)state;
    const sort_case asked = {SORT_TOP, 100000, 10, 0, 1, {{2, false, false}}};
    memory_table *table = sample_table(asked.n_rows, (memory_traits){.morsel_rows = 10000});
    plan_run run;
    cni_strbuf got;
    int64_t n = 0;
    text_begin(&got);
    plan_run_begin(&run, (run_settings){0});
    RUN_OK(&run, plan_run_rows(&run, make_plan(&run, table, &asked), &got));
    assert_true(cni_execution_figure(run.execution, "TopN", "rows_dropped", &n));
    assert_true(n > 80000);
    plan_run_end(&run);
    cni_table_unref(&table->base);
    cni_strbuf_done(&got);
}

/* A sort that does not fit says so and leaks nothing. */
static void
test_sort_over_budget(void **state)
{
    (void)state;
    const sort_case asked = {.n_rows = 200000, .n_keys = 1, .keys = {{2, false, false}}};
    memory_table *table = sample_table(asked.n_rows, (memory_traits){.morsel_rows = 10000});
    for (int32_t n_threads = 1; n_threads <= 2; n_threads++) {
        plan_run run;
        cni_strbuf got;
        text_begin(&got);
        plan_run_begin(&run, (run_settings){.n_threads = n_threads});
        cni_budget_set_limit(run.context.budget, 4 << 20);
        assert_int_equal(plan_run_rows(&run, make_plan(&run, table, &asked), &got),
                         CN_BUDGET_EXCEEDED);
        plan_run_end(&run);
        cni_strbuf_done(&got);
    }
    cni_table_unref(&table->base);
}

/* Sorting by an expression that is not in the output; the plan above reads sorted rows. */
static void
test_computed_key_and_limit_above(void **state)
{
    (void)state;
    memory_table *table = sample_table(1000, (memory_traits){.morsel_rows = 100});
    plan_run run;
    cni_strbuf got;
    const cni_plan *sorted = NULL;
    const cni_plan *plan = NULL;
    text_begin(&got);
    plan_run_begin(&run, (run_settings){.n_threads = 3});
    const cni_plan *scan = scan_plan(&run, table);
    const cni_order order = {
        compare_expr(&run, CNI_LT, column_expr(&run, scan, 0), i64_expr(&run, 990)), false, false};
    RUN_OK(&run, cni_plan_sort(&run.builder, scan, &order, 1, &sorted, &run.err));
    RUN_OK(&run, cni_plan_limit(&run.builder, sorted, 12, 0, &plan, &run.err));
    const cni_expr *id = column_expr(&run, plan, 0);
    const cni_str name = cni_str_of("id");
    RUN_OK(&run, cni_plan_project(&run.builder, plan, &id, &name, 1, &plan, &run.err));
    RUN_OK(&run, plan_run_rows(&run, plan, &got));
    assert_string_equal(text_of(&got), "990\n991\n992\n993\n994\n995\n996\n997\n998\n999\n0\n1\n");
    plan_run_end(&run);
    cni_table_unref(&table->base);
    cni_strbuf_done(&got);
}

/* ---- items ---- */

static uint64_t
next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

#define ITEM_ROWS 5000
#define ITEM_KEY  96

typedef struct item_keys {
    uint8_t bytes[ITEM_ROWS][ITEM_KEY + 8];
    const uint8_t *keys[ITEM_ROWS];
    uint32_t lengths[ITEM_ROWS];
    cni_sort_item items[2 * ITEM_ROWS];
} item_keys;

/* Keys with a common beginning, few or many different bytes, some of them far behind; the last byte
 * ends them (prefix-free). */
static void
make_keys(item_keys *self, int64_t n, uint64_t range, int32_t common, bool varying, uint64_t *seed)
{
    for (int64_t row = 0; row < n; row++) {
        uint8_t *key = self->bytes[row];
        const uint64_t length = varying ? 8 + next_random(seed) % 40 : 24;
        memset(key, 0, sizeof(self->bytes[row]));
        memset(key, 'c', (size_t)common);
        for (uint64_t at = 0; at < length - 1; at++) {
            key[(uint64_t)common + at] = (uint8_t)(1 + next_random(seed) % range);
        }
        self->lengths[row] = (uint32_t)common + (uint32_t)length;
        self->keys[row] = key;
        self->items[row] = (cni_sort_item){cni_sort_word(key, self->lengths[row], 0), (uint32_t)row,
                                           self->lengths[row]};
    }
}

static int64_t
backwards(const void *state, uint32_t row)
{
    (void)state;
    return -(int64_t)row;
}

static void
check_items(const item_keys *self, int64_t n, bool descending_rows)
{
    for (int64_t at = 1; at < n; at++) {
        const cni_sort_item *a = &self->items[at - 1];
        const cni_sort_item *b = &self->items[at];
        const int order =
            cni_str_compare((cni_str){(const char *)self->keys[a->row], self->lengths[a->row]},
                            (cni_str){(const char *)self->keys[b->row], self->lengths[b->row]});
        assert_true(order < 0 || (order == 0 && (a->row < b->row) != descending_rows));
    }
}

static void
test_items(void **state)
{
    (void)state;
    static item_keys keys;
    static const int64_t sizes[] = {0, 1, 2, 24, 25, 26, 100, 700, ITEM_ROWS};
    static const uint64_t ranges[] = {1, 2, 3, 20, 255};
    static const int32_t commons[] = {0, 5, 8, 40};
    cni_context context = {0};
    uint64_t seed = 42;
    for (size_t at = 0; at < 9 * 5 * 4 * 4; at++) {
        const int64_t n = sizes[at % 9];
        const bool varying = (at / 180) % 2 == 1;
        const bool by_sequence = at / 360 == 1;
        const cni_sort_order order = {&context, keys.keys, by_sequence ? backwards : NULL, NULL};
        make_keys(&keys, n, ranges[at / 9 % 5], commons[at / 45 % 4], varying, &seed);
        assert_int_equal(cni_sort_items(&order, keys.items, keys.items + n, n, NULL), CN_OK);
        check_items(&keys, n, by_sequence);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_sort_keys),
        cmocka_unit_test(test_top_n),
        cmocka_unit_test(test_distinct_on),
        cmocka_unit_test(test_large_sort),
        cmocka_unit_test(test_top_n_drops_rows),
        cmocka_unit_test(test_sort_over_budget),
        cmocka_unit_test(test_computed_key_and_limit_above),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
