/* SPDX-License-Identifier: Apache-2.0
 *
 * Limit: rows [offset, offset + limit) of its input. Where order is kept these are the rows at
 * those places of source order, for any number of workers:
 *
 *   head = the first morsel in source order that has not ended; head_rows = rows before it
 *   a worker in the head morsel knows where its rows are and passes them on;
 *   a worker in a later one holds them (never more than offset + limit), and whoever ends the head
 *   morsel passes on what was held behind it, morsel by morsel.
 *
 *   push ----- head? ---> out -> next            end of the head: held morsels -> out
 *        \---- later ---> current -(ends)-> held
 *
 * Every morsel's end comes out once, in order. Without order rows are counted as they come.
 */
#include "base/thread.h"
#include "exec/operator/held_morsels.h"
#include "exec/operator/operators.h"

typedef struct limit_operator {
    cni_operator base;
    int64_t first_row; /* of the rows to give */
    int64_t end_row;   /* behind the last; INT64_MAX = all */
    cni_morsel_order order;
    cni_atomic_i64 counted; /* counter: rows seen, without order */
    cni_atomic_i64 done;    /* flag: all rows are there */
    cni_atomic_i64 enough;  /* flag: they are in morsels that were handed out */
    cni_atomic_i64 head;    /* flag: read outside the lock, written under it */
    cni_mutex mutex;        /* guards the rest */
    int64_t head_rows;
    int64_t held_rows;
    cni_held_morsel *held;
} limit_operator;

typedef struct limit_local {
    cni_held_morsel *current; /* the morsel under way, while rows of it wait */
    int64_t current_rows;     /* rows of it that were passed on as the head's */
    cni_held_morsel *out;     /* what may leave: rows already cut, list in order */
    cni_chunk spare;          /* cut chunks are made here */
    bool at_end;              /* the morsel of the last push has ended */
} limit_local;

static cni_allocator *
memory_of(const limit_operator *self)
{
    return self->base.context->allocator;
}

/* ---- life ---- */

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    limit_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(base->context->allocator, (int64_t)sizeof(*local), &local, err));
    cni_chunk_init(&local->spare, base->context->allocator);
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_operator *base, void *opaque)
{
    limit_local *local = opaque;
    cni_allocator *allocator = base->context->allocator;
    if (local != NULL) {
        cni_held_morsel_free(allocator, local->current);
        cni_held_morsels_free(allocator, local->out);
        cni_chunk_done(&local->spare);
        cni_dealloc(allocator, local, (int64_t)sizeof(*local));
    }
}

static void
close_limit(cni_operator *base)
{
    limit_operator *self = (limit_operator *)base;
    cni_held_morsels_free(memory_of(self), self->held);
    cni_mutex_done(&self->mutex);
    cni_dealloc(memory_of(self), self, (int64_t)sizeof(*self));
}

/* ---- cutting ---- */

/* The part of `chunk`, whose first row has number `row`, that the limit lets through, moved to
 * `out` (initialised). */
static cn_code
cut(const limit_operator *self, cni_chunk *chunk, int64_t row, cni_chunk *out, cn_error *err)
{
    const int64_t begin = cni_max_i64(self->first_row, row);
    const int64_t end = cni_min_i64(self->end_row, row + chunk->n_rows);
    cni_chunk_reset(out);
    if (begin == row && end == row + chunk->n_rows) {
        cni_chunk_swap(out, chunk);
    } else if (begin < end) {
        CN_TRY(cni_chunk_slice(out, chunk, begin - row, end - begin, err));
    }
    return CN_OK;
}

/* ---- in order ---- */

/* Append to the local's morsel under way. Rows that cannot be among the first end_row are dropped.
 */
static cn_code
hold(const limit_operator *self, limit_local *local, cni_chunk *chunk, cn_error *err)
{
    if (local->current == NULL) {
        CN_TRY(cni_held_morsel_new(memory_of(self), chunk->sequence, &local->current, err));
    }
    const int64_t known_rows = local->current_rows + local->current->n_rows;
    if (chunk->n_rows > 0 && known_rows < self->end_row && cni_flag_consume(&self->done) == 0) {
        cni_held_chunk *held = NULL;
        const int64_t sequence = chunk->sequence;
        const bool ends_morsel = chunk->ends_morsel;
        CN_TRY(cni_held_chunk_new(memory_of(self), chunk, &held, err));
        chunk->sequence = sequence;
        chunk->ends_morsel = ends_morsel;
        held->chunk.ends_morsel = false;
        cni_held_morsel_add(local->current, held);
    }
    return CN_OK;
}

static void
append_out(limit_local *local, cni_held_morsel *own_held)
{
    cni_held_morsel **link = &local->out;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    own_held->next = NULL;
    *link = own_held;
}

/* Cut the chunks of a morsel whose first waiting row has number `row`. */
static cn_code
cut_morsel(const limit_operator *self, limit_local *local, cni_held_morsel *held, int64_t row,
           cn_error *err)
{
    for (cni_held_chunk *chunk = held->first; chunk != NULL; chunk = chunk->next) {
        const int64_t n_rows = chunk->chunk.n_rows;
        CN_TRY(cut(self, &chunk->chunk, row, &local->spare, err));
        cni_chunk_swap(&chunk->chunk, &local->spare);
        row += n_rows;
    }
    return CN_OK;
}

/* Take the morsels that may leave now off the held list, in order; *out_row = number of the first
 * one's first row. Under the lock. */
static cni_held_morsel *
release_held(limit_operator *self, int64_t *out_row)
{
    cni_held_morsel *first = NULL;
    cni_held_morsel **last = &first;
    int64_t head = self->order.resolve(self->order.state, cni_flag_consume(&self->head));
    *out_row = self->head_rows;
    while (self->held != NULL && self->held->sequence == head) {
        cni_held_morsel *held = self->held;
        self->held = held->next;
        held->next = NULL;
        *last = held;
        last = &held->next;
        self->head_rows += held->n_rows;
        self->held_rows -= held->n_rows;
        head = self->order.resolve(self->order.state, head + 1);
    }
    cni_flag_publish(&self->head, head);
    if (self->head_rows >= self->end_row) {
        cni_flag_publish(&self->done, 1);
    }
    return first;
}

/* Pass on what may leave, and `own_ended` with it when its turn has come (NULL = none has ended).
 * It joins the held ones in the same step: of a morsel whose first rows this worker has passed on,
 * nobody else may pass on the rest. */
static cn_code
release(limit_operator *self, limit_local *local, cni_held_morsel *own_ended, cn_error *err)
{
    int64_t row = 0;
    cni_mutex_lock(&self->mutex);
    if (own_ended != NULL) {
        cni_held_morsels_insert(&self->held, own_ended);
        self->held_rows += own_ended->n_rows;
    }
    if (self->head_rows + self->held_rows >= self->end_row) {
        cni_flag_publish(&self->enough, 1); /* what is claimed from now on comes behind them */
    }
    cni_held_morsel *held = release_held(self, &row);
    cni_mutex_unlock(&self->mutex);
    cn_code code = CN_OK;
    while (held != NULL) {
        cni_held_morsel *following = held->next;
        const int64_t n_rows = held->n_rows;
        if (code == CN_OK) {
            code = cut_morsel(self, local, held, row, err);
        }
        append_out(local, held);
        row += n_rows;
        held = following;
    }
    return code;
}

/* The local's morsel has ended. */
static cn_code
end_morsel(limit_operator *self, limit_local *local, cn_error *err)
{
    cni_held_morsel *ended = CN_MOVE(local->current);
    ended->ended = true;
    local->current_rows = 0;
    return release(self, local, ended, err);
}

/* The worker is in the head morsel: what it holds may leave before the morsel ends. */
static cn_code
pass_on_head(limit_operator *self, limit_local *local, cn_error *err)
{
    cni_held_morsel *leaving = local->current;
    if (leaving->n_rows == 0) {
        return CN_OK;
    }
    cni_mutex_lock(&self->mutex);
    const int64_t row = self->head_rows;
    self->head_rows += leaving->n_rows;
    if (self->head_rows >= self->end_row) {
        cni_flag_publish(&self->done, 1);
    }
    cni_mutex_unlock(&self->mutex);
    local->current = NULL;
    local->current_rows += leaving->n_rows;
    const cn_code code = cut_morsel(self, local, leaving, row, err);
    append_out(local, leaving);
    return code;
}

static cn_code
push_ordered(limit_operator *self, limit_local *local, cni_chunk *chunk, cn_error *err)
{
    CN_TRY(hold(self, local, chunk, err));
    if (chunk->ends_morsel) {
        return end_morsel(self, local, err);
    }
    if (cni_flag_consume(&self->head) == chunk->sequence) {
        return pass_on_head(self, local, err);
    }
    return CN_OK;
}

/* ---- without order ---- */

static cn_code
push_unordered(limit_operator *self, limit_local *local, cni_chunk *chunk, cn_error *err)
{
    cni_held_morsel *held = NULL;
    cni_held_chunk *held_chunk = NULL;
    const int64_t n_rows = chunk->n_rows;
    const int64_t row = cni_counter_add(&self->counted, n_rows);
    if (row + n_rows >= self->end_row) {
        cni_flag_publish(&self->done, 1);
    }
    if (n_rows == 0 || row >= self->end_row || row + n_rows <= self->first_row) {
        return CN_OK;
    }
    CN_TRY(cut(self, chunk, row, &local->spare, err));
    CN_TRY(cni_held_morsel_new(memory_of(self), chunk->sequence, &held, err));
    append_out(local, held);
    CN_TRY(cni_held_chunk_new(memory_of(self), &local->spare, &held_chunk, err));
    cni_held_morsel_add(held, held_chunk);
    return CN_OK;
}

/* ---- the contract ---- */

static cni_op_answer
answer_of(const limit_operator *self, const limit_local *local)
{
    if (local->out != NULL) {
        return CNI_OP_HAVE_MORE;
    }
    const bool holds_all =
        local->current != NULL && local->current_rows + local->current->n_rows >= self->end_row;
    const bool done = holds_all || cni_flag_consume(&self->done) != 0 ||
                      (local->at_end && cni_flag_consume(&self->enough) != 0);
    return done ? CNI_OP_DONE : CNI_OP_NEED_MORE;
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    limit_operator *self = (limit_operator *)base;
    limit_local *local = opaque;
    cni_waker_drop(own_waker);
    local->at_end = chunk->ends_morsel;
    if (base->keep_order) {
        CN_TRY(push_ordered(self, local, chunk, err));
    } else if (cni_flag_consume(&self->done) == 0) {
        CN_TRY(push_unordered(self, local, chunk, err));
    }
    *out_answer = answer_of(self, local);
    return CN_OK;
}

/* Next chunk of the first morsel that may leave; its end goes with its last chunk. */
static void
give(limit_operator *self, limit_local *local, cni_chunk *out_chunk)
{
    cni_held_morsel *held = local->out;
    cni_held_chunk *chunk = cni_held_morsel_take(held);
    while (chunk != NULL && chunk->chunk.n_rows == 0 && held->first != NULL) {
        cni_held_chunk_free(memory_of(self), chunk); /* cut away */
        chunk = cni_held_morsel_take(held);
    }
    if (chunk != NULL) {
        cni_chunk_swap(out_chunk, &chunk->chunk);
        cni_held_chunk_free(memory_of(self), chunk);
    }
    out_chunk->sequence = held->sequence;
    out_chunk->ends_morsel = false;
    if (held->first == NULL) {
        out_chunk->ends_morsel = held->ended;
        local->out = held->next;
        cni_held_morsel_free(memory_of(self), held);
    }
}

static cn_code
next(cni_operator *base, void *opaque, cni_chunk *out_chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    limit_operator *self = (limit_operator *)base;
    limit_local *local = opaque;
    (void)err;
    cni_waker_drop(own_waker);
    if (local->out != NULL) {
        give(self, local, out_chunk);
    }
    *out_answer = answer_of(self, local);
    return CN_OK;
}

static cn_code
flush(cni_operator *base, void *opaque, cni_flush_reason reason, cn_error *err)
{
    limit_operator *self = (limit_operator *)base;
    return base->keep_order && reason == CNI_FLUSH_INPUT ? release(self, opaque, NULL, err) : CN_OK;
}

static const cni_operator_ops limit_ops = {
    .name = "Limit",
    .open_local = open_local,
    .push = push,
    .next = next,
    .flush = flush,
    .on_watermark =
        cni_operator_pass_watermark, /* all morsels have ended before it: nothing is held */
    .close_local = close_local,
    .close = close_limit,
};

cn_code
cni_limit_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                       cni_operator **out_operator, cn_error *err)
{
    limit_operator *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &limit_ops, env, spec->plan);
    self->first_row = spec->offset;
    self->end_row = INT64_MAX;
    if (spec->limit != CNI_NO_LIMIT &&
        __builtin_add_overflow(spec->offset, spec->limit, &self->end_row)) {
        self->end_row = INT64_MAX;
    }
    self->order = env->order;
    cni_mutex_init(&self->mutex);
    cni_flag_publish(&self->head, cni_sequence_of(spec->first_branch, 0));
    cni_flag_publish(&self->done, self->end_row == 0 ? 1 : 0);
    *out_operator = &self->base;
    return CN_OK;
}
