/* SPDX-License-Identifier: Apache-2.0
 *
 * Key filters: from a key of a join down the probe side to the scans whose rows may be dropped when
 * their value is not among the build's keys. A filter passes every node that only lets go of what
 * such rows would have become: filters, projections of plain columns, sides of other joins whose
 * rows are lost without a partner (through equal keys also the other side), whole groups. It does
 * not pass where rows of other keys decide what comes out: limits, nullable sides, recursions, rows
 * that several readers share.
 */
#include "optimize/physical/physical_int.h"

typedef struct filter_aim {
    cni_phys_builder *builder;
    const cni_type *type;
    int32_t slot;
    int32_t n_found;
} filter_aim;

static cn_code aim(filter_aim *self, const cni_plan *plan, int32_t column_id, cn_error *err);

static cn_code
aim_at_scan(filter_aim *self, const cni_plan *scan, int32_t column_id, cn_error *err)
{
    const int32_t table_column = cni_phys_table_column(scan, column_id);
    cni_phys_target *target = NULL;
    if (table_column < 0 || scan->limit != CNI_NO_LIMIT) {
        return CN_OK;
    }
    CN_TRY(CN_ARENA_NEW(self->builder->arena, &target, err));
    *target = (cni_phys_target){scan, {self->slot, table_column}};
    self->n_found++;
    return cni_list_push(self->builder->arena, &self->builder->targets, target, err);
}

/* Column that `expr` is, or -1. */
static int32_t
plain_column(const cni_expr *expr)
{
    return expr->kind == CNI_EXPR_COLUMN ? expr->column_id : -1;
}

/* The column that the expression hands on: itself, or what all rows of its group have. */
static int32_t
handed_on(const cni_expr *expr)
{
    const bool is_same = expr->kind == CNI_EXPR_AGGREGATE && expr->function == &cni_aggregate_same;
    return plain_column(is_same ? expr->args[0] : expr);
}

/* PROJECT, or AGGREGATE: exprs[i] makes columns[i]. */
static cn_code
aim_through_exprs(filter_aim *self, const cni_plan *plan, int32_t column_id, cn_error *err)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const int32_t below = handed_on(plan->exprs[column]);
        if (plan->columns[column].id == column_id && below >= 0) {
            return aim(self, plan->children[0], below, err);
        }
    }
    return CN_OK;
}

/* Whole groups are lost, so the column must be one of the keys. */
static cn_code
aim_through_distinct(filter_aim *self, const cni_plan *plan, int32_t column_id, cn_error *err)
{
    bool is_key = plan->n_exprs == 0;
    for (int32_t key = 0; key < plan->n_exprs; key++) {
        is_key = is_key || plain_column(plan->exprs[key]) == column_id;
    }
    return is_key ? aim(self, plan->children[0], column_id, err) : CN_OK;
}

/* Whole partitions are lost, likewise. */
static cn_code
aim_through_window(filter_aim *self, const cni_plan *plan, int32_t column_id, cn_error *err)
{
    bool is_key = false;
    for (int32_t key = 0; key < plan->n_groups; key++) {
        is_key = is_key || plain_column(plan->exprs[key]) == column_id;
    }
    return is_key ? aim(self, plan->children[0], column_id, err) : CN_OK;
}

static cn_code
aim_through_union(filter_aim *self, const cni_plan *plan, int32_t column_id, cn_error *err)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        if (plan->columns[column].id != column_id) {
            continue;
        }
        for (int32_t child = 0; child < plan->n_children; child++) {
            CN_TRY(
                aim(self, plan->children[child], plan->children[child]->columns[column].id, err));
        }
    }
    return CN_OK;
}

/* The other side's column that a conjunct makes equal to `column_id`, -1 = the conjunct does not.
 */
static int32_t
equal_column(const cni_expr *conjunct, int32_t column_id)
{
    if (conjunct->kind != CNI_EXPR_COMPARE || conjunct->op != CNI_EQ) {
        return -1;
    }
    const int32_t a = plain_column(conjunct->args[0]);
    const int32_t b = plain_column(conjunct->args[1]);
    if (a == column_id) {
        return b;
    }
    return b == column_id ? a : -1;
}

static cn_code
aim_at_equals(filter_aim *self, const cni_plan *join, const cni_plan *other, int32_t column_id,
              cn_error *err)
{
    const bool is_and = join->predicate != NULL && join->predicate->kind == CNI_EXPR_AND;
    const cni_expr *const *conjuncts = is_and ? join->predicate->args : &join->predicate;
    const int32_t n_conjuncts = join->predicate == NULL ? 0 : is_and ? join->predicate->n_args : 1;
    for (int32_t at = 0; at < n_conjuncts; at++) {
        const int32_t equal = equal_column(conjuncts[at], column_id);
        if (equal >= 0 && cni_plan_find_column(other, equal) != NULL) {
            return aim(self, other, equal, err);
        }
    }
    return CN_OK;
}

static cn_code
aim_through_join(filter_aim *self, const cni_plan *plan, int32_t column_id, cn_error *err)
{
    const cni_plan *left = plan->children[0];
    const cni_plan *right = plan->children[1];
    const cni_join_kind kind = (cni_join_kind)plan->join_kind;
    if (kind == CNI_JOIN_FULL) {
        return CN_OK;
    }
    if (cni_plan_find_column(left, column_id) != NULL) {
        CN_TRY(aim(self, left, column_id, err));
        const bool through =
            kind == CNI_JOIN_INNER || kind == CNI_JOIN_SEMI || kind == CNI_JOIN_LEFT;
        return through ? aim_at_equals(self, plan, right, column_id, err) : CN_OK;
    }
    if (kind == CNI_JOIN_INNER && cni_plan_find_column(right, column_id) != NULL) {
        CN_TRY(aim(self, right, column_id, err));
        return aim_at_equals(self, plan, left, column_id, err);
    }
    return CN_OK;
}

/* Into a definition that its only reader computes. */
static cn_code
aim_through_cte(filter_aim *self, const cni_plan *plan, int32_t column_id, cn_error *err)
{
    const cni_phys_cte *cte = cni_phys_find_cte(self->builder, plan->cte_id);
    if (cte == NULL || cte->definition == NULL || cte->pipeline >= 0) {
        return CN_OK;
    }
    for (int32_t column = 0; column < plan->n_columns; column++) {
        if (plan->columns[column].id == column_id) {
            const int32_t position = plan->table_columns[column];
            return aim(self, cte->definition, cte->definition->columns[position].id, err);
        }
    }
    return CN_OK;
}

/* Depth is bounded by the plan's: definitions are read in their body only. */
static cn_code
aim(filter_aim *self, const cni_plan *plan, int32_t column_id, cn_error *err)
{
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_SCAN:
        return aim_at_scan(self, plan, column_id, err);
    case CNI_PLAN_FILTER:
    case CNI_PLAN_SORT:
    case CNI_PLAN_REPEAT:
        return aim(self, plan->children[0], column_id, err);
    case CNI_PLAN_PROJECT:
        return aim_through_exprs(self, plan, column_id, err);
    case CNI_PLAN_AGGREGATE:
        return aim_through_exprs(self, plan, column_id, err);
    case CNI_PLAN_DISTINCT:
        return aim_through_distinct(self, plan, column_id, err);
    case CNI_PLAN_WINDOW:
        return aim_through_window(self, plan, column_id, err);
    case CNI_PLAN_UNION_ALL:
        return aim_through_union(self, plan, column_id, err);
    case CNI_PLAN_JOIN:
        return aim_through_join(self, plan, column_id, err);
    case CNI_PLAN_WITH: /* what its definitions compute is not known here yet */
        return aim(self, plan->children[1], column_id, err);
    case CNI_PLAN_CTE_SCAN:
        return aim_through_cte(self, plan, column_id, err);
    default:
        return CN_OK;
    }
}

cn_code
cni_phys_aim_filter(cni_phys_builder *self, const cni_plan *plan, int32_t column_id,
                    const cni_type *type, int32_t *out_slot, cn_error *err)
{
    filter_aim state = {.builder = self, .type = type, .slot = (int32_t)self->filter_types.n_items};
    CN_TRY(aim(&state, plan, column_id, err));
    *out_slot = -1;
    if (state.n_found > 0) {
        *out_slot = state.slot;
        return cni_list_push(self->arena, &self->filter_types, type, err);
    }
    return CN_OK;
}

/* ---- whether a filter is worth it ---- */

static bool
is_target(const cni_phys_builder *self, const cni_plan *scan)
{
    for (int64_t at = 0; at < self->targets.n_items; at++) {
        const cni_phys_target *target = self->targets.items[at];
        if (target->scan == scan) {
            return true;
        }
    }
    return false;
}

bool
cni_phys_is_whole_table(const cni_phys_builder *self, const cni_plan *plan)
{
    for (;;) {
        switch ((cni_plan_kind)plan->kind) {
        case CNI_PLAN_SCAN:
            return plan->n_filters == 0 && plan->limit == CNI_NO_LIMIT && !is_target(self, plan);
        case CNI_PLAN_PROJECT:
        case CNI_PLAN_SORT:
        case CNI_PLAN_DISTINCT:
        case CNI_PLAN_WINDOW:
            break;
        case CNI_PLAN_AGGREGATE:
            if (plan->n_groups == 0) {
                return false;
            }
            break;
        case CNI_PLAN_JOIN:
            if (plan->join_kind != CNI_JOIN_LEFT && plan->join_kind != CNI_JOIN_SINGLE &&
                plan->join_kind != CNI_JOIN_MARK) {
                return false;
            }
            break;
        default:
            return false;
        }
        plan = plan->children[0];
    }
}
