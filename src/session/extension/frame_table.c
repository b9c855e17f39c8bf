/* SPDX-License-Identifier: Apache-2.0
 *
 * A frame as a table: a scan starts the frame and reads its stream. Nothing is pushed into the
 * frame; its rows come as its own plan makes them.
 *
 * The catalog of a session must not keep that session alive, so the table runs a twin of the frame
 * in an inner session with the settings of the moment. The functions that the plan calls belong to
 * the outer session: its catalog goes before them, and a frame of another session is kept whole.
 */
#include "io/source/source_shape.h"
#include "io/source/stream_scan.h"
#include "session/extension/extension_table.h"
#include "session/query.h"

typedef struct frame_table {
    cni_table base;
    cni_allocator *allocator; /* referenced */
    cn_frame *frame;          /* the twin; referenced */
    cn_frame *foreign;        /* a frame of another session; referenced, or NULL */
} frame_table;

static void
table_free(cni_table *base)
{
    frame_table *self = (frame_table *)base;
    cni_allocator *allocator = self->allocator;
    cni_frame_unref(self->frame);
    cni_frame_unref(self->foreign);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

static cn_code
table_open_scan(cni_table *base, const cni_scan_request *request, cni_context *context,
                cni_scan **out_scan, cn_error *err)
{
    frame_table *self = (frame_table *)base;
    CN_SCOPED(cni_query_p) query = NULL;
    struct ArrowArrayStream rows = {0};
    CN_TRY(cni_query_new(self->frame, NULL, &query, err));
    CN_TRY(cni_query_to_stream(query, &rows, err));
    return cni_stream_scan_new(&rows, &self->frame->schema, request, base, context, out_scan, err);
}

static const cni_table_ops table_ops = {.free = table_free,
                                        .supports_filter = cni_source_supports_filter,
                                        .open_scan = table_open_scan};

static cn_code
make_twin(const cn_frame *frame, cn_frame **out_twin, cn_error *err)
{
    CN_SCOPED(cni_session_p) inner = NULL;
    CN_TRY(cni_session_new(frame->session->engine, &inner, err));
    inner->settings = cni_session_settings(frame->session);
    return cni_frame_new(inner, frame->arena, frame->plan, (cni_frame_kind)frame->kind,
                         frame->as_json, out_twin, err);
}

cn_code
cni_frame_table_new(cn_session *session, cn_frame *frame, cni_table **out_table, cn_error *err)
{
    CN_SCOPED(cni_frame_p) twin = NULL;
    frame_table *table = NULL;
    CN_TRY(make_twin(frame, &twin, err));
    CN_TRY(cni_alloc_zeroed(session->allocator, (int64_t)sizeof(*table), &table, err));
    cni_counter_set(&table->base.n_refs, 1);
    cni_allocator_ref(session->allocator);
    table->allocator = session->allocator;
    table->base.ops = &table_ops;
    table->base.schema = &twin->schema;
    table->foreign = frame->session == session ? NULL : cni_frame_ref(frame);
    table->frame = CN_MOVE(twin);
    *out_table = &table->base;
    return CN_OK;
}
