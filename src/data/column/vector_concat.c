/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining vectors end to end. Inputs become parts: layouts with data keep FLAT, CONSTANT and
 * DICTIONARY (written straight into the result), everything else is flattened first. Lists join the
 * windows of their children that their entries use, or only the items, when entries are sparse.
 */
#include "data/column/vector_int.h"
#include "runtime/context.h"

/* Owned vectors in one array. */
typedef struct vector_array {
    cni_allocator *allocator;
    cni_vector *items;
    const cni_vector **pointers; /* to the items */
    int32_t n_items;
} vector_array;

static void
vector_array_done(vector_array *self)
{
    for (int32_t item = 0; self->items != NULL && item < self->n_items; item++) {
        cni_vector_done(&self->items[item]);
    }
    cni_dealloc(self->allocator, self->items, self->n_items * (int64_t)sizeof(cni_vector));
    cni_dealloc(self->allocator, self->pointers, self->n_items * (int64_t)sizeof(cni_vector *));
}

static inline void
vector_array_cleanup_(vector_array *inout_value)
{
    vector_array_done(inout_value);
}

/* n_items zeroed vectors into a zeroed array. */
static cn_code
vector_array_init(vector_array *self, cni_allocator *allocator, int32_t n_items, cn_error *err)
{
    self->allocator = allocator;
    self->n_items = n_items;
    CN_TRY(cni_alloc_zeroed(allocator, n_items * (int64_t)sizeof(cni_vector), &self->items, err));
    CN_TRY(
        cni_alloc_array(allocator, n_items, (int64_t)sizeof(cni_vector *), &self->pointers, err));
    for (int32_t item = 0; item < n_items; item++) {
        self->pointers[item] = &self->items[item];
    }
    return CN_OK;
}

static bool
share_dictionary(const cni_vector *const *vectors, int32_t n_vectors)
{
    for (int32_t at = 0; at < n_vectors; at++) {
        if (vectors[at]->encoding != CNI_DICTIONARY ||
            vectors[at]->dictionary != vectors[0]->dictionary) {
            return false;
        }
    }
    return true;
}

static void
write_codes(uint8_t *out, int32_t out_bytes, const cni_vector *codes)
{
    if (codes->code_bytes == out_bytes) {
        if (codes->n_rows > 0) {
            memcpy(out, codes->data, (size_t)(codes->n_rows * out_bytes));
        }
        return;
    }
    for (int64_t row = 0; row < codes->n_rows; row++) {
        const uint32_t code = cni_column_load_index(codes->data, row, codes->code_bytes);
        const uint16_t narrow = (uint16_t)code;
        if (out_bytes == 2) {
            memcpy(out + 2 * row, &narrow, 2);
        } else {
            memcpy(out + 4 * row, &code, 4);
        }
    }
}

static cn_code
concat_codes(cni_allocator *allocator, const cni_vector *const *vectors, int32_t n_vectors,
             int64_t n_rows, cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_vector)
    fresh = {.type = vectors[0]->type,
             .encoding = CNI_DICTIONARY,
             .phys = vectors[0]->phys,
             .n_rows = n_rows};
    bool nulls = false;
    for (int32_t at = 0; at < n_vectors; at++) {
        const uint8_t code_bytes = vectors[at]->code_bytes;
        fresh.code_bytes = code_bytes > fresh.code_bytes ? code_bytes : fresh.code_bytes;
        nulls = nulls || vectors[at]->validity.data != NULL;
    }
    CN_TRY(cni_buffer_new(allocator, n_rows * fresh.code_bytes, &fresh.owner_data, err));
    fresh.data = fresh.owner_data->data;
    if (nulls) {
        CN_TRY(cni_vector_add_validity(allocator, &fresh, n_rows, err));
    }
    int64_t row = 0;
    for (int32_t at = 0; at < n_vectors; at++) {
        write_codes(fresh.owner_data->data + row * fresh.code_bytes, fresh.code_bytes, vectors[at]);
        if (nulls) {
            cni_bits_copy_to(vectors[at]->validity, vectors[at]->n_rows, fresh.owner_validity->data,
                             row);
        }
        row += vectors[at]->n_rows;
    }
    fresh.dictionary = cni_dictionary_ref(vectors[0]->dictionary);
    cni_vector_move(out, &fresh);
    return CN_OK;
}

/* One set of all the buffers that the parts' strings point into. */
static cn_code
join_heaps(cni_allocator *allocator, const vector_array *parts, cni_heap **out_heap, cn_error *err)
{
    int64_t n_buffers = 0;
    cni_heap *only = NULL;
    bool several = false;
    for (int32_t part = 0; part < parts->n_items; part++) {
        cni_heap *heap = cni_vector_heap(&parts->items[part]);
        several = several || (heap != NULL && only != NULL && heap != only);
        only = heap != NULL ? heap : only;
        n_buffers += heap != NULL ? heap->n_buffers : 0;
    }
    if (!several) {
        *out_heap = cni_heap_ref(only);
        return CN_OK;
    }
    if (n_buffers > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "strings point into more than %d buffers",
                       INT32_MAX);
    }
    CN_SCOPED(cni_buffer_p) list = NULL;
    CN_TRY(cni_buffer_new(allocator, n_buffers * (int64_t)sizeof(cni_buffer *), &list, err));
    cni_buffer **buffers = (cni_buffer **)(void *)list->data;
    int32_t n_listed = 0;
    const cni_heap *previous = NULL;
    for (int32_t part = 0; part < parts->n_items; part++) {
        const cni_heap *heap = cni_vector_heap(&parts->items[part]);
        if (heap != NULL && heap != previous && heap->n_buffers > 0) {
            memcpy(buffers + n_listed, heap->buffers, (size_t)heap->n_buffers * sizeof(*buffers));
            n_listed += heap->n_buffers;
            previous = heap;
        }
    }
    return cni_heap_new(allocator, buffers, n_listed, out_heap, err);
}

static cni_bounds
join_bounds(const vector_array *parts)
{
    cni_bounds joined = {.known = true, .low = INT64_MAX, .high = INT64_MIN};
    for (int32_t at = 0; at < parts->n_items; at++) {
        const cni_vector *part = &parts->items[at];
        const cni_bounds bounds =
            part->encoding == CNI_DICTIONARY ? part->dictionary->values.bounds : part->bounds;
        if (!bounds.known) {
            return (cni_bounds){.known = false};
        }
        joined.low = cni_min_i64(joined.low, bounds.low);
        joined.high = cni_max_i64(joined.high, bounds.high);
    }
    return joined;
}

static cn_code
concat_items(cni_context *context, cni_allocator *allocator, const vector_array *parts,
             cni_vector *fresh, cn_error *err)
{
    CN_TRY(cni_vector_add_data(allocator, fresh, fresh->n_rows, err));
    int64_t row = 0;
    for (int32_t part = 0; part < parts->n_items; part++) {
        CN_TRY(context == NULL ? CN_OK : cni_context_check(context, err));
        cni_vector_write_part(fresh->owner_data->data, cni_vector_mutable_validity(fresh), row,
                              &parts->items[part]);
        row += parts->items[part].n_rows;
    }
    fresh->bounds = join_bounds(parts);
    if (fresh->phys == CNI_PHYS_VIEW) {
        return join_heaps(allocator, parts, &fresh->heap, err);
    }
    return CN_OK;
}

static void
join_validity(const vector_array *parts, cni_vector *fresh)
{
    int64_t row = 0;
    for (int32_t part = 0; fresh->validity.data != NULL && part < parts->n_items; part++) {
        const cni_vector *vector = &parts->items[part];
        cni_bits_copy_to(vector->validity, vector->n_rows, fresh->owner_validity->data, row);
        row += vector->n_rows;
    }
}

/* Child `child` of all parts as they see it, joined. */
static cn_code
concat_child(cni_allocator *allocator, const vector_array *parts, int32_t child, cni_vector *out,
             cn_error *err)
{
    CN_SCOPED(vector_array) pieces = {0};
    CN_TRY(vector_array_init(&pieces, allocator, parts->n_items, err));
    for (int32_t part = 0; part < parts->n_items; part++) {
        cni_vector_child(&pieces.items[part], &parts->items[part], child);
    }
    return cni_vector_concat(allocator, pieces.pointers, pieces.n_items, out, err);
}

static cn_code
concat_children(cni_allocator *allocator, const vector_array *parts, cni_vector *fresh,
                cn_error *err)
{
    const int32_t n_children = fresh->type->n_children;
    CN_TRY(cni_nested_new(allocator, n_children, &fresh->nested, err));
    for (int32_t child = 0; child < n_children; child++) {
        CN_TRY(concat_child(allocator, parts, child, &fresh->nested->children[child], err));
    }
    return CN_OK;
}

/* Where the entries of a list vector lie in its child. */
typedef struct list_window {
    int64_t low;
    int64_t high;
    int64_t n_items; /* sum of the sizes */
} list_window;

static list_window
measure_entries(const cni_vector *list)
{
    const cni_list_entry *entries = list->data;
    list_window window = {.low = INT64_MAX};
    for (int64_t row = 0; row < list->n_rows; row++) {
        if (entries[row].size > 0 && cni_bits_get(list->validity, row)) {
            window.low = cni_min_i64(window.low, entries[row].offset);
            window.high = cni_max_i64(window.high, entries[row].offset + entries[row].size);
            window.n_items += entries[row].size;
        }
    }
    window.low = window.n_items == 0 ? 0 : window.low;
    return window;
}

/* The used items of a sparse list, in order of the rows. */
static cn_code
gather_list_items(cni_allocator *allocator, const cni_vector *list, int64_t n_items,
                  cni_vector *out, cn_error *err)
{
    CN_SCOPED(cni_buffer_p) indices = NULL;
    CN_TRY(cni_buffer_new(allocator, n_items * (int64_t)sizeof(uint32_t), &indices, err));
    uint32_t *item_of = (uint32_t *)(void *)indices->data;
    const cni_list_entry *entries = list->data;
    int64_t n_listed = 0;
    for (int64_t row = 0; row < list->n_rows; row++) {
        if (!cni_bits_get(list->validity, row)) {
            continue;
        }
        for (int64_t item = 0; item < entries[row].size; item++) {
            item_of[n_listed++] = (uint32_t)(entries[row].offset + item);
        }
    }
    return cni_vector_take(allocator, &list->nested->children[0], item_of, n_items, out, err);
}

/* Entries of `list` for a joined child in which its piece begins at `base`. */
static void
write_entries(cni_list_entry *out, const cni_vector *list, const list_window *window, bool gathered,
              int64_t base)
{
    const cni_list_entry *entries = list->data;
    int64_t next = base;
    for (int64_t row = 0; row < list->n_rows; row++) {
        const int64_t size = cni_bits_get(list->validity, row) ? entries[row].size : 0;
        const int64_t moved = entries[row].offset - window->low + base;
        out[row] = (cni_list_entry){.offset = gathered || size == 0 ? next : moved, .size = size};
        next += gathered ? size : 0;
    }
}

static cn_code
concat_lists(cni_allocator *allocator, const vector_array *parts, cni_vector *fresh, cn_error *err)
{
    CN_SCOPED(vector_array) pieces = {0};
    CN_TRY(vector_array_init(&pieces, allocator, parts->n_items, err));
    CN_TRY(cni_vector_add_data(allocator, fresh, fresh->n_rows, err));
    cni_list_entry *entries = (cni_list_entry *)(void *)fresh->owner_data->data;
    int64_t base = 0;
    for (int32_t at = 0; at < parts->n_items; at++) {
        const cni_vector *part = &parts->items[at];
        const cni_vector *child = &part->nested->children[0];
        const list_window window = measure_entries(part);
        const int64_t span = window.high - window.low;
        const bool gathered = window.n_items * 2 < span && child->n_rows <= (int64_t)UINT32_MAX;
        if (gathered) {
            CN_TRY(gather_list_items(allocator, part, window.n_items, &pieces.items[at], err));
        } else {
            cni_vector_slice(&pieces.items[at], child, window.low, span);
        }
        write_entries(entries, part, &window, gathered, base);
        entries += part->n_rows;
        base += pieces.items[at].n_rows;
    }
    CN_TRY(cni_nested_new(allocator, 1, &fresh->nested, err));
    return cni_vector_concat(allocator, pieces.pointers, pieces.n_items,
                             &fresh->nested->children[0], err);
}

/* Rows of one union part that hold the code: their items in the child, new offsets counted on from
 * *inout_next. out_items has room for n_rows; gives how many. */
static int64_t
pick_union_items(const cni_vector *part, int8_t code, int32_t *out_offsets, int64_t *inout_next,
                 uint32_t *out_items)
{
    const int8_t *codes = part->data;
    int64_t n_items = 0;
    for (int64_t row = 0; row < part->n_rows; row++) {
        if (codes[row] == code) {
            out_items[n_items++] = (uint32_t)part->union_offsets[row];
            out_offsets[row] = (int32_t)(*inout_next)++;
        }
    }
    return n_items;
}

static cn_code
concat_dense_child(cni_allocator *allocator, const vector_array *parts, int32_t child,
                   int32_t *out_offsets, cni_vector *fresh, cn_error *err)
{
    CN_SCOPED(vector_array) pieces = {0};
    CN_SCOPED(cni_buffer_p) scratch = NULL;
    CN_TRY(vector_array_init(&pieces, allocator, parts->n_items, err));
    int64_t next = 0;
    for (int32_t at = 0; at < parts->n_items; at++) {
        const cni_vector *part = &parts->items[at];
        CN_TRY(cni_buffer_reuse(allocator, part->n_rows * 4, &scratch, err));
        uint32_t *items = (uint32_t *)(void *)scratch->data;
        const int64_t n_items =
            pick_union_items(part, fresh->type->union_codes[child], out_offsets, &next, items);
        CN_TRY(cni_vector_take(allocator, &part->nested->children[child], items, n_items,
                               &pieces.items[at], err));
        out_offsets += part->n_rows;
    }
    return cni_vector_concat(allocator, pieces.pointers, pieces.n_items,
                             &fresh->nested->children[child], err);
}

static cn_code
concat_unions(cni_allocator *allocator, const vector_array *parts, cni_vector *fresh, cn_error *err)
{
    CN_TRY(cni_vector_add_data(allocator, fresh, fresh->n_rows, err));
    int64_t row = 0;
    for (int32_t part = 0; part < parts->n_items; part++) {
        cni_vector_write_part(fresh->owner_data->data, NULL, row, &parts->items[part]);
        row += parts->items[part].n_rows;
    }
    if (!fresh->type->dense) {
        return concat_children(allocator, parts, fresh, err);
    }
    if (fresh->n_rows > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "a dense union of more than %d rows", INT32_MAX);
    }
    CN_TRY(cni_buffer_new(allocator, fresh->n_rows * 4, &fresh->owner_aux, err));
    int32_t *offsets = (int32_t *)(void *)fresh->owner_aux->data;
    fresh->union_offsets = offsets;
    CN_TRY(cni_nested_new(allocator, fresh->type->n_children, &fresh->nested, err));
    for (int32_t child = 0; child < fresh->type->n_children; child++) {
        CN_TRY(concat_dense_child(allocator, parts, child, offsets, fresh, err));
    }
    return CN_OK;
}

/* A vector as a part: of layout `phys`, and FLAT where part writing needs it. */
static cn_code
make_part(cni_allocator *allocator, const cni_vector *vector, cni_phys phys, cni_vector *out,
          cn_error *err)
{
    const bool writable = !cni_phys_is_nested(vector->phys) && vector->encoding != CNI_RUN_END &&
                          vector->encoding != CNI_SEQUENCE;
    if (writable && vector->phys == phys) {
        cni_vector_copy(out, vector);
        return CN_OK;
    }
    CN_SCOPED(cni_vector) flat = {0};
    CN_TRY(cni_vector_flatten(allocator, vector, &flat, err));
    if (phys == CNI_PHYS_I128) {
        CN_TRY(cni_vector_widen_i128(allocator, &flat, out, err));
    } else {
        cni_vector_move(out, &flat);
    }
    if (out->phys != phys) {
        return CN_FAIL(err, CN_INTERNAL, "vectors of layouts %d and %d cannot be joined", phys,
                       vector->phys);
    }
    return CN_OK;
}

static cn_code
concat_parts(cni_context *context, cni_allocator *allocator, const vector_array *parts,
             cni_vector *fresh, cn_error *err)
{
    bool nulls = false;
    for (int32_t part = 0; part < parts->n_items; part++) {
        nulls = nulls || cni_vector_may_have_nulls(&parts->items[part]);
    }
    if (nulls) {
        CN_TRY(cni_vector_add_validity(allocator, fresh, fresh->n_rows, err));
    }
    if (!cni_phys_is_nested(fresh->phys)) {
        return concat_items(context, allocator, parts, fresh, err);
    }
    join_validity(parts, fresh);
    if (fresh->phys == CNI_PHYS_LIST) {
        return concat_lists(allocator, parts, fresh, err);
    }
    if (fresh->phys == CNI_PHYS_UNION) {
        return concat_unions(allocator, parts, fresh, err);
    }
    return concat_children(allocator, parts, fresh, err);
}

/* Rows of all, and the widest layout among them (decimals come in two). */
static cn_code
measure(const cni_vector *const *vectors, int32_t n_vectors, int64_t *out_rows, cni_phys *out_phys,
        cn_error *err)
{
    int64_t n_rows = 0;
    uint8_t phys = vectors[0]->phys;
    for (int32_t at = 0; at < n_vectors; at++) {
        if (!cni_checked_add(n_rows, vectors[at]->n_rows, &n_rows)) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED, "too many rows to join");
        }
        phys = vectors[at]->phys == CNI_PHYS_I128 ? CNI_PHYS_I128 : phys;
    }
    *out_rows = n_rows;
    *out_phys = (cni_phys)phys;
    return CN_OK;
}

cn_code
cni_vector_concat_many(cni_context *context, cni_allocator *allocator,
                       const cni_vector *const *vectors, int32_t n_vectors, cni_vector *out,
                       cn_error *err)
{
    CN_ASSERT(n_vectors >= 1);
    int64_t n_rows = 0;
    cni_phys phys = CNI_PHYS_NONE;
    CN_TRY(measure(vectors, n_vectors, &n_rows, &phys, err));
    const bool one_dictionary = share_dictionary(vectors, n_vectors);
    if (n_vectors == 1 && !one_dictionary) {
        return cni_vector_flatten(allocator, vectors[0], out, err);
    }
    if (n_vectors == 1) {
        cni_vector_copy(out, vectors[0]);
        return CN_OK;
    }
    if (phys == CNI_PHYS_NONE) {
        return cni_vector_new_flat(allocator, vectors[0]->type, phys, n_rows, true, out, err);
    }
    if (one_dictionary) {
        return concat_codes(allocator, vectors, n_vectors, n_rows, out, err);
    }
    CN_SCOPED(vector_array) parts = {0};
    CN_TRY(vector_array_init(&parts, allocator, n_vectors, err));
    for (int32_t at = 0; at < n_vectors; at++) {
        CN_TRY(make_part(allocator, vectors[at], phys, &parts.items[at], err));
    }
    CN_SCOPED(cni_vector)
    fresh = {
        .type = vectors[0]->type, .encoding = CNI_FLAT, .phys = (uint8_t)phys, .n_rows = n_rows};
    CN_TRY(concat_parts(context, allocator, &parts, &fresh, err));
    cni_vector_move(out, &fresh);
    return CN_OK;
}

cn_code
cni_vector_concat(cni_allocator *allocator, const cni_vector *const *vectors, int32_t n_vectors,
                  cni_vector *out, cn_error *err)
{
    return cni_vector_concat_many(NULL, allocator, vectors, n_vectors, out, err);
}
