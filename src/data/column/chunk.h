/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks: vectors of equal length with an optional selection, the unit that operators pass on.
 *
 * Selection: NONE (every row), BITS (a bitmap of n_rows, while many survive) or INDEX (ascending
 * u16 row numbers, when few do). n_selected rows are alive; the others may hold anything and no
 * fallible step may look at them. `sequence` numbers the morsel in source order; the chunks of a
 * morsel follow each other on one thread, the last one (possibly of 0 rows) has `ends_morsel`.
 */
#ifndef CNI_DATA_CHUNK_H
#define CNI_DATA_CHUNK_H

#include "data/column/vector.h"

typedef enum cni_sel_kind {
    CNI_SEL_NONE = 0,
    CNI_SEL_BITS,
    CNI_SEL_INDEX
} cni_sel_kind;

typedef struct cni_selection {
    uint8_t kind; /* cni_sel_kind */
    int64_t n_selected;
    const uint64_t *bits;  /* BITS: words for n_rows, bits beyond are 0 */
    const uint16_t *index; /* INDEX: n_selected ascending row numbers */
    cni_buffer *owner;     /* keeps bits or index alive; referenced, may be NULL */
} cni_selection;

typedef struct cni_chunk {
    int64_t n_rows; /* rows of every column, <= CNI_CHUNK_ROWS_MAX */
    int32_t n_columns;
    int32_t cap_columns;
    cni_vector *columns; /* owned array from `allocator` */
    cni_selection selection;
    int64_t sequence;
    bool ends_morsel;
    cni_allocator *allocator; /* borrowed: the query's */
} cni_chunk;

void cni_chunk_init(cni_chunk *self, cni_allocator *allocator);
void cni_chunk_done(cni_chunk *self); /* accepts zeroed */
/* CN_SCOPED(cni_chunk) c = {0}; is released on every way out. */
static inline void
cni_chunk_cleanup_(cni_chunk *inout_value)
{
    cni_chunk_done(inout_value);
}
void cni_chunk_reset(cni_chunk *self); /* drops content, keeps the array */
/* Room for n_columns zeroed vectors; content is dropped. */
CN_NODISCARD cn_code cni_chunk_set_columns(cni_chunk *self, int32_t n_columns, cn_error *err);
/* `out` (initialised) shares the content of self, selection included. */
CN_NODISCARD cn_code cni_chunk_copy(cni_chunk *out, const cni_chunk *self, cn_error *err);
void cni_chunk_move(cni_chunk *out, cni_chunk *self); /* `out` is raw; self becomes empty */

static inline int64_t
cni_chunk_live_rows(const cni_chunk *self)
{
    return self->selection.kind == CNI_SEL_NONE ? self->n_rows : self->selection.n_selected;
}

void cni_selection_done(cni_selection *self);
void cni_selection_copy(cni_selection *out, const cni_selection *self);
/* Keep the live rows whose bit in `keep` is set (words for n_rows; n_rows of the chunk): narrows
 * the chunk's selection and chooses its form. `keep` is copied. */
CN_NODISCARD cn_code cni_chunk_narrow(cni_chunk *self, const uint64_t *keep, cn_error *err);
/* The live rows as a bitmap of n_rows (NONE gives all ones) into words[cni_bits_words(n_rows)]. */
void cni_selection_to_bits(const cni_selection *self, int64_t n_rows, uint64_t *out_words);
/* The live rows as ascending u32 row numbers; gives how many. out has room for n_rows. */
int64_t cni_selection_to_index(const cni_selection *self, int64_t n_rows, uint32_t *out_rows);

/* Gather the live rows so that no selection is left; without one it does nothing. */
CN_NODISCARD cn_code cni_chunk_compact(cni_chunk *self, cn_error *err);
/* Live rows [offset, offset + n_rows) of a chunk without selection, shared. `out` is initialised.
 */
CN_NODISCARD cn_code cni_chunk_slice(cni_chunk *out, const cni_chunk *self, int64_t offset,
                                     int64_t n_rows, cn_error *err);
CN_NODISCARD cn_code cni_chunk_validate(const cni_chunk *self, cn_error *err);

#endif /* CNI_DATA_CHUNK_H */
