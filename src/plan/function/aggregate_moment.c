/* SPDX-License-Identifier: Apache-2.0
 *
 * Variance, standard deviation, covariance, correlation: DOUBLE over pairs without NULLs.
 *
 * Means and squared deviations are updated one value at a time and merged pairwise (Welford; Chan,
 * Golub, LeVeque 1979). Under `reproducible` exact sums of the values and of their products (each
 * as product and rounding error) are kept instead, so that the order of rows does not show.
 */
#include <math.h>

#include "data/kernel/exact_sum.h"
#include "plan/function/aggregate_function_int.h"

typedef struct moment_state {
    int64_t n;
    double mean_x;
    double mean_y;
    double square_x; /* sum of (x - mean_x)^2 */
    double square_y;
    double product; /* sum of (x - mean_x)(y - mean_y) */
} moment_state;

typedef struct exact_moments {
    cni_exact_sum x;
    cni_exact_sum square_x; /* of x^2: not centred */
    cni_exact_sum y;        /* from here on only for pairs */
    cni_exact_sum square_y;
    cni_exact_sum product;
} exact_moments;

/* What a state is laid out as; that of functions of one argument ends before exact.y. */
typedef struct full_state {
    moment_state moments;
    exact_moments exact;
} full_state;

typedef enum moment_result {
    VARIANCE,
    DEVIATION,
    COVARIANCE,
    CORRELATION
} moment_result;

typedef struct moment_rule {
    moment_result result;
    bool sample; /* divided by n - 1 */
} moment_rule;

static const moment_rule var_sample = {VARIANCE, true};
static const moment_rule var_population = {VARIANCE, false};
static const moment_rule dev_sample = {DEVIATION, true};
static const moment_rule dev_population = {DEVIATION, false};
static const moment_rule covar_sample = {COVARIANCE, true};
static const moment_rule covar_population = {COVARIANCE, false};
static const moment_rule correlation = {CORRELATION, false};

static bool
is_pair(const cni_function *self)
{
    const moment_rule *rule = self->private_data;
    return rule->result == COVARIANCE || rule->result == CORRELATION;
}

static bool
is_reproducible(const cni_aggregate_call *call)
{
    return call->context != NULL && call->context->settings.reproducible;
}

static cn_code
resolve_moment(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)err;
    const cni_type *number = cni_type_of(CNI_TYPE_FLOAT64);
    if (inout_question->n_args != (is_pair(self) ? 2 : 1)) {
        return CN_OK;
    }
    for (int32_t arg = 0; arg < inout_question->n_args; arg++) {
        if (!cni_resolve_want(inout_question, arg, number)) {
            return CN_OK;
        }
    }
    inout_question->out_type = number;
    inout_question->out_matched = true;
    return CN_OK;
}

static int64_t
moment_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)bind_data;
    return (int64_t)(is_pair(self) ? sizeof(full_state) : offsetof(full_state, exact.y));
}

/* ---- updating ---- */

static void
add_pair(moment_state *state, double x, double y)
{
    state->n++;
    const double n = (double)state->n;
    const double delta_x = x - state->mean_x;
    const double delta_y = y - state->mean_y;
    state->mean_x += delta_x / n;
    state->mean_y += delta_y / n;
    state->square_x += delta_x * (x - state->mean_x);
    state->square_y += delta_y * (y - state->mean_y);
    state->product += delta_x * (y - state->mean_y);
}

static void
add_product(cni_exact_sum *sum, double a, double b)
{
    const double product = a * b;
    cni_exact_add(sum, product);
    if (isfinite(product)) {
        cni_exact_add(sum, fma(a, b, -product));
    }
}

static void
add_exact(full_state *state, double x, double y, bool pair)
{
    state->moments.n++;
    cni_exact_add(&state->exact.x, x);
    add_product(&state->exact.square_x, x, x);
    if (pair) {
        cni_exact_add(&state->exact.y, y);
        add_product(&state->exact.square_y, y, y);
        add_product(&state->exact.product, x, y);
    }
}

static cn_code
moment_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)err;
    cni_counted_rows rows;
    const bool pair = is_pair(self);
    const bool reproducible = is_reproducible(call);
    const cni_reader xs = cni_reader_of(call->args[0]);
    const cni_reader ys = cni_reader_of(call->args[pair ? 1 : 0]);
    cni_counted_begin(&rows, call, call->n_args);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        full_state *state = cni_state_of(call, row);
        const double x = cni_read_f64(&xs, row);
        const double y = pair ? cni_read_f64(&ys, row) : 0;
        if (reproducible) {
            add_exact(state, x, y, pair);
        } else {
            add_pair(&state->moments, x, y);
        }
    }
    return CN_OK;
}

/* ---- merging ---- */

static void
merge_moments(moment_state *state, const moment_state *other)
{
    const double n_left = (double)state->n;
    const double n_right = (double)other->n;
    const double n = n_left + n_right;
    const double delta_x = other->mean_x - state->mean_x;
    const double delta_y = other->mean_y - state->mean_y;
    const double weight = n_left * n_right / n;
    state->n += other->n;
    state->mean_x += delta_x * n_right / n;
    state->mean_y += delta_y * n_right / n;
    state->square_x += other->square_x + delta_x * delta_x * weight;
    state->square_y += other->square_y + delta_y * delta_y * weight;
    state->product += other->product + delta_x * delta_y * weight;
}

static void
merge_exact(full_state *state, const full_state *other, bool pair)
{
    state->moments.n += other->moments.n;
    cni_exact_merge(&state->exact.x, &other->exact.x);
    cni_exact_merge(&state->exact.square_x, &other->exact.square_x);
    if (!pair) {
        return;
    }
    cni_exact_merge(&state->exact.y, &other->exact.y);
    cni_exact_merge(&state->exact.square_y, &other->exact.square_y);
    cni_exact_merge(&state->exact.product, &other->exact.product);
}

static cn_code
moment_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
               int64_t n_states, cn_error *err)
{
    (void)err;
    const bool reproducible = is_reproducible(call);
    for (int64_t at = 0; at < n_states; at++) {
        const full_state *other = cni_state_from(call, from, at);
        full_state *state = cni_state_of(call, at);
        if (other->moments.n == 0) {
            continue;
        }
        if (reproducible) {
            merge_exact(state, other, is_pair(self));
        } else if (state->moments.n == 0) {
            state->moments = other->moments;
        } else {
            merge_moments(&state->moments, &other->moments);
        }
    }
    return CN_OK;
}

/* ---- results ---- */

/* sum of a*b - sum of a * sum of b / n, in twice the precision of a double. */
static double
centred(const cni_exact_sum *products, const cni_exact_sum *a, const cni_exact_sum *b, int64_t n)
{
    double product_high, product_low, a_high, a_low, b_high, b_low;
    cni_exact_get_pair(products, &product_high, &product_low);
    cni_exact_get_pair(a, &a_high, &a_low);
    cni_exact_get_pair(b, &b_high, &b_low);
    const double count = (double)n;
    const double mean_high = a_high / count;
    const double mean_low = (fma(-mean_high, count, a_high) + a_low) / count;
    const double square = mean_high * b_high;
    const double square_low =
        fma(mean_high, b_high, -square) + mean_high * b_low + mean_low * b_high;
    return (product_high - square) + (product_low - square_low);
}

static moment_state
moments_of(const cni_aggregate_call *call, const full_state *state, bool pair)
{
    const exact_moments *exact = &state->exact;
    const int64_t n = state->moments.n;
    if (!is_reproducible(call) || n == 0) {
        return state->moments;
    }
    moment_state moments = {.n = n, .square_x = centred(&exact->square_x, &exact->x, &exact->x, n)};
    if (pair) {
        moments.square_y = centred(&exact->square_y, &exact->y, &exact->y, n);
        moments.product = centred(&exact->product, &exact->x, &exact->y, n);
    }
    return moments;
}

/* False = NULL. */
static bool
result_of(const moment_rule *rule, const moment_state *state, double *out_result)
{
    const int64_t n = rule->sample ? state->n - 1 : state->n;
    if (n <= 0) {
        return false;
    }
    const double square = state->square_x > 0 || isnan(state->square_x) ? state->square_x : 0;
    switch (rule->result) {
    case VARIANCE:
        *out_result = square / (double)n;
        return true;
    case DEVIATION:
        *out_result = sqrt(square / (double)n);
        return true;
    case COVARIANCE:
        *out_result = state->product / (double)n;
        return true;
    case CORRELATION:
        break;
    }
    const double scale = sqrt(state->square_x) * sqrt(state->square_y);
    *out_result = state->product / scale;
    return scale != 0; /* a constant side correlates with nothing */
}

static cn_code
moment_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
            cni_vector *out_vector, cn_error *err)
{
    double *results = NULL;
    uint8_t *validity = NULL;
    CN_TRY(cni_emit_flat(call, n_states, true, out_vector, &results, &validity, err));
    for (int64_t at = 0; at < n_states; at++) {
        const moment_state state = moments_of(call, cni_state_at(call, at), is_pair(self));
        results[at] = 0;
        cni_bit_write(validity, at, result_of(self->private_data, &state, &results[at]));
    }
    return CN_OK;
}

#define MOMENT_ROW(rule)                                                                           \
    .kind = CNI_FUNCTION_AGGREGATE, .cost_ns = 6, .resolve = resolve_moment, .plain_states = true, \
    .state_bytes = moment_state_bytes, .update = moment_update, .combine = moment_combine,         \
    .emit = moment_emit, .private_data = &(rule)

const cni_function cni_aggregate_moments[CNI_N_AGGREGATE_MOMENTS] = {
    {CNI_ROW("var_samp", "Sample variance.", "var_samp(x)"), MOMENT_ROW(var_sample)},
    {CNI_ROW("variance", "Sample variance.", "variance(x)"), MOMENT_ROW(var_sample)},
    {CNI_ROW("var_pop", "Population variance.", "var_pop(x)"), MOMENT_ROW(var_population)},
    {CNI_ROW("stddev_samp", "Sample standard deviation.", "stddev_samp(x)"),
     MOMENT_ROW(dev_sample)},
    {CNI_ROW("stddev", "Sample standard deviation.", "stddev(x)"), MOMENT_ROW(dev_sample)},
    {CNI_ROW("stddev_pop", "Population standard deviation.", "stddev_pop(x)"),
     MOMENT_ROW(dev_population)},
    {CNI_ROW("covar_samp", "Sample covariance.", "covar_samp(y, x)"), MOMENT_ROW(covar_sample)},
    {CNI_ROW("covar_pop", "Population covariance.", "covar_pop(y, x)"),
     MOMENT_ROW(covar_population)},
    {CNI_ROW("corr", "Correlation coefficient.", "corr(y, x)"), MOMENT_ROW(correlation)},
};
