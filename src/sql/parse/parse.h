/* SPDX-License-Identifier: Apache-2.0
 *
 * Text -> AST. The face of the parser: PostgreSQL 17's grammar with DuckDB's friendly additions and
 * DataFusion's CREATE EXTERNAL TABLE. It knows no catalog: what a name means is the binder's
 * business.
 *
 * Errors of all: CN_INVALID_ARGUMENT, SQLSTATE 42601 (syntax error at or near "x", with the place
 * of the token, and the nearest keyword when the token looks like a misspelt one);
 * CN_NOT_IMPLEMENTED for statements of PostgreSQL that this engine has not; CN_LIMIT_EXCEEDED,
 * SQLSTATE 54001 beyond CNI_SQL_MAX_DEPTH or CNI_SQL_MAX_TEXT_BYTES, naming it; CN_NO_MEMORY.
 * Offsets in errors count from the start of the text that was passed. Stack: at most 128 KiB,
 * whatever the text. Thread: reentrant.
 */
#ifndef CNI_SQL_PARSE_H
#define CNI_SQL_PARSE_H

#include "sql/parse/ast_statement.h"

/* The statements of a text in order; empty ones (";;", comments alone) are skipped. */
typedef struct cni_sql_script {
    int64_t n_statements;
    const cni_sql_statement *const *statements;
} cni_sql_script;

/* Parse a whole script: nothing of it is run, so one wrong statement refuses all. */
CN_NODISCARD cn_code cni_sql_parse(cni_arena *arena, cni_str text, cni_sql_script *out_script,
                                   cn_error *err);

/* Parse a text that must hold exactly one statement. */
CN_NODISCARD cn_code cni_sql_parse_statement(cni_arena *arena, cni_str text,
                                             const cni_sql_statement **out_statement,
                                             cn_error *err);

/* Parse a query alone: the text of a view. */
CN_NODISCARD cn_code cni_sql_parse_query(cni_arena *arena, cni_str text,
                                         const cni_sql_query **out_query, cn_error *err);

/* Parse an expression alone. */
CN_NODISCARD cn_code cni_sql_parse_expr(cni_arena *arena, cni_str text,
                                        const cni_sql_expr **out_expr, cn_error *err);

/* Parse a type name alone. */
CN_NODISCARD cn_code cni_sql_parse_type(cni_arena *arena, cni_str text,
                                        const cni_sql_type **out_type, cn_error *err);

/* The first statement of a script, found by its tokens alone. */
typedef struct cni_sql_piece {
    int64_t offset; /* of its first token */
    int64_t length; /* to the end of its last token, semicolon excluded; 0 = no statement is left */
    int64_t next;   /* where to go on: behind the semicolon, or the end of the text */
    bool complete;  /* a semicolon ended it. False = the text ends first, or inside a string,
                     * comment,  quoted identifier or parenthesis: a shell asks for more */
} cni_sql_piece;

/* Take the first statement off `text`. Never fails; allocates nothing; wrong SQL is found by
 * parsing. A semicolon inside parentheses does not end a statement. */
cni_sql_piece cni_sql_split_first(cni_str text);

#endif /* CNI_SQL_PARSE_H */
