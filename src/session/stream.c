/* SPDX-License-Identifier: Apache-2.0
 *
 * Query results as Arrow C streams. A stream owns a reference on its query, so it works after every
 * handle was freed. Failures come back as an errno value with the message in get_last_error.
 */
#include <errno.h>
#include <stdio.h>

#include "session/query.h"

typedef struct stream_state {
    cni_allocator *allocator; /* referenced: frees this block */
    cn_query *query;          /* referenced; NULL for the empty stream */
    cn_error error;
    bool failed;
} stream_state;

/* The errno that says it best to a consumer who knows no cn_code. */
static int
errno_of(cn_code code)
{
    switch (code) {
    case CN_NO_MEMORY:
    case CN_BUDGET_EXCEEDED:
        return ENOMEM;
    case CN_CANCELLED:
        return ECANCELED;
    case CN_TIMEOUT:
        return ETIMEDOUT;
    case CN_IO:
        return EIO;
    case CN_NOT_FOUND:
        return ENOENT;
    case CN_NOT_IMPLEMENTED:
        return ENOTSUP;
    case CN_UNAUTHORIZED:
        return EACCES;
    default:
        return EINVAL;
    }
}

static int
stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    stream_state *state = stream->private_data;
    static const cni_schema no_columns = {0};
    const cni_schema *schema = state->query == NULL ? &no_columns : &state->query->frame->schema;
    cni_arrow_options options = {0};
    if (state->query != NULL) {
        options = cni_query_arrow_options(&state->query->settings);
    }
    const cn_code code =
        cni_arrow_export_schema(state->allocator, schema, &options, out, &state->error);
    return code == CN_OK ? 0 : errno_of(code);
}

static int
stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    stream_state *state = stream->private_data;
    if (state->query == NULL) {
        *out = (struct ArrowArray){0};
        return 0;
    }
    if (state->failed) {
        return errno_of((cn_code)state->error.code);
    }
    const cn_code code = cni_query_next_batch(state->query, out, &state->error);
    state->failed = code != CN_OK;
    return code == CN_OK ? 0 : errno_of(code);
}

static const char *
stream_error(struct ArrowArrayStream *stream)
{
    const stream_state *state = stream->private_data;
    return state->error.code == CN_OK ? NULL : state->error.message;
}

static void
stream_release(struct ArrowArrayStream *stream)
{
    stream_state *state = stream->private_data;
    cni_allocator *allocator = state->allocator;
    cn_query *query = state->query;
    stream->release = NULL;
    stream->private_data = NULL;
    cni_dealloc(allocator, state, (int64_t)sizeof(*state));
    cni_query_unref(query);
    cni_allocator_unref(allocator);
}

static cn_code
make_stream(cni_allocator *allocator, cn_query *query, struct ArrowArrayStream *out_stream,
            cn_error *err)
{
    stream_state *state = NULL;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*state), &state, err));
    cni_allocator_ref(allocator);
    state->allocator = allocator;
    state->query = query == NULL ? NULL : cni_query_ref(query);
    state->error.sql_offset = -1;
    *out_stream = (struct ArrowArrayStream){.get_schema = stream_schema,
                                            .get_next = stream_next,
                                            .get_last_error = stream_error,
                                            .release = stream_release,
                                            .private_data = state};
    return CN_OK;
}

cn_code
cni_query_to_stream(cn_query *self, struct ArrowArrayStream *out_stream, cn_error *err)
{
    cni_mutex_lock(&self->mutex);
    const bool taken = self->streamed;
    self->streamed = true;
    cni_mutex_unlock(&self->mutex);
    if (taken) {
        return CN_FAIL(err, CN_INVALID_STATE, "the result of this query was taken already");
    }
    return make_stream(self->frame->session->allocator, self, out_stream, err);
}

cn_code
cni_empty_stream(cni_allocator *allocator, struct ArrowArrayStream *out_stream, cn_error *err)
{
    return make_stream(allocator, NULL, out_stream, err);
}

void
cni_stream_error(struct ArrowArrayStream *stream, cn_error *out_err)
{
    *out_err = (cn_error)CN_ERROR_INIT;
    if (stream->release == stream_release) {
        const stream_state *state = stream->private_data;
        *out_err = state->error;
        return;
    }
    const char *message = stream->get_last_error == NULL ? NULL : stream->get_last_error(stream);
    if (message != NULL) {
        (void)CN_FAIL(out_err, CN_UNKNOWN, "%s", message);
    }
}
