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
}

static void
test_scalar_with_domain(void **state)
{
    un_open(state);
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

/* A subquery within a subquery names the outermost query. */
static void
test_nested(void **state)
{
    un_open(state);
    int32_t v[3];
    const cni_plan *u2 = another_u(v);
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
}

static void
test_union_and_distinct(void **state)
{
    un_open(state);
    int32_t v[3];
    const cni_plan *u2 = another_u(v);
    expect_plan(where(un.t, in(col(B), union_of(select1(where(un.u, eq(X, A)), col(Y), "y"),
                                                select1(where(u2, eq(v[0], A)), col(v[1]), "y")))),
                "Join semi predicate=a#0 IS NOT DISTINCT FROM a#16 AND b = y\n"
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
}

static void
test_lateral(void **state)
{
    un_open(state);
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
    /* Rows of expressions over the left side. */
    const cni_field field = {.name = CNI_STR("x"), .type = cni_type_of(CNI_TYPE_INT64)};
    const cni_expr *const rows[] = {col(A), num(7)};
    const cni_plan *values = NULL;
    assert_cn_ok(un.f, cni_plan_values(&un.env.builder, &field, 1, rows, 2, &values, &un.f->err));
    expect_plan(join_of(CNI_JOIN_INNER, un.t, values, NULL),
                "Project [a, b, c, CASE WHEN row = 0 THEN a ELSE 7 END AS x]\n"
                "  Join cross\n"
                "    Scan t columns=[a, b, c]\n"
                "    Values [0] [1]\n");
}

static void
test_outer_joins_inside(void **state)
{
    un_open(state);
    int32_t v[3];
    const cni_plan *u2 = another_u(v);
    expect_plan(
        where(un.t, exists(where(join_of(CNI_JOIN_LEFT, un.u, u2, both(eq(X, v[0]), eq(v[1], A))),
                                 eq(Y, B)))),
        "Join semi predicate=a#0 IS NOT DISTINCT FROM a#16 AND y#4 = b\n"
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
        "  Project [a#20 AS a, x#3 AS x, y#4 AS y, z#5 AS z, a#24 AS a, x#10 AS x, y#11 AS y, z#12 "
        "AS z, CASE WHEN a#20 IS NOT NULL THEN a#20 ELSE a#24 END AS key]\n"
        "    Join full predicate=a#20 IS NOT DISTINCT FROM a#24 AND x#3 = x#10 AND y#11 = a#20\n"
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

/* A left side that is not cheap is made once, for itself and for D. */
static void
test_shared_left(void **state)
{
    un_open(state);
    int32_t v[3];
    const cni_plan *u2 = another_u(v);
    const cni_plan *left = join_of(CNI_JOIN_INNER, un.t, u2, eq(A, v[0]));
    const cni_plan *below = where(un.u, cmp(col(X), CNI_LT, col(B)));
    expect_plan(select1(left, scalar(aggregate(below, NULL, call("max", col(Y)))), "m"),
                "Project [max AS m]\n"
                "  With left side\n"
                "    Join inner predicate=a = x\n"
                "      Scan t columns=[a, b, c]\n"
                "      Scan u2 columns=[x, y, z]\n"
                "    Join left predicate=b IS NOT DISTINCT FROM key\n"
                "      CteScan left side columns=[a, b, c, x, y, z]\n"
                "      Aggregate groups=[b] aggregates=[max(y)]\n"
                "        Join inner predicate=x < b\n"
                "          Distinct\n"
                "            Project [b]\n"
                "              CteScan left side columns=[a, b, c, x, y, z]\n"
                "          Scan u columns=[x, y, z]\n");
}

/* A definition inside the subquery that names the query around it. */
static void
test_with(void **state)
{
    un_open(state);
    const cni_plan *definition = select1(where(un.u, eq(X, A)), col(Y), "y");
    const cni_plan *scan = NULL;
    const cni_plan *with = NULL;
    const int32_t cte_id = cni_plan_new_cte_id(&un.env.builder);
    assert_cn_ok(un.f, cni_plan_cte_scan(&un.env.builder, cte_id, CNI_STR("w"), definition->columns,
                                         1, &scan, &un.f->err));
    assert_cn_ok(un.f, cni_plan_with(&un.env.builder, cte_id, definition, scan, CNI_STR("w"), &with,
                                     &un.f->err));
    expect_plan(where(un.t, in(col(B), with)),
                "Join semi predicate=a#0 IS NOT DISTINCT FROM a#13 AND b = y\n"
                "  Scan t columns=[a, b, c]\n"
                "  With w\n"
                "    Project [y, x AS a]\n"
                "      Filter x IS NOT NULL\n"
                "        Project [y, x]\n"
                "          Scan u columns=[x, y, z]\n"
                "    Project [y, a]\n"
                "      CteScan w columns=[y, a]\n");
}

/* From the left column up: each step adds one. */
static void
test_recursive(void **state)
{
    un_open(state);
    const cni_plan *base = select1(where(un.u, eq(X, A)), col(Y), "y");
    const cni_plan *step = NULL;
    const cni_plan *plan = NULL;
    const int32_t cte_id = cni_plan_new_cte_id(&un.env.builder);
    assert_cn_ok(un.f, cni_plan_cte_scan(&un.env.builder, cte_id, CNI_STR("r"), base->columns, 1,
                                         &step, &un.f->err));
    step = where(step, cmp(col(id_of(step, 0)), CNI_LT, col(B)));
    step = select1(step, fixture_call(un.f, "+", col(id_of(step, 0)), num(1)), "y");
    assert_cn_ok(un.f, cni_plan_recursive(&un.env.builder, cte_id, CNI_STR("r"), base, step, true,
                                          &plan, &un.f->err));
    expect_plan(where(un.t, in(col(C), plan)),
                "Join semi predicate=a#0 IS NOT DISTINCT FROM a#30 AND b#1 IS NOT DISTINCT FROM "
                "b#31 AND c = y\n"
                "  Scan t columns=[a, b, c]\n"
                "  Recursive r distinct\n"
                "    Project [y, a, b]\n"
                "      Join inner predicate=x = a\n"
                "        Distinct\n"
                "          Project [a, b]\n"
                "            Scan t columns=[a, b, c]\n"
                "        Project [y, x]\n"
                "          Scan u columns=[x, y, z]\n"
                "    Project [#12 AS y, a#26 AS a, b#27 AS b]\n"
                "      Project [a#26 AS a, b#27 AS b, y, a#14 AS a, b#15 AS b, y + 1]\n"
                "        Join inner predicate=a#26 IS NOT DISTINCT FROM a#14 AND b#27 IS NOT "
                "DISTINCT FROM b#15 AND y < b#27\n"
                "          Distinct\n"
                "            Project [a, b]\n"
                "              Scan t columns=[a, b, c]\n"
                "          Project [y, a, b]\n"
                "            Project [y, a, b]\n"
                "              CteScan r columns=[y, a, b]\n");
}

/* What the method does not reach is refused by name. */
static void
test_refused(void **state)
{
    un_open(state);
    const cni_plan *plan = join_of(CNI_JOIN_FULL, un.t, where(un.u, eq(X, A)), NULL);
    un.f->err = (cn_error)CN_ERROR_INIT;
    assert_int_equal(cni_normalize(&un.env, plan, &plan, &un.f->err), CN_NOT_IMPLEMENTED);
    assert_non_null(strstr(un.f->err.message, "FULL JOIN LATERAL"));
    int32_t v[3];
    const cni_plan *u2 = another_u(v);
    const cni_plan *about_both = where(u2, both(eq(v[0], A), eq(v[1], X)));
    plan = join_of(CNI_JOIN_LEFT, un.t, un.u, exists(about_both));
    un.f->err = (cn_error)CN_ERROR_INIT;
    assert_int_equal(cni_normalize(&un.env, plan, &plan, &un.f->err), CN_NOT_IMPLEMENTED);
    assert_non_null(strstr(un.f->err.message, "refers to both sides"));
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
        UNNEST_TEST(test_exists),      UNNEST_TEST(test_in),
        UNNEST_TEST(test_scalar),      UNNEST_TEST(test_scalar_with_domain),
        UNNEST_TEST(test_nested),      UNNEST_TEST(test_union_and_distinct),
        UNNEST_TEST(test_lateral),     UNNEST_TEST(test_outer_joins_inside),
        UNNEST_TEST(test_shared_left), UNNEST_TEST(test_with),
        UNNEST_TEST(test_recursive),   UNNEST_TEST(test_refused),
        UNNEST_TEST(test_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
