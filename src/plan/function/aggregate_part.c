/* SPDX-License-Identifier: Apache-2.0
 *
 * Aggregation in two steps over a join: sums of parts of the rows, what is made of them, and calls
 * over rows that stand for many. Results, types and the point at which they overflow are those of
 * the undivided call, whatever the parts were.
 *
 *   sum_part(x)                 the sum itself as BLOB: unlike a number it has no range
 *   sum_of_parts(part)          sum of the values behind the parts
 *   avg_of_parts(part, n)       their mean; n values are behind each part
 *   count_of_parts(n)           sum of counts, 0 over no rows
 *   sum_times(x, n)             every row counts n times
 *   avg_times(x, n), count_times(x, n)
 *
 * Exact numbers only: integers and decimals, whose sums are kept in 192 bits. In no registry.
 */
#include "plan/function/aggregate_function_int.h"

cn_code
cni_aggregate_part_bind(cni_arena *arena, const cni_type *summed, const void **out_bind_data,
                        cn_error *err)
{
    cni_aggregate_bind *bind = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &bind, err));
    *bind = (cni_aggregate_bind){.types = {summed}};
    *out_bind_data = bind;
    return CN_OK;
}

static int64_t
exact_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(cni_exact_state);
}

static cn_code
exact_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
              int64_t n_states, cn_error *err)
{
    (void)self;
    (void)err;
    for (int64_t at = 0; at < n_states; at++) {
        const cni_exact_state *other = cni_state_from(call, from, at);
        cni_exact_state *state = cni_state_of(call, at);
        state->n += other->n;
        cni_wide_merge(&state->sum, &other->sum);
    }
    return CN_OK;
}

static cn_code
part_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    cni_counted_rows rows;
    const cni_reader reader = cni_reader_of(call->args[0]);
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        cni_exact_state *state = cni_state_of(call, row);
        state->n++;
        cni_wide_add(&state->sum, cni_read_wide(&reader, row));
    }
    return CN_OK;
}

/* sum_of_parts (n NULL: what is counted is the parts) and avg_of_parts. */
static cn_code
parts_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    cni_counted_rows rows;
    const cni_reader parts = cni_reader_of(call->args[0]);
    const cni_view *views = parts.data;
    cni_reader counts = {0};
    if (call->n_args == 2) {
        counts = cni_reader_of(call->args[1]);
    }
    cni_counted_begin(&rows, call, call->n_args);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        cni_exact_state *state = cni_state_of(call, row);
        const cni_wide_sum part = cni_wide_from_bytes(cni_view_str(&views[row & parts.mask]));
        state->n += call->n_args == 2 ? cni_read_i64(&counts, row) : 1;
        cni_wide_merge(&state->sum, &part);
    }
    return CN_OK;
}

static cn_code
times_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    cni_counted_rows rows;
    const cni_reader values = cni_reader_of(call->args[0]);
    const cni_reader times = cni_reader_of(call->args[1]);
    cni_counted_begin(&rows, call, 2);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        cni_exact_state *state = cni_state_of(call, row);
        const int64_t n = cni_read_i64(&times, row);
        state->n += n;
        cni_wide_add_times(&state->sum, cni_read_wide(&values, row), n);
    }
    return CN_OK;
}

/* count_of_parts and count_times: the last argument is added up. */
static cn_code
counts_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    cni_counted_rows rows;
    const cni_reader counts = cni_reader_of(call->args[call->n_args - 1]);
    cni_counted_begin(&rows, call, call->n_args);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        cni_exact_state *state = cni_state_of(call, row);
        state->n += cni_read_i64(&counts, row);
    }
    return CN_OK;
}

static cn_code
sum_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
         cni_vector *out_vector, cn_error *err)
{
    (void)self;
    return cni_emit_exact_sums(call, n_states, out_vector, err);
}

static cn_code
average_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
             cni_vector *out_vector, cn_error *err)
{
    (void)self;
    double *averages = NULL;
    uint8_t *validity = NULL;
    const cni_aggregate_bind *bind = call->bind_data;
    CN_TRY(cni_emit_flat(call, n_states, true, out_vector, &averages, &validity, err));
    for (int64_t at = 0; at < n_states; at++) {
        const cni_exact_state *state = cni_state_at(call, at);
        averages[at] = state->n == 0 ? 0 : cni_average(bind->types[0], &state->sum, state->n);
        cni_bit_write(validity, at, state->n > 0);
    }
    return CN_OK;
}

static cn_code
counts_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
            cni_vector *out_vector, cn_error *err)
{
    (void)self;
    int64_t *counts = NULL;
    CN_TRY(cni_emit_flat(call, n_states, false, out_vector, &counts, NULL, err));
    for (int64_t at = 0; at < n_states; at++) {
        const cni_exact_state *state = cni_state_at(call, at);
        counts[at] = state->n;
    }
    return CN_OK;
}

/* Rules make these calls and give their types; nobody resolves them. */
static cn_code
resolve_never(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    (void)err;
    inout_question->out_matched = false;
    return CN_OK;
}

#define PART_ROW(row_name, row_description)                                                        \
    CNI_ROW(row_name, row_description, ""), .kind = CNI_FUNCTION_AGGREGATE, .plain_states = true,  \
        .resolve = resolve_never, .state_bytes = exact_state_bytes, .combine = exact_combine

const cni_function cni_aggregate_parts[CNI_N_AGGREGATE_PARTS] = {
    [CNI_SUM_PART] = {PART_ROW("sum_part", "Sum of some of the values."), .cost_ns = 1,
                      .builtin = CNI_AGGREGATE_SUM, .update = part_update, .emit = sum_emit},
    [CNI_SUM_OF_PARTS] = {PART_ROW("sum_of_parts", "Sum of what is in parts."), .may_error = true,
                          .cost_ns = 3, .update = parts_update, .emit = sum_emit},
    [CNI_AVG_OF_PARTS] = {PART_ROW("avg_of_parts", "Mean of what is in parts."), .cost_ns = 3,
                          .update = parts_update, .emit = average_emit},
    [CNI_COUNT_OF_PARTS] = {PART_ROW("count_of_parts", "Number of what is in parts."),
                            .null_rule = CNI_NULL_CUSTOM, .cost_ns = 1, .update = counts_update,
                            .emit = counts_emit},
    [CNI_SUM_TIMES] = {PART_ROW("sum_times", "Sum of values that count several times."),
                       .may_error = true, .cost_ns = 3, .update = times_update, .emit = sum_emit},
    [CNI_AVG_TIMES] = {PART_ROW("avg_times", "Mean of values that count several times."),
                       .cost_ns = 3, .update = times_update, .emit = average_emit},
    [CNI_COUNT_TIMES] = {PART_ROW("count_times", "Number of values that count several times."),
                         .null_rule = CNI_NULL_CUSTOM, .cost_ns = 1, .update = counts_update,
                         .emit = counts_emit},
};
