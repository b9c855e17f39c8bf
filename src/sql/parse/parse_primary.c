/* SPDX-License-Identifier: Apache-2.0
 *
 * Operands: what stands between operators. Parentheses, names, CASE, CAST, subqueries; literals are
 * in parse_literal.c, calls in parse_call.c. A keyword is looked at before names, so that the words
 * with a grammar of their own are found first and every other one falls through to being a name.
 */
#include "sql/parse/parser_int.h"

bool
cni_sql_token_begins_query(const cni_sql_token *token)
{
    switch (token->keyword) {
    case KW_SELECT:
    case KW_VALUES:
    case KW_WITH:
    case KW_FROM:
    case KW_TABLE:
    case KW_PIVOT:
    case KW_UNPIVOT:
        return true;
    default:
        return false;
    }
}

bool
cni_sql_at_query_paren(sql_parser *self)
{
    return cni_sql_at(self, TOK_LEFT_PAREN) && cni_sql_token_begins_query(cni_sql_peek(self, 1));
}

bool
cni_sql_at_query_rest(const sql_parser *self)
{
    switch (self->token.keyword) {
    case KW_UNION:
    case KW_EXCEPT:
    case KW_INTERSECT:
    case KW_ORDER:
    case KW_LIMIT:
    case KW_OFFSET:
    case KW_FETCH:
        return true;
    default:
        return false;
    }
}

cn_code
cni_sql_rule_subquery(sql_parser *self, cni_sql_subquery_kind kind, int64_t offset,
                      cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_SUBQUERY, offset, &expr, err));
    expr->subquery_kind = (uint8_t)kind;
    CN_TRY(cni_sql_rule_paren_query(self, &expr->query, err));
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

static cn_code
rule_scalar_subquery(sql_parser *self, cni_sql_subquery_kind kind, int64_t offset,
                     const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_rule_subquery(self, kind, offset, &expr, err));
    *out_expr = expr;
    return CN_OK;
}

/* --------------------------------------------------------------------------- ( ... ), ROW */

/* (a, DEFAULT, ...) into a ROW. DEFAULT is allowed so that UPDATE can use it; the binder refuses it
 * elsewhere. */
static cn_code
rule_row_rest(sql_parser *self, int64_t offset, const cni_sql_expr *first, bool keyword_form,
              const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_vec items = {0};
    cni_sql_expr *expr = NULL;
    if (first != NULL) {
        CN_TRY(cni_sql_vec_push(self, &items, first, err));
    }
    while (!cni_sql_at(self, TOK_RIGHT_PAREN)) {
        const cni_sql_expr *item = NULL;
        if (items.n_items > 0) {
            CN_TRY(cni_sql_expect(self, TOK_COMMA, err));
        }
        CN_TRY(cni_sql_rule_value(self, &item, err));
        CN_TRY(cni_sql_vec_push(self, &items, item, err));
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_ROW, offset, &expr, err));
    expr->args = items.items;
    expr->n_args = items.n_items;
    expr->keyword_form = keyword_form;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* (a, b) OVERLAPS (c, d) as overlaps(a, b, c, d). */
static cn_code
rule_overlaps(sql_parser *self, const cni_sql_expr **inout_row, cn_error *err)
{
    const cni_sql_expr *left = *inout_row;
    const cni_sql_expr *right = NULL;
    cni_sql_advance(self);
    CN_TRY(cni_sql_rule_primary(self, &right, err));
    CN_ASSERT(right != NULL);
    if (left->kind != CNI_SQL_EXPR_ROW || left->n_args != 2 || right->kind != CNI_SQL_EXPR_ROW ||
        right->n_args != 2) {
        return cni_sql_fail_at(left->node.offset, cni_sql_extent(self, left->node.offset),
                               "OVERLAPS needs a pair on both sides", err);
    }
    const cni_sql_expr *const args[4] = {left->args[0], left->args[1], right->args[0],
                                         right->args[1]};
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_make_call(self, "overlaps", left->node.offset, 4, args, &expr, err));
    *inout_row = expr;
    return CN_OK;
}

cn_code
cni_sql_rule_inner_query(sql_parser *self, const cni_sql_expr *first,
                         const cni_sql_query **out_query, cn_error *err)
{
    *out_query = NULL;
    const bool is_scalar =
        first->kind == CNI_SQL_EXPR_SUBQUERY && first->subquery_kind == CNI_SQL_SUBQUERY_SCALAR;
    if (!is_scalar) {
        return CN_OK;
    }
    if (cni_sql_at_query_rest(self)) {
        return cni_sql_rule_query_rest(self, first->query, first->node.offset, out_query, err);
    }
    if (cni_sql_at(self, TOK_RIGHT_PAREN)) {
        *out_query = first->query;
    }
    return CN_OK;
}

/* ((SELECT 1) UNION SELECT 2): what began as an expression goes on as a query. */
static cn_code
rule_paren_rest(sql_parser *self, int64_t offset, const cni_sql_expr *first,
                const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    const cni_sql_query *query = NULL;
    if (cni_sql_at_query_rest(self)) {
        CN_TRY(cni_sql_rule_inner_query(self, first, &query, err));
    }
    if (query == NULL) {
        return rule_row_rest(self, offset, first, false, out_expr, err);
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_SUBQUERY, offset, &expr, err));
    expr->subquery_kind = CNI_SQL_SUBQUERY_SCALAR;
    expr->query = query;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

static cn_code
rule_paren(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const int64_t offset = self->token.offset;
    if (cni_sql_at_query_paren(self)) {
        return rule_scalar_subquery(self, CNI_SQL_SUBQUERY_SCALAR, offset, out_expr, err);
    }
    cni_sql_advance(self);
    CN_TRY(cni_sql_rule_value(self, out_expr, err));
    if (cni_sql_accept(self, TOK_RIGHT_PAREN)) {
        return CN_OK;
    }
    CN_TRY(rule_paren_rest(self, offset, *out_expr, out_expr, err));
    return cni_sql_at_kw(self, KW_OVERLAPS) ? rule_overlaps(self, out_expr, err) : CN_OK;
}

static cn_code
rule_row(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_advance(self);
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(rule_row_rest(self, offset, NULL, true, out_expr, err));
    return cni_sql_at_kw(self, KW_OVERLAPS) ? rule_overlaps(self, out_expr, err) : CN_OK;
}

cn_code
cni_sql_rule_value(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    if (!cni_sql_at_kw(self, KW_DEFAULT)) {
        return cni_sql_rule_expr(self, out_expr, err);
    }
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_DEFAULT, self->token.offset, &expr, err));
    cni_sql_advance(self);
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* ------------------------------------------------------------------------------- CASE, CAST */

static cn_code
rule_case_branches(sql_parser *self, cni_sql_vec *inout_args, cn_error *err)
{
    do {
        const cni_sql_expr *part = NULL;
        CN_TRY(cni_sql_expect_kw(self, KW_WHEN, err));
        CN_TRY(cni_sql_rule_expr(self, &part, err));
        CN_TRY(cni_sql_vec_push(self, inout_args, part, err));
        CN_TRY(cni_sql_expect_kw(self, KW_THEN, err));
        CN_TRY(cni_sql_rule_expr(self, &part, err));
        CN_TRY(cni_sql_vec_push(self, inout_args, part, err));
    } while (cni_sql_at_kw(self, KW_WHEN));
    return CN_OK;
}

static cn_code
rule_case(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_vec args = {0};
    cni_sql_expr *expr = NULL;
    const cni_sql_expr *part = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_CASE, self->token.offset, &expr, err));
    cni_sql_advance(self);
    expr->has_operand = !cni_sql_at_kw(self, KW_WHEN);
    if (expr->has_operand) {
        CN_TRY(cni_sql_rule_expr(self, &part, err));
        CN_TRY(cni_sql_vec_push(self, &args, part, err));
    }
    CN_TRY(rule_case_branches(self, &args, err));
    expr->has_else = cni_sql_accept_kw(self, KW_ELSE);
    if (expr->has_else) {
        CN_TRY(cni_sql_rule_expr(self, &part, err));
        CN_TRY(cni_sql_vec_push(self, &args, part, err));
    }
    CN_TRY(cni_sql_expect_kw(self, KW_END, err));
    expr->args = args.items;
    expr->n_args = args.n_items;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

static cn_code
rule_cast(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    const cni_sql_expr *arg = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_CAST, self->token.offset, &expr, err));
    expr->try_cast = cni_sql_at_kw(self, KW_TRY_CAST);
    cni_sql_advance(self);
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_expr(self, &arg, err));
    CN_TRY(cni_sql_expr_args(self, expr, 1, &arg, err));
    CN_TRY(cni_sql_expect_kw(self, KW_AS, err));
    CN_TRY(cni_sql_rule_type(self, &expr->type, err));
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

static cn_code
rule_array(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_advance(self);
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        return rule_scalar_subquery(self, CNI_SQL_SUBQUERY_ARRAY, offset, out_expr, err);
    }
    return cni_sql_rule_list(self, offset, out_expr, err);
}

static cn_code
rule_exists(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_advance(self);
    return rule_scalar_subquery(self, CNI_SQL_SUBQUERY_EXISTS, offset, out_expr, err);
}

/* ------------------------------------------------------------------------- parameters, names */

/* Remember a parameter's name once per statement. */
static cn_code
note_parameter(sql_parser *self, cni_str name, cn_error *err)
{
    return cni_namemap_put(self->arena, &self->parameters, name, NULL, err);
}

static cn_code
rule_parameter(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    cni_str name = cni_sql_token_text(self->text, &self->token);
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_PARAMETER, self->token.offset, &expr, err));
    name.data++;
    name.len_bytes--;
    while (name.len_bytes > 1 && name.data[0] == '0') {
        name.data++;
        name.len_bytes--;
    }
    if (cni_str_eq(name, CNI_STR("0"))) {
        return cni_sql_fail_at(self->token.offset, self->token.length,
                               "there is no parameter 0: they are numbered from 1", err);
    }
    const bool numbered = name.len_bytes > 0 && name.data[0] >= '1' && name.data[0] <= '9';
    self->has_numbered = self->has_numbered || numbered;
    self->n_anonymous += name.len_bytes == 0 ? 1 : 0;
    if (self->has_numbered && self->n_anonymous > 0) {
        return cni_sql_fail_at(self->token.offset, self->token.length,
                               "? and numbered parameters cannot be mixed in one statement", err);
    }
    if (name.len_bytes == 0) {
        CN_TRY(cni_arena_printf(self->arena, &expr->text, err, "%d", (int)self->n_anonymous));
    } else {
        CN_TRY(cni_arena_str(self->arena, name, &expr->text, err));
    }
    CN_TRY(note_parameter(self, expr->text, err));
    cni_sql_advance(self);
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

static cn_code
rule_positional(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const cni_str text = cni_sql_token_text(self->text, &self->token);
    cni_sql_expr *expr = NULL;
    int32_t number = 0;
    for (int64_t digit = 1; digit < text.len_bytes && number < 100000000; digit++) {
        number = number * 10 + (text.data[digit] - '0');
    }
    if (number < 1 || number >= 100000000) {
        return cni_sql_fail_at(self->token.offset, self->token.length,
                               "a positional reference is out of range", err);
    }
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_POSITIONAL, self->token.offset, &expr, err));
    expr->number = number;
    cni_sql_advance(self);
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* The parts of a name up to a star or its end; *out_star says that .* was met and consumed. */
static cn_code
rule_dotted(sql_parser *self, const cni_sql_name **out_name, bool *out_star, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_vec parts = {0};
    cni_sql_ident *part = NULL;
    cni_sql_name *name = NULL;
    *out_star = false;
    CN_TRY(CNI_SQL_ADD(self, &parts, &part, err));
    CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, part, err));
    while (!*out_star && cni_sql_accept(self, TOK_DOT)) {
        if (cni_sql_at_op(self, CNI_SQL_OP_MULTIPLY)) {
            *out_star = true;
        } else {
            CN_TRY(CNI_SQL_ADD(self, &parts, &part, err));
            CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, part, err));
        }
    }
    CN_TRY(CN_ARENA_NEW(self->arena, &name, err));
    *name = (cni_sql_name){parts.n_items, parts.items, offset, cni_sql_extent(self, offset)};
    *out_name = name;
    return CN_OK;
}

/* Column, t.*, or call. */
static cn_code
rule_name_operand(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const int64_t offset = self->token.offset;
    const cni_sql_name *name = NULL;
    bool star = false;
    CN_TRY(rule_dotted(self, &name, &star, err));
    if (star) {
        return cni_sql_rule_star(self, name, offset, out_expr, err);
    }
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        return cni_sql_rule_call(self, name, NULL, false, out_expr, err);
    }
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_COLUMN, offset, &expr, err));
    expr->name = name;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* ------------------------------------------------------------------------------------- all */

/* Operands that begin with a word of their own; *out_expr stays NULL when the word is none. */
static cn_code
rule_keyword_operand(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const bool call = cni_sql_peek(self, 1)->kind == TOK_LEFT_PAREN;
    switch (self->token.keyword) {
    case KW_CASE:
        return rule_case(self, out_expr, err);
    case KW_CAST:
        return rule_cast(self, out_expr, err);
    case KW_TRY_CAST:
        return call ? rule_cast(self, out_expr, err) : CN_OK;
    case KW_ARRAY:
        return rule_array(self, out_expr, err);
    case KW_EXISTS:
        return call ? rule_exists(self, out_expr, err) : CN_OK;
    case KW_ROW:
        return call ? rule_row(self, out_expr, err) : CN_OK;
    case KW_MAP:
        return cni_sql_peek(self, 1)->kind == TOK_LEFT_BRACE ? cni_sql_rule_map(self, out_expr, err)
                                                             : CN_OK;
    case KW_INTERVAL:
        return cni_sql_rule_interval(self, out_expr, err);
    case KW_LAMBDA:
        return cni_sql_at_lambda(self) ? cni_sql_rule_lambda(self, false, out_expr, err) : CN_OK;
    case KW_COLUMNS:
        return call ? cni_sql_rule_columns(self, false, self->token.offset, out_expr, err) : CN_OK;
    default:
        return cni_sql_rule_special(self, out_expr, err);
    }
}

static cn_code
rule_word_operand(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    *out_expr = NULL;
    if (self->token.keyword != KW_NO_KEYWORD) {
        CN_TRY(rule_keyword_operand(self, out_expr, err));
    }
    if (*out_expr == NULL) {
        CN_TRY(cni_sql_rule_typed_literal(self, out_expr, err));
    }
    if (*out_expr != NULL) {
        return CN_OK;
    }
    const bool call = cni_sql_peek(self, 1)->kind == TOK_LEFT_PAREN;
    if (!cni_sql_at_ident(self, IDENT_COLUMN) &&
        !(call && cni_sql_at_ident(self, IDENT_FUNCTION))) {
        return cni_sql_syntax_error(self, err);
    }
    return rule_name_operand(self, out_expr, err);
}

cn_code
cni_sql_rule_primary(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    *out_expr = NULL;
    switch (self->token.kind) {
    case TOK_LEFT_PAREN:
        return rule_paren(self, out_expr, err);
    case TOK_LEFT_BRACKET:
        return cni_sql_rule_list(self, self->token.offset, out_expr, err);
    case TOK_LEFT_BRACE:
        return cni_sql_rule_struct(self, out_expr, err);
    case TOK_PARAMETER:
        return rule_parameter(self, out_expr, err);
    case TOK_POSITIONAL:
        return rule_positional(self, out_expr, err);
    case TOK_QUOTED:
        return rule_name_operand(self, out_expr, err);
    default:
        break;
    }
    CN_TRY(cni_sql_rule_literal(self, out_expr, err));
    if (*out_expr != NULL) {
        return CN_OK;
    }
    return cni_sql_at(self, TOK_WORD) ? rule_word_operand(self, out_expr, err)
                                      : cni_sql_syntax_error(self, err);
}
