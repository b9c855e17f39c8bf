/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparison kernels: each operation, shape and layout of the type list at every level of this
 * machine against a reference (compare_check_template.h).
 */
#include "unit/data/kernel/kernel_check.h"

#define CN_FN(name) CN_CAT(name##_, CN_SUFFIX)

#define CN_TMPL "unit/data/kernel/compare_check_template.h"
#include "data/kernel/phys_each.h"

static void
compare_kernels(void **state)
{
    (void)state;
#define CN_TMPL "unit/data/kernel/compare_call_template.h"
#include "data/kernel/phys_each.h"
}

static void
tables(void **state)
{
    (void)state;
    const cni_kernels *best = cni_kernels_get();
    assert_non_null(best);
    assert_ptr_equal(best, cni_kernels_at(best->level));
    for (size_t level = 0; level < sizeof(check_levels) / sizeof(check_levels[0]); level++) {
        const cni_kernels *kernels = cni_kernels_at(check_levels[level]);
        assert_true(kernels == NULL || kernels->level == check_levels[level]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(compare_kernels), cmocka_unit_test(tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
