/* SPDX-License-Identifier: Apache-2.0
 *
 * When operators spill: what a query has left of its budget, and how much of it one operator may
 * hold. Operators ask once per chunk, before they take it, and write their own state out when they
 * are told to; nobody else touches it.
 *
 *   limit |-------------------------------------------|
 *    soft |------------------------------------|         limit less a reserve for what cannot spill
 *    used |=======================|                      (scan buffers, chunks under way)
 *                                  <--- left -->
 *
 * The reserve is an eighth of the limit, at least 1 MiB per worker and at most half of the limit.
 * A path's limit is the tightest one: of the query, its session, the engine.
 */
#ifndef CNI_RUNTIME_PRESSURE_H
#define CNI_RUNTIME_PRESSURE_H

#include "runtime/context.h"

/* The tightest limit of `budget` and the nodes above it; INT64_MAX = none. */
int64_t cni_memory_limit(const cni_budget *budget);

/* Bytes below the soft limit that `budget` (the operator's node) may still take, over all nodes of
 * its path; negative above it. A few atomic loads. */
int64_t cni_memory_left(const cni_budget *budget, const cni_context *context);

/* Whether a state of own_bytes (one worker's) should be written out now: the query is above its
 * soft limit and the state is worth it: at least a 64th of the limit shared by the query's workers
 * (1/64 : n_threads), so that no run or page list gets too short. Always true for a state that is
 * not empty under the test setting `test_spill`. False without a spill store. */
bool cni_memory_should_spill(cni_budget *budget, const cni_context *context, int64_t own_bytes);

/* What an operator that holds own_bytes may keep beyond its pipeline (a join's table, a finished
 * aggregate, collected rows): half of what it has and what is left together, so that every operator
 * of a chain finds room. 0 under `test_spill`. INT64_MAX without a spill store. */
int64_t cni_memory_may_keep(const cni_budget *budget, const cni_context *context,
                            int64_t own_bytes);

/* Whether n_bytes may be taken for a write or read that is under way meanwhile: a part of the
 * reserve is for that, since they are gone soon. Always true under `test_spill`. */
bool cni_memory_may_overlap(cni_budget *budget, const cni_context *context, int64_t n_bytes);

#endif /* CNI_RUNTIME_PRESSURE_H */
