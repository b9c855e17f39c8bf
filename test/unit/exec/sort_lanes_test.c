/* SPDX-License-Identifier: Apache-2.0
 *
 * Packed keys: items of every number of words sort as numbers do, images give them back, damaged
 * ones are refused; lanes of every type put rows in the order of their normalized keys, whatever
 * layouts the rows came through, and integers come back from them.
 */
#include <stdlib.h>

#include "exec/operator/sort_lanes.h"
#include "support/run_plan.h"

static uint64_t
next_random(uint64_t *inout_seed)
{
    uint64_t value = (*inout_seed += UINT64_C(0x9E3779B97F4A7C15));
    value = (value ^ (value >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94D049BB133111EB);
    return value ^ (value >> 31);
}

static int32_t compared_words;

static int
compare_items(const void *a, const void *b)
{
    return cni_sort_words_compare(compared_words, a, b);
}

#define MAX_ITEMS 70000

/* What bits of the items are random: few, many, only some words, a skew. */
static void
make_items(uint64_t *items, int32_t n_words, int64_t n, int32_t shape, uint64_t *seed)
{
    for (int64_t at = 0; at < n * n_words; at++) {
        const uint64_t random = next_random(seed);
        const int64_t word = at % n_words;
        items[at] = shape == 0   ? random
                    : shape == 1 ? random & 0x300000000000F
                    : shape == 2 ? (word == n_words - 1 ? random % 1000 : 77)
                    : shape == 3 ? random >> (random % 64)
                    : shape == 4 ? (word == n_words - 1 ? (uint64_t)at : 0)
                                 : 5;
    }
}

static void
check_items(int32_t n_words, int64_t n, int32_t shape, uint64_t *seed)
{
    static uint64_t items[8 * MAX_ITEMS];
    static uint64_t expected[8 * MAX_ITEMS];
    static uint64_t scratch[8 * MAX_ITEMS];
    static uint8_t image[8 * 8 * MAX_ITEMS + 256];
    cni_context context = {0};
    const size_t n_bytes = (size_t)(n * n_words) * sizeof(*items);
    make_items(items, n_words, n, shape, seed);
    memcpy(expected, items, n_bytes);
    compared_words = n_words;
    qsort(expected, (size_t)n, (size_t)n_words * sizeof(*items), compare_items);
    assert_int_equal(cni_sort_words(&context, n_words, items, scratch, n, NULL), CN_OK);
    assert_memory_equal(items, expected, n_bytes);
    if (n > 0) {
        const int64_t image_bytes = cni_sort_words_pack(n_words, items, n, image);
        assert_int_equal(image_bytes, cni_sort_words_image(n_words, items, n));
        assert_true(cni_sort_words_unpack(n_words, image, image_bytes, n, scratch));
        assert_memory_equal(scratch, expected, n_bytes);
        assert_false(cni_sort_words_unpack(n_words, image, image_bytes + 1, n, scratch));
        image[0] = (uint8_t)(8 * n_words + 1);
        assert_false(cni_sort_words_unpack(n_words, image, image_bytes, n, scratch));
    }
}

static void
test_words(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 24, 25, 700, 5000};
    uint64_t seed = 7;
    for (int32_t n_words = 1; n_words <= CNI_SORT_WORDS_MAX; n_words++) {
        for (int32_t shape = 0; shape < 6; shape++) {
            for (size_t at = 0; at < sizeof(sizes) / sizeof(sizes[0]); at++) {
                check_items(n_words, sizes[at], shape, &seed);
            }
        }
        check_items(n_words, 40000, n_words % 6, &seed);
    }
    for (int32_t shape = 0; shape < 6; shape++) {
        check_items(2, MAX_ITEMS, shape, &seed);
    }
}

/* Bits of an item are those of the others, wherever they lie. */
static void
test_bits(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int32_t n = 0; n < 3000; n++) {
        uint64_t item[3] = {next_random(&seed), next_random(&seed), next_random(&seed)};
        uint64_t zeros[3] = {0};
        uint64_t shifted[4] = {0};
        uint64_t back[3] = {0};
        uint64_t value = 0;
        uint64_t again = 0;
        const int32_t n_bits = (int32_t)(next_random(&seed) % 65);
        const int32_t position = (int32_t)(next_random(&seed) % (uint64_t)(193 - n_bits));
        cni_sort_words_extract(3, item, 1, position, n_bits, &value);
        cni_sort_words_insert(3, zeros, 1, position, n_bits, &value);
        cni_sort_words_extract(3, zeros, 1, position, n_bits, &again);
        assert_true(value == again && (n_bits == 64 || value >> n_bits == 0));
        cni_sort_words_shift(3, 0, item, 1, 4, n_bits, shifted);
        cni_sort_words_shift(4, n_bits, shifted, 1, 3, 0, back);
        assert_memory_equal(item, back, sizeof(item));
    }
}

/* ---- lanes ---- */

#define N_ROWS 400

typedef struct lane_case {
    cni_type_id id;
    int32_t precision; /* of DECIMAL */
    cni_phys phys;     /* as which the values come */
} lane_case;

static const lane_case lane_cases[] = {
    {CNI_TYPE_BOOL, 0, CNI_PHYS_BIT},      {CNI_TYPE_INT8, 0, CNI_PHYS_I8},
    {CNI_TYPE_INT16, 0, CNI_PHYS_I16},     {CNI_TYPE_INT32, 0, CNI_PHYS_I32},
    {CNI_TYPE_INT64, 0, CNI_PHYS_I64},     {CNI_TYPE_UINT8, 0, CNI_PHYS_U8},
    {CNI_TYPE_UINT16, 0, CNI_PHYS_U16},    {CNI_TYPE_UINT32, 0, CNI_PHYS_U32},
    {CNI_TYPE_UINT64, 0, CNI_PHYS_U64},    {CNI_TYPE_DATE, 0, CNI_PHYS_I32},
    {CNI_TYPE_FLOAT32, 0, CNI_PHYS_F32},   {CNI_TYPE_FLOAT64, 0, CNI_PHYS_F64},
    {CNI_TYPE_DECIMAL, 12, CNI_PHYS_I64},  {CNI_TYPE_DECIMAL, 30, CNI_PHYS_I64},
    {CNI_TYPE_DECIMAL, 38, CNI_PHYS_I128}, {CNI_TYPE_INTERVAL, 0, CNI_PHYS_INTERVAL},
};

#define N_LANE_CASES (sizeof(lane_cases) / sizeof(lane_cases[0]))

static const cni_type *
type_of_case(const lane_case *of)
{
    return of->id == CNI_TYPE_DECIMAL ? cni_type_decimal(of->precision, 2) : cni_type_of(of->id);
}

/* Values of few or many bits; `far` of them lie elsewhere. */
static void
make_column(const lane_case *of, bool nulls, int32_t n_bits, bool far, uint64_t *seed,
            cni_vector *out)
{
    const cni_type *type = type_of_case(of);
    const int64_t item_bytes = of->phys == CNI_PHYS_BIT ? 0 : cni_phys_bytes(of->phys, type);
    assert_int_equal(
        cni_vector_new_flat(cni_allocator_system(), type, of->phys, N_ROWS, nulls, out, NULL),
        CN_OK);
    uint8_t *data = cni_vector_mutable_data(out);
    for (int64_t row = 0; row < N_ROWS; row++) {
        uint64_t words[2] = {next_random(seed) >> (64 - n_bits), 0};
        words[0] += far ? UINT64_C(1) << 40 : 0;
        if (of->phys == CNI_PHYS_F64) {
            const double value = row % 50 == 7   ? __builtin_nan("")
                                 : row % 50 == 9 ? -0.0
                                                 : (double)(int64_t)words[0] / 3 - 100;
            memcpy(words, &value, sizeof(value));
        } else if (of->phys == CNI_PHYS_F32) {
            const float value = row % 50 == 7 ? __builtin_nanf("") : (float)words[0] - 100;
            memcpy(words, &value, sizeof(value));
        } else if (of->phys == CNI_PHYS_INTERVAL) {
            const cni_interval value = {.months = (int32_t)(words[0] % 30) - 9,
                                        .days = (int32_t)(words[0] % 700)};
            memcpy(data + row * item_bytes, &value, sizeof(value));
            continue;
        } else if (of->phys == CNI_PHYS_I128) {
            words[1] = row % 3 == 0 ? UINT64_MAX : (uint64_t)row % 2;
        } else {
            words[0] -= 100;
        }
        if (of->phys == CNI_PHYS_BIT) {
            cni_bits_fill(data, row, 1, words[0] % 2 == 0);
        } else {
            memcpy(data + row * item_bytes, words, (size_t)item_bytes);
        }
    }
    for (int64_t row = 0; nulls && row < N_ROWS; row++) {
        if (next_random(seed) % 5 == 0) {
            cni_bits_fill(cni_vector_mutable_validity(out), row, 1, false);
        }
    }
}

#define N_KEYS  2
#define N_PARTS 3

/* Some rows of two keys. */
typedef struct lane_rows {
    cni_sort_spec specs[N_KEYS];
    cni_vector columns[N_PARTS][N_KEYS];
    uint64_t items[N_PARTS * N_ROWS * CNI_SORT_WORDS_MAX]; /* in the last layout */
    uint8_t keys[N_PARTS * N_ROWS][64];
    cni_sort_layout layout;
} lane_rows;

/* Parts are packed one by one, each in what is known by then, and changed when all is known. */
static void
pack_parts(lane_rows *self, const cni_sort_lanes *lanes, int32_t low_bits)
{
    static uint64_t items[N_PARTS][N_ROWS * CNI_SORT_WORDS_MAX];
    cni_sort_layout layouts[N_PARTS];
    cni_sort_values values = {0};
    for (int32_t part = 0; part < N_PARTS; part++) {
        const cni_vector *keys[N_KEYS] = {&self->columns[part][0], &self->columns[part][1]};
        assert_int_equal(
            cni_sort_values_load(&values, lanes, cni_allocator_system(), keys, N_ROWS, NULL),
            CN_OK);
        if (!cni_sort_layout_covers(&self->layout, lanes, &values)) {
            cni_sort_layout_widen(&self->layout, lanes, &values);
        }
        assert_true(cni_sort_layout_covers(&self->layout, lanes, &values));
        layouts[part] = self->layout;
        cni_sort_layout_pack(&layouts[part], lanes, &values, low_bits,
                             cni_sort_layout_words(&layouts[part], low_bits), items[part]);
    }
    const cni_sort_form to = {&self->layout, 0, cni_sort_layout_words(&self->layout, 0)};
    for (int32_t part = 0; part < N_PARTS; part++) {
        const cni_sort_form from = {&layouts[part], low_bits,
                                    cni_sort_layout_words(&layouts[part], low_bits)};
        cni_sort_layout_change(lanes, from, items[part], N_ROWS, to,
                               self->items + part * N_ROWS * to.n_words);
    }
    cni_sort_values_done(&values, lanes, cni_allocator_system());
}

static void
encode_keys(lane_rows *self, int32_t stride)
{
    for (int32_t part = 0; part < N_PARTS; part++) {
        const cni_vector *keys[N_KEYS] = {&self->columns[part][0], &self->columns[part][1]};
        assert_int_equal(cni_sort_key_encode_fixed(cni_allocator_system(), self->specs, keys,
                                                   N_KEYS, N_ROWS, 64, self->keys[part * N_ROWS],
                                                   NULL),
                         CN_OK);
    }
    assert_true(stride > 0 && stride <= 64);
}

static int
sign_of(int order)
{
    return (order > 0) - (order < 0);
}

static void
check_order(const lane_rows *self, uint64_t *seed)
{
    const int32_t n_words = cni_sort_layout_words(&self->layout, 0);
    for (int32_t at = 0; at < 4000; at++) {
        const int64_t a = (int64_t)(next_random(seed) % (N_PARTS * N_ROWS));
        const int64_t b = (int64_t)(next_random(seed) % (N_PARTS * N_ROWS));
        const int by_key = sign_of(memcmp(self->keys[a], self->keys[b], 64));
        assert_int_equal(by_key, cni_sort_words_compare(n_words, self->items + a * n_words,
                                                        self->items + b * n_words));
    }
}

/* Integer keys are what they were. */
static void
check_restored(const lane_rows *self, const cni_sort_lanes *lanes)
{
    const cni_sort_form form = {&self->layout, 0, cni_sort_layout_words(&self->layout, 0)};
    for (int32_t key = 0; key < N_KEYS; key++) {
        const int32_t lane = cni_sort_lanes_restorable(lanes, key);
        for (int32_t part = 0; lane >= 0 && part < N_PARTS; part++) {
            const cni_vector *from = &self->columns[part][key];
            const int64_t n_bytes = cni_phys_bytes(from->phys, from->type);
            cni_vector back = {0};
            assert_int_equal(cni_sort_layout_restore(lanes, form, lane,
                                                     self->items + part * N_ROWS * form.n_words,
                                                     N_ROWS, cni_allocator_system(), &back, NULL),
                             CN_OK);
            for (int64_t row = 0; row < N_ROWS; row++) {
                const bool valid = cni_vector_is_valid(from, row);
                assert_true(valid == cni_vector_is_valid(&back, row));
                assert_true(!valid || memcmp((const uint8_t *)from->data + row * n_bytes,
                                             (const uint8_t *)back.data + row * n_bytes,
                                             (size_t)n_bytes) == 0);
            }
            cni_vector_done(&back);
        }
    }
}

static void
check_lanes(const lane_case *const cases[N_KEYS], uint32_t flags, int32_t low_bits, uint64_t *seed)
{
    static lane_rows rows;
    cni_sort_lanes lanes;
    memset(&rows, 0, sizeof(rows));
    for (int32_t key = 0; key < N_KEYS; key++) {
        const bool nullable = (flags & (1u << key)) != 0;
        rows.specs[key] = (cni_sort_spec){.type = type_of_case(cases[key]),
                                          .descending = (flags & (4u << key)) != 0,
                                          .nulls_first = (flags & (16u << key)) != 0,
                                          .nullable = nullable};
        for (int32_t part = 0; part < N_PARTS; part++) {
            make_column(cases[key], nullable && part != 1, 4 + 7 * part, part == 2, seed,
                        &rows.columns[part][key]);
        }
    }
    assert_true(cni_sort_lanes_init(&lanes, rows.specs, N_KEYS));
    pack_parts(&rows, &lanes, low_bits);
    encode_keys(&rows, cni_sort_key_fixed_bytes(rows.specs, N_KEYS));
    check_order(&rows, seed);
    check_restored(&rows, &lanes);
    for (int32_t at = 0; at < N_PARTS * N_KEYS; at++) {
        cni_vector_done(&rows.columns[at / N_KEYS][at % N_KEYS]);
    }
}

static void
test_lanes(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (size_t first = 0; first < N_LANE_CASES; first++) {
        for (uint32_t flags = 0; flags < 64; flags++) {
            const size_t second = (size_t)(next_random(&seed) % N_LANE_CASES);
            const lane_case *const cases[N_KEYS] = {&lane_cases[first], &lane_cases[second]};
            check_lanes(cases, flags, (int32_t)(flags % 3) * 32, &seed);
        }
    }
}

static void
test_refused(void **state)
{
    (void)state;
    cni_sort_lanes lanes;
    cni_sort_spec specs[8];
    const cni_sort_spec text = {.type = cni_type_of(CNI_TYPE_VARCHAR)};
    assert_false(cni_sort_lanes_init(&lanes, &text, 1));
    for (int32_t key = 0; key < 8; key++) {
        specs[key] = (cni_sort_spec){.type = cni_type_of(CNI_TYPE_INT64), .nullable = true};
    }
    assert_true(cni_sort_lanes_init(&lanes, specs, 6));
    assert_false(cni_sort_lanes_init(&lanes, specs, 7));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
