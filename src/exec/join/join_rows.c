/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of a build as a source: when the sides of a join are exchanged after its build has been
 * collected, no table is made over it; what it holds goes through the probe of the exchanged join.
 *
 *   columns: the kept ones, then the keys     morsels: some pieces each, every piece read once
 *
 * Columns are moved out of the pieces, so that memory is free again as soon as a chunk has been
 * worked through. A build that has rows on disk keeps them: its sides are not exchanged.
 */
#include "exec/join/join_int.h"
#include "exec/join/join_spill_int.h"

#define MORSEL_PIECES 16

/* ---- what there is ---- */

bool
cni_join_build_has_rows(cni_operator *base, int64_t *out_rows)
{
    cni_join_build *self = cni_join_build_of(base);
    int64_t n_rows = 0;
    cni_mutex_lock(&self->mutex);
    for (const cni_join_data *data = self->combined; data != NULL; data = data->next) {
        n_rows += data->n_rows;
    }
    cni_mutex_unlock(&self->mutex);
    *out_rows = n_rows;
    return cni_join_spill_of(self) == NULL;
}

void
cni_join_build_give_rows(cni_operator *base)
{
    cni_join_build_of(base)->gives_rows = true;
}

int32_t
cni_join_build_kept(const cni_operator *base)
{
    return ((const cni_join_build *)base)->n_stored;
}

int32_t
cni_join_build_kept_at(const cni_operator *base, int32_t kept)
{
    return ((const cni_join_build *)base)->stored[kept];
}

/* ---- the scan ---- */

typedef struct rows_scan {
    cni_scan base;
    cni_join_build *build; /* borrowed */
    cni_context *context;
    cni_atomic_i64 next;   /* counter: morsels handed out */
    cni_atomic_i64 n_read; /* counter: pieces */
} rows_scan;

typedef struct rows_local {
    int64_t morsel;
    int64_t piece; /* the next one */
} rows_local;

static cni_morsel_answer
next_morsel(cni_scan *base, cni_waker own_waker, int64_t *out_morsel)
{
    rows_scan *self = (rows_scan *)base;
    cni_waker_drop(own_waker);
    *out_morsel = cni_counter_add(&self->next, 1);
    return *out_morsel < base->n_morsels ? CNI_MORSEL_TAKEN : CNI_MORSEL_NONE;
}

static cn_code
open_local(cni_scan *base, void **out_local, cn_error *err)
{
    const rows_scan *self = (const rows_scan *)base;
    rows_local *local = NULL;
    CN_TRY(cni_alloc_zeroed(self->context->allocator, (int64_t)sizeof(*local), &local, err));
    local->morsel = -1;
    *out_local = local;
    return CN_OK;
}

static void
close_local(cni_scan *base, void *local)
{
    const rows_scan *self = (const rows_scan *)base;
    cni_dealloc(self->context->allocator, local, (int64_t)sizeof(rows_local));
}

static cn_code
read_rows(cni_scan *base, void *opaque, int64_t morsel, cni_waker own_waker, cni_chunk *inout_chunk,
          cni_read_answer *out_answer, cn_error *err)
{
    rows_scan *self = (rows_scan *)base;
    rows_local *local = opaque;
    const int64_t end = cni_min_i64(self->build->n_pieces, (morsel + 1) * MORSEL_PIECES);
    cni_waker_drop(own_waker);
    if (local->morsel != morsel) {
        *local = (rows_local){morsel, morsel * MORSEL_PIECES};
    }
    cni_join_piece *piece = self->build->pieces[local->piece];
    CN_TRY(cni_chunk_set_columns(inout_chunk, piece->n_vectors, err));
    for (int32_t column = 0; column < piece->n_vectors; column++) {
        cni_vector_move(&inout_chunk->columns[column], &piece->vectors[column]);
    }
    inout_chunk->n_rows = piece->n_rows;
    local->piece++;
    cni_counter_add(&self->n_read, 1);
    inout_chunk->sequence = morsel;
    inout_chunk->ends_morsel = local->piece == end;
    *out_answer = CNI_READ_CHUNK;
    return CN_OK;
}

static double
progress(const cni_scan *base)
{
    const rows_scan *self = (const rows_scan *)base;
    const int64_t n_pieces = self->build->n_pieces;
    return n_pieces == 0 ? 1.0 : (double)cni_counter_get(&self->n_read) / (double)n_pieces;
}

static void
close_scan(cni_scan *base)
{
    rows_scan *self = (rows_scan *)base;
    cni_dealloc(self->context->allocator, self, (int64_t)sizeof(*self));
}

static const cni_scan_ops rows_ops = {
    .next_morsel = next_morsel,
    .open_local = open_local,
    .close_local = close_local,
    .read = read_rows,
    .progress = progress,
    .close = close_scan,
};

cn_code
cni_join_rows_scan_new(cni_operator *base, cni_scan **out_scan, cn_error *err)
{
    cni_context *context = base->context;
    cni_join_build *build = cni_join_build_of(base);
    rows_scan *self = NULL;
    if (!build->gives_rows) {
        return CN_FAIL(err, CN_INTERNAL, "a join's build has become a table");
    }
    CN_TRY(cni_alloc_zeroed(context->allocator, (int64_t)sizeof(*self), &self, err));
    self->base.ops = &rows_ops;
    self->build = build;
    self->context = context;
    self->base.n_morsels = (build->n_pieces + MORSEL_PIECES - 1) / MORSEL_PIECES;
    *out_scan = &self->base;
    return CN_OK;
}
