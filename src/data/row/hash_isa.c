/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash loops over numbers at one instruction-set level: the scalar forms of hash_int.h, which
 * compilers vectorize where the level multiplies 64-bit lanes. Instances come from the list of
 * layouts (data/kernel/phys_each.h).
 */
#include "data/row/hash_int.h"

#include "data/kernel/isa.h"

#define CN_FN(name) CN_CAT(name##_, CN_SUFFIX)

#define CN_TMPL "data/row/hash_loop_template.h"
#include "data/kernel/phys_each.h"

static void
combine_all(uint64_t *restrict inout, const uint64_t *restrict next, int64_t n)
{
    for (int64_t row = 0; row < n; row++) {
        inout[row] = cni_hash_of_combined(inout[row], next[row]);
    }
}

const cni_hash_kernels CNI_ISA_NAME(cni_hash_kernels) = {
#define CN_TMPL "data/row/hash_rows_template.h"
#include "data/kernel/phys_each.h"
    .combine = combine_all,
};
