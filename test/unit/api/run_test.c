/* SPDX-License-Identifier: Apache-2.0
 *
 * Running queries through the public API: parameters, access policy, cancellation, time limits,
 * memory limits, progress, profiles, threads of the host.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "colonnade/colonnade.h"
#include "runtime/task.h"
#include "support/test_stream.h"

/* The promise is 100 ms; the rest is for loaded machines and sanitizers. */
#define CANCEL_LIMIT_MS 1000

/* ---- parameters ---- */

/* A row of an unnamed BIGINT and a VARCHAR called "who". */
static foreign_node *
parameter_row(int64_t number, int64_t n_rows)
{
    foreign_node *root = foreign_new("+s", n_rows, 0, 1);
    root->array.null_count = 0;
    foreign_add_child(root, foreign_i64(number, n_rows, 0), "");
    foreign_add_child(root, foreign_text("name ", n_rows), "who");
    return root;
}

static void
test_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *expected;
    } cases[] = {
        {"SELECT $1 + 1, $who", "42|name 0\n"},
        {"SELECT $who WHERE $1 = 41", "name 0\n"},
        {"SELECT x FROM (VALUES (40), (41), (42)) t(x) WHERE x >= $1 LIMIT 1", "41\n"},
        {"SELECT x FROM (VALUES (1), (2)) t(x) LIMIT $1", "1\n2\n"},
        {"SELECT 1", "1\n"}, /* a value that is not used */
    };
    sql_env env;
    sql_begin(&env, 1);
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        foreign_node *row = parameter_row(41, 1);
        cn_frame *frame = NULL;
        struct ArrowArrayStream rows = {0};
        SQL_OK(&env, cn_session_sql_with(env.session, cases[index].sql, &row->schema, &row->array,
                                         &frame, &env.err));
        assert_null(row->array.release);
        SQL_OK(&env, cn_frame_stream(frame, &rows, &env.err));
        cni_strbuf_reset(&env.text);
        SQL_OK(&env, sql_stream_text(&rows, &env.text, &env.err));
        assert_string_equal(sql_text(&env), cases[index].expected);
        cn_frame_free(frame);
        assert_int_equal(row->n_released, 1);
        foreign_free(row);
    }
    sql_end(&env);
}

static void
test_wrong_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int64_t n_rows;
        cn_code code;
        const char *needle;
    } cases[] = {
        {"SELECT $3", 1, CN_INVALID_ARGUMENT, "$3"},
        {"SELECT $nobody", 1, CN_INVALID_ARGUMENT, "$nobody"},
        {"SELECT $1", 2, CN_INVALID_ARGUMENT, "parameters must be one row, not 2"},
        {"SELECT $1", 0, CN_INVALID_ARGUMENT, "parameters must be one row, not 0"},
        {"SELEC $1", 1, CN_INVALID_ARGUMENT, "SELEC"},
        {"SET threads = 2", 1, CN_INVALID_ARGUMENT, "gives no rows"},
    };
    sql_env env;
    sql_begin(&env, 1);
    for (int64_t index = 0; index < CN_ARRAY_LEN(cases); index++) {
        foreign_node *row = parameter_row(1, cases[index].n_rows);
        cn_frame *frame = NULL;
        env.err = (cn_error)CN_ERROR_INIT;
        const cn_code code = cn_session_sql_with(env.session, cases[index].sql, &row->schema,
                                                 &row->array, &frame, &env.err);
        if (code != cases[index].code || strstr(env.err.message, cases[index].needle) == NULL) {
            fail_msg("%s: %s: %s", cases[index].sql, cn_code_name((int32_t)code), env.err.message);
        }
        assert_null(frame);
        assert_int_equal(row->n_released, 1);
        foreign_free(row);
    }
    SQL_FAILS(&env, "SELECT $1", CN_INVALID_ARGUMENT, "42P02", "$1", "$1");
    sql_end(&env);
}

/* ---- access policy ---- */

typedef struct guard {
    cni_atomic_i64 n_asked; /* counter */
    const char *refused;    /* part of paths that are refused */
    int32_t n_writing;
} guard;

static int
guard_open(void *private_data, const char *path, int32_t writing)
{
    guard *self = private_data;
    (void)cni_counter_add(&self->n_asked, 1);
    self->n_writing += writing;
    return self->refused != NULL && strstr(path, self->refused) != NULL ? EACCES : 0;
}

#define NATION "'" CN_TEST_DATA "/tpch/nation.parquet'"
#define REGION "'" CN_TEST_DATA "/tpch/region.parquet'"

static void
test_an_access_policy(void **state)
{
    (void)state;
    sql_env env;
    guard self = {.refused = "region"};
    const cn_access_policy policy = {
        .struct_size = sizeof(policy), .open_file = guard_open, .private_data = &self};
    const cn_access_policy open = {.struct_size = sizeof(open)};
    sql_begin(&env, 2);
    SQL_GIVES(&env, "CREATE VIEW r AS SELECT r_name FROM " REGION, "");
    SQL_OK(&env, cn_session_set_access_policy(env.session, &policy, &env.err));
    SQL_GIVES(&env, "SELECT count(*) FROM " NATION, "25\n");
    assert_true(self.n_asked > 0);
    assert_int_equal(self.n_writing, 0);
    SQL_FAILS(&env, "SELECT count(*) FROM " REGION, CN_UNAUTHORIZED, "42501", NULL,
              "the access policy refuses");
    SQL_FAILS(&env, "SELECT count(*) FROM r", CN_UNAUTHORIZED, "42501", NULL, "region.parquet");
    SQL_FAILS(&env, "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION " REGION, CN_UNAUTHORIZED,
              "42501", NULL, "region.parquet");
    SQL_FAILS(&env, "SELECT count(*) FROM '" CN_TEST_DATA "/tpch/[rn]*n.parquet'", CN_UNAUTHORIZED,
              "42501", NULL, "region.parquet");
    /* A policy without slots allows, so does none. */
    SQL_OK(&env, cn_session_set_access_policy(env.session, &open, &env.err));
    SQL_GIVES(&env, "SELECT count(*) FROM r", "5\n");
    SQL_OK(&env, cn_session_set_access_policy(env.session, &policy, &env.err));
    SQL_OK(&env, cn_session_set_access_policy(env.session, NULL, &env.err));
    SQL_GIVES(&env, "SELECT count(*) FROM r", "5\n");
    sql_end(&env);
}

/* ---- stopping ---- */

static int64_t
now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

typedef struct canceller {
    cn_query *query;
    int64_t after_ms;
    int64_t cancelled_at_ms;
} canceller;

static void *
cancel_later(void *argument)
{
    canceller *self = argument;
    const struct timespec pause = {.tv_nsec = self->after_ms * 1000000};
    (void)nanosleep(&pause, NULL);
    self->cancelled_at_ms = now_ms();
    cn_query_cancel(self->query);
    return NULL;
}

static cn_code
register_endless(sql_env *env, const char *name, test_stream *stream)
{
    *stream = (test_stream)TEST_STREAM_INIT;
    stream->n_batches = -1;
    stream->batch_rows = 1000;
    struct ArrowArrayStream opened = test_stream_open(stream);
    return cn_session_register_stream(env->session, name, &opened, 1, &env->err);
}

/* Runs until it is cancelled from another thread; gives the milliseconds that it took to stop. */
static int64_t
cancel_one(sql_env *env, const char *sql, int32_t n_threads)
{
    const cn_query_options options = {.struct_size = sizeof(options), .n_threads = n_threads};
    cn_frame *frame = NULL;
    canceller self = {.after_ms = 30};
    pthread_t thread;
    struct ArrowArray batch = {0};
    cn_code code = CN_OK;
    SQL_OK(env, cn_session_sql(env->session, sql, &frame, &env->err));
    SQL_OK(env, cn_frame_start(frame, &options, &self.query, &env->err));
    assert_int_equal(pthread_create(&thread, NULL, cancel_later, &self), 0);
    while (code == CN_OK) {
        code = cn_query_next(self.query, &batch, &env->err);
        if (code == CN_OK) {
            assert_non_null(batch.release);
            batch.release(&batch);
        }
    }
    const int64_t stopped_at_ms = now_ms();
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(code, CN_CANCELLED);
    assert_string_equal(env->err.sqlstate, "57014");
    assert_int_equal(cn_query_next(self.query, &batch, &env->err), CN_CANCELLED);
    cn_query_free(self.query);
    cn_frame_free(frame);
    return stopped_at_ms - self.cancelled_at_ms;
}

static void
test_cancellation(void **state)
{
    (void)state;
    static const char *const queries[] = {
        "SELECT count(*) FROM s",
        "SELECT id % 7, count(*), max(name) FROM s GROUP BY 1",
        "SELECT id FROM s WHERE id < 0",
        "SELECT id FROM s",
    };
    sql_env env;
    sql_begin(&env, 4);
    for (int64_t index = 0; index < CN_ARRAY_LEN(queries); index++) {
        for (int32_t n_threads = 1; n_threads <= 4; n_threads += 3) {
            test_stream stream;
            SQL_OK(&env, register_endless(&env, "s", &stream));
            assert_in_range(cancel_one(&env, queries[index], n_threads), 0, CANCEL_LIMIT_MS);
            assert_int_equal(stream.n_released, 1);
        }
    }
    SQL_GIVES(&env, "SELECT 1", "1\n");
    sql_end(&env);
}

static void
test_cancelled_before_it_starts(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArrayStream rows = {0};
    struct ArrowArray batch = {0};
    sql_begin(&env, 1);
    SQL_OK(&env, cn_session_sql(env.session, "SELECT 1", &frame, &env.err));
    SQL_OK(&env, cn_frame_start(frame, NULL, &query, &env.err));
    SQL_OK(&env, cn_query_stream(query, &rows, &env.err));
    cn_query_cancel(query);
    cn_query_free(query);
    assert_int_equal(rows.get_next(&rows, &batch), ECANCELED);
    cn_stream_error(&rows, &env.err);
    assert_int_equal(env.err.code, CN_CANCELLED);
    rows.release(&rows);
    cn_frame_free(frame);
    sql_end(&env);
}

static void
test_freeing_a_query_stops_its_stream(void **state)
{
    (void)state;
    sql_env env;
    test_stream stream;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArrayStream rows = {0};
    struct ArrowArray batch = {0};
    sql_begin(&env, 2);
    SQL_OK(&env, register_endless(&env, "s", &stream));
    SQL_OK(&env, cn_session_set(env.session, "batch_rows", "1000", &env.err));
    SQL_OK(&env, cn_session_sql(env.session, "SELECT id FROM s", &frame, &env.err));
    SQL_OK(&env, cn_frame_start(frame, NULL, &query, &env.err));
    SQL_OK(&env, cn_query_stream(query, &rows, &env.err));
    assert_int_equal(rows.get_next(&rows, &batch), 0);
    cn_query_free(query);
    int status = 0;
    while (status == 0) {
        assert_non_null(batch.release);
        batch.release(&batch);
        status = rows.get_next(&rows, &batch);
    }
    assert_int_equal(status, ECANCELED);
    rows.release(&rows);
    assert_int_equal(stream.n_released, 1);
    cn_frame_free(frame);
    sql_end(&env);
}

static void
test_time_limits(void **state)
{
    (void)state;
    sql_env env;
    test_stream stream;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArray batch = {0};
    const cn_query_options options = {.struct_size = sizeof(options), .timeout_ms = 40};
    sql_begin(&env, 2);
    SQL_OK(&env, register_endless(&env, "s", &stream));
    SQL_OK(&env, cn_session_sql(env.session, "SELECT count(*) FROM s", &frame, &env.err));
    int64_t begin_ms = now_ms();
    SQL_OK(&env, cn_frame_start(frame, &options, &query, &env.err));
    assert_int_equal(cn_query_next(query, &batch, &env.err), CN_TIMEOUT);
    assert_in_range(now_ms() - begin_ms, 40, 40 + CANCEL_LIMIT_MS);
    cn_query_free(query);
    cn_frame_free(frame);
    /* The same by a setting, and over EXPLAIN ANALYZE, which runs when it is started. */
    SQL_OK(&env, cn_session_set(env.session, "timeout_ms", "40", &env.err));
    SQL_OK(&env, register_endless(&env, "s", &stream));
    begin_ms = now_ms();
    SQL_FAILS(&env, "EXPLAIN ANALYZE SELECT count(*) FROM s", CN_TIMEOUT, NULL, NULL, "");
    assert_in_range(now_ms() - begin_ms, 40, 40 + CANCEL_LIMIT_MS);
    SQL_GIVES(&env, "RESET timeout_ms; SELECT 1", "1\n");
    sql_end(&env);
}

static void
test_memory_limits(void **state)
{
    (void)state;
    sql_env env;
    test_stream stream;
    sql_begin(&env, 2);
    SQL_GIVES(&env, "SET memory_limit = '8MB'; SET temp_directory = ''", ""); /* nowhere to go */
    SQL_OK(&env, register_endless(&env, "s", &stream));
    SQL_FAILS(&env, "SELECT id, count(*) FROM s GROUP BY id", CN_BUDGET_EXCEEDED, "53200", NULL,
              "query");
    assert_int_equal(stream.n_released, 1);
    /* The session is as good as before, and so is the engine's limit for another one. */
    SQL_GIVES(&env, "SELECT 1", "1\n");
    SQL_OK(&env, register_endless(&env, "s", &stream));
    SQL_GIVES(&env, "SELECT id FROM s LIMIT 2", "0\n1\n");
    sql_end(&env);
}

static void
test_the_engines_limit(void **state)
{
    (void)state;
    sql_env env;
    test_stream stream;
    sql_begin_within(&env, 2, INT64_C(16) << 20);
    SQL_GIVES(&env, "SET temp_directory = ''", "");
    SQL_OK(&env, register_endless(&env, "s", &stream));
    SQL_FAILS(&env, "SELECT id, count(*) FROM s GROUP BY id", CN_BUDGET_EXCEEDED, "53200", NULL,
              "limit");
    assert_true(cn_engine_memory_peak_bytes(env.engine) <= INT64_C(16) << 20);
    SQL_GIVES(&env, "SELECT 1", "1\n");
    sql_end(&env);
}

/* The rows that a recursion has given need more than there is: they go to disk, and rows that come
 * again are still found there. */
static void
test_recursion_spills(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArray batch = {0};
    cn_progress progress = {.struct_size = sizeof(progress)};
    sql_begin(&env, 2);
    SQL_GIVES(&env,
              "SET memory_limit = '6MB';"
              "CREATE VIEW d AS VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
              "");
    SQL_OK(&env, cn_session_sql(
                     env.session,
                     "WITH RECURSIVE r AS ("
                     " SELECT a.column1 * 1000 + b.column1 * 100 + c.column1 * 10 + e.column1 AS k"
                     " FROM d AS a, d AS b, d AS c, d AS e"
                     " UNION SELECT k + s.column1 FROM r, (VALUES (8000), (-8000), (0)) AS s"
                     "       WHERE k + s.column1 BETWEEN 0 AND 159999)"
                     "SELECT count(*), sum(k), min(k), max(k) FROM r",
                     &frame, &env.err));
    SQL_OK(&env, cn_frame_start(frame, NULL, &query, &env.err));
    SQL_OK(&env, cn_query_next(query, &batch, &env.err));
    SQL_OK(&env, cn_query_progress(query, &progress, &env.err));
    assert_int_equal(*(const int64_t *)batch.children[0]->buffers[1], 160000);
    batch.release(&batch);
    assert_true(progress.spilled_bytes > 2 << 20);
    assert_true(progress.memory_peak_bytes <= 6000000);
    cn_query_free(query);
    cn_frame_free(frame);
    sql_end(&env);
}

/* ---- watching ---- */

static void
test_progress(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArray batch = {0};
    cn_progress progress = {.struct_size = sizeof(progress)};
    foreign_node *table = foreign_table(0, 100000);
    sql_begin(&env, 1);
    SQL_OK(&env, cn_session_register_arrays(env.session, "t", &table->schema, &table->array, 1, 0,
                                            &env.err));
    SQL_OK(&env, cn_session_set(env.session, "batch_rows", "1000", &env.err));
    SQL_OK(&env, cn_session_sql(env.session, "SELECT id FROM t", &frame, &env.err));
    SQL_OK(&env, cn_frame_start(frame, NULL, &query, &env.err));
    SQL_OK(&env, cn_query_progress(query, &progress, &env.err));
    assert_int_equal(progress.rows_scanned, 0);
    int64_t n_rows = 0;
    double fraction = 0;
    do {
        SQL_OK(&env, cn_query_next(query, &batch, &env.err));
        SQL_OK(&env, cn_query_progress(query, &progress, &env.err));
        assert_true(progress.fraction >= fraction && progress.fraction <= 1.0);
        fraction = progress.fraction;
        n_rows += batch.length;
        if (batch.release != NULL) {
            batch.release(&batch);
        }
    } while (n_rows < 100000);
    assert_int_equal(progress.rows_scanned, 100000);
    assert_true(progress.fraction > 0.999);
    assert_true(progress.elapsed_us > 0);
    cn_query_free(query);
    cn_frame_free(frame);
    sql_end(&env);
    foreign_free(table);
}

static void
test_profiles(void **state)
{
    (void)state;
    sql_env env;
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArray batch = {0};
    char text[8192];
    int64_t length = 0;
    foreign_node *table = foreign_table(0, 5000);
    sql_begin(&env, 2);
    SQL_OK(&env, cn_session_register_arrays(env.session, "t", &table->schema, &table->array, 1, 0,
                                            &env.err));
    SQL_OK(&env, cn_session_sql(env.session, "SELECT count(*) FROM t WHERE id % 2 = 0", &frame,
                                &env.err));
    SQL_OK(&env, cn_frame_start(frame, NULL, &query, &env.err));
    SQL_OK(&env, cn_query_next(query, &batch, &env.err));
    batch.release(&batch);
    SQL_OK(&env, cn_query_profile(query, "text", text, sizeof(text), &length, &env.err));
    assert_int_equal(strlen(text), length);
    assert_non_null(strstr(text, "Scan"));
    assert_non_null(strstr(text, "5000"));
    SQL_OK(&env, cn_query_profile(query, "json", text, sizeof(text), &length, &env.err));
    assert_true(text[0] == '{' || text[0] == '[');
    assert_non_null(strstr(text, "5000"));
    cn_query_free(query);
    cn_frame_free(frame);
    sql_end(&env);
    foreign_free(table);
}

/* ---- threads of the host ---- */

typedef struct host_work {
    void (*run)(void *argument);
    void *argument;
} host_work;

typedef struct host_threads {
    cni_atomic_i64 n_submitted; /* counter */
    bool refuse;
} host_threads;

static void *
run_work(void *argument)
{
    host_work work = *(host_work *)argument;
    free(argument);
    work.run(work.argument);
    return NULL;
}

static int
host_submit(void *private_data, void (*run)(void *argument), void *argument)
{
    host_threads *self = private_data;
    pthread_t thread;
    (void)cni_counter_add(&self->n_submitted, 1);
    if (self->refuse) {
        return 1;
    }
    host_work *work = malloc(sizeof(*work));
    assert_non_null(work);
    *work = (host_work){run, argument};
    if (pthread_create(&thread, NULL, run_work, work) != 0) {
        free(work);
        return 1;
    }
    return pthread_detach(thread);
}

static void
test_threads_of_the_host(void **state)
{
    (void)state;
    for (int refuse = 0; refuse < 2; refuse++) {
        host_threads self = {.refuse = refuse != 0};
        const cn_executor executor = {.submit = host_submit, .private_data = &self};
        const cn_engine_options options = {
            .struct_size = sizeof(options), .n_threads = 4, .executor = &executor};
        sql_env env;
        foreign_node *table = foreign_table(0, 1000000);
        memset(&env, 0, sizeof(env));
        cni_strbuf_init(&env.text, cni_allocator_system(), INT64_C(1) << 20);
        SQL_OK(&env, cn_engine_new(&options, &env.engine, &env.err));
        env.budget = cni_budget_ref(env.engine->budget);
        SQL_OK(&env, cn_session_new(env.engine, &env.session, &env.err));
        SQL_OK(&env, cn_session_register_arrays(env.session, "t", &table->schema, &table->array, 1,
                                                0, &env.err));
        assert_int_equal(self.n_submitted, 0);
        SQL_GIVES(&env, "SELECT sum(id), max(name) FROM t", "499999500000|name 999999\n");
        assert_true(self.n_submitted > 0);
        sql_end(&env);
        foreign_free(table);
    }
}

/* ---- several users at once ---- */

typedef struct user {
    cn_session *session;
    int32_t n_wrong;
} user;

static void *
use_session(void *argument)
{
    user *self = argument;
    for (int round = 0; round < 30; round++) {
        struct ArrowArrayStream rows = {0};
        struct ArrowArray batch = {0};
        cn_error err = CN_ERROR_INIT;
        if (cn_session_execute(self->session,
                               "CREATE OR REPLACE VIEW v AS SELECT 1 AS a; SET chunk_rows = 7; "
                               "SELECT sum(id) FROM t WHERE id % 2 = 0",
                               &rows, &err) != CN_OK ||
            rows.get_next(&rows, &batch) != 0 || batch.length != 1) {
            self->n_wrong++;
        }
        if (batch.release != NULL) {
            batch.release(&batch);
        }
        if (rows.release != NULL) {
            rows.release(&rows);
        }
    }
    return NULL;
}

static void
test_one_session_from_many_threads(void **state)
{
    (void)state;
    sql_env env;
    pthread_t threads[4];
    foreign_node *table = foreign_table(0, 5000);
    sql_begin(&env, 3);
    SQL_OK(&env, cn_session_register_arrays(env.session, "t", &table->schema, &table->array, 1, 0,
                                            &env.err));
    user users[4] = {{env.session, 0}, {env.session, 0}, {env.session, 0}, {env.session, 0}};
    for (int index = 0; index < 4; index++) {
        assert_int_equal(pthread_create(&threads[index], NULL, use_session, &users[index]), 0);
    }
    for (int index = 0; index < 4; index++) {
        assert_int_equal(pthread_join(threads[index], NULL), 0);
        assert_int_equal(users[index].n_wrong, 0);
    }
    sql_end(&env);
    foreign_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_wrong_parameters),
        cmocka_unit_test(test_an_access_policy),
        cmocka_unit_test(test_cancellation),
        cmocka_unit_test(test_cancelled_before_it_starts),
        cmocka_unit_test(test_freeing_a_query_stops_its_stream),
        cmocka_unit_test(test_time_limits),
        cmocka_unit_test(test_memory_limits),
        cmocka_unit_test(test_the_engines_limit),
        cmocka_unit_test(test_recursion_spills),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_threads_of_the_host),
        cmocka_unit_test(test_one_session_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
