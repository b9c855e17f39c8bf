/* SPDX-License-Identifier: Apache-2.0
 *
 * What the aggregation operator costs per row: each rung of its ladder, one worker, chunks of 2,048
 * rows that are ready in memory, from push to the last result. The budgets are those of the cost
 * ladder of the design's research (sum and count, one core), plus what the operator adds around the
 * kernels.
 */
#include "exec/operator/aggregate.h"
#include "micro_timer.h"
#include "plan/function/builtin_int.h"

#define CHUNK_ROWS 2048
#define MAX_INPUTS 8

typedef struct column_spec {
    uint8_t type_id; /* cni_type_id */
    uint8_t precision;
    uint8_t scale;
    int64_t n_values; /* distinct, spread at random; 0 = runs of 4 ascending */
    bool dictionary;
    bool text;
} column_spec;

typedef struct call_spec {
    const char *name;
    int32_t arg; /* -1 = none */
} call_spec;

typedef struct bench_case {
    const char *name;
    double budget_ns;
    int64_t n_rows;
    int32_t n_keys;
    int32_t n_columns;
    column_spec columns[MAX_INPUTS]; /* keys first */
    int32_t n_calls;
    call_spec calls[10];
} bench_case;

typedef struct bench_run {
    cni_context *context;
    cni_phys_aggregate spec;
    int64_t n_chunks;
    cni_chunk *chunks;
} bench_run;

static void
must(cn_code code, const cn_error *err)
{
    if (code != CN_OK) {
        (void)fprintf(stderr, "%s\n", err->message);
        exit(1);
    }
}

static const cni_type *
type_of(const column_spec *spec)
{
    return spec->type_id == CNI_TYPE_DECIMAL ? cni_type_decimal(spec->precision, spec->scale)
                                             : cni_type_of((cni_type_id)spec->type_id);
}

static int64_t
value_of(const column_spec *spec, int64_t row, uint64_t *seed)
{
    return spec->n_values == 0 ? row / 4 : (int64_t)(micro_random(seed) % (uint64_t)spec->n_values);
}

static void
fill_text(cni_vector *vector, int64_t row, int64_t value)
{
    char text[32];
    const int n = snprintf(text, sizeof(text), "v%06lld", (long long)value);
    ((cni_view *)cni_vector_mutable_data(vector))[row] = cni_view_make(text, (uint32_t)n);
}

static void
fill_flat(const column_spec *spec, int64_t first, int64_t n, uint64_t *seed, cni_vector *out)
{
    cn_error err = CN_ERROR_INIT;
    const cni_phys usual = cni_type_phys(type_of(spec));
    const cni_phys phys = usual == CNI_PHYS_I128 ? CNI_PHYS_I64 : usual; /* narrow by proof */
    must(cni_vector_new_flat(cni_allocator_system(), type_of(spec), phys, n, false, out, &err),
         &err);
    for (int64_t row = 0; row < n; row++) {
        const int64_t value = value_of(spec, first + row, seed);
        if (spec->text) {
            fill_text(out, row, value);
        } else if (out->phys == CNI_PHYS_F64) {
            ((double *)cni_vector_mutable_data(out))[row] = (double)value;
        } else {
            ((int64_t *)cni_vector_mutable_data(out))[row] = value;
        }
    }
    if (out->phys == CNI_PHYS_I64) {
        out->bounds = cni_vector_compute_bounds(out);
    }
}

static cni_dictionary *
dictionary_of(const column_spec *spec)
{
    cn_error err = CN_ERROR_INIT;
    cni_vector values = {0};
    cni_dictionary *dictionary = NULL;
    must(cni_vector_new_flat(cni_allocator_system(), type_of(spec), cni_type_phys(type_of(spec)),
                             spec->n_values, false, &values, &err),
         &err);
    for (int64_t row = 0; row < spec->n_values; row++) {
        fill_text(&values, row, row);
    }
    must(cni_dictionary_new(cni_allocator_system(), &values, true, true, &dictionary, &err), &err);
    return dictionary;
}

static void
fill_codes(const column_spec *spec, cni_dictionary *dictionary, int64_t n, uint64_t *seed,
           cni_vector *out)
{
    cn_error err = CN_ERROR_INIT;
    *out = (cni_vector){.type = type_of(spec),
                        .encoding = CNI_DICTIONARY,
                        .phys = (uint8_t)cni_type_phys(type_of(spec)),
                        .code_bytes = 2,
                        .n_rows = n,
                        .dictionary = cni_dictionary_ref(dictionary)};
    must(cni_buffer_new(cni_allocator_system(), n * 2, &out->owner_data, &err), &err);
    out->data = out->owner_data->data;
    uint16_t *codes = (void *)out->owner_data->data;
    for (int64_t row = 0; row < n; row++) {
        codes[row] = (uint16_t)(micro_random(seed) % (uint64_t)spec->n_values);
    }
}

static void
make_chunks(const bench_case *test, bench_run *run)
{
    cn_error err = CN_ERROR_INIT;
    cni_dictionary *dictionaries[MAX_INPUTS] = {0};
    uint64_t seed = 42;
    for (int32_t column = 0; column < test->n_columns; column++) {
        if (test->columns[column].dictionary) {
            dictionaries[column] = dictionary_of(&test->columns[column]);
        }
    }
    run->n_chunks = test->n_rows / CHUNK_ROWS;
    run->chunks = micro_block(run->n_chunks * (int64_t)sizeof(cni_chunk));
    for (int64_t at = 0; at < run->n_chunks; at++) {
        cni_chunk *chunk = &run->chunks[at];
        cni_chunk_init(chunk, cni_allocator_system());
        must(cni_chunk_set_columns(chunk, test->n_columns, &err), &err);
        for (int32_t column = 0; column < test->n_columns; column++) {
            const column_spec *spec = &test->columns[column];
            if (spec->dictionary) {
                fill_codes(spec, dictionaries[column], CHUNK_ROWS, &seed, &chunk->columns[column]);
            } else {
                fill_flat(spec, at * CHUNK_ROWS, CHUNK_ROWS, &seed, &chunk->columns[column]);
            }
        }
        chunk->n_rows = CHUNK_ROWS;
        chunk->sequence = at;
    }
}

static void
free_chunks(bench_run *run)
{
    for (int64_t at = 0; at < run->n_chunks; at++) {
        cni_chunk_done(&run->chunks[at]);
    }
    free(run->chunks);
}

static void
make_spec(const bench_case *test, const cni_function_registry *registry, cni_arena *arena,
          bench_run *run)
{
    cn_error err = CN_ERROR_INIT;
    const cni_type **types = NULL;
    int32_t *keys = NULL;
    cni_bounds *bounds = NULL;
    cni_phys_call *calls = NULL;
    must(cni_arena_alloc_array(arena, MAX_INPUTS, 8, (void *)&types, &err), &err);
    must(cni_arena_alloc_array(arena, MAX_INPUTS, 8, &keys, &err), &err);
    must(cni_arena_alloc_array(arena, MAX_INPUTS, sizeof(*bounds), &bounds, &err), &err);
    must(cni_arena_alloc_array(arena, test->n_calls, sizeof(*calls), &calls, &err), &err);
    for (int32_t column = 0; column < test->n_columns; column++) {
        types[column] = type_of(&test->columns[column]);
        keys[column] = column;
    }
    for (int32_t call = 0; call < test->n_calls; call++) {
        int32_t *arg = NULL;
        const cni_type **wanted = NULL;
        const cni_value **literals = NULL;
        must(CN_ARENA_NEW(arena, &arg, &err), &err);
        must(cni_arena_alloc_array(arena, 1, 8, (void *)&wanted, &err), &err);
        must(cni_arena_alloc_array(arena, 1, 8, (void *)&literals, &err), &err);
        *arg = test->calls[call].arg;
        wanted[0] = *arg < 0 ? NULL : types[*arg];
        const cni_type *given = wanted[0];
        cni_resolve question = {.arena = arena,
                                .n_args = *arg < 0 ? 0 : 1,
                                .arg_types = &given,
                                .arg_literals = literals,
                                .out_arg_types = wanted};
        calls[call] = (cni_phys_call){.n_args = question.n_args, .args = arg, .filter = -1};
        must(cni_function_resolve(registry, cni_str_of(test->calls[call].name),
                                  CNI_FUNCTION_AGGREGATE, &question, &calls[call].function, &err),
             &err);
        calls[call].bind_data = question.out_bind_data;
        calls[call].type = question.out_type;
    }
    run->spec = (cni_phys_aggregate){.n_inputs = test->n_columns,
                                     .input_types = types,
                                     .n_keys = test->n_keys,
                                     .keys = keys,
                                     .key_bounds = bounds,
                                     .n_calls = test->n_calls,
                                     .calls = calls,
                                     .estimated_rows = -1,
                                     .estimated_groups = -1};
}

static void
read_results(bench_run *run, cni_operator *op, cn_error *err)
{
    cni_scan *scan = NULL;
    void *local = NULL;
    cni_chunk out;
    int64_t morsel = 0;
    cni_read_answer answer = CNI_READ_END;
    cni_chunk_init(&out, run->context->allocator);
    must(op->ops->open_source(op, &scan, err), err);
    must(scan->ops->open_local(scan, &local, err), err);
    while (scan->ops->next_morsel(scan, (cni_waker){0}, &morsel) == CNI_MORSEL_TAKEN) {
        do {
            cni_chunk_reset(&out);
            must(scan->ops->read(scan, local, morsel, (cni_waker){0}, &out, &answer, err), err);
        } while (answer == CNI_READ_CHUNK && !out.ends_morsel);
    }
    scan->ops->close_local(scan, local);
    scan->ops->close(scan);
    cni_chunk_done(&out);
}

static void
run_once(void *opaque)
{
    bench_run *run = opaque;
    cn_error err = CN_ERROR_INIT;
    cni_operator *op = NULL;
    void *local = NULL;
    cni_op_answer answer = CNI_OP_NEED_MORE;
    must(cni_aggregate_operator_new(&run->spec, run->context, 1, &op, &err), &err);
    must(op->ops->open_local(op, &local, &err), &err);
    for (int64_t at = 0; at < run->n_chunks; at++) {
        must(op->ops->push(op, local, &run->chunks[at], (cni_waker){0}, &answer, &err), &err);
    }
    must(op->ops->combine(op, local, &err), &err);
    const int32_t n_tasks = op->ops->finalize_tasks(op);
    for (int32_t task = 0; task < n_tasks; task++) {
        must(op->ops->finalize(op, task, n_tasks, &err), &err);
    }
    read_results(run, op, &err);
    op->ops->close_local(op, local);
    op->ops->close(op);
}

#define BIGINT {.type_id = CNI_TYPE_INT64, .n_values = 1000}
#define PRICE  {.type_id = CNI_TYPE_DECIMAL, .precision = 15, .scale = 2, .n_values = 10000000}
#define PRICE_WIDE                                                                                 \
    {.type_id = CNI_TYPE_DECIMAL, .precision = 38, .scale = 4, .n_values = INT64_C(100000000000)}
#define KEY(n)       {.type_id = CNI_TYPE_INT64, .n_values = (n)}
#define TEXT(n)      {.type_id = CNI_TYPE_VARCHAR, .n_values = (n), .dictionary = true, .text = true}
#define FLAT_TEXT(n) {.type_id = CNI_TYPE_VARCHAR, .n_values = (n), .text = true}

#define MILLION (INT64_C(1) << 20)

static const bench_case cases[] = {
    {"no keys: sum(bigint), count(*)",
     0.3,
     MILLION,
     0,
     1,
     {BIGINT},
     2,
     {{"sum", 0}, {"count", -1}}},
    {"Q1: 2 text keys, 6 groups, 8 calls",
     3.0,
     MILLION,
     2,
     7,
     {TEXT(3), TEXT(2), PRICE, PRICE, PRICE_WIDE, PRICE_WIDE, PRICE},
     8,
     {{"sum", 2},
      {"sum", 3},
      {"sum", 4},
      {"sum", 5},
      {"avg", 2},
      {"avg", 3},
      {"avg", 6},
      {"count", -1}}},
    {"Q1 over flat texts",
     6.0,
     MILLION,
     2,
     7,
     {FLAT_TEXT(3), FLAT_TEXT(2), PRICE, PRICE, PRICE_WIDE, PRICE_WIDE, PRICE},
     8,
     {{"sum", 2},
      {"sum", 3},
      {"sum", 4},
      {"sum", 5},
      {"avg", 2},
      {"avg", 3},
      {"avg", 6},
      {"count", -1}}},
    {"direct: 4 groups", 1.2, MILLION, 1, 2, {KEY(4), BIGINT}, 2, {{"sum", 1}, {"count", -1}}},
    {"direct: 100 groups", 1.5, MILLION, 1, 2, {KEY(100), BIGINT}, 2, {{"sum", 1}, {"count", -1}}},
    {"direct: 10,000 groups",
     2.0,
     MILLION,
     1,
     2,
     {KEY(10000), BIGINT},
     2,
     {{"sum", 1}, {"count", -1}}},
    {"direct: 100,000 groups",
     3.0,
     4 * MILLION,
     1,
     2,
     {KEY(100000), BIGINT},
     2,
     {{"sum", 1}, {"count", -1}}},
    {"direct: 1,000 texts by dictionary",
     2.0,
     MILLION,
     1,
     2,
     {TEXT(1000), BIGINT},
     2,
     {{"sum", 1}, {"count", -1}}},
    {"hash: 1,000 flat texts",
     12.0,
     MILLION,
     1,
     2,
     {FLAT_TEXT(1000), BIGINT},
     2,
     {{"sum", 1}, {"count", -1}}},
    {"hash: 100,000 flat texts",
     25.0,
     4 * MILLION,
     1,
     2,
     {FLAT_TEXT(100000), BIGINT},
     2,
     {{"sum", 1}, {"count", -1}}},
    {"hash: 2 keys of 20,000",
     20.0,
     4 * MILLION,
     2,
     3,
     {KEY(20000), KEY(20), BIGINT},
     2,
     {{"sum", 2}, {"count", -1}}},
    {"hash: 1 M groups",
     13.0,
     8 * MILLION,
     1,
     2,
     {KEY(MILLION), BIGINT},
     2,
     {{"sum", 1}, {"count", -1}}},
    {"hash: 10 M groups",
     18.0,
     8 * MILLION,
     1,
     2,
     {KEY(10 * MILLION), BIGINT},
     2,
     {{"sum", 1}, {"count", -1}}},
    {"hash: runs of 4 ascending",
     5.0,
     8 * MILLION,
     1,
     3,
     {KEY(0), BIGINT, PRICE},
     3,
     {{"sum", 1}, {"max", 2}, {"count", -1}}},
    {"hash: 200,000 groups, no calls", 8.0, 8 * MILLION, 1, 1, {KEY(200000)}, 0, {{0}}},
};

static void
run_case(const bench_case *test, const char *filter, const cni_function_registry *registry,
         cni_context *context)
{
    cn_error err = CN_ERROR_INIT;
    bench_run run = {.context = context};
    cni_arena *arena = NULL;
    if (filter != NULL && strstr(test->name, filter) == NULL) {
        return;
    }
    must(cni_arena_new(cni_allocator_system(), "bench", &arena, &err), &err);
    make_spec(test, registry, arena, &run);
    make_chunks(test, &run);
    micro_run(filter, test->name, run_once, &run, run.n_chunks * CHUNK_ROWS, test->budget_ns);
    free_chunks(&run);
    cni_arena_unref(arena);
}

int
main(int argc, char **argv)
{
    const char *filter = argc > 1 ? argv[1] : NULL;
    cn_error err = CN_ERROR_INIT;
    cni_budget *budget = NULL;
    cni_pool *pool = NULL;
    cni_context context = {0};
    cni_function_registry *registry = NULL;
    const cni_exec_settings settings = cni_exec_settings_default();
    must(cni_budget_new_root("bench", INT64_C(16) << 30, NULL, &budget, &err), &err);
    must(cni_pool_new(cni_budget_allocator(budget), 1, NULL, NULL, &pool, &err), &err);
    must(cni_context_init(&context, budget, CNI_BUDGET_UNLIMITED, pool, &settings, &err), &err);
    must(cni_function_registry_new(cni_allocator_system(), &registry, &err), &err);
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        run_case(&cases[at], filter, registry, &context);
    }
    cni_function_registry_free(registry);
    cni_context_done(&context);
    cni_pool_free(pool);
    cni_budget_unref(budget);
    return 0;
}
