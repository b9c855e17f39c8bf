/* SPDX-License-Identifier: Apache-2.0
 *
 * median, quantile_cont (interpolated, numbers as DOUBLE), quantile_disc (the first value that at
 * least that fraction is not larger than) and mode (the most frequent value, of several the one
 * that comes first in source order). NULLs do not count.
 *
 * State: all values (a list of cells), sorted when finished.
 */
#include <math.h>

#include "plan/function/aggregate_function_int.h"

#define CHECK_MASK 0x3FFF /* steps between looks at the cancel flag */

/* ---- types ---- */

static bool
is_sortable(const cni_type *type)
{
    return !cni_type_is_nested(type) && type->id != CNI_TYPE_UNION &&
           !(type->id == CNI_TYPE_DECIMAL && type->precision > CNI_DECIMAL_MAX_DIGITS);
}

static cn_code
read_fraction(const cni_value *literal, double *out_fraction, cn_error *err)
{
    *out_fraction = (double)NAN;
    if (literal != NULL && !literal->is_null) {
        const cni_type *type = literal->type;
        if (cni_type_is_float(type)) {
            *out_fraction = literal->as.f64;
        } else if (type->id == CNI_TYPE_DECIMAL) {
            const cni_i128 value = type->precision > 18 ? literal->as.i128 : literal->as.i64;
            *out_fraction = (double)value / (double)cni_pow10_i128(type->scale);
        } else if (cni_type_is_integer(type) && type->id != CNI_TYPE_HUGEINT) {
            *out_fraction = (double)literal->as.i64;
        }
    }
    if (!(*out_fraction >= 0 && *out_fraction <= 1)) {
        (void)CN_FAIL(err, CN_INVALID_ARGUMENT,
                      "the fraction of a quantile must be a literal between 0 and 1");
        cni_error_sqlstate(err, "22023");
        return CN_INVALID_ARGUMENT;
    }
    return CN_OK;
}

static cn_code
resolve_quantile(cni_resolve *inout_question, bool interpolated, cn_error *err)
{
    const cni_type *number = cni_type_of(CNI_TYPE_FLOAT64);
    double fraction = 0.5;
    const int32_t n_args = inout_question->n_args;
    if (interpolated ? !cni_resolve_want(inout_question, 0, number)
                     : !is_sortable(inout_question->arg_types[0])) {
        return CN_OK;
    }
    cni_resolve_any(inout_question, 0);
    if (n_args == 2) {
        /* A number stays as it was written: a plan that is read back must find the literal. */
        if (cni_type_is_numeric(inout_question->arg_types[1])) {
            cni_resolve_any(inout_question, 1);
        } else if (!cni_resolve_want(inout_question, 1, number)) {
            return CN_OK;
        }
        CN_TRY(read_fraction(inout_question->arg_literals[1], &fraction, err));
    }
    cni_aggregate_bind *bind = NULL;
    CN_TRY(cni_aggregate_bind_new(inout_question, &bind, err));
    bind->fraction = fraction;
    inout_question->out_type = inout_question->out_arg_types[0];
    inout_question->out_matched = true;
    return CN_OK;
}

static cn_code
resolve_cont(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    return inout_question->n_args == 2 ? resolve_quantile(inout_question, true, err) : CN_OK;
}

static cn_code
resolve_disc(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    return inout_question->n_args == 2 ? resolve_quantile(inout_question, false, err) : CN_OK;
}

static cn_code
resolve_median(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    return inout_question->n_args == 1 ? resolve_quantile(inout_question, true, err) : CN_OK;
}

static cn_code
resolve_mode(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    return inout_question->n_args == 1 ? resolve_quantile(inout_question, false, err) : CN_OK;
}

static int64_t
quantile_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(cni_cell_list);
}

/* Where equal values may differ (0.0 and -0.0, a month and 30 days) and one of them is the result,
 * it is told by their order. */
static cn_code
quantile_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    return cni_cell_list_update(call, true, self->order_sensitive, err);
}

static cn_code
quantile_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
                 int64_t n_states, cn_error *err)
{
    (void)self;
    return cni_cell_list_combine(call, from, n_states, err);
}

/* ---- sorting ---- */

/* A value and its place in source order. */
typedef struct placed_cell {
    cni_cell cell;
    int64_t place;
} placed_cell;

/* Cells of two sorted runs into one, those of the first before equal ones of the second. */
static cn_code
merge_runs(const cni_aggregate_call *call, cni_cell_kind kind, const placed_cell *cells,
           int64_t middle, int64_t n, placed_cell *out, cn_error *err)
{
    int64_t left = 0;
    int64_t right = middle;
    for (int64_t at = 0; at < n; at++) {
        int order = 0;
        if ((at & CHECK_MASK) == 0 && call->context != NULL) {
            CN_TRY(cni_context_check(call->context, err));
        }
        if (left < middle && right < n) {
            CN_TRY(cni_cell_compare(&call->env, kind, &cells[left].cell, &cells[right].cell, &order,
                                    err));
        } else {
            order = left < middle ? -1 : 1;
        }
        out[at] = order <= 0 ? cells[left++] : cells[right++];
    }
    return CN_OK;
}

/* Stable, bottom up; `spare` is as long. *out_sorted is one of the two. */
static cn_code
sort_cells(const cni_aggregate_call *call, cni_cell_kind kind, placed_cell *cells,
           placed_cell *spare, int64_t n, placed_cell **out_sorted, cn_error *err)
{
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t first = 0; first < n; first += 2 * width) {
            const int64_t n_both = cni_min_i64(2 * width, n - first);
            CN_TRY(merge_runs(call, kind, cells + first, cni_min_i64(width, n_both), n_both,
                              spare + first, err));
        }
        placed_cell *swapped = cells;
        cells = spare;
        spare = swapped;
    }
    *out_sorted = cells;
    return CN_OK;
}

/* ---- results ---- */

static double
double_of(const placed_cell *cell)
{
    double value;
    memcpy(&value, &cell->cell, sizeof(value));
    return value;
}

typedef cn_code (*choose_cell)(const cni_aggregate_call *call, cni_cell_kind kind,
                               const placed_cell *cells, int64_t n, cni_cell *out_cell,
                               cn_error *err);

static cn_code
choose_cont(const cni_aggregate_call *call, cni_cell_kind kind, const placed_cell *cells, int64_t n,
            cni_cell *out_cell, cn_error *err)
{
    (void)kind;
    (void)err;
    const cni_aggregate_bind *bind = call->bind_data;
    const double place = bind->fraction * (double)(n - 1);
    const double below = floor(place);
    const double low = double_of(&cells[(int64_t)below]);
    const double high = double_of(&cells[cni_min_i64((int64_t)below + 1, n - 1)]);
    /* + 0.0: which one of equal zeros is there depends on nothing that was asked. */
    const double value = (place > below ? low + (high - low) * (place - below) : low) + 0.0;
    memcpy(out_cell, &value, sizeof(value));
    return CN_OK;
}

static cn_code
choose_disc(const cni_aggregate_call *call, cni_cell_kind kind, const placed_cell *cells, int64_t n,
            cni_cell *out_cell, cn_error *err)
{
    (void)kind;
    (void)err;
    const cni_aggregate_bind *bind = call->bind_data;
    const int64_t place = (int64_t)ceil(bind->fraction * (double)n) - 1;
    *out_cell = cells[cni_min_i64(cni_max_i64(place, 0), n - 1)].cell;
    return CN_OK;
}

static cn_code
choose_mode(const cni_aggregate_call *call, cni_cell_kind kind, const placed_cell *cells, int64_t n,
            cni_cell *out_cell, cn_error *err)
{
    int64_t best = 0;
    int64_t best_length = 0;
    int64_t first = 0;
    while (first < n) {
        int64_t end = first + 1;
        int order = 0;
        while (end < n && order == 0) {
            CN_TRY(cni_cell_compare(&call->env, kind, &cells[first].cell, &cells[end].cell, &order,
                                    err));
            end += order == 0 ? 1 : 0;
        }
        const int64_t length = end - first;
        if (length > best_length ||
            (length == best_length && cells[first].place < cells[best].place)) {
            best = first;
            best_length = length;
        }
        first = end;
    }
    *out_cell = cells[best].cell;
    return CN_OK;
}

static cn_code
choose_sorted(const cni_aggregate_call *call, const cni_cell_list *list, placed_cell *cells,
              choose_cell choose, cni_cell *out_cell, cn_error *err)
{
    const cni_aggregate_bind *bind = call->bind_data;
    const cni_cell_kind kind = cni_cell_kind_of(bind->types[0]);
    placed_cell *sorted = NULL;
    int64_t place = 0;
    for (const cni_cell_block *block = list->first; block != NULL; block = block->next) {
        for (int32_t at = 0; at < block->n; at++, place++) {
            cells[place] = (placed_cell){block->cells[at], place};
        }
    }
    CN_TRY(sort_cells(call, kind, cells, cells + list->n, list->n, &sorted, err));
    return choose(call, kind, sorted, list->n, out_cell, err);
}

static cn_code
emit_chosen(const cni_aggregate_call *call, int64_t n_states, choose_cell choose,
            cni_vector *out_vector, cn_error *err)
{
    CN_SCOPED(cni_cell_rows) rows = {0};
    CN_TRY(cni_cell_rows_new(call->env.allocator, n_states, &rows, err));
    for (int64_t at = 0; at < n_states; at++) {
        const cni_cell_list *list = cni_state_at(call, at);
        const int64_t n_bytes = 2 * list->n * (int64_t)sizeof(placed_cell);
        placed_cell *cells = NULL;
        cni_cell cell = {{0, 0}};
        if (list->n == 0) {
            continue;
        }
        CN_TRY(cni_alloc(call->env.allocator, n_bytes, &cells, err));
        const cn_code code = choose_sorted(call, list, cells, choose, &cell, err);
        cni_dealloc(call->env.allocator, cells, n_bytes);
        CN_TRY(code);
        cni_cell_rows_put(&rows, at, &cell);
    }
    return cni_cell_rows_finish(&rows, call->type, out_vector, err);
}

static cn_code
cont_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
          cni_vector *out_vector, cn_error *err)
{
    (void)self;
    return emit_chosen(call, n_states, choose_cont, out_vector, err);
}

static cn_code
disc_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
          cni_vector *out_vector, cn_error *err)
{
    (void)self;
    return emit_chosen(call, n_states, choose_disc, out_vector, err);
}

static cn_code
mode_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
          cni_vector *out_vector, cn_error *err)
{
    (void)self;
    return emit_chosen(call, n_states, choose_mode, out_vector, err);
}

#define QUANTILE_ROW                                                                               \
    .kind = CNI_FUNCTION_AGGREGATE, .cost_ns = 50, .state_bytes = quantile_state_bytes,            \
    .update = quantile_update, .combine = quantile_combine, .save = cni_cell_list_save,            \
    .load = cni_cell_list_load

const cni_function cni_aggregate_quantiles[CNI_N_AGGREGATE_QUANTILES] = {
    {CNI_ROW("median", "Value in the middle, interpolated.", "median(x)"), QUANTILE_ROW,
     .resolve = resolve_median, .emit = cont_emit},
    {CNI_ROW("quantile_cont", "Value at a fraction of the sorted values, interpolated.",
             "quantile_cont(x, 0.9)"),
     QUANTILE_ROW, .resolve = resolve_cont, .emit = cont_emit},
    {CNI_ROW("quantile_disc", "Smallest value that a fraction of the values does not exceed.",
             "quantile_disc(x, 0.9)"),
     QUANTILE_ROW, .order_sensitive = true, .resolve = resolve_disc, .emit = disc_emit},
    {CNI_ROW("mode", "Most frequent value, the first of several.", "mode(x)"), QUANTILE_ROW,
     .order_sensitive = true, .resolve = resolve_mode, .emit = mode_emit},
};
