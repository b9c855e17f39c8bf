/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows that are kept for whoever wants to read them, any number of times: what COLLECT gathers for
 * the readers of a WITH, and what a recursion hands from step to step.
 *
 *   chunks: [chunk, chunk, ...]     a scan's morsels are CNI_COLLECTED_MORSEL chunks each
 */
#ifndef CNI_EXEC_COLLECT_H
#define CNI_EXEC_COLLECT_H

#include "exec/operator/operators.h"

#define CNI_COLLECTED_MORSEL 8

/* Thread: confined while chunks are added, then immutable. */
typedef struct cni_collected {
    cni_allocator *allocator; /* borrowed */
    cni_chunk *chunks;
    int64_t n_chunks;
    int64_t cap_chunks;
    int64_t n_rows;
} cni_collected;

void cni_collected_init(cni_collected *self, cni_allocator *allocator);
void cni_collected_done(cni_collected *self); /* accepts zeroed */
/* Take the content of own_chunk, which becomes empty; a chunk without rows is dropped. Texts that
 * would keep much more memory than they need are copied. */
CN_NODISCARD cn_code cni_collected_add(cni_collected *self, cni_chunk *own_chunk, cn_error *err);
/* All chunks of `other` behind those of self; other becomes empty. */
CN_NODISCARD cn_code cni_collected_append(cni_collected *self, cni_collected *other, cn_error *err);

static inline int64_t
cni_collected_morsels(const cni_collected *self)
{
    return (self->n_chunks + CNI_COLLECTED_MORSEL - 1) / CNI_COLLECTED_MORSEL;
}

/* Chunk `at` as a reader sees it: columns `positions` of it (NULL = all n_columns), shared, into
 * the initialised, empty chunk. */
CN_NODISCARD cn_code cni_collected_read(const cni_collected *self, int64_t at,
                                        const int32_t *positions, int32_t n_columns,
                                        cni_chunk *inout_chunk, cn_error *err);
/* A scan over the rows, which outlive it. */
CN_NODISCARD cn_code cni_collected_scan_new(const cni_collected *self, const int32_t *positions,
                                            int32_t n_columns, cni_context *context,
                                            cni_scan **out_scan, cn_error *err);

/* The sink. */
CN_NODISCARD cn_code cni_collect_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                              cni_operator **out_operator, cn_error *err);
/* Its rows, once it is finalized. */
cni_collected *cni_collect_rows(cni_operator *base);

#endif /* CNI_EXEC_COLLECT_H */
