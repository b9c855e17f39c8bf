/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and declarations of the gather kernels at one level: cni_kernel_gather_<item bytes>_<index
 * bytes>_v<level>. Only *_isa.c files include this (CN_ISA set).
 */
#ifndef CNI_DATA_GATHER_INT_H
#define CNI_DATA_GATHER_INT_H

#include <stdint.h>

#define CNI_GATHER_CAT_(item, index, level) cni_kernel_gather_##item##_##index##_v##level
#define CNI_GATHER_CAT(item, index, level)  CNI_GATHER_CAT_(item, index, level)
#define CN_GATHER                           CNI_GATHER_CAT(CN_ITEM_BYTES, CN_INDEX_BYTES, CN_ISA)

/* 16 bytes that are copied as one; aligned as the narrowest layout of that size (cni_view). */
typedef uint64_t cni_item16 __attribute__((vector_size(16), aligned(4), may_alias));

#ifdef CN_ISA
#define CN_GATHER_TMPL "data/kernel/gather_declare_template.h"
#include "data/kernel/gather_each.h"
#endif

#endif /* CNI_DATA_GATHER_INT_H */
