/* SPDX-License-Identifier: Apache-2.0
 *
 * Unnesting, the walk: bottom-up, each SUBQUERY expression of a node becomes a column of a
 * dependent join below the node, and each join whose right side names its left one is made an
 * ordinary one. Inner levels come first; what they name further out is free until its own level is
 * reached.
 *
 * A conjunct of a filter that is a subquery of IN, EXISTS, ANY or ALL becomes a SEMI or ANTI join.
 * How a dependent join is resolved is in unnest_join.c.
 */
#include "optimize/normalize/normalize.h"
#include "optimize/normalize/unnest_int.h"

/* Where subqueries of a node's expressions are joined: below it, to `child`. `guard` (NULL =
 * always) is the condition under which the CASE around them asks for them. */
typedef struct place {
    cni_rule_env *env;
    const cni_plan *child;
    const cni_expr *guard;
    cni_list known; /* of replacement: an expression that is there twice is joined once */
} place;

typedef struct replacement {
    const cni_expr *subquery;
    const cni_expr *column;
    const cni_expr *guard;
} replacement;

static cn_code unnest_node(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                           cn_error *err);

/* ---- subqueries ---- */

static cn_code
unnest_subquery(cni_rule_env *env, const cni_expr *expr, const cni_plan **out_plan, cn_error *err)
{
    CN_TRY(cni_normalize_input(env, expr->subquery, out_plan, err));
    return cni_unnest(env, *out_plan, out_plan, err);
}

/* What EXISTS does not look at: order, columns, duplicates, limits above 0. */
static const cni_plan *
strip_exists(const cni_plan *plan)
{
    for (;;) {
        const bool limits = plan->kind == CNI_PLAN_LIMIT || plan->kind == CNI_PLAN_DISTINCT;
        const bool ignored = plan->kind == CNI_PLAN_PROJECT || plan->kind == CNI_PLAN_SORT ||
                             plan->kind == CNI_PLAN_WINDOW ||
                             (plan->kind == CNI_PLAN_AGGREGATE && plan->n_groups > 0) ||
                             (limits && plan->limit != 0 && plan->offset == 0);
        if (!ignored) {
            return plan;
        }
        plan = plan->children[0];
    }
}

static cni_compare_op
negated_op(uint8_t op)
{
    static const cni_compare_op negated[CNI_COMPARE_COUNT_] = {
        [CNI_EQ] = CNI_NE, [CNI_NE] = CNI_EQ, [CNI_LT] = CNI_GE,
        [CNI_LE] = CNI_GT, [CNI_GT] = CNI_LE, [CNI_GE] = CNI_LT,
    };
    return negated[op];
}

/* args op columns: all equal, or some different. */
static cn_code
compare_rows(cni_rule_env *env, cni_compare_op op, const cni_expr *subquery, const cni_plan *plan,
             const cni_expr **out_predicate, cn_error *err)
{
    const cni_expr **parts = NULL;
    const int32_t n = subquery->n_args;
    if (n != plan->n_columns || n < 1) {
        return CN_FAIL(err, CN_INTERNAL, "a subquery of %d columns compared to %d values",
                       plan->n_columns, n);
    }
    if (n > 1 && op != CNI_EQ && op != CNI_NE) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                       "rows compared to a subquery by another operator than = or <>");
    }
    CN_TRY(cni_arena_alloc_array(env->arena, n, (int64_t)sizeof(*parts), &parts, err));
    for (int32_t part = 0; part < n; part++) {
        const cni_expr *column = NULL;
        CN_TRY(cni_expr_column(env->arena, plan->columns[part].id, plan->columns[part].type,
                               &column, err));
        CN_TRY(cni_expr_compare(env->arena, op, subquery->args[part], column, &parts[part], err));
    }
    return cni_expr_junction(env->arena, op == CNI_NE ? CNI_EXPR_OR : CNI_EXPR_AND, parts, n,
                             out_predicate, err);
}

/* A question about the rows of a subquery: does one fulfil `predicate` (NULL = any row does)? */
typedef struct question {
    const cni_plan *plan;
    const cni_expr *predicate;
    bool null_aware;
    bool negated; /* the answer is the contrary */
} question;

static bool
is_null_free(const cni_plan *child, const cni_expr *subquery, const cni_plan *plan)
{
    bool known = true;
    for (int32_t arg = 0; known && arg < subquery->n_args; arg++) {
        const cni_column *column = subquery->args[arg]->kind == CNI_EXPR_COLUMN
                                       ? cni_plan_find_column(child, subquery->args[arg]->column_id)
                                       : NULL;
        known = column != NULL && !column->nullable && !plan->columns[arg].nullable;
    }
    return known;
}

/* x op ALL (q) is NOT (x contrary-op ANY (q)). */
static cn_code
ask(place *self, const cni_expr *expr, question *out, cn_error *err)
{
    const bool all = expr->subquery_kind == CNI_SUBQUERY_ALL;
    const cni_compare_op op = expr->subquery_kind == CNI_SUBQUERY_IN ? CNI_EQ
                              : all                                  ? negated_op(expr->op)
                                                                     : (cni_compare_op)expr->op;
    *out = (question){.negated = expr->negated != all};
    CN_TRY(unnest_subquery(self->env, expr, &out->plan, err));
    if (expr->subquery_kind == CNI_SUBQUERY_EXISTS) {
        out->plan = strip_exists(out->plan);
        return CN_OK;
    }
    out->null_aware = !is_null_free(self->child, expr, out->plan);
    return compare_rows(self->env, op, expr, out->plan, &out->predicate, err);
}

static cn_code
join_scalar(place *self, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_plan *plan = NULL;
    cni_unnest_joined joined;
    CN_TRY(unnest_subquery(self->env, expr, &plan, err));
    if (plan->n_columns != 1) {
        return CN_FAIL(err, CN_INTERNAL, "a scalar subquery of %d columns", plan->n_columns);
    }
    /* Of rows that are not asked for, a second match is no error. */
    const cni_expr *guard = cni_unnest_at_most_one_row(plan) ? NULL : self->guard;
    CN_TRY(cni_unnest_dependent(self->env, CNI_JOIN_SINGLE, self->child, plan, guard, false,
                                &joined, err));
    self->child = joined.plan;
    const cni_column *column = &plan->columns[0];
    *out_expr = cni_unnest_map_get(&joined.map, column->id);
    if (*out_expr == NULL) {
        CN_TRY(cni_expr_column(self->env->arena, column->id, column->type, out_expr, err));
    }
    return cni_expr_cast(self->env->arena, *out_expr, expr->type, false, out_expr, err);
}

static cn_code
join_mark(place *self, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    question asked;
    cni_unnest_joined joined;
    CN_TRY(ask(self, expr, &asked, err));
    CN_TRY(cni_unnest_dependent(self->env, CNI_JOIN_MARK, self->child, asked.plan, asked.predicate,
                                asked.null_aware, &joined, err));
    self->child = joined.plan;
    *out_expr = joined.mark;
    return asked.negated ? cni_expr_not(self->env->arena, joined.mark, out_expr, err) : CN_OK;
}

/* The replacement of an equal expression; out_again: there is one, for another guard. */
static const cni_expr *
known_column(const place *self, const cni_expr *expr, bool *out_again)
{
    *out_again = false;
    for (int64_t at = 0; at < self->known.n_items; at++) {
        const replacement *known = self->known.items[at];
        if (cni_expr_equal(known->subquery, expr)) {
            *out_again = true;
            if (known->guard == NULL || known->guard == self->guard) {
                return known->column;
            }
        }
    }
    return NULL;
}

/* A plan that is joined twice needs other ids the second time. */
static cn_code
copy_subquery(cni_rule_env *env, const cni_expr **inout_expr, cn_error *err)
{
    cni_expr node = **inout_expr;
    CN_TRY(cni_plan_copy(&env->builder, node.subquery, NULL, &node.subquery, err));
    return cni_expr_new(env->arena, &node, inout_expr, err);
}

/* cni_expr_visit over a place. */
static cn_code
replace(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    place *self = state;
    replacement *made = NULL;
    bool again = false;
    *out_expr = expr;
    if (expr->kind == CNI_EXPR_LAMBDA && cni_expr_has_subquery(expr)) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED, "a subquery inside a lambda");
    }
    if (expr->kind != CNI_EXPR_SUBQUERY) {
        return CN_OK;
    }
    *out_expr = known_column(self, expr, &again);
    if (*out_expr != NULL) {
        return CN_OK;
    }
    CN_TRY(CN_ARENA_NEW(self->env->arena, &made, err));
    *made = (replacement){.subquery = expr, .guard = self->guard};
    if (again) {
        CN_TRY(copy_subquery(self->env, &expr, err));
    }
    CN_TRY(expr->subquery_kind == CNI_SUBQUERY_SCALAR ? join_scalar(self, expr, out_expr, err)
                                                      : join_mark(self, expr, out_expr, err));
    made->column = *out_expr;
    return cni_list_push(self->env->arena, &self->known, made, err);
}

static cn_code replace_in(place *self, const cni_expr *expr, const cni_expr **out_expr,
                          cn_error *err);

static cn_code
narrow_guard(place *self, const cni_expr *condition, cn_error *err)
{
    const cni_expr *const args[] = {self->guard, condition};
    if (self->guard == NULL) {
        self->guard = condition;
        return CN_OK;
    }
    return cni_expr_junction(self->env->arena, CNI_EXPR_AND, args, 2, &self->guard, err);
}

/* Each value under its condition, each condition where those before it are not true. */
static cn_code
replace_in_case(place *self, const cni_expr *expr, const cni_expr **args, cn_error *err)
{
    const cni_expr *outside = self->guard;
    for (int32_t arg = 0; arg + 1 < expr->n_args; arg += 2) {
        const cni_expr *condition = NULL;
        const cni_expr *before = self->guard;
        CN_TRY(replace_in(self, expr->args[arg], &args[arg], err));
        CN_TRY(cni_unnest_is_true(self->env, args[arg], &condition, err));
        CN_TRY(narrow_guard(self, condition, err));
        CN_TRY(replace_in(self, expr->args[arg + 1], &args[arg + 1], err));
        self->guard = before;
        CN_TRY(cni_expr_not(self->env->arena, condition, &condition, err));
        CN_TRY(narrow_guard(self, condition, err));
    }
    CN_TRY(replace_in(self, expr->args[expr->n_args - 1], &args[expr->n_args - 1], err));
    self->guard = outside;
    return CN_OK;
}

/* The expression with all its subqueries replaced. Depth is bounded by the expression's. */
static cn_code
replace_in(place *self, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const cni_expr **args = NULL;
    *out_expr = expr;
    if (!cni_expr_has_subquery(expr)) {
        return CN_OK;
    }
    if (expr->call != NULL) {
        return cni_expr_rewrite(self->env->arena, expr, replace, self, out_expr, err);
    }
    CN_TRY(
        cni_arena_alloc_array(self->env->arena, expr->n_args, (int64_t)sizeof(*args), &args, err));
    if (expr->kind == CNI_EXPR_CASE) {
        CN_TRY(replace_in_case(self, expr, args, err));
    }
    for (int32_t arg = 0; expr->kind != CNI_EXPR_CASE && arg < expr->n_args; arg++) {
        CN_TRY(replace_in(self, expr->args[arg], &args[arg], err));
    }
    CN_TRY(cni_expr_with_args(self->env->arena, expr, args, &expr, err));
    return replace(self, expr, out_expr, err);
}

/* ---- FILTER ---- */

/* The subquery that the conjunct is, behind any number of NOT; NULL when it is none. */
static const cni_expr *
bare_question(const cni_expr *conjunct, bool *out_negated)
{
    *out_negated = false;
    while (conjunct->kind == CNI_EXPR_NOT) {
        *out_negated = !*out_negated;
        conjunct = conjunct->args[0];
    }
    return conjunct->kind == CNI_EXPR_SUBQUERY && conjunct->subquery_kind != CNI_SUBQUERY_SCALAR
               ? conjunct
               : NULL;
}

static cn_code
join_question(place *self, const cni_expr *expr, bool negated, cn_error *err)
{
    const cni_expr **args = NULL;
    question asked;
    cni_unnest_joined joined;
    CN_TRY(
        cni_arena_alloc_array(self->env->arena, expr->n_args, (int64_t)sizeof(*args), &args, err));
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(replace_in(self, expr->args[arg], &args[arg], err));
    }
    CN_TRY(cni_expr_with_args(self->env->arena, expr, args, &expr, err));
    CN_TRY(ask(self, expr, &asked, err));
    const bool anti = negated != asked.negated;
    CN_TRY(cni_unnest_dependent(self->env, anti ? CNI_JOIN_ANTI : CNI_JOIN_SEMI, self->child,
                                asked.plan, asked.predicate, anti && asked.null_aware, &joined,
                                err));
    self->child = joined.plan;
    return CN_OK;
}

static cn_code
apply_conjunct(place *self, const cni_expr *conjunct, cn_error *err)
{
    bool negated = false;
    const cni_expr *asked = bare_question(conjunct, &negated);
    if (asked != NULL) {
        return join_question(self, asked, negated, err);
    }
    CN_TRY(replace_in(self, conjunct, &conjunct, err));
    return cni_plan_filter(&self->env->builder, self->child, conjunct, &self->child, err);
}

/* Conjuncts without subqueries come first, unless they may fail and stand behind one with. */
static cn_code
split_filter(cni_rule_env *env, const cni_plan *plan, cni_list *out_before, cni_list *out_rest,
             cn_error *err)
{
    cni_list conjuncts = {0};
    CN_TRY(cni_expr_conjuncts(env->arena, plan->predicate, &conjuncts, err));
    for (int64_t at = 0; at < conjuncts.n_items; at++) {
        const cni_expr *conjunct = conjuncts.items[at];
        const bool waits = cni_expr_has_subquery(conjunct) ||
                           (out_rest->n_items > 0 && cni_expr_may_error(conjunct));
        CN_TRY(cni_list_push(env->arena, waits ? out_rest : out_before, conjunct, err));
    }
    return CN_OK;
}

static cn_code
unnest_filter(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    place self = {.env = env, .child = plan->children[0]};
    cni_list before = {0};
    cni_list rest = {0};
    const cni_expr *predicate = NULL;
    CN_TRY(split_filter(env, plan, &before, &rest, err));
    CN_TRY(cni_unnest_and(env, &before, &predicate, err));
    if (predicate != NULL) {
        CN_TRY(cni_plan_filter(&env->builder, self.child, predicate, &self.child, err));
    }
    for (int64_t at = 0; at < rest.n_items; at++) {
        CN_TRY(apply_conjunct(&self, rest.items[at], err));
    }
    return cni_unnest_restore(env, self.child, plan->columns, plan->n_columns, NULL, out_plan, err);
}

/* ---- other nodes over one child ---- */

static bool
passes_columns(const cni_plan *plan)
{
    return plan->kind != CNI_PLAN_PROJECT && plan->kind != CNI_PLAN_AGGREGATE &&
           plan->kind != CNI_PLAN_WINDOW;
}

/* The node's own expressions without subqueries, in a copy of it. */
static cn_code
replace_in_node(place *self, const cni_plan *plan, cni_plan *out_node, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    const cni_expr **exprs = NULL;
    cni_order *orders = NULL;
    CN_TRY(cni_arena_alloc_array(arena, plan->n_exprs, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(arena, plan->n_orders, (int64_t)sizeof(*orders), &orders, err));
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        CN_TRY(replace_in(self, plan->exprs[expr], &exprs[expr], err));
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        orders[order] = plan->orders[order];
        CN_TRY(replace_in(self, orders[order].expr, &orders[order].expr, err));
    }
    *out_node = *plan;
    out_node->exprs = exprs;
    out_node->orders = orders;
    return CN_OK;
}

static cn_code
unnest_unary(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    place self = {.env = env, .child = plan->children[0]};
    const cni_plan *made = NULL;
    cni_plan node;
    CN_TRY(replace_in_node(&self, plan, &node, err));
    node.children = &self.child;
    if (passes_columns(plan)) {
        node.columns = self.child->columns;
        node.n_columns = self.child->n_columns;
    }
    CN_TRY(plan->kind == CNI_PLAN_WINDOW
               ? cni_plan_window_over(&env->builder, &node, self.child, &made, err)
               : cni_plan_new(&env->builder, &node, &made, err));
    return cni_unnest_restore(env, made, plan->columns, plan->n_columns, NULL, out_plan, err);
}

/* ---- VALUES ---- */

/* One row of VALUES as a projection of one row of nothing. */
static cn_code
project_row(cni_rule_env *env, const cni_plan *values, int64_t row, const cni_column *columns,
            const cni_plan **out_plan, cn_error *err)
{
    const cni_field field = {.name = CNI_STR("row"), .type = cni_type_of(CNI_TYPE_BOOL)};
    const cni_expr *yes = NULL;
    const cni_plan *one = NULL;
    CN_TRY(cni_expr_bool(env->arena, true, &yes, err));
    CN_TRY(cni_plan_values(&env->builder, &field, 1, &yes, 1, &one, err));
    CN_TRY(cni_unnest_project(env, one, values->exprs + row * values->n_columns, columns,
                              values->n_columns, &one, err));
    return unnest_node(env, one, out_plan, err);
}

static cn_code
unnest_values(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **rows = NULL;
    if (plan->n_rows == 1) {
        return project_row(env, plan, 0, plan->columns, out_plan, err);
    }
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_rows, (int64_t)sizeof(*rows), &rows, err));
    for (int64_t row = 0; row < plan->n_rows; row++) {
        cni_column *columns = NULL;
        CN_TRY(cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*columns),
                                     &columns, err));
        for (int32_t column = 0; column < plan->n_columns; column++) {
            columns[column] = plan->columns[column];
            columns[column].nullable = true;
            columns[column].id = env->builder.next_column_id++;
        }
        CN_TRY(project_row(env, plan, row, columns, &rows[row], err));
    }
    const cni_plan node = {.kind = CNI_PLAN_UNION_ALL,
                           .n_children = (int32_t)plan->n_rows,
                           .children = rows,
                           .n_columns = plan->n_columns,
                           .columns = plan->columns,
                           .estimated_rows = (double)plan->n_rows,
                           .estimated_cost = -1.0,
                           .limit = CNI_NO_LIMIT};
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

/* ---- JOIN ---- */

/* The join over other sides, with the same columns first asked for. */
static cn_code
rebuild_join(cni_rule_env *env, const cni_plan *plan, const cni_plan *left, const cni_plan *right,
             const cni_expr *predicate, const cni_plan **out_plan, cn_error *err)
{
    cni_id_set ids = {0};
    const int32_t n_left = plan->children[0]->n_columns;
    const cni_plan *joined = NULL;
    for (int32_t column = 0; column < left->n_columns; column++) {
        CN_TRY(cni_id_set_add(env->arena, &ids, left->columns[column].id, err));
    }
    if (cni_unnest_plan_names(&ids, right)) {
        CN_TRY(cni_unnest_dependent_node(env, (cni_join_kind)plan->join_kind, left, right,
                                         predicate, plan->null_aware, plan->columns + n_left,
                                         plan->n_columns - n_left, &joined, err));
    } else if (left == plan->children[0] && right == plan->children[1] &&
               predicate == plan->predicate) {
        joined = plan;
    } else {
        CN_TRY(cni_plan_join(&env->builder, (cni_join_kind)plan->join_kind, left, right, predicate,
                             plan->null_aware, &joined, err));
    }
    return cni_unnest_restore(env, joined, plan->columns, plan->n_columns, NULL, out_plan, err);
}

/* Subqueries of an inner join's predicate are those of a filter above it. */
static cn_code
unnest_inner(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    cni_list before = {0};
    cni_list rest = {0};
    const cni_expr *predicate = NULL;
    const cni_plan *joined = NULL;
    CN_TRY(split_filter(env, plan, &before, &rest, err));
    CN_TRY(cni_unnest_and(env, &before, &predicate, err));
    CN_TRY(rebuild_join(env, plan, plan->children[0], plan->children[1], predicate, &joined, err));
    CN_TRY(cni_unnest_and(env, &rest, &predicate, err));
    CN_TRY(cni_plan_filter(&env->builder, joined, predicate, &joined, err));
    return unnest_filter(env, joined, out_plan, err);
}

/* Subqueries in the predicate of another join: each is joined to the side that it is about. */
typedef struct two_places {
    place sides[2];
    cni_id_set ids[2];
} two_places;

static cn_code
replace_beside(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    two_places *self = state;
    bool named[2] = {false, false};
    if (expr->kind != CNI_EXPR_SUBQUERY) {
        return replace(&self->sides[1], expr, out_expr, err);
    }
    for (int32_t side = 0; side < 2; side++) {
        named[side] = cni_unnest_plan_names(&self->ids[side], expr->subquery);
        for (int32_t arg = 0; arg < expr->n_args; arg++) {
            named[side] = named[side] || cni_unnest_expr_names(&self->ids[side], expr->args[arg]);
        }
    }
    if (named[0] && named[1]) {
        return CN_FAIL(err, CN_NOT_IMPLEMENTED,
                       "a subquery in the ON clause of an outer join that refers to both sides");
    }
    return replace(&self->sides[named[0] ? 0 : 1], expr, out_expr, err);
}

static cn_code
unnest_outer(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    two_places self = {0};
    const cni_expr *predicate = NULL;
    for (int32_t side = 0; side < 2; side++) {
        const cni_plan *child = plan->children[side];
        self.sides[side] = (place){.env = env, .child = child};
        for (int32_t column = 0; column < child->n_columns; column++) {
            CN_TRY(cni_id_set_add(env->arena, &self.ids[side], child->columns[column].id, err));
        }
    }
    CN_TRY(cni_expr_rewrite(env->arena, plan->predicate, replace_beside, &self, &predicate, err));
    return rebuild_join(env, plan, self.sides[0].child, self.sides[1].child, predicate, out_plan,
                        err);
}

static cn_code
unnest_join(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    if (plan->predicate == NULL || !cni_expr_has_subquery(plan->predicate)) {
        return rebuild_join(env, plan, plan->children[0], plan->children[1], plan->predicate,
                            out_plan, err);
    }
    return plan->join_kind == CNI_JOIN_INNER ? unnest_inner(env, plan, out_plan, err)
                                             : unnest_outer(env, plan, out_plan, err);
}

/* ---- the walk ---- */

static bool
has_subquery(const cni_plan *plan)
{
    bool found = plan->predicate != NULL && cni_expr_has_subquery(plan->predicate);
    for (int32_t expr = 0; !found && expr < plan->n_exprs; expr++) {
        found = cni_expr_has_subquery(plan->exprs[expr]);
    }
    for (int32_t order = 0; !found && order < plan->n_orders; order++) {
        found = cni_expr_has_subquery(plan->orders[order].expr);
    }
    return found;
}

static cn_code
unnest_node(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    if (plan->kind == CNI_PLAN_JOIN) {
        return unnest_join(env, plan, out_plan, err);
    }
    if (!has_subquery(plan)) {
        *out_plan = plan;
        return CN_OK;
    }
    switch (plan->kind) {
    case CNI_PLAN_VALUES:
        return unnest_values(env, plan, out_plan, err);
    case CNI_PLAN_FILTER:
        return unnest_filter(env, plan, out_plan, err);
    default:
        return unnest_unary(env, plan, out_plan, err);
    }
}

cn_code
cni_unnest(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    return cni_plan_rewrite(env, plan, unnest_node, out_plan, err);
}
