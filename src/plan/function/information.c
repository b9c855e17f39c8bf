/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions about values and the engine: typeof, hash, version, error.
 */
#include "colonnade/colonnade.h"
#include "data/row/hash.h"
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

#define TEXT_OF_(x) #x
#define TEXT_OF(x)  TEXT_OF_(x)

static const cni_str version_text = CNI_TEXT("Colonnade " TEXT_OF(CN_VERSION_MAJOR) "." TEXT_OF(
    CN_VERSION_MINOR) "." TEXT_OF(CN_VERSION_PATCH));

/* The same string in every row. */
static cn_code
give_text(const cni_scalar_call *call, cni_str text, cni_vector *inout_result, cn_error *err)
{
    cni_vector made;
    const cni_view view = cni_view_make(text.data, (uint32_t)text.len_bytes);
    CN_TRY(cni_vector_new_constant(call->env.allocator, call->type, CNI_PHYS_VIEW, &view,
                                   call->env.n_rows, &made, err));
    cni_vector_done(inout_result);
    cni_vector_move(inout_result, &made);
    return CN_OK;
}

static cn_code
resolve_typeof(const cni_function *self, cni_resolve *question, cn_error *err)
{
    cni_str *name = NULL;
    (void)self;
    if (question->n_args != 1) {
        return CN_OK;
    }
    CN_TRY(CN_ARENA_NEW(question->arena, &name, err));
    CN_TRY(cni_type_name(question->arena, question->arg_types[0], name, err));
    question->out_bind_data = name;
    question->out_type = cni_type_of(CNI_TYPE_VARCHAR);
    question->out_matched = true;
    return CN_OK;
}

static cn_code
evaluate_typeof(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                cn_error *err)
{
    (void)self;
    return give_text(call, *(const cni_str *)call->bind_data, inout_result, err);
}

static cn_code
evaluate_version(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    (void)self;
    return give_text(call, version_text, inout_result, err);
}

static cn_code
evaluate_hash(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    uint64_t *out = NULL;
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    return cni_hash_vectors(call->env.allocator, call->args, call->n_args, call->env.n_rows, out,
                            err);
}

/* Raises for the first row that is alive. */
static cn_code
evaluate_error(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
               cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    void *out = NULL;
    const cni_reader texts = cni_reader_of(call->args[0]);
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    memset(out, 0, (size_t)cni_bits_words(call->env.n_rows) * 8);
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        if (cni_word_bit(alive, row)) {
            const cni_str text = cni_read_str(&texts, row);
            return CN_FAIL(err, CN_INVALID_DATA, "%.*s", (int)cni_min_i64(text.len_bytes, 400),
                           text.data);
        }
    }
    return CN_OK;
}

static const cni_signature version_signature = {.result = CNI_TYPE_VARCHAR};
static const cni_signature hash_signature = {
    .args = {CNI_ARG_ANY, CNI_ARG_ANY}, .variadic = true, .result = CNI_TYPE_UINT64};
static const cni_signature error_signature = {.args = {CNI_TYPE_VARCHAR}, .result = CNI_TYPE_BOOL};

static const cni_function information_table[] = {
    {CNI_ROW("typeof", "The name of the argument's type.", "typeof(1.5)"),
     .null_rule = CNI_NULL_CUSTOM, .resolve = resolve_typeof, .evaluate = evaluate_typeof},
    {CNI_ROW("version", "The name and version of this engine.", "version()"),
     .volatility = CNI_STABLE, .resolve = cni_signature_resolve, .private_data = &version_signature,
     .evaluate = evaluate_version},
    {CNI_ROW_PURE("hash", "A 64-bit hash of the values, the same everywhere.", "hash('a', 1)"),
     .null_rule = CNI_NULL_CUSTOM, .cost_ns = 3.0, .resolve = cni_signature_resolve,
     .private_data = &hash_signature, .evaluate = evaluate_hash},
    {CNI_ROW("error", "Raises an error with the text.", "error('wrong')"),
     .volatility = CNI_VOLATILE, .may_error = true, .resolve = cni_signature_resolve,
     .private_data = &error_signature, .evaluate = evaluate_error},
};

const cni_function *
cni_builtin_information(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(information_table);
    return information_table;
}
