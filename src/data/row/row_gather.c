/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns out of rows: one column of many rows becomes a FLAT vector with buffers of its own.
 * Strings are measured first and copied into one buffer; nested values are taken from their side
 * vectors run by run.
 */
#include "data/row/row_layout_int.h"

typedef struct gather_job {
    cni_allocator *allocator;
    const cni_row_layout *layout;
    int32_t column;
    uint8_t *const *rows;
    int64_t n;
    cni_vector *result;
} gather_job;

/* Whether some row is null, and the validity when asked. */
static bool
gather_nulls(const gather_job *job, uint8_t *out_valid)
{
    const int32_t byte = job->column >> 3;
    const int32_t shift = job->column & 7;
    unsigned any_null = 0;
    for (int64_t first = 0; first < job->n; first += 64) {
        const int64_t n_word = cni_min_i64(64, job->n - first);
        uint64_t valid = 0;
        for (int64_t bit = 0; bit < n_word; bit++) {
            const unsigned is_null = (unsigned)(job->rows[first + bit][byte] >> shift) & 1U;
            any_null |= is_null;
            valid |= (uint64_t)(is_null ^ 1U) << bit;
        }
        if (out_valid != NULL) {
            memcpy(out_valid + (first >> 3), &valid, sizeof(valid));
        }
    }
    return any_null != 0;
}

static inline CN_ALWAYS_INLINE void
gather_items(const gather_job *job, size_t item, uint8_t *out)
{
    const int32_t offset = job->layout->offsets[job->column];
    for (int64_t k = 0; k < job->n; k++) {
        memcpy(out + (size_t)k * item, job->rows[k] + offset, item);
    }
}

static void
gather_fixed(const gather_job *job, int32_t item_bytes, uint8_t *out)
{
    switch (item_bytes) {
    case 1:
        gather_items(job, 1, out);
        break;
    case 2:
        gather_items(job, 2, out);
        break;
    case 4:
        gather_items(job, 4, out);
        break;
    case 8:
        gather_items(job, 8, out);
        break;
    case 16:
        gather_items(job, 16, out);
        break;
    default:
        gather_items(job, (size_t)item_bytes, out);
        break;
    }
}

static void
gather_bits(const gather_job *job, uint64_t *out)
{
    const int32_t offset = job->layout->offsets[job->column];
    for (int64_t first = 0; first < job->n; first += 64) {
        const int64_t n_word = cni_min_i64(64, job->n - first);
        uint64_t word = 0;
        for (int64_t bit = 0; bit < n_word; bit++) {
            word |= (uint64_t)(job->rows[first + bit][offset] & 1) << bit;
        }
        out[first >> 6] = word;
    }
}

/* Views of the rows; long ones move into a heap that the vector owns. */
static cn_code
gather_views(const gather_job *job, cni_view *views, cn_error *err)
{
    gather_items(job, sizeof(cni_view), (uint8_t *)views);
    int64_t total = 0;
    for (int64_t k = 0; k < job->n; k++) {
        const int64_t len_bytes = views[k].len_bytes;
        total += len_bytes > CNI_VIEW_INLINE_BYTES ? len_bytes : 0;
    }
    if (total == 0) {
        return CN_OK;
    }
    CN_SCOPED(cni_buffer_p) bytes = NULL;
    CN_TRY(cni_buffer_new(job->allocator, total, &bytes, err));
    CN_TRY(cni_heap_new(job->allocator, &bytes, 1, &job->result->heap, err));
    char *at = (char *)bytes->data;
    for (int64_t k = 0; k < job->n; k++) {
        const uint32_t len_bytes = views[k].len_bytes;
        if (len_bytes > CNI_VIEW_INLINE_BYTES) {
            memcpy(at, cni_view_data(&views[k]), len_bytes);
            views[k] = cni_view_make(at, len_bytes);
            at += len_bytes;
        }
    }
    return CN_OK;
}

static cn_code
gather_simple(const gather_job *job, cn_error *err)
{
    const cni_phys phys = job->layout->phys[job->column];
    const cni_type *type = job->layout->types[job->column];
    const bool has_nulls = gather_nulls(job, NULL);
    CN_TRY(cni_vector_new_flat(job->allocator, type, phys, job->n, has_nulls, job->result, err));
    if (has_nulls && phys != CNI_PHYS_NONE) {
        (void)gather_nulls(job, cni_vector_mutable_validity(job->result));
    }
    void *out = cni_vector_mutable_data(job->result);
    switch (phys) {
    case CNI_PHYS_NONE:
        return CN_OK;
    case CNI_PHYS_BIT:
        gather_bits(job, out);
        return CN_OK;
    case CNI_PHYS_VIEW:
        return gather_views(job, out, err);
    default:
        gather_fixed(job, cni_row_item_bytes(phys, type), out);
        return CN_OK;
    }
}

/* ---- nested ---- */

static cni_side_slot
slot_at(const gather_job *job, int64_t k)
{
    cni_side_slot slot;
    memcpy(&slot, job->rows[k] + job->layout->offsets[job->column], sizeof(slot));
    return slot;
}

static int64_t
count_runs(const gather_job *job)
{
    int64_t n_runs = 0;
    const cni_vector *side = NULL;
    for (int64_t k = 0; k < job->n; k++) {
        const cni_vector *next = slot_at(job, k).side;
        n_runs += next != side;
        side = next;
    }
    return n_runs;
}

/* One vector per run of rows with the same side vector. pieces are zeroed; released by the caller.
 */
static cn_code
take_runs(const gather_job *job, uint32_t *index, cni_vector *pieces, cn_error *err)
{
    int64_t piece = 0;
    for (int64_t k = 0; k < job->n; piece++) {
        const cni_vector *side = slot_at(job, k).side;
        int64_t n_run = 0;
        for (; k < job->n && slot_at(job, k).side == side; k++) {
            index[n_run++] = (uint32_t)slot_at(job, k).row;
        }
        CN_TRY(cni_vector_take(job->allocator, side, index, n_run, &pieces[piece], err));
    }
    return CN_OK;
}

static cn_code
join_runs(const gather_job *job, int64_t n_runs, cni_vector *pieces, const cni_vector **pointers,
          uint32_t *index, cn_error *err)
{
    CN_TRY(take_runs(job, index, pieces, err));
    for (int64_t piece = 0; piece < n_runs; piece++) {
        pointers[piece] = &pieces[piece];
    }
    return cni_vector_concat(job->allocator, pointers, (int32_t)n_runs, job->result, err);
}

static cn_code
gather_nested(const gather_job *job, cn_error *err)
{
    if (job->n == 0) {
        cni_vector null = {0};
        CN_TRY(cni_vector_new_null(job->allocator, job->layout->types[job->column], 0, &null, err));
        const cn_code code = cni_vector_flatten(job->allocator, &null, job->result, err);
        cni_vector_done(&null);
        return code;
    }
    const int64_t n_runs = count_runs(job);
    const int64_t pieces_bytes = n_runs * (int64_t)sizeof(cni_vector);
    const int64_t pointers_bytes = n_runs * (int64_t)sizeof(cni_vector *);
    const int64_t index_bytes = job->n * (int64_t)sizeof(uint32_t);
    cni_vector *pieces = NULL;
    const cni_vector **pointers = NULL;
    uint32_t *index = NULL;
    CN_TRY(cni_alloc_zeroed(job->allocator, pieces_bytes, &pieces, err));
    cn_code code = cni_alloc_zeroed(job->allocator, pointers_bytes, &pointers, err);
    if (code == CN_OK) {
        code = cni_alloc(job->allocator, index_bytes, &index, err);
    }
    if (code == CN_OK) {
        code = join_runs(job, n_runs, pieces, pointers, index, err);
    }
    for (int64_t piece = 0; piece < n_runs; piece++) {
        cni_vector_done(&pieces[piece]);
    }
    cni_dealloc(job->allocator, pieces, pieces_bytes);
    cni_dealloc(job->allocator, pointers, pointers_bytes);
    cni_dealloc(job->allocator, index, index_bytes);
    return code;
}

cn_code
cni_row_gather(cni_allocator *allocator, const cni_row_layout *layout, int32_t column,
               uint8_t *const *rows, int64_t n, cni_vector *out_vector, cn_error *err)
{
    CN_SCOPED(cni_vector) result = {0};
    const gather_job job = {allocator, layout, column, rows, n, &result};
    CN_TRY(cni_row_is_nested(layout->phys[column]) ? gather_nested(&job, err)
                                                   : gather_simple(&job, err));
    cni_vector_move(out_vector, &result);
    return CN_OK;
}
