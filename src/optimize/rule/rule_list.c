/* SPDX-License-Identifier: Apache-2.0
 *
 * The switchable rules and their order. Simplification comes first because the others look for
 * literals and plain columns; filters are pushed before metadata may answer (an aggregate over a
 * filtered scan is not its business); projections come last, when it is settled which columns are
 * used at all.
 */
#include "optimize/rule/rule.h"

static const cni_rule rules[] = {
    {"simplify", cni_rule_simplify},
    {"filter_pushdown", cni_rule_filter_pushdown},
    {"metadata_aggregate", cni_rule_metadata_aggregate},
    {"distinct_aggregate", cni_rule_distinct_aggregate},
    {"limit_pushdown", cni_rule_limit_pushdown},
    {"top_n", cni_rule_top_n},
    {"projection_pushdown", cni_rule_projection_pushdown},
};

int32_t
cni_rule_list(const cni_rule **out_rules)
{
    *out_rules = rules;
    return (int32_t)CN_ARRAY_LEN(rules);
}
