/* SPDX-License-Identifier: Apache-2.0
 *
 * What rules share: walking and rewriting plans, conjunct lists, substitution through projections,
 * sets of column ids. Everything is made in the optimization's arena.
 */
#include "optimize/rule/rule.h"

static cn_code
rewrite(cni_rule_env *env, const cni_plan *plan, cni_rule_apply visit, const cni_plan **out_plan,
        cn_error *err)
{
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        CN_TRY(rewrite(env, plan->children[child], visit, &children[child], err));
    }
    const cni_plan *rebuilt = NULL;
    CN_TRY(cni_plan_over(env, plan, children, &rebuilt, err));
    return visit(env, rebuilt, out_plan, err);
}

cn_code
cni_plan_rewrite(cni_rule_env *env, const cni_plan *plan, cni_rule_apply visit,
                 const cni_plan **out_plan, cn_error *err)
{
    const cni_plan *rewritten = NULL;
    CN_TRY(rewrite(env, plan, visit, &rewritten, err));
    return cni_plan_exactly(env, rewritten, plan->columns, plan->n_columns, out_plan, err);
}

typedef struct map_state {
    cni_rule_env *env;
    cni_expr_visit visit;
    void *state;
    bool changed;
} map_state;

static cn_code
map_one(map_state *map, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    CN_TRY(cni_expr_rewrite(map->env->arena, expr, map->visit, map->state, out_expr, err));
    map->changed = map->changed || *out_expr != expr;
    return CN_OK;
}

static cn_code
map_array(map_state *map, const cni_expr *const **inout_exprs, int64_t n_exprs, cn_error *err)
{
    const cni_expr **mapped = NULL;
    CN_TRY(cni_arena_alloc_array(map->env->arena, n_exprs, (int64_t)sizeof(*mapped), &mapped, err));
    for (int64_t item = 0; item < n_exprs; item++) {
        CN_TRY(map_one(map, (*inout_exprs)[item], &mapped[item], err));
    }
    *inout_exprs = mapped;
    return CN_OK;
}

static cn_code
map_orders(map_state *map, cni_plan *node, cn_error *err)
{
    cni_order *orders = NULL;
    CN_TRY(cni_arena_alloc_array(map->env->arena, node->n_orders, (int64_t)sizeof(*orders), &orders,
                                 err));
    for (int32_t order = 0; order < node->n_orders; order++) {
        orders[order] = node->orders[order];
        CN_TRY(map_one(map, node->orders[order].expr, &orders[order].expr, err));
    }
    node->orders = orders;
    return CN_OK;
}

cn_code
cni_plan_map_exprs(cni_rule_env *env, const cni_plan *plan, cni_expr_visit visit, void *state,
                   const cni_plan **out_plan, cn_error *err)
{
    map_state map = {.env = env, .visit = visit, .state = state};
    cni_plan node = *plan;
    if (plan->n_exprs > 0) {
        CN_TRY(map_array(&map, &node.exprs, plan->n_exprs, err));
    }
    if (plan->n_filters > 0) {
        CN_TRY(map_array(&map, &node.filters, plan->n_filters, err));
    }
    if (plan->predicate != NULL) {
        CN_TRY(map_one(&map, plan->predicate, &node.predicate, err));
    }
    if (plan->n_orders > 0) {
        CN_TRY(map_orders(&map, &node, err));
    }
    if (!map.changed) {
        *out_plan = plan;
        return CN_OK;
    }
    return cni_plan_new(&env->builder, &node, out_plan, err);
}

static cn_code
substitute(void *state, const cni_expr *expr, const cni_expr **out_expr, cn_error *err)
{
    (void)err;
    const cni_plan *project = state;
    *out_expr = expr;
    if (expr->kind != CNI_EXPR_COLUMN) {
        return CN_OK;
    }
    for (int32_t column = 0; column < project->n_columns; column++) {
        if (project->columns[column].id == expr->column_id) {
            *out_expr = project->exprs[column];
            return CN_OK;
        }
    }
    return CN_OK;
}

cn_code
cni_expr_through_project(cni_rule_env *env, const cni_plan *project, const cni_expr *expr,
                         const cni_expr **out_expr, cn_error *err)
{
    cni_plan view = *project; /* rewrite hands its state on as a mutable pointer */
    return cni_expr_rewrite(env->arena, expr, substitute, &view, out_expr, err);
}

cn_code
cni_expr_conjuncts(cni_arena *arena, const cni_expr *predicate, cni_list *list, cn_error *err)
{
    if (predicate->kind != CNI_EXPR_AND) {
        return cni_list_push(arena, list, predicate, err);
    }
    for (int32_t arg = 0; arg < predicate->n_args; arg++) {
        CN_TRY(cni_expr_conjuncts(arena, predicate->args[arg], list, err));
    }
    return CN_OK;
}

cn_code
cni_id_set_add(cni_arena *arena, cni_id_set *self, int32_t id, cn_error *err)
{
    CN_ASSERT(id >= 0);
    const int64_t word = id >> 6;
    if (word >= self->n_words) {
        const int64_t n_words = cni_max_i64(word + 1, self->n_words * 2);
        uint64_t *words = NULL;
        CN_TRY(cni_arena_alloc_array(arena, n_words, (int64_t)sizeof(*words), &words, err));
        if (self->n_words > 0) {
            memcpy(words, self->words, (size_t)self->n_words * sizeof(*words));
        }
        self->words = words;
        self->n_words = n_words;
    }
    self->words[word] |= UINT64_C(1) << (id & 63);
    return CN_OK;
}

bool
cni_id_set_has(const cni_id_set *self, int32_t id)
{
    const int64_t word = id >> 6;
    return word < self->n_words && ((self->words[word] >> (id & 63)) & 1) != 0;
}

typedef struct collect_state {
    cni_arena *arena;
    cni_id_set *set;
    cn_code code;
    cn_error *err;
} collect_state;

static bool collect_columns(void *state, const cni_expr *expr);

static void
collect_clauses(collect_state *collect, const cni_call_clauses *call)
{
    if (call->filter != NULL) {
        cni_expr_walk(call->filter, collect_columns, collect);
    }
    for (int32_t order = 0; order < call->n_orders; order++) {
        cni_expr_walk(call->orders[order].expr, collect_columns, collect);
    }
    for (int32_t partition = 0; partition < call->n_partitions; partition++) {
        cni_expr_walk(call->partitions[partition], collect_columns, collect);
    }
}

static bool
collect_columns(void *state, const cni_expr *expr)
{
    collect_state *collect = state;
    if (collect->code != CN_OK) {
        return false;
    }
    if (expr->kind == CNI_EXPR_COLUMN) {
        collect->code = cni_id_set_add(collect->arena, collect->set, expr->column_id, collect->err);
    }
    if (expr->call != NULL) {
        collect_clauses(collect, expr->call);
    }
    return true;
}

cn_code
cni_id_set_add_expr(cni_arena *arena, cni_id_set *self, const cni_expr *expr, cn_error *err)
{
    collect_state collect = {.arena = arena, .set = self, .code = CN_OK, .err = err};
    cni_expr_walk(expr, collect_columns, &collect);
    return collect.code;
}

cn_code
cni_id_set_add_plan(cni_arena *arena, cni_id_set *self, const cni_plan *plan, cn_error *err)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        CN_TRY(cni_id_set_add(arena, self, plan->columns[column].id, err));
    }
    return CN_OK;
}

bool
cni_table_same_recipe(const cni_table_recipe *a, const cni_table_recipe *b)
{
    if (a == NULL || b == NULL || !cni_str_eq(a->function, b->function) ||
        !cni_str_eq(a->name, b->name) || a->n_args != b->n_args) {
        return false;
    }
    for (int32_t arg = 0; arg < a->n_args; arg++) {
        if (!cni_value_equal(&a->args[arg], &b->args[arg]) ||
            !cni_str_eq(a->arg_names[arg], b->arg_names[arg])) {
            return false;
        }
    }
    return true;
}
