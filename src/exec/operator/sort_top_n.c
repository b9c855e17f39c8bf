/* SPDX-License-Identifier: Apache-2.0
 *
 * Top-N: the first offset + limit rows of a sort without sorting the rest. Each worker keeps
 * candidates; when there are some more than wanted it sorts their keys, keeps the best and from
 * then on drops rows that come behind the worst of these, its boundary. Workers and the scan below
 * share the leading bytes of their boundaries: a row behind anyone's is behind everyone's. Only the
 * keys of rows are looked at; other columns are gathered for candidates alone.
 *
 *   chunk -> first key against the shared boundary -> rows left -> candidates --(full)--> prune
 *
 * Equal rows keep source order: a row that equals a worker's own boundary came later and is
 * dropped, one that equals a shared boundary may have come earlier and stays.
 */
#include "base/thread.h"
#include "exec/operator/operators.h"
#include "exec/operator/sort_data.h"
#include "plan/table/dynamic_filter.h"

#define OWNED_ROWS_MAX 256       /* chunks of fewer rows give up the pages of their texts */
#define MAX_HELD_ROWS  (1 << 17) /* rows of pieces, most of which were dropped */

typedef struct top_n_operator {
    cni_operator base;
    cni_sort_plan plan;
    int64_t n_wanted;            /* offset + limit */
    int64_t n_candidates_max;    /* pruned then */
    bool has_leads;              /* the first key's leading bytes can be had cheaply */
    cni_atomic_i64 own_boundary; /* used when no scan listens */
    cni_atomic_i64 *boundary;    /* the best so far; a scan may read it too */
    cni_atomic_i64 rows_dropped; /* counter */
    cni_mutex mutex;
    cni_sort_data *combined; /* under the mutex */
    cni_sort_result result;
} top_n_operator;

typedef struct top_n_local {
    cni_sort_data *data;
    uint64_t *leads;   /* of a chunk */
    bool has_boundary; /* the first run's entry n_wanted - 1 is the worker's own */
    int64_t cap_leads;
    uint32_t rows[CNI_CHUNK_ROWS_MAX];
    cni_chunk kept;
} top_n_local;

/* ---- life ---- */

static void
close_top_n(cni_operator *base)
{
    top_n_operator *self = (top_n_operator *)base;
    cni_sort_result_done(&self->result);
    cni_sort_data_free_all(self->combined);
    cni_sort_plan_done(&self->plan);
    cni_mutex_done(&self->mutex);
    cni_budget_unref(base->budget);
    cni_dealloc(base->context->allocator, self, (int64_t)sizeof(*self));
}

static void
close_local(cni_operator *base, void *opaque)
{
    const top_n_operator *self = (const top_n_operator *)base;
    top_n_local *local = opaque;
    if (local != NULL) {
        cni_chunk_done(&local->kept);
        cni_dealloc(self->plan.allocator, local->leads, local->cap_leads);
        cni_sort_data_free(local->data);
        cni_dealloc(self->plan.allocator, local, (int64_t)sizeof(*local));
    }
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    const top_n_operator *self = (const top_n_operator *)base;
    top_n_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->plan.allocator, (int64_t)sizeof(*local), &local, err));
    cni_chunk_init(&local->kept, base->context->allocator);
    const cn_code code = cni_sort_data_new(&self->plan, &local->data, err);
    if (code != CN_OK) {
        close_local(base, local);
        return code;
    }
    *out_local = local;
    return CN_OK;
}

/* ---- boundaries ---- */

static cn_code
prune(top_n_operator *self, top_n_local *local, cn_error *err)
{
    if (local->data->n_entries <= self->n_wanted) {
        return CN_OK;
    }
    CN_TRY(cni_sort_data_prune(local->data, self->n_wanted, err));
    const cni_sort_run *run = &local->data->runs[0];
    cni_boundary_offer(self->boundary, run->entries[run->n_entries - 1].high);
    local->has_boundary = true;
    return CN_OK;
}

/* Numbers of the rows whose first key does not come behind the boundary into local->rows. A lead is
 * the lowest that the row's key can begin with. */
static cn_code
choose_rows(top_n_operator *self, top_n_local *local, const cni_chunk *chunk, uint64_t boundary,
            int64_t *out_n_rows, cn_error *err)
{
    const int64_t n_rows = chunk->n_rows;
    const cni_vector *key = &chunk->columns[self->plan.spec->orders[0].position];
    const int64_t n_bytes = cni_sort_lead_words(&self->plan.keys[0], n_rows) * 8;
    if (local->cap_leads < n_bytes) {
        CN_TRY(cni_realloc(self->plan.allocator, &local->leads, local->cap_leads, n_bytes, err));
        local->cap_leads = n_bytes;
    }
    CN_TRY(
        cni_sort_leads(self->base.context->allocator, &self->plan.keys[0], key, local->leads, err));
    int64_t n_kept = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        local->rows[n_kept] = (uint32_t)row;
        n_kept += local->leads[row] <= boundary ? 1 : 0;
    }
    *out_n_rows = n_kept;
    return CN_OK;
}

/* The chosen rows of all input columns. */
static cn_code
gather_rows(top_n_operator *self, top_n_local *local, const cni_chunk *chunk, int64_t n_rows,
            cn_error *err)
{
    cni_chunk *kept = &local->kept;
    CN_TRY(cni_chunk_set_columns(kept, chunk->n_columns, err));
    for (int32_t column = 0; column < chunk->n_columns; column++) {
        CN_TRY(cni_vector_take(self->base.context->allocator, &chunk->columns[column], local->rows,
                               n_rows, &kept->columns[column], err));
    }
    kept->n_rows = n_rows;
    kept->sequence = chunk->sequence;
    return CN_OK;
}

/* Drop what cannot be among the first; *inout_chunk = what is left. */
static cn_code
narrow(top_n_operator *self, top_n_local *local, cni_chunk **inout_chunk, cn_error *err)
{
    const uint64_t boundary = cni_boundary_get(self->boundary);
    const int64_t n_before = (*inout_chunk)->n_rows;
    int64_t n_rows = 0;
    if (!self->has_leads || boundary == UINT64_MAX || n_before == 0) {
        return CN_OK;
    }
    CN_TRY(choose_rows(self, local, *inout_chunk, boundary, &n_rows, err));
    if (n_rows == n_before) {
        return CN_OK;
    }
    cni_counter_add(&self->rows_dropped, n_before - n_rows);
    cni_chunk_reset(&local->kept);
    if (n_rows > 0) {
        CN_TRY(gather_rows(self, local, *inout_chunk, n_rows, err));
    }
    *inout_chunk = &local->kept;
    return CN_OK;
}

/* Texts of a chunk that held many rows before the scan or narrow() dropped most of them: copied, so
 * that a few candidates do not keep whole pages. */
static cn_code
own_texts(top_n_operator *self, top_n_local *local, cni_chunk **inout_chunk, cn_error *err)
{
    if ((*inout_chunk)->n_rows == 0 || (*inout_chunk)->n_rows > OWNED_ROWS_MAX) {
        return CN_OK;
    }
    if (*inout_chunk != &local->kept) {
        cni_chunk_reset(&local->kept);
        CN_TRY(cni_chunk_copy(&local->kept, *inout_chunk, err));
        *inout_chunk = &local->kept;
    }
    for (int32_t column = 0; column < local->kept.n_columns; column++) {
        cni_vector *vector = &local->kept.columns[column];
        if (vector->phys != CNI_PHYS_VIEW) {
            continue;
        }
        cni_vector flat;
        CN_TRY(cni_vector_flatten(self->base.context->allocator, vector, &flat, err));
        cni_vector_done(vector);
        cni_vector_move(vector, &flat);
        CN_TRY(cni_vector_own_strings(self->base.context->allocator, vector, false, err));
    }
    return CN_OK;
}

/* ---- the contract ---- */

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    top_n_operator *self = (top_n_operator *)base;
    top_n_local *local = opaque;
    cni_waker_drop(own_waker);
    *out_answer = self->n_wanted == 0 ? CNI_OP_DONE : CNI_OP_NEED_MORE;
    if (self->n_wanted == 0) {
        return CN_OK;
    }
    CN_TRY(narrow(self, local, &chunk, err));
    CN_TRY(own_texts(self, local, &chunk, err));
    const int64_t n_rows = chunk->n_rows;
    CN_TRY(cni_sort_data_add(local->data, chunk, err));
    if (local->has_boundary) {
        cni_sort_data_drop_behind(local->data, n_rows, self->n_wanted - 1);
    }
    if (local->data->n_entries >= self->n_candidates_max ||
        local->data->n_rows >= self->n_candidates_max + MAX_HELD_ROWS) {
        CN_TRY(prune(self, local, err));
    }
    return CN_OK;
}

static cn_code
combine(cni_operator *base, void *opaque, cn_error *err)
{
    top_n_operator *self = (top_n_operator *)base;
    top_n_local *local = opaque;
    CN_TRY(prune(self, local, err));
    CN_TRY(cni_sort_data_seal(local->data, err));
    cni_sort_data *data = CN_MOVE(local->data);
    cni_mutex_lock(&self->mutex);
    data->next = self->combined;
    self->combined = data;
    cni_mutex_unlock(&self->mutex);
    return CN_OK;
}

static int32_t
finalize_tasks(cni_operator *base)
{
    (void)base;
    return 1;
}

static cn_code
finalize(cni_operator *base, int32_t task, int32_t n_tasks, cn_error *err)
{
    top_n_operator *self = (top_n_operator *)base;
    (void)task;
    (void)n_tasks;
    CN_TRY(cni_sort_result_init(&self->result, &self->plan, CN_MOVE(self->combined), 1, err));
    const int32_t n_units = cni_sort_result_units(&self->result);
    for (int32_t unit = 0; unit < n_units; unit++) {
        CN_TRY(cni_sort_result_work(&self->result, unit, err));
    }
    return cni_sort_result_settle(&self->result, err);
}

static cn_code
open_source(cni_operator *base, cni_scan **out_scan, cn_error *err)
{
    const top_n_operator *self = (const top_n_operator *)base;
    return cni_sort_scan_new(&self->result, self->plan.spec->offset, self->n_wanted, out_scan, err);
}

static int64_t
state_bytes(const cni_operator *base)
{
    return cni_budget_current_bytes(base->budget);
}

static int32_t
notes(const cni_operator *base, cni_op_note *out_notes, int32_t max_notes)
{
    const top_n_operator *self = (const top_n_operator *)base;
    const cni_op_note all[] = {
        {"keys", self->plan.key_bytes >= 0 ? "fixed" : "long", 0},
        {"rows_dropped", NULL, cni_counter_get(&self->rows_dropped)},
        {"peak_bytes", NULL, cni_budget_peak_bytes(base->budget)},
    };
    return cni_operator_give_notes(all, CN_ARRAY_LEN(all), out_notes, max_notes);
}

static const cni_operator_ops top_n_ops = {
    .name = "TopN",
    .open_local = open_local,
    .push = push,
    .combine = combine,
    .finalize_tasks = finalize_tasks,
    .finalize = finalize,
    .open_source = open_source,
    .state_bytes = state_bytes,
    .notes = notes,
    .close_local = close_local,
    .close = close_top_n,
};

static cn_code
init(top_n_operator *self, const cni_phys_op *spec, const cni_operator_env *env, cn_error *err)
{
    CN_TRY(cni_budget_new(env->context->budget, "top-n", CNI_BUDGET_UNLIMITED, &self->base.budget,
                          err));
    CN_TRY(cni_sort_plan_init(&self->plan, spec->sort, env->context,
                              cni_budget_allocator(self->base.budget), err));
    self->has_leads = cni_sort_has_leads(&self->plan.keys[0]);
    self->boundary = env->dynamic == NULL ? &self->own_boundary : &env->dynamic->boundary;
    if (__builtin_add_overflow(spec->sort->offset, spec->sort->limit, &self->n_wanted)) {
        self->n_wanted = INT64_MAX;
    }
    /* Few more than wanted: the boundary must tighten while most of the scan is still to come. */
    if (__builtin_add_overflow(self->n_wanted, 1 + self->n_wanted / 8, &self->n_candidates_max)) {
        self->n_candidates_max = INT64_MAX;
    }
    cni_flag_publish(self->boundary, INT64_MAX);
    return CN_OK;
}

cn_code
cni_top_n_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                       cni_operator **out_operator, cn_error *err)
{
    top_n_operator *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &top_n_ops, env, spec->plan);
    cni_mutex_init(&self->mutex);
    const cn_code code = init(self, spec, env, err);
    if (code != CN_OK) {
        close_top_n(&self->base);
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}
