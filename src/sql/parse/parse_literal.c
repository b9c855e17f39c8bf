/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants and collections: NULL and truth values, numbers, strings, intervals; [a, b], {k: v},
 * MAP {k: v}. A list comprehension [f(x) FOR x IN l IF p(x)] becomes the calls it stands for:
 * list_transform(list_filter(l, LAMBDA x: p(x)), LAMBDA x: f(x)).
 */
#include "sql/parse/parser_int.h"

cn_code
cni_sql_make_literal(sql_parser *self, cni_sql_literal_kind kind, cni_str text, int64_t offset,
                     const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_LITERAL, offset, &expr, err));
    expr->literal_kind = (uint8_t)kind;
    expr->text = text;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

static cn_code
rule_keyword_literal(sql_parser *self, cni_sql_literal_kind kind, const cni_sql_expr **out_expr,
                     cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_advance(self);
    return cni_sql_make_literal(self, kind, (cni_str){0}, offset, out_expr, err);
}

static cn_code
rule_number(sql_parser *self, cni_sql_literal_kind kind, const cni_sql_expr **out_expr,
            cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_str digits = {0};
    CN_TRY(cni_sql_token_number(self->arena, self->text, &self->token, &digits, err));
    cni_sql_advance(self);
    return cni_sql_make_literal(self, kind, digits, offset, out_expr, err);
}

static cn_code
rule_string_literal(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_str value = {0};
    CN_TRY(cni_sql_rule_string(self, &value, err));
    return cni_sql_make_literal(self, CNI_SQL_LITERAL_STRING, value, offset, out_expr, err);
}

static cn_code
rule_binary_literal(sql_parser *self, cni_sql_literal_kind kind, const cni_sql_expr **out_expr,
                    cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_str value = {0};
    CN_TRY(cni_sql_token_value(self->arena, self->text, &self->token, '\\', &value, err));
    cni_sql_advance(self);
    return cni_sql_make_literal(self, kind, value, offset, out_expr, err);
}

cn_code
cni_sql_rule_literal(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    *out_expr = NULL;
    switch (self->token.kind) {
    case TOK_INTEGER:
        return rule_number(self, CNI_SQL_LITERAL_INTEGER, out_expr, err);
    case TOK_DECIMAL:
        return rule_number(self, CNI_SQL_LITERAL_DECIMAL, out_expr, err);
    case TOK_FLOAT:
        return rule_number(self, CNI_SQL_LITERAL_FLOAT, out_expr, err);
    case TOK_STRING:
        return rule_string_literal(self, out_expr, err);
    case TOK_BLOB:
        return rule_binary_literal(self, CNI_SQL_LITERAL_BLOB, out_expr, err);
    case TOK_BITS:
        return rule_binary_literal(self, CNI_SQL_LITERAL_BITS, out_expr, err);
    default:
        break;
    }
    switch (self->token.keyword) {
    case KW_NULL:
        return rule_keyword_literal(self, CNI_SQL_LITERAL_NULL, out_expr, err);
    case KW_TRUE:
        return rule_keyword_literal(self, CNI_SQL_LITERAL_TRUE, out_expr, err);
    case KW_FALSE:
        return rule_keyword_literal(self, CNI_SQL_LITERAL_FALSE, out_expr, err);
    default:
        return CN_OK;
    }
}

/* -------------------------------------------------------------------------------- intervals */

typedef struct unit_row {
    const char *singular;
    const char *plural;
    uint8_t unit;
} unit_row;

static const unit_row units[] = {
    {"year", "years", CNI_SQL_INTERVAL_YEAR},
    {"month", "months", CNI_SQL_INTERVAL_MONTH},
    {"day", "days", CNI_SQL_INTERVAL_DAY},
    {"hour", "hours", CNI_SQL_INTERVAL_HOUR},
    {"minute", "minutes", CNI_SQL_INTERVAL_MINUTE},
    {"second", "seconds", CNI_SQL_INTERVAL_SECOND},
    {"millisecond", "milliseconds", CNI_SQL_INTERVAL_MILLISECOND},
    {"microsecond", "microseconds", CNI_SQL_INTERVAL_MICROSECOND},
    {"nanosecond", "nanoseconds", CNI_SQL_INTERVAL_NANOSECOND},
    {"week", "weeks", CNI_SQL_INTERVAL_WEEK},
    {"quarter", "quarters", CNI_SQL_INTERVAL_QUARTER},
    {"decade", "decades", CNI_SQL_INTERVAL_DECADE},
    {"century", "centuries", CNI_SQL_INTERVAL_CENTURY},
    {"millennium", "millennia", CNI_SQL_INTERVAL_MILLENNIUM},
};

static uint8_t
unit_of(const sql_parser *self, const cni_sql_token *token)
{
    if (token->kind != TOK_WORD) {
        return CNI_SQL_INTERVAL_NONE;
    }
    const cni_str word = cni_sql_token_text(self->text, token);
    for (int64_t row = 0; row < CN_ARRAY_LEN(units); row++) {
        if (cni_str_eq_nocase(word, cni_str_of(units[row].singular)) ||
            cni_str_eq_nocase(word, cni_str_of(units[row].plural))) {
            return units[row].unit;
        }
    }
    return CNI_SQL_INTERVAL_NONE;
}

/* SECOND(3); -1 when there is no precision. */
static cn_code
rule_seconds_precision(sql_parser *self, int32_t *out_precision, cn_error *err)
{
    *out_precision = -1;
    if (!cni_sql_at(self, TOK_LEFT_PAREN)) {
        return CN_OK;
    }
    cni_sql_advance(self);
    const cni_str digits = cni_sql_token_text(self->text, &self->token);
    if (!cni_sql_at(self, TOK_INTEGER) || digits.len_bytes != 1) {
        return cni_sql_syntax_error(self, err);
    }
    *out_precision = digits.data[0] - '0';
    cni_sql_advance(self);
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

cn_code
cni_sql_rule_interval_unit(sql_parser *self, uint8_t *out_from, uint8_t *out_to,
                           int32_t *out_precision, cn_error *err)
{
    *out_precision = -1;
    *out_to = CNI_SQL_INTERVAL_NONE;
    *out_from = unit_of(self, &self->token);
    if (*out_from == CNI_SQL_INTERVAL_NONE) {
        return CN_OK;
    }
    cni_sql_advance(self);
    uint8_t last = *out_from;
    if (cni_sql_at_kw(self, KW_TO) &&
        unit_of(self, cni_sql_peek(self, 1)) != CNI_SQL_INTERVAL_NONE) {
        const int64_t offset = self->token.offset;
        cni_sql_advance(self);
        last = unit_of(self, &self->token);
        *out_to = last;
        cni_sql_advance(self);
        const bool ordered = *out_from < last && last <= CNI_SQL_INTERVAL_SECOND &&
                             (*out_from != CNI_SQL_INTERVAL_MONTH) &&
                             (*out_from != CNI_SQL_INTERVAL_YEAR || last == CNI_SQL_INTERVAL_MONTH);
        if (!ordered) {
            return cni_sql_fail_at(offset, cni_sql_extent(self, offset),
                                   "this is no range of interval fields", err);
        }
    }
    return last == CNI_SQL_INTERVAL_SECOND ? rule_seconds_precision(self, out_precision, err)
                                           : CN_OK;
}

/* Whether the word INTERVAL at the cursor begins an interval, and is not a name. */
static bool
at_interval(sql_parser *self)
{
    const cni_sql_token *next = cni_sql_peek(self, 1);
    switch (next->kind) {
    case TOK_STRING:
    case TOK_INTEGER:
    case TOK_DECIMAL:
    case TOK_FLOAT:
    case TOK_PARAMETER:
    case TOK_LEFT_PAREN:
        return true;
    case TOK_OPERATOR:
        return next->op == CNI_SQL_OP_MINUS &&
               (cni_sql_peek(self, 2)->kind == TOK_INTEGER ||
                cni_sql_peek(self, 2)->kind == TOK_DECIMAL) &&
               unit_of(self, cni_sql_peek(self, 3)) != CNI_SQL_INTERVAL_NONE;
    case TOK_WORD:
    case TOK_QUOTED:
        return cni_sql_token_is_ident(next, IDENT_COLUMN) &&
               unit_of(self, cni_sql_peek(self, 2)) != CNI_SQL_INTERVAL_NONE;
    default:
        return false;
    }
}

/* -3 as the amount. */
static cn_code
rule_amount(sql_parser *self, const cni_sql_expr **out_amount, cn_error *err)
{
    const int64_t offset = self->token.offset;
    if (!cni_sql_accept_op(self, CNI_SQL_OP_MINUS)) {
        return cni_sql_rule_primary(self, out_amount, err);
    }
    const cni_sql_expr *number = NULL;
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_rule_literal(self, &number, err));
    CN_TRY(cni_sql_expr_over1(self, CNI_SQL_EXPR_UNARY, offset, number, &expr, err));
    expr->op = CNI_SQL_OP_MINUS;
    expr->text = CNI_STR("-");
    *out_amount = expr;
    return CN_OK;
}

/* INTERVAL(3) '...' of PostgreSQL: the precision before the string. */
static bool
at_leading_precision(sql_parser *self)
{
    return cni_sql_at(self, TOK_LEFT_PAREN) && cni_sql_peek(self, 1)->kind == TOK_INTEGER &&
           cni_sql_peek(self, 2)->kind == TOK_RIGHT_PAREN &&
           cni_sql_peek(self, 3)->kind == TOK_STRING;
}

cn_code
cni_sql_rule_interval(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    if (!at_interval(self)) {
        return CN_OK;
    }
    cni_sql_expr *expr = NULL;
    const cni_sql_expr *amount = NULL;
    int32_t precision = -1;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_INTERVAL, self->token.offset, &expr, err));
    cni_sql_advance(self);
    expr->number = -1;
    if (at_leading_precision(self)) {
        CN_TRY(rule_seconds_precision(self, &expr->number, err));
    }
    const bool is_string = cni_sql_at(self, TOK_STRING);
    CN_TRY(cni_sql_descend(self, err));
    CN_TRY(rule_amount(self, &amount, err));
    cni_sql_ascend(self);
    CN_TRY(cni_sql_rule_interval_unit(self, &expr->unit_from, &expr->unit_to, &precision, err));
    if (expr->unit_from == CNI_SQL_INTERVAL_NONE && !is_string &&
        amount->kind != CNI_SQL_EXPR_PARAMETER) {
        return cni_sql_syntax_error(self, err);
    }
    expr->number = precision >= 0 ? precision : expr->number;
    CN_TRY(cni_sql_expr_args(self, expr, 1, &amount, err));
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* ------------------------------------------------------------------------------ collections */

/* LAMBDA over the variables of a comprehension. */
static cn_code
make_lambda(sql_parser *self, const cni_sql_ident_list *params, const cni_sql_expr *body,
            const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_LAMBDA, body->node.offset, &expr, err));
    CN_TRY(cni_sql_expr_args(self, expr, 1, &body, err));
    expr->number = params->n_items;
    expr->arg_names = params->items;
    expr->keyword_form = true;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* FOR x [, i] IN list [IF condition] ] behind the element. */
static cn_code
rule_comprehension(sql_parser *self, int64_t offset, const cni_sql_expr *element,
                   const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_vec params = {0};
    const cni_sql_expr *args[2] = {NULL, NULL};
    const cni_sql_expr *condition = NULL;
    cni_sql_expr *call = NULL;
    do {
        cni_sql_ident *param = NULL;
        cni_sql_advance(self);
        CN_TRY(CNI_SQL_ADD(self, &params, &param, err));
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, param, err));
    } while (cni_sql_at(self, TOK_COMMA));
    const cni_sql_ident_list names = {params.n_items, params.items};
    CN_TRY(cni_sql_expect_kw(self, KW_IN, err));
    CN_TRY(cni_sql_rule_expr(self, &args[0], err));
    if (cni_sql_accept_kw(self, KW_IF)) {
        CN_TRY(cni_sql_rule_expr(self, &condition, err));
        CN_TRY(make_lambda(self, &names, condition, &args[1], err));
        CN_TRY(cni_sql_make_call(self, "list_filter", offset, 2, args, &call, err));
        args[0] = call;
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_BRACKET, err));
    CN_TRY(make_lambda(self, &names, element, &args[1], err));
    CN_TRY(cni_sql_make_call(self, "list_transform", offset, 2, args, &call, err));
    *out_expr = call;
    return CN_OK;
}

cn_code
cni_sql_rule_list(sql_parser *self, int64_t offset, const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_vec items = {0};
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_LIST, offset, &expr, err));
    expr->keyword_form = self->token.offset != offset;
    CN_TRY(cni_sql_expect(self, TOK_LEFT_BRACKET, err));
    while (!cni_sql_at(self, TOK_RIGHT_BRACKET)) {
        const cni_sql_expr *item = NULL;
        CN_TRY(cni_sql_rule_expr(self, &item, err));
        if (items.n_items == 0 && cni_sql_at_kw(self, KW_FOR)) {
            return rule_comprehension(self, offset, item, out_expr, err);
        }
        CN_TRY(cni_sql_vec_push(self, &items, item, err));
        if (!cni_sql_accept(self, TOK_COMMA)) {
            break;
        }
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_BRACKET, err));
    expr->args = items.items;
    expr->n_args = items.n_items;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* 'key', "key" or key. */
static cn_code
rule_struct_key(sql_parser *self, cni_sql_ident *out_key, cn_error *err)
{
    if (!cni_sql_at(self, TOK_STRING)) {
        return cni_sql_rule_ident(self, IDENT_LABEL, out_key, err);
    }
    out_key->offset = self->token.offset;
    out_key->quoted = true;
    CN_TRY(cni_sql_rule_string(self, &out_key->text, err));
    out_key->length = cni_sql_extent(self, out_key->offset);
    return CN_OK;
}

cn_code
cni_sql_rule_struct(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_vec keys = {0};
    cni_sql_vec values = {0};
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_STRUCT, self->token.offset, &expr, err));
    cni_sql_advance(self);
    do {
        cni_sql_ident *key = NULL;
        const cni_sql_expr *value = NULL;
        CN_TRY(CNI_SQL_ADD(self, &keys, &key, err));
        CN_TRY(rule_struct_key(self, key, err));
        CN_TRY(cni_sql_expect(self, TOK_COLON, err));
        CN_TRY(cni_sql_rule_expr(self, &value, err));
        CN_TRY(cni_sql_vec_push(self, &values, value, err));
    } while (cni_sql_accept(self, TOK_COMMA) && !cni_sql_at(self, TOK_RIGHT_BRACE));
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_BRACE, err));
    expr->args = values.items;
    expr->n_args = values.n_items;
    expr->arg_names = keys.items;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

cn_code
cni_sql_rule_map(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_vec items = {0};
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_MAP, self->token.offset, &expr, err));
    cni_sql_advance(self);
    cni_sql_advance(self);
    while (!cni_sql_at(self, TOK_RIGHT_BRACE)) {
        const cni_sql_expr *part = NULL;
        CN_TRY(cni_sql_rule_expr(self, &part, err));
        CN_TRY(cni_sql_vec_push(self, &items, part, err));
        CN_TRY(cni_sql_expect(self, TOK_COLON, err));
        CN_TRY(cni_sql_rule_expr(self, &part, err));
        CN_TRY(cni_sql_vec_push(self, &items, part, err));
        if (!cni_sql_accept(self, TOK_COMMA)) {
            break;
        }
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_BRACE, err));
    expr->args = items.items;
    expr->n_args = items.n_items;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}
