/* SPDX-License-Identifier: Apache-2.0
 *
 * Estimates over tables whose statistics, sketches and samples are made up: each formula with
 * figures that can be checked by hand.
 *
 *   big    100,000 rows: id (unique), ref (1,000 values, refers to small), kind (10), day (1..100)
 *   small    1,000 rows: id (unique), kind (10), with a sample in which kind = id % 10 and
 *                        flag = (kind = 3)
 *   pairs   20,000 rows: a (200 values), b (100 values); (a, b) is a key
 */
#include "optimize/cost/estimate.h"

#include "plan/stats/sketch.h"
#include "unit/plan/plan_fixture.h"

#define MAX_COLUMNS 4
#define SAMPLE_ROWS 1000

typedef struct fake_table {
    cni_table base;
    cni_schema schema;
    cni_field fields[MAX_COLUMNS];
    cni_column_sketch sketches[MAX_COLUMNS];
    cni_column_stats stats[MAX_COLUMNS];
    int64_t n_rows;
    int32_t n_sketched;
    bool unreadable;
    cni_chunk samples[MAX_COLUMNS]; /* one column each; 0 rows = none */
} fake_table;

static void
fake_free(cni_table *base)
{
    fake_table *self = (fake_table *)(void *)base;
    for (int32_t column = 0; column < MAX_COLUMNS; column++) {
        cni_chunk_done(&self->samples[column]);
    }
}

static cn_code
fake_statistics(cni_table *base, cni_arena *arena, cni_table_stats *out, cn_error *err)
{
    fake_table *self = (fake_table *)(void *)base;
    (void)arena;
    (void)err;
    *out = (cni_table_stats){.rows_mark = CNI_STAT_CLAIMED,
                             .n_rows = self->n_rows,
                             .n_columns = self->schema.n_fields,
                             .columns = self->stats};
    return CN_OK;
}

static cn_code
fake_sketch(cni_table *base, int32_t column, cni_context *context,
            const struct cni_column_sketch **out, cn_error *err)
{
    fake_table *self = (fake_table *)(void *)base;
    (void)context;
    self->n_sketched++;
    *out = &self->sketches[column];
    return self->unreadable ? CN_FAIL(err, CN_IO, "unreadable") : CN_OK;
}

static cn_code
fake_sample(cni_table *base, const int32_t *columns, int32_t n_columns, cni_context *context,
            const cni_chunk **out, cn_error *err)
{
    fake_table *self = (fake_table *)(void *)base;
    (void)context;
    assert_int_equal(n_columns, 1);
    *out = self->samples[columns[0]].n_rows == 0 ? NULL : &self->samples[columns[0]];
    return self->unreadable ? CN_FAIL(err, CN_IO, "unreadable") : CN_OK;
}

static const cni_table_ops fake_ops = {
    .free = fake_free, .statistics = fake_statistics, .sketch = fake_sketch, .sample = fake_sample};

/* BIGINT columns with the given distinct counts, values 1 to that. */
static void
fake_init(fake_table *self, int64_t n_rows, int32_t n_columns, const double *distinct)
{
    static const char *const names[] = {"c0", "c1", "c2", "c3"};
    *self = (fake_table){.base = {.n_refs = 1, .ops = &fake_ops}, .n_rows = n_rows};
    for (int32_t column = 0; column < n_columns; column++) {
        const cni_type *type = cni_type_of(CNI_TYPE_INT64);
        self->fields[column] = (cni_field){.name = cni_str_of(names[column]), .type = type};
        self->sketches[column].n_distinct = distinct[column];
        self->stats[column] =
            (cni_column_stats){.bounds_mark = CNI_STAT_CLAIMED,
                               .low = {.type = type, .as.i64 = 1},
                               .high = {.type = type, .as.i64 = (int64_t)distinct[column]},
                               .nulls_mark = CNI_STAT_CLAIMED};
    }
    self->schema = (cni_schema){.n_fields = n_columns, .fields = self->fields};
    self->base.schema = &self->schema;
}

typedef struct cost_env {
    fixture *f;
    cni_plan_builder builder;
    cni_estimator *estimator;
    fake_table big;
    fake_table small;
    fake_table pairs;
    fake_table more_pairs;
} cost_env;

static void
fill_sample(cost_env *env, fake_table *table, int32_t column, int64_t (*value)(int64_t row))
{
    cni_chunk *chunk = &table->samples[column];
    cni_chunk_init(chunk, env->f->allocator);
    assert_cn_ok(env->f, cni_chunk_set_columns(chunk, 1, &env->f->err));
    assert_cn_ok(env->f,
                 cni_vector_new_flat(env->f->allocator, cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64,
                                     SAMPLE_ROWS, false, &chunk->columns[0], &env->f->err));
    chunk->n_rows = SAMPLE_ROWS;
    int64_t *values = cni_vector_mutable_data(&chunk->columns[0]);
    for (int64_t row = 0; row < SAMPLE_ROWS; row++) {
        values[row] = value(row);
    }
}

static int64_t
kind_of(int64_t row)
{
    return 1 + row % 10;
}

static int64_t
flag_of(int64_t row)
{
    return kind_of(row) == 3 ? 1 : 0;
}

static int
open_env(void **state)
{
    cost_env *env = test_calloc(1, sizeof(*env));
    void *f = NULL;
    fixture_open(&f);
    env->f = f;
    cni_plan_builder_init(&env->builder, env->f->arena, 0);
    fake_init(&env->big, 100000, 4, (const double[]){100000, 1000, 10, 100});
    fake_init(&env->small, 1000, 3, (const double[]){1000, 10, 2});
    fake_init(&env->pairs, 20000, 2, (const double[]){200, 100});
    fake_init(&env->more_pairs, 60000, 2, (const double[]){200, 100});
    fill_sample(env, &env->small, 1, kind_of);
    fill_sample(env, &env->small, 2, flag_of);
    assert_cn_ok(env->f,
                 cni_estimator_new(env->f->arena, &env->f->context, &env->estimator, &env->f->err));
    *state = env;
    return 0;
}

static int
close_env(void **state)
{
    cost_env *env = *state;
    void *f = env->f;
    fake_table *tables[] = {&env->big, &env->small, &env->pairs, &env->more_pairs};
    fixture_close(&f);
    for (int32_t table = 0; table < 4; table++) {
        assert_int_equal(cni_counter_get(&tables[table]->base.n_refs), 1);
        cni_table_unref(&tables[table]->base);
    }
    test_free(env);
    return 0;
}

/* ---- plans ---- */

static const cni_plan *
scan(cost_env *env, fake_table *table)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(env->f, cni_plan_scan(&env->builder, &table->base, CNI_STR("t"), NULL, 0, &plan,
                                       &env->f->err));
    return plan;
}

static const cni_expr *
column(cost_env *env, const cni_plan *plan, int32_t at)
{
    return fixture_column(env->f, plan->columns[at].id, plan->columns[at].type);
}

static const cni_expr *
compare(cost_env *env, cni_compare_op op, const cni_expr *left, const cni_expr *right)
{
    const cni_expr *expr = NULL;
    assert_cn_ok(env->f, cni_expr_compare(env->f->arena, op, left, right, &expr, &env->f->err));
    return expr;
}

static const cni_expr *
number(cost_env *env, int64_t value)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "BIGINT %lld", (long long)value);
    return fixture_literal(env->f, text);
}

static const cni_expr *
both(cost_env *env, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *args[] = {a, b};
    const cni_expr *expr = NULL;
    assert_cn_ok(env->f,
                 cni_expr_junction(env->f->arena, CNI_EXPR_AND, args, 2, &expr, &env->f->err));
    return expr;
}

static const cni_plan *
filter(cost_env *env, const cni_plan *child, const cni_expr *predicate)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(env->f, cni_plan_filter(&env->builder, child, predicate, &plan, &env->f->err));
    return plan;
}

static const cni_plan *
join(cost_env *env, cni_join_kind kind, const cni_plan *left, const cni_plan *right,
     const cni_expr *predicate)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(env->f, cni_plan_join(&env->builder, kind, left, right, predicate, false, &plan,
                                       &env->f->err));
    return plan;
}

static double
rows_of(cost_env *env, const cni_plan *plan)
{
    cni_plan_estimate estimate;
    assert_cn_ok(env->f, cni_estimate_plan(env->estimator, plan, &estimate, &env->f->err));
    assert_true(estimate.cost >= 0.0);
    return estimate.rows;
}

#define assert_near(value, expected, part) assert_near_at((value), (expected), (part), __LINE__)

static void
assert_near_at(double value, double expected, double part, int line)
{
    if (value < expected * (1.0 - part) || value > expected * (1.0 + part)) {
        fail_msg("line %d: %f instead of %f", line, value, expected);
    }
}

/* ---- tests ---- */

static void
filters_by_statistics(void **state)
{
    cost_env *env = *state;
    const cni_plan *big = scan(env, &env->big);
    assert_near(rows_of(env, big), 100000, 0);
    assert_near(
        rows_of(env, filter(env, big, compare(env, CNI_EQ, column(env, big, 1), number(env, 5)))),
        100, 0.01);
    assert_near(
        rows_of(env, filter(env, big, compare(env, CNI_LT, column(env, big, 3), number(env, 50)))),
        50000, 0.05);
    assert_near(
        rows_of(env,
                filter(env, big, compare(env, CNI_EQ, column(env, big, 1), column(env, big, 2)))),
        100, 0.01);
}

/* kind = 3 AND flag = 1 is kind = 3, not a tenth of it; flag = 1 AND kind = 4 is nothing. */
static void
conjuncts_run_on_the_sample_together(void **state)
{
    cost_env *env = *state;
    const cni_plan *small = scan(env, &env->small);
    const cni_expr *flag = compare(env, CNI_EQ, column(env, small, 2), number(env, 1));
    const cni_expr *three = compare(env, CNI_EQ, column(env, small, 1), number(env, 3));
    const cni_expr *four = compare(env, CNI_EQ, column(env, small, 1), number(env, 4));
    assert_near(rows_of(env, filter(env, small, both(env, flag, three))), 100, 0.01);
    assert_true(rows_of(env, filter(env, small, both(env, flag, four))) < 1.0);
}

static void
references_thin_out_with_the_referenced(void **state)
{
    cost_env *env = *state;
    const cni_plan *big = scan(env, &env->big);
    const cni_plan *small = scan(env, &env->small);
    const cni_expr *key = compare(env, CNI_EQ, column(env, big, 1), column(env, small, 0));
    assert_near(rows_of(env, join(env, CNI_JOIN_INNER, big, small, key)), 100000, 0.01);
    const cni_plan *few =
        filter(env, small, compare(env, CNI_EQ, column(env, small, 1), number(env, 3)));
    assert_near(rows_of(env, join(env, CNI_JOIN_INNER, big, few, key)), 10000, 0.01);
    assert_near(rows_of(env, join(env, CNI_JOIN_SEMI, big, few, key)), 10000, 0.01);
    assert_near(rows_of(env, join(env, CNI_JOIN_ANTI, big, few, key)), 90000, 0.01);
    assert_near(rows_of(env, join(env, CNI_JOIN_LEFT, big, few, key)), 100000, 0.01);
    assert_near(rows_of(env, join(env, CNI_JOIN_SINGLE, big, few, key)), 100000, 0);
    assert_near(rows_of(env, join(env, CNI_JOIN_MARK, big, few, key)), 100000, 0);
    assert_near(rows_of(env, join(env, CNI_JOIN_INNER, big, small, NULL)), 1e8, 0);
    /* filters on the key itself, on both sides, count once */
    const cni_plan *left =
        filter(env, big, compare(env, CNI_EQ, column(env, big, 1), number(env, 7)));
    const cni_plan *right =
        filter(env, small, compare(env, CNI_EQ, column(env, small, 0), number(env, 7)));
    assert_near(rows_of(env, join(env, CNI_JOIN_INNER, left, right, key)), 100, 0.05);
}

/* More pairs refer to the 20,000 pairs that are a key. */
static void
keys_of_two_columns_are_one(void **state)
{
    cost_env *env = *state;
    const cni_plan *left = scan(env, &env->more_pairs);
    const cni_plan *right = scan(env, &env->pairs);
    const cni_expr *key =
        both(env, compare(env, CNI_EQ, column(env, left, 0), column(env, right, 0)),
             compare(env, CNI_EQ, column(env, left, 1), column(env, right, 1)));
    assert_near(rows_of(env, join(env, CNI_JOIN_INNER, left, right, key)), 60000, 0.05);
}

static const cni_plan *
count_per(cost_env *env, const cni_plan *child, int32_t key)
{
    const cni_expr *group = column(env, child, key);
    const cni_expr *count = NULL;
    const cni_plan *plan = NULL;
    cni_resolve question = {.arena = env->f->arena};
    const cni_function *function = NULL;
    assert_cn_ok(env->f,
                 cni_function_resolve(env->f->registry, CNI_STR("count"), CNI_FUNCTION_AGGREGATE,
                                      &question, &function, &env->f->err));
    const cni_expr call = {.kind = CNI_EXPR_AGGREGATE,
                           .type = question.out_type,
                           .sql_offset = -1,
                           .function = function,
                           .bind_data = question.out_bind_data};
    assert_cn_ok(env->f, cni_expr_new(env->f->arena, &call, &count, &env->f->err));
    assert_cn_ok(env->f, cni_plan_aggregate(&env->builder, child, &group, 1, &count, 1, &plan,
                                            &env->f->err));
    return plan;
}

static void
groups_and_what_having_leaves(void **state)
{
    cost_env *env = *state;
    const cni_plan *big = scan(env, &env->big);
    const cni_plan *groups = count_per(env, big, 1);
    assert_near(rows_of(env, groups), 1000, 0.01);
    const cni_expr *count = column(env, groups, 1); /* about 100, 10 more or less */
    assert_near(rows_of(env, filter(env, groups, compare(env, CNI_GT, count, number(env, 100)))),
                500, 0.1);
    assert_true(rows_of(env, filter(env, groups, compare(env, CNI_GT, count, number(env, 200)))) <
                2.0);
    assert_near(rows_of(env, filter(env, groups, compare(env, CNI_LT, number(env, 50), count))),
                1000, 0.01);
}

static void
columns_lose_values_with_rows(void **state)
{
    cost_env *env = *state;
    const cni_plan *big = scan(env, &env->big);
    const cni_plan *tenth =
        filter(env, big, compare(env, CNI_EQ, column(env, big, 2), number(env, 3)));
    cni_column_estimate estimate;
    assert_cn_ok(env->f, cni_estimate_column(env->estimator, tenth, big->columns[0].id, &estimate,
                                             &env->f->err));
    assert_near(estimate.n_distinct, 10000, 0.01); /* a key */
    assert_near(estimate.n_domain, 100000, 0.01);
    assert_cn_ok(env->f, cni_estimate_column(env->estimator, tenth, big->columns[1].id, &estimate,
                                             &env->f->err));
    assert_near(estimate.n_distinct, 1000, 0.01); /* 100 rows each: nearly all stay */
    assert_cn_ok(env->f, cni_estimate_column(env->estimator, tenth, big->columns[2].id, &estimate,
                                             &env->f->err));
    assert_near(estimate.n_distinct, 1, 0.01);
    assert_near(estimate.n_domain, 1, 0.01);
}

/* What cannot be read is not known: no error, and one question per column at most. */
static void
looking_may_fail(void **state)
{
    cost_env *env = *state;
    env->big.unreadable = true;
    const cni_plan *big = scan(env, &env->big);
    (void)rows_of(env, filter(env, big, compare(env, CNI_EQ, column(env, big, 1), number(env, 5))));
    assert_int_equal(env->big.n_sketched, 1);
}

static void
annotation_fills_every_node(void **state)
{
    cost_env *env = *state;
    const cni_plan *big = scan(env, &env->big);
    const cni_plan *small = scan(env, &env->small);
    const cni_plan *plan = join(env, CNI_JOIN_INNER, big, small,
                                compare(env, CNI_EQ, column(env, big, 1), column(env, small, 0)));
    cni_rule_env rule = {
        .arena = env->f->arena, .builder = env->builder, .context = &env->f->context};
    assert_cn_ok(env->f, cni_estimate_annotate(&rule, plan, &plan, &env->f->err));
    assert_near(plan->estimated_rows, 100000, 0.01);
    assert_true(plan->estimated_cost > 100000.0);
    assert_near(plan->children[0]->estimated_rows, 100000, 0);
    assert_near(plan->children[1]->estimated_rows, 1000, 0);
    assert_cn_ok(env->f, cni_plan_validate(plan, &env->f->err));
    assert_int_equal(env->small.n_sketched, 1);
}

/* Nested as deep as plans may be, on the smallest stacks. */
static void
deep_plans_are_estimated(void **state)
{
    cost_env *env = *state;
    const cni_plan *plan = scan(env, &env->big);
    const int32_t id = plan->columns[1].id;
    const cni_expr *predicate = compare(env, CNI_LT, column(env, plan, 3), number(env, 99));
    for (int32_t level = 2; level < CNI_PLAN_MAX_DEPTH; level++) {
        plan = filter(env, plan, predicate);
    }
    cni_column_estimate estimate;
    assert_cn_ok(env->f, cni_estimate_column(env->estimator, plan, id, &estimate, &env->f->err));
    assert_true(estimate.n_distinct >= 1.0);
}

#define COST_TEST(name) cmocka_unit_test_setup_teardown(name, open_env, close_env)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        COST_TEST(filters_by_statistics),
        COST_TEST(conjuncts_run_on_the_sample_together),
        COST_TEST(references_thin_out_with_the_referenced),
        COST_TEST(keys_of_two_columns_are_one),
        COST_TEST(groups_and_what_having_leaves),
        COST_TEST(columns_lose_values_with_rows),
        COST_TEST(looking_may_fail),
        COST_TEST(annotation_fills_every_node),
        COST_TEST(deep_plans_are_estimated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
