/* SPDX-License-Identifier: Apache-2.0
 *
 * Re-encoding of scanned columns for tests (setting test_encode): the same rows as slices of larger
 * vectors, over dictionaries with duplicate and unused entries, as runs, as constants. Answers must
 * not change. Columns that are not FLAT already have an encoding of their own and are left alone.
 */
#include "exec/pipeline/pipeline_int.h"

#define PAD_ROWS 3

/* `out` = up to PAD_ROWS of the vector's rows, then all of it; *out_pad = how many. */
static cn_code
pad_front(cni_allocator *allocator, const cni_vector *vector, cni_vector *out, int64_t *out_pad,
          cn_error *err)
{
    cni_vector head = {0};
    *out_pad = cni_min_i64(PAD_ROWS, vector->n_rows);
    cni_vector_slice(&head, vector, 0, *out_pad);
    const cni_vector *const parts[] = {&head, vector};
    const cn_code code = cni_vector_concat(allocator, parts, 2, out, err);
    cni_vector_done(&head);
    return code;
}

static cn_code
encode_slice(cni_allocator *allocator, cni_vector *inout_vector, cn_error *err)
{
    cni_vector padded = {0};
    cni_vector sliced = {0};
    int64_t n_pad = 0;
    CN_TRY(pad_front(allocator, inout_vector, &padded, &n_pad, err));
    cni_vector_slice(&sliced, &padded, n_pad, inout_vector->n_rows);
    cni_vector_done(&padded);
    cni_vector_done(inout_vector);
    cni_vector_move(inout_vector, &sliced);
    return CN_OK;
}

/* Codes of rows whose entries begin behind n_pad duplicates: the first rows use those in turn. */
static void
fill_codes(uint16_t *codes, int64_t n_rows, int64_t n_pad)
{
    for (int64_t row = 0; row < n_rows; row++) {
        const bool duplicate = row < n_pad && (row & 1) == 0;
        codes[row] = (uint16_t)(duplicate ? row : row + n_pad);
    }
}

static cn_code
encode_dictionary(cni_allocator *allocator, cni_vector *inout_vector, cn_error *err)
{
    const int64_t n_rows = inout_vector->n_rows;
    cni_vector values = {0};
    int64_t n_pad = 0;
    cni_dictionary *dictionary = NULL;
    cni_buffer *codes = NULL;
    CN_TRY(pad_front(allocator, inout_vector, &values, &n_pad, err));
    cn_code code = cni_buffer_new(allocator, n_rows * (int64_t)sizeof(uint16_t), &codes, err);
    if (code == CN_OK) {
        code = cni_dictionary_new(allocator, &values, false, false, &dictionary, err);
    }
    if (code != CN_OK) {
        cni_buffer_unref(codes);
        cni_vector_done(&values);
        return code;
    }
    void *data = codes->data;
    fill_codes(data, n_rows, n_pad);
    const cni_vector encoded = {.type = inout_vector->type,
                                .encoding = CNI_DICTIONARY,
                                .phys = inout_vector->phys,
                                .code_bytes = 2,
                                .n_rows = n_rows,
                                .data = codes->data,
                                .dictionary = dictionary,
                                .owner_data = codes};
    cni_vector_done(inout_vector);
    *inout_vector = encoded;
    return CN_OK;
}

static cn_code
encode_runs(cni_allocator *allocator, cni_vector *inout_vector, cn_error *err)
{
    const int64_t n_rows = inout_vector->n_rows;
    cni_buffer *ends = NULL;
    cni_nested *values = NULL;
    CN_TRY(cni_buffer_new(allocator, n_rows * (int64_t)sizeof(int32_t), &ends, err));
    const cn_code code = cni_nested_new(allocator, 1, &values, err);
    if (code != CN_OK) {
        cni_buffer_unref(ends);
        return code;
    }
    void *data = ends->data;
    int32_t *run_ends = data;
    for (int64_t row = 0; row < n_rows; row++) {
        run_ends[row] = (int32_t)row + 1;
    }
    cni_vector encoded = {.type = inout_vector->type,
                          .encoding = CNI_RUN_END,
                          .phys = inout_vector->phys,
                          .n_rows = n_rows,
                          .run_ends = run_ends,
                          .n_runs = n_rows,
                          .nested = values,
                          .owner_aux = ends};
    cni_vector_move(&values->children[0], inout_vector);
    *inout_vector = encoded;
    return CN_OK;
}

/* Whether all rows of a FLAT vector without nulls hold the same bytes. */
static bool
is_uniform(const cni_vector *vector)
{
    const int32_t width = cni_phys_bytes((cni_phys)vector->phys, vector->type);
    const uint8_t *bytes = vector->data;
    if (vector->n_rows == 1) {
        return true;
    }
    if (width == 0 || vector->phys == CNI_PHYS_VIEW || vector->validity.data != NULL) {
        return false;
    }
    for (int64_t row = 1; row < vector->n_rows; row++) {
        if (memcmp(bytes, bytes + row * width, (size_t)width) != 0) {
            return false;
        }
    }
    return true;
}

static cn_code
encode_column(cni_allocator *allocator, cni_vector *inout_vector, uint32_t encodings, uint32_t salt,
              cn_error *err)
{
    const uint32_t choices[] = {encodings & CNI_TEST_ENCODE_SLICE,
                                encodings & CNI_TEST_ENCODE_DICTIONARY,
                                encodings & CNI_TEST_ENCODE_RUN_END};
    const bool plain = inout_vector->encoding == CNI_FLAT && inout_vector->n_rows > 0 &&
                       !cni_type_is_nested(inout_vector->type) &&
                       inout_vector->phys != CNI_PHYS_NONE;
    if (!plain) {
        return CN_OK;
    }
    if ((encodings & CNI_TEST_ENCODE_CONSTANT) != 0 && is_uniform(inout_vector)) {
        inout_vector->encoding = CNI_CONSTANT; /* row 0 stands for all: laid out alike */
        return CN_OK;
    }
    for (uint32_t at = 0; at < 3; at++) {
        switch (choices[(at + salt) % 3]) {
        case CNI_TEST_ENCODE_SLICE:
            return encode_slice(allocator, inout_vector, err);
        case CNI_TEST_ENCODE_DICTIONARY:
            return encode_dictionary(allocator, inout_vector, err);
        case CNI_TEST_ENCODE_RUN_END:
            return encode_runs(allocator, inout_vector, err);
        default:
            break;
        }
    }
    return CN_OK;
}

cn_code
cni_test_encode_chunk(cni_chunk *inout_chunk, uint32_t encodings, uint32_t salt,
                      cni_allocator *allocator, cn_error *err)
{
    for (int32_t column = 0; column < inout_chunk->n_columns; column++) {
        CN_TRY(encode_column(allocator, &inout_chunk->columns[column], encodings,
                             salt + (uint32_t)column, err));
    }
    return CN_OK;
}
