/* SPDX-License-Identifier: Apache-2.0
 *
 * The families of built-in functions: each file gives a static table. A new family is declared here
 * and listed in registry.c; a new function of a family is a row of its table.
 */
#ifndef CNI_PLAN_BUILTIN_INT_H
#define CNI_PLAN_BUILTIN_INT_H

#include "plan/function/function.h"

/* A family's table. */
typedef const cni_function *(*cni_builtin_family)(int32_t *out_n);

const cni_function *cni_builtin_operators(int32_t *out_n); /* + - * / // % ^ ** and negation */
const cni_function *cni_builtin_rounding(int32_t *out_n);  /* abs, sign, round, floor ... */
const cni_function *cni_builtin_math(int32_t *out_n);      /* sqrt, exp, logarithms, trigonometry */
const cni_function *cni_builtin_bits(int32_t *out_n);      /* & | xor << >> ~ bit_count */
const cni_function *cni_builtin_string_case(int32_t *out_n); /* lengths, lower, upper, trim ... */
const cni_function *cni_builtin_string_cut(int32_t *out_n);  /* substring, left, lpad, split_part */
const cni_function *cni_builtin_string_join(int32_t *out_n); /* concat, ||, concat_ws, repeat */
const cni_function *cni_builtin_string_find(int32_t *out_n); /* position, contains, starts_with */
const cni_function *cni_builtin_like(int32_t *out_n);        /* ~~ !~~ ~~* !~~* and escapes */
const cni_function *cni_builtin_regexp(int32_t *out_n);    /* regexp_matches, _replace, _extract */
const cni_function *cni_builtin_date_part(int32_t *out_n); /* extract, date_trunc, year ... */
const cni_function *cni_builtin_date_make(int32_t *out_n); /* now, make_date, epoch_ms, strftime */
const cni_function *cni_builtin_date_diff(int32_t *out_n); /* date_diff, date_add, age */
const cni_function *cni_builtin_conditional(int32_t *out_n); /* coalesce, nullif, if, greatest */
const cni_function *cni_builtin_windows(int32_t *out_n);     /* row_number, rank ... */
const cni_function *cni_builtin_information(int32_t *out_n); /* typeof, version, hash, random */

/* The aggregate functions: pointers, since their tables are several. */
const cni_function *const *cni_aggregate_builtins(int32_t *out_n);

#endif /* CNI_PLAN_BUILTIN_INT_H */
