/* SPDX-License-Identifier: Apache-2.0
 *
 * projection_merge: names do not stand between joins, filters and groups.
 */
#include "rule_fixture.h"

/* t with its columns under other ids. */
static const cni_plan *
renamed(rule_fixture *r, const cni_plan *t)
{
    const cni_expr *exprs[4];
    cni_column columns[4];
    const cni_plan *made = NULL;
    for (int32_t column = 0; column < 4; column++) {
        exprs[column] = col_at(r, t, column);
        columns[column] = t->columns[column];
        columns[column].id = r->env.builder.next_column_id++;
    }
    const cni_plan node = {.kind = CNI_PLAN_PROJECT,
                           .n_children = 1,
                           .children = &t,
                           .n_columns = 4,
                           .columns = columns,
                           .n_exprs = 4,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0};
    assert_cn_ok(&r->f, cni_plan_new(&r->env.builder, &node, &made, &r->f.err));
    return made;
}

static void
test_joins(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *x = renamed(r, t);
    const cni_plan *y = renamed(r, u);
    const cni_plan *join = join_of(r, CNI_JOIN_LEFT, x, y, eq(r, col_at(r, x, 1), col_at(r, y, 2)));
    const cni_plan *plan = filter_of(r, join, eq(r, col_at(r, x, 0), num(r, 1)));
    const cni_expr *groups[] = {col_at(r, y, 3)};
    CHECK_PLAN(r, apply(r, cni_rule_projection_merge, aggregate_of(r, plan, groups, 1, NULL, 0)),
               "Aggregate groups=[u.s] aggregates=[]\n"
               "  Filter t.id = 1\n"
               "    Join left predicate=t.a = u.b\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
    /* the columns that come out have their ids */
    CHECK_PLAN(r, apply(r, cni_rule_projection_merge, plan),
               "Project [t.id, t.a, t.b, t.s, u.id, u.a, u.b, u.s]\n"
               "  Filter t.id = 1\n"
               "    Join left predicate=t.a = u.b\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

static void
test_right_side_without_output(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *y = renamed(r, scan_of(r, "u"));
    const cni_plan *semi = join_of(r, CNI_JOIN_SEMI, t, y, eq(r, col_at(r, t, 1), col_at(r, y, 2)));
    CHECK_PLAN(r, apply(r, cni_rule_projection_merge, semi),
               "Join semi predicate=t.a = u.b\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "  Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

/* Rows compared whole keep their columns. */
static void
test_distinct_keeps_its_columns(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *exprs[] = {col(r, t, "b")};
    const cni_plan *narrow =
        filter_of(r, project_of(r, t, exprs, 1), eq(r, col(r, t, "b"), num(r, 1)));
    CHECK_PLAN(r, apply(r, cni_rule_projection_merge, distinct_of(r, narrow)),
               "Distinct\n"
               "  Project [t.b AS p0]\n"
               "    Filter t.b = 1\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_joins, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_right_side_without_output, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_distinct_keeps_its_columns, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
