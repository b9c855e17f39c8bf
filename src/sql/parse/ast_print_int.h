/* SPDX-License-Identifier: Apache-2.0
 *
 * The printer's insides: its state, and the functions that its files share. ast_print.c prints
 * expressions, ast_print_call.c calls, windows and literals, ast_print_query.c queries and FROM,
 * ast_print_statement.c statements. The error object travels in the state.
 */
#ifndef CNI_SQL_AST_PRINT_INT_H
#define CNI_SQL_AST_PRINT_INT_H

#include "sql/parse/ast_print.h"

/* How tightly an expression binds, as in parse_expr.c. */
enum {
    PRINT_LEVEL_ANY = 0,
    PRINT_LEVEL_OR = 1,
    PRINT_LEVEL_AND,
    PRINT_LEVEL_NOT,
    PRINT_LEVEL_IS,
    PRINT_LEVEL_COMPARE,
    PRINT_LEVEL_MATCH,
    PRINT_LEVEL_OTHER,
    PRINT_LEVEL_ADD,
    PRINT_LEVEL_MULTIPLY,
    PRINT_LEVEL_POWER,
    PRINT_LEVEL_COLLATE = 12,
    PRINT_LEVEL_SIGN,
    PRINT_LEVEL_SUBSCRIPT,
    PRINT_LEVEL_OPERAND = 17
};

typedef struct cni_sql_printer {
    cni_strbuf *out;
    cn_error *err;
    bool as_name; /* style of a column name, else SQL */
} cni_sql_printer;

typedef cni_sql_printer sql_printer;

/* Level of a BINARY chain with this operator. */
int32_t cni_sql_op_level(uint8_t op);

CN_NODISCARD cn_code cni_sql_put(const sql_printer *self, const char *text);
CN_NODISCARD cn_code cni_sql_put_str(const sql_printer *self, cni_str text);
/* `text` when the condition holds. */
CN_NODISCARD cn_code cni_sql_put_if(const sql_printer *self, bool condition, const char *text);
/* ", " unless it is the first item. */
CN_NODISCARD cn_code cni_sql_put_comma(const sql_printer *self, int32_t item);
/* 'text' with quotes doubled. */
CN_NODISCARD cn_code cni_sql_put_quoted(const sql_printer *self, cni_str text, char quote);
CN_NODISCARD cn_code cni_sql_put_ident(const sql_printer *self, const cni_sql_ident *ident);
/* " AS name" when there is one. */
CN_NODISCARD cn_code cni_sql_put_alias(const sql_printer *self, const cni_sql_ident *alias);
CN_NODISCARD cn_code cni_sql_put_name(const sql_printer *self, const cni_sql_name *name);
CN_NODISCARD cn_code cni_sql_put_names(const sql_printer *self, const cni_sql_name_list *list);
/* "(a, b)" */
CN_NODISCARD cn_code cni_sql_put_idents(const sql_printer *self, const cni_sql_ident_list *list);

/* With parentheses when the expression binds looser than `level`. */
CN_NODISCARD cn_code cni_sql_put_expr(const sql_printer *self, const cni_sql_expr *expr,
                                      int32_t level);
CN_NODISCARD cn_code cni_sql_put_exprs(const sql_printer *self, const cni_sql_expr_list *list);
CN_NODISCARD cn_code cni_sql_put_literal(const sql_printer *self, const cni_sql_expr *expr);
CN_NODISCARD cn_code cni_sql_put_typed_literal(const sql_printer *self, const cni_sql_expr *expr);
CN_NODISCARD cn_code cni_sql_put_interval(const sql_printer *self, const cni_sql_expr *expr);
CN_NODISCARD cn_code cni_sql_put_call(const sql_printer *self, const cni_sql_expr *expr);
CN_NODISCARD cn_code cni_sql_put_lambda(const sql_printer *self, const cni_sql_expr *expr);
CN_NODISCARD cn_code cni_sql_put_star(const sql_printer *self, const cni_sql_expr *expr);
CN_NODISCARD cn_code cni_sql_put_columns(const sql_printer *self, const cni_sql_expr *expr);
CN_NODISCARD cn_code cni_sql_put_type(const sql_printer *self, const cni_sql_type *type);
CN_NODISCARD cn_code cni_sql_put_orders(const sql_printer *self, const cni_sql_order_list *list);
CN_NODISCARD cn_code cni_sql_put_window(const sql_printer *self, const cni_sql_window *window);
CN_NODISCARD cn_code cni_sql_put_targets(const sql_printer *self, const cni_sql_target_list *list);

CN_NODISCARD cn_code cni_sql_put_query(const sql_printer *self, const cni_sql_query *query);
CN_NODISCARD cn_code cni_sql_put_with(const sql_printer *self, const cni_sql_with *with);
CN_NODISCARD cn_code cni_sql_put_from(const sql_printer *self, const cni_sql_from *from);
CN_NODISCARD cn_code cni_sql_put_from_list(const sql_printer *self, const cni_sql_from_list *list);

#endif /* CNI_SQL_AST_PRINT_INT_H */
