/* SPDX-License-Identifier: Apache-2.0
 *
 * The wordy operands as text: literals, intervals, types, calls with all their clauses, windows,
 * lambdas, stars.
 */
#include "sql/parse/ast_print_int.h"

/* --------------------------------------------------------------------------------- literals */

static cn_code
put_hex(const sql_printer *self, cni_str bytes)
{
    CN_TRY(cni_sql_put(self, self->as_name ? "X'" : "x'"));
    for (int64_t at = 0; at < bytes.len_bytes; at++) {
        CN_TRY(cni_strbuf_printf(self->out, self->err, "%02X",
                                 (unsigned)(unsigned char)bytes.data[at]));
    }
    return cni_sql_put(self, "'");
}

cn_code
cni_sql_put_literal(const sql_printer *self, const cni_sql_expr *expr)
{
    switch (expr->literal_kind) {
    case CNI_SQL_LITERAL_NULL:
        return cni_sql_put(self, "NULL");
    case CNI_SQL_LITERAL_TRUE:
        return cni_sql_put(self, "true");
    case CNI_SQL_LITERAL_FALSE:
        return cni_sql_put(self, "false");
    case CNI_SQL_LITERAL_STRING:
        return cni_sql_put_quoted(self, expr->text, '\'');
    case CNI_SQL_LITERAL_BLOB:
        return put_hex(self, expr->text);
    case CNI_SQL_LITERAL_BITS:
        CN_TRY(cni_sql_put(self, "b"));
        return cni_sql_put_quoted(self, expr->text, '\'');
    default:
        return cni_sql_put_str(self, expr->text);
    }
}

cn_code
cni_sql_put_typed_literal(const sql_printer *self, const cni_sql_expr *expr)
{
    if (self->as_name) {
        CN_TRY(cni_sql_put(self, "CAST("));
        CN_TRY(cni_sql_put_quoted(self, expr->text, '\''));
        CN_TRY(cni_sql_put(self, " AS "));
        CN_TRY(cni_sql_put_type(self, expr->type));
        return cni_sql_put(self, ")");
    }
    CN_TRY(cni_sql_put_type(self, expr->type));
    CN_TRY(cni_sql_put(self, " "));
    return cni_sql_put_quoted(self, expr->text, '\'');
}

static const char *
unit_text(uint8_t unit)
{
    static const char *const names[] = {
        [CNI_SQL_INTERVAL_NONE] = "",
        [CNI_SQL_INTERVAL_YEAR] = "YEAR",
        [CNI_SQL_INTERVAL_MONTH] = "MONTH",
        [CNI_SQL_INTERVAL_DAY] = "DAY",
        [CNI_SQL_INTERVAL_HOUR] = "HOUR",
        [CNI_SQL_INTERVAL_MINUTE] = "MINUTE",
        [CNI_SQL_INTERVAL_SECOND] = "SECOND",
        [CNI_SQL_INTERVAL_MILLISECOND] = "MILLISECOND",
        [CNI_SQL_INTERVAL_MICROSECOND] = "MICROSECOND",
        [CNI_SQL_INTERVAL_NANOSECOND] = "NANOSECOND",
        [CNI_SQL_INTERVAL_WEEK] = "WEEK",
        [CNI_SQL_INTERVAL_QUARTER] = "QUARTER",
        [CNI_SQL_INTERVAL_DECADE] = "DECADE",
        [CNI_SQL_INTERVAL_CENTURY] = "CENTURY",
        [CNI_SQL_INTERVAL_MILLENNIUM] = "MILLENNIUM",
    };
    return unit < CN_ARRAY_LEN(names) ? names[unit] : "";
}

static cn_code
put_units(const sql_printer *self, uint8_t from, uint8_t to)
{
    if (from == CNI_SQL_INTERVAL_NONE) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " "));
    CN_TRY(cni_sql_put(self, unit_text(from)));
    if (to == CNI_SQL_INTERVAL_NONE) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " TO "));
    return cni_sql_put(self, unit_text(to));
}

/* Amounts that need no parentheses: 'text', 3, -3, $1. */
static bool
is_plain_amount(const cni_sql_expr *amount)
{
    if (amount->kind == CNI_SQL_EXPR_UNARY) {
        return amount->op == CNI_SQL_OP_MINUS && amount->args[0]->kind == CNI_SQL_EXPR_LITERAL &&
               (amount->args[0]->literal_kind == CNI_SQL_LITERAL_INTEGER ||
                amount->args[0]->literal_kind == CNI_SQL_LITERAL_DECIMAL);
    }
    return amount->kind == CNI_SQL_EXPR_PARAMETER ||
           (amount->kind == CNI_SQL_EXPR_LITERAL &&
            amount->literal_kind >= CNI_SQL_LITERAL_INTEGER &&
            amount->literal_kind <= CNI_SQL_LITERAL_STRING);
}

cn_code
cni_sql_put_interval(const sql_printer *self, const cni_sql_expr *expr)
{
    const bool plain = is_plain_amount(expr->args[0]);
    const bool leading = expr->number >= 0 && expr->unit_from == CNI_SQL_INTERVAL_NONE;
    CN_TRY(cni_sql_put(self, "INTERVAL"));
    if (leading) {
        CN_TRY(cni_strbuf_printf(self->out, self->err, "(%d)", (int)expr->number));
    }
    CN_TRY(cni_sql_put(self, plain ? " " : " ("));
    CN_TRY(cni_sql_put_expr(self, expr->args[0], PRINT_LEVEL_ANY));
    CN_TRY(cni_sql_put_if(self, !plain, ")"));
    CN_TRY(put_units(self, expr->unit_from, expr->unit_to));
    return expr->number >= 0 && !leading
               ? cni_strbuf_printf(self->out, self->err, "(%d)", (int)expr->number)
               : CN_OK;
}

/* ------------------------------------------------------------------------------------ types */

typedef struct type_alias {
    const char *spelled;
    const char *shown;
} type_alias;

/* What names of types become in the names of columns, besides capitals. */
static const type_alias type_aliases[] = {
    {"int", "INTEGER"},
    {"int4", "INTEGER"},
    {"signed", "INTEGER"},
    {"int2", "SMALLINT"},
    {"short", "SMALLINT"},
    {"int8", "BIGINT"},
    {"long", "BIGINT"},
    {"int1", "TINYINT"},
    {"bool", "BOOLEAN"},
    {"logical", "BOOLEAN"},
    {"text", "VARCHAR"},
    {"string", "VARCHAR"},
    {"char", "VARCHAR"},
    {"bpchar", "VARCHAR"},
    {"float8", "DOUBLE"},
    {"float4", "FLOAT"},
    {"real", "FLOAT"},
    {"numeric", "DECIMAL"},
    {"dec", "DECIMAL"},
    {"bytea", "BLOB"},
    {"binary", "BLOB"},
    {"varbinary", "BLOB"},
    {"timestamptz", "TIMESTAMP WITH TIME ZONE"},
    {"timetz", "TIME WITH TIME ZONE"},
    {"datetime", "TIMESTAMP"},
};

static cn_code
put_upper(const sql_printer *self, cni_str text)
{
    for (int64_t at = 0; at < text.len_bytes; at++) {
        const char byte = text.data[at];
        const bool lower = byte >= 'a' && byte <= 'z';
        CN_TRY(cni_strbuf_append_char(self->out, lower ? (char)(byte - ('a' - 'A')) : byte,
                                      self->err));
    }
    return CN_OK;
}

static cn_code
put_type_name(const sql_printer *self, const cni_sql_name *name)
{
    if (!self->as_name || name->n_parts != 1) {
        return cni_sql_put_name(self, name);
    }
    for (int64_t row = 0; row < CN_ARRAY_LEN(type_aliases); row++) {
        if (cni_str_eq_nocase(name->parts[0].text, cni_str_of(type_aliases[row].spelled))) {
            return cni_sql_put(self, type_aliases[row].shown);
        }
    }
    return put_upper(self, name->parts[0].text);
}

static cn_code
put_modifiers(const sql_printer *self, const cni_sql_type *type)
{
    if (type->modifiers.n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, "("));
    CN_TRY(cni_sql_put_exprs(self, &type->modifiers));
    return cni_sql_put(self, ")");
}

/* timestamptz(3) is spelled out: only so can it be a typed literal. */
static cn_code
put_named_type(const sql_printer *self, const cni_sql_type *type)
{
    const bool zoned = !self->as_name && type->modifiers.n_items > 0 && type->name.n_parts == 1 &&
                       !type->name.parts[0].quoted &&
                       (cni_str_eq_nocase(type->name.parts[0].text, CNI_STR("timestamptz")) ||
                        cni_str_eq_nocase(type->name.parts[0].text, CNI_STR("timetz")));
    if (zoned) {
        const cni_str name = type->name.parts[0].text;
        CN_TRY(cni_sql_put_str(self, (cni_str){name.data, name.len_bytes - 2}));
        CN_TRY(put_modifiers(self, type));
        return cni_sql_put(self, " WITH TIME ZONE");
    }
    CN_TRY(put_type_name(self, &type->name));
    CN_TRY(put_modifiers(self, type));
    return put_units(self, type->interval_from, type->interval_to);
}

static cn_code
put_fields(const sql_printer *self, const char *word, const cni_sql_type *type)
{
    CN_TRY(cni_sql_put(self, word));
    for (int32_t child = 0; child < type->n_children; child++) {
        CN_TRY(cni_sql_put_comma(self, child));
        if (type->field_names != NULL) {
            CN_TRY(cni_sql_put_ident(self, &type->field_names[child]));
            CN_TRY(cni_sql_put(self, " "));
        }
        CN_TRY(cni_sql_put_type(self, type->children[child]));
    }
    return cni_sql_put(self, ")");
}

cn_code
cni_sql_put_type(const sql_printer *self, const cni_sql_type *type)
{
    switch (type->kind) {
    case CNI_SQL_TYPE_LIST:
        CN_TRY(cni_sql_put_type(self, type->children[0]));
        return cni_sql_put(self, "[]");
    case CNI_SQL_TYPE_ARRAY:
        CN_TRY(cni_sql_put_type(self, type->children[0]));
        return cni_strbuf_printf(self->out, self->err, "[%lld]", (long long)type->array_size);
    case CNI_SQL_TYPE_STRUCT:
        return put_fields(self, "STRUCT(", type);
    case CNI_SQL_TYPE_MAP:
        return put_fields(self, "MAP(", type);
    case CNI_SQL_TYPE_UNION:
        return put_fields(self, "UNION(", type);
    case CNI_SQL_TYPE_ENUM:
        CN_TRY(cni_sql_put(self, "ENUM"));
        return put_modifiers(self, type);
    default:
        return put_named_type(self, type);
    }
}

/* ---------------------------------------------------------------------------------- windows */

cn_code
cni_sql_put_orders(const sql_printer *self, const cni_sql_order_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        const cni_sql_order *order = &list->items[item];
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(order->expr == NULL ? cni_sql_put(self, "ALL")
                                   : cni_sql_put_expr(self, order->expr, PRINT_LEVEL_ANY));
        CN_TRY(cni_sql_put_if(self, order->direction == CNI_SQL_ORDER_ASC, " ASC"));
        CN_TRY(cni_sql_put_if(self, order->direction == CNI_SQL_ORDER_DESC, " DESC"));
        CN_TRY(cni_sql_put_if(self, order->nulls == CNI_SQL_NULLS_FIRST, " NULLS FIRST"));
        CN_TRY(cni_sql_put_if(self, order->nulls == CNI_SQL_NULLS_LAST, " NULLS LAST"));
    }
    return CN_OK;
}

static cn_code
put_bound(const sql_printer *self, uint8_t bound, const cni_sql_expr *offset)
{
    static const char *const texts[] = {"UNBOUNDED PRECEDING", " PRECEDING", "CURRENT ROW",
                                        " FOLLOWING", "UNBOUNDED FOLLOWING"};
    if (offset != NULL) {
        CN_TRY(cni_sql_put_expr(self, offset, PRINT_LEVEL_NOT));
    }
    return cni_sql_put(self, texts[bound]);
}

/* `space` stands before the frame when something precedes it. */
static cn_code
put_frame(const sql_printer *self, const cni_sql_window *window, const char *space)
{
    static const char *const units[] = {"", "ROWS", "RANGE", "GROUPS"};
    static const char *const excludes[] = {"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP",
                                           " EXCLUDE TIES"};
    if (window->frame_unit == CNI_SQL_FRAME_NONE) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, space));
    CN_TRY(cni_sql_put(self, units[window->frame_unit]));
    CN_TRY(cni_sql_put(self, " BETWEEN "));
    CN_TRY(put_bound(self, window->frame_start, window->start_offset));
    CN_TRY(cni_sql_put(self, " AND "));
    CN_TRY(put_bound(self, window->frame_end, window->end_offset));
    return cni_sql_put(self, excludes[window->frame_exclude]);
}

cn_code
cni_sql_put_window(const sql_printer *self, const cni_sql_window *window)
{
    const char *space = "";
    if (window->bare) {
        return cni_sql_put_ident(self, &window->base);
    }
    CN_TRY(cni_sql_put(self, "("));
    if (window->base.text.data != NULL) {
        CN_TRY(cni_sql_put_ident(self, &window->base));
        space = " ";
    }
    if (window->partitions.n_items > 0) {
        CN_TRY(cni_sql_put(self, space));
        CN_TRY(cni_sql_put(self, "PARTITION BY "));
        CN_TRY(cni_sql_put_exprs(self, &window->partitions));
        space = " ";
    }
    if (window->orders.n_items > 0) {
        CN_TRY(cni_sql_put(self, space));
        CN_TRY(cni_sql_put(self, "ORDER BY "));
        CN_TRY(cni_sql_put_orders(self, &window->orders));
        space = " ";
    }
    CN_TRY(put_frame(self, window, space));
    return cni_sql_put(self, ")");
}

/* ------------------------------------------------------------------------------------ calls */

static cn_code
put_lower(const sql_printer *self, cni_str text)
{
    for (int64_t at = 0; at < text.len_bytes; at++) {
        const char byte = text.data[at];
        const bool upper = byte >= 'A' && byte <= 'Z';
        CN_TRY(cni_strbuf_append_char(self->out, upper ? (char)(byte + ('a' - 'A')) : byte,
                                      self->err));
    }
    return CN_OK;
}

static cn_code
put_function_name(const sql_printer *self, const cni_sql_name *name)
{
    if (!self->as_name) {
        return cni_sql_put_name(self, name);
    }
    for (int32_t part = 0; part < name->n_parts; part++) {
        CN_TRY(cni_sql_put_if(self, part > 0, "."));
        CN_TRY(put_lower(self, name->parts[part].text));
    }
    return CN_OK;
}

/* An operator -> that would be read as a lambda: its left side is a name or a row of names. */
static bool
looks_like_lambda(const cni_sql_expr *expr)
{
    if (expr->kind != CNI_SQL_EXPR_BINARY || expr->ops[0].code != CNI_SQL_OP_ARROW) {
        return false;
    }
    return expr->args[0]->kind == CNI_SQL_EXPR_COLUMN || expr->args[0]->kind == CNI_SQL_EXPR_ROW;
}

/* Where a lambda may stand. */
static cn_code
put_guarded(const sql_printer *self, const cni_sql_expr *expr)
{
    const bool guard = !self->as_name && looks_like_lambda(expr);
    CN_TRY(cni_sql_put_if(self, guard, "("));
    CN_TRY(cni_sql_put_expr(self, expr, PRINT_LEVEL_ANY));
    return cni_sql_put_if(self, guard, ")");
}

static cn_code
put_argument(const sql_printer *self, const cni_sql_expr *expr, int32_t arg)
{
    const cni_sql_ident *name = expr->arg_names == NULL ? NULL : &expr->arg_names[arg];
    const bool last = arg + 1 == expr->n_args;
    CN_TRY(cni_sql_put_if(self, expr->call->variadic && last, "VARIADIC "));
    if (name != NULL && name->text.data != NULL) {
        CN_TRY(cni_sql_put_ident(self, name));
        CN_TRY(cni_sql_put(self, self->as_name ? " := " : " => "));
    }
    return put_guarded(self, expr->args[arg]);
}

/* Between the parentheses. */
static cn_code
put_arguments(const sql_printer *self, const cni_sql_expr *expr)
{
    const cni_sql_call *call = expr->call;
    const int32_t first = call->method ? 1 : 0;
    CN_TRY(cni_sql_put_if(self, call->star, "*"));
    CN_TRY(cni_sql_put_if(self, call->distinct, "DISTINCT "));
    for (int32_t arg = first; arg < expr->n_args; arg++) {
        CN_TRY(cni_sql_put_comma(self, arg - first));
        CN_TRY(put_argument(self, expr, arg));
    }
    if (call->orders.n_items > 0) {
        CN_TRY(cni_sql_put(self, " ORDER BY "));
        CN_TRY(cni_sql_put_orders(self, &call->orders));
    }
    return CN_OK;
}

/* Behind the parentheses. */
static cn_code
put_call_clauses(const sql_printer *self, const cni_sql_call *call)
{
    if (call->within.n_items > 0) {
        CN_TRY(cni_sql_put(self, " WITHIN GROUP (ORDER BY "));
        CN_TRY(cni_sql_put_orders(self, &call->within));
        CN_TRY(cni_sql_put(self, ")"));
    }
    if (call->filter != NULL) {
        CN_TRY(cni_sql_put(self, " FILTER (WHERE "));
        CN_TRY(cni_sql_put_expr(self, call->filter, PRINT_LEVEL_ANY));
        CN_TRY(cni_sql_put(self, ")"));
    }
    CN_TRY(cni_sql_put_if(self, call->null_treatment == CNI_SQL_IGNORE_NULLS, " IGNORE NULLS"));
    CN_TRY(cni_sql_put_if(self, call->null_treatment == CNI_SQL_RESPECT_NULLS, " RESPECT NULLS"));
    if (call->over == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " OVER "));
    return cni_sql_put_window(self, call->over);
}

/* (x).name( */
static cn_code
put_method_object(const sql_printer *self, const cni_sql_expr *object)
{
    CN_TRY(cni_sql_put(self, "("));
    CN_TRY(cni_sql_put_expr(self, object, PRINT_LEVEL_ANY));
    return cni_sql_put(self, ").");
}

cn_code
cni_sql_put_call(const sql_printer *self, const cni_sql_expr *expr)
{
    const cni_sql_call *call = expr->call;
    const cni_sql_ident *last = &expr->name->parts[expr->name->n_parts - 1];
    if (self->as_name && call->star && cni_str_eq_nocase(last->text, CNI_STR("count"))) {
        CN_TRY(cni_sql_put(self, "count_star()"));
        return put_call_clauses(self, call);
    }
    if (call->method) {
        CN_TRY(put_method_object(self, expr->args[0]));
    }
    CN_TRY(put_function_name(self, expr->name));
    if (call->bare) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, "("));
    CN_TRY(put_arguments(self, expr));
    CN_TRY(cni_sql_put(self, ")"));
    return put_call_clauses(self, call);
}

cn_code
cni_sql_put_lambda(const sql_printer *self, const cni_sql_expr *expr)
{
    const bool word = expr->keyword_form || self->as_name;
    const bool paren = !word && expr->number > 1;
    CN_TRY(cni_sql_put_if(self, word, self->as_name ? "lambda " : "LAMBDA "));
    CN_TRY(cni_sql_put_if(self, paren, "("));
    for (int32_t param = 0; param < expr->number; param++) {
        CN_TRY(cni_sql_put_comma(self, param));
        CN_TRY(cni_sql_put_ident(self, &expr->arg_names[param]));
    }
    CN_TRY(cni_sql_put_if(self, paren, ")"));
    CN_TRY(cni_sql_put(self, word ? ": " : " -> "));
    return put_guarded(self, expr->args[0]);
}

/* ------------------------------------------------------------------------------------ stars */

typedef cn_code (*put_item)(const sql_printer *self, const cni_sql_star_item *item);

static cn_code
put_exclude_item(const sql_printer *self, const cni_sql_star_item *item)
{
    return cni_sql_put_name(self, &item->column);
}

static cn_code
put_replace_item(const sql_printer *self, const cni_sql_star_item *item)
{
    CN_TRY(cni_sql_put_expr(self, item->expr, PRINT_LEVEL_ANY));
    CN_TRY(cni_sql_put(self, " AS "));
    return cni_sql_put_name(self, &item->column);
}

static cn_code
put_rename_item(const sql_printer *self, const cni_sql_star_item *item)
{
    CN_TRY(cni_sql_put_name(self, &item->column));
    CN_TRY(cni_sql_put(self, " AS "));
    return cni_sql_put_ident(self, &item->new_name);
}

static cn_code
put_star_items(const sql_printer *self, const char *word, const cni_sql_star_item *items,
               int32_t n_items, put_item put)
{
    if (n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, word));
    for (int32_t item = 0; item < n_items; item++) {
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(put(self, &items[item]));
    }
    return cni_sql_put(self, ")");
}

static cn_code
put_star_like(const sql_printer *self, const cni_sql_star *star)
{
    if (star->like_op == CNI_SQL_OP_NONE) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put_if(self, star->like_negated, " NOT"));
    CN_TRY(cni_sql_put(self, star->like_op == CNI_SQL_OP_LIKE      ? " LIKE "
                             : star->like_op == CNI_SQL_OP_ILIKE   ? " ILIKE "
                             : star->like_op == CNI_SQL_OP_SIMILAR ? " SIMILAR TO "
                                                                   : " GLOB "));
    return cni_sql_put_expr(self, star->like_pattern, PRINT_LEVEL_OPERAND);
}

cn_code
cni_sql_put_star(const sql_printer *self, const cni_sql_expr *expr)
{
    const cni_sql_star *star = expr->star;
    if (star->has_name) {
        CN_TRY(cni_sql_put_name(self, &star->name));
        CN_TRY(cni_sql_put(self, "."));
    }
    CN_TRY(cni_sql_put(self, "*"));
    CN_TRY(put_star_items(self, " EXCLUDE (", star->exclude, star->n_exclude, put_exclude_item));
    CN_TRY(put_star_items(self, " REPLACE (", star->replace, star->n_replace, put_replace_item));
    CN_TRY(put_star_items(self, " RENAME (", star->rename, star->n_rename, put_rename_item));
    return put_star_like(self, star);
}

cn_code
cni_sql_put_columns(const sql_printer *self, const cni_sql_expr *expr)
{
    CN_TRY(cni_sql_put(self, expr->star->unpack ? "*COLUMNS(" : "COLUMNS("));
    CN_TRY(put_guarded(self, expr->args[0]));
    return cni_sql_put(self, ")");
}
