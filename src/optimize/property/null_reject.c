/* SPDX-License-Identifier: Apache-2.0
 *
 * NULLs in predicates: what a predicate can come to when some columns are NULL, and which columns
 * of a plan never are.
 *
 * An expression is evaluated over sets of outcomes: NULL, TRUE, FALSE, some other value, an error.
 * The set holds every outcome that is possible; what is not understood may come to anything.
 */
#include "optimize/property/property_int.h"

#define MAY_NULL  1u
#define MAY_TRUE  2u
#define MAY_FALSE 4u /* values that are not BOOLEAN count as both TRUE and FALSE */
#define MAY_RAISE 8u
#define MAY_VALUE (MAY_TRUE | MAY_FALSE)
#define MAY_ANY   (MAY_NULL | MAY_VALUE)

static uint32_t outcomes(const cni_expr *expr, const cni_null_columns *nulls);

static uint32_t
of_column(const cni_expr *expr, const cni_null_columns *nulls)
{
    const bool is_null = nulls->set != NULL ? cni_id_set_has(nulls->set, expr->column_id)
                                            : expr->column_id == nulls->one;
    return is_null ? MAY_NULL : MAY_ANY;
}

static uint32_t
of_literal(const cni_value *value)
{
    if (value->is_null) {
        return MAY_NULL;
    }
    if (value->type->id == CNI_TYPE_BOOL) {
        return value->as.boolean ? MAY_TRUE : MAY_FALSE;
    }
    return MAY_VALUE;
}

/* Something that is NULL when one of its arguments is, any value otherwise. */
static uint32_t
of_strict(const cni_expr *expr, int32_t n_args, bool may_raise, const cni_null_columns *nulls)
{
    uint32_t result = MAY_VALUE;
    bool surely_null = false;
    for (int32_t arg = 0; arg < n_args; arg++) {
        const uint32_t one = outcomes(expr->args[arg], nulls);
        result |= one & (MAY_NULL | MAY_RAISE);
        surely_null = surely_null || (one & MAY_ANY) == MAY_NULL;
    }
    if (surely_null) {
        return MAY_NULL | (result & MAY_RAISE);
    }
    return result | (may_raise ? MAY_RAISE : 0u);
}

static uint32_t
of_not(uint32_t arg)
{
    return (arg & (MAY_NULL | MAY_RAISE)) | ((arg & MAY_TRUE) != 0 ? MAY_FALSE : 0u) |
           ((arg & MAY_FALSE) != 0 ? MAY_TRUE : 0u);
}

/* AND of two sets of outcomes; OR is NOT (NOT a AND NOT b). */
static uint32_t
both(uint32_t a, uint32_t b)
{
    uint32_t result = (a | b) & (MAY_RAISE | MAY_FALSE);
    result |= a & b & MAY_TRUE;
    if (((a | b) & MAY_NULL) != 0 && (a & (MAY_NULL | MAY_TRUE)) != 0 &&
        (b & (MAY_NULL | MAY_TRUE)) != 0) {
        result |= MAY_NULL;
    }
    return result;
}

static uint32_t
of_junction(const cni_expr *expr, const cni_null_columns *nulls)
{
    const bool is_or = expr->kind == CNI_EXPR_OR;
    uint32_t result = MAY_TRUE;
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        const uint32_t one = outcomes(expr->args[arg], nulls);
        result = both(result, is_or ? of_not(one) : one);
    }
    return is_or ? of_not(result) : result;
}

static uint32_t
of_is_null(const cni_expr *expr, const cni_null_columns *nulls)
{
    const uint32_t arg = outcomes(expr->args[0], nulls);
    const uint32_t is_null = ((arg & MAY_NULL) != 0 ? MAY_TRUE : 0u) |
                             ((arg & MAY_VALUE) != 0 ? MAY_FALSE : 0u) | (arg & MAY_RAISE);
    return expr->negated ? of_not(is_null) : is_null;
}

static uint32_t
of_distinct(const cni_expr *expr, const cni_null_columns *nulls)
{
    const uint32_t a = outcomes(expr->args[0], nulls);
    const uint32_t b = outcomes(expr->args[1], nulls);
    const uint32_t raise = (a | b) & MAY_RAISE;
    uint32_t result = MAY_VALUE;
    if ((a & MAY_ANY) == MAY_NULL && (b & MAY_ANY) == MAY_NULL) {
        result = MAY_FALSE;
    } else if (((a & MAY_ANY) == MAY_NULL && (b & MAY_NULL) == 0) ||
               ((b & MAY_ANY) == MAY_NULL && (a & MAY_NULL) == 0)) {
        result = MAY_TRUE;
    }
    return (expr->negated ? of_not(result) : result) | raise;
}

static uint32_t
of_case(const cni_expr *expr, const cni_null_columns *nulls)
{
    uint32_t result = 0;
    bool falls_through = true;
    for (int32_t arg = 0; arg + 1 < expr->n_args && falls_through; arg += 2) {
        const uint32_t condition = outcomes(expr->args[arg], nulls);
        result |= condition & MAY_RAISE;
        if ((condition & MAY_TRUE) != 0) {
            result |= outcomes(expr->args[arg + 1], nulls);
        }
        falls_through = (condition & (MAY_NULL | MAY_FALSE)) != 0;
    }
    return falls_through ? result | outcomes(expr->args[expr->n_args - 1], nulls) : result;
}

static uint32_t
of_call(const cni_expr *expr, const cni_null_columns *nulls)
{
    if (expr->function->null_rule != CNI_NULL_IF_ANY) {
        return MAY_ANY | (cni_expr_may_error(expr) ? MAY_RAISE : 0u);
    }
    const uint32_t result = of_strict(expr, expr->n_args, expr->function->may_error, nulls);
    return (result & MAY_VALUE) != 0 ? result | MAY_NULL : result;
}

static uint32_t
of_cast(const cni_expr *expr, const cni_null_columns *nulls)
{
    const uint32_t arg = outcomes(expr->args[0], nulls);
    if ((arg & MAY_ANY) == MAY_NULL) {
        return arg;
    }
    const bool may_raise = !expr->try_cast && cni_expr_may_error(expr);
    return MAY_VALUE | (arg & (MAY_NULL | MAY_RAISE)) | (expr->try_cast ? MAY_NULL : 0u) |
           (may_raise ? MAY_RAISE : 0u);
}

static uint32_t
of_in(const cni_expr *expr, const cni_null_columns *nulls)
{
    const uint32_t needle = outcomes(expr->args[0], nulls);
    if ((needle & MAY_ANY) == MAY_NULL) {
        return needle;
    }
    uint32_t result = MAY_VALUE | (needle & (MAY_NULL | MAY_RAISE));
    for (int32_t arg = 1; arg < expr->n_args; arg++) {
        result |= outcomes(expr->args[arg], nulls) & (MAY_NULL | MAY_RAISE);
    }
    return result;
}

static uint32_t
outcomes(const cni_expr *expr, const cni_null_columns *nulls)
{
    switch ((cni_expr_kind)expr->kind) {
    case CNI_EXPR_LITERAL:
        return of_literal(expr->literal);
    case CNI_EXPR_COLUMN:
        return of_column(expr, nulls);
    case CNI_EXPR_COMPARE:
        return of_strict(expr, 2, false, nulls);
    case CNI_EXPR_DISTINCT:
        return of_distinct(expr, nulls);
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
        return of_junction(expr, nulls);
    case CNI_EXPR_NOT:
        return of_not(outcomes(expr->args[0], nulls));
    case CNI_EXPR_IS_NULL:
        return of_is_null(expr, nulls);
    case CNI_EXPR_IN:
        return of_in(expr, nulls);
    case CNI_EXPR_CASE:
        return of_case(expr, nulls);
    case CNI_EXPR_CAST:
        return of_cast(expr, nulls);
    case CNI_EXPR_CALL:
        return of_call(expr, nulls);
    case CNI_EXPR_PARAMETER:
        return MAY_ANY;
    default:
        return MAY_ANY | MAY_RAISE;
    }
}

/* One conjunct that is surely not true suffices: the others cannot make the row pass. */
bool
cni_property_rejects(const cni_expr *predicate, const cni_null_columns *columns)
{
    if (predicate->kind != CNI_EXPR_AND) {
        return (outcomes(predicate, columns) & (MAY_TRUE | MAY_RAISE)) == 0;
    }
    for (int32_t arg = 0; arg < predicate->n_args; arg++) {
        if (cni_property_rejects(predicate->args[arg], columns)) {
            return true;
        }
    }
    return false;
}

bool
cni_expr_rejects_nulls(const cni_expr *predicate, const cni_id_set *columns)
{
    const cni_null_columns nulls = {columns, -1};
    return cni_property_rejects(predicate, &nulls);
}

/* ---- predicates that are never NULL ---- */

typedef struct never_search {
    const cni_plan *plan;
    bool holds;
} never_search;

static bool
see_never_null(void *state, const cni_expr *expr)
{
    never_search *search = state;
    switch ((cni_expr_kind)expr->kind) {
    case CNI_EXPR_COLUMN:
        search->holds = search->holds && cni_plan_column_not_null(search->plan, expr->column_id);
        return false;
    case CNI_EXPR_LITERAL:
        search->holds = search->holds && !expr->literal->is_null;
        return false;
    case CNI_EXPR_IS_NULL:
    case CNI_EXPR_DISTINCT:
        return false;
    case CNI_EXPR_COMPARE:
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
    case CNI_EXPR_NOT:
    case CNI_EXPR_IN:
        return search->holds;
    default:
        search->holds = false;
        return false;
    }
}

bool
cni_expr_never_null(const cni_plan *plan, const cni_expr *predicate)
{
    never_search search = {plan, true};
    cni_expr_walk(predicate, see_never_null, &search);
    return search.holds;
}

/* ---- columns that are never NULL ---- */

static bool
rejects_one(const cni_expr *predicate, int32_t column_id)
{
    const cni_null_columns nulls = {NULL, column_id};
    return predicate != NULL && cni_property_rejects(predicate, &nulls);
}

static bool
join_column_not_null(const cni_plan *plan, int32_t column_id)
{
    const bool is_left = cni_plan_find_column(plan->children[0], column_id) != NULL;
    switch ((cni_join_kind)plan->join_kind) {
    case CNI_JOIN_INNER:
        return rejects_one(plan->predicate, column_id) ||
               cni_plan_column_not_null(plan->children[is_left ? 0 : 1], column_id);
    case CNI_JOIN_SEMI:
        return rejects_one(plan->predicate, column_id) ||
               cni_plan_column_not_null(plan->children[0], column_id);
    case CNI_JOIN_FULL:
        return false;
    default:
        return is_left && cni_plan_column_not_null(plan->children[0], column_id);
    }
}

/* The column is made by exprs[i]. */
static bool
made_column_not_null(const cni_plan *plan, int32_t n_exprs, int32_t column_id)
{
    for (int32_t column = 0; column < n_exprs; column++) {
        if (plan->columns[column].id == column_id) {
            const cni_expr *expr = plan->exprs[column];
            return expr->kind == CNI_EXPR_COLUMN &&
                   cni_plan_column_not_null(plan->children[0], expr->column_id);
        }
    }
    return false;
}

static bool
union_column_not_null(const cni_plan *plan, int32_t column_id)
{
    int32_t column = 0;
    while (column < plan->n_columns && plan->columns[column].id != column_id) {
        column++;
    }
    for (int32_t child = 0; child < plan->n_children && column < plan->n_columns; child++) {
        const cni_plan *member = plan->children[child];
        if (!cni_plan_column_not_null(member, member->columns[column].id)) {
            return false;
        }
    }
    return column < plan->n_columns;
}

bool
cni_plan_column_not_null(const cni_plan *plan, int32_t column_id)
{
    const cni_column *column = cni_plan_find_column(plan, column_id);
    if (column == NULL) {
        return false;
    }
    if (!column->nullable) {
        return true;
    }
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_FILTER:
        return rejects_one(plan->predicate, column_id) ||
               cni_plan_column_not_null(plan->children[0], column_id);
    case CNI_PLAN_PROJECT:
        return made_column_not_null(plan, plan->n_exprs, column_id);
    case CNI_PLAN_AGGREGATE:
        return made_column_not_null(plan, plan->n_groups, column_id);
    case CNI_PLAN_DISTINCT:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
    case CNI_PLAN_REPEAT:
    case CNI_PLAN_WINDOW:
        return cni_plan_column_not_null(plan->children[0], column_id);
    case CNI_PLAN_WITH:
        return cni_plan_column_not_null(plan->children[1], column_id);
    case CNI_PLAN_JOIN:
        return join_column_not_null(plan, column_id);
    case CNI_PLAN_UNION_ALL:
        return union_column_not_null(plan, column_id);
    default:
        return false;
    }
}
