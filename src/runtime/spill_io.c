/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue of requests and its threads. A request is on one list, `queue` or `running`, until it
 * has ended; nothing of it is touched afterwards, since its owner may have freed it. Nothing is
 * carried out, started or joined under the lock.
 */
#include "runtime/spill_io.h"

#include <unistd.h>

#define STACK_BYTES (256 << 10)

void
cni_spill_io_init(cni_spill_io *self, cni_fault *fault)
{
    *self = (cni_spill_io){.fault = fault};
    cni_mutex_init(&self->mutex);
    cni_cond_init(&self->queued);
    cni_cond_init(&self->ended);
}

/* ---- lists ---- */

static void
put(cni_spill_request_list *list, cni_spill_request *request)
{
    request->next = NULL;
    request->prev = list->last;
    if (list->last == NULL) {
        list->first = request;
    } else {
        list->last->next = request;
    }
    list->last = request;
}

static void
take(cni_spill_request_list *list, cni_spill_request *request)
{
    if (request->prev == NULL) {
        list->first = request->next;
    } else {
        request->prev->next = request->next;
    }
    if (request->next == NULL) {
        list->last = request->prev;
    } else {
        request->next->prev = request->prev;
    }
}

static void
leave_queue(cni_spill_io *self, cni_spill_request *request)
{
    take(&self->queue, request);
    self->n_queued--;
}

static bool
has_file(const cni_spill_request_list *list, const cni_spill_file *file)
{
    for (const cni_spill_request *at = list->first; at != NULL; at = at->next) {
        if (at->file == file) {
            return true;
        }
    }
    return false;
}

/* ---- carrying out ---- */

static void
carry_out(cni_spill_request *request)
{
    cn_error *err = &request->error;
    request->code =
        request->data != NULL
            ? cni_spill_append(request->file, request->data, request->n_bytes, &request->offset,
                               err)
            : cni_spill_read(request->file, request->offset, request->n_bytes, request->out, err);
}

/* A queued request, by the calling thread. Under the mutex, which is released meanwhile. */
static void
run(cni_spill_io *self, cni_spill_request *request)
{
    leave_queue(self, request);
    put(&self->running, request);
    cni_flag_publish(&request->state, CNI_SPILL_RUNNING);
    cni_mutex_unlock(&self->mutex);
    carry_out(request);
    cni_mutex_lock(&self->mutex);
    take(&self->running, request);
    cni_flag_publish(&request->state, CNI_SPILL_ENDED); /* its owner may free it now */
    if (self->n_waiting > 0) {
        cni_cond_broadcast(&self->ended);
    }
}

static void *
serve(void *argument)
{
    cni_spill_io *self = argument;
    cni_mutex_lock(&self->mutex);
    while (!self->is_ending) {
        if (self->queue.first != NULL) {
            run(self, self->queue.first);
            continue;
        }
        self->n_idle++;
        cni_cond_wait(&self->queued, &self->mutex);
        self->n_idle--;
    }
    cni_mutex_unlock(&self->mutex);
    return NULL;
}

/* ---- threads ---- */

/* Threads of another process cannot be waited for, nor its lock be taken. */
static bool
is_foreign(const cni_spill_io *self)
{
    const int64_t owner = cni_flag_consume(&self->owner);
    return owner != 0 && owner != getpid();
}

/* By who has set is_starting. Without threads requests are carried out by who finishes them. */
static void
start_thread(cni_spill_io *self)
{
    cni_thread *thread = &self->threads[self->n_threads];
    const bool started = !cni_fault_hit(self->fault, CNI_FAULT_THREAD) &&
                         cni_thread_start(thread, serve, self, STACK_BYTES, NULL) == CN_OK;
    cni_mutex_lock(&self->mutex);
    self->n_threads += started ? 1 : 0;
    self->is_starting = false;
    cni_mutex_unlock(&self->mutex);
}

static void
enqueue(cni_spill_io *self, cni_spill_request *request)
{
    cni_mutex_lock(&self->mutex);
    cni_flag_publish(&self->owner, getpid());
    put(&self->queue, request);
    self->n_queued++;
    cni_flag_publish(&request->state, CNI_SPILL_QUEUED);
    const bool starts = self->n_queued > self->n_idle && !self->is_starting &&
                        self->n_threads < CNI_SPILL_IO_THREADS;
    self->is_starting = self->is_starting || starts;
    cni_cond_signal(&self->queued);
    cni_mutex_unlock(&self->mutex);
    if (starts) {
        start_thread(self);
    }
}

void
cni_spill_io_done(cni_spill_io *self)
{
    if (!is_foreign(self)) {
        cni_mutex_lock(&self->mutex);
        self->is_ending = true;
        cni_cond_broadcast(&self->queued);
        cni_mutex_unlock(&self->mutex);
        for (int32_t at = 0; at < self->n_threads; at++) {
            cni_thread_join(&self->threads[at]);
        }
        cni_cond_done(&self->ended);
        cni_cond_done(&self->queued);
        cni_mutex_done(&self->mutex);
    }
}

/* ---- requests ---- */

static void
begin(cni_spill_request *request)
{
    cni_spill_io *io = request->file->store->io;
    if (io == NULL || is_foreign(io)) {
        carry_out(request);
        cni_flag_publish(&request->state, CNI_SPILL_ENDED);
        return;
    }
    enqueue(io, request);
}

void
cni_spill_begin_append(cni_spill_file *file, const void *data, int64_t n_bytes,
                       cni_spill_request *out_request)
{
    CN_ASSERT(!cni_spill_is_begun(out_request) && data != NULL);
    *out_request = (cni_spill_request){.file = file, .data = data, .n_bytes = n_bytes};
    begin(out_request);
}

void
cni_spill_begin_read(cni_spill_file *file, int64_t offset, int64_t n_bytes, void *out,
                     cni_spill_request *out_request)
{
    CN_ASSERT(!cni_spill_is_begun(out_request));
    *out_request =
        (cni_spill_request){.file = file, .out = out, .n_bytes = n_bytes, .offset = offset};
    begin(out_request);
}

static CN_COLD void
withdraw(cni_spill_request *request, const char *why)
{
    request->code = CN_FAIL(&request->error, CN_CANCELLED, "temporary files of a %s: %s",
                            request->file->purpose, why);
    cni_flag_publish(&request->state, CNI_SPILL_ENDED);
}

/* Until the request has ended: carried out here when nobody has begun to, or withdrawn when it is
 * not wanted. A request that has ended is not the service's any more. */
static void
await(cni_spill_request *request, bool wanted)
{
    if (cni_flag_consume(&request->state) == CNI_SPILL_ENDED) {
        return;
    }
    cni_spill_io *io = request->file->store->io;
    if (is_foreign(io)) {
        withdraw(request, "they belong to the process that was forked");
        return;
    }
    cni_mutex_lock(&io->mutex);
    if (cni_flag_consume(&request->state) == CNI_SPILL_QUEUED && wanted) {
        run(io, request);
    } else if (cni_flag_consume(&request->state) == CNI_SPILL_QUEUED) {
        leave_queue(io, request);
        withdraw(request, "not wanted any more");
    }
    io->n_waiting++;
    while (cni_flag_consume(&request->state) != CNI_SPILL_ENDED) {
        cni_cond_wait(&io->ended, &io->mutex);
    }
    io->n_waiting--;
    cni_mutex_unlock(&io->mutex);
}

cn_code
cni_spill_finish(cni_spill_request *self, int64_t *out_offset, cn_error *err)
{
    CN_ASSERT(cni_spill_is_begun(self));
    await(self, true);
    cni_flag_publish(&self->state, CNI_SPILL_IDLE);
    if (self->code != CN_OK) {
        if (err != NULL) {
            *err = self->error;
        }
        return self->code;
    }
    if (out_offset != NULL) {
        *out_offset = self->offset;
    }
    return CN_OK;
}

void
cni_spill_abandon(cni_spill_request *self)
{
    if (cni_spill_is_begun(self)) {
        await(self, false);
        cni_flag_publish(&self->state, CNI_SPILL_IDLE);
    }
}

void
cni_spill_io_withdraw(cni_spill_io *self, cni_spill_file *file)
{
    if (is_foreign(self)) {
        return;
    }
    cni_mutex_lock(&self->mutex);
    for (cni_spill_request *at = self->queue.first; at != NULL;) {
        cni_spill_request *next = at->next;
        if (at->file == file) {
            leave_queue(self, at);
            withdraw(at, "closed before a request was carried out");
        }
        at = next;
    }
    if (self->n_waiting > 0) {
        cni_cond_broadcast(&self->ended);
    }
    self->n_waiting++;
    while (has_file(&self->running, file)) {
        cni_cond_wait(&self->ended, &self->mutex);
    }
    self->n_waiting--;
    cni_mutex_unlock(&self->mutex);
}
