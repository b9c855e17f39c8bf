/* SPDX-License-Identifier: Apache-2.0
 *
 * WINDOW in the plan language: columns, text and JSON, what the validator refuses, shifting, the
 * same node over another child, the binary form and its mutations.
 */
#include "unit/plan/plan_fixture.h"
#include "unit/plan/plan_table_fixture.h"

static plan_table shared_table; /* the arena of the fixture refers to it until teardown */

static const cni_expr *
column_of(fixture *f, const cni_plan *plan, int32_t column)
{
    return fixture_column(f, plan->columns[column].id, plan->columns[column].type);
}

/* A call by name: of the catalogue's window functions, or the aggregate sum. */
static const cni_expr *
call(fixture *f, const char *name, const cni_expr *arg)
{
    const cni_type *type = arg == NULL ? NULL : arg->type;
    const cni_value *literal = NULL;
    const cni_type *wanted = NULL;
    const cni_expr *made = NULL;
    cni_resolve question = {.arena = f->arena,
                            .n_args = arg == NULL ? 0 : 1,
                            .arg_types = &type,
                            .arg_literals = &literal,
                            .out_arg_types = &wanted};
    cni_expr node = {.kind = arg == NULL ? CNI_EXPR_WINDOW : CNI_EXPR_AGGREGATE,
                     .n_args = question.n_args,
                     .args = &arg,
                     .sql_offset = -1};
    assert_cn_ok(f, cni_function_resolve(f->registry, cni_str_of(name),
                                         arg == NULL ? CNI_FUNCTION_WINDOW : CNI_FUNCTION_AGGREGATE,
                                         &question, &node.function, &f->err));
    node.type = question.out_type;
    node.bind_data = question.out_bind_data;
    assert_cn_ok(f, cni_expr_new(f->arena, &node, &made, &f->err));
    return made;
}

/* rank() and sum(price) by two keys, one computed, over a scan. */
static const cni_plan *
sample(fixture *f, cni_plan_builder *builder)
{
    static const int32_t positions[] = {0, 1};
    const cni_plan *plan = NULL;
    plan_table_init(&shared_table);
    cni_plan_builder_init(builder, f->arena, 0);
    assert_cn_ok(
        f, cni_plan_scan(builder, &shared_table.base, CNI_STR("a"), positions, 2, &plan, &f->err));
    const cni_expr *key = column_of(f, plan, 0);
    const cni_expr *partitions[] = {key, fixture_call(f, "+", key, key), fixture_literal(f, "7")};
    const cni_order order = {column_of(f, plan, 1), true, false};
    const cni_expr *functions[] = {call(f, "rank", NULL), call(f, "sum", column_of(f, plan, 1))};
    assert_cn_ok(
        f, cni_plan_window(builder, plan, partitions, 3, &order, 1, functions, 2, &plan, &f->err));
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    return plan;
}

static void
test_columns(void **state)
{
    fixture *f = *state;
    cni_plan_builder builder;
    const cni_plan *plan = sample(f, &builder);
    assert_int_equal(plan->n_columns, 4);
    assert_int_equal(plan->columns[1].id, plan->children[0]->columns[1].id);
    assert_int_equal(plan->columns[2].id, 2);
    assert_false(plan->columns[2].nullable);
    assert_true(plan->columns[3].nullable);
    assert_false(cni_plan_keeps_order(plan));
    assert_int_equal(cni_plan_max_column_id(plan), 3);
}

static const char *
json_of(fixture *f, const cni_plan *plan)
{
    cni_strbuf out;
    cni_str copy;
    cni_strbuf_init(&out, f->allocator, 1 << 20);
    assert_cn_ok(f, cni_plan_print_json(plan, NULL, NULL, &out, &f->err));
    assert_cn_ok(f, cni_arena_str(f->arena, cni_strbuf_view(&out), &copy, &f->err));
    cni_strbuf_done(&out);
    return copy.data;
}

static void
test_text(void **state)
{
    fixture *f = *state;
    cni_plan_builder builder;
    const cni_plan *plan = sample(f, &builder);
    assert_string_equal(
        fixture_plan_text(f, plan),
        "Window partition=[orderkey, orderkey + orderkey, 7] order=[price DESC NULLS "
        "LAST] functions=[rank(), sum(price)]\n"
        "  Scan a columns=[orderkey, price]\n");
    assert_non_null(strstr(json_of(f, plan),
                           "{\"node\": \"Window\", \"partition\": [\"orderkey\", \"orderkey + "
                           "orderkey\", \"7\"], \"order\": [{\"expr\": \"price\", \"descending\": "
                           "true, \"nulls_first\": false}], \"functions\": [\"rank()\", "
                           "\"sum(price)\"], \"columns\""));
}

static void
expect_invalid(fixture *f, const cni_plan *plan, const char *what)
{
    f->err = (cn_error)CN_ERROR_INIT;
    assert_int_equal(cni_plan_validate(plan, &f->err), CN_INTERNAL);
    if (strstr(f->err.message, what) == NULL) {
        fail_msg("expected %s, got %s", what, f->err.message);
    }
}

static void
test_validate(void **state)
{
    fixture *f = *state;
    cni_plan_builder builder;
    const cni_plan *plan = sample(f, &builder);
    cni_plan broken = *plan;
    broken.n_groups = 6;
    expect_invalid(f, &broken, "partition keys");
    broken.n_groups = 2;
    expect_invalid(f, &broken, "not the child's");
    broken = *plan;
    broken.n_exprs = 4;
    expect_invalid(f, &broken, "not the child's");
    const cni_expr *exprs[5];
    memcpy((void *)exprs, (const void *)plan->exprs, sizeof(exprs));
    exprs[0] = plan->exprs[3];
    broken = *plan;
    broken.exprs = exprs;
    expect_invalid(f, &broken, "wrong place");
    exprs[0] = plan->exprs[0];
    exprs[3] = plan->exprs[0];
    expect_invalid(f, &broken, "wrong place");
    exprs[3] = plan->exprs[4];
    expect_invalid(f, &broken, "column's type");
    /* Calls stand in windows only. */
    const cni_plan *project = NULL;
    const cni_str name = CNI_STR("r");
    assert_cn_ok(f, cni_plan_project(&builder, plan, &plan->exprs[3], &name, 1, &project, &f->err));
    expect_invalid(f, project, "a window call");
}

static void
test_other_child(void **state)
{
    fixture *f = *state;
    cni_plan_builder builder;
    const cni_plan *plan = sample(f, &builder);
    const cni_plan *child = plan->children[0];
    const cni_plan *made = NULL;
    const cni_expr *exprs[] = {column_of(f, child, 1), column_of(f, child, 0),
                               fixture_literal(f, "1")};
    const cni_str names[] = {CNI_STR("p"), CNI_STR("o"), CNI_STR("one")};
    assert_cn_ok(f, cni_plan_project(&builder, child, exprs, names, 3, &child, &f->err));
    assert_cn_ok(f, cni_plan_window_over(&builder, plan, child, &made, &f->err));
    assert_cn_ok(f, cni_plan_validate(made, &f->err));
    assert_int_equal(made->n_columns, 5);
    assert_int_equal(made->columns[0].id, child->columns[0].id);
    assert_int_equal(made->columns[3].id, plan->columns[2].id);
    assert_int_equal(made->columns[4].id, plan->columns[3].id);
    assert_cn_ok(f, cni_plan_shift_ids(&builder, made, &plan, &f->err));
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    assert_cn_ok(f, cni_plan_copy(&builder, made, NULL, &plan, &f->err));
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    assert_true(plan->columns[4].id != made->columns[4].id);
}

/* ---- binary form ---- */

static cn_code
read_back(fixture *f, cni_arena *arena, cni_str bytes, const cni_plan **out_plan)
{
    const cni_plan_resolver resolver = {.open_table = plan_table_open,
                                        .functions = f->registry,
                                        .private_data = &shared_table.base};
    f->err = (cn_error)CN_ERROR_INIT;
    return cni_plan_read(arena, &resolver, bytes.data, bytes.len_bytes, out_plan, &f->err);
}

static cni_str
written(fixture *f, const cni_plan *plan)
{
    cni_strbuf out;
    cni_str copy;
    cni_strbuf_init(&out, f->allocator, 1 << 20);
    assert_cn_ok(f, cni_plan_write(plan, &out, &f->err));
    assert_cn_ok(f, cni_arena_str(f->arena, cni_strbuf_view(&out), &copy, &f->err));
    cni_strbuf_done(&out);
    return copy;
}

static void
test_round_trip(void **state)
{
    fixture *f = *state;
    cni_plan_builder builder;
    const cni_plan *back = NULL;
    const cni_plan *plan = sample(f, &builder);
    const cni_str bytes = written(f, plan);
    assert_cn_ok(f, read_back(f, f->arena, bytes, &back));
    assert_string_equal(fixture_plan_text(f, back), fixture_plan_text(f, plan));
    assert_true(cni_str_eq(written(f, back), bytes));
    assert_ptr_equal(back->exprs[3]->function, plan->exprs[3]->function);
}

static void
check_hostile(fixture *f, const char *data, int64_t n_bytes)
{
    cni_arena *arena = NULL;
    const cni_plan *plan = NULL;
    char *exact = test_malloc((size_t)n_bytes + 1); /* a read beyond it is seen */
    memcpy(exact, data, (size_t)n_bytes);
    assert_cn_ok(f, cni_arena_new(f->allocator, "hostile", &arena, &f->err));
    if (read_back(f, arena, (cni_str){exact, n_bytes}, &plan) == CN_OK) {
        assert_cn_ok(f, cni_plan_validate(plan, &f->err));
        (void)fixture_plan_text(f, plan);
        assert_non_null(json_of(f, plan));
    }
    test_free(exact);
    cni_arena_unref(arena);
}

static void
test_hostile(void **state)
{
    fixture *f = *state;
    cni_plan_builder builder;
    uint64_t seed = 11;
    const cni_str bytes = written(f, sample(f, &builder));
    char *mutated = test_malloc((size_t)bytes.len_bytes);
    for (int32_t round = 0; round < 8000; round++) {
        memcpy(mutated, bytes.data, (size_t)bytes.len_bytes);
        for (int32_t change = 0; change < 1 + round % 3; change++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            const uint8_t byte =
                round % 2 == 0 ? (uint8_t)(seed >> 20) : (uint8_t)(seed >> 20) & 31;
            memcpy(mutated + (seed >> 33) % (uint64_t)bytes.len_bytes, &byte, 1);
        }
        check_hostile(f, mutated, bytes.len_bytes);
    }
    test_free(mutated);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_columns),     TEST(test_text),       TEST(test_validate),
        TEST(test_other_child), TEST(test_round_trip), TEST(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
