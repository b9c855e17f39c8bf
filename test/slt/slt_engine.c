/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls the public C API for the sqllogictest runner. Queries go through cn_session_sql,
 * cn_frame_start and cn_query_next, which report a whole cn_error also while rows are read;
 * statements with effects go through cn_session_execute and its stream.
 */
#include "slt_engine.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/cell_value.h"

static void
fail(slt_result *result, const cn_error *err)
{
    result->failed = true;
    result->error.n_bytes = 0;
    cell_text_printf(&result->error, "%s %s ", cn_code_name(err->code), err->sqlstate);
    cell_text_str(&result->error, err->message);
}

static void
take_types(slt_result *result, const struct ArrowSchema *schema)
{
    result->n_columns = (size_t)schema->n_children;
    for (int64_t i = 0; i < schema->n_children; i++) {
        char letter = cell_type_letter(schema->children[i]);
        cell_text_add(&result->types, &letter, 1);
    }
}

static void
take_batch(slt_result *result, const struct ArrowSchema *schema, const struct ArrowArray *batch)
{
    for (int64_t row = 0; row < batch->length; row++) {
        for (int64_t i = 0; i < schema->n_children; i++) {
            cell_text cell = {0};
            cell_text_str(&cell, "");
            cell_value_text(&cell, schema->children[i], batch->children[i], row + batch->offset);
            slt_strings_add(&result->cells, cell.bytes);
        }
    }
}

static cn_code
read_query(slt_result *result, cn_query *query, const struct ArrowSchema *schema, cn_error *err)
{
    for (;;) {
        struct ArrowArray batch = {0};
        cn_code code = cn_query_next(query, &batch, err);
        if (code != CN_OK || batch.release == NULL) {
            return code;
        }
        take_batch(result, schema, &batch);
        batch.release(&batch);
    }
}

void
slt_run_query(cn_session *session, const char *sql, slt_result *out_result)
{
    *out_result = (slt_result){0};
    cn_error err = CN_ERROR_INIT;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowSchema schema = {0};
    cn_code code = cn_session_sql(session, sql, &frame, &err);
    if (code == CN_OK) {
        code = cn_frame_schema(frame, &schema, &err);
    }
    if (code == CN_OK) {
        take_types(out_result, &schema);
        code = cn_frame_start(frame, NULL, &query, &err);
    }
    if (code == CN_OK) {
        code = read_query(out_result, query, &schema, &err);
    }
    if (code != CN_OK) {
        fail(out_result, &err);
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    cn_query_free(query);
    cn_frame_free(frame);
}

static void
fail_stream(slt_result *result, struct ArrowArrayStream *rows)
{
    const char *message = rows->get_last_error(rows);
    result->failed = true;
    cell_text_str(&result->error,
                  message != NULL ? message : "the stream failed without a message");
}

static void
read_stream(slt_result *result, struct ArrowArrayStream *rows)
{
    struct ArrowSchema schema = {0};
    if (rows->get_schema(rows, &schema) != 0) {
        fail_stream(result, rows);
        return;
    }
    take_types(result, &schema);
    for (;;) {
        struct ArrowArray batch = {0};
        if (rows->get_next(rows, &batch) != 0) {
            fail_stream(result, rows);
            break;
        }
        if (batch.release == NULL) {
            break;
        }
        take_batch(result, &schema, &batch);
        batch.release(&batch);
    }
    schema.release(&schema);
}

/* SELECT, VALUES, FROM, WITH and a parenthesis begin a query. Comments in front do not count. */
static bool
begins_query(const char *sql)
{
    static const char *const words[] = {"select", "values", "from", "with"};
    const char *at = sql + strspn(sql, " \t\r\n(");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n_bytes = strlen(words[i]);
        if (strncasecmp(at, words[i], n_bytes) == 0 && strchr(" \t\r\n(*'\"", at[n_bytes])) {
            return true;
        }
    }
    return false;
}

void
slt_run_statement(cn_session *session, const char *sql, slt_result *out_result)
{
    if (begins_query(sql)) {
        slt_run_query(session, sql, out_result);
        return;
    }
    *out_result = (slt_result){0};
    cn_error err = CN_ERROR_INIT;
    struct ArrowArrayStream rows = {0};
    if (cn_session_execute(session, sql, &rows, &err) != CN_OK) {
        fail(out_result, &err);
        return;
    }
    read_stream(out_result, &rows);
    rows.release(&rows);
}

bool
slt_set(cn_session *session, const char *name, const char *value, cell_text *out_message)
{
    cn_error err = CN_ERROR_INIT;
    if (cn_session_set(session, name, value, &err) == CN_OK) {
        return true;
    }
    cell_text_printf(out_message, "SET %s = %s: %s %s", name, value, cn_code_name(err.code),
                     err.message);
    return false;
}

void
slt_result_done(slt_result *result)
{
    cell_text_done(&result->error);
    cell_text_done(&result->types);
    slt_strings_done(&result->cells);
}
