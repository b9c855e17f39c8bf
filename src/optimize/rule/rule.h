/* SPDX-License-Identifier: Apache-2.0
 *
 * What a rule is, and what rules share. A rule rewrites a whole plan; it never fails on a plan that
 * it does not understand, it leaves it. One rule per file, listed in rule_list.c.
 */
#ifndef CNI_OPTIMIZE_RULE_H
#define CNI_OPTIMIZE_RULE_H

#include "plan/function/function.h"
#include "plan/ir/plan.h"
#include "plan/table/table.h"
#include "runtime/context.h"

/* Thread: confined to one optimization. */
typedef struct cni_rule_env {
    cni_arena *arena;
    cni_plan_builder builder; /* continues the plan's column ids */
    cni_context *context;
} cni_rule_env;

typedef cn_code (*cni_rule_apply)(cni_rule_env *env, const cni_plan *plan,
                                  const cni_plan **out_plan, cn_error *err);

typedef struct cni_rule {
    const char *name;
    cni_rule_apply apply;
} cni_rule;

/* The rules in the order they run; gives how many. A rule may be listed more than once. */
int32_t cni_rule_list(const cni_rule **out_rules);

CN_NODISCARD cn_code cni_rule_simplify(cni_rule_env *env, const cni_plan *plan,
                                       const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_filter_pushdown(cni_rule_env *env, const cni_plan *plan,
                                              const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_metadata_aggregate(cni_rule_env *env, const cni_plan *plan,
                                                 const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_distinct_aggregate(cni_rule_env *env, const cni_plan *plan,
                                                 const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_limit_pushdown(cni_rule_env *env, const cni_plan *plan,
                                             const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_top_n(cni_rule_env *env, const cni_plan *plan,
                                    const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_projection_pushdown(cni_rule_env *env, const cni_plan *plan,
                                                  const cni_plan **out_plan, cn_error *err);

/* Rewrite bottom-up: `visit` sees each node after its children. Depth is bounded by the plan's. */
CN_NODISCARD cn_code cni_plan_rewrite(cni_rule_env *env, const cni_plan *plan, cni_rule_apply visit,
                                      const cni_plan **out_plan, cn_error *err);
/* Apply `visit` to every expression that the node itself holds (filters of scans included). */
CN_NODISCARD cn_code cni_plan_map_exprs(cni_rule_env *env, const cni_plan *plan,
                                        cni_expr_visit visit, void *state,
                                        const cni_plan **out_plan, cn_error *err);
/* `expr` with every column that `project` (a PROJECT node) computes replaced by its expression. */
CN_NODISCARD cn_code cni_expr_through_project(cni_rule_env *env, const cni_plan *project,
                                              const cni_expr *expr, const cni_expr **out_expr,
                                              cn_error *err);
/* Append the conjuncts of a predicate to `list` (of const cni_expr *), in order. */
CN_NODISCARD cn_code cni_expr_conjuncts(cni_arena *arena, const cni_expr *predicate, cni_list *list,
                                        cn_error *err);

/* A set of column ids. Zero bytes = empty. In the arena. */
typedef struct cni_id_set {
    uint64_t *words;
    int64_t n_words;
} cni_id_set;

CN_NODISCARD cn_code cni_id_set_add(cni_arena *arena, cni_id_set *self, int32_t id, cn_error *err);
bool cni_id_set_has(const cni_id_set *self, int32_t id);
/* Add every column that the expression (its call clauses too) names. */
CN_NODISCARD cn_code cni_id_set_add_expr(cni_arena *arena, cni_id_set *self, const cni_expr *expr,
                                         cn_error *err);

#endif /* CNI_OPTIMIZE_RULE_H */
