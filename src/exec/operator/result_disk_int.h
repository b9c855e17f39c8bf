/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of a result whose consumer does not come for its rows. Made by the first chunk.
 */
#ifndef CNI_EXEC_RESULT_DISK_INT_H
#define CNI_EXEC_RESULT_DISK_INT_H

#include "exec/operator/held_morsels.h"

/* Zero bytes = nothing was written. Thread: writing is serialised by the caller; reading what was
 * written is synchronised. */
typedef struct cni_result_disk {
    cni_spill_layout layout;
    const cni_type **types; /* of the layout */
    cni_atomic_i64 n_bytes; /* counter: written */
} cni_result_disk;

void cni_result_disk_done(cni_result_disk *self);
/* The rows of `held` on disk; its chunk stays as it is. */
CN_NODISCARD cn_code cni_result_disk_write(cni_result_disk *self, cni_context *context,
                                           cni_held_chunk *held, cn_error *err);
/* The rows back into the chunk, and off the disk. */
CN_NODISCARD cn_code cni_result_disk_read(cni_result_disk *self, cni_held_chunk *held,
                                          cn_error *err);

#endif /* CNI_EXEC_RESULT_DISK_INT_H */
