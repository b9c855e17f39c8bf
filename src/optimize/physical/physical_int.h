/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the physical planner share. A plan is walked from its root to its leaves; each
 * call is told where its rows go (pipeline and operator) and which columns are wanted, and answers
 * which column lies at which position of the chunks that it delivers.
 *
 *   physical.c        the entry, pipelines, order, refusals
 *   physical_chain.c  scans, values, filters, projections, limits, unions
 *   physical_sink.c   sorts, distinct, aggregates, and the projections before them
 *   physical_join.c   joins: which side is built, keys, residuals, outputs
 *   physical_key_filter.c  which scans a build's keys are told to
 *   physical_with.c   WITH and its readers, recursions, repeated rows
 *   physical_window.c windows over sorts
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
    bool has_window; /* one that reads a sort: its rows must come in order */
} cni_phys_pipe;

/* What CTE_SCANs of a number read. In the arena. */
typedef struct cni_phys_cte {
    int32_t cte_id;
    const cni_plan *definition; /* NULL: the rows of a recursion's last step */
    int32_t pipeline;         /* of the COLLECT; -1: the one reader computes it where it is read */
    const int32_t *positions; /* of the definition's columns in the collected rows; -1 = none */
} cni_phys_cte;

/* A scan that listens to a key filter. In the arena. */
typedef struct cni_phys_target {
    const cni_plan *scan;
    cni_phys_scan_filter filter;
} cni_phys_target;

typedef struct cni_phys_builder {
    cni_arena *arena;
    cni_context *context;
    struct cni_phys_builder
        *outer;            /* of the plan that this one is a recursion's part of, or NULL */
    int64_t n_words;       /* of a set of all column ids of the plan */
    cni_list pipes;        /* finished ones, in order */
    cni_list ctes;         /* of cni_phys_cte */
    cni_list targets;      /* of cni_phys_target */
    cni_list filter_types; /* of const cni_type, by slot */
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

CN_NODISCARD cn_code cni_phys_build_join(cni_phys_builder *self, const cni_plan *plan,
                                         cni_phys_goal goal, cni_phys_layout *out_layout,
                                         cn_error *err);
CN_NODISCARD cn_code cni_phys_build_with(cni_phys_builder *self, const cni_plan *plan,
                                         cni_phys_goal goal, cni_phys_layout *out_layout,
                                         cn_error *err);
CN_NODISCARD cn_code cni_phys_build_cte_scan(cni_phys_builder *self, const cni_plan *plan,
                                             cni_phys_goal goal, cni_phys_layout *out_layout,
                                             cn_error *err);
CN_NODISCARD cn_code cni_phys_build_recursive(cni_phys_builder *self, const cni_plan *plan,
                                              cni_phys_goal goal, cni_phys_layout *out_layout,
                                              cn_error *err);
CN_NODISCARD cn_code cni_phys_build_repeat(cni_phys_builder *self, const cni_plan *plan,
                                           cni_phys_goal goal, cni_phys_layout *out_layout,
                                           cn_error *err);

CN_NODISCARD cn_code cni_phys_build_window(cni_phys_builder *self, const cni_plan *plan,
                                           cni_phys_goal goal, cni_phys_layout *out_layout,
                                           cn_error *err);

/* ---- shared steps ---- */

/* A whole plan: `self` is new, but for its `outer` and what a recursion's step reads. */
CN_NODISCARD cn_code cni_phys_plan_all(cni_phys_builder *self, const cni_plan *plan,
                                       const cni_physical_plan **out_plan, cn_error *err);
/* The definition that CTE_SCANs of the number read, in this builder; NULL = not here. */
const cni_phys_cte *cni_phys_find_cte(const cni_phys_builder *self, int32_t cte_id);
/* New pipeline with its sink; `plan` is what the sink carries out. */
CN_NODISCARD cn_code cni_phys_new_sink(cni_phys_builder *self, cni_phys_op_kind kind,
                                       const cni_plan *plan, cni_phys_pipe **out_pipe,
                                       cn_error *err);
/* PROVED range of what `key` is over the rows of `child`. */
CN_NODISCARD cn_code cni_phys_proved_bounds(cni_phys_builder *self, const cni_plan *child,
                                            const cni_expr *key, cni_bounds *out_bounds,
                                            cn_error *err);
/* Position in the table of a column of the SCAN, -1 = it is none. */
int32_t cni_phys_table_column(const cni_plan *scan, int32_t column_id);
/* Take the filter of a new slot over keys of `column_id` (a column of `plan`) to the scans below
 * that may drop rows by it. *out_slot = -1 when there is none, and no slot was used up. */
CN_NODISCARD cn_code cni_phys_aim_filter(cni_phys_builder *self, const cni_plan *plan,
                                         int32_t column_id, const cni_type *type, int32_t *out_slot,
                                         cn_error *err);
/* Every row of some table comes out of `plan`, as far as it shows: its keys exclude nothing. */
bool cni_phys_is_whole_table(const cni_phys_builder *self, const cni_plan *plan);

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
