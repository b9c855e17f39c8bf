/* SPDX-License-Identifier: Apache-2.0
 *
 * Place of the aggregation operator's constructor until the operator is here: refuses by name.
 */
#include "exec/operator/aggregate.h"

cn_code
cni_aggregate_operator_new(const cni_phys_aggregate *spec, cni_context *context, int32_t n_workers,
                           cni_operator **out_operator, cn_error *err)
{
    (void)spec;
    (void)context;
    (void)n_workers;
    (void)out_operator;
    return CN_FAIL(err, CN_NOT_IMPLEMENTED, "aggregation cannot be executed yet");
}
