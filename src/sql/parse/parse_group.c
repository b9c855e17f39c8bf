/* SPDX-License-Identifier: Apache-2.0
 *
 * Select lists and GROUP BY: targets with their aliases (before: a: x, behind: x AS a, x a), the
 * star and its modifiers, COLUMNS(...), grouping sets. A comma may trail a select list. An alias
 * without AS is remembered for syntax errors: it may be a misspelt keyword.
 */
#include "sql/parse/parser_int.h"

/* ---------------------------------------------------------------------------------- targets */

static bool
at_prefix_alias(sql_parser *self)
{
    return cni_sql_at_ident(self, IDENT_COLUMN) && cni_sql_peek(self, 1)->kind == TOK_COLON;
}

/* AS label, AS 'label', or a bare label. */
static cn_code
rule_target_alias(sql_parser *self, cni_sql_target *inout_target, cn_error *err)
{
    if (cni_sql_accept_kw(self, KW_AS)) {
        if (!cni_sql_at(self, TOK_STRING)) {
            return cni_sql_rule_ident(self, IDENT_LABEL, &inout_target->alias, err);
        }
        cni_sql_ident *alias = &inout_target->alias;
        alias->offset = self->token.offset;
        alias->quoted = true;
        CN_TRY(cni_sql_rule_string(self, &alias->text, err));
        alias->length = cni_sql_extent(self, alias->offset);
        return CN_OK;
    }
    if (!cni_sql_at_ident(self, IDENT_BARE_LABEL)) {
        return CN_OK;
    }
    if (cni_sql_at(self, TOK_WORD)) {
        self->soft_alias_offset = self->token.offset;
        self->soft_alias_length = self->token.length;
    }
    return cni_sql_rule_ident(self, IDENT_BARE_LABEL, &inout_target->alias, err);
}

cn_code
cni_sql_rule_target(sql_parser *self, cni_sql_target *out_target, cn_error *err)
{
    if (at_prefix_alias(self)) {
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, &out_target->alias, err));
        cni_sql_advance(self);
        return cni_sql_rule_expr(self, &out_target->expr, err);
    }
    if (cni_sql_at_op(self, CNI_SQL_OP_MULTIPLY)) {
        return cni_sql_rule_star(self, NULL, self->token.offset, &out_target->expr, err);
    }
    CN_TRY(cni_sql_rule_expr(self, &out_target->expr, err));
    return rule_target_alias(self, out_target, err);
}

/* Whether a select list ends here, behind a trailing comma. */
static bool
at_list_end(const sql_parser *self)
{
    switch (self->token.kind) {
    case TOK_END:
    case TOK_SEMICOLON:
    case TOK_RIGHT_PAREN:
        return true;
    default:
        break;
    }
    switch (self->token.keyword) {
    case KW_FROM:
    case KW_WHERE:
    case KW_GROUP:
    case KW_HAVING:
    case KW_ORDER:
    case KW_LIMIT:
    case KW_OFFSET:
    case KW_UNION:
    case KW_EXCEPT:
    case KW_INTERSECT:
        return true;
    default:
        return false;
    }
}

cn_code
cni_sql_rule_targets(sql_parser *self, cni_sql_target_list *out_list, cn_error *err)
{
    cni_sql_vec targets = {0};
    do {
        cni_sql_target target = {0};
        cni_sql_target *slot = NULL;
        if (targets.n_items > 0 && at_list_end(self)) {
            break;
        }
        CN_TRY(cni_sql_rule_target(self, &target, err));
        CN_TRY(CNI_SQL_ADD(self, &targets, &slot, err));
        *slot = target;
    } while (cni_sql_accept(self, TOK_COMMA));
    *out_list = (cni_sql_target_list){targets.n_items, targets.items};
    return CN_OK;
}

/* ------------------------------------------------------------------------------------- star */

typedef cn_code (*item_rule)(sql_parser *self, cni_sql_star_item *out_item, cn_error *err);

static cn_code
rule_exclude_item(sql_parser *self, cni_sql_star_item *out_item, cn_error *err)
{
    return cni_sql_rule_name(self, &out_item->column, err);
}

/* expr AS column. */
static cn_code
rule_replace_item(sql_parser *self, cni_sql_star_item *out_item, cn_error *err)
{
    CN_TRY(cni_sql_rule_expr(self, &out_item->expr, err));
    (void)cni_sql_accept_kw(self, KW_AS);
    return cni_sql_rule_name(self, &out_item->column, err);
}

/* column AS name. */
static cn_code
rule_rename_item(sql_parser *self, cni_sql_star_item *out_item, cn_error *err)
{
    CN_TRY(cni_sql_rule_name(self, &out_item->column, err));
    CN_TRY(cni_sql_expect_kw(self, KW_AS, err));
    return cni_sql_rule_ident(self, IDENT_LABEL, &out_item->new_name, err);
}

/* (item, ...) or one item. */
static cn_code
rule_star_items(sql_parser *self, item_rule rule, const cni_sql_star_item **out_items,
                int32_t *out_n, cn_error *err)
{
    cni_sql_vec items = {0};
    const bool paren = cni_sql_accept(self, TOK_LEFT_PAREN);
    do {
        cni_sql_star_item *item = NULL;
        CN_TRY(CNI_SQL_ADD(self, &items, &item, err));
        CN_TRY(rule(self, item, err));
    } while (paren && cni_sql_accept(self, TOK_COMMA));
    *out_items = items.items;
    *out_n = items.n_items;
    return paren ? cni_sql_expect(self, TOK_RIGHT_PAREN, err) : CN_OK;
}

/* EXCEPT (a, b) behind a star, as against the set operation. */
static bool
at_except_list(sql_parser *self)
{
    return cni_sql_at_kw(self, KW_EXCEPT) && cni_sql_peek(self, 1)->kind == TOK_LEFT_PAREN &&
           cni_sql_peek(self, 2)->kind != TOK_LEFT_PAREN &&
           !cni_sql_token_begins_query(cni_sql_peek(self, 2));
}

/* [NOT] LIKE, ILIKE, SIMILAR TO, GLOB pattern: which columns a star stands for. */
static cn_code
rule_star_like(sql_parser *self, cni_sql_star *inout_star, cn_error *err)
{
    inout_star->like_negated = cni_sql_accept_kw(self, KW_NOT);
    if (cni_sql_accept_kw(self, KW_LIKE)) {
        inout_star->like_op = CNI_SQL_OP_LIKE;
    } else if (cni_sql_accept_kw(self, KW_ILIKE)) {
        inout_star->like_op = CNI_SQL_OP_ILIKE;
    } else if (cni_sql_accept_kw(self, KW_GLOB)) {
        inout_star->like_op = CNI_SQL_OP_GLOB;
    } else {
        CN_TRY(cni_sql_expect_kw(self, KW_SIMILAR, err));
        CN_TRY(cni_sql_expect_kw(self, KW_TO, err));
        inout_star->like_op = CNI_SQL_OP_SIMILAR;
    }
    return cni_sql_rule_primary(self, &inout_star->like_pattern, err);
}

static bool
at_star_like(sql_parser *self)
{
    const bool negated = cni_sql_at_kw(self, KW_NOT);
    switch (cni_sql_peek(self, negated ? 1 : 0)->keyword) {
    case KW_LIKE:
    case KW_ILIKE:
    case KW_GLOB:
    case KW_SIMILAR:
        return true;
    default:
        return false;
    }
}

static cn_code
rule_star_modifiers(sql_parser *self, cni_sql_star *star, cn_error *err)
{
    for (;;) {
        if (star->n_exclude == 0 && (cni_sql_at_kw(self, KW_EXCLUDE) || at_except_list(self))) {
            cni_sql_advance(self);
            CN_TRY(rule_star_items(self, rule_exclude_item, &star->exclude, &star->n_exclude, err));
        } else if (star->n_replace == 0 && cni_sql_accept_kw(self, KW_REPLACE)) {
            CN_TRY(rule_star_items(self, rule_replace_item, &star->replace, &star->n_replace, err));
        } else if (star->n_rename == 0 && cni_sql_accept_kw(self, KW_RENAME)) {
            CN_TRY(rule_star_items(self, rule_rename_item, &star->rename, &star->n_rename, err));
        } else if (star->like_op == CNI_SQL_OP_NONE && at_star_like(self)) {
            CN_TRY(rule_star_like(self, star, err));
        } else {
            return CN_OK;
        }
    }
}

cn_code
cni_sql_rule_star(sql_parser *self, const cni_sql_name *qualifier, int64_t offset,
                  const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    cni_sql_star *star = NULL;
    CN_TRY(cni_sql_expect_op(self, CNI_SQL_OP_MULTIPLY, err));
    if (qualifier == NULL && cni_sql_at_kw(self, KW_COLUMNS) &&
        cni_sql_peek(self, 1)->kind == TOK_LEFT_PAREN) {
        return cni_sql_rule_columns(self, true, offset, out_expr, err);
    }
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_STAR, offset, &expr, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &star, err));
    if (qualifier != NULL) {
        star->has_name = true;
        star->name = *qualifier;
    }
    CN_TRY(rule_star_modifiers(self, star, err));
    expr->star = star;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

cn_code
cni_sql_rule_columns(sql_parser *self, bool unpack, int64_t offset, const cni_sql_expr **out_expr,
                     cn_error *err)
{
    cni_sql_expr *expr = NULL;
    cni_sql_star *star = NULL;
    const cni_sql_expr *which = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_COLUMNS, offset, &expr, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &star, err));
    cni_sql_advance(self);
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    if (cni_sql_at_op(self, CNI_SQL_OP_MULTIPLY)) {
        CN_TRY(cni_sql_rule_star(self, NULL, self->token.offset, &which, err));
    } else if (cni_sql_at_arrow_lambda(self, NULL)) {
        CN_TRY(cni_sql_rule_lambda(self, true, &which, err));
    } else {
        CN_TRY(cni_sql_rule_expr(self, &which, err));
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    star->unpack = unpack;
    expr->star = star;
    CN_TRY(cni_sql_expr_args(self, expr, 1, &which, err));
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* --------------------------------------------------------------------------------- GROUP BY */

static cn_code rule_group(sql_parser *self, cni_sql_group *out_group, cn_error *err);

static cn_code
rule_group_list(sql_parser *self, const cni_sql_group **out_groups, int32_t *out_n, cn_error *err)
{
    cni_sql_vec groups = {0};
    do {
        cni_sql_group group = {0};
        cni_sql_group *slot = NULL;
        CN_TRY(rule_group(self, &group, err));
        CN_TRY(CNI_SQL_ADD(self, &groups, &slot, err));
        *slot = group;
    } while (cni_sql_accept(self, TOK_COMMA));
    *out_groups = groups.items;
    *out_n = groups.n_items;
    return CN_OK;
}

static cn_code
rule_grouping_sets(sql_parser *self, cni_sql_group *out_group, cn_error *err)
{
    out_group->kind = CNI_SQL_GROUP_SETS;
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(rule_group_list(self, &out_group->sets, &out_group->n_sets, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static cn_code
rule_rollup(sql_parser *self, cni_sql_group *out_group, cn_error *err)
{
    out_group->kind = cni_sql_at_kw(self, KW_CUBE) ? CNI_SQL_GROUP_CUBE : CNI_SQL_GROUP_ROLLUP;
    cni_sql_advance(self);
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_expr_list(self, &out_group->exprs, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static cn_code
rule_group_expr(sql_parser *self, cni_sql_group *out_group, cn_error *err)
{
    const cni_sql_expr *expr = NULL;
    cni_sql_vec exprs = {0};
    out_group->kind = CNI_SQL_GROUP_EXPR;
    CN_TRY(cni_sql_rule_expr(self, &expr, err));
    CN_TRY(cni_sql_vec_push(self, &exprs, expr, err));
    out_group->exprs = (cni_sql_expr_list){1, exprs.items};
    return CN_OK;
}

static cn_code
rule_group(sql_parser *self, cni_sql_group *out_group, cn_error *err)
{
    const cni_sql_token_kind next = (cni_sql_token_kind)cni_sql_peek(self, 1)->kind;
    out_group->offset = self->token.offset;
    CN_TRY(cni_sql_descend(self, err));
    if (cni_sql_at(self, TOK_LEFT_PAREN) && next == TOK_RIGHT_PAREN) {
        cni_sql_advance(self);
        cni_sql_advance(self);
        out_group->kind = CNI_SQL_GROUP_EMPTY;
    } else if (cni_sql_accept_kw2(self, KW_GROUPING, KW_SETS)) {
        CN_TRY(rule_grouping_sets(self, out_group, err));
    } else if ((cni_sql_at_kw(self, KW_ROLLUP) || cni_sql_at_kw(self, KW_CUBE)) &&
               next == TOK_LEFT_PAREN) {
        CN_TRY(rule_rollup(self, out_group, err));
    } else {
        CN_TRY(rule_group_expr(self, out_group, err));
    }
    cni_sql_ascend(self);
    out_group->length = cni_sql_extent(self, out_group->offset);
    return CN_OK;
}

/* Whether the item behind GROUP BY ALL is missing, so that ALL is the item. */
static bool
at_group_end(const sql_parser *self)
{
    switch (self->token.keyword) {
    case KW_QUALIFY:
    case KW_WINDOW:
    case KW_FETCH:
    case KW_USING:
    case KW_FOR:
    case KW_AS:
    case KW_WITH:
    case KW_RETURNING:
    case KW_ON:
        return true;
    default:
        return at_list_end(self);
    }
}

cn_code
cni_sql_rule_groups(sql_parser *self, cni_sql_select *inout_select, cn_error *err)
{
    if (cni_sql_accept_kw(self, KW_ALL)) {
        inout_select->group_all = at_group_end(self);
        if (inout_select->group_all) {
            return CN_OK;
        }
    } else {
        inout_select->group_distinct = cni_sql_accept_kw(self, KW_DISTINCT);
    }
    return rule_group_list(self, &inout_select->groups, &inout_select->n_groups, err);
}
