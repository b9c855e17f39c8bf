/* SPDX-License-Identifier: Apache-2.0
 *
 * The binary form of plans: "CNPL", a version, then tagged nodes; integers as varints, strings with
 * lengths, types and shared expressions in tables of their own. Tables are written by what makes
 * them again (cni_table's recipe: a name, or a table function and its arguments) and functions by
 * name and argument types; both are resolved when a plan is read. The reader trusts nothing.
 */
#ifndef CNI_PLAN_BINARY_H
#define CNI_PLAN_BINARY_H

#include "plan/function/function.h"
#include "plan/ir/plan.h"

#define CNI_PLAN_BINARY_VERSION 2

struct cni_table_recipe;

/* Finds what a plan names. open_table gives a new reference. */
typedef struct cni_plan_resolver {
    cn_code (*open_table)(void *private_data, const struct cni_table_recipe *recipe,
                          cni_table **out_table, cn_error *err);
    const cni_function_registry *functions;
    void *private_data;
} cni_plan_resolver;

CN_NODISCARD cn_code cni_plan_write(const cni_plan *plan, cni_strbuf *out, cn_error *err);
/* Errors: CN_INVALID_DATA naming offset and defect; CN_NOT_FOUND from the resolver. */
CN_NODISCARD cn_code cni_plan_read(cni_arena *arena, const cni_plan_resolver *resolver,
                                   const void *data, int64_t len_bytes, const cni_plan **out_plan,
                                   cn_error *err);

#endif /* CNI_PLAN_BINARY_H */
