/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts of LIKE and starts_with: bounds against every short string over a small alphabet.
 */
#include "plan/stats/stats.h"
#include "unit/plan/plan_fixture.h"

#define N_STRINGS 85 /* over "", a, b, c, d up to three letters */

static cni_str strings[N_STRINGS];
static char letters[N_STRINGS][4];

/* In bytewise order. */
static void
make_strings(void)
{
    int32_t at = 0;
    for (int32_t code = 0; code < 125; code++) { /* digits to the base 5, 0 = no letter */
        const int32_t digits[3] = {code / 25, code / 5 % 5, code % 5};
        if ((digits[0] == 0 && code > 0) || (digits[1] == 0 && digits[2] != 0)) {
            continue;
        }
        int32_t n = 0;
        for (; n < 3 && digits[n] != 0; n++) {
            letters[at][n] = (char)('a' + digits[n] - 1);
        }
        strings[at] = (cni_str){letters[at], n};
        at++;
    }
    assert_int_equal(at, N_STRINGS);
}

static cni_verdict
verdict_of(const cni_expr *filter, cni_str low, cni_str high, int64_t n_nulls)
{
    const cni_type *type = cni_type_of(CNI_TYPE_VARCHAR);
    const cni_column_stats stats = {.bounds_mark = CNI_STAT_CLAIMED,
                                    .low = {.type = type, .as.bytes = low},
                                    .high = {.type = type, .as.bytes = high},
                                    .nulls_mark = CNI_STAT_CLAIMED,
                                    .n_nulls = n_nulls};
    const cni_column_stats *const columns[] = {&stats};
    const cni_slot_of_table slot = {3, 0};
    return cni_prune(filter, columns, &slot, 1, 10);
}

static bool
matches(fixture *f, const cni_expr *filter, cni_str text)
{
    const cni_value value = {.type = cni_type_of(CNI_TYPE_VARCHAR), .as.bytes = text};
    const cni_expr *literal = NULL;
    const cni_expr *args[2] = {NULL, filter->args[1]};
    const cni_expr *call = NULL;
    cni_value result;
    assert_cn_ok(f, cni_expr_literal(f->arena, &value, &literal, &f->err));
    args[0] = literal;
    assert_cn_ok(f, cni_expr_with_args(f->arena, filter, args, &call, &f->err));
    assert_cn_ok(f, cni_expr_evaluate(f->arena, call, &f->context, &result, &f->err));
    return result.as.boolean;
}

static void
check_filter(fixture *f, const char *name, const char *pattern)
{
    bool hits[N_STRINGS];
    int32_t n_never = 0;
    const cni_expr *filter = fixture_call(
        f, name, fixture_column(f, 3, cni_type_of(CNI_TYPE_VARCHAR)), fixture_literal(f, pattern));
    for (int32_t at = 0; at < N_STRINGS; at++) {
        hits[at] = matches(f, filter, strings[at]);
    }
    for (int32_t low = 0; low < N_STRINGS; low++) {
        bool any = false;
        for (int32_t high = low; high < N_STRINGS; high++) {
            any = any || hits[high];
            const cni_verdict verdict = verdict_of(filter, strings[low], strings[high], 1);
            assert_true(verdict != CNI_VERDICT_ALWAYS);
            assert_false(any && verdict == CNI_VERDICT_NEVER);
            n_never += verdict == CNI_VERDICT_NEVER;
        }
    }
    const bool has_prefix = pattern[1] != '%' && pattern[1] != '_' && pattern[1] != '\'';
    assert_true(has_prefix == (n_never > 0));
}

static void
test_prefixes(void **state)
{
    static const char *const patterns[] = {"'b%'",  "'bc%'",   "'b_'",    "'%b'", "'_b%'", "''",
                                           "'bcd'", "'b\\c%'", "'bb%a%'", "'d%'", "'a%'"};
    fixture *f = *state;
    make_strings();
    for (size_t at = 0; at < sizeof(patterns) / sizeof(patterns[0]); at++) {
        check_filter(f, "like", patterns[at]);
    }
    check_filter(f, "starts_with", "'bc'");
    check_filter(f, "starts_with", "''");
    const cni_expr *column = fixture_column(f, 3, cni_type_of(CNI_TYPE_VARCHAR));
    const cni_expr *nocase = fixture_call(f, "ilike", column, fixture_literal(f, "'b%'"));
    assert_int_equal(verdict_of(nocase, CNI_STR("x"), CNI_STR("y"), 0), CNI_VERDICT_MAYBE);
    assert_int_equal(verdict_of(nocase, CNI_STR("x"), CNI_STR("y"), 10), CNI_VERDICT_MAYBE);
    const cni_expr *like = fixture_call(f, "like", column, fixture_literal(f, "'b%'"));
    assert_int_equal(verdict_of(like, CNI_STR("a"), CNI_STR("y"), 10), CNI_VERDICT_NEVER);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_prefixes, fixture_open, fixture_close)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
