/* SPDX-License-Identifier: Apache-2.0
 *
 * AST -> text. Two styles: SQL that parses back to the same tree, with the parentheses that
 * precedence needs and no others; and the name of an unnamed output column, as DuckDB makes it:
 * fully parenthesised, functions in lower case: sum(l_quantity), (a + b), CAST(x AS INTEGER),
 * count_star(). Both are deterministic; identifiers are quoted where they must be.
 */
#ifndef CNI_SQL_AST_PRINT_H
#define CNI_SQL_AST_PRINT_H

#include "sql/parse/ast_statement.h"

/* SQL text of a statement, without semicolon; of a query; of an expression; of a type. Appended to
 * `out`. Errors: those of cni_strbuf. Stack: bounded by CNI_SQL_MAX_DEPTH. */
CN_NODISCARD cn_code cni_sql_print_statement(const cni_sql_statement *statement, cni_strbuf *out,
                                             cn_error *err);
CN_NODISCARD cn_code cni_sql_print_query(const cni_sql_query *query, cni_strbuf *out,
                                         cn_error *err);
CN_NODISCARD cn_code cni_sql_print_expr(const cni_sql_expr *expr, cni_strbuf *out, cn_error *err);
CN_NODISCARD cn_code cni_sql_print_type(const cni_sql_type *type, cni_strbuf *out, cn_error *err);

/* Default name of an output column without alias: the last part of a column reference, otherwise
 * the text of the expression in the second style. The result lies in `arena`; names longer than
 * CNI_SQL_MAX_NAME_BYTES are cut there. */
#define CNI_SQL_MAX_NAME_BYTES 4096
CN_NODISCARD cn_code cni_sql_default_name(cni_arena *arena, const cni_sql_expr *expr,
                                          cni_str *out_name, cn_error *err);

#endif /* CNI_SQL_AST_PRINT_H */
