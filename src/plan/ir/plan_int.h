/* SPDX-License-Identifier: Apache-2.0
 *
 * What the constructors of plans share: plan.c (any node, leaves, nodes over one child),
 * plan_join.c (joins, WITH and what reads it).
 */
#ifndef CNI_PLAN_INT_H
#define CNI_PLAN_INT_H

#include "plan/ir/plan.h"

/* A template of the kind with every estimate unknown and no limit. */
cni_plan cni_plan_template(cni_plan_kind kind);

/* Zeroed columns in the arena. Errors: CN_LIMIT_EXCEEDED when ids would run out. */
CN_NODISCARD cn_code cni_plan_new_columns(cni_plan_builder *self, int64_t n_columns,
                                          cni_column **out_columns, cn_error *err);

/* CN_INTERNAL unless both give as many columns of the same types; `what` names the node. */
CN_NODISCARD cn_code cni_plan_check_union(const char *what, const cni_plan *first,
                                          const cni_plan *other, cn_error *err);

#endif /* CNI_PLAN_INT_H */
