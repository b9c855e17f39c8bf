/* SPDX-License-Identifier: Apache-2.0
 *
 * An engine that is busy: queries that wait for memory and are refused, cancelled or let through,
 * sessions that are cancelled as a whole, results that nobody pulls, limits of sessions.
 */
#include <pthread.h>
#include <unistd.h>

#include "support/test_stream.h"

#define LIMIT_BYTES (INT64_C(64) << 20)
#define N_LARGE     3 /* claim a quarter each: a fourth does not fit beside the lane of small ones */
#define CANCEL_MS   400 /* 100 promised; slow machines, sanitizers */

#define KEYS(t)                                                                                    \
    t ".name || 'a', " t ".name || 'b', " t ".name || 'c', " t ".name || 'd', " t                  \
      ".name || 'e', " t ".name || 'f', " t ".name || 'g', " t ".name || 'h', " t ".name || 'i'"
/* Its sink is taken to need more than a quarter of the limit, is given no rows, and has no end. */
#define LARGE "SELECT s.id FROM s, t WHERE s.id < 0 ORDER BY " KEYS("s")
/* The same, but it ends. */
#define LARGE_FINITE "SELECT a.id FROM t a, t b WHERE a.id + b.id < 0 ORDER BY " KEYS("a")

typedef struct runner {
    cn_engine *engine;
    cn_session *session;
    test_stream stream;
    foreign_node *table; /* 1000 rows */
    pthread_t thread;
    cn_query *query;
    cn_frame *frame;
    cn_error err;
    cn_code code;
    cni_atomic_i64 ended;
} runner;

static int64_t
now_ms(void)
{
    return cni_clock_ns() / 1000000;
}

/* A session with an endless table, and a query that is not pulled yet. */
static void
prepare(runner *self, sql_env *env, const char *sql)
{
    self->engine = env->engine;
    self->err = (cn_error)CN_ERROR_INIT;
    SQL_OK(env, cn_session_new(env->engine, &self->session, &env->err));
    self->stream = (test_stream)TEST_STREAM_INIT;
    self->stream.n_batches = -1;
    self->stream.batch_rows = 1000;
    self->stream.sleep_us = 200;
    struct ArrowArrayStream opened = test_stream_open(&self->stream);
    SQL_OK(env, cn_session_register_stream(self->session, "s", &opened, 1, &env->err));
    self->table = foreign_table(0, 1000);
    SQL_OK(env, cn_session_register_arrays(self->session, "t", &self->table->schema,
                                           &self->table->array, 1, 0, &env->err));
    SQL_OK(env, cn_session_set(self->session, "batch_rows", "1000", &env->err));
    SQL_OK(env, cn_session_sql(self->session, sql, &self->frame, &env->err));
    SQL_OK(env, cn_frame_start(self->frame, NULL, &self->query, &env->err));
}

static void *
pull(void *argument)
{
    runner *self = argument;
    struct ArrowArray batch = {0};
    do {
        self->code = cn_query_next(self->query, &batch, &self->err);
        if (self->code == CN_OK && batch.release != NULL) {
            batch.release(&batch);
        }
    } while (self->code == CN_OK);
    cni_flag_publish(&self->ended, 1);
    return NULL;
}

static cn_progress
look(runner *self)
{
    cn_progress progress = {.struct_size = sizeof(progress)};
    assert_int_equal(cn_query_progress(self->query, &progress, NULL), CN_OK);
    return progress;
}

static void
pull_in_thread(runner *self, int32_t until_state)
{
    assert_int_equal(look(self).state, CN_QUERY_READY);
    assert_int_equal(pthread_create(&self->thread, NULL, pull, self), 0);
    while (look(self).state != until_state) {
        (void)usleep(1000);
    }
}

static void
clean(runner *self)
{
    cn_query_free(self->query);
    cn_frame_free(self->frame);
    cn_session_free(self->session);
    foreign_free(self->table);
}

/* Cancel the session, wait for its query; gives the milliseconds. */
static int64_t
cancel_session(runner *self)
{
    const int64_t begun_ms = now_ms();
    cn_session_cancel(self->session);
    assert_int_equal(pthread_join(self->thread, NULL), 0);
    assert_int_equal(self->code, CN_CANCELLED);
    assert_int_equal(look(self).state, CN_QUERY_ENDED);
    return now_ms() - begun_ms;
}

static void
fill(sql_env *env, runner *runners)
{
    for (int at = 0; at < N_LARGE; at++) {
        prepare(&runners[at], env, LARGE);
        pull_in_thread(&runners[at], CN_QUERY_RUNNING);
    }
}

static void
empty(runner *runners)
{
    for (int at = 0; at < N_LARGE; at++) {
        assert_in_range(cancel_session(&runners[at]), 0, CANCEL_MS);
        clean(&runners[at]);
    }
}

static void
test_waiting_and_refusal(void **state)
{
    (void)state;
    sql_env env;
    runner runners[N_LARGE] = {0};
    runner late = {0};
    sql_begin_within(&env, 2, LIMIT_BYTES);
    fill(&env, runners);
    prepare(&late, &env, "SELECT 1");
    clean(&late);
    late = (runner){0};
    prepare(&late, &env, LARGE);
    SQL_OK(&env, cn_session_set(late.session, "admission_timeout_ms", "80", &env.err));
    cn_query_free(late.query);
    SQL_OK(&env, cn_frame_start(late.frame, NULL, &late.query, &env.err));
    (void)pull(&late);
    assert_int_equal(late.code, CN_BUSY);
    assert_string_equal(late.err.sqlstate, "53300");
    assert_non_null(strstr(late.err.message, "64 MiB"));
    assert_non_null(strstr(late.err.message, "admission_timeout_ms"));
    SQL_GIVES(&env, "SELECT 6 * 7", "42\n"); /* small ones have a lane */
    empty(runners);
    clean(&late);
    sql_end(&env);
}

static void
test_cancelled_and_let_through(void **state)
{
    (void)state;
    sql_env env;
    runner runners[N_LARGE] = {0};
    runner cancelled = {0};
    runner patient = {0};
    sql_begin_within(&env, 2, LIMIT_BYTES);
    fill(&env, runners);
    prepare(&cancelled, &env, LARGE);
    prepare(&patient, &env, LARGE);
    pull_in_thread(&cancelled, CN_QUERY_WAITING);
    pull_in_thread(&patient, CN_QUERY_WAITING);
    assert_in_range(cancel_session(&cancelled), 0, CANCEL_MS);
    assert_int_equal(look(&patient).state, CN_QUERY_WAITING);
    assert_in_range(cancel_session(&runners[1]), 0, CANCEL_MS);
    while (look(&patient).state != CN_QUERY_RUNNING) {
        (void)usleep(1000);
    }
    assert_true(look(&patient).memory_peak_bytes > 0);
    assert_in_range(cancel_session(&patient), 0, CANCEL_MS);
    clean(&cancelled);
    clean(&runners[1]);
    runners[1] = patient; /* ended; the others are cancelled here */
    for (int at = 0; at < N_LARGE; at++) {
        if (at != 1) {
            (void)cancel_session(&runners[at]);
        }
        clean(&runners[at]);
    }
    sql_end(&env);
}

/* The statement's time limit holds while it waits. */
static void
test_time_limit_while_waiting(void **state)
{
    (void)state;
    sql_env env;
    runner runners[N_LARGE] = {0};
    runner late = {0};
    const cn_query_options options = {.struct_size = sizeof(options), .timeout_ms = 60};
    sql_begin_within(&env, 2, LIMIT_BYTES);
    fill(&env, runners);
    prepare(&late, &env, LARGE);
    cn_query_free(late.query);
    const int64_t begun_ms = now_ms();
    SQL_OK(&env, cn_frame_start(late.frame, &options, &late.query, &env.err));
    (void)pull(&late);
    assert_int_equal(late.code, CN_TIMEOUT);
    assert_in_range(now_ms() - begun_ms, 60, 60 + CANCEL_MS);
    empty(runners);
    clean(&late);
    sql_end(&env);
}

/* One thread may have any number of results open: those that it does not pull keep nobody out. */
static void
test_results_that_nobody_pulls(void **state)
{
    (void)state;
    sql_env env;
    runner runners[6] = {0};
    sql_begin_within(&env, 2, LIMIT_BYTES);
    for (int at = 0; at < 6; at++) {
        struct ArrowArray batch = {0};
        prepare(&runners[at], &env, "SELECT id FROM t UNION ALL (" LARGE_FINITE ")");
        SQL_OK(&env, cn_query_next(runners[at].query, &batch, &env.err));
        assert_true(batch.length > 0);
        batch.release(&batch);
    }
    for (int at = 0; at < 6; at++) {
        clean(&runners[at]);
    }
    sql_end(&env);
}

/* A client that stops pulling holds a bounded part of the result; its rows are all there when it
 * comes back. */
static void
test_a_client_that_stops(void **state)
{
    (void)state;
    sql_env env;
    runner self = {0};
    struct ArrowArray batch = {0};
    sql_begin_within(&env, 2, LIMIT_BYTES);
    prepare(&self, &env, "SELECT id + 1 AS id, name || ' and a tail that is long' FROM s");
    self.stream.batch_rows = 16384;
    cn_query_free(self.query);
    SQL_OK(&env, cn_session_set(self.session, "chunk_rows", "16384", &env.err));
    SQL_OK(&env, cn_frame_start(self.frame, NULL, &self.query, &env.err));
    SQL_OK(&env, cn_query_next(self.query, &batch, &env.err));
    int64_t n_rows = batch.length;
    batch.release(&batch);
    int64_t n_given = -1;
    while (n_given != cni_counter_get(&self.stream.n_given)) { /* until nothing is read on */
        n_given = cni_counter_get(&self.stream.n_given);
        (void)usleep(100000);
    }
    assert_in_range(look(&self).memory_bytes, 1, LIMIT_BYTES / 4);
    for (int32_t pull_number = 0; pull_number < 40; pull_number++) {
        SQL_OK(&env, cn_query_next(self.query, &batch, &env.err));
        const int64_t *ids = batch.children[0]->buffers[1];
        assert_int_equal(ids[batch.children[0]->offset], n_rows + 1);
        n_rows += batch.length;
        batch.release(&batch);
    }
    clean(&self);
    sql_end(&env);
}

static void
test_session_limit(void **state)
{
    (void)state;
    sql_env env;
    foreign_node *table = foreign_table(0, 1000);
    sql_begin_within(&env, 2, LIMIT_BYTES);
    SQL_GIVES(&env, "SET session_memory_limit = '8MB'", "");
    SQL_OK(&env, cn_session_register_arrays(env.session, "t", &table->schema, &table->array, 1, 0,
                                            &env.err));
    SQL_FAILS(&env, "CREATE TABLE big AS SELECT a.id FROM t a, t b, t c", CN_BUDGET_EXCEEDED,
              "53200", NULL, "session limit");
    SQL_GIVES(&env, "RESET session_memory_limit; SELECT 1", "1\n");
    SQL_FAILS(&env, "SET priority = 'highest'", CN_INVALID_ARGUMENT, "22023", NULL,
              "low, normal, high");
    SQL_GIVES(&env, "SET priority = 'high'; SELECT 2", "2\n");
    sql_end(&env);
    foreign_free(table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waiting_and_refusal),
        cmocka_unit_test(test_cancelled_and_let_through),
        cmocka_unit_test(test_time_limit_while_waiting),
        cmocka_unit_test(test_results_that_nobody_pulls),
        cmocka_unit_test(test_a_client_that_stops),
        cmocka_unit_test(test_session_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
