/* SPDX-License-Identifier: Apache-2.0
 *
 * The table entry of one pair of number layouts: a designated element in cast_number.c.
 * Parameters: those of cast_pairs_each.h.
 */
#define CN_PAIR_(name, from, to) name##_##from##_##to
#define CN_PAIR(name, from, to)  CN_PAIR_(name, from, to)
[CN_CAT(CNI_PHYS_, CN_FROM_PHYS)][CN_CAT(CNI_PHYS_, CN_TO_PHYS)] = {
    CN_PAIR(convert_all, CN_FROM_NAME, CN_TO_NAME),
    CN_PAIR(convert_fails, CN_FROM_NAME, CN_TO_NAME)},
#undef CN_PAIR_
#undef CN_PAIR
