/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel table of one instruction-set level: a constant, made of the instances that the other
 * *_isa.c files define. Rows per layout come from phys_each.h through table_rows_template.h;
 * gathers from gather_each.h; what has no layout is named here. kernel.c chooses between the
 * levels.
 */
#include "data/kernel/kernel_int.h"

#include "data/kernel/gather_int.h"

const cni_kernels CNI_ISA_NAME(cni_kernel_table) = {
    .level = (cni_isa)CN_ISA,

#define CN_TMPL "data/kernel/table_rows_template.h"
#include "data/kernel/phys_each.h"

    .mul_wide = {CNI_ISA_NAME(cni_kernel_mul_wide_vv), CNI_ISA_NAME(cni_kernel_mul_wide_vc),
                 CNI_ISA_NAME(cni_kernel_mul_wide_cv)},

    .bits_to_u16 = CNI_ISA_NAME(cni_kernel_bits_to_u16),
    .bits_to_u32 = CNI_ISA_NAME(cni_kernel_bits_to_u32),
    .bytes_to_bits = CNI_ISA_NAME(cni_kernel_bytes_to_bits),
    .filter = {CNI_ISA_NAME(cni_kernel_filter_1), CNI_ISA_NAME(cni_kernel_filter_2),
               CNI_ISA_NAME(cni_kernel_filter_4), CNI_ISA_NAME(cni_kernel_filter_8),
               CNI_ISA_NAME(cni_kernel_filter_16)},

#define CN_GATHER_TMPL "data/kernel/table_gather_template.h"
#include "data/kernel/gather_each.h"

    .unpack_u8 = CNI_ISA_NAME(cni_kernel_unpack_u8),
    .unpack_u16 = CNI_ISA_NAME(cni_kernel_unpack_u16),
    .unpack_u32 = CNI_ISA_NAME(cni_kernel_unpack_u32),
    .unpack_u64 = CNI_ISA_NAME(cni_kernel_unpack_u64),
    .prefix_sum_u64 = CNI_ISA_NAME(cni_kernel_prefix_sum_u64),
    .find = CNI_ISA_NAME(cni_kernel_find),
};
