/* SPDX-License-Identifier: Apache-2.0
 *
 * Predicates on trees of inner joins: where each conjunct lands, when inputs change places, and
 * what stays above because it may fail.
 */
#include "unit/optimize/normalize/unnest_fixture.h"

static int32_t v[3]; /* columns of a third table, u2 */

static const cni_plan *
cross(const cni_plan *a, const cni_plan *b)
{
    return join_of(CNI_JOIN_INNER, a, b, NULL);
}

static void
test_placed(void **state)
{
    un_open(state);
    expect_plan(where(cross(un.t, un.u), both(eq(A, X), cmp(col(Y), CNI_GT, num(3)))),
                "Join inner predicate=a = x\n"
                "  Scan t columns=[a, b, c]\n"
                "  Filter y > 3\n"
                "    Scan u columns=[x, y, z]\n");
    const cni_plan *u2 = another_u(v);
    expect_plan(where(cross(cross(un.t, un.u), u2),
                      both(eq(A, X), both(eq(Y, v[0]), cmp(col(B), CNI_LT, col(v[1]))))),
                "Join inner predicate=y#4 = x#10 AND b < y#11\n"
                "  Join inner predicate=a = x\n"
                "    Scan t columns=[a, b, c]\n"
                "    Scan u columns=[x, y, z]\n"
                "  Scan u2 columns=[x, y, z]\n");
    /* Bushy, as written; predicates of the joins and of a filter between them. */
    const cni_plan *right = where(cross(un.u, u2), eq(X, v[0]));
    expect_plan(join_of(CNI_JOIN_INNER, un.t, right, both(eq(A, Y), eq(X, v[1]))),
                "Join inner predicate=a = y#4\n"
                "  Scan t columns=[a, b, c]\n"
                "  Join inner predicate=x#3 = x#10 AND x#3 = y#11\n"
                "    Scan u columns=[x, y, z]\n"
                "    Scan u2 columns=[x, y, z]\n");
    /* Other joins are inputs. */
    const cni_plan *outer = join_of(CNI_JOIN_LEFT, un.u, u2, eq(X, v[0]));
    expect_plan(where(cross(un.t, outer), both(eq(A, X), cmp(col(v[1]), CNI_GT, num(0)))),
                "Join inner predicate=a = x#3\n"
                "  Scan t columns=[a, b, c]\n"
                "  Filter y#11 > 0\n"
                "    Join left predicate=x#3 = x#10\n"
                "      Scan u columns=[x, y, z]\n"
                "      Scan u2 columns=[x, y, z]\n");
}

static void
test_reordered(void **state)
{
    un_open(state);
    const cni_plan *u2 = another_u(v);
    /* t and u are connected through u2 only. */
    expect_plan(where(cross(cross(un.t, un.u), u2), both(eq(A, v[0]), eq(X, v[1]))),
                "Project [a, b, c, x#3 AS x, y#4 AS y, z#5 AS z, x#10 AS x, y#11 AS y, z#12 AS z]\n"
                "  Join inner predicate=x#3 = y#11\n"
                "    Join inner predicate=a = x\n"
                "      Scan t columns=[a, b, c]\n"
                "      Scan u2 columns=[x, y, z]\n"
                "    Scan u columns=[x, y, z]\n");
    /* Nothing connects u: a product stays, last. */
    expect_plan(where(cross(cross(un.t, un.u), u2), eq(A, v[0])),
                "Project [a, b, c, x#3 AS x, y#4 AS y, z#5 AS z, x#10 AS x, y#11 AS y, z#12 AS z]\n"
                "  Join cross\n"
                "    Join inner predicate=a = x\n"
                "      Scan t columns=[a, b, c]\n"
                "      Scan u2 columns=[x, y, z]\n"
                "    Scan u columns=[x, y, z]\n");
    /* Two inputs keep their places. */
    expect_plan(where(cross(un.t, un.u), cmp(col(A), CNI_GT, num(0))),
                "Join cross\n"
                "  Filter a > 0\n"
                "    Scan t columns=[a, b, c]\n"
                "  Scan u columns=[x, y, z]\n");
}

static void
test_fallible(void **state)
{
    un_open(state);
    const cni_plan *u2 = another_u(v);
    const cni_expr *sum = fixture_call(un.f, "+", col(A), col(X));
    const cni_expr *divided = fixture_call(un.f, "//", col(Y), col(Z));
    /* Above the join that the equality is on; the one behind it may move. */
    expect_plan(where(cross(un.t, un.u), both(eq(B, Y), both(cmp(divided, CNI_GT, num(1)),
                                                             cmp(col(C), CNI_EQ, num(2))))),
                "Filter y // z > 1\n"
                "  Join inner predicate=b = y\n"
                "    Filter c = 2\n"
                "      Scan t columns=[a, b, c]\n"
                "    Scan u columns=[x, y, z]\n");
    /* As part of the join's own predicate it stays there. */
    expect_plan(
        cross(join_of(CNI_JOIN_INNER, un.t, un.u, both(eq(B, Y), cmp(sum, CNI_GT, num(1)))), u2),
        "Join cross\n"
        "  Join inner predicate=b = y AND a + x > 1\n"
        "    Scan t columns=[a, b, c]\n"
        "    Scan u columns=[x, y, z]\n"
        "  Scan u2 columns=[x, y, z]\n");
    /* An equality that is all there is against a product. */
    expect_plan(
        where(cross(un.t, un.u), cmp(fixture_call(un.f, "+", col(A), num(1)), CNI_EQ, col(X))),
        "Join inner predicate=a + 1 = x\n"
        "  Scan t columns=[a, b, c]\n"
        "  Scan u columns=[x, y, z]\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        UNNEST_TEST(test_placed),
        UNNEST_TEST(test_reordered),
        UNNEST_TEST(test_fallible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
