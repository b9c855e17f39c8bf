/* SPDX-License-Identifier: Apache-2.0
 *
 * Foreign Arrow arrays made by hand, as a producer would: each buffer is a heap block of exactly
 * its size, so that the address sanitizer sees any over-read, and is freed by the producer's
 * release, so that it sees any use after it. Releases are counted. Used by the unit tests and by
 * the fuzz target.
 */
#ifndef CNI_TEST_FOREIGN_ARROW_H
#define CNI_TEST_FOREIGN_ARROW_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "colonnade/arrow.h"

#define FOREIGN_CHILDREN_MAX 8
#define FOREIGN_BUFFERS_MAX  16

typedef struct foreign_node foreign_node;
struct foreign_node {
    struct ArrowSchema schema;
    struct ArrowArray array;
    int32_t n_children;
    foreign_node *children[FOREIGN_CHILDREN_MAX];
    foreign_node *dictionary;
    struct ArrowSchema *schema_children[FOREIGN_CHILDREN_MAX];
    struct ArrowArray *array_children[FOREIGN_CHILDREN_MAX];
    void *owned[FOREIGN_BUFFERS_MAX];          /* what release frees */
    const void *pointers[FOREIGN_BUFFERS_MAX]; /* what the array shows */
    char format[64];
    char name[32];
    void *metadata;
    int32_t n_released;
};

static inline void
foreign_release_array(struct ArrowArray *self)
{
    foreign_node *node = self->private_data;
    for (int64_t child = 0; child < node->n_children; child++) {
        struct ArrowArray *array = &node->children[child]->array;
        if (array->release != NULL) {
            array->release(array);
        }
    }
    if (node->dictionary != NULL && node->dictionary->array.release != NULL) {
        node->dictionary->array.release(&node->dictionary->array);
    }
    for (int32_t buffer = 0; buffer < FOREIGN_BUFFERS_MAX; buffer++) {
        free(node->owned[buffer]);
        node->owned[buffer] = NULL;
    }
    node->n_released++;
    self->release = NULL;
}

static inline void
foreign_release_schema(struct ArrowSchema *self)
{
    self->release = NULL;
}

/* A node without buffers and children yet. */
static inline foreign_node *
foreign_new(const char *format, int64_t length, int64_t offset, int64_t n_buffers)
{
    foreign_node *node = calloc(1, sizeof(*node));
    if (node == NULL) {
        abort();
    }
    (void)snprintf(node->format, sizeof(node->format), "%s", format);
    (void)snprintf(node->name, sizeof(node->name), "f");
    node->schema = (struct ArrowSchema){.format = node->format,
                                        .name = node->name,
                                        .flags = ARROW_FLAG_NULLABLE,
                                        .children = node->schema_children,
                                        .release = foreign_release_schema,
                                        .private_data = node};
    node->array = (struct ArrowArray){.length = length,
                                      .null_count = -1,
                                      .offset = offset,
                                      .n_buffers = n_buffers,
                                      .buffers = node->pointers,
                                      .children = node->array_children,
                                      .release = foreign_release_array,
                                      .private_data = node};
    return node;
}

/* Free a node and those below, releasing what nobody has released. */
static inline void
foreign_free(foreign_node *node)
{
    if (node == NULL) {
        return;
    }
    if (node->array.release != NULL) {
        node->array.release(&node->array);
    }
    for (int32_t buffer = 0; buffer < FOREIGN_BUFFERS_MAX; buffer++) {
        free(node->owned[buffer]);
    }
    for (int32_t child = 0; child < node->n_children; child++) {
        foreign_free(node->children[child]);
    }
    foreign_free(node->dictionary);
    free(node->metadata);
    free(node);
}

/* Buffer `at` becomes a block of exactly n_bytes. */
static inline void
foreign_buffer(foreign_node *node, int32_t at, const void *bytes, size_t n_bytes)
{
    free(node->owned[at]);
    node->owned[at] = malloc(n_bytes == 0 ? 1 : n_bytes);
    if (node->owned[at] == NULL) {
        abort();
    }
    if (n_bytes > 0) {
        memcpy(node->owned[at], bytes, n_bytes);
    }
    node->pointers[at] = node->owned[at];
}

static inline void
foreign_add_child(foreign_node *node, foreign_node *child, const char *name)
{
    (void)snprintf(child->name, sizeof(child->name), "%s", name);
    node->children[node->n_children] = child;
    node->schema_children[node->n_children] = &child->schema;
    node->array_children[node->n_children] = &child->array;
    node->n_children++;
    node->schema.n_children = node->n_children;
    node->array.n_children = node->n_children;
}

static inline void
foreign_set_dictionary(foreign_node *node, foreign_node *dictionary)
{
    node->dictionary = dictionary;
    node->schema.dictionary = &dictionary->schema;
    node->array.dictionary = &dictionary->array;
}

/* A record batch of one column, rows [offset, offset + length). */
static inline foreign_node *
foreign_batch(foreign_node *column, int64_t length, int64_t offset)
{
    foreign_node *root = foreign_new("+s", length, offset, 1);
    root->array.null_count = 0;
    foreign_add_child(root, column, "column");
    return root;
}

#endif /* CNI_TEST_FOREIGN_ARROW_H */
