/* SPDX-License-Identifier: Apache-2.0
 *
 * SET and RESET. A value is a constant expression or a bare word: SET optimizer = off.
 */
#include "session/statement/statement_int.h"

#include "data/column/vector.h"

/* The value as text: a word as it stands, anything else evaluated and printed. */
static cn_code
value_text(cni_statement_work *work, const cni_sql_expr *expr, cni_str *out_text, cn_error *err)
{
    if (expr->kind == CNI_SQL_EXPR_COLUMN && expr->name->n_parts == 1) {
        *out_text = expr->name->parts[0].text;
        return CN_OK;
    }
    cni_value value;
    CN_TRY(cni_bind_constant(&work->bind_env, expr, &value, err));
    if (value.type->id == CNI_TYPE_VARCHAR && !value.is_null) {
        *out_text = value.as.bytes;
        return CN_OK;
    }
    cni_vector vector = {0};
    cni_strbuf text;
    cni_strbuf_init(&text, work->context.allocator, CNI_SETTING_TEXT_BYTES);
    cn_code code = cni_value_to_vector(work->context.allocator, &value, 1, &vector, err);
    if (code == CN_OK) {
        code = cni_vector_print(&vector, 0, &text, err);
    }
    if (code == CN_OK) {
        code = cni_arena_str(work->arena, cni_strbuf_view(&text), out_text, err);
    }
    cni_strbuf_done(&text);
    cni_vector_done(&vector);
    return code;
}

static cn_code
setting_name(const cni_statement_work *work, const cni_sql_set *set, cni_str *out_name,
             cn_error *err)
{
    if (set->scope == CNI_SQL_SET_VARIABLE || set->scope == CNI_SQL_SET_GLOBAL ||
        set->scope == CNI_SQL_SET_LOCAL) {
        return cni_statement_refuse(work, set->name.offset, set->name.length,
                                    "SET VARIABLE, SET GLOBAL and SET LOCAL statements", err);
    }
    *out_name = set->name.parts[set->name.n_parts - 1].text;
    return CN_OK;
}

static cn_code
placed(cn_code code, const cni_sql_set *set, cn_error *err)
{
    if (code != CN_OK) {
        cni_error_position(err, set->name.offset, set->name.length);
    }
    return code;
}

cn_code
cni_run_set(cni_statement_work *work, const cni_sql_set *set, cn_error *err)
{
    cni_str name = {0};
    cni_str value = {0};
    CN_TRY(setting_name(work, set, &name, err));
    if (set->to_default) {
        return placed(cni_session_reset(work->session, name, err), set, err);
    }
    if (set->values.n_items != 1) {
        return cni_statement_refuse(work, set->name.offset, set->name.length,
                                    "settings with several values", err);
    }
    CN_TRY(value_text(work, set->values.items[0], &value, err));
    return placed(cni_session_set_text(work->session, name, value, err), set, err);
}

cn_code
cni_run_reset(cni_statement_work *work, const cni_sql_set *set, cn_error *err)
{
    cni_str name = {0};
    if (!set->all) {
        CN_TRY(setting_name(work, set, &name, err));
    }
    return placed(cni_session_reset(work->session, name, err), set, err);
}
