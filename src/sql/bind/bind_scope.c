/* SPDX-License-Identifier: Apache-2.0
 *
 * What a column name means. An exact match wins over one that ignores case; quoted names match
 * exactly only; two matches of the same quality are ambiguous.
 */
#include "sql/bind/bind_int.h"

#include <stdarg.h>
#include <stdio.h>

cn_code
cni_bind_fail(cn_error *err, cn_code code, const char *sqlstate, int64_t offset, int64_t length,
              const char *format, ...)
{
    char message[CN_ERROR_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    (void)CN_FAIL(err, code, "%s", message);
    cni_error_sqlstate(err, sqlstate);
    cni_error_position(err, offset, length);
    return code;
}

cn_code
cni_bind_refuse(cn_error *err, int64_t offset, int64_t length, const char *what)
{
    return cni_bind_fail(err, CN_NOT_IMPLEMENTED, "0A000", offset, length,
                         "%s are not supported yet", what);
}

const char *
cni_bind_type_text(cni_binder *binder, const cni_type *type)
{
    cni_str name;
    return cni_type_name(binder->arena, type, &name, NULL) == CN_OK ? name.data : "?";
}

bool
cni_bind_name_matches(const cni_sql_ident *wanted, cni_str name, bool exact)
{
    return exact ? cni_str_eq(wanted->text, name)
                 : !wanted->quoted && cni_str_eq_nocase(wanted->text, name);
}

static bool
relation_matches(const cni_bind_relation *relation, const cni_sql_name *name, bool exact)
{
    if (name->n_parts >= 2 &&
        !cni_bind_name_matches(&name->parts[name->n_parts - 2], relation->alias, exact)) {
        return false;
    }
    return name->n_parts < 3 ||
           cni_bind_name_matches(&name->parts[name->n_parts - 3], relation->schema, exact);
}

typedef struct column_search {
    const cni_column *found;
    int32_t n_found;
} column_search;

static column_search
search_columns(const cni_bind_scope *scope, const cni_sql_name *name, bool exact)
{
    column_search search = {0};
    const cni_sql_ident *last = &name->parts[name->n_parts - 1];
    for (int32_t index = 0; index < scope->n_relations; index++) {
        const cni_bind_relation *relation = &scope->relations[index];
        if (!relation_matches(relation, name, exact) && !relation_matches(relation, name, false)) {
            continue;
        }
        for (int32_t column = 0; column < relation->n_columns; column++) {
            if (cni_bind_name_matches(last, relation->columns[column].name, exact)) {
                search.found = &relation->columns[column];
                search.n_found++;
            }
        }
    }
    return search;
}

static const cni_expr *
find_alias(const cni_bind_names *names, const cni_sql_name *name)
{
    if (name->n_parts != 1) {
        return NULL;
    }
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t alias = 0; alias < names->n_aliases; alias++) {
            if (cni_bind_name_matches(&name->parts[0], names->aliases[alias].name, pass == 0)) {
                return names->aliases[alias].expr;
            }
        }
    }
    return NULL;
}

/* The nearest visible column name, for the error. */
static const char *
nearest_column(cni_bind_names *names, cni_str wanted)
{
    int64_t n_names = 0;
    for (int32_t index = 0; names->scope != NULL && index < names->scope->n_relations; index++) {
        n_names += names->scope->relations[index].n_columns;
    }
    const char **candidates = NULL;
    if (n_names == 0 || cni_arena_alloc_array(names->binder->arena, n_names, sizeof(*candidates),
                                              &candidates, NULL) != CN_OK) {
        return NULL;
    }
    int64_t n_filled = 0;
    for (int32_t index = 0; index < names->scope->n_relations; index++) {
        const cni_bind_relation *relation = &names->scope->relations[index];
        for (int32_t column = 0; column < relation->n_columns; column++) {
            cni_str copy; /* NUL-terminated */
            if (cni_arena_str(names->binder->arena, relation->columns[column].name, &copy, NULL) ==
                CN_OK) {
                candidates[n_filled++] = copy.data;
            }
        }
    }
    return cni_suggest(wanted.data, wanted.len_bytes, candidates, n_filled);
}

/* "t.a" where no table is called t here. */
static bool
table_is_unknown(const cni_bind_scope *scope, const cni_sql_name *name)
{
    for (int32_t index = 0; index < scope->n_relations; index++) {
        if (relation_matches(&scope->relations[index], name, false) ||
            relation_matches(&scope->relations[index], name, true)) {
            return false;
        }
    }
    return name->n_parts > 1;
}

static cn_code
unknown_table(cni_bind_names *names, const cni_sql_expr *expr, cn_error *err)
{
    const cni_bind_scope *scope = names->scope;
    const cni_str table = expr->name->parts[expr->name->n_parts - 2].text;
    const char **candidates = NULL;
    CN_TRY(cni_arena_alloc_array(names->binder->arena, scope->n_relations,
                                 (int64_t)sizeof(*candidates), &candidates, err));
    for (int32_t index = 0; index < scope->n_relations; index++) {
        cni_str copy;
        CN_TRY(cni_arena_str(names->binder->arena, scope->relations[index].alias, &copy, err));
        candidates[index] = copy.data;
    }
    const char *nearest = cni_suggest(table.data, table.len_bytes, candidates, scope->n_relations);
    return cni_bind_fail(err, CN_NOT_FOUND, "42P01", expr->node.offset, expr->node.length,
                         "table \"%.*s\" is not in FROM%s%s%s", CNI_STR_ARGS(table),
                         nearest == NULL ? "" : "; did you mean \"", nearest == NULL ? "" : nearest,
                         nearest == NULL ? "" : "\"?");
}

static cn_code
unknown_column(cni_bind_names *names, const cni_sql_expr *expr, cn_error *err)
{
    const cni_sql_name *name = expr->name;
    const cni_str last = name->parts[name->n_parts - 1].text;
    const char *nearest = nearest_column(names, last);
    if (names->scope == NULL || names->scope->n_relations == 0) {
        return cni_bind_fail(err, CN_NOT_FOUND, "42703", expr->node.offset, expr->node.length,
                             "column \"%.*s\" does not exist: there is no table here",
                             CNI_STR_ARGS(last));
    }
    if (table_is_unknown(names->scope, name)) {
        return unknown_table(names, expr, err);
    }
    return cni_bind_fail(err, CN_NOT_FOUND, "42703", expr->node.offset, expr->node.length,
                         "column \"%.*s\" does not exist%s%s%s", CNI_STR_ARGS(last),
                         nearest == NULL ? "" : "; did you mean \"", nearest == NULL ? "" : nearest,
                         nearest == NULL ? "" : "\"?");
}

cn_code
cni_bind_column(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
                cn_error *err)
{
    static const cni_bind_scope no_scope = {0};
    const cni_bind_scope *scope = names->scope == NULL ? &no_scope : names->scope;
    column_search search = search_columns(scope, expr->name, true);
    if (search.n_found == 0) {
        search = search_columns(scope, expr->name, false);
    }
    if (search.n_found > 1) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42702", expr->node.offset,
                             expr->node.length, "column reference \"%.*s\" is ambiguous",
                             CNI_STR_ARGS(expr->name->parts[expr->name->n_parts - 1].text));
    }
    if (search.n_found == 0) {
        const cni_expr *alias = find_alias(names, expr->name);
        if (alias == NULL) {
            return unknown_column(names, expr, err);
        }
        *out_expr = alias;
        return CN_OK;
    }
    const cni_expr *column = NULL;
    CN_TRY(
        cni_expr_column(names->binder->arena, search.found->id, search.found->type, &column, err));
    return cni_bind_place(names->binder, column, expr->node.offset, expr->node.length, out_expr,
                          err);
}

/* The plan's columns under the names that an alias list gives (fewer names than columns are
 * allowed). */
static cn_code
rename_columns(cni_binder *binder, const cni_plan *plan, cni_sql_ident_list names,
               const cni_column **out_columns, cn_error *err)
{
    *out_columns = plan->columns;
    if (names.n_items == 0) {
        return CN_OK;
    }
    cni_column *columns = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, plan->n_columns, (int64_t)sizeof(*columns),
                                 &columns, err));
    for (int32_t column = 0; column < plan->n_columns; column++) {
        columns[column] = plan->columns[column];
        if (column < names.n_items) {
            columns[column].name = names.items[column].text;
        }
    }
    *out_columns = columns;
    return CN_OK;
}

cn_code
cni_bind_scope_add(cni_binder *binder, cni_bind_scope *scope, cni_str schema, cni_str alias,
                   const cni_plan *plan, cni_sql_ident_list names, int64_t offset, int64_t length,
                   cn_error *err)
{
    if (names.n_items > plan->n_columns) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P10", offset, length,
                             "table \"%.*s\" has %d columns, but %d names are given",
                             CNI_STR_ARGS(alias), plan->n_columns, names.n_items);
    }
    const cni_column *columns = NULL;
    CN_TRY(rename_columns(binder, plan, names, &columns, err));
    cni_bind_relation *relations = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, scope->n_relations + 1, (int64_t)sizeof(*relations),
                                 &relations, err));
    if (scope->n_relations > 0) {
        memcpy(relations, scope->relations, (size_t)scope->n_relations * sizeof(*relations));
    }
    relations[scope->n_relations] = (cni_bind_relation){
        .schema = schema, .alias = alias, .n_columns = plan->n_columns, .columns = columns};
    scope->relations = relations;
    scope->n_relations++;
    return CN_OK;
}
