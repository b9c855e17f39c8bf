/* SPDX-License-Identifier: Apache-2.0
 *
 * Gather kernels for items of 1 to 16 bytes and indexes of 1, 2 and 4 bytes at one level:
 * dictionary codes to values, row numbers to rows. The body is in gather_template.h.
 */
#include "data/kernel/kernel_int.h"

#include "data/kernel/gather_int.h"

#if defined(__GNUC__) && !defined(__clang__)
#define CNI_NO_VECTORIZE __attribute__((optimize("no-tree-vectorize", "no-tree-slp-vectorize")))
#else
#define CNI_NO_VECTORIZE
#endif

#define CN_GATHER_TMPL "data/kernel/gather_template.h"
#include "data/kernel/gather_each.h"
