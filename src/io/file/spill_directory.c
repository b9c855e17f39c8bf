/* SPDX-License-Identifier: Apache-2.0
 *
 * Spill files: extents at aligned offsets, reserved by an atomic counter and written by the calling
 * worker with pwrite. Memory or lengths that are not aligned go through a bounce buffer, which the
 * callers of the library avoid.
 *
 *   file   | extent | extent ...       each begins at a multiple of CNI_SPILL_ALIGN_BYTES
 *
 * Extents of a few pages are not worth a write of the device's own: they have a second file, which
 * is left to the page cache, at offsets from SMALL_OFFSET on.
 */
#include "io/file/spill_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/thread.h"
#include "io/file/spill_closer_int.h"
#include "io/file/spill_holes_int.h"
#include "io/file/spill_place_int.h"
#include "runtime/spill_io.h"

#define BOUNCE_BYTES      (INT64_C(256) << 10)
#define FREE_SHARE_TENTHS 9
#define SMALL_BYTES       (INT64_C(16) << 10) /* extents below that are not aligned */
#define SMALL_OFFSET      (INT64_C(1) << 53)
#define MAX_FILE_BYTES    (INT64_C(1) << 52)
#define SLOW_CLOSE_BYTES  (INT64_C(16) << 20) /* the system takes milliseconds to close that */

typedef enum place_state {
    PLACE_NONE,
    PLACE_MAKING, /* by one thread; the others wait for `made` */
    PLACE_READY
} place_state;

typedef struct directory_store {
    cni_spill_store base;
    cni_allocator *allocator; /* referenced */
    cni_fault *fault;
    cni_mutex mutex; /* of state */
    cni_cond made;
    place_state state;
    bool has_limit;
    pid_t owner; /* the process that made the place */
    cni_spill_place place;
    cni_spill_closer closer;
    cni_spill_io io;
    int64_t directory_bytes;
    char directory[CNI_SPILL_PATH_BYTES];
} directory_store;

/* One of a file's two, which differ in how they are written. */
typedef struct directory_part {
    cni_spill_file *file;
    cni_atomic_i64 n_reserved; /* counter: bytes of the file that extents have */
    cni_atomic_i64 direct;     /* counter: 1 = past the page cache, until that is refused */
    cni_spill_holes holes;
    int fd;
} directory_part;

typedef struct directory_file {
    cni_spill_file base;
    cni_atomic_i64 n_charged; /* counter: of the quota */
    directory_part parts[2];  /* large extents, small ones */
    cni_spill_closing closing;
    cni_allocator *allocator; /* the store's, which outlives it */
} directory_file;

static directory_store *
store_of(const cni_spill_file *file)
{
    return (directory_store *)(void *)file->store;
}

/* ---- failing ---- */

static CN_COLD cn_code
fail_errno(const cni_spill_file *self, int os_errno, const char *what, cn_error *err)
{
    const bool full = os_errno == ENOSPC || os_errno == EDQUOT || os_errno == EFBIG;
    (void)CN_FAIL(err, CN_IO, "cannot %s temporary files of a %s in '%s'%s", what, self->purpose,
                  store_of(self)->place.path, full ? " (disk full)" : "");
    cni_error_errno(err, os_errno);
    return CN_IO;
}

static cn_code
check_process(const directory_store *store, cn_error *err)
{
    if (store->owner != getpid()) {
        return CN_FAIL(err, CN_INVALID_STATE,
                       "the temporary files in '%s' belong to the process that was forked",
                       store->place.path);
    }
    return CN_OK;
}

/* ---- the place ---- */

/* Nine tenths of what is free, unless a limit was given. */
static void
measure_limit(directory_store *self)
{
    struct statvfs status;
    if (self->has_limit || fstatvfs(self->place.directory_fd, &status) != 0) {
        return;
    }
    int64_t free_bytes = 0;
    if (cni_checked_mul((int64_t)status.f_bavail, (int64_t)status.f_frsize, &free_bytes)) {
        cni_counter_set(&self->base.limit_bytes, free_bytes / 10 * FREE_SHARE_TENTHS);
    }
}

static cn_code
make_place(directory_store *self, cn_error *err)
{
    (void)cni_spill_place_clean(self->directory);
    CN_TRY(cni_spill_place_make(&self->place, self->directory, err));
    self->owner = getpid();
    measure_limit(self);
    return CN_OK;
}

/* True when the caller is the one to make it. */
static bool
claim_place(directory_store *self)
{
    cni_mutex_lock(&self->mutex);
    while (self->state == PLACE_MAKING) {
        cni_cond_wait(&self->made, &self->mutex);
    }
    const bool claimed = self->state == PLACE_NONE;
    if (claimed) {
        self->state = PLACE_MAKING;
    }
    cni_mutex_unlock(&self->mutex);
    return claimed;
}

static cn_code
require_place(directory_store *self, cn_error *err)
{
    if (!claim_place(self)) {
        return CN_OK;
    }
    const cn_code code = make_place(self, err);
    cni_mutex_lock(&self->mutex);
    self->state = code == CN_OK ? PLACE_READY : PLACE_NONE;
    cni_cond_broadcast(&self->made);
    cni_mutex_unlock(&self->mutex);
    return code;
}

/* ---- appending ---- */

/* Alignments that are larger than ours, or none at all, show at the first write only. */
static bool
leave_direct(directory_part *self)
{
    const int flags = fcntl(self->fd, F_GETFL);
    cni_counter_set(&self->direct, 0);
    return flags >= 0 && (flags & O_DIRECT) != 0 &&
           fcntl(self->fd, F_SETFL, flags & ~O_DIRECT) == 0;
}

static cn_code
write_all(directory_part *self, const uint8_t *data, int64_t n_bytes, int64_t offset, cn_error *err)
{
    int64_t n_done = 0;
    while (n_done < n_bytes) {
        const ssize_t n_written =
            pwrite(self->fd, data + n_done, (size_t)(n_bytes - n_done), (off_t)(offset + n_done));
        if (n_written < 0 && (errno == EINTR || (errno == EINVAL && leave_direct(self)))) {
            continue;
        }
        if (n_written <= 0 && (n_written == 0 || errno == ENOSPC) &&
            cni_spill_closer_wait(&store_of(self->file)->closer)) {
            continue; /* closed files have given their blocks back */
        }
        if (n_written <= 0) {
            return fail_errno(self->file, n_written < 0 ? errno : ENOSPC, "write", err);
        }
        n_done += (int64_t)n_written;
    }
    return CN_OK;
}

/* Aligned memory of n_bytes, at most BOUNCE_BYTES, a multiple of the alignment. */
typedef struct bounce {
    cni_allocator *allocator;
    uint8_t *data;
    int64_t n_bytes;
} bounce;

static void
bounce_done(bounce *self)
{
    if (self->data != NULL) {
        (void)self->allocator->resize(self->allocator, self->data, self->n_bytes, 0,
                                      CNI_SPILL_ALIGN_BYTES, NULL);
    }
}

static inline void
bounce_cleanup_(bounce *inout_value)
{
    bounce_done(inout_value);
}

static cn_code
bounce_init(bounce *self, cni_allocator *allocator, int64_t n_bytes, cn_error *err)
{
    self->allocator = allocator;
    self->n_bytes = cni_min_i64(cni_round_up(n_bytes, CNI_SPILL_ALIGN_BYTES), BOUNCE_BYTES);
    self->data = allocator->resize(allocator, NULL, 0, self->n_bytes, CNI_SPILL_ALIGN_BYTES, err);
    return self->data != NULL ? CN_OK : (err != NULL ? err->code : CN_NO_MEMORY);
}

/* Copied and padded with zeros. */
static cn_code
write_bounced(directory_part *self, const uint8_t *data, int64_t n_bytes, int64_t offset,
              cn_error *err)
{
    CN_SCOPED(bounce) copy = {0};
    CN_TRY(bounce_init(&copy, store_of(self->file)->allocator, n_bytes, err));
    for (int64_t at = 0; at < n_bytes; at += copy.n_bytes) {
        const int64_t n_copied = cni_min_i64(copy.n_bytes, n_bytes - at);
        const int64_t n_padded = cni_round_up(n_copied, CNI_SPILL_ALIGN_BYTES);
        memcpy(copy.data, data + at, (size_t)n_copied);
        memset(copy.data + n_copied, 0, (size_t)(n_padded - n_copied));
        CN_TRY(write_all(self, copy.data, n_padded, offset + at, err));
    }
    return CN_OK;
}

static bool
is_aligned(const void *data, int64_t n_bytes)
{
    const uintptr_t mask = CNI_SPILL_ALIGN_BYTES - 1;
    return (((uintptr_t)data | (uintptr_t)n_bytes) & mask) == 0;
}

static cn_code
directory_append(cni_spill_file *base, const void *data, int64_t n_bytes, int64_t *out_offset,
                 cn_error *err)
{
    directory_file *self = (directory_file *)(void *)base;
    const directory_store *store = store_of(base);
    if (cni_fault_hit(store->fault, CNI_FAULT_WRITE)) {
        return fail_errno(base, ENOSPC, "write", err);
    }
    CN_TRY(check_process(store, err));
    const bool is_small = n_bytes < SMALL_BYTES;
    directory_part *part = &self->parts[is_small];
    const int64_t n_extent = cni_round_up(n_bytes, CNI_SPILL_ALIGN_BYTES);
    const int64_t offset = cni_counter_add(&part->n_reserved, n_extent);
    if (offset > MAX_FILE_BYTES - n_extent) {
        return fail_errno(base, EFBIG, "write", err);
    }
    if (cni_counter_get(&part->direct) == 0 || is_aligned(data, n_bytes)) {
        CN_TRY(write_all(part, data, n_bytes, offset, err));
    } else {
        CN_TRY(write_bounced(part, data, n_bytes, offset, err));
    }
    cni_counter_add(&self->n_charged, n_bytes);
    *out_offset = offset + (is_small ? SMALL_OFFSET : 0);
    return CN_OK;
}

/* ---- reading ---- */

/* Read [offset, offset + n_bytes) of which `n_wanted` bytes must exist. */
static cn_code
read_all(const directory_part *self, uint8_t *out, int64_t n_bytes, int64_t n_wanted,
         int64_t offset, cn_error *err)
{
    int64_t n_done = 0;
    while (n_done < n_wanted) {
        const ssize_t n_read =
            pread(self->fd, out + n_done, (size_t)(n_bytes - n_done), (off_t)(offset + n_done));
        if (n_read < 0 && errno == EINTR) {
            continue;
        }
        if (n_read < 0) {
            return fail_errno(self->file, errno, "read", err);
        }
        if (n_read == 0 && n_wanted - n_done < CNI_SPILL_ALIGN_BYTES) {
            memset(out + n_done, 0, (size_t)(n_wanted - n_done)); /* the last page was not filled */
            return CN_OK;
        }
        if (n_read == 0) {
            return CN_FAIL(err, CN_INVALID_DATA,
                           "a temporary file of a %s in '%s' ends before byte %lld",
                           self->file->purpose, store_of(self->file)->place.path,
                           (long long)(offset + n_wanted));
        }
        n_done += (int64_t)n_read;
    }
    return CN_OK;
}

static cn_code
read_bounced(const directory_part *self, int64_t offset, int64_t n_bytes, uint8_t *out,
             cn_error *err)
{
    CN_SCOPED(bounce) copy = {0};
    int64_t skipped = offset & (CNI_SPILL_ALIGN_BYTES - 1);
    CN_TRY(bounce_init(&copy, store_of(self->file)->allocator, skipped + n_bytes, err));
    int64_t n_done = 0;
    while (n_done < n_bytes) {
        const int64_t n_copied = cni_min_i64(n_bytes - n_done, copy.n_bytes - skipped);
        CN_TRY(read_all(self, copy.data, cni_round_up(skipped + n_copied, CNI_SPILL_ALIGN_BYTES),
                        skipped + n_copied, offset + n_done - skipped, err));
        memcpy(out + n_done, copy.data + skipped, (size_t)n_copied);
        n_done += n_copied;
        skipped = 0;
    }
    return CN_OK;
}

static cn_code
directory_read(cni_spill_file *base, int64_t offset, int64_t n_bytes, void *out, cn_error *err)
{
    const directory_file *self = (const directory_file *)(const void *)base;
    const directory_store *store = store_of(base);
    const directory_part *part = &self->parts[offset >= SMALL_OFFSET];
    const int64_t at = offset >= SMALL_OFFSET ? offset - SMALL_OFFSET : offset;
    if (cni_fault_hit(store->fault, CNI_FAULT_READ)) {
        return fail_errno(base, EIO, "read", err);
    }
    CN_TRY(check_process(store, err));
    if (!cni_range_fits(at, n_bytes, cni_counter_get(&part->n_reserved))) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "bytes %lld to %lld of a temporary file of a %s do not exist",
                       (long long)offset, (long long)(offset + n_bytes), base->purpose);
    }
    if (cni_counter_get(&part->direct) == 0 || (is_aligned(out, n_bytes) && is_aligned(NULL, at))) {
        return read_all(part, out, n_bytes, n_bytes, at, err);
    }
    return read_bounced(part, at, n_bytes, out, err);
}

/* ---- giving back ---- */

static void
make_hole(const directory_part *self, cni_spill_range range)
{
    const int64_t start = cni_round_up(range.start, CNI_SPILL_ALIGN_BYTES);
    const int64_t end = range.end & ~(int64_t)(CNI_SPILL_ALIGN_BYTES - 1);
    const int os_errno = errno;
    if (end > start) {
        (void)fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)start,
                        (off_t)(end - start));
    }
    errno = os_errno;
}

static void
directory_discard(cni_spill_file *base, int64_t offset, int64_t n_bytes)
{
    directory_file *self = (directory_file *)(void *)base;
    directory_part *part = &self->parts[offset >= SMALL_OFFSET];
    const int64_t at = offset >= SMALL_OFFSET ? offset - SMALL_OFFSET : offset;
    if (n_bytes > 0 && store_of(base)->owner == getpid()) {
        make_hole(part, cni_spill_holes_add(&part->holes, (cni_spill_range){at, at + n_bytes}));
    }
    cni_counter_add(&self->n_charged, -n_bytes);
    cni_spill_give_back(base->store, n_bytes);
}

/* Close both parts and free the file. */
static void
close_parts(cni_spill_closing *closing)
{
    directory_file *self =
        (directory_file *)(void *)((char *)closing - offsetof(directory_file, closing));
    for (int32_t part = 0; part < 2; part++) {
        (void)close(self->parts[part].fd);
        cni_spill_holes_done(&self->parts[part].holes);
    }
    cni_dealloc(self->allocator, self, (int64_t)sizeof(*self));
}

static void
directory_close(cni_spill_file *base)
{
    directory_file *self = (directory_file *)(void *)base;
    directory_store *store = store_of(base);
    const bool is_slow =
        cni_counter_get(&self->parts[0].n_reserved) + cni_counter_get(&self->parts[1].n_reserved) >=
        SLOW_CLOSE_BYTES;
    cni_spill_give_back(base->store, cni_counter_get(&self->n_charged));
    if (is_slow && store->owner == getpid()) {
        cni_spill_closer_give(&store->closer, &self->closing);
    } else {
        close_parts(&self->closing);
    }
}

static const cni_spill_file_ops file_ops = {.append = directory_append,
                                            .read = directory_read,
                                            .discard = directory_discard,
                                            .close = directory_close};

static cn_code
open_parts(const directory_store *store, directory_file *file, cn_error *err)
{
    bool direct = true;
    CN_TRY(cni_spill_place_open(&store->place, &file->parts[0].fd, &direct, err));
    cni_counter_set(&file->parts[0].direct, direct);
    bool no_direct = false;
    const cn_code code = cni_spill_place_open(&store->place, &file->parts[1].fd, &no_direct, err);
    if (code != CN_OK) {
        (void)close(file->parts[0].fd);
        return code;
    }
    for (int32_t part = 0; part < 2; part++) {
        file->parts[part].file = &file->base;
        cni_spill_holes_init(&file->parts[part].holes);
    }
    return CN_OK;
}

static cn_code
directory_create(cni_spill_store *base, const char *purpose, cni_spill_file **out_file,
                 cn_error *err)
{
    directory_store *self = (directory_store *)(void *)base;
    CN_TRY(require_place(self, err));
    if (cni_fault_hit(self->fault, CNI_FAULT_WRITE)) {
        (void)CN_FAIL(err, CN_IO, "cannot make a temporary file in '%s' (disk full)",
                      self->place.path);
        cni_error_errno(err, ENOSPC);
        return CN_IO;
    }
    CN_TRY(check_process(self, err));
    directory_file *file = NULL;
    CN_TRY(cni_alloc_zeroed(self->allocator, (int64_t)sizeof(*file), &file, err));
    const cn_code code = open_parts(self, file, err);
    if (code != CN_OK) {
        cni_dealloc(self->allocator, file, (int64_t)sizeof(*file));
        return code;
    }
    file->base =
        (cni_spill_file){.ops = &file_ops, .store = cni_spill_store_ref(base), .purpose = purpose};
    file->closing.close = close_parts;
    file->allocator = self->allocator;
    *out_file = &file->base;
    return CN_OK;
}

/* ---- the store ---- */

static void
directory_free(cni_spill_store *base)
{
    directory_store *self = (directory_store *)(void *)base;
    cni_spill_io_done(&self->io);
    if (self->owner == 0 || self->owner == getpid()) {
        cni_spill_closer_done(&self->closer); /* a forked child has no such thread */
    }
    if (self->state == PLACE_READY) {
        cni_spill_place_done(&self->place, self->owner == getpid());
    }
    cni_cond_done(&self->made);
    cni_mutex_done(&self->mutex);
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

static const cni_spill_store_ops store_ops = {.create = directory_create, .free = directory_free};

cn_code
cni_spill_directory_new(cni_allocator *allocator, cni_fault *fault, cni_str directory,
                        int64_t limit_bytes, cni_spill_store **out_store, cn_error *err)
{
    if (directory.len_bytes == 0 || directory.len_bytes >= CNI_SPILL_PATH_BYTES ||
        memchr(directory.data, 0, (size_t)directory.len_bytes) != NULL) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "a temporary directory's path has 1 to %d bytes and no NUL",
                       CNI_SPILL_PATH_BYTES - 1);
    }
    directory_store *self = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*self), &self, err));
    cni_allocator_ref(allocator);
    self->allocator = allocator;
    self->fault = fault;
    self->base.ops = &store_ops;
    self->has_limit = limit_bytes > 0;
    cni_counter_set(&self->base.n_refs, 1);
    cni_counter_set(&self->base.limit_bytes, limit_bytes > 0 ? limit_bytes : INT64_MAX);
    cni_mutex_init(&self->mutex);
    cni_cond_init(&self->made);
    cni_spill_closer_init(&self->closer, fault);
    cni_spill_io_init(&self->io, fault);
    self->base.io = &self->io;
    self->directory_bytes = directory.len_bytes;
    memcpy(self->directory, directory.data, (size_t)directory.len_bytes);
    *out_store = &self->base;
    return CN_OK;
}

int64_t
cni_spill_directory_clean(cni_str directory)
{
    char path[CNI_SPILL_PATH_BYTES];
    if (directory.len_bytes <= 0 || directory.len_bytes >= CNI_SPILL_PATH_BYTES) {
        return 0;
    }
    memcpy(path, directory.data, (size_t)directory.len_bytes);
    path[directory.len_bytes] = 0;
    return cni_spill_place_clean(path);
}

cni_str
cni_spill_directory_path(const cni_spill_store *self)
{
    const directory_store *store = (const directory_store *)(const void *)self;
    return (cni_str){store->directory, store->directory_bytes};
}
