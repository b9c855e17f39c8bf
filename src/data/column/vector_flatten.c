/* SPDX-License-Identifier: Apache-2.0
 *
 * Expanding vectors to FLAT, and decimals from 64 to 128 bits. Layouts with data are written part
 * by part with loops per byte width (item_loops.c); nested types become a take of their FLAT
 * values. The same part writer joins vectors in vector_concat.c.
 */
#include "data/column/vector_int.h"

static void
write_dictionary_bits(uint8_t *data, int64_t at, const cni_vector *part)
{
    const cni_bits bits = cni_vector_data_bits(&part->dictionary->values);
    for (int64_t row = 0; row < part->n_rows; row++) {
        const uint32_t code = cni_column_load_index(part->data, row, part->code_bytes);
        cni_bit_write(data, at + row, cni_bits_get(bits, code));
    }
}

static void
write_bits(uint8_t *data, int64_t at, const cni_vector *part)
{
    if (part->encoding == CNI_FLAT) {
        cni_bits_copy_to(cni_vector_data_bits(part), part->n_rows, data, at);
    } else if (part->encoding == CNI_CONSTANT) {
        cni_bits_fill(data, at, part->n_rows, cni_bits_get(cni_vector_data_bits(part), 0));
    } else {
        write_dictionary_bits(data, at, part);
    }
}

static void
write_items(uint8_t *data, int64_t at, const cni_vector *part)
{
    const int32_t item_bytes = cni_phys_bytes((cni_phys)part->phys, part->type);
    uint8_t *to = data + at * item_bytes;
    if (part->encoding == CNI_FLAT) {
        memcpy(to, part->data, (size_t)(part->n_rows * item_bytes));
    } else if (part->encoding == CNI_CONSTANT) {
        cni_column_fill(to, part->data, item_bytes, part->n_rows);
    } else {
        cni_column_gather(part->dictionary->values.data, item_bytes, part->data, part->code_bytes,
                          part->n_rows, to);
    }
}

static void
write_validity(uint8_t *validity, int64_t at, const cni_vector *part)
{
    if (part->encoding == CNI_CONSTANT || part->validity.data == NULL) {
        cni_bits_fill(validity, at, part->n_rows, cni_bits_get(part->validity, 0));
    } else {
        cni_bits_copy_to(part->validity, part->n_rows, validity, at);
    }
    if (part->encoding != CNI_DICTIONARY || part->dictionary->values.validity.data == NULL) {
        return;
    }
    const cni_bits values = part->dictionary->values.validity;
    for (int64_t row = 0; row < part->n_rows; row++) {
        if (!cni_bits_get(values, cni_column_load_index(part->data, row, part->code_bytes))) {
            cni_bit_clear(validity, at + row);
        }
    }
}

void
cni_vector_write_part(void *data, uint8_t *validity, int64_t at, const cni_vector *part)
{
    if (part->n_rows == 0) {
        return;
    }
    if (part->phys == CNI_PHYS_BIT) {
        write_bits(data, at, part);
    } else {
        write_items(data, at, part);
    }
    if (validity != NULL) {
        write_validity(validity, at, part);
    }
}

/* CONSTANT and DICTIONARY of a layout with data. */
static cn_code
flatten_part(cni_allocator *allocator, const cni_vector *self, cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector) fresh = {0};
    CN_TRY(cni_vector_new_flat(allocator, self->type, (cni_phys)self->phys, self->n_rows, false,
                               &fresh, err));
    if (cni_vector_may_have_nulls(self)) {
        CN_TRY(cni_vector_add_validity(allocator, &fresh, self->n_rows, err));
    }
    cni_vector_write_part(cni_vector_mutable_data(&fresh), cni_vector_mutable_validity(&fresh), 0,
                          self);
    fresh.heap = cni_heap_ref(cni_vector_heap(self));
    fresh.bounds =
        self->encoding == CNI_DICTIONARY ? self->dictionary->values.bounds : self->bounds;
    cni_vector_move(out, &fresh);
    return CN_OK;
}

static cn_code
flatten_sequence(cni_allocator *allocator, const cni_vector *self, cni_vector *out, cn_error *err)
{
    cni_vector fresh = {0};
    CN_TRY(cni_vector_new_flat(allocator, self->type, (cni_phys)self->phys, self->n_rows, false,
                               &fresh, err));
    uint64_t value = (uint64_t)self->sequence_start;
    const uint64_t step = (uint64_t)self->sequence_step;
    if (self->phys == CNI_PHYS_I32) {
        int32_t *items = cni_vector_mutable_data(&fresh);
        for (int64_t row = 0; row < self->n_rows; row++) {
            items[row] = (int32_t)(uint32_t)(value + (uint64_t)row * step);
        }
    } else {
        int64_t *items = cni_vector_mutable_data(&fresh);
        for (int64_t row = 0; row < self->n_rows; row++) {
            items[row] = (int64_t)(value + (uint64_t)row * step);
        }
    }
    fresh.bounds = cni_vector_compute_bounds(self);
    cni_vector_move(out, &fresh);
    return CN_OK;
}

/* Row numbers in the FLAT values for each row of a CONSTANT, DICTIONARY or RUN_END vector. */
static void
fill_indices(const cni_vector *self, uint32_t *indices)
{
    if (self->encoding == CNI_CONSTANT) {
        memset(indices, 0, (size_t)self->n_rows * sizeof(*indices));
        return;
    }
    if (self->encoding == CNI_DICTIONARY) {
        for (int64_t row = 0; row < self->n_rows; row++) {
            indices[row] = cni_column_load_index(self->data, row, self->code_bytes);
        }
        return;
    }
    int64_t row = 0;
    for (int64_t run = cni_vector_find_run(self, 0); row < self->n_rows; run++) {
        const int64_t end = cni_min_i64(self->run_ends[run] - self->run_base, self->n_rows);
        for (; row < end; row++) {
            indices[row] = (uint32_t)run;
        }
    }
}

/* Nulls of the codes on top of those that the values brought. */
static cn_code
merge_code_nulls(cni_allocator *allocator, const cni_vector *codes, cni_vector *inout_vector,
                 cn_error *err)
{
    if (codes->encoding != CNI_DICTIONARY || codes->validity.data == NULL) {
        return CN_OK;
    }
    const cni_bits before = inout_vector->validity;
    CN_SCOPED(cni_buffer_p) bitmap = NULL;
    CN_TRY(cni_buffer_new(allocator, cni_bits_words(codes->n_rows) * 8, &bitmap, err));
    cni_bits_and(before, codes->validity, codes->n_rows, (uint64_t *)(void *)bitmap->data);
    cni_buffer_unref(inout_vector->owner_validity);
    inout_vector->validity = (cni_bits){bitmap->data, 0};
    inout_vector->owner_validity = CN_MOVE(bitmap);
    return CN_OK;
}

static cn_code
take_values(cni_allocator *allocator, const cni_vector *self, const cni_vector *values,
            cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_buffer_p) indices = NULL;
    CN_SCOPED(cni_vector) fresh = {0};
    CN_TRY(cni_buffer_new(allocator, self->n_rows * (int64_t)sizeof(uint32_t), &indices, err));
    uint32_t *rows = (uint32_t *)(void *)indices->data;
    fill_indices(self, rows);
    CN_TRY(cni_vector_take_flat(allocator, values, rows, self->n_rows, &fresh, err));
    CN_TRY(merge_code_nulls(allocator, self, &fresh, err));
    cni_vector_move(out, &fresh);
    return CN_OK;
}

static cn_code
flatten_runs(cni_allocator *allocator, const cni_vector *self, cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector) values = {0};
    CN_TRY(cni_vector_flatten(allocator, &self->nested->children[0], &values, err));
    return take_values(allocator, self, &values, out, err);
}

cn_code
cni_vector_flatten(cni_allocator *allocator, const cni_vector *self, cni_vector *out, cn_error *err)
{
    if (self->encoding == CNI_FLAT) {
        cni_vector_copy(out, self);
        return CN_OK;
    }
    if (self->phys == CNI_PHYS_NONE) {
        return cni_vector_new_flat(allocator, self->type, CNI_PHYS_NONE, self->n_rows, true, out,
                                   err);
    }
    if (self->encoding == CNI_SEQUENCE) {
        return flatten_sequence(allocator, self, out, err);
    }
    if (self->encoding == CNI_RUN_END) {
        return flatten_runs(allocator, self, out, err);
    }
    if (!cni_phys_is_nested(self->phys)) {
        return flatten_part(allocator, self, out, err);
    }
    if (self->encoding == CNI_DICTIONARY) {
        return take_values(allocator, self, &self->dictionary->values, out, err);
    }
    cni_vector one = *self; /* borrows: never released */
    one.encoding = CNI_FLAT;
    one.n_rows = 1;
    return take_values(allocator, self, &one, out, err);
}

cn_code
cni_vector_widen_i128(cni_allocator *allocator, const cni_vector *self, cni_vector *out,
                      cn_error *err)
{
    if (self->type->id != CNI_TYPE_DECIMAL || self->phys != CNI_PHYS_I64) {
        cni_vector_copy(out, self);
        return CN_OK;
    }
    CN_ASSERT(self->encoding == CNI_FLAT || self->encoding == CNI_CONSTANT);
    const int64_t n_values = self->encoding == CNI_CONSTANT ? 1 : self->n_rows;
    CN_SCOPED(cni_vector) fresh = {0};
    CN_TRY(cni_vector_new_flat(allocator, self->type, CNI_PHYS_I128, n_values, false, &fresh, err));
    const int64_t *narrow = self->data;
    cni_i128 *wide = cni_vector_mutable_data(&fresh);
    for (int64_t row = 0; row < n_values; row++) {
        wide[row] = narrow[row];
    }
    fresh.encoding = self->encoding;
    fresh.n_rows = self->n_rows;
    fresh.bounds = self->bounds;
    fresh.validity = self->validity;
    fresh.owner_validity = cni_buffer_ref(self->owner_validity);
    cni_vector_move(out, &fresh);
    return CN_OK;
}
