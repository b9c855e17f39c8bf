/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins that do not fit: every kind against the naive reference, with everything written at every
 * chance (test_spill) and with small budgets; one key larger than memory, megabyte strings, sides
 * without rows; and each allocation, write and read failing in turn.
 */
#include "unit/exec/join/join_fixture.h"

static void
test_random(void **state)
{
    (void)state;
    const char *wanted = getenv("JOIN_SEED");
    const uint64_t first = wanted == NULL ? 1 : strtoull(wanted, NULL, 10);
    const char *count = getenv("JOIN_CASES");
    const uint64_t n = wanted != NULL ? 1 : count == NULL ? 500 : strtoull(count, NULL, 10);
    for (uint64_t seed = first; seed < first + n; seed++) {
        join_case test = join_random_case(seed);
        test.spills = true;
        test.filters = test.kind == CNI_PHYS_JOIN_INNER && !test.null_equal[0] &&
                       !test.null_equal[1] && !test.null_equal[2];
        (void)join_check_case(&test, NULL);
    }
}

/* ---- every kind, alone and combined ---- */

typedef struct spilled {
    int64_t n_parts;
    int64_t n_levels;
    int64_t n_passes;
} spilled;

/* With everything in memory, and as the case says. */
static spilled
check_spilled(const join_case *test)
{
    char text[512];
    uint64_t seed = test->seed * 77 + 1;
    join_side build;
    join_side probe;
    join_run run;
    join_run plain;
    cni_strbuf got;
    cni_strbuf want;
    text_begin(&got);
    text_begin(&want);
    join_side_begin(&build, test, test->n_build, 'b', &seed);
    join_side_begin(&probe, test, test->n_probe, 'p', &seed);
    join_describe(test, text, sizeof(text));
    join_case in_memory = *test;
    in_memory.spills = false;
    in_memory.memory_limit = 0;
    const cn_code wanted =
        join_engine(&plain, &in_memory, &build, &probe, (run_settings){0}, &want);
    plan_run_end(&plain.run);
    const run_settings settings = {.memory_limit = test->memory_limit};
    const cn_code code = join_engine(&run, test, &build, &probe, settings, &got);
    if (code != wanted) {
        fail_msg("%s: %s", text, run.run.err.message);
    }
    if (code == CN_OK) {
        join_expect_same(text, &got, &want);
    }
    plan_run_end(&run.run);
    join_side_end(&build);
    join_side_end(&probe);
    cni_strbuf_done(&got);
    cni_strbuf_done(&want);
    return (spilled){run.n_spilled, run.n_levels, run.n_passes};
}

static void
test_kinds(void **state)
{
    (void)state;
    for (int64_t at = 0; at < CN_ARRAY_LEN(join_all_kinds); at++) {
        for (int32_t variant = 0; variant < 16; variant++) {
            join_case test = {
                .kind = join_all_kinds[at],
                .null_aware = join_may_be_aware(join_all_kinds[at]) && (variant & 1) != 0,
                .residual = (variant & 2) != 0,
                .n_keys = (variant & 4) != 0 ? 2 : 1,
                .types = {(variant & 8) != 0 ? JOIN_LONG_TEXT : JOIN_I64_SPREAD, JOIN_I32},
                .null_equal = {false, (variant & 1) != 0},
                .n_numbers = 200,
                .null_percent = 5,
                .n_build = 700,
                .n_probe = 500,
                .n_workers = variant % 3 == 0 ? 1 : 2,
                .chunk_rows = 128,
                .spills = true,
                .seed = (uint64_t)(at * 16 + variant),
            };
            test.build_unique = test.kind == CNI_PHYS_JOIN_SINGLE;
            const spilled seen = check_spilled(&test);
            assert_true(seen.n_parts > 0);
            test.n_probe = 0;
            (void)check_spilled(&test);
            test.n_probe = 50;
            test.n_build = 0;
            assert_int_equal(check_spilled(&test).n_parts, 0);
        }
    }
}

/* Partitions are divided again, and what cannot be is passed over. */
static void
test_levels(void **state)
{
    (void)state;
    join_case test = {.kind = CNI_PHYS_JOIN_FULL,
                      .n_keys = 1,
                      .types = {JOIN_I64_SPREAD},
                      .n_numbers = 3000,
                      .n_build = 4000,
                      .n_probe = 3000,
                      .n_workers = 2,
                      .chunk_rows = 256,
                      .spills = true,
                      .seed = 4};
    const spilled divided = check_spilled(&test);
    assert_true(divided.n_parts > 64);
    assert_int_equal(divided.n_levels, 2);
    test.n_numbers = 1; /* one key */
    test.n_build = 300;
    test.n_probe = 40;
    const spilled lone = check_spilled(&test);
    assert_true(lone.n_passes > 1);
    assert_int_equal(lone.n_levels, 1);
}

/* A budget that holds a part of the build only. */
static void
test_budgets(void **state)
{
    (void)state;
    static const join_type types[] = {JOIN_I64, JOIN_LONG_TEXT};
    for (int64_t at = 0; at < CN_ARRAY_LEN(join_all_kinds); at++) {
        for (int64_t type = 0; type < CN_ARRAY_LEN(types); type++) {
            const join_case test = {
                .kind = join_all_kinds[at],
                .null_aware = join_may_be_aware(join_all_kinds[at]),
                .n_keys = 1,
                .types = {types[type]},
                .n_numbers = 60000,
                .null_percent = 0,
                .build_unique = true,
                .n_build = 60000,
                .n_probe = 20000,
                .n_workers = 2,
                .chunk_rows = 2048,
                .memory_limit = INT64_C(6) << 20,
                .seed = (uint64_t)at,
            };
            const spilled seen = check_spilled(&test);
            if (test.kind != CNI_PHYS_JOIN_PROBE_SEMI && test.kind != CNI_PHYS_JOIN_PROBE_ANTI &&
                test.kind != CNI_PHYS_JOIN_MARK) {
                assert_true(seen.n_parts > 0);
            }
        }
    }
}

/* More rows of one key than memory holds, and no key at all. */
static void
test_passes(void **state)
{
    (void)state;
    for (int64_t at = 0; at < CN_ARRAY_LEN(join_all_kinds) - 1; at++) {
        join_case test = {
            .kind = join_all_kinds[at],
            .null_aware = join_may_be_aware(join_all_kinds[at]),
            .residual = true,
            .n_keys = 1,
            .types = {JOIN_I64},
            .n_numbers = 1,
            .n_build = 60000,
            .n_probe = 3,
            .n_workers = 2,
            .chunk_rows = 2048,
            .memory_limit = INT64_C(4) << 20,
            .seed = (uint64_t)at + 3,
        };
        const bool keeps_much = join_gives_pairs(test.kind);
        assert_true(check_spilled(&test).n_passes > 0 || !keeps_much);
        test.n_keys = 0;
        assert_true(check_spilled(&test).n_passes > 0 || !keeps_much);
        test.residual = false;
        assert_true(check_spilled(&test).n_passes > 0 || !keeps_much);
    }
}

/* Rows larger than any block. */
static void
test_long_strings(void **state)
{
    (void)state;
    const join_case test = {.kind = CNI_PHYS_JOIN_FULL,
                            .n_keys = 1,
                            .types = {JOIN_I64},
                            .n_numbers = 30,
                            .build_unique = true,
                            .n_build = 24,
                            .n_probe = 16,
                            .n_workers = 2,
                            .chunk_rows = 8,
                            .text_bytes = 1 << 20,
                            .spills = true,
                            .seed = 8};
    assert_true(check_spilled(&test).n_parts > 0);
}

/* ---- failures ---- */

/* One run that may fail; true when it did not. */
static bool
run_faulty(const join_case *test, join_side *build, join_side *probe, cni_fault *fault)
{
    cni_strbuf got;
    join_run run;
    text_begin(&got);
    const cn_code code =
        join_engine(&run, test, build, probe, (run_settings){.fault = fault}, &got);
    if (code != CN_OK && code != CN_BUDGET_EXCEEDED && code != CN_NO_MEMORY && code != CN_IO &&
        code != CN_INVALID_DATA) {
        fail_msg("code %d: %s", (int)code, run.run.err.message);
    }
    plan_run_end(&run.run);
    cni_strbuf_done(&got);
    return code == CN_OK || code == CN_INVALID_DATA;
}

static void
sweep(const join_case *test, cni_fault_kind kind)
{
    uint64_t random = test->seed;
    join_side build;
    join_side probe;
    join_side_begin(&build, test, test->n_build, 'b', &random);
    join_side_begin(&probe, test, test->n_probe, 'p', &random);
    bool done = false;
    for (int64_t fail_at = 1; !done; fail_at++) {
        cni_fault fault = {0};
        fault.fail_at[kind] = fail_at;
        done = run_faulty(test, &build, &probe, &fault);
        assert_true(fail_at < 100000);
    }
    join_side_end(&build);
    join_side_end(&probe);
}

static void
test_faults(void **state)
{
    (void)state;
    for (uint64_t seed = 40; seed < 52; seed++) {
        join_case test = join_random_case(seed);
        test.n_workers = 1;
        test.n_build = 12;
        test.n_probe = 8;
        test.chunk_rows = 16;
        test.push_rows = 0;
        test.spills = true;
        sweep(&test, CNI_FAULT_ALLOC);
        sweep(&test, CNI_FAULT_WRITE);
        sweep(&test, CNI_FAULT_READ);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),       cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_levels),       cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_passes),       cmocka_unit_test(test_faults),
        cmocka_unit_test(test_long_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
