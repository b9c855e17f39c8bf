/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads, locks and clocks over POSIX. Calls that can fail only through misuse are checked in
 * debug builds. New threads inherit a mask with every signal blocked: signals belong to the host.
 */
#include "base/thread.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

/* POSIX answers an error number; anything but 0 here is a defect of the caller. */
static void
expect_zero(int status)
{
    CN_ASSERT(status == 0);
    (void)status;
}

void
cni_mutex_init(cni_mutex *self)
{
    expect_zero(pthread_mutex_init(&self->handle, NULL));
}

void
cni_mutex_done(cni_mutex *self)
{
    expect_zero(pthread_mutex_destroy(&self->handle));
}

void
cni_mutex_lock(cni_mutex *self)
{
    expect_zero(pthread_mutex_lock(&self->handle));
}

void
cni_mutex_unlock(cni_mutex *self)
{
    expect_zero(pthread_mutex_unlock(&self->handle));
}

void
cni_cond_init(cni_cond *self)
{
    pthread_condattr_t attributes;
    expect_zero(pthread_condattr_init(&attributes));
    expect_zero(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    expect_zero(pthread_cond_init(&self->handle, &attributes));
    expect_zero(pthread_condattr_destroy(&attributes));
}

void
cni_cond_done(cni_cond *self)
{
    expect_zero(pthread_cond_destroy(&self->handle));
}

void
cni_cond_signal(cni_cond *self)
{
    expect_zero(pthread_cond_signal(&self->handle));
}

void
cni_cond_broadcast(cni_cond *self)
{
    expect_zero(pthread_cond_broadcast(&self->handle));
}

void
cni_cond_wait(cni_cond *self, cni_mutex *mutex)
{
    expect_zero(pthread_cond_wait(&self->handle, &mutex->handle));
}

bool
cni_cond_wait_until(cni_cond *self, cni_mutex *mutex, int64_t deadline_ns)
{
    const struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                      .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    return pthread_cond_timedwait(&self->handle, &mutex->handle, &deadline) == 0;
}

/* The stack size the system accepts for a request of stack_bytes. */
static size_t
stack_size(int64_t stack_bytes)
{
    const long page_bytes = sysconf(_SC_PAGESIZE);
    const int64_t wanted = cni_max_i64(stack_bytes, (int64_t)PTHREAD_STACK_MIN);
    return (size_t)cni_round_up(wanted, page_bytes > 0 ? page_bytes : 4096);
}

static int
start_with_mask(cni_thread *out_thread, const pthread_attr_t *attributes, void *(*run)(void *),
                void *argument)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    int status = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (status != 0) {
        return status;
    }
    pthread_t handle;
    status = pthread_create(&handle, attributes, run, argument);
    expect_zero(pthread_sigmask(SIG_SETMASK, &before, NULL));
    if (status == 0) {
        out_thread->handle = handle;
    }
    return status;
}

cn_code
cni_thread_start(cni_thread *out_thread, void *(*run)(void *), void *argument, int64_t stack_bytes,
                 cn_error *err)
{
    pthread_attr_t attributes;
    int status = pthread_attr_init(&attributes);
    if (status == 0) {
        if (stack_bytes > 0) {
            status = pthread_attr_setstacksize(&attributes, stack_size(stack_bytes));
        }
        if (status == 0) {
            status = start_with_mask(out_thread, &attributes, run, argument);
        }
        expect_zero(pthread_attr_destroy(&attributes));
    }
    if (status != 0) {
        const cn_code code = CN_FAIL(err, CN_IO, "cannot start a thread");
        cni_error_errno(err, status);
        return code;
    }
    return CN_OK;
}

void
cni_thread_join(cni_thread *self)
{
    expect_zero(pthread_join(self->handle, NULL));
}

void
cni_thread_yield(void)
{
    (void)sched_yield();
}

uint64_t
cni_thread_id(void)
{
    return (uint64_t)pthread_self(); /* the address of the thread's descriptor */
}

int64_t
cni_clock_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + (int64_t)now.tv_nsec;
}

int64_t
cni_thread_cpu_ns(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t)time.tv_sec * INT64_C(1000000000) + (int64_t)time.tv_nsec;
}

int64_t
cni_clock_wall_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + (int64_t)now.tv_nsec / 1000;
}
