/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic on vectors: results and bounds against 128-bit arithmetic, errors that name the first
 * active row, rows that may not fail, DECIMAL narrowing and precision, division.
 */
#include "unit/data/kernel/ops_check.h"

#define N 300

static cni_vector
ints(const int64_t *items, const bool *is_valid, int64_t n)
{
    return ops_vector(cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64, items, is_valid, n);
}

static void
integers_by_bounds_and_checked(void **state)
{
    (void)state;
    check_random random = {5};
    int64_t a[N];
    int64_t b[N];
    bool valid[N];
    for (int row = 0; row < N; row++) {
        a[row] = (int64_t)(check_next(&random) % 2000) - 1000;
        b[row] = (int64_t)(check_next(&random) % 2000) - 1000;
        valid[row] = check_next(&random) % 4 != 0;
    }
    cni_vector left = ints(a, valid, N);
    cni_vector right = ints(b, NULL, N);
    const cni_op_env env = ops_env(N);
    cn_error err = CN_ERROR_INIT;
    for (int is_known = 0; is_known < 2; is_known++) {
        if (is_known) {
            left.bounds = cni_vector_compute_bounds(&left);
            right.bounds = cni_vector_compute_bounds(&right);
        }
        for (int op = 0; op < CNI_ARITH_COUNT_; op++) {
            cni_vector result = {0};
            ops_ok(cni_op_arith(&env, (cni_arith_op)op, left.type, &left, &right, &result, &err),
                   &err);
            ops_ok(cni_vector_validate(&result, &err), &err);
            assert_int_equal(result.bounds.known, is_known);
            for (int row = 0; row < N; row++) {
                const int64_t expected = op == CNI_ADD   ? a[row] + b[row]
                                         : op == CNI_SUB ? a[row] - b[row]
                                                         : a[row] * b[row];
                assert_int_equal(ops_valid(&result, row), valid[row]);
                assert_true(!valid[row] || ((const int64_t *)result.data)[row] == expected);
                assert_true(!is_known || !valid[row] ||
                            (result.bounds.low <= expected && expected <= result.bounds.high));
            }
            cni_vector_done(&result);
        }
    }
    cni_vector_done(&left);
    cni_vector_done(&right);
}

static void
overflow_names_the_first_active_row(void **state)
{
    (void)state;
    int64_t a[N] = {0};
    bool valid[N];
    uint64_t live[(N + 63) / 64];
    memset(valid, 1, sizeof(valid));
    memset(live, 0xFF, sizeof(live));
    a[10] = INT64_MAX; /* null */
    a[20] = INT64_MAX; /* dead */
    valid[10] = false;
    live[0] &= ~(UINT64_C(1) << 20);
    cni_vector left = ints(a, valid, N);
    const int64_t one = 1;
    cni_vector right = ops_constant(left.type, CNI_PHYS_I64, &one, false, N);
    cni_op_env env = ops_env(N);
    env.live = live;
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_arith(&env, CNI_ADD, left.type, &left, &right, &result, &err), &err);
    ((int64_t *)cni_vector_mutable_data(&left))[250] = INT64_MAX;
    ((int64_t *)cni_vector_mutable_data(&left))[260] = INT64_MAX - 1;
    ops_fails(cni_op_arith(&env, CNI_ADD, left.type, &left, &right, &result, &err), &err,
              CN_INVALID_DATA, "22003", "BIGINT out of range: 9223372036854775807 + 1");
    memset(live, 0, sizeof(live));
    ops_ok(cni_op_arith(&env, CNI_ADD, left.type, &left, &right, &result, &err), &err);
    cni_vector_done(&left);
    cni_vector_done(&right);
    cni_vector_done(&result);
}

/* Constants fold to a constant; their error is raised only when some row is live. */
static void
constants(void **state)
{
    (void)state;
    const int32_t most = INT32_MAX;
    const int32_t one = 1;
    const cni_type *type = cni_type_of(CNI_TYPE_INT32);
    cni_vector a = ops_constant(type, CNI_PHYS_I32, &most, false, N);
    cni_vector b = ops_constant(type, CNI_PHYS_I32, &one, false, N);
    cni_vector null = ops_constant(type, CNI_PHYS_I32, NULL, true, N);
    uint64_t live[(N + 63) / 64] = {0};
    cni_op_env env = ops_env(N);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_arith(&env, CNI_SUB, type, &a, &b, &result, &err), &err);
    assert_int_equal(result.encoding, CNI_CONSTANT);
    assert_int_equal(result.n_rows, N);
    assert_int_equal(((const int32_t *)result.data)[0], INT32_MAX - 1);
    ops_ok(cni_op_arith(&env, CNI_ADD, type, &a, &null, &result, &err), &err);
    assert_false(ops_valid(&result, 7));
    ops_fails(cni_op_arith(&env, CNI_ADD, type, &a, &b, &result, &err), &err, CN_INVALID_DATA,
              "22003", "INTEGER out of range: 2147483647 + 1");
    env.live = live;
    ops_ok(cni_op_arith(&env, CNI_ADD, type, &a, &b, &result, &err), &err);
    env.n_rows = 0;
    env.live = NULL;
    a.n_rows = 0;
    b.n_rows = 0;
    ops_ok(cni_op_arith(&env, CNI_ADD, type, &a, &b, &result, &err), &err);
    cni_vector_done(&a);
    cni_vector_done(&b);
    cni_vector_done(&null);
    cni_vector_done(&result);
}

static cni_i128
wide_at(const cni_vector *vector, int64_t row)
{
    return vector->phys == CNI_PHYS_I64 ? ((const int64_t *)vector->data)[row]
                                        : ((const cni_i128 *)vector->data)[row];
}

/* extendedprice * (1 - discount) * (1 + tax): proved to stay in 64 bits. */
static void
decimal_stays_narrow(void **state)
{
    (void)state;
    int64_t price[N];
    int64_t discount[N];
    int64_t tax[N];
    check_random random = {9};
    for (int row = 0; row < N; row++) {
        price[row] = (int64_t)(check_next(&random) % 10000000);
        discount[row] = (int64_t)(check_next(&random) % 11);
        tax[row] = (int64_t)(check_next(&random) % 9);
    }
    const cni_type *money = cni_type_decimal(15, 2);
    cni_vector p = ops_vector(money, CNI_PHYS_I64, price, NULL, N);
    cni_vector d = ops_vector(money, CNI_PHYS_I64, discount, NULL, N);
    cni_vector t = ops_vector(money, CNI_PHYS_I64, tax, NULL, N);
    const int64_t hundred = 100;
    cni_vector one = ops_constant(money, CNI_PHYS_I64, &hundred, false, N);
    const cni_op_env env = ops_env(N);
    cn_error err = CN_ERROR_INIT;
    cni_vector less = {0};
    cni_vector more = {0};
    cni_vector product = {0};
    cni_vector charge = {0};
    ops_ok(cni_op_arith(&env, CNI_SUB, cni_type_decimal(16, 2), &one, &d, &less, &err), &err);
    ops_ok(cni_op_arith(&env, CNI_ADD, cni_type_decimal(16, 2), &one, &t, &more, &err), &err);
    ops_ok(cni_op_arith(&env, CNI_MUL, cni_type_decimal(31, 4), &p, &less, &product, &err), &err);
    ops_ok(cni_op_arith(&env, CNI_MUL, cni_type_decimal(38, 6), &product, &more, &charge, &err),
           &err);
    assert_int_equal(product.phys, CNI_PHYS_I64);
    assert_int_equal(charge.phys, CNI_PHYS_I64);
    assert_true(charge.bounds.known);
    for (int row = 0; row < N; row++) {
        assert_int_equal(((const int64_t *)charge.data)[row],
                         price[row] * (100 - discount[row]) * (100 + tax[row]));
    }
    cni_vector_done(&p);
    cni_vector_done(&d);
    cni_vector_done(&t);
    cni_vector_done(&one);
    cni_vector_done(&less);
    cni_vector_done(&more);
    cni_vector_done(&product);
    cni_vector_done(&charge);
}

static void
decimal_widens_and_checks(void **state)
{
    (void)state;
    const cni_type *type = cni_type_decimal(38, 0);
    const int64_t items[] = {INT64_MAX, INT64_MIN, 3};
    const cni_i128 most = cni_pow10_i128(38) - 1;
    const cni_i128 wides[] = {most, -most, 1};
    cni_vector a = ops_vector(type, CNI_PHYS_I64, items, NULL, 3);
    cni_vector b = ops_vector(type, CNI_PHYS_I128, wides, NULL, 3);
    const cni_op_env env = ops_env(3);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_arith(&env, CNI_MUL, type, &a, &a, &result, &err), &err);
    assert_int_equal(result.phys, CNI_PHYS_I128);
    assert_true(wide_at(&result, 1) == (cni_i128)INT64_MIN * INT64_MIN);
    ops_ok(cni_op_arith(&env, CNI_ADD, type, &a, &a, &result, &err), &err);
    assert_true(wide_at(&result, 0) == (cni_i128)INT64_MAX * 2);
    ops_ok(cni_op_arith(&env, CNI_SUB, type, &b, &b, &result, &err), &err);
    assert_true(wide_at(&result, 0) == 0);
    ops_fails(cni_op_arith(&env, CNI_ADD, type, &a, &b, &result, &err), &err, CN_INVALID_DATA,
              "22003", "DECIMAL(38,0) out of range: 9223372036854775807 + 9999");
    ops_fails(cni_op_arith(&env, CNI_MUL, type, &b, &b, &result, &err), &err, CN_INVALID_DATA,
              "22003", "DECIMAL(38,0) out of range");
    /* 18 digits at most: the layout is 64 bits, the precision is checked. */
    const cni_type *small = cni_type_decimal(18, 0);
    ops_fails(cni_op_arith(&env, CNI_MUL, small, &a, &a, &result, &err), &err, CN_INVALID_DATA,
              "22003", "DECIMAL(18,0) out of range");
    const cni_type *tiny = cni_type_decimal(2, 0);
    const int64_t fifty[] = {50, 49, -50};
    cni_vector c = ops_vector(tiny, CNI_PHYS_I64, fifty, NULL, 3);
    ops_fails(cni_op_arith(&env, CNI_ADD, tiny, &c, &c, &result, &err), &err, CN_INVALID_DATA,
              "22003", "DECIMAL(2,0) out of range: 50 + 50");
    const uint64_t live = 2;
    cni_op_env some = env;
    some.live = &live;
    ops_ok(cni_op_arith(&some, CNI_ADD, tiny, &c, &c, &result, &err), &err);
    assert_true(wide_at(&result, 1) == 98);
    cni_vector_done(&a);
    cni_vector_done(&b);
    cni_vector_done(&c);
    cni_vector_done(&result);
}

static void
division(void **state)
{
    (void)state;
    const int32_t a[] = {7, -7, 7, INT32_MIN, 1};
    const int32_t b[] = {2, 2, -2, -1, 0};
    const bool valid[] = {true, true, true, true, false};
    const cni_type *type = cni_type_of(CNI_TYPE_INT32);
    cni_vector left = ops_vector(type, CNI_PHYS_I32, a, NULL, 5);
    cni_vector right = ops_vector(type, CNI_PHYS_I32, b, valid, 5);
    cni_op_env env = ops_env(5);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_modulo(&env, type, &left, &right, &result, &err), &err);
    const int32_t rests[] = {1, -1, 1, 0};
    for (int row = 0; row < 4; row++) {
        assert_int_equal(((const int32_t *)result.data)[row], rests[row]);
    }
    assert_false(ops_valid(&result, 4));
    ops_fails(cni_op_divide(&env, type, &left, &right, &result, &err), &err, CN_INVALID_DATA,
              "22003", "INTEGER out of range: -2147483648 / -1");
    uint64_t live = 7;
    env.live = &live;
    ops_ok(cni_op_divide(&env, type, &left, &right, &result, &err), &err);
    const int32_t quotients[] = {3, -3, -3};
    for (int row = 0; row < 3; row++) {
        assert_int_equal(((const int32_t *)result.data)[row], quotients[row]);
    }
    const int32_t zero = 0;
    cni_vector zeros = ops_constant(type, CNI_PHYS_I32, &zero, false, 5);
    live = 6;
    ops_fails(cni_op_divide(&env, type, &left, &zeros, &result, &err), &err, CN_INVALID_DATA,
              "22012", "division by zero: -7 / 0");
    const double floats[] = {1, 2, 3, 4, 0};
    cni_vector f = ops_vector(cni_type_of(CNI_TYPE_FLOAT64), CNI_PHYS_F64, floats, NULL, 5);
    env.live = NULL;
    ops_fails(cni_op_divide(&env, f.type, &f, &f, &result, &err), &err, CN_INVALID_DATA, "22012",
              "division by zero");
    cni_vector_done(&f);
    cni_vector_done(&left);
    cni_vector_done(&right);
    cni_vector_done(&zeros);
    cni_vector_done(&result);
}

static void
decimal_division(void **state)
{
    (void)state;
    const int64_t a[] = {100, -100, 1, 700};
    const int64_t b[] = {300, 300, 600, -300};
    cni_vector left = ops_vector(cni_type_decimal(10, 2), CNI_PHYS_I64, a, NULL, 4);
    cni_vector right = ops_vector(cni_type_decimal(10, 2), CNI_PHYS_I64, b, NULL, 4);
    const cni_op_env env = ops_env(4);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_divide(&env, cni_type_decimal(38, 6), &left, &right, &result, &err), &err);
    ops_expect_text(&result, 0, "0.333333");
    ops_expect_text(&result, 1, "-0.333333");
    ops_expect_text(&result, 2, "0.001667");
    ops_expect_text(&result, 3, "-2.333333");
    ops_ok(cni_op_modulo(&env, cni_type_decimal(10, 2), &left, &right, &result, &err), &err);
    ops_expect_text(&result, 1, "-1.00");
    ops_expect_text(&result, 3, "1.00");
    const int64_t zero = 0;
    cni_vector zeros = ops_constant(left.type, CNI_PHYS_I64, &zero, false, 4);
    ops_fails(cni_op_divide(&env, cni_type_decimal(38, 6), &left, &zeros, &result, &err), &err,
              CN_INVALID_DATA, "22012", "division by zero: 1.00 / 0.00");
    /* An intermediate product beyond 128 bits: digit by digit. */
    const cni_i128 huge[] = {cni_pow10_i128(37) * 9};
    const cni_i128 divisor[] = {cni_pow10_i128(37) * 7};
    cni_vector h = ops_vector(cni_type_decimal(38, 0), CNI_PHYS_I128, huge, NULL, 1);
    cni_vector v = ops_vector(cni_type_decimal(38, 0), CNI_PHYS_I128, divisor, NULL, 1);
    const cni_op_env one = ops_env(1);
    ops_ok(cni_op_divide(&one, cni_type_decimal(38, 30), &h, &v, &result, &err), &err);
    ops_expect_text(&result, 0, "1.285714285714285714285714285714");
    cni_vector_done(&h);
    cni_vector_done(&v);
    cni_vector_done(&zeros);
    cni_vector_done(&left);
    cni_vector_done(&right);
    cni_vector_done(&result);
}

static void
negation(void **state)
{
    (void)state;
    const int16_t a[] = {1, -2, INT16_MIN, 0};
    const bool valid[] = {true, true, false, true};
    cni_vector left = ops_vector(cni_type_of(CNI_TYPE_INT16), CNI_PHYS_I16, a, valid, 4);
    const cni_op_env env = ops_env(4);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_negate(&env, &left, &result, &err), &err);
    assert_int_equal(((const int16_t *)result.data)[1], 2);
    left.validity = (cni_bits){NULL, 0};
    ops_fails(cni_op_negate(&env, &left, &result, &err), &err, CN_INVALID_DATA, "22003",
              "SMALLINT out of range: -(-32768)");
    const double floats[] = {0.0, 1.5};
    const cni_op_env two = ops_env(2);
    cni_vector f = ops_vector(cni_type_of(CNI_TYPE_FLOAT64), CNI_PHYS_F64, floats, NULL, 2);
    ops_ok(cni_op_negate(&two, &f, &result, &err), &err);
    assert_true(__builtin_signbit(((const double *)result.data)[0]) != 0);
    cni_vector_done(&f);
    cni_vector_done(&left);
    cni_vector_done(&result);
}

static void
wrong_types_are_refused(void **state)
{
    (void)state;
    const bool truth[] = {true};
    cni_vector a = ops_vector(cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, truth, NULL, 1);
    const cni_op_env env = ops_env(1);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_fails(cni_op_arith(&env, CNI_ADD, a.type, &a, &a, &result, &err), &err, CN_NOT_IMPLEMENTED,
              NULL, "+ is not defined for BOOLEAN");
    ops_fails(cni_op_divide(&env, a.type, &a, &a, &result, &err), &err, CN_NOT_IMPLEMENTED, NULL,
              "/ is not defined for BOOLEAN");
    ops_fails(cni_op_negate(&env, &a, &result, &err), &err, CN_NOT_IMPLEMENTED, NULL,
              "- is not defined for BOOLEAN");
    cni_vector_done(&a);
    cni_vector_done(&result);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_by_bounds_and_checked),
        cmocka_unit_test(overflow_names_the_first_active_row),
        cmocka_unit_test(constants),
        cmocka_unit_test(decimal_stays_narrow),
        cmocka_unit_test(decimal_widens_and_checks),
        cmocka_unit_test(division),
        cmocka_unit_test(decimal_division),
        cmocka_unit_test(negation),
        cmocka_unit_test(wrong_types_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
