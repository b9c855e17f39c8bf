/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts: count(*), count(x), count_if(condition). BIGINT, 0 over no rows, never NULL.
 *
 * State: one int64.
 */
#include "plan/function/aggregate_function_int.h"

static int64_t
count_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(int64_t);
}

static cn_code
resolve_star(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    (void)err;
    inout_question->out_type = cni_type_of(CNI_TYPE_INT64);
    inout_question->out_matched = inout_question->n_args == 0;
    return CN_OK;
}

static cn_code
resolve_count(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    (void)err;
    inout_question->out_type = cni_type_of(CNI_TYPE_INT64);
    inout_question->out_matched = inout_question->n_args == 1;
    return CN_OK;
}

static cn_code
resolve_count_if(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    (void)err;
    inout_question->out_type = cni_type_of(CNI_TYPE_INT64);
    inout_question->out_matched = inout_question->n_args == 1 &&
                                  cni_resolve_want(inout_question, 0, cni_type_of(CNI_TYPE_BOOL));
    return CN_OK;
}

static cn_code
count_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    cni_counted_rows rows;
    cni_counted_begin(&rows, call, call->n_args);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        *(int64_t *)cni_state_of(call, row) += 1;
    }
    return CN_OK;
}

static cn_code
count_retract(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    cni_counted_rows rows;
    cni_counted_begin(&rows, call, call->n_args);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        *(int64_t *)cni_state_of(call, row) -= 1;
    }
    return CN_OK;
}

static cn_code
count_if_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)self;
    (void)err;
    cni_counted_rows rows;
    const cni_reader condition = cni_reader_of(call->args[0]);
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        *(int64_t *)cni_state_of(call, row) += cni_read_bool(&condition, row) ? 1 : 0;
    }
    return CN_OK;
}

static cn_code
count_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
              int64_t n_states, cn_error *err)
{
    (void)self;
    (void)err;
    for (int64_t state = 0; state < n_states; state++) {
        const int64_t *other = cni_state_from(call, from, state);
        *(int64_t *)cni_state_of(call, state) += *other;
    }
    return CN_OK;
}

static cn_code
count_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
           cni_vector *out_vector, cn_error *err)
{
    (void)self;
    int64_t *counts = NULL;
    CN_TRY(cni_emit_flat(call, n_states, false, out_vector, &counts, NULL, err));
    for (int64_t state = 0; state < n_states; state++) {
        const int64_t *n = cni_state_at(call, state);
        counts[state] = *n;
    }
    return CN_OK;
}

#define COUNT_ROW                                                                                  \
    .kind = CNI_FUNCTION_AGGREGATE, .null_rule = CNI_NULL_CUSTOM, .leakproof = true,               \
    .cost_ns = 0.5, .plain_states = true, .state_bytes = count_state_bytes,                        \
    .combine = count_combine, .emit = count_emit

const cni_function cni_aggregate_counts[CNI_N_AGGREGATE_COUNTS] = {
    {CNI_ROW("count", "Number of rows.", "count(*)"), .builtin = CNI_AGGREGATE_COUNT_STAR,
     .resolve = resolve_star, .update = count_update, .retract = count_retract, COUNT_ROW},
    {CNI_ROW("count", "Number of rows where the argument is not NULL.", "count(x)"),
     .builtin = CNI_AGGREGATE_COUNT, .resolve = resolve_count, .update = count_update,
     .retract = count_retract, COUNT_ROW},
    {CNI_ROW("count_star", "Number of rows.", "count_star()"), .builtin = CNI_AGGREGATE_COUNT_STAR,
     .resolve = resolve_star, .update = count_update, .retract = count_retract, COUNT_ROW},
    {CNI_ROW("count_if", "Number of rows where the condition is true.", "count_if(x > 10)"),
     .resolve = resolve_count_if, .update = count_if_update, COUNT_ROW},
};

const cni_function *
cni_aggregate_count(bool of_rows)
{
    return &cni_aggregate_counts[of_rows ? 0 : 1];
}
