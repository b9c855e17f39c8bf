/* SPDX-License-Identifier: Apache-2.0
 *
 * Aggregations that do not fit: every function over every kind of key, DISTINCT, FILTER and ORDER
 * BY inside calls, with everything written out at every chance (test_spill) and under small
 * budgets; the rows are those without spilling. Long strings, skew, lists larger than memory,
 * damage, faults at every allocation, write and read.
 */
#include "aggregate_fixture.h"

#include "support/spill_stores.h"

/* How a query is run here. */
typedef struct spill_run {
    int32_t n_threads;
    int32_t chunk_rows;
    int64_t memory_limit; /* 0 = far away */
    bool test_spill;
    bool reproducible;
    bool no_store;
    cni_fault *fault; /* of allocations, and of the store */
    int64_t *out_n_hits;
    cni_fault_kind fail_kind;
    int64_t fail_at; /* hit from the start of the run; 0 = none */
} spill_run;

typedef struct spill_figures {
    int64_t groups;
    int64_t spilled_partitions;
    int64_t spilled_bytes;
    int64_t levels;
    int64_t reductions;
    int64_t peak_bytes;
} spill_figures;

static char last_message[512]; /* of a run that failed */

/* Sorted lines, or NULL and the code. */
static char *
run_spilling(const char *text, memory_table *table, spill_run how, cn_code *out_code,
             spill_figures *out_figures)
{
    plan_run run;
    cni_strbuf got;
    memory_spill_store store;
    cni_function_registry *registry = NULL;
    text_begin(&got);
    memory_spill_begin(&store, how.fault);
    plan_run_begin(&run, (run_settings){.n_threads = how.n_threads,
                                        .chunk_rows = how.chunk_rows,
                                        .memory_limit = how.memory_limit,
                                        .fault = how.fault});
    run.context.settings.test_spill = how.test_spill;
    run.context.settings.reproducible = how.reproducible;
    run.context.spill = how.no_store ? NULL : &store.base;
    RUN_OK(&run, cni_function_registry_new(cni_allocator_system(), &registry, &run.err));
    const agg_query query = agg_parse(table, text);
    const cni_plan *plan = agg_plan(&run, registry, table, &query);
    const int64_t n_before = how.fault == NULL ? 0 : how.fault->n_hits[how.fail_kind];
    if (how.fault != NULL && how.fail_at > 0) {
        how.fault->fail_at[how.fail_kind] = n_before + how.fail_at;
    }
    *out_code = plan_run_rows(&run, plan, &got);
    if (how.out_n_hits != NULL) {
        *how.out_n_hits = how.fault->n_hits[how.fail_kind] - n_before;
    }
    if (out_figures != NULL && *out_code == CN_OK) {
        *out_figures = (spill_figures){
            .groups = agg_figure(&run, "groups"),
            .spilled_partitions = agg_figure(&run, "spilled_partitions"),
            .spilled_bytes = agg_figure(&run, "spilled_bytes"),
            .levels = agg_figure(&run, "levels"),
            .reductions = agg_figure(&run, "reductions"),
            .peak_bytes = cni_budget_peak_bytes(run.root),
        };
    }
    (void)snprintf(last_message, sizeof(last_message), "%s", run.err.message);
    plan_run_end(&run);
    memory_spill_end(&store);
    cni_function_registry_free(registry);
    char *rows = *out_code == CN_OK ? agg_marked_rows(&got) : NULL;
    cni_strbuf_done(&got);
    return rows;
}

static char *
expect_rows(const char *text, memory_table *table, spill_run how, spill_figures *out_figures)
{
    cn_code code = CN_OK;
    char *rows = run_spilling(text, table, how, &code, out_figures);
    if (code != CN_OK) {
        fail_msg("%s, %d threads: %s: %s", text, (int)how.n_threads, cn_code_name((int32_t)code),
                 last_message);
    }
    return rows;
}

static void
assert_same(const char *text, const char *expected, const char *got)
{
    size_t at = 0;
    while (expected[at] != '\0' && expected[at] == got[at]) {
        at++;
    }
    if (expected[at] != got[at]) {
        while (at > 0 && expected[at - 1] != '\n') {
            at--;
        }
        fail_msg("%s: expected %.160s\ngot %.160s", text, expected + at, got + at);
    }
}

static const spill_run spilled_runs[] = {
    {.n_threads = 1, .test_spill = true},
    {.n_threads = 2, .test_spill = true, .chunk_rows = 300},
    {.n_threads = 8, .test_spill = true, .chunk_rows = 100},
};

/* Spilled at every chance, as without. */
static void
check_spilled(const char *text, int64_t n_rows, bool reproducible)
{
    memory_table *table = agg_table(n_rows, (memory_traits){.morsel_rows = 512});
    char *expected =
        expect_rows(text, table, (spill_run){.n_threads = 1, .reproducible = reproducible}, NULL);
    for (size_t at = 0; at < sizeof(spilled_runs) / sizeof(spilled_runs[0]); at++) {
        spill_run how = spilled_runs[at];
        how.reproducible = reproducible;
        char *got = expect_rows(text, table, how, NULL);
        assert_same(text, expected, got);
        free(got);
    }
    free(expected);
    cni_table_unref(&table->base);
}

static const char *const all_keys[] = {
    "",  "id", "run", "k4", "kn",   "kb",  "i",   "t",      "v",     "d",       "b",     "s",
    "l", "p",  "q",   "n",  "k4,s", "s,l", "n,l", "kn,d,l", "kb,kn", "q,d,s,b", "n,kn,d"};

static void
check_keys(const char *calls, int64_t n_rows, bool reproducible)
{
    for (size_t at = 0; at < sizeof(all_keys) / sizeof(all_keys[0]); at++) {
        char text[512];
        (void)snprintf(text, sizeof(text), "%s: %s", all_keys[at], calls);
        check_spilled(text, n_rows, reproducible);
    }
}

static void
test_plain_states(void **state)
{
    (void)state;
    check_keys("count() count(v) sum(v) min(v) max(i) avg(v) sum(p) avg(p) sum(q) max(q) min(d) "
               "bool_and(b) bool_or(b) count_if(b)",
               3000, false);
    check_keys("", 3000, false);
}

static void
test_moments(void **state)
{
    (void)state;
    check_keys("sum(d) avg(d) var_samp(v) stddev_pop(i) covar_pop(v,i) corr(v,i)", 1500, true);
    check_spilled("id: product(t)", 1500, false);
}

static void
test_values(void **state)
{
    (void)state;
    check_keys("min(s) max(l) min(n) max(n) min(q) first(l) last(n) any_value(l) first(v) last(kn)",
               2000, false);
    check_keys("arg_min(l,v) arg_max(id,d) min_by(n,l) max_by(s,n)", 1000, false);
}

static void
test_lists(void **state)
{
    (void)state;
    check_keys("list(v) list(l) list(n) string_agg(s) string_agg(l)|b", 1000, false);
    check_keys("median(v) mode(l) mode(v) approx_count_distinct(id) approx_count_distinct(l)", 1500,
               false);
}

static void
test_ordered(void **state)
{
    (void)state;
    check_keys("list(v/d) list(l/d!) string_agg(l/i) first(v/p) list(n/v)", 800, false);
    check_keys("list(distinct v) list(distinct t/v) string_agg(distinct s/s) list(distinct n)", 500,
               false);
}

static void
test_distinct(void **state)
{
    (void)state;
    check_keys("count(distinct v) sum(distinct v)|b count(distinct l) count(distinct n) count() "
               "sum(distinct p) count(distinct d) avg(distinct i)",
               1500, false);
    check_keys("count(distinct id) sum(v) min(l) list(t)", 1500, false);
}

/* Against the reference too, not only against the engine itself. */
static void
test_reference(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "k4,s: count() sum(v) min(l) first(l) last(v) count_if(b)",
        "kn: list(v/d!) count(distinct l) string_agg(s)|b",
        "n,l: count() max(d) first(n)",
    };
    for (size_t at = 0; at < sizeof(queries) / sizeof(queries[0]); at++) {
        memory_table *table = agg_table(2500, (memory_traits){.morsel_rows = 256});
        cni_strbuf text;
        text_begin(&text);
        const agg_query query = agg_parse(table, queries[at]);
        agg_reference_rows(table, &query, &text);
        char *expected = agg_sorted(text_of(&text));
        char *got =
            expect_rows(queries[at], table, (spill_run){.n_threads = 2, .test_spill = true}, NULL);
        assert_same(queries[at], expected, got);
        free(got);
        free(expected);
        cni_strbuf_done(&text);
        cni_table_unref(&table->base);
    }
}

static void
test_empty(void **state)
{
    (void)state;
    static const char *const queries[] = {"k4: count() list(v)", ": count(distinct v)",
                                          "l: count(distinct v)"};
    for (size_t at = 0; at < sizeof(queries) / sizeof(queries[0]); at++) {
        check_spilled(queries[at], 0, false);
    }
}

/* ---- small budgets ---- */

/* The same rows under a limit, which is kept. Gives in how many runs something was written. */
static int64_t
check_limited(const char *text, memory_table *table, int64_t limit)
{
    int64_t n_spilled = 0;
    spill_figures figures = {0};
    char *expected = expect_rows(text, table, (spill_run){.n_threads = 2}, NULL);
    for (int32_t n_threads = 1; n_threads <= 8; n_threads += n_threads == 1 ? 1 : 6) {
        const int64_t of_threads = n_threads > 2 ? limit * 3 : limit;
        const spill_run how = {.n_threads = n_threads, .memory_limit = of_threads};
        char *got = expect_rows(text, table, how, &figures);
        assert_same(text, expected, got);
        n_spilled += figures.spilled_bytes > 0 ? 1 : 0;
        assert_true(figures.peak_bytes <= of_threads);
        free(got);
    }
    free(expected);
    return n_spilled;
}

static void
test_limits(void **state)
{
    (void)state;
    int64_t n_spilled = 0;
    memory_table *table = agg_table(400000, (memory_traits){.morsel_rows = 5000});
    n_spilled += check_limited("id: count() sum(v) min(i)", table, INT64_C(40) << 20);
    n_spilled += check_limited("id,l: count()", table, INT64_C(40) << 20);
    n_spilled += check_limited("id,n:", table, INT64_C(160) << 20);
    n_spilled += check_limited("run: min(l) first(s) list(v)", table, INT64_C(48) << 20);
    n_spilled += check_limited(": count(distinct id) sum(distinct id) count(distinct l)", table,
                               INT64_C(40) << 20);
    n_spilled += check_limited("kn: count(distinct id) count(distinct run) count()", table,
                               INT64_C(40) << 20);
    n_spilled += check_limited("run: list(l/v) count(distinct id)", table, INT64_C(64) << 20);
    assert_true(n_spilled > 6);
    cni_table_unref(&table->base);
}

/* Partitions that do not fit either are split. */
static void
test_levels(void **state)
{
    (void)state;
    memory_table *table = agg_table(1200000, (memory_traits){.morsel_rows = 20000});
    spill_figures figures = {0};
    char *expected = expect_rows("id,kb: count() sum(v)", table, (spill_run){.n_threads = 2}, NULL);
    char *got =
        expect_rows("id,kb: count() sum(v)", table,
                    (spill_run){.n_threads = 2, .memory_limit = INT64_C(64) << 20}, &figures);
    assert_same("levels", expected, got);
    assert_int_equal(figures.groups, 1200000);
    free(got);
    free(expected);
    cni_table_unref(&table->base);
}

static int64_t
many_repeated(int64_t row)
{
    return agg_scramble(row % 100000) / 4;
}

static int64_t
in_thousands(int64_t row)
{
    return agg_scramble(row) % 1000;
}

/* What would not fit as rows fits packed: nothing is written, also with texts as keys; keys that
 * come again much later are found and united. */
static void
test_packing(void **state)
{
    (void)state;
    static const char *const queries[] = {"id,k: count() sum(v)", "l: count()",
                                          ": count(distinct l)", "few: count() sum(v)",
                                          "k: list(v) count(distinct id)"};
    memory_table *table = memory_table_new(1000000, (memory_traits){.morsel_rows = 20000});
    memory_table_add_i64(table, "id", agg_number, 0);
    memory_table_add_i64(table, "k", in_thousands, 0);
    memory_table_add_i64(table, "v", in_thousands, 0);
    memory_table_add_i64(table, "few", many_repeated, 0);
    memory_table_add_text(table, "l", "a text of some length ", agg_number);
    for (size_t at = 0; at < sizeof(queries) / sizeof(queries[0]); at++) {
        spill_figures figures = {0};
        const spill_run how = {.n_threads = 2, .memory_limit = INT64_C(72) << 20};
        char *expected = expect_rows(queries[at], table, (spill_run){.n_threads = 1}, NULL);
        char *got = expect_rows(queries[at], table, how, &figures);
        assert_same(queries[at], expected, got);
        assert_true(at == 4 || figures.spilled_bytes < INT64_C(16) << 20); /* lists are saved */
        free(got);
        got = expect_rows(queries[at], table,
                          (spill_run){.n_threads = 2,
                                      .memory_limit = (int64_t)(at == 4 ? 512 : 128) << 20,
                                      .no_store = true},
                          &figures);
        assert_same(queries[at], expected, got);
        free(got);
        free(expected);
    }
    cni_table_unref(&table->base);
}

/* Few groups in many flushes are united, not written. */
static void
test_reduction(void **state)
{
    (void)state;
    memory_table *table = memory_table_new(3000000, (memory_traits){.morsel_rows = 20000});
    memory_table_add_i64(table, "k", many_repeated, 0);
    memory_table_add_i64(table, "v", agg_number, 0);
    spill_figures figures = {0};
    char *expected = expect_rows("k: count() sum(v)", table, (spill_run){.n_threads = 1}, NULL);
    char *got =
        expect_rows("k: count() sum(v)", table,
                    (spill_run){.n_threads = 1, .memory_limit = INT64_C(48) << 20}, &figures);
    assert_same("reduction", expected, got);
    assert_true(figures.reductions > 0);
    assert_true(figures.spilled_bytes < INT64_C(12) << 20);
    free(got);
    free(expected);
    cni_table_unref(&table->base);
}

static int64_t
in_threes(int64_t row)
{
    return row % 3;
}

static int64_t
in_sevens(int64_t row)
{
    return agg_scramble(row) % 7;
}

static int64_t
falling(int64_t row)
{
    return -row;
}

/* Few different arguments take little, whichever of their rows comes first in the call's order. */
static void
test_ordered_distinct(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "k: string_agg(distinct l/l) list(distinct few/v) list(distinct few/id)",
        ": list(distinct few) list(distinct few/id!)",
        "k: string_agg(distinct wide/v)",
    };
    memory_table *table = memory_table_new(400000, (memory_traits){.morsel_rows = 20000});
    memory_table_add_i64(table, "k", in_threes, 0);
    memory_table_add_i64(table, "few", in_sevens, 0);
    memory_table_add_i64(table, "id", agg_number, 0);
    memory_table_add_i64(table, "v", falling, 0);
    memory_table_add_text(table, "l", "a text that is rather long ", in_sevens);
    memory_table_add_text(table, "wide", "one of a thousand texts ", in_thousands);
    for (size_t at = 0; at < sizeof(queries) / sizeof(queries[0]); at++) {
        spill_figures figures = {0};
        const spill_run how = {.n_threads = 2, .memory_limit = INT64_C(8) << 20};
        char *expected = expect_rows(queries[at], table, (spill_run){.n_threads = 1}, NULL);
        char *got = expect_rows(queries[at], table, how, &figures);
        assert_same(queries[at], expected, got);
        assert_int_equal(figures.spilled_bytes, 0);
        free(got);
        free(expected);
    }
    cni_table_unref(&table->base);
}

static int64_t
in_two_thousands(int64_t row)
{
    return agg_scramble(row) % 2000;
}

/* Groups whose results are long, though not one by one: neither pieces nor chunks fill the limit.
 */
static void
test_long_results(void **state)
{
    (void)state;
    static const char *const queries[] = {"k: string_agg(l/v)", "k: string_agg(l)",
                                          "k: list(id) list(l)", "k: string_agg(distinct l/v)"};
    memory_table *table = memory_table_new(400000, (memory_traits){.morsel_rows = 20000});
    memory_table_add_i64(table, "k", in_two_thousands, 0);
    memory_table_add_i64(table, "id", agg_number, 0);
    memory_table_add_i64(table, "v", falling, 0);
    memory_table_add_text(table, "l", "a text that is rather long ", agg_number);
    for (size_t at = 0; at < sizeof(queries) / sizeof(queries[0]); at++) {
        spill_figures figures = {0};
        const spill_run how = {.n_threads = 2, .memory_limit = INT64_C(12) << 20};
        char *expected = expect_rows(queries[at], table, (spill_run){.n_threads = 1}, NULL);
        char *got = expect_rows(queries[at], table, how, &figures);
        assert_same(queries[at], expected, got);
        assert_true(figures.spilled_bytes > 0);
        free(got);
        free(expected);
    }
    cni_table_unref(&table->base);
}

/* ---- large values ---- */

static memory_table *
huge_texts(int64_t n_rows, int64_t text_bytes, int64_t n_different)
{
    memory_table *table = memory_table_new(n_rows, (memory_traits){.morsel_rows = 4});
    cni_vector vector = agg_flat(CNI_TYPE_VARCHAR, n_rows, 0);
    cni_buffer *bytes = NULL;
    assert_int_equal(cni_buffer_new(cni_allocator_system(), n_different * text_bytes, &bytes, NULL),
                     CN_OK);
    memset(bytes->data, 'x', (size_t)(n_different * text_bytes));
    cni_view *views = cni_vector_mutable_data(&vector);
    for (int64_t row = 0; row < n_rows; row++) {
        char *text = (char *)bytes->data + row % n_different * text_bytes;
        (void)snprintf(text + text_bytes - 16, 16, "%014lld", (long long)(row % n_different));
        text[text_bytes - 1] = 'y';
        views[row] = cni_view_make(text, (uint32_t)text_bytes);
    }
    assert_int_equal(cni_heap_new(cni_allocator_system(), &bytes, 1, &vector.heap, NULL), CN_OK);
    cni_buffer_unref(bytes);
    memory_table_add(table, "m", &vector);
    memory_table_add_i64(table, "id", agg_number, 0);
    memory_table_add_i64(table, "v", agg_runs, 0);
    return table;
}

static void
test_megabytes(void **state)
{
    (void)state;
    static const char *const queries[] = {"m: count() sum(id)", "v: min(m) last(m)"};
    memory_table *table = huge_texts(200, (INT64_C(1) << 20) - 64, 100);
    for (size_t at = 0; at < sizeof(queries) / sizeof(queries[0]); at++) {
        spill_figures figures = {0};
        char *expected = expect_rows(queries[at], table, (spill_run){.n_threads = 2}, NULL);
        char *got =
            expect_rows(queries[at], table,
                        (spill_run){.n_threads = 2, .memory_limit = INT64_C(96) << 20}, &figures);
        assert_string_equal(got, expected);
        assert_true(figures.spilled_bytes > INT64_C(10) << 20);
        free(got);
        got =
            expect_rows(queries[at], table, (spill_run){.n_threads = 2, .test_spill = true}, NULL);
        assert_string_equal(got, expected);
        free(got);
        free(expected);
    }
    cni_table_unref(&table->base);
}

static int64_t
skewed(int64_t row)
{
    return row % 10 == 0 ? agg_scramble(row) : 7;
}

/* Nine tenths of the rows have one key. */
static void
test_skew(void **state)
{
    (void)state;
    int64_t n_spilled = 0;
    memory_table *table = memory_table_new(400000, (memory_traits){.morsel_rows = 20000});
    memory_table_add_i64(table, "k", skewed, 0);
    memory_table_add_i64(table, "v", agg_number, 0);
    n_spilled += check_limited("k,v: count()", table, INT64_C(32) << 20);
    n_spilled += check_limited("k: count(distinct v) sum(distinct v)", table, INT64_C(24) << 20);
    assert_true(n_spilled > 0);
    cn_code code = CN_OK;
    char *got = run_spilling(
        "k,v: count()", table,
        (spill_run){.n_threads = 2, .memory_limit = INT64_C(12) << 20, .no_store = true}, &code,
        NULL);
    assert_null(got);
    assert_int_equal(code, CN_BUDGET_EXCEEDED);
    cni_table_unref(&table->base);
}

/* One state larger than memory is refused, and the message says whose. */
static void
test_one_state(void **state)
{
    (void)state;
    static const struct {
        const char *query, *name;
        int64_t limit;
    } cases[] = {{"k: list(v)", "aggregate list:", INT64_C(4) << 20},
                 {": list(v)", "aggregate list:", INT64_C(4) << 20},
                 {"k: string_agg(l/k)", "aggregate string_agg:", INT64_C(12) << 20}};
    memory_table *table = memory_table_new(400000, (memory_traits){.morsel_rows = 20000});
    memory_table_add_i64(table, "k", skewed, 0);
    memory_table_add_i64(table, "v", agg_number, 0);
    memory_table_add_text(table, "l", "a text that is rather long ", agg_number);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        cn_code code = CN_OK;
        char *got =
            run_spilling(cases[at].query, table,
                         (spill_run){.n_threads = 2, .memory_limit = cases[at].limit}, &code, NULL);
        assert_null(got);
        assert_int_equal(code, CN_BUDGET_EXCEEDED);
        if (strstr(last_message, cases[at].name) == NULL) {
            fail_msg("%s: %s", cases[at].query, last_message);
        }
    }
    cni_table_unref(&table->base);
}

/* ---- faults ---- */

static const char *const fault_queries[] = {
    "kb: count() sum(v) list(l) min(l) first(n) count(distinct v)",
    "l,n: count() string_agg(s/v) approx_count_distinct(v) median(v)",
    ": count(distinct kb) count(distinct l)",
};

static void
sweep(cni_fault_kind kind, cn_code expected, int64_t step)
{
    for (size_t at = 0; at < sizeof(fault_queries) / sizeof(fault_queries[0]); at++) {
        memory_table *table = agg_table(400, (memory_traits){.morsel_rows = 200});
        cn_code code = CN_OK;
        int64_t n_hits = 0;
        int64_t n_failed = 0;
        cni_fault none = {0};
        spill_run how = {.n_threads = 1,
                         .chunk_rows = 200,
                         .test_spill = true,
                         .fault = &none,
                         .fail_kind = kind,
                         .out_n_hits = &n_hits};
        free(run_spilling(fault_queries[at], table, how, &code, NULL));
        assert_int_equal(code, CN_OK);
        const int64_t n_all = n_hits;
        assert_true(n_all > 0);
        const int64_t stride = CN_THREAD_SANITIZER ? step * 16 : step; /* nothing races here */
        for (int64_t fail_at = 1; fail_at <= n_all; fail_at += stride) {
            cni_fault fault = {0};
            how.fault = &fault;
            how.fail_at = fail_at;
            free(run_spilling(fault_queries[at], table, how, &code, NULL));
            assert_true(code == CN_OK || code == expected);
            n_failed += code == expected ? 1 : 0;
        }
        assert_true(n_failed > 0);
        cni_table_unref(&table->base);
    }
}

static void
test_write_faults(void **state)
{
    (void)state;
    sweep(CNI_FAULT_WRITE, CN_IO, 1);
}

static void
test_read_faults(void **state)
{
    (void)state;
    sweep(CNI_FAULT_READ, CN_IO, 1);
}

static void
test_alloc_faults(void **state)
{
    (void)state;
    sweep(CNI_FAULT_ALLOC, CN_NO_MEMORY, 7);
}

/* Any limit gives the rows or the budget's refusal, and leaks nothing. */
static void
test_any_limit(void **state)
{
    (void)state;
    memory_table *table = agg_table(20000, (memory_traits){.morsel_rows = 1000});
    for (size_t at = 0; at < sizeof(fault_queries) / sizeof(fault_queries[0]); at++) {
        char *expected = expect_rows(fault_queries[at], table, (spill_run){.n_threads = 2}, NULL);
        for (int64_t limit = 1 << 20; limit < 1 << 26; limit += limit / 2) {
            cn_code code = CN_OK;
            char *got =
                run_spilling(fault_queries[at], table,
                             (spill_run){.n_threads = 2, .memory_limit = limit}, &code, NULL);
            assert_true(code == CN_OK || code == CN_BUDGET_EXCEEDED);
            if (code == CN_OK) {
                assert_same(fault_queries[at], expected, got);
            }
            free(got);
        }
        free(expected);
    }
    cni_table_unref(&table->base);
}

int
main(int argc, char **argv)
{
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_states),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_ordered),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_ordered_distinct),
        cmocka_unit_test(test_long_results),
        cmocka_unit_test(test_reduction),
        cmocka_unit_test(test_megabytes),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_one_state),
        cmocka_unit_test(test_packing),
        cmocka_unit_test(test_write_faults),
        cmocka_unit_test(test_read_faults),
        cmocka_unit_test(test_alloc_faults),
        cmocka_unit_test(test_any_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
