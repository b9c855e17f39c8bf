/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparison and IS DISTINCT FROM of vectors: nulls, constants, live rows, every layout;
 * three-valued logic and IS NULL.
 */
#include "unit/data/kernel/ops_check.h"

#define N 200

typedef struct sample {
    const cni_type *type;
    cni_phys phys;
    int64_t item_bytes;
    uint8_t items[2][N * 16];
    bool is_valid[2][N];
} sample;

static int
order_i64(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static bool
holds(int order, int op)
{
    const bool expected[] = {order == 0, order != 0, order < 0, order <= 0, order > 0, order >= 0};
    return expected[op];
}

/* Order of rows of the sample, independent of the code under test. */
static int
sample_order(const sample *s, int64_t row_a, int64_t row_b)
{
    const uint8_t *a = s->items[0] + row_a * s->item_bytes;
    const uint8_t *b = s->items[1] + row_b * s->item_bytes;
    if (s->phys == CNI_PHYS_BIT) {
        return (int)((const bool *)s->items[0])[row_a] - (int)((const bool *)s->items[1])[row_b];
    }
    if (s->phys == CNI_PHYS_I32) {
        return order_i64(*(const int32_t *)(const void *)a, *(const int32_t *)(const void *)b);
    }
    if (s->phys == CNI_PHYS_I64) {
        return order_i64(*(const int64_t *)(const void *)a, *(const int64_t *)(const void *)b);
    }
    if (s->phys == CNI_PHYS_VIEW) {
        const cni_view *x = (const void *)a;
        const cni_view *y = (const void *)b;
        return cni_view_compare(x, y);
    }
    if (s->phys == CNI_PHYS_INTERVAL) {
        const cni_interval *x = (const void *)a;
        const cni_interval *y = (const void *)b;
        const int64_t day = INT64_C(86400000000000);
        return order_i64((x->months * INT64_C(30) + x->days) * day + x->nanos,
                         (y->months * INT64_C(30) + y->days) * day + y->nanos);
    }
    return memcmp(a, b, (size_t)s->item_bytes);
}

static void
make_item(sample *s, int side, int row, check_random *random)
{
    static const char text[] = "abcabcabdabcabcabcabdabc";
    uint8_t *item = s->items[side] + row * s->item_bytes;
    const uint64_t bits = check_next(random);
    s->is_valid[side][row] = bits % 5 != 0;
    const int32_t small = (int32_t)(bits >> 8 & 3) - 1;
    const int64_t wide = (int64_t)(bits >> 8 & 3) << 40;
    const cni_view view = cni_view_make(text + (bits >> 8) % 6, (uint32_t)((bits >> 16) % 17));
    const cni_interval interval = {(int32_t)(bits >> 8 & 1), (int32_t)((bits >> 9 & 1) * 30),
                                   (int64_t)(bits >> 10 & 1) * INT64_C(86400000000000)};
    switch (s->phys) {
    case CNI_PHYS_BIT:
        ((bool *)s->items[side])[row] = (bits >> 8 & 1) != 0;
        break;
    case CNI_PHYS_I32:
        memcpy(item, &small, 4);
        break;
    case CNI_PHYS_I64:
        memcpy(item, &wide, 8);
        break;
    case CNI_PHYS_VIEW:
        memcpy(item, &view, 16);
        if (!s->is_valid[side][row]) {
            memset(item, 0xEE, 16); /* must not be followed */
        }
        break;
    case CNI_PHYS_INTERVAL:
        memcpy(item, &interval, 16);
        break;
    default:
        for (int64_t byte = 0; byte < s->item_bytes; byte++) {
            item[byte] = (uint8_t)((bits >> (8 + byte) & 1) << 7);
        }
        break;
    }
}

static void
expect_rows(const sample *s, const cni_vector *result, bool a_one, bool b_one, int op, int distinct)
{
    for (int64_t row = 0; row < N; row++) {
        const int64_t at_a = a_one ? 0 : row;
        const int64_t at_b = b_one ? 0 : row;
        const bool valid_a = s->is_valid[0][at_a];
        const bool valid_b = s->is_valid[1][at_b];
        int expected = -1;
        if (valid_a && valid_b) {
            expected = holds(sample_order(s, at_a, at_b), op);
        } else if (distinct) {
            expected = (op == CNI_NE) == (valid_a != valid_b);
        }
        assert_int_equal(ops_truth(result, row), expected);
    }
}

static void
check_pair(const sample *s, const cni_vector *a, const cni_vector *b)
{
    const cni_op_env env = ops_env(N);
    const bool a_one = a->encoding == CNI_CONSTANT;
    const bool b_one = b->encoding == CNI_CONSTANT;
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    for (int op = 0; op < CNI_COMPARE_COUNT_; op++) {
        ops_ok(cni_op_compare(&env, (cni_compare_op)op, a, b, &result, &err), &err);
        assert_true(!(a_one && b_one) || result.encoding == CNI_CONSTANT);
        ops_ok(cni_vector_validate(&result, &err), &err);
        expect_rows(s, &result, a_one, b_one, op, false);
    }
    for (int negated = 0; negated < 2; negated++) {
        ops_ok(cni_op_distinct(&env, negated != 0, a, b, &result, &err), &err);
        ops_ok(cni_vector_validate(&result, &err), &err);
        expect_rows(s, &result, a_one, b_one, negated != 0 ? CNI_EQ : CNI_NE, true);
    }
    cni_vector_done(&result);
}

static void
check_type(const cni_type *type, int64_t item_bytes)
{
    static sample s;
    s = (sample){.type = type, .phys = cni_type_phys(type), .item_bytes = item_bytes};
    check_random random = {type->id};
    for (int row = 0; row < N; row++) {
        make_item(&s, 0, row, &random);
        make_item(&s, 1, row, &random);
    }
    s.is_valid[0][0] = true; /* of constants */
    make_item(&s, 0, 0, &(check_random){4});
    cni_vector sides[2];
    cni_vector ones[2];
    for (int side = 0; side < 2; side++) {
        sides[side] = ops_vector(type, s.phys, s.items[side], s.is_valid[side], N);
        ones[side] = ops_constant(type, s.phys, s.items[side], !s.is_valid[side][0], N);
    }
    check_pair(&s, &sides[0], &sides[1]);
    check_pair(&s, &ones[0], &sides[1]);
    check_pair(&s, &sides[0], &ones[1]);
    check_pair(&s, &ones[0], &ones[1]);
    for (int side = 0; side < 2; side++) {
        cni_vector_done(&sides[side]);
        cni_vector_done(&ones[side]);
    }
}

static void
layouts(void **state)
{
    (void)state;
    const cni_type fixed = {.id = CNI_TYPE_FIXED_BINARY, .width = 5};
    check_type(cni_type_of(CNI_TYPE_BOOL), 1);
    check_type(cni_type_of(CNI_TYPE_INT32), 4);
    check_type(cni_type_of(CNI_TYPE_DATE), 4);
    check_type(cni_type_of(CNI_TYPE_INT64), 8);
    check_type(cni_type_decimal(15, 2), 8);
    check_type(cni_type_of(CNI_TYPE_VARCHAR), 16);
    check_type(cni_type_of(CNI_TYPE_INTERVAL), 16);
    check_type(&fixed, 5);
}

static void
decimal_layouts_mix(void **state)
{
    (void)state;
    const cni_type *type = cni_type_decimal(30, 2);
    const int64_t narrow[] = {1, 2, -3};
    const cni_i128 wide[] = {1, CNI_I128_MAX, -4};
    cni_vector a = ops_vector(type, CNI_PHYS_I64, narrow, NULL, 3);
    cni_vector b = ops_vector(type, CNI_PHYS_I128, wide, NULL, 3);
    const cni_op_env env = ops_env(3);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_compare(&env, CNI_LT, &a, &b, &result, &err), &err);
    assert_int_equal(ops_truth(&result, 0), 0);
    assert_int_equal(ops_truth(&result, 1), 1);
    assert_int_equal(ops_truth(&result, 2), 0);
    cni_vector_done(&a);
    cni_vector_done(&b);
    cni_vector_done(&result);
}

/* Rows that are not live hold anything: views there must not be followed. */
static void
dead_rows_are_not_followed(void **state)
{
    (void)state;
    cni_view views[3] = {cni_view_make("abcdefghijklmnop", 16), {0}, cni_view_make("b", 1)};
    memset(&views[1], 0xEE, sizeof(views[1]));
    cni_vector a = ops_vector(cni_type_of(CNI_TYPE_VARCHAR), CNI_PHYS_VIEW, views, NULL, 3);
    const uint64_t live = 5;
    cni_op_env env = ops_env(3);
    env.live = &live;
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_compare(&env, CNI_EQ, &a, &a, &result, &err), &err);
    assert_int_equal(ops_truth(&result, 0), 1);
    assert_int_equal(ops_truth(&result, 2), 1);
    cni_vector_done(&a);
    cni_vector_done(&result);
}

/* ---- logic ---- */

static int
and3(int a, int b)
{
    return a == 0 || b == 0 ? 0 : a == -1 || b == -1 ? -1 : 1;
}

static int
not3(int a)
{
    return a == -1 ? -1 : !a;
}

static void
three_valued_logic(void **state)
{
    (void)state;
    enum {
        ROWS = 150
    };
    check_random random = {3};
    bool truth[3][ROWS];
    bool valid[3][ROWS];
    cni_vector inputs[3];
    const cni_vector *pointers[3];
    for (int input = 0; input < 3; input++) {
        for (int row = 0; row < ROWS; row++) {
            truth[input][row] = check_next(&random) % 2 != 0;
            valid[input][row] = check_next(&random) % 3 != 0;
        }
        inputs[input] =
            ops_vector(cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, truth[input], valid[input], ROWS);
        pointers[input] = &inputs[input];
    }
    const cni_op_env env = ops_env(ROWS);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    for (int n = 1; n <= 3; n++) {
        for (int is_or = 0; is_or < 2; is_or++) {
            ops_ok(is_or ? cni_op_or(&env, pointers, n, &result, &err)
                         : cni_op_and(&env, pointers, n, &result, &err),
                   &err);
            for (int row = 0; row < ROWS; row++) {
                int expected = 1;
                for (int input = 0; input < n; input++) {
                    const int one = valid[input][row] ? truth[input][row] : -1;
                    expected = and3(expected, is_or ? not3(one) : one);
                }
                assert_int_equal(ops_truth(&result, row), is_or ? not3(expected) : expected);
            }
        }
    }
    ops_ok(cni_op_not(&env, &inputs[0], &result, &err), &err);
    uint64_t bits[3];
    ops_ok(cni_op_true_bits(&env, &inputs[0], bits, &err), &err);
    cni_vector nulls = {0};
    ops_ok(cni_op_is_null(&env, false, &inputs[0], &nulls, &err), &err);
    for (int row = 0; row < ROWS; row++) {
        assert_int_equal(ops_truth(&result, row), valid[0][row] ? !truth[0][row] : -1);
        assert_int_equal(check_bit(bits, row), valid[0][row] && truth[0][row]);
        assert_int_equal(ops_truth(&nulls, row), !valid[0][row]);
    }
    cni_vector_done(&nulls);
    cni_vector_done(&result);
    for (int input = 0; input < 3; input++) {
        cni_vector_done(&inputs[input]);
    }
}

static void
null_constant_in_logic(void **state)
{
    (void)state;
    cni_vector null = ops_constant(cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, NULL, true, 70);
    const bool no = false;
    cni_vector is_false = ops_constant(cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, &no, false, 70);
    const cni_vector *inputs[] = {&null, &is_false};
    const cni_op_env env = ops_env(70);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_and(&env, inputs, 2, &result, &err), &err);
    assert_int_equal(result.encoding, CNI_CONSTANT);
    assert_int_equal(ops_truth(&result, 69), 0);
    ops_ok(cni_op_or(&env, inputs, 2, &result, &err), &err);
    assert_int_equal(ops_truth(&result, 69), -1);
    ops_ok(cni_op_is_null(&env, false, &null, &result, &err), &err);
    assert_int_equal(ops_truth(&result, 3), 1);
    cni_vector_done(&null);
    cni_vector_done(&is_false);
    cni_vector_done(&result);
}

/* IS NULL and truth of dictionary vectors. */
static void
dictionary_nulls(void **state)
{
    (void)state;
    const bool truth[] = {true, false, true};
    const bool valid[] = {true, true, false};
    cni_vector values = ops_vector(cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, truth, valid, 3);
    cn_error err = CN_ERROR_INIT;
    cni_dictionary *dictionary = NULL;
    ops_ok(cni_dictionary_new(cni_allocator_system(), &values, false, false, &dictionary, &err),
           &err);
    const uint16_t codes[] = {0, 1, 2, 0, 2};
    const uint8_t validity = 0x17; /* row 3 is null */
    cni_vector vector = {.type = cni_type_of(CNI_TYPE_BOOL),
                         .encoding = CNI_DICTIONARY,
                         .phys = CNI_PHYS_BIT,
                         .code_bytes = 2,
                         .n_rows = 5,
                         .data = codes,
                         .validity = {&validity, 0},
                         .dictionary = dictionary};
    const cni_op_env env = ops_env(5);
    uint64_t bits;
    ops_ok(cni_op_true_bits(&env, &vector, &bits, &err), &err);
    assert_int_equal(bits, 1);
    cni_vector nulls = {0};
    ops_ok(cni_op_is_null(&env, false, &vector, &nulls, &err), &err);
    const int expected[] = {0, 0, 1, 1, 1};
    for (int row = 0; row < 5; row++) {
        assert_int_equal(ops_truth(&nulls, row), expected[row]);
    }
    cni_vector_done(&nulls);
    cni_vector_done(&vector);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts),
        cmocka_unit_test(decimal_layouts_mix),
        cmocka_unit_test(dead_rows_are_not_followed),
        cmocka_unit_test(three_valued_logic),
        cmocka_unit_test(null_constant_in_logic),
        cmocka_unit_test(dictionary_nulls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
