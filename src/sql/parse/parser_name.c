/* SPDX-License-Identifier: Apache-2.0
 *
 * Identifiers, qualified names, lists of them, string values and option lists: the small rules that
 * every statement shares. Which keywords may be which name is PostgreSQL's business
 * (keyword_int.h).
 */
#include "sql/parse/parser_int.h"

bool
cni_sql_token_is_ident(const cni_sql_token *token, cni_sql_ident_rule rule)
{
    if (token->kind == TOK_QUOTED) {
        return true;
    }
    if (token->kind != TOK_WORD) {
        return false;
    }
    if (token->keyword == KW_NO_KEYWORD || rule == IDENT_LABEL) {
        return true;
    }
    const cni_sql_keyword_info *info = cni_sql_keyword_get((cni_sql_keyword)token->keyword);
    switch (rule) {
    case IDENT_COLUMN:
        return info->keyword_class == CNI_SQL_KEYWORD_UNRESERVED ||
               info->keyword_class == CNI_SQL_KEYWORD_COLUMN_NAME;
    case IDENT_FUNCTION:
        return info->keyword_class == CNI_SQL_KEYWORD_UNRESERVED ||
               info->keyword_class == CNI_SQL_KEYWORD_TYPE_FUNCTION;
    case IDENT_BARE_LABEL:
        return info->bare_label;
    case IDENT_LABEL:
    default:
        return true;
    }
}

/* UESCAPE 'x' behind a token with Unicode escapes: *out_escape is '\\' without it. */
static cn_code
rule_uescape(sql_parser *self, char *out_escape, cn_error *err)
{
    *out_escape = '\\';
    if (!cni_sql_accept_kw(self, KW_UESCAPE)) {
        return CN_OK;
    }
    const cni_str spelled = cni_sql_token_text(self->text, &self->token);
    const char escape = spelled.len_bytes == 3 ? spelled.data[1] : '+';
    const bool is_hex =
        (escape >= '0' && escape <= '9') || ((escape | 0x20) >= 'a' && (escape | 0x20) <= 'f');
    if (!cni_sql_at(self, TOK_STRING) || is_hex || strchr("+'\" \t\n\r", escape) != NULL) {
        return cni_sql_fail_at(self->token.offset, self->token.length,
                               "invalid Unicode escape character", err);
    }
    *out_escape = escape;
    cni_sql_advance(self);
    return CN_OK;
}

/* Value of the current token, which is a string or a quoted identifier; consumes it. */
static cn_code
take_value(sql_parser *self, cni_str *out_value, cn_error *err)
{
    const cni_sql_token token = self->token;
    char escape = '\\';
    cni_sql_advance(self);
    if (cni_sql_token_is_unicode(self->text, &token)) {
        CN_TRY(rule_uescape(self, &escape, err));
    }
    return cni_sql_token_value(self->arena, self->text, &token, escape, out_value, err);
}

cn_code
cni_sql_rule_string(sql_parser *self, cni_str *out_value, cn_error *err)
{
    if (!cni_sql_at(self, TOK_STRING)) {
        return cni_sql_syntax_error(self, err);
    }
    return take_value(self, out_value, err);
}

cn_code
cni_sql_rule_ident(sql_parser *self, cni_sql_ident_rule rule, cni_sql_ident *out_ident,
                   cn_error *err)
{
    if (!cni_sql_at_ident(self, rule)) {
        return cni_sql_syntax_error(self, err);
    }
    const int64_t offset = self->token.offset;
    cni_sql_ident ident = {.quoted = self->token.kind == TOK_QUOTED, .offset = offset};
    if (ident.quoted) {
        CN_TRY(take_value(self, &ident.text, err));
    } else {
        CN_TRY(cni_arena_str(self->arena, cni_sql_token_text(self->text, &self->token), &ident.text,
                             err));
        cni_sql_advance(self);
    }
    ident.length = cni_sql_extent(self, offset);
    *out_ident = ident;
    return CN_OK;
}

cni_sql_ident
cni_sql_made_ident(const char *text, int64_t offset)
{
    return (cni_sql_ident){.text = cni_str_of(text), .offset = offset};
}

static void
set_name(sql_parser *self, cni_sql_name *out_name, const cni_sql_vec *parts, int64_t offset)
{
    out_name->parts = parts->items;
    out_name->n_parts = parts->n_items;
    out_name->offset = offset;
    out_name->length = cni_sql_extent(self, offset);
}

cn_code
cni_sql_rule_name(sql_parser *self, cni_sql_name *out_name, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_vec parts = {0};
    cni_sql_ident *part = NULL;
    CN_TRY(CNI_SQL_ADD(self, &parts, &part, err));
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, part, err));
    while (cni_sql_accept(self, TOK_DOT)) {
        CN_TRY(CNI_SQL_ADD(self, &parts, &part, err));
        CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, part, err));
    }
    set_name(self, out_name, &parts, offset);
    return CN_OK;
}

cn_code
cni_sql_rule_name_new(sql_parser *self, const cni_sql_name **out_name, cn_error *err)
{
    cni_sql_name *name = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &name, err));
    CN_TRY(cni_sql_rule_name(self, name, err));
    *out_name = name;
    return CN_OK;
}

cn_code
cni_sql_made_name(sql_parser *self, const char *text, int64_t offset, const cni_sql_name **out_name,
                  cn_error *err)
{
    cni_sql_name *name = NULL;
    cni_sql_ident *part = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &name, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &part, err));
    *part = cni_sql_made_ident(text, offset);
    *name = (cni_sql_name){.n_parts = 1, .parts = part, .offset = offset};
    name->length = cni_sql_extent(self, offset);
    *out_name = name;
    return CN_OK;
}

cn_code
cni_sql_rule_names(sql_parser *self, cni_sql_name_list *out_names, cn_error *err)
{
    cni_sql_vec names = {0};
    do {
        cni_sql_name *name = NULL;
        CN_TRY(CNI_SQL_ADD(self, &names, &name, err));
        CN_TRY(cni_sql_rule_name(self, name, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    *out_names = (cni_sql_name_list){names.n_items, names.items};
    return CN_OK;
}

cn_code
cni_sql_rule_ident_list(sql_parser *self, cni_sql_ident_list *out_list, cn_error *err)
{
    cni_sql_vec idents = {0};
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    do {
        cni_sql_ident *ident = NULL;
        CN_TRY(CNI_SQL_ADD(self, &idents, &ident, err));
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, ident, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    *out_list = (cni_sql_ident_list){idents.n_items, idents.items};
    return CN_OK;
}

/* ---------------------------------------------------------------------------------- options */

/* A word, dotted words or a string: format, 'format.compression', format.compression. */
static cn_code
rule_option_name(sql_parser *self, cni_sql_ident *out_name, cn_error *err)
{
    const int64_t offset = self->token.offset;
    if (cni_sql_at(self, TOK_STRING)) {
        CN_TRY(cni_sql_rule_string(self, &out_name->text, err));
        out_name->quoted = true;
        out_name->offset = offset;
    } else {
        CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, out_name, err));
        while (cni_sql_accept(self, TOK_DOT)) {
            cni_sql_ident part = {0};
            CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, &part, err));
            CN_TRY(cni_arena_printf(self->arena, &out_name->text, err, "%.*s.%.*s",
                                    CNI_STR_ARGS(out_name->text), CNI_STR_ARGS(part.text)));
        }
    }
    out_name->length = cni_sql_extent(self, offset);
    return CN_OK;
}

/* A reserved word as a value, such as ON, TRUE, ALL: a column of that name unless it is a literal.
 */
static cn_code
rule_word_value(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    cni_sql_name *name = NULL;
    cni_sql_ident *part = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_COLUMN, self->token.offset, &expr, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &name, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &part, err));
    CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, part, err));
    *name =
        (cni_sql_name){.n_parts = 1, .parts = part, .offset = part->offset, .length = part->length};
    expr->name = name;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

static bool
at_option_end(sql_parser *self, int32_t distance)
{
    const cni_sql_token *token = cni_sql_peek(self, distance);
    return token->kind == TOK_COMMA || token->kind == TOK_RIGHT_PAREN || token->kind == TOK_END ||
           token->kind == TOK_SEMICOLON;
}

cn_code
cni_sql_rule_setting(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const bool is_word = cni_sql_at(self, TOK_WORD) && !cni_sql_at_kw(self, KW_TRUE) &&
                         !cni_sql_at_kw(self, KW_FALSE) && !cni_sql_at_kw(self, KW_NULL);
    if (is_word && (at_option_end(self, 1) || cni_sql_peek(self, 1)->kind == TOK_WORD)) {
        return rule_word_value(self, out_expr, err);
    }
    return cni_sql_rule_expr(self, out_expr, err);
}

static cn_code
rule_paren_values(sql_parser *self, cni_sql_option *inout_option, cn_error *err)
{
    cni_sql_vec values = {0};
    inout_option->parenthesised = true;
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    do {
        const cni_sql_expr *value = NULL;
        if (cni_sql_at_op(self, CNI_SQL_OP_MULTIPLY)) {
            CN_TRY(cni_sql_rule_star(self, NULL, self->token.offset, &value, err));
        } else {
            CN_TRY(cni_sql_rule_setting(self, &value, err));
        }
        CN_TRY(cni_sql_vec_push(self, &values, value, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    inout_option->values = (cni_sql_expr_list){values.n_items, values.items};
    return CN_OK;
}

cn_code
cni_sql_rule_option_value(sql_parser *self, cni_sql_option *inout_option, cn_error *err)
{
    if (cni_sql_at(self, TOK_LEFT_PAREN) && !cni_sql_at_query_paren(self)) {
        return rule_paren_values(self, inout_option, err);
    }
    cni_sql_vec values = {0};
    const cni_sql_expr *value = NULL;
    if (cni_sql_at_op(self, CNI_SQL_OP_MULTIPLY)) {
        CN_TRY(cni_sql_rule_star(self, NULL, self->token.offset, &value, err));
    } else {
        CN_TRY(cni_sql_rule_setting(self, &value, err));
    }
    CN_TRY(cni_sql_vec_push(self, &values, value, err));
    inout_option->values = (cni_sql_expr_list){values.n_items, values.items};
    return CN_OK;
}

cn_code
cni_sql_rule_options(sql_parser *self, cni_sql_option_list *out_list, cn_error *err)
{
    cni_sql_vec options = {0};
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    while (!cni_sql_at(self, TOK_RIGHT_PAREN)) {
        cni_sql_option *option = NULL;
        CN_TRY(CNI_SQL_ADD(self, &options, &option, err));
        CN_TRY(rule_option_name(self, &option->name, err));
        if (!cni_sql_accept_op(self, CNI_SQL_OP_EQ) && !cni_sql_accept(self, TOK_FAT_ARROW)) {
            (void)cni_sql_accept(self, TOK_ASSIGN);
        }
        if (!at_option_end(self, 0)) {
            CN_TRY(cni_sql_rule_option_value(self, option, err));
        }
        if (!cni_sql_accept(self, TOK_COMMA)) {
            break;
        }
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    *out_list = (cni_sql_option_list){options.n_items, options.items};
    return CN_OK;
}
