/* SPDX-License-Identifier: Apache-2.0
 *
 * What hands out a pipeline's work: the scans of its branches, one after the other, and what
 * travels beside the rows (watermarks, checkpoints).
 *
 *   claim -> MORSEL   read it to its end, then call end
 *            CONTROL  tell the operators, then call control_done
 *            OPEN     the scan of a branch that starts late can be opened now: open, then go on
 *            BLOCKED  park; the task will be woken
 *            NONE     nothing will come any more for this worker
 *
 * A watermark that a scan answers stops the handing out; when all morsels under way have ended each
 * worker claims it once; when all have done so, morsels are handed out again. So every worker's
 * operators see all rows before a watermark ahead of it, and watermarks in their order.
 *
 * A branch without a scan starts late: when every worker that took a morsel since the last such
 * branch has ended it and emptied its operators (a CONTROL that is a barrier), one worker is told
 * to open its scan, and all go on. Workers that took none are not waited for.
 */
#ifndef CNI_EXEC_MORSEL_SOURCE_H
#define CNI_EXEC_MORSEL_SOURCE_H

#include "base/thread.h"
#include "exec/operator/morsel_order.h"
#include "plan/table/table.h"

typedef enum cni_claim_answer {
    CNI_CLAIM_MORSEL,
    CNI_CLAIM_CONTROL,
    CNI_CLAIM_OPEN,
    CNI_CLAIM_BLOCKED,
    CNI_CLAIM_NONE
} cni_claim_answer;

typedef struct cni_claim {
    int32_t branch;
    int64_t morsel;
    bool barrier;   /* of CONTROL: only empty the operators */
    bool watermark; /* of CONTROL: a watermark, else a checkpoint */
    int64_t value;  /* of CONTROL */
} cni_claim;

typedef struct cni_source_branch {
    cni_scan *scan;         /* borrowed; NULL: starts late. Then under the lock until it is there */
    bool opening;           /* under the lock: somebody was told to open it */
    cni_atomic_i64 n_taken; /* flag: morsels handed out */
    cni_atomic_i64 n_final; /* flag: the same when no more can come; -1 before */
    cni_atomic_i64 closed;  /* flag: nobody asks it any more */
    int32_t n_asking;       /* workers inside next_morsel; under the lock */
} cni_source_branch;

/* Thread: synchronised. */
typedef struct cni_morsel_source {
    cni_allocator *allocator; /* borrowed */
    int32_t n_branches;
    cni_source_branch *branches;
    int32_t n_workers;
    cni_mutex mutex;  /* guards the rest */
    int32_t current;  /* branch that is handed out */
    int32_t n_active; /* morsels under way */
    int32_t n_asking; /* workers inside a next_morsel */
    int32_t n_live;   /* workers that were not told NONE */
    bool control_pending;
    bool control_watermark;
    int64_t control_value;
    int64_t control_number; /* counts them */
    int32_t n_control_done;
    int64_t *seen; /* n_workers: number of the last control that the worker claimed */
    bool *dirty;   /* n_workers: took morsels since it emptied its operators */
    int32_t n_dirty;
    cni_waker *waiting; /* n_workers: zero = does not wait */
} cni_morsel_source;

/* Scans are borrowed until done. `self` is zeroed on failure. */
CN_NODISCARD cn_code cni_morsel_source_init(cni_morsel_source *self, cni_allocator *allocator,
                                            cni_scan *const *scans, int32_t n_branches,
                                            int32_t n_workers, cn_error *err);
void cni_morsel_source_done(cni_morsel_source *self); /* accepts zeroed */

cni_claim_answer cni_morsel_source_claim(cni_morsel_source *self, int32_t worker, cni_task *task,
                                         cni_claim *out_claim);
/* The worker's morsel is finished. */
void cni_morsel_source_end(cni_morsel_source *self);
void cni_morsel_source_control_done(cni_morsel_source *self, int32_t worker,
                                    const cni_claim *claim);
/* The answer to OPEN: the branch has its scan (borrowed) now. */
void cni_morsel_source_opened(cni_morsel_source *self, int32_t branch, cni_scan *scan);
/* Hand out no more of these branches; morsels under way go on. */
void cni_morsel_source_close(cni_morsel_source *self, int32_t first_branch, int32_t n_branches);

/* See morsel_order.h; borrows self. */
cni_morsel_order cni_morsel_source_order(const cni_morsel_source *self);

#endif /* CNI_EXEC_MORSEL_SOURCE_H */
