/* SPDX-License-Identifier: Apache-2.0
 *
 * sum, avg and product.
 *
 *   integers, decimals   exact in 192 bits; only the total is range checked
 *   floats               doubles added as they come: error below n * 2^-53 * sum(|x|). Under
 *                        `reproducible`: exact_sum.h, the same bits for any order of rows
 *   INTERVAL             months, days, nanoseconds apart
 *
 * Types: integers up to 32 bits -> BIGINT; BIGINT -> DECIMAL(38,0); DECIMAL(p,s) -> DECIMAL(38,s);
 * HUGEINT; floats -> DOUBLE. avg and product are DOUBLE.
 */
#include "data/kernel/exact_sum.h"
#include "plan/function/aggregate_function_int.h"

typedef struct float_state {
    int64_t n;
    double sum;
    cni_exact_sum exact; /* reproducible */
} float_state;

typedef struct interval_state {
    int64_t n;
    int64_t months;
    int64_t days;
    cni_wide_sum nanos;
} interval_state;

typedef struct product_state {
    int64_t n;
    double factor;
} product_state;

static bool
is_float(const void *bind_data)
{
    const cni_aggregate_bind *bind = bind_data;
    return cni_type_is_float(bind->types[0]);
}

static int64_t
sum_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    return is_float(bind_data) ? (int64_t)sizeof(float_state) : (int64_t)sizeof(cni_exact_state);
}

/* ---- types ---- */

static const cni_type *
sum_type(const cni_type *arg)
{
    switch (arg->id) {
    case CNI_TYPE_FLOAT32:
    case CNI_TYPE_FLOAT64:
        return cni_type_of(CNI_TYPE_FLOAT64);
    case CNI_TYPE_HUGEINT:
        return arg;
    case CNI_TYPE_DECIMAL:
        return cni_type_decimal(CNI_DECIMAL_MAX_DIGITS, arg->scale);
    case CNI_TYPE_INT64:
    case CNI_TYPE_UINT64:
        return cni_type_decimal(CNI_DECIMAL_MAX_DIGITS, 0);
    default:
        return cni_type_of(CNI_TYPE_INT64);
    }
}

static cn_code
resolve_sum(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    if (inout_question->n_args != 1 || !cni_resolve_number(inout_question, 0)) {
        return CN_OK;
    }
    inout_question->out_type = sum_type(inout_question->out_arg_types[0]);
    inout_question->out_matched = true;
    return cni_aggregate_bind_new(inout_question, NULL, err);
}

static cn_code
resolve_avg(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    CN_TRY(resolve_sum(self, inout_question, err));
    inout_question->out_type = cni_type_of(CNI_TYPE_FLOAT64);
    return CN_OK;
}

static cn_code
resolve_interval(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    (void)err;
    inout_question->out_matched =
        inout_question->n_args == 1 && inout_question->arg_types[0]->id == CNI_TYPE_INTERVAL;
    inout_question->out_type = cni_type_of(CNI_TYPE_INTERVAL);
    return CN_OK;
}

static cn_code
resolve_product(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    (void)err;
    const cni_type *type = cni_type_of(CNI_TYPE_FLOAT64);
    inout_question->out_type = type;
    inout_question->out_matched =
        inout_question->n_args == 1 && cni_resolve_want(inout_question, 0, type);
    return CN_OK;
}

/* ---- numbers ---- */

static double
read_double(const cni_reader *reader, int64_t row)
{
    return reader->phys == CNI_PHYS_F32 ? (double)((const float *)reader->data)[row & reader->mask]
                                        : cni_read_f64(reader, row);
}

static void
add_floats(const cni_aggregate_call *call)
{
    cni_counted_rows rows;
    const cni_reader reader = cni_reader_of(call->args[0]);
    const bool reproducible = call->context != NULL && call->context->settings.reproducible;
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        float_state *state = cni_state_of(call, row);
        const double item = read_double(&reader, row);
        state->n++;
        if (reproducible) {
            cni_exact_add(&state->exact, item);
        } else {
            state->sum += item;
        }
    }
}

static void
add_exact(const cni_aggregate_call *call)
{
    cni_counted_rows rows;
    const cni_reader reader = cni_reader_of(call->args[0]);
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        cni_exact_state *state = cni_state_of(call, row);
        const cni_i128 item = cni_read_wide(&reader, row);
        state->n++;
        cni_wide_add(&state->sum, item);
    }
}

static cn_code
sum_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    if (is_float(call->bind_data)) {
        add_floats(call);
    } else {
        add_exact(call);
    }
    return CN_OK;
}

static void
combine_floats(const cni_aggregate_call *call, const uint8_t *from, int64_t n_states)
{
    for (int64_t at = 0; at < n_states; at++) {
        const float_state *other = cni_state_from(call, from, at);
        float_state *state = cni_state_of(call, at);
        state->n += other->n;
        state->sum += other->sum;
        cni_exact_merge(&state->exact, &other->exact);
    }
}

static cn_code
sum_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
            int64_t n_states, cn_error *err)
{
    (void)self;
    (void)err;
    if (is_float(call->bind_data)) {
        combine_floats(call, from, n_states);
        return CN_OK;
    }
    for (int64_t at = 0; at < n_states; at++) {
        const cni_exact_state *other = cni_state_from(call, from, at);
        cni_exact_state *state = cni_state_of(call, at);
        state->n += other->n;
        cni_wide_merge(&state->sum, &other->sum);
    }
    return CN_OK;
}

static double
float_total(const cni_aggregate_call *call, const float_state *state)
{
    const bool reproducible = call->context != NULL && call->context->settings.reproducible;
    return reproducible ? cni_exact_get(&state->exact) : state->sum;
}

static cn_code
emit_float_sums(const cni_aggregate_call *call, int64_t n_states, cni_vector *out_vector,
                cn_error *err)
{
    double *sums = NULL;
    uint8_t *validity = NULL;
    CN_TRY(cni_emit_flat(call, n_states, true, out_vector, &sums, &validity, err));
    for (int64_t at = 0; at < n_states; at++) {
        const float_state *state = cni_state_at(call, at);
        sums[at] = float_total(call, state);
        cni_bit_write(validity, at, state->n > 0);
    }
    return CN_OK;
}

cn_code
cni_emit_exact_sums(const cni_aggregate_call *call, int64_t n_states, cni_vector *out_vector,
                    cn_error *err)
{
    cni_allocator *allocator = call->env.allocator;
    const int64_t n_bytes = n_states * ((int64_t)sizeof(cni_wide_sum) + 1);
    cni_wide_sum *totals = NULL;
    CN_TRY(cni_alloc(allocator, n_bytes, &totals, err));
    uint8_t *valid = (uint8_t *)(totals + n_states);
    for (int64_t at = 0; at < n_states; at++) {
        const cni_exact_state *state = cni_state_at(call, at);
        totals[at] = state->sum;
        valid[at] = state->n > 0 ? 1 : 0;
    }
    const cn_code code =
        cni_wide_emit(allocator, call->type, totals, valid, n_states, out_vector, err);
    cni_dealloc(allocator, totals, n_bytes);
    return code;
}

static cn_code
sum_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
         cni_vector *out_vector, cn_error *err)
{
    (void)self;
    return is_float(call->bind_data) ? emit_float_sums(call, n_states, out_vector, err)
                                     : cni_emit_exact_sums(call, n_states, out_vector, err);
}

/* ---- avg ---- */

static double
average_of(const cni_aggregate_call *call, int64_t at)
{
    if (is_float(call->bind_data)) {
        const float_state *state = cni_state_at(call, at);
        return state->n == 0 ? 0 : float_total(call, state) / (double)state->n;
    }
    const cni_exact_state *state = cni_state_at(call, at);
    const cni_aggregate_bind *bind = call->bind_data;
    return state->n == 0 ? 0 : cni_average(bind->types[0], &state->sum, state->n);
}

static cn_code
avg_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
         cni_vector *out_vector, cn_error *err)
{
    (void)self;
    double *averages = NULL;
    uint8_t *validity = NULL;
    CN_TRY(cni_emit_flat(call, n_states, true, out_vector, &averages, &validity, err));
    for (int64_t at = 0; at < n_states; at++) {
        const int64_t *n = cni_state_at(call, at); /* both states begin with it */
        averages[at] = average_of(call, at);
        cni_bit_write(validity, at, *n > 0);
    }
    return CN_OK;
}

/* ---- INTERVAL ---- */

static int64_t
interval_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(interval_state);
}

static cn_code
interval_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    cni_counted_rows rows;
    const cni_reader reader = cni_reader_of(call->args[0]);
    const cni_interval *items = reader.data;
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        interval_state *state = cni_state_of(call, row);
        const cni_interval *item = &items[row & reader.mask];
        state->n++;
        state->months += item->months;
        state->days += item->days;
        cni_wide_add(&state->nanos, item->nanos);
    }
    return CN_OK;
}

static cn_code
interval_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
                 int64_t n_states, cn_error *err)
{
    (void)self;
    (void)err;
    for (int64_t at = 0; at < n_states; at++) {
        const interval_state *other = cni_state_from(call, from, at);
        interval_state *state = cni_state_of(call, at);
        state->n += other->n;
        state->months += other->months;
        state->days += other->days;
        cni_wide_merge(&state->nanos, &other->nanos);
    }
    return CN_OK;
}

static cn_code
interval_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
              cni_vector *out_vector, cn_error *err)
{
    (void)self;
    cni_interval *sums = NULL;
    uint8_t *validity = NULL;
    CN_SCOPED(cni_vector) made = {0};
    CN_TRY(cni_emit_flat(call, n_states, true, &made, &sums, &validity, err));
    for (int64_t at = 0; at < n_states; at++) {
        const interval_state *state = cni_state_at(call, at);
        cni_i128 nanos = 0;
        const bool fits = cni_wide_total(&state->nanos, &nanos);
        sums[at] = (cni_interval){(int32_t)state->months, (int32_t)state->days, (int64_t)nanos};
        cni_bit_write(validity, at, state->n > 0);
        if (!fits || sums[at].months != state->months || sums[at].days != state->days ||
            sums[at].nanos != nanos) {
            (void)CN_FAIL(err, CN_INVALID_DATA, "sum is out of range for type INTERVAL");
            cni_error_sqlstate(err, "22008");
            return CN_INVALID_DATA;
        }
    }
    cni_vector_move(out_vector, &made);
    return CN_OK;
}

/* ---- product ---- */

static int64_t
product_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(product_state);
}

static void
product_init(const cni_function *self, const void *bind_data, uint8_t *state)
{
    (void)self;
    (void)bind_data;
    const product_state empty = {0, 1};
    memcpy(state, &empty, sizeof(empty));
}

static cn_code
product_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    cni_counted_rows rows;
    const cni_reader reader = cni_reader_of(call->args[0]);
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        product_state *state = cni_state_of(call, row);
        state->n++;
        state->factor *= cni_read_f64(&reader, row);
    }
    return CN_OK;
}

static cn_code
product_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
                int64_t n_states, cn_error *err)
{
    (void)self;
    (void)err;
    for (int64_t at = 0; at < n_states; at++) {
        const product_state *other = cni_state_from(call, from, at);
        product_state *state = cni_state_of(call, at);
        state->n += other->n;
        state->factor *= other->factor;
    }
    return CN_OK;
}

static cn_code
product_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
             cni_vector *out_vector, cn_error *err)
{
    (void)self;
    double *products = NULL;
    uint8_t *validity = NULL;
    CN_TRY(cni_emit_flat(call, n_states, true, out_vector, &products, &validity, err));
    for (int64_t at = 0; at < n_states; at++) {
        const product_state *state = cni_state_at(call, at);
        products[at] = state->factor;
        cni_bit_write(validity, at, state->n > 0);
    }
    return CN_OK;
}

#define SUM_ROW                                                                                    \
    .kind = CNI_FUNCTION_AGGREGATE, .may_error = true, .cost_ns = 1, .plain_states = true

const cni_function cni_aggregate_sums[CNI_N_AGGREGATE_SUMS] = {
    {CNI_ROW("sum", "Sum of the values.", "sum(x)"), SUM_ROW, .builtin = CNI_AGGREGATE_SUM,
     .resolve = resolve_sum, .state_bytes = sum_state_bytes, .update = sum_update,
     .combine = sum_combine, .emit = sum_emit},
    {CNI_ROW("sum", "Sum of intervals.", "sum(INTERVAL '1 day')"), SUM_ROW,
     .resolve = resolve_interval, .state_bytes = interval_state_bytes, .update = interval_update,
     .combine = interval_combine, .emit = interval_emit},
    {CNI_ROW("avg", "Arithmetic mean of the values.", "avg(x)"), SUM_ROW,
     .builtin = CNI_AGGREGATE_AVG, .resolve = resolve_avg, .state_bytes = sum_state_bytes,
     .update = sum_update, .combine = sum_combine, .emit = avg_emit},
    {CNI_ROW("product", "Product of the values.", "product(x)"), SUM_ROW,
     .resolve = resolve_product, .state_bytes = product_state_bytes, .init = product_init,
     .update = product_update, .combine = product_combine, .emit = product_emit},
};
