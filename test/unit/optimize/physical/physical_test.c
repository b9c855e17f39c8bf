/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of physical plans: pipelines and where they are cut, which columns travel, positions of
 * sinks, order, what is refused.
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
begin(planning *self, memory_traits traits)
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
    self->table = memory_table_new(100, traits);
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

static const cni_plan *
scan(planning *self)
{
    const cni_plan *plan = NULL;
    OK(self, cni_plan_scan(&self->builder, &self->table->base, cni_str_of("t"), NULL, 0, &plan,
                           &self->err));
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

/* column < 10 */
static const cni_expr *
below_ten(planning *self, const cni_plan *plan, int32_t at)
{
    const cni_value value = {.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = 10};
    const cni_expr *literal = NULL;
    const cni_expr *expr = NULL;
    OK(self, cni_expr_literal(self->arena, &value, &literal, &self->err));
    OK(self,
       cni_expr_compare(self->arena, CNI_LT, column(self, plan, at), literal, &expr, &self->err));
    return expr;
}

static const cni_plan *
filter(planning *self, const cni_plan *child, int32_t at)
{
    const cni_plan *plan = NULL;
    OK(self, cni_plan_filter(&self->builder, child, below_ten(self, child, at), &plan, &self->err));
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

static const cni_plan *
sort(planning *self, const cni_plan *child, const cni_expr *key)
{
    const cni_order order = {key, true, false};
    const cni_plan *plan = NULL;
    OK(self, cni_plan_sort(&self->builder, child, &order, 1, &plan, &self->err));
    return plan;
}

static const cni_physical_plan *
plan_it(planning *self, const cni_plan *plan)
{
    const cni_physical_plan *physical = NULL;
    OK(self, cni_physical_plan_new(self->arena, plan, &self->context, &physical, &self->err));
    return physical;
}

/* A filter passes on only what is named behind it. */
static void
test_filter_drops_columns(void **state)
{
    (void)state;
    planning self;
    begin(&self, (memory_traits){0});
    const cni_physical_plan *plan =
        plan_it(&self, project(&self, filter(&self, scan(&self), 1), 2));
    assert_int_equal(plan->n_pipelines, 1);
    const cni_phys_pipeline *pipeline = &plan->pipelines[0];
    assert_true(pipeline->keep_order);
    assert_int_equal(pipeline->n_ops, 3);
    assert_int_equal(pipeline->ops[0].kind, CNI_PHYS_OP_RESULT);
    assert_int_equal(pipeline->ops[1].kind, CNI_PHYS_OP_PROJECT);
    assert_int_equal(pipeline->ops[2].kind, CNI_PHYS_OP_FILTER);
    assert_int_equal(pipeline->ops[2].n_inputs, 3);
    assert_int_equal(pipeline->ops[2].n_outputs, 1);
    assert_int_equal(pipeline->ops[2].outputs[0], 2);
    assert_int_equal(pipeline->branches[0].first_op, 2);
    end(&self);
}

static void
test_same_columns_cost_no_projection(void **state)
{
    (void)state;
    planning self;
    begin(&self, (memory_traits){0});
    const cni_plan *child = scan(&self);
    const cni_expr *exprs[] = {column(&self, child, 0), column(&self, child, 1),
                               column(&self, child, 2)};
    const cni_str names[] = {cni_str_of("x"), cni_str_of("y"), cni_str_of("z")};
    const cni_plan *plan = NULL;
    OK(&self, cni_plan_project(&self.builder, child, exprs, names, 3, &plan, &self.err));
    assert_int_equal(plan_it(&self, plan)->pipelines[0].n_ops, 1);
    end(&self);
}

static void
test_sort_cuts_pipelines(void **state)
{
    (void)state;
    planning self;
    begin(&self, (memory_traits){0});
    const cni_plan *child = filter(&self, scan(&self), 0);
    const cni_physical_plan *plan = plan_it(&self, sort(&self, child, column(&self, child, 1)));
    assert_int_equal(plan->n_pipelines, 2);
    assert_true(plan->ordered);
    assert_int_equal(plan->pipelines[0].ops[0].kind, CNI_PHYS_OP_SORT);
    assert_int_equal(plan->pipelines[0].ops[0].sort->n_outputs, 3);
    assert_int_equal(plan->pipelines[0].ops[0].sort->orders[0].position, 1);
    assert_int_equal(plan->pipelines[1].branches[0].kind, CNI_PHYS_SOURCE_PIPELINE);
    assert_int_equal(plan->pipelines[1].branches[0].pipeline, 0);
    end(&self);
}

/* A key that is not a column is computed ahead of the sort and does not come out of it. */
static void
test_computed_sort_key(void **state)
{
    (void)state;
    planning self;
    begin(&self, (memory_traits){0});
    const cni_plan *child = scan(&self);
    const cni_physical_plan *plan = plan_it(&self, sort(&self, child, below_ten(&self, child, 0)));
    const cni_phys_pipeline *pipeline = &plan->pipelines[0];
    assert_int_equal(pipeline->n_ops, 2);
    assert_int_equal(pipeline->ops[1].kind, CNI_PHYS_OP_PROJECT);
    assert_int_equal(pipeline->ops[0].sort->n_inputs, 4);
    assert_int_equal(pipeline->ops[0].sort->n_outputs, 3);
    assert_int_equal(pipeline->ops[0].sort->orders[0].position, 3);
    end(&self);
}

static void
test_distinct_is_an_aggregate(void **state)
{
    (void)state;
    planning self;
    const cni_plan *plan = NULL;
    begin(&self, (memory_traits){0});
    OK(&self,
       cni_plan_distinct(&self.builder, project(&self, scan(&self), 1), NULL, 0, &plan, &self.err));
    const cni_physical_plan *physical = plan_it(&self, plan);
    const cni_phys_op *sink = &physical->pipelines[0].ops[0];
    assert_int_equal(sink->kind, CNI_PHYS_OP_AGGREGATE);
    assert_int_equal(sink->aggregate->n_keys, 1);
    assert_int_equal(sink->aggregate->n_calls, 0);
    assert_false(physical->pipelines[0].keep_order);
    assert_false(physical->ordered);
    end(&self);
}

/* Equal key expressions are computed once. */
static void
test_aggregate_inputs_are_shared(void **state)
{
    (void)state;
    planning self;
    const cni_plan *plan = NULL;
    begin(&self, (memory_traits){0});
    const cni_plan *child = scan(&self);
    const cni_expr *keys[] = {below_ten(&self, child, 0), below_ten(&self, child, 0),
                              column(&self, child, 2)};
    OK(&self, cni_plan_aggregate(&self.builder, child, keys, 3, NULL, 0, &plan, &self.err));
    const cni_phys_aggregate *spec = plan_it(&self, plan)->pipelines[0].ops[0].aggregate;
    assert_int_equal(spec->n_inputs, 2);
    assert_int_equal(spec->keys[0], 0);
    assert_int_equal(spec->keys[1], 0);
    assert_int_equal(spec->keys[2], 1);
    end(&self);
}

static void
test_union_is_branches(void **state)
{
    (void)state;
    planning self;
    const cni_plan *inner = NULL;
    const cni_plan *plan = NULL;
    begin(&self, (memory_traits){0});
    const cni_plan *members[3] = {scan(&self), filter(&self, scan(&self), 0), scan(&self)};
    OK(&self, cni_plan_limit(&self.builder, members[0], 5, 0, &members[0], &self.err));
    OK(&self, cni_plan_union_all(&self.builder, members, 3, &inner, &self.err));
    OK(&self, cni_plan_limit(&self.builder, inner, 10, 0, &plan, &self.err));
    const cni_physical_plan *physical = plan_it(&self, plan);
    assert_int_equal(physical->n_pipelines, 1);
    const cni_phys_pipeline *pipeline = &physical->pipelines[0];
    assert_int_equal(pipeline->n_branches, 3);
    assert_int_equal(pipeline->n_ops, 4); /* result, outer limit, inner limit, filter */
    assert_int_equal(pipeline->ops[1].n_branches, 3);
    assert_int_equal(pipeline->ops[2].n_branches, 1);
    assert_int_equal(pipeline->ops[2].first_branch, 0);
    assert_int_equal(pipeline->ops[3].first_branch, 1);
    assert_int_equal(pipeline->branches[2].first_op, 1);
    end(&self);
}

static void
test_text(void **state)
{
    (void)state;
    planning self;
    cni_strbuf text;
    begin(&self, (memory_traits){0});
    cni_strbuf_init(&text, cni_allocator_system(), 1 << 20);
    const cni_plan *child = filter(&self, scan(&self), 0);
    const cni_physical_plan *plan = plan_it(&self, sort(&self, child, column(&self, child, 1)));
    OK(&self, cni_physical_print(plan, &text, &self.err));
    assert_string_equal(text.data, "Pipeline 0 keeps order\n"
                                   "  Scan t columns=3 filters=0\n"
                                   "  Filter\n"
                                   "  Sort keys=1\n"
                                   "Pipeline 1 keeps order\n"
                                   "  Rows of pipeline 0\n"
                                   "  Result\n");
    cni_strbuf_reset(&text);
    OK(&self, cni_physical_print_json(plan, &text, &self.err));
    assert_true(text.len_bytes > 10);
    cni_strbuf_done(&text);
    end(&self);
}

static void
expect_refusal(planning *self, const cni_plan *plan, const char *word)
{
    const cni_physical_plan *physical = NULL;
    assert_int_equal(
        cni_physical_plan_new(self->arena, plan, &self->context, &physical, &self->err),
        CN_NOT_IMPLEMENTED);
    if (strstr(self->err.message, word) == NULL) {
        fail_msg("\"%s\" is not in: %s", word, self->err.message);
    }
}

static void
test_refusals(void **state)
{
    (void)state;
    planning self;
    begin(&self, (memory_traits){0});
    const cni_plan *child = scan(&self);
    const struct {
        cni_plan_kind kind;
        const char *word;
    } kinds[] = {{CNI_PLAN_UNNEST, "UNNEST"}};
    for (size_t at = 0; at < sizeof(kinds) / sizeof(kinds[0]); at++) {
        cni_plan node = *child;
        node.kind = (uint8_t)kinds[at].kind;
        const cni_plan *plan = NULL;
        OK(&self, cni_plan_new(&self.builder, &node, &plan, &self.err));
        expect_refusal(&self, project(&self, plan, 0), kinds[at].word);
    }
    cni_expr subquery = {.kind = CNI_EXPR_SUBQUERY,
                         .type = cni_type_of(CNI_TYPE_BOOL),
                         .subquery_kind = CNI_SUBQUERY_EXISTS,
                         .subquery = child,
                         .sql_offset = 7,
                         .sql_length = 3};
    const cni_expr *expr = NULL;
    const cni_plan *plan = NULL;
    OK(&self, cni_expr_new(self.arena, &subquery, &expr, &self.err));
    OK(&self, cni_plan_filter(&self.builder, child, expr, &plan, &self.err));
    expect_refusal(&self, plan, "subqueries");
    assert_int_equal(self.err.sql_offset, 7);
    end(&self);
}

static void
test_unbounded_sources(void **state)
{
    (void)state;
    planning self;
    begin(&self, (memory_traits){.watermark_every = 3, .unknown_morsels = true});
    const cni_plan *child = scan(&self);
    const cni_plan *plan = NULL;
    assert_true(plan_it(&self, filter(&self, child, 0))->pipelines[0].unbounded);
    expect_refusal(&self, sort(&self, child, column(&self, child, 0)), "Sort");
    OK(&self, cni_plan_distinct(&self.builder, child, NULL, 0, &plan, &self.err));
    expect_refusal(&self, plan, "Aggregate");
    const cni_plan *members[2] = {child, scan(&self)};
    OK(&self, cni_plan_union_all(&self.builder, members, 2, &plan, &self.err));
    expect_refusal(&self, plan, "UNION ALL");
    end(&self);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter_drops_columns),
        cmocka_unit_test(test_same_columns_cost_no_projection),
        cmocka_unit_test(test_sort_cuts_pipelines),
        cmocka_unit_test(test_computed_sort_key),
        cmocka_unit_test(test_distinct_is_an_aggregate),
        cmocka_unit_test(test_aggregate_inputs_are_shared),
        cmocka_unit_test(test_union_is_branches),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_unbounded_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
