/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic kernels of one layout against a reference at every level: CN_FN(check_arith)().
 * Parameters: those of data/kernel/phys_each.h.
 */
#if CN_CLASS != CN_CLASS_VIEW
#include "unit/data/kernel/kernel_fill_template.h"

/* The wrapped result, and whether the true one fits. */
static bool
CN_FN(reference)(CN_T a, CN_T b, cni_arith_op op, CN_T *out)
{
#if CN_CLASS == CN_CLASS_FLOAT
    *out = op == CNI_ADD ? a + b : op == CNI_SUB ? a - b : a * b;
    return true;
#elif CN_CLASS == CN_CLASS_I128
    const cni_u128 x = (cni_u128)a;
    const cni_u128 y = (cni_u128)b;
    const cni_i128 result = (cni_i128)(op == CNI_ADD ? x + y : op == CNI_SUB ? x - y : x * y);
    *out = result;
    if (op == CNI_ADD) {
        return (b >= 0) == (result >= a);
    }
    if (op == CNI_SUB) {
        return (b >= 0) == (result <= a);
    }
    if (a == 0 || b == 0) {
        return true;
    }
    if ((a == -1 && b == CNI_I128_MIN) || (b == -1 && a == CNI_I128_MIN)) {
        return false;
    }
    return (a == -1 || result / a == b) && (b == -1 || result / b == a);
#else
    const cni_i128 x = (cni_i128)a;
    const cni_i128 y = (cni_i128)b;
    cni_i128 exact = op == CNI_ADD ? x + y : op == CNI_SUB ? x - y : 0;
    bool fits = true;
    if (op == CNI_MUL) {
        fits = !__builtin_mul_overflow((CN_T)a, (CN_T)b, out);
        return fits;
    }
    *out = (CN_T)exact;
    return exact == (cni_i128)*out;
#endif
}

static bool
CN_FN(same)(CN_T a, CN_T b)
{
#if CN_CLASS == CN_CLASS_FLOAT
    return (a != a && b != b) || memcmp(&a, &b, sizeof(a)) == 0;
#else
    return a == b;
#endif
}

static void
CN_FN(check_shape)(const cni_kernels *kernels, cni_arith_op op, cni_shape shape, const CN_T *a,
                   const CN_T *b, int64_t n)
{
    const int phys = CN_CAT(CNI_PHYS_, CN_PHYS);
    CN_T *out = check_block(n * (int64_t)sizeof(CN_T), 0);
    const bool flag = kernels->arith[op][shape][phys](a, b, n, out);
    bool expected_flag = false;
    for (int64_t row = 0; row < n; row++) {
        CN_T expected;
        const bool fits = CN_FN(reference)(a[shape == CNI_CV ? 0 : row],
                                           b[shape == CNI_VC ? 0 : row], op, &expected);
        expected_flag |= !fits;
        assert_true(!fits || CN_FN(same)(out[row], expected));
    }
    assert_int_equal(flag, expected_flag);
#if CN_CLASS == CN_CLASS_FLOAT
    assert_null(kernels->arith_wrap[op][shape][phys]);
#else
    kernels->arith_wrap[op][shape][phys](a, b, n, out);
    for (int64_t row = 0; row < n; row++) {
        CN_T expected;
        (void)CN_FN(reference)(a[shape == CNI_CV ? 0 : row], b[shape == CNI_VC ? 0 : row], op,
                               &expected);
        assert_true(CN_FN(same)(out[row], expected));
    }
#endif
    check_free(out, 0);
}

/* Items that rarely overflow: without this the flag would always be set. */
static void
CN_FN(shrink)(CN_T *items, int64_t n)
{
    for (int64_t row = 0; row < n; row++) {
#if CN_CLASS == CN_CLASS_FLOAT
        items[row] /= 2;
#else
        items[row] = (CN_T)(items[row] >> (CN_BITS / 2 + 1));
#endif
    }
}

static void
CN_FN(check_level)(const cni_kernels *kernels, check_random *random)
{
    for (size_t size = 0; size < 3 * sizeof(check_sizes) / 8; size++) {
        const int64_t n = check_sizes[size / 3] < 3000 ? check_sizes[size / 3] : 3001;
        const int64_t shift = (int64_t)(size % 2 * sizeof(CN_T));
        CN_T *a = check_block(n * (int64_t)sizeof(CN_T), shift);
        CN_T *b = check_block(n * (int64_t)sizeof(CN_T), shift);
        CN_FN(fill)(random, n, a);
        CN_FN(fill)(random, n, b);
        if (size % 3 != 0) {
            CN_FN(shrink)(a, n);
            CN_FN(shrink)(b, n);
        }
        if (size % 3 == 2 && n > 0) { /* one row that overflows somewhere */
            a[check_next(random) % (uint64_t)n] = CN_FN(random_item)(random);
        }
        for (int op = 0; op < CNI_ARITH_COUNT_; op++) {
            for (int shape = 0; shape < CNI_SHAPE_COUNT_; shape++) {
                const CN_T one = CN_FN(random_item)(random);
                CN_FN(check_shape)(kernels, (cni_arith_op)op, (cni_shape)shape,
                                   shape == CNI_CV ? &one : a, shape == CNI_VC ? &one : b, n);
            }
        }
        check_free(a, shift);
        check_free(b, shift);
    }
}

static void
CN_FN(check_arith)(void)
{
    check_random random = {CN_BITS + 1};
    for (size_t level = 0; level < sizeof(check_levels) / sizeof(check_levels[0]); level++) {
        const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
        if (kernels != NULL) {
            CN_FN(check_level)(kernels, &random);
        }
    }
}
#endif
