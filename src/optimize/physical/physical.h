/* SPDX-License-Identifier: Apache-2.0
 *
 * Logical plan -> read-only physical plan: pipelines of chosen operators with compiled programs. It
 * is never written to while it runs and may be executed any number of times, also at once; what an
 * execution needs to remember is in exec/pipeline. Chunks have positions where logical plans have
 * column ids.
 *
 *   pipeline = branches -> in-tree of streaming operators -> sink
 *
 *     branch 0: Scan a ---> Filter --.
 *     branch 1: Scan b --------------+--> Limit ---> Result        (a UNION ALL is two branches)
 *
 * ops[0] is the sink; ops[i].next < i says where its output goes. Branches are read one after the
 * other, so that the morsels of a pipeline have one source order. A branch reads a table, VALUES,
 * or what the sink of an earlier pipeline holds; that pipeline has finished before this one starts.
 *
 * Chunks between operators carry no selection: filters and scans gather what they keep.
 *
 * A join is a pipeline that ends in a JOIN_BUILD, and a JOIN_PROBE inside a later one; where rows
 * of the build side come out too, a branch BUILD of the probing pipeline gives them, entering
 * behind the probe, when every row of the branches before it has left the probe (`after_rows`). So
 * do all rows that a join which does not fit into memory gives for what it has written to disk:
 * every join has the branch.
 *
 * Everything that a sink computes with lies in columns of its input: the planner puts one PROJECT
 * before it, which computes keys, arguments, filters and order keys of calls, each distinct
 * expression once (an argument that may raise is guarded by its call's FILTER). Sinks have
 * positions only.
 */
#ifndef CNI_OPTIMIZE_PHYSICAL_H
#define CNI_OPTIMIZE_PHYSICAL_H

#include "data/row/sort_key.h"
#include "plan/eval/program.h"
#include "plan/table/table.h"

typedef struct cni_phys_order {
    int32_t position; /* in the input chunk */
    bool descending;
    bool nulls_first;
    bool nullable; /* false only when proved */
} cni_phys_order;

/* One aggregate call; positions are in the aggregate's input chunk. */
typedef struct cni_phys_call {
    const cni_function *function;
    const void *bind_data;
    const cni_type *type; /* of the result */
    int32_t n_args;
    const int32_t *args;
    int32_t filter; /* position of a BOOL column: rows that are not true do not count; -1 = none */
    bool distinct;  /* over the arguments; never set where it changes nothing */
    bool ignore_nulls;
    int32_t n_orders; /* ORDER BY inside the call */
    const cni_phys_order *orders;
} cni_phys_call;

/* GROUP BY keys, calls. Output: the keys in order, then one column per call. n_keys 0 = one row,
 * also over no rows. DISTINCT is the case without calls. Chunks arrive without a selection. */
typedef struct cni_phys_aggregate {
    int32_t n_inputs;
    const cni_type *const *input_types;
    int32_t n_keys;
    const int32_t *keys;
    const cni_bounds *key_bounds; /* n_keys: PROVED range of all values, known = false otherwise */
    int32_t n_calls;
    const cni_phys_call *calls;
    /* Some result depends on source order (first, list, string_agg; float sums when reproducible):
     * chunks carry `sequence` and `ends_morsel` then and do not merge across morsels. Without it,
     * `sequence` means nothing. */
    bool needs_order;
    double estimated_rows;   /* of the input, < 0 = unknown */
    double estimated_groups; /* < 0 = unknown */
} cni_phys_aggregate;

/* SORT, TOPN and DISTINCT ON. Output: the first n_outputs columns of the input. Ties follow source
 * order. */
typedef struct cni_phys_sort {
    int32_t n_inputs;
    const cni_type *const *input_types;
    int32_t n_outputs;
    int32_t n_orders;
    const cni_phys_order *orders;
    bool first_per_key; /* DISTINCT ON: of equal rows only the first in source order: `offset` are
                           passed over, `limit` (CNI_NO_LIMIT = 1) given */
    int64_t limit;      /* TOPN; CNI_NO_LIMIT otherwise */
    int64_t offset;
} cni_phys_sort;

typedef enum cni_phys_join_kind {
    CNI_PHYS_JOIN_INNER,
    CNI_PHYS_JOIN_PROBE_OUTER, /* every probe row */
    CNI_PHYS_JOIN_BUILD_OUTER, /* every build row */
    CNI_PHYS_JOIN_FULL,
    CNI_PHYS_JOIN_PROBE_SEMI, /* outputs are probe columns */
    CNI_PHYS_JOIN_PROBE_ANTI,
    CNI_PHYS_JOIN_BUILD_SEMI, /* outputs are build columns; the probe operator itself gives none */
    CNI_PHYS_JOIN_BUILD_ANTI,
    CNI_PHYS_JOIN_MARK,  /* outputs are probe columns, then the mark */
    CNI_PHYS_JOIN_SINGLE /* PROBE_OUTER; a second match is the error 21000 */
} cni_phys_join_kind;

/* One column of a join's output: column `position` of the probe's or the build's input. */
typedef struct cni_phys_join_output {
    bool from_build;
    int32_t position;
} cni_phys_join_output;

/* What a finished build tells a scan: the filter `slot` of the execution, over key `key`. */
typedef struct cni_phys_key_filter {
    int32_t key;
    int32_t slot;
} cni_phys_key_filter;

typedef struct cni_phys_join {
    uint8_t kind;    /* cni_phys_join_kind */
    bool null_aware; /* MARK, PROBE_ANTI, BUILD_ANTI: see cni_join_kind */
    int32_t build_pipeline;
    int32_t n_keys; /* equalities; 0 = every pair */
    const int32_t *build_keys;
    const int32_t *probe_keys;    /* of the same types, one by one */
    const bool *null_equal;       /* IS NOT DISTINCT FROM: NULL matches NULL */
    const cni_bounds *key_bounds; /* n_keys: PROVED range of the build's keys */
    const cni_program *residual;  /* further conjuncts, or NULL, over the columns below */
    int32_t n_residual_columns;
    const cni_phys_join_output *residual_columns;
    int32_t n_build_columns; /* the build's input chunks */
    const cni_type *const *build_types;
    int32_t n_probe_columns;
    const cni_type *const *probe_types;
    int32_t n_outputs; /* MARK: the mark comes behind them */
    const cni_phys_join_output *outputs;
    bool build_unique; /* proved: no two build rows match the same probe row */
    bool may_spill;    /* a branch BUILD reads what the join gives for rows that were on disk */
    int32_t n_key_filters;
    const cni_phys_key_filter *key_filters;
    double estimated_build_rows; /* < 0 = unknown */
    double estimated_probe_rows;
} cni_phys_join;

/* Ranks over rows that come sorted: partition keys, then order keys. Output: the columns `passed`,
 * then a BIGINT per function. Chunks keep order, unless there are no keys. */
typedef struct cni_phys_window {
    int32_t n_partitions;
    int32_t n_keys;      /* partition keys, then, if some function asks for peers, order keys */
    const int32_t *keys; /* positions in the input */
    int32_t n_functions;
    const uint8_t *functions; /* cni_window_builtin: ROW_NUMBER, RANK, DENSE_RANK */
    int32_t n_passed;
    const int32_t *passed;
} cni_phys_window;

typedef enum cni_phys_op_kind {
    CNI_PHYS_OP_RESULT,     /* sink: gives chunks to whoever runs the query */
    CNI_PHYS_OP_AGGREGATE,  /* sink: `aggregate` */
    CNI_PHYS_OP_SORT,       /* sink: `sort` */
    CNI_PHYS_OP_TOP_N,      /* sink: `sort` with limit */
    CNI_PHYS_OP_JOIN_BUILD, /* sink: `join` */
    CNI_PHYS_OP_COLLECT,    /* sink: keeps its rows for any number of readers (WITH) */
    CNI_PHYS_OP_JOIN_PROBE, /* `join` */
    CNI_PHYS_OP_REPEAT,     /* each row as often as its BIGINT column `position` says; the column is
                               not passed on */
    CNI_PHYS_OP_WINDOW,     /* `window` */
    CNI_PHYS_OP_FILTER,     /* `program`: conjuncts */
    CNI_PHYS_OP_PROJECT,    /* `program`: one expression per output */
    CNI_PHYS_OP_LIMIT,      /* `limit`, `offset` */
    CNI_PHYS_OP_CUSTOM,     /* `custom`: streams, or ends a pipeline; no plan makes it yet */
    CNI_PHYS_OP_COUNT_
} cni_phys_op_kind;

typedef struct cni_phys_op {
    uint8_t kind;         /* cni_phys_op_kind */
    int32_t next;         /* index in the pipeline's ops, smaller than its own; -1 for the sink */
    const cni_plan *plan; /* what it carries out; NULL for helper projections and the result */
    int32_t n_inputs;     /* columns of chunks that are pushed */
    const cni_type *const *input_types;
    int32_t n_outputs; /* columns of its chunks; of a sink: of its source */
    const cni_type *const *output_types;
    int32_t
        first_branch; /* branches whose chunks pass it: [first_branch, first_branch + n_branches) */
    int32_t n_branches;
    const cni_program *program;
    const int32_t *outputs; /* FILTER: positions in the input of the columns that it passes on */
    const cni_phys_aggregate *aggregate;
    const cni_phys_sort *sort;
    const cni_phys_join *join;
    const cni_phys_window *window;
    int32_t position;   /* REPEAT */
    const void *custom; /* a cni_operator_factory of exec/operator/operators.h */
    int64_t limit;
    int64_t offset;
} cni_phys_op;

typedef enum cni_phys_source_kind {
    CNI_PHYS_SOURCE_TABLE,    /* plan->table with `request` */
    CNI_PHYS_SOURCE_VALUES,   /* the expressions of `plan`, evaluated when the pipeline starts */
    CNI_PHYS_SOURCE_PIPELINE, /* the rows of ops[0] of pipeline `pipeline`: a COLLECT may be read by
                                 several branches, other sinks by one */
    CNI_PHYS_SOURCE_BUILD,    /* rows of the JOIN_BUILD of pipeline `pipeline`, see cni_phys_join */
    CNI_PHYS_SOURCE_RECURSIVE, /* `recursive` */
    CNI_PHYS_SOURCE_WORKING    /* inside a recursive step: rows of the step before */
} cni_phys_source_kind;

typedef struct cni_phys_scan_filter {
    int32_t slot;
    int32_t table_column;
} cni_phys_scan_filter;

/* RECURSIVE: `base` runs once, `step` until it gives no rows; each is a whole physical plan whose
 * result rows are this source's. */
typedef struct cni_phys_recursive {
    const struct cni_physical_plan *base;
    const struct cni_physical_plan *step;
    int32_t cte_id;
    bool distinct;
} cni_phys_recursive;

typedef struct cni_phys_branch {
    uint8_t kind; /* cni_phys_source_kind */
    bool ordered; /* its morsels come in a promised order */
    int32_t first_op;
    const cni_plan *plan;
    int32_t n_columns;
    const cni_type *const *types;
    cni_scan_request request; /* TABLE */
    int32_t pipeline;         /* PIPELINE, BUILD */
    int32_t n_outer;   /* PIPELINE: it is one of the plan so many recursions outwards; mostly 0 */
    bool after_rows;   /* BUILD: starts when the branches before it have left the operators */
    bool spilled_only; /* BUILD: there are rows only where the join did not fit into memory */
    int32_t n_key_filters; /* TABLE: filters of the execution that its scan listens to */
    const cni_phys_scan_filter *key_filters;
    const cni_phys_recursive *recursive; /* RECURSIVE */
    const int32_t
        *positions;        /* PIPELINE over a COLLECT, WORKING: which of its columns; NULL = all */
    double estimated_rows; /* < 0 = unknown */
} cni_phys_branch;

typedef struct cni_phys_pipeline {
    int32_t n_branches;
    const cni_phys_branch *branches;
    int32_t n_ops;
    const cni_phys_op *ops;
    bool keep_order; /* chunks carry their sequence, do not merge across morsels, and every morsel's
                        end reaches every operator (an empty chunk if need be) */
    bool unbounded;  /* its source never ends: watermarks travel */
    bool has_dynamic; /* the sink is a TOPN whose first key is `dynamic_column` of the one table
                         that is read, and only filters and projections lie between: its boundary
                         goes to the scan */
    int32_t dynamic_column;
    cni_sort_spec dynamic_key;
} cni_phys_pipeline;

/* Immutable, in its arena. */
typedef struct cni_physical_plan {
    const cni_plan *plan; /* the logical plan */
    int32_t n_pipelines;  /* in an order in which each needs only earlier ones; the last has the
                             RESULT */
    const cni_phys_pipeline *pipelines;
    int32_t n_columns; /* of the result */
    const cni_column *columns;
    int32_t n_key_filters; /* slots that joins fill and scans read; their types: */
    const cni_type *const *key_filter_types;
    bool ordered;          /* the result's order is promised */
    double estimated_rows; /* rows that all tables together hand out, < 0 = unknown */
} cni_physical_plan;

/* Plan `plan` (whose arena `arena` must keep) for execution. Parameters have been replaced by
 * literals. Errors: CN_NOT_IMPLEMENTED naming what has no operator yet (a window, a
 * lambda ...) or an operator that cannot run over an unbounded source; CN_NO_MEMORY; what
 * cni_program_new raises. */
CN_NODISCARD cn_code cni_physical_plan_new(cni_arena *arena, const cni_plan *plan,
                                           cni_context *context, const cni_physical_plan **out_plan,
                                           cn_error *err);

/* Pipelines as EXPLAIN shows them, one operator a line, sources first:
 *   Pipeline 0 keeps order
 *     Scan lineitem rows~6001215
 *     Filter
 *     HashAggregate keys=2 calls=8
 *   Pipeline 1 after 0
 *     Rows of pipeline 0
 *     Result */
CN_NODISCARD cn_code cni_physical_print(const cni_physical_plan *self, cni_strbuf *out,
                                        cn_error *err);
/* The same as a JSON array of pipelines. */
CN_NODISCARD cn_code cni_physical_print_json(const cni_physical_plan *self, cni_strbuf *out,
                                             cn_error *err);

/* What a build is taken to need: bytes per row, and of a value of each kept column beside. */
#define CNI_PHYS_BUILD_ROW_BYTES 8.0
double cni_phys_width(const cni_type *type);

/* "Filter", "Sort" ...: as messages and EXPLAIN call it. Static. */
const char *cni_phys_op_name(cni_phys_op_kind kind);
/* "Inner", "BuildSemi" ...: likewise. */
const char *cni_phys_join_name(cni_phys_join_kind kind);
/* "Scan", "Values", "Rows", "BuildRows", "Recursive", "Working": likewise. */
const char *cni_phys_source_name(cni_phys_source_kind kind);

#endif /* CNI_OPTIMIZE_PHYSICAL_H */
