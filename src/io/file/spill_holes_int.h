/* SPDX-License-Identifier: Apache-2.0
 *
 * What is not needed of a temporary file any more and not given back yet. A hole costs a
 * transaction of the file system, whatever its size, so what is discarded piece by piece is
 * gathered: pieces that touch become one, and what has grown large becomes a hole.
 *
 *   file  |....####....##########......##.....|     # gathered
 *                                  ^^^              discarded now: one piece of five blocks
 */
#ifndef CNI_IO_SPILL_HOLES_INT_H
#define CNI_IO_SPILL_HOLES_INT_H

#include <stdint.h>

#include "base/thread.h"

#define CNI_SPILL_HOLE_BYTES  (INT64_C(1) << 20) /* large enough */
#define CNI_SPILL_HOLE_PIECES 64                 /* gathered at once */

/* Bytes of a file; end <= start is none. */
typedef struct cni_spill_range {
    int64_t start;
    int64_t end;
} cni_spill_range;

/* Thread: synchronised. */
typedef struct cni_spill_holes {
    cni_mutex mutex;
    int32_t n_pieces;
    cni_spill_range pieces[CNI_SPILL_HOLE_PIECES]; /* none touches another */
} cni_spill_holes;

void cni_spill_holes_init(cni_spill_holes *self);
void cni_spill_holes_done(cni_spill_holes *self);
/* A range is not needed any more; gives what is to become a hole now, or nothing. With too many
 * pieces that is the largest one, however small. */
cni_spill_range cni_spill_holes_add(cni_spill_holes *self, cni_spill_range gone);

#endif /* CNI_IO_SPILL_HOLES_INT_H */
