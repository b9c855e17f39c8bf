/* SPDX-License-Identifier: Apache-2.0
 *
 * Sums that are taken apart: their bytes, and items that count several times.
 */
#include "plan/function/wide_sum.h"
#include "unit/plan/plan_fixture.h"

static uint64_t
next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 11;
}

static void
check_same(const cni_wide_sum *a, const cni_wide_sum *b)
{
    char left[CNI_WIDE_BYTES_MAX];
    char right[CNI_WIDE_BYTES_MAX];
    const int32_t n_left = cni_wide_to_bytes(a, left);
    assert_int_equal(n_left, cni_wide_to_bytes(b, right));
    assert_memory_equal(left, right, (size_t)n_left);
}

static void
check_round(const cni_wide_sum *sum)
{
    char bytes[CNI_WIDE_BYTES_MAX];
    const int32_t n_bytes = cni_wide_to_bytes(sum, bytes);
    assert_in_range(n_bytes, 1, CNI_WIDE_BYTES_MAX);
    const cni_wide_sum back = cni_wide_from_bytes((cni_str){bytes, n_bytes});
    check_same(sum, &back);
    assert_true(cni_wide_double(sum) == cni_wide_double(&back));
}

static void
test_bytes(void **state)
{
    (void)state;
    static const int64_t items[] = {0, 1, -1, 127, 128, -128, -129, INT64_MAX, INT64_MIN};
    char bytes[CNI_WIDE_BYTES_MAX];
    for (size_t at = 0; at < sizeof(items) / sizeof(items[0]); at++) {
        cni_wide_sum sum = {0};
        cni_i128 total = 0;
        cni_wide_add(&sum, items[at]);
        check_round(&sum);
        const int32_t n_bytes = cni_wide_to_bytes(&sum, bytes);
        const cni_wide_sum back = cni_wide_from_bytes((cni_str){bytes, n_bytes});
        assert_true(cni_wide_total(&back, &total) && total == items[at]);
        assert_true(n_bytes <= 8);
    }
    cni_wide_sum small = {0};
    cni_wide_add(&small, -128);
    assert_int_equal(cni_wide_to_bytes(&small, bytes), 1);
    cni_wide_add(&small, -1);
    assert_int_equal(cni_wide_to_bytes(&small, bytes), 2);
}

/* Beyond 128 bits, in both directions. */
static void
test_large(void **state)
{
    (void)state;
    cni_wide_sum up = {0};
    cni_wide_sum down = {0};
    const cni_i128 item = ((cni_i128)1 << 126) + 12345;
    for (int32_t at = 0; at < 1000; at++) {
        cni_wide_add(&up, item);
        cni_wide_add(&down, -item);
        check_round(&up);
        check_round(&down);
    }
    cni_i128 total = 1;
    assert_false(cni_wide_total(&up, &total));
    cni_wide_merge(&up, &down);
    assert_true(cni_wide_total(&up, &total) && total == 0);
    check_round(&up);
}

static void
test_times(void **state)
{
    (void)state;
    uint64_t random = 17;
    for (int32_t round = 0; round < 2000; round++) {
        const int32_t shift = (int32_t)(next_random(&random) % 126);
        cni_i128 item =
            (cni_i128)(((cni_u128)next_random(&random) << 64 | next_random(&random)) >> 2);
        item >>= shift;
        item = next_random(&random) % 2 == 0 ? item : -item;
        const int64_t n = (int64_t)(next_random(&random) % 50);
        cni_wide_sum times = {0};
        cni_wide_sum added = {0};
        cni_wide_add(&times, -7);
        cni_wide_add(&added, -7);
        cni_wide_add_times(&times, item, n);
        for (int64_t at = 0; at < n; at++) {
            cni_wide_add(&added, item);
        }
        check_same(&times, &added);
    }
    cni_wide_sum much = {0};
    cni_wide_add_times(&much, 3, INT64_C(1) << 62);
    cni_i128 total = 0;
    assert_true(cni_wide_total(&much, &total) && total == (cni_i128)3 << 62);
}

/* Bytes from nowhere give some sum and read nothing beyond them. */
static void
test_damaged(void **state)
{
    (void)state;
    char bytes[40];
    memset(bytes, 0x81, sizeof(bytes));
    for (int64_t n_bytes = 0; n_bytes <= (int64_t)sizeof(bytes); n_bytes++) {
        const cni_wide_sum sum = cni_wide_from_bytes((cni_str){bytes, n_bytes});
        check_round(&sum);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
