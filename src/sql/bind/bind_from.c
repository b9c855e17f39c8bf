/* SPDX-License-Identifier: Apache-2.0
 *
 * One item of FROM: a table or view of the catalog, a WITH query, a file by its path, a derived
 * table, a table function. bind_join.c puts several together.
 */
#include "plan/eval/program.h"
#include "sql/bind/bind_select_int.h"
#include "sql/parse/parse.h"

/* The part of a path that names a table: its last component without the ending. */
static cni_str
path_alias(cni_str path)
{
    int64_t start = path.len_bytes;
    while (start > 0 && path.data[start - 1] != '/') {
        start--;
    }
    cni_str name = {path.data + start, path.len_bytes - start};
    for (int64_t index = name.len_bytes - 1; index > 0; index--) {
        if (name.data[index] == '.') {
            name.len_bytes = index;
            break;
        }
    }
    return name;
}

static cn_code
column_names(cni_binder *binder, const cni_sql_from *from, cni_sql_ident_list *out_names,
             cn_error *err)
{
    cni_sql_ident *names = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, from->n_column_aliases, (int64_t)sizeof(*names),
                                 &names, err));
    for (int32_t column = 0; column < from->n_column_aliases; column++) {
        if (from->column_aliases[column].type != NULL) {
            return cni_bind_refuse(err, from->node.offset, from->node.length,
                                   "column definitions behind a function");
        }
        names[column] = from->column_aliases[column].name;
    }
    *out_names = (cni_sql_ident_list){.n_items = from->n_column_aliases, .items = names};
    return CN_OK;
}

/* Scan of a table that `recipe` describes. The arena keeps the table. */
static cn_code
scan_recipe(cni_binder *binder, const cni_table_recipe *recipe, cni_str name, int64_t offset,
            int64_t length, const cni_plan **out_plan, cn_error *err)
{
    CN_SCOPED(cni_table_p) table = NULL;
    const cn_code code = binder->env->open_table(binder->env->private_data, recipe, &table, err);
    if (code != CN_OK) {
        cni_error_position(err, offset, length);
        return code;
    }
    return cni_plan_scan(&binder->builder, table, name, NULL, table->schema->n_fields, out_plan,
                         err);
}

static cn_code
bind_file(cni_binder *binder, const cni_sql_from *from, const cni_plan **out_plan, cn_error *err)
{
    cni_value *path = NULL;
    cni_str *name = NULL;
    CN_TRY(CN_ARENA_NEW(binder->arena, &path, err));
    CN_TRY(CN_ARENA_NEW(binder->arena, &name, err));
    *path = (cni_value){.type = cni_type_of(CNI_TYPE_VARCHAR), .as.bytes = from->path};
    const cni_table_recipe recipe = {
        .function = CNI_STR("read_parquet"), .n_args = 1, .args = path, .arg_names = name};
    return scan_recipe(binder, &recipe, from->path, from->node.offset, from->node.length, out_plan,
                       err);
}

/* A list literal of constants, for read_parquet(['a', 'b']). */
static cn_code
constant_list(cni_bind_names *names, const cni_sql_expr *expr, cni_value *out_value, cn_error *err)
{
    cni_value *items = NULL;
    const cni_type *type = NULL;
    CN_TRY(cni_arena_alloc_array(names->binder->arena, expr->n_args, (int64_t)sizeof(*items),
                                 &items, err));
    for (int32_t item = 0; item < expr->n_args; item++) {
        CN_TRY(cni_bind_constant(names->binder->env, expr->args[item], &items[item], err));
    }
    CN_TRY(cni_type_list(names->binder->arena,
                         expr->n_args == 0 ? cni_type_of(CNI_TYPE_NULL) : items[0].type, &type,
                         err));
    *out_value = (cni_value){.type = type};
    out_value->as.nested.n_items = expr->n_args;
    out_value->as.nested.items = items;
    return CN_OK;
}

cn_code
cni_bind_constant(const cni_bind_env *env, const cni_sql_expr *expr, cni_value *out_value,
                  cn_error *err)
{
    cni_binder binder = {.env = env, .arena = env->arena};
    cni_bind_names names = {.binder = &binder, .clause = CNI_CLAUSE_CONSTANT};
    if (expr->kind == CNI_SQL_EXPR_LIST) {
        return constant_list(&names, expr, out_value, err);
    }
    const cni_expr *bound = NULL;
    CN_TRY(cni_bind_expr(&names, expr, &bound, err));
    const cn_code code = cni_expr_evaluate(env->arena, bound, env->context, out_value, err);
    if (code != CN_OK) {
        cni_error_position(err, expr->node.offset, expr->node.length);
    }
    return code;
}

/* Arguments are constants: columns of what stands before are known but refused. */
static cn_code
refuse_lateral_argument(cni_binder *binder, cni_bind_names *lateral, const cni_sql_expr *expr,
                        cn_error *err)
{
    cni_bind_names names = {.binder = binder, .outer = lateral, .clause = CNI_CLAUSE_CONSTANT};
    const cni_expr *bound = NULL;
    if (lateral == NULL || expr->kind == CNI_SQL_EXPR_LIST ||
        cni_bind_expr(&names, expr, &bound, NULL) != CN_OK || !cni_bind_needs_rows(bound)) {
        return CN_OK;
    }
    return cni_bind_refuse(err, expr->node.offset, expr->node.length,
                           "columns as arguments of table functions (LATERAL)");
}

static cn_code
bind_table_function(cni_binder *binder, cni_bind_names *lateral, const cni_sql_from *from,
                    const cni_plan **out_plan, cni_str *out_alias, cn_error *err)
{
    const cni_sql_expr *call = from->functions.items[0];
    if (from->functions.n_items != 1 || from->with_ordinality ||
        call->kind != CNI_SQL_EXPR_FUNCTION) {
        return cni_bind_refuse(err, from->node.offset, from->node.length,
                               "ROWS FROM and WITH ORDINALITY");
    }
    cni_value *args = NULL;
    cni_str *arg_names = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, call->n_args, (int64_t)sizeof(*args), &args, err));
    CN_TRY(cni_arena_alloc_array(binder->arena, call->n_args, (int64_t)sizeof(*arg_names),
                                 &arg_names, err));
    for (int32_t arg = 0; arg < call->n_args; arg++) {
        CN_TRY(refuse_lateral_argument(binder, lateral, call->args[arg], err));
        CN_TRY(cni_bind_constant(binder->env, call->args[arg], &args[arg], err));
        if (call->arg_names != NULL) {
            arg_names[arg] = call->arg_names[arg].text;
        }
    }
    const cni_str name = call->name->parts[call->name->n_parts - 1].text;
    const cni_table_recipe recipe = {
        .function = name, .n_args = call->n_args, .args = args, .arg_names = arg_names};
    *out_alias = name;
    const int64_t offset = from->node.offset;
    const int64_t length = from->node.length;
    const cn_code code = scan_recipe(binder, &recipe, name, offset, length, out_plan, err);
    if (code == CN_NOT_FOUND) { /* the function or its file */
        CN_TRY(cni_bind_refuse_later(CNI_BIND_LATER_TABLE, name, offset, length, err));
    }
    return code;
}

/* A view that is a plan already; it counts as as many queries as it has nodes on its longest way.
 */
static cn_code
bind_view_plan(cni_binder *binder, const cni_sql_from *from, const cni_catalog_entry *entry,
               const cni_plan **out_plan, cn_error *err)
{
    binder->n_queries += entry->view_plan->depth;
    if (binder->n_queries > CNI_BIND_MAX_QUERIES) {
        return cni_bind_fail(err, CN_LIMIT_EXCEEDED, "54001", from->node.offset, from->node.length,
                             "more than %d queries in one statement, views and WITH counted at "
                             "each use (CNI_BIND_MAX_QUERIES)",
                             CNI_BIND_MAX_QUERIES);
    }
    CN_TRY(cni_arena_keep(binder->arena, entry->view_arena, err));
    return cni_plan_shift_ids(&binder->builder, entry->view_plan, out_plan, err);
}

static cn_code
bind_view(cni_binder *binder, const cni_sql_from *from, const cni_catalog_entry *entry,
          const cni_plan **out_plan, cn_error *err)
{
    if (entry->view_plan != NULL) {
        return bind_view_plan(binder, from, entry, out_plan, err);
    }
    if (binder->view_depth >= CNI_BIND_MAX_VIEW_DEPTH) {
        return cni_bind_fail(err, CN_LIMIT_EXCEEDED, "54001", from->node.offset, from->node.length,
                             "views nest at most %d deep (CNI_BIND_MAX_VIEW_DEPTH)",
                             CNI_BIND_MAX_VIEW_DEPTH);
    }
    const cni_sql_query *query = NULL;
    binder->view_depth++;
    cn_code code = cni_sql_parse_query(binder->arena, entry->view_sql, &query, err);
    if (code == CN_OK) {
        const cni_bind_around nothing = {0};
        code = cni_bind_query_in(binder, &nothing, query, out_plan, err);
    }
    binder->view_depth--;
    if (code != CN_OK && err != NULL) {
        cni_error_context(err, "view \"%.*s\"", CNI_STR_ARGS(entry->name));
        err->sql_offset = from->node.offset; /* the place in the view's text means nothing here */
        err->sql_length = from->node.length;
    }
    return code;
}

/* Names given with CREATE VIEW v(a, b). */
static cn_code
view_names(cni_binder *binder, const cni_catalog_entry *entry, cni_sql_ident_list *out_names,
           cn_error *err)
{
    cni_sql_ident *names = NULL;
    CN_TRY(cni_arena_alloc_array(binder->arena, entry->n_view_columns, (int64_t)sizeof(*names),
                                 &names, err));
    for (int32_t column = 0; column < entry->n_view_columns; column++) {
        names[column] = (cni_sql_ident){.text = entry->view_columns[column], .quoted = true};
    }
    *out_names = (cni_sql_ident_list){.n_items = entry->n_view_columns, .items = names};
    return CN_OK;
}

static cn_code
bind_catalog_table(cni_binder *binder, const cni_sql_from *from, const cni_plan **out_plan,
                   cni_sql_ident_list *inout_names, cni_str *out_schema, cni_str *out_alias,
                   cn_error *err)
{
    const cni_sql_name *name = from->name;
    const cni_catalog_entry *entry = NULL;
    if (name->n_parts > 2) {
        return cni_bind_refuse(err, name->offset, name->length, "names of other databases");
    }
    const cni_str schema = name->n_parts == 2 ? name->parts[0].text : (cni_str){0};
    const cn_code code = cni_catalog_find(binder->env->catalog, schema,
                                          name->parts[name->n_parts - 1].text, &entry, err);
    if (code != CN_OK) {
        cni_error_position(err, name->offset, name->length);
        return code;
    }
    *out_schema = entry->schema;
    *out_alias = entry->name;
    if (entry->kind == CNI_ENTRY_VIEW) {
        CN_TRY(bind_view(binder, from, entry, out_plan, err));
        return inout_names->n_items > 0 ? CN_OK : view_names(binder, entry, inout_names, err);
    }
    return cni_plan_scan(&binder->builder, entry->table, entry->name, NULL,
                         entry->table->schema->n_fields, out_plan, err);
}

/* One item at work: what it becomes and the names it has by itself. */
typedef struct from_state {
    cni_binder *binder;
    const cni_bind_around *around;
    cni_bind_names *lateral;
    const cni_plan *plan;
    cni_sql_ident_list names; /* of columns */
    cni_str schema;
    cni_str alias;
    bool is_recursive;
} from_state;

static cn_code
bind_named(from_state *state, const cni_sql_from *from, cn_error *err)
{
    cni_bind_cte *cte = NULL;
    if (from->name->n_parts == 1) {
        CN_TRY(cni_bind_find_cte(state->around->ctes, &from->name->parts[0], &cte, err));
    }
    if (cte == NULL) {
        return bind_catalog_table(state->binder, from, &state->plan, &state->names, &state->schema,
                                  &state->alias, err);
    }
    state->alias = cte->name.text;
    state->is_recursive = cte->kind == CNI_BIND_CTE_SELF;
    if (state->names.n_items == 0) {
        state->names = cte->columns;
    }
    return cni_bind_use_cte(state->binder, cte, &state->plan, err);
}

static cn_code
refuse_from(const cni_sql_from *from, cn_error *err)
{
    if (from->sample != NULL) {
        return cni_bind_refuse(err, from->sample->offset, from->sample->length,
                               "samples of tables");
    }
    if (from->kind == CNI_SQL_FROM_PIVOT || from->kind == CNI_SQL_FROM_UNPIVOT) {
        return cni_bind_refuse(err, from->node.offset, from->node.length, "PIVOT and UNPIVOT");
    }
    return CN_OK;
}

/* (a JOIN b ...) with or without an alias; the alias hides the names inside. */
static cn_code
bind_join_item(const from_state *state, const cni_sql_from *from, cni_bind_input *out_input,
               cn_error *err)
{
    cni_bind_input input = {0};
    CN_TRY(cni_bind_joins(state->binder, state->around, state->lateral, from, &input, err));
    if (from->alias.text.data != NULL) {
        const cni_str no_schema = {0};
        const bool is_recursive = input.scope.is_recursive;
        CN_TRY(cni_bind_scope_of(state->binder, no_schema, from->alias.text, input.scope.n_columns,
                                 input.scope.columns, state->names, from->node.offset,
                                 from->node.length, &input.scope, err));
        input.scope.is_recursive = is_recursive;
    }
    *out_input = input;
    return CN_OK;
}

static cn_code
bind_derived(from_state *state, const cni_sql_from *from, cn_error *err)
{
    cni_bind_around around = *state->around;
    if (from->lateral && state->lateral != NULL) {
        around.outer = state->lateral;
    }
    return cni_bind_query_in(state->binder, &around, from->query, &state->plan, err);
}

static cn_code
bind_table_item(from_state *state, const cni_sql_from *from, cn_error *err)
{
    switch ((cni_sql_from_kind)from->kind) {
    case CNI_SQL_FROM_TABLE:
        return bind_named(state, from, err);
    case CNI_SQL_FROM_FILE:
        state->alias = path_alias(from->path);
        return bind_file(state->binder, from, &state->plan, err);
    case CNI_SQL_FROM_QUERY:
        return bind_derived(state, from, err);
    case CNI_SQL_FROM_FUNCTION:
        return bind_table_function(state->binder, state->lateral, from, &state->plan, &state->alias,
                                   err);
    default:
        return CN_FAIL(err, CN_INTERNAL, "unknown kind of FROM item (%d)", from->kind);
    }
}

cn_code
cni_bind_from_item(cni_binder *binder, const cni_bind_around *around, cni_bind_names *lateral,
                   const cni_sql_from *from, cni_bind_input *out_input, cn_error *err)
{
    from_state state = {.binder = binder, .around = around, .lateral = lateral};
    CN_TRY(refuse_from(from, err));
    CN_TRY(column_names(binder, from, &state.names, err));
    if (from->kind == CNI_SQL_FROM_JOIN) {
        return bind_join_item(&state, from, out_input, err);
    }
    CN_TRY(bind_table_item(&state, from, err));
    if (state.plan == NULL) {
        return CN_FAIL(err, CN_INTERNAL, "a FROM item became no plan");
    }
    if (from->alias.text.data != NULL) {
        state.alias = from->alias.text;
        state.schema = (cni_str){0};
    }
    CN_TRY(cni_bind_scope_of(binder, state.schema, state.alias, state.plan->n_columns,
                             state.plan->columns, state.names, from->node.offset, from->node.length,
                             &out_input->scope, err));
    out_input->scope.is_recursive = state.is_recursive;
    out_input->plan = state.plan;
    return CN_OK;
}
