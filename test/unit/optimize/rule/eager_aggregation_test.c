/* SPDX-License-Identifier: Apache-2.0
 *
 * eager_aggregation: groupings below the join whose left rows are the groups.
 */
#include "rule_fixture.h"

static const cni_plan *
counted(rule_fixture *r, cni_join_kind kind, const char *group, const char *key)
{
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join = join_of(r, kind, t, u, eq(r, col(r, t, key), col(r, u, "a")));
    const cni_expr *groups[] = {col(r, t, group)};
    const cni_expr *calls[] = {agg(r, "count", col(r, u, "b")), agg(r, "max", col(r, u, "id")),
                               agg(r, "count", NULL)};
    return aggregate_of(r, join, groups, 1, calls, 3);
}

static void
test_left_rows_are_groups(void **state)
{
    rule_fixture *r = *state;
    CHECK_PLAN(r, apply(r, cni_rule_eager_aggregation, counted(r, CNI_JOIN_LEFT, "id", "id")),
               "Project [t.id, CASE WHEN count#11 IS NULL THEN 0 ELSE count#11 END AS count, max, "
               "CASE WHEN count#13 IS NULL THEN 1 ELSE count#13 END AS count]\n"
               "  Join left predicate=t.id = u.a\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Aggregate groups=[u.a] aggregates=[count(u.b), max(u.id), count()]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
    CHECK_PLAN(r, apply(r, cni_rule_eager_aggregation, counted(r, CNI_JOIN_INNER, "id", "id")),
               "Project [t.id, count#25 AS count, max, count#27 AS count]\n"
               "  Join inner predicate=t.id = u.a\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Aggregate groups=[u.a] aggregates=[count(u.b), max(u.id), count()]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

static void
test_what_stays(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *plan = counted(r, CNI_JOIN_LEFT, "b", "id"); /* groups of several rows */
    assert_ptr_equal(apply(r, cni_rule_eager_aggregation, plan), plan);
    plan = counted(r, CNI_JOIN_FULL, "id", "id");
    assert_ptr_equal(apply(r, cni_rule_eager_aggregation, plan), plan);
    /* an argument of the left side */
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join = join_of(r, CNI_JOIN_LEFT, t, u, eq(r, col(r, t, "id"), col(r, u, "a")));
    const cni_expr *groups[] = {col(r, t, "id")};
    const cni_expr *calls[] = {agg(r, "max", col(r, t, "b"))};
    plan = aggregate_of(r, join, groups, 1, calls, 1);
    assert_ptr_equal(apply(r, cni_rule_eager_aggregation, plan), plan);
    /* more than the key in ON */
    join = join_of(r, CNI_JOIN_LEFT, t, u,
                   both(r, eq(r, col(r, t, "id"), col(r, u, "a")),
                        cmp(r, CNI_LT, col(r, t, "b"), col(r, u, "b"))));
    const cni_expr *of_u[] = {agg(r, "max", col(r, u, "b"))};
    plan = aggregate_of(r, join, groups, 1, of_u, 1);
    assert_ptr_equal(apply(r, cni_rule_eager_aggregation, plan), plan);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_left_rows_are_groups, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_what_stays, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
