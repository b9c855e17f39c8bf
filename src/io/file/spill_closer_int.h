/* SPDX-License-Identifier: Apache-2.0
 *
 * Closing temporary files behind everybody's back. The file system gives the blocks of a large file
 * back when it is closed, for longer than a cancelled query may take to end. A thread closes what
 * is queued, and ends when nothing is left.
 *
 *   idle --give--> running --queue empty--> idle       at most one thread; joined by the next or
 * done
 */
#ifndef CNI_IO_SPILL_CLOSER_INT_H
#define CNI_IO_SPILL_CLOSER_INT_H

#include "base/fault.h"
#include "base/thread.h"

/* A file to be closed, embedded in what knows it. */
typedef struct cni_spill_closing {
    struct cni_spill_closing *next;
    void (*close)(struct cni_spill_closing *self); /* closes and frees; once, on any thread */
} cni_spill_closing;

/* Thread: synchronised. */
typedef struct cni_spill_closer {
    cni_fault *fault; /* borrowed, may be NULL */
    cni_mutex mutex;
    cni_cond idle; /* the thread has closed everything */
    cni_spill_closing *first;
    cni_spill_closing *last;
    bool is_running; /* a thread works, or is being started */
    bool has_thread; /* to be joined; whoever starts one or ends the closer looks at it */
    cni_thread thread;
} cni_spill_closer;

void cni_spill_closer_init(cni_spill_closer *self, cni_fault *fault);
/* Waits until everything is closed; nobody gives any more. */
void cni_spill_closer_done(cni_spill_closer *self);
/* Close it soon; at once when no thread can be started. */
void cni_spill_closer_give(cni_spill_closer *self, cni_spill_closing *own_closing);
/* Wait until what was given is closed. False when there was nothing. */
bool cni_spill_closer_wait(cni_spill_closer *self);

#endif /* CNI_IO_SPILL_CLOSER_INT_H */
