/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks out as one Arrow array. Every vector is joined and flattened, then written by its layout:
 * items leave by pointer, with a reference on their buffer; bitmaps too where they begin at a byte.
 * Each node owns its references and a share of the arena that holds the nodes, so consumers may
 * move children.
 */
#include "base/int128.h"
#include "data/column/arrow_export_int.h"

typedef struct node_owners {
    cni_arena *arena;
    cni_heap *heap;
    int64_t n_owners;
    cni_buffer *owners[]; /* as many as the node has buffers */
} node_owners;

static void
release_array(struct ArrowArray *self)
{
    node_owners *owners = self->private_data;
    cni_arena *arena = owners->arena;
    for (int64_t child = 0; child < self->n_children; child++) {
        if (self->children[child]->release != NULL) {
            self->children[child]->release(self->children[child]);
        }
    }
    for (int64_t owner = 0; owner < owners->n_owners; owner++) {
        cni_buffer_unref(owners->owners[owner]);
    }
    cni_heap_unref(owners->heap);
    self->release = NULL;
    self->private_data = NULL;
    cni_arena_unref(arena); /* `owners` is in it */
}

static cn_code
init_node(const cni_arrow_exporter *self, int64_t n_buffers, int64_t n_children, int64_t n_rows,
          struct ArrowArray *node, cn_error *err)
{
    node_owners *owners = NULL;
    struct ArrowArray *children = NULL;
    struct ArrowArray fresh = {.length = n_rows, .n_buffers = n_buffers, .n_children = n_children};
    const int64_t owners_bytes =
        (int64_t)sizeof(*owners) + n_buffers * (int64_t)sizeof(cni_buffer *);
    CN_TRY(cni_arena_alloc(self->arena, owners_bytes, &owners, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_buffers, (int64_t)sizeof(void *), &fresh.buffers,
                                 err));
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_children, (int64_t)sizeof(*children), &children, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_children, (int64_t)sizeof(void *), &fresh.children,
                                 err));
    for (int64_t child = 0; child < n_children; child++) {
        fresh.children[child] = &children[child];
    }
    owners->arena = cni_arena_ref(self->arena);
    fresh.private_data = owners;
    fresh.release = release_array;
    *node = fresh;
    return CN_OK;
}

cn_code
cni_arrow_node_init(const cni_arrow_exporter *self, int64_t n_buffers, int64_t n_children,
                    const cni_vector *flat, struct ArrowArray *node, cn_error *err)
{
    return init_node(self, n_buffers, n_children, flat->n_rows, node, err);
}

void
cni_arrow_node_set(struct ArrowArray *node, int64_t at, const void *data, cni_buffer *owner)
{
    node_owners *owners = node->private_data;
    node->buffers[at] = data;
    if (owner != NULL) {
        owners->owners[owners->n_owners++] = cni_buffer_ref(owner);
    }
}

cn_code
cni_arrow_node_add(const cni_arrow_exporter *self, struct ArrowArray *node, int64_t at,
                   int64_t len_bytes, uint8_t **out_data, cn_error *err)
{
    CN_SCOPED(cni_buffer_p) buffer = NULL;
    CN_TRY(cni_buffer_new(self->allocator, len_bytes, &buffer, err));
    cni_arrow_node_set(node, at, buffer->data, buffer);
    *out_data = buffer->data;
    return CN_OK;
}

void
cni_arrow_node_set_heap(struct ArrowArray *node, cni_heap *heap)
{
    node_owners *owners = node->private_data;
    owners->heap = cni_heap_ref(heap);
}

/* A bitmap into buffer `at`: by pointer when it begins at a byte and somebody keeps it. */
static cn_code
export_bits(const cni_arrow_exporter *self, cni_bits bits, int64_t n_bits, cni_buffer *owner,
            int64_t at, struct ArrowArray *node, cn_error *err)
{
    if (n_bits == 0) {
        return CN_OK;
    }
    if ((bits.off_bits & 7) == 0 && owner != NULL) {
        cni_arrow_node_set(node, at, bits.data + (bits.off_bits >> 3), owner);
        return CN_OK;
    }
    uint8_t *copy = NULL;
    CN_TRY(cni_arrow_node_add(self, node, at, cni_bits_bytes(n_bits), &copy, err));
    cni_bits_copy(bits, n_bits, copy);
    return CN_OK;
}

cn_code
cni_arrow_export_validity(const cni_arrow_exporter *self, const cni_vector *flat,
                          struct ArrowArray *node, cn_error *err)
{
    node->null_count = cni_vector_null_count(flat);
    if (node->null_count == 0) {
        return CN_OK;
    }
    return export_bits(self, flat->validity, flat->n_rows, flat->owner_validity, 0, node, err);
}

static cn_code
export_bool(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
            cn_error *err)
{
    CN_TRY(cni_arrow_node_init(self, 2, 0, flat, node, err));
    CN_TRY(cni_arrow_export_validity(self, flat, node, err));
    return export_bits(self, cni_vector_data_bits(flat), flat->n_rows, flat->owner_data, 1, node,
                       err);
}

/* HUGEINT leaves as decimal128(38, 0). */
static cn_code
check_hugeint(const cni_vector *flat, cn_error *err)
{
    const cni_i128 *items = flat->data;
    const cni_i128 limit = cni_pow10_i128(CNI_DECIMAL_MAX_DIGITS);
    for (int64_t row = 0; flat->type->id == CNI_TYPE_HUGEINT && row < flat->n_rows; row++) {
        if ((items[row] >= limit || items[row] <= -limit) && cni_bits_get(flat->validity, row)) {
            return CN_FAIL(err, CN_INVALID_DATA,
                           "a HUGEINT of more than %d digits cannot leave as an Arrow decimal128",
                           CNI_DECIMAL_MAX_DIGITS);
        }
    }
    return CN_OK;
}

static cn_code
export_items(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
             cn_error *err)
{
    CN_TRY(check_hugeint(flat, err));
    CN_TRY(cni_arrow_node_init(self, 2, 0, flat, node, err));
    CN_TRY(cni_arrow_export_validity(self, flat, node, err));
    const int64_t len_bytes = flat->n_rows * cni_phys_bytes((cni_phys)flat->phys, flat->type);
    if (flat->owner_data != NULL || len_bytes == 0) {
        cni_arrow_node_set(node, 1, flat->data, flat->owner_data);
        return CN_OK;
    }
    uint8_t *copy = NULL;
    CN_TRY(cni_arrow_node_add(self, node, 1, len_bytes, &copy, err));
    memcpy(copy, flat->data, (size_t)len_bytes);
    return CN_OK;
}

static cn_code
export_null(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
            cn_error *err)
{
    CN_TRY(cni_arrow_node_init(self, 0, 0, flat, node, err));
    node->null_count = flat->n_rows;
    return CN_OK;
}

static cn_code
export_decimal(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
               cn_error *err)
{
    CN_SCOPED(cni_vector) wide = {0};
    CN_TRY(cni_vector_widen_i128(self->allocator, flat, &wide, err));
    return export_items(self, &wide, node, err);
}

static cn_code
export_flat(const cni_arrow_exporter *self, const cni_vector *flat, struct ArrowArray *node,
            cn_error *err)
{
    switch ((cni_phys)flat->phys) {
    case CNI_PHYS_NONE:
        return export_null(self, flat, node, err);
    case CNI_PHYS_BIT:
        return export_bool(self, flat, node, err);
    case CNI_PHYS_VIEW:
        return self->options.string_views ? cni_arrow_export_byte_views(self, flat, node, err)
                                          : cni_arrow_export_bytes(self, flat, node, err);
    case CNI_PHYS_LIST:
        return cni_arrow_export_list(self, flat, node, err);
    case CNI_PHYS_ARRAY:
    case CNI_PHYS_STRUCT:
        return cni_arrow_export_struct(self, flat, node, err);
    case CNI_PHYS_UNION:
        return cni_arrow_export_union(self, flat, node, err);
    default:
        return flat->type->id == CNI_TYPE_DECIMAL ? export_decimal(self, flat, node, err)
                                                  : export_items(self, flat, node, err);
    }
}

cn_code
cni_arrow_export_vector(const cni_arrow_exporter *self, const cni_vector *vector,
                        struct ArrowArray *node, cn_error *err)
{
    if (vector->encoding == CNI_FLAT) {
        return export_flat(self, vector, node, err);
    }
    CN_SCOPED(cni_vector) flat = {0};
    CN_TRY(cni_vector_flatten(self->allocator, vector, &flat, err));
    return export_flat(self, &flat, node, err);
}

/* Column `column` of all chunks. */
static cn_code
export_column(const cni_arrow_exporter *self, const cni_type *type, const cni_chunk *chunks,
              int64_t n_chunks, int32_t column, struct ArrowArray *node, cn_error *err)
{
    CN_SCOPED(cni_vector) joined = {0};
    if (n_chunks == 1) {
        return cni_arrow_export_vector(self, &chunks[0].columns[column], node, err);
    }
    if (n_chunks == 0) {
        CN_TRY(cni_vector_new_null(self->allocator, type, 0, &joined, err));
    } else {
        CN_SCOPED(cni_buffer_p) list = NULL;
        CN_TRY(
            cni_buffer_new(self->allocator, n_chunks * (int64_t)sizeof(cni_vector *), &list, err));
        const cni_vector **vectors = (const cni_vector **)(void *)list->data;
        for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
            vectors[chunk] = &chunks[chunk].columns[column];
        }
        CN_TRY(cni_vector_concat(self->allocator, vectors, (int32_t)n_chunks, &joined, err));
    }
    return cni_arrow_export_vector(self, &joined, node, err);
}

static cn_code
check_chunks(const cni_schema *schema, const cni_chunk *chunks, int64_t n_chunks, int64_t *out_rows,
             cn_error *err)
{
    int64_t n_rows = 0;
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        if (chunks[chunk].n_columns != schema->n_fields ||
            chunks[chunk].selection.kind != CNI_SEL_NONE) {
            return CN_FAIL(err, CN_INTERNAL, "a chunk of %d columns is exported as %d columns%s",
                           chunks[chunk].n_columns, schema->n_fields,
                           chunks[chunk].selection.kind != CNI_SEL_NONE ? ", with a selection"
                                                                        : "");
        }
        n_rows += chunks[chunk].n_rows;
    }
    if (n_chunks > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "%lld chunks are exported as one array",
                       (long long)n_chunks);
    }
    *out_rows = n_rows;
    return CN_OK;
}

static cn_code
export_root(const cni_arrow_exporter *self, const cni_schema *schema, const cni_chunk *chunks,
            int64_t n_chunks, struct ArrowArray *root, cn_error *err)
{
    int64_t n_rows = 0;
    CN_TRY(check_chunks(schema, chunks, n_chunks, &n_rows, err));
    CN_TRY(init_node(self, 1, schema->n_fields, n_rows, root, err));
    for (int32_t column = 0; column < schema->n_fields; column++) {
        CN_TRY_CTX(export_column(self, schema->fields[column].type, chunks, n_chunks, column,
                                 root->children[column], err),
                   err, "column '%.*s'", CNI_STR_ARGS(schema->fields[column].name));
    }
    return CN_OK;
}

cn_code
cni_arrow_export_chunks(cni_allocator *allocator, const cni_schema *schema, const cni_chunk *chunks,
                        int64_t n_chunks, const cni_arrow_options *options,
                        struct ArrowArray *out_array, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    CN_TRY(cni_arena_new(allocator, "arrow array", &arena, err));
    cni_arrow_exporter self = {.allocator = allocator, .arena = arena};
    if (options != NULL) {
        self.options = *options;
    }
    struct ArrowArray root = {0};
    const cn_code code = export_root(&self, schema, chunks, n_chunks, &root, err);
    if (code != CN_OK) {
        if (root.release != NULL) {
            root.release(&root);
        }
        return code;
    }
    *out_array = root;
    return CN_OK;
}
