/* SPDX-License-Identifier: Apache-2.0
 *
 * An engine and a session for unit tests above the SQL, and results as lines of text
 * ("1|abc\n2|NULL\n") in the order in which they came. Results are read through the Arrow import,
 * so that every export is checked like foreign data on its way. The end asserts that nothing
 * leaked. Header only.
 */
#ifndef CN_TEST_SQL_ENV_H
#define CN_TEST_SQL_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/column/arrow_bridge.h"
#include "session/query.h"
#include "session/statement/statement.h"
#include "unit/data/column/foreign_arrow.h"

typedef struct sql_env {
    cni_fault fault;
    cn_engine *engine;
    cn_session *session;
    cni_budget *budget; /* the engine's root: what is left in it has leaked */
    cni_strbuf text;    /* of the last result */
    cn_error err;
} sql_env;

#define SQL_OK(env, call) sql_assert_ok((env), (call), __LINE__)

static inline void
sql_assert_ok(const sql_env *env, cn_code code, int line)
{
    if (code != CN_OK) {
        fail_msg("line %d: %s [%s]: %s", line, cn_code_name((int32_t)code), env->err.sqlstate,
                 env->err.message);
    }
}

/* memory_limit_bytes 0 = the default. */
static inline void
sql_begin_within(sql_env *self, int32_t n_threads, int64_t memory_limit_bytes)
{
    const cn_engine_options options = {.struct_size = sizeof(options),
                                       .n_threads = n_threads,
                                       .memory_limit_bytes = memory_limit_bytes};
    memset(self, 0, sizeof(*self));
    self->err = (cn_error)CN_ERROR_INIT;
    cni_strbuf_init(&self->text, cni_allocator_system(), INT64_C(1) << 30);
    SQL_OK(self, cni_engine_new(&options, &self->fault, &self->engine, &self->err));
    self->budget = cni_budget_ref(self->engine->budget);
    SQL_OK(self, cni_session_new(self->engine, &self->session, &self->err));
}

static inline void
sql_begin(sql_env *self, int32_t n_threads)
{
    sql_begin_within(self, n_threads, 0);
}

static inline void
sql_end(sql_env *self)
{
    cni_session_unref(self->session);
    cni_engine_unref(self->engine);
    cni_strbuf_done(&self->text);
    assert_int_equal(cni_budget_current_bytes(self->budget), 0);
    cni_budget_unref(self->budget);
}

/* ---- results as text ---- */

static inline cn_code
sql_batch_text(const cni_arrow_batch *batch, cni_strbuf *out)
{
    for (int64_t row = 0; row < batch->n_rows; row++) {
        for (int32_t column = 0; column < batch->n_columns; column++) {
            CN_TRY(cni_strbuf_append(out, cni_str_of(column == 0 ? "" : "|"), NULL));
            CN_TRY(cni_vector_print(&batch->columns[column], row, out, NULL));
        }
        CN_TRY(cni_strbuf_append_char(out, '\n', NULL));
    }
    return CN_OK;
}

/* Every row of a stream into `out`; the stream is released. */
static inline cn_code
sql_stream_text(struct ArrowArrayStream *own_rows, cni_strbuf *out, cn_error *err)
{
    CN_SCOPED(cni_arena_p) arena = NULL;
    struct ArrowSchema schema = {0};
    cni_schema types;
    CN_TRY(cni_arena_new(cni_allocator_system(), "text", &arena, err));
    int status = own_rows->get_schema(own_rows, &schema);
    cn_code code = status == 0 ? cni_arrow_import_schema(arena, &schema, &types, err) : CN_UNKNOWN;
    while (status == 0 && code == CN_OK) {
        struct ArrowArray array = {0};
        cni_arrow_batch batch = {0};
        status = own_rows->get_next(own_rows, &array);
        if (status != 0 || array.release == NULL) {
            break;
        }
        code = cni_arrow_import_batch(cni_allocator_system(), &schema, &types, &array, &batch, err);
        if (code == CN_OK) {
            code = sql_batch_text(&batch, out);
        }
        cni_arrow_batch_done(&batch);
    }
    if (status != 0) {
        cni_stream_error(own_rows, err);
        code = (cn_code)err->code;
    }
    if (schema.release != NULL) {
        schema.release(&schema);
    }
    own_rows->release(own_rows);
    return code;
}

/* Run a script; the last statement's rows become self->text. */
static inline cn_code
sql_run(sql_env *self, const char *script)
{
    struct ArrowArrayStream rows = {0};
    cni_strbuf_reset(&self->text);
    self->err = (cn_error)CN_ERROR_INIT;
    CN_TRY(cni_statement_script(self->session, cni_str_of(script), &rows, &self->err));
    return sql_stream_text(&rows, &self->text, &self->err);
}

static inline const char *
sql_text(const sql_env *self)
{
    return self->text.len_bytes == 0 ? "" : self->text.data;
}

/* The script gives exactly these lines. */
#define SQL_GIVES(env, script, expected) sql_assert_gives((env), (script), (expected), __LINE__)

static inline void
sql_assert_gives(sql_env *self, const char *script, const char *expected, int line)
{
    const cn_code code = sql_run(self, script);
    if (code != CN_OK) {
        fail_msg("line %d: %s: %s [%s]: %s", line, script, cn_code_name((int32_t)code),
                 self->err.sqlstate, self->err.message);
    }
    if (strcmp(sql_text(self), expected) != 0) {
        fail_msg("line %d: %s gives\n%sinstead of\n%s", line, script, sql_text(self), expected);
    }
}

/* The script is refused with this code, SQLSTATE (NULL = any) and place (`at` = a part of the
 * script where the error must point, NULL = anywhere), and its message contains `needle`. */
#define SQL_FAILS(env, script, code, sqlstate, at, needle)                                         \
    sql_assert_fails((env), (script), (code), (sqlstate), (at), (needle), __LINE__)

static inline void
sql_assert_error(const cn_error *err, const char *script, cn_code code, const char *sqlstate,
                 const char *at, const char *needle, int line)
{
    const char *place = at == NULL ? NULL : strstr(script, at);
    if (err->code != (int32_t)code || (sqlstate != NULL && strcmp(err->sqlstate, sqlstate) != 0) ||
        (place != NULL && err->sql_offset != place - script) ||
        strstr(err->message, needle) == NULL) {
        fail_msg("line %d: %s: %s [%s] at %lld: %s", line, script, cn_code_name(err->code),
                 err->sqlstate, (long long)err->sql_offset, err->message);
    }
}

static inline void
sql_assert_fails(sql_env *self, const char *script, cn_code code, const char *sqlstate,
                 const char *at, const char *needle, int line)
{
    struct ArrowArrayStream rows = {0};
    self->err = (cn_error)CN_ERROR_INIT;
    const cn_code got = cni_statement_script(self->session, cni_str_of(script), &rows, &self->err);
    if (got == CN_OK) {
        struct ArrowArray array = {0};
        while (rows.get_next(&rows, &array) == 0 && array.release != NULL) {
            array.release(&array);
        }
        cni_stream_error(&rows, &self->err);
        rows.release(&rows);
    }
    sql_assert_error(&self->err, script, code, sqlstate, at, needle, line);
}

/* ---- foreign batches ---- */

/* BIGINT column 0, 1, 2 ... from `first`, every `null_every`th row NULL (0 = none). */
static inline foreign_node *
foreign_i64(int64_t first, int64_t n_rows, int64_t null_every)
{
    foreign_node *node = foreign_new("l", n_rows, 0, 2);
    int64_t *values = malloc((size_t)cni_max_i64(n_rows, 1) * sizeof(*values));
    uint8_t *bits = calloc(1, (size_t)(n_rows / 8 + 1));
    assert_non_null(values);
    assert_non_null(bits);
    for (int64_t row = 0; row < n_rows; row++) {
        values[row] = first + row;
        if (null_every == 0 || (row + 1) % null_every != 0) {
            bits[row / 8] = (uint8_t)(bits[row / 8] | (1U << (row % 8)));
        }
    }
    foreign_buffer(node, 1, values, (size_t)n_rows * sizeof(*values));
    if (null_every > 0) {
        foreign_buffer(node, 0, bits, (size_t)(n_rows / 8 + 1));
    }
    free(values);
    free(bits);
    return node;
}

/* VARCHAR column "<prefix><row>". */
static inline foreign_node *
foreign_text(const char *prefix, int64_t n_rows)
{
    foreign_node *node = foreign_new("u", n_rows, 0, 3);
    int32_t *offsets = malloc((size_t)(n_rows + 1) * sizeof(*offsets));
    char *bytes = malloc((size_t)(n_rows + 1) * 64);
    assert_non_null(offsets);
    assert_non_null(bytes);
    offsets[0] = 0;
    for (int64_t row = 0; row < n_rows; row++) {
        offsets[row + 1] =
            offsets[row] + snprintf(bytes + offsets[row], 64, "%s%lld", prefix, (long long)row);
    }
    foreign_buffer(node, 1, offsets, (size_t)(n_rows + 1) * sizeof(*offsets));
    foreign_buffer(node, 2, bytes, (size_t)offsets[n_rows]);
    free(offsets);
    free(bytes);
    return node;
}

/* A batch with columns id BIGINT (from `first`) and name VARCHAR; foreign_free it in the end. */
static inline foreign_node *
foreign_table(int64_t first, int64_t n_rows)
{
    foreign_node *root = foreign_new("+s", n_rows, 0, 1);
    root->array.null_count = 0;
    foreign_add_child(root, foreign_i64(first, n_rows, 0), "id");
    foreign_add_child(root, foreign_text("name ", n_rows), "name");
    return root;
}

#endif /* CN_TEST_SQL_ENV_H */
