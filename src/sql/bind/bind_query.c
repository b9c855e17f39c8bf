/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries: VALUES, the tail around set operations, and the way into SELECT. Definitions of WITH
 * come into scope here (bind_cte.c); the number of queries bound in one statement is limited
 * (CNI_BIND_MAX_QUERIES), since some are bound at each use.
 */
#include "sql/bind/bind_select_int.h"

/* Column names of VALUES, as PostgreSQL: column1, column2 ... */
static cn_code
values_fields(cni_binder *binder, const cni_expr *const *exprs, int32_t n_columns,
              cni_field **out_fields, cn_error *err)
{
    CN_TRY(cni_arena_alloc_array(binder->arena, n_columns, (int64_t)sizeof(**out_fields),
                                 out_fields, err));
    for (int32_t column = 0; column < n_columns; column++) {
        cni_field *field = &(*out_fields)[column];
        CN_TRY(cni_arena_printf(binder->arena, &field->name, err, "column%d", column + 1));
        field->type = exprs[column]->type;
        field->nullable = true;
    }
    return CN_OK;
}

/* One type per column over all rows. */
static cn_code
unify_columns(cni_binder *binder, const cni_sql_query *query, const cni_expr **exprs,
              int32_t n_columns, cn_error *err)
{
    const cni_expr **column_exprs = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, query->n_rows, (int64_t)sizeof(*column_exprs),
                                 &column_exprs, err));
    for (int32_t column = 0; column < n_columns; column++) {
        for (int32_t row = 0; row < query->n_rows; row++) {
            column_exprs[row] = exprs[(int64_t)row * n_columns + column];
        }
        CN_TRY(cni_bind_unify(binder, column_exprs, query->n_rows, "VALUES", query->node.offset,
                              query->node.length, err));
        for (int32_t row = 0; row < query->n_rows; row++) {
            exprs[(int64_t)row * n_columns + column] = column_exprs[row];
        }
    }
    return CN_OK;
}

/* Each row as a PROJECT over one row: expressions that name columns of enclosing queries or hold
 * subqueries cannot stand in a VALUES node. */
static cn_code
project_rows(cni_binder *binder, const cni_field *fields, int32_t n_columns,
             const cni_expr *const *exprs, int32_t n_rows, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **rows = NULL;
    cni_str *names = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, n_rows, (int64_t)sizeof(*rows), &rows, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, n_columns, (int64_t)sizeof(*names), &names, err));
    for (int32_t column = 0; column < n_columns; column++) {
        names[column] = fields[column].name;
    }
    for (int32_t row = 0; row < n_rows; row++) {
        CN_TRY(cni_plan_values(&binder->builder, NULL, 0, NULL, 1, &rows[row], err));
        CN_TRY(cni_bind_project(binder, rows[row], &exprs[(int64_t)row * n_columns], names,
                                n_columns, &rows[row], err));
    }
    *out_plan = rows[0];
    return n_rows == 1 ? CN_OK : cni_plan_union_all(&binder->builder, rows, n_rows, out_plan, err);
}

static bool
any_needs_rows(const cni_expr *const *exprs, int64_t n_exprs)
{
    for (int64_t expr = 0; expr < n_exprs; expr++) {
        if (cni_bind_needs_rows(exprs[expr])) {
            return true;
        }
    }
    return false;
}

static cn_code
bind_rows(cni_bind_names *names, const cni_sql_query *query, const cni_expr **exprs, cn_error *err)
{
    const int32_t n_columns = query->rows[0].n_items;
    for (int32_t row = 0; row < query->n_rows; row++) {
        const cni_sql_expr_list *list = &query->rows[row];
        if (list->n_items != n_columns) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", query->node.offset,
                                 query->node.length,
                                 "VALUES: row %d has %d values, the first row has %d", row + 1,
                                 list->n_items, n_columns);
        }
        for (int32_t column = 0; column < n_columns; column++) {
            CN_TRY(cni_bind_expr(names, list->items[column],
                                 &exprs[(int64_t)row * n_columns + column], err));
        }
    }
    return CN_OK;
}

static cn_code
bind_values(cni_binder *binder, const cni_bind_around *around, const cni_sql_query *query,
            const cni_plan **out_plan, cn_error *err)
{
    cni_bind_names names = {.binder = binder,
                            .outer = around->outer,
                            .ctes = around->ctes,
                            .clause = CNI_CLAUSE_VALUES};
    const int32_t n_columns = query->rows[0].n_items;
    const int64_t n_exprs = (int64_t)query->n_rows * n_columns;
    const cni_expr **exprs = NULL;
    cni_field *fields = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, n_exprs, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(bind_rows(&names, query, exprs, err));
    CN_TRY(unify_columns(binder, query, exprs, n_columns, err));
    CN_TRY(values_fields(binder, exprs, n_columns, &fields, err));
    if (any_needs_rows(exprs, n_exprs)) {
        return project_rows(binder, fields, n_columns, exprs, query->n_rows, out_plan, err);
    }
    return cni_plan_values(&binder->builder, fields, n_columns, exprs, query->n_rows, out_plan,
                           err);
}

/* The outputs of a plan as items without expressions, for ORDER BY. */
static cn_code
output_items(cni_binder *binder, const cni_plan *plan, cni_bind_items *out_items, cn_error *err)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_bind_item item = {.name = plan->columns[column].name};
        CN_TRY(cni_bind_items_push(binder, out_items, &item, err));
    }
    return CN_OK;
}

static cn_code
bind_outer_tail(cni_binder *binder, const cni_sql_query *query, const cni_plan *plan,
                const cni_plan **out_plan, cn_error *err)
{
    cni_bind_items outputs = {0};
    cni_bind_order *orders = NULL;
    int32_t n_orders = 0;
    CN_TRY(output_items(binder, plan, &outputs, err));
    CN_TRY(cni_bind_orders(binder, NULL, query, &outputs, &orders, &n_orders, err));
    CN_TRY(cni_bind_sort_outputs(binder, plan, orders, n_orders, &plan, err));
    return cni_bind_limit(binder, query, plan, out_plan, err);
}

static cn_code
bind_body(cni_binder *binder, const cni_bind_around *around, const cni_sql_query *query,
          const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *plan = NULL;
    switch ((cni_sql_query_kind)query->kind) {
    case CNI_SQL_QUERY_SELECT:
        return cni_bind_select(binder, around, query, out_plan, err);
    case CNI_SQL_QUERY_VALUES:
        CN_TRY(bind_values(binder, around, query, &plan, err));
        break;
    case CNI_SQL_QUERY_UNION:
    case CNI_SQL_QUERY_INTERSECT:
    case CNI_SQL_QUERY_EXCEPT:
        CN_TRY(cni_bind_set(binder, around, query, query->n_inputs, &plan, err));
        break;
    }
    return bind_outer_tail(binder, query, plan, out_plan, err);
}

cn_code
cni_bind_query_in(cni_binder *binder, const cni_bind_around *around, const cni_sql_query *query,
                  const cni_plan **out_plan, cn_error *err)
{
    if (++binder->n_queries > CNI_BIND_MAX_QUERIES) {
        return cni_bind_fail(err, CN_LIMIT_EXCEEDED, "54001", query->node.offset,
                             query->node.length,
                             "more than %d queries in one statement, views and WITH counted at "
                             "each use (CNI_BIND_MAX_QUERIES)",
                             CNI_BIND_MAX_QUERIES);
    }
    cni_bind_around inside = *around;
    CN_TRY(cni_bind_push_ctes(binder, query, around, &inside.ctes, err));
    CN_TRY(bind_body(binder, &inside, query, out_plan, err));
    return cni_bind_wrap_ctes(binder, inside.ctes, around->ctes, *out_plan, out_plan, err);
}

cn_code
cni_bind_query(const cni_bind_env *env, const cni_sql_query *query, const cni_plan **out_plan,
               cn_error *err)
{
    cni_binder binder = {.env = env, .arena = env->arena};
    const cni_bind_around nothing = {0};
    cni_plan_builder_init(&binder.builder, env->arena, 0);
    return cni_bind_query_in(&binder, &nothing, query, out_plan, err);
}
