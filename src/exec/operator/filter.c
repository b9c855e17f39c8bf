/* SPDX-License-Identifier: Apache-2.0
 *
 * Filter: keeps the rows where every conjunct is true, and of their columns those that somebody
 * behind it names. What is kept is gathered at once, so that chunks behind it have no selection.
 *
 * Chunks that shrank below FILTER_FULL_ROWS wait and are joined, so that small chunks do not travel
 * on: the wait ends when enough rows have come, at a flush, and at the end of a morsel when order
 * is kept. The joined chunks never have more than a pipeline chunk's rows.
 *
 *   push: narrow -> gather -> pending[] --(full, flush, morsel ended)--> ready[0..1] -> next
 */
#include "exec/operator/operators.h"

#define FILTER_FULL_ROWS   256
#define FILTER_MAX_PENDING 64

typedef struct filter_operator {
    cni_operator base;
    const cni_phys_op *spec;
    int64_t full_rows;
} filter_operator;

typedef struct filter_local {
    cni_program_state *state;
    cni_chunk pending[FILTER_MAX_PENDING];
    int32_t n_pending;
    int64_t pending_rows;
    cni_chunk ready[2];
    int32_t n_ready;
    int32_t next_ready;
    int64_t sequence; /* of what was pushed last */
} filter_local;

static void
close_local(cni_operator *base, void *opaque)
{
    filter_local *local = opaque;
    if (local == NULL) {
        return;
    }
    cni_program_state_free(local->state);
    for (int32_t at = 0; at < FILTER_MAX_PENDING; at++) {
        cni_chunk_done(&local->pending[at]);
    }
    cni_chunk_done(&local->ready[0]);
    cni_chunk_done(&local->ready[1]);
    cni_dealloc(base->context->allocator, local, (int64_t)sizeof(*local));
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    const filter_operator *self = (const filter_operator *)base;
    cni_allocator *allocator = base->context->allocator;
    filter_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*local), &local, err));
    for (int32_t at = 0; at < FILTER_MAX_PENDING; at++) {
        cni_chunk_init(&local->pending[at], allocator);
    }
    cni_chunk_init(&local->ready[0], allocator);
    cni_chunk_init(&local->ready[1], allocator);
    const cn_code code =
        cni_program_state_new(self->spec->program, base->context, &local->state, err);
    if (code != CN_OK) {
        close_local(base, local);
        return code;
    }
    cni_program_state_charge(local->state, base->budget);
    *out_local = local;
    return CN_OK;
}

/* The live rows and wanted columns of `chunk`, taken out of it, gathered into `kept`. */
static cn_code
take_kept(const filter_operator *self, cni_chunk *chunk, cni_chunk *kept, cn_error *err)
{
    const cni_phys_op *spec = self->spec;
    cni_chunk_reset(kept);
    CN_TRY(cni_chunk_set_columns(kept, spec->n_outputs, err));
    for (int32_t column = 0; column < spec->n_outputs; column++) {
        cni_vector_move(&kept->columns[column], &chunk->columns[spec->outputs[column]]);
    }
    kept->n_rows = chunk->n_rows;
    kept->selection = chunk->selection;
    chunk->selection = (cni_selection){0};
    return cni_chunk_compact(kept, err);
}

static cn_code
concat_column(const filter_operator *self, const filter_local *local, int32_t column,
              cni_vector *out, cn_error *err)
{
    const cni_vector *parts[FILTER_MAX_PENDING];
    for (int32_t at = 0; at < local->n_pending; at++) {
        parts[at] = &local->pending[at].columns[column];
    }
    return cni_vector_concat(self->base.context->allocator, parts, local->n_pending, out, err);
}

/* What waits becomes one ready chunk. */
static cn_code
join_pending(const filter_operator *self, filter_local *local, cn_error *err)
{
    if (local->n_pending == 0) {
        return CN_OK;
    }
    cni_chunk *ready = &local->ready[local->n_ready];
    cni_chunk_reset(ready);
    if (local->n_pending == 1) {
        cni_chunk_swap(ready, &local->pending[0]);
    } else {
        CN_TRY(cni_chunk_set_columns(ready, self->spec->n_outputs, err));
        for (int32_t column = 0; column < self->spec->n_outputs; column++) {
            CN_TRY(concat_column(self, local, column, &ready->columns[column], err));
        }
        ready->n_rows = local->pending_rows;
    }
    for (int32_t at = 0; at < local->n_pending; at++) {
        cni_chunk_reset(&local->pending[at]);
    }
    ready->sequence = local->sequence;
    ready->ends_morsel = false;
    local->n_pending = 0;
    local->pending_rows = 0;
    local->n_ready++;
    return CN_OK;
}

static cn_code
keep_rows(const filter_operator *self, filter_local *local, cni_chunk *chunk, cn_error *err)
{
    if (chunk->n_rows == 0) {
        return CN_OK;
    }
    CN_TRY(cni_program_filter(local->state, chunk, err));
    const int64_t live_rows = cni_chunk_live_rows(chunk);
    if (live_rows == 0) {
        return CN_OK;
    }
    if (local->pending_rows + live_rows > self->base.context->settings.chunk_rows) {
        CN_TRY(join_pending(self, local, err));
    }
    CN_TRY(take_kept(self, chunk, &local->pending[local->n_pending], err));
    local->n_pending++;
    local->pending_rows += live_rows;
    return CN_OK;
}

/* The morsel's end travels on the last chunk, or alone. */
static void
mark_end(filter_local *local)
{
    if (local->n_ready == 0) {
        cni_chunk_reset(&local->ready[0]);
        local->ready[0].sequence = local->sequence;
        local->n_ready = 1;
    }
    local->ready[local->n_ready - 1].ends_morsel = true;
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    const filter_operator *self = (const filter_operator *)base;
    filter_local *local = opaque;
    cni_waker_drop(own_waker);
    local->n_ready = 0;
    local->next_ready = 0;
    local->sequence = chunk->sequence;
    CN_TRY(keep_rows(self, local, chunk, err));
    if (chunk->ends_morsel || local->pending_rows >= self->full_rows ||
        local->n_pending == FILTER_MAX_PENDING) {
        CN_TRY(join_pending(self, local, err));
    }
    if (chunk->ends_morsel) {
        mark_end(local);
    }
    *out_answer = local->n_ready > 0 ? CNI_OP_HAVE_MORE : CNI_OP_NEED_MORE;
    return CN_OK;
}

static cn_code
next(cni_operator *base, void *opaque, cni_chunk *out_chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    filter_local *local = opaque;
    (void)base;
    (void)err;
    cni_waker_drop(own_waker);
    if (local->next_ready < local->n_ready) {
        cni_chunk_swap(out_chunk, &local->ready[local->next_ready]);
        cni_chunk_reset(&local->ready[local->next_ready]);
        local->next_ready++;
    }
    *out_answer = local->next_ready < local->n_ready ? CNI_OP_HAVE_MORE : CNI_OP_NEED_MORE;
    return CN_OK;
}

static cn_code
flush(cni_operator *base, void *opaque, cni_flush_reason reason, cn_error *err)
{
    filter_local *local = opaque;
    (void)reason;
    local->n_ready = 0;
    local->next_ready = 0;
    return join_pending((const filter_operator *)base, local, err);
}

static void
close_filter(cni_operator *base)
{
    cni_budget_unref(base->budget);
    cni_dealloc(base->context->allocator, base, (int64_t)sizeof(filter_operator));
}

static const cni_operator_ops filter_ops = {
    .name = "Filter",
    .open_local = open_local,
    .push = push,
    .next = next,
    .flush = flush,
    .on_watermark = cni_operator_pass_watermark, /* the flush before it has emptied the filter */
    .close_local = close_local,
    .close = close_filter,
};

cn_code
cni_filter_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                        cni_operator **out_operator, cn_error *err)
{
    filter_operator *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &filter_ops, env, spec->plan);
    self->spec = spec;
    self->full_rows = cni_min_i64(FILTER_FULL_ROWS, env->context->settings.chunk_rows);
    const cn_code code =
        cni_program_account_new(spec->program, env->context, "filter", &self->base.budget, err);
    if (code != CN_OK) {
        close_filter(&self->base);
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}
