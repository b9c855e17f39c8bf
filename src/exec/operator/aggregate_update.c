/* SPDX-License-Identifier: Apache-2.0
 *
 * States of groups: updated by the calls' functions from the rows of a chunk, merged, and finished
 * into vectors. Arguments are flattened once per chunk, whichever calls share them.
 */
#include "exec/operator/aggregate_operator_int.h"

#define MAX_ARGS CNI_FUNCTION_MAX_ARGS

static cni_op_env
env_of(const cni_agg_operator *self, int64_t n_rows, const uint64_t *live)
{
    return (cni_op_env){self->base.context->allocator, self->kernels, live, n_rows};
}

static cni_aggregate_call
call_of(const cni_agg_operator *self, const cni_agg_table *table, const cni_agg_call *call)
{
    return (cni_aggregate_call){
        .context = self->base.context,
        .bind_data = call->spec->bind_data,
        .type = call->spec->type,
        .n_args = call->spec->n_args,
        .states = table->rows + call->state_offset,
        .stride_bytes = table->layout->row_bytes,
        .heap = table->heap,
    };
}

cn_code
cni_agg_local_flat(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
                   int32_t position, const cni_vector **out_vector, cn_error *err)
{
    cni_vector *flat = &local->flat[position];
    const cni_vector *column = &chunk->columns[position];
    if (column->encoding == CNI_FLAT || column->encoding == CNI_CONSTANT) {
        *out_vector = column;
        return CN_OK;
    }
    if (flat->type == NULL) {
        CN_TRY(cni_vector_flatten(self->base.context->allocator, column, flat, err));
    }
    *out_vector = flat;
    return CN_OK;
}

/* Rows that a call's FILTER and IGNORE NULLS leave, in local->live; NULL = all. */
static cn_code
rows_of_call(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
             const cni_agg_call *call, const uint64_t **out_live, cn_error *err)
{
    const cni_phys_call *spec = call->spec;
    const cni_vector *vector = NULL;
    const int64_t n_words = cni_bits_words(chunk->n_rows);
    *out_live = NULL;
    if (spec->filter >= 0) {
        const cni_op_env env = env_of(self, chunk->n_rows, NULL);
        CN_TRY(cni_agg_local_flat(self, local, chunk, spec->filter, &vector, err));
        CN_TRY(cni_op_true_bits(&env, vector, local->live, err));
        *out_live = local->live;
    }
    if (!spec->ignore_nulls || spec->n_args == 0) {
        return CN_OK;
    }
    CN_TRY(cni_agg_local_flat(self, local, chunk, spec->args[0], &vector, err));
    for (int64_t word = 0; word < n_words; word++) {
        const int64_t n_bits = cni_min_i64(64, chunk->n_rows - word * 64);
        const uint64_t valid =
            vector->encoding == CNI_CONSTANT
                ? (cni_bits_get(vector->validity, 0) ? cni_bits_word((cni_bits){0}, 0, n_bits) : 0)
                : cni_bits_word(vector->validity, word * 64, n_bits);
        local->live[word] = *out_live == NULL ? valid : local->live[word] & valid;
    }
    *out_live = local->live;
    return CN_OK;
}

static cn_code
update_call(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
            const cni_agg_call *call, const uint32_t *groups, cn_error *err)
{
    const cni_vector *args[8];
    const cni_vector **all = args;
    const int32_t n_args = call->spec->n_args;
    if (n_args > CN_ARRAY_LEN(args)) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "aggregates of more than %d arguments",
                       (int)CN_ARRAY_LEN(args));
    }
    for (int32_t arg = 0; arg < n_args; arg++) {
        CN_TRY(cni_agg_local_flat(self, local, chunk, call->spec->args[arg], &all[arg], err));
    }
    const uint64_t *live = NULL;
    CN_TRY(rows_of_call(self, local, chunk, call, &live, err));
    cni_aggregate_call made = call_of(self, &local->table, call);
    made.env = env_of(self, chunk->n_rows, live);
    made.args = all;
    made.group = groups;
    made.sequence = self->spec->needs_order ? chunk->sequence : 0;
    const cni_function *function = call->spec->function;
    return function->update(function, &made, err);
}

cn_code
cni_agg_update(cni_agg_operator *self, cni_agg_local *local, const cni_chunk *chunk,
               const uint32_t *groups, cn_error *err)
{
    for (int32_t call = 0; call < self->layout->n_calls; call++) {
        CN_TRY(update_call(self, local, chunk, &self->layout->calls[call], groups, err));
    }
    return CN_OK;
}

cn_code
cni_agg_combine_states(cni_agg_operator *self, cni_agg_table *table, const uint8_t *rows, int64_t n,
                       uint32_t *groups, cn_error *err)
{
    for (int32_t call = 0; call < self->layout->n_calls; call++) {
        const cni_agg_call *merged = &self->layout->calls[call];
        const cni_function *function = merged->spec->function;
        cni_aggregate_call made = call_of(self, table, merged);
        made.env = env_of(self, n, NULL);
        made.group = groups;
        CN_TRY(function->combine(function, &made, rows + merged->state_offset, n, err));
    }
    return CN_OK;
}

cn_code
cni_agg_emit(cni_agg_operator *self, cni_agg_table *table, int32_t call, int64_t first, int64_t n,
             cni_vector *out_vector, cn_error *err)
{
    const cni_agg_call *emitted = &self->layout->calls[call];
    const cni_function *function = emitted->spec->function;
    cni_aggregate_call made = call_of(self, table, emitted);
    made.env = env_of(self, n, NULL);
    made.states += first * self->layout->row_bytes;
    return function->emit(function, &made, n, out_vector, err);
}
