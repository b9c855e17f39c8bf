/* SPDX-License-Identifier: Apache-2.0
 *
 * Which statement is it? One switch over the first word, and the statements around other
 * statements: EXPLAIN, DESCRIBE, SUMMARIZE, PREPARE, EXECUTE, DEALLOCATE. Statements that
 * PostgreSQL or DuckDB have and this dialect has not are refused by name rather than as syntax
 * errors.
 */
#include "sql/parse/parser_int.h"

const char *
cni_sql_statement_name(cni_sql_statement_kind kind)
{
    static const char *const names[CNI_SQL_STATEMENT_KIND_COUNT_] = {
        [CNI_SQL_STATEMENT_INVALID] = "invalid statement",
        [CNI_SQL_STATEMENT_QUERY] = "SELECT",
        [CNI_SQL_STATEMENT_EXPLAIN] = "EXPLAIN",
        [CNI_SQL_STATEMENT_DESCRIBE] = "DESCRIBE",
        [CNI_SQL_STATEMENT_SUMMARIZE] = "SUMMARIZE",
        [CNI_SQL_STATEMENT_CREATE_TABLE] = "CREATE TABLE",
        [CNI_SQL_STATEMENT_CREATE_EXTERNAL_TABLE] = "CREATE EXTERNAL TABLE",
        [CNI_SQL_STATEMENT_CREATE_VIEW] = "CREATE VIEW",
        [CNI_SQL_STATEMENT_CREATE_SCHEMA] = "CREATE SCHEMA",
        [CNI_SQL_STATEMENT_CREATE_MACRO] = "CREATE MACRO",
        [CNI_SQL_STATEMENT_DROP] = "DROP",
        [CNI_SQL_STATEMENT_INSERT] = "INSERT",
        [CNI_SQL_STATEMENT_UPDATE] = "UPDATE",
        [CNI_SQL_STATEMENT_DELETE] = "DELETE",
        [CNI_SQL_STATEMENT_TRUNCATE] = "TRUNCATE",
        [CNI_SQL_STATEMENT_MERGE] = "MERGE",
        [CNI_SQL_STATEMENT_COPY] = "COPY",
        [CNI_SQL_STATEMENT_PREPARE] = "PREPARE",
        [CNI_SQL_STATEMENT_EXECUTE] = "EXECUTE",
        [CNI_SQL_STATEMENT_DEALLOCATE] = "DEALLOCATE",
        [CNI_SQL_STATEMENT_SET] = "SET",
        [CNI_SQL_STATEMENT_RESET] = "RESET",
        [CNI_SQL_STATEMENT_SHOW] = "SHOW",
        [CNI_SQL_STATEMENT_USE] = "USE",
        [CNI_SQL_STATEMENT_ATTACH] = "ATTACH",
        [CNI_SQL_STATEMENT_DETACH] = "DETACH",
        [CNI_SQL_STATEMENT_ANALYZE] = "ANALYZE",
        [CNI_SQL_STATEMENT_LOAD] = "LOAD",
    };
    const bool known = (int)kind >= 0 && kind < CNI_SQL_STATEMENT_KIND_COUNT_;
    return names[known ? kind : CNI_SQL_STATEMENT_INVALID];
}

/* --------------------------------------------------------------------------------- EXPLAIN */

/* Whether an option is switched on: bare, TRUE, ON, 1. */
static bool
option_is_on(const cni_sql_option *option)
{
    if (option->values.n_items == 0) {
        return true;
    }
    const cni_sql_expr *value = option->values.items[0];
    if (value->kind == CNI_SQL_EXPR_LITERAL) {
        return value->literal_kind == CNI_SQL_LITERAL_TRUE ||
               (value->literal_kind == CNI_SQL_LITERAL_INTEGER &&
                !cni_str_eq(value->text, CNI_STR("0")));
    }
    return value->kind == CNI_SQL_EXPR_COLUMN &&
           cni_str_eq_nocase(value->name->parts[0].text, CNI_STR("on"));
}

/* The word that an option gives: FORMAT json, FORMAT 'json'. */
static cn_code
option_word(const cni_sql_option *option, cni_sql_ident *out_word, cn_error *err)
{
    const cni_sql_expr *value = option->values.n_items == 1 ? option->values.items[0] : NULL;
    if (value != NULL && value->kind == CNI_SQL_EXPR_COLUMN) {
        *out_word = value->name->parts[0];
        return CN_OK;
    }
    if (value != NULL && value->kind == CNI_SQL_EXPR_LITERAL &&
        value->literal_kind == CNI_SQL_LITERAL_STRING) {
        *out_word = (cni_sql_ident){value->text, true, value->node.offset, value->node.length};
        return CN_OK;
    }
    return cni_sql_fail_at(option->name.offset, option->name.length,
                           "the option FORMAT needs the name of a format", err);
}

static cn_code
rule_explain_options(sql_parser *self, cni_sql_explain *inout_explain, cn_error *err)
{
    cni_sql_option_list list = {0};
    cni_sql_vec others = {0};
    CN_TRY(cni_sql_rule_options(self, &list, err));
    for (int32_t item = 0; item < list.n_items; item++) {
        const cni_sql_option *option = &list.items[item];
        if (cni_str_eq_nocase(option->name.text, CNI_STR("analyze"))) {
            inout_explain->analyze = option_is_on(option);
        } else if (cni_str_eq_nocase(option->name.text, CNI_STR("verbose"))) {
            inout_explain->verbose = option_is_on(option);
        } else if (cni_str_eq_nocase(option->name.text, CNI_STR("format"))) {
            CN_TRY(option_word(option, &inout_explain->format, err));
        } else {
            cni_sql_option *other = NULL;
            CN_TRY(CNI_SQL_ADD(self, &others, &other, err));
            *other = *option;
        }
    }
    inout_explain->options = (cni_sql_option_list){others.n_items, others.items};
    return CN_OK;
}

/* ANALYZE, VERBOSE and FORMAT as words. */
static cn_code
rule_explain_words(sql_parser *self, cni_sql_explain *inout_explain, cn_error *err)
{
    for (;;) {
        if (cni_sql_accept_kw(self, KW_ANALYZE) || cni_sql_accept_kw(self, KW_ANALYSE)) {
            inout_explain->analyze = true;
        } else if (cni_sql_accept_kw(self, KW_VERBOSE)) {
            inout_explain->verbose = true;
        } else if (cni_sql_accept_kw(self, KW_FORMAT)) {
            CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, &inout_explain->format, err));
        } else {
            return CN_OK;
        }
    }
}

cn_code
cni_sql_rule_explain(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_explain *explain = NULL;
    inout->kind = CNI_SQL_STATEMENT_EXPLAIN;
    CN_TRY(CN_ARENA_NEW(self->arena, &explain, err));
    cni_sql_advance(self);
    if (cni_sql_at(self, TOK_LEFT_PAREN) && cni_sql_peek(self, 1)->kind == TOK_WORD &&
        !cni_sql_token_begins_query(cni_sql_peek(self, 1))) {
        CN_TRY(rule_explain_options(self, explain, err));
    } else {
        CN_TRY(rule_explain_words(self, explain, err));
    }
    if (cni_sql_at_kw(self, KW_EXPLAIN)) {
        return cni_sql_fail_at(self->token.offset, self->token.length,
                               "EXPLAIN of EXPLAIN is not a statement", err);
    }
    CN_TRY(cni_sql_rule_statement(self, &explain->statement, err));
    inout->explain = explain;
    return CN_OK;
}

/* ------------------------------------------------------------------------ DESCRIBE, SUMMARIZE */

/* A table is described as the query FROM table. */
static cn_code
rule_described_table(sql_parser *self, cni_sql_describe *inout_describe, cn_error *err)
{
    const int64_t offset = self->token.offset;
    const cni_sql_from *from = NULL;
    CN_TRY(cni_sql_rule_table(self, &from, err));
    return cni_sql_make_star_query(self, from, offset, &inout_describe->query, err);
}

/* The name of the table when FROM table is all that the query says. */
static const cni_sql_name *
described_name(const cni_sql_query *query)
{
    if (query->kind != CNI_SQL_QUERY_SELECT || !query->select->implicit_star ||
        query->with != NULL || query->select->where != NULL || query->select->from.n_items != 1) {
        return NULL;
    }
    const cni_sql_from *from = query->select->from.items[0];
    return from->kind == CNI_SQL_FROM_TABLE ? from->name : NULL;
}

cn_code
cni_sql_rule_describe(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_describe *describe = NULL;
    inout->kind = cni_sql_at_kw(self, KW_SUMMARIZE) ? CNI_SQL_STATEMENT_SUMMARIZE
                                                    : CNI_SQL_STATEMENT_DESCRIBE;
    CN_TRY(CN_ARENA_NEW(self->arena, &describe, err));
    cni_sql_advance(self);
    (void)cni_sql_accept_kw(self, KW_TABLE);
    if (cni_sql_token_begins_query(&self->token) || cni_sql_at(self, TOK_LEFT_PAREN)) {
        CN_TRY(cni_sql_rule_query(self, &describe->query, err));
    } else {
        CN_TRY(rule_described_table(self, describe, err));
    }
    describe->table = described_name(describe->query);
    inout->describe = describe;
    return CN_OK;
}

/* --------------------------------------------------------------------- prepared statements */

static cn_code
rule_prepare_types(sql_parser *self, cni_sql_prepare *inout_prepare, cn_error *err)
{
    cni_sql_vec types = {0};
    if (!cni_sql_accept(self, TOK_LEFT_PAREN)) {
        return CN_OK;
    }
    do {
        const cni_sql_type *type = NULL;
        CN_TRY(cni_sql_rule_type(self, &type, err));
        CN_TRY(cni_sql_vec_push(self, &types, type, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    inout_prepare->types = types.items;
    inout_prepare->n_types = types.n_items;
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static bool
can_be_prepared(uint8_t kind)
{
    switch (kind) {
    case CNI_SQL_STATEMENT_QUERY:
    case CNI_SQL_STATEMENT_INSERT:
    case CNI_SQL_STATEMENT_UPDATE:
    case CNI_SQL_STATEMENT_DELETE:
    case CNI_SQL_STATEMENT_MERGE:
    case CNI_SQL_STATEMENT_COPY:
    case CNI_SQL_STATEMENT_CREATE_TABLE:
        return true;
    default:
        return false;
    }
}

cn_code
cni_sql_rule_prepare(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_prepare *prepare = NULL;
    inout->kind = CNI_SQL_STATEMENT_PREPARE;
    CN_TRY(CN_ARENA_NEW(self->arena, &prepare, err));
    cni_sql_advance(self);
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &prepare->name, err));
    CN_TRY(rule_prepare_types(self, prepare, err));
    CN_TRY(cni_sql_expect_kw(self, KW_AS, err));
    CN_TRY(cni_sql_descend(self, err));
    CN_TRY(cni_sql_rule_statement(self, &prepare->statement, err));
    cni_sql_ascend(self);
    if (!can_be_prepared(prepare->statement->kind)) {
        return cni_sql_fail_at(prepare->statement->offset, prepare->statement->length,
                               "a statement of this kind cannot be prepared", err);
    }
    inout->prepare = prepare;
    return CN_OK;
}

/* name := value or value. */
static cn_code
rule_execute_arg(sql_parser *self, cni_sql_ident *out_name, const cni_sql_expr **out_value,
                 bool *inout_named, cn_error *err)
{
    const uint8_t next = cni_sql_peek(self, 1)->kind;
    if (cni_sql_at_ident(self, IDENT_LABEL) && (next == TOK_ASSIGN || next == TOK_FAT_ARROW)) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, out_name, err));
        cni_sql_advance(self);
        *inout_named = true;
    }
    return cni_sql_rule_expr(self, out_value, err);
}

cn_code
cni_sql_rule_execute(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_execute *execute = NULL;
    cni_sql_vec args = {0};
    cni_sql_vec names = {0};
    bool named = false;
    inout->kind = CNI_SQL_STATEMENT_EXECUTE;
    CN_TRY(CN_ARENA_NEW(self->arena, &execute, err));
    cni_sql_advance(self);
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &execute->name, err));
    const bool paren = cni_sql_accept(self, TOK_LEFT_PAREN);
    while (paren && !cni_sql_at(self, TOK_RIGHT_PAREN)) {
        cni_sql_ident *name = NULL;
        const cni_sql_expr *value = NULL;
        if (args.n_items > 0) {
            CN_TRY(cni_sql_expect(self, TOK_COMMA, err));
        }
        CN_TRY(CNI_SQL_ADD(self, &names, &name, err));
        CN_TRY(rule_execute_arg(self, name, &value, &named, err));
        CN_TRY(cni_sql_vec_push(self, &args, value, err));
    }
    if (paren) {
        CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    }
    execute->args = (cni_sql_expr_list){args.n_items, args.items};
    execute->arg_names = named ? names.items : NULL;
    inout->execute = execute;
    return CN_OK;
}

cn_code
cni_sql_rule_deallocate(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_deallocate *deallocate = NULL;
    inout->kind = CNI_SQL_STATEMENT_DEALLOCATE;
    CN_TRY(CN_ARENA_NEW(self->arena, &deallocate, err));
    cni_sql_advance(self);
    if (cni_sql_at_kw(self, KW_PREPARE) && cni_sql_peek(self, 1)->kind != TOK_END &&
        cni_sql_peek(self, 1)->kind != TOK_SEMICOLON) {
        cni_sql_advance(self);
    }
    deallocate->all = cni_sql_accept_kw(self, KW_ALL);
    if (!deallocate->all) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &deallocate->name, err));
    }
    inout->deallocate = deallocate;
    return CN_OK;
}

/* --------------------------------------------------------------------------------- dispatch */

/* A query, or what else may stand behind WITH. */
static cn_code
rule_query_statement(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    const int64_t offset = self->token.offset;
    const cni_sql_with *with = NULL;
    CN_TRY(cni_sql_rule_with(self, &with, err));
    switch (self->token.keyword) {
    case KW_INSERT:
        return cni_sql_rule_insert(self, with, inout, err);
    case KW_UPDATE:
        return cni_sql_rule_update(self, with, inout, err);
    case KW_DELETE:
        return cni_sql_rule_delete(self, with, inout, err);
    case KW_MERGE:
        return cni_sql_rule_merge(self, with, inout, err);
    default:
        inout->kind = CNI_SQL_STATEMENT_QUERY;
        return cni_sql_rule_query_after_with(self, with, offset, &inout->query, err);
    }
}

/* Statements of others: a word that is known to begin one. */
static cn_code
refuse_statement(sql_parser *self, cn_error *err)
{
    switch (self->token.keyword) {
    case KW_ABORT:
    case KW_ALTER:
    case KW_BEGIN:
    case KW_CALL:
    case KW_CHECKPOINT:
    case KW_CLOSE:
    case KW_CLUSTER:
    case KW_COMMENT:
    case KW_COMMIT:
    case KW_DECLARE:
    case KW_DISCARD:
    case KW_DO:
    case KW_END:
    case KW_FETCH:
    case KW_GRANT:
    case KW_IMPORT:
    case KW_INSTALL:
    case KW_LISTEN:
    case KW_LOCK:
    case KW_MOVE:
    case KW_NOTIFY:
    case KW_PRAGMA:
    case KW_REASSIGN:
    case KW_REFRESH:
    case KW_REINDEX:
    case KW_RELEASE:
    case KW_REVOKE:
    case KW_ROLLBACK:
    case KW_SAVEPOINT:
    case KW_SECURITY:
    case KW_START:
    case KW_UNLISTEN:
    case KW_VACUUM:
        return cni_sql_refuse_word(self, "", err);
    default:
        return cni_sql_syntax_error(self, err);
    }
}

static cn_code
rule_session_statement(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    switch (self->token.keyword) {
    case KW_SET:
        return cni_sql_rule_set(self, inout, err);
    case KW_RESET:
        return cni_sql_rule_reset(self, inout, err);
    case KW_SHOW:
        return cni_sql_rule_show(self, inout, err);
    case KW_USE:
        return cni_sql_rule_use(self, inout, err);
    case KW_ATTACH:
        return cni_sql_rule_attach(self, inout, err);
    case KW_DETACH:
        return cni_sql_rule_detach(self, inout, err);
    case KW_ANALYZE:
    case KW_ANALYSE:
        return cni_sql_rule_analyze(self, inout, err);
    case KW_LOAD:
        return cni_sql_rule_load(self, inout, err);
    default:
        return refuse_statement(self, err);
    }
}

static cn_code
rule_by_word(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    if (cni_sql_at(self, TOK_LEFT_PAREN) || cni_sql_token_begins_query(&self->token)) {
        return rule_query_statement(self, inout, err);
    }
    switch (self->token.keyword) {
    case KW_EXPLAIN:
        return cni_sql_rule_explain(self, inout, err);
    case KW_DESCRIBE:
    case KW_DESC:
    case KW_SUMMARIZE:
        return cni_sql_rule_describe(self, inout, err);
    case KW_CREATE:
        return cni_sql_rule_create(self, inout, err);
    case KW_DROP:
        return cni_sql_rule_drop(self, inout, err);
    case KW_INSERT:
        return cni_sql_rule_insert(self, NULL, inout, err);
    case KW_UPDATE:
        return cni_sql_rule_update(self, NULL, inout, err);
    case KW_DELETE:
        return cni_sql_rule_delete(self, NULL, inout, err);
    case KW_TRUNCATE:
        return cni_sql_rule_truncate(self, inout, err);
    case KW_MERGE:
        return cni_sql_rule_merge(self, NULL, inout, err);
    case KW_COPY:
        return cni_sql_rule_copy(self, inout, err);
    case KW_PREPARE:
        return cni_sql_rule_prepare(self, inout, err);
    case KW_EXECUTE:
        return cni_sql_rule_execute(self, inout, err);
    case KW_DEALLOCATE:
        return cni_sql_rule_deallocate(self, inout, err);
    default:
        return rule_session_statement(self, inout, err);
    }
}

/* The names that $name, $1 and ? have in the statement. */
static cn_code
copy_parameters(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    const cni_namemap *map = &self->parameters;
    cni_str *names = NULL;
    inout->n_anonymous = self->n_anonymous;
    if (map->n_entries == 0) {
        return CN_OK;
    }
    CN_TRY(
        cni_arena_alloc_array(self->arena, map->n_entries, (int64_t)sizeof(*names), &names, err));
    for (int64_t entry = 0; entry < map->n_entries; entry++) {
        names[entry] = map->entries[entry].name;
    }
    inout->parameters = names;
    inout->n_parameters = (int32_t)map->n_entries;
    return CN_OK;
}

cn_code
cni_sql_rule_statement(sql_parser *self, const cni_sql_statement **out_statement, cn_error *err)
{
    cni_sql_statement *statement = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &statement, err));
    statement->offset = self->token.offset;
    CN_TRY(rule_by_word(self, statement, err));
    statement->length = cni_sql_extent(self, statement->offset);
    CN_TRY(copy_parameters(self, statement, err));
    *out_statement = statement;
    return CN_OK;
}
