/* SPDX-License-Identifier: Apache-2.0
 *
 * Select lists and their stars: *, t.*, EXCLUDE, REPLACE, RENAME, LIKE.
 */
#include "sql/bind/bind_select_int.h"
#include "sql/parse/ast_print.h"

cn_code
cni_bind_items_push(cni_binder *binder, cni_bind_items *self, const cni_bind_item *item,
                    cn_error *err)
{
    if (self->n_items == self->cap_items) {
        if (self->n_items >= CNI_BIND_MAX_COLUMNS) {
            return CN_FAIL(err, CN_LIMIT_EXCEEDED,
                           "a select list has at most %d columns (CNI_BIND_MAX_COLUMNS)",
                           CNI_BIND_MAX_COLUMNS);
        }
        const int32_t cap = self->cap_items == 0 ? 16 : self->cap_items * 2;
        cni_bind_item *items = NULL;
        CN_TRY(cni_arena_alloc_array(binder->arena, cap, (int64_t)sizeof(*items), &items, err));
        if (self->n_items > 0) {
            memcpy(items, self->items, (size_t)self->n_items * sizeof(*items));
        }
        self->items = items;
        self->cap_items = cap;
    }
    self->items[self->n_items++] = *item;
    return CN_OK;
}

/* The star item that names the column, or NULL; *out_used is set. */
static const cni_sql_star_item *
find_item(const cni_sql_star_item *items, int32_t n_items, cni_str name, uint64_t *inout_used)
{
    for (int32_t item = 0; item < n_items; item++) {
        const cni_sql_ident *ident = &items[item].column.parts[items[item].column.n_parts - 1];
        if (cni_bind_name_matches(ident, name, true) || cni_bind_name_matches(ident, name, false)) {
            *inout_used |= UINT64_C(1) << (item & 63);
            return &items[item];
        }
    }
    return NULL;
}

static cn_code
check_used(const cni_sql_expr *expr, const cni_sql_star_item *items, int32_t n_items, uint64_t used,
           const char *clause, cn_error *err)
{
    for (int32_t item = 0; item < n_items && item < 64; item++) {
        if (((used >> item) & 1) == 0) {
            const cni_sql_name *name = &items[item].column;
            return cni_bind_fail(err, CN_NOT_FOUND, "42703", name->offset, name->length,
                                 "%s: column \"%.*s\" does not exist", clause,
                                 CNI_STR_ARGS(name->parts[name->n_parts - 1].text));
        }
    }
    (void)expr;
    return CN_OK;
}

typedef struct star_used {
    uint64_t exclude;
    uint64_t replace;
    uint64_t rename;
} star_used;

static cn_code
push_star_column(cni_bind_names *names, const cni_sql_expr *expr, const cni_column *column,
                 star_used *inout_used, cni_bind_items *items, cn_error *err)
{
    const cni_sql_star *star = expr->star;
    cni_bind_item item = {.name = column->name};
    if (find_item(star->exclude, star->n_exclude, column->name, &inout_used->exclude) != NULL) {
        return CN_OK;
    }
    const cni_sql_star_item *replace =
        find_item(star->replace, star->n_replace, column->name, &inout_used->replace);
    const cni_sql_star_item *rename =
        find_item(star->rename, star->n_rename, column->name, &inout_used->rename);
    if (rename != NULL) {
        item.name = rename->new_name.text;
    }
    if (replace != NULL) {
        CN_TRY(cni_bind_expr(names, replace->expr, &item.expr, err));
    } else {
        CN_TRY(cni_expr_column(names->binder->arena, column->id, column->type, &item.expr, err));
        CN_TRY(cni_bind_place(names->binder, item.expr, expr->node.offset, expr->node.length,
                              &item.expr, err));
    }
    return cni_bind_items_push(names->binder, items, &item, err);
}

/* The columns that `*` or `t.*` stands for. */
static cn_code
star_columns(const cni_bind_names *names, const cni_sql_expr *expr, const cni_column **out_columns,
             int32_t *out_n_columns, cn_error *err)
{
    const cni_sql_star *star = expr->star;
    const cni_bind_scope *scope = names->scope;
    const cni_bind_relation *relation = NULL;
    if (star->has_name && scope != NULL) {
        relation = cni_bind_find_relation(scope, &star->name, star->name.n_parts);
    }
    if (scope == NULL || scope->n_relations == 0 || (star->has_name && relation == NULL)) {
        return cni_bind_fail(err, CN_INVALID_ARGUMENT, "42P01", expr->node.offset,
                             expr->node.length,
                             star->has_name ? "there is no table of that name in FROM"
                                            : "SELECT * needs a FROM clause");
    }
    *out_columns = relation == NULL ? scope->columns : relation->columns;
    *out_n_columns = relation == NULL ? scope->n_columns : relation->n_columns;
    return CN_OK;
}

cn_code
cni_bind_star(cni_bind_names *names, const cni_sql_expr *expr, cni_bind_items *items, cn_error *err)
{
    const cni_sql_star *star = expr->star;
    const cni_column *columns = NULL;
    int32_t n_columns = 0;
    star_used used = {0};
    if (star->like_op != CNI_SQL_OP_NONE) {
        return cni_bind_refuse(err, expr->node.offset, expr->node.length, "* LIKE patterns");
    }
    CN_TRY(star_columns(names, expr, &columns, &n_columns, err));
    for (int32_t column = 0; column < n_columns; column++) {
        CN_TRY(push_star_column(names, expr, &columns[column], &used, items, err));
    }
    CN_TRY(check_used(expr, star->exclude, star->n_exclude, used.exclude, "EXCLUDE", err));
    CN_TRY(check_used(expr, star->replace, star->n_replace, used.replace, "REPLACE", err));
    return check_used(expr, star->rename, star->n_rename, used.rename, "RENAME", err);
}

cn_code
cni_bind_targets(cni_bind_names *names, const cni_sql_select *select, cni_bind_items *out_items,
                 cn_error *err)
{
    for (int32_t target = 0; target < select->targets.n_items; target++) {
        const cni_sql_target *written = &select->targets.items[target];
        if (written->expr->kind == CNI_SQL_EXPR_STAR) {
            CN_TRY(cni_bind_star(names, written->expr, out_items, err));
            continue;
        }
        cni_bind_item item = {.name = written->alias.text, .source = written->expr};
        if (item.name.data == NULL) {
            CN_TRY(cni_sql_default_name(names->binder->arena, written->expr, &item.name, err));
        }
        CN_TRY(cni_bind_expr(names, written->expr, &item.expr, err));
        CN_TRY(cni_bind_items_push(names->binder, out_items, &item, err));
    }
    return CN_OK;
}
