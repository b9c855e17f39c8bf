/* SPDX-License-Identifier: Apache-2.0
 *
 * Public entry points: tables and functions of the host.
 */
#include <stdarg.h>
#include <stdio.h>

#include "api/handle_int.h"
#include "colonnade/extension.h"
#include "io/source/memory_table.h"
#include "io/source/stream_scan.h"
#include "session/extension/extension_function.h"
#include "session/extension/extension_table.h"

void
cn_error_report(cn_error *err, cn_code code, const char *format, ...)
{
    char message[CN_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    (void)CN_FAIL(err, code, "%s", message);
}

/* Put the table (a reference is taken) under the name in the default schema. */
static cn_code
put_table(cn_session *session, const char *name, cni_table *table, int32_t replace, cn_error *err)
{
    const cni_catalog_entry entry = {
        .kind = CNI_ENTRY_TABLE, .name = cni_str_of(name), .table = table};
    return cni_catalog_put(session->catalog, &entry, replace != 0, err);
}

static cn_code
need_name(const cn_session *session, const char *name, cn_error *err)
{
    CN_TRY(cni_api_need(session, "session", err));
    CN_TRY(cni_api_need(name, "name", err));
    return name[0] == '\0' ? CN_FAIL(err, CN_INVALID_ARGUMENT, "name is empty") : CN_OK;
}

cn_code
cn_session_register_stream(cn_session *session, const char *name,
                           struct ArrowArrayStream *own_stream, int32_t replace, cn_error *err)
{
    CN_SCOPED(cni_table_p) table = NULL;
    CN_TRY(cni_api_need(own_stream, "own_stream", err));
    CN_TRY(cni_api_need(own_stream->release == NULL ? NULL : own_stream,
                        "own_stream (released already)", err));
    const cn_code code = need_name(session, name, err);
    if (code != CN_OK) {
        own_stream->release(own_stream);
        return code;
    }
    CN_TRY(
        cni_arrow_stream_table_new(session->allocator, cni_str_of(name), own_stream, &table, err));
    return put_table(session, name, table, replace, err);
}

static cn_code
import_batches(cn_session *session, const char *name, const struct ArrowSchema *schema,
               struct ArrowArray *own_batches, int64_t n_batches, cni_table **out_table,
               cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    CN_SCOPED(cni_table_p) table = NULL;
    cni_schema types;
    CN_TRY(cni_arena_new(session->allocator, "registration", &arena, err));
    CN_TRY(cni_arrow_import_schema(arena, schema, &types, err));
    CN_TRY(cni_memory_table_new(session->allocator, &types, cni_str_of(name), &table, err));
    for (int64_t batch = 0; batch < n_batches; batch++) {
        cni_arrow_batch imported = {0};
        CN_TRY_CTX(cni_arrow_import_batch(session->allocator, schema, &types, &own_batches[batch],
                                          &imported, err),
                   err, "batch %lld of \"%s\"", (long long)batch, name);
        CN_TRY(cni_memory_table_append(table, &imported, err));
    }
    *out_table = CN_MOVE(table);
    return CN_OK;
}

cn_code
cn_session_register_arrays(cn_session *session, const char *name, struct ArrowSchema *own_schema,
                           struct ArrowArray *own_batches, int64_t n_batches, int32_t replace,
                           cn_error *err)
{
    CN_SCOPED(cni_table_p) table = NULL;
    CN_TRY(cni_api_need(own_schema, "own_schema", err));
    CN_TRY(cni_api_need(n_batches > 0 ? (const void *)own_batches : (const void *)own_schema,
                        "own_batches", err));
    cn_code code = need_name(session, name, err);
    if (code == CN_OK) {
        code = import_batches(session, name, own_schema, own_batches, n_batches, &table, err);
    }
    for (int64_t batch = 0; batch < n_batches; batch++) {
        if (own_batches[batch].release != NULL) {
            own_batches[batch].release(&own_batches[batch]);
        }
    }
    if (own_schema->release != NULL) {
        own_schema->release(own_schema);
    }
    return code == CN_OK ? put_table(session, name, table, replace, err) : code;
}

static void
free_frame(void *frame)
{
    cni_frame_unref(frame);
}

/* What keeps a frame's plan. A frame of the session itself is not kept: its session must not keep
 * itself through its catalog, and the plan's functions live as long as that. */
static cn_code
keep_plan(cn_session *session, cn_frame *frame, cni_arena **out_arena, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    CN_TRY(cni_arena_new(session->allocator, "frame as a view", &arena, err));
    CN_TRY(cni_arena_keep(arena, frame->arena, err));
    if (frame->session != session) {
        CN_TRY(cni_arena_on_free(arena, free_frame, frame, err));
        (void)cni_frame_ref(frame);
    }
    *out_arena = CN_MOVE(arena);
    return CN_OK;
}

cn_code
cn_session_register_frame(cn_session *session, const char *name, cn_frame *frame, int32_t replace,
                          cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    CN_TRY(need_name(session, name, err));
    CN_TRY(cni_api_need(frame, "frame", err));
    if (frame->kind != CNI_FRAME_QUERY) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "a frame of EXPLAIN cannot be a view");
    }
    CN_TRY(keep_plan(session, frame, &arena, err));
    const cni_catalog_entry entry = {.kind = CNI_ENTRY_VIEW,
                                     .name = cni_str_of(name),
                                     .view_plan = frame->plan,
                                     .view_arena = arena};
    return cni_catalog_put(session->catalog, &entry, replace != 0, err);
}

cn_code
cn_session_unregister(cn_session *session, const char *name, cn_error *err)
{
    const cni_str no_schema = {0};
    CN_TRY(need_name(session, name, err));
    const cn_code code =
        cni_catalog_drop(session->catalog, no_schema, cni_str_of(name), CNI_ENTRY_VIEW, NULL);
    return code == CN_OK ? CN_OK
                         : cni_catalog_drop(session->catalog, no_schema, cni_str_of(name),
                                            CNI_ENTRY_TABLE, err);
}

cn_code
cn_session_register_table(cn_session *session, const char *name, const cn_table_provider *provider,
                          int32_t replace, cn_error *err)
{
    CN_SCOPED(cni_table_p) table = NULL;
    CN_TRY(cni_api_need(provider, "provider", err));
    const cn_code code = need_name(session, name, err);
    if (code != CN_OK) {
        if (provider->release != NULL) {
            provider->release(provider->private_data);
        }
        return code;
    }
    CN_TRY(cni_extension_table_new(session, name, provider, &table, err));
    return put_table(session, name, table, replace, err);
}

cn_code
cn_session_register_function(cn_session *session, const cn_scalar_function *function, cn_error *err)
{
    CN_TRY(cni_api_need(function, "function", err));
    const cn_code code = cni_api_need(session, "session", err);
    if (code != CN_OK) {
        if (function->release != NULL) {
            function->release(function->private_data);
        }
        return code;
    }
    return cni_extension_function_register(session, function, err);
}
