/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins, WITH, recursion and REPEAT in the plan language: columns and nullability by kind, text and
 * JSON, correlated places in the validator, shifting, largest ids, the binary form and its
 * mutations.
 */
#include "unit/plan/plan_fixture.h"
#include "unit/plan/plan_table_fixture.h"

static plan_table shared_table; /* the arena of the fixture refers to it until teardown */

typedef struct sides {
    cni_plan_builder builder;
    const cni_plan *left;
    const cni_plan *right;
    const cni_expr *predicate; /* left.orderkey = right.orderkey */
} sides;

static const cni_expr *
column_of(fixture *f, const cni_plan *plan, int32_t column)
{
    return fixture_column(f, plan->columns[column].id, plan->columns[column].type);
}

static const cni_expr *
equal(fixture *f, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *made = NULL;
    assert_cn_ok(f, cni_expr_compare(f->arena, CNI_EQ, a, b, &made, &f->err));
    return made;
}

static void
open_sides(fixture *f, sides *out)
{
    static const int32_t positions[] = {0, 1};
    plan_table_init(&shared_table);
    cni_plan_builder_init(&out->builder, f->arena, 0);
    assert_cn_ok(f, cni_plan_scan(&out->builder, &shared_table.base, CNI_STR("a"), positions, 2,
                                  &out->left, &f->err));
    assert_cn_ok(f, cni_plan_scan(&out->builder, &shared_table.base, CNI_STR("b"), positions, 2,
                                  &out->right, &f->err));
    out->predicate = equal(f, column_of(f, out->left, 0), column_of(f, out->right, 0));
}

static const cni_plan *
join(fixture *f, sides *of, cni_join_kind kind, bool null_aware)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(f, cni_plan_join(&of->builder, kind, of->left, of->right, of->predicate,
                                  null_aware, &plan, &f->err));
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    return plan;
}

static void
test_join_columns(void **state)
{
    static const struct {
        cni_join_kind kind;
        int32_t n_columns;
        bool left_padded;
        bool right_padded;
    } cases[] = {
        {CNI_JOIN_INNER, 4, false, false}, {CNI_JOIN_LEFT, 4, false, true},
        {CNI_JOIN_FULL, 4, true, true},    {CNI_JOIN_SEMI, 2, false, false},
        {CNI_JOIN_ANTI, 2, false, false},  {CNI_JOIN_MARK, 3, false, false},
        {CNI_JOIN_SINGLE, 4, false, true},
    };
    fixture *f = *state;
    sides of;
    open_sides(f, &of);
    const bool nullable = of.left->columns[0].nullable;
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        const cni_plan *plan = join(f, &of, cases[at].kind, false);
        assert_int_equal(plan->n_columns, cases[at].n_columns);
        assert_int_equal(plan->columns[0].id, of.left->columns[0].id);
        assert_true(plan->columns[0].nullable == (nullable || cases[at].left_padded));
        if (plan->n_columns == 4) {
            assert_int_equal(plan->columns[2].id, of.right->columns[0].id);
            assert_true(plan->columns[2].nullable == (nullable || cases[at].right_padded));
        }
        assert_true(plan->estimated_rows < 0 && plan->estimated_cost < 0);
        assert_false(cni_plan_keeps_order(plan));
    }
    assert_false(join(f, &of, CNI_JOIN_MARK, false)->columns[2].nullable);
    assert_true(join(f, &of, CNI_JOIN_MARK, true)->columns[2].nullable);
    const cni_plan *plan = NULL;
    assert_int_equal(
        cni_plan_join(&of.builder, CNI_JOIN_LEFT, of.left, of.right, NULL, true, &plan, &f->err),
        CN_INTERNAL);
    assert_int_equal(cni_plan_join(&of.builder, CNI_JOIN_LEFT, of.left, of.right,
                                   column_of(f, of.left, 0), false, &plan, &f->err),
                     CN_INTERNAL);
}

/* A shared definition, read twice, once repeated. */
static const cni_plan *
sample_with(fixture *f, sides *of)
{
    const cni_plan *scans[2];
    const cni_plan *plan = NULL;
    const int32_t cte_id = cni_plan_new_cte_id(&of->builder);
    const cni_plan *definition = join(f, of, CNI_JOIN_ANTI, true);
    for (int32_t scan = 0; scan < 2; scan++) {
        assert_cn_ok(f, cni_plan_cte_scan(&of->builder, cte_id, CNI_STR("w"), definition->columns,
                                          definition->n_columns, &scans[scan], &f->err));
    }
    assert_cn_ok(
        f, cni_plan_repeat(&of->builder, scans[0], column_of(f, scans[0], 0), &scans[0], &f->err));
    assert_cn_ok(f, cni_plan_join(&of->builder, CNI_JOIN_LEFT, scans[0], scans[1],
                                  equal(f, column_of(f, scans[0], 0), column_of(f, scans[1], 0)),
                                  false, &plan, &f->err));
    assert_cn_ok(
        f, cni_plan_with(&of->builder, cte_id, definition, plan, CNI_STR("w"), &plan, &f->err));
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    return plan;
}

/* 1, then x + 1 while x < 10. */
static const cni_plan *
sample_recursive(fixture *f, cni_plan_builder *builder)
{
    const cni_field field = {.name = CNI_STR("x"), .type = cni_type_of(CNI_TYPE_INT64)};
    const cni_expr *one = fixture_literal(f, "BIGINT 1");
    const cni_plan *base = NULL;
    const cni_plan *step = NULL;
    const cni_plan *plan = NULL;
    const int32_t cte_id = cni_plan_new_cte_id(builder);
    assert_cn_ok(f, cni_plan_values(builder, &field, 1, &one, 1, &base, &f->err));
    cni_column column = base->columns[0];
    column.nullable = true;
    assert_cn_ok(f, cni_plan_cte_scan(builder, cte_id, CNI_STR("r"), &column, 1, &step, &f->err));
    const cni_expr *next = fixture_call(f, "+", column_of(f, step, 0), one);
    assert_cn_ok(f, cni_plan_project(builder, step, &next, &field.name, 1, &step, &f->err));
    assert_cn_ok(
        f, cni_plan_recursive(builder, cte_id, CNI_STR("r"), base, step, true, &plan, &f->err));
    assert_true(plan->columns[0].nullable);
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    return plan;
}

static void
test_text(void **state)
{
    fixture *f = *state;
    sides of;
    open_sides(f, &of);
    assert_string_equal(fixture_plan_text(f, sample_with(f, &of)),
                        "With w\n"
                        "  Join anti null_aware predicate=orderkey#0 = orderkey#2\n"
                        "    Scan a columns=[orderkey, price]\n"
                        "    Scan b columns=[orderkey, price]\n"
                        "  Join left predicate=orderkey#5 = orderkey#7\n"
                        "    Repeat count=orderkey\n"
                        "      CteScan w columns=[orderkey, price]\n"
                        "    CteScan w columns=[orderkey, price]\n");
    assert_string_equal(fixture_plan_text(f, sample_recursive(f, &of.builder)),
                        "Recursive r distinct\n"
                        "  Values [1]\n"
                        "  Project [x + 1 AS x]\n"
                        "    CteScan r columns=[x]\n");
    cni_plan known = *join(f, &of, CNI_JOIN_INNER, false);
    known.predicate = NULL;
    known.estimated_rows = 6;
    known.estimated_cost = 18;
    assert_string_equal(fixture_plan_text(f, &known), "Join cross rows~6 cost~18\n"
                                                      "  Scan a columns=[orderkey, price]\n"
                                                      "  Scan b columns=[orderkey, price]\n");
}

static void
expect_json(fixture *f, const cni_plan *plan, const char *part)
{
    cni_strbuf out;
    cni_strbuf_init(&out, f->allocator, 1 << 20);
    assert_cn_ok(f, cni_plan_print_json(plan, NULL, NULL, &out, &f->err));
    if (strstr(out.data, part) == NULL) {
        fail_msg("%s is not in %s", part, out.data);
    }
    cni_strbuf_done(&out);
}

static void
test_json(void **state)
{
    fixture *f = *state;
    sides of;
    open_sides(f, &of);
    const cni_plan *with = sample_with(f, &of);
    expect_json(f, with, "{\"node\": \"With\", \"name\": \"w\", \"cte_id\": 4, \"columns\"");
    expect_json(f, with,
                "{\"node\": \"Join\", \"join\": \"anti\", \"null_aware\": true, "
                "\"predicate\": \"orderkey#0 = orderkey#2\", \"columns\"");
    expect_json(f, with, "{\"node\": \"Repeat\", \"count\": \"orderkey\"");
    cni_plan known = *with;
    known.estimated_rows = 6;
    known.estimated_cost = 18;
    expect_json(f, &known, "\"estimated_rows\": 6, \"estimated_cost\": 18");
    expect_json(f, sample_recursive(f, &of.builder),
                "{\"node\": \"Recursive\", \"name\": \"r\", \"cte_id\": 9, \"distinct\": true");
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
test_validate_shapes(void **state)
{
    fixture *f = *state;
    sides of;
    open_sides(f, &of);
    cni_plan broken = *join(f, &of, CNI_JOIN_INNER, false);
    const cni_plan *const twins[] = {of.left, of.left};
    broken.children = twins;
    broken.predicate = NULL;
    expect_invalid(f, &broken, "on both sides");
    broken = *join(f, &of, CNI_JOIN_INNER, false);
    broken.join_kind = CNI_JOIN_SEMI;
    expect_invalid(f, &broken, "not the sides'");
    broken.join_kind = CNI_JOIN_KIND_COUNT_;
    expect_invalid(f, &broken, "no kind");
    broken.join_kind = CNI_JOIN_LEFT;
    broken.null_aware = true;
    expect_invalid(f, &broken, "NULLs");
    const cni_plan *with = sample_with(f, &of);
    expect_invalid(f, with->children[1], "not above it");
    broken = *with;
    broken.cte_id = 77;
    expect_invalid(f, &broken, "not above it");
    cni_plan scan = *with->children[1]->children[1];
    const int32_t outside[] = {0, 2};
    const cni_plan *const children[] = {with->children[0], &scan};
    scan.table_columns = outside;
    broken = *with;
    broken.children = children;
    broken.columns = scan.columns;
    broken.n_columns = scan.n_columns;
    expect_invalid(f, &broken, "not the definition's");
}

/* EXISTS (plan) over `child`. */
static const cni_plan *
filter_exists(fixture *f, cni_plan_builder *builder, const cni_plan *child,
              const cni_plan *subquery)
{
    const cni_expr node = {.kind = CNI_EXPR_SUBQUERY,
                           .subquery_kind = CNI_SUBQUERY_EXISTS,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .sql_offset = -1,
                           .subquery = subquery};
    const cni_expr *exists = NULL;
    const cni_plan *plan = NULL;
    assert_cn_ok(f, cni_expr_new(f->arena, &node, &exists, &f->err));
    assert_cn_ok(f, cni_plan_filter(builder, child, exists, &plan, &f->err));
    return plan;
}

static void
test_validate_correlated(void **state)
{
    fixture *f = *state;
    sides of;
    const cni_plan *inner = NULL;
    const cni_plan *plan = NULL;
    open_sides(f, &of);
    assert_cn_ok(f, cni_plan_filter(&of.builder, of.right, of.predicate, &inner, &f->err));
    expect_invalid(f, inner, "#0 is not defined");
    assert_cn_ok(f, cni_plan_validate(filter_exists(f, &of.builder, of.left, inner), &f->err));
    assert_cn_ok(
        f, cni_plan_join(&of.builder, CNI_JOIN_LEFT, of.left, inner, NULL, false, &plan, &f->err));
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    assert_cn_ok(
        f, cni_plan_join(&of.builder, CNI_JOIN_LEFT, inner, of.left, NULL, false, &plan, &f->err));
    expect_invalid(f, plan, "#0 is not defined");
    /* Two levels up: a subquery within a subquery. */
    const cni_field field = {.name = CNI_STR("x"), .type = cni_type_of(CNI_TYPE_INT64)};
    const cni_expr *one = fixture_literal(f, "BIGINT 1");
    assert_cn_ok(f, cni_plan_values(&of.builder, &field, 1, &one, 1, &plan, &f->err));
    plan = filter_exists(f, &of.builder, plan, inner);
    expect_invalid(f, plan, "#0 is not defined");
    assert_cn_ok(f, cni_plan_validate(filter_exists(f, &of.builder, of.left, plan), &f->err));
}

static void
test_shift(void **state)
{
    fixture *f = *state;
    sides of;
    const cni_plan *shifted = NULL;
    open_sides(f, &of);
    const cni_plan *with = sample_with(f, &of);
    assert_int_equal(cni_plan_max_column_id(with), 8);
    assert_cn_ok(f, cni_plan_shift_ids(&of.builder, with, &shifted, &f->err));
    assert_cn_ok(f, cni_plan_validate(shifted, &f->err));
    assert_int_equal(shifted->cte_id, with->cte_id + 9);
    assert_int_equal(shifted->children[1]->children[1]->cte_id, with->cte_id + 9);
    const cni_plan *recursive = sample_recursive(f, &of.builder);
    assert_int_equal(cni_plan_max_column_id(recursive), of.builder.next_column_id - 1);
    assert_cn_ok(f, cni_plan_shift_ids(&of.builder, recursive, &shifted, &f->err));
    assert_cn_ok(f, cni_plan_validate(shifted, &f->err));
    /* A CTE id may be the largest, a MARK's column too; a subquery's ids count. */
    cni_plan lone = *with;
    lone.cte_id = 1000;
    assert_int_equal(cni_plan_max_column_id(&lone), 1000);
    const cni_plan *mark = join(f, &of, CNI_JOIN_MARK, true);
    assert_int_equal(cni_plan_max_column_id(mark), mark->columns[2].id);
    assert_cn_ok(f, cni_plan_shift_ids(&of.builder, mark, &shifted, &f->err));
    assert_int_equal(shifted->columns[2].id, mark->columns[2].id * 2 + 1);
    const cni_plan *exists = filter_exists(f, &of.builder, of.left, shifted);
    assert_int_equal(cni_plan_max_column_id(exists), shifted->columns[2].id);
}

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

/* Both samples, under one join. */
static const cni_plan *
sample_both(fixture *f, sides *of)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(f, cni_plan_join(&of->builder, CNI_JOIN_MARK, sample_with(f, of),
                                  sample_recursive(f, &of->builder), NULL, true, &plan, &f->err));
    return plan;
}

static void
test_round_trip(void **state)
{
    fixture *f = *state;
    sides of;
    const cni_plan *back = NULL;
    open_sides(f, &of);
    const cni_plan *plan = sample_both(f, &of);
    const cni_str bytes = written(f, plan);
    assert_cn_ok(f, read_back(f, f->arena, bytes, &back));
    assert_string_equal(fixture_plan_text(f, back), fixture_plan_text(f, plan));
    assert_true(cni_str_eq(written(f, back), bytes));
    assert_int_equal(back->columns[4].id, plan->columns[4].id);
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
        expect_json(f, plan, "node");
        (void)cni_plan_max_column_id(plan);
    }
    test_free(exact);
    cni_arena_unref(arena);
}

static void
test_hostile(void **state)
{
    fixture *f = *state;
    sides of;
    uint64_t seed = 7;
    open_sides(f, &of);
    const cni_str bytes = written(f, sample_both(f, &of));
    char *mutated = test_malloc((size_t)bytes.len_bytes);
    for (int64_t n_bytes = 0; n_bytes < bytes.len_bytes; n_bytes++) {
        check_hostile(f, bytes.data, n_bytes);
    }
    for (int32_t round = 0; round < 20000; round++) {
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
        TEST(test_join_columns),
        TEST(test_text),
        TEST(test_json),
        TEST(test_validate_shapes),
        TEST(test_validate_correlated),
        TEST(test_shift),
        TEST(test_round_trip),
        TEST(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
