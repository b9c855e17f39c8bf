/* SPDX-License-Identifier: Apache-2.0
 *
 * The result: a bounded queue between the last pipeline's workers and whoever pulls.
 *
 *   order kept:  lists per morsel; only the head's chunks may be taken; an ended and emptied head
 * gives way to the next morsel in source order otherwise:   one list
 *
 * Bounds: the morsel at the head may put RESULT_HEAD_CHUNKS ahead of the consumer, the others
 * together RESULT_WORKER_CHUNKS per worker. Who finds no room is BLOCKED; its waker fires when
 * chunks were taken or the head has moved. The head itself always has room when its list is empty,
 * so the queue cannot lock up. All chunks together also keep to a sixteenth of the query's memory.
 *
 * When others need memory and the consumer does not come, chunks behind the next one to be taken
 * are written to disk (reclaim of the queue's own budget node). A chunk that is being written is
 * marked, stays in its list, and the consumer waits for it.
 */
#include "base/thread.h"
#include "exec/operator/held_morsels.h"
#include "exec/operator/operators.h"
#include "exec/operator/result_disk_int.h"
#include "runtime/pressure.h"

#define RESULT_HEAD_CHUNKS   16
#define RESULT_WORKER_CHUNKS 48
#define RESULT_BYTES_PART    16                  /* of the memory limit */
#define RESULT_MIN_BYTES     (INT64_C(1) << 20)  /* at least */
#define RESULT_ARM_BYTES     (INT64_C(64) << 10) /* chunks below are not worth a file */
#define RESULT_MAX_RESERVE   (INT64_C(4) << 20)

/* A producer that found no room. */
typedef struct result_waiter {
    cni_waker waker;
    int64_t sequence; /* that it wants to add to */
} result_waiter;

typedef struct result_operator {
    cni_operator base;
    cni_morsel_order order;
    void (*notify)(void *state);
    void *state;
    int64_t max_chunks;
    int64_t max_bytes;
    cni_atomic_i64 armed; /* slot: 1 = `node` is being made, 2 = it is there */
    cni_budget *node;     /* asked to give memory back; holds what writing takes */
    cni_result_disk disk;
    cni_mutex mutex;  /* guards the rest */
    cni_cond settled; /* a chunk is no longer LEAVING */
    bool spilling;    /* by one thread at a time */
    int64_t n_bytes;  /* of all chunks, wherever they are */
    int64_t head;
    cni_held_morsel *morsels; /* ordered; the one list without order has sequence 0 */
    int64_t n_chunks;         /* in all lists */
    int64_t n_head_chunks;    /* in the head's */
    bool finished;            /* all workers have ended */
    bool announced;           /* the consumer knows that there is something to take */
    int32_t n_waiting;
    result_waiter *waiting; /* n_workers */
} result_operator;

/* Per worker: the morsel that it fills, so that no push looks for it. */
typedef struct result_local {
    cni_held_morsel *morsel; /* borrowed from the operator's list */
    int64_t sequence;
} result_local;

static cni_allocator *
memory_of(const result_operator *self)
{
    return self->base.context->allocator;
}

static void
close_result(cni_operator *base)
{
    result_operator *self = (result_operator *)base;
    cni_allocator *allocator = memory_of(self);
    if (self->node != NULL) {
        cni_budget_set_reclaim(self->node, NULL, NULL);
        (void)cni_budget_put_by(self->node, 0);
        cni_budget_unref(self->node);
    }
    for (int32_t at = 0; at < self->n_waiting; at++) {
        cni_waker_drop(self->waiting[at].waker);
    }
    cni_dealloc(allocator, self->waiting, base->n_workers * (int64_t)sizeof(*self->waiting));
    cni_held_morsels_free(allocator, self->morsels);
    cni_result_disk_done(&self->disk);
    cni_cond_done(&self->settled);
    cni_mutex_done(&self->mutex);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    result_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(base->context->allocator, (int64_t)sizeof(*local), &local, err));
    local->sequence = -1;
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_operator *base, void *local)
{
    cni_dealloc(base->context->allocator, local, (int64_t)sizeof(result_local));
}

/* ---- the head; all under the lock ---- */

static cni_held_morsel *
head_morsel(result_operator *self)
{
    if (!self->base.keep_order || self->finished) {
        return self->morsels; /* once all have ended, what is first is next */
    }
    self->head = self->order.resolve(self->order.state, self->head);
    cni_held_morsel *first = self->morsels;
    return first != NULL && first->sequence == self->head ? first : NULL;
}

/* Drop heads that have ended and are empty; gives them as a list. True in *out_moved when some
 * were. */
static cni_held_morsel *
move_head(result_operator *self)
{
    cni_held_morsel *dropped = NULL;
    cni_held_morsel *head = head_morsel(self);
    while (head != NULL && head->ended && head->first == NULL) {
        self->morsels = head->next;
        self->head = head->sequence + 1;
        head->next = dropped;
        dropped = head;
        head = head_morsel(self);
    }
    if (dropped != NULL) {
        self->n_head_chunks = 0;
        for (cni_held_chunk *chunk = head == NULL ? NULL : head->first; chunk != NULL;
             chunk = chunk->next) {
            self->n_head_chunks++;
        }
    }
    return dropped;
}

/* Whether chunks of this morsel are those that the consumer takes next. */
static bool
is_head(result_operator *self, int64_t sequence)
{
    if (!self->base.keep_order) {
        return false;
    }
    self->head = self->order.resolve(self->order.state, self->head);
    return sequence == self->head;
}

static bool
has_room(result_operator *self, const cni_chunk *chunk)
{
    if (chunk->n_rows == 0) {
        return true; /* the end of a morsel takes no room */
    }
    if (is_head(self, chunk->sequence)) {
        return self->n_head_chunks == 0 ||
               (self->n_head_chunks < RESULT_HEAD_CHUNKS && self->n_bytes < self->max_bytes);
    }
    return self->n_chunks == 0 ||
           (self->n_chunks < self->max_chunks && self->n_bytes < self->max_bytes);
}

/* Take the producers off that should try again, which is when half the room is free; gives how many
 * are in `out_wakers` (n_workers places). */
static int32_t
take_waiting(result_operator *self, cni_waker *out_wakers)
{
    int32_t n_taken = 0;
    int32_t n_left = 0;
    for (int32_t at = 0; at < self->n_waiting; at++) {
        const result_waiter waiter = self->waiting[at];
        const bool has_turn = is_head(self, waiter.sequence)
                                  ? self->n_head_chunks <= RESULT_HEAD_CHUNKS / 2
                                  : self->n_chunks <= self->max_chunks / 2;
        if (has_turn && (self->n_chunks == 0 || self->n_head_chunks == 0 ||
                         self->n_bytes <= self->max_bytes / 2)) {
            out_wakers[n_taken++] = waiter.waker;
        } else {
            self->waiting[n_left++] = waiter;
        }
    }
    self->n_waiting = n_left;
    return n_taken;
}

static void
wake_all(const cni_waker *own_wakers, int32_t n)
{
    for (int32_t at = 0; at < n; at++) {
        cni_waker_wake(own_wakers[at]);
    }
}

/* ---- giving memory back ---- */

static bool
may_leave(const cni_held_chunk *chunk)
{
    return chunk->place == CNI_HELD_IN_MEMORY && chunk->chunk.n_columns > 0 &&
           chunk->chunk.n_rows > 0 && chunk->chunk.selection.kind == CNI_SEL_NONE;
}

/* The chunk that is taken last, of those that may leave; the first one of all stays. Under the
 * lock.
 */
static cni_held_chunk *
pick_leaving(const result_operator *self)
{
    cni_held_chunk *last = NULL;
    for (const cni_held_morsel *list = self->morsels; list != NULL; list = list->next) {
        for (cni_held_chunk *chunk = list->first; chunk != NULL; chunk = chunk->next) {
            const bool is_first = list == self->morsels && chunk == list->first;
            last = may_leave(chunk) && !is_first ? chunk : last;
        }
    }
    if (last != NULL) {
        last->place = CNI_HELD_LEAVING;
    }
    return last;
}

/* Write one chunk out; gives what it released, 0 when there is none or it failed, which leaves the
 * chunk where it is. */
static int64_t
spill_one(result_operator *self)
{
    cni_chunk gone = {0};
    cni_mutex_lock(&self->mutex);
    cni_held_chunk *held = self->spilling ? NULL : pick_leaving(self);
    self->spilling = self->spilling || held != NULL;
    cni_mutex_unlock(&self->mutex);
    if (held == NULL) {
        return 0;
    }
    const int64_t n_bytes = held->n_bytes;
    const bool written =
        cni_result_disk_write(&self->disk, self->base.context, held, NULL) == CN_OK;
    cni_mutex_lock(&self->mutex);
    held->place = written ? CNI_HELD_ON_DISK : CNI_HELD_IN_MEMORY;
    if (written) {
        const int64_t n_rows = held->chunk.n_rows;
        const int64_t sequence = held->chunk.sequence;
        cni_chunk_move(&gone, &held->chunk);
        held->chunk.n_rows = n_rows;
        held->chunk.sequence = sequence;
    }
    self->spilling = false;
    cni_cond_broadcast(&self->settled);
    cni_mutex_unlock(&self->mutex);
    cni_chunk_done(&gone);
    return written ? n_bytes : 0;
}

static int64_t
reclaim(void *state, int64_t n_bytes)
{
    result_operator *self = state;
    int64_t n_released = 0;
    for (int64_t n = 1; n > 0 && n_released < n_bytes; n_released += n) {
        n = spill_one(self);
    }
    return n_released;
}

/* What writing takes: full chunks like this one, which may be a small one, as far as the queue may
 * hold so much. */
static int64_t
reserve_for(const result_operator *self, const cni_chunk *chunk, int64_t chunk_bytes)
{
    const int64_t full_rows = cni_max_i64(self->base.context->settings.chunk_rows, chunk->n_rows);
    const int64_t full_bytes = chunk_bytes / cni_max_i64(chunk->n_rows, 1) * full_rows;
    const int64_t most = cni_max_i64(3 * chunk_bytes, self->max_bytes / 2);
    return cni_min_i64(cni_min_i64(3 * full_bytes, most), RESULT_MAX_RESERVE);
}

/* The first chunk of some size makes the queue one that others may ask. */
static cn_code
arm(result_operator *self, const cni_chunk *chunk, int64_t chunk_bytes, cn_error *err)
{
    cni_context *context = self->base.context;
    const bool worth = chunk_bytes >= RESULT_ARM_BYTES || context->settings.test_spill;
    if (!worth || context->spill == NULL || !cni_slot_swap(&self->armed, 0, 1)) {
        return CN_OK;
    }
    CN_TRY(cni_budget_new(context->budget, "result", CNI_BUDGET_UNLIMITED, &self->node, err));
    (void)cni_budget_put_by(self->node, reserve_for(self, chunk, chunk_bytes));
    cni_budget_set_reclaim(self->node, reclaim, self);
    return CN_OK;
}

/* ---- producers ---- */

/* What one push brings and takes away, prepared outside the lock. */
typedef struct result_delivery {
    int64_t sequence;
    bool ends_morsel;
    cni_held_morsel *list;    /* that the chunk joins, as far as it is known */
    cni_held_morsel *fresh;   /* becomes that list when there is none yet */
    cni_held_chunk *chunk;    /* NULL: only an end */
    cni_held_morsel *dropped; /* to be freed */
    bool moved;               /* the head has moved */
    bool notify;              /* the consumer may take again */
} result_delivery;

/* The list that the chunk joins; `fresh` is used up when it is a new one. */
static cni_held_morsel *
find_list(result_operator *self, result_delivery *delivery)
{
    if (delivery->list == NULL) {
        delivery->list = cni_held_morsels_find(self->morsels, delivery->sequence);
    }
    if (delivery->list == NULL) {
        cni_held_morsels_insert(&self->morsels, delivery->fresh);
        delivery->list = CN_MOVE(delivery->fresh);
    }
    return delivery->list;
}

/* Under the lock. */
static void
deliver(result_operator *self, result_local *local, result_delivery *delivery)
{
    cni_held_morsel *list = find_list(self, delivery);
    CN_ASSERT(list != NULL); /* `fresh` is there when `list` was not */
    local->morsel = list;
    local->sequence = delivery->sequence;
    if (delivery->chunk != NULL) {
        self->n_bytes += delivery->chunk->n_bytes;
        cni_held_morsel_add(list, CN_MOVE(delivery->chunk));
        self->n_chunks++;
        self->n_head_chunks += list == head_morsel(self) ? 1 : 0;
    }
    if (delivery->ends_morsel) {
        list->ended = true;
        local->morsel = NULL;
    }
    delivery->dropped = move_head(self);
    delivery->moved = delivery->dropped != NULL;
    const cni_held_morsel *head = head_morsel(self);
    const bool can_take = head != NULL && head->first != NULL;
    delivery->notify = can_take && !self->announced;
    self->announced = can_take;
}

static cn_code
prepare(result_operator *self, const result_local *local, cni_chunk *chunk,
        result_delivery *out_delivery, cn_error *err)
{
    *out_delivery = (result_delivery){
        .sequence = self->base.keep_order ? chunk->sequence : 0,
        .ends_morsel = self->base.keep_order && chunk->ends_morsel,
    };
    if (local->morsel != NULL && local->sequence == out_delivery->sequence) {
        out_delivery->list = local->morsel;
    } else {
        CN_TRY(cni_held_morsel_new(memory_of(self), out_delivery->sequence, &out_delivery->fresh,
                                   err));
    }
    cn_code code = CN_OK;
    if (chunk->n_rows > 0) {
        code = cni_held_chunk_new(memory_of(self), chunk, &out_delivery->chunk, err);
    }
    if (code != CN_OK) {
        cni_held_morsel_free(memory_of(self), out_delivery->fresh);
    } else if (out_delivery->chunk != NULL) {
        out_delivery->chunk->n_bytes = cni_chunk_memory(&out_delivery->chunk->chunk);
        code = arm(self, &out_delivery->chunk->chunk, out_delivery->chunk->n_bytes, err);
        if (code != CN_OK) {
            cni_held_morsel_free(memory_of(self), out_delivery->fresh);
            cni_held_chunk_free(memory_of(self), out_delivery->chunk);
        }
    }
    return code;
}

/* True when there is room; otherwise the waker is kept. */
static bool
enter(result_operator *self, const cni_chunk *chunk, cni_waker own_waker)
{
    cni_mutex_lock(&self->mutex);
    const bool room = has_room(self, chunk) || self->n_waiting == self->base.n_workers;
    if (!room) {
        self->waiting[self->n_waiting++] = (result_waiter){own_waker, chunk->sequence};
    }
    cni_mutex_unlock(&self->mutex);
    if (room) {
        cni_waker_drop(own_waker);
    }
    return room;
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    result_operator *self = (result_operator *)base;
    result_local *local = opaque;
    result_delivery delivery = {0};
    cni_waker wakers[CNI_MAX_WORKERS];
    int32_t n_wakers = 0;
    *out_answer = CNI_OP_BLOCKED;
    if (!enter(self, chunk, own_waker)) {
        return CN_OK;
    }
    *out_answer = CNI_OP_NEED_MORE;
    if (cni_chunk_is_blank(chunk)) {
        return CN_OK;
    }
    CN_TRY(prepare(self, local, chunk, &delivery, err));
    cni_mutex_lock(&self->mutex);
    deliver(self, local, &delivery);
    if (delivery.moved) {
        n_wakers = take_waiting(self, wakers);
    }
    cni_mutex_unlock(&self->mutex);
    wake_all(wakers, n_wakers);
    cni_held_morsel_free(memory_of(self), delivery.fresh);
    cni_held_morsels_free(memory_of(self), delivery.dropped);
    if (delivery.notify) {
        self->notify(self->state);
    }
    if (base->context->settings.test_spill && base->context->spill != NULL) {
        (void)spill_one(self);
    }
    return CN_OK;
}

/* All workers have ended: what is left is in order whatever the source said about its end. */
static int32_t
finalize_tasks(cni_operator *base)
{
    result_operator *self = (result_operator *)base;
    cni_mutex_lock(&self->mutex);
    self->finished = true;
    cni_mutex_unlock(&self->mutex);
    return 0;
}

/* ---- the consumer ---- */

/* The head with something to take, or NULL; what is passed over goes to *out_dropped. Under the
 * lock. */
static cni_held_morsel *
find_head(result_operator *self, cni_held_morsel **out_dropped)
{
    *out_dropped = move_head(self);
    cni_held_morsel *head = head_morsel(self);
    while (self->finished && head != NULL && head->first == NULL) {
        self->morsels = head->next; /* ended, whether it said so or not */
        head->next = *out_dropped;
        *out_dropped = head;
        head = self->morsels;
    }
    self->announced = head != NULL && head->first != NULL;
    return self->announced ? head : NULL;
}

bool
cni_result_has_chunk(cni_operator *base)
{
    result_operator *self = (result_operator *)base;
    cni_waker wakers[CNI_MAX_WORKERS];
    cni_held_morsel *dropped = NULL;
    cni_mutex_lock(&self->mutex);
    const bool has_chunk = find_head(self, &dropped) != NULL;
    const int32_t n_wakers = take_waiting(self, wakers); /* the head may have moved */
    cni_mutex_unlock(&self->mutex);
    wake_all(wakers, n_wakers);
    cni_held_morsels_free(memory_of(self), dropped);
    return has_chunk;
}

cni_result_answer
cni_result_take(cni_operator *base, cni_chunk *inout_chunk)
{
    result_operator *self = (result_operator *)base;
    cni_waker wakers[CNI_MAX_WORKERS];
    cni_held_morsel *dropped = NULL;
    cni_held_chunk *taken = NULL;
    cni_mutex_lock(&self->mutex);
    cni_held_morsel *head = find_head(self, &dropped);
    while (head != NULL && head->first->place == CNI_HELD_LEAVING) {
        cni_cond_wait(&self->settled, &self->mutex); /* only this thread takes: it stays first */
    }
    if (head != NULL) {
        taken = cni_held_morsel_take(head);
        self->n_bytes -= taken->n_bytes;
        self->n_chunks--;
        self->n_head_chunks = cni_max_i64(self->n_head_chunks - 1, 0);
        self->announced = head->first != NULL;
    }
    const int32_t n_wakers = take_waiting(self, wakers);
    cni_mutex_unlock(&self->mutex);
    wake_all(wakers, n_wakers);
    cni_held_morsels_free(memory_of(self), dropped);
    if (taken == NULL) {
        return CNI_RESULT_EMPTY;
    }
    cn_error err = CN_ERROR_INIT;
    const cn_code code =
        taken->place == CNI_HELD_ON_DISK ? cni_result_disk_read(&self->disk, taken, &err) : CN_OK;
    if (code == CN_OK) {
        cni_chunk_swap(inout_chunk, &taken->chunk);
    } else {
        (void)cni_context_fail(base->context, &err);
    }
    cni_held_chunk_free(memory_of(self), taken);
    return code == CN_OK ? CNI_RESULT_CHUNK : CNI_RESULT_EMPTY;
}

static const cni_operator_ops result_ops = {
    .name = "Result",
    .open_local = open_local,
    .push = push,
    .on_watermark = cni_operator_pass_watermark, /* rows leave as they come */
    .finalize_tasks = finalize_tasks,
    .close_local = close_local,
    .close = close_result,
};

cn_code
cni_result_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                        void (*notify)(void *state), void *state, cni_operator **out_operator,
                        cn_error *err)
{
    cni_allocator *allocator = env->context->allocator;
    result_operator *self = NULL;
    result_waiter *waiting = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    const cn_code code =
        cni_alloc_array(allocator, env->n_workers, (int64_t)sizeof(*waiting), &waiting, err);
    if (code != CN_OK) {
        cni_dealloc(allocator, self, (int64_t)sizeof(*self));
        return code;
    }
    cni_operator_init(&self->base, &result_ops, env, spec->plan);
    self->order = env->order;
    self->notify = notify;
    self->state = state;
    self->max_bytes =
        cni_max_i64(cni_memory_limit(env->context->budget) / RESULT_BYTES_PART, RESULT_MIN_BYTES);
    self->max_chunks = RESULT_HEAD_CHUNKS;
    self->max_chunks += (env->keep_order ? RESULT_WORKER_CHUNKS : 1) * (int64_t)env->n_workers;
    self->waiting = waiting;
    self->head = cni_sequence_of(spec->first_branch, 0);
    cni_mutex_init(&self->mutex);
    cni_cond_init(&self->settled);
    *out_operator = &self->base;
    return CN_OK;
}
