/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of joins. A maximal tree of joins (with the filters between them) becomes a hypergraph:
 * relations are nodes, predicates are edges, and outer, semi, anti, mark and single joins are
 * hyperedges whose sides are the relations that they need (total eligibility sets). DPhyp finds the
 * cheapest tree for up to CNI_DPHYP_MAX relations within its budget of steps; beyond, the greedy
 * operator ordering joins the pair with the smallest result. Cost: rows of all intermediate results
 * plus the bytes of builds.
 */
#ifndef CNI_OPTIMIZE_JOIN_ORDER_H
#define CNI_OPTIMIZE_JOIN_ORDER_H

#include "optimize/cost/estimate.h"

#define CNI_DPHYP_MAX       12
#define CNI_DPHYP_MAX_STEPS 50000 /* pairs looked at before greedy takes over */
#define CNI_GREEDY_MAX      256   /* relations; beyond, trees stay as written */

/* The rule "join_order": left children are probed, right ones built, where the kind allows. */
CN_NODISCARD cn_code cni_rule_join_order(cni_rule_env *env, const cni_plan *plan,
                                         const cni_plan **out_plan, cn_error *err);

#endif /* CNI_OPTIMIZE_JOIN_ORDER_H */
