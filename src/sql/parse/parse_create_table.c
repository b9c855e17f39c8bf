/* SPDX-License-Identifier: Apache-2.0
 *
 * CREATE TABLE and CREATE EXTERNAL TABLE: column definitions, constraints, CREATE TABLE AS, and the
 * clauses of external tables, which may come in any order but only once (WITH ORDER excepted).
 */
#include "sql/parse/parser_int.h"

/* ------------------------------------------------------------------------------ constraints */

static cn_code
rule_paren_expr(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_expr(self, out_expr, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* REFERENCES t [(columns)]. */
static cn_code
rule_references(sql_parser *self, cni_sql_constraint *inout_constraint, cn_error *err)
{
    inout_constraint->kind = CNI_SQL_CONSTRAINT_FOREIGN_KEY;
    CN_TRY(cni_sql_rule_name_new(self, &inout_constraint->referenced, err));
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        CN_TRY(cni_sql_rule_ident_list(self, &inout_constraint->referenced_columns, err));
    }
    if (cni_sql_at_kw(self, KW_ON)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length,
                                 "an action of a foreign key (ON DELETE, ON UPDATE)", err);
    }
    return CN_OK;
}

/* GENERATED ALWAYS AS (expr) [STORED | VIRTUAL]; the first word is consumed. */
static cn_code
rule_generated(sql_parser *self, cni_sql_constraint *inout_constraint, cn_error *err)
{
    inout_constraint->kind = CNI_SQL_CONSTRAINT_GENERATED;
    CN_TRY(cni_sql_expect_kw(self, KW_ALWAYS, err));
    CN_TRY(cni_sql_expect_kw(self, KW_AS, err));
    if (cni_sql_at_kw(self, KW_IDENTITY)) {
        return cni_sql_refuse_at(self->token.offset, self->token.length, "an identity column", err);
    }
    CN_TRY(rule_paren_expr(self, &inout_constraint->expr, err));
    inout_constraint->stored = cni_sql_accept_kw(self, KW_STORED);
    if (!inout_constraint->stored) {
        (void)cni_sql_accept_kw(self, KW_VIRTUAL);
    }
    return CN_OK;
}

/* Constraints without columns of their own; *out_found says whether there was one. */
static cn_code
rule_column_constraint(sql_parser *self, cni_sql_constraint *inout_constraint, bool *out_found,
                       cn_error *err)
{
    *out_found = true;
    if (cni_sql_accept_kw2(self, KW_NOT, KW_NULL)) {
        inout_constraint->kind = CNI_SQL_CONSTRAINT_NOT_NULL;
    } else if (cni_sql_accept_kw(self, KW_NULL)) {
        inout_constraint->kind = CNI_SQL_CONSTRAINT_NULL;
    } else if (cni_sql_accept_kw(self, KW_DEFAULT)) {
        inout_constraint->kind = CNI_SQL_CONSTRAINT_DEFAULT;
        return cni_sql_rule_expr_level(self, CNI_SQL_LEVEL_OPERAND, &inout_constraint->expr, err);
    } else if (cni_sql_accept_kw(self, KW_CHECK)) {
        inout_constraint->kind = CNI_SQL_CONSTRAINT_CHECK;
        return rule_paren_expr(self, &inout_constraint->expr, err);
    } else if (cni_sql_accept_kw2(self, KW_PRIMARY, KW_KEY)) {
        inout_constraint->kind = CNI_SQL_CONSTRAINT_PRIMARY_KEY;
    } else if (cni_sql_accept_kw(self, KW_UNIQUE)) {
        inout_constraint->kind = CNI_SQL_CONSTRAINT_UNIQUE;
    } else if (cni_sql_accept_kw(self, KW_COLLATE)) {
        inout_constraint->kind = CNI_SQL_CONSTRAINT_COLLATE;
        return cni_sql_rule_name_new(self, &inout_constraint->referenced, err);
    } else if (cni_sql_accept_kw(self, KW_REFERENCES)) {
        return rule_references(self, inout_constraint, err);
    } else if (cni_sql_accept_kw(self, KW_GENERATED)) {
        return rule_generated(self, inout_constraint, err);
    } else {
        *out_found = false;
    }
    return CN_OK;
}

/* All constraints behind one column. */
static cn_code
rule_column_constraints(sql_parser *self, cni_sql_column_def *inout_column, cn_error *err)
{
    cni_sql_vec constraints = {0};
    for (;;) {
        cni_sql_constraint constraint = {.offset = self->token.offset};
        cni_sql_constraint *slot = NULL;
        bool found = false;
        const bool named = cni_sql_accept_kw(self, KW_CONSTRAINT);
        if (named) {
            CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &constraint.name, err));
        }
        CN_TRY(rule_column_constraint(self, &constraint, &found, err));
        if (!found) {
            inout_column->constraints = constraints.items;
            inout_column->n_constraints = constraints.n_items;
            return named ? cni_sql_syntax_error(self, err) : CN_OK;
        }
        constraint.length = cni_sql_extent(self, constraint.offset);
        CN_TRY(CNI_SQL_ADD(self, &constraints, &slot, err));
        *slot = constraint;
    }
}

/* A constraint that stands between the columns. */
static cn_code
rule_table_constraint(sql_parser *self, cni_sql_constraint *out_constraint, cn_error *err)
{
    out_constraint->offset = self->token.offset;
    if (cni_sql_accept_kw(self, KW_CONSTRAINT)) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &out_constraint->name, err));
    }
    if (cni_sql_accept_kw(self, KW_CHECK)) {
        out_constraint->kind = CNI_SQL_CONSTRAINT_CHECK;
        CN_TRY(rule_paren_expr(self, &out_constraint->expr, err));
    } else if (cni_sql_accept_kw2(self, KW_PRIMARY, KW_KEY)) {
        out_constraint->kind = CNI_SQL_CONSTRAINT_PRIMARY_KEY;
        CN_TRY(cni_sql_rule_ident_list(self, &out_constraint->columns, err));
    } else if (cni_sql_accept_kw(self, KW_UNIQUE)) {
        out_constraint->kind = CNI_SQL_CONSTRAINT_UNIQUE;
        CN_TRY(cni_sql_rule_ident_list(self, &out_constraint->columns, err));
    } else {
        CN_TRY(cni_sql_expect_kw(self, KW_FOREIGN, err));
        CN_TRY(cni_sql_expect_kw(self, KW_KEY, err));
        CN_TRY(cni_sql_rule_ident_list(self, &out_constraint->columns, err));
        CN_TRY(cni_sql_expect_kw(self, KW_REFERENCES, err));
        CN_TRY(rule_references(self, out_constraint, err));
    }
    out_constraint->length = cni_sql_extent(self, out_constraint->offset);
    return CN_OK;
}

/* ---------------------------------------------------------------------------------- columns */

static bool
at_table_constraint(const sql_parser *self)
{
    switch (self->token.keyword) {
    case KW_CONSTRAINT:
    case KW_CHECK:
    case KW_PRIMARY:
    case KW_UNIQUE:
    case KW_FOREIGN:
        return true;
    default:
        return false;
    }
}

static cn_code
rule_column_def(sql_parser *self, bool types_optional, cni_sql_column_def *out_column,
                cn_error *err)
{
    CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &out_column->name, err));
    const bool at_end = cni_sql_at(self, TOK_COMMA) || cni_sql_at(self, TOK_RIGHT_PAREN);
    if (types_optional && at_end) {
        return CN_OK;
    }
    if (!cni_sql_at_kw(self, KW_GENERATED)) {
        CN_TRY(cni_sql_rule_type(self, &out_column->type, err));
    }
    return rule_column_constraints(self, out_column, err);
}

cn_code
cni_sql_rule_column_defs(sql_parser *self, bool types_optional,
                         cni_sql_column_def_list *out_columns,
                         cni_sql_constraint_list *out_constraints, cn_error *err)
{
    cni_sql_vec columns = {0};
    cni_sql_vec constraints = {0};
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    do {
        if (at_table_constraint(self)) {
            cni_sql_constraint *constraint = NULL;
            CN_TRY(CNI_SQL_ADD(self, &constraints, &constraint, err));
            CN_TRY(rule_table_constraint(self, constraint, err));
        } else if (cni_sql_at_kw(self, KW_LIKE)) {
            return cni_sql_refuse_at(self->token.offset, self->token.length,
                                     "LIKE in a table definition", err);
        } else {
            cni_sql_column_def *column = NULL;
            CN_TRY(CNI_SQL_ADD(self, &columns, &column, err));
            CN_TRY(rule_column_def(self, types_optional, column, err));
        }
    } while (cni_sql_accept(self, TOK_COMMA));
    *out_columns = (cni_sql_column_def_list){columns.n_items, columns.items};
    *out_constraints = (cni_sql_constraint_list){constraints.n_items, constraints.items};
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* The first column without a type, which only CREATE TABLE ... AS may have. */
static cn_code
check_types(const cni_sql_create_table *create, cn_error *err)
{
    for (int32_t column = 0; create->query == NULL && column < create->columns.n_items; column++) {
        const cni_sql_column_def *def = &create->columns.items[column];
        const bool generated =
            def->n_constraints > 0 && def->constraints[0].kind == CNI_SQL_CONSTRAINT_GENERATED;
        if (def->type == NULL && !generated) {
            return cni_sql_fail_at(def->name.offset, def->name.length,
                                   "a column definition needs a type", err);
        }
    }
    return CN_OK;
}

/* -------------------------------------------------------------------------------------- AS */

/* WITH [NO] DATA behind the query. */
static cn_code
rule_with_data(sql_parser *self, cni_sql_create_table *inout_create, cn_error *err)
{
    if (!cni_sql_accept_kw(self, KW_WITH)) {
        return CN_OK;
    }
    inout_create->with_no_data = cni_sql_accept_kw(self, KW_NO);
    return cni_sql_expect_kw(self, KW_DATA, err);
}

cn_code
cni_sql_rule_create_table(sql_parser *self, cni_sql_create_flags flags, bool unbounded,
                          cni_sql_statement *inout, cn_error *err)
{
    cni_sql_create_table *create = NULL;
    inout->kind = CNI_SQL_STATEMENT_CREATE_TABLE;
    CN_TRY(CN_ARENA_NEW(self->arena, &create, err));
    inout->create_table = create;
    create->flags = flags;
    create->unbounded = unbounded;
    CN_TRY(cni_sql_rule_name(self, &create->name, err));
    const bool has_columns = cni_sql_at(self, TOK_LEFT_PAREN);
    if (has_columns) {
        CN_TRY(cni_sql_rule_column_defs(self, true, &create->columns, &create->constraints, err));
    }
    if (cni_sql_accept_kw(self, KW_WITH)) {
        CN_TRY(cni_sql_rule_options(self, &create->options, err));
    }
    if (cni_sql_accept_kw(self, KW_AS)) {
        CN_TRY(cni_sql_rule_query(self, &create->query, err));
        CN_TRY(rule_with_data(self, create, err));
    } else if (!has_columns) {
        return cni_sql_syntax_error(self, err);
    }
    return check_types(create, err);
}

/* ---------------------------------------------------------------------------- EXTERNAL TABLE */

/* 'path' or ('path', 'path'). */
static cn_code
rule_locations(sql_parser *self, cni_sql_create_external *inout_create, cn_error *err)
{
    cni_sql_vec locations = {0};
    const bool paren = cni_sql_accept(self, TOK_LEFT_PAREN);
    do {
        const cni_sql_expr *location = NULL;
        if (!cni_sql_at(self, TOK_STRING)) {
            return cni_sql_syntax_error(self, err);
        }
        CN_TRY(cni_sql_rule_literal(self, &location, err));
        CN_TRY(cni_sql_vec_push(self, &locations, location, err));
    } while (paren && cni_sql_accept(self, TOK_COMMA));
    inout_create->locations = locations.items;
    inout_create->n_locations = locations.n_items;
    return paren ? cni_sql_expect(self, TOK_RIGHT_PAREN, err) : CN_OK;
}

/* (a, b) or (a INTEGER, ...). */
static cn_code
rule_partitioned_by(sql_parser *self, cni_sql_create_external *inout_create, cn_error *err)
{
    cni_sql_constraint_list constraints = {0};
    const int64_t offset = self->token.offset;
    CN_TRY(
        cni_sql_rule_column_defs(self, true, &inout_create->partition_columns, &constraints, err));
    return constraints.n_items == 0 ? CN_OK
                                    : cni_sql_fail_at(offset, cni_sql_extent(self, offset),
                                                      "PARTITIONED BY takes columns only", err);
}

static cn_code
rule_with_order(sql_parser *self, cni_sql_vec *inout_orders, cn_error *err)
{
    cni_sql_order_list *orders = NULL;
    CN_TRY(CNI_SQL_ADD(self, inout_orders, &orders, err));
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_orders(self, orders, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* One clause; *out_found says whether there was one. */
static cn_code
rule_external_clause(sql_parser *self, cni_sql_create_external *create, cni_sql_vec *inout_orders,
                     bool *out_found, cn_error *err)
{
    *out_found = true;
    if (create->format.text.data == NULL && cni_sql_accept_kw2(self, KW_STORED, KW_AS)) {
        return cni_sql_rule_ident(self, IDENT_LABEL, &create->format, err);
    }
    if (create->n_locations == 0 && cni_sql_accept_kw(self, KW_LOCATION)) {
        return rule_locations(self, create, err);
    }
    if (create->partition_columns.n_items == 0 && cni_sql_accept_kw2(self, KW_PARTITIONED, KW_BY)) {
        return rule_partitioned_by(self, create, err);
    }
    if (create->options.n_items == 0 && cni_sql_accept_kw(self, KW_OPTIONS)) {
        return cni_sql_rule_options(self, &create->options, err);
    }
    if (cni_sql_accept_kw2(self, KW_WITH, KW_ORDER)) {
        return rule_with_order(self, inout_orders, err);
    }
    *out_found = false;
    return CN_OK;
}

cn_code
cni_sql_rule_create_external(sql_parser *self, cni_sql_create_flags flags, bool unbounded,
                             cni_sql_statement *inout, cn_error *err)
{
    cni_sql_create_external *create = NULL;
    cni_sql_vec orders = {0};
    bool found = true;
    inout->kind = CNI_SQL_STATEMENT_CREATE_EXTERNAL_TABLE;
    CN_TRY(CN_ARENA_NEW(self->arena, &create, err));
    create->flags = flags;
    create->unbounded = unbounded;
    CN_TRY(cni_sql_rule_name(self, &create->name, err));
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        CN_TRY(cni_sql_rule_column_defs(self, false, &create->columns, &create->constraints, err));
    }
    while (found) {
        CN_TRY(rule_external_clause(self, create, &orders, &found, err));
    }
    if (create->n_locations == 0) {
        return cni_sql_at(self, TOK_END) || cni_sql_at(self, TOK_SEMICOLON)
                   ? cni_sql_fail_at(inout->offset, cni_sql_extent(self, inout->offset),
                                     "CREATE EXTERNAL TABLE needs a LOCATION", err)
                   : cni_sql_syntax_error(self, err);
    }
    create->orders = orders.items;
    create->n_orders = orders.n_items;
    inout->create_external = create;
    return CN_OK;
}
