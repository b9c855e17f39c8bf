/* SPDX-License-Identifier: Apache-2.0
 *
 * Values, expressions and plans: constructors and their limits, text, JSON, equality, rewriting,
 * validation.
 */
#include "unit/plan/plan_fixture.h"
#include "unit/plan/plan_table_fixture.h"

/* ---- values ---- */

static void
test_value_round_trip(void **state)
{
    static const char *const texts[] = {"TRUE",
                                        "TINYINT -128",
                                        "SMALLINT 300",
                                        "INTEGER -5",
                                        "BIGINT 9223372036854775807",
                                        "UTINYINT 255",
                                        "USMALLINT 65535",
                                        "UINTEGER 4294967295",
                                        "UBIGINT 18446744073709551615",
                                        "HUGEINT -170141183460469231731687303715884105728",
                                        "FLOAT 1.5",
                                        "DOUBLE 0.1",
                                        "DECIMAL(5,2) -123.45",
                                        "DECIMAL(38,10) 1234567890123456789012345678.0123456789",
                                        "'text'",
                                        "'a string that is longer than twelve bytes'",
                                        "BLOB ab",
                                        "DATE 2024-01-31",
                                        "TIME 12:34:56",
                                        "TIMESTAMP 2024-01-31 12:34:56.789",
                                        "TIMESTAMPTZ 2024-01-31 12:34:56+00",
                                        "INTERVAL 1 month 2 days 3 seconds",
                                        "NULL",
                                        "BIGINT NULL",
                                        "VARCHAR NULL"};
    fixture *f = *state;
    for (size_t at = 0; at < sizeof(texts) / sizeof(texts[0]); at++) {
        const cni_value *value = fixture_literal(f, texts[at])->literal;
        cni_vector vector;
        cni_value back;
        assert_cn_ok(f, cni_value_to_vector(f->allocator, value, 3, &vector, &f->err));
        assert_cn_ok(f, cni_vector_validate(&vector, &f->err));
        assert_cn_ok(f, cni_value_from_vector(f->arena, &vector, 2, &back, &f->err));
        assert_true(cni_value_equal(value, &back));
        cni_vector_done(&vector);
    }
}

/* A list of structs, as a value, a vector and back. */
static void
test_nested_values(void **state)
{
    fixture *f = *state;
    const cni_field fields[] = {{.name = CNI_STR("a"), .type = cni_type_of(CNI_TYPE_INT32)},
                                {.name = CNI_STR("b"), .type = cni_type_of(CNI_TYPE_VARCHAR)}};
    const cni_type *record = NULL;
    const cni_type *list = NULL;
    cni_vector vector;
    cni_value back;
    assert_cn_ok(f, cni_type_struct(f->arena, fields, 2, &record, &f->err));
    assert_cn_ok(f, cni_type_list(f->arena, record, &list, &f->err));
    const cni_value members[] = {{.type = fields[0].type, .as.i64 = 7},
                                 {.type = fields[1].type, .is_null = true}};
    const cni_value items[] = {{.type = record, .as.nested = {2, members}},
                               {.type = record, .is_null = true}};
    const cni_value value = {.type = list, .as.nested = {2, items}};
    const cni_value empty = {.type = list};
    assert_cn_ok(f, cni_value_to_vector(f->allocator, &value, 2, &vector, &f->err));
    assert_cn_ok(f, cni_vector_validate(&vector, &f->err));
    assert_string_equal(fixture_text(f, &vector, 1), "[{'a': 7, 'b': NULL}, NULL]");
    assert_cn_ok(f, cni_value_from_vector(f->arena, &vector, 1, &back, &f->err));
    assert_true(cni_value_equal(&value, &back));
    assert_false(cni_value_equal(&value, &empty));
    assert_true(cni_value_compare(&value, &empty) > 0);
    cni_vector_done(&vector);
    assert_cn_ok(f, cni_value_to_vector(f->allocator, &empty, 1, &vector, &f->err));
    assert_string_equal(fixture_text(f, &vector, 0), "[]");
    cni_vector_done(&vector);
    const cni_expr *literal = NULL;
    assert_cn_ok(f, cni_expr_literal(f->arena, &value, &literal, &f->err));
    assert_string_equal(fixture_expr_text(f, literal), "[{'a': 7, 'b': NULL}, NULL]");
}

static void
test_value_order(void **state)
{
    fixture *f = *state;
    const cni_value *month = fixture_literal(f, "INTERVAL 1 month")->literal;
    const cni_value *days = fixture_literal(f, "INTERVAL 30 days")->literal;
    const cni_value *nan = fixture_literal(f, "DOUBLE nan")->literal;
    const cni_value *zero = fixture_literal(f, "DOUBLE 0.0")->literal;
    const cni_value *minus_zero = fixture_literal(f, "DOUBLE -0.0")->literal;
    assert_int_equal(cni_value_compare(month, days), 0);
    assert_false(cni_value_equal(month, days));
    assert_true(cni_value_compare(nan, zero) > 0);
    assert_true(cni_value_equal(nan, nan));
    assert_int_equal(cni_value_compare(zero, minus_zero), 0);
    assert_false(cni_value_equal(zero, minus_zero));
}

static void
test_value_text(void **state)
{
    static const char *const cases[][2] = {
        {"DOUBLE 0.5", "0.5e0"},
        {"DOUBLE 1e300", "1e+300"},
        {"DOUBLE nan", "CAST('nan' AS DOUBLE)"},
        {"DECIMAL(5,2) 1.50", "1.50"},
        {"'it''s'", "'it''''s'"},
        {"DATE 1998-12-01", "DATE '1998-12-01'"},
        {"INTERVAL 90 days", "INTERVAL '90 days'"},
        {"TIMESTAMP 2024-01-31 12:00:00", "TIMESTAMP '2024-01-31 12:00:00'"},
        {"BLOB ab", "CAST('\\x61\\x62' AS BLOB)"},
        {"NULL", "NULL"},
    };
    fixture *f = *state;
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        assert_string_equal(fixture_expr_text(f, fixture_literal(f, cases[at][0])), cases[at][1]);
    }
}

/* ---- expressions ---- */

static const cni_expr *
compare(fixture *f, cni_compare_op op, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *made = NULL;
    assert_cn_ok(f, cni_expr_compare(f->arena, op, a, b, &made, &f->err));
    return made;
}

static const cni_expr *
junction(fixture *f, cni_expr_kind kind, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *args[] = {a, b};
    const cni_expr *made = NULL;
    assert_cn_ok(f, cni_expr_junction(f->arena, kind, args, 2, &made, &f->err));
    return made;
}

static void
test_expr_text(void **state)
{
    fixture *f = *state;
    const cni_expr *a = fixture_column(f, 1, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *one = fixture_literal(f, "1");
    const cni_expr *sum = fixture_call(f, "+", a, one);
    const cni_expr *less = compare(f, CNI_LT, a, one);
    const cni_expr *more = compare(f, CNI_GT, sum, one);
    const cni_expr *not_less = NULL;
    assert_string_equal(fixture_expr_text(f, fixture_call(f, "*", sum, a)), "(#1 + 1) * #1");
    assert_string_equal(fixture_expr_text(f, fixture_call(f, "-", sum, sum)), "#1 + 1 - (#1 + 1)");
    const cni_expr *either = junction(f, CNI_EXPR_OR, less, more);
    assert_string_equal(fixture_expr_text(f, junction(f, CNI_EXPR_AND, either, less)),
                        "(#1 < 1 OR #1 + 1 > 1) AND #1 < 1");
    assert_cn_ok(f, cni_expr_not(f->arena, either, &not_less, &f->err));
    assert_string_equal(fixture_expr_text(f, not_less), "NOT (#1 < 1 OR #1 + 1 > 1)");
    const cni_expr *args[] = {less, a, one};
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = a->type, .n_args = 3, .args = args, .sql_offset = -1};
    const cni_expr *choice = NULL;
    assert_cn_ok(f, cni_expr_new(f->arena, &node, &choice, &f->err));
    assert_string_equal(fixture_expr_text(f, choice), "CASE WHEN #1 < 1 THEN #1 ELSE 1 END");
}

static void
test_expr_chains(void **state)
{
    fixture *f = *state;
    const cni_expr *a = fixture_column(f, 1, cni_type_of(CNI_TYPE_BOOL));
    const cni_expr *made = NULL;
    assert_cn_ok(f, cni_expr_junction(f->arena, CNI_EXPR_AND, NULL, 0, &made, &f->err));
    assert_string_equal(fixture_expr_text(f, made), "TRUE");
    assert_cn_ok(f, cni_expr_junction(f->arena, CNI_EXPR_OR, &a, 1, &made, &f->err));
    assert_ptr_equal(made, a);
    const cni_expr *chain = junction(f, CNI_EXPR_AND, a, a);
    for (int32_t link = 0; link < 10; link++) {
        chain = junction(f, CNI_EXPR_AND, chain, a);
    }
    assert_int_equal(chain->n_args, 12);
    assert_int_equal(chain->depth, 2);
}

static void
test_expr_depth_limit(void **state)
{
    fixture *f = *state;
    const cni_expr *expr = fixture_column(f, 1, cni_type_of(CNI_TYPE_BOOL));
    cn_code code = CN_OK;
    int32_t depth = 1;
    while (code == CN_OK && depth < 2 * CNI_EXPR_MAX_DEPTH) {
        code = cni_expr_not(f->arena, expr, &expr, &f->err);
        depth += code == CN_OK ? 1 : 0;
    }
    assert_int_equal(code, CN_LIMIT_EXCEEDED);
    assert_int_equal(depth, CNI_EXPR_MAX_DEPTH);
    assert_non_null(strstr(f->err.message, "400"));
    assert_true(cni_expr_hash(expr) == cni_expr_hash(expr));
    assert_false(cni_expr_may_error(expr));
}

static cn_code
replace_column(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    (void)err;
    *out_expr = expr->kind == CNI_EXPR_COLUMN ? state : expr;
    return CN_OK;
}

static void
test_expr_rewrite(void **state)
{
    fixture *f = *state;
    const cni_expr *a = fixture_column(f, 1, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *b = fixture_column(f, 2, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *one = fixture_literal(f, "1");
    const cni_expr *sum = fixture_call(f, "+", a, one);
    const cni_expr *made = NULL;
    assert_cn_ok(
        f, cni_expr_rewrite(f->arena, sum, replace_column, (void *)(uintptr_t)b, &made, &f->err));
    assert_string_equal(fixture_expr_text(f, made), "#2 + 1");
    assert_string_equal(fixture_expr_text(f, sum), "#1 + 1");
    assert_cn_ok(
        f, cni_expr_rewrite(f->arena, one, replace_column, (void *)(uintptr_t)b, &made, &f->err));
    assert_ptr_equal(made, one);
    assert_true(cni_expr_equal(sum, fixture_call(f, "+", a, fixture_literal(f, "1"))));
    assert_true(cni_expr_hash(sum) ==
                cni_expr_hash(fixture_call(f, "+", a, fixture_literal(f, "1"))));
    assert_false(cni_expr_equal(sum, fixture_call(f, "+", b, one)));
}

static void
test_expr_properties(void **state)
{
    fixture *f = *state;
    const cni_expr *a = fixture_column(f, 1, cni_type_of(CNI_TYPE_INT32));
    const cni_expr *one = fixture_literal(f, "1");
    const cni_expr *random = NULL;
    const cni_expr *text = NULL;
    assert_cn_ok(f, fixture_try_call(f, "random", NULL, 0, true, &random));
    assert_cn_ok(f,
                 cni_expr_cast(f->arena, a, cni_type_of(CNI_TYPE_VARCHAR), false, &text, &f->err));
    assert_true(cni_expr_is_constant(fixture_call(f, "+", one, one)));
    assert_false(cni_expr_is_constant(fixture_call(f, "+", a, one)));
    assert_false(cni_expr_is_constant(random));
    assert_true(cni_expr_is_volatile(random));
    assert_true(cni_expr_may_error(fixture_call(f, "/", a, one)));
    assert_false(cni_expr_may_error(compare(f, CNI_EQ, a, one)));
    assert_false(cni_expr_may_error(text));
    assert_false(cni_expr_has_aggregate(a));
    assert_true(cni_expr_cost(text) > cni_expr_cost(a));
}

/* ---- types ---- */

static void
test_common_types(void **state)
{
    static const char *const cases[][3] = {
        {"INTEGER 1", "BIGINT 1", "BIGINT"},
        {"UTINYINT 1", "TINYINT 1", "SMALLINT"},
        {"UINTEGER 1", "INTEGER 1", "BIGINT"},
        {"UBIGINT 1", "BIGINT 1", "HUGEINT"},
        {"INTEGER 1", "DECIMAL(5,2) 1", "DECIMAL(12,2)"},
        {"DECIMAL(38,0) 1", "DECIMAL(10,5) 1", "DECIMAL(38,5)"},
        {"FLOAT 1", "SMALLINT 1", "FLOAT"},
        {"FLOAT 1", "INTEGER 1", "DOUBLE"},
        {"DECIMAL(5,2) 1", "FLOAT 1", "DOUBLE"},
        {"DATE 2024-01-01", "TIMESTAMP 2024-01-01 00:00:00", "TIMESTAMP"},
        {"NULL", "INTEGER 1", "INTEGER"},
        {"VARCHAR a", "INTEGER 1", NULL},
    };
    fixture *f = *state;
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        const cni_type *a = fixture_literal(f, cases[at][0])->type;
        const cni_type *b = fixture_literal(f, cases[at][1])->type;
        for (int32_t swapped = 0; swapped < 2; swapped++) {
            const cni_type *common = NULL;
            cni_str name;
            assert_cn_ok(
                f, cni_common_type(f->arena, swapped ? b : a, swapped ? a : b, &common, &f->err));
            if (cases[at][2] == NULL) {
                assert_null(common);
                continue;
            }
            assert_cn_ok(f, cni_type_name(f->arena, common, &name, &f->err));
            assert_string_equal(name.data, cases[at][2]);
        }
    }
}

static void
test_implicit_casts(void **state)
{
    fixture *f = *state;
    const cni_type *integer = cni_type_of(CNI_TYPE_INT32);
    const cni_type *bigint = cni_type_of(CNI_TYPE_INT64);
    const cni_type *text = cni_type_of(CNI_TYPE_VARCHAR);
    const cni_type *date = cni_type_of(CNI_TYPE_DATE);
    (void)f;
    assert_int_equal(cni_implicit_cast_cost(integer, integer, false), 0);
    assert_true(cni_implicit_cast_cost(integer, bigint, false) > 0);
    assert_true(cni_implicit_cast_cost(integer, bigint, false) <
                cni_implicit_cast_cost(integer, cni_type_of(CNI_TYPE_FLOAT64), false));
    assert_int_equal(cni_implicit_cast_cost(bigint, integer, false), -1);
    assert_int_equal(cni_implicit_cast_cost(text, date, false), -1);
    assert_true(cni_implicit_cast_cost(text, date, true) > 0);
    assert_int_equal(cni_implicit_cast_cost(integer, text, false), -1);
    assert_true(cni_implicit_cast_cost(date, cni_type_timestamptz(), false) >
                cni_implicit_cast_cost(date, cni_type_of(CNI_TYPE_TIMESTAMP), false));
    assert_int_equal(cni_implicit_cast_cost(bigint, cni_type_decimal(10, 0), false), -1);
    assert_true(cni_implicit_cast_cost(bigint, cni_type_decimal(21, 2), false) > 0);
}

/* ---- plans ---- */

/* Limit(Sort(Project(Filter(Scan)))). */
static const cni_plan *
sample_plan(fixture *f, plan_table *table)
{
    static const int32_t positions[] = {0, 1, 3};
    cni_plan_builder builder;
    const cni_plan *plan = NULL;
    cni_plan_builder_init(&builder, f->arena, 10);
    assert_cn_ok(f, cni_plan_scan(&builder, &table->base, CNI_STR("lineitem"), positions, 3, &plan,
                                  &f->err));
    const cni_expr *key = fixture_column(f, 10, plan->columns[0].type);
    const cni_expr *price = fixture_column(f, 11, plan->columns[1].type);
    const cni_expr *day = fixture_column(f, 12, plan->columns[2].type);
    assert_cn_ok(f, cni_plan_filter(&builder, plan,
                                    compare(f, CNI_LE, day, fixture_literal(f, "DATE 1998-09-02")),
                                    &plan, &f->err));
    const cni_expr *exprs[] = {key, fixture_call(f, "*", price, fixture_literal(f, "2"))};
    const cni_str names[] = {CNI_STR("orderkey"), CNI_STR("double")};
    assert_cn_ok(f, cni_plan_project(&builder, plan, exprs, names, 2, &plan, &f->err));
    const cni_order order = {.expr = key, .descending = true, .nulls_first = true};
    assert_cn_ok(f, cni_plan_sort(&builder, plan, &order, 1, &plan, &f->err));
    assert_cn_ok(f, cni_plan_limit(&builder, plan, 10, 5, &plan, &f->err));
    return plan;
}

static void
test_plan_text(void **state)
{
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    plan_table_init(&table);
    const cni_plan *plan = sample_plan(f, &table);
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    assert_string_equal(fixture_plan_text(f, plan),
                        "Limit limit=10 offset=5\n"
                        "  Sort [orderkey DESC]\n"
                        "    Project [orderkey, price * CAST(2 AS DECIMAL(1,0)) AS double]\n"
                        "      Filter shipdate <= DATE '1998-09-02'\n"
                        "        Scan lineitem columns=[orderkey, price, shipdate]\n");
    assert_int_equal(plan->columns[0].id, 10);
    assert_int_equal(cni_plan_max_column_id(plan), 13);
    assert_true(cni_plan_keeps_order(plan));
    assert_null(cni_plan_find_column(plan, 12));
    assert_int_equal(table.base.n_refs, 2);
}

static void
test_plan_json(void **state)
{
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    cni_strbuf out;
    plan_table_init(&table);
    cni_strbuf_init(&out, f->allocator, 1 << 20);
    const cni_plan *plan = sample_plan(f, &table);
    assert_cn_ok(f, cni_plan_print_json(plan->children[0]->children[0]->children[0], NULL, NULL,
                                        &out, &f->err));
    assert_non_null(strstr(out.data,
                           "{\"node\": \"Filter\", \"predicate\": "
                           "\"shipdate <= DATE '1998-09-02'\", \"columns\": [{\"id\": 10"));
    assert_non_null(
        strstr(out.data, "\"children\": [{\"node\": \"Scan\", \"table\": \"lineitem\""));
    cni_strbuf_done(&out);
}

static void
test_plan_constructors(void **state)
{
    fixture *f = *state;
    cni_plan_builder builder;
    const cni_plan *values = NULL;
    const cni_plan *plan = NULL;
    cni_plan_builder_init(&builder, f->arena, 0);
    const cni_field field = {.name = CNI_STR("x"), .type = cni_type_of(CNI_TYPE_INT32)};
    const cni_expr *rows[] = {fixture_literal(f, "1"), fixture_literal(f, "2")};
    assert_cn_ok(f, cni_plan_values(&builder, &field, 1, rows, 2, &values, &f->err));
    assert_false(values->columns[0].nullable);
    const cni_plan *children[] = {values, values};
    assert_cn_ok(f, cni_plan_union_all(&builder, children, 2, &plan, &f->err));
    assert_true(plan->columns[0].id != values->columns[0].id);
    assert_cn_ok(f, cni_plan_distinct(&builder, plan, NULL, 0, &plan, &f->err));
    assert_false(cni_plan_keeps_order(plan));
    const cni_expr *column = fixture_column(f, plan->columns[0].id, field.type);
    const cni_expr *twice[] = {column, column};
    const cni_str names[] = {CNI_STR("a"), CNI_STR("b")};
    assert_cn_ok(f, cni_plan_project(&builder, plan, twice, names, 2, &plan, &f->err));
    assert_true(plan->columns[0].id != plan->columns[1].id);
    assert_cn_ok(f, cni_plan_aggregate(&builder, plan, &column, 1, NULL, 0, &plan, &f->err));
    assert_int_equal(plan->columns[0].id, column->column_id);
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    assert_int_equal(cni_plan_filter(&builder, plan, column, &plan, &f->err), CN_INTERNAL);
    assert_int_equal(cni_plan_limit(&builder, plan, -2, 0, &plan, &f->err), CN_INTERNAL);
    const cni_plan *same = NULL;
    assert_cn_ok(f, cni_plan_with_children(&builder, plan, plan->children, &same, &f->err));
    assert_ptr_equal(same, plan);
}

static void
test_plan_depth_limit(void **state)
{
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    plan_table_init(&table);
    cni_plan_builder builder;
    const cni_plan *plan = NULL;
    cn_code code = CN_OK;
    int32_t depth = 1;
    cni_plan_builder_init(&builder, f->arena, 0);
    assert_cn_ok(f, cni_plan_scan(&builder, &table.base, CNI_STR("t"), NULL, 0, &plan, &f->err));
    while (code == CN_OK && depth < 2 * CNI_PLAN_MAX_DEPTH) {
        code = cni_plan_limit(&builder, plan, 1, 0, &plan, &f->err);
        depth += code == CN_OK ? 1 : 0;
    }
    assert_int_equal(code, CN_LIMIT_EXCEEDED);
    assert_int_equal(depth, CNI_PLAN_MAX_DEPTH);
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
test_plan_validate(void **state)
{
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    plan_table_init(&table);
    const cni_plan *limit = sample_plan(f, &table);
    const cni_plan *filter = limit->children[0]->children[0]->children[0];
    const cni_plan *scan = filter->children[0];
    cni_plan broken = *filter;
    broken.predicate = compare(f, CNI_EQ, fixture_column(f, 99, cni_type_of(CNI_TYPE_INT32)),
                               fixture_literal(f, "1"));
    expect_invalid(f, &broken, "#99 is not defined below Filter");
    broken.predicate = compare(f, CNI_EQ, fixture_column(f, 10, cni_type_of(CNI_TYPE_INT32)),
                               fixture_literal(f, "1"));
    expect_invalid(f, &broken, "another type");
    broken.predicate = compare(f, CNI_EQ, fixture_column(f, 10, cni_type_of(CNI_TYPE_INT64)),
                               fixture_literal(f, "1"));
    expect_invalid(f, &broken, "comparison of different types");
    broken = *filter;
    broken.columns = limit->columns;
    broken.n_columns = 2;
    expect_invalid(f, &broken, "columns that are not the child's");
    cni_column columns[3] = {scan->columns[0], scan->columns[0], scan->columns[2]};
    broken = *scan;
    broken.columns = columns;
    expect_invalid(f, &broken, "a column id twice");
    columns[1] = scan->columns[1];
    columns[1].type = cni_type_of(CNI_TYPE_BOOL);
    expect_invalid(f, &broken, "not the table's");
    broken = *limit;
    broken.kind = CNI_PLAN_KIND_COUNT_;
    expect_invalid(f, &broken, "no kind");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_value_round_trip), TEST(test_nested_values),     TEST(test_value_order),
        TEST(test_value_text),       TEST(test_expr_text),         TEST(test_expr_chains),
        TEST(test_expr_depth_limit), TEST(test_expr_rewrite),      TEST(test_expr_properties),
        TEST(test_common_types),     TEST(test_implicit_casts),    TEST(test_plan_text),
        TEST(test_plan_json),        TEST(test_plan_constructors), TEST(test_plan_depth_limit),
        TEST(test_plan_validate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
