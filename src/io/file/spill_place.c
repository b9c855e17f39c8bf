/* SPDX-License-Identifier: Apache-2.0
 *
 * Making and removing the sub-directories of spill stores. A sub-directory whose lock is free has
 * lost its owner; an empty one without a lock is one too, so an owner whose directory vanished
 * before it was locked tries another name.
 */
#include "io/file/spill_place_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_PREFIX "colonnade-spill-"
#define FILE_PREFIX "rows-"
#define LOCK_NAME   "lock"
#define MAX_TRIES   8

static uint64_t
random_word(void)
{
    uint64_t word = 0;
    if (getrandom(&word, sizeof(word), GRND_NONBLOCK) != (ssize_t)sizeof(word)) {
        static const int anchor = 0; /* early at boot: the address and the process will do */
        word = (uint64_t)(uintptr_t)&anchor ^ (uint64_t)getpid() << 32;
    }
    return word;
}

static CN_COLD cn_code
fail_errno(int os_errno, const char *what, const char *path, cn_error *err)
{
    (void)CN_FAIL(err, CN_IO, "cannot %s '%s'%s", what, path,
                  os_errno == ENOSPC || os_errno == EDQUOT ? " (disk full)" : "");
    cni_error_errno(err, os_errno);
    return CN_IO;
}

static void
close_fd(int *inout_fd)
{
    if (*inout_fd >= 0) {
        (void)close(*inout_fd);
        *inout_fd = -1;
    }
}

/* ---- making ---- */

typedef enum try_result {
    TRY_DONE,
    TRY_AGAIN, /* a cleaner was faster, or the name is taken */
    TRY_FAILED /* errno says why */
} try_result;

/* Create and lock the lock file; it must still be there afterwards. */
static try_result
lock_place(cni_spill_place *self)
{
    self->lock_fd = openat(self->directory_fd, LOCK_NAME,
                           O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock_fd < 0) {
        return errno == ENOENT ? TRY_AGAIN : TRY_FAILED;
    }
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK ? TRY_AGAIN : TRY_FAILED;
    }
    struct stat status;
    if (fstat(self->lock_fd, &status) != 0) {
        return TRY_FAILED;
    }
    return status.st_nlink > 0 ? TRY_DONE : TRY_AGAIN;
}

static try_result
try_make(cni_spill_place *self)
{
    if (mkdir(self->path, 0700) != 0) {
        return errno == EEXIST ? TRY_AGAIN : TRY_FAILED;
    }
    self->directory_fd = open(self->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (self->directory_fd < 0) {
        return errno == ENOENT ? TRY_AGAIN : TRY_FAILED;
    }
    return lock_place(self);
}

cn_code
cni_spill_place_make(cni_spill_place *self, const char *directory, cn_error *err)
{
    for (int attempt = 0; attempt < MAX_TRIES; attempt++) {
        self->directory_fd = -1;
        self->lock_fd = -1;
        const int n_bytes =
            snprintf(self->path, sizeof(self->path), "%s/" NAME_PREFIX "%ld-%016llx", directory,
                     (long)getpid(), (unsigned long long)random_word());
        if (n_bytes < 0 || (size_t)n_bytes >= sizeof(self->path)) {
            return CN_FAIL(err, CN_INVALID_ARGUMENT, "the temporary directory's path is too long");
        }
        const try_result result = try_make(self);
        if (result == TRY_DONE) {
            return CN_OK;
        }
        const int os_errno = errno;
        cni_spill_place_done(self, self->directory_fd >= 0);
        if (result == TRY_FAILED) {
            return fail_errno(os_errno, "make the directory for temporary files", self->path, err);
        }
    }
    return CN_FAIL(err, CN_IO, "cannot make a directory for temporary files in '%s'", directory);
}

/* ---- removing ---- */

static bool
has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Remove the files that a store makes, in the directory of `fd`, which stays open. */
static void
remove_files(int fd)
{
    const int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = copy < 0 ? NULL : fdopendir(copy);
    if (listing == NULL) {
        int unused = copy;
        close_fd(&unused);
        return;
    }
    for (const struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        if (has_prefix(entry->d_name, FILE_PREFIX)) {
            (void)unlinkat(fd, entry->d_name, 0);
        }
    }
    (void)closedir(listing);
    (void)unlinkat(fd, LOCK_NAME, 0);
}

void
cni_spill_place_done(cni_spill_place *self, bool removes)
{
    if (removes && self->directory_fd >= 0) {
        remove_files(self->directory_fd);
        (void)rmdir(self->path);
    }
    close_fd(&self->lock_fd);
    close_fd(&self->directory_fd);
}

/* Whether the sub-directory is ours to remove: its owner is this user, its lock is free (then it
 * is held in *out_lock) or was never made. */
static bool
is_abandoned(int fd, int *out_lock)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid()) {
        return false;
    }
    *out_lock = openat(fd, LOCK_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*out_lock < 0) {
        return errno == ENOENT;
    }
    return flock(*out_lock, LOCK_EX | LOCK_NB) == 0;
}

static bool
clean_one(int parent, const char *name)
{
    int lock = -1;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool removed = false;
    if (fd >= 0 && is_abandoned(fd, &lock)) {
        if (lock >= 0) {
            remove_files(fd);
        }
        removed = unlinkat(parent, name, AT_REMOVEDIR) == 0;
    }
    close_fd(&lock);
    close_fd(&fd);
    return removed;
}

int64_t
cni_spill_place_clean(const char *directory)
{
    DIR *listing = opendir(directory);
    if (listing == NULL) {
        return 0;
    }
    const int parent = dirfd(listing);
    int64_t n_removed = 0;
    for (const struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        if (parent >= 0 && has_prefix(entry->d_name, NAME_PREFIX) &&
            clean_one(parent, entry->d_name)) {
            n_removed++;
        }
    }
    (void)closedir(listing);
    return n_removed;
}

/* ---- files ---- */

/* Without O_TMPFILE: a name of its own, gone before the file is used. */
static int
open_unlinked(const cni_spill_place *self, int flags)
{
    char name[CNI_SPILL_NAME_BYTES];
    (void)snprintf(name, sizeof(name), FILE_PREFIX "%016llx", (unsigned long long)random_word());
    const int fd = openat(self->directory_fd, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        (void)unlinkat(self->directory_fd, name, 0);
    }
    return fd;
}

static int
open_nameless(const cni_spill_place *self, int flags)
{
    int fd = openat(self->directory_fd, ".", flags | O_TMPFILE, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
        fd = open_unlinked(self, flags);
    }
    return fd;
}

cn_code
cni_spill_place_open(const cni_spill_place *self, int *out_fd, bool *inout_direct, cn_error *err)
{
    const int flags = O_RDWR | O_CLOEXEC;
    bool direct = *inout_direct;
    int fd = open_nameless(self, direct ? flags | O_DIRECT : flags);
    if (fd < 0 && errno == EINVAL && direct) {
        direct = false;
        fd = open_nameless(self, flags);
    }
    if (fd < 0) {
        return fail_errno(errno, "make a temporary file in", self->path, err);
    }
    *out_fd = fd;
    *inout_direct = direct;
    return CN_OK;
}
