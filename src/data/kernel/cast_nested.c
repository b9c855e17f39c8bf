/* SPDX-License-Identifier: Apache-2.0
 *
 * Casts of nested types: the shell (entries, validity) is shared, each child is cast in turn. Items
 * are live in the child when a live, non-null row reaches them, so that an item under a dead or
 * null row cannot raise an error. LIST to ARRAY and back rewrite the entries. The depth of the
 * recursion is that of the type.
 */
#include "data/kernel/cast_int.h"

typedef struct nested_job {
    const cni_op_env *env;
    const cni_vector *a;
    const cni_type *type;
    bool try_cast;
    int64_t n_rows; /* of `a`: 1 for constants */
} nested_job;

static bool
row_is_active(const nested_job *job, int64_t row)
{
    const uint64_t *live = job->env->live;
    if (!cni_bits_get(job->a->validity, row)) {
        return false;
    }
    if (job->a->encoding == CNI_CONSTANT || live == NULL) {
        return true;
    }
    return ((live[row >> 6] >> (row & 63)) & 1) != 0;
}

/* The items of a row in the only child of a list or array. */
static cni_list_entry
items_of(const cni_vector *a, int64_t row)
{
    if (a->phys == CNI_PHYS_ARRAY) {
        return (cni_list_entry){row * a->type->width, a->type->width};
    }
    return ((const cni_list_entry *)a->data)[row];
}

static void
mark_items(const nested_job *job, int64_t n_items, uint64_t *live)
{
    for (int64_t row = 0; row < job->n_rows; row++) {
        if (!row_is_active(job, row)) {
            continue;
        }
        if (job->a->phys == CNI_PHYS_STRUCT) {
            cni_bit_set((uint8_t *)live, row);
            continue;
        }
        const cni_list_entry items = items_of(job->a, row);
        if (items.size > 0 && items.offset + items.size <= n_items) {
            cni_bits_fill((uint8_t *)live, items.offset, items.size, true);
        }
    }
}

/* Cast one child; `out` is raw. Children in other encodings are flattened first. */
static cn_code
cast_child(const nested_job *job, int32_t child, cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector) whole = {0};
    CN_SCOPED(cni_vector) items = {0};
    cni_vector_child(&whole, job->a, child);
    CN_TRY(cni_vector_flatten(job->env->allocator, &whole, &items, err));
    CN_SCOPED(cni_buffer_p) live = NULL;
    const int64_t live_bytes = cni_bits_words(items.n_rows) * 8;
    CN_TRY(cni_buffer_new(job->env->allocator, live_bytes, &live, err));
    memset(live->data, 0, (size_t)live_bytes);
    uint64_t *words = (uint64_t *)(void *)live->data;
    mark_items(job, items.n_rows, words);
    const cni_op_env env = {job->env->allocator, job->env->kernels, words, items.n_rows};
    CN_SCOPED(cni_vector) result = {0};
    CN_TRY(cni_op_cast(&env, &items, job->type->children[child].type, job->try_cast, &result, err));
    return cni_vector_flatten(job->env->allocator, &result, out, err);
}

static cn_code
cast_children(const nested_job *job, cni_nested **out_nested, cn_error *err)
{
    CN_SCOPED(cni_nested_p) nested = NULL;
    CN_TRY(cni_nested_new(job->env->allocator, job->type->n_children, &nested, err));
    for (int32_t child = 0; child < job->type->n_children; child++) {
        CN_TRY(cast_child(job, child, &nested->children[child], err));
    }
    *out_nested = CN_MOVE(nested);
    return CN_OK;
}

/* Entries for an array that becomes a list. */
static cn_code
list_of_array(const nested_job *job, cni_vector *inout, cn_error *err)
{
    cni_buffer *entries = NULL;
    CN_TRY(cni_buffer_new(job->env->allocator, job->n_rows * (int64_t)sizeof(cni_list_entry),
                          &entries, err));
    cni_list_entry *out = (cni_list_entry *)(void *)entries->data;
    for (int64_t row = 0; row < job->n_rows; row++) {
        out[row] = items_of(job->a, row);
    }
    cni_buffer_unref(inout->owner_data);
    inout->owner_data = entries;
    inout->data = entries->data;
    return CN_OK;
}

static cn_code
wrong_size(const nested_job *job, int64_t size, cn_error *err)
{
    const cn_code code =
        CN_FAIL(err, CN_INVALID_DATA, "a list of %lld items cannot become an array of %d",
                (long long)size, job->type->width);
    cni_error_sqlstate(err, "22000");
    return code;
}

/* Which item each slot of the array takes: null rows take item 0 when there is one. */
static cn_code
array_slots(const nested_job *job, int64_t n_items, uint32_t *out_slots, uint8_t *out_valid,
            cn_error *err)
{
    const int64_t width = job->type->width;
    for (int64_t row = 0; row < job->n_rows; row++) {
        const cni_list_entry items =
            row_is_active(job, row) ? items_of(job->a, row) : (cni_list_entry){0, -1};
        const bool fits = items.size == width && items.offset + width <= n_items;
        if (items.size >= 0 && !fits && !job->try_cast) {
            return wrong_size(job, items.size, err);
        }
        cni_bit_write(out_valid, row, fits);
        for (int64_t slot = 0; slot < width; slot++) {
            out_slots[row * width + slot] = fits ? (uint32_t)(items.offset + slot) : 0;
        }
    }
    return CN_OK;
}

/* A list (or an array of another width) that becomes an array: the items are gathered. */
static cn_code
array_of_list(const nested_job *job, cni_vector *inout, cn_error *err)
{
    cni_allocator *allocator = job->env->allocator;
    const int64_t n_slots = job->n_rows * job->type->width;
    CN_SCOPED(cni_buffer_p) slots = NULL;
    CN_SCOPED(cni_buffer_p) valid = NULL;
    CN_TRY(cni_buffer_new(allocator, n_slots * (int64_t)sizeof(uint32_t), &slots, err));
    CN_TRY(cni_buffer_new(allocator, cni_bits_words(job->n_rows) * 8, &valid, err));
    memset(valid->data, 0, (size_t)valid->len_bytes);
    uint32_t *rows = (uint32_t *)(void *)slots->data;
    const cni_vector *items = &inout->nested->children[0];
    CN_TRY(array_slots(job, items->n_rows, rows, valid->data, err));
    CN_SCOPED(cni_nested_p) nested = NULL;
    CN_TRY(cni_nested_new(allocator, 1, &nested, err));
    if (items->n_rows == 0) {
        CN_SCOPED(cni_vector) nulls = {0};
        CN_TRY(cni_vector_new_null(allocator, items->type, n_slots, &nulls, err));
        CN_TRY(cni_vector_flatten(allocator, &nulls, &nested->children[0], err));
    } else {
        CN_TRY(cni_vector_take(allocator, items, rows, n_slots, &nested->children[0], err));
    }
    cni_nested_unref(inout->nested);
    inout->nested = CN_MOVE(nested);
    cni_buffer_unref(inout->owner_data);
    inout->owner_data = NULL;
    inout->data = NULL;
    cni_buffer_unref(inout->owner_validity);
    inout->owner_validity = CN_MOVE(valid);
    inout->validity = (cni_bits){inout->owner_validity->data, 0};
    return CN_OK;
}

cn_code
cni_cast_nested(const cni_op_env *env, const cni_vector *a, const cni_type *type, bool try_cast,
                cni_vector *out, cn_error *err)
{
    const int64_t n_rows = a->encoding == CNI_CONSTANT ? cni_min_i64(1, a->n_rows) : a->n_rows;
    const nested_job job = {env, a, type, try_cast, n_rows};
    CN_SCOPED(cni_vector) result = {0};
    cni_nested *nested = NULL;
    CN_TRY(cast_children(&job, &nested, err));
    cni_vector_copy(&result, a);
    cni_nested_unref(result.nested);
    result.nested = nested;
    result.nested_offset = 0;
    result.type = type;
    result.phys = (uint8_t)cni_type_phys(type);
    if (type->id == CNI_TYPE_LIST && a->phys == CNI_PHYS_ARRAY) {
        CN_TRY(list_of_array(&job, &result, err));
    } else if (type->id == CNI_TYPE_ARRAY &&
               (a->phys != CNI_PHYS_ARRAY || a->type->width != type->width)) {
        CN_TRY(array_of_list(&job, &result, err));
    }
    cni_vector_move(out, &result);
    return CN_OK;
}
