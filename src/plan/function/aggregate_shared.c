/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared parts of the aggregate functions: rows that count, resolution, finished vectors. The rules
 * are in aggregate_function_int.h; the functions are in the aggregate_*.c beside this one.
 */
#include "plan/function/aggregate_function_int.h"

/* ---- rows that count ---- */

static uint64_t
valid_word(const cni_vector *arg, int64_t row, int64_t n_bits)
{
    if (arg->encoding == CNI_CONSTANT) {
        return cni_bits_get(arg->validity, 0) ? ~UINT64_C(0) : 0;
    }
    return cni_bits_word(arg->validity, row, n_bits);
}

void
cni_counted_begin(cni_counted_rows *self, const cni_aggregate_call *call, int32_t n_args)
{
    const int64_t n_rows = call->env.n_rows;
    self->n_words = cni_bits_words(n_rows);
    self->at = 0;
    self->words[0] = 0;
    for (int64_t word = 0; word < self->n_words; word++) {
        const int64_t n_bits = cni_min_i64(64, n_rows - word * 64);
        uint64_t bits = cni_bits_word((cni_bits){0}, 0, n_bits);
        if (call->env.live != NULL) {
            bits &= call->env.live[word];
        }
        for (int32_t arg = 0; arg < n_args; arg++) {
            bits &= valid_word(call->args[arg], word * 64, n_bits);
        }
        self->words[word] = bits;
    }
}

/* ---- resolution ---- */

cn_code
cni_aggregate_bind_new(cni_resolve *inout_question, cni_aggregate_bind **out_bind, cn_error *err)
{
    cni_aggregate_bind *bind = NULL;
    CN_TRY(CN_ARENA_NEW(inout_question->arena, &bind, err));
    for (int32_t arg = 0; arg < inout_question->n_args && arg < 2; arg++) {
        bind->types[arg] = inout_question->out_arg_types[arg];
    }
    inout_question->out_bind_data = bind;
    if (out_bind != NULL) {
        *out_bind = bind;
    }
    return CN_OK;
}

void
cni_resolve_any(cni_resolve *inout_question, int32_t arg)
{
    if (inout_question->arg_types[arg]->id == CNI_TYPE_NULL) {
        inout_question->out_arg_types[arg] = cni_type_of(CNI_TYPE_VARCHAR);
    }
}

cn_code
cni_emit_flat(const cni_aggregate_call *call, int64_t n_states, bool with_validity,
              cni_vector *out_vector, void *out_data, uint8_t **out_validity, cn_error *err)
{
    CN_TRY(cni_vector_new_flat(call->env.allocator, call->type, cni_type_phys(call->type), n_states,
                               with_validity, out_vector, err));
    void *data = cni_vector_mutable_data(out_vector);
    memcpy(out_data, &data, sizeof(data));
    if (out_validity != NULL) {
        *out_validity = cni_vector_mutable_validity(out_vector);
    }
    return CN_OK;
}

int64_t
cni_cell_result_bytes(const cni_aggregate_call *call, const cni_cell *value)
{
    return cni_cell_kind_of(call->type) == CNI_CELL_BYTES ? cni_cell_view(value).len_bytes : 0;
}
