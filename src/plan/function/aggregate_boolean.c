/* SPDX-License-Identifier: Apache-2.0
 *
 * bool_and (every), bool_or, and bit_and, bit_or, bit_xor of integers.
 */
#include "plan/function/aggregate_function_int.h"

typedef enum fold_op {
    FOLD_AND,
    FOLD_OR,
    FOLD_XOR
} fold_op;

/* The bits of booleans are 0 or 1; of integers, sign-extended to 128 bits. */
typedef struct fold_state {
    int64_t n;
    uint64_t words[2];
} fold_state;

static const fold_op fold_and = FOLD_AND;
static const fold_op fold_or = FOLD_OR;
static const fold_op fold_xor = FOLD_XOR;

static cn_code
resolve_bool(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    const cni_type *type = cni_type_of(CNI_TYPE_BOOL);
    if (inout_question->n_args == 1 && cni_resolve_want(inout_question, 0, type)) {
        inout_question->out_type = type;
        inout_question->out_matched = true;
        return cni_aggregate_bind_new(inout_question, NULL, err);
    }
    return CN_OK;
}

static cn_code
resolve_bits(const cni_function *self, cni_resolve *inout_question, cn_error *err)
{
    (void)self;
    if (inout_question->n_args != 1) {
        return CN_OK;
    }
    if (cni_type_is_integer(inout_question->arg_types[0]) ||
        cni_resolve_want(inout_question, 0, cni_type_of(CNI_TYPE_INT64))) {
        inout_question->out_type = inout_question->out_arg_types[0];
        inout_question->out_matched = true;
        return cni_aggregate_bind_new(inout_question, NULL, err);
    }
    return CN_OK;
}

static int64_t
fold_state_bytes(const cni_function *self, const void *bind_data)
{
    (void)self;
    (void)bind_data;
    return (int64_t)sizeof(fold_state);
}

static void
fold(fold_op op, fold_state *state, const uint64_t words[2], int64_t n)
{
    for (int word = 0; word < 2; word++) {
        const uint64_t bits = words[word];
        if (state->n == 0) {
            state->words[word] = bits;
        } else if (op == FOLD_AND) {
            state->words[word] &= bits;
        } else if (op == FOLD_OR) {
            state->words[word] |= bits;
        } else {
            state->words[word] ^= bits;
        }
    }
    state->n += n;
}

static cn_code
fold_update(const cni_function *self, const cni_aggregate_call *call, cn_error *err)
{
    (void)err;
    cni_counted_rows rows;
    const fold_op op = *(const fold_op *)self->private_data;
    const cni_cell_reader reader = cni_cell_reader_of(call->args[0]);
    cni_counted_begin(&rows, call, 1);
    for (int64_t row = cni_counted_next(&rows); row >= 0; row = cni_counted_next(&rows)) {
        cni_cell cell;
        cni_cell_read(&reader, row, &cell);
        fold(op, cni_state_of(call, row), cell.words, 1);
    }
    return CN_OK;
}

static cn_code
fold_combine(const cni_function *self, const cni_aggregate_call *call, const uint8_t *from,
             int64_t n_states, cn_error *err)
{
    (void)err;
    const fold_op op = *(const fold_op *)self->private_data;
    for (int64_t at = 0; at < n_states; at++) {
        const fold_state *other = cni_state_from(call, from, at);
        if (other->n > 0) {
            fold(op, cni_state_of(call, at), other->words, other->n);
        }
    }
    return CN_OK;
}

static cn_code
fold_emit(const cni_function *self, const cni_aggregate_call *call, int64_t n_states,
          cni_vector *out_vector, cn_error *err)
{
    (void)self;
    CN_SCOPED(cni_cell_rows) rows = {0};
    CN_TRY(cni_cell_rows_new(call->env.allocator, n_states, &rows, err));
    for (int64_t at = 0; at < n_states; at++) {
        const fold_state *state = cni_state_at(call, at);
        if (state->n > 0) {
            cni_cell_rows_put(&rows, at, &(cni_cell){{state->words[0], state->words[1]}});
        }
    }
    return cni_cell_rows_finish(&rows, call->type, out_vector, err);
}

#define FOLD_ROW                                                                                   \
    .kind = CNI_FUNCTION_AGGREGATE, .cost_ns = 2, .plain_states = true,                            \
    .state_bytes = fold_state_bytes, .update = fold_update, .combine = fold_combine,               \
    .emit = fold_emit

const cni_function cni_aggregate_booleans[CNI_N_AGGREGATE_BOOLEANS] = {
    {CNI_ROW("bool_and", "Whether every value is true.", "bool_and(x > 0)"), FOLD_ROW,
     .builtin = CNI_AGGREGATE_BOOL_AND, .ignores_distinct = true, .resolve = resolve_bool,
     .private_data = &fold_and},
    {CNI_ROW("every", "Whether every value is true.", "every(x > 0)"), FOLD_ROW,
     .builtin = CNI_AGGREGATE_BOOL_AND, .ignores_distinct = true, .resolve = resolve_bool,
     .private_data = &fold_and},
    {CNI_ROW("bool_or", "Whether some value is true.", "bool_or(x > 0)"), FOLD_ROW,
     .builtin = CNI_AGGREGATE_BOOL_OR, .ignores_distinct = true, .resolve = resolve_bool,
     .private_data = &fold_or},
    {CNI_ROW("any_true", "Whether some value is true.", "any_true(x > 0)"), FOLD_ROW,
     .builtin = CNI_AGGREGATE_BOOL_OR, .ignores_distinct = true, .resolve = resolve_bool,
     .private_data = &fold_or},
    {CNI_ROW("bit_and", "Bitwise AND of the values.", "bit_and(flags)"), FOLD_ROW,
     .ignores_distinct = true, .resolve = resolve_bits, .private_data = &fold_and},
    {CNI_ROW("bit_or", "Bitwise OR of the values.", "bit_or(flags)"), FOLD_ROW,
     .ignores_distinct = true, .resolve = resolve_bits, .private_data = &fold_or},
    {CNI_ROW("bit_xor", "Bitwise XOR of the values.", "bit_xor(flags)"), FOLD_ROW,
     .resolve = resolve_bits, .private_data = &fold_xor},
};
