/* SPDX-License-Identifier: Apache-2.0
 *
 * One query in an engine of its own whose Nth allocation, read, write or thread start fails,
 * counted from the making of the engine: the status says what, nothing leaks, and the session then
 * gives the right rows. What sweeps over N is in test/fault/.
 *
 * The session has the table t (3,000 rows in SWEEP_BATCHES morsels) and the function host_add.
 */
#ifndef CN_TEST_SESSION_SWEEP_H
#define CN_TEST_SESSION_SWEEP_H

#include <stdio.h>
#include <stdlib.h>

#include "colonnade/extension.h"
#include "support/sql_env.h"

#define SWEEP_BATCHES 6

static inline void
sweep_result_release(struct ArrowArray *array)
{
    foreign_node *node = array->private_data;
    foreign_release_array(array);
    foreign_free(node);
}

static inline int
sweep_host_add(void *private_data, const struct ArrowArray *const *args, int64_t n_rows,
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
    out_result->release = sweep_result_release;
    return 0;
}

static inline void
sweep_batch_release(struct ArrowArray *array)
{
    sweep_result_release(array);
}

static inline void
sweep_schema_release(struct ArrowSchema *schema)
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

static inline cn_code
sweep_register(sweep_run *self)
{
    static const char *const formats[] = {"l", "l"};
    const cn_scalar_function function = {.struct_size = sizeof(function),
                                         .version = CN_EXTENSION_VERSION,
                                         .name = "host_add",
                                         .n_args = 2,
                                         .arg_formats = formats,
                                         .result_format = "l",
                                         .call = sweep_host_add};
    if (!self->has_table) {
        struct ArrowSchema schema = foreign_table(0, 1)->schema;
        struct ArrowArray arrays[SWEEP_BATCHES];
        schema.release = sweep_schema_release;
        for (int batch = 0; batch < SWEEP_BATCHES; batch++) {
            arrays[batch] = foreign_table(batch * 500, 500)->array;
            arrays[batch].release = sweep_batch_release;
        }
        CN_TRY(cn_session_register_arrays(self->session, "t", &schema, arrays, SWEEP_BATCHES, 0,
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
static inline cn_code
sweep_attempt(sweep_run *self, const char *query)
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
    CN_TRY(sweep_register(self));
    CN_TRY(cn_session_execute(self->session, query, &rows, &self->err));
    return sql_stream_text(&rows, &self->text, &self->err);
}

static inline void
sweep_finish(sweep_run *self)
{
    cni_session_unref(self->session);
    cni_engine_unref(self->engine);
    cni_strbuf_done(&self->text);
    if (self->budget != NULL) {
        assert_int_equal(cni_budget_current_bytes(self->budget), 0);
        cni_budget_unref(self->budget);
    }
}

static inline void
sweep_begin(sweep_run *self)
{
    memset(self, 0, sizeof(*self));
    cni_strbuf_init(&self->text, cni_allocator_system(), INT64_C(1) << 24);
}

/* ---- the sweep ---- */

/* Which operations fail: `percent` of them, chosen by `seed`; thread starts, and reads and writes
 * when `all_files` is set: all. */
typedef struct sweep_sample {
    int32_t percent;
    uint64_t seed;
    bool all_files;
} sweep_sample;

static inline bool
sweep_is_sampled(sweep_sample sample, cni_fault_kind kind, uint64_t query, int64_t nth)
{
    if (kind == CNI_FAULT_THREAD || (kind != CNI_FAULT_ALLOC && sample.all_files)) {
        return true;
    }
    uint64_t hash = sample.seed + query * UINT64_C(0x9E3779B97F4A7C15) + (uint64_t)nth;
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (int32_t)((hash ^ (hash >> 31)) % 100) < sample.percent;
}

static inline bool
sweep_is_right(cni_fault_kind kind, cn_code code)
{
    switch (kind) {
    case CNI_FAULT_ALLOC:
        return code == CN_OK || code == CN_NO_MEMORY;
    case CNI_FAULT_READ:
    case CNI_FAULT_WRITE:
        return code == CN_OK || code == CN_IO;
    default:
        return code == CN_OK; /* a thread less is no error */
    }
}

static inline void
sweep_fail_one(const char *query, cni_fault_kind kind, int64_t nth, const char *expected)
{
    static const char *const kinds[] = {[CNI_FAULT_ALLOC] = "allocation",
                                        [CNI_FAULT_READ] = "read",
                                        [CNI_FAULT_WRITE] = "write",
                                        [CNI_FAULT_THREAD] = "thread start"};
    sweep_run run;
    sweep_begin(&run);
    run.fault.fail_at[kind] = nth;
    const cn_code code = sweep_attempt(&run, query);
    if (!sweep_is_right(kind, code)) {
        fail_msg("%s %lld of %s: %s: %s", kinds[kind], (long long)nth, query,
                 cn_code_name((int32_t)code), run.err.message);
    }
    if (code != CN_OK && run.err.message[0] == '\0') {
        fail_msg("%s %lld of %s: no message", kinds[kind], (long long)nth, query);
    }
    if (code != CN_OK) {
        const cn_code again = sweep_attempt(&run, query);
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
    sweep_finish(&run);
}

/* Rows and counts of the undisturbed run. */
static inline char *
sweep_measure(const char *query, int64_t n_hits[CNI_FAULT_KIND_COUNT_])
{
    sweep_run run;
    sweep_begin(&run);
    const cn_code code = sweep_attempt(&run, query);
    if (code != CN_OK) {
        fail_msg("%s: %s: %s", query, cn_code_name((int32_t)code), run.err.message);
    }
    char *text = strdup(run.text.len_bytes == 0 ? "" : run.text.data);
    assert_non_null(text);
    for (int kind = 0; kind < CNI_FAULT_KIND_COUNT_; kind++) {
        n_hits[kind] = cni_counter_get(&run.fault.n_hits[kind]);
    }
    sweep_finish(&run);
    return text;
}

/* Fail operations of `kind` in all queries, one in each run; gives how many failed. */
static inline int64_t
sweep_queries(const char *const *queries, int64_t n_queries, cni_fault_kind kind,
              sweep_sample sample)
{
    int64_t n_failed = 0;
    int64_t n_operations = 0;
    for (int64_t query = 0; query < n_queries; query++) {
        int64_t n_hits[CNI_FAULT_KIND_COUNT_] = {0};
        char *expected = sweep_measure(queries[query], n_hits);
        n_operations += n_hits[kind];
        for (int64_t nth = 1; nth <= n_hits[kind]; nth++) {
            if (sweep_is_sampled(sample, kind, (uint64_t)query, nth)) {
                sweep_fail_one(queries[query], kind, nth, expected);
                n_failed++;
            }
        }
        free(expected);
    }
    print_message("%lld of %lld operations failed\n", (long long)n_failed, (long long)n_operations);
    return n_failed;
}

#endif /* CN_TEST_SESSION_SWEEP_H */
