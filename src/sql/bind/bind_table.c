/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables that statements make and fill: the columns of CREATE TABLE, written or taken from a query,
 * and the rows of INSERT as a plan of the table's columns. What is stored, and how, is the
 * session's concern.
 */
#include "sql/bind/bind_int.h"

/* ---- CREATE TABLE */

static cn_code
refuse_table_parts(const cni_sql_create_table *table, cn_error *err)
{
    const char *what = NULL;
    if (table->unbounded) {
        what = "UNBOUNDED tables";
    } else if (table->options.n_items > 0) {
        what = "options of tables (WITH)";
    } else if (table->constraints.n_items > 0) {
        what = "table constraints (PRIMARY KEY, UNIQUE, CHECK, FOREIGN KEY)";
    }
    return what == NULL ? CN_OK
                        : cni_bind_refuse(err, table->name.offset, table->name.length, what);
}

/* NOT NULL is kept, all others are refused. */
static cn_code
read_constraints(const cni_sql_column_def *column, bool *out_nullable, cn_error *err)
{
    *out_nullable = true;
    for (int32_t index = 0; index < column->n_constraints; index++) {
        const cni_sql_constraint *constraint = &column->constraints[index];
        if (constraint->kind != CNI_SQL_CONSTRAINT_NOT_NULL &&
            constraint->kind != CNI_SQL_CONSTRAINT_NULL) {
            return cni_bind_refuse(err, constraint->offset, constraint->length,
                                   "column constraints other than NOT NULL");
        }
        *out_nullable = *out_nullable && constraint->kind != CNI_SQL_CONSTRAINT_NOT_NULL;
    }
    return CN_OK;
}

static cn_code
check_field_names(const cni_sql_create_table *table, const cni_field *fields, int32_t n_fields,
                  cn_error *err)
{
    for (int32_t field = 0; field < n_fields; field++) {
        for (int32_t before = 0; before < field; before++) {
            if (cni_str_eq_nocase(fields[field].name, fields[before].name)) {
                return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42701", table->name.offset,
                                     table->name.length, "column \"%.*s\" is there twice",
                                     CNI_STR_ARGS(fields[field].name));
            }
        }
    }
    return CN_OK;
}

static cn_code
written_fields(cni_binder *binder, const cni_sql_create_table *table, cni_field *fields,
               cn_error *err)
{
    for (int32_t index = 0; index < table->columns.n_items; index++) {
        const cni_sql_column_def *column = &table->columns.items[index];
        if (column->type == NULL) {
            return cni_bind_refuse(err, column->name.offset, column->name.length,
                                   "columns without a type");
        }
        fields[index].name = column->name.text;
        CN_TRY(cni_bind_sql_type(binder, column->type, &fields[index].type, err));
        CN_TRY(read_constraints(column, &fields[index].nullable, err));
    }
    return CN_OK;
}

/* Names of the query's columns, or those written before AS; NULL without a type becomes VARCHAR. */
static cn_code
query_fields(const cni_sql_create_table *table, const cni_plan *plan, cni_field *fields,
             cn_error *err)
{
    const cni_sql_column_def_list *names = &table->columns;
    if (names->n_items > plan->n_columns) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", table->name.offset,
                             table->name.length, "%d columns are named, but the query has %d",
                             names->n_items, plan->n_columns);
    }
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_column *from = &plan->columns[column];
        const cni_sql_column_def *written = column < names->n_items ? &names->items[column] : NULL;
        if (written != NULL && (written->type != NULL || written->n_constraints > 0)) {
            return cni_bind_refuse(err, written->name.offset, written->name.length,
                                   "types and constraints of columns before AS query");
        }
        fields[column] = (cni_field){
            .name = written == NULL ? from->name : written->name.text,
            .type = from->type->id == CNI_TYPE_NULL ? cni_type_of(CNI_TYPE_VARCHAR) : from->type,
            .nullable = true};
    }
    return CN_OK;
}

/* Where each field's value comes from: a position of `plan`, or -1 = NULL. */
static cn_code
arrange_columns(cni_binder *binder, const cni_sql_node *place, const cni_plan *plan,
                const cni_schema *schema, const int32_t *sources, const cni_plan **out_plan,
                cn_error *err)
{
    const cni_value null = {.type = cni_type_of(CNI_TYPE_NULL), .is_null = true};
    const cni_expr **exprs = NULL;
    cni_str *names = NULL;
    const int32_t n_fields = schema->n_fields;
    CN_TRY(cni_arena_alloc_array(binder->arena, n_fields, (int64_t)sizeof(*exprs), &exprs, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, n_fields, (int64_t)sizeof(*names), &names, err));
    for (int32_t field = 0; field < n_fields; field++) {
        const cni_column *from = sources[field] < 0 ? NULL : &plan->columns[sources[field]];
        names[field] = schema->fields[field].name;
        CN_TRY(from == NULL
                   ? cni_expr_literal(binder->arena, &null, &exprs[field], err)
                   : cni_expr_column(binder->arena, from->id, from->type, &exprs[field], err));
        const cn_code code = cni_bind_cast(binder, exprs[field], schema->fields[field].type, false,
                                           place->offset, place->length, &exprs[field], err);
        if (code != CN_OK) {
            cni_error_context(err, "column \"%.*s\"", CNI_STR_ARGS(names[field]));
            return code;
        }
    }
    return cni_plan_project(&binder->builder, plan, exprs, names, n_fields, out_plan, err);
}

static cn_code
bind_plan(cni_binder *binder, const cni_bind_env *env, const cni_sql_query *query,
          const cni_plan **out_plan, cn_error *err)
{
    const cni_bind_around nothing = {0};
    *binder = (cni_binder){.env = env, .arena = env->arena};
    cni_plan_builder_init(&binder->builder, env->arena, 0);
    return query == NULL ? cni_plan_values(&binder->builder, NULL, 0, NULL, 1, out_plan, err)
                         : cni_bind_query_in(binder, &nothing, query, out_plan, err);
}

static cn_code
rows_in_order(cni_binder *binder, const cni_sql_node *place, const cni_plan *plan,
              const cni_schema *schema, const cni_plan **out_plan, cn_error *err)
{
    int32_t *sources = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, schema->n_fields, (int64_t)sizeof(*sources),
                                 &sources, err));
    for (int32_t field = 0; field < schema->n_fields; field++) {
        sources[field] = field;
    }
    return arrange_columns(binder, place, plan, schema, sources, out_plan, err);
}

cn_code
cni_bind_create_table(const cni_bind_env *env, const cni_sql_create_table *table,
                      cni_schema *out_schema, const cni_plan **out_plan, cn_error *err)
{
    cni_binder binder;
    cni_schema schema = {0};
    cni_field *fields = NULL;
    const cni_plan *plan = NULL;
    CN_TRY(refuse_table_parts(table, err));
    CN_TRY(bind_plan(&binder, env, table->query, &plan, err));
    schema.n_fields = table->query == NULL ? table->columns.n_items : plan->n_columns;
    CN_TRY(
        cni_arena_alloc_array(env->arena, schema.n_fields, (int64_t)sizeof(*fields), &fields, err));
    CN_TRY(table->query == NULL ? written_fields(&binder, table, fields, err)
                                : query_fields(table, plan, fields, err));
    CN_TRY(check_field_names(table, fields, schema.n_fields, err));
    schema.fields = fields;
    *out_plan = NULL;
    if (table->query != NULL) {
        CN_TRY(rows_in_order(&binder, &table->query->node, plan, &schema, out_plan, err));
    }
    *out_schema = schema;
    return CN_OK;
}

/* ---- INSERT */

static cn_code
refuse_insert_parts(const cni_sql_insert *insert, cn_error *err)
{
    const char *what = NULL;
    if (insert->conflict != CNI_SQL_CONFLICT_NONE) {
        what = "ON CONFLICT clauses, INSERT OR REPLACE and OR IGNORE";
    } else if (insert->returning.n_items > 0) {
        what = "RETURNING clauses";
    } else if (insert->with != NULL && insert->query != NULL && insert->query->with != NULL) {
        what = "INSERT statements with two WITH clauses";
    }
    return what == NULL ? CN_OK
                        : cni_bind_refuse(err, insert->table.offset, insert->table.length, what);
}

static int32_t
find_field(const cni_schema *schema, const cni_sql_ident *name)
{
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t field = 0; field < schema->n_fields; field++) {
            if (cni_bind_name_matches(name, schema->fields[field].name, pass == 0)) {
                return field;
            }
        }
    }
    return -1;
}

/* Field `name` gets its value from column `source` of the query. */
static cn_code
set_source(const cni_sql_insert *insert, const cni_schema *schema, const cni_sql_ident *name,
           int32_t source, int32_t *sources, cn_error *err)
{
    const int32_t field = find_field(schema, name);
    if (field < 0) {
        const cni_sql_ident *last = &insert->table.parts[insert->table.n_parts - 1];
        return cni_bind_fail(err, CN_NOT_FOUND, "42703", name->offset, name->length,
                             "table \"%.*s\" has no column \"%.*s\"", CNI_STR_ARGS(last->text),
                             CNI_STR_ARGS(name->text));
    }
    if (sources[field] >= 0) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42701", name->offset, name->length,
                             "column \"%.*s\" is there twice", CNI_STR_ARGS(name->text));
    }
    sources[field] = source;
    return CN_OK;
}

static cn_code
sources_by_name(const cni_sql_insert *insert, const cni_schema *schema, const cni_plan *plan,
                int32_t *sources, cn_error *err)
{
    for (int32_t column = 0; column < plan->n_columns; column++) {
        const cni_sql_ident name = {.text = plan->columns[column].name,
                                    .offset = insert->query->node.offset,
                                    .length = insert->query->node.length};
        CN_TRY(set_source(insert, schema, &name, column, sources, err));
    }
    return CN_OK;
}

static cn_code
sources_in_order(const cni_sql_insert *insert, const cni_schema *schema, const cni_plan *plan,
                 int32_t *sources, cn_error *err)
{
    const int32_t n_targets =
        insert->columns.n_items > 0 ? insert->columns.n_items : schema->n_fields;
    if (plan->n_columns != n_targets) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42601", insert->query->node.offset,
                             insert->query->node.length,
                             "INSERT: %d columns are filled, but the query gives %d", n_targets,
                             plan->n_columns);
    }
    for (int32_t column = 0; column < n_targets; column++) {
        if (insert->columns.n_items == 0) {
            sources[column] = column;
        } else {
            CN_TRY(
                set_source(insert, schema, &insert->columns.items[column], column, sources, err));
        }
    }
    return CN_OK;
}

cn_code
cni_bind_insert(const cni_bind_env *env, const cni_sql_insert *insert, const cni_schema *schema,
                const cni_plan **out_plan, cn_error *err)
{
    cni_binder binder;
    const cni_plan *plan = NULL;
    int32_t *sources = NULL;
    cni_sql_query with_ctes;
    const cni_sql_query *query = insert->query;
    CN_TRY(refuse_insert_parts(insert, err));
    if (query != NULL && insert->with != NULL) {
        with_ctes = *query;
        with_ctes.with = insert->with;
        query = &with_ctes;
    }
    CN_TRY(bind_plan(&binder, env, query, &plan, err));
    CN_TRY(cni_arena_alloc_array(env->arena, schema->n_fields, (int64_t)sizeof(*sources), &sources,
                                 err));
    for (int32_t field = 0; field < schema->n_fields; field++) {
        sources[field] = -1;
    }
    if (query != NULL) {
        CN_TRY(insert->by_name ? sources_by_name(insert, schema, plan, sources, err)
                               : sources_in_order(insert, schema, plan, sources, err));
    }
    const cni_sql_node place = {.offset = insert->table.offset, .length = insert->table.length};
    return arrange_columns(&binder, query == NULL ? &place : &query->node, plan, schema, sources,
                           out_plan, err);
}
