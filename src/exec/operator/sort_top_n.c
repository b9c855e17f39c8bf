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
#include "exec/operator/operators.h"
#include "exec/operator/sort_int.h"
#include "plan/table/dynamic_filter.h"
#include "runtime/pressure.h"

#define OWNED_ROWS_MAX 256       /* chunks of fewer rows give up the pages of their texts */
#define MAX_HELD_ROWS  (1 << 17) /* rows of pieces, most of which were dropped */
#define TEST_CHUNKS    3         /* of a run, under test_spill */

typedef struct top_n_operator {
    cni_operator base;
    cni_sort_plan plan;
    cni_sort_finish finish;
    int64_t n_wanted;            /* offset + limit */
    int64_t n_candidates_max;    /* pruned then */
    bool prunes;                 /* few enough are wanted */
    bool has_leads;              /* the first key's leading bytes can be had cheaply */
    cni_atomic_i64 own_boundary; /* used when no scan listens */
    cni_atomic_i64 *boundary;    /* the best so far; a scan may read it too */
    cni_atomic_i64 rows_dropped; /* counter */
} top_n_operator;

typedef struct top_n_local {
    cni_sort_local *data; /* its runs: the best so far, one when pruned */
    cni_sort_runs spilled;
    bool has_boundary;
    uint8_t *boundary_key; /* the worker's own: n_wanted rows are not behind it */
    int64_t boundary_bytes;
    uint64_t *leads; /* of a chunk */
    int64_t cap_leads;
    uint32_t rows[CNI_CHUNK_ROWS_MAX];
    cni_chunk kept;
} top_n_local;

/* ---- life ---- */

static void
close_top_n(cni_operator *base)
{
    top_n_operator *self = (top_n_operator *)base;
    cni_sort_finish_done(&self->finish);
    cni_sort_plan_done(&self->plan);
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
        cni_dealloc(self->plan.allocator, local->boundary_key, local->boundary_bytes);
        cni_sort_runs_done(&local->spilled, self->plan.allocator);
        cni_sort_local_free(local->data);
        cni_dealloc(self->plan.allocator, local, (int64_t)sizeof(*local));
    }
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    top_n_operator *self = (top_n_operator *)base;
    top_n_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->plan.allocator, (int64_t)sizeof(*local), &local, err));
    cni_chunk_init(&local->kept, base->context->allocator);
    const cn_code code = cni_sort_local_new(&self->plan, &local->data, err);
    if (code != CN_OK) {
        close_local(base, local);
        return code;
    }
    *out_local = local;
    return CN_OK;
}

/* ---- boundaries ---- */

/* The last of a run of n_wanted rows. */
static cn_code
set_boundary(top_n_operator *self, top_n_local *local, const cni_sort_run *run, cn_error *err)
{
    cni_allocator *allocator = self->plan.allocator;
    const cni_sort_block *block = &run->blocks[run->n_blocks - 1];
    const uint8_t *key = block->records->data + self->plan.header_bytes;
    for (int64_t row = 1; row < block->n_rows; row++) {
        key += cni_sort_key_length(&self->plan, key) + self->plan.header_bytes;
    }
    const int64_t n_bytes = cni_sort_key_length(&self->plan, key);
    CN_TRY(cni_realloc(allocator, &local->boundary_key, local->boundary_bytes, n_bytes + 8, err));
    local->boundary_bytes = n_bytes + 8;
    memcpy(local->boundary_key, key, (size_t)n_bytes);
    memset(local->boundary_key + n_bytes, 0, 8);
    cni_boundary_offer(self->boundary, cni_sort_word(local->boundary_key, n_bytes, 0));
    local->has_boundary = true;
    return CN_OK;
}

/* One run of the best rows in place of all candidates. */
static cn_code
prune(top_n_operator *self, top_n_local *local, cn_error *err)
{
    cni_sort_local *data = local->data;
    cni_sort_run *best = NULL;
    CN_TRY(cni_sort_local_close(data, self->n_wanted, err));
    if (data->runs.n_items > 1) {
        CN_TRY(cni_sort_merge_resident(&self->plan, &data->runs, self->n_wanted, &best, err));
        for (int64_t run = 0; run < data->runs.n_items; run++) {
            cni_sort_run_free(data->runs.items[run]);
        }
        data->runs.items[0] = best;
        data->runs.n_items = 1;
        data->resident_bytes = best->n_bytes;
    }
    best = data->runs.n_items == 0 ? NULL : data->runs.items[0];
    return best == NULL || best->n_rows < self->n_wanted ? CN_OK
                                                         : set_boundary(self, local, best, err);
}

/* The candidates to disk; the boundary stays, it only drops rows that nobody wants. */
static cn_code
spill(top_n_operator *self, top_n_local *local, cn_error *err)
{
    cni_sort_runs *runs = &local->data->runs;
    CN_TRY(cni_sort_local_spill(local->data, 0, err));
    CN_TRY(cni_sort_grow(self->plan.allocator, (void *)&local->spilled.items,
                         &local->spilled.cap_items, local->spilled.n_items + runs->n_items,
                         (int64_t)sizeof(cni_sort_run *), err));
    for (int64_t run = 0; run < runs->n_items; run++) {
        local->spilled.items[local->spilled.n_items++] = runs->items[run];
    }
    runs->n_items = 0;
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

static bool
is_pressed(const top_n_operator *self, const top_n_local *local)
{
    const cni_sort_batch *batch = &local->data->batch;
    const bool too_few = self->plan.context->settings.test_spill && batch->n_pages < TEST_CHUNKS;
    return !too_few && cni_memory_should_spill(self->plan.budget, self->plan.context,
                                               batch->n_bytes + local->data->resident_bytes);
}

static int64_t
count_candidates(const cni_sort_local *data)
{
    const int64_t n_best = data->runs.n_items == 0 ? 0 : data->runs.items[0]->n_rows;
    return n_best + data->batch.n_items;
}

/* Fewer candidates in memory: the best of them, unless that needs room that is not there or
 * leaves most of them. */
static cn_code
reduce(top_n_operator *self, top_n_local *local, bool pressed, cn_error *err)
{
    cni_sort_local *data = local->data;
    const int64_t n_bytes = data->batch.n_bytes + data->resident_bytes;
    const int64_t left = cni_memory_left(self->plan.budget, self->plan.context);
    const bool fits = left / self->plan.n_workers >= 2 * n_bytes;
    const bool pays = count_candidates(data) / 2 >= self->n_wanted;
    if (self->plan.context->spill == NULL || pays || (fits && !pressed)) {
        CN_TRY(prune(self, local, err));
    } else {
        CN_TRY(cni_sort_local_close(data, self->n_wanted, err));
        return spill(self, local, err);
    }
    return pressed && cni_memory_should_spill(self->plan.budget, self->plan.context,
                                              data->resident_bytes)
               ? spill(self, local, err)
               : CN_OK;
}

/* Candidates beside the best so far. */
static cn_code
add_candidates(top_n_operator *self, top_n_local *local, cni_chunk *chunk, cn_error *err)
{
    cni_sort_local *data = local->data;
    cni_sort_batch *batch = &data->batch;
    const int64_t n_rows = chunk->n_rows;
    CN_TRY(cni_sort_batch_add(batch, &self->plan, chunk, err));
    if (local->has_boundary) {
        const cni_str key = {(const char *)local->boundary_key, local->boundary_bytes - 8};
        cni_sort_batch_drop_behind(batch, &self->plan, n_rows, key);
    }
    const bool pressed = is_pressed(self, local);
    const bool full = count_candidates(data) >= self->n_candidates_max ||
                      batch->n_rows >= self->n_candidates_max + MAX_HELD_ROWS ||
                      batch->n_bytes > self->plan.batch_bytes;
    return pressed || full ? reduce(self, local, pressed, err) : CN_OK;
}

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
    if (!self->prunes) {
        CN_TRY(cni_sort_local_add(local->data, chunk, err));
        return cni_sort_local_relieve(local->data, err);
    }
    CN_TRY(narrow(self, local, &chunk, err));
    CN_TRY(own_texts(self, local, &chunk, err));
    return chunk->n_rows == 0 ? CN_OK : add_candidates(self, local, chunk, err);
}

static cn_code
combine(cni_operator *base, void *opaque, cn_error *err)
{
    top_n_operator *self = (top_n_operator *)base;
    top_n_local *local = opaque;
    if (self->prunes) {
        CN_TRY(reduce(self, local, false, err));
    } else {
        CN_TRY(cni_sort_local_close(local->data, self->n_wanted, err));
    }
    if (local->spilled.n_items > 0) {
        CN_TRY(spill(self, local, err));
        const cni_sort_runs runs = local->data->runs;
        local->data->runs = local->spilled;
        local->spilled = runs;
    }
    return cni_sort_finish_collect(&self->finish, local->data, err);
}

static int32_t
finalize_tasks(cni_operator *base)
{
    return cni_sort_finish_tasks(&((top_n_operator *)base)->finish);
}

static cn_code
finalize(cni_operator *base, int32_t task, int32_t n_tasks, cn_error *err)
{
    return cni_sort_finish_work(&((top_n_operator *)base)->finish, task, n_tasks, err);
}

static int64_t
reclaim(cni_operator *base, int64_t n_bytes)
{
    return base->context->spill == NULL
               ? 0
               : cni_sort_finish_reclaim(&((top_n_operator *)base)->finish, n_bytes);
}

static cn_code
open_source(cni_operator *base, cni_scan **out_scan, cn_error *err)
{
    const top_n_operator *self = (const top_n_operator *)base;
    return cni_sort_source_new(&self->finish.set, self->plan.spec->offset, self->n_wanted, out_scan,
                               err);
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
        {"spilled_runs", NULL, cni_counter_get(&self->plan.spilled_runs)},
        {"spilled_bytes", NULL, cni_counter_get(&self->plan.spilled_bytes)},
        {"merge_passes", NULL, cni_counter_get(&self->plan.merges)},
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
    .reclaim = reclaim,
    .reclaims_while_read = true,
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
    CN_TRY(cni_sort_plan_init(&self->plan, spec->sort, env->context, self->base.budget,
                              env->n_workers, false, err));
    cni_sort_finish_init(&self->finish, &self->plan);
    self->has_leads = cni_sort_has_leads(&self->plan.keys[0]);
    self->boundary = env->dynamic == NULL ? &self->own_boundary : &env->dynamic->boundary;
    if (__builtin_add_overflow(spec->sort->offset, spec->sort->limit, &self->n_wanted)) {
        self->n_wanted = INT64_MAX;
    }
    /* Few more than wanted: the boundary must tighten while most of the scan is still to come. */
    if (__builtin_add_overflow(self->n_wanted, 1 + self->n_wanted / 8, &self->n_candidates_max)) {
        self->n_candidates_max = INT64_MAX;
    }
    self->prunes = self->n_wanted <= self->plan.batch_rows / 2;
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
    const cn_code code = init(self, spec, env, err);
    if (code != CN_OK) {
        close_top_n(&self->base);
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}
