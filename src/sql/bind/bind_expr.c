/* SPDX-License-Identifier: Apache-2.0
 *
 * Expressions by kind: each case binds its arguments, types them, and makes the IR node. Recursion
 * follows the AST, whose depth the parser bounds.
 */
#include "sql/bind/bind_int.h"

cn_code
cni_bind_exprs(cni_bind_names *names, const cni_sql_expr *const *exprs, int32_t n_exprs,
               const cni_expr ***out_exprs, cn_error *err)
{
    const cni_expr **bound = NULL;
    CN_TRY(
        cni_arena_alloc_array(names->binder->arena, n_exprs, (int64_t)sizeof(*bound), &bound, err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        CN_TRY(cni_bind_expr(names, exprs[expr], &bound[expr], err));
    }
    *out_exprs = bound;
    return CN_OK;
}

cn_code
cni_bind_bool_node(cni_binder *binder, const cni_sql_node *place, cni_expr node,
                   const cni_expr *const *args, int32_t n_args, const cni_expr **out_expr,
                   cn_error *err)
{
    node.type = cni_type_of(CNI_TYPE_BOOL);
    node.args = args;
    node.n_args = n_args;
    node.sql_offset = place->offset;
    node.sql_length = place->length;
    return cni_expr_new(binder->arena, &node, out_expr, err);
}

cn_code
cni_bind_compare_node(cni_binder *binder, const cni_sql_node *place, cni_compare_op op,
                      const cni_expr *left, const cni_expr *right, const cni_expr **out_expr,
                      cn_error *err)
{
    const cni_expr *const args[2] = {left, right};
    const cni_expr node = {.kind = CNI_EXPR_COMPARE, .op = (uint8_t)op};
    return cni_bind_bool_node(binder, place, node, args, 2, out_expr, err);
}

static cn_code
make_bool(cni_bind_names *names, const cni_sql_expr *expr, cni_expr node,
          const cni_expr *const *args, int32_t n_args, const cni_expr **out_expr, cn_error *err)
{
    return cni_bind_bool_node(names->binder, &expr->node, node, args, n_args, out_expr, err);
}

bool
cni_bind_compare_op(uint8_t op, cni_compare_op *out_op)
{
    static const uint8_t ops[CNI_SQL_OP_COUNT_] = {
        [CNI_SQL_OP_EQ] = CNI_EQ, [CNI_SQL_OP_NE] = CNI_NE, [CNI_SQL_OP_LT] = CNI_LT,
        [CNI_SQL_OP_LE] = CNI_LE, [CNI_SQL_OP_GT] = CNI_GT, [CNI_SQL_OP_GE] = CNI_GE,
    };
    *out_op = (cni_compare_op)ops[op];
    return op >= CNI_SQL_OP_EQ && op <= CNI_SQL_OP_GE;
}

static cn_code
bind_compare(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
             cn_error *err)
{
    const cni_expr **args = NULL;
    cni_compare_op op = CNI_EQ;
    CN_TRY(cni_bind_exprs(names, expr->args, 2, &args, err));
    CN_TRY(cni_bind_unify(names->binder, args, 2, "comparison", expr->node.offset,
                          expr->node.length, err));
    (void)cni_bind_compare_op(expr->op, &op);
    return cni_bind_compare_node(names->binder, &expr->node, op, args[0], args[1], out_expr, err);
}

static cn_code
bind_distinct(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
              cn_error *err)
{
    const cni_expr **args = NULL;
    CN_TRY(cni_bind_exprs(names, expr->args, 2, &args, err));
    CN_TRY(cni_bind_unify(names->binder, args, 2, "IS DISTINCT FROM", expr->node.offset,
                          expr->node.length, err));
    const cni_expr node = {.kind = CNI_EXPR_DISTINCT, .negated = expr->negated};
    return make_bool(names, expr, node, args, 2, out_expr, err);
}

cn_code
cni_bind_condition(cni_bind_names *names, const cni_sql_expr *expr, const char *clause,
                   const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *bound = NULL;
    CN_TRY(cni_bind_expr(names, expr, &bound, err));
    if (bound->type->id != CNI_TYPE_BOOL && bound->type->id != CNI_TYPE_NULL &&
        !cni_bind_is_string_literal(bound)) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42804", expr->node.offset,
                             expr->node.length, "argument of %s must be BOOLEAN, not %s", clause,
                             cni_bind_type_text(names->binder, bound->type));
    }
    return cni_bind_cast(names->binder, bound, cni_type_of(CNI_TYPE_BOOL), false, expr->node.offset,
                         expr->node.length, out_expr, err);
}

static cn_code
bind_junction(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
              cn_error *err)
{
    const bool is_and = expr->kind == CNI_SQL_EXPR_AND;
    const cni_expr **args = NULL;
    CN_TRY(cni_arena_alloc_array(names->binder->arena, expr->n_args, (int64_t)sizeof(*args), &args,
                                 err));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(cni_bind_condition(names, expr->args[arg], is_and ? "AND" : "OR", &args[arg], err));
    }
    return cni_expr_junction(names->binder->arena, is_and ? CNI_EXPR_AND : CNI_EXPR_OR, args,
                             expr->n_args, out_expr, err);
}

static cn_code
bind_not(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *arg = NULL;
    CN_TRY(cni_bind_condition(names, expr->args[0], "NOT", &arg, err));
    return cni_expr_not(names->binder->arena, arg, out_expr, err);
}

static cn_code
bind_is_null(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
             cn_error *err)
{
    const cni_expr *arg = NULL;
    CN_TRY(cni_bind_expr(names, expr->args[0], &arg, err));
    const cni_expr node = {.kind = CNI_EXPR_IS_NULL, .negated = expr->negated};
    return make_bool(names, expr, node, &arg, 1, out_expr, err);
}

/* x IS TRUE = x IS NOT DISTINCT FROM TRUE; x IS UNKNOWN = x IS NULL. */
static cn_code
bind_is_bool(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
             cn_error *err)
{
    const cni_expr *args[2] = {NULL, NULL};
    CN_TRY(cni_bind_condition(names, expr->args[0], "IS", &args[0], err));
    if (expr->truth == CNI_SQL_TRUTH_UNKNOWN) {
        const cni_expr is_null = {.kind = CNI_EXPR_IS_NULL, .negated = expr->negated};
        return make_bool(names, expr, is_null, args, 1, out_expr, err);
    }
    CN_TRY(cni_expr_bool(names->binder->arena, expr->truth == CNI_SQL_TRUTH_TRUE, &args[1], err));
    const cni_expr node = {.kind = CNI_EXPR_DISTINCT, .negated = !expr->negated};
    return make_bool(names, expr, node, args, 2, out_expr, err);
}

/* low <= x AND x <= high. */
static cn_code
make_between(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr *value,
             const cni_expr *low, const cni_expr *high, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *sides[2] = {NULL, NULL};
    const cni_expr *const bounds[2] = {low, high};
    for (int32_t side = 0; side < 2; side++) {
        const cni_expr *const args[2] = {value, bounds[side]};
        const cni_expr node = {.kind = CNI_EXPR_COMPARE,
                               .op = (uint8_t)(side == 0 ? CNI_GE : CNI_LE)};
        CN_TRY(make_bool(names, expr, node, args, 2, &sides[side], err));
    }
    return cni_expr_junction(names->binder->arena, CNI_EXPR_AND, sides, 2, out_expr, err);
}

static cn_code
bind_between(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
             cn_error *err)
{
    cni_arena *arena = names->binder->arena;
    const cni_expr **args = NULL;
    const cni_expr *between = NULL;
    CN_TRY(cni_bind_exprs(names, expr->args, 3, &args, err));
    CN_TRY(cni_bind_unify(names->binder, args, 3, "BETWEEN", expr->node.offset, expr->node.length,
                          err));
    CN_TRY(make_between(names, expr, args[0], args[1], args[2], &between, err));
    if (expr->symmetric) {
        const cni_expr *either[2] = {between, NULL};
        CN_TRY(make_between(names, expr, args[0], args[2], args[1], &either[1], err));
        CN_TRY(cni_expr_junction(arena, CNI_EXPR_OR, either, 2, &between, err));
    }
    *out_expr = between;
    return expr->negated ? cni_expr_not(arena, between, out_expr, err) : CN_OK;
}

static cn_code
bind_in(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    CN_TRY(cni_bind_exprs(names, expr->args, expr->n_args, &args, err));
    CN_TRY(cni_bind_unify(names->binder, args, expr->n_args, "IN", expr->node.offset,
                          expr->node.length, err));
    const cni_expr node = {.kind = CNI_EXPR_IN, .negated = expr->negated};
    return make_bool(names, expr, node, args, expr->n_args, out_expr, err);
}

/* CASE x WHEN a: every a is compared with x in one type. */
static cn_code
bind_case_operand(cni_bind_names *names, const cni_sql_expr *expr, int32_t n_whens,
                  const cni_expr **conditions, cn_error *err)
{
    const cni_expr **sides = NULL;
    CN_TRY(cni_arena_alloc_array(names->binder->arena, n_whens + 1, (int64_t)sizeof(*sides), &sides,
                                 err));
    CN_TRY(cni_bind_expr(names, expr->args[0], &sides[0], err));
    for (int32_t when = 0; when < n_whens; when++) {
        CN_TRY(cni_bind_expr(names, expr->args[1 + 2 * when], &sides[1 + when], err));
    }
    CN_TRY(cni_bind_unify(names->binder, sides, n_whens + 1, "CASE", expr->node.offset,
                          expr->node.length, err));
    for (int32_t when = 0; when < n_whens; when++) {
        const cni_expr *const args[2] = {sides[0], sides[1 + when]};
        const cni_expr node = {.kind = CNI_EXPR_COMPARE, .op = CNI_EQ};
        CN_TRY(make_bool(names, expr, node, args, 2, &conditions[when], err));
    }
    return CN_OK;
}

static cn_code
make_case(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr *const *conditions,
          const cni_expr **values, int32_t n_whens, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    CN_TRY(cni_bind_unify(names->binder, values, n_whens + 1, "CASE", expr->node.offset,
                          expr->node.length, err));
    CN_TRY(cni_arena_alloc_array(names->binder->arena, 2 * n_whens + 1, (int64_t)sizeof(*args),
                                 &args, err));
    for (int32_t when = 0; when < n_whens; when++) {
        args[2 * when] = conditions[when];
        args[2 * when + 1] = values[when];
    }
    args[2 * n_whens] = values[n_whens];
    const cni_expr node = {.kind = CNI_EXPR_CASE,
                           .type = values[0]->type,
                           .args = args,
                           .n_args = 2 * n_whens + 1,
                           .sql_offset = expr->node.offset,
                           .sql_length = expr->node.length};
    return cni_expr_new(names->binder->arena, &node, out_expr, err);
}

static cn_code
make_null(cni_binder *binder, const cni_expr **out_expr, cn_error *err)
{
    const cni_value null = {.type = cni_type_of(CNI_TYPE_NULL), .is_null = true};
    return cni_expr_literal(binder->arena, &null, out_expr, err);
}

static cn_code
bind_case(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const int32_t first = expr->has_operand ? 1 : 0;
    const int32_t n_whens = (expr->n_args - first - (expr->has_else ? 1 : 0)) / 2;
    const cni_expr **conditions = NULL;
    const cni_expr **values = NULL;
    CN_TRY(cni_arena_alloc_array(names->binder->arena, n_whens, (int64_t)sizeof(*conditions),
                                 &conditions, err));
    CN_TRY(cni_arena_alloc_array(names->binder->arena, n_whens + 1, (int64_t)sizeof(*values),
                                 &values, err));
    if (expr->has_operand) {
        CN_TRY(bind_case_operand(names, expr, n_whens, conditions, err));
    }
    for (int32_t when = 0; when < n_whens; when++) {
        if (!expr->has_operand) {
            CN_TRY(cni_bind_condition(names, expr->args[2 * when], "WHEN", &conditions[when], err));
        }
        CN_TRY(cni_bind_expr(names, expr->args[first + 2 * when + 1], &values[when], err));
    }
    CN_TRY(expr->has_else
               ? cni_bind_expr(names, expr->args[expr->n_args - 1], &values[n_whens], err)
               : make_null(names->binder, &values[n_whens], err));
    return make_case(names, expr, conditions, values, n_whens, out_expr, err);
}

/* COALESCE(a, b, c) = CASE WHEN a IS NOT NULL THEN a WHEN b IS NOT NULL THEN b ELSE c END. */
static cn_code
bind_coalesce(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
              cn_error *err)
{
    const int32_t n_whens = expr->n_args - 1;
    const cni_expr **values = NULL;
    const cni_expr **conditions = NULL;
    CN_TRY(cni_bind_exprs(names, expr->args, expr->n_args, &values, err));
    if (n_whens == 0) {
        *out_expr = values[0];
        return CN_OK;
    }
    CN_TRY(cni_arena_alloc_array(names->binder->arena, n_whens, (int64_t)sizeof(*conditions),
                                 &conditions, err));
    CN_TRY(cni_bind_unify(names->binder, values, expr->n_args, "COALESCE", expr->node.offset,
                          expr->node.length, err));
    for (int32_t when = 0; when < n_whens; when++) {
        const cni_expr node = {.kind = CNI_EXPR_IS_NULL, .negated = true};
        CN_TRY(make_bool(names, expr, node, &values[when], 1, &conditions[when], err));
    }
    return make_case(names, expr, conditions, values, n_whens, out_expr, err);
}

/* NULLIF(a, b) = CASE WHEN a = b THEN NULL ELSE a END. */
static cn_code
bind_nullif(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
            cn_error *err)
{
    const cni_expr **args = NULL;
    const cni_expr *values[2] = {NULL, NULL};
    const cni_expr *condition = NULL;
    CN_TRY(cni_bind_exprs(names, expr->args, 2, &args, err));
    values[1] = args[0];
    CN_TRY(cni_bind_unify(names->binder, args, 2, "NULLIF", expr->node.offset, expr->node.length,
                          err));
    const cni_expr node = {.kind = CNI_EXPR_COMPARE, .op = CNI_EQ};
    CN_TRY(make_bool(names, expr, node, args, 2, &condition, err));
    CN_TRY(make_null(names->binder, &values[0], err));
    return make_case(names, expr, &condition, values, 1, out_expr, err);
}

static cn_code
bind_if(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr *condition = NULL;
    const cni_expr *values[2] = {NULL, NULL};
    CN_TRY(cni_bind_condition(names, expr->args[0], "IF", &condition, err));
    CN_TRY(cni_bind_expr(names, expr->args[1], &values[0], err));
    CN_TRY(cni_bind_expr(names, expr->args[2], &values[1], err));
    return make_case(names, expr, &condition, values, 1, out_expr, err);
}

cn_code
cni_bind_conditional(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
                     cn_error *err)
{
    const cni_str name = expr->name->parts[expr->name->n_parts - 1].text;
    *out_expr = NULL;
    if (cni_str_eq_nocase(name, CNI_STR("coalesce")) && expr->n_args >= 1) {
        return bind_coalesce(names, expr, out_expr, err);
    }
    if (cni_str_eq_nocase(name, CNI_STR("ifnull")) && expr->n_args == 2) {
        return bind_coalesce(names, expr, out_expr, err);
    }
    if (cni_str_eq_nocase(name, CNI_STR("nullif")) && expr->n_args == 2) {
        return bind_nullif(names, expr, out_expr, err);
    }
    if (cni_str_eq_nocase(name, CNI_STR("if")) && expr->n_args == 3) {
        return bind_if(names, expr, out_expr, err);
    }
    return CN_OK;
}

static cn_code
bind_cast(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_type *type = NULL;
    const cni_expr *arg = NULL;
    CN_TRY(cni_bind_sql_type(names->binder, expr->type, &type, err));
    CN_TRY(cni_bind_expr(names, expr->args[0], &arg, err));
    return cni_bind_cast(names->binder, arg, type, expr->try_cast, expr->node.offset,
                         expr->node.length, out_expr, err);
}

/* The engine's order is bytewise: the collations that mean so are accepted, others refused. */
static cn_code
bind_collate(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
             cn_error *err)
{
    static const char *const bytewise[] = {"C", "POSIX", "binary", "ucs_basic"};
    const cni_str name = expr->name->parts[expr->name->n_parts - 1].text;
    for (int64_t index = 0; index < CN_ARRAY_LEN(bytewise); index++) {
        if (cni_str_eq_nocase(name, cni_str_of(bytewise[index]))) {
            return cni_bind_expr(names, expr->args[0], out_expr, err);
        }
    }
    return cni_bind_refuse(err, expr->node.offset, expr->node.length,
                           "collations other than \"C\"");
}

static cn_code
bind_parameter(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
               cn_error *err)
{
    const cni_bind_env *env = names->binder->env;
    for (int32_t parameter = 0; parameter < env->n_parameters; parameter++) {
        if (cni_str_eq(env->parameter_names[parameter], expr->text)) {
            const cni_expr *literal = NULL;
            CN_TRY(
                cni_expr_literal(names->binder->arena, &env->parameters[parameter], &literal, err));
            return cni_bind_place(names->binder, literal, expr->node.offset, expr->node.length,
                                  out_expr, err);
        }
    }
    return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P02", expr->node.offset, expr->node.length,
                         "parameter $%.*s has no value", CNI_STR_ARGS(expr->text));
}

/* Nested values are made by catalogue functions of these names. */
static cn_code
bind_constructor(cni_bind_names *names, const cni_sql_expr *expr, cni_str function,
                 const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    CN_TRY(cni_bind_exprs(names, expr->args, expr->n_args, &args, err));
    return cni_bind_function(names->binder, function, args, expr->n_args, expr->node.offset,
                             expr->node.length, out_expr, err);
}

/* Kinds that no clause can carry out yet, by name. */
static cn_code
refuse_kind(const cni_sql_expr *expr, cn_error *err)
{
    static const char *const names[CNI_SQL_EXPR_KIND_COUNT_] = {
        [CNI_SQL_EXPR_QUANTIFIED] = "ANY and ALL over lists",
        [CNI_SQL_EXPR_ROW] = "row values",
        [CNI_SQL_EXPR_LIST] = "list literals",
        [CNI_SQL_EXPR_STRUCT] = "struct literals",
        [CNI_SQL_EXPR_MAP] = "map literals",
        [CNI_SQL_EXPR_SUBSCRIPT] = "subscripts",
        [CNI_SQL_EXPR_SLICE] = "slices",
        [CNI_SQL_EXPR_FIELD] = "struct field accesses",
        [CNI_SQL_EXPR_LAMBDA] = "lambdas",
        [CNI_SQL_EXPR_COLUMNS] = "COLUMNS() expressions",
        [CNI_SQL_EXPR_POSITIONAL] = "positional column references",
        [CNI_SQL_EXPR_DEFAULT] = "DEFAULT values in queries",
    };
    if (expr->kind == CNI_SQL_EXPR_STAR) {
        (void)cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", expr->node.offset, expr->node.length,
                            "* may stand only in a select list and in count(*)");
        return CN_INVALID_ARGUMENT;
    }
    const char *name = names[expr->kind];
    (void)cni_bind_refuse(err, expr->node.offset, expr->node.length,
                          name == NULL ? "expressions of this kind" : name);
    return CN_NOT_IMPLEMENTED;
}

/* The cases that are functions of the catalogue or constants; others answer with *out_expr NULL. */
static cn_code
bind_leaf(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    switch ((cni_sql_expr_kind)expr->kind) {
    case CNI_SQL_EXPR_LITERAL:
        return cni_bind_literal(names, expr, out_expr, err);
    case CNI_SQL_EXPR_TYPED_LITERAL:
        return cni_bind_typed_literal(names, expr, out_expr, err);
    case CNI_SQL_EXPR_INTERVAL:
        return cni_bind_interval(names, expr, out_expr, err);
    case CNI_SQL_EXPR_COLUMN:
        return cni_bind_column(names, expr, out_expr, err);
    case CNI_SQL_EXPR_PARAMETER:
        return bind_parameter(names, expr, out_expr, err);
    case CNI_SQL_EXPR_FUNCTION:
        return cni_bind_call(names, expr, out_expr, err);
    case CNI_SQL_EXPR_UNARY:
        return cni_bind_unary(names, expr, out_expr, err);
    case CNI_SQL_EXPR_BINARY:
        return cni_bind_binary(names, expr, out_expr, err);
    case CNI_SQL_EXPR_LIKE:
        return cni_bind_like(names, expr, out_expr, err);
    case CNI_SQL_EXPR_CAST:
        return bind_cast(names, expr, out_expr, err);
    case CNI_SQL_EXPR_COLLATE:
        return bind_collate(names, expr, out_expr, err);
    case CNI_SQL_EXPR_SUBQUERY:
        return cni_bind_subquery(names, expr, out_expr, err);
    case CNI_SQL_EXPR_LIST:
        return cni_function_kinds(names->binder->env->functions, CNI_STR("list_value")) == 0
                   ? refuse_kind(expr, err)
                   : bind_constructor(names, expr, CNI_STR("list_value"), out_expr, err);
    default:
        *out_expr = NULL;
        return CN_OK;
    }
}

cn_code
cni_bind_expr(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
              cn_error *err)
{
    const cni_expr *leaf = NULL;
    CN_TRY(bind_leaf(names, expr, &leaf, err));
    if (leaf != NULL) {
        *out_expr = leaf;
        return CN_OK;
    }
    if (cni_bind_is_over_rows(expr)) {
        return cni_bind_over_rows(names, expr, out_expr, err);
    }
    switch ((cni_sql_expr_kind)expr->kind) {
    case CNI_SQL_EXPR_COMPARE:
        return bind_compare(names, expr, out_expr, err);
    case CNI_SQL_EXPR_AND:
    case CNI_SQL_EXPR_OR:
        return bind_junction(names, expr, out_expr, err);
    case CNI_SQL_EXPR_NOT:
        return bind_not(names, expr, out_expr, err);
    case CNI_SQL_EXPR_IS_NULL:
        return bind_is_null(names, expr, out_expr, err);
    case CNI_SQL_EXPR_IS_BOOL:
        return bind_is_bool(names, expr, out_expr, err);
    case CNI_SQL_EXPR_IS_DISTINCT:
        return bind_distinct(names, expr, out_expr, err);
    case CNI_SQL_EXPR_BETWEEN:
        return bind_between(names, expr, out_expr, err);
    case CNI_SQL_EXPR_IN:
        return bind_in(names, expr, out_expr, err);
    case CNI_SQL_EXPR_CASE:
        return bind_case(names, expr, out_expr, err);
    default:
        return refuse_kind(expr, err);
    }
}
