/* SPDX-License-Identifier: Apache-2.0
 *
 * Aggregations end to end against the naive reference, for every kind of key, over threads, chunk
 * sizes, morsels and encodings; empty input; many groups; budgets and cancellation.
 */
#include "aggregate_fixture.h"

static const run_settings all_settings[] = {
    {.n_threads = 1},
    {.n_threads = 2},
    {.n_threads = 8, .chunk_rows = 100},
    {.n_threads = 1, .chunk_rows = 1},
    {.n_threads = 2, .chunk_rows = 7},
    {.n_threads = 2, .test_encode = CNI_TEST_ENCODE_SLICE},
    {.n_threads = 2, .test_encode = CNI_TEST_ENCODE_DICTIONARY},
    {.n_threads = 2, .test_encode = CNI_TEST_ENCODE_CONSTANT},
    {.n_threads = 2, .test_encode = CNI_TEST_ENCODE_RUN_END},
    {.n_threads = 4, .chunk_rows = 100, .test_encode = 15},
};

static void
show_difference(const char *query, size_t settings, const char *expected, const char *got)
{
    size_t at = 0;
    while (expected[at] != '\0' && expected[at] == got[at]) {
        at++;
    }
    while (at > 0 && expected[at - 1] != '\n') {
        at--;
    }
    fail_msg("%s, settings %zu: expected %.120s\ngot %.120s", query, settings, expected + at,
             got + at);
}

static void
check_rows(const char *text, int64_t n_rows)
{
    cni_strbuf expected;
    text_begin(&expected);
    memory_table *table = agg_table(n_rows, (memory_traits){.morsel_rows = 256});
    const agg_query query = agg_parse(table, text);
    agg_reference_rows(table, &query, &expected);
    char *sorted = agg_sorted(text_of(&expected));
    for (size_t at = 0; at < sizeof(all_settings) / sizeof(all_settings[0]); at++) {
        char *got = agg_engine_rows(text, table, all_settings[at], false, NULL);
        if (strcmp(got, sorted) != 0) {
            show_difference(text, at, sorted, got);
        }
        free(got);
    }
    free(sorted);
    cni_table_unref(&table->base);
    cni_strbuf_done(&expected);
}

#define BASIC "count() count(v) sum(v) min(v) max(v) avg(v) sum(i) sum(p) avg(p) sum(q) max(q)"

static void
test_no_keys(void **state)
{
    (void)state;
    check_rows(": " BASIC, 3000);
    check_rows(": min(s) max(l) min(d) max(d) bool_and(b) bool_or(b) count_if(b)", 3000);
    check_rows(": first(v) last(v) any_value(kn) first(l) last(l) arg_min(l,v) arg_max(id,d)",
               3000);
    check_rows(": sum(v)|b count()|b min(l)|b avg(i)|b", 3000);
}

static void
test_empty(void **state)
{
    (void)state;
    check_rows(": " BASIC " min(s) first(l) bool_and(b)", 0);
    check_rows("k4: " BASIC " min(s) first(l) bool_and(b)", 0);
    check_rows(": sum(v)|b", 1);
}

static void
test_each_key(void **state)
{
    (void)state;
    static const char *const keys[] = {"id", "run", "k4", "kn", "kb", "i", "t", "v",
                                       "d",  "b",   "s",  "l",  "p",  "q", "n"};
    for (size_t at = 0; at < sizeof(keys) / sizeof(keys[0]); at++) {
        char query[256];
        snprintf(query, sizeof(query), "%s: " BASIC, keys[at]);
        check_rows(query, 2000);
        snprintf(query, sizeof(query), "%s: min(s) max(l) first(l) last(v) count_if(b)", keys[at]);
        check_rows(query, 1000);
    }
}

static void
test_several_keys(void **state)
{
    (void)state;
    check_rows("k4,s: " BASIC, 3000);
    check_rows("s,l: count() sum(v)", 3000);
    check_rows("t,b: count() min(l)|b", 3000);
    check_rows("kb,kn: count() sum(v)", 2000);
    check_rows("q,d,s,b: count() sum(v)", 2000);
    check_rows("d,i: count() sum(p)|b", 2000);
    check_rows("n,s: count() sum(p)|b", 2000);
}

static void
test_without_calls(void **state)
{
    (void)state;
    check_rows("s:", 1000);
    check_rows("kb:", 1000);
    check_rows("kn,d,l:", 2000);
}

static void
test_distinct(void **state)
{
    (void)state;
    check_rows(": count(distinct v)", 2000);
    check_rows(": count(distinct v) sum(distinct v) count(v) count(distinct l) avg(distinct i)",
               2000);
    check_rows(": count(distinct v)|b count(distinct v) count(distinct i)|b min(distinct s)", 2000);
    check_rows("k4: count(distinct v) sum(distinct v) count() count(distinct l) avg(distinct i)",
               2000);
    check_rows("kn: count(distinct v)|b count(distinct kn) sum(distinct t) sum(v)", 2000);
    check_rows("s: count(distinct l) count(distinct b) max(distinct v) sum(distinct p)", 2000);
    check_rows("kb: count(distinct v) count() sum(distinct i)", 2000);
    check_rows("s,kn,d: count(distinct v) count(distinct l)|b", 2000);
    check_rows("n: count(distinct v) count(distinct l)|b", 1000);
    check_rows("k4: count(distinct n) count(distinct d)|b", 1000);
    check_rows("kn: count(distinct v) count(distinct i)", 0);
    check_rows(": count(distinct v) sum(distinct i)|b", 0);
}

/* Sets that go to partitions, with and without keys. */
static void
test_distinct_many(void **state)
{
    (void)state;
    static const char *const queries[] = {
        ": count(distinct id) sum(distinct id) count(distinct k4) count()",
        "k4: count(distinct id) count(distinct run) count()",
        "kn: count(distinct id) count(distinct run) count()",
    };
    static const char *const expected[] = {
        "300000|44999850000|4|300000|\n",
        NULL,
        NULL,
    };
    for (size_t query = 0; query < sizeof(queries) / sizeof(queries[0]); query++) {
        char *first = NULL;
        for (int32_t n_threads = 1; n_threads <= 4; n_threads *= 2) {
            memory_table *table = agg_table(300000, (memory_traits){.morsel_rows = 20000});
            char *got = agg_engine_rows(queries[query], table,
                                        (run_settings){.n_threads = n_threads}, false, NULL);
            if (expected[query] != NULL) {
                assert_string_equal(got, expected[query]);
            }
            first = first == NULL ? strdup(got) : first;
            assert_string_equal(got, first);
            free(got);
            cni_table_unref(&table->base);
        }
        free(first);
    }
}

/* In source order, or in that of the call. */
static void
test_ordered(void **state)
{
    (void)state;
    check_rows(": list(v) string_agg(s) list(i)|b", 1000);
    check_rows("k4: list(v) string_agg(s) list(b)", 1000);
    check_rows("kn: list(v/d) list(v/d!) string_agg(l/i) first(v/p) last(v/p)", 800);
    check_rows("s: list(v/v) list(id/s) string_agg(s/id!)|b first(l/q!)", 800);
    check_rows(
        "k4: list(distinct v) list(distinct t/v) string_agg(distinct s/s) list(distinct v/t!)",
        500);
    check_rows("kb: list(l/v) string_agg(l/v!) first(id/v)", 800);
    check_rows("kn: list(v/d) string_agg(distinct l)", 0);
    check_rows(": list(v/d) first(v/id!) sum(v/d)", 0);
}

static int64_t
wide_key(int64_t row)
{
    return agg_scramble(row % 150000);
}

/* 150,000 groups, each twice: partitions, and every group once. */
static void
test_many_groups(void **state)
{
    (void)state;
    const int64_t n_rows = 300000;
    for (int32_t n_threads = 1; n_threads <= 8; n_threads *= 2) {
        memory_table *table = memory_table_new(n_rows, (memory_traits){.morsel_rows = 20000});
        memory_table_add_i64(table, "k", wide_key, 99);
        memory_table_add_i64(table, "v", agg_number, 0);
        agg_figures figures;
        char *got = agg_engine_rows("k: count() sum(v) min(v)", table,
                                    (run_settings){.n_threads = n_threads}, false, &figures);
        int64_t n_lines = 0;
        int64_t total = 0;
        char *line = got;
        while (*line != '\0') {
            char *count = strchr(line, '|') + 1;
            total += strtoll(count, &line, 10);
            line = strchr(line, '\n') + 1;
            n_lines++;
        }
        assert_int_equal(total, n_rows);
        assert_true(n_lines > 148000 && n_lines <= 150001);
        assert_int_equal(figures.partitions, 64);
        assert_int_equal(figures.groups, n_lines);
        free(got);
        cni_table_unref(&table->base);
    }
}

/* ---- each rung ---- */

static int64_t
few_values(int64_t row)
{
    return agg_scramble(row) % 100;
}

static int64_t
many_values(int64_t row)
{
    return agg_scramble(row) % 30000 * 1000003;
}

static int64_t
all_values(int64_t row)
{
    return agg_scramble(row);
}

static int64_t
growing_range(int64_t row)
{
    return row * 2;
}

typedef struct rung_case {
    int64_t (*value)(int64_t row);
    int64_t n_rows;
    const char *query;
    bool direct, hashed, appended; /* by one worker: with more, who sees which rows is open */
    bool flushed;                  /* likewise */
    bool partitioned;              /* by several workers */
} rung_case;

static void
check_rung(const rung_case *rung, int32_t n_threads, char **inout_first)
{
    agg_figures figures;
    memory_table *table = memory_table_new(rung->n_rows, (memory_traits){.morsel_rows = 50000});
    memory_table_add_i64(table, "k", rung->value, 0);
    memory_table_add_i64(table, "v", agg_number, 0);
    char *got = agg_engine_rows(rung->query, table, (run_settings){.n_threads = n_threads}, false,
                                &figures);
    if (rung->query[0] != ':') {
        assert_int_equal(figures.direct + figures.hashed + figures.appended, rung->n_rows);
    }
    if (n_threads == 1) {
        assert_int_equal(figures.direct > 0, rung->direct);
        assert_int_equal(figures.hashed > 0, rung->hashed);
        assert_int_equal(figures.appended > 0, rung->appended);
        assert_int_equal(figures.partitions > 0, rung->flushed);
        assert_int_equal(figures.flushes > 0, rung->flushed);
    } else {
        assert_int_equal(figures.partitions > 0, rung->partitioned);
    }
    if (*inout_first == NULL) {
        *inout_first = strdup(got);
    }
    assert_string_equal(got, *inout_first);
    free(got);
    cni_table_unref(&table->base);
}

static void
test_rungs(void **state)
{
    (void)state;
    static const rung_case rungs[] = {
        {few_values, 100000, ": sum(v) count()", .flushed = false},
        {few_values, 100000, "k: sum(v) count()", .direct = true},
        {many_values, 100000, "k: sum(v) count()", .hashed = true, .partitioned = true},
        {growing_range, 400000, "k: sum(v)", true, true, true, true, true},
        {all_values, 600000, "k: sum(v) count()", false, true, true, true, true},
        {agg_runs, 400000, "k: sum(v) count()", .direct = true, .partitioned = true},
    };
    for (size_t at = 0; at < sizeof(rungs) / sizeof(rungs[0]); at++) {
        char *first = NULL;
        for (int32_t n_threads = 1; n_threads <= 4; n_threads *= 2) {
            check_rung(&rungs[at], n_threads, &first);
        }
        free(first);
    }
}

/* ---- floats that must not depend on the order of rows ---- */

static void
test_reproducible(void **state)
{
    (void)state;
    static const char *const queries[] = {
        ": sum(u) avg(u) stddev(u) var_pop(u) corr(u,i)",
        "k4: sum(u) avg(u) stddev(u) sum(u)|b covar_samp(u,v)",
        "kb: sum(u) avg(u)",
        "kn: sum(distinct u) avg(distinct u)",
    };
    for (size_t query = 0; query < sizeof(queries) / sizeof(queries[0]); query++) {
        char *first = NULL;
        for (size_t at = 0; at < sizeof(all_settings) / sizeof(all_settings[0]); at++) {
            memory_table *table = agg_table(5000, (memory_traits){.morsel_rows = 64});
            agg_add_uneven(table, "u");
            char *got = agg_engine_rows(queries[query], table, all_settings[at], true, NULL);
            first = first == NULL ? strdup(got) : first;
            if (strcmp(got, first) != 0) {
                show_difference(queries[query], at, first, got);
            }
            free(got);
            cni_table_unref(&table->base);
        }
        free(first);
    }
}

/* ---- limits ---- */

/* How the query ends; the rows are dropped. */
static cn_code
run_code(const char *text, memory_table *table, run_settings settings)
{
    const agg_query query = agg_parse(table, text);
    plan_run run;
    cni_strbuf got;
    cni_function_registry *registry = NULL;
    text_begin(&got);
    plan_run_begin(&run, settings);
    RUN_OK(&run, cni_function_registry_new(cni_allocator_system(), &registry, &run.err));
    const cn_code code = plan_run_rows(&run, agg_plan(&run, registry, table, &query), &got);
    plan_run_end(&run);
    cni_function_registry_free(registry);
    cni_strbuf_done(&got);
    return code;
}

/* Any limit gives the rows or the budget's refusal, and leaks nothing (plan_run_end). */
static void
test_memory_limits(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "kb: count() sum(v) list(l) min(l) count(distinct v)",
        "l,n: count() string_agg(s/v) approx_count_distinct(v) median(v)",
        ": count(distinct kb) list(v/d) mode(s)",
    };
    int64_t n_refused = 0;
    for (size_t query = 0; query < sizeof(queries) / sizeof(queries[0]); query++) {
        for (int64_t limit = 1 << 21; limit < 1 << 26; limit += limit / 3) {
            memory_table *table = agg_table(20000, (memory_traits){.morsel_rows = 1000});
            const cn_code code = run_code(queries[query], table,
                                          (run_settings){.n_threads = 2, .memory_limit = limit});
            assert_true(code == CN_OK || code == CN_BUDGET_EXCEEDED);
            n_refused += code == CN_OK ? 0 : 1;
            cni_table_unref(&table->base);
        }
    }
    assert_true(n_refused > 0);
}

static void
test_cancelled(void **state)
{
    (void)state;
    memory_table *table = agg_table(20000, (memory_traits){.morsel_rows = 1000});
    const agg_query query = agg_parse(table, "kb: count()");
    plan_run run;
    cni_strbuf got;
    cni_function_registry *registry = NULL;
    text_begin(&got);
    plan_run_begin(&run, (run_settings){.n_threads = 2});
    RUN_OK(&run, cni_function_registry_new(cni_allocator_system(), &registry, &run.err));
    const cni_plan *plan = agg_plan(&run, registry, table, &query);
    cni_context_cancel(&run.context);
    assert_int_equal(plan_run_rows(&run, plan, &got), CN_CANCELLED);
    plan_run_end(&run);
    cni_function_registry_free(registry);
    cni_strbuf_done(&got);
    cni_table_unref(&table->base);
}

static int64_t
huge_value(int64_t row)
{
    return row % 2 == 0 ? INT64_MAX : INT64_MIN + 1;
}

/* Sums pass 64 bits on the way without harm. */
static void
test_large_sums(void **state)
{
    (void)state;
    for (int32_t n_threads = 1; n_threads <= 2; n_threads++) {
        memory_table *table = memory_table_new(100001, (memory_traits){.morsel_rows = 1000});
        memory_table_add_i64(table, "v", huge_value, 0);
        memory_table_add_i64(table, "k", few_values, 0);
        char *got = agg_engine_rows(": sum(v) avg(v) min(v) max(v)", table,
                                    (run_settings){.n_threads = n_threads}, false, NULL);
        assert_string_equal(got, "9223372036854775807|92232798040567.36|-9223372036854775807|"
                                 "9223372036854775807|\n");
        free(got);
        cni_table_unref(&table->base);
    }
}

/* HUGEINTs `v`: `value` in each row, with the other sign in every second one when `alternating`. */
static memory_table *
huge_table(cni_i128 value, bool alternating)
{
    memory_table *table = memory_table_new(4001, (memory_traits){.morsel_rows = 100});
    cni_vector vector = agg_flat(CNI_TYPE_HUGEINT, table->n_rows, 0);
    uint8_t *data = cni_vector_mutable_data(&vector);
    for (int64_t row = 0; row < table->n_rows; row++) {
        const cni_i128 item = alternating && row % 2 == 1 ? -value : value;
        memcpy(data + row * 16, &item, sizeof(item));
    }
    memory_table_add(table, "v", &vector);
    memory_table_add_i64(table, "k", few_values, 0);
    memory_table_add_i64(table, "id", agg_number, 0);
    return table;
}

/* Sums of 128 bits: what does not fit is refused and never wraps, what fits in the end is right. */
static void
test_overflowing_sums(void **state)
{
    (void)state;
    static const char *const queries[] = {": sum(v)", "k: sum(v)", "k: sum(v) sum(id)"};
    const cni_i128 most = (cni_i128)(((cni_u128)1 << 127) - 1);
    for (size_t at = 0; at < sizeof(all_settings) / sizeof(all_settings[0]); at++) {
        memory_table *table = huge_table(most, false);
        for (size_t query = 0; query < sizeof(queries) / sizeof(queries[0]); query++) {
            assert_int_equal(run_code(queries[query], table, all_settings[at]), CN_INVALID_DATA);
        }
        char *got = agg_engine_rows(": avg(v) sum(distinct v) max(v)", table, all_settings[at],
                                    false, NULL);
        assert_string_equal(got, "1.7014118346046923e+38|170141183460469231731687303715884105727|"
                                 "170141183460469231731687303715884105727|\n");
        free(got);
        cni_table_unref(&table->base);
        table = huge_table(most, true);
        got = agg_engine_rows(": sum(v)", table, all_settings[at], false, NULL);
        assert_string_equal(got, "170141183460469231731687303715884105727|\n");
        free(got);
        cni_table_unref(&table->base);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_keys),          cmocka_unit_test(test_empty),
        cmocka_unit_test(test_each_key),         cmocka_unit_test(test_several_keys),
        cmocka_unit_test(test_without_calls),    cmocka_unit_test(test_many_groups),
        cmocka_unit_test(test_ordered),          cmocka_unit_test(test_rungs),
        cmocka_unit_test(test_reproducible),     cmocka_unit_test(test_memory_limits),
        cmocka_unit_test(test_cancelled),        cmocka_unit_test(test_large_sums),
        cmocka_unit_test(test_overflowing_sums), cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_distinct_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
