/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks: an owned array of vectors with a selection over their rows. Selections are in
 * selection.c; here are the chunk's life, sharing, slicing, and the gathering of live rows.
 */
#include "data/column/chunk.h"

#include "base/checked.h"

void
cni_chunk_init(cni_chunk *self, cni_allocator *allocator)
{
    *self = (cni_chunk){.allocator = allocator};
}

void
cni_chunk_reset(cni_chunk *self)
{
    for (int32_t column = 0; column < self->n_columns; column++) {
        cni_vector_done(&self->columns[column]);
    }
    cni_selection_done(&self->selection);
    self->n_rows = 0;
    self->n_columns = 0;
    self->sequence = 0;
    self->ends_morsel = false;
}

void
cni_chunk_done(cni_chunk *self)
{
    cni_chunk_reset(self);
    if (self->columns != NULL) {
        cni_dealloc(self->allocator, self->columns,
                    self->cap_columns * (int64_t)sizeof(*self->columns));
    }
    *self = (cni_chunk){0};
}

cn_code
cni_chunk_set_columns(cni_chunk *self, int32_t n_columns, cn_error *err)
{
    cni_chunk_reset(self);
    if (n_columns > self->cap_columns) {
        const int64_t item_bytes = (int64_t)sizeof(*self->columns);
        cni_vector *columns = NULL;
        CN_TRY(cni_alloc(self->allocator, n_columns * item_bytes, &columns, err));
        cni_dealloc(self->allocator, self->columns, self->cap_columns * item_bytes);
        self->columns = columns;
        self->cap_columns = n_columns;
    }
    for (int32_t column = 0; column < n_columns; column++) {
        self->columns[column] = (cni_vector){0};
    }
    self->n_columns = n_columns;
    return CN_OK;
}

cn_code
cni_chunk_copy(cni_chunk *out, const cni_chunk *self, cn_error *err)
{
    CN_TRY(cni_chunk_set_columns(out, self->n_columns, err));
    for (int32_t column = 0; column < self->n_columns; column++) {
        cni_vector_copy(&out->columns[column], &self->columns[column]);
    }
    cni_selection_copy(&out->selection, &self->selection);
    out->n_rows = self->n_rows;
    out->sequence = self->sequence;
    out->ends_morsel = self->ends_morsel;
    return CN_OK;
}

void
cni_chunk_move(cni_chunk *out, cni_chunk *self)
{
    *out = *self;
    cni_chunk_init(self, out->allocator);
}

cn_code
cni_chunk_slice(cni_chunk *out, const cni_chunk *self, int64_t offset, int64_t n_rows,
                cn_error *err)
{
    if (self->selection.kind != CNI_SEL_NONE || !cni_range_fits(offset, n_rows, self->n_rows)) {
        return CN_FAIL(err, CN_INTERNAL,
                       "rows %lld and %lld more of a chunk of %lld were asked for",
                       (long long)offset, (long long)n_rows, (long long)self->n_rows);
    }
    CN_TRY(cni_chunk_set_columns(out, self->n_columns, err));
    for (int32_t column = 0; column < self->n_columns; column++) {
        cni_vector_slice(&out->columns[column], &self->columns[column], offset, n_rows);
    }
    out->n_rows = n_rows;
    out->sequence = self->sequence;
    out->ends_morsel = self->ends_morsel;
    return CN_OK;
}

/* Replace every column by rows[0..n_live) of it; all or nothing. */
static cn_code
take_columns(cni_chunk *self, const uint32_t *rows, int64_t n_live, cn_error *err)
{
    /* Live rows that lie side by side are a slice. */
    const bool contiguous = n_live == 0 || rows[n_live - 1] - rows[0] + 1 == n_live;
    const int64_t first = n_live == 0 ? 0 : rows[0];
    cni_chunk taken = {.allocator = self->allocator};
    CN_TRY(cni_chunk_set_columns(&taken, self->n_columns, err));
    for (int32_t column = 0; column < self->n_columns; column++) {
        cn_code code = CN_OK;
        if (contiguous) {
            cni_vector_slice(&taken.columns[column], &self->columns[column], first, n_live);
        } else {
            code = cni_vector_take(self->allocator, &self->columns[column], rows, n_live,
                                   &taken.columns[column], err);
        }
        if (code != CN_OK) {
            cni_chunk_done(&taken);
            return code;
        }
    }
    taken.n_rows = n_live;
    taken.sequence = self->sequence;
    taken.ends_morsel = self->ends_morsel;
    cni_chunk_done(self);
    *self = taken;
    return CN_OK;
}

cn_code
cni_chunk_compact(cni_chunk *self, cn_error *err)
{
    if (self->selection.kind == CNI_SEL_NONE) {
        return CN_OK;
    }
    CN_SCOPED(cni_buffer_p) rows = NULL;
    CN_TRY(cni_buffer_new(self->allocator, self->n_rows * (int64_t)sizeof(uint32_t), &rows, err));
    uint32_t *live = (uint32_t *)(void *)rows->data;
    const int64_t n_live = cni_selection_to_index(&self->selection, self->n_rows, live);
    return take_columns(self, live, n_live, err);
}

static cn_code
validate_index(const cni_selection *selection, int64_t n_rows, cn_error *err)
{
    int64_t previous = -1;
    for (int64_t at = 0; at < selection->n_selected; at++) {
        const int64_t row = selection->index[at];
        if (row <= previous || row >= n_rows) {
            return CN_FAIL(err, CN_INTERNAL, "selection: item %lld is row %lld of %lld after %lld",
                           (long long)at, (long long)row, (long long)n_rows, (long long)previous);
        }
        previous = row;
    }
    return CN_OK;
}

static cn_code
validate_selection(const cni_selection *selection, int64_t n_rows, cn_error *err)
{
    if (selection->n_selected < 0 || selection->n_selected > n_rows) {
        return CN_FAIL(err, CN_INTERNAL, "selection: %lld of %lld rows",
                       (long long)selection->n_selected, (long long)n_rows);
    }
    if (selection->kind == CNI_SEL_INDEX) {
        return validate_index(selection, n_rows, err);
    }
    if (selection->kind == CNI_SEL_BITS) {
        const cni_bits bits = {(const uint8_t *)selection->bits, 0};
        const int64_t n_bits = cni_bits_words(n_rows) * 64;
        const int64_t n_set = n_bits == 0 ? 0 : cni_bits_count(bits, n_bits);
        if (n_set != selection->n_selected) {
            return CN_FAIL(err, CN_INTERNAL, "selection: %lld bits are set, %lld rows are said",
                           (long long)n_set, (long long)selection->n_selected);
        }
    }
    return CN_OK;
}

cn_code
cni_chunk_validate(const cni_chunk *self, cn_error *err)
{
    for (int32_t column = 0; column < self->n_columns; column++) {
        const cni_vector *vector = &self->columns[column];
        if (vector->n_rows != self->n_rows) {
            return CN_FAIL(err, CN_INTERNAL, "column %d has %lld rows, its chunk %lld", column,
                           (long long)vector->n_rows, (long long)self->n_rows);
        }
        CN_TRY_CTX(cni_vector_validate(vector, err), err, "column %d", column);
    }
    return validate_selection(&self->selection, self->n_rows, err);
}
