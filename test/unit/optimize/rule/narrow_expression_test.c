/* SPDX-License-Identifier: Apache-2.0
 *
 * narrow_expression: what only an expression needs does not travel through joins, sorts and
 * windows; what may raise, changes per call or must see real rows stays where it was written.
 */
#include "rule_fixture.h"

static const cni_expr *
length_of(rule_fixture *r, const cni_expr *text)
{
    return fixture_call(&r->f, "length", text, NULL);
}

/* count(*) over rows of `plan` for which the predicate holds. */
static const cni_plan *
count_where(rule_fixture *r, const cni_plan *plan, const cni_expr *predicate)
{
    const cni_expr *calls[] = {agg(r, "count", NULL)};
    return aggregate_of(r, predicate == NULL ? plan : filter_of(r, plan, predicate), NULL, 0, calls,
                        1);
}

static const cni_plan *
t_joins_u(rule_fixture *r, cni_join_kind kind,
          const cni_expr *(*more)(rule_fixture *r, const cni_plan *t, const cni_plan *u))
{
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *keys = eq(r, col(r, t, "a"), col(r, u, "a"));
    return join_of(r, kind, t, u, more == NULL ? keys : both(r, keys, more(r, t, u)));
}

static const cni_expr *
lengths(rule_fixture *r, const cni_plan *t, const cni_plan *u)
{
    return cmp(r, CNI_GT,
               fixture_call(&r->f, "+", length_of(r, col(r, t, "s")), length_of(r, col(r, u, "s"))),
               num(r, 9));
}

static void
test_both_sides_of_a_join(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *join = t_joins_u(r, CNI_JOIN_INNER, lengths);
    const cni_expr *outputs[] = {col(r, join, "t.b"), col(r, join, "u.b")};
    CHECK_PLAN(r, apply(r, cni_rule_narrow_expression, project_of(r, join, outputs, 2)),
               "Project [t.b AS p0, u.b AS p1]\n"
               "  Join inner predicate=t.a = u.a AND length(t.s) + length(u.s) > 9\n"
               "    Project [t.id, t.a, t.b, length(t.s)]\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Project [u.id, u.a, u.b, length(u.s)]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

static void
test_a_column_that_is_named_stays(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *join = t_joins_u(r, CNI_JOIN_INNER, lengths);
    const cni_expr *outputs[] = {col(r, join, "t.s"), col(r, join, "u.b")};
    const cni_plan *plan = project_of(r, join, outputs, 2);
    CHECK_PLAN(r, apply(r, cni_rule_narrow_expression, plan),
               "Project [t.s AS p0, u.b AS p1]\n"
               "  Join inner predicate=t.a = u.a AND length(t.s) + length(u.s) > 9\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Project [u.id, u.a, u.b, length(u.s)]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
    /* all columns come out, or are compared */
    const cni_plan *sides[] = {join, distinct_of(r, join)};
    for (int32_t at = 0; at < 2; at++) {
        assert_ptr_equal(apply(r, cni_rule_narrow_expression, sides[at]), sides[at]);
    }
}

/* Through a projection in between, and used at two heights: computed once, at the lowest place. */
static void
test_the_lowest_place(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *lower = t_joins_u(r, CNI_JOIN_INNER, NULL);
    const cni_expr *passed[] = {col(r, lower, "t.b"), col(r, lower, "u.s"), col(r, lower, "u.id")};
    const cni_plan *between = project_of(r, lower, passed, 3);
    const cni_plan *v = scan_of(r, "v");
    const cni_expr *length = length_of(r, passed[1]);
    const cni_plan *upper =
        join_of(r, CNI_JOIN_INNER, between, v,
                both(r, eq(r, passed[2], col(r, v, "a")), cmp(r, CNI_GT, length, col(r, v, "b"))));
    CHECK_PLAN(r,
               apply(r, cni_rule_narrow_expression,
                     count_where(r, upper, cmp(r, CNI_GT, length, num(r, 3)))),
               "Aggregate groups=[] aggregates=[count()] rows~1\n"
               "  Filter length(u.s) > 3\n"
               "    Join inner predicate=p2 = v.a AND length(u.s) > v.b\n"
               "      Project [t.b AS p0, u.id AS p2, length(u.s)]\n"
               "        Join inner predicate=t.a = u.a\n"
               "          Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "          Project [u.id, u.a, u.b, length(u.s)]\n"
               "            Scan u columns=[u.id, u.a, u.b, u.s]\n"
               "      Scan v columns=[v.id, v.a, v.b, v.s]\n");
}

/* ---- rows of NULLs ---- */

static void
test_padded_rows(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *join = t_joins_u(r, CNI_JOIN_LEFT, NULL);
    const cni_expr *text = col(r, join, "u.s");
    const cni_expr *length = length_of(r, text);
    static const char *narrowed = "Aggregate groups=[] aggregates=[count()] rows~1\n"
                                  "  Filter coalesce(length(u.s), 0) > 3\n"
                                  "    Join left predicate=t.a = u.a\n"
                                  "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
                                  "      Project [u.id, u.a, u.b, length(u.s)]\n"
                                  "        Scan u columns=[u.id, u.a, u.b, u.s]\n";
    CHECK_PLAN(r,
               apply(r, cni_rule_narrow_expression,
                     count_where(r, join,
                                 cmp(r, CNI_GT, fixture_call(&r->f, "coalesce", length, num(r, 0)),
                                     num(r, 3)))),
               narrowed);
    const cni_plan *nulls = count_where(r, join, is_null_of(r, text, false));
    assert_ptr_equal(apply(r, cni_rule_narrow_expression, nulls), nulls);
    /* the padded side only */
    const cni_plan *left = count_where(r, join, is_null_of(r, col(r, join, "t.s"), false));
    CHECK_PLAN(r, apply(r, cni_rule_narrow_expression, left),
               "Aggregate groups=[] aggregates=[count()] rows~1\n"
               "  Filter t.s IS NULL\n"
               "    Join left predicate=t.a = u.a\n"
               "      Project [t.id, t.a, t.b, t.s IS NULL]\n"
               "        Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
    const cni_plan *full = t_joins_u(r, CNI_JOIN_FULL, NULL);
    const cni_plan *either_side = count_where(r, full,
                                              either(r, is_null_of(r, col(r, full, "t.s"), true),
                                                     is_null_of(r, col(r, full, "u.s"), true)));
    assert_ptr_equal(apply(r, cni_rule_narrow_expression, either_side), either_side);
}

/* A LEFT join's own predicate sees rows that are there: IS NULL may go below. */
static const cni_expr *
u_is_null(rule_fixture *r, const cni_plan *t, const cni_plan *u)
{
    return either(r, is_null_of(r, col(r, u, "s"), false),
                  cmp(r, CNI_GT, col(r, t, "b"), num(r, 3)));
}

static void
test_predicates_of_outer_joins(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *join = t_joins_u(r, CNI_JOIN_LEFT, u_is_null);
    CHECK_PLAN(r, apply(r, cni_rule_narrow_expression, count_where(r, join, NULL)),
               "Aggregate groups=[] aggregates=[count()] rows~1\n"
               "  Join left predicate=t.a = u.a AND (u.s IS NULL OR t.b > 3)\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Project [u.id, u.a, u.b, u.s IS NULL]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

/* ---- what stays ---- */

static void
test_what_may_raise_stays(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *join = t_joins_u(r, CNI_JOIN_INNER, NULL);
    const cni_expr *length = length_of(r, col(r, join, "u.s"));
    CHECK_PLAN(r, apply(r, cni_rule_narrow_expression, count_where(r, join, fallible(r, length))),
               "Aggregate groups=[] aggregates=[count()] rows~1\n"
               "  Filter 10 / length(u.s) = 1\n"
               "    Join inner predicate=t.a = u.a\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "      Project [u.id, u.a, u.b, length(u.s)]\n"
               "        Scan u columns=[u.id, u.a, u.b, u.s]\n");
    const cni_expr *text = col(r, join, "u.s");
    const cni_expr *number = NULL;
    assert_cn_ok(&r->f, cni_expr_cast(r->f.arena, text, cni_type_of(CNI_TYPE_INT64), false, &number,
                                      &r->f.err));
    const cni_plan *cast = count_where(r, join, eq(r, number, num(r, 3)));
    assert_ptr_equal(apply(r, cni_rule_narrow_expression, cast), cast);
    /* a text of a text is no narrower */
    const cni_expr *upper = fixture_call(&r->f, "upper", text, NULL);
    const cni_expr *outputs[] = {upper};
    const cni_plan *wide = project_of(r, join, outputs, 1);
    assert_ptr_equal(apply(r, cni_rule_narrow_expression, wide), wide);
}

/* The left side is passed by, not stored: computing for rows that the join drops is a loss. */
static void
test_few_rows_are_kept(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *one = filter_of(r, u, eq(r, col(r, u, "id"), num(r, 3)));
    const cni_expr *keys = eq(r, col(r, t, "id"), col(r, u, "id"));
    const cni_expr *length = cmp(r, CNI_GT, length_of(r, col(r, t, "s")), num(r, 3));
    const cni_plan *probed = count_where(r, join_of(r, CNI_JOIN_INNER, t, one, keys), length);
    assert_ptr_equal(apply(r, cni_rule_narrow_expression, probed), probed);
    const cni_plan *built = apply(r, cni_rule_narrow_expression,
                                  count_where(r, join_of(r, CNI_JOIN_INNER, one, t, keys), length));
    CHECK_PLAN(r, built,
               "Aggregate groups=[] aggregates=[count()] rows~1\n"
               "  Filter length(t.s) > 3\n"
               "    Join inner predicate=t.id = u.id\n"
               "      Filter u.id = 3\n"
               "        Scan u columns=[u.id, u.a, u.b, u.s]\n"
               "      Project [t.id, t.a, t.b, length(t.s) > 3]\n"
               "        Scan t columns=[t.id, t.a, t.b, t.s]\n");
}

/* ---- expressions within expressions, sorts ---- */

static void
test_inner_expressions_serve_outer_ones(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *join = t_joins_u(r, CNI_JOIN_INNER, NULL);
    const cni_expr *length = length_of(r, col(r, join, "u.s"));
    const cni_expr *octets = fixture_call(&r->f, "octet_length", col(r, join, "u.s"), NULL);
    const cni_expr *outputs[] = {length, cmp(r, CNI_GT, length, num(r, 3)),
                                 cmp(r, CNI_GT, octets, length)};
    CHECK_PLAN(r, apply(r, cni_rule_narrow_expression, project_of(r, join, outputs, 3)),
               "Project [length(u.s) AS p0, length(u.s) > 3 AS p1, "
               "octet_length(u.s) > length(u.s) AS p2]\n"
               "  Join inner predicate=t.a = u.a\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Project [u.id, u.a, u.b, length(u.s), octet_length(u.s) > length(u.s)]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

static void
test_sorts_carry_what_is_used(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *outputs[] = {length_of(r, col(r, t, "s"))};
    static const char *narrowed = "Project [length(t.s) AS p0]\n"
                                  "  Sort [t.b]\n"
                                  "    Project [t.id, t.a, t.b, length(t.s)]\n"
                                  "      Scan t columns=[t.id, t.a, t.b, t.s]\n";
    const cni_plan *by_number = sort_of(r, t, col(r, t, "b"));
    CHECK_PLAN(r, apply(r, cni_rule_narrow_expression, project_of(r, by_number, outputs, 1)),
               narrowed);
    const cni_plan *by_text = project_of(r, sort_of(r, t, col(r, t, "s")), outputs, 1);
    assert_ptr_equal(apply(r, cni_rule_narrow_expression, by_text), by_text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both_sides_of_a_join, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_a_column_that_is_named_stays, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_the_lowest_place, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_padded_rows, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_predicates_of_outer_joins, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_what_may_raise_stays, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_few_rows_are_kept, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_inner_expressions_serve_outer_ones, rule_open,
                                        rule_close),
        cmocka_unit_test_setup_teardown(test_sorts_carry_what_is_used, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
