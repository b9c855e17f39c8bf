/* SPDX-License-Identifier: Apache-2.0
 *
 * median, quantile_cont (interpolated, numbers as DOUBLE), quantile_disc (the first value that at
 * least that fraction is not larger than) and mode (the most frequent value, of several the one
 * that comes first in source order). NULLs do not count.
 *
 * State: all values (a list of cells), from which aggregate_rank.c chooses.
 */
#include <math.h>

#include "plan/function/aggregate_rank_int.h"

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

/* ---- results ---- */

int64_t
cni_quantile_disc_rank(double fraction, int64_t n)
{
    const int64_t place = (int64_t)ceil(fraction * (double)n) - 1;
    return cni_min_i64(cni_max_i64(place, 0), n - 1);
}

int64_t
cni_quantile_cont_rank(double fraction, int64_t n)
{
    return (int64_t)floor(fraction * (double)(n - 1));
}

/* + 0.0: which one of equal zeros is there depends on nothing that was asked. */
double
cni_quantile_between(double fraction, int64_t n, double low, double high)
{
    const double place = fraction * (double)(n - 1);
    const double share = place - floor(place);
    return (share > 0 ? low + (high - low) * share : low) + 0.0;
}

typedef cn_code (*choose_cell)(const cni_aggregate_call *call, const cni_cell_list *list,
                               cni_rank_scratch *scratch, cni_cell *out_cell, cn_error *err);

static cn_code
choose_cont(const cni_aggregate_call *call, const cni_cell_list *list, cni_rank_scratch *scratch,
            cni_cell *out_cell, cn_error *err)
{
    (void)scratch;
    const cni_aggregate_bind *bind = call->bind_data;
    const int64_t rank = cni_quantile_cont_rank(bind->fraction, list->n);
    double low = 0;
    double high = 0;
    CN_TRY(cni_rank_floats(call, list, rank, &low, &high, err));
    const double value = cni_quantile_between(bind->fraction, list->n, low, high);
    *out_cell = (cni_cell){{0, 0}};
    memcpy(out_cell, &value, sizeof(value));
    return CN_OK;
}

static cn_code
choose_disc(const cni_aggregate_call *call, const cni_cell_list *list, cni_rank_scratch *scratch,
            cni_cell *out_cell, cn_error *err)
{
    const cni_aggregate_bind *bind = call->bind_data;
    return cni_rank_cell(call, list, cni_cell_kind_of(bind->types[0]),
                         cni_quantile_disc_rank(bind->fraction, list->n), scratch, out_cell, err);
}

static cn_code
choose_mode(const cni_aggregate_call *call, const cni_cell_list *list, cni_rank_scratch *scratch,
            cni_cell *out_cell, cn_error *err)
{
    const cni_aggregate_bind *bind = call->bind_data;
    return cni_rank_most_frequent(call, list, cni_cell_kind_of(bind->types[0]), scratch, out_cell,
                                  err);
}

static cn_code
emit_chosen(const cni_aggregate_call *call, int64_t n_states, choose_cell choose,
            cni_vector *out_vector, cn_error *err)
{
    CN_SCOPED(cni_cell_rows) rows = {0};
    CN_SCOPED(cni_rank_scratch) scratch = {.allocator = call->env.allocator};
    CN_TRY(cni_cell_rows_new(call->env.allocator, n_states, &rows, err));
    for (int64_t at = 0; at < n_states; at++) {
        const cni_cell_list *list = cni_state_at(call, at);
        cni_cell cell = {{0, 0}};
        if (list->n > 0) {
            CN_TRY(choose(call, list, &scratch, &cell, err));
            cni_cell_rows_put(&rows, at, &cell);
        }
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
     .resolve = resolve_median, .emit = cont_emit, .lists = &cni_quantile_cont_lists},
    {CNI_ROW("quantile_cont", "Value at a fraction of the sorted values, interpolated.",
             "quantile_cont(x, 0.9)"),
     QUANTILE_ROW, .resolve = resolve_cont, .emit = cont_emit, .lists = &cni_quantile_cont_lists},
    {CNI_ROW("quantile_disc", "Smallest value that a fraction of the values does not exceed.",
             "quantile_disc(x, 0.9)"),
     QUANTILE_ROW, .order_sensitive = true, .resolve = resolve_disc, .emit = disc_emit,
     .lists = &cni_quantile_disc_lists},
    {CNI_ROW("mode", "Most frequent value, the first of several.", "mode(x)"), QUANTILE_ROW,
     .order_sensitive = true, .resolve = resolve_mode, .emit = mode_emit, .lists = &cni_mode_lists},
};
