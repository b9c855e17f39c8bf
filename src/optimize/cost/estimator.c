/* SPDX-License-Identifier: Apache-2.0
 *
 * The estimator: what it remembers (nodes and tables by address, CTEs by id), its public questions,
 * and the annotation of a finished plan.
 */
#include "optimize/cost/estimate_int.h"

#define FIRST_SLOTS 64

/* ---- map by address ---- */

static int64_t
slot_of(const cni_address_map *self, const void *key)
{
    const uint64_t mixed = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);
    int64_t slot = (int64_t)(mixed >> 20) & (self->n_slots - 1);
    while (self->keys[slot] != NULL && self->keys[slot] != key) {
        slot = (slot + 1) & (self->n_slots - 1);
    }
    return slot;
}

static void *
map_find(const cni_address_map *self, const void *key)
{
    return self->n_slots == 0 ? NULL : self->values[slot_of(self, key)];
}

static cn_code
map_grow(cni_arena *arena, cni_address_map *self, cn_error *err)
{
    cni_address_map wider = {.n_items = self->n_items,
                             .n_slots = cni_max_i64(FIRST_SLOTS, self->n_slots * 2)};
    CN_TRY(cni_arena_alloc_array(arena, wider.n_slots, (int64_t)sizeof(void *), &wider.keys, err));
    CN_TRY(
        cni_arena_alloc_array(arena, wider.n_slots, (int64_t)sizeof(void *), &wider.values, err));
    for (int64_t slot = 0; slot < self->n_slots; slot++) {
        if (self->keys[slot] != NULL) {
            const int64_t at = slot_of(&wider, self->keys[slot]);
            wider.keys[at] = self->keys[slot];
            wider.values[at] = self->values[slot];
        }
    }
    *self = wider;
    return CN_OK;
}

static cn_code
map_put(cni_arena *arena, cni_address_map *self, const void *key, void *value, cn_error *err)
{
    if (self->n_items * 2 >= self->n_slots) {
        CN_TRY(map_grow(arena, self, err));
    }
    const int64_t slot = slot_of(self, key);
    self->n_items += self->keys[slot] == NULL ? 1 : 0;
    self->keys[slot] = key;
    self->values[slot] = value;
    return CN_OK;
}

/* ---- what is remembered ---- */

cn_code
cni_estimator_new(cni_arena *arena, cni_context *context, cni_estimator **out_estimator,
                  cn_error *err)
{
    cni_estimator *self = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &self, err));
    self->arena = arena;
    self->context = context;
    *out_estimator = self;
    return CN_OK;
}

cn_code
cni_estimate_cte(cni_estimator *self, int32_t cte_id, const cni_plan *definition, cn_error *err)
{
    cni_estimated_cte *cte = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &cte, err));
    *cte = (cni_estimated_cte){.cte_id = cte_id, .definition = definition, .next = self->ctes};
    self->ctes = cte;
    return CN_OK;
}

const cni_plan *
cni_estimator_cte(const cni_estimator *self, int32_t cte_id)
{
    for (const cni_estimated_cte *cte = self->ctes; cte != NULL; cte = cte->next) {
        if (cte->cte_id == cte_id) {
            return cte->definition;
        }
    }
    return NULL;
}

/* Its children are estimated before it, so that the recursion has one small frame per level. */
cn_code
cni_estimator_node(cni_estimator *self, const cni_plan *plan, cni_estimated_node **out_node,
                   cn_error *err)
{
    *out_node = map_find(&self->nodes, plan);
    if (*out_node != NULL) {
        return CN_OK;
    }
    cni_estimated_node *node = NULL;
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(cni_estimator_node(self, plan->children[child], &node, err));
        if (child == 0 && (plan->kind == CNI_PLAN_WITH || plan->kind == CNI_PLAN_RECURSIVE)) {
            CN_TRY(cni_estimate_cte(self, plan->cte_id, plan->children[0], err));
        }
    }
    CN_TRY(CN_ARENA_NEW(self->arena, &node, err));
    node->plan = plan;
    CN_TRY(cni_estimate_node(self, node, err));
    CN_TRY(map_put(self->arena, &self->nodes, plan, node, err));
    *out_node = node;
    return CN_OK;
}

cn_code
cni_estimator_table(cni_estimator *self, cni_table *table, cni_estimated_table **out_table,
                    cn_error *err)
{
    const double unknown_rows = 10000.0;
    *out_table = map_find(&self->tables, table);
    if (*out_table != NULL) {
        return CN_OK;
    }
    cni_estimated_table *made = NULL;
    CN_TRY(CN_ARENA_NEW(self->arena, &made, err));
    CN_TRY(cni_arena_alloc_array(self->arena, table->schema->n_fields,
                                 (int64_t)sizeof(*made->columns), &made->columns, err));
    made->table = table;
    if (table->ops->statistics != NULL) {
        CN_TRY(table->ops->statistics(table, self->arena, &made->stats, err));
    }
    made->n_rows =
        made->stats.rows_mark != CNI_STAT_UNKNOWN ? (double)made->stats.n_rows : unknown_rows;
    CN_TRY(map_put(self->arena, &self->tables, table, made, err));
    *out_table = made;
    return CN_OK;
}

/* ---- questions ---- */

cn_code
cni_estimate_plan(cni_estimator *self, const cni_plan *plan, cni_plan_estimate *out_estimate,
                  cn_error *err)
{
    cni_estimated_node *node = NULL;
    CN_TRY(cni_estimator_node(self, plan, &node, err));
    *out_estimate = node->estimate;
    return CN_OK;
}

/* ---- annotation ---- */

typedef struct annotation {
    cni_rule_env *env;
    cni_estimator *estimator;
} annotation;

static cn_code
annotate(const annotation *self, const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    cni_plan_estimate estimate;
    CN_TRY(cni_estimate_plan(self->estimator, plan, &estimate, err));
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(annotate(self, plan->children[child], &children[child], err));
    }
    cni_plan *copy = NULL;
    CN_TRY(CN_ARENA_NEW(self->env->arena, &copy, err));
    *copy = *plan;
    copy->children = children;
    copy->estimated_rows = estimate.rows;
    copy->estimated_cost = estimate.cost;
    *out_plan = copy;
    return CN_OK;
}

cn_code
cni_estimate_annotate(cni_rule_env *env, const cni_plan *plan, const cni_plan **out_plan,
                      cn_error *err)
{
    annotation self = {.env = env};
    CN_TRY(cni_estimator_new(env->arena, env->context, &self.estimator, err));
    return annotate(&self, plan, out_plan, err);
}
