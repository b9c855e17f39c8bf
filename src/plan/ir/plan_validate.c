/* SPDX-License-Identifier: Apache-2.0
 *
 * The invariants of a logical plan: every expression typed as its kind demands, every column id
 * defined below its use with the same type, no id produced twice by one node, shapes of nodes
 * consistent.
 *
 * Tests and the paranoid build run it after every rule; the reader of the binary form runs it on
 * what it read. It allocates nothing.
 */
#include "plan/function/function.h"
#include "plan/ir/plan_text_int.h"
#include "plan/table/table.h"

/* What a level of the plan adds to what expressions may name. */
typedef enum scope_kind {
    SCOPE_CHILDREN, /* columns of all children */
    SCOPE_FILTERS,  /* the scan's filter_columns */
    SCOPE_LEFT,     /* columns of child 0: for the right side of a join */
    SCOPE_CTE       /* no columns, but the definition that CTE_SCANs name: a WITH or RECURSIVE */
} scope_kind;

/* The innermost level is that of the node at hand; `outer` are what encloses it: nodes that hold
 * the subquery, left sides of joins, definitions. */
typedef struct scope {
    const struct scope *outer;
    const cni_plan *plan;
    scope_kind kind;
} scope;

static cn_code validate_plan(const cni_plan *plan, const scope *outer, cn_error *err);

static const cni_column *
find_here(const scope *self, int32_t id)
{
    const int32_t n_children = self->kind == SCOPE_CTE ? 0
                               : self->kind == SCOPE_LEFT && self->plan->n_children > 0
                                   ? 1
                                   : self->plan->n_children;
    if (self->kind == SCOPE_FILTERS) {
        for (int32_t column = 0; column < self->plan->n_filter_columns; column++) {
            if (self->plan->filter_columns[column].id == id) {
                return &self->plan->filter_columns[column];
            }
        }
        return NULL;
    }
    for (int32_t child = 0; child < n_children; child++) {
        const cni_column *found = cni_plan_find_column(self->plan->children[child], id);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static const cni_column *
find_in_scope(const scope *self, int32_t id)
{
    for (; self != NULL; self = self->outer) {
        const cni_column *found = find_here(self, id);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static cn_code
check(bool holds, const scope *self, const char *what, cn_error *err)
{
    if (holds) {
        return CN_OK;
    }
    return CN_FAIL(err, CN_INTERNAL, "invalid plan: %s in %s", what,
                   cni_plan_kind_name(self->plan->kind));
}

static bool
all_args_typed(const cni_expr *expr, const cni_type *type)
{
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        if (!cni_type_equal(expr->args[arg]->type, type)) {
            return false;
        }
    }
    return true;
}

static bool
case_is_sound(const cni_expr *expr)
{
    bool sound = expr->n_args >= 3 && expr->n_args % 2 == 1;
    for (int32_t arg = 0; sound && arg < expr->n_args; arg++) {
        const bool is_condition = arg % 2 == 0 && arg + 1 < expr->n_args;
        sound = is_condition ? expr->args[arg]->type->id == CNI_TYPE_BOOL
                             : cni_type_equal(expr->args[arg]->type, expr->type);
    }
    return sound;
}

static cn_code
check_column(const scope *self, const cni_expr *expr, cn_error *err)
{
    const cni_column *column = find_in_scope(self, expr->column_id);
    if (column == NULL) {
        return CN_FAIL(err, CN_INTERNAL, "invalid plan: column #%d is not defined below %s",
                       expr->column_id, cni_plan_kind_name(self->plan->kind));
    }
    return check(cni_type_equal(column->type, expr->type), self, "a column of another type", err);
}

static cn_code
check_call(const scope *self, const cni_expr *expr, cni_function_kind kind, cn_error *err)
{
    return check(expr->function != NULL && expr->function->kind == kind, self,
                 "a call without its function", err);
}

static cn_code
check_kind(const scope *self, const cni_expr *expr, cn_error *err)
{
    const bool is_bool = expr->type->id == CNI_TYPE_BOOL;
    switch (expr->kind) {
    case CNI_EXPR_LITERAL:
        return check(expr->literal != NULL && cni_type_equal(expr->literal->type, expr->type), self,
                     "a literal of another type", err);
    case CNI_EXPR_COLUMN:
        return check_column(self, expr, err);
    case CNI_EXPR_CALL:
        return check_call(self, expr, CNI_FUNCTION_SCALAR, err);
    case CNI_EXPR_AGGREGATE:
        CN_TRY(check(self->plan->kind == CNI_PLAN_AGGREGATE || self->plan->kind == CNI_PLAN_WINDOW,
                     self, "an aggregate call", err));
        return check_call(self, expr, CNI_FUNCTION_AGGREGATE, err);
    case CNI_EXPR_WINDOW:
        CN_TRY(check(self->plan->kind == CNI_PLAN_WINDOW, self, "a window call", err));
        return check_call(self, expr, CNI_FUNCTION_WINDOW, err);
    case CNI_EXPR_COMPARE:
    case CNI_EXPR_DISTINCT:
        return check(is_bool && expr->n_args == 2 && expr->op < CNI_COMPARE_COUNT_ &&
                         all_args_typed(expr, expr->args[0]->type),
                     self, "a comparison of different types", err);
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
        return check(is_bool && expr->n_args >= 2 && all_args_typed(expr, expr->type), self,
                     "AND or OR of what is not BOOLEAN", err);
    case CNI_EXPR_NOT:
        return check(is_bool && expr->n_args == 1 && all_args_typed(expr, expr->type), self,
                     "NOT of what is not BOOLEAN", err);
    case CNI_EXPR_IS_NULL:
        return check(is_bool && expr->n_args == 1, self, "a malformed IS NULL", err);
    case CNI_EXPR_IN:
        return check(is_bool && expr->n_args >= 2 && all_args_typed(expr, expr->args[0]->type),
                     self, "IN over different types", err);
    case CNI_EXPR_CASE:
        return check(case_is_sound(expr), self, "a malformed CASE", err);
    case CNI_EXPR_CAST:
        return check(expr->n_args == 1, self, "a malformed cast", err);
    case CNI_EXPR_SUBQUERY:
        CN_TRY(check(expr->subquery != NULL, self, "a subquery without a plan", err));
        return validate_plan(expr->subquery, self, err);
    default:
        return check(expr->kind != CNI_EXPR_INVALID && expr->kind < CNI_EXPR_KIND_COUNT_, self,
                     "an expression of no kind", err);
    }
}

static cn_code validate_expr(const scope *self, const cni_expr *expr, cn_error *err);

static cn_code
validate_clauses(const scope *self, const cni_call_clauses *call, cn_error *err)
{
    if (call->filter != NULL) {
        CN_TRY(check(call->filter->type->id == CNI_TYPE_BOOL, self, "FILTER is not BOOLEAN", err));
        CN_TRY(validate_expr(self, call->filter, err));
    }
    for (int32_t order = 0; order < call->n_orders; order++) {
        CN_TRY(validate_expr(self, call->orders[order].expr, err));
    }
    for (int32_t key = 0; key < call->n_partitions; key++) {
        CN_TRY(validate_expr(self, call->partitions[key], err));
    }
    return CN_OK;
}

static cn_code
validate_expr(const scope *self, const cni_expr *expr, cn_error *err)
{
    CN_TRY(check(expr != NULL && expr->type != NULL, self, "an expression without a type", err));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(validate_expr(self, expr->args[arg], err));
    }
    if (expr->call != NULL) {
        CN_TRY(validate_clauses(self, expr->call, err));
    }
    return check_kind(self, expr, err);
}

static cn_code
validate_exprs(const scope *self, const cni_expr *const *exprs, int64_t n_exprs, cn_error *err)
{
    for (int64_t expr = 0; expr < n_exprs; expr++) {
        CN_TRY(validate_expr(self, exprs[expr], err));
    }
    return CN_OK;
}

/* exprs[i] makes columns[i % n_columns]. */
static cn_code
check_made(const scope *self, int64_t n_exprs, cn_error *err)
{
    const cni_plan *plan = self->plan;
    CN_TRY(check(plan->n_exprs == n_exprs, self, "a wrong number of expressions", err));
    for (int64_t expr = 0; expr < n_exprs; expr++) {
        const cni_column *column = &plan->columns[expr % plan->n_columns];
        CN_TRY(check(cni_type_equal(plan->exprs[expr]->type, column->type), self,
                     "an expression that is not of its column's type", err));
    }
    return CN_OK;
}

static cn_code
check_passed(const scope *self, cn_error *err)
{
    const cni_plan *plan = self->plan;
    CN_TRY(check(plan->n_children == 1 && plan->n_columns == plan->children[0]->n_columns, self,
                 "columns that are not the child's", err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        CN_TRY(check(plan->columns[column].id == plan->children[0]->columns[column].id, self,
                     "columns that are not the child's", err));
    }
    return CN_OK;
}

static cn_code
check_scan(const scope *self, cn_error *err)
{
    const cni_plan *plan = self->plan;
    CN_TRY(check(plan->table != NULL && plan->n_children == 0, self, "no table", err));
    const cni_schema *schema = plan->table->schema;
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const int32_t position = plan->table_columns[column];
        CN_TRY(check(position >= 0 && position < schema->n_fields &&
                         cni_type_equal(schema->fields[position].type, plan->columns[column].type),
                     self, "a column that is not the table's", err));
    }
    for (int32_t column = 0; column < plan->n_filter_columns; column++) {
        const int32_t position = plan->filter_table_columns[column];
        CN_TRY(check(position >= 0 && position < schema->n_fields, self,
                     "a filter column that is not the table's", err));
    }
    const scope filters = {self->outer, plan, SCOPE_FILTERS};
    return validate_exprs(&filters, plan->filters, plan->n_filters, err);
}

static cn_code
check_union(const scope *self, cn_error *err)
{
    const cni_plan *plan = self->plan;
    CN_TRY(check(plan->n_children >= 1, self, "no children", err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        const cni_plan *input = plan->children[child];
        CN_TRY(check(input->n_columns == plan->n_columns, self, "children of other widths", err));
        for (int32_t column = 0; column < plan->n_columns; column++) {
            CN_TRY(check(cni_type_equal(input->columns[column].type, plan->columns[column].type),
                         self, "children of other types", err));
        }
    }
    return CN_OK;
}

static bool
join_gives_right(const cni_plan *plan)
{
    return plan->join_kind == CNI_JOIN_INNER || plan->join_kind == CNI_JOIN_LEFT ||
           plan->join_kind == CNI_JOIN_FULL || plan->join_kind == CNI_JOIN_SINGLE;
}

/* Columns [first, first + n) of the node are those of `input`. */
static bool
passes_columns(const cni_plan *plan, int32_t first, const cni_plan *input)
{
    for (int32_t column = 0; column < input->n_columns; column++) {
        const cni_column *mine = &plan->columns[first + column];
        if (mine->id != input->columns[column].id ||
            !cni_type_equal(mine->type, input->columns[column].type)) {
            return false;
        }
    }
    return true;
}

static cn_code
check_join(const scope *self, cn_error *err)
{
    const cni_plan *plan = self->plan;
    CN_TRY(check(plan->n_children == 2 && plan->join_kind < CNI_JOIN_KIND_COUNT_, self,
                 "a wrong number of sides or no kind", err));
    CN_TRY(check(!plan->null_aware || plan->join_kind == CNI_JOIN_MARK ||
                     plan->join_kind == CNI_JOIN_ANTI,
                 self, "NULLs minded where they cannot be", err));
    const cni_plan *left = plan->children[0];
    const cni_plan *right = plan->children[1];
    const bool both = join_gives_right(plan);
    const int32_t n_more = both ? right->n_columns : plan->join_kind == CNI_JOIN_MARK ? 1 : 0;
    for (int32_t column = 0; column < right->n_columns; column++) {
        CN_TRY(check(cni_plan_find_column(left, right->columns[column].id) == NULL, self,
                     "a column id on both sides", err));
    }
    CN_TRY(check(plan->n_columns - left->n_columns == n_more && passes_columns(plan, 0, left) &&
                     (!both || passes_columns(plan, left->n_columns, right)),
                 self, "columns that are not the sides'", err));
    CN_TRY(check(plan->join_kind != CNI_JOIN_MARK ||
                     plan->columns[left->n_columns].type->id == CNI_TYPE_BOOL,
                 self, "a mark that is not BOOLEAN", err));
    return plan->predicate == NULL
               ? CN_OK
               : check(plan->predicate->type->id == CNI_TYPE_BOOL, self, "no BOOLEAN", err);
}

static cn_code
check_with(const scope *self, cn_error *err)
{
    const cni_plan *plan = self->plan;
    return check(plan->n_children == 2 && plan->n_columns == plan->children[1]->n_columns &&
                     passes_columns(plan, 0, plan->children[1]),
                 self, "columns that are not the body's", err);
}

static cn_code
check_cte_scan(const scope *self, cn_error *err)
{
    const cni_plan *plan = self->plan;
    const scope *level = self->outer;
    while (level != NULL && (level->kind != SCOPE_CTE || level->plan->cte_id != plan->cte_id)) {
        level = level->outer;
    }
    if (level == NULL) {
        return check(false, self, "a definition that is not above it", err);
    }
    const cni_plan *definition =
        level->plan->kind == CNI_PLAN_WITH ? level->plan->children[0] : level->plan;
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const int32_t position = plan->table_columns[column];
        CN_TRY(check(
            position >= 0 && position < definition->n_columns &&
                cni_type_equal(definition->columns[position].type, plan->columns[column].type),
            self, "a column that is not the definition's", err));
    }
    return check(plan->n_children == 0, self, "children", err);
}

static cn_code
check_recursive(const scope *self, cn_error *err)
{
    CN_TRY(check(self->plan->n_children == 2, self, "a wrong number of children", err));
    return check_union(self, err);
}

static cn_code
check_repeat(const scope *self, cn_error *err)
{
    CN_TRY(check(self->plan->n_exprs == 1 && self->plan->exprs[0]->type->id == CNI_TYPE_INT64, self,
                 "no BIGINT count", err));
    return check_passed(self, err);
}

/* Functions stand behind the partition keys only, and make the columns behind the child's. */
static cn_code
check_window(const scope *self, cn_error *err)
{
    const cni_plan *plan = self->plan;
    CN_TRY(check(plan->n_children == 1 && plan->n_groups >= 0 && plan->n_groups <= plan->n_exprs,
                 self, "a wrong number of partition keys", err));
    const cni_plan *child = plan->children[0];
    const int32_t n_functions = plan->n_exprs - plan->n_groups;
    CN_TRY(
        check(plan->n_columns == child->n_columns + n_functions && passes_columns(plan, 0, child),
              self, "columns that are not the child's and the functions'", err));
    for (int32_t at = 0; at < plan->n_exprs; at++) {
        const cni_expr *expr = plan->exprs[at];
        const bool is_call = expr->kind == CNI_EXPR_WINDOW || expr->kind == CNI_EXPR_AGGREGATE;
        CN_TRY(check(is_call == (at >= plan->n_groups), self, "a function in a wrong place", err));
    }
    for (int32_t at = 0; at < n_functions; at++) {
        CN_TRY(check(cni_type_equal(plan->exprs[plan->n_groups + at]->type,
                                    plan->columns[child->n_columns + at].type),
                     self, "a function that is not of its column's type", err));
    }
    return CN_OK;
}

static cn_code
check_shape(const scope *self, cn_error *err)
{
    const cni_plan *plan = self->plan;
    switch (plan->kind) {
    case CNI_PLAN_SCAN:
        return check_scan(self, err);
    case CNI_PLAN_VALUES:
        return check_made(self, plan->n_rows * plan->n_columns, err);
    case CNI_PLAN_FILTER:
        CN_TRY(check(plan->predicate != NULL && plan->predicate->type->id == CNI_TYPE_BOOL, self,
                     "no BOOLEAN", err));
        return check_passed(self, err);
    case CNI_PLAN_PROJECT:
        CN_TRY(check(plan->n_children == 1, self, "a wrong number of children", err));
        return check_made(self, plan->n_columns, err);
    case CNI_PLAN_AGGREGATE:
        CN_TRY(
            check(plan->n_children == 1 && plan->n_groups >= 0 && plan->n_groups <= plan->n_columns,
                  self, "a wrong number of groups", err));
        return check_made(self, plan->n_columns, err);
    case CNI_PLAN_DISTINCT:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
        CN_TRY(check(plan->limit >= CNI_NO_LIMIT && plan->offset >= 0, self, "a bad limit", err));
        return check_passed(self, err);
    case CNI_PLAN_UNION_ALL:
        return check_union(self, err);
    case CNI_PLAN_JOIN:
        return check_join(self, err);
    case CNI_PLAN_WITH:
        return check_with(self, err);
    case CNI_PLAN_CTE_SCAN:
        return check_cte_scan(self, err);
    case CNI_PLAN_RECURSIVE:
        return check_recursive(self, err);
    case CNI_PLAN_REPEAT:
        return check_repeat(self, err);
    case CNI_PLAN_WINDOW:
        return check_window(self, err);
    default:
        return check(plan->kind != CNI_PLAN_INVALID && plan->kind < CNI_PLAN_KIND_COUNT_, self,
                     "a node of no kind", err);
    }
}

static cn_code
check_ids(const scope *self, cn_error *err)
{
    const cni_plan *plan = self->plan;
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_column *first = cni_plan_find_column(plan, plan->columns[column].id);
        CN_TRY(check(plan->columns[column].type != NULL, self, "a column without a type", err));
        CN_TRY(check(first == &plan->columns[column], self, "a column id twice", err));
    }
    return CN_OK;
}

/* What the child at `child` may see besides what its parent may. */
static cn_code
validate_child(const cni_plan *plan, int32_t child, const scope *outer, cn_error *err)
{
    const bool defines = plan->kind == CNI_PLAN_WITH || plan->kind == CNI_PLAN_RECURSIVE;
    const scope more = {outer, plan, defines ? SCOPE_CTE : SCOPE_LEFT};
    const bool sees_more = child == 1 && (defines || plan->kind == CNI_PLAN_JOIN);
    return validate_plan(plan->children[child], sees_more ? &more : outer, err);
}

static cn_code
validate_plan(const cni_plan *plan, const scope *outer, cn_error *err)
{
    const scope self = {outer, plan, SCOPE_CHILDREN};
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(validate_child(plan, child, outer, err));
    }
    CN_TRY(check_ids(&self, err));
    CN_TRY(validate_exprs(&self, plan->exprs, plan->n_exprs, err));
    for (int32_t order = 0; order < plan->n_orders; order++) {
        CN_TRY(validate_expr(&self, plan->orders[order].expr, err));
    }
    if (plan->predicate != NULL) {
        CN_TRY(validate_expr(&self, plan->predicate, err));
    }
    return check_shape(&self, err);
}

cn_code
cni_plan_validate(const cni_plan *plan, cn_error *err)
{
    return validate_plan(plan, NULL, err);
}
