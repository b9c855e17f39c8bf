/* SPDX-License-Identifier: Apache-2.0
 *
 * Cells of every type leave as bytes and come back as the same values, unions too; bytes that are
 * cut off are refused.
 */
#include "plan/function/cell_bytes.h"
#include "unit/data/column/vector_fixture.h"

#define ALLOCATOR cni_allocator_system()
#define N_ROWS    40

static void
assert_same_text(const cni_vector *expected, int64_t row, const cni_vector *got)
{
    cni_strbuf left;
    cni_strbuf right;
    cni_strbuf_init(&left, ALLOCATOR, 1 << 20);
    cni_strbuf_init(&right, ALLOCATOR, 1 << 20);
    const cni_str before = fixture_text(&left, expected, row);
    const cni_str after = fixture_text(&right, got, 0);
    if (!cni_str_eq(before, after)) {
        fail_msg("%.*s came back as %.*s", CNI_STR_ARGS(before), CNI_STR_ARGS(after));
    }
    cni_strbuf_done(&left);
    cni_strbuf_done(&right);
}

/* Row `row` there and back; of what is cut off a part is refused. */
static void
check_row(const cni_vector *vector, int64_t row, cni_arena *heap)
{
    cni_cell cell = {{0, 0}};
    cni_cell loaded = {{0, 0}};
    cni_vector got = {0};
    cni_strbuf bytes;
    const cni_cell_reader reader = cni_cell_reader_of(vector);
    if (!cni_cell_is_valid(&reader, row)) {
        return;
    }
    cni_strbuf_init(&bytes, ALLOCATOR, 1 << 20);
    cni_cell_read(&reader, row, &cell);
    assert_ok(cni_cell_save(ALLOCATOR, (cni_cell_kind)reader.kind, &cell, &bytes, err));
    cni_str from = cni_strbuf_view(&bytes);
    assert_ok(cni_cell_load(heap, ALLOCATOR, vector->type, &from, &loaded, err));
    assert_int_equal(from.len_bytes, 0);
    assert_ok(cni_cells_to_vector(ALLOCATOR, vector->type, &loaded, NULL, 1, &got, err));
    fixture_assert_valid(&got);
    assert_same_text(vector, row, &got);
    cni_vector_done(&got);
    for (int64_t n = 0; n < bytes.len_bytes; n++) {
        cni_str cut = {bytes.data, n};
        assert_int_equal(cni_cell_load(heap, ALLOCATOR, vector->type, &cut, &loaded, NULL),
                         CN_INVALID_DATA);
    }
    cni_strbuf_done(&bytes);
}

static void
test_all_types(void **state)
{
    (void)state;
    fixture_types types;
    fixture_random random = {42};
    fixture_types_init(&types);
    for (int32_t at = 0; at < types.n_types; at++) {
        cni_arena *heap = NULL;
        cni_vector vector = {0};
        if (types.types[at]->id == CNI_TYPE_NULL) {
            continue;
        }
        assert_ok(cni_arena_new(ALLOCATOR, "test", &heap, err));
        fixture_flat(&random, types.types[at], N_ROWS, true, &vector);
        for (int64_t row = 0; row < N_ROWS; row++) {
            check_row(&vector, row, heap);
        }
        cni_vector_done(&vector);
        cni_arena_unref(heap);
    }
    fixture_types_done(&types);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_types)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
