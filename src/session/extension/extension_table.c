/* SPDX-License-Identifier: Apache-2.0
 *
 * A host's table provider as a table of the engine: its schema is read once, each scan becomes one
 * Arrow stream of exactly the columns asked for.
 */
#include "session/extension/extension_table.h"

#include "data/column/arrow_bridge.h"
#include "io/source/stream_scan.h"
#include "session/extension_memory.h"

typedef struct host_table {
    cni_table base;
    cni_allocator *allocator; /* referenced */
    cni_arena *arena;
    cni_schema schema;
    cni_str name;
    cn_table_provider host;
} host_table;

static cn_code
host_failed(const host_table *self, const cn_error *reported, cn_error *err)
{
    return CN_FAIL(err, reported->code == CN_OK ? CN_UNKNOWN : (cn_code)reported->code,
                   "table \"%.*s\": %s", CNI_STR_ARGS(self->name),
                   reported->code == CN_OK ? "it failed without a message" : reported->message);
}

static void
table_free(cni_table *base)
{
    host_table *self = (host_table *)base;
    cni_allocator *allocator = self->allocator;
    if (self->host.release != NULL) {
        self->host.release(self->host.private_data);
    }
    cni_arena_unref(self->arena);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

static cn_code
table_statistics(cni_table *base, cni_arena *arena, cni_table_stats *out_stats, cn_error *err)
{
    const host_table *self = (const host_table *)base;
    const int64_t n_rows =
        self->host.row_count == NULL ? -1 : self->host.row_count(self->host.private_data);
    (void)arena;
    (void)err;
    *out_stats = (cni_table_stats){.rows_mark = n_rows < 0 ? CNI_STAT_UNKNOWN : CNI_STAT_CLAIMED,
                                   .n_rows = n_rows < 0 ? 0 : n_rows};
    return CN_OK;
}

static cni_filter_answer
table_supports_filter(cni_table *base, const cni_expr *filter, const cni_slot_of_table *slots,
                      int32_t n_slots)
{
    const host_table *self = (const host_table *)base;
    CN_SCOPED(cni_arena_p) arena = NULL;
    cn_filter seen;
    if (self->host.supports_filter == NULL ||
        cni_arena_new(self->allocator, "filter", &arena, NULL) != CN_OK ||
        cni_filter_of_expr(arena, &self->schema, filter, slots, n_slots, &seen, NULL) != CN_OK) {
        return CNI_FILTER_UNSUPPORTED;
    }
    switch (self->host.supports_filter(self->host.private_data, &seen)) {
    case CN_FILTER_EXACT:
        return CNI_FILTER_EXACT;
    case CN_FILTER_INEXACT:
        return CNI_FILTER_INEXACT;
    default:
        return CNI_FILTER_UNSUPPORTED;
    }
}

/* The request in the host's terms. */
static cn_code
translate(const host_table *self, cni_arena *arena, const cni_scan_request *request,
          cn_table_scan *out_scan, cn_error *err)
{
    cn_filter *filters = NULL;
    const cn_filter **pointers = NULL;
    CN_TRY(
        cni_arena_alloc_array(arena, request->n_filters, (int64_t)sizeof(*filters), &filters, err));
    CN_TRY(cni_arena_alloc_array(arena, request->n_filters, (int64_t)sizeof(*pointers), &pointers,
                                 err));
    for (int32_t filter = 0; filter < request->n_filters; filter++) {
        pointers[filter] = &filters[filter];
        CN_TRY(cni_filter_of_expr(arena, &self->schema, request->filters[filter],
                                  request->filter_slots, request->n_filter_slots, &filters[filter],
                                  err));
    }
    *out_scan = (cn_table_scan){.struct_size = sizeof(*out_scan),
                                .n_columns = request->n_columns,
                                .columns = request->table_columns,
                                .n_filters = request->n_filters,
                                .filters = pointers,
                                .limit = request->limit};
    return CN_OK;
}

/* The schema of the columns asked for, and a request that takes all of them as they come. */
static cn_code
narrow(const host_table *self, cni_arena *arena, const cni_scan_request *request,
       cni_schema **out_schema, cni_scan_request *out_request, cn_error *err)
{
    cni_field *fields = NULL;
    int32_t *columns = NULL;
    CN_TRY(CN_ARENA_NEW(arena, out_schema, err));
    CN_TRY(
        cni_arena_alloc_array(arena, request->n_columns, (int64_t)sizeof(*fields), &fields, err));
    CN_TRY(
        cni_arena_alloc_array(arena, request->n_columns, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < request->n_columns; column++) {
        fields[column] = self->schema.fields[request->table_columns[column]];
        columns[column] = column;
    }
    **out_schema = (cni_schema){.n_fields = request->n_columns, .fields = fields};
    *out_request = (cni_scan_request){.n_columns = request->n_columns,
                                      .table_columns = columns,
                                      .limit = request->limit,
                                      .keep_order = request->keep_order};
    return CN_OK;
}

/* What one scan needs to outlive: its narrowed schema and translated filters, and the host's table.
 * The stream scan keeps it as its keep-alive table. */
typedef struct scan_holder {
    cni_table base; /* only a reference count: keeps arena and host table */
    cni_allocator *allocator;
    cni_arena *arena;
    cni_table *table; /* referenced */
    cn_memory memory; /* the host's for this scan */
} scan_holder;

static void
holder_free(cni_table *base)
{
    scan_holder *self = (scan_holder *)base;
    cni_allocator *allocator = self->allocator;
    cni_arena_unref(self->arena);
    cni_table_unref(self->table);
    cni_extension_memory_done(&self->memory);
    cni_dealloc(allocator, self, (int64_t)sizeof(*self));
    cni_allocator_unref(allocator);
}

static const cni_table_ops holder_ops = {.free = holder_free};

static cn_code
make_holder(host_table *table, cni_context *context, cni_table **out_holder, cn_error *err)
{
    cni_allocator *allocator = context->allocator;
    CN_SCOPED(cni_budget_p) budget = NULL;
    scan_holder *holder = NULL;
    CN_TRY(cni_budget_new(context->budget, "extension", CNI_BUDGET_UNLIMITED, &budget, err));
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*holder), &holder, err));
    cni_counter_set(&holder->base.n_refs, 1);
    holder->base.ops = &holder_ops;
    cni_allocator_ref(allocator);
    holder->allocator = allocator;
    holder->table = cni_table_ref(&table->base);
    cni_extension_memory_init(&holder->memory, budget);
    const cn_code code = cni_arena_new(allocator, "host scan", &holder->arena, err);
    if (code != CN_OK) {
        holder_free(&holder->base);
        return code;
    }
    *out_holder = &holder->base;
    return CN_OK;
}

static cn_code
table_open_scan(cni_table *base, const cni_scan_request *request, cni_context *context,
                cni_scan **out_scan, cn_error *err)
{
    host_table *self = (host_table *)base;
    CN_SCOPED(cni_table_p) holder = NULL;
    CN_TRY(make_holder(self, context, &holder, err));
    cni_arena *arena = ((scan_holder *)holder)->arena;
    cn_table_scan asked;
    cni_schema *schema = NULL;
    cni_scan_request plain;
    struct ArrowArrayStream rows = {0};
    cn_error reported = CN_ERROR_INIT;
    CN_TRY(translate(self, arena, request, &asked, err));
    CN_TRY(narrow(self, arena, request, &schema, &plain, err));
    asked.memory = &((scan_holder *)holder)->memory;
    if (self->host.scan(self->host.private_data, &asked, &rows, &reported) != 0) {
        if (rows.release != NULL) {
            rows.release(&rows);
        }
        return host_failed(self, &reported, err);
    }
    if (rows.release == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "table \"%.*s\": its scan gave no stream",
                       CNI_STR_ARGS(self->name));
    }
    return cni_stream_scan_new(&rows, schema, &plain, holder, context,
                               ((scan_holder *)holder)->memory.budget, out_scan, err);
}

static const cni_table_ops table_ops = {.free = table_free,
                                        .statistics = table_statistics,
                                        .supports_filter = table_supports_filter,
                                        .open_scan = table_open_scan};

static cn_code
check(const cn_table_provider *provider, cn_error *err)
{
    if (provider->struct_size < offsetof(cn_table_provider, supports_filter) ||
        provider->version != CN_EXTENSION_VERSION) {
        return CN_FAIL(err, CN_INVALID_ARGUMENT,
                       "cn_table_provider: struct_size %u or version %u is not known here",
                       provider->struct_size, provider->version);
    }
    return provider->schema != NULL && provider->scan != NULL
               ? CN_OK
               : CN_FAIL(err, CN_INVALID_ARGUMENT, "cn_table_provider needs schema and scan");
}

static cn_code
build(host_table *self, const char *name, cn_error *err)
{
    struct ArrowSchema foreign = {0};
    cn_error reported = CN_ERROR_INIT;
    CN_TRY(cni_arena_new(self->allocator, "host table", &self->arena, err));
    CN_TRY(cni_arena_str(self->arena, cni_str_of(name), &self->name, err));
    if (self->host.schema(self->host.private_data, &foreign, &reported) != 0) {
        if (foreign.release != NULL) {
            foreign.release(&foreign);
        }
        return host_failed(self, &reported, err);
    }
    if (foreign.release == NULL) {
        return CN_FAIL(err, CN_INVALID_DATA, "table \"%s\" gave no schema", name);
    }
    const cn_code code = cni_arrow_import_schema(self->arena, &foreign, &self->schema, err);
    foreign.release(&foreign);
    return code;
}

cn_code
cni_extension_table_new(cn_session *session, const char *name, const cn_table_provider *provider,
                        cni_table **out_table, cn_error *err)
{
    host_table *table = NULL;
    cn_code code = check(provider, err);
    if (code == CN_OK) {
        code = cni_alloc_zeroed(session->allocator, (int64_t)sizeof(*table), &table, err);
    }
    if (code != CN_OK) {
        if (provider->release != NULL) {
            provider->release(provider->private_data);
        }
        return code;
    }
    cni_counter_set(&table->base.n_refs, 1);
    cni_allocator_ref(session->allocator);
    table->allocator = session->allocator;
    table->base.ops = &table_ops;
    table->base.schema = &table->schema;
    memcpy(&table->host, provider,
           (size_t)cni_min_i64((int64_t)provider->struct_size, (int64_t)sizeof(table->host)));
    code = build(table, name, err);
    if (code != CN_OK) {
        table_free(&table->base);
        return code;
    }
    *out_table = &table->base;
    return CN_OK;
}
