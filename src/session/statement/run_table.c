/* SPDX-License-Identifier: Apache-2.0
 *
 * CREATE TABLE [AS query] and INSERT: tables in memory, in the session's catalog.
 *
 * Rows are gathered in a table of their own first and handed over all at once: a statement that
 * fails on the way leaves everything as it was, one that reads the table it fills does not see its
 * own rows, and scans that run see the rows that were there when they began.
 */
#include "io/source/memory_table.h"
#include "session/query.h"
#include "session/statement/statement_int.h"

#define GATHER_ROWS 131072 /* rows of one block: two morsels of a scan */

/* Rows on their way into a table. */
typedef struct gathering {
    cni_statement_work *work;
    cni_table *table; /* what they are gathered in */
    cn_query *query;
    struct ArrowSchema foreign;
    cni_schema types; /* of `foreign` */
    int64_t n_rows;
} gathering;

static cn_code
check_nulls(const gathering *self, const cni_arrow_batch *batch, cn_error *err)
{
    for (int32_t column = 0; column < batch->n_columns; column++) {
        const cni_field *field = &self->table->schema->fields[column];
        if (!field->nullable && cni_vector_null_count(&batch->columns[column]) > 0) {
            (void)CN_FAIL(err, CN_INVALID_DATA, "column \"%.*s\" is NOT NULL, but a row has none",
                          CNI_STR_ARGS(field->name));
            cni_error_sqlstate(err, "23502");
            return CN_INVALID_DATA;
        }
    }
    return CN_OK;
}

static cn_code
gather_batch(gathering *self, struct ArrowArray *own_array, cn_error *err)
{
    cni_arrow_batch batch = {0};
    CN_TRY(cni_arrow_import_batch(self->work->session->allocator, &self->foreign, &self->types,
                                  own_array, &batch, err));
    const cn_code code = check_nulls(self, &batch, err);
    if (code != CN_OK) {
        cni_arrow_batch_done(&batch);
        return code;
    }
    self->n_rows += batch.n_rows;
    return cni_memory_table_append(self->table, &batch, err);
}

static cn_code
gather_all(gathering *self, cn_error *err)
{
    cni_allocator *allocator = self->work->session->allocator;
    const cni_arrow_options options = cni_query_arrow_options(&self->query->settings);
    CN_TRY(cni_arrow_export_schema(allocator, &self->query->frame->schema, &options, &self->foreign,
                                   err));
    CN_TRY(cni_arrow_import_schema(self->work->arena, &self->foreign, &self->types, err));
    for (;;) {
        struct ArrowArray array = {0};
        CN_TRY(cni_query_next_batch(self->query, &array, err));
        if (array.release == NULL) {
            return CN_OK;
        }
        CN_TRY(gather_batch(self, &array, err));
    }
}

/* Run `plan`, whose columns are those of `table`, and put its rows there. */
static cn_code
gather_rows(cni_statement_work *work, const cni_plan *plan, cni_table *table, cn_error *err)
{
    gathering self = {.work = work, .table = table};
    CN_SCOPED(cni_frame_p) frame = NULL;
    CN_TRY(cni_frame_new(work->session, work->arena, plan, CNI_FRAME_QUERY, false, &frame, err));
    CN_TRY(cni_query_new(frame, NULL, &self.query, err));
    self.query->settings.batch_rows = GATHER_ROWS;
    const cn_code code = gather_all(&self, err);
    cni_query_unref(self.query);
    if (self.foreign.release != NULL) {
        self.foreign.release(&self.foreign);
    }
    work->n_changed = self.n_rows;
    return code;
}

/* ---- CREATE TABLE */

/* The name by which the plan's binary form finds the table again: of "main" it is bare. */
static cn_code
recipe_name(cni_statement_work *work, const cni_catalog_entry *entry, cni_str *out_name,
            cn_error *err)
{
    *out_name = entry->name;
    return entry->schema.len_bytes == 0 || cni_str_eq_nocase(entry->schema, CNI_STR("main"))
               ? CN_OK
               : cni_arena_printf(work->arena, out_name, err, "%.*s.%.*s",
                                  CNI_STR_ARGS(entry->schema), CNI_STR_ARGS(entry->name));
}

/* Whether the name is taken, so that no query runs in vain. */
static cn_code
check_name(cni_statement_work *work, const cni_sql_create_table *table,
           const cni_catalog_entry *entry, bool *out_keep, cn_error *err)
{
    const cni_catalog_entry *known = NULL;
    *out_keep = false;
    if (cni_catalog_find(work->catalog, entry->schema, entry->name, &known, NULL) != CN_OK ||
        table->flags.or_replace) {
        return CN_OK;
    }
    *out_keep = table->flags.if_not_exists;
    if (*out_keep) {
        return CN_OK;
    }
    (void)CN_FAIL(err, CN_ALREADY_EXISTS, "\"%.*s\" exists already", CNI_STR_ARGS(entry->name));
    cni_error_sqlstate(err, "42P07");
    cni_error_position(err, table->name.offset, table->name.length);
    return CN_ALREADY_EXISTS;
}

cn_code
cni_run_create_table(cni_statement_work *work, const cni_sql_create_table *table, cn_error *err)
{
    CN_SCOPED(cni_table_p) made = NULL;
    cni_catalog_entry entry = {.kind = CNI_ENTRY_TABLE};
    cni_schema schema;
    cni_str recipe;
    const cni_plan *plan = NULL;
    bool keep = false;
    CN_TRY(cni_statement_name(work, &table->name, &entry.schema, &entry.name, err));
    CN_TRY(check_name(work, table, &entry, &keep, err));
    if (keep) {
        return CN_OK;
    }
    CN_TRY(cni_bind_create_table(&work->bind_env, table, &schema, &plan, err));
    CN_TRY(recipe_name(work, &entry, &recipe, err));
    CN_TRY(cni_memory_table_new(work->session->allocator, &schema, recipe, &made, err));
    if (plan != NULL && !table->with_no_data) {
        CN_TRY(gather_rows(work, plan, made, err));
    }
    entry.table = made;
    const cn_code code =
        cni_catalog_put(work->session->catalog, &entry, table->flags.or_replace, err);
    if (code != CN_OK) {
        cni_error_position(err, table->name.offset, table->name.length);
    }
    return code;
}

/* ---- INSERT */

static cn_code
find_target(cni_statement_work *work, const cni_sql_insert *insert, cni_table **out_table,
            cn_error *err)
{
    const cni_catalog_entry *entry = NULL;
    cni_str schema;
    cni_str name;
    const int64_t offset = insert->table.offset;
    const int64_t length = insert->table.length;
    CN_TRY(cni_statement_name(work, &insert->table, &schema, &name, err));
    const cn_code code = cni_catalog_find(work->catalog, schema, name, &entry, err);
    if (code != CN_OK) {
        cni_error_position(err, offset, length);
        return code;
    }
    if (entry->kind != CNI_ENTRY_TABLE) {
        (void)CN_FAIL(err, CN_INVALID_ARGUMENT, "\"%.*s\" is a view: it takes no rows",
                      CNI_STR_ARGS(name));
        cni_error_sqlstate(err, "42809");
        cni_error_position(err, offset, length);
        return CN_INVALID_ARGUMENT;
    }
    if (!cni_is_memory_table(entry->table)) {
        (void)cni_statement_refuse(work, offset, length,
                                   "INSERT statements into tables that are not in memory", err);
        return CN_NOT_IMPLEMENTED;
    }
    *out_table = entry->table;
    return CN_OK;
}

cn_code
cni_run_insert(cni_statement_work *work, const cni_sql_insert *insert, cn_error *err)
{
    cni_table *target = NULL; /* the snapshot of the catalog keeps it */
    CN_SCOPED(cni_table_p) rows = NULL;
    const cni_plan *plan = NULL;
    CN_TRY(find_target(work, insert, &target, err));
    CN_TRY(cni_bind_insert(&work->bind_env, insert, target->schema, &plan, err));
    CN_TRY(
        cni_memory_table_new(work->session->allocator, target->schema, (cni_str){0}, &rows, err));
    CN_TRY(gather_rows(work, plan, rows, err));
    cni_memory_table_take(target, rows);
    return CN_OK;
}

/* ---- the count that both give */

cn_code
cni_frame_of_count(cni_statement_work *work, cn_frame **out_frame, cn_error *err)
{
    const cni_field field = {.name = CNI_STR("Count"), .type = cni_type_of(CNI_TYPE_INT64)};
    const cni_value value = {.type = cni_type_of(CNI_TYPE_INT64), .as.i64 = work->n_changed};
    const cni_expr *literal = NULL;
    const cni_plan *plan = NULL;
    cni_plan_builder builder;
    cni_plan_builder_init(&builder, work->arena, 0);
    CN_TRY(cni_expr_literal(work->arena, &value, &literal, err));
    CN_TRY(cni_plan_values(&builder, &field, 1, &literal, 1, &plan, err));
    return cni_frame_new(work->session, work->arena, plan, CNI_FRAME_QUERY, false, out_frame, err);
}
