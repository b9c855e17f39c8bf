/* SPDX-License-Identifier: Apache-2.0
 *
 * What the two printers of plans share: names of nodes, and column names for expressions of a node.
 * A column is shown by its name; one without a name, or whose name several columns of the node's
 * inputs have, as name#id or #id.
 */
#ifndef CNI_PLAN_TEXT_INT_H
#define CNI_PLAN_TEXT_INT_H

#include "plan/ir/plan.h"

/* "Scan", "Filter" ... Never NULL. */
const char *cni_plan_kind_name(uint8_t kind);

/* cni_column_namer whose state is the cni_plan that holds the expression. */
cni_str cni_plan_input_name(const void *plan, int32_t column_id);

#endif /* CNI_PLAN_TEXT_INT_H */
