/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins: the build side is a sink of its own pipeline, the probe streams through another one that
 * runs when the build has finished.
 *
 *   build pipeline:  source -> ... -> JOIN_BUILD            (collects, then chooses its table)
 *   probe pipeline:  source -> ... -> JOIN_PROBE -> ... -> sink
 *                    rows of the build (branch BUILD) ---^  after every probe row of the pipeline
 *
 * The build operator owns the rows, the table, and per build row whether it was matched; the probe
 * operator borrows it. The execution keeps a build operator open until the pipelines that probe it
 * have finished.
 *
 *   table, chosen when all rows are known (note "strategy"):
 *     dense      numbers in a small range, one key or several: array of row ids
 *     inline     numbers that make at most 64 bits together: open addressing, keys in the slot
 *     hashed     anything else: the hash in the slot, keys compared
 *     blocks     no equality keys: every pair, block by block
 *     nothing    no row has a key that could match
 *   Rows of one key lie side by side (a run) in all of them.
 */
#ifndef CNI_EXEC_JOIN_H
#define CNI_EXEC_JOIN_H

#include "exec/operator/operators.h"
#include "plan/table/key_filter.h"

/* Sink. `key_filters`: one per spec->join->key_filters, sealed when the build has finished. */
CN_NODISCARD cn_code cni_join_build_operator_new(const cni_phys_op *spec,
                                                 const cni_operator_env *env,
                                                 cni_key_filter *const *key_filters,
                                                 cni_operator **out_operator, cn_error *err);
/* Streams. `build` is the finished build operator; it outlives this one. */
CN_NODISCARD cn_code cni_join_probe_operator_new(const cni_phys_op *spec,
                                                 const cni_operator_env *env, cni_operator *build,
                                                 cni_operator **out_operator, cn_error *err);
/* What a BUILD branch reads: of BUILD_OUTER, FULL and BUILD_ANTI the rows that nothing matched, of
 * BUILD_SEMI those that something did; columns as the probe operator's output (probe columns NULL);
 * and everything that a join gives for rows that were written to disk. Opened when all probing has
 * ended. */
CN_NODISCARD cn_code cni_join_build_scan_new(cni_operator *build, const cni_phys_join *join,
                                             cni_context *context, cni_scan **out_scan,
                                             cn_error *err);

/* Whether that may be anything. `build` has finished. */
bool cni_join_build_has_more(cni_operator *build, const cni_phys_join *join);

/* ---- a build without a table ---- */

/* Whether all rows of a build that every worker has combined into, and that is not finalized, can
 * be read again; how many there are. */
bool cni_join_build_has_rows(cni_operator *base, int64_t *out_rows);
/* Before finalize: it fills the key filters and makes no table; open_source then gives the rows,
 * once: the kept columns, then the keys. */
void cni_join_build_give_rows(cni_operator *base);
/* Kept columns, and which of the build's input each is. */
int32_t cni_join_build_kept(const cni_operator *base);
int32_t cni_join_build_kept_at(const cni_operator *base, int32_t kept);

#endif /* CNI_EXEC_JOIN_H */
