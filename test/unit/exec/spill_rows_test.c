/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows on disk: every type in every encoding goes through blocks and comes back as it was, in the
 * order of its partition; blocks keep to their size; damage is found; failures leave nothing.
 */
#include "unit/data/column/vector_fixture.h"

#include "exec/spill/spill_block_int.h"
#include "exec/spill/spill_rows.h"
#include "support/spill_stores.h"

typedef struct spill_env {
    cni_budget *root;
    cni_context context;
    cni_fault fault;
    memory_spill_store store;
    cni_spill_file *file;
    cni_spill_layout layout;
} spill_env;

static void
env_begin(spill_env *self, const cni_type *const *types, int32_t n_columns, int32_t n_partitions)
{
    memset(self, 0, sizeof(*self));
    const cni_exec_settings settings = cni_exec_settings_default();
    assert_ok(cni_budget_new_root("test", INT64_C(1) << 30, &self->fault, &self->root, err));
    assert_ok(cni_context_init(&self->context, self->root, INT64_C(1) << 30, NULL, &settings, err));
    memory_spill_begin_slow(&self->store, &self->fault);
    self->context.spill = &self->store.base;
    assert_ok(cni_spill_create(self->context.spill, "test", &self->file, err));
    self->layout = (cni_spill_layout){.context = &self->context,
                                      .allocator = self->context.allocator,
                                      .file = self->file,
                                      .n_columns = n_columns,
                                      .types = types,
                                      .n_partitions = n_partitions,
                                      .block_bytes = 4096};
}

static void
env_end(spill_env *self)
{
    cni_spill_close(self->file);
    memory_spill_end(&self->store);
    assert_int_equal(cni_budget_current_bytes(self->context.budget), 0);
    cni_context_done(&self->context);
    assert_int_equal(cni_budget_current_bytes(self->root), 0);
    cni_budget_unref(self->root);
}

/* Row `at` of the partition, counted over its blocks, is row `row` of the columns. */
static void
assert_rows(const spill_env *env, const cni_spill_rows *rows, const cni_vector *columns,
            const uint32_t *expected, int64_t n_expected)
{
    int64_t at = 0;
    cni_spill_reader *reader = NULL;
    assert_int_equal(rows->n_rows, n_expected);
    assert_ok(cni_spill_reader_new(&env->layout, rows, 0, rows->n_blocks, &reader, err));
    for (int64_t block = 0; block < rows->n_blocks; block++) {
        cni_chunk chunk;
        cni_chunk_init(&chunk, env->layout.allocator);
        assert_ok(n_expected % 4 == 0 ? cni_spill_read_block(&env->layout, rows, block, &chunk, err)
                                      : cni_spill_reader_next(reader, &chunk, err));
        assert_ok(cni_chunk_validate(&chunk, err));
        assert_int_equal(chunk.n_rows, rows->blocks[block].n_rows);
        for (int64_t row = 0; row < chunk.n_rows; row++, at++) {
            for (int32_t column = 0; column < env->layout.n_columns; column++) {
                assert_int_equal(chunk.columns[column].encoding, CNI_FLAT);
                fixture_assert_same(&chunk.columns[column], row, &columns[column], expected[at]);
            }
        }
        cni_chunk_done(&chunk);
        if (n_expected % 4 != 0) { /* else it may be under way in the reader */
            cni_spill_drop_block(&env->layout, rows, block);
        }
    }
    cni_spill_reader_free(reader);
    assert_int_equal(at, n_expected);
}

/* One column, all rows to one partition, some by number, with other rows between. */
static void
check_add(fixture_random *random, const cni_type *type, cni_encoding encoding, bool packs)
{
    spill_env env;
    env_begin(&env, &type, 1, 1);
    env.context.settings.test_spill = packs;
    cni_spill_writer *writer = NULL;
    assert_ok(cni_spill_writer_new(&env.layout, &writer, err));
    cni_vector column = {0};
    const int64_t n_rows = 1 + fixture_below(random, 400);
    fixture_any(random, type, encoding, n_rows, fixture_below(random, 2) == 0, &column);
    uint32_t expected[4000];
    int64_t n_expected = 0;
    for (int32_t turn = 0; turn < 4; turn++) {
        uint32_t *index = &expected[n_expected];
        int64_t n = n_rows;
        for (int64_t at = 0; at < n; at++) {
            index[at] = (uint32_t)(turn % 2 == 0 ? at : fixture_below(random, n_rows));
        }
        assert_ok(cni_spill_writer_add(writer, 0, &column, turn % 2 == 0 ? NULL : index, n, err));
        n_expected += n;
    }
    cni_spill_rows rows = {0};
    assert_ok(cni_spill_writer_finish(writer, &rows, err));
    cni_spill_writer_free(writer);
    assert_rows(&env, &rows, &column, expected, n_expected);
    cni_spill_rows_done(&rows);
    cni_vector_done(&column);
    env_end(&env);
}

static void
test_types(void **state)
{
    (void)state;
    fixture_random random = {.state = 11};
    fixture_types types;
    fixture_types_init(&types);
    for (int32_t type = 0; type < types.n_types; type++) {
        for (int encoding = 0; encoding < FIXTURE_ENCODINGS; encoding++) {
            check_add(&random, types.types[type], (cni_encoding)encoding, false);
            check_add(&random, types.types[type], (cni_encoding)encoding, true);
        }
    }
    fixture_types_done(&types);
}

/* All types at once, scattered in two calls. */
static void
check_scatter(fixture_random *random, const fixture_types *types, int32_t n_partitions, bool flat)
{
    enum {
        N_ROWS = 1500
    };
    spill_env env;
    env_begin(&env, types->types, types->n_types, n_partitions);
    cni_vector columns[FIXTURE_TYPES_MAX] = {0};
    for (int32_t column = 0; column < types->n_types; column++) {
        const cni_encoding encoding = flat ? CNI_FLAT : (cni_encoding)fixture_below(random, 5);
        fixture_any(random, types->types[column], encoding, N_ROWS, true, &columns[column]);
    }
    uint8_t partitions[N_ROWS];
    for (int64_t row = 0; row < N_ROWS; row++) {
        partitions[row] = (uint8_t)fixture_below(random, n_partitions);
    }
    cni_spill_writer *writer = NULL;
    cni_spill_rows rows[256] = {{0}};
    assert_ok(cni_spill_writer_new(&env.layout, &writer, err));
    for (int32_t turn = 0; turn < 2; turn++) {
        assert_ok(cni_spill_writer_scatter(writer, columns, N_ROWS, partitions, err));
        assert_ok(cni_spill_writer_finish(writer, rows, err));
    }
    assert_true(cni_spill_writer_bytes(writer) < 200000);
    cni_spill_writer_free(writer);
    for (int32_t partition = 0; partition < n_partitions; partition++) {
        uint32_t expected[2 * N_ROWS];
        int64_t n_expected = 0;
        for (int64_t row = 0; row < 2 * N_ROWS; row++) {
            if (partitions[row % N_ROWS] == partition) {
                expected[n_expected++] = (uint32_t)(row % N_ROWS);
            }
        }
        assert_rows(&env, &rows[partition], columns, expected, n_expected);
        cni_spill_rows_done(&rows[partition]);
    }
    for (int32_t column = 0; column < types->n_types; column++) {
        cni_vector_done(&columns[column]);
    }
    env_end(&env);
}

static void
test_scatter(void **state)
{
    (void)state;
    fixture_random random = {.state = 5};
    fixture_types types;
    fixture_types_init(&types);
    check_scatter(&random, &types, 1, true);
    check_scatter(&random, &types, 8, false);
    check_scatter(&random, &types, 64, true);
    check_scatter(&random, &types, 256, false);
    fixture_types_done(&types);
}

/* A decimal column whose vectors change their layout from chunk to chunk, both ways. */
static void
test_decimal_layouts(void **state)
{
    (void)state;
    const cni_type *type = cni_type_decimal(30, 2);
    spill_env env;
    env_begin(&env, &type, 1, 1);
    cni_vector narrow = {0};
    cni_vector wide = {0};
    assert_ok(
        cni_vector_new_flat(cni_allocator_system(), type, CNI_PHYS_I64, 10, true, &narrow, err));
    int64_t *items = cni_vector_mutable_data(&narrow);
    for (int64_t row = 0; row < 10; row++) {
        items[row] = row * 1000 - 5000;
    }
    cni_bit_clear(cni_vector_mutable_validity(&narrow), 3);
    assert_ok(cni_vector_widen_i128(cni_allocator_system(), &narrow, &wide, err));
    cni_spill_writer *writer = NULL;
    assert_ok(cni_spill_writer_new(&env.layout, &writer, err));
    cni_spill_rows rows = {0};
    static const bool turns[] = {false, true, false, true};
    uint32_t expected[40];
    for (int32_t turn = 0; turn < 4; turn++) {
        assert_ok(cni_spill_writer_add(writer, 0, turns[turn] ? &wide : &narrow, NULL, 10, err));
        for (uint32_t row = 0; row < 10; row++) {
            expected[turn * 10 + (int32_t)row] = row;
        }
    }
    assert_ok(cni_spill_writer_finish(writer, &rows, err));
    assert_rows(&env, &rows, &wide, expected, 40);
    cni_spill_rows_done(&rows);
    /* And a block that has narrow rows only stays narrow. */
    assert_ok(cni_spill_writer_add(writer, 0, &narrow, NULL, 10, err));
    assert_ok(cni_spill_writer_finish(writer, &rows, err));
    cni_chunk chunk;
    cni_chunk_init(&chunk, env.layout.allocator);
    assert_ok(cni_spill_read_block(&env.layout, &rows, 0, &chunk, err));
    assert_int_equal(chunk.columns[0].phys, CNI_PHYS_I64);
    cni_chunk_done(&chunk);
    cni_spill_rows_done(&rows);
    cni_spill_writer_free(writer);
    cni_vector_done(&narrow);
    cni_vector_done(&wide);
    env_end(&env);
}

/* Rows larger than a block, among small ones: blocks stay near their size, memory is given back. */
static void
test_large_rows(void **state)
{
    (void)state;
    enum {
        N_ROWS = 64,
        LARGE = 300000
    };
    const cni_type *type = cni_type_of(CNI_TYPE_VARCHAR);
    spill_env env;
    env_begin(&env, &type, 1, 1);
    cni_vector column = {0};
    cni_buffer *text = NULL;
    assert_ok(cni_buffer_new(cni_allocator_system(), LARGE + N_ROWS, &text, err));
    memset(text->data, 'x', LARGE + N_ROWS);
    assert_ok(cni_vector_new_flat(cni_allocator_system(), type, CNI_PHYS_VIEW, N_ROWS, false,
                                  &column, err));
    cni_view *views = cni_vector_mutable_data(&column);
    uint32_t expected[N_ROWS];
    for (uint32_t row = 0; row < N_ROWS; row++) {
        expected[row] = row;
        views[row] = cni_view_make((const char *)text->data + row, row % 3 == 0 ? LARGE : row);
    }
    assert_ok(cni_heap_new(cni_allocator_system(), &text, 1, &column.heap, err));
    cni_buffer_unref(text);
    cni_spill_writer *writer = NULL;
    cni_spill_rows rows = {0};
    assert_ok(cni_spill_writer_new(&env.layout, &writer, err));
    assert_ok(cni_spill_writer_add(writer, 0, &column, NULL, N_ROWS, err));
    assert_in_range(cni_spill_writer_bytes(writer), 0, 100000);
    assert_true(rows.memory_bytes == 0);
    assert_ok(cni_spill_writer_finish(writer, &rows, err));
    assert_true(cni_budget_peak_bytes(env.context.budget) < 4 * LARGE);
    for (int64_t block = 0; block < rows.n_blocks; block++) {
        assert_true(rows.blocks[block].n_rows == 1 || rows.blocks[block].n_bytes < 8192);
    }
    assert_rows(&env, &rows, &column, expected, N_ROWS);
    cni_spill_rows_done(&rows);
    cni_spill_writer_free(writer);
    cni_vector_done(&column);
    env_end(&env);
}

/* No columns: rows are only counted. */
static void
test_no_columns(void **state)
{
    (void)state;
    spill_env env;
    env_begin(&env, NULL, 0, 2);
    cni_spill_writer *writer = NULL;
    cni_spill_rows rows[2] = {{0}};
    assert_ok(cni_spill_writer_new(&env.layout, &writer, err));
    assert_ok(cni_spill_writer_add(writer, 1, NULL, NULL, 40000, err));
    assert_ok(cni_spill_writer_finish(writer, rows, err));
    assert_int_equal(rows[0].n_rows, 0);
    assert_int_equal(rows[1].n_rows, 40000);
    cni_chunk chunk;
    cni_chunk_init(&chunk, env.layout.allocator);
    int64_t n_rows = 0;
    for (int64_t block = 0; block < rows[1].n_blocks; block++) {
        assert_ok(cni_spill_read_block(&env.layout, &rows[1], block, &chunk, err));
        n_rows += chunk.n_rows;
    }
    assert_int_equal(n_rows, 40000);
    cni_chunk_done(&chunk);
    cni_spill_rows_done(&rows[1]);
    cni_spill_writer_free(writer);
    env_end(&env);
}

/* A block of all kinds of columns as bytes, and the types of it. */
static uint8_t *
make_block(fixture_random *random, const fixture_types *types, bool packs, int64_t *out_bytes)
{
    cni_spill_memory memory = {.allocator = cni_allocator_system()};
    cni_spill_column columns[FIXTURE_TYPES_MAX];
    for (int32_t at = 0; at < types->n_types; at++) {
        cni_vector vector = {0};
        fixture_any(random, types->types[at], CNI_FLAT, 20, true, &vector);
        const cni_spill_pick all = {.n = 20};
        assert_ok(cni_spill_column_init(&columns[at], &memory, types->types[at], err));
        assert_ok(cni_spill_column_append(&columns[at], &memory, &vector, &all, err));
        cni_vector_done(&vector);
    }
    int64_t n_bytes = cni_spill_block_size(columns, types->n_types);
    uint8_t *block = aligned_alloc(64, (size_t)n_bytes);
    cni_spill_block_encode(columns, types->n_types, 20, block);
    if (packs) {
        uint8_t *scratch = malloc((size_t)n_bytes);
        const int64_t n_packed = cni_spill_block_compress(block, n_bytes, scratch);
        assert_true(n_packed < n_bytes);
        n_bytes = n_packed;
        free(scratch);
    }
    for (int32_t at = 0; at < types->n_types; at++) {
        cni_spill_column_done(&columns[at], &memory);
    }
    assert_int_equal(memory.held_bytes, 0);
    *out_bytes = n_bytes;
    return block;
}

static cn_code
decode(const fixture_types *types, const uint8_t *block, int64_t n_bytes, cn_error *out_error)
{
    cni_chunk chunk;
    cni_buffer *buffer = NULL;
    cni_chunk_init(&chunk, cni_allocator_system());
    assert_ok(cni_buffer_new(cni_allocator_system(), n_bytes, &buffer, err));
    memcpy(buffer->data, block, (size_t)n_bytes);
    const cn_code code =
        cni_spill_block_decode(cni_allocator_system(), types->types, types->n_types, buffer,
                               buffer->data, n_bytes, &chunk, out_error);
    if (code == CN_OK) {
        assert_ok(cni_chunk_validate(&chunk, err));
    }
    cni_buffer_unref(buffer);
    cni_chunk_done(&chunk);
    return code;
}

/* Every byte changed is found by the checksum; with the checksum made right again, whatever the
 * bytes claim is refused or gives consistent vectors. */
static void
check_damage(bool packs)
{
    fixture_random random = {.state = 77};
    fixture_types types;
    fixture_types_init(&types);
    int64_t n_bytes = 0;
    uint8_t *block = make_block(&random, &types, packs, &n_bytes);
    cn_error error = CN_ERROR_INIT;
    assert_int_equal(decode(&types, block, n_bytes, &error), CN_OK);
    int64_t n_refused = 0;
    for (int64_t at = 0; at < n_bytes; at += 1 + (at > 4096 ? fixture_below(&random, 9) : 0)) {
        const uint8_t kept = block[at];
        block[at] = (uint8_t)(kept ^ (1U << fixture_below(&random, 8)));
        const cn_code code = decode(&types, block, n_bytes, &error);
        assert_true(code == CN_INVALID_DATA || at >= 48); /* else: behind what is stored */
        if (at >= 64) {
            uint64_t sealed;
            memcpy(&sealed, block + 40, sizeof(sealed));
            cni_spill_block_seal(block, n_bytes);
            const cn_code resealed = decode(&types, block, n_bytes, &error);
            assert_true(resealed == CN_OK || resealed == CN_INVALID_DATA);
            n_refused += resealed != CN_OK;
            memcpy(block + 40, &sealed, sizeof(sealed));
        }
        block[at] = kept;
        assert_int_equal(decode(&types, block, n_bytes, &error), CN_OK);
    }
    assert_true(n_refused > 50);
    for (int64_t n_left = 0; n_left < n_bytes; n_left += 1 + n_bytes / 97) {
        assert_int_equal(decode(&types, block, n_left, &error), CN_INVALID_DATA);
    }
    free(block);
    fixture_types_done(&types);
}

static void
test_damage(void **state)
{
    (void)state;
    check_damage(false);
    check_damage(true);
}

/* Everything once through the store; what fails gives its code. */
static cn_code
run_all(spill_env *env, const cni_vector *columns, int64_t n_rows, const uint8_t *partitions,
        cn_error *out_error)
{
    CN_SCOPED(cni_spill_writer_p) writer = NULL;
    cni_spill_rows rows[4] = {{0}};
    cn_code code = cni_spill_writer_new(&env->layout, &writer, out_error);
    for (int32_t turn = 0; code == CN_OK && turn < 8; turn++) {
        code = cni_spill_writer_scatter(writer, columns, n_rows, partitions, out_error);
    }
    if (code == CN_OK) {
        code = cni_spill_writer_finish(writer, rows, out_error);
    }
    for (int32_t at = 0; at < 4; at++) {
        for (int64_t block = 0; code == CN_OK && block < rows[at].n_blocks; block++) {
            cni_chunk chunk;
            cni_chunk_init(&chunk, env->layout.allocator);
            code = cni_spill_read_block(&env->layout, &rows[at], block, &chunk, out_error);
            cni_chunk_done(&chunk);
        }
        cni_spill_rows_done(&rows[at]);
    }
    return code;
}

static void
sweep(cni_fault_kind kind, cn_code want)
{
    fixture_random random = {.state = 3};
    fixture_types types;
    fixture_types_init(&types);
    spill_env env;
    env_begin(&env, types.types, types.n_types, 4);
    env.context.settings.test_spill = true; /* both forms of blocks */
    cni_vector columns[FIXTURE_TYPES_MAX] = {0};
    uint8_t partitions[60];
    for (int32_t column = 0; column < types.n_types; column++) {
        fixture_any(&random, types.types[column], (cni_encoding)fixture_below(&random, 5), 60, true,
                    &columns[column]);
    }
    for (int32_t row = 0; row < 60; row++) {
        partitions[row] = (uint8_t)fixture_below(&random, 4);
    }
    cn_error error = CN_ERROR_INIT;
    const int64_t before = cni_counter_get(&env.fault.n_hits[kind]);
    assert_int_equal(run_all(&env, columns, 60, partitions, &error), CN_OK);
    const int64_t n_hits = cni_counter_get(&env.fault.n_hits[kind]) - before;
    assert_true(n_hits > 1);
    for (int64_t at = 1; at <= n_hits; at += 1 + n_hits / 80) {
        cni_counter_set(&env.fault.fail_at[kind], cni_counter_get(&env.fault.n_hits[kind]) + at);
        assert_int_equal(run_all(&env, columns, 60, partitions, &error), want);
    }
    cni_counter_set(&env.fault.fail_at[kind], 0);
    for (int32_t column = 0; column < types.n_types; column++) {
        cni_vector_done(&columns[column]);
    }
    env_end(&env);
    fixture_types_done(&types);
}

static void
test_faults(void **state)
{
    (void)state;
    sweep(CNI_FAULT_ALLOC, CN_NO_MEMORY);
    sweep(CNI_FAULT_WRITE, CN_IO);
    sweep(CNI_FAULT_READ, CN_IO);
}

/* ---- the store behind the worker's back ---- */

enum {
    N_NUMBERS = 2001
};

/* N_NUMBERS BIGINTs that count from 0. */
static void
make_numbers(const cni_type *type, cni_vector *out)
{
    assert_ok(cni_vector_new_flat(cni_allocator_system(), type, CNI_PHYS_I64, N_NUMBERS, false, out,
                                  err));
    int64_t *numbers = cni_vector_mutable_data(out);
    for (int64_t row = 0; row < N_NUMBERS; row++) {
        numbers[row] = row;
    }
}

/* A list of `turns` times the numbers, one partition. */
static void
write_numbers(spill_env *env, const cni_vector *numbers, int32_t turns, cni_spill_rows *out_rows)
{
    CN_SCOPED(cni_spill_writer_p) writer = NULL;
    *out_rows = (cni_spill_rows){0};
    assert_ok(cni_spill_writer_new(&env->layout, &writer, err));
    for (int32_t turn = 0; turn < turns; turn++) {
        assert_ok(cni_spill_writer_add(writer, 0, numbers, NULL, N_NUMBERS, err));
    }
    assert_ok(cni_spill_writer_finish(writer, out_rows, err));
}

/* Rows are added while an append cannot end, as long as the limit has room for a second buffer. */
static void
test_writing_behind(void **state)
{
    (void)state;
    const cni_type *type = cni_type_of(CNI_TYPE_INT64);
    const int64_t ballast_bytes = INT64_C(999) << 20;
    spill_env env;
    cni_vector numbers = {0};
    cni_spill_writer *writer = NULL;
    cni_spill_rows rows = {0};
    uint32_t expected[3 * N_NUMBERS];
    int64_t held_bytes[2];
    env_begin(&env, &type, 1, 1);
    make_numbers(type, &numbers);
    for (uint32_t at = 0; at < 3 * N_NUMBERS; at++) {
        expected[at] = at % N_NUMBERS;
    }
    for (int32_t full = 0; full < 2; full++) {
        if (full == 1) { /* the reserve is taken too */
            assert_ok(cni_budget_reserve(env.context.budget, ballast_bytes, err));
        }
        assert_ok(cni_spill_writer_new(&env.layout, &writer, err));
        memory_spill_hold(&env.store, full == 1 ? 0 : 1);
        assert_ok(cni_spill_writer_add(writer, 0, &numbers, NULL, N_NUMBERS, err));
        assert_ok(cni_spill_writer_add(writer, 0, &numbers, NULL, N_NUMBERS / 2, err));
        if (full == 0) {
            memory_spill_await_held(&env.store, 1);
        }
        assert_ok(cni_spill_writer_add(writer, 0, &numbers, NULL, N_NUMBERS / 4, err));
        held_bytes[full] = cni_spill_writer_bytes(writer);
        memory_spill_release(&env.store);
        assert_ok(cni_spill_writer_finish(writer, &rows, err));
        cni_spill_writer_free(CN_MOVE(writer));
        assert_int_equal(rows.n_rows, N_NUMBERS + N_NUMBERS / 2 + N_NUMBERS / 4);
        cni_spill_rows_done(&rows);
    }
    assert_true(held_bytes[1] < held_bytes[0]);
    cni_budget_release(env.context.budget, ballast_bytes);
    write_numbers(&env, &numbers, 3, &rows);
    assert_rows(&env, &rows, &numbers, expected, (int64_t)3 * N_NUMBERS);
    cni_spill_rows_done(&rows);
    cni_vector_done(&numbers);
    env_end(&env);
}

/* An append that fails behind the worker's back fails what comes next; a writer with one under way
 * may be freed. */
static void
test_failing_behind(void **state)
{
    (void)state;
    const cni_type *type = cni_type_of(CNI_TYPE_INT64);
    spill_env env;
    cni_vector numbers = {0};
    cni_spill_writer *writer = NULL;
    cni_spill_rows rows = {0};
    cn_error error = CN_ERROR_INIT;
    env_begin(&env, &type, 1, 1);
    make_numbers(type, &numbers);
    assert_ok(cni_spill_writer_new(&env.layout, &writer, err));
    assert_ok(cni_spill_writer_add(writer, 0, &numbers, NULL, N_NUMBERS, err));
    cni_spill_writer_free(CN_MOVE(writer));
    for (int64_t at = 1; at < 4; at++) {
        cn_code code = CN_OK;
        cni_counter_set(&env.fault.fail_at[CNI_FAULT_WRITE],
                        cni_counter_get(&env.fault.n_hits[CNI_FAULT_WRITE]) + at);
        assert_ok(cni_spill_writer_new(&env.layout, &writer, err));
        for (int32_t turn = 0; turn < 4 && code == CN_OK; turn++) {
            code = cni_spill_writer_add(writer, 0, &numbers, NULL, N_NUMBERS, &error);
        }
        code = code == CN_OK ? cni_spill_writer_finish(writer, &rows, &error) : code;
        assert_int_equal(code, CN_IO);
        assert_non_null(strstr(error.message, "disk full"));
        cni_spill_writer_free(CN_MOVE(writer));
        cni_spill_rows_done(&rows);
    }
    cni_vector_done(&numbers);
    env_end(&env);
}

/* Reads are begun before they are asked for, come back in order, fail where the list has come to,
 * and may be left under way. */
static void
test_reading_ahead(void **state)
{
    (void)state;
    const cni_type *type = cni_type_of(CNI_TYPE_INT64);
    spill_env env;
    cni_vector numbers = {0};
    cni_spill_rows rows;
    cni_spill_reader *reader = NULL;
    cni_chunk chunk;
    cn_error error = CN_ERROR_INIT;
    env_begin(&env, &type, 1, 1);
    make_numbers(type, &numbers);
    write_numbers(&env, &numbers, 3, &rows);
    cni_chunk_init(&chunk, env.layout.allocator);
    assert_true(rows.n_blocks > 8);
    for (int64_t n_read = 0; n_read < rows.n_blocks; n_read++) {
        memory_spill_hold(&env.store, 1);
        assert_ok(cni_spill_reader_new(&env.layout, &rows, 0, rows.n_blocks, &reader, err));
        memory_spill_await_held(&env.store, 1);
        memory_spill_release(&env.store);
        for (int64_t block = 0; block < n_read; block++) {
            cni_chunk_reset(&chunk);
            assert_ok(cni_spill_reader_next(reader, &chunk, err));
            assert_int_equal(chunk.n_rows, rows.blocks[block].n_rows);
        }
        cni_chunk_reset(&chunk);
        cni_spill_reader_free(CN_MOVE(reader));
    }
    for (int64_t at = 1; at <= rows.n_blocks; at++) {
        int64_t n_read = 0;
        cn_code code = CN_OK;
        cni_counter_set(&env.fault.fail_at[CNI_FAULT_READ],
                        cni_counter_get(&env.fault.n_hits[CNI_FAULT_READ]) + at);
        assert_ok(cni_spill_reader_new(&env.layout, &rows, 0, rows.n_blocks, &reader, err));
        for (; n_read < rows.n_blocks && code == CN_OK; n_read++) {
            cni_chunk_reset(&chunk);
            code = cni_spill_reader_next(reader, &chunk, &error);
        }
        assert_int_equal(code, CN_IO);
        cni_spill_reader_free(CN_MOVE(reader));
    }
    assert_ok(cni_spill_reader_new(&env.layout, &rows, 0, rows.n_blocks, &reader, err));
    cni_context_cancel(&env.context);
    assert_int_equal(cni_spill_reader_next(reader, &chunk, &error), CN_CANCELLED);
    cni_spill_reader_free(CN_MOVE(reader));
    cni_chunk_done(&chunk);
    cni_spill_rows_done(&rows);
    cni_vector_done(&numbers);
    env_end(&env);
}

static void
test_block_bytes(void **state)
{
    (void)state;
    spill_env env;
    env_begin(&env, NULL, 0, 1);
    assert_int_equal(cni_spill_block_bytes(&env.context, 2, 64), INT64_C(1) << 19);
    assert_int_equal(cni_spill_block_bytes(&env.context, 1, 1), INT64_C(1) << 20);
    cni_budget_set_limit(env.root, INT64_C(16) << 20);
    assert_int_equal(cni_spill_block_bytes(&env.context, 2, 64), INT64_C(8) << 10);
    env_end(&env);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),           cmocka_unit_test(test_scatter),
        cmocka_unit_test(test_decimal_layouts), cmocka_unit_test(test_large_rows),
        cmocka_unit_test(test_no_columns),      cmocka_unit_test(test_damage),
        cmocka_unit_test(test_faults),          cmocka_unit_test(test_block_bytes),
        cmocka_unit_test(test_writing_behind),  cmocka_unit_test(test_failing_behind),
        cmocka_unit_test(test_reading_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
