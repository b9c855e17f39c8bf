/* SPDX-License-Identifier: Apache-2.0
 *
 * Dispatch: which statements give rows, which have effects, which are refused.
 */
#include "session/statement/statement_int.h"

#include <stdio.h>

cn_code
cni_statement_work_init(cni_statement_work *self, cn_session *session, cni_arena *arena,
                        cni_str text, const cni_parameters *parameters, cn_error *err)
{
    *self = (cni_statement_work){.session = session, .arena = arena, .text = text, .n_changed = -1};
    self->settings = cni_session_settings(session);
    CN_TRY(cni_session_context(session, &self->settings, &self->context, err));
    CN_TRY(cni_catalog_snapshot_take(session->catalog, &self->catalog, err));
    self->opener =
        (cni_table_opener){.session = session, .context = &self->context, .catalog = self->catalog};
    self->bind_env = (cni_bind_env){.arena = arena,
                                    .catalog = self->catalog,
                                    .functions = session->functions,
                                    .open_table = cni_open_table,
                                    .private_data = &self->opener,
                                    .context = &self->context};
    if (parameters != NULL) {
        self->bind_env.n_parameters = parameters->n_values;
        self->bind_env.parameter_names = parameters->names;
        self->bind_env.parameters = parameters->values;
    }
    return CN_OK;
}

void
cni_statement_work_done(cni_statement_work *self)
{
    if (self->catalog != NULL) {
        cni_catalog_snapshot_unref(self->catalog);
    }
    cni_session_context_done(self->session, &self->context);
}

cn_code
cni_statement_refuse(const cni_statement_work *work, int64_t offset, int64_t length,
                     const char *what, cn_error *err)
{
    (void)work;
    (void)CN_FAIL(err, CN_NOT_IMPLEMENTED, "%s are not supported yet", what);
    cni_error_sqlstate(err, "0A000");
    cni_error_position(err, offset, length);
    return CN_NOT_IMPLEMENTED;
}

cn_code
cni_statement_name(const cni_statement_work *work, const cni_sql_name *name, cni_str *out_schema,
                   cni_str *out_name, cn_error *err)
{
    if (name->n_parts > 2) {
        return cni_statement_refuse(work, name->offset, name->length, "names of other databases",
                                    err);
    }
    *out_schema = name->n_parts == 2 ? name->parts[0].text : (cni_str){0};
    *out_name = name->parts[name->n_parts - 1].text;
    return CN_OK;
}

static cn_code
frame_of_plan(cni_statement_work *work, const cni_plan *plan, cni_frame_kind kind, bool as_json,
              cn_frame **out_frame, cn_error *err)
{
    return cni_frame_new(work->session, work->arena, plan, kind, as_json, out_frame, err);
}

static cn_code
explain_format(const cni_statement_work *work, const cni_sql_explain *explain, bool *out_json,
               cn_error *err)
{
    const cni_sql_ident *format = &explain->format;
    *out_json = false;
    if (explain->options.n_items > 0) {
        const cni_sql_ident *option = &explain->options.items[0].name;
        (void)CN_FAIL(err, CN_NOT_IMPLEMENTED, "EXPLAIN option \"%.*s\" is not supported",
                      CNI_STR_ARGS(option->text));
        cni_error_position(err, option->offset, option->length);
        return CN_NOT_IMPLEMENTED;
    }
    if (format->text.data == NULL || cni_str_eq_nocase(format->text, CNI_STR("text"))) {
        return CN_OK;
    }
    *out_json = cni_str_eq_nocase(format->text, CNI_STR("json"));
    return *out_json ? CN_OK
                     : cni_statement_refuse(work, format->offset, format->length,
                                            "EXPLAIN formats other than text and json", err);
}

static cn_code
frame_of_explain(cni_statement_work *work, const cni_sql_statement *statement, cn_frame **out_frame,
                 cn_error *err)
{
    const cni_sql_explain *explain = statement->explain;
    const cni_plan *plan = NULL;
    bool as_json = false;
    CN_TRY(explain_format(work, explain, &as_json, err));
    if (explain->statement->kind != CNI_SQL_STATEMENT_QUERY) {
        return cni_statement_refuse(work, explain->statement->offset, explain->statement->length,
                                    "EXPLAIN of statements other than queries", err);
    }
    CN_TRY(cni_bind_query(&work->bind_env, explain->statement->query, &plan, err));
    return frame_of_plan(work, plan,
                         explain->analyze ? CNI_FRAME_EXPLAIN_ANALYZE : CNI_FRAME_EXPLAIN, as_json,
                         out_frame, err);
}

cn_code
cni_statement_rows(cni_statement_work *work, const cni_sql_statement *statement,
                   cn_frame **out_frame, cn_error *err)
{
    const cni_plan *plan = NULL;
    *out_frame = NULL;
    switch ((cni_sql_statement_kind)statement->kind) {
    case CNI_SQL_STATEMENT_QUERY:
        CN_TRY(cni_bind_query(&work->bind_env, statement->query, &plan, err));
        break;
    case CNI_SQL_STATEMENT_EXPLAIN:
        return frame_of_explain(work, statement, out_frame, err);
    case CNI_SQL_STATEMENT_DESCRIBE:
        CN_TRY(cni_bind_query(&work->bind_env, statement->describe->query, &plan, err));
        CN_TRY(cni_plan_describe(work, plan, &plan, err));
        break;
    case CNI_SQL_STATEMENT_SHOW:
        CN_TRY(cni_plan_show(work, statement->show, &plan, err));
        break;
    case CNI_SQL_STATEMENT_EXECUTE:
        return cni_frame_of_execute(work, statement->execute, out_frame, err);
    default:
        return CN_OK;
    }
    return frame_of_plan(work, plan, CNI_FRAME_QUERY, false, out_frame, err);
}

cn_code
cni_statement_effect(cni_statement_work *work, const cni_sql_statement *statement, cn_error *err)
{
    switch ((cni_sql_statement_kind)statement->kind) {
    case CNI_SQL_STATEMENT_CREATE_VIEW:
        return cni_run_create_view(work, statement->create_view, err);
    case CNI_SQL_STATEMENT_CREATE_EXTERNAL_TABLE:
        return cni_run_create_external(work, statement->create_external, err);
    case CNI_SQL_STATEMENT_CREATE_SCHEMA:
        return cni_run_create_schema(work, statement->create_schema, err);
    case CNI_SQL_STATEMENT_CREATE_TABLE:
        return cni_run_create_table(work, statement->create_table, err);
    case CNI_SQL_STATEMENT_INSERT:
        return cni_run_insert(work, statement->insert, err);
    case CNI_SQL_STATEMENT_DROP:
        return cni_run_drop(work, statement->drop, err);
    case CNI_SQL_STATEMENT_SET:
        return cni_run_set(work, statement->set, err);
    case CNI_SQL_STATEMENT_RESET:
        return cni_run_reset(work, statement->set, err);
    case CNI_SQL_STATEMENT_PREPARE:
        return cni_run_prepare(work, statement->prepare, err);
    case CNI_SQL_STATEMENT_EXECUTE:
        return cni_run_execute(work, statement->execute, err);
    case CNI_SQL_STATEMENT_DEALLOCATE:
        return cni_run_deallocate(work, statement->deallocate, err);
    default:
        break;
    }
    char what[64];
    (void)snprintf(what, sizeof(what), "%s statements",
                   cni_sql_statement_name((cni_sql_statement_kind)statement->kind));
    return cni_statement_refuse(work, statement->offset, statement->length, what, err);
}

cn_code
cni_statement_frame(cn_session *session, cni_arena *arena, cni_str sql,
                    const cni_parameters *parameters, cn_frame **out_frame, cn_error *err)
{
    const cni_sql_statement *statement = NULL;
    CN_TRY(cni_sql_parse_statement(arena, sql, &statement, err));
    cni_statement_work work;
    CN_SCOPED(cni_frame_p) frame = NULL;
    cn_code code = cni_statement_work_init(&work, session, arena, sql, parameters, err);
    if (code == CN_OK) {
        code = cni_statement_rows(&work, statement, &frame, err);
    }
    cni_statement_work_done(&work);
    CN_TRY(code);
    if (frame == NULL) {
        (void)CN_FAIL(err, CN_INVALID_ARGUMENT, "%s gives no rows: run it with cn_session_execute",
                      cni_sql_statement_name((cni_sql_statement_kind)statement->kind));
        cni_error_position(err, statement->offset, statement->length);
        return CN_INVALID_ARGUMENT;
    }
    *out_frame = CN_MOVE(frame);
    return CN_OK;
}

/* Run a frame: to the end, or (the last one, when its rows are wanted) into a stream. */
static cn_code
run_frame(cn_frame *frame, struct ArrowArrayStream *out_rows, cn_error *err)
{
    CN_SCOPED(cni_query_p) query = NULL;
    CN_TRY(cni_query_new(frame, NULL, &query, err));
    return out_rows == NULL ? cni_query_drain(query, err)
                            : cni_query_to_stream(query, out_rows, err);
}

static cn_code
run_statement(cn_session *session, cni_arena *arena, cni_str script,
              const cni_sql_statement *statement, struct ArrowArrayStream *out_rows, cn_error *err)
{
    cni_statement_work work;
    CN_SCOPED(cni_frame_p) frame = NULL;
    cn_code code = cni_statement_work_init(&work, session, arena, script, NULL, err);
    if (code == CN_OK) {
        code = cni_statement_rows(&work, statement, &frame, err);
    }
    if (code == CN_OK && frame == NULL) {
        code = cni_statement_effect(&work, statement, err);
        if (code == CN_OK && work.n_changed >= 0 && out_rows != NULL) {
            code = cni_frame_of_count(&work, &frame, err);
        }
    }
    cni_statement_work_done(&work);
    CN_TRY(code);
    if (frame != NULL) {
        return run_frame(frame, out_rows, err);
    }
    return out_rows == NULL ? CN_OK : cni_empty_stream(session->allocator, out_rows, err);
}

cn_code
cni_statement_script(cn_session *session, cni_str script, struct ArrowArrayStream *out_rows,
                     cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    cni_sql_script parsed;
    CN_TRY(cni_arena_new(session->allocator, "script", &arena, err));
    CN_TRY(cni_sql_parse(arena, script, &parsed, err));
    for (int64_t index = 0; index < parsed.n_statements; index++) {
        const bool is_last = index + 1 == parsed.n_statements;
        CN_TRY(run_statement(session, arena, script, parsed.statements[index],
                             is_last ? out_rows : NULL, err));
    }
    return parsed.n_statements == 0 && out_rows != NULL
               ? cni_empty_stream(session->allocator, out_rows, err)
               : CN_OK;
}
