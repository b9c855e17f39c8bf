/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of floats: known values, and for random bit patterns that the text reads back (by the C
 * library) as the same value, that no shorter one does, and that our reader agrees with the C
 * library's.
 */
#include "vector_fixture.h"

#include <math.h>

#include "data/column/float_text.h"

#define N_RANDOM 20000

static double
f64_of_bits(uint64_t bits)
{
    double value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static float
f32_of_bits(uint32_t bits)
{
    float value = 0;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static void
assert_f64(double value, const char *expected)
{
    char text[CNI_FLOAT_TEXT_BYTES];
    assert_int_equal(cni_f64_format(value, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void
assert_f32(float value, const char *expected)
{
    char text[CNI_FLOAT_TEXT_BYTES];
    assert_int_equal(cni_f32_format(value, text), strlen(expected));
    assert_string_equal(text, expected);
}

static void
test_known_texts(void **state)
{
    (void)state;
    assert_f64(0.0, "0.0");
    assert_f64(-0.0, "-0.0");
    assert_f64(1.0, "1.0");
    assert_f64(-1.5, "-1.5");
    assert_f64(0.1, "0.1");
    assert_f64(0.1 + 0.2, "0.30000000000000004");
    assert_f64(1e15, "1000000000000000.0");
    assert_f64(1e16, "1e+16");
    assert_f64(1e20, "1e+20");
    assert_f64(1.5e300, "1.5e+300");
    assert_f64(0.0001, "0.0001");
    assert_f64(0.00001, "1e-05");
    assert_f64(1.0 / 3, "0.3333333333333333");
    assert_f64(123456789012345678.0, "1.2345678901234568e+17");
    assert_f64(5e-324, "5e-324");
    assert_f64(2.2250738585072014e-308, "2.2250738585072014e-308");
    assert_f64(1.7976931348623157e308, "1.7976931348623157e+308");
    assert_f64(9007199254740993.0, "9007199254740992.0");
    assert_f64(9.5367431640625e-07, "9.5367431640625e-07");
    assert_f64(2251799813685249.5, "2251799813685249.5");
    assert_f64((double)NAN, "nan");
    assert_f64((double)INFINITY, "inf");
    assert_f64((double)-INFINITY, "-inf");
    assert_f32(0.1F, "0.1");
    assert_f32(16777216.0F, "16777216.0");
    assert_f32(3.4028235e38F, "3.4028235e+38");
    assert_f32(1e-45F, "1e-45");
    assert_f32(1.0F / 3, "0.33333334");
}

static void
test_half_floats(void **state)
{
    (void)state;
    char text[CNI_FLOAT_TEXT_BYTES];
    (void)cni_f16_format(0x2E66, text);
    assert_string_equal(text, "0.1");
    (void)cni_f16_format(0x7BFF, text);
    assert_string_equal(text, "65500.0");
    (void)cni_f16_format(0xFC00, text);
    assert_string_equal(text, "-inf");
    (void)cni_f16_format(0x0001, text);
    assert_string_equal(text, "6e-08");
    for (uint32_t bits = 0; bits <= 0xFFFF; bits++) {
        const float value = cni_f16_to_f32((uint16_t)bits);
        if (isnan(value)) {
            assert_true(isnan(cni_f16_to_f32(cni_f16_from_f32(value))));
        } else {
            assert_int_equal(cni_f16_from_f32(value), bits);
        }
    }
    assert_int_equal(cni_f16_from_f32(65519.0F), 0x7BFF);
    assert_int_equal(cni_f16_from_f32(65520.0F), 0x7C00);
    assert_int_equal(cni_f16_from_f32(1.0F + 0x1p-11F), 0x3C00);
    assert_int_equal(cni_f16_from_f32(1.0F + 0x3p-11F), 0x3C02);
    assert_int_equal(cni_f16_from_f32(0x1p-25F), 0);
    assert_int_equal(cni_f16_from_f32(0x1.8p-25F), 1);
}

/* Digits of the mantissa in a text. */
static int
count_digits(const char *text)
{
    int n_digits = 0;
    int n_zeros = 0;
    for (const char *at = text; *at != '\0' && *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9') {
            n_zeros = *at == '0' ? n_zeros + 1 : 0;
            n_digits += n_digits > 0 || *at != '0';
        }
    }
    const int significant = n_digits - n_zeros;
    return significant < 1 ? 1 : significant;
}

static void
check_f64(double value)
{
    char text[CNI_FLOAT_TEXT_BYTES];
    char shorter[64];
    const int64_t len_bytes = cni_f64_format(value, text);
    if (!isfinite(value) || value == 0) {
        return;
    }
    double back = 0;
    assert_true(strtod(text, NULL) == value);
    assert_true(cni_f64_parse(text, len_bytes, &back, NULL));
    assert_true(back == value);
    const int n_digits = count_digits(text);
    if (n_digits > 1) {
        (void)snprintf(shorter, sizeof(shorter), "%.*e", n_digits - 2, value);
        assert_true(strtod(shorter, NULL) != value);
    }
    (void)snprintf(shorter, sizeof(shorter), "%.*e", n_digits - 1, value);
    if (strtod(shorter, NULL) == value) { /* of the shortest, the nearest */
        const double ours = fabs(strtod(text, NULL) - value);
        assert_true(ours <= fabs(strtod(shorter, NULL) - value));
    }
}

static void
test_random_doubles(void **state)
{
    (void)state;
    fixture_random random = {5};
    for (int round = 0; round < N_RANDOM; round++) {
        const uint64_t bits = fixture_next(&random);
        check_f64(f64_of_bits(bits));
        check_f64(f64_of_bits(bits & UINT64_C(0x800FFFFFFFFFFFFF))); /* subnormal */
        check_f64((double)(int64_t)(bits >> 20) / 1000);
        check_f64((double)(int64_t)(bits >> 44) / 100);
    }
    for (uint64_t exponent = 0; exponent < 2047; exponent++) { /* the uneven gaps */
        check_f64(f64_of_bits(exponent << 52));
        check_f64(f64_of_bits((exponent << 52) + 1));
        check_f64(f64_of_bits((exponent << 52) - 1));
    }
}

static void
test_random_floats(void **state)
{
    (void)state;
    fixture_random random = {6};
    char text[CNI_FLOAT_TEXT_BYTES];
    char shorter[64];
    for (int round = 0; round < N_RANDOM; round++) {
        const float value = f32_of_bits((uint32_t)fixture_next(&random));
        const int64_t len_bytes = cni_f32_format(value, text);
        if (!isfinite(value)) {
            continue;
        }
        float back = 0;
        assert_true(strtof(text, NULL) == value);
        assert_true(cni_f32_parse(text, len_bytes, &back, NULL));
        assert_true(back == value);
        const int n_digits = count_digits(text);
        if (n_digits > 1) {
            (void)snprintf(shorter, sizeof(shorter), "%.*e", n_digits - 2, (double)value);
            assert_true(strtof(shorter, NULL) != value);
        }
    }
}

static void
check_parse(const char *text)
{
    double value = 0;
    float narrow = 0;
    assert_true(cni_f64_parse(text, (int64_t)strlen(text), &value, NULL));
    const double expected = strtod(text, NULL);
    if (memcmp(&value, &expected, sizeof(value)) != 0) {
        fail_msg("%s is %a, not %a", text, expected, value);
    }
    assert_true(cni_f32_parse(text, (int64_t)strlen(text), &narrow, NULL));
    const float expected_narrow = strtof(text, NULL);
    if (memcmp(&narrow, &expected_narrow, sizeof(narrow)) != 0) {
        fail_msg("%s is %a, not %a", text, (double)expected_narrow, (double)narrow);
    }
}

static void
test_parse_agrees_with_the_library(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",
        "-0",
        "00.00",
        "1",
        "+1.",
        ".5",
        "1e0",
        "1E+22",
        "1e23",
        "123456789012345678901234567890",
        "9007199254740993",
        "9007199254740992.99999999",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "4.9406564584124654e-324",
        "1e-400",
        "1e400",
        "1e-99999999999999",
        "0e99999999999999",
        "2.2250738585072011e-308",
        "3.4028235677973366e38",
        "3.4028235677973365e38",
        "1e-46",
        "7.0064923216240853546186479164495e-46",
        "7.0064923216240853546186479164496e-46",
        "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000001"};
    for (int64_t at = 0; at < CN_ARRAY_LEN(texts); at++) {
        check_parse(texts[at]);
    }
    fixture_random random = {7};
    char text[96];
    for (int round = 0; round < N_RANDOM; round++) {
        (void)snprintf(text, sizeof(text), "%llu%llu.%llue%d",
                       (unsigned long long)fixture_below(&random, 1 << 20),
                       (unsigned long long)fixture_next(&random),
                       (unsigned long long)fixture_next(&random),
                       (int)fixture_below(&random, 700) - 360);
        check_parse(text);
    }
}

/* Half-way points written out in full, and one digit beside them. */
static void
test_parse_half_way(void **state)
{
    (void)state;
    fixture_random random = {8};
    char text[2000];
    for (int round = 0; round < 300; round++) {
        const double value = fabs(f64_of_bits(fixture_next(&random)));
        if (!isfinite(value) || value > 1e300) {
            continue;
        }
        const long double half =
            ((long double)value + (long double)nextafter(value, (double)INFINITY)) / 2;
        int length = snprintf(text, sizeof(text), "%.1150Lf", half);
        check_parse(text);
        text[length - 1] = '1';
        check_parse(text);
        text[length++] = '9';
        text[length] = '\0';
        check_parse(text);
    }
}

static void
test_parse_refuses(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "-",   ".",     "e5",    "1e",  "1e+",
                                        "1 ",   " 1",  "1.2.3", "0x1p3", "1,5", "infinit",
                                        "nano", "--1", "+-1",   "1f"};
    for (int64_t at = 0; at < CN_ARRAY_LEN(texts); at++) {
        double value = 42;
        assert_false(cni_f64_parse(texts[at], (int64_t)strlen(texts[at]), &value, NULL));
        assert_true(value == 42);
    }
    double value = 0;
    bool overflow = false;
    assert_true(cni_f64_parse("-Infinity", 9, &value, &overflow));
    assert_true(isinf(value) && value < 0 && !overflow);
    assert_true(cni_f64_parse("NaN", 3, &value, &overflow));
    assert_true(isnan(value) && !overflow);
    assert_true(cni_f64_parse("-1e309", 6, &value, &overflow));
    assert_true(isinf(value) && value < 0 && overflow);
    float narrow = 0;
    assert_true(cni_f32_parse("1e39", 4, &narrow, &overflow));
    assert_true(isinf(narrow) && overflow);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_texts),
        cmocka_unit_test(test_half_floats),
        cmocka_unit_test(test_random_doubles),
        cmocka_unit_test(test_random_floats),
        cmocka_unit_test(test_parse_agrees_with_the_library),
        cmocka_unit_test(test_parse_half_way),
        cmocka_unit_test(test_parse_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
