/* SPDX-License-Identifier: Apache-2.0
 *
 * A finished sort gives its memory back, also while it is read: its resident runs are written out
 * by whoever asks, when no worker is inside the reading of a range. Behind a client that does not
 * pull workers wait outside, with the range that each has read: blocks of records are shared with
 * it, payload has been copied to it.
 */
#include "exec/operator/sort_int.h"

#define ARM_BYTES         (INT64_C(1) << 20) /* less in runs is not worth it */
#define RESERVE_MIN       (INT64_C(128) << 10)
#define RESERVE_EXTENTS   2
#define RESERVE_BLOCKS    8
#define RESERVE_MOST_PART 8 /* of the runs */

static int64_t
resident_bytes(const cni_sort_finish *self)
{
    int64_t n_bytes = 0;
    for (int64_t at = 0; at < self->runs.n_items; at++) {
        n_bytes += self->runs.items[at]->resident ? self->runs.items[at]->n_bytes : 0;
    }
    return n_bytes;
}

/* What writing a run takes: an extent, blocks of payload under way. */
static int64_t
reserve_wanted(const cni_sort_plan *plan, int64_t n_bytes)
{
    const int64_t wanted =
        RESERVE_MIN + RESERVE_EXTENTS * plan->extent_bytes + RESERVE_BLOCKS * plan->block_bytes;
    return cni_min_i64(wanted, n_bytes / RESERVE_MOST_PART);
}

void
cni_sort_finish_arm(cni_sort_finish *self)
{
    const int64_t n_bytes = resident_bytes(self);
    if (self->plan->context->spill != NULL && n_bytes >= ARM_BYTES) {
        (void)cni_budget_put_by(self->plan->budget, reserve_wanted(self->plan, n_bytes));
        cni_read_gate_open(&self->plan->gate);
    }
}

void
cni_sort_finish_disarm(cni_sort_finish *self)
{
    (void)cni_budget_put_by(self->plan->budget, 0);
}

static int64_t
write_runs(cni_sort_finish *self, int64_t n_bytes)
{
    int64_t n_freed = 0;
    for (int64_t at = 0; at < self->runs.n_items && n_freed < n_bytes; at++) {
        cni_sort_run *run = self->runs.items[at];
        const int64_t n_run_bytes = run->n_bytes;
        if (run->resident && cni_sort_run_write(run, self->plan, NULL) == CN_OK) {
            n_freed += n_run_bytes;
        }
    }
    return n_freed;
}

int64_t
cni_sort_finish_reclaim(cni_sort_finish *self, int64_t n_bytes)
{
    const cni_gate_answer answer = cni_read_gate_enter_writing(&self->plan->gate);
    if (answer != CNI_GATE_ENTERED) {
        return cni_gate_reclaims(answer);
    }
    const int64_t n_freed = write_runs(self, n_bytes);
    if (resident_bytes(self) == 0) {
        cni_sort_finish_disarm(self);
    }
    cni_read_gate_leave_writing(&self->plan->gate);
    return n_freed;
}
