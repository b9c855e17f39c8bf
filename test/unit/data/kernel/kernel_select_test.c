/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels that move rows: bitmaps to row numbers, bytes to bitmaps, filters, gathers; each at every
 * level over bitmaps of all densities, in blocks of exactly the room that the contracts ask for.
 */
#include "unit/data/kernel/kernel_check.h"

typedef void (*level_check)(const cni_kernels *kernels, const uint64_t *bits, int64_t n,
                            check_random *random);

static void
each_case(level_check check)
{
    check_random random = {11};
    for (size_t size = 0; size < sizeof(check_sizes) / 8; size++) {
        for (int kind = 0; kind < CHECK_BIT_KINDS; kind++) {
            uint64_t *bits = check_bits(&random, check_sizes[size], kind);
            for (size_t level = 0; level < sizeof(check_levels) / sizeof(*check_levels); level++) {
                const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
                if (kernels != NULL) {
                    check(kernels, bits, check_sizes[size], &random);
                }
            }
            check_free(bits, 0);
        }
    }
}

static void
check_row_numbers(const cni_kernels *kernels, const uint64_t *bits, int64_t n, check_random *random)
{
    (void)random;
    uint16_t *narrow = check_block((n + 64) * 2, 0);
    uint32_t *wide = check_block((n + 64) * 4, 0);
    const int64_t n_narrow = kernels->bits_to_u16(bits, n, narrow);
    const int64_t n_wide = kernels->bits_to_u32(bits, n, wide);
    int64_t at = 0;
    for (int64_t row = 0; row < n; row++) {
        if (check_bit(bits, row)) {
            assert_true(at < n_narrow && at < n_wide);
            assert_int_equal(narrow[at], row);
            assert_int_equal(wide[at], row);
            at++;
        }
    }
    assert_int_equal(n_narrow, at);
    assert_int_equal(n_wide, at);
    check_free(narrow, 0);
    check_free(wide, 0);
}

static void
row_numbers(void **state)
{
    (void)state;
    each_case(check_row_numbers);
}

static void
check_bytes(const cni_kernels *kernels, const uint64_t *bits, int64_t n, check_random *random)
{
    uint8_t *bytes = check_block(n, 1);
    for (int64_t row = 0; row < n; row++) {
        const unsigned mark = 1U << (check_next(random) & 7);
        bytes[row] = (uint8_t)(check_bit(bits, row) ? mark : 0);
    }
    uint64_t *words = check_block((n + 63) / 64 * 8, 0);
    kernels->bytes_to_bits(bytes, n, words);
    for (int64_t row = 0; row < (n + 63) / 64 * 64; row++) {
        assert_int_equal(check_bit(words, row), row < n && check_bit(bits, row));
    }
    check_free(bytes, 1);
    check_free(words, 0);
}

static void
bytes_to_bits(void **state)
{
    (void)state;
    each_case(check_bytes);
}

static void
check_filter(const cni_kernels *kernels, const uint64_t *bits, int64_t n, check_random *random)
{
    for (int size_log = 0; size_log < 5; size_log++) {
        const int64_t item = INT64_C(1) << size_log;
        const int64_t shift = item < 16 ? item : 4;
        uint8_t *items = check_block(n * item, shift);
        for (int64_t byte = 0; byte < n * item; byte++) {
            items[byte] = (uint8_t)check_next(random);
        }
        int64_t n_expected = 0;
        for (int64_t row = 0; row < n; row++) {
            n_expected += check_bit(bits, row);
        }
        uint8_t *out = check_block(n_expected * item + 64, 0);
        assert_int_equal(kernels->filter[size_log](items, bits, n, out), n_expected);
        int64_t at = 0;
        for (int64_t row = 0; row < n; row++) {
            if (check_bit(bits, row)) {
                assert_memory_equal(out + at * item, items + row * item, (size_t)item);
                at++;
            }
        }
        check_free(items, shift);
        check_free(out, 0);
    }
}

static void
filters(void **state)
{
    (void)state;
    each_case(check_filter);
}

static void
check_gather(const cni_kernels *kernels, int item_log, int index_log, int64_t n,
             check_random *random)
{
    const int64_t item = INT64_C(1) << item_log;
    const int64_t index_bytes = INT64_C(1) << index_log;
    const int64_t n_items = index_log == 0 ? 256 : 1000;
    uint8_t *items = check_block(n_items * item, item < 16 ? item : 4);
    uint8_t *out = check_block(n * item, 0);
    uint8_t *index = check_block(n * index_bytes, 0);
    for (int64_t byte = 0; byte < n_items * item; byte++) {
        items[byte] = (uint8_t)check_next(random);
    }
    uint32_t *rows = check_block(n * 4, 0);
    for (int64_t row = 0; row < n; row++) {
        rows[row] = (uint32_t)(check_next(random) % (uint64_t)n_items);
        memcpy(index + row * index_bytes, &rows[row], (size_t)index_bytes);
    }
    kernels->gather[item_log][index_log](items, index, n, out);
    for (int64_t row = 0; row < n; row++) {
        assert_memory_equal(out + row * item, items + (int64_t)rows[row] * item, (size_t)item);
    }
    check_free(rows, 0);
    check_free(index, 0);
    check_free(out, 0);
    check_free(items, item < 16 ? item : 4);
}

static void
gathers(void **state)
{
    (void)state;
    check_random random = {13};
    for (size_t level = 0; level < sizeof(check_levels) / sizeof(*check_levels); level++) {
        const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
        for (int combination = 0; kernels != NULL && combination < 15; combination++) {
            for (size_t size = 0; size < sizeof(check_sizes) / 8; size++) {
                check_gather(kernels, combination % 5, combination / 5, check_sizes[size], &random);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(row_numbers),
        cmocka_unit_test(bytes_to_bits),
        cmocka_unit_test(filters),
        cmocka_unit_test(gathers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
