/* SPDX-License-Identifier: Apache-2.0
 *
 * The switchable rules and their order:
 *
 *   simplify             the others look for literals and plain columns
 *   inline_with, projection_merge   predicates and join orders do not stop at names
 *   outer_to_inner       while conjuncts stand above the joins that they weaken; inner joins let
 *                        filters through on both sides
 *   or_factoring         finds conjuncts to push
 *   filter_pushdown      every predicate goes to the joins and scans that it is about
 *   transitive           makes predicates of those; they sink in a second filter_pushdown
 *   self_join            joins have their keys; what it makes filters of sinks there too
 *   common_subplans      while equal parts look equal: not yet pruned, not yet ordered
 *   metadata_aggregate   when filters are where they belong (a filtered scan is not its business)
 *   projection_pushdown  what is named is used: the next four ask for that
 *   join_elimination, redundant_distinct   less to group and to order
 *   dependent_keys       while the joins that prove dependencies are as written
 *   eager_aggregation    changes what join_order orders
 *   limit_pushdown, top_n   LIMIT below projections first: top_n looks for it over a SORT
 *   projection_pushdown, projection_merge   again: join_order counts the bytes of builds
 *   join_order           over filtered, narrow relations
 *   semi_join_reduction  where inner joins have found their place
 *   narrow_expression    when it is settled which inputs are stored
 *   projection_pushdown  for what those left over
 */
#include "optimize/join_order/join_order.h"
#include "optimize/rule/rule.h"

static const cni_rule rules[] = {
    {"simplify", cni_rule_simplify},
    {"inline_with", cni_rule_inline_with},
    {"projection_merge", cni_rule_projection_merge},
    {"outer_to_inner", cni_rule_outer_to_inner},
    {"or_factoring", cni_rule_or_factoring},
    {"filter_pushdown", cni_rule_filter_pushdown},
    {"transitive", cni_rule_transitive},
    {"self_join", cni_rule_self_join},
    {"filter_pushdown", cni_rule_filter_pushdown},
    {"common_subplans", cni_rule_common_subplans},
    {"metadata_aggregate", cni_rule_metadata_aggregate},
    {"distinct_aggregate", cni_rule_distinct_aggregate},
    {"projection_pushdown", cni_rule_projection_pushdown},
    {"join_elimination", cni_rule_join_elimination},
    {"redundant_distinct", cni_rule_redundant_distinct},
    {"dependent_keys", cni_rule_dependent_keys},
    {"eager_aggregation", cni_rule_eager_aggregation},
    {"limit_pushdown", cni_rule_limit_pushdown},
    {"top_n", cni_rule_top_n},
    {"projection_pushdown", cni_rule_projection_pushdown},
    {"projection_merge", cni_rule_projection_merge},
    {"join_order", cni_rule_join_order},
    {"semi_join_reduction", cni_rule_semi_join_reduction},
    {"narrow_expression", cni_rule_narrow_expression},
    {"projection_pushdown", cni_rule_projection_pushdown},
};

int32_t
cni_rule_list(const cni_rule **out_rules)
{
    *out_rules = rules;
    return (int32_t)CN_ARRAY_LEN(rules);
}
