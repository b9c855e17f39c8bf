/* SPDX-License-Identifier: Apache-2.0
 *
 * dependent_keys: keys of groups and of orders that follow from others.
 */
#include "rule_fixture.h"

static void
test_groups(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *groups[] = {col(r, t, "s"), col(r, t, "id"), col(r, t, "a")};
    const cni_expr *calls[] = {agg(r, "count", NULL)};
    CHECK_PLAN(r, apply(r, cni_rule_dependent_keys, aggregate_of(r, t, groups, 3, calls, 1)),
               "Project [t.s, t.id, t.a, count]\n"
               "  Aggregate groups=[t.id] aggregates=[same(t.s), same(t.a), count()]\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n");
    const cni_expr *free_keys[] = {col(r, t, "s"), col(r, t, "a")};
    const cni_plan *plan = aggregate_of(r, t, free_keys, 2, calls, 1);
    assert_ptr_equal(apply(r, cni_rule_dependent_keys, plan), plan);
    /* constants and equal columns; one key always stays */
    const cni_plan *fixed = filter_of(
        r, t, both(r, eq(r, col(r, t, "a"), num(r, 1)), eq(r, col(r, t, "b"), num(r, 2))));
    const cni_expr *constants[] = {col(r, t, "a"), col(r, t, "b")};
    plan = apply(r, cni_rule_dependent_keys, aggregate_of(r, fixed, constants, 2, calls, 1));
    assert_int_equal(plan->n_groups, 1);
}

static void
test_orders(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_order orders[] = {
        {.expr = col(r, t, "a")}, {.expr = col(r, t, "id")}, {.expr = col(r, t, "s")}};
    const cni_plan *sorted = NULL;
    assert_cn_ok(&r->f, cni_plan_sort(&r->env.builder, t, orders, 3, &sorted, &r->f.err));
    assert_int_equal(apply(r, cni_rule_dependent_keys, sorted)->n_orders, 2);
    const cni_plan *fixed =
        sort_of(r, filter_of(r, t, eq(r, col(r, t, "a"), num(r, 1))), col(r, t, "a"));
    assert_int_equal(apply(r, cni_rule_dependent_keys, fixed)->kind, CNI_PLAN_FILTER);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_groups, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_orders, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
