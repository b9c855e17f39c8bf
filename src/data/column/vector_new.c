/* SPDX-License-Identifier: Apache-2.0
 *
 * New vectors: FLAT with fresh or reused buffers, CONSTANT values, and CONSTANT NULL of any type.
 * Bitmaps are allocated in whole 64-bit words, as kernels write them.
 */
#include "data/column/vector_int.h"

static int64_t
bitmap_bytes(int64_t n_rows)
{
    return cni_bits_words(n_rows) * 8;
}

/* All ones for n_rows, zeros in the rest of the last word. */
static void
set_all(uint8_t *bitmap, int64_t n_rows)
{
    const int64_t whole_bytes = (n_rows >> 6) * 8;
    memset(bitmap, 0xFF, (size_t)whole_bytes);
    if ((n_rows & 63) != 0) {
        const uint64_t last = (UINT64_C(1) << (n_rows & 63)) - 1;
        memcpy(bitmap + whole_bytes, &last, sizeof(last));
    }
}

static cn_code
check_rows(int64_t n_rows, cn_error *err)
{
    if (n_rows < 0 || n_rows > INT64_MAX / 64) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a vector of %lld rows was asked for",
                       (long long)n_rows);
    }
    return CN_OK;
}

static cn_code
data_bytes(cni_phys phys, const cni_type *type, int64_t n_rows, int64_t *out_bytes, cn_error *err)
{
    CN_TRY(check_rows(n_rows, err));
    if (phys == CNI_PHYS_BIT) {
        *out_bytes = bitmap_bytes(n_rows);
        return CN_OK;
    }
    if (!cni_checked_mul(n_rows, cni_phys_bytes(phys, type), out_bytes)) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a vector of %lld values of %d bytes was asked for",
                       (long long)n_rows, cni_phys_bytes(phys, type));
    }
    return CN_OK;
}

static bool
has_data(cni_phys phys)
{
    return phys != CNI_PHYS_NONE && phys != CNI_PHYS_ARRAY && phys != CNI_PHYS_STRUCT;
}

cn_code
cni_vector_add_validity(cni_allocator *allocator, cni_vector *inout_vector, int64_t n_rows,
                        cn_error *err)
{
    CN_TRY(check_rows(n_rows, err));
    CN_TRY(cni_buffer_reuse(allocator, bitmap_bytes(n_rows), &inout_vector->owner_validity, err));
    inout_vector->validity = (cni_bits){inout_vector->owner_validity->data, 0};
    return CN_OK;
}

cn_code
cni_vector_add_data(cni_allocator *allocator, cni_vector *inout_vector, int64_t n_rows,
                    cn_error *err)
{
    if (!has_data((cni_phys)inout_vector->phys)) {
        return CN_OK;
    }
    int64_t n_bytes = 0;
    CN_TRY(data_bytes((cni_phys)inout_vector->phys, inout_vector->type, n_rows, &n_bytes, err));
    CN_TRY(cni_buffer_reuse(allocator, n_bytes, &inout_vector->owner_data, err));
    inout_vector->data = inout_vector->owner_data->data;
    return CN_OK;
}

static cn_code
fill_flat(cni_allocator *allocator, int64_t n_rows, bool with_validity, cni_vector *vector,
          cn_error *err)
{
    const bool all_null = vector->phys == CNI_PHYS_NONE;
    CN_TRY(cni_vector_add_data(allocator, vector, n_rows, err));
    if (with_validity || all_null) {
        CN_TRY(cni_vector_add_validity(allocator, vector, n_rows, err));
        uint8_t *bitmap = vector->owner_validity->data;
        if (all_null) {
            memset(bitmap, 0, (size_t)bitmap_bytes(n_rows));
        } else {
            set_all(bitmap, n_rows);
        }
    }
    vector->n_rows = n_rows;
    return CN_OK;
}

cn_code
cni_vector_reuse_flat(cni_allocator *allocator, const cni_type *type, cni_phys phys, int64_t n_rows,
                      bool with_validity, cni_vector *inout_vector, cn_error *err)
{
    CN_ASSERT(!cni_phys_is_nested((uint8_t)phys));
    cni_vector fresh = {.type = type,
                        .encoding = CNI_FLAT,
                        .phys = (uint8_t)phys,
                        .owner_data = CN_MOVE(inout_vector->owner_data),
                        .owner_validity = CN_MOVE(inout_vector->owner_validity)};
    cni_vector_done(inout_vector);
    const cn_code code = fill_flat(allocator, n_rows, with_validity, &fresh, err);
    if (code != CN_OK) {
        cni_vector_done(&fresh);
        return code;
    }
    *inout_vector = fresh;
    return CN_OK;
}

cn_code
cni_vector_new_flat(cni_allocator *allocator, const cni_type *type, cni_phys phys, int64_t n_rows,
                    bool with_validity, cni_vector *out_vector, cn_error *err)
{
    cni_vector fresh = {0};
    CN_TRY(cni_vector_reuse_flat(allocator, type, phys, n_rows, with_validity, &fresh, err));
    *out_vector = fresh;
    return CN_OK;
}

void *
cni_vector_mutable_data(cni_vector *self)
{
    CN_ASSERT(self->owner_data == NULL ||
              (self->owner_data->release == NULL && self->data == self->owner_data->data));
    return self->owner_data == NULL ? NULL : self->owner_data->data;
}

uint8_t *
cni_vector_mutable_validity(cni_vector *self)
{
    return self->validity.data == NULL ? NULL : self->owner_validity->data;
}

/* One zeroed value where the static zeros are too few. */
static cn_code
null_value(cni_allocator *allocator, cni_vector *vector, cn_error *err)
{
    const int32_t item_bytes = cni_phys_bytes((cni_phys)vector->phys, vector->type);
    if (!has_data((cni_phys)vector->phys)) {
        return CN_OK;
    }
    vector->data = cni_column_zeros;
    if (item_bytes > CNI_ZERO_BYTES) {
        CN_TRY(cni_vector_add_data(allocator, vector, 1, err));
        memset(vector->owner_data->data, 0, (size_t)item_bytes);
    }
    return CN_OK;
}

static cn_code
null_children(cni_allocator *allocator, cni_vector *vector, cn_error *err)
{
    const cni_type *type = vector->type;
    CN_TRY(cni_nested_new(allocator, type->n_children, &vector->nested, err));
    int64_t n_items = 1;
    if (vector->phys == CNI_PHYS_LIST) {
        n_items = 0;
    } else if (vector->phys == CNI_PHYS_ARRAY) {
        n_items = type->width;
    } else if (vector->phys == CNI_PHYS_UNION && type->n_children > 0) {
        CN_TRY(cni_vector_add_data(allocator, vector, 1, err));
        memcpy(vector->owner_data->data, type->union_codes, 1);
        vector->union_offsets =
            type->dense ? (const int32_t *)(const void *)cni_column_zeros : NULL;
    }
    for (int32_t child = 0; child < type->n_children; child++) {
        CN_TRY(cni_vector_new_null(allocator, type->children[child].type, n_items,
                                   &vector->nested->children[child], err));
    }
    return CN_OK;
}

cn_code
cni_vector_new_null(cni_allocator *allocator, const cni_type *type, int64_t n_rows,
                    cni_vector *out_vector, cn_error *err)
{
    CN_TRY(check_rows(n_rows, err));
    CN_SCOPED(cni_vector)
    fresh = {.type = type,
             .encoding = CNI_CONSTANT,
             .phys = (uint8_t)cni_type_phys(type),
             .n_rows = n_rows,
             .validity = {cni_column_zeros, 0}};
    CN_TRY(null_value(allocator, &fresh, err));
    if (cni_phys_is_nested(fresh.phys)) {
        CN_TRY(null_children(allocator, &fresh, err));
    }
    cni_vector_move(out_vector, &fresh);
    return CN_OK;
}

/* The bytes of a long string in a heap of their own. */
static cn_code
own_view(cni_allocator *allocator, const cni_view *value, cni_vector *vector, cn_error *err)
{
    cni_view own = *value;
    if (value->len_bytes > CNI_VIEW_INLINE_BYTES) {
        CN_SCOPED(cni_buffer_p) bytes = NULL;
        CN_TRY(cni_buffer_new(allocator, value->len_bytes, &bytes, err));
        memcpy(bytes->data, cni_view_data(value), value->len_bytes);
        CN_TRY(cni_heap_new(allocator, &bytes, 1, &vector->heap, err));
        own = cni_view_make((const char *)bytes->data, value->len_bytes);
    }
    memcpy(vector->owner_data->data, &own, sizeof(own));
    return CN_OK;
}

/* Bounds of one value in an integer layout. */
static cni_bounds
bounds_of_value(cni_phys phys, const void *value)
{
    cni_vector one = {.encoding = CNI_FLAT, .phys = (uint8_t)phys, .n_rows = 1, .data = value};
    return cni_vector_compute_bounds(&one);
}

cn_code
cni_vector_new_constant(cni_allocator *allocator, const cni_type *type, cni_phys phys,
                        const void *value, int64_t n_rows, cni_vector *out_vector, cn_error *err)
{
    CN_ASSERT(!cni_phys_is_nested((uint8_t)phys) && phys != CNI_PHYS_NONE);
    CN_TRY(check_rows(n_rows, err));
    CN_SCOPED(cni_vector)
    fresh = {.type = type, .encoding = CNI_CONSTANT, .phys = (uint8_t)phys, .n_rows = n_rows};
    CN_TRY(cni_vector_add_data(allocator, &fresh, 1, err));
    if (phys == CNI_PHYS_BIT) {
        const uint64_t word = *(const bool *)value;
        memcpy(fresh.owner_data->data, &word, sizeof(word));
    } else if (phys == CNI_PHYS_VIEW) {
        CN_TRY(own_view(allocator, value, &fresh, err));
    } else {
        memcpy(fresh.owner_data->data, value, (size_t)cni_phys_bytes(phys, type));
        fresh.bounds = bounds_of_value(phys, fresh.data);
    }
    cni_vector_move(out_vector, &fresh);
    return CN_OK;
}
