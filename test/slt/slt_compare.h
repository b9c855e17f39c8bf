/* SPDX-License-Identifier: Apache-2.0
 *
 * Expected against actual: result lines as a test file writes them, comparison with a tolerance
 * for floats only, and the difference as a reader wants to see it.
 */
#ifndef SLT_COMPARE_H
#define SLT_COMPARE_H

#include "slt_engine.h"
#include "slt_file.h"

/* The lines of a result: one per row with tabs, or one per value for valuesort; sorted as asked;
 * the one hash line when there are more than `hash_threshold` values (0 = never). */
void slt_result_lines(const slt_result *result, slt_sort sort, long long hash_threshold,
                      slt_strings *out_lines);

/* True when one line says "N values hashing to ...". */
bool slt_is_hash_line(const char *line);

/* Types as written (`expected`) against the letters of the result. R takes every float and decimal,
 * I also decimals without decimals, ? everything. */
bool slt_types_match(const char *expected, const char *actual);

/* Equal line by line; cells of float columns (R in `types`) may differ by 1e-12 of their size. */
bool slt_lines_match(const slt_strings *expected, const slt_strings *actual, const char *types);

/* Prints both sides, equal lines once; at most some tens of lines. */
void slt_print_difference(const slt_strings *expected, const slt_strings *actual,
                          const char *types);

#endif /* SLT_COMPARE_H */
