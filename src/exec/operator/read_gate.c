/* SPDX-License-Identifier: Apache-2.0
 *
 * The gate between those that read a finished state and who writes it out: see read_gate.h.
 */
#include "exec/operator/read_gate.h"

void
cni_read_gate_init(cni_read_gate *self)
{
    cni_mutex_init(&self->mutex);
    cni_cond_init(&self->left);
}

void
cni_read_gate_done(cni_read_gate *self)
{
    cni_cond_done(&self->left);
    cni_mutex_done(&self->mutex);
}

void
cni_read_gate_open(cni_read_gate *self)
{
    cni_mutex_lock(&self->mutex);
    self->open = true;
    cni_mutex_unlock(&self->mutex);
}

void
cni_read_gate_enter_reading(cni_read_gate *self, cni_read_visit *out_visit)
{
    out_visit->thread = cni_thread_id();
    cni_mutex_lock(&self->mutex);
    while (self->writing) {
        cni_cond_wait(&self->left, &self->mutex);
    }
    out_visit->next = self->visits;
    self->visits = out_visit;
    cni_mutex_unlock(&self->mutex);
}

void
cni_read_gate_leave_reading(cni_read_gate *self, const cni_read_visit *visit)
{
    cni_mutex_lock(&self->mutex);
    cni_read_visit **at = &self->visits;
    while (*at != visit) {
        at = &(*at)->next;
    }
    *at = visit->next;
    cni_mutex_unlock(&self->mutex);
}

/* Under the mutex. */
static bool
reads_itself(const cni_read_gate *self)
{
    const cni_read_visit *visit = self->visits;
    while (visit != NULL && visit->thread != cni_thread_id()) {
        visit = visit->next;
    }
    return visit != NULL;
}

cni_gate_answer
cni_read_gate_enter_writing(cni_read_gate *self)
{
    cni_gate_answer answer = CNI_GATE_CLOSED;
    cni_mutex_lock(&self->mutex);
    if (self->open && !reads_itself(self)) {
        const bool is_free = !self->writing && self->visits == NULL;
        answer = is_free ? CNI_GATE_ENTERED : CNI_GATE_BUSY;
        self->writing = self->writing || is_free;
    }
    cni_mutex_unlock(&self->mutex);
    return answer;
}

void
cni_read_gate_leave_writing(cni_read_gate *self)
{
    cni_mutex_lock(&self->mutex);
    self->writing = false;
    cni_cond_broadcast(&self->left);
    cni_mutex_unlock(&self->mutex);
}
