/* SPDX-License-Identifier: Apache-2.0
 *
 * Bitmap operations against bit-by-bit twins, over all small offsets and lengths. The views end at
 * the end of exactly sized blocks, so that a sanitizer sees any read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"

#define MAX_BITS 200

static uint64_t seed = 42;

static uint8_t
random_byte(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint8_t)(seed >> 33);
}

/* Exactly the bytes that the bits need. */
static uint8_t *
random_bits(int64_t n_bits)
{
    const size_t n_bytes = (size_t)cni_bits_bytes(n_bits);
    uint8_t *bytes = malloc(n_bytes == 0 ? 1 : n_bytes);
    assert_non_null(bytes);
    for (size_t at = 0; at < n_bytes; at++) {
        bytes[at] = random_byte();
    }
    return bytes;
}

static void
test_count_copy_and_next(void **state)
{
    (void)state;
    for (int64_t offset = 0; offset < 17; offset++) {
        for (int64_t n_bits = 0; n_bits < MAX_BITS; n_bits++) {
            uint8_t *data = random_bits(offset + n_bits);
            const cni_bits bits = {data, offset};
            uint8_t *copy = random_bits(n_bits);
            cni_bits_copy(bits, n_bits, copy);
            int64_t n_set = 0;
            for (int64_t row = 0; row < n_bits; row++) {
                n_set += cni_bits_get(bits, row) ? 1 : 0;
                assert_int_equal((copy[row >> 3] >> (row & 7)) & 1, cni_bits_get(bits, row));
            }
            for (int64_t row = n_bits; row < cni_bits_bytes(n_bits) * 8; row++) {
                assert_int_equal((copy[row >> 3] >> (row & 7)) & 1, 0);
            }
            assert_int_equal(cni_bits_count(bits, n_bits), n_set);
            int64_t row = cni_bits_next(bits, 0, n_bits);
            for (int64_t at = 0; at < n_bits; at++) {
                if (cni_bits_get(bits, at)) {
                    assert_int_equal(row, at);
                    row = cni_bits_next(bits, at + 1, n_bits);
                }
            }
            assert_int_equal(row, n_bits);
            free(copy);
            free(data);
        }
    }
}

static void
test_absent_means_all_set(void **state)
{
    (void)state;
    const cni_bits all = {NULL, 3};
    assert_true(cni_bits_get(all, 1000));
    assert_int_equal(cni_bits_count(all, 77), 77);
    assert_int_equal(cni_bits_next(all, 5, 77), 5);
    uint8_t out[2] = {0, 0};
    cni_bits_copy(all, 11, out);
    assert_int_equal(out[0], 0xFF);
    assert_int_equal(out[1], 0x07);
}

static void
test_copy_to_and_fill_keep_neighbours(void **state)
{
    (void)state;
    for (int64_t out_bit = 0; out_bit < 11; out_bit++) {
        for (int64_t n_bits = 0; n_bits < 150; n_bits++) {
            const int64_t total = out_bit + n_bits + 9;
            uint8_t *source = random_bits(3 + n_bits);
            uint8_t *before = random_bits(total);
            uint8_t *copied = random_bits(total);
            uint8_t *filled = random_bits(total);
            memcpy(copied, before, (size_t)cni_bits_bytes(total));
            memcpy(filled, before, (size_t)cni_bits_bytes(total));
            const cni_bits bits = {source, 3};
            const bool value = (n_bits & 1) != 0;
            cni_bits_copy_to(bits, n_bits, copied, out_bit);
            cni_bits_fill(filled, out_bit, n_bits, value);
            for (int64_t bit = 0; bit < total; bit++) {
                const bool inside = bit >= out_bit && bit < out_bit + n_bits;
                const bool old = cni_bits_get((cni_bits){before, 0}, bit);
                const bool want = inside ? cni_bits_get(bits, bit - out_bit) : old;
                assert_int_equal(cni_bits_get((cni_bits){copied, 0}, bit), want);
                assert_int_equal(cni_bits_get((cni_bits){filled, 0}, bit), inside ? value : old);
            }
            free(filled);
            free(copied);
            free(before);
            free(source);
        }
    }
}

static void
test_and(void **state)
{
    (void)state;
    for (int64_t n_bits = 0; n_bits < MAX_BITS; n_bits++) {
        uint8_t *a = random_bits(5 + n_bits);
        uint8_t *b = random_bits(2 + n_bits);
        uint64_t out[4] = {0};
        cni_bits_and((cni_bits){a, 5}, (cni_bits){b, 2}, n_bits, out);
        for (int64_t row = 0; row < cni_bits_words(n_bits) * 64; row++) {
            const bool want = row < n_bits && cni_bits_get((cni_bits){a, 5}, row) &&
                              cni_bits_get((cni_bits){b, 2}, row);
            assert_int_equal((out[row >> 6] >> (row & 63)) & 1, want);
        }
        free(b);
        free(a);
    }
}

static void
test_single_bits(void **state)
{
    (void)state;
    uint8_t data[2] = {0, 0};
    cni_bit_set(data, 9);
    assert_int_equal(data[1], 2);
    cni_bit_write(data, 10, true);
    cni_bit_clear(data, 9);
    assert_int_equal(data[1], 4);
    cni_bit_write(data, 10, false);
    assert_int_equal(data[1], 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_count_copy_and_next),
        cmocka_unit_test(test_absent_means_all_set),
        cmocka_unit_test(test_copy_to_and_fill_keep_neighbours),
        cmocka_unit_test(test_and),
        cmocka_unit_test(test_single_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
