/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions over DOUBLE: roots, powers, logarithms, trigonometry, tests of NaN and infinity,
 * random.
 *
 * Domains are PostgreSQL's: what has no real result raises (22xxx), an overflow of finite arguments
 * raises, NaN and infinity as arguments pass through.
 */
#include <math.h>

#include "base/thread.h"
#include "plan/function/builtin_int.h"
#include "plan/function/scalar_int.h"

/* A function of one or two doubles; `check` names what is wrong with a finite input, NULL =
 * nothing. */
typedef struct math_function {
    cni_signature signature;
    double (*one)(double x);
    double (*two)(double x, double y);
    const char *(*check)(double x, double y);
} math_function;

static cn_code
domain_error(const char *what, cn_error *err)
{
    const cn_code code = CN_FAIL(err, CN_INVALID_DATA, "%s", what + 6);
    char state[6];
    memcpy(state, what, 5);
    state[5] = '\0';
    cni_error_sqlstate(err, state);
    return code;
}

/* ---- checks: "SSSSS message" ---- */

static const char *
check_sqrt(double x, double y)
{
    (void)y;
    return x < 0 ? "2201F cannot take the square root of a negative number" : NULL;
}

static const char *
check_log(double x, double y)
{
    (void)y;
    return x == 0  ? "2201E cannot take the logarithm of zero"
           : x < 0 ? "2201E cannot take the logarithm of a negative number"
                   : NULL;
}

static const char *
check_log_base(double base, double x)
{
    const char *wrong = check_log(x, 0);
    wrong = wrong == NULL ? check_log(base, 0) : wrong;
    return wrong == NULL && base == 1.0 ? "22012 division by zero: the logarithm's base is 1"
                                        : wrong;
}

static const char *
check_pow(double x, double y)
{
    if (x == 0 && y < 0) {
        return "2201F zero raised to a negative power is undefined";
    }
    return x < 0 && isfinite(y) && floor(y) != y
               ? "2201F a negative number raised to a fraction has no real result"
               : NULL;
}

static const char *
check_unit(double x, double y)
{
    (void)y;
    return x < -1 || x > 1 ? "22003 the input is outside [-1, 1]" : NULL;
}

static const char *
check_finite(double x, double y)
{
    (void)y;
    return isinf(x) ? "22003 the input is infinite" : NULL;
}

static const char *
check_acosh(double x, double y)
{
    (void)y;
    return x < 1 ? "22003 the input is less than 1" : NULL;
}

static const char *
check_nothing(double x, double y)
{
    (void)x;
    (void)y;
    return NULL;
}

/* ---- what the C library lacks ---- */

static double
log_base(double base, double x)
{
    return log(x) / log(base);
}

/* The C library's may be a unit off; one Newton step makes perfect cubes exact. */
static double
cube_root(double x)
{
    const double root = cbrt(x);
    if (!isfinite(root) || fabs(root) < 1e-100 || fabs(root) > 1e100) {
        return root;
    }
    return root - (root * root * root - x) / (3.0 * root * root);
}

static double
cotangent(double x)
{
    return 1.0 / tan(x);
}

static double
to_degrees(double x)
{
    return x * (180.0 / 3.14159265358979323846);
}

static double
to_radians(double x)
{
    return x * (3.14159265358979323846 / 180.0);
}

static double
next_double(double x, double y)
{
    return nextafter(x, y);
}

/* ---- evaluation ---- */

static bool
overflowed(double result, double x, double y)
{
    return isinf(result) && isfinite(x) && isfinite(y);
}

static cn_code
find_error(const math_function *math, const cni_scalar_call *call, const double *out, cn_error *err)
{
    uint64_t alive[CNI_ROWS_WORDS];
    const cni_reader x = cni_reader_of(call->args[0]);
    const cni_reader y = cni_reader_of(call->args[call->n_args - 1]);
    cni_scalar_alive(call, alive);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const double a = cni_read_f64(&x, row);
        const double b = cni_read_f64(&y, row);
        if (!cni_word_bit(alive, row) || isnan(a) || isnan(b)) {
            continue;
        }
        const char *wrong = math->check(a, b);
        if (wrong != NULL) {
            return domain_error(wrong, err);
        }
        if (overflowed(out[row], a, b)) {
            return domain_error("22003 the result is out of range of DOUBLE", err);
        }
    }
    return CN_OK;
}

static cn_code
evaluate_math(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    const math_function *math = self->private_data;
    double *out = NULL;
    const cni_reader x = cni_reader_of(call->args[0]);
    const cni_reader y = cni_reader_of(call->args[call->n_args - 1]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    bool suspect = false;
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        const double a = cni_read_f64(&x, row);
        out[row] = math->one != NULL ? math->one(a) : math->two(a, cni_read_f64(&y, row));
        suspect = suspect || !isfinite(out[row]);
    }
    return suspect ? find_error(math, call, out, err) : CN_OK;
}

static cn_code
evaluate_pi(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
            cn_error *err)
{
    double *out = NULL;
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        out[row] = 3.14159265358979323846;
    }
    return CN_OK;
}

/* ---- tests ---- */

typedef bool (*float_test)(double x);

static bool
test_nan(double x)
{
    return isnan(x);
}

static bool
test_inf(double x)
{
    return isinf(x);
}

static bool
test_finite(double x)
{
    return isfinite(x);
}

typedef struct test_function {
    cni_signature signature;
    float_test test;
} test_function;

static cn_code
evaluate_test(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
              cn_error *err)
{
    const test_function *test = self->private_data;
    uint64_t *out = NULL;
    const cni_reader x = cni_reader_of(call->args[0]);
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    memset(out, 0, (size_t)cni_bits_words(call->env.n_rows) * 8);
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        out[row >> 6] |= (uint64_t)test->test(cni_read_f64(&x, row)) << (row & 63);
    }
    return CN_OK;
}

/* ---- random ---- */

/* Per thread: the state of a splitmix sequence. Seeded from the clock and its own address. */
typedef struct random_state {
    uint64_t state;
} random_state;

static uint64_t
next_random(random_state *self)
{
    self->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = self->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

static cn_code
open_random(const cni_function *self, cni_allocator *allocator, const void *bind_data,
            void **out_local, cn_error *err)
{
    random_state *local = NULL;
    (void)self;
    (void)bind_data;
    CN_TRY(cni_alloc_zeroed(allocator, (int64_t)sizeof(*local), &local, err));
    local->state = (uint64_t)cni_clock_ns() ^ ((uint64_t)(uintptr_t)local << 20);
    *out_local = local;
    return CN_OK;
}

static void
close_random(const cni_function *self, cni_allocator *allocator, void *local)
{
    (void)self;
    cni_dealloc(allocator, local, (int64_t)sizeof(random_state));
}

static cn_code
evaluate_random(const cni_function *self, const cni_scalar_call *call, cni_vector *inout_result,
                cn_error *err)
{
    double *out = NULL;
    (void)self;
    CN_TRY(cni_result_flat(call, inout_result, (void *)&out, err));
    for (int64_t row = 0; row < call->env.n_rows; row++) {
        out[row] = (double)(next_random(call->local) >> 11) * 0x1p-53;
    }
    return CN_OK;
}

/* ---- the table ---- */

#define ONE_DOUBLE  {.args = {CNI_TYPE_FLOAT64}, .result = CNI_TYPE_FLOAT64}
#define TWO_DOUBLES {.args = {CNI_TYPE_FLOAT64, CNI_TYPE_FLOAT64}, .result = CNI_TYPE_FLOAT64}

static const math_function math_sqrt = {ONE_DOUBLE, .one = sqrt, .check = check_sqrt};
static const math_function math_cbrt = {ONE_DOUBLE, .one = cube_root, .check = check_nothing};
static const math_function math_exp = {ONE_DOUBLE, .one = exp, .check = check_nothing};
static const math_function math_ln = {ONE_DOUBLE, .one = log, .check = check_log};
static const math_function math_log10 = {ONE_DOUBLE, .one = log10, .check = check_log};
static const math_function math_log2 = {ONE_DOUBLE, .one = log2, .check = check_log};
static const math_function math_log = {TWO_DOUBLES, .two = log_base, .check = check_log_base};
static const math_function math_pow = {TWO_DOUBLES, .two = pow, .check = check_pow};
static const math_function math_sin = {ONE_DOUBLE, .one = sin, .check = check_finite};
static const math_function math_cos = {ONE_DOUBLE, .one = cos, .check = check_finite};
static const math_function math_tan = {ONE_DOUBLE, .one = tan, .check = check_finite};
static const math_function math_cot = {ONE_DOUBLE, .one = cotangent, .check = check_finite};
static const math_function math_asin = {ONE_DOUBLE, .one = asin, .check = check_unit};
static const math_function math_acos = {ONE_DOUBLE, .one = acos, .check = check_unit};
static const math_function math_atan = {ONE_DOUBLE, .one = atan, .check = check_nothing};
static const math_function math_atan2 = {TWO_DOUBLES, .two = atan2, .check = check_nothing};
static const math_function math_sinh = {ONE_DOUBLE, .one = sinh, .check = check_nothing};
static const math_function math_cosh = {ONE_DOUBLE, .one = cosh, .check = check_nothing};
static const math_function math_tanh = {ONE_DOUBLE, .one = tanh, .check = check_nothing};
static const math_function math_asinh = {ONE_DOUBLE, .one = asinh, .check = check_nothing};
static const math_function math_acosh = {ONE_DOUBLE, .one = acosh, .check = check_acosh};
static const math_function math_atanh = {ONE_DOUBLE, .one = atanh, .check = check_unit};
static const math_function math_degrees = {ONE_DOUBLE, .one = to_degrees, .check = check_nothing};
static const math_function math_radians = {ONE_DOUBLE, .one = to_radians, .check = check_nothing};
static const math_function math_gamma = {ONE_DOUBLE, .one = tgamma, .check = check_nothing};
static const math_function math_lgamma = {ONE_DOUBLE, .one = lgamma, .check = check_nothing};
static const math_function math_next = {TWO_DOUBLES, .two = next_double, .check = check_nothing};

static const test_function is_nan = {{.args = {CNI_TYPE_FLOAT64}, .result = CNI_TYPE_BOOL},
                                     test_nan};
static const test_function is_inf = {{.args = {CNI_TYPE_FLOAT64}, .result = CNI_TYPE_BOOL},
                                     test_inf};
static const test_function is_finite = {{.args = {CNI_TYPE_FLOAT64}, .result = CNI_TYPE_BOOL},
                                        test_finite};

static const cni_signature no_arguments = {.result = CNI_TYPE_FLOAT64};

#define MATH_ROW(row_name, row_description, row_example, data, fallible)                           \
    {CNI_ROW_PURE(row_name, row_description, row_example),                                         \
     .may_error = (fallible),                                                                      \
     .cost_ns = 8.0,                                                                               \
     .resolve = cni_signature_resolve,                                                             \
     .private_data = &(data),                                                                      \
     .evaluate = evaluate_math}
#define TEST_ROW(row_name, row_description, row_example, data)                                     \
    {CNI_ROW_PURE(row_name, row_description, row_example), .cost_ns = 1.0,                         \
     .resolve = cni_signature_resolve, .private_data = &(data), .evaluate = evaluate_test}

static const cni_function math_table[] = {
    MATH_ROW("sqrt", "Square root.", "sqrt(9)", math_sqrt, true),
    MATH_ROW("cbrt", "Cube root.", "cbrt(27)", math_cbrt, true),
    MATH_ROW("exp", "e to the power of x.", "exp(1)", math_exp, true),
    MATH_ROW("ln", "Natural logarithm.", "ln(2)", math_ln, true),
    MATH_ROW("log", "Logarithm to the base 10.", "log(100)", math_log10, true),
    MATH_ROW("log10", "Logarithm to the base 10.", "log10(1000)", math_log10, true),
    MATH_ROW("log2", "Logarithm to the base 2.", "log2(8)", math_log2, true),
    MATH_ROW("log", "Logarithm of the second to the base of the first.", "log(2, 64)", math_log,
             true),
    MATH_ROW("pow", "x to the power of y.", "pow(2, 3)", math_pow, true),
    MATH_ROW("power", "x to the power of y.", "power(2, 3)", math_pow, true),
    MATH_ROW("^", "x to the power of y.", "2 ^ 3", math_pow, true),
    MATH_ROW("**", "x to the power of y.", "2 ** 3", math_pow, true),
    MATH_ROW("sin", "Sine.", "sin(0)", math_sin, true),
    MATH_ROW("cos", "Cosine.", "cos(0)", math_cos, true),
    MATH_ROW("tan", "Tangent.", "tan(0)", math_tan, true),
    MATH_ROW("cot", "Cotangent.", "cot(0.5)", math_cot, true),
    MATH_ROW("asin", "Inverse sine.", "asin(0)", math_asin, true),
    MATH_ROW("acos", "Inverse cosine.", "acos(1)", math_acos, true),
    MATH_ROW("atan", "Inverse tangent.", "atan(0)", math_atan, true),
    MATH_ROW("atan2", "Inverse tangent of y / x.", "atan2(1, 0)", math_atan2, true),
    MATH_ROW("sinh", "Hyperbolic sine.", "sinh(0)", math_sinh, true),
    MATH_ROW("cosh", "Hyperbolic cosine.", "cosh(0)", math_cosh, true),
    MATH_ROW("tanh", "Hyperbolic tangent.", "tanh(0)", math_tanh, true),
    MATH_ROW("asinh", "Inverse hyperbolic sine.", "asinh(0)", math_asinh, true),
    MATH_ROW("acosh", "Inverse hyperbolic cosine.", "acosh(1)", math_acosh, true),
    MATH_ROW("atanh", "Inverse hyperbolic tangent.", "atanh(0)", math_atanh, true),
    MATH_ROW("degrees", "Radians to degrees.", "degrees(pi())", math_degrees, true),
    MATH_ROW("radians", "Degrees to radians.", "radians(180)", math_radians, true),
    MATH_ROW("gamma", "Gamma function.", "gamma(5.5)", math_gamma, true),
    MATH_ROW("lgamma", "Logarithm of the gamma function.", "lgamma(2)", math_lgamma, true),
    MATH_ROW("nextafter", "Next DOUBLE after x in the direction of y.", "nextafter(1, 2)",
             math_next, true),
    TEST_ROW("isnan", "Whether the number is NaN.", "isnan('NaN')", is_nan),
    TEST_ROW("isinf", "Whether the number is infinite.", "isinf('Infinity')", is_inf),
    TEST_ROW("isfinite", "Whether the number is neither NaN nor infinite.", "isfinite(1.5)",
             is_finite),
    {CNI_ROW_PURE("pi", "The number pi.", "pi()"), .resolve = cni_signature_resolve,
     .private_data = &no_arguments, .evaluate = evaluate_pi},
    {CNI_ROW("random", "A DOUBLE in [0, 1), another one in every row.", "random()"),
     .volatility = CNI_VOLATILE, .cost_ns = 2.0, .resolve = cni_signature_resolve,
     .private_data = &no_arguments, .evaluate = evaluate_random, .open_local = open_random,
     .close_local = close_random},
};

const cni_function *
cni_builtin_math(int32_t *out_n)
{
    *out_n = (int32_t)CN_ARRAY_LEN(math_table);
    return math_table;
}
