/* SPDX-License-Identifier: Apache-2.0
 *
 * One computing step over FLAT or CONSTANT vectors: the kernels' operations, and calls of
 * functions.
 *
 * A call whose arguments are all constants runs over one row. The evaluator keeps the rule of nulls
 * for functions that ask for it: a NULL constant makes NULL, and a result without a validity gets
 * the arguments' validities joined.
 */
#include "plan/eval/program_int.h"

/* ---- nulls of calls ---- */

static bool
is_null_constant(const cni_vector *vector)
{
    return vector->phys == CNI_PHYS_NONE ||
           (vector->encoding == CNI_CONSTANT && !cni_bits_get(vector->validity, 0));
}

static bool
has_validity(const cni_vector *vector)
{
    return vector->encoding == CNI_FLAT && vector->validity.data != NULL;
}

static bool
any_has_validity(const cni_vector *const *args, int32_t n_args)
{
    for (int32_t arg = 0; arg < n_args; arg++) {
        if (has_validity(args[arg])) {
            return true;
        }
    }
    return false;
}

/* The first joins by copying, the others by AND. */
static void
join_words(uint64_t *words, cni_bits validity, int64_t n_rows, bool first)
{
    for (int64_t row = 0; row < n_rows; row += 64) {
        const uint64_t word = cni_bits_word(validity, row, cni_min_i64(64, n_rows - row));
        words[row >> 6] = first ? word : words[row >> 6] & word;
    }
}

static cn_code
join_validities(cni_allocator *allocator, const cni_vector *const *args, int32_t n_args,
                int64_t n_rows, cni_vector *inout_result, cn_error *err)
{
    if (inout_result->validity.data != NULL || !any_has_validity(args, n_args)) {
        return CN_OK;
    }
    if (inout_result->encoding != CNI_FLAT) {
        cni_vector flat;
        CN_TRY(cni_vector_flatten(allocator, inout_result, &flat, err));
        cni_vector_done(inout_result);
        cni_vector_move(inout_result, &flat);
    }
    CN_TRY(cni_buffer_reuse(allocator, cni_bits_words(n_rows) * 8, &inout_result->owner_validity,
                            err));
    uint8_t *bytes = inout_result->owner_validity->data;
    bool first = true;
    for (int32_t arg = 0; arg < n_args; arg++) {
        if (has_validity(args[arg])) {
            join_words((uint64_t *)(void *)bytes, args[arg]->validity, n_rows, first);
            first = false;
        }
    }
    inout_result->validity = (cni_bits){bytes, 0};
    return CN_OK;
}

/* ---- calls ---- */

static cn_code
set_null(cni_allocator *allocator, const cni_type *type, int64_t n_rows, cni_vector *inout_result,
         cn_error *err)
{
    cni_vector made;
    CN_TRY(cni_vector_new_null(allocator, type, n_rows, &made, err));
    cni_vector_done(inout_result);
    cni_vector_move(inout_result, &made);
    return CN_OK;
}

static bool
all_constant(const cni_vector *const *args, int32_t n_args)
{
    for (int32_t arg = 0; arg < n_args; arg++) {
        if (args[arg]->encoding != CNI_CONSTANT) {
            return false;
        }
    }
    return true;
}

static cn_code
call_function(cni_program_state *self, const cni_program_step *step, const cni_vector *const *args,
              int64_t n_rows, const uint64_t *live, cni_vector *inout_result, cn_error *err)
{
    const cni_scalar_call call = {
        .env = {self->allocator, self->kernels, live, n_rows},
        .context = self->context,
        .budget = self->budget,
        .bind_data = step->expr->bind_data,
        .type = step->type,
        .n_args = step->n_args,
        .args = args,
        .local = step->local < 0 ? NULL : self->locals[step->local],
    };
    const cni_function *function = step->expr->function;
    return function->evaluate(function, &call, inout_result, err);
}

static cn_code
compute_call(cni_program_state *self, const cni_program_step *step, const cni_vector *const *args,
             int64_t n_rows, const uint64_t *live, cni_vector *inout_result, cn_error *err)
{
    const cni_function *function = step->expr->function;
    const bool by_one = function->volatility != CNI_VOLATILE && all_constant(args, step->n_args);
    if (function->null_rule == CNI_NULL_IF_ANY) {
        for (int32_t arg = 0; arg < step->n_args; arg++) {
            if (is_null_constant(args[arg])) {
                return set_null(self->allocator, step->type, n_rows, inout_result, err);
            }
        }
    }
    CN_TRY(call_function(self, step, args, by_one ? 1 : n_rows, by_one ? NULL : live, inout_result,
                         err));
    if (by_one) {
        inout_result->encoding =
            inout_result->encoding == CNI_FLAT ? CNI_CONSTANT : inout_result->encoding;
        inout_result->n_rows = n_rows;
        return CN_OK;
    }
    return function->null_rule == CNI_NULL_IF_ANY
               ? join_validities(self->allocator, args, step->n_args, n_rows, inout_result, err)
               : CN_OK;
}

/* ---- the rest ---- */

/* Scratch for the widest CASE of the program, made when the first one runs. */
static cn_code
case_room(cni_program_state *self, cn_error *err)
{
    const int64_t n_conditions = self->program->max_args / 2;
    if (self->case_words != NULL) {
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(self->arena, n_conditions, (int64_t)sizeof(*self->case_bits),
                                 &self->case_bits, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_conditions + 1, (int64_t)sizeof(*self->case_values),
                                 &self->case_values, err));
    return cni_arena_alloc_array(self->arena, n_conditions, CNI_LIVE_WORDS * 8, &self->case_words,
                                 err);
}

static cn_code
compute_case(cni_program_state *self, const cni_op_env *env, const cni_vector *const *args,
             int32_t n_args, cni_vector *inout_result, cn_error *err)
{
    const int32_t n_conditions = n_args / 2;
    CN_TRY(case_room(self, err));
    for (int32_t condition = 0; condition < n_conditions; condition++) {
        uint64_t *words = self->case_words + (int64_t)condition * CNI_LIVE_WORDS;
        self->case_bits[condition] = words;
        self->case_values[condition] = args[condition * 2 + 1];
        CN_TRY(cni_op_true_bits(env, args[condition * 2], words, err));
    }
    self->case_values[n_conditions] = args[n_args - 1];
    return cni_op_choose(env, self->case_bits, self->case_values, n_conditions + 1, inout_result,
                         err);
}

/* A cast that changes no bytes: the same scale with no fewer digits. */
static bool
cast_is_relabel(const cni_type *from, const cni_type *to)
{
    return from->id == CNI_TYPE_DECIMAL && to->id == CNI_TYPE_DECIMAL && from->scale == to->scale &&
           to->precision >= from->precision && to->precision <= CNI_DECIMAL_MAX_DIGITS;
}

static cn_code
compute_cast(const cni_op_env *env, const cni_program_step *step, const cni_vector *arg,
             cni_vector *inout_result, cn_error *err)
{
    if (cast_is_relabel(arg->type, step->type)) {
        cni_vector_done(inout_result);
        cni_vector_copy(inout_result, arg);
        inout_result->type = step->type;
        return CN_OK;
    }
    return cni_op_cast(env, arg, step->type, step->expr->try_cast, inout_result, err);
}

cn_code
cni_program_compute(cni_program_state *self, const cni_program_step *step,
                    const cni_vector *const *args, int64_t n_rows, const uint64_t *live,
                    cni_vector *inout_result, cn_error *err)
{
    const cni_op_env env = {self->allocator, self->kernels, live, n_rows};
    switch (step->kind) {
    case CNI_DO_CALL:
        return compute_call(self, step, args, n_rows, live, inout_result, err);
    case CNI_DO_COMPARE:
        return cni_op_compare(&env, (cni_compare_op)step->expr->op, args[0], args[1], inout_result,
                              err);
    case CNI_DO_DISTINCT:
        return cni_op_distinct(&env, step->expr->negated, args[0], args[1], inout_result, err);
    case CNI_DO_AND:
        return cni_op_and(&env, args, step->n_args, inout_result, err);
    case CNI_DO_OR:
        return cni_op_or(&env, args, step->n_args, inout_result, err);
    case CNI_DO_NOT:
        return cni_op_not(&env, args[0], inout_result, err);
    case CNI_DO_IS_NULL:
        return cni_op_is_null(&env, step->expr->negated, args[0], inout_result, err);
    case CNI_DO_IN:
        return cni_in_set_evaluate(step->set, &env, step->expr->negated, args[0], inout_result,
                                   err);
    case CNI_DO_CASE:
        return compute_case(self, &env, args, step->n_args, inout_result, err);
    case CNI_DO_CAST:
        return compute_cast(&env, step, args[0], inout_result, err);
    default:
        return CN_FAIL(err, CN_INTERNAL, "a step of kind %d computes nothing", (int)step->kind);
    }
}
