/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements about the session: SET, RESET, SHOW, USE, ATTACH, DETACH, ANALYZE, LOAD.
 */
#include "sql/parse/parser_int.h"

static bool
at_statement_end(sql_parser *self, int32_t distance)
{
    const uint8_t kind = cni_sql_peek(self, distance)->kind;
    return kind == TOK_END || kind == TOK_SEMICOLON;
}

/* ------------------------------------------------------------------------------- SET, RESET */

/* SESSION, LOCAL, GLOBAL, VARIABLE, when a name follows. */
static uint8_t
read_scope(sql_parser *self)
{
    static const struct {
        cni_sql_keyword keyword;
        uint8_t scope;
    } scopes[] = {
        {KW_SESSION, CNI_SQL_SET_SESSION},
        {KW_LOCAL, CNI_SQL_SET_LOCAL},
        {KW_GLOBAL, CNI_SQL_SET_GLOBAL},
        {KW_VARIABLE, CNI_SQL_SET_VARIABLE},
    };
    for (int64_t row = 0; row < CN_ARRAY_LEN(scopes); row++) {
        if (cni_sql_at_kw(self, scopes[row].keyword) &&
            cni_sql_token_is_ident(cni_sql_peek(self, 1), IDENT_LABEL) &&
            cni_sql_peek(self, 1)->keyword != KW_TO) {
            cni_sql_advance(self);
            return scopes[row].scope;
        }
    }
    return CNI_SQL_SET_DEFAULT;
}

static cn_code
rule_set_values(sql_parser *self, cni_sql_set *inout_set, cn_error *err)
{
    cni_sql_vec values = {0};
    if (cni_sql_at_kw(self, KW_DEFAULT) && at_statement_end(self, 1)) {
        cni_sql_advance(self);
        inout_set->to_default = true;
        return CN_OK;
    }
    do {
        const cni_sql_expr *value = NULL;
        CN_TRY(cni_sql_rule_setting(self, &value, err));
        CN_TRY(cni_sql_vec_push(self, &values, value, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    inout_set->values = (cni_sql_expr_list){values.n_items, values.items};
    return CN_OK;
}

/* TIME ZONE value. */
static cn_code
rule_set_time_zone(sql_parser *self, cni_sql_set *inout_set, cn_error *err)
{
    const cni_sql_name *name = NULL;
    const int64_t offset = self->token.offset;
    cni_sql_advance(self);
    cni_sql_advance(self);
    CN_TRY(cni_sql_made_name(self, "timezone", offset, &name, err));
    inout_set->name = *name;
    return rule_set_values(self, inout_set, err);
}

cn_code
cni_sql_rule_set(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_set *set = NULL;
    inout->kind = CNI_SQL_STATEMENT_SET;
    CN_TRY(CN_ARENA_NEW(self->arena, &set, err));
    inout->set = set;
    cni_sql_advance(self);
    set->scope = read_scope(self);
    if (cni_sql_at_kw2(self, KW_TIME, KW_ZONE)) {
        return rule_set_time_zone(self, set, err);
    }
    CN_TRY(cni_sql_rule_name(self, &set->name, err));
    if (!cni_sql_accept_op(self, CNI_SQL_OP_EQ)) {
        CN_TRY(cni_sql_expect_kw(self, KW_TO, err));
    }
    return rule_set_values(self, set, err);
}

cn_code
cni_sql_rule_reset(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_set *set = NULL;
    inout->kind = CNI_SQL_STATEMENT_RESET;
    CN_TRY(CN_ARENA_NEW(self->arena, &set, err));
    inout->set = set;
    cni_sql_advance(self);
    set->to_default = true;
    set->scope = read_scope(self);
    set->all = cni_sql_accept_kw(self, KW_ALL);
    return set->all ? CN_OK : cni_sql_rule_name(self, &set->name, err);
}

/* ------------------------------------------------------------------------------------- SHOW */

typedef struct show_row {
    const char *word;
    uint8_t kind;
} show_row;

static const show_row show_words[] = {
    {"tables", CNI_SQL_SHOW_TABLES},       {"views", CNI_SQL_SHOW_VIEWS},
    {"columns", CNI_SQL_SHOW_COLUMNS},     {"schemas", CNI_SQL_SHOW_SCHEMAS},
    {"databases", CNI_SQL_SHOW_DATABASES}, {"functions", CNI_SQL_SHOW_FUNCTIONS},
    {"settings", CNI_SQL_SHOW_SETTINGS},
};

/* The list that a word names; *out_found says whether it names one. */
static uint8_t
read_show_word(sql_parser *self, bool *out_found)
{
    for (int64_t row = 0; row < CN_ARRAY_LEN(show_words); row++) {
        if (cni_sql_at_word(self, show_words[row].word) && cni_sql_peek(self, 1)->kind != TOK_DOT) {
            cni_sql_advance(self);
            *out_found = true;
            return show_words[row].kind;
        }
    }
    *out_found = false;
    return CNI_SQL_SHOW_SETTING;
}

/* [FROM | IN name] [LIKE | ILIKE 'pattern'] behind a list. */
static cn_code
rule_show_filter(sql_parser *self, cni_sql_show *inout_show, cn_error *err)
{
    if (cni_sql_accept_kw(self, KW_FROM) || cni_sql_accept_kw(self, KW_IN)) {
        CN_TRY(cni_sql_rule_name_new(self, &inout_show->from, err));
    } else if (inout_show->kind == CNI_SQL_SHOW_COLUMNS) {
        return cni_sql_syntax_error(self, err);
    }
    if (cni_sql_accept_kw(self, KW_LIKE)) {
        inout_show->like_op = CNI_SQL_OP_LIKE;
    } else if (cni_sql_accept_kw(self, KW_ILIKE)) {
        inout_show->like_op = CNI_SQL_OP_ILIKE;
    } else {
        return CN_OK;
    }
    return cni_sql_rule_string(self, &inout_show->pattern, err);
}

/* CREATE TABLE t, CREATE VIEW v. */
static cn_code
rule_show_create(sql_parser *self, cni_sql_show *inout_show, cn_error *err)
{
    cni_sql_advance(self);
    if (cni_sql_accept_kw(self, KW_VIEW)) {
        inout_show->kind = CNI_SQL_SHOW_CREATE_VIEW;
    } else {
        inout_show->kind = CNI_SQL_SHOW_CREATE_TABLE;
        CN_TRY(cni_sql_expect_kw(self, KW_TABLE, err));
    }
    return cni_sql_rule_name_new(self, &inout_show->name, err);
}

cn_code
cni_sql_rule_show(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_show *show = NULL;
    bool found = false;
    inout->kind = CNI_SQL_STATEMENT_SHOW;
    CN_TRY(CN_ARENA_NEW(self->arena, &show, err));
    inout->show = show;
    cni_sql_advance(self);
    if (cni_sql_accept_kw2(self, KW_ALL, KW_TABLES)) {
        show->kind = CNI_SQL_SHOW_ALL_TABLES;
        return CN_OK;
    }
    if (cni_sql_accept_kw(self, KW_ALL)) {
        show->kind = CNI_SQL_SHOW_ALL;
        return CN_OK;
    }
    if (cni_sql_at_kw(self, KW_CREATE)) {
        return rule_show_create(self, show, err);
    }
    if (cni_sql_at_kw2(self, KW_TIME, KW_ZONE)) {
        const int64_t offset = self->token.offset;
        cni_sql_advance(self);
        cni_sql_advance(self);
        return cni_sql_made_name(self, "timezone", offset, &show->name, err);
    }
    show->kind = read_show_word(self, &found);
    return found ? rule_show_filter(self, show, err)
                 : cni_sql_rule_name_new(self, &show->name, err);
}

/* ---------------------------------------------------------------------- USE, ATTACH, DETACH */

cn_code
cni_sql_rule_use(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_use *use = NULL;
    inout->kind = CNI_SQL_STATEMENT_USE;
    CN_TRY(CN_ARENA_NEW(self->arena, &use, err));
    inout->use = use;
    cni_sql_advance(self);
    return cni_sql_rule_name(self, &use->name, err);
}

cn_code
cni_sql_rule_attach(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_attach *attach = NULL;
    inout->kind = CNI_SQL_STATEMENT_ATTACH;
    CN_TRY(CN_ARENA_NEW(self->arena, &attach, err));
    inout->attach = attach;
    cni_sql_advance(self);
    if (cni_sql_accept_kw(self, KW_OR)) {
        CN_TRY(cni_sql_expect_kw(self, KW_REPLACE, err));
        attach->flags.or_replace = true;
    }
    (void)cni_sql_accept_kw(self, KW_DATABASE);
    if (cni_sql_accept_kw2(self, KW_IF, KW_NOT)) {
        CN_TRY(cni_sql_expect_kw(self, KW_EXISTS, err));
        attach->flags.if_not_exists = true;
    }
    if (!cni_sql_at(self, TOK_STRING)) {
        return cni_sql_syntax_error(self, err);
    }
    CN_TRY(cni_sql_rule_literal(self, &attach->path, err));
    if (cni_sql_accept_kw(self, KW_AS)) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &attach->alias, err));
    }
    return cni_sql_at(self, TOK_LEFT_PAREN) ? cni_sql_rule_options(self, &attach->options, err)
                                            : CN_OK;
}

cn_code
cni_sql_rule_detach(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_detach *detach = NULL;
    inout->kind = CNI_SQL_STATEMENT_DETACH;
    CN_TRY(CN_ARENA_NEW(self->arena, &detach, err));
    inout->detach = detach;
    cni_sql_advance(self);
    if (!at_statement_end(self, 1)) {
        (void)cni_sql_accept_kw(self, KW_DATABASE);
    }
    detach->if_exists = cni_sql_accept_kw2(self, KW_IF, KW_EXISTS);
    return cni_sql_rule_ident(self, IDENT_COLUMN, &detach->name, err);
}

/* ---------------------------------------------------------------------------- ANALYZE, LOAD */

cn_code
cni_sql_rule_analyze(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_analyze *analyze = NULL;
    cni_sql_vec tables = {0};
    inout->kind = CNI_SQL_STATEMENT_ANALYZE;
    CN_TRY(CN_ARENA_NEW(self->arena, &analyze, err));
    inout->analyze = analyze;
    cni_sql_advance(self);
    analyze->verbose = cni_sql_accept_kw(self, KW_VERBOSE);
    if (at_statement_end(self, 0)) {
        return CN_OK;
    }
    do {
        cni_sql_analyze_table *table = NULL;
        CN_TRY(CNI_SQL_ADD(self, &tables, &table, err));
        CN_TRY(cni_sql_rule_name(self, &table->table, err));
        if (cni_sql_at(self, TOK_LEFT_PAREN)) {
            CN_TRY(cni_sql_rule_ident_list(self, &table->columns, err));
        }
    } while (cni_sql_accept(self, TOK_COMMA));
    analyze->tables = tables.items;
    analyze->n_tables = tables.n_items;
    return CN_OK;
}

cn_code
cni_sql_rule_load(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_load *load = NULL;
    inout->kind = CNI_SQL_STATEMENT_LOAD;
    CN_TRY(CN_ARENA_NEW(self->arena, &load, err));
    inout->load = load;
    cni_sql_advance(self);
    if (cni_sql_at(self, TOK_STRING)) {
        return cni_sql_rule_string(self, &load->path, err);
    }
    cni_sql_ident name = {0};
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &name, err));
    load->path = name.text;
    load->is_name = true;
    return CN_OK;
}
