/* SPDX-License-Identifier: Apache-2.0
 *
 * Handing out morsels of several scans in order, and controls between them. Scans are asked outside
 * the lock; n_asking tells whether a branch that said NONE may still give a morsel to somebody who
 * asked earlier.
 */
#include "exec/pipeline/morsel_source.h"

cn_code
cni_morsel_source_init(cni_morsel_source *self, cni_allocator *allocator, cni_scan *const *scans,
                       int32_t n_branches, int32_t n_workers, cn_error *err)
{
    *self = (cni_morsel_source){.allocator = allocator,
                                .n_branches = n_branches,
                                .n_workers = n_workers,
                                .n_live = n_workers};
    cni_mutex_init(&self->mutex);
    cn_code code = cni_alloc_zeroed(allocator, n_branches * (int64_t)sizeof(*self->branches),
                                    &self->branches, err);
    if (code == CN_OK) {
        code =
            cni_alloc_zeroed(allocator, n_workers * (int64_t)sizeof(*self->seen), &self->seen, err);
    }
    if (code == CN_OK) {
        code = cni_alloc_zeroed(allocator, n_workers * (int64_t)sizeof(*self->dirty), &self->dirty,
                                err);
    }
    if (code == CN_OK) {
        code = cni_alloc_zeroed(allocator, n_workers * (int64_t)sizeof(*self->waiting),
                                &self->waiting, err);
    }
    if (code != CN_OK) {
        cni_morsel_source_done(self);
        return code;
    }
    for (int32_t branch = 0; branch < n_branches; branch++) {
        self->branches[branch].scan = scans[branch];
        cni_flag_publish(&self->branches[branch].n_final, -1);
    }
    return CN_OK;
}

void
cni_morsel_source_done(cni_morsel_source *self)
{
    if (self->allocator == NULL) {
        return;
    }
    for (int32_t worker = 0; self->waiting != NULL && worker < self->n_workers; worker++) {
        cni_waker_drop(self->waiting[worker]);
    }
    cni_dealloc(self->allocator, self->waiting, self->n_workers * (int64_t)sizeof(*self->waiting));
    cni_dealloc(self->allocator, self->dirty, self->n_workers * (int64_t)sizeof(*self->dirty));
    cni_dealloc(self->allocator, self->seen, self->n_workers * (int64_t)sizeof(*self->seen));
    cni_dealloc(self->allocator, self->branches,
                self->n_branches * (int64_t)sizeof(*self->branches));
    cni_mutex_done(&self->mutex);
    *self = (cni_morsel_source){0};
}

/* ---- order ---- */

static int64_t
resolve(const void *state, int64_t sequence)
{
    const cni_morsel_source *self = state;
    int32_t branch = cni_sequence_branch(sequence);
    int64_t morsel = cni_sequence_morsel(sequence);
    while (branch < self->n_branches) {
        const int64_t n_final = cni_flag_consume(&self->branches[branch].n_final);
        if (n_final < 0 || morsel < n_final) {
            break;
        }
        branch++;
        morsel = 0;
    }
    return cni_sequence_of(branch, morsel);
}

cni_morsel_order
cni_morsel_source_order(const cni_morsel_source *self)
{
    return (cni_morsel_order){resolve, self};
}

/* ---- under the lock ---- */

static void
settle_branch(cni_source_branch *branch)
{
    if (cni_flag_consume(&branch->closed) != 0 && branch->n_asking == 0 &&
        cni_flag_consume(&branch->n_final) < 0) {
        cni_flag_publish(&branch->n_final, cni_flag_consume(&branch->n_taken));
    }
}

static void
close_branch(cni_source_branch *branch)
{
    cni_flag_publish(&branch->closed, 1);
    settle_branch(branch);
}

/* All waiting workers' wakers; gives how many. */
static int32_t
take_waiting(cni_morsel_source *self, cni_waker *out_wakers)
{
    int32_t n_wakers = 0;
    for (int32_t worker = 0; worker < self->n_workers; worker++) {
        if (self->waiting[worker].task != NULL) {
            out_wakers[n_wakers++] = self->waiting[worker];
            self->waiting[worker] = (cni_waker){0};
        }
    }
    return n_wakers;
}

static cni_waker
exchange_waiting(cni_morsel_source *self, int32_t worker, cni_waker own_waker)
{
    const cni_waker old = self->waiting[worker];
    self->waiting[worker] = own_waker;
    return old;
}

/* A control is over when every worker that still claims has carried it out. */
static bool
settle_control(cni_morsel_source *self)
{
    if (!self->control_pending || self->n_control_done < self->n_live) {
        return false;
    }
    self->control_pending = false;
    return true;
}

static void
wake_all(const cni_waker *own_wakers, int32_t n_wakers)
{
    for (int32_t at = 0; at < n_wakers; at++) {
        cni_waker_wake(own_wakers[at]);
    }
}

/* No morsel is under way, and none can turn up. */
static bool
is_quiet(const cni_morsel_source *self)
{
    return self->n_active == 0 && self->n_asking == 0;
}

/* ---- claiming ---- */

/* What a worker does while the branch that is next has not begun. Under the lock. */
static cni_claim_answer
answer_late_branch(cni_morsel_source *self, int32_t worker, cni_claim *out_claim)
{
    cni_source_branch *branch = &self->branches[self->current];
    if (self->dirty[worker]) {
        out_claim->barrier = true;
        out_claim->watermark = false;
        return CNI_CLAIM_CONTROL;
    }
    if (self->n_dirty > 0 || !is_quiet(self) || branch->opening) {
        return CNI_CLAIM_BLOCKED; /* who is last wakes the others */
    }
    branch->opening = true;
    out_claim->branch = self->current;
    return CNI_CLAIM_OPEN;
}

/* What can be answered without asking a scan; true when `out_answer` is it. Otherwise *out_branch
 * is to be asked. Under the lock. */
static bool
answer_at_once(cni_morsel_source *self, int32_t worker, cni_claim *out_claim,
               cni_claim_answer *out_answer, int32_t *out_branch)
{
    if (self->control_pending) {
        *out_answer = CNI_CLAIM_BLOCKED;
        if (is_quiet(self) && self->seen[worker] < self->control_number) {
            self->seen[worker] = self->control_number;
            out_claim->barrier = false;
            out_claim->watermark = self->control_watermark;
            out_claim->value = self->control_value;
            *out_answer = CNI_CLAIM_CONTROL;
        }
        return true;
    }
    while (self->current < self->n_branches &&
           cni_flag_consume(&self->branches[self->current].closed) != 0) {
        self->current++;
    }
    if (self->current == self->n_branches) {
        *out_answer = CNI_CLAIM_NONE;
        self->n_live--;
        return true;
    }
    if (self->branches[self->current].scan == NULL) {
        *out_answer = answer_late_branch(self, worker, out_claim);
        return true;
    }
    *out_branch = self->current;
    self->branches[self->current].n_asking++;
    self->n_asking++;
    return false;
}

static void
make_dirty(cni_morsel_source *self, int32_t worker)
{
    self->n_dirty += self->dirty[worker] ? 0 : 1;
    self->dirty[worker] = true;
}

/* Take down what a scan answered. True when the claim is answered. Under the lock. */
static bool
note_answer(cni_morsel_source *self, int32_t worker, int32_t branch, cni_morsel_answer said,
            int64_t value, cni_claim *out_claim, cni_claim_answer *out_answer)
{
    cni_source_branch *asked = &self->branches[branch];
    bool answered = true;
    asked->n_asking--;
    self->n_asking--;
    switch (said) {
    case CNI_MORSEL_TAKEN:
        if (value >= cni_flag_consume(&asked->n_taken)) {
            cni_flag_publish(&asked->n_taken, value + 1);
        }
        self->n_active++;
        make_dirty(self, worker);
        out_claim->branch = branch;
        out_claim->morsel = value;
        *out_answer = CNI_CLAIM_MORSEL;
        break;
    case CNI_MORSEL_BLOCKED:
        *out_answer = CNI_CLAIM_BLOCKED;
        break;
    case CNI_MORSEL_WATERMARK:
    case CNI_MORSEL_CHECKPOINT:
        self->control_pending = true;
        self->control_watermark = said == CNI_MORSEL_WATERMARK;
        self->control_value = value;
        self->control_number++;
        self->n_control_done = 0;
        answered = false;
        break;
    default:
        cni_flag_publish(&asked->closed, 1);
        answered = false;
        break;
    }
    settle_branch(asked);
    return answered;
}

/* Those that wait must look again: a control, or a branch has ended and the next one starts late.
 */
static bool
must_wake(const cni_morsel_source *self, int32_t branch)
{
    return self->control_pending || cni_flag_consume(&self->branches[branch].closed) != 0;
}

/* One round: under the lock, then the scan, then under the lock again. True when answered. */
static bool
try_claim(cni_morsel_source *self, int32_t worker, cni_task *task, cni_claim *out_claim,
          cni_claim_answer *out_answer)
{
    cni_waker wakers[CNI_MAX_WORKERS];
    int32_t n_wakers = 0;
    int32_t branch = 0;
    cni_mutex_lock(&self->mutex);
    bool answered = answer_at_once(self, worker, out_claim, out_answer, &branch);
    if (answered && settle_control(self)) {
        n_wakers = take_waiting(self, wakers);
    }
    cni_mutex_unlock(&self->mutex);
    if (!answered) {
        int64_t value = 0;
        cni_scan *scan = self->branches[branch].scan;
        const cni_morsel_answer said = scan->ops->next_morsel(scan, cni_task_waker(task), &value);
        cni_mutex_lock(&self->mutex);
        answered = note_answer(self, worker, branch, said, value, out_claim, out_answer);
        if (must_wake(self, branch)) {
            n_wakers = take_waiting(self, wakers); /* those that wait for the scan */
        }
        cni_mutex_unlock(&self->mutex);
    }
    wake_all(wakers, n_wakers);
    return answered;
}

cni_claim_answer
cni_morsel_source_claim(cni_morsel_source *self, int32_t worker, cni_task *task,
                        cni_claim *out_claim)
{
    cni_claim_answer answer = CNI_CLAIM_NONE;
    cni_waker old = {0};
    bool repeat = true;
    /* Who waits is woken by the scan or by a control, whichever comes first: the waker is in its
     * place before the first look, so that nothing is missed. */
    cni_mutex_lock(&self->mutex);
    old = exchange_waiting(self, worker, cni_task_waker(task));
    cni_mutex_unlock(&self->mutex);
    cni_waker_drop(old);
    while (repeat) {
        repeat = !try_claim(self, worker, task, out_claim, &answer);
    }
    if (answer != CNI_CLAIM_BLOCKED) {
        cni_mutex_lock(&self->mutex);
        old = exchange_waiting(self, worker, (cni_waker){0});
        cni_mutex_unlock(&self->mutex);
        cni_waker_drop(old);
    }
    return answer;
}

void
cni_morsel_source_end(cni_morsel_source *self)
{
    cni_waker wakers[CNI_MAX_WORKERS];
    int32_t n_wakers = 0;
    cni_mutex_lock(&self->mutex);
    self->n_active--;
    if (self->control_pending && is_quiet(self)) {
        n_wakers = take_waiting(self, wakers);
    }
    cni_mutex_unlock(&self->mutex);
    wake_all(wakers, n_wakers);
}

void
cni_morsel_source_control_done(cni_morsel_source *self, int32_t worker, const cni_claim *claim)
{
    cni_waker wakers[CNI_MAX_WORKERS];
    int32_t n_wakers = 0;
    cni_mutex_lock(&self->mutex);
    if (claim->barrier) {
        self->dirty[worker] = false;
        self->n_dirty--;
        n_wakers = self->n_dirty == 0 ? take_waiting(self, wakers) : 0;
    } else {
        self->n_control_done++;
        n_wakers = settle_control(self) ? take_waiting(self, wakers) : 0;
    }
    cni_mutex_unlock(&self->mutex);
    wake_all(wakers, n_wakers);
}

void
cni_morsel_source_opened(cni_morsel_source *self, int32_t branch, cni_scan *scan)
{
    cni_waker wakers[CNI_MAX_WORKERS];
    cni_mutex_lock(&self->mutex);
    self->branches[branch].scan = scan;
    const int32_t n_wakers = take_waiting(self, wakers);
    cni_mutex_unlock(&self->mutex);
    wake_all(wakers, n_wakers);
}

void
cni_morsel_source_close(cni_morsel_source *self, int32_t first_branch, int32_t n_branches)
{
    cni_waker wakers[CNI_MAX_WORKERS];
    cni_mutex_lock(&self->mutex);
    for (int32_t branch = first_branch; branch < first_branch + n_branches; branch++) {
        close_branch(&self->branches[branch]);
    }
    const int32_t n_wakers = take_waiting(self, wakers);
    cni_mutex_unlock(&self->mutex);
    wake_all(wakers, n_wakers);
}
