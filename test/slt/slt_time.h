/* SPDX-License-Identifier: Apache-2.0
 *
 * Dates, times, timestamps, durations and intervals as text for the sqllogictest runner, computed
 * here and not by the engine under test. Units are Arrow's letters: s, m, u, n.
 */
#ifndef SLT_TIME_H
#define SLT_TIME_H

#include <stdint.h>

#include "slt_text.h"

void slt_date_text(slt_text *out, int64_t days_since_1970);
void slt_time_text(slt_text *out, int64_t units_since_midnight, char unit);
void slt_timestamp_text(slt_text *out, int64_t units_since_1970, char unit);
void slt_duration_text(slt_text *out, int64_t units, char unit);
void slt_interval_text(slt_text *out, int64_t months, int64_t days, int64_t nanoseconds);

#endif /* SLT_TIME_H */
