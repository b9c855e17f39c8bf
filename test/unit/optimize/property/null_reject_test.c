/* SPDX-License-Identifier: Apache-2.0
 *
 * Null-rejecting predicates: every kind of expression, in three-valued logic.
 */
#include "../rule/rule_fixture.h"

static void
test_predicates(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    const cni_expr *a = col(r, t, "a");
    const cni_expr *b = col(r, t, "b");
    const cni_expr *not_a = NULL;
    const cni_expr *in_list = NULL;
    const cni_expr *branches = NULL;
    const cni_expr *a1 = eq(r, a, num(r, 1));
    const cni_expr *b1 = eq(r, b, num(r, 1));
    cni_id_set only_a = {0};
    assert_cn_ok(&r->f, cni_id_set_add(r->f.arena, &only_a, a->column_id, &r->f.err));
    assert_cn_ok(&r->f, cni_expr_not(r->f.arena, a1, &not_a, &r->f.err));
    const cni_expr *list[] = {a, num(r, 1), b};
    const cni_expr in = {.kind = CNI_EXPR_IN,
                         .negated = true,
                         .type = cni_type_of(CNI_TYPE_BOOL),
                         .n_args = 3,
                         .args = list,
                         .sql_offset = -1};
    assert_cn_ok(&r->f, cni_expr_new(r->f.arena, &in, &in_list, &r->f.err));
    const cni_expr *arms[] = {is_null_of(r, a, false), b1, a1};
    const cni_expr choice = {.kind = CNI_EXPR_CASE,
                             .type = cni_type_of(CNI_TYPE_BOOL),
                             .n_args = 3,
                             .args = arms,
                             .sql_offset = -1};
    assert_cn_ok(&r->f, cni_expr_new(r->f.arena, &choice, &branches, &r->f.err));
    const struct {
        const cni_expr *predicate;
        bool rejects;
    } cases[] = {
        {a1, true},
        {not_a, true},
        {in_list, true},
        {branches, false},
        {b1, false},
        {both(r, a1, b1), true},
        {either(r, a1, b1), false},
        {either(r, a1, both(r, b1, cmp(r, CNI_LT, a, b))), true},
        {is_null_of(r, a, false), false},
        {is_null_of(r, a, true), true},
        {is_null_of(r, fixture_call(&r->f, "+", a, b), true), true},
        {fallible(r, a), true},
        {fallible(r, b), false},
        {either(r, fallible(r, b), a1), false},
        {both(r, fallible(r, b), a1), true},
        {eq(r, fixture_call(&r->f, "coalesce", a, num(r, 1)), num(r, 1)), false},
    };
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        if (cni_expr_rejects_nulls(cases[index].predicate, &only_a) != cases[index].rejects) {
            fail_msg("%s", fixture_expr_text(&r->f, cases[index].predicate));
        }
    }
}

/* a = 1 OR b = 1 rejects where both are NULL. */
static void
test_sets(void **state)
{
    rule_fixture *r = *state;
    const cni_plan *t = scan_of(r, "t");
    cni_id_set all = {0};
    assert_cn_ok(&r->f, cni_id_set_add_plan(r->f.arena, &all, t, &r->f.err));
    assert_true(cni_expr_rejects_nulls(
        either(r, eq(r, col(r, t, "a"), num(r, 1)), eq(r, col(r, t, "b"), num(r, 1))), &all));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_predicates, rule_open, rule_close),
        cmocka_unit_test_setup_teardown(test_sets, rule_open, rule_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
