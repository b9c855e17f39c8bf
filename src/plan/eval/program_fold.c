/* SPDX-License-Identifier: Apache-2.0
 *
 * Constant folding: an expression without columns, compiled and run over one row.
 */
#include "plan/eval/program_int.h"

static cn_code
run_once(cni_arena *arena, const cni_program *program, cni_context *context, cni_value *out_value,
         cn_error *err)
{
    CN_SCOPED(cni_program_state_p) state = NULL;
    cni_vector vector;
    cni_chunk row;
    CN_TRY(cni_program_state_new(program, context, &state, err));
    cni_chunk_init(&row, context->allocator);
    row.n_rows = 1;
    CN_TRY(cni_program_run(state, &row, &vector, err));
    const cn_code code = cni_value_from_vector(arena, &vector, 0, out_value, err);
    cni_vector_done(&vector);
    return code;
}

cn_code
cni_expr_evaluate(cni_arena *arena, const cni_expr *expr, cni_context *context,
                  cni_value *out_value, cn_error *err)
{
    CN_SCOPED(cni_arena_p) scratch = NULL;
    const cni_program *program = NULL;
    if (expr->kind == CNI_EXPR_LITERAL) {
        *out_value = *expr->literal;
        return CN_OK;
    }
    CN_TRY(cni_arena_new(context->allocator, "constant folding", &scratch, err));
    CN_TRY(cni_program_new(scratch, &expr, 1, NULL, 0, &program, err));
    CN_TRY(run_once(arena, program, context, out_value, err));
    out_value->type = expr->type;
    return CN_OK;
}
