/* SPDX-License-Identifier: Apache-2.0
 *
 * Choice between the kernel tables of the instruction-set levels (table_isa.c makes one per level).
 * A level includes those below it. Nothing is cached: detection is a few loads, and callers keep
 * the table in their context.
 */
#include "data/kernel/kernel.h"

#include "data/kernel/kernel_int.h"

static const cni_kernels *
table_of(cni_isa level)
{
#if defined(__x86_64__)
    switch (level) {
    case CNI_ISA_V5:
        return &cni_kernel_table_v5;
    case CNI_ISA_V4:
        return &cni_kernel_table_v4;
    case CNI_ISA_V3:
        return &cni_kernel_table_v3;
    case CNI_ISA_V2:
        return &cni_kernel_table_v2;
    case CNI_ISA_BASE:
        break;
    }
    return NULL;
#else
    return level == CNI_ISA_BASE ? &cni_kernel_table_v0 : NULL;
#endif
}

const cni_kernels *
cni_kernels_get(void)
{
    return table_of(cni_isa_detect());
}

const cni_kernels *
cni_kernels_at(cni_isa level)
{
    return level <= cni_isa_detect() ? table_of(level) : NULL;
}
