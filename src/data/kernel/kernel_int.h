/* SPDX-License-Identifier: Apache-2.0
 *
 * What the *_isa.c files share: how instances are named, their declarations per level, and the
 * tables that table_isa.c makes of them. A symbol is cni_kernel_<family>_<layout>_v<level>.
 *
 * Inside one *_isa.c (CN_ISA set) CN_KERNEL(family) names the instance of the current layout and
 * CN_KERNEL_OP(shape) that of the current comparison and layout.
 */
#ifndef CNI_DATA_KERNEL_INT_H
#define CNI_DATA_KERNEL_INT_H

#include "base/int128.h"
#include "data/kernel/kernel.h"

#define CNI_KERNEL_CAT_(name, suffix, level)         cni_kernel_##name##_##suffix##_v##level
#define CNI_KERNEL_CAT(name, suffix, level)          CNI_KERNEL_CAT_(name, suffix, level)
#define CNI_KERNEL_OP_CAT_(op, shape, suffix, level) cni_kernel_##op##_##shape##_##suffix##_v##level
#define CNI_KERNEL_OP_CAT(op, shape, suffix, level)  CNI_KERNEL_OP_CAT_(op, shape, suffix, level)

#define CN_KERNEL(name)         CNI_KERNEL_CAT(name, CN_SUFFIX, CN_ISA)
#define CN_KERNEL_OP(shape)     CNI_KERNEL_OP_CAT(CN_OP_NAME, shape, CN_SUFFIX, CN_ISA)
#define CN_KERNEL_MIRROR(shape) CNI_KERNEL_OP_CAT(CN_OP_MIRROR, shape, CN_SUFFIX, CN_ISA)
/* A static helper of the current layout. */
#define CN_FN(name) CN_CAT(name##_, CN_SUFFIX)

extern const cni_kernels cni_kernel_table_v0;
extern const cni_kernels cni_kernel_table_v2;
extern const cni_kernels cni_kernel_table_v3;
extern const cni_kernels cni_kernel_table_v4;
extern const cni_kernels cni_kernel_table_v5;

#ifdef CN_ISA
#define CN_TMPL "data/kernel/kernel_declare_template.h"
#include "data/kernel/phys_each.h"

void CNI_ISA_NAME(cni_kernel_mul_wide_vv)(const void *a, const void *b, int64_t n, void *out);
void CNI_ISA_NAME(cni_kernel_mul_wide_vc)(const void *a, const void *b, int64_t n, void *out);
void CNI_ISA_NAME(cni_kernel_mul_wide_cv)(const void *a, const void *b, int64_t n, void *out);

int64_t CNI_ISA_NAME(cni_kernel_bits_to_u16)(const uint64_t *bits, int64_t n, uint16_t *out);
int64_t CNI_ISA_NAME(cni_kernel_bits_to_u32)(const uint64_t *bits, int64_t n, uint32_t *out);
void CNI_ISA_NAME(cni_kernel_bytes_to_bits)(const uint8_t *bytes, int64_t n, uint64_t *out_bits);

int64_t CNI_ISA_NAME(cni_kernel_filter_1)(const void *values, const uint64_t *bits, int64_t n,
                                          void *out);
int64_t CNI_ISA_NAME(cni_kernel_filter_2)(const void *values, const uint64_t *bits, int64_t n,
                                          void *out);
int64_t CNI_ISA_NAME(cni_kernel_filter_4)(const void *values, const uint64_t *bits, int64_t n,
                                          void *out);
int64_t CNI_ISA_NAME(cni_kernel_filter_8)(const void *values, const uint64_t *bits, int64_t n,
                                          void *out);
int64_t CNI_ISA_NAME(cni_kernel_filter_16)(const void *values, const uint64_t *bits, int64_t n,
                                           void *out);

void CNI_ISA_NAME(cni_kernel_unpack_u8)(const uint8_t *src, int64_t src_bytes, int32_t width,
                                        int64_t n, uint8_t *out);
void CNI_ISA_NAME(cni_kernel_unpack_u16)(const uint8_t *src, int64_t src_bytes, int32_t width,
                                         int64_t n, uint16_t *out);
void CNI_ISA_NAME(cni_kernel_unpack_u32)(const uint8_t *src, int64_t src_bytes, int32_t width,
                                         int64_t n, uint32_t *out);
void CNI_ISA_NAME(cni_kernel_unpack_u64)(const uint8_t *src, int64_t src_bytes, int32_t width,
                                         int64_t n, uint64_t *out);
void CNI_ISA_NAME(cni_kernel_prefix_sum_u64)(uint64_t *inout, int64_t n, uint64_t first,
                                             uint64_t step);
int64_t CNI_ISA_NAME(cni_kernel_find)(const char *haystack, int64_t haystack_bytes,
                                      const char *needle, int64_t needle_bytes);
#endif /* CN_ISA */

#endif /* CNI_DATA_KERNEL_INT_H */
