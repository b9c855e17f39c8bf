/* SPDX-License-Identifier: Apache-2.0
 *
 * The aggregation operator: a sink that groups the rows of its input and gives one row per group.
 * Constructor only; the strategies behind it (exec/operator/aggregate_*.c) are chosen at run time.
 *
 * Input chunks have no selection and hold exactly the spec's input columns (keys, arguments,
 * filters, order keys: computed by a projection that the planner puts before it; see
 * optimize/physical/physical.h), in any encoding. open_source gives chunks of keys, then calls, in
 * parallel morsels.
 */
#ifndef CNI_EXEC_AGGREGATE_H
#define CNI_EXEC_AGGREGATE_H

#include "exec/operator/operator.h"
#include "optimize/physical/physical.h"

/* `spec` is borrowed (it lives in the plan's arena). n_workers locals at most will be opened. The
 * operator takes a budget node of its own below the context's. */
CN_NODISCARD cn_code cni_aggregate_operator_new(const cni_phys_aggregate *spec,
                                                cni_context *context, int32_t n_workers,
                                                cni_operator **out_operator, cn_error *err);

#endif /* CNI_EXEC_AGGREGATE_H */
