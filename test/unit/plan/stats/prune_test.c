/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts against brute force: random filters over one small integer column, every value and null
 * that its statistics allow. A row that passes forbids NEVER, one that does not forbids ALWAYS;
 * claims never give ALWAYS; simple cases must be decided.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>

#include "plan/ir/expr.h"
#include "plan/stats/stats.h"

enum truth {
    IS_FALSE,
    IS_TRUE,
    IS_NULL
};

static uint64_t random_state = 42;

static int
pick(int n)
{
    random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (int)((random_state >> 33) % (uint64_t)n);
}

static const cni_expr *
node(cni_arena *arena, cni_expr_kind kind, const cni_expr **args, int32_t n_args, uint8_t op,
     bool negated)
{
    const cni_expr template = {.kind = (uint8_t)kind,
                               .op = op,
                               .negated = negated,
                               .type = cni_type_of(CNI_TYPE_BOOL),
                               .n_args = n_args,
                               .args = args,
                               .sql_offset = -1};
    const cni_expr *made = NULL;
    assert_int_equal(cni_expr_new(arena, &template, &made, NULL), CN_OK);
    return made;
}

static const cni_expr *
column(cni_arena *arena, cni_type_id type)
{
    const cni_expr *made = NULL;
    assert_int_equal(cni_expr_column(arena, 7, cni_type_of(type), &made, NULL), CN_OK);
    return made;
}

static const cni_expr *
literal(cni_arena *arena, const cni_value *value)
{
    const cni_expr *made = NULL;
    assert_int_equal(cni_expr_literal(arena, value, &made, NULL), CN_OK);
    return made;
}

static const cni_expr *
number(cni_arena *arena, int64_t value, bool is_null)
{
    const cni_value of = {.type = cni_type_of(CNI_TYPE_INT32), .is_null = is_null, .as.i64 = value};
    return literal(arena, &of);
}

static const cni_expr *
random_filter(cni_arena *arena, int depth)
{
    const cni_expr *args[4];
    const int shape = pick(depth > 0 ? 8 : 4);
    const int32_t n_args = 2 + pick(2);
    if (shape >= 4 && shape < 7) {
        for (int32_t arg = 0; arg < n_args; arg++) {
            args[arg] = random_filter(arena, depth - 1);
        }
        return node(arena, shape == 6 ? CNI_EXPR_OR : CNI_EXPR_AND, args, n_args, 0, false);
    }
    if (shape == 7) {
        args[0] = random_filter(arena, depth - 1);
        return node(arena, CNI_EXPR_NOT, args, 1, 0, false);
    }
    args[0] = column(arena, CNI_TYPE_INT32);
    if (shape == 0) {
        return node(arena, CNI_EXPR_IS_NULL, args, 1, 0, pick(2) == 0);
    }
    for (int32_t arg = 1; arg < 4; arg++) {
        args[arg] = number(arena, pick(12) - 2, pick(12) == 0);
    }
    if (shape == 1) {
        return node(arena, CNI_EXPR_IN, args, 1 + n_args, 0, pick(2) == 0);
    }
    if (pick(2) == 0) {
        const cni_expr *swapped = args[0];
        args[0] = args[1];
        args[1] = swapped;
    }
    return node(arena, CNI_EXPR_COMPARE, args, 2, (uint8_t)pick(CNI_COMPARE_COUNT_), false);
}

static enum truth
negate(enum truth value)
{
    return value == IS_NULL ? IS_NULL : value == IS_TRUE ? IS_FALSE : IS_TRUE;
}

static enum truth
both(enum truth a, enum truth b)
{
    return a == IS_FALSE || b == IS_FALSE ? IS_FALSE
           : a == IS_NULL || b == IS_NULL ? IS_NULL
                                          : IS_TRUE;
}

static enum truth
compare(const cni_expr *left, const cni_expr *right, int op, const int64_t *row)
{
    const cni_expr *sides[2] = {left, right};
    int64_t values[2];
    for (int side = 0; side < 2; side++) {
        const bool is_column = sides[side]->kind == CNI_EXPR_COLUMN;
        if (is_column ? row == NULL : sides[side]->literal->is_null) {
            return IS_NULL;
        }
        values[side] = is_column ? *row : sides[side]->literal->as.i64;
    }
    const int64_t a = values[0];
    const int64_t b = values[1];
    const bool truth[CNI_COMPARE_COUNT_] = {[CNI_EQ] = a == b,
                                            [CNI_NE] = a != b,
                                            [CNI_LT] = a<b, [CNI_LE] = a <= b, [CNI_GT] = a> b,
                                            [CNI_GE] = a >= b};
    return truth[op] ? IS_TRUE : IS_FALSE;
}

static enum truth
evaluate(const cni_expr *expr, const int64_t *row)
{
    enum truth value = expr->kind == CNI_EXPR_AND ? IS_TRUE : IS_FALSE;
    switch (expr->kind) {
    case CNI_EXPR_AND:
        for (int32_t arg = 0; arg < expr->n_args; arg++) {
            value = both(value, evaluate(expr->args[arg], row));
        }
        return value;
    case CNI_EXPR_OR:
        for (int32_t arg = 0; arg < expr->n_args; arg++) {
            value = negate(both(negate(value), negate(evaluate(expr->args[arg], row))));
        }
        return value;
    case CNI_EXPR_NOT:
        return negate(evaluate(expr->args[0], row));
    case CNI_EXPR_IS_NULL:
        return (row == NULL) != expr->negated ? IS_TRUE : IS_FALSE;
    case CNI_EXPR_IN:
        for (int32_t arg = 1; arg < expr->n_args; arg++) {
            const enum truth one = compare(expr->args[0], expr->args[arg], CNI_EQ, row);
            value = negate(both(negate(value), negate(one)));
        }
        return expr->negated ? negate(value) : value;
    default:
        return compare(expr->args[0], expr->args[1], expr->op, row);
    }
}

static cni_column_stats
integers(int64_t low, int64_t high, int64_t n_nulls, uint8_t mark)
{
    const cni_type *type = cni_type_of(CNI_TYPE_INT32);
    return (cni_column_stats){.bounds_mark = mark,
                              .low = {.type = type, .as.i64 = low},
                              .high = {.type = type, .as.i64 = high},
                              .nulls_mark = n_nulls < 0 ? CNI_STAT_UNKNOWN : mark,
                              .n_nulls = n_nulls};
}

static cni_verdict
verdict(const cni_expr *filter, const cni_column_stats *stats, int64_t n_rows)
{
    const cni_slot_of_table slot = {.column_id = 7, .table_column = 0};
    return cni_prune(filter, &stats, &slot, 1, n_rows);
}

static void
test_against_brute_force(void **state)
{
    (void)state;
    int n_never = 0;
    int n_always = 0;
    for (int round = 0; round < 30000; round++) {
        cni_arena *arena = NULL;
        assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
        const cni_expr *filter = random_filter(arena, 3);
        const int64_t low = pick(10);
        const int64_t high = low + pick(4);
        const int nulls = pick(4); /* unknown, none, some, all */
        const uint8_t mark = pick(2) == 0 ? CNI_STAT_CLAIMED : CNI_STAT_PROVED;
        const int64_t n_nulls = nulls == 0 ? -1 : nulls == 1 ? 0 : nulls == 2 ? 3 : 10;
        const cni_column_stats stats = integers(low, high, n_nulls, mark);
        bool some_true = false;
        bool some_other = false;
        for (int64_t value = low; value <= high && nulls != 3; value++) {
            const bool is_true = evaluate(filter, &value) == IS_TRUE;
            some_true = some_true || is_true;
            some_other = some_other || !is_true;
        }
        if (nulls != 1) {
            const bool is_true = evaluate(filter, NULL) == IS_TRUE;
            some_true = some_true || is_true;
            some_other = some_other || !is_true;
        }
        const cni_verdict got = verdict(filter, &stats, 10);
        assert_false(got == CNI_VERDICT_NEVER && some_true);
        assert_false(got == CNI_VERDICT_ALWAYS && (some_other || mark == CNI_STAT_CLAIMED));
        n_never += got == CNI_VERDICT_NEVER;
        n_always += got == CNI_VERDICT_ALWAYS;
        cni_arena_unref(arena);
    }
    assert_true(n_never > 3000);
    assert_true(n_always > 1000);
}

static void
test_decided(void **state)
{
    (void)state;
    cni_arena *arena = NULL;
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    const cni_column_stats stats = integers(10, 20, 0, CNI_STAT_CLAIMED);
    const cni_expr *args[2] = {column(arena, CNI_TYPE_INT32), number(arena, 10, false)};
    assert_int_equal(verdict(node(arena, CNI_EXPR_COMPARE, args, 2, CNI_LT, false), &stats, 5),
                     CNI_VERDICT_NEVER);
    assert_int_equal(verdict(node(arena, CNI_EXPR_COMPARE, args, 2, CNI_LE, false), &stats, 5),
                     CNI_VERDICT_MAYBE);
    assert_int_equal(verdict(node(arena, CNI_EXPR_IS_NULL, args, 1, 0, false), &stats, 5),
                     CNI_VERDICT_NEVER);
    assert_int_equal(verdict(node(arena, CNI_EXPR_IS_NULL, args, 1, 0, true), &stats, 0),
                     CNI_VERDICT_NEVER);
    cni_arena_unref(arena);
}

/* NaN is above all numbers and outside the bounds. */
static void
test_floats(void **state)
{
    (void)state;
    cni_arena *arena = NULL;
    const cni_type *type = cni_type_of(CNI_TYPE_FLOAT64);
    const cni_column_stats stats = {.bounds_mark = CNI_STAT_CLAIMED,
                                    .low = {.type = type, .as.f64 = 1.0},
                                    .high = {.type = type, .as.f64 = 2.0},
                                    .nulls_mark = CNI_STAT_CLAIMED};
    const cni_value five = {.type = type, .as.f64 = 5.0};
    const cni_value zero = {.type = type, .as.f64 = 0.0};
    const cni_value nan_value = {.type = type, .as.f64 = (double)NAN};
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    const cni_expr *args[2] = {column(arena, CNI_TYPE_FLOAT64), literal(arena, &five)};
    assert_int_equal(verdict(node(arena, CNI_EXPR_COMPARE, args, 2, CNI_GT, false), &stats, 5),
                     CNI_VERDICT_MAYBE);
    assert_int_equal(verdict(node(arena, CNI_EXPR_COMPARE, args, 2, CNI_EQ, false), &stats, 5),
                     CNI_VERDICT_NEVER);
    args[1] = literal(arena, &zero);
    assert_int_equal(verdict(node(arena, CNI_EXPR_COMPARE, args, 2, CNI_LT, false), &stats, 5),
                     CNI_VERDICT_NEVER);
    args[1] = literal(arena, &nan_value);
    assert_int_equal(verdict(node(arena, CNI_EXPR_COMPARE, args, 2, CNI_EQ, false), &stats, 5),
                     CNI_VERDICT_MAYBE);
    cni_arena_unref(arena);
}

static void
test_selectivity(void **state)
{
    (void)state;
    cni_arena *arena = NULL;
    const cni_slot_of_table slot = {.column_id = 7, .table_column = 0};
    const cni_column_stats column_stats = integers(0, 100, 10, CNI_STAT_CLAIMED);
    const cni_table_stats stats = {
        .rows_mark = CNI_STAT_CLAIMED, .n_rows = 100, .n_columns = 1, .columns = &column_stats};
    assert_int_equal(cni_arena_new(cni_allocator_system(), "test", &arena, NULL), CN_OK);
    const cni_expr *args[2] = {column(arena, CNI_TYPE_INT32), number(arena, 25, false)};
    const cni_expr *less = node(arena, CNI_EXPR_COMPARE, args, 2, CNI_LT, false);
    assert_float_equal(cni_estimate_selectivity(less, &stats, &slot, 1), 0.25, 0.001);
    assert_float_equal(cni_estimate_selectivity(less, NULL, &slot, 1), 0.3333, 0.001);
    args[1] = number(arena, 15, false);
    const cni_expr *range[2] = {less, node(arena, CNI_EXPR_COMPARE, args, 2, CNI_GE, false)};
    const cni_expr *between = node(arena, CNI_EXPR_AND, range, 2, 0, false);
    assert_float_equal(cni_estimate_selectivity(between, &stats, &slot, 1), 0.10, 0.001);
    const cni_expr *is_null = node(arena, CNI_EXPR_IS_NULL, args, 1, 0, false);
    assert_float_equal(cni_estimate_selectivity(is_null, &stats, &slot, 1), 0.10, 0.001);
    for (int round = 0; round < 3000; round++) {
        const cni_expr *filter = random_filter(arena, 3);
        const double fraction = cni_estimate_selectivity(filter, &stats, &slot, 1);
        assert_true(fraction >= 0.0 && fraction <= 1.0);
    }
    cni_arena_unref(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_brute_force),
        cmocka_unit_test(test_decided),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_selectivity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
