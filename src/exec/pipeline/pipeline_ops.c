/* SPDX-License-Identifier: Apache-2.0
 *
 * Which operator carries out which kind of physical node.
 */
#include "exec/join/join.h"
#include "exec/operator/aggregate.h"
#include "exec/pipeline/pipeline_int.h"

static cn_code
make_custom(const cni_phys_op *spec, const cni_operator_env *env, cni_operator **out_operator,
            cn_error *err)
{
    const cni_operator_factory *factory = spec->custom;
    return factory->make(factory, spec, env, out_operator, err);
}

static cn_code
make_build(cni_pipe_run *self, const cni_phys_op *spec, const cni_operator_env *env,
           cni_operator **out_operator, cn_error *err)
{
    for (int32_t filter = 0; filter < spec->join->n_key_filters; filter++) {
        const int32_t slot = spec->join->key_filters[filter].slot;
        self->build_filters[filter] = self->execution->key_filters[slot];
    }
    return cni_join_build_operator_new(spec, env, self->build_filters, out_operator, err);
}

/* What ends the last pipeline: rows for whoever pulls, or for a recursion's next step. */
static cn_code
make_result(cni_pipe_run *self, const cni_phys_op *spec, const cni_operator_env *env,
            cni_operator **out_operator, cn_error *err)
{
    return self->execution->recursion != NULL
               ? cni_collect_operator_new(spec, env, out_operator, err)
               : cni_result_operator_new(spec, env, cni_execution_notify, self->execution,
                                         out_operator, err);
}

static cn_code
make_op(cni_pipe_run *self, const cni_phys_op *spec, const cni_operator_env *env,
        cni_operator **out_operator, cn_error *err)
{
    switch ((cni_phys_op_kind)spec->kind) {
    case CNI_PHYS_OP_RESULT:
        return make_result(self, spec, env, out_operator, err);
    case CNI_PHYS_OP_AGGREGATE:
        return cni_aggregate_operator_new(spec->aggregate, env->context, env->n_workers,
                                          out_operator, err);
    case CNI_PHYS_OP_SORT:
        return cni_sort_operator_new(spec, env, out_operator, err);
    case CNI_PHYS_OP_TOP_N:
        return cni_top_n_operator_new(spec, env, out_operator, err);
    case CNI_PHYS_OP_FILTER:
        return cni_filter_operator_new(spec, env, out_operator, err);
    case CNI_PHYS_OP_PROJECT:
        return cni_project_operator_new(spec, env, out_operator, err);
    case CNI_PHYS_OP_LIMIT:
        return cni_limit_operator_new(spec, env, out_operator, err);
    case CNI_PHYS_OP_JOIN_BUILD:
        return make_build(self, spec, env, out_operator, err);
    case CNI_PHYS_OP_JOIN_PROBE:
        return cni_join_probe_operator_new(
            spec, env, self->execution->runs[spec->join->build_pipeline].ops[0], out_operator, err);
    case CNI_PHYS_OP_COLLECT:
        return cni_collect_operator_new(spec, env, out_operator, err);
    case CNI_PHYS_OP_REPEAT:
        return cni_repeat_operator_new(spec, env, out_operator, err);
    case CNI_PHYS_OP_WINDOW:
        return cni_window_operator_new(spec, env, out_operator, err);
    case CNI_PHYS_OP_CUSTOM:
        return make_custom(spec, env, out_operator, err);
    default:
        return CN_FAIL(err, CN_INTERNAL, "no operator of kind %d", (int)spec->kind);
    }
}

/* Gives memory of a finished sink back that nobody reads yet, or that can do so all the same. */
static int64_t
reclaim_sink(void *state, int64_t n_bytes)
{
    cni_pipe_run *run = state;
    if (run->ops[0]->ops->reclaims_while_read) {
        return run->ops[0]->ops->reclaim(run->ops[0], n_bytes);
    }
    if (!cni_slot_swap(&run->sink_state, CNI_SINK_QUIESCENT, CNI_SINK_RECLAIMING)) {
        return 0;
    }
    const int64_t n_released = run->ops[0]->ops->reclaim(run->ops[0], n_bytes);
    cni_flag_publish(&run->sink_state, CNI_SINK_QUIESCENT);
    return n_released;
}

static cn_code
check_op(const cni_pipe_run *self, const cni_operator *operator, cn_error * err)
{
    if (self->plan->unbounded && operator->ops->on_watermark == NULL) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                       "%s cannot run over an unbounded source", operator->ops->name);
    }
    return CN_OK;
}

cn_code
cni_pipe_run_make_ops(cni_pipe_run *self, cn_error *err)
{
    const cni_operator_env env = {
        .context = self->execution->context,
        .n_workers = self->n_workers,
        .keep_order = self->plan->keep_order,
        .order = cni_morsel_source_order(&self->source),
        .dynamic = self->plan->has_dynamic ? &self->dynamic : NULL,
    };
    for (int32_t op = 0; op < self->plan->n_ops; op++) {
        const cni_phys_op *spec = &self->plan->ops[op];
        CN_TRY(make_op(self, spec, &env, &self->ops[op], err));
        cni_operator *made = self->ops[op];
        made->plan = made->plan == NULL ? spec->plan : made->plan;
        CN_TRY(check_op(self, made, err));
        if (made->ops->open_global != NULL) {
            CN_TRY(made->ops->open_global(made, err));
        }
    }
    if (self->ops[0]->ops->reclaim != NULL && self->ops[0]->budget != NULL) {
        cni_budget_set_reclaim(self->ops[0]->budget, reclaim_sink, self);
    }
    return CN_OK;
}
