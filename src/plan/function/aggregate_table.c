/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of built-in aggregate functions that every registry begins with. Each family's table is
 * in the file of its name; a new function is a row there and an entry here (the test of this list
 * counts the rows).
 */
#include "plan/function/aggregate_function_int.h"

/* Rows of a table from `at` on. */
#define ROWS_1(table, at) &(table)[at]
#define ROWS_2(table, at) ROWS_1(table, at), ROWS_1(table, (at) + 1)
#define ROWS_3(table, at) ROWS_2(table, at), ROWS_1(table, (at) + 2)
#define ROWS_4(table, at) ROWS_2(table, at), ROWS_2(table, (at) + 2)

static const cni_function *const builtins[] = {
    ROWS_4(cni_aggregate_counts, 0),    ROWS_4(cni_aggregate_sums, 0),
    ROWS_4(cni_aggregate_extremes, 0),  ROWS_2(cni_aggregate_extremes, 4),
    ROWS_4(cni_aggregate_booleans, 0),  ROWS_3(cni_aggregate_booleans, 4),
    ROWS_4(cni_aggregate_firsts, 0),    ROWS_4(cni_aggregate_moments, 0),
    ROWS_4(cni_aggregate_moments, 4),   ROWS_1(cni_aggregate_moments, 8),
    ROWS_4(cni_aggregate_lists, 0),     ROWS_1(cni_aggregate_lists, 4),
    ROWS_4(cni_aggregate_quantiles, 0), ROWS_1(cni_aggregate_sketches, 0),
};

const cni_function *const *
cni_aggregate_builtins(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(builtins);
    return builtins;
}
