/* SPDX-License-Identifier: Apache-2.0
 *
 * transitive: predicates travel along equalities, into right sides too; not through FULL joins.
 */
#include "rule_fixture.h"

static void
test_along_inner_joins(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *v = scan_of(r, "v");
    const cni_plan *tu =
        join_of(r, CNI_JOIN_INNER, filter_of(r, t, cmp(r, CNI_GT, col(r, t, "a"), num(r, 5))), u,
                eq(r, col(r, t, "a"), col(r, u, "b")));
    const cni_plan *plan =
        join_of(r, CNI_JOIN_INNER, tu, v, eq(r, col(r, u, "b"), col(r, v, "id")));
    const cni_plan *made = apply(r, cni_rule_transitive, plan);
    CHECK_PLAN(r, apply(r, cni_rule_filter_pushdown, made),
               "Join inner predicate=u.b = v.id\n"
               "  Join inner predicate=t.a = u.b\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.a > 5]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.b > 5]\n"
               "  Scan v columns=[v.id, v.a, v.b, v.s] filters=[v.id > 5]\n");
    /* nothing new the second time */
    assert_ptr_equal(apply(r, cni_rule_transitive, made), made);
}

static void
test_into_right_sides(void **state)
{
    rule_fixture *r = *state;
    static const cni_join_kind kinds[] = {CNI_JOIN_LEFT, CNI_JOIN_SINGLE, CNI_JOIN_SEMI,
                                          CNI_JOIN_ANTI, CNI_JOIN_MARK};
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *key = eq(r, col(r, t, "a"), col(r, u, "b"));
    const cni_expr *filter = eq(r, col(r, t, "a"), num(r, 5));
    for (int64_t kind = 0; kind < CN_ARRAY_LEN(kinds); kind++) {
        const cni_plan *plan = filter_of(r, join_of(r, kinds[kind], t, u, key), filter);
        const cni_plan *made = apply(r, cni_rule_transitive, plan);
        const cni_plan *right = made->children[0]->children[1];
        CHECK_PLAN(r, right, "Filter u.b = 5\n  Scan u columns=[u.id, u.a, u.b, u.s]\n");
    }
    const cni_plan *plan = filter_of(r, join_of(r, CNI_JOIN_FULL, t, u, key), filter);
    assert_ptr_equal(apply(r, cni_rule_transitive, plan), plan);
    plan = filter_of(r, null_aware_of(r, CNI_JOIN_ANTI, t, u, key), filter);
    assert_ptr_equal(apply(r, cni_rule_transitive, plan), plan);
}

/* From the right side of a SEMI to the left; of an ANTI not. */
static void
test_out_of_semi(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *key = eq(r, col(r, t, "a"), col(r, u, "b"));
    const cni_plan *right = filter_of(r, u, cmp(r, CNI_LT, col(r, u, "b"), num(r, 9)));
    CHECK_PLAN(r, apply(r, cni_rule_transitive, join_of(r, CNI_JOIN_SEMI, t, right, key)),
               "Filter t.a < 9\n"
               "  Join semi predicate=t.a = u.b\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Filter u.b < 9\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
    const cni_plan *anti = join_of(r, CNI_JOIN_ANTI, t, right, key);
    assert_ptr_equal(apply(r, cni_rule_transitive, anti), anti);
}

/* What a filter above a LEFT join says of the padded side holds for its NULLs too, and not inside.
 */
static void
test_not_of_padded_columns(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *groups[] = {col(r, u, "a"), col(r, u, "a")}; /* two names of one value */
    const cni_plan *grouped = aggregate_of(r, u, groups, 2, NULL, 0);
    const cni_expr *key = col_at(r, grouped, 0);
    const cni_plan *join = join_of(r, CNI_JOIN_LEFT, t, grouped, eq(r, col(r, t, "a"), key));
    const cni_expr *or_three = fixture_call(&r->f, "coalesce", key, num(r, 3));
    const cni_plan *plan = filter_of(r, join, cmp(r, CNI_GT, or_three, num(r, 2)));
    assert_ptr_equal(apply(r, cni_rule_transitive, plan), plan);
}

/* Into a grouping, through its key. */
static void
test_into_groups(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *v = scan_of(r, "v");
    const cni_plan *uv = join_of(r, CNI_JOIN_INNER, u, v, eq(r, col(r, u, "a"), col(r, v, "a")));
    const cni_expr *groups[] = {col(r, u, "a")};
    const cni_expr *calls[] = {agg(r, "count", NULL)};
    const cni_plan *grouped = aggregate_of(r, uv, groups, 1, calls, 1);
    const cni_plan *join =
        join_of(r, CNI_JOIN_INNER, filter_of(r, t, eq(r, col(r, t, "a"), num(r, 3))), grouped,
                eq(r, col(r, t, "a"), col_at(r, grouped, 0)));
    const cni_plan *made = apply(r, cni_rule_transitive, join);
    CHECK_PLAN(r, apply(r, cni_rule_filter_pushdown, made),
               "Join inner predicate=t.a = u.a\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.a = 3]\n"
               "  Aggregate groups=[u.a] aggregates=[count()]\n"
               "    Join inner predicate=u.a = v.a\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.a = 3]\n"
               "      Scan v columns=[v.id, v.a, v.b, v.s] filters=[v.a = 3]\n");
}

/* What may raise is said of no other column. */
static void
test_what_may_raise(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *plan =
        filter_of(r, join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "a"), col(r, u, "b"))),
                  fallible(r, col(r, t, "a")));
    assert_ptr_equal(apply(r, cni_rule_transitive, plan), plan);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_along_inner_joins, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_into_right_sides, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_out_of_semi, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_not_of_padded_columns, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_into_groups, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_what_may_raise, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
