/* SPDX-License-Identifier: Apache-2.0
 *
 * COPY in its dialects: PostgreSQL's option list and its old words (CSV HEADER DELIMITER ','),
 * DataFusion's STORED AS and PARTITIONED BY. All of them become one list of options.
 */
#include "sql/parse/parser_int.h"

/* What is copied: a query, or a table with columns. */
static cn_code
rule_copy_subject(sql_parser *self, cni_sql_copy *inout_copy, cn_error *err)
{
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        return cni_sql_rule_paren_query(self, &inout_copy->query, err);
    }
    CN_TRY(cni_sql_rule_name_new(self, &inout_copy->table, err));
    return cni_sql_at(self, TOK_LEFT_PAREN)
               ? cni_sql_rule_ident_list(self, &inout_copy->columns, err)
               : CN_OK;
}

static cn_code
rule_copy_path(sql_parser *self, cni_sql_copy *inout_copy, cn_error *err)
{
    const cni_sql_keyword stream = inout_copy->is_from ? KW_STDIN : KW_STDOUT;
    if (cni_sql_accept_kw(self, stream)) {
        inout_copy->std_stream = true;
        return CN_OK;
    }
    if (!cni_sql_at(self, TOK_STRING) && !cni_sql_at(self, TOK_PARAMETER)) {
        return cni_sql_syntax_error(self, err);
    }
    return cni_sql_rule_primary(self, &inout_copy->path, err);
}

/* A word of the value's place as an expression, so that CSV is FORMAT csv. */
static cn_code
add_word_option(sql_parser *self, cni_sql_vec *inout_options, const char *name, cn_error *err)
{
    cni_sql_option *option = NULL;
    const cni_sql_expr *value = NULL;
    cni_sql_vec values = {0};
    CN_TRY(CNI_SQL_ADD(self, inout_options, &option, err));
    option->name = cni_sql_made_ident(name, self->token.offset);
    option->name.length = self->token.length;
    CN_TRY(cni_sql_rule_setting(self, &value, err));
    CN_TRY(cni_sql_vec_push(self, &values, value, err));
    option->values = (cni_sql_expr_list){1, values.items};
    return CN_OK;
}

/* HEADER, DELIMITER [AS] ',', NULL [AS] '' ...: a word, and a string when there is one. */
static cn_code
rule_old_option(sql_parser *self, cni_sql_vec *inout_options, cn_error *err)
{
    if (cni_sql_at_kw(self, KW_CSV) || cni_sql_at_kw(self, KW_BINARY) ||
        cni_sql_at_word(self, "parquet") || cni_sql_at_word(self, "json") ||
        cni_sql_at_word(self, "arrow")) {
        return add_word_option(self, inout_options, "format", err);
    }
    cni_sql_option *option = NULL;
    CN_TRY(CNI_SQL_ADD(self, inout_options, &option, err));
    if (cni_sql_accept_kw2(self, KW_FORMAT, KW_AS)) {
        option->name = cni_sql_made_ident("format", self->last_end);
    } else {
        CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, &option->name, err));
        (void)cni_sql_accept_kw(self, KW_AS);
    }
    const bool word = cni_str_eq_nocase(option->name.text, CNI_STR("format")) ||
                      cni_str_eq_nocase(option->name.text, CNI_STR("compression"));
    if (word || cni_sql_at(self, TOK_STRING) || cni_sql_at(self, TOK_LEFT_PAREN) ||
        cni_sql_at(self, TOK_INTEGER)) {
        return cni_sql_rule_option_value(self, option, err);
    }
    return CN_OK;
}

/* Whether a word of the old form stands here. */
static bool
at_old_option(const sql_parser *self)
{
    return cni_sql_at(self, TOK_WORD) && !cni_sql_at_kw(self, KW_WHERE);
}

/* PARTITIONED BY (a, b) as the option partition_by. */
static cn_code
rule_copy_partitions(sql_parser *self, cni_sql_vec *inout_options, cn_error *err)
{
    cni_sql_option *option = NULL;
    CN_TRY(CNI_SQL_ADD(self, inout_options, &option, err));
    option->name = cni_sql_made_ident("partition_by", self->last_end);
    if (!cni_sql_at(self, TOK_LEFT_PAREN)) {
        return cni_sql_syntax_error(self, err);
    }
    return cni_sql_rule_option_value(self, option, err);
}

static cn_code
append_options(sql_parser *self, cni_sql_vec *inout_options, cn_error *err)
{
    cni_sql_option_list list = {0};
    CN_TRY(cni_sql_rule_options(self, &list, err));
    for (int32_t item = 0; item < list.n_items; item++) {
        cni_sql_option *option = NULL;
        CN_TRY(CNI_SQL_ADD(self, inout_options, &option, err));
        *option = list.items[item];
    }
    return CN_OK;
}

/* One option clause; *out_found says whether there was one. */
static cn_code
rule_copy_clause(sql_parser *self, cni_sql_vec *inout_options, bool *out_found, cn_error *err)
{
    *out_found = true;
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        return append_options(self, inout_options, err);
    }
    if (cni_sql_accept_kw2(self, KW_STORED, KW_AS)) {
        return add_word_option(self, inout_options, "format", err);
    }
    if (cni_sql_accept_kw2(self, KW_PARTITIONED, KW_BY)) {
        return rule_copy_partitions(self, inout_options, err);
    }
    if (cni_sql_at_kw(self, KW_OPTIONS) && cni_sql_peek(self, 1)->kind == TOK_LEFT_PAREN) {
        cni_sql_advance(self);
        return append_options(self, inout_options, err);
    }
    if (cni_sql_accept_kw(self, KW_WITH)) {
        return CN_OK; /* WITH before a list or the old words says nothing */
    }
    *out_found = at_old_option(self);
    return *out_found ? rule_old_option(self, inout_options, err) : CN_OK;
}

cn_code
cni_sql_rule_copy(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_copy *copy = NULL;
    cni_sql_vec options = {0};
    bool found = true;
    inout->kind = CNI_SQL_STATEMENT_COPY;
    CN_TRY(CN_ARENA_NEW(self->arena, &copy, err));
    inout->copy = copy;
    cni_sql_advance(self);
    CN_TRY(rule_copy_subject(self, copy, err));
    copy->is_from = copy->query == NULL && cni_sql_accept_kw(self, KW_FROM);
    if (!copy->is_from) {
        CN_TRY(cni_sql_expect_kw(self, KW_TO, err));
    }
    CN_TRY(rule_copy_path(self, copy, err));
    while (found) {
        CN_TRY(rule_copy_clause(self, &options, &found, err));
    }
    copy->options = (cni_sql_option_list){options.n_items, options.items};
    if (copy->is_from && cni_sql_accept_kw(self, KW_WHERE)) {
        CN_TRY(cni_sql_rule_expr(self, &copy->where, err));
    }
    return CN_OK;
}
