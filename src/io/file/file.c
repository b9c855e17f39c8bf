/* SPDX-License-Identifier: Apache-2.0
 *
 * Local files through open, fstat and pread.
 */
#include "io/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/checked.h"

struct cni_file {
    cni_atomic_i64 n_refs;
    cni_allocator *allocator; /* referenced */
    cni_file_identity identity;
    int64_t total_bytes; /* of this block */
    int fd;
    int64_t path_bytes;
    char path[]; /* NUL-terminated */
};

/* Length of "scheme" in "scheme://...", 0 when there is none. */
static int64_t
scheme_bytes(cni_str path)
{
    for (int64_t byte = 0; byte + 2 < path.len_bytes; byte++) {
        const char c = path.data[byte];
        if (c == ':') {
            return path.data[byte + 1] == '/' && path.data[byte + 2] == '/' ? byte : 0;
        }
        const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!is_word) {
            return 0;
        }
    }
    return 0;
}

cn_code
cni_file_local_path(cni_str path, cni_str *out_path, cn_error *err)
{
    const int64_t n_scheme = scheme_bytes(path);
    if (n_scheme == 0) {
        *out_path = path;
        return CN_OK;
    }
    if (!cni_str_eq_nocase((cni_str){path.data, n_scheme}, CNI_STR("file"))) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "%.*s:// is not available in this build: '%.*s'",
                       (int)n_scheme, path.data, CNI_STR_ARGS(path));
    }
    *out_path = (cni_str){path.data + n_scheme + 3, path.len_bytes - n_scheme - 3};
    return CN_OK;
}

static cn_code
fail_errno(cn_code code, int os_errno, const char *what, const char *path, cn_error *err)
{
    (void)CN_FAIL(err, code, "cannot %s '%s'", what, path);
    cni_error_errno(err, os_errno);
    return code;
}

static cn_code
new_handle(cni_allocator *allocator, cni_str path, cni_file **out_file, cn_error *err)
{
    if (path.len_bytes == 0 || path.len_bytes > 4096 ||
        memchr(path.data, 0, (size_t)path.len_bytes) != NULL) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "a file path has 1 to 4096 bytes and no NUL: '%.*s'",
                       (int)cni_min_i64(path.len_bytes, 100), path.data);
    }
    cni_file *self;
    const int64_t total_bytes = (int64_t)sizeof(*self) + path.len_bytes + 1;
    CN_TRY(cni_alloc_zeroed(allocator, total_bytes, &self, err));
    cni_counter_set(&self->n_refs, 1);
    cni_allocator_ref(allocator);
    self->allocator = allocator;
    self->total_bytes = total_bytes;
    self->fd = -1;
    self->path_bytes = path.len_bytes;
    memcpy(self->path, path.data, (size_t)path.len_bytes);
    *out_file = self;
    return CN_OK;
}

static cn_code
open_handle(cni_file *self, cn_error *err)
{
    do {
        self->fd = open(self->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (self->fd < 0 && errno == EINTR);
    if (self->fd < 0) {
        const int os_errno = errno;
        return fail_errno(os_errno == ENOENT ? CN_NOT_FOUND : CN_IO, os_errno, "open", self->path,
                          err);
    }
    struct stat status;
    if (fstat(self->fd, &status) != 0) {
        return fail_errno(CN_IO, errno, "examine", self->path, err);
    }
    if (!S_ISREG(status.st_mode)) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "'%s' is %s", self->path,
                       S_ISDIR(status.st_mode) ? "a directory, not a file" : "not a regular file");
    }
    self->identity =
        (cni_file_identity){.device = (uint64_t)status.st_dev,
                            .inode = (uint64_t)status.st_ino,
                            .size_bytes = (int64_t)status.st_size,
                            .mtime_ns = (int64_t)status.st_mtim.tv_sec * INT64_C(1000000000) +
                                        (int64_t)status.st_mtim.tv_nsec};
    return CN_OK;
}

cn_code
cni_file_open(cni_allocator *allocator, const cni_context *context, cni_str path,
              cni_file **out_file, cn_error *err)
{
    cni_str local;
    CN_TRY(cni_file_local_path(path, &local, err));
    CN_TRY(cni_context_may_open_file(context, local, false, err));
    CN_SCOPED(cni_file_p) self = NULL;
    CN_TRY(new_handle(allocator, local, &self, err));
    CN_TRY(open_handle(self, err));
    *out_file = CN_MOVE(self);
    return CN_OK;
}

cni_file *
cni_file_ref(cni_file *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

void
cni_file_unref(cni_file *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    if (self->fd >= 0) {
        (void)close(self->fd);
    }
    cni_allocator *allocator = self->allocator;
    cni_dealloc(allocator, self, self->total_bytes);
    cni_allocator_unref(allocator);
}

cni_str
cni_file_path(const cni_file *self)
{
    return (cni_str){self->path, self->path_bytes};
}

const cni_file_identity *
cni_file_get_identity(const cni_file *self)
{
    return &self->identity;
}

int64_t
cni_file_size(const cni_file *self)
{
    return self->identity.size_bytes;
}

cn_code
cni_file_read(const cni_file *self, cni_fault *fault, int64_t off_bytes, int64_t n_bytes, void *out,
              cn_error *err)
{
    if (!cni_range_fits(off_bytes, n_bytes, self->identity.size_bytes)) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "'%s' has %lld bytes, but %lld bytes at %lld are referred to", self->path,
                       (long long)self->identity.size_bytes, (long long)n_bytes,
                       (long long)off_bytes);
    }
    if (cni_fault_hit(fault, CNI_FAULT_READ)) {
        return fail_errno(CN_IO, EIO, "read", self->path, err);
    }
    uint8_t *to = out;
    int64_t n_done = 0;
    while (n_done < n_bytes) {
        const ssize_t n_read =
            pread(self->fd, to + n_done, (size_t)(n_bytes - n_done), (off_t)(off_bytes + n_done));
        if (n_read < 0 && errno == EINTR) {
            continue;
        }
        if (n_read < 0) {
            return fail_errno(CN_IO, errno, "read", self->path, err);
        }
        if (n_read == 0) {
            return CN_FAIL(err, CN_INVALID_DATA, "'%s' became shorter while it was read",
                           self->path);
        }
        n_done += (int64_t)n_read;
    }
    return CN_OK;
}
