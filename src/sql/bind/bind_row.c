/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparisons of rows written (a, b), part by part:
 *
 *   (a, b) = (c, d)     a = c AND b = d                    <>, IS DISTINCT FROM: OR
 *   (a, b) < (c, d)     a < c OR (a = c AND b < d)         and so on
 *   (a, b) IN ((c, d), (e, f))    OR over the rows
 *
 * Rows as values of their own are refused elsewhere.
 */
#include "sql/bind/bind_int.h"

/* What combines two rows. */
typedef struct row_test {
    cni_bind_names *names;
    const cni_sql_expr *expr;
    cni_compare_op op;
    bool is_distinct; /* IS [NOT] DISTINCT FROM; op is NE or EQ */
} row_test;

bool
cni_bind_is_over_rows(const cni_sql_expr *expr)
{
    const bool compares = expr->kind == CNI_SQL_EXPR_COMPARE ||
                          expr->kind == CNI_SQL_EXPR_IS_DISTINCT || expr->kind == CNI_SQL_EXPR_IN;
    if (!compares) {
        return false;
    }
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        if (expr->args[arg]->kind == CNI_SQL_EXPR_ROW) {
            return true;
        }
    }
    return false;
}

static cn_code
check_rows(const cni_sql_expr *left, const cni_sql_expr *right, cn_error *err)
{
    if (left->kind != CNI_SQL_EXPR_ROW || right->kind != CNI_SQL_EXPR_ROW) {
        const cni_sql_expr *other = left->kind == CNI_SQL_EXPR_ROW ? right : left;
        return cni_bind_refuse(err, other->node.offset, other->node.length,
                               "comparisons of rows with anything but rows written (a, b)");
    }
    return left->n_args == right->n_args && left->n_args > 0
               ? CN_OK
               : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", right->node.offset,
                               right->node.length, "a row of %d values is compared with one of %d",
                               left->n_args, right->n_args);
}

static cn_code
compare_parts(const row_test *test, cni_compare_op op, const cni_expr *const *pair,
              const cni_expr **out_expr, cn_error *err)
{
    if (!test->is_distinct) {
        return cni_bind_compare_node(test->names->binder, &test->expr->node, op, pair[0], pair[1],
                                     out_expr, err);
    }
    const cni_expr node = {.kind = CNI_EXPR_DISTINCT, .negated = op == CNI_EQ};
    return cni_bind_bool_node(test->names->binder, &test->expr->node, node, pair, 2, out_expr, err);
}

/* `pairs` holds left and right of part 0, of part 1 ...: from the last part to the first. */
static cn_code
compare_order(const row_test *test, const cni_expr *const *pairs, int32_t n_parts,
              const cni_expr **out_expr, cn_error *err)
{
    cni_arena *arena = test->names->binder->arena;
    const cni_compare_op strict = test->op == CNI_LT || test->op == CNI_LE ? CNI_LT : CNI_GT;
    const cni_expr *rest = NULL;
    CN_TRY(compare_parts(test, test->op, &pairs[2 * (n_parts - 1)], &rest, err));
    for (int32_t part = n_parts - 2; part >= 0; part--) {
        const cni_expr *both[2] = {NULL, rest};
        const cni_expr *either[2] = {NULL, NULL};
        CN_TRY(compare_parts(test, CNI_EQ, &pairs[2 * part], &both[0], err));
        CN_TRY(compare_parts(test, strict, &pairs[2 * part], &either[0], err));
        CN_TRY(cni_expr_junction(arena, CNI_EXPR_AND, both, 2, &either[1], err));
        CN_TRY(cni_expr_junction(arena, CNI_EXPR_OR, either, 2, &rest, err));
    }
    *out_expr = rest;
    return CN_OK;
}

static cn_code
compare_all(const row_test *test, const cni_expr *const *pairs, int32_t n_parts,
            const cni_expr **out_expr, cn_error *err)
{
    cni_arena *arena = test->names->binder->arena;
    const cni_expr **parts = NULL;
    CN_TRY(cni_arena_alloc_array(arena, n_parts, (int64_t)sizeof(*parts), &parts, err));
    for (int32_t part = 0; part < n_parts; part++) {
        CN_TRY(compare_parts(test, test->op, &pairs[2 * part], &parts[part], err));
    }
    return cni_expr_junction(arena, test->op == CNI_EQ ? CNI_EXPR_AND : CNI_EXPR_OR, parts, n_parts,
                             out_expr, err);
}

/* `left` is bound already. */
static cn_code
compare_rows(const row_test *test, const cni_sql_expr *left_row, const cni_expr *const *left,
             const cni_sql_expr *right_row, const cni_expr **out_expr, cn_error *err)
{
    cni_binder *binder = test->names->binder;
    const cni_expr **pairs = NULL;
    const int32_t n_parts = left_row->n_args;
    CN_TRY(check_rows(left_row, right_row, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, 2 * (int64_t)n_parts, (int64_t)sizeof(*pairs),
                                 &pairs, err));
    for (int32_t part = 0; part < n_parts; part++) {
        pairs[2 * part] = left[part];
        CN_TRY(cni_bind_expr(test->names, right_row->args[part], &pairs[2 * part + 1], err));
        CN_TRY(cni_bind_unify(binder, &pairs[2 * part], 2, "comparison", test->expr->node.offset,
                              test->expr->node.length, err));
    }
    return test->op == CNI_EQ || test->op == CNI_NE
               ? compare_all(test, pairs, n_parts, out_expr, err)
               : compare_order(test, pairs, n_parts, out_expr, err);
}

cn_code
cni_bind_over_rows(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
                   cn_error *err)
{
    cni_arena *arena = names->binder->arena;
    row_test test = {.names = names, .expr = expr, .op = CNI_EQ};
    const cni_expr **left = NULL;
    const cni_expr **rows = NULL;
    const int32_t n_rows = expr->n_args - 1;
    if (expr->kind == CNI_SQL_EXPR_COMPARE) {
        (void)cni_bind_compare_op(expr->op, &test.op);
    } else if (expr->kind == CNI_SQL_EXPR_IS_DISTINCT) {
        test.is_distinct = true;
        test.op = expr->negated ? CNI_EQ : CNI_NE;
    }
    CN_TRY(check_rows(expr->args[0], expr->args[1], err));
    CN_TRY(cni_bind_exprs(names, expr->args[0]->args, expr->args[0]->n_args, &left, err));
    CN_TRY(cni_arena_alloc_array(arena, n_rows, (int64_t)sizeof(*rows), &rows, err));
    for (int32_t row = 0; row < n_rows; row++) {
        CN_TRY(compare_rows(&test, expr->args[0], left, expr->args[row + 1], &rows[row], err));
    }
    CN_TRY(cni_expr_junction(arena, CNI_EXPR_OR, rows, n_rows, out_expr, err));
    return expr->kind == CNI_SQL_EXPR_IN && expr->negated
               ? cni_expr_not(arena, *out_expr, out_expr, err)
               : CN_OK;
}
