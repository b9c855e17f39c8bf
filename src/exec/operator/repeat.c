/* SPDX-License-Identifier: Apache-2.0
 *
 * Repeat: each row as often as its BIGINT column says, NULL, 0 and less not at all; the column
 * itself is not passed on. push only remembers the borrowed chunk; next cuts its output into
 * chunks, so that a huge count costs no memory. Copies of a row follow each other.
 */
#include "exec/operator/operators.h"

typedef struct repeat_operator {
    cni_operator base;
    int32_t position;
} repeat_operator;

typedef struct repeat_local {
    const cni_chunk *input; /* borrowed between push and the last next */
    cni_vector counts;      /* of its rows, FLAT */
    int64_t row;            /* the next to copy ... */
    int64_t n_given;        /* ... and copies of it that are out */
    uint32_t rows[CNI_CHUNK_ROWS_MAX];
} repeat_local;

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    repeat_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(base->context->allocator, (int64_t)sizeof(*local), &local, err));
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_operator *base, void *opaque)
{
    repeat_local *local = opaque;
    if (local != NULL) {
        cni_vector_done(&local->counts);
        cni_dealloc(base->context->allocator, local, (int64_t)sizeof(*local));
    }
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    const repeat_operator *self = (const repeat_operator *)base;
    repeat_local *local = opaque;
    cni_waker_drop(own_waker);
    *out_answer = cni_chunk_is_blank(chunk) ? CNI_OP_NEED_MORE : CNI_OP_HAVE_MORE;
    cni_vector_done(&local->counts);
    if (chunk->n_rows > 0) {
        CN_TRY(cni_vector_flatten(base->context->allocator, &chunk->columns[self->position],
                                  &local->counts, err));
    }
    local->input = chunk;
    local->row = 0;
    local->n_given = 0;
    return CN_OK;
}

static int64_t
count_of(const repeat_local *local, int64_t row)
{
    const int64_t *counts = local->counts.data;
    const cni_bits validity = local->counts.validity;
    return validity.data == NULL || cni_bits_get(validity, row) ? cni_max_i64(counts[row], 0) : 0;
}

/* Numbers of the rows of the next output chunk; gives how many. */
static int64_t
choose_rows(repeat_local *local, int64_t max_rows)
{
    int64_t n_chosen = 0;
    while (local->row < local->input->n_rows && n_chosen < max_rows) {
        const int64_t left = count_of(local, local->row) - local->n_given;
        const int64_t n = cni_min_i64(left, max_rows - n_chosen);
        for (int64_t copy = 0; copy < n; copy++) {
            local->rows[n_chosen++] = (uint32_t)local->row;
        }
        local->n_given += n;
        if (n == left) {
            local->row++;
            local->n_given = 0;
        }
    }
    return n_chosen;
}

static cn_code
gather(const repeat_operator *self, repeat_local *local, int64_t n_rows, cni_chunk *out_chunk,
       cn_error *err)
{
    const cni_chunk *input = local->input;
    int32_t n_made = 0;
    CN_TRY(cni_chunk_set_columns(out_chunk, input->n_columns - 1, err));
    for (int32_t column = 0; column < input->n_columns; column++) {
        if (column == self->position) {
            continue;
        }
        CN_TRY(cni_vector_take(self->base.context->allocator, &input->columns[column], local->rows,
                               n_rows, &out_chunk->columns[n_made++], err));
    }
    out_chunk->n_rows = n_rows;
    return CN_OK;
}

static cn_code
next(cni_operator *base, void *opaque, cni_chunk *out_chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    const repeat_operator *self = (const repeat_operator *)base;
    repeat_local *local = opaque;
    cni_waker_drop(own_waker);
    *out_answer = CNI_OP_NEED_MORE;
    if (local->input == NULL) {
        return CN_OK;
    }
    const int64_t n_rows = choose_rows(local, base->context->settings.chunk_rows);
    if (n_rows > 0) {
        CN_TRY(gather(self, local, n_rows, out_chunk, err));
    }
    out_chunk->sequence = local->input->sequence;
    if (local->row < local->input->n_rows) {
        *out_answer = CNI_OP_HAVE_MORE;
        return CN_OK;
    }
    out_chunk->ends_morsel = local->input->ends_morsel;
    local->input = NULL;
    return CN_OK;
}

static void
close_repeat(cni_operator *base)
{
    cni_dealloc(base->context->allocator, base, (int64_t)sizeof(repeat_operator));
}

static const cni_operator_ops repeat_ops = {
    .name = "Repeat",
    .open_local = open_local,
    .push = push,
    .next = next,
    .on_watermark = cni_operator_pass_watermark, /* holds nothing */
    .close_local = close_local,
    .close = close_repeat,
};

cn_code
cni_repeat_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                        cni_operator **out_operator, cn_error *err)
{
    repeat_operator *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &repeat_ops, env, spec->plan);
    self->position = spec->position;
    *out_operator = &self->base;
    return CN_OK;
}
