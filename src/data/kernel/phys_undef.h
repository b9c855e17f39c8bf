/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends one entry of data/kernel/phys_each.h: forgets the parameters that change with every layout.
 * No include guard: it is included after each instance of a template.
 */
#undef CN_T
#undef CN_U
#undef CN_WIDE
#undef CN_SUFFIX
#undef CN_PHYS
#undef CN_BITS
