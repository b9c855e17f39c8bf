/* SPDX-License-Identifier: Apache-2.0
 *
 * Constructors of logical plans. Every node goes through cni_plan_new, which copies the template
 * and its arrays into the arena and enforces the depth limit that lets walkers recurse. A
 * constructor derives the output columns: those that only travel keep their ids, computed ones get
 * fresh ids.
 *
 * Joins, WITH and what reads it are in plan_join.c, questions about plans in plan_walk.c, text in
 * plan_print.c, checks in plan_validate.c.
 */
#include "plan/ir/plan_int.h"

#include "base/checked.h"
#include "plan/function/function.h"
#include "plan/table/table.h"

void
cni_plan_builder_init(cni_plan_builder *self, cni_arena *arena, int32_t first_column_id)
{
    *self = (cni_plan_builder){arena, first_column_id};
}

/* ---- any node ---- */

/* *out_copy = n items of item_bytes copied into the arena; NULL for none. */
static cn_code
copy_items(cni_arena *arena, const void *items, int64_t n_items, int64_t item_bytes, void *out_copy,
           cn_error *err)
{
    void *copy = NULL;
    if (items != NULL && n_items > 0) {
        CN_TRY(cni_arena_alloc_array(arena, n_items, item_bytes, &copy, err));
        memcpy(copy, items, (size_t)(n_items * item_bytes));
    }
    memcpy(out_copy, (const void *)&copy, sizeof(copy));
    return CN_OK;
}

static cn_code
copy_arrays(cni_arena *arena, const cni_plan *node, cni_plan *made, cn_error *err)
{
    const int64_t pointer = (int64_t)sizeof(void *);
    const int64_t integer = (int64_t)sizeof(int32_t);
    const int64_t column = (int64_t)sizeof(cni_column);
    const int64_t order = (int64_t)sizeof(cni_order);
    CN_TRY(copy_items(arena, (const void *)node->children, node->n_children, pointer,
                      (void *)&made->children, err));
    CN_TRY(copy_items(arena, node->columns, node->n_columns, column, (void *)&made->columns, err));
    CN_TRY(copy_items(arena, node->table_columns, node->n_columns, integer,
                      (void *)&made->table_columns, err));
    CN_TRY(copy_items(arena, (const void *)node->filters, node->n_filters, pointer,
                      (void *)&made->filters, err));
    CN_TRY(copy_items(arena, node->filter_columns, node->n_filter_columns, column,
                      (void *)&made->filter_columns, err));
    CN_TRY(copy_items(arena, node->filter_table_columns, node->n_filter_columns, integer,
                      (void *)&made->filter_table_columns, err));
    CN_TRY(copy_items(arena, (const void *)node->exprs, node->n_exprs, pointer,
                      (void *)&made->exprs, err));
    return copy_items(arena, node->orders, node->n_orders, order, (void *)&made->orders, err);
}

/* A node is also as deep as the plans inside its expressions' subqueries. */
static int32_t
deeper(int32_t depth, const cni_expr *expr)
{
    if (expr == NULL || expr->depth <= depth || !cni_expr_has_subquery(expr)) {
        return depth;
    }
    return expr->depth;
}

static int32_t
depth_below(const cni_plan *node)
{
    int32_t depth = deeper(0, node->predicate);
    for (int32_t child = 0; child < node->n_children; child++) {
        const int32_t below = node->children[child]->depth;
        depth = below > depth ? below : depth;
    }
    for (int32_t expr = 0; expr < node->n_exprs; expr++) {
        depth = deeper(depth, node->exprs[expr]);
    }
    for (int32_t filter = 0; filter < node->n_filters; filter++) {
        depth = deeper(depth, node->filters[filter]);
    }
    for (int32_t order = 0; order < node->n_orders; order++) {
        depth = deeper(depth, node->orders[order].expr);
    }
    return depth;
}

cn_code
cni_plan_new(cni_plan_builder *self, const cni_plan *node, const cni_plan **out_plan, cn_error *err)
{
    const int32_t depth = depth_below(node) + 1;
    if (depth > CNI_PLAN_MAX_DEPTH) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "the query is nested deeper than %d levels",
                       CNI_PLAN_MAX_DEPTH);
    }
    cni_plan *made = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &made, err));
    *made = *node;
    made->depth = (int16_t)depth;
    CN_TRY(copy_arrays(self->arena, node, made, err));
    *out_plan = made;
    return CN_OK;
}

cn_code
cni_plan_with_children(cni_plan_builder *self, const cni_plan *plan,
                       const cni_plan *const *children, const cni_plan **out_plan, cn_error *err)
{
    bool changed = false;
    for (int32_t child = 0; child < plan->n_children; child++) {
        changed = changed || children[child] != plan->children[child];
    }
    if (!changed) {
        *out_plan = plan;
        return CN_OK;
    }
    cni_plan node = *plan;
    node.children = children;
    return cni_plan_new(self, &node, out_plan, err);
}

cni_plan
cni_plan_template(cni_plan_kind kind)
{
    return (cni_plan){.kind = (uint8_t)kind,
                      .estimated_rows = -1.0,
                      .estimated_cost = -1.0,
                      .limit = CNI_NO_LIMIT};
}

/* A node over one child that gives the child's columns. */
static cni_plan
over(cni_plan_kind kind, const cni_plan *const *child)
{
    cni_plan node = cni_plan_template(kind);
    node.n_children = 1;
    node.children = child;
    node.n_columns = (*child)->n_columns;
    node.columns = (*child)->columns;
    return node;
}

cn_code
cni_plan_new_columns(cni_plan_builder *self, int64_t n_columns, cni_column **out_columns,
                     cn_error *err)
{
    if (n_columns > INT32_MAX - self->next_column_id) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "the plan has too many columns");
    }
    return cni_arena_alloc_array(self->arena, n_columns, (int64_t)sizeof(**out_columns),
                                 out_columns, err);
}

/* ---- leaves ---- */

static cn_code
scan_columns(cni_plan_builder *self, const cni_schema *schema, const int32_t *positions,
             int32_t n_columns, cni_column *columns, cn_error *err)
{
    for (int32_t column = 0; column < n_columns; column++) {
        if (positions[column] < 0 || positions[column] >= schema->n_fields) {
            return CN_FAIL(err, CN_INTERNAL, "scan of column %d of a table with %d columns",
                           positions[column], schema->n_fields);
        }
        const cni_field *field = &schema->fields[positions[column]];
        columns[column] =
            (cni_column){self->next_column_id++, field->name, field->type, field->nullable};
    }
    return CN_OK;
}

cn_code
cni_plan_scan(cni_plan_builder *self, cni_table *table, cni_str table_name,
              const int32_t *table_columns, int32_t n_columns, const cni_plan **out_plan,
              cn_error *err)
{
    cni_column *columns = NULL;
    int32_t *positions = NULL;
    if (table_columns == NULL) {
        n_columns = table->schema->n_fields;
    }
    CN_TRY(cni_plan_new_columns(self, n_columns, &columns, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_columns, (int64_t)sizeof(*positions), &positions,
                                 err));
    for (int32_t column = 0; column < n_columns; column++) {
        positions[column] = table_columns == NULL ? column : table_columns[column];
    }
    CN_TRY(scan_columns(self, table->schema, positions, n_columns, columns, err));
    CN_TRY(cni_arena_str(self->arena, table_name, &table_name, err));
    CN_TRY(cni_table_keep(self->arena, table, err));
    const cni_plan node = {.kind = CNI_PLAN_SCAN,
                           .n_columns = n_columns,
                           .columns = columns,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0,
                           .table = table,
                           .table_columns = positions,
                           .table_name = table_name,
                           .limit = CNI_NO_LIMIT};
    return cni_plan_new(self, &node, out_plan, err);
}

/* Whether some row's expression in the column may be NULL, as far as literals show. */
static bool
values_nullable(const cni_expr *const *exprs, int64_t n_rows, int32_t n_columns, int32_t column)
{
    for (int64_t row = 0; row < n_rows; row++) {
        const cni_expr *expr = exprs[row * n_columns + column];
        if (expr->kind != CNI_EXPR_LITERAL || expr->literal->is_null) {
            return true;
        }
    }
    return false;
}

cn_code
cni_plan_values(cni_plan_builder *self, const cni_field *fields, int32_t n_columns,
                const cni_expr *const *exprs, int64_t n_rows, const cni_plan **out_plan,
                cn_error *err)
{
    int64_t n_exprs = 0;
    cni_column *columns = NULL;
    if (!cni_checked_mul(n_rows, n_columns, &n_exprs) || n_exprs > INT32_MAX) {
        return CN_FAIL(err, CN_LIMIT_EXCEEDED, "VALUES of %lld rows is too long",
                       (long long)n_rows);
    }
    CN_TRY(cni_plan_new_columns(self, n_columns, &columns, err));
    for (int32_t column = 0; column < n_columns; column++) {
        columns[column] =
            (cni_column){self->next_column_id++, fields[column].name, fields[column].type,
                         values_nullable(exprs, n_rows, n_columns, column)};
    }
    const cni_plan node = {.kind = CNI_PLAN_VALUES,
                           .n_columns = n_columns,
                           .columns = columns,
                           .estimated_rows = (double)n_rows,
                           .estimated_cost = -1.0,
                           .n_rows = n_rows,
                           .n_exprs = (int32_t)n_exprs,
                           .exprs = exprs,
                           .limit = CNI_NO_LIMIT};
    return cni_plan_new(self, &node, out_plan, err);
}

/* ---- over one child ---- */

cn_code
cni_plan_filter(cni_plan_builder *self, const cni_plan *child, const cni_expr *predicate,
                const cni_plan **out_plan, cn_error *err)
{
    if (predicate->type->id != CNI_TYPE_BOOL) {
        return CN_FAIL(err, CN_INTERNAL, "a filter's predicate is not BOOLEAN");
    }
    cni_plan node = over(CNI_PLAN_FILTER, &child);
    node.predicate = predicate;
    return cni_plan_new(self, &node, out_plan, err);
}

/* Column that `expr` makes over `child`: one that travels keeps its id; one from outside the plan
 * (correlation) is not this plan's to give on. */
static cni_column
derived_column(cni_plan_builder *self, const cni_plan *child, const cni_expr *expr, cni_str name)
{
    const cni_column *source =
        expr->kind == CNI_EXPR_COLUMN ? cni_plan_find_column(child, expr->column_id) : NULL;
    if (source != NULL) {
        return (cni_column){expr->column_id, name, expr->type, source->nullable};
    }
    const bool nullable = expr->kind != CNI_EXPR_LITERAL || expr->literal->is_null;
    return (cni_column){self->next_column_id++, name, expr->type, nullable};
}

/* The same column twice in one projection: the second needs an id of its own. */
static bool
id_taken(const cni_column *columns, int32_t n_columns, int32_t id)
{
    for (int32_t column = 0; column < n_columns; column++) {
        if (columns[column].id == id) {
            return true;
        }
    }
    return false;
}

cn_code
cni_plan_project(cni_plan_builder *self, const cni_plan *child, const cni_expr *const *exprs,
                 const cni_str *names, int32_t n_exprs, const cni_plan **out_plan, cn_error *err)
{
    cni_column *columns = NULL;
    CN_TRY(cni_plan_new_columns(self, n_exprs, &columns, err));
    for (int32_t column = 0; column < n_exprs; column++) {
        columns[column] = derived_column(self, child, exprs[column], names[column]);
        if (exprs[column]->kind == CNI_EXPR_COLUMN &&
            id_taken(columns, column, columns[column].id)) {
            columns[column].id = self->next_column_id++;
        }
    }
    cni_plan node = over(CNI_PLAN_PROJECT, &child);
    node.n_columns = n_exprs;
    node.columns = columns;
    node.n_exprs = n_exprs;
    node.exprs = exprs;
    node.estimated_rows = child->estimated_rows;
    return cni_plan_new(self, &node, out_plan, err);
}

/* COUNT is never NULL. */
static bool
aggregate_nullable(const cni_expr *expr)
{
    return expr->function == NULL || (expr->function->builtin != CNI_AGGREGATE_COUNT &&
                                      expr->function->builtin != CNI_AGGREGATE_COUNT_STAR);
}

cn_code
cni_plan_aggregate(cni_plan_builder *self, const cni_plan *child, const cni_expr *const *groups,
                   int32_t n_groups, const cni_expr *const *aggregates, int32_t n_aggregates,
                   const cni_plan **out_plan, cn_error *err)
{
    const int64_t n_exprs = (int64_t)n_groups + n_aggregates;
    cni_column *columns = NULL;
    const cni_expr **exprs = NULL;
    CN_TRY(cni_plan_new_columns(self, n_exprs, &columns, err));
    CN_TRY(cni_arena_alloc_array(self->arena, n_exprs, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t group = 0; group < n_groups; group++) {
        const cni_column *source = groups[group]->kind == CNI_EXPR_COLUMN
                                       ? cni_plan_find_column(child, groups[group]->column_id)
                                       : NULL;
        const cni_str name = source == NULL ? (cni_str){"", 0} : source->name;
        exprs[group] = groups[group];
        columns[group] = derived_column(self, child, groups[group], name);
        if (id_taken(columns, group, columns[group].id)) {
            columns[group].id = self->next_column_id++;
        }
    }
    for (int32_t at = 0; at < n_aggregates; at++) {
        const cni_expr *expr = aggregates[at];
        const cni_str name = expr->function == NULL ? (cni_str){"", 0} : expr->function->name;
        exprs[n_groups + at] = expr;
        columns[n_groups + at] =
            (cni_column){self->next_column_id++, name, expr->type, aggregate_nullable(expr)};
    }
    cni_plan node = over(CNI_PLAN_AGGREGATE, &child);
    node.n_columns = (int32_t)n_exprs;
    node.columns = columns;
    node.n_exprs = (int32_t)n_exprs;
    node.exprs = exprs;
    node.n_groups = n_groups;
    node.estimated_rows = n_groups == 0 ? 1.0 : -1.0;
    return cni_plan_new(self, &node, out_plan, err);
}

/* Ranks are never NULL. */
static bool
window_nullable(const cni_expr *expr)
{
    return expr->kind == CNI_EXPR_WINDOW
               ? expr->function != NULL && expr->function->builtin == CNI_WINDOW_VALUE_AT
               : aggregate_nullable(expr);
}

/* The child's columns, then those of the functions. */
static cn_code
window_columns(cni_plan_builder *self, const cni_plan *child, const cni_expr *const *functions,
               int32_t n_functions, cni_plan *node, cn_error *err)
{
    cni_column *columns = NULL;
    const int32_t n_columns = child->n_columns + n_functions;
    CN_TRY(cni_plan_new_columns(self, n_columns, &columns, err));
    for (int32_t column = 0; column < child->n_columns; column++) {
        columns[column] = child->columns[column];
    }
    for (int32_t at = 0; at < n_functions; at++) {
        const cni_expr *expr = functions[at];
        const cni_str name = expr->function == NULL ? (cni_str){"", 0} : expr->function->name;
        const bool nullable = window_nullable(expr);
        columns[child->n_columns + at] =
            (cni_column){self->next_column_id++, name, expr->type, nullable};
    }
    node->columns = columns;
    node->n_columns = n_columns;
    return CN_OK;
}

cn_code
cni_plan_window(cni_plan_builder *self, const cni_plan *child, const cni_expr *const *partitions,
                int32_t n_partitions, const cni_order *orders, int32_t n_orders,
                const cni_expr *const *functions, int32_t n_functions, const cni_plan **out_plan,
                cn_error *err)
{
    const cni_expr **exprs = NULL;
    const int64_t n_exprs = (int64_t)n_partitions + n_functions;
    cni_plan node = over(CNI_PLAN_WINDOW, &child);
    CN_TRY(cni_arena_alloc_array(self->arena, n_exprs, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        exprs[expr] = expr < n_partitions ? partitions[expr] : functions[expr - n_partitions];
    }
    CN_TRY(window_columns(self, child, functions, n_functions, &node, err));
    node.n_exprs = (int32_t)n_exprs;
    node.exprs = exprs;
    node.n_groups = n_partitions;
    node.n_orders = n_orders;
    node.orders = orders;
    node.estimated_rows = child->estimated_rows;
    return cni_plan_new(self, &node, out_plan, err);
}

cn_code
cni_plan_window_over(cni_plan_builder *self, const cni_plan *window, const cni_plan *child,
                     const cni_plan **out_plan, cn_error *err)
{
    const int32_t n_functions = window->n_exprs - window->n_groups;
    cni_plan node = *window;
    cni_column *columns = NULL;
    CN_TRY(cni_plan_new_columns(self, (int64_t)child->n_columns + n_functions, &columns, err));
    for (int32_t column = 0; column < child->n_columns; column++) {
        columns[column] = child->columns[column];
    }
    for (int32_t at = 0; at < n_functions; at++) {
        columns[child->n_columns + at] = window->columns[window->n_columns - n_functions + at];
    }
    node.children = &child;
    node.columns = columns;
    node.n_columns = child->n_columns + n_functions;
    return cni_plan_new(self, &node, out_plan, err);
}

cn_code
cni_plan_distinct(cni_plan_builder *self, const cni_plan *child, const cni_expr *const *on,
                  int32_t n_on, const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = over(CNI_PLAN_DISTINCT, &child);
    node.n_exprs = n_on;
    node.exprs = on;
    return cni_plan_new(self, &node, out_plan, err);
}

cn_code
cni_plan_sort(cni_plan_builder *self, const cni_plan *child, const cni_order *orders,
              int32_t n_orders, const cni_plan **out_plan, cn_error *err)
{
    cni_plan node = over(CNI_PLAN_SORT, &child);
    node.n_orders = n_orders;
    node.orders = orders;
    node.estimated_rows = child->estimated_rows;
    return cni_plan_new(self, &node, out_plan, err);
}

cn_code
cni_plan_limit(cni_plan_builder *self, const cni_plan *child, int64_t limit, int64_t offset,
               const cni_plan **out_plan, cn_error *err)
{
    if (limit < CNI_NO_LIMIT || offset < 0) {
        return CN_FAIL(err, CN_INTERNAL, "LIMIT %lld OFFSET %lld", (long long)limit,
                       (long long)offset);
    }
    cni_plan node = over(CNI_PLAN_LIMIT, &child);
    node.limit = limit;
    node.offset = offset;
    return cni_plan_new(self, &node, out_plan, err);
}

cn_code
cni_plan_repeat(cni_plan_builder *self, const cni_plan *child, const cni_expr *count,
                const cni_plan **out_plan, cn_error *err)
{
    if (count->type->id != CNI_TYPE_INT64) {
        return CN_FAIL(err, CN_INTERNAL, "the count of a REPEAT is not BIGINT");
    }
    cni_plan node = over(CNI_PLAN_REPEAT, &child);
    node.n_exprs = 1;
    node.exprs = &count;
    return cni_plan_new(self, &node, out_plan, err);
}

/* ---- over many ---- */

cn_code
cni_plan_check_union(const char *what, const cni_plan *first, const cni_plan *other, cn_error *err)
{
    if (other->n_columns != first->n_columns) {
        return CN_FAIL(err, CN_INTERNAL, "%s of %d and %d columns", what, first->n_columns,
                       other->n_columns);
    }
    for (int32_t column = 0; column < first->n_columns; column++) {
        if (!cni_type_equal(first->columns[column].type, other->columns[column].type)) {
            return CN_FAIL(err, CN_INTERNAL, "%s of different types in column %d", what,
                           column + 1);
        }
    }
    return CN_OK;
}

cn_code
cni_plan_union_all(cni_plan_builder *self, const cni_plan *const *children, int32_t n_children,
                   const cni_plan **out_plan, cn_error *err)
{
    cni_column *columns = NULL;
    if (n_children < 1) {
        return CN_FAIL(err, CN_INTERNAL, "UNION ALL of nothing");
    }
    CN_TRY(cni_plan_new_columns(self, children[0]->n_columns, &columns, err));
    for (int32_t column = 0; column < children[0]->n_columns; column++) {
        columns[column] = children[0]->columns[column];
        columns[column].id = self->next_column_id++;
    }
    for (int32_t child = 1; child < n_children; child++) {
        CN_TRY(cni_plan_check_union("UNION ALL", children[0], children[child], err));
        for (int32_t column = 0; column < children[0]->n_columns; column++) {
            columns[column].nullable =
                columns[column].nullable || children[child]->columns[column].nullable;
        }
    }
    const cni_plan node = {.kind = CNI_PLAN_UNION_ALL,
                           .n_children = n_children,
                           .children = children,
                           .n_columns = children[0]->n_columns,
                           .columns = columns,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0,
                           .limit = CNI_NO_LIMIT};
    return cni_plan_new(self, &node, out_plan, err);
}
