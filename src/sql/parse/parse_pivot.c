/* SPDX-License-Identifier: Apache-2.0
 *
 * PIVOT and UNPIVOT in both forms: behind a table, as the standard has them,
 *   t PIVOT (sum(x) FOR y IN (1, 2) GROUP BY z) AS p     t UNPIVOT (v FOR n IN (a, b)) AS u
 * and as statements that are query bodies
 *   PIVOT t ON y USING sum(x) GROUP BY z                 UNPIVOT t ON a, b INTO NAME n VALUE v
 */
#include "sql/parse/parser_int.h"

/* ------------------------------------------------------------------------------------ PIVOT */

/* The keys left of IN: one expression, or the several of (a, b). */
static cn_code
rule_keys(sql_parser *self, cni_sql_expr_list *out_keys, cn_error *err)
{
    const cni_sql_expr *key = NULL;
    CN_TRY(cni_sql_rule_expr_level(self, CNI_SQL_LEVEL_OPERAND, &key, err));
    if (key->kind == CNI_SQL_EXPR_ROW) {
        *out_keys = (cni_sql_expr_list){key->n_args, key->args};
        return CN_OK;
    }
    cni_sql_vec keys = {0};
    CN_TRY(cni_sql_vec_push(self, &keys, key, err));
    *out_keys = (cni_sql_expr_list){1, keys.items};
    return CN_OK;
}

/* What follows IN: (values), (query), or the name of an enum type. A query of a set operation whose
 * first input is parenthesised is not recognised here. */
static cn_code
rule_pivot_values(sql_parser *self, cni_sql_pivot_column *inout_column, cn_error *err)
{
    if (cni_sql_at_query_paren(self)) {
        return cni_sql_rule_paren_query(self, &inout_column->query, err);
    }
    if (!cni_sql_accept(self, TOK_LEFT_PAREN)) {
        return cni_sql_rule_ident(self, IDENT_COLUMN, &inout_column->enum_name, err);
    }
    CN_TRY(cni_sql_rule_targets(self, &inout_column->values, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* FOR keys IN (...) [keys IN (...)] ...: at least one. */
static cn_code
rule_for_columns(sql_parser *self, cni_sql_pivot *inout_pivot, cn_error *err)
{
    cni_sql_vec columns = {0};
    CN_TRY(cni_sql_expect_kw(self, KW_FOR, err));
    do {
        cni_sql_pivot_column *column = NULL;
        CN_TRY(CNI_SQL_ADD(self, &columns, &column, err));
        CN_TRY(rule_keys(self, &column->keys, err));
        CN_TRY(cni_sql_expect_kw(self, KW_IN, err));
        CN_TRY(rule_pivot_values(self, column, err));
        (void)cni_sql_accept_kw(self, KW_FOR);
    } while (!cni_sql_at(self, TOK_RIGHT_PAREN) && !cni_sql_at_kw(self, KW_GROUP));
    inout_pivot->columns = columns.items;
    inout_pivot->n_columns = columns.n_items;
    return CN_OK;
}

/* ON keys [IN (...)], ... of the statement form. */
static cn_code
rule_on_columns(sql_parser *self, cni_sql_pivot *inout_pivot, cn_error *err)
{
    cni_sql_vec columns = {0};
    do {
        cni_sql_pivot_column *column = NULL;
        CN_TRY(CNI_SQL_ADD(self, &columns, &column, err));
        CN_TRY(rule_keys(self, &column->keys, err));
        if (cni_sql_accept_kw(self, KW_IN)) {
            CN_TRY(rule_pivot_values(self, column, err));
        }
    } while (cni_sql_accept(self, TOK_COMMA));
    inout_pivot->columns = columns.items;
    inout_pivot->n_columns = columns.n_items;
    return CN_OK;
}

static cn_code
rule_pivot_groups(sql_parser *self, cni_sql_pivot *inout_pivot, cn_error *err)
{
    bool grouped = false;
    CN_TRY(cni_sql_accept_by(self, KW_GROUP, &grouped, err));
    return grouped ? cni_sql_rule_expr_list(self, &inout_pivot->groups, err) : CN_OK;
}

static cn_code
rule_pivot_body(sql_parser *self, cni_sql_from *inout_from, cn_error *err)
{
    cni_sql_pivot *pivot = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &pivot, err));
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_targets(self, &pivot->aggregates, err));
    CN_TRY(rule_for_columns(self, pivot, err));
    CN_TRY(rule_pivot_groups(self, pivot, err));
    inout_from->pivot = pivot;
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* ---------------------------------------------------------------------------------- UNPIVOT */

/* value or (value, value). */
static cn_code
rule_value_names(sql_parser *self, cni_sql_ident_list *out_names, cn_error *err)
{
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        return cni_sql_rule_ident_list(self, out_names, err);
    }
    cni_sql_ident *name = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &name, err));
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, name, err));
    *out_names = (cni_sql_ident_list){1, name};
    return CN_OK;
}

static bool
rule_unpivot_nulls(sql_parser *self)
{
    if (cni_sql_accept_kw2(self, KW_INCLUDE, KW_NULLS)) {
        return true;
    }
    (void)cni_sql_accept_kw2(self, KW_EXCLUDE, KW_NULLS);
    return false;
}

static cn_code
rule_unpivot_body(sql_parser *self, cni_sql_from *inout_from, cn_error *err)
{
    cni_sql_unpivot *unpivot = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &unpivot, err));
    unpivot->include_nulls = rule_unpivot_nulls(self);
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(rule_value_names(self, &unpivot->values, err));
    CN_TRY(cni_sql_expect_kw(self, KW_FOR, err));
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &unpivot->name, err));
    CN_TRY(cni_sql_expect_kw(self, KW_IN, err));
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_targets(self, &unpivot->inputs, err));
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    inout_from->unpivot = unpivot;
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

cn_code
cni_sql_rule_pivot_suffix(sql_parser *self, const cni_sql_from **inout_from, cn_error *err)
{
    const bool is_pivot = cni_sql_at_kw(self, KW_PIVOT);
    cni_sql_from *from = NULL;
    CN_TRY(cni_sql_from_open(self, is_pivot ? CNI_SQL_FROM_PIVOT : CNI_SQL_FROM_UNPIVOT,
                             (*inout_from)->node.offset, &from, err));
    cni_sql_advance(self);
    from->input = *inout_from;
    CN_TRY(is_pivot ? rule_pivot_body(self, from, err) : rule_unpivot_body(self, from, err));
    CN_TRY(cni_sql_rule_alias(self, from, err));
    *inout_from = from;
    return cni_sql_node_close(self, &from->node, err);
}

/* ------------------------------------------------------------------------------- statements */

/* ON ... [USING aggregates] [GROUP BY ...], in any order behind ON. */
static cn_code
rule_pivot_clauses(sql_parser *self, cni_sql_from *inout_from, cn_error *err)
{
    cni_sql_pivot *pivot = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &pivot, err));
    pivot->statement_form = true;
    if (cni_sql_accept_kw(self, KW_ON)) {
        CN_TRY(rule_on_columns(self, pivot, err));
    }
    if (cni_sql_accept_kw(self, KW_USING)) {
        CN_TRY(cni_sql_rule_targets(self, &pivot->aggregates, err));
    }
    if (pivot->n_columns == 0 && pivot->aggregates.n_items == 0) {
        return cni_sql_syntax_error(self, err);
    }
    inout_from->pivot = pivot;
    return rule_pivot_groups(self, pivot, err);
}

/* ON columns [INTO NAME name VALUE value, ...]. */
static cn_code
rule_unpivot_clauses(sql_parser *self, bool include_nulls, cni_sql_from *inout_from, cn_error *err)
{
    cni_sql_unpivot *unpivot = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &unpivot, err));
    unpivot->statement_form = true;
    unpivot->include_nulls = include_nulls;
    inout_from->unpivot = unpivot;
    CN_TRY(cni_sql_expect_kw(self, KW_ON, err));
    CN_TRY(cni_sql_rule_targets(self, &unpivot->inputs, err));
    if (!cni_sql_accept_kw(self, KW_INTO)) {
        return CN_OK;
    }
    cni_sql_vec values = {0};
    CN_TRY(cni_sql_expect_kw(self, KW_NAME, err));
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &unpivot->name, err));
    CN_TRY(cni_sql_expect_kw(self, KW_VALUE, err));
    do {
        cni_sql_ident *value = NULL;
        CN_TRY(CNI_SQL_ADD(self, &values, &value, err));
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, value, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    unpivot->values = (cni_sql_ident_list){values.n_items, values.items};
    return CN_OK;
}

cn_code
cni_sql_rule_pivot_statement(sql_parser *self, const cni_sql_from **out_from, cn_error *err)
{
    const bool is_pivot = cni_sql_at_kw(self, KW_PIVOT);
    cni_sql_from *from = NULL;
    CN_TRY(cni_sql_from_open(self, is_pivot ? CNI_SQL_FROM_PIVOT : CNI_SQL_FROM_UNPIVOT,
                             self->token.offset, &from, err));
    cni_sql_advance(self);
    const bool include_nulls = !is_pivot && rule_unpivot_nulls(self);
    CN_TRY(cni_sql_rule_table(self, &from->input, err));
    CN_TRY(is_pivot ? rule_pivot_clauses(self, from, err)
                    : rule_unpivot_clauses(self, include_nulls, from, err));
    *out_from = from;
    return cni_sql_node_close(self, &from->node, err);
}
