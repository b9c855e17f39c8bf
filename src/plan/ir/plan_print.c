/* SPDX-License-Identifier: Apache-2.0
 *
 * Logical plans as an indented tree, one node a line: EXPLAIN, messages, tests.
 *
 *   Project [sum(x) AS s]
 *     Aggregate groups=[...] aggregates=[...]
 *       Scan lineitem columns=[...] filters=[...] rows~6001215
 *
 * JSON is in plan_print_json.c.
 */
#include "plan/ir/plan_text_int.h"

static const char *const kind_names[CNI_PLAN_KIND_COUNT_] = {
    [CNI_PLAN_INVALID] = "Invalid",     [CNI_PLAN_SCAN] = "Scan",
    [CNI_PLAN_VALUES] = "Values",       [CNI_PLAN_FILTER] = "Filter",
    [CNI_PLAN_PROJECT] = "Project",     [CNI_PLAN_AGGREGATE] = "Aggregate",
    [CNI_PLAN_DISTINCT] = "Distinct",   [CNI_PLAN_SORT] = "Sort",
    [CNI_PLAN_TOPN] = "TopN",           [CNI_PLAN_LIMIT] = "Limit",
    [CNI_PLAN_UNION_ALL] = "UnionAll",  [CNI_PLAN_JOIN] = "Join",
    [CNI_PLAN_WITH] = "With",           [CNI_PLAN_CTE_SCAN] = "CteScan",
    [CNI_PLAN_RECURSIVE] = "Recursive", [CNI_PLAN_REPEAT] = "Repeat",
    [CNI_PLAN_WINDOW] = "Window",       [CNI_PLAN_UNNEST] = "Unnest",
};

#define MAX_PRINTED_ROWS 4 /* of VALUES */

const char *
cni_plan_kind_name(uint8_t kind)
{
    return kind < CNI_PLAN_KIND_COUNT_ ? kind_names[kind] : kind_names[0];
}

static const char *const join_names[CNI_JOIN_KIND_COUNT_] = {
    [CNI_JOIN_INNER] = "inner",   [CNI_JOIN_LEFT] = "left", [CNI_JOIN_FULL] = "full",
    [CNI_JOIN_SEMI] = "semi",     [CNI_JOIN_ANTI] = "anti", [CNI_JOIN_MARK] = "mark",
    [CNI_JOIN_SINGLE] = "single",
};

const char *
cni_join_kind_name(uint8_t kind)
{
    return kind < CNI_JOIN_KIND_COUNT_ ? join_names[kind] : "invalid";
}

/* ---- names of columns ---- */

static cni_str
name_among(const cni_column *columns, int32_t n_columns, int32_t column_id)
{
    for (int32_t column = 0; column < n_columns; column++) {
        if (columns[column].id == column_id && columns[column].name.len_bytes > 0) {
            return columns[column].name;
        }
    }
    return (cni_str){NULL, 0};
}

/* Whether another column of the node's inputs has the name. */
static bool
name_is_shared(const cni_plan *plan, cni_str name, int32_t column_id)
{
    for (int32_t child = 0; child < plan->n_children; child++) {
        const cni_plan *input = plan->children[child];
        for (int32_t column = 0; column < input->n_columns; column++) {
            if (input->columns[column].id != column_id &&
                cni_str_eq(input->columns[column].name, name)) {
                return true;
            }
        }
    }
    return false;
}

cni_str
cni_plan_input_name(const void *names, int32_t column_id)
{
    const cni_plan_names *self = names;
    const cni_plan *plan = self->plan;
    cni_str name = name_among(plan->filter_columns, plan->n_filter_columns, column_id);
    for (int32_t child = 0; name.data == NULL && child < plan->n_children; child++) {
        const cni_plan *input = plan->children[child];
        name = name_among(input->columns, input->n_columns, column_id);
    }
    if (name.data == NULL || !name_is_shared(plan, name, column_id)) {
        return name;
    }
    const int n_bytes =
        snprintf(self->text, CNI_PLAN_NAME_BYTES, "%.*s#%d", CNI_STR_ARGS(name), column_id);
    return n_bytes > 0 && n_bytes < CNI_PLAN_NAME_BYTES ? (cni_str){self->text, n_bytes}
                                                        : (cni_str){NULL, 0};
}

cn_code
cni_plan_print_expr(const cni_plan *plan, const cni_expr *expr, cni_strbuf *out, cn_error *err)
{
    char text[CNI_PLAN_NAME_BYTES];
    const cni_plan_names names = {plan, text};
    return cni_expr_print(expr, cni_plan_input_name, &names, out, err);
}

/* ---- nodes ---- */

static cn_code
print_exprs(const cni_plan *plan, const char *label, const cni_expr *const *exprs, int64_t first,
            int64_t end, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, " %s[", label));
    for (int64_t expr = first; expr < end; expr++) {
        CN_TRY(cni_strbuf_append(out, expr == first ? CNI_STR("") : CNI_STR(", "), err));
        CN_TRY(cni_plan_print_expr(plan, exprs[expr], out, err));
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
print_columns(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append(out, CNI_STR(" columns=["), err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        CN_TRY(cni_strbuf_append(out, column == 0 ? CNI_STR("") : CNI_STR(", "), err));
        CN_TRY(cni_strbuf_append(out, plan->columns[column].name, err));
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
print_limit(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    if (plan->limit != CNI_NO_LIMIT) {
        CN_TRY(cni_strbuf_printf(out, err, " limit=%lld", (long long)plan->limit));
    }
    if (plan->offset > 0) {
        CN_TRY(cni_strbuf_printf(out, err, " offset=%lld", (long long)plan->offset));
    }
    return CN_OK;
}

static cn_code
print_scan(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, " %.*s", CNI_STR_ARGS(plan->table_name)));
    CN_TRY(print_columns(plan, out, err));
    if (plan->n_filters > 0) {
        CN_TRY(print_exprs(plan, "filters=", plan->filters, 0, plan->n_filters, out, err));
    }
    return print_limit(plan, out, err);
}

static cn_code
print_project(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append(out, CNI_STR(" ["), err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_str name = plan->columns[column].name;
        CN_TRY(cni_strbuf_append(out, column == 0 ? CNI_STR("") : CNI_STR(", "), err));
        const int64_t start = out->len_bytes;
        CN_TRY(cni_plan_print_expr(plan, plan->exprs[column], out, err));
        const cni_str shown = {out->data + start, out->len_bytes - start};
        if (name.len_bytes > 0 && !cni_str_eq(shown, name)) {
            CN_TRY(cni_strbuf_printf(out, err, " AS %.*s", CNI_STR_ARGS(name)));
        }
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
print_order_list(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, '[', err));
    for (int32_t order = 0; order < plan->n_orders; order++) {
        const cni_order *item = &plan->orders[order];
        CN_TRY(cni_strbuf_append(out, order == 0 ? CNI_STR("") : CNI_STR(", "), err));
        CN_TRY(cni_plan_print_expr(plan, item->expr, out, err));
        CN_TRY(cni_strbuf_printf(out, err, "%s%s", item->descending ? " DESC" : "",
                                 item->nulls_first == item->descending ? ""
                                 : item->nulls_first                   ? " NULLS FIRST"
                                                                       : " NULLS LAST"));
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
print_orders(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, ' ', err));
    CN_TRY(print_order_list(plan, out, err));
    return print_limit(plan, out, err);
}

static cn_code
print_window(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    if (plan->n_groups > 0) {
        CN_TRY(print_exprs(plan, "partition=", plan->exprs, 0, plan->n_groups, out, err));
    }
    if (plan->n_orders > 0) {
        CN_TRY(cni_strbuf_append(out, CNI_STR(" order="), err));
        CN_TRY(print_order_list(plan, out, err));
    }
    return print_exprs(plan, "functions=", plan->exprs, plan->n_groups, plan->n_exprs, out, err);
}

static cn_code
print_values(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    const int64_t shown = cni_min_i64(plan->n_rows, MAX_PRINTED_ROWS);
    for (int64_t row = 0; row < shown; row++) {
        CN_TRY(print_exprs(plan, "", plan->exprs, row * plan->n_columns,
                           (row + 1) * plan->n_columns, out, err));
    }
    return shown == plan->n_rows
               ? CN_OK
               : cni_strbuf_printf(out, err, " ... %lld rows", (long long)plan->n_rows);
}

static cn_code
print_join(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    const bool cross = plan->join_kind == CNI_JOIN_INNER && plan->predicate == NULL;
    CN_TRY(cni_strbuf_printf(out, err, " %s%s",
                             cross ? "cross" : cni_join_kind_name(plan->join_kind),
                             plan->null_aware ? " null_aware" : ""));
    if (plan->predicate == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_strbuf_append(out, CNI_STR(" predicate="), err));
    return cni_plan_print_expr(plan, plan->predicate, out, err);
}

static cn_code
print_cte(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, " %.*s%s", CNI_STR_ARGS(plan->table_name),
                             plan->distinct ? " distinct" : ""));
    return plan->kind == CNI_PLAN_CTE_SCAN ? print_columns(plan, out, err) : CN_OK;
}

static cn_code
print_distinct(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    if (plan->n_exprs == 0) {
        return CN_OK;
    }
    CN_TRY(print_exprs(plan, "on=", plan->exprs, 0, plan->n_exprs, out, err));
    return print_limit(plan, out, err);
}

static cn_code
print_body(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    switch (plan->kind) {
    case CNI_PLAN_SCAN:
        return print_scan(plan, out, err);
    case CNI_PLAN_VALUES:
        return print_values(plan, out, err);
    case CNI_PLAN_FILTER:
        CN_TRY(cni_strbuf_append_char(out, ' ', err));
        return cni_plan_print_expr(plan, plan->predicate, out, err);
    case CNI_PLAN_PROJECT:
        return print_project(plan, out, err);
    case CNI_PLAN_AGGREGATE:
        CN_TRY(print_exprs(plan, "groups=", plan->exprs, 0, plan->n_groups, out, err));
        return print_exprs(plan, "aggregates=", plan->exprs, plan->n_groups, plan->n_exprs, out,
                           err);
    case CNI_PLAN_DISTINCT:
        return print_distinct(plan, out, err);
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
        return print_orders(plan, out, err);
    case CNI_PLAN_LIMIT:
        return print_limit(plan, out, err);
    case CNI_PLAN_JOIN:
        return print_join(plan, out, err);
    case CNI_PLAN_WITH:
    case CNI_PLAN_CTE_SCAN:
    case CNI_PLAN_RECURSIVE:
        return print_cte(plan, out, err);
    case CNI_PLAN_REPEAT:
        CN_TRY(cni_strbuf_append(out, CNI_STR(" count="), err));
        return cni_plan_print_expr(plan, plan->exprs[0], out, err);
    case CNI_PLAN_WINDOW:
        return print_window(plan, out, err);
    default:
        return CN_OK;
    }
}

typedef struct tree_printer {
    cni_plan_annotate annotate;
    const void *state;
    cni_strbuf *out;
} tree_printer;

static cn_code
print_tree(const tree_printer *self, const cni_plan *plan, int32_t level, cn_error *err)
{
    for (int32_t indent = 0; indent < level; indent++) {
        CN_TRY(cni_strbuf_append(self->out, CNI_STR("  "), err));
    }
    CN_TRY(cni_strbuf_append(self->out, cni_str_of(cni_plan_kind_name(plan->kind)), err));
    CN_TRY(print_body(plan, self->out, err));
    if (plan->estimated_rows >= 0 && plan->kind != CNI_PLAN_VALUES) {
        CN_TRY(cni_strbuf_printf(self->out, err, " rows~%.0f", plan->estimated_rows));
    }
    if (plan->estimated_cost >= 0 && plan->n_children > 0) {
        CN_TRY(cni_strbuf_printf(self->out, err, " cost~%.0f", plan->estimated_cost));
    }
    if (self->annotate != NULL) {
        CN_TRY(self->annotate(self->state, plan, self->out, err));
    }
    CN_TRY(cni_strbuf_append_char(self->out, '\n', err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(print_tree(self, plan->children[child], level + 1, err));
    }
    return CN_OK;
}

cn_code
cni_plan_print(const cni_plan *plan, cni_plan_annotate annotate, const void *state, cni_strbuf *out,
               cn_error *err)
{
    const tree_printer self = {annotate, state, out};
    return print_tree(&self, plan, 0, err);
}
