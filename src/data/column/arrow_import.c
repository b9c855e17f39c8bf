/* SPDX-License-Identifier: Apache-2.0
 *
 * Import of a record batch: the foreign array is moved into a holder that a base buffer keeps, each
 * node's counts are checked against its layout and window, and the layout's function does the rest.
 * When the last vector over the array goes, the base goes, and the producer's release is called.
 */
#include "data/column/arrow_bridge.h"

#include "data/column/arrow_import_int.h"

typedef struct array_holder {
    struct ArrowArray array;
} array_holder;

static void
release_holder(cni_buffer *self)
{
    array_holder *holder = self->private_data;
    holder->array.release(&holder->array);
    cni_dealloc(self->allocator, holder, (int64_t)sizeof(*holder));
}

static void
release_base(cni_buffer *self)
{
    cni_buffer_unref(self->private_data);
}

cn_code
cni_arrow_wrap(const cni_arrow_importer *importer, const void *data, int64_t len_bytes,
               cni_buffer **out_buffer, cn_error *err)
{
    CN_TRY(cni_buffer_wrap(importer->allocator, data, len_bytes, release_base, importer->base,
                           out_buffer, err));
    (void)cni_buffer_ref(importer->base);
    return CN_OK;
}

/* Move the array into a holder; it is released when that fails. */
static cn_code
hold_array(cni_allocator *allocator, struct ArrowArray *own_array, cni_buffer **out_base,
           const struct ArrowArray **out_array, cn_error *err)
{
    array_holder *holder = NULL;
    struct ArrowArray moved = *own_array;
    own_array->release = NULL;
    cn_code code = cni_alloc(allocator, (int64_t)sizeof(*holder), &holder, err);
    if (code == CN_OK) {
        holder->array = moved;
        code = cni_buffer_wrap(allocator, NULL, 0, release_holder, holder, out_base, err);
    }
    if (code != CN_OK) {
        moved.release(&moved);
        cni_dealloc(allocator, holder, (int64_t)sizeof(*holder));
        return code;
    }
    *out_array = &holder->array;
    return CN_OK;
}

static int64_t
wanted_buffers(const cni_arrow_node *node)
{
    if (node->schema->dictionary != NULL) {
        return 2;
    }
    switch ((cni_arrow_kind)node->layout.kind) {
    case CNI_ARROW_NULL:
    case CNI_ARROW_RUN_END:
        return 0;
    case CNI_ARROW_FIXED_LIST:
    case CNI_ARROW_STRUCT:
    case CNI_ARROW_SPARSE_UNION:
        return 1;
    case CNI_ARROW_BYTES:
    case CNI_ARROW_LIST_VIEW:
        return 3;
    default:
        return 2;
    }
}

static cn_code
check_buffers(const cni_arrow_node *node, cn_error *err)
{
    const struct ArrowArray *array = node->array;
    const bool views =
        node->layout.kind == CNI_ARROW_BYTE_VIEWS && node->schema->dictionary == NULL;
    const int64_t wanted = views ? 3 : wanted_buffers(node);
    const bool fits = views ? array->n_buffers >= wanted && array->n_buffers < INT32_MAX
                            : array->n_buffers == wanted;
    if (!fits || (array->n_buffers > 0 && array->buffers == NULL)) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: an array of format '%.60s' has %lld buffers instead of %lld",
                       node->schema->format, (long long)array->n_buffers, (long long)wanted);
    }
    return CN_OK;
}

static cn_code
check_children(const cni_arrow_node *node, cn_error *err)
{
    const struct ArrowArray *array = node->array;
    const int64_t wanted = node->schema->n_children;
    if (array->n_children != wanted || (wanted > 0 && array->children == NULL)) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: an array of format '%.60s' has %lld children instead of %lld",
                       node->schema->format, (long long)array->n_children, (long long)wanted);
    }
    for (int64_t child = 0; child < wanted; child++) {
        if (array->children[child] == NULL || array->children[child]->release == NULL) {
            return CN_FAIL(err, CN_INVALID_DATA, "Arrow: child %lld of an array is missing",
                           (long long)child);
        }
    }
    const bool has = array->dictionary != NULL && array->dictionary->release != NULL;
    if (has != (node->schema->dictionary != NULL)) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: the array and its schema disagree on whether "
                       "there is a dictionary");
    }
    return CN_OK;
}

static cn_code
check_counts(const struct ArrowArray *array, cn_error *err)
{
    if (array->length < 0 || array->offset < 0 || array->length > CNI_ARROW_ROWS_MAX ||
        array->offset > CNI_ARROW_ROWS_MAX) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: an array of %lld rows from %lld",
                       (long long)array->length, (long long)array->offset);
    }
    if (array->null_count < -1 || array->null_count > array->length) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: an array of %lld rows has %lld nulls",
                       (long long)array->length, (long long)array->null_count);
    }
    return CN_OK;
}

static cn_code
import_node(const cni_arrow_node *node, cni_vector *out, cn_error *err)
{
    static cni_arrow_import_fn *const functions[] = {
        [CNI_ARROW_NULL] = cni_arrow_import_null,
        [CNI_ARROW_BOOL] = cni_arrow_import_bool,
        [CNI_ARROW_FIXED] = cni_arrow_import_fixed,
        [CNI_ARROW_DECIMAL] = cni_arrow_import_decimal,
        [CNI_ARROW_MONTHS] = cni_arrow_import_interval,
        [CNI_ARROW_DAY_TIME] = cni_arrow_import_interval,
        [CNI_ARROW_BYTES] = cni_arrow_import_bytes,
        [CNI_ARROW_BYTE_VIEWS] = cni_arrow_import_byte_views,
        [CNI_ARROW_LIST] = cni_arrow_import_list,
        [CNI_ARROW_LIST_VIEW] = cni_arrow_import_list_view,
        [CNI_ARROW_FIXED_LIST] = cni_arrow_import_fixed_list,
        [CNI_ARROW_STRUCT] = cni_arrow_import_struct,
        [CNI_ARROW_DENSE_UNION] = cni_arrow_import_union,
        [CNI_ARROW_SPARSE_UNION] = cni_arrow_import_union,
        [CNI_ARROW_RUN_END] = cni_arrow_import_run_end,
    };
    if (node->schema->dictionary != NULL) {
        return cni_arrow_import_dictionary(node, out, err);
    }
    return functions[node->layout.kind](node, out, err);
}

/* The type is what this node's format says, so that its functions may read it as such. */
static cn_code
check_type(const cni_arrow_node *node, cn_error *err)
{
    const bool encoded = node->schema->dictionary != NULL || node->layout.kind == CNI_ARROW_RUN_END;
    const cni_type *type = node->type;
    if (!encoded && (type->id != node->layout.type.id || type->width != node->layout.type.width ||
                     type->precision != node->layout.type.precision ||
                     type->n_children != node->schema->n_children)) {
        return CN_FAIL(err, CN_INTERNAL, "Arrow: the schema changed since its types were imported");
    }
    return CN_OK;
}

cn_code
cni_arrow_import_rows(const cni_arrow_node *parent, const struct ArrowSchema *schema,
                      const struct ArrowArray *array, const cni_type *type, int64_t start,
                      int64_t n_rows, cni_vector *out, cn_error *err)
{
    cni_arrow_node node = {.importer = parent->importer,
                           .schema = schema,
                           .array = array,
                           .type = type,
                           .n_rows = n_rows,
                           .depth = parent->depth + 1};
    if (node.depth > CNI_TYPE_DEPTH_MAX + 1) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "Arrow: an array nests deeper than %d levels",
                       CNI_TYPE_DEPTH_MAX);
    }
    CN_TRY(cni_arrow_parse_format(schema->format, &node.layout, err));
    CN_TRY(check_type(&node, err));
    CN_TRY(check_counts(array, err));
    if (!cni_range_fits(start, n_rows, array->length)) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: rows %lld to %lld are used of an array of %lld rows",
                       (long long)start, (long long)(start + n_rows), (long long)array->length);
    }
    node.first = array->offset + start;
    CN_TRY(check_buffers(&node, err));
    CN_TRY(check_children(&node, err));
    cni_vector fresh = {0};
    const cn_code code = import_node(&node, &fresh, err);
    if (code != CN_OK) {
        cni_vector_done(&fresh);
        return code;
    }
    *out = fresh;
    return CN_OK;
}

cn_code
cni_arrow_import_child(const cni_arrow_node *node, int32_t child, int64_t start, int64_t n_rows,
                       cni_vector *out, cn_error *err)
{
    return cni_arrow_import_rows(node, node->schema->children[child], node->array->children[child],
                                 node->type->children[child].type, start, n_rows, out, err);
}

cn_code
cni_arrow_import_validity(const cni_arrow_node *node, cni_vector *inout_vector, cn_error *err)
{
    const struct ArrowArray *array = node->array;
    const uint8_t *bitmap = array->buffers[0];
    if (bitmap == NULL && array->null_count > 0) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: an array has %lld nulls and no validity bitmap",
                       (long long)array->null_count);
    }
    if (bitmap == NULL || array->null_count == 0 || node->n_rows == 0) {
        return CN_OK;
    }
    const cni_bits bits = {bitmap + (node->first >> 3), node->first & 7};
    if (cni_bits_count(bits, node->n_rows) == node->n_rows) {
        return CN_OK;
    }
    inout_vector->validity = bits;
    inout_vector->owner_validity = cni_buffer_ref(node->importer->base);
    return CN_OK;
}

cn_code
cni_arrow_import_items(const cni_arrow_node *node, int32_t buffer, int64_t item_bytes,
                       int64_t align_bytes, const void **out_items, cni_buffer **out_owner,
                       cn_error *err)
{
    const uint8_t *items = node->array->buffers[buffer];
    int64_t off_bytes = 0;
    int64_t len_bytes = 0;
    if (!cni_checked_mul(node->first, item_bytes, &off_bytes) ||
        !cni_checked_mul(node->n_rows, item_bytes, &len_bytes)) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: %lld rows of %lld bytes from row %lld",
                       (long long)node->n_rows, (long long)item_bytes, (long long)node->first);
    }
    if (len_bytes == 0) {
        *out_items = NULL;
        *out_owner = NULL;
        return CN_OK;
    }
    if (items == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: buffer %d of an array of format '%.60s' is missing", buffer,
                       node->schema->format);
    }
    items += off_bytes;
    if ((uintptr_t)items % (uintptr_t)align_bytes == 0) {
        *out_items = items;
        *out_owner = cni_buffer_ref(node->importer->base);
        return CN_OK;
    }
    cni_buffer *aligned = NULL;
    CN_TRY(cni_buffer_new(node->importer->allocator, len_bytes, &aligned, err));
    memcpy(aligned->data, items, (size_t)len_bytes);
    *out_items = aligned->data;
    *out_owner = aligned;
    return CN_OK;
}

/* The struct array of a batch itself: no rows of it may be null. */
static cn_code
check_root(const cni_arrow_node *root, const cni_schema *types, cn_error *err)
{
    CN_TRY(check_counts(root->array, err));
    if (root->schema->n_children != types->n_fields) {
        return CN_FAIL(err, CN_INTERNAL, "Arrow: the schema changed since its types were imported");
    }
    CN_TRY(check_buffers(root, err));
    CN_TRY(check_children(root, err));
    CN_SCOPED(cni_vector) rows = {0};
    CN_TRY(cni_arrow_import_validity(root, &rows, err));
    if (rows.validity.data != NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: a record batch has null rows");
    }
    return CN_OK;
}

static cn_code
import_columns(const cni_arrow_node *root, const cni_schema *types, cni_arrow_batch *batch,
               cn_error *err)
{
    CN_TRY(check_root(root, types, err));
    const int64_t n_bytes = types->n_fields * (int64_t)sizeof(cni_vector);
    CN_TRY(cni_alloc_zeroed(batch->allocator, n_bytes, &batch->columns, err));
    batch->n_columns = types->n_fields;
    for (int32_t column = 0; column < types->n_fields; column++) {
        CN_TRY_CTX(cni_arrow_import_rows(root, root->schema->children[column],
                                         root->array->children[column], types->fields[column].type,
                                         root->array->offset, root->array->length,
                                         &batch->columns[column], err),
                   err, "column '%.60s'", types->fields[column].name.data);
    }
    return CN_OK;
}

cn_code
cni_arrow_import_batch(cni_allocator *allocator, const struct ArrowSchema *schema,
                       const cni_schema *types, struct ArrowArray *own_array,
                       cni_arrow_batch *out_batch, cn_error *err)
{
    if (own_array->release == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: the array was released");
    }
    CN_SCOPED(cni_buffer_p) base = NULL;
    const struct ArrowArray *array = NULL;
    CN_TRY(hold_array(allocator, own_array, &base, &array, err));
    const cni_arrow_importer importer = {.allocator = allocator, .base = base};
    cni_arrow_node root = {.importer = &importer,
                           .schema = schema,
                           .array = array,
                           .layout = {.kind = CNI_ARROW_STRUCT},
                           .first = array->offset,
                           .n_rows = array->length};
    cni_arrow_batch batch = {.n_rows = array->length, .allocator = allocator};
    const cn_code code = import_columns(&root, types, &batch, err);
    if (code != CN_OK) {
        cni_arrow_batch_done(&batch);
        return code;
    }
    *out_batch = batch;
    return CN_OK;
}

void
cni_arrow_batch_done(cni_arrow_batch *self)
{
    for (int32_t column = 0; column < self->n_columns; column++) {
        cni_vector_done(&self->columns[column]);
    }
    if (self->columns != NULL) {
        cni_dealloc(self->allocator, self->columns,
                    self->n_columns * (int64_t)sizeof(*self->columns));
    }
    *self = (cni_arrow_batch){0};
}
