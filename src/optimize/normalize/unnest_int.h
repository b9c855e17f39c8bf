/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside unnesting.
 *
 *   unnest.c          walk over the plan; subqueries of expressions become dependent joins
 *   unnest_join.c     one dependent join: pull its right side, join what is left of it
 *   unnest_pull.c     pulling through filters, projections, groups, sorts, limits
 *   unnest_combine.c  pulling through joins, unions, WITH, recursion
 *   unnest_domain.c   the domain D, for what cannot be pulled
 *   unnest_tools.c    small expressions, substitutions, questions
 *
 * Pulling takes a plan R that names columns of a left side L apart into a plan that names none and
 * what was taken out of it (cni_unnest_part): conjuncts that compare the two and expressions over
 * both. Where an operator cannot let them pass (a group by anything but equalities), the domain D
 * of the left columns in question is joined in below it, and they are taken from there.
 */
#ifndef CNI_UNNEST_INT_H
#define CNI_UNNEST_INT_H

#include "optimize/normalize/unnest.h"

/* Expressions in place of columns. Zero bytes = empty. */
typedef struct cni_unnest_item {
    int32_t id;
    const cni_expr *expr;
} cni_unnest_item;

typedef struct cni_unnest_map {
    cni_list items; /* cni_unnest_item * */
} cni_unnest_map;

/* The left side of one dependent join. */
typedef struct cni_unnest_side {
    cni_rule_env *env;
    const cni_plan *left;
    cni_id_set ids;             /* of its columns */
    const cni_plan *definition; /* once a domain was made of it and it is not cheap to read twice:
                                   `left` is a CTE_SCAN of this one then */
    int32_t cte_id;
} cni_unnest_side;

/* What pulling makes of a plan R. For a left row l, the rows of R(l) are those rows of `plan` for
 * which all of `pulled` are true; a column of R that `plan` does not have is map's expression.
 *
 * padded: R(l) is at most one row, and where `plan` has none for l, a row of NULLs stands for it
 * (an aggregate without groups); it counts if `present` (NULL = always) is true. */
typedef struct cni_unnest_part {
    const cni_plan *plan;
    cni_list pulled;       /* const cni_expr *, over left columns and plan's, in order */
    cni_unnest_map map;    /* columns of R -> over left columns and plan's */
    cni_unnest_map domain; /* left columns -> equal columns of plan (D's) */
    const cni_expr *present;
    bool padded;
    bool unique; /* at most one row for a left row */
} cni_unnest_part;

/* ---- unnest_pull.c, unnest_combine.c ---- */

/* keyed: only equalities may be left pulled, because a limit stands above; a sort sees to it. */
CN_NODISCARD cn_code cni_unnest_pull(cni_unnest_side *side, const cni_plan *plan, bool keyed,
                                     cni_unnest_part **out_part, cn_error *err);
CN_NODISCARD cn_code cni_unnest_pull_join(cni_unnest_side *side, const cni_plan *plan,
                                          cni_unnest_part **out_part, cn_error *err);
CN_NODISCARD cn_code cni_unnest_pull_union(cni_unnest_side *side, const cni_plan *plan,
                                           cni_unnest_part **out_part, cn_error *err);
CN_NODISCARD cn_code cni_unnest_pull_with(cni_unnest_side *side, const cni_plan *plan, bool keyed,
                                          cni_unnest_part **out_part, cn_error *err);
CN_NODISCARD cn_code cni_unnest_pull_recursive(cni_unnest_side *side, const cni_plan *plan,
                                               cni_unnest_part **out_part, cn_error *err);
/* Conjuncts that name left columns, and fallible ones behind such, go to `inout_pulled`. */
CN_NODISCARD cn_code cni_unnest_split(const cni_unnest_side *side, const cni_list *conjuncts,
                                      cni_list *inout_pulled, cni_list *inout_staying,
                                      cn_error *err);

/* ---- unnest_domain.c ---- */

/* One pulled conjunct, taken apart. */
typedef enum cni_unnest_form {
    CNI_UNNEST_OTHER,
    CNI_UNNEST_KEY, /* outer = inner, or IS NOT DISTINCT FROM: one names left columns only, the
                       other none of them and some of the plan's */
    CNI_UNNEST_LEFT /* names no column of the plan */
} cni_unnest_form;

typedef struct cni_unnest_key {
    cni_unnest_form form;
    bool null_safe;
    const cni_expr *outer;
    const cni_expr *inner;
} cni_unnest_key;

cni_unnest_key cni_unnest_key_of(const cni_unnest_side *side, const cni_unnest_part *part,
                                 const cni_expr *conjunct);
/* Every pulled conjunct is a KEY or LEFT one. */
bool cni_unnest_all_keyed(const cni_unnest_side *side, const cni_unnest_part *part);
/* outer = key, or outer IS NOT DISTINCT FROM key. */
CN_NODISCARD cn_code cni_unnest_key_expr(cni_rule_env *env, const cni_unnest_key *key,
                                         const cni_expr **out_expr, cn_error *err);
/* What a KEY conjunct with the bare left column says equals it; NULL when none does. */
const cni_expr *cni_unnest_equal_of(const cni_unnest_side *side, const cni_unnest_part *part,
                                    int32_t left_id);

/* Whether the node's own expressions may raise an error, aggregate functions themselves aside. */
bool cni_unnest_node_may_error(const cni_plan *node);

/* Join D into the part, or use equalities in its place: of the left columns that it names, those
 * that `node`'s own expressions name (may be NULL), and those of `more` (may be NULL). Afterwards
 * all columns of R are the plan's, and what is pulled is a key for each of these left columns. */
CN_NODISCARD cn_code cni_unnest_attach(cni_unnest_side *side, cni_unnest_part *inout_part,
                                       const cni_plan *node, const cni_id_set *more, cn_error *err);
/* Likewise, but every row of D stays, out_present tells where a row of R is there. */
CN_NODISCARD cn_code cni_unnest_attach_outer(cni_unnest_side *side, cni_unnest_part *inout_part,
                                             const cni_plan *node, const cni_expr **out_present,
                                             cn_error *err);
/* Rows whose key is NULL match nothing by `=`: without them, keys may be compared safely. */
CN_NODISCARD cn_code cni_unnest_drop_null_keys(cni_unnest_side *side, cni_unnest_part *inout_part,
                                               cn_error *err);
/* A plan of exactly `columns` and, behind them, one column for every left column in `ids`, in
 * order, to be compared by IS NOT DISTINCT FROM. `ids` holds all that the part names. */
CN_NODISCARD cn_code cni_unnest_canonical(cni_unnest_side *side, cni_unnest_part *inout_part,
                                          const cni_column *columns, int32_t n_columns,
                                          const cni_id_set *ids, const cni_plan **out_plan,
                                          cn_error *err);

/* ---- unnest_join.c ---- */

/* What a dependent join gives: at least the left columns; for the others `map`, or the plan. */
typedef struct cni_unnest_joined {
    const cni_plan *plan;
    cni_unnest_map map;
    const cni_expr *mark; /* MARK */
} cni_unnest_joined;

/* L kind R(L), where only R may name columns of L. The predicate may be NULL. */
CN_NODISCARD cn_code cni_unnest_dependent(cni_rule_env *env, cni_join_kind kind,
                                          const cni_plan *left, const cni_plan *right,
                                          const cni_expr *predicate, bool null_aware,
                                          cni_unnest_joined *out, cn_error *err);
/* The same as a node that gives the columns of `left`, then `tail` (right columns, or the mark). */
CN_NODISCARD cn_code cni_unnest_dependent_node(cni_rule_env *env, cni_join_kind kind,
                                               const cni_plan *left, const cni_plan *right,
                                               const cni_expr *predicate, bool null_aware,
                                               const cni_column *tail, int32_t n_tail,
                                               const cni_plan **out_plan, cn_error *err);

/* ---- unnest_tools.c ---- */

CN_NODISCARD cn_code cni_unnest_map_put(cni_rule_env *env, cni_unnest_map *self, int32_t id,
                                        const cni_expr *expr, cn_error *err);
const cni_expr *cni_unnest_map_get(const cni_unnest_map *self, int32_t id);
/* Replace columns by what the maps say (the second may be NULL). */
CN_NODISCARD cn_code cni_unnest_map_expr(cni_rule_env *env, const cni_unnest_map *map,
                                         const cni_unnest_map *second, const cni_expr *expr,
                                         const cni_expr **out_expr, cn_error *err);
/* The same in the node's own expressions, and in those of a whole plan. */
CN_NODISCARD cn_code cni_unnest_map_node(cni_rule_env *env, const cni_unnest_map *map,
                                         const cni_unnest_map *second, const cni_plan *node,
                                         const cni_plan **out_node, cn_error *err);
CN_NODISCARD cn_code cni_unnest_map_plan(cni_rule_env *env, const cni_unnest_map *map,
                                         const cni_plan *plan, const cni_plan **out_plan,
                                         cn_error *err);

bool cni_unnest_expr_names(const cni_id_set *ids, const cni_expr *expr);
/* The node's own expressions. */
bool cni_unnest_node_names(const cni_id_set *ids, const cni_plan *node);
bool cni_unnest_plan_names(const cni_id_set *ids, const cni_plan *plan);
/* Add those of `ids` that are named. */
CN_NODISCARD cn_code cni_unnest_add_named(cni_rule_env *env, const cni_id_set *ids,
                                          const cni_expr *expr, cni_id_set *inout_named,
                                          cn_error *err);
CN_NODISCARD cn_code cni_unnest_add_named_plan(cni_rule_env *env, const cni_id_set *ids,
                                               const cni_plan *plan, bool with_children,
                                               cni_id_set *inout_named, cn_error *err);

bool cni_unnest_at_most_one_row(const cni_plan *plan);
bool cni_unnest_exactly_one_row(const cni_plan *plan);

/* AND of a list of const cni_expr *; NULL for none. */
CN_NODISCARD cn_code cni_unnest_and(cni_rule_env *env, const cni_list *conjuncts,
                                    const cni_expr **out_expr, cn_error *err);
CN_NODISCARD cn_code cni_unnest_not_distinct(cni_rule_env *env, const cni_expr *a,
                                             const cni_expr *b, const cni_expr **out_expr,
                                             cn_error *err);
CN_NODISCARD cn_code cni_unnest_is_null(cni_rule_env *env, const cni_expr *arg, bool negated,
                                        const cni_expr **out_expr, cn_error *err);
/* CASE WHEN condition THEN value ELSE otherwise END; otherwise NULL = a NULL of value's type. */
CN_NODISCARD cn_code cni_unnest_choose(cni_rule_env *env, const cni_expr *condition,
                                       const cni_expr *value, const cni_expr *otherwise,
                                       const cni_expr **out_expr, cn_error *err);
/* Whether it is TRUE: never NULL. */
CN_NODISCARD cn_code cni_unnest_is_true(cni_rule_env *env, const cni_expr *expr,
                                        const cni_expr **out_expr, cn_error *err);

/* exprs[i] makes columns[i]. */
CN_NODISCARD cn_code cni_unnest_project(cni_rule_env *env, const cni_plan *child,
                                        const cni_expr *const *exprs, const cni_column *columns,
                                        int32_t n_columns, const cni_plan **out_plan,
                                        cn_error *err);
/* All columns of `child` and one more, a TRUE. */
CN_NODISCARD cn_code cni_unnest_add_true(cni_rule_env *env, const cni_plan *child,
                                         const cni_expr **out_column, const cni_plan **out_plan,
                                         cn_error *err);
/* `plan` with exactly these columns, each by `map` (may be NULL) or plan's own. */
CN_NODISCARD cn_code cni_unnest_restore(cni_rule_env *env, const cni_plan *plan,
                                        const cni_column *columns, int32_t n_columns,
                                        const cni_unnest_map *map, const cni_plan **out_plan,
                                        cn_error *err);

#endif /* CNI_UNNEST_INT_H */
