/* SPDX-License-Identifier: Apache-2.0
 *
 * The table entry of one gather: a designated element inside the table of table_isa.c.
 * Parameters: those of gather_each.h.
 */
.gather[CN_ITEM_LOG][CN_INDEX_LOG] = CN_GATHER,
