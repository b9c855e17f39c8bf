/* SPDX-License-Identifier: Apache-2.0
 *
 * Choice between the aggregation tables of the instruction-set levels (agg_isa.c makes one each).
 */
#include <math.h>
#include <string.h>

#include "data/kernel/agg_int.h"

static const cni_agg_kernels *
table_of(cni_isa level)
{
#if defined(__x86_64__)
    switch (level) {
    case CNI_ISA_V5:
        return &cni_agg_kernel_table_v5;
    case CNI_ISA_V4:
        return &cni_agg_kernel_table_v4;
    case CNI_ISA_V3:
        return &cni_agg_kernel_table_v3;
    case CNI_ISA_V2:
        return &cni_agg_kernel_table_v2;
    case CNI_ISA_BASE:
        break;
    }
    return NULL;
#else
    return level == CNI_ISA_BASE ? &cni_agg_kernel_table_v0 : NULL;
#endif
}

const cni_agg_kernels *
cni_agg_kernels_get(void)
{
    return table_of(cni_isa_detect());
}

const cni_agg_kernels *
cni_agg_kernels_at(cni_isa level)
{
    return level <= cni_isa_detect() ? table_of(level) : NULL;
}

double
cni_agg_unorder_f64(int64_t key)
{
    const int64_t bits = key ^ (int64_t)((uint64_t)(key >> 63) >> 1);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return key == INT64_MAX ? (double)NAN : value;
}
