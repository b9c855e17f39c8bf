/* SPDX-License-Identifier: Apache-2.0
 *
 * Three-valued logic by words of 64 rows (AND, OR, NOT), IS [NOT] NULL over every encoding, and the
 * bitmap of the rows that a predicate keeps.
 */
#include "data/kernel/ops_int.h"

static uint64_t
mask_of(int64_t n_block)
{
    return n_block == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_block) - 1;
}

static bool
any_nullable(const cni_vector *const *inputs, int32_t n_inputs)
{
    for (int32_t input = 0; input < n_inputs; input++) {
        if (inputs[input]->validity.data != NULL || inputs[input]->phys == CNI_PHYS_NONE) {
            return true;
        }
    }
    return false;
}

static uint64_t
truth_word(const cni_vector *input, int64_t row, int64_t n_block)
{
    return input->phys == CNI_PHYS_NONE ? 0 : cni_op_bits_word(input, row, n_block);
}

/* AND over inputs; OR is its dual: `is_or` exchanges true and false on the way in and out. */
static void
combine_block(const cni_vector *const *inputs, int32_t n_inputs, bool is_or, int64_t row,
              int64_t n_block, uint64_t *out_truth, uint64_t *out_valid)
{
    const uint64_t mask = mask_of(n_block);
    const uint64_t flip = is_or ? mask : 0;
    uint64_t all_true = mask;
    uint64_t any_false = 0;
    for (int32_t input = 0; input < n_inputs; input++) {
        const uint64_t truth = truth_word(inputs[input], row, n_block) ^ flip;
        const uint64_t valid = cni_op_valid_word(inputs[input], row, n_block);
        all_true &= truth & valid;
        any_false |= ~truth & valid;
    }
    *out_truth = all_true ^ flip;
    *out_valid = (all_true | any_false) & mask;
}

static cn_code
combine(const cni_op_env *env, const cni_vector *const *inputs, int32_t n_inputs, bool is_or,
        cni_vector *inout_result, cn_error *err)
{
    cni_op_frame frame;
    cni_op_begin(&frame, env, inputs, n_inputs);
    const bool is_nullable = any_nullable(inputs, n_inputs);
    CN_TRY(cni_op_result(&frame, cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, is_nullable,
                         inout_result, err));
    uint64_t *out = cni_vector_mutable_data(inout_result);
    uint8_t *out_valid = is_nullable ? cni_vector_mutable_validity(inout_result) : NULL;
    for (int64_t row = 0; row < frame.n; row += 64) {
        uint64_t truth;
        uint64_t valid;
        combine_block(inputs, n_inputs, is_or, row, cni_min_i64(64, frame.n - row), &truth, &valid);
        out[row >> 6] = truth & valid;
        if (is_nullable) {
            memcpy(out_valid + (row >> 3), &valid, sizeof(valid));
        }
    }
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}

cn_code
cni_op_and(const cni_op_env *env, const cni_vector *const *inputs, int32_t n_inputs,
           cni_vector *inout_result, cn_error *err)
{
    return combine(env, inputs, n_inputs, false, inout_result, err);
}

cn_code
cni_op_or(const cni_op_env *env, const cni_vector *const *inputs, int32_t n_inputs,
          cni_vector *inout_result, cn_error *err)
{
    return combine(env, inputs, n_inputs, true, inout_result, err);
}

cn_code
cni_op_not(const cni_op_env *env, const cni_vector *a, cni_vector *inout_result, cn_error *err)
{
    cni_op_frame frame;
    cni_op_begin(&frame, env, &a, 1);
    bool is_null;
    CN_TRY(cni_op_strict(&frame, &a, 1, cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, inout_result,
                         &is_null, err));
    if (is_null) {
        return CN_OK;
    }
    uint64_t *out = cni_vector_mutable_data(inout_result);
    for (int64_t row = 0; row < frame.n; row += 64) {
        const int64_t n_block = cni_min_i64(64, frame.n - row);
        out[row >> 6] = mask_of(n_block) & ~cni_op_bits_word(a, row, n_block);
    }
    cni_op_finish(&frame, inout_result);
    return CN_OK;
}

/* ---- nulls of every encoding ---- */

static uint32_t
code_at(const cni_vector *vector, int64_t row)
{
    switch (vector->code_bytes) {
    case 1:
        return ((const uint8_t *)vector->data)[row];
    case 2:
        return ((const uint16_t *)vector->data)[row];
    default:
        return ((const uint32_t *)vector->data)[row];
    }
}

static bool
has_nulls(const cni_vector *vector)
{
    switch (vector->encoding) {
    case CNI_SEQUENCE:
        return false;
    case CNI_DICTIONARY:
        return vector->validity.data != NULL || vector->dictionary->values.validity.data != NULL ||
               cni_type_is_nested(vector->type);
    case CNI_RUN_END:
        return true;
    default:
        return vector->validity.data != NULL || vector->phys == CNI_PHYS_NONE ||
               vector->phys == CNI_PHYS_UNION;
    }
}

static uint64_t
valid_word_dictionary(const cni_vector *vector, int64_t row, int64_t n_block)
{
    const cni_bits values_valid = vector->dictionary->values.validity;
    uint64_t word = cni_bits_word(vector->validity, row, n_block);
    if (values_valid.data == NULL) {
        return word;
    }
    for (uint64_t rest = word; rest != 0; rest &= rest - 1) {
        const int bit = __builtin_ctzll(rest);
        if (!cni_bits_get(values_valid, code_at(vector, row + bit))) {
            word &= ~(UINT64_C(1) << bit);
        }
    }
    return word;
}

static uint64_t
valid_word_slow(const cni_vector *vector, int64_t row, int64_t n_block)
{
    uint64_t word = 0;
    for (int64_t bit = 0; bit < n_block; bit++) {
        word |= (uint64_t)cni_vector_is_valid(vector, row + bit) << bit;
    }
    return word;
}

static uint64_t
valid_word_any(const cni_vector *vector, int64_t row, int64_t n_block)
{
    if (vector->encoding == CNI_DICTIONARY && vector->phys != CNI_PHYS_UNION) {
        return valid_word_dictionary(vector, row, n_block);
    }
    if (vector->encoding == CNI_RUN_END || vector->phys == CNI_PHYS_UNION) {
        return valid_word_slow(vector, row, n_block);
    }
    return cni_op_valid_word(vector, row, n_block);
}

/* Runs of a RUN_END vector that are not null, as bits; `out` is zeroed. */
static void
valid_runs(const cni_vector *vector, int64_t n_rows, uint64_t *out)
{
    const cni_vector *values = &vector->nested->children[0];
    int64_t row = 0;
    for (int64_t run = 0; run < vector->n_runs && row < n_rows; run++) {
        const int64_t end = cni_min_i64(n_rows, vector->run_ends[run] - vector->run_base);
        if (end <= row) {
            continue; /* before the slice */
        }
        if (cni_vector_is_valid(values, run)) {
            cni_bits_fill((uint8_t *)out, row, end - row, true);
        }
        row = end;
    }
}

cn_code
cni_op_is_null(const cni_op_env *env, bool negated, const cni_vector *a, cni_vector *inout_result,
               cn_error *err)
{
    const int64_t n = a->encoding == CNI_CONSTANT ? cni_min_i64(1, env->n_rows) : env->n_rows;
    CN_TRY(cni_vector_reuse_flat(env->allocator, cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, n, false,
                                 inout_result, err));
    uint64_t *out = cni_vector_mutable_data(inout_result);
    const bool is_nullable = has_nulls(a);
    const bool is_runs = a->encoding == CNI_RUN_END;
    if (is_runs && n > 0) {
        memset(out, 0, (size_t)cni_bits_words(n) * sizeof(*out));
        valid_runs(a, n, out);
    }
    for (int64_t row = 0; row < n; row += 64) {
        const int64_t n_block = cni_min_i64(64, n - row);
        const uint64_t mask = mask_of(n_block);
        const uint64_t valid = !is_nullable ? mask
                               : is_runs    ? out[row >> 6]
                                            : valid_word_any(a, row, n_block);
        out[row >> 6] = negated ? valid : mask & ~valid;
    }
    if (a->encoding == CNI_CONSTANT) {
        inout_result->encoding = CNI_CONSTANT;
        inout_result->n_rows = env->n_rows;
    }
    return CN_OK;
}

/* ---- the rows a predicate keeps ---- */

static void
true_bits_dictionary(const cni_vector *a, int64_t n_rows, uint64_t *out_bits)
{
    const cni_vector *values = &a->dictionary->values;
    const cni_bits truths = cni_op_bits(values);
    for (int64_t row = 0; row < n_rows; row += 64) {
        const int64_t n_block = cni_min_i64(64, n_rows - row);
        uint64_t rest = cni_bits_word(a->validity, row, n_block);
        uint64_t word = 0;
        for (; rest != 0; rest &= rest - 1) {
            const int bit = __builtin_ctzll(rest);
            const int64_t code = code_at(a, row + bit);
            const bool is_true = cni_bits_get(truths, code) && cni_bits_get(values->validity, code);
            word |= (uint64_t)is_true << bit;
        }
        out_bits[row >> 6] = word;
    }
}

cn_code
cni_op_true_bits(const cni_op_env *env, const cni_vector *a, uint64_t *out_bits, cn_error *err)
{
    if (a->phys == CNI_PHYS_NONE) {
        memset(out_bits, 0, (size_t)cni_bits_words(env->n_rows) * sizeof(*out_bits));
        return CN_OK;
    }
    if (a->phys != CNI_PHYS_BIT) {
        return cni_op_refuse(env, "a condition", a->type, err);
    }
    if (a->encoding == CNI_DICTIONARY) {
        true_bits_dictionary(a, env->n_rows, out_bits);
        return CN_OK;
    }
    if (a->encoding != CNI_FLAT && a->encoding != CNI_CONSTANT) {
        return CN_FAIL(err, CN_INTERNAL, "a condition in encoding %d", a->encoding);
    }
    for (int64_t row = 0; row < env->n_rows; row += 64) {
        const int64_t n_block = cni_min_i64(64, env->n_rows - row);
        out_bits[row >> 6] = cni_op_bits_word(a, row, n_block) & cni_op_valid_word(a, row, n_block);
    }
    return CN_OK;
}
