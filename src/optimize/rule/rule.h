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

/* Whether the settings let the rule run (optimizer, disabled_rules). */
bool cni_rule_is_on(const cni_rule_env *env, const char *name);

/* The rules in the order they run; gives how many. A rule may be listed more than once. */
int32_t cni_rule_list(const cni_rule **out_rules);

CN_NODISCARD cn_code cni_rule_simplify(cni_rule_env *env, const cni_plan *plan,
                                       const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_filter_pushdown(cni_rule_env *env, const cni_plan *plan,
                                              const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_outer_to_inner(cni_rule_env *env, const cni_plan *plan,
                                             const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_or_factoring(cni_rule_env *env, const cni_plan *plan,
                                           const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_transitive(cni_rule_env *env, const cni_plan *plan,
                                         const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_join_elimination(cni_rule_env *env, const cni_plan *plan,
                                               const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_redundant_distinct(cni_rule_env *env, const cni_plan *plan,
                                                 const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_semi_join_reduction(cni_rule_env *env, const cni_plan *plan,
                                                  const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_self_join(cni_rule_env *env, const cni_plan *plan,
                                        const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_dependent_keys(cni_rule_env *env, const cni_plan *plan,
                                             const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_eager_aggregation(cni_rule_env *env, const cni_plan *plan,
                                                const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_inline_with(cni_rule_env *env, const cni_plan *plan,
                                          const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_projection_merge(cni_rule_env *env, const cni_plan *plan,
                                               const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_common_subplans(cni_rule_env *env, const cni_plan *plan,
                                              const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_metadata_aggregate(cni_rule_env *env, const cni_plan *plan,
                                                 const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_distinct_aggregate(cni_rule_env *env, const cni_plan *plan,
                                                 const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_limit_pushdown(cni_rule_env *env, const cni_plan *plan,
                                             const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_top_n(cni_rule_env *env, const cni_plan *plan,
                                    const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_narrow_expression(cni_rule_env *env, const cni_plan *plan,
                                                const cni_plan **out_plan, cn_error *err);
CN_NODISCARD cn_code cni_rule_projection_pushdown(cni_rule_env *env, const cni_plan *plan,
                                                  const cni_plan **out_plan, cn_error *err);

/* Rewrite bottom-up: `visit` sees each node after its children (cni_plan_over: a visit may give a
 * node with other columns, as long as those that are used above are among them). The plan that
 * comes out has the columns of `plan`. Depth is bounded by the plan's. */
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
/* `predicate` with what all branches of an OR have in common taken out of it, and equalities of one
 * expression with literals as IN. Equal in three-valued logic; what may raise stays where it is. */
CN_NODISCARD cn_code cni_expr_factor_or(cni_rule_env *env, const cni_expr *predicate,
                                        const cni_expr **out_predicate, cn_error *err);
/* OR of the members (in_list.c), equalities of one expression with literals as one IN. */
CN_NODISCARD cn_code cni_expr_any_of(cni_arena *arena, const cni_expr *const *members,
                                     int32_t n_members, const cni_expr **out_expr, cn_error *err);
/* Append the conjuncts of a predicate to `list` (of const cni_expr *), in order. */
CN_NODISCARD cn_code cni_expr_conjuncts(cni_arena *arena, const cni_expr *predicate, cni_list *list,
                                        cn_error *err);

/* Whether two tables are made in the same way, so that they hold the same rows within a query. */
bool cni_table_same_recipe(const cni_table_recipe *a, const cni_table_recipe *b);

/* Whether something in the plan gives another result every time. */
bool cni_plan_is_volatile(const cni_plan *plan);

/* AND of a list of const cni_expr *; NULL when it is empty. */
CN_NODISCARD cn_code cni_expr_all_of(cni_arena *arena, const cni_list *conjuncts,
                                     const cni_expr **out_predicate, cn_error *err);
/* Every column that the expression names comes out of `plan`. True for one that names none. */
bool cni_expr_is_over(const cni_expr *expr, const cni_plan *plan);
/* Whether the expression names the column. */
bool cni_expr_names(const cni_expr *expr, int32_t column_id);
/* May be evaluated elsewhere, more often or on other rows than written: raises nothing, is not
 * volatile, holds no subquery. */
bool cni_expr_is_free(const cni_expr *expr);

/* FILTER over `plan` with the conjuncts; `plan` itself when there are none. */
CN_NODISCARD cn_code cni_plan_filter_all(cni_rule_env *env, const cni_plan *plan,
                                         const cni_list *conjuncts, const cni_plan **out_plan,
                                         cn_error *err);
/* The node over other children whose columns may be more, fewer or in another order: what passes
 * columns on passes on the new ones. The children of UNION_ALL and RECURSIVE and the definition of
 * a WITH are told by position, those of DISTINCT are compared whole: they get their columns back by
 * a projection. */
CN_NODISCARD cn_code cni_plan_over(cni_rule_env *env, const cni_plan *plan,
                                   const cni_plan *const *children, const cni_plan **out_plan,
                                   cn_error *err);
/* `plan` with exactly these columns in this order, by a projection where it gives others. */
CN_NODISCARD cn_code cni_plan_exactly(cni_rule_env *env, const cni_plan *plan,
                                      const cni_column *columns, int32_t n_columns,
                                      const cni_plan **out_plan, cn_error *err);
/* VALUES without rows that gives the columns of `plan`. */
CN_NODISCARD cn_code cni_plan_empty(cni_rule_env *env, const cni_plan *plan,
                                    const cni_plan **out_plan, cn_error *err);

/* A set of column ids. Zero bytes = empty. In the arena. */
typedef struct cni_id_set {
    uint64_t *words;
    int64_t n_words;
} cni_id_set;

/* What is asked of a node by those above it. */
typedef struct cni_demand {
    cni_id_set columns; /* that something above names */
    bool duplicates;    /* how many rows are equal matters */
    bool order;         /* the order of rows matters */
    bool paired;        /* a join above makes rows of each: those that repeat repeat its work */
} cni_demand;

typedef cn_code (*cni_demand_visit)(cni_rule_env *env, const cni_plan *plan,
                                    const cni_demand *demand, const cni_plan **out_plan,
                                    cn_error *err);
/* Rewrite top-down: `visit` sees each node before its children, with what is asked of it, and again
 * what it made of it until it changes no more. Replacements may lack columns that nobody asked for.
 */
CN_NODISCARD cn_code cni_plan_rewrite_demanded(cni_rule_env *env, const cni_plan *plan,
                                               cni_demand_visit visit, const cni_plan **out_plan,
                                               cn_error *err);
/* Whether one of the plan's columns is in the set. */
bool cni_plan_gives_any(const cni_plan *plan, const cni_id_set *columns);

/* Every left row of the join has at most one partner: the right side is proved unique on the
 * columns that are equal to something of the left one. */
bool cni_join_matches_once(const cni_rule_env *env, const cni_plan *join);

CN_NODISCARD cn_code cni_id_set_add(cni_arena *arena, cni_id_set *self, int32_t id, cn_error *err);
bool cni_id_set_has(const cni_id_set *self, int32_t id);
/* Add every column that comes out of `plan`. */
CN_NODISCARD cn_code cni_id_set_add_plan(cni_arena *arena, cni_id_set *self, const cni_plan *plan,
                                         cn_error *err);
/* Add every column that the expression (its call clauses too) names. */
CN_NODISCARD cn_code cni_id_set_add_expr(cni_arena *arena, cni_id_set *self, const cni_expr *expr,
                                         cn_error *err);

#endif /* CNI_OPTIMIZE_RULE_H */
