/* SPDX-License-Identifier: Apache-2.0
 *
 * The sub-directory of one spill store: made and locked, opened for nameless files, removed.
 */
#ifndef CNI_IO_SPILL_PLACE_INT_H
#define CNI_IO_SPILL_PLACE_INT_H

#include "base/str.h"

#define CNI_SPILL_PATH_BYTES 4096
#define CNI_SPILL_NAME_BYTES 64

/* Descriptors are -1 when closed. Confined to whoever makes it, then immutable. */
typedef struct cni_spill_place {
    int directory_fd; /* of the sub-directory */
    int lock_fd;
    char path[CNI_SPILL_PATH_BYTES + CNI_SPILL_NAME_BYTES]; /* of the sub-directory */
} cni_spill_place;

/* Make and lock a sub-directory of `directory` (NUL-terminated). Errors: CN_IO naming the path. */
CN_NODISCARD cn_code cni_spill_place_make(cni_spill_place *self, const char *directory,
                                          cn_error *err);
/* Close, and unless the process is a forked child remove it. */
void cni_spill_place_done(cni_spill_place *self, bool removes);
/* A file without a name, past the page cache when *inout_direct asks for it and the file system
 * does that. */
CN_NODISCARD cn_code cni_spill_place_open(const cni_spill_place *self, int *out_fd,
                                          bool *inout_direct, cn_error *err);
int64_t cni_spill_place_clean(const char *directory);

#endif /* CNI_IO_SPILL_PLACE_INT_H */
