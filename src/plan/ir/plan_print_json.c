/* SPDX-License-Identifier: Apache-2.0
 *
 * Logical plans as JSON: an object per node with "node", its own fields, "columns" and "children".
 *
 * `annotate` writes whole members, each beginning with a comma: , "rows": 12
 * Text that SQL gave (names, literals) is escaped; bytes that are no UTF-8 become U+FFFD.
 */
#include "plan/ir/plan_text_int.h"

/* ---- strings ---- */

static cn_code
append_escape(cni_strbuf *out, unsigned char byte, cn_error *err)
{
    switch (byte) {
    case '"':
        return cni_strbuf_append(out, CNI_STR("\\\""), err);
    case '\\':
        return cni_strbuf_append(out, CNI_STR("\\\\"), err);
    case '\n':
        return cni_strbuf_append(out, CNI_STR("\\n"), err);
    case '\t':
        return cni_strbuf_append(out, CNI_STR("\\t"), err);
    default:
        return byte < 0x20 ? cni_strbuf_printf(out, err, "\\u%04x", (unsigned)byte)
                           : cni_strbuf_append_char(out, (char)byte, err);
    }
}

static cn_code
append_string(cni_strbuf *out, cni_str text, cn_error *err)
{
    CN_TRY(cni_strbuf_append_char(out, '"', err));
    while (text.len_bytes > 0) {
        const int64_t bad = cni_utf8_find_invalid(text.data, text.len_bytes);
        const int64_t n_good = bad < 0 ? text.len_bytes : bad;
        for (int64_t byte = 0; byte < n_good; byte++) {
            CN_TRY(append_escape(out, (unsigned char)text.data[byte], err));
        }
        if (bad < 0) {
            break;
        }
        CN_TRY(cni_strbuf_append(out, CNI_STR("\xEF\xBF\xBD"), err));
        text = (cni_str){text.data + bad + 1, text.len_bytes - bad - 1};
    }
    return cni_strbuf_append_char(out, '"', err);
}

/* ---- members ---- */

static cn_code
append_expr(const cni_plan *plan, const cni_expr *expr, cni_strbuf *out, cn_error *err)
{
    cni_strbuf text;
    cni_strbuf_init(&text, out->allocator, out->max_bytes);
    cn_code code = cni_plan_print_expr(plan, expr, &text, err);
    if (code == CN_OK) {
        code = append_string(out, cni_strbuf_view(&text), err);
    }
    cni_strbuf_done(&text);
    return code;
}

static cn_code
member_expr(const cni_plan *plan, const char *name, const cni_expr *expr, cni_strbuf *out,
            cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, ", \"%s\": ", name));
    return append_expr(plan, expr, out, err);
}

static cn_code
member_exprs(const cni_plan *plan, const char *name, const cni_expr *const *exprs, int64_t first,
             int64_t end, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, ", \"%s\": [", name));
    for (int64_t expr = first; expr < end; expr++) {
        CN_TRY(cni_strbuf_append(out, expr == first ? CNI_STR("") : CNI_STR(", "), err));
        CN_TRY(append_expr(plan, exprs[expr], out, err));
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
member_columns(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    CN_TRY(cni_arena_new(out->allocator, "type names", &arena, err));
    CN_TRY(cni_strbuf_append(out, CNI_STR(", \"columns\": ["), err));
    for (int32_t at = 0; at < plan->n_columns; at++) {
        const cni_column *column = &plan->columns[at];
        cni_str type;
        CN_TRY(cni_type_name(arena, column->type, &type, err));
        CN_TRY(cni_strbuf_printf(out, err, "%s{\"id\": %d, \"name\": ", at == 0 ? "" : ", ",
                                 column->id));
        CN_TRY(append_string(out, column->name, err));
        CN_TRY(cni_strbuf_append(out, CNI_STR(", \"type\": "), err));
        CN_TRY(append_string(out, type, err));
        CN_TRY(cni_strbuf_append_char(out, '}', err));
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
member_orders(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append(out, CNI_STR(", \"order\": ["), err));
    for (int32_t order = 0; order < plan->n_orders; order++) {
        const cni_order *item = &plan->orders[order];
        CN_TRY(cni_strbuf_printf(out, err, "%s{\"expr\": ", order == 0 ? "" : ", "));
        CN_TRY(append_expr(plan, item->expr, out, err));
        CN_TRY(cni_strbuf_printf(out, err, ", \"descending\": %s, \"nulls_first\": %s}",
                                 item->descending ? "true" : "false",
                                 item->nulls_first ? "true" : "false"));
    }
    return cni_strbuf_append_char(out, ']', err);
}

static cn_code
member_limit(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    if (plan->limit != CNI_NO_LIMIT) {
        CN_TRY(cni_strbuf_printf(out, err, ", \"limit\": %lld", (long long)plan->limit));
    }
    if (plan->offset > 0) {
        CN_TRY(cni_strbuf_printf(out, err, ", \"offset\": %lld", (long long)plan->offset));
    }
    return CN_OK;
}

static cn_code
member_join(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(out, err, ", \"join\": \"%s\"", cni_join_kind_name(plan->join_kind)));
    if (plan->null_aware) {
        CN_TRY(cni_strbuf_append(out, CNI_STR(", \"null_aware\": true"), err));
    }
    return plan->predicate == NULL ? CN_OK
                                   : member_expr(plan, "predicate", plan->predicate, out, err);
}

static cn_code
member_cte(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    CN_TRY(cni_strbuf_append(out, CNI_STR(", \"name\": "), err));
    CN_TRY(append_string(out, plan->table_name, err));
    CN_TRY(cni_strbuf_printf(out, err, ", \"cte_id\": %d", plan->cte_id));
    return plan->distinct ? cni_strbuf_append(out, CNI_STR(", \"distinct\": true"), err) : CN_OK;
}

static cn_code
print_members(const cni_plan *plan, cni_strbuf *out, cn_error *err)
{
    switch (plan->kind) {
    case CNI_PLAN_SCAN:
        CN_TRY(cni_strbuf_append(out, CNI_STR(", \"table\": "), err));
        CN_TRY(append_string(out, plan->table_name, err));
        CN_TRY(member_exprs(plan, "filters", plan->filters, 0, plan->n_filters, out, err));
        return member_limit(plan, out, err);
    case CNI_PLAN_VALUES:
        return cni_strbuf_printf(out, err, ", \"n_rows\": %lld", (long long)plan->n_rows);
    case CNI_PLAN_FILTER:
        return member_expr(plan, "predicate", plan->predicate, out, err);
    case CNI_PLAN_PROJECT:
        return member_exprs(plan, "exprs", plan->exprs, 0, plan->n_exprs, out, err);
    case CNI_PLAN_AGGREGATE:
        CN_TRY(member_exprs(plan, "groups", plan->exprs, 0, plan->n_groups, out, err));
        return member_exprs(plan, "aggregates", plan->exprs, plan->n_groups, plan->n_exprs, out,
                            err);
    case CNI_PLAN_DISTINCT:
        CN_TRY(member_exprs(plan, "on", plan->exprs, 0, plan->n_exprs, out, err));
        return member_limit(plan, out, err);
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
        CN_TRY(member_orders(plan, out, err));
        return member_limit(plan, out, err);
    case CNI_PLAN_LIMIT:
        return member_limit(plan, out, err);
    case CNI_PLAN_JOIN:
        return member_join(plan, out, err);
    case CNI_PLAN_WITH:
    case CNI_PLAN_CTE_SCAN:
    case CNI_PLAN_RECURSIVE:
        return member_cte(plan, out, err);
    case CNI_PLAN_REPEAT:
        return member_expr(plan, "count", plan->exprs[0], out, err);
    case CNI_PLAN_WINDOW:
        CN_TRY(member_exprs(plan, "partition", plan->exprs, 0, plan->n_groups, out, err));
        CN_TRY(member_orders(plan, out, err));
        return member_exprs(plan, "functions", plan->exprs, plan->n_groups, plan->n_exprs, out,
                            err);
    default:
        return CN_OK;
    }
}

typedef struct json_printer {
    cni_plan_annotate annotate;
    const void *state;
    cni_strbuf *out;
} json_printer;

static cn_code
print_node(const json_printer *self, const cni_plan *plan, cn_error *err)
{
    CN_TRY(cni_strbuf_printf(self->out, err, "{\"node\": \"%s\"", cni_plan_kind_name(plan->kind)));
    CN_TRY(print_members(plan, self->out, err));
    CN_TRY(member_columns(plan, self->out, err));
    if (plan->estimated_rows >= 0) {
        CN_TRY(
            cni_strbuf_printf(self->out, err, ", \"estimated_rows\": %.0f", plan->estimated_rows));
    }
    if (plan->estimated_cost >= 0) {
        CN_TRY(
            cni_strbuf_printf(self->out, err, ", \"estimated_cost\": %.0f", plan->estimated_cost));
    }
    if (self->annotate != NULL) {
        CN_TRY(self->annotate(self->state, plan, self->out, err));
    }
    CN_TRY(cni_strbuf_append(self->out, CNI_STR(", \"children\": ["), err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(cni_strbuf_append(self->out, child == 0 ? CNI_STR("") : CNI_STR(", "), err));
        CN_TRY(print_node(self, plan->children[child], err));
    }
    return cni_strbuf_append(self->out, CNI_STR("]}"), err);
}

cn_code
cni_plan_print_json(const cni_plan *plan, cni_plan_annotate annotate, const void *state,
                    cni_strbuf *out, cn_error *err)
{
    const json_printer self = {annotate, state, out};
    return print_node(&self, plan, err);
}
