/* SPDX-License-Identifier: Apache-2.0
 *
 * projection_pushdown through joins, WITH, recursion and REPEAT: what is not used above is not
 * read, positions of CTE_SCANs follow their definition.
 */
#include "rule_fixture.h"

static void
test_join(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join = join_of(r, CNI_JOIN_LEFT, t, u, eq(r, col(r, t, "id"), col(r, u, "a")));
    const cni_expr *exprs[] = {col(r, u, "s"), col(r, t, "b")};
    CHECK_PLAN(r, apply(r, cni_rule_projection_pushdown, project_of(r, join, exprs, 2)),
               "Project [u.s AS p0, t.b AS p1]\n"
               "  Join left predicate=t.id = u.a\n"
               "    Scan t columns=[t.id, t.b]\n"
               "    Scan u columns=[u.a, u.s]\n");
}

static void
test_mark(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join = join_of(r, CNI_JOIN_MARK, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_expr *exprs[] = {col(r, join, "mark")};
    CHECK_PLAN(r, apply(r, cni_rule_projection_pushdown, project_of(r, join, exprs, 1)),
               "Project [mark AS p0]\n"
               "  Join mark predicate=t.a = u.a\n"
               "    Scan t columns=[t.a]\n"
               "    Scan u columns=[u.a]\n");
}

/* Rows are compared whole: the columns of a join below that nobody wants must not come into it. */
static void
test_distinct_over_join(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join =
        join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "id"), col(r, u, "id")));
    const cni_expr *exprs[] = {col(r, u, "s")};
    const cni_plan *plan = distinct_of(r, project_of(r, join, exprs, 1));
    CHECK_PLAN(r, apply(r, cni_rule_projection_pushdown, plan),
               "Distinct\n"
               "  Project [u.s AS p0]\n"
               "    Join inner predicate=t.id = u.id\n"
               "      Scan t columns=[t.id]\n"
               "      Scan u columns=[u.id, u.s]\n");
}

static void
test_with(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *one = NULL;
    const cni_plan *two = NULL;
    const cni_plan *with = NULL;
    const int32_t cte = cni_plan_new_cte_id(&r->env.builder);
    assert_cn_ok(&r->f, cni_plan_cte_scan(&r->env.builder, cte, CNI_STR("w"), t->columns,
                                          t->n_columns, &one, &r->f.err));
    assert_cn_ok(&r->f, cni_plan_cte_scan(&r->env.builder, cte, CNI_STR("w"), t->columns,
                                          t->n_columns, &two, &r->f.err));
    const cni_plan *join =
        join_of(r, CNI_JOIN_INNER, one, two, eq(r, col(r, one, "b"), col(r, two, "b")));
    const cni_expr *exprs[] = {col(r, two, "s")};
    assert_cn_ok(&r->f, cni_plan_with(&r->env.builder, cte, t, project_of(r, join, exprs, 1),
                                      CNI_STR("w"), &with, &r->f.err));
    const cni_plan *pruned = apply(r, cni_rule_projection_pushdown, with);
    CHECK_PLAN(r, pruned,
               "With w\n"
               "  Scan t columns=[t.b, t.s]\n"
               "  Project [t.s AS p0]\n"
               "    Join inner predicate=t.b#7 = t.b#11\n"
               "      CteScan w columns=[t.b]\n"
               "      CteScan w columns=[t.b, t.s]\n");
    const cni_plan *scans = pruned->children[1]->children[0];
    assert_int_equal(pruned->children[0]->n_columns, 2);
    assert_int_equal(scans->children[0]->table_columns[0], 0);
    assert_int_equal(scans->children[1]->table_columns[1], 1);
}

static void
test_recursive_keeps_its_columns(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *scan = NULL;
    const cni_plan *recursive = NULL;
    const int32_t cte = cni_plan_new_cte_id(&r->env.builder);
    assert_cn_ok(&r->f, cni_plan_cte_scan(&r->env.builder, cte, CNI_STR("w"), t->columns,
                                          t->n_columns, &scan, &r->f.err));
    const cni_plan *join =
        join_of(r, CNI_JOIN_INNER, scan, u, eq(r, col(r, scan, "id"), col(r, u, "a")));
    const cni_expr *step[] = {col(r, u, "id"), col(r, u, "a"), col(r, u, "b"), col(r, u, "s")};
    assert_cn_ok(&r->f,
                 cni_plan_recursive(&r->env.builder, cte, CNI_STR("w"), t,
                                    project_of(r, join, step, 4), false, &recursive, &r->f.err));
    const cni_expr *exprs[] = {col_at(r, recursive, 3)};
    CHECK_PLAN(r, apply(r, cni_rule_projection_pushdown, project_of(r, recursive, exprs, 1)),
               "Project [t.s AS p0]\n"
               "  Recursive w\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Project [u.id AS p0, u.a AS p1, u.b AS p2, u.s AS p3]\n"
               "      Join inner predicate=t.id = u.a\n"
               "        CteScan w columns=[t.id]\n"
               "        Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_join, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_mark, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_distinct_over_join, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_with, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_recursive_keeps_its_columns, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
