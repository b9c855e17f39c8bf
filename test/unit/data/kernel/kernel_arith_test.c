/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic kernels, checked and wrapping, of every layout at every level against a reference
 * (arith_check_template.h), and the widening product.
 */
#include "unit/data/kernel/kernel_check.h"

#define CN_FN(name) CN_CAT(name##_, CN_SUFFIX)

#define CN_TMPL "unit/data/kernel/arith_check_template.h"
#include "data/kernel/phys_each.h"

static void
arith_kernels(void **state)
{
    (void)state;
#define CN_TMPL "unit/data/kernel/arith_call_template.h"
#include "data/kernel/phys_each.h"
}

static void
widening_product(void **state)
{
    (void)state;
    check_random random = {7};
    int64_t a[100];
    int64_t b[100];
    cni_i128 out[100];
    fill_i64(&random, 100, a);
    fill_i64(&random, 100, b);
    for (size_t level = 0; level < sizeof(check_levels) / sizeof(check_levels[0]); level++) {
        const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
        for (int shape = 0; kernels != NULL && shape < CNI_SHAPE_COUNT_; shape++) {
            kernels->mul_wide[shape](a, b, 100, out);
            for (int row = 0; row < 100; row++) {
                const cni_i128 left = a[shape == CNI_CV ? 0 : row];
                const cni_i128 right = b[shape == CNI_VC ? 0 : row];
                assert_true(out[row] == left * right);
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(arith_kernels),
                                       cmocka_unit_test(widening_product)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
