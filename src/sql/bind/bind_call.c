/* SPDX-License-Identifier: Apache-2.0
 *
 * Function calls: resolution in the catalogue, casts of arguments, and the clauses of aggregates.
 * An aggregate becomes a CNI_EXPR_AGGREGATE node where it stands; bind_group.c takes it out again.
 * One that belongs to an enclosing query becomes a column of it (bind_outer.c).
 */
#include "sql/bind/bind_select_int.h"

cn_code
cni_bind_resolve(cni_binder *binder, cni_str name, cni_function_kind kind,
                 const cni_expr *const *args, int32_t n_args, int64_t offset, int64_t length,
                 cni_expr *inout_node, cn_error *err)
{
    const cni_type **types = NULL;
    const cni_type **wanted = NULL;
    const cni_value **literals = NULL;
    const cni_expr **cast = NULL;
    const int64_t pointer_bytes = (int64_t)sizeof(void *);
    CN_TRY(cni_arena_alloc_array(binder->arena, n_args, pointer_bytes, &types, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, n_args, pointer_bytes, &wanted, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, n_args, pointer_bytes, &literals, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, n_args, pointer_bytes, &cast, err));
    for (int32_t arg = 0; arg < n_args; arg++) {
        types[arg] = args[arg]->type;
        wanted[arg] = args[arg]->type;
        literals[arg] = args[arg]->kind == CNI_EXPR_LITERAL ? args[arg]->literal : NULL;
    }
    cni_resolve question = {.arena = binder->arena,
                            .n_args = n_args,
                            .arg_types = types,
                            .arg_literals = literals,
                            .out_arg_types = wanted};
    const cn_code code = cni_function_resolve(binder->env->functions, name, kind, &question,
                                              &inout_node->function, err);
    if (code == CN_NOT_FOUND) {
        CN_TRY(cni_bind_refuse_later(CNI_BIND_LATER_FUNCTION, name, offset, length, err));
    }
    if (code != CN_OK) {
        cni_error_position(err, offset, length);
        return code;
    }
    for (int32_t arg = 0; arg < n_args; arg++) {
        const bool has_place = args[arg]->sql_offset >= 0;
        CN_TRY(cni_bind_cast(binder, args[arg], question.out_arg_types[arg], false,
                             has_place ? args[arg]->sql_offset : offset,
                             has_place ? args[arg]->sql_length : length, &cast[arg], err));
    }
    inout_node->type = question.out_type;
    inout_node->bind_data = question.out_bind_data;
    inout_node->n_args = n_args;
    inout_node->args = cast;
    inout_node->sql_offset = offset;
    inout_node->sql_length = length;
    return CN_OK;
}

cn_code
cni_bind_function(cni_binder *binder, cni_str name, const cni_expr *const *args, int32_t n_args,
                  int64_t offset, int64_t length, const cni_expr **out_expr, cn_error *err)
{
    cni_expr node = {.kind = CNI_EXPR_CALL};
    CN_TRY(cni_bind_resolve(binder, name, CNI_FUNCTION_SCALAR, args, n_args, offset, length, &node,
                            err));
    return cni_expr_new(binder->arena, &node, out_expr, err);
}

static cn_code
refuse_clauses(const cni_sql_expr *expr, bool is_scalar, cn_error *err)
{
    const cni_sql_call *call = expr->call;
    const int64_t offset = expr->node.offset;
    const int64_t length = expr->node.length;
    if (call->variadic) {
        return cni_bind_refuse(err, offset, length, "VARIADIC arguments");
    }
    for (int32_t arg = 0; expr->arg_names != NULL && arg < expr->n_args; arg++) {
        if (expr->arg_names[arg].text.data != NULL) {
            return cni_bind_refuse(err, offset, length, "named arguments of functions");
        }
    }
    const bool has_clauses = call->distinct || call->filter != NULL || call->orders.n_items > 0 ||
                             call->within.n_items > 0 ||
                             call->null_treatment != CNI_SQL_NULL_TREATMENT_DEFAULT;
    if (is_scalar && (has_clauses || call->star)) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42809", offset, length,
                             "%.*s is not an aggregate function: DISTINCT, FILTER, ORDER BY, "
                             "IGNORE NULLS and * do not go with it",
                             CNI_STR_ARGS(expr->name->parts[expr->name->n_parts - 1].text));
    }
    return CN_OK;
}

/* Whether an aggregate of the level `names` may stand where it does. */
static cn_code
check_place(const cni_bind_names *names, const cni_sql_expr *expr, cn_error *err)
{
    static const char *const places[] = {
        [CNI_CLAUSE_WHERE] = "WHERE",        [CNI_CLAUSE_GROUP] = "GROUP BY",
        [CNI_CLAUSE_ON] = "JOIN conditions", [CNI_CLAUSE_FROM] = "FROM of their own query",
        [CNI_CLAUSE_VALUES] = "VALUES",      [CNI_CLAUSE_CONSTANT] = "this place"};
    if (names->in_aggregate) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42803", expr->node.offset,
                             expr->node.length, "aggregate calls cannot be nested");
    }
    if (names->clause >= CNI_CLAUSE_WHERE && names->clause <= CNI_CLAUSE_CONSTANT) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42803", expr->node.offset,
                             expr->node.length, "aggregate functions are not allowed in %s",
                             places[names->clause]);
    }
    return CN_OK;
}

cn_code
cni_bind_order_keys(cni_bind_names *names, const cni_sql_order_list *list, cni_order **out_orders,
                    cn_error *err)
{
    cni_order *orders = NULL;
    CN_TRY(cni_arena_alloc_array(names->binder->arena, list->n_items, (int64_t)sizeof(*orders),
                                 &orders, err));
    for (int32_t item = 0; item < list->n_items; item++) {
        const cni_sql_order *order = &list->items[item];
        const bool descending = order->direction == CNI_SQL_ORDER_DESC;
        CN_TRY(cni_bind_expr(names, order->expr, &orders[item].expr, err));
        orders[item].descending = descending;
        orders[item].nulls_first = order->nulls == CNI_SQL_NULLS_DEFAULT
                                       ? descending
                                       : order->nulls == CNI_SQL_NULLS_FIRST;
    }
    *out_orders = orders;
    return CN_OK;
}

cn_code
cni_bind_clauses(cni_bind_names *names, const cni_sql_call *call,
                 const cni_call_clauses **out_clauses, cn_error *err)
{
    *out_clauses = NULL;
    const bool ignore_nulls = call->null_treatment == CNI_SQL_IGNORE_NULLS;
    if (!call->distinct && call->filter == NULL && call->orders.n_items == 0 && !ignore_nulls) {
        return CN_OK;
    }
    cni_call_clauses *clauses = NULL;
    CN_TRY(CN_ARENA_NEW(names->binder->arena, &clauses, err));
    clauses->distinct = call->distinct;
    clauses->ignore_nulls = ignore_nulls;
    if (call->filter != NULL) {
        CN_TRY(cni_bind_condition(names, call->filter, "FILTER", &clauses->filter, err));
    }
    if (call->orders.n_items > 0) {
        cni_order *orders = NULL;
        CN_TRY(cni_bind_order_keys(names, &call->orders, &orders, err));
        clauses->n_orders = call->orders.n_items;
        clauses->orders = orders;
    }
    *out_clauses = clauses;
    return CN_OK;
}

/* Names of outputs may stand for window functions, which come later than aggregates. */
static cn_code
check_windows(const cni_bind_names *names, const cni_expr *call, cn_error *err)
{
    const cni_expr *window =
        names->windows == NULL ? NULL : cni_bind_find_window(names->windows, call);
    return window == NULL ? CN_OK
                          : cni_bind_fail(err, CN_INVALID_ARGUMENT, "42803", window->sql_offset,
                                          window->sql_length,
                                          "aggregate calls cannot contain window function calls");
}

static cn_code
bind_aggregate(cni_bind_names *names, const cni_sql_expr *expr, cni_str name,
               const cni_expr **out_expr, cn_error *err)
{
    if (names->outer == NULL || names->in_aggregate) {
        CN_TRY(check_place(names, expr, err));
    }
    if (expr->call->within.n_items > 0) {
        return cni_bind_refuse(err, expr->node.offset, expr->node.length,
                               "WITHIN GROUP aggregates");
    }
    if (expr->call->star && expr->call->distinct) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", expr->node.offset,
                             expr->node.length, "DISTINCT needs an argument, not *");
    }
    cni_bind_names inside = *names;
    inside.in_aggregate = true;
    const cni_expr **args = NULL;
    const int32_t n_args = expr->call->star ? 0 : expr->n_args;
    CN_TRY(cni_bind_exprs(&inside, expr->args, n_args, &args, err));
    cni_expr node = {.kind = CNI_EXPR_AGGREGATE};
    CN_TRY(cni_bind_resolve(names->binder, name, CNI_FUNCTION_AGGREGATE, args, n_args,
                            expr->node.offset, expr->node.length, &node, err));
    CN_TRY(cni_bind_clauses(&inside, expr->call, &node.call, err));
    const cni_expr *call = NULL;
    CN_TRY(cni_expr_new(names->binder->arena, &node, &call, err));
    CN_TRY(check_windows(names, call, err));
    cni_bind_names *owner = cni_bind_owner(names, call);
    CN_TRY(check_place(owner, expr, err));
    *out_expr = call;
    return owner == names ? CN_OK : cni_bind_outer_aggregate(owner, call, out_expr, err);
}

cn_code
cni_bind_call(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
              cn_error *err)
{
    const cni_sql_name *written = expr->name;
    const cni_str name = written->parts[written->n_parts - 1].text;
    if (written->n_parts > 1 &&
        !cni_str_eq_nocase(written->parts[written->n_parts - 2].text, CNI_STR("pg_catalog"))) {
        return cni_bind_refuse(err, expr->node.offset, expr->node.length, "functions in schemas");
    }
    const uint32_t kinds = cni_function_kinds(names->binder->env->functions, name);
    const bool is_aggregate = (kinds & 2) != 0;
    const bool is_windowed = expr->call->over != NULL;
    CN_TRY(refuse_clauses(expr, kinds == 1 && !is_windowed, err));
    if (is_windowed) {
        return cni_bind_window_call(names, expr, name, kinds, out_expr, err);
    }
    if (kinds == 4) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42809", expr->node.offset,
                             expr->node.length, "window function %.*s requires an OVER clause",
                             CNI_STR_ARGS(name));
    }
    if (is_aggregate) {
        return bind_aggregate(names, expr, name, out_expr, err);
    }
    CN_TRY(cni_bind_conditional(names, expr, out_expr, err));
    if (*out_expr != NULL) {
        return CN_OK;
    }
    const cni_expr **args = NULL;
    CN_TRY(cni_bind_exprs(names, expr->args, expr->n_args, &args, err));
    return cni_bind_function(names->binder, name, args, expr->n_args, expr->node.offset,
                             expr->node.length, out_expr, err);
}
