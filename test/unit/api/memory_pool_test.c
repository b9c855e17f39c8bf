/* SPDX-License-Identifier: Apache-2.0
 *
 * Engines of one process that share a memory limit: queries of both end with the right rows under
 * it, refusals name it, results that nobody pulls in one engine make room for another, and it
 * lives as long as it is needed.
 */
#include <pthread.h>
#include <unistd.h>

#include "support/test_stream.h"

#define MIB         (INT64_C(1) << 20)
#define POOL_BYTES  (64 * MIB)
#define BATCH_ROWS  8192
#define MAX_BATCHES 100

/* An engine of the pool with a session and a table "s". */
typedef struct member {
    cn_engine *engine;
    cn_session *session;
    cn_frame *frame;
    cn_query *query;
    pthread_t thread;
    cn_error err;
    cn_code code;
    int64_t n_rows;
} member;

static void
must(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        fail_msg("%s: %s", cn_code_name((int32_t)code), err->message);
    }
}

static void
member_begin(member *self, cn_memory_pool *pool, int64_t n_batches, const char *temp)
{
    struct ArrowArray batches[MAX_BATCHES];
    foreign_node *shape = foreign_table(0, 1);
    const cn_engine_options options = {.struct_size = sizeof(options),
                                       .n_threads = 2,
                                       .temp_directory = temp,
                                       .memory_pool = pool};
    *self = (member){.err = CN_ERROR_INIT};
    must(cn_engine_new(&options, &self->engine, &self->err), &self->err);
    must(cn_session_new(self->engine, &self->session, &self->err), &self->err);
    for (int64_t at = 0; at < n_batches; at++) {
        foreign_node *node = foreign_table(at * BATCH_ROWS, BATCH_ROWS);
        batches[at] = node->array;
        batches[at].release = test_batch_release;
    }
    must(cn_session_register_arrays(self->session, "s", &shape->schema, batches, n_batches, 0,
                                    &self->err),
         &self->err);
    foreign_free(shape);
}

static void
member_start(member *self, const char *sql)
{
    must(cn_session_sql(self->session, sql, &self->frame, &self->err), &self->err);
    must(cn_frame_start(self->frame, NULL, &self->query, &self->err), &self->err);
}

static void
member_end(member *self)
{
    cn_query_free(self->query);
    cn_frame_free(self->frame);
    cn_session_free(self->session);
    cn_engine_free(self->engine);
}

static cn_progress
look(member *self)
{
    cn_progress progress = {.struct_size = sizeof(progress)};
    assert_int_equal(cn_query_progress(self->query, &progress, NULL), CN_OK);
    return progress;
}

static void *
pull_all(void *argument)
{
    member *self = argument;
    struct ArrowArray batch = {0};
    self->code = cn_query_next(self->query, &batch, &self->err);
    while (self->code == CN_OK && batch.release != NULL) {
        self->n_rows += batch.length;
        batch.release(&batch);
        self->code = cn_query_next(self->query, &batch, &self->err);
    }
    return NULL;
}

#define DISTINCT_NAMES "SELECT DISTINCT id, name || ' with a tail that takes memory' FROM s"

/* Together they need a multiple of the limit. */
static void
test_two_engines_at_once(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    cn_memory_pool *pool = NULL;
    member members[2];
    must(cn_memory_pool_new(POOL_BYTES, &pool, &err), &err);
    for (int at = 0; at < 2; at++) {
        member_begin(&members[at], pool, 60, NULL);
        member_start(&members[at], "SELECT count(*), count(DISTINCT n) FROM (" DISTINCT_NAMES
                                   ") q(id, n) GROUP BY id % 2 ORDER BY 1");
    }
    for (int at = 0; at < 2; at++) {
        assert_int_equal(pthread_create(&members[at].thread, NULL, pull_all, &members[at]), 0);
    }
    for (int at = 0; at < 2; at++) {
        assert_int_equal(pthread_join(members[at].thread, NULL), 0);
        must(members[at].code, &members[at].err);
        assert_int_equal(members[at].n_rows, 2);
    }
    assert_true(cn_memory_pool_bytes(pool) >= cn_engine_memory_bytes(members[0].engine));
    for (int at = 0; at < 2; at++) {
        member_end(&members[at]);
    }
    assert_int_equal(cn_memory_pool_bytes(pool), 0);
    assert_in_range(cn_memory_pool_peak_bytes(pool), 8 * MIB, POOL_BYTES);
    cn_memory_pool_free(pool);
}

/* The result of a client that does not pull makes room for the table of another engine. */
static void
test_a_stalled_client_of_another_engine(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    cn_memory_pool *pool = NULL;
    member stalled;
    member other;
    struct ArrowArray batch = {0};
    must(cn_memory_pool_new(POOL_BYTES, &pool, &err), &err);
    member_begin(&other, pool, 1, "");
    member_begin(&stalled, pool, 60, NULL);
    must(cn_session_set(stalled.session, "batch_rows", "8192", &err), &err);
    must(cn_session_set(stalled.session, "chunk_rows", "8192", &err), &err);
    member_start(&stalled, "SELECT id + 0, name || ' and a long tail' FROM s");
    must(cn_query_next(stalled.query, &batch, &err), &err);
    stalled.n_rows = batch.length;
    batch.release(&batch);
    for (int64_t scanned = -1; scanned != look(&stalled).rows_scanned; (void)usleep(100000)) {
        scanned = look(&stalled).rows_scanned;
    }
    assert_int_equal(look(&stalled).spilled_bytes, 0);
    /* It may not write, so it fails in the end, but not before everything else was asked. */
    assert_int_equal(cn_session_execute(other.session,
                                        "CREATE TABLE big AS SELECT a.name || b.name || 'x' AS n "
                                        "FROM s a, s b",
                                        NULL, &err),
                     CN_BUDGET_EXCEEDED);
    assert_non_null(strstr(err.message, "memory pool limit 64 MiB"));
    assert_string_equal(err.sqlstate, "53200");
    assert_true(look(&stalled).spilled_bytes > 0);
    (void)pull_all(&stalled);
    must(stalled.code, &stalled.err);
    assert_int_equal(stalled.n_rows, 60 * BATCH_ROWS);
    member_end(&stalled);
    member_end(&other);
    assert_int_equal(cn_memory_pool_bytes(pool), 0);
    cn_memory_pool_free(pool);
}

/* Handles go in any order; exported rows keep what they need. */
static void
test_lifetime(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    cn_memory_pool *pool = NULL;
    member only;
    struct ArrowArray batch = {0};
    assert_int_equal(cn_memory_pool_new(0, &pool, &err), CN_INVALID_ARGUMENT);
    assert_int_equal(cn_memory_pool_new(MIB, NULL, &err), CN_INVALID_ARGUMENT);
    must(cn_memory_pool_new(POOL_BYTES, &pool, &err), &err);
    member_begin(&only, pool, 2, NULL);
    cn_memory_pool_free(pool);
    member_start(&only, "SELECT id + 1, name || 'y' FROM s");
    must(cn_query_next(only.query, &batch, &err), &err);
    assert_int_equal(batch.length, 2 * BATCH_ROWS);
    member_end(&only);
    const int64_t *ids = batch.children[0]->buffers[1];
    assert_int_equal(ids[batch.children[0]->offset], 1);
    batch.release(&batch);
    cn_memory_pool_free(NULL);
    assert_int_equal(cn_memory_pool_bytes(NULL), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_engines_at_once),
        cmocka_unit_test(test_a_stalled_client_of_another_engine),
        cmocka_unit_test(test_lifetime),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
