/* SPDX-License-Identifier: Apache-2.0
 *
 * Gathering what is discarded of a temporary file. There are few pieces at a time: one per run that
 * is merged or partition that is read, so they are simply looked through.
 */
#include "io/file/spill_holes_int.h"

void
cni_spill_holes_init(cni_spill_holes *self)
{
    self->n_pieces = 0;
    cni_mutex_init(&self->mutex);
}

void
cni_spill_holes_done(cni_spill_holes *self)
{
    cni_mutex_done(&self->mutex);
}

static cni_spill_range
take_piece(cni_spill_holes *self, int32_t at)
{
    const cni_spill_range piece = self->pieces[at];
    self->pieces[at] = self->pieces[--self->n_pieces];
    return piece;
}

/* With those that it touches. */
static cni_spill_range
join_pieces(cni_spill_holes *self, cni_spill_range gone)
{
    for (int32_t at = self->n_pieces - 1; at >= 0; at--) {
        if (self->pieces[at].end == gone.start) {
            gone.start = take_piece(self, at).start;
        } else if (self->pieces[at].start == gone.end) {
            gone.end = take_piece(self, at).end;
        }
    }
    return gone;
}

static int32_t
find_largest(const cni_spill_holes *self)
{
    int32_t best = 0;
    for (int32_t at = 1; at < self->n_pieces; at++) {
        const cni_spill_range piece = self->pieces[at];
        best =
            piece.end - piece.start > self->pieces[best].end - self->pieces[best].start ? at : best;
    }
    return best;
}

cni_spill_range
cni_spill_holes_add(cni_spill_holes *self, cni_spill_range gone)
{
    cni_spill_range hole = {0, 0};
    cni_mutex_lock(&self->mutex);
    const cni_spill_range piece = join_pieces(self, gone);
    if (piece.end - piece.start >= CNI_SPILL_HOLE_BYTES) {
        hole = piece;
    } else {
        if (self->n_pieces == CNI_SPILL_HOLE_PIECES) {
            hole = take_piece(self, find_largest(self));
        }
        self->pieces[self->n_pieces++] = piece;
    }
    cni_mutex_unlock(&self->mutex);
    return hole;
}
