/* SPDX-License-Identifier: Apache-2.0
 *
 * Nested layouts out. Lists leave with offsets: their child is a window of ours when the entries
 * follow each other, else the items are gathered. Arrow's unions have no validity: null rows of
 * ours become null values of a member.
 */
#include "data/column/arrow_export_int.h"

static int64_t
entry_size(const cni_vector *list, int64_t row)
{
    const cni_list_entry *entries = list->data;
    return cni_bits_get(list->validity, row) ? entries[row].size : 0;
}

/* Offsets of the lists; gives the number of items and whether they lie one behind the other from
 * *out_first on. */
static cn_code
write_offsets(const cni_vector *list, int32_t *offsets, int64_t *out_first, int64_t *out_items,
              bool *out_contiguous, cn_error *err)
{
    const cni_list_entry *entries = list->data;
    int64_t first = 0;
    int64_t n_items = 0;
    bool contiguous = true;
    for (int64_t row = 0; row < list->n_rows; row++) {
        const int64_t size = entry_size(list, row);
        offsets[row] = (int32_t)n_items;
        if (size > 0) {
            first = n_items == 0 ? entries[row].offset : first;
            contiguous = contiguous && entries[row].offset == first + n_items;
            n_items += size;
        }
        if (CN_UNLIKELY(n_items > INT32_MAX)) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED,
                           "lists of more than %d items do not fit one Arrow array of 32-bit "
                           "offsets: export smaller batches",
                           INT32_MAX);
        }
    }
    offsets[list->n_rows] = (int32_t)n_items;
    *out_first = first;
    *out_items = n_items;
    *out_contiguous = contiguous;
    return CN_OK;
}

/* The items of all lists in order of the rows. */
static cn_code
gather_items(const cni_arrow_exporter *self, const cni_vector *list, int64_t n_items,
             cni_vector *out, cn_error *err)
{
    const cni_vector *child = &list->nested->children[0];
    if (child->n_rows > (int64_t)UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "lists point into %lld items",
                       (long long)child->n_rows);
    }
    CN_SCOPED(cni_buffer_p) scratch = NULL;
    CN_TRY(cni_buffer_new(self->allocator, n_items * 4, &scratch, err));
    uint32_t *indices = (uint32_t *)(void *)scratch->data;
    const cni_list_entry *entries = list->data;
    int64_t n_listed = 0;
    for (int64_t row = 0; row < list->n_rows; row++) {
        const int64_t size = entry_size(list, row);
        for (int64_t item = 0; item < size; item++) {
            indices[n_listed++] = (uint32_t)(entries[row].offset + item);
        }
    }
    return cni_vector_take(self->allocator, child, indices, n_items, out, err);
}

cn_code
cni_arrow_export_list(const cni_arrow_exporter *self, const cni_vector *flat,
                      struct ArrowArray *node, cn_error *err)
{
    uint8_t *block = NULL;
    int64_t first = 0;
    int64_t n_items = 0;
    bool contiguous = false;
    CN_SCOPED(cni_vector) items = {0};
    CN_TRY(cni_arrow_node_init(self, 2, 1, flat, node, err));
    CN_TRY(cni_arrow_export_validity(self, flat, node, err));
    CN_TRY(cni_arrow_node_add(self, node, 1, (flat->n_rows + 1) * (int64_t)sizeof(int32_t), &block,
                              err));
    CN_TRY(write_offsets(flat, (int32_t *)(void *)block, &first, &n_items, &contiguous, err));
    if (contiguous) {
        cni_vector_slice(&items, &flat->nested->children[0], first, n_items);
    } else {
        CN_TRY(gather_items(self, flat, n_items, &items, err));
    }
    return cni_arrow_export_vector(self, &items, node->children[0], err);
}

static cn_code
export_children(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
                cn_error *err)
{
    for (int32_t child = 0; child < flat->nested->n_children; child++) {
        CN_SCOPED(cni_vector) rows = {0};
        cni_vector_child(&rows, flat, child);
        CN_TRY(cni_arrow_export_vector(self, &rows, node->children[child], err));
    }
    return CN_OK;
}

cn_code
cni_arrow_export_struct(const cni_arrow_exporter *self, const cni_vector *flat,
                        struct ArrowArray *node, cn_error *err)
{
    CN_TRY(cni_arrow_node_init(self, 1, flat->nested->n_children, flat, node, err));
    CN_TRY(cni_arrow_export_validity(self, flat, node, err));
    return export_children(self, flat, node, err);
}

/* A child of a sparse union in which the union's null rows are null. */
static cn_code
mask_child(const cni_arrow_exporter *self, const cni_vector *flat, int32_t child, cni_vector *out,
           cn_error *err)
{
    CN_SCOPED(cni_vector) rows = {0};
    CN_SCOPED(cni_vector) masked = {0};
    CN_SCOPED(cni_buffer_p) bitmap = NULL;
    cni_vector_child(&rows, flat, child);
    CN_TRY(cni_vector_flatten(self->allocator, &rows, &masked, err));
    CN_TRY(cni_buffer_new(self->allocator, cni_bits_words(flat->n_rows) * 8, &bitmap, err));
    cni_bits_and(masked.validity, flat->validity, flat->n_rows, (uint64_t *)(void *)bitmap->data);
    cni_buffer_unref(masked.owner_validity);
    masked.validity = (cni_bits){bitmap->data, 0};
    masked.owner_validity = CN_MOVE(bitmap);
    cni_vector_move(out, &masked);
    return CN_OK;
}

/* The first child of a dense union with a null behind its items. */
static cn_code
extend_child(const cni_arrow_exporter *self, const cni_vector *flat, cni_vector *out, cn_error *err)
{
    const cni_vector *child = &flat->nested->children[0];
    CN_SCOPED(cni_vector) null = {0};
    CN_TRY(cni_vector_new_null(self->allocator, child->type, 1, &null, err));
    const cni_vector *both[] = {child, &null};
    return cni_vector_concat(self->allocator, both, 2, out, err);
}

/* Codes with null rows sent to the first member, into buffer 0. */
static cn_code
write_codes(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
            cn_error *err)
{
    uint8_t *codes = NULL;
    CN_TRY(cni_arrow_node_add(self, node, 0, flat->n_rows, &codes, err));
    const uint8_t *ours = flat->data;
    for (int64_t row = 0; row < flat->n_rows; row++) {
        const bool valid = cni_bits_get(flat->validity, row);
        codes[row] = valid ? ours[row] : (uint8_t)flat->type->union_codes[0];
    }
    return CN_OK;
}

/* A sparse union with null rows of its own. */
static cn_code
export_masked(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
              cn_error *err)
{
    CN_TRY(write_codes(self, flat, node, err));
    for (int32_t child = 0; child < flat->nested->n_children; child++) {
        CN_SCOPED(cni_vector) values = {0};
        CN_TRY(mask_child(self, flat, child, &values, err));
        CN_TRY(cni_arrow_export_vector(self, &values, node->children[child], err));
    }
    return CN_OK;
}

/* Arrow wants the offsets into each child to ascend; picking rows does not keep that. */
static bool
offsets_ascend(const cni_vector *flat)
{
    int32_t last[INT8_MAX + 1] = {0};
    const int8_t *codes = flat->data;
    for (int64_t row = 0; row < flat->n_rows; row++) {
        if (flat->union_offsets[row] < last[codes[row]]) {
            return false;
        }
        last[codes[row]] = flat->union_offsets[row];
    }
    return true;
}

/* The items that the rows of one member use, in order; null rows use the last item of the first. */
static cn_code
gather_member(const cni_arrow_exporter *self, const cni_vector *flat, int32_t child,
              const uint8_t *codes, int32_t *offsets, cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector) values = {0};
    CN_SCOPED(cni_buffer_p) scratch = NULL;
    if (child == 0) {
        CN_TRY(extend_child(self, flat, &values, err));
    } else {
        cni_vector_child(&values, flat, child);
    }
    CN_TRY(cni_buffer_new(self->allocator, flat->n_rows * 4, &scratch, err));
    uint32_t *indices = (uint32_t *)(void *)scratch->data;
    const uint8_t code = (uint8_t)flat->type->union_codes[child];
    int64_t n_items = 0;
    for (int64_t row = 0; row < flat->n_rows; row++) {
        if (codes[row] == code) {
            const bool valid = cni_bits_get(flat->validity, row);
            indices[n_items] = (uint32_t)(valid ? flat->union_offsets[row] : values.n_rows - 1);
            offsets[row] = (int32_t)n_items++;
        }
    }
    return cni_vector_take(self->allocator, &values, indices, n_items, out, err);
}

/* A dense union with null rows of its own or with offsets in any order. */
static cn_code
export_gathered(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
                cn_error *err)
{
    if (flat->n_rows > INT32_MAX || flat->nested->children[0].n_rows >= (int64_t)UINT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a dense union of %lld rows is exported at once",
                       (long long)flat->n_rows);
    }
    uint8_t *block = NULL;
    CN_TRY(write_codes(self, flat, node, err));
    CN_TRY(cni_arrow_node_add(self, node, 1, flat->n_rows * 4, &block, err));
    int32_t *offsets = (int32_t *)(void *)block;
    for (int32_t child = 0; child < flat->nested->n_children; child++) {
        CN_SCOPED(cni_vector) items = {0};
        CN_TRY(gather_member(self, flat, child, node->buffers[0], offsets, &items, err));
        CN_TRY(cni_arrow_export_vector(self, &items, node->children[child], err));
    }
    return CN_OK;
}

cn_code
cni_arrow_export_union(const cni_arrow_exporter *self, const cni_vector *flat,
                       struct ArrowArray *node, cn_error *err)
{
    const bool dense = flat->type->dense;
    CN_TRY(cni_arrow_node_init(self, dense ? 2 : 1, flat->nested->n_children, flat, node, err));
    const bool nulls = flat->nested->n_children > 0 && cni_vector_null_count(flat) > 0;
    if (dense && (nulls || !offsets_ascend(flat))) {
        return export_gathered(self, flat, node, err);
    }
    if (nulls) {
        return export_masked(self, flat, node, err);
    }
    cni_arrow_node_set(node, 0, flat->data, flat->owner_data);
    if (dense) {
        cni_arrow_node_set(node, 1, flat->union_offsets, flat->owner_aux);
    }
    return export_children(self, flat, node, err);
}
