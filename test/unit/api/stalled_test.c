/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients that stop pulling while others need the memory that their results hold: it is given back,
 * both queries end, and no row is lost.
 */
#include <unistd.h>

#include "support/test_stream.h"

#define MIB         (INT64_C(1) << 20)
#define LIMIT_BYTES (64 * MIB)
#define ROOMY_BYTES (192 * MIB) /* nothing is written before others ask */
#define ROOM_BYTES  (16 * MIB)  /* what a query needs that spills */
#define BATCH_ROWS  8192

#define MAX_BATCHES 120

/* A session with a table "s" of batches, and a query over it. */
typedef struct client {
    cn_session *session;
    cn_frame *frame;
    cn_query *query;
    int64_t n_rows; /* taken so far */
} client;

static void
client_begin(client *self, sql_env *env, int64_t n_batches, const char *sql)
{
    struct ArrowArray batches[MAX_BATCHES];
    foreign_node *shape = foreign_table(0, 1);
    *self = (client){0};
    SQL_OK(env, cn_session_new(env->engine, &self->session, &env->err));
    for (int64_t at = 0; at < n_batches; at++) {
        foreign_node *node = foreign_table(at * BATCH_ROWS, BATCH_ROWS);
        batches[at] = node->array;
        batches[at].release = test_batch_release;
    }
    SQL_OK(env, cn_session_register_arrays(self->session, "s", &shape->schema, batches, n_batches,
                                           0, &env->err));
    foreign_free(shape);
    SQL_OK(env, cn_session_set(self->session, "batch_rows", "8192", &env->err));
    SQL_OK(env, cn_session_set(self->session, "chunk_rows", "8192", &env->err));
    SQL_OK(env, cn_session_sql(self->session, sql, &self->frame, &env->err));
    SQL_OK(env, cn_frame_start(self->frame, NULL, &self->query, &env->err));
}

static void
client_end(client *self)
{
    cn_query_free(self->query);
    cn_frame_free(self->frame);
    cn_session_free(self->session);
}

static cn_progress
look(client *self)
{
    cn_progress progress = {.struct_size = sizeof(progress)};
    assert_int_equal(cn_query_progress(self->query, &progress, NULL), CN_OK);
    return progress;
}

/* Take a batch whose first column counts from 0; false at the end. */
static bool
take_batch(client *self, sql_env *env)
{
    struct ArrowArray batch = {0};
    SQL_OK(env, cn_query_next(self->query, &batch, &env->err));
    if (batch.release == NULL) {
        return false;
    }
    const int64_t *ids = (const int64_t *)batch.children[0]->buffers[1] + batch.children[0]->offset;
    for (int64_t row = 0; row < batch.length; row++) {
        assert_int_equal(ids[row], self->n_rows + row);
    }
    self->n_rows += batch.length;
    batch.release(&batch);
    return true;
}

/* Until nothing goes on in the background. */
static void
wait_until_still(client *self)
{
    int64_t n_scanned = -1;
    while (n_scanned != look(self).rows_scanned) {
        n_scanned = look(self).rows_scanned;
        (void)usleep(100000);
    }
}

/* Two numbers of one row. */
static void
take_pair(client *self, sql_env *env, int64_t first, int64_t second)
{
    struct ArrowArray batch = {0};
    SQL_OK(env, cn_query_next(self->query, &batch, &env->err));
    assert_int_equal(batch.length, 1);
    for (int column = 0; column < 2; column++) {
        const struct ArrowArray *child = batch.children[column];
        const int64_t *values = (const int64_t *)child->buffers[1] + child->offset;
        assert_int_equal(values[0], column == 0 ? first : second);
    }
    batch.release(&batch);
    SQL_OK(env, cn_query_next(self->query, &batch, &env->err));
    assert_null(batch.release);
}

#define GROUPS                                                                                     \
    "SELECT count(*), sum(c)::bigint FROM (SELECT id, name || 'x' AS n, count(*) AS c FROM s "     \
    "GROUP BY id, name || 'x') q"

/* The stalled client goes on: it gets all rows of its 60 batches. */
static void
take_the_rest(client *self, sql_env *env)
{
    while (take_batch(self, env)) {
    }
    assert_int_equal(self->n_rows, 60 * BATCH_ROWS);
    client_end(self);
}

/* The queue of a result that streams. */
static void
test_queue_is_given_back(void **state)
{
    (void)state;
    sql_env env;
    client stalled;
    client other;
    sql_begin_within(&env, 2, LIMIT_BYTES);
    client_begin(&other, &env, MAX_BATCHES, GROUPS);
    client_begin(&stalled, &env, 60, "SELECT id + 0 AS id, name || ' and a long tail' FROM s");
    assert_true(take_batch(&stalled, &env));
    wait_until_still(&stalled);
    const int64_t held = look(&stalled).memory_bytes;
    assert_true(held > 2 * MIB);
    assert_int_equal(look(&stalled).spilled_bytes, 0);
    /* Somebody takes everything, a part of the queue included. */
    const int64_t taken = LIMIT_BYTES - cni_budget_current_bytes(env.engine->budget) + held / 4;
    SQL_OK(&env, cni_budget_reserve(env.engine->budget, taken, &env.err));
    assert_true(look(&stalled).spilled_bytes > 0);
    assert_true(look(&stalled).memory_bytes <= held - held / 4);
    cni_budget_release(env.engine->budget, ROOM_BYTES);
    take_pair(&other, &env, MAX_BATCHES * BATCH_ROWS, MAX_BATCHES * BATCH_ROWS);
    assert_true(look(&other).spilled_bytes > 0);
    cni_budget_release(env.engine->budget, taken - ROOM_BYTES);
    client_end(&other);
    take_the_rest(&stalled, &env);
    sql_end(&env);
}

#define WIDE_ROWS                                                                                  \
    "(SELECT id + 0 AS id, name || ' and a tail that is longer than the queue may be' AS n "       \
    "FROM s) q"

/* Nothing is given back while workers still read ahead for the queue. */
static void
take_when_still(sql_env *env, int64_t n_bytes)
{
    cn_code code = CN_BUDGET_EXCEEDED;
    for (int32_t turn = 0; turn < 100 && code != CN_OK; turn++) {
        code = cni_budget_reserve(env->engine->budget, n_bytes, &env->err);
        (void)usleep(code == CN_OK ? 0 : 100000);
    }
    SQL_OK(env, code);
}

/* A finished state that a client has begun to read leaves memory when others want it, but for what
 * is under way. */
static void
check_state_is_given_back(const char *sql)
{
    sql_env env;
    client stalled;
    sql_begin_within(&env, 2, ROOMY_BYTES);
    client_begin(&stalled, &env, 60, sql);
    assert_true(take_batch(&stalled, &env));
    wait_until_still(&stalled);
    const int64_t held = look(&stalled).memory_bytes;
    assert_true(held > 32 * MIB);
    assert_int_equal(look(&stalled).spilled_bytes, 0);
    const int64_t taken = ROOMY_BYTES - cni_budget_current_bytes(env.engine->budget) + held / 2;
    take_when_still(&env, taken);
    assert_true(look(&stalled).spilled_bytes > 0);
    assert_true(look(&stalled).memory_bytes <= 5 * held / 8);
    cni_budget_release(env.engine->budget, taken);
    take_the_rest(&stalled, &env);
    sql_end(&env);
}

static void
test_sorts_are_given_back(void **state)
{
    (void)state;
    check_state_is_given_back("SELECT id, n FROM " WIDE_ROWS " ORDER BY 1, 2");
    check_state_is_given_back("SELECT id, n FROM " WIDE_ROWS " ORDER BY 1");
    check_state_is_given_back("SELECT id, n FROM " WIDE_ROWS " ORDER BY 1 LIMIT 491520");
    check_state_is_given_back("SELECT DISTINCT ON (id) id, n FROM " WIDE_ROWS " ORDER BY id");
}

/* Row `row` of a bigint column, or the one element of its list there. */
static int64_t
number_at(const struct ArrowArray *column, int64_t row)
{
    if (column->n_children == 0) {
        return ((const int64_t *)column->buffers[1])[column->offset + row];
    }
    const int32_t *offsets = (const int32_t *)column->buffers[1] + column->offset;
    assert_int_equal(offsets[row + 1] - offsets[row], 1);
    return number_at(column->children[0], offsets[row]);
}

/* Rows of groups in any order: an id; 1 (or else its text is wrong) or its list; 1 row. */
static bool
take_groups(client *self, sql_env *env, bool *seen)
{
    struct ArrowArray batch = {0};
    SQL_OK(env, cn_query_next(self->query, &batch, &env->err));
    if (batch.release == NULL) {
        return false;
    }
    const bool has_lists = batch.children[1]->n_children > 0;
    for (int64_t row = 0; row < batch.length; row++) {
        const int64_t id = number_at(batch.children[0], row);
        assert_in_range(id, 0, MAX_BATCHES * BATCH_ROWS - 1);
        assert_false(seen[id]);
        assert_int_equal(number_at(batch.children[1], row), has_lists ? id : 1);
        assert_int_equal(number_at(batch.children[2], row), 1);
        seen[id] = true;
    }
    self->n_rows += batch.length;
    batch.release(&batch);
    return true;
}

#define TAIL " and a tail that is longer than the queue may be"
#define RIGHT_TEXT(text)                                                                           \
    "(CASE WHEN " text " = 'name ' || (id % 8192)::varchar || '" TAIL "' THEN 1 ELSE 0 "           \
    "END)::bigint"

/* Groups that a client has begun to read, of which so many bytes at least are held. */
static void
check_groups_are_given_back(const char *sql, int32_t n_threads, int64_t n_batches, int64_t least)
{
    sql_env env;
    client stalled;
    bool *seen = calloc(MAX_BATCHES * BATCH_ROWS, sizeof(*seen));
    assert_non_null(seen);
    sql_begin_within(&env, n_threads, ROOMY_BYTES);
    client_begin(&stalled, &env, n_batches, sql);
    assert_true(take_groups(&stalled, &env, seen));
    wait_until_still(&stalled);
    const int64_t held = look(&stalled).memory_bytes;

    assert_true(held > least);
    assert_int_equal(look(&stalled).spilled_bytes, 0);
    const int64_t taken = ROOMY_BYTES - cni_budget_current_bytes(env.engine->budget) + held / 2;
    take_when_still(&env, taken);
    assert_true(look(&stalled).spilled_bytes > 0);

    assert_true(look(&stalled).memory_bytes <= 5 * held / 8);
    cni_budget_release(env.engine->budget, taken);
    while (take_groups(&stalled, &env, seen)) {
    }
    assert_int_equal(stalled.n_rows, n_batches * BATCH_ROWS);
    client_end(&stalled);
    sql_end(&env);
    free(seen);
}

static void
test_groups_are_given_back(void **state)
{
    (void)state;
    /* Merged when they are read. */
    check_groups_are_given_back("SELECT id, " RIGHT_TEXT("n") ", count(*) AS c, n FROM " WIDE_ROWS
                                                              " GROUP BY id, n",
                                2, 60, 32 * MIB);
    /* Merged before: texts of keys, states with texts, a NULL that is kept apart, DISTINCT. */
    check_groups_are_given_back("SELECT id, " RIGHT_TEXT("n") ", count(*) AS c, n FROM " WIDE_ROWS
                                                              " GROUP BY id, n",
                                2, 12, 8 * MIB);
    check_groups_are_given_back(
        "SELECT id, " RIGHT_TEXT("t") ", c, t FROM (SELECT id, max(n) AS t, "
                                      "count(*) AS c FROM " WIDE_ROWS " GROUP BY id) g",
        2, 24, 16 * MIB);
    check_groups_are_given_back(
        "SELECT coalesce(k, 5) AS id, s::bigint, c FROM (SELECT "
        "nullif(id, 5) AS k, count(*) AS c, min(id - id + 1) AS s FROM " WIDE_ROWS " GROUP BY 1) g",
        2, 60, 8 * MIB);
    /* One table of one worker. */
    check_groups_are_given_back(
        "SELECT coalesce(k, 5) AS id, (CASE WHEN t = repeat('name ' || "
        "(coalesce(k, 5) % 8192)::varchar || '" TAIL "', 20) THEN 1 ELSE 0 "
        "END)::bigint, c, t FROM (SELECT nullif(id, 5) AS k, count(*) AS c, "
        "max(repeat(n, 20)) AS t FROM " WIDE_ROWS " GROUP BY 1) g",
        1, 4, 16 * MIB);
    check_groups_are_given_back("SELECT id, c, d FROM (SELECT id, count(*) AS c, count(DISTINCT n) "
                                "AS d FROM " WIDE_ROWS " GROUP BY id) g",
                                2, 24, 4 * MIB);
}

/* States that their functions save, values of any length among them, and nested keys. */
static void
test_nested_groups_are_given_back(void **state)
{
    (void)state;
    check_groups_are_given_back(
        "SELECT id, list(id) AS l, count(*) AS c FROM " WIDE_ROWS " GROUP BY id", 2, 12, 4 * MIB);
    check_groups_are_given_back("SELECT id, " RIGHT_TEXT("t") ", c FROM (SELECT id, string_agg(n, "
                                                              "',' ORDER BY id) AS t, count(*) AS "
                                                              "c FROM " WIDE_ROWS " GROUP BY id) g",
                                1, 6, 4 * MIB);
    check_groups_are_given_back("SELECT l, l, count(*) AS c FROM (SELECT list(id) AS l "
                                "FROM " WIDE_ROWS " GROUP BY id) g GROUP BY l",
                                2, 3, 3 * MIB);
}

/* Another query has less than it needs beside what a client that has begun to read groups holds. */
static void
test_behind_read_groups(void **state)
{
    (void)state;
    sql_env env;
    client stalled;
    client other;
    bool *seen = calloc(MAX_BATCHES * BATCH_ROWS, sizeof(*seen));
    assert_non_null(seen);
    sql_begin_within(&env, 2, LIMIT_BYTES);
    client_begin(&other, &env, MAX_BATCHES, GROUPS);
    client_begin(&stalled, &env, 14,
                 "SELECT id, " RIGHT_TEXT("n") ", count(*) AS c, n FROM " WIDE_ROWS
                                               " GROUP BY id, n");
    assert_true(take_groups(&stalled, &env, seen));
    wait_until_still(&stalled);
    /* Slow builds may come to it having left already. */
    const bool is_gone = look(&stalled).spilled_bytes > 0;
    assert_true(is_gone || look(&stalled).memory_bytes > ROOM_BYTES / 2);
    const int64_t n_left = LIMIT_BYTES - cni_budget_current_bytes(env.engine->budget);
    const int64_t taken = n_left - (is_gone ? ROOM_BYTES : ROOM_BYTES / 8);
    SQL_OK(&env, cni_budget_reserve(env.engine->budget, taken, &env.err));
    take_pair(&other, &env, MAX_BATCHES * BATCH_ROWS, MAX_BATCHES * BATCH_ROWS);
    cni_budget_release(env.engine->budget, taken);
    client_end(&other);
    while (take_groups(&stalled, &env, seen)) {
    }
    assert_int_equal(stalled.n_rows, 14 * BATCH_ROWS);
    client_end(&stalled);
    sql_end(&env);
    free(seen);
}

/* The state of an operator that the result is read from. */
static void
check_behind_state(const char *sql)
{
    sql_env env;
    client stalled;
    client other;
    sql_begin_within(&env, 2, LIMIT_BYTES);
    client_begin(&stalled, &env, 60, sql);
    assert_true(take_batch(&stalled, &env));
    wait_until_still(&stalled);
    client_begin(&other, &env, MAX_BATCHES, GROUPS);
    take_pair(&other, &env, MAX_BATCHES * BATCH_ROWS, MAX_BATCHES * BATCH_ROWS);
    client_end(&other);
    take_the_rest(&stalled, &env);
    sql_end(&env);
}

static void
test_behind_a_sort(void **state)
{
    (void)state;
    check_behind_state("SELECT id + 0 AS id, name || ' and a long tail' FROM s ORDER BY 1, 2");
}

static void
test_behind_groups(void **state)
{
    (void)state;
    check_behind_state("SELECT id, count(*) FROM (SELECT id + 0 AS id, name FROM s) q GROUP BY id, "
                       "name ORDER BY id");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_is_given_back),
        cmocka_unit_test(test_sorts_are_given_back),
        cmocka_unit_test(test_groups_are_given_back),
        cmocka_unit_test(test_behind_a_sort),
        cmocka_unit_test(test_nested_groups_are_given_back),
        cmocka_unit_test(test_behind_read_groups),
        cmocka_unit_test(test_behind_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
