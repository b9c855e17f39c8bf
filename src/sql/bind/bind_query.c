/* SPDX-License-Identifier: Apache-2.0
 *
 * Queries: WITH, VALUES, UNION, and the way into SELECT. WITH queries are bound where they are
 * named, each time anew, so that every use has column ids of its own; the number of queries bound
 * in one statement is limited (CNI_BIND_MAX_QUERIES).
 */
#include "sql/bind/bind_select_int.h"

/* Of one WITH; names are as good as equal when a reference could mean both. */
static cn_code
check_cte_name(const cni_sql_with *with, int32_t index, cn_error *err)
{
    const cni_sql_ident *name = &with->ctes[index].name;
    for (int32_t before = 0; before < index; before++) {
        const cni_sql_ident *other = &with->ctes[before].name;
        if (cni_bind_name_matches(name, other->text, true) ||
            (!other->quoted && cni_bind_name_matches(name, other->text, false))) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42712", name->offset, name->length,
                                 "WITH query \"%.*s\" is there twice", CNI_STR_ARGS(name->text));
        }
    }
    return CN_OK;
}

static cn_code
push_ctes(cni_binder *binder, const cni_sql_with *with, const cni_bind_cte *outer,
          const cni_bind_cte **out_ctes, cn_error *err)
{
    *out_ctes = outer;
    if (with == NULL) {
        return CN_OK;
    }
    for (int32_t index = 0; index < with->n_ctes; index++) {
        const cni_sql_cte *written = &with->ctes[index];
        if (with->recursive || written->using_key.n_items > 0) {
            return cni_bind_refuse(err, written->name.offset, written->name.length,
                                   "recursive queries (WITH RECURSIVE)");
        }
        CN_TRY(check_cte_name(with, index, err));
        cni_bind_cte *cte = NULL;
        CN_TRY(CN_ARENA_NEW(binder->arena, &cte, err));
        *cte = (cni_bind_cte){.outer = *out_ctes,
                              .name = written->name,
                              .columns = written->columns,
                              .query = written->query};
        *out_ctes = cte;
    }
    return CN_OK;
}

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

static cn_code
bind_values(cni_binder *binder, const cni_sql_query *query, const cni_plan **out_plan,
            cn_error *err)
{
    cni_bind_names names = {.binder = binder, .clause = CNI_CLAUSE_CONSTANT};
    const int32_t n_columns = query->rows[0].n_items;
    const cni_expr **exprs = NULL;
    cni_field *fields = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, (int64_t)query->n_rows * n_columns,
                                 (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t row = 0; row < query->n_rows; row++) {
        const cni_sql_expr_list *list = &query->rows[row];
        if (list->n_items != n_columns) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", query->node.offset,
                                 query->node.length,
                                 "VALUES: row %d has %d values, the first row has %d", row + 1,
                                 list->n_items, n_columns);
        }
        for (int32_t column = 0; column < n_columns; column++) {
            CN_TRY(cni_bind_expr(&names, list->items[column],
                                 &exprs[(int64_t)row * n_columns + column], err));
        }
    }
    CN_TRY(unify_columns(binder, query, exprs, n_columns, err));
    CN_TRY(values_fields(binder, exprs, n_columns, &fields, err));
    return cni_plan_values(&binder->builder, fields, n_columns, exprs, query->n_rows, out_plan,
                           err);
}

/* Columns of `plan` cast to `types`, when they are not of these types already. */
static cn_code
cast_columns(cni_binder *binder, const cni_sql_query *query, const cni_plan *plan,
             const cni_type *const *types, const cni_plan **out_plan, cn_error *err)
{
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    bool changed = false;
    CN_TRY(cni_arena_alloc_array(binder->arena, plan->n_columns, (int64_t)sizeof(*exprs), &exprs,
                                 err));
    CN_TRY(cni_arena_alloc_array(binder->arena, plan->n_columns, (int64_t)sizeof(*names), &names,
                                 err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_column *from = &plan->columns[column];
        names[column] = from->name;
        CN_TRY(cni_expr_column(binder->arena, from->id, from->type, &exprs[column], err));
        changed = changed || !cni_type_equal(from->type, types[column]);
        CN_TRY(cni_bind_cast(binder, exprs[column], types[column], false, query->node.offset,
                             query->node.length, &exprs[column], err));
    }
    *out_plan = plan;
    return changed ? cni_plan_project(&binder->builder, plan, exprs, names, plan->n_columns,
                                      out_plan, err)
                   : CN_OK;
}

/* The common type of each column over all members. */
static cn_code
union_types(cni_binder *binder, const cni_sql_query *query, const cni_plan *const *members,
            const cni_type ***out_types, cn_error *err)
{
    const cni_type **types = NULL;
    const int32_t n_columns = members[0]->n_columns;
    CN_TRY(cni_arena_alloc_array(binder->arena, n_columns, (int64_t)sizeof(*types), &types, err));
    for (int32_t column = 0; column < n_columns; column++) {
        types[column] = members[0]->columns[column].type;
        for (int32_t member = 1; member < query->n_inputs; member++) {
            const cni_type *joined = NULL;
            const cni_type *type = members[member]->columns[column].type;
            CN_TRY(cni_common_type(binder->arena, types[column], type, &joined, err));
            if (joined == NULL) {
                return cni_bind_fail(
                    err, CN_INVALID_ARGUMENT, "42804", query->inputs[member]->node.offset,
                    query->inputs[member]->node.length, "UNION: column %d is %s here and %s before",
                    column + 1, cni_bind_type_text(binder, type),
                    cni_bind_type_text(binder, types[column]));
            }
            types[column] = joined;
        }
    }
    *out_types = types;
    return CN_OK;
}

static cn_code
bind_members(cni_binder *binder, const cni_bind_cte *ctes, const cni_sql_query *query,
             const cni_plan ***out_members, cn_error *err)
{
    const cni_plan **members = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, query->n_inputs, (int64_t)sizeof(*members),
                                 &members, err));
    for (int32_t input = 0; input < query->n_inputs; input++) {
        const cni_sql_query *member = query->inputs[input];
        CN_TRY(cni_bind_query_in(binder, ctes, member, &members[input], err));
        if (members[input]->n_columns != members[0]->n_columns) {
            return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", member->node.offset,
                                 member->node.length,
                                 "UNION: this query has %d columns, the first one %d",
                                 members[input]->n_columns, members[0]->n_columns);
        }
    }
    *out_members = members;
    return CN_OK;
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
bind_union(cni_binder *binder, const cni_bind_cte *ctes, const cni_sql_query *query,
           const cni_plan **out_plan, cn_error *err)
{
    if (query->by_name) {
        return cni_bind_refuse(err, query->node.offset, query->node.length,
                               "UNION BY NAME queries");
    }
    const cni_plan **members = NULL;
    const cni_type **types = NULL;
    CN_TRY(bind_members(binder, ctes, query, &members, err));
    CN_TRY(union_types(binder, query, members, &types, err));
    for (int32_t member = 0; member < query->n_inputs; member++) {
        CN_TRY(cast_columns(binder, query, members[member], types, &members[member], err));
    }
    CN_TRY(cni_plan_union_all(&binder->builder, members, query->n_inputs, out_plan, err));
    return query->all ? CN_OK
                      : cni_plan_distinct(&binder->builder, *out_plan, NULL, 0, out_plan, err);
}

cn_code
cni_bind_query_in(cni_binder *binder, const cni_bind_cte *outer, const cni_sql_query *query,
                  const cni_plan **out_plan, cn_error *err)
{
    if (++binder->n_queries > CNI_BIND_MAX_QUERIES) {
        return cni_bind_fail(err, CN_LIMIT_EXCEEDED, "54001", query->node.offset,
                             query->node.length,
                             "more than %d queries in one statement, views and WITH counted at "
                             "each use (CNI_BIND_MAX_QUERIES)",
                             CNI_BIND_MAX_QUERIES);
    }
    const cni_bind_cte *ctes = NULL;
    const cni_plan *plan = NULL;
    CN_TRY(push_ctes(binder, query->with, outer, &ctes, err));
    switch ((cni_sql_query_kind)query->kind) {
    case CNI_SQL_QUERY_SELECT:
        return cni_bind_select(binder, ctes, query, out_plan, err);
    case CNI_SQL_QUERY_VALUES:
        CN_TRY(bind_values(binder, query, &plan, err));
        break;
    case CNI_SQL_QUERY_UNION:
        CN_TRY(bind_union(binder, ctes, query, &plan, err));
        break;
    case CNI_SQL_QUERY_INTERSECT:
        return cni_bind_refuse(err, query->node.offset, query->node.length, "INTERSECT queries");
    case CNI_SQL_QUERY_EXCEPT:
        return cni_bind_refuse(err, query->node.offset, query->node.length, "EXCEPT queries");
    }
    return bind_outer_tail(binder, query, plan, out_plan, err);
}

cn_code
cni_bind_query(const cni_bind_env *env, const cni_sql_query *query, const cni_plan **out_plan,
               cn_error *err)
{
    cni_binder binder = {.env = env, .arena = env->arena};
    cni_plan_builder_init(&binder.builder, env->arena, 0);
    return cni_bind_query_in(&binder, NULL, query, out_plan, err);
}
