/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the rule narrow_expression (narrow_expression.c): what is known of an input and of the
 * use of its columns, which narrow_uses.c finds out.
 */
#ifndef CNI_OPTIMIZE_NARROW_EXPRESSION_INT_H
#define CNI_OPTIMIZE_NARROW_EXPRESSION_INT_H

#include "optimize/cost/estimate.h"
#include "optimize/rule/rule.h"

#define CNI_NARROW_CANDIDATES 64 /* bits of a mask; an input with more keeps its columns */

/* The way up: a node and which of its children one came from. */
typedef struct cni_narrow_place {
    const struct cni_narrow_place *above;
    const cni_plan *plan;
    int32_t child;
} cni_narrow_place;

typedef struct cni_moved_expr {
    const cni_expr *expr;    /* as it was written */
    const cni_expr *pattern; /* with what its group moved out of it */
    const cni_expr *column;
} cni_moved_expr;

typedef struct cni_narrowing {
    cni_rule_env *env;
    const cni_plan *root;
    cni_estimator *estimator; /* NULL until one is needed */
    cni_list groups;          /* of cni_list of cni_moved_expr */
} cni_narrowing;

/* One input, and what is known of the use of its columns above. */
typedef struct cni_narrow_input {
    cni_narrowing *rule;
    const cni_plan *input;
    cni_id_set bare; /* named outside candidates */
    int32_t n_candidates;
    bool crowded; /* more than CNI_NARROW_CANDIDATES */
    bool padded;  /* its rows may have become NULLs where `at` looks */
    const cni_narrow_place *at;
    const cni_expr *candidates[CNI_NARROW_CANDIDATES];
    const cni_narrow_place *uses[CNI_NARROW_CANDIDATES];
} cni_narrow_input;

/* Candidates and bare names of the input that came from `from`, in everything above it. */
CN_NODISCARD cn_code cni_narrow_find_uses(cni_narrow_input *self, const cni_narrow_place *from,
                                          cn_error *err);
/* Whether nodes further up may name columns of the child. */
bool cni_narrow_passes_on(const cni_narrow_place *at);
/* Whether every value of the type takes as many bytes as every other. */
bool cni_narrow_is_fixed(const cni_type *type);

#endif /* CNI_OPTIMIZE_NARROW_EXPRESSION_INT_H */
