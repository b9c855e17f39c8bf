/* SPDX-License-Identifier: Apache-2.0
 *
 * PREPARE, EXECUTE, DEALLOCATE. A prepared statement is its text: EXECUTE parses and binds it again
 * with the values at hand, so that it always sees the present catalog and the values' types.
 */
#include "session/statement/statement_int.h"

static cni_prepared **
find_prepared(cn_session *session, cni_str name)
{
    cni_prepared **link = &session->prepared;
    while (*link != NULL && !cni_str_eq_nocase((*link)->name, name)) {
        link = &(*link)->next;
    }
    return link;
}

/* One block: the struct, then both texts. */
static cn_code
make_prepared(cn_session *session, cni_str name, cni_str sql, cni_prepared **out_prepared,
              cn_error *err)
{
    cni_prepared *prepared = NULL;
    const int64_t size_bytes = (int64_t)sizeof(*prepared) + name.len_bytes + sql.len_bytes;
    CN_TRY(cni_alloc(session->allocator, size_bytes, &prepared, err));
    char *texts = (char *)(prepared + 1);
    memcpy(texts, name.data, (size_t)name.len_bytes);
    memcpy(texts + name.len_bytes, sql.data, (size_t)sql.len_bytes);
    *prepared = (cni_prepared){.size_bytes = size_bytes,
                               .name = {texts, name.len_bytes},
                               .sql = {texts + name.len_bytes, sql.len_bytes}};
    *out_prepared = prepared;
    return CN_OK;
}

cn_code
cni_run_prepare(cni_statement_work *work, const cni_sql_prepare *prepare, cn_error *err)
{
    cn_session *session = work->session;
    if (prepare->n_types > 0) {
        return cni_statement_refuse(work, prepare->name.offset, prepare->name.length,
                                    "parameter types of PREPARE (values bring their own)", err);
    }
    const cni_str sql = {work->text.data + prepare->statement->offset, prepare->statement->length};
    cni_prepared *prepared = NULL;
    CN_TRY(make_prepared(session, prepare->name.text, sql, &prepared, err));
    cni_mutex_lock(&session->mutex);
    cni_prepared **link = find_prepared(session, prepare->name.text);
    const bool exists = *link != NULL;
    if (!exists) {
        *link = prepared;
    }
    cni_mutex_unlock(&session->mutex);
    if (exists) {
        cni_dealloc(session->allocator, prepared, prepared->size_bytes);
        (void)CN_FAIL(err, CN_ALREADY_EXISTS, "prepared statement \"%.*s\" exists already",
                      CNI_STR_ARGS(prepare->name.text));
        cni_error_sqlstate(err, "42P05");
        cni_error_position(err, prepare->name.offset, prepare->name.length);
        return CN_ALREADY_EXISTS;
    }
    return CN_OK;
}

static cn_code
unknown_prepared(const cni_sql_ident *name, cn_error *err)
{
    (void)CN_FAIL(err, CN_NOT_FOUND, "prepared statement \"%.*s\" does not exist",
                  CNI_STR_ARGS(name->text));
    cni_error_sqlstate(err, "26000");
    cni_error_position(err, name->offset, name->length);
    return CN_NOT_FOUND;
}

cn_code
cni_run_deallocate(cni_statement_work *work, const cni_sql_deallocate *deallocate, cn_error *err)
{
    cn_session *session = work->session;
    cni_prepared *removed = NULL;
    cni_mutex_lock(&session->mutex);
    cni_prepared **link =
        deallocate->all ? &session->prepared : find_prepared(session, deallocate->name.text);
    removed = *link;
    if (deallocate->all) {
        session->prepared = NULL;
    } else if (removed != NULL) {
        *link = removed->next;
        removed->next = NULL;
    }
    cni_mutex_unlock(&session->mutex);
    if (removed == NULL && !deallocate->all) {
        return unknown_prepared(&deallocate->name, err);
    }
    while (removed != NULL) {
        cni_prepared *next = removed->next;
        cni_dealloc(session->allocator, removed, removed->size_bytes);
        removed = next;
    }
    return CN_OK;
}

static cn_code
argument_values(cni_statement_work *work, const cni_sql_execute *execute,
                cni_parameters *out_parameters, cn_error *err)
{
    cni_value *values = NULL;
    cni_str *names = NULL;
    const int32_t n_values = execute->args.n_items;
    CN_TRY(cni_arena_alloc_array(work->arena, n_values, (int64_t)sizeof(*values), &values, err));
    CN_TRY(cni_arena_alloc_array(work->arena, n_values, (int64_t)sizeof(*names), &names, err));
    for (int32_t value = 0; value < n_values; value++) {
        CN_TRY(cni_bind_constant(&work->bind_env, execute->args.items[value], &values[value], err));
        const bool is_named =
            execute->arg_names != NULL && execute->arg_names[value].text.data != NULL;
        names[value] = is_named ? execute->arg_names[value].text : (cni_str){0};
        if (!is_named) {
            CN_TRY(cni_arena_printf(work->arena, &names[value], err, "%d", value + 1));
        }
    }
    *out_parameters = (cni_parameters){.n_values = n_values, .names = names, .values = values};
    return CN_OK;
}

/* The prepared statement with its values: its frame, or (out_frame NULL) its effect. */
static cn_code
carry_out(cni_statement_work *work, cni_str sql, const cni_parameters *parameters,
          cn_frame **out_frame, cn_error *err)
{
    const cni_sql_statement *statement = NULL;
    cni_statement_work inner;
    CN_TRY(cni_sql_parse_statement(work->arena, sql, &statement, err));
    cn_code code =
        cni_statement_work_init(&inner, work->session, work->arena, sql, parameters, err);
    if (code == CN_OK) {
        code = out_frame != NULL ? cni_statement_rows(&inner, statement, out_frame, err)
                                 : cni_statement_effect(&inner, statement, err);
    }
    work->n_changed = inner.n_changed;
    cni_statement_work_done(&inner);
    return code;
}

static cn_code
execute_prepared(cni_statement_work *work, const cni_sql_execute *execute, cn_frame **out_frame,
                 cn_error *err)
{
    cn_session *session = work->session;
    cni_parameters parameters;
    cni_str sql = {0};
    cn_code code = CN_OK;
    CN_TRY(argument_values(work, execute, &parameters, err));
    cni_mutex_lock(&session->mutex);
    const cni_prepared *prepared = *find_prepared(session, execute->name.text);
    if (prepared != NULL) {
        code = cni_arena_str(work->arena, prepared->sql, &sql, err);
    }
    cni_mutex_unlock(&session->mutex);
    CN_TRY(code);
    if (sql.data == NULL) {
        return unknown_prepared(&execute->name, err);
    }
    code = carry_out(work, sql, &parameters, out_frame, err);
    if (code != CN_OK && err != NULL) {
        cni_error_context(err, "prepared statement \"%.*s\"", CNI_STR_ARGS(execute->name.text));
        err->sql_offset = execute->name.offset; /* the prepared text is not the caller's */
        err->sql_length = execute->name.length;
    }
    return code;
}

cn_code
cni_frame_of_execute(cni_statement_work *work, const cni_sql_execute *execute, cn_frame **out_frame,
                     cn_error *err)
{
    return execute_prepared(work, execute, out_frame, err);
}

cn_code
cni_run_execute(cni_statement_work *work, const cni_sql_execute *execute, cn_error *err)
{
    return execute_prepared(work, execute, NULL, err);
}
