/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of physical plans with joins: which side is built, keys and residuals, positions, the
 * order of pipelines, where key filters go and where not, WITH, recursions, repeated rows, text.
 */
#include "optimize/physical/physical.h"
#include "support/memory_scan.h"

typedef struct planning {
    cni_budget *root;
    cni_pool *pool;
    cni_context context;
    cni_arena *arena;
    cni_plan_builder builder;
    memory_table *table; /* a, b, c BIGINT */
    cn_error err;
} planning;

#define OK(self, call) assert_ok((self), (call), __LINE__)

static void
assert_ok(const planning *self, cn_code code, int line)
{
    if (code != CN_OK) {
        fail_msg("line %d: %s", line, self->err.message);
    }
}

static int64_t
number(int64_t row)
{
    return row;
}

static void
begin(planning *self)
{
    const cni_exec_settings settings = cni_exec_settings_default();
    *self = (planning){0};
    OK(self, cni_budget_new_root("test", 1 << 30, NULL, &self->root, &self->err));
    OK(self,
       cni_pool_new(cni_budget_allocator(self->root), 2, NULL, NULL, &self->pool, &self->err));
    OK(self,
       cni_context_init(&self->context, self->root, 1 << 30, self->pool, &settings, &self->err));
    OK(self, cni_arena_new(cni_allocator_system(), "test", &self->arena, &self->err));
    cni_plan_builder_init(&self->builder, self->arena, 0);
    self->table = memory_table_new(100, (memory_traits){0});
    memory_table_add_i64(self->table, "a", number, 0);
    memory_table_add_i64(self->table, "b", number, 0);
    memory_table_add_i64(self->table, "c", number, 0);
}

static void
end(planning *self)
{
    cni_context_done(&self->context);
    cni_pool_free(self->pool);
    cni_arena_unref(self->arena);
    cni_table_unref(&self->table->base);
    cni_budget_unref(self->root);
}

/* Columns a, b, c; rows < 0 = unknown. */
static const cni_plan *
scan_of(planning *self, double rows)
{
    const cni_plan *plan = NULL;
    OK(self, cni_plan_scan(&self->builder, &self->table->base, cni_str_of("t"), NULL, 0, &plan,
                           &self->err));
    cni_plan node = *plan;
    node.estimated_rows = rows;
    OK(self, cni_plan_new(&self->builder, &node, &plan, &self->err));
    return plan;
}

static const cni_expr *
column(planning *self, const cni_plan *plan, int32_t at)
{
    const cni_expr *expr = NULL;
    OK(self, cni_expr_column(self->arena, plan->columns[at].id, plan->columns[at].type, &expr,
                             &self->err));
    return expr;
}

static const cni_expr *
compare(planning *self, cni_compare_op op, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *expr = NULL;
    OK(self, cni_expr_compare(self->arena, op, a, b, &expr, &self->err));
    return expr;
}

static const cni_expr *
both(planning *self, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *const args[2] = {a, b};
    const cni_expr *expr = NULL;
    OK(self, cni_expr_junction(self->arena, CNI_EXPR_AND, args, 2, &expr, &self->err));
    return expr;
}

static const cni_expr *
ten(planning *self)
{
    const cni_value value = {.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = 10};
    const cni_expr *expr = NULL;
    OK(self, cni_expr_literal(self->arena, &value, &expr, &self->err));
    return expr;
}

static const cni_plan *
below_ten(planning *self, const cni_plan *child, int32_t at)
{
    const cni_plan *plan = NULL;
    OK(self, cni_plan_filter(&self->builder, child,
                             compare(self, CNI_LT, column(self, child, at), ten(self)), &plan,
                             &self->err));
    return plan;
}

/* left JOIN right ON left[at_left] = right[at_right] */
static const cni_plan *
join(planning *self, cni_join_kind kind, const cni_plan *left, int32_t at_left,
     const cni_plan *right, int32_t at_right)
{
    const cni_plan *plan = NULL;
    const cni_expr *equal =
        compare(self, CNI_EQ, column(self, left, at_left), column(self, right, at_right));
    OK(self, cni_plan_join(&self->builder, kind, left, right, equal, false, &plan, &self->err));
    return plan;
}

static const cni_plan *
project(planning *self, const cni_plan *child, int32_t at)
{
    const cni_expr *expr = column(self, child, at);
    const cni_str name = cni_str_of("x");
    const cni_plan *plan = NULL;
    OK(self, cni_plan_project(&self->builder, child, &expr, &name, 1, &plan, &self->err));
    return plan;
}

static const cni_physical_plan *
plan_it(planning *self, const cni_plan *plan)
{
    const cni_physical_plan *physical = NULL;
    OK(self, cni_plan_validate(plan, &self->err));
    OK(self, cni_physical_plan_new(self->arena, plan, &self->context, &physical, &self->err));
    return physical;
}

/* The join of the only build. */
static const cni_phys_join *
only_join(const cni_physical_plan *plan)
{
    assert_int_equal(plan->n_pipelines, 2);
    assert_int_equal(plan->pipelines[0].ops[0].kind, CNI_PHYS_OP_JOIN_BUILD);
    return plan->pipelines[0].ops[0].join;
}

/* The build is a pipeline of its own, with the columns that are needed of it only. */
static void
test_inner(void **state)
{
    (void)state;
    planning self;
    begin(&self);
    const cni_plan *plan =
        join(&self, CNI_JOIN_INNER, scan_of(&self, -1.0), 0, scan_of(&self, -1.0), 1);
    const cni_physical_plan *physical = plan_it(&self, project(&self, plan, 5));
    const cni_phys_join *spec = only_join(physical);
    assert_int_equal(spec->kind, CNI_PHYS_JOIN_INNER);
    assert_int_equal(spec->n_keys, 1);
    assert_int_equal(spec->probe_keys[0], 0);
    assert_int_equal(spec->n_build_columns, 2); /* b, c */
    assert_int_equal(spec->build_keys[0], 0);
    assert_int_equal(spec->n_outputs, 1);
    assert_true(spec->outputs[0].from_build);
    assert_int_equal(spec->outputs[0].position, 1);
    assert_null(spec->residual);
    const cni_phys_pipeline *probe = &physical->pipelines[1];
    assert_int_equal(probe->ops[2].kind, CNI_PHYS_OP_JOIN_PROBE);
    assert_ptr_equal(probe->ops[2].join, spec);
    assert_int_equal(probe->n_branches, 2);
    assert_true(probe->branches[1].spilled_only && probe->branches[1].after_rows);
    assert_false(probe->keep_order);
    end(&self);
}

static void
test_smaller_side_is_built(void **state)
{
    (void)state;
    static const struct {
        cni_join_kind kind;
        cni_phys_join_kind small_right;
        cni_phys_join_kind small_left;
        bool swaps;
    } kinds[] = {
        {CNI_JOIN_INNER, CNI_PHYS_JOIN_INNER, CNI_PHYS_JOIN_INNER, true},
        {CNI_JOIN_LEFT, CNI_PHYS_JOIN_PROBE_OUTER, CNI_PHYS_JOIN_BUILD_OUTER, true},
        {CNI_JOIN_FULL, CNI_PHYS_JOIN_FULL, CNI_PHYS_JOIN_FULL, true},
        {CNI_JOIN_SEMI, CNI_PHYS_JOIN_PROBE_SEMI, CNI_PHYS_JOIN_BUILD_SEMI, true},
        {CNI_JOIN_ANTI, CNI_PHYS_JOIN_PROBE_ANTI, CNI_PHYS_JOIN_BUILD_ANTI, true},
        {CNI_JOIN_MARK, CNI_PHYS_JOIN_MARK, CNI_PHYS_JOIN_MARK, false},
        {CNI_JOIN_SINGLE, CNI_PHYS_JOIN_SINGLE, CNI_PHYS_JOIN_SINGLE, false},
    };
    for (int64_t at = 0; at < CN_ARRAY_LEN(kinds); at++) {
        planning self;
        begin(&self);
        const cni_plan *small = scan_of(&self, 10.0);
        const cni_plan *large = scan_of(&self, 1000.0);
        const cni_plan *plan = join(&self, kinds[at].kind, large, 0, small, 1);
        const cni_phys_join *spec = only_join(plan_it(&self, plan));
        assert_int_equal(spec->kind, kinds[at].small_right);
        assert_true(spec->estimated_build_rows == 10.0);
        plan = join(&self, kinds[at].kind, scan_of(&self, 10.0), 0, scan_of(&self, 1000.0), 1);
        spec = only_join(plan_it(&self, plan));
        assert_int_equal(spec->kind, kinds[at].small_left);
        assert_true(spec->estimated_build_rows == (kinds[at].swaps ? 10.0 : 1000.0));
        end(&self);
    }
}

/* A branch BUILD behind the probe, after the rows of the branches before it. */
static void
test_build_rows(void **state)
{
    (void)state;
    planning self;
    begin(&self);
    const cni_plan *plan =
        join(&self, CNI_JOIN_FULL, scan_of(&self, -1.0), 0, scan_of(&self, -1.0), 0);
    const cni_physical_plan *physical = plan_it(&self, below_ten(&self, plan, 1));
    const cni_phys_pipeline *probe = &physical->pipelines[1];
    assert_int_equal(probe->n_branches, 2);
    assert_int_equal(probe->ops[2].kind, CNI_PHYS_OP_JOIN_PROBE);
    assert_int_equal(probe->ops[2].n_branches, 1);
    assert_int_equal(probe->ops[1].n_branches, 2);
    assert_int_equal(probe->branches[1].kind, CNI_PHYS_SOURCE_BUILD);
    assert_int_equal(probe->branches[1].first_op, 1);
    assert_int_equal(probe->branches[1].pipeline, 0);
    assert_true(probe->branches[1].after_rows);
    assert_int_equal(probe->branches[1].n_columns, 6);
    end(&self);
}

/* Computed keys are projected, one-sided conjuncts and other comparisons are the residual. */
static void
test_conjuncts(void **state)
{
    (void)state;
    planning self;
    begin(&self);
    const cni_plan *left = scan_of(&self, -1.0);
    const cni_plan *right = scan_of(&self, -1.0);
    const cni_expr *narrow = NULL;
    const cni_plan *plan = NULL;
    OK(&self, cni_expr_cast(self.arena, column(&self, right, 2), cni_type_of(CNI_TYPE_VARCHAR),
                            false, &narrow, &self.err));
    const cni_expr *wide = NULL;
    OK(&self, cni_expr_cast(self.arena, column(&self, left, 1), cni_type_of(CNI_TYPE_VARCHAR),
                            false, &wide, &self.err));
    const cni_expr *predicate =
        both(&self,
             both(&self, compare(&self, CNI_EQ, narrow, wide),
                  compare(&self, CNI_LT, column(&self, left, 0), column(&self, right, 0))),
             compare(&self, CNI_LT, column(&self, right, 1), ten(&self)));
    OK(&self, cni_plan_join(&self.builder, CNI_JOIN_LEFT, left, right, predicate, false, &plan,
                            &self.err));
    const cni_physical_plan *physical = plan_it(&self, project(&self, plan, 0));
    const cni_phys_join *spec = only_join(physical);
    assert_int_equal(spec->n_keys, 1);
    assert_int_equal(spec->n_build_columns, 3); /* a, b, the text of c */
    assert_int_equal(spec->build_keys[0], 2);
    assert_int_equal(spec->build_types[2]->id, CNI_TYPE_VARCHAR);
    assert_int_equal(spec->n_probe_columns, 2); /* a, the text of b */
    assert_int_equal(spec->probe_keys[0], 1);
    assert_non_null(spec->residual);
    assert_int_equal(spec->n_residual_columns, 3);
    assert_int_equal(physical->pipelines[0].ops[1].kind, CNI_PHYS_OP_PROJECT);
    end(&self);
}

static void
test_null_equal_and_mark(void **state)
{
    (void)state;
    planning self;
    begin(&self);
    const cni_plan *left = scan_of(&self, -1.0);
    const cni_plan *right = scan_of(&self, -1.0);
    const cni_expr *const args[2] = {column(&self, right, 0), column(&self, left, 0)};
    const cni_expr node = {.kind = CNI_EXPR_DISTINCT,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .negated = true,
                           .n_args = 2,
                           .args = args,
                           .sql_offset = -1};
    const cni_expr *same = NULL;
    const cni_plan *plan = NULL;
    OK(&self, cni_expr_new(self.arena, &node, &same, &self.err));
    same =
        both(&self, same, compare(&self, CNI_EQ, column(&self, left, 1), column(&self, right, 1)));
    OK(&self,
       cni_plan_join(&self.builder, CNI_JOIN_MARK, left, right, same, true, &plan, &self.err));
    const cni_physical_plan *physical = plan_it(&self, plan);
    const cni_phys_join *spec = only_join(physical);
    assert_int_equal(spec->n_keys, 2);
    assert_true(spec->null_equal[0]);
    assert_false(spec->null_equal[1]);
    assert_true(spec->null_aware);
    assert_int_equal(spec->n_outputs, 3); /* and the mark */
    assert_int_equal(physical->n_columns, 4);
    assert_int_equal(physical->n_key_filters, 0);
    end(&self);
}

/* Upper builds come first, and their filters reach the scans of lower builds through equal keys. */
static void
test_key_filters(void **state)
{
    (void)state;
    planning self;
    begin(&self);
    const cni_plan *fact = scan_of(&self, 1000.0);
    const cni_plan *middle = scan_of(&self, 100.0);
    const cni_plan *top = below_ten(&self, scan_of(&self, 10.0), 1);
    const cni_plan *lower = join(&self, CNI_JOIN_INNER, fact, 0, middle, 0);
    const cni_plan *upper = join(&self, CNI_JOIN_INNER, lower, 0, top, 0);
    const cni_physical_plan *physical = plan_it(&self, upper);
    assert_int_equal(physical->n_pipelines, 3);
    assert_int_equal(physical->n_key_filters, 2);
    const cni_phys_join *first = physical->pipelines[0].ops[0].join;
    const cni_phys_join *second = physical->pipelines[1].ops[0].join;
    assert_ptr_equal(physical->pipelines[2].ops[1].join, first);
    assert_ptr_equal(physical->pipelines[2].ops[2].join, second);
    assert_int_equal(first->key_filters[0].slot, 0);
    assert_int_equal(physical->pipelines[1].branches[0].n_key_filters, 1); /* middle hears of top */
    assert_int_equal(physical->pipelines[1].branches[0].key_filters[0].slot, 0);
    assert_int_equal(physical->pipelines[2].branches[0].n_key_filters, 2);
    assert_int_equal(physical->pipelines[2].branches[0].key_filters[1].table_column, 0);
    end(&self);
}

typedef const cni_plan *(*make_between)(planning *self, const cni_plan *scan);

static const cni_plan *
group_by_first(planning *self, const cni_plan *scan)
{
    const cni_expr *group = column(self, scan, 0);
    const cni_plan *plan = NULL;
    OK(self, cni_plan_aggregate(&self->builder, scan, &group, 1, NULL, 0, &plan, &self->err));
    return plan;
}

static const cni_plan *
first_five(planning *self, const cni_plan *scan)
{
    const cni_plan *plan = NULL;
    OK(self, cni_plan_limit(&self->builder, scan, 5, 0, &plan, &self->err));
    return plan;
}

static const cni_plan *
two_members(planning *self, const cni_plan *scan)
{
    const cni_plan *members[2] = {scan, scan_of(self, 1000.0)};
    const cni_plan *plan = NULL;
    OK(self, cni_plan_union_all(&self->builder, members, 2, &plan, &self->err));
    return plan;
}

static const cni_plan *
nullable_side(planning *self, const cni_plan *scan)
{
    const cni_plan *plan = join(self, CNI_JOIN_LEFT, scan_of(self, 1000.0), 0, scan, 1);
    return project(self, plan, 3);
}

static const cni_plan *
preserved_side(planning *self, const cni_plan *scan)
{
    return join(self, CNI_JOIN_LEFT, scan, 0, scan_of(self, 1000.0), 1);
}

static const cni_plan *
sorted(planning *self, const cni_plan *scan)
{
    const cni_order order = {column(self, scan, 1), false, false};
    const cni_plan *plan = NULL;
    OK(self, cni_plan_sort(&self->builder, scan, &order, 1, &plan, &self->err));
    return plan;
}

static const cni_plan *
distinct_on(planning *self, const cni_plan *scan, int32_t at)
{
    const cni_expr *on = column(self, scan, at);
    const cni_plan *plan = NULL;
    OK(self, cni_plan_distinct(&self->builder, scan, &on, 1, &plan, &self->err));
    return plan;
}

static const cni_plan *
distinct_on_first(planning *self, const cni_plan *scan)
{
    return distinct_on(self, scan, 0);
}

static const cni_plan *
distinct_on_second(planning *self, const cni_plan *scan)
{
    return distinct_on(self, scan, 1);
}

static const cni_plan *
with_one_reader(planning *self, const cni_plan *scan)
{
    const int32_t cte_id = cni_plan_new_cte_id(&self->builder);
    const cni_plan *plan = NULL;
    OK(self, cni_plan_cte_scan(&self->builder, cte_id, cni_str_of("w"), scan->columns, 3, &plan,
                               &self->err));
    return plan; /* its WITH stands above the join: see test_filters_pass */
}

static int32_t
count_listening(const cni_physical_plan *plan)
{
    int32_t n_listening = 0;
    for (int32_t at = 0; at < plan->n_pipelines; at++) {
        for (int32_t branch = 0; branch < plan->pipelines[at].n_branches; branch++) {
            n_listening += plan->pipelines[at].branches[branch].n_key_filters;
        }
    }
    return n_listening;
}

/* What lies between the probe and its scan, and how many scans hear of the build. */
static void
test_filters_pass(void **state)
{
    (void)state;
    static const struct {
        make_between make;
        int32_t n_listening;
    } cases[] = {
        {group_by_first, 1},    {first_five, 0},         {two_members, 2},
        {nullable_side, 0},     {preserved_side, 2},     {sorted, 1},
        {distinct_on_first, 1}, {distinct_on_second, 0}, {with_one_reader, 1},
    };
    for (int64_t at = 0; at < CN_ARRAY_LEN(cases); at++) {
        planning self;
        begin(&self);
        const cni_plan *scan = scan_of(&self, 1000.0);
        const cni_plan *left = cases[at].make(&self, scan);
        const cni_plan *right = below_ten(&self, scan_of(&self, 10.0), 1);
        const cni_plan *plan = join(&self, CNI_JOIN_SEMI, left, 0, right, 0);
        if (cases[at].make == with_one_reader) {
            OK(&self, cni_plan_with(&self.builder, left->cte_id, scan, plan, cni_str_of("w"), &plan,
                                    &self.err));
        }
        assert_int_equal(count_listening(plan_it(&self, plan)), cases[at].n_listening);
        end(&self);
    }
}

/* Outer sides and anti joins keep rows without a partner; a whole table excludes nothing. */
static void
test_no_filters(void **state)
{
    (void)state;
    planning self;
    begin(&self);
    static const cni_join_kind kinds[] = {CNI_JOIN_LEFT, CNI_JOIN_FULL, CNI_JOIN_ANTI,
                                          CNI_JOIN_MARK, CNI_JOIN_SINGLE};
    for (int64_t at = 0; at < CN_ARRAY_LEN(kinds); at++) {
        const cni_plan *right = below_ten(&self, scan_of(&self, 10.0), 1);
        const cni_plan *plan = join(&self, kinds[at], scan_of(&self, 1000.0), 0, right, 0);
        assert_int_equal(plan_it(&self, plan)->n_key_filters, 0);
    }
    const cni_plan *plan =
        join(&self, CNI_JOIN_ANTI, scan_of(&self, 10.0), 0, scan_of(&self, 1000.0), 0);
    cni_plan node = *plan;
    assert_int_equal(plan_it(&self, plan)->n_key_filters, 1); /* the built side is the left one */
    node.null_aware = true; /* x NOT IN (...): a NULL there depends on rows of any key */
    OK(&self, cni_plan_new(&self.builder, &node, &plan, &self.err));
    assert_int_equal(plan_it(&self, plan)->n_key_filters, 0);
    plan = join(&self, CNI_JOIN_INNER, scan_of(&self, 1000.0), 0, scan_of(&self, 10.0), 0);
    node = *plan;
    node.estimated_rows = 1000.0;
    OK(&self, cni_plan_new(&self.builder, &node, &plan, &self.err));
    assert_int_equal(plan_it(&self, plan)->n_key_filters, 0);
    node.estimated_rows = 100.0;
    OK(&self, cni_plan_new(&self.builder, &node, &plan, &self.err));
    assert_int_equal(plan_it(&self, plan)->n_key_filters, 1);
    end(&self);
}

static void
test_text(void **state)
{
    (void)state;
    planning self;
    begin(&self);
    cni_strbuf text;
    cni_strbuf_init(&text, cni_allocator_system(), 1 << 20);
    const cni_plan *right = below_ten(&self, scan_of(&self, 5.0), 1);
    const cni_plan *plan = join(&self, CNI_JOIN_SEMI, scan_of(&self, 1000.0), 0, right, 0);
    const cni_physical_plan *physical = plan_it(&self, project(&self, plan, 1));
    OK(&self, cni_physical_print(physical, &text, &self.err));
    assert_string_equal(text.data, "Pipeline 0\n"
                                   "  Scan t columns=3 filters=0 rows~5\n"
                                   "  Filter\n"
                                   "  JoinBuild keys=1 columns=1 filters=0\n"
                                   "Pipeline 1\n"
                                   "  Scan t columns=3 filters=0 key_filters=0 rows~1000\n"
                                   "  JoinProbe ProbeSemi with pipeline 0 keys=1\n"
                                   "  Project\n"
                                   "  Result\n");
    cni_strbuf_done(&text);
    cni_strbuf_init(&text, cni_allocator_system(), 1 << 20);
    OK(&self, cni_physical_print_json(physical, &text, &self.err));
    assert_non_null(strstr(text.data, "\"join\":\"ProbeSemi\""));
    assert_non_null(strstr(text.data, "\"key_filters\":[0]"));
    cni_strbuf_done(&text);
    end(&self);
}

/* Two readers: collected columns are those that somebody reads. */
static void
test_with(void **state)
{
    (void)state;
    planning self;
    begin(&self);
    const cni_plan *definition = scan_of(&self, -1.0);
    const int32_t cte_id = cni_plan_new_cte_id(&self.builder);
    const cni_plan *readers[2] = {NULL};
    const cni_plan *plan = NULL;
    for (int32_t at = 0; at < 2; at++) {
        OK(&self, cni_plan_cte_scan(&self.builder, cte_id, cni_str_of("w"), definition->columns, 3,
                                    &readers[at], &self.err));
        readers[at] = project(&self, readers[at], 2 * at);
    }
    OK(&self, cni_plan_union_all(&self.builder, readers, 2, &plan, &self.err));
    OK(&self,
       cni_plan_with(&self.builder, cte_id, definition, plan, cni_str_of("w"), &plan, &self.err));
    const cni_physical_plan *physical = plan_it(&self, plan);
    assert_int_equal(physical->n_pipelines, 2);
    assert_int_equal(physical->pipelines[0].ops[0].kind, CNI_PHYS_OP_COLLECT);
    assert_int_equal(physical->pipelines[1].n_branches, 2);
    assert_int_equal(physical->pipelines[1].branches[1].kind, CNI_PHYS_SOURCE_PIPELINE);
    assert_int_equal(physical->pipelines[1].branches[1].n_columns, 1);
    assert_int_equal(physical->pipelines[1].branches[1].positions[0], 2);
    end(&self);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inner),
        cmocka_unit_test(test_smaller_side_is_built),
        cmocka_unit_test(test_build_rows),
        cmocka_unit_test(test_conjuncts),
        cmocka_unit_test(test_null_equal_and_mark),
        cmocka_unit_test(test_key_filters),
        cmocka_unit_test(test_filters_pass),
        cmocka_unit_test(test_no_filters),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
