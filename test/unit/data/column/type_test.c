/* SPDX-License-Identifier: Apache-2.0
 *
 * Types: constants, names, equality, copies, layouts, the limit on nesting.
 */
#include "vector_fixture.h"

static void
assert_name(cni_arena *arena, const cni_type *type, const char *expected)
{
    cni_str name = {0};
    assert_ok(cni_type_name(arena, type, &name, err));
    assert_int_equal(name.len_bytes, strlen(expected));
    assert_string_equal(name.data, expected);
}

static void
test_names(void **state)
{
    (void)state;
    fixture_types types = {0};
    assert_ok(cni_arena_new(cni_allocator_system(), "test", &types.arena, err));
    const cni_type *integer = cni_type_of(CNI_TYPE_INT32);
    const cni_type *list = fixture_add_list(&types, integer);
    assert_name(types.arena, integer, "INTEGER");
    assert_name(types.arena, cni_type_decimal(15, 2), "DECIMAL(15,2)");
    assert_name(types.arena, cni_type_timestamptz(), "TIMESTAMP WITH TIME ZONE");
    assert_name(types.arena, cni_type_timestamp(CNI_UNIT_NS), "TIMESTAMP_NS");
    assert_name(types.arena, fixture_add_list(&types, list), "INTEGER[][]");
    assert_name(types.arena, fixture_add_struct(&types, integer, list),
                "STRUCT(a INTEGER, b INTEGER[])");
    assert_name(types.arena, fixture_add_map(&types, integer, list), "MAP(INTEGER, INTEGER[])");
    const cni_field odd[] = {{.name = CNI_STR("My \"x\""), .type = integer}};
    const cni_type *record = NULL;
    assert_ok(cni_type_struct(types.arena, odd, 1, &record, err));
    assert_name(types.arena, record, "STRUCT(\"My \"\"x\"\"\" INTEGER)");
    const cni_field item = {.type = integer};
    const cni_type array = {.id = CNI_TYPE_ARRAY, .width = 3, .n_children = 1, .children = &item};
    assert_name(types.arena, &array, "INTEGER[3]");
    fixture_types_done(&types);
}

static void
test_copy_equals_only_itself(void **state)
{
    (void)state;
    fixture_types types;
    fixture_types_init(&types);
    cni_arena *arena = NULL;
    assert_ok(cni_arena_new(cni_allocator_system(), "copy", &arena, err));
    const cni_type *copies[FIXTURE_TYPES_MAX];
    for (int32_t at = 0; at < types.n_types; at++) {
        assert_ok(cni_type_copy(arena, types.types[at], &copies[at], err));
    }
    for (int32_t a = 0; a < types.n_types; a++) {
        for (int32_t b = 0; b < types.n_types; b++) {
            const bool same = cni_type_equal(types.types[a], types.types[b]);
            assert_int_equal(cni_type_equal(copies[a], types.types[b]), same);
            if (a == b) {
                assert_true(same);
            }
        }
    }
    fixture_types_done(&types); /* copies do not point into it */
    cni_str name = {0};
    for (int32_t at = 0; at < types.n_types; at++) {
        assert_ok(cni_type_name(arena, copies[at], &name, err));
    }
    assert_ptr_equal(copies[0], cni_type_of(CNI_TYPE_NULL));
    cni_arena_unref(arena);
}

static void
test_constants(void **state)
{
    (void)state;
    for (int32_t precision = 1; precision <= 38; precision++) {
        for (int32_t scale = 0; scale <= precision; scale++) {
            const cni_type *type = cni_type_decimal(precision, scale);
            assert_int_equal(type->id, CNI_TYPE_DECIMAL);
            assert_int_equal(type->precision, precision);
            assert_int_equal(type->scale, scale);
            assert_int_equal(cni_type_phys(type), precision <= 18 ? CNI_PHYS_I64 : CNI_PHYS_I128);
        }
    }
    assert_null(cni_type_of(CNI_TYPE_DECIMAL));
    assert_null(cni_type_of(CNI_TYPE_STRUCT));
    assert_int_equal(cni_type_of(CNI_TYPE_TIME)->unit, CNI_UNIT_US);
    assert_ptr_equal(cni_type_timestamp(CNI_UNIT_US), cni_type_of(CNI_TYPE_TIMESTAMP));
    assert_false(cni_type_equal(cni_type_timestamptz(), cni_type_of(CNI_TYPE_TIMESTAMP)));
    assert_false(cni_type_equal(cni_type_timestamp(CNI_UNIT_S), cni_type_timestamp(CNI_UNIT_NS)));
    assert_true(cni_type_is_integer(cni_type_of(CNI_TYPE_HUGEINT)));
    assert_false(cni_type_is_integer(cni_type_decimal(3, 0)));
    assert_true(cni_type_is_numeric(cni_type_decimal(3, 0)));
    assert_false(cni_type_is_numeric(cni_type_of(CNI_TYPE_BOOL)));
    assert_true(cni_type_is_float(cni_type_of(CNI_TYPE_FLOAT16)));
    assert_int_equal(cni_phys_bytes(CNI_PHYS_I256, NULL), 32);
}

static void
test_nesting_is_limited(void **state)
{
    (void)state;
    cni_arena *arena = NULL;
    cn_error error = CN_ERROR_INIT;
    assert_ok(cni_arena_new(cni_allocator_system(), "test", &arena, err));
    const cni_type *type = cni_type_of(CNI_TYPE_INT32);
    for (int32_t level = 1; level < CNI_TYPE_DEPTH_MAX; level++) {
        assert_ok(cni_type_list(arena, type, &type, err));
    }
    assert_int_equal(cni_type_depth(type), CNI_TYPE_DEPTH_MAX);
    assert_int_equal(cni_type_list(arena, type, &type, &error), CN_LIMIT_EXCEEDED);
    const cni_field field = {.name = CNI_STR("f"), .type = type};
    assert_int_equal(cni_type_struct(arena, &field, 1, &type, &error), CN_LIMIT_EXCEEDED);
    cni_arena_unref(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_copy_equals_only_itself),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_nesting_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
