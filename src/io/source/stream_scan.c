/* SPDX-License-Identifier: Apache-2.0
 *
 * Pulling a stream in parallel. next_morsel numbers the batches to come; a reader whose batch is
 * not there pulls (when nobody else does) until it is, keeping the batches of others for them.
 *
 *   pending[] = batches pulled whose reader has not come yet, by morsel number
 */
#include "io/source/stream_scan.h"

#include "base/thread.h"
#include "io/source/source_shape.h"

/* A batch waiting for its reader, or a reader waiting for its batch. */
typedef struct pending_batch {
    struct pending_batch *next;
    int64_t morsel;
    cni_arrow_batch batch;
} pending_batch;

typedef struct waiting_reader {
    struct waiting_reader *next;
    cni_waker waker;
} waiting_reader;

typedef struct stream_scan {
    cni_scan base;
    cni_context *context;
    cni_table *keep_alive; /* referenced, may be NULL */
    cni_arena *arena;
    const cni_schema *schema;
    const cni_source_shape *shape;
    struct ArrowArrayStream stream;
    struct ArrowSchema foreign; /* owned: the batches' encodings */
    cni_atomic_i64 next_morsel;
    cni_atomic_i64 n_rows_read;
    cni_atomic_i64 n_rows_filtered;
    cni_atomic_i64 n_rows_dynamic;
    cni_mutex mutex; /* guards the rest; never held over a pull */
    bool pulling;
    bool ended;
    int64_t n_pulled;
    pending_batch *pending;
    waiting_reader *waiting;
} stream_scan;

typedef struct stream_local {
    cni_source_reader reader;
    int64_t morsel; /* at work, -1 = none */
    cni_arrow_batch batch;
    int64_t done;
} stream_local;

static cni_morsel_answer
scan_next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    stream_scan *self = (stream_scan *)base;
    cni_waker_drop(own_waker);
    if (cni_source_is_empty(self->shape)) {
        return CNI_MORSEL_NONE;
    }
    cni_mutex_lock(&self->mutex);
    const bool exhausted = self->ended && cni_counter_get(&self->next_morsel) >= self->n_pulled;
    if (!exhausted) {
        *out_morsel = cni_counter_add(&self->next_morsel, 1);
    }
    cni_mutex_unlock(&self->mutex);
    return exhausted ? CNI_MORSEL_NONE : CNI_MORSEL_TAKEN;
}

static void
scan_close_local(cni_scan *base, void *opaque)
{
    const stream_scan *self = (const stream_scan *)base;
    stream_local *local = opaque;
    if (local != NULL) {
        cni_arrow_batch_done(&local->batch);
        cni_source_reader_done(&local->reader);
        cni_dealloc(self->context->allocator, local, (int64_t)sizeof(*local));
    }
}

static cn_code
scan_open_local(cni_scan *base, void **out_local, cn_error *err)
{
    const stream_scan *self = (const stream_scan *)base;
    stream_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*local), &local, err));
    local->morsel = -1;
    const cn_code code =
        cni_source_reader_init(&local->reader, self->shape, self->context, base->budget, err);
    if (code != CN_OK) {
        scan_close_local(base, local);
        return code;
    }
    *out_local = local;
    return CN_OK;
}

/* Fire every waiting reader's waker: each looks again. */
static void
wake_all(cni_allocator *allocator, waiting_reader *own_list)
{
    while (own_list != NULL) {
        waiting_reader *next = own_list->next;
        cni_waker_wake(own_list->waker);
        cni_dealloc(allocator, own_list, (int64_t)sizeof(*own_list));
        own_list = next;
    }
}

static cn_code
stream_failed(stream_scan *self, int status, cn_error *err)
{
    const char *message =
        self->stream.get_last_error == NULL ? NULL : self->stream.get_last_error(&self->stream);
    (void)CN_FAIL(err, CN_IO, "the Arrow stream failed: %s",
                  message == NULL ? "no message" : message);
    cni_error_errno(err, status);
    return CN_IO;
}

/* One batch off the stream; *out_ended when there was none. Runs outside the lock. */
static cn_code
pull(stream_scan *self, pending_batch **out_batch, bool *out_ended, cn_error *err)
{
    struct ArrowArray array = {0};
    pending_batch *batch = NULL;
    const int status = self->stream.get_next(&self->stream, &array);
    if (status != 0) {
        return stream_failed(self, status, err);
    }
    *out_ended = array.release == NULL;
    if (*out_ended) {
        return CN_OK;
    }
    cn_code code = cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*batch), &batch, err);
    if (code != CN_OK) {
        array.release(&array);
        return code;
    }
    code = cni_arrow_import_batch(self->context->allocator, &self->foreign, self->schema, &array,
                                  &batch->batch, err);
    if (code != CN_OK) {
        cni_dealloc(self->context->allocator, batch, (int64_t)sizeof(*batch));
        return code;
    }
    *out_batch = batch;
    return CN_OK;
}

/* Take `morsel`'s batch off the pending list, NULL when it is not there. Lock held. */
static pending_batch *
take_pending(stream_scan *self, int64_t morsel)
{
    pending_batch **link = &self->pending;
    while (*link != NULL && (*link)->morsel != morsel) {
        link = &(*link)->next;
    }
    pending_batch *found = *link;
    if (found != NULL) {
        *link = found->next;
    }
    return found;
}

/* The caller is the puller: pulls until its batch is there, the stream ends or fails. */
static cn_code
pull_until(stream_scan *self, int64_t morsel, cn_error *err)
{
    cn_code code = CN_OK;
    bool ended = false;
    while (code == CN_OK && !ended) {
        pending_batch *batch = NULL;
        code = cni_context_check(self->context, err);
        if (code == CN_OK) {
            code = pull(self, &batch, &ended, err);
        }
        cni_mutex_lock(&self->mutex);
        self->ended = self->ended || ended || code != CN_OK;
        bool mine = false;
        if (batch != NULL) {
            batch->morsel = self->n_pulled++;
            mine = batch->morsel == morsel;
            batch->next = self->pending;
            self->pending = batch;
        }
        cni_mutex_unlock(&self->mutex);
        if (mine) {
            break;
        }
    }
    cni_mutex_lock(&self->mutex);
    self->pulling = false;
    waiting_reader *waiting = self->waiting;
    self->waiting = NULL;
    cni_mutex_unlock(&self->mutex);
    wake_all(self->context->allocator, waiting);
    return code;
}

/* Get the morsel's batch into the local: CHUNK = there, END = the stream ended before it. */
static cn_code
fetch_batch(stream_scan *self, stream_local *local, int64_t morsel, cni_waker own_waker,
            cni_read_answer *out_answer, cn_error *err)
{
    waiting_reader *reader = NULL;
    CN_TRY(cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*reader), &reader, err));
    reader->waker = own_waker;
    pending_batch *batch = NULL;
    cn_code code = CN_OK;
    bool waits = false;
    for (bool pulls = true; pulls && code == CN_OK;) {
        cni_mutex_lock(&self->mutex);
        batch = take_pending(self, morsel);
        const bool open = batch == NULL && !self->ended;
        waits = open && self->pulling;
        pulls = open && !self->pulling;
        self->pulling = self->pulling || pulls;
        if (waits) {
            reader->next = self->waiting;
            self->waiting = reader;
        }
        cni_mutex_unlock(&self->mutex);
        if (pulls) {
            code = pull_until(self, morsel, err);
        }
    }
    if (waits) {
        *out_answer = CNI_READ_BLOCKED;
        return CN_OK;
    }
    cni_dealloc(self->context->allocator, reader, (int64_t)sizeof(*reader));
    cni_waker_drop(own_waker);
    CN_TRY(code);
    *out_answer = batch == NULL ? CNI_READ_END : CNI_READ_CHUNK;
    if (batch != NULL) {
        cni_arrow_batch_done(&local->batch);
        local->batch = batch->batch;
        local->morsel = morsel;
        local->done = 0;
        cni_dealloc(self->context->allocator, batch, (int64_t)sizeof(*batch));
    }
    return CN_OK;
}

static cn_code
scan_read(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker, cni_chunk *chunk,
          cni_read_answer *out_answer, cn_error *err)
{
    stream_scan *self = (stream_scan *)base;
    stream_local *local = opaque;
    if (local->morsel != morsel) {
        const cn_code code = fetch_batch(self, local, morsel, own_waker, out_answer, err);
        if (code != CN_OK || *out_answer != CNI_READ_CHUNK) {
            return code;
        }
    } else {
        cni_waker_drop(own_waker);
    }
    if (local->done == local->batch.n_rows) {
        cni_arrow_batch_done(&local->batch);
        *out_answer = CNI_READ_END;
        return CN_OK;
    }
    cni_source_removed removed;
    const int64_t n_rows =
        cni_min_i64(self->context->settings.chunk_rows, local->batch.n_rows - local->done);
    CN_TRY(cni_source_fill(&local->reader, local->batch.columns, local->done, n_rows, chunk,
                           &removed, err));
    local->done += n_rows;
    chunk->sequence = morsel;
    chunk->ends_morsel = local->done == local->batch.n_rows;
    (void)cni_counter_add(&self->n_rows_read, n_rows);
    (void)cni_counter_add(&self->n_rows_filtered, removed.n_filtered);
    (void)cni_counter_add(&self->n_rows_dynamic, removed.n_dynamic);
    *out_answer = CNI_READ_CHUNK;
    return CN_OK;
}

static void
scan_counters(const cni_scan *base, cni_scan_counters *out_counters)
{
    const stream_scan *self = (const stream_scan *)base;
    *out_counters = (cni_scan_counters){.rows_scanned = cni_counter_get(&self->n_rows_read),
                                        .rows_filtered = cni_counter_get(&self->n_rows_filtered),
                                        .rows_dynamic = cni_counter_get(&self->n_rows_dynamic)};
}

static double
scan_progress(const cni_scan *base)
{
    (void)base;
    return -1.0;
}

static void
scan_close(cni_scan *base)
{
    stream_scan *self = (stream_scan *)base;
    while (self->pending != NULL) {
        pending_batch *next = self->pending->next;
        cni_arrow_batch_done(&self->pending->batch);
        cni_dealloc(self->context->allocator, self->pending, (int64_t)sizeof(*self->pending));
        self->pending = next;
    }
    wake_all(self->context->allocator, self->waiting);
    if (self->foreign.release != NULL) {
        self->foreign.release(&self->foreign);
    }
    if (self->stream.release != NULL) {
        self->stream.release(&self->stream);
    }
    cni_mutex_done(&self->mutex);
    cni_budget_unref(base->budget);
    cni_arena_unref(self->arena);
    cni_table_unref(self->keep_alive);
    cni_dealloc(self->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops scan_ops = {.next_morsel = scan_next_morsel,
                                      .open_local = scan_open_local,
                                      .close_local = scan_close_local,
                                      .read = scan_read,
                                      .counters = scan_counters,
                                      .progress = scan_progress,
                                      .close = scan_close};

static cn_code
build_scan(stream_scan *self, const cni_scan_request *request, cn_error *err)
{
    CN_TRY(cni_arena_new(self->context->allocator, "stream scan", &self->arena, err));
    CN_TRY(cni_source_shape_new(self->arena, request, &self->shape, err));
    if (self->base.budget == NULL) {
        CN_TRY(cni_program_account_new(self->shape->filter, self->context, "scan",
                                       &self->base.budget, err));
    }
    const int status = self->stream.get_schema(&self->stream, &self->foreign);
    if (status != 0) {
        return stream_failed(self, status, err);
    }
    if (self->foreign.n_children != self->schema->n_fields) {
        return CN_FAIL(err, CN_INVALID_DATA, "the Arrow stream has %lld columns instead of %d",
                       (long long)self->foreign.n_children, self->schema->n_fields);
    }
    return CN_OK;
}

cn_code
cni_stream_scan_new(struct ArrowArrayStream *own_stream, const cni_schema *schema,
                    const cni_scan_request *request, cni_table *keep_alive, cni_context *context,
                    cni_budget *account, cni_scan **out_scan, cn_error *err)
{
    stream_scan *scan = NULL;
    cn_code code = cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*scan), &scan, err);
    if (code != CN_OK) {
        own_stream->release(own_stream);
        return code;
    }
    scan->base.ops = &scan_ops;
    scan->base.n_morsels = -1;
    scan->base.budget = account == NULL ? NULL : cni_budget_ref(account);
    scan->context = context;
    scan->keep_alive = cni_table_ref(keep_alive);
    scan->schema = schema;
    scan->stream = *own_stream;
    own_stream->release = NULL;
    cni_mutex_init(&scan->mutex);
    code = build_scan(scan, request, err);
    if (code != CN_OK) {
        scan_close(&scan->base);
        return code;
    }
    *out_scan = &scan->base;
    return CN_OK;
}
