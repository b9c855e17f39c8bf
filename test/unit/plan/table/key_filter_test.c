/* SPDX-License-Identifier: Apache-2.0
 *
 * Key filters of every kind against a plain search: no row that has a partner is lost, exact kinds
 * keep nothing else, statistics prune only what holds no key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "plan/table/key_filter.h"

#define MOST_ROWS 5000

static uint64_t
scramble(uint64_t x)
{
    x = (x ^ (x >> 31)) * UINT64_C(0x9E3779B97F4A7C15);
    return x ^ (x >> 29);
}

/* n values of `make`, every null_every-th NULL (0 = none). */
static cni_vector
make_i64(cni_type_id id, int64_t n, int64_t null_every, uint64_t seed, int64_t base, int64_t range,
         int64_t step)
{
    cni_vector vector = {0};
    const cni_type *type = cni_type_of(id);
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), type, cni_type_phys(type), n,
                                         null_every > 0, &vector, NULL),
                     CN_OK);
    for (int64_t row = 0; row < n; row++) {
        const int64_t value =
            base + (int64_t)(scramble((uint64_t)row + seed * 7919) % (uint64_t)range) * step;
        if (id == CNI_TYPE_INT64) {
            ((int64_t *)cni_vector_mutable_data(&vector))[row] = value;
        } else {
            ((int32_t *)cni_vector_mutable_data(&vector))[row] = (int32_t)value;
        }
        if (null_every > 0 && row % null_every == 0) {
            cni_bit_clear(cni_vector_mutable_validity(&vector), row);
        }
    }
    return vector;
}

static int64_t
value_at(const cni_vector *vector, int64_t row)
{
    return vector->phys == CNI_PHYS_I64 ? ((const int64_t *)vector->data)[row]
                                        : ((const int32_t *)vector->data)[row];
}

static cni_key_filter *
build(const cni_vector *keys)
{
    cni_allocator *allocator = cni_allocator_system();
    cni_key_filter *filter = NULL;
    cni_key_observation half[2];
    CN_SCOPED(cni_vector) left = {0};
    CN_SCOPED(cni_vector) right = {0};
    cni_vector_slice(&left, keys, 0, keys->n_rows / 2);
    cni_vector_slice(&right, keys, keys->n_rows / 2, keys->n_rows - keys->n_rows / 2);
    assert_int_equal(cni_key_filter_new(allocator, keys->type, &filter, NULL), CN_OK);
    cni_key_observation_init(&half[0], allocator, keys->type);
    cni_key_observation_init(&half[1], allocator, keys->type);
    assert_int_equal(cni_key_observe(&half[0], &left, NULL), CN_OK);
    assert_int_equal(cni_key_observe(&half[1], &right, NULL), CN_OK);
    assert_int_equal(cni_key_observation_merge(&half[0], &half[1], NULL), CN_OK);
    assert_int_equal(cni_key_filter_prepare(filter, &half[0], NULL), CN_OK);
    assert_int_equal(cni_key_filter_insert(filter, &right, NULL), CN_OK);
    assert_int_equal(cni_key_filter_kind_of(filter), CNI_KEY_FILTER_PASS);
    assert_int_equal(cni_key_filter_insert(filter, &left, NULL), CN_OK);
    cni_key_filter_seal(filter);
    cni_key_observation_done(&half[0]);
    cni_key_observation_done(&half[1]);
    return filter;
}

static bool
holds(const cni_vector *keys, int64_t value)
{
    for (int64_t row = 0; row < keys->n_rows; row++) {
        if (cni_vector_is_valid(keys, row) && value_at(keys, row) == value) {
            return true;
        }
    }
    return false;
}

/* `sure`: the filter is exact. */
static void
check_rows(cni_key_filter *filter, const cni_vector *keys, const cni_vector *probe,
           const cni_vector *flat_probe, bool sure)
{
    uint64_t bits[MOST_ROWS / 64 + 1];
    int64_t n_left = 0;
    int64_t n_found = 0;
    int64_t n_wrong = 0;
    memset(bits, 0xFF, sizeof(bits));
    bits[0] &= ~UINT64_C(4); /* row 2 is out already */
    assert_int_equal(cni_key_filter_select(filter, probe, bits, &n_left, NULL), CN_OK);
    for (int64_t row = 0; row < probe->n_rows; row++) {
        const bool stays = (bits[row / 64] >> (row % 64) & 1) != 0;
        const bool wanted = row != 2 && cni_vector_is_valid(flat_probe, row) &&
                            holds(keys, value_at(flat_probe, row));
        assert_true(stays || !wanted);
        assert_true(!stays || cni_vector_is_valid(flat_probe, row));
        n_found += stays ? 1 : 0;
        n_wrong += stays && !wanted ? 1 : 0;
    }
    assert_int_equal(n_left, n_found);
    if (sure) {
        assert_int_equal(n_wrong, 0);
    } else {
        assert_true(n_wrong <= probe->n_rows / 10);
    }
}

static void
check_prune(cni_key_filter *filter, const cni_vector *keys, bool exact)
{
    for (uint64_t at = 0; at < 200; at++) {
        const int64_t low = value_at(keys, (int64_t)(at % (uint64_t)keys->n_rows)) +
                            (int64_t)(scramble(at) % 100000) - 50000;
        const int64_t high = low + (int64_t)(scramble(at + 1000) % 3000);
        const cni_column_stats stats = {.bounds_mark = CNI_STAT_CLAIMED,
                                        .low = {.type = keys->type, .as.i64 = low},
                                        .high = {.type = keys->type, .as.i64 = high}};
        bool meets = false;
        for (int64_t row = 0; row < keys->n_rows; row++) {
            meets = meets || (cni_vector_is_valid(keys, row) && value_at(keys, row) >= low &&
                              value_at(keys, row) <= high);
        }
        const bool never = cni_key_filter_prune(filter, &stats, 100) == CNI_VERDICT_NEVER;
        assert_true(!never || !meets);
        assert_true(!exact || never == !meets);
    }
}

typedef struct integer_case {
    cni_type_id id;
    int64_t n_keys;
    int64_t base, range, step;
    cni_key_filter_kind kind;
} integer_case;

static void
test_integers(void **state)
{
    (void)state;
    static const integer_case cases[] = {
        {CNI_TYPE_INT64, 1000, -500, 20000, 1, CNI_KEY_FILTER_BITMAP},
        {CNI_TYPE_INT32, 2000, 7, 10, 1, CNI_KEY_FILTER_RANGE}, /* all ten values are there */
        {CNI_TYPE_INT64, 40, INT64_MIN / 2, 1000, INT64_C(1) << 40, CNI_KEY_FILTER_LIST},
        {CNI_TYPE_INT64, 1500, -(INT64_C(1) << 60), 100000, INT64_C(1) << 41, CNI_KEY_FILTER_BLOOM},
        {CNI_TYPE_DATE, 300, 8000, 3000, 3, CNI_KEY_FILTER_BITMAP},
    };
    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        const integer_case *one = &cases[at];
        CN_SCOPED(cni_vector)
        keys = make_i64(one->id, one->n_keys, 9, at, one->base, one->range, one->step);
        CN_SCOPED(cni_vector)
        probe = make_i64(one->id, 3001, 11, at + 100, one->base, one->range * 2, one->step);
        cni_key_filter *filter = build(&keys);
        assert_int_equal(cni_key_filter_kind_of(filter), one->kind);
        check_rows(filter, &keys, &probe, &probe, one->kind != CNI_KEY_FILTER_BLOOM);
        check_prune(filter, &keys, one->kind != CNI_KEY_FILTER_BLOOM);
        cni_key_filter_unref(filter);
    }
}

static void
test_encodings(void **state)
{
    (void)state;
    CN_SCOPED(cni_vector) keys = make_i64(CNI_TYPE_INT64, 300, 0, 1, 0, 1000, 1);
    cni_key_filter *filter = build(&keys);
    cni_vector entries = make_i64(CNI_TYPE_INT64, 200, 50, 2, 0, 1500, 1);
    CN_SCOPED(cni_vector) flat = {0};
    CN_SCOPED(cni_dictionary_p) dictionary = NULL;
    uint8_t codes[1000];
    assert_int_equal(
        cni_dictionary_new(cni_allocator_system(), &entries, false, false, &dictionary, NULL),
        CN_OK);
    for (int64_t row = 0; row < 1000; row++) {
        codes[row] = (uint8_t)(scramble((uint64_t)row) % 200);
    }
    const cni_vector probe = {.type = keys.type,
                              .encoding = CNI_DICTIONARY,
                              .phys = CNI_PHYS_I64,
                              .code_bytes = 1,
                              .n_rows = 1000,
                              .data = codes,
                              .dictionary = dictionary};
    assert_int_equal(cni_vector_flatten(cni_allocator_system(), &probe, &flat, NULL), CN_OK);
    check_rows(filter, &keys, &probe, &flat, true);
    const cni_vector sequence = {.type = keys.type,
                                 .encoding = CNI_SEQUENCE,
                                 .phys = CNI_PHYS_I64,
                                 .n_rows = 1300,
                                 .sequence_start = -50,
                                 .sequence_step = 1};
    CN_SCOPED(cni_vector) flat_sequence = {0};
    assert_int_equal(cni_vector_flatten(cni_allocator_system(), &sequence, &flat_sequence, NULL),
                     CN_OK);
    check_rows(filter, &keys, &sequence, &flat_sequence, true);
    cni_key_filter_unref(filter);
}

static cni_vector
make_texts(int64_t n, uint64_t seed, uint64_t range)
{
    cni_vector vector = {0};
    assert_int_equal(cni_vector_new_flat(cni_allocator_system(), cni_type_of(CNI_TYPE_VARCHAR),
                                         CNI_PHYS_VIEW, n, true, &vector, NULL),
                     CN_OK);
    for (int64_t row = 0; row < n; row++) {
        char text[13];
        const int len = snprintf(text, sizeof(text), "k%05llu",
                                 (unsigned long long)(scramble((uint64_t)row + seed) % range));
        ((cni_view *)cni_vector_mutable_data(&vector))[row] = cni_view_make(text, (uint32_t)len);
    }
    return vector;
}

static void
test_texts(void **state)
{
    (void)state;
    CN_SCOPED(cni_vector) keys = make_texts(200, 1, 500);
    CN_SCOPED(cni_vector) probe = make_texts(3000, 5, 1000);
    cni_key_filter *filter = build(&keys);
    uint64_t bits[64];
    int64_t n_left = 0;
    int64_t n_wanted = 0;
    memset(bits, 0xFF, sizeof(bits));
    assert_int_equal(cni_key_filter_select(filter, &probe, bits, &n_left, NULL), CN_OK);
    for (int64_t row = 0; row < probe.n_rows; row++) {
        bool found = false;
        for (int64_t key = 0; key < keys.n_rows; key++) {
            found = found || memcmp((const cni_view *)keys.data + key,
                                    (const cni_view *)probe.data + row, sizeof(cni_view)) == 0;
        }
        n_wanted += found ? 1 : 0;
        assert_true(!found || (bits[row / 64] >> (row % 64) & 1) != 0);
    }
    assert_true(n_left >= n_wanted && n_left <= n_wanted + 300);
    const cni_column_stats above = {.bounds_mark = CNI_STAT_CLAIMED,
                                    .low = {.type = keys.type, .as.bytes = cni_str_of("l")},
                                    .high = {.type = keys.type, .as.bytes = cni_str_of("z")}};
    assert_int_equal(cni_key_filter_prune(filter, &above, 10), CNI_VERDICT_NEVER);
    cni_key_filter_unref(filter);
}

static void
test_floats(void **state)
{
    (void)state;
    double values[] = {0.0, 1.5, (double)NAN};
    double probes[] = {-0.0, 1.5, (double)NAN, 2.5, -1.0};
    const cni_vector keys = {
        .type = cni_type_of(CNI_TYPE_FLOAT64), .phys = CNI_PHYS_F64, .n_rows = 3, .data = values};
    const cni_vector probe = {.type = keys.type, .phys = CNI_PHYS_F64, .n_rows = 5, .data = probes};
    cni_key_filter *filter = build(&keys);
    uint64_t bits = UINT64_MAX;
    int64_t n_left = 0;
    assert_int_equal(cni_key_filter_select(filter, &probe, &bits, &n_left, NULL), CN_OK);
    assert_int_equal(bits & 7, 7);
    const cni_column_stats outside = {.bounds_mark = CNI_STAT_CLAIMED,
                                      .low = {.type = keys.type, .as.f64 = 5},
                                      .high = {.type = keys.type, .as.f64 = 6}};
    assert_int_equal(cni_key_filter_prune(filter, &outside, 10), CNI_VERDICT_MAYBE); /* NaN */
    cni_key_filter_unref(filter);
}

static void
test_empty_and_useless(void **state)
{
    (void)state;
    CN_SCOPED(cni_vector) none = make_i64(CNI_TYPE_INT64, 4, 1, 1, 0, 10, 1); /* all NULL */
    CN_SCOPED(cni_vector) probe = make_i64(CNI_TYPE_INT64, 100, 0, 2, 0, 10, 1);
    cni_key_filter *filter = build(&none);
    uint64_t bits[2] = {UINT64_MAX, UINT64_MAX};
    int64_t n_left = 1;
    assert_int_equal(cni_key_filter_kind_of(filter), CNI_KEY_FILTER_NONE);
    assert_int_equal(cni_key_filter_select(filter, &probe, bits, &n_left, NULL), CN_OK);
    assert_int_equal(n_left, 0);
    cni_key_filter_unref(filter);

    CN_SCOPED(cni_vector) keys = make_i64(CNI_TYPE_INT64, 4, 0, 1, 0, 100, 1);
    filter = build(&keys);
    cni_key_filter_count(filter, 1 << 16, 60000);
    memset(bits, 0xFF, sizeof(bits));
    assert_int_equal(cni_key_filter_select(filter, &probe, bits, &n_left, NULL), CN_OK);
    assert_int_equal(n_left, 100);
    assert_int_equal(cni_key_filter_rows_in(filter), 1 << 16);
    assert_int_equal(cni_key_filter_rows_left(filter), 60000);
    cni_key_filter_unref(filter);
}

/* One reader over slices of vectors with two dictionaries, in every way that a memo can stand. */
static void
test_memo(void **state)
{
    (void)state;
    CN_SCOPED(cni_vector) keys = make_i64(CNI_TYPE_INT64, 400, 9, 1, 0, 3000, 1);
    cni_key_filter *filter = build(&keys);
    cni_key_memo memo = {0};
    for (uint64_t turn = 0; turn < 6; turn++) {
        static const uint32_t n_entries[] = {200, 1500};
        CN_SCOPED(cni_vector)
        entries = make_i64(CNI_TYPE_INT64, n_entries[turn & 1], 7, turn, 0, 3000, 1);
        CN_SCOPED(cni_vector)
        probe = {.type = keys.type,
                 .encoding = CNI_DICTIONARY,
                 .phys = CNI_PHYS_I64,
                 .code_bytes = turn % 3 == 0 ? 2 : 4};
        CN_SCOPED(cni_buffer_p) codes = NULL;
        assert_int_equal(cni_buffer_new(cni_allocator_system(), MOST_ROWS * 4, &codes, NULL),
                         CN_OK);
        for (int64_t row = 0; row < MOST_ROWS; row++) {
            const uint32_t code = (uint32_t)(scramble((uint64_t)row + turn) % n_entries[turn & 1]);
            if (probe.code_bytes == 2) {
                ((uint16_t *)(void *)codes->data)[row] = (uint16_t)code;
            } else {
                ((uint32_t *)(void *)codes->data)[row] = code;
            }
        }
        probe.owner_data = cni_buffer_ref(codes);
        probe.data = codes->data;
        probe.n_rows = MOST_ROWS;
        assert_int_equal(cni_dictionary_new(cni_allocator_system(), &entries, false, false,
                                            &probe.dictionary, NULL),
                         CN_OK);
        for (int64_t row = 0; row < MOST_ROWS; row += 700) {
            CN_SCOPED(cni_vector) part = {0};
            CN_SCOPED(cni_vector) flat = {0};
            uint64_t bits[12];
            uint64_t wanted[12];
            int64_t n_left = 0;
            int64_t n_wanted = 0;
            cni_vector_slice(&part, &probe, row, MOST_ROWS - row < 700 ? MOST_ROWS - row : 700);
            assert_int_equal(cni_vector_flatten(cni_allocator_system(), &part, &flat, NULL), CN_OK);
            memset(bits, 0xF7, sizeof(bits));
            memset(wanted, 0xF7, sizeof(wanted));
            assert_int_equal(cni_key_filter_select_memo(filter, &memo, &part, bits, &n_left, NULL),
                             CN_OK);
            assert_int_equal(cni_key_filter_select(filter, &flat, wanted, &n_wanted, NULL), CN_OK);
            assert_int_equal(n_left, n_wanted);
            for (int64_t at = 0; at < part.n_rows; at++) {
                assert_int_equal(bits[at / 64] >> (at % 64) & 1, wanted[at / 64] >> (at % 64) & 1);
            }
        }
    }
    assert_true(memo.is_made);
    cni_key_memo_done(&memo);
    cni_key_filter_unref(filter);
}

/* The guess of what passes, which orders filters. */
static void
test_share(void **state)
{
    (void)state;
    CN_SCOPED(cni_vector) keys = make_i64(CNI_TYPE_INT64, 2000, 0, 1, 0, 10000, 1);
    cni_key_filter *filter = build(&keys);
    const cni_column_stats same = {.bounds_mark = CNI_STAT_CLAIMED,
                                   .low = {.type = keys.type, .as.i64 = 0},
                                   .high = {.type = keys.type, .as.i64 = 9999}};
    const cni_column_stats wider = {.bounds_mark = CNI_STAT_CLAIMED,
                                    .low = {.type = keys.type, .as.i64 = 0},
                                    .high = {.type = keys.type, .as.i64 = 99999}};
    const cni_column_stats unknown = {.bounds_mark = CNI_STAT_UNKNOWN};
    assert_true(cni_key_filter_is_active(filter));
    assert_true(cni_key_filter_share(filter, &same) > 0.1);
    assert_true(cni_key_filter_share(filter, &same) < 0.3);
    assert_true(cni_key_filter_share(filter, &wider) < 0.05);
    assert_true(cni_key_filter_share(filter, &unknown) >= 0.5);
    cni_key_filter_unref(filter);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_floats),
        cmocka_unit_test(test_empty_and_useless),
        cmocka_unit_test(test_memo),
        cmocka_unit_test(test_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
