/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame that every operation on vectors runs in: rows to compute, results and their validity,
 * the search for the row that an error names, and the text of such errors. See ops_int.h.
 */
#include "data/kernel/ops_int.h"

bool
cni_op_is_null_constant(const cni_vector *vector)
{
    if (vector->phys == CNI_PHYS_NONE) {
        return true;
    }
    return vector->encoding == CNI_CONSTANT && !cni_bits_get(vector->validity, 0);
}

static bool
any_live(const cni_op_env *env)
{
    for (int64_t word = 0; env->live != NULL && word < cni_bits_words(env->n_rows); word++) {
        if (env->live[word] != 0) {
            return true;
        }
    }
    return env->live == NULL;
}

void
cni_op_begin(cni_op_frame *self, const cni_op_env *env, const cni_vector *const *inputs,
             int32_t n_inputs)
{
    *self = (cni_op_frame){.env = env, .n = env->n_rows, .is_constant = true, .live = env->live};
    for (int32_t input = 0; input < n_inputs; input++) {
        CN_ASSERT(inputs[input]->encoding == CNI_FLAT || inputs[input]->encoding == CNI_CONSTANT);
        self->is_constant = self->is_constant && inputs[input]->encoding == CNI_CONSTANT;
    }
    if (self->is_constant) {
        self->n = env->n_rows > 0 ? 1 : 0;
        self->live_one = any_live(env) ? 1 : 0;
        self->live = &self->live_one;
    }
}

cn_code
cni_op_result(const cni_op_frame *self, const cni_type *type, cni_phys phys, bool with_validity,
              cni_vector *inout_result, cn_error *err)
{
    return cni_vector_reuse_flat(self->env->allocator, type, phys, self->n, with_validity,
                                 inout_result, err);
}

cn_code
cni_op_set_null(const cni_op_env *env, const cni_type *type, cni_vector *inout_result,
                cn_error *err)
{
    cni_vector null;
    CN_TRY(cni_vector_new_null(env->allocator, type, env->n_rows, &null, err));
    cni_vector_done(inout_result);
    cni_vector_move(inout_result, &null);
    return CN_OK;
}

void
cni_op_set_copy(const cni_vector *source, cni_vector *inout_result)
{
    cni_vector copy;
    cni_vector_copy(&copy, source);
    cni_vector_done(inout_result);
    cni_vector_move(inout_result, &copy);
}

/* Validity of the result from the inputs that have any. */
static void
and_validity(const cni_op_frame *self, const cni_vector *const *inputs, int32_t n_inputs,
             cni_vector *result)
{
    uint8_t *out = cni_vector_mutable_validity(result);
    for (int64_t row = 0; row < self->n; row += 64) {
        const int64_t n_block = cni_min_i64(64, self->n - row);
        uint64_t word = ~UINT64_C(0);
        for (int32_t input = 0; input < n_inputs; input++) {
            word &= cni_op_valid_word(inputs[input], row, n_block);
        }
        memcpy(out + (row >> 3), &word, sizeof(word));
    }
}

cn_code
cni_op_strict(const cni_op_frame *self, const cni_vector *const *inputs, int32_t n_inputs,
              const cni_type *type, cni_phys phys, cni_vector *inout_result, bool *out_is_null,
              cn_error *err)
{
    *out_is_null = false;
    const cni_vector *nullable = NULL;
    int32_t n_nullable = 0;
    for (int32_t input = 0; input < n_inputs; input++) {
        if (cni_op_is_null_constant(inputs[input])) {
            *out_is_null = true;
            return cni_op_set_null(self->env, type, inout_result, err);
        }
        if (inputs[input]->encoding == CNI_FLAT && inputs[input]->validity.data != NULL) {
            nullable = inputs[input];
            n_nullable++;
        }
    }
    const bool is_shared = n_nullable == 1 && nullable->owner_validity != NULL;
    CN_TRY(cni_op_result(self, type, phys, n_nullable > 0 && !is_shared, inout_result, err));
    if (is_shared) {
        cni_buffer_unref(inout_result->owner_validity); /* a spare one, kept by reuse */
        inout_result->validity = nullable->validity;
        inout_result->owner_validity = cni_buffer_ref(nullable->owner_validity);
    } else if (n_nullable > 0) {
        and_validity(self, inputs, n_inputs, inout_result);
    }
    return CN_OK;
}

void
cni_op_finish(const cni_op_frame *self, cni_vector *inout_result)
{
    if (self->is_constant) {
        inout_result->encoding = CNI_CONSTANT;
        inout_result->n_rows = self->env->n_rows;
    }
}

int64_t
cni_op_first_failing(const cni_op_frame *self, cni_bits valid,
                     bool (*fails)(const void *context, int64_t row), const void *context)
{
    for (int64_t row = 0; row < self->n; row += 64) {
        uint64_t active = cni_op_active(self, valid, row, cni_min_i64(64, self->n - row));
        for (; active != 0; active &= active - 1) {
            const int64_t candidate = row + __builtin_ctzll(active);
            if (fails(context, candidate)) {
                return candidate;
            }
        }
    }
    return -1;
}

static inline uint64_t
spread(bool bit, int64_t n_block)
{
    const uint64_t mask = n_block == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_block) - 1;
    return bit ? mask : 0;
}

uint64_t
cni_op_bits_word(const cni_vector *vector, int64_t row, int64_t n_block)
{
    const cni_bits bits = cni_op_bits(vector);
    if (vector->encoding == CNI_CONSTANT) {
        return spread(bits.data != NULL && cni_bits_get(bits, 0), n_block);
    }
    return cni_bits_word(bits, row, n_block);
}

uint64_t
cni_op_valid_word(const cni_vector *vector, int64_t row, int64_t n_block)
{
    if (vector->phys == CNI_PHYS_NONE) {
        return 0;
    }
    if (vector->encoding == CNI_CONSTANT) {
        return spread(cni_bits_get(vector->validity, 0), n_block);
    }
    return cni_bits_word(vector->validity, row, n_block);
}

/* ---- words for messages ---- */

static void
copy_text(cni_str text, char out[CNI_OP_TEXT_BYTES])
{
    const int64_t n_bytes = cni_min_i64(text.len_bytes, CNI_OP_TEXT_BYTES - 4);
    if (n_bytes > 0) {
        memcpy(out, text.data, (size_t)n_bytes);
    }
    memcpy(out + n_bytes, "...", 4);
    if (n_bytes == text.len_bytes) {
        out[n_bytes] = '\0';
    }
}

void
cni_op_value_text(const cni_op_env *env, const cni_vector *vector, int64_t row,
                  char out[CNI_OP_TEXT_BYTES])
{
    cni_strbuf text;
    cni_strbuf_init(&text, env->allocator, 1 << 16);
    const bool is_printed = cni_vector_print(vector, row, &text, NULL) == CN_OK;
    copy_text(is_printed ? cni_strbuf_view(&text) : CNI_STR("(value)"), out);
    cni_strbuf_done(&text);
}

void
cni_op_type_text(const cni_op_env *env, const cni_type *type, char out[CNI_OP_TEXT_BYTES])
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_str name = CNI_STR("(type)");
    if (cni_arena_new(env->allocator, "type name", &arena, NULL) != CN_OK ||
        cni_type_name(arena, type, &name, NULL) != CN_OK) {
        name = CNI_STR("(type)");
    }
    copy_text(name, out);
}

cn_code
cni_op_refuse(const cni_op_env *env, const char *what, const cni_type *type, cn_error *err)
{
    char name[CNI_OP_TEXT_BYTES];
    cni_op_type_text(env, type, name);
    return CN_FAIL(err, CN_NOT_IMPLEMENTED, "%s is not defined for %s", what, name);
}

cn_code
cni_op_out_of_range(const cni_op_env *env, const cni_type *type, const char *sign,
                    const cni_vector *a, const cni_vector *b, int64_t row, cn_error *err)
{
    char name[CNI_OP_TEXT_BYTES];
    char left[CNI_OP_TEXT_BYTES];
    char right[CNI_OP_TEXT_BYTES];
    cni_op_type_text(env, type, name);
    cni_op_value_text(env, a, row, left);
    cni_op_value_text(env, b, row, right);
    const cn_code code =
        CN_FAIL(err, CN_INVALID_DATA, "%s out of range: %s %s %s", name, left, sign, right);
    cni_error_sqlstate(err, "22003");
    return code;
}

cn_code
cni_op_zero_divisor(const cni_op_env *env, const char *sign, const cni_vector *a,
                    const cni_vector *b, int64_t row, cn_error *err)
{
    char left[CNI_OP_TEXT_BYTES];
    char right[CNI_OP_TEXT_BYTES];
    cni_op_value_text(env, a, row, left);
    cni_op_value_text(env, b, row, right);
    const cn_code code =
        CN_FAIL(err, CN_INVALID_DATA, "division by zero: %s %s %s", left, sign, right);
    cni_error_sqlstate(err, "22012");
    return code;
}
