/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions: bound, typed, immutable, in an arena. One IR with plans: subqueries hold plans.
 *
 * Columns are named by ids that are unique within a plan, not by position: rules move expressions
 * between nodes without renumbering, and the physical planner resolves ids to positions.
 * Chains (AND, OR, concat) are n-ary; other trees are at most CNI_EXPR_MAX_DEPTH deep, and whoever
 * walks one may therefore recurse with small frames; whoever builds one goes through the
 * constructors here, which enforce it. Left-deep chains of one associative operator are folded
 * n-ary or balanced by the binder before they get here.
 */
#ifndef CNI_PLAN_EXPR_H
#define CNI_PLAN_EXPR_H

#include "data/kernel/kernel.h"
#include "plan/ir/value.h"

#define CNI_EXPR_MAX_DEPTH 400 /* nodes on a path; a walker's frame must stay under 512 bytes */

typedef struct cni_plan cni_plan;
typedef struct cni_function cni_function;

typedef enum cni_expr_kind {
    CNI_EXPR_INVALID = 0,
    CNI_EXPR_LITERAL,   /* literal */
    CNI_EXPR_COLUMN,    /* column_id */
    CNI_EXPR_PARAMETER, /* parameter: replaced by literals before execution */
    CNI_EXPR_CALL,      /* function over args */
    CNI_EXPR_COMPARE,   /* args[0] op args[1], same type */
    CNI_EXPR_DISTINCT,  /* args[0] IS [NOT, negated] DISTINCT FROM args[1] */
    CNI_EXPR_AND,       /* n >= 2 args */
    CNI_EXPR_OR,        /* n >= 2 args */
    CNI_EXPR_NOT,
    CNI_EXPR_IS_NULL,   /* args[0] IS [NOT, negated] NULL */
    CNI_EXPR_IN,        /* args[0] [NOT] IN (args[1..]), all of args[0]'s type, SQL's null rule */
    CNI_EXPR_CASE,      /* condition, value, condition, value, ..., else */
    CNI_EXPR_CAST,      /* args[0] to type; try_cast */
    CNI_EXPR_AGGREGATE, /* only in aggregate nodes: function over args, with `call` */
    CNI_EXPR_WINDOW,    /* only in window nodes: function over args, with `call` */
    CNI_EXPR_SUBQUERY,  /* subquery (a plan that may name columns of where it stands); args are the
                           left sides of IN and quantified ones, one per column of the plan */
    CNI_EXPR_LAMBDA,    /* args[0] is the body over parameter columns */
    CNI_EXPR_KIND_COUNT_
} cni_expr_kind;

typedef enum cni_subquery_kind {
    CNI_SUBQUERY_SCALAR,
    CNI_SUBQUERY_EXISTS,
    CNI_SUBQUERY_IN,  /* = ANY */
    CNI_SUBQUERY_ANY, /* op of the expression */
    CNI_SUBQUERY_ALL
} cni_subquery_kind;

typedef struct cni_expr cni_expr;

typedef struct cni_order {
    const cni_expr *expr;
    bool descending;
    bool nulls_first;
} cni_order;

/* The extra parts of an aggregate or window call. */
typedef struct cni_call_clauses {
    bool distinct;
    bool ignore_nulls;
    const cni_expr *filter; /* NULL = none */
    int32_t n_orders;       /* ORDER BY inside the call, or of the window */
    const cni_order *orders;
    int32_t n_partitions; /* window */
    const cni_expr *const *partitions;
    uint8_t frame_unit, frame_start, frame_end, frame_exclude; /* window; 0 = default frame */
    const cni_expr *frame_start_offset;
    const cni_expr *frame_end_offset;
} cni_call_clauses;

struct cni_expr {
    uint8_t kind;          /* cni_expr_kind */
    uint8_t op;            /* cni_compare_op of COMPARE and of quantified subqueries */
    uint8_t subquery_kind; /* cni_subquery_kind */
    bool negated;
    bool try_cast;
    int16_t depth; /* longest path below, this node included */
    const cni_type *type;
    int32_t n_args;
    const cni_expr *const *args;
    int64_t sql_offset; /* place in the statement's text, -1 = none */
    int64_t sql_length;
    const cni_value *literal;
    int32_t column_id;
    cni_str parameter;            /* name, or "1", "2" ... */
    const cni_function *function; /* CALL, AGGREGATE, WINDOW */
    const void *bind_data;        /* what function->resolve made, in the arena */
    const cni_call_clauses *call;
    const cni_plan *subquery;
};

/* Constructors: nodes in `arena`, arguments borrowed (their arenas must be kept by it). Errors of
 * all: CN_NO_MEMORY; CN_LIMIT_EXCEEDED beyond CNI_EXPR_MAX_DEPTH, naming it. */
CN_NODISCARD cn_code cni_expr_literal(cni_arena *arena, const cni_value *value,
                                      const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_expr_bool(cni_arena *arena, bool value, const cni_expr **out_expr,
                                   cn_error *err);
CN_NODISCARD cn_code cni_expr_column(cni_arena *arena, int32_t column_id, const cni_type *type,
                                     const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_expr_compare(cni_arena *arena, cni_compare_op op, const cni_expr *left,
                                      const cni_expr *right, const cni_expr **out_expr,
                                      cn_error *err);
/* AND or OR of n_args >= 0: flattened; 0 gives TRUE or FALSE, 1 gives the argument. */
CN_NODISCARD cn_code cni_expr_junction(cni_arena *arena, cni_expr_kind kind,
                                       const cni_expr *const *args, int32_t n_args,
                                       const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_expr_not(cni_arena *arena, const cni_expr *arg, const cni_expr **out_expr,
                                  cn_error *err);
/* `expr` itself when it has the type already. */
CN_NODISCARD cn_code cni_expr_cast(cni_arena *arena, const cni_expr *expr, const cni_type *type,
                                   bool try_cast, const cni_expr **out_expr, cn_error *err);
/* Any node from a filled template: copies it and the argument array, computes depth. */
CN_NODISCARD cn_code cni_expr_new(cni_arena *arena, const cni_expr *node, const cni_expr **out_expr,
                                  cn_error *err);
/* The same node over other arguments (n_args as before); itself when none changed. */
CN_NODISCARD cn_code cni_expr_with_args(cni_arena *arena, const cni_expr *expr,
                                        const cni_expr *const *args, const cni_expr **out_expr,
                                        cn_error *err);

/* Bottom-up rewrite: `visit` sees each node after its arguments were rewritten and gives its
 * replacement (or the node). Call clauses are rewritten too; subqueries are not entered. */
typedef cn_code (*cni_expr_visit)(void *state, const cni_expr *expr, const cni_expr **out_expr,
                                  cn_error *err);
CN_NODISCARD cn_code cni_expr_rewrite(cni_arena *arena, const cni_expr *expr, cni_expr_visit visit,
                                      void *state, const cni_expr **out_expr, cn_error *err);
/* Pre-order walk; `see` answers false to skip a node's arguments. */
void cni_expr_walk(const cni_expr *expr, bool (*see)(void *state, const cni_expr *expr),
                   void *state);

/* Structural equality and a hash that agrees with it (SQL places are ignored). */
bool cni_expr_equal(const cni_expr *a, const cni_expr *b);
uint64_t cni_expr_hash(const cni_expr *expr);

/* Properties, from the nodes' and functions' metadata. */
bool cni_expr_is_constant(const cni_expr *expr); /* no columns, parameters, volatile calls */
bool cni_expr_may_error(const cni_expr *expr);   /* some row may raise */
bool cni_expr_is_volatile(const cni_expr *expr);
bool cni_expr_has_aggregate(const cni_expr *expr);
bool cni_expr_has_subquery(const cni_expr *expr);
double cni_expr_cost(const cni_expr *expr); /* nanoseconds per row, roughly */

/* SQL-like text for EXPLAIN and messages. column_name (may be NULL: #id) gives names. */
typedef cni_str (*cni_column_namer)(const void *state, int32_t column_id);
CN_NODISCARD cn_code cni_expr_print(const cni_expr *expr, cni_column_namer namer, const void *state,
                                    cni_strbuf *out, cn_error *err);

#endif /* CNI_PLAN_EXPR_H */
