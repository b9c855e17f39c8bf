/* SPDX-License-Identifier: Apache-2.0
 *
 * Random trees of every kind of join give the same rows in the order that was found, by DPhyp and
 * by the greedy way; plans stay valid; DPhyp finds what looking at every division of every set
 * finds.
 */
#include "unit/optimize/join_order/join_order_fixture.h"

#define N_TREES 1500

static cni_rule_env
env_of(fixture *f, cni_plan_builder builder)
{
    return (cni_rule_env){.arena = f->arena, .builder = builder, .context = &f->context};
}

static void
compare_plans(fixture *f, const cni_plan *plan, const cni_plan *ordered, uint64_t seed)
{
    rows before = {0};
    rows after = {0};
    assert_cn_ok(f, cni_plan_validate(ordered, &f->err));
    run_plan(plan, &before);
    run_plan(ordered, &after);
    assert_int_equal(before.n_columns, after.n_columns);
    assert_memory_equal(before.ids, after.ids, sizeof(int32_t) * (size_t)before.n_columns);
    if (!before.too_big && !after.too_big &&
        (before.n_rows != after.n_rows || rows_digest(&before) != rows_digest(&after))) {
        fail_msg("seed %llu: %d rows, then %d\n%s\n%s", (unsigned long long)seed, before.n_rows,
                 after.n_rows, fixture_plan_text(f, plan), fixture_plan_text(f, ordered));
    }
    test_free(before.cells);
    test_free(after.cells);
}

/* A graph of the whole plan, ready for enumeration; false when it is not one region. */
static bool
make_graph(fixture *f, cni_rule_env *env, const cni_plan *plan, cni_join_graph *graph)
{
    bool fits = false;
    *graph = (cni_join_graph){.env = env, .n_ids = env->builder.next_column_id};
    assert_cn_ok(f, cni_estimator_new(f->arena, &f->context, &graph->estimator, &f->err));
    assert_cn_ok(f, cni_arena_alloc_array(f->arena, graph->n_ids, 4, &graph->homes, &f->err));
    for (int32_t id = 0; id < graph->n_ids; id++) {
        graph->homes[id] = INT32_MIN;
    }
    if (!cni_join_is_region(plan)) {
        return false;
    }
    assert_cn_ok(f, cni_join_collect(graph, plan, &fits, &f->err));
    if (fits) {
        assert_cn_ok(f, cni_join_find_conflicts(graph, &f->err));
        assert_cn_ok(f, cni_join_estimate(graph, &f->err));
    }
    return fits;
}

/* The cheapest tree by every division of every set. */
static const cni_join_tree *
by_brute_force(fixture *f, cni_join_graph *graph)
{
    const uint32_t n_sets = 1U << graph->n_relations;
    const cni_join_tree **table = NULL;
    assert_cn_ok(f, cni_arena_alloc_array(f->arena, n_sets, sizeof(void *), &table, &f->err));
    for (uint32_t set = 1; set < n_sets; set++) {
        if ((set & (set - 1)) == 0) {
            assert_cn_ok(f, cni_join_leaf(graph, __builtin_ctz(set), &table[set], &f->err));
            continue;
        }
        for (uint32_t part = (set - 1) & set; part > (set ^ part); part = (part - 1) & set) {
            cni_join_outcome outcome;
            if (table[part] == NULL || table[set ^ part] == NULL) {
                continue;
            }
            cni_join_try(graph, table[part], table[set ^ part], false,
                         table[set] == NULL ? -1.0 : table[set]->rows, &outcome);
            if (outcome.is_valid && (table[set] == NULL || outcome.tree.cost < table[set]->cost)) {
                cni_join_tree *tree = NULL;
                assert_cn_ok(f, CN_ARENA_NEW(f->arena, &tree, &f->err));
                *tree = outcome.tree;
                table[set] = tree;
            }
        }
    }
    return table[n_sets - 1];
}

static void
check_tree(fixture *f, uint64_t seed, int32_t kinds, int32_t n_relations)
{
    tree_maker maker = {.f = f, .seed = seed, .kinds = kinds, .rows = 4};
    cni_plan_builder_init(&maker.builder, f->arena, 0);
    const cni_plan *plan = maker_tree(&maker, n_relations);
    cni_rule_env env = env_of(f, maker.builder);
    const cni_plan *ordered = NULL;
    assert_cn_ok(f, cni_plan_validate(plan, &f->err));
    assert_cn_ok(f, cni_rule_join_order(&env, plan, &ordered, &f->err));
    compare_plans(f, plan, ordered, seed);
}

static void
check_greedy(fixture *f, uint64_t seed, int32_t kinds, int32_t n_relations)
{
    tree_maker maker = {.f = f, .seed = seed, .kinds = kinds, .rows = 4};
    cni_join_graph graph;
    const cni_join_tree *tree = NULL;
    cni_plan_builder_init(&maker.builder, f->arena, 0);
    const cni_plan *plan = maker_tree(&maker, n_relations);
    cni_rule_env env = env_of(f, maker.builder);
    if (!make_graph(f, &env, plan, &graph)) {
        return;
    }
    assert_cn_ok(f, cni_join_greedy(&graph, &tree, &f->err));
    if (tree != NULL) {
        const cni_plan *ordered = NULL;
        const cni_expr *exprs[JOIN_MAX_COLUMNS];
        cni_str names[JOIN_MAX_COLUMNS];
        assert_cn_ok(f, cni_join_rebuild(&graph, tree, &ordered, &f->err));
        for (int32_t column = 0; column < plan->n_columns; column++) {
            exprs[column] = fixture_column(f, plan->columns[column].id, plan->columns[column].type);
            names[column] = plan->columns[column].name;
        }
        assert_cn_ok(f, cni_plan_project(&env.builder, ordered, exprs, names, plan->n_columns,
                                         &ordered, &f->err));
        compare_plans(f, plan, ordered, seed);
    }
}

/* DPhyp may find more (it multiplies components), never something dearer; rows
 * of a set depend a little on the pair that was seen first, more so where outer joins are. */
static void
check_cost(fixture *f, uint64_t seed, int32_t kinds, int32_t n_relations)
{
    tree_maker maker = {.f = f, .seed = seed, .kinds = kinds, .rows = 12};
    cni_join_graph graph;
    const cni_join_tree *tree = NULL;
    cni_plan_builder_init(&maker.builder, f->arena, 0);
    const cni_plan *plan = maker_tree(&maker, n_relations);
    cni_rule_env env = env_of(f, maker.builder);
    if (!make_graph(f, &env, plan, &graph)) {
        return;
    }
    const cni_join_tree *best = by_brute_force(f, &graph);
    assert_cn_ok(f, cni_join_dphyp(&graph, INT64_MAX, &tree, &f->err));
    if (best != NULL && (tree == NULL || tree->cost > best->cost * (kinds == 0 ? 1.01 : 1.2))) {
        fail_msg("seed %llu: cost %f, by brute force %f\n%s", (unsigned long long)seed,
                 tree == NULL ? -1.0 : tree->cost, best->cost, fixture_plan_text(f, plan));
    }
}

typedef void (*tree_check)(fixture *f, uint64_t seed, int32_t kinds, int32_t n_relations);

static void
for_each_tree(void **state, tree_check check, int32_t max_relations)
{
    for (int32_t tree = 0; tree < N_TREES; tree++) {
        fixture_open(state);
        uint64_t seed = (uint64_t)tree + 1;
        (void)random_next(&seed);
        const int32_t kinds = (tree % 4) * 30;
        check(*state, seed, kinds, 2 + random_below(&seed, max_relations - 1));
        fixture_close(state);
    }
}

static void
orders_give_the_same_rows(void **state)
{
    for_each_tree(state, check_tree, 7);
}

static void
greedy_orders_give_the_same_rows(void **state)
{
    for_each_tree(state, check_greedy, 7);
}

static void
dphyp_is_as_good_as_brute_force(void **state)
{
    for_each_tree(state, check_cost, 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_give_the_same_rows),
        cmocka_unit_test(greedy_orders_give_the_same_rows),
        cmocka_unit_test(dphyp_is_as_good_as_brute_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
