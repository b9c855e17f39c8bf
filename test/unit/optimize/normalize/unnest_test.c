/* SPDX-License-Identifier: Apache-2.0
 *
 * Unnesting over plans made by hand: which joins come out, that no domain is left where equalities
 * give its columns, and what stands where it is needed.
 */
#include "unit/optimize/normalize/unnest_fixture.h"

/* ---- EXISTS, IN ---- */

static void
test_exists(void **state)
{
    un_open(state);
    expect_plan(where(un.t, exists(where(un.u, eq(X, A)))), "Join semi predicate=x = a\n"
                                                            "  Scan t columns=[a, b, c]\n"
                                                            "  Scan u columns=[x, y, z]\n");
    expect_plan(
        where(un.t, not_of(exists(where(un.u, both(eq(X, A), cmp(col(Y), CNI_LT, col(B))))))),
        "Join anti predicate=x = a AND y < b\n"
        "  Scan t columns=[a, b, c]\n"
        "  Scan u columns=[x, y, z]\n");
    expect_plan(where(un.t, exists(limit_of(select1(where(un.u, eq(X, A)), num(1), "one"), 5, 0))),
                "Join semi predicate=x = a\n"
                "  Scan t columns=[a, b, c]\n"
                "  Scan u columns=[x, y, z]\n");
    expect_plan(where(un.t, exists(un.u)), "Join semi\n"
                                           "  Scan t columns=[a, b, c]\n"
                                           "  Limit limit=1\n"
                                           "    Scan u columns=[x, y, z]\n");
    expect_plan(where(un.t, either(exists(where(un.u, eq(X, A))), cmp(col(B), CNI_GT, num(1)))),
                "Project [a, b, c]\n"
                "  Filter mark OR b > 1\n"
                "    Join mark predicate=x = a\n"
                "      Scan t columns=[a, b, c]\n"
                "      Scan u columns=[x, y, z]\n");
}

static void
test_in(void **state)
{
    un_open(state);
    expect_plan(where(un.t, in(col(A), select1(un.u, col(X), "x"))),
                "Join semi predicate=a = x\n"
                "  Scan t columns=[a, b, c]\n"
                "  Project [x]\n"
                "    Scan u columns=[x, y, z]\n");
    expect_plan(where(un.t, not_of(in(col(A), select1(un.u, col(X), "x")))),
                "Join anti null_aware predicate=a = x\n"
                "  Scan t columns=[a, b, c]\n"
                "  Project [x]\n"
                "    Scan u columns=[x, y, z]\n");
    expect_plan(where(un.t, not_of(in(col(A), select1(where(un.u, eq(Y, B)), col(X), "x")))),
                "Join anti null_aware predicate=b IS NOT DISTINCT FROM y AND a = x\n"
                "  Scan t columns=[a, b, c]\n"
                "  Filter y IS NOT NULL\n"
                "    Project [x, y]\n"
                "      Scan u columns=[x, y, z]\n");
    expect_plan(
        where(un.t,
              not_of(in(col(A), select1(where(un.u, cmp(col(Y), CNI_LT, col(B))), col(X), "x")))),
        "Join anti null_aware predicate=CASE WHEN y < b THEN TRUE ELSE FALSE END AND a = x\n"
        "  Scan t columns=[a, b, c]\n"
        "  Project [x, y]\n"
        "    Scan u columns=[x, y, z]\n");
    expect_plan(select1(un.t, in(col(A), select1(where(un.u, eq(Y, B)), col(X), "x")), "m"),
                "Project [mark AS m]\n"
                "  Join mark null_aware predicate=b IS NOT DISTINCT FROM y AND a = x\n"
                "    Scan t columns=[a, b, c]\n"
                "    Filter y IS NOT NULL\n"
                "      Project [x, y]\n"
                "        Scan u columns=[x, y, z]\n");
    expect_plan(where(un.t, subquery(CNI_SUBQUERY_ALL, CNI_GT, col(A), select1(un.u, col(X), "x"))),
                "Join anti null_aware predicate=a <= x\n"
                "  Scan t columns=[a, b, c]\n"
                "  Project [x]\n"
                "    Scan u columns=[x, y, z]\n");
}

static void
test_scalar(void **state)
{
    un_open(state);
    expect_plan(
        where(un.t, cmp(col(A), CNI_GT, scalar(aggregate(un.u, NULL, call("max", col(X)))))),
        "Project [a, b, c]\n"
        "  Join inner predicate=a > max\n"
        "    Scan t columns=[a, b, c]\n"
        "    Aggregate groups=[] aggregates=[max(x)] rows~1\n"
        "      Scan u columns=[x, y, z]\n");
    expect_plan(
        where(un.t, cmp(col(A), CNI_GT,
                        scalar(aggregate(where(un.u, eq(X, B)), NULL, call("max", col(Y)))))),
        "Project [a, b, c]\n"
        "  Filter a > max\n"
        "    Join left predicate=b = key\n"
        "      Scan t columns=[a, b, c]\n"
        "      Aggregate groups=[x] aggregates=[max(y)]\n"
        "        Scan u columns=[x, y, z]\n");
    expect_plan(
        select1(un.t, scalar(aggregate(where(un.u, eq(X, B)), NULL, call("count", NULL))), "n"),
        "Project [CASE WHEN count IS NULL THEN 0 ELSE count END AS n]\n"
        "  Join left predicate=b = key\n"
        "    Scan t columns=[a, b, c]\n"
        "    Aggregate groups=[x] aggregates=[count()]\n"
        "      Scan u columns=[x, y, z]\n");
    expect_plan(select1(un.t, scalar(select1(where(un.u, eq(X, B)), col(Y), "y")), "y"),
                "Project [y]\n"
                "  Join single predicate=x = b\n"
                "    Scan t columns=[a, b, c]\n"
                "    Project [y, x]\n"
                "      Scan u columns=[x, y, z]\n");
    expect_plan(select1(un.t,
                        scalar(select1(where(un.u, eq(X, B)),
                                       fixture_call(un.f, "+", col(Y), col(A)), "y")),
                        "y"),
                "Project [CASE WHEN present THEN y + a ELSE NULL END AS y]\n"
                "  Join single predicate=x = b\n"
                "    Scan t columns=[a, b, c]\n"
                "    Project [x, y, TRUE AS present]\n"
                "      Project [x, y]\n"
                "        Scan u columns=[x, y, z]\n");
    expect_plan(select1(un.t,
                        scalar(limit_of(
                            sort_of(select1(where(un.u, eq(X, B)), col(Y), "y"), col(Y)), 1, 0)),
                        "y"),
                "Project [y]\n"
                "  Join left predicate=x = b\n"
                "    Scan t columns=[a, b, c]\n"
                "    Distinct on=[x] limit=1\n"
                "      Sort [y]\n"
                "        Project [y, x]\n"
                "          Scan u columns=[x, y, z]\n");
    expect_plan(select1(un.t,
                        scalar(aggregate(where(un.u, cmp(col(X), CNI_LT, col(B))), NULL,
                                         call("sum", col(Y)))),
                        "s"),
                "Project [sum AS s]\n"
                "  Join left predicate=b IS NOT DISTINCT FROM key\n"
                "    Scan t columns=[a, b, c]\n"
                "    Aggregate groups=[b] aggregates=[sum(y)]\n"
                "      Join inner predicate=x < b\n"
                "        Distinct\n"
                "          Project [b]\n"
                "            Scan t columns=[a, b, c]\n"
                "        Scan u columns=[x, y, z]\n");
    expect_plan(
        select1(un.t, scalar(aggregate(where(un.u, eq(X, B)), NULL, call("list", col(Y)))), "l"),
        "Project [list AS l]\n"
        "  Join left predicate=b IS NOT DISTINCT FROM key\n"
        "    Scan t columns=[a, b, c]\n"
        "    Aggregate groups=[b] aggregates=[list(y) FILTER (WHERE present IS NOT NULL)]\n"
        "      Join left predicate=x = b\n"
        "        Distinct\n"
        "          Project [b]\n"
        "            Scan t columns=[a, b, c]\n"
        "        Project [x, y, z, TRUE AS present]\n"
        "          Scan u columns=[x, y, z]\n");
    const cni_plan *counted = aggregate(where(un.u, eq(X, B)), NULL, call("count", NULL));
    expect_plan(
        select1(un.t, scalar(where(counted, cmp(col(id_of(counted, 0)), CNI_LT, num(3)))), "n"),
        "Project [CASE WHEN CASE WHEN count IS NULL THEN 0 ELSE count END < 3 THEN CASE WHEN count "
        "IS NULL THEN 0 ELSE count END ELSE NULL END AS n]\n"
        "  Join left predicate=b = key\n"
        "    Scan t columns=[a, b, c]\n"
        "    Aggregate groups=[x] aggregates=[count()]\n"
        "      Scan u columns=[x, y, z]\n");
}

static void
test_more(void **state)
{
    un_open(state);
    int32_t v[3];
    const cni_plan *u2 = another_u(v);
    /* nested, two levels up */
    const cni_plan *inner = where(u2, both(eq(v[0], X), eq(v[1], A)));
    expect_plan(
        where(un.t, exists(where(un.u, both(eq(Y, B), exists(inner))))),
        "Join semi predicate=a#0 IS NOT DISTINCT FROM a#16 AND b#1 IS NOT DISTINCT FROM b#17\n"
        "  Scan t columns=[a, b, c]\n"
        "  Join semi predicate=y#11 = a AND x#10 = x#3\n"
        "    Join inner predicate=y = b\n"
        "      Distinct\n"
        "        Project [a, b]\n"
        "          Scan t columns=[a, b, c]\n"
        "      Scan u columns=[x, y, z]\n"
        "    Scan u2 columns=[x, y, z]\n");
    expect_plan(
        where(un.t,
              exists(where(un.u, both(cmp(col(Y), CNI_LT, col(B)),
                                      not_of(exists(where(u2, both(eq(v[0], X), eq(v[1], A))))))))),
        "Join semi predicate=a#0 IS NOT DISTINCT FROM a#21 AND b#1 IS NOT DISTINCT FROM b#22\n"
        "  Scan t columns=[a, b, c]\n"
        "  Join anti predicate=y#11 = a AND x#10 = x#3\n"
        "    Join inner predicate=y < b\n"
        "      Distinct\n"
        "        Project [a, b]\n"
        "          Scan t columns=[a, b, c]\n"
        "      Scan u columns=[x, y, z]\n"
        "    Scan u2 columns=[x, y, z]\n");
    /* union */
    expect_plan(where(un.t, in(col(B), union_of(select1(where(un.u, eq(X, A)), col(Y), "y"),
                                                select1(where(u2, eq(v[0], A)), col(v[1]), "y")))),
                "Join semi predicate=a#0 IS NOT DISTINCT FROM a#26 AND b = y\n"
                "  Scan t columns=[a, b, c]\n"
                "  UnionAll\n"
                "    Project [y, x AS a]\n"
                "      Filter x IS NOT NULL\n"
                "        Project [y, x]\n"
                "          Scan u columns=[x, y, z]\n"
                "    Project [y, x AS a]\n"
                "      Filter x IS NOT NULL\n"
                "        Project [y, x]\n"
                "          Scan u2 columns=[x, y, z]\n");
    expect_plan(where(un.t, in(col(B), distinct_of(select1(where(un.u, cmp(col(X), CNI_LT, col(A))),
                                                           col(Y), "y")))),
                "Join semi predicate=a IS NOT DISTINCT FROM key AND b = y\n"
                "  Scan t columns=[a, b, c]\n"
                "  Distinct\n"
                "    Project [y, a AS key]\n"
                "      Join inner predicate=x < a\n"
                "        Distinct\n"
                "          Project [a]\n"
                "            Scan t columns=[a, b, c]\n"
                "        Project [y, x]\n"
                "          Scan u columns=[x, y, z]\n");
    /* lateral */
    const cni_plan *lateral = limit_of(sort_of(where(un.u, eq(X, A)), col(Y)), 2, 1);
    expect_plan(join_of(CNI_JOIN_LEFT, un.t, lateral, NULL), "Join left predicate=x = a\n"
                                                             "  Scan t columns=[a, b, c]\n"
                                                             "  Distinct on=[x] limit=2 offset=1\n"
                                                             "    Sort [y]\n"
                                                             "      Scan u columns=[x, y, z]\n");
    expect_plan(join_of(CNI_JOIN_INNER, un.t,
                        aggregate(where(un.u, eq(X, A)), NULL, call("count", NULL)), NULL),
                "Project [a, b, c, CASE WHEN count IS NULL THEN 0 ELSE count END AS count]\n"
                "  Join left predicate=a = key\n"
                "    Scan t columns=[a, b, c]\n"
                "    Aggregate groups=[x] aggregates=[count()]\n"
                "      Scan u columns=[x, y, z]\n");
    /* left join below */
    expect_plan(
        where(un.t, exists(where(join_of(CNI_JOIN_LEFT, un.u, u2, both(eq(X, v[0]), eq(v[1], A))),
                                 eq(Y, B)))),
        "Join semi predicate=a#0 IS NOT DISTINCT FROM a#39 AND y#4 = b\n"
        "  Scan t columns=[a, b, c]\n"
        "  Join left predicate=x#3 = x#10 AND y#11 = a\n"
        "    Join cross\n"
        "      Distinct\n"
        "        Project [a]\n"
        "          Scan t columns=[a, b, c]\n"
        "      Scan u columns=[x, y, z]\n"
        "    Scan u2 columns=[x, y, z]\n");
    expect_plan(
        where(un.t, exists(where(join_of(CNI_JOIN_FULL, un.u, u2, both(eq(X, v[0]), eq(v[1], A))),
                                 eq(Y, B)))),
        "Join semi predicate=a#0 IS NOT DISTINCT FROM key AND y#4 = b\n"
        "  Scan t columns=[a, b, c]\n"
        "  Project [a#43 AS a, x#3 AS x, y#4 AS y, z#5 AS z, a#47 AS a, x#10 AS x, y#11 AS y, z#12 "
        "AS z, CASE WHEN a#43 IS NOT NULL THEN a#43 ELSE a#47 END AS key]\n"
        "    Join full predicate=a#43 IS NOT DISTINCT FROM a#47 AND x#3 = x#10 AND y#11 = a#43\n"
        "      Join cross\n"
        "        Distinct\n"
        "          Project [a]\n"
        "            Scan t columns=[a, b, c]\n"
        "        Scan u columns=[x, y, z]\n"
        "      Join cross\n"
        "        Distinct\n"
        "          Project [a]\n"
        "            Scan t columns=[a, b, c]\n"
        "        Scan u2 columns=[x, y, z]\n");
}

/* A second row of a subquery that CASE does not ask for is no error: the condition is the join's.
 */
static void
test_case(void **state)
{
    un_open(state);
    const cni_expr *args[] = {cmp(col(A), CNI_EQ, num(1)),
                              scalar(select1(where(un.u, eq(X, B)), col(Y), "y")), col(C)};
    const cni_expr node = {
        .kind = CNI_EXPR_CASE, .type = args[2]->type, .n_args = 3, .args = args, .sql_offset = -1};
    const cni_expr *choice = NULL;
    assert_cn_ok(un.f, cni_expr_new(un.f->arena, &node, &choice, &un.f->err));
    expect_plan(select1(un.t, choice, "c"),
                "Project [CASE WHEN a = 1 THEN y ELSE c END AS c]\n"
                "  Join single predicate=x = b AND CASE WHEN a = 1 THEN TRUE ELSE FALSE END\n"
                "    Scan t columns=[a, b, c]\n"
                "    Project [y, x]\n"
                "      Scan u columns=[x, y, z]\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNNEST_TEST(test_exists), UNNEST_TEST(test_in),   UNNEST_TEST(test_scalar),
        UNNEST_TEST(test_more),   UNNEST_TEST(test_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
