/* SPDX-License-Identifier: Apache-2.0
 *
 * MERGE INTO t USING source ON condition WHEN [NOT] MATCHED ... THEN ...: PostgreSQL 17's, with
 * DuckDB's USING (columns), INSERT *, UPDATE SET * and BY NAME.
 */
#include "sql/parse/parser_int.h"

/* MATCHED, NOT MATCHED [BY TARGET | BY SOURCE] and the condition. */
static cn_code
rule_when_head(sql_parser *self, cni_sql_merge_when *inout_when, cn_error *err)
{
    inout_when->match = CNI_SQL_MERGE_MATCHED;
    if (cni_sql_accept_kw(self, KW_NOT)) {
        inout_when->match = CNI_SQL_MERGE_NOT_MATCHED_BY_TARGET;
    }
    CN_TRY(cni_sql_expect_kw(self, KW_MATCHED, err));
    if (inout_when->match != CNI_SQL_MERGE_MATCHED && cni_sql_accept_kw(self, KW_BY)) {
        if (cni_sql_accept_kw(self, KW_SOURCE)) {
            inout_when->match = CNI_SQL_MERGE_NOT_MATCHED_BY_SOURCE;
        } else {
            CN_TRY(cni_sql_expect_kw(self, KW_TARGET, err));
        }
    }
    if (cni_sql_accept_kw(self, KW_AND)) {
        CN_TRY(cni_sql_rule_expr(self, &inout_when->condition, err));
    }
    return cni_sql_expect_kw(self, KW_THEN, err);
}

/* SET assignments, SET *, BY NAME. */
static cn_code
rule_when_update(sql_parser *self, cni_sql_merge_when *inout_when, cn_error *err)
{
    inout_when->action = CNI_SQL_MERGE_UPDATE;
    inout_when->by_name = cni_sql_accept_kw2(self, KW_BY, KW_NAME);
    if (!cni_sql_accept_kw(self, KW_SET)) {
        inout_when->star = true;
        return inout_when->by_name ? CN_OK : cni_sql_syntax_error(self, err);
    }
    inout_when->star = cni_sql_accept_op(self, CNI_SQL_OP_MULTIPLY);
    return inout_when->star ? CN_OK : cni_sql_rule_assignments(self, &inout_when->sets, err);
}

static cn_code
rule_insert_values(sql_parser *self, cni_sql_merge_when *inout_when, cn_error *err)
{
    cni_sql_vec values = {0};
    CN_TRY(cni_sql_expect_kw(self, KW_VALUES, err));
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    do {
        const cni_sql_expr *value = NULL;
        CN_TRY(cni_sql_rule_value(self, &value, err));
        CN_TRY(cni_sql_vec_push(self, &values, value, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    inout_when->values = (cni_sql_expr_list){values.n_items, values.items};
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* [BY NAME] * | [(columns)] VALUES (...) | DEFAULT VALUES. */
static cn_code
rule_when_insert(sql_parser *self, cni_sql_merge_when *inout_when, cn_error *err)
{
    inout_when->action = CNI_SQL_MERGE_INSERT;
    inout_when->by_name = cni_sql_accept_kw2(self, KW_BY, KW_NAME);
    if (cni_sql_accept_op(self, CNI_SQL_OP_MULTIPLY) || inout_when->by_name) {
        inout_when->star = true;
        return CN_OK;
    }
    if (cni_sql_accept_kw2(self, KW_DEFAULT, KW_VALUES)) {
        return CN_OK;
    }
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        CN_TRY(cni_sql_rule_ident_list(self, &inout_when->columns, err));
    }
    return rule_insert_values(self, inout_when, err);
}

/* An action must fit what it is for: only rows of the source can be inserted. */
static cn_code
check_action(const cni_sql_merge_when *when, cn_error *err)
{
    const bool inserts = when->action == CNI_SQL_MERGE_INSERT;
    const bool no_target = when->match == CNI_SQL_MERGE_NOT_MATCHED_BY_TARGET;
    if (when->action == CNI_SQL_MERGE_NOTHING || inserts == no_target) {
        return CN_OK;
    }
    return cni_sql_fail_at(when->offset, when->length,
                           no_target ? "WHEN NOT MATCHED can only INSERT or DO NOTHING"
                                     : "INSERT belongs to WHEN NOT MATCHED",
                           err);
}

static cn_code
rule_when(sql_parser *self, cni_sql_merge_when *out_when, cn_error *err)
{
    out_when->offset = self->token.offset;
    cni_sql_advance(self);
    CN_TRY(rule_when_head(self, out_when, err));
    if (cni_sql_accept_kw(self, KW_UPDATE)) {
        CN_TRY(rule_when_update(self, out_when, err));
    } else if (cni_sql_accept_kw(self, KW_INSERT)) {
        CN_TRY(rule_when_insert(self, out_when, err));
    } else if (cni_sql_accept_kw(self, KW_DELETE)) {
        out_when->action = CNI_SQL_MERGE_DELETE;
    } else {
        out_when->action = CNI_SQL_MERGE_NOTHING;
        CN_TRY(cni_sql_expect_kw(self, KW_DO, err));
        CN_TRY(cni_sql_expect_kw(self, KW_NOTHING, err));
    }
    out_when->length = cni_sql_extent(self, out_when->offset);
    return check_action(out_when, err);
}

static cn_code
rule_merge_head(sql_parser *self, cni_sql_merge *inout_merge, cn_error *err)
{
    CN_TRY(cni_sql_expect_kw(self, KW_INTO, err));
    CN_TRY(cni_sql_rule_name(self, &inout_merge->table, err));
    if (cni_sql_accept_kw(self, KW_AS) || cni_sql_at_ident(self, IDENT_COLUMN)) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &inout_merge->alias, err));
    }
    CN_TRY(cni_sql_expect_kw(self, KW_USING, err));
    CN_TRY(cni_sql_rule_from(self, &inout_merge->source, err));
    if (cni_sql_accept_kw(self, KW_ON)) {
        return cni_sql_rule_expr(self, &inout_merge->on, err);
    }
    CN_TRY(cni_sql_expect_kw(self, KW_USING, err));
    return cni_sql_rule_ident_list(self, &inout_merge->using_list, err);
}

cn_code
cni_sql_rule_merge(sql_parser *self, const cni_sql_with *with, cni_sql_statement *inout,
                   cn_error *err)
{
    cni_sql_merge *merge = NULL;
    cni_sql_vec whens = {0};
    inout->kind = CNI_SQL_STATEMENT_MERGE;
    CN_TRY(CN_ARENA_NEW(self->arena, &merge, err));
    merge->with = with;
    cni_sql_advance(self);
    CN_TRY(rule_merge_head(self, merge, err));
    do {
        cni_sql_merge_when *when = NULL;
        if (!cni_sql_at_kw(self, KW_WHEN)) {
            return cni_sql_syntax_error(self, err);
        }
        CN_TRY(CNI_SQL_ADD(self, &whens, &when, err));
        CN_TRY(rule_when(self, when, err));
    } while (cni_sql_at_kw(self, KW_WHEN));
    merge->whens = whens.items;
    merge->n_whens = whens.n_items;
    CN_TRY(cni_sql_rule_returning(self, &merge->returning, err));
    inout->merge = merge;
    return CN_OK;
}
