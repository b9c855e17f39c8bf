/* SPDX-License-Identifier: Apache-2.0
 *
 * Estimates of how many rows pass a filter. Ranges over numbers and dates interpolate between the
 * column's bounds, equality divides by the distinct count, the rest are defaults per shape. Members
 * of AND and OR are taken to be independent; ranges over one column are not (see and_node).
 */
#include <math.h>

#include "plan/ir/expr.h"
#include "plan/stats/stats.h"

#define DEFAULT_EQUAL 0.1
#define DEFAULT_RANGE (1.0 / 3.0)
#define DEFAULT_NULL  0.05
#define DEFAULT_OTHER 0.25
#define DEFAULT_CALL  0.1 /* LIKE and its kin */

typedef struct estimate_walk {
    const cni_table_stats *stats; /* may be NULL */
    const cni_slot_of_table *slots;
    int32_t n_slots;
} estimate_walk;

static const cni_column_stats *
stats_of(const estimate_walk *self, const cni_expr *expr)
{
    for (int32_t slot = 0; expr->kind == CNI_EXPR_COLUMN && slot < self->n_slots; slot++) {
        const int32_t column = self->slots[slot].table_column;
        if (self->slots[slot].column_id == expr->column_id) {
            return self->stats != NULL && column < self->stats->n_columns
                       ? &self->stats->columns[column]
                       : NULL;
        }
    }
    return NULL;
}

static double
clamp(double fraction)
{
    return fraction < 0.0 ? 0.0 : fraction > 1.0 ? 1.0 : fraction;
}

bool
cni_stat_position(const cni_value *value, double *out_position)
{
    if (value->type == NULL || value->is_null) {
        return false;
    }
    switch (cni_type_phys(value->type)) {
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
        *out_position = (double)value->as.i64;
        return true;
    case CNI_PHYS_U64:
        *out_position = (double)value->as.u64;
        return true;
    case CNI_PHYS_I128:
        *out_position = (double)value->as.i128;
        return true;
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        *out_position = value->as.f64;
        return value->as.f64 == value->as.f64;
    default:
        return false;
    }
}

bool
cni_stat_value_at(const cni_type *type, double position, cni_value *out_value)
{
    const double limit = 9.2e18;
    *out_value = (cni_value){.type = type};
    if (position != position) {
        return false;
    }
    switch (cni_type_phys(type)) {
    case CNI_PHYS_I8:
    case CNI_PHYS_I16:
    case CNI_PHYS_I32:
    case CNI_PHYS_I64:
    case CNI_PHYS_U8:
    case CNI_PHYS_U16:
    case CNI_PHYS_U32:
        out_value->as.i64 = (int64_t)round(fmin(fmax(position, -limit), limit));
        return true;
    case CNI_PHYS_U64:
        out_value->as.u64 = (uint64_t)round(fmin(fmax(position, 0.0), 2.0 * limit));
        return true;
    case CNI_PHYS_I128:
        out_value->as.i128 = (cni_i128)fmin(fmax(position, -1e38), 1e38);
        return true;
    case CNI_PHYS_F32:
    case CNI_PHYS_F64:
        out_value->as.f64 = position;
        return true;
    default:
        return false;
    }
}

/* Fraction of the column's rows below `value`; false = unknown. */
static bool
fraction_below(const cni_column_stats *stats, const cni_value *value, double *out)
{
    double low = 0.0;
    double high = 0.0;
    double at = 0.0;
    if (stats == NULL || stats->bounds_mark == CNI_STAT_UNKNOWN || value->is_null ||
        stats->low.type == NULL || !cni_type_equal(stats->low.type, value->type) ||
        !cni_stat_position(&stats->low, &low) || !cni_stat_position(&stats->high, &high) ||
        !cni_stat_position(value, &at)) {
        return false;
    }
    *out = high > low ? clamp((at - low) / (high - low)) : at > low ? 1.0 : 0.0;
    return true;
}

static double
equal_fraction(const cni_column_stats *stats, const cni_value *value)
{
    double below = 0.0;
    if (fraction_below(stats, value, &below) && (below <= 0.0 || below >= 1.0) &&
        (cni_value_compare(value, &stats->low) < 0 || cni_value_compare(value, &stats->high) > 0)) {
        return 0.0;
    }
    if (stats != NULL && stats->distinct_mark != CNI_STAT_UNKNOWN && stats->n_distinct > 0) {
        return 1.0 / (double)stats->n_distinct;
    }
    return DEFAULT_EQUAL;
}

static double
compare_fraction(const cni_column_stats *stats, cni_compare_op op, const cni_value *value)
{
    double below = 0.0;
    if (op == CNI_EQ) {
        return equal_fraction(stats, value);
    }
    if (op == CNI_NE) {
        return 1.0 - equal_fraction(stats, value);
    }
    if (!fraction_below(stats, value, &below)) {
        return DEFAULT_RANGE;
    }
    return op == CNI_LT || op == CNI_LE ? below : 1.0 - below;
}

/* column op literal, in either order; false = another shape. */
static bool
simple_compare(const cni_expr *expr, const cni_expr **out_column, cni_compare_op *out_op,
               const cni_value **out_value)
{
    static const uint8_t mirror[CNI_COMPARE_COUNT_] = {
        [CNI_EQ] = CNI_EQ, [CNI_NE] = CNI_NE, [CNI_LT] = CNI_GT,
        [CNI_LE] = CNI_GE, [CNI_GT] = CNI_LT, [CNI_GE] = CNI_LE,
    };
    if (expr->kind != CNI_EXPR_COMPARE) {
        return false;
    }
    const bool is_mirrored = expr->args[0]->kind == CNI_EXPR_LITERAL;
    const cni_expr *column = expr->args[is_mirrored ? 1 : 0];
    const cni_expr *literal = expr->args[is_mirrored ? 0 : 1];
    if (column->kind != CNI_EXPR_COLUMN || literal->kind != CNI_EXPR_LITERAL) {
        return false;
    }
    *out_column = column;
    *out_op = (cni_compare_op)(is_mirrored ? mirror[expr->op] : expr->op);
    *out_value = literal->literal;
    return true;
}

static double fraction_of(const estimate_walk *self, const cni_expr *expr);

/* low <= x AND x < high over one column is one range: 1 - (what each side removes). */
static bool
is_other_side(const cni_expr *a, const cni_expr *b)
{
    const cni_expr *column_a = NULL;
    const cni_expr *column_b = NULL;
    cni_compare_op op_a = CNI_EQ;
    cni_compare_op op_b = CNI_EQ;
    const cni_value *value = NULL;
    if (!simple_compare(a, &column_a, &op_a, &value) ||
        !simple_compare(b, &column_b, &op_b, &value) ||
        column_a->column_id != column_b->column_id) {
        return false;
    }
    const bool below_a = op_a == CNI_LT || op_a == CNI_LE;
    const bool below_b = op_b == CNI_LT || op_b == CNI_LE;
    const bool above_a = op_a == CNI_GT || op_a == CNI_GE;
    const bool above_b = op_b == CNI_GT || op_b == CNI_GE;
    return (below_a && above_b) || (above_a && below_b);
}

static double
and_node(const estimate_walk *self, const cni_expr *expr)
{
    double fraction = 1.0;
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        const double own = fraction_of(self, expr->args[arg]);
        int32_t partner = 0;
        while (partner < arg && !is_other_side(expr->args[arg], expr->args[partner])) {
            partner++;
        }
        if (partner == arg) {
            fraction *= own;
            continue;
        }
        const double other = fraction_of(self, expr->args[partner]);
        const double range = own + other - 1.0;
        fraction = other > 0.0 ? fraction / other * clamp(range > 0.0 ? range : own * other) : 0.0;
    }
    return fraction;
}

static double
or_node(const estimate_walk *self, const cni_expr *expr)
{
    double none = 1.0;
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        none *= 1.0 - fraction_of(self, expr->args[arg]);
    }
    return 1.0 - none;
}

static double
in_node(const estimate_walk *self, const cni_expr *expr)
{
    double fraction = 0.0;
    const cni_column_stats *stats = stats_of(self, expr->args[0]);
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        fraction += expr->args[arg]->kind == CNI_EXPR_LITERAL
                        ? equal_fraction(stats, expr->args[arg]->literal)
                        : DEFAULT_EQUAL;
    }
    fraction = clamp(fraction);
    return expr->negated ? 1.0 - fraction : fraction;
}

static double
null_node(const estimate_walk *self, const cni_expr *expr)
{
    const cni_column_stats *stats = stats_of(self, expr->args[0]);
    double fraction = DEFAULT_NULL;
    if (stats != NULL && stats->nulls_mark != CNI_STAT_UNKNOWN && self->stats->n_rows > 0) {
        fraction = clamp((double)stats->n_nulls / (double)self->stats->n_rows);
    }
    return expr->negated ? 1.0 - fraction : fraction;
}

static double
distinct_or(const cni_column_stats *stats, double otherwise)
{
    return stats != NULL && stats->distinct_mark != CNI_STAT_UNKNOWN && stats->n_distinct > 0
               ? (double)stats->n_distinct
               : otherwise;
}

/* Column against column: the one with more values decides how often they meet. */
static double
equal_columns(const estimate_walk *self, const cni_expr *expr)
{
    const double left = distinct_or(stats_of(self, expr->args[0]), 1.0);
    const double right = distinct_or(stats_of(self, expr->args[1]), 1.0);
    const double most = left > right ? left : right;
    return most > 1.0 ? 1.0 / most : DEFAULT_EQUAL;
}

static double
distinct_node(const estimate_walk *self, const cni_expr *expr)
{
    const double equal = equal_columns(self, expr);
    return expr->negated ? equal : 1.0 - equal;
}

static double
compare_node(const estimate_walk *self, const cni_expr *expr)
{
    const cni_expr *column = NULL;
    const cni_value *value = NULL;
    cni_compare_op op = (cni_compare_op)expr->op;
    if (simple_compare(expr, &column, &op, &value)) {
        return value->is_null ? 0.0 : compare_fraction(stats_of(self, column), op, value);
    }
    if (op != CNI_EQ && op != CNI_NE) {
        return DEFAULT_RANGE;
    }
    const double equal = equal_columns(self, expr);
    return op == CNI_EQ ? equal : 1.0 - equal;
}

/* Expressions are at most CNI_EXPR_MAX_DEPTH deep, and this frame is small. */
static double
fraction_of(const estimate_walk *self, const cni_expr *expr)
{
    switch (expr->kind) {
    case CNI_EXPR_LITERAL:
        return !expr->literal->is_null && expr->literal->as.boolean ? 1.0 : 0.0;
    case CNI_EXPR_AND:
        return and_node(self, expr);
    case CNI_EXPR_OR:
        return or_node(self, expr);
    case CNI_EXPR_NOT:
        return 1.0 - fraction_of(self, expr->args[0]);
    case CNI_EXPR_COMPARE:
        return compare_node(self, expr);
    case CNI_EXPR_DISTINCT:
        return distinct_node(self, expr);
    case CNI_EXPR_IN:
        return in_node(self, expr);
    case CNI_EXPR_IS_NULL:
        return null_node(self, expr);
    case CNI_EXPR_CALL:
        return DEFAULT_CALL;
    default:
        return DEFAULT_OTHER;
    }
}

double
cni_estimate_selectivity(const cni_expr *filter, const cni_table_stats *stats,
                         const cni_slot_of_table *slots, int32_t n_slots)
{
    const estimate_walk walk = {.stats = stats, .slots = slots, .n_slots = n_slots};
    return clamp(fraction_of(&walk, filter));
}
