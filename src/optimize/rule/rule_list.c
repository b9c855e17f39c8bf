/* SPDX-License-Identifier: Apache-2.0
 *
 * The switchable rules and their order:
 *
 *   simplify             the others look for literals and plain columns
 *   outer_to_inner       while conjuncts still stand above the joins that they weaken; inner joins
 *                        let filters through on both sides
 *   filter_pushdown      every predicate goes to the joins and scans that it is about
 *   or_factoring, transitive   make predicates of those; what they find sinks in a second
 *                        filter_pushdown
 *   metadata_aggregate   when filters are where they belong (a filtered scan is not its business)
 *   projection_pushdown  last, when it is settled which columns are used at all
 */
#include "optimize/rule/rule.h"

static const cni_rule rules[] = {
    {"simplify", cni_rule_simplify},
    {"outer_to_inner", cni_rule_outer_to_inner},
    {"filter_pushdown", cni_rule_filter_pushdown},
    {"or_factoring", cni_rule_or_factoring},
    {"transitive", cni_rule_transitive},
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
