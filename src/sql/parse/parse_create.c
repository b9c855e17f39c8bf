/* SPDX-License-Identifier: Apache-2.0
 *
 * CREATE and DROP: schemas, views, macros here; the table forms are in parse_create_table.c.
 * Objects that other databases have (indexes, sequences, types ...) are refused by name.
 */
#include "sql/parse/parser_int.h"

/* What stands between CREATE and the kind of object. */
typedef struct create_words {
    cni_sql_create_flags flags;
    bool unbounded;
    bool recursive;
    bool materialized;
    bool external;
} create_words;

static cn_code
rule_if_not_exists(sql_parser *self, cni_sql_create_flags *inout_flags, cn_error *err)
{
    if (!cni_sql_accept_kw2(self, KW_IF, KW_NOT)) {
        return CN_OK;
    }
    inout_flags->if_not_exists = true;
    return cni_sql_expect_kw(self, KW_EXISTS, err);
}

static cn_code
rule_create_words(sql_parser *self, create_words *out_words, cn_error *err)
{
    cni_sql_advance(self);
    if (cni_sql_accept_kw(self, KW_OR)) {
        CN_TRY(cni_sql_expect_kw(self, KW_REPLACE, err));
        out_words->flags.or_replace = true;
    }
    if (cni_sql_at_kw(self, KW_LOCAL) || cni_sql_at_kw(self, KW_GLOBAL)) {
        cni_sql_advance(self);
        if (!cni_sql_at_kw(self, KW_TEMP) && !cni_sql_at_kw(self, KW_TEMPORARY)) {
            return cni_sql_syntax_error(self, err);
        }
    }
    out_words->flags.temporary =
        cni_sql_accept_kw(self, KW_TEMP) || cni_sql_accept_kw(self, KW_TEMPORARY);
    out_words->unbounded = cni_sql_accept_kw(self, KW_UNBOUNDED);
    out_words->external = cni_sql_accept_kw(self, KW_EXTERNAL);
    out_words->recursive = cni_sql_accept_kw(self, KW_RECURSIVE);
    out_words->materialized = cni_sql_accept_kw(self, KW_MATERIALIZED);
    return CN_OK;
}

/* ------------------------------------------------------------------------------------- VIEW */

static cn_code
rule_create_view(sql_parser *self, const create_words *words, cni_sql_statement *inout,
                 cn_error *err)
{
    cni_sql_create_view *create = NULL;
    inout->kind = CNI_SQL_STATEMENT_CREATE_VIEW;
    CN_TRY(CN_ARENA_NEW(self->arena, &create, err));
    create->flags = words->flags;
    create->recursive = words->recursive;
    create->materialized = words->materialized;
    cni_sql_advance(self);
    CN_TRY(rule_if_not_exists(self, &create->flags, err));
    CN_TRY(cni_sql_rule_name(self, &create->name, err));
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        CN_TRY(cni_sql_rule_ident_list(self, &create->columns, err));
    }
    if (cni_sql_accept_kw(self, KW_WITH)) {
        CN_TRY(cni_sql_rule_options(self, &create->options, err));
    }
    CN_TRY(cni_sql_expect_kw(self, KW_AS, err));
    CN_TRY(cni_sql_rule_query(self, &create->query, err));
    if (cni_sql_at_kw(self, KW_WITH)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length,
                                 "WITH CHECK OPTION (and WITH DATA) of a view", err);
    }
    inout->create_view = create;
    return CN_OK;
}

static cn_code
rule_create_schema(sql_parser *self, const create_words *words, cni_sql_statement *inout,
                   cn_error *err)
{
    cni_sql_create_schema *create = NULL;
    inout->kind = CNI_SQL_STATEMENT_CREATE_SCHEMA;
    CN_TRY(CN_ARENA_NEW(self->arena, &create, err));
    create->flags = words->flags;
    cni_sql_advance(self);
    CN_TRY(rule_if_not_exists(self, &create->flags, err));
    CN_TRY(cni_sql_rule_name(self, &create->name, err));
    if (cni_sql_at_kw(self, KW_AUTHORIZATION)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length,
                                 "AUTHORIZATION of a schema", err);
    }
    inout->create_schema = create;
    return CN_OK;
}

/* ------------------------------------------------------------------------------------ MACRO */

/* name [type] [:= default | DEFAULT default]. */
static cn_code
rule_macro_param(sql_parser *self, cni_sql_macro_param *out_param, cn_error *err)
{
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &out_param->name, err));
    if (!cni_sql_at(self, TOK_COMMA) && !cni_sql_at(self, TOK_RIGHT_PAREN) &&
        !cni_sql_at(self, TOK_ASSIGN) && !cni_sql_at(self, TOK_FAT_ARROW) &&
        !cni_sql_at_kw(self, KW_DEFAULT)) {
        CN_TRY(cni_sql_rule_type(self, &out_param->type, err));
    }
    if (cni_sql_accept(self, TOK_ASSIGN) || cni_sql_accept(self, TOK_FAT_ARROW) ||
        cni_sql_accept_kw(self, KW_DEFAULT)) {
        CN_TRY(cni_sql_rule_expr(self, &out_param->default_value, err));
    }
    return CN_OK;
}

/* (params) AS expr | AS TABLE query. */
static cn_code
rule_macro_body(sql_parser *self, cni_sql_macro_body *out_body, cn_error *err)
{
    cni_sql_vec params = {0};
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    while (!cni_sql_at(self, TOK_RIGHT_PAREN)) {
        cni_sql_macro_param *param = NULL;
        CN_TRY(CNI_SQL_ADD(self, &params, &param, err));
        CN_TRY(rule_macro_param(self, param, err));
        if (!cni_sql_accept(self, TOK_COMMA)) {
            break;
        }
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    out_body->params = params.items;
    out_body->n_params = params.n_items;
    if (cni_sql_at_kw(self, KW_RETURNS) || cni_sql_at_kw(self, KW_LANGUAGE)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length,
                                 "a function in another language (CREATE FUNCTION ... RETURNS)",
                                 err);
    }
    CN_TRY(cni_sql_expect_kw(self, KW_AS, err));
    return cni_sql_accept_kw(self, KW_TABLE) ? cni_sql_rule_query(self, &out_body->query, err)
                                             : cni_sql_rule_expr(self, &out_body->expr, err);
}

static cn_code
rule_create_macro(sql_parser *self, const create_words *words, cni_sql_statement *inout,
                  cn_error *err)
{
    cni_sql_create_macro *create = NULL;
    cni_sql_vec bodies = {0};
    inout->kind = CNI_SQL_STATEMENT_CREATE_MACRO;
    CN_TRY(CN_ARENA_NEW(self->arena, &create, err));
    create->flags = words->flags;
    cni_sql_advance(self);
    CN_TRY(rule_if_not_exists(self, &create->flags, err));
    CN_TRY(cni_sql_rule_name(self, &create->name, err));
    do {
        cni_sql_macro_body *body = NULL;
        CN_TRY(CNI_SQL_ADD(self, &bodies, &body, err));
        CN_TRY(rule_macro_body(self, body, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    create->bodies = bodies.items;
    create->n_bodies = bodies.n_items;
    inout->create_macro = create;
    return CN_OK;
}

/* ----------------------------------------------------------------------------------- CREATE */

/* Objects that are not here: CREATE INDEX and so on. */
static cn_code
refuse_object(sql_parser *self, const char *verb, cn_error *err)
{
    static const cni_sql_keyword known[] = {
        KW_INDEX,     KW_UNIQUE,   KW_SEQUENCE, KW_TYPE,        KW_DOMAIN,    KW_DATABASE,
        KW_TRIGGER,   KW_ROLE,     KW_USER,     KW_EXTENSION,   KW_AGGREGATE, KW_CAST,
        KW_COLLATION, KW_OPERATOR, KW_SERVER,   KW_PROCEDURE,   KW_RULE,      KW_STATISTICS,
        KW_POLICY,    KW_FOREIGN,  KW_UNLOGGED, KW_PUBLICATION, KW_LANGUAGE,  KW_SUBSCRIPTION,
    };
    for (int64_t word = 0; word < CN_ARRAY_LEN(known); word++) {
        if (cni_sql_at_kw(self, known[word])) {
            return cni_sql_refuse_word(self, verb, err);
        }
    }
    return cni_sql_syntax_error(self, err);
}

/* A word before the kind that does not go with it is a syntax error at the kind. */
static bool
words_fit(const create_words *words, int keyword)
{
    const bool is_table = keyword == KW_TABLE;
    const bool is_view = keyword == KW_VIEW;
    return (!words->external || is_table) && (!words->unbounded || is_table) &&
           (!words->recursive || is_view) && (!words->materialized || is_view) &&
           (!words->flags.temporary || keyword != KW_SCHEMA);
}

cn_code
cni_sql_rule_create(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    create_words words = {0};
    CN_TRY(rule_create_words(self, &words, err));
    if (!words_fit(&words, self->token.keyword)) {
        return cni_sql_syntax_error(self, err);
    }
    switch (self->token.keyword) {
    case KW_TABLE:
        cni_sql_advance(self);
        CN_TRY(rule_if_not_exists(self, &words.flags, err));
        return words.external
                   ? cni_sql_rule_create_external(self, words.flags, words.unbounded, inout, err)
                   : cni_sql_rule_create_table(self, words.flags, words.unbounded, inout, err);
    case KW_VIEW:
        return rule_create_view(self, &words, inout, err);
    case KW_SCHEMA:
        return rule_create_schema(self, &words, inout, err);
    case KW_MACRO:
    case KW_FUNCTION:
        return rule_create_macro(self, &words, inout, err);
    default:
        return refuse_object(self, "CREATE ", err);
    }
}

/* ------------------------------------------------------------------------------------- DROP */

cn_code
cni_sql_rule_drop_behavior(sql_parser *self, uint8_t *out_behavior, cn_error *err)
{
    (void)err;
    *out_behavior = CNI_SQL_DROP_DEFAULT;
    if (cni_sql_accept_kw(self, KW_CASCADE)) {
        *out_behavior = CNI_SQL_DROP_CASCADE;
    } else if (cni_sql_accept_kw(self, KW_RESTRICT)) {
        *out_behavior = CNI_SQL_DROP_RESTRICT;
    }
    return CN_OK;
}

static cn_code
rule_drop_object(sql_parser *self, uint8_t *out_object, cn_error *err)
{
    if (cni_sql_accept_kw(self, KW_TABLE)) {
        *out_object = CNI_SQL_OBJECT_TABLE;
    } else if (cni_sql_accept_kw2(self, KW_EXTERNAL, KW_TABLE)) {
        *out_object = CNI_SQL_OBJECT_EXTERNAL_TABLE;
    } else if (cni_sql_accept_kw(self, KW_VIEW)) {
        *out_object = CNI_SQL_OBJECT_VIEW;
    } else if (cni_sql_accept_kw2(self, KW_MATERIALIZED, KW_VIEW)) {
        *out_object = CNI_SQL_OBJECT_MATERIALIZED_VIEW;
    } else if (cni_sql_accept_kw(self, KW_SCHEMA)) {
        *out_object = CNI_SQL_OBJECT_SCHEMA;
    } else if (cni_sql_accept_kw(self, KW_MACRO) || cni_sql_accept_kw(self, KW_FUNCTION)) {
        const bool is_table = cni_sql_accept_kw(self, KW_TABLE);
        *out_object = is_table ? CNI_SQL_OBJECT_MACRO_TABLE : CNI_SQL_OBJECT_MACRO;
    } else {
        return refuse_object(self, "DROP ", err);
    }
    return CN_OK;
}

cn_code
cni_sql_rule_drop(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_drop *drop = NULL;
    inout->kind = CNI_SQL_STATEMENT_DROP;
    CN_TRY(CN_ARENA_NEW(self->arena, &drop, err));
    cni_sql_advance(self);
    CN_TRY(rule_drop_object(self, &drop->object, err));
    drop->if_exists = cni_sql_accept_kw2(self, KW_IF, KW_EXISTS);
    CN_TRY(cni_sql_rule_names(self, &drop->names, err));
    inout->drop = drop;
    return cni_sql_rule_drop_behavior(self, &drop->behavior, err);
}
