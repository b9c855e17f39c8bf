/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows, bytes and cost of each kind of node from those of its children. Cost counts rows: those a
 * node gives, and what it does with those it reads (building, sorting).
 */
#include <math.h>

#include "optimize/cost/estimate_int.h"

#define RECURSION_STEPS 10.0
#define UNKNOWN_ROWS    1000.0
#define LEAST_ANTI      0.01

static cn_code
child_estimate(cni_estimator *self, const cni_plan *plan, int32_t child, cni_plan_estimate *out,
               cn_error *err)
{
    return cni_estimate_plan(self, plan->children[child], out, err);
}

static double
bytes_of_columns(const cni_plan *plan)
{
    double bytes = 0.0;
    for (int32_t column = 0; column < plan->n_columns; column++) {
        bytes += cni_estimate_width(plan->columns[column].type);
    }
    return bytes;
}

static cn_code
scan_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    cni_estimated_table *table = NULL;
    double fraction = 1.0;
    CN_TRY(cni_estimator_table(self, plan->table, &table, err));
    CN_TRY(cni_estimate_scan_fraction(self, plan, plan->filters, plan->n_filters, &fraction, err));
    CN_TRY(cni_estimate_scan_bytes(self, plan, &out->row_bytes, err));
    out->rows = table->n_rows * fraction;
    out->cost = table->n_rows;
    if (plan->limit != CNI_NO_LIMIT) {
        out->rows = fmin(out->rows, (double)plan->limit);
    }
    return CN_OK;
}

static cn_code
filter_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    double fraction = 1.0;
    CN_TRY(child_estimate(self, plan, 0, out, err));
    CN_TRY(cni_estimate_filter(self, plan->children[0], plan->predicate, &fraction, err));
    out->cost += out->rows;
    out->rows *= fraction;
    return CN_OK;
}

/* Distinct combinations of the expressions over the child. */
static cn_code
groups_of(cni_estimator *self, const cni_plan *child, const cni_expr *const *exprs, int32_t n_exprs,
          double n_rows, double *out_groups, cn_error *err)
{
    cni_column_estimate *estimates = NULL;
    CN_TRY(
        cni_arena_alloc_array(self->arena, n_exprs, (int64_t)sizeof(*estimates), &estimates, err));
    for (int32_t expr = 0; expr < n_exprs; expr++) {
        CN_TRY(cni_estimate_expr(self, child, NULL, exprs[expr], &estimates[expr], err));
    }
    *out_groups = cni_estimate_combined_distinct(estimates, n_exprs, n_rows);
    return CN_OK;
}

static cn_code
aggregate_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    double groups = 1.0;
    CN_TRY(child_estimate(self, plan, 0, out, err));
    if (plan->n_groups > 0) {
        CN_TRY(groups_of(self, plan->children[0], plan->exprs, plan->n_groups, out->rows, &groups,
                         err));
        groups = fmin(groups, out->rows);
    }
    out->cost += out->rows + 2.0 * groups;
    out->rows = groups;
    out->row_bytes = bytes_of_columns(plan);
    return CN_OK;
}

static cn_code
distinct_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    const cni_plan *child = plan->children[0];
    double groups = 1.0;
    CN_TRY(child_estimate(self, plan, 0, out, err));
    if (plan->n_exprs > 0) {
        CN_TRY(groups_of(self, child, plan->exprs, plan->n_exprs, out->rows, &groups, err));
        groups *= (double)cni_max_i64(1, plan->limit);
    } else {
        cni_column_estimate *estimates = NULL;
        CN_TRY(cni_arena_alloc_array(self->arena, child->n_columns, (int64_t)sizeof(*estimates),
                                     &estimates, err));
        for (int32_t column = 0; column < child->n_columns; column++) {
            CN_TRY(cni_estimate_column(self, child, child->columns[column].id, &estimates[column],
                                       err));
        }
        groups = cni_estimate_combined_distinct(estimates, child->n_columns, out->rows);
    }
    groups = fmin(groups, out->rows);
    out->cost += out->rows + 2.0 * groups;
    out->rows = groups;
    return CN_OK;
}

static void
limit_rows(const cni_plan *plan, cni_plan_estimate *inout)
{
    inout->rows = fmax(0.0, inout->rows - (double)plan->offset);
    if (plan->limit != CNI_NO_LIMIT) {
        inout->rows = fmin(inout->rows, (double)plan->limit);
    }
}

static cn_code
ordering_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    CN_TRY(child_estimate(self, plan, 0, out, err));
    if (plan->kind == CNI_PLAN_SORT || plan->kind == CNI_PLAN_WINDOW) {
        out->row_bytes = plan->kind == CNI_PLAN_SORT ? out->row_bytes : bytes_of_columns(plan);
        out->cost += out->rows * log2(out->rows + 2.0) / 4.0;
        return CN_OK;
    }
    out->cost += plan->kind == CNI_PLAN_TOPN ? out->rows : 0.0;
    limit_rows(plan, out);
    return CN_OK;
}

static cn_code
union_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    *out = (cni_plan_estimate){0};
    for (int32_t child = 0; child < plan->n_children; child++) {
        cni_plan_estimate part;
        CN_TRY(child_estimate(self, plan, child, &part, err));
        out->rows += part.rows;
        out->cost += part.cost;
        out->row_bytes = fmax(out->row_bytes, part.row_bytes);
    }
    return CN_OK;
}

/* ---- joins ---- */

static void
join_rows(cni_estimated_node *node, double left, double right, double inner, double matched)
{
    double *rows = &node->estimate.rows;
    const double unmatched = left * (1.0 - matched);
    switch (node->plan->join_kind) {
    case CNI_JOIN_SEMI:
        *rows = left * matched;
        break;
    case CNI_JOIN_ANTI:
        *rows = left * fmax(LEAST_ANTI, 1.0 - matched);
        break;
    case CNI_JOIN_MARK:
    case CNI_JOIN_SINGLE:
        *rows = left;
        break;
    case CNI_JOIN_LEFT:
        *rows = fmax(left, inner + unmatched);
        break;
    case CNI_JOIN_FULL:
        *rows = fmax(fmax(left, right), inner + unmatched);
        break;
    default:
        *rows = inner;
        break;
    }
    node->null_extended = *rows > 0.0 ? cni_fraction(unmatched / *rows) : 0.0;
}

static bool
may_build_either(const cni_plan *plan)
{
    return plan->join_kind != CNI_JOIN_MARK && plan->join_kind != CNI_JOIN_SINGLE;
}

static cn_code
join_node(cni_estimator *self, cni_estimated_node *node, cn_error *err)
{
    const cni_plan *plan = node->plan;
    const cni_plan *left_plan = plan->children[0];
    const cni_plan *right_plan = plan->children[1];
    const cni_expr *const *conjuncts = NULL;
    int32_t n_conjuncts = 0;
    double fraction = 1.0;
    double matched = 1.0;
    cni_plan_estimate left;
    cni_plan_estimate right;
    CN_TRY(child_estimate(self, plan, 0, &left, err));
    CN_TRY(child_estimate(self, plan, 1, &right, err));
    CN_TRY(cni_estimate_conjuncts(self, plan->predicate, &conjuncts, &n_conjuncts, err));
    CN_TRY(cni_estimate_join_fraction(self, left_plan, right_plan, conjuncts, n_conjuncts,
                                      &fraction, err));
    if (plan->join_kind != CNI_JOIN_INNER) {
        CN_TRY(cni_estimate_match_fraction(self, left_plan, right_plan, conjuncts, n_conjuncts,
                                           &matched, err));
    }
    join_rows(node, left.rows, right.rows, left.rows * right.rows * fraction, matched);
    double work = cni_estimate_join_cost(left.rows, right.rows, right.row_bytes);
    if (may_build_either(plan)) {
        work = fmin(work, cni_estimate_join_cost(right.rows, left.rows, left.row_bytes));
    }
    node->estimate.cost = left.cost + right.cost + node->estimate.rows + work;
    node->estimate.row_bytes = bytes_of_columns(plan);
    if (plan->join_kind == CNI_JOIN_INNER) {
        node->estimate.row_bytes = left.row_bytes + right.row_bytes;
    }
    return CN_OK;
}

/* ---- common table expressions ---- */

static cn_code
with_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    cni_plan_estimate definition;
    CN_TRY(child_estimate(self, plan, 0, &definition, err));
    CN_TRY(child_estimate(self, plan, 1, out, err));
    out->cost += definition.cost + definition.rows;
    return CN_OK;
}

static cn_code
cte_scan_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    const cni_plan *definition = cni_estimator_cte(self, plan->cte_id);
    *out = (cni_plan_estimate){.rows = UNKNOWN_ROWS};
    if (definition != NULL) {
        CN_TRY(cni_estimate_plan(self, definition, out, err));
    }
    out->cost = out->rows;
    out->row_bytes = bytes_of_columns(plan);
    return CN_OK;
}

static cn_code
recursive_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    cni_plan_estimate step;
    CN_TRY(child_estimate(self, plan, 0, out, err));
    CN_TRY(child_estimate(self, plan, 1, &step, err));
    out->rows += RECURSION_STEPS * step.rows;
    out->cost += RECURSION_STEPS * step.cost;
    return CN_OK;
}

static cn_code
other_node(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out, cn_error *err)
{
    *out = (cni_plan_estimate){.rows = UNKNOWN_ROWS, .cost = UNKNOWN_ROWS};
    if (plan->n_children > 0) {
        CN_TRY(child_estimate(self, plan, 0, out, err));
        out->cost += out->rows;
    }
    out->row_bytes = bytes_of_columns(plan);
    return CN_OK;
}

cn_code
cni_estimate_node(cni_estimator *self, cni_estimated_node *node, cn_error *err)
{
    const cni_plan *plan = node->plan;
    cni_plan_estimate *out = &node->estimate;
    switch (plan->kind) {
    case CNI_PLAN_SCAN:
        return scan_node(self, plan, out, err);
    case CNI_PLAN_VALUES:
        *out = (cni_plan_estimate){.rows = (double)plan->n_rows,
                                   .row_bytes = bytes_of_columns(plan),
                                   .cost = (double)plan->n_rows};
        return CN_OK;
    case CNI_PLAN_FILTER:
        return filter_node(self, plan, out, err);
    case CNI_PLAN_AGGREGATE:
        return aggregate_node(self, plan, out, err);
    case CNI_PLAN_DISTINCT:
        return distinct_node(self, plan, out, err);
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
    case CNI_PLAN_WINDOW:
        return ordering_node(self, plan, out, err);
    case CNI_PLAN_UNION_ALL:
        return union_node(self, plan, out, err);
    case CNI_PLAN_JOIN:
        return join_node(self, node, err);
    case CNI_PLAN_WITH:
        return with_node(self, plan, out, err);
    case CNI_PLAN_CTE_SCAN:
        return cte_scan_node(self, plan, out, err);
    case CNI_PLAN_RECURSIVE:
        return recursive_node(self, plan, out, err);
    default:
        return other_node(self, plan, out, err);
    }
}
