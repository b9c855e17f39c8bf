/* SPDX-License-Identifier: Apache-2.0
 *
 * Scopes: the names that one table makes visible, those of two joined ones, and further aliases
 * over the same columns. Scopes are immutable once they are given out; arrays are copied.
 */
#include "sql/bind/bind_int.h"

/* Columns under the names that an alias list gives (fewer names than columns are allowed). */
static cn_code
rename_columns(cni_binder *binder, int32_t n_columns, cni_sql_ident_list names,
               const cni_column **inout_columns, cn_error *err)
{
    if (names.n_items == 0) {
        return CN_OK;
    }
    cni_column *columns = NULL;
    CN_TRY(
        cni_arena_alloc_array(binder->arena, n_columns, (int64_t)sizeof(*columns), &columns, err));
    for (int32_t column = 0; column < n_columns; column++) {
        columns[column] = (*inout_columns)[column];
        if (column < names.n_items) {
            columns[column].name = names.items[column].text;
        }
    }
    *inout_columns = columns;
    return CN_OK;
}

cn_code
cni_bind_scope_of(cni_binder *binder, cni_str schema, cni_str alias, int32_t n_columns,
                  const cni_column *columns, cni_sql_ident_list names, int64_t offset,
                  int64_t length, cni_bind_scope *out_scope, cn_error *err)
{
    if (names.n_items > n_columns) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P10", offset, length,
                             "table \"%.*s\" has %d columns, but %d names are given",
                             CNI_STR_ARGS(alias), n_columns, names.n_items);
    }
    CN_TRY(rename_columns(binder, n_columns, names, &columns, err));
    cni_bind_relation *relation = NULL;
    CN_TRY(CN_ARENA_NEW(binder->arena, &relation, err));
    *relation = (cni_bind_relation){
        .schema = schema, .alias = alias, .n_columns = n_columns, .columns = columns};
    *out_scope = (cni_bind_scope){
        .n_relations = 1, .relations = relation, .n_columns = n_columns, .columns = columns};
    return CN_OK;
}

static cn_code
check_aliases(const cni_bind_scope *left, const cni_bind_scope *right, const cni_sql_node *place,
              cn_error *err)
{
    for (int32_t here = 0; here < right->n_relations; here++) {
        const cni_bind_relation *relation = &right->relations[here];
        for (int32_t before = 0; before < left->n_relations; before++) {
            const cni_bind_relation *other = &left->relations[before];
            if (relation->alias.len_bytes > 0 && cni_str_eq(relation->alias, other->alias) &&
                cni_str_eq(relation->schema, other->schema)) {
                return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42712", place->offset,
                                     place->length,
                                     "table name \"%.*s\" is there twice; give one an alias",
                                     CNI_STR_ARGS(relation->alias));
            }
        }
    }
    return CN_OK;
}

static void
copy_items(void *target, int64_t n_before, const void *items, int64_t n_items, int64_t item_bytes)
{
    if (n_items > 0) {
        memcpy((char *)target + n_before * item_bytes, items, (size_t)(n_items * item_bytes));
    }
}

cn_code
cni_bind_scope_join(cni_binder *binder, const cni_bind_scope *left, const cni_bind_scope *right,
                    const cni_sql_node *place, cni_bind_scope *out_scope, cn_error *err)
{
    cni_bind_relation *relations = NULL;
    cni_column *columns = NULL;
    const int64_t relation_bytes = (int64_t)sizeof(*relations);
    const int64_t column_bytes = (int64_t)sizeof(*columns);
    const int32_t n_relations = left->n_relations + right->n_relations;
    const int64_t n_columns = (int64_t)left->n_columns + right->n_columns;
    if (n_columns > CNI_BIND_MAX_COLUMNS) {
        return cni_bind_fail(err, CN_LIMIT_EXCEEDED, "54011", place->offset, place->length,
                             "FROM has more than %d columns (CNI_BIND_MAX_COLUMNS)",
                             CNI_BIND_MAX_COLUMNS);
    }
    CN_TRY(check_aliases(left, right, place, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, n_relations, relation_bytes, &relations, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, n_columns, column_bytes, &columns, err));
    copy_items(relations, 0, left->relations, left->n_relations, relation_bytes);
    copy_items(relations, left->n_relations, right->relations, right->n_relations, relation_bytes);
    copy_items(columns, 0, left->columns, left->n_columns, column_bytes);
    copy_items(columns, left->n_columns, right->columns, right->n_columns, column_bytes);
    *out_scope = (cni_bind_scope){.n_relations = n_relations,
                                  .relations = relations,
                                  .n_columns = (int32_t)n_columns,
                                  .columns = columns,
                                  .is_recursive = left->is_recursive || right->is_recursive};
    return CN_OK;
}

cn_code
cni_bind_scope_push(cni_binder *binder, cni_bind_scope *scope, const cni_bind_relation *relation,
                    cn_error *err)
{
    cni_bind_relation *relations = NULL;
    const int64_t item_bytes = (int64_t)sizeof(*relations);
    CN_TRY(
        cni_arena_alloc_array(binder->arena, scope->n_relations + 1, item_bytes, &relations, err));
    copy_items(relations, 0, scope->relations, scope->n_relations, item_bytes);
    relations[scope->n_relations] = *relation;
    scope->relations = relations;
    scope->n_relations++;
    return CN_OK;
}
