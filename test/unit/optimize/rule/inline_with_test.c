/* SPDX-License-Identifier: Apache-2.0
 *
 * inline_with: definitions read once, nowhere, or cheap to read again.
 */
#include "rule_fixture.h"

/* WITH w AS definition: readers of it cross joined, or a literal row. */
static const cni_plan *
with_readers(rule_fixture *r, const cni_plan *definition, int32_t n_readers)
{
    const cni_plan *body = NULL;
    const cni_plan *with = NULL;
    const int32_t cte = cni_plan_new_cte_id(&r->env.builder);
    for (int32_t reader = 0; reader < n_readers; reader++) {
        const cni_plan *scan = NULL;
        assert_cn_ok(&r->f,
                     cni_plan_cte_scan(&r->env.builder, cte, CNI_STR("w"), definition->columns,
                                       definition->n_columns, &scan, &r->f.err));
        body = body == NULL ? scan : join_of(r, CNI_JOIN_INNER, body, scan, NULL);
    }
    body = body == NULL ? scan_of(r, "z") : body;
    assert_cn_ok(&r->f, cni_plan_with(&r->env.builder, cte, definition, body, CNI_STR("w"), &with,
                                      &r->f.err));
    return with;
}

static void
test_readers(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *groups[] = {col(r, t, "a")};
    const cni_plan *dear = aggregate_of(r, t, groups, 1, NULL, 0);
    assert_int_equal(apply(r, cni_rule_inline_with, with_readers(r, dear, 0))->kind, CNI_PLAN_SCAN);
    CHECK_PLAN(r, apply(r, cni_rule_inline_with, with_readers(r, dear, 1)),
               "Project [t.a]\n"
               "  Aggregate groups=[t.a] aggregates=[]\n"
               "    Scan t columns=[t.id, t.a, t.b, t.s]\n");
    const cni_plan *twice = with_readers(r, dear, 2);
    assert_ptr_equal(apply(r, cni_rule_inline_with, twice), twice);
    const cni_plan *cheap = filter_of(r, t, eq(r, col(r, t, "a"), num(r, 1)));
    CHECK_PLAN(r, apply(r, cni_rule_inline_with, with_readers(r, cheap, 2)),
               "Join cross\n"
               "  Project [t.id, t.a, t.b, t.s]\n"
               "    Filter t.a = 1\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n"
               "  Project [t.id, t.a, t.b, t.s]\n"
               "    Filter t.a = 1\n"
               "      Scan t columns=[t.id, t.a, t.b, t.s]\n");
    r->tables[0].base.one_shot = true;
    twice = with_readers(r, cheap, 2);
    assert_ptr_equal(apply(r, cni_rule_inline_with, twice), twice);
    r->tables[0].base.one_shot = false;
    const cni_plan *raises = with_readers(r, filter_of(r, t, fallible(r, col(r, t, "a"))), 2);
    assert_ptr_equal(apply(r, cni_rule_inline_with, raises), raises);
}

/* The step of a recursion would compute it again and again. */
static void
test_in_a_step(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_plan *u = scan_of(r, "u");
    const cni_plan *inside = NULL;
    const cni_plan *again = NULL;
    const cni_plan *recursive = NULL;
    const cni_plan *with = NULL;
    const int32_t outer = cni_plan_new_cte_id(&r->env.builder);
    const int32_t cte = cni_plan_new_cte_id(&r->env.builder);
    assert_cn_ok(&r->f, cni_plan_cte_scan(&r->env.builder, outer, CNI_STR("w"), t->columns, 4,
                                          &inside, &r->f.err));
    assert_cn_ok(&r->f, cni_plan_cte_scan(&r->env.builder, cte, CNI_STR("x"), u->columns, 4, &again,
                                          &r->f.err));
    const cni_plan *join =
        join_of(r, CNI_JOIN_SEMI, again, inside, eq(r, col_at(r, again, 0), col_at(r, inside, 0)));
    assert_cn_ok(&r->f, cni_plan_recursive(&r->env.builder, cte, CNI_STR("x"), u, join, true,
                                           &recursive, &r->f.err));
    const cni_plan *dear = distinct_of(r, t);
    assert_cn_ok(&r->f, cni_plan_with(&r->env.builder, outer, dear, recursive, CNI_STR("w"), &with,
                                      &r->f.err));
    assert_ptr_equal(apply(r, cni_rule_inline_with, with), with);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readers, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_in_a_step, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
