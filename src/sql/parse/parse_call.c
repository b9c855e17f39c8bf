/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls: arguments (positional, named, *, DISTINCT, ORDER BY, lambdas) and what may follow them
 * (WITHIN GROUP, FILTER, OVER); and the functions that SQL gives a grammar of their own, which
 * become plain calls as the comment of cni_sql_call lists them.
 *
 * x -> body is a lambda, and not the JSON operator, when it is a whole argument and either has
 * several parameters, or mentions its parameter, or is passed to a list function.
 */
#include "sql/parse/parser_int.h"

#define MAX_LAMBDA_SCAN_TOKENS 1000 /* looked through for the parameter's name */

cn_code
cni_sql_make_call(sql_parser *self, const char *name, int64_t offset, int32_t n_args,
                  const cni_sql_expr *const *args, cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    cni_sql_call *call = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_FUNCTION, offset, &expr, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &call, err));
    CN_TRY(cni_sql_made_name(self, name, offset, &expr->name, err));
    CN_TRY(cni_sql_expr_args(self, expr, n_args, args, err));
    expr->call = call;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* ---------------------------------------------------------------------------------- lambdas */

/* Whether from `offset` on a list of identifiers ends in a token of this kind (and op). */
static bool
idents_then(const sql_parser *self, int64_t offset, cni_sql_token_kind kind, int64_t *out_next)
{
    for (;;) {
        cni_sql_token token = cni_sql_lex(self->text, offset);
        if (!cni_sql_token_is_ident(&token, IDENT_COLUMN)) {
            return false;
        }
        token = cni_sql_lex(self->text, token.offset + token.length);
        offset = token.offset + token.length;
        if (token.kind != TOK_COMMA) {
            *out_next = offset;
            return token.kind == kind;
        }
    }
}

bool
cni_sql_at_lambda(const sql_parser *self)
{
    int64_t next = 0;
    return idents_then(self, self->token.offset + self->token.length, TOK_COLON, &next);
}

static bool
is_list_function(const cni_sql_name *function)
{
    static const char *const others[] = {"apply", "filter", "reduce", "transform"};
    if (function == NULL) {
        return false;
    }
    const cni_str name = function->parts[function->n_parts - 1].text;
    const cni_str head = {name.data, cni_min_i64(name.len_bytes, 5)};
    if (cni_str_eq_nocase(head, CNI_STR("list_")) || cni_str_eq_nocase(head, CNI_STR("array"))) {
        return true;
    }
    for (int64_t other = 0; other < CN_ARRAY_LEN(others); other++) {
        if (cni_str_eq_nocase(name, cni_str_of(others[other]))) {
            return true;
        }
    }
    return false;
}

/* Whether the rest of the argument at `offset` mentions the word. */
static bool
argument_mentions(const sql_parser *self, int64_t offset, cni_str word)
{
    int64_t n_open = 0;
    for (int32_t n_tokens = 0; n_tokens < MAX_LAMBDA_SCAN_TOKENS; n_tokens++) {
        const cni_sql_token token = cni_sql_lex(self->text, offset);
        offset = token.offset + token.length;
        switch (token.kind) {
        case TOK_LEFT_PAREN:
        case TOK_LEFT_BRACKET:
        case TOK_LEFT_BRACE:
            n_open++;
            break;
        case TOK_RIGHT_PAREN:
        case TOK_RIGHT_BRACKET:
        case TOK_RIGHT_BRACE:
            if (--n_open < 0) {
                return false;
            }
            break;
        case TOK_COMMA:
            if (n_open == 0) {
                return false;
            }
            break;
        case TOK_WORD:
        case TOK_QUOTED:
            if (cni_str_eq_nocase(cni_sql_token_text(self->text, &token), word)) {
                return true;
            }
            break;
        case TOK_END:
        case TOK_ERROR:
        case TOK_SEMICOLON:
            return false;
        default:
            break;
        }
    }
    return true;
}

bool
cni_sql_at_arrow_lambda(sql_parser *self, const cni_sql_name *function)
{
    const int64_t behind = self->token.offset + self->token.length;
    cni_str name = cni_sql_token_text(self->text, &self->token);
    cni_sql_token arrow = {0};
    if (cni_sql_at(self, TOK_LEFT_PAREN)) {
        int64_t next = 0;
        if (!idents_then(self, behind, TOK_RIGHT_PAREN, &next)) {
            return false;
        }
        const cni_sql_token first = *cni_sql_peek(self, 1);
        name = cni_sql_token_text(self->text, &first);
        arrow = cni_sql_lex(self->text, next);
        if (arrow.kind == TOK_OPERATOR && arrow.op == CNI_SQL_OP_ARROW &&
            cni_sql_peek(self, 2)->kind == TOK_COMMA) {
            return true;
        }
    } else if (cni_sql_at_ident(self, IDENT_COLUMN)) {
        arrow = *cni_sql_peek(self, 1);
    }
    if (arrow.kind != TOK_OPERATOR || arrow.op != CNI_SQL_OP_ARROW) {
        return false;
    }
    return is_list_function(function) || argument_mentions(self, arrow.offset + arrow.length, name);
}

/* The parameters of a lambda in either form up to the arrow or colon. */
static cn_code
rule_lambda_params(sql_parser *self, bool arrow, cni_sql_expr *inout_expr, cn_error *err)
{
    cni_sql_vec params = {0};
    const bool paren = arrow && cni_sql_accept(self, TOK_LEFT_PAREN);
    do {
        cni_sql_ident *param = NULL;
        CN_TRY(CNI_SQL_ADD(self, &params, &param, err));
        CN_TRY(cni_sql_rule_ident(self, IDENT_COLUMN, param, err));
    } while (cni_sql_accept(self, TOK_COMMA));
    if (paren) {
        CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    }
    inout_expr->arg_names = params.items;
    inout_expr->number = params.n_items;
    return arrow ? cni_sql_expect_op(self, CNI_SQL_OP_ARROW, err)
                 : cni_sql_expect(self, TOK_COLON, err);
}

cn_code
cni_sql_rule_lambda(sql_parser *self, bool arrow, const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    const cni_sql_expr *body = NULL;
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_LAMBDA, self->token.offset, &expr, err));
    if (!arrow) {
        cni_sql_advance(self);
    }
    expr->keyword_form = !arrow;
    CN_TRY(rule_lambda_params(self, arrow, expr, err));
    if (cni_sql_at_arrow_lambda(self, NULL)) {
        CN_TRY(cni_sql_descend(self, err));
        CN_TRY(cni_sql_rule_lambda(self, true, &body, err)); /* x -> y -> x + y */
        cni_sql_ascend(self);
    } else {
        CN_TRY(cni_sql_rule_expr(self, &body, err));
    }
    CN_TRY(cni_sql_expr_args(self, expr, 1, &body, err));
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* -------------------------------------------------------------------------------- arguments */

/* What is collected between the parentheses of a call. */
typedef struct call_args {
    cni_sql_vec args;
    cni_sql_vec names; /* cni_sql_ident, as many as args once one is named */
    bool in_from;
    const cni_sql_name *function;
} call_args;

static bool
at_argument_name(sql_parser *self, bool in_from)
{
    const cni_sql_token *next = cni_sql_peek(self, 1);
    if (!cni_sql_at_ident(self, IDENT_LABEL)) {
        return false;
    }
    return next->kind == TOK_FAT_ARROW || next->kind == TOK_ASSIGN ||
           (in_from && next->kind == TOK_OPERATOR && next->op == CNI_SQL_OP_EQ);
}

/* Name of the next argument; those before it without one get an absent ident. */
static cn_code
rule_argument_name(sql_parser *self, call_args *inout_args, cn_error *err)
{
    if (!at_argument_name(self, inout_args->in_from)) {
        return CN_OK;
    }
    cni_sql_ident *name = NULL;
    do {
        CN_TRY(CNI_SQL_ADD(self, &inout_args->names, &name, err));
    } while (inout_args->names.n_items <= inout_args->args.n_items);
    CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, name, err));
    cni_sql_advance(self); /* => := = */
    return CN_OK;
}

static cn_code
rule_argument(sql_parser *self, call_args *inout_args, cn_error *err)
{
    const cni_sql_expr *arg = NULL;
    CN_TRY(rule_argument_name(self, inout_args, err));
    if (cni_sql_at_op(self, CNI_SQL_OP_MULTIPLY)) {
        CN_TRY(cni_sql_rule_star(self, NULL, self->token.offset, &arg, err));
    } else if (cni_sql_at_arrow_lambda(self, inout_args->function)) {
        CN_TRY(cni_sql_rule_lambda(self, true, &arg, err));
    } else {
        CN_TRY(cni_sql_rule_expr(self, &arg, err));
    }
    CN_TRY(cni_sql_vec_push(self, &inout_args->args, arg, err));
    if (inout_args->names.n_items > 0 && inout_args->names.n_items < inout_args->args.n_items) {
        cni_sql_ident *absent = NULL;
        CN_TRY(CNI_SQL_ADD(self, &inout_args->names, &absent, err));
    }
    return CN_OK;
}

static bool
accept_null_treatment(sql_parser *self, cni_sql_call *inout_call)
{
    if (cni_sql_accept_kw2(self, KW_IGNORE, KW_NULLS)) {
        inout_call->null_treatment = CNI_SQL_IGNORE_NULLS;
        return true;
    }
    if (cni_sql_accept_kw2(self, KW_RESPECT, KW_NULLS)) {
        inout_call->null_treatment = CNI_SQL_RESPECT_NULLS;
        return true;
    }
    return false;
}

static cn_code
rule_arguments(sql_parser *self, call_args *inout_args, cni_sql_call *inout_call, cn_error *err)
{
    if (cni_sql_at_op(self, CNI_SQL_OP_MULTIPLY) &&
        cni_sql_peek(self, 1)->kind == TOK_RIGHT_PAREN) {
        cni_sql_advance(self);
        inout_call->star = true;
        return CN_OK;
    }
    inout_call->distinct = cni_sql_accept_kw(self, KW_DISTINCT);
    if (!inout_call->distinct) {
        (void)cni_sql_accept_kw(self, KW_ALL);
    }
    do {
        inout_call->variadic = cni_sql_accept_kw(self, KW_VARIADIC);
        CN_TRY(rule_argument(self, inout_args, err));
    } while (!inout_call->variadic && cni_sql_accept(self, TOK_COMMA));
    return CN_OK;
}

/* ORDER BY and null treatment, in either order, inside the parentheses. */
static cn_code
rule_inner_clauses(sql_parser *self, cni_sql_call *inout_call, cn_error *err)
{
    bool ordered = false;
    const bool treated = accept_null_treatment(self, inout_call);
    CN_TRY(cni_sql_accept_by(self, KW_ORDER, &ordered, err));
    if (ordered) {
        CN_TRY(cni_sql_rule_orders(self, &inout_call->orders, err));
    }
    if (!treated) {
        (void)accept_null_treatment(self, inout_call);
    }
    return CN_OK;
}

/* ----------------------------------------------------------------------- behind the parentheses */

static cn_code
rule_within_group(sql_parser *self, cni_sql_call *inout_call, cn_error *err)
{
    if (!cni_sql_accept_kw2(self, KW_WITHIN, KW_GROUP)) {
        return CN_OK;
    }
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    CN_TRY(cni_sql_expect_kw(self, KW_ORDER, err));
    CN_TRY(cni_sql_expect_kw(self, KW_BY, err));
    CN_TRY(cni_sql_rule_orders(self, &inout_call->within, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static cn_code
rule_filter(sql_parser *self, cni_sql_call *inout_call, cn_error *err)
{
    if (!cni_sql_at_kw(self, KW_FILTER) || cni_sql_peek(self, 1)->kind != TOK_LEFT_PAREN) {
        return CN_OK;
    }
    cni_sql_advance(self);
    cni_sql_advance(self);
    (void)cni_sql_accept_kw(self, KW_WHERE);
    CN_TRY(cni_sql_rule_expr(self, &inout_call->filter, err));
    return cni_sql_expect(self, TOK_RIGHT_PAREN, err);
}

static cn_code
rule_over_clause(sql_parser *self, cni_sql_call *inout_call, cn_error *err)
{
    if (!cni_sql_accept_kw(self, KW_OVER)) {
        return CN_OK;
    }
    cni_sql_window *window = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &window, err));
    CN_TRY(cni_sql_rule_over(self, window, err));
    inout_call->over = window;
    return CN_OK;
}

cn_code
cni_sql_rule_call(sql_parser *self, const cni_sql_name *name, const cni_sql_expr *first,
                  bool in_from, const cni_sql_expr **out_expr, cn_error *err)
{
    call_args args = {.in_from = in_from, .function = name};
    cni_sql_expr *expr = NULL;
    cni_sql_call *call = NULL;
    const int64_t offset = first == NULL ? name->offset : first->node.offset;
    CN_TRY(cni_sql_descend(self, err));
    CN_TRY(cni_sql_expr_open(self, CNI_SQL_EXPR_FUNCTION, offset, &expr, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &call, err));
    if (first != NULL) {
        call->method = true;
        CN_TRY(cni_sql_vec_push(self, &args.args, first, err));
    }
    CN_TRY(cni_sql_expect(self, TOK_LEFT_PAREN, err));
    if (!cni_sql_at(self, TOK_RIGHT_PAREN)) {
        CN_TRY(rule_arguments(self, &args, call, err));
        CN_TRY(rule_inner_clauses(self, call, err));
    }
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    CN_TRY(rule_within_group(self, call, err));
    CN_TRY(rule_filter(self, call, err));
    (void)accept_null_treatment(self, call);
    CN_TRY(rule_over_clause(self, call, err));
    cni_sql_ascend(self);
    expr->name = name;
    expr->call = call;
    expr->args = args.args.items;
    expr->n_args = args.args.n_items;
    expr->arg_names = args.names.items;
    *out_expr = expr;
    return cni_sql_node_close(self, &expr->node, err);
}

/* --------------------------------------------------------------------- grammar of their own */

/* Close the parenthesis and make the call. */
static cn_code
finish_special(sql_parser *self, const char *name, int64_t offset, int32_t n_args,
               const cni_sql_expr *const *args, const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_expr *expr = NULL;
    CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    CN_TRY(cni_sql_make_call(self, name, offset, n_args, args, &expr, err));
    *out_expr = expr;
    return CN_OK;
}

/* The rest of a call in plain form whose first argument was read already. */
static cn_code
finish_plain(sql_parser *self, const char *name, int64_t offset, const cni_sql_expr *first,
             const cni_sql_expr **out_expr, cn_error *err)
{
    cni_sql_vec args = {0};
    CN_TRY(cni_sql_vec_push(self, &args, first, err));
    if (cni_sql_accept(self, TOK_COMMA)) {
        CN_TRY(cni_sql_rule_exprs(self, &args, err));
    }
    return finish_special(self, name, offset, args.n_items, args.items, out_expr, err);
}

/* EXTRACT(field FROM x). */
static cn_code
rule_extract(sql_parser *self, int64_t offset, const cni_sql_expr **out_expr, cn_error *err)
{
    const cni_sql_expr *args[2] = {NULL, NULL};
    const int64_t field_offset = self->token.offset;
    cni_str field = {0};
    if (cni_sql_at(self, TOK_STRING)) {
        CN_TRY(cni_sql_rule_string(self, &field, err));
    } else {
        cni_sql_ident ident = {0};
        CN_TRY(cni_sql_rule_ident(self, IDENT_LABEL, &ident, err));
        field = ident.text;
    }
    CN_TRY(cni_sql_make_literal(self, CNI_SQL_LITERAL_STRING, field, field_offset, &args[0], err));
    CN_TRY(cni_sql_expect_kw(self, KW_FROM, err));
    CN_TRY(cni_sql_rule_expr(self, &args[1], err));
    return finish_special(self, "date_part", offset, 2, args, out_expr, err);
}

/* SUBSTRING(x FROM a [FOR b]), (x FOR b [FROM a]), (x, a, b). */
static cn_code
rule_substring(sql_parser *self, int64_t offset, const cni_sql_expr **out_expr, cn_error *err)
{
    const cni_sql_expr *args[3] = {NULL, NULL, NULL};
    CN_TRY(cni_sql_rule_expr(self, &args[0], err));
    if (!cni_sql_at_kw(self, KW_FROM) && !cni_sql_at_kw(self, KW_FOR)) {
        return finish_plain(self, "substring", offset, args[0], out_expr, err);
    }
    if (cni_sql_accept_kw(self, KW_FROM)) {
        CN_TRY(cni_sql_rule_expr(self, &args[1], err));
    }
    if (cni_sql_accept_kw(self, KW_FOR)) {
        CN_TRY(cni_sql_rule_expr(self, &args[2], err));
    }
    if (args[1] == NULL && cni_sql_accept_kw(self, KW_FROM)) {
        CN_TRY(cni_sql_rule_expr(self, &args[1], err));
    }
    if (args[1] == NULL) {
        CN_TRY(cni_sql_make_literal(self, CNI_SQL_LITERAL_INTEGER, CNI_STR("1"), self->token.offset,
                                    &args[1], err));
    }
    return finish_special(self, "substring", offset, args[2] == NULL ? 2 : 3, args, out_expr, err);
}

/* TRIM([BOTH | LEADING | TRAILING] [c] FROM x), TRIM(x [, c]). */
static cn_code
rule_trim(sql_parser *self, int64_t offset, const cni_sql_expr **out_expr, cn_error *err)
{
    const cni_sql_expr *args[2] = {NULL, NULL};
    const char *name = "trim";
    if (cni_sql_accept_kw(self, KW_LEADING)) {
        name = "ltrim";
    } else if (cni_sql_accept_kw(self, KW_TRAILING)) {
        name = "rtrim";
    } else {
        (void)cni_sql_accept_kw(self, KW_BOTH);
    }
    if (cni_sql_accept_kw(self, KW_FROM)) {
        CN_TRY(cni_sql_rule_expr(self, &args[0], err));
        return finish_plain(self, name, offset, args[0], out_expr, err);
    }
    CN_TRY(cni_sql_rule_expr(self, &args[0], err));
    if (!cni_sql_accept_kw(self, KW_FROM)) {
        return finish_plain(self, name, offset, args[0], out_expr, err);
    }
    args[1] = args[0];
    CN_TRY(cni_sql_rule_expr(self, &args[0], err));
    return finish_special(self, name, offset, 2, args, out_expr, err);
}

/* POSITION(a IN b). */
static cn_code
rule_position(sql_parser *self, int64_t offset, const cni_sql_expr **out_expr, cn_error *err)
{
    const cni_sql_expr *args[2] = {NULL, NULL};
    CN_TRY(cni_sql_rule_expr_level(self, CNI_SQL_LEVEL_OPERAND, &args[1], err));
    if (!cni_sql_accept_kw(self, KW_IN)) {
        return finish_plain(self, "position", offset, args[1], out_expr, err);
    }
    CN_TRY(cni_sql_rule_expr_level(self, CNI_SQL_LEVEL_OPERAND, &args[0], err));
    return finish_special(self, "strpos", offset, 2, args, out_expr, err);
}

/* OVERLAY(x PLACING y FROM a [FOR b]). */
static cn_code
rule_overlay(sql_parser *self, int64_t offset, const cni_sql_expr **out_expr, cn_error *err)
{
    const cni_sql_expr *args[4] = {NULL, NULL, NULL, NULL};
    CN_TRY(cni_sql_rule_expr(self, &args[0], err));
    if (!cni_sql_accept_kw(self, KW_PLACING)) {
        return finish_plain(self, "overlay", offset, args[0], out_expr, err);
    }
    CN_TRY(cni_sql_rule_expr(self, &args[1], err));
    CN_TRY(cni_sql_expect_kw(self, KW_FROM, err));
    CN_TRY(cni_sql_rule_expr(self, &args[2], err));
    if (cni_sql_accept_kw(self, KW_FOR)) {
        CN_TRY(cni_sql_rule_expr(self, &args[3], err));
    }
    return finish_special(self, "overlay", offset, args[3] == NULL ? 3 : 4, args, out_expr, err);
}

/* CURRENT_DATE and its kin: no parentheses, empty ones, or a precision. */
static cn_code
rule_bare_call(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    const char *name = cni_sql_keyword_get((cni_sql_keyword)self->token.keyword)->text;
    const int64_t offset = self->token.offset;
    const cni_sql_expr *precision = NULL;
    cni_sql_expr *expr = NULL;
    cni_sql_call *call = NULL;
    cni_sql_advance(self);
    const bool bare = !cni_sql_accept(self, TOK_LEFT_PAREN);
    if (!bare && !cni_sql_at(self, TOK_RIGHT_PAREN)) {
        CN_TRY(cni_sql_rule_literal(self, &precision, err));
        if (precision == NULL) {
            return cni_sql_syntax_error(self, err);
        }
    }
    if (!bare) {
        CN_TRY(cni_sql_expect(self, TOK_RIGHT_PAREN, err));
    }
    CN_TRY(
        cni_sql_make_call(self, name, offset, precision == NULL ? 0 : 1, &precision, &expr, err));
    CN_TRY(CN_ARENA_NEW(self->arena, &call, err));
    call->bare = bare;
    expr->call = call;
    *out_expr = expr;
    return CN_OK;
}

typedef cn_code (*special_rule)(sql_parser *self, int64_t offset, const cni_sql_expr **out_expr,
                                cn_error *err);

/* Consume the word and the parenthesis, then the rule of what is inside. */
static cn_code
rule_special_call(sql_parser *self, special_rule rule, const cni_sql_expr **out_expr, cn_error *err)
{
    const int64_t offset = self->token.offset;
    if (cni_sql_peek(self, 1)->kind != TOK_LEFT_PAREN) {
        return CN_OK;
    }
    CN_TRY(cni_sql_descend(self, err));
    cni_sql_advance(self);
    cni_sql_advance(self);
    CN_TRY(rule(self, offset, out_expr, err));
    cni_sql_ascend(self);
    return CN_OK;
}

cn_code
cni_sql_rule_special(sql_parser *self, const cni_sql_expr **out_expr, cn_error *err)
{
    switch (self->token.keyword) {
    case KW_EXTRACT:
        return rule_special_call(self, rule_extract, out_expr, err);
    case KW_SUBSTRING:
        return rule_special_call(self, rule_substring, out_expr, err);
    case KW_TRIM:
        return rule_special_call(self, rule_trim, out_expr, err);
    case KW_POSITION:
        return rule_special_call(self, rule_position, out_expr, err);
    case KW_OVERLAY:
        return rule_special_call(self, rule_overlay, out_expr, err);
    case KW_CURRENT_CATALOG:
    case KW_CURRENT_DATE:
    case KW_CURRENT_ROLE:
    case KW_CURRENT_SCHEMA:
    case KW_CURRENT_TIME:
    case KW_CURRENT_TIMESTAMP:
    case KW_CURRENT_USER:
    case KW_LOCALTIME:
    case KW_LOCALTIMESTAMP:
    case KW_SESSION_USER:
    case KW_SYSTEM_USER:
    case KW_USER:
        return rule_bare_call(self, out_expr, err);
    default:
        return CN_OK;
    }
}
