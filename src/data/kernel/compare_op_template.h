/* SPDX-License-Identifier: Apache-2.0
 *
 * The four forms of one comparison of one layout: instances of the bodies in compare_template.h.
 * Parameters: CN_OP, CN_OP_NAME, CN_OP_MIRROR and those of phys_each.h.
 */
void
CN_KERNEL_OP(vv)(const void *a, const void *b, int64_t n, uint64_t *out_bits)
{
    CN_FN(compare_all)(a, b, n, out_bits, CN_CAT(CNI_, CN_OP), false);
}

void
CN_KERNEL_OP(vc)(const void *a, const void *b, int64_t n, uint64_t *out_bits)
{
    CN_FN(compare_all)(a, b, n, out_bits, CN_CAT(CNI_, CN_OP), true);
}

void
CN_KERNEL_OP(cv)(const void *a, const void *b, int64_t n, uint64_t *out_bits)
{
    CN_KERNEL_MIRROR(vc)(b, a, n, out_bits);
}

void
CN_KERNEL_OP(narrow)(const void *a, const void *b, int64_t n, uint64_t *inout_bits)
{
    CN_FN(compare_narrow)(a, b, n, inout_bits, CN_CAT(CNI_, CN_OP));
}
