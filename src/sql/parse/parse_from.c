/* SPDX-License-Identifier: Apache-2.0
 *
 * FROM: tables, files, derived tables, table functions, parenthesised joins; aliases and samples;
 * and chains of joins as one flat node. `a JOIN b JOIN c ON x ON y` nests to the right, as the
 * standard says; everything else runs from left to right.
 */
#include "sql/parse/parser_int.h"

cn_code
cni_sql_from_open(sql_parser *self, cni_sql_from_kind kind, int64_t offset, cni_sql_from **out_from,
                  cn_error *err)
{
    cni_sql_from *from = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &from, err));
    from->node.node_class = CNI_SQL_CLASS_FROM;
    from->node.offset = offset;
    from->kind = (uint8_t)kind;
    *out_from = from;
    return CN_OK;
}

/* ----------------------------------------------------------------------------------- aliases */

/* (a, b) or (a INTEGER, b TEXT) behind an alias. */
static cn_code
rule_column_aliases(sql_parser *self, cni_sql_from *inout_from, cn_error *err)
{
    cni_sql_vec aliases = {0};
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    do {
        cni_sql_column_alias *alias = NULL;
        CN_TRY(CNI_SQL_ADD(self, &aliases, &alias, err));
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &alias->name, err));
        if (!cni_sql_at(self, TOK_COMMA) && !cni_sql_at(self, TOK_RIGHT_PAREN)) {
            CN_TRY(cni_sql_rule_type(self, &alias->type, err));
        }
    } while (cni_sql_accept(self, TOK_COMMA));
    inout_from->column_aliases = aliases.items;
    inout_from->n_column_aliases = aliases.n_items;
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

cn_code
cni_sql_rule_alias(sql_parser *self, cni_sql_from *inout_from, cn_error *err)
{
    const bool as = cni_sql_accept_kw(self, KW_AS);
    if (as && cni_sql_at(self, TOK_LEFT_PAREN)) {
        return rule_column_aliases(self, inout_from, err); /* f(x) AS (a INT, ...) */
    }
    if (!as && !cni_sql_at_ident(self, IDENT_COLUMN)) {
        return CN_OK;
    }
    if (!as && cni_sql_at(self, TOK_WORD)) {
        self->soft_alias_offset = self->token.offset;
        self->soft_alias_length = self->token.length;
    }
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &inout_from->alias, err));
    return cni_sql_at(self, TOK_LEFT_PAREN) ? rule_column_aliases(self, inout_from, err) : CN_OK;
}

/* ----------------------------------------------------------------------------------- samples */

static bool
is_percent_method(const cni_sql_ident *method)
{
    return cni_str_eq_nocase(method->text, CNI_STR("bernoulli")) ||
           cni_str_eq_nocase(method->text, CNI_STR("system"));
}

/* 10, 10%, 10 PERCENT, 10 ROWS. */
static cn_code
rule_sample_size(sql_parser *self, cni_sql_sample *inout_sample, cn_error *err)
{
    CN_TRY(cni_sql_rule_primary(self, &inout_sample->size, err));
    if (cni_sql_accept_op(self, CNI_SQL_OP_MODULO) || cni_sql_accept_kw(self, KW_PERCENT)) {
        inout_sample->percent = true;
    } else if (!cni_sql_accept_kw(self, KW_ROWS)) {
        inout_sample->percent = is_percent_method(&inout_sample->method);
    }
    return CN_OK;
}

/* (method [, seed]) behind the size. */
static cn_code
rule_sample_method(sql_parser *self, cni_sql_sample *inout_sample, cn_error *err)
{
    if (!cni_sql_accept(self, TOK_LEFT_PAREN)) {
        return CN_OK;
    }
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &inout_sample->method, err));
    if (cni_sql_accept(self, TOK_COMMA)) {
        CN_TRY(cni_sql_rule_primary(self, &inout_sample->seed, err));
    }
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* The cursor is at TABLESAMPLE or SAMPLE. */
cn_code
cni_sql_rule_sample(sql_parser *self, const cni_sql_sample **out_sample, cn_error *err)
{
    cni_sql_sample *sample = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &sample, err));
    sample->offset = self->token.offset;
    cni_sql_advance(self);
    if (cni_sql_at_ident(self, IDENT_COLUMN)) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &sample->method, err));
        CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
        CN_TRY(rule_sample_size(self, sample, err));
        CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    } else {
        CN_TRY(rule_sample_size(self, sample, err));
        CN_TRY(rule_sample_method(self, sample, err));
    }
    if (cni_sql_accept_kw(self, KW_REPEATABLE)) {
        CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
        CN_TRY(cni_sql_rule_expr(self, &sample->seed, err));
        CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    }
    sample->length = cni_sql_extent(self, sample->offset);
    *out_sample = sample;
    return CN_OK;
}

/* ------------------------------------------------------------------------------------ tables */

static cn_code
rule_file(sql_parser *self, cni_sql_from **out_from, cn_error *err)
{
    CN_TRY(cni_sql_from_open(self, CNI_SQL_FROM_FILE, self->token.offset, out_from, err));
    return cni_sql_rule_string(self, &(*out_from)->path, err);
}

static cn_code
rule_derived(sql_parser *self, cni_sql_from **out_from, cn_error *err)
{
    CN_TRY(cni_sql_from_open(self, CNI_SQL_FROM_QUERY, self->token.offset, out_from, err));
    return cni_sql_rule_paren_query(self, &(*out_from)->query, err);
}

static void
rule_with_ordinality(sql_parser *self, cni_sql_from *inout_from)
{
    inout_from->with_ordinality = cni_sql_accept_kw2(self, KW_WITH, KW_ORDINALITY);
}

/* A call in FROM, of a function whose name is at the cursor. */
static cn_code
rule_table_call(sql_parser *self, const cni_sql_name *name, cni_sql_from *inout_from, cn_error *err)
{
    const cni_sql_expr *call = NULL;
    cni_sql_vec calls = {0};
    inout_from->kind = CNI_SQL_FROM_FUNCTION;
    CN_TRY(cni_sql_rule_call(self, name, NULL, true, &call, err));
    CN_TRY(cni_sql_vec_push(self, &calls, call, err));
    inout_from->functions = (cni_sql_expr_list){1, calls.items};
    rule_with_ordinality(self, inout_from);
    return CN_OK;
}

/* ROWS FROM (f(x), g(y)). */
static cn_code
rule_rows_from(sql_parser *self, cni_sql_from **out_from, cn_error *err)
{
    cni_sql_vec calls = {0};
    CN_TRY(cni_sql_from_open(self, CNI_SQL_FROM_FUNCTION, self->token.offset, out_from, err));
    cni_sql_advance(self);
    cni_sql_advance(self);
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    do {
        const cni_sql_expr *call = NULL;
        const cni_sql_name *name = NULL;
        CN_TRY(cni_sql_rule_name_new(self, &name, err));
        CN_TRY(cni_sql_rule_call(self, name, NULL, true, &call, err));
        CN_TRY(cni_sql_vec_push(self, &calls, call, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    (*out_from)->functions = (cni_sql_expr_list){calls.n_items, calls.items};
    rule_with_ordinality(self, *out_from);
    return CN_OK;
}

/* A word that may be a function's name but no table's, such as GLOB('*.csv'). */
static cn_code
rule_word_call(sql_parser *self, cni_sql_from *inout_from, cn_error *err)
{
    cni_sql_name *name = NULL;
    cni_sql_ident *part = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &name, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &part, err));
    CN_TRY(cni_sql_rule_ident(self, IDENT_FUNCTION, part, err));
    *name = (cni_sql_name){1, part, part->offset, part->length};
    return rule_table_call(self, name, inout_from, err);
}

static cn_code
rule_named_table(sql_parser *self, cni_sql_from **out_from, cn_error *err)
{
    CN_TRY(cni_sql_from_open(self, CNI_SQL_FROM_TABLE, self->token.offset, out_from, err));
    cni_sql_from *from = *out_from;
    if (!cni_sql_at_ident(self, IDENT_COLUMN) && cni_sql_at_ident(self, IDENT_FUNCTION) &&
        cni_sql_peek(self, 1)->kind == TOK_LEFT_PAREN) {
        return rule_word_call(self, from, err);
    }
    from->only = cni_sql_accept_kw(self, KW_ONLY);
    const bool paren = from->only && cni_sql_accept(self, TOK_LEFT_PAREN);
    CN_TRY(cni_sql_rule_name_new(self, &from->name, err));
    if (paren) {
        return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
    }
    if (!from->only && cni_sql_at(self, TOK_LEFT_PAREN)) {
        const cni_sql_name *name = from->name;
        from->name = NULL;
        return rule_table_call(self, name, from, err);
    }
    (void)cni_sql_accept_op(self,
                            CNI_SQL_OP_MULTIPLY); /* t *: PostgreSQL's old word for descendants */
    return CN_OK;
}

/* What stands before an alias, as a node that is still open. */
static cn_code
rule_table_source(sql_parser *self, cni_sql_from **out_from, cn_error *err)
{
    if (cni_sql_at(self, TOK_STRING)) {
        return rule_file(self, out_from, err);
    }
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        return rule_derived(self, out_from, err);
    }
    if (cni_sql_at_kw2(self, KW_ROWS, KW_FROM)) {
        return rule_rows_from(self, out_from, err);
    }
    if (cni_sql_at_kw(self, KW_VALUES)) { /* FROM VALUES (1), (2) t(a) */
        CN_TRY(cni_sql_from_open(self, CNI_SQL_FROM_QUERY, self->token.offset, out_from, err));
        return cni_sql_rule_query(self, &(*out_from)->query, err);
    }
    return rule_named_table(self, out_from, err);
}

/* ((SELECT 1) UNION SELECT 2): what began as a derived table goes on as a query. */
static cn_code
rule_derived_rest(sql_parser *self, const cni_sql_from **inout_from, cn_error *err)
{
    const cni_sql_from *inner = *inout_from;
    cni_sql_from *from = NULL;
    const bool bare = inner->kind == CNI_SQL_FROM_QUERY && inner->alias.text.data == NULL &&
                      inner->n_column_aliases == 0 && inner->sample == NULL && !inner->lateral;
    if (!bare || !cni_sql_at_query_rest(self)) {
        return CN_OK;
    }
    CN_TRY(cni_sql_from_open(self, CNI_SQL_FROM_QUERY, inner->node.offset, &from, err));
    CN_TRY(cni_sql_rule_query_rest(self, inner->query, inner->node.offset, &from->query, err));
    *inout_from = from;
    return CN_OK;
}

/* ( joined tables ) [alias] [sample]. */
static cn_code
rule_paren_join(sql_parser *self, const cni_sql_from **out_from, cn_error *err)
{
    const int64_t offset = self->token.offset;
    const cni_sql_from *inner = NULL;
    cni_sql_advance(self);
    CN_TRY(cni_sql_rule_from(self, &inner, err));
    CN_TRY(rule_derived_rest(self, &inner, err));
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    cni_sql_from *copy = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &copy, err));
    *copy = *inner;
    copy->node.offset = offset;
    if (copy->alias.text.data == NULL) {
        CN_TRY(cni_sql_rule_alias(self, copy, err));
    }
    if (copy->sample == NULL && cni_sql_at_kw(self, KW_TABLESAMPLE)) {
        CN_TRY(cni_sql_rule_sample(self, &copy->sample, err));
    }
    *out_from = copy;
    return cni_sql_node_close(self, &copy->node, err);
}

/* alias: table. */
static cn_code
rule_prefix_alias(sql_parser *self, cni_sql_ident *out_alias, cn_error *err)
{
    if (!cni_sql_at_ident(self, IDENT_COLUMN) || cni_sql_peek(self, 1)->kind != TOK_COLON) {
        return CN_OK;
    }
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, out_alias, err));
    cni_sql_advance(self);
    return CN_OK;
}

static cn_code
rule_single(sql_parser *self, const cni_sql_from **out_from, cn_error *err)
{
    const int64_t offset = self->token.offset;
    cni_sql_ident prefix = {0};
    cni_sql_from *from = NULL;
    CN_TRY(rule_prefix_alias(self, &prefix, err));
    const bool lateral = cni_sql_accept_kw(self, KW_LATERAL);
    if (!lateral && cni_sql_at(self, TOK_LEFT_PAREN) && !cni_sql_at_query_paren(self)) {
        return rule_paren_join(self, out_from, err);
    }
    CN_TRY(rule_table_source(self, &from, err));
    from->node.offset = offset;
    from->lateral = lateral;
    if (lateral && from->kind != CNI_SQL_FROM_QUERY && from->kind != CNI_SQL_FROM_FUNCTION) {
        return cni_sql_syntax_error(self, err);
    }
    from->alias = prefix;
    if (prefix.text.data == NULL) {
        CN_TRY(cni_sql_rule_alias(self, from, err));
    }
    if (cni_sql_at_kw(self, KW_TABLESAMPLE)) {
        CN_TRY(cni_sql_rule_sample(self, &from->sample, err));
    }
    *out_from = from;
    return cni_sql_node_close(self, &from->node, err);
}

cn_code
cni_sql_rule_table(sql_parser *self, const cni_sql_from **out_from, cn_error *err)
{
    CN_TRY(cni_sql_descend(self, err));
    CN_TRY(rule_single(self, out_from, err));
    while (cni_sql_at_kw(self, KW_PIVOT) || cni_sql_at_kw(self, KW_UNPIVOT)) {
        CN_TRY(cni_sql_rule_pivot_suffix(self, out_from, err));
    }
    cni_sql_ascend(self);
    return CN_OK;
}

/* ------------------------------------------------------------------------------------- joins */

static bool
at_join(sql_parser *self)
{
    switch (self->token.keyword) {
    case KW_JOIN:
    case KW_INNER:
    case KW_LEFT:
    case KW_RIGHT:
    case KW_FULL:
    case KW_CROSS:
    case KW_NATURAL:
    case KW_SEMI:
    case KW_ANTI:
    case KW_ASOF:
    case KW_POSITIONAL:
        return true;
    default:
        return false;
    }
}

/* INNER, LEFT [OUTER | SEMI | ANTI], RIGHT [OUTER], FULL [OUTER], SEMI, ANTI or nothing. */
static void
rule_join_side(sql_parser *self, cni_sql_join *inout_join)
{
    inout_join->kind = CNI_SQL_JOIN_INNER;
    if (cni_sql_accept_kw(self, KW_INNER)) {
        return;
    }
    if (cni_sql_accept_kw(self, KW_LEFT)) {
        inout_join->kind = CNI_SQL_JOIN_LEFT;
    } else if (cni_sql_accept_kw(self, KW_RIGHT)) {
        inout_join->kind = CNI_SQL_JOIN_RIGHT;
    } else if (cni_sql_accept_kw(self, KW_FULL)) {
        inout_join->kind = CNI_SQL_JOIN_FULL;
    }
    const bool bare = inout_join->kind == CNI_SQL_JOIN_INNER;
    if (!bare && cni_sql_accept_kw(self, KW_OUTER)) {
        return;
    }
    if (bare || inout_join->kind == CNI_SQL_JOIN_LEFT) {
        if (cni_sql_accept_kw(self, KW_SEMI)) {
            inout_join->kind = CNI_SQL_JOIN_SEMI;
        } else if (cni_sql_accept_kw(self, KW_ANTI)) {
            inout_join->kind = CNI_SQL_JOIN_ANTI;
        }
    }
}

/* The words of a join up to and with JOIN. */
static cn_code
rule_join_words(sql_parser *self, cni_sql_join *inout_join, cn_error *err)
{
    inout_join->offset = self->token.offset;
    if (cni_sql_accept_kw(self, KW_CROSS)) {
        inout_join->kind = CNI_SQL_JOIN_CROSS;
    } else if (cni_sql_accept_kw(self, KW_POSITIONAL)) {
        inout_join->kind = CNI_SQL_JOIN_POSITIONAL;
    } else {
        inout_join->natural = cni_sql_accept_kw(self, KW_NATURAL);
        inout_join->asof = !inout_join->natural && cni_sql_accept_kw(self, KW_ASOF);
        rule_join_side(self, inout_join);
    }
    CN_TRY(cni_sql_expect_kw(self, KW_JOIN, err));
    inout_join->length = cni_sql_extent(self, inout_join->offset);
    return CN_OK;
}

static bool
needs_condition(const cni_sql_join *join)
{
    return !join->natural && join->kind != CNI_SQL_JOIN_CROSS &&
           join->kind != CNI_SQL_JOIN_POSITIONAL;
}

static cn_code
rule_join_condition(sql_parser *self, cni_sql_join *inout_join, cn_error *err)
{
    if (cni_sql_accept_kw(self, KW_ON)) {
        return cni_sql_rule_expr(self, &inout_join->on, err);
    }
    CN_TRY(cni_sql_expect_kw(self, KW_USING, err));
    CN_TRY(cni_sql_rule_ident_list(self, &inout_join->using_list, err));
    if (cni_sql_accept_kw(self, KW_AS)) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &inout_join->using_alias, err));
    }
    return CN_OK;
}

static cn_code rule_joins(sql_parser *self, const cni_sql_from **inout_from, cn_error *err);

static cn_code
rule_join(sql_parser *self, cni_sql_join *out_join, cn_error *err)
{
    CN_TRY(rule_join_words(self, out_join, err));
    CN_TRY(cni_sql_rule_table(self, &out_join->right, err));
    if (!needs_condition(out_join)) {
        return CN_OK;
    }
    if (at_join(self)) { /* the condition of the inner join comes first */
        CN_TRY(cni_sql_descend(self, err));
        CN_TRY(rule_joins(self, &out_join->right, err));
        cni_sql_ascend(self);
    }
    return rule_join_condition(self, out_join, err);
}

/* All joins behind a table. */
static cn_code
rule_joins(sql_parser *self, const cni_sql_from **inout_from, cn_error *err)
{
    cni_sql_vec joins = {0};
    cni_sql_from *from = NULL;
    while (at_join(self)) {
        cni_sql_join join = {0};
        cni_sql_join *slot = NULL;
        CN_TRY(rule_join(self, &join, err));
        CN_TRY(CNI_SQL_ADD(self, &joins, &slot, err));
        *slot = join;
    }
    if (joins.n_items == 0) {
        return CN_OK;
    }
    CN_ASSERT(*inout_from != NULL);
    CN_TRY(cni_sql_from_open(self, CNI_SQL_FROM_JOIN, (*inout_from)->node.offset, &from, err));
    from->input = *inout_from;
    from->joins = joins.items;
    from->n_joins = joins.n_items;
    *inout_from = from;
    return cni_sql_node_close(self, &from->node, err);
}

cn_code
cni_sql_rule_from(sql_parser *self, const cni_sql_from **out_from, cn_error *err)
{
    CN_TRY(cni_sql_rule_table(self, out_from, err));
    return rule_joins(self, out_from, err);
}

cn_code
cni_sql_rule_from_list(sql_parser *self, cni_sql_from_list *out_list, cn_error *err)
{
    cni_sql_vec items = {0};
    do {
        const cni_sql_from *item = NULL;
        CN_TRY(cni_sql_rule_from(self, &item, err));
        CN_TRY(cni_sql_vec_push(self, &items, item, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    *out_list = (cni_sql_from_list){items.n_items, items.items};
    return CN_OK;
}
