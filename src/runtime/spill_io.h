/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes and reads of spill files behind the worker's back: begun here, carried out by a few
 * threads of the store that sleep in the system most of the time, ended where the bytes are needed.
 *
 *   IDLE --begin--> QUEUED --a thread--> RUNNING --> ENDED --finish--> IDLE
 *                      \---- finish: the caller carries it out itself ---/
 *                       \--- abandon, close of its file: withdrawn -----/
 *
 * Whoever finishes a request that nobody has begun to carry out does so himself: nobody ever waits
 * for longer than one request takes, however many are queued, and no thread is needed for progress.
 * So a cancelled query waits for its running requests only; queued ones are withdrawn.
 *
 * What is carried out is cni_spill_append and cni_spill_read: quota, counters, injected faults and
 * messages are those of the calls. The memory is the caller's, charged to its budget, and must stay
 * until finish or abandon.
 */
#ifndef CNI_RUNTIME_SPILL_IO_H
#define CNI_RUNTIME_SPILL_IO_H

#include "base/fault.h"
#include "base/thread.h"
#include "runtime/spill.h"

#define CNI_SPILL_IO_THREADS 4

typedef enum cni_spill_request_state {
    CNI_SPILL_IDLE,
    CNI_SPILL_QUEUED,
    CNI_SPILL_RUNNING,
    CNI_SPILL_ENDED
} cni_spill_request_state;

/* One write or read. Zero bytes = idle; not to be moved while it is not idle. Thread: confined to
 * its owner, between begin and finish shared with the service. */
typedef struct cni_spill_request {
    struct cni_spill_request *next; /* of the service's list; under its mutex */
    struct cni_spill_request *prev;
    cni_spill_file *file;
    const void *data; /* of an append */
    void *out;        /* of a read */
    int64_t n_bytes;
    int64_t offset;
    cni_atomic_i64 state; /* flag: cni_spill_request_state */
    cn_code code;
    cn_error error;
} cni_spill_request;

typedef struct cni_spill_request_list {
    cni_spill_request *first;
    cni_spill_request *last;
} cni_spill_request_list;

/* The service of a store, embedded in it. Thread: synchronised. */
typedef struct cni_spill_io {
    cni_fault *fault;     /* borrowed, may be NULL: CNI_FAULT_THREAD for each start */
    cni_atomic_i64 owner; /* flag: process that has the threads; 0 = none yet */
    cni_mutex mutex;      /* guards what follows */
    cni_cond queued;      /* a thread may look */
    cni_cond ended;       /* whoever waits may look */
    cni_spill_request_list queue;
    cni_spill_request_list running;
    int32_t n_queued;
    int32_t n_threads;
    int32_t n_idle; /* threads that wait for requests */
    int32_t n_waiting;
    bool is_starting; /* one thread at a time */
    bool is_ending;
    cni_thread threads[CNI_SPILL_IO_THREADS];
} cni_spill_io;

/* For stores: base.io of a store is its service, NULL where requests are carried out when they
 * begin. Threads are started by the first requests. */
void cni_spill_io_init(cni_spill_io *self, cni_fault *fault);
/* Ends the threads; all files of the store are closed. */
void cni_spill_io_done(cni_spill_io *self);
/* The file is about to be closed: its queued requests end with CN_CANCELLED, running ones are
 * waited for. */
void cni_spill_io_withdraw(cni_spill_io *self, cni_spill_file *file);

/* Begin to append n_bytes > 0, or to read them from `offset`; the request is idle. Failures come
 * out of finish. */
void cni_spill_begin_append(cni_spill_file *file, const void *data, int64_t n_bytes,
                            cni_spill_request *out_request);
void cni_spill_begin_read(cni_spill_file *file, int64_t offset, int64_t n_bytes, void *out,
                          cni_spill_request *out_request);

static inline bool
cni_spill_is_begun(const cni_spill_request *self)
{
    return cni_flag_consume(&self->state) != CNI_SPILL_IDLE;
}

/* The result of a begun request, which is idle afterwards: what cni_spill_append or cni_spill_read
 * give. *out_offset (may be NULL): where an append lies. Errors: CN_CANCELLED when the file was
 * closed first. */
CN_NODISCARD cn_code cni_spill_finish(cni_spill_request *self, int64_t *out_offset, cn_error *err);
/* The result is not wanted: the memory is the caller's again. An append may have happened. Idle
 * requests are accepted. */
void cni_spill_abandon(cni_spill_request *self);

#endif /* CNI_RUNTIME_SPILL_IO_H */
