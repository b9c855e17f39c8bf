/* SPDX-License-Identifier: Apache-2.0
 *
 * Export of vectors of every type and encoding, in one chunk and in several, against what comes in
 * again; ownership of what left: moved children, release in any order, life beyond the budget.
 */
#include "vector_fixture.h"

#include "base/fault.h"
#include "data/column/arrow_bridge.h"
#include "runtime/budget.h"

#define ALLOCATOR  cni_allocator_system()
#define CHUNKS_MAX 4

typedef struct round_trip {
    struct ArrowSchema schema;
    struct ArrowArray array;
    cni_arena *arena;
    cni_schema types;
    cni_arrow_batch batch;
} round_trip;

static void
import_again(round_trip *self)
{
    assert_ok(cni_arena_new(ALLOCATOR, "test", &self->arena, err));
    assert_ok(cni_arrow_import_schema(self->arena, &self->schema, &self->types, err));
    assert_ok(cni_arrow_import_batch(ALLOCATOR, &self->schema, &self->types, &self->array,
                                     &self->batch, err));
    self->schema.release(&self->schema);
    assert_null(self->schema.release);
}

static void
round_trip_done(round_trip *self)
{
    cni_arrow_batch_done(&self->batch);
    cni_arena_unref(self->arena);
}

static void
assert_same_text(const cni_vector *got, int64_t got_row, const cni_vector *want, int64_t want_row)
{
    cni_strbuf text_got;
    cni_strbuf text_want;
    cni_strbuf_init(&text_got, ALLOCATOR, 1 << 24);
    cni_strbuf_init(&text_want, ALLOCATOR, 1 << 24);
    const cni_str a = fixture_text(&text_got, got, got_row);
    const cni_str b = fixture_text(&text_want, want, want_row);
    if (!cni_str_eq(a, b)) {
        fail_msg("row %lld is %.*s, expected %.*s", (long long)got_row, CNI_STR_ARGS(a),
                 CNI_STR_ARGS(b));
    }
    cni_strbuf_done(&text_got);
    cni_strbuf_done(&text_want);
}

static void
make_chunks(fixture_random *random, const cni_type *type, int encoding, int64_t max_rows,
            cni_chunk *chunks, int64_t n_chunks)
{
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        cni_chunk_init(&chunks[chunk], ALLOCATOR);
        assert_ok(cni_chunk_set_columns(&chunks[chunk], 1, err));
        chunks[chunk].n_rows = fixture_below(random, max_rows + 1);
        fixture_any(random, type, (cni_encoding)encoding, chunks[chunk].n_rows,
                    fixture_below(random, 3) != 0, &chunks[chunk].columns[0]);
    }
}

static void
check_type(const cni_type *type, int encoding, int round)
{
    fixture_random random = {(uint64_t)(type->id * 1000 + encoding * 100 + round)};
    const cni_field field = {.name = CNI_STR("c"), .type = type, .nullable = true};
    const cni_schema schema = {.n_fields = 1, .fields = &field};
    const cni_arrow_options options = {.string_views = round % 2 == 0};
    const int64_t n_chunks = round % (CHUNKS_MAX + 1);
    cni_chunk chunks[CHUNKS_MAX];
    round_trip trip = {0};
    make_chunks(&random, type, encoding, 70, chunks, n_chunks);
    assert_ok(cni_arrow_export_schema(ALLOCATOR, &schema, &options, &trip.schema, err));
    assert_ok(
        cni_arrow_export_chunks(ALLOCATOR, &schema, chunks, n_chunks, &options, &trip.array, err));
    import_again(&trip);
    fixture_assert_valid(&trip.batch.columns[0]);
    int64_t row = 0;
    for (int64_t chunk = 0; chunk < n_chunks; chunk++) {
        for (int64_t at = 0; at < chunks[chunk].n_rows; at++) {
            assert_same_text(&trip.batch.columns[0], row++, &chunks[chunk].columns[0], at);
        }
        cni_chunk_done(&chunks[chunk]);
    }
    assert_int_equal(trip.batch.n_rows, row);
    round_trip_done(&trip);
}

static void
test_every_type_and_encoding(void **state)
{
    (void)state;
    fixture_types types;
    fixture_types_init(&types);
    for (int32_t type = 0; type < types.n_types; type++) {
        for (int encoding = 0; encoding < FIXTURE_ENCODINGS; encoding++) {
            for (int round = 0; round < 10; round++) {
                check_type(types.types[type], encoding, round);
            }
        }
    }
    fixture_types_done(&types);
}

/* A chunk of three columns: integers, texts, lists of texts. */
static void
make_three(fixture_types *types, cni_schema *out_schema, cni_chunk *out_chunk)
{
    fixture_random random = {3};
    const cni_type *text = cni_type_of(CNI_TYPE_VARCHAR);
    const cni_field fields[] = {
        {.name = CNI_STR("a"), .type = cni_type_of(CNI_TYPE_INT64), .nullable = true},
        {.name = CNI_STR("b"), .type = text},
        {.name = CNI_STR("c"), .type = fixture_add_list(types, text), .nullable = true}};
    *out_schema = (cni_schema){.n_fields = 3, .fields = fixture_fields(types, fields, 3)};
    cni_chunk_init(out_chunk, ALLOCATOR);
    assert_ok(cni_chunk_set_columns(out_chunk, 3, err));
    out_chunk->n_rows = 40;
    for (int column = 0; column < 3; column++) {
        fixture_flat(&random, fields[column].type, 40, column != 1, &out_chunk->columns[column]);
    }
}

static void
test_items_leave_without_a_copy(void **state)
{
    (void)state;
    fixture_types types = {0};
    cni_schema schema;
    cni_chunk chunk;
    struct ArrowArray array;
    assert_ok(cni_arena_new(ALLOCATOR, "test", &types.arena, err));
    make_three(&types, &schema, &chunk);
    const void *data = chunk.columns[0].data;
    assert_ok(cni_arrow_export_chunks(ALLOCATOR, &schema, &chunk, 1, NULL, &array, err));
    assert_ptr_equal(array.children[0]->buffers[1], data);
    assert_int_equal(array.offset, 0);
    assert_int_equal(array.null_count, 0);
    array.release(&array);
    assert_null(array.release);
    cni_chunk_done(&chunk);
    fixture_types_done(&types);
}

static void
test_children_may_be_moved_out(void **state)
{
    (void)state;
    fixture_types types = {0};
    cni_schema schema;
    cni_chunk chunk;
    struct ArrowArray array;
    struct ArrowSchema exported;
    assert_ok(cni_arena_new(ALLOCATOR, "test", &types.arena, err));
    make_three(&types, &schema, &chunk);
    assert_ok(cni_arrow_export_schema(ALLOCATOR, &schema, NULL, &exported, err));
    assert_ok(cni_arrow_export_chunks(ALLOCATOR, &schema, &chunk, 1, NULL, &array, err));
    cni_chunk_done(&chunk);
    fixture_types_done(&types);
    struct ArrowArray texts = *array.children[2]->children[0];
    array.children[2]->children[0]->release = NULL;
    struct ArrowArray numbers = *array.children[0];
    array.children[0]->release = NULL;
    struct ArrowSchema list = *exported.children[2];
    exported.children[2]->release = NULL;
    exported.release(&exported);
    array.release(&array);
    assert_string_equal(list.format, "+l");
    assert_string_equal(list.children[0]->format, "u");
    list.release(&list);
    int64_t sum = 0;
    for (int64_t row = 0; row < numbers.length; row++) {
        sum ^= ((const int64_t *)numbers.buffers[1])[row];
    }
    assert_true(sum != 0);
    numbers.release(&numbers);
    const int32_t *offsets = texts.buffers[1];
    assert_true(offsets[texts.length] >= 0);
    const char *bytes = texts.buffers[2];
    for (int32_t at = 0; at < offsets[texts.length]; at++) {
        sum += bytes[at];
    }
    texts.release(&texts);
    assert_null(texts.release);
}

/* Arrow wants the offsets into each member to ascend; a take of ours does not keep that. */
static void
test_dense_unions_leave_in_order(void **state)
{
    (void)state;
    fixture_types types = {0};
    assert_ok(cni_arena_new(ALLOCATOR, "test", &types.arena, err));
    const cni_type *type =
        fixture_add_union(&types, true, cni_type_of(CNI_TYPE_INT32), cni_type_of(CNI_TYPE_VARCHAR));
    const cni_field field = {.name = CNI_STR("u"), .type = type, .nullable = true};
    const cni_schema schema = {.n_fields = 1, .fields = &field};
    for (int round = 0; round < 20; round++) {
        fixture_random random = {(uint64_t)round};
        cni_chunk chunk;
        struct ArrowArray array;
        make_chunks(&random, type, CNI_FLAT, 50, &chunk, 1);
        assert_ok(cni_arrow_export_chunks(ALLOCATOR, &schema, &chunk, 1, NULL, &array, err));
        const struct ArrowArray *exported = array.children[0];
        int32_t last[8] = {0};
        for (int64_t row = 0; row < exported->length; row++) {
            const int8_t code = ((const int8_t *)exported->buffers[0])[row];
            const int32_t offset = ((const int32_t *)exported->buffers[1])[row];
            assert_true(offset >= last[code]);
            last[code] = offset;
        }
        array.release(&array);
        cni_chunk_done(&chunk);
    }
    fixture_types_done(&types);
}

static void
test_export_outlives_the_budget(void **state)
{
    (void)state;
    cni_budget *budget = NULL;
    cni_allocator *allocator = NULL;
    fixture_types types = {0};
    cni_schema schema;
    cni_chunk chunk;
    round_trip trip = {0};
    const cni_arrow_options options = {.string_views = true};
    assert_ok(cni_arena_new(ALLOCATOR, "test", &types.arena, err));
    make_three(&types, &schema, &chunk);
    assert_ok(cni_budget_new_root("test", INT64_C(1) << 26, NULL, &budget, err));
    allocator = cni_budget_allocator(budget);
    cni_chunk own;
    cni_chunk_init(&own, allocator);
    assert_ok(cni_chunk_set_columns(&own, 3, err));
    own.n_rows = chunk.n_rows;
    for (int column = 0; column < 3; column++) {
        const cni_vector *twice[] = {&chunk.columns[column], &chunk.columns[column]};
        cni_vector joined = {0};
        assert_ok(cni_vector_concat(allocator, twice, 2, &joined, err));
        assert_ok(cni_vector_own_strings(allocator, &joined, true, err));
        cni_vector_slice(&own.columns[column], &joined, 3, chunk.n_rows);
        cni_vector_done(&joined);
    }
    assert_ok(cni_arrow_export_schema(allocator, &schema, &options, &trip.schema, err));
    assert_ok(cni_arrow_export_chunks(allocator, &schema, &own, 1, &options, &trip.array, err));
    cni_chunk_done(&own);
    cni_budget_unref(budget);
    import_again(&trip);
    for (int64_t row = 0; row < chunk.n_rows; row++) {
        for (int column = 0; column < 3; column++) {
            assert_same_text(&trip.batch.columns[column], row, &chunk.columns[column],
                             (row + 3) % chunk.n_rows);
        }
    }
    round_trip_done(&trip);
    cni_chunk_done(&chunk);
    fixture_types_done(&types);
}

static void
test_every_allocation_may_fail(void **state)
{
    (void)state;
    fixture_types types = {0};
    cni_schema schema;
    cni_chunk chunks[2];
    assert_ok(cni_arena_new(ALLOCATOR, "test", &types.arena, err));
    make_three(&types, &schema, &chunks[0]);
    make_three(&types, &schema, &chunks[1]);
    cn_code code = CN_NO_MEMORY;
    for (int64_t fail_at = 1; code != CN_OK; fail_at++) {
        cni_fault fault = {0};
        cni_allocator *allocator = NULL;
        cn_error error = CN_ERROR_INIT;
        struct ArrowSchema exported = {0};
        struct ArrowArray array = {0};
        const cni_arrow_options options = {.string_views = fail_at % 2 == 0};
        assert_ok(cni_fault_allocator_new(ALLOCATOR, &fault, &allocator, err));
        cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], fail_at);
        code = cni_arrow_export_chunks(allocator, &schema, chunks, 2, &options, &array, &error);
        const cn_code of_schema =
            cni_arrow_export_schema(allocator, &schema, &options, &exported, &error);
        assert_true(code == CN_OK || code == CN_NO_MEMORY);
        assert_int_equal(code == CN_OK, array.release != NULL);
        assert_int_equal(of_schema == CN_OK, exported.release != NULL);
        if (code == CN_OK) {
            array.release(&array);
        }
        if (of_schema == CN_OK) {
            exported.release(&exported);
        }
        cni_allocator_unref(allocator);
    }
    cni_chunk_done(&chunks[0]);
    cni_chunk_done(&chunks[1]);
    fixture_types_done(&types);
}

static cn_code
export_one(const cni_type *type, cni_vector *own_vector, cn_error *error)
{
    const cni_field field = {.name = CNI_STR("big"), .type = type};
    const cni_schema schema = {.n_fields = 1, .fields = &field};
    cni_chunk chunk = {.n_rows = own_vector->n_rows, .n_columns = 1, .columns = own_vector};
    struct ArrowArray array = {0};
    const cn_code code =
        cni_arrow_export_chunks(ALLOCATOR, &schema, &chunk, 1, NULL, &array, error);
    if (code == CN_OK) {
        array.release(&array);
    }
    cni_vector_done(own_vector);
    return code;
}

static void
test_what_does_not_fit_is_refused_by_name(void **state)
{
    (void)state;
    cn_error error = CN_ERROR_INIT;
    const cni_type *huge = cni_type_of(CNI_TYPE_HUGEINT);
    cni_vector vector = {0};
    assert_ok(cni_vector_new_constant(ALLOCATOR, huge, CNI_PHYS_I128, &(cni_i128){CNI_I128_MAX}, 3,
                                      &vector, err));
    assert_int_equal(export_one(huge, &vector, &error), CN_INVALID_DATA);
    assert_non_null(strstr(error.message, "column 'big'"));
    assert_non_null(strstr(error.message, "HUGEINT"));
    /* Texts beyond 2 GiB, without having them: every row is the same 1 MiB. */
    const cni_type *text = cni_type_of(CNI_TYPE_VARCHAR);
    cni_buffer *bytes = NULL;
    assert_ok(cni_buffer_new(ALLOCATOR, 1 << 20, &bytes, err));
    memset(bytes->data, 'x', 1 << 20);
    const cni_view view = cni_view_make((const char *)bytes->data, 1 << 20);
    assert_ok(cni_vector_new_constant(ALLOCATOR, text, CNI_PHYS_VIEW, &view, 2048, &vector, err));
    assert_int_equal(export_one(text, &vector, &error), CN_LIMIT_EXCEEDED);
    cni_buffer_unref(bytes);
    cni_chunk chunk = {.n_columns = 0};
    struct ArrowArray array;
    const cni_field field = {.name = CNI_STR("x"), .type = text};
    const cni_schema schema = {.n_fields = 1, .fields = &field};
    assert_int_equal(cni_arrow_export_chunks(ALLOCATOR, &schema, &chunk, 1, NULL, &array, &error),
                     CN_INTERNAL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type_and_encoding),
        cmocka_unit_test(test_items_leave_without_a_copy),
        cmocka_unit_test(test_children_may_be_moved_out),
        cmocka_unit_test(test_dense_unions_leave_in_order),
        cmocka_unit_test(test_export_outlives_the_budget),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_what_does_not_fit_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
