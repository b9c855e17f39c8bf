/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of files to close and its thread. Nothing is closed, started or joined under the lock.
 */
#include "io/file/spill_closer_int.h"

#define STACK_BYTES (256 << 10)

void
cni_spill_closer_init(cni_spill_closer *self, cni_fault *fault)
{
    *self = (cni_spill_closer){.fault = fault};
    cni_mutex_init(&self->mutex);
    cni_cond_init(&self->idle);
}

void
cni_spill_closer_done(cni_spill_closer *self)
{
    (void)cni_spill_closer_wait(self);
    if (self->has_thread) {
        cni_thread_join(&self->thread);
    }
    cni_cond_done(&self->idle);
    cni_mutex_done(&self->mutex);
}

/* Until the queue is empty. */
static void *
close_all(void *argument)
{
    cni_spill_closer *self = argument;
    cni_mutex_lock(&self->mutex);
    while (self->first != NULL) {
        cni_spill_closing *closing = self->first;
        self->first = closing->next;
        cni_mutex_unlock(&self->mutex);
        closing->close(closing);
        cni_mutex_lock(&self->mutex);
    }
    self->last = NULL;
    self->is_running = false;
    cni_cond_broadcast(&self->idle);
    cni_mutex_unlock(&self->mutex);
    return NULL;
}

/* The caller has set is_running, so it is the only one here. */
static void
start(cni_spill_closer *self)
{
    if (self->has_thread) {
        cni_thread_join(&self->thread); /* it has nothing left to do */
    }
    self->has_thread = !cni_fault_hit(self->fault, CNI_FAULT_THREAD) &&
                       cni_thread_start(&self->thread, close_all, self, STACK_BYTES, NULL) == CN_OK;
    if (!self->has_thread) {
        (void)close_all(self);
    }
}

void
cni_spill_closer_give(cni_spill_closer *self, cni_spill_closing *own_closing)
{
    own_closing->next = NULL;
    cni_mutex_lock(&self->mutex);
    if (self->first == NULL) {
        self->first = own_closing;
    } else {
        self->last->next = own_closing;
    }
    self->last = own_closing;
    const bool starts = !self->is_running;
    self->is_running = true;
    cni_mutex_unlock(&self->mutex);
    if (starts) {
        start(self);
    }
}

bool
cni_spill_closer_wait(cni_spill_closer *self)
{
    cni_mutex_lock(&self->mutex);
    const bool waited = self->is_running;
    while (self->is_running) {
        cni_cond_wait(&self->idle, &self->mutex);
    }
    cni_mutex_unlock(&self->mutex);
    return waited;
}
