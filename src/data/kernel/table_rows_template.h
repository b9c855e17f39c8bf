/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of the kernel table that one layout fills: designated initializers, included inside the
 * table of table_isa.c through phys_each.h. Parameters: CN_SUFFIX, CN_PHYS, CN_CLASS, CN_ISA.
 * A class that has no kernel of a family leaves its entry NULL.
 */
#define CN_ROW CN_CAT(CNI_PHYS_, CN_PHYS)

#define CN_OP_TMPL "data/kernel/table_compare_template.h"
#include "data/kernel/compare_op_each.h"
#undef CN_OP_TMPL

#if CN_CLASS == CN_CLASS_INT || CN_CLASS == CN_CLASS_I128
.between[CN_ROW] = CN_KERNEL(between),
    .arith_wrap[CNI_ADD][CNI_VV][CN_ROW] = CN_KERNEL(wrap_add_vv),
    .arith_wrap[CNI_ADD][CNI_VC][CN_ROW] = CN_KERNEL(wrap_add_vc),
    .arith_wrap[CNI_ADD][CNI_CV][CN_ROW] = CN_KERNEL(wrap_add_cv),
    .arith_wrap[CNI_SUB][CNI_VV][CN_ROW] = CN_KERNEL(wrap_sub_vv),
    .arith_wrap[CNI_SUB][CNI_VC][CN_ROW] = CN_KERNEL(wrap_sub_vc),
    .arith_wrap[CNI_SUB][CNI_CV][CN_ROW] = CN_KERNEL(wrap_sub_cv),
    .arith_wrap[CNI_MUL][CNI_VV][CN_ROW] = CN_KERNEL(wrap_mul_vv),
    .arith_wrap[CNI_MUL][CNI_VC][CN_ROW] = CN_KERNEL(wrap_mul_vc),
    .arith_wrap[CNI_MUL][CNI_CV][CN_ROW] = CN_KERNEL(wrap_mul_cv),
#endif

#if CN_CLASS != CN_CLASS_VIEW
    .arith[CNI_ADD][CNI_VV][CN_ROW] = CN_KERNEL(add_vv),
    .arith[CNI_ADD][CNI_VC][CN_ROW] = CN_KERNEL(add_vc),
    .arith[CNI_ADD][CNI_CV][CN_ROW] = CN_KERNEL(add_cv),
    .arith[CNI_SUB][CNI_VV][CN_ROW] = CN_KERNEL(sub_vv),
    .arith[CNI_SUB][CNI_VC][CN_ROW] = CN_KERNEL(sub_vc),
    .arith[CNI_SUB][CNI_CV][CN_ROW] = CN_KERNEL(sub_cv),
    .arith[CNI_MUL][CNI_VV][CN_ROW] = CN_KERNEL(mul_vv),
    .arith[CNI_MUL][CNI_VC][CN_ROW] = CN_KERNEL(mul_vc),
    .arith[CNI_MUL][CNI_CV][CN_ROW] = CN_KERNEL(mul_cv), .min_max[CN_ROW] = CN_KERNEL(min_max),
    .sum[CN_ROW] = CN_KERNEL(sum),
#endif

#undef CN_ROW
