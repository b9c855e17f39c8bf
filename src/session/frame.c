/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames: a bound plan, the arena that holds it, and the schema of its result.
 */
#include "session/session.h"

/* EXPLAIN gives one column of text, a row per line. */
static cn_code
explain_schema(cni_arena *arena, cni_schema *out_schema, cn_error *err)
{
    cni_field *field = NULL;
    CN_TRY(CN_ARENA_NEW(arena, &field, err));
    *field = (cni_field){
        .name = CNI_STR("QUERY PLAN"), .type = cni_type_of(CNI_TYPE_VARCHAR), .nullable = false};
    *out_schema = (cni_schema){.n_fields = 1, .fields = field};
    return CN_OK;
}

static cn_code
plan_schema(cni_arena *arena, const cni_plan *plan, cni_schema *out_schema, cn_error *err)
{
    cni_field *fields = NULL;
    CN_TRY(cni_arena_alloc_array(arena, plan->n_columns, (int64_t)sizeof(*fields), &fields, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        fields[column] = (cni_field){.name = plan->columns[column].name,
                                     .type = plan->columns[column].type,
                                     .nullable = true};
    }
    *out_schema = (cni_schema){.n_fields = plan->n_columns, .fields = fields};
    return CN_OK;
}

cn_code
cni_frame_new(cn_session *session, cni_arena *arena, const cni_plan *plan, cni_frame_kind kind,
              bool as_json, cn_frame **out_frame, cn_error *err)
{
    cni_schema schema;
    CN_TRY(kind == CNI_FRAME_QUERY ? plan_schema(arena, plan, &schema, err)
                                   : explain_schema(arena, &schema, err));
    cn_frame *frame = NULL;
    CN_TRY(cni_alloc_zeroed(session->allocator, (int64_t)sizeof(*frame), &frame, err));
    cni_counter_set(&frame->n_refs, 1);
    frame->session = cni_session_ref(session);
    frame->arena = cni_arena_ref(arena);
    frame->plan = plan;
    frame->kind = (uint8_t)kind;
    frame->as_json = as_json;
    frame->schema = schema;
    *out_frame = frame;
    return CN_OK;
}

cn_frame *
cni_frame_ref(cn_frame *self)
{
    cni_refcount_inc(&self->n_refs);
    return self;
}

void
cni_frame_unref(cn_frame *self)
{
    if (self == NULL || !cni_refcount_dec(&self->n_refs)) {
        return;
    }
    cn_session *session = self->session;
    cni_arena_unref(self->arena);
    cni_dealloc(session->allocator, self, (int64_t)sizeof(*self));
    cni_session_unref(session);
}
