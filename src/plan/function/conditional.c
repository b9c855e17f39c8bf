/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that choose among their arguments: coalesce, ifnull, nullif, if, greatest, least.
 *
 * The SQL binder turns the first four into CASE, so that later arguments are not evaluated early;
 * as functions (for builders of expressions) they see all arguments computed. greatest and least
 * leave NULLs out, as PostgreSQL does.
 */
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

/* The type in which arguments first.. meet; string literals follow the others. NULL = none. */
static cn_code
meet(cni_resolve *question, int32_t first, const cni_type **out_type, cn_error *err)
{
    const cni_type *type = NULL;
    bool any_text = false;
    for (int32_t arg = first; arg < question->n_args; arg++) {
        if (cni_resolve_is_text(question, arg)) {
            any_text = true;
        } else if (type == NULL) {
            type = question->arg_types[arg];
        } else {
            CN_TRY(cni_common_type(question->arena, type, question->arg_types[arg], &type, err));
            if (type == NULL) {
                *out_type = NULL;
                return CN_OK;
            }
        }
    }
    const bool undecided = type == NULL || type->id == CNI_TYPE_NULL;
    *out_type = any_text && undecided ? cni_type_of(CNI_TYPE_VARCHAR) : type;
    return CN_OK;
}

static cn_code
resolve_meeting(cni_resolve *question, int32_t first, cn_error *err)
{
    const cni_type *type = NULL;
    CN_TRY(meet(question, first, &type, err));
    if (type == NULL) {
        return CN_OK;
    }
    for (int32_t arg = first; arg < question->n_args; arg++) {
        if (!cni_resolve_want(question, arg, type)) { /* decimals capped at 38 digits */
            question->out_arg_types[arg] = type;
            question->out_cost += 8;
        }
    }
    question->out_type = type;
    question->out_matched = true;
    return CN_OK;
}

static cn_code
resolve_any_number(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    return question->n_args < 1 ? CN_OK : resolve_meeting(question, 0, err);
}

static cn_code
resolve_two(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    return question->n_args != 2 ? CN_OK : resolve_meeting(question, 0, err);
}

static cn_code
resolve_if(const cni_function *self, cni_resolve *question, cn_error *err)
{
    (void)self;
    if (question->n_args != 3 || !cni_resolve_want(question, 0, cni_type_of(CNI_TYPE_BOOL))) {
        return CN_OK;
    }
    return resolve_meeting(question, 1, err);
}

/* ---- choosing ---- */

/* Bits of the rows that are not null. */
static void
valid_bits(const cni_vector *vector, int64_t n_rows, uint64_t *out_words)
{
    const cni_reader reader = cni_reader_of(vector);
    const bool constant = vector->encoding == CNI_CONSTANT;
    const bool all_null =
        vector->phys == CNI_PHYS_NONE || (constant && !cni_read_valid(&reader, 0));
    for (int64_t row = 0; row < n_rows; row += 64) {
        const cni_bits bits = constant ? (cni_bits){NULL, 0} : vector->validity;
        out_words[row >> 6] =
            all_null ? 0 : cni_bits_word(bits, row, cni_min_i64(64, n_rows - row));
    }
}

/* *inout = where bits: first, else second. */
static cn_code
choose_two(const cni_op_env *env, const uint64_t *bits, const cni_vector *first,
           const cni_vector *second, cni_vector *inout_result, cn_error *err)
{
    const uint64_t *const lists[] = {bits};
    const cni_vector *const values[] = {first, second};
    return cni_op_choose(env, lists, values, 2, inout_result, err);
}

/* From the last argument backwards: where arg is not null arg, else what is chosen so far. */
static cn_code
evaluate_coalesce(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                  cn_error *err)
{
    uint64_t bits[CNI_ROWS_WORDS];
    cni_vector chosen;
    (void)self;
    cni_vector_copy(&chosen, call->args[call->n_args - 1]);
    cn_code code = CN_OK;
    for (int32_t arg = call->n_args - 2; arg >= 0 && code == CN_OK; arg--) {
        cni_vector next = {0};
        valid_bits(call->args[arg], call->env.n_rows, bits);
        code = choose_two(&call->env, bits, call->args[arg], &chosen, &next, err);
        cni_vector_done(&chosen);
        cni_vector_move(&chosen, &next);
    }
    cni_vector_done(inout_result);
    cni_vector_move(inout_result, &chosen);
    return code;
}

static cn_code
evaluate_if(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
            cn_error *err)
{
    uint64_t bits[CNI_ROWS_WORDS];
    (void)self;
    CN_TRY(cni_op_true_bits(&call->env, call->args[0], bits, err));
    return choose_two(&call->env, bits, call->args[1], call->args[2], inout_result, err);
}

/* NULL where the two are equal, else the first. */
static cn_code
evaluate_nullif(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                cn_error *err)
{
    uint64_t bits[CNI_ROWS_WORDS];
    cni_vector equal = {0};
    cni_vector null = {0};
    (void)self;
    cn_code code = cni_op_compare(&call->env, CNI_EQ, call->args[0], call->args[1], &equal, err);
    if (code == CN_OK) {
        code = cni_op_true_bits(&call->env, &equal, bits, err);
    }
    if (code == CN_OK) {
        code = cni_vector_new_null(call->env.allocator, call->type, call->env.n_rows, &null, err);
    }
    if (code == CN_OK) {
        code = choose_two(&call->env, bits, &null, call->args[0], inout_result, err);
    }
    cni_vector_done(&equal);
    cni_vector_done(&null);
    return code;
}

/* ---- greatest, least ---- */

/* bits = rows where `next` replaces `best`: best is null, or next compares so. */
static cn_code
better_bits(const cni_op_env *env, cni_compare_op op, const cni_vector *next,
            const cni_vector *best, uint64_t *bits, cn_error *err)
{
    uint64_t known[CNI_ROWS_WORDS];
    cni_vector compared = {0};
    cn_code code = cni_op_compare(env, op, next, best, &compared, err);
    if (code == CN_OK) {
        code = cni_op_true_bits(env, &compared, bits, err);
    }
    cni_vector_done(&compared);
    valid_bits(best, env->n_rows, known);
    for (int64_t row = 0; code == CN_OK && row < env->n_rows; row += 64) {
        const uint64_t all =
            cni_bits_word((cni_bits){NULL, 0}, row, cni_min_i64(64, env->n_rows - row));
        bits[row >> 6] |= all & ~known[row >> 6];
    }
    return code;
}

static cn_code
evaluate_extreme(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                 cn_error *err)
{
    const cni_compare_op op = *(const cni_compare_op *)self->private_data;
    uint64_t bits[CNI_ROWS_WORDS];
    cni_vector best;
    cni_vector_copy(&best, call->args[0]);
    cn_code code = CN_OK;
    for (int32_t arg = 1; arg < call->n_args && code == CN_OK; arg++) {
        cni_vector next = {0};
        code = better_bits(&call->env, op, call->args[arg], &best, bits, err);
        if (code == CN_OK) {
            code = choose_two(&call->env, bits, call->args[arg], &best, &next, err);
        }
        if (code == CN_OK) {
            cni_vector_done(&best);
            cni_vector_move(&best, &next);
        }
    }
    cni_vector_done(inout_result);
    cni_vector_move(inout_result, &best);
    return code;
}

/* ---- the table ---- */

static const cni_compare_op op_greatest = CNI_GT;
static const cni_compare_op op_least = CNI_LT;

static const cni_function conditional_table[] = {
    {CNI_ROW_PURE("coalesce", "The first argument that is not NULL.", "coalesce(NULL, 1, 2)"),
     .null_rule = CNI_NULL_CUSTOM, .cost_ns = 1.0, .resolve = resolve_any_number,
     .evaluate = evaluate_coalesce},
    {CNI_ROW_PURE("ifnull", "The first argument, or the second when it is NULL.",
                  "ifnull(NULL, 1)"),
     .null_rule = CNI_NULL_CUSTOM, .cost_ns = 1.0, .resolve = resolve_two,
     .evaluate = evaluate_coalesce},
    {CNI_ROW_PURE("nullif", "NULL when both are equal, else the first.", "nullif(1, 1)"),
     .null_rule = CNI_NULL_CUSTOM, .cost_ns = 1.0, .resolve = resolve_two,
     .evaluate = evaluate_nullif},
    {CNI_ROW_PURE("if", "The second argument when the first is true, else the third.",
                  "if(1 < 2, 'yes', 'no')"),
     .null_rule = CNI_NULL_CUSTOM, .cost_ns = 1.0, .resolve = resolve_if, .evaluate = evaluate_if},
    {CNI_ROW_PURE("greatest", "The largest argument, NULLs left out.", "greatest(1, 3, 2)"),
     .null_rule = CNI_NULL_CUSTOM, .cost_ns = 1.0, .resolve = resolve_any_number,
     .private_data = &op_greatest, .evaluate = evaluate_extreme},
    {CNI_ROW_PURE("least", "The smallest argument, NULLs left out.", "least(1, 3, 2)"),
     .null_rule = CNI_NULL_CUSTOM, .cost_ns = 1.0, .resolve = resolve_any_number,
     .private_data = &op_least, .evaluate = evaluate_extreme},
};

const cni_function *
cni_builtin_conditional(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(conditional_table);
    return conditional_table;
}
