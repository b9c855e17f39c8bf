/* SPDX-License-Identifier: Apache-2.0
 *
 * redundant_distinct: rows that are distinct already, and places where nobody asks.
 */
#include "rule_fixture.h"

static void
test_proved(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *with_id[] = {col(r, t, "b"), col(r, t, "id")};
    const cni_plan *plan = distinct_of(r, project_of(r, t, with_id, 2));
    assert_int_equal(apply(r, cni_rule_redundant_distinct, plan)->kind, CNI_PLAN_PROJECT);
    plan = distinct_of(r, project_of(r, t, with_id, 1));
    assert_ptr_equal(apply(r, cni_rule_redundant_distinct, plan), plan);
    plan = aggregate_of(r, t, with_id, 2, NULL, 0);
    assert_int_equal(apply(r, cni_rule_redundant_distinct, plan)->kind, CNI_PLAN_PROJECT);
    plan = aggregate_of(r, t, with_id, 1, NULL, 0);
    assert_ptr_equal(apply(r, cni_rule_redundant_distinct, plan), plan);
}

static void
test_right_sides(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *exprs[] = {col(r, u, "a")};
    const cni_plan *right = sort_of(r, distinct_of(r, project_of(r, u, exprs, 1)), exprs[0]);
    const cni_expr *key = eq(r, col(r, t, "a"), exprs[0]);
    CHECK_PLAN(r, apply(r, cni_rule_redundant_distinct, join_of(r, CNI_JOIN_SEMI, t, right, key)),
               "Join semi predicate=t.a = p0\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "  Project [u.a AS p0]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
    /* an inner join gives every match; only the order goes */
    CHECK_PLAN(r, apply(r, cni_rule_redundant_distinct, join_of(r, CNI_JOIN_INNER, t, right, key)),
               "Join inner predicate=t.a = p0\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "  Distinct\n"
               "    Project [u.a AS p0]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
    /* which rows a LIMIT keeps is decided by both */
    const cni_plan *limited = join_of(r, CNI_JOIN_SEMI, t, limit_of(r, right, 2), key);
    assert_ptr_equal(apply(r, cni_rule_redundant_distinct, limited), limited);
    const cni_plan *single = join_of(r, CNI_JOIN_SINGLE, t, right, key);
    assert_int_equal(apply(r, cni_rule_redundant_distinct, single)->children[1]->kind,
                     CNI_PLAN_DISTINCT);
}

/* first() sees the order, sum() does not. */
static void
test_order_under_groups(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *sorted = sort_of(r, t, col(r, t, "a"));
    const cni_expr *groups[] = {col(r, t, "b")};
    const cni_expr *first[] = {agg(r, "first", col(r, t, "s"))};
    const cni_expr *sum[] = {agg(r, "sum", col(r, t, "a"))};
    assert_int_equal(
        apply(r, cni_rule_redundant_distinct, aggregate_of(r, sorted, groups, 1, sum, 1))
            ->children[0]
            ->kind,
        CNI_PLAN_SCAN);
    assert_int_equal(
        apply(r, cni_rule_redundant_distinct, aggregate_of(r, sorted, groups, 1, first, 1))
            ->children[0]
            ->kind,
        CNI_PLAN_SORT);
    assert_int_equal(apply(r, cni_rule_redundant_distinct, sorted)->kind, CNI_PLAN_SORT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_proved, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_right_sides, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_order_under_groups, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
