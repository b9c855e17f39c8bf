/* SPDX-License-Identifier: Apache-2.0
 *
 * RECURSIVE as a source: its first plan is executed, then the step again and again over the rows of
 * the step before, until one gives none. Each is an execution of its own in the group of the query;
 * no thread waits for it: who asks for a morsel meanwhile is BLOCKED, and woken when it is over.
 *
 *   IDLE -- asked --> STEPPING --(over, rows)--> GIVING -- asked, all read --> STEPPING ...
 *                        \--(over, no rows)--> OVER
 *
 * A step starts only when somebody asks and all rows of the one before have been read and passed
 * on (a morsel's end is told apart from its last chunk), so a LIMIT above ends an endless
 * recursion. Of the rows only those of the last step are kept, and the set of all where duplicates
 * are dropped. While a step is under way it counts in n_left of the run, which therefore outlives
 * it.
 */
#include "exec/pipeline/pipeline_int.h"
#include "exec/pipeline/recursive_seen.h"
#include "runtime/pressure.h"

typedef enum recursive_state {
    RECURSIVE_IDLE,
    RECURSIVE_STEPPING,
    RECURSIVE_GIVING,
    RECURSIVE_OVER
} recursive_state;

typedef struct recursive_scan {
    cni_scan base;
    cni_pipe_run *run; /* borrowed */
    const cni_phys_recursive *spec;
    int32_t n_columns;
    cni_seen_rows seen;
    cni_execution *nested;  /* the last one; its end has been told unless STEPPING */
    cni_atomic_i64 n_steps; /* counter */
    cni_mutex mutex;        /* guards the rest */
    recursive_state state;
    bool abandoned;
    cni_collected rows;   /* of the last step; immutable while it is GIVING or STEPPING */
    int64_t first_morsel; /* number of the first one over `rows` */
    int64_t n_handed;     /* morsels over `rows` that were handed out ... */
    int64_t n_reading;    /* ... and not read to their end */
    int32_t n_waiting;
    cni_waker waiting[CNI_MAX_WORKERS];
} recursive_scan;

typedef struct recursive_local {
    int64_t morsel;
    int64_t n_read; /* chunks of it */
} recursive_local;

/* ---- waiting; under the lock ---- */

/* Keep the waker; when there is no room, the one that comes out is to be woken. */
static cni_waker
add_waiting(recursive_scan *self, cni_waker own_waker)
{
    cni_waker pushed_out = {0};
    if (self->n_waiting == CNI_MAX_WORKERS) {
        pushed_out = self->waiting[0];
        self->waiting[0] = own_waker;
        return pushed_out;
    }
    self->waiting[self->n_waiting++] = own_waker;
    return pushed_out;
}

static int32_t
take_waiting(recursive_scan *self, cni_waker *out_wakers)
{
    const int32_t n_taken = self->n_waiting;
    memcpy(out_wakers, self->waiting, (size_t)n_taken * sizeof(*out_wakers));
    self->n_waiting = 0;
    return n_taken;
}

static void
wake_all(const cni_waker *own_wakers, int32_t n_wakers)
{
    for (int32_t at = 0; at < n_wakers; at++) {
        cni_waker_wake(own_wakers[at]);
    }
}

/* ---- steps ---- */

static cn_code
start_step(recursive_scan *self, cn_error *err)
{
    const bool first = cni_counter_add(&self->n_steps, 1) == 0;
    const cni_physical_plan *plan = first ? self->spec->base : self->spec->step;
    cni_execution *nested = NULL;
    cni_execution_close(CN_MOVE(self->nested));
    CN_TRY(cni_execution_new_nested(plan, self->run->execution, &self->base, &nested, err));
    cni_mutex_lock(&self->mutex);
    self->nested = nested;
    const bool abandoned = self->abandoned;
    cni_mutex_unlock(&self->mutex);
    if (abandoned) {
        cni_execution_abandon(nested);
    }
    return cni_execution_start(nested, err);
}

/* The state is STEPPING and the run counts the step. A failure fails the query. */
static void
begin_step(recursive_scan *self)
{
    cn_error err = CN_ERROR_INIT;
    cni_execution *execution = self->run->execution;
    if (start_step(self, &err) != CN_OK) {
        (void)cni_context_fail(execution->context, &err);
        cni_execution_notify(execution);
    }
}

/* What drop_seen() has in hand. */
typedef struct fresh_rows {
    cni_collected kept;    /* not given before */
    cni_collected segment; /* not given before, as far as the memory of the set knows */
    cni_atomic_ptr disk;
} fresh_rows;

static cn_code
spill_under_pressure(recursive_scan *self, cni_collected *rows, fresh_rows *fresh, cn_error *err)
{
    cni_context *context = self->run->execution->context;
    return cni_memory_should_spill(context->budget, context, rows->memory_bytes)
               ? cni_collected_spill(rows, 0, context, 1, &fresh->disk, err)
               : CN_OK;
}

/* Chunk `at` of `rows`, which may be on disk, goes to the end of `out_rows`, without the rows that
 * `drop` finds in the set. */
static cn_code
pass_on(recursive_scan *self, cni_collected *rows, int64_t at,
        cn_code (*drop)(cni_seen_rows *, cni_chunk *, cn_error *), fresh_rows *fresh,
        cni_collected *out_rows, cn_error *err)
{
    CN_TRY(cni_context_check(self->run->execution->context, err));
    if (cni_collected_on_disk(rows, at)) {
        CN_TRY(cni_collected_load(rows, at, &rows->chunks[at], err));
    }
    CN_TRY(drop(&self->seen, &rows->chunks[at], err));
    CN_TRY(cni_collected_add(out_rows, &rows->chunks[at], err));
    return spill_under_pressure(self, out_rows, fresh, err);
}

/* The segment's rows become kept ones, but for those that are on disk. */
static cn_code
settle(recursive_scan *self, fresh_rows *fresh, cn_error *err)
{
    int64_t n_stale = 0;
    CN_TRY(cni_seen_rows_settle(&self->seen, &n_stale, err));
    if (n_stale == 0) {
        CN_TRY(cni_collected_append(&fresh->kept, &fresh->segment, err));
        return spill_under_pressure(self, &fresh->kept, fresh, err);
    }
    for (int64_t at = 0; at < fresh->segment.n_chunks; at++) {
        CN_TRY(
            pass_on(self, &fresh->segment, at, cni_seen_rows_drop_stale, fresh, &fresh->kept, err));
    }
    cni_collected_done(&fresh->segment); /* empty, for the next one */
    return CN_OK;
}

/* Room for chunk `at` in the set. Each settling reads what is on disk, so the set leaves last:
 * first the rows in hand, whose order and places in the list stay. */
static cn_code
make_room(recursive_scan *self, cni_collected *rows, int64_t at, fresh_rows *fresh, cn_error *err)
{
    cni_context *context = self->run->execution->context;
    if (cni_seen_rows_should_spill(&self->seen, rows->chunks[at].n_rows)) {
        CN_TRY(cni_collected_spill(rows, 0, context, 1, &fresh->disk, err));
        CN_TRY(cni_collected_spill(&fresh->segment, 0, context, 1, &fresh->disk, err));
        CN_TRY(cni_collected_spill(&fresh->kept, 0, context, 1, &fresh->disk, err));
    }
    if (cni_seen_rows_should_spill(&self->seen, rows->chunks[at].n_rows)) {
        CN_TRY(settle(self, fresh, err));
        CN_TRY(cni_seen_rows_spill(&self->seen, err));
    }
    return CN_OK;
}

static cn_code
filter_seen(recursive_scan *self, cni_collected *rows, fresh_rows *fresh, cn_error *err)
{
    for (int64_t at = 0; at < rows->n_chunks; at++) {
        CN_TRY(make_room(self, rows, at, fresh, err));
        CN_TRY(pass_on(self, rows, at, cni_seen_rows_filter, fresh, &fresh->segment, err));
    }
    return settle(self, fresh, err);
}

/* Rows that were not given before. */
static cn_code
drop_seen(recursive_scan *self, cni_collected *rows, cn_error *err)
{
    fresh_rows fresh = {.disk = NULL};
    cni_collected_init(&fresh.kept, rows->allocator);
    cni_collected_init(&fresh.segment, rows->allocator);
    const cn_code code = filter_seen(self, rows, &fresh, err);
    cni_collected_disk_unref(cni_slot_claim(&fresh.disk, NULL));
    cni_collected_done(&fresh.segment);
    cni_collected_done(rows);
    *rows = fresh.kept;
    return code;
}

/* The rows of the step that is over take the place of the ones before, which nobody reads now. */
static cn_code
take_rows(recursive_scan *self, cn_error *err)
{
    cni_pipe_run *last = &self->nested->runs[self->nested->plan->n_pipelines - 1];
    if (cni_flag_consume(&last->finished) == 0 || last->ops[0] == NULL) {
        return CN_FAIL(err, CN_INTERNAL, "a recursion's step has stopped before its end");
    }
    cni_collected *fresh = cni_collect_rows(last->ops[0]);
    if (self->spec->distinct) {
        CN_TRY(drop_seen(self, fresh, err));
    }
    const int64_t n_morsels = cni_collected_morsels(&self->rows);
    cni_collected old = self->rows;
    self->rows = *fresh;
    cni_collected_init(fresh, old.allocator);
    cni_collected_done(&old);
    self->first_morsel += n_morsels;
    return CN_OK;
}

void
cni_recursive_scan_stepped(cni_scan *base)
{
    recursive_scan *self = (recursive_scan *)base;
    cni_pipe_run *run = self->run;
    cni_execution *execution = run->execution;
    cni_waker wakers[CNI_MAX_WORKERS];
    cn_error err = CN_ERROR_INIT;
    cni_mutex_lock(&self->mutex);
    const bool abandoned = self->abandoned;
    cni_mutex_unlock(&self->mutex);
    cn_code code = abandoned ? CN_OK : take_rows(self, &err);
    if (code == CN_OK) {
        cni_mutex_lock(&self->mutex);
        self->n_handed = 0;
        self->state = abandoned || self->rows.n_rows == 0 ? RECURSIVE_OVER : RECURSIVE_GIVING;
        const int32_t n_wakers = take_waiting(self, wakers);
        cni_mutex_unlock(&self->mutex);
        wake_all(wakers, n_wakers);
        code = cni_pipe_run_leave(run, &err); /* self may be gone now */
    }
    if (code != CN_OK) {
        (void)cni_context_fail(execution->context, &err);
        cni_execution_notify(execution);
    }
}

/* ---- the scan ---- */

/* True when a step is to be begun. Under the lock. */
static bool
hand_out(recursive_scan *self, int64_t *out_morsel, cni_morsel_answer *out_answer)
{
    *out_answer = CNI_MORSEL_BLOCKED;
    if (self->state == RECURSIVE_GIVING && self->n_handed < cni_collected_morsels(&self->rows)) {
        *out_morsel = self->first_morsel + self->n_handed++;
        self->n_reading++;
        *out_answer = CNI_MORSEL_TAKEN;
        return false;
    }
    if (self->state == RECURSIVE_OVER) {
        *out_answer = CNI_MORSEL_NONE;
        return false;
    }
    const bool begins =
        self->state == RECURSIVE_IDLE || (self->state == RECURSIVE_GIVING && self->n_reading == 0);
    if (begins) {
        self->state = RECURSIVE_STEPPING;
        cni_refcount_inc(&self->run->n_left); /* the asking worker is counted in it */
    }
    return begins;
}

static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    recursive_scan *self = (recursive_scan *)base;
    cni_morsel_answer answer = CNI_MORSEL_BLOCKED;
    cni_waker done = own_waker;
    cni_mutex_lock(&self->mutex);
    const bool begins = hand_out(self, out_morsel, &answer);
    if (answer == CNI_MORSEL_BLOCKED) {
        done = add_waiting(self, own_waker);
    }
    cni_mutex_unlock(&self->mutex);
    if (answer == CNI_MORSEL_BLOCKED) {
        cni_waker_wake(done);
    } else {
        cni_waker_drop(done);
    }
    if (begins) {
        begin_step(self);
    }
    return answer;
}

static cn_code
open_local(cni_scan *base, void **out_local, cn_error *err)
{
    const recursive_scan *self = (const recursive_scan *)base;
    recursive_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->rows.allocator, (int64_t)sizeof(*local), &local, err));
    local->morsel = -1;
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_scan *base, void *local)
{
    const recursive_scan *self = (const recursive_scan *)base;
    cni_dealloc(self->rows.allocator, local, (int64_t)sizeof(recursive_local));
}

/* What was read of the morsel has left this worker; the last one lets the next step begin. */
static void
end_morsel(recursive_scan *self)
{
    cni_waker wakers[CNI_MAX_WORKERS];
    int32_t n_wakers = 0;
    cni_mutex_lock(&self->mutex);
    self->n_reading--;
    if (self->n_reading == 0) {
        n_wakers = take_waiting(self, wakers);
    }
    cni_mutex_unlock(&self->mutex);
    wake_all(wakers, n_wakers);
}

static cn_code
read_chunk(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker,
           cni_chunk *inout_chunk, cni_read_answer *out_answer, cn_error *err)
{
    recursive_scan *self = (recursive_scan *)base;
    recursive_local *local = opaque;
    cni_waker_drop(own_waker);
    if (local->morsel != morsel) {
        *local = (recursive_local){.morsel = morsel};
    }
    const int64_t first = (morsel - self->first_morsel) * CNI_COLLECTED_MORSEL;
    const int64_t end = cni_min_i64(first + CNI_COLLECTED_MORSEL, self->rows.n_chunks);
    if (first + local->n_read == end) {
        *out_answer = CNI_READ_END;
        end_morsel(self);
        return CN_OK;
    }
    CN_TRY(cni_collected_read(&self->rows, first + local->n_read, NULL, self->n_columns,
                              inout_chunk, err));
    local->n_read++;
    inout_chunk->sequence = morsel;
    *out_answer = CNI_READ_CHUNK;
    return CN_OK;
}

static void
close_scan(cni_scan *base)
{
    recursive_scan *self = (recursive_scan *)base;
    cni_allocator *allocator = self->rows.allocator;
    cni_execution_close(self->nested);
    for (int32_t at = 0; at < self->n_waiting; at++) {
        cni_waker_drop(self->waiting[at]);
    }
    cni_seen_rows_done(&self->seen);
    cni_collected_done(&self->rows);
    cni_mutex_done(&self->mutex);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops recursive_ops = {
    .next_morsel = next_morsel,
    .open_local = open_local,
    .close_local = close_local,
    .read = read_chunk,
    .close = close_scan,
};

/* ---- for the others ---- */

void
cni_recursive_scan_abandon(cni_scan *base)
{
    recursive_scan *self = (recursive_scan *)base;
    if (base->ops != &recursive_ops) {
        return; /* nothing was to be read there */
    }
    cni_mutex_lock(&self->mutex);
    self->abandoned = true;
    cni_execution *nested = self->state == RECURSIVE_STEPPING ? self->nested : NULL;
    cni_mutex_unlock(&self->mutex);
    if (nested != NULL) {
        cni_execution_abandon(nested);
    }
}

const cni_collected *
cni_recursive_scan_rows(const cni_scan *base, int32_t *out_cte_id)
{
    const recursive_scan *self = (const recursive_scan *)base;
    *out_cte_id = self->spec->cte_id;
    return &self->rows;
}

int64_t
cni_recursive_scan_steps(const cni_scan *base)
{
    const recursive_scan *self = (const recursive_scan *)base;
    return base->ops == &recursive_ops ? cni_counter_get(&self->n_steps) : 0;
}

cn_code
cni_recursive_scan_new(cni_pipe_run *run, const cni_phys_branch *branch, cni_scan **out_scan,
                       cn_error *err)
{
    cni_allocator *allocator = run->execution->allocator;
    recursive_scan *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &recursive_ops;
    self->base.n_morsels = -1;
    self->run = run;
    self->spec = branch->recursive;
    self->n_columns = branch->n_columns;
    cni_seen_rows_init(&self->seen, allocator, run->execution->context);
    cni_collected_init(&self->rows, allocator);
    cni_mutex_init(&self->mutex);
    *out_scan = &self->base;
    return CN_OK;
}
