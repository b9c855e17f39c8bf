/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells: single values of any type in 16 bytes, for states that keep values (min, first, list) and
 * for whoever replays rows into aggregate functions.
 */
#ifndef CNI_PLAN_CELL_H
#define CNI_PLAN_CELL_H

#include "data/kernel/ops.h"

typedef enum cni_cell_kind {
    CNI_CELL_I64,  /* signed integers, dates, times, BOOL (0, 1), DECIMAL <= 18 */
    CNI_CELL_U64,  /* unsigned integers */
    CNI_CELL_F64,  /* floats of every width, exactly */
    CNI_CELL_I128, /* HUGEINT, DECIMAL > 18 */
    CNI_CELL_BYTES,
    CNI_CELL_INTERVAL,
    CNI_CELL_NESTED /* words[0] = a vector, words[1] = row of it */
} cni_cell_kind;

/* One value: BYTES are a cni_view that borrows until cni_cell_keep. */
typedef struct cni_cell {
    uint64_t words[2];
} cni_cell;

/* Row r is item (r & mask) of the vector. */
typedef struct cni_cell_reader {
    const cni_vector *vector; /* FLAT or CONSTANT */
    int64_t mask;
    uint8_t kind; /* cni_cell_kind */
} cni_cell_reader;

cni_cell_kind cni_cell_kind_of(const cni_type *type);
/* `vector` is FLAT or CONSTANT and stays. */
cni_cell_reader cni_cell_reader_of(const cni_vector *vector);
static inline bool
cni_cell_is_valid(const cni_cell_reader *self, int64_t row)
{
    return cni_bits_get(self->vector->validity, row & self->mask);
}

/* Row `row`, which is not null. */
void cni_cell_read(const cni_cell_reader *self, int64_t row, cni_cell *out_cell);
/* Make the cell independent of what it was read from. Old bytes of *inout are not reused. */
CN_NODISCARD cn_code cni_cell_keep(cni_arena *heap, cni_allocator *allocator, cni_cell_kind kind,
                                   cni_cell *inout_cell, cn_error *err);
/* Order of two values: negative, 0, positive. NaN is largest. NESTED: as cni_op_compare. */
CN_NODISCARD cn_code cni_cell_compare(const cni_op_env *env, cni_cell_kind kind, const cni_cell *a,
                                      const cni_cell *b, int *out_order, cn_error *err);
/* FLAT vector of `type` of n cells; valid (may be NULL = all) has one byte per cell. Strings are
 * copied. */
CN_NODISCARD cn_code cni_cells_to_vector(cni_allocator *allocator, const cni_type *type,
                                         const cni_cell *cells, const uint8_t *valid, int64_t n,
                                         cni_vector *out_vector, cn_error *err);

/* Cells of a result under way. Zeroed = empty. */
typedef struct cni_cell_rows {
    cni_allocator *allocator;
    int64_t n;
    cni_cell *cells;
    uint8_t *valid; /* all 0 at first */
} cni_cell_rows;

CN_NODISCARD cn_code cni_cell_rows_new(cni_allocator *allocator, int64_t n, cni_cell_rows *out_rows,
                                       cn_error *err);
void cni_cell_rows_done(cni_cell_rows *self); /* accepts zeroed */
static inline void
cni_cell_rows_cleanup_(cni_cell_rows *inout_value)
{
    cni_cell_rows_done(inout_value);
}
static inline void
cni_cell_rows_put(cni_cell_rows *self, int64_t row, const cni_cell *cell)
{
    self->cells[row] = *cell;
    self->valid[row] = 1;
}
CN_NODISCARD cn_code cni_cell_rows_finish(const cni_cell_rows *self, const cni_type *type,
                                          cni_vector *out_vector, cn_error *err);

static inline cni_view
cni_cell_view(const cni_cell *self)
{
    cni_view view;
    memcpy(&view, self->words, sizeof(view));
    return view;
}

#endif /* CNI_PLAN_CELL_H */
