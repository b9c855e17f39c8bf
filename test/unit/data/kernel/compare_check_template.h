/* SPDX-License-Identifier: Apache-2.0
 *
 * Every comparison kernel of one layout against a reference, at every level:
 * CN_FN(check_compare)(). Parameters: those of data/kernel/phys_each.h.
 */
#include "unit/data/kernel/kernel_fill_template.h"

static int
CN_FN(order)(CN_T a, CN_T b)
{
#if CN_CLASS == CN_CLASS_VIEW
    const size_t common = a.len_bytes < b.len_bytes ? a.len_bytes : b.len_bytes;
    const int order = memcmp(cni_view_data(&a), cni_view_data(&b), common);
    if (order != 0) {
        return order < 0 ? -1 : 1;
    }
    return a.len_bytes < b.len_bytes ? -1 : a.len_bytes > b.len_bytes;
#elif CN_CLASS == CN_CLASS_FLOAT
    if (a != a || b != b) {
        return (a != a) - (b != b);
    }
    return a < b ? -1 : a > b;
#else
    return a < b ? -1 : a > b;
#endif
}

static bool
CN_FN(expect)(CN_T a, CN_T b, cni_compare_op op)
{
    const int order = CN_FN(order)(a, b);
    const bool expected[CNI_COMPARE_COUNT_] = {order == 0, order != 0, order < 0,
                                               order <= 0, order > 0,  order >= 0};
    return expected[op];
}

static void
CN_FN(check_words)(const CN_T *a, bool a_one, const CN_T *b, bool b_one, int64_t n,
                   cni_compare_op op, const uint64_t *words)
{
    for (int64_t row = 0; row < (n + 63) / 64 * 64; row++) {
        const bool expected = row < n && CN_FN(expect)(a[a_one ? 0 : row], b[b_one ? 0 : row], op);
        assert_int_equal(check_bit(words, row), expected);
    }
}

static void
CN_FN(check_op)(const cni_kernels *kernels, cni_compare_op op, const CN_T *a, const CN_T *b,
                int64_t n, check_random *random)
{
    const int phys = CN_CAT(CNI_PHYS_, CN_PHYS);
    const int64_t n_bytes = (n + 63) / 64 * 8;
    uint64_t *words = check_block(n_bytes, 0);
    kernels->compare[op][CNI_VV][phys](a, b, n, words);
    CN_FN(check_words)(a, false, b, false, n, op, words);
    const CN_T one = CN_FN(random_item)(random);
    kernels->compare[op][CNI_VC][phys](a, &one, n, words);
    CN_FN(check_words)(a, false, &one, true, n, op, words);
    kernels->compare[op][CNI_CV][phys](&one, b, n, words);
    CN_FN(check_words)(&one, true, b, false, n, op, words);
    check_free(words, 0);
    for (int kind = 0; kind < CHECK_BIT_KINDS; kind++) {
        uint64_t *before = check_bits(random, n, kind);
        if (n % 64 != 0) {
            before[n / 64] &= (UINT64_C(1) << (n % 64)) - 1;
        }
        uint64_t *after = check_block(n_bytes, 0);
        memcpy(after, before, (size_t)n_bytes);
        kernels->compare_and[op][phys](a, &one, n, after);
        for (int64_t row = 0; row < (n + 63) / 64 * 64; row++) {
            const bool expected =
                row < n && check_bit(before, row) && CN_FN(expect)(a[row], one, op);
            assert_int_equal(check_bit(after, row), expected);
        }
        check_free(before, 0);
        check_free(after, 0);
    }
}

#if CN_CLASS == CN_CLASS_INT || CN_CLASS == CN_CLASS_I128
static void
CN_FN(check_between)(const cni_kernels *kernels, const CN_T *a, int64_t n, check_random *random)
{
    uint64_t *words = check_block((n + 63) / 64 * 8, 0);
    for (int turn = 0; turn < 8; turn++) {
        const CN_T range[2] = {CN_FN(random_item)(random), CN_FN(random_item)(random)};
        kernels->between[CN_CAT(CNI_PHYS_, CN_PHYS)](a, range, n, words);
        for (int64_t row = 0; row < (n + 63) / 64 * 64; row++) {
            const bool expected = row < n && a[row] >= range[0] && a[row] <= range[1];
            assert_int_equal(check_bit(words, row), expected);
        }
    }
    check_free(words, 0);
}
#endif

static void
CN_FN(check_compare)(void)
{
    check_random random = {CN_BITS};
    for (size_t level = 0; level < sizeof(check_levels) / sizeof(check_levels[0]); level++) {
        const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
        for (size_t size = 0; kernels != NULL && size < sizeof(check_sizes) / 8; size++) {
            const int64_t n = check_sizes[size] < 3000 ? check_sizes[size] : 3001;
            const int64_t n_bytes = n * (int64_t)sizeof(CN_T);
            const int64_t shift = (int64_t)(size % 2 * sizeof(CN_T));
            CN_T *a = check_block(n_bytes, shift);
            CN_T *b = check_block(n_bytes, shift);
            CN_FN(fill)(&random, n, a);
            CN_FN(fill)(&random, n, b);
            for (int op = 0; op < CNI_COMPARE_COUNT_; op++) {
                CN_FN(check_op)(kernels, (cni_compare_op)op, a, b, n, &random);
            }
#if CN_CLASS == CN_CLASS_INT || CN_CLASS == CN_CLASS_I128
            CN_FN(check_between)(kernels, a, n, &random);
#else
            assert_null(kernels->between[CN_CAT(CNI_PHYS_, CN_PHYS)]);
#endif
            check_free(a, shift);
            check_free(b, shift);
        }
    }
}
