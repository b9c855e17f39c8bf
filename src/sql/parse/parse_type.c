/* SPDX-License-Identifier: Apache-2.0
 *
 * Types: names with modifiers, the nested ones, array suffixes; and typed literals, where a type is
 * followed by a string. Names of several words are made one word here (see cni_sql_type), so that
 * the binder looks up a single name.
 */
#include "sql/parse/parser_int.h"

static cn_code
type_open(sql_parser *self, cni_sql_type_kind kind, int64_t offset, cni_sql_type **out_type,
          cn_error *err)
{
    cni_sql_type *type = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &type, err));
    type->node.node_class = CNI_SQL_CLASS_TYPE;
    type->node.offset = offset;
    type->kind = (uint8_t)kind;
    *out_type = type;
    return CN_OK;
}

static cn_code
set_children(sql_parser *self, cni_sql_type *inout_type, int32_t n_children,
             const cni_sql_type *const *children, cn_error *err)
{
    const cni_sql_type **copy = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, n_children, (int64_t)sizeof(const cni_sql_type *),
                                 &copy, err));
    for (int32_t child = 0; child < n_children; child++) {
        copy[child] = children[child];
    }
    inout_type->children = copy;
    inout_type->n_children = n_children;
    return CN_OK;
}

/* ----------------------------------------------------------------------------------- nested */

/* (name type, ...) of STRUCT, ROW and UNION. */
static cn_code
rule_fields(sql_parser *self, cni_sql_type *inout_type, cn_error *err)
{
    cni_sql_vec names = {0};
    cni_sql_vec types = {0};
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    do {
        cni_sql_ident *name = NULL;
        const cni_sql_type *type = NULL;
        CN_TRY(CNI_SQL_ADD(self, &names, &name, err));
        CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, name, err));
        CN_TRY(cni_sql_rule_type(self, &type, err));
        CN_TRY(cni_sql_vec_push(self, &types, type, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    inout_type->field_names = names.items;
    inout_type->children = types.items;
    inout_type->n_children = types.n_items;
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static cn_code
rule_map_type(sql_parser *self, cni_sql_type *inout_type, cn_error *err)
{
    const cni_sql_type *children[2] = {NULL, NULL};
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_type(self, &children[0], err));
    CN_TRY(cni_sql_expect(self, TOK_COMMA, err));
    CN_TRY(cni_sql_rule_type(self, &children[1], err));
    CN_TRY(set_children(self, inout_type, 2, children, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static cn_code
rule_enum_type(sql_parser *self, cni_sql_type *inout_type, cn_error *err)
{
    cni_sql_vec values = {0};
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    do {
        const cni_sql_expr *value = NULL;
        if (!cni_sql_at(self, TOK_STRING)) {
            return cni_sql_syntax_error(self, err);
        }
        CN_TRY(cni_sql_rule_literal(self, &value, err));
        CN_TRY(cni_sql_vec_push(self, &values, value, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    inout_type->modifiers = (cni_sql_expr_list){values.n_items, values.items};
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* STRUCT(...), ROW(...), UNION(...), MAP(...), ENUM(...); *out_type stays NULL when it is none. */
static cn_code
rule_nested(sql_parser *self, cni_sql_type **out_type, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_type_kind kind = CNI_SQL_TYPE_STRUCT;
    if (cni_sql_peek(self, 1)->kind != TOK_LEFT_PAREN) {
        return CN_OK;
    }
    switch (self->token.keyword) {
    case KW_STRUCT:
    case KW_ROW:
        break;
    case KW_UNION:
        kind = CNI_SQL_TYPE_UNION;
        break;
    case KW_MAP:
        kind = CNI_SQL_TYPE_MAP;
        break;
    case KW_ENUM:
        kind = CNI_SQL_TYPE_ENUM;
        break;
    default:
        return CN_OK;
    }
    cni_sql_advance(self);
    CN_TRY(type_open(self, kind, offset, out_type, err));
    if (kind == CNI_SQL_TYPE_MAP) {
        CN_TRY(rule_map_type(self, *out_type, err));
    } else if (kind == CNI_SQL_TYPE_ENUM) {
        CN_TRY(rule_enum_type(self, *out_type, err));
    } else {
        CN_TRY(rule_fields(self, *out_type, err));
    }
    return cni_sql_node_close(self, &(*out_type)->node, err);
}

/* ------------------------------------------------------------------------------------ named */

static cn_code
rule_modifiers(sql_parser *self, cni_sql_type *inout_type, cn_error *err)
{
    if (!cni_sql_accept(self, TOK_LEFT_PAREN)) {
        return CN_OK;
    }
    CN_TRY(cni_sql_rule_expr_list(self, &inout_type->modifiers, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static cn_code
set_made_name(sql_parser *self, cni_sql_type *inout_type, const char *text, cn_error *err)
{
    const cni_sql_name *name = NULL;
    CN_TRY(cni_sql_made_name(self, text, inout_type->node.offset, &name, err));
    inout_type->name = *name;
    return CN_OK;
}

/* TIMESTAMP and TIME with precision and zone. */
static cn_code
rule_time_type(sql_parser *self, cni_sql_type *inout_type, cn_error *err)
{
    const bool stamp = cni_sql_at_kw(self, KW_TIMESTAMP);
    const char *name = stamp ? "timestamp" : "time";
    cni_sql_advance(self);
    CN_TRY(rule_modifiers(self, inout_type, err));
    if (cni_sql_at_kw2(self, KW_WITH, KW_TIME)) {
        name = stamp ? "timestamptz" : "timetz";
    }
    if (cni_sql_accept_kw2(self, KW_WITH, KW_TIME) ||
        cni_sql_accept_kw2(self, KW_WITHOUT, KW_TIME)) {
        CN_TRY(cni_sql_expect_kw(self, KW_ZONE, err));
    }
    return set_made_name(self, inout_type, name, err);
}

static cn_code
rule_interval_type(sql_parser *self, cni_sql_type *inout_type, cn_error *err)
{
    int32_t precision = -1;
    cni_sql_advance(self);
    CN_TRY(rule_modifiers(self, inout_type, err));
    CN_TRY(cni_sql_rule_interval_unit(self, &inout_type->interval_from, &inout_type->interval_to,
                                      &precision, err));
    return set_made_name(self, inout_type, "interval", err);
}

/* CHARACTER VARYING and the other two-word names: `plain` without the second word. */
static cn_code
rule_two_words(sql_parser *self, cni_sql_type *inout_type, cni_sql_keyword second,
               const char *plain, const char *both, cn_error *err)
{
    cni_sql_advance(self);
    const bool has_second = cni_sql_accept_kw(self, second);
    CN_TRY(rule_modifiers(self, inout_type, err));
    return set_made_name(self, inout_type, has_second ? both : plain, err);
}

static cn_code
rule_plain_name(sql_parser *self, cni_sql_type *inout_type, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_vec parts = {0};
    cni_sql_ident_rule rule = cni_sql_at_ident(self, IDENT_COLUMN) ? IDENT_COLUMN : IDENT_FUNCTION;
    do {
        cni_sql_ident *part = NULL;
        CN_TRY(CNI_SQL_ADD(self, &parts, &part, err));
        CN_TRY(cni_sql_rule_ident(self, rule, part, err));
        rule = IDENT_LABEL;
    } while (cni_sql_accept(self, TOK_DOT));
    inout_type->name =
        (cni_sql_name){parts.n_items, parts.items, offset, cni_sql_extent(self, offset)};
    return rule_modifiers(self, inout_type, err);
}

static cn_code
rule_named(sql_parser *self, cni_sql_type *inout_type, cn_error *err)
{
    switch (self->token.keyword) {
    case KW_TIMESTAMP:
    case KW_TIME:
        return rule_time_type(self, inout_type, err);
    case KW_INTERVAL:
        return rule_interval_type(self, inout_type, err);
    case KW_NATIONAL:
        cni_sql_advance(self);
        if (!cni_sql_at_kw(self, KW_CHARACTER) && !cni_sql_at_kw(self, KW_CHAR)) {
            return cni_sql_syntax_error(self, err);
        }
        return rule_two_words(self, inout_type, KW_VARYING, "char", "varchar", err);
    case KW_CHARACTER:
    case KW_CHAR:
    case KW_NCHAR:
        return rule_two_words(self, inout_type, KW_VARYING, "char", "varchar", err);
    case KW_BIT:
        return rule_two_words(self, inout_type, KW_VARYING, "bit", "varbit", err);
    case KW_DOUBLE:
        return rule_two_words(self, inout_type, KW_PRECISION, "double", "double", err);
    default:
        return rule_plain_name(self, inout_type, err);
    }
}

/* --------------------------------------------------------------------------------- suffixes */

/* The size between brackets; absent makes a LIST. */
static cn_code
rule_array_size(sql_parser *self, int64_t *out_size, cn_error *err)
{
    const cni_str digits = cni_sql_token_text(self->text, &self->token);
    *out_size = 0;
    if (!cni_sql_at(self, TOK_INTEGER) || digits.len_bytes > 9) {
        return cni_sql_syntax_error(self, err);
    }
    for (int64_t digit = 0; digit < digits.len_bytes; digit++) {
        if (digits.data[digit] < '0' || digits.data[digit] > '9') {
            return cni_sql_syntax_error(self, err);
        }
        *out_size = *out_size * 10 + (digits.data[digit] - '0');
    }
    cni_sql_advance(self);
    return CN_OK;
}

static cn_code
rule_brackets(sql_parser *self, cni_sql_type *inout_type, cn_error *err)
{
    CN_TRY(cni_sql_expect(self, TOK_LEFT_BRACKET, err));
    if (!cni_sql_at(self, TOK_RIGHT_BRACKET)) {
        CN_TRY(rule_array_size(self, &inout_type->array_size, err));
        inout_type->kind = CNI_SQL_TYPE_ARRAY;
    }
    return cni_sql_expect(self, TOK_RIGHT_BRACKET, err);
}

/* [], [3], ARRAY, ARRAY[3] behind an element type. */
static cn_code
rule_suffixes(sql_parser *self, cni_sql_type **inout_type, cn_error *err)
{
    while (cni_sql_at(self, TOK_LEFT_BRACKET) || cni_sql_at_kw(self, KW_ARRAY)) {
        const cni_sql_type *element = *inout_type;
        cni_sql_type *type = NULL;
        CN_TRY(type_open(self, CNI_SQL_TYPE_LIST, element->node.offset, &type, err));
        CN_TRY(set_children(self, type, 1, &element, err));
        const bool word = cni_sql_accept_kw(self, KW_ARRAY);
        if (!word || cni_sql_at(self, TOK_LEFT_BRACKET)) {
            CN_TRY(rule_brackets(self, type, err));
        }
        CN_TRY(cni_sql_node_close(self, &type->node, err));
        *inout_type = type;
    }
    return CN_OK;
}

cn_code
cni_sql_rule_type(sql_parser *self, const cni_sql_type **out_type, cn_error *err)
{
    cni_sql_type *type = NULL;
    CN_TRY(cni_sql_descend(self, err));
    CN_TRY(rule_nested(self, &type, err));
    if (type == NULL) {
        CN_TRY(type_open(self, CNI_SQL_TYPE_NAMED, self->token.offset, &type, err));
        CN_TRY(rule_named(self, type, err));
        CN_TRY(cni_sql_node_close(self, &type->node, err));
    }
    CN_TRY(rule_suffixes(self, &type, err));
    cni_sql_ascend(self);
    *out_type = type;
    return CN_OK;
}

/* ---------------------------------------------------------------------------- typed literals */

/* Whether a type and then a string stand at the cursor. Of the types with modifiers only the one
 * with a single number is recognised: TIMESTAMP(3) '...'. */
static bool
at_typed_literal(sql_parser *self)
{
    const cni_sql_token *next = cni_sql_peek(self, 1);
    const int keyword = self->token.keyword;
    if (next->kind == TOK_STRING) {
        return cni_sql_at_ident(self, IDENT_FUNCTION) || cni_sql_at_ident(self, IDENT_COLUMN);
    }
    if (keyword == KW_TIMESTAMP || keyword == KW_TIME) {
        if (next->keyword == KW_WITH || next->keyword == KW_WITHOUT) {
            return cni_sql_peek(self, 2)->keyword == KW_TIME &&
                   cni_sql_peek(self, 3)->keyword == KW_ZONE &&
                   cni_sql_peek(self, 4)->kind == TOK_STRING;
        }
        return next->kind == TOK_LEFT_PAREN && cni_sql_peek(self, 2)->kind == TOK_INTEGER &&
               cni_sql_peek(self, 3)->kind == TOK_RIGHT_PAREN &&
               (cni_sql_peek(self, 4)->kind == TOK_STRING ||
                cni_sql_peek(self, 4)->keyword == KW_WITH ||
                cni_sql_peek(self, 4)->keyword == KW_WITHOUT);
    }
    if (keyword == KW_DOUBLE || keyword == KW_CHARACTER || keyword == KW_BIT) {
        return (next->keyword == KW_PRECISION || next->keyword == KW_VARYING) &&
               cni_sql_peek(self, 2)->kind == TOK_STRING;
    }
    return false;
}

cn_code
cni_sql_rule_typed_literal(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    if (!at_typed_literal(self)) {
        return CN_OK;
    }
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_TYPED_LITERAL, self->token.offset, &expr, err));
    CN_TRY(cni_sql_rule_type(self, &expr->type, err));
    CN_TRY(cni_sql_rule_string(self, &expr->text, err));
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}
