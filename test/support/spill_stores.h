/* SPDX-License-Identifier: Apache-2.0
 *
 * Spill stores for unit tests: one in memory with injectable failures, which completes begun
 * requests at once or late and out of order, one in a directory of the test's own, which is checked
 * to be empty and removed at the end. Header only.
 */
#ifndef CN_TEST_SPILL_STORES_H
#define CN_TEST_SPILL_STORES_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/thread.h"
#include "io/file/spill_directory.h"
#include "runtime/spill.h"
#include "runtime/spill_io.h"

/* ---- in memory ---- */

typedef struct memory_spill_store {
    cni_spill_store base;
    cni_fault *fault;     /* CNI_FAULT_WRITE: create, append; CNI_FAULT_READ: read */
    int64_t n_open_files; /* to be 0 at the end; under `mutex` */
    int64_t n_discards;   /* under `mutex` */
    cni_mutex mutex;      /* of all files: a double need not be fast */
    cni_spill_io io;      /* of slow ones */
    bool is_slow;
    cni_cond released;
    int64_t n_operations; /* reads and writes so far; under `mutex` */
    int64_t n_to_hold;    /* of the next ones; under `mutex` */
    int64_t n_held;       /* that wait for memory_spill_release; under `mutex` */
} memory_spill_store;

typedef struct memory_spill_file {
    cni_spill_file base;
    uint8_t *data;
    int64_t n_bytes;
    int64_t cap_bytes;
    int64_t n_charged;
} memory_spill_file;

/* Slow stores take up to a millisecond, and hold what they are told to. */
static inline void
memory_spill_delay(memory_spill_store *self)
{
    cni_mutex_lock(&self->mutex);
    const uint64_t number = (uint64_t)self->n_operations++;
    if (self->n_to_hold > 0) {
        self->n_to_hold--;
        self->n_held++;
        cni_cond_broadcast(&self->released);
        while (self->n_held > 0) {
            cni_cond_wait(&self->released, &self->mutex);
        }
    }
    cni_mutex_unlock(&self->mutex);
    const uint64_t mixed = number * UINT64_C(0x9E3779B97F4A7C15) >> 60;
    if (self->is_slow && mixed < 6) {
        (void)usleep((useconds_t)(mixed * 200));
    }
}

/* The next n operations do not end before memory_spill_release. */
static inline void
memory_spill_hold(memory_spill_store *self, int64_t n)
{
    cni_mutex_lock(&self->mutex);
    self->n_to_hold = n;
    cni_mutex_unlock(&self->mutex);
}

/* Until n operations are held. */
static inline void
memory_spill_await_held(memory_spill_store *self, int64_t n)
{
    cni_mutex_lock(&self->mutex);
    while (self->n_held < n) {
        cni_cond_wait(&self->released, &self->mutex);
    }
    cni_mutex_unlock(&self->mutex);
}

static inline void
memory_spill_release(memory_spill_store *self)
{
    cni_mutex_lock(&self->mutex);
    self->n_to_hold = 0;
    self->n_held = 0;
    cni_cond_broadcast(&self->released);
    cni_mutex_unlock(&self->mutex);
}

/* Doubled: under sanitizers every realloc copies. */
static inline void
memory_spill_reserve(memory_spill_file *self, int64_t n_bytes)
{
    if (n_bytes > self->cap_bytes) {
        const int64_t doubled = self->cap_bytes * 2;
        self->cap_bytes = n_bytes > doubled ? n_bytes : doubled;
        self->data = realloc(self->data, (size_t)self->cap_bytes);
    }
}

static inline cn_code
memory_spill_append(cni_spill_file *base, const void *data, int64_t n_bytes, int64_t *out_offset,
                    cn_error *err)
{
    memory_spill_file *self = (memory_spill_file *)(void *)base;
    memory_spill_store *store = (memory_spill_store *)(void *)base->store;
    memory_spill_delay(store);
    if (cni_fault_hit(store->fault, CNI_FAULT_WRITE)) {
        return CN_FAIL(err, CN_IO, "cannot write temporary files of a %s (disk full)",
                       base->purpose);
    }
    cni_mutex_lock(&store->mutex);
    const int64_t padded = cni_round_up(n_bytes, CNI_SPILL_ALIGN_BYTES);
    memory_spill_reserve(self, self->n_bytes + padded);
    memcpy(self->data + self->n_bytes, data, (size_t)n_bytes);
    memset(self->data + self->n_bytes + n_bytes, 0, (size_t)(padded - n_bytes));
    *out_offset = self->n_bytes;
    self->n_bytes += padded;
    self->n_charged += n_bytes;
    cni_mutex_unlock(&store->mutex);
    return CN_OK;
}

static inline cn_code
memory_spill_read(cni_spill_file *base, int64_t offset, int64_t n_bytes, void *out, cn_error *err)
{
    memory_spill_file *self = (memory_spill_file *)(void *)base;
    memory_spill_store *store = (memory_spill_store *)(void *)base->store;
    memory_spill_delay(store);
    if (cni_fault_hit(store->fault, CNI_FAULT_READ)) {
        return CN_FAIL(err, CN_IO, "cannot read temporary files of a %s", base->purpose);
    }
    cni_mutex_lock(&store->mutex);
    const bool exists = offset >= 0 && n_bytes >= 0 && offset + n_bytes <= self->n_bytes;
    if (exists) {
        memcpy(out, self->data + offset, (size_t)n_bytes);
    }
    cni_mutex_unlock(&store->mutex);
    return exists ? CN_OK : CN_FAIL(err, CN_INVALID_DATA, "nothing was written there");
}

static inline void
memory_spill_discard(cni_spill_file *base, int64_t offset, int64_t n_bytes)
{
    memory_spill_file *self = (memory_spill_file *)(void *)base;
    memory_spill_store *store = (memory_spill_store *)(void *)base->store;
    cni_mutex_lock(&store->mutex);
    memset(self->data + offset, 0xDD, (size_t)n_bytes); /* who reads it all the same shall see */
    self->n_charged -= n_bytes;
    store->n_discards++;
    cni_mutex_unlock(&store->mutex);
    cni_spill_give_back(base->store, n_bytes);
}

static inline void
memory_spill_close(cni_spill_file *base)
{
    memory_spill_file *self = (memory_spill_file *)(void *)base;
    memory_spill_store *store = (memory_spill_store *)(void *)base->store;
    cni_mutex_lock(&store->mutex);
    store->n_open_files--;
    cni_mutex_unlock(&store->mutex);
    cni_spill_give_back(base->store, self->n_charged);
    free(self->data);
    free(self);
}

static inline cn_code
memory_spill_create(cni_spill_store *base, const char *purpose, cni_spill_file **out_file,
                    cn_error *err)
{
    static const cni_spill_file_ops ops = {.append = memory_spill_append,
                                           .read = memory_spill_read,
                                           .discard = memory_spill_discard,
                                           .close = memory_spill_close};
    memory_spill_store *self = (memory_spill_store *)(void *)base;
    if (cni_fault_hit(self->fault, CNI_FAULT_WRITE)) {
        return CN_FAIL(err, CN_IO, "cannot make a temporary file (disk full)");
    }
    memory_spill_file *file = calloc(1, sizeof(*file));
    file->base =
        (cni_spill_file){.ops = &ops, .store = cni_spill_store_ref(base), .purpose = purpose};
    cni_mutex_lock(&self->mutex);
    self->n_open_files++;
    cni_mutex_unlock(&self->mutex);
    *out_file = &file->base;
    return CN_OK;
}

static inline void
memory_spill_free(cni_spill_store *base)
{
    (void)base; /* the test has it on its stack */
}

/* Into a variable of the test's; `fault` may be NULL. context.spill = &self->base. */
static inline void
memory_spill_begin(memory_spill_store *self, cni_fault *fault)
{
    static const cni_spill_store_ops ops = {.create = memory_spill_create,
                                            .free = memory_spill_free};
    memset(self, 0, sizeof(*self));
    self->base.ops = &ops;
    self->fault = fault;
    cni_counter_set(&self->base.n_refs, 1);
    cni_counter_set(&self->base.limit_bytes, INT64_MAX);
    cni_mutex_init(&self->mutex);
    cni_cond_init(&self->released);
}

/* The same with threads for begun requests, which end late and in another order. */
static inline void
memory_spill_begin_slow(memory_spill_store *self, cni_fault *fault)
{
    memory_spill_begin(self, fault);
    cni_spill_io_init(&self->io, fault);
    self->base.io = &self->io;
    self->is_slow = true;
}

/* Everything was closed and given back. */
static inline void
memory_spill_end(memory_spill_store *self)
{
    assert_int_equal(self->n_open_files, 0);
    assert_int_equal(cni_counter_get(&self->base.used_bytes), 0);
    assert_int_equal(cni_counter_get(&self->base.n_refs), 1);
    if (self->base.io != NULL) {
        cni_spill_io_done(self->base.io);
    }
    cni_cond_done(&self->released);
    cni_mutex_done(&self->mutex);
}

/* ---- in a directory ---- */

typedef struct spill_place {
    char path[64];
    cni_spill_store *store;
} spill_place;

static inline void
spill_place_begin(spill_place *self, cni_fault *fault)
{
    cn_error err = CN_ERROR_INIT;
    (void)snprintf(self->path, sizeof(self->path), "/tmp/cn-spill-test-XXXXXX");
    assert_non_null(mkdtemp(self->path));
    if (cni_spill_directory_new(cni_allocator_system(), fault, cni_str_of(self->path), 0,
                                &self->store, &err) != CN_OK) {
        fail_msg("%s", err.message);
    }
}

/* Entries of the directory beside . and .. */
static inline int64_t
spill_place_entries(const char *path)
{
    int64_t n_entries = 0;
    DIR *listing = opendir(path);
    assert_non_null(listing);
    while (readdir(listing) != NULL) {
        n_entries++;
    }
    (void)closedir(listing);
    return n_entries - 2;
}

/* The store goes; it must have been the last to know the place, and leave nothing. */
static inline void
spill_place_end(spill_place *self)
{
    assert_int_equal(cni_counter_get(&self->store->used_bytes), 0);
    assert_int_equal(cni_counter_get(&self->store->n_refs), 1);
    cni_spill_store_unref(self->store);
    assert_int_equal(spill_place_entries(self->path), 0);
    assert_int_equal(rmdir(self->path), 0);
}

#endif /* CN_TEST_SPILL_STORES_H */
