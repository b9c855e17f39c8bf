/* SPDX-License-Identifier: Apache-2.0
 *
 * CREATE VIEW, CREATE EXTERNAL TABLE, CREATE SCHEMA and DROP: changes of the session's catalog.
 */
#include "session/statement/statement_int.h"

static cn_code
refuse_flags(const cni_statement_work *work, const cni_sql_create_flags *flags,
             const cni_sql_name *name, cn_error *err)
{
    return flags->temporary
               ? cni_statement_refuse(work, name->offset, name->length, "TEMPORARY objects", err)
               : CN_OK;
}

/* Put an entry; an existing one is kept quietly with IF NOT EXISTS. */
static cn_code
put_entry(cni_statement_work *work, const cni_catalog_entry *entry,
          const cni_sql_create_flags *flags, const cni_sql_name *name, cn_error *err)
{
    const cn_code code = cni_catalog_put(work->session->catalog, entry, flags->or_replace, err);
    if (code == CN_ALREADY_EXISTS && flags->if_not_exists) {
        if (err != NULL) {
            *err = (cn_error)CN_ERROR_INIT;
        }
        return CN_OK;
    }
    if (code != CN_OK) {
        cni_error_position(err, name->offset, name->length);
    }
    return code;
}

/* The view's query is bound once now, so that a wrong one is refused at once. */
static cn_code
check_view(cni_statement_work *work, const cni_sql_create_view *view, cn_error *err)
{
    const cni_plan *plan = NULL;
    CN_TRY(cni_bind_query(&work->bind_env, view->query, &plan, err));
    if (view->columns.n_items > plan->n_columns) {
        (void)CN_FAIL(err, CN_INVALID_ARGUMENT, "the view has %d columns, but %d names are given",
                      plan->n_columns, view->columns.n_items);
        cni_error_position(err, view->name.offset, view->name.length);
        return CN_INVALID_ARGUMENT;
    }
    return CN_OK;
}

cn_code
cni_run_create_view(cni_statement_work *work, const cni_sql_create_view *view, cn_error *err)
{
    if (view->recursive || view->materialized || view->options.n_items > 0) {
        return cni_statement_refuse(work, view->name.offset, view->name.length,
                                    "RECURSIVE and MATERIALIZED views and view options", err);
    }
    CN_TRY(refuse_flags(work, &view->flags, &view->name, err));
    CN_TRY(check_view(work, view, err));
    cni_str *columns = NULL;
    CN_TRY(cni_arena_alloc_array(work->arena, view->columns.n_items, (int64_t)sizeof(*columns),
                                 &columns, err));
    for (int32_t column = 0; column < view->columns.n_items; column++) {
        columns[column] = view->columns.items[column].text;
    }
    cni_catalog_entry entry = {
        .kind = CNI_ENTRY_VIEW,
        .view_sql = {work->text.data + view->query->node.offset, view->query->node.length},
        .n_view_columns = view->columns.n_items,
        .view_columns = columns};
    CN_TRY(cni_statement_name(work, &view->name, &entry.schema, &entry.name, err));
    return put_entry(work, &entry, &view->flags, &view->name, err);
}

/* One location is a path or glob, several are a list. */
static cn_code
location_value(const cni_statement_work *work, const cni_sql_create_external *table,
               cni_value *out_value, cn_error *err)
{
    cni_value *items = NULL;
    CN_TRY(cni_arena_alloc_array(work->arena, table->n_locations, (int64_t)sizeof(*items), &items,
                                 err));
    for (int32_t location = 0; location < table->n_locations; location++) {
        items[location] = (cni_value){.type = cni_type_of(CNI_TYPE_VARCHAR),
                                      .as.bytes = table->locations[location]->text};
    }
    *out_value = items[0];
    if (table->n_locations > 1) {
        CN_TRY(cni_type_list(work->arena, items[0].type, &out_value->type, err));
        out_value->as.nested.n_items = table->n_locations;
        out_value->as.nested.items = items;
    }
    return CN_OK;
}

static cn_code
refuse_external_parts(const cni_statement_work *work, const cni_sql_create_external *table,
                      cn_error *err)
{
    const char *what = NULL;
    if (table->columns.n_items > 0 || table->constraints.n_items > 0) {
        what = "column lists of external tables (the file says its columns)";
    } else if (table->partition_columns.n_items > 0) {
        what = "partitioned external tables";
    } else if (table->n_orders > 0) {
        what = "WITH ORDER clauses";
    } else if (table->options.n_items > 0) {
        what = "OPTIONS of external tables";
    } else if (table->unbounded) {
        what = "UNBOUNDED external tables";
    } else if (table->format.text.data != NULL &&
               !cni_str_eq_nocase(table->format.text, CNI_STR("parquet"))) {
        what = "external tables of formats other than PARQUET";
    }
    return what == NULL
               ? CN_OK
               : cni_statement_refuse(work, table->name.offset, table->name.length, what, err);
}

cn_code
cni_run_create_external(cni_statement_work *work, const cni_sql_create_external *table,
                        cn_error *err)
{
    CN_TRY(refuse_flags(work, &table->flags, &table->name, err));
    CN_TRY(refuse_external_parts(work, table, err));
    cni_value location;
    const cni_str no_name = {0};
    CN_TRY(location_value(work, table, &location, err));
    const cni_table_recipe recipe = {
        .function = CNI_STR("read_parquet"), .n_args = 1, .args = &location, .arg_names = &no_name};
    CN_SCOPED(cni_table_p) opened = NULL;
    const cn_code code = cni_open_table(&work->opener, &recipe, &opened, err);
    if (code != CN_OK) {
        cni_error_position(err, table->locations[0]->node.offset, table->locations[0]->node.length);
        return code;
    }
    cni_catalog_entry entry = {.kind = CNI_ENTRY_TABLE, .table = opened};
    CN_TRY(cni_statement_name(work, &table->name, &entry.schema, &entry.name, err));
    return put_entry(work, &entry, &table->flags, &table->name, err);
}

cn_code
cni_run_create_schema(cni_statement_work *work, const cni_sql_create_schema *schema, cn_error *err)
{
    cni_str outer;
    cni_str name;
    CN_TRY(refuse_flags(work, &schema->flags, &schema->name, err));
    CN_TRY(cni_statement_name(work, &schema->name, &outer, &name, err));
    const cn_code code =
        cni_catalog_create_schema(work->session->catalog, name, schema->flags.if_not_exists, err);
    if (code != CN_OK) {
        cni_error_position(err, schema->name.offset, schema->name.length);
    }
    return code;
}

static cn_code
drop_one(cni_statement_work *work, const cni_sql_drop *drop, const cni_sql_name *name,
         cn_error *err)
{
    cni_catalog *catalog = work->session->catalog;
    cni_str schema;
    cni_str last;
    CN_TRY(cni_statement_name(work, name, &schema, &last, err));
    switch ((cni_sql_object_kind)drop->object) {
    case CNI_SQL_OBJECT_TABLE:
    case CNI_SQL_OBJECT_EXTERNAL_TABLE:
        return cni_catalog_drop(catalog, schema, last, CNI_ENTRY_TABLE, err);
    case CNI_SQL_OBJECT_VIEW:
        return cni_catalog_drop(catalog, schema, last, CNI_ENTRY_VIEW, err);
    case CNI_SQL_OBJECT_SCHEMA:
        return cni_catalog_drop_schema(catalog, last, drop->behavior == CNI_SQL_DROP_CASCADE, err);
    default:
        return cni_statement_refuse(work, name->offset, name->length,
                                    "DROP MACRO and DROP MATERIALIZED VIEW statements", err);
    }
}

cn_code
cni_run_drop(cni_statement_work *work, const cni_sql_drop *drop, cn_error *err)
{
    for (int32_t index = 0; index < drop->names.n_items; index++) {
        const cni_sql_name *name = &drop->names.items[index];
        cn_error failed = CN_ERROR_INIT;
        const cn_code code = drop_one(work, drop, name, &failed);
        if (code == CN_OK || (code == CN_NOT_FOUND && drop->if_exists)) {
            continue;
        }
        cni_error_position(&failed, name->offset, name->length);
        if (err != NULL) {
            *err = failed;
        }
        return code;
    }
    return CN_OK;
}
