/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic kernels (+, -, *; checked and wrapping) of every layout at one instruction-set level,
 * and the widening product of 64-bit integers. The bodies are in arith_template.h. measured:
 * bench/micro kernel_bench, "arith".
 */
#include "data/kernel/kernel_int.h"

#include "data/kernel/wide_int.h"

#define CN_TMPL "data/kernel/arith_template.h"
#include "data/kernel/phys_each.h"

void
CNI_ISA_NAME(cni_kernel_mul_wide_vv)(const void *a, const void *b, int64_t n, void *out)
{
    const int64_t *left = a;
    const int64_t *right = b;
    cni_i128 *restrict products = out;
    for (int64_t row = 0; row < n; row++) {
        products[row] = (cni_i128)left[row] * right[row];
    }
}

void
CNI_ISA_NAME(cni_kernel_mul_wide_vc)(const void *a, const void *b, int64_t n, void *out)
{
    const int64_t *left = a;
    const int64_t right = *(const int64_t *)b;
    cni_i128 *restrict products = out;
    for (int64_t row = 0; row < n; row++) {
        products[row] = (cni_i128)left[row] * right;
    }
}

void
CNI_ISA_NAME(cni_kernel_mul_wide_cv)(const void *a, const void *b, int64_t n, void *out)
{
    CNI_ISA_NAME(cni_kernel_mul_wide_vc)(b, a, n, out);
}
