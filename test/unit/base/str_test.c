/* SPDX-License-Identifier: Apache-2.0
 *
 * Borrowed strings, UTF-8 validation against a decoder of its own, and the string builder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/str.h"

static void
test_nocase_agrees_with_tolower(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            const char left[9] = {'x', 'y', 'z', '1', '2', '3', '4', '5', (char)a};
            const char right[9] = {'X', 'Y', 'Z', '1', '2', '3', '4', '5', (char)b};
            const bool same = (a < 128 ? tolower(a) : a) == (b < 128 ? tolower(b) : b);
            const cni_str l = {left, 9};
            const cni_str r = {right, 9};
            assert_int_equal(cni_str_eq_nocase(l, r), same);
            if (same) {
                assert_true(cni_str_hash_nocase(l) == cni_str_hash_nocase(r));
            }
        }
    }
    assert_true(cni_str_eq_nocase((cni_str){NULL, 0}, CNI_STR("")));
    assert_false(cni_str_eq_nocase(CNI_STR("a"), CNI_STR("ab")));
}

static void
test_hash_sees_length_and_content(void **state)
{
    (void)state;
    assert_true(cni_str_hash(CNI_STR("a")) != cni_str_hash(CNI_STR("a\0")));
    assert_true(cni_str_hash(CNI_STR("")) != cni_str_hash(CNI_STR("\0")));
    assert_true(cni_str_hash(CNI_STR("abcdefghi")) != cni_str_hash(CNI_STR("abcdefghj")));
    assert_true(cni_str_hash(CNI_STR("A")) != cni_str_hash(CNI_STR("a")));
    assert_true(cni_str_hash(CNI_STR("abc")) == cni_str_hash(cni_str_of("abc")));
    assert_int_equal(cni_str_of(NULL).len_bytes, 0);
}

static void
test_compare_and_affixes(void **state)
{
    (void)state;
    assert_true(cni_str_compare(CNI_STR("a"), CNI_STR("b")) < 0);
    assert_true(cni_str_compare(CNI_STR("ab"), CNI_STR("a")) > 0);
    assert_true(cni_str_compare(CNI_STR("\xFF"), CNI_STR("a")) > 0);
    assert_int_equal(cni_str_compare((cni_str){NULL, 0}, CNI_STR("")), 0);
    assert_true(cni_str_starts_with(CNI_STR("abc"), CNI_STR("ab")));
    assert_false(cni_str_starts_with(CNI_STR("a"), CNI_STR("ab")));
    assert_true(cni_str_ends_with(CNI_STR("abc"), CNI_STR("bc")));
    assert_false(cni_str_ends_with(CNI_STR("abc"), CNI_STR("ab")));
    assert_true(cni_str_ends_with((cni_str){NULL, 0}, CNI_STR("")));
    assert_true(cni_str_starts_with((cni_str){NULL, 0}, CNI_STR("")));
}

/* RFC 3629 by decoding: the number of bytes of a well-formed sequence, else 0. */
static int64_t
reference_sequence(const uint8_t *bytes, int64_t n_bytes)
{
    static const uint32_t min[5] = {0, 0, 0x80, 0x800, 0x10000};
    const int64_t length = bytes[0] < 0x80           ? 1
                           : (bytes[0] >> 5) == 0x06 ? 2
                           : (bytes[0] >> 4) == 0x0E ? 3
                           : (bytes[0] >> 3) == 0x1E ? 4
                                                     : 0;
    if (length <= 1 || length > n_bytes) {
        return length == 1 ? 1 : 0;
    }
    uint32_t value = bytes[0] & (0x7FU >> length);
    for (int64_t at = 1; at < length; at++) {
        if ((bytes[at] >> 6) != 2) {
            return 0;
        }
        value = (value << 6) | (bytes[at] & 0x3FU);
    }
    const bool surrogate = value >= 0xD800 && value < 0xE000;
    return value >= min[length] && value <= 0x10FFFF && !surrogate ? length : 0;
}

static int64_t
reference_invalid(const uint8_t *bytes, int64_t n_bytes)
{
    int64_t at = 0;
    while (at < n_bytes) {
        const int64_t length = reference_sequence(bytes + at, n_bytes - at);
        if (length == 0) {
            return at;
        }
        at += length;
    }
    return -1;
}

static void
check_utf8(const uint8_t *bytes, int64_t n_bytes)
{
    uint8_t *exact = malloc(n_bytes == 0 ? 1 : (size_t)n_bytes);
    assert_non_null(exact);
    memcpy(exact, bytes, (size_t)n_bytes);
    assert_int_equal(cni_utf8_find_invalid((const char *)exact, n_bytes),
                     reference_invalid(exact, n_bytes));
    free(exact);
}

static void
test_utf8_leads_and_seconds(void **state)
{
    (void)state;
    static const uint8_t tails[] = {0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0};
    for (int lead = 0; lead < 256; lead++) {
        for (int second = 0; second < 256; second++) {
            for (size_t third = 0; third < sizeof(tails); third++) {
                const uint8_t bytes[5] = {(uint8_t)lead, (uint8_t)second, tails[third], 0xBF, 'x'};
                for (int64_t n_bytes = 1; n_bytes <= 5; n_bytes++) {
                    check_utf8(bytes, n_bytes);
                }
            }
        }
    }
}

static void
test_utf8_long_text(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                         "plain ascii of more than thirty-two bytes in a row "};
    uint64_t seed = 7;
    uint8_t text[600];
    for (int round = 0; round < 3000; round++) {
        int64_t length = 0;
        while (length < 400) {
            seed = seed * UINT64_C(6364136223846793005) + 1;
            const char *piece = pieces[(seed >> 33) % 5];
            memcpy(text + length, piece, strlen(piece));
            length += (int64_t)strlen(piece);
        }
        check_utf8(text, length);
        seed = seed * UINT64_C(6364136223846793005) + 1;
        text[(seed >> 33) % (uint64_t)length] = (uint8_t)(seed >> 50);
        check_utf8(text, length);
        check_utf8(text, length - 1);
    }
}

static void
test_strbuf_grows_to_its_maximum(void **state)
{
    (void)state;
    cni_strbuf text;
    cni_strbuf_init(&text, cni_allocator_system(), 1000);
    assert_int_equal(cni_strbuf_view(&text).len_bytes, 0);
    assert_string_equal(cni_strbuf_view(&text).data, "");
    for (int at = 0; at < 1000; at++) {
        assert_int_equal(cni_strbuf_append_char(&text, (char)('a' + at % 26), NULL), CN_OK);
    }
    cn_error err = CN_ERROR_INIT;
    assert_int_equal(cni_strbuf_append_char(&text, '!', &err), CN_LIMIT_EXCEEDED);
    assert_string_equal(err.message, "text is longer than 1000 bytes");
    assert_int_equal(cni_strbuf_printf(&text, &err, "%d", 1), CN_LIMIT_EXCEEDED);
    assert_int_equal(cni_strbuf_append(&text, (cni_str){"", 0}, &err), CN_OK);
    assert_int_equal(strlen(text.data), 1000);
    assert_int_equal(text.data[999], 'a' + 999 % 26);
    cni_strbuf_reset(&text);
    assert_string_equal(cni_strbuf_view(&text).data, "");
    for (int width = 250; width < 260; width++) {
        cni_strbuf_reset(&text);
        assert_int_equal(cni_strbuf_append(&text, CNI_STR("<"), NULL), CN_OK);
        assert_int_equal(cni_strbuf_printf(&text, NULL, "%*d", width, 7), CN_OK);
        assert_int_equal(text.len_bytes, width + 1);
        assert_int_equal(strlen(text.data), (size_t)width + 1);
    }
    cni_strbuf_done(&text);
    cni_strbuf_done(&text);
}

static void
test_strbuf_survives_refusal(void **state)
{
    (void)state;
    cni_fault fault = {0};
    cni_allocator *allocator = NULL;
    assert_int_equal(cni_fault_allocator_new(cni_allocator_system(), &fault, &allocator, NULL),
                     CN_OK);
    cni_counter_set(&fault.fail_at[CNI_FAULT_ALLOC], 2);
    cni_strbuf text;
    cni_strbuf_init(&text, allocator, 10000);
    assert_int_equal(cni_strbuf_printf(&text, NULL, "%s", "kept"), CN_OK);
    assert_int_equal(cni_strbuf_printf(&text, NULL, "%500d", 1), CN_NO_MEMORY);
    assert_string_equal(text.data, "kept");
    cni_strbuf_done(&text);
    cni_allocator_unref(allocator);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nocase_agrees_with_tolower),
        cmocka_unit_test(test_hash_sees_length_and_content),
        cmocka_unit_test(test_compare_and_affixes),
        cmocka_unit_test(test_utf8_leads_and_seconds),
        cmocka_unit_test(test_utf8_long_text),
        cmocka_unit_test(test_strbuf_grows_to_its_maximum),
        cmocka_unit_test(test_strbuf_survives_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
