/* SPDX-License-Identifier: Apache-2.0
 *
 * Many relations: chains, stars and cliques of 64 are planned within a second, by the greedy way
 * and deterministically; 12 of them by DPhyp within its budget.
 */
#include "base/thread.h"
#include "unit/optimize/join_order/join_order_fixture.h"

#define MAX_RELATIONS 64

typedef enum shape {
    SHAPE_CHAIN,
    SHAPE_STAR,
    SHAPE_CLIQUE /* one column that all agree on */
} shape;

static const cni_expr *
link_of(tree_maker *maker, const cni_plan *const *relations, int32_t at, shape form)
{
    const cni_plan *other = relations[form == SHAPE_CHAIN ? at - 1 : 0];
    const int32_t column = form == SHAPE_CHAIN ? 1 : form == SHAPE_STAR ? at % 2 : 0;
    const cni_expr *left =
        fixture_column(maker->f, other->columns[column].id, other->columns[column].type);
    const cni_expr *right =
        fixture_column(maker->f, relations[at]->columns[0].id, relations[at]->columns[0].type);
    const cni_expr *expr = NULL;
    assert_cn_ok(maker->f,
                 cni_expr_compare(maker->f->arena, CNI_EQ, left, right, &expr, &maker->f->err));
    return expr;
}

/* Crosses with all equalities in one filter above, as FROM a, b, c WHERE gives them. */
static const cni_plan *
make_query(tree_maker *maker, int32_t n_relations, shape form)
{
    const cni_plan *relations[MAX_RELATIONS];
    const cni_expr *links[MAX_RELATIONS];
    const cni_expr *all = NULL;
    const cni_plan *plan = NULL;
    for (int32_t at = 0; at < n_relations; at++) {
        relations[at] = maker_relation(maker);
        if (at == 0) {
            plan = relations[0];
            continue;
        }
        links[at - 1] = link_of(maker, relations, at, form);
        assert_cn_ok(maker->f, cni_plan_join(&maker->builder, CNI_JOIN_INNER, plan, relations[at],
                                             NULL, false, &plan, &maker->f->err));
    }
    assert_cn_ok(maker->f, cni_expr_junction(maker->f->arena, CNI_EXPR_AND, links, n_relations - 1,
                                             &all, &maker->f->err));
    assert_cn_ok(maker->f, cni_plan_filter(&maker->builder, plan, all, &plan, &maker->f->err));
    return plan;
}

static const char *
ordered_text(fixture *f, int32_t n_relations, shape form, double *out_ms)
{
    tree_maker maker = {.f = f, .seed = 7, .rows = 20};
    cni_plan_builder_init(&maker.builder, f->arena, 0);
    const cni_plan *plan = make_query(&maker, n_relations, form);
    cni_rule_env env = {.arena = f->arena, .builder = maker.builder, .context = &f->context};
    const cni_plan *ordered = NULL;
    const int64_t start_ns = cni_clock_ns();
    assert_cn_ok(f, cni_rule_join_order(&env, plan, &ordered, &f->err));
    *out_ms = (double)(cni_clock_ns() - start_ns) / 1e6;
    assert_cn_ok(f, cni_plan_validate(ordered, &f->err));
    return fixture_plan_text(f, ordered);
}

static int32_t
count(const char *text, const char *part)
{
    int32_t n = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        n++;
    }
    return n;
}

static void
check_shape(int32_t n_relations, shape form)
{
    void *state = NULL;
    double ms = 0.0;
    fixture_open(&state);
    fixture *f = state;
    const char *first = ordered_text(f, n_relations, form, &ms);
    assert_int_equal(count(first, "Join inner"), n_relations - 1);
    assert_int_equal(count(first, "Join inner predicate"), n_relations - 1); /* no cross product */
    assert_true(ms < 20000.0); /* a second in a release build; sanitizers are slower */
    print_message("%d relations, shape %d: %.1f ms\n", n_relations, (int)form, ms);
    assert_string_equal(first, ordered_text(f, n_relations, form, &ms));
    fixture_close(&state);
}

static void
large_queries_are_planned(void **state)
{
    (void)state;
    for (int32_t form = SHAPE_CHAIN; form <= SHAPE_CLIQUE; form++) {
        check_shape(8, (shape)form);
        check_shape(12, (shape)form);
        check_shape(MAX_RELATIONS, (shape)form);
    }
}

/* Beyond 256 relations nothing is moved, and nothing is lost. */
static void
too_many_relations_stay(void **state)
{
    fixture_open(state);
    fixture *f = *state;
    tree_maker maker = {.f = f, .seed = 3, .rows = 2};
    cni_plan_builder_init(&maker.builder, f->arena, 0);
    const cni_plan *plan = maker_relation(&maker);
    for (int32_t at = 0; at < CNI_GREEDY_MAX; at++) {
        assert_cn_ok(f, cni_plan_join(&maker.builder, CNI_JOIN_SEMI, plan, maker_relation(&maker),
                                      maker_column(&maker, plan)->type->id == CNI_TYPE_INT64
                                          ? maker_conjunct(&maker, plan, plan)
                                          : NULL,
                                      false, &plan, &f->err));
    }
    cni_rule_env env = {.arena = f->arena, .builder = maker.builder, .context = &f->context};
    const cni_plan *ordered = NULL;
    assert_cn_ok(f, cni_rule_join_order(&env, plan, &ordered, &f->err));
    assert_cn_ok(f, cni_plan_validate(ordered, &f->err));
    assert_int_equal(count(fixture_plan_text(f, ordered), "Join semi"), CNI_GREEDY_MAX);
    fixture_close(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_queries_are_planned),
        cmocka_unit_test(too_many_relations_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
