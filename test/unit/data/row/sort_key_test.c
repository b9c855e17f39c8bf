/* SPDX-License-Identifier: Apache-2.0
 *
 * Normalized keys: for every type, direction and placement of nulls, memcmp of two keys orders rows
 * as a comparison of the values does; fixed and variable forms agree; golden bytes of version 1.
 */
#include "data/row/sort_key.h"
#include "unit/data/kernel/ops_check.h"

enum {
    ROWS = 120
};

typedef struct key_column {
    const cni_type *type;
    cni_vector vector;
} key_column;

/* Random rows of a type: few distinct values, edges included. */
static key_column
make_column(const cni_type *type, check_random *random)
{
    static const char text[] = "a\0b\0\0ab\377ba\0\377xabcabcabcabcabcabc";
    _Alignas(16) static uint8_t items[ROWS * 32];
    bool valid[ROWS];
    const cni_phys phys = cni_type_phys(type);
    const int64_t item = phys == CNI_PHYS_BIT ? 1 : cni_phys_bytes(phys, type);
    const double doubles[] = {
        0.0,   -0.0, 1.5, -1.5, 1e300, -1e300, __builtin_nan(""), __builtin_inf(), -__builtin_inf(),
        1e-300};
    for (int row = 0; row < ROWS; row++) {
        uint8_t *out = items + row * item;
        const uint64_t bits = check_next(random);
        valid[row] = bits % 6 != 0;
        const cni_view view = cni_view_make(text + (bits >> 8) % 12, (uint32_t)((bits >> 16) % 16));
        const cni_interval interval = {(int32_t)(bits >> 8 & 1), (int32_t)(bits >> 9 & 63) - 31,
                                       (int64_t)(bits >> 20 & 3) - 1};
        const double number = doubles[(bits >> 8) % 10];
        const float single = (float)number;
        switch (phys) {
        case CNI_PHYS_BIT:
            ((bool *)items)[row] = (bits >> 8 & 1) != 0;
            break;
        case CNI_PHYS_VIEW:
            memcpy(out, &view, sizeof(view));
            break;
        case CNI_PHYS_INTERVAL:
            memcpy(out, &interval, sizeof(interval));
            break;
        case CNI_PHYS_F64:
            memcpy(out, &number, sizeof(number));
            break;
        case CNI_PHYS_F32:
            memcpy(out, &single, sizeof(single));
            break;
        default: /* little-endian integers: bytes 0, FF, 01, 80 in few places */
            for (int64_t byte = 0; byte < item; byte++) {
                const uint8_t edges[] = {0, 0xFF, 1, 0x80};
                out[byte] = edges[(bits >> (8 + byte % 20 * 2)) & 3];
            }
            break;
        }
    }
    return (key_column){type, ops_vector(type, phys, items, valid, ROWS)};
}

static int
expected_order(const cni_sort_spec *spec, const cni_vector *vector, int64_t a, int64_t b)
{
    const bool valid_a = ops_valid(vector, a);
    const bool valid_b = ops_valid(vector, b);
    if (!valid_a || !valid_b) {
        return valid_a == valid_b ? 0 : valid_a == spec->nulls_first ? 1 : -1;
    }
    const int order = cni_row_order(vector, a, vector, b);
    return spec->descending ? -order : order;
}

static int
sign(int order)
{
    return order < 0 ? -1 : order > 0;
}

static void
check_keys(const cni_sort_spec *specs, const cni_vector *const *keys, int32_t n_specs)
{
    cn_error err = CN_ERROR_INIT;
    cni_buffer *buffer = NULL;
    int64_t len_bytes = 0;
    int64_t offsets[ROWS + 1];
    /* Twice, so that appending behind others is covered. */
    for (int turn = 0; turn < 2; turn++) {
        ops_ok(cni_sort_key_encode(cni_allocator_system(), specs, keys, n_specs, ROWS, &buffer,
                                   &len_bytes, offsets, &err),
               &err);
    }
    assert_int_equal(offsets[ROWS], len_bytes);
    const int32_t fixed_bytes = cni_sort_key_fixed_bytes(specs, n_specs);
    const int32_t stride = fixed_bytes < 0 ? 8 : fixed_bytes + 3;
    uint8_t *fixed = check_block(stride * ROWS, 0);
    if (fixed_bytes >= 0) {
        ops_ok(cni_sort_key_encode_fixed(cni_allocator_system(), specs, keys, n_specs, ROWS, stride,
                                         fixed, &err),
               &err);
    }
    for (int64_t a = 0; a < ROWS; a++) {
        for (int64_t b = 0; b < ROWS; b++) {
            int expected = 0;
            for (int32_t key = 0; key < n_specs && expected == 0; key++) {
                expected = expected_order(&specs[key], keys[key], a, b);
            }
            const int64_t len_a = offsets[a + 1] - offsets[a];
            const int64_t len_b = offsets[b + 1] - offsets[b];
            const int order =
                cni_str_compare((cni_str){(const char *)buffer->data + offsets[a], len_a},
                                (cni_str){(const char *)buffer->data + offsets[b], len_b});
            assert_int_equal(sign(order), sign(expected));
            if (fixed_bytes >= 0) {
                const int of_fixed = memcmp(fixed + a * stride, fixed + b * stride, (size_t)stride);
                assert_int_equal(sign(of_fixed), sign(expected));
            }
        }
    }
    check_free(fixed, 0);
    cni_buffer_unref(buffer);
}

static void
check_directions(const cni_type *const *types, int32_t n_types, check_random *random)
{
    key_column columns[3];
    const cni_vector *keys[3];
    for (int32_t key = 0; key < n_types; key++) {
        columns[key] = make_column(types[key], random);
        keys[key] = &columns[key].vector;
    }
    for (int direction = 0; direction < 4; direction++) {
        cni_sort_spec specs[3];
        for (int32_t key = 0; key < n_types; key++) {
            specs[key] = (cni_sort_spec){types[key], ((direction + key) & 1) != 0,
                                         (direction & 2) != 0, true};
        }
        check_keys(specs, keys, n_types);
    }
    for (int32_t key = 0; key < n_types; key++) {
        cni_vector_done(&columns[key].vector);
    }
}

static void
types(void **state)
{
    (void)state;
    check_random random = {41};
    const cni_type fixed = {.id = CNI_TYPE_FIXED_BINARY, .width = 3};
    const cni_type *all[] = {cni_type_of(CNI_TYPE_BOOL),
                             cni_type_of(CNI_TYPE_INT8),
                             cni_type_of(CNI_TYPE_INT16),
                             cni_type_of(CNI_TYPE_INT32),
                             cni_type_of(CNI_TYPE_INT64),
                             cni_type_of(CNI_TYPE_UINT8),
                             cni_type_of(CNI_TYPE_UINT16),
                             cni_type_of(CNI_TYPE_UINT32),
                             cni_type_of(CNI_TYPE_UINT64),
                             cni_type_of(CNI_TYPE_HUGEINT),
                             cni_type_of(CNI_TYPE_FLOAT32),
                             cni_type_of(CNI_TYPE_FLOAT64),
                             cni_type_of(CNI_TYPE_FLOAT16),
                             cni_type_of(CNI_TYPE_VARCHAR),
                             cni_type_of(CNI_TYPE_DATE),
                             cni_type_of(CNI_TYPE_INTERVAL),
                             cni_type_decimal(12, 2),
                             cni_type_decimal(30, 2),
                             &fixed};
    for (size_t type = 0; type < sizeof(all) / sizeof(all[0]); type++) {
        check_directions(&all[type], 1, &random);
    }
    const cni_type *three[] = {all[13], all[3], all[13]};
    check_directions(three, 3, &random);
    const cni_type *numbers[] = {all[0], all[11], all[4]};
    check_directions(numbers, 3, &random);
}

static void
golden_bytes(void **state)
{
    (void)state;
    assert_int_equal(CNI_SORT_KEY_VERSION, 1);
    cn_error err = CN_ERROR_INIT;
    const int32_t items[] = {-2, 5};
    const bool valid[] = {true, false};
    cni_vector vector = ops_vector(cni_type_of(CNI_TYPE_INT32), CNI_PHYS_I32, items, valid, 2);
    const cni_vector *key = &vector;
    const cni_sort_spec spec = {vector.type, true, false, true};
    uint8_t out[16];
    ops_ok(cni_sort_key_encode_fixed(cni_allocator_system(), &spec, &key, 1, 2, 8, out, &err),
           &err);
    const uint8_t expected[] = {0, 0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
    assert_memory_equal(out, expected, sizeof(expected));
    const char *texts[] = {"a", NULL};
    cni_vector strings = ops_strings(texts, 2);
    const cni_vector *text = &strings;
    const cni_sort_spec by_text = {strings.type, false, true, true};
    cni_buffer *buffer = NULL;
    int64_t len_bytes = 0;
    int64_t offsets[3];
    ops_ok(cni_sort_key_encode(cni_allocator_system(), &by_text, &text, 1, 2, &buffer, &len_bytes,
                               offsets, &err),
           &err);
    const uint8_t expected_text[] = {1, 'a', 0, 0, 0};
    assert_int_equal(len_bytes, 5);
    assert_memory_equal(buffer->data, expected_text, sizeof(expected_text));
    cni_buffer_unref(buffer);
    cni_vector_done(&strings);
    cni_vector_done(&vector);
}

/* A DECIMAL of more than 18 digits in either layout gives the same 16 bytes. */
static void
decimal_layouts_agree(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    const int64_t narrow[] = {-7, INT64_MAX};
    const cni_i128 wide[] = {-7, INT64_MAX};
    const cni_type *type = cni_type_decimal(20, 0);
    cni_vector a = ops_vector(type, CNI_PHYS_I64, narrow, NULL, 2);
    cni_vector b = ops_vector(type, CNI_PHYS_I128, wide, NULL, 2);
    const cni_sort_spec spec = {type, false, false, false};
    assert_int_equal(cni_sort_key_fixed_bytes(&spec, 1), 16);
    uint8_t out[2][32];
    const cni_vector *keys[] = {&a, &b};
    for (int side = 0; side < 2; side++) {
        ops_ok(cni_sort_key_encode_fixed(cni_allocator_system(), &spec, &keys[side], 1, 2, 16,
                                         out[side], &err),
               &err);
    }
    assert_memory_equal(out[0], out[1], 32);
    cni_vector_done(&a);
    cni_vector_done(&b);
}

/* Lists: a prefix comes first, null items last, nested strings with zeros inside. */
static void
lists(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    cni_arena *arena = NULL;
    ops_ok(cni_arena_new(cni_allocator_system(), "test", &arena, &err), &err);
    const cni_type *type;
    ops_ok(cni_type_list(arena, cni_type_of(CNI_TYPE_VARCHAR), &type, &err), &err);
    const char *texts[] = {"a", NULL, "ab", "b", "a", "a"};
    const cni_list_entry entries[] = {{0, 0}, {0, 1}, {0, 2}, {2, 1}, {3, 3}, {4, 2}};
    cni_nested *nested = NULL;
    ops_ok(cni_nested_new(cni_allocator_system(), 1, &nested, &err), &err);
    nested->children[0] = ops_strings(texts, 6);
    cni_vector vector = {.type = type,
                         .encoding = CNI_FLAT,
                         .phys = CNI_PHYS_LIST,
                         .n_rows = 6,
                         .data = entries,
                         .nested = nested};
    const cni_vector *key = &vector;
    for (int descending = 0; descending < 2; descending++) {
        const cni_sort_spec spec = {type, descending != 0, false, true};
        assert_int_equal(cni_sort_key_fixed_bytes(&spec, 1), -1);
        cni_buffer *buffer = NULL;
        int64_t len_bytes = 0;
        int64_t offsets[7];
        ops_ok(cni_sort_key_encode(cni_allocator_system(), &spec, &key, 1, 6, &buffer, &len_bytes,
                                   offsets, &err),
               &err);
        for (int a = 0; a < 6; a++) {
            for (int b = 0; b < 6; b++) {
                const cni_str x = {(const char *)buffer->data + offsets[a],
                                   offsets[a + 1] - offsets[a]};
                const cni_str y = {(const char *)buffer->data + offsets[b],
                                   offsets[b + 1] - offsets[b]};
                const int order = cni_row_order(&vector, a, &vector, b);
                assert_int_equal(sign(cni_str_compare(x, y)), sign(descending ? -order : order));
            }
        }
        cni_buffer_unref(buffer);
    }
    cni_vector_done(&vector);
    cni_arena_unref(arena);
}

static void
sequences_and_constants(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    const cni_type *type = cni_type_of(CNI_TYPE_INT64);
    const cni_vector sequence = {.type = type,
                                 .encoding = CNI_SEQUENCE,
                                 .phys = CNI_PHYS_I64,
                                 .n_rows = 3,
                                 .sequence_start = 1,
                                 .sequence_step = -1};
    const cni_vector *key = &sequence;
    const cni_sort_spec spec = {type, false, false, false};
    uint8_t fixed[24];
    ops_ok(cni_sort_key_encode_fixed(cni_allocator_system(), &spec, &key, 1, 3, 8, fixed, &err),
           &err);
    cni_buffer *buffer = NULL;
    int64_t len_bytes = 0;
    int64_t offsets[4];
    ops_ok(cni_sort_key_encode(cni_allocator_system(), &spec, &key, 1, 3, &buffer, &len_bytes,
                               offsets, &err),
           &err);
    assert_int_equal(len_bytes, 24);
    assert_memory_equal(buffer->data, fixed, 24);
    assert_true(memcmp(fixed, fixed + 8, 8) > 0);
    cni_buffer_unref(buffer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types),
        cmocka_unit_test(golden_bytes),
        cmocka_unit_test(decimal_layouts_agree),
        cmocka_unit_test(lists),
        cmocka_unit_test(sequences_and_constants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
