/* SPDX-License-Identifier: Apache-2.0
 *
 * Logical plans: relational nodes over expressions, immutable, in an arena. What SQL, the builder
 * and (later) Substrait produce, the optimizer rewrites, and the physical planner reads.
 *
 * Every node lists the columns it produces; ids are unique within the plan and keep their meaning
 * while they travel up. Chains of UNION ALL are n-ary. Nesting is at most CNI_PLAN_MAX_DEPTH nodes.
 *
 * Order: SCAN, FILTER, PROJECT, LIMIT, UNION_ALL keep source order, SORT and TOPN make one, WITH
 * has its body's, the rest promise none.
 *
 * Correlation: as the binder makes it, a plan inside a SUBQUERY expression may name columns of the
 * node that holds the expression (of any level), and the right side of a JOIN may name columns of
 * the left one (LATERAL). Normalization removes both kinds; nothing later meets them.
 */
#ifndef CNI_PLAN_PLAN_H
#define CNI_PLAN_PLAN_H

#include "plan/ir/expr.h"

#define CNI_PLAN_MAX_DEPTH 400
#define CNI_NO_LIMIT       (-1)

typedef struct cni_table cni_table;

typedef enum cni_plan_kind {
    CNI_PLAN_INVALID = 0,
    CNI_PLAN_SCAN,      /* columns of a table, with pushed filters and limit */
    CNI_PLAN_VALUES,    /* rows of expressions without columns; 0 rows = empty relation */
    CNI_PLAN_FILTER,    /* rows of child 0 where predicate is true */
    CNI_PLAN_PROJECT,   /* exprs[i] makes columns[i] */
    CNI_PLAN_AGGREGATE, /* groups first, then aggregates */
    CNI_PLAN_DISTINCT,  /* whole rows of child 0; with `on`: first row per key */
    CNI_PLAN_SORT,
    CNI_PLAN_TOPN, /* SORT and LIMIT in one */
    CNI_PLAN_LIMIT,
    CNI_PLAN_UNION_ALL, /* n children with equal types; columns are new ids */
    CNI_PLAN_JOIN,      /* children left, right; join_kind; predicate (NULL = TRUE) over both */
    CNI_PLAN_WITH,      /* child 0 is computed once, child 1 reads it by CTE_SCANs; gives child 1 */
    CNI_PLAN_CTE_SCAN,  /* rows of the definition of cte_id: a WITH above, or a RECURSIVE's last
                           step */
    CNI_PLAN_RECURSIVE, /* rows of child 0, then of child 1 over the rows of the step before, until
                           a step gives none; distinct: rows seen before are dropped */
    CNI_PLAN_REPEAT,    /* each row of child 0 exprs[0] (BIGINT) times; NULL, 0, less: not at all */
    CNI_PLAN_WINDOW,    /* columns of child 0, then one per function: over the rows with equal
                           exprs[0 .. n_groups) as exprs[n_groups ..) say. WINDOW calls go by the
                           place in `orders`; AGGREGATE calls are over all of these rows, and
                           normalization takes them out */
    CNI_PLAN_UNNEST,    /* later */
    CNI_PLAN_KIND_COUNT_
} cni_plan_kind;

/* RIGHT JOIN is LEFT with its sides exchanged. */
typedef enum cni_join_kind {
    CNI_JOIN_INNER,  /* left columns, right columns; CROSS without a predicate */
    CNI_JOIN_LEFT,   /* likewise, right ones NULL where no right row matches */
    CNI_JOIN_FULL,   /* likewise, and right rows without a match, left ones NULL */
    CNI_JOIN_SEMI,   /* left rows with a match */
    CNI_JOIN_ANTI,   /* left rows without; null_aware: and without an unknown predicate either */
    CNI_JOIN_MARK,   /* left columns and a BOOL one: some right row matches; null_aware: NULL where
                        none does but the predicate is unknown for some (IN); else FALSE (EXISTS) */
    CNI_JOIN_SINGLE, /* LEFT where a second match is an error, 21000 (scalar subqueries) */
    CNI_JOIN_KIND_COUNT_
} cni_join_kind;

typedef struct cni_column {
    int32_t id;
    cni_str name; /* as the user sees it */
    const cni_type *type;
    bool nullable;
} cni_column;

typedef enum cni_filter_answer {
    CNI_FILTER_UNSUPPORTED = 0, /* the source ignores it: a FILTER stays above */
    CNI_FILTER_INEXACT,         /* it prunes, a FILTER stays above */
    CNI_FILTER_EXACT            /* the source applies it to every row */
} cni_filter_answer;

struct cni_plan {
    uint8_t kind; /* cni_plan_kind */
    int16_t depth;
    int32_t n_children;
    const cni_plan *const *children;
    int32_t n_columns;
    const cni_column *columns;
    double estimated_rows; /* < 0 = unknown */
    double estimated_cost; /* of the node and all below it, in rows touched; < 0 = unknown */

    /* SCAN */
    cni_table *table;             /* borrowed: kept by the arena (cni_arena_on_free with unref) */
    const int32_t *table_columns; /* n_columns: position of each column in the table's schema */
    cni_str table_name;           /* for EXPLAIN and messages */
    int32_t n_filters;            /* pushed conjuncts, over the ids in `filter_columns` */
    const cni_expr *const *filters;
    int32_t n_filter_columns; /* every table column that filters name, with the ids they use */
    const cni_column *filter_columns;
    const int32_t *filter_table_columns;
    /* VALUES: n_rows * n_columns expressions, row by row. PROJECT: n_columns. AGGREGATE: groups
     * then aggregates, n_columns. DISTINCT ON: n_exprs keys. REPEAT: the count. */
    int64_t n_rows;
    int32_t n_exprs;
    const cni_expr *const *exprs;
    int32_t n_groups; /* AGGREGATE: how many of the columns are keys; WINDOW: of the exprs */
    /* FILTER, JOIN (NULL there = TRUE) */
    const cni_expr *predicate;
    /* JOIN */
    uint8_t join_kind; /* cni_join_kind */
    bool null_aware;   /* MARK, ANTI */
    /* WITH, CTE_SCAN, RECURSIVE: drawn from the builder's column ids, so unique in the plan.
     * CTE_SCAN: table_columns[i] is the position of columns[i] in the definition's columns.
     * RECURSIVE: columns are new ids, one per column of either child. */
    int32_t cte_id;
    bool distinct; /* RECURSIVE */
    /* SORT, TOPN, WINDOW */
    int32_t n_orders;
    const cni_order *orders;
    /* LIMIT, TOPN, and the hint of SCAN: rows to give after `offset`; CNI_NO_LIMIT = all.
     * DISTINCT ON: rows per key, 1 unless a limit inside LATERAL was made one. */
    int64_t limit;
    int64_t offset;
};

/* Builds plans with fresh column ids. Thread: confined. */
typedef struct cni_plan_builder {
    cni_arena *arena; /* borrowed */
    int32_t next_column_id;
} cni_plan_builder;

void cni_plan_builder_init(cni_plan_builder *self, cni_arena *arena, int32_t first_column_id);

/* Constructors. Children are borrowed. They compute columns (where not given), depth, nullability.
 * Errors: CN_NO_MEMORY, CN_LIMIT_EXCEEDED (depth), CN_INTERNAL for inconsistent arguments. */
/* n table columns by position (NULL = all) with fresh ids. The table is referenced by the arena. */
CN_NODISCARD cn_code cni_plan_scan(cni_plan_builder *self, cni_table *table, cni_str table_name,
                                   const int32_t *table_columns, int32_t n_columns,
                                   const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_plan_values(cni_plan_builder *self, const cni_field *fields,
                                     int32_t n_columns, const cni_expr *const *exprs,
                                     int64_t n_rows, const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_plan_filter(cni_plan_builder *self, const cni_plan *child,
                                     const cni_expr *predicate, const cni_plan **out_plan,
                                     cn_error *err);
/* A bare column of the child keeps its id (and gets the new name); others get fresh ids, also a
 * column of an enclosing query. */
CN_NODISCARD cn_code cni_plan_project(cni_plan_builder *self, const cni_plan *child,
                                      const cni_expr *const *exprs, const cni_str *names,
                                      int32_t n_exprs, const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_plan_aggregate(cni_plan_builder *self, const cni_plan *child,
                                        const cni_expr *const *groups, int32_t n_groups,
                                        const cni_expr *const *aggregates, int32_t n_aggregates,
                                        const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_plan_distinct(cni_plan_builder *self, const cni_plan *child,
                                       const cni_expr *const *on, int32_t n_on,
                                       const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_plan_sort(cni_plan_builder *self, const cni_plan *child,
                                   const cni_order *orders, int32_t n_orders,
                                   const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_plan_limit(cni_plan_builder *self, const cni_plan *child, int64_t limit,
                                    int64_t offset, const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_plan_union_all(cni_plan_builder *self, const cni_plan *const *children,
                                        int32_t n_children, const cni_plan **out_plan,
                                        cn_error *err);
/* Columns and their nullability follow the kind; a MARK draws the id of its column. */
CN_NODISCARD cn_code cni_plan_join(cni_plan_builder *self, cni_join_kind kind, const cni_plan *left,
                                   const cni_plan *right, const cni_expr *predicate,
                                   bool null_aware, const cni_plan **out_plan, cn_error *err);
/* A new id for a WITH or a RECURSIVE. */
int32_t cni_plan_new_cte_id(cni_plan_builder *self);
CN_NODISCARD cn_code cni_plan_with(cni_plan_builder *self, int32_t cte_id,
                                   const cni_plan *definition, const cni_plan *body, cni_str name,
                                   const cni_plan **out_plan, cn_error *err);
/* All columns of `definition_columns` with fresh ids. `name` is for EXPLAIN (table_name). For a
 * RECURSIVE, whose step is not known yet, they should all be nullable. */
CN_NODISCARD cn_code cni_plan_cte_scan(cni_plan_builder *self, int32_t cte_id, cni_str name,
                                       const cni_column *definition_columns, int32_t n_columns,
                                       const cni_plan **out_plan, cn_error *err);
/* Children of equal types; names are the base's. */
CN_NODISCARD cn_code cni_plan_recursive(cni_plan_builder *self, int32_t cte_id, cni_str name,
                                        const cni_plan *base, const cni_plan *step, bool distinct,
                                        const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_plan_repeat(cni_plan_builder *self, const cni_plan *child,
                                     const cni_expr *count, const cni_plan **out_plan,
                                     cn_error *err);
/* One column per function behind the child's. WINDOW calls have no clauses: the node has them. */
CN_NODISCARD cn_code cni_plan_window(cni_plan_builder *self, const cni_plan *child,
                                     const cni_expr *const *partitions, int32_t n_partitions,
                                     const cni_order *orders, int32_t n_orders,
                                     const cni_expr *const *functions, int32_t n_functions,
                                     const cni_plan **out_plan, cn_error *err);
/* The WINDOW over another child; its last columns are its functions'. */
CN_NODISCARD cn_code cni_plan_window_over(cni_plan_builder *self, const cni_plan *window,
                                          const cni_plan *child, const cni_plan **out_plan,
                                          cn_error *err);
/* Any node from a filled template: copies arrays, computes depth. For rules. */
CN_NODISCARD cn_code cni_plan_new(cni_plan_builder *self, const cni_plan *node,
                                  const cni_plan **out_plan, cn_error *err);
/* The same node over other children; itself when none changed. */
CN_NODISCARD cn_code cni_plan_with_children(cni_plan_builder *self, const cni_plan *plan,
                                            const cni_plan *const *children,
                                            const cni_plan **out_plan, cn_error *err);

/* A copy of `plan` in the builder's arena with fresh column ids, so that it can be part of the plan
 * that the builder makes. What `plan` refers to (tables, literals) must outlive the copy. */
CN_NODISCARD cn_code cni_plan_shift_ids(cni_plan_builder *self, const cni_plan *plan,
                                        const cni_plan **out_plan, cn_error *err);

/* Likewise, but ids stay dense and what `plan` names without defining it (columns and definitions
 * of where it stands) keeps its id: for using a part of a plan twice. out_ids (may be NULL) gets
 * the new id of every old one below the builder's next id at the call, -1 where it was kept. */
CN_NODISCARD cn_code cni_plan_copy(cni_plan_builder *self, const cni_plan *plan,
                                   const int32_t **out_ids, const cni_plan **out_plan,
                                   cn_error *err);

/* Column of `plan`'s output with the id, or NULL. */
const cni_column *cni_plan_find_column(const cni_plan *plan, int32_t column_id);
/* Whether the node has a cte_id. */
bool cni_plan_has_cte_id(const cni_plan *plan);
/* Largest column or CTE id in the plan, for continuing with a builder; -1 for none. */
int32_t cni_plan_max_column_id(const cni_plan *plan);
/* Whether rows come in a promised order (see above). */
bool cni_plan_keeps_order(const cni_plan *plan);

/* Tree text, one node a line, as EXPLAIN shows it:
 *   Project [sum(x) AS s]
 *     Aggregate groups=[...] aggregates=[...]
 *       Scan lineitem columns=[...] filters=[...] rows~6001215
 * `annotate` (may be NULL) appends text per node (actual counts). */
typedef cn_code (*cni_plan_annotate)(const void *state, const cni_plan *plan, cni_strbuf *out,
                                     cn_error *err);
CN_NODISCARD cn_code cni_plan_print(const cni_plan *plan, cni_plan_annotate annotate,
                                    const void *state, cni_strbuf *out, cn_error *err);
/* The same as a JSON object with children. */
CN_NODISCARD cn_code cni_plan_print_json(const cni_plan *plan, cni_plan_annotate annotate,
                                         const void *state, cni_strbuf *out, cn_error *err);

/* Every expression typed, every column id defined below its use (or, in a correlated place, above
 * it), ids unique, every CTE_SCAN inside its WITH or RECURSIVE. CN_INTERNAL otherwise: tests and
 * the paranoid build run it after every rule. */
CN_NODISCARD cn_code cni_plan_validate(const cni_plan *plan, cn_error *err);

#endif /* CNI_PLAN_PLAN_H */
