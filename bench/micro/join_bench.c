/* SPDX-License-Identifier: Apache-2.0
 *
 * What the join operators cost per row: build from push to the table, probe from push to the last
 * chunk, one worker, chunks of 2,048 rows that are ready in memory. Budgets are those of the
 * design's research for the table alone, plus what taking columns costs.
 */
#define MICRO_CLOCK CLOCK_THREAD_CPUTIME_ID

#include "exec/join/join.h"
#include "micro_timer.h"

#define CHUNK_ROWS 2048
#define MILLION    INT64_C(1000000)

typedef enum key_shape {
    KEYS_DENSE,  /* 0 .. n */
    KEYS_APART,  /* times 37: 32-bit codes */
    KEYS_SPREAD, /* 64-bit codes */
    KEYS_TEXT
} key_shape;

typedef struct bench_case {
    const char *name;
    double build_budget_ns;
    double probe_budget_ns;
    cni_phys_join_kind kind;
    key_shape shape;
    int64_t n_build;
    int64_t
        n_keys; /* distinct ones of the build; probe keys are drawn from hit_one_in times these */
    int64_t hit_one_in;
    bool gives_build; /* a BIGINT column of it comes out */
} bench_case;

typedef struct bench_run {
    const bench_case *test;
    cni_context *context;
    cni_phys_join join;
    cni_phys_op spec;
    cni_operator_env env;
    cni_operator *build;
    int64_t n_build_chunks;
    int64_t n_probe_chunks;
    cni_chunk *build_chunks;
    cni_chunk *probe_chunks;
    int64_t n_out;
} bench_run;

static void
must(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        (void)fprintf(stderr, "%s\n", err->message);
        exit(1);
    }
}

static int64_t
key_of(key_shape shape, int64_t number)
{
    return shape == KEYS_APART    ? number * 37
           : shape == KEYS_SPREAD ? (int64_t)((uint64_t)number * UINT64_C(0x9E3779B97F4A7C15))
                                  : number;
}

static void
put_key(key_shape shape, cni_vector *keys, int64_t row, int64_t number)
{
    char text[32];
    if (shape == KEYS_TEXT) {
        const int n = snprintf(text, sizeof(text), "k%010lld", (long long)number);
        ((cni_view *)cni_vector_mutable_data(keys))[row] = cni_view_make(text, (uint32_t)n);
    } else {
        ((int64_t *)cni_vector_mutable_data(keys))[row] = key_of(shape, number);
    }
}

static const cni_type *
key_type(const bench_case *test)
{
    return cni_type_of(test->shape == KEYS_TEXT ? CNI_TYPE_VARCHAR : CNI_TYPE_INT64);
}

/* Keys beside a BIGINT; numbers of keys from `numbers`, or at random below n_numbers. */
static cni_chunk *
make_chunks(const bench_case *test, int64_t n_chunks, const uint32_t *numbers, int64_t n_numbers)
{
    cn_error err = CN_ERROR_INIT;
    uint64_t seed = 42;
    cni_chunk *chunks = micro_block(n_chunks * (int64_t)sizeof(cni_chunk));
    for (int64_t at = 0; at < n_chunks; at++) {
        cni_chunk *chunk = &chunks[at];
        cni_chunk_init(chunk, cni_allocator_system());
        must(cni_chunk_set_columns(chunk, 2, &err), &err);
        must(cni_vector_new_flat(cni_allocator_system(), key_type(test),
                                 cni_type_phys(key_type(test)), CHUNK_ROWS, false,
                                 &chunk->columns[0], &err),
             &err);
        must(cni_vector_new_flat(cni_allocator_system(), cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64,
                                 CHUNK_ROWS, false, &chunk->columns[1], &err),
             &err);
        for (int64_t row = 0; row < CHUNK_ROWS; row++) {
            const int64_t number = numbers != NULL
                                       ? numbers[at * CHUNK_ROWS + row]
                                       : (int64_t)(micro_random(&seed) % (uint64_t)n_numbers);
            put_key(test->shape, &chunk->columns[0], row, number);
            ((int64_t *)cni_vector_mutable_data(&chunk->columns[1]))[row] = row;
        }
        chunk->n_rows = CHUNK_ROWS;
        chunk->sequence = at;
    }
    return chunks;
}

static void
free_chunks(cni_chunk *chunks, int64_t n)
{
    for (int64_t at = 0; at < n; at++) {
        cni_chunk_done(&chunks[at]);
    }
    free(chunks);
}

/* Every key equally often, shuffled. */
static uint32_t *
shuffled(int64_t n, int64_t n_keys)
{
    uint64_t seed = 7;
    uint32_t *numbers = micro_block(n * (int64_t)sizeof(*numbers));
    for (int64_t at = 0; at < n; at++) {
        numbers[at] = (uint32_t)(at % n_keys);
    }
    for (int64_t at = n - 1; at > 0; at--) {
        const int64_t other = (int64_t)(micro_random(&seed) % (uint64_t)(at + 1));
        const uint32_t kept = numbers[at];
        numbers[at] = numbers[other];
        numbers[other] = kept;
    }
    return numbers;
}

static void
build_once(void *opaque)
{
    bench_run *run = opaque;
    cn_error err = CN_ERROR_INIT;
    void *local = NULL;
    cni_op_answer answer = CNI_OP_NEED_MORE;
    if (run->build != NULL) {
        run->build->ops->close(run->build);
    }
    must(cni_join_build_operator_new(&run->spec, &run->env, NULL, &run->build, &err), &err);
    cni_operator *op = run->build;
    must(op->ops->open_local(op, &local, &err), &err);
    for (int64_t at = 0; at < run->n_build_chunks; at++) {
        must(op->ops->push(op, local, &run->build_chunks[at], (cni_waker){0}, &answer, &err), &err);
    }
    must(op->ops->combine(op, local, &err), &err);
    op->ops->close_local(op, local);
    const int32_t n_tasks = op->ops->finalize_tasks(op);
    for (int32_t task = 0; task < n_tasks; task++) {
        must(op->ops->finalize(op, task, n_tasks, &err), &err);
    }
}

static void
drain(bench_run *run, cni_operator *op, void *local, cni_op_answer answer, cni_chunk *out)
{
    cn_error err = CN_ERROR_INIT;
    while (answer == CNI_OP_HAVE_MORE) {
        cni_chunk_reset(out);
        must(op->ops->next(op, local, out, (cni_waker){0}, &answer, &err), &err);
        run->n_out += out->n_rows;
    }
}

static void
probe_once(void *opaque)
{
    bench_run *run = opaque;
    cn_error err = CN_ERROR_INIT;
    void *local = NULL;
    cni_operator *op = NULL;
    cni_chunk chunk;
    cni_chunk out;
    cni_chunk_init(&chunk, run->context->allocator);
    cni_chunk_init(&out, run->context->allocator);
    must(cni_join_probe_operator_new(&run->spec, &run->env, run->build, &op, &err), &err);
    must(op->ops->open_local(op, &local, &err), &err);
    for (int64_t at = 0; at < run->n_probe_chunks; at++) {
        cni_op_answer answer = CNI_OP_NEED_MORE;
        cni_chunk_reset(&chunk);
        must(cni_chunk_copy(&chunk, &run->probe_chunks[at], &err), &err);
        must(op->ops->push(op, local, &chunk, (cni_waker){0}, &answer, &err), &err);
        drain(run, op, local, answer, &out);
    }
    must(op->ops->flush(op, local, CNI_FLUSH_INPUT, &err), &err);
    drain(run, op, local, CNI_OP_HAVE_MORE, &out);
    op->ops->close_local(op, local);
    op->ops->close(op);
    cni_chunk_done(&chunk);
    cni_chunk_done(&out);
}

static void
run_case(const bench_case *test, const char *filter, cni_context *context)
{
    static const int32_t keys[] = {0};
    static const bool null_equal[] = {false};
    static const cni_bounds bounds[1];
    static const cni_phys_join_output outputs[] = {{false, 1}, {true, 1}};
    const cni_type *const types[] = {key_type(test), cni_type_of(CNI_TYPE_INT64)};
    char name[96];
    if (filter != NULL && strstr(test->name, filter) == NULL) {
        return;
    }
    bench_run run = {.test = test, .context = context};
    run.n_build_chunks = (test->n_build + CHUNK_ROWS - 1) / CHUNK_ROWS;
    run.n_probe_chunks = 8 * MILLION / CHUNK_ROWS;
    uint32_t *numbers = shuffled(run.n_build_chunks * CHUNK_ROWS, test->n_keys);
    run.build_chunks = make_chunks(test, run.n_build_chunks, numbers, 0);
    run.probe_chunks = make_chunks(test, run.n_probe_chunks, NULL, test->n_keys * test->hit_one_in);
    free(numbers);
    run.join = (cni_phys_join){.kind = (uint8_t)test->kind,
                               .n_keys = 1,
                               .build_keys = keys,
                               .probe_keys = keys,
                               .null_equal = null_equal,
                               .key_bounds = bounds,
                               .n_build_columns = 2,
                               .build_types = types,
                               .n_probe_columns = 2,
                               .probe_types = types,
                               .n_outputs = test->gives_build ? 2 : 1,
                               .outputs = outputs,
                               .estimated_build_rows = -1,
                               .estimated_probe_rows = -1};
    run.spec = (cni_phys_op){.join = &run.join};
    run.env = (cni_operator_env){.context = context, .n_workers = 1};
    (void)snprintf(name, sizeof(name), "%s: build", test->name);
    micro_run(NULL, name, build_once, &run, run.n_build_chunks * CHUNK_ROWS, test->build_budget_ns);
    (void)snprintf(name, sizeof(name), "%s: probe", test->name);
    micro_run(NULL, name, probe_once, &run, run.n_probe_chunks * CHUNK_ROWS, test->probe_budget_ns);
    run.build->ops->close(run.build);
    free_chunks(run.build_chunks, run.n_build_chunks);
    free_chunks(run.probe_chunks, run.n_probe_chunks);
}

#define INNER CNI_PHYS_JOIN_INNER
#define SEMI  CNI_PHYS_JOIN_PROBE_SEMI
#define OUTER CNI_PHYS_JOIN_PROBE_OUTER

static const bench_case cases[] = {
    {"dense 10 K", 9, 1.6, INNER, KEYS_DENSE, 10000, 10240, 1, true},
    {"dense 1 M", 9, 2.7, INNER, KEYS_DENSE, MILLION, MILLION, 1, true},
    {"dense 1 M, no payload", 9, 0.9, INNER, KEYS_DENSE, MILLION, MILLION, 1, false},
    {"dense 1 M, outer", 9, 2.7, OUTER, KEYS_DENSE, MILLION, MILLION, 1, true},
    {"dense 1 M, 1 in 10 hits", 9, 2.0, INNER, KEYS_DENSE, MILLION, MILLION, 10, true},
    {"dense 1 M, 4 rows a key", 18, 9, INNER, KEYS_DENSE, MILLION, MILLION / 4, 1, true},
    {"dense 1 M, semi", 9, 1.5, SEMI, KEYS_DENSE, MILLION, MILLION, 2, false},
    {"dense 8 M", 9, 9, INNER, KEYS_DENSE, 8 * MILLION, 8 * MILLION, 1, true},
    {"inline 10 K", 13, 3.7, INNER, KEYS_APART, 10000, 10240, 1, true},
    {"inline 1 M", 13, 8.7, INNER, KEYS_APART, MILLION, MILLION, 1, true},
    {"inline 1 M, 1 in 10 hits", 13, 13.5, INNER, KEYS_APART, MILLION, MILLION, 10, true},
    {"inline 1 M, semi", 13, 8, SEMI, KEYS_APART, MILLION, MILLION, 2, false},
    {"inline 64-bit 1 M", 13, 8.7, INNER, KEYS_SPREAD, MILLION, MILLION, 1, true},
    {"inline 64-bit 1 M, 4 rows a key", 25, 20, INNER, KEYS_SPREAD, MILLION, MILLION / 4, 1, true},
    {"inline 64-bit 8 M", 19, 14, INNER, KEYS_SPREAD, 8 * MILLION, 8 * MILLION, 1, true},
    {"hashed text 100 K", 30, 20, INNER, KEYS_TEXT, 100000, 102400, 1, true},
};

int
main(int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : NULL;
    cn_error err = CN_ERROR_INIT;
    cni_budget *budget = NULL;
    cni_pool *pool = NULL;
    cni_context context = {0};
    const cni_exec_settings settings = cni_exec_settings_default();
    must(cni_budget_new_root("bench", INT64_C(16) << 30, NULL, &budget, &err), &err);
    must(cni_pool_new(cni_budget_allocator(budget), 1, NULL, NULL, &pool, &err), &err);
    must(cni_context_init(&context, budget, CNI_BUDGET_UNLIMITED, pool, &settings, &err), &err);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        run_case(&cases[at], filter, &context);
    }
    cni_context_done(&context);
    cni_pool_free(pool);
    cni_budget_unref(budget);
    return 0;
}
