/* SPDX-License-Identifier: Apache-2.0
 *
 * Who has a finished state: any number that read it, or one who writes it out because memory is
 * asked for.
 *
 *   open -> n_reading 0 <-> n    n_reading = 0 -> writing -> n_reading = 0
 *
 * Readers wait for who writes; who finds readers does not write, so nobody waits for the other.
 */
#ifndef CNI_EXEC_READ_GATE_H
#define CNI_EXEC_READ_GATE_H

#include "base/thread.h"

/* Thread: synchronised. */
typedef struct cni_read_gate {
    cni_mutex mutex;
    cni_cond left; /* by who writes */
    bool open;     /* the state is finished; nobody writes before */
    bool writing;
    int64_t n_reading;
} cni_read_gate;

void cni_read_gate_init(cni_read_gate *self);
void cni_read_gate_done(cni_read_gate *self);
void cni_read_gate_open(cni_read_gate *self);
/* Waits while somebody writes, who waits for nobody. */
void cni_read_gate_enter_reading(cni_read_gate *self);
void cni_read_gate_leave_reading(cni_read_gate *self);
/* False: it is not open, or somebody is inside. Does not wait. */
bool cni_read_gate_enter_writing(cni_read_gate *self);
void cni_read_gate_leave_writing(cni_read_gate *self);

#endif /* CNI_EXEC_READ_GATE_H */
