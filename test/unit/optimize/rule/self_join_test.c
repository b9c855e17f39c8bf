/* SPDX-License-Identifier: Apache-2.0
 *
 * self_join: a table joined with itself on a unique column.
 */
#include "rule_fixture.h"

/* Two scans of t: r->tables are found by name, so both are of one table. */
typedef struct pair {
    const cni_plan *a;
    const cni_plan *b;
    const cni_expr *key;
} pair;

static pair
pair_of(rule_fixture *r)
{
    pair made = {scan_of(r, "t"), scan_of(r, "t"), NULL};
    made.key = eq(r, col(r, made.a, "id"), col(r, made.b, "id"));
    return made;
}

static void
test_inner(void **state)
{
    rule_fixture *r = *state;
    const pair p = pair_of(r);
    const cni_plan *filtered = filter_of(r, p.b, cmp(r, CNI_GT, col(r, p.b, "b"), num(r, 5)));
    const cni_expr *on = both(r, cmp(r, CNI_LT, col(r, p.a, "a"), col(r, p.b, "b")), p.key);
    CHECK_PLAN(r, apply(r, cni_rule_self_join, join_of(r, CNI_JOIN_INNER, p.a, filtered, on)),
               "Project [t.id, t.a, t.b, t.s, t.id, t.a, t.b, t.s]\n"
               "  Filter t.b > 5 AND t.a < t.b\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n");
    const cni_plan *made =
        apply(r, cni_rule_self_join, join_of(r, CNI_JOIN_INNER, filtered, p.a, p.key));
    CHECK_PLAN(r, made,
               "Project [t.id, t.a, t.b, t.s, t.id, t.a, t.b, t.s]\n"
               "  Filter t.b > 5\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n");
    assert_int_equal(made->exprs[0]->column_id, made->exprs[4]->column_id);
}

static void
test_outer_semi_anti(void **state)
{
    rule_fixture *r = *state;
    const pair p = pair_of(r);
    const cni_plan *filtered = filter_of(r, p.b, cmp(r, CNI_GT, col(r, p.b, "b"), num(r, 5)));
    CHECK_PLAN(r, apply(r, cni_rule_self_join, join_of(r, CNI_JOIN_LEFT, p.a, filtered, p.key)),
               "Project [t.id, t.a, t.b, t.s, "
               "CASE WHEN t.b > 5 THEN t.id ELSE NULL END AS t.id, "
               "CASE WHEN t.b > 5 THEN t.a ELSE NULL END AS t.a, "
               "CASE WHEN t.b > 5 THEN t.b ELSE NULL END AS t.b, "
               "CASE WHEN t.b > 5 THEN t.s ELSE NULL END AS t.s]\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n");
    CHECK_PLAN(r, apply(r, cni_rule_self_join, join_of(r, CNI_JOIN_SEMI, p.a, filtered, p.key)),
               "Filter t.b > 5\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n");
    CHECK_PLAN(r, apply(r, cni_rule_self_join, join_of(r, CNI_JOIN_ANTI, p.a, filtered, p.key)),
               "Filter CASE WHEN t.b > 5 THEN FALSE ELSE TRUE END\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n");
    assert_ptr_equal(apply(r, cni_rule_self_join, join_of(r, CNI_JOIN_SEMI, p.a, p.b, p.key)), p.a);
}

/* The row that is there may have been padded, and come by another name. */
static void
test_below_joins(void **state)
{
    rule_fixture *r = *state;
    const pair p = pair_of(r);
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *few[] = {col(r, p.a, "id")};
    const cni_plan *narrow = project_of(r, p.a, few, 1);
    const cni_plan *outer =
        join_of(r, CNI_JOIN_LEFT, u, narrow, eq(r, col(r, u, "a"), col_at(r, narrow, 0)));
    const cni_plan *made = apply(
        r, cni_rule_self_join,
        join_of(r, CNI_JOIN_INNER, outer, p.b, eq(r, col_at(r, narrow, 0), col(r, p.b, "id"))));
    CHECK_PLAN(r, made,
               "Project [u.id, u.a, u.b, u.s, p0, p0 AS t.id, t.a, t.b, t.s]\n"
               "  Filter p0 IS NOT NULL\n"
               "    Join left predicate=u.a = p0\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n"
               "      Project [t.id AS p0, t.a, t.b, t.s]\n"
               "        Scan t columns=[t.id, t.a, t.b, t.s]\n");
    /* through u.a = a.id */
    const cni_plan *inner =
        join_of(r, CNI_JOIN_INNER, u, p.a, eq(r, col(r, u, "a"), col(r, p.a, "id")));
    made = apply(r, cni_rule_self_join,
                 join_of(r, CNI_JOIN_SEMI, inner, p.b, eq(r, col(r, u, "a"), col(r, p.b, "id"))));
    CHECK_PLAN(r, made,
               "Join inner predicate=u.a = t.id\n"
               "  Scan u columns=[u.id, u.a, u.b, u.s]\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n");
}

static void
check_stays(rule_fixture *r, const cni_plan *plan)
{
    assert_ptr_equal(apply(r, cni_rule_self_join, plan), plan);
}

static void
test_what_stays(void **state)
{
    rule_fixture *r = *state;
    const pair p = pair_of(r);
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *other = eq(r, col(r, p.a, "a"), col(r, p.b, "a"));
    const cni_expr *crossed = eq(r, col(r, p.a, "a"), col(r, p.b, "id"));
    check_stays(r, join_of(r, CNI_JOIN_INNER, p.a, p.b, other)); /* not unique */
    check_stays(r, join_of(r, CNI_JOIN_INNER, p.a, p.b, crossed));
    check_stays(r, join_of(r, CNI_JOIN_INNER, p.a, u, eq(r, col(r, p.a, "id"), col(r, u, "id"))));
    check_stays(r, join_of(r, CNI_JOIN_FULL, p.a, p.b, p.key));
    check_stays(r, join_of(r, CNI_JOIN_LEFT, p.a, limit_of(r, p.b, 5), p.key));
    check_stays(r, join_of(r, CNI_JOIN_INNER, p.a, distinct_of(r, p.b), p.key));
    /* a grouping between: its rows are not the table's */
    const cni_expr *group = col(r, p.a, "id");
    const cni_expr *call = agg(r, "count", NULL);
    const cni_plan *groups = aggregate_of(r, p.a, &group, 1, &call, 1);
    check_stays(
        r, join_of(r, CNI_JOIN_INNER, groups, p.b, eq(r, col_at(r, groups, 0), col(r, p.b, "id"))));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_inner, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_outer_semi_anti, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_below_joins, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_what_stays, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
