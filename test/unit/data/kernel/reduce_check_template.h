/* SPDX-License-Identifier: Apache-2.0
 *
 * Minimum, maximum and sum of one layout against a reference: CN_FN(check_reduce)(). Results must
 * be the same bits at every level. Parameters: those of data/kernel/phys_each.h.
 */
#if CN_CLASS != CN_CLASS_VIEW
#include "unit/data/kernel/kernel_fill_template.h"

static bool
CN_FN(is_less)(CN_T a, CN_T b)
{
#if CN_CLASS == CN_CLASS_FLOAT
    return a == a && (b != b || a < b || (a == b && __builtin_signbit(a) > __builtin_signbit(b)));
#else
    return a < b;
#endif
}

static void
CN_FN(check_range)(const cni_kernels *kernels, const CN_T *items, cni_bits valid, int64_t n)
{
    CN_T low = items[0];
    CN_T high = items[0];
    CN_T expected_low = items[0];
    CN_T expected_high = items[0];
    bool any = false;
    for (int64_t row = 0; row < n; row++) {
        if (!cni_bits_get(valid, row)) {
            continue;
        }
        expected_low = !any || CN_FN(is_less)(items[row], expected_low) ? items[row] : expected_low;
        expected_high =
            !any || CN_FN(is_less)(expected_high, items[row]) ? items[row] : expected_high;
        any = true;
    }
    assert_int_equal(kernels->min_max[CN_CAT(CNI_PHYS_, CN_PHYS)](items, valid, n, &low, &high),
                     any);
    if (any) {
        assert_false(CN_FN(is_less)(low, expected_low) || CN_FN(is_less)(expected_low, low));
        assert_false(CN_FN(is_less)(high, expected_high) || CN_FN(is_less)(expected_high, high));
    }
}

#if CN_CLASS == CN_CLASS_FLOAT
static void
CN_FN(check_sum)(const cni_kernels *kernels, const CN_T *items, cni_bits valid, int64_t n)
{
    double lanes[8] = {0};
    for (int64_t row = 0; row < n; row++) {
        if (cni_bits_get(valid, row)) {
            lanes[row % 8] += (double)items[row];
        }
    }
    const double expected = 2.5 + (((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
                                   ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7])));
    double sum = 2.5;
    kernels->sum[CN_CAT(CNI_PHYS_, CN_PHYS)](items, valid, n, &sum);
    assert_true((sum != sum && expected != expected) || sum == expected);
}
#else
static void
CN_FN(check_sum)(const cni_kernels *kernels, const CN_T *items, cni_bits valid, int64_t n)
{
    cni_u128 expected = 17;
    for (int64_t row = 0; row < n; row++) {
        if (cni_bits_get(valid, row)) {
            const cni_i128 item = (cni_i128)items[row];
            expected += (cni_u128)item;
        }
    }
    cni_i128 sum = 17;
    kernels->sum[CN_CAT(CNI_PHYS_, CN_PHYS)](items, valid, n, &sum);
    assert_true(sum == (cni_i128)expected);
}
#endif

static void
CN_FN(check_reduce)(void)
{
    check_random random = {CN_BITS + 2};
    for (size_t turn = 0; turn < CHECK_BIT_KINDS * sizeof(check_sizes) / 8; turn++) {
        const int64_t n = check_sizes[turn / CHECK_BIT_KINDS];
        const int64_t offset = (int64_t)(turn % 3) * 5;
        uint64_t *words = check_bits(&random, n + offset, (int)(turn % CHECK_BIT_KINDS));
        CN_T *items = check_block((n + 1) * (int64_t)sizeof(CN_T), 0);
        CN_FN(fill)(&random, n + 1, items);
        for (size_t level = 0; level < sizeof(check_levels) / sizeof(check_levels[0]); level++) {
            const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
            if (kernels != NULL) {
                const cni_bits valid = {(const uint8_t *)words, offset};
                CN_FN(check_range)(kernels, items, valid, n);
                CN_FN(check_sum)(kernels, items, valid, n);
                CN_FN(check_range)(kernels, items, (cni_bits){NULL, 0}, n);
                CN_FN(check_sum)(kernels, items, (cni_bits){NULL, 0}, n);
            }
        }
        check_free(words, 0);
        check_free(items, 0);
    }
}
#endif
