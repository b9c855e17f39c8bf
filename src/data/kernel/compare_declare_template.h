/* SPDX-License-Identifier: Apache-2.0
 *
 * Declarations of one comparison of one layout at one level; see kernel_declare_template.h.
 * Parameters: CN_OP_NAME, CN_SUFFIX, CN_ISA.
 * The four forms: vector-vector, vector-constant, constant-vector, AND chain member.
 */
void CN_KERNEL_OP(vv)(const void *a, const void *b, int64_t n, uint64_t *out_bits);
void CN_KERNEL_OP(vc)(const void *a, const void *b, int64_t n, uint64_t *out_bits);
void CN_KERNEL_OP(cv)(const void *a, const void *b, int64_t n, uint64_t *out_bits);
void CN_KERNEL_OP(narrow)(const void *a, const void *b, int64_t n, uint64_t *inout_bits);
