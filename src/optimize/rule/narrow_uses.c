/* SPDX-License-Identifier: Apache-2.0
 *
 * Uses of an input's columns for the rule narrow_expression: everything above the input is walked,
 * each expression from its root down. The largest parts that can be moved are candidates; a column
 * outside of them is bare and stays.
 *
 * Only ancestors can name the columns of an input: ids are unique and joins are not correlated any
 * more. A part that was moved below stands for its column here.
 */
#include "optimize/rule/narrow_expression_int.h"

#define COST_MAX_NS 200.0 /* of one expression over one row */

/* ---- what can be moved ---- */

typedef struct look_over {
    const cni_plan *input;
    bool movable;
    bool any_column;
} look_over;

static bool
see_movable(void *state, const cni_expr *expr)
{
    look_over *look = state;
    switch ((cni_expr_kind)expr->kind) {
    case CNI_EXPR_COLUMN:
        look->any_column = true;
        look->movable = look->movable && cni_plan_find_column(look->input, expr->column_id) != NULL;
        break;
    case CNI_EXPR_LITERAL:
    case CNI_EXPR_CALL:
    case CNI_EXPR_COMPARE:
    case CNI_EXPR_DISTINCT:
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
    case CNI_EXPR_NOT:
    case CNI_EXPR_IS_NULL:
    case CNI_EXPR_IN:
    case CNI_EXPR_CASE:
    case CNI_EXPR_CAST:
        break;
    default:
        look->movable = false;
        break;
    }
    return look->movable;
}

bool
cni_narrow_is_fixed(const cni_type *type)
{
    const cni_phys phys = cni_type_phys(type);
    return phys == CNI_PHYS_BIT || (phys >= CNI_PHYS_I8 && phys <= CNI_PHYS_I128) ||
           phys == CNI_PHYS_F32 || phys == CNI_PHYS_F64;
}

/* NULL wherever all columns that it names are. */
static bool
is_null_of_nulls(const cni_expr *expr)
{
    int32_t n_null = 0;
    bool first = false;
    for (int32_t arg = expr->n_args - 1; arg >= 0; arg--) {
        first = is_null_of_nulls(expr->args[arg]);
        n_null += first ? 1 : 0;
    }
    switch ((cni_expr_kind)expr->kind) {
    case CNI_EXPR_COLUMN:
        return true;
    case CNI_EXPR_CALL:
        return n_null > 0 && expr->function->null_rule == CNI_NULL_IF_ANY;
    case CNI_EXPR_COMPARE:
    case CNI_EXPR_CAST:
    case CNI_EXPR_NOT:
        return n_null > 0;
    case CNI_EXPR_AND:
    case CNI_EXPR_OR:
        return n_null == expr->n_args;
    case CNI_EXPR_IN:
        return first;
    default:
        return false;
    }
}

static bool
is_candidate(const cni_narrow_input *self, const cni_expr *expr)
{
    look_over look = {self->input, true, false};
    if (expr->n_args == 0 || !cni_narrow_is_fixed(expr->type)) {
        return false;
    }
    cni_expr_walk(expr, see_movable, &look);
    return look.movable && look.any_column && cni_expr_is_free(expr) &&
           cni_expr_cost(expr) <= COST_MAX_NS && (!self->padded || is_null_of_nulls(expr));
}

/* ---- uses ---- */

static void
add_candidate(cni_narrow_input *self, const cni_expr *expr)
{
    for (int32_t at = 0; at < self->n_candidates; at++) {
        if (cni_expr_equal(self->candidates[at], expr)) {
            return; /* the lowest use sees most rows */
        }
    }
    self->crowded = self->crowded || self->n_candidates == CNI_NARROW_CANDIDATES;
    if (!self->crowded) {
        self->candidates[self->n_candidates] = expr;
        self->uses[self->n_candidates++] = self->at;
    }
}

/* The column that stands for the expression since an input below was narrowed; NULL = none. */
static const cni_expr *
find_moved(const cni_narrowing *self, const cni_expr *expr)
{
    for (int64_t group = 0; group < self->groups.n_items; group++) {
        const cni_list *members = self->groups.items[group];
        for (int64_t item = 0; item < members->n_items; item++) {
            const cni_moved_expr *moved = members->items[item];
            if (cni_expr_equal(moved->expr, expr)) {
                return moved->column;
            }
        }
    }
    return NULL;
}

static cn_code look_at(cni_narrow_input *self, const cni_expr *expr, cn_error *err);

static CN_NOINLINE cn_code
look_at_clauses(cni_narrow_input *self, const cni_call_clauses *call, cn_error *err)
{
    if (call->filter != NULL) {
        CN_TRY(look_at(self, call->filter, err));
    }
    for (int32_t order = 0; order < call->n_orders; order++) {
        CN_TRY(look_at(self, call->orders[order].expr, err));
    }
    for (int32_t key = 0; key < call->n_partitions; key++) {
        CN_TRY(look_at(self, call->partitions[key], err));
    }
    return CN_OK;
}

static cn_code
look_at(cni_narrow_input *self, const cni_expr *expr, cn_error *err)
{
    const cni_expr *moved = expr->n_args > 0 ? find_moved(self->rule, expr) : NULL;
    expr = moved == NULL ? expr : moved;
    if (expr->kind == CNI_EXPR_COLUMN || expr->kind == CNI_EXPR_LAMBDA ||
        expr->kind == CNI_EXPR_SUBQUERY) {
        return cni_id_set_add_expr(self->rule->env->arena, &self->bare, expr, err);
    }
    if (is_candidate(self, expr)) {
        add_candidate(self, expr);
        return CN_OK;
    }
    for (int32_t arg = 0; arg < expr->n_args; arg++) {
        CN_TRY(look_at(self, expr->args[arg], err));
    }
    return expr->call == NULL ? CN_OK : look_at_clauses(self, expr->call, err);
}

/* The node asks for all columns of its child as they are. */
static bool
takes_all(const cni_narrow_place *at)
{
    const cni_plan *plan = at->plan;
    return plan->kind == CNI_PLAN_UNION_ALL || plan->kind == CNI_PLAN_RECURSIVE ||
           (plan->kind == CNI_PLAN_DISTINCT && plan->n_exprs == 0) ||
           (plan->kind == CNI_PLAN_WITH && at->child == 0);
}

bool
cni_narrow_passes_on(const cni_narrow_place *at)
{
    const cni_plan *plan = at->plan;
    const bool asks = plan->kind == CNI_PLAN_JOIN &&
                      (plan->join_kind == CNI_JOIN_SEMI || plan->join_kind == CNI_JOIN_ANTI ||
                       plan->join_kind == CNI_JOIN_MARK);
    return plan->kind != CNI_PLAN_AGGREGATE && !takes_all(at) && !(asks && at->child == 1);
}

static bool
pads(const cni_narrow_place *at)
{
    const cni_plan *plan = at->plan;
    return plan->kind == CNI_PLAN_JOIN &&
           (plan->join_kind == CNI_JOIN_FULL ||
            (at->child == 1 &&
             (plan->join_kind == CNI_JOIN_LEFT || plan->join_kind == CNI_JOIN_SINGLE)));
}

static cn_code
look_at_node(cni_narrow_input *self, const cni_plan *plan, cn_error *err)
{
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        const cni_expr *one = plan->exprs[expr];
        if (plan->kind != CNI_PLAN_PROJECT || one->kind != CNI_EXPR_COLUMN ||
            one->column_id != plan->columns[expr].id) { /* else it is for those above to name */
            CN_TRY(look_at(self, one, err));
        }
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        CN_TRY(look_at(self, plan->orders[order].expr, err));
    }
    return plan->predicate == NULL ? CN_OK : look_at(self, plan->predicate, err);
}

cn_code
cni_narrow_find_uses(cni_narrow_input *self, const cni_narrow_place *from, cn_error *err)
{
    cni_arena *arena = self->rule->env->arena;
    for (self->at = from; self->at != NULL; self->at = self->at->above) {
        const cni_narrow_place *at = self->at;
        if (takes_all(at)) {
            return cni_id_set_add_plan(arena, &self->bare, at->plan->children[at->child], err);
        }
        CN_TRY(look_at_node(self, at->plan, err));
        if (!cni_narrow_passes_on(at)) {
            return CN_OK;
        }
        self->padded = self->padded || pads(at);
    }
    return cni_id_set_add_plan(arena, &self->bare, self->rule->root, err);
}
