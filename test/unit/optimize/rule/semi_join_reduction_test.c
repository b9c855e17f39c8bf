/* SPDX-License-Identifier: Apache-2.0
 *
 * semi_join_reduction: inner joins that only ask whether there is a partner.
 */
#include "rule_fixture.h"

static void
test_unused_side(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *reference =
        join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "a"), col(r, u, "id")));
    const cni_plan *many = join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_plan *turned =
        join_of(r, CNI_JOIN_INNER, u, t, eq(r, col(r, t, "a"), col(r, u, "id")));
    const cni_expr *of_t[] = {col(r, t, "b")};
    const cni_expr *of_u[] = {col(r, u, "b")};
    static const char *semi = "Project [t.b AS p0]\n"
                              "  Join semi predicate=t.a = u.id\n"
                              "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
                              "    Scan u columns=[u.id, u.a, u.b, u.s]\n";
    CHECK_PLAN(r, apply(r, cni_rule_semi_join_reduction, project_of(r, reference, of_t, 1)), semi);
    CHECK_PLAN(r, apply(r, cni_rule_semi_join_reduction, project_of(r, turned, of_t, 1)), semi);
    const cni_plan *other = project_of(r, reference, of_u, 1);
    assert_ptr_equal(apply(r, cni_rule_semi_join_reduction, other), other);
    const cni_plan *more = project_of(r, many, of_t, 1);
    assert_ptr_equal(apply(r, cni_rule_semi_join_reduction, more), more);
    assert_int_equal(apply(r, cni_rule_semi_join_reduction, distinct_of(r, more))
                         ->children[0]
                         ->children[0]
                         ->join_kind,
                     CNI_JOIN_SEMI);
}

static void
test_what_stays(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *key = eq(r, col(r, t, "a"), col(r, u, "id"));
    const cni_expr *of_t[] = {col(r, t, "b")};
    const cni_plan *raises = distinct_of(
        r,
        project_of(r, join_of(r, CNI_JOIN_INNER, t, u, both(r, key, fallible(r, col(r, u, "b")))),
                   of_t, 1));
    assert_ptr_equal(apply(r, cni_rule_semi_join_reduction, raises), raises);
    const cni_plan *cross = distinct_of(
        r, project_of(
               r, join_of(r, CNI_JOIN_INNER, t, u, cmp(r, CNI_LT, col(r, t, "a"), col(r, u, "a"))),
               of_t, 1));
    assert_ptr_equal(apply(r, cni_rule_semi_join_reduction, cross), cross);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unused_side, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_what_stays, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
