/* SPDX-License-Identifier: Apache-2.0
 *
 * Public entry points: sessions, their settings, SQL.
 */
#include <string.h>

#include "api/handle_int.h"
#include "colonnade/colonnade.h"
#include "session/statement/statement.h"
#include "sql/parse/parse.h"

cn_code
cn_session_new(cn_engine *engine, cn_session **out_session, cn_error *err)
{
    CN_TRY(cni_api_need(engine, "engine", err));
    CN_TRY(cni_api_need(out_session, "out_session", err));
    return cni_session_new(engine, out_session, err);
}

void
cn_session_free(cn_session *session)
{
    cni_session_unref(session);
}

cn_memory *
cn_session_memory(cn_session *session)
{
    return session == NULL ? NULL : &session->memory;
}

void
cn_session_cancel(cn_session *session)
{
    if (session != NULL) {
        cni_session_cancel(session);
    }
}

cn_code
cn_session_set(cn_session *session, const char *name, const char *value, cn_error *err)
{
    CN_TRY(cni_api_need(session, "session", err));
    CN_TRY(cni_api_need(name, "name", err));
    CN_TRY(cni_api_need(value, "value", err));
    return cni_session_set_text(session, cni_str_of(name), cni_str_of(value), err);
}

cn_code
cn_session_get(cn_session *session, const char *name, char *buffer, int64_t capacity,
               int64_t *out_length, cn_error *err)
{
    const cni_setting *setting = NULL;
    char text[CNI_SETTING_TEXT_BYTES];
    CN_TRY(cni_api_need(session, "session", err));
    CN_TRY(cni_api_need(name, "name", err));
    CN_TRY(cni_setting_find(cni_str_of(name), &setting, err));
    const cni_settings settings = cni_session_settings(session);
    cni_settings_get(&settings, setting, text);
    cni_api_copy_text(text, (int64_t)strlen(text), buffer, capacity, out_length);
    return CN_OK;
}

cn_code
cn_session_set_access_policy(cn_session *session, const cn_access_policy *policy, cn_error *err)
{
    cn_access_policy known = {.struct_size = sizeof(known)};
    CN_TRY(cni_api_need(session, "session", err));
    if (policy != NULL) {
        if (policy->struct_size < sizeof(policy->struct_size)) {
            return CN_FAIL(err, CN_INVALID_ARGUMENT, "cn_access_policy.struct_size is not set (%u)",
                           policy->struct_size);
        }
        memcpy(&known, policy,
               (size_t)cni_min_i64((int64_t)policy->struct_size, (int64_t)sizeof(known)));
    }
    return cni_session_set_policy(session, &known, err);
}

static cn_code
make_frame(cn_session *session, cni_arena *arena, const char *sql, const cni_parameters *parameters,
           cn_frame **out_frame, cn_error *err)
{
    CN_TRY(cni_api_need(session, "session", err));
    CN_TRY(cni_api_need(sql, "sql", err));
    CN_TRY(cni_api_need(out_frame, "out_frame", err));
    return cni_statement_frame(session, arena, cni_str_of(sql), parameters, out_frame, err);
}

cn_code
cn_session_sql(cn_session *session, const char *sql, cn_frame **out_frame, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    CN_TRY(cni_api_need(session, "session", err));
    CN_TRY(cni_arena_new(session->allocator, "frame", &arena, err));
    return make_frame(session, arena, sql, NULL, out_frame, err);
}

static void
release_both(struct ArrowSchema *own_schema, struct ArrowArray *own_row)
{
    if (own_schema != NULL && own_schema->release != NULL) {
        own_schema->release(own_schema);
    }
    if (own_row != NULL && own_row->release != NULL) {
        own_row->release(own_row);
    }
}

cn_code
cn_session_sql_with(cn_session *session, const char *sql, struct ArrowSchema *own_schema,
                    struct ArrowArray *own_row, cn_frame **out_frame, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_parameters parameters = {0};
    cn_code code = cni_api_need(session, "session", err);
    if (code == CN_OK) {
        code = cni_api_need(own_schema, "own_schema", err);
    }
    if (code == CN_OK) {
        code = cni_api_need(own_row, "own_row", err);
    }
    if (code == CN_OK) {
        code = cni_arena_new(session->allocator, "frame", &arena, err);
    }
    if (code != CN_OK) {
        release_both(own_schema, own_row);
        return code;
    }
    CN_TRY_CTX(
        cni_parameters_import(arena, session->allocator, own_schema, own_row, &parameters, err),
        err, "parameters");
    return make_frame(session, arena, sql, &parameters, out_frame, err);
}

cn_code
cn_session_execute(cn_session *session, const char *script, struct ArrowArrayStream *out_rows,
                   cn_error *err)
{
    CN_TRY(cni_api_need(session, "session", err));
    CN_TRY(cni_api_need(script, "script", err));
    return cni_statement_script(session, cni_str_of(script), out_rows, err);
}

cn_code
cn_sql_split(const char *script, int64_t length_bytes, int64_t *out_offset, int64_t *out_length,
             int64_t *out_next, int32_t *out_complete, cn_error *err)
{
    CN_TRY(cni_api_need(script, "script", err));
    const int64_t length = length_bytes < 0 ? (int64_t)strlen(script) : length_bytes;
    const cni_sql_piece piece = cni_sql_split_first((cni_str){script, length});
    if (out_offset != NULL) {
        *out_offset = piece.offset;
    }
    if (out_length != NULL) {
        *out_length = piece.length;
    }
    if (out_next != NULL) {
        *out_next = piece.next;
    }
    if (out_complete != NULL) {
        *out_complete = piece.complete ? 1 : 0;
    }
    return CN_OK;
}
