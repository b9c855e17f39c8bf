/* SPDX-License-Identifier: Apache-2.0
 *
 * Joins against a naive reference: every kind, with and without residual, null-aware or not, over
 * every key type, several keys, encodings, chunk sizes and workers; that the table is the one that
 * the keys call for; and that each allocation may fail.
 */
#include "unit/exec/join/join_fixture.h"

static void
test_random(void **state)
{
    (void)state;
    const char *wanted = getenv("JOIN_SEED");
    const uint64_t first = wanted == NULL ? 1 : strtoull(wanted, NULL, 10);
    const char *count = getenv("JOIN_CASES");
    const uint64_t n = wanted != NULL ? 1 : count == NULL ? 4000 : strtoull(count, NULL, 10);
    for (uint64_t seed = first; seed < first + n; seed++) {
        const join_case test = join_random_case(seed);
        (void)join_check_case(&test, NULL);
    }
}

/* Each kind over each type, a few hundred rows. */
static void
test_types(void **state)
{
    (void)state;
    for (int32_t type = 0; type < JOIN_TYPE_COUNT_; type++) {
        for (int64_t kind = 0; kind < CN_ARRAY_LEN(join_all_kinds); kind++) {
            join_case test = {
                .kind = join_all_kinds[kind],
                .n_keys = 1,
                .types = {(join_type)type},
                .residual = (type + kind) % 2 == 0,
                .null_aware = join_may_be_aware(join_all_kinds[kind]) && type % 3 == 0,
                .n_numbers = type == JOIN_BOOL ? 2 : 90,
                .build_unique = kind == 9 && type != JOIN_BOOL,
                .n_build = 90,
                .n_probe = 300,
                .n_workers = 2,
                .chunk_rows = 2048,
                .push_rows = 37,
                .null_percent = 5,
                .seed = (uint64_t)type,
            };
            (void)join_check_case(&test, NULL);
        }
    }
}

static void
assert_strategy(join_type type, int32_t n_keys, cni_phys_join_kind kind, const char *strategy)
{
    join_case test = {.kind = kind,
                      .n_keys = n_keys,
                      .types = {type, JOIN_I64, JOIN_I64},
                      .n_numbers = 50,
                      .n_build = 50,
                      .n_probe = 100,
                      .n_workers = 1,
                      .chunk_rows = 64,
                      .seed = 5};
    int64_t unique = 0;
    assert_string_equal(join_check_case(&test, &unique), strategy);
    if (n_keys == 1) {
        assert_int_equal(unique, kind == CNI_PHYS_JOIN_PROBE_SEMI ? 1 : 0);
    }
    test.build_unique = true;
    assert_string_equal(join_check_case(&test, &unique), strategy);
    assert_int_equal(unique, 1);
}

static void
test_strategies(void **state)
{
    (void)state;
    assert_strategy(JOIN_I64, 1, CNI_PHYS_JOIN_INNER, "dense");
    assert_strategy(JOIN_I32, 1, CNI_PHYS_JOIN_PROBE_SEMI, "dense");
    assert_strategy(JOIN_I64, 3, CNI_PHYS_JOIN_INNER, "dense");
    assert_strategy(JOIN_DECIMAL_WIDE, 1, CNI_PHYS_JOIN_INNER, "dense");
    assert_strategy(JOIN_U64, 1, CNI_PHYS_JOIN_INNER, "dense");
    assert_strategy(JOIN_I64_APART, 1, CNI_PHYS_JOIN_INNER, "inline");
    assert_strategy(JOIN_I64_APART, 1, CNI_PHYS_JOIN_PROBE_SEMI, "inline");
    assert_strategy(JOIN_I64_SPREAD, 1, CNI_PHYS_JOIN_INNER, "inline");
    assert_strategy(JOIN_I64_SPREAD, 3, CNI_PHYS_JOIN_INNER, "hashed");
    assert_strategy(JOIN_F64, 1, CNI_PHYS_JOIN_INNER, "inline");
    assert_strategy(JOIN_TEXT, 1, CNI_PHYS_JOIN_INNER, "hashed");
    assert_strategy(JOIN_DECIMAL_HUGE, 1, CNI_PHYS_JOIN_INNER, "hashed");
    assert_strategy(JOIN_I64, 0, CNI_PHYS_JOIN_INNER, "blocks");
}

/* Many rows: partitions side by side, more than one block per piece, heavy duplicates. */
static void
test_partitions(void **state)
{
    (void)state;
    static const join_type types[] = {JOIN_I32, JOIN_I64_APART, JOIN_I64_SPREAD, JOIN_LONG_TEXT};
    for (int64_t at = 0; at < CN_ARRAY_LEN(types); at++) {
        for (int32_t unique = 0; unique < 2; unique++) {
            join_case test = {
                .kind = unique != 0 ? CNI_PHYS_JOIN_FULL : CNI_PHYS_JOIN_INNER,
                .n_keys = 1,
                .types = {types[at]},
                .n_numbers = 20000,
                .build_unique = unique != 0,
                .n_build = 20000,
                .n_probe = 300,
                .n_workers = 3,
                .chunk_rows = 2048,
                .push_rows = 2048,
                .null_percent = 1,
                .seed = (uint64_t)at,
            };
            (void)join_check_case(&test, NULL);
        }
    }
}

/* Two partitions, all rows in one of them, which has no room for them. */
static void
test_overfull(void **state)
{
    (void)state;
    const join_case test = {.kind = CNI_PHYS_JOIN_FULL,
                            .n_keys = 1,
                            .types = {JOIN_I64_SKEWED},
                            .n_numbers = 32700,
                            .build_unique = true,
                            .n_build = 32700,
                            .n_probe = 100,
                            .n_workers = 2,
                            .chunk_rows = 2048,
                            .seed = 9};
    int64_t unique = 0;
    assert_string_equal(join_check_case(&test, &unique), "inline");
    assert_int_equal(unique, 1);
}

/* One probe row with more matches than fit in many chunks. */
static void
test_fan_out(void **state)
{
    (void)state;
    for (int32_t residual = 0; residual < 2; residual++) {
        for (int64_t kind = 0; kind < CN_ARRAY_LEN(join_all_kinds) - 1; kind++) {
            join_case test = {.kind = join_all_kinds[kind],
                              .residual = residual != 0,
                              .n_keys = 1,
                              .types = {JOIN_I64},
                              .n_numbers = 2,
                              .n_build = 3000,
                              .n_probe = 5,
                              .n_workers = 2,
                              .chunk_rows = 64,
                              .seed = 3};
            (void)join_check_case(&test, NULL);
            test.types[0] = JOIN_TEXT;
            (void)join_check_case(&test, NULL);
            test.n_keys = 0;
            (void)join_check_case(&test, NULL);
        }
    }
}

static void
test_key_filters(void **state)
{
    (void)state;
    static const join_type types[] = {JOIN_I64, JOIN_I64_SPREAD, JOIN_F64, JOIN_LONG_TEXT,
                                      JOIN_DATE};
    for (int64_t at = 0; at < CN_ARRAY_LEN(types); at++) {
        for (int64_t n_build = 0; n_build <= 3000; n_build += 300) {
            const join_case test = {.kind = CNI_PHYS_JOIN_INNER,
                                    .n_keys = 2,
                                    .types = {types[at], JOIN_I32},
                                    .n_numbers = 4000,
                                    .n_build = n_build,
                                    .n_probe = 200,
                                    .n_workers = 2,
                                    .chunk_rows = 256,
                                    .null_percent = 3,
                                    .filters = true,
                                    .seed = (uint64_t)n_build + 1};
            (void)join_check_case(&test, NULL);
        }
    }
}

/* One run with an allocation that fails, or a small budget; true when nothing was refused. */
static bool
run_refused(const join_case *test, join_side *build, join_side *probe, run_settings settings)
{
    cni_strbuf got;
    join_run run;
    text_begin(&got);
    const cn_code code = join_engine(&run, test, build, probe, settings, &got);
    if (code != CN_OK && code != CN_BUDGET_EXCEEDED && code != CN_NO_MEMORY &&
        code != CN_INVALID_DATA) {
        fail_msg("code %d: %s", (int)code, run.run.err.message);
    }
    plan_run_end(&run.run);
    cni_strbuf_done(&got);
    return code == CN_OK || code == CN_INVALID_DATA;
}

static void
test_faults(void **state)
{
    (void)state;
    for (uint64_t seed = 40; seed < 70; seed++) {
        join_case test = join_random_case(seed);
        test.n_workers = 1;
        test.n_build = 30;
        test.n_probe = 20;
        test.chunk_rows = 16;
        test.push_rows = 0;
        test.filters = seed % 3 == 0;
        uint64_t random = seed;
        join_side build;
        join_side probe;
        join_side_begin(&build, &test, test.n_build, 'b', &random);
        join_side_begin(&probe, &test, test.n_probe, 'p', &random);
        bool done = false;
        for (int64_t fail_at = 1; !done; fail_at++) {
            cni_fault fault = {0};
            fault.fail_at[CNI_FAULT_ALLOC] = fail_at;
            done = run_refused(&test, &build, &probe, (run_settings){.fault = &fault});
            assert_true(fail_at < 100000);
        }
        for (int64_t limit = 1; limit < 600; limit += 37) {
            (void)run_refused(&test, &build, &probe, (run_settings){.memory_limit = limit * 8192});
        }
        join_side_end(&build);
        join_side_end(&probe);
    }
}

static void
test_cancel(void **state)
{
    (void)state;
    join_case test = {.kind = CNI_PHYS_JOIN_INNER,
                      .n_keys = 1,
                      .types = {JOIN_I64},
                      .n_numbers = 1,
                      .n_build = 1000,
                      .n_probe = 1000,
                      .n_workers = 1,
                      .chunk_rows = 64,
                      .seed = 3};
    uint64_t seed = 1;
    join_side build;
    join_side probe;
    join_run run;
    cni_strbuf got;
    text_begin(&got);
    join_side_begin(&build, &test, test.n_build, 'b', &seed);
    join_side_begin(&probe, &test, test.n_probe, 'p', &seed);
    memset(&run, 0, sizeof(run));
    plan_run_begin(&run.run, (run_settings){.chunk_rows = 64});
    run.test = &test;
    run.sides[0] = &build;
    run.sides[1] = &probe;
    join_make_spec(&run);
    run.env = (cni_operator_env){.context = &run.run.context, .n_workers = 1};
    RUN_OK(&run.run,
           cni_join_build_operator_new(&run.spec, &run.env, NULL, &run.build, &run.run.err));
    assert_int_equal(join_phase(&run, 0, &got), CN_OK);
    assert_int_equal(join_phase(&run, 2, &got), CN_OK);
    RUN_OK(&run.run,
           cni_join_probe_operator_new(&run.spec, &run.env, run.build, &run.probe, &run.run.err));
    cni_context_cancel(&run.run.context);
    assert_int_equal(join_phase(&run, 1, &got), CN_CANCELLED);
    cni_operator_close(run.probe);
    cni_operator_close(run.build);
    plan_run_end(&run.run);
    join_side_end(&build);
    join_side_end(&probe);
    cni_strbuf_done(&got);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),     cmocka_unit_test(test_types),
        cmocka_unit_test(test_strategies), cmocka_unit_test(test_partitions),
        cmocka_unit_test(test_fan_out),    cmocka_unit_test(test_faults),
        cmocka_unit_test(test_cancel),     cmocka_unit_test(test_key_filters),
        cmocka_unit_test(test_overfull),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
