/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of strings and binaries: 16-byte views are written over the producer's bytes, which stay
 * where they are. Offsets must ascend; foreign views must lie inside the buffers whose sizes the
 * producer states; VARCHAR must be UTF-8, row by row.
 */
#include "data/column/arrow_import_int.h"

static void
init_vector(const cni_arrow_node *node, cni_vector *out)
{
    out->type = node->type;
    out->phys = CNI_PHYS_VIEW;
    out->n_rows = node->n_rows;
}

static cn_code
bad_utf8(int64_t row, cn_error *err)
{
    const cn_code code =
        CN_FAIL(err, CN_INVALID_DATA, "Arrow: the text of row %lld is not UTF-8", (long long)row);
    cni_error_sqlstate(err, "22021");
    return code;
}

/* Offsets of one width over the window's bytes. */
typedef struct byte_rows {
    const void *offsets; /* n_rows + 1 */
    int32_t offset_bytes;
    const char *data; /* of the array: offsets count from here */
    int64_t low;      /* first and last offset of the window */
    int64_t high;
} byte_rows;

static inline CN_ALWAYS_INLINE int64_t
load_offset(const byte_rows *self, int64_t row)
{
    return cni_arrow_load(self->offsets, row, self->offset_bytes, true);
}

static cn_code
check_offsets(const byte_rows *self, int64_t n_rows, cn_error *err)
{
    int64_t previous = self->low;
    bool good = previous >= 0;
    for (int64_t row = 1; row <= n_rows; row++) {
        const int64_t next = load_offset(self, row);
        /* Descending or longer than a view can say: one unsigned comparison. */
        good = good && (uint64_t)next - (uint64_t)previous <= CNI_VIEW_MAX_BYTES;
        previous = next;
    }
    for (int64_t row = 0; !good && row < n_rows; row++) {
        const int64_t from = load_offset(self, row);
        const int64_t to = load_offset(self, row + 1);
        if (from < 0 || to < from || to - from > CNI_VIEW_MAX_BYTES) {
            return CN_FAIL(err, CN_INVALID_DATA,
                           "Arrow: the text of row %lld is bytes %lld to %lld", (long long)row,
                           (long long)from, (long long)to);
        }
    }
    return CN_OK;
}

/* A view of a short text; the 12 bytes at `text` are readable. Written in parts to where it goes:
 * put together elsewhere and copied as one it would wait for its own stores. */
static inline CN_ALWAYS_INLINE void
put_short_view(cni_view *out, const char *text, uint32_t len_bytes)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t low = 0;
    uint32_t high = 0;
    memcpy(&low, text, 8);
    memcpy(&high, text + 8, 4);
    low &= len_bytes >= 8 ? ~UINT64_C(0) : (UINT64_C(1) << (8 * len_bytes)) - 1;
    high &= len_bytes <= 8 ? 0 : (uint32_t)((UINT64_C(1) << (8 * (len_bytes - 8))) - 1);
    out->len_bytes = len_bytes;
    memcpy(out->as.inlined, &low, 8);
    memcpy(out->as.inlined + 8, &high, 4);
#else
    *out = cni_view_make(text, len_bytes);
#endif
}

static inline CN_ALWAYS_INLINE void
put_long_view(cni_view *out, const char *text, uint32_t len_bytes)
{
    out->len_bytes = len_bytes;
    memcpy(out->as.ref.prefix, text, 4);
    memcpy(out->as.ref.pointer_bytes, &text, sizeof(text));
}

/* Write the views; *out_long: some are not inline; *out_split: some text begins inside a character.
 */
static inline CN_ALWAYS_INLINE void
write_views(const byte_rows *self, int64_t n_rows, cni_bits validity, cni_view *views,
            bool *out_long, bool *out_split)
{
    bool any_long = false;
    bool any_split = false;
    int64_t from = self->low;
    for (int64_t row = 0; row < n_rows; row++) {
        const int64_t to = load_offset(self, row + 1);
        const uint32_t len_bytes = (uint32_t)(to - from);
        const char *text = self->data + from;
        const int64_t at = from;
        from = to;
        if (len_bytes == 0 || (validity.data != NULL && !cni_bits_get(validity, row))) {
            views[row] = (cni_view){0};
            continue;
        }
        any_split = any_split || ((uint8_t)text[0] & 0xC0) == 0x80;
        any_long = any_long || len_bytes > CNI_VIEW_INLINE_BYTES;
        if (len_bytes > CNI_VIEW_INLINE_BYTES) {
            put_long_view(&views[row], text, len_bytes);
        } else if (at + 12 <= self->high) {
            put_short_view(&views[row], text, len_bytes);
        } else {
            views[row] = cni_view_make(text, len_bytes);
        }
    }
    *out_long = any_long;
    *out_split = any_split;
}

/* Whole window first, which is fast; row by row when that finds something, which may be in a null.
 */
static cn_code
check_utf8(const byte_rows *self, bool split, const cni_vector *vector, cn_error *err)
{
    if (!split && cni_utf8_find_invalid(self->data + self->low, self->high - self->low) < 0) {
        return CN_OK;
    }
    const cni_view *views = vector->data;
    for (int64_t row = 0; row < vector->n_rows; row++) {
        if (cni_utf8_find_invalid(cni_view_data(&views[row]), views[row].len_bytes) >= 0) {
            return bad_utf8(row, err);
        }
    }
    return CN_OK;
}

static cn_code
build_views(const cni_arrow_node *node, const byte_rows *rows, cni_vector *out, cn_error *err)
{
    bool any_long = false;
    bool any_split = false;
    cni_view *views = (cni_view *)(void *)out->owner_data->data;
    byte_rows narrow = *rows;
    if (rows->offset_bytes == 4) {
        narrow.offset_bytes = 4; /* a constant for the compiler */
        write_views(&narrow, node->n_rows, out->validity, views, &any_long, &any_split);
    } else {
        narrow.offset_bytes = 8;
        write_views(&narrow, node->n_rows, out->validity, views, &any_long, &any_split);
    }
    if (node->type->id == CNI_TYPE_VARCHAR) {
        CN_TRY(check_utf8(rows, any_split, out, err));
    }
    if (!any_long) {
        return CN_OK;
    }
    CN_SCOPED(cni_buffer_p) bytes = NULL;
    CN_TRY(cni_arrow_wrap(node->importer, rows->data + rows->low, rows->high - rows->low, &bytes,
                          err));
    return cni_heap_new(node->importer->allocator, &bytes, 1, &out->heap, err);
}

cn_code
cni_arrow_import_bytes(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    const struct ArrowArray *array = node->array;
    init_vector(node, out);
    CN_TRY(cni_arrow_import_validity(node, out, err));
    CN_TRY(cni_vector_add_data(node->importer->allocator, out, node->n_rows, err));
    if (node->n_rows == 0) {
        return CN_OK;
    }
    if (array->buffers[1] == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: an array of texts has no offsets");
    }
    byte_rows rows = {.offset_bytes = node->layout.offset_bytes, .data = array->buffers[2]};
    rows.offsets = (const uint8_t *)array->buffers[1] + node->first * rows.offset_bytes;
    rows.low = load_offset(&rows, 0);
    rows.high = load_offset(&rows, node->n_rows);
    CN_TRY(check_offsets(&rows, node->n_rows, err));
    if (rows.data == NULL && rows.high > 0) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: an array of texts has no bytes");
    }
    if (rows.data == NULL) {
        memset(out->owner_data->data, 0, (size_t)out->owner_data->len_bytes);
        return CN_OK;
    }
    return build_views(node, &rows, out, err);
}

/* The producer's view: length, then 12 bytes, or prefix, buffer and offset. */
typedef struct foreign_view {
    int32_t len_bytes;
    char inlined_or_prefix[4];
    int32_t buffer;
    int32_t offset;
} foreign_view;

typedef struct view_buffers {
    const void *const *buffers; /* data buffers */
    const void *sizes;          /* int64 each */
    int64_t n_buffers;
} view_buffers;

static int64_t
buffer_size(const view_buffers *self, int64_t buffer)
{
    return cni_arrow_load(self->sizes, buffer, 8, true);
}

static cn_code
check_view_buffers(const view_buffers *self, cn_error *err)
{
    if (self->n_buffers > 0 && self->sizes == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: the sizes of view buffers are missing");
    }
    for (int64_t buffer = 0; buffer < self->n_buffers; buffer++) {
        const int64_t size = buffer_size(self, buffer);
        if (size < 0 || (size > 0 && self->buffers[buffer] == NULL)) {
            return CN_FAIL(err, CN_INVALID_DATA, "Arrow: view buffer %lld of %lld bytes%s",
                           (long long)buffer, (long long)size, size > 0 ? " is missing" : "");
        }
    }
    return CN_OK;
}

/* Our view of a foreign one. */
static cn_code
convert_view(const view_buffers *buffers, const uint8_t *bytes, int64_t row, cni_view *out,
             cn_error *err)
{
    foreign_view foreign;
    memcpy(&foreign, bytes, sizeof(foreign));
    if (foreign.len_bytes >= 0 && foreign.len_bytes <= CNI_VIEW_INLINE_BYTES) {
        put_short_view(out, (const char *)bytes + 4, (uint32_t)foreign.len_bytes);
        return CN_OK;
    }
    if (foreign.len_bytes < 0 || foreign.buffer < 0 || foreign.buffer >= buffers->n_buffers ||
        !cni_range_fits(foreign.offset, foreign.len_bytes, buffer_size(buffers, foreign.buffer))) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: the view of row %lld is %d bytes at %d of buffer %d of %lld",
                       (long long)row, foreign.len_bytes, foreign.offset, foreign.buffer,
                       (long long)buffers->n_buffers);
    }
    const char *data = buffers->buffers[foreign.buffer];
    put_long_view(out, data + foreign.offset, (uint32_t)foreign.len_bytes);
    return CN_OK;
}

static cn_code
convert_views(const cni_arrow_node *node, const view_buffers *buffers, const uint8_t *foreign,
              cni_vector *out, cn_error *err)
{
    cni_view *views = (cni_view *)(void *)out->owner_data->data;
    const bool is_text = node->type->id == CNI_TYPE_VARCHAR;
    for (int64_t row = 0; row < node->n_rows; row++) {
        if (out->validity.data != NULL && !cni_bits_get(out->validity, row)) {
            views[row] = (cni_view){0};
            continue;
        }
        CN_TRY(convert_view(buffers, foreign + row * (int64_t)sizeof(cni_view), row, &views[row],
                            err));
        if (is_text &&
            cni_utf8_find_invalid(cni_view_data(&views[row]), views[row].len_bytes) >= 0) {
            return bad_utf8(row, err);
        }
    }
    return CN_OK;
}

static void
unref_all(cni_buffer **wrapped, int32_t n_wrapped)
{
    for (int32_t at = 0; at < n_wrapped; at++) {
        cni_buffer_unref(wrapped[at]);
    }
}

/* A heap of the non-empty data buffers. */
static cn_code
wrap_view_buffers(const cni_arrow_node *node, const view_buffers *buffers, cni_heap **out_heap,
                  cn_error *err)
{
    cni_allocator *allocator = node->importer->allocator;
    const int64_t list_bytes = buffers->n_buffers * (int64_t)sizeof(cni_buffer *);
    cni_buffer **wrapped = NULL;
    CN_TRY(cni_alloc(allocator, list_bytes, &wrapped, err));
    cn_code code = CN_OK;
    int32_t n_wrapped = 0;
    for (int64_t buffer = 0; code == CN_OK && buffer < buffers->n_buffers; buffer++) {
        const int64_t size = buffer_size(buffers, buffer);
        if (size > 0) {
            code = cni_arrow_wrap(node->importer, buffers->buffers[buffer], size,
                                  &wrapped[n_wrapped], err);
            n_wrapped += code == CN_OK;
        }
    }
    if (code == CN_OK && n_wrapped > 0) {
        code = cni_heap_new(allocator, wrapped, n_wrapped, out_heap, err);
    }
    unref_all(wrapped, n_wrapped);
    cni_dealloc(allocator, wrapped, list_bytes);
    return code;
}

cn_code
cni_arrow_import_byte_views(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    const struct ArrowArray *array = node->array;
    const view_buffers buffers = {.buffers = array->buffers + 2,
                                  .sizes = array->buffers[array->n_buffers - 1],
                                  .n_buffers = array->n_buffers - 3};
    const void *foreign = NULL;
    CN_SCOPED(cni_buffer_p) owner = NULL;
    init_vector(node, out);
    CN_TRY(cni_arrow_import_validity(node, out, err));
    CN_TRY(check_view_buffers(&buffers, err));
    CN_TRY(cni_arrow_import_items(node, 1, (int64_t)sizeof(cni_view), 1, &foreign, &owner, err));
    CN_TRY(cni_vector_add_data(node->importer->allocator, out, node->n_rows, err));
    CN_TRY(convert_views(node, &buffers, foreign, out, err));
    return wrap_view_buffers(node, &buffers, &out->heap, err);
}
