/* SPDX-License-Identifier: Apache-2.0
 *
 * One value of an Arrow array as text, as result lines of test files write it: NULL, (empty),
 * true/false, exact decimals, shortest round-trip floats, ISO dates and times, intervals in words,
 * [a, b], {'k': v}, {k=v}. Every layout of the Arrow C data interface that has a text is read;
 * unions and other unknown formats are reported by their format string.
 */
#ifndef SLT_VALUE_H
#define SLT_VALUE_H

#include "colonnade/arrow.h"
#include "slt_text.h"

/* Appends row `row` (before the array's offset is added) of `array`. A value inside a nested one is
 * written bare: '' for the empty string. */
void slt_value_text(slt_text *out, const struct ArrowSchema *schema, const struct ArrowArray *array,
                    int64_t row);

/* Letter of a column type: T text, I integer, R float, V decimal, W decimal without decimals, B
 * boolean, D date, P timestamp, M time, N interval, X bytes, ? anything else. */
char slt_type_letter(const struct ArrowSchema *schema);

void slt_double_text(slt_text *out, double value, int max_digits);

#endif /* SLT_VALUE_H */
