/* SPDX-License-Identifier: Apache-2.0
 *
 * eager_aggregation: groupings below the join whose left rows are the groups, and groupings in two
 * steps.
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

/* ---- in two steps ---- */

static const cni_plan *
grouped(rule_fixture *r, const cni_plan *join, const cni_expr *group, const cni_expr *call)
{
    return aggregate_of(r, join, &group, 1, &call, 1);
}

static void
test_part_first(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join = join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_expr *groups[] = {col(r, t, "id")};
    const cni_expr *calls[] = {agg(r, "sum", col(r, u, "b")), agg(r, "avg", col(r, u, "b")),
                               agg(r, "count", NULL),         agg(r, "min", col(r, u, "id")),
                               agg(r, "sum", col(r, t, "b")), agg(r, "count", col(r, t, "s"))};
    CHECK_PLAN(
        r, apply(r, cni_rule_eager_aggregation, aggregate_of(r, join, groups, 1, calls, 6)),
        "Aggregate groups=[t.id] aggregates=[sum_of_parts(sum_part), avg_of_parts(sum_part, "
        "count#22), count_of_parts(count#23), min(min), sum_times(t.b, count#23), "
        "count_times(t.s, count#23)]\n"
        "  Join inner predicate=t.a = u.a\n"
        "    Scan t columns=[t.id, t.a, t.b, t.s]\n"
        "    Aggregate groups=[u.a] aggregates=[sum_part(u.b), count(u.b), count(), min(u.id)]\n"
        "      Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

/* The part is found below other joins, filters and projections; what they name is a key of it. */
static void
test_part_below(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *w = scan_of(r, "w");
    const cni_plan *inner = join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_plan *left = join_of(r, CNI_JOIN_LEFT, inner, w,
                                   both(r, eq(r, col(r, w, "id"), col(r, u, "id")),
                                        cmp(r, CNI_LT, col(r, t, "b"), col(r, w, "b"))));
    CHECK_PLAN(r,
               apply(r, cni_rule_eager_aggregation,
                     grouped(r, left, col(r, w, "s"), agg(r, "sum", col(r, t, "id")))),
               "Aggregate groups=[w.s] aggregates=[sum_of_parts(sum_part)]\n"
               "  Join left predicate=w.id = u.id AND t.b < w.b\n"
               "    Join inner predicate=t.a = u.a\n"
               "      Aggregate groups=[t.a, t.b] aggregates=[sum_part(t.id)]\n"
               "        Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "      Scan u columns=[u.id, u.a, u.b, u.s]\n"
               "    Scan w columns=[w.id, w.a, w.b, w.s]\n");
}

static void
check_stays(rule_fixture *r, const cni_plan *join, const cni_expr *group, const cni_expr *call)
{
    const cni_plan *plan = grouped(r, join, group, call);
    assert_ptr_equal(apply(r, cni_rule_eager_aggregation, plan), plan);
}

static void
test_part_stays(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_expr *repeats = eq(r, col(r, t, "a"), col(r, u, "a"));
    const cni_plan *join = join_of(r, CNI_JOIN_INNER, t, u, repeats);
    const cni_expr *group = col(r, t, "b");
    const cni_expr *real = NULL;
    assert_cn_ok(&r->f, cni_expr_cast(r->f.arena, col(r, u, "b"), cni_type_of(CNI_TYPE_FLOAT64),
                                      false, &real, &r->f.err));
    /* sums of floats, arguments of both sides, what order decides, what may raise */
    check_stays(r, join, group, agg(r, "sum", real));
    check_stays(r, join, group,
                agg(r, "sum", fixture_call(&r->f, "+", col(r, u, "b"), col(r, t, "b"))));
    check_stays(r, join, group, agg(r, "first", col(r, u, "b")));
    const cni_plan *full = join_of(r, CNI_JOIN_FULL, t, u, repeats);
    check_stays(r, full, group, agg(r, "sum", col(r, u, "b")));
    /* rows that do not repeat: nothing shrinks */
    const cni_plan *keys =
        join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "id"), col(r, u, "id")));
    check_stays(r, keys, group, agg(r, "sum", col(r, u, "b")));
    /* a join that leaves few of the rows is the better filter */
    const cni_plan *few = join_of(
        r, CNI_JOIN_INNER, t,
        filter_of(r, u,
                  both(r, eq(r, col(r, u, "id"), num(r, 7)), eq(r, col(r, u, "a"), num(r, 1)))),
        repeats);
    check_stays(r, few, col(r, u, "b"), agg(r, "sum", col(r, t, "b")));
}

/* A sum over the part that may raise is not computed for rows that nobody meets; the other side may
 * be grouped, as it meets the same rows. */
static void
test_what_may_raise(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *join = join_of(r, CNI_JOIN_INNER, t, u, eq(r, col(r, t, "a"), col(r, u, "a")));
    const cni_expr *raises = fixture_call(&r->f, "/", num(r, 10), col(r, u, "b"));
    const cni_plan *made = apply(r, cni_rule_eager_aggregation,
                                 grouped(r, join, col(r, u, "id"), agg(r, "sum", raises)));
    CHECK_PLAN(r, made,
               "Aggregate groups=[u.id] aggregates=[sum_times(10 / u.b, count)]\n"
               "  Join inner predicate=t.a = u.a\n"
               "    Aggregate groups=[t.a] aggregates=[count()]\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "    Scan u columns=[u.id, u.a, u.b, u.s]\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_left_rows_are_groups, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_what_stays, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_part_first, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_part_below, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_part_stays, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_what_may_raise, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
