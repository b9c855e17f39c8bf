/* SPDX-License-Identifier: Apache-2.0
 *
 * or_factoring: common members, IN lists, what a disjunction says of one side.
 */
#include "rule_fixture.h"

static void
test_common_members(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *a1 = eq(r, col(r, t, "a"), num(r, 1));
    const cni_expr *b2 = cmp(r, CNI_GT, col(r, t, "b"), num(r, 2));
    const cni_expr *b3 = cmp(r, CNI_LT, col(r, t, "b"), num(r, 3));
    const cni_plan *plan = filter_of(r, t, either(r, both(r, a1, b2), both(r, b3, a1)));
    CHECK_PLAN(r, apply(r, cni_rule_or_factoring, plan),
               "Filter t.a = 1 AND (t.b > 2 OR t.b < 3)\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n");
    plan = filter_of(r, t, either(r, a1, both(r, a1, b2)));
    CHECK_PLAN(r, apply(r, cni_rule_or_factoring, plan),
               "Filter t.a = 1\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n");
}

static void
test_lists(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *a = col(r, t, "a");
    const cni_plan *plan = filter_of(
        r, t,
        either(r, either(r, eq(r, a, num(r, 1)), is_null_of(r, a, false)), eq(r, a, num(r, 2))));
    CHECK_PLAN(r, apply(r, cni_rule_or_factoring, plan),
               "Filter t.a IN (1, 2) OR t.a IS NULL\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n");
}

static void
test_long_lists(void **state)
{
    enum {
        N = 20000
    };
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr **members = NULL;
    const cni_expr *made = NULL;
    assert_cn_ok(&r->f, cni_arena_alloc_array(r->f.arena, N, (int64_t)sizeof(*members), &members,
                                              &r->f.err));
    for (int32_t at = 0; at < N; at++) { /* a = 0, b = 0, a = 1, ... a = 4999, a = 0 ... */
        members[at] = eq(r, col(r, t, at % 2 == 0 ? "t.a" : "t.b"), num(r, at / 2 % (N / 4)));
    }
    members[7] = is_null_of(r, col(r, t, "s"), false);
    assert_cn_ok(&r->f, cni_expr_any_of(r->f.arena, members, N, &made, &r->f.err));
    assert_int_equal(made->kind, CNI_EXPR_OR);
    assert_int_equal(made->n_args, 3);
    for (int32_t at = 0; at < 2; at++) {
        assert_int_equal(made->args[at]->kind, CNI_EXPR_IN);
        assert_int_equal(made->args[at]->n_args, 1 + N / 4);
        assert_true(cni_expr_equal(made->args[at]->args[0], members[at]->args[0]));
    }
    assert_true(cni_expr_equal(made->args[0]->args[N / 4], num(r, N / 4 - 1)));
    assert_ptr_equal(made->args[2], members[7]);
    /* the same again is no list, and neither is one of each */
    const cni_expr *same[] = {members[0], members[N / 2]};
    assert_cn_ok(&r->f, cni_expr_any_of(r->f.arena, same, 2, &made, &r->f.err));
    assert_ptr_equal(made, members[0]);
    assert_cn_ok(&r->f, cni_expr_any_of(r->f.arena, members, 2, &made, &r->f.err));
    assert_int_equal(made->kind, CNI_EXPR_OR);
}

/* As in TPC-H 7 and 19. */
static void
test_single_sides(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *key = eq(r, col(r, t, "id"), col(r, u, "id"));
    const cni_expr *one =
        both(r, key, both(r, eq(r, col(r, t, "a"), num(r, 1)), eq(r, col(r, u, "a"), num(r, 2))));
    const cni_expr *two =
        both(r, key, both(r, eq(r, col(r, t, "a"), num(r, 2)), eq(r, col(r, u, "a"), num(r, 1))));
    const cni_plan *join = join_of(r, CNI_JOIN_INNER, t, u, NULL);
    CHECK_PLAN(r, apply(r, cni_rule_or_factoring, filter_of(r, join, either(r, one, two))),
               "Filter t.id = u.id AND (t.a = 1 AND u.a = 2 OR t.a = 2 AND u.a = 1) AND t.a IN (1, "
               "2) AND u.a IN (2, 1)\n"
               "  Join cross\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

/* What may raise is not said of one side, and is not factored out. */
static void
test_what_may_raise(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *raises = fallible(r, col(r, t, "a"));
    const cni_expr *one = both(r, eq(r, col(r, u, "a"), num(r, 1)), raises);
    const cni_expr *two = both(r, eq(r, col(r, u, "a"), num(r, 2)), raises);
    const cni_plan *join = join_of(r, CNI_JOIN_INNER, t, u, NULL);
    CHECK_PLAN(r, apply(r, cni_rule_or_factoring, filter_of(r, join, either(r, one, two))),
               "Filter (u.a = 1 AND 10 / t.a = 1 OR u.a = 2 AND 10 / t.a = 1) AND u.a IN (1, 2)\n"
               "  Join cross\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_common_members, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_lists, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_long_lists, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_single_sides, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_what_may_raise, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
