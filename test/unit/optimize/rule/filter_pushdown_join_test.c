/* SPDX-License-Identifier: Apache-2.0
 *
 * filter_pushdown at joins: which side of which kind takes which conjunct, from above and from ON,
 * and that what may raise stays.
 */
#include "rule_fixture.h"

/* ON u.b < 7 AND t.a > 2 AND t.id = u.a, and above: t.b = 1 AND (t.s or u.s) IS NULL mixed. */
static const cni_plan *
both_kinds(rule_fixture *r, cni_join_kind kind)
{
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *on = both(
        r, cmp(r, CNI_LT, col(r, u, "b"), num(r, 7)),
        both(r, cmp(r, CNI_GT, col(r, t, "a"), num(r, 2)), eq(r, col(r, t, "id"), col(r, u, "a"))));
    const cni_plan *join = join_of(r, kind, t, u, on);
    return filter_of(r, join, eq(r, col(r, t, "b"), num(r, 1)));
}

static void
test_each_kind(void **state)
{
    rule_fixture *r = *state;
    static const struct {
        cni_join_kind kind;
        const char *plan;
    } cases[] = {
        {CNI_JOIN_INNER, "Join inner predicate=t.id = u.a\n"
                         "  Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.a > 2, t.b = 1]\n"
                         "  Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.b < 7]\n"},
        {CNI_JOIN_SEMI, "Join semi predicate=t.id = u.a\n"
                        "  Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.a > 2, t.b = 1]\n"
                        "  Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.b < 7]\n"},
        {CNI_JOIN_LEFT, "Join left predicate=t.a > 2 AND t.id = u.a\n"
                        "  Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.b = 1]\n"
                        "  Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.b < 7]\n"},
        {CNI_JOIN_SINGLE, "Join single predicate=t.a > 2 AND t.id = u.a\n"
                          "  Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.b = 1]\n"
                          "  Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.b < 7]\n"},
        {CNI_JOIN_ANTI, "Join anti predicate=t.a > 2 AND t.id = u.a\n"
                        "  Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.b = 1]\n"
                        "  Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.b < 7]\n"},
        {CNI_JOIN_MARK, "Join mark predicate=t.a > 2 AND t.id = u.a\n"
                        "  Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.b = 1]\n"
                        "  Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.b < 7]\n"},
        {CNI_JOIN_FULL, "Filter t.b = 1\n"
                        "  Join full predicate=u.b < 7 AND t.a > 2 AND t.id = u.a\n"
                        "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
                        "    Scan u columns=[u.id, u.a, u.b, u.s]\n"},
    };
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        const cni_plan *plan = both_kinds(r, cases[index].kind);
        CHECK_PLAN(r, apply(r, cni_rule_filter_pushdown, plan), cases[index].plan);
    }
}

/* An unknown conjunct makes the answer of a null-aware join unknown: it may not drop rows. */
static void
test_null_aware(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *key = eq(r, col(r, t, "a"), col(r, u, "a"));
    const cni_plan *plan = null_aware_of(r, CNI_JOIN_ANTI, t, u,
                                         both(r, key, cmp(r, CNI_LT, col(r, u, "b"), num(r, 7))));
    CHECK_PLAN(r, apply(r, cni_rule_filter_pushdown, plan),
               "Join anti null_aware predicate=t.a = u.a AND u.b < 7\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "  Scan u columns=[u.id, u.a, u.b, u.s]\n");
    plan = null_aware_of(r, CNI_JOIN_ANTI, t, u,
                         both(r, key, cmp(r, CNI_LT, col(r, u, "id"), num(r, 7))));
    CHECK_PLAN(r, apply(r, cni_rule_filter_pushdown, plan),
               "Join anti null_aware predicate=t.a = u.a\n"
               "  Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "  Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.id < 7]\n");
}

static void
test_the_mark_stays_above(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *mark = join_of(r, CNI_JOIN_MARK, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_plan *plan =
        filter_of(r, mark, either(r, col(r, mark, "mark"), eq(r, col(r, t, "b"), num(r, 1))));
    CHECK_PLAN(r, apply(r, cni_rule_filter_pushdown, plan),
               "Filter mark OR t.b = 1\n"
               "  Join mark predicate=t.a = u.a\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

/* 10 / x raises where x = 0: never below a join, which may drop such rows. */
static void
test_what_may_raise_stays(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *key = eq(r, col(r, t, "id"), col(r, u, "id"));
    const cni_plan *join =
        join_of(r, CNI_JOIN_INNER, t, u, both(r, key, fallible(r, col(r, u, "a"))));
    const cni_plan *plan =
        filter_of(r, join, both(r, fallible(r, col(r, t, "a")), eq(r, col(r, t, "b"), num(r, 1))));
    CHECK_PLAN(r, apply(r, cni_rule_filter_pushdown, plan),
               "Filter 10 / t.a = 1\n"
               "  Join inner predicate=t.id = u.id AND 10 / u.a = 1\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.b = 1]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

static void
test_through_with_and_repeat(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *scan = NULL;
    const cni_plan *with = NULL;
    const cni_plan *repeat = NULL;
    const int32_t cte = cni_plan_new_cte_id(&r->env.builder);
    assert_cn_ok(&r->f, cni_plan_cte_scan(&r->env.builder, cte, CNI_STR("w"), t->columns,
                                          t->n_columns, &scan, &r->f.err));
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join =
        join_of(r, CNI_JOIN_INNER, scan, u, eq(r, col(r, scan, "id"), col(r, u, "id")));
    assert_cn_ok(&r->f,
                 cni_plan_with(&r->env.builder, cte, t, join, CNI_STR("w"), &with, &r->f.err));
    assert_cn_ok(&r->f, cni_plan_repeat(&r->env.builder, with, num(r, 2), &repeat, &r->f.err));
    const cni_plan *plan =
        filter_of(r, repeat,
                  both(r, eq(r, col(r, scan, "a"), num(r, 1)),
                       both(r, eq(r, col(r, u, "a"), num(r, 2)), fallible(r, col(r, u, "b")))));
    CHECK_PLAN(r, apply(r, cni_rule_filter_pushdown, plan),
               "Filter 10 / u.b = 1\n"
               "  Repeat count=2\n"
               "    With w\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "      Join inner predicate=t.id = u.id\n"
               "        Filter t.a = 1\n"
               "          CteScan w columns=[t.id, t.a, t.b, t.s]\n"
               "        Scan u columns=[u.id, u.a, u.b, u.s] filters=[u.a = 2]\n");
}

/* What a scan filters already is not asked for again; another filter joins the first. */
static void
test_twice(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *first = eq(r, col(r, t, "a"), num(r, 1));
    const cni_plan *once = apply(r, cni_rule_filter_pushdown, filter_of(r, t, first));
    const cni_plan *again = filter_of(r, once, both(r, first, eq(r, col(r, t, "b"), num(r, 2))));
    CHECK_PLAN(r, apply(r, cni_rule_filter_pushdown, again),
               "Scan t columns=[t.id, t.a, t.b, t.s] filters=[t.a = 1, t.b = 2]\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_kind, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_null_aware, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_the_mark_stays_above, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_what_may_raise_stays, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_through_with_and_repeat, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_twice, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
