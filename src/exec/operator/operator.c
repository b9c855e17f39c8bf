/* SPDX-License-Identifier: Apache-2.0
 *
 * The few lines that all operators share.
 */
#include "exec/operator/operator.h"

#include "exec/operator/operators.h"

void
cni_operator_init(cni_operator *self, const cni_operator_ops *ops, const cni_operator_env *env,
                  const cni_plan *plan)
{
    *self = (cni_operator){.ops = ops,
                           .context = env->context,
                           .plan = plan,
                           .n_workers = env->n_workers,
                           .keep_order = env->keep_order};
}

void
cni_operator_close(cni_operator *self)
{
    if (self != NULL) {
        self->ops->close(self);
    }
}

cn_code
cni_operator_pass_watermark(cni_operator *self, void *local, int64_t watermark_us, cn_error *err)
{
    (void)self;
    (void)local;
    (void)watermark_us;
    (void)err;
    return CN_OK;
}

int32_t
cni_operator_give_notes(const cni_op_note *notes, int64_t n_notes, cni_op_note *out_notes,
                        int32_t max_notes)
{
    const int32_t n = (int32_t)cni_min_i64(max_notes, n_notes);
    memcpy(out_notes, notes, (size_t)n * sizeof(*notes));
    return n;
}

void
cni_chunk_swap(cni_chunk *a, cni_chunk *b)
{
    const cni_chunk kept = *a;
    *a = *b;
    *b = kept;
}

int64_t
cni_chunk_memory(const cni_chunk *chunk)
{
    int64_t n_bytes = (int64_t)sizeof(*chunk);
    for (int32_t column = 0; column < chunk->n_columns; column++) {
        const cni_vector *vector = &chunk->columns[column];
        n_bytes += (int64_t)sizeof(*vector);
        if (vector->encoding == CNI_DICTIONARY) {
            n_bytes += vector->n_rows * vector->code_bytes;
        } else if (vector->encoding == CNI_FLAT) {
            const int32_t item = cni_phys_bytes((cni_phys)vector->phys, vector->type);
            n_bytes +=
                vector->n_rows * cni_max_i64(item, cni_type_is_nested(vector->type) ? 32 : 1);
            n_bytes += cni_vector_text_bytes(vector);
        }
        for (int32_t buffer = 0; vector->heap != NULL && vector->encoding == CNI_FLAT &&
                                 buffer < cni_min_i64(vector->heap->n_buffers, 4);
             buffer++) {
            n_bytes += cni_min_i64(vector->heap->buffers[buffer]->len_bytes, vector->n_rows * 64);
        }
    }
    return n_bytes;
}
