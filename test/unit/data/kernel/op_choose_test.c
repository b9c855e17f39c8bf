/* SPDX-License-Identifier: Apache-2.0
 *
 * CASE by bitmaps: each row takes the first input whose bit is set, over every layout, constants,
 * nulls, mixed DECIMAL layouts and nested types.
 */
#include "unit/data/kernel/ops_check.h"

enum {
    ROWS = 200,
    INPUTS = 4,
    WORDS = (ROWS + 63) / 64
};

static void
check_choice(const cni_vector *const *values, const uint64_t *const *bits, int32_t n_inputs)
{
    const cni_op_env env = ops_env(ROWS);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    /* The second time into used buffers. */
    for (int turn = 0; turn < 2; turn++) {
        ops_ok(cni_op_choose(&env, bits, values, n_inputs, &result, &err), &err);
        ops_ok(cni_vector_validate(&result, &err), &err);
        assert_int_equal(result.n_rows, ROWS);
        for (int64_t row = 0; row < ROWS; row++) {
            int32_t taken = 0;
            while (taken < n_inputs - 1 && !check_bit(bits[taken], row)) {
                taken++;
            }
            assert_int_equal(cni_row_order(&result, row, values[taken], row), 0);
            assert_int_equal(ops_valid(&result, row), ops_valid(values[taken], row));
        }
    }
    cni_vector_done(&result);
}

static void
check_type(const cni_type *type, const void *const *items, const cni_phys *phys,
           const uint64_t *const *bits, bool has_constant)
{
    check_random random = {59};
    bool valid[ROWS];
    cni_vector vectors[INPUTS];
    const cni_vector *values[INPUTS];
    for (int input = 0; input < INPUTS; input++) {
        for (int row = 0; row < ROWS; row++) {
            valid[row] = check_next(&random) % 4 != 0;
        }
        vectors[input] =
            has_constant && input % 2 == 1
                ? ops_constant(type, phys[input], items[input], input == 3, ROWS)
                : ops_vector(type, phys[input], items[input], input == 0 ? NULL : valid, ROWS);
        values[input] = &vectors[input];
    }
    for (int32_t n_inputs = 1; n_inputs <= INPUTS; n_inputs++) {
        check_choice(values, bits, n_inputs);
    }
    for (int input = 0; input < INPUTS; input++) {
        cni_vector_done(&vectors[input]);
    }
}

static void
layouts(void **state)
{
    (void)state;
    check_random random = {61};
    static const char text[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    static uint64_t numbers[INPUTS][2 * ROWS];
    static cni_view views[INPUTS][ROWS];
    static bool truth[INPUTS][ROWS];
    uint64_t *bits[INPUTS];
    const void *items[INPUTS];
    for (int input = 0; input < INPUTS; input++) {
        bits[input] = check_bits(&random, ROWS, input == 0 ? 5 : 2);
        for (int row = 0; row < ROWS; row++) {
            numbers[input][2 * row] = check_next(&random);
            numbers[input][2 * row + 1] = check_next(&random) & 0xFF;
            views[input][row] = cni_view_make(text + check_next(&random) % 26,
                                              (uint32_t)(check_next(&random) % 20));
            truth[input][row] = check_next(&random) % 2 != 0;
        }
        items[input] = numbers[input];
    }
    const uint64_t *const words[] = {bits[0], bits[1], bits[2]};
    const cni_type_id ids[] = {CNI_TYPE_INT8,  CNI_TYPE_INT16,   CNI_TYPE_INT32,
                               CNI_TYPE_INT64, CNI_TYPE_HUGEINT, CNI_TYPE_FLOAT64};
    for (int has_constant = 0; has_constant < 2; has_constant++) {
        for (size_t id = 0; id < sizeof(ids) / sizeof(ids[0]); id++) {
            const cni_phys phys = cni_type_phys(cni_type_of(ids[id]));
            const cni_phys same[] = {phys, phys, phys, phys};
            check_type(cni_type_of(ids[id]), items, same, words, has_constant != 0);
        }
        const cni_phys wide = CNI_PHYS_I128;
        const cni_phys mixed[] = {CNI_PHYS_I64, wide, CNI_PHYS_I64, wide};
        check_type(cni_type_decimal(38, 2), items, mixed, words, has_constant != 0);
        const cni_type fixed = {.id = CNI_TYPE_FIXED_BINARY, .width = 7};
        const cni_phys fixes[] = {CNI_PHYS_FIXED, CNI_PHYS_FIXED, CNI_PHYS_FIXED, CNI_PHYS_FIXED};
        check_type(&fixed, items, fixes, words, has_constant != 0);
        const void *truths[] = {truth[0], truth[1], truth[2], truth[3]};
        const cni_phys one_bit[] = {CNI_PHYS_BIT, CNI_PHYS_BIT, CNI_PHYS_BIT, CNI_PHYS_BIT};
        check_type(cni_type_of(CNI_TYPE_BOOL), truths, one_bit, words, has_constant != 0);
        const void *texts[] = {views[0], views[1], views[2], views[3]};
        const cni_phys view[] = {CNI_PHYS_VIEW, CNI_PHYS_VIEW, CNI_PHYS_VIEW, CNI_PHYS_VIEW};
        check_type(cni_type_of(CNI_TYPE_VARCHAR), texts, view, words, has_constant != 0);
    }
    for (int input = 0; input < INPUTS; input++) {
        check_free(bits[input], 0);
    }
}

/* A long string of a constant stays alive through the result's heap. */
static void
heaps_are_shared(void **state)
{
    (void)state;
    const cni_view text = cni_view_make("a string that is longer than twelve bytes", 41);
    const cni_view other = cni_view_make("another string beyond twelve bytes, too", 39);
    const cni_type *type = cni_type_of(CNI_TYPE_VARCHAR);
    cni_vector a = ops_constant(type, CNI_PHYS_VIEW, &text, false, ROWS);
    cni_vector b = ops_constant(type, CNI_PHYS_VIEW, &other, false, ROWS);
    cni_vector null = ops_constant(cni_type_of(CNI_TYPE_NULL), CNI_PHYS_NONE, NULL, true, ROWS);
    const uint64_t bits[] = {5, 0, 0, 0};
    const uint64_t more[] = {6, 0, 0, 0};
    const uint64_t *const words[] = {bits, more};
    const cni_vector *values[] = {&a, &null, &b};
    const cni_op_env env = ops_env(ROWS);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_choose(&env, words, values, 3, &result, &err), &err);
    cni_vector_done(&a);
    cni_vector_done(&b);
    cni_vector_done(&null);
    ops_expect_text(&result, 0, "a string that is longer than twelve bytes");
    ops_expect_text(&result, 1, "NULL");
    ops_expect_text(&result, 2, "a string that is longer than twelve bytes");
    ops_expect_text(&result, 3, "another string beyond twelve bytes, too");
    cni_vector_done(&result);
}

static void
nested_values(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    cni_arena *arena = NULL;
    ops_ok(cni_arena_new(cni_allocator_system(), "test", &arena, &err), &err);
    const cni_type *type;
    ops_ok(cni_type_list(arena, cni_type_of(CNI_TYPE_INT32), &type, &err), &err);
    int32_t items[ROWS];
    cni_list_entry entries[ROWS];
    for (int row = 0; row < ROWS; row++) {
        items[row] = row;
        entries[row] = (cni_list_entry){row, row % 2};
    }
    cni_nested *children = NULL;
    ops_ok(cni_nested_new(cni_allocator_system(), 1, &children, &err), &err);
    children->children[0] =
        ops_vector(cni_type_of(CNI_TYPE_INT32), CNI_PHYS_I32, items, NULL, ROWS);
    cni_vector list = {.type = type,
                       .encoding = CNI_FLAT,
                       .phys = CNI_PHYS_LIST,
                       .n_rows = ROWS,
                       .data = entries,
                       .nested = children};
    cni_vector null = ops_constant(type, CNI_PHYS_LIST, NULL, true, ROWS);
    check_random random = {67};
    uint64_t *bits = check_bits(&random, ROWS, 2);
    const uint64_t *const words[] = {bits};
    const cni_vector *values[] = {&list, &null};
    check_choice(values, words, 2);
    check_free(bits, 0);
    cni_vector_done(&list);
    cni_vector_done(&null);
    cni_arena_unref(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts),
        cmocka_unit_test(heaps_are_shared),
        cmocka_unit_test(nested_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
