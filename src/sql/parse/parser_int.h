/* SPDX-License-Identifier: Apache-2.0
 *
 * The parser's insides: the cursor over the tokens, what every grammar rule is written with, and
 * the rules that call each other across files. A rule starts at the current token, consumes what it
 * recognises and leaves the cursor behind it; rules are named after PostgreSQL's grammar where they
 * correspond. Recursive rules pass through cni_sql_descend / cni_sql_ascend, which keep the depth.
 *
 *   parse.c             entry points, statements of a script
 *   parser.c            cursor, errors, nodes, lists      parser_name.c   identifiers and names
 *   parse_expr.c        operators by precedence           parse_primary.c operands
 *   parse_literal.c     literals, intervals, collections  parse_call.c    calls, special syntax
 *   parse_window.c      OVER, frames, ORDER BY            parse_type.c    types
 *   parse_select.c      queries                           parse_group.c   GROUP BY, targets, star
 *   parse_from.c        tables, joins                     parse_pivot.c   PIVOT, UNPIVOT
 *   parse_statement.c   dispatch                          parse_create.c, parse_dml.c,
 *                                                         parse_merge.c, parse_copy.c,
 *                                                         parse_session.c: the statements
 */
#ifndef CNI_SQL_PARSER_INT_H
#define CNI_SQL_PARSER_INT_H

#include "base/list.h"
#include "sql/parse/ast_statement.h"
#include "sql/parse/lexer_int.h"

#define CNI_SQL_LOOKAHEAD 4
#define CNI_SQL_MAX_ITEMS (1 << 24) /* of any one list */

/* Level of an operand of IN, LIKE and BETWEEN: what stops before those words. See parse_expr.c. */
#define CNI_SQL_LEVEL_OPERAND 7

/* Growing array in the arena; zero bytes = empty. */
typedef struct cni_sql_vec {
    void *items;
    int32_t n_items;
    int32_t cap_items;
} cni_sql_vec;

/* Thread: confined to one parse. */
typedef struct cni_sql_parser {
    cni_arena *arena;
    cni_str text;
    cni_sql_token token; /* the current one */
    cni_sql_token ahead[CNI_SQL_LOOKAHEAD];
    int32_t n_ahead;
    int32_t depth;
    int64_t last_end;          /* end of the token before the current one */
    int64_t soft_alias_offset; /* of the last alias without AS: maybe a misspelt keyword; or -1 */
    int64_t soft_alias_length;
    int32_t n_anonymous;    /* ? of the statement */
    bool has_numbered;      /* $1 or ?1 occurred: no ? may */
    cni_namemap parameters; /* names that occurred in the statement */
} cni_sql_parser;

typedef cni_sql_parser sql_parser;

/* ------------------------------------------------------------------------------- the cursor */

void cni_sql_parser_init(sql_parser *self, cni_arena *arena, cni_str text);
void cni_sql_advance(sql_parser *self);
/* The token `distance` (0 = current, at most CNI_SQL_LOOKAHEAD) further on. */
const cni_sql_token *cni_sql_peek(sql_parser *self, int32_t distance);

static inline bool
cni_sql_at(const sql_parser *self, cni_sql_token_kind kind)
{
    return self->token.kind == kind;
}

static inline bool
cni_sql_at_kw(const sql_parser *self, cni_sql_keyword keyword)
{
    return self->token.keyword == keyword;
}

static inline bool
cni_sql_at_op(const sql_parser *self, uint8_t op)
{
    return self->token.kind == TOK_OPERATOR && self->token.op == op;
}

/* Whether the current and the following token are these keywords. */
bool cni_sql_at_kw2(sql_parser *self, cni_sql_keyword first, cni_sql_keyword second);
/* Whether the current token is a word of this spelling (lower case), keyword or not. */
bool cni_sql_at_word(const sql_parser *self, const char *word);
/* Consume the current token when it is that; say whether. */
bool cni_sql_accept(sql_parser *self, cni_sql_token_kind kind);
bool cni_sql_accept_kw(sql_parser *self, cni_sql_keyword keyword);
bool cni_sql_accept_kw2(sql_parser *self, cni_sql_keyword first, cni_sql_keyword second);
bool cni_sql_accept_word(sql_parser *self, const char *word);
bool cni_sql_accept_op(sql_parser *self, uint8_t op);
/* ORDER BY and its kin: the keyword alone decides, and BY must follow. */
CN_NODISCARD cn_code cni_sql_accept_by(sql_parser *self, cni_sql_keyword keyword, bool *out_found,
                                       cn_error *err);
/* Consume it or fail. */
CN_NODISCARD cn_code cni_sql_expect(sql_parser *self, cni_sql_token_kind kind, cn_error *err);
CN_NODISCARD cn_code cni_sql_expect_kw(sql_parser *self, cni_sql_keyword keyword, cn_error *err);
CN_NODISCARD cn_code cni_sql_expect_op(sql_parser *self, uint8_t op, cn_error *err);

/* Bytes from `begin` to the end of the last consumed token. */
static inline int64_t
cni_sql_extent(const sql_parser *self, int64_t begin)
{
    return self->last_end > begin ? self->last_end - begin : 0;
}

/* ----------------------------------------------------------------------------------- errors */

/* Syntax error at the current token. */
CN_COLD CN_NODISCARD cn_code cni_sql_syntax_error(sql_parser *self, cn_error *err);
/* The same in other words: an error with a message of our own at a place of the text. */
CN_COLD CN_NODISCARD cn_code cni_sql_fail_at(int64_t offset, int64_t length, const char *message,
                                             cn_error *err);
/* Known and not there: CN_NOT_IMPLEMENTED, 0A000. */
CN_COLD CN_NODISCARD cn_code cni_sql_refuse_at(int64_t offset, int64_t length, const char *what,
                                               cn_error *err);
/* The same for the keyword at the cursor: "CREATE INDEX is not supported". */
CN_COLD CN_NODISCARD cn_code cni_sql_refuse_word(const sql_parser *self, const char *prefix,
                                                 cn_error *err);

/* ------------------------------------------------------------------------------------ nodes */

/* One step down a recursive rule; fails beyond CNI_SQL_MAX_DEPTH. */
CN_NODISCARD cn_code cni_sql_descend(sql_parser *self, cn_error *err);
static inline void
cni_sql_ascend(sql_parser *self)
{
    self->depth--;
}

/* New expression that begins at `offset`; to be filled and then closed, which sets length and
 * height from the arguments and the last token. */
CN_NODISCARD cn_code cni_sql_expr_open(sql_parser *self, cni_sql_expr_kind kind, int64_t offset,
                                       cni_sql_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_sql_node_close(sql_parser *self, cni_sql_node *node, cn_error *err);
/* Give `expr` its arguments, copied from `args`. */
CN_NODISCARD cn_code cni_sql_expr_args(sql_parser *self, cni_sql_expr *expr, int32_t n_args,
                                       const cni_sql_expr *const *args, cn_error *err);
/* open, args and close of a node over one or two operands; offset is that of the first token. */
CN_NODISCARD cn_code cni_sql_expr_over1(sql_parser *self, cni_sql_expr_kind kind, int64_t offset,
                                        const cni_sql_expr *arg, cni_sql_expr **out_expr,
                                        cn_error *err);
CN_NODISCARD cn_code cni_sql_expr_over2(sql_parser *self, cni_sql_expr_kind kind,
                                        const cni_sql_expr *left, const cni_sql_expr *right,
                                        cni_sql_expr **out_expr, cn_error *err);

/* Room for one more zeroed item of item_bytes (the same at every call); *out_item points to it. */
CN_NODISCARD cn_code cni_sql_vec_add(sql_parser *self, cni_sql_vec *vec, int64_t item_bytes,
                                     void *out_item, cn_error *err);
/* The same for a vec of pointers. */
CN_NODISCARD cn_code cni_sql_vec_push(sql_parser *self, cni_sql_vec *vec, const void *pointer,
                                      cn_error *err);
#define CNI_SQL_ADD(self, vec, out, err)                                                           \
    cni_sql_vec_add((self), (vec), (int64_t)sizeof(**(out)), (out), (err))

/* ------------------------------------------------------------------------------------ names */

/* Which words an identifier may be: PostgreSQL's ColId, type_function_name, ColLabel, BareColLabel.
 */
typedef enum cni_sql_ident_rule {
    IDENT_COLUMN,
    IDENT_FUNCTION,
    IDENT_LABEL,
    IDENT_BARE_LABEL
} cni_sql_ident_rule;

bool cni_sql_token_is_ident(const cni_sql_token *token, cni_sql_ident_rule rule);
static inline bool
cni_sql_at_ident(const sql_parser *self, cni_sql_ident_rule rule)
{
    return cni_sql_token_is_ident(&self->token, rule);
}
CN_NODISCARD cn_code cni_sql_rule_ident(sql_parser *self, cni_sql_ident_rule rule,
                                        cni_sql_ident *out_ident, cn_error *err);
/* An identifier that was not in the text: of a made-up name at a place. */
cni_sql_ident cni_sql_made_ident(const char *text, int64_t offset);
/* a.b.c */
CN_NODISCARD cn_code cni_sql_rule_name(sql_parser *self, cni_sql_name *out_name, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_name_new(sql_parser *self, const cni_sql_name **out_name,
                                           cn_error *err);
/* a name of one made-up part, in the arena */
CN_NODISCARD cn_code cni_sql_made_name(sql_parser *self, const char *text, int64_t offset,
                                       const cni_sql_name **out_name, cn_error *err);
/* a, b.c, ... */
CN_NODISCARD cn_code cni_sql_rule_names(sql_parser *self, cni_sql_name_list *out_names,
                                        cn_error *err);
/* (a, b, ...); the parenthesis must be there */
CN_NODISCARD cn_code cni_sql_rule_ident_list(sql_parser *self, cni_sql_ident_list *out_list,
                                             cn_error *err);
/* String literal token -> its value (UESCAPE included). */
CN_NODISCARD cn_code cni_sql_rule_string(sql_parser *self, cni_str *out_value, cn_error *err);
/* (key = value, key value, key, ...); the parenthesis must be there */
CN_NODISCARD cn_code cni_sql_rule_options(sql_parser *self, cni_sql_option_list *out_list,
                                          cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_option_value(sql_parser *self, cni_sql_option *inout_option,
                                               cn_error *err);
/* One value: an expression, or a word of any class as a COLUMN. */
CN_NODISCARD cn_code cni_sql_rule_setting(sql_parser *self, const cni_sql_expr **out_expr,
                                          cn_error *err);

/* ------------------------------------------------------------------------------ expressions */

CN_NODISCARD cn_code cni_sql_rule_expr(sql_parser *self, const cni_sql_expr **out_expr,
                                       cn_error *err);
/* An expression that binds at least as tightly as `level`; see parse_expr.c. */
CN_NODISCARD cn_code cni_sql_rule_expr_level(sql_parser *self, int32_t level,
                                             const cni_sql_expr **out_expr, cn_error *err);
/* a, b, ... at least one; a comma may trail before a closing token or a clause. */
CN_NODISCARD cn_code cni_sql_rule_exprs(sql_parser *self, cni_sql_vec *inout_items, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_expr_list(sql_parser *self, cni_sql_expr_list *out_list,
                                            cn_error *err);
/* expr or DEFAULT */
CN_NODISCARD cn_code cni_sql_rule_value(sql_parser *self, const cni_sql_expr **out_expr,
                                        cn_error *err);
/* An operand: literal, name, call, parenthesis ... without postfix operators. */
CN_NODISCARD cn_code cni_sql_rule_primary(sql_parser *self, const cni_sql_expr **out_expr,
                                          cn_error *err);
/* Literal tokens; *out_expr stays NULL when the current token begins none. */
CN_NODISCARD cn_code cni_sql_rule_literal(sql_parser *self, const cni_sql_expr **out_expr,
                                          cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_interval(sql_parser *self, const cni_sql_expr **out_expr,
                                           cn_error *err);
/* Unit behind an interval into unit_from and unit_to, NONE when there is none. */
CN_NODISCARD cn_code cni_sql_rule_interval_unit(sql_parser *self, uint8_t *out_from,
                                                uint8_t *out_to, int32_t *out_precision,
                                                cn_error *err);
/* [a, b]; {k: v}; MAP {k: v} */
CN_NODISCARD cn_code cni_sql_rule_list(sql_parser *self, int64_t offset,
                                       const cni_sql_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_struct(sql_parser *self, const cni_sql_expr **out_expr,
                                         cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_map(sql_parser *self, const cni_sql_expr **out_expr,
                                      cn_error *err);
CN_NODISCARD cn_code cni_sql_make_literal(sql_parser *self, cni_sql_literal_kind kind, cni_str text,
                                          int64_t offset, const cni_sql_expr **out_expr,
                                          cn_error *err);
/* (query) with its kind; the cursor is at the parenthesis. */
CN_NODISCARD cn_code cni_sql_rule_subquery(sql_parser *self, cni_sql_subquery_kind kind,
                                           int64_t offset, cni_sql_expr **out_expr, cn_error *err);
/* Whether a parenthesis and a word that begins a query are at the cursor. Behind ((SELECT ...) it
 * is what follows that decides: see the next two. */
bool cni_sql_at_query_paren(sql_parser *self);
/* Whether the cursor is at a set operation, ORDER BY or LIMIT. */
bool cni_sql_at_query_rest(const sql_parser *self);
/* After the first expression of a parenthesised list: the query that the parentheses hold, when
 * that expression is a subquery and either stands alone or is the start of a longer query, which is
 * read up to the closing parenthesis. Otherwise NULL, and nothing was consumed. */
CN_NODISCARD cn_code cni_sql_rule_inner_query(sql_parser *self, const cni_sql_expr *first,
                                              const cni_sql_query **out_query, cn_error *err);
/* Whether a query begins at the token. */
bool cni_sql_token_begins_query(const cni_sql_token *token);

/* -------------------------------------------------------------------------------- calls */

/* Words with a grammar of their own; *out_expr stays NULL when the current one is none. */
CN_NODISCARD cn_code cni_sql_rule_special(sql_parser *self, const cni_sql_expr **out_expr,
                                          cn_error *err);
/* (args) and what follows, of a function whose name was read. own_first is the object of a method
 * call or NULL. Within FROM, name = value is a named argument. */
CN_NODISCARD cn_code cni_sql_rule_call(sql_parser *self, const cni_sql_name *name,
                                       const cni_sql_expr *first, bool in_from,
                                       const cni_sql_expr **out_expr, cn_error *err);
/* A made-up call of a built-in over up to four arguments. */
CN_NODISCARD cn_code cni_sql_make_call(sql_parser *self, const char *name, int64_t offset,
                                       int32_t n_args, const cni_sql_expr *const *args,
                                       cni_sql_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_lambda(sql_parser *self, bool arrow,
                                         const cni_sql_expr **out_expr, cn_error *err);
bool cni_sql_at_lambda(const sql_parser *self);
bool cni_sql_at_arrow_lambda(sql_parser *self, const cni_sql_name *function);

/* (definition) of OVER and WINDOW, or the bare name of one. */
CN_NODISCARD cn_code cni_sql_rule_over(sql_parser *self, cni_sql_window *out_window, cn_error *err);
/* a DESC NULLS LAST, ...; ORDER BY has been consumed */
CN_NODISCARD cn_code cni_sql_rule_orders(sql_parser *self, cni_sql_order_list *out_list,
                                         cn_error *err);

CN_NODISCARD cn_code cni_sql_rule_type(sql_parser *self, const cni_sql_type **out_type,
                                       cn_error *err);
/* DATE '...' and its kin; *out_expr stays NULL when no type with a string behind it is here. */
CN_NODISCARD cn_code cni_sql_rule_typed_literal(sql_parser *self, const cni_sql_expr **out_expr,
                                                cn_error *err);

/* ---------------------------------------------------------------------------------- queries */

CN_NODISCARD cn_code cni_sql_rule_query(sql_parser *self, const cni_sql_query **out_query,
                                        cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_paren_query(sql_parser *self, const cni_sql_query **out_query,
                                              cn_error *err);
/* WITH ...; NULL when it is not there. */
CN_NODISCARD cn_code cni_sql_rule_with(sql_parser *self, const cni_sql_with **out_with,
                                       cn_error *err);
/* A query whose WITH clause was read already (or NULL). */
CN_NODISCARD cn_code cni_sql_rule_query_after_with(sql_parser *self, const cni_sql_with *with,
                                                   int64_t offset, const cni_sql_query **out_query,
                                                   cn_error *err);
/* A query whose first input was read already. */
CN_NODISCARD cn_code cni_sql_rule_query_rest(sql_parser *self, const cni_sql_query *first,
                                             int64_t offset, const cni_sql_query **out_query,
                                             cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_targets(sql_parser *self, cni_sql_target_list *out_list,
                                          cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_target(sql_parser *self, cni_sql_target *out_target,
                                         cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_star(sql_parser *self, const cni_sql_name *qualifier,
                                       int64_t offset, const cni_sql_expr **out_expr,
                                       cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_columns(sql_parser *self, bool unpack, int64_t offset,
                                          const cni_sql_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_groups(sql_parser *self, cni_sql_select *inout_select,
                                         cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_sample(sql_parser *self, const cni_sql_sample **out_sample,
                                         cn_error *err);
/* A select of * from one table: TABLE t, the PIVOT statement, DESCRIBE t. */
CN_NODISCARD cn_code cni_sql_make_star_query(sql_parser *self, const cni_sql_from *from,
                                             int64_t offset, const cni_sql_query **out_query,
                                             cn_error *err);

CN_NODISCARD cn_code cni_sql_from_open(sql_parser *self, cni_sql_from_kind kind, int64_t offset,
                                       cni_sql_from **out_from, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_from_list(sql_parser *self, cni_sql_from_list *out_list,
                                            cn_error *err);
/* One table with its joins. */
CN_NODISCARD cn_code cni_sql_rule_from(sql_parser *self, const cni_sql_from **out_from,
                                       cn_error *err);
/* One table with alias, sample and PIVOT, without joins. */
CN_NODISCARD cn_code cni_sql_rule_table(sql_parser *self, const cni_sql_from **out_from,
                                        cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_alias(sql_parser *self, cni_sql_from *inout_from, cn_error *err);
/* PIVOT ( or UNPIVOT ( behind a table: wraps it. */
CN_NODISCARD cn_code cni_sql_rule_pivot_suffix(sql_parser *self, const cni_sql_from **inout_from,
                                               cn_error *err);
/* PIVOT t ON ..., UNPIVOT t ON ... as a query body. */
CN_NODISCARD cn_code cni_sql_rule_pivot_statement(sql_parser *self, const cni_sql_from **out_from,
                                                  cn_error *err);

/* ------------------------------------------------------------------------------- statements */

/* The cursor is at the first word of the statement in all of these. */
CN_NODISCARD cn_code cni_sql_rule_statement(sql_parser *self,
                                            const cni_sql_statement **out_statement, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_create(sql_parser *self, cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_create_table(sql_parser *self, cni_sql_create_flags flags,
                                               bool unbounded, cni_sql_statement *inout,
                                               cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_create_external(sql_parser *self, cni_sql_create_flags flags,
                                                  bool unbounded, cni_sql_statement *inout,
                                                  cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_column_defs(sql_parser *self, bool types_optional,
                                              cni_sql_column_def_list *out_columns,
                                              cni_sql_constraint_list *out_constraints,
                                              cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_drop(sql_parser *self, cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_drop_behavior(sql_parser *self, uint8_t *out_behavior,
                                                cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_insert(sql_parser *self, const cni_sql_with *with,
                                         cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_update(sql_parser *self, const cni_sql_with *with,
                                         cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_delete(sql_parser *self, const cni_sql_with *with,
                                         cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_merge(sql_parser *self, const cni_sql_with *with,
                                        cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_assignments(sql_parser *self, cni_sql_assignment_list *out_list,
                                              cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_returning(sql_parser *self, cni_sql_target_list *out_list,
                                            cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_truncate(sql_parser *self, cni_sql_statement *inout,
                                           cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_copy(sql_parser *self, cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_explain(sql_parser *self, cni_sql_statement *inout,
                                          cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_describe(sql_parser *self, cni_sql_statement *inout,
                                           cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_prepare(sql_parser *self, cni_sql_statement *inout,
                                          cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_execute(sql_parser *self, cni_sql_statement *inout,
                                          cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_deallocate(sql_parser *self, cni_sql_statement *inout,
                                             cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_set(sql_parser *self, cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_reset(sql_parser *self, cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_show(sql_parser *self, cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_use(sql_parser *self, cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_attach(sql_parser *self, cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_detach(sql_parser *self, cni_sql_statement *inout, cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_analyze(sql_parser *self, cni_sql_statement *inout,
                                          cn_error *err);
CN_NODISCARD cn_code cni_sql_rule_load(sql_parser *self, cni_sql_statement *inout, cn_error *err);

#endif /* CNI_SQL_PARSER_INT_H */
