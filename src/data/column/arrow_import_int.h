/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of foreign arrays, one function per family of layouts. A node is a window of rows of one
 * foreign array whose counts have been checked; each function checks what its buffers claim and
 * makes a vector of the window.
 *
 *   foreign array   offset .......... offset + length
 *   window                 first .. first + n_rows        (first counts from the buffers' start)
 */
#ifndef CNI_DATA_ARROW_IMPORT_INT_H
#define CNI_DATA_ARROW_IMPORT_INT_H

#include "data/column/arrow_bridge.h"
#include "data/column/arrow_format_int.h"
#include "data/column/vector_int.h"

#define CNI_ARROW_ROWS_MAX (INT64_C(1) << 56)

typedef struct cni_arrow_importer {
    cni_allocator *allocator;
    cni_buffer *base; /* keeps the foreign array; every vector over it holds a reference */
} cni_arrow_importer;

typedef struct cni_arrow_node {
    const cni_arrow_importer *importer;
    const struct ArrowSchema *schema;
    const struct ArrowArray *array;
    const cni_type *type;
    cni_arrow_layout layout;
    int64_t first;
    int64_t n_rows;
    int32_t depth; /* of the node in schema and array */
} cni_arrow_node;

/* Rows [start, start + n_rows) of a foreign array, counted from its offset. */
CN_NODISCARD cn_code cni_arrow_import_rows(const cni_arrow_node *parent,
                                           const struct ArrowSchema *schema,
                                           const struct ArrowArray *array, const cni_type *type,
                                           int64_t start, int64_t n_rows, cni_vector *out,
                                           cn_error *err);
/* The same of child `child`. */
CN_NODISCARD cn_code cni_arrow_import_child(const cni_arrow_node *node, int32_t child,
                                            int64_t start, int64_t n_rows, cni_vector *out,
                                            cn_error *err);

/* Validity of the window from buffer 0; absent when no row is null. */
CN_NODISCARD cn_code cni_arrow_import_validity(const cni_arrow_node *node, cni_vector *inout_vector,
                                               cn_error *err);
/* The window of buffer `buffer` as items: borrowed when aligned, else copied. *out_owner is a new
 * reference; *out_items is NULL only for 0 bytes. */
CN_NODISCARD cn_code cni_arrow_import_items(const cni_arrow_node *node, int32_t buffer,
                                            int64_t item_bytes, int64_t align_bytes,
                                            const void **out_items, cni_buffer **out_owner,
                                            cn_error *err);
/* Wrap foreign memory that the importer's array keeps alive. */
CN_NODISCARD cn_code cni_arrow_wrap(const cni_arrow_importer *importer, const void *data,
                                    int64_t len_bytes, cni_buffer **out_buffer, cn_error *err);

/* One per family. `out` is zeroed; on failure the caller releases it. */
typedef cn_code cni_arrow_import_fn(const cni_arrow_node *node, cni_vector *out, cn_error *err);
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_null;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_bool;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_fixed;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_decimal;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_interval;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_bytes;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_byte_views;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_list;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_list_view;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_fixed_list;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_struct;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_union;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_run_end;
CN_NODISCARD cni_arrow_import_fn cni_arrow_import_dictionary;

/* Integer `at` of `bytes` bytes at any alignment; 64-bit unsigned ones above INT64_MAX turn
 * negative. */
static inline CN_ALWAYS_INLINE int64_t
cni_arrow_load(const void *items, int64_t at, int32_t bytes, bool is_signed)
{
    const uint8_t *from = (const uint8_t *)items + at * bytes;
    if (bytes == 1) {
        return is_signed ? (int64_t)(int8_t)*from : (int64_t)*from;
    }
    if (bytes == 2) {
        uint16_t value;
        memcpy(&value, from, sizeof(value));
        return is_signed ? (int64_t)(int16_t)value : (int64_t)value;
    }
    if (bytes == 4) {
        uint32_t value;
        memcpy(&value, from, sizeof(value));
        return is_signed ? (int64_t)(int32_t)value : (int64_t)value;
    }
    int64_t value;
    memcpy(&value, from, sizeof(value));
    return value;
}

#endif /* CNI_DATA_ARROW_IMPORT_INT_H */
