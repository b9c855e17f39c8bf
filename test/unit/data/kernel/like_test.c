/* SPDX-License-Identifier: Apache-2.0
 *
 * LIKE and ILIKE against a recursive reference over random patterns and texts with multi-byte
 * characters; escapes, prefixes, vectors with nulls.
 */
#include "unit/data/kernel/ops_check.h"

static int64_t
char_len(const char *text)
{
    const uint8_t lead = (uint8_t)*text;
    return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* Wildcards by definition; `escape` 0 = none. */
static bool
reference(const char *pattern, const char *text, char escape)
{
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (escape != 0 && *pattern == escape) {
        const int64_t n = char_len(pattern + 1);
        return strncmp(text, pattern + 1, (size_t)n) == 0 &&
               reference(pattern + 1 + n, text + n, escape);
    }
    if (*pattern == '%') {
        for (const char *at = text;; at += char_len(at)) {
            if (reference(pattern + 1, at, escape)) {
                return true;
            }
            if (*at == '\0') {
                return false;
            }
        }
    }
    if (*text == '\0') {
        return false;
    }
    const int64_t n = char_len(text);
    if (*pattern == '_') {
        return reference(pattern + 1, text + n, escape);
    }
    return strncmp(pattern, text, (size_t)n) == 0 && reference(pattern + n, text + n, escape);
}

static void
random_text(check_random *random, bool is_pattern, char *out)
{
    static const char *const pieces[] = {"a", "b", "ab", "\xC3\xA4", "\xE2\x82\xAC", "%", "_", "%"};
    const int n = (int)(check_next(random) % (is_pattern ? 6 : 9));
    out[0] = '\0';
    for (int piece = 0; piece < n; piece++) {
        (void)strcat(out, pieces[check_next(random) % (is_pattern ? 8 : 5)]);
    }
}

static bool
matches(const char *pattern, const char *text, const char *escape, bool nocase)
{
    cn_error err = CN_ERROR_INIT;
    cni_arena *arena = NULL;
    ops_ok(cni_arena_new(cni_allocator_system(), "test", &arena, &err), &err);
    cni_like *like;
    ops_ok(cni_like_new(arena, cni_str_of(pattern), cni_str_of(escape), nocase, &like, &err), &err);
    const int64_t n = (int64_t)strlen(text);
    char *exact = check_block(n, 0); /* an over-read shows */
    memcpy(exact, text, (size_t)n);
    const bool result = cni_like_match(like, (cni_str){exact, n});
    const cni_str prefix = cni_like_prefix(like);
    assert_true(!result || cni_str_starts_with(cni_str_of(text), prefix));
    check_free(exact, 0);
    cni_arena_unref(arena);
    return result;
}

static void
random_patterns(void **state)
{
    (void)state;
    check_random random = {47};
    char pattern[64];
    char text[64];
    int n_matches = 0;
    for (int turn = 0; turn < 60000; turn++) {
        random_text(&random, true, pattern);
        random_text(&random, false, text);
        const bool expected = reference(pattern, text, 0);
        n_matches += expected;
        if (matches(pattern, text, NULL, false) != expected) {
            print_error("'%s' LIKE '%s'\n", text, pattern);
        }
        assert_int_equal(matches(pattern, text, NULL, false), expected);
        assert_int_equal(matches(pattern, text, NULL, true), expected);
    }
    assert_in_range(n_matches, 3000, 50000);
}

static void
escapes(void **state)
{
    (void)state;
    assert_true(matches("100!%", "100%", "!", false));
    assert_false(matches("100!%", "1000", "!", false));
    assert_true(matches("a!_c", "a_c", "!", false));
    assert_false(matches("a!_c", "abc", "!", false));
    assert_true(matches("!!%", "!x", "!", false));
    assert_true(matches("a\\", "a\\", "", false)); /* no escape */
    assert_true(matches("\xC3\xA4%%", "%", "\xC3\xA4", false));
    cn_error err = CN_ERROR_INIT;
    cni_arena *arena = NULL;
    ops_ok(cni_arena_new(cni_allocator_system(), "test", &arena, &err), &err);
    cni_like *like;
    ops_fails(cni_like_new(arena, CNI_STR("a!"), CNI_STR("!"), false, &like, &err), &err,
              CN_INVALID_DATA, "22025", "must not end with the escape character");
    ops_fails(cni_like_new(arena, CNI_STR("a"), CNI_STR("ab"), false, &like, &err), &err,
              CN_INVALID_DATA, "22019", "escape must be one character");
    ops_ok(cni_like_new(arena, CNI_STR("ab!%c_d%"), CNI_STR("!"), false, &like, &err), &err);
    assert_true(cni_str_eq(cni_like_prefix(like), CNI_STR("ab%c")));
    cni_arena_unref(arena);
}

static void
ignoring_case(void **state)
{
    (void)state;
    assert_true(matches("STRA_E", "strase", NULL, true));
    assert_true(matches("%\xC3\x84rger%",
                        "gro\xC3\x9F"
                        "er \xC3\xA4RGER",
                        NULL, true));
    assert_false(matches("%\xC3\x84rger", "Arger", NULL, true));
    assert_false(matches("%\xC3\x84rger%",
                         "gro\xC3\x9F"
                         "er \xC3\xA4RGER",
                         NULL, false));
    assert_true(matches("a_c",
                        "A\xFF"
                        "C",
                        NULL, true)); /* a damaged byte is a character */
}

/* Two segments may not share bytes; many percents do not explode. */
static void
corner_cases(void **state)
{
    (void)state;
    assert_false(matches("ab%ba", "aba", NULL, false));
    assert_true(matches("ab%ba", "abba", NULL, false));
    assert_true(matches("", "", NULL, false));
    assert_false(matches("", "a", NULL, false));
    assert_true(matches("%%%", "", NULL, false));
    assert_false(matches("_", "", NULL, false));
    char text[5001];
    memset(text, 'a', 5000);
    text[5000] = '\0';
    assert_false(matches("%a%a%a%a%a%a%a%a%a%a%a%a%b", text, NULL, false));
    assert_false(matches("%a%a%a%a%a%a%a%a%a%a%a%a%b", text, NULL, true));
}

static void
over_vectors(void **state)
{
    (void)state;
    const char *texts[] = {
        "special requests", NULL, "spec", "no", "the special packages requests are", "", "SPECIAL"};
    cn_error err = CN_ERROR_INIT;
    cni_arena *arena = NULL;
    ops_ok(cni_arena_new(cni_allocator_system(), "test", &arena, &err), &err);
    cni_vector v = ops_strings(texts, 7);
    const char *patterns[] = {"spec%", "%special%requests%", "sp%", "spec", "%", "%s", "s%l%s"};
    const int expected[7][7] = {{1, -1, 1, 0, 0, 0, 0}, {1, -1, 0, 0, 0, 0, 0},
                                {1, -1, 1, 0, 0, 0, 0}, {0, -1, 1, 0, 0, 0, 0},
                                {1, -1, 1, 1, 1, 1, 1}, {1, -1, 0, 0, 0, 0, 0},
                                {1, -1, 0, 0, 0, 0, 0}};
    const cni_op_env env = ops_env(7);
    cni_vector result = {0};
    for (int pattern = 0; pattern < 7; pattern++) {
        cni_like *like;
        ops_ok(cni_like_new(arena, cni_str_of(patterns[pattern]), (cni_str){NULL, 0}, false, &like,
                            &err),
               &err);
        for (int negated = 0; negated < 2; negated++) {
            ops_ok(cni_op_like(&env, like, negated != 0, &v, &result, &err), &err);
            for (int row = 0; row < 7; row++) {
                int want = expected[pattern][row];
                if (pattern == 1 && row == 4) {
                    want = 1;
                }
                want = want == -1 || negated == 0 ? want : !want;
                assert_int_equal(ops_truth(&result, row), want);
            }
        }
    }
    cni_vector_done(&result);
    cni_vector_done(&v);
    cni_arena_unref(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_patterns), cmocka_unit_test(escapes),
        cmocka_unit_test(ignoring_case),   cmocka_unit_test(corner_cases),
        cmocka_unit_test(over_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
