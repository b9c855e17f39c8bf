/* SPDX-License-Identifier: Apache-2.0
 *
 * What a column name means: a column of this query, then the name of one of its outputs, then a
 * column of the query around it, and so on outwards. An exact match wins over one that ignores
 * case; quoted names match exactly only; two matches of the same quality are ambiguous.
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

/* Whether the first n_parts parts of `name` mean the relation. */
static bool
relation_matches(const cni_bind_relation *relation, const cni_sql_name *name, int32_t n_parts,
                 bool exact)
{
    if (!cni_bind_name_matches(&name->parts[n_parts - 1], relation->alias, exact)) {
        return false;
    }
    return n_parts < 2 ||
           cni_bind_name_matches(&name->parts[n_parts - 2], relation->schema, true) ||
           cni_bind_name_matches(&name->parts[n_parts - 2], relation->schema, false);
}

const cni_bind_relation *
cni_bind_find_relation(const cni_bind_scope *scope, const cni_sql_name *name, int32_t n_parts)
{
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t index = 0; index < scope->n_relations; index++) {
            if (relation_matches(&scope->relations[index], name, n_parts, pass == 0)) {
                return &scope->relations[index];
            }
        }
    }
    return NULL;
}

typedef struct column_search {
    const cni_column *found;
    int32_t n_found;
} column_search;

static column_search
search_columns(const cni_column *columns, int32_t n_columns, const cni_sql_ident *name)
{
    column_search search = {0};
    for (int32_t pass = 0; pass < 2 && search.n_found == 0; pass++) {
        for (int32_t column = 0; column < n_columns; column++) {
            if (cni_bind_name_matches(name, columns[column].name, pass == 0)) {
                search.found = &columns[column];
                search.n_found++;
            }
        }
    }
    return search;
}

static column_search
search_scope(const cni_bind_scope *scope, const cni_sql_name *name)
{
    const cni_sql_ident *last = &name->parts[name->n_parts - 1];
    if (scope == NULL) {
        return (column_search){0};
    }
    if (name->n_parts == 1) {
        return search_columns(scope->columns, scope->n_columns, last);
    }
    const cni_bind_relation *relation = cni_bind_find_relation(scope, name, name->n_parts - 1);
    return relation == NULL ? (column_search){0}
                            : search_columns(relation->columns, relation->n_columns, last);
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

/* Names for suggestions, NUL-terminated; without memory there are fewer. */
typedef struct candidate_list {
    cni_arena *arena;
    const char **names;
    int64_t n_names;
    int64_t cap_names;
} candidate_list;

static void
add_candidate(candidate_list *self, cni_str name)
{
    cni_str copy;
    if (self->n_names < self->cap_names && cni_arena_str(self->arena, name, &copy, NULL) == CN_OK) {
        self->names[self->n_names++] = copy.data;
    }
}

static void
begin_candidates(candidate_list *self, cni_arena *arena, int64_t n_names)
{
    *self = (candidate_list){.arena = arena};
    if (cni_arena_alloc_array(arena, n_names, (int64_t)sizeof(*self->names), &self->names, NULL) ==
        CN_OK) {
        self->cap_names = n_names;
    }
}

/* The nearest column name of this query and those around it, for the error. */
static const char *
nearest_column(const cni_bind_names *names, const cni_sql_name *wanted)
{
    const cni_str last = wanted->parts[wanted->n_parts - 1].text;
    int64_t n_names = 0;
    for (const cni_bind_names *level = names; level != NULL; level = level->outer) {
        n_names += level->scope == NULL ? 0 : level->scope->n_columns;
    }
    candidate_list list;
    begin_candidates(&list, names->binder->arena, n_names);
    for (const cni_bind_names *level = names; level != NULL; level = level->outer) {
        for (int32_t column = 0; level->scope != NULL && column < level->scope->n_columns;
             column++) {
            add_candidate(&list, level->scope->columns[column].name);
        }
    }
    return cni_suggest(last.data, last.len_bytes, list.names, list.n_names);
}

static int64_t
count_relations(const cni_bind_names *names)
{
    int64_t n_relations = 0;
    for (const cni_bind_names *level = names; level != NULL; level = level->outer) {
        n_relations += level->scope == NULL ? 0 : level->scope->n_relations;
    }
    return n_relations;
}

/* The relation before the dot, here or further out. */
static const cni_bind_relation *
find_qualifier(const cni_bind_names *names, const cni_sql_name *name)
{
    const cni_bind_relation *found = NULL;
    for (const cni_bind_names *level = names; level != NULL && found == NULL;
         level = level->outer) {
        if (level->scope != NULL) {
            found = cni_bind_find_relation(level->scope, name, name->n_parts - 1);
        }
    }
    return found;
}

static cn_code
unknown_table(const cni_bind_names *names, const cni_sql_expr *expr, cn_error *err)
{
    const cni_str table = expr->name->parts[expr->name->n_parts - 2].text;
    candidate_list list;
    begin_candidates(&list, names->binder->arena, count_relations(names));
    for (const cni_bind_names *level = names; level != NULL; level = level->outer) {
        for (int32_t index = 0; level->scope != NULL && index < level->scope->n_relations;
             index++) {
            add_candidate(&list, level->scope->relations[index].alias);
        }
    }
    const char *nearest = cni_suggest(table.data, table.len_bytes, list.names, list.n_names);
    return cni_bind_fail(err, CN_NOT_FOUND, "42P01", expr->node.offset, expr->node.length,
                         "table \"%.*s\" is not in FROM%s%s%s", CNI_STR_ARGS(table),
                         nearest == NULL ? "" : "; did you mean \"", nearest == NULL ? "" : nearest,
                         nearest == NULL ? "" : "\"?");
}

static cn_code
unknown_column(const cni_bind_names *names, const cni_sql_expr *expr, cn_error *err)
{
    const cni_sql_name *name = expr->name;
    const cni_str last = name->parts[name->n_parts - 1].text;
    if (count_relations(names) == 0) {
        return cni_bind_fail(err, CN_NOT_FOUND, "42703", expr->node.offset, expr->node.length,
                             "column \"%.*s\" does not exist: there is no table here",
                             CNI_STR_ARGS(last));
    }
    if (name->n_parts > 1 && find_qualifier(names, name) == NULL) {
        return unknown_table(names, expr, err);
    }
    const char *nearest = nearest_column(names, name);
    return cni_bind_fail(err, CN_NOT_FOUND, "42703", expr->node.offset, expr->node.length,
                         "column \"%.*s\" does not exist%s%s%s", CNI_STR_ARGS(last),
                         nearest == NULL ? "" : "; did you mean \"", nearest == NULL ? "" : nearest,
                         nearest == NULL ? "" : "\"?");
}

/* Note on the way that `level` is named from `names`. */
static void
mark_levels(cni_bind_names *names, cni_bind_names *level)
{
    for (cni_bind_names *between = names; between != level; between = between->outer) {
        between->reaches_out = true;
    }
    level->is_named = level->is_named || names != level;
}

cn_code
cni_bind_column(cni_bind_names *names, const cni_sql_expr *expr, const cni_expr **out_expr,
                cn_error *err)
{
    column_search search = {0};
    cni_bind_names *level = names;
    for (; level != NULL; level = level->outer) {
        search = search_scope(level->scope, expr->name);
        if (search.n_found > 0) {
            break;
        }
        const cni_expr *alias = level == names ? find_alias(names, expr->name) : NULL;
        if (alias != NULL) {
            *out_expr = alias;
            return CN_OK;
        }
    }
    if (level == NULL) {
        return unknown_column(names, expr, err);
    }
    if (search.n_found > 1) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42702", expr->node.offset,
                             expr->node.length, "column reference \"%.*s\" is ambiguous",
                             CNI_STR_ARGS(expr->name->parts[expr->name->n_parts - 1].text));
    }
    mark_levels(names, level);
    const cni_expr *column = NULL;
    CN_TRY(
        cni_expr_column(names->binder->arena, search.found->id, search.found->type, &column, err));
    return cni_bind_place(names->binder, column, expr->node.offset, expr->node.length, out_expr,
                          err);
}
