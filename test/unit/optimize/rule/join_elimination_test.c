/* SPDX-License-Identifier: Apache-2.0
 *
 * join_elimination: LEFT joins and MARKs that nobody uses.
 */
#include "rule_fixture.h"

static void
test_left(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *unique =
        join_of(r, CNI_JOIN_LEFT, t, u, eq(r, col(r, t, "a"), col(r, u, "id")));
    const cni_plan *fans = join_of(r, CNI_JOIN_LEFT, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_expr *of_t[] = {col(r, t, "b")};
    const cni_expr *of_u[] = {col(r, u, "b")};
    CHECK_PLAN(r, apply(r, cni_rule_join_elimination, project_of(r, unique, of_t, 1)),
               "Project [t.b AS p0]\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n");
    const cni_plan *used = project_of(r, unique, of_u, 1);
    assert_ptr_equal(apply(r, cni_rule_join_elimination, used), used);
    const cni_plan *more = project_of(r, fans, of_t, 1);
    assert_ptr_equal(apply(r, cni_rule_join_elimination, more), more);
    /* where duplicates do not matter */
    CHECK_PLAN(r, apply(r, cni_rule_join_elimination, distinct_of(r, more)),
               "Distinct\n"
               "  Project [t.b AS p0]\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n");
    const cni_expr *groups[] = {col(r, t, "b")};
    const cni_expr *calls[] = {agg(r, "max", col(r, t, "a"))};
    const cni_expr *counts[] = {agg(r, "count", NULL)};
    assert_int_equal(apply(r, cni_rule_join_elimination, aggregate_of(r, fans, groups, 1, calls, 1))
                         ->children[0]
                         ->kind,
                     CNI_PLAN_SCAN);
    const cni_plan *counted = aggregate_of(r, fans, groups, 1, counts, 1);
    assert_ptr_equal(apply(r, cni_rule_join_elimination, counted), counted);
    /* LIMIT counts rows again */
    const cni_plan *limited = distinct_of(r, limit_of(r, more, 3));
    assert_ptr_equal(apply(r, cni_rule_join_elimination, limited), limited);
}

static void
test_mark(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *mark =
        null_aware_of(r, CNI_JOIN_MARK, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_expr *of_t[] = {col(r, t, "b")};
    const cni_expr *not_mark = NULL;
    assert_cn_ok(&r->f, cni_expr_not(r->f.arena, col(r, mark, "mark"), &not_mark, &r->f.err));
    CHECK_PLAN(r, apply(r, cni_rule_join_elimination, project_of(r, mark, of_t, 1)),
               "Project [t.b AS p0]\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n");
    const cni_plan *kept = filter_of(r, mark, both(r, not_mark, eq(r, of_t[0], num(r, 1))));
    CHECK_PLAN(r, apply(r, cni_rule_join_elimination, project_of(r, kept, of_t, 1)),
               "Project [t.b AS p0]\n"
               "  Filter t.b = 1\n"
               "    Join anti null_aware predicate=t.a = u.a\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
    kept = filter_of(r, mark, col(r, mark, "mark"));
    CHECK_PLAN(r, apply(r, cni_rule_join_elimination, project_of(r, kept, of_t, 1)),
               "Project [t.b AS p0]\n"
               "  Join semi predicate=t.a = u.a\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
    const cni_expr *with_mark[] = {col(r, mark, "mark")};
    const cni_plan *used = project_of(r, kept, with_mark, 1);
    assert_ptr_equal(apply(r, cni_rule_join_elimination, used), used);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_left, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_mark, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
