/* SPDX-License-Identifier: Apache-2.0
 *
 * Recursions, shared definitions, repeated rows and several rows per key, over thread counts and
 * chunk sizes: what they give, that an endless one ends with a LIMIT, is cancelled, keeps to its
 * budget, and gives everything back when an allocation fails.
 */
#include "support/call_expr.h"

static const int32_t thread_counts[] = {1, 2, 4};
static const int32_t chunk_sizes[] = {1, 3, 2048};

typedef struct recursion {
    plan_run run;
    cni_function_registry *registry;
} recursion;

static void
begin(recursion *self, run_settings settings)
{
    plan_run_begin(&self->run, settings);
    RUN_OK(&self->run,
           cni_function_registry_new(cni_allocator_system(), &self->registry, &self->run.err));
}

static void
end(recursion *self)
{
    plan_run_end(&self->run);
    cni_function_registry_free(self->registry);
}

/* VALUES (first), (first + 1) ... n rows. */
static const cni_plan *
numbers(recursion *self, int64_t first, int64_t n)
{
    const cni_field field = {.name = cni_str_of("n"), .type = cni_type_of(CNI_TYPE_INT64)};
    const cni_expr *rows[8];
    const cni_plan *plan = NULL;
    assert_true(n <= 8);
    for (int64_t row = 0; row < n; row++) {
        rows[row] = i64_expr(&self->run, first + row);
    }
    RUN_OK(&self->run,
           cni_plan_values(&self->run.builder, &field, 1, rows, n, &plan, &self->run.err));
    return plan;
}

static const cni_plan *
cte_scan(recursion *self, int32_t cte_id, const cni_plan *definition)
{
    const cni_plan *plan = NULL;
    RUN_OK(&self->run,
           cni_plan_cte_scan(&self->run.builder, cte_id, cni_str_of("r"), definition->columns,
                             definition->n_columns, &plan, &self->run.err));
    return plan;
}

static const cni_plan *
filter_below(recursion *self, const cni_plan *child, int64_t bound)
{
    const cni_plan *plan = NULL;
    const cni_expr *below = compare_expr(&self->run, CNI_LT, column_expr(&self->run, child, 0),
                                         i64_expr(&self->run, bound));
    RUN_OK(&self->run, cni_plan_filter(&self->run.builder, child, below, &plan, &self->run.err));
    return plan;
}

static const cni_plan *
project_one(recursion *self, const cni_plan *child, const cni_expr *expr)
{
    const cni_str name = cni_str_of("n");
    const cni_plan *plan = NULL;
    RUN_OK(&self->run,
           cni_plan_project(&self->run.builder, child, &expr, &name, 1, &plan, &self->run.err));
    return plan;
}

/* SELECT name(column 0, by) FROM child */
static const cni_plan *
computed(recursion *self, const char *name, const cni_plan *child, int64_t by)
{
    return project_one(self, child,
                       call_expr(&self->run, self->registry, name,
                                 column_expr(&self->run, child, 0), i64_expr(&self->run, by)));
}

/* first, first + 1, ... n of them, then each + by, while below bound (0: endless). */
static const cni_plan *
counting(recursion *self, int64_t first, int64_t n, int64_t by, int64_t bound, bool distinct)
{
    const cni_plan *base = numbers(self, first, n);
    const cni_plan *plan = NULL;
    const int32_t cte_id = cni_plan_new_cte_id(&self->run.builder);
    const cni_plan *step = cte_scan(self, cte_id, base);
    step = computed(self, "+", bound == 0 ? step : filter_below(self, step, bound), by);
    RUN_OK(&self->run, cni_plan_recursive(&self->run.builder, cte_id, cni_str_of("r"), base, step,
                                          distinct, &plan, &self->run.err));
    return plan;
}

static const cni_plan *
limited(recursion *self, const cni_plan *child, int64_t limit)
{
    const cni_plan *plan = NULL;
    RUN_OK(&self->run, cni_plan_limit(&self->run.builder, child, limit, 0, &plan, &self->run.err));
    return plan;
}

static const cni_plan *
sorted(recursion *self, const cni_plan *child)
{
    const cni_order order = {column_expr(&self->run, child, 0), false, false};
    const cni_plan *plan = NULL;
    RUN_OK(&self->run, cni_plan_sort(&self->run.builder, child, &order, 1, &plan, &self->run.err));
    return plan;
}

static void
assert_rows(recursion *self, const cni_plan *plan, const char *expected)
{
    cni_strbuf text;
    text_begin(&text);
    RUN_OK(&self->run, plan_run_rows(&self->run, plan, &text));
    assert_string_equal(text_of(&text), expected);
    cni_strbuf_done(&text);
}

static int64_t
count_rows(recursion *self, const cni_plan *plan)
{
    int64_t n_rows = 0;
    cni_strbuf text;
    text_begin(&text);
    RUN_OK(&self->run, plan_run_rows(&self->run, plan, &text));
    for (int64_t at = 0; at < text.len_bytes; at++) {
        n_rows += text.data[at] == '\n' ? 1 : 0;
    }
    cni_strbuf_done(&text);
    return n_rows;
}

/* Run `check` with every thread count and chunk size. */
static void
each_setting(void (*check)(recursion *self))
{
    for (int64_t threads = 0; threads < CN_ARRAY_LEN(thread_counts); threads++) {
        for (int64_t chunk = 0; chunk < CN_ARRAY_LEN(chunk_sizes); chunk++) {
            recursion self = {0};
            begin(&self, (run_settings){.n_threads = thread_counts[threads],
                                        .chunk_rows = chunk_sizes[chunk]});
            check(&self);
            end(&self);
        }
    }
}

static void
check_counting(recursion *self)
{
    assert_rows(self, sorted(self, counting(self, 1, 1, 1, 5, false)), "1\n2\n3\n4\n5\n");
}

static void
check_many_steps(recursion *self)
{
    int64_t n_steps = 0;
    assert_int_equal(count_rows(self, counting(self, 0, 3, 3, 900, false)), 903);
    assert_true(cni_execution_figure(self->run.execution, "Recursive", "steps", &n_steps));
    assert_int_equal(n_steps, 302);
}

static void
check_distinct(recursion *self)
{
    /* 0..7, then each * 3 % 40: an orbit that repeats. */
    const cni_plan *base = numbers(self, 0, 8);
    const int32_t cte_id = cni_plan_new_cte_id(&self->run.builder);
    const cni_plan *plan = NULL;
    const cni_plan *step =
        computed(self, "%", computed(self, "*", cte_scan(self, cte_id, base), 3), 40);
    RUN_OK(&self->run, cni_plan_recursive(&self->run.builder, cte_id, cni_str_of("r"), base, step,
                                          true, &plan, &self->run.err));
    assert_rows(self, sorted(self, plan),
                "0\n1\n2\n3\n4\n5\n6\n7\n9\n12\n14\n15\n18\n21\n23\n27\n28\n29\n36\n");
}

static void
check_endless_with_limit(recursion *self)
{
    assert_int_equal(count_rows(self, limited(self, counting(self, 0, 2, 1, 0, false), 1000)),
                     1000);
}

/* The second member begins when the first has ended, and a limit between them may come while its
 * first plan runs. */
static void
check_limit_over_union(recursion *self)
{
    const cni_plan *members[2] = {counting(self, 0, 4, 1, 0, false),
                                  counting(self, 0, 4, 1, 0, false)};
    const cni_plan *plan = NULL;
    members[0] = limited(self, members[0], 50);
    members[1] = limited(self, members[1], 50);
    RUN_OK(&self->run, cni_plan_union_all(&self->run.builder, members, 2, &plan, &self->run.err));
    assert_int_equal(count_rows(self, limited(self, plan, 70)), 70);
}

/* A recursion in the step of another: for each of 1..3 the numbers below it. */
static void
check_nested(recursion *self)
{
    const cni_plan *base = numbers(self, 3, 1);
    const int32_t outer_id = cni_plan_new_cte_id(&self->run.builder);
    const int32_t inner_id = cni_plan_new_cte_id(&self->run.builder);
    const cni_plan *first =
        computed(self, "-", cte_scan(self, outer_id, base), 1); /* n - 1 of the outer one */
    const cni_plan *inner = NULL;
    const cni_plan *plan = NULL;
    const cni_expr *positive = NULL;
    const cni_plan *next = computed(self, "-", cte_scan(self, inner_id, first), 1);
    positive =
        compare_expr(&self->run, CNI_GE, column_expr(&self->run, next, 0), i64_expr(&self->run, 0));
    RUN_OK(&self->run, cni_plan_filter(&self->run.builder, next, positive, &next, &self->run.err));
    RUN_OK(&self->run, cni_plan_recursive(&self->run.builder, inner_id, cni_str_of("i"), first,
                                          next, false, &inner, &self->run.err));
    positive = compare_expr(&self->run, CNI_GE, column_expr(&self->run, inner, 0),
                            i64_expr(&self->run, 0));
    RUN_OK(&self->run,
           cni_plan_filter(&self->run.builder, inner, positive, &inner, &self->run.err));
    RUN_OK(&self->run, cni_plan_recursive(&self->run.builder, outer_id, cni_str_of("o"), base,
                                          inner, false, &plan, &self->run.err));
    /* 3 -> 2 1 0; 2 -> 1 0; 1 -> 0 ... */
    assert_rows(self, sorted(self, plan), "0\n0\n0\n0\n1\n1\n2\n3\n");
}

/* A definition outside that every step reads again, besides a reader outside. */
static void
check_with_outside(recursion *self)
{
    const cni_plan *definition = sorted(self, numbers(self, 5, 2));
    const int32_t with_id = cni_plan_new_cte_id(&self->run.builder);
    const int32_t cte_id = cni_plan_new_cte_id(&self->run.builder);
    const cni_plan *base = numbers(self, 1, 1);
    const cni_plan *members[2] = {
        computed(self, "+", filter_below(self, cte_scan(self, cte_id, base), 3), 1),
        filter_below(self, cte_scan(self, with_id, definition), 0)};
    const cni_plan *step = NULL;
    const cni_plan *plan = NULL;
    RUN_OK(&self->run, cni_plan_union_all(&self->run.builder, members, 2, &step, &self->run.err));
    RUN_OK(&self->run, cni_plan_recursive(&self->run.builder, cte_id, cni_str_of("r"), base, step,
                                          false, &plan, &self->run.err));
    const cni_plan *both[2] = {plan, cte_scan(self, with_id, definition)};
    RUN_OK(&self->run, cni_plan_union_all(&self->run.builder, both, 2, &plan, &self->run.err));
    RUN_OK(&self->run, cni_plan_with(&self->run.builder, with_id, definition, plan, cni_str_of("w"),
                                     &plan, &self->run.err));
    assert_rows(self, sorted(self, plan), "1\n2\n3\n5\n6\n");
}

static int64_t
number(int64_t row)
{
    return row;
}

static int64_t
key_of(int64_t row)
{
    return row % 100;
}

/* Three readers of 1,000 rows, one of them filtered. */
static void
check_with_readers(recursion *self)
{
    memory_table *table = memory_table_new(1000, (memory_traits){.morsel_rows = 90});
    memory_table_add_i64(table, "a", number, 0);
    const cni_plan *definition = scan_plan(&self->run, table);
    const int32_t with_id = cni_plan_new_cte_id(&self->run.builder);
    const cni_plan *readers[3] = {cte_scan(self, with_id, definition),
                                  cte_scan(self, with_id, definition),
                                  filter_below(self, cte_scan(self, with_id, definition), 100)};
    const cni_plan *plan = NULL;
    RUN_OK(&self->run, cni_plan_union_all(&self->run.builder, readers, 3, &plan, &self->run.err));
    RUN_OK(&self->run, cni_plan_with(&self->run.builder, with_id, definition, plan, cni_str_of("w"),
                                     &plan, &self->run.err));
    assert_int_equal(count_rows(self, plan), 2100);
    assert_int_equal(cni_counter_get(&table->n_morsels_read), 12);
    assert_int_equal(cni_counter_get(&table->n_open_scans), 0);
    cni_table_unref(&table->base);
}

/* The one reader's rows come from where they are made, without a pipeline in between. */
static void
check_with_one_reader(recursion *self)
{
    int64_t n_rows = 0;
    const cni_plan *definition = numbers(self, 1, 5);
    const int32_t with_id = cni_plan_new_cte_id(&self->run.builder);
    const cni_plan *plan = filter_below(self, cte_scan(self, with_id, definition), 3);
    RUN_OK(&self->run, cni_plan_with(&self->run.builder, with_id, definition, plan, cni_str_of("w"),
                                     &plan, &self->run.err));
    assert_rows(self, plan, "1\n2\n");
    assert_false(cni_execution_figure(self->run.execution, "Collect", "rows_in", &n_rows));
}

static void
check_repeat(recursion *self)
{
    const cni_plan *child = numbers(self, -1, 5); /* -1 0 1 2 3 */
    const cni_plan *plan = NULL;
    RUN_OK(&self->run, cni_plan_repeat(&self->run.builder, child, column_expr(&self->run, child, 0),
                                       &plan, &self->run.err));
    assert_rows(self, plan, "1\n2\n2\n3\n3\n3\n");
}

/* DISTINCT ON (a % 100): rows 2 and 3 of each key of 10. */
static void
check_rows_per_key(recursion *self)
{
    memory_table *table = memory_table_new(1000, (memory_traits){.morsel_rows = 70});
    memory_table_add_i64(table, "key", key_of, 0);
    memory_table_add_i64(table, "a", number, 0);
    const cni_plan *scan = scan_plan(&self->run, table);
    const cni_expr *on = column_expr(&self->run, scan, 0);
    const cni_plan *plan = NULL;
    RUN_OK(&self->run, cni_plan_distinct(&self->run.builder, scan, &on, 1, &plan, &self->run.err));
    cni_plan node = *plan;
    node.limit = 2;
    node.offset = 1;
    RUN_OK(&self->run, cni_plan_new(&self->run.builder, &node, &plan, &self->run.err));
    cni_strbuf text;
    cni_strbuf expected;
    text_begin(&text);
    text_begin(&expected);
    for (int64_t key = 0; key < 100; key++) {
        RUN_OK(&self->run, cni_strbuf_printf(&expected, NULL, "%d|%d\n%d|%d\n", (int)key,
                                             (int)key + 100, (int)key, (int)key + 200));
    }
    RUN_OK(&self->run, plan_run_rows(&self->run, plan, &text));
    assert_string_equal(text_of(&text), text_of(&expected));
    cni_strbuf_done(&text);
    cni_strbuf_done(&expected);
    cni_table_unref(&table->base);
}

#define EACH_SETTING(name)                                                                         \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        each_setting(check_##name);                                                                \
    }

EACH_SETTING(counting)
EACH_SETTING(many_steps)
EACH_SETTING(distinct)
EACH_SETTING(endless_with_limit)
EACH_SETTING(limit_over_union)
EACH_SETTING(nested)
EACH_SETTING(with_outside)
EACH_SETTING(with_readers)
EACH_SETTING(with_one_reader)
EACH_SETTING(repeat)
EACH_SETTING(rows_per_key)

static void
test_endless_is_cancelled(void **state)
{
    (void)state;
    recursion self = {0};
    begin(&self, (run_settings){.n_threads = 2});
    self.run.context.deadline_ns = cni_clock_ns() + 50 * INT64_C(1000000);
    cni_strbuf text;
    text_begin(&text);
    const cni_plan *plan = counting(&self, 0, 1, 1, 0, true);
    const cni_expr *never =
        compare_expr(&self.run, CNI_LT, column_expr(&self.run, plan, 0), i64_expr(&self.run, 0));
    RUN_OK(&self.run, cni_plan_filter(&self.run.builder, plan, never, &plan, &self.run.err));
    assert_int_equal(plan_run_rows(&self.run, plan, &text), CN_TIMEOUT);
    cni_strbuf_done(&text);
    end(&self);
}

static void
test_abandoned_by_the_caller(void **state)
{
    (void)state;
    for (int32_t threads = 1; threads <= 4; threads++) {
        recursion self = {0};
        cni_chunk chunk;
        cni_execution_answer answer = CNI_EXECUTION_END;
        begin(&self, (run_settings){.n_threads = threads});
        cni_chunk_init(&chunk, cni_allocator_system());
        RUN_OK(&self.run, plan_run_start(&self.run, counting(&self, 0, 1, 1, 0, true)));
        RUN_OK(&self.run, cni_execution_next(self.run.execution, &chunk, &answer, &self.run.err));
        assert_int_equal(answer, CNI_EXECUTION_CHUNK);
        cni_chunk_done(&chunk);
        end(&self);
    }
}

/* Doubling rows: ends at the limit of memory with a clear answer. */
static void
test_budget(void **state)
{
    (void)state;
    recursion self = {0};
    begin(&self, (run_settings){.n_threads = 2, .memory_limit = 32 << 20});
    const cni_plan *base = numbers(&self, 0, 1);
    const int32_t cte_id = cni_plan_new_cte_id(&self.run.builder);
    const cni_plan *members[2] = {cte_scan(&self, cte_id, base), cte_scan(&self, cte_id, base)};
    const cni_plan *plan = NULL;
    cni_strbuf text;
    text_begin(&text);
    RUN_OK(&self.run, cni_plan_union_all(&self.run.builder, members, 2, &plan, &self.run.err));
    plan = computed(&self, "+", plan, 1);
    RUN_OK(&self.run, cni_plan_recursive(&self.run.builder, cte_id, cni_str_of("r"), base, plan,
                                         false, &plan, &self.run.err));
    plan = filter_below(&self, plan, 0);
    assert_int_equal(plan_run_rows(&self.run, plan, &text), CN_BUDGET_EXCEEDED);
    cni_strbuf_done(&text);
    end(&self);
}

/* Each allocation of a small one fails once. */
static void
test_allocations_fail(void **state)
{
    (void)state;
    bool failed = true;
    for (int64_t n = 1; failed; n++) {
        cni_fault fault = {0};
        recursion self = {0};
        cni_strbuf text;
        text_begin(&text);
        begin(&self, (run_settings){.fault = &fault});
        const cni_plan *plan = sorted(&self, counting(&self, 0, 2, 1, 4, true));
        fault.fail_at[CNI_FAULT_ALLOC] = fault.n_hits[CNI_FAULT_ALLOC] + n;
        const cn_code code = plan_run_rows(&self.run, plan, &text);
        fault.fail_at[CNI_FAULT_ALLOC] = 0;
        failed = code != CN_OK;
        assert_true(code == CN_OK || code == CN_NO_MEMORY);
        cni_strbuf_done(&text);
        end(&self);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting),
        cmocka_unit_test(test_many_steps),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_endless_with_limit),
        cmocka_unit_test(test_limit_over_union),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_with_outside),
        cmocka_unit_test(test_with_readers),
        cmocka_unit_test(test_with_one_reader),
        cmocka_unit_test(test_repeat),
        cmocka_unit_test(test_rows_per_key),
        cmocka_unit_test(test_endless_is_cancelled),
        cmocka_unit_test(test_abandoned_by_the_caller),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
