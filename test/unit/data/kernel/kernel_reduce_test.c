/* SPDX-License-Identifier: Apache-2.0
 *
 * Reductions of every layout, with and without nulls at odd bit offsets, at every level against a
 * reference (reduce_check_template.h).
 */
#include "unit/data/kernel/kernel_check.h"

#define CN_FN(name) CN_CAT(name##_, CN_SUFFIX)

#define CN_TMPL "unit/data/kernel/reduce_check_template.h"
#include "data/kernel/phys_each.h"

static void
reduce_kernels(void **state)
{
    (void)state;
#define CN_TMPL "unit/data/kernel/reduce_call_template.h"
#include "data/kernel/phys_each.h"
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reduce_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
