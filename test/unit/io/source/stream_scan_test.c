/* SPDX-License-Identifier: Apache-2.0
 *
 * Scans over Arrow streams: one puller at a time, batches in order whoever reads them, readers that
 * wait without sleeping, failures that every reader survives.
 */
#include "io/source/stream_scan.h"

#include <errno.h>
#include <time.h>

#include "support/make_key_filter.h"
#include "support/source_env.h"

typedef struct numbers {
    int64_t n_batches;
    int64_t batch_rows;
    int64_t fail_at; /* -1 = never */
    bool slow;
    bool no_schema;
    int64_t n_given;
    int32_t n_pulling;
    int32_t n_released;
} numbers;

static void
release_schema(struct ArrowSchema *schema)
{
    foreign_node *node = schema->private_data;
    schema->release = NULL;
    foreign_free(node);
}

static int
numbers_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    const numbers *self = stream->private_data;
    if (self->no_schema) {
        return EPROTO;
    }
    foreign_node *node = source_foreign(0, 0);
    *out = node->schema;
    out->release = release_schema;
    return 0;
}

static int
numbers_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    numbers *self = stream->private_data;
    *out = (struct ArrowArray){0};
    if (__atomic_fetch_add(&self->n_pulling, 1, __ATOMIC_SEQ_CST) != 0) {
        return EBUSY; /* two pullers: the test fails by this error */
    }
    if (self->slow) {
        const struct timespec pause = {.tv_nsec = 200000};
        (void)nanosleep(&pause, NULL);
    }
    const int64_t batch = self->n_given++;
    int status = 0;
    if (batch == self->fail_at) {
        status = EIO;
    } else if (batch < self->n_batches) {
        foreign_node *node = source_foreign(batch * self->batch_rows, self->batch_rows);
        *out = node->array;
        out->release = source_release_batch;
    }
    (void)__atomic_fetch_sub(&self->n_pulling, 1, __ATOMIC_SEQ_CST);
    return status;
}

static const char *
numbers_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "out of numbers";
}

static void
numbers_release(struct ArrowArrayStream *stream)
{
    numbers *self = stream->private_data;
    self->n_released++;
    stream->release = NULL;
}

static struct ArrowArrayStream
numbers_open(numbers *self)
{
    return (struct ArrowArrayStream){.get_schema = numbers_schema,
                                     .get_next = numbers_next,
                                     .get_last_error = numbers_error,
                                     .release = numbers_release,
                                     .private_data = self};
}

static cni_scan *
open_numbers(source_env *env, numbers *self, const int32_t *columns, int32_t n_columns,
             const cni_expr *filter)
{
    struct ArrowArrayStream stream = numbers_open(self);
    const cni_scan_request request = source_request(columns, n_columns, &filter);
    cni_scan *scan = NULL;
    SOURCE_OK(env, cni_stream_scan_new(&stream, &env->schema, &request, NULL, &env->context, NULL,
                                       &scan, &env->err));
    assert_null(stream.release);
    return scan;
}

static void
test_one_reader(void **state)
{
    (void)state;
    source_env env;
    numbers self = {.n_batches = 5, .batch_rows = 10, .fail_at = -1};
    const int32_t columns[] = {1, 0};
    source_begin(&env, 4);
    cni_scan *scan = open_numbers(&env, &self, columns, 2, NULL);
    assert_int_equal(self.n_given, 0);
    assert_int_equal(scan->n_morsels, -1);
    const source_read read = source_read_all(&env, scan, 1);
    assert_int_equal(read.n_rows, 50);
    assert_int_equal(read.sum, 49 * 50 / 2);
    assert_true(read.ascending);
    assert_int_equal(read.largest_chunk, 4);
    assert_int_equal(read.n_ends, 5);
    assert_int_equal(self.n_released, 0);
    cni_scan_close(scan);
    assert_int_equal(self.n_released, 1);
    source_end(&env);
}

static void
test_filters_and_counters(void **state)
{
    (void)state;
    source_env env;
    numbers self = {.n_batches = 3, .batch_rows = 100, .fail_at = -1};
    source_begin(&env, 2048);
    cni_scan *scan = open_numbers(&env, &self, NULL, 0, source_filter(&env, CNI_LT, 120));
    assert_int_equal(source_read_all(&env, scan, -1).n_rows, 120);
    cni_scan_counters counters;
    scan->ops->counters(scan, &counters);
    assert_int_equal(counters.rows_scanned, 300);
    assert_int_equal(counters.rows_filtered, 180);
    assert_true(scan->ops->progress(scan) < 0);
    cni_scan_close(scan);
    source_end(&env);
}

static void
test_key_filters(void **state)
{
    (void)state;
    static const int64_t keys[] = {5, 150, 7000};
    source_env env;
    numbers self = {.n_batches = 3, .batch_rows = 100, .fail_at = -1};
    cni_scan_counters counters;
    source_begin(&env, 64);
    for (int32_t n_keys = 3; n_keys >= 0; n_keys -= 3) { /* without keys nothing is pulled */
        struct ArrowArrayStream stream = numbers_open(&self);
        cni_scan_key_filter key = {.table_column = 0};
        cni_scan *scan = NULL;
        SOURCE_OK(&env, test_make_key_filter_i64(env.context.allocator, keys, n_keys, &key.filter,
                                                 &env.err));
        const cni_scan_request request = {
            .limit = CNI_NO_LIMIT, .n_key_filters = 1, .key_filters = &key};
        self.n_given = 0;
        SOURCE_OK(&env, cni_stream_scan_new(&stream, &env.schema, &request, NULL, &env.context,
                                            NULL, &scan, &env.err));
        assert_int_equal(source_read_all(&env, scan, -1).n_rows, n_keys == 0 ? 0 : 2);
        scan->ops->counters(scan, &counters);
        assert_int_equal(counters.rows_scanned, n_keys * 100);
        assert_int_equal(counters.rows_dynamic, n_keys == 0 ? 0 : 298);
        assert_int_equal(counters.rows_filtered, 0);
        assert_int_equal(self.n_given > 0, n_keys > 0);
        cni_scan_close(scan);
        cni_key_filter_unref(key.filter);
    }
    source_end(&env);
}

static void
test_empty_batches_and_streams(void **state)
{
    (void)state;
    source_env env;
    numbers none = {.n_batches = 0, .fail_at = -1};
    numbers empty = {.n_batches = 4, .batch_rows = 0, .fail_at = -1};
    const int32_t columns[] = {0};
    source_begin(&env, 16);
    cni_scan *scan = open_numbers(&env, &none, columns, 1, NULL);
    assert_int_equal(source_read_all(&env, scan, 0).n_rows, 0);
    cni_scan_close(scan);
    scan = open_numbers(&env, &empty, columns, 1, NULL);
    assert_int_equal(source_read_all(&env, scan, 0).n_rows, 0);
    assert_int_equal(empty.n_given, 5);
    cni_scan_close(scan);
    source_end(&env);
}

/* ---- readers that wait: driven as tasks of a group ---- */

typedef struct reader {
    source_env *env;
    cni_scan *scan;
    void *local;
    int64_t morsel; /* -1 = needs one */
    int64_t n_rows;
    int64_t sum;
    int64_t n_blocked;
    cn_code code;
    cn_error err;
} reader;

static cni_step
reader_step(void *argument, cni_task *task, int32_t worker)
{
    reader *self = argument;
    (void)worker;
    if (self->morsel < 0) {
        if (self->scan->ops->next_morsel(self->scan, (cni_waker){0}, &self->morsel) !=
            CNI_MORSEL_TAKEN) {
            return CNI_STEP_DONE;
        }
    }
    cni_chunk chunk;
    cni_read_answer answer = CNI_READ_END;
    source_read seen = {.ascending = true};
    int64_t last = -1;
    cni_chunk_init(&chunk, self->env->context.allocator);
    self->code = self->scan->ops->read(self->scan, self->local, self->morsel, cni_task_waker(task),
                                       &chunk, &answer, &self->err);
    if (self->code == CN_OK && answer == CNI_READ_CHUNK) {
        source_see(&chunk, 0, &last, &seen);
        self->n_rows += seen.n_rows;
        self->sum += seen.sum;
    }
    const bool ended = answer == CNI_READ_END || (answer == CNI_READ_CHUNK && chunk.ends_morsel);
    cni_chunk_done(&chunk);
    if (self->code != CN_OK) {
        return CNI_STEP_DONE;
    }
    self->morsel = ended ? -1 : self->morsel;
    self->n_blocked += answer == CNI_READ_BLOCKED ? 1 : 0;
    return answer == CNI_READ_BLOCKED ? CNI_STEP_BLOCKED : CNI_STEP_AGAIN;
}

static bool
never(void *argument)
{
    (void)argument;
    return false;
}

#define N_READERS 4

/* All readers to their end, on two threads. */
static void
run_readers(source_env *env, cni_scan *scan, reader readers[N_READERS])
{
    cni_group *group = NULL;
    SOURCE_OK(env, cni_group_new(env->pool, env->context.allocator, 2, &group, &env->err));
    for (int index = 0; index < N_READERS; index++) {
        readers[index] = (reader){.env = env, .scan = scan, .morsel = -1};
        SOURCE_OK(env, scan->ops->open_local(scan, &readers[index].local, &env->err));
        const cni_task_work work = {.step = reader_step, .argument = &readers[index]};
        SOURCE_OK(env, cni_group_submit(group, &work, &env->err));
    }
    assert_false(cni_group_help(group, never, NULL));
    cni_group_free(group);
    for (int index = 0; index < N_READERS; index++) {
        scan->ops->close_local(scan, readers[index].local);
    }
}

static void
test_many_readers(void **state)
{
    (void)state;
    source_env env;
    numbers self = {.n_batches = 400, .batch_rows = 25, .fail_at = -1, .slow = true};
    reader readers[N_READERS];
    const int32_t columns[] = {0};
    int64_t n_rows = 0;
    int64_t sum = 0;
    source_begin(&env, 10);
    cni_scan *scan = open_numbers(&env, &self, columns, 1, NULL);
    run_readers(&env, scan, readers);
    for (int index = 0; index < N_READERS; index++) {
        assert_int_equal(readers[index].code, CN_OK);
        n_rows += readers[index].n_rows;
        sum += readers[index].sum;
    }
    assert_int_equal(n_rows, 10000);
    assert_int_equal(sum, 9999 * 10000 / 2);
    cni_scan_close(scan);
    source_end(&env);
}

static void
test_failures(void **state)
{
    (void)state;
    source_env env;
    const int32_t columns[] = {0};
    source_begin(&env, 10);
    for (int64_t fail_at = 0; fail_at < 12; fail_at += 3) {
        numbers self = {.n_batches = 20, .batch_rows = 25, .fail_at = fail_at};
        reader readers[N_READERS];
        int n_failed = 0;
        cni_scan *scan = open_numbers(&env, &self, columns, 1, NULL);
        run_readers(&env, scan, readers);
        for (int index = 0; index < N_READERS; index++) {
            if (readers[index].code != CN_OK) {
                n_failed++;
                assert_int_equal(readers[index].code, CN_IO);
                assert_int_equal(readers[index].err.os_errno, EIO);
                assert_non_null(strstr(readers[index].err.message, "out of numbers"));
            }
        }
        assert_true(n_failed >= 1); /* nobody hangs, somebody tells */
        cni_scan_close(scan);
        assert_int_equal(self.n_released, 1);
    }
    source_end(&env);
}

static void
test_closed_in_the_middle(void **state)
{
    (void)state;
    source_env env;
    numbers self = {.n_batches = 10, .batch_rows = 10, .fail_at = -1};
    const int32_t columns[] = {0, 1};
    void *local = NULL;
    int64_t first = 0;
    int64_t second = 0;
    cni_chunk chunk;
    cni_read_answer answer = CNI_READ_END;
    source_begin(&env, 4);
    cni_scan *scan = open_numbers(&env, &self, columns, 2, NULL);
    SOURCE_OK(&env, scan->ops->open_local(scan, &local, &env.err));
    assert_int_equal(scan->ops->next_morsel(scan, (cni_waker){0}, &first), CNI_MORSEL_TAKEN);
    assert_int_equal(scan->ops->next_morsel(scan, (cni_waker){0}, &second), CNI_MORSEL_TAKEN);
    cni_chunk_init(&chunk, env.context.allocator);
    /* The second batch is read first: the first waits in the scan, and is freed with it. */
    SOURCE_OK(&env,
              scan->ops->read(scan, local, second, (cni_waker){0}, &chunk, &answer, &env.err));
    assert_int_equal(answer, CNI_READ_CHUNK);
    assert_int_equal(*(const int64_t *)chunk.columns[0].data, 10);
    scan->ops->close_local(scan, local);
    cni_scan_close(scan);
    assert_int_equal(self.n_released, 1);
    assert_int_equal(*(const int64_t *)chunk.columns[0].data, 10); /* chunks outlive the scan */
    cni_chunk_done(&chunk);
    source_end(&env);
}

static void
test_tables_over_streams(void **state)
{
    (void)state;
    source_env env;
    numbers self = {.n_batches = 2, .batch_rows = 10, .fail_at = -1};
    numbers broken = {.no_schema = true};
    struct ArrowArrayStream stream = numbers_open(&self);
    struct ArrowArrayStream other = numbers_open(&broken);
    cni_table *table = NULL;
    cni_scan *again = NULL;
    const int32_t columns[] = {0};
    const cni_expr *no_filter = NULL;
    source_begin(&env, 16);
    assert_int_equal(
        cni_arrow_stream_table_new(env.context.allocator, CNI_STR("s"), &other, &table, &env.err),
        CN_IO);
    assert_int_equal(broken.n_released, 1);
    SOURCE_OK(&env, cni_arrow_stream_table_new(env.context.allocator, CNI_STR("s"), &stream, &table,
                                               &env.err));
    assert_true(table->one_shot);
    assert_null(table->recipe);
    assert_int_equal(table->schema->n_fields, 2);
    cni_scan *scan = source_open(&env, table, columns, 1, NULL);
    const cni_scan_request request = source_request(columns, 1, &no_filter);
    assert_int_equal(table->ops->open_scan(table, &request, &env.context, &again, &env.err),
                     CN_INVALID_STATE);
    assert_null(again);
    cni_table_unref(table); /* the scan keeps it */
    assert_int_equal(source_read_all(&env, scan, 0).n_rows, 20);
    cni_scan_close(scan);
    assert_int_equal(self.n_released, 1);
    source_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_reader),
        cmocka_unit_test(test_filters_and_counters),
        cmocka_unit_test(test_key_filters),
        cmocka_unit_test(test_empty_batches_and_streams),
        cmocka_unit_test(test_many_readers),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_closed_in_the_middle),
        cmocka_unit_test(test_tables_over_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
