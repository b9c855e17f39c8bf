/* SPDX-License-Identifier: Apache-2.0
 *
 * CAST and TRY_CAST: numbers against 128-bit references, rounding, text both ways, dates, nested
 * types, errors that name value and type, rows that may not fail.
 */
#include "unit/data/kernel/ops_check.h"

/* Cast a constant VARCHAR and print the result; `expected` NULL = the text of the error is in
 * `error`. */
static void
expect_parse(const cni_type *type, const char *text, const char *expected, const char *sqlstate,
             const char *error)
{
    const cni_op_env env = ops_env(1);
    cn_error err = CN_ERROR_INIT;
    cni_vector vector = ops_strings(&text, 1);
    cni_vector result = {0};
    const cn_code code = cni_op_cast(&env, &vector, type, false, &result, &err);
    if (expected != NULL) {
        ops_ok(code, &err);
        ops_expect_text(&result, 0, expected);
    } else {
        ops_fails(code, &err, CN_INVALID_DATA, sqlstate, error);
        ops_ok(cni_op_cast(&env, &vector, type, true, &result, &err), &err);
        assert_false(ops_valid(&result, 0));
    }
    cni_vector_done(&result);
    cni_vector_done(&vector);
}

static void
expect_cast(const cni_vector *vector, const cni_type *type, const char *const *expected)
{
    const cni_op_env env = ops_env(vector->n_rows);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_cast(&env, vector, type, false, &result, &err), &err);
    ops_ok(cni_vector_validate(&result, &err), &err);
    assert_true(cni_type_equal(result.type, type));
    for (int64_t row = 0; row < vector->n_rows; row++) {
        ops_expect_text(&result, row, expected[row]);
    }
    cni_vector_done(&result);
}

static void
expect_range_error(const cni_vector *vector, const cni_type *type, const char *message)
{
    const cni_op_env env = ops_env(vector->n_rows);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_fails(cni_op_cast(&env, vector, type, false, &result, &err), &err, CN_INVALID_DATA, NULL,
              message);
    cni_vector_done(&result);
}

static cni_i128
integer_of(const cni_vector *v, int64_t row)
{
    switch (v->phys) {
    case CNI_PHYS_I8:
        return ((const int8_t *)v->data)[row];
    case CNI_PHYS_I16:
        return ((const int16_t *)v->data)[row];
    case CNI_PHYS_I32:
        return ((const int32_t *)v->data)[row];
    case CNI_PHYS_I64:
        return ((const int64_t *)v->data)[row];
    case CNI_PHYS_U8:
        return ((const uint8_t *)v->data)[row];
    case CNI_PHYS_U16:
        return ((const uint16_t *)v->data)[row];
    case CNI_PHYS_U32:
        return ((const uint32_t *)v->data)[row];
    case CNI_PHYS_U64:
        return ((const uint64_t *)v->data)[row];
    default:
        return ((const cni_i128 *)v->data)[row];
    }
}

/* Every pair of integer types over edges: what fits stays, what does not is an error and then NULL.
 */
static void
integer_pairs(void **state)
{
    (void)state;
    const cni_type_id ids[] = {CNI_TYPE_INT8,   CNI_TYPE_INT16,  CNI_TYPE_INT32,
                               CNI_TYPE_INT64,  CNI_TYPE_UINT8,  CNI_TYPE_UINT16,
                               CNI_TYPE_UINT32, CNI_TYPE_UINT64, CNI_TYPE_HUGEINT};
    const cni_i128 edges[] = {
        0,         1,         -1,         INT8_MIN,     INT8_MAX,     UINT8_MAX,
        INT16_MIN, INT16_MAX, UINT16_MAX, INT32_MIN,    INT32_MAX,    UINT32_MAX,
        INT64_MIN, INT64_MAX, UINT64_MAX, CNI_I128_MIN, CNI_I128_MAX, 200};
    enum {
        EDGES = sizeof(edges) / sizeof(edges[0])
    };
    cn_error err = CN_ERROR_INIT;
    const cni_op_env env = ops_env(EDGES);
    cni_vector wide = ops_vector(cni_type_of(CNI_TYPE_HUGEINT), CNI_PHYS_I128, edges, NULL, EDGES);
    for (size_t from = 0; from < sizeof(ids) / sizeof(ids[0]); from++) {
        cni_vector source = {0};
        ops_ok(cni_op_cast(&env, &wide, cni_type_of(ids[from]), true, &source, &err), &err);
        for (size_t to = 0; to < sizeof(ids) / sizeof(ids[0]); to++) {
            cni_vector result = {0};
            bool may_fail;
            assert_true(cni_cast_exists(source.type, cni_type_of(ids[to]), &may_fail));
            const cn_code code =
                cni_op_cast(&env, &source, cni_type_of(ids[to]), false, &result, &err);
            assert_true(code == CN_OK || may_fail);
            ops_ok(cni_op_cast(&env, &source, cni_type_of(ids[to]), true, &result, &err), &err);
            bool any_lost = false;
            for (int64_t row = 0; row < EDGES; row++) {
                if (!ops_valid(&source, row)) {
                    assert_false(ops_valid(&result, row));
                } else if (ops_valid(&result, row)) {
                    assert_true(integer_of(&source, row) == edges[row]);
                    assert_true(integer_of(&result, row) == edges[row]);
                } else {
                    any_lost = true;
                }
            }
            assert_int_equal(code == CN_OK, !any_lost);
            cni_vector_done(&result);
        }
        cni_vector_done(&source);
    }
    cni_vector_done(&wide);
}

static void
floats_to_integers(void **state)
{
    (void)state;
    const double items[] = {0.5, 1.5, 2.5, -0.5, -1.5, 127.4, -128.4};
    const char *expected[] = {"0", "2", "2", "0", "-2", "127", "-128"};
    cni_vector v = ops_vector(cni_type_of(CNI_TYPE_FLOAT64), CNI_PHYS_F64, items, NULL, 7);
    expect_cast(&v, cni_type_of(CNI_TYPE_INT8), expected);
    expect_cast(&v, cni_type_of(CNI_TYPE_HUGEINT), expected);
    cni_vector_done(&v);
    const double bad[] = {1e19, __builtin_nan(""), 9.3e18, -1};
    v = ops_vector(cni_type_of(CNI_TYPE_FLOAT64), CNI_PHYS_F64, bad, NULL, 4);
    expect_range_error(&v, cni_type_of(CNI_TYPE_INT64), "1e+19 is out of range for BIGINT");
    v.data = bad + 1;
    v.n_rows = 1;
    expect_range_error(&v, cni_type_of(CNI_TYPE_INT64), "nan is out of range for BIGINT");
    v.data = bad + 3;
    expect_range_error(&v, cni_type_of(CNI_TYPE_UINT64), "-1.0 is out of range for UBIGINT");
    const double large[] = {1e300};
    v.data = large;
    expect_range_error(&v, cni_type_of(CNI_TYPE_FLOAT32), "1e+300 is out of range for FLOAT");
    expect_range_error(&v, cni_type_of(CNI_TYPE_FLOAT16), "1e+300 is out of range for HALFFLOAT");
    cni_vector_done(&v);
}

static void
booleans(void **state)
{
    (void)state;
    const bool truth[] = {true, false, true};
    const bool valid[] = {true, true, false};
    cni_vector v = ops_vector(cni_type_of(CNI_TYPE_BOOL), CNI_PHYS_BIT, truth, valid, 3);
    const char *numbers[] = {"1", "0", "NULL"};
    const char *decimals[] = {"1.00", "0.00", "NULL"};
    const char *texts[] = {"true", "false", "NULL"};
    expect_cast(&v, cni_type_of(CNI_TYPE_INT32), numbers);
    expect_cast(&v, cni_type_decimal(5, 2), decimals);
    expect_cast(&v, cni_type_of(CNI_TYPE_VARCHAR), texts);
    cni_vector_done(&v);
    const int64_t items[] = {0, -4, 9};
    v = ops_vector(cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64, items, valid, 3);
    const char *truths[] = {"false", "true", "NULL"};
    expect_cast(&v, cni_type_of(CNI_TYPE_BOOL), truths);
    cni_vector_done(&v);
    v = ops_vector(cni_type_decimal(9, 2), CNI_PHYS_I64, items, valid, 3);
    expect_cast(&v, cni_type_of(CNI_TYPE_BOOL), truths);
    cni_vector_done(&v);
    const cni_type *type = cni_type_of(CNI_TYPE_BOOL);
    expect_parse(type, " TRUE ", "true", NULL, NULL);
    expect_parse(type, "f", "false", NULL, NULL);
    expect_parse(type, "on", "true", NULL, NULL);
    expect_parse(type, "n", "false", NULL, NULL);
    expect_parse(type, "1", "true", NULL, NULL);
    expect_parse(type, "o", NULL, "22P02", "invalid input for BOOLEAN: 'o'");
}

static void
decimals(void **state)
{
    (void)state;
    const int64_t items[] = {12345, -12345, 12355, -50, 5};
    cni_vector v = ops_vector(cni_type_decimal(10, 2), CNI_PHYS_I64, items, NULL, 5);
    const char *one[] = {"123.5", "-123.5", "123.6", "-0.5", "0.1"};
    const char *none[] = {"123", "-123", "124", "-1", "0"};
    const char *four[] = {"123.4500", "-123.4500", "123.5500", "-0.5000", "0.0500"};
    const char *doubles[] = {"123.45", "-123.45", "123.55", "-0.5", "0.05"};
    expect_cast(&v, cni_type_decimal(10, 1), one);
    expect_cast(&v, cni_type_decimal(30, 1), one);
    expect_cast(&v, cni_type_decimal(10, 4), four);
    expect_cast(&v, cni_type_decimal(38, 4), four);
    expect_cast(&v, cni_type_of(CNI_TYPE_INT32), none);
    expect_cast(&v, cni_type_of(CNI_TYPE_FLOAT64), doubles);
    expect_cast(&v, cni_type_of(CNI_TYPE_FLOAT32), doubles);
    expect_range_error(&v, cni_type_decimal(4, 2), "123.45 is out of range for DECIMAL(4,2)");
    v.n_rows = 3;
    expect_range_error(&v, cni_type_of(CNI_TYPE_UINT8), "-123.45 is out of range for UTINYINT");
    cni_vector_done(&v);
    const cni_i128 wide[] = {cni_pow10_i128(37), -cni_pow10_i128(37) * 9};
    v = ops_vector(cni_type_decimal(38, 0), CNI_PHYS_I128, wide, NULL, 2);
    expect_range_error(&v, cni_type_decimal(38, 2), "is out of range for DECIMAL(38,2)");
    const char *floats[] = {"1e+37", "-9e+37"};
    expect_cast(&v, cni_type_of(CNI_TYPE_FLOAT64), floats);
    cni_vector_done(&v);
}

static void
to_decimals(void **state)
{
    (void)state;
    const int32_t ints[] = {7, -99, 0};
    cni_vector v = ops_vector(cni_type_of(CNI_TYPE_INT32), CNI_PHYS_I32, ints, NULL, 3);
    const char *two[] = {"7.00", "-99.00", "0.00"};
    expect_cast(&v, cni_type_decimal(4, 2), two);
    expect_cast(&v, cni_type_decimal(30, 2), two);
    expect_range_error(&v, cni_type_decimal(3, 2), "-99 is out of range for DECIMAL(3,2)");
    const cni_op_env env = ops_env(3);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_cast(&env, &v, cni_type_decimal(30, 2), false, &result, &err), &err);
    assert_int_equal(result.phys, CNI_PHYS_I64); /* narrow by proof */
    cni_vector_done(&result);
    cni_vector_done(&v);
    const uint64_t unsigneds[] = {UINT64_MAX, 3};
    v = ops_vector(cni_type_of(CNI_TYPE_UINT64), CNI_PHYS_U64, unsigneds, NULL, 2);
    const char *large[] = {"18446744073709551615.0", "3.0"};
    expect_cast(&v, cni_type_decimal(21, 1), large);
    cni_vector_done(&v);
    const double doubles[] = {1.005, -2.5, 0.125};
    v = ops_vector(cni_type_of(CNI_TYPE_FLOAT64), CNI_PHYS_F64, doubles, NULL, 3);
    const char *rounded[] = {"1", "-3", "0"};
    const char *hundredths[] = {"1.00", "-2.50", "0.13"};
    expect_cast(&v, cni_type_decimal(9, 0), rounded);
    expect_cast(&v, cni_type_decimal(9, 2), hundredths);
    expect_range_error(&v, cni_type_decimal(2, 2), "1.005 is out of range for DECIMAL(2,2)");
    const double bad[] = {__builtin_nan("")};
    v.data = bad;
    v.n_rows = 1;
    expect_range_error(&v, cni_type_decimal(38, 0), "nan is out of range");
    cni_vector_done(&v);
}

static void
numbers_as_text(void **state)
{
    (void)state;
    const cni_type *bigint = cni_type_of(CNI_TYPE_INT64);
    expect_parse(bigint, " -9223372036854775808 ", "-9223372036854775808", NULL, NULL);
    expect_parse(bigint, "+5", "5", NULL, NULL);
    expect_parse(bigint, "9223372036854775808", NULL, "22003",
                 "'9223372036854775808' is out of range for BIGINT");
    expect_parse(bigint, "1.5", NULL, "22P02", "invalid input for BIGINT: '1.5'");
    expect_parse(bigint, "", NULL, "22P02", "invalid input for BIGINT: ''");
    expect_parse(bigint, "-", NULL, "22P02", "invalid input");
    expect_parse(bigint, "12a", NULL, "22P02", "invalid input");
    expect_parse(cni_type_of(CNI_TYPE_UINT8), "-1", NULL, "22003", "out of range for UTINYINT");
    expect_parse(cni_type_of(CNI_TYPE_HUGEINT), "-170141183460469231731687303715884105728",
                 "-170141183460469231731687303715884105728", NULL, NULL);
    expect_parse(cni_type_of(CNI_TYPE_HUGEINT), "170141183460469231731687303715884105728", NULL,
                 "22003", "out of range for HUGEINT");
    expect_parse(cni_type_of(CNI_TYPE_HUGEINT), "99999999999999999999999999999999999999999999",
                 NULL, "22003", "out of range for HUGEINT");
    expect_parse(cni_type_of(CNI_TYPE_FLOAT64), " 1e3 ", "1000.0", NULL, NULL);
    expect_parse(cni_type_of(CNI_TYPE_FLOAT64), "1e400", NULL, "22003", "out of range for DOUBLE");
    expect_parse(cni_type_of(CNI_TYPE_FLOAT64), "one", NULL, "22P02", "invalid input for DOUBLE");
    expect_parse(cni_type_of(CNI_TYPE_FLOAT32), "nan", "nan", NULL, NULL);
    expect_parse(cni_type_of(CNI_TYPE_FLOAT16), "70000", NULL, "22003", "out of range");
    expect_parse(cni_type_decimal(5, 2), "123.455", "123.46", NULL, NULL);
    expect_parse(cni_type_decimal(5, 2), "1234", NULL, "22003", "out of range for DECIMAL(5,2)");
    expect_parse(cni_type_decimal(38, 2), "1e60", NULL, "22003", "out of range");
    expect_parse(cni_type_decimal(38, 2), "x", NULL, "22P02", "invalid input");
    const int64_t items[] = {0, -1, INT64_MIN, INT64_MAX};
    cni_vector v = ops_vector(bigint, CNI_PHYS_I64, items, NULL, 4);
    const char *texts[] = {"0", "-1", "-9223372036854775808", "9223372036854775807"};
    expect_cast(&v, cni_type_of(CNI_TYPE_VARCHAR), texts);
    cni_vector_done(&v);
    v = ops_vector(cni_type_decimal(18, 3), CNI_PHYS_I64, items, NULL, 2);
    const char *thousandths[] = {"0.000", "-0.001"};
    expect_cast(&v, cni_type_of(CNI_TYPE_VARCHAR), thousandths);
    cni_vector_done(&v);
}

static void
times_as_text(void **state)
{
    (void)state;
    expect_parse(cni_type_of(CNI_TYPE_DATE), "1998-12-01", "1998-12-01", NULL, NULL);
    expect_parse(cni_type_of(CNI_TYPE_DATE), "1998-13-01", NULL, "22008", "1998-13-01");
    expect_parse(cni_type_of(CNI_TYPE_DATE), "yesterday", NULL, "22007", "yesterday");
    expect_parse(cni_type_of(CNI_TYPE_TIMESTAMP), "1998-12-01 10:11:12.5", "1998-12-01 10:11:12.5",
                 NULL, NULL);
    expect_parse(cni_type_timestamptz(), "1998-12-01 10:11:12+02", "1998-12-01 08:11:12+00", NULL,
                 NULL);
    expect_parse(cni_type_of(CNI_TYPE_TIME), "10:11:12", "10:11:12", NULL, NULL);
    expect_parse(cni_type_of(CNI_TYPE_INTERVAL), "1 year 2 days", "1 year 2 days", NULL, NULL);
    expect_parse(cni_type_of(CNI_TYPE_INTERVAL), "1 lustrum", NULL, "22007", "lustrum");
}

static void
times(void **state)
{
    (void)state;
    const int32_t days[] = {0, -1, 10561};
    cni_vector v = ops_vector(cni_type_of(CNI_TYPE_DATE), CNI_PHYS_I32, days, NULL, 3);
    const char *midnights[] = {"1970-01-01 00:00:00", "1969-12-31 00:00:00", "1998-12-01 00:00:00"};
    expect_cast(&v, cni_type_of(CNI_TYPE_TIMESTAMP), midnights);
    const int32_t far[] = {INT32_MAX};
    v.data = far;
    v.n_rows = 1;
    expect_range_error(&v, cni_type_of(CNI_TYPE_TIMESTAMP), "is out of range for TIMESTAMP");
    cni_vector_done(&v);
    const int64_t micros[] = {-1, 86400000000, 1500000};
    v = ops_vector(cni_type_of(CNI_TYPE_TIMESTAMP), CNI_PHYS_I64, micros, NULL, 3);
    const char *dates[] = {"1969-12-31", "1970-01-02", "1970-01-01"};
    const char *clocks[] = {"23:59:59.999999", "00:00:00", "00:00:01.5"};
    const char *seconds[] = {"1969-12-31 23:59:59", "1970-01-02 00:00:00", "1970-01-01 00:00:01"};
    expect_cast(&v, cni_type_of(CNI_TYPE_DATE), dates);
    expect_cast(&v, cni_type_of(CNI_TYPE_TIME), clocks);
    expect_cast(&v, cni_type_timestamp(CNI_UNIT_S), seconds);
    cni_vector_done(&v);
    bool may_fail;
    assert_false(
        cni_cast_exists(cni_type_of(CNI_TYPE_DATE), cni_type_of(CNI_TYPE_INT32), &may_fail));
    assert_false(
        cni_cast_exists(cni_type_of(CNI_TYPE_BOOL), cni_type_of(CNI_TYPE_DATE), &may_fail));
}

static void
strings_long_and_null(void **state)
{
    (void)state;
    const cni_interval intervals[] = {{14, 3, INT64_C(14706500000000)}, {0, 0, 0}, {1, 0, 0}};
    const bool valid[] = {true, false, true};
    cni_vector v =
        ops_vector(cni_type_of(CNI_TYPE_INTERVAL), CNI_PHYS_INTERVAL, intervals, valid, 3);
    const char *texts[] = {"1 year 2 months 3 days 04:05:06.5", "NULL", "1 month"};
    expect_cast(&v, cni_type_of(CNI_TYPE_VARCHAR), texts);
    cni_vector_done(&v);
}

static void
bytes(void **state)
{
    (void)state;
    const cni_type *blob = cni_type_of(CNI_TYPE_BLOB);
    const cni_type fixed = {.id = CNI_TYPE_FIXED_BINARY, .width = 3};
    const cni_type uuid = {
        .id = CNI_TYPE_FIXED_BINARY, .width = 16, .extension_name = CNI_STR("arrow.uuid")};
    expect_parse(blob, "ab\\x00\\xFF", "ab\\x00\\xFF", NULL, NULL);
    expect_parse(blob, "a\\q", NULL, "22P02", "invalid input for BLOB");
    const char *text = "abc";
    cni_vector v = ops_strings(&text, 1);
    v.type = blob;
    const cni_op_env env = ops_env(1);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    cni_vector back = {0};
    ops_ok(cni_op_cast(&env, &v, &fixed, false, &result, &err), &err);
    assert_memory_equal(result.data, "abc", 3);
    ops_ok(cni_op_cast(&env, &result, blob, false, &back, &err), &err);
    assert_true(cni_view_equal(back.data, v.data));
    const cni_type wide = {.id = CNI_TYPE_FIXED_BINARY, .width = 5};
    ops_fails(cni_op_cast(&env, &v, &wide, false, &result, &err), &err, CN_INVALID_DATA, "22000",
              "3 bytes cannot become 5 bytes");
    ops_ok(cni_op_cast(&env, &v, &wide, true, &result, &err), &err);
    assert_false(ops_valid(&result, 0));
    cni_vector_done(&result);
    cni_vector_done(&back);
    cni_vector_done(&v);
    const char *id = "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}";
    v = ops_strings(&id, 1);
    ops_ok(cni_op_cast(&env, &v, &uuid, false, &result, &err), &err);
    assert_int_equal(((const uint8_t *)result.data)[15], 0x11);
    cni_vector_done(&result);
    cni_vector_done(&v);
    expect_parse(&uuid, "a0eebc99", NULL, "22P02", "invalid input");
}

/* Null rows hold garbage, dead rows too: neither raises nor is followed. */
static void
only_active_rows_fail(void **state)
{
    (void)state;
    const char *texts[] = {"1", "x", NULL, "4"};
    cni_vector v = ops_strings(texts, 4);
    uint64_t live = 0xD; /* without row 1 */
    cni_op_env env = ops_env(4);
    env.live = &live;
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    ops_ok(cni_op_cast(&env, &v, cni_type_of(CNI_TYPE_INT32), false, &result, &err), &err);
    ops_expect_text(&result, 3, "4");
    env.live = NULL;
    ops_fails(cni_op_cast(&env, &v, cni_type_of(CNI_TYPE_INT32), false, &result, &err), &err,
              CN_INVALID_DATA, "22P02", "invalid input for INTEGER: 'x'");
    cni_vector_done(&v);
    const int64_t items[] = {1, 1000, 1000, 4};
    const bool valid[] = {true, true, false, true};
    v = ops_vector(cni_type_of(CNI_TYPE_INT64), CNI_PHYS_I64, items, valid, 4);
    env.live = &live;
    ops_ok(cni_op_cast(&env, &v, cni_type_of(CNI_TYPE_INT8), false, &result, &err), &err);
    ops_expect_text(&result, 3, "4");
    env.live = NULL;
    ops_fails(cni_op_cast(&env, &v, cni_type_of(CNI_TYPE_INT8), false, &result, &err), &err,
              CN_INVALID_DATA, "22003", "1000 is out of range for TINYINT");
    ops_ok(cni_op_cast(&env, &v, cni_type_of(CNI_TYPE_INT8), true, &result, &err), &err);
    assert_false(ops_valid(&result, 1));
    assert_true(ops_valid(&result, 3));
    cni_vector_done(&result);
    cni_vector_done(&v);
}

static void
nulls_and_constants(void **state)
{
    (void)state;
    const cni_op_env env = ops_env(100);
    cn_error err = CN_ERROR_INIT;
    cni_vector result = {0};
    cni_vector null = ops_constant(cni_type_of(CNI_TYPE_NULL), CNI_PHYS_NONE, NULL, true, 100);
    ops_ok(cni_op_cast(&env, &null, cni_type_decimal(5, 1), false, &result, &err), &err);
    assert_true(cni_type_equal(result.type, cni_type_decimal(5, 1)));
    assert_false(ops_valid(&result, 99));
    const cni_view text = cni_view_make("1994-01-01", 10);
    cni_vector date = ops_constant(cni_type_of(CNI_TYPE_VARCHAR), CNI_PHYS_VIEW, &text, false, 100);
    ops_ok(cni_op_cast(&env, &date, cni_type_of(CNI_TYPE_DATE), false, &result, &err), &err);
    assert_int_equal(result.encoding, CNI_CONSTANT);
    ops_expect_text(&result, 99, "1994-01-01");
    ops_ok(cni_op_cast(&env, &date, cni_type_of(CNI_TYPE_INT32), true, &result, &err), &err);
    assert_false(ops_valid(&result, 5));
    cni_vector_done(&null);
    cni_vector_done(&date);
    cni_vector_done(&result);
}

static void
nested(void **state)
{
    (void)state;
    cn_error err = CN_ERROR_INIT;
    cni_arena *arena = NULL;
    ops_ok(cni_arena_new(cni_allocator_system(), "test", &arena, &err), &err);
    const cni_type *texts_type;
    const cni_type *ints_type;
    ops_ok(cni_type_list(arena, cni_type_of(CNI_TYPE_VARCHAR), &texts_type, &err), &err);
    ops_ok(cni_type_list(arena, cni_type_of(CNI_TYPE_INT32), &ints_type, &err), &err);
    const char *texts[] = {"1", "2", "x", NULL};
    const cni_list_entry entries[] = {{0, 2}, {2, 1}, {3, 1}, {0, 0}};
    cni_nested *children = NULL;
    ops_ok(cni_nested_new(cni_allocator_system(), 1, &children, &err), &err);
    children->children[0] = ops_strings(texts, 4);
    cni_vector v = {.type = texts_type,
                    .encoding = CNI_FLAT,
                    .phys = CNI_PHYS_LIST,
                    .n_rows = 4,
                    .data = entries,
                    .nested = children};
    cni_op_env env = ops_env(4);
    cni_vector result = {0};
    ops_fails(cni_op_cast(&env, &v, ints_type, false, &result, &err), &err, CN_INVALID_DATA,
              "22P02", "invalid input for INTEGER: 'x'");
    const uint64_t live = 0xD; /* the row with x is dead */
    env.live = &live;
    ops_ok(cni_op_cast(&env, &v, ints_type, false, &result, &err), &err);
    ops_expect_text(&result, 0, "[1, 2]");
    ops_expect_text(&result, 2, "[NULL]");
    ops_expect_text(&result, 3, "[]");
    env.live = NULL;
    ops_ok(cni_op_cast(&env, &v, ints_type, true, &result, &err), &err);
    ops_expect_text(&result, 1, "[NULL]");
    const cni_field item = {
        .name = CNI_STR("item"), .type = cni_type_of(CNI_TYPE_INT64), .nullable = true};
    const cni_type array = {.id = CNI_TYPE_ARRAY, .width = 2, .n_children = 1, .children = &item};
    cni_vector pairs = {0};
    ops_fails(cni_op_cast(&env, &result, &array, false, &pairs, &err), &err, CN_INVALID_DATA, NULL,
              "a list of 1 items cannot become an array of 2");
    ops_ok(cni_op_cast(&env, &result, &array, true, &pairs, &err), &err);
    ops_expect_text(&pairs, 0, "[1, 2]");
    assert_false(ops_valid(&pairs, 1));
    cni_vector back = {0};
    ops_ok(cni_op_cast(&env, &pairs, ints_type, false, &back, &err), &err);
    ops_expect_text(&back, 0, "[1, 2]");
    assert_false(ops_valid(&back, 3));
    ops_ok(cni_op_cast(&env, &back, cni_type_of(CNI_TYPE_VARCHAR), false, &pairs, &err), &err);
    ops_expect_text(&pairs, 0, "[1, 2]");
    ops_fails(cni_op_cast(&env, &back, cni_type_of(CNI_TYPE_DATE), false, &pairs, &err), &err,
              CN_NOT_IMPLEMENTED, NULL, "there is no cast from INTEGER[] to DATE");
    cni_vector_done(&back);
    cni_vector_done(&pairs);
    cni_vector_done(&result);
    cni_vector_done(&v);
    cni_arena_unref(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integer_pairs),
        cmocka_unit_test(floats_to_integers),
        cmocka_unit_test(booleans),
        cmocka_unit_test(decimals),
        cmocka_unit_test(to_decimals),
        cmocka_unit_test(numbers_as_text),
        cmocka_unit_test(times_as_text),
        cmocka_unit_test(times),
        cmocka_unit_test(strings_long_and_null),
        cmocka_unit_test(bytes),
        cmocka_unit_test(only_active_rows_fail),
        cmocka_unit_test(nulls_and_constants),
        cmocka_unit_test(nested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
