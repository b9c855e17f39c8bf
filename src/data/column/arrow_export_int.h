/* SPDX-License-Identifier: Apache-2.0
 *
 * Export of arrays, one function per family of layouts. A node under construction is armed from the
 * start: whatever was put into it is given back by its release, also when the export fails
 * half-way.
 */
#ifndef CNI_DATA_ARROW_EXPORT_INT_H
#define CNI_DATA_ARROW_EXPORT_INT_H

#include "data/column/arrow_bridge.h"
#include "data/column/vector_int.h"

typedef struct cni_arrow_exporter {
    cni_allocator *allocator;
    cni_arena *arena; /* of the whole export: nodes, pointer arrays, lists of owners */
    cni_arrow_options options;
} cni_arrow_exporter;

/* Make a node of n_buffers empty buffers and n_children unmade children. */
CN_NODISCARD cn_code cni_arrow_node_init(const cni_arrow_exporter *self, int64_t n_buffers,
                                         int64_t n_children, const cni_vector *flat,
                                         struct ArrowArray *node, cn_error *err);
/* Buffer `at` of the node is `data`, kept alive by `owner` (referenced, may be NULL). */
void cni_arrow_node_set(struct ArrowArray *node, int64_t at, const void *data, cni_buffer *owner);
/* A fresh buffer that the node owns; gives where to write. */
CN_NODISCARD cn_code cni_arrow_node_add(const cni_arrow_exporter *self, struct ArrowArray *node,
                                        int64_t at, int64_t len_bytes, uint8_t **out_data,
                                        cn_error *err);
/* The heap whose buffers the node's pointers go into (referenced). */
void cni_arrow_node_set_heap(struct ArrowArray *node, cni_heap *heap);
/* Validity of a FLAT vector into buffer 0, and the null count. */
CN_NODISCARD cn_code cni_arrow_export_validity(const cni_arrow_exporter *self,
                                               const cni_vector *flat, struct ArrowArray *node,
                                               cn_error *err);

/* A vector of any encoding into a zeroed node. */
CN_NODISCARD cn_code cni_arrow_export_vector(const cni_arrow_exporter *self,
                                             const cni_vector *vector, struct ArrowArray *node,
                                             cn_error *err);

/* FLAT vectors, by family. */
typedef cn_code cni_arrow_export_fn(const cni_arrow_exporter *self, const cni_vector *flat,
                                    struct ArrowArray *node, cn_error *err);
CN_NODISCARD cni_arrow_export_fn cni_arrow_export_bytes;
CN_NODISCARD cni_arrow_export_fn cni_arrow_export_byte_views;
CN_NODISCARD cni_arrow_export_fn cni_arrow_export_list;
CN_NODISCARD cni_arrow_export_fn cni_arrow_export_struct; /* and fixed-size lists */
CN_NODISCARD cni_arrow_export_fn cni_arrow_export_union;

#endif /* CNI_DATA_ARROW_EXPORT_INT_H */
