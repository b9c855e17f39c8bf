/* SPDX-License-Identifier: Apache-2.0
 *
 * The frozen hash: golden values of version 1 (a change of any is a change of format), equal values
 * in different widths, layouts, encodings and instruction sets, and how well bits are mixed.
 */
#include "data/row/hash_int.h"
#include "unit/data/kernel/ops_check.h"

static void
golden_values(void **state)
{
    (void)state;
    assert_int_equal(CNI_HASH_VERSION, 1);
    assert_true(cni_hash_i64(0) == UINT64_C(0xE220A8397B1DCDAF));
    assert_true(cni_hash_i64(1) == UINT64_C(0x910A2DEC89025CC1));
    assert_true(cni_hash_i64(-1) == UINT64_C(0xE4D971771B652C20));
    assert_true(cni_hash_i128((cni_i128)1 << 100) == UINT64_C(0x71A11BD753CD4FE9));
    assert_true(cni_hash_f64(1.5) == UINT64_C(0xD6DAB18E1392608A));
    assert_true(cni_hash_bytes("", 0) == UINT64_C(0xC221E0A34CD53D84));
    assert_true(cni_hash_bytes("colonnade", 9) == UINT64_C(0xB9E0F0770E1FB1AC));
    assert_true(cni_hash_bytes("thirteen byte", 13) == UINT64_C(0xE159F9D2F154B59D));
    assert_true(cni_hash_bytes("seventeen bytes!!", 17) == UINT64_C(0x7537DCE7367806B8));
    const char *text = "a text that is longer than forty-eight bytes, and then some more of it";
    assert_true(cni_hash_bytes(text, (int64_t)strlen(text)) == UINT64_C(0xEDDDF669C4EB9AEB));
    assert_true(cni_hash_null() == UINT64_C(0x5851F42D4C957F2D));
    assert_true(cni_hash_combine(1, 2) == UINT64_C(0x332CFEC9B32CFECB));
}

static void
hash_one(const cni_vector *vector, uint64_t *out)
{
    cn_error err = CN_ERROR_INIT;
    ops_ok(cni_hash_vectors(cni_allocator_system(), &vector, 1, vector->n_rows, out, &err), &err);
}

static void
widths_agree(void **state)
{
    (void)state;
    const int8_t i8[] = {-5, 100};
    const int16_t i16[] = {-5, 100};
    const int32_t i32[] = {-5, 100};
    const int64_t i64[] = {-5, 100};
    const cni_i128 i128[] = {-5, 100};
    const struct {
        cni_type_id id;
        const void *items;
    } forms[] = {{CNI_TYPE_INT8, i8},   {CNI_TYPE_INT16, i16},    {CNI_TYPE_INT32, i32},
                 {CNI_TYPE_INT64, i64}, {CNI_TYPE_HUGEINT, i128}, {CNI_TYPE_DATE, i32}};
    for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
        const cni_type *type = cni_type_of(forms[form].id);
        cni_vector vector = ops_vector(type, cni_type_phys(type), forms[form].items, NULL, 2);
        uint64_t hashes[2];
        hash_one(&vector, hashes);
        assert_true(hashes[0] == cni_hash_i64(-5));
        assert_true(hashes[1] == cni_hash_i64(100));
        cni_vector_done(&vector);
    }
    const uint64_t u64[] = {UINT64_MAX, 7};
    cni_vector vector = ops_vector(cni_type_of(CNI_TYPE_UINT64), CNI_PHYS_U64, u64, NULL, 2);
    uint64_t hashes[2];
    hash_one(&vector, hashes);
    assert_true(hashes[0] == cni_hash_i128(UINT64_MAX));
    assert_true(hashes[1] == cni_hash_i64(7));
    assert_true(cni_hash_i64(-1) != hashes[0]);
    cni_vector_done(&vector);
    const cni_type *decimal = cni_type_decimal(30, 2);
    cni_vector narrow = ops_vector(decimal, CNI_PHYS_I64, i64, NULL, 2);
    cni_vector wide = ops_vector(decimal, CNI_PHYS_I128, i128, NULL, 2);
    uint64_t others[2];
    hash_one(&narrow, hashes);
    hash_one(&wide, others);
    assert_memory_equal(hashes, others, sizeof(hashes));
    cni_vector_done(&narrow);
    cni_vector_done(&wide);
}

static void
floats(void **state)
{
    (void)state;
    assert_true(cni_hash_f64(-0.0) == cni_hash_f64(0.0));
    assert_true(cni_hash_f64(__builtin_nan("1")) == cni_hash_f64(-__builtin_nan("2")));
    const float f32[] = {1.5F, -0.0F};
    const double f64[] = {1.5, 0.0};
    cni_vector a = ops_vector(cni_type_of(CNI_TYPE_FLOAT32), CNI_PHYS_F32, f32, NULL, 2);
    cni_vector b = ops_vector(cni_type_of(CNI_TYPE_FLOAT64), CNI_PHYS_F64, f64, NULL, 2);
    uint64_t hashes[2][2];
    hash_one(&a, hashes[0]);
    hash_one(&b, hashes[1]);
    assert_memory_equal(hashes[0], hashes[1], sizeof(hashes[0]));
    cni_vector_done(&a);
    cni_vector_done(&b);
    const cni_interval intervals[] = {{1, 0, 0}, {0, 30, 0}};
    cni_vector c =
        ops_vector(cni_type_of(CNI_TYPE_INTERVAL), CNI_PHYS_INTERVAL, intervals, NULL, 2);
    hash_one(&c, hashes[0]);
    assert_true(hashes[0][0] == hashes[0][1]); /* they compare equal */
    cni_vector_done(&c);
}

static void
strings_of_all_lengths(void **state)
{
    (void)state;
    char text[200];
    uint64_t seen[200];
    for (int at = 0; at < 200; at++) {
        text[at] = (char)('a' + at % 23);
    }
    for (uint32_t length = 0; length < 200; length++) {
        char *exact = check_block(length, 0);
        memcpy(exact, text, length);
        const cni_view view = cni_view_make(exact, length);
        cni_vector vector =
            ops_vector(cni_type_of(CNI_TYPE_VARCHAR), CNI_PHYS_VIEW, &view, NULL, 1);
        hash_one(&vector, &seen[length]);
        assert_true(seen[length] == cni_hash_bytes(exact, length));
        for (uint32_t other = 0; other < length; other++) {
            assert_true(seen[other] != seen[length]);
        }
        if (length > 0) { /* each byte counts */
            for (uint32_t at = 0; at < length; at++) {
                exact[at] = (char)(exact[at] ^ 1);
                assert_true(cni_hash_bytes(exact, length) != seen[length]);
                exact[at] = (char)(exact[at] ^ 1);
            }
        }
        cni_vector_done(&vector);
        check_free(exact, 0);
    }
}

static void
levels_agree(void **state)
{
    (void)state;
    check_random random = {31};
    uint64_t items[300];
    uint64_t first[300];
    uint64_t next[300];
    for (int row = 0; row < 300; row++) {
        items[row] = check_next(&random) >> (row % 64);
    }
    for (int phys = 0; phys < CNI_PHYS_COUNT_; phys++) {
        bool is_first = true;
        for (size_t level = 0; level < sizeof(check_levels) / sizeof(check_levels[0]); level++) {
            const cni_hash_kernels *kernels = cni_hash_kernels_at((int)check_levels[level]);
            if (kernels == NULL || kernels->numbers[phys] == NULL) {
                continue;
            }
            kernels->numbers[phys](items, 150, is_first ? first : next);
            kernels->combine(is_first ? first : next, items, 150);
            assert_true(is_first || memcmp(first, next, 150 * 8) == 0);
            is_first = false;
        }
    }
}

/* One value list in five encodings, two keys, at several row counts. */
static void
encodings_agree(void **state)
{
    (void)state;
    enum {
        ROWS = 2500
    };
    cn_error err = CN_ERROR_INIT;
    int32_t flat_items[ROWS];
    bool valid[ROWS];
    uint8_t codes[ROWS];
    const int32_t entries[] = {10, 20, 30, 0};
    const bool entry_valid[] = {true, true, true, false};
    for (int row = 0; row < ROWS; row++) {
        codes[row] = (uint8_t)(row / 7 % 4);
        flat_items[row] = entries[codes[row]];
        valid[row] = entry_valid[codes[row]];
    }
    const cni_type *type = cni_type_of(CNI_TYPE_INT32);
    cni_vector flat = ops_vector(type, CNI_PHYS_I32, flat_items, valid, ROWS);
    cni_vector values = ops_vector(type, CNI_PHYS_I32, entries, entry_valid, 4);
    cni_dictionary *dictionary = NULL;
    ops_ok(cni_dictionary_new(cni_allocator_system(), &values, true, false, &dictionary, &err),
           &err);
    cni_vector coded = {.type = type,
                        .encoding = CNI_DICTIONARY,
                        .phys = CNI_PHYS_I32,
                        .code_bytes = 1,
                        .n_rows = ROWS,
                        .data = codes,
                        .dictionary = dictionary};
    uint64_t hashes[2][ROWS];
    const cni_vector *keys[] = {&flat, &flat};
    ops_ok(cni_hash_vectors(cni_allocator_system(), keys, 2, ROWS, hashes[0], &err), &err);
    const cni_vector *mixed[] = {&coded, &flat};
    ops_ok(cni_hash_vectors(cni_allocator_system(), mixed, 2, ROWS, hashes[1], &err), &err);
    assert_memory_equal(hashes[0], hashes[1], sizeof(hashes[0]));
    coded.n_rows = 3; /* fewer rows than entries */
    hash_one(&coded, hashes[1]);
    hash_one(&flat, hashes[0]);
    assert_memory_equal(hashes[0], hashes[1], 3 * 8);
    for (int row = 0; row < ROWS; row++) {
        assert_true(hashes[0][row] ==
                    (valid[row] ? cni_hash_i64(flat_items[row]) : cni_hash_null()));
    }
    const cni_vector sequence = {.type = type,
                                 .encoding = CNI_SEQUENCE,
                                 .phys = CNI_PHYS_I32,
                                 .n_rows = 2000,
                                 .sequence_start = -3,
                                 .sequence_step = 2};
    hash_one(&sequence, hashes[0]);
    for (int row = 0; row < 2000; row++) {
        assert_true(hashes[0][row] == cni_hash_i64(-3 + 2 * row));
    }
    cni_vector constant = ops_constant(type, CNI_PHYS_I32, entries, false, 70);
    hash_one(&constant, hashes[0]);
    assert_true(hashes[0][69] == cni_hash_i64(10));
    cni_vector_done(&constant);
    cni_vector_done(&coded);
    cni_vector_done(&flat);
}

static void
runs(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    const int64_t items[] = {4, 0, 6};
    const bool valid[] = {true, false, true};
    const int32_t ends[] = {2, 1500, 1600};
    cni_nested *nested = NULL;
    ops_ok(cni_nested_new(cni_allocator_system(), 1, &nested, &err), &err);
    const cni_type *type = cni_type_of(CNI_TYPE_INT64);
    nested->children[0] = ops_vector(type, CNI_PHYS_I64, items, valid, 3);
    cni_vector vector = {.type = type,
                         .encoding = CNI_RUN_END,
                         .phys = CNI_PHYS_I64,
                         .n_rows = 1599,
                         .run_ends = ends,
                         .n_runs = 3,
                         .run_base = 1,
                         .nested = nested};
    uint64_t hashes[1599];
    hash_one(&vector, hashes);
    for (int row = 0; row < 1599; row++) {
        const int run = row + 1 < 2 ? 0 : row + 1 < 1500 ? 1 : 2;
        assert_true(hashes[row] == (valid[run] ? cni_hash_i64(items[run]) : cni_hash_null()));
    }
    const cni_op_env env = ops_env(1599);
    cni_vector nulls = {0};
    ops_ok(cni_op_is_null(&env, false, &vector, &nulls, &err), &err);
    for (int row = 0; row < 1599; row++) {
        assert_int_equal(ops_truth(&nulls, row), row + 1 >= 2 && row + 1 < 1500);
    }
    cni_vector_done(&nulls);
    cni_vector_done(&vector);
}

/* Nulls that point nowhere are not followed. */
static void
null_strings(void **state)
{
    (void)state;
    const char *texts[] = {"a rather long string, really", NULL, "", NULL, "short"};
    cni_vector vector = ops_strings(texts, 5);
    uint64_t hashes[5];
    hash_one(&vector, hashes);
    for (int row = 0; row < 5; row++) {
        assert_true(hashes[row] == (texts[row] == NULL
                                        ? cni_hash_null()
                                        : cni_hash_bytes(texts[row], (int64_t)strlen(texts[row]))));
    }
    cni_vector_done(&vector);
}

/* Each input bit flips each output bit about half the time; buckets of dense integers are even. */
static void
mixing(void **state)
{
    (void)state;
    int flips[64] = {0};
    check_random random = {37};
    for (int turn = 0; turn < 64 * 64; turn++) {
        const uint64_t word = check_next(&random);
        const uint64_t changed = word ^ (UINT64_C(1) << (turn % 64));
        const uint64_t difference = cni_hash_i64((int64_t)word) ^ cni_hash_i64((int64_t)changed);
        for (int bit = 0; bit < 64; bit++) {
            flips[bit] += (int)(difference >> bit & 1);
        }
    }
    for (int bit = 0; bit < 64; bit++) {
        assert_in_range(flips[bit], 1800, 2300); /* of 4096 */
    }
    int low[256] = {0};
    int high[256] = {0};
    int pairs[256] = {0};
    for (int64_t value = 0; value < 65536; value++) {
        const uint64_t hash = cni_hash_i64(value);
        low[hash & 255]++;
        high[hash >> 56]++;
        pairs[cni_hash_combine(cni_hash_i64(value & 255), cni_hash_i64(value >> 8)) >> 56]++;
    }
    for (int bucket = 0; bucket < 256; bucket++) {
        assert_in_range(low[bucket], 160, 352); /* 256 expected, sigma 16 */
        assert_in_range(high[bucket], 160, 352);
        assert_in_range(pairs[bucket], 160, 352);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_values), cmocka_unit_test(widths_agree),
        cmocka_unit_test(floats),        cmocka_unit_test(strings_of_all_lengths),
        cmocka_unit_test(levels_agree),  cmocka_unit_test(encodings_agree),
        cmocka_unit_test(runs),          cmocka_unit_test(null_strings),
        cmocka_unit_test(mixing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
