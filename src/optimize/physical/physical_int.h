/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the physical planner share. A plan is walked from its root to its leaves; each
 * call is told where its rows go (pipeline and operator) and which columns are wanted, and answers
 * which column lies at which position of the chunks that it delivers.
 *
 *   physical.c        the entry, pipelines, order, refusals
 *   physical_chain.c  scans, values, filters, projections, limits, unions
 *   physical_sink.c   sorts, distinct, aggregates, and the projections before them
 *   physical_print.c  EXPLAIN
 */
#ifndef CNI_OPTIMIZE_PHYSICAL_INT_H
#define CNI_OPTIMIZE_PHYSICAL_INT_H

#include "base/list.h"
#include "optimize/physical/physical.h"

/* A pipeline while it grows. In the arena. */
typedef struct cni_phys_pipe {
    cni_list ops;      /* of cni_phys_op */
    cni_list branches; /* of cni_phys_branch */
    bool has_limit;
} cni_phys_pipe;

typedef struct cni_phys_builder {
    cni_arena *arena;
    cni_context *context;
    int64_t n_words; /* of a set of all column ids of the plan */
    cni_list pipes;  /* finished ones, in order */
} cni_phys_builder;

/* Column ids that the consumer names. `all`: every column, exactly as the node lists them. */
typedef struct cni_phys_wanted {
    bool all;
    uint64_t *words;
} cni_phys_wanted;

/* What lies where in delivered chunks. */
typedef struct cni_phys_layout {
    int32_t n_columns;
    const int32_t *ids;
    const cni_type *const *types;
} cni_phys_layout;

/* Where rows go. */
typedef struct cni_phys_goal {
    cni_phys_pipe *pipe;
    int32_t op;
    const cni_phys_wanted *wanted;
} cni_phys_goal;

/* Build what delivers the rows of `plan` to `goal`. Depth is bounded by the plan's. */
CN_NODISCARD cn_code cni_phys_build(cni_phys_builder *self, const cni_plan *plan,
                                    cni_phys_goal goal, cni_phys_layout *out_layout, cn_error *err);
/* SORT, TOPN, DISTINCT, AGGREGATE: a pipeline of their own, read by a branch of goal's. */
CN_NODISCARD cn_code cni_phys_build_sort(cni_phys_builder *self, const cni_plan *plan,
                                         cni_phys_goal goal, cni_phys_layout *out_layout,
                                         cn_error *err);
CN_NODISCARD cn_code cni_phys_build_distinct(cni_phys_builder *self, const cni_plan *plan,
                                             cni_phys_goal goal, cni_phys_layout *out_layout,
                                             cn_error *err);
CN_NODISCARD cn_code cni_phys_build_aggregate(cni_phys_builder *self, const cni_plan *plan,
                                              cni_phys_goal goal, cni_phys_layout *out_layout,
                                              cn_error *err);

/* ---- shared steps ---- */

CN_NODISCARD cn_code cni_phys_pipe_new(cni_phys_builder *self, cni_phys_pipe **out_pipe,
                                       cn_error *err);
/* New operator of the pipe, delivering to op `next` (-1: the sink); gives its index. */
CN_NODISCARD cn_code cni_phys_add_op(cni_phys_builder *self, cni_phys_pipe *pipe,
                                     cni_phys_op_kind kind, const cni_plan *plan, int32_t next,
                                     int32_t *out_index, cn_error *err);
cni_phys_op *cni_phys_op_at(const cni_phys_pipe *pipe, int32_t index);
CN_NODISCARD cn_code cni_phys_add_branch(cni_phys_builder *self, cni_phys_pipe *pipe,
                                         const cni_phys_branch *branch, cn_error *err);
/* The pipe has all its branches: a branch of goal's pipe reads its sink. */
CN_NODISCARD cn_code cni_phys_finish_pipe(cni_phys_builder *self, cni_phys_pipe *pipe,
                                          const cni_plan *plan, cni_phys_goal goal, cn_error *err);
CN_NODISCARD cn_code cni_phys_wanted_new(cni_phys_builder *self, const cni_phys_wanted *copy,
                                         cni_phys_wanted *out_wanted, cn_error *err);
void cni_phys_want_expr(cni_phys_wanted *self, const cni_expr *expr); /* not its call's clauses */
bool cni_phys_wants(const cni_phys_wanted *self, int32_t column_id);
/* The node's columns as they are. */
CN_NODISCARD cn_code cni_phys_layout_of(cni_phys_builder *self, const cni_plan *plan,
                                        cni_phys_layout *out_layout, cn_error *err);
/* Position of a column, or -1. */
int32_t cni_phys_position(const cni_phys_layout *layout, int32_t column_id);
/* Compile over `layout`. Errors: CN_NOT_IMPLEMENTED for subqueries and windows, by name. */
CN_NODISCARD cn_code cni_phys_compile(cni_phys_builder *self, const cni_expr *const *exprs,
                                      int32_t n_exprs, const cni_phys_layout *layout,
                                      const cni_program **out_program, cn_error *err);
void cni_phys_set_inputs(cni_phys_op *op, const cni_phys_layout *layout);

#endif /* CNI_OPTIMIZE_PHYSICAL_INT_H */
