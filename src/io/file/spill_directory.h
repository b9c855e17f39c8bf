/* SPDX-License-Identifier: Apache-2.0
 *
 * The spill store over a directory of the file system (runtime/spill.h is the face).
 *
 *   <directory>/colonnade-spill-<pid>-<random>/   0700, made by the first file
 *       lock                                       held with flock as long as the store lives
 *       (files without a name)                     O_TMPFILE, or made, opened and unlinked
 *
 * So nothing but a sub-directory and its lock outlives a crash; the next store over the directory
 * removes those whose lock is free. Names of another form are never touched, links never followed.
 *
 * Files are written past the page cache (O_DIRECT) where the file system can: dirty pages are
 * throttled far below what the device does (doc/decisions/0011-spilling.md has the figures).
 */
#ifndef CNI_IO_SPILL_DIRECTORY_H
#define CNI_IO_SPILL_DIRECTORY_H

#include "base/fault.h"
#include "base/str.h"
#include "runtime/spill.h"

#define CNI_SPILL_DIRECTORY_DEFAULT "/tmp"

/* A store over `directory`, which is not looked at before the first file. limit_bytes: quota; 0 =
 * nine tenths of what is free there when the first file is made. `fault` may be NULL and counts
 * CNI_FAULT_WRITE for each file and append, CNI_FAULT_READ for each read; it is borrowed, the
 * allocator referenced. Errors: CN_INVALID_ARGUMENT for a path that cannot be one, CN_NO_MEMORY. */
CN_NODISCARD cn_code cni_spill_directory_new(cni_allocator *allocator, cni_fault *fault,
                                             cni_str directory, int64_t limit_bytes,
                                             cni_spill_store **out_store, cn_error *err);

/* Remove what crashed processes left in `directory`; gives how many sub-directories. Failures are
 * no matter: somebody else's remains are not this store's business. */
int64_t cni_spill_directory_clean(cni_str directory);

/* The path, as long as the store lives. Only for stores of this kind. */
cni_str cni_spill_directory_path(const cni_spill_store *self);

#endif /* CNI_IO_SPILL_DIRECTORY_H */
