/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions as SQL-like text for EXPLAIN and messages.
 *
 * Operators print infix with parentheses only where the nesting needs them; the text is for people:
 * it names casts, and shows columns by the caller's names or as #id.
 */
#include "plan/function/function.h"
#include "plan/ir/expr.h"
#include "plan/ir/plan.h"

typedef struct printer {
    cni_column_namer namer;
    const void *state;
    cni_strbuf *out;
} printer;

/* How tightly a node binds; a looser one inside a tighter one takes parentheses. */
enum binding {
    BIND_OR = 1,
    BIND_AND,
    BIND_NOT,
    BIND_COMPARE,
    BIND_OTHER_OPERATOR,
    BIND_ADD,
    BIND_MULTIPLY,
    BIND_POWER,
    BIND_UNARY,
    BIND_ATOM
};

typedef struct infix {
    const char *name;
    int binding;
} infix;

static const infix infix_operators[] = {
    {"+", BIND_ADD},
    {"-", BIND_ADD},
    {"*", BIND_MULTIPLY},
    {"/", BIND_MULTIPLY},
    {"//", BIND_MULTIPLY},
    {"%", BIND_MULTIPLY},
    {"^", BIND_POWER},
    {"**", BIND_POWER},
    {"||", BIND_OTHER_OPERATOR},
    {"&", BIND_OTHER_OPERATOR},
    {"|", BIND_OTHER_OPERATOR},
    {"<<", BIND_OTHER_OPERATOR},
    {">>", BIND_OTHER_OPERATOR},
    {"~~", BIND_COMPARE},
    {"!~~", BIND_COMPARE},
    {"~~*", BIND_COMPARE},
    {"!~~*", BIND_COMPARE},
};

static const char *const compare_names[CNI_COMPARE_COUNT_] = {"=", "<>", "<", "<=", ">", ">="};

static const infix *
find_infix(const cni_expr *expr)
{
    if (expr->kind != CNI_EXPR_CALL || expr->n_args < 2) {
        return NULL;
    }
    for (int64_t op = 0; op < CN_ARRAY_LEN(infix_operators); op++) {
        if (cni_str_eq(expr->function->name, cni_str_of(infix_operators[op].name))) {
            return &infix_operators[op];
        }
    }
    return NULL;
}

static int
binding_of(const cni_expr *expr)
{
    const infix *op = find_infix(expr);
    switch (expr->kind) {
    case CNI_EXPR_OR:
        return BIND_OR;
    case CNI_EXPR_AND:
        return BIND_AND;
    case CNI_EXPR_NOT:
        return BIND_NOT;
    case CNI_EXPR_COMPARE:
    case CNI_EXPR_DISTINCT:
    case CNI_EXPR_IS_NULL:
    case CNI_EXPR_IN:
        return BIND_COMPARE;
    default:
        return op == NULL ? BIND_ATOM : op->binding;
    }
}

static cn_code print_node(const printer *self, const cni_expr *expr, cn_error *err);

static cn_code
text(const printer *self, const char *words, cn_error *err)
{
    return cni_strbuf_append(self->out, cni_str_of(words), err);
}

/* `expr` with parentheses unless it binds tighter than `outer`. */
static cn_code
print_inside(const printer *self, const cni_expr *expr, int outer, cn_error *err)
{
    if (binding_of(expr) > outer) {
        return print_node(self, expr, err);
    }
    CN_TRY(text(self, "(", err));
    CN_TRY(print_node(self, expr, err));
    return text(self, ")", err);
}

static cn_code
print_chain(const printer *self, const cni_expr *expr, const char *between, int binding,
            cn_error *err)
{
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        if (arg > 0) {
            CN_TRY(text(self, between, err));
        }
        /* the first may be of the same level: a - b - c */
        CN_TRY(print_inside(self, expr->args[arg], arg == 0 ? binding - 1 : binding, err));
    }
    return CN_OK;
}

static cn_code
print_list(const printer *self, const cni_expr *const *exprs, int32_t n_exprs, cn_error *err)
{
    for (int32_t item = 0; item < n_exprs; item++) {
        if (item > 0) {
            CN_TRY(text(self, ", ", err));
        }
        CN_TRY(print_node(self, exprs[item], err));
    }
    return CN_OK;
}

static cn_code
print_orders(const printer *self, const cni_call_clauses *call, cn_error *err)
{
    for (int32_t order = 0; order < call->n_orders; order++) {
        const cni_order *item = &call->orders[order];
        CN_TRY(text(self, order == 0 ? "ORDER BY " : ", ", err));
        CN_TRY(print_node(self, item->expr, err));
        CN_TRY(text(self, item->descending ? " DESC" : "", err));
        if (item->nulls_first != item->descending) {
            CN_TRY(text(self, item->nulls_first ? " NULLS FIRST" : " NULLS LAST", err));
        }
    }
    return CN_OK;
}

/* The clauses behind the arguments' parenthesis. */
static cn_code
print_after_call(const printer *self, const cni_expr *expr, cn_error *err)
{
    const cni_call_clauses *call = expr->call;
    if (call->filter != NULL) {
        CN_TRY(text(self, " FILTER (WHERE ", err));
        CN_TRY(print_node(self, call->filter, err));
        CN_TRY(text(self, ")", err));
    }
    if (expr->kind == CNI_EXPR_WINDOW) {
        CN_TRY(text(self, " OVER (", err));
        if (call->n_partitions > 0) {
            CN_TRY(text(self, "PARTITION BY ", err));
            CN_TRY(print_list(self, call->partitions, call->n_partitions, err));
            CN_TRY(text(self, call->n_orders > 0 ? " " : "", err));
        }
        CN_TRY(print_orders(self, call, err));
        CN_TRY(text(self, ")", err));
    }
    return CN_OK;
}

static cn_code
print_call(const printer *self, const cni_expr *expr, cn_error *err)
{
    const infix *op = find_infix(expr);
    const cni_call_clauses *call = expr->call;
    if (op != NULL) {
        char between[8] = " ";
        memcpy(between + 1, op->name, strlen(op->name) + 1);
        memcpy(between + 1 + strlen(op->name), " ", 2);
        return print_chain(self, expr, between, op->binding, err);
    }
    CN_TRY(cni_strbuf_append(self->out, expr->function->name, err));
    CN_TRY(text(self, call != NULL && call->distinct ? "(DISTINCT " : "(", err));
    CN_TRY(print_list(self, expr->args, expr->n_args, err));
    if (call != NULL && expr->kind == CNI_EXPR_AGGREGATE && call->n_orders > 0) {
        CN_TRY(text(self, " ", err));
        CN_TRY(print_orders(self, call, err));
    }
    CN_TRY(text(self, ")", err));
    return call == NULL ? CN_OK : print_after_call(self, expr, err);
}

static cn_code
print_in(const printer *self, const cni_expr *expr, cn_error *err)
{
    CN_TRY(print_inside(self, expr->args[0], BIND_COMPARE, err));
    CN_TRY(text(self, expr->negated ? " NOT IN (" : " IN (", err));
    CN_TRY(print_list(self, expr->args + 1, expr->n_args - 1, err));
    return text(self, ")", err);
}

static cn_code
print_case(const printer *self, const cni_expr *expr, cn_error *err)
{
    CN_TRY(text(self, "CASE", err));
    for (int32_t arg = 0; arg + 1 < expr->n_args; arg += 2) {
        CN_TRY(text(self, " WHEN ", err));
        CN_TRY(print_node(self, expr->args[arg], err));
        CN_TRY(text(self, " THEN ", err));
        CN_TRY(print_node(self, expr->args[arg + 1], err));
    }
    if (expr->n_args % 2 == 1) {
        CN_TRY(text(self, " ELSE ", err));
        CN_TRY(print_node(self, expr->args[expr->n_args - 1], err));
    }
    return text(self, " END", err);
}

static cn_code
print_cast(const printer *self, const cni_expr *expr, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_str name;
    CN_TRY(text(self, expr->try_cast ? "TRY_CAST(" : "CAST(", err));
    CN_TRY(print_node(self, expr->args[0], err));
    CN_TRY(cni_arena_new(self->out->allocator, "type name", &arena, err));
    CN_TRY(cni_type_name(arena, expr->type, &name, err));
    return cni_strbuf_printf(self->out, err, " AS %.*s)", CNI_STR_ARGS(name));
}

static cn_code
print_subquery(const printer *self, const cni_expr *expr, cn_error *err)
{
    if (expr->n_args > 0) {
        CN_TRY(print_inside(self, expr->args[0], BIND_COMPARE, err));
        CN_TRY(text(self, " ", err));
    }
    switch (expr->subquery_kind) {
    case CNI_SUBQUERY_EXISTS:
        return text(self, expr->negated ? "NOT EXISTS (subquery)" : "EXISTS (subquery)", err);
    case CNI_SUBQUERY_IN:
        return text(self, expr->negated ? "NOT IN (subquery)" : "IN (subquery)", err);
    case CNI_SUBQUERY_ANY:
        return cni_strbuf_printf(self->out, err, "%s ANY (subquery)", compare_names[expr->op]);
    case CNI_SUBQUERY_ALL:
        return cni_strbuf_printf(self->out, err, "%s ALL (subquery)", compare_names[expr->op]);
    default:
        return text(self, "(subquery)", err);
    }
}

static cn_code
print_column(const printer *self, const cni_expr *expr, cn_error *err)
{
    if (self->namer != NULL) {
        const cni_str name = self->namer(self->state, expr->column_id);
        if (name.data != NULL) {
            return cni_strbuf_append(self->out, name, err);
        }
    }
    return cni_strbuf_printf(self->out, err, "#%d", expr->column_id);
}

static cn_code
print_pair(const printer *self, const cni_expr *expr, const char *between, cn_error *err)
{
    CN_TRY(print_inside(self, expr->args[0], BIND_COMPARE, err));
    CN_TRY(text(self, between, err));
    return expr->n_args < 2 ? CN_OK : print_inside(self, expr->args[1], BIND_COMPARE, err);
}

static cn_code
print_compare(const printer *self, const cni_expr *expr, cn_error *err)
{
    char between[8] = " ";
    const char *name = compare_names[expr->op];
    memcpy(between + 1, name, strlen(name) + 1);
    memcpy(between + 1 + strlen(name), " ", 2);
    return print_pair(self, expr, between, err);
}

static cn_code
print_node(const printer *self, const cni_expr *expr, cn_error *err)
{
    switch (expr->kind) {
    case CNI_EXPR_LITERAL:
        return cni_value_print(expr->literal, self->out, err);
    case CNI_EXPR_COLUMN:
        return print_column(self, expr, err);
    case CNI_EXPR_PARAMETER:
        return cni_strbuf_printf(self->out, err, "$%.*s", CNI_STR_ARGS(expr->parameter));
    case CNI_EXPR_COMPARE:
        return print_compare(self, expr, err);
    case CNI_EXPR_DISTINCT:
        return print_pair(self, expr,
                          expr->negated ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ", err);
    case CNI_EXPR_AND:
        return print_chain(self, expr, " AND ", BIND_AND, err);
    case CNI_EXPR_OR:
        return print_chain(self, expr, " OR ", BIND_OR, err);
    case CNI_EXPR_NOT:
        CN_TRY(text(self, "NOT ", err));
        return print_inside(self, expr->args[0], BIND_NOT, err);
    case CNI_EXPR_IS_NULL:
        return print_pair(self, expr, expr->negated ? " IS NOT NULL" : " IS NULL", err);
    case CNI_EXPR_IN:
        return print_in(self, expr, err);
    case CNI_EXPR_CASE:
        return print_case(self, expr, err);
    case CNI_EXPR_CAST:
        return print_cast(self, expr, err);
    case CNI_EXPR_SUBQUERY:
        return print_subquery(self, expr, err);
    case CNI_EXPR_LAMBDA:
        CN_TRY(text(self, "lambda: ", err));
        return print_node(self, expr->args[0], err);
    default:
        return print_call(self, expr, err);
    }
}

cn_code
cni_expr_print(const cni_expr *expr, cni_column_namer namer, const void *state, cni_strbuf *out,
               cn_error *err)
{
    const printer self = {namer, state, out};
    return print_node(&self, expr, err);
}
