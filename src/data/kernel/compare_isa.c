/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparison kernels (=, <>, <, <=, >, >=, BETWEEN) of every layout at one instruction-set level.
 * The bodies are in compare_template.h; AVX-512 forms in compare_simd_template.h.
 * measured: bench/micro kernel_bench, "compare".
 */
#include "data/kernel/kernel_int.h"

#include "data/kernel/simd_int.h"
#include "data/kernel/view_order_int.h"

#define CN_TMPL "data/kernel/compare_template.h"
#include "data/kernel/phys_each.h"
