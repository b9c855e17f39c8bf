/* SPDX-License-Identifier: Apache-2.0
 *
 * Predicates and expressions by column statistics. The columns that a predicate names become a
 * little table of statistics over which cni_estimate_selectivity runs, so that predicates above
 * joins and groups are estimated by the same formulas as those over tables.
 */
#include <math.h>

#include "optimize/cost/estimate_int.h"

/* ---- named columns ---- */

typedef struct name_walk {
    cni_arena *arena;
    cni_named_columns *out;
    int32_t cap;
    cn_code code;
    cn_error *err;
} name_walk;

static cn_code
add_name(name_walk *self, const cni_expr *column)
{
    cni_named_columns *out = self->out;
    for (int32_t at = 0; at < out->n_ids; at++) {
        if (out->ids[at] == column->column_id) {
            return CN_OK;
        }
    }
    if (out->n_ids == self->cap) {
        const int32_t cap = self->cap == 0 ? 8 : self->cap * 2;
        int32_t *ids = NULL;
        const cni_type **types = NULL;
        CN_TRY(cni_arena_alloc_array(self->arena, cap, (int64_t)sizeof(*ids), &ids, self->err));
        CN_TRY(cni_arena_alloc_array(self->arena, cap, (int64_t)sizeof(*types), &types, self->err));
        for (int32_t at = 0; at < out->n_ids; at++) {
            ids[at] = out->ids[at];
            types[at] = out->types[at];
        }
        out->ids = ids;
        out->types = types;
        self->cap = cap;
    }
    out->ids[out->n_ids] = column->column_id;
    out->types[out->n_ids++] = column->type;
    return CN_OK;
}

static bool
see_name(void *state, const cni_expr *expr)
{
    name_walk *self = state;
    if (expr->kind == CNI_EXPR_COLUMN && self->code == CN_OK) {
        self->code = add_name(self, expr);
    }
    return self->code == CN_OK;
}

cn_code
cni_named_columns_of(cni_arena *arena, const cni_expr *expr, cni_named_columns *out_columns,
                     cn_error *err)
{
    name_walk walk = {.arena = arena, .out = out_columns, .code = CN_OK, .err = err};
    *out_columns = (cni_named_columns){0};
    cni_expr_walk(expr, see_name, &walk);
    return walk.code;
}

/* ---- whether statistics cover a predicate ---- */

typedef struct informed_walk {
    const cni_table_stats *stats;
    const cni_slot_of_table *slots;
    int32_t n_slots;
    bool is_informed;
} informed_walk;

static const cni_column_stats *
stats_of(const informed_walk *self, const cni_expr *expr)
{
    for (int32_t slot = 0; expr->kind == CNI_EXPR_COLUMN && slot < self->n_slots; slot++) {
        if (self->slots[slot].column_id == expr->column_id) {
            return &self->stats->columns[self->slots[slot].table_column];
        }
    }
    return NULL;
}

static bool
knows_compare(const informed_walk *self, const cni_expr *expr)
{
    const cni_column_stats *left = stats_of(self, expr->args[0]);
    const cni_column_stats *right = stats_of(self, expr->args[1]);
    const cni_column_stats *column = left != NULL ? left : right;
    const cni_expr *other = expr->args[left != NULL ? 1 : 0];
    if (column == NULL) {
        return false;
    }
    if (expr->op == CNI_EQ || expr->op == CNI_NE) {
        return other->kind == CNI_EXPR_LITERAL || (left != NULL && right != NULL);
    }
    return other->kind == CNI_EXPR_LITERAL && column->bounds_mark != CNI_STAT_UNKNOWN;
}

static bool
see_informed(void *state, const cni_expr *expr)
{
    informed_walk *self = state;
    switch (expr->kind) {
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
    case CNI_EXPR_NOT:
        return true;
    case CNI_EXPR_LITERAL:
        return false;
    case CNI_EXPR_COMPARE:
        self->is_informed = self->is_informed && knows_compare(self, expr);
        return false;
    case CNI_EXPR_IN:
    case CNI_EXPR_IS_NULL:
        self->is_informed = self->is_informed && stats_of(self, expr->args[0]) != NULL;
        return false;
    default:
        self->is_informed = false;
        return false;
    }
}

/* ---- predicates ---- */

static void
fill_stats(const cni_column_estimate *estimate, const cni_type *type, double n_rows,
           cni_column_stats *out)
{
    out->distinct_mark = CNI_STAT_ESTIMATE;
    out->n_distinct = (int64_t)fmin(9e18, ceil(estimate->n_distinct));
    out->nulls_mark = CNI_STAT_ESTIMATE;
    out->n_nulls = (int64_t)fmin(9e18, estimate->null_fraction * n_rows);
    if (estimate->has_bounds && cni_stat_value_at(type, estimate->low, &out->low) &&
        cni_stat_value_at(type, estimate->high, &out->high)) {
        out->bounds_mark = CNI_STAT_ESTIMATE;
    }
}

/* The input that a column comes from: left unless only the right one has it. */
static const cni_plan *
input_of(const cni_plan *left, const cni_plan *right, int32_t column_id)
{
    return right != NULL && cni_plan_find_column(right, column_id) != NULL ? right : left;
}

/* A scan's own filters look at its table: its columns as they come out of them are not known yet.
 */
static cn_code
estimate_named(cni_estimator *self, const cni_plan *left, const cni_plan *right, int32_t column_id,
               cni_column_estimate *out_estimate, cn_error *err)
{
    if (left->kind == CNI_PLAN_SCAN && right == NULL) {
        const int32_t position = cni_estimate_scan_position(left, column_id);
        cni_estimated_table *table = NULL;
        if (position >= 0) {
            CN_TRY(cni_estimator_table(self, left->table, &table, err));
            return cni_estimate_table_column(self, table, position, out_estimate, err);
        }
    }
    return cni_estimate_column(self, input_of(left, right, column_id), column_id, out_estimate,
                               err);
}

cn_code
cni_estimate_by_statistics(cni_estimator *self, const cni_plan *left, const cni_plan *right,
                           const cni_expr *predicate, double *out_fraction, bool *out_informed,
                           cn_error *err)
{
    const double n_rows = 1e6; /* null counts below are fractions of it */
    cni_named_columns named = {0};
    cni_column_stats *columns = NULL;
    cni_slot_of_table *slots = NULL;
    CN_TRY(cni_named_columns_of(self->arena, predicate, &named, err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, named.n_ids, (int64_t)sizeof(*columns), &columns, err));
    CN_TRY(cni_arena_alloc_array(self->arena, named.n_ids, (int64_t)sizeof(*slots), &slots, err));
    for (int32_t at = 0; at < named.n_ids; at++) {
        cni_column_estimate estimate;
        CN_TRY(estimate_named(self, left, right, named.ids[at], &estimate, err));
        fill_stats(&estimate, named.types[at], n_rows, &columns[at]);
        slots[at] = (cni_slot_of_table){.column_id = named.ids[at], .table_column = at};
    }
    const cni_table_stats stats = {.rows_mark = CNI_STAT_ESTIMATE,
                                   .n_rows = (int64_t)n_rows,
                                   .n_columns = named.n_ids,
                                   .columns = columns};
    informed_walk walk = {
        .stats = &stats, .slots = slots, .n_slots = named.n_ids, .is_informed = true};
    cni_expr_walk(predicate, see_informed, &walk);
    *out_informed = walk.is_informed;
    *out_fraction = cni_estimate_selectivity(predicate, &stats, slots, named.n_ids);
    return CN_OK;
}

/* ---- sums and counts of groups ---- */

static const cni_expr *
without_cast(const cni_expr *expr)
{
    while (expr->kind == CNI_EXPR_CAST) {
        expr = expr->args[0];
    }
    return expr;
}

/* `literal` on the number line of `type`: decimals of other scales are moved. */
static bool
place_of(const cni_expr *literal, const cni_type *type, double *out)
{
    if (literal->kind != CNI_EXPR_LITERAL || !cni_stat_position(literal->literal, out)) {
        return false;
    }
    const int32_t own = literal->type->id == CNI_TYPE_DECIMAL ? literal->type->scale : 0;
    const int32_t wanted = type->id == CNI_TYPE_DECIMAL ? type->scale : 0;
    *out *= pow(10.0, wanted - own);
    return true;
}

/* Mean and variance of an aggregate over groups of `size` rows each, sizes as a Poisson process has
 * them, values as if even between their bounds. */
static cn_code
moments_of(cni_estimator *self, const cni_plan *plan, const cni_expr *call, double size,
           double *out_mean, double *out_variance, bool *out_known, cn_error *err)
{
    cni_column_estimate values;
    const uint8_t builtin = call->function == NULL ? 0 : call->function->builtin;
    *out_mean = size;
    *out_variance = size;
    *out_known = builtin == CNI_AGGREGATE_COUNT || builtin == CNI_AGGREGATE_COUNT_STAR;
    if ((builtin != CNI_AGGREGATE_SUM && builtin != CNI_AGGREGATE_AVG) || call->n_args != 1) {
        return CN_OK;
    }
    CN_TRY(cni_estimate_expr(self, plan->children[0], NULL, call->args[0], &values, err));
    if (!values.has_bounds) {
        return CN_OK;
    }
    const cni_type *from = call->args[0]->type;
    const int32_t own = from->id == CNI_TYPE_DECIMAL ? from->scale : 0;
    const int32_t scale = call->type->id == CNI_TYPE_DECIMAL ? call->type->scale : 0;
    const double unit = pow(10.0, scale - own);
    const double mean = (values.low + values.high) / 2.0 * unit;
    const double width = (values.high - values.low) * unit;
    const double variance = width * width / 12.0;
    *out_known = true;
    *out_mean = builtin == CNI_AGGREGATE_SUM ? size * mean : mean;
    *out_variance = builtin == CNI_AGGREGATE_SUM ? size * variance + size * mean * mean
                                                 : variance / fmax(1.0, size);
    return CN_OK;
}

/* A comparison of an aggregate of `plan` with a literal: the tail of a normal distribution. */
static cn_code
tail_of(cni_estimator *self, const cni_plan *plan, const cni_expr *conjunct, double *out_fraction,
        bool *out_known, cn_error *err)
{
    double place = 0.0;
    double mean = 0.0;
    double variance = 0.0;
    cni_plan_estimate groups;
    cni_plan_estimate below;
    *out_known = false;
    if (conjunct->kind != CNI_EXPR_COMPARE || conjunct->op == CNI_EQ || conjunct->op == CNI_NE) {
        return CN_OK;
    }
    const int32_t side = without_cast(conjunct->args[0])->kind == CNI_EXPR_COLUMN ? 0 : 1;
    const cni_expr *column = without_cast(conjunct->args[side]);
    const cni_column *made =
        column->kind == CNI_EXPR_COLUMN ? cni_plan_find_column(plan, column->column_id) : NULL;
    if (made == NULL || made - plan->columns < plan->n_groups ||
        !place_of(conjunct->args[1 - side], column->type, &place)) {
        return CN_OK;
    }
    CN_TRY(cni_estimate_plan(self, plan, &groups, err));
    CN_TRY(cni_estimate_plan(self, plan->children[0], &below, err));
    const double size = fmax(1.0, below.rows / fmax(1.0, groups.rows));
    CN_TRY(moments_of(self, plan, plan->exprs[made - plan->columns], size, &mean, &variance,
                      out_known, err));
    const bool is_greater = conjunct->op == CNI_GT || conjunct->op == CNI_GE;
    const double above = 0.5 * erfc((place - mean) / sqrt(2.0 * fmax(variance, 1e-9)));
    *out_fraction = is_greater == (side == 0) ? above : 1.0 - above;
    *out_fraction = fmax(*out_fraction, 0.5 / fmax(1.0, groups.rows));
    return CN_OK;
}

/* HAVING: conjuncts on aggregates by their distribution, the others by statistics. */
static cn_code
filter_groups(cni_estimator *self, const cni_plan *plan, const cni_expr *predicate,
              double *out_fraction, cn_error *err)
{
    const cni_expr *const *conjuncts = NULL;
    int32_t n_conjuncts = 0;
    *out_fraction = 1.0;
    CN_TRY(cni_estimate_conjuncts(self, predicate, &conjuncts, &n_conjuncts, err));
    for (int32_t at = 0; at < n_conjuncts; at++) {
        double fraction = 1.0;
        bool is_known = false;
        CN_TRY(tail_of(self, plan, conjuncts[at], &fraction, &is_known, err));
        if (!is_known) {
            CN_TRY(cni_estimate_by_statistics(self, plan, NULL, conjuncts[at], &fraction, &is_known,
                                              err));
        }
        *out_fraction *= fraction;
    }
    return CN_OK;
}

/* Every conjunct that lies in `list` as an array. */
static const cni_expr *const *
exprs_of(const cni_list *list)
{
    return (const cni_expr *const *)(const void *)list->items;
}

cn_code
cni_estimate_filter(cni_estimator *self, const cni_plan *plan, const cni_expr *predicate,
                    double *out_fraction, cn_error *err)
{
    cni_list list = {0};
    bool is_informed = false;
    if (plan->kind == CNI_PLAN_SCAN) {
        CN_TRY(cni_expr_conjuncts(self->arena, predicate, &list, err));
        return cni_estimate_scan_fraction(self, plan, exprs_of(&list), (int32_t)list.n_items,
                                          out_fraction, err);
    }
    if (plan->kind == CNI_PLAN_AGGREGATE) {
        return filter_groups(self, plan, predicate, out_fraction, err);
    }
    return cni_estimate_by_statistics(self, plan, NULL, predicate, out_fraction, &is_informed, err);
}

cn_code
cni_estimate_own_fraction(cni_estimator *self, const cni_plan *plan,
                          const cni_expr *const *conjuncts, int32_t n_conjuncts, int32_t column_id,
                          double *out_fraction, cn_error *err)
{
    cni_list own = {0};
    *out_fraction = 1.0;
    for (int32_t at = 0; at < n_conjuncts; at++) {
        cni_named_columns named = {0};
        CN_TRY(cni_named_columns_of(self->arena, conjuncts[at], &named, err));
        if (named.n_ids == 1 && named.ids[0] == column_id) {
            CN_TRY(cni_list_push(self->arena, &own, conjuncts[at], err));
        }
    }
    if (own.n_items > 0) {
        const cni_expr all = {
            .kind = CNI_EXPR_AND, .n_args = (int32_t)own.n_items, .args = exprs_of(&own)};
        bool is_informed = false;
        CN_TRY(cni_estimate_by_statistics(self, plan, NULL, own.n_items == 1 ? own.items[0] : &all,
                                          out_fraction, &is_informed, err));
    }
    return CN_OK;
}

/* ---- expressions ---- */

static double
limit_by_shape(const cni_expr *expr, double n_distinct)
{
    if (expr->type->id == CNI_TYPE_BOOL) {
        return fmin(n_distinct, 2.0);
    }
    double n_literals = 0.0;
    for (int32_t arg = 1; expr->kind == CNI_EXPR_CASE && arg < expr->n_args; arg += 2) {
        if (expr->args[arg]->kind != CNI_EXPR_LITERAL) {
            return n_distinct;
        }
        n_literals += 1.0;
    }
    return expr->kind == CNI_EXPR_CASE ? fmin(n_distinct, n_literals + 1.0) : n_distinct;
}

/* The one scan that all columns come from, or NULL. */
static const cni_plan *
scan_of(const cni_column_estimate *estimates, int32_t n_estimates)
{
    const cni_plan *scan = n_estimates > 0 ? estimates[0].origin : NULL;
    for (int32_t at = 1; at < n_estimates; at++) {
        scan = estimates[at].origin == scan ? scan : NULL;
    }
    return scan != NULL && scan->kind == CNI_PLAN_SCAN ? scan : NULL;
}

cn_code
cni_estimate_expr(cni_estimator *self, const cni_plan *left, const cni_plan *right,
                  const cni_expr *expr, cni_column_estimate *out_estimate, cn_error *err)
{
    cni_named_columns named = {0};
    cni_column_estimate *estimates = NULL;
    if (expr->kind == CNI_EXPR_COLUMN) {
        return cni_estimate_column(self, input_of(left, right, expr->column_id), expr->column_id,
                                   out_estimate, err);
    }
    CN_TRY(cni_named_columns_of(self->arena, expr, &named, err));
    CN_TRY(cni_arena_alloc_array(self->arena, named.n_ids, (int64_t)sizeof(*estimates), &estimates,
                                 err));
    double no_nulls = 1.0;
    double widest = 1.0;
    for (int32_t at = 0; at < named.n_ids; at++) {
        const cni_plan *input = input_of(left, right, named.ids[at]);
        CN_TRY(cni_estimate_column(self, input, named.ids[at], &estimates[at], err));
        no_nulls *= 1.0 - estimates[at].null_fraction;
        widest = fmax(widest, estimates[at].n_distinct);
    }
    double distinct = cni_estimate_combined_distinct(estimates, named.n_ids, 1e18);
    const cni_plan *scan = scan_of(estimates, named.n_ids);
    if (scan != NULL && expr->kind != CNI_EXPR_CAST) {
        double sampled = -1.0;
        CN_TRY(cni_estimate_sample_distinct(self, scan, expr, &sampled, err));
        distinct = sampled > 0.0 ? fmin(distinct, sampled) : distinct;
    }
    distinct = fmax(1.0, limit_by_shape(expr, distinct));
    *out_estimate = (cni_column_estimate){.n_distinct = distinct,
                                          .n_domain = distinct,
                                          .null_fraction = 1.0 - no_nulls,
                                          .width_bytes = cni_estimate_width(expr->type),
                                          .origin_rows = widest};
    return CN_OK;
}
