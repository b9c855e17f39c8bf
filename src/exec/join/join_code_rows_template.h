/* SPDX-License-Identifier: Apache-2.0
 *
 * Table entries of the code loops of one layout: designated elements in join_loops_isa.c.
 * Parameters: those of data/kernel/phys_each.h.
 */
#if CN_CLASS != CN_CLASS_VIEW
.range[CN_CAT(CNI_PHYS_, CN_PHYS)] = CN_FN(range),
                         .codes_32[CN_CAT(CNI_PHYS_, CN_PHYS)] = CN_FN(codes_32),
                         .add_codes[CN_CAT(CNI_PHYS_, CN_PHYS)] = CN_FN(add_codes),
#endif
