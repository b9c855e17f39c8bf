/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests: a plan through its binary form and back, so that whatever runs has survived
 * serialization.
 */
#ifndef CNI_SESSION_ROUND_TRIP_H
#define CNI_SESSION_ROUND_TRIP_H

#include "session/session.h"

/* The plan read back; the plan itself when it holds a table that nobody can make again. */
CN_NODISCARD cn_code cni_plan_round_trip(cn_session *session, cni_arena *arena,
                                         cni_context *context, const cni_plan *plan,
                                         const cni_plan **out_plan, cn_error *err);

#endif /* CNI_SESSION_ROUND_TRIP_H */
