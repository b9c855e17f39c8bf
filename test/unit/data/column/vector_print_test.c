/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of every type as text.
 */
#include "vector_fixture.h"

#define ALLOCATOR cni_allocator_system()

static void
assert_prints(const cni_vector *vector, int64_t row, const char *expected)
{
    cni_strbuf text;
    cni_strbuf_init(&text, ALLOCATOR, 1 << 20);
    const cni_str got = fixture_text(&text, vector, row);
    if (!cni_str_eq(got, cni_str_of(expected))) {
        fail_msg("printed %.*s, expected %s", CNI_STR_ARGS(got), expected);
    }
    cni_strbuf_done(&text);
}

/* A constant of the type with the value's bytes. */
static void
assert_value(const cni_type *type, const void *value, const char *expected)
{
    cni_vector vector = {0};
    assert_ok(
        cni_vector_new_constant(ALLOCATOR, type, cni_type_phys(type), value, 3, &vector, err));
    fixture_assert_valid(&vector);
    assert_prints(&vector, 2, expected);
    cni_vector_done(&vector);
}

static void
test_numbers(void **state)
{
    (void)state;
    assert_value(cni_type_of(CNI_TYPE_BOOL), &(bool){true}, "true");
    assert_value(cni_type_of(CNI_TYPE_BOOL), &(bool){false}, "false");
    assert_value(cni_type_of(CNI_TYPE_INT8), &(int8_t){-128}, "-128");
    assert_value(cni_type_of(CNI_TYPE_INT16), &(int16_t){-300}, "-300");
    assert_value(cni_type_of(CNI_TYPE_INT64), &(int64_t){INT64_MIN}, "-9223372036854775808");
    assert_value(cni_type_of(CNI_TYPE_UINT8), &(uint8_t){255}, "255");
    assert_value(cni_type_of(CNI_TYPE_UINT64), &(uint64_t){UINT64_MAX}, "18446744073709551615");
    assert_value(cni_type_of(CNI_TYPE_HUGEINT), &(cni_i128){CNI_I128_MIN},
                 "-170141183460469231731687303715884105728");
    assert_value(cni_type_of(CNI_TYPE_FLOAT32), &(float){0.1F}, "0.1");
    assert_value(cni_type_of(CNI_TYPE_FLOAT64), &(double){1e20}, "1e+20");
    assert_value(cni_type_of(CNI_TYPE_FLOAT16), &(uint16_t){0x3C00}, "1.0");
}

static void
test_decimals(void **state)
{
    (void)state;
    assert_value(cni_type_decimal(9, 2), &(int64_t){150}, "1.50");
    assert_value(cni_type_decimal(9, 2), &(int64_t){-5}, "-0.05");
    assert_value(cni_type_decimal(9, 0), &(int64_t){-5}, "-5");
    assert_value(cni_type_decimal(38, 38), &(cni_i128){-1},
                 "-0.00000000000000000000000000000000000001");
    const cni_type wide = {.id = CNI_TYPE_DECIMAL, .precision = 76, .scale = 1};
    const uint64_t lowest[4] = {0, 0, 0, UINT64_C(1) << 63};
    assert_value(&wide, lowest,
                 "-5789604461865809771178549250434395392663499233282028201972879200395656481996.8");
    const cni_type hundreds = {.id = CNI_TYPE_DECIMAL, .precision = 5, .scale = -2};
    assert_value(&hundreds, &(int64_t){-12}, "-1200");
    assert_value(&hundreds, &(int64_t){0}, "0");
    const cni_type tiny = {.id = CNI_TYPE_DECIMAL, .precision = 2, .scale = 5};
    assert_value(&tiny, &(int64_t){12}, "0.00012");
}

static void
test_times(void **state)
{
    (void)state;
    assert_value(cni_type_of(CNI_TYPE_DATE), &(int32_t){10561}, "1998-12-01");
    assert_value(cni_type_of(CNI_TYPE_DATE_MS), &(int64_t){INT64_C(912470400000)}, "1998-12-01");
    assert_value(cni_type_of(CNI_TYPE_DATE_MS), &(int64_t){INT64_C(912470400001)},
                 "1998-12-01 00:00:00.001");
    assert_value(cni_type_of(CNI_TYPE_TIME), &(int64_t){1500000}, "00:00:01.5");
    const cni_type time_ms = {.id = CNI_TYPE_TIME, .unit = CNI_UNIT_MS};
    assert_value(&time_ms, &(int32_t){1500}, "00:00:01.5");
    assert_value(cni_type_of(CNI_TYPE_TIMESTAMP), &(int64_t){INT64_C(912506400000000)},
                 "1998-12-01 10:00:00");
    assert_value(cni_type_timestamptz(), &(int64_t){INT64_C(912506400000001)},
                 "1998-12-01 10:00:00.000001+00");
    assert_value(cni_type_of(CNI_TYPE_DURATION), &(int64_t){-1}, "-00:00:00.000001");
    const cni_interval interval = {.months = 14, .days = 3, .nanos = INT64_C(14706000000000)};
    assert_value(cni_type_of(CNI_TYPE_INTERVAL), &interval, "1 year 2 months 3 days 04:05:06");
}

static void
test_bytes(void **state)
{
    (void)state;
    const cni_view text = cni_view_make("it's a \"long\" text", 18);
    assert_value(cni_type_of(CNI_TYPE_VARCHAR), &text, "it's a \"long\" text");
    const cni_view blob = cni_view_make("a\\'\x00\xFF~", 6);
    assert_value(cni_type_of(CNI_TYPE_BLOB), &blob, "a\\x5C\\x27\\x00\\xFF~");
    const cni_type fixed = {.id = CNI_TYPE_FIXED_BINARY, .width = 3};
    assert_value(&fixed, "a\nb", "a\\x0Ab");
    const cni_type uuid = {
        .id = CNI_TYPE_FIXED_BINARY, .width = 16, .extension_name = CNI_STR("arrow.uuid")};
    const uint8_t bytes[16] = {0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3,
                               0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00};
    assert_value(&uuid, bytes, "123e4567-e89b-12d3-a456-426614174000");
}

/* INTEGER 0, 1, 2 ... with row 1 null. */
static void
make_integers(int64_t n_rows, cni_vector *out)
{
    assert_ok(cni_vector_new_flat(ALLOCATOR, cni_type_of(CNI_TYPE_INT32), CNI_PHYS_I32, n_rows,
                                  true, out, err));
    for (int64_t row = 0; row < n_rows; row++) {
        ((int32_t *)cni_vector_mutable_data(out))[row] = (int32_t)row;
    }
    cni_bit_clear(cni_vector_mutable_validity(out), 1);
}

static void
make_nested(const cni_type *type, int64_t n_rows, int64_t n_items, cni_vector *out)
{
    *out = (cni_vector){.type = type, .phys = (uint8_t)cni_type_phys(type), .n_rows = n_rows};
    assert_ok(cni_nested_new(ALLOCATOR, type->n_children, &out->nested, err));
    for (int32_t child = 0; child < type->n_children; child++) {
        if (cni_type_is_nested(type->children[child].type)) {
            make_nested(type->children[child].type, n_items, n_items,
                        &out->nested->children[child]);
        } else {
            make_integers(n_items, &out->nested->children[child]);
        }
    }
}

static void
test_nested(void **state)
{
    (void)state;
    fixture_types types = {0};
    assert_ok(cni_arena_new(ALLOCATOR, "test", &types.arena, err));
    const cni_type *integer = cni_type_of(CNI_TYPE_INT32);
    const cni_list_entry entries[] = {{0, 3}, {3, 0}};
    const cni_type *list = fixture_add_list(&types, integer);
    cni_vector vector = {0};
    make_nested(list, 2, 4, &vector);
    vector.data = entries;
    assert_prints(&vector, 0, "[0, NULL, 2]");
    assert_prints(&vector, 1, "[]");
    cni_vector_done(&vector);
    make_nested(fixture_add_struct(&types, integer, integer), 3, 4, &vector);
    assert_prints(&vector, 2, "{'a': 2, 'b': 2}");
    assert_prints(&vector, 1, "{'a': NULL, 'b': NULL}");
    vector.validity = (cni_bits){(const uint8_t *)"\x05", 0};
    assert_prints(&vector, 1, "NULL");
    cni_vector slice = {0};
    cni_vector_slice(&slice, &vector, 2, 1);
    assert_prints(&slice, 0, "{'a': 2, 'b': 2}");
    cni_vector_done(&slice);
    cni_vector_done(&vector);
    make_nested(fixture_add_map(&types, integer, integer), 2, 4, &vector);
    const cni_list_entry pairs[] = {{2, 2}, {0, 0}};
    vector.data = pairs;
    assert_prints(&vector, 0, "{2=2, 3=3}");
    assert_prints(&vector, 1, "{}");
    cni_vector_done(&vector);
    make_nested(fixture_add_union(&types, false, integer, integer), 3, 3, &vector);
    vector.data = "\x07\x03\x03";
    assert_prints(&vector, 1, "NULL");
    assert_prints(&vector, 2, "2");
    cni_vector_done(&vector);
    const cni_field quoted = {.name = CNI_STR("it's"), .type = integer};
    const cni_type *record = NULL;
    assert_ok(cni_type_struct(types.arena, &quoted, 1, &record, err));
    make_nested(record, 1, 2, &vector);
    assert_prints(&vector, 0, "{'it''s': 0}");
    cni_vector_done(&vector);
    fixture_types_done(&types);
}

static void
test_text_limit_is_an_error(void **state)
{
    (void)state;
    cni_vector vector = {0};
    cni_strbuf text;
    cn_error error = CN_ERROR_INIT;
    assert_ok(cni_vector_new_constant(ALLOCATOR, cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64,
                                      &(int64_t){INT64_MIN}, 1, &vector, err));
    cni_strbuf_init(&text, ALLOCATOR, 5);
    assert_int_equal(cni_vector_print(&vector, 0, &text, &error), CN_LIMIT_EXCEEDED);
    cni_strbuf_done(&text);
    cni_vector_done(&vector);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_times),   cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_nested),  cmocka_unit_test(test_text_limit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
