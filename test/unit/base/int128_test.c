/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of 128-bit integers and decimals, both ways; checked arithmetic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/int128.h"

static void
check_format(cni_i128 value, int32_t scale, const char *want)
{
    char text[CNI_INT128_TEXT_BYTES];
    assert_int_equal(cni_i128_format(value, scale, text), strlen(want));
    assert_string_equal(text, want);
}

static void
test_format(void **state)
{
    (void)state;
    check_format(0, 0, "0");
    check_format(0, 2, "0.00");
    check_format(5, 2, "0.05");
    check_format(-5, 2, "-0.05");
    check_format(-12345, 2, "-123.45");
    check_format(100, 2, "1.00");
    check_format(CNI_I128_MAX, 0, "170141183460469231731687303715884105727");
    check_format(CNI_I128_MIN, 0, "-170141183460469231731687303715884105728");
    check_format(CNI_I128_MIN, 38, "-1.70141183460469231731687303715884105728");
    check_format(-1, 38, "-0.00000000000000000000000000000000000001");
    check_format((cni_i128)1000000000000000000, 0, "1000000000000000000");
    check_format((cni_i128)1000000000000000000 * 1000000000, 0, "1000000000000000000000000000");
}

static void
test_pow10_and_digits(void **state)
{
    (void)state;
    cni_i128 power = 1;
    for (int32_t exponent = 0; exponent <= 38; exponent++) {
        assert_true(cni_pow10_i128(exponent) == power);
        assert_int_equal(cni_i128_digits(power), exponent + 1);
        assert_int_equal(cni_i128_digits(-power), exponent + 1);
        if (exponent > 0) {
            assert_int_equal(cni_i128_digits(power - 1), exponent);
        }
        power = exponent < 38 ? power * 10 : power;
    }
    assert_int_equal(cni_i128_digits(0), 1);
    assert_int_equal(cni_i128_digits(CNI_I128_MIN), 39);
}

static void
check_parse(const char *text, int32_t scale, cni_i128 want)
{
    const size_t length = strlen(text);
    char *exact = malloc(length + 1);
    assert_non_null(exact);
    memcpy(exact, text, length);
    cni_i128 value = 99;
    assert_true(cni_i128_parse(exact, (int64_t)length, scale, &value));
    assert_true(value == want);
    free(exact);
}

static void
check_refused(const char *text, int32_t scale)
{
    cni_i128 value = 99;
    assert_false(cni_i128_parse(text, (int64_t)strlen(text), scale, &value));
    assert_true(value == 99);
}

static void
test_parse(void **state)
{
    (void)state;
    check_parse("0", 0, 0);
    check_parse("-0", 5, 0);
    check_parse("+17", 0, 17);
    check_parse("123.45", 2, 12345);
    check_parse("123.45", 4, 1234500);
    check_parse("123.45", 1, 1235);
    check_parse("-123.45", 1, -1235);
    check_parse("0.5", 0, 1);
    check_parse("-0.5", 0, -1);
    check_parse("0.4999999999999999999999999999999999999999999999", 0, 0);
    check_parse("0.05", 0, 0);
    check_parse("9.99", 1, 100);
    check_parse(".5", 1, 5);
    check_parse("5.", 1, 50);
    check_parse("1e3", 0, 1000);
    check_parse("1E+3", 2, 100000);
    check_parse("12345e-2", 0, 123);
    check_parse("12355e-2", 0, 124);
    check_parse("1e-999999999999999999999999999", 0, 0);
    check_parse("0e999999999999999999999999999", 0, 0);
    check_parse("0.00000000000000000000000000000000000000000000000001e50", 0, 1);
    check_parse("00000000000000000000000000000000000000000000000000000007", 0, 7);
    check_parse("170141183460469231731687303715884105727", 0, CNI_I128_MAX);
    check_parse("-170141183460469231731687303715884105728", 0, CNI_I128_MIN);
    check_parse("170141183460469231731687303715884105727.4", 0, CNI_I128_MAX);
}

static void
test_parse_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      "-",   "+",     ".",   "-.",   "1.2.3",
                                      "1e",    "1e+", "e5",    " 1",  "1 ",   "0x1",
                                      "1e5.5", "--1", "1_000", "nan", "1e1e1"};
    for (size_t at = 0; at < sizeof(bad) / sizeof(bad[0]); at++) {
        check_refused(bad[at], 0);
    }
    check_refused("170141183460469231731687303715884105728", 0);
    check_refused("170141183460469231731687303715884105727.5", 0);
    check_refused("-170141183460469231731687303715884105728.5", 0);
    check_refused("340282366920938463463374607431768211455.5", 0);
    check_refused("340282366920938463463374607431768211456", 0);
    check_refused("99999999999999999999999999999999999999999999", 0);
    check_refused("1e39", 0);
    check_refused("1", 39);
    check_refused("1e999999999999999999999999999", 0);
    check_refused("18446744073709551617e30", 0);
}

static void
test_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int round = 0; round < 20000; round++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint64_t high = seed;
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const cni_i128 value = (cni_i128)(((cni_u128)high << 64 | seed) >> (seed >> 57));
        const int32_t scale = round % 39;
        char text[CNI_INT128_TEXT_BYTES];
        const int64_t length = cni_i128_format(value, scale, text);
        cni_i128 back = 0;
        assert_true(cni_i128_parse(text, length, scale, &back));
        assert_true(back == value);
    }
}

static void
test_checked(void **state)
{
    (void)state;
    int64_t result = 0;
    assert_true(cni_checked_add(INT64_MAX - 1, 1, &result));
    assert_int_equal(result, INT64_MAX);
    assert_false(cni_checked_add(INT64_MAX, 1, &result));
    assert_false(cni_checked_sub(INT64_MIN, 1, &result));
    assert_false(cni_checked_mul(INT64_MAX / 2, 3, &result));
    assert_true(cni_range_fits(0, 10, 10));
    assert_true(cni_range_fits(10, 0, 10));
    assert_false(cni_range_fits(1, 10, 10));
    assert_false(cni_range_fits(-1, 1, 10));
    assert_false(cni_range_fits(5, -1, 10));
    assert_false(cni_range_fits(INT64_MAX, INT64_MAX, 10));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),     cmocka_unit_test(test_pow10_and_digits),
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
