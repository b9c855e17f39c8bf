/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic kernels of one layout. Parameters: those of phys_each.h.
 * Checked forms tell whether any row overflowed without leaving vector code: sums by the sign of
 * (a ^ sum) & (b ^ sum), narrow products in twice the width, 64-bit products by the largest
 * magnitudes of a block (products are checked one by one only when those could overflow). Wrapping
 * forms compute modulo 2^width. Floats follow IEEE 754 and never overflow.
 * The pointers of a constant side are read at [0].
 */
#if CN_CLASS != CN_CLASS_VIEW

#define CN_A(row) a[a_is_constant ? 0 : (row)]
#define CN_B(row) b[b_is_constant ? 0 : (row)]

#if CN_CLASS == CN_CLASS_FLOAT

static inline CN_ALWAYS_INLINE bool
CN_FN(arith)(const CN_T *a, const CN_T *b, int64_t n, CN_T *restrict out, cni_arith_op op,
             bool a_is_constant, bool b_is_constant)
{
    for (int64_t row = 0; row < n; row++) {
        out[row] = op == CNI_ADD   ? CN_A(row) + CN_B(row)
                   : op == CNI_SUB ? CN_A(row) - CN_B(row)
                                   : CN_A(row) * CN_B(row);
    }
    return false;
}

#else

static inline CN_ALWAYS_INLINE CN_T
CN_FN(wrap_one)(CN_T a, CN_T b, cni_arith_op op)
{
#if CN_BITS < 32
    const uint32_t wide_a = (uint32_t)a;
    const uint32_t wide_b = (uint32_t)b;
#else
    const CN_U wide_a = (CN_U)a;
    const CN_U wide_b = (CN_U)b;
#endif
    return (CN_T)(op == CNI_ADD   ? wide_a + wide_b
                  : op == CNI_SUB ? wide_a - wide_b
                                  : wide_a * wide_b);
}

static inline CN_ALWAYS_INLINE void
CN_FN(wrap)(const CN_T *a, const CN_T *b, int64_t n, CN_T *restrict out, cni_arith_op op,
            bool a_is_constant, bool b_is_constant)
{
    for (int64_t row = 0; row < n; row++) {
        out[row] = CN_FN(wrap_one)(CN_A(row), CN_B(row), op);
    }
}

#if CN_CLASS == CN_CLASS_I128

static inline CN_ALWAYS_INLINE bool
CN_FN(arith)(const CN_T *a, const CN_T *b, int64_t n, CN_T *restrict out, cni_arith_op op,
             bool a_is_constant, bool b_is_constant)
{
    bool overflow = false;
    for (int64_t row = 0; row < n; row++) {
        overflow |= op == CNI_ADD   ? cni_i128_add_overflow(CN_A(row), CN_B(row), &out[row])
                    : op == CNI_SUB ? cni_i128_sub_overflow(CN_A(row), CN_B(row), &out[row])
                                    : cni_i128_mul_overflow(CN_A(row), CN_B(row), &out[row]);
    }
    return overflow;
}

#else

/* Top bit set = a + b (a - b) does not fit. */
static inline CN_ALWAYS_INLINE CN_U
CN_FN(sum_flag)(CN_U a, CN_U b, CN_U result, cni_arith_op op)
{
#if CN_SIGNED
    return op == CNI_ADD ? (CN_U)((a ^ result) & (b ^ result)) : (CN_U)((a ^ b) & (a ^ result));
#else
    return op == CNI_ADD ? (CN_U)((a & b) | ((a | b) & (CN_U)~result))
                         : (CN_U)(((CN_U)~a & b) | ((CN_U) ~(a ^ b) & result));
#endif
}

static inline CN_ALWAYS_INLINE bool
CN_FN(sums)(const CN_T *a, const CN_T *b, int64_t n, CN_T *restrict out, cni_arith_op op,
            bool a_is_constant, bool b_is_constant)
{
    CN_U flags = 0;
    for (int64_t row = 0; row < n; row++) {
        const CN_T result = CN_FN(wrap_one)(CN_A(row), CN_B(row), op);
        flags |= CN_FN(sum_flag)((CN_U)CN_A(row), (CN_U)CN_B(row), (CN_U)result, op);
        out[row] = result;
    }
    return (flags >> (CN_BITS - 1)) != 0;
}

#if CN_BITS < 64

static inline CN_ALWAYS_INLINE bool
CN_FN(products)(const CN_T *a, const CN_T *b, int64_t n, CN_T *restrict out, bool a_is_constant,
                bool b_is_constant)
{
    CN_WIDE lost = 0;
    for (int64_t row = 0; row < n; row++) {
        const CN_WIDE wide = (CN_WIDE)((CN_WIDE)CN_A(row) * (CN_WIDE)CN_B(row));
        const CN_T result = (CN_T)wide;
        lost |= (CN_WIDE)(wide ^ (CN_WIDE)result);
        out[row] = result;
    }
    return lost != 0;
}

#else

#define CN_PRODUCT_BLOCK 1024

/* An upper bound of the magnitudes: all bits that any of them has (and one more for negatives). */
static inline CN_ALWAYS_INLINE CN_U
CN_FN(magnitude_bits)(const CN_T *items, int64_t n)
{
    CN_U bits = 0;
    for (int64_t row = 0; row < n; row++) {
#if CN_SIGNED
        bits |= (CN_U)(items[row] ^ (items[row] >> (CN_BITS - 1)));
#else
        bits |= items[row];
#endif
    }
    return bits;
}

static inline CN_ALWAYS_INLINE int
CN_FN(magnitude_width)(const CN_T *items, int64_t n)
{
    const CN_U bits = CN_FN(magnitude_bits)(items, n);
    return bits == 0 ? CN_SIGNED : CN_BITS - __builtin_clzll(bits) + CN_SIGNED;
}

static CN_NOINLINE bool
CN_FN(products_slow)(const CN_T *a, const CN_T *b, int64_t n, CN_T *restrict out,
                     bool a_is_constant, bool b_is_constant)
{
    bool overflow = false;
    for (int64_t row = 0; row < n; row++) {
        overflow |= __builtin_mul_overflow(CN_A(row), CN_B(row), &out[row]);
    }
    return overflow;
}

/* Signed items of i and j bits (sign included) have products of at most i + j bits, unsigned too.
 */
static inline CN_ALWAYS_INLINE bool
CN_FN(products)(const CN_T *a, const CN_T *b, int64_t n, CN_T *restrict out, bool a_is_constant,
                bool b_is_constant)
{
    bool overflow = false;
    for (int64_t first = 0; first < n; first += CN_PRODUCT_BLOCK) {
        const int64_t n_block = cni_min_i64(CN_PRODUCT_BLOCK, n - first);
        const CN_T *block_a = a_is_constant ? a : a + first;
        const CN_T *block_b = b_is_constant ? b : b + first;
        const int width = CN_FN(magnitude_width)(block_a, a_is_constant ? 1 : n_block) +
                          CN_FN(magnitude_width)(block_b, b_is_constant ? 1 : n_block);
        if (CN_LIKELY(width <= CN_BITS)) {
            CN_FN(wrap)(block_a, block_b, n_block, out + first, CNI_MUL, a_is_constant,
                        b_is_constant);
        } else {
            overflow |= CN_FN(products_slow)(block_a, block_b, n_block, out + first, a_is_constant,
                                             b_is_constant);
        }
    }
    return overflow;
}

#undef CN_PRODUCT_BLOCK

#endif /* CN_BITS < 64 */

static inline CN_ALWAYS_INLINE bool
CN_FN(arith)(const CN_T *a, const CN_T *b, int64_t n, CN_T *restrict out, cni_arith_op op,
             bool a_is_constant, bool b_is_constant)
{
    if (op == CNI_MUL) {
        return CN_FN(products)(a, b, n, out, a_is_constant, b_is_constant);
    }
    return CN_FN(sums)(a, b, n, out, op, a_is_constant, b_is_constant);
}

#endif /* I128 or narrower */

void
CN_KERNEL(wrap_add_vv)(const void *a, const void *b, int64_t n, void *out)
{
    CN_FN(wrap)(a, b, n, out, CNI_ADD, false, false);
}

void
CN_KERNEL(wrap_add_vc)(const void *a, const void *b, int64_t n, void *out)
{
    CN_FN(wrap)(a, b, n, out, CNI_ADD, false, true);
}

void
CN_KERNEL(wrap_add_cv)(const void *a, const void *b, int64_t n, void *out)
{
    CN_KERNEL(wrap_add_vc)(b, a, n, out);
}

void
CN_KERNEL(wrap_sub_vv)(const void *a, const void *b, int64_t n, void *out)
{
    CN_FN(wrap)(a, b, n, out, CNI_SUB, false, false);
}

void
CN_KERNEL(wrap_sub_vc)(const void *a, const void *b, int64_t n, void *out)
{
    CN_FN(wrap)(a, b, n, out, CNI_SUB, false, true);
}

void
CN_KERNEL(wrap_sub_cv)(const void *a, const void *b, int64_t n, void *out)
{
    CN_FN(wrap)(a, b, n, out, CNI_SUB, true, false);
}

void
CN_KERNEL(wrap_mul_vv)(const void *a, const void *b, int64_t n, void *out)
{
    CN_FN(wrap)(a, b, n, out, CNI_MUL, false, false);
}

void
CN_KERNEL(wrap_mul_vc)(const void *a, const void *b, int64_t n, void *out)
{
    CN_FN(wrap)(a, b, n, out, CNI_MUL, false, true);
}

void
CN_KERNEL(wrap_mul_cv)(const void *a, const void *b, int64_t n, void *out)
{
    CN_KERNEL(wrap_mul_vc)(b, a, n, out);
}

#endif /* not float */

bool
CN_KERNEL(add_vv)(const void *a, const void *b, int64_t n, void *out)
{
    return CN_FN(arith)(a, b, n, out, CNI_ADD, false, false);
}

bool
CN_KERNEL(add_vc)(const void *a, const void *b, int64_t n, void *out)
{
    return CN_FN(arith)(a, b, n, out, CNI_ADD, false, true);
}

bool
CN_KERNEL(add_cv)(const void *a, const void *b, int64_t n, void *out)
{
    return CN_KERNEL(add_vc)(b, a, n, out);
}

bool
CN_KERNEL(sub_vv)(const void *a, const void *b, int64_t n, void *out)
{
    return CN_FN(arith)(a, b, n, out, CNI_SUB, false, false);
}

bool
CN_KERNEL(sub_vc)(const void *a, const void *b, int64_t n, void *out)
{
    return CN_FN(arith)(a, b, n, out, CNI_SUB, false, true);
}

bool
CN_KERNEL(sub_cv)(const void *a, const void *b, int64_t n, void *out)
{
    return CN_FN(arith)(a, b, n, out, CNI_SUB, true, false);
}

bool
CN_KERNEL(mul_vv)(const void *a, const void *b, int64_t n, void *out)
{
    return CN_FN(arith)(a, b, n, out, CNI_MUL, false, false);
}

bool
CN_KERNEL(mul_vc)(const void *a, const void *b, int64_t n, void *out)
{
    return CN_FN(arith)(a, b, n, out, CNI_MUL, false, true);
}

bool
CN_KERNEL(mul_cv)(const void *a, const void *b, int64_t n, void *out)
{
    return CN_KERNEL(mul_vc)(b, a, n, out);
}

#undef CN_A
#undef CN_B

#endif /* not views */
