/* SPDX-License-Identifier: Apache-2.0
 *
 * Who has a finished state: any number that read it, or one who writes it out because memory is
 * asked for.
 *
 *   open -> no visits <-> visits    no visits -> writing -> no visits
 *
 * Readers wait for who writes; who finds readers does not write, so nobody waits for the other.
 */
#ifndef CNI_EXEC_READ_GATE_H
#define CNI_EXEC_READ_GATE_H

#include "base/thread.h"
#include "runtime/budget.h"

/* One reading of a thread, on its stack. */
typedef struct cni_read_visit {
    struct cni_read_visit *next;
    uint64_t thread;
} cni_read_visit;

/* Thread: synchronised. */
typedef struct cni_read_gate {
    cni_mutex mutex;
    cni_cond left; /* by who writes */
    bool open;     /* the state is finished; nobody writes before */
    bool writing;
    cni_read_visit *visits; /* who reads */
} cni_read_gate;

typedef enum cni_gate_answer {
    CNI_GATE_ENTERED,
    CNI_GATE_BUSY,  /* others are inside, for a moment */
    CNI_GATE_CLOSED /* it is not open, or the thread itself is reading */
} cni_gate_answer;

void cni_read_gate_init(cni_read_gate *self);
void cni_read_gate_done(cni_read_gate *self);
void cni_read_gate_open(cni_read_gate *self);
/* Waits while somebody writes, who waits for nobody. */
void cni_read_gate_enter_reading(cni_read_gate *self, cni_read_visit *out_visit);
void cni_read_gate_leave_reading(cni_read_gate *self, const cni_read_visit *visit);
/* Does not wait. */
cni_gate_answer cni_read_gate_enter_writing(cni_read_gate *self);
/* What a reclaimer says that has not entered. */
static inline int64_t
cni_gate_reclaims(cni_gate_answer refused)
{
    return refused == CNI_GATE_BUSY ? CNI_RECLAIM_BUSY : 0;
}
void cni_read_gate_leave_writing(cni_read_gate *self);

#endif /* CNI_EXEC_READ_GATE_H */
