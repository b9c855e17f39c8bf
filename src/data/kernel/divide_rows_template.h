/* SPDX-License-Identifier: Apache-2.0
 *
 * The entry of one layout in the table of op_divide.c; included inside its initializer.
 * Parameters: those of phys_each.h.
 */
#if CN_CLASS != CN_CLASS_VIEW
[CN_CAT(CNI_PHYS_, CN_PHYS)] = {CN_FN(divide), CN_FN(divide_fails), sizeof(CN_T)},
#endif
