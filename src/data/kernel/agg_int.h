/* SPDX-License-Identifier: Apache-2.0
 *
 * What agg_isa.c and agg_kernels.c share: the tables of the levels, and the constants of the hash,
 * which whoever hashes strings among the words uses too.
 */
#ifndef CNI_DATA_AGG_INT_H
#define CNI_DATA_AGG_INT_H

#include "data/kernel/agg.h"

extern const cni_agg_kernels cni_agg_kernel_table_v0;
extern const cni_agg_kernels cni_agg_kernel_table_v2;
extern const cni_agg_kernels cni_agg_kernel_table_v3;
extern const cni_agg_kernels cni_agg_kernel_table_v4;
extern const cni_agg_kernels cni_agg_kernel_table_v5;

#endif /* CNI_DATA_AGG_INT_H */
