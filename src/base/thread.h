/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads, mutexes, condition variables and the monotonic clock: a thin shim over POSIX, so that
 * no other file names pthread. Locks are never held over a callback, an allocation or I/O.
 */
#ifndef CNI_BASE_THREAD_H
#define CNI_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

typedef struct cni_mutex {
    pthread_mutex_t handle;
} cni_mutex;

typedef struct cni_cond {
    pthread_cond_t handle; /* on the monotonic clock */
} cni_cond;

typedef struct cni_thread {
    pthread_t handle;
} cni_thread;

void cni_mutex_init(cni_mutex *self);
void cni_mutex_done(cni_mutex *self);
void cni_mutex_lock(cni_mutex *self);
void cni_mutex_unlock(cni_mutex *self);

void cni_cond_init(cni_cond *self);
void cni_cond_done(cni_cond *self);
void cni_cond_signal(cni_cond *self);
void cni_cond_broadcast(cni_cond *self);
void cni_cond_wait(cni_cond *self, cni_mutex *mutex);
/* False when deadline_ns (of cni_clock_ns) passed first. */
bool cni_cond_wait_until(cni_cond *self, cni_mutex *mutex, int64_t deadline_ns);

/* Start a thread with all signals blocked and a stack of stack_bytes (0 = the system's default). */
CN_NODISCARD cn_code cni_thread_start(cni_thread *out_thread, void *(*run)(void *), void *argument,
                                      int64_t stack_bytes, cn_error *err);
void cni_thread_join(cni_thread *self);
void cni_thread_yield(void);
/* Tells the calling thread from every other thread that runs now; never 0. */
uint64_t cni_thread_id(void);

/* Nanoseconds of the monotonic clock. */
int64_t cni_clock_ns(void);
/* Nanoseconds of a processor that the calling thread has had. */
int64_t cni_thread_cpu_ns(void);
/* Microseconds since 1970-01-01 UTC of the wall clock. */
int64_t cni_clock_wall_us(void);
/* Processors this process may run on (affinity and cgroup quota), at least 1. */
int32_t cni_cpu_count(void);

#endif /* CNI_BASE_THREAD_H */
