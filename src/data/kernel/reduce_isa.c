/* SPDX-License-Identifier: Apache-2.0
 *
 * Reductions (minimum and maximum, sum) of every layout at one instruction-set level. The bodies
 * are in reduce_template.h. Results are the same at every level, floats included. measured:
 * bench/micro kernel_bench, "reduce".
 */
#include "data/kernel/kernel_int.h"

/* Rows that one set of partial sums takes: 2^31 items of 32 bits fit in 64. */
#define CNI_SUM_ROWS_MAX (INT64_C(1) << 30)

/* Rows from `row` on, in whole blocks of 64, that are all valid; a last block may be shorter. */
static inline int64_t
cni_dense_rows(cni_bits valid, int64_t row, int64_t n)
{
    if (valid.data == NULL) {
        return n - row;
    }
    int64_t end = row;
    while (end < n) {
        const int64_t n_block = cni_min_i64(64, n - end);
        const uint64_t all = n_block == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n_block) - 1;
        if (cni_bits_word(valid, end, n_block) != all) {
            break;
        }
        end += n_block;
    }
    return end - row;
}

#define CN_TMPL "data/kernel/reduce_template.h"
#include "data/kernel/phys_each.h"
