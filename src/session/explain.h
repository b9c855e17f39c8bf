/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of EXPLAIN and EXPLAIN ANALYZE, and a plan that gives it as rows.
 */
#ifndef CNI_SESSION_EXPLAIN_H
#define CNI_SESSION_EXPLAIN_H

#include "exec/pipeline/execution.h"

#define CNI_EXPLAIN_MAX_BYTES (INT64_C(64) << 20)

/* Logical plan and pipelines; with `execution` (may be NULL) what was counted. JSON:
 * {"plan": ..., "pipelines": ..., "profile": ...}. */
CN_NODISCARD cn_code cni_explain_text(const cni_plan *optimized, const cni_physical_plan *physical,
                                      cni_execution *execution, bool as_json, cni_strbuf *out,
                                      cn_error *err);
/* VALUES plan with one row per line of `text`, or one row for all of it. Copied into the arena. */
CN_NODISCARD cn_code cni_explain_rows(cni_arena *arena, cni_str text, bool one_row,
                                      const cni_plan **out_plan, cn_error *err);

#endif /* CNI_SESSION_EXPLAIN_H */
