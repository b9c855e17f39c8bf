/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates, times, timestamps, durations and intervals as text, computed
 * here and not by the engine under test. Units are Arrow's letters: s, m, u, n.
 */
#ifndef CELL_TIME_H
#define CELL_TIME_H

#include <stdint.h>

#include "cell_text.h"

void cell_date_text(cell_text *out, int64_t days_since_1970);
void cell_time_text(cell_text *out, int64_t units_since_midnight, char unit);
void cell_timestamp_text(cell_text *out, int64_t units_since_1970, char unit);
void cell_duration_text(cell_text *out, int64_t units, char unit);
void cell_interval_text(cell_text *out, int64_t months, int64_t days, int64_t nanoseconds);

#endif /* CELL_TIME_H */
