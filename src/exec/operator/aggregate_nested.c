/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists, structs and other nested values as keys of groups: a view of their canonical bytes, which
 * are equal iff the values are. Before the bytes lies what the value is given back from:
 *
 *   | vector, row | bytes, at least 13, so that the view is never inline |
 *                   ^ the view points here
 *
 * In packed keys the vector is the chunk's; when a group is made, it is one of one row in the heap
 * that shares nothing with the chunk, whose children and texts would stay for it. Bytes: per value
 * a null byte, then items, texts with their length, lists with their size. Types nest at most
 * CNI_TYPE_DEPTH_MAX deep, and so does the recursion here.
 */
#include <math.h>

#include "exec/operator/aggregate_operator_int.h"
#include "plan/function/cell_bytes.h"

#define MIN_BYTES (CNI_VIEW_INLINE_BYTES + 1)

typedef struct nested_head {
    const cni_vector *vector;
    int64_t row;
} nested_head;

/* ---- bytes ---- */

static cn_code encode_value(const cni_vector *vector, int64_t row, cni_strbuf *out, cn_error *err);

static cn_code
append_bytes(cni_strbuf *out, const void *bytes, int64_t n_bytes, cn_error *err)
{
    return cni_strbuf_append(out, (cni_str){bytes, n_bytes}, err);
}

static cn_code
encode_double(double value, cni_strbuf *out, cn_error *err)
{
    double canonical = value + 0.0; /* -0 becomes +0 */
    if (isnan(value)) {
        canonical = (double)NAN;
    }
    return append_bytes(out, &canonical, (int64_t)sizeof(canonical), err);
}

static cn_code
encode_items(const cni_vector *values, int64_t first, int64_t n, cni_strbuf *out, cn_error *err)
{
    CN_SCOPED(cni_vector) child = {0};
    cni_vector_child(&child, values, 0);
    CN_TRY(append_bytes(out, &n, (int64_t)sizeof(n), err));
    for (int64_t item = first; item < first + n; item++) {
        CN_TRY(encode_value(&child, item, out, err));
    }
    return CN_OK;
}

static cn_code
encode_fields(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    for (int32_t field = 0; field < values->type->n_children; field++) {
        CN_SCOPED(cni_vector) child = {0};
        cni_vector_child(&child, values, field);
        CN_TRY(encode_value(&child, index, out, err));
    }
    return CN_OK;
}

static cn_code
encode_text(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    const cni_view *view = (const cni_view *)values->data + index;
    CN_TRY(append_bytes(out, &view->len_bytes, (int64_t)sizeof(view->len_bytes), err));
    return append_bytes(out, cni_view_data(view), view->len_bytes, err);
}

/* As pack_f16 of aggregate_key.c: one zero, one NaN. */
static cn_code
encode_half(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    const uint16_t item = ((const uint16_t *)values->data)[index];
    const uint16_t magnitude = item & 0x7FFF;
    uint16_t canonical = magnitude == 0 ? 0 : item;
    canonical = magnitude > 0x7C00 ? 0x7E00 : canonical;
    return append_bytes(out, &canonical, (int64_t)sizeof(canonical), err);
}

/* DECIMAL of either layout. */
static cn_code
encode_wide(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    cni_i128 wide = 0;
    if (values->phys == CNI_PHYS_I64) {
        wide = ((const int64_t *)values->data)[index];
    } else {
        memcpy(&wide, (const uint8_t *)values->data + index * 16, sizeof(wide));
    }
    return append_bytes(out, &wide, (int64_t)sizeof(wide), err);
}

static cn_code
encode_interval(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    const cni_interval *item = (const cni_interval *)values->data + index;
    const cni_i128 days = (cni_i128)item->months * 30 + item->days;
    const cni_i128 length = days * INT64_C(86400000000000) + item->nanos;
    return append_bytes(out, &length, (int64_t)sizeof(length), err);
}

static cn_code
encode_plain(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    const uint8_t *data = values->data;
    if (values->phys == CNI_PHYS_BIT) {
        const bool bit = cni_bits_get((cni_bits){data, values->data_off_bits}, index);
        return cni_strbuf_append_char(out, bit ? 1 : 0, err);
    }
    if (values->phys == CNI_PHYS_F16) {
        return encode_half(values, index, out, err);
    }
    if (values->phys == CNI_PHYS_F32) {
        return encode_double((double)((const float *)values->data)[index], out, err);
    }
    if (values->phys == CNI_PHYS_F64) {
        return encode_double(((const double *)values->data)[index], out, err);
    }
    const int32_t n_bytes = cni_phys_bytes((cni_phys)values->phys, values->type);
    return append_bytes(out, data + index * n_bytes, n_bytes, err);
}

static cn_code
encode_valid(const cni_vector *values, int64_t index, cni_strbuf *out, cn_error *err)
{
    switch ((cni_phys)values->phys) {
    case CNI_PHYS_LIST: {
        const cni_list_entry *entry = (const cni_list_entry *)values->data + index;
        return encode_items(values, entry->offset, entry->size, out, err);
    }
    case CNI_PHYS_ARRAY:
        return encode_items(values, index * values->type->width, values->type->width, out, err);
    case CNI_PHYS_STRUCT:
        return encode_fields(values, index, out, err);
    case CNI_PHYS_UNION:
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "GROUP BY and DISTINCT over UNION");
    case CNI_PHYS_VIEW:
        return encode_text(values, index, out, err);
    case CNI_PHYS_INTERVAL:
        return encode_interval(values, index, out, err);
    default:
        return values->type->id == CNI_TYPE_DECIMAL && values->type->precision > 18
                   ? encode_wide(values, index, out, err)
                   : encode_plain(values, index, out, err);
    }
}

static cn_code
encode_value(const cni_vector *vector, int64_t row, cni_strbuf *out, cn_error *err)
{
    const cni_vector *values = NULL;
    int64_t index = 0;
    if (vector->encoding == CNI_SEQUENCE) {
        const int64_t value = vector->sequence_start + row * vector->sequence_step;
        const int32_t n_bytes = cni_phys_bytes((cni_phys)vector->phys, vector->type);
        CN_TRY(cni_strbuf_append_char(out, 1, err));
        return append_bytes(out, &value, n_bytes, err);
    }
    if (!cni_vector_locate(vector, row, &values, &index)) {
        return cni_strbuf_append_char(out, 0, err);
    }
    CN_TRY(cni_strbuf_append_char(out, 1, err));
    return encode_valid(values, index, out, err);
}

/* ---- keys ---- */

static cn_code
pack_row(const cni_vector *vector, int64_t row, cni_strbuf *bytes, cni_arena *arena, uint8_t *to,
         cn_error *err)
{
    const nested_head head = {vector, row};
    bytes->len_bytes = 0;
    CN_TRY(encode_value(vector, row, bytes, err));
    while (bytes->len_bytes < MIN_BYTES) {
        CN_TRY(cni_strbuf_append_char(bytes, 0, err));
    }
    if (bytes->len_bytes > CNI_VIEW_MAX_BYTES) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a nested key of %lld bytes",
                       (long long)bytes->len_bytes);
    }
    char *block = NULL;
    CN_TRY(cni_arena_alloc(arena, (int64_t)sizeof(head) + bytes->len_bytes, &block, err));
    memcpy(block, &head, sizeof(head));
    memcpy(block + sizeof(head), bytes->data, (size_t)bytes->len_bytes);
    const cni_view view = cni_view_make(block + sizeof(head), (uint32_t)bytes->len_bytes);
    memcpy(to, &view, sizeof(view));
    return CN_OK;
}

cn_code
cni_agg_pack_nested(const cni_vector *vector, int64_t n, cni_arena *arena, cni_allocator *allocator,
                    uint8_t *out, int64_t stride_bytes, cn_error *err)
{
    cni_strbuf bytes;
    cn_code code = CN_OK;
    cni_strbuf_init(&bytes, allocator, INT32_MAX);
    for (int64_t row = 0; row < n && code == CN_OK; row++) {
        if (cni_vector_is_valid(vector, row)) {
            code = pack_row(vector, row, &bytes, arena, out + row * stride_bytes, err);
        }
    }
    cni_strbuf_done(&bytes);
    return code;
}

static void
release_vector(void *object)
{
    cni_vector_done(object);
}

/* One row of a vector, by itself: joining copies the items of lists that rows use, and those only.
 */
static cn_code
copy_row(cni_allocator *allocator, const cni_vector *vector, uint32_t row, cni_vector *out,
         cn_error *err)
{
    CN_SCOPED(cni_vector) taken = {0};
    CN_SCOPED(cni_vector) null = {0};
    CN_SCOPED(cni_vector) joined = {0};
    CN_TRY(cni_vector_take(allocator, vector, &row, 1, &taken, err));
    CN_TRY(cni_vector_new_null(allocator, vector->type, 1, &null, err));
    const cni_vector *const parts[] = {&taken, &null};
    CN_TRY(cni_vector_concat(allocator, parts, CN_ARRAY_LEN(parts), &joined, err));
    CN_TRY(cni_vector_own_strings(allocator, &joined, true, err));
    cni_vector_slice(out, &joined, 0, 1);
    return CN_OK;
}

cn_code
cni_agg_keep_nested(cni_arena *heap, cni_allocator *allocator, cni_view *inout_view, cn_error *err)
{
    nested_head head;
    const char *bytes = cni_view_data(inout_view);
    const int64_t n_bytes = inout_view->len_bytes;
    cni_vector *kept = NULL;
    char *block = NULL;
    memcpy(&head, bytes - sizeof(head), sizeof(head));
    CN_SCOPED(cni_vector) copied = {0};
    CN_TRY(CN_ARENA_NEW(heap, &kept, err));
    CN_TRY(cni_arena_alloc(heap, (int64_t)sizeof(head) + n_bytes, &block, err));
    CN_TRY(copy_row(allocator, head.vector, (uint32_t)head.row, &copied, err));
    CN_TRY(cni_arena_on_free(heap, release_vector, kept, err));
    cni_vector_move(kept, &copied);
    head = (nested_head){kept, 0};
    memcpy(block, &head, sizeof(head));
    memcpy(block + sizeof(head), bytes, (size_t)n_bytes);
    *inout_view = cni_view_make(block + sizeof(head), (uint32_t)n_bytes);
    return CN_OK;
}

cni_cell
cni_agg_nested_cell(const cni_view *view)
{
    nested_head head;
    memcpy(&head, cni_view_data(view) - sizeof(head), sizeof(head));
    return cni_cell_of_nested(head.vector, head.row);
}

cn_code
cni_agg_unpack_nested(const cni_type *type, const uint8_t *items, int64_t stride_bytes, int64_t n,
                      cni_allocator *allocator, cni_vector *out_vector, cn_error *err)
{
    CN_SCOPED(cni_vector) null = {0};
    const cni_vector **rows = NULL;
    CN_TRY(cni_vector_new_null(allocator, type, 1, &null, err));
    CN_TRY(cni_alloc_array(allocator, n, (int64_t)sizeof(*rows), (void *)&rows, err));
    for (int64_t row = 0; row < n; row++) {
        cni_view view;
        nested_head head = {&null, 0};
        memcpy(&view, items + row * stride_bytes, sizeof(view));
        if (view.len_bytes != CNI_AGG_NULL_VIEW) {
            memcpy(&head, cni_view_data(&view) - sizeof(head), sizeof(head));
        }
        rows[row] = head.vector;
    }
    const cn_code code = cni_vector_concat(allocator, rows, (int32_t)n, out_vector, err);
    cni_dealloc(allocator, (void *)rows, n * (int64_t)sizeof(*rows));
    return code;
}
