/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions by precedence, PostgreSQL's levels from loose to tight:
 *
 *   OR < AND < NOT < IS < comparisons < BETWEEN IN LIKE < other operators < + - < * / // % < ^ **
 *      < AT TIME ZONE < COLLATE < unary + - < [ ] < :: < .
 *
 * An operand is followed by a loop over what may come behind it. Two bounds hold in that loop: an
 * operator must bind at least as tightly as `level`, which the caller passed, and no tighter than
 * `ceiling`, which the operator before it left: it makes a < b < c an error and -a[1] not the
 * subscript of -a. Operators of one level become one flat node, so long chains neither recurse nor
 * nest.
 */
#include "sql/parse/parser_int.h"

enum {
    LEVEL_OR = 1,
    LEVEL_AND,
    LEVEL_NOT,
    LEVEL_IS,
    LEVEL_COMPARE,
    LEVEL_MATCH,
    LEVEL_OTHER,
    LEVEL_ADD,
    LEVEL_MULTIPLY,
    LEVEL_POWER,
    LEVEL_AT,
    LEVEL_COLLATE,
    LEVEL_SIGN,
    LEVEL_SUBSCRIPT,
    LEVEL_CAST,
    LEVEL_DOT,
    LEVEL_OPERAND
};

_Static_assert(LEVEL_MATCH + 1 == CNI_SQL_LEVEL_OPERAND, "operands of IN, LIKE and BETWEEN");

typedef enum infix_kind {
    INFIX_NONE,
    INFIX_OR,
    INFIX_AND,
    INFIX_IS,
    INFIX_IS_NULL, /* ISNULL, NOTNULL */
    INFIX_COMPARE,
    INFIX_MATCH, /* [NOT] BETWEEN, IN, LIKE ... */
    INFIX_CHAIN, /* an operator of the levels OTHER to POWER */
    INFIX_AT,
    INFIX_COLLATE,
    INFIX_SUBSCRIPT,
    INFIX_CAST,
    INFIX_DOT
} infix_kind;

typedef struct infix {
    infix_kind kind;
    int32_t level;
} infix;

/* ---------------------------------------------------------------------------- what is next */

static infix
operator_infix(uint8_t op)
{
    switch (op) {
    case CNI_SQL_OP_EQ:
    case CNI_SQL_OP_NE:
    case CNI_SQL_OP_LT:
    case CNI_SQL_OP_LE:
    case CNI_SQL_OP_GT:
    case CNI_SQL_OP_GE:
        return (infix){INFIX_COMPARE, LEVEL_COMPARE};
    case CNI_SQL_OP_PLUS:
    case CNI_SQL_OP_MINUS:
        return (infix){INFIX_CHAIN, LEVEL_ADD};
    case CNI_SQL_OP_MULTIPLY:
    case CNI_SQL_OP_DIVIDE:
    case CNI_SQL_OP_INTEGER_DIVIDE:
    case CNI_SQL_OP_MODULO:
        return (infix){INFIX_CHAIN, LEVEL_MULTIPLY};
    case CNI_SQL_OP_POWER:
        return (infix){INFIX_CHAIN, LEVEL_POWER};
    default:
        return (infix){INFIX_CHAIN, LEVEL_OTHER};
    }
}

static bool
is_match_keyword(int keyword)
{
    return keyword == KW_BETWEEN || keyword == KW_IN || keyword == KW_LIKE || keyword == KW_ILIKE ||
           keyword == KW_SIMILAR || keyword == KW_GLOB;
}

static infix
keyword_infix(sql_parser *self)
{
    switch (self->token.keyword) {
    case KW_OR:
        return (infix){INFIX_OR, LEVEL_OR};
    case KW_AND:
        return (infix){INFIX_AND, LEVEL_AND};
    case KW_IS:
        return (infix){INFIX_IS, LEVEL_IS};
    case KW_ISNULL:
    case KW_NOTNULL:
        return (infix){INFIX_IS_NULL, LEVEL_IS};
    case KW_BETWEEN:
    case KW_IN:
    case KW_LIKE:
    case KW_ILIKE:
    case KW_SIMILAR:
    case KW_GLOB:
        return (infix){INFIX_MATCH, LEVEL_MATCH};
    case KW_NOT:
        return is_match_keyword(cni_sql_peek(self, 1)->keyword) ? (infix){INFIX_MATCH, LEVEL_MATCH}
                                                                : (infix){INFIX_NONE, 0};
    case KW_AT:
        return cni_sql_at_kw2(self, KW_AT, KW_TIME) || cni_sql_at_kw2(self, KW_AT, KW_LOCAL)
                   ? (infix){INFIX_AT, LEVEL_AT}
                   : (infix){INFIX_NONE, 0};
    case KW_COLLATE:
        return (infix){INFIX_COLLATE, LEVEL_COLLATE};
    default:
        return (infix){INFIX_NONE, 0};
    }
}

static infix
next_infix(sql_parser *self)
{
    switch (self->token.kind) {
    case TOK_OPERATOR:
        return operator_infix(self->token.op);
    case TOK_WORD:
        return keyword_infix(self);
    case TOK_LEFT_BRACKET:
        return (infix){INFIX_SUBSCRIPT, LEVEL_SUBSCRIPT};
    case TOK_CAST:
        return (infix){INFIX_CAST, LEVEL_CAST};
    case TOK_DOT:
        return (infix){INFIX_DOT, LEVEL_DOT};
    default:
        return (infix){INFIX_NONE, 0};
    }
}

/* ---------------------------------------------------------------------------------- chains */

static cn_code
rule_junction(sql_parser *self, bool is_and, const cni_sql_expr **inout_left, cn_error *err)
{
    const cni_sql_keyword word = is_and ? KW_AND : KW_OR;
    const int32_t level = is_and ? LEVEL_NOT : LEVEL_AND;
    cni_sql_vec args = {0};
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, is_and ? CNI_SQL_EXPR_AND : CNI_SQL_EXPR_OR,
                             (*inout_left)->node.offset, &expr, err));
    CN_TRY(cni_sql_vec_push(self, &args, *inout_left, err));
    while (cni_sql_accept_kw(self, word)) {
        const cni_sql_expr *arg = NULL;
        CN_TRY(cni_sql_rule_expr_level(self, level, &arg, err));
        CN_TRY(cni_sql_vec_push(self, &args, arg, err));
    }
    expr->args = args.items;
    expr->n_args = args.n_items;
    *inout_left = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* Read the operator at the cursor. */
static cn_code
read_operator(sql_parser *self, cni_sql_op *out_op, cn_error *err)
{
    out_op->code = self->token.op;
    out_op->offset = self->token.offset;
    CN_TRY(cni_arena_str(self->arena, cni_sql_token_text(self->text, &self->token), &out_op->text,
                         err));
    cni_sql_advance(self);
    return CN_OK;
}

static bool
at_quantifier(sql_parser *self)
{
    return (cni_sql_at_kw(self, KW_ANY) || cni_sql_at_kw(self, KW_SOME) ||
            cni_sql_at_kw(self, KW_ALL)) &&
           cni_sql_peek(self, 1)->kind == TOK_LEFT_PAREN;
}

/* What stands in the parentheses behind IN, ANY, ALL: a query, or one or more expressions that are
 * added to `inout_items`. */
static cn_code
rule_paren_list(sql_parser *self, cni_sql_vec *inout_items, const cni_sql_query **out_query,
                cn_error *err)
{
    const cni_sql_expr *first = NULL;
    *out_query = NULL;
    if (cni_sql_at_query_paren(self)) {
        return cni_sql_rule_paren_query(self, out_query, err);
    }
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_rule_expr(self, &first, err));
    CN_TRY(cni_sql_rule_inner_query(self, first, out_query, err));
    if (*out_query == NULL) {
        CN_TRY(cni_sql_vec_push(self, inout_items, first, err));
        if (cni_sql_accept(self, TOK_COMMA)) {
            CN_TRY(cni_sql_rule_exprs(self, inout_items, err));
        }
    }
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

/* One expression is itself; several are a list. */
static cn_code
make_list(sql_parser *self, int64_t offset, const cni_sql_vec *items, const cni_sql_expr **out_list,
          cn_error *err)
{
    cni_sql_expr *list = NULL;
    if (items->n_items == 1) {
        memcpy(out_list, items->items, sizeof(*out_list));
        return CN_OK;
    }
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_LIST, offset, &list, err));
    list->args = items->items;
    list->n_args = items->n_items;
    *out_list = list;
    return cni_sql_node_close(self, &list->node, err);
}

/* left op ANY | ALL (query | list). */
static cn_code
rule_quantified(sql_parser *self, const cni_sql_op *op, bool negated,
                const cni_sql_expr **inout_left, cn_error *err)
{
    const cni_sql_expr *args[2] = {*inout_left, NULL};
    const bool all = cni_sql_at_kw(self, KW_ALL);
    cni_sql_expr *expr = NULL;
    const cni_sql_query *query = NULL;
    cni_sql_vec items = {0};
    cni_sql_advance(self);
    const int64_t offset = self->token.offset;
    CN_TRY(rule_paren_list(self, &items, &query, err));
    if (query == NULL) {
        CN_TRY(make_list(self, offset, &items, &args[1], err));
    }
    CN_TRY(cni_sql_expr_open(self, query == NULL ? CNI_SQL_EXPR_QUANTIFIED : CNI_SQL_EXPR_SUBQUERY,
                             args[0]->node.offset, &expr, err));
    CN_TRY(cni_sql_expr_args(self, expr, query == NULL ? 2 : 1, args, err));
    expr->query = query;
    expr->subquery_kind = query == NULL ? 0 : all ? CNI_SQL_SUBQUERY_ALL : CNI_SQL_SUBQUERY_ANY;
    expr->op = op->code;
    expr->text = op->text;
    expr->all = all;
    expr->negated = negated;
    *inout_left = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* The operands and operators of a chain that is being read. */
typedef struct chain {
    cni_sql_vec args;
    cni_sql_vec ops;
} chain;

/* Make the chain so far one expression; a single operand is itself. */
static cn_code
chain_close(sql_parser *self, chain *inout_chain, const cni_sql_expr **inout_left, cn_error *err)
{
    if (inout_chain->args.n_items < 2) {
        return CN_OK;
    }
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_BINARY, (*inout_left)->node.offset, &expr, err));
    expr->args = inout_chain->args.items;
    expr->n_args = inout_chain->args.n_items;
    expr->ops = inout_chain->ops.items;
    *inout_left = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* left op a op b ...: all operators of one level. An ANY or ALL behind an operator ends the chain.
 */
static cn_code
rule_chain(sql_parser *self, int32_t level, const cni_sql_expr **inout_left, cn_error *err)
{
    chain links = {0};
    CN_TRY(cni_sql_vec_push(self, &links.args, *inout_left, err));
    for (;;) {
        const infix next = next_infix(self);
        if (next.kind != INFIX_CHAIN || next.level != level) {
            break;
        }
        cni_sql_op op = {0};
        CN_TRY(read_operator(self, &op, err));
        if (at_quantifier(self)) {
            CN_TRY(chain_close(self, &links, inout_left, err));
            return rule_quantified(self, &op, false, inout_left, err);
        }
        cni_sql_op *slot = NULL;
        const cni_sql_expr *arg = NULL;
        CN_TRY(CNI_SQL_ADD(self, &links.ops, &slot, err));
        *slot = op;
        CN_TRY(cni_sql_rule_expr_level(self, level + 1, &arg, err));
        CN_TRY(cni_sql_vec_push(self, &links.args, arg, err));
    }
    return chain_close(self, &links, inout_left, err);
}

/* ------------------------------------------------------------------------- IS, comparisons */

static cn_code
rule_is_distinct(sql_parser *self, bool negated, const cni_sql_expr **inout_left, cn_error *err)
{
    const cni_sql_expr *right = NULL;
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expect_kw(self, KW_FROM, err));
    CN_TRY(cni_sql_rule_expr_level(self, LEVEL_IS + 1, &right, err));
    CN_TRY(cni_sql_expr_over2(self, CNI_SQL_EXPR_IS_DISTINCT, *inout_left, right, &expr, err));
    expr->negated = negated;
    *inout_left = expr;
    return CN_OK;
}

/* IS [NOT] NULL | TRUE | FALSE | UNKNOWN | DISTINCT FROM; *out_ceiling is LEVEL_OPERAND behind the
 * ones that are complete. */
static cn_code
rule_is(sql_parser *self, const cni_sql_expr **inout_left, int32_t *out_ceiling, cn_error *err)
{
    cni_sql_advance(self);
    const bool negated = cni_sql_accept_kw(self, KW_NOT);
    if (cni_sql_accept_kw(self, KW_DISTINCT)) {
        *out_ceiling = LEVEL_IS - 1;
        return rule_is_distinct(self, negated, inout_left, err);
    }
    cni_sql_expr_kind kind = CNI_SQL_EXPR_IS_BOOL;
    uint8_t truth = CNI_SQL_TRUTH_TRUE;
    switch (self->token.keyword) {
    case KW_NULL:
        kind = CNI_SQL_EXPR_IS_NULL;
        break;
    case KW_TRUE:
        break;
    case KW_FALSE:
        truth = CNI_SQL_TRUTH_FALSE;
        break;
    case KW_UNKNOWN:
        truth = CNI_SQL_TRUTH_UNKNOWN;
        break;
    default:
        return cni_sql_syntax_error(self, err);
    }
    cni_sql_expr *expr = NULL;
    cni_sql_advance(self);
    CN_TRY(cni_sql_expr_over1(self, kind, (*inout_left)->node.offset, *inout_left, &expr, err));
    expr->negated = negated;
    expr->truth = kind == CNI_SQL_EXPR_IS_BOOL ? truth : 0;
    *inout_left = expr;
    *out_ceiling = LEVEL_OPERAND;
    return CN_OK;
}

static cn_code
rule_is_null_word(sql_parser *self, const cni_sql_expr **inout_left, cn_error *err)
{
    const bool negated = cni_sql_at_kw(self, KW_NOTNULL);
    cni_sql_expr *expr = NULL;
    cni_sql_advance(self);
    CN_TRY(cni_sql_expr_over1(self, CNI_SQL_EXPR_IS_NULL, (*inout_left)->node.offset, *inout_left,
                              &expr, err));
    expr->negated = negated;
    *inout_left = expr;
    return CN_OK;
}

static cn_code
rule_compare(sql_parser *self, const cni_sql_expr **inout_left, cn_error *err)
{
    cni_sql_op op = {0};
    CN_TRY(read_operator(self, &op, err));
    if (at_quantifier(self)) {
        return rule_quantified(self, &op, false, inout_left, err);
    }
    const cni_sql_expr *right = NULL;
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_rule_expr_level(self, LEVEL_COMPARE + 1, &right, err));
    CN_TRY(cni_sql_expr_over2(self, CNI_SQL_EXPR_COMPARE, *inout_left, right, &expr, err));
    expr->op = op.code;
    *inout_left = expr;
    return CN_OK;
}

/* -------------------------------------------------------------------- BETWEEN, IN, LIKE ... */

static cn_code
rule_between(sql_parser *self, bool negated, const cni_sql_expr **inout_left, cn_error *err)
{
    const cni_sql_expr *args[3] = {*inout_left, NULL, NULL};
    cni_sql_expr *expr = NULL;
    cni_sql_advance(self);
    const bool symmetric = cni_sql_accept_kw(self, KW_SYMMETRIC);
    if (!symmetric) {
        (void)cni_sql_accept_kw(self, KW_ASYMMETRIC);
    }
    CN_TRY(cni_sql_rule_expr_level(self, LEVEL_MATCH + 1, &args[1], err));
    CN_TRY(cni_sql_expect_kw(self, KW_AND, err));
    CN_TRY(cni_sql_rule_expr_level(self, LEVEL_MATCH + 1, &args[2], err));
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_BETWEEN, args[0]->node.offset, &expr, err));
    CN_TRY(cni_sql_expr_args(self, expr, 3, args, err));
    expr->negated = negated;
    expr->symmetric = symmetric;
    *inout_left = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* x [NOT] IN y without parentheses: y is a list. */
static cn_code
rule_in_value(sql_parser *self, bool negated, const cni_sql_expr **inout_left, cn_error *err)
{
    const cni_sql_expr *list = NULL;
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_rule_expr_level(self, LEVEL_MATCH + 1, &list, err));
    CN_TRY(cni_sql_expr_over2(self, CNI_SQL_EXPR_QUANTIFIED, *inout_left, list, &expr, err));
    expr->op = negated ? CNI_SQL_OP_NE : CNI_SQL_OP_EQ;
    expr->text = negated ? CNI_STR("<>") : CNI_STR("=");
    expr->all = negated;
    *inout_left = expr;
    return CN_OK;
}

static cn_code
rule_in(sql_parser *self, bool negated, const cni_sql_expr **inout_left, cn_error *err)
{
    cni_sql_vec args = {0};
    cni_sql_expr *expr = NULL;
    const cni_sql_query *query = NULL;
    cni_sql_advance(self);
    if (!cni_sql_at(self, TOK_LEFT_PAREN)) {
        return rule_in_value(self, negated, inout_left, err);
    }
    CN_TRY(cni_sql_vec_push(self, &args, *inout_left, err));
    CN_TRY(rule_paren_list(self, &args, &query, err));
    CN_TRY(cni_sql_expr_open(self, query == NULL ? CNI_SQL_EXPR_IN : CNI_SQL_EXPR_SUBQUERY,
                             (*inout_left)->node.offset, &expr, err));
    expr->args = args.items;
    expr->n_args = args.n_items;
    expr->negated = negated;
    expr->query = query;
    if (query != NULL) {
        expr->subquery_kind = CNI_SQL_SUBQUERY_IN;
        expr->op = CNI_SQL_OP_EQ;
    }
    *inout_left = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* Consume the word LIKE, ILIKE, SIMILAR or GLOB. */
static cni_sql_op
read_like(sql_parser *self)
{
    cni_sql_op op = {CNI_SQL_OP_GLOB, CNI_STR("GLOB"), self->token.offset};
    if (cni_sql_at_kw(self, KW_LIKE)) {
        op.code = CNI_SQL_OP_LIKE;
        op.text = CNI_STR("LIKE");
    } else if (cni_sql_at_kw(self, KW_ILIKE)) {
        op.code = CNI_SQL_OP_ILIKE;
        op.text = CNI_STR("ILIKE");
    } else if (cni_sql_at_kw(self, KW_SIMILAR)) {
        op.code = CNI_SQL_OP_SIMILAR;
        op.text = CNI_STR("SIMILAR TO");
    }
    cni_sql_advance(self);
    return op;
}

/* LIKE, ILIKE, SIMILAR TO, GLOB. */
static cn_code
rule_like(sql_parser *self, bool negated, const cni_sql_expr **inout_left, cn_error *err)
{
    const cni_sql_op op = read_like(self);
    if (op.code == CNI_SQL_OP_SIMILAR) {
        CN_TRY(cni_sql_expect_kw(self, KW_TO, err));
    }
    if (at_quantifier(self)) {
        return rule_quantified(self, &op, negated, inout_left, err);
    }
    const cni_sql_expr *args[3] = {*inout_left, NULL, NULL};
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_rule_expr_level(self, LEVEL_MATCH + 1, &args[1], err));
    const bool escape = cni_sql_accept_kw(self, KW_ESCAPE);
    if (escape) {
        CN_TRY(cni_sql_rule_expr_level(self, LEVEL_MATCH + 1, &args[2], err));
    }
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_LIKE, args[0]->node.offset, &expr, err));
    CN_TRY(cni_sql_expr_args(self, expr, escape ? 3 : 2, args, err));
    expr->op = op.code;
    expr->negated = negated;
    *inout_left = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* *out_ceiling: IN (...) is complete, the others do not associate. */
static cn_code
rule_match(sql_parser *self, const cni_sql_expr **inout_left, int32_t *out_ceiling, cn_error *err)
{
    const bool negated = cni_sql_accept_kw(self, KW_NOT);
    *out_ceiling = LEVEL_MATCH - 1;
    if (cni_sql_at_kw(self, KW_BETWEEN)) {
        return rule_between(self, negated, inout_left, err);
    }
    if (cni_sql_at_kw(self, KW_IN)) {
        *out_ceiling = LEVEL_OPERAND;
        return rule_in(self, negated, inout_left, err);
    }
    return rule_like(self, negated, inout_left, err);
}

/* ---------------------------------------------------------------------------------- postfix */

static cn_code
rule_at_time_zone(sql_parser *self, const cni_sql_expr **inout_left, cn_error *err)
{
    const cni_sql_expr *args[2] = {*inout_left, NULL};
    const int64_t offset = args[0]->node.offset;
    cni_sql_expr *expr = NULL;
    cni_sql_advance(self);
    if (cni_sql_accept_kw(self, KW_LOCAL)) {
        CN_TRY(cni_sql_make_call(self, "timezone", offset, 1, args, &expr, err));
    } else {
        CN_TRY(cni_sql_expect_kw(self, KW_TIME, err));
        CN_TRY(cni_sql_expect_kw(self, KW_ZONE, err));
        args[1] = args[0];
        CN_TRY(cni_sql_rule_expr_level(self, LEVEL_AT + 1, &args[0], err));
        CN_TRY(cni_sql_make_call(self, "timezone", offset, 2, args, &expr, err));
    }
    *inout_left = expr;
    return CN_OK;
}

static cn_code
rule_collate(sql_parser *self, const cni_sql_expr **inout_left, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    const cni_sql_name *name = NULL;
    cni_sql_advance(self);
    CN_TRY(cni_sql_rule_name_new(self, &name, err));
    CN_TRY(cni_sql_expr_over1(self, CNI_SQL_EXPR_COLLATE, (*inout_left)->node.offset, *inout_left,
                              &expr, err));
    expr->name = name;
    *inout_left = expr;
    return CN_OK;
}

static cn_code
rule_cast_suffix(sql_parser *self, const cni_sql_expr **inout_left, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    cni_sql_advance(self);
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_CAST, (*inout_left)->node.offset, &expr, err));
    CN_TRY(cni_sql_expr_args(self, expr, 1, inout_left, err));
    CN_TRY(cni_sql_rule_type(self, &expr->type, err));
    *inout_left = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* A bound of a slice: absent before : and ]. The bare - of [:-:2] is absent too. */
static cn_code
rule_slice_bound(sql_parser *self, const cni_sql_expr **out_bound, cn_error *err)
{
    const cni_sql_token *next = cni_sql_peek(self, 1);
    if (cni_sql_at_op(self, CNI_SQL_OP_MINUS) &&
        (next->kind == TOK_COLON || next->kind == TOK_RIGHT_BRACKET)) {
        cni_sql_advance(self);
    }
    if (cni_sql_at(self, TOK_COLON) || cni_sql_at(self, TOK_RIGHT_BRACKET)) {
        *out_bound = NULL;
        return CN_OK;
    }
    return cni_sql_rule_expr(self, out_bound, err);
}

static cn_code
rule_subscript(sql_parser *self, const cni_sql_expr **inout_left, cn_error *err)
{
    const cni_sql_expr *args[4] = {*inout_left, NULL, NULL, NULL};
    cni_sql_expr *expr = NULL;
    cni_sql_advance(self);
    CN_TRY(rule_slice_bound(self, &args[1], err));
    const bool is_slice = cni_sql_accept(self, TOK_COLON);
    if (is_slice) {
        CN_TRY(rule_slice_bound(self, &args[2], err));
        if (cni_sql_accept(self, TOK_COLON)) {
            CN_TRY(rule_slice_bound(self, &args[3], err));
        }
    } else if (args[1] == NULL) {
        return cni_sql_syntax_error(self, err);
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_BRACKET, err));
    CN_TRY(cni_sql_expr_open(self, is_slice ? CNI_SQL_EXPR_SLICE : CNI_SQL_EXPR_SUBSCRIPT,
                             args[0]->node.offset, &expr, err));
    CN_TRY(cni_sql_expr_args(self, expr, is_slice ? 4 : 2, args, err));
    *inout_left = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* (x).a.b, f(x).a, 'a'.upper(). */
static cn_code
rule_dot(sql_parser *self, const cni_sql_expr **inout_left, cn_error *err)
{
    cni_sql_vec parts = {0};
    const int64_t offset = cni_sql_peek(self, 1)->offset;
    while (cni_sql_accept(self, TOK_DOT)) {
        cni_sql_ident *part = NULL;
        CN_TRY(CNI_SQL_ADD(self, &parts, &part, err));
        CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, part, err));
        if (cni_sql_at(self, TOK_LEFT_PAREN)) {
            break;
        }
    }
    const bool is_method = cni_sql_at(self, TOK_LEFT_PAREN);
    const cni_sql_ident *items = parts.items;
    CN_ASSERT(items != NULL); /* the cursor was at a dot */
    const int32_t n_fields = is_method ? parts.n_items - 1 : parts.n_items;
    cni_sql_name *names = NULL;
    CN_TRY(cni_arena_alloc_array(self->arena, 2, (int64_t)sizeof(*names), &names, err));
    names[0] = (cni_sql_name){n_fields, items, offset, cni_sql_extent(self, offset)};
    if (n_fields > 0) {
        cni_sql_expr *expr = NULL;
        CN_TRY(cni_sql_expr_over1(self, CNI_SQL_EXPR_FIELD, (*inout_left)->node.offset, *inout_left,
                                  &expr, err));
        expr->name = &names[0];
        *inout_left = expr;
    }
    if (!is_method) {
        return CN_OK;
    }
    const cni_sql_ident *method = &items[n_fields];
    names[1] = (cni_sql_name){1, method, method->offset, method->length};
    return cni_sql_rule_call(self, &names[1], *inout_left, false, inout_left, err);
}

/* --------------------------------------------------------------------------------- the loop */

/* Extend `left` by what `next` says; *out_ceiling bounds what may follow. */
static cn_code
rule_infix(sql_parser *self, infix next, const cni_sql_expr **inout_left, int32_t *out_ceiling,
           cn_error *err)
{
    *out_ceiling = next.level;
    switch (next.kind) {
    case INFIX_OR:
    case INFIX_AND:
        return rule_junction(self, next.kind == INFIX_AND, inout_left, err);
    case INFIX_IS:
        return rule_is(self, inout_left, out_ceiling, err);
    case INFIX_IS_NULL:
        *out_ceiling = LEVEL_OPERAND;
        return rule_is_null_word(self, inout_left, err);
    case INFIX_COMPARE:
        *out_ceiling = LEVEL_COMPARE - 1;
        return rule_compare(self, inout_left, err);
    case INFIX_MATCH:
        return rule_match(self, inout_left, out_ceiling, err);
    case INFIX_CHAIN:
        return rule_chain(self, next.level, inout_left, err);
    case INFIX_AT:
        return rule_at_time_zone(self, inout_left, err);
    case INFIX_COLLATE:
        *out_ceiling = LEVEL_OPERAND;
        return rule_collate(self, inout_left, err);
    case INFIX_SUBSCRIPT:
        *out_ceiling = LEVEL_OPERAND;
        return rule_subscript(self, inout_left, err);
    case INFIX_CAST:
        *out_ceiling = LEVEL_OPERAND;
        return rule_cast_suffix(self, inout_left, err);
    case INFIX_DOT:
        *out_ceiling = LEVEL_OPERAND;
        return rule_dot(self, inout_left, err);
    case INFIX_NONE:
    default:
        return cni_sql_syntax_error(self, err);
    }
}

/* NOT x, -x, ~x and so on: the operator at the cursor and its operand. */
static cn_code
rule_prefix(sql_parser *self, int32_t *out_ceiling, const cni_sql_expr **out_expr, cn_error *err)
{
    const int64_t offset = self->token.offset;
    const cni_sql_expr *arg = NULL;
    cni_sql_expr *expr = NULL;
    if (cni_sql_accept_kw(self, KW_NOT)) {
        *out_ceiling = LEVEL_NOT;
        CN_TRY(cni_sql_rule_expr_level(self, LEVEL_NOT, &arg, err));
        CN_TRY(cni_sql_expr_over1(self, CNI_SQL_EXPR_NOT, offset, arg, &expr, err));
        *out_expr = expr;
        return CN_OK;
    }
    cni_sql_op op = {0};
    CN_TRY(read_operator(self, &op, err));
    const bool is_sign = op.code == CNI_SQL_OP_PLUS || op.code == CNI_SQL_OP_MINUS;
    *out_ceiling = is_sign ? LEVEL_SIGN : LEVEL_OTHER;
    CN_TRY(cni_sql_rule_expr_level(self, is_sign ? LEVEL_SIGN : LEVEL_OTHER + 1, &arg, err));
    CN_TRY(cni_sql_expr_over1(self, CNI_SQL_EXPR_UNARY, offset, arg, &expr, err));
    expr->op = op.code == CNI_SQL_OP_REGEX ? CNI_SQL_OP_BIT_NOT : op.code;
    expr->text = op.text;
    *out_expr = expr;
    return CN_OK;
}

/* Operators that may stand before their operand. */
static bool
at_prefix(const sql_parser *self)
{
    if (cni_sql_at_kw(self, KW_NOT)) {
        return true;
    }
    if (!cni_sql_at(self, TOK_OPERATOR)) {
        return false;
    }
    switch (self->token.op) {
    case CNI_SQL_OP_PLUS:
    case CNI_SQL_OP_MINUS:
    case CNI_SQL_OP_REGEX:
    case CNI_SQL_OP_OTHER:
        return true;
    default:
        return false;
    }
}

cn_code
cni_sql_rule_expr_level(sql_parser *self, int32_t level, const cni_sql_expr **out_expr,
                        cn_error *err)
{
    const cni_sql_expr *left = NULL;
    int32_t ceiling = LEVEL_OPERAND;
    CN_TRY(cni_sql_descend(self, err));
    if (at_prefix(self)) {
        CN_TRY(rule_prefix(self, &ceiling, &left, err));
    } else {
        CN_TRY(cni_sql_rule_primary(self, &left, err));
    }
    for (;;) {
        const infix next = next_infix(self);
        if (next.kind == INFIX_NONE || next.level < level || next.level > ceiling) {
            break;
        }
        CN_TRY(rule_infix(self, next, &left, &ceiling, err));
    }
    cni_sql_ascend(self);
    *out_expr = left;
    return CN_OK;
}

cn_code
cni_sql_rule_expr(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    return cni_sql_rule_expr_level(self, LEVEL_OR, out_expr, err);
}

cn_code
cni_sql_rule_exprs(sql_parser *self, cni_sql_vec *inout_items, cn_error *err)
{
    do {
        const cni_sql_expr *item = NULL;
        CN_TRY(cni_sql_rule_expr(self, &item, err));
        CN_TRY(cni_sql_vec_push(self, inout_items, item, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    return CN_OK;
}

cn_code
cni_sql_rule_expr_list(sql_parser *self, cni_sql_expr_list *out_list, cn_error *err)
{
    cni_sql_vec items = {0};
    CN_TRY(cni_sql_rule_exprs(self, &items, err));
    *out_list = (cni_sql_expr_list){items.n_items, items.items};
    return CN_OK;
}
