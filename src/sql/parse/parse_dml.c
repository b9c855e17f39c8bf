/* SPDX-License-Identifier: Apache-2.0
 *
 * INSERT, UPDATE, DELETE, TRUNCATE, and the assignments and RETURNING lists that they share with
 * MERGE. A WITH clause in front was read by the dispatcher and is passed in.
 */
#include "sql/parse/parser_int.h"

/* table [[AS] alias]; SET is no alias without AS. */
static cn_code
rule_target_table(sql_parser *self, cni_sql_name *out_table, cni_sql_ident *out_alias,
                  cn_error *err)
{
    CN_TRY(cni_sql_rule_name(self, out_table, err));
    const bool as = cni_sql_accept_kw(self, KW_AS);
    if (as || (cni_sql_at_ident(self, IDENT_COLUMN) && !cni_sql_at_kw(self, KW_SET))) {
        if (!as && cni_sql_at(self, TOK_WORD)) {
            self->soft_alias_offset = self->token.offset;
            self->soft_alias_length = self->token.length;
        }
        return cni_sql_rule_ident(self, IDENT_COLUMN, out_alias, err);
    }
    return CN_OK;
}

cn_code
cni_sql_rule_returning(sql_parser *self, cni_sql_target_list *out_list, cn_error *err)
{
    return cni_sql_accept_kw(self, KW_RETURNING) ? cni_sql_rule_targets(self, out_list, err)
                                                 : CN_OK;
}

/* ------------------------------------------------------------------------------ assignments */

/* a = value, or (a, b) = value. */
static cn_code
rule_assignment(sql_parser *self, cni_sql_assignment *out_assignment, cn_error *err)
{
    if (cni_sql_accept(self, TOK_LEFT_PAREN)) {
        CN_TRY(cni_sql_rule_names(self, &out_assignment->targets, err));
        CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    } else {
        cni_sql_name *name = NULL;
        CN_TRY(CN_ARENA_NEW(self->arena, &name, err));
        CN_TRY(cni_sql_rule_name(self, name, err));
        out_assignment->targets = (cni_sql_name_list){1, name};
    }
    CN_TRY(cni_sql_expect_op(self, CNI_SQL_OP_EQ, err));
    return cni_sql_rule_value(self, &out_assignment->value, err);
}

cn_code
cni_sql_rule_assignments(sql_parser *self, cni_sql_assignment_list *out_list, cn_error *err)
{
    cni_sql_vec items = {0};
    do {
        cni_sql_assignment *item = NULL;
        CN_TRY(CNI_SQL_ADD(self, &items, &item, err));
        CN_TRY(rule_assignment(self, item, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    *out_list = (cni_sql_assignment_list){items.n_items, items.items};
    return CN_OK;
}

/* ----------------------------------------------------------------------------------- INSERT */

/* OR REPLACE, OR IGNORE. */
static cn_code
rule_insert_or(sql_parser *self, cni_sql_insert *inout_insert, cn_error *err)
{
    if (!cni_sql_accept_kw(self, KW_OR)) {
        return CN_OK;
    }
    if (cni_sql_accept_kw(self, KW_IGNORE)) {
        inout_insert->conflict = CNI_SQL_CONFLICT_NOTHING;
        return CN_OK;
    }
    inout_insert->conflict = CNI_SQL_CONFLICT_REPLACE;
    return cni_sql_expect_kw(self, KW_REPLACE, err);
}

/* DO NOTHING or DO UPDATE SET ... [WHERE ...]. */
static cn_code
rule_conflict_action(sql_parser *self, cni_sql_insert *inout_insert, cn_error *err)
{
    CN_TRY(cni_sql_expect_kw(self, KW_DO, err));
    if (cni_sql_accept_kw(self, KW_NOTHING)) {
        inout_insert->conflict = CNI_SQL_CONFLICT_NOTHING;
        return CN_OK;
    }
    inout_insert->conflict = CNI_SQL_CONFLICT_UPDATE;
    CN_TRY(cni_sql_expect_kw(self, KW_UPDATE, err));
    CN_TRY(cni_sql_expect_kw(self, KW_SET, err));
    CN_TRY(cni_sql_rule_assignments(self, &inout_insert->conflict_sets, err));
    return cni_sql_accept_kw(self, KW_WHERE)
               ? cni_sql_rule_expr(self, &inout_insert->conflict_update_where, err)
               : CN_OK;
}

/* ON CONFLICT [(columns) [WHERE ...]] DO ... */
static cn_code
rule_on_conflict(sql_parser *self, cni_sql_insert *inout_insert, cn_error *err)
{
    if (inout_insert->conflict != CNI_SQL_CONFLICT_NONE ||
        !cni_sql_accept_kw2(self, KW_ON, KW_CONFLICT)) {
        return CN_OK;
    }
    if (cni_sql_at_kw(self, KW_ON)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length,
                                 "ON CONFLICT ON CONSTRAINT", err);
    }
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        CN_TRY(cni_sql_rule_ident_list(self, &inout_insert->conflict_columns, err));
        if (cni_sql_accept_kw(self, KW_WHERE)) {
            CN_TRY(cni_sql_rule_expr(self, &inout_insert->conflict_where, err));
        }
    }
    return rule_conflict_action(self, inout_insert, err);
}

/* (columns), BY NAME, and the rows. */
static cn_code
rule_insert_source(sql_parser *self, cni_sql_insert *inout_insert, cn_error *err)
{
    if (cni_sql_at(self, TOK_LEFT_PAREN) && !cni_sql_at_query_paren(self) &&
        cni_sql_peek(self, 1)->kind != TOK_LEFT_PAREN) {
        CN_TRY(cni_sql_rule_ident_list(self, &inout_insert->columns, err));
    }
    inout_insert->by_name = cni_sql_accept_kw2(self, KW_BY, KW_NAME);
    if (!inout_insert->by_name) {
        (void)cni_sql_accept_kw2(self, KW_BY, KW_POSITION);
    }
    if (cni_sql_at_kw(self, KW_OVERRIDING)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length, "OVERRIDING in INSERT",
                                 err);
    }
    if (cni_sql_accept_kw2(self, KW_DEFAULT, KW_VALUES)) {
        return CN_OK;
    }
    return cni_sql_rule_query(self, &inout_insert->query, err);
}

cn_code
cni_sql_rule_insert(sql_parser *self, const cni_sql_with *with, cni_sql_statement *inout,
                    cn_error *err)
{
    cni_sql_insert *insert = NULL;
    inout->kind = CNI_SQL_STATEMENT_INSERT;
    CN_TRY(CN_ARENA_NEW(self->arena, &insert, err));
    insert->with = with;
    cni_sql_advance(self);
    CN_TRY(rule_insert_or(self, insert, err));
    CN_TRY(cni_sql_expect_kw(self, KW_INTO, err));
    CN_TRY(cni_sql_rule_name(self, &insert->table, err));
    if (cni_sql_accept_kw(self, KW_AS)) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &insert->alias, err));
    }
    CN_TRY(rule_insert_source(self, insert, err));
    CN_TRY(rule_on_conflict(self, insert, err));
    CN_TRY(cni_sql_rule_returning(self, &insert->returning, err));
    inout->insert = insert;
    return CN_OK;
}

/* -------------------------------------------------------------------------- UPDATE, DELETE */

static cn_code
rule_where(sql_parser *self, const cni_sql_expr **out_where, cn_error *err)
{
    if (!cni_sql_accept_kw(self, KW_WHERE)) {
        return CN_OK;
    }
    if (cni_sql_at_kw2(self, KW_CURRENT, KW_OF)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length, "WHERE CURRENT OF", err);
    }
    return cni_sql_rule_expr(self, out_where, err);
}

cn_code
cni_sql_rule_update(sql_parser *self, const cni_sql_with *with, cni_sql_statement *inout,
                    cn_error *err)
{
    cni_sql_update *update = NULL;
    inout->kind = CNI_SQL_STATEMENT_UPDATE;
    CN_TRY(CN_ARENA_NEW(self->arena, &update, err));
    update->with = with;
    cni_sql_advance(self);
    CN_TRY(rule_target_table(self, &update->table, &update->alias, err));
    CN_TRY(cni_sql_expect_kw(self, KW_SET, err));
    CN_TRY(cni_sql_rule_assignments(self, &update->sets, err));
    if (cni_sql_accept_kw(self, KW_FROM)) {
        CN_TRY(cni_sql_rule_from_list(self, &update->from, err));
    }
    CN_TRY(rule_where(self, &update->where, err));
    CN_TRY(cni_sql_rule_returning(self, &update->returning, err));
    inout->update = update;
    return CN_OK;
}

cn_code
cni_sql_rule_delete(sql_parser *self, const cni_sql_with *with, cni_sql_statement *inout,
                    cn_error *err)
{
    cni_sql_delete *delete_from = NULL;
    inout->kind = CNI_SQL_STATEMENT_DELETE;
    CN_TRY(CN_ARENA_NEW(self->arena, &delete_from, err));
    delete_from->with = with;
    cni_sql_advance(self);
    CN_TRY(cni_sql_expect_kw(self, KW_FROM, err));
    CN_TRY(rule_target_table(self, &delete_from->table, &delete_from->alias, err));
    if (cni_sql_accept_kw(self, KW_USING)) {
        CN_TRY(cni_sql_rule_from_list(self, &delete_from->using_list, err));
    }
    CN_TRY(rule_where(self, &delete_from->where, err));
    CN_TRY(cni_sql_rule_returning(self, &delete_from->returning, err));
    inout->delete_from = delete_from;
    return CN_OK;
}

cn_code
cni_sql_rule_truncate(sql_parser *self, cni_sql_statement *inout, cn_error *err)
{
    cni_sql_truncate *truncate = NULL;
    inout->kind = CNI_SQL_STATEMENT_TRUNCATE;
    CN_TRY(CN_ARENA_NEW(self->arena, &truncate, err));
    cni_sql_advance(self);
    (void)cni_sql_accept_kw(self, KW_TABLE);
    CN_TRY(cni_sql_rule_names(self, &truncate->tables, err));
    if (cni_sql_at_kw2(self, KW_RESTART, KW_IDENTITY)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length,
                                 "RESTART IDENTITY in TRUNCATE", err);
    }
    (void)cni_sql_accept_kw2(self, KW_CONTINUE, KW_IDENTITY);
    inout->truncate = truncate;
    return cni_sql_rule_drop_behavior(self, &truncate->behavior, err);
}
