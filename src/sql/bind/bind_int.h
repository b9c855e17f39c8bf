/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the binder: scopes, the state of one statement and of one SELECT, and the functions that
 * the files of this folder call on each other.
 *
 *   bind_query.c   WITH, set operations, VALUES          bind_expr.c     expressions by kind
 *   bind_select.c  one SELECT                            bind_operator.c operators, typing of both
 * sides bind_from.c    FROM: tables, files, views            bind_call.c     functions and
 * aggregates bind_star.c    *, t.*, EXCLUDE, REPLACE, RENAME      bind_literal.c  constants,
 * intervals bind_group.c   GROUP BY, aggregates out of exprs     bind_type.c     type names
 *   bind_order.c   ORDER BY, LIMIT, DISTINCT ON          bind_scope.c    names of columns
 */
#ifndef CNI_SQL_BIND_INT_H
#define CNI_SQL_BIND_INT_H

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

typedef struct cni_bind_scope {
    int32_t n_relations;
    cni_bind_relation *relations;
} cni_bind_scope;

/* A WITH query: bound anew each time it is named, in the scope of its definition. */
typedef struct cni_bind_cte {
    const struct cni_bind_cte *outer; /* earlier definitions; NULL ends */
    cni_sql_ident name;
    cni_sql_ident_list columns;
    const cni_sql_query *query;
} cni_bind_cte;

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
    CNI_CLAUSE_CONSTANT, /* LIMIT, VALUES, table function arguments */
    CNI_CLAUSE_AGGREGATE /* inside an aggregate's parentheses */
} cni_bind_clause;

/* Names of select-list items that later clauses may use. */
typedef struct cni_bind_alias {
    cni_str name;
    const cni_expr *expr;
} cni_bind_alias;

/* How names resolve while one expression is bound. */
typedef struct cni_bind_names {
    cni_binder *binder;
    const cni_bind_scope *scope; /* NULL = no columns */
    uint8_t clause;              /* cni_bind_clause */
    int32_t n_aliases;           /* tried when no column has the name */
    const cni_bind_alias *aliases;
    bool in_aggregate;
} cni_bind_names;

/* ---- errors: message, SQLSTATE and place */
cn_code cni_bind_fail(cn_error *err, cn_code code, const char *sqlstate, int64_t offset,
                      int64_t length, const char *format, ...) CN_PRINTF(6, 7);
/* "<what> are not supported yet", 0A000. */
cn_code cni_bind_refuse(cn_error *err, int64_t offset, int64_t length, const char *what);
/* Type name for messages; "?" when memory is out. */
const char *cni_bind_type_text(cni_binder *binder, const cni_type *type);

/* ---- names */
bool cni_bind_name_matches(const cni_sql_ident *wanted, cni_str name, bool exact);
CN_NODISCARD cn_code cni_bind_column(cni_bind_names *names, const cni_sql_expr *expr,
                                     const cni_expr **out_expr, cn_error *err);

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
/* Call a catalogue function by name over bound arguments, casts inserted. */
CN_NODISCARD cn_code cni_bind_function(cni_binder *binder, cni_str name,
                                       const cni_expr *const *args, int32_t n_args, int64_t offset,
                                       int64_t length, const cni_expr **out_expr, cn_error *err);
/* COALESCE, NULLIF, IFNULL, IF as CASE, so that arguments behind the deciding one are not
 * evaluated. *out_expr NULL = the call is none of these. */
CN_NODISCARD cn_code cni_bind_conditional(cni_bind_names *names, const cni_sql_expr *expr,
                                          const cni_expr **out_expr, cn_error *err);

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

/* ---- relations */
CN_NODISCARD cn_code cni_bind_query_in(cni_binder *binder, const cni_bind_cte *ctes,
                                       const cni_sql_query *query, const cni_plan **out_plan,
                                       cn_error *err);
CN_NODISCARD cn_code cni_bind_scope_add(cni_binder *binder, cni_bind_scope *scope, cni_str schema,
                                        cni_str alias, const cni_plan *plan,
                                        cni_sql_ident_list names, int64_t offset, int64_t length,
                                        cn_error *err);

#endif /* CNI_SQL_BIND_INT_H */
