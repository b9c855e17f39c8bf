/* SPDX-License-Identifier: Apache-2.0
 *
 * Sort: a sink. Workers collect and sort runs (sort_data.c); when all have combined, columns are
 * joined and runs merged in parallel (sort_result.c, sort_merge.c); the rows leave in order
 * (sort_scan.c). Equal rows keep source order. DISTINCT ON is a sort that keeps the first rows of
 * equal ones.
 */
#include "base/thread.h"
#include "exec/operator/operators.h"
#include "exec/operator/sort_data.h"

/* Merge parts per worker: they take unequally long. */
#define PARTS_PER_WORKER 4
/* Below so many rows one task does everything. */
#define SINGLE_TASK_ROWS 16384

typedef struct sort_operator {
    cni_operator base;
    cni_sort_plan plan;
    cni_mutex mutex;
    cni_sort_data *combined; /* under the mutex */
    int64_t n_rows;          /* in all of them, under the mutex */
    int64_t n_runs;          /* likewise */
    cni_sort_result result;
    bool prepared; /* the result holds the data */
    cn_error prepare_error;
    cni_atomic_i64 n_units_left; /* refcount: the last one out finishes the result */
} sort_operator;

static void
close_sort(cni_operator *base)
{
    sort_operator *self = (sort_operator *)base;
    cni_sort_result_done(&self->result);
    cni_sort_data_free_all(self->combined);
    cni_sort_plan_done(&self->plan);
    cni_mutex_done(&self->mutex);
    cni_budget_unref(base->budget);
    cni_dealloc(base->context->allocator, self, (int64_t)sizeof(*self));
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    const sort_operator *self = (const sort_operator *)base;
    cni_sort_data *data = NULL;
    CN_TRY(cni_sort_data_new(&self->plan, &data, err));
    *out_local = data;
    return CN_OK;
}

/* The operator's part of a local: the data, or NULL when it has been combined. */
static void
close_local(cni_operator *base, void *local)
{
    (void)base;
    cni_sort_data_free(local);
}

static cn_code
push(cni_operator *base, void *local, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    const sort_operator *self = (const sort_operator *)base;
    cni_waker_drop(own_waker);
    *out_answer = CNI_OP_NEED_MORE;
    CN_TRY(cni_sort_data_add(local, chunk, err));
    return self->plan.spec->first_per_key ? cni_sort_data_shrink(local, err) : CN_OK;
}

/* The content of the local moves to the operator; the local stays as an empty one. */
static cn_code
combine(cni_operator *base, void *local, cn_error *err)
{
    sort_operator *self = (sort_operator *)base;
    cni_sort_data *data = local;
    cni_sort_data *taken = NULL;
    CN_TRY(cni_sort_data_seal(data, err));
    CN_TRY(cni_sort_data_new(&self->plan, &taken, err));
    const cni_sort_data empty = *taken;
    *taken = *data;
    *data = empty;
    cni_mutex_lock(&self->mutex);
    taken->next = self->combined;
    self->combined = taken;
    self->n_rows += taken->n_rows;
    self->n_runs += taken->n_runs;
    cni_mutex_unlock(&self->mutex);
    return CN_OK;
}

static int32_t
finalize_tasks(cni_operator *base)
{
    sort_operator *self = (sort_operator *)base;
    const bool single = base->n_workers == 1 || self->n_rows < SINGLE_TASK_ROWS;
    const int32_t n_parts = single ? 1 : base->n_workers * PARTS_PER_WORKER;
    self->prepare_error = (cn_error)CN_ERROR_INIT;
    const cn_code code = cni_sort_result_init(&self->result, &self->plan, CN_MOVE(self->combined),
                                              n_parts, &self->prepare_error);
    if (code != CN_OK) {
        return 1; /* the task reports it */
    }
    const int32_t n_units = cni_sort_result_units(&self->result);
    cni_flag_publish(&self->n_units_left, single ? 1 : cni_max_i64(1, n_units));
    return single ? 1 : (int32_t)cni_max_i64(1, n_units);
}

static cn_code
finalize(cni_operator *base, int32_t task, int32_t n_tasks, cn_error *err)
{
    sort_operator *self = (sort_operator *)base;
    const int32_t n_units = cni_sort_result_units(&self->result);
    if (self->prepare_error.code != CN_OK) {
        if (err != NULL) {
            *err = self->prepare_error;
        }
        return (cn_code)self->prepare_error.code;
    }
    for (int32_t unit = task; unit < n_units; unit += n_tasks) {
        CN_TRY(cni_sort_result_work(&self->result, unit, err));
    }
    if (cni_refcount_dec(&self->n_units_left)) {
        return cni_sort_result_settle(&self->result, err);
    }
    return CN_OK;
}

static cn_code
open_source(cni_operator *base, cni_scan **out_scan, cn_error *err)
{
    const sort_operator *self = (const sort_operator *)base;
    const cni_phys_sort *spec = self->plan.spec;
    const int64_t first = spec->first_per_key ? 0 : spec->offset;
    return cni_sort_scan_new(&self->result, first, INT64_MAX, out_scan, err);
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
        {"keys", self->plan.key_bytes >= 0 ? "fixed" : "long", 0},
        {"runs", NULL, self->n_runs},
        {"rows", NULL, self->n_rows},
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
    return cni_sort_plan_init(&self->plan, spec->sort, env->context,
                              cni_budget_allocator(self->base.budget), err);
}

cn_code
cni_sort_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                      cni_operator **out_operator, cn_error *err)
{
    sort_operator *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &sort_ops, env, spec->plan);
    cni_mutex_init(&self->mutex);
    const cn_code code = init(self, spec, env, err);
    if (code != CN_OK) {
        close_sort(&self->base);
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}
