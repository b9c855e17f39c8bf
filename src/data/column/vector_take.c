/* SPDX-License-Identifier: Apache-2.0
 *
 * Picking rows by number. CONSTANT and DICTIONARY stay what they are; RUN_END picks among its
 * values; lists pick entries and share their child; structs and fixed-size arrays pick in every
 * child.
 */
#include "data/column/vector_int.h"

static cn_code
take_codes(cni_allocator *allocator, const cni_vector *self, const uint32_t *indices, int64_t n,
           cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector)
    fresh = {.type = self->type,
             .encoding = CNI_DICTIONARY,
             .phys = self->phys,
             .code_bytes = self->code_bytes,
             .n_rows = n,
             .bounds = self->bounds};
    CN_TRY(cni_buffer_new(allocator, n * self->code_bytes, &fresh.owner_data, err));
    fresh.data = fresh.owner_data->data;
    cni_column_gather(self->data, self->code_bytes, indices, 4, n, fresh.owner_data->data);
    if (self->validity.data != NULL) {
        CN_TRY(cni_vector_add_validity(allocator, &fresh, n, err));
        cni_column_gather_bits(self->validity, indices, 4, n, fresh.owner_validity->data);
    }
    fresh.dictionary = cni_dictionary_ref(self->dictionary);
    cni_vector_move(out, &fresh);
    return CN_OK;
}

static cn_code
take_sequence(cni_allocator *allocator, const cni_vector *self, const uint32_t *indices, int64_t n,
              cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector) fresh = {0};
    CN_TRY(cni_vector_new_flat(allocator, self->type, (cni_phys)self->phys, n, false, &fresh, err));
    const uint64_t start = (uint64_t)self->sequence_start;
    const uint64_t step = (uint64_t)self->sequence_step;
    void *data = cni_vector_mutable_data(&fresh);
    for (int64_t row = 0; row < n; row++) {
        const uint64_t value = start + (uint64_t)indices[row] * step;
        if (self->phys == CNI_PHYS_I32) {
            ((int32_t *)data)[row] = (int32_t)(uint32_t)value;
        } else {
            ((int64_t *)data)[row] = (int64_t)value;
        }
    }
    fresh.bounds = cni_vector_compute_bounds(self);
    cni_vector_move(out, &fresh);
    return CN_OK;
}

/* The run of each picked row; neighbours are often in the same or the next run. */
static void
find_runs(const cni_vector *self, const uint32_t *indices, int64_t n, uint32_t *out_runs)
{
    int64_t run = 0;
    int64_t first = 0; /* rows [first, end) are in `run` */
    int64_t end = 0;
    for (int64_t at = 0; at < n; at++) {
        const int64_t row = indices[at];
        if (row < first || row >= end) {
            run = cni_vector_find_run(self, row);
            first = run == 0 ? 0 : self->run_ends[run - 1] - self->run_base;
            end = self->run_ends[run] - self->run_base;
        }
        out_runs[at] = (uint32_t)run;
    }
}

static cn_code
take_runs(cni_allocator *allocator, const cni_vector *self, const uint32_t *indices, int64_t n,
          cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_buffer_p) runs = NULL;
    CN_TRY(cni_buffer_new(allocator, n * (int64_t)sizeof(uint32_t), &runs, err));
    uint32_t *run_of_row = (uint32_t *)(void *)runs->data;
    find_runs(self, indices, n, run_of_row);
    return cni_vector_take(allocator, &self->nested->children[0], run_of_row, n, out, err);
}

/* The same rows of every child. */
static cn_code
take_children(cni_allocator *allocator, const cni_vector *self, const uint32_t *indices, int64_t n,
              cni_vector *fresh, cn_error *err)
{
    const int32_t n_children = self->nested->n_children;
    CN_TRY(cni_nested_new(allocator, n_children, &fresh->nested, err));
    for (int32_t child = 0; child < n_children; child++) {
        CN_SCOPED(cni_vector) rows = {0};
        cni_vector_child(&rows, self, child);
        CN_TRY(cni_vector_take(allocator, &rows, indices, n, &fresh->nested->children[child], err));
    }
    return CN_OK;
}

/* Rows of fixed-size arrays as item numbers in the child. */
static cn_code
take_items(cni_allocator *allocator, const cni_vector *self, const uint32_t *indices, int64_t n,
           cni_vector *fresh, cn_error *err)
{
    const int64_t width = self->type->width;
    if (self->n_rows * width > (int64_t)UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED,
                       "cannot pick rows of a vector of %lld arrays of %lld items",
                       (long long)self->n_rows, (long long)width);
    }
    CN_SCOPED(cni_buffer_p) items = NULL;
    CN_TRY(cni_buffer_new(allocator, n * width * (int64_t)sizeof(uint32_t), &items, err));
    uint32_t *item_of = (uint32_t *)(void *)items->data;
    for (int64_t row = 0; row < n; row++) {
        for (int64_t item = 0; item < width; item++) {
            item_of[row * width + item] = (uint32_t)(indices[row] * width + item);
        }
    }
    return take_children(allocator, self, item_of, n * width, fresh, err);
}

static cn_code
take_union(cni_allocator *allocator, const cni_vector *self, const uint32_t *indices, int64_t n,
           cni_vector *fresh, cn_error *err)
{
    CN_TRY(cni_vector_add_data(allocator, fresh, n, err));
    cni_column_gather(self->data, 1, indices, 4, n, fresh->owner_data->data);
    if (!self->type->dense) {
        return take_children(allocator, self, indices, n, fresh, err);
    }
    CN_TRY(cni_buffer_new(allocator, n * (int64_t)sizeof(int32_t), &fresh->owner_aux, err));
    cni_column_gather(self->union_offsets, 4, indices, 4, n, fresh->owner_aux->data);
    fresh->union_offsets = (const int32_t *)(const void *)fresh->owner_aux->data;
    fresh->nested = cni_nested_ref(self->nested);
    return CN_OK;
}

static cn_code
take_values(cni_allocator *allocator, const cni_vector *self, const uint32_t *indices, int64_t n,
            cni_vector *fresh, cn_error *err)
{
    switch ((cni_phys)self->phys) {
    case CNI_PHYS_STRUCT:
        return take_children(allocator, self, indices, n, fresh, err);
    case CNI_PHYS_ARRAY:
        return take_items(allocator, self, indices, n, fresh, err);
    case CNI_PHYS_UNION:
        return take_union(allocator, self, indices, n, fresh, err);
    default:
        break;
    }
    CN_TRY(cni_vector_add_data(allocator, fresh, n, err));
    uint8_t *data = fresh->owner_data->data;
    if (self->phys == CNI_PHYS_BIT) {
        cni_column_gather_bits(cni_vector_data_bits(self), indices, 4, n, data);
    } else {
        const int32_t item_bytes = cni_phys_bytes((cni_phys)self->phys, self->type);
        cni_column_gather(self->data, item_bytes, indices, 4, n, data);
    }
    fresh->heap = cni_heap_ref(self->heap);
    fresh->nested = cni_nested_ref(self->nested);
    return CN_OK;
}

cn_code
cni_vector_take_flat(cni_allocator *allocator, const cni_vector *self, const uint32_t *indices,
                     int64_t n_indices, cni_vector *out, cn_error *err)
{
    if (self->phys == CNI_PHYS_NONE) {
        return cni_vector_new_flat(allocator, self->type, CNI_PHYS_NONE, n_indices, true, out, err);
    }
    CN_SCOPED(cni_vector)
    fresh = {.type = self->type,
             .encoding = CNI_FLAT,
             .phys = self->phys,
             .n_rows = n_indices,
             .bounds = self->bounds};
    if (self->validity.data != NULL) {
        CN_TRY(cni_vector_add_validity(allocator, &fresh, n_indices, err));
        cni_column_gather_bits(self->validity, indices, 4, n_indices, fresh.owner_validity->data);
    }
    CN_TRY(take_values(allocator, self, indices, n_indices, &fresh, err));
    cni_vector_move(out, &fresh);
    return CN_OK;
}

cn_code
cni_vector_take(cni_allocator *allocator, const cni_vector *self, const uint32_t *indices,
                int64_t n_indices, cni_vector *out, cn_error *err)
{
    if (n_indices == 0) {
        cni_vector_slice(out, self, 0, 0);
        return CN_OK;
    }
    switch ((cni_encoding)self->encoding) {
    case CNI_CONSTANT:
        cni_vector_copy(out, self);
        out->n_rows = n_indices;
        return CN_OK;
    case CNI_DICTIONARY:
        return take_codes(allocator, self, indices, n_indices, out, err);
    case CNI_RUN_END:
        return take_runs(allocator, self, indices, n_indices, out, err);
    case CNI_SEQUENCE:
        return take_sequence(allocator, self, indices, n_indices, out, err);
    default:
        return cni_vector_take_flat(allocator, self, indices, n_indices, out, err);
    }
}
