/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins whose sides are exchanged while they run: when the sizes say so, and back, when they are
 * known from what has been collected, what stays as planned, several joins in one pipeline,
 * branches beside the join, texts and residuals, profiles read meanwhile, failing allocations.
 */
#include <stdlib.h>

#include "base/thread.h"
#include "support/run_plan.h"

#define MANY 300000 /* rows of a build that is worth it */
#define FEW  1000

typedef struct swap_env {
    plan_run run;
    memory_table *many;
    memory_table *few;
} swap_env;

static int64_t
number(int64_t row)
{
    return row;
}

static int64_t
multiple(int64_t row)
{
    return row * 1000;
}

static int64_t
third(int64_t row)
{
    return row / 3;
}

static int64_t
scattered(int64_t row)
{
    return (row * 7919) % 120000;
}

static memory_table *
table_of(int64_t n_rows, int64_t (*key)(int64_t row), int32_t block_every)
{
    memory_table *table = memory_table_new(
        n_rows, (memory_traits){.morsel_rows = n_rows / 7 + 1, .block_every = block_every});
    memory_table_add_i64(table, "id", number, 0);
    memory_table_add_i64(table, "k", key, 11);
    memory_table_add_text(table, "s", "a text that does not fit a view ", key);
    return table;
}

static void
begin(swap_env *self, run_settings settings, int64_t n_many)
{
    plan_run_begin(&self->run, settings);
    self->many = table_of(n_many, third, 0);
    self->few = table_of(FEW, scattered, 5);
}

static void
end(swap_env *self)
{
    plan_run_end(&self->run);
    cni_table_unref(&self->many->base);
    cni_table_unref(&self->few->base);
}

static const cni_plan *
estimated(swap_env *self, const cni_plan *plan, double rows)
{
    cni_plan node = *plan;
    node.estimated_rows = rows;
    RUN_OK(&self->run, cni_plan_new(&self->run.builder, &node, &plan, &self->run.err));
    return plan;
}

static const cni_plan *
scan_of(swap_env *self, memory_table *table, double rows)
{
    return estimated(self, scan_plan(&self->run, table), rows);
}

static const cni_expr *
equal(swap_env *self, const cni_plan *left, const cni_plan *right, int32_t column)
{
    return compare_expr(&self->run, CNI_EQ, column_expr(&self->run, left, column),
                        column_expr(&self->run, right, column));
}

static const cni_plan *
join_of(swap_env *self, cni_join_kind kind, const cni_plan *left, const cni_plan *right,
        const cni_expr *predicate)
{
    const cni_plan *plan = NULL;
    RUN_OK(&self->run, cni_plan_join(&self->run.builder, kind, left, right, predicate, false, &plan,
                                     &self->run.err));
    return plan;
}

/* The given columns, sorted by all of them. */
static const cni_plan *
sorted(swap_env *self, const cni_plan *child, const int32_t *columns, int32_t n)
{
    const cni_expr *exprs[8] = {0};
    cni_str names[8] = {0};
    cni_order orders[8] = {0};
    const cni_plan *plan = NULL;
    for (int32_t at = 0; at < n; at++) {
        exprs[at] = column_expr(&self->run, child, columns[at]);
        names[at] = cni_str_of("c");
    }
    RUN_OK(&self->run,
           cni_plan_project(&self->run.builder, child, exprs, names, n, &plan, &self->run.err));
    for (int32_t at = 0; at < n; at++) {
        orders[at] = (cni_order){column_expr(&self->run, plan, at), false, false};
    }
    RUN_OK(&self->run, cni_plan_sort(&self->run.builder, plan, orders, n, &plan, &self->run.err));
    return plan;
}

static const cni_plan *
union_of(swap_env *self, const cni_plan *a, const cni_plan *b)
{
    const cni_plan *const members[2] = {a, b};
    const cni_plan *plan = NULL;
    RUN_OK(&self->run, cni_plan_union_all(&self->run.builder, members, 2, &plan, &self->run.err));
    return plan;
}

static int64_t
count_swaps(const swap_env *self)
{
    int64_t n_swaps = 0;
    (void)cni_execution_figure(self->run.execution, "JoinBuild", "swapped", &n_swaps);
    return n_swaps;
}

/* A plan over the tables of `self`, whose left side `few` is expected to have. */
typedef const cni_plan *(*make_plan)(swap_env *self, double few);

/* Keys, a residual over both sides, texts of both. */
static const cni_plan *
few_and_many(swap_env *self, cni_join_kind kind, double few, double many)
{
    static const int32_t columns[] = {0, 2, 3, 5};
    const cni_plan *left = scan_of(self, self->few, few);
    const cni_plan *right = scan_of(self, self->many, many);
    const cni_expr *const both[2] = {equal(self, left, right, 1),
                                     compare_expr(&self->run, CNI_NE,
                                                  column_expr(&self->run, left, 0),
                                                  column_expr(&self->run, right, 0))};
    const cni_expr *predicate = NULL;
    RUN_OK(&self->run,
           cni_expr_junction(self->run.arena, CNI_EXPR_AND, both, 2, &predicate, &self->run.err));
    return sorted(self, join_of(self, kind, left, right, predicate), columns, 4);
}

static const cni_plan *
inner(swap_env *self, double few)
{
    return few_and_many(self, CNI_JOIN_INNER, few, 10);
}

static const cni_plan *
full(swap_env *self, double few)
{
    return few_and_many(self, CNI_JOIN_FULL, few, 10);
}

/* Three joins in one pipeline, the middle one over the large table. */
static const cni_plan *
chain(swap_env *self, double few)
{
    static const int32_t columns[] = {0, 3, 6, 9};
    const cni_plan *plan = scan_of(self, self->few, few);
    const cni_plan *next = scan_of(self, self->few, 5);
    plan = join_of(self, CNI_JOIN_LEFT, plan, next, equal(self, plan, next, 0));
    plan = estimated(self, plan, few);
    next = scan_of(self, self->many, 10);
    plan = join_of(self, CNI_JOIN_INNER, plan, next, equal(self, plan, next, 1));
    plan = estimated(self, plan, few);
    next = scan_of(self, self->few, 5);
    plan = join_of(self, CNI_JOIN_FULL, plan, next, equal(self, plan, next, 0));
    return sorted(self, plan, columns, 4);
}

/* A branch with a join of its own, which stays as planned or not. */
static const cni_plan *
lone(swap_env *self)
{
    const cni_plan *left = scan_of(self, self->few, 1e7);
    const cni_plan *right = scan_of(self, self->few, 5);
    return join_of(self, CNI_JOIN_LEFT, left, right, equal(self, left, right, 0));
}

/* Branches before and behind the joined ones, and a join that all of them pass. */
static const cni_plan *
beside(swap_env *self, double few)
{
    static const int32_t columns[] = {0, 3, 6};
    const cni_plan *left =
        union_of(self, scan_of(self, self->few, few / 2), scan_of(self, self->few, few / 2));
    const cni_plan *right = scan_of(self, self->many, 10);
    left = estimated(self, left, few);
    const cni_plan *all = join_of(self, CNI_JOIN_INNER, left, right, equal(self, left, right, 1));
    all = union_of(self, union_of(self, lone(self), all), lone(self));
    all = estimated(self, all, 1e7);
    right = scan_of(self, self->few, 5);
    all = join_of(self, CNI_JOIN_FULL, all, right, equal(self, all, right, 0));
    return sorted(self, all, columns, 3);
}

/* The join is itself a build, of a join that is well estimated. */
static const cni_plan *
below(swap_env *self, double few)
{
    static const int32_t columns[] = {0, 3, 6};
    const cni_plan *left = scan_of(self, self->few, few);
    const cni_plan *right = scan_of(self, self->many, 10);
    const cni_plan *built =
        estimated(self, join_of(self, CNI_JOIN_INNER, left, right, equal(self, left, right, 1)), 5);
    const cni_plan *probed = scan_of(self, self->few, 1e7);
    return sorted(self, join_of(self, CNI_JOIN_INNER, probed, built, equal(self, probed, built, 0)),
                  columns, 3);
}

/* What a WITH holds is known when the build has come, whatever was estimated. */
static const cni_plan *
over_with(swap_env *self, double few)
{
    static const int32_t columns[] = {0, 3};
    const int32_t cte_id = cni_plan_new_cte_id(&self->run.builder);
    const cni_plan *definition = scan_of(self, self->few, few);
    const cni_plan *readers[2];
    const cni_plan *plan = NULL;
    for (int32_t at = 0; at < 2; at++) {
        RUN_OK(&self->run,
               cni_plan_cte_scan(&self->run.builder, cte_id, cni_str_of("w"), definition->columns,
                                 definition->n_columns, &readers[at], &self->run.err));
    }
    const cni_plan *left = estimated(self, readers[0], few);
    const cni_plan *right = scan_of(self, self->many, 10);
    left = join_of(self, CNI_JOIN_INNER, left, right, equal(self, left, right, 1));
    right = estimated(self, readers[1], 5);
    left = estimated(self, left, 1e7);
    plan = join_of(self, CNI_JOIN_INNER, left, right, equal(self, left, right, 0));
    plan = sorted(self, plan, columns, 2);
    RUN_OK(&self->run, cni_plan_with(&self->run.builder, cte_id, definition, plan, cni_str_of("w"),
                                     &plan, &self->run.err));
    return plan;
}

/* ---- answers ---- */

/* Rows of the plan as text, and how many joins were exchanged. */
static int64_t
answer(make_plan make, double few, int64_t n_many, run_settings settings, cni_strbuf *out)
{
    swap_env env;
    begin(&env, settings, n_many);
    RUN_OK(&env.run, plan_run_rows(&env.run, make(&env, few), out));
    const int64_t n_swaps = count_swaps(&env);
    end(&env);
    return n_swaps;
}

/* The same rows as without an exchange, and as many exchanges as told. */
static void
check(make_plan make, double few, int64_t n_many, run_settings settings, int64_t n_swaps)
{
    cni_strbuf text;
    cni_strbuf wanted;
    text_begin(&text);
    text_begin(&wanted);
    assert_int_equal(answer(make, few, n_many, settings, &text), n_swaps);
    assert_int_equal(
        answer(make, few, n_many, (run_settings){.test_swap = CNI_TEST_SWAP_NEVER}, &wanted), 0);
    assert_true(wanted.len_bytes > 0);
    assert_string_equal(text_of(&text), text_of(&wanted));
    cni_strbuf_done(&text);
    cni_strbuf_done(&wanted);
}

static void
test_sizes_decide(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 4; threads *= 2) {
        const run_settings by_size = {.n_threads = threads};
        check(inner, FEW, MANY, by_size, 1);
        check(chain, FEW, MANY, by_size, 1);
        check(beside, FEW, MANY, by_size, 1);
        check(below, FEW, MANY, by_size, 1);
    }
}

static void
test_what_stays(void **state)
{
    (void)state;
    const run_settings by_size = {.n_threads = 2};
    check(inner, MANY / 2, MANY, by_size, 0); /* nearly as large, as far as one knows */
    check(inner, -1, MANY, by_size, 0);       /* nothing is known of the other side */
    check(inner, FEW, 100000, by_size, 0);    /* a small build */
}

static void
test_collected_rows_are_known(void **state)
{
    (void)state;
    check(over_with, 1e7, MANY, (run_settings){.n_threads = 2}, 1);
    check(over_with, -1, MANY, (run_settings){.n_threads = 1}, 1);
}

static void
test_always(void **state)
{
    (void)state;
    static const run_settings settings[] = {
        {.n_threads = 1, .test_swap = CNI_TEST_SWAP_ALWAYS},
        {.n_threads = 2, .chunk_rows = 33, .test_swap = CNI_TEST_SWAP_ALWAYS},
        {.n_threads = 4, .chunk_rows = 7, .test_encode = 15, .test_swap = CNI_TEST_SWAP_ALWAYS},
        {.n_threads = 8, .chunk_rows = 100, .test_swap = CNI_TEST_SWAP_ALWAYS},
    };
    for (int64_t at = 0; at < CN_ARRAY_LEN(settings); at++) {
        check(inner, FEW, 3000, settings[at], 1);
        check(full, FEW, 3000, settings[at], 1);
        check(chain, FEW, 3000, settings[at], 1);
        check(beside, FEW, 3000, settings[at], 1);
        check(below, FEW, 3000, settings[at], 2);
        check(over_with, FEW, 3000, settings[at], 1);
        run_settings twice = settings[at];
        twice.test_swap = CNI_TEST_SWAP_TWICE;
        check(inner, FEW, 3000, twice, 2);
        check(full, FEW, 3000, twice, 2);
        check(chain, FEW, 3000, twice, 2);
        check(beside, FEW, 3000, twice, 2);
        check(below, FEW, 3000, twice, 4);
        check(over_with, FEW, 3000, twice, 2);
    }
}

/* Both sides were taken for small, and the other one is the larger by far: it is exchanged back. */
static void
test_back(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        plan_run run;
        memory_table *tables[2];
        const cni_plan *sides[2];
        const cni_plan *plan = NULL;
        cni_strbuf text;
        int64_t figure = 0;
        text_begin(&text);
        plan_run_begin(&run, (run_settings){.n_threads = threads});
        for (int32_t side = 0; side < 2; side++) {
            tables[side] = memory_table_new(side == 0 ? 8 * MANY : MANY,
                                            (memory_traits){.morsel_rows = MANY / 3});
            memory_table_add_i64(tables[side], "k", side == 0 ? number : multiple, 0);
            cni_plan node = *scan_plan(&run, tables[side]);
            node.estimated_rows = 10;
            RUN_OK(&run, cni_plan_new(&run.builder, &node, &sides[side], &run.err));
        }
        const cni_expr *equals = compare_expr(&run, CNI_EQ, column_expr(&run, sides[0], 0),
                                              column_expr(&run, sides[1], 0));
        RUN_OK(&run, cni_plan_join(&run.builder, CNI_JOIN_INNER, sides[0], sides[1], equals, false,
                                   &plan, &run.err));
        RUN_OK(&run, plan_run_rows(&run, plan, &text));
        assert_true(cni_execution_figure(run.execution, "Result", "rows_in", &figure));
        assert_int_equal(figure, 8 * MANY / 1000);
        assert_true(cni_execution_figure(run.execution, "JoinBuild", "swapped", &figure));
        assert_int_equal(figure, 2);
        cni_strbuf_done(&text);
        plan_run_end(&run);
        cni_table_unref(&tables[0]->base);
        cni_table_unref(&tables[1]->base);
    }
}

/* ---- what is not read ---- */

/* The exchanged build is empty: the rows of the former one are not passed on. */
static void
test_nothing_comes(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        swap_env env;
        cni_strbuf text;
        int64_t n_rows = 0;
        text_begin(&text);
        begin(&env, (run_settings){.n_threads = threads}, MANY);
        const cni_plan *left = scan_of(&env, env.few, FEW);
        const cni_plan *right = scan_of(&env, env.many, 10);
        RUN_OK(&env.run,
               cni_plan_filter(&env.run.builder, left,
                               compare_expr(&env.run, CNI_LT, column_expr(&env.run, left, 0),
                                            i64_expr(&env.run, 0)),
                               &left, &env.run.err));
        left = estimated(&env, left, 10);
        RUN_OK(&env.run,
               plan_run_rows(
                   &env.run,
                   join_of(&env, CNI_JOIN_INNER, left, right, equal(&env, left, right, 1)), &text));
        assert_int_equal(text.len_bytes, 0);
        assert_int_equal(count_swaps(&env), 1);
        assert_true(cni_execution_figure(env.run.execution, "Rows", "rows_out", &n_rows));
        assert_int_equal(n_rows, 0);
        cni_strbuf_done(&text);
        end(&env);
    }
}

/* A LIMIT behind the join wants few rows; over a recursion it may be all that ends it. */
static void
test_limit_behind(void **state)
{
    (void)state;
    for (uint8_t swap = CNI_TEST_SWAP_BY_SIZE; swap <= CNI_TEST_SWAP_TWICE; swap++) {
        swap_env env;
        cni_strbuf text;
        text_begin(&text);
        begin(&env, (run_settings){.n_threads = 2, .test_swap = swap}, MANY);
        const cni_plan *left = scan_of(&env, env.few, FEW);
        const cni_plan *right = scan_of(&env, env.many, 10);
        const cni_plan *plan =
            join_of(&env, CNI_JOIN_INNER, left, right, equal(&env, left, right, 1));
        RUN_OK(&env.run, cni_plan_limit(&env.run.builder, plan, 100, 0, &plan, &env.run.err));
        RUN_OK(&env.run, plan_run_rows(&env.run, plan, &text));
        assert_int_equal(count_swaps(&env), (int64_t)swap);
        cni_strbuf_done(&text);
        end(&env);
    }
}

/* Every row again and again, without an end. */
static const cni_plan *
endless(swap_env *self)
{
    const int32_t cte_id = cni_plan_new_cte_id(&self->run.builder);
    const cni_plan *base = scan_of(self, self->few, FEW);
    const cni_plan *step = NULL;
    const cni_plan *plan = NULL;
    RUN_OK(&self->run, cni_plan_cte_scan(&self->run.builder, cte_id, cni_str_of("r"), base->columns,
                                         base->n_columns, &step, &self->run.err));
    const cni_plan *other = scan_of(self, self->few, 5);
    step = join_of(self, CNI_JOIN_INNER, step, other, equal(self, step, other, 0));
    const cni_expr *exprs[3] = {0};
    cni_str names[3] = {0};
    for (int32_t at = 0; at < 3; at++) {
        exprs[at] = column_expr(&self->run, step, at);
        names[at] = cni_str_of("c");
    }
    RUN_OK(&self->run,
           cni_plan_project(&self->run.builder, step, exprs, names, 3, &step, &self->run.err));
    RUN_OK(&self->run, cni_plan_recursive(&self->run.builder, cte_id, cni_str_of("r"), base, step,
                                          false, &plan, &self->run.err));
    return plan;
}

static void
test_recursions_stay(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 2; threads++) {
        swap_env env;
        cni_strbuf text;
        text_begin(&text);
        begin(&env, (run_settings){.n_threads = threads, .test_swap = CNI_TEST_SWAP_ALWAYS}, 3000);
        const cni_plan *left = endless(&env);
        const cni_plan *right = scan_of(&env, env.many, 10);
        const cni_plan *plan =
            join_of(&env, CNI_JOIN_INNER, left, right, equal(&env, left, right, 0));
        RUN_OK(&env.run, cni_plan_limit(&env.run.builder, plan, 5000, 0, &plan, &env.run.err));
        RUN_OK(&env.run, plan_run_rows(&env.run, plan, &text));
        assert_int_equal(count_swaps(&env), 0);
        cni_strbuf_done(&text);
        end(&env);
    }
}

/* ---- profiles ---- */

static void
test_profile_shows_it(void **state)
{
    (void)state;
    swap_env env;
    cni_strbuf text;
    text_begin(&text);
    begin(&env, (run_settings){.n_threads = 2}, MANY);
    RUN_OK(&env.run, plan_run_rows(&env.run, inner(&env, FEW), &text));
    cni_strbuf_reset(&text);
    RUN_OK(&env.run, cni_execution_profile(env.run.execution, &text, &env.run.err));
    /* the plan's: build, probe into the sort, result; the new one stands before the probe */
    const char *build = strstr(text_of(&text), "Pipeline 3 swapped workers=");
    const char *probe = strstr(text_of(&text), "Pipeline 1 swapped workers=");
    assert_non_null(build);
    assert_non_null(probe);
    assert_true(build < probe);
    assert_non_null(strstr(text_of(&text), "strategy=swapped"));
    assert_non_null(strstr(text_of(&text), "swapped=1"));
    assert_non_null(strstr(probe, "Rows of pipeline 0 rows="));
    assert_non_null(strstr(probe, "kind=Inner build=3 "));
    cni_strbuf_reset(&text);
    RUN_OK(&env.run, cni_execution_profile_json(env.run.execution, &text, &env.run.err));
    assert_non_null(strstr(text_of(&text), "\"swapped\":true"));
    assert_non_null(strstr(text_of(&text), "\"build_pipeline\":3"));
    cni_strbuf_done(&text);
    end(&env);
}

typedef struct watcher {
    cni_execution *execution;
    cni_atomic_i64 stopped; /* flag */
} watcher;

static void *
watch(void *argument)
{
    watcher *self = argument;
    while (cni_flag_consume(&self->stopped) == 0) {
        cni_execution_progress progress;
        cni_strbuf text;
        int64_t figure = 0;
        text_begin(&text);
        assert_int_equal(cni_execution_profile(self->execution, &text, NULL), CN_OK);
        assert_int_equal(cni_execution_profile_json(self->execution, &text, NULL), CN_OK);
        cni_execution_progress_get(self->execution, &progress);
        (void)cni_execution_figure(self->execution, "JoinBuild", "rows_in", &figure);
        cni_strbuf_done(&text);
    }
    return NULL;
}

/* Profiles may be read at any time, also while runs are exchanged. */
static void
test_watched(void **state)
{
    (void)state;
    for (int32_t round = 0; round < 10; round++) {
        swap_env env;
        cni_thread thread;
        cni_chunk chunk;
        cni_execution_answer said = CNI_EXECUTION_CHUNK;
        begin(&env, (run_settings){.n_threads = 2, .test_swap = CNI_TEST_SWAP_ALWAYS}, 3000);
        RUN_OK(&env.run, plan_run_start(&env.run, chain(&env, FEW)));
        watcher seen = {.execution = env.run.execution};
        RUN_OK(&env.run, cni_thread_start(&thread, watch, &seen, 0, &env.run.err));
        cni_chunk_init(&chunk, cni_allocator_system());
        while (said == CNI_EXECUTION_CHUNK) {
            RUN_OK(&env.run, cni_execution_next(env.run.execution, &chunk, &said, &env.run.err));
        }
        cni_flag_publish(&seen.stopped, 1);
        cni_thread_join(&thread);
        cni_chunk_done(&chunk);
        assert_int_equal(count_swaps(&env), 1);
        end(&env);
    }
}

/* A query that is left in the middle. */
static void
test_closed_early(void **state)
{
    (void)state;
    for (int32_t n_chunks = 0; n_chunks < 3; n_chunks++) {
        swap_env env;
        cni_chunk chunk;
        cni_execution_answer said = CNI_EXECUTION_CHUNK;
        begin(&env,
              (run_settings){.n_threads = 2, .chunk_rows = 10, .test_swap = CNI_TEST_SWAP_ALWAYS},
              3000);
        const cni_plan *left = scan_of(&env, env.few, FEW);
        const cni_plan *right = scan_of(&env, env.many, 10);
        RUN_OK(&env.run, plan_run_start(&env.run, join_of(&env, CNI_JOIN_INNER, left, right,
                                                          equal(&env, left, right, 1))));
        cni_chunk_init(&chunk, cni_allocator_system());
        for (int32_t at = 0; at < n_chunks; at++) {
            RUN_OK(&env.run, cni_execution_next(env.run.execution, &chunk, &said, &env.run.err));
        }
        cni_chunk_done(&chunk);
        end(&env);
    }
}

/* ---- failures ---- */

static void
sweep(make_plan make, uint8_t swap, int32_t n_threads, int64_t every)
{
    bool failed = true;
    for (int64_t n = 1; failed; n += every) {
        cni_fault fault = {0};
        swap_env env;
        cni_strbuf text;
        text_begin(&text);
        begin(&env,
              (run_settings){
                  .n_threads = n_threads, .fault = &fault, .chunk_rows = 500, .test_swap = swap},
              3000);
        const cni_plan *plan = make(&env, FEW);
        fault.fail_at[CNI_FAULT_ALLOC] = fault.n_hits[CNI_FAULT_ALLOC] + n;
        const cn_code code = plan_run_rows(&env.run, plan, &text);
        failed = fault.n_hits[CNI_FAULT_ALLOC] >= fault.fail_at[CNI_FAULT_ALLOC];
        assert_true(code == CN_OK || code == CN_NO_MEMORY);
        fault.fail_at[CNI_FAULT_ALLOC] = 0;
        if (env.run.execution != NULL) { /* what failed can still be looked at */
            cni_strbuf_reset(&text);
            RUN_OK(&env.run, cni_execution_profile(env.run.execution, &text, &env.run.err));
        }
        cni_strbuf_done(&text);
        end(&env);
    }
}

static void
test_allocations_fail(void **state)
{
    (void)state;
    sweep(inner, CNI_TEST_SWAP_ALWAYS, 1, 1);
    sweep(inner, CNI_TEST_SWAP_TWICE, 1, 1);
    sweep(chain, CNI_TEST_SWAP_ALWAYS, 1, 3);
    sweep(beside, CNI_TEST_SWAP_TWICE, 2, 11);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_decide),
        cmocka_unit_test(test_what_stays),
        cmocka_unit_test(test_collected_rows_are_known),
        cmocka_unit_test(test_always),
        cmocka_unit_test(test_back),
        cmocka_unit_test(test_nothing_comes),
        cmocka_unit_test(test_limit_behind),
        cmocka_unit_test(test_recursions_stay),
        cmocka_unit_test(test_profile_shows_it),
        cmocka_unit_test(test_watched),
        cmocka_unit_test(test_closed_early),
        cmocka_unit_test(test_allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
