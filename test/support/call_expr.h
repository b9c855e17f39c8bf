/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls of built-in functions for plans that tests make by hand. Header only.
 */
#ifndef CN_TEST_CALL_EXPR_H
#define CN_TEST_CALL_EXPR_H

#include "plan/function/function.h"
#include "support/run_plan.h"

/* A call of a scalar function of two BIGINTs. */
static inline const cni_expr *
call_expr(plan_run *run, cni_function_registry *registry, const char *name, const cni_expr *left,
          const cni_expr *right)
{
    const cni_expr *args[2] = {left, right};
    const cni_type *types[2] = {left->type, right->type};
    const cni_type *wanted[2] = {left->type, right->type};
    const cni_value *literals[2] = {0};
    cni_resolve question = {.arena = run->arena,
                            .n_args = 2,
                            .arg_types = types,
                            .arg_literals = literals,
                            .out_arg_types = wanted};
    const cni_function *function = NULL;
    const cni_expr *expr = NULL;
    RUN_OK(run, cni_function_resolve(registry, cni_str_of(name), CNI_FUNCTION_SCALAR, &question,
                                     &function, &run->err));
    const cni_expr node = {.kind = CNI_EXPR_CALL,
                           .type = question.out_type,
                           .n_args = 2,
                           .args = args,
                           .function = function,
                           .bind_data = question.out_bind_data,
                           .sql_offset = -1};
    RUN_OK(run, cni_expr_new(run->arena, &node, &expr, &run->err));
    return expr;
}

#endif /* CN_TEST_CALL_EXPR_H */
