/* SPDX-License-Identifier: Apache-2.0
 *
 * Private to the rule eager_aggregation: groupings in two steps.
 *
 *   eager_part.c   finds the part of the joins that is best grouped first
 *   eager_calls.c  what becomes of each call: one below, one above
 */
#ifndef CNI_OPTIMIZE_EAGER_AGGREGATION_INT_H
#define CNI_OPTIMIZE_EAGER_AGGREGATION_INT_H

#include "optimize/cost/estimate.h"
#include "optimize/property/property.h"

/* The grouping below: exprs are keys, then calls. Thread: confined. */
typedef struct cni_eager_lower {
    const cni_plan *part;
    cni_list keys;  /* of const cni_expr */
    cni_list calls; /* of const cni_expr, no two equal */
} cni_eager_lower;

/* Whether the calls of `aggregate` can be made from a grouping of `part`, whose other columns must
 * then be keys: those that the calls name are added to `inout_named`. */
CN_NODISCARD cn_code cni_eager_calls_fit(cni_rule_env *env, const cni_plan *aggregate,
                                         const cni_plan *part, cni_id_set *inout_named,
                                         bool *out_fits, cn_error *err);
/* Add to lower->calls what the call needs of the part. */
CN_NODISCARD cn_code cni_eager_lower_call(cni_rule_env *env, const cni_expr *call,
                                          cni_eager_lower *lower, cn_error *err);
/* The call over `grouped`, the AGGREGATE of `lower`, or over a join of it. */
CN_NODISCARD cn_code cni_eager_upper_call(cni_rule_env *env, const cni_expr *call,
                                          const cni_eager_lower *lower, const cni_plan *grouped,
                                          const cni_expr **out_call, cn_error *err);
/* `aggregate` with part of what is below it grouped first, or itself. */
CN_NODISCARD cn_code cni_eager_in_two_steps(cni_rule_env *env, const cni_plan *aggregate,
                                            const cni_plan **out_plan, cn_error *err);

#endif /* CNI_OPTIMIZE_EAGER_AGGREGATION_INT_H */
