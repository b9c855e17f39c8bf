/* SPDX-License-Identifier: Apache-2.0
 *
 * Payload on its way into a run: the columns of each chunk are kept as they came, counted by what
 * they will take, and moved once, into the run's order.
 */
#include "exec/operator/sort_int.h"

#define VALUE_BYTES 16 /* of an item of a list, about */

cn_code
cni_sort_piece_take(const cni_sort_plan *plan, cni_chunk *chunk, cni_chunk *piece, cn_error *err)
{
    cni_chunk_init(piece, plan->allocator);
    const cn_code code = cni_chunk_set_columns(piece, plan->n_payload, err);
    piece->n_rows = chunk->n_rows;
    CN_TRY(code);
    for (int32_t column = 0; column < plan->n_payload; column++) {
        cni_vector_move(&piece->columns[column], &chunk->columns[plan->payload[column]]);
    }
    return CN_OK;
}

/* Bytes of long strings, and of the items of lists, that valid rows use. */
static int64_t
used_bytes(const cni_vector *vector, int64_t row)
{
    if (!cni_bits_get(vector->validity, row)) {
        return 0;
    }
    if (vector->phys == CNI_PHYS_LIST) {
        return ((const cni_list_entry *)vector->data)[row].size * VALUE_BYTES;
    }
    const uint32_t len_bytes = ((const cni_view *)vector->data)[row].len_bytes;
    return len_bytes > CNI_VIEW_INLINE_BYTES ? len_bytes : 0;
}

/* What a column takes when it is gathered, about. */
static int64_t
column_bytes(const cni_vector *vector)
{
    const int64_t item_bytes = cni_phys_bytes((cni_phys)vector->phys, vector->type);
    int64_t n_bytes = vector->n_rows * item_bytes;
    const bool points = vector->phys == CNI_PHYS_VIEW || vector->phys == CNI_PHYS_LIST;
    if (vector->encoding == CNI_FLAT && points) {
        for (int64_t row = 0; row < vector->n_rows; row++) {
            n_bytes += used_bytes(vector, row);
        }
    } else if (vector->encoding == CNI_FLAT && vector->nested != NULL) {
        n_bytes += vector->n_rows * VALUE_BYTES * vector->nested->n_children;
    }
    return n_bytes;
}

int64_t
cni_sort_piece_bytes(const cni_sort_plan *plan, const cni_chunk *piece)
{
    int64_t n_bytes = 0;
    for (int32_t column = 0; column < plan->n_payload; column++) {
        n_bytes += column_bytes(&piece->columns[column]);
    }
    return n_bytes;
}

static cn_code
gather_column(cni_chunk *pieces, int64_t n_pieces, cni_sort_run *run, int32_t column,
              const uint32_t *order, int64_t n, const cni_vector **parts, cn_error *err)
{
    CN_SCOPED(cni_vector) joined = {0};
    for (int64_t piece = 0; piece < n_pieces; piece++) {
        parts[piece] = &pieces[piece].columns[column];
    }
    CN_TRY(cni_vector_concat(run->plan->allocator, parts, (int32_t)n_pieces, &joined, err));
    for (int64_t piece = 0; piece < n_pieces; piece++) {
        cni_vector_done(&pieces[piece].columns[column]);
    }
    return cni_sort_run_gather(run, column, &joined, order, n, err);
}

cn_code
cni_sort_pieces_gather(cni_chunk *pieces, int64_t n_pieces, cni_sort_run *run,
                       const uint32_t *order, int64_t n, cn_error *err)
{
    cni_allocator *allocator = run->plan->allocator;
    const int64_t n_bytes = n_pieces * (int64_t)sizeof(cni_vector *);
    const cni_vector **parts = NULL;
    cn_code code = CN_OK;
    if (n_pieces > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a sort has too many chunks in memory");
    }
    CN_TRY(cni_alloc(allocator, n_bytes, (void *)&parts, err));
    for (int32_t column = 0; column < run->plan->n_payload && code == CN_OK; column++) {
        code = gather_column(pieces, n_pieces, run, column, order, n, parts, err);
    }
    cni_dealloc(allocator, (void *)parts, n_bytes);
    return code;
}
