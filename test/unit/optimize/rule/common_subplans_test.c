/* SPDX-License-Identifier: Apache-2.0
 *
 * common_subplans: equal subtrees are computed once.
 */
#include "rule_fixture.h"

static const cni_plan *
grouped_join(rule_fixture *r, int64_t constant)
{
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join = join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_plan *plan = filter_of(r, join, eq(r, col(r, u, "b"), num(r, constant)));
    const cni_expr *groups[] = {col(r, t, "b")};
    const cni_expr *calls[] = {agg(r, "max", col(r, u, "b"))};
    return aggregate_of(r, plan, groups, 1, calls, 1);
}

static void
test_equal_subtrees(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *x = grouped_join(r, 3);
    const cni_plan *y = grouped_join(r, 3);
    const cni_plan *plan =
        join_of(r, CNI_JOIN_INNER, x, y, eq(r, col_at(r, x, 0), col_at(r, y, 1)));
    CHECK_PLAN(r, apply(r, cni_rule_common_subplans, plan),
               "With common\n"
               "  Aggregate groups=[t.b] aggregates=[max(u.b)]\n"
               "    Filter u.b = 3\n"
               "      Join inner predicate=t.a = u.a\n"
               "        Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "        Scan u columns=[u.id, u.a, u.b, u.s]\n"
               "  Join inner predicate=t.b#2 = max#17\n"
               "    CteScan common columns=[t.b, max]\n"
               "    CteScan common columns=[t.b, max]\n");
}

static void
test_other_constants(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *x = grouped_join(r, 3);
    const cni_plan *y = grouped_join(r, 4);
    const cni_plan *plan =
        join_of(r, CNI_JOIN_INNER, x, y, eq(r, col_at(r, x, 0), col_at(r, y, 1)));
    assert_ptr_equal(apply(r, cni_rule_common_subplans, plan), plan);
    /* two scans are read twice */
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *again = scan_of(r, "t");
    plan = join_of(r, CNI_JOIN_INNER, t, again, eq(r, col_at(r, t, 0), col_at(r, again, 0)));
    assert_ptr_equal(apply(r, cni_rule_common_subplans, plan), plan);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_equal_subtrees, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_other_constants, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
