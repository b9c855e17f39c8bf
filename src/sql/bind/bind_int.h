/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the binder: scopes, the state of one statement and of one SELECT, and the functions that
 * the files of this folder call on each other.
 *
 *   bind_query.c      the way into a query, VALUES     bind_expr.c      expressions by kind
 *   bind_cte.c        WITH: once, or at each use       bind_operator.c  operators
 *   bind_recursive.c  WITH RECURSIVE                   bind_call.c      functions, aggregates
 *   bind_set.c        UNION, INTERSECT, EXCEPT         bind_subquery.c  EXISTS, IN, ANY, scalars
 *   bind_select.c     one SELECT                       bind_row.c       (a, b) = (c, d)
 *   bind_from.c       FROM: tables, files, views       bind_literal.c   constants, intervals
 *   bind_join.c       joins, LATERAL                   bind_typing.c    one type for several
 *   bind_relation.c   scopes of tables and joins       bind_type.c      type names
 *   bind_star.c       *, t.*, EXCLUDE, REPLACE         bind_scope.c     names of columns
 *   bind_group.c      GROUP BY, aggregates             bind_outer.c     columns of queries around
 *   bind_order.c      ORDER BY, LIMIT, DISTINCT ON
 *   bind_window.c     windows: specifications, nodes    bind_window_call.c  functions with OVER
 */
#ifndef CNI_SQL_BIND_INT_H
#define CNI_SQL_BIND_INT_H

#include "base/list.h"
#include "sql/bind/bind.h"

#define CNI_BIND_MAX_QUERIES                                                                       \
    10000 /* queries bound in one statement: CTEs and views are bound per use */
#define CNI_BIND_MAX_VIEW_DEPTH 64     /* views over views */
#define CNI_BIND_MAX_COLUMNS    100000 /* columns of one relation */

/* A relation of FROM: what a column name may refer to. */
typedef struct cni_bind_relation {
    cni_str schema; /* empty for what has none */
    cni_str alias;
    int32_t n_columns;
    const cni_column *columns; /* visible names */
} cni_bind_relation;

/* Names of one FROM clause. */
typedef struct cni_bind_scope {
    int32_t n_relations;
    const cni_bind_relation *relations; /* what stands before a dot */
    int32_t n_columns;
    const cni_column *columns; /* what a bare name may mean and what * shows, in this order: a
                                  column of USING is there once */
    bool is_recursive;         /* holds the last step of the WITH RECURSIVE that it is in */
} cni_bind_scope;

typedef struct cni_bind_names cni_bind_names;
typedef struct cni_bind_cte cni_bind_cte;

/* What a query sees of the text around it. Zero bytes = nothing. */
typedef struct cni_bind_around {
    cni_bind_cte *ctes;    /* WITH queries, innermost first */
    cni_bind_names *outer; /* names of the enclosing query */
} cni_bind_around;

typedef enum cni_bind_cte_kind {
    CNI_BIND_CTE_QUERY, /* name AS (query) */
    CNI_BIND_CTE_SELF,  /* the name of a recursive query inside its own step */
    CNI_BIND_CTE_MARK   /* no query: names of SELF further out are refused from here on */
} cni_bind_cte_kind;

/* A WITH query. One that is used several times is bound at its first use and read by CTE_SCANs;
 * others are bound at each use, in the scope of their definition. */
struct cni_bind_cte {
    cni_bind_cte *outer; /* earlier definitions; NULL ends */
    uint8_t kind;        /* cni_bind_cte_kind */
    bool is_recursive;   /* names itself under WITH RECURSIVE */
    bool is_shared;
    bool is_correlated;    /* names columns of queries around it: bound at each use after all */
    const char *forbidden; /* MARK: "an outer join" ... */
    cni_sql_ident name;
    cni_sql_ident_list columns;
    const cni_sql_query *query;
    cni_bind_names *outer_names; /* of the query that has the WITH */
    int32_t cte_id;              /* SELF, or with a plan */
    const cni_plan *plan;        /* shared: the definition once it is bound */
    int32_t n_columns;           /* SELF: columns of a step */
    const cni_column *step_columns;
};

/* State of one statement. Thread: confined. */
typedef struct cni_binder {
    const cni_bind_env *env;
    cni_arena *arena;
    cni_plan_builder builder;
    int32_t n_queries;
    int32_t view_depth;
} cni_binder;

typedef enum cni_bind_clause {
    CNI_CLAUSE_SELECT, /* aggregates may stand here */
    CNI_CLAUSE_HAVING,
    CNI_CLAUSE_ORDER,
    CNI_CLAUSE_WHERE, /* and here not */
    CNI_CLAUSE_GROUP,
    CNI_CLAUSE_ON,
    CNI_CLAUSE_FROM, /* LATERAL */
    CNI_CLAUSE_VALUES,
    CNI_CLAUSE_CONSTANT /* LIMIT, table function arguments */
} cni_bind_clause;

/* Names of select-list items that later clauses may use. */
typedef struct cni_bind_alias {
    cni_str name;
    const cni_expr *expr;
} cni_bind_alias;

/* An aggregate that stands in a subquery and belongs to a query around it: there it is computed
 * as the column `column_id`. */
typedef struct cni_bind_outer_call {
    int32_t column_id;
    const cni_expr *call;
} cni_bind_outer_call;

/* A function with OVER of a SELECT, in parts that are over its FROM, and later over its grouping.
 * Where it stands is the column `column_id`. */
typedef struct cni_bind_window {
    int32_t column_id;
    cni_expr function; /* WINDOW or AGGREGATE, but for the parts */
    const cni_expr **args;
    const cni_expr *filter;
    int32_t n_call_orders; /* ORDER BY inside the call */
    cni_order *call_orders;
    int32_t n_partitions;
    const cni_expr **partitions;
    int32_t n_orders;
    cni_order *orders;
    bool is_late; /* its parts name other windows' columns: its node stands above theirs */
    bool placed;  /* a node has it */
} cni_bind_window;

/* How names resolve while one expression is bound; a level of the chain of enclosing queries. */
struct cni_bind_names {
    cni_binder *binder;
    cni_bind_names *outer;       /* enclosing query; NULL = none */
    cni_bind_cte *ctes;          /* for subqueries */
    const cni_bind_scope *scope; /* NULL = no columns */
    uint8_t clause;              /* cni_bind_clause */
    int32_t n_aliases;           /* tried when no column of this level has the name */
    const cni_bind_alias *aliases;
    cni_list *outer_calls; /* of cni_bind_outer_call: where subqueries leave this level's
                              aggregates; NULL = none are allowed */
    cni_list *windows;     /* of cni_bind_window: functions with OVER; NULL = none are allowed */
    const cni_sql_select *select; /* whose WINDOW clause OVER may name; with `windows` */
    bool in_aggregate;
    bool in_window;   /* inside a function with OVER, or its window */
    bool is_named;    /* a level further in names a column of this one */
    bool reaches_out; /* this or a level further in names one of a level further out */
};

/* ---- errors: message, SQLSTATE and place */
cn_code cni_bind_fail(cn_error *err, cn_code code, const char *sqlstate, int64_t offset,
                      int64_t length, const char *format, ...) CN_PRINTF(6, 7);
/* "<what> are not supported yet", 0A000. */
cn_code cni_bind_refuse(cn_error *err, int64_t offset, int64_t length, const char *what);
typedef enum cni_bind_later {
    CNI_BIND_LATER_TYPE,
    CNI_BIND_LATER_FUNCTION,
    CNI_BIND_LATER_TABLE /* function */
} cni_bind_later;
/* After a lookup that found nothing: refuses names of the dialect that are not there yet, else
 * CN_OK, and the lookup's own error stands. */
CN_NODISCARD cn_code cni_bind_refuse_later(cni_bind_later kind, cni_str name, int64_t offset,
                                           int64_t length, cn_error *err);
/* Type name for messages; "?" when memory is out. */
const char *cni_bind_type_text(cni_binder *binder, const cni_type *type);

/* ---- names */
bool cni_bind_name_matches(const cni_sql_ident *wanted, cni_str name, bool exact);
CN_NODISCARD cn_code cni_bind_column(cni_bind_names *names, const cni_sql_expr *expr,
                                     const cni_expr **out_expr, cn_error *err);
/* The one relation that `name` (its last part, with a schema before it) means, or NULL. */
const cni_bind_relation *cni_bind_find_relation(const cni_bind_scope *scope,
                                                const cni_sql_name *name, int32_t n_parts);

/* ---- names of enclosing queries */
/* The level that an aggregate belongs to: the innermost one whose columns it names, as SQL says;
 * `names` itself when it names none. */
cni_bind_names *cni_bind_owner(cni_bind_names *names, const cni_expr *call);
/* The column that stands for `call` in subqueries of `owner`. */
CN_NODISCARD cn_code cni_bind_outer_aggregate(cni_bind_names *owner, const cni_expr *call,
                                              const cni_expr **out_expr, cn_error *err);
/* A column that subqueries in `expr` name and that `input` gives, except those of `allowed` (bare
 * columns); NULL = none. */
const cni_column *cni_bind_named_inside(const cni_expr *expr, const cni_plan *input,
                                        const cni_expr *const *allowed, int32_t n_allowed);
/* Whether a column or a subquery is in `expr`. */
bool cni_bind_needs_rows(const cni_expr *expr);
/* cni_plan_project where columns of enclosing queries get ids of their own. */
CN_NODISCARD cn_code cni_bind_project(cni_binder *binder, const cni_plan *child,
                                      const cni_expr *const *exprs, const cni_str *names,
                                      int32_t n_exprs, const cni_plan **out_plan, cn_error *err);
/* cni_plan_aggregate likewise; the first n_outer aggregates make the columns of `outer_calls`. */
CN_NODISCARD cn_code cni_bind_aggregate_node(cni_binder *binder, const cni_plan *child,
                                             const cni_expr *const *groups, int32_t n_groups,
                                             const cni_expr *const *aggregates,
                                             int32_t n_aggregates, const cni_list *outer_calls,
                                             const cni_plan **out_plan, cn_error *err);

/* ---- expressions */
CN_NODISCARD cn_code cni_bind_expr(cni_bind_names *names, const cni_sql_expr *expr,
                                   const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_bind_exprs(cni_bind_names *names, const cni_sql_expr *const *exprs,
                                    int32_t n_exprs, const cni_expr ***out_exprs, cn_error *err);
/* BOOLEAN or an error that names the clause ("WHERE"). NULL literals become NULL::BOOLEAN. */
CN_NODISCARD cn_code cni_bind_condition(cni_bind_names *names, const cni_sql_expr *expr,
                                        const char *clause, const cni_expr **out_expr,
                                        cn_error *err);
CN_NODISCARD cn_code cni_bind_literal(cni_bind_names *names, const cni_sql_expr *expr,
                                      const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_bind_typed_literal(cni_bind_names *names, const cni_sql_expr *expr,
                                            const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_bind_interval(cni_bind_names *names, const cni_sql_expr *expr,
                                       const cni_expr **out_expr, cn_error *err);
/* The literal of an integer text with its sign: "-9223372036854775808" is a BIGINT. */
CN_NODISCARD cn_code cni_bind_integer(cni_bind_names *names, const cni_sql_expr *expr,
                                      bool negative, const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_bind_unary(cni_bind_names *names, const cni_sql_expr *expr,
                                    const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_bind_binary(cni_bind_names *names, const cni_sql_expr *expr,
                                     const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_bind_like(cni_bind_names *names, const cni_sql_expr *expr,
                                   const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_bind_call(cni_bind_names *names, const cni_sql_expr *expr,
                                   const cni_expr **out_expr, cn_error *err);
/* A call's function and its arguments, cast to what it wants, in `inout_node`. */
CN_NODISCARD cn_code cni_bind_resolve(cni_binder *binder, cni_str name, cni_function_kind kind,
                                      const cni_expr *const *args, int32_t n_args, int64_t offset,
                                      int64_t length, cni_expr *inout_node, cn_error *err);
/* DISTINCT, FILTER, ORDER BY and IGNORE NULLS of a call; NULL when there are none. */
CN_NODISCARD cn_code cni_bind_clauses(cni_bind_names *names, const cni_sql_call *call,
                                      const cni_call_clauses **out_clauses, cn_error *err);
CN_NODISCARD cn_code cni_bind_order_keys(cni_bind_names *names, const cni_sql_order_list *list,
                                         cni_order **out_orders, cn_error *err);
/* A call with OVER, as the column that it will be. `kinds`: what the name means. */
CN_NODISCARD cn_code cni_bind_window_call(cni_bind_names *names, const cni_sql_expr *expr,
                                          cni_str name, uint32_t kinds, const cni_expr **out_expr,
                                          cn_error *err);
/* Call a catalogue function by name over bound arguments, casts inserted. */
CN_NODISCARD cn_code cni_bind_function(cni_binder *binder, cni_str name,
                                       const cni_expr *const *args, int32_t n_args, int64_t offset,
                                       int64_t length, const cni_expr **out_expr, cn_error *err);
/* COALESCE, NULLIF, IFNULL, IF as CASE, so that arguments behind the deciding one are not
 * evaluated. *out_expr NULL = the call is none of these. */
CN_NODISCARD cn_code cni_bind_conditional(cni_bind_names *names, const cni_sql_expr *expr,
                                          const cni_expr **out_expr, cn_error *err);

/* Scalar, EXISTS, IN, ANY, ALL over a query. */
CN_NODISCARD cn_code cni_bind_subquery(cni_bind_names *names, const cni_sql_expr *expr,
                                       const cni_expr **out_expr, cn_error *err);
/* COMPARE, IS_DISTINCT and IN when a side is a row. */
bool cni_bind_is_over_rows(const cni_sql_expr *expr);
CN_NODISCARD cn_code cni_bind_over_rows(cni_bind_names *names, const cni_sql_expr *expr,
                                        const cni_expr **out_expr, cn_error *err);
/* The comparison that an operator of the AST means; false when it is none. */
bool cni_bind_compare_op(uint8_t op, cni_compare_op *out_op);
/* An IR node of a kind that gives BOOLEAN, over args, at the place of `expr`. */
CN_NODISCARD cn_code cni_bind_bool_node(cni_binder *binder, const cni_sql_node *place,
                                        cni_expr node, const cni_expr *const *args, int32_t n_args,
                                        const cni_expr **out_expr, cn_error *err);
/* left op right at `place`, both of one type already. */
CN_NODISCARD cn_code cni_bind_compare_node(cni_binder *binder, const cni_sql_node *place,
                                           cni_compare_op op, const cni_expr *left,
                                           const cni_expr *right, const cni_expr **out_expr,
                                           cn_error *err);

/* ---- typing */
/* Bring all to one type: untyped NULLs and string literals adapt to the others. `what` names the
 * place in the error ("CASE", "IN"). n >= 1. */
CN_NODISCARD cn_code cni_bind_unify(cni_binder *binder, const cni_expr **inout_exprs,
                                    int32_t n_exprs, const char *what, int64_t offset,
                                    int64_t length, cn_error *err);
/* Explicit cast with the check that there is one; string literals are converted now. */
CN_NODISCARD cn_code cni_bind_cast(cni_binder *binder, const cni_expr *expr, const cni_type *type,
                                   bool try_cast, int64_t offset, int64_t length,
                                   const cni_expr **out_expr, cn_error *err);
/* The same node with its place in the text. */
CN_NODISCARD cn_code cni_bind_place(cni_binder *binder, const cni_expr *expr, int64_t offset,
                                    int64_t length, const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_bind_sql_type(cni_binder *binder, const cni_sql_type *type,
                                       const cni_type **out_type, cn_error *err);
bool cni_bind_is_string_literal(const cni_expr *expr);

/* ---- queries and relations */
CN_NODISCARD cn_code cni_bind_query_in(cni_binder *binder, const cni_bind_around *around,
                                       const cni_sql_query *query, const cni_plan **out_plan,
                                       cn_error *err);
/* The relation of a table: its plan's columns under the names of an alias list. */
CN_NODISCARD cn_code cni_bind_scope_of(cni_binder *binder, cni_str schema, cni_str alias,
                                       int32_t n_columns, const cni_column *columns,
                                       cni_sql_ident_list names, int64_t offset, int64_t length,
                                       cni_bind_scope *out_scope, cn_error *err);
/* Both sides' names, left before right. Errors: an alias that both have (42712). */
CN_NODISCARD cn_code cni_bind_scope_join(cni_binder *binder, const cni_bind_scope *left,
                                         const cni_bind_scope *right, const cni_sql_node *place,
                                         cni_bind_scope *out_scope, cn_error *err);
/* The same scope with one more relation; its columns are not shown by * . */
CN_NODISCARD cn_code cni_bind_scope_push(cni_binder *binder, cni_bind_scope *scope,
                                         const cni_bind_relation *relation, cn_error *err);

/* ---- WITH */
/* The definitions of `query`'s WITH before those of `around`. */
CN_NODISCARD cn_code cni_bind_push_ctes(cni_binder *binder, const cni_sql_query *query,
                                        const cni_bind_around *around, cni_bind_cte **out_ctes,
                                        cn_error *err);
/* WITH nodes over `plan` for the definitions between `ctes` and `outer` that were shared. */
CN_NODISCARD cn_code cni_bind_wrap_ctes(cni_binder *binder, cni_bind_cte *ctes,
                                        const cni_bind_cte *outer, const cni_plan *plan,
                                        const cni_plan **out_plan, cn_error *err);
/* `ctes` behind which the step of a recursive query must not name itself. */
CN_NODISCARD cn_code cni_bind_forbid(cni_binder *binder, cni_bind_cte *ctes, const char *forbidden,
                                     cni_bind_cte **out_ctes, cn_error *err);
/* The definition that a table name means; NULL = none. Errors: 42P19 behind a mark. */
CN_NODISCARD cn_code cni_bind_find_cte(cni_bind_cte *ctes, const cni_sql_ident *name,
                                       cni_bind_cte **out_cte, cn_error *err);
CN_NODISCARD cn_code cni_bind_use_cte(cni_binder *binder, cni_bind_cte *cte,
                                      const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_bind_recursive(cni_binder *binder, cni_bind_cte *cte,
                                        cni_bind_names *outer, const cni_plan **out_plan,
                                        cn_error *err);
/* How often `query` reads a table called `name`, whatever that means there. */
CN_NODISCARD cn_code cni_bind_count_names(cni_binder *binder, const cni_sql_query *query,
                                          const cni_sql_ident *name, int64_t *out_count,
                                          cn_error *err);

/* ---- set operations */
/* UNION, INTERSECT, EXCEPT over the first n_members inputs, which see `around`. */
CN_NODISCARD cn_code cni_bind_set(cni_binder *binder, const cni_bind_around *around,
                                  const cni_sql_query *query, int32_t n_members,
                                  const cni_plan **out_plan, cn_error *err);
/* Columns of `plan` cast to `types`; itself when they are of these types already. */
CN_NODISCARD cn_code cni_bind_cast_columns(cni_binder *binder, const cni_sql_node *place,
                                           const cni_plan *plan, const cni_type *const *types,
                                           const cni_plan **out_plan, cn_error *err);

#endif /* CNI_SQL_BIND_INT_H */
