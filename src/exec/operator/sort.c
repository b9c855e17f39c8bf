/* SPDX-License-Identifier: Apache-2.0
 *
 * Place of the sort operators' constructors until the operators are here: refuse by name.
 */
#include "exec/operator/operators.h"

cn_code
cni_sort_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                      cni_operator **out_operator, cn_error *err)
{
    (void)spec;
    (void)env;
    (void)out_operator;
    return CN_FAIL(err, CN_NOT_IMPLEMENTED, "ORDER BY cannot be executed yet");
}

cn_code
cni_top_n_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                       cni_operator **out_operator, cn_error *err)
{
    (void)spec;
    (void)env;
    (void)out_operator;
    return CN_FAIL(err, CN_NOT_IMPLEMENTED, "ORDER BY with LIMIT cannot be executed yet");
}
