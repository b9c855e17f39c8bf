/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans by hand for tests of rules and properties: tables that answer EXACT to comparisons of a
 * column with a literal and know that their column id is unique, short constructors of nodes and
 * expressions, and one rule or all but one applied and validated.
 *
 * Every table is (id BIGINT unique, a BIGINT, b BIGINT, s VARCHAR), all but id nullable.
 */
#ifndef CN_TEST_RULE_FIXTURE_H
#define CN_TEST_RULE_FIXTURE_H

#include "../../plan/plan_fixture.h"
#include "optimize/optimize.h"
#include "optimize/property/property.h"
#include "optimize/rule/rule.h"
#include "plan/stats/sketch.h"

#define RULE_MAX_TABLES 24

typedef struct rule_table {
    cni_table base;
    cni_schema schema;
    cni_field fields[4];
    char name[16];
} rule_table;

typedef struct rule_fixture {
    fixture f;
    cni_rule_env env;
    int32_t n_tables;
    rule_table tables[RULE_MAX_TABLES];
} rule_fixture;

static inline void
rule_table_free(cni_table *self)
{
    (void)self; /* lives in the fixture */
}

static inline cni_filter_answer
rule_table_supports(cni_table *self, const cni_expr *filter, const cni_slot_of_table *slots,
                    int32_t n_slots)
{
    (void)self;
    (void)slots;
    (void)n_slots;
    const bool plain = filter->kind == CNI_EXPR_COMPARE &&
                       filter->args[0]->kind == CNI_EXPR_COLUMN &&
                       filter->args[1]->kind == CNI_EXPR_LITERAL;
    return plain || filter->kind == CNI_EXPR_IN ? CNI_FILTER_EXACT : CNI_FILTER_UNSUPPORTED;
}

static inline cn_code
rule_table_sketch(cni_table *self, int32_t table_column, cni_context *context,
                  const struct cni_column_sketch **out_sketch, cn_error *err)
{
    static const cni_column_sketch unique = {100000.0, 0.0, true};
    static const cni_column_sketch other = {10.0, 0.1, false};
    (void)self;
    (void)context;
    (void)err;
    *out_sketch = table_column == 0 ? &unique : &other;
    return CN_OK;
}

static inline cn_code
rule_table_statistics(cni_table *self, cni_arena *arena, cni_table_stats *out_stats, cn_error *err)
{
    (void)self;
    (void)arena;
    (void)err;
    *out_stats = (cni_table_stats){.rows_mark = CNI_STAT_CLAIMED, .n_rows = 100000};
    return CN_OK;
}

static const cni_table_ops rule_table_ops = {.free = rule_table_free,
                                             .statistics = rule_table_statistics,
                                             .supports_filter = rule_table_supports,
                                             .sketch = rule_table_sketch};

static inline int
rule_open(void **state)
{
    static rule_fixture self;
    void *plain = NULL;
    (void)fixture_open(&plain);
    self = (rule_fixture){.f = *(fixture *)plain};
    test_free(plain);
    self.env = (cni_rule_env){.arena = self.f.arena, .context = &self.f.context};
    cni_plan_builder_init(&self.env.builder, self.f.arena, 0);
    *state = &self;
    return 0;
}

static inline int
rule_close(void **state)
{
    rule_fixture *self = *state;
    cni_function_registry_free(self->f.registry);
    cni_arena_unref(self->f.arena);
    return 0;
}

/* ---- nodes ---- */

/* SCAN of a table of that name; columns are called "<name>.id" and so on. */
static inline const cni_plan *
scan_of(rule_fixture *r, const char *name)
{
    static const char *const columns[] = {"id", "a", "b", "s"};
    const cni_plan *plan = NULL;
    int32_t at = 0;
    while (at < r->n_tables && strcmp(r->tables[at].name, name) != 0) {
        at++;
    }
    assert_true(at < RULE_MAX_TABLES);
    rule_table *table = &r->tables[at];
    if (at == r->n_tables) {
        r->n_tables++;
        (void)snprintf(table->name, sizeof(table->name), "%s", name);
        for (int32_t column = 0; column < 4; column++) {
            assert_cn_ok(&r->f, cni_arena_printf(r->f.arena, &table->fields[column].name, &r->f.err,
                                                 "%s.%s", name, columns[column]));
            table->fields[column].type =
                cni_type_of(column < 3 ? CNI_TYPE_INT64 : CNI_TYPE_VARCHAR);
            table->fields[column].nullable = column > 0;
        }
        table->schema = (cni_schema){.n_fields = 4, .fields = table->fields};
        table->base = (cni_table){.n_refs = 1000, .ops = &rule_table_ops, .schema = &table->schema};
    }
    assert_cn_ok(&r->f, cni_plan_scan(&r->env.builder, &table->base, cni_str_of(table->name), NULL,
                                      0, &plan, &r->f.err));
    return plan;
}

static inline const cni_plan *
filter_of(rule_fixture *r, const cni_plan *child, const cni_expr *predicate)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(&r->f, cni_plan_filter(&r->env.builder, child, predicate, &plan, &r->f.err));
    return plan;
}

static inline const cni_plan *
join_of(rule_fixture *r, cni_join_kind kind, const cni_plan *left, const cni_plan *right,
        const cni_expr *predicate)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(&r->f, cni_plan_join(&r->env.builder, kind, left, right, predicate, false, &plan,
                                      &r->f.err));
    return plan;
}

static inline const cni_plan *
null_aware_of(rule_fixture *r, cni_join_kind kind, const cni_plan *left, const cni_plan *right,
              const cni_expr *predicate)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(&r->f, cni_plan_join(&r->env.builder, kind, left, right, predicate, true, &plan,
                                      &r->f.err));
    return plan;
}

/* Up to four expressions, ended by NULL. */
static inline const cni_plan *
project_of(rule_fixture *r, const cni_plan *child, const cni_expr *const *exprs, int32_t n_exprs)
{
    const cni_str names[] = {CNI_STR("p0"), CNI_STR("p1"), CNI_STR("p2"), CNI_STR("p3"),
                             CNI_STR("p4"), CNI_STR("p5"), CNI_STR("p6"), CNI_STR("p7")};
    const cni_plan *plan = NULL;
    assert_cn_ok(&r->f,
                 cni_plan_project(&r->env.builder, child, exprs, names, n_exprs, &plan, &r->f.err));
    return plan;
}

static inline const cni_plan *
limit_of(rule_fixture *r, const cni_plan *child, int64_t limit)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(&r->f, cni_plan_limit(&r->env.builder, child, limit, 0, &plan, &r->f.err));
    return plan;
}

static inline const cni_plan *
distinct_of(rule_fixture *r, const cni_plan *child)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(&r->f, cni_plan_distinct(&r->env.builder, child, NULL, 0, &plan, &r->f.err));
    return plan;
}

static inline const cni_plan *
sort_of(rule_fixture *r, const cni_plan *child, const cni_expr *key)
{
    const cni_order order = {.expr = key};
    const cni_plan *plan = NULL;
    assert_cn_ok(&r->f, cni_plan_sort(&r->env.builder, child, &order, 1, &plan, &r->f.err));
    return plan;
}

static inline const cni_plan *
aggregate_of(rule_fixture *r, const cni_plan *child, const cni_expr *const *groups,
             int32_t n_groups, const cni_expr *const *calls, int32_t n_calls)
{
    const cni_plan *plan = NULL;
    assert_cn_ok(&r->f, cni_plan_aggregate(&r->env.builder, child, groups, n_groups, calls, n_calls,
                                           &plan, &r->f.err));
    return plan;
}

/* ---- expressions ---- */

/* The column whose name ends in `name`. */
static inline const cni_expr *
col(rule_fixture *r, const cni_plan *plan, const char *name)
{
    const cni_expr *expr = NULL;
    const size_t n = strlen(name);
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_str own = plan->columns[column].name;
        if ((size_t)own.len_bytes >= n &&
            memcmp(own.data + own.len_bytes - (int64_t)n, name, n) == 0) {
            assert_cn_ok(&r->f, cni_expr_column(r->f.arena, plan->columns[column].id,
                                                plan->columns[column].type, &expr, &r->f.err));
            return expr;
        }
    }
    fail_msg("no column %s", name);
    return NULL;
}

static inline const cni_expr *
col_at(rule_fixture *r, const cni_plan *plan, int32_t column)
{
    const cni_expr *expr = NULL;
    assert_cn_ok(&r->f, cni_expr_column(r->f.arena, plan->columns[column].id,
                                        plan->columns[column].type, &expr, &r->f.err));
    return expr;
}

static inline const cni_expr *
num(rule_fixture *r, int64_t value)
{
    const cni_expr *expr = NULL;
    const cni_value literal = {.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = value};
    assert_cn_ok(&r->f, cni_expr_literal(r->f.arena, &literal, &expr, &r->f.err));
    return expr;
}

static inline const cni_expr *
cmp(rule_fixture *r, cni_compare_op op, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *expr = NULL;
    assert_cn_ok(&r->f, cni_expr_compare(r->f.arena, op, a, b, &expr, &r->f.err));
    return expr;
}

static inline const cni_expr *
eq(rule_fixture *r, const cni_expr *a, const cni_expr *b)
{
    return cmp(r, CNI_EQ, a, b);
}

static inline const cni_expr *
junction(rule_fixture *r, cni_expr_kind kind, const cni_expr *a, const cni_expr *b)
{
    const cni_expr *args[] = {a, b};
    const cni_expr *expr = NULL;
    assert_cn_ok(&r->f, cni_expr_junction(r->f.arena, kind, args, 2, &expr, &r->f.err));
    return expr;
}

static inline const cni_expr *
both(rule_fixture *r, const cni_expr *a, const cni_expr *b)
{
    return junction(r, CNI_EXPR_AND, a, b);
}

static inline const cni_expr *
either(rule_fixture *r, const cni_expr *a, const cni_expr *b)
{
    return junction(r, CNI_EXPR_OR, a, b);
}

static inline const cni_expr *
is_null_of(rule_fixture *r, const cni_expr *arg, bool negated)
{
    const cni_expr *expr = NULL;
    const cni_expr node = {.kind = CNI_EXPR_IS_NULL,
                           .negated = negated,
                           .type = cni_type_of(CNI_TYPE_BOOL),
                           .n_args = 1,
                           .args = &arg,
                           .sql_offset = -1};
    assert_cn_ok(&r->f, cni_expr_new(r->f.arena, &node, &expr, &r->f.err));
    return expr;
}

/* 10 / x = 1, which raises where x is 0. */
static inline const cni_expr *
fallible(rule_fixture *r, const cni_expr *x)
{
    return eq(r, fixture_call(&r->f, "/", num(r, 10), x), num(r, 1));
}

/* An aggregate call; `arg` NULL = count(*). */
static inline const cni_expr *
agg(rule_fixture *r, const char *name, const cni_expr *arg)
{
    const cni_type *type = arg == NULL ? NULL : arg->type;
    const cni_type *wanted = type;
    const cni_value *literal = NULL;
    const cni_function *function = NULL;
    const cni_expr *expr = NULL;
    cni_resolve question = {.arena = r->f.arena,
                            .n_args = arg == NULL ? 0 : 1,
                            .arg_types = &type,
                            .arg_literals = &literal,
                            .out_arg_types = &wanted};
    assert_cn_ok(&r->f,
                 cni_function_resolve(r->f.registry, cni_str_of(name), CNI_FUNCTION_AGGREGATE,
                                      &question, &function, &r->f.err));
    if (arg != NULL) {
        assert_cn_ok(&r->f, cni_expr_cast(r->f.arena, arg, wanted, false, &arg, &r->f.err));
    }
    const cni_expr node = {.kind = CNI_EXPR_AGGREGATE,
                           .type = question.out_type,
                           .n_args = question.n_args,
                           .args = &arg,
                           .sql_offset = -1,
                           .function = function,
                           .bind_data = question.out_bind_data};
    assert_cn_ok(&r->f, cni_expr_new(r->f.arena, &node, &expr, &r->f.err));
    return expr;
}

/* ---- rules ---- */

static inline const cni_plan *
apply(rule_fixture *r, cni_rule_apply rule, const cni_plan *plan)
{
    const cni_plan *made = NULL;
    assert_cn_ok(&r->f, cni_plan_validate(plan, &r->f.err));
    assert_cn_ok(&r->f, rule(&r->env, plan, &made, &r->f.err));
    assert_cn_ok(&r->f, cni_plan_validate(made, &r->f.err));
    assert_int_equal(made->n_columns, plan->n_columns);
    for (int32_t column = 0; column < plan->n_columns; column++) {
        assert_int_equal(made->columns[column].id, plan->columns[column].id);
    }
    return made;
}

/* Fails unless the plan's text is the expected one (two spaces per level, no trailing blank). */
static inline void
check_plan_text(rule_fixture *r, const cni_plan *plan, const char *expected, const char *file,
                int line)
{
    const char *text = fixture_plan_text(&r->f, plan);
    if (strcmp(text, expected) != 0) {
        print_error("%s:%d: plan is\n%s\nexpected\n%s\n", file, line, text, expected);
        fail();
    }
}
#define CHECK_PLAN(r, plan, expected) check_plan_text((r), (plan), (expected), __FILE__, __LINE__)

#endif /* CN_TEST_RULE_FIXTURE_H */
