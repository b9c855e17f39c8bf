/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors by value: copy, move, slice, children; and where a row's value and validity are, whatever
 * the encoding. Making new vectors is in vector_new.c; expanding, picking and joining rows in
 * vector_flatten.c, vector_take.c and vector_concat.c.
 */
#include "data/column/vector.h"

#include "data/column/vector_int.h"

const uint8_t cni_column_zeros[CNI_ZERO_BYTES] = {0};

void
cni_vector_done(cni_vector *self)
{
    cni_dictionary_unref(self->dictionary);
    cni_nested_unref(self->nested);
    cni_buffer_unref(self->owner_data);
    cni_buffer_unref(self->owner_validity);
    cni_buffer_unref(self->owner_aux);
    cni_heap_unref(self->heap);
    *self = (cni_vector){0};
}

void
cni_vector_copy(cni_vector *out, const cni_vector *self)
{
    *out = *self;
    (void)cni_dictionary_ref(out->dictionary);
    (void)cni_nested_ref(out->nested);
    (void)cni_buffer_ref(out->owner_data);
    (void)cni_buffer_ref(out->owner_validity);
    (void)cni_buffer_ref(out->owner_aux);
    (void)cni_heap_ref(out->heap);
}

void
cni_vector_move(cni_vector *out, cni_vector *self)
{
    *out = *self;
    *self = (cni_vector){0};
}

/* Move row 0 of a FLAT vector. */
static void
advance_flat(cni_vector *inout_vector, int64_t n_rows)
{
    const int64_t item_bytes = cni_phys_bytes((cni_phys)inout_vector->phys, inout_vector->type);
    if (inout_vector->phys == CNI_PHYS_BIT) {
        inout_vector->data_off_bits += n_rows;
    } else if (inout_vector->data != NULL) {
        inout_vector->data = (const uint8_t *)inout_vector->data + n_rows * item_bytes;
    }
    if (inout_vector->union_offsets != NULL) {
        inout_vector->union_offsets += n_rows;
    } else if (inout_vector->phys >= CNI_PHYS_ARRAY) {
        inout_vector->nested_offset += n_rows;
    }
}

void
cni_vector_slice(cni_vector *out, const cni_vector *self, int64_t offset, int64_t n_rows)
{
    CN_ASSERT(offset >= 0 && n_rows >= 0 && offset + n_rows <= self->n_rows);
    cni_vector_copy(out, self);
    out->n_rows = n_rows;
    if (self->encoding == CNI_CONSTANT || offset == 0) {
        return;
    }
    if (self->validity.data != NULL) {
        out->validity.off_bits += offset;
    }
    switch ((cni_encoding)self->encoding) {
    case CNI_DICTIONARY:
        out->data = (const uint8_t *)self->data + offset * self->code_bytes;
        break;
    case CNI_RUN_END:
        out->run_base += offset;
        break;
    case CNI_SEQUENCE:
        out->sequence_start = (int64_t)((uint64_t)self->sequence_start +
                                        (uint64_t)offset * (uint64_t)self->sequence_step);
        break;
    default:
        advance_flat(out, offset);
        break;
    }
}

void
cni_vector_child(cni_vector *out, const cni_vector *self, int32_t child)
{
    const cni_vector *whole = &self->nested->children[child];
    const int64_t n_rows = self->encoding == CNI_CONSTANT ? 1 : self->n_rows;
    const bool dense = self->phys == CNI_PHYS_UNION && self->type->dense;
    if (self->phys == CNI_PHYS_LIST || dense) {
        cni_vector_copy(out, whole);
    } else if (self->phys == CNI_PHYS_ARRAY) {
        const int64_t width = self->type->width;
        cni_vector_slice(out, whole, self->nested_offset * width, n_rows * width);
    } else {
        cni_vector_slice(out, whole, self->nested_offset, n_rows);
    }
}

int64_t
cni_vector_find_run(const cni_vector *self, int64_t row)
{
    const int64_t position = self->run_base + row;
    int64_t low = 0;
    int64_t high = self->n_runs;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (self->run_ends[middle] > position) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

bool
cni_vector_locate(const cni_vector *self, int64_t row, const cni_vector **out_values,
                  int64_t *out_index)
{
    const cni_vector *values = self;
    int64_t at = row;
    while (values->encoding == CNI_DICTIONARY || values->encoding == CNI_RUN_END) {
        if (!cni_bits_get(values->validity, at)) {
            return false;
        }
        if (values->encoding == CNI_DICTIONARY) {
            at = (int64_t)cni_column_load_index(values->data, at, values->code_bytes);
            values = &values->dictionary->values;
        } else {
            at = cni_vector_find_run(values, at);
            values = &values->nested->children[0];
        }
    }
    at = values->encoding == CNI_CONSTANT ? 0 : at;
    *out_values = values;
    *out_index = at;
    return cni_bits_get(values->validity, at) && values->phys != CNI_PHYS_NONE;
}

bool
cni_vector_is_valid(const cni_vector *self, int64_t row)
{
    const cni_vector *values = NULL;
    int64_t index = 0;
    return cni_vector_locate(self, row, &values, &index);
}

bool
cni_vector_may_have_nulls(const cni_vector *self)
{
    const cni_vector *values = self;
    while (values->validity.data == NULL && values->phys != CNI_PHYS_NONE) {
        if (values->encoding == CNI_DICTIONARY) {
            values = &values->dictionary->values;
        } else if (values->encoding == CNI_RUN_END) {
            values = &values->nested->children[0];
        } else {
            return false;
        }
    }
    return true;
}

static int64_t
null_count_of_codes(const cni_vector *self)
{
    const cni_bits values = self->dictionary->values.validity;
    if (values.data == NULL) {
        return self->n_rows - cni_bits_count(self->validity, self->n_rows);
    }
    int64_t n_nulls = 0;
    for (int64_t row = 0; row < self->n_rows; row++) {
        const uint32_t code = cni_column_load_index(self->data, row, self->code_bytes);
        n_nulls += !(cni_bits_get(self->validity, row) && cni_bits_get(values, code));
    }
    return n_nulls;
}

static int64_t
null_count_of_runs(const cni_vector *self)
{
    int64_t n_nulls = 0;
    int64_t row = 0;
    for (int64_t run = cni_vector_find_run(self, 0); row < self->n_rows; run++) {
        const int64_t end = cni_min_i64(self->run_ends[run] - self->run_base, self->n_rows);
        if (!cni_vector_is_valid(&self->nested->children[0], run)) {
            n_nulls += end - row;
        }
        row = end;
    }
    return n_nulls;
}

int64_t
cni_vector_null_count(const cni_vector *self)
{
    if (!cni_vector_may_have_nulls(self)) {
        return 0;
    }
    switch ((cni_encoding)self->encoding) {
    case CNI_CONSTANT:
        return self->n_rows > 0 && !cni_vector_is_valid(self, 0) ? self->n_rows : 0;
    case CNI_DICTIONARY:
        return null_count_of_codes(self);
    case CNI_RUN_END:
        return null_count_of_runs(self);
    case CNI_SEQUENCE:
        return 0;
    default:
        break;
    }
    if (self->phys == CNI_PHYS_NONE) {
        return self->n_rows;
    }
    return self->n_rows - cni_bits_count(self->validity, self->n_rows);
}

cni_heap *
cni_vector_heap(const cni_vector *self)
{
    const cni_vector *values = self;
    while (values->encoding == CNI_DICTIONARY || values->encoding == CNI_RUN_END) {
        values = values->encoding == CNI_DICTIONARY ? &values->dictionary->values
                                                    : &values->nested->children[0];
    }
    return values->heap;
}
