/* SPDX-License-Identifier: Apache-2.0
 *
 * Table entry of the hash loop of one layout: a designated element in hash_isa.c.
 * Parameters: those of data/kernel/phys_each.h.
 */
#if CN_CLASS != CN_CLASS_VIEW
.numbers[CN_CAT(CNI_PHYS_, CN_PHYS)] = CN_FN(hash),
#endif
