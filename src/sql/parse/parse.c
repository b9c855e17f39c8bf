/* SPDX-License-Identifier: Apache-2.0
 *
 * The entry points: a text is checked once (size, UTF-8, NUL bytes), then parsed as a script, or as
 * exactly one statement, query, expression or type. And the splitter, which looks at tokens only.
 */
#include "sql/parse/parse.h"

#include "sql/parse/parser_int.h"

static cn_code
check_text(cni_str text, cn_error *err)
{
    if (text.len_bytes > CNI_SQL_MAX_TEXT_BYTES) {
        const cn_code code = CN_FAIL(
            err, CN_LIMIT_EXCEEDED,
            "the SQL text has %lld bytes; at most %lld are allowed (CNI_SQL_MAX_TEXT_BYTES)",
            (long long)text.len_bytes, (long long)CNI_SQL_MAX_TEXT_BYTES);
        cni_error_sqlstate(err, "54000");
        return code;
    }
    int64_t bad = cni_utf8_find_invalid(text.data, text.len_bytes);
    const char *nul = text.len_bytes == 0 ? NULL : memchr(text.data, '\0', (size_t)text.len_bytes);
    if (nul != NULL && (bad < 0 || nul - text.data < bad)) {
        bad = nul - text.data;
    }
    if (bad < 0) {
        return CN_OK;
    }
    const cn_code code =
        CN_FAIL(err, CN_INVALID_ARGUMENT, "the SQL text is not valid UTF-8: byte 0x%02x",
                (unsigned)(unsigned char)text.data[bad]);
    cni_error_sqlstate(err, "22021");
    cni_error_position(err, bad, 1);
    return code;
}

/* Check the text and stand at its first token. */
static cn_code
begin(sql_parser *self, cni_arena *arena, cni_str text, cn_error *err)
{
    CN_TRY(check_text(text, err));
    cni_sql_parser_init(self, arena, text);
    return CN_OK;
}

static cn_code
expect_end(sql_parser *self, cn_error *err)
{
    return cni_sql_at(self, TOK_END) ? CN_OK : cni_sql_syntax_error(self, err);
}

/* Parse the statement at the cursor, which must end at a semicolon or the end of the text. */
static cn_code
parse_next(sql_parser *self, const cni_sql_statement **out_statement, cn_error *err)
{
    self->n_anonymous = 0;
    self->has_numbered = false;
    self->parameters = (cni_namemap){0};
    CN_TRY(cni_sql_rule_statement(self, out_statement, err));
    if (cni_sql_accept(self, TOK_SEMICOLON)) {
        return CN_OK;
    }
    return expect_end(self, err);
}

static void
skip_semicolons(sql_parser *self)
{
    while (cni_sql_accept(self, TOK_SEMICOLON)) {
    }
}

cn_code
cni_sql_parse(cni_arena *arena, cni_str text, cni_sql_script *out_script, cn_error *err)
{
    sql_parser self;
    cni_sql_vec statements = {0};
    CN_TRY(begin(&self, arena, text, err));
    skip_semicolons(&self);
    while (!cni_sql_at(&self, TOK_END)) {
        const cni_sql_statement *statement = NULL;
        CN_TRY(parse_next(&self, &statement, err));
        CN_TRY(cni_sql_vec_push(&self, &statements, statement, err));
        skip_semicolons(&self);
    }
    out_script->n_statements = statements.n_items;
    out_script->statements = statements.items;
    return CN_OK;
}

cn_code
cni_sql_parse_statement(cni_arena *arena, cni_str text, const cni_sql_statement **out_statement,
                        cn_error *err)
{
    sql_parser self;
    const cni_sql_statement *statement = NULL;
    CN_TRY(begin(&self, arena, text, err));
    skip_semicolons(&self);
    if (cni_sql_at(&self, TOK_END)) {
        return cni_sql_fail_at(0, 0, "the text holds no statement", err);
    }
    CN_TRY(parse_next(&self, &statement, err));
    skip_semicolons(&self);
    if (!cni_sql_at(&self, TOK_END)) {
        return cni_sql_fail_at(self.token.offset, self.token.length,
                               "the text holds more than one statement", err);
    }
    *out_statement = statement;
    return CN_OK;
}

cn_code
cni_sql_parse_query(cni_arena *arena, cni_str text, const cni_sql_query **out_query, cn_error *err)
{
    sql_parser self;
    const cni_sql_query *query = NULL;
    CN_TRY(begin(&self, arena, text, err));
    CN_TRY(cni_sql_rule_query(&self, &query, err));
    skip_semicolons(&self);
    CN_TRY(expect_end(&self, err));
    *out_query = query;
    return CN_OK;
}

cn_code
cni_sql_parse_expr(cni_arena *arena, cni_str text, const cni_sql_expr **out_expr, cn_error *err)
{
    sql_parser self;
    const cni_sql_expr *expr = NULL;
    CN_TRY(begin(&self, arena, text, err));
    CN_TRY(cni_sql_rule_expr(&self, &expr, err));
    CN_TRY(expect_end(&self, err));
    *out_expr = expr;
    return CN_OK;
}

cn_code
cni_sql_parse_type(cni_arena *arena, cni_str text, const cni_sql_type **out_type, cn_error *err)
{
    sql_parser self;
    const cni_sql_type *type = NULL;
    CN_TRY(begin(&self, arena, text, err));
    CN_TRY(cni_sql_rule_type(&self, &type, err));
    CN_TRY(expect_end(&self, err));
    *out_type = type;
    return CN_OK;
}

/* -------------------------------------------------------------------------------- splitting */

/* A fault that more text may repair. */
static bool
is_open_fault(uint8_t fault)
{
    switch (fault) {
    case LEX_UNTERMINATED_STRING:
    case LEX_UNTERMINATED_DOLLAR:
    case LEX_UNTERMINATED_IDENTIFIER:
    case LEX_UNTERMINATED_COMMENT:
        return true;
    default:
        return false;
    }
}

/* How many parentheses, brackets and braces a token opens or closes. */
static int32_t
nesting(const cni_sql_token *token)
{
    switch (token->kind) {
    case TOK_LEFT_PAREN:
    case TOK_LEFT_BRACKET:
    case TOK_LEFT_BRACE:
        return 1;
    case TOK_RIGHT_PAREN:
    case TOK_RIGHT_BRACKET:
    case TOK_RIGHT_BRACE:
        return -1;
    default:
        return 0;
    }
}

cni_sql_piece
cni_sql_split_first(cni_str text)
{
    cni_sql_piece piece = {.offset = text.len_bytes, .next = text.len_bytes};
    int64_t offset = 0;
    int64_t n_open = 0;
    bool begun = false;
    for (;;) {
        const cni_sql_token token = cni_sql_lex(text, offset);
        offset = token.offset + token.length;
        if (token.kind == TOK_END) {
            return piece;
        }
        if (token.kind == TOK_SEMICOLON && n_open <= 0) {
            if (begun) {
                piece.next = offset;
                piece.complete = true;
                return piece;
            }
            continue;
        }
        const bool open_comment =
            token.kind == TOK_ERROR && token.fault == LEX_UNTERMINATED_COMMENT;
        if (!begun && !open_comment) {
            piece.offset = token.offset;
            begun = true;
        }
        n_open += nesting(&token);
        piece.length = begun ? offset - piece.offset : 0;
        if (token.kind == TOK_ERROR && is_open_fault(token.fault)) {
            return piece;
        }
    }
}
