/* SPDX-License-Identifier: Apache-2.0
 *
 * One value of an Arrow array as text, as result lines of test files write it: NULL, (empty),
 * true/false, exact decimals, shortest round-trip floats, ISO dates and times, intervals in words,
 * [a, b], {'k': v}, {k=v}. Every layout of the Arrow C data interface that has a text is read;
 * unions and other unknown formats are reported by their format string.
 */
#ifndef CELL_VALUE_H
#define CELL_VALUE_H

#include "cell_text.h"
#include "colonnade/arrow.h"

/* Appends row `row` (before the array's offset is added) of `array`. A value inside a nested one is
 * written bare: '' for the empty string. */
void cell_value_text(cell_text *out, const struct ArrowSchema *schema,
                     const struct ArrowArray *array, int64_t row);

/* Letter of a column type: T text, I integer, R float, V decimal, W decimal without decimals, B
 * boolean, D date, P timestamp, M time, N interval, X bytes, ? anything else. */
char cell_type_letter(const struct ArrowSchema *schema);

/* Whether the row is NULL (unions and run-end encoded arrays never are themselves). */
bool cell_is_null(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row);

/* The bytes of a string row (u, U, vu) that is not NULL, borrowed from the array; false for other
 * formats. */
bool cell_string(const struct ArrowSchema *schema, const struct ArrowArray *array, int64_t row,
                 const char **out_bytes, int64_t *out_n_bytes);

void cell_double_text(cell_text *out, double value, int max_digits);

#endif /* CELL_VALUE_H */
