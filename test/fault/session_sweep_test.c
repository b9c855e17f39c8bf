/* SPDX-License-Identifier: Apache-2.0
 *
 * The fault sweep over whole queries: the Nth allocation, file read or thread start fails, counted
 * from the making of the engine, for N that a seed samples or for all (reads and threads: always
 * all). Whatever fails: the status says what, nothing leaks, and the session then gives the right
 * rows.
 *
 *     session_sweep_test [percent] [first seed]
 */
#include <stdio.h>
#include <stdlib.h>

#include "colonnade/extension.h"
#include "support/sql_env.h"

#define NATION    "'" CN_TEST_DATA "/tpch/nation.parquet'"
#define N_BATCHES 6 /* of t: as many morsels */
#define LINES     "'" CN_TEST_DATA "/tpch/lineitem.parquet'"

/* Every one gives the same rows each time it is run in a session. */
static const char *const queries[] = {
    "SELECT 1",
    "SELECT id + 1, upper(name) || '!' FROM t WHERE id % 50 = 7 AND name LIKE 'name%'",
    "SELECT n_name, length(n_comment) FROM " NATION " WHERE n_regionkey IN (1, 3) AND n_name > 'F'",
    "SELECT l_returnflag, l_linestatus, sum(l_quantity), count(*), avg(l_discount) FROM " LINES
    " WHERE l_shipdate <= DATE '1998-09-02' GROUP BY ALL ORDER BY ALL",
    "SELECT id % 100 AS k, max(name), sum(id) FROM t GROUP BY k ORDER BY k LIMIT 3",
    "SELECT name FROM t ORDER BY name DESC, id LIMIT 4 OFFSET 2",
    "SELECT id FROM t WHERE id > 2990 ORDER BY name",
    "SELECT id FROM t WHERE id < 2 UNION ALL SELECT n_nationkey FROM " NATION " LIMIT 5",
    "CREATE OR REPLACE VIEW v AS SELECT id, name FROM t WHERE id < 3; SELECT count(*), min(name) "
    "FROM v",
    "DEALLOCATE ALL; PREPARE p AS SELECT id FROM t WHERE id = $1; EXECUTE p(77)",
    "SELECT DISTINCT id % 3, CASE WHEN id > 5 THEN 'a' ELSE 'b' END FROM t ORDER BY ALL",
    "SELECT regexp_replace(name, '[0-9]+', '#'), round(id / 3.0, 2), DATE '2020-01-31' + INTERVAL "
    "'1 month' "
    "FROM t LIMIT 2",
    "SET test_serialize_plan = on; SELECT sum(host_add(id, 1)) FROM t WHERE name <> 'name 3'",
    "SET chunk_rows = 3; SET test_encode = 'dictionary,slice'; SELECT count(*), max(name) FROM t "
    "WHERE id < 50",
    "CREATE OR REPLACE EXTERNAL TABLE n STORED AS PARQUET LOCATION " NATION "; "
    "SELECT count(*), max(n_name) FROM n WHERE n_nationkey > 20",
    "SHOW threads; DESCRIBE t",
};

static void
host_result_release(struct ArrowArray *array)
{
    foreign_node *node = array->private_data;
    foreign_release_array(array);
    foreign_free(node);
}

static int
host_add(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
         struct ArrowArray *out_result, cn_error *err)
{
    foreign_node *node = foreign_i64(0, n_rows, 0);
    int64_t *sums = node->owned[1];
    const int64_t *left = args[0]->buffers[1];
    const int64_t *right = args[1]->buffers[1];
    (void)private_data;
    (void)err;
    for (int64_t row = 0; row < n_rows; row++) {
        sums[row] = left[args[0]->offset + (args[0]->length == 1 ? 0 : row)] +
                    right[args[1]->offset + (args[1]->length == 1 ? 0 : row)];
    }
    *out_result = node->array;
    out_result->release = host_result_release;
    return 0;
}

static void
batch_release(struct ArrowArray *array)
{
    host_result_release(array);
}

static void
schema_release(struct ArrowSchema *schema)
{
    foreign_node *node = schema->private_data;
    schema->release = NULL;
    foreign_free(node);
}

/* ---- one run: engine, session, table, function, query ---- */

typedef struct sweep_run {
    cni_fault fault;
    cni_budget *budget;
    cn_engine *engine;
    cn_session *session;
    cn_error err;
    cni_strbuf text;
    bool has_table;
    bool has_function;
} sweep_run;

static cn_code
register_all(sweep_run *self)
{
    static const char *const formats[] = {"l", "l"};
    const cn_scalar_function function = {.struct_size = sizeof(function),
                                         .version = CN_EXTENSION_VERSION,
                                         .name = "host_add",
                                         .n_args = 2,
                                         .arg_formats = formats,
                                         .result_format = "l",
                                         .call = host_add};
    if (!self->has_table) {
        struct ArrowSchema schema = foreign_table(0, 1)->schema;
        struct ArrowArray arrays[N_BATCHES];
        schema.release = schema_release;
        for (int batch = 0; batch < N_BATCHES; batch++) {
            arrays[batch] = foreign_table(batch * 500, 500)->array;
            arrays[batch].release = batch_release;
        }
        CN_TRY(cn_session_register_arrays(self->session, "t", &schema, arrays, N_BATCHES, 0,
                                          &self->err));
        self->has_table = true;
    }
    if (!self->has_function) {
        CN_TRY(cn_session_register_function(self->session, &function, &self->err));
        self->has_function = true;
    }
    return CN_OK;
}

/* What is not there yet is made; so a second call goes on after a failure of the first. */
static cn_code
attempt(sweep_run *self, const char *query)
{
    const cn_engine_options options = {.struct_size = sizeof(options), .n_threads = 2};
    struct ArrowArrayStream rows = {0};
    self->err = (cn_error)CN_ERROR_INIT;
    cni_strbuf_reset(&self->text);
    if (self->engine == NULL) {
        CN_TRY(cni_engine_new(&options, &self->fault, &self->engine, &self->err));
        self->budget = cni_budget_ref(self->engine->budget);
    }
    if (self->session == NULL) {
        CN_TRY(cni_session_new(self->engine, &self->session, &self->err));
    }
    CN_TRY(register_all(self));
    CN_TRY(cn_session_execute(self->session, query, &rows, &self->err));
    return sql_stream_text(&rows, &self->text, &self->err);
}

static void
finish(sweep_run *self)
{
    cni_session_unref(self->session);
    cni_engine_unref(self->engine);
    cni_strbuf_done(&self->text);
    if (self->budget != NULL) {
        assert_int_equal(cni_budget_current_bytes(self->budget), 0);
        cni_budget_unref(self->budget);
    }
}

static void
begin(sweep_run *self)
{
    memset(self, 0, sizeof(*self));
    cni_strbuf_init(&self->text, cni_allocator_system(), INT64_C(1) << 24);
}

/* ---- the sweep ---- */

static int32_t percent = 5;
static uint64_t first_seed = 1;

static bool
is_sampled(uint64_t query, int64_t nth)
{
    uint64_t hash = first_seed + query * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)nth;
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (int32_t)((hash ^ (hash >> 31)) % 100) < percent;
}

static bool
is_right_status(cni_fault_kind kind, cn_code code)
{
    switch (kind) {
    case CNI_FAULT_ALLOC:
        return code == CN_OK || code == CN_NO_MEMORY;
    case CNI_FAULT_READ:
        return code == CN_OK || code == CN_IO;
    default:
        return code == CN_OK; /* a thread less is no error */
    }
}

static void
fail_one(const char *query, cni_fault_kind kind, int64_t nth, const char *expected)
{
    static const char *const kinds[] = {"allocation", "read", "thread start"};
    sweep_run run;
    begin(&run);
    run.fault.fail_at[kind] = nth;
    const cn_code code = attempt(&run, query);
    if (!is_right_status(kind, code)) {
        fail_msg("%s %lld of %s: %s: %s", kinds[kind], (long long)nth, query,
                 cn_code_name((int32_t)code), run.err.message);
    }
    if (code != CN_OK && run.err.message[0] == '\0') {
        fail_msg("%s %lld of %s: no message", kinds[kind], (long long)nth, query);
    }
    if (code != CN_OK) {
        const cn_code again = attempt(&run, query);
        if (again != CN_OK) {
            fail_msg("after %s %lld of %s: %s: %s", kinds[kind], (long long)nth, query,
                     cn_code_name((int32_t)again), run.err.message);
        }
    }
    const char *text = run.text.len_bytes == 0 ? "" : run.text.data;
    if (strcmp(text, expected) != 0) {
        fail_msg("%s %lld of %s gives\n%sinstead of\n%s", kinds[kind], (long long)nth, query, text,
                 expected);
    }
    finish(&run);
}

/* Rows and counts of the undisturbed run. */
static char *
measure(const char *query, int64_t n_hits[CNI_FAULT_KIND_COUNT_])
{
    sweep_run run;
    begin(&run);
    const cn_code code = attempt(&run, query);
    if (code != CN_OK) {
        fail_msg("%s: %s: %s", query, cn_code_name((int32_t)code), run.err.message);
    }
    char *text = strdup(run.text.len_bytes == 0 ? "" : run.text.data);
    assert_non_null(text);
    for (int kind = 0; kind < CNI_FAULT_KIND_COUNT_; kind++) {
        n_hits[kind] = cni_counter_get(&run.fault.n_hits[kind]);
    }
    finish(&run);
    return text;
}

static void
sweep(cni_fault_kind kind)
{
    int64_t n_failed = 0;
    int64_t n_operations = 0;
    for (int64_t query = 0; query < CN_ARRAY_LEN(queries); query++) {
        int64_t n_hits[CNI_FAULT_KIND_COUNT_] = {0};
        char *expected = measure(queries[query], n_hits);
        n_operations += n_hits[kind];
        for (int64_t nth = 1; nth <= n_hits[kind]; nth++) {
            if (kind != CNI_FAULT_ALLOC || is_sampled((uint64_t)query, nth)) {
                fail_one(queries[query], kind, nth, expected);
                n_failed++;
            }
        }
        free(expected);
    }
    print_message("%lld of %lld operations failed\n", (long long)n_failed, (long long)n_operations);
}

static void
test_allocations(void **state)
{
    (void)state;
    sweep(CNI_FAULT_ALLOC);
}

static void
test_reads(void **state)
{
    (void)state;
    sweep(CNI_FAULT_READ);
}

static void
test_thread_starts(void **state)
{
    (void)state;
    sweep(CNI_FAULT_THREAD);
}

int
main(int argc, char **argv)
{
    percent = argc > 1 ? atoi(argv[1]) : 5;
    first_seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_thread_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
