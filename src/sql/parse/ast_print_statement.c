/* SPDX-License-Identifier: Apache-2.0
 *
 * Statements as text: one function per kind, and a dispatch at the end. Clauses come in one fixed
 * order and option lists in one form (name = value), whatever dialect they were written in.
 */
#include "sql/parse/ast_print_int.h"

static cn_code put_statement(const sql_printer *self, const cni_sql_statement *statement);

/* ------------------------------------------------------------------------------ shared parts */

static cn_code
put_option(const sql_printer *self, const cni_sql_option *option)
{
    CN_TRY(option->name.quoted ? cni_sql_put_quoted(self, option->name.text, '\'')
                               : cni_sql_put_str(self, option->name.text));
    if (option->values.n_items == 0 && !option->parenthesised) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " "));
    CN_TRY(cni_sql_put_if(self, option->parenthesised, "("));
    CN_TRY(cni_sql_put_exprs(self, &option->values));
    return cni_sql_put_if(self, option->parenthesised, ")");
}

/* word (name value, ...); nothing for an empty list. */
static cn_code
put_options(const sql_printer *self, const char *word, const cni_sql_option_list *list)
{
    if (list->n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, word));
    CN_TRY(cni_sql_put(self, "("));
    for (int32_t item = 0; item < list->n_items; item++) {
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(put_option(self, &list->items[item]));
    }
    return cni_sql_put(self, ")");
}

static cn_code
put_where(const sql_printer *self, const char *word, const cni_sql_expr *expr)
{
    if (expr == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, word));
    return cni_sql_put_expr(self, expr, PRINT_LEVEL_ANY);
}

static cn_code
put_returning(const sql_printer *self, const cni_sql_target_list *list)
{
    CN_TRY(cni_sql_put_if(self, list->n_items > 0, " RETURNING "));
    return cni_sql_put_targets(self, list);
}

static cn_code
put_assignments(const sql_printer *self, const cni_sql_assignment_list *list)
{
    for (int32_t item = 0; item < list->n_items; item++) {
        const cni_sql_assignment *assignment = &list->items[item];
        const bool several = assignment->targets.n_items > 1;
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(cni_sql_put_if(self, several, "("));
        CN_TRY(cni_sql_put_names(self, &assignment->targets));
        CN_TRY(cni_sql_put(self, several ? ") = " : " = "));
        CN_TRY(cni_sql_put_expr(self, assignment->value, PRINT_LEVEL_ANY));
    }
    return CN_OK;
}

static cn_code
put_create(const sql_printer *self, const cni_sql_create_flags *flags, const char *words)
{
    CN_TRY(cni_sql_put(self, "CREATE "));
    CN_TRY(cni_sql_put_if(self, flags->or_replace, "OR REPLACE "));
    CN_TRY(cni_sql_put_if(self, flags->temporary, "TEMPORARY "));
    CN_TRY(cni_sql_put(self, words));
    return cni_sql_put_if(self, flags->if_not_exists, "IF NOT EXISTS ");
}

/* ------------------------------------------------------------------------------- definitions */

static cn_code
put_foreign_key(const sql_printer *self, const cni_sql_constraint *constraint)
{
    if (constraint->columns.n_items > 0) {
        CN_TRY(cni_sql_put(self, "FOREIGN KEY "));
        CN_TRY(cni_sql_put_idents(self, &constraint->columns));
        CN_TRY(cni_sql_put(self, " "));
    }
    CN_TRY(cni_sql_put(self, "REFERENCES "));
    CN_TRY(cni_sql_put_name(self, constraint->referenced));
    if (constraint->referenced_columns.n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " "));
    return cni_sql_put_idents(self, &constraint->referenced_columns);
}

static cn_code
put_key(const sql_printer *self, const char *word, const cni_sql_constraint *constraint)
{
    CN_TRY(cni_sql_put(self, word));
    if (constraint->columns.n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " "));
    return cni_sql_put_idents(self, &constraint->columns);
}

static cn_code
put_constraint_body(const sql_printer *self, const cni_sql_constraint *constraint)
{
    switch (constraint->kind) {
    case CNI_SQL_CONSTRAINT_NOT_NULL:
        return cni_sql_put(self, "NOT NULL");
    case CNI_SQL_CONSTRAINT_NULL:
        return cni_sql_put(self, "NULL");
    case CNI_SQL_CONSTRAINT_DEFAULT:
        CN_TRY(cni_sql_put(self, "DEFAULT "));
        return cni_sql_put_expr(self, constraint->expr, PRINT_LEVEL_OTHER);
    case CNI_SQL_CONSTRAINT_GENERATED:
        CN_TRY(put_where(self, "GENERATED ALWAYS AS (", constraint->expr));
        return cni_sql_put(self, constraint->stored ? ") STORED" : ")");
    case CNI_SQL_CONSTRAINT_CHECK:
        CN_TRY(put_where(self, "CHECK (", constraint->expr));
        return cni_sql_put(self, ")");
    case CNI_SQL_CONSTRAINT_PRIMARY_KEY:
        return put_key(self, "PRIMARY KEY", constraint);
    case CNI_SQL_CONSTRAINT_UNIQUE:
        return put_key(self, "UNIQUE", constraint);
    case CNI_SQL_CONSTRAINT_COLLATE:
        CN_TRY(cni_sql_put(self, "COLLATE "));
        return cni_sql_put_name(self, constraint->referenced);
    default:
        return put_foreign_key(self, constraint);
    }
}

static cn_code
put_constraint(const sql_printer *self, const cni_sql_constraint *constraint)
{
    if (constraint->name.text.data != NULL) {
        CN_TRY(cni_sql_put(self, "CONSTRAINT "));
        CN_TRY(cni_sql_put_ident(self, &constraint->name));
        CN_TRY(cni_sql_put(self, " "));
    }
    return put_constraint_body(self, constraint);
}

static cn_code
put_column_def(const sql_printer *self, const cni_sql_column_def *column)
{
    CN_TRY(cni_sql_put_ident(self, &column->name));
    if (column->type != NULL) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_type(self, column->type));
    }
    for (int32_t item = 0; item < column->n_constraints; item++) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(put_constraint(self, &column->constraints[item]));
    }
    return CN_OK;
}

/* " (columns, constraints)"; nothing when there are none. */
static cn_code
put_column_defs(const sql_printer *self, const char *word, const cni_sql_column_def_list *columns,
                const cni_sql_constraint_list *constraints)
{
    if (columns->n_items == 0 && constraints->n_items == 0) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, word));
    for (int32_t item = 0; item < columns->n_items; item++) {
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(put_column_def(self, &columns->items[item]));
    }
    for (int32_t item = 0; item < constraints->n_items; item++) {
        CN_TRY(cni_sql_put_comma(self, columns->n_items + item));
        CN_TRY(put_constraint(self, &constraints->items[item]));
    }
    return cni_sql_put(self, ")");
}

static cn_code
put_create_table(const sql_printer *self, const cni_sql_create_table *create)
{
    CN_TRY(put_create(self, &create->flags, create->unbounded ? "UNBOUNDED TABLE " : "TABLE "));
    CN_TRY(cni_sql_put_name(self, &create->name));
    CN_TRY(put_column_defs(self, " (", &create->columns, &create->constraints));
    CN_TRY(put_options(self, " WITH ", &create->options));
    if (create->query == NULL) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, " AS "));
    CN_TRY(cni_sql_put_query(self, create->query));
    return cni_sql_put_if(self, create->with_no_data, " WITH NO DATA");
}

static cn_code
put_create_external(const sql_printer *self, const cni_sql_create_external *create)
{
    const cni_sql_constraint_list none = {0};
    const bool several = create->n_locations > 1;
    CN_TRY(put_create(self, &create->flags,
                      create->unbounded ? "UNBOUNDED EXTERNAL TABLE " : "EXTERNAL TABLE "));
    CN_TRY(cni_sql_put_name(self, &create->name));
    CN_TRY(put_column_defs(self, " (", &create->columns, &create->constraints));
    if (create->format.text.data != NULL) {
        CN_TRY(cni_sql_put(self, " STORED AS "));
        CN_TRY(cni_sql_put_ident(self, &create->format));
    }
    CN_TRY(put_column_defs(self, " PARTITIONED BY (", &create->partition_columns, &none));
    for (int32_t order = 0; order < create->n_orders; order++) {
        CN_TRY(cni_sql_put(self, " WITH ORDER ("));
        CN_TRY(cni_sql_put_orders(self, &create->orders[order]));
        CN_TRY(cni_sql_put(self, ")"));
    }
    CN_TRY(put_options(self, " OPTIONS ", &create->options));
    CN_TRY(cni_sql_put(self, several ? " LOCATION (" : " LOCATION "));
    const cni_sql_expr_list locations = {create->n_locations, create->locations};
    CN_TRY(cni_sql_put_exprs(self, &locations));
    return cni_sql_put_if(self, several, ")");
}

static cn_code
put_create_view(const sql_printer *self, const cni_sql_create_view *create)
{
    CN_TRY(put_create(self, &create->flags,
                      create->recursive      ? "RECURSIVE VIEW "
                      : create->materialized ? "MATERIALIZED VIEW "
                                             : "VIEW "));
    CN_TRY(cni_sql_put_name(self, &create->name));
    if (create->columns.n_items > 0) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_idents(self, &create->columns));
    }
    CN_TRY(put_options(self, " WITH ", &create->options));
    CN_TRY(cni_sql_put(self, " AS "));
    return cni_sql_put_query(self, create->query);
}

static cn_code
put_macro_body(const sql_printer *self, const cni_sql_macro_body *body)
{
    CN_TRY(cni_sql_put(self, "("));
    for (int32_t item = 0; item < body->n_params; item++) {
        const cni_sql_macro_param *param = &body->params[item];
        CN_TRY(cni_sql_put_comma(self, item));
        CN_TRY(cni_sql_put_ident(self, &param->name));
        if (param->type != NULL) {
            CN_TRY(cni_sql_put(self, " "));
            CN_TRY(cni_sql_put_type(self, param->type));
        }
        CN_TRY(put_where(self, " := ", param->default_value));
    }
    if (body->query != NULL) {
        CN_TRY(cni_sql_put(self, ") AS TABLE "));
        return cni_sql_put_query(self, body->query);
    }
    return put_where(self, ") AS ", body->expr);
}

static cn_code
put_create_macro(const sql_printer *self, const cni_sql_create_macro *create)
{
    CN_TRY(put_create(self, &create->flags, "MACRO "));
    CN_TRY(cni_sql_put_name(self, &create->name));
    for (int32_t body = 0; body < create->n_bodies; body++) {
        CN_TRY(cni_sql_put_comma(self, body));
        CN_TRY(put_macro_body(self, &create->bodies[body]));
    }
    return CN_OK;
}

static cn_code
put_behavior(const sql_printer *self, uint8_t behavior)
{
    CN_TRY(cni_sql_put_if(self, behavior == CNI_SQL_DROP_CASCADE, " CASCADE"));
    return cni_sql_put_if(self, behavior == CNI_SQL_DROP_RESTRICT, " RESTRICT");
}

static cn_code
put_drop(const sql_printer *self, const cni_sql_drop *drop)
{
    static const char *const objects[] = {
        [CNI_SQL_OBJECT_TABLE] = "DROP TABLE ",
        [CNI_SQL_OBJECT_EXTERNAL_TABLE] = "DROP EXTERNAL TABLE ",
        [CNI_SQL_OBJECT_VIEW] = "DROP VIEW ",
        [CNI_SQL_OBJECT_MATERIALIZED_VIEW] = "DROP MATERIALIZED VIEW ",
        [CNI_SQL_OBJECT_SCHEMA] = "DROP SCHEMA ",
        [CNI_SQL_OBJECT_MACRO] = "DROP MACRO ",
        [CNI_SQL_OBJECT_MACRO_TABLE] = "DROP MACRO TABLE ",
    };
    CN_TRY(cni_sql_put(self, objects[drop->object]));
    CN_TRY(cni_sql_put_if(self, drop->if_exists, "IF EXISTS "));
    CN_TRY(cni_sql_put_names(self, &drop->names));
    return put_behavior(self, drop->behavior);
}

/* ------------------------------------------------------------------------------ modifications */

static cn_code
put_on_conflict(const sql_printer *self, const cni_sql_insert *insert)
{
    CN_TRY(cni_sql_put(self, " ON CONFLICT"));
    if (insert->conflict_columns.n_items > 0) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_idents(self, &insert->conflict_columns));
        CN_TRY(put_where(self, " WHERE ", insert->conflict_where));
    }
    if (insert->conflict == CNI_SQL_CONFLICT_NOTHING) {
        return cni_sql_put(self, " DO NOTHING");
    }
    CN_TRY(cni_sql_put(self, " DO UPDATE SET "));
    CN_TRY(put_assignments(self, &insert->conflict_sets));
    return put_where(self, " WHERE ", insert->conflict_update_where);
}

static cn_code
put_insert(const sql_printer *self, const cni_sql_insert *insert)
{
    const bool replace = insert->conflict == CNI_SQL_CONFLICT_REPLACE;
    CN_TRY(cni_sql_put_with(self, insert->with));
    CN_TRY(cni_sql_put(self, replace ? "INSERT OR REPLACE INTO " : "INSERT INTO "));
    CN_TRY(cni_sql_put_name(self, &insert->table));
    CN_TRY(cni_sql_put_alias(self, &insert->alias));
    if (insert->columns.n_items > 0) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_idents(self, &insert->columns));
    }
    CN_TRY(cni_sql_put_if(self, insert->by_name, " BY NAME"));
    if (insert->query == NULL) {
        CN_TRY(cni_sql_put(self, " DEFAULT VALUES"));
    } else {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_query(self, insert->query));
    }
    if (insert->conflict != CNI_SQL_CONFLICT_NONE && !replace) {
        CN_TRY(put_on_conflict(self, insert));
    }
    return put_returning(self, &insert->returning);
}

static cn_code
put_update(const sql_printer *self, const cni_sql_update *update)
{
    CN_TRY(cni_sql_put_with(self, update->with));
    CN_TRY(cni_sql_put(self, "UPDATE "));
    CN_TRY(cni_sql_put_name(self, &update->table));
    CN_TRY(cni_sql_put_alias(self, &update->alias));
    CN_TRY(cni_sql_put(self, " SET "));
    CN_TRY(put_assignments(self, &update->sets));
    CN_TRY(cni_sql_put_if(self, update->from.n_items > 0, " FROM "));
    CN_TRY(cni_sql_put_from_list(self, &update->from));
    CN_TRY(put_where(self, " WHERE ", update->where));
    return put_returning(self, &update->returning);
}

static cn_code
put_delete(const sql_printer *self, const cni_sql_delete *delete_from)
{
    CN_TRY(cni_sql_put_with(self, delete_from->with));
    CN_TRY(cni_sql_put(self, "DELETE FROM "));
    CN_TRY(cni_sql_put_name(self, &delete_from->table));
    CN_TRY(cni_sql_put_alias(self, &delete_from->alias));
    CN_TRY(cni_sql_put_if(self, delete_from->using_list.n_items > 0, " USING "));
    CN_TRY(cni_sql_put_from_list(self, &delete_from->using_list));
    CN_TRY(put_where(self, " WHERE ", delete_from->where));
    return put_returning(self, &delete_from->returning);
}

static cn_code
put_merge_insert(const sql_printer *self, const cni_sql_merge_when *when)
{
    CN_TRY(cni_sql_put(self, "INSERT"));
    if (when->star) {
        return cni_sql_put(self, when->by_name ? " BY NAME" : " *");
    }
    if (when->values.n_items == 0) {
        return cni_sql_put(self, " DEFAULT VALUES");
    }
    if (when->columns.n_items > 0) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_idents(self, &when->columns));
    }
    CN_TRY(cni_sql_put(self, " VALUES ("));
    CN_TRY(cni_sql_put_exprs(self, &when->values));
    return cni_sql_put(self, ")");
}

static cn_code
put_merge_update(const sql_printer *self, const cni_sql_merge_when *when)
{
    CN_TRY(cni_sql_put(self, "UPDATE"));
    CN_TRY(cni_sql_put_if(self, when->by_name, " BY NAME"));
    if (when->star) {
        return cni_sql_put_if(self, !when->by_name, " SET *");
    }
    CN_TRY(cni_sql_put(self, " SET "));
    return put_assignments(self, &when->sets);
}

static cn_code
put_merge_when(const sql_printer *self, const cni_sql_merge_when *when)
{
    static const char *const heads[] = {" WHEN MATCHED", " WHEN NOT MATCHED",
                                        " WHEN NOT MATCHED BY SOURCE"};
    CN_TRY(cni_sql_put(self, heads[when->match]));
    CN_TRY(put_where(self, " AND ", when->condition));
    CN_TRY(cni_sql_put(self, " THEN "));
    switch (when->action) {
    case CNI_SQL_MERGE_UPDATE:
        return put_merge_update(self, when);
    case CNI_SQL_MERGE_DELETE:
        return cni_sql_put(self, "DELETE");
    case CNI_SQL_MERGE_INSERT:
        return put_merge_insert(self, when);
    default:
        return cni_sql_put(self, "DO NOTHING");
    }
}

static cn_code
put_merge(const sql_printer *self, const cni_sql_merge *merge)
{
    CN_TRY(cni_sql_put_with(self, merge->with));
    CN_TRY(cni_sql_put(self, "MERGE INTO "));
    CN_TRY(cni_sql_put_name(self, &merge->table));
    CN_TRY(cni_sql_put_alias(self, &merge->alias));
    CN_TRY(cni_sql_put(self, " USING "));
    CN_TRY(cni_sql_put_from(self, merge->source));
    CN_TRY(put_where(self, " ON ", merge->on));
    if (merge->using_list.n_items > 0) {
        CN_TRY(cni_sql_put(self, " USING "));
        CN_TRY(cni_sql_put_idents(self, &merge->using_list));
    }
    for (int32_t when = 0; when < merge->n_whens; when++) {
        CN_TRY(put_merge_when(self, &merge->whens[when]));
    }
    return put_returning(self, &merge->returning);
}

static cn_code
put_truncate(const sql_printer *self, const cni_sql_truncate *truncate)
{
    CN_TRY(cni_sql_put(self, "TRUNCATE "));
    CN_TRY(cni_sql_put_names(self, &truncate->tables));
    return put_behavior(self, truncate->behavior);
}

static cn_code
put_copy(const sql_printer *self, const cni_sql_copy *copy)
{
    CN_TRY(cni_sql_put(self, "COPY "));
    if (copy->query != NULL) {
        CN_TRY(cni_sql_put(self, "("));
        CN_TRY(cni_sql_put_query(self, copy->query));
        CN_TRY(cni_sql_put(self, ")"));
    } else {
        CN_TRY(cni_sql_put_name(self, copy->table));
    }
    if (copy->columns.n_items > 0) {
        CN_TRY(cni_sql_put(self, " "));
        CN_TRY(cni_sql_put_idents(self, &copy->columns));
    }
    CN_TRY(cni_sql_put(self, copy->is_from ? " FROM " : " TO "));
    CN_TRY(copy->std_stream ? cni_sql_put(self, copy->is_from ? "STDIN" : "STDOUT")
                            : cni_sql_put_expr(self, copy->path, PRINT_LEVEL_ANY));
    CN_TRY(put_options(self, " ", &copy->options));
    return put_where(self, " WHERE ", copy->where);
}

/* ------------------------------------------------------------------ statements on statements */

static cn_code
put_explain(const sql_printer *self, const cni_sql_explain *explain)
{
    const bool plain =
        !explain->verbose && explain->format.text.data == NULL && explain->options.n_items == 0;
    if (plain) {
        CN_TRY(cni_sql_put(self, explain->analyze ? "EXPLAIN ANALYZE " : "EXPLAIN "));
        return put_statement(self, explain->statement);
    }
    int32_t item = 0;
    CN_TRY(cni_sql_put(self, "EXPLAIN ("));
    if (explain->analyze) {
        CN_TRY(cni_sql_put_comma(self, item++));
        CN_TRY(cni_sql_put(self, "ANALYZE"));
    }
    if (explain->verbose) {
        CN_TRY(cni_sql_put_comma(self, item++));
        CN_TRY(cni_sql_put(self, "VERBOSE"));
    }
    if (explain->format.text.data != NULL) {
        CN_TRY(cni_sql_put_comma(self, item++));
        CN_TRY(cni_sql_put(self, "FORMAT "));
        CN_TRY(explain->format.quoted ? cni_sql_put_quoted(self, explain->format.text, '\'')
                                      : cni_sql_put_str(self, explain->format.text));
    }
    for (int32_t option = 0; option < explain->options.n_items; option++) {
        CN_TRY(cni_sql_put_comma(self, item++));
        CN_TRY(put_option(self, &explain->options.items[option]));
    }
    CN_TRY(cni_sql_put(self, ") "));
    return put_statement(self, explain->statement);
}

static cn_code
put_prepare(const sql_printer *self, const cni_sql_prepare *prepare)
{
    CN_TRY(cni_sql_put(self, "PREPARE "));
    CN_TRY(cni_sql_put_ident(self, &prepare->name));
    for (int32_t type = 0; type < prepare->n_types; type++) {
        CN_TRY(cni_sql_put(self, type == 0 ? " (" : ", "));
        CN_TRY(cni_sql_put_type(self, prepare->types[type]));
    }
    CN_TRY(cni_sql_put(self, prepare->n_types > 0 ? ") AS " : " AS "));
    return put_statement(self, prepare->statement);
}

static cn_code
put_execute(const sql_printer *self, const cni_sql_execute *execute)
{
    CN_TRY(cni_sql_put(self, "EXECUTE "));
    CN_TRY(cni_sql_put_ident(self, &execute->name));
    for (int32_t arg = 0; arg < execute->args.n_items; arg++) {
        CN_TRY(cni_sql_put(self, arg == 0 ? " (" : ", "));
        if (execute->arg_names != NULL && execute->arg_names[arg].text.data != NULL) {
            CN_TRY(cni_sql_put_ident(self, &execute->arg_names[arg]));
            CN_TRY(cni_sql_put(self, " => "));
        }
        CN_TRY(cni_sql_put_expr(self, execute->args.items[arg], PRINT_LEVEL_ANY));
    }
    return cni_sql_put_if(self, execute->args.n_items > 0, ")");
}

static cn_code
put_deallocate(const sql_printer *self, const cni_sql_deallocate *deallocate)
{
    CN_TRY(cni_sql_put(self, "DEALLOCATE "));
    return deallocate->all ? cni_sql_put(self, "ALL") : cni_sql_put_ident(self, &deallocate->name);
}

/* -------------------------------------------------------------------------------- session */

static cn_code
put_scope(const sql_printer *self, uint8_t scope)
{
    static const char *const scopes[] = {"", "SESSION ", "LOCAL ", "GLOBAL ", "VARIABLE "};
    return cni_sql_put(self, scopes[scope]);
}

static cn_code
put_set(const sql_printer *self, const cni_sql_set *set)
{
    CN_TRY(cni_sql_put(self, "SET "));
    CN_TRY(put_scope(self, set->scope));
    CN_TRY(cni_sql_put_name(self, &set->name));
    CN_TRY(cni_sql_put(self, set->to_default ? " = DEFAULT" : " = "));
    return cni_sql_put_exprs(self, &set->values);
}

static cn_code
put_reset(const sql_printer *self, const cni_sql_set *set)
{
    CN_TRY(cni_sql_put(self, "RESET "));
    CN_TRY(put_scope(self, set->scope));
    return set->all ? cni_sql_put(self, "ALL") : cni_sql_put_name(self, &set->name);
}

static cn_code
put_show(const sql_printer *self, const cni_sql_show *show)
{
    static const char *const words[] = {
        [CNI_SQL_SHOW_SETTING] = "SHOW ",
        [CNI_SQL_SHOW_ALL] = "SHOW ALL",
        [CNI_SQL_SHOW_TABLES] = "SHOW TABLES",
        [CNI_SQL_SHOW_ALL_TABLES] = "SHOW ALL TABLES",
        [CNI_SQL_SHOW_VIEWS] = "SHOW VIEWS",
        [CNI_SQL_SHOW_COLUMNS] = "SHOW COLUMNS",
        [CNI_SQL_SHOW_SCHEMAS] = "SHOW SCHEMAS",
        [CNI_SQL_SHOW_DATABASES] = "SHOW DATABASES",
        [CNI_SQL_SHOW_FUNCTIONS] = "SHOW FUNCTIONS",
        [CNI_SQL_SHOW_SETTINGS] = "SHOW SETTINGS",
        [CNI_SQL_SHOW_CREATE_TABLE] = "SHOW CREATE TABLE ",
        [CNI_SQL_SHOW_CREATE_VIEW] = "SHOW CREATE VIEW ",
    };
    CN_TRY(cni_sql_put(self, words[show->kind]));
    if (show->name != NULL) {
        return cni_sql_put_name(self, show->name);
    }
    if (show->from != NULL) {
        CN_TRY(cni_sql_put(self, " FROM "));
        CN_TRY(cni_sql_put_name(self, show->from));
    }
    if (show->like_op == CNI_SQL_OP_NONE) {
        return CN_OK;
    }
    CN_TRY(cni_sql_put(self, show->like_op == CNI_SQL_OP_LIKE ? " LIKE " : " ILIKE "));
    return cni_sql_put_quoted(self, show->pattern, '\'');
}

static cn_code
put_attach(const sql_printer *self, const cni_sql_attach *attach)
{
    CN_TRY(cni_sql_put(self, attach->flags.or_replace ? "ATTACH OR REPLACE " : "ATTACH "));
    CN_TRY(cni_sql_put_if(self, attach->flags.if_not_exists, "IF NOT EXISTS "));
    CN_TRY(cni_sql_put_expr(self, attach->path, PRINT_LEVEL_ANY));
    CN_TRY(cni_sql_put_alias(self, &attach->alias));
    return put_options(self, " ", &attach->options);
}

static cn_code
put_detach(const sql_printer *self, const cni_sql_detach *detach)
{
    CN_TRY(
        cni_sql_put(self, detach->if_exists ? "DETACH DATABASE IF EXISTS " : "DETACH DATABASE "));
    return cni_sql_put_ident(self, &detach->name);
}

static cn_code
put_analyze(const sql_printer *self, const cni_sql_analyze *analyze)
{
    CN_TRY(cni_sql_put(self, analyze->verbose ? "ANALYZE VERBOSE" : "ANALYZE"));
    for (int32_t table = 0; table < analyze->n_tables; table++) {
        CN_TRY(cni_sql_put(self, table == 0 ? " " : ", "));
        CN_TRY(cni_sql_put_name(self, &analyze->tables[table].table));
        if (analyze->tables[table].columns.n_items > 0) {
            CN_TRY(cni_sql_put(self, " "));
            CN_TRY(cni_sql_put_idents(self, &analyze->tables[table].columns));
        }
    }
    return CN_OK;
}

static cn_code
put_load(const sql_printer *self, const cni_sql_load *load)
{
    CN_TRY(cni_sql_put(self, "LOAD "));
    return cni_sql_put_quoted(self, load->path, load->is_name ? '"' : '\'');
}

/* --------------------------------------------------------------------------------- dispatch */

static cn_code
put_session_statement(const sql_printer *self, const cni_sql_statement *statement)
{
    switch (statement->kind) {
    case CNI_SQL_STATEMENT_SET:
        return put_set(self, statement->set);
    case CNI_SQL_STATEMENT_RESET:
        return put_reset(self, statement->set);
    case CNI_SQL_STATEMENT_SHOW:
        return put_show(self, statement->show);
    case CNI_SQL_STATEMENT_USE:
        CN_TRY(cni_sql_put(self, "USE "));
        return cni_sql_put_name(self, &statement->use->name);
    case CNI_SQL_STATEMENT_ATTACH:
        return put_attach(self, statement->attach);
    case CNI_SQL_STATEMENT_DETACH:
        return put_detach(self, statement->detach);
    case CNI_SQL_STATEMENT_ANALYZE:
        return put_analyze(self, statement->analyze);
    case CNI_SQL_STATEMENT_LOAD:
        return put_load(self, statement->load);
    default:
        return CN_FAIL(self->err, CN_INTERNAL, "a statement has the unknown kind %d",
                       (int)statement->kind);
    }
}

static cn_code
put_definition(const sql_printer *self, const cni_sql_statement *statement)
{
    switch (statement->kind) {
    case CNI_SQL_STATEMENT_CREATE_TABLE:
        return put_create_table(self, statement->create_table);
    case CNI_SQL_STATEMENT_CREATE_EXTERNAL_TABLE:
        return put_create_external(self, statement->create_external);
    case CNI_SQL_STATEMENT_CREATE_VIEW:
        return put_create_view(self, statement->create_view);
    case CNI_SQL_STATEMENT_CREATE_SCHEMA:
        CN_TRY(put_create(self, &statement->create_schema->flags, "SCHEMA "));
        return cni_sql_put_name(self, &statement->create_schema->name);
    case CNI_SQL_STATEMENT_CREATE_MACRO:
        return put_create_macro(self, statement->create_macro);
    case CNI_SQL_STATEMENT_DROP:
        return put_drop(self, statement->drop);
    default:
        return put_session_statement(self, statement);
    }
}

static cn_code
put_statement(const sql_printer *self, const cni_sql_statement *statement)
{
    switch (statement->kind) {
    case CNI_SQL_STATEMENT_QUERY:
        return cni_sql_put_query(self, statement->query);
    case CNI_SQL_STATEMENT_EXPLAIN:
        return put_explain(self, statement->explain);
    case CNI_SQL_STATEMENT_DESCRIBE:
        CN_TRY(cni_sql_put(self, "DESCRIBE "));
        return cni_sql_put_query(self, statement->describe->query);
    case CNI_SQL_STATEMENT_SUMMARIZE:
        CN_TRY(cni_sql_put(self, "SUMMARIZE "));
        return cni_sql_put_query(self, statement->describe->query);
    case CNI_SQL_STATEMENT_INSERT:
        return put_insert(self, statement->insert);
    case CNI_SQL_STATEMENT_UPDATE:
        return put_update(self, statement->update);
    case CNI_SQL_STATEMENT_DELETE:
        return put_delete(self, statement->delete_from);
    case CNI_SQL_STATEMENT_MERGE:
        return put_merge(self, statement->merge);
    case CNI_SQL_STATEMENT_TRUNCATE:
        return put_truncate(self, statement->truncate);
    case CNI_SQL_STATEMENT_COPY:
        return put_copy(self, statement->copy);
    case CNI_SQL_STATEMENT_PREPARE:
        return put_prepare(self, statement->prepare);
    case CNI_SQL_STATEMENT_EXECUTE:
        return put_execute(self, statement->execute);
    case CNI_SQL_STATEMENT_DEALLOCATE:
        return put_deallocate(self, statement->deallocate);
    default:
        return put_definition(self, statement);
    }
}

cn_code
cni_sql_print_statement(const cni_sql_statement *statement, cni_strbuf *out, cn_error *err)
{
    const sql_printer self = {.out = out, .err = err};
    return put_statement(&self, statement);
}
