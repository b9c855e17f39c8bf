/* SPDX-License-Identifier: Apache-2.0
 *
 * Bit unpacking of every width into every type, prefix sums, and substring search, at every level.
 * Sources are exactly as long as the contract says, so that AddressSanitizer sees an over-read.
 */
#include "unit/data/kernel/kernel_check.h"

static const int64_t unpack_sizes[] = {1, 5, 8, 31, 32, 33, 64, 65, 100, 504, 1000};

static uint64_t
packed_at(const uint8_t *src, int64_t width, int64_t row)
{
    uint64_t value = 0;
    for (int64_t bit = 0; bit < width; bit++) {
        const int64_t at = row * width + bit;
        value |= (uint64_t)((src[at >> 3] >> (at & 7)) & 1) << bit;
    }
    return value;
}

static void
check_width(const cni_kernels *kernels, int32_t width, int64_t n, check_random *random)
{
    const int64_t src_bytes = (n * width + 7) / 8;
    uint8_t *src = check_block(src_bytes, 0);
    for (int64_t byte = 0; byte < src_bytes; byte++) {
        src[byte] = (uint8_t)check_next(random);
    }
    uint64_t *out64 = check_block(n * 8, 0);
    uint32_t *out32 = check_block(n * 4, 0);
    uint16_t *out16 = check_block(n * 2, 0);
    uint8_t *out8 = check_block(n, 0);
    kernels->unpack_u64(src, src_bytes, width, n, out64);
    if (width <= 32) {
        kernels->unpack_u32(src, src_bytes, width, n, out32);
    }
    if (width <= 16) {
        kernels->unpack_u16(src, src_bytes, width, n, out16);
    }
    if (width <= 8) {
        kernels->unpack_u8(src, src_bytes, width, n, out8);
    }
    for (int64_t row = 0; row < n; row++) {
        const uint64_t expected = packed_at(src, width, row);
        assert_true(out64[row] == expected);
        assert_true(width > 32 || out32[row] == expected);
        assert_true(width > 16 || out16[row] == expected);
        assert_true(width > 8 || out8[row] == expected);
    }
    check_free(out64, 0);
    check_free(out32, 0);
    check_free(out16, 0);
    check_free(out8, 0);
    check_free(src, 0);
}

static void
unpack(void **state)
{
    (void)state;
    check_random random = {17};
    for (size_t level = 0; level < sizeof(check_levels) / sizeof(*check_levels); level++) {
        const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
        for (int32_t width = 0; kernels != NULL && width <= 64; width++) {
            for (size_t size = 0; size < sizeof(unpack_sizes) / 8; size++) {
                check_width(kernels, width, unpack_sizes[size], &random);
            }
        }
    }
}

static void
prefix_sum(void **state)
{
    (void)state;
    check_random random = {19};
    for (size_t level = 0; level < sizeof(check_levels) / sizeof(*check_levels); level++) {
        const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
        for (size_t size = 0; kernels != NULL && size < sizeof(check_sizes) / 8; size++) {
            const int64_t n = check_sizes[size];
            uint64_t *values = check_block(n * 8, 0);
            uint64_t *expected = check_block(n * 8, 0);
            const uint64_t first = check_next(&random);
            const uint64_t step = check_next(&random);
            uint64_t sum = first;
            for (int64_t row = 0; row < n; row++) {
                values[row] = check_next(&random);
                sum += values[row] + step;
                expected[row] = sum;
            }
            kernels->prefix_sum_u64(values, n, first, step);
            assert_true(n == 0 || memcmp(values, expected, (size_t)n * 8) == 0);
            check_free(values, 0);
            check_free(expected, 0);
        }
    }
}

static int64_t
find_reference(const char *haystack, int64_t n, const char *needle, int64_t n_needle)
{
    for (int64_t at = 0; at + n_needle <= n; at++) {
        if (memcmp(haystack + at, needle, (size_t)n_needle) == 0) {
            return at;
        }
    }
    return -1;
}

static void
find(void **state)
{
    (void)state;
    check_random random = {23};
    for (int turn = 0; turn < 20000; turn++) {
        const int64_t n = (int64_t)(check_next(&random) % (turn % 10 == 0 ? 600 : 150));
        const int64_t n_needle = 1 + (int64_t)(check_next(&random) % (turn % 5 == 0 ? 40 : 5));
        const uint64_t letters = 1 + check_next(&random) % 3;
        char *haystack = check_block(n, 0);
        char *needle = check_block(n_needle, 0);
        for (int64_t at = 0; at < n; at++) {
            haystack[at] = (char)('a' + (char)(check_next(&random) % letters));
        }
        for (int64_t at = 0; at < n_needle; at++) {
            needle[at] = (char)('a' + (char)(check_next(&random) % letters));
        }
        if (turn % 3 == 0 && n >= n_needle) {
            memcpy(haystack + check_next(&random) % (uint64_t)(n - n_needle + 1), needle,
                   (size_t)n_needle);
        }
        const int64_t expected = find_reference(haystack, n, needle, n_needle);
        for (size_t level = 0; level < sizeof(check_levels) / sizeof(*check_levels); level++) {
            const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
            if (kernels != NULL) {
                assert_int_equal(kernels->find(haystack, n, needle, n_needle), expected);
            }
        }
        check_free(haystack, 0);
        check_free(needle, 0);
    }
}

/* Text on which every position is a candidate that fails late: still linear. */
static void
find_periodic(void **state)
{
    (void)state;
    const int64_t n = 1 << 20;
    const int64_t n_needle = 1 << 12;
    char *haystack = check_block(n, 0);
    char *needle = check_block(n_needle, 0);
    memset(haystack, 'a', (size_t)n);
    memset(needle, 'a', (size_t)n_needle);
    needle[n_needle / 2] = 'b';
    for (size_t level = 0; level < sizeof(check_levels) / sizeof(*check_levels); level++) {
        const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
        if (kernels != NULL) {
            assert_int_equal(kernels->find(haystack, n, needle, n_needle), -1);
        }
    }
    check_free(haystack, 0);
    check_free(needle, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpack),
        cmocka_unit_test(prefix_sum),
        cmocka_unit_test(find),
        cmocka_unit_test(find_periodic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
