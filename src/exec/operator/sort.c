/* SPDX-License-Identifier: Apache-2.0
 *
 * Sort: a sink. Workers collect and sort runs (sort_batch.c) and write them out when there is no
 * room; what all have combined becomes a set of ranges (sort_finish.c), which leave in order, each
 * put together by the worker that reads it (sort_source.c). Equal rows keep source order. DISTINCT
 * ON is a sort that keeps the first rows of equal ones.
 */
#include "exec/operator/operators.h"
#include "exec/operator/sort_int.h"

typedef struct sort_operator {
    cni_operator base;
    cni_sort_plan plan;
    cni_sort_finish finish;
} sort_operator;

static void
close_sort(cni_operator *base)
{
    sort_operator *self = (sort_operator *)base;
    cni_sort_finish_done(&self->finish);
    cni_sort_plan_done(&self->plan);
    cni_budget_unref(base->budget);
    cni_dealloc(base->context->allocator, self, (int64_t)sizeof(*self));
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    sort_operator *self = (sort_operator *)base;
    cni_sort_local *local = NULL;
    CN_TRY(cni_sort_local_new(&self->plan, &local, err));
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_operator *base, void *local)
{
    (void)base;
    cni_sort_local_free(local);
}

static cn_code
push(cni_operator *base, void *local, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    (void)base;
    cni_waker_drop(own_waker);
    *out_answer = CNI_OP_NEED_MORE;
    CN_TRY(cni_sort_local_add(local, chunk, err));
    return cni_sort_local_relieve(local, err);
}

static cn_code
combine(cni_operator *base, void *local, cn_error *err)
{
    sort_operator *self = (sort_operator *)base;
    CN_TRY(cni_sort_local_close(local, cni_sort_rows_wanted(self->plan.spec), err));
    return cni_sort_finish_collect(&self->finish, local, err);
}

static int32_t
finalize_tasks(cni_operator *base)
{
    return cni_sort_finish_tasks(&((sort_operator *)base)->finish);
}

static cn_code
finalize(cni_operator *base, int32_t task, int32_t n_tasks, cn_error *err)
{
    return cni_sort_finish_work(&((sort_operator *)base)->finish, task, n_tasks, err);
}

static cn_code
open_source(cni_operator *base, cni_scan **out_scan, cn_error *err)
{
    const sort_operator *self = (const sort_operator *)base;
    const cni_phys_sort *spec = self->plan.spec;
    const bool per_key = spec->first_per_key;
    return cni_sort_source_new(&self->finish.set, per_key ? 0 : spec->offset,
                               per_key ? INT64_MAX : cni_sort_rows_wanted(spec), out_scan, err);
}

static int64_t
reclaim(cni_operator *base, int64_t n_bytes)
{
    return base->context->spill == NULL
               ? 0
               : cni_sort_finish_reclaim(&((sort_operator *)base)->finish, n_bytes);
}

static int64_t
state_bytes(const cni_operator *base)
{
    return cni_budget_current_bytes(base->budget);
}

static int32_t
notes(const cni_operator *base, cni_op_note *out_notes, int32_t max_notes)
{
    const sort_operator *self = (const sort_operator *)base;
    const cni_op_note all[] = {
        {"keys",
         self->plan.packed           ? "packed"
         : self->plan.key_bytes >= 0 ? "fixed"
                                     : "long",
         0},
        {"runs", NULL, cni_counter_get(&self->plan.runs)},
        {"rows", NULL, self->finish.set.n_rows},
        {"spilled_runs", NULL, cni_counter_get(&self->plan.spilled_runs)},
        {"spilled_bytes", NULL, cni_counter_get(&self->plan.spilled_bytes)},
        {"merge_passes", NULL, cni_counter_get(&self->plan.merges)},
        {"peak_bytes", NULL, cni_budget_peak_bytes(base->budget)},
    };
    return cni_operator_give_notes(all, CN_ARRAY_LEN(all), out_notes, max_notes);
}

static const cni_operator_ops sort_ops = {
    .name = "Sort",
    .open_local = open_local,
    .push = push,
    .combine = combine,
    .finalize_tasks = finalize_tasks,
    .finalize = finalize,
    .open_source = open_source,
    .reclaim = reclaim,
    .reclaims_while_read = true,
    .state_bytes = state_bytes,
    .notes = notes,
    .close_local = close_local,
    .close = close_sort,
};

static cn_code
init(sort_operator *self, const cni_phys_op *spec, const cni_operator_env *env, cn_error *err)
{
    CN_TRY(cni_budget_new(env->context->budget, "sort", CNI_BUDGET_UNLIMITED, &self->base.budget,
                          err));
    CN_TRY(cni_sort_plan_init(&self->plan, spec->sort, env->context, self->base.budget,
                              env->n_workers, true, err));
    cni_sort_finish_init(&self->finish, &self->plan);
    return CN_OK;
}

cn_code
cni_sort_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                      cni_operator **out_operator, cn_error *err)
{
    sort_operator *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &sort_ops, env, spec->plan);
    const cn_code code = init(self, spec, env, err);
    if (code != CN_OK) {
        close_sort(&self->base);
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}
