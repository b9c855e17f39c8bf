/* SPDX-License-Identifier: Apache-2.0
 *
 * Equivalence classes: members, constants, and what outer joins do not hand on.
 */
#include "../rule/rule_fixture.h"

static void
test_classes(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *v = scan_of(r, "v");
    const cni_plan *tu = join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_plan *tuv = join_of(r, CNI_JOIN_INNER, tu, v, eq(r, col(r, v, "id"), col(r, u, "a")));
    const cni_plan *plan = filter_of(r, tuv, eq(r, num(r, 7), col(r, t, "a")));
    cni_equivalence *classes = NULL;
    const int32_t *members = NULL;
    const int32_t t_a = col(r, t, "a")->column_id;
    const int32_t v_id = col(r, v, "id")->column_id;
    assert_cn_ok(&r->f, cni_equivalence_of(r->f.arena, plan, &classes, &r->f.err));
    assert_true(cni_equivalence_same(classes, t_a, v_id));
    assert_false(cni_equivalence_same(classes, t_a, col(r, t, "b")->column_id));
    assert_true(cni_equivalence_same(classes, 999, 999));
    assert_int_equal(cni_equivalence_members(classes, v_id, &members), 3);
    assert_int_equal(members[0], t_a);
    assert_int_equal(members[2], v_id);
    assert_non_null(cni_equivalence_constant(classes, v_id));
    assert_int_equal(cni_equivalence_constant(classes, v_id)->literal->as.i64, 7);
    assert_null(cni_equivalence_constant(classes, col(r, t, "b")->column_id));
    assert_int_equal(cni_equivalence_members(classes, col(r, t, "b")->column_id, &members), 0);
}

static void
test_outer_joins(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *left =
        join_of(r, CNI_JOIN_LEFT, filter_of(r, t, eq(r, col(r, t, "a"), col(r, t, "b"))), u,
                eq(r, col(r, t, "a"), col(r, u, "a")));
    cni_equivalence *classes = NULL;
    assert_cn_ok(&r->f, cni_equivalence_of(r->f.arena, left, &classes, &r->f.err));
    assert_true(
        cni_equivalence_same(classes, col(r, t, "a")->column_id, col(r, t, "b")->column_id));
    assert_false(
        cni_equivalence_same(classes, col(r, t, "a")->column_id, col(r, u, "a")->column_id));
}

static void
test_names(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *groups[] = {col(r, t, "a")};
    const cni_plan *grouped = aggregate_of(r, t, groups, 1, NULL, 0);
    cni_equivalence *classes = NULL;
    assert_cn_ok(&r->f, cni_equivalence_of(r->f.arena, grouped, &classes, &r->f.err));
    assert_true(cni_equivalence_same(classes, grouped->columns[0].id, groups[0]->column_id));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_classes, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_outer_joins, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_names, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
