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
cni_read_gate_enter_reading(cni_read_gate *self)
{
    cni_mutex_lock(&self->mutex);
    while (self->writing) {
        cni_cond_wait(&self->left, &self->mutex);
    }
    self->n_reading++;
    cni_mutex_unlock(&self->mutex);
}

void
cni_read_gate_leave_reading(cni_read_gate *self)
{
    cni_mutex_lock(&self->mutex);
    self->n_reading--;
    cni_mutex_unlock(&self->mutex);
}

bool
cni_read_gate_enter_writing(cni_read_gate *self)
{
    cni_mutex_lock(&self->mutex);
    const bool is_free = self->open && !self->writing && self->n_reading == 0;
    self->writing = self->writing || is_free;
    cni_mutex_unlock(&self->mutex);
    return is_free;
}

void
cni_read_gate_leave_writing(cni_read_gate *self)
{
    cni_mutex_lock(&self->mutex);
    self->writing = false;
    cni_cond_broadcast(&self->left);
    cni_mutex_unlock(&self->mutex);
}
