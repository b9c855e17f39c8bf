/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells as bytes, exactly: for states that leave memory and come back (cni_function's save and
 * load). The bytes say nothing of the type: whoever reads them knows it.
 */
#ifndef CNI_PLAN_CELL_BYTES_H
#define CNI_PLAN_CELL_BYTES_H

#include "base/arena.h"
#include "base/str.h"
#include "plan/function/cell.h"

/* Append n_bytes of anything. */
CN_NODISCARD cn_code cni_bytes_put(cni_strbuf *out, const void *bytes, int64_t n_bytes,
                                   cn_error *err);
/* Take n_bytes off the front. Error: CN_INVALID_DATA when there are fewer. */
CN_NODISCARD cn_code cni_bytes_take(cni_str *inout_bytes, void *out, int64_t n_bytes,
                                    cn_error *err);

/* Append a cell. */
CN_NODISCARD cn_code cni_cell_save(cni_allocator *allocator, cni_cell_kind kind,
                                   const cni_cell *cell, cni_strbuf *out, cn_error *err);
/* Take a cell of `type` off the front; what it points at is in the heap. Error: CN_INVALID_DATA. */
CN_NODISCARD cn_code cni_cell_load(cni_arena *heap, cni_allocator *allocator, const cni_type *type,
                                   cni_str *inout_bytes, cni_cell *out_cell, cn_error *err);

/* The nested cell that is row `row` of the vector, which stays; and back. */
static inline cni_cell
cni_cell_of_nested(const cni_vector *vector, int64_t row)
{
    return (cni_cell){{(uint64_t)(uintptr_t)vector, (uint64_t)row}};
}

static inline const cni_vector *
cni_cell_vector(const cni_cell *self)
{
    return (const cni_vector *)(uintptr_t)self->words[0];
}

#endif /* CNI_PLAN_CELL_BYTES_H */
