/* SPDX-License-Identifier: Apache-2.0
 *
 * Public entry points: frames and queries.
 */
#include <string.h>

#include "api/handle_int.h"
#include "colonnade/colonnade.h"
#include "session/explain.h"
#include "session/query.h"

void
cn_frame_free(cn_frame *frame)
{
    cni_frame_unref(frame);
}

cn_code
cn_frame_schema(cn_frame *frame, struct ArrowSchema *out_schema, cn_error *err)
{
    CN_TRY(cni_api_need(frame, "frame", err));
    CN_TRY(cni_api_need(out_schema, "out_schema", err));
    const cni_settings settings = cni_session_settings(frame->session);
    const cni_arrow_options options = cni_query_arrow_options(&settings);
    return cni_arrow_export_schema(frame->session->allocator, &frame->schema, &options, out_schema,
                                   err);
}

cn_code
cn_frame_stream(cn_frame *frame, struct ArrowArrayStream *out_rows, cn_error *err)
{
    CN_SCOPED(cni_query_p) query = NULL;
    CN_TRY(cni_api_need(frame, "frame", err));
    CN_TRY(cni_api_need(out_rows, "out_rows", err));
    CN_TRY(cni_query_new(frame, NULL, &query, err));
    return cni_query_to_stream(query, out_rows, err);
}

void
cn_stream_error(struct ArrowArrayStream *stream, cn_error *out_err)
{
    if (stream != NULL && out_err != NULL) {
        cni_stream_error(stream, out_err);
    }
}

static cn_code
is_json(const char *format, bool *out_json, cn_error *err)
{
    *out_json = format != NULL && strcmp(format, "json") == 0;
    if (format == NULL || *out_json || strcmp(format, "text") == 0) {
        return CN_OK;
    }
    return CN_FAIL(err, CN_INVALID_ARGUMENT, "format must be \"text\" or \"json\", not \"%s\"",
                   format);
}

static void
hand_out(cni_strbuf *own_text, char *buffer, int64_t capacity, int64_t *out_length)
{
    const cni_str text = cni_strbuf_view(own_text);
    cni_api_copy_text(text.data, text.len_bytes, buffer, capacity, out_length);
    cni_strbuf_done(own_text);
}

cn_code
cn_frame_explain(cn_frame *frame, const char *format, int32_t optimized, char *buffer,
                 int64_t capacity, int64_t *out_length, cn_error *err)
{
    bool json = false;
    cni_strbuf text;
    CN_TRY(cni_api_need(frame, "frame", err));
    CN_TRY(is_json(format, &json, err));
    cni_strbuf_init(&text, frame->session->allocator, CNI_EXPLAIN_MAX_BYTES);
    cn_code code = CN_OK;
    if (optimized == 0) {
        code = json ? cni_plan_print_json(frame->plan, NULL, NULL, &text, err)
                    : cni_plan_print(frame->plan, NULL, NULL, &text, err);
    } else {
        code = cni_query_explain(frame, json, &text, err);
    }
    hand_out(&text, buffer, capacity, code == CN_OK ? out_length : NULL);
    return code;
}

cn_code
cn_frame_start(cn_frame *frame, const cn_query_options *options, cn_query **out_query,
               cn_error *err)
{
    CN_TRY(cni_api_need(frame, "frame", err));
    CN_TRY(cni_api_need(out_query, "out_query", err));
    return cni_query_new(frame, options, out_query, err);
}

void
cn_query_free(cn_query *query)
{
    if (query != NULL) {
        cni_context_cancel(&query->context);
    }
    cni_query_unref(query);
}

cn_code
cn_query_stream(cn_query *query, struct ArrowArrayStream *out_rows, cn_error *err)
{
    CN_TRY(cni_api_need(query, "query", err));
    CN_TRY(cni_api_need(out_rows, "out_rows", err));
    return cni_query_to_stream(query, out_rows, err);
}

cn_code
cn_query_next(cn_query *query, struct ArrowArray *out_batch, cn_error *err)
{
    CN_TRY(cni_api_need(query, "query", err));
    CN_TRY(cni_api_need(out_batch, "out_batch", err));
    return cni_query_next_batch(query, out_batch, err);
}

void
cn_query_cancel(cn_query *query)
{
    if (query != NULL) {
        cni_context_cancel(&query->context);
    }
}

cn_code
cn_query_progress(cn_query *query, cn_progress *inout_progress, cn_error *err)
{
    CN_TRY(cni_api_need(query, "query", err));
    CN_TRY(cni_api_need(inout_progress, "inout_progress", err));
    if (inout_progress->struct_size < sizeof(inout_progress->struct_size)) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT, "cn_progress.struct_size is not set (%u)",
                       inout_progress->struct_size);
    }
    cn_progress known;
    cni_query_look(query, &known);
    known.struct_size = inout_progress->struct_size;
    memcpy(inout_progress, &known,
           (size_t)cni_min_i64((int64_t)inout_progress->struct_size, (int64_t)sizeof(known)));
    return CN_OK;
}

cn_code
cn_query_profile(cn_query *query, const char *format, char *buffer, int64_t capacity,
                 int64_t *out_length, cn_error *err)
{
    bool json = false;
    cni_strbuf text;
    CN_TRY(cni_api_need(query, "query", err));
    CN_TRY(is_json(format, &json, err));
    cni_strbuf_init(&text, query->context.allocator, CNI_EXPLAIN_MAX_BYTES);
    const cn_code code = json ? cni_execution_profile_json(query->execution, &text, err)
                              : cni_execution_profile(query->execution, &text, err);
    hand_out(&text, buffer, capacity, code == CN_OK ? out_length : NULL);
    return code;
}
