/* SPDX-License-Identifier: Apache-2.0
 *
 * Columns on their way up: a question about a column of a plan goes down to where the column is
 * made, and the answer is adapted at every node that it passes on its way back. Filters on other
 * columns leave fewer distinct values by chance (Yao's formula); filters on the column itself also
 * shrink its domain; equality in an inner join leaves the values that both sides have.
 */
#include <math.h>

#include "optimize/cost/estimate_int.h"

/* ---- formulas ---- */

/* Distinct values left when `fraction` of n_rows rows stay, chosen without regard to the column. */
static double
distinct_left(double n_distinct, double n_rows, double fraction)
{
    if (fraction >= 1.0 || n_distinct <= 1.0) {
        return n_distinct;
    }
    const double rows_each = fmax(1.0, n_rows / n_distinct);
    return fmax(1.0, n_distinct * (1.0 - pow(1.0 - cni_fraction(fraction), rows_each)));
}

void
cni_estimate_narrow(cni_column_estimate *estimate, double n_rows, double fraction,
                    double own_fraction)
{
    const double own = cni_fraction(own_fraction);
    const double rest = own > 0.0 ? fmin(1.0, fraction / own) : 0.0;
    estimate->n_domain = fmax(1.0, estimate->n_domain * own);
    estimate->n_distinct = distinct_left(fmax(1.0, estimate->n_distinct * own), n_rows * own, rest);
}

/* Of columns of one origin: the widest counts whole, the others less and less; never more than the
 * origin has rows, and exactly the widest when it is a key. */
static double
distinct_of_origin(const cni_column_estimate *estimates, const int32_t *order, int32_t n_estimates,
                   int32_t first)
{
    const cni_column_estimate *widest = &estimates[order[first]];
    double product = widest->n_distinct;
    double power = 1.0;
    if (widest->origin != NULL && widest->n_domain >= 0.9 * widest->origin_rows) {
        return product;
    }
    for (int32_t at = first + 1; at < n_estimates; at++) {
        const cni_column_estimate *other = &estimates[order[at]];
        if (widest->origin != NULL && other->origin == widest->origin) {
            power = fmax(0.25, power - 0.2);
            product *= pow(other->n_distinct, power);
        }
    }
    return widest->origin != NULL ? fmin(product, fmax(1.0, widest->origin_rows)) : product;
}

static bool
is_first_of_origin(const cni_column_estimate *estimates, const int32_t *order, int32_t at)
{
    const cni_plan *origin = estimates[order[at]].origin;
    for (int32_t before = 0; origin != NULL && before < at; before++) {
        if (estimates[order[before]].origin == origin) {
            return false;
        }
    }
    return true;
}

double
cni_estimate_combined_distinct(const cni_column_estimate *estimates, int32_t n_estimates,
                               double n_rows)
{
    enum {
        MAX_COLUMNS = 64
    };
    int32_t order[MAX_COLUMNS];
    double product = 1.0;
    const int32_t n = n_estimates < MAX_COLUMNS ? n_estimates : MAX_COLUMNS;
    if (n_estimates == 1) {
        return fmax(1.0, fmin(estimates[0].n_distinct, n_rows));
    }
    for (int32_t at = 0; at < n; at++) {
        int32_t place = at;
        while (place > 0 && estimates[order[place - 1]].n_distinct < estimates[at].n_distinct) {
            order[place] = order[place - 1];
            place--;
        }
        order[place] = at;
    }
    for (int32_t at = 0; at < n && product < 1e15; at++) {
        if (is_first_of_origin(estimates, order, at)) {
            product *= distinct_of_origin(estimates, order, n, at);
        }
    }
    if (n_rows >= product * 20.0) {
        return product;
    }
    const double widest = n > 0 ? estimates[order[0]].n_distinct : 1.0;
    return fmax(1.0, fmin(n_rows, fmax(widest, product * (1.0 - exp(-n_rows / product)))));
}

/* ---- where a column comes from ---- */

static int32_t
position_of(const cni_plan *plan, int32_t column_id)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        if (plan->columns[column].id == column_id) {
            return column;
        }
    }
    return -1;
}

/* The node below that has the column, under *inout_id; NULL = it is made here. */
static const cni_plan *
source_of(const cni_estimator *self, const cni_plan *plan, int32_t *inout_id)
{
    const int32_t at = position_of(plan, *inout_id);
    const cni_plan *definition = NULL;
    switch (plan->kind) {
    case CNI_PLAN_PROJECT:
        if (at >= 0 && plan->exprs[at]->kind == CNI_EXPR_COLUMN) {
            *inout_id = plan->exprs[at]->column_id;
            return plan->children[0];
        }
        return NULL;
    case CNI_PLAN_AGGREGATE:
        if (at >= 0 && at < plan->n_groups && plan->exprs[at]->kind == CNI_EXPR_COLUMN) {
            *inout_id = plan->exprs[at]->column_id;
            return plan->children[0];
        }
        return NULL;
    case CNI_PLAN_JOIN:
        for (int32_t child = 0; child < 2; child++) {
            if (position_of(plan->children[child], *inout_id) >= 0) {
                return plan->children[child];
            }
        }
        return NULL;
    case CNI_PLAN_WITH:
        return plan->children[1];
    case CNI_PLAN_CTE_SCAN:
        definition = cni_estimator_cte(self, plan->cte_id);
        if (definition != NULL && at >= 0 && plan->table_columns[at] < definition->n_columns) {
            *inout_id = definition->columns[plan->table_columns[at]].id;
            return definition;
        }
        return NULL;
    case CNI_PLAN_RECURSIVE:
        if (at >= 0) {
            *inout_id = plan->children[0]->columns[at].id;
            return plan->children[0];
        }
        return NULL;
    case CNI_PLAN_WINDOW:
        return position_of(plan->children[0], *inout_id) >= 0 ? plan->children[0] : NULL;
    case CNI_PLAN_FILTER:
    case CNI_PLAN_DISTINCT:
    case CNI_PLAN_SORT:
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
    case CNI_PLAN_REPEAT:
        return plan->children[0];
    default:
        return NULL;
    }
}

/* ---- made here ---- */

static cn_code
column_of_scan(cni_estimator *self, const cni_estimated_node *node, int32_t column_id,
               cni_column_estimate *out, cn_error *err)
{
    const cni_plan *scan = node->plan;
    const int32_t position = cni_estimate_scan_position(scan, column_id);
    cni_estimated_table *table = NULL;
    double own = 1.0;
    if (position < 0) {
        return CN_OK;
    }
    CN_TRY(cni_estimator_table(self, scan->table, &table, err));
    CN_TRY(cni_estimate_table_column(self, table, position, out, err));
    CN_TRY(cni_estimate_own_fraction(self, scan, scan->filters, scan->n_filters, column_id, &own,
                                     err));
    out->origin = scan;
    cni_estimate_narrow(out, table->n_rows, node->estimate.rows / fmax(1.0, table->n_rows), own);
    return CN_OK;
}

static cn_code
column_of_aggregate(cni_estimator *self, const cni_estimated_node *node, int32_t at,
                    cni_column_estimate *out, cn_error *err)
{
    const cni_plan *plan = node->plan;
    const cni_expr *expr = plan->exprs[at];
    const cni_plan *child = plan->children[0];
    if (at < plan->n_groups) {
        return cni_estimate_expr(self, child, NULL, expr, out, err);
    }
    const uint8_t builtin = expr->function == NULL ? 0 : expr->function->builtin;
    if (expr->n_args >= 1 && (builtin == CNI_AGGREGATE_MIN || builtin == CNI_AGGREGATE_MAX)) {
        cni_plan_estimate below;
        CN_TRY(cni_estimate_plan(self, child, &below, err));
        CN_TRY(cni_estimate_expr(self, child, NULL, expr->args[0], out, err));
        out->origin = NULL;
        out->picked_from = fmax(1.0, below.rows / fmax(1.0, node->estimate.rows));
        return CN_OK;
    }
    out->n_distinct = fmax(1.0, node->estimate.rows / 2.0);
    out->n_domain = out->n_distinct;
    out->null_fraction = 0.0;
    return CN_OK;
}

/* All columns of the place, taken together: half of what they have is common. */
static cn_code
column_of_union(cni_estimator *self, const cni_plan *plan, int32_t at, cni_column_estimate *out,
                cn_error *err)
{
    double sum = 0.0;
    double most = 0.0;
    for (int32_t child = 0; child < plan->n_children; child++) {
        cni_column_estimate part;
        CN_TRY(cni_estimate_column(self, plan->children[child],
                                   plan->children[child]->columns[at].id, &part, err));
        if (child == 0) {
            *out = part;
        }
        out->has_bounds = out->has_bounds && part.has_bounds;
        out->low = fmin(out->low, part.low);
        out->high = fmax(out->high, part.high);
        sum += part.n_distinct;
        most = fmax(most, part.n_distinct);
    }
    out->n_distinct = (sum + most) / 2.0;
    out->n_domain = out->n_distinct;
    out->origin = NULL;
    return CN_OK;
}

static cn_code
column_made(cni_estimator *self, const cni_estimated_node *node, int32_t column_id,
            cni_column_estimate *out, cn_error *err)
{
    const cni_plan *plan = node->plan;
    const int32_t at = position_of(plan, column_id);
    const double rows = fmax(1.0, node->estimate.rows);
    *out = (cni_column_estimate){.n_distinct = rows,
                                 .n_domain = rows,
                                 .width_bytes =
                                     at < 0 ? 8.0 : cni_estimate_width(plan->columns[at].type),
                                 .origin_rows = rows};
    if (plan->kind == CNI_PLAN_SCAN) {
        return column_of_scan(self, node, column_id, out, err);
    }
    if (at < 0) {
        return CN_OK;
    }
    switch (plan->kind) {
    case CNI_PLAN_PROJECT:
        return cni_estimate_expr(self, plan->children[0], NULL, plan->exprs[at], out, err);
    case CNI_PLAN_AGGREGATE:
        return column_of_aggregate(self, node, at, out, err);
    case CNI_PLAN_UNION_ALL:
        return column_of_union(self, plan, at, out, err);
    case CNI_PLAN_JOIN: /* the mark */
        out->n_distinct = 2.0;
        out->n_domain = 2.0;
        return CN_OK;
    default:
        return CN_OK;
    }
}

/* ---- passed on ---- */

static cn_code
through_filter(cni_estimator *self, const cni_plan *plan, int32_t column_id, double below,
               double fraction, cni_column_estimate *inout, cn_error *err)
{
    const cni_expr *const *conjuncts = NULL;
    int32_t n_conjuncts = 0;
    double own = 1.0;
    CN_TRY(cni_estimate_conjuncts(self, plan->predicate, &conjuncts, &n_conjuncts, err));
    CN_TRY(cni_estimate_own_fraction(self, plan->children[0], conjuncts, n_conjuncts, column_id,
                                     &own, err));
    cni_estimate_narrow(inout, below, fraction, own);
    return CN_OK;
}

/* What equality with columns of the other side leaves; *out_equated: there is such a conjunct. */
static cn_code
equate(cni_estimator *self, const cni_plan *plan, const cni_plan *other, int32_t column_id,
       cni_column_estimate *inout, bool *out_equated, cn_error *err)
{
    const cni_expr *const *conjuncts = NULL;
    int32_t n_conjuncts = 0;
    *out_equated = false;
    CN_TRY(cni_estimate_conjuncts(self, plan->predicate, &conjuncts, &n_conjuncts, err));
    for (int32_t at = 0; at < n_conjuncts; at++) {
        const int32_t partner = cni_estimate_partner(conjuncts[at], column_id, other);
        cni_column_estimate estimate;
        if (partner >= 0) {
            CN_TRY(cni_estimate_column(self, other, partner, &estimate, err));
            inout->n_distinct = fmin(inout->n_distinct, estimate.n_distinct);
            inout->n_domain = fmin(inout->n_domain, estimate.n_domain);
            inout->null_fraction = 0.0;
            *out_equated = true;
        }
    }
    return CN_OK;
}

static cn_code
through_join(cni_estimator *self, const cni_estimated_node *node, const cni_plan *child,
             int32_t column_id, double below, cni_column_estimate *inout, cn_error *err)
{
    const cni_plan *plan = node->plan;
    const bool is_left = child == plan->children[0];
    const double fraction = node->estimate.rows / below;
    bool is_equated = false;
    switch (plan->join_kind) {
    case CNI_JOIN_INNER:
    case CNI_JOIN_SEMI:
        CN_TRY(equate(self, plan, plan->children[is_left ? 1 : 0], column_id, inout, &is_equated,
                      err));
        if (!is_equated) {
            cni_estimate_narrow(inout, below, fraction, 1.0);
        }
        return CN_OK;
    case CNI_JOIN_ANTI:
        cni_estimate_narrow(inout, below, fraction, 1.0);
        return CN_OK;
    case CNI_JOIN_LEFT:
    case CNI_JOIN_SINGLE:
    case CNI_JOIN_FULL:
        if (!is_left) {
            inout->null_fraction = 1.0 - (1.0 - inout->null_fraction) * (1.0 - node->null_extended);
        }
        return CN_OK;
    default:
        return CN_OK;
    }
}

static cn_code
passed_on(cni_estimator *self, const cni_estimated_node *node, const cni_plan *child,
          int32_t column_id, cni_column_estimate *inout, cn_error *err)
{
    const cni_plan *plan = node->plan;
    cni_plan_estimate below;
    CN_TRY(cni_estimate_plan(self, child, &below, err));
    const double rows = fmax(1.0, below.rows);
    const double fraction = node->estimate.rows / rows;
    switch (plan->kind) {
    case CNI_PLAN_FILTER:
        return through_filter(self, plan, column_id, rows, fraction, inout, err);
    case CNI_PLAN_JOIN:
        return through_join(self, node, child, column_id, rows, inout, err);
    case CNI_PLAN_TOPN:
    case CNI_PLAN_LIMIT:
        cni_estimate_narrow(inout, rows, fraction, 1.0);
        return CN_OK;
    case CNI_PLAN_AGGREGATE:
    case CNI_PLAN_DISTINCT:
        inout->origin = plan;
        inout->origin_rows = node->estimate.rows;
        return CN_OK;
    default:
        return CN_OK;
    }
}

/* ---- the question ---- */

static const cni_estimated_column *
find_remembered(const cni_estimated_node *node, int32_t column_id)
{
    const cni_estimated_column *column = node->columns;
    while (column != NULL && column->id != column_id) {
        column = column->next;
    }
    return column;
}

static cn_code
remember(cni_estimator *self, cni_estimated_node *node, int32_t column_id,
         cni_column_estimate *inout, cn_error *err)
{
    cni_estimated_column *column = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &column, err));
    inout->n_distinct = fmax(1.0, fmin(inout->n_distinct, node->estimate.rows));
    inout->n_domain = fmax(inout->n_domain, 1.0);
    *column = (cni_estimated_column){.id = column_id, .estimate = *inout, .next = node->columns};
    node->columns = column;
    return CN_OK;
}

/* One step of the way down. */
typedef struct column_step {
    cni_estimated_node *node;
    const cni_plan *child; /* where the column comes from; NULL = made at node */
    int32_t id;            /* as node gives it */
    struct column_step *above;
} column_step;

/* The way down to a node that made the column or remembers it. */
static cn_code
go_down(cni_estimator *self, const cni_plan *plan, int32_t column_id, column_step **out_lowest,
        cn_error *err)
{
    column_step *lowest = NULL;
    while (plan != NULL) {
        column_step *step = NULL;
        CN_TRY(CN_ARENA_NEW(self->arena, &step, err));
        *step = (column_step){.id = column_id, .above = lowest};
        CN_TRY(cni_estimator_node(self, plan, &step->node, err));
        lowest = step;
        if (find_remembered(step->node, column_id) != NULL) {
            break;
        }
        step->child = source_of(self, plan, &column_id);
        plan = step->child;
    }
    *out_lowest = lowest;
    return CN_OK;
}

static cn_code
go_up(cni_estimator *self, const column_step *step, cni_column_estimate *out, cn_error *err)
{
    for (; step != NULL; step = step->above) {
        const cni_estimated_column *known = find_remembered(step->node, step->id);
        if (known != NULL) {
            *out = known->estimate;
            continue;
        }
        if (step->child == NULL) {
            CN_TRY(column_made(self, step->node, step->id, out, err));
        } else {
            CN_TRY(passed_on(self, step->node, step->child, step->id, out, err));
        }
        CN_TRY(remember(self, step->node, step->id, out, err));
    }
    return CN_OK;
}

cn_code
cni_estimate_column(cni_estimator *self, const cni_plan *plan, int32_t column_id,
                    cni_column_estimate *out_estimate, cn_error *err)
{
    column_step *lowest = NULL;
    *out_estimate = (cni_column_estimate){
        .n_distinct = 10.0, .n_domain = 10.0, .width_bytes = 8.0, .origin_rows = 10.0};
    if (self->depth >= CNI_ESTIMATE_MAX_DEPTH) {
        return CN_OK;
    }
    self->depth++;
    cn_code code = go_down(self, plan, column_id, &lowest, err);
    if (code == CN_OK) {
        code = go_up(self, lowest, out_estimate, err);
    }
    self->depth--;
    return code;
}
