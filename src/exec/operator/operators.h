/* SPDX-License-Identifier: Apache-2.0
 *
 * Constructors of the built-in operators; each is in the file of its name (aggregation:
 * aggregate.h), and behaves as operator.h says. Specs are borrowed from the physical plan. The
 * caller closes what it got.
 */
#ifndef CNI_EXEC_OPERATORS_H
#define CNI_EXEC_OPERATORS_H

#include "exec/operator/morsel_order.h"
#include "exec/operator/operator.h"
#include "optimize/physical/physical.h"

/* What every constructor is told. */
typedef struct cni_operator_env {
    cni_context *context;
    int32_t n_workers;      /* locals that may be opened */
    bool keep_order;        /* as in cni_phys_pipeline */
    cni_morsel_order order; /* of the pipeline's source; used when keep_order */
    struct cni_dynamic_filter_set
        *dynamic; /* what the sink tells the scan; NULL = nobody listens */
} cni_operator_env;

/* Rows where all conjuncts are true, gathered, small chunks joined up to 256 rows. */
CN_NODISCARD cn_code cni_filter_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                             cni_operator **out_operator, cn_error *err);
CN_NODISCARD cn_code cni_project_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                              cni_operator **out_operator, cn_error *err);
/* Rows [offset, offset + limit) in source order; DONE when nothing more can be wanted. */
CN_NODISCARD cn_code cni_limit_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                            cni_operator **out_operator, cn_error *err);
/* Each row as often as its column `position` says. */
CN_NODISCARD cn_code cni_repeat_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                             cni_operator **out_operator, cn_error *err);
/* Ranks of rows that come sorted; where order is kept a worker waits for the rows before its own.
 */
CN_NODISCARD cn_code cni_window_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                             cni_operator **out_operator, cn_error *err);
CN_NODISCARD cn_code cni_sort_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                           cni_operator **out_operator, cn_error *err);
CN_NODISCARD cn_code cni_top_n_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                            cni_operator **out_operator, cn_error *err);

/* Makes operators from outside: what a physical node of kind CUSTOM holds. Immutable. */
typedef struct cni_operator_factory {
    cn_code (*make)(const struct cni_operator_factory *self, const cni_phys_op *spec,
                    const cni_operator_env *env, cni_operator **out_operator, cn_error *err);
    void *private_data;
} cni_operator_factory;

/* ---- the result ---- */

typedef enum cni_result_answer {
    CNI_RESULT_CHUNK,
    CNI_RESULT_EMPTY /* nothing now */
} cni_result_answer;

/* Bounded queue between the last pipeline and whoever pulls; in source order when keep_order.
 * Producers that find it full are BLOCKED until chunks are taken. `notify(state)` is called, under
 * no lock, when something can be taken after nothing could. */
CN_NODISCARD cn_code cni_result_operator_new(const cni_phys_op *spec, const cni_operator_env *env,
                                             void (*notify)(void *state), void *state,
                                             cni_operator **out_operator, cn_error *err);
/* Take the next chunk into `inout_chunk` (initialised; its content is replaced). Thread: one
 * consumer. */
cni_result_answer cni_result_take(cni_operator *base, cni_chunk *inout_chunk);
/* Whether take would give a chunk. Thread: synchronised. */
bool cni_result_has_chunk(cni_operator *base);

/* ---- shared by operators ---- */

void cni_operator_init(cni_operator *self, const cni_operator_ops *ops, const cni_operator_env *env,
                       const cni_plan *plan);
void cni_operator_close(cni_operator *self); /* NULL is accepted */
/* on_watermark of operators that hold no rows then. */
CN_NODISCARD cn_code cni_operator_pass_watermark(cni_operator *self, void *local,
                                                 int64_t watermark_us, cn_error *err);
/* What a `notes` slot answers: the first of them that fit. */
int32_t cni_operator_give_notes(const cni_op_note *notes, int64_t n_notes, cni_op_note *out_notes,
                                int32_t max_notes);
/* About the memory that a chunk keeps: dictionaries are not counted, as others share them. */
int64_t cni_chunk_memory(const cni_chunk *chunk);
void cni_chunk_swap(cni_chunk *a, cni_chunk *b);

/* Nothing to carry, not even the end of a morsel. */
static inline bool
cni_chunk_is_blank(const cni_chunk *chunk)
{
    return chunk->n_rows == 0 && !chunk->ends_morsel;
}

#endif /* CNI_EXEC_OPERATORS_H */
