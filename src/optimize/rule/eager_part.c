/* SPDX-License-Identifier: Apache-2.0
 *
 * Groupings in two steps: a part of the joins below a grouping is grouped first, by what is still
 * needed of it, and the joins see groups instead of rows.
 *
 *   AGGREGATE g: sum(x) over JOINS of (part, others)
 *     -> AGGREGATE g: sum_of_parts(p) over JOINS of
 *            (AGGREGATE part's columns that joins and g name: sum_part(x) AS p over part, others)
 *
 * All rows of a group of the part have the same values in everything that decides about their
 * partners, so they have the same ones. The part is any node that the grouping reaches through
 * inner joins, left sides of the other kinds but FULL, and filters; keys are of types whose equal
 * values are the same. Only what raises nothing is computed below; predicates between the part and
 * the grouping must give the same every time.
 *
 * Whether and where: by estimates. The groups are at most a quarter of the part's rows, the joins
 * do not leave much fewer rows than the part has (they would be the better filter), and grouping
 * first costs less than taking all rows through.
 */
#include <math.h>

#include "optimize/rule/eager_aggregation_int.h"

#define STEPS_MAX     32
#define KEYS_MAX      16
#define SHRINK_FACTOR 4.0 /* the part's rows per group, at least */
#define JOIN_FRACTION 0.7 /* of the part's rows that the joins must give */
#define COST_FRACTION 0.6 /* of the cost as it is that the cost of two steps may be */
#define BUILD_NS      10.0
#define OUTPUT_NS     0.5 /* of a row that a join gives */
#define TOTAL_NS      0.5 /* of a row in a grouping of one group */

/* A node between the grouping and the part, and the child that leads to it. */
typedef struct step {
    const cni_plan *node;
    int32_t child;
} step;

typedef struct way {
    int32_t n_steps;
    step steps[STEPS_MAX];
    const cni_plan *part;
} way;

typedef struct search {
    cni_rule_env *env;
    cni_estimator *estimator;
    const cni_plan *aggregate;
    double joined_rows; /* that the grouping reads; < 0 = not estimated yet */
    double n_groups;
    way current;
    way best;
    double best_fraction; /* of the cost as it is */
} search;

/* ---- costs ---- */

/* In nanoseconds of one core, measured on groupings and joins of 6 million rows by integer keys:
 * what counts is which cache holds the table. */
static double
cost_of_access(double table_bytes, const double per_level[4])
{
    return table_bytes < 256e3  ? per_level[0]
           : table_bytes < 2e6  ? per_level[1]
           : table_bytes < 32e6 ? per_level[2]
                                : per_level[3];
}

static double
cost_of_grouping(double n_rows, double n_groups, double group_bytes)
{
    static const double per_row[4] = {2.5, 4.0, 15.0, 30.0};
    return n_rows * cost_of_access(n_groups * (group_bytes + 16.0), per_row);
}

static double
cost_of_join(double n_probe, double n_build, double build_bytes)
{
    static const double per_probe[4] = {1.5, 3.0, 6.0, 12.0};
    return n_probe * cost_of_access(n_build * (build_bytes + 16.0), per_probe) + n_build * BUILD_NS;
}

/* Of the grouping above, when it reads n_rows. */
static double
cost_of_upper(const search *self, double n_rows)
{
    const double group_bytes = 16.0 * self->aggregate->n_columns;
    return self->aggregate->n_groups == 0
               ? n_rows * TOTAL_NS
               : cost_of_grouping(n_rows, fmin(self->n_groups, n_rows), group_bytes);
}

/* Of joining n_rows to `other`, relation by relation: its own joins are not in order yet. */
static cn_code
add_join_cost(search *self, const cni_plan *other, double n_rows, double row_bytes,
              double *inout_cost, cn_error *err)
{
    if (other->kind == CNI_PLAN_JOIN && other->join_kind == CNI_JOIN_INNER) {
        CN_TRY(add_join_cost(self, other->children[0], n_rows, row_bytes, inout_cost, err));
        return add_join_cost(self, other->children[1], n_rows, row_bytes, inout_cost, err);
    }
    cni_plan_estimate estimate = {0};
    CN_TRY(cni_estimate_plan(self->estimator, other, &estimate, err));
    *inout_cost +=
        n_rows * OUTPUT_NS + fmin(cost_of_join(n_rows, estimate.rows, estimate.row_bytes),
                                  cost_of_join(estimate.rows, n_rows, row_bytes));
    return CN_OK;
}

static cn_code
cost_of_joins(search *self, double n_rows, double row_bytes, double *out_cost, cn_error *err)
{
    *out_cost = 0.0;
    for (int32_t at = 0; at < self->current.n_steps; at++) {
        const step *passed = &self->current.steps[at];
        if (passed->node->kind == CNI_PLAN_JOIN) {
            CN_TRY(add_join_cost(self, passed->node->children[1 - passed->child], n_rows, row_bytes,
                                 out_cost, err));
        }
    }
    return CN_OK;
}

/* ---- the grouping below ---- */

/* Columns that nodes between name, and keys of the grouping that are not made below. */
static cn_code
named_above(search *self, cni_id_set *named, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    for (int32_t at = 0; at < self->current.n_steps; at++) {
        const cni_plan *node = self->current.steps[at].node;
        if (node->kind != CNI_PLAN_PROJECT && node->predicate != NULL) {
            CN_TRY(cni_id_set_add_expr(arena, named, node->predicate, err));
        }
    }
    return CN_OK;
}

/* A key of the grouping that is computed from the part alone. */
static bool
is_made_below(const cni_expr *group, const cni_plan *part)
{
    return group->kind != CNI_EXPR_COLUMN && cni_expr_is_over(group, part) &&
           !cni_expr_is_constant(group) && cni_expr_is_free(group) &&
           cni_type_is_exact(group->type);
}

static cn_code
add_column_keys(search *self, const cni_id_set *named, cni_eager_lower *lower, bool *out_fits,
                cn_error *err)
{
    const cni_plan *part = lower->part;
    for (int32_t at = 0; at < part->n_columns; at++) {
        const cni_column *column = &part->columns[at];
        const cni_expr *key = NULL;
        if (!cni_id_set_has(named, column->id)) {
            continue;
        }
        *out_fits = *out_fits && cni_type_is_exact(column->type);
        CN_TRY(cni_expr_column(self->env->arena, column->id, column->type, &key, err));
        CN_TRY(cni_list_push(self->env->arena, &lower->keys, key, err));
    }
    return CN_OK;
}

/* Without a key, the grouping would give a row where there is none. */
static cn_code
find_keys(search *self, cni_eager_lower *lower, bool *out_fits, cn_error *err)
{
    cni_id_set named = {0};
    const cni_plan *plan = self->aggregate;
    CN_TRY(cni_eager_calls_fit(self->env, plan, lower->part, &named, out_fits, err));
    if (!*out_fits) {
        return CN_OK;
    }
    CN_TRY(named_above(self, &named, err));
    for (int32_t group = 0; group < plan->n_groups; group++) {
        if (!is_made_below(plan->exprs[group], lower->part)) {
            CN_TRY(cni_id_set_add_expr(self->env->arena, &named, plan->exprs[group], err));
        }
    }
    CN_TRY(add_column_keys(self, &named, lower, out_fits, err));
    for (int32_t group = 0; group < plan->n_groups; group++) {
        if (is_made_below(plan->exprs[group], lower->part)) {
            CN_TRY(cni_list_push(self->env->arena, &lower->keys, plan->exprs[group], err));
        }
    }
    *out_fits = *out_fits && lower->keys.n_items > 0 && lower->keys.n_items <= KEYS_MAX;
    return CN_OK;
}

static const cni_expr *const *
items_of(const cni_list *list)
{
    return (const cni_expr *const *)(const void *)list->items;
}

/* Keys that are made below go by the names that the grouping gives them. */
static cn_code
name_keys(search *self, const cni_eager_lower *lower, const cni_plan **inout_grouped, cn_error *err)
{
    const cni_plan *plan = self->aggregate;
    const cni_plan *grouped = *inout_grouped;
    cni_column *columns = NULL;
    cni_plan node = *grouped;
    CN_TRY(cni_arena_alloc_array(self->env->arena, grouped->n_columns, (int64_t)sizeof(*columns),
                                 &columns, err));
    memcpy(columns, grouped->columns, (size_t)grouped->n_columns * sizeof(*columns));
    for (int64_t key = 0; key < lower->keys.n_items; key++) {
        for (int32_t group = 0; group < plan->n_groups; group++) {
            if (lower->keys.items[key] == plan->exprs[group]) {
                columns[key].name = plan->columns[group].name;
            }
        }
    }
    node.columns = columns;
    return cni_plan_new(&self->env->builder, &node, inout_grouped, err);
}

static cn_code
group_part(search *self, cni_eager_lower *lower, const cni_plan **out_grouped, cn_error *err)
{
    const cni_plan *plan = self->aggregate;
    for (int32_t at = plan->n_groups; at < plan->n_columns; at++) {
        CN_TRY(cni_eager_lower_call(self->env, plan->exprs[at], lower, err));
    }
    CN_TRY(cni_plan_aggregate(&self->env->builder, lower->part, items_of(&lower->keys),
                              (int32_t)lower->keys.n_items, items_of(&lower->calls),
                              (int32_t)lower->calls.n_items, out_grouped, err));
    return name_keys(self, lower, out_grouped, err);
}

/* ---- where ---- */

static cn_code
estimate_now(search *self, cn_error *err)
{
    cni_plan_estimate joined = {0};
    cni_plan_estimate groups = {0};
    if (self->joined_rows >= 0.0) {
        return CN_OK;
    }
    CN_TRY(cni_estimator_new(self->env->arena, self->env->context, &self->estimator, err));
    CN_TRY(cni_estimate_plan(self->estimator, self->aggregate->children[0], &joined, err));
    CN_TRY(cni_estimate_plan(self->estimator, self->aggregate, &groups, err));
    self->joined_rows = joined.rows;
    self->n_groups = groups.rows;
    return CN_OK;
}

static cn_code
weigh(search *self, cni_eager_lower *lower, cn_error *err)
{
    const cni_plan *grouped = NULL;
    cni_plan_estimate part = {0};
    cni_plan_estimate groups = {0};
    double joins_now = 0.0;
    double joins_then = 0.0;
    CN_TRY(estimate_now(self, err));
    CN_TRY(cni_estimate_plan(self->estimator, lower->part, &part, err));
    if (self->joined_rows < JOIN_FRACTION * part.rows) {
        return CN_OK;
    }
    CN_TRY(group_part(self, lower, &grouped, err));
    CN_TRY(cni_estimate_plan(self->estimator, grouped, &groups, err));
    if (groups.rows * SHRINK_FACTOR > part.rows) {
        return CN_OK;
    }
    CN_TRY(cost_of_joins(self, part.rows, part.row_bytes, &joins_now, err));
    CN_TRY(cost_of_joins(self, groups.rows, groups.row_bytes, &joins_then, err));
    const double joined_then = self->joined_rows * groups.rows / fmax(1.0, part.rows);
    const double now = joins_now + cost_of_upper(self, self->joined_rows);
    const double then = cost_of_grouping(part.rows, groups.rows, groups.row_bytes) + joins_then +
                        cost_of_upper(self, joined_then);
    if (then < self->best_fraction * now) {
        self->best_fraction = then / now;
        self->best = self->current;
        self->best.part = lower->part;
    }
    return CN_OK;
}

static cn_code
try_part(search *self, const cni_plan *part, cn_error *err)
{
    cni_eager_lower lower = {.part = part};
    bool fits = false;
    CN_TRY(find_keys(self, &lower, &fits, err));
    return fits ? weigh(self, &lower, err) : CN_OK;
}

/* A projection that only leaves columns out. */
static bool
only_leaves_out(const cni_plan *plan)
{
    for (int32_t at = 0; at < plan->n_columns; at++) {
        if (plan->kind != CNI_PLAN_PROJECT || plan->exprs[at]->kind != CNI_EXPR_COLUMN ||
            plan->exprs[at]->column_id != plan->columns[at].id) {
            return false;
        }
    }
    return plan->kind == CNI_PLAN_PROJECT;
}

/* Rows of the child that are equal in what the node names have the same rows of its own. */
static bool
leads_on(const cni_plan *node, int32_t child)
{
    if (node->predicate != NULL &&
        (cni_expr_is_volatile(node->predicate) || cni_expr_has_subquery(node->predicate))) {
        return false;
    }
    switch (node->kind) {
    case CNI_PLAN_FILTER:
        return true;
    case CNI_PLAN_PROJECT:
        return only_leaves_out(node);
    case CNI_PLAN_JOIN:
        return node->join_kind == CNI_JOIN_INNER ||
               (child == 0 && node->join_kind != CNI_JOIN_FULL);
    default:
        return false;
    }
}

static cn_code
visit_way(search *self, const cni_plan *plan, cn_error *err)
{
    if (self->current.n_steps > 0) {
        CN_TRY(try_part(self, plan, err));
    }
    for (int32_t child = 0; child < plan->n_children; child++) {
        if (self->current.n_steps < STEPS_MAX && leads_on(plan, child)) {
            self->current.steps[self->current.n_steps++] = (step){plan, child};
            CN_TRY(visit_way(self, plan->children[child], err));
            self->current.n_steps--;
        }
    }
    return CN_OK;
}

/* ---- the new plan ---- */

/* The nodes of the way over the groups; projections that leave columns out are left out. */
static cn_code
join_groups(search *self, const cni_plan *grouped, const cni_plan **out_joined, cn_error *err)
{
    const cni_plan *below = grouped;
    for (int32_t at = self->best.n_steps - 1; at >= 0; at--) {
        const step *passed = &self->best.steps[at];
        const cni_plan *children[2] = {NULL, NULL};
        if (passed->node->kind == CNI_PLAN_PROJECT) {
            continue;
        }
        for (int32_t child = 0; child < passed->node->n_children; child++) {
            children[child] = child == passed->child ? below : passed->node->children[child];
        }
        CN_TRY(cni_plan_over(self->env, passed->node, children, &below, err));
    }
    *out_joined = below;
    return CN_OK;
}

/* The key as the groups of the part give it. */
static cn_code
upper_key(search *self, const cni_expr *group, const cni_eager_lower *lower,
          const cni_plan *grouped, const cni_expr **out_key, cn_error *err)
{
    *out_key = group;
    if (!is_made_below(group, lower->part)) {
        return CN_OK;
    }
    for (int64_t key = 0; key < lower->keys.n_items; key++) {
        if (lower->keys.items[key] == group) {
            const cni_column *column = &grouped->columns[key];
            return cni_expr_column(self->env->arena, column->id, column->type, out_key, err);
        }
    }
    return CN_OK;
}

static cn_code
rebuild(search *self, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *plan = self->aggregate;
    const cni_plan *grouped = NULL;
    const cni_plan *joined = NULL;
    const cni_expr **exprs = NULL;
    cni_eager_lower lower = {.part = self->best.part};
    bool fits = false;
    self->current = self->best;
    CN_TRY(find_keys(self, &lower, &fits, err));
    CN_TRY(group_part(self, &lower, &grouped, err));
    CN_TRY(join_groups(self, grouped, &joined, err));
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_columns, (int64_t)sizeof(*exprs), &exprs,
                                 err));
    for (int32_t at = 0; at < plan->n_columns; at++) {
        if (at < plan->n_groups) {
            CN_TRY(upper_key(self, plan->exprs[at], &lower, grouped, &exprs[at], err));
        } else {
            CN_TRY(
                cni_eager_upper_call(self->env, plan->exprs[at], &lower, grouped, &exprs[at], err));
        }
    }
    cni_plan node = *plan;
    node.exprs = exprs;
    node.children = &joined;
    node.estimated_rows = -1.0;
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

/* The grouping in terms of what is below a projection under it, when nothing speaks against. */
static cn_code
through_projection(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                   cn_error *err)
{
    const cni_plan *project = plan->children[0];
    const cni_expr **exprs = NULL;
    *out_plan = plan;
    if (project->kind != CNI_PLAN_PROJECT || cni_plan_is_volatile(project)) {
        return CN_OK;
    }
    for (int32_t at = 0; at < project->n_columns; at++) {
        if (cni_expr_has_subquery(project->exprs[at])) {
            return CN_OK;
        }
    }
    CN_TRY(
        cni_arena_alloc_array(env->arena, plan->n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t at = 0; at < plan->n_columns; at++) {
        CN_TRY(cni_expr_through_project(env, project, plan->exprs[at], &exprs[at], err));
    }
    cni_plan node = *plan;
    node.exprs = exprs;
    node.children = project->children;
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static bool
may_lead(const cni_plan *plan)
{
    return plan->kind == CNI_PLAN_JOIN || plan->kind == CNI_PLAN_FILTER ||
           plan->kind == CNI_PLAN_PROJECT;
}

static bool
has_join(const cni_plan *plan)
{
    while (plan->kind == CNI_PLAN_FILTER || plan->kind == CNI_PLAN_PROJECT) {
        plan = plan->children[0];
    }
    return plan->kind == CNI_PLAN_JOIN;
}

cn_code
cni_eager_in_two_steps(cni_rule_env *env, const cni_plan *aggregate, const cni_plan **out_plan,
                       cn_error *err)
{
    search self = {
        .env = env, .aggregate = aggregate, .joined_rows = -1.0, .best_fraction = COST_FRACTION};
    *out_plan = aggregate;
    if (!may_lead(aggregate->children[0]) || !has_join(aggregate->children[0])) {
        return CN_OK;
    }
    CN_TRY(through_projection(env, aggregate, &self.aggregate, err));
    CN_TRY(visit_way(&self, self.aggregate->children[0], err));
    return self.best.part == NULL ? CN_OK : rebuild(&self, out_plan, err);
}
