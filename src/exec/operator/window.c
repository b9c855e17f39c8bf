/* SPDX-License-Identifier: Apache-2.0
 *
 * Window: numbers the rows of a sort as they come. The rows of a morsel depend on what is before
 * it, so the morsels of many workers hand on where they ended:
 *
 *   push -> step, values -----known?-----> out -> next
 *               \--------- not yet -----> held; at the morsel's end next() waits
 *   head = the first morsel in source order that has not handed on; carry = where the one before it
 *   ended. Who ends the head hands on for every ended one behind it, so that a worker waits only
 * for morsels that are still read; when it has its carry it sets its values right and goes on.
 *
 * Comparing and numbering go on in parallel, and a worker holds one morsel at most: a range of the
 * sort below, whose rows follow the memory that is left. What is held is charged to the operator's
 * own node, numbers and lists there, columns that are passed on where they were made. Without keys
 * and order each chunk takes the next numbers as it comes.
 */
#include "base/thread.h"
#include "exec/operator/held_morsels.h"
#include "exec/operator/window_int.h"

/* A worker's morsel. The shared list borrows it from its end until it has its carry. */
typedef struct window_morsel {
    struct window_morsel *next; /* in the list, by sequence */
    int64_t sequence;
    cni_window_run run;
    /* under the operator's lock while it is listed */
    bool listed;
    bool has_carry;
    cni_window_count carry;
    cni_window_link link;
    cni_waker waker;
} window_morsel;

typedef struct window_operator {
    cni_operator base;
    const cni_phys_window *spec;
    cni_morsel_order order;
    cni_atomic_i64 counted; /* counter: rows seen, without order */
    cni_atomic_i64 head;    /* flag: read outside the lock, written under it */
    cni_mutex mutex;        /* guards the rest */
    cni_window_count carry; /* before the head's first row */
    cni_vector *carry_keys;
    window_morsel *ended;
} window_operator;

typedef struct window_local {
    window_morsel morsel;
    bool active;       /* the morsel has begun */
    bool waiting;      /* it has ended and waits for its carry */
    int64_t held_rows; /* of `held` */
    cni_held_morsel *held;
    cni_held_morsel *out;
    cni_window_scratch scratch;
} window_local;

static cni_allocator *
memory_of(const window_operator *self)
{
    return cni_budget_allocator(self->base.budget);
}

/* ---- life ---- */

static cn_code
new_keys(const window_operator *self, cni_vector **out_keys, cn_error *err)
{
    return cni_alloc_zeroed(memory_of(self),
                            (int64_t)(self->spec->n_keys + 1) * (int64_t)sizeof(**out_keys),
                            out_keys, err);
}

static void
free_keys(const window_operator *self, cni_vector *keys)
{
    if (keys != NULL) {
        cni_window_keys_drop(keys, self->spec->n_keys);
        cni_dealloc(memory_of(self), keys,
                    (int64_t)(self->spec->n_keys + 1) * (int64_t)sizeof(*keys));
    }
}

static cn_code
open_local(cni_operator *base, void **out_local, cn_error *err)
{
    const window_operator *self = (const window_operator *)base;
    window_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(memory_of(self), (int64_t)sizeof(*local), &local, err));
    *out_local = local;
    CN_TRY(new_keys(self, &local->morsel.run.first, err));
    CN_TRY(new_keys(self, &local->morsel.run.last, err));
    return new_keys(self, &local->morsel.run.spare, err);
}

static cni_waker
take_waker(window_morsel *morsel)
{
    const cni_waker waker = morsel->waker;
    morsel->waker = (cni_waker){0};
    return waker;
}

/* Everybody looks again: a worker that leaves early hands nothing on. */
static void
take_all_wakers(window_operator *self, cni_waker *out_wakers, int32_t *out_n)
{
    *out_n = 0;
    for (window_morsel *at = self->ended; at != NULL && *out_n < CNI_MAX_WORKERS; at = at->next) {
        if (at->waker.task != NULL) {
            out_wakers[(*out_n)++] = take_waker(at);
        }
    }
}

static void
unlist(window_operator *self, window_morsel *morsel)
{
    window_morsel **link = &self->ended;
    while (*link != NULL && *link != morsel) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = morsel->next;
    }
    morsel->listed = false;
}

static void
wake_all(const cni_waker *own_wakers, int32_t n)
{
    for (int32_t at = 0; at < n; at++) {
        cni_waker_wake(own_wakers[at]);
    }
}

static void
close_local(cni_operator *base, void *opaque)
{
    window_operator *self = (window_operator *)base;
    window_local *local = opaque;
    cni_waker wakers[CNI_MAX_WORKERS];
    int32_t n_wakers = 0;
    if (local == NULL) {
        return;
    }
    cni_mutex_lock(&self->mutex);
    unlist(self, &local->morsel);
    const cni_waker mine = local->morsel.waker;
    take_all_wakers(self, wakers, &n_wakers);
    cni_mutex_unlock(&self->mutex);
    cni_waker_drop(mine);
    wake_all(wakers, n_wakers);
    cni_held_morsels_free(memory_of(self), local->held);
    cni_held_morsels_free(memory_of(self), local->out);
    free_keys(self, local->morsel.run.first);
    free_keys(self, local->morsel.run.last);
    free_keys(self, local->morsel.run.spare);
    cni_dealloc(memory_of(self), local, (int64_t)sizeof(*local));
}

static void
close_window(cni_operator *base)
{
    window_operator *self = (window_operator *)base;
    if (self->base.budget != NULL) {
        free_keys(self, self->carry_keys);
        cni_budget_unref(self->base.budget);
    }
    cni_mutex_done(&self->mutex);
    cni_dealloc(base->context->allocator, self, (int64_t)sizeof(*self));
}

/* ---- handing on; under the lock ---- */

/* What is behind the run: its last keys change places with the carry's. */
static void
hand_on(window_operator *self, window_morsel *morsel)
{
    self->carry = cni_window_count_behind(&morsel->run, morsel->link, &morsel->carry);
    if (morsel->run.n_rows > 0) {
        cni_vector *keys = self->carry_keys;
        self->carry_keys = morsel->run.last;
        morsel->run.last = keys;
    }
}

static void
give_carry(window_operator *self, window_morsel *morsel)
{
    morsel->carry = self->carry;
    morsel->link = cni_window_compare(self->spec, &self->carry, self->carry_keys, &morsel->run);
    morsel->has_carry = true;
}

/* Every ended morsel whose turn has come gets its carry; wakers of those who wait for one. */
static void
advance(window_operator *self, cni_waker *out_wakers, int32_t *out_n)
{
    int64_t head = self->order.resolve(self->order.state, cni_flag_consume(&self->head));
    *out_n = 0;
    while (self->ended != NULL && self->ended->sequence == head) {
        window_morsel *morsel = self->ended;
        unlist(self, morsel);
        give_carry(self, morsel);
        hand_on(self, morsel);
        if (morsel->waker.task != NULL) {
            out_wakers[(*out_n)++] = take_waker(morsel);
        }
        head = self->order.resolve(self->order.state, head + 1);
    }
    cni_flag_publish(&self->head, head);
}

static void
list_ended(window_operator *self, window_morsel *morsel)
{
    window_morsel **link = &self->ended;
    while (*link != NULL && (*link)->sequence < morsel->sequence) {
        link = &(*link)->next;
    }
    morsel->next = *link;
    morsel->listed = true;
    *link = morsel;
}

/* ---- one morsel ---- */

static void
append(cni_held_morsel **inout_list, cni_held_morsel *own_held)
{
    cni_held_morsel **link = inout_list;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    own_held->next = NULL;
    *link = own_held;
}

/* The carry is there: values that were counted without it are set right and may leave. */
static void
settle(window_operator *self, window_local *local)
{
    const cni_phys_window *spec = self->spec;
    window_morsel *morsel = &local->morsel;
    int64_t row = 0;
    for (cni_held_chunk *held = local->held == NULL ? NULL : local->held->first; held != NULL;
         held = held->next) {
        if (held->chunk.n_rows > 0) {
            cni_window_set_right(spec, &morsel->run, morsel->link, &morsel->carry, row,
                                 held->chunk.columns + spec->n_passed);
        }
        row += held->chunk.n_rows;
    }
    if (local->held != NULL) {
        append(&local->out, CN_MOVE(local->held));
    }
}

/* The morsel is the head before its end: its run goes on as one that knows. */
static void
become_known(window_operator *self, window_local *local)
{
    window_morsel *morsel = &local->morsel;
    const int32_t n_keys = self->spec->n_keys;
    cni_mutex_lock(&self->mutex);
    give_carry(self, morsel);
    for (int32_t key = 0; morsel->run.n_rows == 0 && key < n_keys; key++) {
        cni_vector_copy(&morsel->run.last[key], &self->carry_keys[key]);
    }
    cni_mutex_unlock(&self->mutex);
    settle(self, local);
    morsel->run.count = cni_window_count_behind(&morsel->run, morsel->link, &morsel->carry);
    morsel->run.known = true;
}

static bool
is_head(window_operator *self, int64_t sequence, cni_waker *out_wakers, int32_t *out_n)
{
    *out_n = 0;
    if (cni_flag_consume(&self->head) == sequence) {
        return true;
    }
    cni_mutex_lock(&self->mutex);
    advance(self, out_wakers, out_n);
    const bool head = cni_flag_consume(&self->head) == sequence;
    cni_mutex_unlock(&self->mutex);
    return head;
}

static void
begin_morsel(window_operator *self, window_local *local, int64_t sequence)
{
    cni_window_run *run = &local->morsel.run;
    cni_window_keys_drop(run->first, self->spec->n_keys);
    cni_window_keys_drop(run->last, self->spec->n_keys);
    run->known = false;
    run->count = (cni_window_count){0};
    run->n_rows = 0;
    run->peer_end = INT64_MAX;
    run->partition_end = INT64_MAX;
    local->morsel.sequence = sequence;
    local->morsel.has_carry = false;
    local->active = true;
}

/* Who ends the head hands on; others wait in the list until somebody hands on to them. */
static void
end_morsel(window_operator *self, window_local *local, cni_waker *out_wakers, int32_t *out_n)
{
    window_morsel *morsel = &local->morsel;
    cni_mutex_lock(&self->mutex);
    if (morsel->run.known) {
        morsel->carry = morsel->run.count;
        morsel->link = (cni_window_link){0};
        hand_on(self, morsel);
        cni_flag_publish(&self->head, cni_flag_consume(&self->head) + 1);
    } else {
        list_ended(self, morsel);
    }
    advance(self, out_wakers, out_n);
    cni_mutex_unlock(&self->mutex);
    local->waiting = !morsel->run.known;
    local->active = false;
}

/* ---- chunks ---- */

static cn_code
make_chunk(const window_operator *self, const cni_chunk *chunk, cni_chunk *out, cn_error *err)
{
    const cni_phys_window *spec = self->spec;
    CN_TRY(cni_chunk_set_columns(out, spec->n_passed + spec->n_functions, err));
    for (int32_t at = 0; at < spec->n_passed; at++) {
        cni_vector_copy(&out->columns[at], &chunk->columns[spec->passed[at]]);
    }
    out->n_rows = chunk->n_rows;
    return CN_OK;
}

/* The chunk with its numbers, at the end of `inout_list`'s one morsel. */
static cn_code
add_chunk(window_operator *self, window_local *local, const cni_chunk *chunk,
          cni_held_morsel **inout_list, cn_error *err)
{
    CN_SCOPED(cni_chunk) made = {0};
    cni_held_chunk *held = NULL;
    cni_chunk_init(&made, memory_of(self));
    if (*inout_list == NULL) {
        CN_TRY(cni_held_morsel_new(memory_of(self), chunk->sequence, inout_list, err));
    }
    if (chunk->n_rows > 0) {
        CN_TRY(make_chunk(self, chunk, &made, err));
        CN_TRY(cni_window_step(self->spec, self->base.context, memory_of(self), &local->morsel.run,
                               chunk, &local->scratch, made.columns + self->spec->n_passed, err));
        CN_TRY(cni_held_chunk_new(memory_of(self), &made, &held, err));
        cni_held_morsel_add(*inout_list, held);
    }
    (*inout_list)->ended = chunk->ends_morsel;
    return CN_OK;
}

static cn_code
push_ordered(window_operator *self, window_local *local, const cni_chunk *chunk, cn_error *err)
{
    cni_waker wakers[CNI_MAX_WORKERS];
    int32_t n_wakers = 0;
    if (!local->active) {
        begin_morsel(self, local, chunk->sequence);
    }
    if (!local->morsel.run.known) {
        if (is_head(self, chunk->sequence, wakers, &n_wakers)) {
            become_known(self, local);
        }
        wake_all(wakers, n_wakers);
    }
    CN_TRY(
        add_chunk(self, local, chunk, local->morsel.run.known ? &local->out : &local->held, err));
    if (chunk->ends_morsel) {
        end_morsel(self, local, wakers, &n_wakers);
        wake_all(wakers, n_wakers);
    }
    return CN_OK;
}

/* Without order each chunk takes the next numbers; without keys all rows are peers. */
static cn_code
push_unordered(window_operator *self, window_local *local, const cni_chunk *chunk, cn_error *err)
{
    if (chunk->n_rows == 0) {
        return CN_OK;
    }
    begin_morsel(self, local, chunk->sequence);
    const int64_t n_before = cni_counter_add(&self->counted, chunk->n_rows);
    local->morsel.run.known = true;
    local->morsel.run.count =
        (cni_window_count){.has_row = n_before > 0, .n_rows = n_before, .rank = 1, .dense = 1};
    return add_chunk(self, local, chunk, &local->out, err);
}

static cn_code
push(cni_operator *base, void *opaque, cni_chunk *chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    window_operator *self = (window_operator *)base;
    window_local *local = opaque;
    cni_waker_drop(own_waker);
    CN_TRY(base->keep_order ? push_ordered(self, local, chunk, err)
                            : push_unordered(self, local, chunk, err));
    *out_answer = local->out != NULL || local->waiting ? CNI_OP_HAVE_MORE : CNI_OP_NEED_MORE;
    return CN_OK;
}

/* ---- out ---- */

static void
give(window_operator *self, window_local *local, cni_chunk *out_chunk)
{
    cni_held_morsel *held = local->out;
    cni_held_chunk *chunk = cni_held_morsel_take(held);
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

/* Whether the carry of the morsel that has ended is there; else the waker is kept. */
static bool
await_carry(window_operator *self, window_local *local, cni_waker own_waker)
{
    cni_waker wakers[CNI_MAX_WORKERS];
    int32_t n_wakers = 0;
    window_morsel *morsel = &local->morsel;
    cni_mutex_lock(&self->mutex);
    advance(self, wakers, &n_wakers);
    const bool there = morsel->has_carry;
    const cni_waker old = morsel->waker;
    morsel->waker = there ? (cni_waker){0} : own_waker;
    cni_mutex_unlock(&self->mutex);
    wake_all(wakers, n_wakers);
    cni_waker_drop(old);
    if (there) {
        cni_waker_drop(own_waker);
    }
    return there;
}

static cn_code
next(cni_operator *base, void *opaque, cni_chunk *out_chunk, cni_waker own_waker,
     cni_op_answer *out_answer, cn_error *err)
{
    window_operator *self = (window_operator *)base;
    window_local *local = opaque;
    (void)err;
    *out_answer = CNI_OP_BLOCKED;
    if (local->out == NULL && local->waiting) {
        if (!await_carry(self, local, own_waker)) {
            return CN_OK;
        }
        own_waker = (cni_waker){0};
        local->waiting = false;
        settle(self, local);
    }
    cni_waker_drop(own_waker);
    if (local->out != NULL) {
        give(self, local, out_chunk);
    }
    *out_answer = local->out != NULL || local->waiting ? CNI_OP_HAVE_MORE : CNI_OP_NEED_MORE;
    return CN_OK;
}

/* A branch may be over now that others wait behind. */
static cn_code
flush(cni_operator *base, void *opaque, cni_flush_reason reason, cn_error *err)
{
    window_operator *self = (window_operator *)base;
    cni_waker wakers[CNI_MAX_WORKERS];
    int32_t n_wakers = 0;
    (void)opaque;
    (void)err;
    if (base->keep_order && reason == CNI_FLUSH_INPUT) {
        cni_mutex_lock(&self->mutex);
        advance(self, wakers, &n_wakers);
        cni_mutex_unlock(&self->mutex);
        wake_all(wakers, n_wakers);
    }
    return CN_OK;
}

/* What is held: columns that are passed on stay where they were counted. */
static int64_t
state_bytes(const cni_operator *base)
{
    return cni_budget_current_bytes(base->budget);
}

static int32_t
notes(const cni_operator *base, cni_op_note *out_notes, int32_t max_notes)
{
    const cni_op_note all[] = {{"peak_bytes", NULL, cni_budget_peak_bytes(base->budget)}};
    return cni_operator_give_notes(all, CN_ARRAY_LEN(all), out_notes, max_notes);
}

static const cni_operator_ops window_ops = {
    .name = "Window",
    .state_bytes = state_bytes,
    .notes = notes,
    .open_local = open_local,
    .push = push,
    .next = next,
    .flush = flush,
    .on_watermark =
        cni_operator_pass_watermark, /* all morsels have ended before it: nothing is held */
    .close_local = close_local,
    .close = close_window,
};

cn_code
cni_window_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                        cni_operator **out_operator, cn_error *err)
{
    window_operator *self = NULL;
    CN_TRY(cni_alloc_zeroed(env->context->allocator, (int64_t)sizeof(*self), &self, err));
    cni_operator_init(&self->base, &window_ops, env, spec->plan);
    self->spec = spec->window;
    self->order = env->order;
    cni_mutex_init(&self->mutex);
    cni_flag_publish(&self->head, cni_sequence_of(spec->first_branch, 0));
    cn_code code = cni_budget_new(env->context->budget, "window", CNI_BUDGET_UNLIMITED,
                                  &self->base.budget, err);
    code = code == CN_OK ? new_keys(self, &self->carry_keys, err) : code;
    if (code != CN_OK) {
        close_window(&self->base);
        return code;
    }
    *out_operator = &self->base;
    return CN_OK;
}
