/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plan is taken to need: the states of its sinks by the optimizer's estimates, and working
 * memory per thread. Admission claims memory by it; nothing breaks when it is wrong.
 */
#include "session/query.h"

#define WORKER_BYTES    (1.0 * (1 << 20))
#define TINY_ROWS       16384 /* of scans: one worker, little of everything */
#define CALL_BYTES      16.0  /* of an aggregate's state */
#define GROUP_BYTES     16.0
#define MOST_NEED_BYTES 1e15

static double
width_of(const cni_type *const *types, int32_t n_types)
{
    double width = CNI_PHYS_BUILD_ROW_BYTES;
    for (int32_t column = 0; column < n_types; column++) {
        width += cni_phys_width(types[column]);
    }
    return width;
}

/* An estimate, or the best stand-in. */
static double
rows_or(double estimate, const cni_physical_plan *plan)
{
    if (estimate >= 0.0) {
        return estimate;
    }
    return plan->estimated_rows > 0.0 ? plan->estimated_rows : 0.0;
}

static double
aggregate_bytes(const cni_phys_aggregate *aggregate, const cni_physical_plan *plan)
{
    double width = GROUP_BYTES + CALL_BYTES * aggregate->n_calls;
    for (int32_t key = 0; key < aggregate->n_keys; key++) {
        width += cni_phys_width(aggregate->input_types[aggregate->keys[key]]);
    }
    double n_groups = aggregate->n_keys == 0
                          ? 1.0
                          : rows_or(aggregate->estimated_groups >= 0.0 ? aggregate->estimated_groups
                                                                       : aggregate->estimated_rows,
                                    plan);
    for (int32_t call = 0; call < aggregate->n_calls; call++) {
        const bool keeps_rows =
            aggregate->calls[call].distinct || aggregate->calls[call].n_orders > 0;
        n_groups = keeps_rows ? rows_or(aggregate->estimated_rows, plan) : n_groups;
    }
    return n_groups * width;
}

static double
sink_bytes(const cni_phys_op *op, const cni_physical_plan *plan)
{
    const double rows = rows_or(op->plan == NULL ? -1.0 : op->plan->estimated_rows, plan);
    switch ((cni_phys_op_kind)op->kind) {
    case CNI_PHYS_OP_AGGREGATE:
        return aggregate_bytes(op->aggregate, plan);
    case CNI_PHYS_OP_JOIN_BUILD:
        return rows_or(op->join->estimated_build_rows, plan) *
               width_of(op->join->build_types, op->join->n_build_columns);
    case CNI_PHYS_OP_RESULT:
        return 0.0;
    default:
        return rows * width_of(op->input_types, op->n_inputs);
    }
}

int64_t
cni_query_need_bytes(const cni_physical_plan *plan, int32_t n_threads)
{
    const bool tiny = plan->estimated_rows >= 0.0 && plan->estimated_rows < TINY_ROWS;
    double sinks = 0.0;
    for (int32_t pipeline = 0; pipeline < plan->n_pipelines; pipeline++) {
        sinks += sink_bytes(&plan->pipelines[pipeline].ops[0], plan);
    }
    const double need = WORKER_BYTES * (tiny ? 1 : n_threads) + sinks;
    return need < MOST_NEED_BYTES ? (int64_t)need : (int64_t)MOST_NEED_BYTES;
}
