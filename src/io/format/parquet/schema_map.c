/* SPDX-License-Identifier: Apache-2.0
 *
 * The schema tree, depth first in a list, to top-level fields. Groups are walked with a bounded
 * recursion (MAX_LEVELS), small frames.
 */
#include "io/format/parquet/schema_int.h"

#include "io/format/parquet/leaf_type_int.h"

#define MAX_LEVELS 64

typedef struct tree_walk {
    cni_arena *arena;
    const cni_pq_footer *footer;
    int32_t next_element;
    int32_t next_chunk;
    bool binary_as_string;
} tree_walk;

static cn_code map_node(tree_walk *walk, int32_t level, bool ignore_repeated, cni_field *out_field,
                        const cni_pq_leaf **out_leaf, cn_error *err);

static cn_code
list_of(tree_walk *walk, const cni_field *item, const cni_type **out_type, cn_error *err)
{
    cni_type *type;
    cni_field *child;
    CN_TRY(CN_ARENA_NEW(walk->arena, &type, err));
    CN_TRY(CN_ARENA_NEW(walk->arena, &child, err));
    *child = *item;
    child->name = CNI_STR("item");
    *type = (cni_type){.id = CNI_TYPE_LIST, .n_children = 1, .children = child};
    *out_type = type;
    return CN_OK;
}

/* The fields of a group whose element was consumed, as a STRUCT. */
static cn_code
map_struct(tree_walk *walk, int32_t n_children, int32_t level, const cni_type **out_type,
           cn_error *err)
{
    cni_type *type;
    cni_field *fields;
    if (n_children > walk->footer->n_elements - walk->next_element) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged footer: the schema ends too early");
    }
    CN_TRY(CN_ARENA_NEW(walk->arena, &type, err));
    CN_TRY(cni_arena_alloc_array(walk->arena, n_children, (int64_t)sizeof(*fields), &fields, err));
    for (int32_t child = 0; child < n_children; child++) {
        const cni_pq_leaf *leaf;
        CN_TRY(map_node(walk, level + 1, false, &fields[child], &leaf, err));
    }
    *type = (cni_type){.id = CNI_TYPE_STRUCT, .n_children = n_children, .children = fields};
    *out_type = type;
    return CN_OK;
}

static bool
is_annotated(const cni_pq_element *element, int32_t logical, int32_t converted)
{
    return element->logical == logical ||
           (element->logical == CNI_PQ_LOGICAL_NONE && element->converted == converted);
}

/* Whether the repeated child of a LIST group is the item itself (two-level lists). */
static bool
repeated_is_item(const cni_pq_element *list, const cni_pq_element *repeated)
{
    if (repeated->physical >= 0 || repeated->n_children != 1) {
        return true;
    }
    return cni_str_eq(repeated->name, CNI_STR("array")) ||
           (cni_str_starts_with(repeated->name, list->name) &&
            repeated->name.len_bytes == list->name.len_bytes + 6 &&
            cni_str_ends_with(repeated->name, CNI_STR("_tuple")));
}

/* A group annotated LIST whose element was consumed; its one child is repeated. */
static cn_code
map_list(tree_walk *walk, const cni_pq_element *list, int32_t level, const cni_type **out_type,
         cn_error *err)
{
    const cni_pq_element *repeated = &walk->footer->elements[walk->next_element];
    cni_field item;
    const cni_pq_leaf *leaf;
    if (repeated_is_item(list, repeated)) {
        CN_TRY(map_node(walk, level + 1, true, &item, &leaf, err));
    } else {
        walk->next_element++;
        CN_TRY(map_node(walk, level + 1, false, &item, &leaf, err));
    }
    return list_of(walk, &item, out_type, err);
}

/* A group annotated MAP: one repeated group of key and value. */
static cn_code
map_map(tree_walk *walk, int32_t level, const cni_type **out_type, cn_error *err)
{
    cni_field entries;
    const cni_pq_leaf *leaf;
    CN_TRY(map_node(walk, level + 1, true, &entries, &leaf, err));
    if (entries.type->id != CNI_TYPE_STRUCT || entries.type->n_children != 2) {
        return list_of(walk, &entries, out_type, err); /* a map without values: a list */
    }
    cni_type *type;
    cni_field *child;
    CN_TRY(CN_ARENA_NEW(walk->arena, &type, err));
    CN_TRY(CN_ARENA_NEW(walk->arena, &child, err));
    *child = (cni_field){.name = CNI_STR("entries"), .type = entries.type};
    *type = (cni_type){.id = CNI_TYPE_MAP, .n_children = 1, .children = child};
    *out_type = type;
    return CN_OK;
}

static cn_code
map_group(tree_walk *walk, const cni_pq_element *element, int32_t level, const cni_type **out_type,
          cn_error *err)
{
    const bool one_repeated =
        element->n_children == 1 && walk->next_element < walk->footer->n_elements &&
        walk->footer->elements[walk->next_element].repetition == CNI_PQ_REPEATED;
    if (one_repeated && is_annotated(element, CNI_PQ_LOGICAL_LIST, CNI_PQ_LIST)) {
        return map_list(walk, element, level, out_type, err);
    }
    if (one_repeated && (is_annotated(element, CNI_PQ_LOGICAL_MAP, CNI_PQ_MAP) ||
                         is_annotated(element, CNI_PQ_LOGICAL_MAP, CNI_PQ_MAP_KEY_VALUE))) {
        return map_map(walk, level, out_type, err);
    }
    return map_struct(walk, element->n_children, level, out_type, err);
}

/* The next node of the tree. `ignore_repeated`: its repetition is the caller's affair. *out_leaf is
 * NULL for what is not a plain column. */
static cn_code
map_node(tree_walk *walk, int32_t level, bool ignore_repeated, cni_field *out_field,
         const cni_pq_leaf **out_leaf, cn_error *err)
{
    if (level > MAX_LEVELS) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "the schema has more than %d levels", MAX_LEVELS);
    }
    if (walk->next_element >= walk->footer->n_elements) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged footer: the schema ends too early");
    }
    const cni_pq_element *element = &walk->footer->elements[walk->next_element++];
    *out_field =
        (cni_field){.name = element->name, .nullable = element->repetition == CNI_PQ_OPTIONAL};
    if (cni_utf8_find_invalid(element->name.data, element->name.len_bytes) >= 0) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged footer: a column's name is not UTF-8");
    }
    *out_leaf = NULL;
    if (element->n_children == 0) {
        CN_TRY(cni_pq_leaf_map(walk->arena, element, walk->next_chunk++, walk->binary_as_string,
                               out_leaf, err));
        out_field->type = (*out_leaf)->type;
    } else {
        CN_TRY(map_group(walk, element, level, &out_field->type, err));
    }
    if (element->repetition == CNI_PQ_REPEATED && !ignore_repeated) {
        const cni_field item = {.name = CNI_STR("item"), .type = out_field->type};
        CN_TRY(list_of(walk, &item, &out_field->type, err));
        *out_leaf = NULL;
    }
    return CN_OK;
}

cn_code
cni_pq_schema_map(cni_arena *arena, const cni_pq_footer *footer, bool binary_as_string,
                  cni_pq_schema *out_schema, cn_error *err)
{
    tree_walk walk = {
        .arena = arena, .footer = footer, .next_element = 1, .binary_as_string = binary_as_string};
    const int32_t n_fields = footer->elements[0].n_children;
    cni_field *fields;
    const cni_pq_leaf **leaves;
    if (n_fields >= footer->n_elements) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged footer: the schema ends too early");
    }
    CN_TRY(cni_arena_alloc_array(arena, n_fields, (int64_t)sizeof(*fields), &fields, err));
    CN_TRY(cni_arena_alloc_array(arena, n_fields, (int64_t)sizeof(*leaves), &leaves, err));
    for (int32_t field = 0; field < n_fields; field++) {
        CN_TRY(map_node(&walk, 1, false, &fields[field], &leaves[field], err));
    }
    if (walk.next_element != footer->n_elements) {
        return CN_FAIL(err, CN_INVALID_DATA, "damaged footer: schema elements belong to no column");
    }
    *out_schema = (cni_pq_schema){.schema = {.n_fields = n_fields, .fields = fields},
                                  .leaves = leaves,
                                  .n_chunks = walk.next_chunk};
    return CN_OK;
}
