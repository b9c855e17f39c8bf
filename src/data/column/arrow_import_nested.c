/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of nested layouts. Only the window of a child that the parent's rows use is imported, and
 * entries and offsets are rewritten to count from its start: a slice of a large array costs its own
 * size. Children are checked to be as long as the parent's claims need.
 */
#include "data/column/arrow_import_int.h"

static cn_code
init_nested(const cni_arrow_node *node, bool with_validity, cni_vector *out, cn_error *err)
{
    out->type = node->type;
    out->phys = (uint8_t)cni_type_phys(node->type);
    out->n_rows = node->n_rows;
    if (with_validity) {
        CN_TRY(cni_arrow_import_validity(node, out, err));
    }
    return cni_nested_new(node->importer->allocator, node->type->n_children, &out->nested, err);
}

/* No entry and no key of a map is null, and entries are plain. */
static cn_code
check_map(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    cni_vector *entries = &out->nested->children[0];
    CN_SCOPED(cni_vector) flat = {0};
    CN_SCOPED(cni_vector) keys = {0};
    CN_TRY(cni_vector_flatten(node->importer->allocator, entries, &flat, err));
    cni_vector_child(&keys, &flat, 0);
    if (cni_vector_null_count(&flat) > 0 || cni_vector_null_count(&keys) > 0) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: a map has null keys or entries");
    }
    cni_vector_done(entries);
    cni_vector_move(entries, &flat);
    return CN_OK;
}

static cn_code
bad_list(int64_t row, int64_t offset, int64_t size, int64_t n_items, cn_error *err)
{
    return CN_FAIL(err, CN_INVALID_DATA,
                   "Arrow: the list of row %lld is %lld items from %lld of %lld", (long long)row,
                   (long long)size, (long long)offset, (long long)n_items);
}

/* Entries from ascending offsets, counted from the first one. */
static cn_code
write_entries(const void *offsets, int32_t offset_bytes, int64_t n_items, const cni_vector *list,
              cni_list_entry *entries, cn_error *err)
{
    const int64_t low = cni_arrow_load(offsets, 0, offset_bytes, true);
    int64_t from = low;
    for (int64_t row = 0; row < list->n_rows; row++) {
        const int64_t to = cni_arrow_load(offsets, row + 1, offset_bytes, true);
        if (CN_UNLIKELY(from < 0 || to < from || to > n_items)) {
            return bad_list(row, from, (int64_t)((uint64_t)to - (uint64_t)from), n_items, err);
        }
        const bool valid = list->validity.data == NULL || cni_bits_get(list->validity, row);
        entries[row] = (cni_list_entry){.offset = from - low, .size = valid ? to - from : 0};
        from = to;
    }
    return CN_OK;
}

cn_code
cni_arrow_import_list(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    CN_TRY(init_nested(node, true, out, err));
    CN_TRY(cni_vector_add_data(node->importer->allocator, out, node->n_rows, err));
    int64_t low = 0;
    int64_t high = 0;
    if (node->n_rows > 0) {
        if (node->array->buffers[1] == NULL) {
            return CN_FAIL(err, CN_INVALID_DATA, "Arrow: an array of lists has no offsets");
        }
        const int32_t offset_bytes = node->layout.offset_bytes;
        const void *offsets = (const uint8_t *)node->array->buffers[1] + node->first * offset_bytes;
        CN_TRY(write_entries(offsets, offset_bytes, node->array->children[0]->length, out,
                             (cni_list_entry *)(void *)out->owner_data->data, err));
        low = cni_arrow_load(offsets, 0, offset_bytes, true);
        high = cni_arrow_load(offsets, node->n_rows, offset_bytes, true);
    }
    CN_TRY(cni_arrow_import_child(node, 0, low, high - low, &out->nested->children[0], err));
    return node->type->id == CNI_TYPE_MAP ? check_map(node, out, err) : CN_OK;
}

/* Entries as the producer says them, checked also in null rows; gives the window they use. */
static cn_code
read_entries(const void *offsets, const void *sizes, int32_t bytes, int64_t n_items, int64_t n_rows,
             cni_list_entry *entries, int64_t *out_low, int64_t *out_high, cn_error *err)
{
    int64_t low = n_items;
    int64_t high = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        const int64_t offset = cni_arrow_load(offsets, row, bytes, true);
        const int64_t size = cni_arrow_load(sizes, row, bytes, true);
        if (CN_UNLIKELY(!cni_range_fits(offset, size, n_items))) {
            return bad_list(row, offset, size, n_items, err);
        }
        entries[row] = (cni_list_entry){.offset = offset, .size = size};
        low = size > 0 ? cni_min_i64(low, offset) : low;
        high = size > 0 ? cni_max_i64(high, offset + size) : high;
    }
    *out_low = cni_min_i64(low, high);
    *out_high = high;
    return CN_OK;
}

cn_code
cni_arrow_import_list_view(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    const int32_t bytes = node->layout.offset_bytes;
    const void *offsets = NULL;
    const void *sizes = NULL;
    CN_SCOPED(cni_buffer_p) owner_offsets = NULL;
    CN_SCOPED(cni_buffer_p) owner_sizes = NULL;
    CN_TRY(init_nested(node, true, out, err));
    CN_TRY(cni_vector_add_data(node->importer->allocator, out, node->n_rows, err));
    CN_TRY(cni_arrow_import_items(node, 1, bytes, 1, &offsets, &owner_offsets, err));
    CN_TRY(cni_arrow_import_items(node, 2, bytes, 1, &sizes, &owner_sizes, err));
    cni_list_entry *entries = (cni_list_entry *)(void *)out->owner_data->data;
    int64_t low = 0;
    int64_t high = 0;
    CN_TRY(read_entries(offsets, sizes, bytes, node->array->children[0]->length, node->n_rows,
                        entries, &low, &high, err));
    for (int64_t row = 0; row < node->n_rows; row++) {
        entries[row].offset = entries[row].size > 0 ? entries[row].offset - low : 0;
    }
    return cni_arrow_import_child(node, 0, low, high - low, &out->nested->children[0], err);
}

cn_code
cni_arrow_import_fixed_list(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    const int64_t width = node->type->width;
    int64_t first = 0;
    int64_t n_items = 0;
    if (!cni_checked_mul(node->first, width, &first) ||
        !cni_checked_mul(node->n_rows, width, &n_items)) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: %lld lists of %lld items from %lld",
                       (long long)node->n_rows, (long long)width, (long long)node->first);
    }
    CN_TRY(init_nested(node, true, out, err));
    return cni_arrow_import_child(node, 0, first, n_items, &out->nested->children[0], err);
}

static cn_code
import_row_children(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    for (int32_t child = 0; child < node->type->n_children; child++) {
        CN_TRY_CTX(cni_arrow_import_child(node, child, node->first, node->n_rows,
                                          &out->nested->children[child], err),
                   err, "field '%.60s'", node->type->children[child].name.data);
    }
    return CN_OK;
}

cn_code
cni_arrow_import_struct(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    CN_TRY(init_nested(node, true, out, err));
    return import_row_children(node, out, err);
}

/* The child that each type code names, or -1. */
static void
map_codes(const cni_type *type, int8_t child_of_code[128])
{
    memset(child_of_code, 0xFF, 128 * sizeof(child_of_code[0]));
    for (int32_t child = 0; child < type->n_children; child++) {
        child_of_code[type->union_codes[child]] = (int8_t)child;
    }
}

static cn_code
check_codes(const cni_arrow_node *node, const int8_t *codes, const int8_t child_of_code[128],
            cn_error *err)
{
    for (int64_t row = 0; row < node->n_rows; row++) {
        if (CN_UNLIKELY(codes[row] < 0 || child_of_code[codes[row]] < 0)) {
            return CN_FAIL(err, CN_INVALID_DATA, "Arrow: the union of row %lld has the code %d",
                           (long long)row, codes[row]);
        }
    }
    return CN_OK;
}

/* The items of one child that the rows use; INT64_MAX and 0 while there are none. */
typedef struct child_window {
    int64_t low;
    int64_t high;
} child_window;

/* Offsets checked against their child's length, and the windows they span. */
static cn_code
measure_windows(const cni_arrow_node *node, const int8_t *codes, const void *offsets,
                const int8_t child_of_code[128], child_window *windows, cn_error *err)
{
    for (int64_t row = 0; row < node->n_rows; row++) {
        const int8_t child = child_of_code[codes[row]];
        const int64_t offset = cni_arrow_load(offsets, row, 4, true);
        const int64_t n_items = node->array->children[child]->length;
        if (CN_UNLIKELY(!cni_range_fits(offset, 1, n_items))) {
            return CN_FAIL(err, CN_INVALID_DATA,
                           "Arrow: the union of row %lld is item %lld of %lld", (long long)row,
                           (long long)offset, (long long)n_items);
        }
        windows[child].low = cni_min_i64(windows[child].low, offset);
        windows[child].high = cni_max_i64(windows[child].high, offset + 1);
    }
    return CN_OK;
}

static cn_code
import_dense(const cni_arrow_node *node, const int8_t child_of_code[128], cni_vector *out,
             cn_error *err)
{
    const void *offsets = NULL;
    CN_SCOPED(cni_buffer_p) owner = NULL;
    CN_SCOPED(cni_buffer_p) scratch = NULL;
    CN_TRY(cni_buffer_new(node->importer->allocator,
                          node->type->n_children * (int64_t)sizeof(child_window), &scratch, err));
    child_window *windows = (child_window *)(void *)scratch->data;
    for (int32_t child = 0; child < node->type->n_children; child++) {
        windows[child] = (child_window){.low = INT64_MAX};
    }
    const int8_t *codes = out->data;
    CN_TRY(cni_arrow_import_items(node, 1, 4, 1, &offsets, &owner, err));
    CN_TRY(measure_windows(node, codes, offsets, child_of_code, windows, err));
    CN_TRY(cni_buffer_new(node->importer->allocator, node->n_rows * 4, &out->owner_aux, err));
    int32_t *moved = (int32_t *)(void *)out->owner_aux->data;
    for (int64_t row = 0; row < node->n_rows; row++) {
        const int64_t low = windows[child_of_code[codes[row]]].low;
        moved[row] = (int32_t)(cni_arrow_load(offsets, row, 4, true) - low);
    }
    out->union_offsets = moved;
    for (int32_t child = 0; child < node->type->n_children; child++) {
        const int64_t low = cni_min_i64(windows[child].low, windows[child].high);
        CN_TRY(cni_arrow_import_child(node, child, low, windows[child].high - low,
                                      &out->nested->children[child], err));
    }
    return CN_OK;
}

cn_code
cni_arrow_import_union(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    int8_t child_of_code[128];
    map_codes(node->type, child_of_code);
    CN_TRY(init_nested(node, false, out, err));
    CN_TRY(cni_arrow_import_items(node, 0, 1, 1, &out->data, &out->owner_data, err));
    CN_TRY(check_codes(node, out->data, child_of_code, err));
    if (node->layout.kind == CNI_ARROW_DENSE_UNION) {
        return import_dense(node, child_of_code, out, err);
    }
    return import_row_children(node, out, err);
}
