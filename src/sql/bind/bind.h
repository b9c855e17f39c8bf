/* SPDX-License-Identifier: Apache-2.0
 *
 * AST -> logical plan: names, types, casts, aggregates. The binder is the only place that knows
 * both SQL and the catalog. What it cannot express yet it refuses by name, with the position in the
 * text.
 *
 * The plan it makes is plain and correct: no rule has run. Positions of the AST travel on
 * expressions, so that run-time errors point at the text too.
 */
#ifndef CNI_SQL_BIND_H
#define CNI_SQL_BIND_H

#include "plan/catalog/catalog.h"
#include "plan/function/function.h"
#include "plan/ir/plan.h"
#include "sql/parse/ast_statement.h"

/* What names mean. Borrowed for the duration of the call. */
typedef struct cni_bind_env {
    cni_arena *arena; /* of the result */
    const cni_catalog_snapshot *catalog;
    const cni_function_registry *functions;
    /* Open a table function, or a path used as a table (function "read_parquet" and the path as
     * argument); gives a new reference. Errors: CN_NOT_FOUND for an unknown function (with a
     * suggestion), CN_IO ... */
    cn_code (*open_table)(void *private_data, const cni_table_recipe *recipe, cni_table **out_table,
                          cn_error *err);
    void *private_data;
    cni_context *context; /* for folding constants (LIMIT expressions, table function arguments) */
    int32_t n_parameters; /* values of $1, $name: replaced while binding */
    const cni_str *parameter_names; /* "1", "2" or names */
    const cni_value *parameters;
} cni_bind_env;

/* Bind a query (SELECT, VALUES, FROM-first, WITH, set operations). Errors: CN_INVALID_ARGUMENT
 * (types 42804, ambiguous 42702, grouping 42803), CN_NOT_FOUND (column 42703, table 42P01, function
 * 42883, each with the nearest name), CN_NOT_IMPLEMENTED (0A000). All carry the position. */
CN_NODISCARD cn_code cni_bind_query(const cni_bind_env *env, const cni_sql_query *query,
                                    const cni_plan **out_plan, cn_error *err);
/* Bind an expression without columns to its value: SET x = expr, EXECUTE arguments, options. */
CN_NODISCARD cn_code cni_bind_constant(const cni_bind_env *env, const cni_sql_expr *expr,
                                       cni_value *out_value, cn_error *err);
/* Type from its SQL name: CAST, CREATE TABLE. */
CN_NODISCARD cn_code cni_bind_type(const cni_bind_env *env, const cni_sql_type *type,
                                   const cni_type **out_type, cn_error *err);
/* The rows that an INSERT adds to a table of `schema`: a plan with the schema's columns in its
 * order and types; columns that the statement does not name are NULL. */
CN_NODISCARD cn_code cni_bind_insert(const cni_bind_env *env, const cni_sql_insert *insert,
                                     const cni_schema *schema, const cni_plan **out_plan,
                                     cn_error *err);
/* Schema of a new table and the plan of its rows (NULL without AS query). */
CN_NODISCARD cn_code cni_bind_create_table(const cni_bind_env *env,
                                           const cni_sql_create_table *table,
                                           cni_schema *out_schema, const cni_plan **out_plan,
                                           cn_error *err);

#endif /* CNI_SQL_BIND_H */
