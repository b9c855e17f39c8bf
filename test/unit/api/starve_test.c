/* SPDX-License-Identifier: Apache-2.0
 *
 * A query whose state cannot be written out beside others: it is the one that is refused, whoever
 * came first.
 */
#include <pthread.h>
#include <unistd.h>

#include "support/test_stream.h"

#define MIB         (INT64_C(1) << 20)
#define LIMIT_BYTES (96 * MIB)
#define BATCH_ROWS  8192
#define N_BATCHES   40

typedef struct runner {
    cn_session *session;
    test_stream stream;
    pthread_t thread;
    const char *sql;
    cn_query *query;
    cn_frame *frame;
    cn_error err;
    cn_code code;
    int64_t answer;
} runner;

/* A session with a table "s", without end or of N_BATCHES. */
static void
begin(runner *self, cn_engine *engine, bool endless, const char *sql)
{
    *self = (runner){.err = CN_ERROR_INIT, .sql = sql, .stream = TEST_STREAM_INIT};
    assert_int_equal(cn_session_new(engine, &self->session, &self->err), CN_OK);
    self->stream.n_batches = endless ? -1 : N_BATCHES;
    self->stream.batch_rows = BATCH_ROWS;
    struct ArrowArrayStream opened = test_stream_open(&self->stream);
    assert_int_equal(cn_session_register_stream(self->session, "s", &opened, 1, &self->err), CN_OK);
    if (cn_session_sql(self->session, sql, &self->frame, &self->err) != CN_OK ||
        cn_frame_start(self->frame, NULL, &self->query, &self->err) != CN_OK) {
        fail_msg("%s", self->err.message);
    }
}

static void
end(runner *self)
{
    cn_query_free(self->query);
    cn_frame_free(self->frame);
    cn_session_free(self->session);
}

static void *
pull(void *argument)
{
    runner *self = argument;
    struct ArrowArray batch = {0};
    self->code = cn_query_next(self->query, &batch, &self->err);
    while (self->code == CN_OK && batch.release != NULL) {
        const int64_t *values = batch.children[0]->buffers[1];
        self->answer = values[batch.children[0]->offset];
        batch.release(&batch);
        self->code = cn_query_next(self->query, &batch, &self->err);
    }
    return NULL;
}

/* One state that grows without end. */
#define GREEDY                                                                                     \
    "SELECT length(string_agg(DISTINCT t, ',' ORDER BY t)) FROM (SELECT name || CAST(id AS "       \
    "varchar) || ' and more of it' AS t FROM s)"
#define SPILLS                                                                                     \
    "SELECT count(*) FROM (SELECT DISTINCT id, name || ' with a tail that takes memory' FROM s) q"

static void
check(int n_others, bool greedy_first)
{
    cn_engine *engine = NULL;
    cn_error err = CN_ERROR_INIT;
    runner greedy;
    runner others[4];
    const cn_engine_options options = {
        .struct_size = sizeof(options), .n_threads = 2, .memory_limit_bytes = LIMIT_BYTES};
    assert_int_equal(cn_engine_new(&options, &engine, &err), CN_OK);
    begin(&greedy, engine, true, GREEDY);
    for (int at = 0; at < n_others; at++) {
        begin(&others[at], engine, false, SPILLS);
        others[at].stream.sleep_us = 2000; /* it is there for some time */
    }
    if (greedy_first) {
        assert_int_equal(pthread_create(&greedy.thread, NULL, pull, &greedy), 0);
        cn_progress progress = {.struct_size = sizeof(progress)};
        while (progress.memory_bytes < LIMIT_BYTES / 2) {
            assert_int_equal(cn_query_progress(greedy.query, &progress, NULL), CN_OK);
        }
    }
    for (int at = 0; at < n_others; at++) {
        assert_int_equal(pthread_create(&others[at].thread, NULL, pull, &others[at]), 0);
    }
    if (!greedy_first) {
        assert_int_equal(pthread_create(&greedy.thread, NULL, pull, &greedy), 0);
    }
    assert_int_equal(pthread_join(greedy.thread, NULL), 0);
    assert_int_equal(greedy.code, CN_BUDGET_EXCEEDED);
    for (int at = 0; at < n_others; at++) {
        assert_int_equal(pthread_join(others[at].thread, NULL), 0);
        if (others[at].code != CN_OK) {
            fail_msg("query %d: %s", at, others[at].err.message);
        }
        assert_int_equal(others[at].answer, N_BATCHES * BATCH_ROWS);
        end(&others[at]);
    }
    end(&greedy);
    cn_engine_free(engine);
}

static void
test_greedy_comes_last(void **state)
{
    (void)state;
    check(1, false);
    check(4, false);
}

static void
test_greedy_comes_first(void **state)
{
    (void)state;
    check(1, true);
    check(4, true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy_comes_last),
        cmocka_unit_test(test_greedy_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
