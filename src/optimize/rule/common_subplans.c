/* SPDX-License-Identifier: Apache-2.0
 *
 * Rule common_subplans: what is computed twice is computed once. Two subtrees that are equal but
 * for the ids of their columns, with a join or a grouping in them, become the definition of a WITH
 * around the whole plan and CTE_SCANs where they stood.
 *
 * Largest subtrees first. Only where the estimate says that keeping the rows is cheap beside making
 * them. Subtrees that read definitions themselves or hold something volatile are left alone.
 */
#include "optimize/cost/estimate.h"

#define ROUNDS_MAX     8
#define CANDIDATES_MAX 256
#define KEPT_BYTES_MAX 5e8 /* of rows, by the estimate */
#define COST_FACTOR    3.0 /* rows touched for every row kept */

typedef struct candidate {
    const cni_plan *plan;
    uint64_t hash;
    int32_t n_inside; /* candidates after this one that are below it */
} candidate;

typedef struct search {
    cni_rule_env *env;
    int32_t n_candidates;
    candidate candidates[CANDIDATES_MAX];
} search;

/* ---- hashes that do not see column ids ---- */

static uint64_t
mix(uint64_t hash, uint64_t value)
{
    hash ^= value + UINT64_C(0x9E3779B97F4A7C15) + (hash << 6) + (hash >> 2);
    return hash * UINT64_C(0xFF51AFD7ED558CCD);
}

static bool
see_shape(void *state, const cni_expr *expr)
{
    uint64_t *hash = state;
    *hash = mix(*hash, expr->kind);
    *hash = mix(*hash, expr->op);
    *hash = mix(*hash, (uint64_t)expr->n_args);
    *hash = mix(*hash, (uint64_t)(uintptr_t)expr->function);
    if (expr->kind == CNI_EXPR_LITERAL) {
        *hash = mix(*hash, cni_expr_hash(expr));
    }
    return true;
}

static uint64_t
hash_node(const cni_plan *plan)
{
    uint64_t hash = mix(plan->kind, (uint64_t)plan->n_columns);
    hash = mix(hash, plan->join_kind);
    hash = mix(hash, (uint64_t)plan->n_groups);
    hash = mix(hash, (uint64_t)plan->limit);
    for (int32_t expr = 0; expr < plan->n_exprs; expr++) {
        cni_expr_walk(plan->exprs[expr], see_shape, &hash);
    }
    for (int32_t filter = 0; filter < plan->n_filters; filter++) {
        cni_expr_walk(plan->filters[filter], see_shape, &hash);
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        cni_expr_walk(plan->orders[order].expr, see_shape, &hash);
    }
    cni_expr_walk(plan->predicate, see_shape, &hash);
    return hash;
}

/* ---- equality but for column ids ---- */

typedef struct id_pair {
    int32_t of_a;
    int32_t of_b;
} id_pair;

typedef struct comparison {
    cni_arena *arena;
    cni_list pairs; /* of id_pair */
    bool equal;
} comparison;

static cn_code
to_a(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    const comparison *self = state;
    *out_expr = expr;
    for (int64_t item = self->pairs.n_items - 1; item >= 0 && expr->kind == CNI_EXPR_COLUMN;
         item--) {
        const id_pair *pair = self->pairs.items[item];
        if (pair->of_b == expr->column_id) {
            return cni_expr_column(self->arena, pair->of_a, expr->type, out_expr, err);
        }
    }
    return CN_OK;
}

static cn_code
compare_expr(comparison *self, const cni_expr *a, const cni_expr *b, cn_error *err)
{
    const cni_expr *renamed = NULL;
    if (a == NULL || b == NULL) {
        self->equal = self->equal && a == b;
        return CN_OK;
    }
    CN_TRY(cni_expr_rewrite(self->arena, b, to_a, self, &renamed, err));
    self->equal = self->equal && cni_expr_equal(a, renamed);
    return CN_OK;
}

static cn_code
pair_columns(comparison *self, const cni_column *a, const cni_column *b, int32_t n_columns,
             cn_error *err)
{
    for (int32_t column = 0; column < n_columns && self->equal; column++) {
        id_pair *pair = NULL;
        self->equal = cni_type_equal(a[column].type, b[column].type);
        CN_TRY(CN_ARENA_NEW(self->arena, &pair, err));
        *pair = (id_pair){a[column].id, b[column].id};
        CN_TRY(cni_list_push(self->arena, &self->pairs, pair, err));
    }
    return CN_OK;
}

static bool
same_table(const cni_plan *a, const cni_plan *b)
{
    if (a->table != b->table && !cni_table_same_recipe(a->table->recipe, b->table->recipe)) {
        return false;
    }
    for (int32_t column = 0; column < a->n_columns; column++) {
        if (a->table_columns[column] != b->table_columns[column]) {
            return false;
        }
    }
    for (int32_t column = 0; column < a->n_filter_columns; column++) {
        if (a->filter_table_columns[column] != b->filter_table_columns[column]) {
            return false;
        }
    }
    return true;
}

static bool
same_shape(const cni_plan *a, const cni_plan *b)
{
    return a->kind == b->kind && a->n_children == b->n_children && a->n_columns == b->n_columns &&
           a->n_exprs == b->n_exprs && a->n_groups == b->n_groups && a->n_rows == b->n_rows &&
           a->n_filters == b->n_filters && a->n_filter_columns == b->n_filter_columns &&
           a->n_orders == b->n_orders && a->limit == b->limit && a->offset == b->offset &&
           a->join_kind == b->join_kind && a->null_aware == b->null_aware &&
           (a->kind != CNI_PLAN_SCAN || same_table(a, b));
}

static cn_code
compare_orders(comparison *self, const cni_plan *a, const cni_plan *b, cn_error *err)
{
    for (int32_t order = 0; order < a->n_orders && self->equal; order++) {
        self->equal = a->orders[order].descending == b->orders[order].descending &&
                      a->orders[order].nulls_first == b->orders[order].nulls_first;
        CN_TRY(compare_expr(self, a->orders[order].expr, b->orders[order].expr, err));
    }
    return CN_OK;
}

static cn_code
compare(comparison *self, const cni_plan *a, const cni_plan *b, cn_error *err)
{
    self->equal = self->equal && same_shape(a, b);
    for (int32_t child = 0; child < a->n_children && self->equal; child++) {
        CN_TRY(compare(self, a->children[child], b->children[child], err));
    }
    if (!self->equal) {
        return CN_OK;
    }
    CN_TRY(pair_columns(self, a->filter_columns, b->filter_columns, a->n_filter_columns, err));
    for (int32_t filter = 0; filter < a->n_filters && self->equal; filter++) {
        CN_TRY(compare_expr(self, a->filters[filter], b->filters[filter], err));
    }
    for (int32_t expr = 0; expr < a->n_exprs && self->equal; expr++) {
        CN_TRY(compare_expr(self, a->exprs[expr], b->exprs[expr], err));
    }
    CN_TRY(compare_expr(self, a->predicate, b->predicate, err));
    CN_TRY(compare_orders(self, a, b, err));
    return pair_columns(self, a->columns, b->columns, a->n_columns, err);
}

static cn_code
are_equal(cni_rule_env *env, const cni_plan *a, const cni_plan *b, bool *out_equal, cn_error *err)
{
    comparison self = {.arena = env->arena, .equal = true};
    CN_TRY(compare(&self, a, b, err));
    *out_equal = self.equal;
    return CN_OK;
}

/* ---- candidates ---- */

typedef struct subtree {
    uint64_t hash;
    bool closed; /* reads no definition, makes none */
    bool worth;  /* has a join or a grouping */
} subtree;

/* In pre-order, so that larger ones come first. */
static subtree
collect(search *self, const cni_plan *plan)
{
    subtree here = {hash_node(plan), !cni_plan_has_cte_id(plan),
                    plan->kind == CNI_PLAN_JOIN || plan->kind == CNI_PLAN_AGGREGATE};
    const int32_t slot = self->n_candidates;
    self->n_candidates += slot < CANDIDATES_MAX ? 1 : 0;
    for (int32_t child = 0; child < plan->n_children; child++) {
        const subtree below = collect(self, plan->children[child]);
        here.hash = mix(here.hash, below.hash);
        here.closed = here.closed && below.closed;
        here.worth = here.worth || below.worth;
    }
    if (slot < CANDIDATES_MAX) {
        const bool usable = here.closed && here.worth;
        self->candidates[slot] =
            (candidate){usable ? plan : NULL, here.hash, self->n_candidates - slot - 1};
    }
    return here;
}

static cn_code
is_worth_keeping(cni_rule_env *env, const cni_plan *plan, bool *out_worth, cn_error *err)
{
    cni_estimator *estimator = NULL;
    cni_plan_estimate estimate = {0};
    CN_TRY(cni_estimator_new(env->arena, env->context, &estimator, err));
    CN_TRY(cni_estimate_plan(estimator, plan, &estimate, err));
    *out_worth = estimate.cost >= COST_FACTOR * estimate.rows &&
                 estimate.rows * estimate.row_bytes <= KEPT_BYTES_MAX;
    return CN_OK;
}

/* ---- sharing ---- */

typedef struct sharing {
    cni_rule_env *env;
    cni_list places; /* of const cni_plan: the equal subtrees */
    const cni_plan *definition;
    int32_t cte_id;
} sharing;

static cn_code
read_instead(const sharing *self, const cni_plan *place, const cni_plan **out_plan, cn_error *err)
{
    int32_t *positions = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, place->n_columns, (int64_t)sizeof(*positions),
                                 &positions, err));
    for (int32_t column = 0; column < place->n_columns; column++) {
        positions[column] = column;
    }
    const cni_plan node = {.kind = CNI_PLAN_CTE_SCAN,
                           .n_columns = place->n_columns,
                           .columns = place->columns,
                           .table_columns = positions,
                           .table_name = CNI_STR("common"),
                           .cte_id = self->cte_id,
                           .limit = CNI_NO_LIMIT,
                           .estimated_rows = -1.0,
                           .estimated_cost = -1.0};
    return cni_plan_new(&self->env->builder, &node, out_plan, err);
}

static cn_code
replace(const sharing *self, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    for (int64_t place = 0; place < self->places.n_items; place++) {
        if (self->places.items[place] == plan) {
            return read_instead(self, plan, out_plan, err);
        }
    }
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(replace(self, plan->children[child], &children[child], err));
    }
    return cni_plan_over(self->env, plan, children, out_plan, err);
}

static cn_code
share(sharing *self, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *body = NULL;
    CN_TRY(cni_plan_shift_ids(&self->env->builder, self->places.items[0], &self->definition, err));
    self->cte_id = cni_plan_new_cte_id(&self->env->builder);
    CN_TRY(replace(self, plan, &body, err));
    return cni_plan_with(&self->env->builder, self->cte_id, self->definition, body,
                         CNI_STR("common"), out_plan, err);
}

/* The subtrees that are equal to candidate `first`, itself included; ones below it are not. */
static cn_code
find_equals(const search *self, int32_t first, cni_list *out_places, cn_error *err)
{
    const candidate *one = &self->candidates[first];
    CN_TRY(cni_list_push(self->env->arena, out_places, one->plan, err));
    for (int32_t at = first + 1 + one->n_inside; at < self->n_candidates; at++) {
        const candidate *other = &self->candidates[at];
        bool equal = false;
        if (other->plan == NULL || other->hash != one->hash || other->plan == one->plan) {
            continue;
        }
        CN_TRY(are_equal(self->env, one->plan, other->plan, &equal, err));
        if (equal) {
            CN_TRY(cni_list_push(self->env->arena, out_places, other->plan, err));
        }
    }
    return CN_OK;
}

static cn_code
share_largest(search *self, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    *out_plan = plan;
    self->n_candidates = 0;
    (void)collect(self, plan);
    for (int32_t at = 0; at < self->n_candidates; at++) {
        sharing found = {.env = self->env};
        bool worth = false;
        if (self->candidates[at].plan == NULL) {
            continue;
        }
        CN_TRY(find_equals(self, at, &found.places, err));
        if (found.places.n_items < 2 || cni_plan_is_volatile(self->candidates[at].plan)) {
            continue;
        }
        CN_TRY(is_worth_keeping(self->env, self->candidates[at].plan, &worth, err));
        if (worth) {
            return share(&found, plan, out_plan, err);
        }
    }
    return CN_OK;
}

cn_code
cni_rule_common_subplans(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                         cn_error *err)
{
    search *self = NULL;
    const cni_plan *current = NULL;
    const cni_plan *next = plan;
    CN_TRY(CN_ARENA_NEW(env->arena, &self, err));
    self->env = env;
    for (int32_t round = 0; round < ROUNDS_MAX && next != current; round++) {
        current = next;
        CN_TRY(share_largest(self, current, &next, err));
    }
    *out_plan = next;
    return CN_OK;
}
