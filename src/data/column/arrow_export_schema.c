/* SPDX-License-Identifier: Apache-2.0
 *
 * Types and schemas out. All texts and child nodes of one export live in one arena, on which every
 * node holds a reference: a consumer may move children out and release them in any order.
 */
#include "data/column/arrow_bridge.h"
#include "data/column/arrow_format_int.h"
#include "data/column/arrow_metadata_int.h"

static void
release_schema(struct ArrowSchema *self)
{
    cni_arena *arena = self->private_data;
    for (int64_t child = 0; child < self->n_children; child++) {
        if (self->children[child]->release != NULL) {
            self->children[child]->release(self->children[child]);
        }
    }
    self->release = NULL;
    self->private_data = NULL;
    cni_arena_unref(arena);
}

/* What a node is made of. */
typedef struct node_source {
    cni_str name;
    const cni_type *type; /* NULL: a struct of `children` */
    bool nullable;
    cni_str metadata;
    const cni_field *children;
    int32_t n_children;
} node_source;

static node_source
source_of_field(const cni_field *field)
{
    return (node_source){.name = field->name,
                         .type = field->type,
                         .nullable = field->nullable,
                         .metadata = field->metadata,
                         .children = field->type->children,
                         .n_children = field->type->n_children};
}

/* Build a node and those below; nothing holds a reference yet, so that failing needs no cleanup. */
static cn_code
build_node(cni_arena *arena, const node_source *source, const cni_arrow_options *options,
           struct ArrowSchema *out, cn_error *err)
{
    cni_str format = CNI_STR("+s");
    cni_str name = {0};
    struct ArrowSchema *nodes = NULL;
    struct ArrowSchema node = {.n_children = source->n_children};
    if (source->type != NULL) {
        CN_TRY(cni_arrow_write_format(arena, source->type, options->string_views, &format, err));
        node.flags |= source->type->keys_sorted ? ARROW_FLAG_MAP_KEYS_SORTED : 0;
    }
    CN_TRY(cni_arena_str(arena, source->name, &name, err));
    CN_TRY(cni_arrow_join_metadata(arena, source->metadata, source->type, &node.metadata, err));
    node.format = format.data;
    node.name = name.data;
    node.flags |= source->nullable ? ARROW_FLAG_NULLABLE : 0;
    CN_TRY(cni_arena_alloc_array(arena, source->n_children, (int64_t)sizeof(*nodes), &nodes, err));
    CN_TRY(cni_arena_alloc_array(arena, source->n_children, (int64_t)sizeof(*node.children),
                                 &node.children, err));
    for (int32_t child = 0; child < source->n_children; child++) {
        const node_source below = source_of_field(&source->children[child]);
        CN_TRY(build_node(arena, &below, options, &nodes[child], err));
        node.children[child] = &nodes[child];
    }
    *out = node;
    return CN_OK;
}

/* Give every node its reference and release. */
static void
arm_node(cni_arena *arena, struct ArrowSchema *node)
{
    node->release = release_schema;
    node->private_data = cni_arena_ref(arena);
    for (int64_t child = 0; child < node->n_children; child++) {
        arm_node(arena, node->children[child]);
    }
}

static cn_code
export_node(cni_allocator *allocator, const node_source *source, const cni_arrow_options *options,
            struct ArrowSchema *out_schema, cn_error *err)
{
    static const cni_arrow_options defaults = {0};
    CN_SCOPED(cni_arena_p) arena = NULL;
    struct ArrowSchema node;
    CN_TRY(cni_arena_new(allocator, "arrow schema", &arena, err));
    CN_TRY(build_node(arena, source, options != NULL ? options : &defaults, &node, err));
    arm_node(arena, &node);
    *out_schema = node;
    return CN_OK;
}

cn_code
cni_arrow_export_type(cni_allocator *allocator, const cni_type *type,
                      const cni_arrow_options *options, struct ArrowSchema *out_schema,
                      cn_error *err)
{
    const cni_field field = {.type = type, .nullable = true};
    const node_source source = source_of_field(&field);
    return export_node(allocator, &source, options, out_schema, err);
}

cn_code
cni_arrow_export_schema(cni_allocator *allocator, const cni_schema *schema,
                        const cni_arrow_options *options, struct ArrowSchema *out_schema,
                        cn_error *err)
{
    const node_source source = {
        .metadata = schema->metadata, .children = schema->fields, .n_children = schema->n_fields};
    return export_node(allocator, &source, options, out_schema, err);
}
