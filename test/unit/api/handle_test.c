/* SPDX-License-Identifier: Apache-2.0
 *
 * The public handles: what they refuse, how sizes of structs are read, and that they may be freed
 * in any order while results stay readable.
 */
#include "colonnade/colonnade.h"

#include <stdio.h>

#include "colonnade/extension.h"
#include "support/sql_env.h"

static void
test_versions(void **state)
{
    (void)state;
    char text[32];
    (void)snprintf(text, sizeof(text), "%d.%d.%d", CN_VERSION_MAJOR, CN_VERSION_MINOR,
                   CN_VERSION_PATCH);
    assert_string_equal(cn_version(), text);
    assert_int_equal(cn_api_version(), CN_API_VERSION);
    assert_string_equal(cn_code_name(CN_NOT_FOUND), "NOT_FOUND");
    assert_non_null(cn_code_name(-7));
}

static void
test_free_takes_null(void **state)
{
    (void)state;
    cn_engine_free(NULL);
    cn_session_free(NULL);
    cn_frame_free(NULL);
    cn_query_free(NULL);
    cn_query_cancel(NULL);
    cn_stream_error(NULL, NULL);
    assert_int_equal(cn_engine_memory_bytes(NULL), 0);
    assert_int_equal(cn_engine_memory_peak_bytes(NULL), 0);
}

/* Each call is refused, and the message names the argument. */
#define REFUSES(call, argument)                                                                    \
    do {                                                                                           \
        cn_error err = CN_ERROR_INIT;                                                              \
        assert_int_equal((call), CN_INVALID_ARGUMENT);                                             \
        if (strstr(err.message, argument) == NULL) {                                               \
            fail_msg("line %d: %s", __LINE__, err.message);                                        \
        }                                                                                          \
    } while (0)

static void
test_null_arguments_are_named(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArrayStream rows = {0};
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    cn_progress progress = {.struct_size = sizeof(progress)};
    sql_begin(&env, 1);
    SQL_OK(&env, cn_session_sql(env.session, "SELECT 1", &frame, &env.err));
    SQL_OK(&env, cn_frame_start(frame, NULL, &query, &env.err));
    REFUSES(cn_engine_new(NULL, NULL, &err), "out_engine");
    REFUSES(cn_session_new(NULL, &env.session, &err), "engine");
    REFUSES(cn_session_new(env.engine, NULL, &err), "out_session");
    REFUSES(cn_session_set(NULL, "threads", "1", &err), "session");
    REFUSES(cn_session_set(env.session, NULL, "1", &err), "name");
    REFUSES(cn_session_set(env.session, "threads", NULL, &err), "value");
    REFUSES(cn_session_get(NULL, "threads", NULL, 0, NULL, &err), "session");
    REFUSES(cn_session_get(env.session, NULL, NULL, 0, NULL, &err), "name");
    REFUSES(cn_session_set_access_policy(NULL, NULL, &err), "session");
    REFUSES(cn_session_sql(NULL, "SELECT 1", &frame, &err), "session");
    REFUSES(cn_session_sql(env.session, NULL, &frame, &err), "sql");
    REFUSES(cn_session_sql(env.session, "SELECT 1", NULL, &err), "out_frame");
    REFUSES(cn_session_sql_with(env.session, "SELECT 1", NULL, &array, &frame, &err), "own_schema");
    REFUSES(cn_session_sql_with(env.session, "SELECT 1", &schema, NULL, &frame, &err), "own_row");
    REFUSES(cn_session_execute(NULL, "SELECT 1", &rows, &err), "session");
    REFUSES(cn_session_execute(env.session, NULL, &rows, &err), "script");
    REFUSES(cn_sql_split(NULL, 0, NULL, NULL, NULL, NULL, &err), "script");
    REFUSES(cn_session_register_stream(env.session, "t", NULL, 0, &err), "own_stream");
    REFUSES(cn_session_register_stream(env.session, "t", &rows, 0, &err), "released");
    REFUSES(cn_session_register_arrays(env.session, "t", NULL, &array, 1, 0, &err), "own_schema");
    REFUSES(cn_session_register_arrays(env.session, "t", &schema, NULL, 1, 0, &err), "own_batches");
    REFUSES(cn_session_register_frame(env.session, "t", NULL, 0, &err), "frame");
    REFUSES(cn_session_register_frame(env.session, "", frame, 0, &err), "name is empty");
    REFUSES(cn_session_register_table(env.session, "t", NULL, 0, &err), "provider");
    REFUSES(cn_session_register_function(env.session, NULL, &err), "function");
    REFUSES(cn_session_unregister(NULL, "t", &err), "session");
    REFUSES(cn_session_unregister(env.session, NULL, &err), "name");
    REFUSES(cn_frame_schema(NULL, &schema, &err), "frame");
    REFUSES(cn_frame_schema(frame, NULL, &err), "out_schema");
    REFUSES(cn_frame_stream(NULL, &rows, &err), "frame");
    REFUSES(cn_frame_stream(frame, NULL, &err), "out_rows");
    REFUSES(cn_frame_explain(NULL, "text", 0, NULL, 0, NULL, &err), "frame");
    REFUSES(cn_frame_explain(frame, "yaml", 0, NULL, 0, NULL, &err), "yaml");
    REFUSES(cn_frame_start(NULL, NULL, &query, &err), "frame");
    REFUSES(cn_frame_start(frame, NULL, NULL, &err), "out_query");
    REFUSES(cn_query_stream(NULL, &rows, &err), "query");
    REFUSES(cn_query_stream(query, NULL, &err), "out_rows");
    REFUSES(cn_query_next(NULL, &array, &err), "query");
    REFUSES(cn_query_next(query, NULL, &err), "out_batch");
    REFUSES(cn_query_progress(NULL, &progress, &err), "query");
    REFUSES(cn_query_progress(query, NULL, &err), "inout_progress");
    REFUSES(cn_query_profile(NULL, "text", NULL, 0, NULL, &err), "query");
    REFUSES(cn_query_profile(query, "yaml", NULL, 0, NULL, &err), "yaml");
    /* The error object may be missing too. */
    assert_int_equal(cn_session_sql(env.session, "SELEC 1", &frame, NULL), CN_INVALID_ARGUMENT);
    cn_query_free(query);
    cn_frame_free(frame);
    sql_end(&env);
}

static void
test_struct_sizes(void **state)
{
    (void)state;
    sql_env env;
    cn_engine *engine = NULL;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    cn_engine_options options = {.n_threads = 3, .memory_limit_bytes = -5};
    cn_query_options start = {.n_threads = 1, .timeout_ms = -1};
    cn_progress progress = {.elapsed_us = -7};
    cn_access_policy policy = {0};
    REFUSES(cn_engine_new(&options, &engine, &err), "struct_size");
    options.struct_size = sizeof(options);
    REFUSES(cn_engine_new(&options, &engine, &err), "memory_limit_bytes");
    /* A caller that knows only the first two fields: what follows is not read. */
    options.struct_size = offsetof(cn_engine_options, memory_limit_bytes);
    assert_int_equal(cn_engine_new(&options, &engine, NULL), CN_OK);
    cn_engine_free(engine);
    options = (cn_engine_options){.struct_size = sizeof(options), .n_threads = -1};
    REFUSES(cn_engine_new(&options, &engine, &err), "n_threads");
    options.n_threads = 100000;
    REFUSES(cn_engine_new(&options, &engine, &err), "n_threads");
    sql_begin(&env, 1);
    SQL_OK(&env, cn_session_sql(env.session, "SELECT 1", &frame, &env.err));
    REFUSES(cn_frame_start(frame, &start, &query, &err), "struct_size");
    start.struct_size = sizeof(start);
    REFUSES(cn_frame_start(frame, &start, &query, &err), "cn_query_options");
    start.struct_size = offsetof(cn_query_options, timeout_ms);
    SQL_OK(&env, cn_frame_start(frame, &start, &query, &env.err));
    REFUSES(cn_query_progress(query, &progress, &err), "struct_size");
    progress.struct_size = offsetof(cn_progress, elapsed_us);
    SQL_OK(&env, cn_query_progress(query, &progress, &env.err));
    assert_int_equal(progress.elapsed_us, -7); /* beyond what the caller said it knows */
    assert_int_equal(progress.struct_size, offsetof(cn_progress, elapsed_us));
    progress.struct_size = sizeof(progress);
    SQL_OK(&env, cn_query_progress(query, &progress, &env.err));
    assert_true(progress.elapsed_us >= 0);
    REFUSES(cn_session_set_access_policy(env.session, &policy, &err), "struct_size");
    cn_query_free(query);
    cn_frame_free(frame);
    sql_end(&env);
}

/* ---- lifetimes ---- */

enum {
    ENGINE,
    SESSION,
    FRAME,
    QUERY,
    STREAM,
    BATCH,
    N_OBJECTS
};

typedef struct object_set {
    sql_env env;
    cn_frame *frame;
    cn_query *query;
    struct ArrowArrayStream stream;
    struct ArrowArray batch;
    foreign_node *table;
} object_set;

static void
make_objects(object_set *self)
{
    sql_begin(&self->env, 2);
    self->table = foreign_table(0, 100);
    SQL_OK(&self->env, cn_session_register_arrays(self->env.session, "t", &self->table->schema,
                                                  &self->table->array, 1, 0, &self->env.err));
    SQL_OK(&self->env,
           cn_session_sql(self->env.session, "SELECT id, id + 1, name || '!' FROM t WHERE id >= 10",
                          &self->frame, &self->env.err));
    SQL_OK(&self->env, cn_frame_start(self->frame, NULL, &self->query, &self->env.err));
    SQL_OK(&self->env, cn_query_stream(self->query, &self->stream, &self->env.err));
    assert_int_equal(self->stream.get_next(&self->stream, &self->batch), 0);
    assert_int_equal(self->batch.length, 90);
}

static void
free_object(object_set *self, int which)
{
    switch (which) {
    case ENGINE:
        cn_engine_free(self->env.engine);
        break;
    case SESSION:
        cn_session_free(self->env.session);
        break;
    case FRAME:
        cn_frame_free(self->frame);
        break;
    case QUERY:
        cn_query_free(self->query);
        break;
    case STREAM:
        self->stream.release(&self->stream);
        break;
    default: {
        const int64_t *ids = self->batch.children[0]->buffers[1];
        const int64_t *sums = self->batch.children[1]->buffers[1];
        const int32_t *offsets = self->batch.children[2]->buffers[1];
        const char *bytes = self->batch.children[2]->buffers[2];
        assert_int_equal(ids[self->batch.children[0]->offset + 89], 99);
        assert_int_equal(sums[89], 100);
        assert_memory_equal(bytes + offsets[89], "name 99!", 8);
        self->batch.release(&self->batch);
        break;
    }
    }
}

/* Next permutation in lexicographic order; false after the last. */
static bool
next_order(int order[N_OBJECTS])
{
    int at = N_OBJECTS - 2;
    while (at >= 0 && order[at] > order[at + 1]) {
        at--;
    }
    if (at < 0) {
        return false;
    }
    int other = N_OBJECTS - 1;
    while (order[other] < order[at]) {
        other--;
    }
    const int swapped = order[at];
    order[at] = order[other];
    order[other] = swapped;
    for (int low = at + 1, high = N_OBJECTS - 1; low < high; low++, high--) {
        const int kept = order[low];
        order[low] = order[high];
        order[high] = kept;
    }
    return true;
}

static void
test_any_order_of_free(void **state)
{
    (void)state;
    int order[N_OBJECTS] = {ENGINE, SESSION, FRAME, QUERY, STREAM, BATCH};
    int n_orders = 0;
    do {
        object_set set = {0};
        make_objects(&set);
        for (int at = 0; at < N_OBJECTS; at++) {
            free_object(&set, order[at]);
        }
        assert_int_equal(cni_budget_current_bytes(set.env.budget), 0);
        cni_budget_unref(set.env.budget);
        assert_int_equal(set.table->n_released, 1);
        foreign_free(set.table);
        n_orders++;
    } while (next_order(order));
    assert_int_equal(n_orders, 720);
}

static void
test_a_stream_works_after_the_handles_are_gone(void **state)
{
    (void)state;
    sql_env env;
    struct ArrowArrayStream rows = {0};
    sql_begin(&env, 2);
    SQL_OK(&env, cn_session_set(env.session, "batch_rows", "1", &env.err));
    SQL_OK(&env, cn_session_set(env.session, "chunk_rows", "1", &env.err));
    SQL_OK(&env, cn_session_execute(env.session, "SELECT x FROM (VALUES (1), (2), (3)) t(x)", &rows,
                                    &env.err));
    cn_session_free(env.session);
    cn_engine_free(env.engine);
    SQL_OK(&env, sql_stream_text(&rows, &env.text, &env.err));
    assert_string_equal(sql_text(&env), "1\n2\n3\n");
    cni_strbuf_done(&env.text);
    assert_int_equal(cni_budget_current_bytes(env.budget), 0);
    cni_budget_unref(env.budget);
}

/* ---- streams and texts ---- */

static void
test_errors_of_streams(void **state)
{
    (void)state;
    sql_env env;
    struct ArrowArrayStream rows = {0};
    struct ArrowArray batch = {0};
    cn_error err = CN_ERROR_INIT;
    const char *sql = "SELECT 10 / x FROM (VALUES (1), (0)) t(x)";
    sql_begin(&env, 1);
    SQL_OK(&env, cn_session_execute(env.session, sql, &rows, &env.err));
    assert_null(rows.get_last_error(&rows));
    cn_stream_error(&rows, &err);
    assert_int_equal(err.code, CN_OK);
    assert_int_not_equal(rows.get_next(&rows, &batch), 0);
    assert_non_null(strstr(rows.get_last_error(&rows), "division by zero"));
    cn_stream_error(&rows, &err);
    assert_int_equal(err.code, CN_INVALID_DATA);
    assert_string_equal(err.sqlstate, "22012");
    assert_int_equal(err.sql_offset, strstr(sql, "/") - sql);
    assert_int_not_equal(rows.get_next(&rows, &batch), 0); /* again, and the same */
    assert_null(batch.release);
    rows.release(&rows);
    sql_end(&env);
}

static void
test_a_result_is_taken_once(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArrayStream rows = {0};
    struct ArrowArrayStream other = {0};
    struct ArrowArray batch = {0};
    sql_begin(&env, 1);
    SQL_OK(&env, cn_session_sql(env.session, "SELECT 1", &frame, &env.err));
    SQL_OK(&env, cn_frame_start(frame, NULL, &query, &env.err));
    SQL_OK(&env, cn_query_stream(query, &rows, &env.err));
    assert_int_equal(cn_query_stream(query, &other, &env.err), CN_INVALID_STATE);
    assert_null(other.release);
    rows.release(&rows);
    cn_query_free(query);
    /* By batches: the end is an array without release, also when asked again. */
    SQL_OK(&env, cn_frame_start(frame, NULL, &query, &env.err));
    SQL_OK(&env, cn_query_next(query, &batch, &env.err));
    assert_int_equal(batch.length, 1);
    batch.release(&batch);
    SQL_OK(&env, cn_query_next(query, &batch, &env.err));
    assert_null(batch.release);
    SQL_OK(&env, cn_query_next(query, &batch, &env.err));
    assert_null(batch.release);
    cn_query_free(query);
    /* A frame runs any number of times. */
    for (int run = 0; run < 3; run++) {
        SQL_OK(&env, cn_frame_stream(frame, &rows, &env.err));
        cni_strbuf_reset(&env.text);
        SQL_OK(&env, sql_stream_text(&rows, &env.text, &env.err));
        assert_string_equal(sql_text(&env), "1\n");
    }
    cn_frame_free(frame);
    sql_end(&env);
}

static void
test_schemas(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *frame = NULL;
    struct ArrowSchema schema = {0};
    sql_begin(&env, 1);
    SQL_OK(&env,
           cn_session_sql(env.session, "SELECT 1 AS a, 'x' AS b, 1.50 AS c, DATE '2020-01-01'",
                          &frame, &env.err));
    SQL_OK(&env, cn_frame_schema(frame, &schema, &env.err));
    cn_frame_free(frame);
    cn_session_free(env.session);
    cn_engine_free(env.engine);
    /* It owns itself. */
    assert_string_equal(schema.format, "+s");
    assert_int_equal(schema.n_children, 4);
    assert_string_equal(schema.children[0]->name, "a");
    assert_string_equal(schema.children[0]->format, "i");
    assert_string_equal(schema.children[1]->format, "u");
    assert_string_equal(schema.children[2]->format, "d:3,2");
    assert_string_equal(schema.children[3]->format, "tdD");
    schema.release(&schema);
    cni_strbuf_done(&env.text);
    assert_int_equal(cni_budget_current_bytes(env.budget), 0);
    cni_budget_unref(env.budget);
}

static void
test_views_leave_as_views(void **state)
{
    (void)state;
    sql_env env;
    struct ArrowArrayStream rows = {0};
    struct ArrowSchema schema = {0};
    sql_begin(&env, 1);
    SQL_OK(&env, cn_session_set(env.session, "export_views", "on", &env.err));
    SQL_OK(&env, cn_session_execute(env.session, "SELECT 'a string of more than twelve bytes'",
                                    &rows, &env.err));
    assert_int_equal(rows.get_schema(&rows, &schema), 0);
    assert_string_equal(schema.children[0]->format, "vu");
    schema.release(&schema);
    SQL_OK(&env, sql_stream_text(&rows, &env.text, &env.err));
    assert_string_equal(sql_text(&env), "a string of more than twelve bytes\n");
    sql_end(&env);
}

static void
test_texts_are_cut_to_the_buffer(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *frame = NULL;
    char small[4] = "zzz";
    char large[8192];
    int64_t length = 0;
    sql_begin(&env, 2);
    SQL_OK(&env, cn_session_set(env.session, "memory_limit", "123456789", &env.err));
    SQL_OK(&env, cn_session_get(env.session, "memory_limit", small, 4, &length, &env.err));
    assert_string_equal(small, "123");
    assert_int_equal(length, 9);
    SQL_OK(&env, cn_session_get(env.session, "memory_limit", NULL, 0, &length, &env.err));
    assert_int_equal(length, 9);
    assert_int_equal(cn_session_get(env.session, "memory", large, 10, NULL, &env.err),
                     CN_NOT_FOUND);
    SQL_OK(&env, cn_session_sql(env.session, "SELECT x + 0 FROM (VALUES (1)) t(x) WHERE TRUE",
                                &frame, &env.err));
    SQL_OK(&env, cn_frame_explain(frame, "text", 0, small, 4, &length, &env.err));
    assert_string_equal(small, "Pro");
    assert_true(length > 20);
    SQL_OK(&env, cn_frame_explain(frame, "json", 1, large, sizeof(large), &length, &env.err));
    assert_int_equal(strlen(large), length);
    assert_int_equal(large[0], '{');
    SQL_OK(&env, cn_frame_explain(frame, NULL, 1, large, sizeof(large), NULL, &env.err));
    assert_non_null(strstr(large, "Pipeline 0"));
    cn_frame_free(frame);
    sql_end(&env);
}

static void
test_split(void **state)
{
    (void)state;
    const char *script = " SELECT ';' ; -- two;\n SELECT (1;2)";
    int64_t offset = 0;
    int64_t length = 0;
    int64_t next = 0;
    int32_t complete = 0;
    assert_int_equal(cn_sql_split(script, -1, &offset, &length, &next, &complete, NULL), CN_OK);
    assert_int_equal(offset, 1);
    assert_int_equal(length, 10);
    assert_int_equal(complete, 1);
    assert_int_equal(cn_sql_split(script + next, -1, &offset, &length, NULL, &complete, NULL),
                     CN_OK);
    assert_memory_equal(script + next + offset, "SELECT (1;2)", 12);
    assert_int_equal(complete, 0);
    assert_int_equal(cn_sql_split("  -- only\n", -1, NULL, &length, &next, NULL, NULL), CN_OK);
    assert_int_equal(length, 0);
    assert_int_equal(next, 10);
}

static void
test_a_session_is_cheap(void **state)
{
    (void)state;
    sql_env env;
    sql_begin(&env, 2);
    const int64_t before = cn_engine_memory_bytes(env.engine);
    cn_session *sessions[50];
    for (int index = 0; index < 50; index++) {
        SQL_OK(&env, cn_session_new(env.engine, &sessions[index], &env.err));
    }
    assert_true(cn_engine_memory_peak_bytes(env.engine) >= before);
    for (int index = 0; index < 50; index++) {
        cn_session_free(sessions[index]);
    }
    assert_int_equal(cn_engine_memory_bytes(env.engine), before);
    sql_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_free_takes_null),
        cmocka_unit_test(test_null_arguments_are_named),
        cmocka_unit_test(test_struct_sizes),
        cmocka_unit_test(test_any_order_of_free),
        cmocka_unit_test(test_a_stream_works_after_the_handles_are_gone),
        cmocka_unit_test(test_errors_of_streams),
        cmocka_unit_test(test_a_result_is_taken_once),
        cmocka_unit_test(test_schemas),
        cmocka_unit_test(test_views_leave_as_views),
        cmocka_unit_test(test_texts_are_cut_to_the_buffer),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_a_session_is_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
