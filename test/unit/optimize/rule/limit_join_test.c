/* SPDX-License-Identifier: Apache-2.0
 *
 * limit_pushdown and top_n: bounds of left sides that come out whole.
 */
#include "rule_fixture.h"

static void
test_limit(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *key = eq(r, col(r, t, "a"), col(r, u, "a"));
    const cni_plan *limited = NULL;
    assert_cn_ok(&r->f, cni_plan_limit(&r->env.builder, join_of(r, CNI_JOIN_LEFT, t, u, key), 3, 2,
                                       &limited, &r->f.err));
    CHECK_PLAN(r, apply(r, cni_rule_limit_pushdown, limited),
               "Limit limit=3 offset=2\n"
               "  Join left predicate=t.a = u.a\n"
               "    Limit limit=5\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s] limit=5\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
    const cni_plan *inner = limit_of(r, join_of(r, CNI_JOIN_INNER, t, u, key), 3);
    assert_ptr_equal(apply(r, cni_rule_limit_pushdown, inner), inner);
}

static void
test_top_n(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join = join_of(r, CNI_JOIN_LEFT, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_plan *plan = NULL;
    assert_cn_ok(&r->f, cni_plan_limit(&r->env.builder, sort_of(r, join, col(r, t, "b")), 3, 2,
                                       &plan, &r->f.err));
    CHECK_PLAN(r, apply(r, cni_rule_top_n, plan),
               "TopN [t.b] limit=3 offset=2 rows~3\n"
               "  Join left predicate=t.a = u.a\n"
               "    TopN [t.b] limit=5 rows~3\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
    plan = limit_of(r, sort_of(r, join, col(r, u, "b")), 3);
    assert_int_equal(apply(r, cni_rule_top_n, plan)->children[0]->children[0]->kind, CNI_PLAN_SCAN);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limit, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_top_n, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
