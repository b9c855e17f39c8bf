/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins as pipelines: every kind with either side built, against a naive reference, over thread
 * counts, morsels, chunks and sources that block; rows of builds behind barriers, one above the
 * other; what is not read when a build is empty; limits; failing allocations.
 */
#include <stdlib.h>

#include "support/run_plan.h"

#define LEFT_ROWS  300
#define RIGHT_ROWS 200
#define LEFT_KEYS  40 /* 5 of them without a partner */
#define RIGHT_KEYS 50
#define NULL_EVERY 9
#define NO_ROW     INT64_MAX /* NULL sorts last */

typedef struct setting {
    int32_t n_threads;
    int32_t chunk_rows;
    int64_t morsel_rows;
    int32_t block_every;
    uint8_t swap; /* cni_test_swap */
} setting;

static const setting settings[] = {
    {1, 2048, 0, 0, 0},
    {1, 7, 40, 0, 0},
    {2, 2048, 50, 0, 0},
    {2, 3, 11, 3, 0},
    {4, 16, 20, 5, 0},
    {4, 2048, 25, 2, 0},
    {1, 2048, 0, 0, CNI_TEST_SWAP_ALWAYS},
    {2, 3, 11, 3, CNI_TEST_SWAP_ALWAYS},
    {4, 16, 20, 5, CNI_TEST_SWAP_ALWAYS},
    {4, 2048, 25, 2, CNI_TEST_SWAP_ALWAYS},
    {1, 7, 40, 0, CNI_TEST_SWAP_TWICE},
    {4, 16, 20, 5, CNI_TEST_SWAP_TWICE},
};

static int64_t
number(int64_t row)
{
    return row;
}

static int64_t
left_key(int64_t row)
{
    return 10 + (row * 7) % LEFT_KEYS;
}

static int64_t
right_key(int64_t row)
{
    return (row * 11) % RIGHT_KEYS;
}

/* memory_table_add_i64 makes every k-th row NULL. */
static bool
is_null(int64_t row)
{
    return (row + 1) % NULL_EVERY == 0;
}

static memory_table *
table_of(int64_t n_rows, int64_t (*key)(int64_t row), const setting *at)
{
    memory_table *table = memory_table_new(
        n_rows, (memory_traits){.morsel_rows = at->morsel_rows, .block_every = at->block_every});
    memory_table_add_i64(table, "id", number, 0);
    memory_table_add_i64(table, "k", key, NULL_EVERY);
    return table;
}

static run_settings
settings_of(const setting *at)
{
    return (run_settings){
        .n_threads = at->n_threads, .chunk_rows = at->chunk_rows, .test_swap = at->swap};
}

static int64_t
count_swaps(const plan_run *run)
{
    int64_t n_swaps = 0;
    (void)cni_execution_figure(run->execution, "JoinBuild", "swapped", &n_swaps);
    return n_swaps;
}

/* ---- the reference ---- */

typedef struct pair {
    int64_t left, right;
} pair;

typedef struct reference {
    pair pairs[LEFT_ROWS * RIGHT_ROWS];
    int64_t n_pairs;
} reference;

static int
order_pairs(const void *a, const void *b)
{
    const pair *x = a;
    const pair *y = b;
    if (x->left != y->left) {
        return x->left < y->left ? -1 : 1;
    }
    return (x->right > y->right) - (x->right < y->right);
}

static void
add_pair(reference *self, int64_t left, int64_t right)
{
    self->pairs[self->n_pairs++] = (pair){left, right};
}

static bool
rows_match(int64_t left, int64_t right)
{
    return !is_null(left) && !is_null(right) && left_key(left) == right_key(right);
}

static void
join_naively(reference *self, cni_join_kind kind)
{
    bool right_matched[RIGHT_ROWS] = {false};
    const bool pairs = kind == CNI_JOIN_INNER || kind == CNI_JOIN_LEFT || kind == CNI_JOIN_FULL;
    self->n_pairs = 0;
    for (int64_t left = 0; left < LEFT_ROWS; left++) {
        bool matched = false;
        for (int64_t right = 0; right < RIGHT_ROWS; right++) {
            if (rows_match(left, right)) {
                matched = true;
                right_matched[right] = true;
                if (pairs) {
                    add_pair(self, left, right);
                }
            }
        }
        const bool alone = kind == CNI_JOIN_LEFT || kind == CNI_JOIN_FULL || kind == CNI_JOIN_ANTI;
        if ((matched && kind == CNI_JOIN_SEMI) || (!matched && alone)) {
            add_pair(self, left, NO_ROW);
        }
    }
    for (int64_t right = 0; right < RIGHT_ROWS && kind == CNI_JOIN_FULL; right++) {
        if (!right_matched[right]) {
            add_pair(self, NO_ROW, right);
        }
    }
    qsort(self->pairs, (size_t)self->n_pairs, sizeof(*self->pairs), order_pairs);
}

static void
print_number(cni_strbuf *out, int64_t id)
{
    if (id == NO_ROW) {
        assert_int_equal(cni_strbuf_append(out, cni_str_of("NULL"), NULL), CN_OK);
    } else {
        assert_int_equal(cni_strbuf_printf(out, NULL, "%lld", (long long)id), CN_OK);
    }
}

static void
print_reference(const reference *self, bool both, cni_strbuf *out)
{
    for (int64_t at = 0; at < self->n_pairs; at++) {
        print_number(out, self->pairs[at].left);
        if (both) {
            assert_int_equal(cni_strbuf_append_char(out, '|', NULL), CN_OK);
            print_number(out, self->pairs[at].right);
        }
        assert_int_equal(cni_strbuf_append_char(out, '\n', NULL), CN_OK);
    }
}

/* ---- plans ---- */

static const cni_plan *
estimated(plan_run *run, const cni_plan *plan, double rows)
{
    cni_plan node = *plan;
    node.estimated_rows = rows;
    RUN_OK(run, cni_plan_new(&run->builder, &node, &plan, &run->err));
    return plan;
}

static const cni_plan *
join_on(plan_run *run, cni_join_kind kind, const cni_plan *left, const cni_plan *right, int32_t at)
{
    const cni_plan *plan = NULL;
    const cni_expr *equal =
        compare_expr(run, CNI_EQ, column_expr(run, left, at), column_expr(run, right, at));
    RUN_OK(run, cni_plan_join(&run->builder, kind, left, right, equal, false, &plan, &run->err));
    return plan;
}

/* The ids of both sides (of the left one only when there is no other), in order. */
static const cni_plan *
sorted_ids(plan_run *run, const cni_plan *join, bool both)
{
    const cni_expr *ids[2] = {column_expr(run, join, 0), both ? column_expr(run, join, 2) : NULL};
    const cni_str names[2] = {cni_str_of("l"), cni_str_of("r")};
    const int32_t n = both ? 2 : 1;
    const cni_order orders[2] = {{ids[0], false, false}, {ids[1], false, false}};
    const cni_plan *plan = NULL;
    RUN_OK(run, cni_plan_project(&run->builder, join, ids, names, n, &plan, &run->err));
    RUN_OK(run, cni_plan_sort(&run->builder, plan, orders, n, &plan, &run->err));
    return plan;
}

static void
check_kind(reference *expected, cni_join_kind kind, bool build_left, const setting *at)
{
    const bool both = kind == CNI_JOIN_INNER || kind == CNI_JOIN_LEFT || kind == CNI_JOIN_FULL;
    plan_run run;
    cni_strbuf text;
    cni_strbuf wanted;
    memory_table *left = table_of(LEFT_ROWS, left_key, at);
    memory_table *right = table_of(RIGHT_ROWS, right_key, at);
    plan_run_begin(&run, settings_of(at));
    text_begin(&text);
    text_begin(&wanted);
    const cni_plan *plan =
        join_on(&run, kind, estimated(&run, scan_plan(&run, left), build_left ? 1e5 : 1e8),
                estimated(&run, scan_plan(&run, right), build_left ? 1e8 : 1e5), 1);
    RUN_OK(&run, plan_run_rows(&run, sorted_ids(&run, plan, both), &text));
    join_naively(expected, kind);
    print_reference(expected, both, &wanted);
    assert_string_equal(text_of(&text), text_of(&wanted));
    assert_int_equal(count_swaps(&run),
                     kind == CNI_JOIN_INNER || kind == CNI_JOIN_FULL ? at->swap : 0);
    cni_strbuf_done(&text);
    cni_strbuf_done(&wanted);
    plan_run_end(&run);
    cni_table_unref(&left->base);
    cni_table_unref(&right->base);
}

static void
test_kinds(void **state)
{
    (void)state;
    static const cni_join_kind kinds[] = {CNI_JOIN_INNER, CNI_JOIN_LEFT, CNI_JOIN_FULL,
                                          CNI_JOIN_SEMI, CNI_JOIN_ANTI};
    reference *expected = calloc(1, sizeof(*expected));
    for (int64_t kind = 0; kind < CN_ARRAY_LEN(kinds); kind++) {
        for (int64_t at = 0; at < CN_ARRAY_LEN(settings); at++) {
            check_kind(expected, kinds[kind], false, &settings[at]);
            check_kind(expected, kinds[kind], true, &settings[at]);
        }
    }
    free(expected);
}

/* ---- builds above builds ---- */

static int64_t
from_fifty(int64_t row)
{
    return row + 50;
}

static int64_t
from_seventy_five(int64_t row)
{
    return row + 75;
}

static const cni_plan *
hundred(plan_run *run, int64_t (*id)(int64_t row), const setting *at)
{
    memory_table *table = memory_table_new(
        100, (memory_traits){.morsel_rows = at->morsel_rows, .block_every = at->block_every});
    memory_table_add_i64(table, "id", id, 0);
    const cni_plan *plan = scan_plan(run, table);
    cni_table_unref(&table->base); /* the arena keeps it */
    return estimated(run, plan, 1e6);
}

static int64_t
count_rows(plan_run *run, const cni_plan *plan)
{
    int64_t n_rows = 0;
    cni_strbuf text;
    text_begin(&text);
    RUN_OK(run, plan_run_rows(run, plan, &text));
    for (int64_t at = 0; at < text.len_bytes; at++) {
        n_rows += text.data[at] == '\n' ? 1 : 0;
    }
    cni_strbuf_done(&text);
    return n_rows;
}

/* (A FULL B) FULL C: rows of the lower build pass the upper probe, behind two barriers. A filter
 * between them holds rows back until it is emptied. */
static const cni_plan *
full_over_full(plan_run *run, const setting *at)
{
    const cni_plan *plan =
        join_on(run, CNI_JOIN_FULL, hundred(run, number, at), hundred(run, from_fifty, at), 0);
    const cni_expr *is_null = NULL;
    const cni_expr *arg = column_expr(run, plan, 1);
    const cni_expr node = {.kind = CNI_EXPR_IS_NULL,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = 1,
                           .args = &arg,
                           .sql_offset = -1};
    RUN_OK(run, cni_expr_new(run->arena, &node, &is_null, &run->err));
    const cni_expr *const either[2] = {
        is_null, compare_expr(run, CNI_LT, column_expr(run, plan, 1), i64_expr(run, 1000))};
    RUN_OK(run, cni_expr_junction(run->arena, CNI_EXPR_OR, either, 2, &is_null, &run->err));
    RUN_OK(run, cni_plan_filter(&run->builder, plan, is_null, &plan, &run->err));
    return join_on(run, CNI_JOIN_FULL, plan, hundred(run, from_seventy_five, at), 0);
}

static void
test_builds_above_builds(void **state)
{
    (void)state;
    for (int64_t at = 0; at < CN_ARRAY_LEN(settings); at++) {
        plan_run run;
        plan_run_begin(&run, settings_of(&settings[at]));
        assert_int_equal(count_rows(&run, full_over_full(&run, &settings[at])), 225);
        plan_run_end(&run);
    }
}

static void
test_limit_above(void **state)
{
    (void)state;
    for (int64_t at = 0; at < CN_ARRAY_LEN(settings); at++) {
        for (int64_t limit = 1; limit <= 225; limit += 56) {
            plan_run run;
            const cni_plan *plan = NULL;
            plan_run_begin(&run, settings_of(&settings[at]));
            plan = full_over_full(&run, &settings[at]);
            RUN_OK(&run, cni_plan_limit(&run.builder, plan, limit, 0, &plan, &run.err));
            assert_int_equal(count_rows(&run, plan), limit);
            plan_run_end(&run);
        }
    }
}

/* ---- what is not read ---- */

static const cni_plan *
nothing(plan_run *run, const cni_plan *child)
{
    const cni_plan *plan = NULL;
    RUN_OK(run,
           cni_plan_filter(&run->builder, child,
                           compare_expr(run, CNI_LT, column_expr(run, child, 0), i64_expr(run, 0)),
                           &plan, &run->err));
    return plan;
}

/* (fact JOIN middle) JOIN nothing: neither fact nor middle is read, nor what is grouped below. */
static void
test_empty_build(void **state)
{
    (void)state;
    static const cni_join_kind kinds[] = {CNI_JOIN_INNER, CNI_JOIN_SEMI};
    for (int64_t kind = 0; kind < CN_ARRAY_LEN(kinds); kind++) {
        for (int64_t at = 0; at < CN_ARRAY_LEN(settings); at++) {
            plan_run run;
            memory_table *fact = table_of(LEFT_ROWS, left_key, &settings[at]);
            memory_table *middle = table_of(RIGHT_ROWS, right_key, &settings[at]);
            memory_table *empty = table_of(RIGHT_ROWS, right_key, &settings[at]);
            plan_run_begin(&run, settings_of(&settings[at]));
            const cni_plan *grouped = NULL;
            const cni_plan *plan = scan_plan(&run, middle);
            const cni_expr *group = column_expr(&run, plan, 1);
            RUN_OK(&run, cni_plan_distinct(&run.builder, plan, &group, 1, &grouped, &run.err));
            plan = join_on(&run, CNI_JOIN_LEFT, scan_plan(&run, fact), grouped, 1);
            plan = join_on(&run, kinds[kind], plan, nothing(&run, scan_plan(&run, empty)), 1);
            assert_int_equal(count_rows(&run, plan), 0);
            assert_int_equal(cni_counter_get(&fact->n_morsels_read), 0);
            assert_int_equal(cni_counter_get(&middle->n_morsels_read), 0);
            assert_true(cni_counter_get(&empty->n_morsels_read) > 0);
            plan_run_end(&run);
            cni_table_unref(&fact->base);
            cni_table_unref(&middle->base);
            cni_table_unref(&empty->base);
        }
    }
}

/* An outer join does not care: its probe side is read. */
static void
test_empty_build_of_outer_join(void **state)
{
    (void)state;
    plan_run run;
    memory_table *fact = table_of(LEFT_ROWS, left_key, &settings[2]);
    memory_table *empty = table_of(RIGHT_ROWS, right_key, &settings[2]);
    plan_run_begin(&run, (run_settings){.n_threads = 2});
    const cni_plan *plan = join_on(&run, CNI_JOIN_LEFT, scan_plan(&run, fact),
                                   nothing(&run, scan_plan(&run, empty)), 1);
    assert_int_equal(count_rows(&run, plan), LEFT_ROWS);
    plan_run_end(&run);
    cni_table_unref(&fact->base);
    cni_table_unref(&empty->base);
}

/* ---- failures ---- */

static void
test_allocations_fail(void **state)
{
    (void)state;
    for (int32_t round = 0; round < 4; round++) {
        const int32_t threads = round % 2 + 1;
        const uint8_t swap = round < 2 ? CNI_TEST_SWAP_BY_SIZE : CNI_TEST_SWAP_ALWAYS;
        bool failed = true;
        for (int64_t n = 1; failed; n += threads == 1 ? 1 : 7) {
            cni_fault fault = {0};
            plan_run run;
            cni_strbuf text;
            text_begin(&text);
            plan_run_begin(
                &run, (run_settings){.fault = &fault, .n_threads = threads, .test_swap = swap});
            const cni_plan *plan = full_over_full(&run, &settings[2]);
            fault.fail_at[CNI_FAULT_ALLOC] = fault.n_hits[CNI_FAULT_ALLOC] + n;
            const cn_code code = plan_run_rows(&run, plan, &text);
            failed = fault.n_hits[CNI_FAULT_ALLOC] >= fault.fail_at[CNI_FAULT_ALLOC];
            assert_true(code == CN_OK || code == CN_NO_MEMORY);
            fault.fail_at[CNI_FAULT_ALLOC] = 0;
            cni_strbuf_done(&text);
            plan_run_end(&run);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_builds_above_builds),
        cmocka_unit_test(test_limit_above),
        cmocka_unit_test(test_empty_build),
        cmocka_unit_test(test_empty_build_of_outer_join),
        cmocka_unit_test(test_allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
