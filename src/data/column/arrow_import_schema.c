/* SPDX-License-Identifier: Apache-2.0
 *
 * Foreign schemas to types. Encodings vanish: a dictionary-encoded or run-end encoded node gives
 * the type of its values. Every pointer and count is checked; recursion is bounded by the depth of
 * nesting.
 */
#include "data/column/arrow_bridge.h"
#include "data/column/arrow_format_int.h"
#include "data/column/arrow_metadata_int.h"

#define CHILDREN_MAX   65536
#define NAME_BYTES_MAX 65536

static cn_code import_node(cni_arena *arena, const struct ArrowSchema *schema, int32_t depth,
                           const cni_type **out_type, cni_str *out_metadata, cn_error *err);

static cn_code
check_children(const struct ArrowSchema *schema, cn_error *err)
{
    if (schema->n_children < 0 || schema->n_children > CHILDREN_MAX ||
        (schema->n_children > 0 && schema->children == NULL)) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: a schema node of format '%.60s' has %lld children", schema->format,
                       (long long)schema->n_children);
    }
    for (int64_t child = 0; child < schema->n_children; child++) {
        if (schema->children[child] == NULL || schema->children[child]->release == NULL) {
            return CN_FAIL(err, CN_INVALID_DATA,
                           "Arrow: child %lld of a schema node of format '%.60s' is missing",
                           (long long)child, schema->format);
        }
    }
    return CN_OK;
}

static cn_code
import_field(cni_arena *arena, const struct ArrowSchema *schema, int32_t depth, cni_field *out,
             cn_error *err)
{
    const cni_str name = cni_str_of(schema->name);
    if (name.len_bytes > NAME_BYTES_MAX || cni_utf8_find_invalid(name.data, name.len_bytes) >= 0) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: a field name is not UTF-8 or is too long");
    }
    CN_TRY(cni_arena_str(arena, name, &out->name, err));
    out->nullable = (schema->flags & ARROW_FLAG_NULLABLE) != 0;
    CN_TRY_CTX(import_node(arena, schema, depth, &out->type, &out->metadata, err), err,
               "field '%.60s'", out->name.data);
    return CN_OK;
}

static cn_code
import_fields(cni_arena *arena, const struct ArrowSchema *schema, int32_t depth,
              const cni_field **out_fields, cn_error *err)
{
    cni_field *fields = NULL;
    CN_TRY(
        cni_arena_alloc_array(arena, schema->n_children, (int64_t)sizeof(*fields), &fields, err));
    for (int64_t child = 0; child < schema->n_children; child++) {
        CN_TRY(import_field(arena, schema->children[child], depth + 1, &fields[child], err));
    }
    *out_fields = fields;
    return CN_OK;
}

static cn_code
import_codes(cni_arena *arena, const cni_arrow_layout *layout, int64_t n_children,
             const int8_t **out_codes, cn_error *err)
{
    cni_str text = layout->tail;
    bool seen[INT8_MAX + 1] = {false};
    int8_t *codes = NULL;
    CN_TRY(cni_arena_alloc(arena, n_children, &codes, err));
    int64_t n_codes = 0;
    int8_t code = 0;
    while (cni_arrow_next_code(&text, &code)) {
        if (n_codes == n_children || seen[code]) {
            return CN_FAIL(err, CN_INVALID_DATA, "Arrow: a union of %lld members repeats code %d",
                           (long long)n_children, code);
        }
        seen[code] = true;
        codes[n_codes++] = code;
    }
    if (n_codes != n_children) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: a union of %lld members has %lld codes",
                       (long long)n_children, (long long)n_codes);
    }
    *out_codes = codes;
    return CN_OK;
}

static cn_code
check_shape(const cni_arrow_layout *layout, const struct ArrowSchema *schema, cn_error *err)
{
    int64_t wanted = 0;
    switch ((cni_arrow_kind)layout->kind) {
    case CNI_ARROW_STRUCT:
    case CNI_ARROW_DENSE_UNION:
    case CNI_ARROW_SPARSE_UNION:
        return CN_OK;
    case CNI_ARROW_LIST:
    case CNI_ARROW_LIST_VIEW:
    case CNI_ARROW_FIXED_LIST:
        wanted = 1;
        break;
    case CNI_ARROW_RUN_END:
        wanted = 2;
        break;
    default:
        break;
    }
    if (schema->n_children != wanted) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: a schema node of format '%.60s' has %lld children instead of %lld",
                       schema->format, (long long)schema->n_children, (long long)wanted);
    }
    return CN_OK;
}

static cn_code
check_map(const cni_type *type, cn_error *err)
{
    const cni_type *entry = type->children[0].type;
    if (entry->id != CNI_TYPE_STRUCT || entry->n_children != 2) {
        return CN_FAIL(err, CN_INVALID_DATA,
                       "Arrow: the entries of a map are not a struct of key and value");
    }
    return CN_OK;
}

/* Index types of dictionaries and ends of runs. */
static cn_code
check_integer(const struct ArrowSchema *schema, const char *allowed, const char *what,
              cn_error *err)
{
    if (schema->format == NULL || strlen(schema->format) != 1 ||
        strchr(allowed, schema->format[0]) == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: %s of format '%.60s'", what,
                       schema->format == NULL ? "" : schema->format);
    }
    return CN_OK;
}

/* Parameters, children and extension of a type on top of what its format says. */
static cn_code
finish_type(cni_arena *arena, const cni_arrow_layout *layout, const struct ArrowSchema *schema,
            int32_t depth, cni_type *type, cn_error *err)
{
    type->keys_sorted =
        (schema->flags & ARROW_FLAG_MAP_KEYS_SORTED) != 0 && type->id == CNI_TYPE_MAP;
    if (type->id == CNI_TYPE_TIMESTAMP && layout->tail.len_bytes > 0) {
        CN_TRY(cni_arena_str(arena, layout->tail, &type->timezone, err));
    }
    if (schema->n_children > 0) {
        type->n_children = (int32_t)schema->n_children;
        CN_TRY(import_fields(arena, schema, depth, &type->children, err));
    }
    if (type->id == CNI_TYPE_UNION) {
        CN_TRY(import_codes(arena, layout, schema->n_children, &type->union_codes, err));
    }
    return type->id == CNI_TYPE_MAP ? check_map(type, err) : CN_OK;
}

/* A node that is neither dictionary nor run-end encoded. */
static cn_code
import_plain(cni_arena *arena, const cni_arrow_layout *layout, const struct ArrowSchema *schema,
             int32_t depth, const cni_type **out_type, cn_error *err)
{
    cni_type *type = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &type, err));
    *type = layout->type;
    CN_TRY(finish_type(arena, layout, schema, depth, type, err));
    *out_type = type;
    return CN_OK;
}

/* The type with an extension put on, as a copy when the node had an encoding. */
static cn_code
extend_type(cni_arena *arena, cni_str name, cni_str metadata, const cni_type **inout_type,
            cn_error *err)
{
    if (name.len_bytes == 0) { /* simple types become the constants that they equal */
        return (*inout_type)->n_children > 0 ? CN_OK
                                             : cni_type_copy(arena, *inout_type, inout_type, err);
    }
    cni_type *extended = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &extended, err));
    *extended = **inout_type;
    extended->extension_name = name;
    extended->extension_metadata = metadata;
    *inout_type = extended;
    return CN_OK;
}

static cn_code
import_encoded(cni_arena *arena, const struct ArrowSchema *schema, int32_t depth,
               const cni_type **out_type, cn_error *err)
{
    cni_str ignored = {0};
    if (schema->dictionary != NULL) {
        CN_TRY(check_integer(schema, "cCsSiIlL", "dictionary indices", err));
        if (schema->dictionary->release == NULL) {
            return CN_FAIL(err, CN_INVALID_DATA, "Arrow: the schema of a dictionary is missing");
        }
        return import_node(arena, schema->dictionary, depth + 1, out_type, &ignored, err);
    }
    const struct ArrowSchema *ends = schema->children[0];
    CN_TRY(check_integer(ends, "sil", "run ends", err));
    if (ends->dictionary != NULL || ends->n_children != 0) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: run ends are not plain integers");
    }
    return import_node(arena, schema->children[1], depth + 1, out_type, &ignored, err);
}

static cn_code
import_node(cni_arena *arena, const struct ArrowSchema *schema, int32_t depth,
            const cni_type **out_type, cni_str *out_metadata, cn_error *err)
{
    if (depth > CNI_TYPE_DEPTH_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "Arrow: a schema nests deeper than %d levels",
                       CNI_TYPE_DEPTH_MAX);
    }
    cni_arrow_layout layout;
    cni_str extension_name = {0};
    cni_str extension_metadata = {0};
    const cni_type *type = NULL;
    CN_TRY(cni_arrow_parse_format(schema->format, &layout, err));
    CN_TRY(check_children(schema, err));
    CN_TRY(check_shape(&layout, schema, err));
    CN_TRY(cni_arrow_split_metadata(arena, schema->metadata, &extension_name, &extension_metadata,
                                    out_metadata, err));
    if (schema->dictionary != NULL || layout.kind == CNI_ARROW_RUN_END) {
        CN_TRY(import_encoded(arena, schema, depth, &type, err));
    } else {
        CN_TRY(import_plain(arena, &layout, schema, depth, &type, err));
    }
    CN_TRY(extend_type(arena, extension_name, extension_metadata, &type, err));
    *out_type = type;
    return CN_OK;
}

cn_code
cni_arrow_import_type(cni_arena *arena, const struct ArrowSchema *schema, const cni_type **out_type,
                      cn_error *err)
{
    cni_str metadata = {0};
    if (schema->release == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: the schema was released");
    }
    return import_node(arena, schema, 1, out_type, &metadata, err);
}

cn_code
cni_arrow_import_schema(cni_arena *arena, const struct ArrowSchema *schema, cni_schema *out_schema,
                        cn_error *err)
{
    if (schema->release == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: the schema was released");
    }
    if (schema->format == NULL || strcmp(schema->format, "+s") != 0 || schema->dictionary != NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "Arrow: a schema of format '%.60s' is not a struct",
                       schema->format == NULL ? "" : schema->format);
    }
    cni_schema result = {0};
    cni_str extension_name = {0};
    cni_str extension_metadata = {0};
    CN_TRY(check_children(schema, err));
    CN_TRY(import_fields(arena, schema, 0, &result.fields, err));
    result.n_fields = (int32_t)schema->n_children;
    CN_TRY(cni_arrow_split_metadata(arena, schema->metadata, &extension_name, &extension_metadata,
                                    &result.metadata, err));
    *out_schema = result;
    return CN_OK;
}
