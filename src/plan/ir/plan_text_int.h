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

/* "inner", "left" ... Never NULL. */
const char *cni_join_kind_name(uint8_t kind);

#define CNI_PLAN_NAME_BYTES 128

/* State of cni_plan_input_name: the node that holds the expression, and room for one name. */
typedef struct cni_plan_names {
    const cni_plan *plan;
    char *text; /* CNI_PLAN_NAME_BYTES */
} cni_plan_names;

/* cni_column_namer over a cni_plan_names; what it gives holds until the next call. */
cni_str cni_plan_input_name(const void *names, int32_t column_id);
/* cni_expr_print for an expression that `plan` holds. */
CN_NODISCARD cn_code cni_plan_print_expr(const cni_plan *plan, const cni_expr *expr,
                                         cni_strbuf *out, cn_error *err);

#endif /* CNI_PLAN_TEXT_INT_H */
