/* SPDX-License-Identifier: Apache-2.0
 *
 * Subqueries in expressions. The query is bound with the names of the expression around it; its
 * columns and the left sides are brought to common types by casts on both sides. NOT IN is NOT over
 * IN, <> ALL likewise; = ANY is IN. Unnesting turns all of them into joins.
 */
#include "sql/bind/bind_int.h"

static cn_code
refuse_forms(const cni_bind_names *names, const cni_sql_expr *expr, cn_error *err)
{
    const char *what = NULL;
    cni_compare_op op = CNI_EQ;
    if (expr->subquery_kind == CNI_SQL_SUBQUERY_ARRAY) {
        what = "ARRAY() of queries";
    } else if (names->clause == CNI_CLAUSE_CONSTANT) {
        what = "subqueries in LIMIT, OFFSET and arguments of table functions";
    } else if (expr->subquery_kind == CNI_SQL_SUBQUERY_ANY ||
               expr->subquery_kind == CNI_SQL_SUBQUERY_ALL) {
        what = cni_bind_compare_op(expr->op, &op)
                   ? NULL
                   : "ANY and ALL over queries with operators that do not compare";
    }
    return what == NULL ? CN_OK : cni_bind_refuse(err, expr->node.offset, expr->node.length, what);
}

/* The left sides: the parts of a row, or one expression. */
static cn_code
bind_left_sides(cni_bind_names *names, const cni_sql_expr *expr, const cni_plan *plan,
                const cni_expr ***out_args, int32_t *out_n_args, cn_error *err)
{
    const cni_sql_expr *left = expr->args[0];
    const bool is_row = left->kind == CNI_SQL_EXPR_ROW;
    *out_n_args = is_row ? left->n_args : 1;
    if (plan->n_columns != *out_n_args) {
        (void)cni_bind_fail(
            err, CN_INVALID_ARGUMENT, "42601", expr->query->node.offset, expr->query->node.length,
            "the subquery has %d columns, but its left side has %d", plan->n_columns, *out_n_args);
        return CN_INVALID_ARGUMENT;
    }
    return cni_bind_exprs(names, is_row ? left->args : expr->args, *out_n_args, out_args, err);
}

/* Left sides and columns in common types; the plan is cast by a PROJECT where columns change. */
static cn_code
unify_sides(cni_binder *binder, const cni_sql_expr *expr, const cni_expr **args,
            const cni_plan **inout_plan, cn_error *err)
{
    const cni_plan *plan = *inout_plan;
    const cni_type **types = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, plan->n_columns, (int64_t)sizeof(*types), &types,
                                 err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_expr *sides[2] = {args[column], NULL};
        CN_TRY(cni_expr_column(binder->arena, plan->columns[column].id, plan->columns[column].type,
                               &sides[1], err));
        CN_TRY(cni_bind_unify(binder, sides, 2, "comparison with a subquery", expr->node.offset,
                              expr->node.length, err));
        args[column] = sides[0];
        types[column] = sides[1]->type;
    }
    return cni_bind_cast_columns(binder, &expr->query->node, plan, types, inout_plan, err);
}

/* SUBQUERY of a kind that gives BOOLEAN. */
static cn_code
make_node(cni_binder *binder, const cni_sql_expr *expr, cni_subquery_kind kind, cni_compare_op op,
          const cni_expr *const *args, int32_t n_args, const cni_plan *plan,
          const cni_expr **out_expr, cn_error *err)
{
    const cni_expr node = {.kind = CNI_EXPR_SUBQUERY,
                           .subquery_kind = (uint8_t)kind,
                           .op = (uint8_t)op,
                           .subquery = plan};
    return cni_bind_bool_node(binder, &expr->node, node, args, n_args, out_expr, err);
}

static cn_code
bind_comparing(cni_bind_names *names, const cni_sql_expr *expr, const cni_plan *plan,
               const cni_expr **out_expr, cn_error *err)
{
    cni_binder *binder = names->binder;
    const bool is_all = expr->subquery_kind == CNI_SQL_SUBQUERY_ALL;
    cni_compare_op op = CNI_EQ;
    const cni_expr **args = NULL;
    int32_t n_args = 0;
    if (expr->subquery_kind != CNI_SQL_SUBQUERY_IN) {
        (void)cni_bind_compare_op(expr->op, &op);
    }
    CN_TRY(bind_left_sides(names, expr, plan, &args, &n_args, err));
    CN_TRY(unify_sides(binder, expr, args, &plan, err));
    const bool is_in = is_all ? op == CNI_NE : op == CNI_EQ;
    if (!is_in && n_args != 1) {
        return cni_bind_refuse(err, expr->node.offset, expr->node.length,
                               "rows before ANY and ALL other than = ANY and <> ALL");
    }
    if (!is_in) {
        return make_node(binder, expr, is_all ? CNI_SUBQUERY_ALL : CNI_SUBQUERY_ANY, op, args,
                         n_args, plan, out_expr, err);
    }
    CN_TRY(make_node(binder, expr, CNI_SUBQUERY_IN, CNI_EQ, args, n_args, plan, out_expr, err));
    return is_all || expr->negated ? cni_expr_not(binder->arena, *out_expr, out_expr, err) : CN_OK;
}

static cn_code
bind_scalar(cni_bind_names *names, const cni_sql_expr *expr, const cni_plan *plan,
            const cni_expr **out_expr, cn_error *err)
{
    if (plan->n_columns != 1) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", expr->node.offset,
                             expr->node.length, "the subquery must have one column, not %d",
                             plan->n_columns);
    }
    const cni_expr node = {.kind = CNI_EXPR_SUBQUERY,
                           .subquery_kind = CNI_SUBQUERY_SCALAR,
                           .type = plan->columns[0].type,
                           .subquery = plan,
                           .sql_offset = expr->node.offset,
                           .sql_length = expr->node.length};
    return cni_expr_new(names->binder->arena, &node, out_expr, err);
}

cn_code
cni_bind_subquery(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
                  cn_error *err)
{
    cni_bind_around around = {.outer = names};
    const cni_plan *plan = NULL;
    CN_TRY(refuse_forms(names, expr, err));
    CN_TRY(cni_bind_forbid(names->binder, names->ctes, "a subquery", &around.ctes, err));
    CN_TRY(cni_bind_query_in(names->binder, &around, expr->query, &plan, err));
    switch ((cni_sql_subquery_kind)expr->subquery_kind) {
    case CNI_SQL_SUBQUERY_SCALAR:
        return bind_scalar(names, expr, plan, out_expr, err);
    case CNI_SQL_SUBQUERY_EXISTS:
        return make_node(names->binder, expr, CNI_SUBQUERY_EXISTS, CNI_EQ, NULL, 0, plan, out_expr,
                         err);
    default:
        return bind_comparing(names, expr, plan, out_expr, err);
    }
}
