/* SPDX-License-Identifier: Apache-2.0
 *
 * What every grammar rule is written with: the cursor over the tokens, syntax errors with their
 * suggestion, nodes with extent and height, arrays in the arena.
 */
#include "sql/parse/parser_int.h"

#include "sql/parse/ast_walk.h"

#define SHOWN_TOKEN_BYTES 64
#define SUGGEST_MIN_BYTES 3

/* ------------------------------------------------------------------------------- the cursor */

void
cni_sql_parser_init(sql_parser *self, cni_arena *arena, cni_str text)
{
    memset(self, 0, sizeof(*self));
    self->arena = arena;
    self->text = text;
    self->soft_alias_offset = -1;
    self->token = cni_sql_lex(text, 0);
}

void
cni_sql_advance(sql_parser *self)
{
    const int64_t end = self->token.offset + self->token.length;
    self->last_end = end;
    if (self->n_ahead > 0) {
        self->token = self->ahead[0];
        self->n_ahead--;
        memmove(&self->ahead[0], &self->ahead[1], (size_t)self->n_ahead * sizeof(self->ahead[0]));
    } else {
        self->token = cni_sql_lex(self->text, end);
    }
}

const cni_sql_token *
cni_sql_peek(sql_parser *self, int32_t distance)
{
    while (self->n_ahead < distance) {
        const cni_sql_token *last =
            self->n_ahead > 0 ? &self->ahead[self->n_ahead - 1] : &self->token;
        self->ahead[self->n_ahead] = cni_sql_lex(self->text, last->offset + last->length);
        self->n_ahead++;
    }
    return distance == 0 ? &self->token : &self->ahead[distance - 1];
}

bool
cni_sql_at_kw2(sql_parser *self, cni_sql_keyword first, cni_sql_keyword second)
{
    return cni_sql_at_kw(self, first) && cni_sql_peek(self, 1)->keyword == second;
}

bool
cni_sql_at_word(const sql_parser *self, const char *word)
{
    return self->token.kind == TOK_WORD &&
           cni_str_eq_nocase(cni_sql_token_text(self->text, &self->token), cni_str_of(word));
}

bool
cni_sql_accept(sql_parser *self, cni_sql_token_kind kind)
{
    if (!cni_sql_at(self, kind)) {
        return false;
    }
    cni_sql_advance(self);
    return true;
}

bool
cni_sql_accept_kw(sql_parser *self, cni_sql_keyword keyword)
{
    if (!cni_sql_at_kw(self, keyword)) {
        return false;
    }
    cni_sql_advance(self);
    return true;
}

bool
cni_sql_accept_kw2(sql_parser *self, cni_sql_keyword first, cni_sql_keyword second)
{
    if (!cni_sql_at_kw2(self, first, second)) {
        return false;
    }
    cni_sql_advance(self);
    cni_sql_advance(self);
    return true;
}

bool
cni_sql_accept_word(sql_parser *self, const char *word)
{
    if (!cni_sql_at_word(self, word)) {
        return false;
    }
    cni_sql_advance(self);
    return true;
}

bool
cni_sql_accept_op(sql_parser *self, uint8_t op)
{
    if (!cni_sql_at_op(self, op)) {
        return false;
    }
    cni_sql_advance(self);
    return true;
}

cn_code
cni_sql_accept_by(sql_parser *self, cni_sql_keyword keyword, bool *out_found, cn_error *err)
{
    *out_found = cni_sql_accept_kw(self, keyword);
    return *out_found ? cni_sql_expect_kw(self, KW_BY, err) : CN_OK;
}

cn_code
cni_sql_expect(sql_parser *self, cni_sql_token_kind kind, cn_error *err)
{
    return cni_sql_accept(self, kind) ? CN_OK : cni_sql_syntax_error(self, err);
}

cn_code
cni_sql_expect_kw(sql_parser *self, cni_sql_keyword keyword, cn_error *err)
{
    return cni_sql_accept_kw(self, keyword) ? CN_OK : cni_sql_syntax_error(self, err);
}

cn_code
cni_sql_expect_op(sql_parser *self, uint8_t op, cn_error *err)
{
    return cni_sql_accept_op(self, op) ? CN_OK : cni_sql_syntax_error(self, err);
}

/* ----------------------------------------------------------------------------------- errors */

/* What the word at a place may have been meant to be; NULL for keywords and far words. */
static const char *
suggestion(const sql_parser *self, int64_t offset, int64_t length)
{
    const cni_str word = {self->text.data + offset, length};
    if (length < SUGGEST_MIN_BYTES) { /* everything is near to a short word */
        return NULL;
    }
    return cni_sql_keyword_find(word) == KW_NO_KEYWORD ? cni_sql_keyword_suggest(word) : NULL;
}

static cn_code
error_near(const sql_parser *self, int64_t offset, int64_t length, const char *hint, cn_error *err)
{
    int64_t shown = cni_min_i64(length, SHOWN_TOKEN_BYTES);
    while (shown < length && shown > 0 &&
           ((unsigned char)self->text.data[offset + shown] & 0xC0U) == 0x80U) {
        shown--; /* not inside a character */
    }
    const char *dots = shown < length ? "..." : "";
    const cn_code code =
        hint == NULL ? CN_FAIL(err, CN_INVALID_ARGUMENT, "syntax error at or near \"%.*s%s\"",
                               (int)shown, self->text.data + offset, dots)
                     : CN_FAIL(err, CN_INVALID_ARGUMENT,
                               "syntax error at or near \"%.*s%s\"; did you mean %s?", (int)shown,
                               self->text.data + offset, dots, hint);
    cni_error_sqlstate(err, "42601");
    cni_error_position(err, offset, length);
    return code;
}

cn_code
cni_sql_syntax_error(sql_parser *self, cn_error *err)
{
    const cni_sql_token *token = &self->token;
    if (token->kind == TOK_ERROR) {
        return cni_sql_lex_error(self->text, token, err);
    }
    const bool after_alias = self->soft_alias_offset >= 0 &&
                             self->soft_alias_offset + self->soft_alias_length == self->last_end;
    if (after_alias && token->kind != TOK_SEMICOLON) {
        const char *meant = suggestion(self, self->soft_alias_offset, self->soft_alias_length);
        if (meant != NULL) {
            return error_near(self, self->soft_alias_offset, self->soft_alias_length, meant, err);
        }
    }
    if (token->kind == TOK_END) {
        const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT, "syntax error at end of input");
        cni_error_sqlstate(err, "42601");
        cni_error_position(err, self->text.len_bytes, 0);
        return code;
    }
    const char *meant =
        token->kind == TOK_WORD ? suggestion(self, token->offset, token->length) : NULL;
    return error_near(self, token->offset, token->length, meant, err);
}

cn_code
cni_sql_fail_at(int64_t offset, int64_t length, const char *message, cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_ARGUMENT, "%s", message);
    cni_error_sqlstate(err, "42601");
    cni_error_position(err, offset, length);
    return code;
}

cn_code
cni_sql_refuse_at(int64_t offset, int64_t length, const char *what, cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_NOT_IMPLEMENTED, "%s is not supported", what);
    cni_error_position(err, offset, length);
    return code;
}

cn_code
cni_sql_refuse_word(const sql_parser *self, const char *prefix, cn_error *err)
{
    char word[CNI_SQL_KEYWORD_MAX_BYTES + 1] = "";
    const char *text = cni_sql_keyword_get((cni_sql_keyword)self->token.keyword)->text;
    for (int64_t at = 0; text[at] != '\0'; at++) {
        const bool lower = text[at] >= 'a' && text[at] <= 'z';
        word[at] = lower ? (char)(text[at] - ('a' - 'A')) : text[at];
    }
    const cn_code code = CN_FAIL(err, CN_NOT_IMPLEMENTED, "%s%s is not supported", prefix, word);
    cni_error_position(err, self->token.offset, self->token.length);
    return code;
}

static cn_code
too_deep(int64_t offset, int64_t length, cn_error *err)
{
    const cn_code code = CN_FAIL(
        err, CN_LIMIT_EXCEEDED,
        "the statement is nested more than %d levels deep (CNI_SQL_MAX_DEPTH)", CNI_SQL_MAX_DEPTH);
    cni_error_sqlstate(err, "54001");
    cni_error_position(err, offset, length);
    return code;
}

/* ------------------------------------------------------------------------------------ nodes */

cn_code
cni_sql_descend(sql_parser *self, cn_error *err)
{
    if (CN_UNLIKELY(self->depth >= CNI_SQL_MAX_DEPTH)) {
        return too_deep(self->token.offset, self->token.length, err);
    }
    self->depth++;
    return CN_OK;
}

cn_code
cni_sql_expr_open(sql_parser *self, cni_sql_expr_kind kind, int64_t offset, cni_sql_expr **out_expr,
                  cn_error *err)
{
    cni_sql_expr *expr = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &expr, err));
    expr->node.node_class = CNI_SQL_CLASS_EXPR;
    expr->node.offset = offset;
    expr->kind = (uint8_t)kind;
    *out_expr = expr;
    return CN_OK;
}

static cn_code
see_height(void *state, const cni_sql_node *child, cn_error *err)
{
    (void)err;
    int16_t *height = state;
    *height = child->height > *height ? child->height : *height;
    return CN_OK;
}

cn_code
cni_sql_node_close(sql_parser *self, cni_sql_node *node, cn_error *err)
{
    int16_t height = 0;
    CN_TRY(cni_sql_each_child(node, see_height, &height, err));
    node->length = cni_sql_extent(self, node->offset);
    if (CN_UNLIKELY(height >= CNI_SQL_MAX_DEPTH)) {
        return too_deep(node->offset, node->length, err);
    }
    node->height = (int16_t)(height + 1);
    return CN_OK;
}

cn_code
cni_sql_expr_args(sql_parser *self, cni_sql_expr *expr, int32_t n_args,
                  const cni_sql_expr *const *args, cn_error *err)
{
    const cni_sql_expr **copy = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n_args, (int64_t)sizeof(const cni_sql_expr *), &copy,
                                 err));
    for (int32_t arg = 0; arg < n_args; arg++) {
        copy[arg] = args[arg];
    }
    expr->args = copy;
    expr->n_args = n_args;
    return CN_OK;
}

cn_code
cni_sql_expr_over1(sql_parser *self, cni_sql_expr_kind kind, int64_t offset,
                   const cni_sql_expr *arg, cni_sql_expr **out_expr, cn_error *err)
{
    CN_TRY(cni_sql_expr_open(self, kind, offset, out_expr, err));
    CN_TRY(cni_sql_expr_args(self, *out_expr, 1, &arg, err));
    return cni_sql_node_close(self, &(*out_expr)->node, err);
}

cn_code
cni_sql_expr_over2(sql_parser *self, cni_sql_expr_kind kind, const cni_sql_expr *left,
                   const cni_sql_expr *right, cni_sql_expr **out_expr, cn_error *err)
{
    const cni_sql_expr *const args[2] = {left, right};
    CN_TRY(cni_sql_expr_open(self, kind, left->node.offset, out_expr, err));
    CN_TRY(cni_sql_expr_args(self, *out_expr, 2, args, err));
    return cni_sql_node_close(self, &(*out_expr)->node, err);
}

/* ------------------------------------------------------------------------------------ lists */

static cn_code
vec_grow(sql_parser *self, cni_sql_vec *vec, int64_t item_bytes, cn_error *err)
{
    if (vec->n_items >= CNI_SQL_MAX_ITEMS) {
        const cn_code code =
            CN_FAIL(err, CN_LIMIT_EXCEEDED, "a list has more than %d items (CNI_SQL_MAX_ITEMS)",
                    CNI_SQL_MAX_ITEMS);
        cni_error_position(err, self->token.offset, self->token.length);
        return code;
    }
    const int32_t cap = vec->n_items == 0 ? 2 : 2 * vec->n_items;
    void *items = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, cap, item_bytes, &items, err));
    if (vec->n_items > 0) {
        memcpy(items, vec->items, (size_t)(vec->n_items * item_bytes));
    }
    vec->items = items;
    vec->cap_items = cap;
    return CN_OK;
}

cn_code
cni_sql_vec_add(sql_parser *self, cni_sql_vec *vec, int64_t item_bytes, void *out_item,
                cn_error *err)
{
    if (vec->n_items == vec->cap_items) {
        CN_TRY(vec_grow(self, vec, item_bytes, err));
    }
    void *item = (char *)vec->items + vec->n_items * item_bytes;
    memcpy(out_item, &item, sizeof(item));
    vec->n_items++;
    return CN_OK;
}

cn_code
cni_sql_vec_push(sql_parser *self, cni_sql_vec *vec, const void *pointer, cn_error *err)
{
    void *slot = NULL;
    CN_TRY(cni_sql_vec_add(self, vec, (int64_t)sizeof(pointer), &slot, err));
    memcpy(slot, &pointer, sizeof(pointer));
    return CN_OK;
}
