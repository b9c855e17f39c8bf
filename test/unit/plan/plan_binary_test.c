/* SPDX-License-Identifier: Apache-2.0
 *
 * The binary form: plans round-trip to the same text and the same bytes; truncated, mutated and
 * forged bytes are refused or read as a valid plan, within bounds.
 */
#include "unit/plan/plan_fixture.h"
#include "unit/plan/plan_table_fixture.h"

static cn_code
read_plan(fixture *f, cni_arena *arena, plan_table *table, cni_str bytes, const cni_plan **out_plan)
{
    const cni_plan_resolver resolver = {
        .open_table = plan_table_open, .functions = f->registry, .private_data = &table->base};
    f->err = (cn_error)CN_ERROR_INIT;
    return cni_plan_read(arena, &resolver, bytes.data, bytes.len_bytes, out_plan, &f->err);
}

static cni_str
write_plan(fixture *f, const cni_plan *plan)
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
check_round_trip(fixture *f, plan_table *table, const cni_plan *plan)
{
    const cni_plan *back = NULL;
    const cni_str bytes = write_plan(f, plan);
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    assert_cn_ok(f, read_plan(f, f->arena, table, bytes, &back));
    assert_string_equal(fixture_plan_text(f, back), fixture_plan_text(f, plan));
    assert_true(cni_str_eq(write_plan(f, back), bytes));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        assert_int_equal(back->columns[column].id, plan->columns[column].id);
        assert_true(cni_type_equal(back->columns[column].type, plan->columns[column].type));
    }
}

static const cni_expr *
new_expr(fixture *f, const cni_expr *node)
{
    const cni_expr *made = NULL;
    assert_cn_ok(f, cni_expr_new(f->arena, node, &made, &f->err));
    return made;
}

/* Every kind of expression over the scan's columns. */
static const cni_expr *
sample_predicate(fixture *f, const cni_plan *scan)
{
    const cni_type *boolean = cni_type_of(CNI_TYPE_BOOL);
    const cni_expr *key = fixture_column(f, scan->columns[0].id, scan->columns[0].type);
    const cni_expr *price = fixture_column(f, scan->columns[1].id, scan->columns[1].type);
    const cni_expr *comment = fixture_column(f, scan->columns[2].id, scan->columns[2].type);
    const cni_expr *like = fixture_call(f, "like", comment, fixture_literal(f, "'%special%'"));
    const cni_expr *round = fixture_call(f, "round", price, fixture_literal(f, "1"));
    const cni_expr *cast = NULL;
    assert_cn_ok(f, cni_expr_cast(f->arena, comment, key->type, true, &cast, &f->err));
    const cni_expr *in_args[] = {key, fixture_literal(f, "BIGINT 1"),
                                 fixture_literal(f, "BIGINT NULL")};
    const cni_expr in = {.kind = CNI_EXPR_IN,
                         .negated = true,
                         .type = boolean,
                         .n_args = 3,
                         .args = in_args,
                         .sql_offset = 17,
                         .sql_length = 5};
    const cni_expr *distinct_args[] = {cast, key};
    const cni_expr distinct = {.kind = CNI_EXPR_DISTINCT,
                               .type = boolean,
                               .n_args = 2,
                               .args = distinct_args,
                               .sql_offset = -1};
    const cni_expr null = {.kind = CNI_EXPR_IS_NULL,
                           .negated = true,
                           .type = boolean,
                           .n_args = 1,
                           .args = &comment,
                           .sql_offset = -1};
    const cni_expr *case_args[] = {like, new_expr(f, &null), new_expr(f, &distinct)};
    const cni_expr choice = {
        .kind = CNI_EXPR_CASE, .type = boolean, .n_args = 3, .args = case_args, .sql_offset = -1};
    const cni_expr *args[4];
    assert_cn_ok(f, cni_expr_compare(f->arena, CNI_GE, round, round, &args[0], &f->err));
    assert_cn_ok(f, cni_expr_not(f->arena, like, &args[1], &f->err));
    args[2] = new_expr(f, &in);
    args[3] = new_expr(f, &choice);
    const cni_expr *all = NULL;
    assert_cn_ok(f, cni_expr_junction(f->arena, CNI_EXPR_AND, args, 4, &all, &f->err));
    return all;
}

static const cni_plan *
sample_plan(fixture *f, plan_table *table)
{
    cni_plan_builder builder;
    const cni_plan *scan = NULL;
    const cni_plan *plan = NULL;
    cni_plan_builder_init(&builder, f->arena, 0);
    assert_cn_ok(
        f, cni_plan_scan(&builder, &table->base, CNI_STR("lineitem"), NULL, 0, &scan, &f->err));
    assert_cn_ok(f, cni_plan_filter(&builder, scan, sample_predicate(f, scan), &plan, &f->err));
    const cni_plan *children[] = {plan, plan};
    assert_cn_ok(f, cni_plan_union_all(&builder, children, 2, &plan, &f->err));
    assert_cn_ok(f, cni_plan_distinct(&builder, plan, NULL, 0, &plan, &f->err));
    const cni_order order = {.expr = fixture_column(f, plan->columns[3].id, plan->columns[3].type),
                             .nulls_first = true};
    assert_cn_ok(f, cni_plan_sort(&builder, plan, &order, 1, &plan, &f->err));
    assert_cn_ok(f, cni_plan_limit(&builder, plan, 7, 1, &plan, &f->err));
    return plan;
}

static void
test_round_trip(void **state)
{
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    plan_table_init(&table);
    check_round_trip(f, &table, sample_plan(f, &table));
}

/* A scan with pushed filters over columns of their own. */
static void
test_round_trip_filters(void **state)
{
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    cni_plan_builder builder;
    const cni_plan *scan = NULL;
    const cni_plan *plan = NULL;
    static const int32_t position = 1;
    plan_table_init(&table);
    cni_plan_builder_init(&builder, f->arena, 0);
    assert_cn_ok(
        f, cni_plan_scan(&builder, &table.base, CNI_STR("lineitem"), &position, 1, &scan, &f->err));
    const cni_column filter_column = {50, CNI_STR("shipdate"), cni_type_of(CNI_TYPE_DATE), false};
    static const int32_t filter_position = 3;
    const cni_expr *filter = NULL;
    assert_cn_ok(f, cni_expr_compare(f->arena, CNI_GT, fixture_column(f, 50, filter_column.type),
                                     fixture_literal(f, "DATE 1995-01-01"), &filter, &f->err));
    cni_plan node = *scan;
    node.n_filters = 1;
    node.filters = &filter;
    node.n_filter_columns = 1;
    node.filter_columns = &filter_column;
    node.filter_table_columns = &filter_position;
    node.limit = 100;
    node.estimated_rows = 12345.0;
    assert_cn_ok(f, cni_plan_new(&builder, &node, &plan, &f->err));
    assert_string_equal(fixture_plan_text(f, plan),
                        "Scan lineitem columns=[price] filters=[shipdate > DATE '1995-01-01'] "
                        "limit=100 rows~12345\n");
    check_round_trip(f, &table, plan);
}

/* Literals of every type, nested too, as VALUES. */
static void
test_round_trip_values(void **state)
{
    static const char *const texts[] = {"TRUE",
                                        "TINYINT -128",
                                        "UTINYINT 255",
                                        "BIGINT -9223372036854775808",
                                        "UBIGINT 18446744073709551615",
                                        "HUGEINT -170141183460469231731687303715884105728",
                                        "FLOAT 1.5",
                                        "DOUBLE nan",
                                        "DECIMAL(5,2) -123.45",
                                        "DECIMAL(38,10) -1234567890123456789012345678.0123456789",
                                        "'text'",
                                        "BLOB ab",
                                        "DATE 2024-01-31",
                                        "TIME 12:34:56",
                                        "TIMESTAMPTZ 2024-01-31 12:34:56+00",
                                        "INTERVAL 1 month -2 days",
                                        "NULL",
                                        "VARCHAR NULL"};
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    plan_table_init(&table);
    const int32_t n_columns = (int32_t)(sizeof(texts) / sizeof(texts[0]));
    cni_field fields[20];
    const cni_expr *exprs[20];
    cni_plan_builder builder;
    const cni_plan *plan = NULL;
    cni_plan_builder_init(&builder, f->arena, 0);
    for (int32_t at = 0; at < n_columns; at++) {
        exprs[at] = fixture_literal(f, texts[at]);
        fields[at] = (cni_field){.name = CNI_STR("c"), .type = exprs[at]->type};
    }
    const cni_type *list = NULL;
    assert_cn_ok(f, cni_type_list(f->arena, cni_type_of(CNI_TYPE_INT32), &list, &f->err));
    const cni_value items[] = {{.type = cni_type_of(CNI_TYPE_INT32), .as.i64 = 1},
                               {.type = cni_type_of(CNI_TYPE_INT32), .is_null = true}};
    const cni_value value = {.type = list, .as.nested = {2, items}};
    assert_cn_ok(f, cni_expr_literal(f->arena, &value, &exprs[n_columns], &f->err));
    fields[n_columns] = (cni_field){.name = CNI_STR("l"), .type = list};
    assert_cn_ok(f, cni_plan_values(&builder, fields, n_columns + 1, exprs, 1, &plan, &f->err));
    check_round_trip(f, &table, plan);
}

static void
test_refused(void **state)
{
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    cni_strbuf out;
    const cni_plan *back = NULL;
    plan_table_init(&table);
    const cni_plan *plan = sample_plan(f, &table);
    const cni_str bytes = write_plan(f, plan);
    cni_strbuf_init(&out, f->allocator, 1 << 20);
    table.base.recipe = NULL;
    f->err = (cn_error)CN_ERROR_INIT;
    assert_int_equal(cni_plan_write(plan, &out, &f->err), CN_NOT_IMPLEMENTED);
    assert_non_null(strstr(f->err.message, "lineitem"));
    cni_strbuf_done(&out);
    assert_int_equal(read_plan(f, f->arena, &table, CNI_STR("CNP"), &back), CN_INVALID_DATA);
    assert_int_equal(read_plan(f, f->arena, &table, CNI_STR("XXXX\1"), &back), CN_INVALID_DATA);
    assert_int_equal(read_plan(f, f->arena, &table, CNI_STR("CNPL\7"), &back), CN_NOT_IMPLEMENTED);
    char *longer = test_calloc((size_t)bytes.len_bytes + 1, 1);
    memcpy(longer, bytes.data, (size_t)bytes.len_bytes);
    assert_int_equal(read_plan(f, f->arena, &table, (cni_str){longer, bytes.len_bytes + 1}, &back),
                     CN_INVALID_DATA);
    assert_non_null(strstr(f->err.message, "behind the end"));
    test_free(longer);
}

/* Few bytes that would walk out to more nodes than the limit are refused. */
static void
test_exponential(void **state)
{
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    cni_plan_builder builder;
    const cni_plan *plan = NULL;
    plan_table_init(&table);
    cni_plan_builder_init(&builder, f->arena, 0);
    const cni_field field = {.name = CNI_STR("x"), .type = cni_type_of(CNI_TYPE_INT32)};
    const cni_expr *expr = fixture_literal(f, "1");
    for (int32_t level = 0; level < 20; level++) {
        expr = fixture_call(f, "+", expr, expr);
    }
    assert_cn_ok(f, cni_plan_values(&builder, &field, 1, &expr, 1, &plan, &f->err));
    const cni_str bytes = write_plan(f, plan);
    assert_int_equal(read_plan(f, f->arena, &table, bytes, &plan), CN_INVALID_DATA);
    assert_non_null(strstr(f->err.message, "nodes"));
}

static void
check_hostile(fixture *f, plan_table *table, const uint8_t *bytes, int64_t n_bytes)
{
    cni_arena *arena = NULL;
    const cni_plan *plan = NULL;
    assert_cn_ok(f, cni_arena_new(f->allocator, "hostile", &arena, &f->err));
    /* an exact copy, so that a byte read behind it is seen */
    uint8_t *exact = test_calloc((size_t)n_bytes + 1, 1);
    memcpy(exact, bytes, (size_t)n_bytes);
    const cn_code code = read_plan(f, arena, table, (cni_str){(const char *)exact, n_bytes}, &plan);
    if (code == CN_OK) {
        assert_cn_ok(f, cni_plan_validate(plan, &f->err));
        (void)fixture_plan_text(f, plan);
    } else {
        assert_true(code == CN_INVALID_DATA || code == CN_NOT_FOUND || code == CN_NOT_IMPLEMENTED ||
                    code == CN_LIMIT_EXCEEDED || code == CN_INVALID_ARGUMENT);
        assert_true(f->err.message[0] != '\0');
    }
    test_free(exact);
    cni_arena_unref(arena);
}

static void
test_hostile(void **state)
{
    fixture *f = *state;
    static plan_table table; /* the arena of the fixture refers to it until teardown */
    uint64_t seed = 42;
    plan_table_init(&table);
    const cni_str bytes = write_plan(f, sample_plan(f, &table));
    uint8_t *mutated = test_calloc((size_t)bytes.len_bytes, 1);
    for (int64_t n_bytes = 0; n_bytes < bytes.len_bytes; n_bytes++) {
        check_hostile(f, &table, (const uint8_t *)bytes.data, n_bytes);
    }
    for (int32_t round = 0; round < 20000; round++) {
        memcpy(mutated, bytes.data, (size_t)bytes.len_bytes);
        for (int32_t change = 0; change < 1 + round % 3; change++) {
            seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            mutated[(seed >> 33) % (uint64_t)bytes.len_bytes] = (uint8_t)(seed >> 20);
        }
        check_hostile(f, &table, mutated, bytes.len_bytes);
    }
    test_free(mutated);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip), TEST(test_round_trip_filters), TEST(test_round_trip_values),
        TEST(test_refused),    TEST(test_exponential),        TEST(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
