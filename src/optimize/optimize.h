/* SPDX-License-Identifier: Apache-2.0
 *
 * Logical plan -> better logical plan. Normalization (optimize/normalize) always runs and gives
 * canonical forms; rules (optimize/rule, one per file) can be switched off one by one, and answers
 * must not change. The list of rules and their order is in rule_list.c.
 */
#ifndef CNI_OPTIMIZE_OPTIMIZE_H
#define CNI_OPTIMIZE_OPTIMIZE_H

#include "plan/ir/plan.h"
#include "runtime/context.h"

/* Optimize `plan` (whose arena `arena` must keep) by context->settings (optimizer, disabled_rules).
 * Errors: CN_NO_MEMORY, CN_CANCELLED; a rule never raises what the plain plan would not. */
CN_NODISCARD cn_code cni_optimize(cni_arena *arena, const cni_plan *plan, cni_context *context,
                                  const cni_plan **out_plan, cn_error *err);

/* Name of the switchable rule at `index` (0, 1 ...), NULL beyond the last: for SHOW, the check of
 * SET disabled_rules, and tests. */
const char *cni_optimizer_rule_name(int32_t index);

#endif /* CNI_OPTIMIZE_OPTIMIZE_H */
