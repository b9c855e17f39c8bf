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

void
cni_chunk_swap(cni_chunk *a, cni_chunk *b)
{
    const cni_chunk kept = *a;
    *a = *b;
    *b = kept;
}
