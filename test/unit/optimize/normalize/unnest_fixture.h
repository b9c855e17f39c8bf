/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans made by hand for tests of normalization, in a few letters: tables t(a, b, c) and u(x, y, z)
 * of nullable BIGINTs with fixed column ids, small expressions, and the normalized plan as text.
 */
#ifndef CN_TEST_UNNEST_FIXTURE_H
#define CN_TEST_UNNEST_FIXTURE_H

#include "optimize/normalize/normalize.h"
#include "unit/plan/plan_fixture.h"
#include "unit/plan/plan_table_fixture.h"

enum {
    A = 0,
    B = 1,
    C = 2,
    X = 3,
    Y = 4,
    Z = 5,
    FIRST_FREE = 10
};

typedef struct unnest_fixture {
    fixture *f;
    plan_table tables[2];
    cni_rule_env env;
    const cni_plan *t;
    const cni_plan *u;
} unnest_fixture;

static unnest_fixture un; /* one test at a time; the arena of the fixture refers to its tables */

static inline void
un_open(void **state)
{
    static const char *const names[] = {"t", "u"};
    static const char *const columns[] = {"a", "b", "c", "x", "y", "z"};
    un = (unnest_fixture){.f = *state};
    un.env = (cni_rule_env){.arena = un.f->arena, .context = &un.f->context};
    cni_plan_builder_init(&un.env.builder, un.f->arena, 0);
    for (int32_t table = 0; table < 2; table++) {
        plan_table *self = &un.tables[table];
        plan_table_init(self);
        for (int32_t column = 0; column < 3; column++) {
            self->fields[column] = (cni_field){.name = cni_str_of(columns[table * 3 + column]),
                                               .type = cni_type_of(CNI_TYPE_INT64),
                                               .nullable = true};
        }
        self->schema.n_fields = 3;
        assert_cn_ok(un.f, cni_plan_scan(&un.env.builder, &self->base, cni_str_of(names[table]),
                                         NULL, 0, table == 0 ? &un.t : &un.u, &un.f->err));
    }
    un.env.builder.next_column_id = FIRST_FREE;
}

/* ---- expressions ---- */

static inline const cni_expr *
col(int32_t id)
{
    return fixture_column(un.f, id, cni_type_of(CNI_TYPE_INT64));
}

static inline const cni_expr *
num(int64_t value)
{
    const cni_value literal = {.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = value};
    const cni_expr *expr = NULL;
    assert_cn_ok(un.f, cni_expr_literal(un.f->arena, &literal, &expr, &un.f->err));
    return expr;
}

static inline const cni_expr *
cmp(const cni_expr *a, cni_compare_op op, const cni_expr *b)
{
    const cni_expr *expr = NULL;
    assert_cn_ok(un.f, cni_expr_compare(un.f->arena, op, a, b, &expr, &un.f->err));
    return expr;
}

static inline const cni_expr *
eq(int32_t a, int32_t b)
{
    return cmp(col(a), CNI_EQ, col(b));
}

static inline const cni_expr *
junction_of(cni_expr_kind kind, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *const args[] = {a, b};
    const cni_expr *expr = NULL;
    assert_cn_ok(un.f, cni_expr_junction(un.f->arena, kind, args, 2, &expr, &un.f->err));
    return expr;
}

static inline const cni_expr *
both(const cni_expr *a, const cni_expr *b)
{
    return junction_of(CNI_EXPR_AND, a, b);
}

static inline const cni_expr *
either(const cni_expr *a, const cni_expr *b)
{
    return junction_of(CNI_EXPR_OR, a, b);
}

static inline const cni_expr *
not_of(const cni_expr *a)
{
    const cni_expr *expr = NULL;
    assert_cn_ok(un.f, cni_expr_not(un.f->arena, a, &expr, &un.f->err));
    return expr;
}

/* args may be NULL. */
static inline const cni_expr *
subquery(cni_subquery_kind kind, cni_compare_op op, const cni_expr *arg, const cni_plan *plan)
{
    const cni_type *type =
        kind == CNI_SUBQUERY_SCALAR ? plan->columns[0].type : cni_type_of(CNI_TYPE_BOOL);
    const cni_expr node = {.kind = CNI_EXPR_SUBQUERY,
                           .op = (uint8_t)op,
                           .subquery_kind = (uint8_t)kind,
                           .type = type,
                           .n_args = arg == NULL ? 0 : 1,
                           .args = &arg,
                           .sql_offset = -1,
                           .subquery = plan};
    const cni_expr *expr = NULL;
    assert_cn_ok(un.f, cni_expr_new(un.f->arena, &node, &expr, &un.f->err));
    return expr;
}

static inline const cni_expr *
exists(const cni_plan *plan)
{
    return subquery(CNI_SUBQUERY_EXISTS, CNI_EQ, NULL, plan);
}

static inline const cni_expr *
in(const cni_expr *arg, const cni_plan *plan)
{
    return subquery(CNI_SUBQUERY_IN, CNI_EQ, arg, plan);
}

static inline const cni_expr *
scalar(const cni_plan *plan)
{
    return subquery(CNI_SUBQUERY_SCALAR, CNI_EQ, NULL, plan);
}

/* arg NULL = count(*). */
static inline const cni_expr *
call(const char *name, const cni_expr *arg)
{
    const cni_type *type = arg == NULL ? NULL : arg->type;
    const cni_type *wanted = type;
    const cni_value *literal = NULL;
    cni_resolve question = {.arena = un.f->arena,
                            .n_args = arg == NULL ? 0 : 1,
                            .arg_types = &type,
                            .arg_literals = &literal,
                            .out_arg_types = &wanted};
    const cni_function *function = NULL;
    assert_cn_ok(un.f,
                 cni_function_resolve(un.f->registry, cni_str_of(name), CNI_FUNCTION_AGGREGATE,
                                      &question, &function, &un.f->err));
    const cni_expr node = {.kind = CNI_EXPR_AGGREGATE,
                           .type = question.out_type,
                           .n_args = question.n_args,
                           .args = &arg,
                           .sql_offset = -1,
                           .function = function,
                           .bind_data = question.out_bind_data};
    const cni_expr *expr = NULL;
    assert_cn_ok(un.f, cni_expr_new(un.f->arena, &node, &expr, &un.f->err));
    return expr;
}

/* ---- nodes ---- */

static inline const cni_plan *
where(const cni_plan *child, const cni_expr *predicate)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(un.f, cni_plan_filter(&un.env.builder, child, predicate, &plan, &un.f->err));
    return plan;
}

static inline const cni_plan *
select1(const cni_plan *child, const cni_expr *expr, const char *name)
{
    const cni_str text = cni_str_of(name);
    const cni_plan *plan = NULL;
    assert_cn_ok(un.f,
                 cni_plan_project(&un.env.builder, child, &expr, &text, 1, &plan, &un.f->err));
    return plan;
}

static inline const cni_plan *
aggregate(const cni_plan *child, const cni_expr *group, const cni_expr *call_expr)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(un.f, cni_plan_aggregate(&un.env.builder, child, &group, group == NULL ? 0 : 1,
                                          &call_expr, 1, &plan, &un.f->err));
    return plan;
}

static inline const cni_plan *
join_of(cni_join_kind kind, const cni_plan *left, const cni_plan *right, const cni_expr *on)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(un.f,
                 cni_plan_join(&un.env.builder, kind, left, right, on, false, &plan, &un.f->err));
    return plan;
}

static inline const cni_plan *
limit_of(const cni_plan *child, int64_t limit, int64_t offset)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(un.f, cni_plan_limit(&un.env.builder, child, limit, offset, &plan, &un.f->err));
    return plan;
}

static inline const cni_plan *
sort_of(const cni_plan *child, const cni_expr *by)
{
    const cni_order order = {.expr = by};
    const cni_plan *plan = NULL;
    assert_cn_ok(un.f, cni_plan_sort(&un.env.builder, child, &order, 1, &plan, &un.f->err));
    return plan;
}

static inline const cni_plan *
distinct_of(const cni_plan *child)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(un.f, cni_plan_distinct(&un.env.builder, child, NULL, 0, &plan, &un.f->err));
    return plan;
}

static inline const cni_plan *
union_of(const cni_plan *a, const cni_plan *b)
{
    const cni_plan *const children[] = {a, b};
    const cni_plan *plan = NULL;
    assert_cn_ok(un.f, cni_plan_union_all(&un.env.builder, children, 2, &plan, &un.f->err));
    return plan;
}

/* A second copy of table u, with ids of its own in `ids`. */
static inline const cni_plan *
another_u(int32_t *ids)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(un.f, cni_plan_scan(&un.env.builder, &un.tables[1].base, CNI_STR("u2"), NULL, 0,
                                     &plan, &un.f->err));
    for (int32_t column = 0; column < 3; column++) {
        ids[column] = plan->columns[column].id;
    }
    return plan;
}

static inline int32_t
id_of(const cni_plan *plan, int32_t column)
{
    return plan->columns[column].id;
}

/* ---- results ---- */

static inline const cni_plan *
normalized(const cni_plan *plan)
{
    const cni_plan *made = NULL;
    const int32_t largest = cni_plan_max_column_id(plan);
    if (un.env.builder.next_column_id <= largest) {
        un.env.builder.next_column_id = largest + 1;
    }
    assert_cn_ok(un.f, cni_plan_validate(plan, &un.f->err));
    assert_cn_ok(un.f, cni_normalize(&un.env, plan, &made, &un.f->err));
    if (cni_plan_validate(made, &un.f->err) != CN_OK) {
        fail_msg("%s in\n%s", un.f->err.message, fixture_plan_text(un.f, made));
    }
    assert_int_equal(made->n_columns, plan->n_columns);
    for (int32_t column = 0; column < plan->n_columns; column++) {
        assert_int_equal(made->columns[column].id, plan->columns[column].id);
    }
    return made;
}

static inline void
expect_plan(const cni_plan *plan, const char *text)
{
    assert_string_equal(fixture_plan_text(un.f, normalized(plan)), text);
}

#define UNNEST_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

#endif /* CN_TEST_UNNEST_FIXTURE_H */
