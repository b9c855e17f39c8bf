/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys and dependencies: what each kind of node proves, and what it must not.
 */
#include "../rule/rule_fixture.h"

static int32_t
id_of(rule_fixture *r, const cni_plan *plan, const char *name)
{
    return col(r, plan, name)->column_id;
}

static bool
unique(rule_fixture *r, const cni_plan *plan, int32_t a, int32_t b)
{
    const int32_t ids[] = {a, b};
    return cni_plan_is_unique_on_proved(&r->env, plan, ids, b < 0 ? 1 : 2);
}

static void
test_scans(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const int32_t id = id_of(r, t, "id");
    const int32_t a = id_of(r, t, "a");
    assert_true(unique(r, t, id, -1));
    assert_true(unique(r, t, a, id));
    assert_false(unique(r, t, a, -1));
    /* not without a look at the rows */
    assert_false(cni_plan_is_unique_on(t, &id, 1));
    assert_true(cni_plan_determines_proved(&r->env, t, &id, 1, a));
    assert_false(cni_plan_determines_proved(&r->env, t, &a, 1, id));
}

static void
test_filters(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const int32_t a = id_of(r, t, "a");
    const int32_t b = id_of(r, t, "b");
    const cni_plan *constant = filter_of(r, t, eq(r, col(r, t, "a"), num(r, 1)));
    const cni_plan *equal = filter_of(r, t, eq(r, col(r, t, "a"), col(r, t, "b")));
    const cni_plan *one = filter_of(r, t, eq(r, col(r, t, "id"), num(r, 1)));
    assert_true(cni_plan_determines(constant, NULL, 0, a));
    assert_false(cni_plan_determines(constant, NULL, 0, b));
    assert_true(cni_plan_determines(equal, &a, 1, b));
    assert_true(cni_plan_is_unique_on_proved(&r->env, one, NULL, 0));
    assert_false(cni_plan_at_most_one_row(one));
}

static void
test_joins(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *reference = eq(r, col(r, t, "a"), col(r, u, "id"));
    const cni_expr *many = eq(r, col(r, t, "a"), col(r, u, "a"));
    const int32_t t_id = id_of(r, t, "id");
    const int32_t u_id = id_of(r, u, "id");
    const int32_t u_b = id_of(r, u, "b");
    const cni_plan *inner = join_of(r, CNI_JOIN_INNER, t, u, reference);
    const cni_plan *left = join_of(r, CNI_JOIN_LEFT, t, u, reference);
    const cni_plan *fans = join_of(r, CNI_JOIN_LEFT, t, u, many);
    assert_true(unique(r, inner, t_id, -1));
    assert_true(unique(r, left, t_id, -1));
    assert_false(unique(r, inner, u_id, -1));
    assert_false(unique(r, fans, t_id, -1));
    assert_true(unique(r, fans, t_id, u_id));
    assert_true(cni_plan_determines_proved(&r->env, left, &t_id, 1, u_b));
    /* u.id NULL may be padding of any t: says nothing of u.b, let alone of t */
    assert_false(cni_plan_determines_proved(&r->env, left, &u_id, 1, t_id));
    assert_false(cni_plan_determines_proved(&r->env, left, &u_id, 1, u_b));
    assert_false(unique(r, join_of(r, CNI_JOIN_FULL, t, u, reference), t_id, -1));
    assert_true(unique(r, join_of(r, CNI_JOIN_SINGLE, t, u, many), t_id, -1));
    assert_true(unique(r, join_of(r, CNI_JOIN_ANTI, t, u, many), t_id, -1));
    const cni_plan *mark = join_of(r, CNI_JOIN_MARK, t, u, many);
    assert_true(cni_plan_determines_proved(&r->env, mark, &t_id, 1, id_of(r, mark, "mark")));
}

static void
test_groups(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *groups[] = {col(r, t, "a"), col(r, t, "b")};
    const cni_expr *calls[] = {agg(r, "count", NULL)};
    const cni_plan *grouped = aggregate_of(r, t, groups, 2, calls, 1);
    const cni_plan *global = aggregate_of(r, t, NULL, 0, calls, 1);
    const int32_t a = grouped->columns[0].id;
    const int32_t b = grouped->columns[1].id;
    assert_true(unique(r, grouped, a, b));
    assert_false(unique(r, grouped, a, -1));
    const cni_plan *fixed = filter_of(r, grouped, eq(r, col_at(r, grouped, 1), num(r, 3)));
    assert_true(unique(r, fixed, a, -1));
    assert_true(cni_plan_at_most_one_row(global));
    assert_true(cni_plan_exactly_one_row(global));
    assert_false(
        cni_plan_exactly_one_row(filter_of(r, global, eq(r, col_at(r, global, 0), num(r, 1)))));
    assert_true(cni_plan_at_most_one_row(limit_of(r, t, 1)));
    assert_false(cni_plan_at_most_one_row(limit_of(r, t, 2)));
}

/* b + 1 follows from b; -0 and 0 are equal and 1 / x tells them apart. */
static void
test_projections(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *as_double = NULL;
    assert_cn_ok(&r->f, cni_expr_cast(r->f.arena, col(r, t, "b"), cni_type_of(CNI_TYPE_FLOAT64),
                                      false, &as_double, &r->f.err));
    const cni_expr *exprs[] = {col(r, t, "b"), fixture_call(&r->f, "+", col(r, t, "b"), num(r, 1)),
                               as_double};
    const cni_plan *project = project_of(r, t, exprs, 3);
    const int32_t b = project->columns[0].id;
    assert_true(cni_plan_determines(project, &b, 1, project->columns[1].id));
    const cni_expr *halves[] = {col_at(r, project, 2),
                                fixture_call(&r->f, "-", col_at(r, project, 2), NULL)};
    const cni_plan *floats = project_of(r, project, halves, 2);
    const int32_t x = floats->columns[0].id;
    assert_false(cni_plan_determines(floats, &x, 1, floats->columns[1].id));
}

static void
test_never_null(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const int32_t t_id = id_of(r, t, "id");
    const int32_t t_a = id_of(r, t, "a");
    const int32_t u_id = id_of(r, u, "id");
    const int32_t u_a = id_of(r, u, "a");
    const cni_expr *key = eq(r, col(r, t, "a"), col(r, u, "a"));
    const cni_plan *inner = join_of(r, CNI_JOIN_INNER, t, u, key);
    const cni_plan *left = join_of(r, CNI_JOIN_LEFT, t, u, key);
    assert_true(cni_plan_column_not_null(t, t_id));
    assert_false(cni_plan_column_not_null(t, t_a));
    assert_true(cni_plan_column_not_null(inner, t_a));
    assert_true(cni_plan_column_not_null(inner, u_a));
    assert_false(cni_plan_column_not_null(left, t_a));
    assert_false(cni_plan_column_not_null(left, u_id));
    assert_true(cni_plan_column_not_null(left, t_id));
    assert_true(
        cni_plan_column_not_null(filter_of(r, t, cmp(r, CNI_GT, col(r, t, "a"), num(r, 1))), t_a));
    assert_false(
        cni_plan_column_not_null(filter_of(r, t, is_null_of(r, col(r, t, "a"), false)), t_a));
    assert_true(cni_expr_never_null(t, cmp(r, CNI_GT, col(r, t, "id"), num(r, 1))));
    assert_false(cni_expr_never_null(t, cmp(r, CNI_GT, col(r, t, "a"), num(r, 1))));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_scans, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_filters, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_joins, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_groups, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_projections, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_never_null, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
