/* SPDX-License-Identifier: Apache-2.0
 *
 * Table entries of one comparison of one layout; see table_rows_template.h.
 * Parameters: CN_OP, CN_OP_NAME, CN_ROW, CN_SUFFIX, CN_ISA.
 * Included inside an initializer: every line is a designated element.
 */
.compare[CN_CAT(CNI_, CN_OP)][CNI_VV][CN_ROW] = CN_KERNEL_OP(vv),
                      .compare[CN_CAT(CNI_, CN_OP)][CNI_VC][CN_ROW] = CN_KERNEL_OP(vc),
                      .compare[CN_CAT(CNI_, CN_OP)][CNI_CV][CN_ROW] = CN_KERNEL_OP(cv),
                      .compare_and[CN_CAT(CNI_, CN_OP)][CN_ROW] = CN_KERNEL_OP(narrow),
