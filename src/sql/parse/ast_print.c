/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions and types as text, in the two styles of ast_print.h. In SQL a child gets parentheses
 * when it binds looser than its place allows; an operand of a chain never is a bare chain of the
 * same level, so that the text parses back to the same tree. In names every operator has its
 * parentheses. Recursion follows the tree, whose height is bounded by CNI_SQL_MAX_DEPTH.
 */
#include "sql/parse/ast_print.h"

#include "sql/parse/ast_print_int.h"

/* ---------------------------------------------------------------------------------- pieces */

cn_code
cni_sql_put_str(const sql_printer *self, cni_str text)
{
    return cni_strbuf_append(self->out, text, self->err);
}

cn_code
cni_sql_put(const sql_printer *self, const char *text)
{
    return cni_strbuf_append(self->out, cni_str_of(text), self->err);
}

cn_code
cni_sql_put_if(const sql_printer *self, bool condition, const char *text)
{
    return condition ? cni_sql_put(self, text) : CN_OK;
}

cn_code
cni_sql_put_comma(const sql_printer *self, int32_t item)
{
    return cni_sql_put_if(self, item > 0, ", ");
}

cn_code
cni_sql_put_quoted(const sql_printer *self, cni_str text, char quote)
{
    CN_TRY(cni_strbuf_append_char(self->out, quote, self->err));
    int64_t begin = 0;
    for (int64_t at = 0; at < text.len_bytes; at++) {
        if (text.data[at] == quote) { /* up to and with the quote, which the next piece repeats */
            CN_TRY(cni_sql_put_str(self, (cni_str){text.data + begin, at + 1 - begin}));
            begin = at;
        }
    }
    CN_TRY(cni_sql_put_str(self, (cni_str){text.data + begin, text.len_bytes - begin}));
    return cni_strbuf_append_char(self->out, quote, self->err);
}

cn_code
cni_sql_put_ident(const sql_printer *self, const cni_sql_ident *ident)
{
    return ident->quoted && !self->as_name ? cni_sql_put_quoted(self, ident->text, '"')
                                           : cni_sql_put_str(self, ident->text);
}

cn_code
cni_sql_put_alias(const sql_printer *self, const cni_sql_ident *alias)
{
    if (alias->text.data == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " AS "));
    return cni_sql_put_ident(self, alias);
}

cn_code
cni_sql_put_name(const sql_printer *self, const cni_sql_name *name)
{
    for (int32_t part = 0; part < name->n_parts; part++) {
        CN_TRY(cni_sql_put_if(self, part > 0, "."));
        CN_TRY(cni_sql_put_ident(self, &name->parts[part]));
    }
    return CN_OK;
}

cn_code
cni_sql_put_names(const sql_printer *self, const cni_sql_name_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(cni_sql_put_name(self, &list->items[item]));
    }
    return CN_OK;
}

cn_code
cni_sql_put_idents(const sql_printer *self, const cni_sql_ident_list *list)
{
    CN_TRY(cni_sql_put(self, "("));
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(cni_sql_put_ident(self, &list->items[item]));
    }
    return cni_sql_put(self, ")");
}

cn_code
cni_sql_put_exprs(const sql_printer *self, const cni_sql_expr_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(cni_sql_put_expr(self, list->items[item], PRINT_LEVEL_ANY));
    }
    return CN_OK;
}

static cn_code
put_args(const sql_printer *self, const cni_sql_expr *expr, int32_t first)
{
    if (expr->n_args <= first) {
        return CN_OK;
    }
    const cni_sql_expr_list list = {expr->n_args - first, expr->args + first};
    return cni_sql_put_exprs(self, &list);
}

/* ---------------------------------------------------------------------------------- levels */

int32_t
cni_sql_op_level(uint8_t op)
{
    switch (op) {
    case CNI_SQL_OP_EQ:
    case CNI_SQL_OP_NE:
    case CNI_SQL_OP_LT:
    case CNI_SQL_OP_LE:
    case CNI_SQL_OP_GT:
    case CNI_SQL_OP_GE:
        return PRINT_LEVEL_COMPARE;
    case CNI_SQL_OP_PLUS:
    case CNI_SQL_OP_MINUS:
        return PRINT_LEVEL_ADD;
    case CNI_SQL_OP_MULTIPLY:
    case CNI_SQL_OP_DIVIDE:
    case CNI_SQL_OP_INTEGER_DIVIDE:
    case CNI_SQL_OP_MODULO:
        return PRINT_LEVEL_MULTIPLY;
    case CNI_SQL_OP_POWER:
        return PRINT_LEVEL_POWER;
    default:
        return PRINT_LEVEL_OTHER;
    }
}

static bool
is_sign(uint8_t op)
{
    return op == CNI_SQL_OP_PLUS || op == CNI_SQL_OP_MINUS;
}

/* Level of a op ANY (b). */
static int32_t
quantifier_level(uint8_t op)
{
    switch (op) {
    case CNI_SQL_OP_LIKE:
    case CNI_SQL_OP_ILIKE:
    case CNI_SQL_OP_SIMILAR:
    case CNI_SQL_OP_GLOB:
        return PRINT_LEVEL_MATCH;
    default:
        return cni_sql_op_level(op);
    }
}

static int32_t
expr_level(const cni_sql_expr *expr)
{
    switch (expr->kind) {
    case CNI_SQL_EXPR_LAMBDA:
        return PRINT_LEVEL_ANY;
    case CNI_SQL_EXPR_OR:
        return PRINT_LEVEL_OR;
    case CNI_SQL_EXPR_AND:
        return PRINT_LEVEL_AND;
    case CNI_SQL_EXPR_NOT:
        return PRINT_LEVEL_NOT;
    case CNI_SQL_EXPR_IS_NULL:
    case CNI_SQL_EXPR_IS_BOOL:
    case CNI_SQL_EXPR_IS_DISTINCT:
        return PRINT_LEVEL_IS;
    case CNI_SQL_EXPR_COMPARE:
        return PRINT_LEVEL_COMPARE;
    case CNI_SQL_EXPR_BETWEEN:
    case CNI_SQL_EXPR_IN:
    case CNI_SQL_EXPR_LIKE:
        return PRINT_LEVEL_MATCH;
    case CNI_SQL_EXPR_BINARY:
        return cni_sql_op_level(expr->ops[0].code);
    case CNI_SQL_EXPR_UNARY:
        return is_sign(expr->op) ? PRINT_LEVEL_SIGN : PRINT_LEVEL_OTHER;
    case CNI_SQL_EXPR_COLLATE:
        return PRINT_LEVEL_COLLATE;
    case CNI_SQL_EXPR_QUANTIFIED:
        return quantifier_level(expr->op);
    case CNI_SQL_EXPR_SUBQUERY:
        return expr->n_args == 0                            ? PRINT_LEVEL_OPERAND
               : expr->subquery_kind == CNI_SQL_SUBQUERY_IN ? PRINT_LEVEL_MATCH
                                                            : quantifier_level(expr->op);
    case CNI_SQL_EXPR_SUBSCRIPT:
    case CNI_SQL_EXPR_SLICE:
    case CNI_SQL_EXPR_FIELD:
        return PRINT_LEVEL_SUBSCRIPT;
    default:
        return PRINT_LEVEL_OPERAND;
    }
}

/* ------------------------------------------------------------------------------- operators */

static const char *
compare_text(const sql_printer *self, uint8_t op)
{
    switch (op) {
    case CNI_SQL_OP_EQ:
        return "=";
    case CNI_SQL_OP_NE:
        return self->as_name ? "!=" : "<>";
    case CNI_SQL_OP_LT:
        return "<";
    case CNI_SQL_OP_LE:
        return "<=";
    case CNI_SQL_OP_GT:
        return ">";
    default:
        return ">=";
    }
}

static const char *
like_text(uint8_t op)
{
    switch (op) {
    case CNI_SQL_OP_LIKE:
        return "LIKE";
    case CNI_SQL_OP_ILIKE:
        return "ILIKE";
    case CNI_SQL_OP_SIMILAR:
        return "SIMILAR TO";
    default:
        return "GLOB";
    }
}

/* a AND b AND c: operands bind tighter than the chain itself. */
static cn_code
put_junction(const sql_printer *self, const cni_sql_expr *expr)
{
    const bool is_and = expr->kind == CNI_SQL_EXPR_AND;
    const int32_t level = is_and ? PRINT_LEVEL_NOT : PRINT_LEVEL_AND;
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(cni_sql_put_if(self, arg > 0, is_and ? " AND " : " OR "));
        CN_TRY(cni_sql_put_expr(self, expr->args[arg], level));
    }
    return CN_OK;
}

/* a + b - c; in names ((a + b) - c), whose outermost parentheses the caller adds. */
static cn_code
put_chain(const sql_printer *self, const cni_sql_expr *expr)
{
    const int32_t level = cni_sql_op_level(expr->ops[0].code) + 1;
    for (int32_t open = 2; self->as_name && open < expr->n_args; open++) {
        CN_TRY(cni_sql_put(self, "("));
    }
    CN_TRY(cni_sql_put_expr(self, expr->args[0], level));
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        CN_TRY(cni_sql_put_if(self, self->as_name && arg > 1, ")"));
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_str(self, expr->ops[arg - 1].text));
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_expr(self, expr->args[arg], level));
    }
    return CN_OK;
}

static cn_code
put_compare(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_MATCH));
    CN_TRY(cni_sql_put(self, " "));
    CN_TRY(cni_sql_put(self, compare_text(self, expr->op)));
    CN_TRY(cni_sql_put(self, " "));
    return cni_sql_put_expr(self, expr->args[1], PRINT_LEVEL_MATCH);
}

/* Whether the text of an operand begins with a character of operators: -x, #1, #1[2]. */
static bool
begins_with_symbol(const cni_sql_expr *expr)
{
    while (expr->kind == CNI_SQL_EXPR_SUBSCRIPT || expr->kind == CNI_SQL_EXPR_SLICE ||
           expr->kind == CNI_SQL_EXPR_FIELD) {
        expr = expr->args[0];
    }
    return expr->kind == CNI_SQL_EXPR_UNARY || expr->kind == CNI_SQL_EXPR_POSITIONAL;
}

/* A sign stands close to its operand, unless the two would be one operator, or the comment --. */
static cn_code
put_unary(const sql_printer *self, const cni_sql_expr *expr)
{
    const cni_sql_expr *arg = expr->args[0];
    const bool sign = is_sign(expr->op);
    CN_TRY(cni_sql_put_str(self, expr->text));
    if (self->as_name && arg->kind != CNI_SQL_EXPR_LITERAL) {
        CN_TRY(cni_sql_put(self, "("));
        CN_TRY(cni_sql_put_expr(self, arg, PRINT_LEVEL_ANY));
        return cni_sql_put(self, ")");
    }
    CN_TRY(cni_sql_put_if(self, !sign || begins_with_symbol(arg), " "));
    return cni_sql_put_expr(self, arg, sign ? PRINT_LEVEL_SIGN : PRINT_LEVEL_OTHER + 1);
}

static cn_code
put_is(const sql_printer *self, const cni_sql_expr *expr)
{
    static const char *const truths[] = {"TRUE", "FALSE", "UNKNOWN"};
    CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_IS));
    CN_TRY(cni_sql_put(self, expr->negated ? " IS NOT " : " IS "));
    if (expr->kind == CNI_SQL_EXPR_IS_NULL) {
        return cni_sql_put(self, "NULL");
    }
    if (expr->kind == CNI_SQL_EXPR_IS_BOOL) {
        return cni_sql_put(self, truths[expr->truth]);
    }
    CN_TRY(cni_sql_put(self, "DISTINCT FROM "));
    return cni_sql_put_expr(self, expr->args[1], PRINT_LEVEL_COMPARE);
}

/* In names NOT stands before the whole: (NOT (a IN (1, 2))). */
static cn_code
put_negatable(const sql_printer *self, const cni_sql_expr *expr,
              cn_code (*put_rest)(const sql_printer *self, const cni_sql_expr *expr))
{
    const bool outside = expr->negated && self->as_name;
    CN_TRY(cni_sql_put_if(self, outside, "NOT ("));
    CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_OTHER));
    CN_TRY(cni_sql_put(self, expr->negated && !outside ? " NOT " : " "));
    CN_TRY(put_rest(self, expr));
    return cni_sql_put_if(self, outside, ")");
}

static cn_code
put_between_rest(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, expr->symmetric ? "BETWEEN SYMMETRIC " : "BETWEEN "));
    CN_TRY(cni_sql_put_expr(self, expr->args[1], PRINT_LEVEL_OTHER));
    CN_TRY(cni_sql_put(self, " AND "));
    return cni_sql_put_expr(self, expr->args[2], PRINT_LEVEL_OTHER);
}

static cn_code
put_in_rest(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, "IN ("));
    CN_TRY(put_args(self, expr, 1));
    return cni_sql_put(self, ")");
}

static cn_code
put_in_query_rest(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, "IN ("));
    CN_TRY(cni_sql_put_query(self, expr->query));
    return cni_sql_put(self, ")");
}

/* a LIKE b ESCAPE c; in names the operator forms ~~ and !~~ that DuckDB shows. */
static cn_code
put_like(const sql_printer *self, const cni_sql_expr *expr)
{
    const bool symbols = self->as_name && expr->n_args == 2 && expr->op != CNI_SQL_OP_SIMILAR;
    CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_OTHER));
    if (symbols) {
        CN_TRY(cni_sql_put(self, expr->negated ? " !~~" : " ~~"));
        CN_TRY(cni_sql_put(self, expr->op == CNI_SQL_OP_ILIKE  ? "* "
                                 : expr->op == CNI_SQL_OP_GLOB ? "~ "
                                                               : " "));
    } else {
        CN_TRY(cni_sql_put(self, expr->negated ? " NOT " : " "));
        CN_TRY(cni_sql_put(self, like_text(expr->op)));
        CN_TRY(cni_sql_put(self, " "));
    }
    CN_TRY(cni_sql_put_expr(self, expr->args[1], PRINT_LEVEL_OTHER));
    if (expr->n_args < 3) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " ESCAPE "));
    return cni_sql_put_expr(self, expr->args[2], PRINT_LEVEL_OTHER);
}

/* a op ANY (list or query). */
static cn_code
put_quantified(const sql_printer *self, const cni_sql_expr *expr)
{
    const bool all = expr->kind == CNI_SQL_EXPR_QUANTIFIED
                         ? expr->all
                         : expr->subquery_kind == CNI_SQL_SUBQUERY_ALL;
    CN_TRY(cni_sql_put_expr(self, expr->args[0], quantifier_level(expr->op) + 1));
    CN_TRY(cni_sql_put(self, expr->negated ? " NOT " : " "));
    CN_TRY(cni_sql_put_str(self, expr->text));
    CN_TRY(cni_sql_put(self, all ? " ALL (" : " ANY ("));
    if (expr->kind == CNI_SQL_EXPR_QUANTIFIED) {
        CN_TRY(cni_sql_put_expr(self, expr->args[1], PRINT_LEVEL_ANY));
    } else {
        CN_TRY(cni_sql_put_query(self, expr->query));
    }
    return cni_sql_put(self, ")");
}

static cn_code
put_subquery(const sql_printer *self, const cni_sql_expr *expr)
{
    switch (expr->subquery_kind) {
    case CNI_SQL_SUBQUERY_IN:
        return put_negatable(self, expr, put_in_query_rest);
    case CNI_SQL_SUBQUERY_ANY:
    case CNI_SQL_SUBQUERY_ALL:
        return put_quantified(self, expr);
    case CNI_SQL_SUBQUERY_EXISTS:
        CN_TRY(cni_sql_put(self, self->as_name ? "EXISTS(" : "EXISTS ("));
        break;
    case CNI_SQL_SUBQUERY_ARRAY:
        CN_TRY(cni_sql_put(self, "ARRAY("));
        break;
    default:
        CN_TRY(cni_sql_put(self, "("));
        break;
    }
    CN_TRY(cni_sql_put_query(self, expr->query));
    return cni_sql_put(self, ")");
}

/* ------------------------------------------------------------------------------ other kinds */

static cn_code
put_cast(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, expr->try_cast ? "TRY_CAST(" : "CAST("));
    CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_ANY));
    CN_TRY(cni_sql_put(self, " AS "));
    CN_TRY(cni_sql_put_type(self, expr->type));
    return cni_sql_put(self, ")");
}

static cn_code
put_collate(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_COLLATE));
    CN_TRY(cni_sql_put(self, " COLLATE "));
    return cni_sql_put_name(self, expr->name);
}

static cn_code
put_case(const sql_printer *self, const cni_sql_expr *expr)
{
    int32_t arg = expr->has_operand ? 1 : 0;
    const int32_t end = expr->n_args - (expr->has_else ? 1 : 0);
    CN_TRY(cni_sql_put(self, "CASE"));
    if (expr->has_operand) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_ANY));
    }
    for (; arg + 1 < end; arg += 2) {
        CN_TRY(cni_sql_put(self, " WHEN "));
        CN_TRY(cni_sql_put_expr(self, expr->args[arg], PRINT_LEVEL_ANY));
        CN_TRY(cni_sql_put(self, " THEN "));
        CN_TRY(cni_sql_put_expr(self, expr->args[arg + 1], PRINT_LEVEL_ANY));
    }
    if (expr->has_else) {
        CN_TRY(cni_sql_put(self, " ELSE "));
        CN_TRY(cni_sql_put_expr(self, expr->args[end], PRINT_LEVEL_ANY));
    }
    return cni_sql_put(self, " END");
}

/* CASE  WHEN ((a = 1)) THEN (b) ELSE c END, as DuckDB names it. */
static cn_code
put_case_name(const sql_printer *self, const cni_sql_expr *expr)
{
    const int32_t end = expr->n_args - (expr->has_else ? 1 : 0);
    CN_TRY(cni_sql_put(self, "CASE "));
    for (int32_t arg = expr->has_operand ? 1 : 0; arg + 1 < end; arg += 2) {
        CN_TRY(cni_sql_put(self, " WHEN ("));
        if (expr->has_operand) {
            CN_TRY(cni_sql_put(self, "("));
            CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_MATCH));
            CN_TRY(cni_sql_put(self, " = "));
        }
        CN_TRY(cni_sql_put_expr(self, expr->args[arg], PRINT_LEVEL_MATCH));
        CN_TRY(cni_sql_put(self, expr->has_operand ? ")) THEN (" : ") THEN ("));
        CN_TRY(cni_sql_put_expr(self, expr->args[arg + 1], PRINT_LEVEL_ANY));
        CN_TRY(cni_sql_put(self, ")"));
    }
    CN_TRY(cni_sql_put(self, " ELSE "));
    if (expr->has_else) {
        CN_TRY(cni_sql_put_expr(self, expr->args[end], PRINT_LEVEL_ANY));
    } else {
        CN_TRY(cni_sql_put(self, "NULL"));
    }
    return cni_sql_put(self, " END");
}

static cn_code
put_row(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, self->as_name ? "row(" : expr->keyword_form ? "ROW(" : "("));
    CN_TRY(put_args(self, expr, 0));
    return cni_sql_put(self, ")");
}

static cn_code
put_list(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, expr->keyword_form && !self->as_name ? "ARRAY[" : "["));
    CN_TRY(put_args(self, expr, 0));
    return cni_sql_put(self, "]");
}

static cn_code
put_struct(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, "{"));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        const cni_sql_ident *key = &expr->arg_names[arg];
        CN_TRY(cni_sql_put_comma(self, arg));
        CN_TRY(key->quoted ? cni_sql_put_quoted(self, key->text, '\'')
                           : cni_sql_put_ident(self, key));
        CN_TRY(cni_sql_put(self, ": "));
        CN_TRY(cni_sql_put_expr(self, expr->args[arg], PRINT_LEVEL_ANY));
    }
    return cni_sql_put(self, "}");
}

static cn_code
put_map(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, "MAP {"));
    for (int32_t arg = 0; arg + 1 < expr->n_args; arg += 2) {
        CN_TRY(cni_sql_put_comma(self, arg));
        CN_TRY(cni_sql_put_expr(self, expr->args[arg], PRINT_LEVEL_ANY));
        CN_TRY(cni_sql_put(self, ": "));
        CN_TRY(cni_sql_put_expr(self, expr->args[arg + 1], PRINT_LEVEL_ANY));
    }
    return cni_sql_put(self, "}");
}

/* x[a], x[a:b:c] with absent bounds; an absent end before a step is the - of [a:-:c]. */
static cn_code
put_subscript(const sql_printer *self, const cni_sql_expr *expr)
{
    const bool step = expr->kind == CNI_SQL_EXPR_SLICE && expr->args[3] != NULL;
    const int32_t n_parts = expr->kind == CNI_SQL_EXPR_SUBSCRIPT ? 1 : step ? 3 : 2;
    CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_SUBSCRIPT));
    CN_TRY(cni_sql_put(self, "["));
    for (int32_t part = 0; part < n_parts; part++) {
        const cni_sql_expr *bound = expr->args[part + 1];
        CN_TRY(cni_sql_put_if(self, part > 0, ":"));
        if (bound != NULL) {
            CN_TRY(cni_sql_put_expr(self, bound, PRINT_LEVEL_ANY));
        } else {
            CN_TRY(cni_sql_put_if(self, step && part == 1, "-"));
        }
    }
    return cni_sql_put(self, "]");
}

static cn_code
put_field(const sql_printer *self, const cni_sql_expr *expr)
{
    const uint8_t kind = expr->args[0]->kind;
    const bool bare = kind == CNI_SQL_EXPR_SUBSCRIPT || kind == CNI_SQL_EXPR_SLICE ||
                      kind == CNI_SQL_EXPR_STRUCT || kind == CNI_SQL_EXPR_LIST;
    CN_TRY(cni_sql_put_if(self, !bare, "("));
    CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_ANY));
    CN_TRY(cni_sql_put(self, bare ? "." : ")."));
    return cni_sql_put_name(self, expr->name);
}

static cn_code
put_not(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, "NOT "));
    return cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_NOT);
}

static cn_code
put_parameter(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, "$"));
    return cni_sql_put_str(self, expr->text);
}

/* --------------------------------------------------------------------------------- dispatch */

static cn_code
put_operand(const sql_printer *self, const cni_sql_expr *expr)
{
    switch (expr->kind) {
    case CNI_SQL_EXPR_LITERAL:
        return cni_sql_put_literal(self, expr);
    case CNI_SQL_EXPR_TYPED_LITERAL:
        return cni_sql_put_typed_literal(self, expr);
    case CNI_SQL_EXPR_INTERVAL:
        return cni_sql_put_interval(self, expr);
    case CNI_SQL_EXPR_COLUMN:
        return cni_sql_put_name(self, expr->name);
    case CNI_SQL_EXPR_STAR:
        return cni_sql_put_star(self, expr);
    case CNI_SQL_EXPR_COLUMNS:
        return cni_sql_put_columns(self, expr);
    case CNI_SQL_EXPR_PARAMETER:
        return put_parameter(self, expr);
    case CNI_SQL_EXPR_POSITIONAL:
        return cni_strbuf_printf(self->out, self->err, "#%d", (int)expr->number);
    case CNI_SQL_EXPR_DEFAULT:
        return cni_sql_put(self, "DEFAULT");
    case CNI_SQL_EXPR_FUNCTION:
        return cni_sql_put_call(self, expr);
    case CNI_SQL_EXPR_CAST:
        return put_cast(self, expr);
    case CNI_SQL_EXPR_CASE:
        return self->as_name ? put_case_name(self, expr) : put_case(self, expr);
    case CNI_SQL_EXPR_ROW:
        return put_row(self, expr);
    case CNI_SQL_EXPR_LIST:
        return put_list(self, expr);
    case CNI_SQL_EXPR_STRUCT:
        return put_struct(self, expr);
    case CNI_SQL_EXPR_MAP:
        return put_map(self, expr);
    default:
        return CN_FAIL(self->err, CN_INTERNAL, "an expression has the unknown kind %d",
                       (int)expr->kind);
    }
}

static cn_code
put_kind(const sql_printer *self, const cni_sql_expr *expr)
{
    switch (expr->kind) {
    case CNI_SQL_EXPR_AND:
    case CNI_SQL_EXPR_OR:
        return put_junction(self, expr);
    case CNI_SQL_EXPR_NOT:
        return put_not(self, expr);
    case CNI_SQL_EXPR_IS_NULL:
    case CNI_SQL_EXPR_IS_BOOL:
    case CNI_SQL_EXPR_IS_DISTINCT:
        return put_is(self, expr);
    case CNI_SQL_EXPR_COMPARE:
        return put_compare(self, expr);
    case CNI_SQL_EXPR_BETWEEN:
        return put_negatable(self, expr, put_between_rest);
    case CNI_SQL_EXPR_IN:
        return put_negatable(self, expr, put_in_rest);
    case CNI_SQL_EXPR_LIKE:
        return put_like(self, expr);
    case CNI_SQL_EXPR_BINARY:
        return put_chain(self, expr);
    case CNI_SQL_EXPR_UNARY:
        return put_unary(self, expr);
    case CNI_SQL_EXPR_COLLATE:
        return put_collate(self, expr);
    case CNI_SQL_EXPR_QUANTIFIED:
        return put_quantified(self, expr);
    case CNI_SQL_EXPR_SUBQUERY:
        return put_subquery(self, expr);
    case CNI_SQL_EXPR_SUBSCRIPT:
    case CNI_SQL_EXPR_SLICE:
        return put_subscript(self, expr);
    case CNI_SQL_EXPR_FIELD:
        return put_field(self, expr);
    case CNI_SQL_EXPR_LAMBDA:
        return cni_sql_put_lambda(self, expr);
    default:
        return put_operand(self, expr);
    }
}

/* Whether the style of names gives the expression parentheses of its own. */
static bool
is_enclosed_name(const cni_sql_expr *expr)
{
    if (expr->kind == CNI_SQL_EXPR_UNARY) {
        return expr->args[0]->kind != CNI_SQL_EXPR_LITERAL;
    }
    return expr->kind != CNI_SQL_EXPR_COLLATE && expr_level(expr) < PRINT_LEVEL_SUBSCRIPT;
}

cn_code
cni_sql_put_expr(const sql_printer *self, const cni_sql_expr *expr, int32_t level)
{
    const bool enclosed = self->as_name ? is_enclosed_name(expr) : expr_level(expr) < level;
    CN_TRY(cni_sql_put_if(self, enclosed, "("));
    CN_TRY(put_kind(self, expr));
    return cni_sql_put_if(self, enclosed, ")");
}

/* ------------------------------------------------------------------------------------ faces */

cn_code
cni_sql_print_expr(const cni_sql_expr *expr, cni_strbuf *out, cn_error *err)
{
    const sql_printer self = {.out = out, .err = err};
    return cni_sql_put_expr(&self, expr, PRINT_LEVEL_ANY);
}

cn_code
cni_sql_print_type(const cni_sql_type *type, cni_strbuf *out, cn_error *err)
{
    const sql_printer self = {.out = out, .err = err};
    return cni_sql_put_type(&self, type);
}

/* `text` cut at a character's border. */
static cni_str
cut_name(cni_str text)
{
    int64_t end = cni_min_i64(text.len_bytes, CNI_SQL_MAX_NAME_BYTES);
    while (end > 0 && end < text.len_bytes && ((unsigned char)text.data[end] & 0xC0U) == 0x80U) {
        end--;
    }
    return (cni_str){text.data, end};
}

/* An allocator over an arena, for a buffer that lives as long: growing leaves the old block behind.
 */
typedef struct arena_allocator {
    cni_allocator face;
    cni_arena *arena;
} arena_allocator;

static void *
arena_resize(cni_allocator *face, void *ptr, int64_t old_bytes, int64_t new_bytes, int64_t align,
             cn_error *err)
{
    (void)align; /* bytes of text only */
    const arena_allocator *self = (const arena_allocator *)(const void *)face;
    void *block = NULL;
    if (new_bytes == 0 || cni_arena_alloc(self->arena, new_bytes, &block, err) != CN_OK) {
        return NULL;
    }
    if (ptr != NULL) {
        memcpy(block, ptr, (size_t)cni_min_i64(old_bytes, new_bytes));
    }
    return block;
}

static void
arena_no_ref(cni_allocator *face)
{
    (void)face;
}

/* The text in the style of names, ended early where it gets too long. */
static cn_code
put_long_name(cni_arena *arena, const cni_sql_expr *expr, cni_str *out_text, cn_error *err)
{
    arena_allocator allocator = {{arena_resize, arena_no_ref, arena_no_ref}, arena};
    cni_strbuf buffer;
    cni_strbuf_init(&buffer, &allocator.face, CNI_SQL_MAX_NAME_BYTES);
    cn_error local = CN_ERROR_INIT;
    const sql_printer self = {.out = &buffer, .err = &local, .as_name = true};
    const cn_code code = cni_sql_put_expr(&self, expr, PRINT_LEVEL_ANY);
    if (code != CN_OK && code != CN_LIMIT_EXCEEDED) {
        if (err != NULL) {
            *err = local;
        }
        return code;
    }
    *out_text = cni_strbuf_view(&buffer); /* its block belongs to the arena */
    return CN_OK;
}

cn_code
cni_sql_default_name(cni_arena *arena, const cni_sql_expr *expr, cni_str *out_name, cn_error *err)
{
    cni_str text = {0};
    if (expr->kind == CNI_SQL_EXPR_COLUMN || expr->kind == CNI_SQL_EXPR_FIELD) {
        text = expr->name->parts[expr->name->n_parts - 1].text;
    } else {
        CN_TRY(put_long_name(arena, expr, &text, err));
    }
    return cni_arena_str(arena, cut_name(text), out_name, err);
}
