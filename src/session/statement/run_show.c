/* SPDX-License-Identifier: Apache-2.0
 *
 * SHOW and DESCRIBE: facts about the session as rows of text.
 */
#include "session/statement/statement_int.h"

#include "data/kernel/ops.h"

/* Growing rows of text cells. */
typedef struct text_rows {
    cni_arena *arena;
    cni_str *cells;
    int64_t n_cells;
    int64_t cap_cells;
    cn_code code;
    cn_error *err;
} text_rows;

static cn_code
push_cell(text_rows *rows, cni_str cell)
{
    if (rows->n_cells == rows->cap_cells) {
        const int64_t cap = rows->cap_cells == 0 ? 64 : rows->cap_cells * 2;
        cni_str *cells = NULL;
        CN_TRY(cni_arena_alloc_array(rows->arena, cap, (int64_t)sizeof(*cells), &cells, rows->err));
        if (rows->n_cells > 0) {
            memcpy(cells, rows->cells, (size_t)rows->n_cells * sizeof(*cells));
        }
        rows->cells = cells;
        rows->cap_cells = cap;
    }
    return cni_arena_str(rows->arena, cell, &rows->cells[rows->n_cells++], rows->err);
}

cn_code
cni_plan_of_texts(cni_arena *arena, const char *const *columns, int32_t n_columns,
                  const cni_str *cells, int64_t n_rows, const cni_plan **out_plan, cn_error *err)
{
    cni_field *fields = NULL;
    const cni_expr **exprs = NULL;
    cni_plan_builder builder;
    CN_TRY(cni_arena_alloc_array(arena, n_columns, (int64_t)sizeof(*fields), &fields, err));
    CN_TRY(cni_arena_alloc_array(arena, n_rows * n_columns, (int64_t)sizeof(*exprs), &exprs, err));
    for (int32_t column = 0; column < n_columns; column++) {
        fields[column] = (cni_field){.name = cni_str_of(columns[column]),
                                     .type = cni_type_of(CNI_TYPE_VARCHAR),
                                     .nullable = true};
    }
    for (int64_t cell = 0; cell < n_rows * n_columns; cell++) {
        const cni_value value = {.type = cni_type_of(CNI_TYPE_VARCHAR),
                                 .is_null = cells[cell].data == NULL,
                                 .as.bytes = cells[cell]};
        CN_TRY(cni_expr_literal(arena, &value, &exprs[cell], err));
    }
    cni_plan_builder_init(&builder, arena, 0);
    return cni_plan_values(&builder, fields, n_columns, exprs, n_rows, out_plan, err);
}

static cn_code
finish(text_rows *rows, const char *const *columns, int32_t n_columns, const cni_plan **out_plan)
{
    return cni_plan_of_texts(rows->arena, columns, n_columns, rows->cells,
                             rows->n_cells / n_columns, out_plan, rows->err);
}

cn_code
cni_plan_describe(cni_statement_work *work, const cni_plan *plan, const cni_plan **out_plan,
                  cn_error *err)
{
    static const char *const columns[] = {"column_name", "column_type", "null"};
    text_rows rows = {.arena = work->arena, .err = err};
    for (int32_t column = 0; column < plan->n_columns; column++) {
        cni_str type;
        CN_TRY(cni_type_name(work->arena, plan->columns[column].type, &type, err));
        CN_TRY(push_cell(&rows, plan->columns[column].name));
        CN_TRY(push_cell(&rows, type));
        CN_TRY(push_cell(&rows, plan->columns[column].nullable ? CNI_STR("YES") : CNI_STR("NO")));
    }
    return finish(&rows, columns, CN_ARRAY_LEN(columns), out_plan);
}

static cn_code
show_one_setting(cni_statement_work *work, cni_str name, const cni_plan **out_plan, cn_error *err)
{
    const cni_setting *setting = NULL;
    char text[CNI_SETTING_TEXT_BYTES];
    CN_TRY(cni_setting_find(name, &setting, err));
    cni_settings_get(&work->settings, setting, text);
    cni_str cell;
    CN_TRY(cni_arena_str(work->arena, cni_str_of(text), &cell, err));
    return cni_plan_of_texts(work->arena, &setting->name, 1, &cell, 1, out_plan, err);
}

static cn_code
show_settings(cni_statement_work *work, const cni_plan **out_plan, cn_error *err)
{
    static const char *const columns[] = {"name", "setting", "description"};
    const cni_setting *settings = NULL;
    const int32_t n_settings = cni_setting_list(&settings);
    text_rows rows = {.arena = work->arena, .err = err};
    for (int32_t setting = 0; setting < n_settings; setting++) {
        char text[CNI_SETTING_TEXT_BYTES];
        cni_settings_get(&work->settings, &settings[setting], text);
        CN_TRY(push_cell(&rows, cni_str_of(settings[setting].name)));
        CN_TRY(push_cell(&rows, cni_str_of(text)));
        CN_TRY(push_cell(&rows, cni_str_of(settings[setting].description)));
    }
    return finish(&rows, columns, CN_ARRAY_LEN(columns), out_plan);
}

static bool
matches_pattern(cni_statement_work *work, const cni_sql_show *show, cni_str name)
{
    cni_like *like = NULL;
    if (show->like_op == CNI_SQL_OP_NONE) {
        return true;
    }
    return cni_like_new(work->arena, show->pattern, (cni_str){0}, show->like_op == CNI_SQL_OP_ILIKE,
                        &like, NULL) == CN_OK &&
           cni_like_match(like, name);
}

static cn_code
show_entries(cni_statement_work *work, const cni_sql_show *show, const cni_plan **out_plan,
             cn_error *err)
{
    static const char *const columns[] = {"schema", "name", "kind"};
    text_rows rows = {.arena = work->arena, .err = err};
    for (int64_t index = 0; index < cni_catalog_count(work->catalog); index++) {
        const cni_catalog_entry *entry = cni_catalog_at(work->catalog, index);
        const bool is_view = entry->kind == CNI_ENTRY_VIEW;
        if ((show->kind == CNI_SQL_SHOW_VIEWS && !is_view) ||
            !matches_pattern(work, show, entry->name)) {
            continue;
        }
        CN_TRY(push_cell(&rows, entry->schema));
        CN_TRY(push_cell(&rows, entry->name));
        CN_TRY(push_cell(&rows, is_view ? CNI_STR("view") : CNI_STR("table")));
    }
    return finish(&rows, columns, CN_ARRAY_LEN(columns), out_plan);
}

static void
push_function(void *state, const cni_function *function)
{
    text_rows *rows = state;
    static const char *const kinds[] = {[CNI_FUNCTION_SCALAR] = "scalar",
                                        [CNI_FUNCTION_AGGREGATE] = "aggregate",
                                        [CNI_FUNCTION_WINDOW] = "window"};
    const cni_str cells[] = {function->name, cni_str_of(kinds[function->kind]),
                             function->description};
    for (int64_t cell = 0; rows->code == CN_OK && cell < CN_ARRAY_LEN(cells); cell++) {
        rows->code = push_cell(rows, cells[cell]);
    }
}

static cn_code
show_functions(cni_statement_work *work, const cni_plan **out_plan, cn_error *err)
{
    static const char *const columns[] = {"name", "kind", "description"};
    text_rows rows = {.arena = work->arena, .code = CN_OK, .err = err};
    cni_function_each(work->session->functions, push_function, &rows);
    CN_TRY(rows.code);
    return finish(&rows, columns, CN_ARRAY_LEN(columns), out_plan);
}

cn_code
cni_plan_show(cni_statement_work *work, const cni_sql_show *show, const cni_plan **out_plan,
              cn_error *err)
{
    const cni_sql_name *name = show->name;
    cn_code code = CN_OK;
    switch ((cni_sql_show_kind)show->kind) {
    case CNI_SQL_SHOW_SETTING:
        code = show_one_setting(work, name->parts[name->n_parts - 1].text, out_plan, err);
        if (code != CN_OK) {
            cni_error_position(err, name->offset, name->length);
        }
        return code;
    case CNI_SQL_SHOW_ALL:
    case CNI_SQL_SHOW_SETTINGS:
        return show_settings(work, out_plan, err);
    case CNI_SQL_SHOW_TABLES:
    case CNI_SQL_SHOW_ALL_TABLES:
    case CNI_SQL_SHOW_VIEWS:
        return show_entries(work, show, out_plan, err);
    case CNI_SQL_SHOW_FUNCTIONS:
        return show_functions(work, out_plan, err);
    default:
        return cni_statement_refuse(work, -1, 0,
                                    "SHOW COLUMNS, SCHEMAS, DATABASES and CREATE statements", err);
    }
}
