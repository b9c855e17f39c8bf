/* SPDX-License-Identifier: Apache-2.0
 *
 * A registered Arrow stream as a table: its first scan takes the stream, a second is refused.
 */
#include "io/source/source_shape.h"
#include "io/source/stream_scan.h"

typedef struct stream_table {
    cni_table base;
    cni_allocator *allocator; /* referenced */
    cni_arena *arena;         /* schema and name */
    cni_schema schema;
    cni_str name;
    struct ArrowArrayStream stream; /* release NULL once a scan has it */
    cni_atomic_i64 taken;           /* slot: 1 = a scan has it */
} stream_table;

static void
table_free(cni_table *base)
{
    stream_table *self = (stream_table *)base;
    cni_allocator *allocator = self->allocator;
    if (self->stream.release != NULL) {
        self->stream.release(&self->stream);
    }
    cni_arena_unref(self->arena);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

static cn_code
table_open_scan(cni_table *base, const cni_scan_request *request, cni_context *context,
                cni_scan **out_scan, cn_error *err)
{
    stream_table *self = (stream_table *)base;
    if (!cni_slot_swap(&self->taken, 0, 1)) {
        return CN_FAIL(err, CN_INVALID_STATE,
                       "\"%.*s\" is a stream and was read already: register it again",
                       CNI_STR_ARGS(self->name));
    }
    return cni_stream_scan_new(&self->stream, &self->schema, request, base, context, NULL, out_scan,
                               err);
}

static const cni_table_ops table_ops = {.free = table_free,
                                        .supports_filter = cni_source_supports_filter,
                                        .open_scan = table_open_scan};

static cn_code
build(stream_table *self, cni_str name, cn_error *err)
{
    struct ArrowSchema foreign = {0};
    CN_TRY(cni_arena_new(self->allocator, "stream table", &self->arena, err));
    CN_TRY(cni_arena_str(self->arena, name, &self->name, err));
    const int status = self->stream.get_schema(&self->stream, &foreign);
    if (status != 0) {
        const char *message =
            self->stream.get_last_error == NULL ? NULL : self->stream.get_last_error(&self->stream);
        return CN_FAIL(err, CN_IO, "the Arrow stream gives no schema: %s",
                       message == NULL ? "no message" : message);
    }
    const cn_code code = cni_arrow_import_schema(self->arena, &foreign, &self->schema, err);
    if (foreign.release != NULL) {
        foreign.release(&foreign);
    }
    return code;
}

cn_code
cni_arrow_stream_table_new(cni_allocator *allocator, cni_str name,
                           struct ArrowArrayStream *own_stream, cni_table **out_table,
                           cn_error *err)
{
    stream_table *table = NULL;
    cn_code code = cni_alloc_zeroed(allocator, (int64_t)sizeof(*table), &table, err);
    if (code != CN_OK) {
        own_stream->release(own_stream);
        return code;
    }
    cni_counter_set(&table->base.n_refs, 1);
    cni_allocator_ref(allocator);
    table->allocator = allocator;
    table->base.ops = &table_ops;
    table->base.schema = &table->schema;
    table->base.one_shot = true;
    table->stream = *own_stream;
    own_stream->release = NULL;
    code = build(table, name, err);
    if (code != CN_OK) {
        table_free(&table->base);
        return code;
    }
    *out_table = &table->base;
    return CN_OK;
}
