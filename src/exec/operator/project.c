/* SPDX-License-Identifier: Apache-2.0
 *
 * Project: one expression per output column. push only remembers the borrowed chunk; next evaluates
 * the program straight into the chunk that travels on.
 * Texts are made in pieces (row_pieces.h).
 */
#include "exec/operator/operators.h"
#include "plan/eval/row_pieces.h"

typedef struct project_operator {
    cni_operator base;
    const cni_phys_op *spec;
} project_operator;

typedef struct project_local {
    cni_program_state *state; /* NULL: no columns are made */
    const cni_chunk *input;   /* borrowed between push and next */
    int64_t offset;           /* rows of it that have travelled on */
    cni_row_pieces pieces;
    cni_chunk piece; /* of the input */
} project_local;

static void
close_local(cni_operator *base, void *opaque)
{
    project_local *local = opaque;
    if (local != NULL) {
        cni_program_state_free(local->state);
        cni_chunk_done(&local->piece);
        cni_dealloc(base->context->allocator, local, (int64_t)sizeof(*local));
    }
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    const project_operator *self = (const project_operator *)base;
    project_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(base->context->allocator, (int64_t)sizeof(*local), &local, err));
    cni_chunk_init(&local->piece, base->context->allocator);
    local->pieces = cni_row_pieces_of(self->spec->program, base->context);
    if (self->spec->program != NULL) {
        const cn_code code =
            cni_program_state_new(self->spec->program, base->context, &local->state, err);
        if (code != CN_OK) {
            close_local(base, local);
            return code;
        }
        cni_program_state_charge(local->state, base->budget);
    }
    *out_local = local;
    return CN_OK;
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    project_local *local = opaque;
    (void)base;
    (void)err;
    cni_waker_drop(own_waker);
    local->input = chunk;
    local->offset = 0;
    *out_answer = cni_chunk_is_blank(chunk) ? CNI_OP_NEED_MORE : CNI_OP_HAVE_MORE;
    return CN_OK;
}

static cn_code
evaluate(const project_operator *self, project_local *local, int64_t n_rows, cni_chunk *out_chunk,
         cn_error *err)
{
    const cni_chunk *input = local->input;
    CN_TRY(cni_chunk_set_columns(out_chunk, self->spec->n_outputs, err));
    if (local->state == NULL) {
        return CN_OK;
    }
    if (n_rows < input->n_rows) {
        cni_chunk_reset(&local->piece);
        CN_TRY(cni_chunk_slice(&local->piece, input, local->offset, n_rows, err));
        input = &local->piece;
    }
    return cni_program_run(local->state, input, out_chunk->columns, err);
}

/* The next rows of the input, as many as may be made at once. */
static cn_code
make_piece(const project_operator *self, project_local *local, cni_chunk *out_chunk, cn_error *err)
{
    const cni_chunk *input = local->input;
    int64_t n_rows = cni_row_pieces_next(&local->pieces, input->n_rows - local->offset);
    cn_code code = evaluate(self, local, n_rows, out_chunk, err);
    while (cni_row_pieces_shrink(&local->pieces, n_rows, code)) {
        cni_chunk_reset(out_chunk);
        cni_program_state_trim(local->state);
        n_rows = cni_row_pieces_next(&local->pieces, n_rows);
        code = evaluate(self, local, n_rows, out_chunk, err);
    }
    out_chunk->n_rows = n_rows;
    if (local->pieces.divides && code == CN_OK) {
        const int64_t n_bytes = cni_program_state_text_bytes(local->state);
        cni_row_pieces_learn(&local->pieces, n_rows, n_bytes);
    }
    return code;
}

static cn_code
next(cni_operator *base, void *opaque, cni_chunk *out_chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    const project_operator *self = (const project_operator *)base;
    project_local *local = opaque;
    const cni_chunk *input = local->input;
    cni_waker_drop(own_waker);
    *out_answer = CNI_OP_NEED_MORE;
    if (input == NULL) {
        return CN_OK;
    }
    if (input->n_rows > 0) {
        CN_TRY(make_piece(self, local, out_chunk, err));
        local->offset += out_chunk->n_rows;
    }
    out_chunk->sequence = input->sequence;
    if (local->offset < input->n_rows) {
        *out_answer = CNI_OP_HAVE_MORE;
        return CN_OK;
    }
    out_chunk->ends_morsel = input->ends_morsel;
    local->input = NULL;
    cni_chunk_reset(&local->piece);
    return CN_OK;
}

static void
close_project(cni_operator *base)
{
    cni_budget_unref(base->budget);
    cni_dealloc(base->context->allocator, base, (int64_t)sizeof(project_operator));
}

static const cni_operator_ops project_ops = {
    .name = "Project",
    .open_local = open_local,
    .push = push,
    .next = next,
    .on_watermark = cni_operator_pass_watermark, /* holds nothing */
    .close_local = close_local,
    .close = close_project,
};

cn_code
cni_project_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                         cni_operator **out_operator, cn_error *err)
{
    project_operator *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &project_ops, env, spec->plan);
    self->spec = spec;
    const cn_code code =
        cni_program_account_new(spec->program, env->context, "project", &self->base.budget, err);
    if (code != CN_OK) {
        close_project(&self->base);
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}
