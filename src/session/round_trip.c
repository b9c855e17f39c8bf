/* SPDX-License-Identifier: Apache-2.0
 *
 * Plan -> bytes -> plan, tables found again through table functions and the session's catalog.
 */
#include "session/round_trip.h"

#include "plan/ir/plan_binary.h"
#include "session/open_table.h"

#define ROUND_TRIP_MAX_BYTES (INT64_C(256) << 20)

static cn_code
read_back(cn_session *session, cni_arena *arena, cni_context *context, cni_str bytes,
          const cni_plan **out_plan, cn_error *err)
{
    cni_table_opener opener = {.session = session, .context = context};
    CN_TRY(cni_catalog_snapshot_take(session->catalog, &opener.catalog, err));
    const cni_plan_resolver resolver = {
        .open_table = cni_open_table, .functions = session->functions, .private_data = &opener};
    const cn_code code =
        cni_plan_read(arena, &resolver, bytes.data, bytes.len_bytes, out_plan, err);
    cni_catalog_snapshot_unref(opener.catalog);
    return code;
}

cn_code
cni_plan_round_trip(cn_session *session, cni_arena *arena, cni_context *context,
                    const cni_plan *plan, const cni_plan **out_plan, cn_error *err)
{
    cni_strbuf bytes;
    cni_strbuf_init(&bytes, context->allocator, ROUND_TRIP_MAX_BYTES);
    cn_error refused = CN_ERROR_INIT;
    cn_code code = cni_plan_write(plan, &bytes, &refused);
    if (code == CN_NOT_IMPLEMENTED) {
        *out_plan = plan;
        code = CN_OK;
    } else if (code == CN_OK) {
        code = read_back(session, arena, context, cni_strbuf_view(&bytes), out_plan, err);
    } else if (err != NULL) {
        *err = refused;
    }
    cni_strbuf_done(&bytes);
    return code;
}
