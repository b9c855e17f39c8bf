/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting a frame, and pulling its result in batches.
 *
 *   bound plan -> [binary form and back, for tests] -> optimize -> physical -> execution -> batches
 *
 * EXPLAIN replaces the plan by its own description; EXPLAIN ANALYZE runs the plan first.
 */
#include "session/query.h"

#include "optimize/optimize.h"
#include "runtime/spill_scope.h"
#include "session/explain.h"
#include "session/round_trip.h"

cni_arrow_options
cni_query_arrow_options(const cni_settings *settings)
{
    return (cni_arrow_options){.string_views = settings->export_views};
}

/* The session's settings under what the caller asks for. */
static cn_code
read_options(cn_session *session, const cn_query_options *options, cni_settings *out_settings,
             cn_error *err)
{
    cn_query_options known = {.struct_size = sizeof(known)};
    *out_settings = cni_session_settings(session);
    if (options == NULL) {
        return CN_OK;
    }
    if (options->struct_size < sizeof(options->struct_size)) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "cn_query_options.struct_size is not set (%u)",
                       options->struct_size);
    }
    memcpy(&known, options,
           (size_t)cni_min_i64((int64_t)options->struct_size, (int64_t)sizeof(known)));
    if (known.n_threads < 0 || known.n_threads > CNI_MAX_WORKERS || known.memory_limit_bytes < 0 ||
        known.timeout_ms < 0) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "cn_query_options: n_threads (%d) must be between 0 and %d, the limits not "
                       "negative",
                       known.n_threads, CNI_MAX_WORKERS);
    }
    if (known.n_threads > 0) {
        out_settings->threads = known.n_threads;
    }
    if (known.memory_limit_bytes > 0) {
        out_settings->memory_limit = known.memory_limit_bytes;
    }
    if (known.timeout_ms > 0) {
        out_settings->timeout_ms = known.timeout_ms;
    }
    return CN_OK;
}

#define LEAST_FRACTION 0.01 /* of the rows before what remains is estimated */

/* ---- admission ---- */

static void
leave(cn_query *self)
{
    if (self->admitted) {
        cni_admission_leave(self->frame->session->engine->admission, &self->place);
        self->admitted = false;
    }
}

/* Work goes on in the background while nobody pulls; its share of the clock is what counts. */
static int64_t
remaining_us(const cni_execution_progress *seen)
{
    if (seen->fraction >= 1.0) {
        return 0;
    }
    if (seen->fraction < LEAST_FRACTION || seen->elapsed_ns <= 0) {
        return -1;
    }
    return (int64_t)((double)seen->elapsed_ns / 1000.0 * (1.0 - seen->fraction) / seen->fraction);
}

void
cni_query_look(cn_query *self, cn_progress *out_progress)
{
    cni_execution_progress seen;
    cni_execution_progress_get(self->execution, &seen);
    const cni_spill_store *store = self->context.spill;
    const int64_t state = cni_flag_consume(&self->state);
    const bool waits =
        state == CN_QUERY_READY &&
        cni_admission_is_waiting(self->frame->session->engine->admission, &self->place);
    *out_progress =
        (cn_progress){.struct_size = sizeof(*out_progress),
                      .fraction = seen.fraction,
                      .rows_scanned = seen.rows_scanned,
                      .bytes_read = seen.bytes_read,
                      .elapsed_us = seen.elapsed_ns / 1000,
                      .state = waits ? CN_QUERY_WAITING : (int32_t)state,
                      .remaining_us = state == CN_QUERY_ENDED ? 0 : remaining_us(&seen),
                      .memory_bytes = cni_budget_current_bytes(self->context.budget),
                      .memory_peak_bytes = cni_budget_peak_bytes(self->context.budget),
                      .spilled_bytes = store == NULL ? 0 : cni_counter_get(&store->written_bytes)};
}

/* Somebody pulls: the query must have been admitted. */
static cn_code
begin_pull(cn_query *self, cn_error *err)
{
    if (self->admitted) {
        cni_admission_pause(&self->place, false);
        return CN_OK;
    }
    if (self->ended) {
        return CN_OK;
    }
    const cni_admission_request request = {
        .tenant = self->frame->session,
        .need_bytes = cni_query_need_bytes(self->physical, self->context.settings.n_threads),
        .timeout_ms = self->settings.admission_timeout_ms};
    const cn_code code = cni_admission_enter(self->frame->session->engine->admission, &self->place,
                                             &self->context, &request, err);
    if (code != CN_OK) {
        cni_flag_publish(&self->state, code == CN_BUSY ? CN_QUERY_READY : CN_QUERY_ENDED);
        return code;
    }
    self->admitted = true;
    cni_flag_publish(&self->state, CN_QUERY_RUNNING);
    return CN_OK;
}

static void
end_pull(cn_query *self, cn_code code)
{
    if (self->ended || code != CN_OK) {
        if (code != CN_OK && self->execution != NULL &&
            cni_context_check(&self->context, NULL) != CN_OK) {
            cni_execution_stop(self->execution); /* its client may take its time to free it */
        }
        cni_flag_publish(&self->state, CN_QUERY_ENDED);
        leave(self);
    } else {
        cni_admission_pause(&self->place, true);
    }
}

/* ---- planning ---- */

/* Optimized and physical plan of `plan` and its execution, ready for the first chunk. */
static cn_code
prepare(cn_query *self, const cni_plan *plan, const cni_plan **out_optimized, cn_error *err)
{
    const cni_plan *current = plan;
    if (self->settings.test_serialize_plan) {
        CN_TRY(cni_plan_round_trip(self->frame->session, self->arena, &self->context, plan,
                                   &current, err));
    }
    CN_TRY(cni_optimize(self->arena, current, &self->context, out_optimized, err));
    CN_TRY(
        cni_physical_plan_new(self->arena, *out_optimized, &self->context, &self->physical, err));
    CN_TRY(cni_execution_new(self->physical, &self->context, &self->execution, err));
    cni_group_join(self->context.group, self->context.tenant, self->context.weight);
    return CN_OK;
}

/* EXPLAIN: describe the plan, then run a plan that gives the description. */
static cn_code
prepare_explain(cn_query *self, cn_error *err)
{
    const cn_frame *frame = self->frame;
    const cni_plan *optimized = NULL;
    const cni_plan *described = NULL;
    cni_strbuf text;
    CN_TRY(prepare(self, frame->plan, &optimized, err));
    if (frame->kind == CNI_FRAME_EXPLAIN_ANALYZE) {
        CN_TRY(cni_query_drain(self, err));
    }
    cni_strbuf_init(&text, self->context.allocator, CNI_EXPLAIN_MAX_BYTES);
    cn_code code =
        cni_explain_text(optimized, self->physical,
                         frame->kind == CNI_FRAME_EXPLAIN_ANALYZE ? self->execution : NULL,
                         frame->as_json, &text, err);
    if (code == CN_OK) {
        code =
            cni_explain_rows(self->arena, cni_strbuf_view(&text), frame->as_json, &described, err);
    }
    cni_strbuf_done(&text);
    CN_TRY(code);
    cni_execution_close(CN_MOVE(self->execution));
    self->ended = false;
    return prepare(self, described, &optimized, err);
}

/* What this query writes is counted by itself. */
static cn_code
count_spilling(cni_context *context, cn_error *err)
{
    cni_spill_store *own = NULL;
    if (context->spill != NULL) {
        CN_TRY(cni_spill_scope_new(context->allocator, context->spill, &own, err));
        cni_spill_store_unref(context->spill); /* the scope keeps it */
        context->spill = own;
    }
    return CN_OK;
}

static cn_code
build(cn_query *self, cn_error *err)
{
    const cni_plan *optimized = NULL;
    CN_TRY(cni_session_context(self->frame->session, &self->settings, &self->context, err));
    CN_TRY(count_spilling(&self->context, err));
    CN_TRY(cni_arena_new(self->context.allocator, "query", &self->arena, err));
    CN_TRY(cni_arena_keep(self->arena, self->frame->arena, err));
    return self->frame->kind == CNI_FRAME_QUERY ? prepare(self, self->frame->plan, &optimized, err)
                                                : prepare_explain(self, err);
}

cn_code
cni_query_new(cn_frame *frame, const cn_query_options *options, cn_query **out_query, cn_error *err)
{
    cni_settings settings;
    CN_TRY(read_options(frame->session, options, &settings, err));
    CN_SCOPED(cni_query_p) query = NULL;
    CN_TRY(cni_alloc_zeroed(frame->session->allocator, (int64_t)sizeof(*query), &query, err));
    cni_counter_set(&query->n_refs, 1);
    cni_mutex_init(&query->mutex);
    query->frame = cni_frame_ref(frame);
    query->settings = settings;
    CN_TRY(build(query, err));
    *out_query = CN_MOVE(query);
    return CN_OK;
}

/* A frame is explained by preparing a query of the same plan and dropping it. */
cn_code
cni_query_explain(cn_frame *frame, bool as_json, cni_strbuf *out, cn_error *err)
{
    CN_SCOPED(cni_frame_p) plain = NULL;
    CN_SCOPED(cni_query_p) query = NULL;
    CN_TRY(cni_frame_new(frame->session, frame->arena, frame->plan, CNI_FRAME_QUERY, false, &plain,
                         err));
    CN_TRY(cni_query_new(plain, NULL, &query, err));
    return cni_explain_text(query->physical->plan, query->physical, NULL, as_json, out, err);
}

cn_query *
cni_query_ref(cn_query *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

void
cni_query_unref(cn_query *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cn_frame *frame = self->frame;
    cni_execution_close(self->execution);
    leave(self);
    cni_arena_unref(self->arena);
    const int64_t peak_bytes =
        self->context.budget == NULL ? 0 : cni_budget_peak_bytes(self->context.budget);
    cni_session_context_done(frame->session, &self->context);
    cni_engine_settle(frame->session->engine, peak_bytes);
    cni_mutex_done(&self->mutex);
    cni_dealloc(frame->session->allocator, self, (int64_t)sizeof(*self));
    cni_frame_unref(frame);
}

/* Chunks on their way into one batch. */
typedef struct batch_chunks {
    cni_allocator *allocator;
    cni_chunk *chunks;
    int64_t n_chunks;
    int64_t cap_chunks;
    int64_t n_rows;
} batch_chunks;

static void
batch_done(batch_chunks *self)
{
    for (int64_t chunk = 0; chunk < self->n_chunks; chunk++) {
        cni_chunk_done(&self->chunks[chunk]);
    }
    cni_dealloc(self->allocator, self->chunks, self->cap_chunks * (int64_t)sizeof(cni_chunk));
}

static cn_code
batch_reserve(batch_chunks *self, cn_error *err)
{
    if (self->n_chunks < self->cap_chunks) {
        return CN_OK;
    }
    const int64_t cap = self->cap_chunks == 0 ? 32 : self->cap_chunks * 2;
    CN_TRY(cni_realloc(self->allocator, &self->chunks,
                       self->cap_chunks * (int64_t)sizeof(cni_chunk),
                       cap * (int64_t)sizeof(cni_chunk), err));
    self->cap_chunks = cap;
    return CN_OK;
}

/* Pull chunks until the batch is large enough or the result ends. */
static cn_code
batch_fill(cn_query *self, batch_chunks *batch, cn_error *err)
{
    while (batch->n_rows < self->settings.batch_rows && !self->ended) {
        cni_execution_answer answer = CNI_EXECUTION_END;
        CN_TRY(batch_reserve(batch, err));
        cni_chunk *chunk = &batch->chunks[batch->n_chunks];
        cni_chunk_init(chunk, self->context.allocator);
        batch->n_chunks++;
        CN_TRY(cni_execution_next(self->execution, chunk, &answer, err));
        if (answer == CNI_EXECUTION_END) {
            self->ended = true;
            batch->n_chunks--;
            cni_chunk_done(chunk);
        } else {
            batch->n_rows += chunk->n_rows;
        }
    }
    return CN_OK;
}

static cn_code
next_batch(cn_query *self, struct ArrowArray *out_batch, cn_error *err)
{
    const cni_arrow_options options = cni_query_arrow_options(&self->settings);
    batch_chunks batch = {.allocator = self->context.allocator};
    CN_TRY(begin_pull(self, err));
    cn_code code = batch_fill(self, &batch, err);
    end_pull(self, code);
    if (code == CN_OK && batch.n_rows > 0) {
        code = cni_arrow_export_chunks(self->context.allocator, &self->frame->schema, batch.chunks,
                                       batch.n_chunks, &options, out_batch, err);
    } else if (code == CN_OK) {
        *out_batch = (struct ArrowArray){0};
    }
    batch_done(&batch);
    return code;
}

cn_code
cni_query_next_batch(cn_query *self, struct ArrowArray *out_batch, cn_error *err)
{
    cni_mutex_lock(&self->mutex);
    const cn_code code = next_batch(self, out_batch, err);
    cni_mutex_unlock(&self->mutex);
    return code;
}

cn_code
cni_query_drain(cn_query *self, cn_error *err)
{
    CN_TRY(begin_pull(self, err));
    cn_code code = CN_OK;
    cni_chunk chunk;
    cni_chunk_init(&chunk, self->context.allocator);
    while (code == CN_OK && !self->ended) {
        cni_execution_answer answer = CNI_EXECUTION_END;
        code = cni_execution_next(self->execution, &chunk, &answer, err);
        self->ended = answer == CNI_EXECUTION_END;
    }
    cni_chunk_done(&chunk);
    end_pull(self, code);
    return code;
}
