/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts of filters over rows whose columns lie in given bounds.
 *
 * An expression is mapped to the set of values that it may take on some row: true, false, null.
 * AND, OR and NOT combine sets; what is not understood may take all three. NEVER = true is not in
 * the set, where claims may be used; ALWAYS = only true is, where only proved statistics may.
 *
 * NaN lies outside the bounds of floats and above all numbers, so that a float column may hold it
 * whatever the bounds say. Of functions, LIKE with a literal pattern and starts_with are looked
 * into: what matches begins with a known prefix.
 */
#include "plan/stats/stats.h"

#include "plan/function/function.h"
#include "plan/ir/expr.h"

enum outcome {
    OUT_TRUE = 1,
    OUT_FALSE = 2,
    OUT_NULL = 4,
    OUT_ANY = 7
};

typedef struct prune_walk {
    const cni_column_stats *const *stats;
    const cni_slot_of_table *slots;
    int32_t n_slots;
    int64_t n_rows;
    uint8_t needed_mark; /* weakest mark that counts */
} prune_walk;

static const cni_column_stats *
stats_of(const prune_walk *self, const cni_expr *expr)
{
    for (int32_t slot = 0; expr->kind == CNI_EXPR_COLUMN && slot < self->n_slots; slot++) {
        if (self->slots[slot].column_id == expr->column_id) {
            return self->stats[self->slots[slot].table_column];
        }
    }
    return NULL;
}

/* Whether a column's rows may be null, and may be something else. */
static void
find_nulls(const prune_walk *self, const cni_column_stats *stats, bool *out_null, bool *out_value)
{
    const bool is_known = stats != NULL && stats->nulls_mark >= self->needed_mark;
    *out_null = !is_known || stats->n_nulls > 0;
    *out_value = !is_known || stats->n_nulls < self->n_rows;
}

static bool
has_bounds(const prune_walk *self, const cni_column_stats *stats, const cni_type *type)
{
    return stats != NULL && stats->bounds_mark >= self->needed_mark && stats->low.type != NULL &&
           stats->high.type != NULL && !stats->low.is_null && !stats->high.is_null &&
           cni_type_equal(stats->low.type, type) && cni_type_equal(stats->high.type, type);
}

static bool
is_nan(const cni_value *value)
{
    return cni_type_is_float(value->type) && value->as.f64 != value->as.f64;
}

/* Which of smaller, equal, greater a value within [low, high] may be compared with `value`. */
typedef struct order_set {
    bool less;
    bool equal;
    bool greater;
} order_set;

static order_set
orders_within(const cni_column_stats *stats, const cni_value *value)
{
    const int low = cni_value_compare(&stats->low, value);
    const int high = cni_value_compare(&stats->high, value);
    return (order_set){.less = low < 0, .equal = low <= 0 && high >= 0, .greater = high > 0};
}

static int
outcome_of_orders(cni_compare_op op, const order_set *set)
{
    static const bool truth[CNI_COMPARE_COUNT_][3] = {
        [CNI_EQ] = {false, true, false}, [CNI_NE] = {true, false, true},
        [CNI_LT] = {true, false, false}, [CNI_LE] = {true, true, false},
        [CNI_GT] = {false, false, true}, [CNI_GE] = {false, true, true},
    };
    int outcome = 0;
    outcome |= !set->less ? 0 : truth[op][0] ? OUT_TRUE : OUT_FALSE;
    outcome |= !set->equal ? 0 : truth[op][1] ? OUT_TRUE : OUT_FALSE;
    outcome |= !set->greater ? 0 : truth[op][2] ? OUT_TRUE : OUT_FALSE;
    return outcome;
}

/* column op literal */
static int
compare_outcome(const prune_walk *self, cni_compare_op op, const cni_expr *column,
                const cni_value *value)
{
    const cni_column_stats *stats = stats_of(self, column);
    bool may_be_null = true;
    bool may_be_value = true;
    find_nulls(self, stats, &may_be_null, &may_be_value);
    if (value->is_null || !may_be_value) {
        return OUT_NULL;
    }
    order_set set = {true, true, true};
    if (has_bounds(self, stats, value->type) && !is_nan(value)) {
        set = orders_within(stats, value);
        set.greater = set.greater || cni_type_is_float(value->type);
    }
    return outcome_of_orders(op, &set) | (may_be_null ? OUT_NULL : 0);
}

static cni_compare_op
mirrored(cni_compare_op op)
{
    static const uint8_t mirror[CNI_COMPARE_COUNT_] = {
        [CNI_EQ] = CNI_EQ, [CNI_NE] = CNI_NE, [CNI_LT] = CNI_GT,
        [CNI_LE] = CNI_GE, [CNI_GT] = CNI_LT, [CNI_GE] = CNI_LE,
    };
    return (cni_compare_op)mirror[op];
}

static int
compare_node(const prune_walk *self, const cni_expr *expr)
{
    const cni_expr *left = expr->args[0];
    const cni_expr *right = expr->args[1];
    if (left->kind == CNI_EXPR_COLUMN && right->kind == CNI_EXPR_LITERAL) {
        return compare_outcome(self, (cni_compare_op)expr->op, left, right->literal);
    }
    if (right->kind == CNI_EXPR_COLUMN && left->kind == CNI_EXPR_LITERAL) {
        return compare_outcome(self, mirrored((cni_compare_op)expr->op), right, left->literal);
    }
    return OUT_ANY;
}

static int
negate(int outcome)
{
    return (outcome & OUT_TRUE ? OUT_FALSE : 0) | (outcome & OUT_FALSE ? OUT_TRUE : 0) |
           (outcome & OUT_NULL);
}

/* Sets of a AND b over all pairs. */
static int
both(int a, int b)
{
    int outcome = (a | b) & OUT_FALSE;
    outcome |= a & b & OUT_TRUE;
    if (((a & OUT_NULL) && (b & (OUT_NULL | OUT_TRUE))) ||
        ((b & OUT_NULL) && (a & (OUT_NULL | OUT_TRUE)))) {
        outcome |= OUT_NULL;
    }
    return outcome;
}

static int
either(int a, int b)
{
    return negate(both(negate(a), negate(b)));
}

/* column IN (literals): any of the equalities. */
static int
in_node(const prune_walk *self, const cni_expr *expr)
{
    int outcome = OUT_FALSE;
    if (expr->args[0]->kind != CNI_EXPR_COLUMN) {
        return OUT_ANY;
    }
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        if (expr->args[arg]->kind != CNI_EXPR_LITERAL) {
            return OUT_ANY;
        }
        outcome =
            either(outcome, compare_outcome(self, CNI_EQ, expr->args[0], expr->args[arg]->literal));
    }
    return expr->negated ? negate(outcome) : outcome;
}

static int
is_null_node(const prune_walk *self, const cni_expr *expr)
{
    bool may_be_null = true;
    bool may_be_value = true;
    if (expr->args[0]->kind != CNI_EXPR_COLUMN) {
        return OUT_TRUE | OUT_FALSE;
    }
    find_nulls(self, stats_of(self, expr->args[0]), &may_be_null, &may_be_value);
    const int outcome = (may_be_null ? OUT_TRUE : 0) | (may_be_value ? OUT_FALSE : 0);
    return expr->negated ? negate(outcome) : outcome;
}

/* A boolean column or constant by itself. */
static int
boolean_node(const prune_walk *self, const cni_expr *expr)
{
    if (expr->kind == CNI_EXPR_COLUMN) {
        const cni_value is_true = {.type = expr->type, .as.boolean = true};
        return expr->type->id == CNI_TYPE_BOOL ? compare_outcome(self, CNI_EQ, expr, &is_true)
                                               : OUT_ANY;
    }
    const cni_value *value = expr->literal;
    return value->is_null ? OUT_NULL : value->as.boolean ? OUT_TRUE : OUT_FALSE;
}

/* ---- prefixes ---- */

/* The next character of a LIKE pattern as a literal byte; false at a wildcard or the end. */
static bool
next_literal(cni_str pattern, cni_str escape, int64_t *inout_at, char *out_byte)
{
    int64_t at = *inout_at;
    const cni_str rest = {pattern.data + at, pattern.len_bytes - at};
    if (escape.len_bytes > 0 && cni_str_starts_with(rest, escape)) {
        at += escape.len_bytes;
    } else if (at < pattern.len_bytes && (pattern.data[at] == '%' || pattern.data[at] == '_')) {
        return false;
    }
    if (at >= pattern.len_bytes) {
        return false;
    }
    *out_byte = pattern.data[at];
    *inout_at = at + 1;
    return true;
}

/* How `bound` stands to the strings that begin as the pattern does: below them (-1), above them
 * (1), or among them, or no telling (0). */
static int
order_to_prefix(cni_str bound, cni_str pattern, cni_str escape, bool is_pattern)
{
    int64_t at = 0;
    for (int64_t byte = 0;; byte++) {
        char wanted = 0;
        if (is_pattern ? !next_literal(pattern, escape, &at, &wanted) : byte >= pattern.len_bytes) {
            return 0;
        }
        wanted = is_pattern ? wanted : pattern.data[byte];
        if (byte >= bound.len_bytes) {
            return -1;
        }
        if (bound.data[byte] != wanted) {
            return (unsigned char)bound.data[byte] < (unsigned char)wanted ? -1 : 1;
        }
    }
}

static const cni_value *
text_argument(const cni_expr *expr, int32_t arg)
{
    const cni_value *literal = expr->args[arg]->literal;
    return literal != NULL && !literal->is_null && literal->type->id == CNI_TYPE_VARCHAR ? literal
                                                                                         : NULL;
}

static bool
is_prefix_call(const cni_expr *expr)
{
    return expr->function->kind == CNI_FUNCTION_SCALAR &&
           (expr->function->builtin == CNI_SCALAR_LIKE ||
            expr->function->builtin == CNI_SCALAR_STARTS_WITH) &&
           expr->n_args >= 2 && text_argument(expr, 1) != NULL &&
           (expr->n_args < 3 || text_argument(expr, 2) != NULL);
}

/* column LIKE 'abc%', starts_with(column, 'abc') */
static int
call_node(const prune_walk *self, const cni_expr *expr)
{
    if (!is_prefix_call(expr)) {
        return OUT_ANY;
    }
    const cni_column_stats *stats = stats_of(self, expr->args[0]);
    bool may_be_null = true;
    bool may_be_value = true;
    find_nulls(self, stats, &may_be_null, &may_be_value);
    if (!may_be_value) {
        return OUT_NULL;
    }
    const int null = may_be_null ? OUT_NULL : 0;
    if (!has_bounds(self, stats, expr->args[0]->type)) {
        return OUT_TRUE | OUT_FALSE | null;
    }
    const bool is_pattern = expr->function->builtin == CNI_SCALAR_LIKE;
    const cni_str prefix = text_argument(expr, 1)->as.bytes;
    const cni_str escape = expr->n_args < 3 ? CNI_STR("\\") : text_argument(expr, 2)->as.bytes;
    const bool outside = order_to_prefix(stats->low.as.bytes, prefix, escape, is_pattern) > 0 ||
                         order_to_prefix(stats->high.as.bytes, prefix, escape, is_pattern) < 0;
    return (outside ? 0 : OUT_TRUE) | OUT_FALSE | null;
}

/* Expressions are at most CNI_EXPR_MAX_DEPTH deep, and this frame is small. */
static int
outcome_of(const prune_walk *self, const cni_expr *expr)
{
    int outcome = expr->kind == CNI_EXPR_OR ? OUT_FALSE : OUT_TRUE;
    switch (expr->kind) {
    case CNI_EXPR_AND:
        for (int32_t arg = 0; arg < expr->n_args; arg++) {
            outcome = both(outcome, outcome_of(self, expr->args[arg]));
        }
        return outcome;
    case CNI_EXPR_OR:
        for (int32_t arg = 0; arg < expr->n_args; arg++) {
            outcome = either(outcome, outcome_of(self, expr->args[arg]));
        }
        return outcome;
    case CNI_EXPR_NOT:
        return negate(outcome_of(self, expr->args[0]));
    case CNI_EXPR_COMPARE:
        return compare_node(self, expr);
    case CNI_EXPR_IN:
        return in_node(self, expr);
    case CNI_EXPR_IS_NULL:
        return is_null_node(self, expr);
    case CNI_EXPR_CALL:
        return call_node(self, expr);
    case CNI_EXPR_COLUMN:
    case CNI_EXPR_LITERAL:
        return boolean_node(self, expr);
    default:
        return OUT_ANY;
    }
}

cni_verdict
cni_prune(const cni_expr *filter, const cni_column_stats *const *column_stats,
          const cni_slot_of_table *slots, int32_t n_slots, int64_t n_rows)
{
    prune_walk walk = {.stats = column_stats,
                       .slots = slots,
                       .n_slots = n_slots,
                       .n_rows = n_rows,
                       .needed_mark = CNI_STAT_CLAIMED};
    if (n_rows == 0 || (outcome_of(&walk, filter) & OUT_TRUE) == 0) {
        return CNI_VERDICT_NEVER;
    }
    walk.needed_mark = CNI_STAT_PROVED;
    return outcome_of(&walk, filter) == OUT_TRUE ? CNI_VERDICT_ALWAYS : CNI_VERDICT_MAYBE;
}
