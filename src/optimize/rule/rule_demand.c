/* SPDX-License-Identifier: Apache-2.0
 *
 * Rewriting from above with what is asked of a node: which columns are named, whether it matters
 * how often a row comes and in which order. Rules that drop joins, duplicates and payload rest on
 * it.
 */
#include "optimize/rule/rule.h"

typedef struct walk {
    cni_rule_env *env;
    cni_demand_visit visit;
} walk;

static cn_code rewrite(const walk *self, const cni_plan *plan, const cni_demand *demand,
                       const cni_plan **out_plan, cn_error *err);

bool
cni_plan_gives_any(const cni_plan *plan, const cni_id_set *columns)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        if (cni_id_set_has(columns, plan->columns[column].id)) {
            return true;
        }
    }
    return false;
}

static cn_code
add_set(cni_arena *arena, cni_id_set *to, const cni_id_set *from, cn_error *err)
{
    for (int64_t word = 0; word < from->n_words; word++) {
        for (uint64_t bits = from->words[word]; bits != 0; bits &= bits - 1) {
            CN_TRY(cni_id_set_add(arena, to, (int32_t)(word * 64 + __builtin_ctzll(bits)), err));
        }
    }
    return CN_OK;
}

static cn_code
add_own_exprs(cni_arena *arena, cni_id_set *set, const cni_plan *plan, cn_error *err)
{
    for (int32_t expr = 0; plan->kind != CNI_PLAN_VALUES && expr < plan->n_exprs; expr++) {
        CN_TRY(cni_id_set_add_expr(arena, set, plan->exprs[expr], err));
    }
    for (int32_t order = 0; order < plan->n_orders; order++) {
        CN_TRY(cni_id_set_add_expr(arena, set, plan->orders[order].expr, err));
    }
    return plan->predicate == NULL ? CN_OK : cni_id_set_add_expr(arena, set, plan->predicate, err);
}

/* Whether equal rows change what the aggregates give. */
static bool
counts_duplicates(const cni_plan *aggregate)
{
    for (int32_t column = aggregate->n_groups; column < aggregate->n_columns; column++) {
        const cni_expr *call = aggregate->exprs[column];
        const bool is_distinct = call->call != NULL && call->call->distinct;
        if (!is_distinct && !call->function->ignores_distinct) {
            return true;
        }
    }
    return false;
}

static bool
sees_order(const cni_plan *aggregate)
{
    for (int32_t column = aggregate->n_groups; column < aggregate->n_columns; column++) {
        if (aggregate->exprs[column]->function->order_sensitive ||
            aggregate->exprs[column]->type->id == CNI_TYPE_FLOAT32 ||
            aggregate->exprs[column]->type->id == CNI_TYPE_FLOAT64) {
            return true;
        }
    }
    return false;
}

static cn_code
demand_of_join_side(const walk *self, const cni_plan *join, int32_t side, const cni_demand *demand,
                    cni_demand *out_side, cn_error *err)
{
    const bool asks = join->join_kind == CNI_JOIN_SEMI || join->join_kind == CNI_JOIN_ANTI ||
                      join->join_kind == CNI_JOIN_MARK;
    out_side->duplicates = demand->duplicates;
    out_side->paired = !asks || (side == 0 && demand->paired);
    if (side == 1 && asks) {
        out_side->duplicates = false;
    } else {
        CN_TRY(add_set(self->env->arena, &out_side->columns, &demand->columns, err));
    }
    if (side == 1 && join->join_kind == CNI_JOIN_SINGLE) {
        out_side->duplicates = true; /* a second match is an error */
    }
    return add_own_exprs(self->env->arena, &out_side->columns, join, err);
}

/* The members' columns are told by position. */
static cn_code
demand_of_member(const walk *self, const cni_plan *plan, const cni_plan *member,
                 const cni_demand *demand, cni_demand *out_member, cn_error *err)
{
    *out_member = (cni_demand){
        .duplicates = demand->duplicates, .order = demand->order, .paired = demand->paired};
    for (int32_t column = 0; column < plan->n_columns; column++) {
        CN_TRY(cni_id_set_add(self->env->arena, &out_member->columns, member->columns[column].id,
                              err));
    }
    return CN_OK;
}

static cn_code
demand_of_child(const walk *self, const cni_plan *plan, int32_t child, const cni_demand *demand,
                cni_demand *out_child, cn_error *err)
{
    cni_arena *arena = self->env->arena;
    *out_child = (cni_demand){.duplicates = true, .order = true};
    switch ((cni_plan_kind)plan->kind) {
    case CNI_PLAN_UNION_ALL:
        return demand_of_member(self, plan, plan->children[child], demand, out_child, err);
    case CNI_PLAN_PROJECT:
        out_child->duplicates = demand->duplicates;
        out_child->order = demand->order;
        out_child->paired = demand->paired;
        return add_own_exprs(arena, &out_child->columns, plan, err);
    case CNI_PLAN_AGGREGATE:
        out_child->duplicates = counts_duplicates(plan);
        out_child->order = sees_order(plan);
        return add_own_exprs(arena, &out_child->columns, plan, err);
    case CNI_PLAN_JOIN:
        out_child->order = false;
        return demand_of_join_side(self, plan, child, demand, out_child, err);
    case CNI_PLAN_FILTER:
    case CNI_PLAN_SORT:
    case CNI_PLAN_REPEAT:
        out_child->duplicates = demand->duplicates;
        out_child->order = demand->order;
        out_child->paired = demand->paired;
        break;
    case CNI_PLAN_DISTINCT:
        if (plan->n_exprs == 0) {
            out_child->duplicates = false;
            out_child->order = false;
            return cni_id_set_add_plan(arena, &out_child->columns, plan, err);
        }
        break;
    case CNI_PLAN_WITH:
        if (child == 1) {
            *out_child = *demand;
            return CN_OK;
        }
        return cni_id_set_add_plan(arena, &out_child->columns, plan->children[0], err);
    case CNI_PLAN_RECURSIVE:
        return cni_id_set_add_plan(arena, &out_child->columns, plan->children[child], err);
    default:
        break;
    }
    CN_TRY(add_set(arena, &out_child->columns, &demand->columns, err));
    return add_own_exprs(arena, &out_child->columns, plan, err);
}

static cn_code
rewrite_children(const walk *self, const cni_plan *plan, const cni_demand *demand,
                 const cni_plan **out_plan, cn_error *err)
{
    const cni_plan **children = NULL;
    CN_TRY(cni_arena_alloc_array(self->env->arena, plan->n_children, (int64_t)sizeof(*children),
                                 &children, err));
    for (int32_t child = 0; child < plan->n_children; child++) {
        cni_demand below;
        CN_TRY(demand_of_child(self, plan, child, demand, &below, err));
        CN_TRY(rewrite(self, plan->children[child], &below, &children[child], err));
    }
    return cni_plan_over(self->env, plan, children, out_plan, err);
}

static cn_code
rewrite(const walk *self, const cni_plan *plan, const cni_demand *demand, const cni_plan **out_plan,
        cn_error *err)
{
    const cni_plan *current = plan;
    const cni_plan *next = plan;
    do {
        current = next;
        CN_TRY(self->visit(self->env, current, demand, &next, err));
    } while (next != current);
    return rewrite_children(self, current, demand, out_plan, err);
}

cn_code
cni_plan_rewrite_demanded(cni_rule_env *env, const cni_plan *plan, cni_demand_visit visit,
                          const cni_plan **out_plan, cn_error *err)
{
    const walk self = {env, visit};
    cni_demand demand = {.duplicates = true, .order = true};
    const cni_plan *rewritten = NULL;
    CN_TRY(cni_id_set_add_plan(env->arena, &demand.columns, plan, err));
    CN_TRY(rewrite(&self, plan, &demand, &rewritten, err));
    return cni_plan_exactly(env, rewritten, plan->columns, plan->n_columns, out_plan, err);
}
