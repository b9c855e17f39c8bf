/* SPDX-License-Identifier: Apache-2.0
 *
 * ORDER BY, LIMIT and OFFSET. An integer literal is the position of an output column, a bare name
 * is an output column first (PostgreSQL's rule), everything else is an expression over FROM. NULLs
 * sort last ascending and first descending unless the text says otherwise.
 */
#include "plan/eval/program.h"
#include "sql/bind/bind_select_int.h"

static void
fill_direction(const cni_sql_order *order, cni_bind_order *out_order)
{
    out_order->descending = order->direction == CNI_SQL_ORDER_DESC;
    out_order->nulls_first = order->nulls == CNI_SQL_NULLS_DEFAULT
                                 ? out_order->descending
                                 : order->nulls == CNI_SQL_NULLS_FIRST;
}

/* Position that an integer literal names, 0 when the expression is none. */
static int64_t
literal_position(const cni_sql_expr *expr)
{
    if (expr->kind != CNI_SQL_EXPR_LITERAL || expr->literal_kind != CNI_SQL_LITERAL_INTEGER) {
        return 0;
    }
    int64_t number = 0;
    for (int64_t digit = 0; digit < expr->text.len_bytes && number < INT32_MAX; digit++) {
        number = number * 10 + (expr->text.data[digit] - '0');
    }
    return number == 0 ? -1 : number;
}

static cn_code
find_output(const cni_bind_items *outputs, const cni_sql_expr *expr, int32_t *out_position,
            cn_error *err)
{
    *out_position = -1;
    if (expr->kind != CNI_SQL_EXPR_COLUMN || expr->name->n_parts != 1) {
        return CN_OK;
    }
    for (int32_t pass = 0; pass < 2 && *out_position < 0; pass++) {
        for (int32_t item = 0; item < outputs->n_items; item++) {
            if (!cni_bind_name_matches(&expr->name->parts[0], outputs->items[item].name,
                                       pass == 0)) {
                continue;
            }
            if (*out_position >= 0 && outputs->items[*out_position].expr != NULL &&
                outputs->items[item].expr != NULL &&
                !cni_expr_equal(outputs->items[*out_position].expr, outputs->items[item].expr)) {
                return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42702", expr->node.offset,
                                     expr->node.length, "ORDER BY \"%.*s\" is ambiguous",
                                     CNI_STR_ARGS(outputs->items[item].name));
            }
            *out_position = *out_position < 0 ? item : *out_position;
        }
    }
    return CN_OK;
}

static cn_code
bind_one(cni_bind_names *names, const cni_sql_order *order, const cni_bind_items *outputs,
         cni_bind_order *out_order, cn_error *err)
{
    const int64_t position = literal_position(order->expr);
    fill_direction(order, out_order);
    if (position != 0) {
        if (position < 0 || position > outputs->n_items) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P10", order->expr->node.offset,
                                 order->expr->node.length,
                                 "ORDER BY position %.*s is not in the select list of %d columns",
                                 CNI_STR_ARGS(order->expr->text), outputs->n_items);
        }
        out_order->position = (int32_t)position - 1;
        return CN_OK;
    }
    CN_TRY(find_output(outputs, order->expr, &out_order->position, err));
    if (out_order->position >= 0) {
        return CN_OK;
    }
    if (names == NULL) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P10", order->expr->node.offset,
                             order->expr->node.length,
                             "ORDER BY behind a set operation takes names and positions of its "
                             "columns only");
    }
    return cni_bind_expr(names, order->expr, &out_order->expr, err);
}

static void
order_by_all(const cni_sql_order *order, const cni_bind_items *outputs, cni_bind_order *orders)
{
    for (int32_t item = 0; item < outputs->n_items; item++) {
        orders[item].position = item;
        fill_direction(order, &orders[item]);
    }
}

cn_code
cni_bind_orders(cni_binder *binder, cni_bind_names *names, const cni_sql_query *query,
                const cni_bind_items *outputs, cni_bind_order **out_orders, int32_t *out_n_orders,
                cn_error *err)
{
    cni_bind_order *orders = NULL;
    const int32_t n_orders = query->order_all ? outputs->n_items : query->orders.n_items;
    CN_TRY(cni_arena_alloc_array(binder->arena, n_orders, (int64_t)sizeof(*orders), &orders, err));
    if (query->order_all) {
        order_by_all(&query->orders.items[0], outputs, orders);
    }
    for (int32_t order = 0; !query->order_all && order < n_orders; order++) {
        CN_TRY(bind_one(names, &query->orders.items[order], outputs, &orders[order], err));
    }
    *out_orders = orders;
    *out_n_orders = n_orders;
    return CN_OK;
}

cn_code
cni_bind_sort_outputs(cni_binder *binder, const cni_plan *input, const cni_bind_order *orders,
                      int32_t n_orders, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = input;
    if (n_orders == 0) {
        return CN_OK;
    }
    cni_order *keys = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, n_orders, (int64_t)sizeof(*keys), &keys, err));
    for (int32_t order = 0; order < n_orders; order++) {
        const cni_column *column = &input->columns[orders[order].position];
        keys[order].descending = orders[order].descending;
        keys[order].nulls_first = orders[order].nulls_first;
        CN_TRY(cni_expr_column(binder->arena, column->id, column->type, &keys[order].expr, err));
    }
    return cni_plan_sort(&binder->builder, input, keys, n_orders, out_plan, err);
}

/* The non-negative number that a constant expression gives; NULL means no bound. */
static cn_code
row_count(cni_binder *binder, const cni_sql_expr *expr, const char *clause, int64_t none,
          int64_t *out_rows, cn_error *err)
{
    *out_rows = none;
    if (expr == NULL) {
        return CN_OK;
    }
    cni_bind_names names = {.binder = binder, .clause = CNI_CLAUSE_CONSTANT};
    const cni_expr *bound = NULL;
    cni_value value;
    CN_TRY(cni_bind_expr(&names, expr, &bound, err));
    CN_TRY(cni_bind_cast(binder, bound, cni_type_of(CNI_TYPE_INT64), false, expr->node.offset,
                         expr->node.length, &bound, err));
    const cn_code code = cni_expr_evaluate(binder->arena, bound, binder->env->context, &value, err);
    if (code != CN_OK) {
        cni_error_position(err, expr->node.offset, expr->node.length);
        return code;
    }
    if (value.is_null) {
        return CN_OK;
    }
    if (value.as.i64 < 0) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "2201W", expr->node.offset,
                             expr->node.length, "%s must not be negative", clause);
    }
    *out_rows = value.as.i64;
    return CN_OK;
}

cn_code
cni_bind_limit(cni_binder *binder, const cni_sql_query *query, const cni_plan *input,
               const cni_plan **out_plan, cn_error *err)
{
    *out_plan = input;
    if (query->limit == NULL && query->offset == NULL) {
        return CN_OK;
    }
    if (query->limit != NULL && (query->limit_percent || query->limit_with_ties)) {
        return cni_bind_refuse(err, query->limit->node.offset, query->limit->node.length,
                               query->limit_percent ? "percentages in LIMIT" : "WITH TIES clauses");
    }
    int64_t limit = CNI_NO_LIMIT;
    int64_t offset = 0;
    CN_TRY(row_count(binder, query->limit, "LIMIT", CNI_NO_LIMIT, &limit, err));
    CN_TRY(row_count(binder, query->offset, "OFFSET", 0, &offset, err));
    return limit == CNI_NO_LIMIT && offset == 0
               ? CN_OK
               : cni_plan_limit(&binder->builder, input, limit, offset, out_plan, err);
}
