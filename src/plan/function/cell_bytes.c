/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells as bytes: see cell_bytes.h.
 *
 *   number, interval     16 bytes
 *   text                 length, bytes
 *   nested               a vector of one row: layout, a validity byte per row, then
 *                          fixed width: items; texts: lengths, bytes; BOOL: a byte per row
 *                          list: sizes, items as a vector; array: items; struct: a vector per field
 *                          union: codes, then per member a vector: of all rows, or (dense) of those
 *                          that have its code
 *
 * Recursion is as deep as the type, at most CNI_TYPE_DEPTH_MAX.
 */
#include "plan/function/cell_bytes.h"

#include "base/checked.h"

cn_code
cni_bytes_put(cni_strbuf *out, const void *bytes, int64_t n_bytes, cn_error *err)
{
    return cni_strbuf_append(out, (cni_str){bytes, n_bytes}, err);
}

cn_code
cni_bytes_take(cni_str *inout_bytes, void *out, int64_t n_bytes, cn_error *err)
{
    if (n_bytes < 0 || n_bytes > inout_bytes->len_bytes) {
        return CN_FAIL(err, CN_INVALID_DATA, "a saved value is cut off");
    }
    if (n_bytes > 0) {
        memcpy(out, inout_bytes->data, (size_t)n_bytes);
    }
    *inout_bytes = (cni_str){inout_bytes->data + n_bytes, inout_bytes->len_bytes - n_bytes};
    return CN_OK;
}

/* n_bytes at the front, where they are. */
static cn_code
peek_bytes(cni_str *inout_bytes, int64_t n_bytes, const char **out_bytes, cn_error *err)
{
    *out_bytes = inout_bytes->data;
    if (n_bytes < 0 || n_bytes > inout_bytes->len_bytes) {
        return CN_FAIL(err, CN_INVALID_DATA, "a saved value is cut off");
    }
    *inout_bytes = (cni_str){inout_bytes->data + n_bytes, inout_bytes->len_bytes - n_bytes};
    return CN_OK;
}

/* ---- vectors: writing ---- */

static cn_code save_vector(cni_allocator *allocator, const cni_vector *vector, cni_strbuf *out,
                           cn_error *err);

static cn_code
save_text(const cni_view *view, bool valid, cni_strbuf *out, cn_error *err)
{
    const uint32_t len_bytes = valid ? view->len_bytes : 0;
    CN_TRY(cni_bytes_put(out, &len_bytes, (int64_t)sizeof(len_bytes), err));
    return len_bytes == 0 ? CN_OK : cni_bytes_put(out, cni_view_data(view), len_bytes, err);
}

/* Sizes of lists, then the items of all behind each other. */
static cn_code
save_lists(cni_allocator *allocator, const cni_vector *flat, cni_strbuf *out, cn_error *err)
{
    const cni_list_entry *entries = flat->data;
    CN_SCOPED(cni_vector) child = {0};
    cni_vector_child(&child, flat, 0);
    for (int64_t row = 0; row < flat->n_rows; row++) {
        const int64_t size = cni_bits_get(flat->validity, row) ? entries[row].size : 0;
        CN_TRY(cni_bytes_put(out, &size, (int64_t)sizeof(size), err));
    }
    for (int64_t row = 0; row < flat->n_rows; row++) {
        if (cni_bits_get(flat->validity, row) && entries[row].size > 0) {
            CN_SCOPED(cni_vector) items = {0};
            cni_vector_slice(&items, &child, entries[row].offset, entries[row].size);
            CN_TRY(save_vector(allocator, &items, out, err));
        }
    }
    return CN_OK;
}

static cn_code
save_child(cni_allocator *allocator, const cni_vector *flat, int32_t at, int64_t n_rows,
           cni_strbuf *out, cn_error *err)
{
    CN_SCOPED(cni_vector) child = {0};
    CN_SCOPED(cni_vector) rows = {0};
    cni_vector_child(&child, flat, at);
    cni_vector_slice(&rows, &child, 0, n_rows);
    return save_vector(allocator, &rows, out, err);
}

/* Rows of a dense union that are of member `at`. */
static cn_code
save_member(cni_allocator *allocator, const cni_vector *flat, int32_t at, cni_strbuf *out,
            cn_error *err)
{
    const int8_t *codes = flat->data;
    CN_SCOPED(cni_vector) child = {0};
    CN_SCOPED(cni_vector) rows = {0};
    CN_SCOPED(cni_buffer_p) items = NULL;
    CN_TRY(cni_buffer_new(allocator, flat->n_rows * (int64_t)sizeof(uint32_t), &items, err));
    uint32_t *wanted = (void *)items->data;
    int64_t n = 0;
    for (int64_t row = 0; row < flat->n_rows; row++) {
        if (codes[row] == flat->type->union_codes[at]) {
            wanted[n++] = (uint32_t)flat->union_offsets[row];
        }
    }
    cni_vector_child(&child, flat, at);
    CN_TRY(cni_vector_take(allocator, &child, wanted, n, &rows, err));
    return save_vector(allocator, &rows, out, err);
}

static cn_code
save_union(cni_allocator *allocator, const cni_vector *flat, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_bytes_put(out, flat->data, flat->n_rows, err));
    for (int32_t at = 0; at < flat->type->n_children; at++) {
        CN_TRY(flat->type->dense ? save_member(allocator, flat, at, out, err)
                                 : save_child(allocator, flat, at, flat->n_rows, out, err));
    }
    return CN_OK;
}

static cn_code
save_items(cni_allocator *allocator, const cni_vector *flat, cni_strbuf *out, cn_error *err)
{
    const int64_t n = flat->n_rows;
    switch ((cni_phys)flat->phys) {
    case CNI_PHYS_NONE:
        return CN_OK;
    case CNI_PHYS_LIST:
        return save_lists(allocator, flat, out, err);
    case CNI_PHYS_ARRAY:
        return save_child(allocator, flat, 0, n * flat->type->width, out, err);
    case CNI_PHYS_STRUCT:
        for (int32_t field = 0; field < flat->type->n_children; field++) {
            CN_TRY(save_child(allocator, flat, field, n, out, err));
        }
        return CN_OK;
    case CNI_PHYS_UNION:
        return save_union(allocator, flat, out, err);
    case CNI_PHYS_BIT:
        for (int64_t row = 0; row < n; row++) {
            const cni_bits bits = {flat->data, flat->data_off_bits};
            CN_TRY(cni_strbuf_append_char(out, cni_bits_get(bits, row) ? 1 : 0, err));
        }
        return CN_OK;
    case CNI_PHYS_VIEW:
        for (int64_t row = 0; row < n; row++) {
            CN_TRY(save_text((const cni_view *)flat->data + row, cni_bits_get(flat->validity, row),
                             out, err));
        }
        return CN_OK;
    default:
        return cni_bytes_put(out, flat->data, n * cni_phys_bytes((cni_phys)flat->phys, flat->type),
                             err);
    }
}

static cn_code
save_vector(cni_allocator *allocator, const cni_vector *vector, cni_strbuf *out, cn_error *err)
{
    CN_SCOPED(cni_vector) flat = {0};
    CN_TRY(cni_vector_flatten(allocator, vector, &flat, err));
    CN_TRY(cni_strbuf_append_char(out, (char)flat.phys, err));
    for (int64_t row = 0; row < flat.n_rows; row++) {
        CN_TRY(cni_strbuf_append_char(out, cni_bits_get(flat.validity, row) ? 1 : 0, err));
    }
    return save_items(allocator, &flat, out, err);
}

/* ---- vectors: reading ---- */

/* One being read. */
typedef struct vector_source {
    cni_allocator *allocator;
    cni_str bytes;
} vector_source;

static cn_code load_vector(vector_source *self, const cni_type *type, int64_t n_rows,
                           cni_vector *out_vector, cn_error *err);

static bool
is_fixed(cni_phys phys)
{
    return phys != CNI_PHYS_NONE && phys != CNI_PHYS_BIT && phys != CNI_PHYS_VIEW &&
           phys != CNI_PHYS_LIST && phys != CNI_PHYS_ARRAY && phys != CNI_PHYS_STRUCT &&
           phys != CNI_PHYS_UNION;
}

/* Texts into a buffer of the vector's own. */
static cn_code
load_texts(vector_source *self, cni_vector *made, cn_error *err)
{
    cni_view *views = cni_vector_mutable_data(made);
    for (int64_t row = 0; row < made->n_rows; row++) {
        const char *text = NULL;
        uint32_t len_bytes = 0;
        CN_TRY(cni_bytes_take(&self->bytes, &len_bytes, (int64_t)sizeof(len_bytes), err));
        CN_TRY(peek_bytes(&self->bytes, len_bytes, &text, err));
        views[row] = cni_view_make(text, len_bytes);
    }
    CN_TRY(cni_heap_new(self->allocator, NULL, 0, &made->heap, err)); /* pointers into the bytes */
    return cni_vector_own_strings(self->allocator, made, true, err);
}

static cn_code
load_flat(vector_source *self, cni_phys phys, cni_vector *made, cn_error *err)
{
    const int64_t n = made->n_rows;
    const char *bytes = NULL;
    if (phys == CNI_PHYS_VIEW) {
        return load_texts(self, made, err);
    }
    if (is_fixed(phys)) {
        const int64_t n_bytes = n * cni_phys_bytes(phys, made->type);
        return cni_bytes_take(&self->bytes, cni_vector_mutable_data(made), n_bytes, err);
    }
    if (phys == CNI_PHYS_BIT) {
        CN_TRY(peek_bytes(&self->bytes, n, &bytes, err));
        for (int64_t row = 0; row < n; row++) {
            cni_bit_write(cni_vector_mutable_data(made), row, bytes[row] != 0);
        }
    }
    return CN_OK;
}

static cn_code
load_list_items(vector_source *self, const cni_type *type, const cni_list_entry *entries, int64_t n,
                cni_vector *out_child, cn_error *err)
{
    cni_vector *parts = NULL;
    const cni_vector **pointers = NULL;
    const int64_t part_bytes = (n + 1) * (int64_t)sizeof(*parts);
    const int64_t pointer_bytes = (n + 1) * (int64_t)sizeof(*pointers);
    CN_TRY(cni_alloc_zeroed(self->allocator, part_bytes, &parts, err));
    cn_code code = cni_alloc(self->allocator, pointer_bytes, (void *)&pointers, err);
    int32_t n_parts = 1;
    code = code == CN_OK ? cni_vector_new_null(self->allocator, type, 0, &parts[0], err) : code;
    for (int64_t row = 0; row < n && code == CN_OK; row++) {
        if (entries[row].size > 0) {
            code = load_vector(self, type, entries[row].size, &parts[n_parts], err);
            n_parts += code == CN_OK ? 1 : 0;
        }
    }
    for (int32_t at = 0; at < n_parts && code == CN_OK; at++) {
        pointers[at] = &parts[at];
    }
    code = code == CN_OK ? cni_vector_concat(self->allocator, pointers, n_parts, out_child, err)
                         : code;
    for (int64_t at = 0; at <= n; at++) {
        cni_vector_done(&parts[at]);
    }
    cni_dealloc(self->allocator, parts, part_bytes);
    cni_dealloc(self->allocator, (void *)pointers, pointers == NULL ? 0 : pointer_bytes);
    return code;
}

static cn_code
load_lists(vector_source *self, cni_vector *made, cn_error *err)
{
    const int64_t n = made->n_rows;
    int64_t offset = 0;
    CN_TRY(cni_nested_new(self->allocator, 1, &made->nested, err));
    CN_TRY(cni_buffer_new(self->allocator, n * (int64_t)sizeof(cni_list_entry), &made->owner_data,
                          err));
    made->data = made->owner_data->data;
    cni_list_entry *entries = (void *)made->owner_data->data;
    for (int64_t row = 0; row < n; row++) {
        int64_t size = 0;
        CN_TRY(cni_bytes_take(&self->bytes, &size, (int64_t)sizeof(size), err));
        if (size < 0 || size > self->bytes.len_bytes) { /* an item has a byte at least */
            return CN_FAIL(err, CN_INVALID_DATA, "a saved list has %lld items", (long long)size);
        }
        entries[row] = (cni_list_entry){offset, size};
        offset += size;
    }
    return load_list_items(self, made->type->children[0].type, entries, n,
                           &made->nested->children[0], err);
}

static cn_code
load_children(vector_source *self, cni_vector *made, cn_error *err)
{
    const bool is_array = made->phys == CNI_PHYS_ARRAY;
    const int32_t n_children = is_array ? 1 : made->type->n_children;
    const int64_t n_rows = is_array ? made->n_rows * made->type->width : made->n_rows;
    CN_TRY(cni_nested_new(self->allocator, n_children, &made->nested, err));
    for (int32_t at = 0; at < n_children; at++) {
        CN_TRY(load_vector(self, made->type->children[at].type, n_rows, &made->nested->children[at],
                           err));
    }
    return CN_OK;
}

/* Offsets of a dense union's rows of member `at`, which are counted. */
static int64_t
place_members(const cni_vector *made, int32_t at, int32_t *offsets)
{
    const int8_t *codes = made->data;
    int64_t n = 0;
    for (int64_t row = 0; row < made->n_rows; row++) {
        if (codes[row] == made->type->union_codes[at]) {
            offsets[row] = (int32_t)n++;
        }
    }
    return n;
}

static cn_code
load_union(vector_source *self, cni_vector *made, cn_error *err)
{
    const cni_type *type = made->type;
    const int64_t n = made->n_rows;
    CN_TRY(cni_nested_new(self->allocator, type->n_children, &made->nested, err));
    CN_TRY(cni_buffer_new(self->allocator, n, &made->owner_data, err));
    CN_TRY(cni_bytes_take(&self->bytes, made->owner_data->data, n, err));
    made->data = made->owner_data->data;
    int32_t *offsets = NULL;
    if (type->dense) {
        CN_TRY(
            cni_buffer_new(self->allocator, n * (int64_t)sizeof(*offsets), &made->owner_aux, err));
        offsets = (void *)made->owner_aux->data;
        memset(offsets, 0, (size_t)n * sizeof(*offsets));
        made->union_offsets = offsets;
    }
    for (int32_t at = 0; at < type->n_children; at++) {
        const int64_t n_rows = type->dense ? place_members(made, at, offsets) : n;
        CN_TRY(
            load_vector(self, type->children[at].type, n_rows, &made->nested->children[at], err));
    }
    return CN_OK;
}

/* Validity bytes to the bits of a nested vector. */
static cn_code
own_validity(vector_source *self, cni_vector *made, const char *valid, cn_error *err)
{
    const int64_t n = made->n_rows;
    CN_TRY(cni_buffer_new(self->allocator, cni_bits_words(n) * 8, &made->owner_validity, err));
    memset(made->owner_validity->data, 0, (size_t)made->owner_validity->len_bytes);
    made->validity = (cni_bits){made->owner_validity->data, 0};
    for (int64_t row = 0; row < n; row++) {
        cni_bit_write(made->owner_validity->data, row, valid[row] != 0);
    }
    return CN_OK;
}

static cn_code
load_nested(vector_source *self, const cni_type *type, cni_phys phys, int64_t n_rows,
            const char *valid, cni_vector *out_vector, cn_error *err)
{
    CN_SCOPED(cni_vector)
    made = {.type = type, .encoding = CNI_FLAT, .phys = (uint8_t)phys, .n_rows = n_rows};
    CN_TRY(own_validity(self, &made, valid, err));
    if (phys == CNI_PHYS_LIST) {
        CN_TRY(load_lists(self, &made, err));
    } else {
        CN_TRY(phys == CNI_PHYS_UNION ? load_union(self, &made, err)
                                      : load_children(self, &made, err));
    }
    cni_vector_move(out_vector, &made);
    return CN_OK;
}

static cn_code
load_vector(vector_source *self, const cni_type *type, int64_t n_rows, cni_vector *out_vector,
            cn_error *err)
{
    uint8_t phys = 0;
    const char *valid = NULL;
    CN_TRY(cni_bytes_take(&self->bytes, &phys, 1, err));
    CN_TRY(peek_bytes(&self->bytes, n_rows, &valid, err));
    const cni_phys expected = cni_type_phys(type);
    const bool narrow = expected == CNI_PHYS_I128 && phys == CNI_PHYS_I64; /* DECIMAL */
    if (phys != expected && !narrow) {
        return CN_FAIL(err, CN_INVALID_DATA, "a saved value has layout %d", (int)phys);
    }
    if (cni_type_is_nested(type)) {
        return load_nested(self, type, (cni_phys)phys, n_rows, valid, out_vector, err);
    }
    CN_SCOPED(cni_vector) made = {0};
    CN_TRY(cni_vector_new_flat(self->allocator, type, (cni_phys)phys, n_rows, true, &made, err));
    for (int64_t row = 0; row < n_rows; row++) {
        cni_bit_write(cni_vector_mutable_validity(&made), row, valid[row] != 0);
    }
    CN_TRY(load_flat(self, (cni_phys)phys, &made, err));
    cni_vector_move(out_vector, &made);
    return CN_OK;
}

/* ---- cells ---- */

static cn_code
save_nested_cell(cni_allocator *allocator, const cni_cell *cell, cni_strbuf *out, cn_error *err)
{
    const cni_vector *vector = cni_cell_vector(cell);
    CN_SCOPED(cni_vector) row = {0};
    cni_vector_slice(&row, vector, (int64_t)cell->words[1], 1);
    return save_vector(allocator, &row, out, err);
}

cn_code
cni_cell_save(cni_allocator *allocator, cni_cell_kind kind, const cni_cell *cell, cni_strbuf *out,
              cn_error *err)
{
    if (kind == CNI_CELL_NESTED) {
        return save_nested_cell(allocator, cell, out, err);
    }
    if (kind == CNI_CELL_BYTES) {
        const cni_view view = cni_cell_view(cell);
        return save_text(&view, true, out, err);
    }
    return cni_bytes_put(out, cell, (int64_t)sizeof(*cell), err);
}

static void
release_vector(void *object)
{
    cni_vector_done(object);
}

static cn_code
load_nested_cell(cni_arena *heap, cni_allocator *allocator, const cni_type *type,
                 cni_str *inout_bytes, cni_cell *out_cell, cn_error *err)
{
    vector_source source = {allocator, *inout_bytes};
    cni_vector *kept = NULL;
    CN_SCOPED(cni_vector) loaded = {0};
    CN_TRY(CN_ARENA_NEW(heap, &kept, err));
    CN_TRY(load_vector(&source, type, 1, &loaded, err));
    CN_TRY(cni_arena_on_free(heap, release_vector, kept, err));
    cni_vector_move(kept, &loaded);
    *inout_bytes = source.bytes;
    *out_cell = cni_cell_of_nested(kept, 0);
    return CN_OK;
}

static cn_code
load_text_cell(cni_arena *heap, cni_str *inout_bytes, cni_cell *out_cell, cn_error *err)
{
    const char *text = NULL;
    uint32_t len_bytes = 0;
    CN_TRY(cni_bytes_take(inout_bytes, &len_bytes, (int64_t)sizeof(len_bytes), err));
    CN_TRY(peek_bytes(inout_bytes, len_bytes, &text, err));
    if (len_bytes > CNI_VIEW_INLINE_BYTES) {
        char *copy = NULL;
        CN_TRY(cni_arena_alloc(heap, len_bytes, &copy, err));
        memcpy(copy, text, len_bytes);
        text = copy;
    }
    const cni_view view = cni_view_make(text, len_bytes);
    memcpy(out_cell, &view, sizeof(view));
    return CN_OK;
}

cn_code
cni_cell_load(cni_arena *heap, cni_allocator *allocator, const cni_type *type, cni_str *inout_bytes,
              cni_cell *out_cell, cn_error *err)
{
    const cni_cell_kind kind = cni_cell_kind_of(type);
    if (kind == CNI_CELL_NESTED) {
        return load_nested_cell(heap, allocator, type, inout_bytes, out_cell, err);
    }
    if (kind == CNI_CELL_BYTES) {
        return load_text_cell(heap, inout_bytes, out_cell, err);
    }
    return cni_bytes_take(inout_bytes, out_cell, (int64_t)sizeof(*out_cell), err);
}
