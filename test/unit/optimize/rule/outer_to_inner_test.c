/* SPDX-License-Identifier: Apache-2.0
 *
 * outer_to_inner: which conjuncts above weaken which join, and which do not.
 */
#include "rule_fixture.h"

static const cni_plan *
outer_join(rule_fixture *r, cni_join_kind kind, const cni_plan **out_t, const cni_plan **out_u)
{
    *out_t = scan_of(r, "t");
    *out_u = scan_of(r, "u");
    return join_of(r, kind, *out_t, *out_u, eq(r, col(r, *out_t, "id"), col(r, *out_u, "a")));
}

/* The kind of the join after the rule, under a filter. */
static cni_join_kind
kind_under(rule_fixture *r, const cni_plan *join, const cni_expr *predicate)
{
    const cni_plan *made = apply(r, cni_rule_outer_to_inner, filter_of(r, join, predicate));
    while (made->kind != CNI_PLAN_JOIN) {
        made = made->children[0];
    }
    return (cni_join_kind)made->join_kind;
}

static void
test_left(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = NULL;
    const cni_plan *u = NULL;
    const cni_plan *join = outer_join(r, CNI_JOIN_LEFT, &t, &u);
    const cni_expr *ub = col(r, u, "b");
    const cni_expr *ta = col(r, t, "a");
    assert_int_equal(kind_under(r, join, eq(r, ub, num(r, 1))), CNI_JOIN_INNER);
    assert_int_equal(kind_under(r, join, cmp(r, CNI_LT, ub, ta)), CNI_JOIN_INNER);
    assert_int_equal(kind_under(r, join, is_null_of(r, ub, true)), CNI_JOIN_INNER);
    assert_int_equal(
        kind_under(r, join, either(r, eq(r, ub, num(r, 1)), eq(r, col(r, u, "a"), num(r, 2)))),
        CNI_JOIN_INNER);
    assert_int_equal(kind_under(r, join, is_null_of(r, ub, false)), CNI_JOIN_LEFT);
    assert_int_equal(kind_under(r, join, eq(r, ta, num(r, 1))), CNI_JOIN_LEFT);
    assert_int_equal(kind_under(r, join, either(r, eq(r, ub, num(r, 1)), eq(r, ta, num(r, 2)))),
                     CNI_JOIN_LEFT);
    /* raises for no NULL: the division is not reached */
    assert_int_equal(kind_under(r, join, fallible(r, ub)), CNI_JOIN_INNER);
    /* may raise although u.b is NULL */
    assert_int_equal(kind_under(r, join, either(r, fallible(r, ta), eq(r, ub, num(r, 1)))),
                     CNI_JOIN_LEFT);
}

static void
test_full(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = NULL;
    const cni_plan *u = NULL;
    const cni_plan *join = outer_join(r, CNI_JOIN_FULL, &t, &u);
    const cni_expr *on_t = eq(r, col(r, t, "a"), num(r, 1));
    const cni_expr *on_u = eq(r, col(r, u, "b"), num(r, 1));
    CHECK_PLAN(r, apply(r, cni_rule_outer_to_inner, filter_of(r, join, on_t)),
               "Filter t.a = 1\n"
               "  Join left predicate=t.id = u.a\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
    /* columns are where they were */
    CHECK_PLAN(r, apply(r, cni_rule_outer_to_inner, filter_of(r, join, on_u)),
               "Project [t.id, t.a, t.b, t.s, u.id, u.a, u.b, u.s]\n"
               "  Filter u.b = 1\n"
               "    Join left predicate=t.id = u.a\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n");
    assert_int_equal(kind_under(r, join, both(r, on_t, on_u)), CNI_JOIN_INNER);
}

/* The predicate of an inner join above rejects; through a projection; not through LIMIT. */
static void
test_from_further_above(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = NULL;
    const cni_plan *u = NULL;
    const cni_plan *join = outer_join(r, CNI_JOIN_LEFT, &t, &u);
    const cni_plan *v = scan_of(r, "v");
    const cni_expr *exprs[] = {fixture_call(&r->f, "+", col(r, u, "b"), num(r, 1))};
    const cni_plan *projected = project_of(r, join, exprs, 1);
    const cni_plan *above =
        join_of(r, CNI_JOIN_INNER, projected, v, eq(r, col_at(r, projected, 0), col(r, v, "a")));
    const cni_plan *made = apply(r, cni_rule_outer_to_inner, above);
    assert_int_equal(made->children[0]->children[0]->join_kind, CNI_JOIN_INNER);
    const cni_plan *limited = limit_of(r, join, 3);
    assert_int_equal(kind_under(r, limited, eq(r, col(r, u, "b"), num(r, 1))), CNI_JOIN_LEFT);
}

static void
test_single(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *by_id =
        join_of(r, CNI_JOIN_SINGLE, t, u, eq(r, col(r, t, "a"), col(r, u, "id")));
    const cni_plan *by_a = join_of(r, CNI_JOIN_SINGLE, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    assert_int_equal(apply(r, cni_rule_outer_to_inner, by_id)->join_kind, CNI_JOIN_LEFT);
    assert_int_equal(apply(r, cni_rule_outer_to_inner, by_a)->join_kind, CNI_JOIN_SINGLE);
    const cni_expr *groups[] = {col(r, u, "a")};
    const cni_expr *calls[] = {agg(r, "sum", col(r, u, "b"))};
    const cni_plan *grouped = aggregate_of(r, u, groups, 1, calls, 1);
    const cni_plan *by_group =
        join_of(r, CNI_JOIN_SINGLE, t, grouped, eq(r, col(r, t, "a"), col_at(r, grouped, 0)));
    assert_int_equal(apply(r, cni_rule_outer_to_inner, by_group)->join_kind, CNI_JOIN_LEFT);
    /* and INNER where the padding is not kept */
    const cni_plan *above = filter_of(r, by_group, is_null_of(r, col_at(r, grouped, 1), true));
    assert_int_equal(apply(r, cni_rule_outer_to_inner, above)->children[0]->join_kind,
                     CNI_JOIN_INNER);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_left, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_full, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_from_further_above, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_single, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
