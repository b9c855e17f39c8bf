/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators: each is a function of the catalogue under its own spelling; comparisons and LIKE have
 * forms of their own. Chains come flat from the parser and are folded from left to right; a long
 * chain of additions is folded pairwise, so that its depth stays logarithmic.
 */
#include "sql/bind/bind_int.h"

#define LONG_CHAIN_ARGS 200 /* beyond it a left fold would pass CNI_EXPR_MAX_DEPTH */

/* Catalogue names, where they differ from the text. */
static cni_str
operator_name(const cni_sql_op *op)
{
    switch ((cni_sql_op_code)op->code) {
    case CNI_SQL_OP_POWER:
        return CNI_STR("pow");
    case CNI_SQL_OP_BIT_XOR:
        return CNI_STR("xor");
    case CNI_SQL_OP_REGEX:
    case CNI_SQL_OP_NOT_REGEX:
    case CNI_SQL_OP_IREGEX:
    case CNI_SQL_OP_NOT_IREGEX:
        return CNI_STR("regexp_matches");
    case CNI_SQL_OP_STARTS_WITH:
        return CNI_STR("starts_with");
    default:
        return op->text;
    }
}

static bool
is_negated_regex(const cni_sql_op *op)
{
    return op->code == CNI_SQL_OP_NOT_REGEX || op->code == CNI_SQL_OP_NOT_IREGEX;
}

static cn_code
apply_operator(cni_bind_names *names, const cni_sql_expr *chain, const cni_sql_op *op,
               const cni_expr *left, const cni_expr *right, const cni_expr **out_expr,
               cn_error *err)
{
    const cni_expr *args[3] = {left, right, NULL};
    int32_t n_args = 2;
    if (op->code == CNI_SQL_OP_IREGEX || op->code == CNI_SQL_OP_NOT_IREGEX) {
        const cni_value flags = {.type = cni_type_of(CNI_TYPE_VARCHAR), .as.bytes = CNI_STR("i")};
        CN_TRY(cni_expr_literal(names->binder->arena, &flags, &args[2], err));
        n_args = 3;
    }
    CN_TRY(cni_bind_function(names->binder, operator_name(op), args, n_args, op->offset,
                             op->text.len_bytes, out_expr, err));
    (void)chain;
    return is_negated_regex(op) ? cni_expr_not(names->binder->arena, *out_expr, out_expr, err)
                                : CN_OK;
}

static bool
all_operators_are(const cni_sql_expr *expr, cni_sql_op_code code)
{
    for (int32_t op = 0; op + 1 < expr->n_args; op++) {
        if (expr->ops[op].code != code) {
            return false;
        }
    }
    return true;
}

static bool
all_exact(const cni_expr *const *args, int32_t n_args)
{
    for (int32_t arg = 0; arg < n_args; arg++) {
        if (!cni_type_is_integer(args[arg]->type) && args[arg]->type->id != CNI_TYPE_DECIMAL) {
            return false;
        }
    }
    return true;
}

/* Neighbours are combined in rounds. Only for additions of exact numbers, where order means
 * nothing. */
static cn_code
fold_pairwise(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **args,
              int32_t n_args, const cni_expr **out_expr, cn_error *err)
{
    while (n_args > 1) {
        int32_t n_next = 0;
        for (int32_t arg = 0; arg + 1 < n_args; arg += 2) {
            CN_TRY(apply_operator(names, expr, &expr->ops[0], args[arg], args[arg + 1],
                                  &args[n_next++], err));
        }
        if (n_args % 2 == 1) {
            args[n_next++] = args[n_args - 1];
        }
        n_args = n_next;
    }
    *out_expr = args[0];
    return CN_OK;
}

cn_code
cni_bind_binary(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
                cn_error *err)
{
    const cni_expr **args = NULL;
    CN_TRY(cni_bind_exprs(names, expr->args, expr->n_args, &args, err));
    if (expr->n_args > LONG_CHAIN_ARGS && all_operators_are(expr, CNI_SQL_OP_PLUS) &&
        all_exact(args, expr->n_args)) {
        return fold_pairwise(names, expr, args, expr->n_args, out_expr, err);
    }
    const cni_expr *result = args[0];
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        CN_TRY(apply_operator(names, expr, &expr->ops[arg - 1], result, args[arg], &result, err));
    }
    *out_expr = result;
    return CN_OK;
}

cn_code
cni_bind_unary(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
               cn_error *err)
{
    const cni_sql_expr *operand = expr->args[0];
    if (expr->op == CNI_SQL_OP_MINUS && operand->kind == CNI_SQL_EXPR_LITERAL &&
        operand->literal_kind == CNI_SQL_LITERAL_INTEGER) {
        return cni_bind_integer(names, operand, true, out_expr, err);
    }
    const cni_expr *arg = NULL;
    CN_TRY(cni_bind_expr(names, operand, &arg, err));
    return cni_bind_function(names->binder, expr->text, &arg, 1, expr->node.offset,
                             expr->node.length, out_expr, err);
}

static cni_str
like_function(const cni_sql_expr *expr)
{
    switch ((cni_sql_op_code)expr->op) {
    case CNI_SQL_OP_ILIKE:
        return CNI_STR("ilike");
    case CNI_SQL_OP_SIMILAR:
        return CNI_STR("similar_to");
    case CNI_SQL_OP_GLOB:
        return CNI_STR("glob");
    default:
        return CNI_STR("like");
    }
}

cn_code
cni_bind_like(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
              cn_error *err)
{
    const cni_expr **args = NULL;
    CN_TRY(cni_bind_exprs(names, expr->args, expr->n_args, &args, err));
    CN_TRY(cni_bind_function(names->binder, like_function(expr), args, expr->n_args,
                             expr->node.offset, expr->node.length, out_expr, err));
    return expr->negated ? cni_expr_not(names->binder->arena, *out_expr, out_expr, err) : CN_OK;
}
