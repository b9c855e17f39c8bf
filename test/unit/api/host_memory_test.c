/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of extensions: it counts where the query's and the session's own does, limits refuse it by
 * name, nothing of it is left behind, and blocks outlive their accounts.
 */
#include <errno.h>

#include "colonnade/extension.h"
#include "support/test_stream.h"

#define MIB        (INT64_C(1) << 20)
#define N_BATCHES  4
#define BATCH_ROWS 1000

typedef struct host {
    int64_t block_bytes;   /* taken by each scan */
    int64_t reserve_bytes; /* reserved, and left to be released */
    int32_t n_released;
} host;

static void
host_release(void *private_data)
{
    host *self = private_data;
    self->n_released++;
}

/* ---- a table ---- */

typedef struct host_rows {
    test_stream stream;
    void *block;
} host_rows;

static void
rows_release(struct ArrowArrayStream *stream)
{
    host_rows *rows = stream->private_data;
    cn_memory_free(rows->block);
    free(rows);
    stream->release = NULL;
}

static int
host_schema(void *private_data, struct ArrowSchema *out_schema, cn_error *err)
{
    (void)private_data;
    (void)err;
    foreign_node *node = foreign_table(0, 1);
    *out_schema = node->schema;
    out_schema->release = test_schema_release;
    return 0;
}

static int
host_scan(void *private_data, const cn_table_scan *request, struct ArrowArrayStream *out_rows,
          cn_error *err)
{
    const host *self = private_data;
    void *block = NULL;
    assert_true(request->struct_size >= sizeof(cn_table_scan));
    if (cn_memory_alloc(request->memory, self->block_bytes, &block, err) != CN_OK) {
        return ENOMEM;
    }
    assert_int_equal((uintptr_t)block % 64, 0);
    memset(block, 1, (size_t)self->block_bytes);
    if (cn_memory_reserve(request->memory, self->reserve_bytes, err) != CN_OK) {
        cn_memory_free(block);
        return ENOMEM;
    }
    host_rows *rows = calloc(1, sizeof(*rows));
    rows->stream = (test_stream)TEST_STREAM_INIT;
    rows->stream.n_batches = N_BATCHES;
    rows->stream.batch_rows = BATCH_ROWS;
    rows->block = block;
    *out_rows = test_stream_open(&rows->stream);
    out_rows->private_data = rows; /* the stream is first in it */
    out_rows->release = rows_release;
    return 0;
}

static void
register_table(sql_env *env, host *self)
{
    const cn_table_provider provider = {.struct_size = sizeof(provider),
                                        .version = CN_EXTENSION_VERSION,
                                        .private_data = self,
                                        .release = host_release,
                                        .schema = host_schema,
                                        .scan = host_scan};
    SQL_OK(env, cn_session_register_table(env->session, "h", &provider, 0, &env->err));
}

static void
test_scan_counts(void **state)
{
    (void)state;
    sql_env env;
    host self = {.block_bytes = 8 * MIB, .reserve_bytes = 4 * MIB};
    cn_frame *frame = NULL;
    cn_query *query = NULL;
    struct ArrowArray batch = {0};
    cn_progress progress = {.struct_size = sizeof(progress)};
    sql_begin(&env, 2);
    register_table(&env, &self);
    const int64_t before = cn_engine_memory_bytes(env.engine);
    SQL_OK(&env, cn_session_set(env.session, "batch_rows", "1000", &env.err));
    SQL_OK(&env, cn_session_sql(env.session, "SELECT id, name FROM h", &frame, &env.err));
    SQL_OK(&env, cn_frame_start(frame, NULL, &query, &env.err));
    SQL_OK(&env, cn_query_next(query, &batch, &env.err));
    assert_true(batch.length > 0);
    batch.release(&batch);
    SQL_OK(&env, cn_query_progress(query, &progress, &env.err));
    assert_in_range(progress.memory_peak_bytes, 12 * MIB, 16 * MIB);
    assert_true(cn_engine_memory_bytes(env.engine) >= before);
    cn_query_free(query);
    cn_frame_free(frame);
    assert_in_range(cn_engine_memory_bytes(env.engine), 0, before + MIB);
    sql_end(&env);
    assert_int_equal(self.n_released, 1);
}

static void
test_scan_is_refused(void **state)
{
    (void)state;
    sql_env env;
    host self = {.block_bytes = 64 * MIB};
    sql_begin(&env, 2);
    register_table(&env, &self);
    SQL_GIVES(&env, "SET memory_limit = '16MiB'", "");
    SQL_FAILS(&env, "SELECT count(*) FROM h", CN_BUDGET_EXCEEDED, "53200", NULL,
              "table \"h\": out of memory budget: query limit 16 MiB");
    self = (host){.block_bytes = MIB, .reserve_bytes = 64 * MIB};
    SQL_FAILS(&env, "SELECT count(*) FROM h", CN_BUDGET_EXCEEDED, "53200", NULL, "64.0 MiB asked");
    self.reserve_bytes = 0;
    SQL_GIVES(&env, "SELECT count(id), count(name) FROM h", "4000|4000\n");
    sql_end(&env);
}

/* ---- a function ---- */

typedef struct counted_result {
    void *values;
    const void *buffers[2];
} counted_result;

static void
result_release(struct ArrowArray *array)
{
    counted_result *result = array->private_data;
    cn_memory_free(result->values);
    cn_memory_free(result);
    array->release = NULL;
}

/* The argument plus one, in counted memory; `block_bytes` are held meanwhile. */
static int
add_one(void *private_data, cn_memory *memory, const struct ArrowArray *const *args, int64_t n_rows,
        struct ArrowArray *out_result, cn_error *err)
{
    const host *self = private_data;
    counted_result *result = NULL;
    void *block = NULL;
    void *values = NULL;
    if (cn_memory_reserve(memory, self->reserve_bytes, err) != CN_OK ||
        cn_memory_alloc(memory, (int64_t)sizeof(*result), &block, err) != CN_OK) {
        return ENOMEM;
    }
    result = block;
    if (cn_memory_alloc(memory, n_rows * 8, &values, err) != CN_OK) {
        cn_memory_free(result);
        return ENOMEM;
    }
    const int64_t *from = (const int64_t *)args[0]->buffers[1] + args[0]->offset;
    int64_t *to = values;
    for (int64_t row = 0; row < n_rows; row++) {
        to[row] = from[row] + 1;
    }
    *result = (counted_result){.values = values, .buffers = {NULL, values}};
    *out_result = (struct ArrowArray){.length = n_rows,
                                      .n_buffers = 2,
                                      .buffers = result->buffers,
                                      .release = result_release,
                                      .private_data = result};
    return 0;
}

/* What callers that are older know. */
static int
not_called(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
           struct ArrowArray *out_result, cn_error *err)
{
    (void)private_data;
    (void)args;
    (void)n_rows;
    (void)out_result;
    cn_error_report(err, CN_INTERNAL, "the old slot was called");
    return EINVAL;
}

static void
register_function(sql_env *env, host *self, const char *name, uint32_t struct_size)
{
    static const char *const formats[] = {"l"};
    const cn_scalar_function function = {.struct_size = struct_size,
                                         .version = CN_EXTENSION_VERSION,
                                         .private_data = self,
                                         .release = host_release,
                                         .name = name,
                                         .n_args = 1,
                                         .arg_formats = formats,
                                         .result_format = "l",
                                         .call = not_called,
                                         .call_with_memory = add_one};
    SQL_OK(env, cn_session_register_function(env->session, &function, &env->err));
}

static void
test_function(void **state)
{
    (void)state;
    sql_env env;
    host self = {0};
    host rows = {.block_bytes = 1};
    sql_begin(&env, 2);
    register_table(&env, &rows);
    register_function(&env, &self, "add_one", sizeof(cn_scalar_function));
    register_function(&env, &self, "old_one", offsetof(cn_scalar_function, call_with_memory));
    SQL_GIVES(&env, "SELECT sum(add_one(id) - id), count(name), add_one(41::bigint) FROM h",
              "4000|4000|42\n");
    SQL_FAILS(&env, "SELECT old_one(id), name FROM h", CN_INTERNAL, NULL, NULL, "the old slot");
    SQL_GIVES(&env, "SET memory_limit = '16MiB'", "");
    self.reserve_bytes = 64 * MIB;
    SQL_FAILS(&env, "SELECT add_one(id), name FROM h", CN_BUDGET_EXCEEDED, "53200", NULL,
              "function add_one: out of memory budget: query limit 16 MiB");
    self.reserve_bytes = MIB; /* left to be released, by every call */
    SQL_GIVES(&env, "SELECT count(DISTINCT add_one(id)), count(name) FROM h", "4000|4000\n");
    sql_end(&env);
    assert_int_equal(self.n_released, 2);
}

/* ---- in EXPLAIN ANALYZE ---- */

/* A line with both parts, and memory of at least `least` bytes on it: memory=N.NMB of operators,
 * memory_peak_bytes=N of scans. */
static void
assert_line_has_memory(const char *text, const char *one, const char *other, int64_t least)
{
    char line[1024];
    for (const char *at = text; *at != '\0';) {
        const size_t n = strcspn(at, "\n");
        (void)snprintf(line, sizeof(line), "%.*s", (int)n, at);
        const char *of_op = strstr(line, " memory=");
        const char *of_scan = strstr(line, " memory_peak_bytes=");
        const double bytes = of_op != NULL ? strtod(of_op + strlen(" memory="), NULL) * 1e6
                             : of_scan != NULL
                                 ? strtod(of_scan + strlen(" memory_peak_bytes="), NULL)
                                 : 0.0;
        if (strstr(line, one) != NULL && strstr(line, other) != NULL && bytes >= (double)least) {
            return;
        }
        at += n + (at[n] == '\n' ? 1 : 0);
    }
    fail_msg("no %s %s with %lld bytes in\n%s", one, other, (long long)least, text);
}

static void
explain_analyze(sql_env *env, const char *sql)
{
    char text[512];
    (void)snprintf(text, sizeof(text), "EXPLAIN ANALYZE %s", sql);
    const cn_code code = sql_run(env, text);
    if (code != CN_OK) {
        fail_msg("%s: %s", text, env->err.message);
    }
}

/* Memory is shown where it was asked for: in scans, their filters, projections, filters, joins. */
static void
test_memory_is_shown(void **state)
{
    (void)state;
    sql_env env;
    host self = {.reserve_bytes = 5 * MIB};
    host rows = {.block_bytes = 8 * MIB};
    sql_begin(&env, 2);
    register_table(&env, &rows);
    register_function(&env, &self, "add_one", sizeof(cn_scalar_function));
    explain_analyze(&env, "SELECT count(id), count(name) FROM h");
    assert_line_has_memory(sql_text(&env), "Scan h", "rows=4000", 8 * MIB);
    rows.block_bytes = 1;
    SQL_GIVES(&env, "CREATE TABLE t AS SELECT id, name FROM h", "4000\n");
    explain_analyze(&env, "SELECT sum(add_one(id)) FROM t");
    assert_line_has_memory(sql_text(&env), "Project", "rows_in=4000", 5 * MIB);
    explain_analyze(&env,
                    "SELECT count(*) FROM (SELECT id, max(name) AS m FROM t GROUP BY id) AS q "
                    "WHERE add_one(id) > length(m)");
    assert_line_has_memory(sql_text(&env), "Filter", "rows_in", 5 * MIB);
    explain_analyze(&env, "SELECT count(*) FROM t AS a JOIN t AS b ON a.id = b.id + 1 AND "
                          "add_one(a.id + b.id) > 1");
    assert_line_has_memory(sql_text(&env), "JoinProbe", "rows_in", 5 * MIB);
    explain_analyze(&env, "SELECT count(*) FROM t WHERE add_one(id) > 1");
    assert_line_has_memory(sql_text(&env), "Scan", "rows=", 5 * MIB);
    explain_analyze(&env, "SELECT count(*) FROM '" CN_TEST_DATA "/tpch/nation.parquet' "
                          "WHERE add_one(n_nationkey) > 1");
    assert_line_has_memory(sql_text(&env), "Scan", "rows=", 5 * MIB);
    sql_end(&env);
}

/* ---- the session's account ---- */

static void
test_session_account(void **state)
{
    (void)state;
    sql_env env;
    void *block = NULL;
    void *second = NULL;
    sql_begin(&env, 2);
    cn_memory *memory = cn_session_memory(env.session);
    const int64_t before = cn_engine_memory_bytes(env.engine);
    SQL_OK(&env, cn_memory_reserve(memory, 10 * MIB, &env.err));
    SQL_OK(&env, cn_memory_alloc(memory, 3 * MIB, &block, &env.err));
    assert_in_range(cn_engine_memory_bytes(env.engine), before + 13 * MIB, before + 14 * MIB);
    cn_memory_release(memory, 4 * MIB);
    cn_memory_release(memory, 400 * MIB); /* no more than was reserved */
    cn_memory_release(memory, -1);
    assert_in_range(cn_engine_memory_bytes(env.engine), before + 3 * MIB, before + 4 * MIB);
    SQL_GIVES(&env, "SET session_memory_limit = '8MiB'", "");
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cn_memory_alloc(memory, 6 * MIB, &second, &err), CN_BUDGET_EXCEEDED);
    assert_non_null(strstr(err.message, "session limit 8 MiB"));
    assert_int_equal(cn_memory_reserve(memory, 6 * MIB, &err), CN_BUDGET_EXCEEDED);
    assert_int_equal(cn_memory_reserve(memory, -1, &err), CN_INVALID_ARGUMENT);
    assert_int_equal(cn_memory_alloc(memory, INT64_MAX, &second, &err), CN_INVALID_ARGUMENT);
    assert_int_equal(cn_memory_alloc(NULL, 1, &second, &err), CN_INVALID_ARGUMENT);
    SQL_OK(&env, cn_memory_reserve(memory, 2 * MIB, &env.err)); /* ends with the session */
    cni_session_unref(env.session);
    cni_engine_unref(env.engine);
    memset(block, 7, 3 * MIB);
    cn_memory_free(block);
    cn_memory_free(NULL);
    assert_null(cn_session_memory(NULL));
    assert_int_equal(cni_budget_current_bytes(env.budget), 0);
    cni_budget_unref(env.budget);
    cni_strbuf_done(&env.text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_counts),     cmocka_unit_test(test_scan_is_refused),
        cmocka_unit_test(test_function),        cmocka_unit_test(test_memory_is_shown),
        cmocka_unit_test(test_session_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
