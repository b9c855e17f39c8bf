/* SPDX-License-Identifier: Apache-2.0
 *
 * Declarations of every kernel of one layout at one level (kernel_int.h includes it through
 * phys_each.h). Parameters: CN_SUFFIX, CN_CLASS, CN_ISA. What is declared here for a class is what
 * compare_template.h, arith_template.h and reduce_template.h define for it, and what
 * table_rows_template.h enters in the table.
 */
#define CN_OP_TMPL "data/kernel/compare_declare_template.h"
#include "data/kernel/compare_op_each.h"
#undef CN_OP_TMPL

#if CN_CLASS == CN_CLASS_INT || CN_CLASS == CN_CLASS_I128
void CN_KERNEL(between)(const void *a, const void *low_high, int64_t n, uint64_t *out_bits);
void CN_KERNEL(wrap_add_vv)(const void *a, const void *b, int64_t n, void *out);
void CN_KERNEL(wrap_add_vc)(const void *a, const void *b, int64_t n, void *out);
void CN_KERNEL(wrap_add_cv)(const void *a, const void *b, int64_t n, void *out);
void CN_KERNEL(wrap_sub_vv)(const void *a, const void *b, int64_t n, void *out);
void CN_KERNEL(wrap_sub_vc)(const void *a, const void *b, int64_t n, void *out);
void CN_KERNEL(wrap_sub_cv)(const void *a, const void *b, int64_t n, void *out);
void CN_KERNEL(wrap_mul_vv)(const void *a, const void *b, int64_t n, void *out);
void CN_KERNEL(wrap_mul_vc)(const void *a, const void *b, int64_t n, void *out);
void CN_KERNEL(wrap_mul_cv)(const void *a, const void *b, int64_t n, void *out);
#endif

#if CN_CLASS != CN_CLASS_VIEW
bool CN_KERNEL(add_vv)(const void *a, const void *b, int64_t n, void *out);
bool CN_KERNEL(add_vc)(const void *a, const void *b, int64_t n, void *out);
bool CN_KERNEL(add_cv)(const void *a, const void *b, int64_t n, void *out);
bool CN_KERNEL(sub_vv)(const void *a, const void *b, int64_t n, void *out);
bool CN_KERNEL(sub_vc)(const void *a, const void *b, int64_t n, void *out);
bool CN_KERNEL(sub_cv)(const void *a, const void *b, int64_t n, void *out);
bool CN_KERNEL(mul_vv)(const void *a, const void *b, int64_t n, void *out);
bool CN_KERNEL(mul_vc)(const void *a, const void *b, int64_t n, void *out);
bool CN_KERNEL(mul_cv)(const void *a, const void *b, int64_t n, void *out);
bool CN_KERNEL(min_max)(const void *values, cni_bits valid, int64_t n, void *out_low,
                        void *out_high);
void CN_KERNEL(sum)(const void *values, cni_bits valid, int64_t n, void *inout_sum);
#endif
