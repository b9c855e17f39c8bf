/* SPDX-License-Identifier: Apache-2.0
 *
 * Proof that an integer column has no value twice and no NULL: one scan with a bitmap over the
 * claimed range. A value outside of it, like a repeat, is an answer: not unique.
 */
#ifndef CNI_PLAN_PROVE_UNIQUE_H
#define CNI_PLAN_PROVE_UNIQUE_H

#include "plan/table/table.h"

#define CNI_PROVE_MAX_ROWS  INT64_C(20000000)
#define CNI_PROVE_MAX_RANGE INT64_C(64000000)

/* Whether a look is worth while: enough room for the rows, not much more. */
bool cni_prove_is_cheap(const cni_table_stats *stats, int32_t table_column);
/* Scan `column` of the table. Errors: those of scans. */
CN_NODISCARD cn_code cni_prove_unique(cni_table *table, int32_t table_column,
                                      const cni_column_stats *stats, cni_context *context,
                                      bool *out_unique, cn_error *err);

#endif /* CNI_PLAN_PROVE_UNIQUE_H */
