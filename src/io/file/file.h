/* SPDX-License-Identifier: Apache-2.0
 *
 * Byte ranges of files: the only way in which readers touch the file system. Opening goes through
 * the access policy of the query's context; reading is pread into the caller's memory, from any
 * number of threads at once. Error messages name the path.
 *
 * Object stores and HTTP are extensions; without one their paths are refused by name.
 */
#ifndef CNI_IO_FILE_H
#define CNI_IO_FILE_H

#include "runtime/context.h"

/* What tells two versions of a file apart. */
typedef struct cni_file_identity {
    uint64_t device;
    uint64_t inode;
    int64_t size_bytes;
    int64_t mtime_ns;
} cni_file_identity;

static inline bool
cni_file_identity_equal(const cni_file_identity *a, const cni_file_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size_bytes == b->size_bytes &&
           a->mtime_ns == b->mtime_ns;
}

typedef struct cni_file cni_file; /* immutable, refcounted */
typedef cni_file *cni_file_p;

/* CN_NOT_IMPLEMENTED when the path is a URL of a scheme that this build cannot read; file:// is
 * taken off. *out_path borrows from `path`. */
CN_NODISCARD cn_code cni_file_local_path(cni_str path, cni_str *out_path, cn_error *err);

/* Open a regular file for reading. Errors: CN_NOT_FOUND, CN_UNAUTHORIZED (policy), CN_IO,
 * CN_INVALID_ARGUMENT for what is no regular file, CN_NOT_IMPLEMENTED for URLs. */
CN_NODISCARD cn_code cni_file_open(cni_allocator *allocator, const cni_context *context,
                                   cni_str path, cni_file **out_file, cn_error *err);
cni_file *cni_file_ref(cni_file *self);
void cni_file_unref(cni_file *self); /* NULL is accepted; the last one closes */
CN_DEFINE_SCOPED(cni_file_p, cni_file_unref)

cni_str cni_file_path(const cni_file *self); /* NUL-terminated, lives as long as the file */
const cni_file_identity *cni_file_get_identity(const cni_file *self);
int64_t cni_file_size(const cni_file *self); /* bytes, when it was opened */

/* Read n_bytes at off_bytes into `out`, all of them. `fault` (may be NULL) counts one read.
 * Errors: CN_IO; CN_INVALID_DATA when the file ends before. Thread: synchronised. */
CN_NODISCARD cn_code cni_file_read(const cni_file *self, cni_fault *fault, int64_t off_bytes,
                                   int64_t n_bytes, void *out, cn_error *err);

#endif /* CNI_IO_FILE_H */
