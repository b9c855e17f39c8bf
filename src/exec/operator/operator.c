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
