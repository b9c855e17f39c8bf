/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunks and selections: narrowing through all forms against a list of live rows, compaction,
 * slices, copies and moves.
 */
#include "vector_fixture.h"

#define ALLOCATOR  cni_allocator_system()
#define N_ROWS_MAX 300
#define N_WORDS    ((N_ROWS_MAX + 63) / 64)

/* Two columns: the row number, and a nullable text. */
static void
make_chunk(int64_t n_rows, cni_chunk *out)
{
    fixture_random random = {(uint64_t)n_rows};
    cni_chunk_init(out, ALLOCATOR);
    assert_ok(cni_chunk_set_columns(out, 2, err));
    out->n_rows = n_rows;
    out->columns[0] = (cni_vector){.type = cni_type_of(CNI_TYPE_INT64),
                                   .encoding = CNI_SEQUENCE,
                                   .phys = CNI_PHYS_I64,
                                   .n_rows = n_rows,
                                   .sequence_step = 1};
    fixture_flat(&random, cni_type_of(CNI_TYPE_VARCHAR), n_rows, true, &out->columns[1]);
    assert_ok(cni_chunk_validate(out, err));
}

static int64_t
row_number(const cni_chunk *chunk, int64_t row)
{
    cni_strbuf text;
    cni_strbuf_init(&text, ALLOCATOR, 100);
    const int64_t number = strtoll(fixture_text(&text, &chunk->columns[0], row).data, NULL, 10);
    cni_strbuf_done(&text);
    return number;
}

static void
assert_live(const cni_chunk *chunk, const bool *live)
{
    uint64_t words[N_WORDS];
    uint32_t rows[N_ROWS_MAX];
    int64_t n_live = 0;
    cni_selection_to_bits(&chunk->selection, chunk->n_rows, words);
    const int64_t n_listed = cni_selection_to_index(&chunk->selection, chunk->n_rows, rows);
    for (int64_t row = 0; row < chunk->n_rows; row++) {
        assert_int_equal((words[row >> 6] >> (row & 63)) & 1, live[row]);
        if (live[row]) {
            assert_int_equal(rows[n_live], row);
            n_live++;
        }
    }
    assert_int_equal(n_listed, n_live);
    assert_int_equal(cni_chunk_live_rows(chunk), n_live);
    assert_ok(cni_chunk_validate(chunk, err));
}

static void
check_narrow(int64_t n_rows, int percent, uint64_t seed)
{
    fixture_random random = {seed};
    cni_chunk chunk;
    bool live[N_ROWS_MAX];
    memset(live, true, sizeof(live));
    make_chunk(n_rows, &chunk);
    for (int round = 0; round < 4; round++) {
        uint64_t keep[N_WORDS];
        for (int64_t word = 0; word < N_WORDS; word++) {
            keep[word] = 0;
            for (int64_t bit = 0; bit < 64; bit++) {
                keep[word] |= (uint64_t)(fixture_below(&random, 100) < percent) << bit;
            }
        }
        for (int64_t row = 0; row < n_rows; row++) {
            live[row] = live[row] && ((keep[row >> 6] >> (row & 63)) & 1) != 0;
        }
        assert_ok(cni_chunk_narrow(&chunk, keep, err));
        assert_live(&chunk, live);
        cni_chunk copy;
        cni_chunk_init(&copy, ALLOCATOR);
        assert_ok(cni_chunk_copy(&copy, &chunk, err));
        assert_ok(cni_chunk_compact(&copy, err));
        assert_int_equal(copy.selection.kind, CNI_SEL_NONE);
        assert_int_equal(copy.n_rows, cni_chunk_live_rows(&chunk));
        assert_ok(cni_chunk_validate(&copy, err));
        int64_t at = 0;
        for (int64_t row = 0; row < n_rows; row++) {
            if (live[row]) {
                assert_int_equal(row_number(&copy, at), row);
                fixture_assert_same(&copy.columns[1], at, &chunk.columns[1], row);
                at++;
            }
        }
        assert_live(&chunk, live); /* the copy's compaction left it alone */
        cni_chunk_done(&copy);
    }
    cni_chunk_done(&chunk);
}

static void
test_narrow_and_compact(void **state)
{
    (void)state;
    static const int64_t lengths[] = {0, 1, 63, 64, 65, 128, 300};
    static const int percents[] = {0, 3, 20, 60, 97, 100};
    for (int64_t length = 0; length < CN_ARRAY_LEN(lengths); length++) {
        for (int64_t percent = 0; percent < CN_ARRAY_LEN(percents); percent++) {
            check_narrow(lengths[length], percents[percent], (uint64_t)(length * 10 + percent));
        }
    }
}

static void
test_compaction_of_neighbours_copies_nothing(void **state)
{
    (void)state;
    cni_chunk chunk;
    make_chunk(128, &chunk);
    const uint8_t *data = chunk.columns[1].data;
    const uint64_t keep[] = {UINT64_C(0xFFFFFFFF00000000), 0xFF};
    assert_ok(cni_chunk_narrow(&chunk, keep, err));
    assert_ok(cni_chunk_compact(&chunk, err));
    assert_int_equal(chunk.n_rows, 40);
    assert_ptr_equal(chunk.columns[1].data, data + 32 * sizeof(cni_view));
    cni_chunk_done(&chunk);
}

static void
test_slice_and_move(void **state)
{
    (void)state;
    cni_chunk chunk;
    cni_chunk slice;
    cni_chunk moved;
    make_chunk(100, &chunk);
    chunk.sequence = 5;
    chunk.ends_morsel = true;
    cni_chunk_init(&slice, ALLOCATOR);
    assert_ok(cni_chunk_slice(&slice, &chunk, 30, 20, err));
    assert_int_equal(slice.n_rows, 20);
    assert_int_equal(slice.sequence, 5);
    assert_int_equal(row_number(&slice, 0), 30);
    cn_error error = CN_ERROR_INIT;
    assert_int_equal(cni_chunk_slice(&slice, &chunk, 90, 20, &error), CN_INTERNAL);
    cni_chunk_move(&moved, &chunk);
    assert_int_equal(chunk.n_columns, 0);
    assert_int_equal(moved.n_rows, 100);
    cni_chunk_done(&chunk);
    cni_chunk_done(&slice);
    cni_chunk_done(&moved);
}

static void
test_validate(void **state)
{
    (void)state;
    cni_chunk chunk;
    cn_error error = CN_ERROR_INIT;
    make_chunk(100, &chunk);
    chunk.n_rows = 99;
    assert_int_equal(cni_chunk_validate(&chunk, &error), CN_INTERNAL);
    chunk.n_rows = 100;
    const uint16_t unordered[] = {5, 4};
    chunk.selection = (cni_selection){.kind = CNI_SEL_INDEX, .n_selected = 2, .index = unordered};
    assert_int_equal(cni_chunk_validate(&chunk, &error), CN_INTERNAL);
    const uint64_t beyond[] = {1, UINT64_C(1) << 63};
    chunk.selection = (cni_selection){.kind = CNI_SEL_BITS, .n_selected = 1, .bits = beyond};
    assert_int_equal(cni_chunk_validate(&chunk, &error), CN_INTERNAL);
    cni_chunk_done(&chunk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_narrow_and_compact),
        cmocka_unit_test(test_compaction_of_neighbours_copies_nothing),
        cmocka_unit_test(test_slice_and_move),
        cmocka_unit_test(test_validate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
